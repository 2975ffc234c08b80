/*
 * Bodies as the files of the server see them: a piece of one, its ETag, who waits for it, and what
 * keeping it costs.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_BODY_H
#define ACOAP_SERVER_BODY_H

#include "server/server.h"

/* Greatest piece: a block (RFC 7959 section 2.2). */
#define ACOAP__BODY_PIECE_MAX 1024u

/* A piece of a body, lent until the body is asked again. */
typedef struct acoap__piece {
  acoap_bytes_t bytes; /* of the body, from the offset on */
  bool more;           /* bytes follow it */
} acoap__piece_t;

/*
 * Up to `size` (at most ACOAP__BODY_PIECE_MAX) bytes from `offset` on. 0; ACOAP_EAGAIN: wait for
 * it; a response code (4.00: behind the end, or a sequential body that has gone on); another
 * negative error: the reader failed.
 */
int acoap__body_piece(acoap_body_t *body, uint64_t offset, size_t size, acoap__piece_t *piece);
/* Bytes, as far as known: ACOAP_BODY_SIZE_UNKNOWN. */
uint64_t acoap__body_len(const acoap_body_t *body);
/* Can it be read once only, in order? */
bool acoap__body_is_sequential(const acoap_body_t *body);
/* Was ACOAP_EAGAIN the answer? Then acoap__answer_resume comes once there is something. */
void acoap__body_wait(acoap_body_t *body, acoap__serving_t *serving);

/* Was it named by acoap_body_set_etag? */
bool acoap__body_etag_given(const acoap_body_t *body);
/* Has the same representation the same ETag when a handler makes another body of it? */
bool acoap__body_etag_lasts(const acoap_body_t *body);
/* Give it a serial number as its ETag, unless it has one or is in memory. */
void acoap__body_number(acoap_body_t *body, uint64_t serial);

/*
 * A body in memory that is borrowed until the answer has been sent: acoap__body_own makes a copy of
 * it when it has to be kept. NULL without memory.
 */
acoap_body_t *acoap__body_borrow(const void *bytes, size_t len);
int acoap__body_own(acoap_body_t *body);
/* The borrowed bytes go; a body that nobody owns fails from now on. Gives the reference back. */
void acoap__body_return(acoap_body_t *body);

/* Memory that keeping it takes: a copy's or the lender's bytes; nothing for what stays anyway. */
size_t acoap__body_cost(const acoap_body_t *body);
/* Transfers that keep it; the first and the last one say so. */
bool acoap__body_keep(acoap_body_t *body);
bool acoap__body_unkeep(acoap_body_t *body);

#endif
