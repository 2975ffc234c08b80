/*
 * One worker: a thread that lives a life on a loop, from an empty loop to an empty loop, and when
 * that ends unasked lives another, at most restarts_max times, each after restart_delay_ms.
 *
 *     life = endpoint, setup, up (calls and groups), loop, teardown, close, loop runs out
 *
 * A life that failed half way is taken back in the same order. Whatever the user leaves on the loop
 * is closed after a second, so that nothing keeps a thread from ending. Opens no sockets itself
 * (worker_endpoint.c) and ends nobody else.
 *
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/workers.h"

#include "endpoint/local_endpoint.h"
#include "transport/affinity.h"

/* How long what is left on the loop may take to end by itself. */
#define GRACE_MS 1000

static void tell(acoap_worker_t *worker, acoap_worker_event_t event, int status) {
  const acoap_workers_options_t *options = &worker->workers->options;
  if (options->on_event != NULL) {
    options->on_event(options->user_data, worker, event, status);
  }
}

/* ---- up -------------------------------------------------------------------------------------- */

static bool is_stopping(acoap_workers_t *workers) {
  uv_mutex_lock(&workers->mutex);
  bool stopping = workers->stopping;
  uv_mutex_unlock(&workers->mutex);
  return stopping;
}

static void signalled(uv_async_t *async) {
  acoap_worker_t *worker = async->data;
  acoap__worker_run_calls(worker);
  if (is_stopping(worker->workers)) {
    uv_stop(&worker->loop);
  }
}

/* acoap_worker_call_cb: this one hears groups from now on. */
static void hear_groups(void *user_data, acoap_worker_t *worker) {
  (void)user_data;
  acoap__groups_set_elsewhere(worker->endpoint, false);
}

/* From now on calls are taken. ACOAP_ECANCELED: all shall end. */
static int come_up(acoap_worker_t *worker) {
  acoap_workers_t *workers = worker->workers;
  uv_mutex_lock(&workers->mutex);
  bool stopping = workers->stopping;
  bool hears = false;
  if (!stopping) {
    worker->state = ACOAP__WORKER_UP;
    hears = workers->hears_groups == NULL;
    workers->hears_groups = hears ? worker : workers->hears_groups;
    uv_cond_broadcast(&workers->changed);
  }
  uv_mutex_unlock(&workers->mutex);
  if (stopping) {
    return ACOAP_ECANCELED;
  }
  if (hears) {
    hear_groups(NULL, worker);
  }
  tell(worker, ACOAP_WORKER_UP, 0);
  return 0;
}

/* Somebody else who is up; NULL: nobody. With the mutex held. */
static acoap_worker_t *another_one(const acoap_worker_t *worker) {
  acoap_workers_t *workers = worker->workers;
  for (size_t n = 0; n < workers->count; n++) {
    if (&workers->list[n] != worker && workers->list[n].state == ACOAP__WORKER_UP) {
      return &workers->list[n];
    }
  }
  return NULL;
}

/* From now on no calls are taken, and another one hears the groups. */
static void go_down(acoap_worker_t *worker) {
  acoap_workers_t *workers = worker->workers;
  uv_mutex_lock(&workers->mutex);
  acoap_worker_t *heir = NULL;
  worker->state = ACOAP__WORKER_BEGINNING;
  if (workers->hears_groups == worker) {
    heir = workers->stopping ? NULL : another_one(worker);
    workers->hears_groups = heir;
  }
  uv_mutex_unlock(&workers->mutex);
  acoap__groups_set_elsewhere(worker->endpoint, true);
  /* Refused: it has gone down meanwhile, and looked for an heir of its own. */
  if (heir != NULL && acoap_workers_post(workers, heir->number, hear_groups, NULL) != 0) {
    uv_mutex_lock(&workers->mutex);
    workers->hears_groups = workers->hears_groups == heir ? NULL : workers->hears_groups;
    uv_mutex_unlock(&workers->mutex);
  }
}

/* ---- a life ---------------------------------------------------------------------------------- */

/* With loop and async there. 0, or why it did not come up. */
static int begin(acoap_worker_t *worker) {
  const acoap_workers_options_t *options = &worker->workers->options;
  int status = acoap__worker_open(worker);
  if (status == 0) {
    status = options->setup(options->user_data, worker);
    worker->set_up = status >= 0;
  }
  return status < 0 ? status : come_up(worker);
}

static void close_if_open(uv_handle_t *handle, void *user_data) {
  (void)user_data;
  if (!uv_is_closing(handle)) {
    uv_close(handle, NULL);
  }
}

static void grace_is_over(uv_timer_t *timer) {
  uv_walk(timer->loop, close_if_open, NULL);
}

static void run_out(uv_loop_t *loop) {
  while (uv_loop_alive(loop)) {
    uv_run(loop, UV_RUN_DEFAULT);
  }
}

static void end(acoap_worker_t *worker) {
  const acoap_workers_options_t *options = &worker->workers->options;
  acoap__worker_run_calls(worker);
  if (worker->set_up) {
    worker->set_up = false;
    if (options->teardown != NULL) {
      options->teardown(options->user_data, worker);
    }
  }
  if (worker->endpoint != NULL) {
    acoap_local_endpoint_close(worker->endpoint, NULL, NULL);
    while (worker->endpoint->state != ACOAP__ENDPOINT_CLOSED) {
      uv_run(&worker->loop, UV_RUN_ONCE);
    }
    acoap__local_endpoint_release(worker->endpoint);
    worker->endpoint = NULL;
  }
  uv_update_time(&worker->loop);
  uv_timer_init(&worker->loop, &worker->grace);
  uv_unref((uv_handle_t *)&worker->grace);
  uv_timer_start(&worker->grace, grace_is_over, GRACE_MS, 0);
  run_out(&worker->loop);
  uv_walk(&worker->loop, close_if_open, NULL);
  run_out(&worker->loop);
  uv_loop_close(&worker->loop);
  worker->data = NULL;
}

/* Returns why it ended. */
static int live(acoap_worker_t *worker) {
  int status = uv_loop_init(&worker->loop);
  if (status != 0) {
    return status;
  }
  status = uv_async_init(&worker->loop, &worker->async, signalled);
  if (status != 0) {
    uv_loop_close(&worker->loop);
    return status;
  }
  worker->async.data = worker;
  uv_unref((uv_handle_t *)&worker->async);
  status = begin(worker);
  if (status == 0) {
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    status = is_stopping(worker->workers) ? ACOAP_ECANCELED : ACOAP_EEND;
    go_down(worker);
  }
  end(worker);
  return status;
}

/* ---- life after life ------------------------------------------------------------------------- */

/* Sleep before the next life. False: all shall end. */
static bool rest(acoap_worker_t *worker) {
  acoap_workers_t *workers = worker->workers;
  uint64_t until = uv_hrtime() + (uint64_t)workers->options.restart_delay_ms * 1000000;
  uv_mutex_lock(&workers->mutex);
  for (uint64_t now = uv_hrtime(); !workers->stopping && now < until; now = uv_hrtime()) {
    uv_cond_timedwait(&workers->changed, &workers->mutex, until - now);
  }
  bool stopping = workers->stopping;
  uv_mutex_unlock(&workers->mutex);
  return !stopping;
}

/* The last thing that its thread does. */
static void leave(acoap_worker_t *worker, int status) {
  acoap_workers_t *workers = worker->workers;
  uv_mutex_lock(&workers->mutex);
  worker->state = ACOAP__WORKER_ENDED;
  workers->status = status != 0 ? status : workers->status;
  workers->living--;
  if (workers->living == 0 && workers->owner != NULL) {
    uv_async_send(&workers->ended);
  }
  uv_cond_broadcast(&workers->changed);
  uv_mutex_unlock(&workers->mutex);
}

void acoap__worker_main(void *user_data) {
  acoap_worker_t *worker = user_data;
  acoap_workers_t *workers = worker->workers;
  int status = workers->options.pin ? acoap__affinity_pin(worker->number) : 0;
  bool again = status == 0 && !is_stopping(workers);
  while (again) {
    status = live(worker);
    again = !is_stopping(workers) && worker->restarts < workers->options.restarts_max;
    if (again) {
      worker->restarts++;
      tell(worker, ACOAP_WORKER_FAILED, status);
      again = rest(worker);
    }
  }
  if (is_stopping(workers)) {
    status = 0;
  }
  tell(worker, status == 0 ? ACOAP_WORKER_STOPPED : ACOAP_WORKER_GIVEN_UP, status);
  leave(worker, status);
}
