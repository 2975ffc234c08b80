/*
 * The sans-I/O engine: message layer (CON, NON, ACK, RST; retransmission, deduplication, NSTART)
 * and request layer (tokens, piggybacked and separate responses) of RFC 7252 sections 4 and 5. Time
 * comes in as an argument, datagrams come in as bytes, they go out through one callback, memory is
 * lent. It opens no socket, reads no clock, allocates nothing.
 *
 * Re-entrancy: any function of this header may be called from any of its callbacks, including
 * ending or re-using the very node that the callback is about; the engine touches a node no more
 * after it has called back about its end. Messages that waited in a queue leave from
 * acoap__engine_run and acoap__engine_receive only, so no function that sends, cancels or closes
 * calls back.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_ENGINE_H
#define ACOAP_EXCHANGE_ENGINE_H

#include <acoap/codec.h>
#include <acoap/params.h>
#include <acoap/socket.h>
#include <acoap/stats.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/random.h"
#include "base/timer_queue.h"

typedef struct acoap__engine acoap__engine_t;
typedef struct acoap__peer acoap__peer_t;
struct acoap__message_key;
struct acoap__identity;

/* ---- message layer: a message that is on its way out ----------------------------------------- */

typedef struct acoap__transmission acoap__transmission_t;

/* What comes up from a transmission. All but `sent` and `renew` end it: the node is free again when
 * they are called. Only `sent` and `renew` may be NULL. */
typedef struct acoap__transmission_events {
  /*
   * A message that was queued has left (NSTART and the supply of Message IDs let it). May be NULL.
   * Does not end it. A message that left inside acoap__transmission_send itself has no such event:
   * its state is not ACOAP__TX_QUEUED when that returns.
   */
  void (*sent)(acoap__transmission_t *tx, acoap_time_t now);
  /* An ACK came: view->code is Empty or a piggybacked response. `from` and `view` are borrowed. */
  void (*acknowledged)(acoap__transmission_t *tx, acoap_time_t now, const acoap_path_t *from,
                       const acoap_view_t *view);
  /* A RST came, for a CON or for the last NON sent through this node. */
  void (*reset)(acoap__transmission_t *tx, acoap_time_t now);
  /* ACOAP_ETIMEDOUT after the last retransmission, ACOAP_EUNREACHABLE, or the socket's error. */
  void (*failed)(acoap__transmission_t *tx, acoap_time_t now, int status);
  /*
   * A CON was not acknowledged in time and is about to be sent again. Of the engine only
   * acoap__transmission_renewable and acoap__transmission_renew may be called. May be NULL.
   */
  void (*renew)(acoap__transmission_t *tx, acoap_time_t now);
} acoap__transmission_events_t;

typedef enum acoap__transmission_state {
  ACOAP__TX_IDLE = 0,     /* in no table */
  ACOAP__TX_QUEUED,       /* waits for NSTART or for a Message ID */
  ACOAP__TX_AWAITING_ACK, /* a CON was sent, retransmission is timed */
  ACOAP__TX_HELD, /* a NON was sent; the node stays so that a RST finds it, until it is cancelled or
                     sent again */
  ACOAP__TX_REFUSED /* the socket refused the first sending: `failed` follows from the next
                       acoap__engine_run */
} acoap__transmission_state_t;

/* A node inside the caller's object. Members are the engine's; `owner` is the caller's. */
struct acoap__transmission {
  const acoap__transmission_events_t *events; /* where to report */
  void *owner;                                /* the caller's */
  acoap__engine_t *engine;                    /* who sends it; set by the first sending */
  acoap_path_t *way; /* lent: where to, as a whole; NULL: to its address by any way */
  uint8_t *bytes; /* the encoded message, lent until the end; type and Message ID are written by the
                     engine */
  size_t len;     /* bytes */
  const acoap_params_t *params; /* of this message: lent, or the engine's */
  acoap__peer_t *peer;     /* while it waits in the peer's queue or holds a place; otherwise NULL */
  uint32_t timeout_ms;     /* the current wait */
  int status;              /* while REFUSED: what the socket said */
  acoap_address_t address; /* where to */
  uint16_t socket;         /* by which socket, its number */
  uint16_t message_id;     /* once sent */
  acoap__transmission_state_t state;
  acoap_type_t type;        /* CON or NON */
  uint8_t retransmissions;  /* so far */
  uint8_t back_off_halves;  /* how the wait grows, in halves, when round trips are measured */
  bool sent_early;          /* a copy left before its time: what its ACK is for is not known */
  bool is_request;          /* of an interaction: outstanding until response or ACK (section 4.7) */
  bool no_wait;             /* a NON that expects no response: never holds a place of NSTART */
  bool holds_place;         /* counts against the peer's NSTART now */
  acoap__list_t queue_node; /* in one of the peer's queues */
  acoap__map_node_t id_node; /* by (peer, Message ID) */
  acoap_time_t first_sent;   /* for elapsed times and RTT */
  acoap__timer_t
      timer; /* retransmission, the end of expecting (PROBING_RATE), or the report of a refusal */
};

/* `way`: room for where it goes, lent as long as the node; NULL for an endpoint whose peers have an
 * address and nothing else. */
void acoap__transmission_init(acoap__transmission_t *tx, acoap_path_t *way,
                              const acoap__transmission_events_t *events, void *owner);
/* Where it goes. */
acoap_path_t acoap__transmission_path(const acoap__transmission_t *tx);

/*
 * Send an encoded message. Returns 0: it is sent or queued and exactly one ending event follows
 * unless it is cancelled (a NON has none but reset, and failed when the socket refuses it or an
 * ICMP error quotes it); negative: nothing happened (ACOAP_EEXHAUSTED the peer's queue or the peer
 * table is full; ACOAP_EINVAL bytes that are no message, ACK or RST, bad params, a CON to a group
 * (section 8.1), a node that is on its way already). No event comes inside this call. A socket's
 * refusal is reported by `failed` from the next acoap__engine_run; that of a retransmission counts
 * as a loss. params: lent until the end; NULL: the engine's. A HELD node may be sent again without
 * cancelling it first.
 */
int acoap__transmission_send(acoap__engine_t *engine, acoap_time_t now, acoap__transmission_t *tx,
                             const acoap_path_t *path, uint8_t *bytes, size_t len,
                             acoap_type_t type, const acoap_params_t *params);

/*
 * Other bytes in the place of those that still wait in a queue (ACOAP__TX_QUEUED), which are no
 * longer lent then; type and place in the queue stay. False: they wait no more, nothing happened.
 */
bool acoap__transmission_replace(acoap__transmission_t *tx, uint8_t *bytes, size_t len);

/*
 * For `renew` (RFC 7641 section 4.5.2): from now on these bytes are sent in place of the old ones,
 * which are no longer lent, under a Message ID of their own, while the counter of retransmissions
 * and the doubling of waits go on. Only when there is a Message ID to give.
 */
bool acoap__transmission_renewable(const acoap__transmission_t *tx, acoap_time_t now);
void acoap__transmission_renew(acoap__transmission_t *tx, acoap_time_t now, uint8_t *bytes,
                               size_t len);

/* Forget it, silently. Harmless when idle. */
void acoap__transmission_cancel(acoap__engine_t *engine, acoap_time_t now,
                                acoap__transmission_t *tx);

/* ---- request layer: a request and what answers it -------------------------------------------- */

typedef struct acoap__interaction acoap__interaction_t;

typedef struct acoap__interaction_events {
  /*
   * A response (any code that is not a request; also unknown ones). Unless `keep` was asked for,
   * the interaction is closed already. `piggybacked`: it came in the ACK.
   */
  void (*response)(acoap__interaction_t *interaction, acoap_time_t now, const acoap_path_t *from,
                   const acoap_view_t *view, bool piggybacked);
  /* An empty ACK came: the response will be separate. May be NULL. */
  void (*acknowledged)(acoap__interaction_t *interaction, acoap_time_t now);
  /*
   * Closed: ACOAP_ETIMEDOUT (no ACK, or no response in response_timeout_ms), ACOAP_ERESET,
   * ACOAP_EUNREACHABLE, ACOAP_EBADOPTION (section 5.4.1), a socket's error.
   */
  void (*failed)(acoap__interaction_t *interaction, acoap_time_t now, int status);
  /* Is this critical option, which the library does not know, understood? NULL: none is. */
  bool (*understands)(const acoap__interaction_t *interaction, uint16_t option);
  /* Was this token, which begins as the request's, given out for it? With `family` alone. */
  bool (*has_token)(const acoap__interaction_t *interaction, acoap_bytes_t token);
} acoap__interaction_events_t;

/* A node inside the caller's object. */
struct acoap__interaction {
  const acoap__interaction_events_t *events; /* where to report */
  void *owner;                               /* the caller's */
  acoap__transmission_t tx;                  /* the request's message */
  acoap_bytes_t token; /* lent until it is closed; of a family what its tokens have in common */
  acoap__map_node_t token_node;  /* by token */
  acoap__timer_t response_timer; /* end of waiting */
  bool open;                     /* the token is registered */
  bool keep;                     /* stays open after a response (observe, multicast) */
  bool any_source;               /* a response may come from anywhere */
  bool multicast;                /* sent to a group: matched by token alone, never timed out here */
  bool answered;                 /* a response came */
  bool renews;                   /* see acoap__request_options */
  bool untimed;                  /* likewise */
  bool family;                   /* likewise */
};

typedef struct acoap__request_options {
  const acoap_params_t *params; /* lent until it is closed; NULL: the engine's */
  bool keep;                    /* see acoap__interaction */
  /*
   * It renews one that was answered, under the same token: a notification that comes before the ACK
   * may be of the older one, so it is no answer to this.
   */
  bool renews;
  bool untimed; /* the owner decides for how long a response is waited for */
  bool any_source;
  /*
   * Responses with any token of a family belong to it, the request's being one of them
   * (token_family.h, RFC 9177 section 6); which, says events->has_token
   */
  bool family;
  bool no_response_expected; /* No-Response suppresses all: a NON holds no place of NSTART, a CON
                                holds one until its ACK */
} acoap__request_options_t;

/* `way`: as acoap__transmission_init. */
void acoap__interaction_init(acoap__interaction_t *interaction, acoap_path_t *way,
                             const acoap__interaction_events_t *events, void *owner);

/*
 * Send a request. Opens the interaction with the token found in the encoded bytes; an open one is
 * closed first (observe re-registration, next block: same or new token). Returns 0 or a negative
 * error as acoap__transmission_send; ACOAP_EINVAL also for CON to a group (section 8.1).
 * ACOAP_EBUSY: the token is open towards the same peer. No event comes inside this call.
 */
int acoap__interaction_send(acoap__engine_t *engine, acoap_time_t now,
                            acoap__interaction_t *interaction, const acoap_path_t *path,
                            uint8_t *bytes, size_t len, acoap_type_t type,
                            const acoap__request_options_t *options);

/*
 * Send the NON of an open interaction again, as a message of its own with a new Message ID (bursts;
 * several interfaces: another path). path NULL: the same way. 0 without doing anything while the
 * first one still waits in a queue for the same path; ACOAP_EAGAIN when it does for another;
 * ACOAP_EINVAL for a CON, a closed interaction, or another peer than the one it was sent to (a
 * group may change). A repetition to a peer keeps the place of NSTART that it holds. What the
 * socket refuses is returned, and the interaction goes on if an earlier copy went out; when the
 * earlier one was refused too, `failed` follows, and when this one goes out it does not: a group
 * that one interface cannot reach is still asked through the others.
 */
int acoap__interaction_repeat(acoap__engine_t *engine, acoap_time_t now,
                              acoap__interaction_t *interaction, const acoap_path_t *path);

/* Forget it, silently. Harmless when closed. A later response is answered with RST where due. */
void acoap__interaction_close(acoap__engine_t *engine, acoap_time_t now,
                              acoap__interaction_t *interaction);

/* A fresh unpredictable token that no open interaction uses. */
void acoap__engine_new_token(acoap__engine_t *engine, uint8_t token[8]);

/* ---- requests that come in ------------------------------------------------------------------- */

/* What is needed to answer a request later: a value that may be copied and kept, once its path
 * stands where it lasts. */
typedef struct acoap__inbound {
  const acoap_path_t *path; /* how it came; lent, by whom keeps the value once the event is over */
  acoap_type_t type;        /* CON or NON */
  uint8_t code;             /* method */
  uint16_t message_id;      /* of the request */
  uint32_t dedup_slot;      /* entry in the log */
  uint32_t dedup_serial;    /* which use of that entry */
  bool acknowledged;        /* an empty ACK was sent */
  bool answered;            /* a reply was sent */
} acoap__inbound_t;

/*
 * Answer with an encoded response: piggybacked for a CON not yet acknowledged, as a NON to a NON
 * (also one that came by multicast: the answer goes to the peer from an address of ours). The bytes
 * are borrowed for the call; type and Message ID are written by the engine. The reply to a CON is
 * stored and repeated for its duplicates; duplicates of a NON are ignored (section 4.5), so theirs
 * is not kept. ACOAP_EAGAIN when the CON was acknowledged already, or when no Message ID is free
 * for a NON: send a transmission of your own then (separate response) and mark it with
 * acoap__inbound_answered_separately. ACOAP_EINVAL answered already, or not a response;
 * ACOAP_EEXHAUSTED the peer table is full. What the socket refuses counts as lost.
 */
int acoap__inbound_reply(acoap__engine_t *engine, acoap_time_t now, acoap__inbound_t *inbound,
                         uint8_t *bytes, size_t len);
/*
 * One more NON response to a request that was answered, or that was left without an answer (RFC
 * 9177 section 4.4: a body is sent in many). Borrowed bytes. ACOAP_EAGAIN no Message ID is free;
 * ACOAP_EEXHAUSTED the peer table is full; ACOAP_EINVAL not a response.
 */
int acoap__inbound_reply_further(acoap__engine_t *engine, acoap_time_t now,
                                 acoap__inbound_t *inbound, uint8_t *bytes, size_t len);
/* Send (and store) an empty ACK: the response will be separate. 0 also for a NON, where nothing is
 * sent. ACOAP_EINVAL when answered. */
int acoap__inbound_acknowledge(acoap__engine_t *engine, acoap_time_t now,
                               acoap__inbound_t *inbound);
/* Reject with RST, which is stored too; nothing is sent for multicast. ACOAP_EINVAL when
 * acknowledged or answered. */
int acoap__inbound_reset(acoap__engine_t *engine, acoap_time_t now, acoap__inbound_t *inbound);
/*
 * The request was answered through a transmission of the caller's own. Duplicates of a CON get an
 * empty ACK from now on, also when it was never acknowledged.
 */
void acoap__inbound_answered_separately(acoap__engine_t *engine, acoap__inbound_t *inbound);

/* ---- the engine ------------------------------------------------------------------------------ */

typedef struct acoap__engine_events {
  /* Hand a datagram to the socket that path->socket names. Borrowed bytes. Returns 0 or a negative
   * error. */
  int (*transmit)(void *user_data, const acoap_path_t *path, acoap_bytes_t bytes);
  /*
   * A request that is no duplicate; any code of class 0 but Empty. Not answered when it returns:
   * nothing is sent until one of the inbound calls. A duplicate comes up only when it is a CON
   * whose stored reply had to be dropped and its method is idempotent (section 4.5: GET, FETCH,
   * PUT, DELETE, iPATCH).
   */
  void (*request)(void *user_data, acoap_time_t now, const acoap__inbound_t *inbound,
                  const acoap_view_t *view);
  /* The engine's next wake-up may have become earlier. May be NULL. */
  void (*wake_changed)(void *user_data);
  /*
   * All Message IDs towards a peer (NULL: the groups) are in use: messages wait. Said once, until
   * there is one again; acoap__log_ids_exhausted writes it to the log. Calls nothing of the engine.
   * May be NULL.
   */
  void (*ids_exhausted)(acoap__engine_t *engine, const acoap_address_t *peer);
  /* A RST for a message that is not held any more: an earlier NON, perhaps. May be NULL. */
  void (*stray_reset)(void *user_data, const acoap_path_t *path, uint16_t message_id);
} acoap__engine_events_t;

/* Sizes and policy; zero means the default in brackets. */
typedef struct acoap__engine_config {
  acoap_params_t params;   /* must be filled (acoap_params_init) for acoap__engine_init */
  size_t token_max;        /* longest token accepted from a peer [8] */
  uint32_t peers;          /* peer table entries [1024] */
  uint32_t dedup_con;      /* deduplication entries for CON [8192] */
  uint32_t dedup_non;      /* for NON [4096] */
  size_t reply_bytes;      /* response store, below 2^31 [4 MiB] */
  uint32_t queue_per_peer; /* messages waiting per peer [1024] */
  /* For tables whose keys a peer chooses [SipHash]. */
  uint64_t (*hash)(const uint8_t key[16], const void *bytes, size_t len);
  /* The hash by which a peer's messages are found [exchange/key_hash.h]. */
  uint64_t (*key_hash)(const acoap__engine_t *engine, const struct acoap__message_key *key);
  const struct acoap__queue *queue; /* exchange/queue.h; NULL: at most one message is on its way
                                       out at any time, and it is no request */
  uint32_t buckets;       /* of the token and the Message ID index each, a power of two [1024] */
  bool strict_message_id; /* a duplicate is (endpoint, Message ID) to the letter, whatever token and
                             code say */
  bool small_tables;      /* `key_hash` remembers no sender: that takes no memory */
  bool no_groups;         /* nothing is sent to multicast groups: their peer takes no memory */
  bool no_requests;       /* none is sent: tokens take no memory */
  bool round_trips;       /* peers' round trips are kept, for messages that want them measured */
  bool stateless; /* no deduplication of requests: handlers are idempotent (section 4.5). Responses
                     are still deduplicated */
} acoap__engine_config_t;

/* What the engine keeps of its configuration: see there. */
typedef struct acoap__engine_policy {
  const acoap_params_t *params; /* lent as long as the engine */
  size_t token_max;
  uint32_t queue_per_peer;
  uint64_t (*hash)(const uint8_t key[16], const void *bytes, size_t len);
  uint64_t (*key_hash)(const acoap__engine_t *engine, const struct acoap__message_key *key);
  const struct acoap__queue *queue;
  bool strict_message_id;
  bool stateless;
} acoap__engine_policy_t;

/* The tokens of requests. */
typedef struct acoap__tokens {
  acoap__map_t open; /* interactions */
  uint64_t made;     /* so far */
  uint8_t key[16];   /* makes tokens out of their counter */
} acoap__tokens_t;

/* What exchange/key_hash.c keeps: the peer whose hash was asked for last, mostly who sent the
 * datagram in hand; and how messages are told apart. */
typedef struct acoap__sender {
  acoap_address_t peer; /* its address */
  uint16_t socket;      /* number of our socket */
  bool known;           /* there is one */
  uint64_t hash;        /* of both */
  /* acoap__identify */
  void (*identify)(const acoap__engine_t *engine, const acoap_path_t *path,
                   const acoap_view_t *view, struct acoap__identity *identity);
  uint64_t fingerprint_keys[8]; /* random */
} acoap__sender_t;

struct acoap__engine {
  acoap__engine_policy_t config;          /* with the defaults filled in */
  const acoap__engine_events_t *events;   /* upwards */
  void *user_data;                        /* handed to them */
  acoap__random_t *random;                /* lent */
  const acoap__log_t *log;                /* lent; may be NULL */
  acoap_stats_t stats;                    /* counters */
  acoap__timer_queue_t timers;            /* everything that waits */
  uint8_t hash_key[16];                   /* for tables whose keys a peer chooses */
  acoap__sender_t *sender;                /* exchange/key_hash.c's; NULL: small_tables */
  uint32_t lifetimes_ms[2];               /* of CON and NON in the deduplication log */
  acoap__tokens_t *tokens;                /* NULL: no_requests */
  acoap__map_t by_message_id;             /* transmissions that an ACK or RST may name */
  struct acoap__peer_table *peers;        /* exchange/peer.h */
  struct acoap__dedup *dedup;             /* exchange/dedup.h */
  struct acoap__round_trips *round_trips; /* exchange/congestion_cocoa.h; NULL: none is measured */
  const struct acoap__request_layer *request_layer; /* exchange/request_layer.h; NULL until a
                                                       request is sent */
  struct acoap__leaving
      *leaving;      /* first sendings that stand inside `transmit` now (exchange/transmission.h) */
  bool running;      /* inside acoap__engine_run */
  bool wake_earlier; /* a timer became the earliest since wake_changed was called last */
};

/* Bytes of memory that acoap__engine_init wants for this configuration; 0 when it is out of range.
 */
size_t acoap__engine_memory(const acoap__engine_config_t *config);

/*
 * memory: aligned for max_align_t, of acoap__engine_memory(config) bytes, lent until the engine is
 * no longer used. ACOAP_EINVAL: a configuration out of range, memory too small or misaligned.
 */
int acoap__engine_init(acoap__engine_t *engine, const acoap__engine_config_t *config, void *memory,
                       size_t memory_len, acoap__random_t *random, const acoap__log_t *log,
                       const acoap__engine_events_t *events, void *user_data);

/* Where the tables stand in the lent memory. */
typedef struct acoap__engine_tables {
  struct acoap__peer_table *peer_table;
  acoap__peer_t *peers;             /* config->peers of them, of acoap__peer_size each */
  acoap__peer_t *group;             /* NULL: no groups */
  acoap__map_node_t **peer_buckets; /* peer_bucket_count of them */
  struct acoap__dedup *dedup;
  struct acoap__dedup_entry *dedup_entries; /* con and non */
  acoap__map_node_t **dedup_buckets;        /* dedup_bucket_count of them */
  acoap__tokens_t *tokens;                  /* NULL: no requests */
  acoap__map_node_t **token_buckets;        /* config->buckets of them, or none */
  acoap__map_node_t **message_ids;          /* config->buckets of them */
  acoap__sender_t *sender;                  /* NULL: small_tables */
  uint8_t *replies;                         /* config->reply_bytes */
  struct acoap__round_trips *round_trips;   /* NULL: none is measured */
  struct acoap__round_trip *trips;          /* config->peers of them, or NULL */
  size_t peer_bucket_count;                 /* a power of two */
  size_t dedup_bucket_count;                /* a power of two */
} acoap__engine_tables_t;

/*
 * The two steps of acoap__engine_init, for a driver whose numbers are whole and in range: place the
 * tables from this address on (any, if they are only to be counted) and get their bytes; then
 * begin. `params` is lent as long as the engine, in the place of config->params; the sender, where
 * there is one, is the driver's to fill in.
 */
size_t acoap__engine_place(acoap__engine_tables_t *tables, const acoap__engine_config_t *config,
                           uintptr_t memory);
void acoap__engine_start(acoap__engine_t *engine, const acoap__engine_config_t *config,
                         const acoap_params_t *params, const acoap__engine_tables_t *tables,
                         acoap__random_t *random, const acoap__log_t *log,
                         const acoap__engine_events_t *events, void *user_data);

/*
 * Take one datagram; path and bytes are lent, whatever the callbacks do that come from inside, and
 * so is `view`, where it is decoded to: the callbacks are handed this one.
 * Returns 0, or the decode error for the caller's log (it has been dealt with: RST for a malformed
 * CON not sent to a group, silence otherwise).
 */
int acoap__engine_receive(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                          const uint8_t *bytes, size_t len, acoap_view_t *view);

/*
 * An ICMP error: fails at once, with `status`, the one transmission whose type, Message ID and
 * token the quote shows; without a quote, or one that ends within the token, nothing happens. A
 * request to a group is not failed: the error speaks of one of its ways. Nor is it by a RST.
 */
void acoap__engine_unreachable(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                               int status, acoap_bytes_t quote);

/* Do what is due. */
void acoap__engine_run(acoap__engine_t *engine, acoap_time_t now);

/* When acoap__engine_run is wanted next; ACOAP_TIME_NEVER: only a datagram or a call can make work.
 */
acoap_time_t acoap__engine_next_wake(const acoap__engine_t *engine);

/* Numbers about one peer, for people and tests. False when it is not known. */
typedef struct acoap__peer_info {
  uint32_t outstanding; /* interactions that hold a place of NSTART */
  uint32_t queued;      /* messages waiting */
  acoap_time_t heard;   /* when something valid last came; 0 never */
  uint32_t rto_ms;      /* from measured round trips; 0: none was measured */
} acoap__peer_info_t;
bool acoap__engine_peer_info(const acoap__engine_t *engine, const acoap_path_t *path,
                             acoap__peer_info_t *info);

/* The parameters of section 4.8. */
extern const acoap_params_t acoap__params_default;

/* For ids_exhausted: a warning to the engine's log. */
void acoap__log_ids_exhausted(acoap__engine_t *engine, const acoap_address_t *peer);

/* A leisure for a response to a multicast: uniform in [0, leisure] (section 8.2). */
uint32_t acoap__leisure_ms(const acoap_params_t *params, acoap__random_t *random);

#endif
