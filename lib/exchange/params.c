/*
 * Transmission parameters and the times derived from them (RFC 7252 sections 4.8, 4.8.1 and 4.8.2).
 *
 *     MAX_TRANSMIT_SPAN = ACK_TIMEOUT * (2^MAX_RETRANSMIT - 1) * ACK_RANDOM_FACTOR
 *     MAX_TRANSMIT_WAIT = ACK_TIMEOUT * (2^(MAX_RETRANSMIT + 1) - 1) * ACK_RANDOM_FACTOR
 *     MAX_RTT           = 2 * MAX_LATENCY + PROCESSING_DELAY
 *     EXCHANGE_LIFETIME = MAX_TRANSMIT_SPAN + MAX_RTT
 *     NON_LIFETIME      = MAX_TRANSMIT_SPAN + MAX_LATENCY
 *
 * Computed in 64 bits; parameters that pass acoap_params_check stay below 2^31 ms in all of them,
 * others saturate there. Times nothing itself.
 *
 * SPDX-License-Identifier: MIT
 */
#include <acoap/params.h>

#include "base/divide.h"
#include "exchange/engine.h"

#define TIME_MAX_MS 0x7fffffffu
#define RETRANSMIT_MAX 20u

const acoap_params_t acoap__params_default = {.size = sizeof(acoap_params_t),
                                              .ack_timeout_ms = 2000,
                                              .ack_random_factor_permille = 1500,
                                              .max_retransmit = 4,
                                              .nstart = 1,
                                              .default_leisure_ms = 5000,
                                              .probing_rate_bytes_per_s = 1,
                                              .max_latency_ms = 100000,
                                              .processing_delay_ms = 2000,
                                              .response_timeout_ms = 0,
                                              .congestion = ACOAP_CONGESTION_DEFAULT};

void acoap_params_init(acoap_params_t *params) {
  if (params != NULL) {
    *params = acoap__params_default;
  }
}

/* ACK_TIMEOUT * (2^doublings - 1) * ACK_RANDOM_FACTOR; a doubling too many saturates instead of
 * overflowing. */
static uint64_t span_ms(const acoap_params_t *params, uint32_t doublings) {
  if (doublings > RETRANSMIT_MAX + 1) {
    return TIME_MAX_MS;
  }
  uint64_t units = (UINT64_C(1) << doublings) - 1;
  uint64_t longest = (uint64_t)params->ack_timeout_ms * params->ack_random_factor_permille;
  if (longest > UINT64_MAX >> (RETRANSMIT_MAX + 1)) {
    return TIME_MAX_MS;
  }
  uint64_t ms = acoap__divide(longest * units, 1000);
  return ms < TIME_MAX_MS ? ms : TIME_MAX_MS;
}

static uint32_t saturated(uint64_t ms) {
  return ms < TIME_MAX_MS ? (uint32_t)ms : TIME_MAX_MS;
}

uint32_t acoap_params_max_transmit_span_ms(const acoap_params_t *params) {
  return saturated(span_ms(params, params->max_retransmit));
}

uint32_t acoap_params_max_transmit_wait_ms(const acoap_params_t *params) {
  uint32_t doublings = params->max_retransmit;
  return saturated(span_ms(params, doublings <= RETRANSMIT_MAX ? doublings + 1 : doublings));
}

uint32_t acoap_params_max_rtt_ms(const acoap_params_t *params) {
  return saturated(2 * (uint64_t)params->max_latency_ms + params->processing_delay_ms);
}

uint32_t acoap_params_exchange_lifetime_ms(const acoap_params_t *params) {
  return saturated(span_ms(params, params->max_retransmit) + 2 * (uint64_t)params->max_latency_ms +
                   params->processing_delay_ms);
}

uint32_t acoap_params_non_lifetime_ms(const acoap_params_t *params) {
  return saturated(span_ms(params, params->max_retransmit) + params->max_latency_ms);
}

int acoap_params_check(const acoap_params_t *params) {
  if (params == NULL || params->size != sizeof(*params)) {
    return ACOAP_EINVAL;
  }
  if (params->ack_timeout_ms == 0 || params->ack_random_factor_permille < 1000 ||
      params->max_retransmit > RETRANSMIT_MAX || params->nstart == 0 ||
      params->probing_rate_bytes_per_s == 0) {
    return ACOAP_EINVAL;
  }
  if ((unsigned)params->congestion > ACOAP_CONGESTION_COCOA) {
    return ACOAP_EINVAL;
  }
  if (params->default_leisure_ms >= TIME_MAX_MS || params->response_timeout_ms >= TIME_MAX_MS) {
    return ACOAP_EINVAL;
  }
  if (acoap_params_max_transmit_wait_ms(params) >= TIME_MAX_MS ||
      acoap_params_exchange_lifetime_ms(params) >= TIME_MAX_MS) {
    return ACOAP_EINVAL;
  }
  return 0;
}
