/*
 * Codes and types as numbers and as text (RFC 7252 sections 3 and 12.1).
 * The rule: code = class * 32 + detail, written "c.dd" in decimal. Every code of a class is treated
 * by its class, registered or not; only names need the registry.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/code.h>

#include <acoap/error.h>

#include <string.h>

#include "base/text.h"

bool acoap_code_is_request(uint8_t code) {
  return code >= 1 && code <= 31;
}

bool acoap_code_is_response(uint8_t code) {
  uint8_t class_ = ACOAP_CODE_CLASS(code);

  return class_ == 2 || class_ == 4 || class_ == 5;
}

bool acoap_code_is_success(uint8_t code) {
  return ACOAP_CODE_CLASS(code) == 2;
}

const char *acoap_code_name(uint8_t code) {
  switch (code) {
#define NAME_CASE(name, class_, detail_, text)                                                     \
  case ACOAP_CODE_##name:                                                                          \
    return text;
    ACOAP_CODE_MAP(NAME_CASE)
#undef NAME_CASE
  default:
    return NULL;
  }
}

void acoap_code_format(uint8_t code, char text[5]) {
  uint8_t detail = ACOAP_CODE_DETAIL(code);

  text[0] = (char)('0' + ACOAP_CODE_CLASS(code));
  text[1] = '.';
  text[2] = (char)('0' + detail / 10);
  text[3] = (char)('0' + detail % 10);
  text[4] = '\0';
}

/* "2.05"; false when the text is no code at all. */
static bool parse_dotted(const char *text, size_t len, uint8_t *code) {
  uint64_t class_;
  uint64_t detail;

  if (len != 4 || text[1] != '.' || !acoap__text_read_uint(text, 1, 7, &class_) ||
      !acoap__text_read_uint(text + 2, 2, 31, &detail)) {
    return false;
  }
  *code = ACOAP_CODE(class_, detail);
  return true;
}

int acoap_code_parse(const char *text, size_t len) {
  uint8_t code;

  if (text == NULL) {
    return ACOAP_EINVAL;
  }
  if (parse_dotted(text, len, &code)) {
    return code;
  }
  for (code = 1; acoap_code_is_request(code); code++) {
    const char *name = acoap_code_name(code);
    if (name != NULL && acoap__ascii_equal(text, len, name, strlen(name))) {
      return code;
    }
  }
  return ACOAP_EINVAL;
}

const char *acoap_type_name(acoap_type_t type) {
  switch (type) {
  case ACOAP_CON:
    return "CON";
  case ACOAP_NON:
    return "NON";
  case ACOAP_ACK:
    return "ACK";
  case ACOAP_RST:
    return "RST";
  }
  return NULL;
}
