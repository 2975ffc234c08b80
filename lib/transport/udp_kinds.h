/*
 * What the two kinds of UDP socket have in common: options checked once, counters at the same
 * place, and what both must tell later because it may not be told inside a call
 * (acoap__udp_news).
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_UDP_KINDS_H
#define ACOAP_TRANSPORT_UDP_KINDS_H

#include <acoap/socket.h>

#include <uv.h>

#include "base/list.h"

#define ACOAP__UDP_PAYLOAD_MAX 65507U      /* a UDP datagram in IPv4 without options */
#define ACOAP__UDP_DATAGRAM_MAX 2048U      /* datagram_max_bytes by default */
#define ACOAP__UDP_SEND_QUEUE_MAX 1024U    /* send_queue_max by default */
#define ACOAP__UDP_SYSTEM_BUFFER (4 << 20) /* SO_RCVBUF and SO_SNDBUF by default */

/* News that wait for the loop's next turn: refused datagrams, room to send. */
typedef struct acoap__udp_news {
  uv_idle_t idle;        /* runs while there is something to tell; the socket's, closed with it */
  acoap__list_t notices; /* of datagrams that the system refused */
  size_t notice_count;   /* how many */
  bool writable;         /* a refused send may be tried again */
} acoap__udp_news_t;

/* The head of both kinds. */
typedef struct acoap__udp {
  acoap_socket_t socket;               /* first */
  acoap_udp_stats_t stats;             /* so far; size unset */
  const acoap_socket_events_t *events; /* NULL until started and after close */
  void *user_data;                     /* for events */
  acoap__udp_news_t news;              /* told in the next turn */
} acoap__udp_t;

/* udp_batched.c, or udp_unsupported.c where the system has no recvmmsg. Options are whole: no zero
 * stands for a default. */
int acoap__udp_batched_new(uv_loop_t *loop, const acoap_udp_options_t *options,
                           acoap_socket_t **socket);
/* Its table, by which a socket is known; NULL where unsupported. */
const acoap_socket_ops_t *acoap__udp_batched_ops(void);

/* udp_portable.c */
int acoap__udp_portable_new(uv_loop_t *loop, const acoap_udp_options_t *options,
                            acoap_socket_t **socket);
const acoap_socket_ops_t *acoap__udp_portable_ops(void);

/* udp_news.c */
void acoap__udp_news_init(acoap__udp_t *udp, uv_loop_t *loop);
/* The system refused this datagram for good: a notice in the next turn, with libuv's code. */
void acoap__udp_news_refused(acoap__udp_t *udp, const acoap_path_t *path, int status,
                             acoap_bytes_t quote);
/* There is room again: `writable` in the next turn. */
void acoap__udp_news_writable(acoap__udp_t *udp);
/* Nothing more will be told; the idle handle is the caller's to close. */
void acoap__udp_news_drop(acoap__udp_t *udp);

/* What can be said of a datagram before any system call: 0, ACOAP_EADDRESS, ACOAP_ETOOBIG. */
int acoap__udp_check(const acoap_outgoing_datagram_t *datagram);

/* The source address that a path wishes for; false: none that counts. */
bool acoap__udp_wished_source(const acoap_path_t *path, acoap_address_t *source);

/* The interface that counts on the way out: for groups and link-local peers the wished one, else 0.
 */
uint32_t acoap__udp_wished_interface(const acoap_path_t *path);

#endif
