/*
 * Typed values as text/plain: "1", "-42", "0.1", the string itself. A boolean may also be "true" or
 * "false"; blanks around what is no string do not count. The sentences that say what is wrong are
 * those of all formats.
 * SPDX-License-Identifier: MIT
 */
#include "server/value.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"

int acoap__value_wrong(const char **why, const char *sentence) {
  *why = sentence;
  return ACOAP_EFORMAT;
}

int acoap__value_expected(const char **why, acoap_value_type_t type) {
  switch (type) {
  case ACOAP_VALUE_BOOL:
    return acoap__value_wrong(why, "a boolean is expected: 0 or 1, false or true");
  case ACOAP_VALUE_INT:
    return acoap__value_wrong(why, "an integer is expected, of 64 bits at most");
  case ACOAP_VALUE_DOUBLE:
    return acoap__value_wrong(why, "a decimal number is expected, of a double's range");
  case ACOAP_VALUE_STRING:
    break;
  }
  return acoap__value_wrong(why, "a string is expected, in UTF-8");
}

bool acoap__value_read_integer(const char *chars, size_t len, int64_t *integer) {
  bool negative = len > 0 && chars[0] == '-';
  size_t sign = negative || (len > 0 && chars[0] == '+') ? 1 : 0;
  uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
  uint64_t magnitude;
  if (!acoap__text_read_uint(chars + sign, len - sign, most, &magnitude)) {
    return false;
  }
  *integer = negative && magnitude > 0 ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
  return true;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(const char *chars, size_t len, const char *word) {
  return len == strlen(word) && memcmp(chars, word, len) == 0;
}

static bool read_boolean(const char *chars, size_t len, bool *boolean) {
  bool is_true = is_word(chars, len, "1") || is_word(chars, len, "true");
  if (!is_true && !is_word(chars, len, "0") && !is_word(chars, len, "false")) {
    return false;
  }
  *boolean = is_true;
  return true;
}

int acoap__value_read_text(acoap_bytes_t body, acoap_value_t *value, const char **why) {
  const char *chars = body.len > 0 ? (const char *)body.data : "";
  size_t len = body.len;
  bool read = false;
  if (value->type == ACOAP_VALUE_STRING) {
    value->string = body;
    return acoap__utf8_valid(chars, len) ? 0 : acoap__value_expected(why, value->type);
  }
  for (; len > 0 && is_blank(chars[0]); len--) {
    chars++;
  }
  while (len > 0 && is_blank(chars[len - 1])) {
    len--;
  }
  switch (value->type) {
  case ACOAP_VALUE_BOOL:
    read = read_boolean(chars, len, &value->boolean);
    break;
  case ACOAP_VALUE_INT:
    read = acoap__value_read_integer(chars, len, &value->integer);
    break;
  case ACOAP_VALUE_DOUBLE:
    read = acoap__decimal_read(chars, len, &value->number);
    break;
  case ACOAP_VALUE_STRING:
    break;
  }
  return read ? 0 : acoap__value_expected(why, value->type);
}

static uint8_t *copy(const void *bytes, size_t len) {
  uint8_t *made = acoap__malloc(len > 0 ? len : 1);
  if (made != NULL && len > 0) {
    memcpy(made, bytes, len);
  }
  return made;
}

uint8_t *acoap__value_write_text(const acoap_value_t *value, size_t *len) {
  char room[ACOAP__DECIMAL_MAX];
  acoap__text_t text;
  acoap__text_init(&text, room, sizeof(room));
  switch (value->type) {
  case ACOAP_VALUE_BOOL:
    acoap__text_put(&text, value->boolean ? "1" : "0");
    break;
  case ACOAP_VALUE_INT:
    acoap__text_put_int(&text, value->integer);
    break;
  case ACOAP_VALUE_DOUBLE:
    if (value->number != value->number) {
      acoap__text_put(&text, "nan");
    } else if (value->number - value->number != 0) {
      acoap__text_put(&text, value->number > 0 ? "inf" : "-inf");
    } else {
      text.total = acoap__decimal_write(value->number, room);
    }
    break;
  case ACOAP_VALUE_STRING:
    *len = value->string.len;
    return copy(value->string.data, value->string.len);
  }
  *len = text.total;
  return copy(room, text.total);
}
