/*
 * Answers without a handler and without a request object: what an endpoint that serves nothing
 * says, bare codes under overload, and to what cannot be taken in:
 *
 *     longer than the socket takes, its options whole    4.13   RFC 7252 section 4.6
 *     a token longer than token_max, when that is > 8    4.00   RFC 8974 section 2.2.2
 *
 * Of an endpoint without a handler, an unknown critical option is 4.02 in a CON and rejected
 * silently in a NON (RFC 7252 section 5.4.1), everything else 4.04; a multicast gets no such answer
 * (section 8.2).
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

#include "base/mem.h"
#include "exchange/dedup.h"

/* A header, a token of RFC 7252 and a Max-Age, with room to spare. */
#define BARE_MAX 32

void acoap__inbound_reply_code(acoap_local_endpoint_t *endpoint, acoap_time_t now,
                               const acoap__inbound_t *inbound, const acoap_view_t *view,
                               uint8_t code, uint32_t max_age_s) {
  uint8_t usual[BARE_MAX];
  size_t cap = sizeof(usual);
  uint8_t *bytes = usual;
  acoap_builder_t builder;
  acoap__inbound_t answered = *inbound;
  if (inbound->path->multicast) {
    return;
  }
  if (view->token.len > ACOAP_TOKEN_MAX) {
    cap += view->token.len;
    bytes = acoap__malloc(cap);
  }
  if (bytes == NULL) {
    return;
  }
  acoap_builder_init(&builder, bytes, cap, ACOAP_CON, code, 0, view->token.data, view->token.len);
  if (max_age_s != 0) {
    acoap_builder_uint(&builder, ACOAP_OPTION_MAX_AGE, max_age_s);
  }
  int len = acoap_builder_finish(&builder);
  if (len > 0) {
    /* Lost like any datagram when it fails: the peer asks again. */
    (void)acoap__inbound_reply(&endpoint->engine, now, &answered, bytes, (size_t)len);
  }
  if (bytes != usual) {
    acoap__free(bytes);
  }
}

/* Not deduplicated: nothing was done, a duplicate is told the same. */
static void refuse(acoap_local_endpoint_t *endpoint, acoap_time_t now, const acoap_path_t *path,
                   const acoap_view_t *view, uint8_t code) {
  acoap__inbound_t inbound = {.path = path,
                              .type = view->type,
                              .code = view->code,
                              .message_id = view->message_id,
                              .dedup_slot = ACOAP__DEDUP_NONE};
  if (acoap_code_is_request(view->code) && (view->type == ACOAP_CON || view->type == ACOAP_NON)) {
    acoap__inbound_reply_code(endpoint, now, &inbound, view, code, 0);
  }
}

void acoap__refuse_truncated(acoap_local_endpoint_t *endpoint, acoap_time_t now,
                             const acoap_path_t *path, acoap_bytes_t bytes) {
  acoap_view_t view;
  size_t token_max = endpoint->engine.config.token_max;
  if (acoap_decode(&view, bytes.data, bytes.len, token_max, NULL) == 0 && view.payload.len > 0) {
    refuse(endpoint, now, path, &view, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
  }
}

void acoap__refuse_token(acoap_local_endpoint_t *endpoint, acoap_time_t now,
                         const acoap_path_t *path, acoap_bytes_t bytes) {
  acoap_view_t view;
  if (endpoint->engine.config.token_max > ACOAP_TOKEN_MAX &&
      acoap_decode(&view, bytes.data, bytes.len, ACOAP_TOKEN_EXTENDED_MAX, NULL) == 0) {
    refuse(endpoint, now, path, &view, ACOAP_CODE_BAD_REQUEST);
  }
}

void acoap__default_receive(acoap_local_endpoint_t *endpoint, acoap_time_t now,
                            const acoap__inbound_t *inbound, const acoap_view_t *view) {
  uint8_t code = ACOAP_CODE_NOT_FOUND;
  if (acoap_view_bad_critical_option(view) != 0) {
    if (inbound->type != ACOAP_CON) {
      return;
    }
    code = ACOAP_CODE_BAD_OPTION;
  }
  acoap__inbound_reply_code(endpoint, now, inbound, view, code, 0);
}
