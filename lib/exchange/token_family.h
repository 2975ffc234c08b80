/*
 * The tokens of one body (RFC 9177 section 6): so many that nobody could keep each of them, so they
 * are told from others by what they have in common.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_TOKEN_FAMILY_H
#define ACOAP_EXCHANGE_TOKEN_FAMILY_H

#include "exchange/engine.h"

#define ACOAP__FAMILY_COMMON 4u /* bytes that all have in common */
#define ACOAP__FAMILY_TOKEN 8u  /* bytes of each */

typedef struct acoap__token_family {
  uint8_t common[ACOAP__FAMILY_COMMON]; /* how each begins */
  uint32_t first;                       /* how the first goes on; the others count up from it */
  uint32_t count;                       /* tokens given out; no other is one of them */
} acoap__token_family_t;

/* A new one without tokens; both halves unpredictable. */
void acoap__token_family_new(acoap__engine_t *engine, acoap__token_family_t *family);
/* Give out the next. */
void acoap__token_family_next(acoap__token_family_t *family, uint8_t token[8]);
/* Is this one of those that were given out? Then `index` is which: 0 the first. */
bool acoap__token_family_has(const acoap__token_family_t *family, acoap_bytes_t token,
                             uint32_t *index);

#endif
