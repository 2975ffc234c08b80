/*
 * Requests of the heapless endpoint (RFC 7252 section 5.2, 5.3): each is written into its place and
 * stays there until it is over, so nothing is copied. Responses are told as events while the
 * datagram that brought them is still lent.
 * SPDX-License-Identifier: MIT
 */
#include "tiny/tiny.h"

#include "exchange/peer.h"
#include "message/observe.h"

static acoap__tiny_request_t *request_of(acoap__interaction_t *interaction) {
  return ACOAP__CONTAINER(interaction, acoap__tiny_request_t, interaction);
}

static int number_of(const acoap_tiny_t *tiny, const acoap__tiny_request_t *request) {
  return (int)((unsigned)request->generation << 8 | ((unsigned)(request - tiny->requests) + 1));
}

static acoap__tiny_request_t *find(acoap_tiny_t *tiny, int exchange) {
  unsigned place = (unsigned)exchange & 0xff;

  if (tiny == NULL || exchange <= 0 || place == 0 || place > tiny->config->requests) {
    return NULL;
  }
  acoap__tiny_request_t *request = &tiny->requests[place - 1];
  return request->state != ACOAP__TINY_FREE && number_of(tiny, request) == exchange ? request
                                                                                    : NULL;
}

/* ---- from the engine ------------------------------------------------------------------------- */

static void response(acoap__interaction_t *interaction, acoap_time_t now, const acoap_path_t *from,
                     const acoap_view_t *view, bool piggybacked) {
  acoap__tiny_request_t *request = request_of(interaction);
  acoap_tiny_t *tiny = interaction->owner;
  (void)piggybacked;

  if (interaction->open && ACOAP_CODE_CLASS(view->code) != 2 && !interaction->multicast) {
    acoap__interaction_close(&tiny->engine, now, interaction);
  }
  acoap_tiny_event_t *event = acoap__tiny_tell(tiny, ACOAP_TINY_RESPONSE, &from->peer);
  if (event != NULL) {
    event->exchange = number_of(tiny, request);
    event->closed = !interaction->open;
    event->view = *view;
  }
  if (!interaction->open) {
    request->state = ACOAP__TINY_FREE;
  }
}

static void failed(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  acoap__tiny_request_t *request = request_of(interaction);
  acoap_tiny_t *tiny = interaction->owner;
  (void)now;

  request->state = ACOAP__TINY_ENDED;
  request->status = status;
  tiny->ended++;
}

static const acoap__interaction_events_t request_events = {.response = response, .failed = failed};

/* acoap_tiny.tell_request_end */
static void tell_end(acoap_tiny_t *tiny) {
  for (unsigned i = 0; i < tiny->config->requests; i++) {
    acoap__tiny_request_t *request = &tiny->requests[i];
    if (request->state != ACOAP__TINY_ENDED) {
      continue;
    }
    acoap_tiny_event_t *event =
        acoap__tiny_tell(tiny, ACOAP_TINY_FAILED, &request->interaction.tx.address);
    if (event != NULL) {
      event->exchange = number_of(tiny, request);
      event->status = request->status;
      event->closed = true;
      request->state = ACOAP__TINY_FREE;
      tiny->ended--;
    }
    return;
  }
}

/* ---- the calls ------------------------------------------------------------------------------- */

int acoap_tiny_request_begin(acoap_tiny_t *tiny, uint8_t method, acoap_builder_t *builder) {
  uint8_t token[8];

  if (tiny == NULL || builder == NULL || !acoap_code_is_request(method)) {
    return ACOAP_EINVAL;
  }
  tiny->tell_request_end = tell_end;
  if (tiny->config->groups) {
    acoap__peer_table_use_groups(tiny->engine.peers);
  }
  for (unsigned i = 0; i < tiny->config->requests; i++) {
    acoap__tiny_request_t *request = &tiny->requests[i];
    if (request->state == ACOAP__TINY_FREE) {
      request->state = ACOAP__TINY_BUILDING;
      request->generation = (uint8_t)(request->generation + 1);
      acoap__engine_new_token(&tiny->engine, token);
      acoap_builder_init(builder, acoap__tiny_message(tiny, i), tiny->config->message_bytes,
                         ACOAP_CON, method, 0, token, sizeof(token));
      return number_of(tiny, request);
    }
  }
  return ACOAP_EEXHAUSTED;
}

int acoap_tiny_request_send(acoap_tiny_t *tiny, acoap_time_t now, int exchange,
                            const acoap_address_t *peer, acoap_type_t type, bool keep,
                            const acoap_builder_t *builder) {
  acoap__tiny_request_t *request = find(tiny, exchange);
  acoap__request_options_t options = {.keep = keep};

  if (request == NULL || request->state != ACOAP__TINY_BUILDING || peer == NULL ||
      builder == NULL) {
    return ACOAP_EINVAL;
  }
  acoap_path_t path = acoap__tiny_path(peer);
  int len = acoap_builder_finish(builder);
  int status = len;

  if (len > 0) {
    /* Before it leaves: the response may come while the network takes it. */
    request->state = ACOAP__TINY_SENT;
    acoap__interaction_init(&request->interaction, NULL, &request_events, tiny);
    status = acoap__interaction_send(&tiny->engine, now, &request->interaction, &path,
                                     builder->bytes, (size_t)len, type, &options);
  }
  if (status < 0) {
    request->state = ACOAP__TINY_FREE;
  }
  return status;
}

void acoap_tiny_request_cancel(acoap_tiny_t *tiny, acoap_time_t now, int exchange) {
  acoap__tiny_request_t *request = find(tiny, exchange);

  if (request == NULL) {
    return;
  }
  if (request->state == ACOAP__TINY_ENDED) {
    tiny->ended--;
  } else if (request->state == ACOAP__TINY_SENT) {
    acoap__interaction_close(&tiny->engine, now, &request->interaction);
  }
  request->state = ACOAP__TINY_FREE;
}

bool acoap_tiny_is_newer(acoap_tiny_observation_t *observation, acoap_time_t now,
                         const acoap_view_t *notification) {
  uint32_t number;

  if (!acoap_view_uint(notification, ACOAP_OPTION_OBSERVE, &number)) {
    return true;
  }
  if (observation->any &&
      !acoap__observe_is_newer(observation->number, observation->when, number, now)) {
    return false;
  }
  observation->any = true;
  observation->number = number;
  observation->when = now;
  return true;
}
