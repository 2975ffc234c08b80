/*
 * exchange/congestion: NSTART and PROBING_RATE (RFC 7252 section 4.7), per peer.
 * SPDX-License-Identifier: MIT
 */
#include "support/scripted_peer.h"

#include "support/check_main.h"

static acoap__peer_info_t info_of(const script_t *script, const acoap_path_t *path) {
  acoap__peer_info_t info = {0};

  ck_assert(acoap__engine_peer_info(&script->engine, path, &info));
  return info;
}

static void acknowledge(script_t *script, const acoap_path_t *path, const script_datagram_t *sent) {
  script_receive(script, path, ACOAP_ACK, ACOAP_CODE_EMPTY, sent->view.message_id, NULL, NULL);
}

START_TEST(a_con_waits_until_the_one_before_is_acknowledged) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t requests[3];
  static const char *const tokens[] = {"a", "b", "c"};

  for (size_t i = 0; i < 3; i++) {
    script_request_init(script, &requests[i], ACOAP_CODE_GET, tokens[i], NULL);
    ck_assert_int_eq(script_request_send(&requests[i], &path, ACOAP_CON, NULL), 0);
  }
  const script_datagram_t *first = script_expect(script, ACOAP_CON, ACOAP_CODE_GET, -1);
  ck_assert_int_eq(first->view.token.data[0], 'a');
  script_expect_silence(script);
  ck_assert_uint_eq(info_of(script, &path).outstanding, 1);
  ck_assert_uint_eq(info_of(script, &path).queued, 2);

  /* An empty ACK is enough: the interaction is no longer outstanding (section 4.7). */
  acknowledge(script, &path, first);
  ck_assert_uint_eq(requests[0].acknowledged, 1);
  const script_datagram_t *second = script_expect(script, ACOAP_CON, ACOAP_CODE_GET, -1);
  ck_assert_int_eq(second->view.token.data[0], 'b');
  script_expect_silence(script);

  /* So is a RST. */
  script_receive(script, &path, ACOAP_RST, ACOAP_CODE_EMPTY, second->view.message_id, NULL, NULL);
  ck_assert_int_eq(requests[1].status, ACOAP_ERESET);
  ck_assert_int_eq(script_next(script)->view.token.data[0], 'c');
  ck_assert_uint_eq(info_of(script, &path).queued, 0);

  /* And a time-out. */
  script_run_until(script, script->now + 62000);
  ck_assert_int_eq(requests[2].status, ACOAP_ETIMEDOUT);
  ck_assert_uint_eq(info_of(script, &path).outstanding, 0);
  script_free(script);
}
END_TEST

START_TEST(the_queue_moves_on_when_one_times_out_or_is_cancelled) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t requests[3];
  static const char *const tokens[] = {"a", "b", "c"};
  acoap_time_t start = script->now;

  for (size_t i = 0; i < 3; i++) {
    script_request_init(script, &requests[i], ACOAP_CODE_GET, tokens[i], NULL);
    ck_assert_int_eq(script_request_send(&requests[i], &path, ACOAP_CON, NULL), 0);
  }
  script_run_until(script, start + 62000);
  ck_assert_int_eq(requests[0].status, ACOAP_ETIMEDOUT);
  script->taken = 5;
  const script_datagram_t *second = script_next(script);
  ck_assert_int_eq(second->view.token.data[0], 'b');
  ck_assert_int_eq(second->at, start + 62000);

  /* Closing frees the place; the next one leaves from a run, which the engine asks for at once. */
  size_t wakes = script->wakes;
  acoap__interaction_close(&script->engine, script->now, &requests[1].interaction);
  script_expect_silence(script);
  ck_assert_uint_eq(script->wakes, wakes + 1);
  ck_assert_int_eq(acoap__engine_next_wake(&script->engine), script->now);
  script_run(script);
  ck_assert_int_eq(script_next(script)->view.token.data[0], 'c');
  ck_assert_uint_eq(requests[1].failures + requests[1].responses, 0);
  script_free(script);
}
END_TEST

START_TEST(nstart_is_how_many_may_be_outstanding) {
  acoap__engine_config_t config = script_config();

  config.queue_per_peer = 100;
  for (uint32_t nstart = 1; nstart < 8; nstart++) {
    config.params.nstart = nstart;
    script_t *script = script_new(&config, nstart);
    acoap_path_t path = script_path(1);
    script_message_t messages[20];

    for (size_t i = 0; i < 20; i++) {
      script_message_init(script, &messages[i], ACOAP_CODE_CONTENT, "t", NULL);
      ck_assert_int_eq(script_message_send(&messages[i], &path, ACOAP_CON, NULL), 0);
    }
    ck_assert_uint_eq(script->sent, nstart);
    for (size_t i = 0; i < 20; i++) {
      ck_assert_uint_eq(script->sent, nstart + i < 20 ? nstart + i : 20);
      acknowledge(script, &path, script_next(script));
      ck_assert_uint_eq(messages[i].acknowledged, 1);
      ck_assert_uint_eq(messages[i].sent, i < nstart ? 0 : 1);
    }
    script_expect_idle(script);
    script_free(script);
  }
}
END_TEST

START_TEST(the_queue_keeps_its_order_and_its_bound) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_message_t messages[10];
  char token[2] = "a";

  for (size_t i = 0; i < 10; i++) {
    token[0] = (char)('a' + i);
    script_message_init(script, &messages[i], ACOAP_CODE_CONTENT, token, NULL);
    int status = script_message_send(&messages[i], &path, ACOAP_CON, NULL);
    ck_assert_int_eq(status, i < 9 ? 0 : ACOAP_EEXHAUSTED);
  }
  ck_assert_int_eq(messages[9].tx.state, ACOAP__TX_IDLE);
  ck_assert_uint_eq(script->engine.stats.queue_refused, 1);
  ck_assert_uint_eq(info_of(script, &path).queued, 8);

  /* One from the middle leaves the queue; then there is room at its end, not in its middle. */
  acoap__transmission_cancel(&script->engine, script->now, &messages[4].tx);
  ck_assert_int_eq(script_message_send(&messages[9], &path, ACOAP_CON, NULL), 0);
  for (size_t i = 0; i < 10; i++) {
    if (i != 4) {
      const script_datagram_t *sent = script_next(script);
      ck_assert_int_eq(sent->view.token.data[0], (char)('a' + i));
      acknowledge(script, &path, sent);
    }
  }
  script_expect_silence(script);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(one_dead_peer_never_delays_another) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t dead = script_path(1);
  acoap_path_t alive = script_path(2);
  script_request_t stuck[5];
  script_request_t request;
  char token[3] = "d0";

  for (size_t i = 0; i < 5; i++) {
    token[1] = (char)('0' + i);
    script_request_init(script, &stuck[i], ACOAP_CODE_GET, token, NULL);
    ck_assert_int_eq(script_request_send(&stuck[i], &dead, ACOAP_CON, NULL), 0);
  }
  for (unsigned i = 0; i < 20; i++) {
    script->taken = script->sent;
    script_request_init(script, &request, ACOAP_CODE_GET, "alive", NULL);
    ck_assert_int_eq(script_request_send(&request, &alive, ACOAP_CON, NULL), 0);
    const script_datagram_t *sent = script_next(script);
    ck_assert_int_eq(sent->at, script->now);
    ck_assert(acoap_address_equal(&sent->path.peer, &alive.peer));
    script_receive(script, &alive, ACOAP_ACK, ACOAP_CODE_CONTENT, sent->view.message_id, "alive",
                   NULL);
    ck_assert_uint_eq(request.responses, 1);
    script_run_until(script, script->now + 5000);
  }
  script_free(script);
}
END_TEST

START_TEST(a_non_request_holds_its_place_until_the_response) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t first;
  script_request_t second;

  script_request_init(script, &first, ACOAP_CODE_GET, "a", NULL);
  script_request_init(script, &second, ACOAP_CODE_GET, "b", NULL);
  ck_assert_int_eq(script_request_send(&first, &path, ACOAP_NON, NULL), 0);
  ck_assert_int_eq(script_request_send(&second, &path, ACOAP_NON, NULL), 0);
  script_expect(script, ACOAP_NON, ACOAP_CODE_GET, -1);
  script_expect_silence(script);
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, 9, "a", NULL);
  ck_assert_uint_eq(first.responses, 1);
  script_expect(script, ACOAP_NON, ACOAP_CODE_GET, -1);
  script_free(script);
}
END_TEST

START_TEST(a_silent_peer_is_probed_at_probing_rate) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t requests[4];
  char token[2] = "a";
  acoap_time_t start = script->now;
  acoap_time_t at = start;

  /* 1 byte a second: 4 header + 1 token + 1 marker + 14 payload = 20 bytes are paid for in 20 s. */
  for (size_t i = 0; i < 4; i++) {
    token[0] = (char)('a' + i);
    script_request_init(script, &requests[i], ACOAP_CODE_GET, token, "fourteen bytes");
    ck_assert_uint_eq(requests[i].len, 20);
    ck_assert_int_eq(script_request_send(&requests[i], &path, ACOAP_NON, NULL), 0);
  }
  script_run_until(script, start + 200000);
  for (size_t i = 0; i < 4; i++) {
    const script_datagram_t *sent = script_next(script);
    ck_assert_int_eq(sent->at, at);
    at += 20000;
    /* No longer expected, but still waited for: NON_LIFETIME from its own sending (130 s without
     * the random factor). */
    ck_assert_int_eq(requests[i].status, ACOAP_ETIMEDOUT);
    ck_assert_int_eq(requests[i].at, sent->at + 130000);
  }
  script_free(script);
}
END_TEST

START_TEST(giving_up_early_does_not_win_a_faster_probe) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t request;
  acoap_time_t start = script->now;

  script_request_init(script, &request, ACOAP_CODE_GET, "a", "fourteen bytes");
  for (unsigned i = 0; i < 5; i++) {
    ck_assert_int_eq(script_request_send(&request, &path, ACOAP_NON, NULL), 0);
    script_run_until(script, start + 20000 * (acoap_time_t)i);
    ck_assert_int_eq(script_next(script)->at, start + 20000 * (acoap_time_t)i);
    script_expect_silence(script);
    acoap__interaction_close(&script->engine, script->now, &request.interaction);
    script_expect_idle(script);
  }
  script_free(script);
}
END_TEST

START_TEST(a_con_does_not_wait_for_the_quiet_to_end) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "a", "fourteen bytes");
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_NON, NULL), 0);
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, NULL), 0);
  script_expect(script, ACOAP_NON, ACOAP_CODE_GET, -1);
  script_expect(script, ACOAP_CON, ACOAP_CODE_GET, -1);
  script_free(script);
}
END_TEST

START_TEST(what_was_answered_is_paid_for) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "a", "fourteen bytes");
  for (uint16_t i = 0; i < 5; i++) {
    ck_assert_int_eq(script_request_send(&request, &path, ACOAP_NON, NULL), 0);
    /* Expected for the 20 s of its own bytes, whatever went before. */
    ck_assert_int_eq(request.interaction.tx.timer.at, script->now + 20000);
    script_run_until(script, script->now + 1000);
    script_receive(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, i, "a", NULL);
    ck_assert_uint_eq(request.responses, i + 1u);
  }
  script_free(script);
}
END_TEST

START_TEST(anything_heard_ends_the_quiet) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t first;
  script_request_t second;

  script_request_init(script, &first, ACOAP_CODE_GET, "a", "fourteen bytes");
  script_request_init(script, &second, ACOAP_CODE_GET, "b", "fourteen bytes");
  ck_assert_int_eq(script_request_send(&first, &path, ACOAP_NON, NULL), 0);
  acoap__interaction_close(&script->engine, script->now, &first.interaction);
  ck_assert_int_eq(script_request_send(&second, &path, ACOAP_NON, NULL), 0);
  ck_assert_uint_eq(script->sent, 1);
  script_run_until(script, script->now + 1000);
  ck_assert_uint_eq(script->sent, 1);
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, 1, "late", NULL);
  ck_assert_uint_eq(script->sent, 2);
  ck_assert_int_eq(info_of(script, &path).heard, script->now);
  script_free(script);
}
END_TEST

START_TEST(with_nstart_2_the_average_is_still_probing_rate) {
  acoap__engine_config_t config = script_config();
  acoap_time_t start;
  static const acoap_time_t due[] = {0, 0, 20000, 40000, 60000, 80000};

  config.params.nstart = 2;
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t requests[6];
  char token[2] = "a";
  start = script->now;
  for (size_t i = 0; i < 6; i++) {
    token[0] = (char)('a' + i);
    script_request_init(script, &requests[i], ACOAP_CODE_GET, token, "fourteen bytes");
    ck_assert_int_eq(script_request_send(&requests[i], &path, ACOAP_NON, NULL), 0);
  }
  script_run_until(script, start + 100000);
  for (size_t i = 0; i < 6; i++) {
    ck_assert_int_eq(script_next(script)->at - start, due[i]);
  }
  script_free(script);
}
END_TEST

START_TEST(a_non_that_expects_nothing_holds_no_place) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  acoap__request_options_t no_response = {.no_response_expected = true};
  script_request_t con;
  script_request_t non;
  script_message_t notification;

  script_request_init(script, &con, ACOAP_CODE_GET, "a", NULL);
  ck_assert_int_eq(script_request_send(&con, &path, ACOAP_CON, NULL), 0);
  script_request_init(script, &non, ACOAP_CODE_PUT, "b", NULL);
  ck_assert_int_eq(script_request_send(&non, &path, ACOAP_NON, &no_response), 0);
  script_message_init(script, &notification, ACOAP_CODE_CONTENT, "c", NULL);
  ck_assert_int_eq(script_message_send(&notification, &path, ACOAP_NON, NULL), 0);
  ck_assert_uint_eq(script->sent, 3);
  ck_assert_uint_eq(info_of(script, &path).outstanding, 1);
  /* A CON without a response still has its ACK to wait for. */
  script_request_t quiet;
  script_request_init(script, &quiet, ACOAP_CODE_PUT, "d", NULL);
  ck_assert_int_eq(script_request_send(&quiet, &path, ACOAP_CON, &no_response), 0);
  ck_assert_uint_eq(script->sent, 3);
  ck_assert_uint_eq(info_of(script, &path).queued, 1);
  /* A full queue is no reason to refuse what need not wait. */
  script_message_t waiting[7];
  for (size_t i = 0; i < 7; i++) {
    script_message_init(script, &waiting[i], ACOAP_CODE_CONTENT, "w", NULL);
    ck_assert_int_eq(script_message_send(&waiting[i], &path, ACOAP_CON, NULL), 0);
  }
  ck_assert_uint_eq(info_of(script, &path).queued, 8);
  ck_assert_int_eq(script_message_send(&notification, &path, ACOAP_NON, NULL), 0);
  ck_assert_uint_eq(script->sent, 4);
  script_free(script);
}
END_TEST

START_TEST(groups_know_no_nstart) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t group = script_group();
  acoap__request_options_t keep = {.keep = true};
  script_request_t requests[5];
  char token[2] = "a";

  for (size_t i = 0; i < 5; i++) {
    token[0] = (char)('a' + i);
    script_request_init(script, &requests[i], ACOAP_CODE_GET, token, NULL);
    ck_assert_int_eq(script_request_send(&requests[i], &group, ACOAP_NON, &keep), 0);
  }
  ck_assert_uint_eq(script->sent, 5);
  ck_assert_int_eq(acoap__engine_next_wake(&script->engine), ACOAP_TIME_NEVER);
  script_free(script);
}
END_TEST

static Suite *exchange_congestion_suite(void) {
  Suite *suite = suite_create("exchange_congestion");
  TCase *nstart = tcase_create("nstart");
  tcase_add_test(nstart, a_con_waits_until_the_one_before_is_acknowledged);
  tcase_add_test(nstart, the_queue_moves_on_when_one_times_out_or_is_cancelled);
  tcase_add_test(nstart, nstart_is_how_many_may_be_outstanding);
  tcase_add_test(nstart, the_queue_keeps_its_order_and_its_bound);
  tcase_add_test(nstart, one_dead_peer_never_delays_another);
  tcase_add_test(nstart, a_non_request_holds_its_place_until_the_response);
  tcase_add_test(nstart, a_non_that_expects_nothing_holds_no_place);
  tcase_add_test(nstart, groups_know_no_nstart);
  suite_add_tcase(suite, nstart);
  TCase *probing = tcase_create("probing_rate");
  tcase_add_test(probing, a_silent_peer_is_probed_at_probing_rate);
  tcase_add_test(probing, giving_up_early_does_not_win_a_faster_probe);
  tcase_add_test(probing, a_con_does_not_wait_for_the_quiet_to_end);
  tcase_add_test(probing, what_was_answered_is_paid_for);
  tcase_add_test(probing, anything_heard_ends_the_quiet);
  tcase_add_test(probing, with_nstart_2_the_average_is_still_probing_rate);
  suite_add_tcase(suite, probing);
  return suite;
}

ACOAP_TEST_MAIN(exchange_congestion_suite)
