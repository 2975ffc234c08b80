/*
 * The simulated network as a host: its clock is virtual, its names and interfaces are what the
 * test set, its entropy comes from the seed. Running it once is one step of the network.
 * wake_from_thread alone may be called from another thread; it leaves a mark that the next step
 * sees. Work beside the loop is done in the next step, in the loop's thread: a run stays
 * repeatable.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/sim.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "transport/sim_net.h"

typedef struct sim_name {
  acoap__list_t node;         /* in sim->names */
  char *name;                 /* zero-terminated */
  acoap_address_t *addresses; /* ports do not count */
  size_t count;               /* addresses */
  uint32_t delay_ms;          /* before the answer */
} sim_name_t;

typedef struct sim_lookup {
  acoap__timer_t timer;       /* answers */
  acoap__list_t node;         /* in sim->lookups */
  acoap_sim_t *sim;           /* the network */
  acoap_lookup_cb done;       /* NULL once called */
  void *user_data;            /* for done */
  acoap_address_t *addresses; /* the answer; NULL: not found */
  size_t count;               /* addresses */
} sim_lookup_t;

typedef struct sim_work {
  acoap__timer_t timer;          /* runs it */
  acoap__list_t node;            /* in sim->works */
  acoap_sim_t *sim;              /* the network */
  void (*work)(void *user_data); /* first */
  void (*done)(void *user_data); /* then */
  void *user_data;               /* for both */
} sim_work_t;

static acoap_sim_t *sim_of(acoap_host_t *host) {
  return (acoap_sim_t *)host;
}

static acoap__sim_waker_t *waker_of(acoap_waker_t *waker) {
  return (acoap__sim_waker_t *)(void *)waker;
}

static acoap_time_t now(acoap_host_t *host) {
  return sim_of(host)->now;
}

/* Wakers. */

static void finish_waker(acoap__sim_waker_t *waker) {
  void (*closed)(void *user_data) = waker->closed;
  void *closed_data = waker->closed_data;
  acoap__timer_clear(&waker->sim->queue, &waker->timer);
  acoap__timer_clear(&waker->sim->queue, &waker->change);
  acoap__list_remove(&waker->node);
  acoap__free(waker);
  if (closed != NULL) {
    closed(closed_data);
  }
}

static void wake_due(acoap__timer_t *timer, acoap_time_t at) {
  acoap__sim_waker_t *waker = ACOAP__CONTAINER(timer, acoap__sim_waker_t, timer);
  (void)at;
  if (waker->closing) {
    finish_waker(waker);
  } else {
    waker->wake(waker->user_data);
  }
}

static void change_due(acoap__timer_t *timer, acoap_time_t at) {
  acoap__sim_waker_t *waker = ACOAP__CONTAINER(timer, acoap__sim_waker_t, change);
  (void)at;
  if (!waker->closing && waker->changed != NULL) {
    waker->changed(waker->changed_data);
  }
}

static int waker_new(acoap_host_t *host, acoap_wake_cb wake, void *user_data,
                     acoap_waker_t **waker) {
  if (wake == NULL || waker == NULL) {
    return ACOAP_EINVAL;
  }
  acoap__sim_waker_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->sim = sim_of(host);
  made->wake = wake;
  made->user_data = user_data;
  atomic_init(&made->signalled, false);
  acoap__timer_init(&made->timer, wake_due);
  acoap__timer_init(&made->change, change_due);
  acoap__list_append(&made->sim->wakers, &made->node);
  *waker = (acoap_waker_t *)(void *)made;
  return 0;
}

static void wake_at(acoap_waker_t *waker, acoap_time_t at) {
  acoap__sim_waker_t *self = waker_of(waker);
  if (self->closing) {
    return;
  }
  if (at == ACOAP_TIME_NEVER) {
    acoap__timer_clear(&self->sim->queue, &self->timer);
    return;
  }
  acoap__timer_set(&self->sim->queue, &self->timer, at > self->sim->now ? at : self->sim->now);
}

static void wake_from_thread(acoap_waker_t *waker) {
  acoap__sim_waker_t *self = waker_of(waker);
  atomic_store(&self->signalled, true);
  atomic_store(&self->sim->signalled, true);
}

bool acoap__sim_wake_signalled(acoap_sim_t *sim) {
  if (!atomic_exchange(&sim->signalled, false)) {
    return false;
  }
  for (acoap__list_t *node = sim->wakers.next; node != &sim->wakers; node = node->next) {
    acoap__sim_waker_t *waker = ACOAP__CONTAINER(node, acoap__sim_waker_t, node);
    if (!waker->closing && atomic_exchange(&waker->signalled, false)) {
      /* One a step, since it may do anything to the list; the mark stands for the others. */
      atomic_store(&sim->signalled, true);
      waker->wake(waker->user_data);
      return true;
    }
  }
  return false;
}

static void set_ref(acoap_waker_t *waker, bool ref) {
  /* There is no loop to keep alive: a step is taken as long as something is due. */
  (void)waker;
  (void)ref;
}

static void waker_close(acoap_waker_t *waker, void (*closed)(void *user_data), void *user_data) {
  acoap__sim_waker_t *self = waker_of(waker);
  if (self->closing) {
    return;
  }
  self->closing = true;
  self->closed = closed;
  self->closed_data = user_data;
  acoap__timer_set(&self->sim->queue, &self->timer, self->sim->now);
}

bool acoap__sim_wakers_finish(acoap_sim_t *sim) {
  for (acoap__list_t *node = sim->wakers.next; node != &sim->wakers; node = node->next) {
    acoap__sim_waker_t *waker = ACOAP__CONTAINER(node, acoap__sim_waker_t, node);
    if (waker->closing) {
      finish_waker(waker);
      return true;
    }
  }
  return false;
}

/* Interfaces. */

static int watch_interfaces(acoap_waker_t *waker, acoap_interfaces_cb changed, void *user_data) {
  acoap__sim_waker_t *self = waker_of(waker);
  self->changed = changed;
  self->changed_data = user_data;
  if (changed == NULL) {
    acoap__timer_clear(&self->sim->queue, &self->change);
  }
  return 0;
}

void acoap__sim_tell_watchers(acoap_sim_t *sim) {
  for (acoap__list_t *node = sim->wakers.next; node != &sim->wakers; node = node->next) {
    acoap__sim_waker_t *waker = ACOAP__CONTAINER(node, acoap__sim_waker_t, node);
    if (!waker->closing && waker->changed != NULL) {
      acoap__timer_set(&sim->queue, &waker->change, sim->now);
    }
  }
}

static int interfaces(acoap_host_t *host, acoap_interface_t *list, size_t max) {
  acoap_sim_t *sim = sim_of(host);
  size_t written = sim->interface_count < max ? sim->interface_count : max;
  if (written > 0) {
    memcpy(list, sim->interfaces, written * sizeof(*list));
  }
  return (int)sim->interface_count;
}

static uint32_t interface_index(acoap_host_t *host, const char *name) {
  acoap_sim_t *sim = sim_of(host);
  for (size_t i = 0; i < sim->interface_count; i++) {
    const char *each = sim->interfaces[i].name;
    if (name != NULL && strlen(each) == strlen(name) && memcmp(each, name, strlen(name)) == 0) {
      return sim->interfaces[i].index;
    }
  }
  return 0;
}

/* Names. */

static sim_name_t *find_name(const acoap_sim_t *sim, const char *name) {
  for (acoap__list_t *node = sim->names.next; node != &sim->names; node = node->next) {
    sim_name_t *each = ACOAP__CONTAINER(node, sim_name_t, node);
    if (acoap__ascii_equal(each->name, strlen(each->name), name, strlen(name))) {
      return each;
    }
  }
  return NULL;
}

static void free_name(sim_name_t *name) {
  acoap__list_remove(&name->node);
  acoap__free(name->addresses);
  acoap__free(name->name);
  acoap__free(name);
}

static acoap_address_t *copy_addresses(const acoap_address_t *addresses, size_t count) {
  acoap_address_t *copy = acoap__calloc(count, sizeof(*copy));
  if (copy != NULL && count > 0) {
    memcpy(copy, addresses, count * sizeof(*copy));
  }
  return copy;
}

int acoap__sim_name_set(acoap_sim_t *sim, const char *name, const acoap_address_t *addresses,
                        size_t count, uint32_t delay_ms) {
  sim_name_t *old = find_name(sim, name);
  if (count > 0) {
    size_t len = strlen(name) + 1;
    sim_name_t *made = acoap__calloc(1, sizeof(*made));
    char *spelling = acoap__malloc(len);
    acoap_address_t *copy = copy_addresses(addresses, count);
    if (made == NULL || spelling == NULL || copy == NULL) {
      acoap__free(made);
      acoap__free(spelling);
      acoap__free(copy);
      return ACOAP_ENOMEM;
    }
    memcpy(spelling, name, len);
    made->name = spelling;
    made->addresses = copy;
    made->count = count;
    made->delay_ms = delay_ms;
    acoap__list_append(&sim->names, &made->node);
  }
  if (old != NULL) {
    free_name(old);
  }
  return 0;
}

static void free_lookup(sim_lookup_t *lookup) {
  acoap__timer_clear(&lookup->sim->queue, &lookup->timer);
  acoap__list_remove(&lookup->node);
  acoap__free(lookup->addresses);
  acoap__free(lookup);
}

static void lookup_due(acoap__timer_t *timer, acoap_time_t at) {
  sim_lookup_t *lookup = ACOAP__CONTAINER(timer, sim_lookup_t, timer);
  acoap_lookup_cb done = lookup->done;
  (void)at;
  acoap__list_remove(&lookup->node);
  lookup->done = NULL;
  done(lookup->user_data, lookup->count > 0 ? 0 : ACOAP_ENOTFOUND, lookup->addresses,
       lookup->count);
  free_lookup(lookup);
}

static int lookup_name(acoap_host_t *host, const char *name, uint16_t port, acoap_lookup_cb done,
                       void *user_data, acoap_lookup_t **lookup) {
  acoap_sim_t *sim = sim_of(host);
  if (name == NULL || done == NULL) {
    return ACOAP_EINVAL;
  }
  sim_lookup_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  const sim_name_t *found = find_name(sim, name);
  acoap_address_t literal;
  if (found != NULL) {
    made->addresses = copy_addresses(found->addresses, found->count);
    made->count = found->count;
  } else if (acoap_address_parse(name, strlen(name), &literal) == 0) {
    made->addresses = copy_addresses(&literal, 1);
    made->count = 1;
  }
  if (made->count > 0 && made->addresses == NULL) {
    acoap__free(made);
    return ACOAP_ENOMEM;
  }
  for (size_t i = 0; i < made->count; i++) {
    made->addresses[i].port = port;
  }
  made->sim = sim;
  made->done = done;
  made->user_data = user_data;
  acoap__list_append(&sim->lookups, &made->node);
  acoap__timer_init(&made->timer, lookup_due);
  acoap__timer_set(&sim->queue, &made->timer, sim->now + (found != NULL ? found->delay_ms : 0));
  if (lookup != NULL) {
    *lookup = (acoap_lookup_t *)(void *)made;
  }
  return 0;
}

static void lookup_cancel(acoap_lookup_t *lookup) {
  sim_lookup_t *self = (sim_lookup_t *)(void *)lookup;
  /* From inside its own callback: lookup_due frees it. */
  if (self != NULL && self->done != NULL) {
    free_lookup(self);
  }
}

/* Work. */

static void run_work(sim_work_t *work) {
  acoap__timer_clear(&work->sim->queue, &work->timer);
  acoap__list_remove(&work->node);
  work->work(work->user_data);
  work->done(work->user_data);
  acoap__free(work);
}

static void work_due(acoap__timer_t *timer, acoap_time_t at) {
  (void)at;
  run_work(ACOAP__CONTAINER(timer, sim_work_t, timer));
}

static int work_beside(acoap_host_t *host, void (*work)(void *user_data),
                       void (*done)(void *user_data), void *user_data) {
  acoap_sim_t *sim = sim_of(host);
  if (work == NULL || done == NULL) {
    return ACOAP_EINVAL;
  }
  sim_work_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->sim = sim;
  made->work = work;
  made->done = done;
  made->user_data = user_data;
  acoap__list_append(&sim->works, &made->node);
  acoap__timer_init(&made->timer, work_due);
  acoap__timer_set(&sim->queue, &made->timer, sim->now);
  return 0;
}

/* The rest. */

static void entropy(acoap_host_t *host, uint8_t *bytes, size_t len) {
  acoap__seeded_fill(&sim_of(host)->entropy, bytes, len);
}

static acoap_time_t real_time_ms(acoap_host_t *host) {
  return sim_of(host)->now + sim_of(host)->real_offset_ms;
}

int acoap_sim_set_real_time(acoap_sim_t *sim, acoap_time_t real_time_ms) {
  if (sim == NULL) {
    return ACOAP_EINVAL;
  }
  sim->real_offset_ms = real_time_ms - sim->now;
  return 0;
}

static int run_once(acoap_host_t *host) {
  return acoap_sim_step(sim_of(host), ACOAP_TIME_NEVER) ? 0 : ACOAP_EEND;
}

static void unref(acoap_host_t *host) {
  /* The host is a part of the network, which its maker frees. */
  (void)host;
}

void acoap__sim_host_free(acoap_sim_t *sim) {
  /* Work is never given up; what it begins anew runs, too. */
  for (acoap__list_t *node; (node = acoap__list_first(&sim->works)) != NULL;) {
    run_work(ACOAP__CONTAINER(node, sim_work_t, node));
  }
  for (acoap__list_t *node; (node = acoap__list_first(&sim->lookups)) != NULL;) {
    free_lookup(ACOAP__CONTAINER(node, sim_lookup_t, node));
  }
  for (acoap__list_t *node; (node = acoap__list_first(&sim->names)) != NULL;) {
    free_name(ACOAP__CONTAINER(node, sim_name_t, node));
  }
  for (acoap__list_t *node; (node = acoap__list_first(&sim->wakers)) != NULL;) {
    acoap__list_remove(node);
    acoap__free(ACOAP__CONTAINER(node, acoap__sim_waker_t, node));
  }
}

const acoap_host_ops_t acoap__sim_host_ops = {
    .size = sizeof(acoap_host_ops_t),
    .now = now,
    .waker_new = waker_new,
    .wake_at = wake_at,
    .wake_from_thread = wake_from_thread,
    .set_ref = set_ref,
    .waker_close = waker_close,
    .lookup = lookup_name,
    .lookup_cancel = lookup_cancel,
    .interfaces = interfaces,
    .interface_index = interface_index,
    .watch_interfaces = watch_interfaces,
    .entropy = entropy,
    .run_once = run_once,
    .unref = unref,
    .work = work_beside,
    .real_time_ms = real_time_ms,
};
