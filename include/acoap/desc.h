/*
 * Send descriptors: what to ask for and how, as a stack of layers. Building needs no checks: NULL
 * (no memory) is accepted by every function, the first failure sticks and is what acoap_send()
 * returns. acoap_send() consumes the descriptor on every path; one that is never sent is given up
 * with acoap_desc_free().
 *
 * A later call is an outer layer and sees inbound messages first. Observe and multicast stand
 * around the block-wise layers wherever they are called, since a notification or an answer of a
 * group is fetched block by block as one.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_DESC_H
#define ACOAP_DESC_H

#include <acoap/message.h>
#include <acoap/params.h>
#include <acoap/qblock.h>
#include <acoap/remote.h>

ACOAP_BEGIN_DECLS

/** A request being described. One owner, who gives it to acoap_send() or acoap_desc_free(). */
typedef struct acoap_desc acoap_desc_t;

/* ---- what ------------------------------------------------------------------------------------ */

/**
 * A request with any method code, also unknown ones (0.01 to 0.31). NULL without memory; another
 * code sticks as ACOAP_EINVAL.
 */
ACOAP_API acoap_desc_t *acoap_desc_new(uint8_t method);
/** A GET (RFC 7252 section 5.8.1); NULL without memory, as for all of these. */
ACOAP_API acoap_desc_t *acoap_desc_get(void);
/** A POST (RFC 7252 section 5.8.2). */
ACOAP_API acoap_desc_t *acoap_desc_post(void);
/** A PUT (RFC 7252 section 5.8.3). */
ACOAP_API acoap_desc_t *acoap_desc_put(void);
/** A DELETE (RFC 7252 section 5.8.4). */
ACOAP_API acoap_desc_t *acoap_desc_delete(void);
/** A FETCH (RFC 8132 section 2). */
ACOAP_API acoap_desc_t *acoap_desc_fetch(void);
/** A PATCH (RFC 8132 section 3). */
ACOAP_API acoap_desc_t *acoap_desc_patch(void);
/** An iPATCH, which may be repeated without harm (RFC 8132 section 3). */
ACOAP_API acoap_desc_t *acoap_desc_ipatch(void);
/**
 * A CoAP ping (RFC 7252 section 4.3): an Empty CON; the RST is its success, with a message that is
 * that RST. Other layers' options are not sent.
 */
ACOAP_API acoap_desc_t *acoap_desc_ping(void);
/** Give up a descriptor that was not sent; its destroy callbacks run. NULL is fine. */
ACOAP_API void acoap_desc_free(acoap_desc_t *desc);

/** Add an option; the value is copied. */
ACOAP_API void acoap_desc_option(acoap_desc_t *desc, uint16_t number, const void *value,
                                 size_t len);
/** Add an option whose value is a number, in as few bytes as it needs (RFC 7252 section 3.2). */
ACOAP_API void acoap_desc_option_uint(acoap_desc_t *desc, uint16_t number, uint32_t value);
/** Replace the options of this number that inner layers or the remote endpoint put in. */
ACOAP_API void acoap_desc_option_replace(acoap_desc_t *desc, uint16_t number, const void *value,
                                         size_t len);
/** Ask for this Content-Format (RFC 7252 section 5.10.4). */
ACOAP_API void acoap_desc_accept(acoap_desc_t *desc, int content_format);
/** Say what the payload is (RFC 7252 section 5.10.3). */
ACOAP_API void acoap_desc_content_format(acoap_desc_t *desc, int content_format);
/** Further path segments behind the remote endpoint's path: "sensors/t", percent-encoded. */
ACOAP_API void acoap_desc_path(acoap_desc_t *desc, const char *path);
/** Further query arguments: "u=c&v=1", percent-encoded. */
ACOAP_API void acoap_desc_query(acoap_desc_t *desc, const char *query);
/** The body in one message; copied. Longer than a message is ACOAP_ETOOBIG: use block1. */
ACOAP_API void acoap_desc_payload(acoap_desc_t *desc, const void *payload, size_t len);
/**
 * Writes the payload in place each time the request is built. Returns its length, or a negative
 * error that ends the send.
 */
typedef int (*acoap_payload_writer_cb)(void *user_data, uint8_t *room, size_t cap);
/** The body in one message, written each time by a function instead of copied. */
ACOAP_API void acoap_desc_payload_writer(acoap_desc_t *desc, acoap_payload_writer_cb writer,
                                         void *user_data);

/* ---- how it is sent -------------------------------------------------------------------------- */

/** CON (the default, but for multicast) or NON. */
ACOAP_API void acoap_desc_confirmable(acoap_desc_t *desc);
/** Send NON: not retransmitted (RFC 7252 section 4.3). */
ACOAP_API void acoap_desc_nonconfirmable(acoap_desc_t *desc);
/** Transmission parameters of this send. Copied. */
ACOAP_API void acoap_desc_params(acoap_desc_t *desc, const acoap_params_t *params);
/** Give up after so long, everything counted (lookup, queueing, all blocks): ACOAP_ETIMEDOUT. */
ACOAP_API void acoap_desc_deadline(acoap_desc_t *desc, uint32_t deadline_ms);
/**
 * Ask again up to `times` on timeout, reset, or 5.03 and 4.29 (after Max-Age, else after pause_ms,
 * doubled each time).
 */
ACOAP_API void acoap_desc_retry(acoap_desc_t *desc, uint32_t times, uint32_t pause_ms);
/** Send a NON `copies` times in all, gap_ms apart, the same token, Message IDs of their own. */
ACOAP_API void acoap_desc_burst(acoap_desc_t *desc, uint32_t copies, uint32_t gap_ms);
/** This token (at most 8 bytes) instead of random ones, kept for the whole transfer. */
ACOAP_API void acoap_desc_token(acoap_desc_t *desc, const void *token, size_t len);
/** One (random) token for a whole block-wise transfer, for servers that join blocks by token. */
ACOAP_API void acoap_desc_keep_token(acoap_desc_t *desc);
/**
 * Take a response from any address and port (against RFC 7252 section 5.3.2; for servers that
 * answer from elsewhere).
 */
ACOAP_API void acoap_desc_any_source(acoap_desc_t *desc);
/**
 * Take responses with this critical option, which the library does not know; may be called for
 * several. One that the request carries is taken anyway. Any other unknown critical option ends the
 * send with ACOAP_EBADOPTION (from a responder of a group, its answer is dropped).
 *
 * Errors:     ACOAP_ENOMEM.
 * Reference:  RFC 7252 section 5.4.1.
 * Since:      0.1
 */
ACOAP_API void acoap_desc_understands(acoap_desc_t *desc, uint16_t number);
/**
 * No-Response (RFC 7967): a sum of 2, 8, 16 for 2.xx, 4.xx, 5.xx. With all three nothing is
 * expected and the send succeeds once sent (message NULL).
 */
ACOAP_API void acoap_desc_no_response(acoap_desc_t *desc, uint8_t suppressed);

/* ---- bodies, block by block (RFC 7959) ------------------------------------------------------- */

/**
 * Send a body in blocks; copied. Size1 goes with the first block. A server that asks for a smaller
 * size gets it; 4.13 with a smaller Block1 starts again with that size. ACOAP_EINCOMPLETE when the
 * server took the first block for the body.
 *
 * @param size  16, 32, ... 1024; 0: 1024
 */
ACOAP_API void acoap_desc_block1(acoap_desc_t *desc, size_t size, const void *body, size_t len);
/**
 * Reads the body at `offset` into room; returns the bytes read (less than cap only at the end), or
 * a negative error that ends the send.
 */
typedef int (*acoap_body_reader_cb)(void *user_data, uint64_t offset, uint8_t *room, size_t cap);
/** As block1, in constant memory. total: bytes, or -1 when not known (then no Size1 is sent). */
ACOAP_API void acoap_desc_block1_reader(acoap_desc_t *desc, size_t size, int64_t total,
                                        acoap_body_reader_cb reader, void *user_data);
/**
 * Fetch the remaining blocks of a large response.
 *
 * @param size  preferred block size in bytes: 16, 32, ... 1024; 0 lets the server choose
 *
 * Errors:     ACOAP_EINVAL other size; ACOAP_ENOMEM. Kept, returned by acoap_send(). At run time
 *             ACOAP_ECHANGED (the ETag changed twice; once is restarted from the first block),
 *             ACOAP_EBLOCK (the server's blocks do not fit together).
 * Ownership:  nothing is retained.
 * Reference:  RFC 7959 section 2.4.
 * Since:      0.1
 */
ACOAP_API void acoap_desc_block2(acoap_desc_t *desc, size_t size);
/**
 * Keep up to n requests for blocks in flight, each with a token of its own, instead of one at a
 * time. The blocks are still handed on in order and of one version; those that come early are kept,
 * at most n of them. Begins with n in flight, halves that when a message is lost (once per round
 * trip) and adds one per round trip without a loss; a request that three later ones have overtaken
 * is made anew without waiting for ACK_TIMEOUT. A server that answers one of several requests with
 * an error is asked for the rest one by one.
 *
 * This raises NSTART to n for these requests, and for them alone: whoever calls it says that the
 * path to the server bears it (RFC 7252 section 4.7). Without effect when one token is to be used
 * for all requests (acoap_desc_token, acoap_desc_keep_token). Adds block2 when nobody has.
 *
 * @param n  1 (one at a time) to 128
 *
 * Errors:     ACOAP_EINVAL other n; ACOAP_ENOMEM. Kept, returned by acoap_send().
 * Reference:  RFC 7959 section 2.4, RFC 7252 section 4.7.
 * Since:      0.2
 */
ACOAP_API void acoap_desc_block2_window(acoap_desc_t *desc, size_t n);
/**
 * The same for a request body: once the server has answered the first block with 2.31, up to n
 * blocks are in flight; the last one goes when all others are there. A server that takes blocks in
 * order only says 4.08 to one that came too early, and gets the rest one by one. The blocks carry a
 * Request-Tag, so that they are told from those of another body. Needs block1.
 *
 * @param n  1 (one at a time) to 128
 *
 * Errors:     ACOAP_EINVAL other n. Kept, returned by acoap_send().
 * Reference:  RFC 7959 section 2.5, RFC 9175 section 3.3, RFC 7252 section 4.7.
 * Since:      0.2
 */
ACOAP_API void acoap_desc_block1_window(acoap_desc_t *desc, size_t n);
/**
 * Move bodies with Q-Block1 and Q-Block2 (RFC 9177) when the server knows them, in both directions:
 * in sets of non-confirmable messages, of which only what was lost is sent again. For paths that
 * lose much, or lose one way only, and for servers one trusts. Everything else of the descriptor
 * stays as it is: block1, collect, block_writer, inspect, observe see the blocks in order, and at
 * most two sets wait for their turn.
 *
 * What is not known of a server is learnt from the first request, which is a CON: one that answers
 * 4.02 gets Block1 and Block2 from then on, also from other sends to the same authority; one that
 * answers with Block2 does so for this body. Without acoap_desc_confirmable and
 * acoap_desc_nonconfirmable the request that begins a download is a CON, and what follows are NON;
 * with the one all are CON, with the other all are NON once the server is known.
 *
 * A body whose length is not known beforehand goes with Block1 (Size1 has to be exact, RFC 9177
 * section 4.6). Without effect when one token is to be used for all requests (acoap_desc_token,
 * acoap_desc_keep_token), for bursts, and when no response is wanted. A group is no partner
 * (section 4.8): acoap_send returns ACOAP_EINVAL. Adds block2 when nobody has.
 *
 * @param params  copied; NULL: those that follow from the remote's transmission parameters
 *
 * Errors:     ACOAP_EINVAL params out of range; ACOAP_ENOMEM. Kept, returned by acoap_send().
 * Reference:  RFC 9177 sections 3.3, 4, 6 and 7.2.
 * Since:      0.2
 */
ACOAP_API void acoap_desc_qblock(acoap_desc_t *desc, const acoap_qblock_params_t *params);
/**
 * Join the blocks: the final message's payload is the whole body. Longer than body_max_bytes is
 * ACOAP_ETOOBIG (also when Size2 says so first).
 */
ACOAP_API void acoap_desc_collect(acoap_desc_t *desc, size_t body_max_bytes);
/**
 * Takes the body piece by piece, in order; offset 0 means a (new) start, what came before is void.
 * total: bytes, -1 unknown. Return 0, or a negative error that ends the send.
 */
typedef int (*acoap_body_writer_cb)(void *user_data, uint64_t offset, const uint8_t *bytes,
                                    size_t len, int64_t total);
/** Hand the body's blocks to a writer, in constant memory; the final message's payload is empty. */
ACOAP_API void acoap_desc_block_writer(acoap_desc_t *desc, acoap_body_writer_cb writer,
                                       void *user_data);

/** How far a transfer is. */
typedef struct acoap_progress {
  bool upload;              /* request body (Block1); otherwise response body */
  uint64_t bytes;           /* so far */
  int64_t total;            /* in all; -1 unknown */
  uint32_t block_size;      /* bytes; 0: not block-wise */
  uint32_t retransmissions; /* so far, of all requests of this send */
} acoap_progress_t;
/**
 * Sees every inbound message as it comes, whatever its code, before inner layers do; only a 4.01
 * with Echo is answered by the library before anybody sees it (RFC 9175 section 2.3). message is
 * borrowed, NULL for none.
 */
typedef void (*acoap_inspect_cb)(void *user_data, const acoap_progress_t *progress,
                                 acoap_message_t *message);
/** Look at each inbound message as it passes, for progress and the like; it goes on unchanged. */
ACOAP_API void acoap_desc_inspect(acoap_desc_t *desc, acoap_inspect_cb inspect, void *user_data);

/* ---- many results ---------------------------------------------------------------------------- */

/** How an observation behaves; set `size`, leave the rest zero for the defaults. */
typedef struct acoap_observe_options {
  size_t size; /* sizeof(acoap_observe_options_t) */
  /* forget the token (the next notification gets a RST) instead of GET with Observe 1 */
  bool silent_deregister;
  /*
   * do not ask again when Max-Age (and a random 5 to 15 s) is over without a notification: end with
   * ACOAP_ETIMEDOUT
   */
  bool no_reregister;
  /*
   * ACOAP_ENOTOBSERVED when the server answers without registering; otherwise that answer is the
   * only item
   */
  bool require;
} acoap_observe_options_t;
/**
 * Observe the resource: each fresh notification is an item of the stream. Needs
 * acoap_send_stream(). Older notifications (RFC 7641 section 3.4) are dropped; an error response
 * ends the stream with it. Dropping the stream deregisters.
 * Reference: RFC 7641 section 3.
 */
ACOAP_API void acoap_desc_observe(acoap_desc_t *desc, const acoap_observe_options_t *options);

/** How a multicast request behaves; set `size`, leave the rest zero for the defaults. */
typedef struct acoap_multicast_options {
  size_t size; /* sizeof(acoap_multicast_options_t) */
  /* collect answers for so long after the last copy was sent [DEFAULT_LEISURE + 3 s; at least] */
  uint32_t wait_ms;
  uint8_t hop_limit;  /* [1 for IPv4 and up to link-local scope, 5 for wider IPv6 scopes] */
  uint32_t queue_max; /* answers kept while the stream is paused [64] */
  /*
   * distinct responders remembered to remove duplicates [1024]; further answers are dropped and
   * counted
   */
  uint32_t responders_max;
} acoap_multicast_options_t;
/**
 * Ask a group: each answer is an item of the stream, once per responder; larger ones are continued
 * by unicast when block2 is there too. The stream ends after wait_ms. With acoap_send() the first
 * successful answer is the result.
 * Reference: RFC 7252 section 8.
 */
ACOAP_API void acoap_desc_multicast(acoap_desc_t *desc, const acoap_multicast_options_t *options);

/* ---- what counts as a result ----------------------------------------------------------------- */

/**
 * Any response, 4.xx and 5.xx too, has status 0. (By default these have status ACOAP_ECLIENTERROR
 * and ACOAP_ESERVERERROR, with the message.)
 */
ACOAP_API void acoap_desc_emit_any(acoap_desc_t *desc);
/**
 * Only 2.xx responses are given; others are dropped from a multicast stream, and end anything else
 * with an error without message.
 */
ACOAP_API void acoap_desc_emit_successful(acoap_desc_t *desc);
/** Only this code is a success; another is ACOAP_EUNEXPECTED, with the message. */
ACOAP_API void acoap_desc_emit_code(acoap_desc_t *desc, uint8_t code);
/**
 * Put the responder's address into *address before each result; borrowed until the send is over.
 */
ACOAP_API void acoap_desc_include_address(acoap_desc_t *desc, acoap_address_t *address);
/**
 * Called exactly once when the descriptor is gone, whatever happened; several calls run in reverse
 * order.
 */
ACOAP_API void acoap_desc_on_destroy(acoap_desc_t *desc, void (*destroy)(void *user_data),
                                     void *user_data);

/* ---- own layers ------------------------------------------------------------------------------ */

/** A send under way, as layers see it. Valid inside their functions only. */
typedef struct acoap_exchange acoap_exchange_t;

/** What `handle` decides; negative values are errors that end the send. */
typedef enum acoap_verdict {
  ACOAP_DONE = 0, /* the message is the result (the last item of a stream) */
  /* build and send another request; a message that was not consumed is an item of a stream */
  ACOAP_SEND_NEXT = 1,
  ACOAP_CONTINUE = 2 /* wait for more; a message that was not consumed is an item of a stream */
} acoap_verdict_t;

/** Changed by the layers' `timing`, from the innermost to the outermost, before each request. */
typedef struct acoap_timing {
  size_t size;               /* sizeof(acoap_timing_t) */
  acoap_type_t type;         /* CON or NON */
  acoap_params_t params;     /* transmission parameters */
  uint32_t deadline_ms;      /* of the whole send; 0: none */
  uint32_t burst_copies;     /* NON copies; 0 and 1: one */
  uint32_t burst_gap_ms;     /* between them */
  bool keep;                 /* expect more than one response to this request */
  bool any_source;           /* see acoap_desc_any_source */
  bool no_response_expected; /* see acoap_desc_no_response */
  bool keep_token;           /* the next request has the token of this one */
} acoap_timing_t;

/**
 * A layer: a table of functions over a user's object. Ours are made of the same table. Each
 * function may be NULL.
 */
typedef struct acoap_layer_ops {
  size_t size; /* sizeof(acoap_layer_ops_t) */
  /**
   * Write options and payload of the next request, behind the inner layers'. 0 or a negative error
   * that ends the send.
   */
  int (*write)(void *layer, acoap_exchange_t *exchange, acoap_builder_t *builder);
  /**
   * Handle a response (acoap_exchange_message) or an error (acoap_exchange_status); pass it on with
   * acoap_exchange_inner. A verdict or a negative error.
   */
  int (*handle)(void *layer, acoap_exchange_t *exchange);
  /** Change how the next request is sent. */
  void (*timing)(void *layer, acoap_timing_t *timing);
  /**
   * A time set with acoap_exchange_wake_at has come: a verdict or a negative error; ACOAP_CONTINUE
   * to do nothing.
   */
  int (*wake)(void *layer, acoap_exchange_t *exchange);
  /**
   * A copy for fetching one responder's or one notification's remaining blocks by a request of its
   * own; NULL result: no memory. Absent: the layer is not needed there.
   */
  void *(*clone)(const void *layer);
  /** Free the layer. */
  void (*destroy)(void *layer);
} acoap_layer_ops_t;

/**
 * Add a layer. It is destroyed with the descriptor, also when this call fails. The table is
 * borrowed and must stay.
 */
ACOAP_API void acoap_desc_layer(acoap_desc_t *desc, const acoap_layer_ops_t *ops, void *layer);
/**
 * A layer of one function: called with each response or error in place of the inner layers (it may
 * call acoap_exchange_inner). Returns a verdict or an error.
 */
typedef int (*acoap_handler_cb)(void *user_data, acoap_exchange_t *exchange);
/** Add a layer of one function. */
ACOAP_API void acoap_desc_handler(acoap_desc_t *desc, acoap_handler_cb handler, void *user_data);

/** 0 when a response came, or the negative error that is being handled. */
ACOAP_API int acoap_exchange_status(const acoap_exchange_t *exchange);
/** The response in hand, borrowed; NULL for errors and when it was consumed. */
ACOAP_API acoap_message_t *acoap_exchange_message(const acoap_exchange_t *exchange);
/**
 * Put another message (or NULL: consumed) in its place; the exchange takes a reference of its own.
 */
ACOAP_API void acoap_exchange_set_message(acoap_exchange_t *exchange, acoap_message_t *message);
/**
 * Ask the next inner layer; the innermost gives ACOAP_DONE for 2.xx, ACOAP_ECLIENTERROR,
 * ACOAP_ESERVERERROR, ACOAP_EUNEXPECTED, or the error in hand.
 */
ACOAP_API int acoap_exchange_inner(acoap_exchange_t *exchange);
/**
 * Is this response a notification of the observation (or an answer of the group), rather than one
 * to a follow-up request?
 */
ACOAP_API bool acoap_exchange_is_notification(const acoap_exchange_t *exchange);
/** Requests built so far by this send. */
ACOAP_API uint32_t acoap_exchange_requests(const acoap_exchange_t *exchange);
/** Requests retransmitted so far by this send. */
ACOAP_API uint32_t acoap_exchange_retransmissions(const acoap_exchange_t *exchange);
/** The endpoint's clock. */
ACOAP_API acoap_time_t acoap_exchange_now(const acoap_exchange_t *exchange);
/** Who is asked, borrowed. */
ACOAP_API acoap_remote_endpoint_t *acoap_exchange_remote(const acoap_exchange_t *exchange);
/** Pause before the request that ACOAP_SEND_NEXT asks for. */
ACOAP_API void acoap_exchange_delay(acoap_exchange_t *exchange, uint32_t pause_ms);
/** Call the calling layer's `wake` at `at`; ACOAP_TIME_NEVER: not at all. One time per layer. */
ACOAP_API void acoap_exchange_wake_at(acoap_exchange_t *exchange, acoap_time_t at);

ACOAP_END_DECLS

#endif
