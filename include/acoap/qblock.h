/*
 * Parameters of transfers with Q-Block1 and Q-Block2 (RFC 9177 section 7.2): bodies that travel in
 * sets of non-confirmable messages.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_QBLOCK_H
#define ACOAP_QBLOCK_H

#include <acoap/params.h>

ACOAP_BEGIN_DECLS

/** Greatest MAX_PAYLOADS. */
#define ACOAP_QBLOCK_PAYLOADS_MAX 64u

/** Fill with acoap_qblock_params_init, then change what you want. */
typedef struct acoap_qblock_params {
  size_t size; /* sizeof(acoap_qblock_params_t) */
  /*
   * MAX_PAYLOADS: 10; messages of a set, 1 to ACOAP_QBLOCK_PAYLOADS_MAX. Both ends must have the
   * same
   */
  uint32_t max_payloads;
  uint32_t non_timeout_ms;             /* NON_TIMEOUT: ACK_TIMEOUT; least wait between two sets */
  uint32_t ack_random_factor_permille; /* ACK_RANDOM_FACTOR: 1500 means 1.5; at least 1000 */
  /*
   * NON_RECEIVE_TIMEOUT: 2 * NON_TIMEOUT; wait before what is missing is asked for, twice as long
   * each time. At least one second more than NON_TIMEOUT * ACK_RANDOM_FACTOR
   */
  uint32_t non_receive_timeout_ms;
  uint32_t non_max_retransmit;     /* NON_MAX_RETRANSMIT: MAX_RETRANSMIT; at most 20 */
  uint32_t non_probing_wait_ms;    /* NON_PROBING_WAIT: longest wait that PROBING_RATE asks for */
  uint32_t non_partial_timeout_ms; /* NON_PARTIAL_TIMEOUT: how long a part of a body is kept */
} acoap_qblock_params_t;

/**
 * The defaults of RFC 9177, which follow from those of RFC 7252.
 *
 * @param qblock  to be filled; NULL is left alone
 * @param params  of the endpoint; NULL: the defaults of RFC 7252
 *
 * Errors:     none.
 * Ownership:  nothing is retained.
 * Reference:  RFC 9177 section 7.2.
 * Since:      0.1
 */
ACOAP_API void acoap_qblock_params_init(acoap_qblock_params_t *qblock,
                                        const acoap_params_t *params);

/** ACOAP_EINVAL when a value is out of its range (see the members), or a wait is 2^31 ms or more.
 */
ACOAP_API int acoap_qblock_params_check(const acoap_qblock_params_t *qblock);

/** Longest NON_TIMEOUT_RANDOM: NON_TIMEOUT * ACK_RANDOM_FACTOR, 3000 ms. */
ACOAP_API uint32_t
acoap_qblock_params_non_timeout_random_max_ms(const acoap_qblock_params_t *qblock);

/**
 * How long to wait for what is missing before it is asked for the n-th time (n = 1: the first):
 * NON_RECEIVE_TIMEOUT * 2^(n - 1), in ms.
 */
ACOAP_API uint32_t acoap_qblock_params_time_to_wait_ms(const acoap_qblock_params_t *qblock,
                                                       uint32_t n);

ACOAP_END_DECLS

#endif
