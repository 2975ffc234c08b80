/*
 * What a method promises (RFC 7252 section 5.1, RFC 8132 sections 2 to 3).
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_METHOD_H
#define ACOAP_MESSAGE_METHOD_H

#include <acoap/code.h>

/* Does it nothing but read? Then a handler may be asked again. */
static inline bool acoap__is_safe(uint8_t method) {
  return method == ACOAP_CODE_GET || method == ACOAP_CODE_FETCH;
}

/* Is done twice the same as done once? */
static inline bool acoap__is_idempotent(uint8_t method) {
  return acoap__is_safe(method) || method == ACOAP_CODE_PUT || method == ACOAP_CODE_DELETE ||
         method == ACOAP_CODE_IPATCH;
}

#endif
