/*
 * What the registry of option numbers demands of a value (RFC 7252 sections 5.4.3, 5.4.5, 5.10):
 * the part of it that judging a message needs, without the names. Numbers ascend, so half of the
 * table is left out with each look.
 * SPDX-License-Identifier: MIT
 */
#include "message/option.h"

static const acoap__option_rule_t rules[] = {
#define RULE(id, number, name, format, min, max, repeatable, rfc) {number, max, min, repeatable},
    ACOAP_OPTION_MAP(RULE)
#undef RULE
};

const acoap__option_rule_t *acoap__option_rule(uint16_t number) {
  size_t first = 0;
  size_t behind = sizeof(rules) / sizeof(rules[0]);

  while (first < behind) {
    size_t middle = (first + behind) / 2;
    if (rules[middle].number == number) {
      return &rules[middle];
    }
    if (rules[middle].number < number) {
      first = middle + 1;
    } else {
      behind = middle;
    }
  }
  return NULL;
}
