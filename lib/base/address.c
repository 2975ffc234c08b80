/*
 * The address of a CoAP endpoint's socket as a value and as text (RFC 3986 section 3.2.2, RFC 4007
 * section 11 zones, RFC 5952). The rule: equal addresses are equal bytes, so unused bytes are
 * always 0. Looks up no names and no interfaces.
 * SPDX-License-Identifier: MIT
 */
#include "base/address.h"

#include <acoap/error.h>

#include <string.h>

#include "base/ip_text.h"

static const char *find(const char *at, const char *end, char c) {
  while (at < end && *at != c) {
    at++;
  }
  return at;
}

/* "2001:db8::1" or "fe80::1%3" */
static bool parse_ipv6(const char *text, const char *end, acoap_address_t *address) {
  const char *percent = find(text, end, '%');
  uint64_t zone = 0;

  if (!acoap__ipv6_parse(text, (size_t)(percent - text), address->ip)) {
    return false;
  }
  if (percent < end &&
      (!acoap__text_read_uint(percent + 1, (size_t)(end - percent - 1), UINT32_MAX, &zone) ||
       zone == 0)) {
    return false;
  }
  address->family = ACOAP_FAMILY_IPV6;
  address->scope_id = (uint32_t)zone;
  return true;
}

/* "" or ":5683" */
static bool parse_port(const char *text, const char *end, acoap_address_t *address) {
  uint64_t port;

  if (text == end) {
    return true;
  }
  if (*text != ':' || !acoap__text_read_uint(text + 1, (size_t)(end - text - 1), 65535, &port)) {
    return false;
  }
  address->port = (uint16_t)port;
  return true;
}

int acoap_address_parse(const char *text, size_t len, acoap_address_t *out) {
  acoap_address_t address;
  bool good;

  if (text == NULL || out == NULL) {
    return ACOAP_EINVAL;
  }
  memset(&address, 0, sizeof(address));
  const char *end = text + len;
  const char *colon = find(text, end, ':');
  if (len > 0 && text[0] == '[') {
    const char *bracket = find(text, end, ']');
    good = bracket < end && parse_ipv6(text + 1, bracket, &address) &&
           parse_port(bracket + 1, end, &address);
  } else if (acoap__ipv4_parse(text, (size_t)(colon - text), address.ip)) {
    address.family = ACOAP_FAMILY_IPV4;
    good = parse_port(colon, end, &address);
  } else {
    good = parse_ipv6(text, end, &address);
  }
  if (!good) {
    return ACOAP_EADDRESS;
  }
  *out = address;
  return 0;
}

static void put_ipv6(acoap__text_t *text, const acoap_address_t *address) {
  if (address->port != 0) {
    acoap__text_put(text, "[");
  }
  acoap__ipv6_put(text, address->ip);
  if (address->scope_id != 0) {
    acoap__text_put(text, "%");
    acoap__text_put_uint(text, address->scope_id);
  }
  if (address->port != 0) {
    acoap__text_put(text, "]");
  }
}

int acoap_address_format(const acoap_address_t *address, char *text, size_t cap) {
  acoap__text_t out;

  if (address == NULL || (text == NULL && cap > 0)) {
    return ACOAP_EINVAL;
  }
  acoap__text_init(&out, text, cap);
  switch (address->family) {
  case ACOAP_FAMILY_IPV4:
    acoap__ipv4_put(&out, address->ip);
    break;
  case ACOAP_FAMILY_IPV6:
    put_ipv6(&out, address);
    break;
  case ACOAP_FAMILY_OTHER:
    acoap__text_put_hex(&out, address->ip, sizeof(address->ip));
    break;
  default:
    acoap__text_put(&out, "any");
    break;
  }
  if (address->port != 0) {
    acoap__text_put(&out, ":");
    acoap__text_put_uint(&out, address->port);
  }
  return acoap__text_fits(&out) ? (int)out.total : ACOAP_ENOSPACE;
}

bool acoap_address_equal(const acoap_address_t *a, const acoap_address_t *b) {
  return a != NULL && b != NULL && a->family == b->family && a->port == b->port &&
         a->scope_id == b->scope_id && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool acoap_address_is_multicast(const acoap_address_t *address) {
  return address != NULL && acoap__address_is_group(address);
}

bool acoap_address_is_loopback(const acoap_address_t *address) {
  static const uint8_t loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

  if (address == NULL) {
    return false;
  }
  return (address->family == ACOAP_FAMILY_IPV4 && address->ip[0] == 127) ||
         (address->family == ACOAP_FAMILY_IPV6 &&
          memcmp(address->ip, loopback, sizeof(loopback)) == 0);
}

bool acoap_address_is_any(const acoap_address_t *address) {
  static const uint8_t zeros[16] = {0};

  if (address == NULL || address->family == ACOAP_FAMILY_NONE) {
    return true;
  }
  return address->family != ACOAP_FAMILY_OTHER && memcmp(address->ip, zeros, sizeof(zeros)) == 0;
}
