/*
 * What the registry and section 5.4 of RFC 7252 make of an option: its length, and whether an
 * endpoint may go on without understanding it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_OPTION_H
#define ACOAP_MESSAGE_OPTION_H

#include <acoap/codec.h>

/*
 * May the message have this option? False: it has not, and no look-up of it has to be made.
 * Answered from the bits that decoding has set (acoap_view_t.present), so it costs nothing to ask
 * for what is seldom there. True says no more than that: look.
 */
static inline bool acoap__view_may_have(const acoap_view_t *view, uint16_t number) {
  return view->present == 0 || (view->present >> (number & 63u) & 1u) != 0;
}

/* What a value of this option has to be. */
typedef struct acoap__option_rule {
  uint16_t number;     /* of the option */
  uint16_t length_max; /* bytes */
  uint8_t length_min;  /* bytes */
  bool repeatable;     /* may occur more than once */
} acoap__option_rule_t;

/* A place below ACOAP__OPTION_PLACES that no two registered numbers share. */
#define ACOAP__OPTION_PLACES 64
#define ACOAP__OPTION_PLACE(number) (((number) ^ (number) >> 7) & (ACOAP__OPTION_PLACES - 1))

/* The rule of a registered option, or NULL. */
const acoap__option_rule_t *acoap__option_rule(uint16_t number);

/* The length lies in the registered range; anything else is to be treated like an unrecognized
 * option. */
static inline bool acoap__option_length_good(const acoap__option_rule_t *rule, size_t len) {
  return len >= rule->length_min && len <= rule->length_max;
}

/* The next option of this number; false when there is none left. The options of one number are one
 * behind the other: going through all of them is going through the message once. */
bool acoap__option_next_of(acoap_option_iter_t *iter, uint16_t number, acoap_bytes_t *value);

/* Does the library do what this number means, as far as it is registered at all? */
bool acoap__option_is_implemented(uint16_t number);
/* Does somebody above understand this option, which the library does not? */
typedef bool (*acoap__understands_cb)(const void *user_data, uint16_t number);
/* As acoap_view_bad_critical_option, with whom to ask besides (NULL: nobody). */
uint16_t acoap__view_unrecognised(const acoap_view_t *view, acoap__understands_cb understands,
                                  const void *user_data);

#endif
