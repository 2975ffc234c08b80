/*
 * What the registry of option numbers demands of a value (RFC 7252 sections 5.4.3, 5.4.5, 5.10):
 * the part of it that judging a message needs, without the names. Each registered number has a
 * place of its own among 64, so one look finds it.
 * SPDX-License-Identifier: MIT
 */
#include "message/option.h"

enum rule_index {
#define INDEX(id, number, name, format, min, max, repeatable, rfc) INDEX_##id,
  ACOAP_OPTION_MAP(INDEX)
#undef INDEX
      RULE_COUNT
};

static const acoap__option_rule_t rules[RULE_COUNT] = {
#define RULE(id, number, name, format, min, max, repeatable, rfc) {number, max, min, repeatable},
    ACOAP_OPTION_MAP(RULE)
#undef RULE
};

/* 1 and the index of the rule at each place; 0: none. A place that two numbers shared would be
 * written twice here, which the compiler tells. */
static const uint8_t places[ACOAP__OPTION_PLACES] = {
#define PLACE(id, number, name, format, min, max, repeatable, rfc)                                 \
  [ACOAP__OPTION_PLACE(number)] = INDEX_##id + 1,
    ACOAP_OPTION_MAP(PLACE)
#undef PLACE
};

const acoap__option_rule_t *acoap__option_rule(uint16_t number) {
  uint8_t place = places[ACOAP__OPTION_PLACE(number)];

  return place != 0 && rules[place - 1].number == number ? &rules[place - 1] : NULL;
}
