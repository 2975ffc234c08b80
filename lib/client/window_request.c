/*
 * The requests of a window, and its congestion control (RFC 7252 section 4.7):
 *
 *     allowed := min(allowed + 1, most)    after as many answers as were allowed
 *     allowed := max(allowed / 2, 1)       for a loss; once per round trip
 *
 * A loss is a retransmission, or three requests that were sent later and answered earlier: then a
 * CON is sent again at once instead of after ACK_TIMEOUT, with its Message ID, so that the server
 * knows it for the same; a NON is made anew. Not so an upload: a server that keeps no account of
 * Message IDs would take a block for a later one that it does not follow.
 *
 * An error is believed of a request that was alone. One that answers a request among others is
 * dropped, and the rest of the transfer goes in lock-step: so a server that answers in order only,
 * or refuses what lies behind the end, is met as it is without a window. Hands nothing up.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/block.h>

#include <string.h>

#include "base/mem.h"
#include "client/window_slot.h"
#include "exchange/transmission.h"

#define OVERTAKEN_LOST 3u /* answers to later requests that mean a loss (RFC 5681 section 3.2) */

/* ---- congestion ------------------------------------------------------------------------------ */

/* This request was lost, or its answer. */
static void note_loss(acoap__window_t *window, const acoap__slot_t *slot) {
  if (slot->serial <= window->recovered) {
    return;
  }
  window->recovered = window->serial;
  window->answered = 0;
  window->allowed = window->allowed > 1 ? window->allowed / 2 : 1;
}

/* The request has been retransmitted since that was last looked at. */
static bool note_retransmissions(acoap__window_t *window, acoap__slot_t *slot) {
  uint32_t count = slot->interaction.tx.retransmissions;
  if (count == slot->retransmissions) {
    return false;
  }
  window->exchange->retransmissions += count - slot->retransmissions;
  slot->retransmissions = count;
  note_loss(window, slot);
  return true;
}

static void note_answer(acoap__window_t *window) {
  if (++window->answered >= window->allowed) {
    window->answered = 0;
    if (window->allowed < window->next.most) {
      window->allowed++;
    }
  }
}

/* From here on one request at a time. */
static void fall_back(acoap__window_t *window) {
  window->next.most = 1;
  window->allowed = 1;
}

/* ---- one request ----------------------------------------------------------------------------- */

void acoap__window_clear(acoap__window_t *window, acoap__slot_t *slot) {
  if (slot->state == ACOAP__SLOT_FLYING) {
    acoap__interaction_close(acoap__window_engine(window), acoap__window_now(window),
                             &slot->interaction);
    window->flying--;
  } else if (slot->state == ACOAP__SLOT_HERE) {
    slot->message = acoap_message_unref(slot->message);
    window->here--;
  }
  slot->state = ACOAP__SLOT_FREE;
}

static int make_room(acoap__slot_t *slot, size_t cap) {
  if (cap > slot->cap) {
    uint8_t *room = acoap__realloc(slot->bytes, cap);
    if (room == NULL) {
      return ACOAP_ENOMEM;
    }
    slot->bytes = room;
    slot->cap = cap;
  }
  return 0;
}

/* Write the request for this block into the exchange's room. */
static int write_request(acoap__window_t *window, uint32_t num) {
  acoap_exchange_t *exchange = window->exchange;
  bool upload = exchange->upload;
  bool upload_more = exchange->upload_more;
  exchange->skip = num - window->next.num;
  int status = acoap__request_build(exchange);
  if (exchange->skip > 0) {
    exchange->upload = upload; /* these speak of the block whose turn it is */
    exchange->upload_more = upload_more;
  }
  exchange->skip = 0;
  if (status == 0 && exchange->send->phase != ACOAP__SEND_RUNNING) {
    status = ACOAP_ECANCELED; /* dropped by a layer */
  }
  return status;
}

/*
 * Build the request for this block where it stays until it is answered. A block of an upload is
 * read into its place; the request for one is short, and takes no more room than it needs.
 */
static int build(acoap__window_t *window, acoap__slot_t *slot, uint32_t num) {
  acoap_exchange_t *exchange = window->exchange;
  int status;
  if (!window->next.upload) {
    status = write_request(window, num);
    status = status < 0 ? status : make_room(slot, exchange->len);
    if (status == 0) {
      memcpy(slot->bytes, exchange->bytes, exchange->len);
    }
    return status;
  }
  status =
      make_room(slot, acoap__local_endpoint_message_max(exchange->send->endpoint, &exchange->path));
  if (status == 0) {
    uint8_t *bytes = exchange->bytes;
    size_t cap = exchange->cap;
    exchange->bytes = slot->bytes;
    exchange->cap = slot->cap;
    status = write_request(window, num);
    exchange->bytes = bytes;
    exchange->cap = cap;
  }
  return status;
}

int acoap__window_ask(acoap__window_t *window, uint32_t num) {
  acoap_exchange_t *exchange = window->exchange;
  acoap__slot_t *slot = acoap__window_slot(window, num);
  int status = build(window, slot, num);
  if (status < 0) {
    return status;
  }
  acoap__request_options_t options = {.params = &window->params,
                                      .any_source = exchange->timing.any_source};
  slot->num = num;
  slot->serial = ++window->serial;
  slot->retransmissions = 0;
  slot->overtaken = 0;
  slot->acknowledged = false;
  slot->alone = window->flying == 0;
  slot->ahead = num != window->next.num;
  slot->state = ACOAP__SLOT_FLYING; /* before the socket is called, which may call back */
  window->flying++;
  exchange->requests++;
  status = acoap__interaction_send(acoap__window_engine(window), acoap__window_now(window),
                                   &slot->interaction, &exchange->path, slot->bytes, exchange->len,
                                   exchange->timing.type, &options);
  if (status < 0) {
    slot->state = ACOAP__SLOT_FREE;
    window->flying--;
    exchange->requests--;
  }
  return status;
}

/* ---- what the engine reports ----------------------------------------------------------------- */

/* The request is over: the slot is free. */
static void landed(acoap__slot_t *slot) {
  acoap__window_t *window = slot->window;
  slot->state = ACOAP__SLOT_FREE;
  window->flying--;
  if (!note_retransmissions(window, slot)) {
    note_answer(window);
  }
}

/* Lost: once more. What is overtaken then is counted from here on. */
static void send_again(acoap__window_t *window, acoap__slot_t *slot) {
  slot->overtaken = 0;
  slot->serial = ++window->serial;
  window->exchange->retransmissions++;
  if (!acoap__retransmit_early(acoap__window_engine(window), &slot->interaction.tx)) {
    acoap__window_clear(window, slot);
    (void)acoap__window_ask(window, slot->num); /* otherwise it is asked for in its turn */
  }
}

/* Look at those that are still under way: what was sent before this and is not answered yet may be
 * lost. */
static void look_for_losses(acoap__window_t *window, uint64_t serial) {
  for (size_t i = 0; i < window->count; i++) {
    acoap__slot_t *slot = &window->slots[i];
    if (slot->state != ACOAP__SLOT_FLYING || window->exchange->send->phase != ACOAP__SEND_RUNNING) {
      continue;
    }
    if (slot->interaction.tx.state == ACOAP__TX_QUEUED) {
      continue;
    }
    note_retransmissions(window, slot);
    if (slot->serial > serial || slot->acknowledged || window->next.upload ||
        ++slot->overtaken < OVERTAKEN_LOST || !window->waiting ||
        acoap__send_is_paused(window->exchange)) {
      continue;
    }
    note_loss(window, slot);
    send_again(window, slot);
  }
}

/* Keep what came until its turn. The message is a reference, taken over. */
static void keep(acoap__slot_t *slot, int status, acoap_message_t *message) {
  slot->state = ACOAP__SLOT_HERE;
  slot->status = status;
  slot->message = message;
  slot->echoes = 0;
  slot->window->here++;
}

static void take(acoap__slot_t *slot, acoap_time_t now, const acoap_path_t *from,
                 const acoap_view_t *view) {
  const acoap__send_t *send = slot->window->exchange->send;
  const acoap__transmission_t *tx = &slot->interaction.tx;
  acoap_message_t *message = acoap__message_take(send->endpoint, from, view);
  acoap_time_t elapsed = now - tx->first_sent;
  acoap__message_set_timing(message, elapsed > UINT32_MAX ? UINT32_MAX : (uint32_t)elapsed,
                            tx->retransmissions);
  keep(slot, message == NULL ? ACOAP_ENOMEM : 0, message);
}

static bool asks_for_echo(acoap__slot_t *slot, const acoap_view_t *view) {
  acoap__echo_t *echo = &slot->window->exchange->echo;
  echo->in_a_row = slot->echoes;
  bool asked = acoap__echo_asked(slot->window->exchange, view);
  slot->echoes = echo->in_a_row;
  return asked;
}

/* The body ends with this block: none behind it is asked for. */
static void note_end(acoap__window_t *window, const acoap__slot_t *slot, const acoap_view_t *view) {
  acoap_block_t block;
  if (!window->next.upload && acoap_view_block(view, ACOAP_OPTION_BLOCK2, &block) == 1 &&
      !block.more && slot->num < window->end) {
    window->end = slot->num + 1;
  }
}

static void response(acoap__interaction_t *interaction, acoap_time_t now, const acoap_path_t *from,
                     const acoap_view_t *view, bool piggybacked) {
  acoap__slot_t *slot = interaction->owner;
  acoap__window_t *window = slot->window;
  acoap__send_t *send = window->exchange->send;
  send->busy++;
  landed(slot);
  if (!asks_for_echo(slot, view)) {
    if (!acoap_code_is_success(view->code) && !slot->alone) {
      fall_back(window);
    } else {
      slot->piggybacked = piggybacked;
      note_end(window, slot, view);
      take(slot, now, from, view);
    }
  }
  look_for_losses(window, slot->serial);
  if (send->phase == ACOAP__SEND_RUNNING) {
    acoap__window_go_on(window);
  }
  send->busy--;
  acoap__send_settle_up(send);
}

static void acknowledged(acoap__interaction_t *interaction, acoap_time_t now) {
  (void)now;
  ((acoap__slot_t *)interaction->owner)->acknowledged = true;
}

static void failed(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  acoap__slot_t *slot = interaction->owner;
  acoap__window_t *window = slot->window;
  acoap__send_t *send = window->exchange->send;
  (void)now;
  send->busy++;
  landed(slot);
  if (slot->alone || slot->num == window->next.num) {
    keep(slot, status, NULL);
  }
  fall_back(window);
  acoap__window_go_on(window);
  send->busy--;
  acoap__send_settle_up(send);
}

static bool understands(const acoap__interaction_t *interaction, uint16_t option) {
  const acoap__slot_t *slot = interaction->owner;
  return acoap__desc_understands(&slot->window->exchange->send->desc, option);
}

const acoap__interaction_events_t acoap__window_events = {
    .response = response,
    .acknowledged = acknowledged,
    .failed = failed,
    .understands = understands,
};
