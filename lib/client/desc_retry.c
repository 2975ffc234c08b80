/*
 * Asking again: on timeout, reset, and the responses that say "later": 5.03 Service Unavailable and
 * 4.29 Too Many Requests (RFC 7252 section 5.9.3.4, RFC 8516).
 *
 * The rule: wait(n) = Max-Age of the response when it has one, else pause_ms * 2^n. Block-wise
 * transfers go on where they stood. An answer of a group is never asked for again.
 * SPDX-License-Identifier: MIT
 */
#include "client/desc.h"

#include "client/send.h"

typedef struct retry_layer {
  uint32_t left;     /* times it may ask again */
  uint64_t pause_ms; /* before the next time */
} retry_layer_t;

/* How long to wait; UINT64_MAX: this is nothing to ask again for. */
static uint64_t pause_for(const retry_layer_t *layer, const acoap_exchange_t *exchange,
                          int verdict) {
  const acoap_message_t *message = acoap_exchange_message(exchange);
  uint32_t max_age_s;
  if (message == NULL) {
    return verdict == ACOAP_ETIMEDOUT || verdict == ACOAP_ERESET ? layer->pause_ms : UINT64_MAX;
  }
  uint8_t code = acoap_message_code(message);
  if (code != ACOAP_CODE_SERVICE_UNAVAILABLE && code != ACOAP_CODE_TOO_MANY_REQUESTS) {
    return UINT64_MAX;
  }
  if (acoap_view_uint(acoap_message_view(message), ACOAP_OPTION_MAX_AGE, &max_age_s)) {
    return (uint64_t)max_age_s * 1000;
  }
  return layer->pause_ms;
}

static int retry_handle(void *object, acoap_exchange_t *exchange) {
  retry_layer_t *layer = object;
  int verdict = acoap_exchange_inner(exchange);
  if (layer->left == 0 || (exchange->send->group && !exchange->follow_up)) {
    return verdict;
  }
  uint64_t pause_ms = pause_for(layer, exchange, verdict);
  if (pause_ms == UINT64_MAX) {
    return verdict;
  }
  layer->left--;
  layer->pause_ms = layer->pause_ms > UINT32_MAX / 2 ? UINT32_MAX : layer->pause_ms * 2;
  acoap_exchange_set_message(exchange, NULL);
  acoap_exchange_delay(exchange, pause_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)pause_ms);
  return ACOAP_SEND_NEXT;
}

static void *retry_clone(const void *object) {
  return acoap__layer_copy(object, sizeof(retry_layer_t));
}

static const acoap_layer_ops_t retry_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .handle = retry_handle,
    .clone = retry_clone,
};

void acoap_desc_retry(acoap_desc_t *desc, uint32_t times, uint32_t pause_ms) {
  retry_layer_t *layer =
      acoap__desc_add(desc, &retry_ops, sizeof(*layer), ACOAP__RANK_RETRY, false);
  if (layer != NULL) {
    layer->left = times;
    layer->pause_ms = pause_ms;
  }
}
