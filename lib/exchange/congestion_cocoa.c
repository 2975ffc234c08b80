/*
 * CoCoA: how long to wait for an ACK, from measured round trips (draft-ietf-core-cocoa-03 section
 * 4; RFC 6298 section 2 for the estimators).
 *
 *     R = from the first sending to the ACK
 *     strong estimator: no retransmission, K = 4      weak one: one or two, K = 1
 *     first R:  SRTT = R, RTTVAR = R / 2
 *     then:     RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|,  SRTT = 7/8 SRTT + 1/8 R
 *     E = SRTT + max(1 ms, K * RTTVAR)
 *     RTO = 1/2 E + 1/2 RTO (strong)                  RTO = 1/4 E + 3/4 RTO (weak)
 *     wait(0) uniform in [RTO, RTO * ACK_RANDOM_FACTOR]
 *     wait(n + 1) = wait(n) * (RTO < 1 s: 3; RTO > 3 s: 1.5; else 2), at most 32 s
 *     unused for 16 RTO below 1 s: RTO = 2 RTO        for 4 RTO above 3 s: RTO = 1 s + 1/2 RTO
 *
 *     no retransmission after MAX_TRANSMIT_SPAN, so that EXCHANGE_LIFETIME holds (RFC 7252 4.8.2)
 *
 * While nothing is known of a peer, the RTO is ACK_TIMEOUT for each exchange that is outstanding,
 * at most 32 s. The draft has no least RTO; here it is 100 ms, so that a peer which takes its time
 * (PROCESSING_DELAY) is not given up: 100, 300, 900, 2700, 8100 ms. Says nothing about
 * non-confirmable messages; PROBING_RATE goes on to rule them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/congestion_cocoa.h"

#include <string.h>

#include "base/divide.h"

#define SIXTEENTHS 16
#define GRANULARITY (1 * SIXTEENTHS)
#define TIMEOUT_LEAST (100 * SIXTEENTHS)
#define TIMEOUT_MOST (32000 * SIXTEENTHS)
#define SHORT (1000 * SIXTEENTHS)
#define LONG (3000 * SIXTEENTHS)
#define MEASURED_MOST_MS 120000
#define WEAK_RETRANSMISSIONS 2

static acoap__round_trip_t *of_peer(const acoap__peer_t *peer) {
  const struct acoap__round_trips *all = peer->engine->round_trips;

  return &all->list[acoap__cocoa_number(all, peer)];
}

static int32_t between(int32_t value, int32_t least, int32_t most) {
  return value < least ? least : value > most ? most : value;
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* RFC 6298 sections 2.2 and 2.3. Returns E. */
static int32_t estimate(acoap__rtt_t *rtt, int32_t measured, int32_t k) {
  if (rtt->smoothed == 0) {
    rtt->smoothed = measured;
    rtt->variation = measured / 2;
  } else {
    int32_t error = measured - rtt->smoothed;
    int32_t distance = error < 0 ? -error : error;
    rtt->variation += (distance - rtt->variation) / 4;
    rtt->smoothed += error / 8;
  }
  int32_t margin = k * rtt->variation;
  return rtt->smoothed + (margin > GRANULARITY ? margin : GRANULARITY);
}

/* The RTO while nothing was measured, for one exchange. */
static int32_t blind(const acoap__transmission_t *tx) {
  uint32_t timeout_ms = tx->params->ack_timeout_ms;

  return timeout_ms < TIMEOUT_MOST / SIXTEENTHS ? (int32_t)timeout_ms * SIXTEENTHS : TIMEOUT_MOST;
}

static void measure(acoap__transmission_t *tx, acoap_time_t now) {
  acoap__round_trip_t *known = of_peer(tx->peer);
  acoap_time_t elapsed = now - tx->first_sent;
  int32_t elapsed_ms = elapsed < MEASURED_MOST_MS ? (int32_t)elapsed : MEASURED_MOST_MS;
  int32_t measured = (elapsed_ms > 0 ? elapsed_ms : 1) * SIXTEENTHS;
  int32_t before = known->timeout != 0 ? known->timeout : blind(tx);
  int32_t timeout;

  if (tx->retransmissions > WEAK_RETRANSMISSIONS) {
    return;
  }
  if (tx->retransmissions == 0 && !tx->sent_early) {
    timeout = (estimate(&known->strong, measured, 4) + before) / 2;
  } else {
    timeout = (estimate(&known->weak, measured, 1) + 3 * before) / 4;
  }
  known->timeout = between(timeout, TIMEOUT_LEAST, TIMEOUT_MOST);
  known->updated_at = now;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* What was not used for long is trusted less. Each step takes some of the time that went by. */
static void age(acoap__round_trip_t *known, acoap_time_t now) {
  acoap_time_t step_ms = known->timeout;

  while (known->timeout < SHORT && now - known->updated_at >= step_ms) {
    known->updated_at += step_ms;
    known->timeout *= 2;
    step_ms = known->timeout;
  }
  step_ms = known->timeout / 4;
  while (known->timeout > LONG && now - known->updated_at >= step_ms) {
    known->updated_at += step_ms;
    known->timeout = SHORT + known->timeout / 2;
    step_ms = known->timeout / 4;
  }
}

/* By how many halves the wait grows each time. */
static unsigned back_off_halves(int32_t timeout) {
  if (timeout < SHORT) {
    return 6;
  }
  return timeout > LONG ? 3 : 4;
}

static uint32_t timeout_ms(acoap__engine_t *engine, acoap__transmission_t *tx, acoap_time_t now) {
  acoap__round_trip_t *known = of_peer(tx->peer);
  int32_t timeout = known->timeout;

  if (timeout != 0) {
    age(known, now);
    timeout = known->timeout;
  } else {
    uint64_t together = (uint64_t)blind(tx) * tx->peer->outstanding;
    timeout = together < TIMEOUT_MOST ? (int32_t)together : TIMEOUT_MOST;
  }
  tx->back_off_halves = back_off_halves(timeout) & 7u;
  uint32_t least = (uint32_t)timeout / SIXTEENTHS;
  uint64_t most = acoap__divide((uint64_t)least * tx->params->ack_random_factor_permille, 1000);
  return acoap__random_between(engine->random, least, (uint32_t)most);
}

static uint32_t back_off_ms(const acoap__transmission_t *tx) {
  uint64_t longer = (uint64_t)tx->timeout_ms * tx->back_off_halves / 2;
  uint32_t most = TIMEOUT_MOST / SIXTEENTHS;

  most = tx->timeout_ms > most ? tx->timeout_ms : most;
  return longer < most ? (uint32_t)longer : most;
}

static bool gives_up(const acoap__transmission_t *tx, acoap_time_t now) {
  return now - tx->first_sent > (acoap_time_t)acoap_params_max_transmit_span_ms(tx->params);
}

void acoap__cocoa_init(struct acoap__round_trips *round_trips, const acoap__peer_t *peers,
                       acoap__round_trip_t *list, size_t count) {
  memset(list, 0, count * sizeof(*list));
  round_trips->timeout_ms = timeout_ms;
  round_trips->back_off_ms = back_off_ms;
  round_trips->gives_up = gives_up;
  round_trips->measure = measure;
  round_trips->peers = peers;
  round_trips->list = list;
}
