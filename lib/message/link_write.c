/*
 * Writes CoRE link-format (RFC 6690 section 2) into a window over the document: bytes before the
 * window and behind it are counted only, so that a block of a long document can be made without the
 * rest (RFC 7959). The rule: what is written can be parsed again into the same links and
 * attributes. Percent-encodes no targets and knows no attributes.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/link.h>

#include <acoap/error.h>

#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

static void fail(acoap_link_writer_t *writer, int error) {
  if (writer->error == 0) {
    writer->error = error;
  }
}

/* Append bytes of the document; those inside the window are stored. */
static void put(acoap_link_writer_t *writer, const char *chars, size_t len) {
  size_t at = writer->total;

  if (writer->error != 0 || len == 0) {
    return;
  }
  if (writer->strict && len > writer->skip + writer->cap - at) {
    writer->error = ACOAP_ENOSPACE;
    return;
  }
  writer->total += len;
  if (at < writer->skip) {
    size_t before = len < writer->skip - at ? len : writer->skip - at;
    chars += before;
    len -= before;
    at += before;
  }
  size_t stored = at - writer->skip;
  if (len == 0 || at < writer->skip || stored >= writer->cap) {
    return;
  }
  memcpy(writer->bytes + stored, chars, len < writer->cap - stored ? len : writer->cap - stored);
}

static bool has_control(const char *chars, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if ((uint8_t)chars[i] < 0x20 || chars[i] == 0x7f) {
      return true;
    }
  }
  return false;
}

void acoap_link_writer_init(acoap_link_writer_t *writer, void *bytes, size_t cap) {
  acoap_link_writer_window(writer, bytes, cap, 0);
  writer->strict = true;
}

void acoap_link_writer_window(acoap_link_writer_t *writer, void *bytes, size_t cap, size_t skip) {
  memset(writer, 0, sizeof(*writer));
  writer->bytes = bytes;
  writer->cap = cap <= INT_MAX ? cap : INT_MAX; /* acoap_link_writer_finish returns an int */
  writer->skip = skip;
  if (bytes == NULL && cap > 0) {
    writer->error = ACOAP_EINVAL;
  }
}

void acoap_link_writer_link(acoap_link_writer_t *writer, const char *target, size_t len) {
  if (target == NULL && len > 0) {
    fail(writer, ACOAP_EINVAL);
    return;
  }
  for (size_t i = 0; i < len; i++) {
    if (target[i] == '<' || target[i] == '>') {
      fail(writer, ACOAP_ELINK);
    }
  }
  if (has_control(target, len) || !acoap__utf8_valid(target, len)) {
    fail(writer, ACOAP_ELINK);
  }
  put(writer, writer->total > 0 ? ",<" : "<", writer->total > 0 ? 2 : 1);
  put(writer, target, len);
  put(writer, ">", 1);
}

/* A character of a parmname (RFC 5987 section 3.2.1), or the '*' behind one. */
static bool is_name_char(char c) {
  char lower = acoap__ascii_lower(c);

  switch (c) {
  case '!':
  case '#':
  case '$':
  case '&':
  case '+':
  case '-':
  case '.':
  case '^':
  case '_':
  case '`':
  case '|':
  case '~':
  case '*':
    return true;
  default:
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
  }
}

/* ";name"; a link must have been started. */
static void put_name(acoap_link_writer_t *writer, const char *name) {
  if (name == NULL || name[0] == '\0' || writer->total == 0) {
    fail(writer, ACOAP_EINVAL);
    return;
  }
  size_t len = strlen(name);
  for (size_t i = 0; i < len; i++) {
    if (!is_name_char(name[i])) {
      fail(writer, ACOAP_ELINK);
    }
  }
  put(writer, ";", 1);
  put(writer, name, len);
}

void acoap_link_writer_attr(acoap_link_writer_t *writer, const char *name, const char *value,
                            size_t len) {
  if (value == NULL && len > 0) {
    fail(writer, ACOAP_EINVAL);
    return;
  }
  if (has_control(value, len) || !acoap__utf8_valid(value, len)) {
    fail(writer, ACOAP_ELINK);
  }
  put_name(writer, name);
  put(writer, "=\"", 2);
  for (size_t i = 0; i < len; i++) {
    if (value[i] == '"' || value[i] == '\\') {
      put(writer, "\\", 1);
    }
    put(writer, &value[i], 1);
  }
  put(writer, "\"", 1);
}

void acoap_link_writer_uint(acoap_link_writer_t *writer, const char *name, uint32_t value) {
  char digits[12];
  acoap__text_t text;

  acoap__text_init(&text, digits, sizeof(digits));
  acoap__text_put_uint(&text, value);
  put_name(writer, name);
  put(writer, "=", 1);
  put(writer, digits, text.total);
}

void acoap_link_writer_flag(acoap_link_writer_t *writer, const char *name) {
  put_name(writer, name);
}

int acoap_link_writer_finish(const acoap_link_writer_t *writer) {
  if (writer->error != 0) {
    return writer->error;
  }
  if (writer->total <= writer->skip) {
    return 0;
  }
  size_t stored = writer->total - writer->skip;
  return (int)(stored < writer->cap ? stored : writer->cap);
}
