/*
 * acoap_address_t to and from the system's socket addresses. IPv4 never shows as IPv6: a mapped
 * address (RFC 4291 section 2.5.5.2) is IPv4 on our side.
 * SPDX-License-Identifier: MIT
 */
#include "transport/sockaddr.h"

#include <string.h>

#define IP4_BYTES 4
#define IP6_BYTES 16
#define MAPPED_BYTES 12

static const uint8_t mapped_prefix[MAPPED_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void acoap__sockaddr_read_ip4(const struct in_addr *in, acoap_address_t *out) {
  memset(out, 0, sizeof(*out));
  out->family = ACOAP_FAMILY_IPV4;
  memcpy(out->ip, in, IP4_BYTES);
}

void acoap__sockaddr_read_ip6(const struct in6_addr *in, acoap_address_t *out) {
  memset(out, 0, sizeof(*out));
  if (memcmp(in, mapped_prefix, MAPPED_BYTES) == 0) {
    out->family = ACOAP_FAMILY_IPV4;
    memcpy(out->ip, in->s6_addr + MAPPED_BYTES, IP4_BYTES);
  } else {
    out->family = ACOAP_FAMILY_IPV6;
    memcpy(out->ip, in, IP6_BYTES);
  }
}

struct in6_addr acoap__sockaddr_ip6(const acoap_address_t *address) {
  struct in6_addr out = IN6ADDR_ANY_INIT;
  if (address->family == ACOAP_FAMILY_IPV4) {
    memcpy(out.s6_addr, mapped_prefix, MAPPED_BYTES);
    memcpy(out.s6_addr + MAPPED_BYTES, address->ip, IP4_BYTES);
  } else {
    memcpy(out.s6_addr, address->ip, IP6_BYTES);
  }
  return out;
}

socklen_t acoap__sockaddr_write(const acoap_address_t *address, bool mapped,
                                struct sockaddr_storage *out) {
  if (address->family == ACOAP_FAMILY_IPV4 && !mapped) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    memcpy(&in.sin_addr, address->ip, IP4_BYTES);
    memcpy(out, &in, sizeof(in));
    return sizeof(in);
  }
  if (address->family == ACOAP_FAMILY_IPV6 || address->family == ACOAP_FAMILY_IPV4) {
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons(address->port),
                               .sin6_addr = acoap__sockaddr_ip6(address),
                               .sin6_scope_id = address->scope_id};
    memcpy(out, &in6, sizeof(in6));
    return sizeof(in6);
  }
  out->ss_family = AF_UNSPEC;
  return 0;
}

bool acoap__sockaddr_read(const struct sockaddr *in, acoap_address_t *out) {
  if (in->sa_family == AF_INET) {
    struct sockaddr_in in4;
    memcpy(&in4, in, sizeof(in4));
    acoap__sockaddr_read_ip4(&in4.sin_addr, out);
    out->port = ntohs(in4.sin_port);
    return true;
  }
  if (in->sa_family == AF_INET6) {
    struct sockaddr_in6 in6;
    memcpy(&in6, in, sizeof(in6));
    acoap__sockaddr_read_ip6(&in6.sin6_addr, out);
    out->port = ntohs(in6.sin6_port);
    out->scope_id = out->family == ACOAP_FAMILY_IPV6 ? in6.sin6_scope_id : 0;
    return true;
  }
  return false;
}

bool acoap__address_is_link_local(const acoap_address_t *address) {
  if (address->family != ACOAP_FAMILY_IPV6) {
    return false;
  }
  bool unicast = address->ip[0] == 0xfe && (address->ip[1] & 0xc0) == 0x80;
  /* RFC 4291 section 2.7: the low half of the second byte is the scope. */
  uint8_t scope = address->ip[1] & 0x0f;
  return unicast || (address->ip[0] == 0xff && (scope == 1 || scope == 2));
}
