/*
 * Requests of ours and what answers them, as the message layer sees it: responses go up through
 * here.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_REQUEST_LAYER_H
#define ACOAP_EXCHANGE_REQUEST_LAYER_H

#include "exchange/engine.h"

/* The first request installs it in the engine: one that only answers does not carry it. */
typedef struct acoap__request_layer {
  /* A response in a CON or NON (RFC 7252 section 5.3.2). */
  void (*receive)(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *from,
                  const acoap_view_t *view);
} acoap__request_layer_t;

/* The token in an encoded message; false when the bytes end within it. */
bool acoap__token_of(const uint8_t *bytes, size_t len, acoap_bytes_t *token);
bool acoap__token_equal(acoap_bytes_t a, acoap_bytes_t b);

#endif
