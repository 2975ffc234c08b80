/*
 * The local endpoint's inside (RFC 7252 section 1.2), shared by the files of this room: its
 * sockets, its engine, its one waker and everything that waits for it. Rooms above see
 * lib/endpoint/endpoint.h instead.
 *
 * Every way in from outside (waker, socket, host) is bracketed by acoap__endpoint_enter and
 * acoap__endpoint_leave; the last leave flushes the sockets, decides whether the loop is kept alive
 * and sets the waker. State only moves forward: open -> closing (close was called, users are yet to
 * be settled) -> handles (sockets and waker are being closed) -> closed.
 *
 * The struct itself outlives the close for as long as somebody holds it (messages, requests,
 * remotes), so that their functions may be called at any time; sockets, engine and memory for them
 * are gone by then.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ENDPOINT_LOCAL_ENDPOINT_H
#define ACOAP_ENDPOINT_LOCAL_ENDPOINT_H

#include "endpoint/endpoint.h"

#include "base/random.h"

/* Whether a versioned table has an optional function: it may be older than this header, or leave it
 * out. */
#define ACOAP__OP(table, type, member)                                                             \
  ((table)->size >= offsetof(type, member) + sizeof((table)->member) && (table)->member != NULL)
#define ACOAP__SOCKET_OP(socket, member) ACOAP__OP((socket)->ops, acoap_socket_ops_t, member)
#define ACOAP__HOST_OP(host, member) ACOAP__OP((host)->ops, acoap_host_ops_t, member)

typedef enum acoap__endpoint_state {
  ACOAP__ENDPOINT_OPEN = 0,
  ACOAP__ENDPOINT_CLOSING, /* acoap_local_endpoint_close was called */
  ACOAP__ENDPOINT_HANDLES, /* users are settled, sockets and waker close */
  ACOAP__ENDPOINT_CLOSED   /* only the struct is left, for those that hold it */
} acoap__endpoint_state_t;

/* One socket of the endpoint. */
typedef struct acoap__endpoint_socket {
  acoap_local_endpoint_t *endpoint; /* whose it is */
  acoap_socket_t *socket;           /* taken over; NULL once it is being closed */
  uint16_t number;                  /* place in the endpoint's array, acoap_path_t.socket */
  uint16_t answers_from;            /* number of the socket that answers leave from */
  bool source_port;                 /* opened to send requests from; joins no groups */
  bool shared;          /* other endpoints have the port too: an answer might come to one of them */
  bool unflushed;       /* something was sent since the last flush */
  acoap__list_t outbox; /* datagrams the socket refused with ACOAP_EAGAIN, oldest first */
  size_t outbox_count;  /* how many */
} acoap__endpoint_socket_t;

/* A list of interface addresses, shared by those that walk it while it may be replaced. */
typedef struct acoap__interfaces {
  uint32_t refs;            /* holders */
  size_t count;             /* entries */
  acoap_interface_t list[]; /* as the host told them */
} acoap__interfaces_t;

struct acoap_local_endpoint {
  uint32_t refs;                 /* holders of the struct; the open endpoint is one */
  acoap__endpoint_state_t state; /* moves forward only */
  uint32_t depth;                /* enter without leave */
  uint64_t turn; /* outermost enters so far: what is lent until "the return to the loop" names it */

  acoap_time_t recent;  /* the time when it was last read */
  uint64_t recent_turn; /* in which turn that was; 0: outside of any, or it is over */

  acoap_host_t *host; /* taken over */
  acoap_waker_t
      *waker; /* the one timer and the signal from threads; NULL while the endpoint is being made */
  acoap_time_t armed_at; /* what the waker was last told */
  bool armed;            /* armed_at is what it still knows */
  bool armed_at_once;    /* armed_at was the next turn, whatever the clock said */
  bool referenced;       /* acoap_local_endpoint_ref; true at first */
  bool keeps_alive;      /* what host and sockets were last told */
  bool unflushed;        /* some socket has something to flush */
  bool watching;         /* the host tells changes of interfaces */

  acoap__engine_t engine;      /* the protocol */
  void *engine_memory;         /* lent to it */
  acoap__random_t random;      /* lent to it */
  acoap__log_t log;            /* lent to it */
  acoap__timer_queue_t timers; /* of the rooms endpoint, client, server */

  acoap__endpoint_socket_t *sockets; /* listening ones first, then source ports */
  size_t socket_count;               /* how many */
  size_t handles_closing;            /* sockets and waker whose closed callback is outstanding */
  uint32_t source_turn;              /* where new remotes begin with the source ports */

  size_t message_max;         /* options.message_max_bytes */
  uint32_t requests_open_max; /* options.requests_open_max */

  acoap__list_t deferred;     /* calls for the next turn */
  acoap__list_t users;        /* to be settled at close */
  size_t outstanding;         /* users that keep an unreferenced endpoint's loop alive */
  struct acoap__posts *posts; /* calls from other threads (post.c) */

  acoap_message_t *free_messages; /* kept for the next datagrams */
  size_t free_message_count;      /* how many */
  acoap_request_t *free_requests; /* likewise */
  size_t free_request_count;      /* how many */
  uint32_t requests_open;         /* received and not answered yet */
  acoap_message_t *current;       /* what acoap__message_take takes; NULL: nothing is in hand */
  uint8_t *reply_bytes;           /* message_max bytes in which responses are built */
  acoap_request_t
      *reply_lender;   /* the request whose response is being built there; see reply_turn */
  uint64_t reply_turn; /* the turn in which it was lent; over when that is */
  bool reply_sending;  /* the bytes are with the engine now */

  acoap__list_t groups;  /* memberships (groups.c) */
  bool groups_elsewhere; /* another endpoint on the same port hears them: none is joined here */
  acoap__deferred_t groups_news;   /* tells what became of a join */
  acoap__interfaces_t *interfaces; /* as last told; NULL: never asked */
  acoap__list_t authorities;       /* of remotes (lookup.c) */

  acoap_request_cb receive; /* the handler of requests; NULL: the default answers */
  void *receive_data;
  acoap__answered_cb on_answered; /* whom to tell of addresses that answered; NULL: nobody */
  void *answered_data;
  acoap__stray_reset_cb on_stray_reset; /* whom to tell of RSTs; NULL: nobody */
  void *stray_reset_data;
  acoap_event_cb on_event; /* what an embedder may want to know; NULL: nobody asks */
  void *event_data;
  acoap_tap_cb tap; /* sees every datagram; NULL: nobody looks */
  void *tap_data;
  acoap_close_cb closed; /* of acoap_local_endpoint_close */
  void *closed_data;
};

/* ---- close.c: life --------------------------------------------------------------------------- */

/* acoap__local_endpoint_release, mostly not the last one. */
static inline void acoap__endpoint_let_go(acoap_local_endpoint_t *endpoint) {
  if (endpoint->refs > 1) {
    endpoint->refs--;
  } else {
    acoap__local_endpoint_release(endpoint);
  }
}

/* In a turn of a closing endpoint: settle users; then, when nothing is deferred any more, close the
 * handles. */
void acoap__endpoint_close_step(acoap_local_endpoint_t *endpoint);
/* Free what an open endpoint owns besides sockets and waker; the struct stays. */
void acoap__endpoint_free_insides(acoap_local_endpoint_t *endpoint);

/* ---- run.c: turns ---------------------------------------------------------------------------- */

void acoap__endpoint_enter(acoap_local_endpoint_t *endpoint);
void acoap__endpoint_leave(acoap_local_endpoint_t *endpoint);
/* Something outside a turn may have made work or changed what keeps the loop alive; nothing happens
 * inside one. */
void acoap__endpoint_touch(acoap_local_endpoint_t *endpoint);
/* acoap_wake_cb of the endpoint. */
void acoap__endpoint_wake(void *endpoint);

/* ---- deferred.c, post.c ---------------------------------------------------------------------- */

void acoap__deferred_run(acoap_local_endpoint_t *endpoint);
int acoap__posts_new(struct acoap__posts **posts);
/* From now on acoap_local_endpoint_post refuses, and touches the waker no more. */
void acoap__posts_shut(struct acoap__posts *posts);
void acoap__posts_run(acoap_local_endpoint_t *endpoint);
void acoap__posts_free(struct acoap__posts *posts);

/* ---- sockets.c, outbox.c, datagrams.c -------------------------------------------------------- */

/* Open or take the sockets that the options ask for; on failure none is left. */
int acoap__sockets_open(acoap_local_endpoint_t *endpoint, struct uv_loop_s *loop,
                        const acoap_local_endpoint_options_t *options);
/* Close those that were opened here; forget those that the caller brought. */
void acoap__sockets_drop(acoap_local_endpoint_t *endpoint,
                         const acoap_local_endpoint_options_t *options);
int acoap__sockets_start(acoap_local_endpoint_t *endpoint);
void acoap__sockets_flush(acoap_local_endpoint_t *endpoint);
void acoap__sockets_run(acoap_local_endpoint_t *endpoint, acoap_time_t now);
acoap_time_t acoap__sockets_next_wake(const acoap_local_endpoint_t *endpoint);
void acoap__sockets_set_ref(acoap_local_endpoint_t *endpoint, bool ref);
void acoap__sockets_refresh(acoap_local_endpoint_t *endpoint);
bool acoap__socket_reaches(const acoap__endpoint_socket_t *socket, const acoap_address_t *address);
/* Can any of them? */
bool acoap__sockets_reach(const acoap_local_endpoint_t *endpoint, const acoap_address_t *address,
                          bool secure);
/*
 * The socket for a request on this path, of which peer, local (family NONE: any), host and
 * credentials count: `turn` goes round those that will do. NULL when none will.
 */
acoap__endpoint_socket_t *acoap__sockets_choose(acoap_local_endpoint_t *endpoint,
                                                const acoap_path_t *path, bool secure,
                                                uint32_t turn);
/* Keep a copy until the socket is writable; 0, ACOAP_ENOMEM, or ACOAP_EEXHAUSTED. */
int acoap__outbox_add(acoap__endpoint_socket_t *socket, const acoap_path_t *path,
                      acoap_bytes_t bytes);
/* Offer again what waits. */
void acoap__outbox_send(acoap__endpoint_socket_t *socket);
void acoap__outbox_clear(acoap__endpoint_socket_t *socket);
/* acoap__engine_events_t.transmit */
int acoap__endpoint_transmit(void *endpoint, const acoap_path_t *path, acoap_bytes_t bytes);
/* The table for every socket; user_data is its acoap__endpoint_socket_t. */
extern const acoap_socket_events_t acoap__endpoint_socket_events;

/* ---- users.c --------------------------------------------------------------------------------- */

/* As acoap__endpoint_user_add of an initialised node, in a turn of an endpoint that was open when
 * the turn began: should it be closed meanwhile, then its users are yet to be settled. */
void acoap__endpoint_user_add_late(acoap_local_endpoint_t *endpoint, acoap__endpoint_user_t *user,
                                   bool outstanding);

/* ---- message.c ------------------------------------------------------------------------------- */

/* Have a message object in store; false without memory. */
bool acoap__message_allocate(acoap_local_endpoint_t *endpoint);
static inline bool acoap__messages_reserve(acoap_local_endpoint_t *endpoint) {
  return endpoint->free_messages != NULL || acoap__message_allocate(endpoint);
}
/*
 * A datagram is about to be given to the engine: one from the store, which there is, becomes the
 * current one and says how it came. Nobody holds it yet; `buffer` is borrowed until it is put down.
 */
acoap_message_t *acoap__message_pick_up(acoap_local_endpoint_t *endpoint, const acoap_path_t *path,
                                        uint16_t socket, acoap_buffer_t *buffer);
/* Where that one's bytes are decoded to. */
acoap_view_t *acoap__message_room(acoap_message_t *message);
/* The engine is done with it; back to the store, unless somebody took it. `outer` was the current
 * one before. */
void acoap__message_put_down(acoap_local_endpoint_t *endpoint, acoap_message_t *message,
                             acoap_message_t *outer);
void acoap__messages_free(acoap_local_endpoint_t *endpoint);

/* ---- inbound.c, default_receive.c ------------------------------------------------------------ */

/* Have a request object in store; false without memory. */
bool acoap__request_allocate(acoap_local_endpoint_t *endpoint);
static inline bool acoap__requests_reserve(acoap_local_endpoint_t *endpoint) {
  return endpoint->free_requests != NULL || acoap__request_allocate(endpoint);
}
void acoap__requests_free(acoap_local_endpoint_t *endpoint);
/* acoap__engine_events_t.request */
void acoap__endpoint_request(void *endpoint, acoap_time_t now, const acoap__inbound_t *inbound,
                             const acoap_view_t *view);
/* acoap__engine_events_t.stray_reset */
void acoap__endpoint_stray_reset(void *endpoint, const acoap_path_t *path, uint16_t message_id);
/* What an endpoint without a handler says. */
void acoap__default_receive(acoap_local_endpoint_t *endpoint, acoap_time_t now,
                            const acoap__inbound_t *inbound, const acoap_view_t *view);
/* Answer a request that has no object with a bare code and, when not 0, Max-Age; silence for
 * multicast. */
void acoap__inbound_reply_code(acoap_local_endpoint_t *endpoint, acoap_time_t now,
                               const acoap__inbound_t *inbound, const acoap_view_t *view,
                               uint8_t code, uint32_t max_age_s);
/* What came longer than the socket takes: a request whose options are whole gets 4.13. */
void acoap__refuse_truncated(acoap_local_endpoint_t *endpoint, acoap_time_t now,
                             const acoap_path_t *path, acoap_bytes_t bytes);
/* What the engine found to have too long a token: a request gets 4.00 where extended ones are taken
 * at all. */
void acoap__refuse_token(acoap_local_endpoint_t *endpoint, acoap_time_t now,
                         const acoap_path_t *path, acoap_bytes_t bytes);

/* ---- interfaces.c, groups.c, lookup.c -------------------------------------------------------- */

/* Begin to hear of changes, where the host can; harmless when it is so already. */
void acoap__interfaces_watch(acoap_local_endpoint_t *endpoint);
/* The list as it stands, referenced for the caller; NULL without memory or when the host cannot
 * tell. */
acoap__interfaces_t *acoap__interfaces_get(acoap_local_endpoint_t *endpoint);
void acoap__interfaces_unref(acoap__interfaces_t *interfaces);
/*
 * The n-th interface (0 first) that a group of this family is to be joined or sent on when none is
 * named: those that can multicast and have an address of the family, each once; without any, the
 * loopback interfaces. NULL at the end.
 */
const acoap_interface_t *acoap__interfaces_for_group(const acoap__interfaces_t *interfaces,
                                                     uint8_t family, size_t n);
void acoap__groups_init(acoap_local_endpoint_t *endpoint);
/* Join what is not joined, forget what is gone. */
void acoap__groups_refresh(acoap_local_endpoint_t *endpoint);
void acoap__groups_free(acoap_local_endpoint_t *endpoint);
/*
 * Whether another endpoint on the same port hears the groups: a group's datagram comes to every
 * socket that joined it, whatever SO_REUSEPORT says, and is to be answered once. Memberships are
 * kept meanwhile, and joined when it no longer does.
 */
void acoap__groups_set_elsewhere(acoap_local_endpoint_t *endpoint, bool elsewhere);
/* Stop all lookups; those that still wait hear ACOAP_ECANCELED. */
void acoap__lookups_cancel(acoap_local_endpoint_t *endpoint);

#endif
