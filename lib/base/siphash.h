/*
 * SipHash-2-4 with 64-bit output: the keyed hash for every table whose keys a peer chooses.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_SIPHASH_H
#define ACOAP_BASE_SIPHASH_H

#include <acoap/types.h>

uint64_t acoap__siphash(const uint8_t key[16], const void *bytes, size_t len);

#endif
