/*
 * The numbers of missing blocks as a CBOR sequence (RFC 9177 section 5, RFC 8742; CBOR: RFC 8949
 * section 3).
 *
 *     number < 24      one byte, the number
 *     below 2^8        0x18 and 1 byte
 *     below 2^16       0x19 and 2 bytes
 *     else             0x1a and 4 bytes
 *
 * Written in the shortest form and in ascending order without duplicates; read in any form that
 * CBOR has, and in any order. Knows no messages.
 * SPDX-License-Identifier: MIT
 */
#include "message/missing_blocks.h"

/* The initial byte: its high three bits are 0 for unsigned integers. */
enum { DIRECT_MAX = 23, ONE_BYTE = 24, EIGHT_BYTES = 27 };

void acoap__missing_blocks_init(acoap__missing_blocks_t *list, uint8_t *bytes, size_t cap) {
  list->bytes = bytes;
  list->cap = cap;
  list->len = 0;
  list->count = 0;
  list->next = 0;
}

/* log2 of how many bytes follow the initial one; -1: none. */
static int width_of(uint32_t num) {
  if (num <= DIRECT_MAX) {
    return -1;
  }
  if (num <= UINT8_MAX) {
    return 0;
  }
  return num <= UINT16_MAX ? 1 : 2;
}

int acoap__missing_blocks_add(acoap__missing_blocks_t *list, uint32_t num) {
  if (num > ACOAP_BLOCK_NUM_MAX || num < list->next) {
    return ACOAP_EINVAL;
  }
  int width = width_of(num);
  size_t follow = width < 0 ? 0 : (size_t)1 << width;
  if (list->cap - list->len < 1 + follow) {
    return ACOAP_ENOSPACE;
  }
  uint8_t *to = list->bytes + list->len;
  *to++ = width < 0 ? (uint8_t)num : (uint8_t)(ONE_BYTE + width);
  for (size_t i = follow; i-- > 0;) {
    *to++ = (uint8_t)(num >> (8 * i));
  }
  list->len += 1 + follow;
  list->count++;
  list->next = num + 1;
  return 0;
}

int acoap__missing_blocks_next(acoap_bytes_t *payload, uint32_t *num) {
  if (payload->len == 0) {
    return 0;
  }
  uint8_t initial = payload->data[0];
  size_t follow = 0;
  uint64_t sum = initial;
  if (initial > EIGHT_BYTES) {
    return ACOAP_EFORMAT;
  }
  if (initial > DIRECT_MAX) {
    follow = (size_t)1 << (initial - ONE_BYTE);
    sum = 0;
  }
  if (payload->len - 1 < follow) {
    return ACOAP_EFORMAT;
  }
  for (size_t i = 1; i <= follow; i++) {
    sum = sum << 8 | payload->data[i];
  }
  if (sum > ACOAP_BLOCK_NUM_MAX) {
    return ACOAP_EFORMAT;
  }
  payload->data += 1 + follow;
  payload->len -= 1 + follow;
  *num = (uint32_t)sum;
  return 1;
}

int acoap__missing_blocks_count(acoap_bytes_t payload) {
  uint32_t num;
  int count = 0;
  int status;
  while ((status = acoap__missing_blocks_next(&payload, &num)) > 0) {
    count++;
  }
  return status < 0 ? status : count;
}
