/*
 * Resolves a reference against a base URI (RFC 3986 section 5.2, strict).
 * The rule: the outcome is an absolute coap URI without dot segments, and resolving it again
 * changes nothing. A fragment is ACOAP_EURI, since no coap URI has one (RFC 7252 section 6.4 step
 * 4). Normalises nothing but dot segments and the case of the scheme.
 * SPDX-License-Identifier: MIT
 */
#include "message/uri.h"

#include <limits.h>
#include <string.h>

#include "message/uri_path.h"
#include "message/uri_text.h"

/* The target's components (section 5.2.2), as texts that stand in base and reference. */
typedef struct target {
  acoap_scheme_t scheme;
  acoap_bytes_t authority;
  acoap_bytes_t path; /* of the reference, or of the base when the reference has none */
  acoap_bytes_t
      merge; /* path of the base up to its last '/', to go in front of path; len 0: nothing */
  acoap_bytes_t query;
  bool has_query;
} target_t;

static const char *chars(acoap_bytes_t bytes) {
  return (const char *)bytes.data;
}

static void use_uri(target_t *target, const acoap_uri_t *uri) {
  target->scheme = uri->scheme;
  target->path = uri->path;
  target->query = uri->query;
  target->has_query = uri->has_query;
}

/* "p/q", "/p", "?q", "": a reference without authority. False when it is malformed. */
static bool use_relative(target_t *target, const acoap_uri_t *base, const char *at,
                         const char *end) {
  const char *query = at;

  while (query < end && *query != '?') {
    query++;
  }
  if (acoap__uri_wrong(at, query, ACOAP__URI_PATH) != NULL ||
      (query < end && acoap__uri_wrong(query + 1, end, ACOAP__URI_QUERY) != NULL)) {
    return false;
  }
  for (const char *c = at; c < query && *c != '/'; c++) {
    if (*c == ':') {
      return false; /* section 4.2: it would read as a scheme */
    }
  }
  if (query < end) {
    target->has_query = true;
    target->query.data = (const uint8_t *)query + 1;
    target->query.len = (size_t)(end - query - 1);
  }
  if (query == at) {
    target->path = base->path;
    if (query == end) {
      target->query = base->query;
      target->has_query = base->has_query;
    }
    return true;
  }
  target->path.data = (const uint8_t *)at;
  target->path.len = (size_t)(query - at);
  if (*at != '/') {
    target->merge = base->path;
    while (target->merge.len > 0 && target->merge.data[target->merge.len - 1] != '/') {
      target->merge.len--;
    }
  }
  return true;
}

/* Section 5.2.2. */
static int find_target(target_t *target, const char *base, size_t base_len, const char *ref,
                       size_t ref_len) {
  const char *end = ref + ref_len;
  acoap_uri_t base_uri;
  acoap_uri_t ref_uri;
  acoap_scheme_t scheme;
  bool known = false;

  memset(target, 0, sizeof(*target));
  const char *behind = acoap__uri_scheme(base, base + base_len, &scheme, &known);
  if (behind == NULL || !known) {
    return behind == NULL ? ACOAP_EURI : ACOAP_ESCHEME;
  }
  if (acoap__uri_parse_parts(behind, base + base_len, scheme, &base_uri, &target->authority) !=
      NULL) {
    return ACOAP_EURI;
  }
  target->scheme = scheme;
  known = false;
  behind = acoap__uri_scheme(ref, end, &scheme, &known);
  if (behind != NULL && !known) {
    return ACOAP_ESCHEME;
  }
  if (behind == NULL && !(ref_len >= 2 && ref[0] == '/' && ref[1] == '/')) {
    return use_relative(target, &base_uri, ref, end) ? 0 : ACOAP_EURI;
  }
  if (behind == NULL) {
    behind = ref;
    scheme = base_uri.scheme;
  }
  if (acoap__uri_parse_parts(behind, end, scheme, &ref_uri, &target->authority) != NULL) {
    return ACOAP_EURI;
  }
  use_uri(target, &ref_uri);
  return 0;
}

/*
 * The path's segments from the last to the first: each is written, with a '/' in front of it, so
 * that it ends at `behind`; with `behind` NULL they are only counted. Returns the bytes of the
 * path.
 */
static size_t write_path_back(const target_t *target, char *behind) {
  acoap__segments_t segments;
  acoap_bytes_t segment;
  acoap_bytes_t runs[2] = {target->path, target->merge};
  size_t len = 0;

  acoap__segments_init(&segments);
  for (size_t i = 0; i < 2; i++) {
    if (runs[i].len == 0) {
      continue;
    }
    const char *start = chars(runs[i]);
    const char *end = start + runs[i].len;
    start += *start == '/';
    end -= i == 1; /* the slash that separates the runs */
    if (end < start) {
      continue; /* the base has the path "/" and nothing in front of it */
    }
    acoap__segments_feed(&segments, start, end);
    while (acoap__segments_next(&segments, &segment)) {
      len += segment.len + 1;
      if (behind != NULL) {
        behind -= segment.len;
        memcpy(behind, segment.data, segment.len);
        *--behind = '/';
      }
    }
  }
  return len;
}

int acoap_uri_resolve(const char *base, size_t base_len, const char *ref, size_t ref_len,
                      char *text, size_t cap) {
  target_t target;

  if (base == NULL || (ref == NULL && ref_len > 0) || (text == NULL && cap > 0)) {
    return ACOAP_EINVAL;
  }
  int error = find_target(&target, base, base_len, ref != NULL ? ref : "", ref_len);
  if (error != 0) {
    return error;
  }
  const char *scheme = acoap_scheme_name(target.scheme);
  size_t front = strlen(scheme) + 3 + target.authority.len;
  size_t path = write_path_back(&target, NULL);
  size_t len = front + path + (target.has_query ? 1 + target.query.len : 0);
  if (len >= cap || len > INT_MAX) {
    return ACOAP_ENOSPACE;
  }
  acoap__text_t out;
  acoap__text_init(&out, text, cap);
  acoap__text_put(&out, scheme);
  acoap__text_put(&out, "://");
  acoap__text_put_n(&out, target.authority.data, target.authority.len);
  write_path_back(&target, text + front + path);
  out.total += path;
  if (target.has_query) {
    acoap__text_put(&out, "?");
    acoap__text_put_n(&out, target.query.data, target.query.len);
  }
  text[len] = '\0';
  return (int)len;
}
