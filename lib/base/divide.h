/*
 * Division of 64 bits by 32, for machines without it: what the compiler would call there is larger
 * than most of what calls it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_DIVIDE_H
#define ACOAP_BASE_DIVIDE_H

#include <acoap/types.h>

/* number / divisor, rounded down; divisor > 0. Fast below 2^32, which is what transmission
 * parameters of ordinary size come to. */
uint64_t acoap__divide(uint64_t number, uint32_t divisor);

#endif
