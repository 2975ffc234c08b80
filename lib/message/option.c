/*
 * The registry of option numbers (RFC 7252 sections 5.4, 5.10 and 12.2) and what a number itself
 * says. The rule: bit 0 critical, bit 1 unsafe to forward, bits 2 to 4 all set with bit 1 clear:
 * not part of the cache key; so an unknown number can be judged too. Reads no messages.
 * SPDX-License-Identifier: MIT
 */
#include "message/option.h"

#include <acoap/error.h>

#include <string.h>

#include "base/text.h"

enum registry_index {
#define INDEX(id, number, name, format, min, max, repeatable, rfc) INDEX_##id,
  ACOAP_OPTION_MAP(INDEX)
#undef INDEX
      REGISTRY_COUNT
};

static const acoap_option_info_t registry[REGISTRY_COUNT] = {
#define ENTRY(id, number, name, format, min, max, repeatable, rfc)                                 \
  {number, name, ACOAP_OPTION_FORMAT_##format, min, max, repeatable, rfc},
    ACOAP_OPTION_MAP(ENTRY)
#undef ENTRY
};

const acoap_option_info_t *acoap_option_lookup(uint16_t number) {
  switch (number) {
#define LOOKUP_CASE(id, number_, name, format, min, max, repeatable, rfc)                          \
  case number_:                                                                                    \
    return &registry[INDEX_##id];
    ACOAP_OPTION_MAP(LOOKUP_CASE)
#undef LOOKUP_CASE
  default:
    return NULL;
  }
}

int acoap_option_by_name(const char *name, size_t len) {
  if (name == NULL) {
    return ACOAP_EINVAL;
  }
  for (size_t i = 0; i < REGISTRY_COUNT; i++) {
    if (acoap__ascii_equal(name, len, registry[i].name, strlen(registry[i].name))) {
      return registry[i].number;
    }
  }
  return ACOAP_EINVAL;
}

bool acoap_option_is_critical(uint16_t number) {
  return (number & 0x01) != 0;
}

bool acoap_option_is_unsafe(uint16_t number) {
  return (number & 0x02) != 0;
}

bool acoap_option_is_no_cache_key(uint16_t number) {
  return (number & 0x1e) == 0x1c;
}

bool acoap__option_next_of(acoap_option_iter_t *iter, uint16_t number, acoap_bytes_t *value) {
  acoap_option_t option;

  while (acoap_option_next(iter, &option) && option.number <= number) {
    if (option.number == number) {
      *value = option.value;
      return true;
    }
  }
  return false;
}
