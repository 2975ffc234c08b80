/*
 * Seeing every inbound message as it comes, with how far the transfer is (RFC 7959 section 2; Size1
 * and Size2, section 4).
 *
 * The rule: bytes = offset + length of the block in hand for a response body, the end of what was
 * acknowledged for a request body. Changes no message and keeps nothing; the first request asks for
 * the total (Size2 0).
 * SPDX-License-Identifier: MIT
 */
#include <acoap/block.h>

#include "client/body.h"
#include "client/send.h"

typedef struct inspect_layer {
  acoap_inspect_cb inspect; /* the user's */
  void *user_data;          /* handed to it */
} inspect_layer_t;

/* Who watches a transfer wants to know its total: ask for an estimate (RFC 7959 section 4). */
static int inspect_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  acoap_view_t view;
  uint32_t size;
  (void)object;
  acoap_builder_view(builder, &view);
  if (exchange->requests == 0 && exchange->send->desc.block2 != NULL && !exchange->follow_up &&
      !exchange->upload_more && !acoap_view_uint(&view, ACOAP_OPTION_SIZE2, &size)) {
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE2, 0);
  }
  return 0;
}

static void upload_progress(const acoap_exchange_t *current, uint8_t code,
                            acoap_progress_t *progress) {
  progress->upload = true;
  progress->bytes = acoap_code_is_success(code) ? current->upload_end : current->upload_offset;
  progress->total = current->upload_total;
  progress->block_size = current->upload_size;
}

static void download_progress(const acoap_exchange_t *current, const acoap_view_t *view,
                              acoap_progress_t *progress) {
  acoap_block_t block;
  progress->bytes = view->payload.len;
  progress->total = current->download_total;
  if (acoap__response_block(view, &block) == 1) {
    progress->block_size = (uint32_t)acoap_block_size(block.szx);
    progress->bytes += (uint64_t)block.num * progress->block_size;
  }
}

static int inspect_handle(void *object, acoap_exchange_t *exchange) {
  const inspect_layer_t *layer = object;
  acoap_message_t *message = acoap_exchange_message(exchange);
  acoap_progress_t progress = {.total = -1};
  if (message == NULL) {
    return acoap_exchange_inner(exchange);
  }
  const acoap_view_t *view = acoap_message_view(message);
  const acoap_exchange_t *current = acoap__exchange_in_hand(exchange);
  acoap_block_t block;
  if (current->upload && acoap__response_block(view, &block) == 0) {
    upload_progress(current, view->code, &progress);
  } else {
    download_progress(current, view, &progress);
  }
  progress.retransmissions = acoap_exchange_retransmissions(current);
  layer->inspect(layer->user_data, &progress, message);
  return acoap_exchange_inner(exchange);
}

static const acoap_layer_ops_t inspect_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .write = inspect_write,
    .handle = inspect_handle,
};

void acoap_desc_inspect(acoap_desc_t *desc, acoap_inspect_cb inspect, void *user_data) {
  if (inspect == NULL) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  inspect_layer_t *layer =
      acoap__desc_add(desc, &inspect_ops, sizeof(*layer), ACOAP__RANK_FREE, true);
  if (layer != NULL) {
    layer->inspect = inspect;
    layer->user_data = user_data;
  }
}
