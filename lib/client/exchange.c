/*
 * One walk through the layers of an exchange, and what layers may ask and say meanwhile.
 *
 * The rule: `handle` runs from the outermost layer inwards, each one deciding whether to ask the
 * next (acoap_exchange_inner); `write` and `timing` run from the innermost outwards. At the observe
 * or multicast layer the walk of a follow-up's message passes from the main exchange's layers to
 * the follow-up's own. Acts on no verdict: that is send.c.
 * SPDX-License-Identifier: MIT
 */
#include "client/send.h"

#include <string.h>

static void wake_due(acoap__timer_t *timer, acoap_time_t now);
static void report_failure(acoap__deferred_t *deferred);

void acoap__exchange_init(acoap_exchange_t *exchange, acoap__send_t *send, acoap__layer_t *layers,
                          size_t count) {
  exchange->send = send;
  exchange->layers = layers;
  exchange->count = count;
  exchange->boundary = count;
  exchange->upload_total = -1;
  exchange->download_total = -1;
  exchange->counted = true;
  acoap__list_init(&exchange->node);
  acoap__timer_init(&exchange->pause, acoap__request_pause_over);
  acoap__timer_init(&exchange->wake, wake_due);
  acoap__deferred_init(&exchange->failing, report_failure);
  acoap__interaction_init(&exchange->interaction, &exchange->way, &acoap__request_events, exchange);
}

/* ---- walks --------------------------------------------------------------------------------------
 */

/* Call `handle` of the outermost layer below index `end`; nothing there: the status in hand. */
static int handle_below(acoap_exchange_t *exchange, size_t end) {
  size_t saved = exchange->at;
  int verdict = exchange->send->status;
  for (size_t i = end; i-- > 0;) {
    const acoap_layer_ops_t *ops = exchange->layers[i].ops;
    int (*handle)(void *, acoap_exchange_t *) = NULL;
    if (ops != NULL) {
      handle = ACOAP__LAYER_OP(ops, handle);
    }
    if (handle != NULL) {
      exchange->at = i;
      verdict = handle(exchange->layers[i].object, exchange);
      break;
    }
  }
  exchange->at = saved;
  return verdict;
}

int acoap__exchange_walk(acoap__send_t *send) {
  int verdict = handle_below(&send->main, send->main.count);
  return verdict > ACOAP_CONTINUE ? ACOAP_EINVAL : verdict;
}

int acoap_exchange_inner(acoap_exchange_t *exchange) {
  acoap_exchange_t *follow_up = exchange->send->in_hand;
  if (follow_up == NULL || exchange->follow_up || exchange->at != exchange->boundary) {
    return handle_below(exchange, exchange->at);
  }
  follow_up->verdict = handle_below(follow_up, follow_up->boundary);
  return follow_up->verdict;
}

void acoap__exchange_timing(acoap_exchange_t *exchange, acoap_timing_t *timing) {
  acoap__send_t *send = exchange->send;
  memset(timing, 0, sizeof(*timing));
  timing->size = sizeof(*timing);
  timing->type = send->group && !exchange->follow_up ? ACOAP_NON : ACOAP_CON;
  timing->params = *acoap__remote_params(send->remote);
  for (size_t i = 0; i < exchange->count; i++) {
    const acoap_layer_ops_t *ops = exchange->layers[i].ops;
    if (ops != NULL && ACOAP__LAYER_OP(ops, timing) != NULL) {
      ops->timing(exchange->layers[i].object, timing);
    }
  }
  if (exchange->follow_up) {
    timing->keep = false; /* one response each, whatever the notification's request was */
    timing->burst_copies = 0;
    timing->no_response_expected = false;
  }
}

int acoap__exchange_write(acoap_exchange_t *exchange, acoap_builder_t *builder) {
  size_t saved = exchange->at;
  int status = 0;
  for (size_t i = 0; i < exchange->count && status >= 0; i++) {
    const acoap_layer_ops_t *ops = exchange->layers[i].ops;
    if (ops != NULL && ACOAP__LAYER_OP(ops, write) != NULL) {
      exchange->at = i;
      status = ops->write(exchange->layers[i].object, exchange, builder);
    }
  }
  exchange->at = saved;
  return status < 0 ? status : 0;
}

/* ---- waiting -------------------------------------------------------------------------------- */

bool acoap__exchange_waits(const acoap_exchange_t *exchange) {
  return exchange->interaction.open || exchange->pinging || exchange->pause.queued ||
         exchange->wake.queued || exchange->held || !acoap__list_empty(&exchange->failing.node) ||
         acoap__window_waits(exchange) || acoap__qblock_waits(exchange);
}

void acoap__exchange_arm(acoap_exchange_t *exchange) {
  acoap_time_t at = ACOAP_TIME_NEVER;
  for (size_t i = 0; i < exchange->count; i++) {
    if (exchange->layers[i].wake_at < at) {
      at = exchange->layers[i].wake_at;
    }
  }
  acoap_local_endpoint_t *endpoint = exchange->send->endpoint;
  if (at == ACOAP_TIME_NEVER || exchange->send->phase != ACOAP__SEND_RUNNING) {
    acoap__local_endpoint_timer_clear(endpoint, &exchange->wake);
  } else if (!exchange->wake.queued || exchange->wake.at != at) {
    acoap__local_endpoint_timer_set(endpoint, &exchange->wake, at);
  }
}

/* The first layer whose time has come. */
static acoap__layer_t *layer_due(acoap_exchange_t *exchange, acoap_time_t now) {
  for (size_t i = 0; i < exchange->count; i++) {
    if (exchange->layers[i].wake_at <= now) {
      return &exchange->layers[i];
    }
  }
  return NULL;
}

static void wake_due(acoap__timer_t *timer, acoap_time_t now) {
  acoap_exchange_t *exchange = ACOAP__CONTAINER(timer, acoap_exchange_t, wake);
  acoap__layer_t *layer = layer_due(exchange, now);
  if (layer == NULL) {
    acoap__exchange_arm(exchange);
    return;
  }
  layer->wake_at = ACOAP_TIME_NEVER;
  acoap__send_wake(exchange, (size_t)(layer - exchange->layers));
}

static void report_failure(acoap__deferred_t *deferred) {
  acoap_exchange_t *exchange = ACOAP__CONTAINER(deferred, acoap_exchange_t, failing);
  acoap__send_handle(exchange, exchange->failure, NULL);
}

void acoap__exchange_wake_layer(acoap_exchange_t *exchange, const void *object, acoap_time_t at) {
  for (size_t i = 0; i < exchange->count; i++) {
    if (exchange->layers[i].object == object) {
      exchange->layers[i].wake_at = at;
      acoap__exchange_arm(exchange);
      return;
    }
  }
}

void acoap__exchange_stop(acoap_exchange_t *exchange) {
  acoap_local_endpoint_t *endpoint = exchange->send->endpoint;
  acoap__engine_t *engine = acoap__local_endpoint_engine(endpoint);
  acoap_time_t now = acoap__local_endpoint_now(endpoint);
  if (exchange->pinging) {
    acoap__transmission_cancel(engine, now, &exchange->interaction.tx);
    exchange->pinging = false;
  } else {
    acoap__interaction_close(engine, now, &exchange->interaction);
  }
  acoap__window_stop(exchange);
  acoap__qblock_stop(exchange);
  acoap__deferred_cancel(&exchange->failing);
  acoap__local_endpoint_timer_clear(endpoint, &exchange->pause);
  acoap__local_endpoint_timer_clear(endpoint, &exchange->wake);
  exchange->held = false;
}

/* ---- what layers ask and say ---------------------------------------------------------------- */

acoap_exchange_t *acoap__exchange_in_hand(const acoap_exchange_t *exchange) {
  acoap__send_t *send = exchange->send;
  return send->in_hand != NULL ? send->in_hand : &send->main;
}

int acoap_exchange_status(const acoap_exchange_t *exchange) {
  return exchange == NULL ? ACOAP_EINVAL : exchange->send->status;
}

acoap_message_t *acoap_exchange_message(const acoap_exchange_t *exchange) {
  return exchange == NULL ? NULL : exchange->send->message;
}

void acoap_exchange_set_message(acoap_exchange_t *exchange, acoap_message_t *message) {
  if (exchange == NULL) {
    return;
  }
  acoap_message_ref(message);
  acoap_message_unref(exchange->send->message);
  exchange->send->message = message;
}

bool acoap_exchange_is_notification(const acoap_exchange_t *exchange) {
  return exchange != NULL && exchange->send->notification;
}

uint32_t acoap_exchange_requests(const acoap_exchange_t *exchange) {
  return exchange == NULL ? 0 : exchange->requests;
}

uint32_t acoap_exchange_retransmissions(const acoap_exchange_t *exchange) {
  if (exchange == NULL) {
    return 0;
  }
  const acoap_exchange_t *main = &exchange->send->main;
  uint32_t sum = main->retransmissions + (main->counted ? 0 : main->interaction.tx.retransmissions);
  if (exchange->follow_up) {
    sum += exchange->retransmissions +
           (exchange->counted ? 0 : exchange->interaction.tx.retransmissions);
  }
  return sum;
}

acoap_time_t acoap_exchange_now(const acoap_exchange_t *exchange) {
  return exchange == NULL ? 0 : acoap_local_endpoint_now(exchange->send->endpoint);
}

acoap_remote_endpoint_t *acoap_exchange_remote(const acoap_exchange_t *exchange) {
  return exchange == NULL ? NULL : exchange->send->remote;
}

void acoap_exchange_delay(acoap_exchange_t *exchange, uint32_t pause_ms) {
  if (exchange != NULL) {
    exchange->delay_ms = pause_ms;
  }
}

void acoap_exchange_wake_at(acoap_exchange_t *exchange, acoap_time_t at) {
  if (exchange == NULL || exchange->at >= exchange->count) {
    return;
  }
  exchange->layers[exchange->at].wake_at = at;
  acoap__exchange_arm(exchange);
}
