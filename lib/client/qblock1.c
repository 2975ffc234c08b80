/*
 * A request's body that goes in sets of MAX_PAYLOADS blocks (RFC 9177 sections 4.3, 5 and 7.2).
 *
 *     block 0         the request that opens the token family; a CON while the peer is not known
 *     set             the other blocks of it, each with a token and a Message ID of its own
 *     then            2.31 for the whole set, or NON_TIMEOUT_RANDOM: the next set
 *                     4.08 with a list: what is missing, at most MAX_PAYLOADS, then that wait again
 *     all sent        until the answer to the body comes, or nothing for NON_LIFETIME
 *
 * That answer is a NON, too, and may be lost; a server that has the body says the same again to who
 * repeats a block (section 4.3). So the last one goes again, 2, 4, 8 ... times NON_RECEIVE_TIMEOUT
 * after all have left, NON_MAX_RETRANSMIT times: what it has missed the server asks for before.
 * Not so with methods of which twice is more than once.
 *
 * A list that answers a request from before the last sending, while that wait has not run out,
 * tells of a time that is over. As CON: as many at once as NSTART lets, an ACK makes room for the
 * next, and nothing is waited for between sets. The layers are told of each 2.31 and list, and have
 * the next set sent by asking for the next request; so a paused stream sends no further one. Blocks
 * are read again when they are sent again: none is kept.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/mem.h"
#include "client/send.h"
#include "message/method.h"
#include "message/missing_blocks.h"
#include "message/option.h"

/* How often is looked after what waits to leave: block 0, or for a Message ID. */
#define QUEUED_POLL_MS 100u

/* A message on its way. A NON only stands here so that a RST finds it. */
typedef struct place {
  acoap__transmission_t tx;
  acoap__sets_out_t *out; /* of which */
  uint8_t *bytes;         /* lent to the engine */
  size_t cap;             /* room */
} place_t;

struct acoap__sets_out {
  acoap_exchange_t *exchange;
  acoap_qblock_params_t params;
  acoap_params_t sending; /* parameters of the blocks, lent to the engine */
  acoap__timer_t timer;   /* of the wait between sets, or for the answer */
  uint32_t blocks;        /* in the body */
  uint32_t next;          /* the first that has never been sent */
  uint32_t set_end;       /* those below may be sent */
  uint32_t taken;         /* those below the server has acknowledged */
  uint32_t pause_ms;      /* NON_TIMEOUT_RANDOM, one for the whole body */
  uint32_t batch_token;   /* the first token of what was sent together last */
  acoap_time_t batch_at;  /* when that was */
  acoap_time_t answer_by; /* when all have left: given up then */
  uint32_t repeats;       /* how often the last block was sent again for the answer */
  uint32_t again_count;   /* blocks to be sent again */
  uint32_t again_next;    /* of them, already sent */
  uint32_t again[ACOAP_QBLOCK_PAYLOADS_MAX];
  bool active;  /* a body is being sent */
  bool begun;   /* block 0 may be followed */
  size_t turn;  /* the place to be used next */
  size_t count; /* of places */
  place_t places[];
};

static acoap_time_t now_of(const acoap__sets_out_t *out) {
  return acoap__local_endpoint_now(out->exchange->send->endpoint);
}

static acoap__engine_t *engine_of(const acoap__sets_out_t *out) {
  return acoap__local_endpoint_engine(out->exchange->send->endpoint);
}

static bool confirmable(const acoap__sets_out_t *out) {
  return out->exchange->send->desc.confirmable;
}

bool acoap__sets_out_is_active(const acoap__sets_out_t *out) {
  return out != NULL && out->active;
}

static void arm(acoap__sets_out_t *out, acoap_time_t at) {
  acoap__local_endpoint_timer_set(out->exchange->send->endpoint, &out->timer, at);
}

/* ---- one block ------------------------------------------------------------------------------- */

/* Is there a place for one more? As CON no more stand in the peer's queue than may leave. */
static place_t *free_place(acoap__sets_out_t *out) {
  size_t usable = out->count;
  if (confirmable(out) && out->sending.nstart < usable) {
    usable = out->sending.nstart;
  }
  for (size_t i = 0; i < usable; i++) {
    place_t *place = &out->places[(out->turn + i) % usable];
    if (place->tx.state == ACOAP__TX_IDLE || place->tx.state == ACOAP__TX_HELD) {
      out->turn = (out->turn + i + 1) % usable;
      return place;
    }
  }
  return NULL;
}

/* Write the block into its place. 0 or a negative error. */
static int build(acoap__sets_out_t *out, place_t *place, uint32_t num) {
  acoap_exchange_t *exchange = out->exchange;
  size_t most = acoap__local_endpoint_message_max(exchange->send->endpoint, &exchange->path);
  if (place->cap < most) {
    uint8_t *room = acoap__realloc(place->bytes, most);
    if (room == NULL) {
      return ACOAP_ENOMEM;
    }
    place->bytes = room;
    place->cap = most;
  }
  uint8_t *bytes = exchange->bytes;
  size_t cap = exchange->cap;
  size_t len = exchange->len;
  exchange->bytes = place->bytes;
  exchange->cap = place->cap;
  exchange->qblock.request = ACOAP__QBLOCK_PAYLOAD;
  exchange->qblock.num = num;
  int status = acoap__request_build(exchange);
  exchange->qblock.request = ACOAP__QBLOCK_FIRST;
  exchange->bytes = bytes;
  exchange->cap = cap;
  if (status == 0) {
    status = (int)exchange->len;
  }
  exchange->len = len; /* of block 0, which the engine still has */
  return exchange->send->phase == ACOAP__SEND_RUNNING ? status : ACOAP_ECANCELED;
}

static int send_block(acoap__sets_out_t *out, place_t *place, uint32_t num) {
  acoap_exchange_t *exchange = out->exchange;
  acoap__transmission_cancel(engine_of(out), now_of(out), &place->tx);
  int len = build(out, place, num);
  if (len < 0) {
    return len;
  }
  exchange->requests++;
  return acoap__transmission_send(engine_of(out), now_of(out), &place->tx, &exchange->path,
                                  place->bytes, (size_t)len, exchange->timing.type, &out->sending);
}

/* ---- sets ------------------------------------------------------------------------------------ */

static uint32_t end_of_set(const acoap__sets_out_t *out, uint32_t num) {
  uint32_t end = (num / out->params.max_payloads + 1) * out->params.max_payloads;
  return end < out->blocks ? end : out->blocks;
}

/* The block that is due, and the step behind it; false: none is. */
static bool next_due(const acoap__sets_out_t *out, uint32_t *num) {
  if (out->again_next < out->again_count) {
    *num = out->again[out->again_next];
    return true;
  }
  *num = out->next;
  return out->next < out->set_end;
}

static void note_sent(acoap__sets_out_t *out) {
  if (out->again_next < out->again_count) {
    out->again_next++;
    out->exchange->retransmissions++;
  } else {
    out->next++;
  }
}

/* A response is waited for as for one to a request of its own that was sent just now. */
static uint32_t patience_ms(const acoap__sets_out_t *out) {
  const acoap_params_t *params = &out->sending;
  if (params->response_timeout_ms != 0) {
    return params->response_timeout_ms;
  }
  return confirmable(out) ? acoap_params_exchange_lifetime_ms(params)
                          : acoap_params_non_lifetime_ms(params);
}

/* May an answer that was lost be had by sending the last block again? */
static bool may_repeat(const acoap__sets_out_t *out) {
  return !confirmable(out) && out->repeats < out->params.non_max_retransmit &&
         acoap__is_idempotent(out->exchange->send->desc.method);
}

/* All have left. */
static void wait_for_answer(acoap__sets_out_t *out, acoap_time_t now) {
  acoap_time_t at = now + acoap_qblock_params_time_to_wait_ms(&out->params, out->repeats + 2);
  if (out->repeats == 0) {
    out->answer_by = now + patience_ms(out);
  }
  arm(out, may_repeat(out) && at < out->answer_by ? at : out->answer_by);
}

/* Send what is due; then the wait begins. 0 or a negative error. */
static int pump(acoap__sets_out_t *out) {
  acoap_exchange_t *exchange = out->exchange;
  uint32_t num;
  bool waits = false;
  while (exchange->send->phase == ACOAP__SEND_RUNNING && next_due(out, &num)) {
    place_t *place = free_place(out);
    int status = place == NULL ? ACOAP_EEXHAUSTED : send_block(out, place, num);
    waits = status == ACOAP_EEXHAUSTED;
    if (waits) {
      break;
    }
    if (status < 0) {
      return status == ACOAP_ECANCELED ? 0 : status;
    }
    note_sent(out);
  }
  if (exchange->send->phase != ACOAP__SEND_RUNNING) {
    return 0;
  }
  acoap_time_t now = now_of(out);
  out->batch_at = now;
  if (waits) {
    arm(out, now + QUEUED_POLL_MS);
  } else if (confirmable(out) && out->next < out->blocks) {
    out->set_end = end_of_set(out, out->next);
    return pump(out);
  } else if (out->next < out->blocks) {
    arm(out, now + out->pause_ms);
  } else {
    wait_for_answer(out, now);
  }
  return 0;
}

static int start_batch(acoap__sets_out_t *out) {
  out->batch_token = out->exchange->qblock.family.count;
  return pump(out);
}

static void fail(acoap__sets_out_t *out, int status) {
  acoap__request_events.failed(&out->exchange->interaction, now_of(out), status);
}

int acoap__sets_out_go_on(acoap__sets_out_t *out) {
  uint32_t num;
  if (!out->begun) {
    return 0; /* block 0 is under way */
  }
  return next_due(out, &num) ? start_batch(out) : 0;
}

/* The layers were not asked: a paused stream sends no further set. */
static void go_on_unasked(acoap__sets_out_t *out) {
  acoap_exchange_t *exchange = out->exchange;
  acoap__send_t *send = exchange->send;
  if (acoap__send_is_paused(exchange)) {
    exchange->held = true;
    return;
  }
  send->busy++;
  int status = acoap__sets_out_go_on(out);
  if (status < 0) {
    fail(out, status);
  }
  send->busy--;
  acoap__send_settle_up(send);
}

static void send_again(acoap__sets_out_t *out, uint32_t num) {
  out->again[0] = num;
  out->again_count = 1;
  out->again_next = 0;
}

static void wait_over(acoap__timer_t *timer, acoap_time_t now) {
  acoap__sets_out_t *out = ACOAP__CONTAINER(timer, acoap__sets_out_t, timer);
  acoap__send_t *send = out->exchange->send;
  uint32_t num;
  if (!out->active || send->phase != ACOAP__SEND_RUNNING) {
    return;
  }
  if (!out->begun) {
    if (out->exchange->interaction.tx.state == ACOAP__TX_QUEUED) {
      arm(out, now + QUEUED_POLL_MS);
      return;
    }
    out->begun = true;
  } else if (!next_due(out, &num) && out->next == out->blocks) {
    if (now >= out->answer_by) {
      fail(out, ACOAP_ETIMEDOUT);
      return;
    }
    out->repeats++;
    send_again(out, out->blocks - 1);
  } else if (!next_due(out, &num)) {
    out->set_end = end_of_set(out, out->next);
  }
  go_on_unasked(out);
}

void acoap__sets_out_begun(acoap__sets_out_t *out) {
  acoap_exchange_t *exchange = out->exchange;
  out->batch_token = exchange->qblock.family.count - 1;
  if (exchange->timing.type == ACOAP_CON) {
    return; /* an ACK or a response follows, or its failure */
  }
  arm(out, now_of(out)); /* from the loop, since this may be inside of acoap_send */
}

void acoap__sets_out_acknowledged(acoap__sets_out_t *out) {
  if (!out->begun) {
    out->begun = true;
    go_on_unasked(out);
  }
}

/* ---- what the server says -------------------------------------------------------------------- */

/* To the layers, who ask for the next request. */
static acoap__qblock_verdict_t hand_up(acoap__sets_out_t *out, acoap_time_t now,
                                       const acoap_path_t *from, const acoap_view_t *view,
                                       uint32_t there) {
  acoap_exchange_t *exchange = out->exchange;
  const void *layer = exchange->send->desc.block1;
  acoap_message_t *message = acoap__request_take(exchange, now, from, view);
  acoap__qblock_note_known(exchange);
  exchange->upload = true;
  exchange->upload_more = true;
  exchange->upload_end = acoap__block1_end(layer, there);
  exchange->upload_offset = exchange->upload_end;
  if (message != NULL) { /* otherwise the timer goes on */
    acoap__send_handle(exchange, 0, message);
    acoap_message_unref(message);
  }
  return ACOAP__QBLOCK_TAKEN;
}

/* 2.31: all blocks up to this are there (section 4.3). */
static acoap__qblock_verdict_t is_continued(acoap__sets_out_t *out, acoap_time_t now,
                                            const acoap_path_t *from, const acoap_view_t *view) {
  acoap_block_t block;
  if (acoap__qblock_of(view, ACOAP_OPTION_Q_BLOCK1, &block) != 1 || block.num < out->taken ||
      block.num >= out->next) {
    return ACOAP__QBLOCK_TAKEN; /* it says nothing, or nothing new */
  }
  out->taken = block.num + 1;
  out->begun = true;
  out->repeats = 0;
  if (out->taken >= out->set_end && out->next < out->blocks) {
    out->set_end = end_of_set(out, out->next);
  }
  return hand_up(out, now, from, view, out->taken);
}

/* The list of a 4.08 that is one, in ascending order and without duplicates (section 5). */
static bool is_list(const acoap_view_t *view) {
  acoap_bytes_t left = view->payload;
  uint32_t num;
  uint32_t least = 0;
  int status;
  while ((status = acoap__missing_blocks_next(&left, &num)) == 1) {
    if (num < least) {
      return false;
    }
    least = num + 1;
  }
  return status == 0 && least > 0;
}

/* Is it an answer to a request from before what was sent last, and too early to be of now? */
static bool is_stale(const acoap__sets_out_t *out, acoap_time_t now, const acoap_view_t *view) {
  uint32_t index;
  return now - out->batch_at < out->pause_ms &&
         acoap__token_family_has(&out->exchange->qblock.family, view->token, &index) &&
         index < out->batch_token;
}

/* 4.08: these are missing. Those that were not sent yet are sent in their turn. */
static acoap__qblock_verdict_t is_missing(acoap__sets_out_t *out, acoap_time_t now,
                                          const acoap_path_t *from, const acoap_view_t *view) {
  acoap_bytes_t left = view->payload;
  uint32_t num;
  uint32_t first = out->next;
  uint32_t unsent = 0;
  if (!is_list(view) || out->again_next < out->again_count || is_stale(out, now, view)) {
    return ACOAP__QBLOCK_TAKEN;
  }
  out->again_count = 0;
  out->again_next = 0;
  while (acoap__missing_blocks_next(&left, &num) == 1) {
    if (num >= out->next) {
      unsent++;
    } else if (out->again_count < out->params.max_payloads) {
      first = out->again_count == 0 ? num : first;
      out->again[out->again_count++] = num;
    }
  }
  out->begun = true;
  out->repeats = 0;
  if (out->again_count == 0 && unsent > 0 && out->next < out->blocks) {
    out->set_end = end_of_set(out, out->next); /* it has all that was sent, and waits for more */
  }
  return hand_up(out, now, from, view, first);
}

/* 4.08 in the format of section 5. */
bool acoap__sets_out_is_list(const acoap_view_t *view) {
  uint32_t format;
  return view->code == ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE &&
         acoap_view_uint(view, ACOAP_OPTION_CONTENT_FORMAT, &format) &&
         format == ACOAP_FORMAT_MISSING_BLOCKS_CBOR_SEQ;
}

acoap__qblock_verdict_t acoap__sets_out_response(acoap__sets_out_t *out, acoap_time_t now,
                                                 const acoap_path_t *from,
                                                 const acoap_view_t *view) {
  acoap_exchange_t *exchange = out->exchange;
  if (view->code == ACOAP_CODE_CONTINUE) {
    return is_continued(out, now, from, view);
  }
  if (acoap__sets_out_is_list(view)) {
    return is_missing(out, now, from, view);
  }
  /* The answer to the body. */
  bool all = out->next == out->blocks;
  acoap__block1_note_sent(exchange->send->desc.block1, all);
  exchange->upload = true;
  exchange->upload_more = !all;
  exchange->upload_end = acoap__block1_end(exchange->send->desc.block1, out->next);
  exchange->upload_offset = acoap__block1_end(exchange->send->desc.block1, out->taken);
  acoap__sets_out_stop(out);
  return ACOAP__QBLOCK_PASS;
}

/* ---- what the engine reports of the blocks --------------------------------------------------- */

static void block_acknowledged(acoap__transmission_t *tx, acoap_time_t now,
                               const acoap_path_t *from, const acoap_view_t *view) {
  acoap__sets_out_t *out = ((place_t *)tx->owner)->out;
  acoap_exchange_t *exchange = out->exchange;
  exchange->retransmissions += tx->retransmissions;
  if (view->code == ACOAP_CODE_EMPTY) {
    go_on_unasked(out);
  } else if (acoap__view_unrecognised(view, acoap__request_understands, exchange) != 0) {
    fail(out, ACOAP_EBADOPTION);
  } else {
    acoap__request_events.response(&exchange->interaction, now, from, view, true);
  }
}

static void block_reset(acoap__transmission_t *tx, acoap_time_t now) {
  (void)now;
  fail(((place_t *)tx->owner)->out, ACOAP_ERESET);
}

static void block_failed(acoap__transmission_t *tx, acoap_time_t now, int status) {
  (void)now;
  fail(((place_t *)tx->owner)->out, status);
}

static const acoap__transmission_events_t place_events = {
    .acknowledged = block_acknowledged,
    .reset = block_reset,
    .failed = block_failed,
};

/* ---- for the exchange ------------------------------------------------------------------------ */

static acoap__sets_out_t *get(acoap_exchange_t *exchange) {
  acoap_params_t sending;
  acoap_qblock_params_t params;
  if (exchange->qblock.out != NULL) {
    return exchange->qblock.out;
  }
  acoap__qblock_params(exchange, &sending, &params);
  size_t count = params.max_payloads;
  acoap__sets_out_t *out = acoap__calloc(1, sizeof(*out) + count * sizeof(place_t));
  if (out == NULL) {
    return NULL;
  }
  out->exchange = exchange;
  out->sending = sending;
  out->params = params;
  out->count = count;
  acoap__timer_init(&out->timer, wait_over);
  for (size_t i = 0; i < count; i++) {
    out->places[i].out = out;
    acoap__transmission_init(&out->places[i].tx, &exchange->way, &place_events, &out->places[i]);
  }
  exchange->qblock.out = out;
  return out;
}

int acoap__sets_out_begin(acoap_exchange_t *exchange) {
  uint64_t blocks = acoap__block1_count(exchange->send->desc.block1);
  if (blocks > ACOAP_BLOCK_NUM_MAX + UINT64_C(1)) {
    return ACOAP_ETOOBIG;
  }
  acoap__sets_out_t *out = get(exchange);
  if (out == NULL) {
    return ACOAP_ENOMEM;
  }
  out->blocks = (uint32_t)blocks;
  out->next = 1;
  out->taken = 0;
  out->set_end = end_of_set(out, 0);
  out->again_count = 0;
  out->again_next = 0;
  out->begun = false;
  out->repeats = 0;
  out->active = true;
  out->pause_ms = acoap__random_between(
      acoap__local_endpoint_engine(exchange->send->endpoint)->random, out->params.non_timeout_ms,
      acoap_qblock_params_non_timeout_random_max_ms(&out->params));
  return 0;
}

void acoap__sets_out_stop(acoap__sets_out_t *out) {
  if (out == NULL || !out->active) {
    return;
  }
  out->active = false;
  for (size_t i = 0; i < out->count; i++) {
    acoap__transmission_cancel(engine_of(out), now_of(out), &out->places[i].tx);
  }
  acoap__local_endpoint_timer_clear(out->exchange->send->endpoint, &out->timer);
}

void acoap__sets_out_free(acoap__sets_out_t *out) {
  if (out == NULL) {
    return;
  }
  for (size_t i = 0; i < out->count; i++) {
    acoap__free(out->places[i].bytes);
  }
  acoap__free(out);
}
