/*
 * Critical options of responses that the user understands (RFC 7252 section 5.4.1). Without it a
 * response with a critical option that the library does not know is rejected before any layer sees
 * it. These layers have no functions: the engine asks for them by request.c.
 * SPDX-License-Identifier: MIT
 */
#include "client/send.h"

typedef struct understands_layer {
  uint16_t number; /* of the option */
} understands_layer_t;

static const acoap_layer_ops_t understands_ops = {.size = sizeof(acoap_layer_ops_t)};

void acoap_desc_understands(acoap_desc_t *desc, uint16_t number) {
  understands_layer_t *layer =
      acoap__desc_add(desc, &understands_ops, sizeof(*layer), ACOAP__RANK_FREE, true);
  if (layer != NULL) {
    layer->number = number;
  }
}

bool acoap__desc_understands(const acoap_desc_t *desc, uint16_t number) {
  for (size_t i = 0; i < desc->count; i++) {
    const understands_layer_t *layer = desc->layers[i].object;
    if (desc->layers[i].ops == &understands_ops && layer->number == number) {
      return true;
    }
  }
  return false;
}
