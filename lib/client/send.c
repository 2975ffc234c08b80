/*
 * The life of a send: from the descriptor to exactly one result. RFC 7252 section 5.2 from the
 * client's side; what a response means is decided by the layers (exchange.c), this file does what
 * they decide: settle, send again, wait, give an item.
 *
 * The rule: negative return of acoap_send = nothing happened and only destroy callbacks ran;
 * otherwise one final callback, from the loop. Builds no requests (request.c), queues no items
 * (stream.c).
 * SPDX-License-Identifier: MIT
 */
#include "client/send.h"

#include <string.h>

#include "base/mem.h"

static void future_cancel(acoap_future_t *future);
static void future_release(acoap_future_t *future);
static void resume(acoap__deferred_t *deferred);
static void deadline_over(acoap__timer_t *timer, acoap_time_t now);
static void closing(acoap__endpoint_user_t *user);

static const acoap__future_ops_t future_ops = {
    .cancel = future_cancel,
    .release = future_release,
};

acoap__send_t *acoap__send_new(void) {
  acoap__send_t *send = acoap__malloc(sizeof(*send));
  if (send == NULL) {
    return NULL;
  }
  memset(send, 0, offsetof(acoap__send_t, datagram));
  send->desc.layers = send->desc.room;
  send->desc.cap = ACOAP__DESC_LAYERS;
  acoap__list_init(&send->follow_ups);
  acoap__deferred_init(&send->resume, resume);
  acoap__timer_init(&send->deadline, deadline_over);
  acoap__resolution_init(&send->resolution, acoap__request_resolved);
  send->user.closing = closing;
  return send;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Destroy the layers and let go of everything but the result. */
static void release(acoap__send_t *send) {
  send->released = true;
  acoap__follow_up_free_all(send);
  send->message = acoap_message_unref(send->message);
  acoap__desc_destroy_layers(&send->desc);
  acoap__window_free(&send->main);
  acoap__qblock_free(&send->main);
  acoap__free(send->main.own_bytes);
  send->main.own_bytes = NULL;
  acoap__deferred_cancel(&send->resume);
  if (send->endpoint != NULL) {
    acoap__endpoint_user_remove(send->endpoint, &send->user);
    acoap_remote_endpoint_unref(send->remote);
    send->endpoint = NULL;
    send->remote = NULL;
  }
}

static bool is_held(const acoap__send_t *send) {
  return send->streaming ? send->stream.refs > 0 : send->future.refs > 0 || send->future.busy > 0;
}

void acoap__send_settle_up(acoap__send_t *send) {
  if (send->busy > 0 || send->phase != ACOAP__SEND_ENDED) {
    return;
  }
  if (send->delivered && !send->released) {
    send->busy++; /* destroy callbacks may drop the last reference */
    release(send);
    send->busy--;
  }
  if (send->released && !is_held(send)) {
    if (send->streaming) {
      acoap__stream_done(&send->stream);
    } else if (send->future.ops != NULL) {
      acoap__future_done(&send->future);
    }
    acoap__free(send);
  }
}

/* No request and no timer is left. */
static void stop(acoap__send_t *send) {
  acoap__list_t *node;
  send->phase = ACOAP__SEND_ENDED;
  if (send->endpoint == NULL) {
    return;
  }
  if (send->desc.observe != NULL && !send->starting &&
      acoap__observe_wants_deregistration(send->desc.observe)) {
    acoap__deregister(&send->main);
  }
  acoap__exchange_stop(&send->main);
  for (node = send->follow_ups.next; node != &send->follow_ups; node = node->next) {
    acoap__exchange_stop(ACOAP__CONTAINER(node, acoap_exchange_t, node));
  }
  acoap__resolution_cancel(&send->resolution);
  acoap__deferred_cancel(&send->resume);
  acoap__local_endpoint_timer_clear(send->endpoint, &send->deadline);
}

void acoap__send_include_address(const acoap__send_t *send, const acoap_message_t *message) {
  for (size_t i = 0; message != NULL && i < send->desc.count; i++) {
    const acoap__layer_t *layer = &send->desc.layers[i];
    if (layer->ops == &acoap__include_address_ops) {
      *((const acoap__include_address_t *)layer->object)->address = *acoap_message_peer(message);
    }
  }
}

/* The result of a future; a stream's end looks different. */
static void deliver(acoap__send_t *send, int status, acoap_message_t *message) {
  acoap_response_cb on_response = send->on_response;
  send->delivered = true;
  acoap__send_include_address(send, message);
  send->future.busy++; /* dropping it from inside the callback leaves it in place until here */
  if (on_response != NULL) {
    on_response(send->user_data, status, message);
  }
  if (send->future.ops != NULL) {
    acoap__future_settle(&send->future, status, message);
  }
  send->future.busy--;
}

/* `now`: the endpoint closes, a paused stream cannot wait for its resumption. */
static void end(acoap__send_t *send, int status, acoap_message_t *message, bool now) {
  if (send->phase != ACOAP__SEND_RUNNING) {
    return;
  }
  send->busy++;
  acoap_message_ref(message);
  stop(send);
  if (send->streaming) {
    acoap__stream_end(send, status == 0 ? ACOAP_EEND : status, message, now);
  } else {
    /* No answer of a group came in time: for one result that is a timeout. */
    deliver(send, status == ACOAP_EEND ? ACOAP_ETIMEDOUT : status, message);
  }
  acoap_message_unref(message);
  send->busy--;
  acoap__send_settle_up(send);
}

void acoap__send_end(acoap__send_t *send, int status, acoap_message_t *message) {
  end(send, status, message, false);
}

void acoap__send_cancel(acoap__send_t *send) {
  if (send->phase != ACOAP__SEND_ENDED) {
    stop(send);
  }
  send->delivered = true;
  acoap__send_settle_up(send);
}

static void deadline_over(acoap__timer_t *timer, acoap_time_t now) {
  (void)now;
  acoap__send_end(ACOAP__CONTAINER(timer, acoap__send_t, deadline), ACOAP_ETIMEDOUT, NULL);
}

static void closing(acoap__endpoint_user_t *user) {
  acoap__send_t *send = ACOAP__CONTAINER(user, acoap__send_t, user);
  if (send->phase == ACOAP__SEND_ENDED && send->streaming && send->stream.end_waits) {
    send->busy++;
    acoap__stream_end(send, send->stream.end_status, send->stream.end_message, true);
    send->busy--;
    acoap__send_settle_up(send);
    return;
  }
  end(send, ACOAP_ECANCELED, NULL, true);
}

/* ---- what the layers decided ---------------------------------------------------------------- */

static void give_item(acoap__send_t *send, const acoap_exchange_t *follow_up) {
  acoap__item_kind_t kind = ACOAP__ITEM_NEXT;
  size_t queue_max = SIZE_MAX;
  if (send->group) {
    kind = ACOAP__ITEM_BOUNDED;
    queue_max = acoap__multicast_queue_max(send->desc.multicast);
  } else if (send->desc.observe != NULL && follow_up == NULL) {
    kind = ACOAP__ITEM_NEWEST;
  }
  acoap__stream_item(send, send->message, kind, queue_max);
}

static bool nothing_to_wait_for(const acoap__send_t *send) {
  return !send->resolving && !acoap__exchange_waits(&send->main) &&
         acoap__list_empty(&send->follow_ups);
}

/* A follow-up goes on or is over. */
static void conclude_follow_up(acoap_exchange_t *follow_up) {
  if (follow_up->verdict == ACOAP_SEND_NEXT) {
    acoap__send_next(follow_up);
  } else if (follow_up->verdict != ACOAP_CONTINUE || !acoap__exchange_waits(follow_up)) {
    acoap__follow_up_free(follow_up);
  }
}

/* The walk said that the send goes on. */
static void go_on(acoap__send_t *send, acoap_exchange_t *follow_up, int verdict) {
  if (send->message != NULL) {
    if (send->streaming) {
      give_item(send, follow_up);
    } else if (verdict == ACOAP_CONTINUE) {
      acoap__send_end(send, 0, send->message); /* a future has one result: this one */
    }
  }
  if (send->phase != ACOAP__SEND_RUNNING) {
    return;
  }
  if (verdict == ACOAP_SEND_NEXT) {
    acoap__send_next(&send->main);
  }
  if (follow_up != NULL) {
    conclude_follow_up(follow_up);
  }
  if (send->phase == ACOAP__SEND_RUNNING && nothing_to_wait_for(send)) {
    acoap__send_end(send, ACOAP_EEND, NULL);
  }
}

static void conclude(acoap__send_t *send, int verdict) {
  acoap_exchange_t *follow_up = send->in_hand;
  if (send->phase != ACOAP__SEND_RUNNING) {
    return; /* dropped by one of the functions that were called */
  }
  if (verdict == ACOAP_SEND_NEXT || verdict == ACOAP_CONTINUE) {
    go_on(send, follow_up, verdict);
    return;
  }
  if (verdict == ACOAP_DONE && send->streaming && send->message != NULL) {
    give_item(send, follow_up);
    acoap__send_end(send, ACOAP_EEND, NULL);
    return;
  }
  acoap__send_end(send, verdict, send->message);
}

/* Put what is handled into the hand, and out of it again. */
static void take_in_hand(acoap__send_t *send, acoap_exchange_t *exchange, int status,
                         acoap_message_t *message) {
  send->busy++;
  send->status = status;
  send->in_hand = exchange->follow_up ? exchange : NULL;
  acoap_exchange_set_message(&send->main, message);
}

static void put_away(acoap__send_t *send) {
  acoap_exchange_set_message(&send->main, NULL);
  send->in_hand = NULL;
  send->notification = false;
  send->piggybacked = false;
  send->busy--;
  acoap__send_settle_up(send);
}

void acoap__send_handle(acoap_exchange_t *exchange, int status, acoap_message_t *message) {
  acoap__send_t *send = exchange->send;
  if (send->phase != ACOAP__SEND_RUNNING) {
    return;
  }
  take_in_hand(send, exchange, status, message);
  exchange->verdict = ACOAP_DONE; /* of a follow-up whose layers are not asked */
  conclude(send, acoap__exchange_walk(send));
  put_away(send);
}

void acoap__send_wake(acoap_exchange_t *exchange, size_t index) {
  acoap__send_t *send = exchange->send;
  acoap__layer_t *layer = &exchange->layers[index];
  int (*wake)(void *, acoap_exchange_t *) = ACOAP__LAYER_OP(layer->ops, wake);
  int verdict = ACOAP_CONTINUE;
  take_in_hand(send, exchange, 0, NULL);
  if (wake != NULL) {
    size_t saved = exchange->at;
    exchange->at = index;
    verdict = wake(layer->object, exchange);
    exchange->at = saved;
  }
  if (verdict > ACOAP_CONTINUE) {
    verdict = ACOAP_EINVAL;
  }
  if (send->phase == ACOAP__SEND_RUNNING) {
    acoap__exchange_arm(exchange);
  }
  if (exchange->follow_up && verdict < 0) {
    exchange->failure = verdict; /* the layers around it decide what that means */
    acoap__defer(send->endpoint, &exchange->failing);
  } else if (exchange->follow_up) {
    exchange->verdict = verdict;
    conclude(send, ACOAP_CONTINUE);
  } else {
    conclude(send, verdict);
  }
  put_away(send);
}

/* ---- going on ------------------------------------------------------------------------------- */

/* A paused stream asks for nothing more, but an observation is kept up. */
bool acoap__send_is_paused(const acoap_exchange_t *exchange) {
  const acoap__send_t *send = exchange->send;
  if (!send->streaming || !send->stream.paused) {
    return false;
  }
  return exchange->follow_up || send->desc.observe == NULL ||
         !acoap__observe_is_registered(send->desc.observe);
}

void acoap__send_next(acoap_exchange_t *exchange) {
  acoap__send_t *send = exchange->send;
  if (acoap__send_is_paused(exchange)) {
    exchange->held = true;
    return;
  }
  if (exchange->delay_ms > 0) {
    acoap_time_t at = acoap__local_endpoint_now(send->endpoint) + exchange->delay_ms;
    exchange->delay_ms = 0;
    exchange->resending = false;
    acoap__local_endpoint_timer_set(send->endpoint, &exchange->pause, at);
    return;
  }
  int status = exchange->has_path ? acoap__request_send(exchange) : acoap__request_begin(send);
  if (status < 0) {
    exchange->failure = status;
    acoap__defer(send->endpoint, &exchange->failing);
  }
}

/* The stream was resumed: give what waits, then ask for what was held. */
static void resume(acoap__deferred_t *deferred) {
  acoap__send_t *send = ACOAP__CONTAINER(deferred, acoap__send_t, resume);
  send->busy++;
  acoap__stream_drain(send);
  acoap__list_t *node = send->follow_ups.next;
  while (node != &send->follow_ups && send->phase == ACOAP__SEND_RUNNING) {
    acoap_exchange_t *follow_up = ACOAP__CONTAINER(node, acoap_exchange_t, node);
    node = node->next;
    if (follow_up->held && !send->stream.paused) {
      follow_up->held = false;
      acoap__send_next(follow_up);
    }
  }
  if (send->phase == ACOAP__SEND_RUNNING && send->main.held && !send->stream.paused) {
    send->main.held = false;
    acoap__send_next(&send->main);
  }
  send->busy--;
  acoap__send_settle_up(send);
}

/* ---- the beginning -------------------------------------------------------------------------- */

static bool is_secure(const acoap_remote_endpoint_t *remote) {
  const char *uri = acoap_remote_endpoint_uri(remote);
  return uri != NULL && strncmp(uri, "coaps", 5) == 0;
}

/* Do the parts of the descriptor go together, and with this remote endpoint? */
static int check(const acoap__send_t *send, const acoap_remote_endpoint_t *remote) {
  const acoap_desc_t *desc = &send->desc;
  bool group = acoap__remote_is_group(remote);
  if (desc->error < 0) {
    return desc->error;
  }
  if (desc->observe != NULL && (!send->streaming || group || desc->multicast != NULL)) {
    return ACOAP_EINVAL;
  }
  if (group && (desc->multicast == NULL || desc->ping || is_secure(remote))) {
    return ACOAP_EINVAL;
  }
  if (desc->multicast != NULL &&
      (desc->block1 != NULL || desc->ping || desc->qblock != NULL || is_secure(remote))) {
    return ACOAP_EINVAL;
  }
  return 0;
}

/* The layers stand: tie the main exchange to them. */
static void prepare(acoap__send_t *send, acoap_remote_endpoint_t *remote) {
  acoap_desc_t *desc = &send->desc;
  acoap__exchange_init(&send->main, send, desc->layers, desc->count);
  send->main.bytes = send->datagram;
  send->main.cap = sizeof(send->datagram);
  const void *many = desc->observe != NULL ? desc->observe : desc->multicast;
  for (size_t i = 0; many != NULL && i < desc->count; i++) {
    if (desc->layers[i].object == many) {
      send->main.boundary = i;
    }
  }
  send->remote = acoap_remote_endpoint_ref(remote);
  send->group = acoap__remote_is_group(remote);
}

/* What was begun fails before acoap_send returns: undo it; only destroy callbacks run. */
static int refuse(acoap__send_t *send, int status) {
  acoap__send_cancel(send);
  return status;
}

static int start(acoap__send_t *send, acoap_remote_endpoint_t *remote, bool held) {
  acoap_local_endpoint_t *endpoint = acoap__remote_local(remote);
  int status = acoap__endpoint_user_add(endpoint, &send->user, true);
  if (status < 0) {
    return refuse(send, status);
  }
  send->endpoint = endpoint;
  prepare(send, remote);
  send->phase = ACOAP__SEND_RUNNING;
  send->starting = true;
  send->busy++;
  if (held && !send->streaming) {
    status = acoap__future_init(&send->future, &future_ops, endpoint, 1);
  }
  if (status == 0) {
    acoap__exchange_timing(&send->main, &send->main.timing);
    if (send->main.timing.deadline_ms > 0) {
      acoap__local_endpoint_timer_set(endpoint, &send->deadline,
                                      acoap__local_endpoint_now(endpoint) +
                                          send->main.timing.deadline_ms);
    }
    status = acoap__request_begin(send);
  }
  send->busy--;
  if (status < 0) {
    send->future.refs = 0;
    return refuse(send, status);
  }
  send->starting = false;
  return 0;
}

int acoap_send(acoap_remote_endpoint_t *remote, acoap_desc_t *desc, acoap_response_cb on_response,
               void *user_data, acoap_future_t **future) {
  acoap__send_t *send = (acoap__send_t *)(void *)desc;
  if (send == NULL) {
    return ACOAP_ENOMEM;
  }
  if (send->phase != ACOAP__SEND_BUILDING) {
    return ACOAP_EINVAL;
  }
  int status = remote == NULL ? ACOAP_EINVAL : check(send, remote);
  if (status < 0) {
    return refuse(send, status);
  }
  send->on_response = on_response;
  send->user_data = user_data;
  status = start(send, remote, future != NULL);
  if (status == 0 && future != NULL) {
    *future = &send->future;
  }
  return status;
}

int acoap_send_stream(acoap_remote_endpoint_t *remote, acoap_desc_t *desc,
                      acoap_response_cb on_item, void *user_data, acoap_stream_t **stream) {
  acoap__send_t *send = (acoap__send_t *)(void *)desc;
  if (send == NULL) {
    return ACOAP_ENOMEM;
  }
  if (send->phase != ACOAP__SEND_BUILDING) {
    return ACOAP_EINVAL;
  }
  send->streaming = true;
  acoap__stream_init(&send->stream, on_item, user_data);
  int status = remote == NULL ? ACOAP_EINVAL : check(send, remote);
  if (status < 0) {
    return refuse(send, status);
  }
  status = start(send, remote, false);
  if (status == 0 && stream != NULL) {
    send->stream.refs = 1;
    *stream = &send->stream;
  }
  return status;
}

/* ---- the future of a send ------------------------------------------------------------------- */

static void future_cancel(acoap_future_t *future) {
  acoap__send_t *send = ACOAP__CONTAINER(future, acoap__send_t, future);
  if (send->phase == ACOAP__SEND_RUNNING) {
    stop(send);
    send->delivered = true;
  }
}

static void future_release(acoap_future_t *future) {
  acoap__send_settle_up(ACOAP__CONTAINER(future, acoap__send_t, future));
}
