/*
 * Parses an absolute coap URI (RFC 7252 sections 6.1, 6.2, 6.4 steps 1 to 4; RFC 3986 section 3;
 * RFC 6874; RFC 8323 section 8).
 *
 *     scheme "://" host [ ":" port ] path-abempty [ "?" query ]
 *
 * The rule: what is parsed is checked, so that everything that reads an acoap_uri_t can rely on it:
 * percent-encodings are whole and UTF-8, the host has at most 255 bytes. Looks up no names; keeps
 * the path as written, dot segments and all.
 * SPDX-License-Identifier: MIT
 */
#include "message/uri.h"

#include <string.h>

#include "base/ip_text.h"
#include "message/uri_text.h"

typedef struct scheme {
  const char *name;
  uint16_t port;
} scheme_t;

static const scheme_t schemes[] = {
    [ACOAP_SCHEME_COAP] = {"coap", 5683},         [ACOAP_SCHEME_COAPS] = {"coaps", 5684},
    [ACOAP_SCHEME_COAP_TCP] = {"coap+tcp", 5683}, [ACOAP_SCHEME_COAPS_TCP] = {"coaps+tcp", 5684},
    [ACOAP_SCHEME_COAP_WS] = {"coap+ws", 80},     [ACOAP_SCHEME_COAPS_WS] = {"coaps+ws", 443},
};

enum { SCHEME_COUNT = sizeof(schemes) / sizeof(schemes[0]) };

const char *acoap_scheme_name(acoap_scheme_t scheme) {
  return (size_t)scheme < SCHEME_COUNT ? schemes[scheme].name : NULL;
}

uint16_t acoap_scheme_port(acoap_scheme_t scheme) {
  return (size_t)scheme < SCHEME_COUNT ? schemes[scheme].port : 0;
}

static acoap_bytes_t between(const char *at, const char *end) {
  acoap_bytes_t bytes = {(const uint8_t *)at, (size_t)(end - at)};

  return bytes;
}

static const char *find(const char *at, const char *end, char c) {
  while (at < end && *at != c) {
    at++;
  }
  return at;
}

const char *acoap__uri_scheme(const char *at, const char *end, acoap_scheme_t *scheme,
                              bool *known) {
  const char *first = at;

  while (at < end && *at != ':') {
    char c = acoap__ascii_lower(*at);
    bool letter = c >= 'a' && c <= 'z';
    bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (!letter && (at == first || !other)) {
      return NULL;
    }
    at++;
  }
  if (at == end || at == first) {
    return NULL;
  }
  *known = false;
  for (size_t i = 0; i < SCHEME_COUNT; i++) {
    const char *name = schemes[i].name;
    if (acoap__ascii_equal(first, (size_t)(at - first), name, strlen(name))) {
      *scheme = (acoap_scheme_t)i;
      *known = true;
    }
  }
  return at + 1;
}

/* "fe80::1", "fe80::1%25eth0", "fe80::1%eth0": what stands between the brackets. */
static const char *parse_literal(const char *at, const char *end, acoap_uri_t *uri) {
  const char *percent = find(at, end, '%');
  uint8_t ip[16];

  if (!acoap__ipv6_parse(at, (size_t)(percent - at), ip)) {
    return at;
  }
  uri->host = between(at, percent);
  uri->host_is_ipv6 = true;
  if (percent == end) {
    return NULL;
  }
  const char *zone = percent + 1;
  if (end - zone > 2 && zone[0] == '2' && zone[1] == '5') {
    zone += 2; /* RFC 6874: the '%' is percent-encoded itself */
  }
  if (zone == end) {
    return percent;
  }
  for (const char *c = zone; c < end; c++) {
    if (acoap__uri_char(*c) != ACOAP__URI_UNRESERVED) {
      return c;
    }
  }
  uri->zone = between(zone, end);
  return NULL;
}

/* An IPv4 literal or a registered name. */
static const char *parse_name(const char *at, const char *end, acoap_uri_t *uri) {
  const char *wrong = acoap__uri_wrong(at, end, ACOAP__URI_REG_NAME);
  char decoded[ACOAP_URI_HOST_MAX];
  uint8_t ip[4];

  if (wrong != NULL || at == end) {
    return wrong != NULL ? wrong : at;
  }
  size_t len = acoap__uri_decode(at, end, decoded, sizeof(decoded));
  if (len >= sizeof(decoded) || find(decoded, decoded + len, '\0') < decoded + len) {
    return at; /* no Uri-Host holds it, no resolver takes it */
  }
  uri->host = between(at, end);
  uri->host_is_ipv4 = acoap__ipv4_parse(at, (size_t)(end - at), ip);
  return NULL;
}

/* "" or ":5683" or ":" */
static const char *parse_port(const char *at, const char *end, acoap_uri_t *uri) {
  uint64_t port;

  if (at == end) {
    return NULL;
  }
  if (*at != ':') {
    return at;
  }
  at++;
  if (at == end) {
    return NULL; /* an empty port is the default port */
  }
  if (!acoap__text_read_uint(at, (size_t)(end - at), UINT16_MAX, &port) || port == 0) {
    return at;
  }
  uri->port = (uint16_t)port;
  uri->port_given = true;
  return NULL;
}

static const char *parse_authority(const char *at, const char *end, acoap_uri_t *uri) {
  const char *wrong;

  if (at < end && *at == '[') {
    const char *bracket = find(at, end, ']');
    if (bracket == end) {
      return at;
    }
    wrong = parse_literal(at + 1, bracket, uri);
    at = bracket + 1;
  } else {
    const char *colon = find(at, end, ':');
    wrong = parse_name(at, colon, uri);
    at = colon;
  }
  return wrong != NULL ? wrong : parse_port(at, end, uri);
}

const char *acoap__uri_parse_parts(const char *at, const char *end, acoap_scheme_t scheme,
                                   acoap_uri_t *uri, acoap_bytes_t *authority) {
  memset(uri, 0, sizeof(*uri));
  uri->scheme = scheme;
  uri->port = acoap_scheme_port(scheme);
  for (int i = 0; i < 2; i++) {
    if (at == end || *at != '/') {
      return at;
    }
    at++;
  }
  const char *behind = at;
  while (behind < end && *behind != '/' && *behind != '?' && *behind != '#') {
    behind++;
  }
  *authority = between(at, behind);
  const char *wrong = parse_authority(at, behind, uri);
  if (wrong != NULL) {
    return wrong;
  }
  const char *query = find(behind, end, '?');
  uri->path = between(behind, query);
  wrong = acoap__uri_wrong(behind, query, ACOAP__URI_PATH);
  if (wrong == NULL && query < end) {
    uri->has_query = true;
    uri->query = between(query + 1, end);
    wrong = acoap__uri_wrong(query + 1, end, ACOAP__URI_QUERY);
  }
  return wrong;
}

int acoap_uri_parse(const char *text, size_t len, acoap_uri_t *uri, size_t *offset) {
  acoap_scheme_t scheme = ACOAP_SCHEME_COAP;
  acoap_bytes_t authority;
  acoap_uri_t parsed;
  bool known = false;

  if (text == NULL || uri == NULL) {
    return ACOAP_EINVAL;
  }
  const char *wrong = text;
  const char *behind = acoap__uri_scheme(text, text + len, &scheme, &known);
  int error = ACOAP_EURI;
  if (behind != NULL && !known) {
    error = ACOAP_ESCHEME;
  } else if (behind != NULL) {
    wrong = acoap__uri_parse_parts(behind, text + len, scheme, &parsed, &authority);
  }
  if (wrong != NULL) {
    if (offset != NULL) {
      *offset = (size_t)(wrong - text);
    }
    return error;
  }
  *uri = parsed;
  return 0;
}

int acoap_uri_address(const acoap_uri_t *uri, acoap_address_t *address) {
  acoap_address_t found;
  uint64_t zone = 0;

  if (uri == NULL || address == NULL) {
    return ACOAP_EINVAL;
  }
  const char *host = (const char *)uri->host.data;
  memset(&found, 0, sizeof(found));
  if (uri->host_is_ipv4 && acoap__ipv4_parse(host, uri->host.len, found.ip)) {
    found.family = ACOAP_FAMILY_IPV4;
  } else if (uri->host_is_ipv6 && acoap__ipv6_parse(host, uri->host.len, found.ip)) {
    found.family = ACOAP_FAMILY_IPV6;
    if (acoap__text_read_uint((const char *)uri->zone.data, uri->zone.len, UINT32_MAX, &zone)) {
      found.scope_id = (uint32_t)zone;
    }
  } else {
    return ACOAP_EADDRESS;
  }
  found.port = uri->port;
  *address = found;
  return 0;
}

int acoap_uri_host(const acoap_uri_t *uri, char *text, size_t cap) {
  char decoded[ACOAP_URI_HOST_MAX];

  if (uri == NULL || uri->host.data == NULL || (text == NULL && cap > 0)) {
    return ACOAP_EINVAL;
  }
  const char *host = (const char *)uri->host.data;
  size_t len = acoap__uri_decode(host, host + uri->host.len, decoded, sizeof(decoded));
  if (len == 0 || len >= sizeof(decoded)) {
    return ACOAP_EURI;
  }
  if (len >= cap) {
    return ACOAP_ENOSPACE;
  }
  for (size_t i = 0; i < len; i++) {
    text[i] = acoap__ascii_lower(decoded[i]);
  }
  text[len] = '\0';
  return (int)len;
}
