/*
 * Composes a URI from the options of a message (RFC 7252 sections 6.5 and 5.10.7).
 * The rule: what is composed can be decomposed into the same options again. Where no text can do
 * that (a path segment ".", a host that is no reg-name, a value that is no UTF-8) it is ACOAP_EURI;
 * a single empty Uri-Path is the one exception, since
 * "/" stands for none. Looks up no names; zones are left out.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/uri.h>

#include <string.h>

#include "base/ip_text.h"
#include "base/utf8.h"
#include "message/uri_text.h"

/* Step 2: a reg-name, whose characters beyond ASCII are percent-encoded, or an IP address. */
static int put_host_option(acoap__text_t *text, acoap_bytes_t host) {
  const char *chars = (const char *)host.data;
  uint8_t ip[16];

  if (acoap__ipv6_parse(chars, host.len, ip)) {
    acoap__text_put(text, "["); /* some clients leave the brackets out */
    acoap__text_put_n(text, chars, host.len);
    acoap__text_put(text, "]");
    return 0;
  }
  if (host.len > 2 && chars[0] == '[' && chars[host.len - 1] == ']') {
    acoap__text_put_n(text, chars, host.len);
    return acoap__ipv6_parse(chars + 1, host.len - 2, ip) ? 0 : ACOAP_EURI;
  }
  if (host.len == 0 || !acoap__utf8_valid(chars, host.len)) {
    return ACOAP_EURI;
  }
  for (size_t i = 0; i < host.len; i++) {
    if (host.data[i] < 0x80 && (acoap__uri_char(chars[i]) & ACOAP__URI_REG_NAME) == 0) {
      return ACOAP_EURI;
    }
  }
  acoap__uri_put(text, host.data, host.len, ACOAP__URI_REG_NAME);
  return 0;
}

static int put_address(acoap__text_t *text, const acoap_address_t *address) {
  switch (address->family) {
  case ACOAP_FAMILY_IPV4:
    acoap__ipv4_put(text, address->ip);
    return 0;
  case ACOAP_FAMILY_IPV6:
    acoap__text_put(text, "[");
    acoap__ipv6_put(text, address->ip);
    acoap__text_put(text, "]");
    return 0;
  default:
    return ACOAP_EURI;
  }
}

/* Steps 1 to 5. */
static int put_authority(acoap__text_t *text, const acoap_view_t *request, acoap_scheme_t scheme,
                         const acoap_address_t *local) {
  uint32_t port = local->port != 0 ? local->port : acoap_scheme_port(scheme);
  acoap_bytes_t value;

  acoap__text_put(text, acoap_scheme_name(scheme));
  acoap__text_put(text, "://");
  int error = acoap_view_option(request, ACOAP_OPTION_URI_HOST, 0, &value)
                  ? put_host_option(text, value)
                  : put_address(text, local);
  if (error != 0) {
    return error;
  }
  if (acoap_view_option(request, ACOAP_OPTION_URI_PORT, 0, &value) &&
      (!acoap_uint_decode(value, &port) || port == 0 || port > UINT16_MAX)) {
    return ACOAP_EURI;
  }
  if (port != acoap_scheme_port(scheme)) {
    acoap__text_put(text, ":");
    acoap__text_put_uint(text, port);
  }
  return 0;
}

static bool is_dot_segment(acoap_bytes_t value) {
  return (value.len == 1 && value.data[0] == '.') ||
         (value.len == 2 && value.data[0] == '.' && value.data[1] == '.');
}

/*
 * Steps 6 and 7, with path_number Uri-Path or Location-Path. In a relative reference a path that
 * starts with an empty segment would read as an authority ("//a"), so it is written "/.//a".
 */
static int put_path(acoap__text_t *text, const acoap_view_t *view, uint16_t path_number,
                    bool relative) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_bytes_t second;
  bool first = true;

  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    if (option.number != path_number) {
      continue;
    }
    if (is_dot_segment(option.value) || !acoap__utf8_valid(option.value.data, option.value.len)) {
      return ACOAP_EURI;
    }
    if (first && relative && option.value.len == 0 &&
        acoap_view_option(view, path_number, 1, &second)) {
      acoap__text_put(text, "/.");
    }
    first = false;
    acoap__text_put(text, "/");
    acoap__uri_put(text, option.value.data, option.value.len, ACOAP__URI_PCHAR);
  }
  return 0;
}

/* Step 8, with query_number Uri-Query or Location-Query. */
static int put_query(acoap__text_t *text, const acoap_view_t *view, uint16_t query_number) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  bool first = true;

  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    if (option.number != query_number) {
      continue;
    }
    if (!acoap__utf8_valid(option.value.data, option.value.len)) {
      return ACOAP_EURI;
    }
    acoap__text_put(text, first ? "?" : "&");
    first = false;
    acoap__uri_put(text, option.value.data, option.value.len, ACOAP__URI_ARGUMENT);
  }
  return 0;
}

static int compose(acoap__text_t *text, const acoap_view_t *request, acoap_scheme_t scheme,
                   const acoap_address_t *local) {
  if (local != NULL) {
    int error = put_authority(text, request, scheme, local);
    if (error != 0) {
      return error;
    }
  }
  size_t before = text->total;
  int error = put_path(text, request, ACOAP_OPTION_URI_PATH, local == NULL);
  if (error != 0) {
    return error;
  }
  if (text->total == before) {
    acoap__text_put(text, "/");
  }
  return put_query(text, request, ACOAP_OPTION_URI_QUERY);
}

int acoap_uri_compose(const acoap_view_t *request, acoap_scheme_t scheme,
                      const acoap_address_t *local, char *text, size_t cap) {
  acoap__text_t out;

  if (request == NULL || acoap_scheme_name(scheme) == NULL || (text == NULL && cap > 0)) {
    return ACOAP_EINVAL;
  }
  /* First only counted, so that a failure leaves the text alone. */
  acoap__text_init(&out, NULL, 0);
  int error = compose(&out, request, scheme, local);
  if (error != 0) {
    return error;
  }
  if (out.total >= cap) {
    return ACOAP_ENOSPACE;
  }
  acoap__text_init(&out, text, cap);
  compose(&out, request, scheme, local);
  return (int)out.total;
}

static int compose_location(acoap__text_t *text, const acoap_view_t *response) {
  int error = put_path(text, response, ACOAP_OPTION_LOCATION_PATH, true);

  return error != 0 ? error : put_query(text, response, ACOAP_OPTION_LOCATION_QUERY);
}

int acoap_uri_location(const acoap_view_t *response, char *text, size_t cap) {
  acoap__text_t out;

  if (response == NULL || (text == NULL && cap > 0)) {
    return ACOAP_EINVAL;
  }
  acoap__text_init(&out, NULL, 0);
  int error = compose_location(&out, response);
  if (error != 0) {
    return error;
  }
  if (out.total >= cap) {
    return ACOAP_ENOSPACE;
  }
  acoap__text_init(&out, text, cap);
  compose_location(&out, response);
  return (int)out.total;
}
