/*
 * The Echo option of a client (RFC 9175 section 2.3): a 4.01 with Echo is no result but a question
 * whether we are where we say, or speak now; the same request goes out once more with the value.
 *
 *     request -> 4.01 Echo:x -> the same request with Echo:x -> its answer
 *
 * The layers of the descriptor hear nothing of it, and each of them writes what it wrote before:
 * block-wise transfers go on where they stood. The newest value, also one that came with a success,
 * goes with all later requests of the exchange; it is told to nobody but the endpoint it came from,
 * so an answer of a group is not repeated here. Questions in a row are bounded: who asks again and
 * again is answered no longer, and his 4.01 is the result.
 *
 * SPDX-License-Identifier: MIT
 */
#include "client/send.h"

#include <string.h>

/* Longer and shorter values are not of RFC 9175 (section 2.2.1). */
#define VALUE_LEAST 1u
#define IN_A_ROW_MOST 2u

bool acoap__echo_asked(acoap_exchange_t *exchange, const acoap_view_t *view) {
  const acoap__send_t *send = exchange->send;
  acoap__echo_t *echo = &exchange->echo;
  acoap_bytes_t value;
  bool asked = view->code == ACOAP_CODE_UNAUTHORIZED;
  if (!exchange->follow_up && (send->group || send->desc.multicast != NULL)) {
    return false;
  }
  if (!asked) {
    echo->in_a_row = 0;
  }
  if (!acoap_view_option(view, ACOAP_OPTION_ECHO, 0, &value) || value.len < VALUE_LEAST ||
      value.len > sizeof(echo->value)) {
    return false;
  }
  memcpy(echo->value, value.data, value.len);
  echo->len = (uint8_t)value.len;
  if (!asked || echo->in_a_row >= IN_A_ROW_MOST) {
    return false;
  }
  echo->in_a_row++;
  return true;
}

void acoap__echo_write_request(const acoap_exchange_t *exchange, acoap_builder_t *builder) {
  if (exchange->echo.len > 0) {
    acoap_builder_remove(builder, ACOAP_OPTION_ECHO);
    acoap_builder_option(builder, ACOAP_OPTION_ECHO, exchange->echo.value, exchange->echo.len);
  }
}
