/*
 * Families of tokens (RFC 9177 section 6):
 *
 *     token(n) = common, first + n        n < count
 *
 * Who does not see the traffic has to guess 64 bits less those that count the requests, as for a
 * token that stands alone. Registers nothing: the request layer finds an interaction by what the
 * tokens have in common.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/token_family.h"

#include <string.h>

static uint32_t number_of(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

void acoap__token_family_new(acoap__engine_t *engine, acoap__token_family_t *family) {
  uint8_t token[ACOAP__FAMILY_TOKEN];
  acoap__engine_new_token(engine, token);
  memcpy(family->common, token, sizeof(family->common));
  family->first = number_of(token + ACOAP__FAMILY_COMMON);
  family->count = 0;
}

void acoap__token_family_next(acoap__token_family_t *family, uint8_t token[8]) {
  uint32_t number = family->first + family->count++;
  memcpy(token, family->common, sizeof(family->common));
  for (size_t i = ACOAP__FAMILY_TOKEN; i-- > ACOAP__FAMILY_COMMON; number >>= 8) {
    token[i] = (uint8_t)number;
  }
}

bool acoap__token_family_has(const acoap__token_family_t *family, acoap_bytes_t token,
                             uint32_t *index) {
  if (token.len != ACOAP__FAMILY_TOKEN ||
      memcmp(token.data, family->common, sizeof(family->common)) != 0) {
    return false;
  }
  uint32_t n = number_of(token.data + ACOAP__FAMILY_COMMON) - family->first;
  if (n >= family->count) {
    return false;
  }
  *index = n;
  return true;
}
