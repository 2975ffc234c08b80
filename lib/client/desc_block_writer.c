/*
 * Handing the blocks of a response body to a writer, in constant memory (RFC 7959 section 2.4).
 *
 * The rule: pieces come in order; offset 0 means a start, what came before is void. The final
 * message's payload is empty. The body of an error response is no body: it stays in its message.
 * SPDX-License-Identifier: MIT
 */
#include "client/desc.h"

#include "client/body.h"
#include "endpoint/endpoint.h"

typedef struct writer_layer {
  acoap_body_writer_cb writer; /* the user's */
  void *user_data;             /* handed to it */
} writer_layer_t;

static int write_piece(const writer_layer_t *layer, acoap_exchange_t *exchange,
                       const acoap__piece_t *piece, int verdict) {
  acoap_message_t *message = acoap_exchange_message(exchange);
  acoap_bytes_t payload = acoap_message_payload(message);
  int status =
      layer->writer(layer->user_data, piece->offset, payload.data, payload.len, piece->total);
  acoap_message_t *emptied = NULL;
  if (status >= 0 && verdict != ACOAP_SEND_NEXT) {
    emptied = acoap__message_with_payload(message, NULL, 0);
    status = emptied == NULL ? ACOAP_ENOMEM : 0;
  }
  acoap_exchange_set_message(exchange, emptied);
  acoap_message_unref(emptied);
  return status < 0 ? status : verdict;
}

static int writer_handle(void *object, acoap_exchange_t *exchange) {
  acoap__piece_t piece;
  int verdict = acoap_exchange_inner(exchange);
  if (verdict >= 0 && acoap__piece_of(exchange, acoap_exchange_message(exchange), &piece)) {
    return write_piece(object, exchange, &piece, verdict);
  }
  return verdict;
}

static const acoap_layer_ops_t writer_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .handle = writer_handle,
};

void acoap_desc_block_writer(acoap_desc_t *desc, acoap_body_writer_cb writer, void *user_data) {
  if (writer == NULL) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  writer_layer_t *layer =
      acoap__desc_add(desc, &writer_ops, sizeof(*layer), ACOAP__RANK_BODY, true);
  if (layer != NULL) {
    layer->writer = writer;
    layer->user_data = user_data;
  }
  acoap__need_block2(desc);
}
