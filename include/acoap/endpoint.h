/*
 * The local endpoint (RFC 7252 section 1.2): sockets, one engine and one timer on a loop; client
 * and server share it. All calls belong to the loop's thread but acoap_local_endpoint_post.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ENDPOINT_H
#define ACOAP_ENDPOINT_H

#include <acoap/host.h>
#include <acoap/log.h>
#include <acoap/message.h>
#include <acoap/params.h>
#include <acoap/socket.h>
#include <acoap/stats.h>

ACOAP_BEGIN_DECLS

struct acoap_dtls_options;

/** A local endpoint. Its owner closes it; it frees itself after that. */
typedef struct acoap_local_endpoint acoap_local_endpoint_t;

/** How a local endpoint is made; set `size`, leave the rest zero for the defaults. */
typedef struct acoap_local_endpoint_options {
  size_t size;                  /* sizeof(acoap_local_endpoint_options_t) */
  const acoap_params_t *params; /* transmission parameters; NULL: RFC 7252's. Copied */
  acoap_udp_kind_t udp;         /* which UDP socket [the best] */
  /* addresses to bind; NULL: 0.0.0.0 and ::, where the system has them */
  const acoap_address_t *bind;
  size_t bind_count; /* how many */
  /* for addresses of `bind` without a port, and for the default ones [0: ephemeral] */
  uint16_t port;
  /*
   * further ephemeral ports to send requests from, in turn; 65,536 Message IDs per peer, port and
   * lifetime are 265 CON/s; with coaps:// as many as there may be different credentials or hosts
   * towards one address at a time, for a port has one session with each [0]
   */
  uint16_t source_ports;
  bool reuse_address;      /* SO_REUSEADDR */
  bool multicast_loop_off; /* do not hear our own multicasts */
  /*
   * coaps:// beside coap:// (<acoap/dtls.h>): for each address of `bind` a further socket, at
   * secure_port; copied [NULL: none]
   */
  const struct acoap_dtls_options *dtls;
  uint16_t secure_port;           /* [0: ephemeral] */
  bool secure_only;               /* no sockets for coap:// */
  acoap_socket_t *const *sockets; /* own sockets instead of UDP; taken over on success */
  size_t socket_count;            /* how many */
  /* own host instead of the loop's (simulation); taken over on success */
  acoap_host_t *host;
  size_t token_max;           /* longest token accepted [8] */
  size_t message_max_bytes;   /* largest message built [1152, RFC 7252 section 4.6] */
  uint32_t peers;             /* peers remembered [1024] */
  uint32_t dedup_con;         /* CON messages remembered for deduplication [8192] */
  uint32_t dedup_non;         /* NON messages remembered [4096] */
  size_t reply_bytes;         /* replies stored for duplicates, bytes [4 MiB] */
  uint32_t queue_per_peer;    /* messages waiting per peer before ACOAP_EEXHAUSTED [1024] */
  uint32_t requests_open_max; /* received requests not answered yet; beyond it 5.03 [4096] */
  /* a duplicate is (endpoint, Message ID) to the letter (RFC 7252 section 4.5) */
  bool strict_message_id;
  /*
   * SO_REUSEPORT: other endpoints share the addresses that are bound, each peer comes to one of
   * them (<acoap/workers.h>). Requests leave from a source port, of which there is at least one
   */
  bool reuse_port;
} acoap_local_endpoint_options_t;

/**
 * Make a local endpoint.
 *
 * @param loop      the loop it lives on; may be NULL when options->host is given
 * @param options   NULL for the defaults
 * @param endpoint  where to put it
 *
 * Errors:     ACOAP_EINVAL, ACOAP_ENOMEM, libuv's codes from opening sockets.
 * Ownership:  the caller's until acoap_local_endpoint_close. On failure nothing was taken; own
 *             sockets may have been started by then and have to be closed before the loop runs.
 * Since:      0.1
 */
ACOAP_API int acoap_local_endpoint_new(struct uv_loop_s *loop,
                                       const acoap_local_endpoint_options_t *options,
                                       acoap_local_endpoint_t **endpoint);

/** Called when everything has ended; the endpoint is freed when it returns. */
typedef void (*acoap_close_cb)(void *user_data);

/**
 * Settle everything (pending sends end with ACOAP_ECANCELED, from the loop), close the sockets,
 * then call `closed` (may be NULL) and free the endpoint. Remote endpoints may be unref'd before or
 * after. A second call is ignored.
 */
ACOAP_API void acoap_local_endpoint_close(acoap_local_endpoint_t *endpoint, acoap_close_cb closed,
                                          void *user_data);

/**
 * As uv_ref and uv_unref: a referenced endpoint (the default) keeps its loop alive until it is
 * closed; an unreferenced one only while something is outstanding (a request, a stream, a timer for
 * either). It does so through its timer and its sockets (set_ref): an idle own socket without
 * set_ref keeps the loop alive or not as its handles do.
 */
ACOAP_API void acoap_local_endpoint_ref(acoap_local_endpoint_t *endpoint);
/** The other half of acoap_local_endpoint_ref. */
ACOAP_API void acoap_local_endpoint_unref(acoap_local_endpoint_t *endpoint);

/**
 * Run `call` once on the loop's thread; the one function that may be called from any thread. It
 * allocates there, so an allocator of the user's own (<acoap/alloc.h>) has to bear that.
 * ACOAP_ENOMEM, ACOAP_ECLOSED. Calls run in order; those posted before close run before `closed`.
 */
ACOAP_API int acoap_local_endpoint_post(acoap_local_endpoint_t *endpoint,
                                        void (*call)(void *user_data), void *user_data);

/** The address of the n-th socket; ACOAP_EINVAL when there are fewer. */
ACOAP_API int acoap_local_endpoint_address(const acoap_local_endpoint_t *endpoint, size_t n,
                                           acoap_address_t *address);

/** The endpoint's clock (CLOCK_BOOTTIME where there is one). */
ACOAP_API acoap_time_t acoap_local_endpoint_now(const acoap_local_endpoint_t *endpoint);

/** Copy the counters, as many as stats->size covers. */
ACOAP_API int acoap_local_endpoint_stats(const acoap_local_endpoint_t *endpoint,
                                         acoap_stats_t *stats);

/** Numbers about one peer. */
typedef struct acoap_peer_state {
  uint32_t outstanding; /* interactions that hold a place of NSTART */
  uint32_t queued;      /* messages that wait for one */
  /* how long an ACK is waited for, before dithering, as measured; with several ports the longest;
   * 0: nothing was measured (acoap_params_t.congestion) */
  uint32_t rto_ms;
} acoap_peer_state_t;
/** ACOAP_ENOTFOUND when the endpoint knows nothing of the peer. */
ACOAP_API int acoap_local_endpoint_peer_state(const acoap_local_endpoint_t *endpoint,
                                              const acoap_address_t *peer,
                                              acoap_peer_state_t *state);

/** A log sink for this endpoint; NULL: none. */
ACOAP_API void acoap_local_endpoint_set_log(acoap_local_endpoint_t *endpoint,
                                            acoap_log_level_t level, acoap_log_cb sink,
                                            void *user_data);

/** Which way a datagram went. */
typedef enum acoap_direction { ACOAP_RECEIVED = 0, ACOAP_SENT = 1 } acoap_direction_t;
/** Sees every datagram as it is on the wire (or inside the secure session); borrowed. */
typedef void (*acoap_tap_cb)(void *user_data, acoap_direction_t direction, const acoap_path_t *path,
                             acoap_bytes_t bytes);
/** A tap for this endpoint; NULL: none. */
ACOAP_API void acoap_local_endpoint_set_tap(acoap_local_endpoint_t *endpoint, acoap_tap_cb tap,
                                            void *user_data);

/**
 * Join a multicast group, on one interface or on every one that can multicast; joined again when
 * interfaces come back.
 *
 * @param group      224.0.1.187, ff02::fd, ff05::fd, ... the port is ignored
 * @param interface  "eth0"; NULL: every interface
 * Returns 0 also when no interface is up yet; an interface without multicast is a warning event,
 * not a failure.
 * Errors: ACOAP_EADDRESS no group, ACOAP_ENOTFOUND no such interface, ACOAP_ENOTSUP no socket of
 *         that family, ACOAP_ENOMEM.
 */
ACOAP_API int acoap_local_endpoint_join(acoap_local_endpoint_t *endpoint,
                                        const acoap_address_t *group, const char *interface);
/** Leave what was joined with the same arguments; ACOAP_ENOTFOUND when it was not. */
ACOAP_API int acoap_local_endpoint_leave(acoap_local_endpoint_t *endpoint,
                                         const acoap_address_t *group, const char *interface);

/** What an embedder may want to know. */
typedef enum acoap_event_kind {
  ACOAP_EVENT_INTERFACE_UP = 1, /* an interface or an address of it appeared */
  ACOAP_EVENT_INTERFACE_DOWN,   /* it went */
  ACOAP_EVENT_GROUP_JOINED,     /* a group was (re-)joined on an interface */
  ACOAP_EVENT_GROUP_FAILED,     /* it could not be: status says why */
  ACOAP_EVENT_MULTICAST_FAILED, /* a multicast request could not leave through an interface */
  ACOAP_EVENT_PEER_ESTABLISHED, /* secure session stands */
  ACOAP_EVENT_PEER_FAILED,      /* handshake failed */
  ACOAP_EVENT_PEER_CLOSED,      /* secure session closed */
  ACOAP_EVENT_PEER_UNREACHABLE  /* ICMP */
} acoap_event_kind_t;

/** Borrowed for the callback. */
typedef struct acoap_event {
  acoap_event_kind_t kind; /* what happened */
  int status;              /* negative error or 0 */
  const char *interface;   /* name, or NULL */
  acoap_address_t address; /* of the interface, the group or the peer */
  const char *reason;      /* a sentence, or NULL */
} acoap_event_t;
/** Called from the loop with each event. */
typedef void (*acoap_event_cb)(void *user_data, const acoap_event_t *event);
/** Whom to tell of events; NULL: nobody. */
ACOAP_API void acoap_local_endpoint_on_event(acoap_local_endpoint_t *endpoint,
                                             acoap_event_cb on_event, void *user_data);

/* ---- requests that come in: the minimum of a server ------------------------------------------ */

/** A received request that may be answered now or, when a reference is taken, later. */
typedef struct acoap_request acoap_request_t;
/**
 * Called from the loop with each request; it is borrowed until the return unless a reference is
 * taken.
 */
typedef void (*acoap_request_cb)(void *user_data, acoap_request_t *request);

/**
 * Hand every request that comes in (any code 0.01 to 0.31, known or not; no duplicates) to
 * `receive`; NULL: a request with a critical option that is not understood gets 4.02, any
 * other 4.04.
 *
 * A request that is neither answered nor kept when the callback returns is answered with 5.00 (a
 * multicast one, with silence).
 * Reference: RFC 7252 section 5.2.
 */
ACOAP_API void acoap_local_endpoint_receive(acoap_local_endpoint_t *endpoint,
                                            acoap_request_cb receive, void *user_data);

/** The request's message, borrowed as long as the request. */
ACOAP_API acoap_message_t *acoap_request_message(const acoap_request_t *request);
/** The endpoint it came to. */
ACOAP_API acoap_local_endpoint_t *acoap_request_endpoint(const acoap_request_t *request);

/**
 * Keep it to answer later: a CON is acknowledged with an empty ACK when PROCESSING_DELAY is over at
 * the latest. Cannot fail.
 */
ACOAP_API acoap_request_t *acoap_request_ref(acoap_request_t *request);
/** The last reference of an unanswered request answers 5.00. Returns NULL. */
ACOAP_API acoap_request_t *acoap_request_unref(acoap_request_t *request);

/** Send the empty ACK of a CON now. */
ACOAP_API int acoap_request_acknowledge(acoap_request_t *request);

/**
 * Begin a response. The builder is lent until acoap_request_send, acoap_request_ignore or the
 * return to the loop; add options and payload. NULL when the request was answered already (and is
 * no observation), or there is no memory. After the first answer of a GET or FETCH with Observe 0
 * further responses are notifications (RFC 7641 section 4.2): begin and send again.
 */
ACOAP_API acoap_builder_t *acoap_request_begin(acoap_request_t *request, uint8_t code);

/** How acoap_request_send sends what is not piggybacked. */
typedef enum acoap_reliability {
  ACOAP_AS_REQUESTED = 0,
  ACOAP_RELIABLE,
  ACOAP_UNRELIABLE
} acoap_reliability_t;
/**
 * Send what was begun: piggybacked, separate or NON. Returns 0, or the builder's first failure or a
 * socket's error (5.00 is sent in its place then).
 */
ACOAP_API int acoap_request_send(acoap_request_t *request, acoap_reliability_t reliability);

/** Begin, Content-Format (ACOAP_FORMAT_NONE: none), payload, send. */
ACOAP_API int acoap_request_respond(acoap_request_t *request, uint8_t code, int content_format,
                                    const void *payload, size_t len);

/**
 * Send nothing at all, on purpose (No-Response, suppressed multicast answers); a CON still gets its
 * empty ACK.
 */
ACOAP_API void acoap_request_ignore(acoap_request_t *request);
/** Reject with RST. */
ACOAP_API int acoap_request_reset(acoap_request_t *request);

/**
 * Tells that the peer rejected (ACOAP_ERESET) or did not acknowledge (ACOAP_ETIMEDOUT) a separate
 * response or notification, or acknowledged it (0), or that the endpoint closes (ACOAP_ECANCELED).
 */
typedef void (*acoap_request_end_cb)(void *user_data, acoap_request_t *request, int status);
/** Whom to tell what became of the responses; NULL: nobody. */
ACOAP_API void acoap_request_on_delivery(acoap_request_t *request, acoap_request_end_cb on_delivery,
                                         void *user_data);

ACOAP_END_DECLS

#endif
