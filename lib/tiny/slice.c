/*
 * Representations block by block (RFC 7959 sections 2.2 and 2.4), the server's side: which slice of
 * a body an answer carries. Each block is made when it is asked for, nothing is kept in between.
 *
 *     offset = num * size,  more = offset + size < total
 *
 * The option is written before the payload, so that no payload has to move; M of a body whose end
 * is not known is cleared in place. Keeps no ETag: a handler whose representation changes adds one.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tiny/slice.h"

#include "tiny/answer.h"

/* Bytes that Block2 takes at most: head, extended delta, value. */
#define BLOCK_OPTION_BYTES 5u

/* The greatest block of at most `room` bytes; at least 16 bytes, which may fail later. */
static uint8_t szx_of(size_t room) {
  uint8_t szx = 6;

  while (szx > 0 && acoap_block_size(szx) > room) {
    szx--;
  }
  return szx;
}

static void put_block(acoap_builder_t *answer, uint32_t num, bool more, uint8_t szx) {
  uint32_t value = num << 4 | (more ? 8u : 0u) | szx;
  uint8_t bytes[4];
  size_t len = acoap_uint_encode(value, bytes);

  if (len == 0) {
    bytes[len++] =
        0; /* blocks of 16 bytes, said in one byte: some read the empty value otherwise */
  }
  acoap_builder_option(answer, ACOAP_OPTION_BLOCK2, bytes, len);
}

bool acoap_tiny_slice_begin(const acoap_view_t *request, acoap_builder_t *answer, uint32_t total,
                            acoap_tiny_slice_t *slice) {
  acoap_block_t block = {0};
  size_t room = acoap_builder_left(answer);
  int asked = acoap_view_block(request, ACOAP_OPTION_BLOCK2, &block);
  uint32_t offset = (uint32_t)(block.num * acoap_block_size(block.szx));

  if (asked < 0 || (offset > 0 && offset >= total)) {
    acoap_tiny_error(answer, ACOAP_CODE_BAD_REQUEST);
    return false;
  }
  slice->offset = offset;
  slice->len = total;
  if (asked == 0 && total <= room) {
    return true;
  }
  uint8_t szx = szx_of(room > BLOCK_OPTION_BYTES ? room - BLOCK_OPTION_BYTES : 0);
  if (asked > 0 && block.szx < szx) {
    szx = block.szx;
  }
  size_t size = acoap_block_size(szx);
  bool more = total == ACOAP_TINY_UNKNOWN || total - offset > size;
  if (offset / size > ACOAP_BLOCK_NUM_MAX) {
    acoap_tiny_error(answer, ACOAP_CODE_BAD_REQUEST);
    return false;
  }
  put_block(answer, (uint32_t)(offset / size), more, szx);
  slice->len = more ? size : total - offset;
  return true;
}

void acoap_tiny_slice_last(acoap_builder_t *answer) {
  acoap_view_t view;
  acoap_bytes_t value;

  if (answer->error != 0) {
    return;
  }
  acoap_builder_view(answer, &view);
  if (acoap_view_option(&view, ACOAP_OPTION_BLOCK2, 0, &value) && value.len > 0) {
    size_t last = (size_t)(value.data - answer->bytes) + value.len - 1;
    answer->bytes[last] = (uint8_t)(answer->bytes[last] & ~8u);
  }
}

void acoap__tiny_slice_cut(const acoap_view_t *request, acoap_builder_t *answer) {
  acoap_block_t block;
  acoap_view_t whole;
  int asked = acoap_view_block(request, ACOAP_OPTION_BLOCK2, &block);

  if (asked == 0) {
    return;
  }
  acoap_builder_view(answer, &whole);
  size_t offset = asked > 0 ? block.num * acoap_block_size(block.szx) : 0;
  if (asked < 0 || (offset > 0 && offset >= whole.payload.len)) {
    acoap_tiny_error(answer, ACOAP_CODE_BAD_REQUEST);
    return;
  }
  size_t rest = whole.payload.len - offset;
  size_t size = acoap_block_size(block.szx);
  if (rest == 0) {
    return; /* an answer without payload, in one block */
  }
  acoap_builder_payload(answer, whole.payload.data + offset, rest < size ? rest : size);
  put_block(answer, block.num, rest > size, block.szx);
}
