/*
 * What counts as a result: any response, only successful ones, only one code (RFC 7252 section
 * 5.9), and where the responder's address is put.
 *
 * The rule: these layers judge what the inner layers decided; they send nothing. A group's answer
 * that is judged an error is dropped by the multicast layer around them.
 * SPDX-License-Identifier: MIT
 */
#include "client/desc.h"

/* Is this verdict only what a response code means, so that another meaning may be given to it? */
static bool speaks_of_code(int verdict) {
  return verdict == ACOAP_ECLIENTERROR || verdict == ACOAP_ESERVERERROR ||
         verdict == ACOAP_EUNEXPECTED;
}

static int any_handle(void *object, acoap_exchange_t *exchange) {
  (void)object;
  int verdict = acoap_exchange_inner(exchange);
  if (speaks_of_code(verdict) && acoap_exchange_message(exchange) != NULL) {
    return ACOAP_DONE;
  }
  return verdict;
}

static const acoap_layer_ops_t any_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .handle = any_handle,
};

void acoap_desc_emit_any(acoap_desc_t *desc) {
  acoap__desc_add(desc, &any_ops, 1, ACOAP__RANK_EMIT, true);
}

static int error_of_class(uint8_t code) {
  switch (ACOAP_CODE_CLASS(code)) {
  case 4:
    return ACOAP_ECLIENTERROR;
  case 5:
    return ACOAP_ESERVERERROR;
  default:
    return ACOAP_EUNEXPECTED;
  }
}

static int successful_handle(void *object, acoap_exchange_t *exchange) {
  (void)object;
  int verdict = acoap_exchange_inner(exchange);
  const acoap_message_t *message = acoap_exchange_message(exchange);
  if (message == NULL || acoap_code_is_success(acoap_message_code(message))) {
    return verdict;
  }
  int status = verdict < 0 ? verdict : error_of_class(acoap_message_code(message));
  acoap_exchange_set_message(exchange, NULL);
  return status;
}

static const acoap_layer_ops_t successful_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .handle = successful_handle,
};

void acoap_desc_emit_successful(acoap_desc_t *desc) {
  acoap__desc_add(desc, &successful_ops, 1, ACOAP__RANK_EMIT, true);
}

typedef struct code_layer {
  uint8_t code; /* the only success */
} code_layer_t;

static int code_handle(void *object, acoap_exchange_t *exchange) {
  const code_layer_t *layer = object;
  int verdict = acoap_exchange_inner(exchange);
  const acoap_message_t *message = acoap_exchange_message(exchange);
  if (message == NULL || (verdict < 0 && !speaks_of_code(verdict))) {
    return verdict;
  }
  if (acoap_message_code(message) != layer->code) {
    return ACOAP_EUNEXPECTED;
  }
  return verdict < 0 ? ACOAP_DONE : verdict;
}

static const acoap_layer_ops_t code_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .handle = code_handle,
};

void acoap_desc_emit_code(acoap_desc_t *desc, uint8_t code) {
  code_layer_t *layer = acoap__desc_add(desc, &code_ops, sizeof(*layer), ACOAP__RANK_EMIT, true);
  if (layer != NULL) {
    layer->code = code;
  }
}

/* The address is written by the send right before it calls back, since items may wait in a queue.
 */
const acoap_layer_ops_t acoap__include_address_ops = {.size = sizeof(acoap_layer_ops_t)};

void acoap_desc_include_address(acoap_desc_t *desc, acoap_address_t *address) {
  if (address == NULL) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  acoap__include_address_t *layer =
      acoap__desc_add(desc, &acoap__include_address_ops, sizeof(*layer), ACOAP__RANK_FREE, true);
  if (layer != NULL) {
    layer->address = address;
  }
}
