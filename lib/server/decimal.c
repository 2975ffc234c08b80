/*
 * Numbers in decimal, exactly: what is written, read again, is the same double, and the program's
 * locale has no say. The C library rounds correctly but writes and reads its locale's decimal
 * point; that is found by having it write one half and is replaced both ways. Writes no infinities
 * and no NaN.
 * SPDX-License-Identifier: MIT
 */
#include "server/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 800
#define POINT_MAX 8

/* The locale's decimal point; returns its length, 1 or more bytes. */
static size_t find_point(char point[POINT_MAX]) {
  char half[POINT_MAX + 3];
  int len = snprintf(half, sizeof(half), "%.1f", 0.5); /* "0.5" */
  if (len < 3 || (size_t)len >= sizeof(half)) {
    memcpy(point, ".", 1);
    return 1;
  }
  memcpy(point, half + 1, (size_t)len - 2);
  return (size_t)len - 2;
}

/* Put "." where the locale's point is. Returns the new length. */
static size_t plain_point(char *chars, size_t len) {
  char point[POINT_MAX];
  size_t point_len = find_point(point);
  for (size_t at = 0; at + point_len <= len; at++) {
    if (memcmp(chars + at, point, point_len) == 0) {
      chars[at] = '.';
      memmove(chars + at + 1, chars + at + point_len, len - at - point_len + 1);
      return len - point_len + 1;
    }
  }
  return len;
}

size_t acoap__decimal_write(double number, char room[ACOAP__DECIMAL_MAX]) {
  int len = 0;
  for (int digits = 15; digits <= 17; digits++) {
    len = snprintf(room, ACOAP__DECIMAL_MAX, "%.*g", digits, number);
    if (strtod(room, NULL) == number) {
      break;
    }
  }
  return plain_point(room, (size_t)len);
}

static size_t span_of_digits(const char *chars, size_t len) {
  size_t span = 0;
  while (span < len && chars[span] >= '0' && chars[span] <= '9') {
    span++;
  }
  return span;
}

/* Is all of it of the form? *point: where its "." is, or len. */
static bool is_decimal(const char *chars, size_t len, size_t *point) {
  size_t at = len > 0 && (chars[0] == '+' || chars[0] == '-') ? 1 : 0;
  size_t digits = span_of_digits(chars + at, len - at);
  at += digits;
  *point = len;
  if (digits == 0) {
    return false;
  }
  if (at < len && chars[at] == '.') {
    *point = at++;
    digits = span_of_digits(chars + at, len - at);
    at += digits;
    if (digits == 0) {
      return false;
    }
  }
  if (at < len && (chars[at] == 'e' || chars[at] == 'E')) {
    at++;
    at += at < len && (chars[at] == '+' || chars[at] == '-') ? 1 : 0;
    digits = span_of_digits(chars + at, len - at);
    at += digits;
    if (digits == 0) {
      return false;
    }
  }
  return at == len;
}

bool acoap__decimal_read(const char *chars, size_t len, double *number) {
  char local[DIGITS_MAX + POINT_MAX];
  char locale_point[POINT_MAX];
  size_t point;
  size_t used = 0;
  if (len > DIGITS_MAX - 1 || !is_decimal(chars, len, &point)) {
    return false;
  }
  memcpy(local, chars, point);
  used = point;
  if (point < len) {
    size_t point_len = find_point(locale_point);
    memcpy(local + used, locale_point, point_len);
    used += point_len;
    memcpy(local + used, chars + point + 1, len - point - 1);
    used += len - point - 1;
  }
  local[used] = '\0';
  double read = strtod(local, NULL);
  if (!isfinite(read)) {
    return false;
  }
  *number = read;
  return true;
}
