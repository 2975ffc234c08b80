/*
 * The congestion control of RFC 7252 itself (sections 4.2 and 4.7), see congestion.h.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/congestion.h"

#include "base/divide.h"
#include "exchange/congestion_cocoa.h"
#include "exchange/queue.h"

bool acoap__congestion_needs_place(const acoap__transmission_t *tx) {
  if (acoap_address_is_multicast(&tx->address)) {
    return false;
  }
  return tx->type == ACOAP_CON || (tx->is_request && !tx->no_wait);
}

acoap_time_t acoap__congestion_when(const acoap__peer_t *peer, const acoap__transmission_t *tx,
                                    acoap_time_t now) {
  if (peer->outstanding >= tx->params->nstart) {
    return ACOAP_TIME_NEVER;
  }
  if (tx->type == ACOAP_NON && peer->queue->quiet_until > now) {
    return peer->queue->quiet_until;
  }
  return now;
}

void acoap__congestion_hold(acoap__peer_t *peer, acoap__transmission_t *tx) {
  tx->holds_place = true;
  tx->peer = peer;
  peer->outstanding++;
  acoap__peer_settle(peer);
}

/* Section 4.7: a peer that does not respond is sent no more than PROBING_RATE bytes per second on
 * average. */
acoap_time_t acoap__congestion_pay(acoap__transmission_t *tx, acoap_time_t now) {
  acoap__peer_t *peer = tx->peer;
  acoap_time_t from = peer->queue->expected_until > now ? peer->queue->expected_until : now;

  peer->queue->expected_until =
      from +
      (acoap_time_t)acoap__divide((uint64_t)tx->len * 1000, tx->params->probing_rate_bytes_per_s);
  return peer->queue->expected_until;
}

void acoap__congestion_unpaid(acoap__peer_t *peer, const acoap__transmission_t *tx,
                              acoap_time_t expected_until) {
  bool silent = peer->queue->heard == 0 || peer->queue->heard < tx->first_sent;

  if (silent && expected_until > peer->queue->quiet_until) {
    peer->queue->quiet_until = expected_until;
  }
}

void acoap__congestion_release(acoap__transmission_t *tx, bool answered,
                               acoap_time_t expected_until) {
  acoap__peer_t *peer = tx->peer;

  if (tx->type == ACOAP_NON && !answered) { /* a request */
    tx->engine->config.queue->unpaid(peer, tx, expected_until);
  }
  tx->holds_place = false;
  tx->peer = NULL;
  peer->outstanding--;
  acoap__peer_settle(peer);
}

/* Who decides on the waits of this one; NULL: section 4.2. */
static const struct acoap__round_trips *measured_by(const acoap__transmission_t *tx) {
  return tx->params->congestion == ACOAP_CONGESTION_COCOA ? tx->engine->round_trips : NULL;
}

uint32_t acoap__congestion_timeout_ms(acoap__engine_t *engine, acoap__transmission_t *tx,
                                      acoap_time_t now) {
  const struct acoap__round_trips *round_trips = measured_by(tx);

  if (round_trips != NULL) {
    return round_trips->timeout_ms(engine, tx, now);
  }
  uint64_t longest = acoap__divide(
      (uint64_t)tx->params->ack_timeout_ms * tx->params->ack_random_factor_permille, 1000);

  return acoap__random_between(engine->random, tx->params->ack_timeout_ms, (uint32_t)longest);
}

bool acoap__congestion_back_off(acoap__transmission_t *tx, acoap_time_t now) {
  const struct acoap__round_trips *round_trips = measured_by(tx);

  if (tx->retransmissions >= tx->params->max_retransmit ||
      (round_trips != NULL && round_trips->gives_up(tx, now))) {
    return false;
  }
  tx->timeout_ms = round_trips != NULL ? round_trips->back_off_ms(tx) : tx->timeout_ms * 2;
  return true;
}

void acoap__congestion_measure(acoap__transmission_t *tx, acoap_time_t now) {
  const struct acoap__round_trips *round_trips = measured_by(tx);

  if (round_trips != NULL && tx->holds_place) {
    round_trips->measure(tx, now);
  }
}
