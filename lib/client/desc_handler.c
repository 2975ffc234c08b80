/*
 * A layer of one function of the user's: called with each response and error in place of the inner
 * layers. Follow-ups call the same function.
 * SPDX-License-Identifier: MIT
 */
#include "client/desc.h"

typedef struct handler_layer {
  acoap_handler_cb handler; /* the user's */
  void *user_data;          /* handed to it */
} handler_layer_t;

static int handler_handle(void *object, acoap_exchange_t *exchange) {
  const handler_layer_t *layer = object;
  return layer->handler(layer->user_data, exchange);
}

static const acoap_layer_ops_t handler_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .handle = handler_handle,
};

void acoap_desc_handler(acoap_desc_t *desc, acoap_handler_cb handler, void *user_data) {
  if (handler == NULL) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  handler_layer_t *layer =
      acoap__desc_add(desc, &handler_ops, sizeof(*layer), ACOAP__RANK_FREE, true);
  if (layer != NULL) {
    layer->handler = handler;
    layer->user_data = user_data;
  }
}
