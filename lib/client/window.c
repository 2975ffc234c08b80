/*
 * Several requests of one block-wise transfer in flight (RFC 7959 section 2.4: a block is asked for
 * by number, so none has to wait for another). It stands below the layers, which go from block to
 * block as without it: when they ask for block n, those behind it are asked for as well, and what
 * comes before its turn waits here.
 *
 *     in flight <= allowed <= most         blocks kept <= most
 *
 * NSTART is raised to `most` for these requests alone (RFC 7252 section 4.7 lets a sender who has a
 * congestion control of his own do that; it is in window_request.c): other requests to the same
 * server keep theirs, and the peer's queue keeps its order. Understands no blocks.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/block.h>

#include "base/mem.h"
#include "client/window_slot.h"

/* ---- asking ---------------------------------------------------------------------------------- */

/* May this block be asked for before its turn? */
static bool may_go_ahead(const acoap__window_t *window, uint64_t num) {
  int64_t total = window->exchange->download_total;
  if (window->next.most <= 1 || window->here >= window->next.most || num >= window->end ||
      num > ACOAP_BLOCK_NUM_MAX) {
    return false;
  }
  return window->next.upload || total < 0 ||
         num * acoap_block_size(window->next.szx) < (uint64_t)total;
}

/* Ask for what may be in flight. Fails only when the block whose turn it is cannot be asked for. */
static int top_up(acoap__window_t *window) {
  const acoap__send_t *send = window->exchange->send;
  uint32_t num = window->next.num;
  acoap__slot_t *slot = acoap__window_slot(window, num);
  if (slot->state == ACOAP__SLOT_FREE) {
    if (window->next.most <= 1 && window->flying > 0) {
      return 0; /* in lock-step: when the others are answered */
    }
    int status = acoap__window_ask(window, num);
    if (status < 0) {
      return status;
    }
  }
  for (uint32_t i = 1; i < window->count && window->flying < window->allowed; i++) {
    if (send->phase != ACOAP__SEND_RUNNING || !may_go_ahead(window, (uint64_t)num + i)) {
      break;
    }
    int status = acoap__window_slot(window, num + i)->state == ACOAP__SLOT_FREE
                     ? acoap__window_ask(window, num + i)
                     : 0;
    if (status == ACOAP_EAGAIN) {
      window->end = num + i; /* the last block of an upload goes when all others are there */
    }
    if (status < 0) {
      break; /* it will be asked for again, if only in its turn */
    }
  }
  return 0;
}

/* ---- handing up ------------------------------------------------------------------------------ */

/* What the layers are told about the block of an upload that was sent before its turn. */
static void set_upload(acoap_exchange_t *exchange, const acoap__ahead_t *block) {
  uint64_t size = acoap_block_size(block->szx);
  exchange->upload = true;
  exchange->upload_more = true;
  exchange->upload_offset = block->num * size;
  exchange->upload_end = exchange->upload_offset + size;
}

static void hand_up(acoap__window_t *window, acoap__slot_t *slot) {
  acoap_exchange_t *exchange = window->exchange;
  acoap_message_t *message = slot->message;
  int status = slot->status;
  slot->message = NULL;
  slot->state = ACOAP__SLOT_FREE;
  window->here--;
  window->waiting = false;
  if (window->next.upload && slot->ahead) {
    set_upload(exchange, &window->next);
  }
  if (message != NULL) {
    acoap__request_note_total(exchange, acoap_message_view(message));
  }
  exchange->send->piggybacked = slot->piggybacked;
  acoap__send_handle(exchange, status, message);
  acoap_message_unref(message);
}

/* Hand up, one by one, what the layers wait for. They may end the send meanwhile. */
static void deliver(acoap__window_t *window) {
  acoap__send_t *send = window->exchange->send;
  if (window->delivering) {
    return;
  }
  window->delivering = true;
  send->busy++;
  while (window->exchange != NULL && window->waiting && send->phase == ACOAP__SEND_RUNNING) {
    acoap__slot_t *slot = acoap__window_slot(window, window->next.num);
    if (slot->state != ACOAP__SLOT_HERE) {
      break;
    }
    hand_up(window, slot);
  }
  window->delivering = false;
  if (window->exchange == NULL) {
    acoap__free(window);
  }
  send->busy--;
  acoap__send_settle_up(send);
}

static void deliver_deferred(acoap__deferred_t *deferred) {
  deliver(ACOAP__CONTAINER(deferred, acoap__window_t, deferred));
}

/* Ask for more, unless the stream is paused. */
static void ask_on(acoap__window_t *window) {
  acoap_exchange_t *exchange = window->exchange;
  if (acoap__send_is_paused(exchange)) {
    if (acoap__window_slot(window, window->next.num)->state == ACOAP__SLOT_FREE) {
      window->waiting = false;
      exchange->held = true; /* acoap_stream_resume asks for it */
    }
    return;
  }
  int status = top_up(window);
  if (status < 0 && exchange->send->phase == ACOAP__SEND_RUNNING) {
    window->waiting = false;
    exchange->failure = status;
    acoap__defer(exchange->send->endpoint, &exchange->failing);
  }
}

void acoap__window_go_on(acoap__window_t *window) {
  acoap__send_t *send = window->exchange->send;
  if (!window->waiting || window->delivering) {
    return;
  }
  send->busy++;
  ask_on(window);
  if (send->phase == ACOAP__SEND_RUNNING) {
    deliver(window);
  }
  send->busy--;
  acoap__send_settle_up(send);
}

/* ---- for the exchange ------------------------------------------------------------------------ */

/* Tokens of the user's are one for all, and copies of one request fill no pipe. */
bool acoap__window_applies(const acoap_exchange_t *exchange) {
  const acoap_timing_t *timing = &exchange->timing;
  bool own_token = exchange->send->desc.has_token && !exchange->follow_up;
  return exchange->ahead.most > 1 && !own_token && !timing->keep_token && !timing->keep &&
         timing->burst_copies <= 1 && !timing->no_response_expected;
}

static acoap__window_t *window_new(acoap_exchange_t *exchange) {
  size_t count = (size_t)exchange->ahead.most * 2;
  acoap__window_t *window = acoap__calloc(1, sizeof(*window) + count * sizeof(acoap__slot_t));
  if (window == NULL) {
    return NULL;
  }
  window->exchange = exchange;
  window->count = count;
  window->params = exchange->timing.params;
  if (window->params.nstart < exchange->ahead.most) {
    window->params.nstart = exchange->ahead.most;
  }
  acoap__deferred_init(&window->deferred, deliver_deferred);
  for (size_t i = 0; i < count; i++) {
    window->slots[i].window = window;
    acoap__interaction_init(&window->slots[i].interaction, &window->slots[i].way,
                            &acoap__window_events, &window->slots[i]);
  }
  window->next = exchange->ahead;
  window->allowed = exchange->ahead.most;
  window->end = UINT32_MAX;
  return window;
}

/* The layers go on somewhere else: what was asked for is of no use. */
static void begin_anew(acoap__window_t *window) {
  for (size_t i = 0; i < window->count; i++) {
    acoap__window_clear(window, &window->slots[i]);
  }
  window->end = UINT32_MAX;
}

static bool follows(const acoap__ahead_t *before, const acoap__ahead_t *next) {
  return before->szx == next->szx && before->upload == next->upload &&
         (next->num == before->num || next->num == before->num + 1);
}

int acoap__window_next(acoap_exchange_t *exchange) {
  if (exchange->window == NULL) {
    exchange->window = window_new(exchange);
    if (exchange->window == NULL) {
      return ACOAP_ENOMEM;
    }
  }
  acoap__window_t *window = exchange->window;
  uint32_t most = window->next.most;
  if (!follows(&window->next, &exchange->ahead)) {
    begin_anew(window);
  }
  window->next = exchange->ahead;
  window->next.most = most;
  window->waiting = true;
  int status = top_up(window);
  if (status < 0) {
    window->waiting = false;
    return exchange->send->phase != ACOAP__SEND_RUNNING ? 0 : status;
  }
  if (!window->delivering &&
      acoap__window_slot(window, window->next.num)->state == ACOAP__SLOT_HERE) {
    acoap__defer(exchange->send->endpoint, &window->deferred);
  }
  return 0;
}

bool acoap__window_waits(const acoap_exchange_t *exchange) {
  return exchange->window != NULL && exchange->window->waiting;
}

void acoap__window_stop(acoap_exchange_t *exchange) {
  acoap__window_t *window = exchange->window;
  if (window != NULL) {
    begin_anew(window);
    window->waiting = false;
    acoap__deferred_cancel(&window->deferred);
  }
}

void acoap__window_free(acoap_exchange_t *exchange) {
  acoap__window_t *window = exchange->window;
  if (window == NULL) {
    return;
  }
  for (size_t i = 0; i < window->count; i++) {
    acoap__free(window->slots[i].bytes);
    window->slots[i].bytes = NULL;
  }
  exchange->window = NULL;
  window->exchange = NULL;
  if (!window->delivering) {
    acoap__free(window);
  }
}
