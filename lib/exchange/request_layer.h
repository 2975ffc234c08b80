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
  /* The open interaction that a response in a CON or NON belongs to (RFC 7252 section 5.3.2); NULL,
   * counted, when there is none. */
  acoap__interaction_t *(*match)(acoap__engine_t *engine, const acoap_path_t *from,
                                 const acoap_view_t *view);
  /*
   * May the response be used, or has it a critical option that nobody understands (section 5.4.1)?
   * Then it has to be rejected.
   */
  bool (*accepts)(const acoap__interaction_t *interaction, const acoap_view_t *view);
  /* It was rejected: the interaction fails, unless it is with a group, where others may answer. */
  void (*rejected)(acoap__engine_t *engine, acoap_time_t now, acoap__interaction_t *interaction);
  /* Hand a response up to the interaction that it matched. */
  void (*response)(acoap__engine_t *engine, acoap_time_t now, acoap__interaction_t *interaction,
                   const acoap_path_t *from, const acoap_view_t *view, bool piggybacked);
} acoap__request_layer_t;

/* The token in an encoded message; false when the bytes end within it. */
bool acoap__token_of(const uint8_t *bytes, size_t len, acoap_bytes_t *token);
bool acoap__token_equal(acoap_bytes_t a, acoap_bytes_t b);

#endif
