/*
 * The value of Block1 and Block2 (RFC 7959 section 2.2).
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BLOCK_H
#define ACOAP_BLOCK_H

#include <acoap/codec.h>

ACOAP_BEGIN_DECLS

/**
 * size = 2^(szx + 4) bytes; offset of the block = num * size. szx 7 is BERT and belongs to reliable
 * transports.
 */
typedef struct acoap_block {
  uint32_t num; /* 0 to 1048575 */
  bool more;    /* M: further blocks follow (or, in a request for Block2, 0) */
  uint8_t szx;  /* 0 to 7 */
} acoap_block_t;

/** Greatest block number: 20 bits. */
#define ACOAP_BLOCK_NUM_MAX 1048575u

/** Bytes in a block of this szx: 16 << szx, for BERT (7) 1024. */
ACOAP_API size_t acoap_block_size(uint8_t szx);

/** The szx of 16, 32, ... 1024, or ACOAP_EINVAL. */
ACOAP_API int acoap_block_szx(size_t size);

/** Decode an option value. ACOAP_EOPTIONLEN when longer than 3 bytes, ACOAP_EOPTION for szx 7. */
ACOAP_API int acoap_block_decode(acoap_bytes_t value, acoap_block_t *block);

/** Find and decode Block1 or Block2. 1 found, 0 absent, negative malformed. */
ACOAP_API int acoap_view_block(const acoap_view_t *view, uint16_t number, acoap_block_t *block);

/**
 * Insert Block1 or Block2 into a message being built. ACOAP_EINVAL sticks for num or szx out of
 * range.
 */
ACOAP_API void acoap_builder_block(acoap_builder_t *builder, uint16_t number,
                                   const acoap_block_t *block);

ACOAP_END_DECLS

#endif
