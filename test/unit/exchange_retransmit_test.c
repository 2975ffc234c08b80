/*
 * exchange/retransmit: RFC 7252 section 4.2 under virtual time.
 * SPDX-License-Identifier: MIT
 */
#include "support/scripted_peer.h"

#include "support/check_main.h"

START_TEST(back_off_is_2_4_8_16_and_gives_up_at_62_seconds) {
  static const acoap_time_t due[] = {0, 2000, 6000, 14000, 30000};
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_time_t start = script->now;
  acoap_path_t path = script_path(1);
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "t", NULL);
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, NULL), 0);
  script_run_until(script, start + 61999);
  ck_assert_uint_eq(request.failures, 0);
  uint16_t message_id = 0;
  for (size_t i = 0; i < 5; i++) {
    const script_datagram_t *sent = script_expect(script, ACOAP_CON, ACOAP_CODE_GET, -1);
    ck_assert_int_eq(sent->at - start, due[i]);
    ck_assert_uint_eq(sent->len, request.len);
    message_id = i == 0 ? sent->view.message_id : message_id;
    ck_assert_uint_eq(sent->view.message_id, message_id);
  }
  script_run_until(script, start + 62000);
  script_expect_silence(script);
  ck_assert_uint_eq(request.failures, 1);
  ck_assert_int_eq(request.status, ACOAP_ETIMEDOUT);
  ck_assert_int_eq(request.at - start, 62000);
  ck_assert_uint_eq(script->engine.stats.retransmissions, 4);
  ck_assert_uint_eq(script->engine.stats.timeouts, 1);
  ck_assert_uint_eq(script->engine.stats.requests_sent, 1);
  script_run(script);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(parameters_are_those_of_the_message) {
  static const struct {
    uint32_t timeout, retransmit;
    unsigned sent;
    acoap_time_t fails;
  } rows[] = {{2000, 0, 1, 2000}, {100, 1, 2, 300}, {1000, 10, 11, 2047000}, {7, 3, 4, 105}};

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    acoap__engine_config_t config = script_config();
    script_t *script = script_new(&config, i);
    acoap_params_t params = config.params;
    acoap__request_options_t options = {.params = &params};
    acoap_time_t start = script->now;
    acoap_path_t path = script_path(1);
    script_request_t request;

    params.ack_timeout_ms = rows[i].timeout;
    params.max_retransmit = rows[i].retransmit;
    params.response_timeout_ms = 100000000;
    script_request_init(script, &request, ACOAP_CODE_GET, "t", NULL);
    ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, &options), 0);
    script_run_until(script, start + rows[i].fails - 1);
    ck_assert_uint_eq(request.failures, 0);
    script_run_until(script, start + rows[i].fails);
    ck_assert_uint_eq(request.failures, 1);
    ck_assert_uint_eq(script->sent, rows[i].sent);
    script_free(script);
  }
}
END_TEST

START_TEST(first_wait_is_random_up_to_the_factor_and_then_doubles) {
  acoap__engine_config_t config = script_config();
  acoap_time_t least = INT64_MAX;
  acoap_time_t most = 0;

  config.params.ack_random_factor_permille = 1500;
  for (uint64_t seed = 0; seed < 200; seed++) {
    script_t *script = script_new(&config, seed);
    acoap_path_t path = script_path(1);
    script_message_t message;

    script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), 0);
    script_run_until(script, script->now + 93000);
    ck_assert_uint_eq(message.failures, 1);
    ck_assert_uint_eq(script->sent, 5);
    acoap_time_t wait = script->kept[1].at - script->kept[0].at;
    ck_assert_int_ge(wait, 2000);
    ck_assert_int_le(wait, 3000);
    for (size_t i = 1; i < 4; i++) {
      ck_assert_int_eq(script->kept[i + 1].at - script->kept[i].at, wait << i);
    }
    least = wait < least ? wait : least;
    most = wait > most ? wait : most;
    script_free(script);
  }
  ck_assert_int_lt(least, 2050);
  ck_assert_int_gt(most, 2950);
}
END_TEST

START_TEST(an_ack_or_rst_ends_it) {
  for (int reset = 0; reset < 2; reset++) {
    acoap__engine_config_t config = script_config();
    script_t *script = script_new(&config, 1);
    acoap_path_t path = script_path(1);
    script_message_t message;

    script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), 0);
    script_run_until(script, script->now + 20000);
    ck_assert_uint_eq(script->sent, 4);
    script_receive(script, &path, reset ? ACOAP_RST : ACOAP_ACK, ACOAP_CODE_EMPTY,
                   script_next(script)->view.message_id, NULL, NULL);
    ck_assert_uint_eq(message.resets, (unsigned)reset);
    ck_assert_uint_eq(message.acknowledged, (unsigned)!reset);
    script_expect_idle(script);
    script_run_until(script, script->now + 1000000);
    ck_assert_uint_eq(script->sent, 4);
    ck_assert_uint_eq(message.failures, 0);
    script_free(script);
  }
}
END_TEST

START_TEST(a_refused_retransmission_is_a_loss) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_message_t message;

  script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), 0);
  script->transmit_status = -101;
  script->refuse_next = 2;
  script_run_until(script, script->now + 61999);
  ck_assert_uint_eq(message.failures, 0);
  ck_assert_uint_eq(script->sent, 3);
  ck_assert_uint_eq(script->engine.stats.send_errors, 2);
  script_run_until(script, script->now + 1);
  ck_assert_int_eq(message.status, ACOAP_ETIMEDOUT);
  script_free(script);
}
END_TEST

START_TEST(a_late_run_sends_once_and_waits_from_then) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_message_t message;

  script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), 0);
  script->now += 3600000;
  acoap__engine_run(&script->engine, script->now);
  ck_assert_uint_eq(script->sent, 2);
  ck_assert_int_eq(acoap__engine_next_wake(&script->engine), script->now + 4000);
  acoap__transmission_cancel(&script->engine, script->now, &message.tx);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

/* Newer bytes for the next attempt. */
static script_message_t *newer;

static void renew(acoap__transmission_t *tx, acoap_time_t now) {
  if (newer == NULL || !acoap__transmission_renewable(tx, now)) {
    return;
  }
  acoap__transmission_renew(tx, now, newer->bytes, newer->len);
  newer = NULL;
}

START_TEST(rfc7641_4_5_2_newer_bytes_take_the_place_and_the_counter_goes_on) {
  static const acoap_time_t due[] = {0, 2000, 6000, 14000, 30000};
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_time_t start = script->now;
  acoap_path_t path = script_path(1);
  script_message_t message, next;
  script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", "old");
  script_message_init(script, &next, ACOAP_CODE_CONTENT, "t", "newer");
  acoap__transmission_events_t events = *message.tx.events;
  events.renew = renew;
  acoap__transmission_init(&message.tx, &message.way, &events, &message);
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), 0);
  uint16_t id = 0;
  for (size_t i = 0; i < 5; i++) {
    const script_datagram_t *sent = script_expect(script, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
    ck_assert_int_eq(sent->at - start, due[i]);
    ck_assert_uint_eq(sent->view.payload.len, i < 2 ? 3 : 5);
    ck_assert_int_eq(i > 0 && sent->view.message_id == id, i == 1 || i > 2);
    id = sent->view.message_id;
    newer = i == 1 ? &next : NULL;
    if (i < 4) {
      script_run_until(script, start + due[i + 1]);
    }
  }
  /* The Message ID of what was replaced is nobody's any more. */
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_EMPTY, (uint16_t)(id - 1), "", NULL);
  ck_assert_uint_eq(message.acknowledged, 0);
  script_run_until(script, start + 62000);
  ck_assert_uint_eq(message.failures, 1);
  ck_assert_int_eq(message.status, ACOAP_ETIMEDOUT);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

static Suite *exchange_retransmit_suite(void) {
  Suite *suite = suite_create("exchange_retransmit");
  TCase *tcase = tcase_create("section_4_2");
  tcase_add_test(tcase, back_off_is_2_4_8_16_and_gives_up_at_62_seconds);
  tcase_add_test(tcase, parameters_are_those_of_the_message);
  tcase_add_test(tcase, first_wait_is_random_up_to_the_factor_and_then_doubles);
  tcase_add_test(tcase, an_ack_or_rst_ends_it);
  tcase_add_test(tcase, a_refused_retransmission_is_a_loss);
  tcase_add_test(tcase, a_late_run_sends_once_and_waits_from_then);
  tcase_add_test(tcase, rfc7641_4_5_2_newer_bytes_take_the_place_and_the_counter_goes_on);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(exchange_retransmit_suite)
