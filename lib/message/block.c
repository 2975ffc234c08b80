/*
 * The value of Block1 and Block2 (RFC 7959 section 2.2).
 *
 *     value = num * 16 + more * 8 + szx,  size = 2^(szx + 4)
 *
 * Transfers nothing, and decodes no BERT (RFC 8323 section 6), which is for reliable transports.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/block.h>

enum { SZX_MAX = 6, SZX_BERT = 7 };

size_t acoap_block_size(uint8_t szx) {
  return (size_t)16 << (szx < SZX_MAX ? szx : SZX_MAX);
}

int acoap_block_szx(size_t size) {
  for (int szx = 0; szx <= SZX_MAX; szx++) {
    if (size == (size_t)16 << szx) {
      return szx;
    }
  }
  return ACOAP_EINVAL;
}

int acoap_block_decode(acoap_bytes_t value, acoap_block_t *block) {
  uint32_t number;

  if (value.len > 3 || !acoap_uint_decode(value, &number)) {
    return ACOAP_EOPTIONLEN;
  }
  if ((number & 7) == SZX_BERT) {
    return ACOAP_EOPTION;
  }
  block->num = number >> 4;
  block->more = (number & 8) != 0;
  block->szx = (uint8_t)(number & 7);
  return 0;
}

int acoap_view_block(const acoap_view_t *view, uint16_t number, acoap_block_t *block) {
  acoap_bytes_t value;

  if (!acoap_view_option(view, number, 0, &value)) {
    return 0;
  }
  int result = acoap_block_decode(value, block);
  return result < 0 ? result : 1;
}

void acoap_builder_block(acoap_builder_t *builder, uint16_t number, const acoap_block_t *block) {
  if (block->num > ACOAP_BLOCK_NUM_MAX || block->szx > SZX_BERT) {
    if (builder->error == 0) {
      builder->error = ACOAP_EINVAL;
    }
    return;
  }
  acoap_builder_uint(builder, number, block->num << 4 | (block->more ? 8u : 0u) | block->szx);
}
