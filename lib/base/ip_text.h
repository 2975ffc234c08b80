/*
 * IP addresses as text: what an address and the host of a URI share. Without ports, brackets and
 * zones.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_IP_TEXT_H
#define ACOAP_BASE_IP_TEXT_H

#include <acoap/types.h>

#include "base/text.h"

/* The whole text is an IPv4address of RFC 3986: four decimal octets without leading zeros. ip is
 * untouched on failure. */
bool acoap__ipv4_parse(const char *text, size_t len, uint8_t ip[4]);

/* The whole text is an IPv6address of RFC 3986, one "::" and an embedded IPv4 address allowed. ip
 * is untouched on failure. */
bool acoap__ipv6_parse(const char *text, size_t len, uint8_t ip[16]);

/* "192.0.2.1" */
void acoap__ipv4_put(acoap__text_t *text, const uint8_t ip[4]);

/* "2001:db8::1", "::ffff:192.0.2.1" (RFC 5952 sections 4 and 5). */
void acoap__ipv6_put(acoap__text_t *text, const uint8_t ip[16]);

#endif
