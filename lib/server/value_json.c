/*
 * Typed values as JSON (RFC 8259): true, a number, a string, with white space around and nothing
 * else. Integers have neither a fraction nor an exponent. What is no JSON number (NaN, infinities)
 * is null. Reads no arrays and no objects.
 * SPDX-License-Identifier: MIT
 */
#include "server/value.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"

static bool is_word(const char *chars, size_t len, const char *word) {
  return len == strlen(word) && memcmp(chars, word, len) == 0;
}

/* ---- strings ----------------------------------------------------------------------------------
 */

/* Four hexadecimal digits; -1. */
static int32_t read_unit(const char *at, const char *end) {
  int32_t unit = 0;
  if (end - at < 4) {
    return -1;
  }
  for (int i = 0; i < 4; i++) {
    int digit = acoap__hex_digit(at[i]);
    if (digit < 0) {
      return -1;
    }
    unit = unit * 16 + digit;
  }
  return unit;
}

static size_t put_character(char *out, uint32_t c) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (char)(0xc0 | (c >> 6));
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (char)(0xe0 | (c >> 12));
    out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
  }
  out[0] = (char)(0xf0 | (c >> 18));
  out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
  out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
  out[3] = (char)(0x80 | (c & 0x3f));
  return 4;
}

/* Behind "\u": digits, and those of the second half of a pair. Returns how many characters were
 * read; 0: there is something wrong. */
static size_t read_escape_u(const char *at, const char *end, uint32_t *c) {
  int32_t high = read_unit(at, end);
  if (high < 0 || (high >= 0xdc00 && high < 0xe000)) {
    return 0;
  }
  *c = (uint32_t)high;
  if (high < 0xd800 || high >= 0xdc00) {
    return 4;
  }
  int32_t low = end - at >= 10 && at[4] == '\\' && at[5] == 'u' ? read_unit(at + 6, end) : -1;
  if (low < 0xdc00 || low >= 0xe000) {
    return 0;
  }
  *c = 0x10000u + (((uint32_t)high - 0xd800u) << 10) + ((uint32_t)low - 0xdc00u);
  return 10;
}

/* Behind a backslash. Returns how many characters were read, 0 as above; appends to out. */
static size_t read_escape(const char *at, const char *end, char *out, size_t *out_len) {
  static const char escapes[] = "\"\\/bfnrt";
  static const char meanings[] = "\"\\/\b\f\n\r\t";
  if (at == end) {
    return 0;
  }
  if (*at == 'u') {
    uint32_t c = 0;
    size_t span = read_escape_u(at + 1, end, &c);
    if (span == 0) {
      return 0;
    }
    *out_len += put_character(out + *out_len, c);
    return 1 + span;
  }
  const char *found = *at != '\0' ? strchr(escapes, *at) : NULL;
  if (found == NULL) {
    return 0;
  }
  out[(*out_len)++] = meanings[found - escapes];
  return 1;
}

/* Without the quotes. What is read is never longer than what is written. */
static int read_string(const char *at, size_t len, acoap_value_t *value, char **store,
                       const char **why) {
  const char *end = at + len;
  size_t out_len = 0;
  char *out = acoap__malloc(len > 0 ? len : 1);
  if (out == NULL) {
    return ACOAP_ENOMEM;
  }
  *store = out;
  while (at < end) {
    if ((unsigned char)*at < 0x20 || *at == '"') {
      return acoap__value_wrong(why, "a character of a JSON string has to be escaped");
    }
    if (*at != '\\') {
      out[out_len++] = *at++;
      continue;
    }
    size_t span = read_escape(at + 1, end, out, &out_len);
    if (span == 0) {
      return acoap__value_wrong(why, "an escape of a JSON string is malformed");
    }
    at += 1 + span;
  }
  value->string = (acoap_bytes_t){(const uint8_t *)out, out_len};
  return acoap__utf8_valid(out, out_len) ? 0 : acoap__value_expected(why, value->type);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* No "+", no leading zeros: the rest is checked by who reads it. */
static bool looks_like_number(const char *chars, size_t len) {
  size_t sign = len > 0 && chars[0] == '-' ? 1 : 0;
  if (len == sign || chars[sign] < '0' || chars[sign] > '9') {
    return false;
  }
  return chars[sign] != '0' || len == sign + 1 || chars[sign + 1] < '0' || chars[sign + 1] > '9';
}

int acoap__value_read_json(acoap_bytes_t body, acoap_value_t *value, char **store,
                           const char **why) {
  const char *chars = body.len > 0 ? (const char *)body.data : "";
  size_t len = body.len;
  for (; len > 0 && strchr(" \t\r\n", chars[0]) != NULL && chars[0] != '\0'; len--) {
    chars++;
  }
  while (len > 0 && strchr(" \t\r\n", chars[len - 1]) != NULL && chars[len - 1] != '\0') {
    len--;
  }
  switch (value->type) {
  case ACOAP_VALUE_BOOL:
    value->boolean = is_word(chars, len, "true");
    return value->boolean || is_word(chars, len, "false")
               ? 0
               : acoap__value_wrong(why, "a boolean is expected: false or true");
  case ACOAP_VALUE_INT:
    return looks_like_number(chars, len) && acoap__value_read_integer(chars, len, &value->integer)
               ? 0
               : acoap__value_expected(why, value->type);
  case ACOAP_VALUE_DOUBLE:
    return looks_like_number(chars, len) && acoap__decimal_read(chars, len, &value->number)
               ? 0
               : acoap__value_expected(why, value->type);
  case ACOAP_VALUE_STRING:
    break;
  }
  if (len < 2 || chars[0] != '"' || chars[len - 1] != '"') {
    return acoap__value_wrong(why, "a string in quotes is expected");
  }
  return read_string(chars + 1, len - 2, value, store, why);
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static void put_string(acoap__text_t *text, acoap_bytes_t string) {
  static const char hex[] = "0123456789abcdef";
  acoap__text_put(text, "\"");
  for (size_t i = 0; i < string.len; i++) {
    uint8_t c = string.data[i];
    if (c == '"' || c == '\\') {
      char escaped[2] = {'\\', (char)c};
      acoap__text_put_n(text, escaped, sizeof(escaped));
    } else if (c < 0x20) {
      char escaped[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
      acoap__text_put_n(text, escaped, sizeof(escaped));
    } else {
      acoap__text_put_n(text, &c, 1);
    }
  }
  acoap__text_put(text, "\"");
}

uint8_t *acoap__value_write_json(const acoap_value_t *value, size_t *len) {
  size_t cap = ACOAP__DECIMAL_MAX + (value->type == ACOAP_VALUE_STRING ? 6 * value->string.len : 0);
  char *room = acoap__malloc(cap);
  acoap__text_t text;
  if (room == NULL) {
    return NULL;
  }
  acoap__text_init(&text, room, cap);
  switch (value->type) {
  case ACOAP_VALUE_BOOL:
    acoap__text_put(&text, value->boolean ? "true" : "false");
    break;
  case ACOAP_VALUE_INT:
    acoap__text_put_int(&text, value->integer);
    break;
  case ACOAP_VALUE_DOUBLE:
    if (isfinite(value->number)) {
      text.total = acoap__decimal_write(value->number, room);
    } else {
      acoap__text_put(&text, "null");
    }
    break;
  case ACOAP_VALUE_STRING:
    put_string(&text, value->string);
    break;
  }
  *len = text.total;
  return (uint8_t *)room;
}
