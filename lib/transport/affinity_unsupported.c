/*
 * Keeping a thread on one core, where there is no way that libuv or POSIX know: it is refused.
 * SPDX-License-Identifier: MIT
 */
#include "transport/affinity.h"

#include <acoap/error.h>

bool acoap__affinity_supported(void) {
  return false;
}

int acoap__affinity_pin(size_t n) {
  (void)n;
  return ACOAP_ENOTSUP;
}
