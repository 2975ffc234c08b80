/*
 * Which piece of a body a response carries: offset = num * size (RFC 7959 section 2.2), the total
 * from Size2 or from the last piece (section 4).
 * SPDX-License-Identifier: MIT
 */
#include "client/body.h"

#include <acoap/block.h>

#include "client/qblock.h"
#include "client/send.h"

bool acoap__piece_of(acoap_exchange_t *exchange, const acoap_message_t *message,
                     acoap__piece_t *piece) {
  acoap_block_t block = {0, false, 0};
  if (message == NULL || !acoap_code_is_success(acoap_message_code(message))) {
    return false;
  }
  const acoap_view_t *view = acoap_message_view(message);
  piece->blockwise = acoap__response_block(view, &block) == 1;
  piece->offset = piece->blockwise ? (uint64_t)block.num * acoap_block_size(block.szx) : 0;
  piece->more = piece->blockwise && block.more;
  piece->total = acoap__exchange_in_hand(exchange)->download_total;
  return true;
}

void acoap__need_block2(acoap_desc_t *desc) {
  if (acoap__desc_usable(desc) && desc->block2 == NULL) {
    acoap_desc_block2(desc, 0);
  }
}
