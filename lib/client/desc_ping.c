/*
 * A CoAP ping: an Empty CON, whose RST says that the peer is alive (RFC 7252 section 4.3). It has
 * no token and no options; how it travels is in request.c.
 * SPDX-License-Identifier: MIT
 */
#include "client/desc.h"

#include "client/send.h"

/* The RST, or an Empty ACK of a peer that knows no better, is the success. */
static int ping_handle(void *object, acoap_exchange_t *exchange) {
  (void)object;
  return acoap_exchange_status(exchange);
}

const acoap_layer_ops_t acoap__ping_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .handle = ping_handle,
};

acoap_desc_t *acoap_desc_ping(void) {
  acoap__send_t *send = acoap__send_new();
  if (send == NULL) {
    return NULL;
  }
  send->desc.ping = true;
  send->desc.method = ACOAP_CODE_EMPTY;
  acoap__desc_add(&send->desc, &acoap__ping_ops, 1, ACOAP__RANK_FREE, true);
  return &send->desc;
}
