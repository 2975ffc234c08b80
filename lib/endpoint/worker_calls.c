/*
 * Calls from other threads to a worker: a list under the workers' mutex, and a signal to the loop.
 * A call that was accepted runs, in order, before the worker's teardown; one to a worker that is
 * not up is refused, since nobody knows whether it will be. Decides nothing about lives.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/workers.h"

#include "base/mem.h"

typedef struct worker_call {
  acoap__list_t node;        /* in the worker's list */
  acoap_worker_call_cb call; /* what to do */
  void *user_data;           /* handed to it */
} worker_call_t;

static worker_call_t *call_new(acoap_worker_call_cb call, void *user_data) {
  worker_call_t *made = acoap__malloc(sizeof(*made));
  if (made != NULL) {
    made->call = call;
    made->user_data = user_data;
  }
  return made;
}

void acoap__worker_signal(acoap_worker_t *worker) {
  uv_async_send(&worker->async);
}

/* With the mutex held. */
static bool append(acoap_worker_t *worker, worker_call_t *call) {
  if (worker->state != ACOAP__WORKER_UP) {
    return false;
  }
  acoap__list_append(&worker->calls, &call->node);
  acoap__worker_signal(worker);
  return true;
}

int acoap_workers_post(acoap_workers_t *workers, size_t n, acoap_worker_call_cb call,
                       void *user_data) {
  if (workers == NULL || n >= workers->count || call == NULL) {
    return ACOAP_EINVAL;
  }
  worker_call_t *made = call_new(call, user_data);
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  uv_mutex_lock(&workers->mutex);
  bool accepted = append(&workers->list[n], made);
  uv_mutex_unlock(&workers->mutex);
  if (!accepted) {
    acoap__free(made);
    return ACOAP_EAGAIN;
  }
  return 0;
}

static void free_calls(acoap__list_t *calls) {
  acoap__list_t *node;
  while ((node = acoap__list_first(calls)) != NULL) {
    acoap__list_remove(node);
    acoap__free(ACOAP__CONTAINER(node, worker_call_t, node));
  }
}

int acoap_workers_post_all(acoap_workers_t *workers, acoap_worker_call_cb call, void *user_data) {
  acoap__list_t spare;
  int posted = 0;
  if (workers == NULL || call == NULL) {
    return ACOAP_EINVAL;
  }
  acoap__list_init(&spare);
  for (size_t n = 0; n < workers->count; n++) {
    worker_call_t *made = call_new(call, user_data);
    if (made == NULL) {
      free_calls(&spare);
      return ACOAP_ENOMEM;
    }
    acoap__list_append(&spare, &made->node);
  }
  uv_mutex_lock(&workers->mutex);
  for (size_t n = 0; n < workers->count; n++) {
    acoap__list_t *node = acoap__list_first(&spare);
    acoap__list_remove(node);
    if (append(&workers->list[n], ACOAP__CONTAINER(node, worker_call_t, node))) {
      posted++;
    } else {
      acoap__list_prepend(&spare, node);
    }
  }
  uv_mutex_unlock(&workers->mutex);
  free_calls(&spare);
  return posted;
}

void acoap__worker_run_calls(acoap_worker_t *worker) {
  acoap__list_t due;
  acoap__list_t *node;
  acoap__list_init(&due);
  uv_mutex_lock(&worker->workers->mutex);
  acoap__list_take(&worker->calls, &due);
  uv_mutex_unlock(&worker->workers->mutex);
  while ((node = acoap__list_first(&due)) != NULL) {
    worker_call_t *call = ACOAP__CONTAINER(node, worker_call_t, node);
    worker_call_t made = *call;
    acoap__list_remove(node);
    acoap__free(call);
    made.call(made.user_data, worker);
  }
}
