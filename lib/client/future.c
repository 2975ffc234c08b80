/*
 * Futures: a result to come, shared by counting references.
 *
 * The rule: a future settles once, from the loop; dropping its last reference before that cancels
 * what it stands for, silently. Callbacks may do anything to it, also drop it. Knows nothing of
 * requests.
 * SPDX-License-Identifier: MIT
 */
#include "client/future.h"

#include "base/mem.h"

static void call_late(acoap__deferred_t *deferred);
static void closing(acoap__endpoint_user_t *user);

int acoap__future_init(acoap_future_t *future, const acoap__future_ops_t *ops,
                       acoap_local_endpoint_t *endpoint, uint32_t refs) {
  future->user.closing = closing;
  int status = acoap__endpoint_user_add(endpoint, &future->user, false);
  if (status < 0) {
    return status;
  }
  future->ops = ops;
  future->endpoint = endpoint;
  future->refs = refs;
  acoap__list_init(&future->watches);
  acoap__deferred_init(&future->late, call_late);
  return 0;
}

void acoap__future_done(acoap_future_t *future) {
  if (future->endpoint != NULL) {
    acoap__endpoint_user_remove(future->endpoint, &future->user);
    future->endpoint = NULL;
  }
  acoap__deferred_cancel(&future->late);
  future->message = acoap_message_unref(future->message);
}

static void closing(acoap__endpoint_user_t *user) {
  acoap_future_t *future = ACOAP__CONTAINER(user, acoap_future_t, user);
  acoap_local_endpoint_t *endpoint = future->endpoint;
  if (future->ops->detach != NULL) {
    future->busy++;
    future->ops->detach(future);
    future->busy--;
  }
  future->endpoint = NULL;
  acoap__endpoint_user_remove(endpoint, user);
}

/* ---- settling ------------------------------------------------------------------------------- */

/* Call everybody who waits. */
static void tell(acoap_future_t *future) {
  acoap__list_t *node;
  acoap_response_cb done = future->done;
  future->busy++;
  future->done = NULL;
  if (done != NULL && !future->canceled) {
    done(future->done_data, future->status, future->message);
  }
  while ((node = acoap__list_first(&future->watches)) != NULL) {
    acoap__future_watch_t *watch = ACOAP__CONTAINER(node, acoap__future_watch_t, node);
    acoap__list_remove(node);
    watch->settled(watch);
  }
  future->busy--;
  if (future->refs == 0 && future->busy == 0) {
    future->ops->release(future);
  }
}

void acoap__future_settle(acoap_future_t *future, int status, acoap_message_t *message) {
  if (future->settled || future->canceled) {
    return;
  }
  future->settled = true;
  future->status = status;
  future->message = acoap_message_ref(message);
  tell(future);
}

static void call_late(acoap__deferred_t *deferred) {
  tell(ACOAP__CONTAINER(deferred, acoap_future_t, late));
}

void acoap__future_watch_init(acoap__future_watch_t *watch,
                              void (*settled)(acoap__future_watch_t *watch)) {
  acoap__list_init(&watch->node);
  watch->settled = settled;
}

void acoap__future_watch(acoap_future_t *future, acoap__future_watch_t *watch) {
  acoap__list_append(&future->watches, &watch->node);
  if (future->settled && future->endpoint != NULL) {
    acoap__defer(future->endpoint, &future->late);
  }
}

void acoap__future_unwatch(acoap__future_watch_t *watch) {
  acoap__list_remove(&watch->node);
}

/* ---- for users ------------------------------------------------------------------------------ */

acoap_future_t *acoap_future_ref(acoap_future_t *future) {
  if (future != NULL) {
    future->refs++;
  }
  return future;
}

acoap_future_t *acoap_future_unref(acoap_future_t *future) {
  if (future == NULL || --future->refs > 0) {
    return NULL;
  }
  future->busy++;
  if (!future->settled) {
    future->canceled = true;
    future->ops->cancel(future);
  }
  future->busy--;
  if (future->busy == 0) {
    future->ops->release(future);
  }
  return NULL;
}

bool acoap_future_settled(const acoap_future_t *future) {
  return future == NULL || future->settled;
}

int acoap_future_status(const acoap_future_t *future) {
  if (future == NULL) {
    return ACOAP_ENOMEM;
  }
  return future->settled ? future->status : ACOAP_EAGAIN;
}

acoap_message_t *acoap_future_message(const acoap_future_t *future) {
  return future == NULL ? NULL : future->message;
}

acoap_future_t *acoap_future_part(const acoap_future_t *future, size_t n) {
  if (future == NULL || future->ops->part == NULL) {
    return NULL;
  }
  return future->ops->part(future, n);
}

int acoap_future_on_settled(acoap_future_t *future, acoap_response_cb done, void *user_data) {
  if (future == NULL) {
    return ACOAP_ENOMEM;
  }
  if (done == NULL) {
    return ACOAP_EINVAL;
  }
  if (future->done_set) {
    return ACOAP_EBUSY;
  }
  if (future->endpoint == NULL) {
    return ACOAP_ECLOSED;
  }
  future->done_set = true;
  future->done = done;
  future->done_data = user_data;
  if (future->settled) {
    acoap__defer(future->endpoint, &future->late);
  }
  return 0;
}
