/*
 * The watch over interfaces where the system tells of no changes: the list is compared every
 * POLL_MS.
 * SPDX-License-Identifier: MIT
 */
#include "transport/interfaces.h"

#include <string.h>

#include "base/mem.h"

#define POLL_MS 5000

struct acoap__interfaces_watch {
  uv_timer_t timer;                 /* repeats every POLL_MS */
  acoap_interface_t *list;          /* as last seen */
  int count;                        /* entries of list */
  void (*changed)(void *user_data); /* never NULL */
  void *user_data;                  /* for changed */
  void (*closed)(void *user_data);  /* may be NULL */
  void *closed_data;                /* for closed */
};

static bool same_interface(const acoap_interface_t *a, const acoap_interface_t *b) {
  return memcmp(a->name, b->name, sizeof(a->name)) == 0 && a->index == b->index &&
         acoap_address_equal(&a->address, &b->address) && a->loopback == b->loopback &&
         a->multicast == b->multicast;
}

static bool same_list(const acoap__interfaces_watch_t *watch, const acoap_interface_t *list,
                      int count) {
  if (count != watch->count) {
    return false;
  }
  for (int i = 0; i < count; i++) {
    if (!same_interface(&list[i], &watch->list[i])) {
      return false;
    }
  }
  return true;
}

static void look(uv_timer_t *timer) {
  acoap__interfaces_watch_t *watch = timer->data;
  acoap_interface_t *list = NULL;
  int count = acoap__interfaces_list_all(&list);
  if (count < 0) {
    return;
  }
  bool same = same_list(watch, list, count);
  acoap__free(watch->list);
  watch->list = list;
  watch->count = count;
  if (!same) {
    watch->changed(watch->user_data);
  }
}

int acoap__interfaces_watch_new(uv_loop_t *loop, void (*changed)(void *user_data), void *user_data,
                                acoap__interfaces_watch_t **watch) {
  acoap__interfaces_watch_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->changed = changed;
  made->user_data = user_data;
  made->count = acoap__interfaces_list_all(&made->list);
  int status = made->count < 0 ? made->count : uv_timer_init(loop, &made->timer);
  if (status != 0) {
    acoap__free(made->list);
    acoap__free(made);
    return status;
  }
  made->timer.data = made;
  uv_timer_start(&made->timer, look, POLL_MS, POLL_MS);
  uv_unref((uv_handle_t *)&made->timer);
  *watch = made;
  return 0;
}

static void timer_closed(uv_handle_t *handle) {
  acoap__interfaces_watch_t *watch = handle->data;
  void (*closed)(void *user_data) = watch->closed;
  void *closed_data = watch->closed_data;
  acoap__free(watch->list);
  acoap__free(watch);
  if (closed != NULL) {
    closed(closed_data);
  }
}

void acoap__interfaces_watch_close(acoap__interfaces_watch_t *watch,
                                   void (*closed)(void *user_data), void *user_data) {
  watch->closed = closed;
  watch->closed_data = user_data;
  uv_close((uv_handle_t *)&watch->timer, timer_closed);
}
