/*
 * Observers of a resource (RFC 7641 sections 3.1, 3.2, 4.1 to 4.5), in a list of the caller's.
 *
 *     an observer is (peer, token)
 *     one notification at a time is under way to each; a state that changes meanwhile is sent when
 *     it is over, so that the newest comes through (eventual consistency, section 4.5.2)
 *     CON at least every confirm_every-th time and every 24 hours; a RST or a time-out ends it
 *
 * The handler of the resource writes a notification as it writes an answer, where it leaves from.
 * Only plain requests are registered: without queries, payload, Accept or ETag, since nothing of a
 * request is kept but its token.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tiny/tiny.h"

#include <string.h>

#include "tiny/answer.h"

#define NUMBER_MASK 0xffffffu
#define CONFIRM_MS (24 * 60 * 60 * 1000)

/* ---- who observes ---------------------------------------------------------------------------- */

static acoap_tiny_observer_t *find(const acoap_tiny_observers_t *observers,
                                   const acoap_tiny_request_t *request) {
  acoap_bytes_t token = request->view->token;

  for (unsigned i = 0; i < observers->count; i++) {
    acoap_tiny_observer_t *observer = &observers->list[i];
    if (observer->used && observer->token_len == token.len &&
        (token.len == 0 || memcmp(observer->token, token.data, token.len) == 0) &&
        acoap_address_equal(&observer->peer, request->peer)) {
      return observer;
    }
  }
  return NULL;
}

static acoap_tiny_observer_t *find_free(const acoap_tiny_observers_t *observers) {
  for (unsigned i = 0; i < observers->count; i++) {
    if (!observers->list[i].used) {
      return &observers->list[i];
    }
  }
  return NULL;
}

/* A notification that is under way to it ends for itself. */
static void forget(acoap_tiny_t *tiny, acoap_tiny_observer_t *observer) {
  if (observer->slot >= 0) {
    tiny->responses[observer->slot].owner = NULL;
  }
  memset(observer, 0, sizeof(*observer));
  observer->slot = -1;
}

static bool is_plain(const acoap_view_t *view) {
  acoap_option_iter_t iter;
  acoap_option_t option;

  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    switch (option.number) {
    case ACOAP_OPTION_URI_HOST:
    case ACOAP_OPTION_URI_PORT:
    case ACOAP_OPTION_URI_PATH:
    case ACOAP_OPTION_OBSERVE:
    case ACOAP_OPTION_BLOCK2:
      break;
    default:
      if (!acoap_option_is_no_cache_key(option.number)) {
        return false;
      }
      break;
    }
  }
  return view->code == ACOAP_CODE_GET && view->payload.len == 0;
}

static bool register_peer(acoap_tiny_observers_t *observers, const acoap_tiny_request_t *request) {
  acoap_tiny_observer_t *observer = find(observers, request);

  if (observer == NULL) {
    observer = find_free(observers);
    if (observer == NULL) {
      return false;
    }
    memset(observer, 0, sizeof(*observer));
    observer->used = true;
    observer->slot = -1;
    observer->peer = *request->peer;
    observer->token_len = (uint8_t)request->view->token.len;
    if (request->view->token.len > 0) {
      memcpy(observer->token, request->view->token.data, request->view->token.len);
    }
    observer->confirmed = request->now;
  }
  observer->stale = false;
  return true;
}

void acoap_tiny_observe(acoap_tiny_observers_t *observers, const acoap_tiny_request_t *request,
                        acoap_builder_t *answer) {
  acoap_tiny_t *tiny = request->endpoint;
  uint32_t observe;

  if (tiny == NULL || request->multicast) {
    return;
  }
  if (!request->notification) {
    if (!acoap_view_uint(request->view, ACOAP_OPTION_OBSERVE, &observe)) {
      return;
    }
    acoap_tiny_observer_t *known = find(observers, request);
    if (observe != 0 || !is_plain(request->view) || !register_peer(observers, request)) {
      if (known != NULL) {
        forget(tiny, known);
      }
      return;
    }
    observers->resources = request->resources;
    observers->resource = request->resource;
  }
  acoap_builder_uint(answer, ACOAP_OPTION_OBSERVE, observers->number & NUMBER_MASK);
}

/* ---- notifications --------------------------------------------------------------------------- */

/* acoap__tiny_response_t.ended */
static void notified(acoap__tiny_response_t *response, acoap_time_t now, int status) {
  acoap_tiny_observer_t *observer = response->owner;
  acoap_tiny_t *tiny = response->tx.owner;
  (void)now;

  response->owner = NULL;
  if (observer == NULL) {
    return;
  }
  observer->slot = -1;
  if (status < 0) {
    forget(tiny, observer);
  }
  tiny->stale = true; /* a place is free, and this one may be behind */
}

static bool wants_con(const acoap_tiny_observers_t *observers, acoap_tiny_observer_t *observer,
                      acoap_time_t now) {
  if (observers->confirm_every > 1 && observer->unconfirmed + 1u < observers->confirm_every &&
      now - observer->confirmed < CONFIRM_MS) {
    observer->unconfirmed++;
    return false;
  }
  observer->unconfirmed = 0;
  observer->confirmed = now;
  return true;
}

/* The place for the next notification to it; NULL: not now. One that left as a NON before is
 * replaced. */
static acoap__tiny_response_t *place_for(acoap_tiny_t *tiny, acoap_tiny_observer_t *observer,
                                         acoap_time_t now) {
  if (observer->slot >= 0) {
    acoap__tiny_response_t *last = &tiny->responses[observer->slot];
    if (last->state != ACOAP__TINY_HELD) {
      return NULL;
    }
    acoap__transmission_cancel(&tiny->engine, now, &last->tx);
    last->state = ACOAP__TINY_FREE;
    observer->slot = -1;
  }
  return acoap__tiny_response_take(tiny, now);
}

/* Let the handler write the state; false: there is nothing to send. */
static bool write_state(acoap_tiny_t *tiny, acoap_time_t now,
                        const acoap_tiny_observers_t *observers,
                        const acoap_tiny_observer_t *observer, acoap_builder_t *answer,
                        size_t *len) {
  acoap_view_t view;

  memset(&view, 0, sizeof(view));
  view.code = ACOAP_CODE_GET;
  view.token.data = observer->token;
  view.token.len = observer->token_len;
  acoap_tiny_request_t request = {.endpoint = tiny,
                                  .now = now,
                                  .peer = &observer->peer,
                                  .view = &view,
                                  .resources = observers->resources,
                                  .resource = observers->resource,
                                  .notification = true};
  acoap__tiny_answer_init(answer, answer->bytes, tiny->config->message_bytes, &view);
  return acoap__tiny_answer_write(acoap__tiny_serve_row, &request, answer, len) == ACOAP_TINY_SEND;
}

static void notify_one(acoap_tiny_t *tiny, acoap_time_t now, acoap_tiny_observers_t *observers,
                       acoap_tiny_observer_t *observer) {
  acoap__tiny_response_t *response = place_for(tiny, observer, now);
  acoap_address_t peer = observer->peer;
  acoap_builder_t answer;
  size_t len = 0;

  if (response == NULL) {
    return;
  }
  answer.bytes = acoap__tiny_response_message(tiny, response);
  observer->stale = false;
  if (!write_state(tiny, now, observers, observer, &answer, &len)) {
    response->state = ACOAP__TINY_FREE;
    return;
  }
  acoap_type_t type = ACOAP_CON;
  response->ended = notified;
  if (ACOAP_CODE_CLASS(answer.bytes[1]) != 2) {
    forget(tiny, observer); /* section 4.2: an error is the last one */
    observer = NULL;
  } else {
    type = wants_con(observers, observer, now) ? ACOAP_CON : ACOAP_NON;
    observer->slot = (int8_t)(response - tiny->responses);
  }
  response->owner = observer;
  if (acoap__tiny_response_send(tiny, now, response, &peer, type, len) < 0 && observer != NULL) {
    observer->slot = -1;
    observer->stale = true; /* tables are full: again when something has ended */
  }
}

/* acoap_tiny.notify */
static void notify_all(acoap_tiny_t *tiny, acoap_time_t now) {
  tiny->stale = false;
  for (acoap_tiny_observers_t *observers = tiny->observers; observers != NULL;
       observers = observers->next) {
    for (unsigned i = 0; i < observers->count; i++) {
      acoap_tiny_observer_t *observer = &observers->list[i];
      if (observer->used && observer->stale) {
        notify_one(tiny, now, observers, observer);
      }
    }
  }
}

void acoap_tiny_notify(acoap_tiny_t *tiny, acoap_tiny_observers_t *observers) {
  if (tiny == NULL || observers == NULL) {
    return;
  }
  if (!observers->listed) {
    observers->listed = true;
    observers->next = tiny->observers;
    tiny->observers = observers;
    tiny->notify = notify_all;
  }
  observers->number = (observers->number + 1) & NUMBER_MASK;
  for (unsigned i = 0; i < observers->count; i++) {
    observers->list[i].stale = observers->list[i].used;
  }
  tiny->stale = true;
}
