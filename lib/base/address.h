/*
 * Questions about addresses that are asked for every datagram, to be answered where they are asked.
 * The rule: equal addresses are equal bytes (address.c).
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_ADDRESS_H
#define ACOAP_BASE_ADDRESS_H

#include <acoap/address.h>

#include <string.h>

/* acoap_address_equal of two that are there and whose reserved byte is 0. */
static inline bool acoap__address_same(const acoap_address_t *a, const acoap_address_t *b) {
  uint64_t one[3];
  uint64_t other[3];

  memcpy(one, a, sizeof(one));
  memcpy(other, b, sizeof(other));
  return ((one[0] ^ other[0]) | (one[1] ^ other[1]) | (one[2] ^ other[2])) == 0;
}

/* acoap_address_is_multicast of one that is there. */
static inline bool acoap__address_is_group(const acoap_address_t *address) {
  return (address->family == ACOAP_FAMILY_IPV4 && (address->ip[0] & 0xf0) == 0xe0) ||
         (address->family == ACOAP_FAMILY_IPV6 && address->ip[0] == 0xff);
}

#endif
