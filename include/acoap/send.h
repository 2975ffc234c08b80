/*
 * Sending, futures and streams.
 *
 * A negative return: nothing happened and no callback runs (but destroy callbacks). Zero: exactly
 * one final callback, from the loop, never inside the call; also for NON, at timeout, on ICMP
 * errors, and when the endpoint closes (ACOAP_ECANCELED). Only who drops the future or stream hears
 * nothing more but the destroy callbacks.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SEND_H
#define ACOAP_SEND_H

#include <acoap/desc.h>

ACOAP_BEGIN_DECLS

/** A result to come. Shared: acoap_future_ref, acoap_future_unref. */
typedef struct acoap_future acoap_future_t;
/** Results to come, and one end. Shared: acoap_stream_ref, acoap_stream_unref. */
typedef struct acoap_stream acoap_stream_t;

/**
 * The result. status: 0, or a negative error; message: borrowed; there with status 0 (but for
 * acoap_desc_no_response) and with error responses.
 */
typedef void (*acoap_response_cb)(void *user_data, int status, acoap_message_t *message);

/**
 * Send a request.
 *
 * @param remote       who is asked; a reference is taken
 * @param desc         consumed on every path
 * @param on_response  called once; may be NULL
 * @param user_data    handed to it
 * @param future       NULL, or where to put a reference to the result to come; dropping the last
 *                     reference cancels
 *
 * Errors:     what stuck in the descriptor; ACOAP_EINVAL (NULL remote; an observe descriptor; a
 *             group without acoap_desc_multicast; multicast over a secure scheme), ACOAP_ENOMEM,
 *             ACOAP_ECLOSED.
 * Ownership:  the future is the caller's reference.
 * Since:      0.1
 */
ACOAP_API int acoap_send(acoap_remote_endpoint_t *remote, acoap_desc_t *desc,
                         acoap_response_cb on_response, void *user_data, acoap_future_t **future);

/* ---- futures --------------------------------------------------------------------------------- */

/*
 * Combinators take over the references they are given (also on failure) and return the caller's
 * reference to the new future, or NULL without memory; NULL is accepted in place of any future and
 * fails the combination with ACOAP_ENOMEM. So chains need no checks.
 */

/** One reference more; NULL is fine. */
ACOAP_API acoap_future_t *acoap_future_ref(acoap_future_t *future);
/**
 * Dropping the last reference cancels, silently, also from inside its own callback. Returns NULL;
 * NULL is fine.
 */
ACOAP_API acoap_future_t *acoap_future_unref(acoap_future_t *future);

/** True when the result is there. */
ACOAP_API bool acoap_future_settled(const acoap_future_t *future);
/** The status of a settled future; ACOAP_EAGAIN before. */
ACOAP_API int acoap_future_status(const acoap_future_t *future);
/** The message of a settled future, borrowed; NULL when there is none. */
ACOAP_API acoap_message_t *acoap_future_message(const acoap_future_t *future);

/**
 * Call `done` once with the result, from the loop (in the next turn when it is settled already).
 * ACOAP_EBUSY when one is set. The call does not hold a reference.
 */
ACOAP_API int acoap_future_on_settled(acoap_future_t *future, acoap_response_cb done,
                                      void *user_data);

/**
 * A future that is settled (from the loop's next turn on) with this result; takes a reference of
 * its own to message.
 */
ACOAP_API acoap_future_t *acoap_future_of(acoap_local_endpoint_t *endpoint, int status,
                                          acoap_message_t *message);

/**
 * The next step: may send again and return that future (a reference, taken over), or NULL: the
 * result stands as it is.
 */
typedef acoap_future_t *(*acoap_then_cb)(void *user_data, int status, acoap_message_t *message);
/** When `future` settles, `next` decides how it goes on. */
ACOAP_API acoap_future_t *acoap_future_then(acoap_future_t *future, acoap_then_cb next,
                                            void *user_data);
/**
 * Settles when all have settled: status 0, or the first error in the order of the array (all are
 * waited for). The parts are read with acoap_future_part.
 */
ACOAP_API acoap_future_t *acoap_future_all(acoap_future_t *const *futures, size_t count);
/**
 * Settles with the first success; the others are cancelled. When all fail, with the last failure.
 */
ACOAP_API acoap_future_t *acoap_future_any(acoap_future_t *const *futures, size_t count);
/** Settles as `future`, or after timeout_ms with ACOAP_ETIMEDOUT, cancelling it. */
ACOAP_API acoap_future_t *acoap_future_timeout(acoap_future_t *future, uint32_t timeout_ms);
/** The n-th part of an `all` or `any`, borrowed; NULL when there is none (or it was cancelled). */
ACOAP_API acoap_future_t *acoap_future_part(const acoap_future_t *future, size_t n);
/**
 * Run the loop until it settles; returns its status. ACOAP_EBUSY inside a callback, ACOAP_EEND when
 * the loop has nothing left to wait for. For tools and tests.
 */
ACOAP_API int acoap_future_wait(acoap_future_t *future);

/* ---- streams --------------------------------------------------------------------------------- */

/**
 * Send a request with many results: `on_item` is called with status 0 and a message for each, then
 * exactly once with a negative status for the end: ACOAP_EEND (message NULL), or an error (with the
 * message for an error response). Parameters and errors as acoap_send; an observe descriptor is
 * welcome here.
 */
ACOAP_API int acoap_send_stream(acoap_remote_endpoint_t *remote, acoap_desc_t *desc,
                                acoap_response_cb on_item, void *user_data,
                                acoap_stream_t **stream);

/** One reference more; NULL is fine. */
ACOAP_API acoap_stream_t *acoap_stream_ref(acoap_stream_t *stream);
/**
 * Dropping the last reference cancels, silently (an observation is deregistered). Returns NULL;
 * NULL is fine.
 */
ACOAP_API acoap_stream_t *acoap_stream_unref(acoap_stream_t *stream);
/**
 * No items until resume: a block transfer asks for no next block, an observation keeps only the
 * newest, a multicast queues up to its bound, then counts what it dropped.
 */
ACOAP_API void acoap_stream_pause(acoap_stream_t *stream);
/** Items go on, from the loop. */
ACOAP_API void acoap_stream_resume(acoap_stream_t *stream);
/** True between pause and resume. */
ACOAP_API bool acoap_stream_paused(const acoap_stream_t *stream);
/** Items dropped while paused, answers of responders beyond the bound counted too. */
ACOAP_API uint64_t acoap_stream_dropped(const acoap_stream_t *stream);
/** True when the end was given. */
ACOAP_API bool acoap_stream_ended(const acoap_stream_t *stream);

/* ---- browsing -------------------------------------------------------------------------------- */

/** What happened to a responder. */
typedef enum acoap_browse_change {
  ACOAP_APPEARED = 1,
  ACOAP_CHANGED,
  ACOAP_GONE
} acoap_browse_change_t;

/** How to browse; set `size`, leave the rest zero for the defaults. */
typedef struct acoap_browse_options {
  size_t size;             /* sizeof(acoap_browse_options_t) */
  uint32_t interval_ms;    /* between two discoveries [60 s] */
  uint32_t misses_max;     /* gone after so many unanswered discoveries [3] */
  uint32_t responders_max; /* [1024] */
  size_t body_max_bytes;   /* of one responder's links [64 KiB] */
  /* as for each discovery; its size may be 0 for the defaults */
  acoap_multicast_options_t multicast;
} acoap_browse_options_t;

/**
 * A responder came, changed its answer, or has gone (message: its last answer). status: 0; or, as
 * the last call, the error that ended it (ACOAP_ECANCELED at close), with change 0 and message
 * NULL.
 */
typedef void (*acoap_browse_cb)(void *user_data, int status, acoap_browse_change_t change,
                                const acoap_address_t *responder, acoap_message_t *message);

/** Browsing under way. One owner: acoap_browse_free. */
typedef struct acoap_browse acoap_browse_t;
/**
 * Discover again and again; `remote` is usually acoap_remote_endpoint_all_coap_nodes(...,
 * "/.well-known/core?rt=x"). Free stops it, silently.
 */
ACOAP_API int acoap_browse(acoap_remote_endpoint_t *remote, const acoap_browse_options_t *options,
                           acoap_browse_cb on_change, void *user_data, acoap_browse_t **browse);
/** Stop browsing, silently; NULL is fine. */
ACOAP_API void acoap_browse_free(acoap_browse_t *browse);

ACOAP_END_DECLS

#endif
