/*
 * Looks at the options of a decoded message (RFC 7252 sections 3.1, 3.2, 5.4).
 * The rule: number(n + 1) = number(n) + delta(n + 1), so options come in order of their numbers and
 * a search may stop early. Decodes no message and interprets no values but unsigned integers.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/codec.h>

#include "message/option.h"
#include "message/wire.h"

void acoap_option_iter_init(acoap_option_iter_t *iter, const acoap_view_t *view) {
  iter->at = view->options.data;
  iter->end = view->options.len > 0 ? view->options.data + view->options.len : iter->at;
  iter->number = 0;
}

bool acoap_option_next(acoap_option_iter_t *iter, acoap_option_t *option) {
  uint32_t delta;
  uint32_t length;

  if (iter->at == iter->end) {
    return false;
  }
  const uint8_t *value = acoap__option_read(iter->at, iter->end, &delta, &length);
  if (value == NULL || delta > (uint32_t)(UINT16_MAX - iter->number)) {
    iter->at = iter->end; /* a view that acoap_decode did not make */
    return false;
  }
  iter->number = (uint16_t)(iter->number + delta);
  iter->at = value + length;
  option->number = iter->number;
  option->value.data = value;
  option->value.len = length;
  return true;
}

static bool find_option(const acoap_view_t *view, uint16_t number, size_t n, acoap_bytes_t *value) {
  acoap_option_iter_t iter;
  acoap_option_t option;

  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option) && option.number <= number) {
    if (option.number == number && n-- == 0) {
      *value = option.value;
      return true;
    }
  }
  return false;
}

bool acoap_view_option(const acoap_view_t *view, uint16_t number, size_t n, acoap_bytes_t *value) {
  bool absent = view->present != 0 && (view->present & acoap__present_bit(number)) == 0;

  return !absent && view->options.len > 0 && find_option(view, number, n, value);
}

bool acoap_view_uint(const acoap_view_t *view, uint16_t number, uint32_t *value) {
  acoap_bytes_t bytes;

  if (!acoap_view_option(view, number, 0, &bytes)) {
    return false;
  }
  const acoap__option_rule_t *rule = acoap__option_rule(number);
  return (rule == NULL || acoap__option_length_good(rule, bytes.len)) &&
         acoap_uint_decode(bytes, value);
}

/* Numbers that are registered, but unrecognised (section 5.4.1) to an endpoint that does not say
 * otherwise: implemented nowhere in the library, or (Q-Block1, Q-Block2) not by all of its parts.
 */
bool acoap__option_is_implemented(uint16_t number) {
  switch (number) {
  case ACOAP_OPTION_OSCORE:
  case ACOAP_OPTION_URI_PATH_ABBREV:
  case ACOAP_OPTION_Q_BLOCK1:
  case ACOAP_OPTION_EDHOC:
  case ACOAP_OPTION_Q_BLOCK2:
    return false;
  default:
    return true;
  }
}

static bool is_recognised(const acoap_option_t *option, uint16_t last) {
  const acoap__option_rule_t *rule = acoap__option_rule(option->number);

  return rule != NULL && acoap__option_is_implemented(option->number) &&
         acoap__option_length_good(rule, option->value.len) &&
         (option->number != last || rule->repeatable);
}

uint16_t acoap__view_unrecognised(const acoap_view_t *view, acoap__understands_cb understands,
                                  const void *user_data) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  uint16_t last = 0; /* no option has the number 0 in the registry, and 0 is not critical */

  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    if (acoap_option_is_critical(option.number) && !is_recognised(&option, last) &&
        (understands == NULL || !understands(user_data, option.number))) {
      return option.number;
    }
    last = option.number;
  }
  return 0;
}

uint16_t acoap_view_bad_critical_option(const acoap_view_t *view) {
  return acoap__view_unrecognised(view, NULL, NULL);
}

bool acoap_uint_decode(acoap_bytes_t value, uint32_t *number) {
  uint32_t sum = 0;

  if (value.len > 4) {
    return false;
  }
  for (size_t i = 0; i < value.len; i++) {
    sum = sum << 8 | value.data[i];
  }
  *number = sum;
  return true;
}

size_t acoap_uint_encode(uint32_t number, uint8_t bytes[4]) {
  size_t len = 0;

  for (int shift = 24; shift >= 0; shift -= 8) {
    if (number >> shift != 0) {
      bytes[len++] = (uint8_t)(number >> shift);
    }
  }
  return len;
}
