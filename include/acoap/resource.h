/*
 * A server's resources (RFC 7252 section 5, RFC 6690, RFC 7641, RFC 7959): a tree on a local
 * endpoint. The library finds the resource, checks method, options, formats and preconditions,
 * joins and cuts bodies, keeps observers up to date, answers /.well-known/core and protects itself;
 * a handler says what the resource is. All calls belong to the loop's thread but acoap_reply_send
 * and acoap_reply_drop.
 *
 *     acoap_server_t *server;
 *     acoap_server_new(endpoint, NULL, &server);
 *     acoap_resource_t *light = acoap_resource_new(server, "/light");
 *     acoap_resource_on(light, ACOAP_CODE_GET, get_light, app);
 *     acoap_resource_on(light, ACOAP_CODE_PUT, put_light, app);
 *     acoap_resource_observable(light, NULL);
 *     status = acoap_server_status(server);
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_RESOURCE_H
#define ACOAP_RESOURCE_H

#include <acoap/body.h>
#include <acoap/endpoint.h>
#include <acoap/qblock.h>

ACOAP_BEGIN_DECLS

/** The server of a local endpoint. */
typedef struct acoap_server acoap_server_t;
/** A resource, or a family of them (a path with parameters, a sub-tree). Its server owns it. */
typedef struct acoap_resource acoap_resource_t;

/* ---- the server ------------------------------------------------------------------------------ */

/** Limits what addresses get that have not shown that they are there (RFC 9175 section 2.4). */
typedef enum acoap_amplification {
  ACOAP_AMPLIFICATION_AUTO = 0, /* on, but for peers on this host */
  ACOAP_AMPLIFICATION_OFF,
  ACOAP_AMPLIFICATION_ON
} acoap_amplification_t;

/** What a new CON request gets while the server sheds load. */
typedef enum acoap_shedding {
  ACOAP_SHED_UNAVAILABLE = 0, /* 5.03 with Max-Age */
  ACOAP_SHED_RESET            /* RST */
} acoap_shedding_t;

/** Bodies in Q-Block1 and Q-Block2 (RFC 9177), for clients that ask for that. */
typedef enum acoap_qblock {
  ACOAP_QBLOCK_ON = 0,
  ACOAP_QBLOCK_OFF /* the options are not understood: 4.02, and the client takes Block1, Block2 */
} acoap_qblock_t;

/** How a server is made; set `size`, leave the rest zero for the defaults. */
typedef struct acoap_server_options {
  size_t size;       /* sizeof(acoap_server_options_t) */
  size_t block_size; /* largest block sent or asked for, 16, 32 ... 1024 bytes [1024] */
  size_t
      body_max_bytes; /* request body that is joined, unless its resource says otherwise [1 MiB] */
  size_t bodies_max_bytes;     /* memory of all bodies under way, both ways, together [8 MiB] */
  uint32_t transfers_max;      /* block-wise transfers under way, both ways [256] */
  uint32_t transfers_per_peer; /* of one address [16] */
  uint32_t
      transfer_timeout_ms; /* one without a block for so long is forgotten [EXCHANGE_LIFETIME] */
  uint32_t observers_max;  /* registrations in all [4096] */
  uint32_t observers_per_peer; /* of one endpoint [64] */
  uint32_t slow_ms;            /* a handler that runs or waits longer is reported to the log [100];
                                  UINT32_MAX: never */
  bool acknowledge_at_once; /* a kept request gets its empty ACK when the handler returns, not when
                               PROCESSING_DELAY is over */
  acoap_amplification_t amplification; /* see there [AUTO] */
  uint32_t amplification_factor;       /* bytes answered for each one received [3] */
  uint32_t addresses_max;              /* addresses whose rate and standing are remembered [4096] */
  uint32_t rate_per_s;         /* requests per second and address, then 4.29 [0: no limit] */
  uint32_t rate_burst;         /* requests at once before that [2 * rate_per_s] */
  uint32_t throttle_percent;   /* fill of the fullest pool from which on no observers are taken and
                                  answers live twice as long in caches [75] */
  uint32_t shed_percent;       /* from which on new requests are refused [90] */
  uint32_t hysteresis_percent; /* a level ends that much below where it began [10] */
  acoap_shedding_t shedding;   /* how they are refused */
  uint32_t retry_s;            /* Max-Age of a 5.03 and a 4.29, seconds [5] */
  acoap_qblock_t qblock;       /* see there [ON] */
  const acoap_qblock_params_t *qblock_params; /* NULL: as the endpoint's make them. Copied */
} acoap_server_options_t;

/**
 * Serve on an endpoint: takes over its receive handler. Made with it: /.well-known/core.
 *
 * Errors:     ACOAP_EINVAL, ACOAP_ENOMEM, ACOAP_EBUSY the endpoint has a server, ACOAP_ECLOSED.
 * Ownership:  the caller's until acoap_server_free. The endpoint may be closed before or after.
 * Since:      0.1
 */
ACOAP_API int acoap_server_new(acoap_local_endpoint_t *endpoint,
                               const acoap_server_options_t *options, acoap_server_t **server);
/**
 * Remove all resources and let the endpoint go. Observers get no farewell; requests that handlers
 * keep stay answerable. NULL is fine.
 */
ACOAP_API void acoap_server_free(acoap_server_t *server);

/** The first failure of a call on this server or its resources since it was last asked; 0: none. */
ACOAP_API int acoap_server_status(acoap_server_t *server);

/** The endpoint that it serves on; NULL once that has closed. */
ACOAP_API acoap_local_endpoint_t *acoap_server_endpoint(const acoap_server_t *server);

/** Called for requests to paths without a resource; without one they get 4.04. */
ACOAP_API int acoap_server_on_default(acoap_server_t *server, acoap_request_cb handler,
                                      void *user_data);

/** How much of its pools is in use. */
typedef enum acoap_load {
  ACOAP_LOAD_NORMAL = 0,
  ACOAP_LOAD_THROTTLED,
  ACOAP_LOAD_SHEDDING
} acoap_load_t;

/* identifier, what it counts */
#define ACOAP_SERVER_STATS_MAP(X)                                                                  \
  X(load, "level now: 0 normal, 1 throttled, 2 shedding")                                          \
  X(resources, "resources now")                                                                    \
  X(requests, "requests given to the server")                                                      \
  X(not_found, "requests without a resource (4.04)")                                               \
  X(handled, "requests given to handlers")                                                         \
  X(dropped, "requests that handlers dropped (5.00)")                                              \
  X(slow, "requests that were answered later than slow_ms")                                        \
  X(observers, "registrations now")                                                                \
  X(observers_refused, "registrations refused because of a bound or the load")                     \
  X(observers_ended, "registrations that ended with a RST, a time-out or an error")                \
  X(notifications, "notifications sent")                                                           \
  X(notifications_coalesced, "changes that a later notification covered")                          \
  X(transfers, "block-wise transfers under way now")                                               \
  X(transfers_bytes, "memory of their bodies now, bytes")                                          \
  X(transfers_expired, "transfers forgotten after transfer_timeout_ms")                            \
  X(transfers_evicted, "transfers forgotten in favour of others")                                  \
  X(transfers_refused, "transfers refused because of a bound (4.13, 5.03)")                        \
  X(addresses, "addresses remembered now")                                                         \
  X(addresses_evicted, "addresses forgotten in favour of others")                                  \
  X(rate_refused, "requests refused because of their address's rate (4.29)")                       \
  X(shed, "requests refused while shedding")                                                       \
  X(amplification_limited, "answers in smaller blocks for an unverified address")                  \
  X(echo_challenges, "4.01 with Echo")                                                             \
  X(echo_verified, "addresses that returned their Echo")                                           \
  X(qblock_sets, "sets of payloads sent in Q-Block2")                                              \
  X(qblock_repeated, "payloads of Q-Block2 sent because they were missing")                        \
  X(qblock_asked, "requests for missing payloads of Q-Block1 (4.08)")

/** The counters; a program compiled against a shorter list gets as many as it knows. */
typedef struct acoap_server_stats {
  size_t size; /* sizeof(acoap_server_stats_t) as the caller knows it */
#define ACOAP_SERVER_STATS_MEMBER(name, sentence) uint64_t name; /* see ACOAP_SERVER_STATS_MAP */
  ACOAP_SERVER_STATS_MAP(ACOAP_SERVER_STATS_MEMBER)
#undef ACOAP_SERVER_STATS_MEMBER
} acoap_server_stats_t;
/** Copy the counters, as many as stats->size covers. */
ACOAP_API int acoap_server_stats(const acoap_server_t *server, acoap_server_stats_t *stats);

/* ---- resources ------------------------------------------------------------------------------- */

/**
 * Add a resource.
 *
 * @param path  "/", "/a/b"; "/sensor/:id": a segment under a name; "/files/...": it and
 *              everything below it. Segments are percent-decoded; the first character of a literal
 *              one that looks like these is written "%3A" or "%2E". No parameter is empty. A
 *              literal segment goes before a parameter, a parameter before a sub-tree, and the way
 * back is tried: "/a/:x/c" and
 *              "/a/b/..." both find what is theirs.
 *
 * Returns NULL on failure, which every function below takes and which acoap_server_status tells:
 * ACOAP_EINVAL a path that is not of this form, has more than 64 segments or one of over 255 bytes,
 * or is there already; ACOAP_ENOMEM.
 * Ownership:  the server's, until acoap_resource_remove.
 * Reference:  RFC 7252 section 5.7 and 6.
 */
ACOAP_API acoap_resource_t *acoap_resource_new(acoap_server_t *server, const char *path);
/**
 * Take it away: its observers get a 4.04 (RFC 7641 section 4.2), uploads to it are aborted,
 * requests that handlers keep stay answerable. NULL is fine. Returns NULL. May be called in its own
 * handler.
 */
ACOAP_API acoap_resource_t *acoap_resource_remove(acoap_resource_t *resource);
/**
 * Called once when nothing refers to it any more: for what its user_data points to. Several are
 * called in the order they were added. On failure (NULL, no memory) it is called at once.
 */
ACOAP_API int acoap_resource_on_destroy(acoap_resource_t *resource,
                                        void (*destroy)(void *user_data), void *user_data);
/** Find by the path it was made with; NULL. */
ACOAP_API acoap_resource_t *acoap_server_resource(const acoap_server_t *server, const char *path);
/** The path it was made with. */
ACOAP_API const char *acoap_resource_path(const acoap_resource_t *resource);
/** Its server. */
ACOAP_API acoap_server_t *acoap_resource_server(const acoap_resource_t *resource);

/**
 * Add a handler for a method, ACOAP_CODE_GET ... or 0 for every method without one of its own.
 * Several for one method are a group: they run in the order they were added until one answers or
 * keeps the request. A request that none of them answers or keeps gets 5.00. Methods without a
 * handler get 4.05.
 */
ACOAP_API int acoap_resource_on(acoap_resource_t *resource, uint8_t method,
                                acoap_request_cb handler, void *user_data);

/**
 * Set an attribute of the link in /.well-known/core: "rt", "if", "title", "sz", own ones. NULL
 * value: a flag; setting it again replaces. "ct" comes from acoap_resource_gives and "obs" from
 * acoap_resource_observable unless set here. ACOAP_EINVAL a name that is no token of RFC 6690
 * ("href" is the target), or a value that cannot be written: control characters, no UTF-8, an "sz"
 * that is no number, a "ct" that is no list of numbers.
 */
ACOAP_API int acoap_resource_attribute(acoap_resource_t *resource, const char *name,
                                       const char *value);
/** Do not list it in /.well-known/core. (Paths with parameters and sub-trees never are,
 * but directories.) */
ACOAP_API int acoap_resource_hide(acoap_resource_t *resource);

/** Add a format that GET and FETCH can give: ct, and 4.06 for an Accept of none of them. Up to 64.
 */
ACOAP_API int acoap_resource_gives(acoap_resource_t *resource, int content_format);
/** Add a format that requests may carry: 4.15 for a body in none of them. */
ACOAP_API int acoap_resource_takes(acoap_resource_t *resource, int content_format);
/** A critical option that the handlers understand and the library does not (else 4.02). Of the
 * library's own: If-Match and If-None-Match are left to the handlers then. */
ACOAP_API int acoap_resource_understands(acoap_resource_t *resource, uint16_t option);

/**
 * What is there now, for If-Match, If-None-Match and ETag (RFC 7252 sections 5.10.8 and 5.10.6.2):
 * write up to 8 bytes of ETag and return their number, 0: it exists without a name,
 * ACOAP_ENOTFOUND: it does not exist. `request` tells which, where one resource stands for several.
 */
typedef int (*acoap_resource_version_cb)(void *user_data, acoap_request_t *request,
                                         uint8_t etag[8]);
/**
 * Let the library judge preconditions before a handler runs: 4.12 and 2.03. Without it a GET's ETag
 * is compared with the response's, If-Match with a name is never met, and a resource counts as
 * there.
 */
ACOAP_API int acoap_resource_on_version(acoap_resource_t *resource,
                                        acoap_resource_version_cb version, void *user_data);

/** How requests that came by multicast are answered (RFC 7252 section 8.2); set `size`. */
typedef struct acoap_multicast_policy {
  size_t size;         /* sizeof(acoap_multicast_policy_t) */
  bool silent;         /* never answer */
  bool errors;         /* answer with 4.xx and 5.xx, too */
  bool empty;          /* answer 2.05 without a payload, too (such as a filter without a match) */
  uint32_t leisure_ms; /* longest random delay [DEFAULT_LEISURE] */
} acoap_multicast_policy_t;
/**
 * Other than the default: successes with something to say. A request with a No-Response that leaves
 * classes open gets those in any case, unless `silent` (RFC 7967 section 2.1). NULL: the default.
 */
ACOAP_API int acoap_resource_multicast(acoap_resource_t *resource,
                                       const acoap_multicast_policy_t *options);

/**
 * Ask for an Echo no older than this with every request but GET and FETCH, so that a delayed or
 * repeated one does nothing (4.01 with Echo otherwise; RFC 9175 section 2.3).
 */
ACOAP_API int acoap_resource_fresh(acoap_resource_t *resource, uint32_t max_age_ms);

/** Who gets an answer from a resource, by what was proved in the session (RFC 7252 section 9.1). */
typedef enum acoap_secure {
  ACOAP_SECURE_PSK = 1,            /* a pre-shared key */
  ACOAP_SECURE_CERTIFICATE = 2,    /* a certificate that is trusted */
  ACOAP_SECURE_RAW_PUBLIC_KEY = 4, /* a raw public key */
  ACOAP_SECURE_PROVED = 7,         /* any of these */
  ACOAP_SECURE_ANONYMOUS = 8,      /* nothing: it came over coaps, whoever it was */
  ACOAP_SECURE_ANY = 15            /* over coaps */
} acoap_secure_t;
/**
 * Demand security: requests from nobody of these kinds (a sum of acoap_secure_t) get a 4.01 before
 * anything else is looked at. 0: everybody, also over coap. Handlers tell one identity from another
 * with acoap_request_identity.
 */
ACOAP_API int acoap_resource_secure(acoap_resource_t *resource, unsigned kinds);

/** A cap for joined request bodies of this resource, bytes: 4.13 with Size1 beyond it. */
ACOAP_API int acoap_resource_body_max(acoap_resource_t *resource, size_t body_max_bytes);
/** Hand request bodies to a writer instead of joining them; the table is borrowed. */
ACOAP_API int acoap_resource_on_upload(acoap_resource_t *resource, const acoap_upload_ops_t *ops,
                                       void *user_data);
/** Overrides the server's acknowledge_at_once. */
ACOAP_API int acoap_resource_acknowledge_at_once(acoap_resource_t *resource, bool at_once);

/* ---- in a handler ---------------------------------------------------------------------------- */
/* Besides <acoap/endpoint.h>: begin, send, respond (a payload of any length), ref, ignore, reset.
 */

/** The resource that handles it; NULL for the default handler or when it was removed. */
ACOAP_API acoap_resource_t *acoap_request_resource(const acoap_request_t *request);
/** The segment under a name of the path, borrowed as long as the request; len 0: none such. */
ACOAP_API acoap_bytes_t acoap_request_parameter(const acoap_request_t *request, const char *name);
/** How many Uri-Path options its resource's own path covers; in a sub-tree the rest is below it. */
ACOAP_API size_t acoap_request_depth(const acoap_request_t *request);
/** The value of "name=value" among the Uri-Query options; false when there is none ("name": len 0).
 */
ACOAP_API bool acoap_request_query(const acoap_request_t *request, const char *name,
                                   acoap_bytes_t *value);
/** The whole body: joined blocks, or the payload. Borrowed as long as the request. */
ACOAP_API acoap_bytes_t acoap_request_body(const acoap_request_t *request);
/** Is the answer a notification's (RFC 7641), and nobody has asked just now? */
ACOAP_API bool acoap_request_is_notification(const acoap_request_t *request);
/**
 * For handlers that look after several things themselves: judge If-Match, If-None-Match and ETag.
 * 0: go on; a response code (4.12, 2.03): answer with it.
 */
ACOAP_API int acoap_request_precondition(const acoap_request_t *request, bool exists,
                                         const void *etag, size_t etag_len);

/* ---- answers from another thread ------------------------------------------------------------- */

/** The answer to one request, to be given from any thread, without a lock. */
typedef struct acoap_reply acoap_reply_t;
/**
 * Keep the request to be answered from another thread. Called on the loop's thread. NULL without
 * memory: answer it yourself.
 */
ACOAP_API acoap_reply_t *acoap_request_reply(acoap_request_t *request);
/**
 * Answer, from any thread; copies the payload, frees the reply on every path. 0; ACOAP_ENOMEM: 5.00
 * is answered; ACOAP_ECLOSED: the endpoint has closed.
 */
ACOAP_API int acoap_reply_send(acoap_reply_t *reply, uint8_t code, int content_format,
                               const void *payload, size_t len);
/** Give it up, from any thread: 5.00. NULL is fine. */
ACOAP_API void acoap_reply_drop(acoap_reply_t *reply);

/* ---- observe --------------------------------------------------------------------------------- */

/** How notifications are sent; set `size`, leave the rest zero for the defaults. */
typedef struct acoap_observable_options {
  size_t size;                     /* sizeof(acoap_observable_options_t) */
  acoap_reliability_t reliability; /* as the request came; ACOAP_RELIABLE: each is a CON;
                                      ACOAP_UNRELIABLE: NON, with a CON in between */
  uint32_t confirm_every;          /* of NON notifications every n-th is a CON [16] */
  uint32_t confirm_ms;             /* and the first after so long [24 h, RFC 7641 section 4.5] */
  uint32_t interval_ms; /* at least so long between two notifications to one observer [0] */
} acoap_observable_options_t;

/** Take observers (GET and FETCH). NULL: the defaults. */
ACOAP_API int acoap_resource_observable(acoap_resource_t *resource,
                                        const acoap_observable_options_t *options);
/**
 * The state has changed: every observer gets the newest one. The GET (FETCH) handler is asked for
 * it from the loop, once for all observers that asked the same. Calls until then, and while a
 * notification is outstanding, are one. A GET handler that calls this whenever it is asked says
 * that the state has changed again, and is asked in each turn of the loop.
 * Reference: RFC 7641 section 4.
 */
ACOAP_API int acoap_resource_notify(acoap_resource_t *resource);
/** As above, of a path with parameters or a sub-tree: only observers of this path, "/sensor/7". */
ACOAP_API int acoap_resource_notify_path(acoap_resource_t *resource, const char *path);
/**
 * End the registrations with an error, such as ACOAP_CODE_NOT_FOUND when what is observed was
 * deleted although the resource stays (RFC 7641 section 4.2); path NULL: all of it.
 */
ACOAP_API int acoap_resource_end_observations(acoap_resource_t *resource, const char *path,
                                              uint8_t code);
/** Registrations now. */
ACOAP_API size_t acoap_resource_observers(const acoap_resource_t *resource);

ACOAP_END_DECLS

#endif
