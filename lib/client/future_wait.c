/*
 * Running the loop until a future settles, for tools and tests. The only call that blocks; a loop
 * is not re-entrant, so inside a callback of the endpoint it answers ACOAP_EBUSY.
 * SPDX-License-Identifier: MIT
 */
#include "client/future.h"

int acoap_future_wait(acoap_future_t *future) {
  if (future == NULL) {
    return ACOAP_ENOMEM;
  }
  if (future->endpoint != NULL && acoap__local_endpoint_in_turn(future->endpoint)) {
    return ACOAP_EBUSY;
  }
  if (!future->settled && future->endpoint == NULL) {
    return ACOAP_ECLOSED;
  }
  int status = 0;
  acoap_future_ref(future);
  while (!future->settled && future->endpoint != NULL && status >= 0) {
    acoap_host_t *host = acoap__local_endpoint_host(future->endpoint);
    status = host->ops->run_once(host);
  }
  if (future->settled) {
    status = future->status;
  } else if (status >= 0) {
    status = ACOAP_ECLOSED;
  }
  acoap_future_unref(future);
  return status;
}
