/*
 * Characters of URI components (RFC 3986 sections 2 and 3): which may stand as they are,
 * percent-encoding both ways.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_URI_TEXT_H
#define ACOAP_MESSAGE_URI_TEXT_H

#include <acoap/types.h>

#include "base/text.h"

/* Sets of characters, to be or-ed. */
enum acoap__uri_chars {
  ACOAP__URI_UNRESERVED = 1, /* ALPHA DIGIT - . _ ~ */
  ACOAP__URI_SUB_DELIM = 2,  /* ! $ ' ( ) * + , ; = */
  ACOAP__URI_AMPERSAND = 4,  /* & is a sub-delim too, but separates the arguments of a query */
  ACOAP__URI_COLON_AT = 8,   /* : @ */
  ACOAP__URI_SLASH = 16,
  ACOAP__URI_QUESTION = 32,

  ACOAP__URI_REG_NAME = ACOAP__URI_UNRESERVED | ACOAP__URI_SUB_DELIM | ACOAP__URI_AMPERSAND,
  ACOAP__URI_PCHAR = ACOAP__URI_REG_NAME | ACOAP__URI_COLON_AT, /* and percent-encodings */
  ACOAP__URI_PATH = ACOAP__URI_PCHAR | ACOAP__URI_SLASH,
  ACOAP__URI_QUERY = ACOAP__URI_PATH | ACOAP__URI_QUESTION,
  ACOAP__URI_ARGUMENT = ACOAP__URI_QUERY & ~ACOAP__URI_AMPERSAND
};

/* The set that a character belongs to; 0 when it is in none (also: '%', '#', brackets, blanks,
 * beyond ASCII). */
unsigned acoap__uri_char(char c);

/*
 * The first character that may not stand in a component of these characters: one of another set, a
 * '%' without two hexadecimal digits, a percent-encoding that is no UTF-8. NULL when all is well.
 */
const char *acoap__uri_wrong(const char *at, const char *end, unsigned set);

/*
 * Percent-decode a checked component. Returns its length, also when it is greater than cap; then
 * only the first cap bytes are stored.
 */
size_t acoap__uri_decode(const char *at, const char *end, char *out, size_t cap);

/* Append bytes; those not in the set are percent-encoded with upper-case digits. */
void acoap__uri_put(acoap__text_t *text, const uint8_t *bytes, size_t len, unsigned set);

#endif
