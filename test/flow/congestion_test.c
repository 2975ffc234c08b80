/*
 * Congestion between two endpoints on a simulated network: waits that follow the round trips beside
 * those of RFC 7252, and thousands of requests in flight to one peer.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/desc.h>
#include <acoap/send.h>

#include "check_main.h"
#include "sim_pair.h"

/* What came of the requests so far. */
typedef struct tally {
  uint32_t answered;
  uint32_t failed;
  acoap_time_t last_at;
  sim_pair_t pair;
  acoap_remote_endpoint_t *remote;
} tally_t;

static void answer(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "x", 1);
}

static void on_response(void *user_data, int status, acoap_message_t *message) {
  tally_t *tally = user_data;
  tally->answered += status == 0 && message != NULL ? 1 : 0;
  tally->failed += status != 0 ? 1 : 0;
  tally->last_at = sim_pair_now(&tally->pair);
}

static void tally_open(tally_t *tally, acoap_congestion_t congestion, uint32_t nstart,
                       uint32_t round_trip_ms, uint64_t seed) {
  acoap_params_t params;
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .params = &params};
  acoap_sim_conditions_t conditions = {.size = sizeof(conditions),
                                       .delay_min_ms = round_trip_ms / 2,
                                       .delay_max_ms = round_trip_ms / 2};
  acoap_params_init(&params);
  params.congestion = congestion;
  params.nstart = nstart;
  memset(tally, 0, sizeof(*tally));
  sim_pair_open(&tally->pair, seed, &options);
  ck_assert_int_eq(acoap_sim_set_conditions(tally->pair.sim, &conditions), 0);
  acoap_local_endpoint_receive(tally->pair.server, answer, NULL);
  ck_assert_int_eq(acoap_remote_endpoint_from_address(
                       tally->pair.client, &tally->pair.server_address, "/t", &tally->remote),
                   0);
}

static void tally_close(tally_t *tally) {
  acoap_remote_endpoint_unref(tally->remote);
  sim_pair_close(&tally->pair);
}

static int ask(tally_t *tally) {
  return acoap_send(tally->remote, acoap_desc_get(), on_response, tally, NULL);
}

static acoap_stats_t stats_of(const tally_t *tally) {
  acoap_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_local_endpoint_stats(tally->pair.client, &stats), 0);
  return stats;
}

static acoap_peer_state_t peer_of(const tally_t *tally) {
  acoap_peer_state_t state;
  ck_assert_int_eq(
      acoap_local_endpoint_peer_state(tally->pair.client, &tally->pair.server_address, &state), 0);
  return state;
}

/* One request after the other. Returns how many copies were sent for nothing. */
static uint64_t ask_in_turn(tally_t *tally, uint32_t count) {
  uint64_t before = stats_of(tally).retransmissions;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t answered = tally->answered;
    ck_assert_int_eq(ask(tally), 0);
    for (int ms = 0; tally->answered == answered; ms += 10) {
      ck_assert_int_lt(ms, 100000);
      sim_pair_run(&tally->pair, 10);
    }
  }
  ck_assert_uint_eq(tally->failed, 0);
  return stats_of(tally).retransmissions - before;
}

/* ---- round trips ----------------------------------------------------------------------------- */

START_TEST(long_round_trips_cause_no_copies_once_they_are_known) {
  static const uint32_t round_trips[] = {2000, 2500, 2900, 6000};
  for (size_t i = 0; i < 4; i++) {
    for (uint64_t seed = 1; seed <= 10; seed++) {
      tally_t tally;
      tally_open(&tally, ACOAP_CONGESTION_COCOA, 1, round_trips[i], seed);
      ask_in_turn(&tally, 5);
      ck_assert_uint_eq(ask_in_turn(&tally, 20), 0);
      ck_assert_uint_ge(peer_of(&tally).rto_ms, round_trips[i]);
      tally_close(&tally);
    }
  }
  /* RFC 7252 alone never learns. */
  tally_t tally;
  tally_open(&tally, ACOAP_CONGESTION_DEFAULT, 1, 2900, 1);
  ask_in_turn(&tally, 5);
  ck_assert_uint_gt(ask_in_turn(&tally, 20), 10);
  ck_assert_uint_eq(peer_of(&tally).rto_ms, 0);
  tally_close(&tally);
}
END_TEST

/* How long a request takes whose first copy is lost. */
static acoap_time_t time_to_repair(acoap_congestion_t congestion, uint64_t seed) {
  tally_t tally;
  tally_open(&tally, congestion, 1, 50, seed);
  ask_in_turn(&tally, 12);
  acoap_time_t begin = sim_pair_now(&tally.pair);
  ck_assert_int_eq(acoap_sim_partition(tally.pair.sim, NULL, NULL, true), 0);
  ck_assert_int_eq(ask(&tally), 0);
  sim_pair_run(&tally.pair, 60);
  ck_assert_int_eq(acoap_sim_partition(tally.pair.sim, NULL, NULL, false), 0);
  sim_pair_run(&tally.pair, 10000);
  ck_assert_uint_eq(tally.answered, 13);
  ck_assert_uint_eq(stats_of(&tally).retransmissions, 1);
  acoap_time_t took = tally.last_at - begin;
  tally_close(&tally);
  return took;
}

START_TEST(with_short_round_trips_a_loss_is_repaired_soon) {
  for (uint64_t seed = 1; seed <= 10; seed++) {
    ck_assert_int_lt(time_to_repair(ACOAP_CONGESTION_COCOA, seed), 300);
    ck_assert_int_ge(time_to_repair(ACOAP_CONGESTION_DEFAULT, seed), 2050);
  }
}
END_TEST

START_TEST(a_remote_may_be_measured_where_the_endpoint_does_not) {
  tally_t tally;
  acoap_params_t params;
  tally_open(&tally, ACOAP_CONGESTION_DEFAULT, 1, 50, 1);
  ask_in_turn(&tally, 2);
  ck_assert_uint_eq(peer_of(&tally).rto_ms, 0);
  acoap_params_init(&params);
  params.congestion = ACOAP_CONGESTION_COCOA;
  ck_assert_int_eq(acoap_remote_endpoint_set_params(tally.remote, &params), 0);
  ask_in_turn(&tally, 1);
  ck_assert_uint_eq(peer_of(&tally).rto_ms, 1075); /* (3 * 50 + 2000) / 2 */
  tally_close(&tally);
}
END_TEST

/* ---- many in flight -------------------------------------------------------------------------- */

START_TEST(five_thousand_requests_are_in_flight_to_one_peer) {
  for (int congestion = 0; congestion < 2; congestion++) {
    tally_t tally;
    tally_open(&tally, (acoap_congestion_t)congestion, 5000, 100, 1);
    for (uint32_t i = 0; i < 5000 + 1024; i++) {
      ck_assert_int_eq(ask(&tally), 0);
    }
    ck_assert_uint_eq(peer_of(&tally).outstanding, 5000);
    ck_assert_uint_eq(peer_of(&tally).queued, 1024);
    ck_assert_int_eq(ask(&tally), ACOAP_EEXHAUSTED);
    sim_pair_run(&tally.pair, 100);
    ck_assert_uint_eq(tally.answered, 5000);
    sim_pair_run(&tally.pair, 100);
    ck_assert_uint_eq(tally.answered, 6024);
    ck_assert_uint_eq(tally.failed, 0);
    ck_assert_uint_eq(stats_of(&tally).retransmissions, 0);
    tally_close(&tally);
  }
}
END_TEST

START_TEST(without_a_free_message_id_requests_wait_and_none_fails) {
  enum { IDS = 65536, WINDOW = 4096, MORE = 500 };
  tally_t tally;
  tally_open(&tally, ACOAP_CONGESTION_COCOA, WINDOW, 2, 1);
  acoap_time_t begin = sim_pair_now(&tally.pair);
  for (uint32_t sent = 0; sent < IDS; sent += WINDOW) {
    for (uint32_t i = 0; i < WINDOW; i++) {
      ck_assert_int_eq(ask(&tally), 0);
    }
    sim_pair_run(&tally.pair, 2);
  }
  ck_assert_uint_eq(tally.answered, IDS);
  for (uint32_t i = 0; i < MORE; i++) {
    ck_assert_int_eq(ask(&tally), 0);
  }
  sim_pair_run(&tally.pair, 100000);
  ck_assert_uint_eq(tally.answered, IDS);
  ck_assert_uint_eq(peer_of(&tally).queued, MORE);
  ck_assert_uint_eq(stats_of(&tally).message_id_waits, MORE);
  sim_pair_run(&tally.pair, 147100); /* EXCHANGE_LIFETIME is 247 s */
  ck_assert_uint_eq(tally.answered, IDS + MORE);
  ck_assert_uint_eq(tally.failed, 0);
  ck_assert_int_ge(tally.last_at - begin, 247000);
  tally_close(&tally);
}
END_TEST

static Suite *congestion_suite(void) {
  Suite *suite = suite_create("congestion");
  TCase *round_trips = tcase_create("round_trips");
  tcase_add_test(round_trips, long_round_trips_cause_no_copies_once_they_are_known);
  tcase_add_test(round_trips, with_short_round_trips_a_loss_is_repaired_soon);
  tcase_add_test(round_trips, a_remote_may_be_measured_where_the_endpoint_does_not);
  suite_add_tcase(suite, round_trips);
  TCase *many = tcase_create("many");
  tcase_add_test(many, five_thousand_requests_are_in_flight_to_one_peer);
  tcase_add_test(many, without_a_free_message_id_requests_wait_and_none_fails);
  suite_add_tcase(suite, many);
  return suite;
}

ACOAP_TEST_MAIN(congestion_suite)
