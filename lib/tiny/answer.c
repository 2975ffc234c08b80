/*
 * Writing an answer where it leaves from (RFC 7252 section 5.2): the builder stands in the outgoing
 * buffer from the first byte on. An answer that failed, or does not fit, becomes 5.00. Sends
 * nothing.
 * SPDX-License-Identifier: MIT
 */
#include "tiny/answer.h"

static uint8_t usual_code(uint8_t method) {
  switch (method) {
  case ACOAP_CODE_GET:
  case ACOAP_CODE_FETCH:
    return ACOAP_CODE_CONTENT;
  case ACOAP_CODE_DELETE:
    return ACOAP_CODE_DELETED;
  default:
    return ACOAP_CODE_CHANGED;
  }
}

void acoap__tiny_answer_init(acoap_builder_t *answer, uint8_t *bytes, size_t cap,
                             const acoap_view_t *request) {
  acoap_builder_init(answer, bytes, cap, ACOAP_ACK, usual_code(request->code), request->message_id,
                     request->token.data, request->token.len);
}

void acoap_tiny_error(acoap_builder_t *answer, uint8_t code) {
  if (answer->options_at > 0) {
    answer->len = answer->options_at;
    answer->payload_at = 0;
    answer->last_number = 0;
    answer->error = 0;
    acoap_builder_code(answer, code);
  }
}

uint8_t acoap__tiny_unwanted(const acoap_view_t *request, bool multicast) {
  uint32_t unwanted;

  if (!acoap_view_uint(request, ACOAP_OPTION_NO_RESPONSE, &unwanted)) {
    unwanted = 0;
  }
  return (uint8_t)(unwanted | (multicast ? 1u << 3 | 1u << 4 : 0u));
}

bool acoap__tiny_is_unwanted(uint8_t unwanted, uint8_t code) {
  return (unwanted >> (ACOAP_CODE_CLASS(code) - 1) & 1) != 0;
}

int acoap__tiny_answer_write(int (*serve)(const acoap_tiny_request_t *, acoap_builder_t *),
                             const acoap_tiny_request_t *request, acoap_builder_t *answer,
                             size_t *len) {
  int verdict = serve(request, answer);

  if (verdict > ACOAP_TINY_SEND) {
    return verdict;
  }
  int length = acoap_builder_finish(answer);
  if (verdict < 0 || length < 0 || ACOAP_CODE_CLASS(answer->bytes[1]) < 2 ||
      ACOAP_CODE_CLASS(answer->bytes[1]) > 5) {
    acoap_tiny_error(answer, ACOAP_CODE_INTERNAL_SERVER_ERROR);
    length = acoap_builder_finish(answer);
  }
  *len = (size_t)length;
  return acoap__tiny_is_unwanted(acoap__tiny_unwanted(request->view, request->multicast),
                                 answer->bytes[1])
             ? ACOAP_TINY_SILENT
             : ACOAP_TINY_SEND;
}
