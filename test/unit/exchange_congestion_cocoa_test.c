/*
 * exchange/congestion_cocoa: the formulas of draft-ietf-core-cocoa-03 as tables, worked out by
 * hand; dithering is off where a time is expected.
 * SPDX-License-Identifier: MIT
 */
#include "support/scripted_peer.h"

#include "exchange/transmission.h"
#include "support/check_main.h"

static acoap__engine_config_t cocoa_config(void) {
  acoap__engine_config_t config = script_config();

  config.round_trips = true;
  config.params.congestion = ACOAP_CONGESTION_COCOA;
  config.params.nstart = 64;
  return config;
}

static script_t *cocoa_script(void) {
  acoap__engine_config_t config = cocoa_config();

  return script_new(&config, 1);
}

static uint32_t rto_ms(const script_t *script, unsigned peer) {
  acoap__peer_info_t info = {0};
  acoap_path_t path = script_path(peer);

  ck_assert(acoap__engine_peer_info(&script->engine, &path, &info));
  return info.rto_ms;
}

/* Send a CON; it is answered after so long, by an ACK or a RST. Returns its retransmissions. */
static uint32_t exchange(script_t *script, unsigned peer, acoap_time_t after, acoap_type_t answer) {
  acoap_path_t path = script_path(peer);
  script_message_t message;
  uint64_t before = script->engine.stats.retransmissions;

  script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), 0);
  script_run_until(script, script->now + after);
  ck_assert_uint_eq(message.failures, 0);
  script_receive(script, &path, answer, ACOAP_CODE_EMPTY, message.tx.message_id, NULL, NULL);
  ck_assert_uint_eq(message.acknowledged + message.resets, 1);
  return (uint32_t)(script->engine.stats.retransmissions - before);
}

/* How long the next CON would wait for its ACK. */
static uint32_t wait_ms(script_t *script, unsigned peer) {
  acoap_path_t path = script_path(peer);
  script_message_t message;

  script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), 0);
  uint32_t wait = message.tx.timeout_ms;
  acoap__transmission_cancel(&script->engine, script->now, &message.tx);
  return wait;
}

/* ---- estimators ------------------------------------------------------------------------------ */

/* A column of round trips and what the RTO is after each, whole milliseconds. */
typedef struct row {
  acoap_time_t after;
  uint32_t retransmissions;
  uint32_t rto_ms;
} row_t;

static void follow(const row_t *rows, size_t count, acoap_type_t answer) {
  script_t *script = cocoa_script();

  for (size_t i = 0; i < count; i++) {
    ck_assert_uint_eq(exchange(script, 1, rows[i].after, answer), rows[i].retransmissions);
    ck_assert_uint_eq(rto_ms(script, 1), rows[i].rto_ms);
  }
  script_free(script);
}
#define FOLLOW(rows, answer) follow(rows, sizeof(rows) / sizeof((rows)[0]), answer)

START_TEST(the_strong_estimator_counts_half) {
  /* E: 3000 2500 2125 1843.75 */
  static const row_t steady[] = {
      {1000, 0, 2500}, {1000, 0, 2500}, {1000, 0, 2312}, {1000, 0, 2078}};
  /* E: 600 500 650 565.625 */
  static const row_t changing[] = {{200, 0, 1300}, {200, 0, 900}, {400, 0, 775}, {200, 0, 670}};

  FOLLOW(steady, ACOAP_ACK);
  FOLLOW(changing, ACOAP_ACK);
  FOLLOW(changing, ACOAP_RST);
}
END_TEST

START_TEST(the_weak_estimator_counts_a_quarter) {
  static const row_t rows[] = {
      {2500, 1, 2437}, /* E = 2500 + 1250; RTO = 937.5 + 1500 */
      {2500, 1, 2687}, /* E = 2500 + 937.5; RTO = 859.375 + 1828.125 */
      {1000, 0, 2843}, /* strong: E = 3000; RTO = 1500 + 1343.75 */
      {2900, 1, 2971}, /* RTTVAR = 703.125 + 100, SRTT = 2550: E = 3353.125; RTO + 2132.8125 */
  };

  FOLLOW(rows, ACOAP_ACK);
}
END_TEST

START_TEST(two_retransmissions_are_weak_and_three_tell_nothing) {
  static const row_t rows[] = {
      {6500, 2, 3937},  /* E = 6500 + 3250; RTO = 2437.5 + 1500 */
      {30000, 3, 3937}, /* at 3937, 9843, 18703 */
  };

  FOLLOW(rows, ACOAP_ACK);
}
END_TEST

START_TEST(an_answer_to_two_copies_is_weak_however_soon_the_second_left) {
  script_t *script = cocoa_script();
  acoap_path_t path = script_path(1);
  script_message_t message;

  script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, NULL), 0);
  script_run_until(script, script->now + 100);
  ck_assert(acoap__retransmit_early(&script->engine, &message.tx));
  script_run_until(script, script->now + 100);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_EMPTY, message.tx.message_id, NULL, NULL);
  ck_assert_uint_eq(rto_ms(script, 1), 1575); /* E = 200 + 100; RTO = 75 + 1500 */
  script_free(script);
}
END_TEST

START_TEST(the_rto_stays_between_100_ms_and_32_s) {
  script_t *script = cocoa_script();

  for (int i = 0; i < 40; i++) {
    exchange(script, 1, 0, ACOAP_ACK);
  }
  ck_assert_uint_eq(rto_ms(script, 1), 100);
  ck_assert_uint_eq(wait_ms(script, 1), 100);
  script_free(script);

  acoap__engine_config_t config = cocoa_config();
  config.params.ack_timeout_ms = 100000;
  script = script_new(&config, 1);
  ck_assert_uint_eq(wait_ms(script, 1), 32000);
  exchange(script, 1, 30000, ACOAP_ACK);
  ck_assert_uint_eq(rto_ms(script, 1), 32000);
  script_free(script);
}
END_TEST

START_TEST(each_peer_has_its_own_and_a_new_one_knows_nothing) {
  acoap__engine_config_t config = cocoa_config();

  config.peers = 2;
  script_t *script = script_new(&config, 1);
  exchange(script, 1, 200, ACOAP_ACK);
  exchange(script, 2, 1000, ACOAP_ACK);
  ck_assert_uint_eq(rto_ms(script, 1), 1300);
  ck_assert_uint_eq(rto_ms(script, 2), 2500);
  exchange(script, 3, 400, ACOAP_ACK); /* in the place of 1: E = 1200 */
  ck_assert_uint_eq(rto_ms(script, 3), 1600);
  ck_assert_uint_eq(wait_ms(script, 1), 2000);
  script_free(script);
}
END_TEST

/* ---- waits ----------------------------------------------------------------------------------- */

START_TEST(the_back_off_depends_on_the_rto) {
  static const struct {
    uint32_t rto;        /* ACK_TIMEOUT: nothing is measured */
    acoap_time_t due[5]; /* when it is sent */
    acoap_time_t fails;  /* when it is given up */
  } rows[] = {
      {500, {0, 500, 2000, 6500, 20000}, 52000}, /* times 3; the last wait is cut to 32 s */
      {999, {0, 999, 3996, 12987, 39960}, 71960},
      {1000, {0, 1000, 3000, 7000, 15000}, 31000}, /* times 2 */
      {3000, {0, 3000, 9000, 21000, 45000}, 77000},
      {3001, {0, 3001, 7502, 14253, 24379}, 39568}, /* times 1.5 */
      {4000, {0, 4000, 10000, 19000, 32500}, 52750},
  };

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    acoap__engine_config_t config = cocoa_config();
    config.params.ack_timeout_ms = rows[i].rto;
    /* MAX_TRANSMIT_SPAN is not what is looked at here. */
    acoap_params_t params = config.params;
    params.max_retransmit = 4;
    script_t *script = script_new(&config, 1);
    acoap_time_t start = script->now;
    acoap_path_t path = script_path(1);
    script_message_t message;
    script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, &params), 0);
    acoap_time_t span = (acoap_time_t)acoap_params_max_transmit_span_ms(&params);
    for (size_t n = 0; n < 5; n++) {
      if (rows[i].due[n] <= span) {
        script_run_until(script, start + rows[i].due[n]);
        ck_assert_int_eq(script_next(script)->at - start, rows[i].due[n]);
      }
    }
    script_expect_silence(script);
    if (rows[i].due[4] <= span) {
      script_run_until(script, start + rows[i].fails - 1);
      ck_assert_uint_eq(message.failures, 0);
      script_run_until(script, start + rows[i].fails);
    } else {
      script_run_until(script, start + rows[i].due[4]);
    }
    ck_assert_int_eq(message.status, ACOAP_ETIMEDOUT);
    script_expect_silence(script);
    script_free(script);
  }
}
END_TEST

START_TEST(nothing_is_sent_again_after_the_span) {
  acoap__engine_config_t config = cocoa_config();
  script_t *script = script_new(&config, 1);
  acoap_time_t start = script->now;
  acoap_path_t path = script_path(1);
  script_message_t messages[8];

  ck_assert_uint_eq(acoap_params_max_transmit_span_ms(&config.params), 30000);
  for (size_t i = 0; i < 8; i++) {
    script_message_init(script, &messages[i], ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_eq(script_message_send(&messages[i], &path, ACOAP_CON, NULL), 0);
  }
  /* The eighth has an RTO of 16 s: sent again at 16 s, and at 40 s it is too late. */
  script_run_until(script, start + 39999);
  ck_assert_uint_eq(messages[7].tx.retransmissions, 1);
  ck_assert_uint_eq(messages[7].failures, 0);
  script_run_until(script, start + 40000);
  ck_assert_uint_eq(messages[7].failures, 1);
  ck_assert_int_eq(messages[7].status, ACOAP_ETIMEDOUT);
  script_free(script);
}
END_TEST

START_TEST(without_a_measurement_several_exchanges_wait_longer) {
  acoap__engine_config_t config = cocoa_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_message_t messages[20];

  for (uint32_t i = 0; i < 20; i++) {
    script_message_init(script, &messages[i], ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_eq(script_message_send(&messages[i], &path, ACOAP_CON, NULL), 0);
    ck_assert_uint_eq(messages[i].tx.timeout_ms, i < 16 ? 2000 * (i + 1) : 32000);
  }
  script_run_until(script, script->now + 100);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_EMPTY, messages[9].tx.message_id, NULL, NULL);
  ck_assert_uint_eq(rto_ms(script, 1), 1150);
  ck_assert_uint_eq(wait_ms(script, 1), 1150);
  script_free(script);
}
END_TEST

START_TEST(the_first_wait_is_dithered) {
  acoap__engine_config_t config = cocoa_config();
  uint32_t least = UINT32_MAX;
  uint32_t most = 0;

  config.params.ack_random_factor_permille = 1500;
  script_t *script = script_new(&config, 7);
  exchange(script, 1, 200, ACOAP_ACK); /* 1300 */
  script->forget_sent = true;
  for (int i = 0; i < 2000; i++) {
    uint32_t wait = wait_ms(script, 1);
    least = wait < least ? wait : least;
    most = wait > most ? wait : most;
  }
  ck_assert_uint_ge(least, 1300);
  ck_assert_uint_lt(least, 1310);
  ck_assert_uint_gt(most, 1940);
  ck_assert_uint_le(most, 1950);
  script_free(script);
}
END_TEST

START_TEST(a_short_rto_that_is_not_used_grows) {
  static const struct {
    acoap_time_t idle;
    uint32_t rto;
  } rows[] = {{1599, 100},  {1600, 200},   {4799, 200},   {4800, 400},    {11200, 800},
              {23999, 800}, {24000, 1600}, {49600, 1600}, {1000000, 1600}};

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    script_t *script = cocoa_script();
    for (int n = 0; n < 40; n++) {
      exchange(script, 1, 0, ACOAP_ACK);
    }
    script_run_until(script, script->now + rows[i].idle);
    ck_assert_uint_eq(wait_ms(script, 1), rows[i].rto);
    ck_assert_uint_eq(wait_ms(script, 1), rows[i].rto);
    script_free(script);
  }
}
END_TEST

START_TEST(a_long_rto_that_is_not_used_shrinks) {
  static const struct {
    acoap_time_t idle;
    uint32_t rto;
  } rows[] = {{33999, 8500}, {34000, 5250}, {55000, 3625},  {69499, 3625},
              {69500, 2812}, {90000, 2812}, {9000000, 2812}};

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    acoap__engine_config_t config = cocoa_config();
    config.params.ack_timeout_ms = 5000;
    script_t *script = script_new(&config, 1);
    exchange(script, 1, 4000, ACOAP_ACK);
    ck_assert_uint_eq(rto_ms(script, 1), 8500);
    script_run_until(script, script->now + rows[i].idle);
    ck_assert_uint_eq(wait_ms(script, 1), rows[i].rto);
    script_free(script);
  }
}
END_TEST

/* ---- who is measured ------------------------------------------------------------------------- */

START_TEST(only_messages_that_want_it_are_measured) {
  acoap__engine_config_t config = cocoa_config();
  acoap_params_t cocoa = config.params;
  acoap_path_t path = script_path(1);
  script_message_t message;

  config.params.congestion = ACOAP_CONGESTION_DEFAULT;
  script_t *script = script_new(&config, 1);
  exchange(script, 1, 100, ACOAP_ACK);
  ck_assert_uint_eq(rto_ms(script, 1), 0);
  script_message_init(script, &message, ACOAP_CODE_CONTENT, "t", NULL);
  ck_assert_int_eq(script_message_send(&message, &path, ACOAP_CON, &cocoa), 0);
  script_run_until(script, script->now + 200);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_EMPTY, message.tx.message_id, NULL, NULL);
  ck_assert_uint_eq(rto_ms(script, 1), 1300);
  ck_assert_uint_eq(wait_ms(script, 1), 2000);
  script_free(script);
}
END_TEST

START_TEST(without_memory_for_it_the_waits_are_rfc_7252s) {
  acoap__engine_config_t config = cocoa_config();

  config.round_trips = false;
  ck_assert_uint_lt(
      acoap__engine_memory(&config),
      (acoap__engine_memory(&(acoap__engine_config_t){.params = config.params,
                                                      .peers = config.peers,
                                                      .dedup_con = config.dedup_con,
                                                      .dedup_non = config.dedup_non,
                                                      .reply_bytes = config.reply_bytes,
                                                      .buckets = config.buckets,
                                                      .round_trips = true})));
  script_t *script = script_new(&config, 1);
  exchange(script, 1, 100, ACOAP_ACK);
  ck_assert_uint_eq(rto_ms(script, 1), 0);
  ck_assert_uint_eq(wait_ms(script, 1), 2000);
  script_free(script);
}
END_TEST

static Suite *exchange_congestion_cocoa_suite(void) {
  Suite *suite = suite_create("exchange_congestion_cocoa");
  TCase *estimators = tcase_create("estimators");
  tcase_add_test(estimators, the_strong_estimator_counts_half);
  tcase_add_test(estimators, the_weak_estimator_counts_a_quarter);
  tcase_add_test(estimators, two_retransmissions_are_weak_and_three_tell_nothing);
  tcase_add_test(estimators, an_answer_to_two_copies_is_weak_however_soon_the_second_left);
  tcase_add_test(estimators, the_rto_stays_between_100_ms_and_32_s);
  tcase_add_test(estimators, each_peer_has_its_own_and_a_new_one_knows_nothing);
  suite_add_tcase(suite, estimators);
  TCase *waits = tcase_create("waits");
  tcase_add_test(waits, the_back_off_depends_on_the_rto);
  tcase_add_test(waits, nothing_is_sent_again_after_the_span);
  tcase_add_test(waits, without_a_measurement_several_exchanges_wait_longer);
  tcase_add_test(waits, the_first_wait_is_dithered);
  tcase_add_test(waits, a_short_rto_that_is_not_used_grows);
  tcase_add_test(waits, a_long_rto_that_is_not_used_shrinks);
  suite_add_tcase(suite, waits);
  TCase *who = tcase_create("who");
  tcase_add_test(who, only_messages_that_want_it_are_measured);
  tcase_add_test(who, without_memory_for_it_the_waits_are_rfc_7252s);
  suite_add_tcase(suite, who);
  return suite;
}

ACOAP_TEST_MAIN(exchange_congestion_cocoa_suite)
