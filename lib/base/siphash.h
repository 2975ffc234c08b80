/*
 * SipHash with 64-bit output: the keyed hash for every table whose keys a peer chooses. 1-3 for
 * the index of a table, which nobody sees; 2-4 for what others see.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_SIPHASH_H
#define ACOAP_BASE_SIPHASH_H

#include <acoap/types.h>

/* SipHash-2-4. */
uint64_t acoap__siphash(const uint8_t key[16], const void *bytes, size_t len);
/* SipHash-1-3. */
uint64_t acoap__siphash13(const uint8_t key[16], const void *bytes, size_t len);

#endif
