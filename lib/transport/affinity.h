/*
 * Keeping a thread on one core. One of two files implements it: affinity_linux.c where the system
 * can, affinity_unsupported.c elsewhere.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_AFFINITY_H
#define ACOAP_TRANSPORT_AFFINITY_H

#include <stdbool.h>
#include <stddef.h>

/* Can this system do it? */
bool acoap__affinity_supported(void);
/*
 * Keep the calling thread on the n-th of the cores that it may use now, counted round and round. 0,
 * ACOAP_ENOTSUP, or libuv's code.
 */
int acoap__affinity_pin(size_t n);

#endif
