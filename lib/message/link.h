/*
 * Attributes of link-format that the parser and the filter share.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_LINK_H
#define ACOAP_MESSAGE_LINK_H

#include <acoap/link.h>

/*
 * One character of an attribute's value, without its backslash when it has one: false at the end,
 * else *c is set and *at moves on.
 */
static inline bool acoap__link_value_next(const acoap_link_attr_t *attr, size_t *at, char *c) {
  if (attr->quoted && *at + 1 < attr->value.len && attr->value.data[*at] == '\\') {
    ++*at;
  }
  if (*at >= attr->value.len) {
    return false;
  }
  *c = (char)attr->value.data[(*at)++];
  return true;
}

#endif
