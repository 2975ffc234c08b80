/*
 * The order of notifications (RFC 7641 section 3.4): is the one that arrived at t2 with number v2
 * newer than the one of t1 with v1?
 *
 *     (v1 < v2 and v2 - v1 < 2^23) or (v1 > v2 and v1 - v2 > 2^23) or t2 > t1 + 128 s
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_OBSERVE_H
#define ACOAP_MESSAGE_OBSERVE_H

#include <acoap/types.h>

bool acoap__observe_is_newer(uint32_t v1, acoap_time_t t1, uint32_t v2, acoap_time_t t2);

#endif
