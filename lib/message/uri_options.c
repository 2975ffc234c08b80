/*
 * Decomposes a URI into options (RFC 7252 section 6.4 steps 5 to 9, section 5.10.1).
 * The rule: Uri-Host and Uri-Port say only what the destination address does not, one Uri-Path for
 * each segment and one Uri-Query for each argument, percent-decoded; "." and ".." never become
 * options, a zone never leaves this host. Parses no authority.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/uri.h>

#include "message/builder.h"
#include "message/uri_path.h"
#include "message/uri_text.h"

/* Greatest length of Uri-Host, Uri-Path and Uri-Query. */
enum { STRING_MAX = 255 };

/* The first part of a component, up to each separator, that decodes to more than an option holds;
 * NULL when there is none. */
static const char *find_too_long(const char *at, const char *end, char separator) {
  while (at < end) {
    const char *part = at;
    while (at < end && *at != separator) {
      at++;
    }
    if (acoap__uri_decode(part, at, NULL, 0) > STRING_MAX) {
      return part;
    }
    at += at < end;
  }
  return NULL;
}

static int check(const char *text, size_t len, unsigned set, char separator, size_t *offset) {
  if (text == NULL) {
    return len == 0 ? 0 : ACOAP_EINVAL;
  }
  int error = ACOAP_EURI;
  const char *wrong = acoap__uri_wrong(text, text + len, set);
  if (wrong == NULL) {
    error = ACOAP_EOPTIONLEN;
    wrong = find_too_long(text, text + len, separator);
  }
  if (wrong == NULL) {
    return 0;
  }
  if (offset != NULL) {
    *offset = (size_t)(wrong - text);
  }
  return error;
}

int acoap_uri_check_path(const char *path, size_t len, size_t *offset) {
  return check(path, len, ACOAP__URI_PATH, '/', offset);
}

int acoap_uri_check_query(const char *query, size_t len, size_t *offset) {
  return check(query, len, ACOAP__URI_QUERY, '&', offset);
}

/* Insert one percent-encoded, checked value. */
static void insert_decoded(acoap_builder_t *builder, uint16_t number, size_t rank, const char *at,
                           const char *end) {
  char value[STRING_MAX];
  size_t len = acoap__uri_decode(at, end, value, sizeof(value));

  if (len > sizeof(value)) {
    acoap__builder_fail(builder, ACOAP_EOPTIONLEN);
    return;
  }
  acoap__builder_insert(builder, number, rank, value, len);
}

void acoap_builder_path(acoap_builder_t *builder, const char *path, size_t len) {
  acoap__segments_t segments;
  acoap_bytes_t segment;
  bool ends_empty = false;

  if (len == 0) {
    return;
  }
  if (path == NULL || acoap__uri_wrong(path, path + len, ACOAP__URI_PATH) != NULL) {
    acoap__builder_fail(builder, path == NULL ? ACOAP_EINVAL : ACOAP_EURI);
    return;
  }
  /* Segments come from the last to the first, so each is put in front of those of this path that
   * are there. */
  size_t rank = acoap__builder_count(builder, ACOAP_OPTION_URI_PATH);
  acoap__segments_init(&segments);
  acoap__segments_feed(&segments, path + (path[0] == '/'), path + len);
  for (bool last = true; acoap__segments_next(&segments, &segment); last = false) {
    if (last && segment.len == 0) {
      ends_empty = true; /* an option only when another segment stands before it: "/" has none */
      continue;
    }
    if (ends_empty) {
      acoap__builder_insert(builder, ACOAP_OPTION_URI_PATH, rank, NULL, 0);
      ends_empty = false;
    }
    const char *text = (const char *)segment.data;
    insert_decoded(builder, ACOAP_OPTION_URI_PATH, rank, text, text + segment.len);
  }
}

void acoap_builder_query(acoap_builder_t *builder, const char *query, size_t len) {
  if (query == NULL) {
    if (len > 0) {
      acoap__builder_fail(builder, ACOAP_EINVAL);
    }
    return;
  }
  const char *at = query;
  const char *end = query + len;
  if (acoap__uri_wrong(at, end, ACOAP__URI_QUERY) != NULL) {
    acoap__builder_fail(builder, ACOAP_EURI);
    return;
  }
  for (;;) {
    const char *argument = at;
    while (at < end && *at != '&') {
      at++;
    }
    insert_decoded(builder, ACOAP_OPTION_URI_QUERY, SIZE_MAX, argument, at);
    if (at == end) {
      return;
    }
    at++;
  }
}

/* Steps 5 to 7: what the destination does not say of host and port. */
static void add_authority(acoap_builder_t *builder, const acoap_uri_t *uri,
                          const acoap_address_t *destination) {
  acoap_address_t literal;
  char host[ACOAP_URI_HOST_MAX + 2]; /* with brackets */
  bool is_destination = false;

  if (acoap_uri_address(uri, &literal) == 0) {
    if (destination != NULL) {
      /* The zone is this host's own matter, and the port is for step 7. */
      literal.port = destination->port;
      literal.scope_id = destination->scope_id;
    }
    is_destination = destination == NULL || acoap_address_equal(&literal, destination);
  }
  if (!is_destination) {
    int len = acoap_uri_host(uri, host + 1, ACOAP_URI_HOST_MAX);
    if (len < 0) {
      acoap__builder_fail(builder, len);
      return;
    }
    size_t brackets = uri->host_is_ipv6 ? 1 : 0;
    host[0] = '[';
    host[1 + len] = ']';
    acoap_builder_option(builder, ACOAP_OPTION_URI_HOST, host + 1 - brackets,
                         (size_t)len + 2 * brackets);
  }
  if (destination != NULL && uri->port != destination->port) {
    acoap_builder_uint(builder, ACOAP_OPTION_URI_PORT, uri->port);
  }
}

void acoap_builder_uri(acoap_builder_t *builder, const acoap_uri_t *uri,
                       const acoap_address_t *destination) {
  if (uri == NULL) {
    acoap__builder_fail(builder, ACOAP_EINVAL);
    return;
  }
  add_authority(builder, uri, destination);
  acoap_builder_path(builder, (const char *)uri->path.data, uri->path.len);
  if (uri->has_query) {
    acoap_builder_query(builder, (const char *)uri->query.data, uri->query.len);
  }
}
