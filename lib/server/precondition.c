/*
 * Preconditions and validation (RFC 7252 sections 5.10.8 and 5.10.6.2): judged before anything is
 * done for the request. The rule:
 *     If-Match:       exists and (a value is empty or one of them is the ETag), else 4.12
 *     If-None-Match:  does not exist, else 4.12
 *     ETag:           of a GET or FETCH, exists and one of them is the ETag: 2.03
 * Preconditions come before validation. Looks for no representation and writes no answer.
 * SPDX-License-Identifier: MIT
 */
#include "server/server.h"

#include <string.h>

#include "message/option.h"

/* Is the ETag among the values of this option? */
static bool is_among(const acoap_view_t *request, uint16_t number, acoap_bytes_t etag) {
  acoap_option_iter_t iter;
  acoap_bytes_t value;
  acoap_option_iter_init(&iter, request);
  while (acoap__option_next_of(&iter, number, &value)) {
    if (value.len == etag.len && etag.len > 0 && memcmp(value.data, etag.data, etag.len) == 0) {
      return true;
    }
  }
  return false;
}

/* Section 5.10.8.1: no If-Match is met as well. */
static bool match_is_met(const acoap_view_t *request, bool exists, acoap_bytes_t etag) {
  acoap_option_iter_t iter;
  acoap_bytes_t value;
  bool asked = false;
  acoap_option_iter_init(&iter, request);
  while (acoap__option_next_of(&iter, ACOAP_OPTION_IF_MATCH, &value)) {
    asked = true;
    if (value.len == 0) {
      return exists;
    }
  }
  return !asked || (exists && is_among(request, ACOAP_OPTION_IF_MATCH, etag));
}

bool acoap__etag_known(const acoap_view_t *request, acoap_bytes_t etag) {
  return (request->code == ACOAP_CODE_GET || request->code == ACOAP_CODE_FETCH) &&
         is_among(request, ACOAP_OPTION_ETAG, etag);
}

int acoap__precondition(const acoap_view_t *request, bool exists, const void *etag_data,
                        size_t etag_len) {
  acoap_bytes_t etag = {etag_data, etag_len};
  acoap_bytes_t value;
  if (!match_is_met(request, exists, etag) ||
      (exists && acoap_view_option(request, ACOAP_OPTION_IF_NONE_MATCH, 0, &value))) {
    return ACOAP_CODE_PRECONDITION_FAILED;
  }
  return exists && acoap__etag_known(request, etag) ? ACOAP_CODE_VALID : 0;
}
