/*
 * The segments of a path from the last to the first, without dot segments (RFC 3986 section 5.2.4),
 * as the header says it. Decodes and writes nothing.
 * SPDX-License-Identifier: MIT
 */
#include "message/uri_path.h"

#include "base/text.h"

/* 1 for ".", 2 for "..", percent-encoded or not; 0 for anything else. */
static int dots_of(const char *at, const char *end) {
  int dots = 0;

  while (at < end && dots < 3) {
    if (*at == '.') {
      at++;
    } else if (end - at >= 3 && at[0] == '%' && at[1] == '2' && acoap__ascii_lower(at[2]) == 'e') {
      at += 3;
    } else {
      return 0;
    }
    dots++;
  }
  return dots < 3 ? dots : 0;
}

void acoap__segments_init(acoap__segments_t *segments) {
  segments->start = NULL;
  segments->at = NULL;
  segments->skip = 0;
  segments->inner = false;
}

void acoap__segments_feed(acoap__segments_t *segments, const char *start, const char *end) {
  segments->start = start;
  segments->at = end;
}

bool acoap__segments_next(acoap__segments_t *segments, acoap_bytes_t *segment) {
  while (segments->at != NULL) {
    const char *end = segments->at;
    const char *first = end;
    bool inner = segments->inner;
    while (first > segments->start && first[-1] != '/') {
      first--;
    }
    segments->at = first > segments->start ? first - 1 : NULL;
    segments->inner = true;
    int dots = dots_of(first, end);
    if (dots > 0) {
      segments->skip += dots == 2;
      first = end;
    } else if (segments->skip > 0) {
      segments->skip--;
      continue;
    }
    if (dots == 0 || !inner) {
      segment->data = (const uint8_t *)first;
      segment->len = (size_t)(end - first);
      return true;
    }
  }
  return false;
}
