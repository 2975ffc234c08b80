/*
 * A request's body block by block (RFC 7959 sections 2.2, 2.3, 2.5), the server's side: each block
 * goes to the handler's store at once, nothing is assembled here.
 *
 *     a block is taken when num * size = the offset that comes next; 0 begins anew
 *
 * One body at a time, known by peer and Request-Tag (RFC 9175 section 3.3). The tags are kept as 32
 * bits of a sum: who makes two of them meet confuses his own body alone.
 *
 * SPDX-License-Identifier: MIT
 */
#include <acoap/tiny.h>

#include "tiny/answer.h"

enum { QUIET_MS = 60000, QUIET_S = 60 };

static uint32_t sum_tags(const acoap_view_t *view) {
  acoap_bytes_t tag;
  uint32_t sum = 2166136261u; /* FNV-1a */

  for (size_t n = 0; acoap_view_option(view, ACOAP_OPTION_REQUEST_TAG, n, &tag); n++) {
    sum = (sum ^ (uint32_t)(tag.len + 256)) * 16777619u;
    for (size_t i = 0; i < tag.len; i++) {
      sum = (sum ^ tag.data[i]) * 16777619u;
    }
  }
  return sum;
}

static int refuse(acoap_builder_t *answer, uint8_t code) {
  acoap_tiny_error(answer, code);
  return ACOAP_EBLOCK;
}

int acoap_tiny_body_block(acoap_tiny_body_t *body, const acoap_tiny_request_t *request,
                          acoap_builder_t *answer, acoap_tiny_slice_t *slice) {
  const acoap_view_t *view = request->view;
  acoap_block_t block = {0};
  int asked = acoap_view_block(view, ACOAP_OPTION_BLOCK1, &block);
  uint32_t tag = sum_tags(view);
  bool own = body->open && body->tag == tag && acoap_address_equal(&body->peer, request->peer);

  slice->offset = 0;
  slice->len = view->payload.len;
  if (asked < 0) {
    return refuse(answer, ACOAP_CODE_BAD_REQUEST);
  }
  if (body->open && !acoap_address_equal(&body->peer, request->peer) &&
      request->now - body->heard < QUIET_MS) {
    acoap_tiny_error(answer, ACOAP_CODE_SERVICE_UNAVAILABLE);
    acoap_builder_uint(answer, ACOAP_OPTION_MAX_AGE, QUIET_S);
    return ACOAP_EBLOCK;
  }
  if (asked == 0) {
    body->open = false;
    return 0;
  }
  size_t size = acoap_block_size(block.szx);
  slice->offset = (uint32_t)(block.num * size);
  if (block.num > 0 && (!own || slice->offset != body->next)) {
    body->open = body->open && !own;
    return refuse(answer, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
  }
  if (block.more ? slice->len != size : slice->len > size) {
    return refuse(answer, ACOAP_CODE_BAD_REQUEST);
  }
  body->peer = *request->peer;
  body->tag = tag;
  body->heard = request->now;
  body->next = slice->offset + (uint32_t)slice->len;
  body->open = block.more;
  if (block.more) {
    acoap_builder_code(answer, ACOAP_CODE_CONTINUE);
  }
  acoap_builder_block(answer, ACOAP_OPTION_BLOCK1, &block);
  return block.more ? 1 : 0;
}
