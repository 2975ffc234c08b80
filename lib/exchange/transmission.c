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

#include <string.h>

#include "exchange/congestion.h"
#include "exchange/internal.h"
#include "exchange/queue.h"
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
    acoap__queue_pump(peer, now);
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

void acoap__transmission_init(acoap__transmission_t *tx, acoap_path_t *way,
                              const acoap__transmission_events_t *events, void *owner) {
  *tx = (acoap__transmission_t){.way = way, .events = events, .owner = owner};
  acoap__timer_init(&tx->timer, transmission_due);
  acoap__list_init(&tx->queue_node);
}

/* ---- where to -------------------------------------------------------------------------------- */

acoap_path_t acoap__transmission_path(const acoap__transmission_t *tx) {
  acoap_path_t path;

  if (tx->way != NULL) {
    return *tx->way;
  }
  memset(&path, 0, sizeof(path));
  path.peer = tx->address;
  path.socket = tx->socket;
  return path;
}

static void set_path(acoap__transmission_t *tx, const acoap_path_t *path) {
  tx->address = path->peer;
  tx->socket = path->socket;
  if (tx->way != NULL) {
    *tx->way = *path;
  }
}

bool acoap__transmission_is_to(const acoap__transmission_t *tx, const acoap_path_t *peer) {
  return tx->socket == peer->socket && acoap_address_equal(&tx->address, &peer->peer) &&
         (tx->way == NULL || tx->way->session == peer->session || tx->way->session == 0 ||
          peer->session == 0);
}

/* ---- the index by (peer, Message ID) --------------------------------------------------------- */

acoap__transmission_t *acoap__transmission_find(const acoap__engine_t *engine,
                                                const acoap_path_t *path, uint16_t message_id) {
  uint64_t hash = acoap__message_hash(engine, path, message_id);

  for (acoap__map_node_t *node = acoap__map_find(&engine->by_message_id, hash); node != NULL;
       node = acoap__map_find_next(node)) {
    acoap__transmission_t *tx = ACOAP__CONTAINER(node, acoap__transmission_t, id_node);
    if (tx->message_id == message_id && acoap__transmission_is_to(tx, path)) {
      return tx;
    }
  }
  return NULL;
}

/* A NON may be held for longer than its Message ID lives; then the ID speaks of the newer message
 * alone. */
static void register_id(acoap__engine_t *engine, acoap__transmission_t *tx) {
  acoap_path_t path = acoap__transmission_path(tx);
  acoap__transmission_t *older = acoap__transmission_find(engine, &path, tx->message_id);

  if (older != NULL) {
    acoap__map_remove(&engine->by_message_id, &older->id_node);
  }
  acoap__map_insert(&engine->by_message_id, &tx->id_node,
                    acoap__message_hash(engine, &path, tx->message_id));
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

/* The datagram goes to the socket. Returns as acoap__transmission_launch. */
static int leave(acoap__engine_t *engine, acoap__transmission_t *tx, acoap_time_t now) {
  acoap__leaving_t leaving = {.tx = tx, .outer = engine->leaving};
  acoap_path_t path = acoap__transmission_path(tx);

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

int acoap__transmission_launch(acoap__engine_t *engine, acoap__transmission_t *tx,
                               acoap__peer_t *peer, acoap_time_t now) {
  bool group = acoap_address_is_multicast(&tx->address);

  acoap__peer_take_id(peer, now, lifetime_ms(tx), &tx->message_id);
  acoap_message_set_header(tx->bytes, tx->type, tx->message_id);
  tx->first_sent = now;
  tx->retransmissions = 0;
  tx->sent_early = false;
  tx->state = tx->type == ACOAP_CON ? ACOAP__TX_AWAITING_ACK : ACOAP__TX_HELD;
  if (!group) {
    register_id(engine, tx);
  }
  if (acoap__congestion_needs_place(tx)) {
    acoap__congestion_hold(peer, tx);
    if (tx->type == ACOAP_NON) { /* a request */
      acoap__engine_set_timer(engine, &tx->timer, engine->config.queue->pay(tx, now));
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
  set_path(tx, path);
  acoap_message_set_header(tx->bytes, tx->type, tx->message_id);
  register_id(engine, tx);
  acoap__engine_set_timer(engine, &tx->timer, acoap__congestion_pay(tx, now));
  forget_leaving(engine, tx);
  int left = leave(engine, tx, now);
  return left < 0 ? left : 0;
}

bool acoap__transmission_renewable(const acoap__transmission_t *tx, acoap_time_t now) {
  return tx->peer != NULL && acoap__peer_id_when(tx->peer, now) <= now;
}

void acoap__transmission_renew(acoap__transmission_t *tx, acoap_time_t now, uint8_t *bytes,
                               size_t len) {
  acoap__engine_t *engine = tx->engine;

  tx->bytes = bytes;
  tx->len = len;
  acoap__map_remove(&engine->by_message_id, &tx->id_node);
  acoap__peer_take_id(tx->peer, now, lifetime_ms(tx), &tx->message_id);
  acoap_message_set_header(tx->bytes, tx->type, tx->message_id);
  register_id(engine, tx);
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
  if (order->type == ACOAP_CON && acoap_address_is_multicast(&order->path->peer)) {
    return ACOAP_EINVAL;
  }
  acoap__peer_t *found = acoap__peer_get(engine, now, order->path);
  if (found == NULL) {
    return ACOAP_EEXHAUSTED;
  }
  const acoap__queue_t *queue = engine->config.queue;
  if (queue != NULL ? !queue->has_room(engine, now, tx, order, found)
                    : acoap__peer_id_when(found, now) > now) {
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
  set_path(tx, order->path);
  tx->bytes = order->bytes;
  tx->len = order->len;
  tx->params = order->params != NULL ? order->params : engine->config.params;
  tx->is_request = order->is_request;
  tx->no_wait = order->no_wait && order->type == ACOAP_NON;
}

int acoap__transmission_start(acoap__engine_t *engine, acoap_time_t now, acoap__transmission_t *tx,
                              acoap__peer_t *peer) {
  const acoap__queue_t *queue = engine->config.queue;

  if (queue != NULL && queue->wait(engine, now, tx, peer)) {
    return ACOAP__QUEUED;
  }
  int left = acoap__transmission_launch(engine, tx, peer, now);
  return left < 0 ? left : 0;
}

void acoap__transmission_detach(acoap__engine_t *engine, acoap__transmission_t *tx,
                                acoap_time_t now, bool answered) {
  acoap__peer_t *peer = tx->peer;

  if (tx->state == ACOAP__TX_IDLE) {
    return;
  }
  if (tx->state == ACOAP__TX_QUEUED) {
    engine->config.queue->remove(peer, tx);
  }
  if (tx->holds_place) {
    acoap__congestion_release(tx, answered, tx->timer.at);
  }
  acoap__timer_clear(&engine->timers, &tx->timer);
  acoap__map_remove(&engine->by_message_id, &tx->id_node);
  forget_leaving(engine, tx);
  tx->state = ACOAP__TX_IDLE;
  if (peer != NULL) {
    acoap__queue_schedule(peer, now);
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
