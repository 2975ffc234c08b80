/*
 * Parses CoRE link-format (RFC 6690 section 2), over lent bytes and one link at a time.
 *
 *     link = "<" URI-Reference ">" *( ";" parmname [ "=" ( ptoken / quoted-string ) ] ),  links are
 * separated by ","
 *
 * The rule: lenient where devices differ (white space, empty elements, any ptoken that ends
 * somewhere, bytes beyond ASCII), strict where the structure would be a guess (no "<", no ">", a
 * quote that does not end, control characters). Everything of a link is checked before it is given.
 * Interprets no attributes and resolves no targets.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/link.h>

#include <acoap/error.h>

#include <string.h>

#include "base/text.h"
#include "message/link.h"

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_control(char c) {
  return (uint8_t)c < 0x20 || c == 0x7f;
}

static const char *skip_space(const char *at, const char *end) {
  while (at < end && is_space(*at)) {
    at++;
  }
  return at;
}

static acoap_bytes_t between(const char *at, const char *end) {
  acoap_bytes_t bytes = {(const uint8_t *)at, (size_t)(end - at)};

  return bytes;
}

/* Ends a parmname, loosely, since unknown attributes are taken: what means something else. */
static bool ends_name(char c) {
  switch (c) {
  case '<':
  case '>':
  case '"':
  case '=':
  case ';':
  case ',':
  case '\\':
    return true;
  default:
    return c == ' ' || is_control(c);
  }
}

static const char *skip_name(const char *at, const char *end) {
  while (at < end && !ends_name(*at)) {
    at++;
  }
  return at;
}

/* A quoted-string, from its first quote; returns the byte behind the last one, NULL with *wrong. */
static const char *scan_quoted(const char *at, const char *end, acoap_link_attr_t *attr,
                               const char **wrong) {
  const char *first = at + 1;

  *wrong = at;
  for (at = first; at < end && *at != '"'; at++) {
    if (*at == '\\' && at + 1 < end) {
      at++;
    }
    if (is_control(*at) && !is_space(*at)) {
      *wrong = at;
      return NULL;
    }
  }
  if (at == end) {
    return NULL;
  }
  attr->quoted = true;
  attr->value = between(first, at);
  return at + 1;
}

/* A ptoken; loosely: up to what separates. Returns the byte behind, NULL with *wrong. */
static const char *scan_token(const char *at, const char *end, acoap_link_attr_t *attr,
                              const char **wrong) {
  const char *first = at;

  while (at < end && !is_space(*at) && *at != ',' && *at != ';') {
    if (is_control(*at) || *at == '"') {
      *wrong = at;
      return NULL;
    }
    at++;
  }
  attr->value = between(first, at);
  return at;
}

/* One "name", "name=token" or "name="quoted"" at `at`; returns the byte behind, NULL with *wrong.
 */
static const char *scan_attr(const char *at, const char *end, acoap_link_attr_t *attr,
                             const char **wrong) {
  memset(attr, 0, sizeof(*attr));
  const char *behind = skip_name(at, end);
  attr->name = between(at, behind);
  if (behind == at) {
    *wrong = at;
    return NULL;
  }
  at = skip_space(behind, end);
  if (at == end || *at != '=') {
    return behind;
  }
  at = skip_space(at + 1, end);
  attr->has_value = true;
  return at < end && *at == '"' ? scan_quoted(at, end, attr, wrong)
                                : scan_token(at, end, attr, wrong);
}

/* All of *( ";" attr ); returns the byte behind the last one, NULL with *wrong. */
static const char *scan_attrs(const char *at, const char *end, const char **wrong) {
  const char *behind = at;
  acoap_link_attr_t attr;

  for (;;) {
    at = skip_space(at, end);
    if (at == end || *at != ';') {
      return behind;
    }
    behind = at + 1;
    at = skip_space(behind, end);
    if (at == end || *at == ';' || *at == ',') {
      continue; /* an empty element */
    }
    at = scan_attr(at, end, &attr, wrong);
    if (at == NULL) {
      return NULL;
    }
    behind = at;
  }
}

void acoap_link_iter_init(acoap_link_iter_t *iter, const void *document, size_t len) {
  static const char nothing[1] = "";

  iter->start = document != NULL ? document : nothing;
  iter->at = iter->start;
  iter->end = document != NULL ? iter->start + len : iter->start;
}

/* The byte behind '>', NULL with *wrong. */
static const char *scan_target(const char *at, const char *end, acoap_bytes_t *target,
                               const char **wrong) {
  const char *first = at + 1;

  *wrong = at;
  if (*at != '<') {
    return NULL;
  }
  for (at = first; at < end && *at != '>'; at++) {
    if (is_control(*at) || *at == '<') {
      *wrong = at;
      return NULL;
    }
  }
  *target = between(first, at);
  return at < end ? at + 1 : NULL;
}

int acoap_link_next(acoap_link_iter_t *iter, acoap_link_t *link, size_t *offset) {
  const char *end = iter->end;
  const char *at = iter->at;
  const char *wrong = at;
  acoap_bytes_t target;

  while (at < end && (is_space(*at) || *at == ',')) {
    at++;
  }
  if (at == end) {
    iter->at = end;
    return 0;
  }
  const char *params = scan_target(at, end, &target, &wrong);
  const char *behind = params != NULL ? scan_attrs(params, end, &wrong) : NULL;
  if (behind != NULL) {
    at = skip_space(behind, end);
    if (at < end && *at != ',') {
      wrong = at;
      behind = NULL;
    }
  }
  if (behind == NULL) {
    if (offset != NULL) {
      *offset = (size_t)(wrong - iter->start);
    }
    return ACOAP_ELINK;
  }
  iter->at = at;
  link->target = target;
  params = skip_space(params, behind);
  link->params = between(params, behind);
  return 1;
}

bool acoap_link_attr_next(const acoap_link_t *link, size_t *state, acoap_link_attr_t *attr) {
  if (*state >= link->params.len) {
    return false;
  }
  const char *start = (const char *)link->params.data;
  const char *end = start + link->params.len;
  const char *at = start + *state;
  const char *wrong;
  while (at < end && (is_space(*at) || *at == ';')) {
    at++;
  }
  const char *behind = at < end ? scan_attr(at, end, attr, &wrong) : NULL;
  *state = (size_t)((behind != NULL ? behind : end) - start);
  return behind != NULL;
}

bool acoap_link_attr_find(const acoap_link_t *link, const char *name, acoap_link_attr_t *attr) {
  acoap_link_attr_t found;
  size_t state = 0;

  while (acoap_link_attr_next(link, &state, &found)) {
    if (acoap__ascii_equal((const char *)found.name.data, found.name.len, name, strlen(name))) {
      *attr = found;
      return true;
    }
  }
  return false;
}

int acoap_link_attr_text(const acoap_link_attr_t *attr, char *text, size_t cap) {
  size_t len = 0;
  size_t at = 0;
  char c;

  while (acoap__link_value_next(attr, &at, &c)) {
    len++;
  }
  if (len >= cap) {
    return ACOAP_ENOSPACE;
  }
  at = 0;
  for (size_t i = 0; acoap__link_value_next(attr, &at, &c); i++) {
    text[i] = c;
  }
  text[len] = '\0';
  return (int)len;
}
