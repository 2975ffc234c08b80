/*
 * What the registry and section 5.4.3 of RFC 7252 make of an option's length.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_OPTION_H
#define ACOAP_MESSAGE_OPTION_H

#include <acoap/option.h>

/* The length lies in the registered range; anything else is to be treated like an unrecognized
 * option. */
static inline bool acoap__option_length_good(const acoap_option_info_t *info, size_t len) {
  return len >= info->length_min && len <= info->length_max;
}

#endif
