/*
 * Several requests of one block-wise transfer in flight (RFC 7959 section 2.4: a block is asked for
 * by number, so none has to wait for another). It stands below the layers, which go from block to
 * block as without it: when they ask for block n, those behind it are asked for as well, and what
 * comes before its turn waits here.
 *
 *     in flight <= allowed <= most         blocks kept <= most
 *     allowed := min(allowed + 1, most)    after as many answers as were allowed
 *     allowed := max(allowed / 2, 1)       for a loss; once per round trip
 *
 * A loss is a retransmission, or three requests that were sent later and answered earlier: then a
 * CON is sent again at once instead of after ACK_TIMEOUT, with its Message ID, so that the server
 * knows it for the same; a NON is made anew. Not so an upload: a server that keeps no account of
 * Message IDs would take a block for a later one that it does not follow.
 *
 * NSTART is raised to `most` for these requests alone (RFC 7252 section 4.7 lets a sender who has a
 * congestion control of his own do that): other requests to the same server keep theirs, and the
 * peer's queue keeps its order.
 *
 * An error is believed of a request that was alone. One that answers a request among others is
 * dropped, and the rest of the transfer goes in lock-step: so a server that answers in order only,
 * or refuses what lies behind the end, is met as it is without a window. Understands no blocks.
 * SPDX-License-Identifier: MIT
 */
#include "client/window.h"

#include <acoap/block.h>

#include <string.h>

#include "base/mem.h"
#include "client/send.h"
#include "exchange/transmission.h"

#define OVERTAKEN_LOST 3u /* answers to later requests that mean a loss (RFC 5681 section 3.2) */

typedef enum slot_state {
  SLOT_FREE = 0, /* to be asked for */
  SLOT_FLYING,   /* a request is under way */
  SLOT_HERE      /* answered, and not yet handed up */
} slot_state_t;

/* One block. */
typedef struct slot {
  acoap__interaction_t interaction; /* its request */
  acoap__window_t *window;          /* of which */
  acoap_message_t *message;         /* HERE: a reference; NULL: `status` */
  uint8_t *bytes;                   /* of the request, lent to the engine */
  size_t cap;                       /* room for them */
  uint64_t serial;                  /* when it was sent, counted in requests */
  uint32_t num;                     /* which block */
  uint32_t retransmissions;         /* of the request, seen so far */
  uint32_t overtaken;               /* later requests that were answered meanwhile */
  int status;                       /* HERE: the error, or 0 */
  slot_state_t state;
  uint8_t echoes;    /* questions for freshness in a row */
  bool acknowledged; /* an empty ACK came */
  bool alone;        /* it was sent when no other was in flight */
  bool ahead;        /* it was sent before its turn */
  bool piggybacked;  /* the answer came in the ACK */
} slot_t;

struct acoap__window {
  acoap_exchange_t *exchange; /* whose; NULL: it has gone while blocks were handed up */
  acoap__deferred_t deferred; /* hands up what is here when nobody else does */
  acoap_params_t params;      /* of its requests, lent to the engine */
  acoap__ahead_t next;        /* the block that the layers wait for, or waited for last */
  uint32_t allowed;           /* requests in flight */
  uint32_t answered;          /* without a loss, since `allowed` changed */
  uint32_t flying;            /* requests in flight */
  uint32_t here;              /* blocks kept */
  uint32_t end;               /* no block at or behind this is asked for before its turn */
  uint64_t serial;            /* of the last request */
  uint64_t recovered;         /* losses of requests up to this one have been acted upon */
  bool waiting;               /* the layers wait for `next` */
  bool delivering;            /* blocks are being handed up */
  size_t count;               /* of slots */
  slot_t slots[];             /* of block num: num % count */
};

static acoap_time_t now_of(const acoap__window_t *window) {
  return acoap__local_endpoint_now(window->exchange->send->endpoint);
}

static acoap__engine_t *engine_of(const acoap__window_t *window) {
  return acoap__local_endpoint_engine(window->exchange->send->endpoint);
}

static slot_t *slot_of(acoap__window_t *window, uint32_t num) {
  return &window->slots[num % window->count];
}

/* ---- congestion ------------------------------------------------------------------------------ */

/* This request was lost, or its answer. */
static void note_loss(acoap__window_t *window, const slot_t *slot) {
  if (slot->serial <= window->recovered) {
    return;
  }
  window->recovered = window->serial;
  window->answered = 0;
  window->allowed = window->allowed > 1 ? window->allowed / 2 : 1;
}

/* The request has been retransmitted since that was last looked at. */
static bool note_retransmissions(acoap__window_t *window, slot_t *slot) {
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

/* What is under way is forgotten, what is here is dropped. */
static void clear_slot(acoap__window_t *window, slot_t *slot) {
  if (slot->state == SLOT_FLYING) {
    acoap__interaction_close(engine_of(window), now_of(window), &slot->interaction);
    window->flying--;
  } else if (slot->state == SLOT_HERE) {
    slot->message = acoap_message_unref(slot->message);
    window->here--;
  }
  slot->state = SLOT_FREE;
}

static int make_room(slot_t *slot, size_t cap) {
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
static int build(acoap__window_t *window, slot_t *slot, uint32_t num) {
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

static int ask(acoap__window_t *window, uint32_t num) {
  acoap_exchange_t *exchange = window->exchange;
  slot_t *slot = slot_of(window, num);
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
  slot->state = SLOT_FLYING; /* before the socket is called, which may call back */
  window->flying++;
  exchange->requests++;
  status = acoap__interaction_send(engine_of(window), now_of(window), &slot->interaction,
                                   &exchange->path, slot->bytes, exchange->len,
                                   exchange->timing.type, &options);
  if (status < 0) {
    slot->state = SLOT_FREE;
    window->flying--;
    exchange->requests--;
  }
  return status;
}

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
  slot_t *slot = slot_of(window, num);
  if (slot->state == SLOT_FREE) {
    if (window->next.most <= 1 && window->flying > 0) {
      return 0; /* in lock-step: when the others are answered */
    }
    int status = ask(window, num);
    if (status < 0) {
      return status;
    }
  }
  for (uint32_t i = 1; i < window->count && window->flying < window->allowed; i++) {
    if (send->phase != ACOAP__SEND_RUNNING || !may_go_ahead(window, (uint64_t)num + i)) {
      break;
    }
    int status = slot_of(window, num + i)->state == SLOT_FREE ? ask(window, num + i) : 0;
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

static void hand_up(acoap__window_t *window, slot_t *slot) {
  acoap_exchange_t *exchange = window->exchange;
  acoap_message_t *message = slot->message;
  int status = slot->status;
  slot->message = NULL;
  slot->state = SLOT_FREE;
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
    slot_t *slot = slot_of(window, window->next.num);
    if (slot->state != SLOT_HERE) {
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
    if (slot_of(window, window->next.num)->state == SLOT_FREE) {
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

/* Something has changed: go on as far as the layers wait. */
static void go_on(acoap__window_t *window) {
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

/* ---- what the engine reports ----------------------------------------------------------------- */

/* The request is over: the slot is free. */
static void landed(slot_t *slot) {
  acoap__window_t *window = slot->window;
  slot->state = SLOT_FREE;
  window->flying--;
  if (!note_retransmissions(window, slot)) {
    note_answer(window);
  }
}

/* Lost: once more. What is overtaken then is counted from here on. */
static void send_again(acoap__window_t *window, slot_t *slot) {
  slot->overtaken = 0;
  slot->serial = ++window->serial;
  window->exchange->retransmissions++;
  if (!acoap__retransmit_early(engine_of(window), &slot->interaction.tx)) {
    clear_slot(window, slot);
    (void)ask(window, slot->num); /* otherwise it is asked for in its turn */
  }
}

/* Look at those that are still under way: what was sent before this and is not answered yet may be
 * lost. */
static void look_for_losses(acoap__window_t *window, uint64_t serial) {
  for (size_t i = 0; i < window->count; i++) {
    slot_t *slot = &window->slots[i];
    if (slot->state != SLOT_FLYING || window->exchange->send->phase != ACOAP__SEND_RUNNING) {
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
static void keep(slot_t *slot, int status, acoap_message_t *message) {
  slot->state = SLOT_HERE;
  slot->status = status;
  slot->message = message;
  slot->echoes = 0;
  slot->window->here++;
}

static void take(slot_t *slot, acoap_time_t now, const acoap_path_t *from,
                 const acoap_view_t *view) {
  const acoap__send_t *send = slot->window->exchange->send;
  const acoap__transmission_t *tx = &slot->interaction.tx;
  acoap_message_t *message = acoap__message_take(send->endpoint, from, view);
  acoap_time_t elapsed = now - tx->first_sent;
  acoap__message_set_timing(message, elapsed > UINT32_MAX ? UINT32_MAX : (uint32_t)elapsed,
                            tx->retransmissions);
  keep(slot, message == NULL ? ACOAP_ENOMEM : 0, message);
}

static bool asks_for_echo(slot_t *slot, const acoap_view_t *view) {
  acoap__echo_t *echo = &slot->window->exchange->echo;
  echo->in_a_row = slot->echoes;
  bool asked = acoap__echo_asked(slot->window->exchange, view);
  slot->echoes = echo->in_a_row;
  return asked;
}

/* The body ends with this block: none behind it is asked for. */
static void note_end(acoap__window_t *window, const slot_t *slot, const acoap_view_t *view) {
  acoap_block_t block;
  if (!window->next.upload && acoap_view_block(view, ACOAP_OPTION_BLOCK2, &block) == 1 &&
      !block.more && slot->num < window->end) {
    window->end = slot->num + 1;
  }
}

static void response(acoap__interaction_t *interaction, acoap_time_t now, const acoap_path_t *from,
                     const acoap_view_t *view, bool piggybacked) {
  slot_t *slot = interaction->owner;
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
    go_on(window);
  }
  send->busy--;
  acoap__send_settle_up(send);
}

static void acknowledged(acoap__interaction_t *interaction, acoap_time_t now) {
  (void)now;
  ((slot_t *)interaction->owner)->acknowledged = true;
}

static void failed(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  slot_t *slot = interaction->owner;
  acoap__window_t *window = slot->window;
  acoap__send_t *send = window->exchange->send;
  (void)now;
  send->busy++;
  landed(slot);
  if (slot->alone || slot->num == window->next.num) {
    keep(slot, status, NULL);
  }
  fall_back(window);
  go_on(window);
  send->busy--;
  acoap__send_settle_up(send);
}

static bool understands(const acoap__interaction_t *interaction, uint16_t option) {
  const slot_t *slot = interaction->owner;
  return acoap__desc_understands(&slot->window->exchange->send->desc, option);
}

static const acoap__interaction_events_t slot_events = {
    .response = response,
    .acknowledged = acknowledged,
    .failed = failed,
    .understands = understands,
};

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
  acoap__window_t *window = acoap__calloc(1, sizeof(*window) + count * sizeof(slot_t));
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
    acoap__interaction_init(&window->slots[i].interaction, &slot_events, &window->slots[i]);
  }
  window->next = exchange->ahead;
  window->allowed = exchange->ahead.most;
  window->end = UINT32_MAX;
  return window;
}

/* The layers go on somewhere else: what was asked for is of no use. */
static void begin_anew(acoap__window_t *window) {
  for (size_t i = 0; i < window->count; i++) {
    clear_slot(window, &window->slots[i]);
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
  if (!window->delivering && slot_of(window, window->next.num)->state == SLOT_HERE) {
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
