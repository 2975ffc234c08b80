/*
 * Everything that lives on an endpoint and has to be settled when it closes, and the question
 * whether an unreferenced endpoint keeps its loop alive: it does while outstanding users > 0.
 * Settles nothing itself (close.c).
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

/* Is it registered? One that never was may be zeroed memory. */
static bool registered(const acoap__endpoint_user_t *user) {
  return user->node.next != NULL && !acoap__list_empty(&user->node);
}

int acoap__endpoint_user_add(acoap_local_endpoint_t *endpoint, acoap__endpoint_user_t *user,
                             bool outstanding) {
  acoap__list_init(&user->node);
  if (endpoint->state != ACOAP__ENDPOINT_OPEN) {
    return ACOAP_ECLOSED;
  }
  acoap__list_append(&endpoint->users, &user->node);
  user->outstanding = outstanding;
  if (outstanding) {
    endpoint->outstanding++;
    acoap__endpoint_touch(endpoint);
  }
  return 0;
}

void acoap__endpoint_user_add_late(acoap_local_endpoint_t *endpoint, acoap__endpoint_user_t *user,
                                   bool outstanding) {
  acoap__list_append(&endpoint->users, &user->node);
  user->outstanding = outstanding;
  endpoint->outstanding += outstanding ? 1u : 0u;
}

void acoap__endpoint_user_set_outstanding(acoap_local_endpoint_t *endpoint,
                                          acoap__endpoint_user_t *user, bool outstanding) {
  if (!registered(user) || user->outstanding == outstanding) {
    return;
  }
  user->outstanding = outstanding;
  if (outstanding) {
    endpoint->outstanding++;
  } else {
    endpoint->outstanding--;
  }
  acoap__endpoint_touch(endpoint);
}

void acoap__endpoint_user_remove(acoap_local_endpoint_t *endpoint, acoap__endpoint_user_t *user) {
  if (!registered(user)) {
    return;
  }
  acoap__endpoint_user_set_outstanding(endpoint, user, false);
  acoap__list_remove(&user->node);
}
