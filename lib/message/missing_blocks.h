/*
 * The payload of a 4.08 in application/missing-blocks+cbor-seq (RFC 9177 section 5): the numbers of
 * blocks that are missing, a sequence of CBOR unsigned integers.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_MISSING_BLOCKS_H
#define ACOAP_MESSAGE_MISSING_BLOCKS_H

#include <acoap/block.h>

/* A list that is written into lent bytes. */
typedef struct acoap__missing_blocks {
  uint8_t *bytes; /* lent */
  size_t cap;     /* how many */
  size_t len;     /* written */
  uint32_t count; /* numbers in it */
  uint32_t next;  /* the least number that may follow */
} acoap__missing_blocks_t;

void acoap__missing_blocks_init(acoap__missing_blocks_t *list, uint8_t *bytes, size_t cap);
/*
 * One more number, greater than those before. 0; ACOAP_ENOSPACE no room (the list is as it was, and
 * may be sent: the rest is told of later); ACOAP_EINVAL not greater, or no number of a block.
 */
int acoap__missing_blocks_add(acoap__missing_blocks_t *list, uint32_t num);

/*
 * Take the first number off a payload. 1: it is in `num`; 0: there is none any more; ACOAP_EFORMAT:
 * no unsigned integer, cut short, or more than the greatest number of a block. Order and duplicates
 * are as they came: what is asked for twice is the reader's to see (RFC 9177 section 5).
 */
int acoap__missing_blocks_next(acoap_bytes_t *payload, uint32_t *num);
/* How many numbers a payload has, or ACOAP_EFORMAT: to be asked before any of them is acted on. */
int acoap__missing_blocks_count(acoap_bytes_t payload);

#endif
