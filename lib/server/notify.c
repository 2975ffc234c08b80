/*
 * Notifications (RFC 7641 section 4.2). The application says that a state has changed; in the next
 * turn the handler of each target is asked once (a *round*), and its answer, whenever it comes,
 * goes to all observers of the target: code, options and body are the handler's; Observe, the first
 * block in the size that the observer asked for, 2.03 for one who has that ETag (section 3.3), and
 * CON or NON are the observer's (notification.c).
 *
 *     changes until the round begins      are one
 *     changes while it is open            are one more round after it
 *     while a CON is on its way           the newest notification takes its place at the next
 *                                         attempt, or follows it (section 4.5.2, response.c)
 *     no success                          is the last notification: the registration ends
 *
 * So that observers agree with the resource in the end, whatever is not sent now (no memory, a full
 * queue, interval_ms) is asked for again. Bodies are shared: observers fetch the further blocks
 * from the version that they were notified of (RFC 7959 section 2.6).
 *
 * Builds and retransmits nothing, keeps no lists (observe.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/mem.h"
#include "server/body.h"
#include "server/observe.h"

/* What failed for want of memory or room is tried again after this. */
#define AGAIN_MS 1000

/* A question for the newest state. */
struct acoap__round {
  acoap__target_t *target; /* NULL: nobody is left to be told */
  acoap_request_t *source; /* the registration that is asked once more; its body is borrowed */
  uint64_t change;         /* what the answer will tell of */
};

/* The target is looked at again then, at the latest. */
static void again_at(acoap__target_t *target, acoap_time_t at) {
  bool earlier = !target->timer.queued || at < target->timer.at;
  if (at != ACOAP_TIME_NEVER && earlier) {
    acoap__local_endpoint_timer_set(target->server->endpoint, &target->timer, at);
  }
}

/* ---- one observer ---------------------------------------------------------------------------- */

static acoap_time_t due_at(const acoap__observer_t *observer) {
  return observer->sent + (acoap_time_t)observer->target->resource->observe.interval_ms;
}

static void leave_out(acoap__notice_t *notice, acoap_time_t until) {
  notice->later = until < notice->later ? until : notice->later;
}

/* It was not told: when will it be, or (true) does the registration end? */
static bool ends_with(acoap__observer_t *observer, acoap__notice_t *notice, int status,
                      bool outstanding) {
  bool ends = false;
  switch (status) {
  case ACOAP_ENOMEM:
  case ACOAP_EEXHAUSTED:
    leave_out(notice, notice->now + AGAIN_MS);
    break;
  case ACOAP_ENOSPACE:
    /* It is told when what is under way has been acknowledged; nothing else could renew what the
     * address may have. */
    ends = !outstanding;
    notice->owed = notice->owed || outstanding;
    break;
  default:
    acoap__notify_farewell(observer, ACOAP_CODE_INTERNAL_SERVER_ERROR);
    return true;
  }
  observer->target->server->stats.observers_ended += ends ? 1 : 0;
  return ends;
}

/* True: the registration ends with this. */
static bool tell(acoap__observer_t *observer, acoap__notice_t *notice) {
  acoap_server_t *server = observer->target->server;
  uint8_t code = acoap__notice_code(notice, observer);
  bool last = !acoap_code_is_success(code);
  if (!last && due_at(observer) > notice->now) {
    leave_out(notice, due_at(observer));
    return false;
  }
  acoap_request_t *request = observer->request;
  bool con = last || acoap__notice_is_confirmable(notice, observer);
  bool outstanding = acoap__request_is_on_its_way(request);
  uint32_t covered = acoap__request_has_pending(request) ? 1 : 0;
  int status = acoap__notice_send(notice, observer, code, con);
  if (acoap__serving_of(request)->observer != observer) {
    return false; /* what was read from, or sent to, has ended it */
  }
  if (last) {
    server->stats.notifications += status == 0 ? 1 : 0;
    server->stats.observers_ended++;
    return true;
  }
  if (status != 0) {
    return ends_with(observer, notice, status, outstanding);
  }
  server->stats.notifications++;
  server->stats.notifications_coalesced += covered;
  acoap__notice_was_sent(notice, observer, code, con);
  return false;
}

void acoap__notify_failed(acoap__serving_t *serving) {
  acoap__target_t *target = serving->observer->target;
  serving->observer->seen = 0;
  again_at(target, acoap__server_now(target->server) + AGAIN_MS);
}

void acoap__notify_farewell(acoap__observer_t *observer, uint8_t code) {
  acoap__serving_t *serving = acoap__serving_of(observer->request);
  acoap_server_t *server = observer->target->server;
  acoap_builder_t *builder = acoap_request_begin(observer->request, code);
  server->stats.observers_ended++;
  if (builder != NULL && acoap__protect_transmit(serving, builder, ACOAP_RELIABLE) == 0) {
    server->stats.notifications++;
  }
}

/* ---- all observers of a target --------------------------------------------------------------- */

/*
 * Whoever is sent to, whatever is read may end registrations, the resource, the server. Who has
 * been told goes to the end of the list; the first one that was told already ends the pass.
 */
static void tell_all(acoap__target_t *target, acoap__notice_t *notice) {
  uint64_t pass = ++target->server->observers->passes;
  acoap__list_t *node;
  while (target->resource != NULL && (node = acoap__list_first(&target->observers)) != NULL) {
    acoap__observer_t *observer = ACOAP__CONTAINER(node, acoap__observer_t, node);
    if (observer->pass == pass) {
      break;
    }
    observer->pass = pass;
    acoap__list_remove(node);
    acoap__list_append(&target->observers, node);
    acoap_request_t *request = acoap_request_ref(observer->request);
    bool ends = !acoap__request_is_observation(request);
    if (!ends && observer->seen < notice->change) {
      ends = tell(observer, notice);
    }
    if (ends) {
      acoap__observer_end(observer, false);
    }
    acoap_request_unref(request);
  }
}

/* The answer has come: a copy of it goes round, since notifications are built where it was. */
static int tell_answer(acoap__target_t *target, const acoap_builder_t *builder, acoap_body_t *body,
                       uint64_t change) {
  acoap_time_t now = acoap__server_now(target->server);
  acoap__notice_free(target->owed);
  target->owed = NULL;
  acoap__notice_t *notice = acoap__notice_new(target, builder, body);
  if (notice == NULL) {
    again_at(target, now + AGAIN_MS);
    return ACOAP_ENOMEM;
  }
  notice->now = now;
  notice->change = change;
  notice->later = ACOAP_TIME_NEVER;
  tell_all(target, notice);
  if (target->resource != NULL) {
    again_at(target, notice->later);
  }
  if (notice->owed && target->resource != NULL && target->owed == NULL) {
    target->owed = notice;
  } else {
    acoap__notice_free(notice);
  }
  return 0;
}

void acoap__notify_owed(acoap__observer_t *observer) {
  acoap__target_t *target = observer->target;
  acoap_server_t *server = target->server;
  acoap__notice_t *owed = target->owed;
  if (target->resource == NULL || target->round != NULL || observer->seen >= target->changed) {
    return;
  }
  if (owed == NULL || owed->change < target->changed) {
    acoap__target_mark(target);
    return;
  }
  acoap_request_t *request = acoap_request_ref(observer->request);
  acoap__server_hold(server);
  acoap__target_hold(target);
  target->owed = NULL; /* ours, whatever happens to the target meanwhile */
  owed->now = acoap__server_now(server);
  owed->later = ACOAP_TIME_NEVER;
  if (tell(observer, owed)) {
    acoap__observer_end(observer, false);
  }
  if (target->resource != NULL && target->owed == NULL) {
    target->owed = owed;
    again_at(target, owed->later);
  } else {
    acoap__notice_free(owed);
  }
  acoap__target_release(target);
  acoap__server_release(server);
  acoap_request_unref(request);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* Over, answered or not. Its target (NULL: nobody is left) is held for the caller. */
static acoap__target_t *round_end(acoap__serving_t *serving, uint64_t *change) {
  acoap__round_t *round = serving->round;
  acoap__target_t *target = round->target;
  *change = round->change;
  serving->upload = NULL; /* it was the source's */
  if (target != NULL) {
    acoap__target_hold(target);
    target->round = NULL;
    if (target->changed > round->change && target->resource != NULL) {
      acoap__target_mark(target);
    }
  }
  acoap_request_t *source = round->source;
  round->target = NULL;
  round->source = NULL;
  acoap_request_unref(source);
  return target;
}

void acoap__round_free(acoap__round_t *round) {
  if (round != NULL) {
    acoap_request_unref(round->source);
    acoap__free(round);
  }
}

void acoap__round_forsake(acoap__round_t *round) {
  round->target = NULL;
}

int acoap__notify_answer(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body) {
  uint64_t change;
  acoap__target_t *target = round_end(serving, &change);
  int status = builder->error;
  acoap__request_consume(serving->request);
  if (target == NULL) {
    return status;
  }
  acoap_server_t *server = target->server;
  acoap__server_hold(server);
  if (target->resource != NULL && status == 0) {
    status = tell_answer(target, builder, body, change);
  }
  acoap__target_release(target);
  acoap__server_release(server);
  return status;
}

void acoap__notify_none(acoap__serving_t *serving) {
  uint64_t change;
  acoap__target_t *target = round_end(serving, &change);
  if (target != NULL) {
    acoap__target_release(target);
  }
}

/* When may the first of those that have not seen the last change be told? NEVER: all have. */
static acoap_time_t first_due(const acoap__target_t *target) {
  acoap_time_t first = ACOAP_TIME_NEVER;
  for (const acoap__list_t *node = target->observers.next; node != &target->observers;
       node = node->next) {
    const acoap__observer_t *observer = ACOAP__CONTAINER(node, acoap__observer_t, node);
    if (observer->seen < target->changed) {
      acoap_time_t due = due_at(observer);
      first = due < first ? due : first;
    }
  }
  return first;
}

/* The registration of `source` once more, as a question of ours. NULL without memory. */
static acoap__serving_t *round_new(acoap__target_t *target, const acoap__observer_t *source) {
  acoap__round_t *round = acoap__calloc(1, sizeof(*round));
  acoap_request_t *again = round != NULL ? acoap__request_again(source->request) : NULL;
  if (again == NULL) {
    acoap__free(round);
    return NULL;
  }
  const acoap__serving_t *of = acoap__serving_of(source->request);
  acoap__serving_t *serving = acoap__serving_again(of, again);
  if (serving == NULL) {
    acoap__request_consume(again);
    acoap_request_unref(again);
    acoap__free(round);
    return NULL;
  }
  round->target = target;
  round->source = acoap_request_ref(source->request);
  round->change = target->changed;
  serving->upload = of->upload;
  serving->round = round;
  target->round = round;
  return serving;
}

/* Ask the handler, unless that is under way or too early for everybody. */
static void ask(acoap__target_t *target) {
  if (target->resource == NULL || target->round != NULL) {
    return;
  }
  acoap_time_t due = first_due(target);
  acoap_time_t now = acoap__server_now(target->server);
  if (due > now) {
    again_at(target, due);
    return;
  }
  acoap__list_t *node = acoap__list_first(&target->observers);
  acoap__serving_t *serving = round_new(target, ACOAP__CONTAINER(node, acoap__observer_t, node));
  if (serving == NULL) {
    again_at(target, now + AGAIN_MS);
    return;
  }
  acoap_request_t *request = serving->request;
  acoap__serving_run(serving);
  acoap_request_unref(request);
}

static void ask_held(acoap__target_t *target) {
  acoap_server_t *server = target->server;
  acoap__server_hold(server);
  acoap__target_hold(target);
  ask(target);
  acoap__target_release(target);
  acoap__server_release(server);
}

void acoap__notify_ask(acoap__deferred_t *deferred) {
  struct acoap__observers *observers = ACOAP__CONTAINER(deferred, struct acoap__observers, ask);
  acoap_server_t *server = observers->server;
  acoap__list_t *node;
  acoap__list_t todo;
  acoap__list_init(&todo);
  acoap__list_take(&observers->marked, &todo);
  acoap__server_hold(server);
  while ((node = acoap__list_first(&todo)) != NULL) {
    acoap__list_remove(node);
    ask_held(ACOAP__CONTAINER(node, acoap__target_t, marked_node));
  }
  acoap__server_release(server);
}

void acoap__notify_due(acoap__timer_t *timer, acoap_time_t now) {
  (void)now;
  ask_held(ACOAP__CONTAINER(timer, acoap__target_t, timer));
}

/* ---- for the application --------------------------------------------------------------------- */

static void note_change(acoap__target_t *target, uint64_t change) {
  bool covered = !acoap__list_empty(&target->marked_node) ||
                 (target->round != NULL && target->changed > target->round->change);
  target->server->stats.notifications_coalesced += covered ? 1 : 0;
  target->changed = change;
  acoap__target_mark(target);
}

static int note_changes(acoap_resource_t *resource, const uint64_t *path_hash) {
  uint64_t change = ++resource->server->observers->changes;
  resource->changed = change;
  for (acoap__list_t *node = resource->observers.next; node != &resource->observers;
       node = node->next) {
    acoap__target_t *target = ACOAP__CONTAINER(node, acoap__target_t, node);
    if (path_hash == NULL || target->path_hash == *path_hash) {
      note_change(target, change);
    }
  }
  return 0;
}

static bool is_there(const acoap_resource_t *resource) {
  return resource != NULL && resource->server != NULL;
}

int acoap_resource_notify(acoap_resource_t *resource) {
  return is_there(resource) ? note_changes(resource, NULL) : ACOAP_EINVAL;
}

int acoap_resource_notify_path(acoap_resource_t *resource, const char *path) {
  uint64_t hash;
  if (!is_there(resource) || path == NULL ||
      !acoap__path_hash_text(resource->server, path, &hash)) {
    return ACOAP_EINVAL;
  }
  return note_changes(resource, &hash);
}

int acoap_resource_end_observations(acoap_resource_t *resource, const char *path, uint8_t code) {
  uint64_t hash = 0;
  unsigned class = ACOAP_CODE_CLASS(code);
  if (!is_there(resource) || (class != 4 && class != 5) ||
      (path != NULL && !acoap__path_hash_text(resource->server, path, &hash))) {
    return ACOAP_EINVAL;
  }
  acoap_server_t *server = resource->server;
  acoap__list_t *node;
  acoap__server_hold(server);
  acoap__resource_ref(resource);
  uint64_t pass = ++server->observers->passes;
  while ((node = acoap__list_first(&resource->observers)) != NULL) {
    acoap__target_t *target = ACOAP__CONTAINER(node, acoap__target_t, node);
    if (target->pass == pass) {
      break;
    }
    target->pass = pass;
    acoap__list_remove(node);
    acoap__list_append(&resource->observers, node);
    if (path == NULL || target->path_hash == hash) {
      acoap__target_hold(target);
      acoap__target_end(target, code);
      acoap__target_release(target);
    }
  }
  acoap__resource_unref(resource);
  acoap__server_release(server);
  return 0;
}
