/*
 * Text and numbers into a lent buffer, without stdio and locale. A text that does not fit is cut;
 * `total` tells how long it would have been. The terminating zero is always there when cap > 0.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_TEXT_H
#define ACOAP_BASE_TEXT_H

#include <acoap/types.h>

typedef struct acoap__text {
  char *chars;  /* lent */
  size_t cap;   /* bytes, with the zero */
  size_t total; /* characters so far, stored or not */
} acoap__text_t;

void acoap__text_init(acoap__text_t *text, char *chars, size_t cap);
void acoap__text_put(acoap__text_t *text, const char *string);
void acoap__text_put_n(acoap__text_t *text, const void *chars, size_t len);
void acoap__text_put_uint(acoap__text_t *text, uint64_t number);
void acoap__text_put_int(acoap__text_t *text, int64_t number);
/* Lower-case hexadecimal, two digits a byte. */
void acoap__text_put_hex(acoap__text_t *text, const void *bytes, size_t len);
/* True when everything fitted. */
bool acoap__text_fits(const acoap__text_t *text);

/* ASCII helpers that know no locale. */
static inline char acoap__ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}
bool acoap__ascii_equal(const char *a, size_t a_len, const char *b,
                        size_t b_len); /* ignoring case */
/* Decimal digits only, at most `most`; false on anything else. */
bool acoap__text_read_uint(const char *chars, size_t len, uint64_t most, uint64_t *number);
/* 0 to 15, or -1. */
int acoap__hex_digit(char c);

#endif
