/*
 * Requests that come in: answered by the table at once, told as an event, or answered later (RFC
 * 7252 sections 5.2.1 to 5.2.3, 8.2).
 *
 *     a CON not acknowledged yet: in the ACK       acknowledged: a CON of its own (separate.c)
 *     a NON: a NON
 *
 * What is kept of a request for later is a value of the caller's. An answer that is unwanted (RFC
 * 7967, errors to a group) is not sent; a CON is acknowledged all the same.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tiny/tiny.h"

#include <string.h>

#include "tiny/answer.h"

static void keep(acoap_tiny_inbound_t *kept, const acoap__inbound_t *inbound,
                 const acoap_view_t *view) {
  memset(kept, 0, sizeof(*kept));
  kept->peer = inbound->path->peer;
  kept->token_len = (uint8_t)view->token.len; /* at most token_max, 8 */
  if (view->token.len > 0) {
    memcpy(kept->token, view->token.data, view->token.len);
  }
  kept->type = (uint8_t)inbound->type;
  kept->code = inbound->code;
  kept->multicast = inbound->path->multicast;
  kept->no_response = acoap__tiny_unwanted(view, kept->multicast);
  kept->slot = -1;
  kept->message_id = inbound->message_id;
  kept->dedup_slot = inbound->dedup_slot;
  kept->dedup_serial = inbound->dedup_serial;
}

/* What was kept, as the engine has it. */
typedef struct restored {
  acoap__inbound_t inbound;
  acoap_path_t path; /* of the inbound */
} restored_t;

static void restore(restored_t *restored, const acoap_tiny_inbound_t *kept) {
  acoap__inbound_t *inbound = &restored->inbound;

  restored->path = acoap__tiny_path(&kept->peer);
  restored->path.multicast = kept->multicast;
  inbound->path = &restored->path;
  inbound->type = (acoap_type_t)kept->type;
  inbound->code = kept->code;
  inbound->message_id = kept->message_id;
  inbound->dedup_slot = kept->dedup_slot;
  inbound->dedup_serial = kept->dedup_serial;
  inbound->acknowledged = kept->acknowledged;
  inbound->answered = kept->answered;
}

/* ---- at once --------------------------------------------------------------------------------- */

static uint8_t *message_at_once(const acoap_tiny_t *tiny) {
  return acoap__tiny_message(tiny, (size_t)tiny->config->requests + tiny->config->responses);
}

static void answer(acoap_tiny_t *tiny, acoap_time_t now, const acoap__inbound_t *came,
                   const acoap_view_t *view) {
  acoap__inbound_t inbound = *came;
  acoap_tiny_inbound_t kept;
  acoap_builder_t builder;
  size_t len = 0;

  keep(&kept, came, view);
  kept.acknowledged = true; /* by the time that the handler's copy is used */
  acoap_tiny_request_t request = {.endpoint = tiny,
                                  .now = now,
                                  .peer = &came->path->peer,
                                  .view = view,
                                  .resources = tiny->config->resources,
                                  .inbound = &kept,
                                  .multicast = came->path->multicast};
  acoap__tiny_answer_init(&builder, message_at_once(tiny), tiny->config->message_bytes, view);
  if (acoap__tiny_answer_write(tiny->config->serve, &request, &builder, &len) == ACOAP_TINY_SEND) {
    acoap__inbound_reply(&tiny->engine, now, &inbound, builder.bytes, len);
  } else {
    acoap__inbound_acknowledge(&tiny->engine, now, &inbound);
  }
}

void acoap__tiny_inbound(void *user_data, acoap_time_t now, const acoap__inbound_t *inbound,
                         const acoap_view_t *view) {
  acoap_tiny_t *tiny = user_data;

  if (tiny->config->serve != NULL) {
    answer(tiny, now, inbound, view);
    return;
  }
  acoap_tiny_event_t *event = acoap__tiny_tell(tiny, ACOAP_TINY_REQUEST, &inbound->path->peer);
  if (event != NULL) {
    event->view = *view;
    keep(&event->inbound, inbound, view);
  }
}

/* ---- later ----------------------------------------------------------------------------------- */

/* The place that acoap_tiny_answer_begin chose. */
static acoap__tiny_response_t *place_of(acoap_tiny_t *tiny, const acoap_tiny_inbound_t *inbound) {
  if (inbound->slot < 0 || inbound->slot >= tiny->config->responses ||
      tiny->responses[inbound->slot].state != ACOAP__TINY_BUILDING) {
    return NULL;
  }
  return &tiny->responses[inbound->slot];
}

int acoap_tiny_answer_begin(acoap_tiny_t *tiny, acoap_tiny_inbound_t *inbound,
                            acoap_builder_t *answer) {
  uint8_t *message;

  if (tiny == NULL || inbound == NULL || answer == NULL || inbound->answered) {
    return ACOAP_EINVAL;
  }
  if (inbound->acknowledged && inbound->type == ACOAP_CON) {
    acoap__tiny_response_t *response = place_of(tiny, inbound); /* begun anew */
    if (response == NULL) {
      response = acoap__tiny_response_take(tiny, 0);
    }
    if (response == NULL) {
      return ACOAP_EEXHAUSTED;
    }
    inbound->slot = (int8_t)(response - tiny->responses);
    message = acoap__tiny_response_message(tiny, response);
  } else {
    inbound->slot = -1;
    message = message_at_once(tiny);
  }
  const acoap_view_t request = {.code = inbound->code,
                                .message_id = inbound->message_id,
                                .token = {inbound->token, inbound->token_len}};
  acoap__tiny_answer_init(answer, message, tiny->config->message_bytes, &request);
  return 0;
}

static int send_separate(acoap_tiny_t *tiny, acoap_time_t now, acoap_tiny_inbound_t *inbound,
                         size_t len, bool unwanted) {
  acoap__tiny_response_t *response = place_of(tiny, inbound);
  restored_t settled;

  if (response == NULL) {
    return ACOAP_EINVAL;
  }
  int status = 0;
  if (unwanted) {
    response->state = ACOAP__TINY_FREE;
  } else {
    status = acoap__tiny_response_send(tiny, now, response, &inbound->peer, ACOAP_CON, len);
  }
  if (status == 0) {
    restore(&settled, inbound);
    acoap__inbound_answered_separately(&tiny->engine, &settled.inbound);
  }
  return status;
}

int acoap_tiny_answer_send(acoap_tiny_t *tiny, acoap_time_t now, acoap_tiny_inbound_t *inbound,
                           const acoap_builder_t *answer) {
  restored_t restored;
  int status;

  if (tiny == NULL || inbound == NULL || answer == NULL || inbound->answered) {
    return ACOAP_EINVAL;
  }
  int len = acoap_builder_finish(answer);
  bool unwanted = len > 0 && acoap__tiny_is_unwanted(inbound->no_response, answer->bytes[1]);
  if (len < 0) {
    status = len;
    acoap__tiny_response_t *response = place_of(tiny, inbound);
    if (response != NULL) {
      response->state = ACOAP__TINY_FREE;
    }
  } else if (inbound->slot >= 0) {
    status = send_separate(tiny, now, inbound, (size_t)len, unwanted);
  } else {
    restore(&restored, inbound);
    status = unwanted ? acoap__inbound_acknowledge(&tiny->engine, now, &restored.inbound)
                      : acoap__inbound_reply(&tiny->engine, now, &restored.inbound, answer->bytes,
                                             (size_t)len);
  }
  inbound->slot = -1;
  inbound->answered = status == 0;
  return status;
}

int acoap_tiny_acknowledge(acoap_tiny_t *tiny, acoap_time_t now, acoap_tiny_inbound_t *inbound) {
  restored_t restored;

  if (tiny == NULL || inbound == NULL || inbound->answered) {
    return ACOAP_EINVAL;
  }
  restore(&restored, inbound);
  int status = acoap__inbound_acknowledge(&tiny->engine, now, &restored.inbound);
  inbound->acknowledged = restored.inbound.acknowledged;
  return status;
}

int acoap_tiny_reset(acoap_tiny_t *tiny, acoap_time_t now, acoap_tiny_inbound_t *inbound) {
  restored_t restored;

  if (tiny == NULL || inbound == NULL) {
    return ACOAP_EINVAL;
  }
  restore(&restored, inbound);
  int status = acoap__inbound_reset(&tiny->engine, now, &restored.inbound);
  inbound->answered = restored.inbound.answered;
  return status;
}
