/*
 * Decodes one datagram into a view over its bytes, in one pass (RFC 7252 section 3, RFC 8974
 * section 2.1). The rule: what section 3 calls a message format error is one, and nothing else is.
 * Option lengths out of their registered range (section 5.4.3), unknown options and reserved code
 * classes are for those who use the message. Copies nothing.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/codec.h>

#include <string.h>

#include "message/wire.h"

extern inline const uint8_t *acoap__extension_read(const uint8_t *at, const uint8_t *end,
                                                   uint32_t *number);
extern inline const uint8_t *acoap__option_read(const uint8_t *at, const uint8_t *end,
                                                uint32_t *delta, uint32_t *length);

/*
 * Find the token behind the header. 9 to 12 and the extended lengths exist only for those who take
 * tokens of RFC 8974, that is, with a token_max above 8. Returns the byte behind the token; NULL
 * with *error and *wrong on failure.
 */
static const uint8_t *decode_token(acoap_view_t *view, const uint8_t *bytes, const uint8_t *end,
                                   size_t token_max, int *error, const uint8_t **wrong) {
  uint32_t length = bytes[0] & 15u;
  const uint8_t *at = bytes + ACOAP__HEADER_LEN;

  if (length > ACOAP_TOKEN_MAX && (length == 15 || token_max <= ACOAP_TOKEN_MAX)) {
    *error = ACOAP_ETOKEN;
    *wrong = bytes;
    return NULL;
  }
  if (length >= 13 && (at = acoap__extension_read(at, end, &length)) == NULL) {
    *error = ACOAP_EFORMAT;
    *wrong = end;
    return NULL;
  }
  if ((size_t)(end - at) < length) {
    *error = ACOAP_EFORMAT;
    *wrong = end;
    return NULL;
  }
  if (length > token_max) {
    *error = ACOAP_ETOKEN;
    *wrong = (bytes[0] & 15u) >= 13 ? bytes + ACOAP__HEADER_LEN : bytes;
    return NULL;
  }
  view->token.data = at;
  view->token.len = length;
  return at + length;
}

/* Check the options and find the payload. Returns NULL, or the first byte that is wrong with
 * *error. */
static const uint8_t *decode_options(acoap_view_t *view, const uint8_t *at, const uint8_t *end,
                                     int *error) {
  uint32_t number = 0;
  uint64_t present = ACOAP__PRESENT_KNOWN;

  view->options.data = at;
  while (at < end) {
    const uint8_t *option = at;
    uint32_t delta;
    uint32_t length;
    if (*at == ACOAP__PAYLOAD_MARKER) {
      if (end - at == 1) {
        *error = ACOAP_EPAYLOAD;
        return at;
      }
      view->payload.data = at + 1;
      view->payload.len = (size_t)(end - at - 1);
      break;
    }
    at = acoap__option_read(at, end, &delta, &length);
    if (at == NULL || (number += delta) > UINT16_MAX) {
      *error = ACOAP_EOPTION;
      return option;
    }
    at += length;
    present |= acoap__present_bit(number);
  }
  view->present = present;
  view->options.len = (size_t)(at - view->options.data);
  return NULL;
}

static void decode_header(acoap_view_t *view, const uint8_t *bytes) {
  memset(view, 0, sizeof(*view));
  view->type = (acoap_type_t)(bytes[0] >> 4 & 3);
  view->code = bytes[1];
  view->message_id = (uint16_t)(bytes[2] << 8 | bytes[3]);
}

int acoap_decode(acoap_view_t *view, const uint8_t *bytes, size_t len, size_t token_max,
                 size_t *offset) {
  const uint8_t *wrong;
  int error = ACOAP_EFORMAT;

  if (view == NULL || (bytes == NULL && len > 0)) {
    return ACOAP_EINVAL;
  }
  const uint8_t *end = len > 0 ? bytes + len : bytes;
  if (len > 0 && bytes[0] >> 6 != 1) {
    error = ACOAP_EVERSION;
    wrong = bytes;
    goto fail;
  }
  if (len < ACOAP__HEADER_LEN) {
    wrong = end;
    goto fail;
  }
  decode_header(view, bytes);
  if (view->code == ACOAP_CODE_EMPTY && (len > ACOAP__HEADER_LEN || (bytes[0] & 15u) != 0)) {
    wrong = (bytes[0] & 15u) != 0 ? bytes : bytes + ACOAP__HEADER_LEN;
    goto fail;
  }
  const uint8_t *at = decode_token(view, bytes, end, token_max, &error, &wrong);
  if (at != NULL && (wrong = decode_options(view, at, end, &error)) == NULL) {
    return 0;
  }
  decode_header(view, bytes); /* nothing else stays of it */

fail:
  if (offset != NULL) {
    *offset = bytes != NULL ? (size_t)(wrong - bytes) : 0;
  }
  return error;
}
