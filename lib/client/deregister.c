/*
 * Saying farewell to an observed server (RFC 7641 section 3.6): the request once more with Observe
 * 1 and the same token.
 *
 * The rule: it goes on in the background, needs nothing of the send that ends, and is over when it
 * is answered or after MAX_TRANSMIT_WAIT. Late notifications are not answers. Calls nobody back;
 * what cannot be sent is left: the next notification gets a RST, which says the same.
 * SPDX-License-Identifier: MIT
 */
#include "client/send.h"

#include <string.h>

#include "base/mem.h"

typedef struct deregistration {
  acoap_local_endpoint_t *endpoint; /* where it lives */
  acoap_remote_endpoint_t *remote;  /* whose credentials the path borrows; a reference */
  acoap__endpoint_user_t user;      /* so that it ends with the endpoint */
  acoap__interaction_t interaction; /* the request */
  acoap_path_t way;                 /* where it went */
  acoap__timer_t patience;          /* its bound in time */
  acoap_params_t params;            /* of the observation */
  uint8_t bytes[];                  /* the request */
} deregistration_t;

static void finish(deregistration_t *this) {
  acoap__interaction_close(acoap__local_endpoint_engine(this->endpoint),
                           acoap__local_endpoint_now(this->endpoint), &this->interaction);
  acoap__local_endpoint_timer_clear(this->endpoint, &this->patience);
  acoap__endpoint_user_remove(this->endpoint, &this->user);
  acoap_remote_endpoint_unref(this->remote);
  acoap__free(this);
}

static void answered(acoap__interaction_t *interaction, acoap_time_t now, const acoap_path_t *from,
                     const acoap_view_t *view, bool piggybacked) {
  uint32_t number;
  (void)now;
  (void)from;
  if (piggybacked || !acoap_view_uint(view, ACOAP_OPTION_OBSERVE, &number)) {
    finish(interaction->owner);
  }
}

static void failed(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  (void)now;
  (void)status;
  finish(interaction->owner);
}

static void patience_over(acoap__timer_t *timer, acoap_time_t now) {
  (void)now;
  finish(ACOAP__CONTAINER(timer, deregistration_t, patience));
}

static void closing(acoap__endpoint_user_t *user) {
  finish(ACOAP__CONTAINER(user, deregistration_t, user));
}

static const acoap__interaction_events_t events = {.response = answered, .failed = failed};

/* The same request with Observe 1; its length, or a negative error. */
static int rewrite(const acoap_view_t *request, uint8_t *bytes, size_t cap) {
  acoap_builder_t builder;
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_builder_init(&builder, bytes, cap, request->type, request->code, 0, request->token.data,
                     request->token.len);
  acoap_option_iter_init(&iter, request);
  while (acoap_option_next(&iter, &option)) {
    if (option.number == ACOAP_OPTION_OBSERVE) {
      acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, 1);
    } else {
      acoap_builder_option(&builder, option.number, option.value.data, option.value.len);
    }
  }
  acoap_builder_payload(&builder, request->payload.data, request->payload.len);
  return acoap_builder_finish(&builder);
}

/* Send it; a negative error when that cannot be done. */
static int begin(deregistration_t *this, const acoap_exchange_t *exchange, size_t len) {
  acoap__request_options_t options = {.params = &this->params, .keep = true};
  acoap__interaction_init(&this->interaction, &this->way, &events, this);
  acoap_time_t now = acoap__local_endpoint_now(this->endpoint);
  int status =
      acoap__interaction_send(acoap__local_endpoint_engine(this->endpoint), now, &this->interaction,
                              &exchange->path, this->bytes, len, exchange->timing.type, &options);
  if (status == 0) {
    acoap__local_endpoint_timer_set(this->endpoint, &this->patience,
                                    now + acoap_params_max_transmit_wait_ms(&this->params));
  }
  return status;
}

void acoap__deregister(acoap_exchange_t *exchange) {
  acoap__send_t *send = exchange->send;
  acoap_view_t request;
  acoap__interaction_close(acoap__local_endpoint_engine(send->endpoint),
                           acoap__local_endpoint_now(send->endpoint), &exchange->interaction);
  if (acoap_decode(&request, exchange->bytes, exchange->len, ACOAP_TOKEN_MAX, NULL) < 0) {
    return;
  }
  size_t cap = exchange->len + 1; /* Observe 1 is a byte longer than Observe 0 */
  deregistration_t *this = acoap__malloc(sizeof(*this) + cap);
  if (this == NULL) {
    return;
  }
  this->endpoint = send->endpoint;
  this->params = exchange->timing.params;
  this->user.closing = closing;
  acoap__timer_init(&this->patience, patience_over);
  int len = rewrite(&request, this->bytes, cap);
  if (len < 0 || acoap__endpoint_user_add(this->endpoint, &this->user, true) < 0) {
    acoap__free(this);
    return;
  }
  this->remote = acoap_remote_endpoint_ref(send->remote);
  if (begin(this, exchange, (size_t)len) < 0) {
    finish(this);
  }
}
