/*
 * A keyed hash in few bytes of code, for tables that are so small that nobody gains by collisions.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_SMALL_HASH_H
#define ACOAP_BASE_SMALL_HASH_H

#include <acoap/types.h>

/* 32 bits of hash, in the same form as acoap__siphash. */
uint64_t acoap__small_hash(const uint8_t key[16], const void *bytes, size_t len);

#endif
