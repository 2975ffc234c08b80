/*
 * Characters of URI components and percent-encoding (RFC 3986 sections 2.1 to 2.3, 3.3, 3.4).
 * The rule: string options are UTF-8 (RFC 7252 section 3.2), so percent-encodings that are none are
 * refused where a URI comes in. Knows nothing of which component is which.
 * SPDX-License-Identifier: MIT
 */
#include "message/uri_text.h"

#include "base/utf8.h"

unsigned acoap__uri_char(char c) {
  char lower = acoap__ascii_lower(c);

  if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9')) {
    return ACOAP__URI_UNRESERVED;
  }
  switch (c) {
  case '-':
  case '.':
  case '_':
  case '~':
    return ACOAP__URI_UNRESERVED;
  case '!':
  case '$':
  case '\'':
  case '(':
  case ')':
  case '*':
  case '+':
  case ',':
  case ';':
  case '=':
    return ACOAP__URI_SUB_DELIM;
  case '&':
    return ACOAP__URI_AMPERSAND;
  case ':':
  case '@':
    return ACOAP__URI_COLON_AT;
  case '/':
    return ACOAP__URI_SLASH;
  case '?':
    return ACOAP__URI_QUESTION;
  default:
    return 0;
  }
}

/* The byte of the "%41" at `at`, or -1. */
static int percent_byte(const char *at, const char *end) {
  if (end - at < 3 || at[0] != '%') {
    return -1;
  }
  int high = acoap__hex_digit(at[1]);
  int low = acoap__hex_digit(at[2]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Length in bytes of the character whose percent-encoding starts at `at`; 0 when it is none. */
static size_t percent_char(const char *at, const char *end) {
  uint8_t bytes[4];
  size_t count = 0;

  while (count < sizeof(bytes) && percent_byte(at, end) >= 0) {
    bytes[count++] = (uint8_t)percent_byte(at, end);
    at += 3;
  }
  return acoap__utf8_char(bytes, count);
}

const char *acoap__uri_wrong(const char *at, const char *end, unsigned set) {
  while (at < end) {
    if (*at == '%') {
      size_t count = percent_char(at, end);
      if (count == 0) {
        return at;
      }
      at += 3 * count;
    } else if ((acoap__uri_char(*at) & set) != 0) {
      at++;
    } else {
      return at;
    }
  }
  return NULL;
}

size_t acoap__uri_decode(const char *at, const char *end, char *out, size_t cap) {
  size_t len = 0;

  while (at < end) {
    int byte = percent_byte(at, end);
    char c = byte < 0 ? *at : (char)(uint8_t)byte;
    at += byte < 0 ? 1 : 3;
    if (len < cap) {
      out[len] = c;
    }
    len++;
  }
  return len;
}

void acoap__uri_put(acoap__text_t *text, const uint8_t *bytes, size_t len, unsigned set) {
  static const char digits[] = "0123456789ABCDEF";

  for (size_t i = 0; i < len; i++) {
    if ((acoap__uri_char((char)bytes[i]) & set) != 0) {
      acoap__text_put_n(text, &bytes[i], 1);
    } else {
      char encoded[3] = {'%', digits[bytes[i] >> 4], digits[bytes[i] & 15]};
      acoap__text_put_n(text, encoded, 3);
    }
  }
}
