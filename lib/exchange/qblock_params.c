/*
 * Transmission parameters of Q-Block1 and Q-Block2 (RFC 9177 section 7.2).
 *
 *     NON_TIMEOUT         = ACK_TIMEOUT
 *     NON_TIMEOUT_RANDOM  = NON_TIMEOUT * (1 .. ACK_RANDOM_FACTOR)
 *     NON_RECEIVE_TIMEOUT = 2 * NON_TIMEOUT  >=  NON_TIMEOUT_RANDOM + 1 s
 *     NON_PROBING_WAIT    = NON_PARTIAL_TIMEOUT
 *                         = NON_TIMEOUT * (2^NON_MAX_RETRANSMIT - 1) * ACK_RANDOM_FACTOR
 *                           + 2 * MAX_LATENCY + NON_TIMEOUT_RANDOM
 *     Time-to-Wait(n)     = NON_RECEIVE_TIMEOUT * 2^(n - 1)
 *
 * Of NON_TIMEOUT_RANDOM the longest is taken where it is a part of another. What cannot be held in
 * 31 bits saturates there. Times nothing itself.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/qblock.h>

#include "base/divide.h"

#define TIME_MAX_MS 0x7fffffffu
#define RETRANSMIT_MAX 20u
#define LEAD_MS 1000u /* NON_RECEIVE_TIMEOUT is longer than NON_TIMEOUT_RANDOM by this */

static uint32_t saturated(uint64_t ms) {
  return ms < TIME_MAX_MS ? (uint32_t)ms : TIME_MAX_MS;
}

uint32_t acoap_qblock_params_non_timeout_random_max_ms(const acoap_qblock_params_t *qblock) {
  return saturated(
      acoap__divide((uint64_t)qblock->non_timeout_ms * qblock->ack_random_factor_permille, 1000));
}

/* NON_TIMEOUT * (2^doublings - 1) * ACK_RANDOM_FACTOR */
static uint32_t span_ms(const acoap_qblock_params_t *qblock) {
  uint64_t units = (UINT64_C(1) << qblock->non_max_retransmit) - 1;
  uint64_t longest = (uint64_t)qblock->non_timeout_ms * qblock->ack_random_factor_permille;
  if (longest > UINT64_MAX >> RETRANSMIT_MAX) {
    return TIME_MAX_MS;
  }
  return saturated(acoap__divide(longest * units, 1000));
}

void acoap_qblock_params_init(acoap_qblock_params_t *qblock, const acoap_params_t *params) {
  acoap_params_t defaults;
  if (qblock == NULL) {
    return;
  }
  if (params == NULL) {
    acoap_params_init(&defaults);
    params = &defaults;
  }
  qblock->size = sizeof(*qblock);
  qblock->max_payloads = 10;
  qblock->non_timeout_ms = params->ack_timeout_ms;
  qblock->ack_random_factor_permille = params->ack_random_factor_permille;
  qblock->non_max_retransmit =
      params->max_retransmit < RETRANSMIT_MAX ? params->max_retransmit : RETRANSMIT_MAX;
  uint32_t random_ms = acoap_qblock_params_non_timeout_random_max_ms(qblock);
  uint64_t receive_ms = 2 * (uint64_t)params->ack_timeout_ms;
  uint64_t least_ms = (uint64_t)random_ms + LEAD_MS;
  qblock->non_receive_timeout_ms = saturated(receive_ms > least_ms ? receive_ms : least_ms);
  qblock->non_partial_timeout_ms =
      saturated((uint64_t)span_ms(qblock) + 2 * (uint64_t)params->max_latency_ms + random_ms);
  qblock->non_probing_wait_ms = qblock->non_partial_timeout_ms;
}

uint32_t acoap_qblock_params_time_to_wait_ms(const acoap_qblock_params_t *qblock, uint32_t n) {
  uint32_t doublings = n > 0 ? n - 1 : 0;
  doublings = doublings < RETRANSMIT_MAX ? doublings : RETRANSMIT_MAX;
  return saturated((uint64_t)qblock->non_receive_timeout_ms << doublings);
}

int acoap_qblock_params_check(const acoap_qblock_params_t *qblock) {
  if (qblock == NULL || qblock->size != sizeof(*qblock)) {
    return ACOAP_EINVAL;
  }
  if (qblock->max_payloads == 0 || qblock->max_payloads > ACOAP_QBLOCK_PAYLOADS_MAX ||
      qblock->non_timeout_ms == 0 || qblock->ack_random_factor_permille < 1000 ||
      qblock->non_max_retransmit > RETRANSMIT_MAX) {
    return ACOAP_EINVAL;
  }
  uint64_t least_ms = (uint64_t)acoap_qblock_params_non_timeout_random_max_ms(qblock) + LEAD_MS;
  if (qblock->non_receive_timeout_ms < least_ms || qblock->non_partial_timeout_ms == 0 ||
      qblock->non_partial_timeout_ms >= TIME_MAX_MS || qblock->non_probing_wait_ms == 0 ||
      qblock->non_probing_wait_ms >= TIME_MAX_MS) {
    return ACOAP_EINVAL;
  }
  uint32_t longest_ms = acoap_qblock_params_time_to_wait_ms(qblock, qblock->non_max_retransmit + 1);
  return longest_ms < TIME_MAX_MS ? 0 : ACOAP_EINVAL;
}
