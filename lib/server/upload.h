/*
 * Where request bodies go: joined in memory, or to a writer of the application.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_UPLOAD_H
#define ACOAP_SERVER_UPLOAD_H

#include "server/block1.h"

/* The body has ended and its last request was answered, while the application was called. */
#define ACOAP__UPLOAD_GONE 1

/* Greatest body that is joined for this request. */
size_t acoap__upload_max(const acoap__serving_t *serving);
/* Has its resource a writer? */
bool acoap__upload_has_writer(const acoap__serving_t *serving);
/*
 * Begin a body of `total` bytes, as far as known. 0; ACOAP_ETOOBIG; ACOAP_ENOMEM;
 * ACOAP__UPLOAD_GONE; what a writer refuses with. The caller owns it.
 */
int acoap__upload_new(acoap__serving_t *serving, uint64_t total, acoap_upload_t **upload);
/*
 * The next bytes. 0; ACOAP_EAGAIN: the request is kept, acoap__block1_written or
 * acoap__block1_fail follow; ACOAP__UPLOAD_GONE; ACOAP_ETOOBIG beyond
 * the cap, ACOAP_EEXHAUSTED beyond the bound of all bodies; what a writer answers.
 */
int acoap__upload_write(acoap_upload_t *upload, acoap__serving_t *serving, uint64_t offset,
                        acoap_bytes_t bytes);
/*
 * Bytes of a joined body from beyond its end, kept at their place until those before are there. 0;
 * ACOAP_EINCOMPLETE: not these, nothing happened; otherwise as acoap__upload_write.
 */
int acoap__upload_write_early(acoap_upload_t *upload, acoap__serving_t *serving, uint64_t offset,
                              acoap_bytes_t bytes);
/* As above, without minding what is there already: the caller does (qblock1.c). 0, ACOAP_ETOOBIG,
 * ACOAP_EEXHAUSTED, ACOAP_ENOMEM, ACOAP__UPLOAD_GONE. */
int acoap__upload_place(acoap_upload_t *upload, acoap__serving_t *serving, uint64_t offset,
                        acoap_bytes_t bytes);
/* This request waits for the write that is under way; one that waited before is not answered. */
void acoap__upload_wait(acoap_upload_t *upload, acoap__serving_t *serving);
/* Abort it, its transfer, too; who brought the last block is answered by the caller. */
void acoap__upload_drop(acoap_upload_t *upload, int status);

/* block1.c: a write that was waited for is done, or failed. */
void acoap__block1_written(acoap_upload_t *upload, acoap__serving_t *serving);
void acoap__block1_fail(acoap__serving_t *serving, int status);

#endif
