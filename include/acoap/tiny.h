/*
 * The heapless endpoint: a CoAP client and server (RFC 7252) that firmware calls from its main
 * loop. It runs the engine of the full library in memory that the caller provides; bytes and time
 * come in as arguments, datagrams go out through one callback, everything else is polled for.
 *
 *     for (;;) {
 *       if (a datagram came) acoap_tiny_receive(tiny, now, &peer, bytes, len);
 *       while (acoap_tiny_poll(tiny, now, &event)) handle(&event);
 *       sleep until acoap_tiny_next_wake(tiny) or a datagram;
 *     }
 *
 * Requests are answered by a constant table of resources, or come up as events. Answers and
 * requests are written where they leave from, with <acoap/codec.h>'s builder: no payload is copied
 * on the way out. Not for several threads: call it from one, or lock around it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TINY_H
#define ACOAP_TINY_H

#include <acoap/address.h>
#include <acoap/block.h>
#include <acoap/codec.h>
#include <acoap/params.h>
#include <acoap/stats.h>

ACOAP_BEGIN_DECLS

/** The endpoint; lives in memory of the caller's. */
typedef struct acoap_tiny acoap_tiny_t;

/* ---- a server's resources -------------------------------------------------------------------- */

/**
 * A request that is still to be answered: a value that may be copied and kept. Members are private.
 */
typedef struct acoap_tiny_inbound {
  acoap_address_t peer;           /* who asked */
  uint8_t token[ACOAP_TOKEN_MAX]; /* of the request */
  uint8_t token_len;              /* bytes */
  uint8_t type;                   /* acoap_type_t of the request */
  uint8_t code;                   /* its method */
  bool multicast;                 /* it was sent to a group */
  bool acknowledged;              /* an empty ACK was sent */
  bool answered;                  /* it is settled */
  uint8_t no_response;            /* RFC 7967: classes of responses that are not wanted */
  int8_t slot;                    /* where a separate response is written; -1: nowhere */
  uint16_t message_id;            /* of the request */
  uint32_t dedup_slot;            /* the engine's entry */
  uint32_t dedup_serial;          /* and its use */
} acoap_tiny_inbound_t;

typedef struct acoap_tiny_resource acoap_tiny_resource_t;

/** A request as its handler sees it; borrowed for the call. */
typedef struct acoap_tiny_request {
  acoap_tiny_t *endpoint;                 /* NULL: the stateless server */
  acoap_time_t now;                       /* when it came */
  const acoap_address_t *peer;            /* who asks */
  const acoap_view_t *view;               /* token, options, payload */
  const acoap_tiny_resource_t *resources; /* the table */
  const acoap_tiny_resource_t *resource;  /* the row that was found */
  const acoap_tiny_inbound_t *inbound; /* to copy when it is answered later; NULL: it cannot be */
  bool multicast;                      /* it was sent to a group */
  bool notification;                   /* nobody asked: an observer is told the state */
} acoap_tiny_request_t;

/** What a handler returns, or a negative error (5.00). */
enum acoap_tiny_verdict {
  ACOAP_TINY_SEND = 0, /* the answer is written */
  ACOAP_TINY_LATER, /* request->inbound was copied; the answer will be separate (section 5.2.2) */
  ACOAP_TINY_SILENT /* a CON is acknowledged, nothing else is sent */
};

/**
 * Answer a request. `answer` stands in the buffer that is sent: token, Content-Format of the row
 * and a code that suits the method (2.05, 2.04, 2.02) are there; add options, then write the
 * payload in place (acoap_builder_payload_room, acoap_builder_payload_commit).
 */
typedef int (*acoap_tiny_handler_cb)(const acoap_tiny_request_t *request, acoap_builder_t *answer);

/** For handlers: make the answer this code and nothing else; a diagnostic payload may follow. */
ACOAP_API void acoap_tiny_error(acoap_builder_t *answer, uint8_t code);

/** What a handler itself takes care of; without it the endpoint does, or says 4.02. */
enum acoap_tiny_flags {
  ACOAP_TINY_BLOCK1 = 1, /* takes payloads block by block (acoap_tiny_body_block) */
  ACOAP_TINY_BLOCK2 = 2, /* gives representations block by block (acoap_tiny_slice_begin); otherwise
                            the endpoint cuts its answer, which is one message */
  ACOAP_TINY_CONDITIONAL = 4, /* evaluates If-Match and If-None-Match */
  ACOAP_TINY_ACCEPT = 8 /* has several Content-Formats; otherwise another than `format` is 4.06 */
};

/** A row of the table, for one method of one path. The table ends with a row without a path. */
struct acoap_tiny_resource {
  const char *path;              /* "/sensors/temperature"; "/" is the root */
  uint8_t method;                /* ACOAP_CODE_GET and so on */
  uint8_t flags;                 /* ACOAP_TINY_BLOCK1 and so on */
  int16_t format;                /* Content-Format of 2.05; ACOAP_FORMAT_NONE: none */
  acoap_tiny_handler_cb handler; /* answers */
  const char *attributes; /* ";rt=\"temperature-c\";obs" (RFC 6690) in one row of the path; NULL:
                             not listed by this row */
  void *data;             /* the handler's */
};

/**
 * A handler for the row "/.well-known/core": the table's links (RFC 6690), made block by block, so
 * that the list may be longer than any buffer. Takes no filter: gives the whole list always
 * (section 4.1 leaves that free).
 */
ACOAP_API int acoap_tiny_well_known(const acoap_tiny_request_t *request, acoap_builder_t *answer);
/** The same with the filter of section 4.1: ?rt=temp*, ?href=/s*, ?obs. */
ACOAP_API int acoap_tiny_well_known_filtered(const acoap_tiny_request_t *request,
                                             acoap_builder_t *answer);
/** The row of both: a GET of application/link-format, block-wise, not listed itself. */
#define ACOAP_TINY_WELL_KNOWN(handler)                                                             \
  {                                                                                                \
    "/.well-known/core", ACOAP_CODE_GET, ACOAP_TINY_BLOCK2, ACOAP_FORMAT_LINK_FORMAT, handler,     \
        NULL, NULL                                                                                 \
  }

/* ---- the endpoint ---------------------------------------------------------------------------- */

struct acoap__queue;
/**
 * For acoap_tiny_config_t's `waiting`: messages wait for NSTART, for PROBING_RATE and for Message
 * IDs (section 4.7). An endpoint with at most one message on its way out needs none of that.
 */
ACOAP_API const struct acoap__queue *acoap_tiny_waiting(void);

/** Numbers and ways out. Borrowed as long as the endpoint: const, in flash. */
typedef struct acoap_tiny_config {
  uint16_t requests;     /* exchanges out: own requests under way */
  uint16_t responses;    /* exchanges out: separate responses, notifications and pings under way; at
                            most 127 */
  uint16_t exchanges_in; /* received messages that are remembered (section 4.5); at least 2, a
                            quarter of them for NON */
  uint16_t peers;        /* peers that are written to of one's own accord; at least 1 */
  uint32_t reply_bytes;  /* room for replies that duplicates get again; 12 bytes more each */
  uint32_t message_bytes; /* the longest message to send, in bytes; at least 16 */
  bool groups;            /* requests are sent to multicast groups */
  /** Hand a datagram to the network. Returns 0 or a negative error; then it counts as lost. */
  int (*send)(void *user_data, const acoap_address_t *peer, acoap_bytes_t datagram);
  /** Fill with unpredictable bytes: Message IDs, tokens, hash keys depend on it. */
  void (*entropy)(void *user_data, uint8_t *bytes, size_t len);
  void *user_data; /* handed to both */
  /** acoap_tiny_serve with a table; NULL: requests come up as events. */
  int (*serve)(const acoap_tiny_request_t *request, acoap_builder_t *answer);
  const acoap_tiny_resource_t *resources; /* the table */
  const acoap_params_t *params;           /* NULL: those of section 4.8; borrowed likewise */
  /** acoap_tiny_waiting; may be NULL without `requests` and with at most one of `responses`. */
  const struct acoap__queue *(*waiting)(void);
} acoap_tiny_config_t;

/**
 * Answer from the table: finds the row, says 4.04, 4.05, 4.02, 4.06 and 5.05 itself, cuts long
 * answers into blocks. For acoap_tiny_config_t's `serve`, so that a client does not carry it.
 */
ACOAP_API int acoap_tiny_serve(const acoap_tiny_request_t *request, acoap_builder_t *answer);

/* Bytes of the parts: pointers and the rest. lib/tiny/tiny.c holds them against the real sizes. */
#define ACOAP_TINY_PART(pointers, bytes) ((pointers) * sizeof(void *) + (bytes))
#define ACOAP_TINY_ALIGNED(bytes)                                                                  \
  (((size_t)(bytes) + 2 * sizeof(void *) - 1) / (2 * sizeof(void *)) * (2 * sizeof(void *)))
#define ACOAP_TINY_ENDPOINT_BYTES ACOAP_TINY_PART(68, 64)
#define ACOAP_TINY_TABLES_BYTES ACOAP_TINY_PART(7, 0)
#define ACOAP_TINY_PEER_BYTES (ACOAP_TINY_PART(30, 0) - 16)
#define ACOAP_TINY_QUEUE_BYTES ACOAP_TINY_PART(10, 40)
#define ACOAP_TINY_TOKENS_BYTES ACOAP_TINY_PART(2, 32)
#define ACOAP_TINY_DEDUP_BYTES ACOAP_TINY_PART(10, 32)
#define ACOAP_TINY_ENTRY_BYTES ACOAP_TINY_PART(4, 48)
#define ACOAP_TINY_REQUEST_BYTES ACOAP_TINY_PART(34, 80)
#define ACOAP_TINY_RESPONSE_BYTES ACOAP_TINY_PART(24, 56)
/* Messages can wait for each other: then every peer has a queue. */
#define ACOAP_TINY_WAITS(requests, responses) ((requests) > 0 || (responses) > 1)
#define ACOAP_TINY_EACH_PEER_BYTES(requests, responses)                                            \
  (ACOAP_TINY_PEER_BYTES + (ACOAP_TINY_WAITS(requests, responses) ? ACOAP_TINY_QUEUE_BYTES : 0u))
/* The next power of two: hash buckets. */
#define ACOAP_TINY_SMEARED(n, bits) ((n) | (n) >> (bits))
#define ACOAP_TINY_SMEARED_4(n) ACOAP_TINY_SMEARED(ACOAP_TINY_SMEARED((unsigned)(n), 1), 2)
#define ACOAP_TINY_SMEARED_16(n) ACOAP_TINY_SMEARED(ACOAP_TINY_SMEARED_4(n), 4)
#define ACOAP_TINY_BUCKETS(n)                                                                      \
  ((n) < 1 ? 1u : ACOAP_TINY_SMEARED(ACOAP_TINY_SMEARED_16((n)-1), 8) + 1u)
#define ACOAP_TINY_ALL_BUCKETS(requests, responses, exchanges_in, peers)                           \
  (ACOAP_TINY_BUCKETS(peers) + ACOAP_TINY_BUCKETS(exchanges_in) +                                  \
   ACOAP_TINY_BUCKETS((requests) + (responses)) * ((requests) > 0 ? 2u : 1u))

/**
 * Bytes of memory that an endpoint with these numbers (acoap_tiny_config_t's; groups 0 or 1) needs:
 * a constant expression.
 */
#define ACOAP_TINY_MEMORY(requests, responses, exchanges_in, peers, reply_bytes, message_bytes,    \
                          groups)                                                                  \
  (ACOAP_TINY_ALIGNED(ACOAP_TINY_ENDPOINT_BYTES) + ACOAP_TINY_ALIGNED(ACOAP_TINY_TABLES_BYTES) +   \
   ACOAP_TINY_ALIGNED((peers)*ACOAP_TINY_EACH_PEER_BYTES(requests, responses)) +                   \
   ACOAP_TINY_ALIGNED((groups)*ACOAP_TINY_EACH_PEER_BYTES(requests, responses)) +                  \
   ACOAP_TINY_ALIGNED(ACOAP_TINY_DEDUP_BYTES) +                                                    \
   ACOAP_TINY_ALIGNED((exchanges_in)*ACOAP_TINY_ENTRY_BYTES) +                                     \
   ACOAP_TINY_ALIGNED((requests) > 0 ? ACOAP_TINY_TOKENS_BYTES : 0u) +                             \
   ACOAP_TINY_ALIGNED(ACOAP_TINY_ALL_BUCKETS(requests, responses, exchanges_in, peers) *           \
                      sizeof(void *)) +                                                            \
   ACOAP_TINY_ALIGNED(reply_bytes) + ACOAP_TINY_ALIGNED((requests)*ACOAP_TINY_REQUEST_BYTES) +     \
   ACOAP_TINY_ALIGNED((responses)*ACOAP_TINY_RESPONSE_BYTES) +                                     \
   ((requests) + (responses) + 1) * (size_t)(message_bytes))

/**
 * The bytes that these numbers need, as acoap_tiny_init counts them; 0 when a number is out of its
 * range.
 */
ACOAP_API size_t acoap_tiny_memory(const acoap_tiny_config_t *config);

/**
 * Make an endpoint in memory of the caller's, aligned for max_align_t. There is nothing to free.
 *
 * @param memory  lent as long as the endpoint is used
 * @param len     its size, at least ACOAP_TINY_MEMORY(...)
 * @param config  borrowed as long as the endpoint is used
 * @param tiny    where to put it
 *
 * Errors:     ACOAP_EINVAL a number out of its range, a callback missing (also `waiting`), memory
 *             too small or misaligned.
 * Reference:  RFC 7252 section 4.
 * Since:      0.2
 */
ACOAP_API int acoap_tiny_init(void *memory, size_t len, const acoap_tiny_config_t *config,
                              acoap_tiny_t **tiny);

/**
 * Hand a datagram in. It is looked at by acoap_tiny_poll: bytes are borrowed until that returns
 * false, or is called again after it has returned true for this datagram.
 *
 * Errors:     ACOAP_EBUSY the last one has not been polled for; ACOAP_EINVAL.
 * Since:      0.2
 */
ACOAP_API int acoap_tiny_receive(acoap_tiny_t *tiny, acoap_time_t now, const acoap_address_t *peer,
                                 const void *bytes, size_t len);
/**
 * The same for a datagram that was sent to a group (section 8): it is never acknowledged or reset,
 * errors are not answered. The leisure of section 8.2 is the caller's: hand it in
 * acoap_tiny_leisure_ms later.
 */
ACOAP_API int acoap_tiny_receive_multicast(acoap_tiny_t *tiny, acoap_time_t now,
                                           const acoap_address_t *peer, const void *bytes,
                                           size_t len);
/** How long to wait before a request to a group is handed in: uniform in [0, DEFAULT_LEISURE]. */
ACOAP_API uint32_t acoap_tiny_leisure_ms(acoap_tiny_t *tiny);

/** What acoap_tiny_poll can tell. */
typedef enum acoap_tiny_event_kind {
  ACOAP_TINY_NOTHING = 0,
  ACOAP_TINY_REQUEST, /* without `serve`: answer `inbound`, or acknowledge it and answer it later */
  ACOAP_TINY_RESPONSE, /* to `exchange`, whatever its code */
  ACOAP_TINY_FAILED, /* `exchange` ended with `status`: ACOAP_ETIMEDOUT, ACOAP_ERESET and so on; 0:
                        a separate response or a ping to `peer` got no ACK */
  ACOAP_TINY_PING,   /* `peer` asked whether this endpoint lives, and was answered */
  ACOAP_TINY_PONG,   /* `peer` answered acoap_tiny_ping */
  ACOAP_TINY_MALFORMED /* a datagram of `peer` was no message: `status` says why; it was dealt with
                        */
} acoap_tiny_event_kind_t;

/** An event. `view` borrows the datagram that was handed in. */
typedef struct acoap_tiny_event {
  acoap_tiny_event_kind_t kind; /* which members are set */
  int exchange;                 /* of acoap_tiny_request_begin; 0: none */
  int status;                   /* a negative error */
  bool closed;                  /* RESPONSE: the exchange is over */
  acoap_address_t peer;         /* whom it is about */
  acoap_view_t view;            /* REQUEST, RESPONSE: the message */
  acoap_tiny_inbound_t inbound; /* REQUEST */
} acoap_tiny_event_t;

/**
 * Do what is due and tell one event. Call it until it returns false.
 *
 * Errors:     false also for NULL.
 * Since:      0.2
 */
ACOAP_API bool acoap_tiny_poll(acoap_tiny_t *tiny, acoap_time_t now, acoap_tiny_event_t *event);

/** When acoap_tiny_poll is wanted next; 0: now; ACOAP_TIME_NEVER: after the next datagram or call.
 */
ACOAP_API acoap_time_t acoap_tiny_next_wake(const acoap_tiny_t *tiny);

/** Counters; borrowed as long as the endpoint. */
ACOAP_API const acoap_stats_t *acoap_tiny_stats(const acoap_tiny_t *tiny);

/* ---- answers later, or to events ------------------------------------------------------------- */

/**
 * Start the answer to a request: piggybacked or a NON when it leaves soon, otherwise a separate
 * response (section 5.2.2) in a place of its own. Finish with acoap_tiny_answer_send before the
 * next acoap_tiny_poll.
 *
 * Errors:     ACOAP_EINVAL it was answered; ACOAP_EEXHAUSTED all `responses` are under way.
 * Ownership:  the builder borrows the endpoint's memory.
 * Since:      0.2
 */
ACOAP_API int acoap_tiny_answer_begin(acoap_tiny_t *tiny, acoap_tiny_inbound_t *inbound,
                                      acoap_builder_t *answer);
/**
 * Send it. A separate response to a CON is a CON: ACOAP_TINY_FAILED tells when it got no ACK.
 *
 * Errors:     the builder's; ACOAP_EINVAL; ACOAP_EEXHAUSTED no peer entry or Message ID is free. On
 *             failure the request is open still.
 * Since:      0.2
 */
ACOAP_API int acoap_tiny_answer_send(acoap_tiny_t *tiny, acoap_time_t now,
                                     acoap_tiny_inbound_t *inbound, const acoap_builder_t *answer);
/** Send the empty ACK: the answer will be separate. Nothing for a NON. */
ACOAP_API int acoap_tiny_acknowledge(acoap_tiny_t *tiny, acoap_time_t now,
                                     acoap_tiny_inbound_t *inbound);
/** Reject a request with RST (section 4.2); nothing to a group. */
ACOAP_API int acoap_tiny_reset(acoap_tiny_t *tiny, acoap_time_t now, acoap_tiny_inbound_t *inbound);

/* ---- a client -------------------------------------------------------------------------------- */

/**
 * Start a request with a fresh token. Returns the exchange's number, above 0, to be finished with
 * acoap_tiny_request_send or dropped with acoap_tiny_request_cancel; ACOAP_EEXHAUSTED: all
 * `requests` are under way.
 */
ACOAP_API int acoap_tiny_request_begin(acoap_tiny_t *tiny, uint8_t method,
                                       acoap_builder_t *request);
/**
 * Send it: exactly one event with `closed` or ACOAP_TINY_FAILED ends it, unless it is cancelled.
 *
 * @param keep  several responses are expected (an observation, a group): it stays open after a
 *              response of class 2 until it is cancelled
 *
 * Errors:     the builder's; ACOAP_EINVAL, also for a CON to a group; ACOAP_EEXHAUSTED. The number
 *             is free again then.
 * Since:      0.2
 */
ACOAP_API int acoap_tiny_request_send(acoap_tiny_t *tiny, acoap_time_t now, int exchange,
                                      const acoap_address_t *peer, acoap_type_t type, bool keep,
                                      const acoap_builder_t *request);
/** Forget it: what still comes is rejected where section 4.2 asks for it. Harmless when it is over.
 */
ACOAP_API void acoap_tiny_request_cancel(acoap_tiny_t *tiny, acoap_time_t now, int exchange);
/** Send a CoAP ping (section 4.3): ACOAP_TINY_PONG or ACOAP_TINY_FAILED follows. */
ACOAP_API int acoap_tiny_ping(acoap_tiny_t *tiny, acoap_time_t now, const acoap_address_t *peer);

/** Which notification came last (RFC 7641 section 3.4). Zero it at the start. */
typedef struct acoap_tiny_observation {
  uint32_t number;   /* the Observe option's */
  acoap_time_t when; /* it came */
  bool any;          /* one came */
} acoap_tiny_observation_t;
/** Is this notification newer than all before? One without an Observe option always is. */
ACOAP_API bool acoap_tiny_is_newer(acoap_tiny_observation_t *observation, acoap_time_t now,
                                   const acoap_view_t *notification);

/* ---- block-wise, streamed (RFC 7959) --------------------------------------------------------- */

/** A part of a body: what this message carries. */
typedef struct acoap_tiny_slice {
  uint32_t offset; /* of its first byte in the body */
  size_t len;      /* bytes */
} acoap_tiny_slice_t;

/** The length of a representation that is not known before its end. */
#define ACOAP_TINY_UNKNOWN UINT32_MAX

/**
 * Server: which part of a representation to write (Block2, section 2.4). All options must be there;
 * then write slice->len bytes from slice->offset on into the room of the payload, fewer at the end
 * of a body of unknown length, followed by acoap_tiny_slice_last. False: an error stands in the
 * answer, send it.
 */
ACOAP_API bool acoap_tiny_slice_begin(const acoap_view_t *request, acoap_builder_t *answer,
                                      uint32_t total, acoap_tiny_slice_t *slice);
/** No further block follows (for ACOAP_TINY_UNKNOWN). */
ACOAP_API void acoap_tiny_slice_last(acoap_builder_t *answer);

/** Server: a body on its way in, block by block, one at a time. Zero it at the start. */
typedef struct acoap_tiny_body {
  acoap_address_t peer; /* whose body */
  acoap_time_t heard;   /* when its last block came */
  uint32_t next;        /* offset that comes next */
  uint32_t tag;         /* of the Request-Tag options (RFC 9175 section 3.3) */
  bool open;            /* blocks are missing */
} acoap_tiny_body_t;
/**
 * Take a block of a request's body (Block1, section 2.5). Blocks come in order: another is 4.08;
 * a second peer gets 5.03 while the first one's body is open and not older than 60 s.
 *
 * Returns 1: store the payload at slice->offset, more follow, the answer is 2.31; 0: the same, and
 * the body is whole: the answer is the handler's; negative: an error stands in the answer, send it.
 */
ACOAP_API int acoap_tiny_body_block(acoap_tiny_body_t *body, const acoap_tiny_request_t *request,
                                    acoap_builder_t *answer, acoap_tiny_slice_t *slice);

/** Client: a representation that is fetched block by block. */
typedef struct acoap_tiny_download {
  uint32_t offset;  /* of the block that comes next */
  uint8_t szx;      /* its size */
  uint8_t etag_len; /* bytes; 0: none came */
  uint8_t etag[8];  /* of the first block */
  bool any;         /* a block came */
} acoap_tiny_download_t;
/** block_size: 16, 32 ... 1024. ACOAP_EINVAL for another. */
ACOAP_API int acoap_tiny_download_init(acoap_tiny_download_t *download, size_t block_size);
/** Ask for the next block: adds Block2. */
ACOAP_API void acoap_tiny_download_option(const acoap_tiny_download_t *download,
                                          acoap_builder_t *request);
/**
 * Take a response. 1: its payload stands at the offset from before, ask for the next block; 0: the
 * same, and it is the last; negative: ACOAP_ECHANGED another ETag, ACOAP_EBLOCK another block.
 */
ACOAP_API int acoap_tiny_download_take(acoap_tiny_download_t *download,
                                       const acoap_view_t *response);

/** Client: a body that is sent block by block. */
typedef struct acoap_tiny_upload {
  uint32_t total;  /* bytes */
  uint32_t offset; /* of the block under way */
  uint8_t szx;     /* its size */
} acoap_tiny_upload_t;
/** block_size: 16, 32 ... 1024. ACOAP_EINVAL for another. */
ACOAP_API int acoap_tiny_upload_init(acoap_tiny_upload_t *upload, uint32_t total,
                                     size_t block_size);
/** Add Block1, unless the body is one block; *slice is what to write into the payload. */
ACOAP_API void acoap_tiny_upload_option(const acoap_tiny_upload_t *upload, acoap_builder_t *request,
                                        acoap_tiny_slice_t *slice);
/**
 * Take a response. 1: send the next block; 0: the answer to the whole body, whatever its code;
 * negative: ACOAP_EINCOMPLETE the server wants to begin again (4.08), or took the first block for
 * the whole body; ACOAP_EBLOCK.
 */
ACOAP_API int acoap_tiny_upload_take(acoap_tiny_upload_t *upload, const acoap_view_t *response);

/* ---- observers (RFC 7641) -------------------------------------------------------------------- */

/** Who observes. Members are private. */
typedef struct acoap_tiny_observer {
  acoap_address_t peer;           /* the other side */
  uint8_t token[ACOAP_TOKEN_MAX]; /* of its request */
  uint8_t token_len;              /* bytes */
  bool used;                      /* somebody stands here */
  bool stale;                     /* has not been sent the newest state */
  int8_t slot;                    /* a notification is under way there; -1: none */
  uint16_t unconfirmed;           /* NON since the last CON */
  acoap_time_t confirmed;         /* when that was */
} acoap_tiny_observer_t;

/** The observers of one resource. Fill in the first three members; others are private, 0. */
typedef struct acoap_tiny_observers {
  acoap_tiny_observer_t *list; /* lent */
  uint16_t count;              /* of them */
  uint16_t confirm_every;      /* every n-th notification is a CON; 0 and 1: each. One a day is
                                  always (section 4.5) */
  const acoap_tiny_resource_t *resources; /* the table */
  const acoap_tiny_resource_t *resource;  /* the row that gives the state */
  struct acoap_tiny_observers *next;      /* of this endpoint */
  uint32_t number;                        /* of the next notification */
  bool listed;                            /* stands in the endpoint's list */
} acoap_tiny_observers_t;

/**
 * For the handler of a GET, before its payload: registers the peer, or lets it go, as the request's
 * Observe option says, and puts the Observe option into the answer. A request whose answer depends
 * on more than its path is not registered. No room: answered, not registered.
 */
ACOAP_API void acoap_tiny_observe(acoap_tiny_observers_t *observers,
                                  const acoap_tiny_request_t *request, acoap_builder_t *answer);
/**
 * The state has changed: every observer is sent what the handler says then. While a notification is
 * under way newer states wait, so that the newest is sent (section 4.5.2); who resets or does not
 * acknowledge one is forgotten. An error of the handler ends the observations.
 */
ACOAP_API void acoap_tiny_notify(acoap_tiny_t *tiny, acoap_tiny_observers_t *observers);

/* ---- the stateless server -------------------------------------------------------------------- */

/**
 * The smallest server: no deduplication, nothing but idempotent handlers (section 4.5 allows that),
 * no separate responses, no observers. It remembers one number.
 */
typedef struct acoap_tiny_stateless {
  const acoap_tiny_resource_t *resources; /* the table; borrowed */
  int (*serve)(const acoap_tiny_request_t *request, acoap_builder_t *answer); /* acoap_tiny_serve */
  uint16_t message_id; /* of the next NON; start at random */
} acoap_tiny_stateless_t;

/**
 * Answer one datagram.
 *
 * @param multicast  it was sent to a group
 * @param out        where to write the answer; must not overlap `bytes`
 * @param cap        its size, at least 16 bytes
 *
 * Returns the length of the datagram to send back, 0 for none, or ACOAP_EINVAL.
 * Reference:  RFC 7252 sections 4.2, 4.3, 4.5, 5.2.
 * Since:      0.2
 */
ACOAP_API int acoap_tiny_stateless_answer(acoap_tiny_stateless_t *server, acoap_time_t now,
                                          const acoap_address_t *peer, bool multicast,
                                          const void *bytes, size_t len, uint8_t *out, size_t cap);

ACOAP_END_DECLS

#endif
