/*
 * The filter of discovery (RFC 6690 section 4.1): every Uri-Query of the request has to fit a link.
 * A file of its own, so that a server without filters does not carry it.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/link.h>

#include <string.h>

#include "tiny/well_known.h"

static bool fits(const acoap_view_t *request, const acoap_tiny_resource_t *row) {
  acoap_link_t link = {.target = {(const uint8_t *)row->path, strlen(row->path)},
                       .params = {(const uint8_t *)row->attributes, strlen(row->attributes)}};
  acoap_bytes_t query;

  for (size_t n = 0; acoap_view_option(request, ACOAP_OPTION_URI_QUERY, n, &query); n++) {
    if (!acoap_link_matches(&link, (const char *)query.data, query.len)) {
      return false;
    }
  }
  return true;
}

int acoap_tiny_well_known_filtered(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  return acoap__tiny_list(request, answer, fits);
}
