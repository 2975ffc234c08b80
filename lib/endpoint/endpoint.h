/*
 * What the rooms above (client, server) get from a local endpoint besides <acoap/endpoint.h>: its
 * engine, its time, deferred calls, timers, users to be settled at close, messages made from the
 * datagram in hand, buffers for requests, addresses of a remote.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ENDPOINT_ENDPOINT_H
#define ACOAP_ENDPOINT_ENDPOINT_H

#include <acoap/endpoint.h>
#include <acoap/remote.h>

#include "base/list.h"
#include "base/timer_queue.h"
#include "exchange/engine.h"

/* ---- time ------------------------------------------------------------------------------------ */

acoap__engine_t *acoap__local_endpoint_engine(acoap_local_endpoint_t *endpoint);
acoap_time_t acoap__local_endpoint_now(acoap_local_endpoint_t *endpoint);
/* As it was when it was last read in this turn: for what a handler's running time does not matter
 * to. Costs no system call where the other does. */
acoap_time_t acoap__local_endpoint_recent(acoap_local_endpoint_t *endpoint);
const acoap__log_t *acoap__local_endpoint_log(acoap_local_endpoint_t *endpoint);
acoap_host_t *acoap__local_endpoint_host(acoap_local_endpoint_t *endpoint);

/* A timer of the endpoint's one queue: it fires from the loop, in the endpoint's run. */
void acoap__local_endpoint_timer_set(acoap_local_endpoint_t *endpoint, acoap__timer_t *timer,
                                     acoap_time_t at);
void acoap__local_endpoint_timer_clear(acoap_local_endpoint_t *endpoint, acoap__timer_t *timer);

/* A call in the next turn of the loop; the node lives in the caller's object. */
typedef struct acoap__deferred acoap__deferred_t;
struct acoap__deferred {
  acoap__list_t node;                        /* in the endpoint's list; to itself while idle */
  void (*call)(acoap__deferred_t *deferred); /* runs once, the node is idle again then */
};
void acoap__deferred_init(acoap__deferred_t *deferred, void (*call)(acoap__deferred_t *deferred));
/* Harmless when it is pending already. */
void acoap__defer(acoap_local_endpoint_t *endpoint, acoap__deferred_t *deferred);
void acoap__deferred_cancel(acoap__deferred_t *deferred);

/* Is this one of the host's own addresses (the loopback ones, those of its interfaces as last heard
 * of)? Its port does not count; the system is not asked. */
bool acoap__local_endpoint_is_own_address(const acoap_local_endpoint_t *endpoint,
                                          const acoap_address_t *address);
/* Received requests that were not answered yet (the one in hand included), and how many there may
 * be. */
void acoap__local_endpoint_requests_open(const acoap_local_endpoint_t *endpoint, uint32_t *open,
                                         uint32_t *most);

/*
 * An address has answered a request under an unpredictable token that was sent to it alone: it is
 * there. Who asks (a server, for RFC 9175 section 2.4) is told; NULL: this one no longer.
 */
typedef void (*acoap__answered_cb)(void *user_data, const acoap_address_t *address);
void acoap__local_endpoint_on_answered(acoap_local_endpoint_t *endpoint,
                                       acoap__answered_cb on_answered, void *user_data);
void acoap__local_endpoint_answered(acoap_local_endpoint_t *endpoint,
                                    const acoap_address_t *address);

/*
 * A RST has come for a message that the engine does not hold any more. Who may know it (a server,
 * of its observers) is told; NULL: this one no longer.
 */
typedef void (*acoap__stray_reset_cb)(void *user_data, const acoap_path_t *path,
                                      uint16_t message_id);
void acoap__local_endpoint_on_stray_reset(acoap_local_endpoint_t *endpoint,
                                          acoap__stray_reset_cb on_stray_reset, void *user_data);

/* Is one of the endpoint's callbacks running, so that the loop must not be run? */
bool acoap__local_endpoint_in_turn(const acoap_local_endpoint_t *endpoint);

/*
 * One call from another thread that cannot fail for want of memory: the node lives in the caller's
 * object, which both threads let go of. `settle` runs once on the loop's thread: 0 it was sent,
 * ACOAP_ECANCELED the endpoint closes before. `freed` is the last call, on the thread that let go
 * last: on settling it must touch nothing that the other thread may still write.
 */
typedef struct acoap__posting acoap__posting_t;

/* ---- users: objects that live on an endpoint ------------------------------------------------- */

/* A node inside everything that must be settled when the endpoint closes. */
typedef struct acoap__endpoint_user acoap__endpoint_user_t;
struct acoap__endpoint_user {
  acoap__list_t node;
  /* The endpoint closes: settle with ACOAP_ECANCELED and unregister, now (this runs from the loop).
   */
  void (*closing)(acoap__endpoint_user_t *user);
  bool outstanding; /* keeps an unreferenced endpoint's loop alive */
};
/* ACOAP_ECLOSED once closing has begun. The node needs no initialisation. */
int acoap__endpoint_user_add(acoap_local_endpoint_t *endpoint, acoap__endpoint_user_t *user,
                             bool outstanding);
/* Change what it said; harmless for one that is not registered. */
void acoap__endpoint_user_set_outstanding(acoap_local_endpoint_t *endpoint,
                                          acoap__endpoint_user_t *user, bool outstanding);
/* Harmless for one that is not registered, when its memory was zeroed or removed before. */
void acoap__endpoint_user_remove(acoap_local_endpoint_t *endpoint, acoap__endpoint_user_t *user);
/* How everything that was posted begins. */
typedef struct acoap__posted {
  acoap__list_t node;               /* in the list of posts */
  void (*run)(acoap__list_t *node); /* on the loop's thread, out of the list */
} acoap__posted_t;

/* See above; members are the endpoint's. */
struct acoap__posting {
  acoap__posted_t posted;           /* among the posts; to itself while it is none of them */
  acoap__endpoint_user_t user;      /* told when the endpoint closes */
  acoap_local_endpoint_t *endpoint; /* held until it was settled */
  struct acoap__posts *posts;       /* held until the end; its mutex guards the rest */
  void (*settle)(acoap__posting_t *posting, int status);
  void (*freed)(acoap__posting_t *posting);
  bool sent;    /* the other thread has let go */
  bool settled; /* the loop's thread has let go */
};
/* On the loop's thread. ACOAP_ECLOSED. */
int acoap__posting_init(acoap_local_endpoint_t *endpoint, acoap__posting_t *posting,
                        void (*settle)(acoap__posting_t *posting, int status),
                        void (*freed)(acoap__posting_t *posting));
/* From any thread, once: the object is the caller's no longer. 0, or ACOAP_ECLOSED: too late. */
int acoap__posting_send(acoap__posting_t *posting);
/*
 * Keep the struct: its functions may be called beyond its close then (they answer ACOAP_ECLOSED),
 * which frees sockets, engine and memory all the same. A remote endpoint and a message hold it too.
 */
acoap_local_endpoint_t *acoap__local_endpoint_hold(acoap_local_endpoint_t *endpoint);
void acoap__local_endpoint_release(acoap_local_endpoint_t *endpoint);

/* ---- messages -------------------------------------------------------------------------------- */

/*
 * A reference-counted message of the view that an engine callback was given, sharing the datagram's
 * buffer. The caller owns one reference. NULL outside an engine callback about a datagram.
 */
acoap_message_t *acoap__message_take(acoap_local_endpoint_t *endpoint, const acoap_path_t *from,
                                     const acoap_view_t *view);
/* For responses: how long and how often. */
void acoap__message_set_timing(acoap_message_t *message, uint32_t elapsed_ms,
                               uint32_t retransmissions);
/*
 * A message with the header and options of `of` and another payload; `payload` is from
 * acoap__malloc and is taken over (also on failure). NULL without memory.
 */
acoap_message_t *acoap__message_with_payload(const acoap_message_t *of, uint8_t *payload,
                                             size_t len);

/* ---- requests: what a server puts between the handler and the wire --------------------------- */

typedef struct acoap__request_filter {
  /*
   * The handler sends: the builder holds its whole response. Change it in place, then
   * acoap__request_transmit; or keep what is needed of it and answer later with a builder of your
   * own (acoap_request_begin). A negative return makes it a 5.00.
   */
  int (*send)(acoap_request_t *request, acoap_builder_t *builder, acoap_reliability_t reliability);
  /* acoap_request_respond: a payload of any length, borrowed. */
  int (*respond)(acoap_request_t *request, uint8_t code, int content_format, acoap_bytes_t payload);
  /* What acoap_request_on_delivery tells, before it is told. */
  void (*delivered)(acoap_request_t *request, int status);
  /* Nothing will be answered: ignored or reset by the handler, or the endpoint closes. */
  void (*ended)(acoap_request_t *request);
  /* The object goes; its message is still there. Last call. */
  void (*freed)(acoap_request_t *request);
} acoap__request_filter_t;

/* Put a filter before the answers of a request; functions may be NULL. */
void acoap__request_set_filter(acoap_request_t *request, const acoap__request_filter_t *filter,
                               void *data);
void *acoap__request_filter_data(const acoap_request_t *request);
/* The engine's note of it: path, type, whether it was acknowledged. */
const acoap__inbound_t *acoap__request_inbound(const acoap_request_t *request);
/*
 * It outlives the receive handler: the endpoint's end is its matter, too. Found out by itself when
 * the handler returns; whoever makes a user of the endpoint that holds it says so before, since
 * users are settled in the order in which they came.
 */
void acoap__request_outlive(acoap_request_t *request);
/* Was it answered (nothing but notifications may follow)? */
bool acoap__request_is_answered(const acoap_request_t *request);
/* May notifications follow? Ends with an error response, a RST, a time-out. */
bool acoap__request_is_observation(const acoap_request_t *request);
/* The Message ID of its last notification, if that was a NON: as long as no other one follows, a
 * RST to it is told as a failed delivery. */
bool acoap__request_non_sent(const acoap_request_t *request, uint16_t *message_id);
/* From now on nothing follows the answer: it is no observation, whatever the client asked for. */
void acoap__request_end_observation(acoap_request_t *request);
/* As above, and what is under way of it is neither retransmitted nor waited for any more. The
 * caller holds a reference. */
void acoap__request_stop(acoap_request_t *request);
/* Is a separate response or a notification of it under way? */
bool acoap__request_is_on_its_way(const acoap_request_t *request);
/* Does a notification wait until the one under way has ended, or is sent again? */
bool acoap__request_has_pending(const acoap_request_t *request);
/*
 * Response classes that are not sent besides those that No-Response names (its bits: class c is bit
 * c - 1), and the longest leisure of a multicast answer (0: the endpoint's). A multicast request
 * starts with 4.xx and 5.xx suppressed.
 */
void acoap__request_set_policy(acoap_request_t *request, uint8_t suppressed, uint32_t leisure_ms);
/*
 * A separate response or notification of it, when it is a CON, leaves at most so many times, first
 * and retransmitted ones together; 0: as the endpoint's parameters say. Counts for those to come.
 */
void acoap__request_set_transmissions(acoap_request_t *request, uint32_t most);
/* As acoap_request_begin, and what is sent with acoap__request_transmit does not see the filter. */
int acoap__request_transmit(acoap_request_t *request, acoap_reliability_t reliability);
/*
 * One more response to a request that was answered, or ignored: borrowed bytes, with its token, to
 * be sent as NON or CON. Passes the filter by; what becomes of a CON is told to `delivered`. 0,
 * also when No-Response says that nobody wants it; ACOAP_EINVAL not answered, or by multicast;
 * ACOAP_EBUSY a CON while another is on its way; ACOAP_EAGAIN no Message ID is free; ACOAP_ENOMEM,
 * ACOAP_EEXHAUSTED, ACOAP_ECLOSED.
 */
int acoap__request_send_further(acoap_request_t *request, uint8_t *bytes, size_t len,
                                acoap_type_t type);
/*
 * The request once more, as if it had just been received: for a handler that is asked for the next
 * notification of an observation. Nothing leaves from it: whatever is answered comes to the
 * filter's send (or ended), after which acoap__request_consume says that it was dealt with. One
 * reference is the caller's. NULL without memory.
 */
acoap_request_t *acoap__request_again(acoap_request_t *request);
/* It counts as answered without anything having been sent. */
void acoap__request_consume(acoap_request_t *request);
/* How many hold it; one that did not hold it before a handler ran keeps it. */
uint32_t acoap__request_holders(const acoap_request_t *request);
/* Is the response that the filter is being handed the 5.00 of one that nobody answered? */
bool acoap__request_is_dropped(const acoap_request_t *request);
/* The response that was begun and may still be sent; NULL: none (also of NULL). */
acoap_builder_t *acoap__request_begun(acoap_request_t *request);
/* What acoap_local_endpoint_receive was told last. */
acoap_request_cb acoap__local_endpoint_receiver(const acoap_local_endpoint_t *endpoint);
/* And with which user_data. */
void *acoap__local_endpoint_receiver_data(const acoap_local_endpoint_t *endpoint);

/* ---- remotes --------------------------------------------------------------------------------- */

acoap_local_endpoint_t *acoap__remote_local(const acoap_remote_endpoint_t *remote);
/* The remote's transmission parameters (its own or the endpoint's). */
const acoap_params_t *acoap__remote_params(const acoap_remote_endpoint_t *remote);
/* Add Uri-Host, Uri-Port, Uri-Path, Uri-Query of the remote to a request. */
void acoap__remote_write_options(const acoap_remote_endpoint_t *remote, acoap_builder_t *builder);
/* Is every address of it a group? */
bool acoap__remote_is_group(const acoap_remote_endpoint_t *remote);

/* Waits for the addresses of a remote; a node inside the caller's object. */
typedef struct acoap__resolution acoap__resolution_t;
struct acoap__resolution {
  acoap__list_t node; /* among those that wait */
  /* Called from the loop, once: status 0 or a negative error (ACOAP_ENOTFOUND, a UV_EAI_ code). */
  void (*done)(acoap__resolution_t *resolution, int status);
};
void acoap__resolution_init(acoap__resolution_t *resolution,
                            void (*done)(acoap__resolution_t *resolution, int status));
/*
 * 1: the addresses are there already (nothing is called); 0: `done` will be called (ACOAP_ECANCELED
 * when the endpoint closes); negative: an error. Who waits holds the remote.
 */
int acoap__remote_resolve_addresses(acoap_remote_endpoint_t *remote,
                                    acoap__resolution_t *resolution);
void acoap__resolution_cancel(acoap__resolution_t *resolution);
/* The addresses that are known, best first; lent until the next address_good, address_bad or
 * lookup. */
const acoap_address_t *acoap__remote_addresses(const acoap_remote_endpoint_t *remote,
                                               size_t *count);
/* This address answered (moves to the front), or failed (moves to the back; when all failed, the
 * next send looks up again). */
void acoap__remote_address_good(acoap_remote_endpoint_t *remote, const acoap_address_t *address);
void acoap__remote_address_bad(acoap_remote_endpoint_t *remote, const acoap_address_t *address);

/* Does who is asked know Q-Block1 and Q-Block2 (RFC 9177 section 4.1)? One answer for all remotes
 * of an endpoint that name the same. */
typedef enum acoap__qblock_support {
  ACOAP__QBLOCK_UNKNOWN = 0, /* nobody has asked, or it is silent since */
  ACOAP__QBLOCK_SUPPORTED,
  ACOAP__QBLOCK_REFUSED
} acoap__qblock_support_t;
acoap__qblock_support_t acoap__remote_qblock(const acoap_remote_endpoint_t *remote);
void acoap__remote_note_qblock(acoap_remote_endpoint_t *remote, acoap__qblock_support_t support);
/* The path for a request to this address: interface, local address, credentials of the remote, and
 * the socket to send it from (source ports in turn). ACOAP_ENOTSUP when no socket reaches it. */
int acoap__remote_path(acoap_remote_endpoint_t *remote, const acoap_address_t *address,
                       acoap_path_t *path);
/*
 * Every way a multicast request has to leave: each group of the remote on each interface that can
 * multicast (or the remote's own interface). Returns the number written (0: ACOAP_ENONET is for the
 * caller to say), at most max.
 */
size_t acoap__remote_group_paths(acoap_remote_endpoint_t *remote, uint8_t hop_limit,
                                 acoap_path_t *paths, size_t max);
/* Report to the endpoint's event callback. */
void acoap__local_endpoint_event(acoap_local_endpoint_t *endpoint, const acoap_event_t *event);
/* Bytes of the largest message to be built for this path. */
size_t acoap__local_endpoint_message_max(acoap_local_endpoint_t *endpoint,
                                         const acoap_path_t *path);

#endif
