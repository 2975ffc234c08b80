/*
 * Futures made of futures: then, all, any, timeout, and one that is settled from the start.
 *
 * The rule: a combination owns the references it was given, also when it cannot be made; dropping
 * it drops its parts, which cancels what only it held. It settles in the very turn in which its
 * parts decide it.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/mem.h"
#include "client/future.h"

/* ---- settled from the start ----------------------------------------------------------------- */

typedef struct ready {
  acoap_future_t future;    /* first */
  acoap__deferred_t turn;   /* settles it from the loop */
  int status;               /* with this */
  acoap_message_t *message; /* and this; a reference */
} ready_t;

static ready_t *ready_of(acoap_future_t *future) {
  return ACOAP__CONTAINER(future, ready_t, future);
}

static void ready_cancel(acoap_future_t *future) {
  acoap__deferred_cancel(&ready_of(future)->turn);
}

static void ready_release(acoap_future_t *future) {
  ready_t *ready = ready_of(future);
  acoap_message_unref(ready->message);
  acoap__future_done(future);
  acoap__free(ready);
}

static void ready_turn(acoap__deferred_t *deferred) {
  ready_t *ready = ACOAP__CONTAINER(deferred, ready_t, turn);
  acoap__future_settle(&ready->future, ready->status, ready->message);
}

static const acoap__future_ops_t ready_ops = {.cancel = ready_cancel, .release = ready_release};

acoap_future_t *acoap_future_of(acoap_local_endpoint_t *endpoint, int status,
                                acoap_message_t *message) {
  ready_t *ready = endpoint == NULL ? NULL : acoap__calloc(1, sizeof(*ready));
  if (ready == NULL) {
    return NULL;
  }
  if (acoap__future_init(&ready->future, &ready_ops, endpoint, 1) < 0) {
    acoap__free(ready);
    return NULL;
  }
  ready->status = status;
  ready->message = acoap_message_ref(message);
  acoap__deferred_init(&ready->turn, ready_turn);
  acoap__defer(endpoint, &ready->turn);
  return &ready->future;
}

/* ---- then and timeout ----------------------------------------------------------------------- */

typedef struct chain {
  acoap_future_t future;       /* first */
  acoap_future_t *source;      /* whose result it waits for; a reference, or NULL */
  acoap__future_watch_t watch; /* of it */
  acoap_then_cb next;          /* decides how it goes on; NULL: asked already, or a timeout */
  void *user_data;             /* handed to it */
  acoap__timer_t timer;        /* of a timeout */
} chain_t;

static chain_t *chain_of(acoap_future_t *future) {
  return ACOAP__CONTAINER(future, chain_t, future);
}

static void chain_let_go(chain_t *chain) {
  acoap_future_t *source = chain->source;
  acoap__future_unwatch(&chain->watch);
  chain->source = NULL;
  if (chain->future.endpoint != NULL) {
    acoap__local_endpoint_timer_clear(chain->future.endpoint, &chain->timer);
  }
  acoap_future_unref(source);
}

static void chain_cancel(acoap_future_t *future) {
  chain_let_go(chain_of(future));
}

static void chain_release(acoap_future_t *future) {
  chain_t *chain = chain_of(future);
  chain_let_go(chain);
  acoap__future_done(future);
  acoap__free(chain);
}

static void chain_detach(acoap_future_t *future) {
  acoap__local_endpoint_timer_clear(future->endpoint, &chain_of(future)->timer);
}

static const acoap__future_ops_t chain_ops = {
    .cancel = chain_cancel,
    .release = chain_release,
    .detach = chain_detach,
};

/* Take the result of the source over. */
static void chain_settle(chain_t *chain) {
  acoap_future_t *source = chain->source;
  int status = source->status;
  acoap_message_t *message = acoap_message_ref(source->message);
  chain->future.busy++;
  chain_let_go(chain);
  chain->future.busy--;
  acoap__future_settle(&chain->future, status, message);
  acoap_message_unref(message);
}

/* Wait for another future in place of the source; takes its reference over. */
static void chain_follow(chain_t *chain, acoap_future_t *future) {
  acoap_future_t *old = chain->source;
  chain->source = future;
  acoap_future_unref(old);
  if (future->settled && future->endpoint == NULL) {
    chain_settle(chain); /* nobody will call later */
    return;
  }
  acoap__future_watch(future, &chain->watch);
}

static void chain_source_settled(acoap__future_watch_t *watch) {
  chain_t *chain = ACOAP__CONTAINER(watch, chain_t, watch);
  acoap_then_cb next = chain->next;
  if (next == NULL) {
    chain_settle(chain);
    return;
  }
  chain->next = NULL;
  chain->future.busy++;
  acoap_future_t *further = next(chain->user_data, chain->source->status, chain->source->message);
  chain->future.busy--;
  if (chain->future.canceled) {
    acoap_future_unref(further);
    if (chain->future.busy == 0 && chain->future.refs == 0) {
      chain_release(&chain->future);
    }
    return;
  }
  if (further != NULL) {
    chain_follow(chain, further);
  } else {
    chain_settle(chain);
  }
}

static void chain_timed_out(acoap__timer_t *timer, acoap_time_t now) {
  chain_t *chain = ACOAP__CONTAINER(timer, chain_t, timer);
  (void)now;
  chain->future.busy++;
  chain_let_go(chain);
  chain->future.busy--;
  acoap__future_settle(&chain->future, ACOAP_ETIMEDOUT, NULL);
}

/* A chain behind this future; NULL when that cannot be, the reference is gone then. */
static chain_t *chain_new(acoap_future_t *source) {
  chain_t *chain = NULL;
  if (source != NULL && source->endpoint != NULL) {
    chain = acoap__calloc(1, sizeof(*chain));
  }
  if (chain == NULL) {
    acoap_future_unref(source);
    return NULL;
  }
  if (acoap__future_init(&chain->future, &chain_ops, source->endpoint, 1) < 0) {
    acoap__free(chain);
    acoap_future_unref(source);
    return NULL;
  }
  chain->source = source;
  acoap__timer_init(&chain->timer, chain_timed_out);
  acoap__future_watch_init(&chain->watch, chain_source_settled);
  acoap__future_watch(source, &chain->watch);
  return chain;
}

acoap_future_t *acoap_future_then(acoap_future_t *future, acoap_then_cb next, void *user_data) {
  if (next == NULL) {
    return acoap_future_unref(future);
  }
  chain_t *chain = chain_new(future);
  if (chain == NULL) {
    return NULL;
  }
  chain->next = next;
  chain->user_data = user_data;
  return &chain->future;
}

acoap_future_t *acoap_future_timeout(acoap_future_t *future, uint32_t timeout_ms) {
  chain_t *chain = chain_new(future);
  if (chain == NULL) {
    return NULL;
  }
  acoap_local_endpoint_t *endpoint = chain->future.endpoint;
  acoap__local_endpoint_timer_set(endpoint, &chain->timer,
                                  acoap__local_endpoint_now(endpoint) + timeout_ms);
  return &chain->future;
}

/* ---- all and any ---------------------------------------------------------------------------- */

typedef struct gathering gathering_t;

typedef struct part {
  gathering_t *of;             /* whose part */
  acoap_future_t *future;      /* a reference; NULL: cancelled */
  acoap__future_watch_t watch; /* of it */
} part_t;

struct gathering {
  acoap_future_t future; /* first */
  bool first_success;    /* any, otherwise all */
  size_t left;           /* parts not settled yet */
  size_t count;          /* parts */
  part_t parts[];        /* in the order of the array */
};

static gathering_t *gathering_of(acoap_future_t *future) {
  return ACOAP__CONTAINER(future, gathering_t, future);
}

static void part_drop(part_t *part) {
  acoap_future_t *future = part->future;
  acoap__future_unwatch(&part->watch);
  part->future = NULL;
  acoap_future_unref(future);
}

static void gathering_cancel(acoap_future_t *future) {
  gathering_t *gathering = gathering_of(future);
  for (size_t i = 0; i < gathering->count; i++) {
    part_drop(&gathering->parts[i]);
  }
}

static void gathering_release(acoap_future_t *future) {
  gathering_cancel(future);
  acoap__future_done(future);
  acoap__free(gathering_of(future));
}

static acoap_future_t *gathering_part(const acoap_future_t *future, size_t n) {
  const gathering_t *gathering = (const gathering_t *)(const void *)future;
  return n < gathering->count ? gathering->parts[n].future : NULL;
}

static const acoap__future_ops_t gathering_ops = {
    .cancel = gathering_cancel,
    .release = gathering_release,
    .part = gathering_part,
};

static int first_error(const gathering_t *gathering) {
  for (size_t i = 0; i < gathering->count; i++) {
    if (gathering->parts[i].future->status < 0) {
      return gathering->parts[i].future->status;
    }
  }
  return 0;
}

/* This part has decided: the others are not needed. */
static void keep_only(gathering_t *gathering, const part_t *winner) {
  for (size_t i = 0; i < gathering->count; i++) {
    if (&gathering->parts[i] != winner && !gathering->parts[i].future->settled) {
      part_drop(&gathering->parts[i]);
    }
  }
}

static void part_settled(acoap__future_watch_t *watch) {
  part_t *part = ACOAP__CONTAINER(watch, part_t, watch);
  gathering_t *gathering = part->of;
  acoap_future_t *future = part->future;
  gathering->left--;
  if (gathering->future.settled) {
    return;
  }
  if (gathering->first_success && (future->status == 0 || gathering->left == 0)) {
    gathering->future.busy++;
    keep_only(gathering, part);
    gathering->future.busy--;
    acoap__future_settle(&gathering->future, future->status, future->message);
  } else if (!gathering->first_success && gathering->left == 0) {
    acoap__future_settle(&gathering->future, first_error(gathering), NULL);
  }
}

static void drop_all(acoap_future_t *const *futures, size_t count) {
  for (size_t i = 0; i < count; i++) {
    acoap_future_unref(futures[i]);
  }
}

static bool complete(acoap_future_t *const *futures, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (futures[i] == NULL || futures[i]->endpoint == NULL) {
      return false;
    }
  }
  return count > 0 && count < SIZE_MAX / 2 / sizeof(part_t);
}

static acoap_future_t *gather(acoap_future_t *const *futures, size_t count, bool first_success) {
  gathering_t *gathering = NULL;
  if (futures == NULL) {
    return NULL;
  }
  if (complete(futures, count)) {
    gathering = acoap__calloc(1, sizeof(*gathering) + count * sizeof(part_t));
  }
  if (gathering == NULL ||
      acoap__future_init(&gathering->future, &gathering_ops, futures[0]->endpoint, 1) < 0) {
    acoap__free(gathering);
    drop_all(futures, count);
    return NULL;
  }
  gathering->first_success = first_success;
  gathering->left = count;
  gathering->count = count;
  for (size_t i = 0; i < count; i++) {
    part_t *part = &gathering->parts[i];
    part->of = gathering;
    part->future = futures[i];
    acoap__future_watch_init(&part->watch, part_settled);
    acoap__future_watch(part->future, &part->watch);
  }
  return &gathering->future;
}

acoap_future_t *acoap_future_all(acoap_future_t *const *futures, size_t count) {
  return gather(futures, count, false);
}

acoap_future_t *acoap_future_any(acoap_future_t *const *futures, size_t count) {
  return gather(futures, count, true);
}
