/*
 * A response's body that comes in sets of MAX_PAYLOADS blocks (RFC 9177 sections 4.4 and 7.2), in
 * any order, under any of the tokens that asked for it.
 *
 *     set(num) = num / MAX_PAYLOADS,   num kept < next + 2 * MAX_PAYLOADS
 *     a set is complete                -> ask for the next, "Continue": its first number, M set
 *     nothing new for Time-to-Wait(n)  -> ask for what is missing, the n-th time in a row
 *     a block of a later set comes     -> the same at once, once a set
 *     NON_MAX_RETRANSMIT in vain       -> ACOAP_ETIMEDOUT
 *
 *     Time-to-Wait(n) = NON_RECEIVE_TIMEOUT * 2^(n - 1), as CON: MAX_TRANSMIT_SPAN (section 4.4)
 *
 * A repeated request holds a place of NSTART and is subject to PROBING_RATE as every NON request is
 * (section 7.2). The layers are given the blocks one by one and in order; what comes early waits
 * here. The options of ETag and sizes are judged by the layers, but for those that say that a block
 * is of another body or of another size. A paused stream asks for nothing.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/mem.h"
#include "client/send.h"

/* How often a NON that waits to leave is looked after. */
#define QUEUED_POLL_MS 100u
/* Sets that may be kept: the one that is put together, and the next, which a server begins by
 * itself after NON_TIMEOUT_RANDOM. */
#define SETS_KEPT 2u

struct acoap__sets_in {
  acoap_exchange_t *exchange; /* whose; NULL: it has gone while blocks were handed up */
  acoap_qblock_params_t params;
  uint32_t span_ms;           /* MAX_TRANSMIT_SPAN */
  acoap__timer_t timer;       /* the wait for what is missing */
  acoap__deferred_t deferred; /* hands up what is here when nobody else does */
  uint32_t next;              /* the block whose turn it is */
  uint32_t seen;              /* one behind the greatest that came */
  uint32_t blocks;            /* in the body; 0: not known yet */
  uint32_t complained;        /* one behind the set whose gaps a later set has shown */
  uint32_t asked;             /* requests in a row that brought nothing new */
  acoap_time_t quiet_since;   /* when something new came, or was asked for */
  acoap_time_t news_at;       /* when something new came last, or it began */
  uint8_t szx;                /* of the blocks */
  uint8_t etag_len;           /* bytes */
  uint8_t etag[8];            /* of the representation */
  bool has_etag;              /* `etag` is known */
  bool sized;                 /* `szx` is known */
  bool idle;                  /* there is no body now */
  bool waiting;               /* the layers wait for `next` */
  bool delivering;            /* blocks are being handed up */
  bool must_ask;              /* what the layers wait for has to be asked for */
  size_t count;               /* of slots */
  acoap_message_t *slots[];   /* block num, a reference: num % count; NULL: not here */
};

static acoap_time_t now_of(const acoap__sets_in_t *in) {
  return acoap__local_endpoint_now(in->exchange->send->endpoint);
}

static acoap_message_t **slot_of(acoap__sets_in_t *in, uint32_t num) {
  return &in->slots[num % in->count];
}

static bool is_here(const acoap__sets_in_t *in, uint32_t num) {
  return num - in->next < in->count && in->slots[num % in->count] != NULL;
}

static uint32_t set_of(const acoap__sets_in_t *in, uint32_t num) {
  return num / in->params.max_payloads;
}

static void forget_blocks(acoap__sets_in_t *in) {
  for (size_t i = 0; i < in->count; i++) {
    in->slots[i] = acoap_message_unref(in->slots[i]);
  }
  in->seen = 0;
  in->blocks = 0;
  in->complained = 0;
  in->asked = 0;
  in->has_etag = false;
  in->sized = false;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void write_option(acoap_builder_t *builder, uint32_t num, bool more, uint8_t szx) {
  acoap_block_t block = {num, more, szx};
  acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK2, &block);
}

/* One behind the last block of the set in hand. */
static uint32_t end_of_set(const acoap__sets_in_t *in) {
  uint32_t end = (set_of(in, in->next) + 1) * in->params.max_payloads;
  return in->blocks != 0 && in->blocks < end ? in->blocks : end;
}

/*
 * The missing blocks of the set in hand, each with an option of its own in ascending order; the
 * whole of what is left of it, when nothing behind the next block is here, with one and M.
 */
void acoap__sets_in_write(const acoap__sets_in_t *in, acoap_builder_t *builder) {
  uint32_t end = end_of_set(in);
  if (in->seen <= in->next) {
    write_option(builder, in->next, true, in->szx);
    return;
  }
  for (uint32_t num = in->next; num < end; num++) {
    if (!is_here(in, num)) {
      write_option(builder, num, false, in->szx);
    }
  }
}

static void arm(acoap__sets_in_t *in, acoap_time_t at) {
  acoap__local_endpoint_timer_set(in->exchange->send->endpoint, &in->timer, at);
}

static uint32_t time_to_wait_ms(const acoap__sets_in_t *in) {
  return in->exchange->send->desc.confirmable
             ? in->span_ms
             : acoap_qblock_params_time_to_wait_ms(&in->params, in->asked + 1);
}

/* Ask for what the layers wait for, and what belongs to it. */
static int ask(acoap__sets_in_t *in) {
  acoap_exchange_t *exchange = in->exchange;
  in->must_ask = false;
  in->quiet_since = now_of(in);
  exchange->qblock.request = ACOAP__QBLOCK_WANTED;
  exchange->qblock.open = true;
  exchange->qblock.untimed = true;
  int status = acoap__request_alone(exchange);
  exchange->qblock.request = ACOAP__QBLOCK_FIRST;
  if (exchange->send->phase != ACOAP__SEND_RUNNING) {
    return 0; /* dropped by a layer */
  }
  if (status < 0) {
    in->must_ask = true;
    return status;
  }
  arm(in, in->quiet_since + time_to_wait_ms(in));
  return 0;
}

/* The layers hear of it, as of a request that failed. */
static void fail(acoap__sets_in_t *in, int status) {
  acoap_exchange_t *exchange = in->exchange;
  (void)acoap__qblock_failed(exchange, status);
  acoap__send_handle(exchange, status, NULL);
}

static void wait_over(acoap__timer_t *timer, acoap_time_t now) {
  acoap__sets_in_t *in = ACOAP__CONTAINER(timer, acoap__sets_in_t, timer);
  acoap_exchange_t *exchange = in->exchange;
  acoap_time_t due = in->quiet_since + time_to_wait_ms(in);
  if (!in->waiting || exchange->send->phase != ACOAP__SEND_RUNNING) {
    return;
  }
  if (exchange->interaction.open && exchange->interaction.tx.state == ACOAP__TX_QUEUED) {
    in->quiet_since = now; /* nothing has been asked for yet */
    arm(in, now + QUEUED_POLL_MS);
    return;
  }
  if (now < due) {
    arm(in, due);
    return;
  }
  if (in->asked >= in->params.non_max_retransmit ||
      now - in->news_at >= in->params.non_partial_timeout_ms) {
    fail(in, ACOAP_ETIMEDOUT);
    return;
  }
  acoap__send_t *send = exchange->send;
  send->busy++;
  in->asked++;
  exchange->retransmissions++;
  int status = ask(in);
  if (status < 0) {
    fail(in, status);
  }
  send->busy--;
  acoap__send_settle_up(send);
}

/* ---- handing up ------------------------------------------------------------------------------ */

/* Give this message to the layers; takes the reference. */
static void hand_up(acoap__sets_in_t *in, acoap_message_t *message) {
  acoap_exchange_t *exchange = in->exchange;
  in->waiting = false;
  acoap__request_note_total(exchange, acoap_message_view(message));
  acoap__send_handle(exchange, 0, message);
  acoap_message_unref(message);
}

/* Begin and end of a stretch in which the layers may end the exchange. */
static void begin_delivery(acoap__sets_in_t *in, acoap__send_t *send) {
  in->delivering = true;
  send->busy++;
}

static void end_delivery(acoap__sets_in_t *in, acoap__send_t *send) {
  in->delivering = false;
  if (in->exchange == NULL) {
    acoap__free(in);
  }
  send->busy--;
  acoap__send_settle_up(send);
}

/* Hand up, one by one, what the layers wait for. */
static void deliver(acoap__sets_in_t *in, const acoap__send_t *send) {
  while (in->exchange != NULL && in->waiting && send->phase == ACOAP__SEND_RUNNING) {
    acoap_message_t **slot = slot_of(in, in->next);
    acoap_message_t *message = *slot;
    if (message == NULL) {
      break;
    }
    *slot = NULL;
    hand_up(in, message);
  }
}

static void deliver_deferred(acoap__deferred_t *deferred) {
  acoap__sets_in_t *in = ACOAP__CONTAINER(deferred, acoap__sets_in_t, deferred);
  acoap__send_t *send = in->exchange->send;
  begin_delivery(in, send);
  deliver(in, send);
  end_delivery(in, send);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void set_etag(acoap__sets_in_t *in, acoap_bytes_t etag) {
  in->has_etag = true;
  in->etag_len = (uint8_t)etag.len;
  if (etag.len > 0) {
    memcpy(in->etag, etag.data, etag.len);
  }
}

static bool has_etag(const acoap__sets_in_t *in, acoap_bytes_t etag) {
  return in->has_etag && etag.len == in->etag_len &&
         (etag.len == 0 || memcmp(etag.data, in->etag, etag.len) == 0);
}

/* The first ETag that comes is the body's; a block without one contradicts nothing. */
bool acoap__sets_in_is_of(acoap__sets_in_t *in, const acoap_view_t *view) {
  acoap_bytes_t etag;
  if (!acoap_view_option(view, ACOAP_OPTION_ETAG, 0, &etag) || etag.len > sizeof(in->etag)) {
    return true;
  }
  if (!in->has_etag) {
    set_etag(in, etag);
  }
  return has_etag(in, etag);
}

/* Where the body ends, as this block tells. */
static void note_end(acoap__sets_in_t *in, const acoap_view_t *view, const acoap_block_t *block) {
  uint32_t total;
  size_t size = acoap_block_size(block->szx);
  if (!block->more) {
    in->blocks = block->num + 1;
  } else if (acoap_view_uint(view, ACOAP_OPTION_SIZE2, &total) && total > 0) {
    in->blocks = (uint32_t)(((uint64_t)total + size - 1) / size);
  }
  if (block->num >= in->seen) {
    in->seen = block->num + 1;
  }
}

/* Once in a set: a later one has begun, so what is missing of this will not come by itself. */
static void complain(acoap__sets_in_t *in) {
  uint32_t set = set_of(in, in->next);
  if (!in->waiting || set_of(in, in->seen - 1) <= set || in->complained > set) {
    return;
  }
  in->complained = set + 1;
  in->asked = 1;
  in->exchange->retransmissions++;
  int status = ask(in);
  if (status < 0) {
    fail(in, status);
  }
}

/* A block that is new: to the layers when it is its turn, otherwise into its slot. */
static void take(acoap__sets_in_t *in, acoap_time_t now, const acoap_path_t *from,
                 const acoap_view_t *view, const acoap_block_t *block) {
  acoap_exchange_t *exchange = in->exchange;
  acoap__send_t *send = exchange->send;
  acoap_message_t *message = acoap__request_take(exchange, now, from, view);
  if (message == NULL) {
    return; /* without memory it is as good as lost */
  }
  in->quiet_since = now;
  in->news_at = now;
  in->asked = 0;
  note_end(in, view, block);
  if (in->delivering) {
    *slot_of(in, block->num) = message;
    return;
  }
  begin_delivery(in, send);
  if (block->num == in->next && in->waiting) {
    hand_up(in, message);
  } else {
    *slot_of(in, block->num) = message;
  }
  deliver(in, send);
  if (in->exchange != NULL && send->phase == ACOAP__SEND_RUNNING) {
    complain(in);
  }
  end_delivery(in, send);
}

/* A block of another body, or one that cannot be: the layers decide (ACOAP_ECHANGED,
 * ACOAP_EBLOCK). */
static void take_other(acoap__sets_in_t *in, acoap_time_t now, const acoap_path_t *from,
                       const acoap_view_t *view) {
  acoap__send_t *send = in->exchange->send;
  acoap_message_t *message = acoap__request_take(in->exchange, now, from, view);
  if (message == NULL || !in->waiting || in->delivering) {
    acoap_message_unref(message);
    return;
  }
  begin_delivery(in, send);
  hand_up(in, message);
  end_delivery(in, send);
}

void acoap__sets_in_arrived(acoap__sets_in_t *in, acoap_time_t now, const acoap_path_t *from,
                            const acoap_view_t *view, const acoap_block_t *block) {
  if (in->exchange == NULL || in->idle) {
    return;
  }
  if (!acoap__sets_in_is_of(in, view) || (in->sized && block->szx != in->szx)) {
    if (in->next > 0) {
      take_other(in, now, from, view);
      return;
    }
    /* The layers have seen nothing of the older one: this takes its place. */
    forget_blocks(in);
    (void)acoap__sets_in_is_of(in, view);
  }
  in->sized = true;
  in->szx = block->szx;
  if (block->num - in->next >= in->count || is_here(in, block->num)) {
    return; /* a duplicate (section 4.4), or further ahead than a set */
  }
  take(in, now, from, view, block);
}

/* ---- for the exchange ------------------------------------------------------------------------ */

static acoap__sets_in_t *get(acoap_exchange_t *exchange) {
  acoap_params_t sending;
  acoap_qblock_params_t params;
  if (exchange->qblock.in != NULL) {
    return exchange->qblock.in;
  }
  acoap__qblock_params(exchange, &sending, &params);
  size_t count = (size_t)params.max_payloads * SETS_KEPT;
  acoap__sets_in_t *in = acoap__calloc(1, sizeof(*in) + count * sizeof(in->slots[0]));
  if (in == NULL) {
    return NULL;
  }
  in->exchange = exchange;
  in->params = params;
  in->span_ms = acoap_params_max_transmit_span_ms(&sending);
  in->count = count;
  acoap__timer_init(&in->timer, wait_over);
  acoap__deferred_init(&in->deferred, deliver_deferred);
  exchange->qblock.in = in;
  return in;
}

int acoap__sets_in_begin(acoap_exchange_t *exchange, uint32_t num, bool asked) {
  acoap__sets_in_t *in = get(exchange);
  if (in == NULL) {
    return ACOAP_ENOMEM;
  }
  forget_blocks(in);
  in->next = num;
  in->seen = num;
  in->szx = 6;
  in->must_ask = !asked;
  in->idle = false;
  in->waiting = true;
  in->quiet_since = now_of(in);
  in->news_at = in->quiet_since;
  arm(in, in->quiet_since + time_to_wait_ms(in));
  return 0;
}

/* The layers have chosen a representation: what is kept of another is void. */
static void follow_etag(acoap__sets_in_t *in, acoap_bytes_t etag) {
  if (in->has_etag && !has_etag(in, etag)) {
    forget_blocks(in);
    in->seen = in->next;
  }
  if (!in->has_etag) {
    set_etag(in, etag);
  }
}

int acoap__sets_in_go_on(acoap_exchange_t *exchange) {
  const acoap__ahead_t *ahead = &exchange->ahead;
  acoap__sets_in_t *in = exchange->qblock.in;
  if (in == NULL || in->idle || (ahead->num != in->next && ahead->num != in->next + 1)) {
    int status = acoap__sets_in_begin(exchange, ahead->num, !exchange->qblock.single);
    if (status < 0) {
      return status;
    }
    in = exchange->qblock.in;
  }
  in->next = ahead->num;
  if (ahead->etag.data != NULL) {
    follow_etag(in, ahead->etag);
  }
  in->szx = ahead->szx;
  in->sized = true;
  in->waiting = true;
  if (is_here(in, in->next)) {
    if (!in->delivering) {
      acoap__defer(exchange->send->endpoint, &in->deferred);
    }
    return 0;
  }
  bool next_set = in->next % in->params.max_payloads == 0 && in->seen <= in->next;
  if (in->must_ask || next_set) {
    return ask(in);
  }
  if (!in->timer.queued) {
    arm(in, in->quiet_since + time_to_wait_ms(in));
  }
  return 0;
}

bool acoap__sets_in_waits(const acoap__sets_in_t *in) {
  return in != NULL && in->waiting;
}

bool acoap__sets_in_has_begun(const acoap__sets_in_t *in) {
  return in != NULL && !in->idle && in->next > 0;
}

bool acoap__sets_in_lacks_first(const acoap__sets_in_t *in) {
  return in != NULL && !in->idle && in->next == 0 && in->seen > 0;
}

int acoap__sets_in_go_on_to_first(acoap__sets_in_t *in) {
  in->waiting = true;
  return ask(in);
}

void acoap__sets_in_interrupt(acoap__sets_in_t *in) {
  if (in != NULL && in->waiting) {
    in->waiting = false;
    in->must_ask = true;
    in->asked = 0;
    acoap__local_endpoint_timer_clear(in->exchange->send->endpoint, &in->timer);
  }
}

void acoap__sets_in_stop(acoap__sets_in_t *in) {
  if (in != NULL && in->exchange != NULL) {
    forget_blocks(in);
    in->next = 0;
    in->idle = true;
    in->waiting = false;
    acoap__deferred_cancel(&in->deferred);
    acoap__local_endpoint_timer_clear(in->exchange->send->endpoint, &in->timer);
  }
}

void acoap__sets_in_free(acoap_exchange_t *exchange) {
  acoap__sets_in_t *in = exchange->qblock.in;
  if (in == NULL) {
    return;
  }
  exchange->qblock.in = NULL;
  in->exchange = NULL;
  if (!in->delivering) {
    acoap__free(in);
  }
}
