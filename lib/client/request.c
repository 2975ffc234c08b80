/*
 * One request of an exchange: addresses, token, the encoded message, copies of it, and what the
 * engine reports. RFC 7252 sections 4.3 (ping), 5.2 and 5.3.1 (tokens).
 *
 * The rule: addresses are tried in turn as long as nothing was heard from any; a token is new for
 * each request unless it is to be kept; the datagram is lent to the engine until the interaction
 * ends, so that is closed before the next request is built over it. Decides nothing about
 * responses.
 * SPDX-License-Identifier: MIT
 */
#include "client/send.h"

#include <acoap/block.h>

#include <string.h>

#include "base/mem.h"

/* How often a NON that waits for a free Message ID is looked after when nothing else tells. */
#define QUEUED_POLL_MS 100

static acoap__engine_t *engine_of(const acoap_exchange_t *exchange) {
  return acoap__local_endpoint_engine(exchange->send->endpoint);
}

static acoap_time_t now_of(const acoap_exchange_t *exchange) {
  return acoap__local_endpoint_now(exchange->send->endpoint);
}

/* ---- building ------------------------------------------------------------------------------- */

static void choose_token(acoap_exchange_t *exchange) {
  const acoap_desc_t *desc = &exchange->send->desc;
  if (acoap__qblock_is_on(exchange)) {
    acoap__qblock_token(exchange);
  } else if (desc->has_token && !exchange->follow_up) {
    exchange->token_len = desc->token_len;
    memcpy(exchange->token, desc->token, desc->token_len);
  } else if (!exchange->has_token || !exchange->timing.keep_token) {
    exchange->token_len = sizeof(exchange->token);
    acoap__engine_new_token(engine_of(exchange), exchange->token);
  }
  exchange->has_token = true;
}

/* Room for the largest message towards this path. */
static int make_room(acoap_exchange_t *exchange, size_t cap) {
  if (cap <= exchange->cap) {
    return 0;
  }
  uint8_t *bytes = acoap__malloc(cap);
  if (bytes == NULL) {
    return ACOAP_ENOMEM;
  }
  acoap__free(exchange->own_bytes);
  exchange->own_bytes = bytes;
  exchange->bytes = bytes;
  exchange->cap = cap;
  return 0;
}

static int write_request(acoap_exchange_t *exchange, size_t most) {
  acoap_builder_t builder;
  exchange->upload = false;
  exchange->upload_more = false;
  exchange->qblock.upload = false;
  acoap_builder_init(&builder, exchange->bytes, most, exchange->timing.type,
                     exchange->send->desc.method, 0, exchange->token, exchange->token_len);
  int status = acoap__exchange_write(exchange, &builder);
  acoap__echo_write_request(exchange, &builder);
  return status < 0 ? status : acoap_builder_finish(&builder);
}

int acoap__request_build(acoap_exchange_t *exchange) {
  acoap__send_t *send = exchange->send;
  size_t most = acoap__local_endpoint_message_max(send->endpoint, &exchange->path);
  int status = make_room(exchange, most);
  if (status < 0) {
    return status;
  }
  acoap__exchange_timing(exchange, &exchange->timing);
  acoap__qblock_timing(exchange);
  choose_token(exchange);
  status = write_request(exchange, most);
  while (status == ACOAP_ENOSPACE && exchange->upload && exchange->skip == 0 &&
         exchange->qblock.request == ACOAP__QBLOCK_FIRST &&
         acoap__block1_shrink(send->desc.block1)) {
    status = write_request(exchange, most); /* outer layers wrote options behind the block */
  }
  if (status < 0) {
    return status == ACOAP_ENOSPACE ? ACOAP_ETOOBIG : status;
  }
  exchange->len = (size_t)status;
  return 0;
}

/* ---- sending -------------------------------------------------------------------------------- */

acoap__request_options_t acoap__exchange_options(const acoap_exchange_t *exchange) {
  acoap__request_options_t options = {
      .params = &exchange->timing.params,
      .keep = exchange->timing.keep || exchange->qblock.open,
      .untimed = exchange->qblock.untimed,
      .family = acoap__qblock_is_on(exchange),
      .renews = exchange->timing.keep && exchange->timing.keep_token &&
                (exchange->interaction.answered || exchange->interaction.renews),
      .any_source = exchange->timing.any_source,
      .no_response_expected = exchange->timing.no_response_expected,
  };
  return options;
}

static int hand_over(acoap_exchange_t *exchange) {
  if (exchange->send->group && !exchange->follow_up) {
    return acoap__group_send(exchange);
  }
  acoap__request_options_t options = acoap__exchange_options(exchange);
  return acoap__interaction_send(engine_of(exchange), now_of(exchange), &exchange->interaction,
                                 &exchange->path, exchange->bytes, exchange->len,
                                 exchange->timing.type, &options);
}

static void pause_until(acoap_exchange_t *exchange, uint32_t pause_ms) {
  exchange->resending = true;
  acoap__local_endpoint_timer_set(exchange->send->endpoint, &exchange->pause,
                                  now_of(exchange) + pause_ms);
}

/* A copy has left; the next one, or what follows the last. */
static void copy_sent(acoap_exchange_t *exchange) {
  acoap__send_t *send = exchange->send;
  if (send->phase != ACOAP__SEND_RUNNING) {
    return;
  }
  if (exchange->copies_left > 0) {
    exchange->copies_left--;
    pause_until(exchange, exchange->timing.burst_gap_ms);
    return;
  }
  if (send->desc.multicast != NULL && !exchange->follow_up) {
    acoap__multicast_sent(exchange, send->desc.multicast);
  }
  if (!exchange->timing.no_response_expected || exchange->timing.type != ACOAP_NON) {
    return;
  }
  /* Nothing will come: it is over as soon as it has left (RFC 7967 section 2). */
  switch (exchange->interaction.tx.state) {
  case ACOAP__TX_QUEUED:
    pause_until(exchange, QUEUED_POLL_MS);
    break;
  case ACOAP__TX_REFUSED:
    break; /* `failed` follows */
  default:
    exchange->failure = 0;
    acoap__defer(send->endpoint, &exchange->failing);
    break;
  }
}

void acoap__request_pause_over(acoap__timer_t *timer, acoap_time_t now) {
  acoap_exchange_t *exchange = ACOAP__CONTAINER(timer, acoap_exchange_t, pause);
  acoap__send_t *send = exchange->send;
  send->busy++;
  if (!exchange->resending) {
    acoap__send_next(exchange);
  } else if (exchange->interaction.open) {
    /* A copy that cannot leave is as good as one that is lost. */
    if (send->group && !exchange->follow_up) {
      acoap__group_send(exchange);
    } else if (exchange->interaction.tx.state != ACOAP__TX_QUEUED) {
      acoap__interaction_repeat(engine_of(exchange), now, &exchange->interaction, NULL);
    }
    copy_sent(exchange);
  }
  send->busy--;
  acoap__send_settle_up(send);
}

static int ping(acoap_exchange_t *exchange) {
  acoap_builder_t builder;
  acoap__exchange_timing(exchange, &exchange->timing);
  acoap_builder_init(&builder, exchange->bytes, exchange->cap, ACOAP_CON, ACOAP_CODE_EMPTY, 0, NULL,
                     0);
  exchange->len = (size_t)acoap_builder_finish(&builder);
  acoap__transmission_init(&exchange->interaction.tx, &exchange->way, &acoap__ping_events,
                           exchange);
  return acoap__transmission_send(engine_of(exchange), now_of(exchange), &exchange->interaction.tx,
                                  &exchange->path, exchange->bytes, exchange->len, ACOAP_CON,
                                  &exchange->timing.params);
}

int acoap__request_send(acoap_exchange_t *exchange) {
  if (exchange->qblock.mode == ACOAP__QBLOCK_UNDECIDED) {
    acoap__qblock_decide(exchange);
  }
  if (acoap__qblock_goes_on(exchange)) {
    return acoap__qblock_go_on(exchange);
  }
  if (acoap__window_applies(exchange)) {
    return acoap__window_next(exchange);
  }
  acoap__window_stop(exchange);
  acoap__qblock_stop(exchange);
  return acoap__request_alone(exchange);
}

/* Build a request and hand it over to the engine. */
static int build_and_send(acoap_exchange_t *exchange) {
  acoap__interaction_close(engine_of(exchange), now_of(exchange), &exchange->interaction);
  int status = acoap__request_build(exchange);
  if (exchange->send->phase != ACOAP__SEND_RUNNING) {
    return 0; /* dropped by a layer */
  }
  if (status == 0) {
    status = acoap__qblock_prepare(exchange);
  }
  return status < 0 ? status : hand_over(exchange);
}

int acoap__request_alone(acoap_exchange_t *exchange) {
  int status;
  if (exchange->send->desc.ping) {
    status = ping(exchange);
    exchange->pinging = status == 0;
  } else {
    status = build_and_send(exchange);
  }
  if (exchange->send->phase != ACOAP__SEND_RUNNING) {
    return 0;
  }
  if (status < 0) {
    return status;
  }
  exchange->requests++;
  exchange->counted = false;
  if (exchange->pinging) {
    return 0;
  }
  exchange->copies_left = 0;
  if (exchange->timing.type == ACOAP_NON && exchange->timing.burst_copies > 1) {
    exchange->copies_left = exchange->timing.burst_copies - 1;
  }
  copy_sent(exchange);
  acoap__qblock_begun(exchange);
  return 0;
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* Choose the best of the addresses that have not failed; the remote keeps those that have at the
 * back. */
static int choose_address(acoap__send_t *send) {
  size_t count;
  int status = ACOAP_EUNREACHABLE;
  const acoap_address_t *addresses = acoap__remote_addresses(send->remote, &count);
  while (send->tried < count) {
    acoap_address_t address = addresses[0];
    status = acoap__remote_path(send->remote, &address, &send->main.path);
    if (status == 0) {
      send->main.has_path = true;
      return 0;
    }
    send->tried++;
    acoap__remote_address_bad(send->remote, &address);
    addresses = acoap__remote_addresses(send->remote, &count);
  }
  return status;
}

/* The addresses are there. */
static int begin_resolved(acoap__send_t *send) {
  send->tried = 0;
  send->group = acoap__remote_is_group(send->remote);
  if (send->group) {
    return send->desc.multicast == NULL ? ACOAP_EINVAL : acoap__request_send(&send->main);
  }
  int status = choose_address(send);
  return status < 0 ? status : acoap__request_send(&send->main);
}

int acoap__request_begin(acoap__send_t *send) {
  int status = acoap__remote_resolve_addresses(send->remote, &send->resolution);
  if (status == 0) {
    send->resolving = true;
    return 0;
  }
  return status < 0 ? status : begin_resolved(send);
}

void acoap__request_resolved(acoap__resolution_t *resolution, int status) {
  acoap__send_t *send = ACOAP__CONTAINER(resolution, acoap__send_t, resolution);
  send->resolving = false;
  send->busy++;
  if (status >= 0) {
    status = begin_resolved(send);
  }
  if (status < 0) {
    acoap__send_handle(&send->main, status, NULL);
  }
  send->busy--;
  acoap__send_settle_up(send);
}

/* The address in use failed before anything was heard: go on with the next. False when there is
 * none. */
static bool try_next_address(acoap_exchange_t *exchange) {
  acoap__send_t *send = exchange->send;
  if (exchange->follow_up || send->group || send->heard) {
    return false;
  }
  send->tried++;
  exchange->has_path = false; /* asked again, it is looked up again */
  acoap__remote_address_bad(send->remote, &exchange->path.peer);
  while (choose_address(send) == 0) {
    if (send->desc.ping) {
      exchange->pinging = ping(exchange) == 0;
    }
    if (send->desc.ping ? exchange->pinging : hand_over(exchange) == 0) {
      return true;
    }
    send->tried++;
    exchange->has_path = false;
    acoap__remote_address_bad(send->remote, &exchange->path.peer);
  }
  return false;
}

/* ---- what the engine reports ---------------------------------------------------------------- */

/* The request is over, or answered for the first time: its retransmissions are known. */
static void count_retransmissions(acoap_exchange_t *exchange) {
  if (!exchange->counted) {
    exchange->counted = true;
    exchange->retransmissions += exchange->interaction.tx.retransmissions;
  }
}

static void note_heard(acoap_exchange_t *exchange) {
  acoap__send_t *send = exchange->send;
  if (!exchange->follow_up && !send->group && !send->heard) {
    send->heard = true;
    acoap__remote_address_good(send->remote, &exchange->path.peer);
  }
}

/* Who returns a token that nobody could guess is where it was sent (RFC 9175 section 2.4). */
static void tell_answered(const acoap_exchange_t *exchange, const acoap_path_t *from) {
  const acoap__send_t *send = exchange->send;
  bool guessable = send->desc.has_token && !exchange->follow_up;
  if (!guessable && (!send->group || exchange->follow_up) &&
      acoap_address_equal(&from->peer, &exchange->path.peer)) {
    acoap__local_endpoint_answered(send->endpoint, &from->peer);
  }
}

/* Size2 of the first block tells the whole body's length (RFC 7959 section 4). */
void acoap__request_note_total(acoap_exchange_t *exchange, const acoap_view_t *view) {
  acoap_block_t block = {0, false, 0};
  uint32_t total;
  bool blockwise = acoap__response_block(view, &block) == 1;
  if (acoap_view_uint(view, ACOAP_OPTION_SIZE2, &total)) {
    exchange->download_total = total;
  } else if (block.num == 0) {
    exchange->download_total = -1;
  }
  if (!blockwise || !block.more) {
    exchange->download_total =
        (int64_t)block.num * (int64_t)acoap_block_size(block.szx) + (int64_t)view->payload.len;
    if (!blockwise) {
      exchange->download_total = (int64_t)view->payload.len;
    }
  }
}

acoap_message_t *acoap__request_take(const acoap_exchange_t *exchange, acoap_time_t now,
                                     const acoap_path_t *from, const acoap_view_t *view) {
  const acoap__transmission_t *tx = &exchange->interaction.tx;
  acoap_message_t *message = acoap__message_take(exchange->send->endpoint, from, view);
  acoap_time_t elapsed = now - tx->first_sent;
  acoap__message_set_timing(message, elapsed > UINT32_MAX ? UINT32_MAX : (uint32_t)elapsed,
                            tx->retransmissions);
  return message;
}

static void take_message(acoap_exchange_t *exchange, acoap_time_t now, const acoap_path_t *from,
                         const acoap_view_t *view) {
  acoap__send_t *send = exchange->send;
  acoap_message_t *message = acoap__request_take(exchange, now, from, view);
  if (message == NULL) {
    if (send->group && !exchange->follow_up) {
      send->stream.dropped++;
    } else {
      acoap__send_handle(exchange, ACOAP_ENOMEM, NULL);
    }
    return;
  }
  acoap__send_handle(exchange, 0, message);
  acoap_message_unref(message);
}

/* The same request once more (RFC 9175 section 2.3; RFC 9177 section 4.1). */
static void ask_again(acoap_exchange_t *exchange) {
  acoap__send_t *send = exchange->send;
  if (send->phase != ACOAP__SEND_RUNNING) {
    return;
  }
  send->busy++;
  acoap__send_next(exchange);
  send->busy--;
  acoap__send_settle_up(send);
}

static void response(acoap__interaction_t *interaction, acoap_time_t now, const acoap_path_t *from,
                     const acoap_view_t *view, bool piggybacked) {
  acoap_exchange_t *exchange = interaction->owner;
  acoap__send_t *send = exchange->send;
  count_retransmissions(exchange);
  note_heard(exchange);
  tell_answered(exchange, from);
  if (send->desc.multicast == NULL && exchange->resending) {
    /* Further copies have become idle; those to a group are for members that have not answered. */
    exchange->copies_left = 0;
    acoap__local_endpoint_timer_clear(send->endpoint, &exchange->pause);
  }
  if (acoap__echo_asked(exchange, view)) {
    acoap__qblock_ask_again(exchange);
    ask_again(exchange);
    return;
  }
  send->piggybacked = piggybacked;
  switch (acoap__qblock_response(exchange, now, from, view)) {
  case ACOAP__QBLOCK_TAKEN:
    return;
  case ACOAP__QBLOCK_AGAIN:
    ask_again(exchange);
    return;
  case ACOAP__QBLOCK_PASS:
    break;
  }
  acoap__request_note_total(exchange, view);
  send->notification = !exchange->follow_up && exchange->timing.keep;
  send->piggybacked = piggybacked;
  take_message(exchange, now, from, view);
}

static void acknowledged(acoap__interaction_t *interaction, acoap_time_t now) {
  acoap_exchange_t *exchange = interaction->owner;
  (void)now;
  note_heard(exchange);
  if (exchange->timing.no_response_expected) {
    count_retransmissions(exchange);
    acoap__send_handle(exchange, 0, NULL);
  } else {
    acoap__qblock_acknowledged(exchange);
  }
}

static void failed(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  acoap_exchange_t *exchange = interaction->owner;
  (void)now;
  count_retransmissions(exchange);
  if (status == ACOAP_ERESET || status == ACOAP_EBADOPTION) {
    note_heard(exchange); /* a refusal is a sign of life: other addresses would say the same */
  }
  if (try_next_address(exchange)) {
    exchange->counted = false;
    acoap__qblock_moved(exchange);
    return;
  }
  if (acoap__qblock_failed(exchange, status)) {
    ask_again(exchange);
    return;
  }
  acoap__local_endpoint_timer_clear(exchange->send->endpoint, &exchange->pause);
  acoap__send_handle(exchange, status, NULL);
}

bool acoap__request_understands(const void *user_data, uint16_t option) {
  const acoap_exchange_t *exchange = user_data;
  if (option == ACOAP_OPTION_Q_BLOCK1 || option == ACOAP_OPTION_Q_BLOCK2) {
    return acoap__qblock_is_on(exchange);
  }
  return acoap__desc_understands(&exchange->send->desc, option);
}

static bool understands(const acoap__interaction_t *interaction, uint16_t option) {
  return acoap__request_understands(interaction->owner, option);
}

static bool has_token(const acoap__interaction_t *interaction, acoap_bytes_t token) {
  const acoap_exchange_t *exchange = interaction->owner;
  uint32_t index;
  return acoap__token_family_has(&exchange->qblock.family, token, &index);
}

const acoap__interaction_events_t acoap__request_events = {
    .response = response,
    .acknowledged = acknowledged,
    .failed = failed,
    .understands = understands,
    .has_token = has_token,
};

/* ---- ping ----------------------------------------------------------------------------------- */

/* The RST or ACK has no more than a header: a view says all of it. */
static void pong(acoap__transmission_t *tx, acoap_time_t now, acoap_type_t type) {
  acoap_exchange_t *exchange = tx->owner;
  acoap_view_t view;
  acoap_path_t from = acoap__transmission_path(tx);
  memset(&view, 0, sizeof(view));
  view.type = type;
  view.message_id = tx->message_id;
  exchange->pinging = false;
  count_retransmissions(exchange);
  note_heard(exchange);
  take_message(exchange, now, &from, &view);
}

static void ping_reset(acoap__transmission_t *tx, acoap_time_t now) {
  pong(tx, now, ACOAP_RST);
}

static void ping_acknowledged(acoap__transmission_t *tx, acoap_time_t now, const acoap_path_t *from,
                              const acoap_view_t *view) {
  (void)from;
  (void)view;
  pong(tx, now, ACOAP_ACK);
}

static void ping_failed(acoap__transmission_t *tx, acoap_time_t now, int status) {
  acoap_exchange_t *exchange = tx->owner;
  exchange->pinging = false;
  failed(&exchange->interaction, now, status);
}

const acoap__transmission_events_t acoap__ping_events = {
    .acknowledged = ping_acknowledged,
    .reset = ping_reset,
    .failed = ping_failed,
};
