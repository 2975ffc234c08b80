/*
 * Observing a resource (RFC 7641 sections 3.1 to 3.6).
 *
 * The rule: a notification is fresh when its number is newer than the last or 128 s have gone by
 * (section 3.4); what is older is dropped. Without one for Max-Age and a random 5 to 15 s the
 * request is sent again with the same token (section 3.3.1), which also recovers an observation
 * that the server has forgotten. An error response, or a response without Observe, ends it.
 *
 * A notification that is the first block of more is completed by a follow-up; a newer notification
 * aborts that (RFC 7959 section 2.6). Saying farewell is in deregister.c. Caches nothing; an ETag
 * option stays the user's.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/block.h>

#include <string.h>

#include "client/send.h"
#include "message/observe.h"

/* Section 3.3.1: a random number of seconds on top of Max-Age, so that clients do not ask all at
 * once. */
#define REREGISTER_MIN_MS 5000
#define REREGISTER_MAX_MS 15000

typedef struct observe_layer {
  acoap_observe_options_t options; /* as the user set them */
  bool asking;                     /* a registration was sent and is not answered yet */
  bool registered;                 /* the server says that it notifies us */
  bool declined;                   /* it does not: what follows is an ordinary request */
  uint32_t number;                 /* Observe of the newest notification */
  acoap_time_t arrived;            /* when that came */
} observe_layer_t;

/* ---- requests ------------------------------------------------------------------------------- */

static int observe_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  observe_layer_t *layer = object;
  (void)exchange;
  if (!layer->declined) {
    acoap_builder_remove(builder, ACOAP_OPTION_OBSERVE);
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, 0);
    layer->asking = true;
  }
  return 0;
}

static void observe_timing(void *object, acoap_timing_t *timing) {
  const observe_layer_t *layer = object;
  if (!layer->declined) {
    timing->keep = true;
    timing->keep_token = true;
  }
}

static int observe_wake(void *object, acoap_exchange_t *exchange) {
  observe_layer_t *layer = object;
  acoap_desc_t *desc = &exchange->send->desc;
  if (layer->options.no_reregister) {
    return ACOAP_ETIMEDOUT;
  }
  if (desc->block1 != NULL) {
    acoap__block1_restart(desc->block1);
  }
  return ACOAP_SEND_NEXT;
}

/* ---- responses ------------------------------------------------------------------------------ */

/* To a follow-up's request: what its layers decide concerns the follow-up alone, but for errors. */
static int follow_up_verdict(acoap_exchange_t *exchange, int verdict) {
  if (verdict == ACOAP_ECHANGED) {
    /* The resource has changed while it was fetched; the notification of that is on its way. */
    acoap_exchange_set_message(exchange, NULL);
    return ACOAP_CONTINUE;
  }
  return verdict < 0 ? verdict : ACOAP_CONTINUE;
}

static bool is_first_of_more(const acoap_exchange_t *exchange, const acoap_view_t *view) {
  acoap_block_t block;
  return exchange->send->desc.block2 != NULL && acoap__response_block(view, &block) == 1 &&
         block.num == 0 && block.more;
}

static void expect_next(observe_layer_t *layer, acoap_exchange_t *exchange,
                        const acoap_message_t *message) {
  acoap__send_t *send = exchange->send;
  acoap__random_t *random = acoap__local_endpoint_engine(send->endpoint)->random;
  uint32_t slack = acoap__random_between(random, REREGISTER_MIN_MS, REREGISTER_MAX_MS);
  acoap_time_t wait = (acoap_time_t)acoap_message_max_age_s(message) * 1000 + slack;
  acoap_exchange_wake_at(exchange, layer->arrived + wait);
}

/* A fresh notification, or the answer to a registration. */
static int fresh(observe_layer_t *layer, acoap_exchange_t *exchange, uint32_t number) {
  acoap__send_t *send = exchange->send;
  const acoap_message_t *message = acoap_exchange_message(exchange);
  layer->number = number;
  layer->arrived = acoap_exchange_now(exchange);
  layer->registered = true;
  layer->asking = false;
  expect_next(layer, exchange, message);
  acoap__follow_up_free_all(send);
  if (send->stream.paused) {
    acoap__stream_discard(&send->stream);
  }
  if (is_first_of_more(exchange, acoap_message_view(message))) {
    if (acoap__follow_up_new(send, &send->main.path) == NULL) {
      return ACOAP_ENOMEM;
    }
    return follow_up_verdict(exchange, acoap_exchange_inner(exchange));
  }
  int verdict = acoap_exchange_inner(exchange);
  return verdict == ACOAP_DONE ? ACOAP_CONTINUE : verdict;
}

/* A success without Observe: the server does not notify us, or no longer. */
static int without_observe(observe_layer_t *layer, acoap_exchange_t *exchange) {
  if (exchange->upload_more) {
    return acoap_exchange_inner(exchange); /* the request's body is not complete yet */
  }
  bool was_registered = layer->registered;
  layer->registered = false;
  acoap_exchange_wake_at(exchange, ACOAP_TIME_NEVER);
  if (layer->options.require && !was_registered) {
    return ACOAP_ENOTOBSERVED;
  }
  layer->declined = true;
  acoap__follow_up_free_all(exchange->send);
  return acoap_exchange_inner(exchange);
}

static int notification(observe_layer_t *layer, acoap_exchange_t *exchange,
                        const acoap_message_t *message) {
  uint32_t number;
  if (!acoap_code_is_success(acoap_message_code(message))) {
    layer->registered = false; /* section 3.2: the server has removed us */
    acoap_exchange_wake_at(exchange, ACOAP_TIME_NEVER);
    return acoap_exchange_inner(exchange);
  }
  if (!acoap_view_uint(acoap_message_view(message), ACOAP_OPTION_OBSERVE, &number)) {
    return without_observe(layer, exchange);
  }
  if (layer->registered && !layer->asking &&
      !acoap__observe_is_newer(layer->number, layer->arrived, number,
                               acoap_exchange_now(exchange))) {
    acoap_exchange_set_message(exchange, NULL);
    return ACOAP_CONTINUE;
  }
  return fresh(layer, exchange, number);
}

static int observe_handle(void *object, acoap_exchange_t *exchange) {
  observe_layer_t *layer = object;
  const acoap_message_t *message = acoap_exchange_message(exchange);
  if (exchange->send->in_hand != NULL) {
    return follow_up_verdict(exchange, acoap_exchange_inner(exchange));
  }
  if (message == NULL) {
    layer->registered = false; /* the registration failed: there is nobody to say farewell to */
    acoap_exchange_wake_at(exchange, ACOAP_TIME_NEVER);
    return acoap_exchange_inner(exchange);
  }
  if (layer->declined) {
    return acoap_exchange_inner(exchange);
  }
  return notification(layer, exchange, message);
}

bool acoap__observe_is_registered(const void *object) {
  return ((const observe_layer_t *)object)->registered;
}

bool acoap__observe_wants_deregistration(const void *object) {
  const observe_layer_t *layer = object;
  return layer->registered && !layer->options.silent_deregister;
}

static const acoap_layer_ops_t observe_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .write = observe_write,
    .handle = observe_handle,
    .timing = observe_timing,
    .wake = observe_wake,
};

void acoap_desc_observe(acoap_desc_t *desc, const acoap_observe_options_t *options) {
  if ((options != NULL && (options->size < sizeof(size_t) || options->size > sizeof(*options))) ||
      (desc != NULL && desc->observe != NULL)) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  observe_layer_t *layer =
      acoap__desc_add(desc, &observe_ops, sizeof(*layer), ACOAP__RANK_MANY, false);
  if (desc == NULL || layer == NULL) {
    return;
  }
  desc->observe = layer;
  if (options != NULL) {
    memcpy(&layer->options, options, options->size);
  }
}
