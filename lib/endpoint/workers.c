/*
 * The workers as a whole: made, waited for, stopped, freed. They share nothing but their options,
 * the addresses they are bound to, and the question who hears groups. One that gives up leaves the
 * others alone; when the last has ended, the owner hears of it once.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/workers.h"

#include <string.h>

#include "base/mem.h"
#include "transport/affinity.h"

#define COUNT_MAX 1024
#define RESTARTS_DEFAULT 5
#define RESTART_DELAY_DEFAULT_MS 1000

/* ---- options --------------------------------------------------------------------------------- */

static bool endpoint_options_are_sound(const acoap_local_endpoint_options_t *options) {
  return options->host == NULL && options->socket_count == 0 &&
         (options->bind_count == 0 || options->bind != NULL) && options->bind_count <= UINT16_MAX &&
         (options->params == NULL || acoap_params_check(options->params) == 0) &&
         (options->dtls == NULL || options->secure_port != 0);
}

static int read_options(const acoap_workers_options_t *given, acoap_workers_options_t *options,
                        acoap_local_endpoint_options_t *endpoint) {
  memset(options, 0, sizeof(*options));
  memset(endpoint, 0, sizeof(*endpoint));
  if (given == NULL || given->size < sizeof(given->size)) {
    return ACOAP_EINVAL;
  }
  memcpy(options, given, given->size < sizeof(*options) ? given->size : sizeof(*options));
  const acoap_local_endpoint_options_t *each = options->endpoint;
  if (each != NULL) {
    if (each->size < sizeof(each->size)) {
      return ACOAP_EINVAL;
    }
    memcpy(endpoint, each, each->size < sizeof(*endpoint) ? each->size : sizeof(*endpoint));
  }
  endpoint->size = sizeof(*endpoint);
  if (options->setup == NULL || options->count > COUNT_MAX ||
      !endpoint_options_are_sound(endpoint)) {
    return ACOAP_EINVAL;
  }
  if (options->pin && !acoap__affinity_supported()) {
    return ACOAP_ENOTSUP;
  }
  options->count = options->count != 0 ? options->count : uv_available_parallelism();
  options->restarts_max = options->restarts_max != 0 ? options->restarts_max : RESTARTS_DEFAULT;
  options->restart_delay_ms =
      options->restart_delay_ms != 0 ? options->restart_delay_ms : RESTART_DELAY_DEFAULT_MS;
  return 0;
}

/* What the endpoint's options point to, copied. */
static int keep_endpoint_options(acoap_workers_t *workers) {
  acoap_local_endpoint_options_t *options = &workers->endpoint;
  if (options->params != NULL) {
    workers->params = *options->params;
    options->params = &workers->params;
  }
  if (options->bind_count > 0) {
    workers->bind = acoap__calloc(options->bind_count, sizeof(*workers->bind));
    if (workers->bind == NULL) {
      return ACOAP_ENOMEM;
    }
    memcpy(workers->bind, options->bind, options->bind_count * sizeof(*workers->bind));
  }
  return 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void workers_free(acoap_workers_t *workers) {
  uv_cond_destroy(&workers->changed);
  uv_mutex_destroy(&workers->mutex);
  acoap__free(workers->shared);
  acoap__free(workers->bind);
  acoap__free(workers);
}

static void join_threads(acoap_workers_t *workers, size_t count) {
  for (size_t n = 0; n < count; n++) {
    uv_thread_join(&workers->list[n].thread);
  }
}

/* uv_close_cb of `ended`. */
static void owner_told(uv_handle_t *handle) {
  acoap_workers_t *workers = handle->data;
  acoap_workers_stopped_cb stopped = workers->options.stopped;
  void *user_data = workers->options.user_data;
  int status = workers->stopping ? 0 : workers->status;
  workers_free(workers);
  if (stopped != NULL) {
    stopped(user_data, status);
  }
}

/* On the owner's loop: their threads are about to return, or have. */
static void all_ended(uv_async_t *async) {
  acoap_workers_t *workers = async->data;
  join_threads(workers, workers->count);
  uv_close((uv_handle_t *)async, owner_told);
}

void acoap_workers_stop(acoap_workers_t *workers) {
  if (workers == NULL) {
    return;
  }
  uv_mutex_lock(&workers->mutex);
  workers->stopping = true;
  for (size_t n = 0; n < workers->count; n++) {
    if (workers->list[n].state == ACOAP__WORKER_UP) {
      acoap__worker_signal(&workers->list[n]);
    }
  }
  uv_cond_broadcast(&workers->changed);
  uv_mutex_unlock(&workers->mutex);
}

bool acoap__workers_is_inside(const acoap_workers_t *workers) {
  uv_thread_t self = uv_thread_self();
  for (size_t n = 0; n < workers->count; n++) {
    if (uv_thread_equal(&self, &workers->list[n].thread)) {
      return true;
    }
  }
  return false;
}

int acoap_workers_join(acoap_workers_t *workers) {
  if (workers == NULL || workers->owner != NULL) {
    return ACOAP_EINVAL;
  }
  if (acoap__workers_is_inside(workers)) {
    return ACOAP_EBUSY;
  }
  join_threads(workers, workers->count);
  int status = workers->stopping ? 0 : workers->status;
  workers_free(workers);
  return status;
}

/* ---- the beginning --------------------------------------------------------------------------- */

static int init_shared(acoap_workers_t *workers) {
  int status = uv_mutex_init(&workers->mutex);
  if (status != 0) {
    return status;
  }
  status = uv_cond_init(&workers->changed);
  if (status != 0) {
    uv_mutex_destroy(&workers->mutex);
  }
  return status;
}

/* Threads may run before all are made: they wait for the mutex. */
static int start_threads(acoap_workers_t *workers) {
  int status = 0;
  size_t started = 0;
  uv_mutex_lock(&workers->mutex);
  workers->living = workers->count;
  for (size_t n = 0; status == 0 && n < workers->count; n++) {
    acoap_worker_t *worker = &workers->list[n];
    worker->workers = workers;
    worker->number = n;
    acoap__list_init(&worker->calls);
    status = uv_thread_create(&worker->thread, acoap__worker_main, worker);
    started += status == 0 ? 1 : 0;
  }
  workers->stopping = status != 0;
  uv_mutex_unlock(&workers->mutex);
  if (status != 0) {
    join_threads(workers, started);
  }
  return status;
}

/* The owner hears of the end. */
static int init_owner(acoap_workers_t *workers, uv_loop_t *owner) {
  workers->owner = owner;
  workers->ended.data = workers;
  return owner != NULL ? uv_async_init(owner, &workers->ended, all_ended) : 0;
}

/* uv_close_cb of `ended` when nothing was started. */
static void not_started(uv_handle_t *handle) {
  workers_free(handle->data);
}

int acoap_workers_start(struct uv_loop_s *owner, const acoap_workers_options_t *given,
                        acoap_workers_t **workers) {
  acoap_workers_options_t options;
  acoap_local_endpoint_options_t endpoint;
  int status = workers != NULL ? read_options(given, &options, &endpoint) : ACOAP_EINVAL;
  if (status != 0) {
    return status;
  }
  acoap_workers_t *made = acoap__calloc(1, sizeof(*made) + options.count * sizeof(made->list[0]));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->options = options;
  made->endpoint = endpoint;
  made->count = options.count;
  status = init_shared(made);
  if (status != 0) {
    acoap__free(made);
    return status;
  }
  status = keep_endpoint_options(made);
  if (status == 0) {
    status = init_owner(made, owner);
  }
  if (status != 0) {
    workers_free(made);
    return status;
  }
  status = start_threads(made);
  if (status == 0) {
    *workers = made;
  } else if (owner != NULL) {
    uv_close((uv_handle_t *)&made->ended, not_started);
  } else {
    workers_free(made);
  }
  return status;
}

/* ---- questions ------------------------------------------------------------------------------- */

/* How many are up, and how many may yet be. With the mutex held. */
static int count_up(const acoap_workers_t *workers, size_t *beginning) {
  int up = 0;
  *beginning = 0;
  for (size_t n = 0; n < workers->count; n++) {
    up += workers->list[n].state == ACOAP__WORKER_UP ? 1 : 0;
    *beginning += workers->list[n].state == ACOAP__WORKER_BEGINNING ? 1 : 0;
  }
  return up;
}

int acoap_workers_ready(acoap_workers_t *workers) {
  size_t beginning = 0;
  if (workers == NULL) {
    return ACOAP_EINVAL;
  }
  if (acoap__workers_is_inside(workers)) {
    return ACOAP_EBUSY;
  }
  uv_mutex_lock(&workers->mutex);
  int up = count_up(workers, &beginning);
  while (beginning > 0 && !workers->stopping) {
    uv_cond_wait(&workers->changed, &workers->mutex);
    up = count_up(workers, &beginning);
  }
  if (up == 0 || workers->stopping) {
    up = workers->stopping ? ACOAP_ECANCELED : workers->status;
  }
  uv_mutex_unlock(&workers->mutex);
  return up;
}

size_t acoap_workers_count(const acoap_workers_t *workers) {
  return workers != NULL ? workers->count : 0;
}

int acoap_workers_address(acoap_workers_t *workers, size_t n, acoap_address_t *address) {
  if (workers == NULL || address == NULL) {
    return ACOAP_EINVAL;
  }
  int status = 0;
  uv_mutex_lock(&workers->mutex);
  if (workers->ports != ACOAP__PORTS_KNOWN) {
    status = ACOAP_EAGAIN;
  } else if (n >= workers->shared_count) {
    status = ACOAP_EINVAL;
  } else {
    *address = workers->shared[n];
  }
  uv_mutex_unlock(&workers->mutex);
  return status;
}

size_t acoap_worker_number(const acoap_worker_t *worker) {
  return worker->number;
}

acoap_workers_t *acoap_worker_workers(const acoap_worker_t *worker) {
  return worker->workers;
}

struct uv_loop_s *acoap_worker_loop(acoap_worker_t *worker) {
  return &worker->loop;
}

acoap_local_endpoint_t *acoap_worker_endpoint(const acoap_worker_t *worker) {
  return worker->endpoint;
}

void acoap_worker_set_data(acoap_worker_t *worker, void *data) {
  worker->data = data;
}

void *acoap_worker_data(const acoap_worker_t *worker) {
  return worker->data;
}
