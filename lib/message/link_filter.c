/*
 * Does a link pass one query of discovery (RFC 6690 section 4.1)?
 *
 *     name "=" value [ "*" ]
 *
 * The rule: the attribute has this value, or starts with it when a '*' ends the query; rt, if, rel,
 * rev and ct are lists of words, and one word is enough; "href" stands for the target; a name alone
 * asks whether the attribute is there. Joins no queries: a link must pass each of them, which is
 * for the caller.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/link.h>

#include <string.h>

#include "base/text.h"
#include "message/link.h"
#include "message/uri_text.h"

/* What is asked for. */
typedef struct pattern {
  const char *text; /* value without the '*' */
  size_t len;       /* bytes */
  bool is_prefix;   /* a '*' ended it */
} pattern_t;

static bool fits(const pattern_t *pattern, const char *text, size_t len) {
  return (pattern->is_prefix ? len >= pattern->len : len == pattern->len) &&
         (pattern->len == 0 || memcmp(text, pattern->text, pattern->len) == 0);
}

static bool is_word_list(const char *name, size_t len) {
  static const char *const lists[] = {"rt", "if", "rel", "rev", "ct"};

  for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
    if (acoap__ascii_equal(name, len, lists[i], strlen(lists[i]))) {
      return true;
    }
  }
  return false;
}

/*
 * Compare while backslashes drop out. A match starts at the value's start or, in a list of words,
 * behind a blank, and ends at its end or, in a list of words, before a blank.
 */
static bool value_fits(const pattern_t *pattern, const acoap_link_attr_t *attr, bool words) {
  size_t start = 0;
  char c;

  for (;;) {
    size_t at = start;
    size_t matched = 0;
    while (matched < pattern->len) {
      size_t before = at;
      if (!acoap__link_value_next(attr, &at, &c) || c != pattern->text[matched]) {
        at = before;
        break;
      }
      matched++;
    }
    if (matched == pattern->len) {
      size_t behind = at;
      if (pattern->is_prefix || !acoap__link_value_next(attr, &behind, &c) || (words && c == ' ')) {
        return true;
      }
    }
    do {
      if (!words || !acoap__link_value_next(attr, &start, &c)) {
        return false;
      }
    } while (c != ' ');
  }
}

/* The target as written, or percent-decoded as the query is. */
static bool target_fits(const pattern_t *pattern, acoap_bytes_t target) {
  const char *at = (const char *)target.data;
  const char *end = at + target.len;
  size_t matched = 0;

  if (fits(pattern, at, target.len)) {
    return true;
  }
  while (at < end && matched < pattern->len) {
    const char *next = at + (*at == '%' && end - at >= 3 ? 3 : 1);
    char decoded[3];
    size_t count = acoap__uri_decode(at, next, decoded, sizeof(decoded));
    if (count != 1) {
      next = at + 1; /* a '%' that encodes nothing */
      decoded[0] = *at;
    }
    if (decoded[0] != pattern->text[matched]) {
      return false;
    }
    matched++;
    at = next;
  }
  return matched == pattern->len && (pattern->is_prefix || at == end);
}

bool acoap_link_matches(const acoap_link_t *link, const char *query, size_t len) {
  pattern_t pattern = {NULL, 0, true}; /* of a name alone: any value */
  acoap_link_attr_t attr;
  size_t name_len = 0;
  size_t state = 0;

  if (len == 0) {
    return true;
  }
  while (name_len < len && query[name_len] != '=') {
    name_len++;
  }
  if (name_len < len) {
    pattern.text = query + name_len + 1;
    pattern.len = len - name_len - 1;
    pattern.is_prefix = pattern.len > 0 && pattern.text[pattern.len - 1] == '*';
    pattern.len -= pattern.is_prefix;
  }
  if (acoap__ascii_equal(query, name_len, "href", 4)) {
    return target_fits(&pattern, link->target);
  }
  bool words = is_word_list(query, name_len);
  while (acoap_link_attr_next(link, &state, &attr)) {
    if (acoap__ascii_equal((const char *)attr.name.data, attr.name.len, query, name_len) &&
        value_fits(&pattern, &attr, words)) {
      return true;
    }
  }
  return false;
}
