/*
 * Follow-ups: the remaining blocks of a notification (RFC 7959 sections 2.6 and 3.4) or of one
 * responder of a group (section 2.8) are fetched by requests of their own, each with a new token,
 * without Observe, by unicast to where the first block came from.
 *
 * The rule: a follow-up has the layers of its send, those inside the observe or multicast layer as
 * clones (a layer that cannot be cloned is not needed there), those outside of it shared; the layer
 * at the boundary writes nothing into its requests.
 * SPDX-License-Identifier: MIT
 */
#include "client/send.h"

#include <string.h>

#include "base/mem.h"

/* What a follow-up uses in place of a layer of the main exchange. False without memory. */
static bool derive_layer(acoap__layer_t *copy, const acoap__layer_t *layer, bool outside) {
  *copy = *layer;
  copy->wake_at = ACOAP_TIME_NEVER;
  if (outside || layer->shared) {
    copy->memory = ACOAP__LAYER_BORROWED;
    return true;
  }
  void *(*clone)(const void *) = ACOAP__LAYER_OP(layer->ops, clone);
  if (clone == NULL) {
    copy->ops = NULL;
    return true;
  }
  copy->object = clone(layer->object);
  if (layer->memory != ACOAP__LAYER_USERS) {
    copy->memory = ACOAP__LAYER_MALLOC;
  }
  return copy->object != NULL;
}

static void destroy_layers(acoap_exchange_t *exchange, size_t count) {
  while (count > 0) {
    acoap__layer_destroy(&exchange->layers[--count]);
  }
}

/* Requests go back to where the first block came from, from where it arrived. */
static void set_path(acoap_exchange_t *exchange, const acoap_path_t *to) {
  exchange->path = *to;
  exchange->path.hop_limit = 0;
  exchange->path.multicast = false;
  if (acoap_address_is_multicast(&exchange->path.local)) {
    memset(&exchange->path.local, 0, sizeof(exchange->path.local));
  }
  exchange->has_path = true;
}

acoap_exchange_t *acoap__follow_up_new(acoap__send_t *send, const acoap_path_t *to) {
  acoap_exchange_t *main = &send->main;
  size_t layers_len = main->count * sizeof(acoap__layer_t);
  size_t cap = acoap__local_endpoint_message_max(send->endpoint, to);
  acoap_exchange_t *exchange = acoap__malloc(sizeof(*exchange) + layers_len + cap);
  if (exchange == NULL) {
    return NULL;
  }
  memset(exchange, 0, sizeof(*exchange));
  acoap__layer_t *layers = (acoap__layer_t *)(void *)(exchange + 1);
  acoap__exchange_init(exchange, send, layers, main->count);
  exchange->follow_up = true;
  exchange->boundary = main->boundary;
  exchange->bytes = (uint8_t *)(layers + main->count);
  exchange->cap = cap;
  exchange->download_total = main->download_total;
  exchange->verdict = ACOAP_DONE;
  exchange->qblock.mode = main->qblock.mode;
  exchange->qblock.answered = main->qblock.answered;
  exchange->echo = main->echo; /* of the same endpoint: a group's is not kept */
  set_path(exchange, to);
  for (size_t i = 0; i < main->count; i++) {
    if (i == main->boundary) {
      memset(&layers[i], 0, sizeof(layers[i]));
      layers[i].wake_at = ACOAP_TIME_NEVER;
    } else if (!derive_layer(&layers[i], &main->layers[i], i > main->boundary)) {
      destroy_layers(exchange, i);
      acoap__free(exchange);
      return NULL;
    }
  }
  acoap__list_append(&send->follow_ups, &exchange->node);
  send->in_hand = exchange;
  return exchange;
}

void acoap__follow_up_free(acoap_exchange_t *exchange) {
  acoap__send_t *send = exchange->send;
  acoap__exchange_stop(exchange);
  acoap__list_remove(&exchange->node);
  send->main.retransmissions += exchange->retransmissions;
  if (send->in_hand == exchange) {
    send->in_hand = NULL;
  }
  destroy_layers(exchange, exchange->count);
  acoap__window_free(exchange);
  acoap__qblock_free(exchange);
  acoap__free(exchange->own_bytes);
  acoap__free(exchange);
}

void acoap__follow_up_free_all(acoap__send_t *send) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&send->follow_ups)) != NULL) {
    acoap__follow_up_free(ACOAP__CONTAINER(node, acoap_exchange_t, node));
  }
}
