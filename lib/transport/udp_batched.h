/*
 * The inside of the batched UDP socket, shared by udp_batched.c (life), udp_open.c (descriptor
 * and options), udp_receive.c, udp_send.c, udp_segments.c, udp_icmp.c and udp_group.c.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_UDP_BATCHED_H
#define ACOAP_TRANSPORT_UDP_BATCHED_H

#include "transport/buffer_pool.h"
#include "transport/udp_kinds.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define ACOAP__UDP_RECEIVE_BATCH 32 /* datagrams a recvmmsg */
#define ACOAP__UDP_HAND_UP 64       /* datagrams a callback: what came joined counts one by one */
#define ACOAP__UDP_SEND_BATCH 64    /* messages a sendmmsg */
#define ACOAP__UDP_JOINED_MAX 65536 /* bytes of what the system joins */

/* Room for packet information, hop limit of either family, and the length of segments. */
typedef struct acoap__udp_control {
  _Alignas(struct cmsghdr)
      uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
} acoap__udp_control_t;

/* A place for one datagram on its way in. */
typedef struct acoap__udp_slot {
  struct sockaddr_storage from; /* the peer */
  struct iovec bytes[2];        /* into buffer; what is longer, into the receiver's rest */
  acoap__udp_control_t control; /* the packet information */
  acoap_buffer_t *buffer;       /* NULL: none yet */
} acoap__udp_slot_t;

typedef struct acoap__udp_receiver {
  acoap__buffer_pool_t *pool;                        /* of datagram_max_bytes each */
  acoap__udp_slot_t slots[ACOAP__UDP_RECEIVE_BATCH]; /* used again and again */
  struct mmsghdr headers[ACOAP__UDP_RECEIVE_BATCH];  /* point into slots */
  unsigned int prepared; /* slots from 0 on that are ready for the next call */
  uint8_t *rests;        /* ACOAP__UDP_JOINED_MAX for each slot; NULL: nothing comes joined */
  acoap_path_t way;      /* of what comes, as far as the descriptor says it */
  acoap_incoming_datagram_t incoming[ACOAP__UDP_HAND_UP]; /* what goes up, buffers borrowed */
  size_t incoming_count;                                  /* how many */
  acoap_buffer_t *pieces[ACOAP__UDP_HAND_UP]; /* those of them that are no slot's, referenced */
  size_t piece_count;                         /* how many */
} acoap__udp_receiver_t;

/* One datagram in the send queue. */
typedef struct acoap__udp_entry {
  acoap_path_t path; /* as given; nothing borrowed */
  size_t offset;     /* of its bytes in the arena */
  size_t len;        /* bytes */
} acoap__udp_entry_t;

/* [head, tail) of entries waits; the arena holds their bytes in the same order. Both start over
 * when the queue is empty. */
typedef struct acoap__udp_queue {
  acoap__udp_entry_t *entries; /* grows up to entries_max */
  size_t head;                 /* next to send */
  size_t tail;                 /* next free */
  size_t entries_cap;          /* allocated */
  size_t entries_max;          /* send_queue_max */
  uint8_t *arena;              /* grows up to arena_max */
  size_t arena_used;           /* bytes up to here are taken */
  size_t arena_cap;            /* allocated */
  size_t arena_max;            /* bytes at most */
  bool blocked;                /* the system said EAGAIN: wait until it polls writable */
  bool refused;                /* a send found no room: `writable` is owed */
  int attempts;                /* of the datagram at head that failed */
  size_t plain_until;          /* entries before this leave one by one */
  bool answering;              /* a send waits for what becomes of the last entry */
  int answer;                  /* what became of it: 0, or libuv's code */
} acoap__udp_queue_t;

typedef struct acoap__udp_batched {
  acoap__udp_t udp;      /* first */
  int fd;                /* ours */
  acoap_address_t local; /* bound */
  bool dual;             /* IPv6 that carries IPv4 too; only adopted ones may */
  bool wildcard;         /* bound to the any-address: sources are chosen per datagram */
  size_t segment_max;    /* datagrams up to this length may leave as one; 0: none */
  uv_poll_t poll;        /* on fd */
  int polled;            /* events that the poll waits for */
  uv_prepare_t prepare;  /* flushes before the loop waits; runs while something is queued */
  bool preparing;        /* it runs */
  acoap__udp_receiver_t receiver;  /* the way in */
  acoap__udp_queue_t queue;        /* the way out */
  bool closing;                    /* close was called */
  int open_handles;                /* not yet closed */
  void (*closed)(void *user_data); /* may be NULL */
  void *closed_data;               /* for closed */
} acoap__udp_batched_t;

/* udp_open.c: open and bind, or adopt, and set every option. 0 or libuv's code, or ACOAP_EINVAL for
 * what cannot be adopted. */
int acoap__udp_open(acoap__udp_batched_t *udp, const acoap_udp_options_t *options);

/* udp_receive.c */
int acoap__udp_receiver_init(acoap__udp_batched_t *udp, size_t datagram_max_bytes);
void acoap__udp_receiver_done(acoap__udp_batched_t *udp);
/* The descriptor is open and bound. */
void acoap__udp_receiver_know(acoap__udp_batched_t *udp);
void acoap__udp_receive(acoap__udp_batched_t *udp);

/* Can it send there? */
static inline bool acoap__udp_reaches(const acoap__udp_batched_t *udp,
                                      const acoap_address_t *address) {
  return address->family == udp->local.family ||
         (udp->dual && address->family == ACOAP_FAMILY_IPV4);
}

/* udp_send.c */
int acoap__udp_send(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch, size_t count);
/* Hand the queue to the system as far as it takes it. */
void acoap__udp_flush(acoap__udp_batched_t *udp);
void acoap__udp_queue_done(acoap__udp_batched_t *udp);

/* udp_segments.c */
void acoap__udp_segments_open(acoap__udp_batched_t *udp);
/* How many entries of the send queue, from this one on, may leave as one message. */
size_t acoap__udp_run(const acoap__udp_batched_t *udp, size_t from);
/* A run of `count` entries at the head was refused: true when they shall leave one by one instead.
 */
bool acoap__udp_run_failed(acoap__udp_batched_t *udp, size_t count, int error);
void acoap__udp_add_segment(struct msghdr *header, size_t size);
/* udp_send.c: one more control message behind those that there are; the room is there. */
void acoap__udp_add_control(struct msghdr *header, int level, int type, const void *data,
                            size_t len);
/* The length of each datagram in what came joined, when this says so; 0: it does not. */
size_t acoap__udp_joined(const struct cmsghdr *cmsg);

/* udp_icmp.c: read the error queue. */
void acoap__udp_read_errors(acoap__udp_batched_t *udp);

/* udp_group.c */
int acoap__udp_join(acoap_socket_t *socket, const acoap_address_t *group, uint32_t interface);
int acoap__udp_leave(acoap_socket_t *socket, const acoap_address_t *group, uint32_t interface);

/* udp_batched.c: make the poll wait for what is wanted now. */
void acoap__udp_update_poll(acoap__udp_batched_t *udp);
/* udp_batched.c: flush before the loop waits, should nobody do it sooner; a flush that empties the
 * queue takes it back. */
void acoap__udp_flush_later(acoap__udp_batched_t *udp);

#endif
