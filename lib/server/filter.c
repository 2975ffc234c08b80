/*
 * Filters of links (RFC 6690 section 4.1), of /.well-known/core, of groups and of directories. The
 * rules:
 *
 *     a link is given if it passes every Uri-Query; an empty one is passed by all
 *     "name" alone asks for the attribute
 *     one without a name that can be an attribute's: no filter
 *     more than 16: none either, since every link is compared with every one
 *
 * Compares one link with one filter by <acoap/link.h>.
 * SPDX-License-Identifier: MIT
 */
#include "server/attributes.h"

#include <string.h>

#include "message/option.h"

#define FILTERS_MAX 16

const char acoap__no_filter[] = "Uri-Query is no filter of RFC 6690 section 4.1";

/* Can this be the left side of a filter? Attributes' names have no characters beyond these. */
static bool is_filter(acoap_bytes_t query) {
  size_t len = 0;
  while (len < query.len && query.data[len] != '=') {
    uint8_t c = query.data[len];
    if (c <= ' ' || c >= 0x7f || memchr("\"(),/:;<>?@[\\]{}", c, 16) != NULL) {
      return false;
    }
    len++;
  }
  return len > 0 || query.len == 0;
}

bool acoap__filters_are_valid(const acoap_view_t *request) {
  acoap_option_iter_t iter;
  acoap_bytes_t query;
  size_t count = 0;
  acoap_option_iter_init(&iter, request);
  while (acoap__option_next_of(&iter, ACOAP_OPTION_URI_QUERY, &query)) {
    if (++count > FILTERS_MAX || !is_filter(query)) {
      return false;
    }
  }
  return true;
}

bool acoap__filters_pass(const acoap_view_t *request, const acoap_link_t *link) {
  acoap_option_iter_t iter;
  acoap_bytes_t query;
  acoap_option_iter_init(&iter, request);
  while (acoap__option_next_of(&iter, ACOAP_OPTION_URI_QUERY, &query)) {
    if (!acoap_link_matches(link, (const char *)query.data, query.len)) {
      return false;
    }
  }
  return true;
}
