/*
 * How many requests one address may send (RFC 8516): a token bucket.
 *
 *     tokens(t) = min(rate_burst, tokens(t0) + rate_per_s * (t - t0));  a request takes one
 *
 * Counted in thousandths, so that a millisecond is the smallest step and nothing is lost to
 * rounding. A new address starts with a full bucket. Answers nothing (protection.c does).
 * SPDX-License-Identifier: MIT
 */
#include "server/protection.h"

#define REQUEST 1000u /* thousandths */

bool acoap__rate_take(acoap__address_t *address, acoap_time_t now, uint32_t rate_per_s,
                      uint32_t burst) {
  uint64_t full = (uint64_t)burst * REQUEST;
  if (!address->metered) {
    address->metered = true;
    address->tokens = full;
  } else if (now > address->refilled) {
    uint64_t elapsed_ms = (uint64_t)(now - address->refilled);
    /* Thousandths of a request per millisecond are requests per second. */
    uint64_t missing = full - address->tokens;
    bool fills = elapsed_ms > missing / rate_per_s;
    address->tokens = fills ? full : address->tokens + elapsed_ms * rate_per_s;
  }
  address->refilled = now;
  if (address->tokens < REQUEST) {
    return false;
  }
  address->tokens -= REQUEST;
  return true;
}
