/*
 * Freshness of notifications (RFC 7641 section 3.4), as the header says it. Keeps no observations.
 * SPDX-License-Identifier: MIT
 */
#include "message/observe.h"

enum { HALF_RANGE = 1 << 23, REORDERING_MAX_MS = 128 * 1000 };

bool acoap__observe_is_newer(uint32_t v1, acoap_time_t t1, uint32_t v2, acoap_time_t t2) {
  return (v1 < v2 && v2 - v1 < HALF_RANGE) || (v1 > v2 && v1 - v2 > HALF_RANGE) ||
         t2 > t1 + REORDERING_MAX_MS;
}
