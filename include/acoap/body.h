/*
 * Bodies (RFC 7959 section 1.3): what a response or a request carries as a whole, however many
 * blocks it takes. A response's body is one version of a representation: from memory, or read piece
 * by piece from wherever it is; the library keeps it while a transfer or an observer needs it. A
 * request's body is joined for the handler, or handed to a writer block by block.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BODY_H
#define ACOAP_BODY_H

#include <acoap/endpoint.h>

ACOAP_BEGIN_DECLS

/* ---- response bodies ------------------------------------------------------------------------- */

/** One version of a representation. Shared: acoap_body_ref, acoap_body_unref. */
typedef struct acoap_body acoap_body_t;

/** A size that shows itself only at the end. */
#define ACOAP_BODY_SIZE_UNKNOWN UINT64_MAX

/** Where a body's bytes come from; set `size` first. */
typedef struct acoap_body_ops {
  size_t size; /* sizeof(acoap_body_ops_t) */
  /**
   * Write up to `cap` bytes of the body, from `offset` on, into `room`. Returns how many; fewer
   * than `cap` only at the body's end, 0 at or behind it. ACOAP_EAGAIN: not yet; call
   * acoap_body_ready when there are some, then the same is asked again. Another negative error
   * fails the transfer with 5.00. Called from the loop only.
   */
  int (*read)(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room, size_t cap);
  /** The last reference went; may be NULL. */
  void (*release)(void *user_data);
  /**
   * True: offsets never go back, for what can be read once only (a pipe, a generator). A client
   * that asks for an earlier block than the last one, or leaves one out, gets 4.00.
   */
  bool sequential;
} acoap_body_ops_t;

/** A body in memory of its own, copied. NULL without memory. */
ACOAP_API acoap_body_t *acoap_body_copy(const void *bytes, size_t len);

/**
 * A body in memory that stays as it is until `release` is called (NULL: for ever). On failure
 * (NULL) it is called at once.
 */
ACOAP_API acoap_body_t *acoap_body_lend(const void *bytes, size_t len,
                                        void (*release)(void *user_data), void *user_data);

/**
 * A body that is read piece by piece.
 *
 * @param ops        borrowed as long as the body
 * @param len        bytes, or ACOAP_BODY_SIZE_UNKNOWN; a known one is sent as Size2, and reading
 *                   less fails the transfer
 * Returns NULL without memory or for an invalid table; `release` was called then.
 * Reference: RFC 7959 sections 2.4 and 4.
 */
ACOAP_API acoap_body_t *acoap_body_read(const acoap_body_ops_t *ops, uint64_t len, void *user_data);

/** Keep it. NULL gives NULL. Returns the body. */
ACOAP_API acoap_body_t *acoap_body_ref(acoap_body_t *body);
/** Give a reference back; NULL is fine. Returns NULL. */
ACOAP_API acoap_body_t *acoap_body_unref(acoap_body_t *body);

/**
 * Name the version: 1 to 8 bytes, sent as ETag with every block and compared with those of
 * requests. Without it the library makes one for bodies that take more than a block (from the bytes
 * in memory; a serial number for those that are read). ACOAP_EINVAL.
 */
ACOAP_API int acoap_body_set_etag(acoap_body_t *body, const void *etag, size_t len);

/** The read that answered ACOAP_EAGAIN has something now (or knows its error now). */
ACOAP_API void acoap_body_ready(acoap_body_t *body);

/**
 * Begin, Content-Format (ACOAP_FORMAT_NONE: none), body, send: of any size, in the blocks that the
 * client asks for. Takes the reference on every path; NULL answers 5.00. Only for requests of a
 * server's resources (ACOAP_ENOTSUP otherwise).
 */
ACOAP_API int acoap_request_respond_body(acoap_request_t *request, uint8_t code, int content_format,
                                         acoap_body_t *body);

/**
 * As acoap_request_send, with this body instead of a payload in the builder. Takes the reference on
 * every path.
 */
ACOAP_API int acoap_request_send_body(acoap_request_t *request, acoap_body_t *body,
                                      acoap_reliability_t reliability);

/**
 * Answer with a file: opened, measured and read without blocking the loop; the ETag is made of its
 * metadata. The request is kept meanwhile. What is no regular file or is not there: 4.04; may not
 * be read: 4.03. ACOAP_ENOTSUP where the endpoint's host cannot do work beside the loop.
 */
ACOAP_API int acoap_request_respond_file(acoap_request_t *request, uint8_t code, int content_format,
                                         const char *path);

/* ---- request bodies -------------------------------------------------------------------------- */

/** A request body on its way in (RFC 7959 section 2.5). */
typedef struct acoap_upload acoap_upload_t;

/** Takes a request's body block by block, in constant memory; set `size` first. */
typedef struct acoap_upload_ops {
  size_t size; /* sizeof(acoap_upload_ops_t) */
  /**
   * A body begins (one in a single message, too). `first` is its first request, borrowed; `total`
   * is what Size1 announces, or ACOAP_BODY_SIZE_UNKNOWN. 0, or a response code that refuses it
   * (ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE, ...), or a negative error (5.00). After a refusal nothing
   * else is called.
   */
  int (*begin)(void *user_data, acoap_upload_t *upload, acoap_request_t *first, uint64_t total);
  /**
   * The next bytes, borrowed, of one block or of several. 0; ACOAP_EAGAIN: taken, but say
   * acoap_upload_ready when it is done (the next block is asked for only then); a response code or
   * a negative error ends the transfer with it, and `abort` follows.
   */
  int (*write)(void *user_data, acoap_upload_t *upload, uint64_t offset, acoap_bytes_t bytes);
  /**
   * The body will not be completed: ACOAP_ETIMEDOUT, ACOAP_ECANCELED (begun anew, the resource or
   * the server goes), ACOAP_EEXHAUSTED (forgotten in favour of others), or what write returned.
   * After a complete body the method's handler runs instead (see acoap_request_upload).
   */
  void (*abort)(void *user_data, acoap_upload_t *upload, int status);
} acoap_upload_ops_t;

/** A pointer of the writer's own; NULL at first. */
ACOAP_API void acoap_upload_set_data(acoap_upload_t *upload, void *data);
/** What was set. */
ACOAP_API void *acoap_upload_data(const acoap_upload_t *upload);
/** Bytes written so far. */
ACOAP_API uint64_t acoap_upload_len(const acoap_upload_t *upload);
/** The write that answered ACOAP_EAGAIN is done: 0, a response code, or a negative error. */
ACOAP_API void acoap_upload_ready(acoap_upload_t *upload, int status);

/** In a handler: the upload whose body is complete, borrowed until the request is answered; NULL.
 */
ACOAP_API acoap_upload_t *acoap_request_upload(const acoap_request_t *request);

ACOAP_END_DECLS

#endif
