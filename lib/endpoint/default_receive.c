/*
 * Answers without a handler and without a request object: what an endpoint that serves nothing
 * says, and bare codes under overload. An unknown critical option is 4.02 in a CON and rejected
 * silently in a NON (RFC 7252 section 5.4.1), everything else 4.04; a multicast gets no such answer
 * (section 8.2).
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

/* A header, a token of RFC 7252 and a Max-Age, with room to spare; longer tokens get no bare
 * answer. */
#define BARE_MAX 32

void acoap__inbound_reply_code(acoap_local_endpoint_t *endpoint, acoap_time_t now,
                               const acoap__inbound_t *inbound, const acoap_view_t *view,
                               uint8_t code, uint32_t max_age_s) {
  uint8_t bytes[BARE_MAX];
  acoap_builder_t builder;
  acoap__inbound_t answered = *inbound;
  if (inbound->path.multicast) {
    return;
  }
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, code, 0, view->token.data,
                     view->token.len);
  if (max_age_s != 0) {
    acoap_builder_uint(&builder, ACOAP_OPTION_MAX_AGE, max_age_s);
  }
  int len = acoap_builder_finish(&builder);
  if (len > 0) {
    /* Lost like any datagram when it fails: the peer asks again. */
    (void)acoap__inbound_reply(&endpoint->engine, now, &answered, bytes, (size_t)len);
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
