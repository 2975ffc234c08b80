/*
 * The wait before a response to a multicast request (RFC 7252 section 8.2): uniform in [0,
 * DEFAULT_LEISURE], so that the members of a group do not answer all at once. Knows no group size;
 * waits for nothing itself.
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/engine.h"

uint32_t acoap__leisure_ms(const acoap_params_t *params, acoap__random_t *random) {
  return acoap__random_between(random, 0, params->default_leisure_ms);
}
