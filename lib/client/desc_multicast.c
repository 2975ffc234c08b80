/*
 * Asking a group: what becomes of the answers (RFC 7252 section 8.2, RFC 7959 section 2.8).
 *
 * The rule: every responder is heard once, until wait_ms after the last copy was sent; an answer
 * that the inner layers judge an error is dropped; one that is the first block of more is completed
 * by a follow-up to its responder. The end comes when the time is over and no follow-up is under
 * way. How the request leaves is in group.c.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/block.h>

#include <string.h>

#include "client/responders.h"
#include "client/send.h"

#define WAIT_MORE_MS 3000 /* on top of DEFAULT_LEISURE: the way there and back */
#define QUEUE_MAX 64
#define RESPONDERS_MAX 1024

typedef struct multicast_layer {
  acoap_multicast_options_t options; /* with the defaults filled in, but for wait_ms */
  bool keyed;                        /* the set's key was drawn */
  acoap__responders_t responders;    /* who has answered */
} multicast_layer_t;

/* An answer that is not given to anybody. */
static int drop(acoap_exchange_t *exchange, bool count) {
  if (count) {
    exchange->send->stream.dropped++;
  }
  acoap_exchange_set_message(exchange, NULL);
  return ACOAP_CONTINUE;
}

static int follow_up_verdict(acoap_exchange_t *exchange, int verdict) {
  return verdict < 0 ? drop(exchange, false) : ACOAP_CONTINUE;
}

static int remember(multicast_layer_t *layer, acoap_exchange_t *exchange,
                    const acoap_message_t *message) {
  if (!layer->keyed) {
    acoap__engine_t *engine = acoap__local_endpoint_engine(exchange->send->endpoint);
    acoap__random_bytes(engine->random, layer->responders.key, sizeof(layer->responders.key));
    layer->keyed = true;
  }
  return acoap__responders_add(&layer->responders, acoap_message_peer(message),
                               acoap_message_payload(message));
}

static int answer(acoap_exchange_t *exchange, const acoap_message_t *message) {
  acoap__send_t *send = exchange->send;
  acoap_block_t block;
  if (send->desc.block2 != NULL && acoap_code_is_success(acoap_message_code(message)) &&
      acoap_view_block(acoap_message_view(message), ACOAP_OPTION_BLOCK2, &block) == 1 &&
      block.num == 0 && block.more) {
    if (acoap__follow_up_new(send, acoap_message_path(message)) == NULL) {
      return drop(exchange, true);
    }
    return follow_up_verdict(exchange, acoap_exchange_inner(exchange));
  }
  int verdict = acoap_exchange_inner(exchange);
  /* Nobody asks a whole group again because of one answer. */
  return verdict == ACOAP_DONE || verdict == ACOAP_CONTINUE ? ACOAP_CONTINUE
                                                            : drop(exchange, false);
}

static int multicast_handle(void *object, acoap_exchange_t *exchange) {
  multicast_layer_t *layer = object;
  const acoap_message_t *message = acoap_exchange_message(exchange);
  if (exchange->send->in_hand != NULL) {
    return follow_up_verdict(exchange, acoap_exchange_inner(exchange));
  }
  if (message == NULL) {
    return acoap_exchange_inner(exchange);
  }
  int heard = remember(layer, exchange, message);
  return heard == 1 ? answer(exchange, message) : drop(exchange, heard < 0);
}

static void multicast_timing(void *object, acoap_timing_t *timing) {
  (void)object;
  timing->keep = true;
}

/* The time is over: follow-ups that are under way may still end. */
static int multicast_wake(void *object, acoap_exchange_t *exchange) {
  acoap_local_endpoint_t *endpoint = exchange->send->endpoint;
  (void)object;
  acoap__interaction_close(acoap__local_endpoint_engine(endpoint), acoap_exchange_now(exchange),
                           &exchange->interaction);
  return ACOAP_CONTINUE;
}

static void multicast_destroy(void *object) {
  acoap__responders_done(&((multicast_layer_t *)object)->responders);
}

void acoap__multicast_sent(acoap_exchange_t *exchange, void *object) {
  const multicast_layer_t *layer = object;
  uint32_t wait_ms = layer->options.wait_ms;
  if (wait_ms == 0) {
    wait_ms = exchange->timing.params.default_leisure_ms + WAIT_MORE_MS;
  }
  acoap__exchange_wake_layer(exchange, object, acoap_exchange_now(exchange) + wait_ms);
}

size_t acoap__multicast_queue_max(const void *object) {
  return ((const multicast_layer_t *)object)->options.queue_max;
}

uint8_t acoap__multicast_hop_limit(const void *object) {
  return ((const multicast_layer_t *)object)->options.hop_limit;
}

static const acoap_layer_ops_t multicast_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .handle = multicast_handle,
    .timing = multicast_timing,
    .wake = multicast_wake,
    .destroy = multicast_destroy,
};

void acoap_desc_multicast(acoap_desc_t *desc, const acoap_multicast_options_t *options) {
  if ((options != NULL && (options->size < sizeof(size_t) || options->size > sizeof(*options))) ||
      (desc != NULL && desc->multicast != NULL)) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  multicast_layer_t *layer =
      acoap__desc_add(desc, &multicast_ops, sizeof(*layer), ACOAP__RANK_MANY, false);
  if (desc == NULL || layer == NULL) {
    return;
  }
  desc->multicast = layer;
  if (options != NULL) {
    memcpy(&layer->options, options, options->size);
  }
  if (layer->options.queue_max == 0) {
    layer->options.queue_max = QUEUE_MAX;
  }
  if (layer->options.responders_max == 0) {
    layer->options.responders_max = RESPONDERS_MAX;
  }
  layer->responders.most = layer->options.responders_max;
}
