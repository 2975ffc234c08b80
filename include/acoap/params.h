/*
 * Transmission parameters (RFC 7252 section 4.8) and the times derived from them.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_PARAMS_H
#define ACOAP_PARAMS_H

#include <acoap/error.h>
#include <acoap/types.h>

ACOAP_BEGIN_DECLS

/** How long to wait for the ACK of a confirmable message. */
typedef enum acoap_congestion {
  ACOAP_CONGESTION_DEFAULT =
      0, /* ACK_TIMEOUT, and twice as long each time (RFC 7252 section 4.2) */
  /*
   * CoCoA (draft-ietf-core-cocoa): from round trips, measured per peer: sooner where they are
   * short, later where they are long. In <acoap/tiny.h> as DEFAULT
   */
  ACOAP_CONGESTION_COCOA
} acoap_congestion_t;

/** RFC 7252 section 4.8, Table 2. Fill with acoap_params_init, then change what you want. */
typedef struct acoap_params {
  size_t size;                         /* sizeof(acoap_params_t) */
  uint32_t ack_timeout_ms;             /* ACK_TIMEOUT: 2000 */
  uint32_t ack_random_factor_permille; /* ACK_RANDOM_FACTOR: 1500 means 1.5; at least 1000 */
  uint32_t max_retransmit;             /* MAX_RETRANSMIT: 4; at most 20 */
  uint32_t nstart;                     /* NSTART: 1; outstanding interactions per peer */
  uint32_t default_leisure_ms;         /* DEFAULT_LEISURE: 5000 */
  uint32_t probing_rate_bytes_per_s;   /* PROBING_RATE: 1 */
  uint32_t max_latency_ms;             /* MAX_LATENCY: 100000 */
  uint32_t processing_delay_ms;        /* PROCESSING_DELAY: 2000 */
  /*
   * how long to wait for the response to a request; 0: EXCHANGE_LIFETIME for CON, NON_LIFETIME for
   * NON
   */
  uint32_t response_timeout_ms;
  acoap_congestion_t congestion; /* ACOAP_CONGESTION_DEFAULT */
} acoap_params_t;

/** The defaults of RFC 7252. */
ACOAP_API void acoap_params_init(acoap_params_t *params);
/**
 * ACOAP_EINVAL when a value is out of its range (see the members; products are kept below 2^31 ms).
 */
ACOAP_API int acoap_params_check(const acoap_params_t *params);
/** MAX_TRANSMIT_SPAN = ACK_TIMEOUT * (2^MAX_RETRANSMIT - 1) * ACK_RANDOM_FACTOR: 45000 ms. */
ACOAP_API uint32_t acoap_params_max_transmit_span_ms(const acoap_params_t *params);
/** MAX_TRANSMIT_WAIT = ACK_TIMEOUT * (2^(MAX_RETRANSMIT + 1) - 1) * ACK_RANDOM_FACTOR: 93000 ms. */
ACOAP_API uint32_t acoap_params_max_transmit_wait_ms(const acoap_params_t *params);
/** MAX_RTT = 2 * MAX_LATENCY + PROCESSING_DELAY: 202000 ms. */
ACOAP_API uint32_t acoap_params_max_rtt_ms(const acoap_params_t *params);
/** EXCHANGE_LIFETIME = MAX_TRANSMIT_SPAN + 2 * MAX_LATENCY + PROCESSING_DELAY: 247000 ms. */
ACOAP_API uint32_t acoap_params_exchange_lifetime_ms(const acoap_params_t *params);
/** NON_LIFETIME = MAX_TRANSMIT_SPAN + MAX_LATENCY: 145000 ms. */
ACOAP_API uint32_t acoap_params_non_lifetime_ms(const acoap_params_t *params);

ACOAP_END_DECLS

#endif
