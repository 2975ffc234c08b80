/*
 * Asking for blocks ahead of the layer that puts them together: several requests of one transfer in
 * flight (window.c). The layers stay in lock-step: each block is handed to them in its turn.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CLIENT_WINDOW_H
#define ACOAP_CLIENT_WINDOW_H

#include <acoap/desc.h>

#define ACOAP__WINDOW_MAX 128u /* requests in flight that a descriptor may ask for */

typedef struct acoap__window acoap__window_t;

/* What a block-wise layer says about its next request; written with ACOAP_SEND_NEXT. */
typedef struct acoap__ahead {
  uint32_t most;      /* requests in flight; 0 and 1: none ahead of the next */
  uint32_t num;       /* the block that the next request is about */
  uint8_t szx;        /* its size */
  bool upload;        /* Block1; otherwise Block2 */
  bool qblock;        /* Q-Block2: qblock2.c brings it */
  acoap_bytes_t etag; /* then: of the representation, lent by the layer; data NULL: unknown */
} acoap__ahead_t;

/* Is the next request of this exchange one that others may go along with? */
bool acoap__window_applies(const acoap_exchange_t *exchange);
/* In the place of one request: send what may be in flight, and give the block that the layers wait
 * for when it is here. 0 or a negative error. */
int acoap__window_next(acoap_exchange_t *exchange);
/* Do the layers wait for a block of it? */
bool acoap__window_waits(const acoap_exchange_t *exchange);
/* Forget what is in flight and what is kept. Harmless without a window. */
void acoap__window_stop(acoap_exchange_t *exchange);
/* Stop and free it. */
void acoap__window_free(acoap_exchange_t *exchange);

#endif
