/*
 * The scripted other end of an engine, see scripted_peer.h.
 * SPDX-License-Identifier: MIT
 */
#include "support/scripted_peer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/peer.h"

static int transmit(void *user_data, const acoap_path_t *path, acoap_bytes_t bytes) {
  script_t *script = user_data;

  if (script->refuse_next != 0) {
    script->refuse_next -= script->refuse_next > 0 ? 1 : 0;
    return script->transmit_status;
  }
  ck_assert_uint_le(bytes.len, SCRIPT_DATAGRAM_MAX);
  script->sent++;
  if (!script->forget_sent) {
    ck_assert_msg(script->sent - script->taken <= SCRIPT_KEPT, "more datagrams than are kept");
    script_datagram_t *datagram = &script->kept[(script->sent - 1) % SCRIPT_KEPT];
    datagram->at = script->now;
    datagram->path = *path;
    datagram->len = bytes.len;
    memcpy(datagram->bytes, bytes.data, bytes.len);
    ck_assert_int_eq(acoap_decode(&datagram->view, datagram->bytes, datagram->len,
                                  ACOAP_TOKEN_EXTENDED_MAX, NULL),
                     0);
  }
  if (script->on_transmit != NULL) {
    script->on_transmit(script, path, bytes);
  }
  return 0;
}

static void copy_text(char *to, size_t cap, acoap_bytes_t from) {
  size_t len = from.len < cap ? from.len : cap - 1;

  if (len > 0) {
    memcpy(to, from.data, len);
  }
  to[len] = '\0';
}

static void request(void *user_data, acoap_time_t now, const acoap__inbound_t *inbound,
                    const acoap_view_t *view) {
  script_t *script = user_data;
  script_inbound_t *kept =
      &script->inbound[script->requests % (sizeof(script->inbound) / sizeof(script->inbound[0]))];

  ck_assert_int_eq(now, script->now);
  script->requests++;
  kept->path = *inbound->path;
  kept->inbound = *inbound;
  kept->inbound.path = &kept->path;
  kept->token_len = view->token.len;
  ck_assert_uint_le(view->token.len, SCRIPT_TOKEN_MAX);
  if (view->token.len > 0) {
    memcpy(kept->token, view->token.data, view->token.len);
  }
  copy_text(kept->payload, sizeof(kept->payload), view->payload);
  if (script->on_request != NULL) {
    script->on_request(script, kept, view);
  }
}

static void wake_changed(void *user_data) {
  script_t *script = user_data;

  script->wakes++;
  if (script->on_wake != NULL) {
    script->on_wake(script);
  }
}

static const acoap__engine_events_t script_events = {.transmit = transmit,
                                                     .request = request,
                                                     .wake_changed = wake_changed,
                                                     .ids_exhausted = acoap__log_ids_exhausted};

static void log_line(void *user_data, acoap_log_level_t level, const char *text) {
  script_t *script = user_data;

  (void)level;
  script->log_lines++;
  strncpy(script->log_text, text, sizeof(script->log_text) - 1);
}

acoap__engine_config_t script_config(void) {
  acoap__engine_config_t config = {.peers = 16,
                                   .dedup_con = 64,
                                   .dedup_non = 32,
                                   .reply_bytes = 4096,
                                   .queue_per_peer = 8,
                                   .buckets = 64};

  acoap_params_init(&config.params);
  config.params.ack_random_factor_permille = 1000;
  return config;
}

script_t *script_new(const acoap__engine_config_t *config, uint64_t seed) {
  script_t *script = calloc(1, sizeof(*script));
  size_t size = acoap__engine_memory(config);

  ck_assert_ptr_nonnull(script);
  ck_assert_uint_gt(size, 0);
  script->memory = malloc(size);
  script->kept = calloc(SCRIPT_KEPT, sizeof(*script->kept));
  ck_assert_ptr_nonnull(script->memory);
  ck_assert_ptr_nonnull(script->kept);
  script->now = 1000000;
  script->seed.state = seed;
  script->log = (acoap__log_t){ACOAP_LOG_DEBUG, log_line, script};
  acoap__random_init(&script->random, acoap__seeded_fill, &script->seed);
  ck_assert_int_eq(acoap__engine_init(&script->engine, config, script->memory, size,
                                      &script->random, &script->log, &script_events, script),
                   0);
  return script;
}

void script_free(script_t *script) {
  free(script->memory);
  free(script->kept);
  free(script);
}

acoap_path_t script_path(unsigned n) {
  acoap_path_t path;

  memset(&path, 0, sizeof(path));
  path.peer.family = ACOAP_FAMILY_IPV4;
  path.peer.port = 5683;
  path.peer.ip[0] = 192;
  path.peer.ip[1] = (uint8_t)(n >> 16);
  path.peer.ip[2] = (uint8_t)(n >> 8);
  path.peer.ip[3] = (uint8_t)n;
  path.local.family = ACOAP_FAMILY_IPV4;
  path.local.port = 5683;
  path.local.ip[0] = 10;
  path.local.ip[3] = 1;
  path.interface = 3;
  return path;
}

acoap_path_t script_group(void) {
  acoap_path_t path;

  memset(&path, 0, sizeof(path));
  path.peer.family = ACOAP_FAMILY_IPV4;
  path.peer.port = 5683;
  path.peer.ip[0] = 224;
  path.peer.ip[2] = 1;
  path.peer.ip[3] = 187;
  path.interface = 3;
  return path;
}

void script_run(script_t *script) {
  script_run_until(script, script->now);
}

void script_run_until(script_t *script, acoap_time_t until) {
  unsigned at_once = 0;

  while (acoap__engine_next_wake(&script->engine) <= until) {
    acoap_time_t next = acoap__engine_next_wake(&script->engine);
    at_once = next > script->now ? 0 : at_once + 1;
    ck_assert_msg(at_once < 100000, "the engine spins at one point in time");
    script->now = next > script->now ? next : script->now;
    acoap__engine_run(&script->engine, script->now);
  }
  script->now = until;
}

size_t script_compose(uint8_t *bytes, size_t cap, acoap_type_t type, uint8_t code,
                      uint16_t message_id, const char *token, const char *payload) {
  acoap_builder_t builder;

  acoap_builder_init(&builder, bytes, cap, type, code, message_id, (const uint8_t *)token,
                     token != NULL ? strlen(token) : 0);
  if (payload != NULL) {
    acoap_builder_payload(&builder, payload, strlen(payload));
  }
  int len = acoap_builder_finish(&builder);
  ck_assert_int_gt(len, 0);
  return (size_t)len;
}

int script_feed(script_t *script, const acoap_path_t *path, const void *bytes, size_t len) {
  /* In memory of its own, so that a look beyond the datagram or after the call is found by a
   * sanitizer. */
  uint8_t *copy = malloc(len > 0 ? len : 1);
  acoap_view_t view;

  ck_assert_ptr_nonnull(copy);
  memcpy(copy, bytes, len);
  int status = acoap__engine_receive(&script->engine, script->now, path, copy, len, &view);
  free(copy);
  return status;
}

int script_receive(script_t *script, const acoap_path_t *path, acoap_type_t type, uint8_t code,
                   uint16_t message_id, const char *token, const char *payload) {
  uint8_t bytes[SCRIPT_DATAGRAM_MAX];
  size_t len = script_compose(bytes, sizeof(bytes), type, code, message_id, token, payload);

  return script_feed(script, path, bytes, len);
}

int script_receive_token(script_t *script, const acoap_path_t *path, acoap_type_t type,
                         uint8_t code, uint16_t message_id, acoap_bytes_t token,
                         const char *payload) {
  uint8_t bytes[SCRIPT_DATAGRAM_MAX];
  acoap_builder_t builder;

  acoap_builder_init(&builder, bytes, sizeof(bytes), type, code, message_id, token.data, token.len);
  if (payload != NULL) {
    acoap_builder_payload(&builder, payload, strlen(payload));
  }
  int len = acoap_builder_finish(&builder);
  ck_assert_int_gt(len, 0);
  return script_feed(script, path, bytes, (size_t)len);
}

const script_datagram_t *script_next(script_t *script) {
  ck_assert_msg(script->taken < script->sent, "nothing was transmitted");
  return &script->kept[script->taken++ % SCRIPT_KEPT];
}

const script_datagram_t *script_expect(script_t *script, acoap_type_t type, uint8_t code,
                                       int message_id) {
  const script_datagram_t *datagram = script_next(script);

  ck_assert_int_eq(datagram->view.type, type);
  ck_assert_uint_eq(datagram->view.code, code);
  if (message_id >= 0) {
    ck_assert_int_eq(datagram->view.message_id, message_id);
  }
  return datagram;
}

void script_expect_silence(script_t *script) {
  ck_assert_msg(script->taken == script->sent, "%zu datagrams too many",
                script->sent - script->taken);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void request_event(script_request_t *made, acoap_time_t now) {
  made->at = now;
  if (made->on_event != NULL) {
    made->on_event(made);
  }
}

static void request_response(acoap__interaction_t *interaction, acoap_time_t now,
                             const acoap_path_t *from, const acoap_view_t *view, bool piggybacked) {
  script_request_t *made = interaction->owner;

  ck_assert_ptr_nonnull(from);
  ck_assert_int_eq(interaction->open, interaction->keep);
  made->responses++;
  made->code = view->code;
  made->piggybacked = piggybacked;
  copy_text(made->payload, sizeof(made->payload), view->payload);
  request_event(made, now);
}

static void request_acknowledged(acoap__interaction_t *interaction, acoap_time_t now) {
  script_request_t *made = interaction->owner;

  made->acknowledged++;
  request_event(made, now);
}

static void request_failed(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  script_request_t *made = interaction->owner;

  ck_assert_int_lt(status, 0);
  ck_assert(!interaction->open);
  made->failures++;
  made->status = status;
  request_event(made, now);
}

static const acoap__interaction_events_t request_events = {
    .response = request_response, .acknowledged = request_acknowledged, .failed = request_failed};

void script_request_init(script_t *script, script_request_t *made, uint8_t code, const char *token,
                         const char *payload) {
  memset(made, 0, sizeof(*made));
  made->script = script;
  made->len = script_compose(made->bytes, sizeof(made->bytes), ACOAP_CON, code, 0, token, payload);
  acoap__interaction_init(&made->interaction, &made->way, &request_events, made);
}

int script_request_send(script_request_t *made, const acoap_path_t *path, acoap_type_t type,
                        const acoap__request_options_t *options) {
  return acoap__interaction_send(&made->script->engine, made->script->now, &made->interaction, path,
                                 made->bytes, made->len, type, options);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void message_event(script_message_t *message) {
  if (message->on_event != NULL) {
    message->on_event(message);
  }
}

static void message_sent(acoap__transmission_t *tx, acoap_time_t now) {
  script_message_t *message = tx->owner;

  (void)now;
  message->sent++;
  message_event(message);
}

static void message_acknowledged(acoap__transmission_t *tx, acoap_time_t now,
                                 const acoap_path_t *from, const acoap_view_t *view) {
  script_message_t *message = tx->owner;

  (void)now;
  ck_assert_ptr_nonnull(from);
  ck_assert_ptr_nonnull(view);
  ck_assert_int_eq(tx->state, ACOAP__TX_IDLE);
  message->acknowledged++;
  message_event(message);
}

static void message_reset(acoap__transmission_t *tx, acoap_time_t now) {
  script_message_t *message = tx->owner;

  (void)now;
  ck_assert_int_eq(tx->state, ACOAP__TX_IDLE);
  message->resets++;
  message_event(message);
}

static void message_failed(acoap__transmission_t *tx, acoap_time_t now, int status) {
  script_message_t *message = tx->owner;

  (void)now;
  ck_assert_int_eq(tx->state, ACOAP__TX_IDLE);
  message->failures++;
  message->status = status;
  message_event(message);
}

static const acoap__transmission_events_t message_events = {.sent = message_sent,
                                                            .acknowledged = message_acknowledged,
                                                            .reset = message_reset,
                                                            .failed = message_failed};

void script_message_init(script_t *script, script_message_t *message, uint8_t code,
                         const char *token, const char *payload) {
  memset(message, 0, sizeof(*message));
  message->script = script;
  message->len =
      script_compose(message->bytes, sizeof(message->bytes), ACOAP_CON, code, 0, token, payload);
  acoap__transmission_init(&message->tx, &message->way, &message_events, message);
}

int script_message_send(script_message_t *message, const acoap_path_t *path, acoap_type_t type,
                        const acoap_params_t *params) {
  return acoap__transmission_send(&message->script->engine, message->script->now, &message->tx,
                                  path, message->bytes, message->len, type, params);
}

int script_reply(script_t *script, script_inbound_t *inbound, uint8_t code, const char *payload) {
  uint8_t bytes[SCRIPT_DATAGRAM_MAX];
  acoap_builder_t builder;

  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_ACK, code, 0, inbound->token,
                     inbound->token_len);
  if (payload != NULL) {
    acoap_builder_payload(&builder, payload, strlen(payload));
  }
  int len = acoap_builder_finish(&builder);
  ck_assert_int_gt(len, 0);
  return acoap__inbound_reply(&script->engine, script->now, &inbound->inbound, bytes, (size_t)len);
}

void script_expect_idle(const script_t *script) {
  ck_assert_uint_eq(script->engine.tokens->open.count, 0);
  ck_assert_uint_eq(script->engine.by_message_id.count, 0);
  ck_assert_int_eq(acoap__engine_next_wake(&script->engine), ACOAP_TIME_NEVER);
  ck_assert_ptr_null(script->engine.leaving);
}
