/*
 * Calls in the next turn of the loop: how a result that is known at once still reaches its callback
 * from the loop, never inside the call that asked for it. Each runs once, in the order they were
 * deferred; one deferred by another runs a turn later, so a turn ends. The nodes live in their
 * owners; nothing is allocated.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

void acoap__deferred_init(acoap__deferred_t *deferred, void (*call)(acoap__deferred_t *deferred)) {
  acoap__list_init(&deferred->node);
  deferred->call = call;
}

void acoap__defer(acoap_local_endpoint_t *endpoint, acoap__deferred_t *deferred) {
  if (!acoap__list_empty(&deferred->node)) {
    return;
  }
  acoap__list_append(&endpoint->deferred, &deferred->node);
  acoap__endpoint_touch(endpoint);
}

void acoap__deferred_cancel(acoap__deferred_t *deferred) {
  acoap__list_remove(&deferred->node);
}

void acoap__deferred_run(acoap_local_endpoint_t *endpoint) {
  acoap__list_t due;
  acoap__list_t *node;
  acoap__list_init(&due);
  acoap__list_take(&endpoint->deferred, &due);
  while ((node = acoap__list_first(&due)) != NULL) {
    acoap__deferred_t *deferred = ACOAP__CONTAINER(node, acoap__deferred_t, node);
    acoap__list_remove(node);
    deferred->call(deferred);
  }
}
