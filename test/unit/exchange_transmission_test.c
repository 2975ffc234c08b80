/*
 * exchange/transmission: one message on its way out; what its node goes through, also when the
 * socket or a callback ends it midway.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/transmission.h"

#include "support/check_main.h"
#include "support/scripted_peer.h"

START_TEST(type_and_message_id_are_written_into_the_bytes) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_message_t message;

  script_message_init(script, &message, ACOAP_CODE_CONTENT, "tok", "payload");
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_NON, NULL), 0);
  const script_datagram_t *sent = script_expect(script, ACOAP_NON, ACOAP_CODE_CONTENT, -1);
  ck_assert_uint_eq(sent->view.message_id, message.tx.message_id);
  ck_assert_uint_eq(sent->len, message.len);
  ck_assert_int_eq(memcmp(&sent->path, &path, sizeof(path)), 0);
  ck_assert_uint_eq(message.sent, 0); /* it left inside the call */
  ck_assert_int_eq(message.tx.state, ACOAP__TX_HELD);
  /* Again through the same node, without cancelling. */
  uint16_t before = message.tx.message_id;
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_NON, NULL), 0);
  script_expect(script, ACOAP_NON, ACOAP_CODE_CONTENT, before + 1);
  /* A RST finds the last one only. */
  script_receive(script, &path, ACOAP_RST, 0, before, NULL, NULL);
  ck_assert_uint_eq(message.resets, 0);
  script_receive(script, &path, ACOAP_RST, 0, (uint16_t)(before + 1), NULL, NULL);
  ck_assert_uint_eq(message.resets, 1);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(misuse_is_refused_and_changes_nothing) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap__engine_t *engine = &script->engine;
  acoap_path_t path = script_path(1);
  acoap_path_t group = script_group();
  acoap_params_t bad = config.params;
  script_message_t message;

  bad.nstart = 0;
  script_message_init(script, &message, ACOAP_CODE_CONTENT, "tok", NULL);
  uint8_t *bytes = message.bytes;
  size_t len = message.len;
  acoap__transmission_t *tx = &message.tx;
  ck_assert_int_eq(acoap__transmission_send(engine, 0, tx, NULL, bytes, len, ACOAP_CON, NULL),
                   ACOAP_EINVAL);
  ck_assert_int_eq(acoap__transmission_send(engine, 0, tx, &path, NULL, len, ACOAP_CON, NULL),
                   ACOAP_EINVAL);
  ck_assert_int_eq(acoap__transmission_send(engine, 0, tx, &path, bytes, 3, ACOAP_CON, NULL),
                   ACOAP_EINVAL);
  ck_assert_int_eq(acoap__transmission_send(engine, 0, tx, &path, bytes, len, ACOAP_ACK, NULL),
                   ACOAP_EINVAL);
  ck_assert_int_eq(acoap__transmission_send(engine, 0, tx, &path, bytes, len, ACOAP_RST, NULL),
                   ACOAP_EINVAL);
  ck_assert_int_eq(acoap__transmission_send(engine, 0, tx, &path, bytes, len, ACOAP_CON, &bad),
                   ACOAP_EINVAL);
  ck_assert_int_eq(acoap__transmission_send(engine, 0, tx, &group, bytes, len, ACOAP_CON, NULL),
                   ACOAP_EINVAL);
  bytes[0] = (uint8_t)(bytes[0] ^ 0xc0);
  ck_assert_int_eq(acoap__transmission_send(engine, 0, tx, &path, bytes, len, ACOAP_CON, NULL),
                   ACOAP_EINVAL);
  bytes[0] = (uint8_t)(bytes[0] ^ 0xc0);
  ck_assert_int_eq(tx->state, ACOAP__TX_IDLE);
  script_expect_silence(script);
  /* On its way already. */
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), 0);
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(tx->state, ACOAP__TX_AWAITING_ACK);
  acoap__transmission_cancel(engine, script->now, tx);
  acoap__transmission_cancel(engine, script->now, tx);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(a_refusal_is_reported_from_the_next_run) {
  static const acoap_type_t types[] = {ACOAP_CON, ACOAP_NON};

  for (size_t i = 0; i < 2; i++) {
    acoap__engine_config_t config = script_config();
    script_t *script = script_new(&config, 1);
    acoap_path_t path = script_path(1);
    script_message_t message;

    script_message_init(script, &message, ACOAP_CODE_CONTENT, "tok", NULL);
    script->transmit_status = -113;
    script->refuse_next = 1;
    ck_assert_int_eq(script_message_send(&message, &path, types[i], NULL), 0);
    ck_assert_uint_eq(message.failures, 0);
    ck_assert_int_eq(message.tx.state, ACOAP__TX_REFUSED);
    ck_assert_uint_eq(script->wakes, 1);
    ck_assert_int_eq(acoap__engine_next_wake(&script->engine), script->now);
    script_run(script);
    ck_assert_uint_eq(message.failures, 1);
    ck_assert_int_eq(message.status, -113);
    ck_assert_uint_eq(script->engine.stats.send_errors, 1);
    script_expect_idle(script);
    /* Cancelled before the report: silence. */
    script->refuse_next = 1;
    ck_assert_int_eq(script_message_send(&message, &path, types[i], NULL), 0);
    acoap__transmission_cancel(&script->engine, script->now, &message.tx);
    script_run(script);
    ck_assert_uint_eq(message.failures, 1);
    script_expect_idle(script);
    script_free(script);
  }
}
END_TEST

START_TEST(a_refused_message_of_the_queue_frees_its_place) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_message_t messages[3];

  for (size_t i = 0; i < 3; i++) {
    script_message_init(script, &messages[i], ACOAP_CODE_CONTENT, "tok", NULL);
    ck_assert_int_eq(script_message_send(&messages[i], &path, ACOAP_CON, NULL), 0);
  }
  script->transmit_status = -113;
  script->refuse_next = 1;
  script_receive(script, &path, ACOAP_ACK, 0, script_next(script)->view.message_id, NULL, NULL);
  ck_assert_int_eq(messages[1].tx.state, ACOAP__TX_REFUSED);
  ck_assert_uint_eq(messages[1].sent, 0);
  ck_assert_int_eq(messages[2].tx.state, ACOAP__TX_AWAITING_ACK);
  script_run(script);
  ck_assert_int_eq(messages[1].status, -113);
  script_free(script);
}
END_TEST

/* ---- Message IDs ----------------------------------------------------------------------------- */

static script_message_t ids_messages[65546];
static bool ids_seen[65536];
static unsigned ids_repeated;

static void note_id(script_t *script, const acoap_path_t *path, acoap_bytes_t bytes) {
  unsigned id = (unsigned)bytes.data[2] << 8 | bytes.data[3];

  (void)script;
  (void)path;
  ids_repeated += ids_seen[id] ? 1 : 0;
  ids_seen[id] = true;
}

START_TEST(message_65537_waits_until_a_lifetime_is_over) {
  acoap__engine_config_t config = script_config();
  config.buckets = 65536;
  config.queue_per_peer = 16;
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  acoap_time_t start = script->now;

  script->forget_sent = true;
  script->on_transmit = note_id;
  for (size_t i = 0; i < 65536; i++) {
    script_message_init(script, &ids_messages[i], ACOAP_CODE_CONTENT, "t", NULL);
    if (i % 1024 == 0) {
      script_run_until(script, start + (acoap_time_t)(i / 16));
    }
    if (script_message_send(&ids_messages[i], &path, ACOAP_NON, NULL) != 0) {
      ck_abort_msg("message %zu was refused", i);
    }
  }
  ck_assert_uint_eq(script->sent, 65536);
  ck_assert_uint_eq(ids_repeated, 0);
  ck_assert_uint_eq(script->engine.stats.message_id_waits, 0);
  for (size_t i = 65536; i < 65546; i++) {
    script_message_init(script, &ids_messages[i], ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_eq(script_message_send(&ids_messages[i], &path, ACOAP_NON, NULL), 0);
    ck_assert_int_eq(ids_messages[i].tx.state, ACOAP__TX_QUEUED);
  }
  ck_assert_uint_eq(script->sent, 65536);
  ck_assert_uint_eq(script->engine.stats.message_id_waits, 10);
  ck_assert_uint_eq(script->log_lines, 1);
  ck_assert_ptr_nonnull(strstr(script->log_text, "192.0.0.1:5683"));
  /* The first 4096 IDs were last used 192 ms after the start; NON_LIFETIME without the random
   * factor is 130 s. */
  acoap_time_t free_at = start + 192 + 130000;
  ck_assert_int_eq(acoap__engine_next_wake(&script->engine), free_at);
  script_run_until(script, free_at - 1);
  ck_assert_uint_eq(script->sent, 65536);
  memset(ids_seen, 0, sizeof(ids_seen));
  script_run_until(script, free_at);
  ck_assert_uint_eq(script->sent, 65546);
  ck_assert_uint_eq(ids_repeated, 0);
  for (size_t i = 65536; i < 65546; i++) {
    ck_assert_uint_eq(ids_messages[i].sent, 1);
    ck_assert_int_eq(ids_messages[i].tx.state, ACOAP__TX_HELD);
  }
  ck_assert_uint_eq(script->engine.stats.message_id_waits, 10);
  ck_assert_uint_eq(script->log_lines, 1);
  /* The IDs speak of the newer messages now; the older nodes are still held, but no RST finds them.
   */
  ck_assert_uint_eq(script->engine.by_message_id.count, 65536);
  script_receive(script, &path, ACOAP_RST, 0, ids_messages[0].tx.message_id, NULL, NULL);
  ck_assert_uint_eq(ids_messages[0].resets, 0);
  ck_assert_uint_eq(ids_messages[65536].resets, 1);
  for (size_t i = 0; i < 65546; i++) {
    acoap__transmission_cancel(&script->engine, script->now, &ids_messages[i].tx);
  }
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(exhaustion_towards_one_peer_does_not_concern_another) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  acoap_path_t other = script_path(2);
  script_message_t message;
  script_message_t waiting;

  script->forget_sent = true;
  script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
  for (size_t i = 0; i < 65536; i++) {
    if (script_message_send(&message, &path, ACOAP_NON, NULL) != 0) {
      ck_abort_msg("message %zu was refused", i);
    }
  }
  script_message_init(script, &waiting, ACOAP_CODE_CONTENT, "t", NULL);
  ck_assert_int_eq(script_message_send(&waiting, &path, ACOAP_CON, NULL), 0);
  ck_assert_int_eq(waiting.tx.state, ACOAP__TX_QUEUED);
  ck_assert_int_eq(script_message_send(&message, &other, ACOAP_NON, NULL), 0);
  ck_assert_int_eq(message.tx.state, ACOAP__TX_HELD);
  ck_assert_uint_eq(script->sent, 65537);
  script_run_until(script, script->now + 130000);
  ck_assert_int_eq(waiting.tx.state, ACOAP__TX_AWAITING_ACK);
  script_free(script);
}
END_TEST

/* ---- re-entrancy ----------------------------------------------------------------------------- */

static void cancel_in_transmit(script_t *script, const acoap_path_t *path, acoap_bytes_t bytes) {
  script_message_t *message = script->user_data;

  (void)path;
  (void)bytes;
  script->on_transmit = NULL;
  acoap__transmission_cancel(&script->engine, script->now, &message->tx);
  memset(message, 0xa5, sizeof(*message)); /* as good as freed */
}

START_TEST(cancelled_and_overwritten_while_the_socket_sends_it) {
  static const acoap_type_t types[] = {ACOAP_CON, ACOAP_NON};

  for (size_t i = 0; i < 2; i++) {
    acoap__engine_config_t config = script_config();
    script_t *script = script_new(&config, 1);
    acoap_path_t path = script_path(1);
    script_message_t *message = malloc(sizeof(*message));

    script_message_init(script, message, ACOAP_CODE_CONTENT, "t", NULL);
    script->user_data = message;
    script->on_transmit = cancel_in_transmit;
    ck_assert_int_eq(script_message_send(message, &path, types[i], NULL), 0);
    script_expect_idle(script);
    for (size_t j = 0; j < sizeof(*message); j++) {
      ck_assert_uint_eq(((uint8_t *)message)[j], 0xa5);
    }
    free(message);
    script_free(script);
  }
}
END_TEST

static void send_again_in_transmit(script_t *script, const acoap_path_t *path,
                                   acoap_bytes_t bytes) {
  script_message_t *message = script->user_data;
  acoap_path_t way = *path;

  (void)bytes;
  script->on_transmit = NULL;
  acoap__transmission_cancel(&script->engine, script->now, &message->tx);
  ck_assert_int_eq(script_message_send(message, &way, ACOAP_CON, NULL), 0);
  /* The outer sending is refused, the inner one was not. */
  script->transmit_status = -1;
}

START_TEST(sent_again_while_the_socket_sends_it) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_message_t message;

  script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
  script->user_data = &message;
  script->on_transmit = send_again_in_transmit;
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), 0);
  ck_assert_uint_eq(script->sent, 2);
  ck_assert_int_eq(message.tx.state, ACOAP__TX_AWAITING_ACK);
  ck_assert_uint_eq(message.tx.message_id, (uint16_t)(script_next(script)->view.message_id + 1));
  script_receive(script, &path, ACOAP_ACK, 0, message.tx.message_id, NULL, NULL);
  ck_assert_uint_eq(message.acknowledged, 1);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

static unsigned transmit_depth;

static void acknowledge_in_transmit(script_t *script, const acoap_path_t *path,
                                    acoap_bytes_t bytes) {
  uint8_t ack[4] = {0x60, 0, bytes.data[2], bytes.data[3]};

  if (++transmit_depth > 1) {
    ck_abort_msg("the queue is emptied from inside its own emptying");
  }
  script_feed(script, path, ack, sizeof(ack));
  transmit_depth--;
}

START_TEST(a_socket_that_answers_at_once_drains_a_queue_without_recursion) {
  acoap__engine_config_t config = script_config();
  config.queue_per_peer = 5000;
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  enum { COUNT = 5001 };
  script_message_t *messages = calloc(COUNT, sizeof(*messages));

  script->forget_sent = true;
  for (size_t i = 0; i < COUNT; i++) {
    script_message_init(script, &messages[i], ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_eq(script_message_send(&messages[i], &path, ACOAP_CON, NULL), 0);
  }
  script->on_transmit = acknowledge_in_transmit;
  uint8_t ack[4] = {0x60, 0, (uint8_t)(messages[0].tx.message_id >> 8),
                    (uint8_t)messages[0].tx.message_id};
  script_feed(script, &path, ack, sizeof(ack));
  script_run(script);
  for (size_t i = 0; i < COUNT; i++) {
    if (messages[i].acknowledged != 1) {
      ck_abort_msg("message %zu was not acknowledged", i);
    }
  }
  script_expect_idle(script);
  free(messages);
  script_free(script);
}
END_TEST

static void send_myself_again(script_message_t *message) {
  acoap_path_t path = acoap__transmission_path(&message->tx);

  if (message->tx.state == ACOAP__TX_AWAITING_ACK) {
    acoap__transmission_cancel(&message->script->engine, message->script->now, &message->tx);
  }
  ck_assert_int_eq(script_message_send(message, &path, ACOAP_CON, NULL), 0);
}

START_TEST(a_run_ends_though_every_sent_message_sends_itself_again) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_message_t messages[4];

  script->forget_sent = true;
  for (size_t i = 0; i < 4; i++) {
    script_message_init(script, &messages[i], ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_eq(script_message_send(&messages[i], &path, ACOAP_CON, NULL), 0);
    messages[i].on_event = send_myself_again;
  }
  acoap__transmission_cancel(&script->engine, script->now, &messages[0].tx);
  for (unsigned i = 1; i <= 100; i++) {
    size_t sent = script->sent;
    acoap__engine_run(&script->engine, script->now);
    /* As many as waited, then the rest is left to the next run, which is due. */
    ck_assert_uint_le(script->sent - sent, 4);
    ck_assert_uint_gt(script->sent, sent);
    ck_assert_int_eq(acoap__engine_next_wake(&script->engine), script->now);
  }
  script_free(script);
}
END_TEST

static void cancel_next(script_message_t *message) {
  script_message_t *next = message->user_data;

  acoap__transmission_cancel(&message->script->engine, message->script->now, &next->tx);
}

START_TEST(a_sent_event_may_cancel_the_next_of_the_queue) {
  acoap__engine_config_t config = script_config();
  config.params.nstart = 8;
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  acoap_params_t one = config.params;
  script_message_t messages[6];

  one.nstart = 1;
  for (size_t i = 0; i < 6; i++) {
    script_message_init(script, &messages[i], ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_eq(script_message_send(&messages[i], &path, ACOAP_CON, i == 1 ? &one : NULL), 0);
  }
  ck_assert_uint_eq(script->sent,
                    1); /* the second needs the peer for itself, the others stay behind it */
  messages[1].on_event = cancel_next;
  messages[1].user_data = &messages[2];
  messages[3].on_event = cancel_next;
  messages[3].user_data = &messages[3]; /* itself */
  script_receive(script, &path, ACOAP_ACK, 0, messages[0].tx.message_id, NULL, NULL);
  script_run(script);
  ck_assert_int_eq(messages[1].tx.state, ACOAP__TX_AWAITING_ACK);
  ck_assert_int_eq(messages[2].tx.state, ACOAP__TX_IDLE);
  ck_assert_uint_eq(messages[2].sent, 0);
  ck_assert_int_eq(messages[3].tx.state, ACOAP__TX_IDLE);
  ck_assert_int_eq(messages[4].tx.state, ACOAP__TX_AWAITING_ACK);
  ck_assert_int_eq(messages[5].tx.state, ACOAP__TX_AWAITING_ACK);
  script_free(script);
}
END_TEST

START_TEST(what_waits_in_a_queue_may_be_replaced) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_message_t first, second, newer;
  script_message_init(script, &first, ACOAP_CODE_CONTENT, "a", "1");
  script_message_init(script, &second, ACOAP_CODE_CONTENT, "b", "old");
  script_message_init(script, &newer, ACOAP_CODE_CONTENT, "b", "newer");
  ck_assert_int_eq(script_message_send(&first, &path, ACOAP_CON, NULL), 0);
  ck_assert_int_eq(script_message_send(&second, &path, ACOAP_CON, NULL), 0);
  ck_assert(!acoap__transmission_replace(&first.tx, newer.bytes, newer.len)); /* it has left */
  ck_assert(acoap__transmission_replace(&second.tx, newer.bytes, newer.len));
  const script_datagram_t *sent = script_expect(script, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_EMPTY, sent->view.message_id, "", NULL);
  sent = script_expect(script, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  ck_assert_uint_eq(sent->view.payload.len, 5);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_EMPTY, sent->view.message_id, "", NULL);
  ck_assert_uint_eq(second.acknowledged, 1);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

static Suite *exchange_transmission_suite(void) {
  Suite *suite = suite_create("exchange_transmission");
  TCase *tcase = tcase_create("transmission");
  tcase_add_test(tcase, type_and_message_id_are_written_into_the_bytes);
  tcase_add_test(tcase, misuse_is_refused_and_changes_nothing);
  tcase_add_test(tcase, a_refusal_is_reported_from_the_next_run);
  tcase_add_test(tcase, a_refused_message_of_the_queue_frees_its_place);
  tcase_add_test(tcase, what_waits_in_a_queue_may_be_replaced);
  suite_add_tcase(suite, tcase);
  TCase *ids = tcase_create("message_id");
  tcase_add_test(ids, message_65537_waits_until_a_lifetime_is_over);
  tcase_add_test(ids, exhaustion_towards_one_peer_does_not_concern_another);
  suite_add_tcase(suite, ids);
  TCase *reentrancy = tcase_create("reentrancy");
  tcase_add_test(reentrancy, cancelled_and_overwritten_while_the_socket_sends_it);
  tcase_add_test(reentrancy, sent_again_while_the_socket_sends_it);
  tcase_add_test(reentrancy, a_socket_that_answers_at_once_drains_a_queue_without_recursion);
  tcase_add_test(reentrancy, a_run_ends_though_every_sent_message_sends_itself_again);
  tcase_add_test(reentrancy, a_sent_event_may_cancel_the_next_of_the_queue);
  suite_add_tcase(suite, reentrancy);
  return suite;
}

ACOAP_TEST_MAIN(exchange_transmission_suite)
