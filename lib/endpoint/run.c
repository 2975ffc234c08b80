/*
 * Turns: the one timer and what happens when it fires. wake = min(engine, timers of the rooms,
 * sockets), and at once when something is deferred, unflushed or closing. Without any of these the
 * waker is not set, so an idle endpoint causes no wake-ups. Sockets are flushed once, when the
 * outermost entry leaves. Reads the time only from the host.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

static acoap_time_t earlier(acoap_time_t a, acoap_time_t b) {
  return a < b ? a : b;
}

/* Is there something that waits for nothing but the next turn? */
static bool due_at_once(const acoap_local_endpoint_t *endpoint) {
  return endpoint->state == ACOAP__ENDPOINT_CLOSING || endpoint->unflushed ||
         !acoap__list_empty(&endpoint->deferred);
}

static acoap_time_t next_wake(const acoap_local_endpoint_t *endpoint) {
  acoap_time_t at = acoap__timer_queue_next(&endpoint->timers);
  at = earlier(at, acoap__engine_next_wake(&endpoint->engine));
  return earlier(at, acoap__sockets_next_wake(endpoint));
}

static void arm(acoap_local_endpoint_t *endpoint) {
  bool at_once = due_at_once(endpoint);
  acoap_time_t at = at_once ? endpoint->host->ops->now(endpoint->host) : next_wake(endpoint);
  if (endpoint->armed && endpoint->armed_at_once == at_once &&
      (at_once || endpoint->armed_at == at)) {
    return;
  }
  endpoint->armed = true;
  endpoint->armed_at_once = at_once;
  endpoint->armed_at = at;
  endpoint->host->ops->wake_at(endpoint->waker, at);
}

static void decide_alive(acoap_local_endpoint_t *endpoint) {
  bool alive = endpoint->referenced || endpoint->outstanding > 0 || due_at_once(endpoint);
  if (alive == endpoint->keeps_alive) {
    return;
  }
  endpoint->keeps_alive = alive;
  endpoint->host->ops->set_ref(endpoint->waker, alive);
  acoap__sockets_set_ref(endpoint, alive);
}

void acoap__endpoint_touch(acoap_local_endpoint_t *endpoint) {
  if (endpoint->depth > 0 || endpoint->waker == NULL ||
      endpoint->state >= ACOAP__ENDPOINT_HANDLES) {
    return;
  }
  decide_alive(endpoint);
  arm(endpoint);
}

void acoap__endpoint_enter(acoap_local_endpoint_t *endpoint) {
  if (endpoint->depth++ == 0) {
    endpoint->turn++;
  }
}

void acoap__endpoint_leave(acoap_local_endpoint_t *endpoint) {
  if (--endpoint->depth > 0) {
    return;
  }
  endpoint->recent_turn = 0;
  if (endpoint->state < ACOAP__ENDPOINT_HANDLES) {
    acoap__sockets_flush(endpoint);
  }
  acoap__endpoint_touch(endpoint);
}

void acoap__endpoint_wake(void *user_data) {
  acoap_local_endpoint_t *endpoint = user_data;
  if (endpoint->state >= ACOAP__ENDPOINT_HANDLES) {
    return;
  }
  /* Whether the timer fired or a thread signalled is not known, so neither is what the timer is set
   * to. */
  endpoint->armed = false;
  acoap__endpoint_enter(endpoint);
  acoap__posts_run(endpoint);
  acoap__deferred_run(endpoint);
  acoap_time_t now = endpoint->host->ops->now(endpoint->host);
  acoap__sockets_run(endpoint, now);
  acoap__engine_run(&endpoint->engine, now);
  acoap__timer_queue_run(&endpoint->timers, now);
  if (endpoint->state == ACOAP__ENDPOINT_CLOSING) {
    acoap__endpoint_close_step(endpoint);
  }
  acoap__endpoint_leave(endpoint);
}

/* ---- for the rooms above --------------------------------------------------------------------- */

acoap_time_t acoap__local_endpoint_now(acoap_local_endpoint_t *endpoint) {
  endpoint->recent = endpoint->host->ops->now(endpoint->host);
  endpoint->recent_turn = endpoint->depth > 0 ? endpoint->turn : 0;
  return endpoint->recent;
}

acoap_time_t acoap__local_endpoint_recent(acoap_local_endpoint_t *endpoint) {
  return endpoint->recent_turn == endpoint->turn ? endpoint->recent
                                                 : acoap__local_endpoint_now(endpoint);
}

acoap_time_t acoap_local_endpoint_now(const acoap_local_endpoint_t *endpoint) {
  return endpoint->host->ops->now(endpoint->host);
}

bool acoap__local_endpoint_in_turn(const acoap_local_endpoint_t *endpoint) {
  return endpoint->depth > 0;
}

void acoap__local_endpoint_timer_set(acoap_local_endpoint_t *endpoint, acoap__timer_t *timer,
                                     acoap_time_t at) {
  acoap__timer_set(&endpoint->timers, timer, at);
  acoap__endpoint_touch(endpoint);
}

void acoap__local_endpoint_timer_clear(acoap_local_endpoint_t *endpoint, acoap__timer_t *timer) {
  acoap__timer_clear(&endpoint->timers, timer);
  acoap__endpoint_touch(endpoint);
}

void acoap_local_endpoint_ref(acoap_local_endpoint_t *endpoint) {
  if (endpoint != NULL) {
    endpoint->referenced = true;
    acoap__endpoint_touch(endpoint);
  }
}

void acoap_local_endpoint_unref(acoap_local_endpoint_t *endpoint) {
  if (endpoint != NULL) {
    endpoint->referenced = false;
    acoap__endpoint_touch(endpoint);
  }
}
