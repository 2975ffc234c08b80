/*
 * Requests that come in: from the engine to the receive handler, kept by reference, acknowledged
 * after PROCESSING_DELAY at the latest, settled in the end. open = received - answered, at most
 * requests_open_max: beyond it a request gets 5.03, since who came first has waited longest.
 * Objects are pooled, so that a request answered at once costs no allocation. Builds no responses
 * (response.c).
 * Reference: RFC 7252 sections 5.2 and 8.2.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/inbound.h"

#include "base/mem.h"
#include "message/option.h"

/* Objects kept for reuse. */
#define FREE_REQUESTS_MAX 32
#define MS_PER_S 1000u

/* ---- pool ------------------------------------------------------------------------------------ */

static void closing(acoap__endpoint_user_t *user);
static void timer_fired(acoap__timer_t *timer, acoap_time_t now);

static void put_in_store(acoap_local_endpoint_t *endpoint, acoap_request_t *request) {
  request->endpoint = NULL;
  request->next_free = endpoint->free_requests;
  endpoint->free_requests = request;
  endpoint->free_request_count++;
}

bool acoap__request_allocate(acoap_local_endpoint_t *endpoint) {
  acoap_request_t *request = acoap__calloc(1, sizeof(*request));
  if (request == NULL) {
    return false;
  }
  request->user.closing = closing;
  acoap__list_init(&request->user.node);
  acoap__timer_init(&request->timer, timer_fired);
  acoap__transmission_init(&request->tx, &request->way, &acoap__response_events, request);
  put_in_store(endpoint, request);
  return true;
}

void acoap__requests_free(acoap_local_endpoint_t *endpoint) {
  while (endpoint->free_requests != NULL) {
    acoap_request_t *request = endpoint->free_requests;
    endpoint->free_requests = request->next_free;
    acoap__free(request);
  }
  endpoint->free_request_count = 0;
}

/* What few requests have. */
static void give_back(acoap_request_t *request) {
  acoap__free(request->own_bytes);
  acoap__free(request->kept);
  acoap__free(request->pending);
  request->own_bytes = NULL;
  request->kept = NULL;
  request->pending = NULL;
}

static inline void request_free(acoap_request_t *request) {
  acoap_local_endpoint_t *endpoint = request->endpoint;
  acoap_message_t *message = request->message;
  if (request->filter != NULL && request->filter->freed != NULL) {
    request->filter->freed(request);
  }
  acoap__request_settle(request);
  acoap__request_end_leisure(request);
  if (request->tx.state != ACOAP__TX_IDLE && !request->closed) {
    acoap__transmission_cancel(&endpoint->engine, endpoint->host->ops->now(endpoint->host),
                               &request->tx);
  }
  if (!acoap__list_empty(&request->user.node)) {
    acoap__endpoint_user_remove(endpoint, &request->user);
  }
  if (endpoint->reply_lender == request) {
    endpoint->reply_lender = NULL;
  }
  if (request->own_bytes != NULL || request->kept != NULL || request->pending != NULL) {
    give_back(request);
  }
  if (endpoint->state == ACOAP__ENDPOINT_CLOSED ||
      endpoint->free_request_count >= FREE_REQUESTS_MAX) {
    acoap__free(request);
  } else {
    put_in_store(endpoint, request);
  }
  acoap_message_unref(message); /* and with it the endpoint */
}

/* ---- state ----------------------------------------------------------------------------------- */

static bool is_registered(const acoap_request_t *request) {
  return !acoap__list_empty(&request->user.node);
}

static void decide_outstanding(acoap_request_t *request) {
  if (is_registered(request)) {
    acoap__endpoint_user_set_outstanding(request->endpoint, &request->user,
                                         !request->answered || request->held);
  }
}

void acoap__request_outlive(acoap_request_t *request) {
  if (!is_registered(request)) {
    acoap__endpoint_user_add_late(request->endpoint, &request->user,
                                  !request->answered || request->held);
  }
}

void acoap__request_settle(acoap_request_t *request) {
  if (request->answered) {
    return;
  }
  request->answered = true;
  request->endpoint->requests_open--;
  if (request->timer.queued) {
    acoap__local_endpoint_timer_clear(request->endpoint, &request->timer);
  }
  decide_outstanding(request);
}

void acoap__request_end_leisure(acoap_request_t *request) {
  if (request->leisure) {
    request->leisure = false;
    request->endpoint->requests_open--;
  }
}

void acoap__request_hold(acoap_request_t *request, bool hold) {
  if (request->held == hold) {
    return;
  }
  request->held = hold;
  decide_outstanding(request);
  if (hold) {
    request->refs++;
    acoap__request_outlive(request);
  } else {
    acoap_request_unref(request);
  }
}

/* acoap__timer_cb */
static void timer_fired(acoap__timer_t *timer, acoap_time_t now) {
  acoap_request_t *request = ACOAP__CONTAINER(timer, acoap_request_t, timer);
  if (request->answered) {
    acoap__request_leisure_over(request, now);
    return;
  }
  /* PROCESSING_DELAY is over: the peer shall not retransmit any more (section 5.2.2). */
  acoap__inbound_acknowledge(&request->endpoint->engine, now, &request->inbound);
}

static void closing(acoap__endpoint_user_t *user) {
  acoap_request_t *request = ACOAP__CONTAINER(user, acoap_request_t, user);
  acoap_request_ref(request);
  acoap__request_abandon(request);
  request->closed = true;
  acoap__endpoint_user_remove(request->endpoint, &request->user);
  acoap__request_delivered(request, ACOAP_ECANCELED);
  acoap__request_hold(request, false);
  acoap_request_unref(request);
}

/* ---- from the engine ------------------------------------------------------------------------- */

static bool asks_for_observation(const acoap__inbound_t *inbound, const acoap_view_t *view) {
  uint32_t observe = 0;
  return acoap__view_may_have(view, ACOAP_OPTION_OBSERVE) &&
         (inbound->code == ACOAP_CODE_GET || inbound->code == ACOAP_CODE_FETCH) &&
         !inbound->path->multicast && acoap_view_uint(view, ACOAP_OPTION_OBSERVE, &observe) &&
         observe == 0;
}

/* An object from the pool; the caller's reference of the message goes into it. */
static inline acoap_request_t *request_init(acoap_local_endpoint_t *endpoint,
                                            const acoap__inbound_t *inbound,
                                            acoap_message_t *message) {
  acoap_request_t *request = endpoint->free_requests;
  endpoint->free_requests = request->next_free;
  endpoint->free_request_count--;
  request->endpoint = endpoint;
  request->message = message;
  request->inbound = *inbound;
  request->refs = 1;
  request->answered = false;
  request->observation = false;
  request->closed = false;
  request->begun = false;
  request->dropped = false;
  request->again = false;
  request->suppressed = 0;
  request->filter = NULL;
  request->filter_data = NULL;
  request->on_delivery = NULL;
  request->delivery_data = NULL;
  request->leisure_ms = 0;
  request->transmissions = 0;
  endpoint->requests_open++;
  return request;
}

static inline acoap_request_t *request_new(acoap_local_endpoint_t *endpoint,
                                           const acoap__inbound_t *inbound,
                                           const acoap_view_t *view) {
  if (!acoap__requests_reserve(endpoint)) {
    return NULL;
  }
  acoap_message_t *message = acoap__message_take(endpoint, inbound->path, view);
  if (message == NULL) {
    return NULL;
  }
  acoap_request_t *request = request_init(endpoint, inbound, message);
  request->observation = asks_for_observation(inbound, view);
  if (inbound->path->multicast) {
    request->suppressed = ACOAP__SUPPRESS_ERRORS;
  }
  return request;
}

void acoap__endpoint_request(void *user_data, acoap_time_t now, const acoap__inbound_t *inbound,
                             const acoap_view_t *view) {
  acoap_local_endpoint_t *endpoint = user_data;
  const acoap_params_t *params = endpoint->engine.config.params;
  if (endpoint->state != ACOAP__ENDPOINT_OPEN) {
    return;
  }
  if (endpoint->receive == NULL) {
    acoap__default_receive(endpoint, now, inbound, view);
    return;
  }
  if (endpoint->requests_open >= endpoint->requests_open_max) {
    uint32_t retry_s = (params->processing_delay_ms + MS_PER_S - 1) / MS_PER_S;
    acoap__inbound_reply_code(endpoint, now, inbound, view, ACOAP_CODE_SERVICE_UNAVAILABLE,
                              retry_s);
    return;
  }
  acoap_request_t *request = request_new(endpoint, inbound, view);
  if (request == NULL) {
    return;
  }
  endpoint->receive(endpoint->receive_data, request);
  if (request->refs > 1) {
    acoap__request_outlive(request);
    if (!request->answered && !request->inbound.acknowledged && inbound->type == ACOAP_CON &&
        !inbound->path->multicast) {
      acoap__local_endpoint_timer_set(endpoint, &request->timer, now + params->processing_delay_ms);
    }
  }
  acoap__request_let_go(request);
}

/* ---- for the handler ------------------------------------------------------------------------- */

void acoap_local_endpoint_receive(acoap_local_endpoint_t *endpoint, acoap_request_cb receive,
                                  void *user_data) {
  if (endpoint != NULL) {
    endpoint->receive = receive;
    endpoint->receive_data = user_data;
  }
}

acoap_message_t *acoap_request_message(const acoap_request_t *request) {
  return request != NULL ? request->message : NULL;
}

acoap_local_endpoint_t *acoap_request_endpoint(const acoap_request_t *request) {
  return request != NULL ? request->endpoint : NULL;
}

acoap_request_t *acoap_request_ref(acoap_request_t *request) {
  if (request != NULL) {
    request->refs++;
  }
  return request;
}

void acoap__request_leave(acoap_request_t *request) {
  if (!request->answered && !request->closed) {
    /* Section 5.9.3.1; what has to be sent later takes a reference of its own. */
    acoap__request_drop(request);
  }
  if (--request->refs == 0) {
    request_free(request);
  }
}

acoap_request_t *acoap_request_unref(acoap_request_t *request) {
  if (request != NULL) {
    acoap__request_let_go(request);
  }
  return NULL;
}

int acoap_request_acknowledge(acoap_request_t *request) {
  if (request == NULL) {
    return ACOAP_EINVAL;
  }
  if (request->closed) {
    return ACOAP_ECLOSED;
  }
  if (request->answered || request->inbound.path->multicast || request->again) {
    return request->answered ? ACOAP_EINVAL : 0;
  }
  acoap_local_endpoint_t *endpoint = request->endpoint;
  int status = acoap__inbound_acknowledge(&endpoint->engine, acoap__local_endpoint_now(endpoint),
                                          &request->inbound);
  if (status == 0) {
    acoap__local_endpoint_timer_clear(endpoint, &request->timer);
  }
  return status;
}

void acoap_request_ignore(acoap_request_t *request) {
  if (request == NULL) {
    return;
  }
  request->begun = false;
  request->observation = false;
  if (request->closed || request->answered) {
    return;
  }
  (void)acoap_request_acknowledge(request);
  acoap__request_settle(request);
  acoap__request_ended(request);
}

int acoap_request_reset(acoap_request_t *request) {
  if (request == NULL || (request->answered && !request->closed)) {
    return ACOAP_EINVAL;
  }
  if (request->closed) {
    return ACOAP_ECLOSED;
  }
  acoap_local_endpoint_t *endpoint = request->endpoint;
  int status = 0;
  if (!request->inbound.path->multicast && !request->again) {
    status = acoap__inbound_reset(&endpoint->engine, acoap__local_endpoint_now(endpoint),
                                  &request->inbound);
  }
  if (status == 0) {
    request->begun = false;
    request->observation = false;
    acoap__request_settle(request);
    acoap__request_ended(request);
  }
  return status;
}

/* ---- for a server ---------------------------------------------------------------------------- */

void acoap__local_endpoint_requests_open(const acoap_local_endpoint_t *endpoint, uint32_t *open,
                                         uint32_t *most) {
  *open = endpoint->requests_open;
  *most = endpoint->requests_open_max;
}

void acoap__request_set_transmissions(acoap_request_t *request, uint32_t most) {
  request->transmissions = most;
}

void acoap__request_set_filter(acoap_request_t *request, const acoap__request_filter_t *filter,
                               void *data) {
  request->filter = filter;
  request->filter_data = data;
}

void *acoap__request_filter_data(const acoap_request_t *request) {
  return request->filter_data;
}

const acoap__inbound_t *acoap__request_inbound(const acoap_request_t *request) {
  return &request->inbound;
}

bool acoap__request_is_answered(const acoap_request_t *request) {
  return request->answered || request->closed;
}

bool acoap__request_is_observation(const acoap_request_t *request) {
  return request->observation && !request->closed;
}

void acoap__request_end_observation(acoap_request_t *request) {
  request->observation = false;
}

void acoap__request_set_policy(acoap_request_t *request, uint8_t suppressed, uint32_t leisure_ms) {
  request->suppressed = suppressed;
  request->leisure_ms = leisure_ms;
}

void acoap__request_ended(acoap_request_t *request) {
  if (request->filter != NULL && request->filter->ended != NULL) {
    request->filter->ended(request);
  }
}

void acoap__request_delivered(acoap_request_t *request, int status) {
  if (request->filter != NULL && request->filter->delivered != NULL) {
    request->filter->delivered(request, status);
  }
  if (request->on_delivery != NULL) {
    request->on_delivery(request->delivery_data, request, status);
  }
}

acoap_request_t *acoap__request_again(acoap_request_t *request) {
  acoap_local_endpoint_t *endpoint = request->endpoint;
  if (request->closed || !acoap__requests_reserve(endpoint)) {
    return NULL;
  }
  acoap__inbound_t inbound = request->inbound;
  acoap_request_t *again = request_init(endpoint, &inbound, acoap_message_ref(request->message));
  again->again = true;
  if (acoap__endpoint_user_add(endpoint, &again->user, false) != 0) {
    again->answered = true;
    endpoint->requests_open--;
    acoap_request_unref(again);
    return NULL;
  }
  return again;
}

void acoap__request_consume(acoap_request_t *request) {
  request->begun = false;
  acoap__request_settle(request);
}

uint32_t acoap__request_holders(const acoap_request_t *request) {
  return request->refs;
}

bool acoap__request_is_dropped(const acoap_request_t *request) {
  return request->dropped;
}

acoap_request_cb acoap__local_endpoint_receiver(const acoap_local_endpoint_t *endpoint) {
  return endpoint->receive;
}

void *acoap__local_endpoint_receiver_data(const acoap_local_endpoint_t *endpoint) {
  return endpoint->receive_data;
}

void acoap_request_on_delivery(acoap_request_t *request, acoap_request_end_cb on_delivery,
                               void *user_data) {
  if (request != NULL) {
    request->on_delivery = on_delivery;
    request->delivery_data = user_data;
  }
}
