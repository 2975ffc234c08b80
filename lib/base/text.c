/*
 * Text and numbers into a lent buffer, without stdio and locale.
 * The rule: total counts every character, chars[0 .. min(total, cap - 1)) holds the first ones and
 * a zero follows them. Knows no character set but ASCII.
 * SPDX-License-Identifier: MIT
 */
#include "base/text.h"

#include <string.h>

void acoap__text_init(acoap__text_t *text, char *chars, size_t cap) {
  text->chars = chars;
  text->cap = cap;
  text->total = 0;
  if (cap > 0) {
    chars[0] = '\0';
  }
}

void acoap__text_put(acoap__text_t *text, const char *string) {
  acoap__text_put_n(text, string, strlen(string));
}

void acoap__text_put_n(acoap__text_t *text, const void *chars, size_t len) {
  size_t room = text->total + 1 < text->cap ? text->cap - text->total - 1 : 0;
  size_t stored = len < room ? len : room;

  if (stored > 0) {
    memcpy(text->chars + text->total, chars, stored);
    text->chars[text->total + stored] = '\0';
  }
  text->total += len;
}

void acoap__text_put_uint(acoap__text_t *text, uint64_t number) {
  char digits[20]; /* 2^64 - 1 has twenty digits */
  size_t at = sizeof(digits);

  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  acoap__text_put_n(text, digits + at, sizeof(digits) - at);
}

void acoap__text_put_int(acoap__text_t *text, int64_t number) {
  if (number < 0) {
    acoap__text_put_n(text, "-", 1);
    /* Negated as unsigned, since -INT64_MIN is no int64_t. */
    acoap__text_put_uint(text, 0 - (uint64_t)number);
  } else {
    acoap__text_put_uint(text, (uint64_t)number);
  }
}

void acoap__text_put_hex(acoap__text_t *text, const void *bytes, size_t len) {
  static const char digits[] = "0123456789abcdef";
  const uint8_t *byte = bytes;

  for (size_t i = 0; i < len; i++) {
    char pair[2] = {digits[byte[i] >> 4], digits[byte[i] & 15]};
    acoap__text_put_n(text, pair, 2);
  }
}

bool acoap__text_fits(const acoap__text_t *text) {
  return text->total < text->cap;
}

bool acoap__ascii_equal(const char *a, size_t a_len, const char *b, size_t b_len) {
  if (a_len != b_len) {
    return false;
  }
  for (size_t i = 0; i < a_len; i++) {
    if (acoap__ascii_lower(a[i]) != acoap__ascii_lower(b[i])) {
      return false;
    }
  }
  return true;
}

bool acoap__text_read_uint(const char *chars, size_t len, uint64_t most, uint64_t *number) {
  uint64_t value = 0;

  if (len == 0) {
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    if (chars[i] < '0' || chars[i] > '9') {
      return false;
    }
    uint64_t digit = (uint64_t)(chars[i] - '0');
    if (digit > most || value > (most - digit) / 10) {
      return false;
    }
    value = value * 10 + digit;
  }
  *number = value;
  return true;
}

int acoap__hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  c = acoap__ascii_lower(c);
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return -1;
}
