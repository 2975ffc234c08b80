/*
 * One message on its way out (RFC 7252 sections 4.2, 4.3, 4.4, 4.7): IDLE -> [QUEUED] ->
 * AWAITING_ACK (CON) or HELD (NON) -> IDLE.
 *
 * The rule: everything is written down before the socket is called, since the socket may call back
 * into the engine, end this very node or free it. What happened meanwhile is read from a frame on
 * the stack (acoap__leaving_t), never from the node.
 *
 * Matches nothing that comes in, knows no tokens.
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/transmission.h"

#include "exchange/congestion.h"
#include "exchange/internal.h"
#include "message/wire.h"

static void transmission_due(acoap__timer_t *timer, acoap_time_t now) {
  acoap__transmission_t *tx = ACOAP__CONTAINER(timer, acoap__transmission_t, timer);

  switch (tx->state) {
  case ACOAP__TX_AWAITING_ACK:
    acoap__retransmit_due(tx->engine, tx, now);
    break;
  case ACOAP__TX_HELD: {
    /* Section 4.7: a response is no longer expected. The node stays: a RST or a late response may
     * still come. */
    acoap__peer_t *peer = tx->peer;
    acoap__congestion_release(tx, false, now);
    acoap__peer_pump(peer, now);
    break;
  }
  case ACOAP__TX_REFUSED: {
    int status = tx->status;
    acoap__transmission_detach(tx->engine, tx, now, true);
    tx->events->failed(tx, now, status);
    break;
  }
  case ACOAP__TX_IDLE:
  case ACOAP__TX_QUEUED:
    break;
  }
}

void acoap__transmission_init(acoap__transmission_t *tx, const acoap__transmission_events_t *events,
                              void *owner) {
  *tx = (acoap__transmission_t){.events = events, .owner = owner};
  acoap__timer_init(&tx->timer, transmission_due);
  acoap__list_init(&tx->queue_node);
}

/* ---- the index by (peer, Message ID) --------------------------------------------------------- */

acoap__transmission_t *acoap__transmission_find(const acoap__engine_t *engine,
                                                const acoap_path_t *path, uint16_t message_id) {
  acoap__message_key_t key;

  acoap__message_key(&key, path, message_id);
  uint64_t hash = acoap__message_key_hash(engine, &key);
  for (acoap__map_node_t *node = acoap__map_find(&engine->by_message_id, hash); node != NULL;
       node = acoap__map_find_next(node)) {
    acoap__transmission_t *tx = ACOAP__CONTAINER(node, acoap__transmission_t, id_node);
    if (tx->message_id == message_id && acoap__path_same_peer(&tx->path, path)) {
      return tx;
    }
  }
  return NULL;
}

/* A NON may be held for longer than its Message ID lives; then the ID speaks of the newer message
 * alone. */
static void register_id(acoap__engine_t *engine, acoap__transmission_t *tx) {
  acoap__message_key_t key;
  acoap__transmission_t *older = acoap__transmission_find(engine, &tx->path, tx->message_id);

  if (older != NULL) {
    acoap__map_remove(&engine->by_message_id, &older->id_node);
  }
  acoap__message_key(&key, &tx->path, tx->message_id);
  acoap__map_insert(&engine->by_message_id, &tx->id_node, acoap__message_key_hash(engine, &key));
}

/* ---- leaving --------------------------------------------------------------------------------- */

static uint32_t lifetime_ms(const acoap__transmission_t *tx) {
  return tx->type == ACOAP_CON ? acoap_params_exchange_lifetime_ms(tx->params)
                               : acoap_params_non_lifetime_ms(tx->params);
}

static void forget_leaving(acoap__engine_t *engine, const acoap__transmission_t *tx) {
  for (acoap__leaving_t *leaving = engine->leaving; leaving != NULL; leaving = leaving->outer) {
    if (leaving->tx == tx) {
      leaving->tx = NULL;
    }
  }
}

static void count_sent(acoap__engine_t *engine, const acoap__transmission_t *tx) {
  if (acoap_code_is_request(tx->bytes[1])) {
    engine->stats.requests_sent++;
  } else if (ACOAP_CODE_CLASS(tx->bytes[1]) != 0) {
    engine->stats.responses_sent++;
  }
}

/*
 * The datagram goes to the socket. 1: it left; 0: so it did, but the node is no longer this
 * sending's; negative: refused, and the node waits to say so.
 */
static int leave(acoap__engine_t *engine, acoap__transmission_t *tx, acoap_time_t now) {
  acoap__leaving_t leaving = {.tx = tx, .outer = engine->leaving};
  acoap_path_t path = tx->path;

  count_sent(engine, tx);
  engine->leaving = &leaving;
  int status = acoap__engine_transmit(engine, &path, tx->bytes, tx->len);
  engine->leaving = leaving.outer;
  if (leaving.tx == NULL) {
    return 0;
  }
  if (status >= 0) {
    return 1;
  }
  acoap__transmission_detach(engine, tx, now, true);
  tx->state = ACOAP__TX_REFUSED;
  tx->status = status;
  acoap__engine_set_timer(engine, &tx->timer, now);
  return status;
}

/* Give an idle node its Message ID, of which there is one, and let it leave. Returns as `leave`. */
static int launch(acoap__engine_t *engine, acoap__transmission_t *tx, acoap__peer_t *peer,
                  acoap_time_t now) {
  bool group = acoap_address_is_multicast(&tx->path.peer);

  acoap__peer_take_id(peer, now, lifetime_ms(tx), &tx->message_id);
  acoap_message_set_header(tx->bytes, tx->type, tx->message_id);
  tx->first_sent = now;
  tx->retransmissions = 0;
  tx->sent_early = 0;
  tx->state = tx->type == ACOAP_CON ? ACOAP__TX_AWAITING_ACK : ACOAP__TX_HELD;
  if (!group) {
    register_id(engine, tx);
  }
  if (acoap__congestion_needs_place(tx)) {
    acoap_time_t expected_until = acoap__congestion_hold(peer, tx, now);
    if (tx->type == ACOAP_NON) {
      acoap__engine_set_timer(engine, &tx->timer, expected_until);
    } else {
      acoap__retransmit_start(engine, tx, now);
    }
  }
  return leave(engine, tx, now);
}

int acoap__transmission_again(acoap__engine_t *engine, acoap_time_t now, acoap__transmission_t *tx,
                              const acoap_path_t *path) {
  if (!acoap__peer_take_id(tx->peer, now, lifetime_ms(tx), &tx->message_id)) {
    return ACOAP__QUEUED;
  }
  acoap__map_remove(&engine->by_message_id, &tx->id_node);
  tx->path = *path;
  acoap_message_set_header(tx->bytes, tx->type, tx->message_id);
  register_id(engine, tx);
  acoap__engine_set_timer(engine, &tx->timer, acoap__congestion_repeat(tx, now));
  forget_leaving(engine, tx);
  int left = leave(engine, tx, now);
  return left < 0 ? left : 0;
}

void acoap__transmission_renew(acoap__engine_t *engine, acoap_time_t now,
                               acoap__transmission_t *tx) {
  uint8_t *bytes;
  size_t len;

  /* Without a Message ID to give there is nothing to ask for. */
  if (tx->events->renew == NULL || acoap__peer_id_when(tx->peer, now) > now ||
      !tx->events->renew(tx, now, &bytes, &len)) {
    return;
  }
  tx->bytes = bytes;
  tx->len = len;
  acoap__map_remove(&engine->by_message_id, &tx->id_node);
  acoap__peer_take_id(tx->peer, now, lifetime_ms(tx), &tx->message_id);
  acoap_message_set_header(tx->bytes, tx->type, tx->message_id);
  register_id(engine, tx);
}

/* ---- the queue ------------------------------------------------------------------------------- */

/* No ID is free: every message that waits here has to wait for one. Said once, until there is one
 * again. */
static void note_exhaustion(acoap__peer_t *peer) {
  acoap__engine_t *engine = peer->engine;

  peer->exhausted = true;
  engine->stats.message_id_waits += peer->queued;
  if (engine->events->ids_exhausted != NULL) {
    engine->events->ids_exhausted(engine, peer->address.family != 0 ? &peer->address : NULL);
  }
}

static bool id_is_free(acoap__peer_t *peer, acoap_time_t now) {
  bool is_free = acoap__peer_id_when(peer, now) <= now;

  if (is_free) {
    peer->exhausted = false;
  } else if (!peer->exhausted && peer->queued > 0) {
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
  const acoap__transmission_t *first = first_of(&peer->waiting_place);

  if (!acoap__list_empty(&peer->waiting_id)) {
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
  acoap_time_t when = queues_when(peer, now);

  if (when == ACOAP_TIME_NEVER) {
    acoap__timer_clear(&peer->engine->timers, &peer->timer);
  } else if (!peer->timer.queued || peer->timer.at != when) {
    acoap__engine_set_timer(peer->engine, &peer->timer, when);
  }
}

/* The next message that may leave now; NULL: none. */
static acoap__transmission_t *next_to_leave(acoap__peer_t *peer, acoap_time_t now) {
  acoap__transmission_t *tx = first_of(&peer->waiting_id);

  if (tx == NULL) {
    tx = first_of(&peer->waiting_place);
    if (tx == NULL || acoap__congestion_when(peer, tx, now) > now) {
      return NULL;
    }
  }
  return id_is_free(peer, now) ? tx : NULL;
}

void acoap__peer_pump(acoap__peer_t *peer, acoap_time_t now) {
  if (peer->pumping || peer->queued == 0) {
    return;
  }
  acoap__peer_pin(peer);
  peer->pumping = true;
  for (uint32_t left = peer->queued; left > 0; left--) {
    acoap__transmission_t *tx = next_to_leave(peer, now);
    if (tx == NULL) {
      break;
    }
    acoap__peer_dequeue(peer, tx);
    if (launch(peer->engine, tx, peer, now) > 0 && tx->events->sent != NULL) {
      tx->events->sent(tx, now);
    }
  }
  peer->pumping = false;
  schedule(peer, now);
  acoap__peer_unpin(peer);
}

void acoap__peer_due(acoap__timer_t *timer, acoap_time_t now) {
  acoap__peer_pump(ACOAP__CONTAINER(timer, acoap__peer_t, timer), now);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

int acoap__transmission_admit(acoap__engine_t *engine, acoap_time_t now,
                              const acoap__transmission_t *tx, const acoap__order_t *order,
                              acoap__peer_t **peer) {
  if (order->path == NULL || order->bytes == NULL || order->len < ACOAP__HEADER_LEN ||
      order->bytes[0] >> 6 != 1 || (order->type != ACOAP_CON && order->type != ACOAP_NON)) {
    return ACOAP_EINVAL;
  }
  if (order->params != NULL && acoap_params_check(order->params) < 0) {
    return ACOAP_EINVAL;
  }
  bool group = acoap_address_is_multicast(&order->path->peer);
  if (group && order->type == ACOAP_CON) {
    return ACOAP_EINVAL;
  }
  acoap__peer_t *found = acoap__peer_get(engine, now, order->path);
  if (found == NULL) {
    return ACOAP_EEXHAUSTED;
  }
  uint32_t own = tx->state == ACOAP__TX_QUEUED && tx->peer == found ? 1 : 0;
  bool waits_for_id_only =
      group || (order->type == ACOAP_NON && (!order->is_request || order->no_wait));
  bool waits = !waits_for_id_only || !acoap__list_empty(&found->waiting_id) ||
               acoap__peer_id_when(found, now) > now;
  if (waits && found->queued - own >= engine->config.queue_per_peer) {
    engine->stats.queue_refused++;
    return ACOAP_EEXHAUSTED;
  }
  *peer = found;
  return 0;
}

void acoap__transmission_prepare(acoap__engine_t *engine, acoap__transmission_t *tx,
                                 const acoap__order_t *order) {
  tx->engine = engine;
  tx->type = order->type;
  tx->path = *order->path;
  tx->bytes = order->bytes;
  tx->len = order->len;
  tx->params = order->params != NULL ? order->params : &engine->config.params;
  tx->is_request = order->is_request;
  tx->no_wait = order->no_wait && order->type == ACOAP_NON;
}

int acoap__transmission_start(acoap__engine_t *engine, acoap_time_t now, acoap__transmission_t *tx,
                              acoap__peer_t *peer) {
  bool needs_place = acoap__congestion_needs_place(tx);
  bool waits = needs_place ? !acoap__list_empty(&peer->waiting_place) ||
                                 acoap__congestion_when(peer, tx, now) > now
                           : !acoap__list_empty(&peer->waiting_id);
  bool was_exhausted = peer->exhausted;

  if (!waits && acoap__peer_id_when(peer, now) <= now) {
    peer->exhausted = false;
    int left = launch(engine, tx, peer, now);
    return left < 0 ? left : 0;
  }
  tx->state = ACOAP__TX_QUEUED;
  acoap__peer_enqueue(peer, tx, needs_place);
  if (!id_is_free(peer, now) && was_exhausted) {
    engine->stats.message_id_waits++;
  }
  if (!peer->pumping) {
    schedule(peer, now);
  }
  return ACOAP__QUEUED;
}

void acoap__transmission_detach(acoap__engine_t *engine, acoap__transmission_t *tx,
                                acoap_time_t now, bool answered) {
  acoap__peer_t *peer = tx->peer;

  if (tx->state == ACOAP__TX_IDLE) {
    return;
  }
  if (tx->state == ACOAP__TX_QUEUED) {
    acoap__peer_dequeue(peer, tx);
  }
  if (tx->holds_place) {
    acoap__congestion_release(tx, answered, tx->timer.at);
  }
  acoap__timer_clear(&engine->timers, &tx->timer);
  acoap__map_remove(&engine->by_message_id, &tx->id_node);
  forget_leaving(engine, tx);
  tx->state = ACOAP__TX_IDLE;
  if (peer != NULL && !peer->pumping) {
    schedule(peer, now);
  }
}

int acoap__transmission_send(acoap__engine_t *engine, acoap_time_t now, acoap__transmission_t *tx,
                             const acoap_path_t *path, uint8_t *bytes, size_t len,
                             acoap_type_t type, const acoap_params_t *params) {
  acoap__order_t order = {.path = path, .bytes = bytes, .len = len, .type = type, .params = params};
  acoap__peer_t *peer;

  if (tx->state != ACOAP__TX_IDLE && tx->state != ACOAP__TX_HELD) {
    return ACOAP_EINVAL;
  }
  int status = acoap__transmission_admit(engine, now, tx, &order, &peer);
  if (status < 0) {
    return status;
  }
  acoap__transmission_detach(engine, tx, now, false);
  acoap__transmission_prepare(engine, tx, &order);
  acoap__transmission_start(engine, now, tx, peer);
  acoap__engine_leave(engine);
  return 0;
}

bool acoap__transmission_replace(acoap__transmission_t *tx, uint8_t *bytes, size_t len) {
  if (tx->state != ACOAP__TX_QUEUED) {
    return false;
  }
  tx->bytes = bytes;
  tx->len = len;
  return true;
}

void acoap__transmission_cancel(acoap__engine_t *engine, acoap_time_t now,
                                acoap__transmission_t *tx) {
  acoap__transmission_detach(engine, tx, now, false);
  acoap__engine_leave(engine);
}
