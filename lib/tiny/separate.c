/*
 * Places for messages of one's own accord that are no requests: separate responses (RFC 7252
 * section 5.2.2), notifications, pings. A place is busy until the ACK, the RST or the time-out; a
 * NON that has left holds its place only while nobody else wants it. Writes no messages.
 * SPDX-License-Identifier: MIT
 */
#include "tiny/tiny.h"

#include "exchange/queue.h"

static acoap__tiny_response_t *response_of(acoap__transmission_t *tx) {
  return ACOAP__CONTAINER(tx, acoap__tiny_response_t, tx);
}

static void ended(acoap__transmission_t *tx, acoap_time_t now, int status) {
  acoap__tiny_response_t *response = response_of(tx);

  acoap_tiny_t *tiny = tx->owner;

  response->state = ACOAP__TINY_FREE;
  tiny->stale = tiny->observers != NULL; /* who waited for a place may go on */
  if (response->ended != NULL) {
    response->ended(response, now, status);
  } else if (status < 0) {
    response->state = ACOAP__TINY_ENDED;
    response->status = status;
    tiny->ended++;
  }
}

static void acknowledged(acoap__transmission_t *tx, acoap_time_t now, const acoap_path_t *from,
                         const acoap_view_t *view) {
  (void)from;
  (void)view;
  ended(tx, now, 0);
}

static void reset(acoap__transmission_t *tx, acoap_time_t now) {
  ended(tx, now, ACOAP_ERESET);
}

static const acoap__transmission_events_t response_events = {
    .acknowledged = acknowledged, .reset = reset, .failed = ended};

acoap__tiny_response_t *acoap__tiny_response_take(acoap_tiny_t *tiny, acoap_time_t now) {
  acoap__tiny_response_t *taken = NULL;

  for (unsigned i = 0; i < tiny->config->responses; i++) {
    acoap__tiny_response_t *response = &tiny->responses[i];
    if (response->state == ACOAP__TINY_FREE) {
      taken = response;
      break;
    }
    if (response->state == ACOAP__TINY_HELD && taken == NULL) {
      taken = response;
    }
  }
  if (taken == NULL) {
    return NULL;
  }
  if (taken->state == ACOAP__TINY_HELD) {
    acoap__transmission_cancel(&tiny->engine, now, &taken->tx);
    if (taken->ended != NULL) {
      taken->ended(taken, now, 0);
    }
  }
  acoap__transmission_init(&taken->tx, NULL, &response_events, tiny);
  taken->ended = NULL;
  taken->owner = NULL;
  taken->state = ACOAP__TINY_BUILDING;
  return taken;
}

/* By its address: an endpoint on which nothing waits does not link it. */
const acoap__queue_t *acoap_tiny_waiting(void) {
  return &acoap__queue;
}

uint8_t *acoap__tiny_response_message(const acoap_tiny_t *tiny,
                                      const acoap__tiny_response_t *response) {
  return acoap__tiny_message(tiny, tiny->config->requests + (size_t)(response - tiny->responses));
}

int acoap__tiny_response_send(acoap_tiny_t *tiny, acoap_time_t now,
                              acoap__tiny_response_t *response, const acoap_address_t *peer,
                              acoap_type_t type, size_t len) {
  acoap_path_t path = acoap__tiny_path(peer);

  /* Before it leaves: the answer may come while the network takes it. */
  response->state = type == ACOAP_NON ? ACOAP__TINY_HELD : ACOAP__TINY_SENT;
  int status =
      acoap__transmission_send(&tiny->engine, now, &response->tx, &path,
                               acoap__tiny_response_message(tiny, response), len, type, NULL);
  if (status < 0) {
    response->state = ACOAP__TINY_FREE;
  }
  return status;
}

/* ---- ping ------------------------------------------------------------------------------------ */

/* Whoever resets or acknowledges a ping lives. */
static void ping_ended(acoap__tiny_response_t *response, acoap_time_t now, int status) {
  acoap_tiny_t *tiny = response->tx.owner;
  (void)now;

  response->state = ACOAP__TINY_ENDED;
  response->status = status == ACOAP_ERESET ? 0 : status;
  tiny->ended++;
}

int acoap_tiny_ping(acoap_tiny_t *tiny, acoap_time_t now, const acoap_address_t *peer) {
  acoap_builder_t builder;

  if (tiny == NULL || peer == NULL) {
    return ACOAP_EINVAL;
  }
  acoap__tiny_response_t *response = acoap__tiny_response_take(tiny, now);
  if (response == NULL) {
    return ACOAP_EEXHAUSTED;
  }
  response->ended = ping_ended;
  acoap_builder_init(&builder, acoap__tiny_response_message(tiny, response),
                     tiny->config->message_bytes, ACOAP_CON, ACOAP_CODE_EMPTY, 0, NULL, 0);
  return acoap__tiny_response_send(tiny, now, response, peer, ACOAP_CON,
                                   (size_t)acoap_builder_finish(&builder));
}
