/*
 * The queue for NSTART, PROBING_RATE and Message IDs (RFC 7252 sections 4.4 and 4.7), see queue.h.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/queue.h"

#include "exchange/congestion.h"
#include "exchange/internal.h"

static void put_in(acoap__peer_t *peer, acoap__transmission_t *tx, bool needs_place) {
  acoap__list_append(needs_place ? &peer->queue->waiting_place : &peer->queue->waiting_id,
                     &tx->queue_node);
  tx->peer = peer;
  peer->queued++;
  acoap__peer_settle(peer);
}

static void take_out(acoap__peer_t *peer, acoap__transmission_t *tx) {
  acoap__list_remove(&tx->queue_node);
  tx->peer = NULL;
  peer->queued--;
  acoap__peer_settle(peer);
}

/* No ID is free: every message that waits here has to wait for one. Said once, until there is one
 * again. */
static void note_exhaustion(acoap__peer_t *peer) {
  acoap__engine_t *engine = peer->engine;

  peer->queue->exhausted = true;
  engine->stats.message_id_waits += peer->queued;
  if (engine->events->ids_exhausted != NULL) {
    engine->events->ids_exhausted(engine, peer->address.family != 0 ? &peer->address : NULL);
  }
}

static bool id_is_free(acoap__peer_t *peer, acoap_time_t now) {
  bool is_free = acoap__peer_id_when(peer, now) <= now;

  if (is_free) {
    peer->queue->exhausted = false;
  } else if (!peer->queue->exhausted && peer->queued > 0) {
    note_exhaustion(peer);
  }
  return is_free;
}

static acoap__transmission_t *first_of(const acoap__list_t *queue) {
  acoap__list_t *node = acoap__list_first(queue);

  return node != NULL ? ACOAP__CONTAINER(node, acoap__transmission_t, queue_node) : NULL;
}

/* When the queues may go on: now, later, or (NEVER) when an interaction is over. */
static acoap_time_t queues_when(acoap__peer_t *peer, acoap_time_t now) {
  acoap_time_t when = ACOAP_TIME_NEVER;
  const acoap__transmission_t *first = first_of(&peer->queue->waiting_place);

  if (!acoap__list_empty(&peer->queue->waiting_id)) {
    when = now;
  } else if (first != NULL) {
    when = acoap__congestion_when(peer, first, now);
  }
  if (when == ACOAP_TIME_NEVER) {
    return when;
  }
  acoap_time_t id_when = acoap__peer_id_when(peer, now);
  return id_when > when ? id_when : when;
}

static void schedule(acoap__peer_t *peer, acoap_time_t now) {
  if (peer->pumping) {
    return;
  }
  acoap_time_t when = queues_when(peer, now);
  if (when == ACOAP_TIME_NEVER) {
    acoap__timer_clear(&peer->engine->timers, &peer->queue->timer);
  } else if (!peer->queue->timer.queued || peer->queue->timer.at != when) {
    acoap__engine_set_timer(peer->engine, &peer->queue->timer, when);
  }
}

/* The next message that may leave now; NULL: none. */
static acoap__transmission_t *next_to_leave(acoap__peer_t *peer, acoap_time_t now) {
  acoap__transmission_t *tx = first_of(&peer->queue->waiting_id);

  if (tx == NULL) {
    tx = first_of(&peer->queue->waiting_place);
    if (tx == NULL || acoap__congestion_when(peer, tx, now) > now) {
      return NULL;
    }
  }
  return id_is_free(peer, now) ? tx : NULL;
}

static void pump(acoap__peer_t *peer, acoap_time_t now) {
  if (peer->pumping || peer->queued == 0) {
    return;
  }
  peer->pumping = true;
  acoap__peer_settle(peer);
  for (uint32_t left = peer->queued; left > 0; left--) {
    acoap__transmission_t *tx = next_to_leave(peer, now);
    if (tx == NULL) {
      break;
    }
    take_out(peer, tx);
    if (acoap__transmission_launch(peer->engine, tx, peer, now) > 0 && tx->events->sent != NULL) {
      tx->events->sent(tx, now);
    }
  }
  peer->pumping = false;
  schedule(peer, now);
  acoap__peer_settle(peer);
}

static void due(acoap__timer_t *timer, acoap_time_t now) {
  pump((acoap__peer_t *)(void *)((char *)timer - offsetof(acoap__peer_t, queue) -
                                 offsetof(acoap__peer_queue_t, timer)),
       now);
}

static void init(acoap__peer_t *peer) {
  acoap__list_init(&peer->queue->waiting_place);
  acoap__list_init(&peer->queue->waiting_id);
  acoap__timer_init(&peer->queue->timer, due);
}

static bool has_room(acoap__engine_t *engine, acoap_time_t now, const acoap__transmission_t *tx,
                     const acoap__order_t *order, acoap__peer_t *peer) {
  uint32_t own = tx->state == ACOAP__TX_QUEUED && tx->peer == peer ? 1 : 0;
  bool waits_for_id_only = acoap_address_is_multicast(&order->path->peer) ||
                           (order->type == ACOAP_NON && (!order->is_request || order->no_wait));
  bool waits = !waits_for_id_only || !acoap__list_empty(&peer->queue->waiting_id) ||
               acoap__peer_id_when(peer, now) > now;

  return !waits || peer->queued - own < engine->config.queue_per_peer;
}

static bool wait(acoap__engine_t *engine, acoap_time_t now, acoap__transmission_t *tx,
                 acoap__peer_t *peer) {
  bool needs_place = acoap__congestion_needs_place(tx);
  bool waits = needs_place ? !acoap__list_empty(&peer->queue->waiting_place) ||
                                 acoap__congestion_when(peer, tx, now) > now
                           : !acoap__list_empty(&peer->queue->waiting_id);
  bool was_exhausted = peer->queue->exhausted;

  if (!waits && acoap__peer_id_when(peer, now) <= now) {
    peer->queue->exhausted = false;
    return false;
  }
  tx->state = ACOAP__TX_QUEUED;
  put_in(peer, tx, needs_place);
  if (!id_is_free(peer, now) && was_exhausted) {
    engine->stats.message_id_waits++;
  }
  schedule(peer, now);
  return true;
}

const acoap__queue_t acoap__queue = {.init = init,
                                     .has_room = has_room,
                                     .wait = wait,
                                     .remove = take_out,
                                     .schedule = schedule,
                                     .pump = pump,
                                     .pay = acoap__congestion_pay,
                                     .unpaid = acoap__congestion_unpaid};
