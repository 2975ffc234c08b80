/*
 * The DTLS socket as its files share it: peers by address, each with the session that is theirs,
 * what waits for its handshake, and a server's challenger: a client that began anew from the same
 * address and port (RFC 6347 section 4.2.8), which replaces the session once it has proved itself.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_DTLS_H
#define ACOAP_TRANSPORT_DTLS_H

#include <acoap/dtls.h>

#include "base/list.h"
#include "base/map.h"
#include "base/timer_queue.h"
#include "security/dtls_session.h"
#include "transport/buffer_pool.h"

/* A ClientHello's random (RFC 5246 section 7.4.1.2). */
#define ACOAP__CLIENT_RANDOM_LEN 32

typedef struct acoap__dtls_socket acoap__dtls_socket_t;

/* A datagram that waits: for a handshake, or for room in the inner socket. */
typedef struct acoap__dtls_waiting {
  acoap__list_t node;
  acoap_path_t path;
  size_t len;
  uint8_t bytes[];
} acoap__dtls_waiting_t;

/* A session's end that may go on later (RFC 5077). */
typedef struct acoap__dtls_ticket {
  acoap__list_t node; /* newest first */
  acoap_address_t peer;
  acoap_credentials_t *credentials;  /* referenced */
  char *host;                        /* from acoap__malloc, or NULL */
  acoap__dtls_resumption_t *session; /* ours */
} acoap__dtls_ticket_t;

/* Datagrams that are decrypted before they are handed up together. */
#define ACOAP__DTLS_HAND_UP 64

/* One peer. What each datagram touches comes first: with thousands of peers none of it is in a
 * cache. */
typedef struct acoap__dtls_peer {
  acoap__dtls_socket_t *socket;
  acoap__map_node_t by_address;
  acoap__list_t used;                /* in the order of use, least recent first */
  acoap_path_t path;                 /* to it: peer, local address, interface */
  acoap__dtls_session_t *session;    /* never NULL */
  acoap__dtls_session_t *challenger; /* NULL: none */
  uint64_t number;                   /* of the session, once reported; 0 before */
  acoap_credentials_t *credentials;  /* what we began with as a client, referenced, or NULL */
  acoap_time_t last_used;            /* when something was sent or received */
  acoap_time_t unheard_since;        /* when the first of these was sent: */
  uint32_t unheard;                  /* datagrams sent since it was last heard */
  uint32_t busy;                     /* callbacks that stand inside: free later */
  bool reported;                     /* that the session stands */
  bool gone;                         /* in no table any more: `used` is among the ended */
  char *host;                        /* whom we want as a client, or NULL */
  acoap__list_t waiting;             /* until the handshake has ended */
  size_t waiting_count;              /* how many */
  acoap__timer_t timer;              /* flights and deadlines of both sessions */
  uint8_t random[ACOAP__CLIENT_RANDOM_LEN]; /* of the ClientHello of the last handshake begun */
  int status;                               /* why */
  char reason[ACOAP__DTLS_REASON_MAX];      /* as a sentence */
} acoap__dtls_peer_t;

struct acoap__dtls_socket {
  acoap_socket_t socket; /* first */
  acoap_host_t *host;    /* borrowed */
  acoap_socket_t *inner; /* owned */
  acoap_dtls_options_t options;
  acoap_dtls_stats_t stats;
  const acoap_socket_events_t *events; /* NULL before start and after close */
  void *user_data;
  acoap__map_t peers;
  acoap__map_node_t **buckets;
  size_t peer_count;
  size_t handshake_count; /* of peers, those whose session does not stand yet */
  uint8_t hash_key[16];
  acoap__list_t used;            /* peers, least recently used first */
  acoap__list_t ended;           /* peers whose end is yet to be told */
  acoap__timer_t news;           /* tells it, where a call of ours must not */
  acoap__list_t tickets;         /* newest first */
  size_t ticket_count;           /* how many */
  acoap__list_t outbox;          /* datagrams the inner socket had no room for */
  size_t outbox_count;           /* how many */
  acoap__timer_queue_t timers;   /* of the peers, and: */
  acoap__timer_t idle;           /* when the least recently used peer has been idle for too long */
  acoap__dtls_secrets_t secrets; /* of cookies */
  acoap__dtls_session_t *listener; /* NULL: answers no handshakes */
  acoap_path_t listener_path;      /* whom it answers just now */
  acoap__dtls_peer_t *last;        /* of peers, the one that was found last, or NULL */
  acoap__buffer_pool_t *buffers;   /* for what was decrypted: */
  acoap_incoming_datagram_t
      incoming[ACOAP__DTLS_HAND_UP]; /* not handed up; identities referenced */
  size_t incoming_count;             /* how many */
  bool handing_up;                   /* the callback stands */
  bool receiving;                    /* a batch is being taken: the time is */
  acoap_time_t receiving_at;         /* this */
  uint64_t session_number;           /* of the last session that stood */
  uint32_t busy;                     /* calls that stand inside: free later */
  bool closing;                      /* close was called */
  bool inner_closed;                 /* the inner socket is gone */
  void (*closed)(void *user_data);
  void *closed_data;
};

/* ---- dtls_peer.c ------------------------------------------------------------------------------
 */

acoap__dtls_peer_t *acoap__dtls_peer_find(acoap__dtls_socket_t *socket,
                                          const acoap_address_t *address);
/*
 * A peer with a client's session (credentials not NULL), or for a session that a listener has
 * accepted, which is taken over on success. Another peer may have to go. NULL without memory.
 */
acoap__dtls_peer_t *acoap__dtls_peer_new(acoap__dtls_socket_t *socket, const acoap_path_t *path,
                                         acoap_credentials_t *credentials,
                                         acoap__dtls_session_t *accepted);
/* Take it out of the tables; its end and what waits for it is told from the loop. */
void acoap__dtls_peer_end(acoap__dtls_peer_t *peer, int status, const char *reason);
/* Tell of the peers that have ended, and free them. Not inside a call of the table. */
void acoap__dtls_news(acoap__dtls_socket_t *socket);
/* A session that the listener has accepted from an address that has one already; taken over. */
void acoap__dtls_peer_challenge(acoap__dtls_peer_t *peer, acoap__dtls_session_t *accepted);
/* Are we the client in its session? */
bool acoap__dtls_peer_is_client(const acoap__dtls_peer_t *peer);
/* Does the session prove what is wished for, or will it? */
bool acoap__dtls_peer_fits(const acoap__dtls_peer_t *peer, const acoap_path_t *path);
/*
 * Both have begun a handshake with one another: do we drop ours and become the server? Of the two
 * ClientHellos the one with the smaller random goes on.
 */
bool acoap__dtls_peer_yields(const acoap__dtls_peer_t *peer,
                             const uint8_t random[ACOAP__CLIENT_RANDOM_LEN]);
/* Keep a datagram until the handshake has ended; one that waits already is not kept twice. */
int acoap__dtls_peer_wait(acoap__dtls_peer_t *peer, const acoap_path_t *path, acoap_bytes_t bytes);
/* Look at the states: report, send what waits, replace, end, set the timer. Not inside a call of
 * the table. */
void acoap__dtls_peer_settle(acoap__dtls_peer_t *peer);
/* It sent or received something. */
void acoap__dtls_peer_touch(acoap__dtls_peer_t *peer, acoap_time_t now);

/* ---- dtls_ticket.c ----------------------------------------------------------------------------
 */

void acoap__dtls_ticket_keep(acoap__dtls_peer_t *peer);
/* Borrowed; NULL: none. */
const acoap__dtls_resumption_t *acoap__dtls_ticket_find(acoap__dtls_socket_t *socket,
                                                        const acoap_address_t *peer,
                                                        const acoap_credentials_t *credentials,
                                                        const char *host);
void acoap__dtls_tickets_free(acoap__dtls_socket_t *socket);

/* ---- dtls_socket.c ----------------------------------------------------------------------------
 */

/* Offer the inner socket again what it had no room for. */
void acoap__dtls_outbox_send(acoap__dtls_socket_t *socket);
/* A datagram of a session leaves through the inner socket. */
void acoap__dtls_transmit(acoap__dtls_socket_t *socket, const acoap_path_t *path,
                          acoap_bytes_t bytes);
/* Nothing is freed between these two, whatever callbacks do; false: it is gone now. */
void acoap__dtls_enter(acoap__dtls_socket_t *socket);
bool acoap__dtls_leave(acoap__dtls_socket_t *socket);
acoap_time_t acoap__dtls_now(const acoap__dtls_socket_t *socket);
/* A timer may have become the earliest. */
void acoap__dtls_wake_changed(acoap__dtls_socket_t *socket);
void acoap__dtls_report(acoap__dtls_socket_t *socket, acoap_peer_event_t event,
                        const acoap_path_t *path, int status, const char *reason,
                        acoap_bytes_t quote);
/* The next listening session; 0 or ACOAP_ENOMEM. */
int acoap__dtls_listen(acoap__dtls_socket_t *socket);

/* ---- dtls_receive.c ---------------------------------------------------------------------------
 */

/* What the inner socket calls; user_data is the DTLS socket. */
extern const acoap_socket_events_t acoap__dtls_inner_events;
/* Hand up what was decrypted so far: before anything else is told, and before a session goes. */
void acoap__dtls_hand_up(acoap__dtls_socket_t *socket);

#endif
