/*
 * Reads JSON (RFC 8259) token by token, strictly, without recursion and without memory of its own:
 * nesting beyond 64 is refused. Builds no tree.
 * SPDX-License-Identifier: MIT
 */
#include "json_reader.h"

#include <string.h>

#include "text.h"

enum expectation {
  EXPECT_VALUE,        /* the document, or behind ':' or ',' of an array */
  EXPECT_VALUE_OR_END, /* behind '[' */
  EXPECT_KEY,          /* behind ',' of an object */
  EXPECT_KEY_OR_END,   /* behind '{' */
  EXPECT_COMMA_OR_END, /* behind a value inside something */
  EXPECT_NOTHING       /* behind the document */
};

void json_reader_init(json_reader_t *reader, const void *bytes, size_t len) {
  *reader = (json_reader_t){.at = bytes, .end = (const char *)bytes + len, .expect = EXPECT_VALUE};
}

static void skip_space(json_reader_t *reader) {
  while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                      *reader->at == '\n' || *reader->at == '\r')) {
    reader->at++;
  }
}

static void value_read(json_reader_t *reader) {
  reader->expect = reader->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

/* Behind a backslash: how many bytes the escape takes; 0: none. */
static size_t escape_len(const char *at, const char *end) {
  if (at >= end) {
    return 0;
  }
  if (strchr("\"\\/bfnrt", *at) != NULL && *at != '\0') {
    return 1;
  }
  if (*at != 'u' || end - at < 5) {
    return 0;
  }
  for (int i = 1; i <= 4; i++) {
    if (at[i] == '\0' || strchr("0123456789abcdefABCDEF", at[i]) == NULL) {
      return 0;
    }
  }
  return 5;
}

/* From the opening quote on. */
static bool read_string(json_reader_t *reader) {
  const char *at = reader->at + 1;
  reader->text = at;
  while (at < reader->end && *at != '"') {
    size_t len;
    if (*at == '\\') {
      len = escape_len(at + 1, reader->end);
      len = len == 0 ? 0 : len + 1;
    } else {
      len = (uint8_t)*at < 0x20 ? 0 : text_char(at, (size_t)(reader->end - at), NULL);
    }
    if (len == 0) {
      return false;
    }
    at += len;
  }
  if (at >= reader->end) {
    return false;
  }
  reader->text_len = (size_t)(at - reader->text);
  reader->at = at + 1;
  return true;
}

static const char *skip_digits(const char *at, const char *end) {
  while (at < end && *at >= '0' && *at <= '9') {
    at++;
  }
  return at;
}

static bool read_number(json_reader_t *reader) {
  const char *at = reader->at;
  const char *end = reader->end;
  reader->text = at;
  if (at < end && *at == '-') {
    at++;
  }
  const char *digits = at;
  at = skip_digits(at, end);
  if (at == digits || (*digits == '0' && at - digits > 1)) {
    return false;
  }
  if (at < end && *at == '.') {
    digits = ++at;
    at = skip_digits(at, end);
    if (at == digits) {
      return false;
    }
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    at++;
    if (at < end && (*at == '+' || *at == '-')) {
      at++;
    }
    digits = at;
    at = skip_digits(at, end);
    if (at == digits) {
      return false;
    }
  }
  reader->text_len = (size_t)(at - reader->text);
  reader->at = at;
  return true;
}

static bool read_word(json_reader_t *reader, const char *word) {
  size_t len = strlen(word);
  if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0) {
    return false;
  }
  reader->at += len;
  return true;
}

static json_token_t open_nested(json_reader_t *reader, bool object) {
  if (reader->depth == JSON_DEPTH_MAX) {
    return JSON_INVALID;
  }
  reader->at++;
  reader->object[reader->depth++] = object;
  reader->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
  return object ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN;
}

static json_token_t close_nested(json_reader_t *reader) {
  bool object = *reader->at == '}';
  if (reader->depth == 0 || reader->object[reader->depth - 1] != object) {
    return JSON_INVALID;
  }
  reader->at++;
  reader->depth--;
  value_read(reader);
  return object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static json_token_t read_value(json_reader_t *reader) {
  json_token_t token = JSON_INVALID;
  switch (*reader->at) {
  case '{':
  case '[':
    return open_nested(reader, *reader->at == '{');
  case '"':
    token = read_string(reader) ? JSON_STRING : JSON_INVALID;
    break;
  case 't':
    token = read_word(reader, "true") ? JSON_TRUE : JSON_INVALID;
    break;
  case 'f':
    token = read_word(reader, "false") ? JSON_FALSE : JSON_INVALID;
    break;
  case 'n':
    token = read_word(reader, "null") ? JSON_NULL : JSON_INVALID;
    break;
  default:
    token = read_number(reader) ? JSON_NUMBER : JSON_INVALID;
    break;
  }
  value_read(reader);
  return token;
}

static json_token_t read_key(json_reader_t *reader) {
  if (*reader->at != '"' || !read_string(reader)) {
    return JSON_INVALID;
  }
  skip_space(reader);
  if (reader->at >= reader->end || *reader->at != ':') {
    return JSON_INVALID;
  }
  reader->at++;
  reader->expect = EXPECT_VALUE;
  return JSON_KEY;
}

json_token_t json_reader_next(json_reader_t *reader) {
  skip_space(reader);
  if (reader->at >= reader->end) {
    return reader->expect == EXPECT_NOTHING ? JSON_END : JSON_INVALID;
  }
  char c = *reader->at;
  bool closing = c == '}' || c == ']';
  switch (reader->expect) {
  case EXPECT_VALUE_OR_END:
    return closing ? close_nested(reader) : read_value(reader);
  case EXPECT_VALUE:
    return read_value(reader);
  case EXPECT_KEY_OR_END:
    return closing ? close_nested(reader) : read_key(reader);
  case EXPECT_KEY:
    return read_key(reader);
  case EXPECT_COMMA_OR_END:
    if (closing) {
      return close_nested(reader);
    }
    if (c != ',') {
      return JSON_INVALID;
    }
    reader->at++;
    reader->expect = reader->object[reader->depth - 1] ? EXPECT_KEY : EXPECT_VALUE;
    return json_reader_next(reader);
  default:
    return JSON_INVALID;
  }
}

static uint32_t hex4(const char *at) {
  uint32_t number = 0;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    uint32_t digit = (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    number = number << 4 | digit;
  }
  return number;
}

static size_t put_utf8(uint32_t c, char *out) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
  }
  out[0] = (char)(0xf0 | c >> 18);
  out[1] = (char)(0x80 | (c >> 12 & 0x3f));
  out[2] = (char)(0x80 | (c >> 6 & 0x3f));
  out[3] = (char)(0x80 | (c & 0x3f));
  return 4;
}

/* One character of a checked string: its UTF-8 into out[4], its length there; *taken bytes of the
 * source. */
static size_t unescape_one(const char *at, const char *end, char out[4], size_t *taken) {
  static const char from[] = "\"\\/bfnrt";
  static const char to[] = "\"\\/\b\f\n\r\t";
  if (*at != '\\') {
    *taken = 1;
    out[0] = *at;
    return 1;
  }
  if (at[1] != 'u') {
    *taken = 2;
    out[0] = to[strchr(from, at[1]) - from];
    return 1;
  }
  uint32_t c = hex4(at + 2);
  *taken = 6;
  if (c >= 0xd800 && c <= 0xdbff && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
    uint32_t low = hex4(at + 8);
    if (low >= 0xdc00 && low <= 0xdfff) {
      *taken = 12;
      return put_utf8(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), out);
    }
  }
  return put_utf8(c >= 0xd800 && c <= 0xdfff ? 0xfffd : c, out);
}

size_t json_reader_unescape(const char *string, size_t len, char *text, size_t cap) {
  const char *end = string + len;
  size_t at = 0;
  while (string < end) {
    char character[4];
    size_t taken = 0;
    size_t character_len = unescape_one(string, end, character, &taken);
    if (at + character_len >= cap) {
      break;
    }
    memcpy(text + at, character, character_len);
    at += character_len;
    string += taken;
  }
  text[at] = '\0';
  return at;
}
