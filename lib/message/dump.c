/*
 * A message as one line of text, for people:
 *
 *     CON GET MID=7d34 T=20 Uri-Path:temperature Accept:text/plain | 5 bytes
 *
 * The rule: a value is read by its registered format when it has a registered length, else as
 * bytes; what is not printable UTF-8 is escaped, so that a peer cannot write on the terminal; the
 * text never exceeds its room. Not made to be parsed.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/block.h>

#include "base/text.h"
#include "base/utf8.h"
#include "message/option.h"

enum { OBSERVE_REGISTER = 0, OBSERVE_DEREGISTER = 1 };

static bool is_control(const uint8_t *bytes, size_t char_len) {
  return (char_len == 1 && (bytes[0] < 0x20 || bytes[0] == 0x7f)) ||
         (char_len == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0); /* U+0080 to U+009F */
}

/* UTF-8 as it is; control characters, '\' and bytes that are no UTF-8 as "\x0a". */
static void put_string(acoap__text_t *text, acoap_bytes_t value) {
  const uint8_t *at = value.data;
  size_t left = value.len;

  while (left > 0) {
    size_t len = acoap__utf8_char(at, left);
    if (len > 0 && *at != '\\' && !is_control(at, len)) {
      acoap__text_put_n(text, at, len);
    } else {
      len = len > 0 ? len : 1;
      for (size_t i = 0; i < len; i++) {
        acoap__text_put(text, "\\x");
        acoap__text_put_hex(text, &at[i], 1);
      }
    }
    at += len;
    left -= len;
  }
}

static void put_opaque(acoap__text_t *text, acoap_bytes_t value) {
  acoap__text_put(text, "0x");
  acoap__text_put_hex(text, value.data, value.len);
}

/* "3/1/64": number, more, size in bytes (RFC 7959 section 3). */
static void put_block(acoap__text_t *text, uint32_t number) {
  uint8_t szx = number & 7;

  acoap__text_put_uint(text, number >> 4);
  acoap__text_put(text, (number & 8) != 0 ? "/1/" : "/0/");
  if (szx == 7) {
    acoap__text_put(text, "BERT");
  } else {
    acoap__text_put_uint(text, acoap_block_size(szx));
  }
}

static void put_uint(acoap__text_t *text, uint16_t option_number, uint32_t number) {
  const char *name;

  switch (option_number) {
  case ACOAP_OPTION_BLOCK1:
  case ACOAP_OPTION_BLOCK2:
  case ACOAP_OPTION_Q_BLOCK1:
  case ACOAP_OPTION_Q_BLOCK2:
    put_block(text, number);
    return;
  case ACOAP_OPTION_CONTENT_FORMAT:
  case ACOAP_OPTION_ACCEPT:
    name = acoap_content_format_name((int)number);
    if (name != NULL) {
      acoap__text_put(text, name);
      return;
    }
    break;
  default:
    break;
  }
  acoap__text_put_uint(text, number);
}

static void put_value(acoap__text_t *text, const acoap_option_t *option) {
  const acoap_option_info_t *info = acoap_option_lookup(option->number);
  uint32_t number;

  if (info == NULL || option->value.len < info->length_min ||
      option->value.len > info->length_max) {
    put_opaque(text, option->value);
    return;
  }
  switch (info->format) {
  case ACOAP_OPTION_FORMAT_EMPTY:
    break;
  case ACOAP_OPTION_FORMAT_OPAQUE:
    put_opaque(text, option->value);
    break;
  case ACOAP_OPTION_FORMAT_UINT:
    if (acoap_uint_decode(option->value, &number)) {
      put_uint(text, option->number, number);
    }
    break;
  case ACOAP_OPTION_FORMAT_STRING:
    put_string(text, option->value);
    break;
  }
}

/* " Uri-Path:temperature", " If-None-Match", " 65000:0x01" */
static void put_option(acoap__text_t *text, const acoap_option_t *option, bool is_request) {
  const acoap_option_info_t *info = acoap_option_lookup(option->number);
  uint32_t number;

  acoap__text_put(text, " ");
  if (info == NULL) {
    acoap__text_put_uint(text, option->number);
  } else {
    acoap__text_put(text, info->name);
    if (info->format == ACOAP_OPTION_FORMAT_EMPTY && option->value.len == 0) {
      return;
    }
  }
  acoap__text_put(text, ":");
  if (is_request && option->number == ACOAP_OPTION_OBSERVE && option->value.len <= 3 &&
      acoap_uint_decode(option->value, &number) && number <= OBSERVE_DEREGISTER) {
    acoap__text_put(text, number == OBSERVE_REGISTER ? "register" : "deregister");
    return;
  }
  put_value(text, option);
}

static void put_code(acoap__text_t *text, uint8_t code) {
  const char *name = acoap_code_name(code);
  char dotted[5];

  acoap_code_format(code, dotted);
  if (name == NULL) {
    acoap__text_put(text, dotted);
  } else if (code <= 31) {
    acoap__text_put(text, name); /* Empty and the methods are known by name */
  } else {
    acoap__text_put(text, dotted);
    acoap__text_put(text, " ");
    acoap__text_put(text, name);
  }
}

/* Returns the stored length; a text that was cut ends in "..." behind a whole character. */
static size_t finish(const acoap__text_t *text) {
  if (acoap__text_fits(text)) {
    return text->total;
  }
  if (text->cap < 4) {
    return text->cap > 0 ? text->cap - 1 : 0;
  }
  size_t len = text->cap - 4;
  while (len > 0 && ((uint8_t)text->chars[len] & 0xc0) == 0x80) {
    len--;
  }
  for (int i = 0; i < 3; i++) {
    text->chars[len++] = '.';
  }
  text->chars[len] = '\0';
  return len;
}

size_t acoap_option_format_value(const acoap_option_t *option, char *text, size_t cap) {
  acoap__text_t out;

  if (option == NULL || (text == NULL && cap > 0)) {
    return 0;
  }
  acoap__text_init(&out, text, cap);
  put_value(&out, option);
  return finish(&out);
}

size_t acoap_view_format(const acoap_view_t *view, char *text, size_t cap) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap__text_t out;

  if (view == NULL || (text == NULL && cap > 0)) {
    return 0;
  }
  const char *type = acoap_type_name(view->type);
  uint8_t message_id[2] = {(uint8_t)(view->message_id >> 8), (uint8_t)view->message_id};
  acoap__text_init(&out, text, cap);
  acoap__text_put(&out, type != NULL ? type : "?");
  acoap__text_put(&out, " ");
  put_code(&out, view->code);
  acoap__text_put(&out, " MID=");
  acoap__text_put_hex(&out, message_id, sizeof(message_id));
  if (view->token.len > 0) {
    acoap__text_put(&out, " T=");
    acoap__text_put_hex(&out, view->token.data, view->token.len);
  }
  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    put_option(&out, &option, acoap_code_is_request(view->code));
  }
  if (view->payload.len > 0) {
    acoap__text_put(&out, " | ");
    acoap__text_put_uint(&out, view->payload.len);
    acoap__text_put(&out, view->payload.len == 1 ? " byte" : " bytes");
  }
  return finish(&out);
}
