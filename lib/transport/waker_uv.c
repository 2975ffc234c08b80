/*
 * An endpoint's waker on a libuv loop: an alarm, a uv_async for other threads, and, while wanted,
 * a watch over interfaces. Nothing of it keeps the loop alive but a set alarm that was asked to.
 * SPDX-License-Identifier: MIT
 */
#include "transport/host_uv.h"

#include "base/mem.h"
#include "transport/alarm.h"
#include "transport/interfaces.h"

typedef struct uv_waker {
  acoap__uv_host_t *host;           /* held */
  acoap__alarm_t *alarm;            /* wake_at */
  uv_async_t async;                 /* wake_from_thread */
  acoap__interfaces_watch_t *watch; /* NULL: not watching */
  acoap_wake_cb wake;               /* never NULL */
  void *user_data;                  /* for wake */
  acoap_interfaces_cb changed;      /* with watch */
  void *changed_data;               /* for changed */
  int open;                         /* of alarm, async and watches, what is not yet closed */
  bool closing;                     /* waker_close was called */
  void (*closed)(void *user_data);  /* may be NULL */
  void *closed_data;                /* for closed */
} uv_waker_t;

static uv_waker_t *self(acoap_waker_t *waker) {
  return (uv_waker_t *)(void *)waker;
}

static void rang(void *user_data) {
  uv_waker_t *waker = user_data;
  waker->wake(waker->user_data);
}

static void signalled(uv_async_t *async) {
  uv_waker_t *waker = async->data;
  if (!waker->closing) {
    waker->wake(waker->user_data);
  }
}

static void part_closed(void *user_data) {
  uv_waker_t *waker = user_data;
  if (--waker->open > 0) {
    return;
  }
  void (*closed)(void *user_data) = waker->closed;
  void *closed_data = waker->closed_data;
  acoap__uv_host_unref(waker->host);
  acoap__free(waker);
  if (closed != NULL) {
    closed(closed_data);
  }
}

static void async_closed(uv_handle_t *handle) {
  part_closed(handle->data);
}

int acoap__uv_waker_new(acoap_host_t *host, acoap_wake_cb wake, void *user_data,
                        acoap_waker_t **waker) {
  acoap__uv_host_t *uv_host = (acoap__uv_host_t *)host;
  if (wake == NULL || waker == NULL) {
    return ACOAP_EINVAL;
  }
  uv_waker_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->host = uv_host;
  made->wake = wake;
  made->user_data = user_data;
  int status = acoap__alarm_new(uv_host->loop, rang, made, &made->alarm);
  if (status != 0) {
    acoap__free(made);
    return status;
  }
  status = uv_async_init(uv_host->loop, &made->async, signalled);
  if (status != 0) {
    acoap__alarm_close(made->alarm, NULL, NULL);
    acoap__free(made);
    return status;
  }
  made->async.data = made;
  made->open = 2;
  uv_unref((uv_handle_t *)&made->async);
  uv_host->refs++;
  *waker = (acoap_waker_t *)(void *)made;
  return 0;
}

void acoap__uv_wake_at(acoap_waker_t *waker, acoap_time_t at) {
  if (!self(waker)->closing) {
    acoap__alarm_set(self(waker)->alarm, at);
  }
}

void acoap__uv_wake_from_thread(acoap_waker_t *waker) {
  uv_async_send(&self(waker)->async);
}

void acoap__uv_waker_set_ref(acoap_waker_t *waker, bool ref) {
  if (!self(waker)->closing) {
    acoap__alarm_set_ref(self(waker)->alarm, ref);
  }
}

static void interfaces_changed(void *user_data) {
  uv_waker_t *waker = user_data;
  waker->changed(waker->changed_data);
}

static void stop_watching(uv_waker_t *waker) {
  if (waker->watch != NULL) {
    acoap__interfaces_watch_close(waker->watch, part_closed, waker);
    waker->watch = NULL;
  }
}

int acoap__uv_watch_interfaces(acoap_waker_t *waker, acoap_interfaces_cb changed, void *user_data) {
  uv_waker_t *watcher = self(waker);
  if (watcher->closing) {
    return ACOAP_ECLOSED;
  }
  if (changed == NULL) {
    stop_watching(watcher);
    return 0;
  }
  if (watcher->watch == NULL) {
    int status = acoap__interfaces_watch_new(watcher->host->loop, interfaces_changed, watcher,
                                             &watcher->watch);
    if (status != 0) {
      return status;
    }
    watcher->open++;
  }
  watcher->changed = changed;
  watcher->changed_data = user_data;
  return 0;
}

void acoap__uv_waker_close(acoap_waker_t *waker, void (*closed)(void *user_data), void *user_data) {
  uv_waker_t *closing = self(waker);
  if (closing->closing) {
    return;
  }
  closing->closing = true;
  closing->closed = closed;
  closing->closed_data = user_data;
  stop_watching(closing);
  acoap__alarm_close(closing->alarm, part_closed, closing);
  uv_close((uv_handle_t *)&closing->async, async_closed);
}
