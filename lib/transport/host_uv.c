/*
 * The host of a libuv loop: clock, interfaces, entropy, and running the loop. Wakers are in
 * waker_uv.c, names in lookup_uv.c, work beside the loop in work_uv.c.
 * SPDX-License-Identifier: MIT
 */
#include "transport/host_uv.h"

#include <net/if.h>
#include <stdlib.h>

#include "base/mem.h"
#include "transport/alarm.h"
#include "transport/interfaces.h"

static acoap_time_t now(acoap_host_t *host) {
  (void)host;
  return acoap__clock_now();
}

static int interfaces(acoap_host_t *host, acoap_interface_t *list, size_t max) {
  (void)host;
  if (list == NULL && max > 0) {
    return ACOAP_EINVAL;
  }
  return acoap__interfaces_list(list, max);
}

static uint32_t interface_index(acoap_host_t *host, const char *name) {
  (void)host;
  return name != NULL ? if_nametoindex(name) : 0;
}

static void entropy(acoap_host_t *host, uint8_t *bytes, size_t len) {
  (void)host;
  /* Without a loop and a callback it answers at once. Tokens that can be guessed would be worse
   * than no program. */
  if (uv_random(NULL, NULL, bytes, len, 0, NULL) != 0) {
    abort();
  }
}

static acoap_time_t real_time_ms(acoap_host_t *host) {
  uv_timeval64_t now;
  (void)host;
  if (uv_gettimeofday(&now) != 0) {
    return acoap__clock_now();
  }
  return (acoap_time_t)now.tv_sec * 1000 + now.tv_usec / 1000;
}

static int run_once(acoap_host_t *host) {
  uv_loop_t *loop = ((acoap__uv_host_t *)host)->loop;
  if (!uv_loop_alive(loop)) {
    return ACOAP_EEND;
  }
  /*
   * UV_RUN_ONCE waits for the network even when a timer or an idle handle has just done what the
   * caller is waiting for. When something is due already the turn is taken without waiting.
   */
  uv_update_time(loop);
  uv_run(loop, uv_backend_timeout(loop) == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  return 0;
}

void acoap__uv_host_unref(acoap__uv_host_t *host) {
  if (--host->refs == 0) {
    acoap__free(host);
  }
}

static void unref(acoap_host_t *host) {
  acoap__uv_host_unref((acoap__uv_host_t *)host);
}

static const acoap_host_ops_t uv_host_ops = {
    .size = sizeof(acoap_host_ops_t),
    .now = now,
    .waker_new = acoap__uv_waker_new,
    .wake_at = acoap__uv_wake_at,
    .wake_from_thread = acoap__uv_wake_from_thread,
    .set_ref = acoap__uv_waker_set_ref,
    .waker_close = acoap__uv_waker_close,
    .lookup = acoap__uv_lookup,
    .lookup_cancel = acoap__uv_lookup_cancel,
    .interfaces = interfaces,
    .interface_index = interface_index,
    .watch_interfaces = acoap__uv_watch_interfaces,
    .entropy = entropy,
    .run_once = run_once,
    .unref = unref,
    .work = acoap__uv_work,
    .real_time_ms = real_time_ms,
};

int acoap_uv_host_new(struct uv_loop_s *loop, acoap_host_t **host) {
  if (loop == NULL || host == NULL) {
    return ACOAP_EINVAL;
  }
  acoap__uv_host_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->host.ops = &uv_host_ops;
  made->loop = loop;
  made->refs = 1;
  *host = &made->host;
  return 0;
}
