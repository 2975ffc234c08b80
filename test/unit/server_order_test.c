/*
 * server/order: order numbers of notifications (RFC 7641 section 4.4).
 * SPDX-License-Identifier: MIT
 */
#include "check_main.h"
#include "message/observe.h"
#include "server/server.h"
#include "server_rig.h"

START_TEST(numbers_are_sixteenths_of_a_millisecond_of_24_bits) {
  static const acoap_time_t clocks_ms[] = {0, 1, 1048575, 1048576, 1700000000123};
  for (size_t i = 0; i < sizeof(clocks_ms) / sizeof(clocks_ms[0]); i++) {
    server_rig_t rig;
    server_rig_open(&rig, 1, NULL);
    ck_assert_int_eq(acoap_sim_set_real_time(rig.sim, clocks_ms[i]), 0);
    ck_assert_uint_eq(acoap__observe_number(rig.server),
                      (uint32_t)((uint64_t)clocks_ms[i] * 16 % (1u << 24)));
    server_rig_close(&rig);
  }
}
END_TEST

START_TEST(many_in_one_millisecond_still_grow) {
  server_rig_t rig;
  server_rig_open(&rig, 1, NULL);
  /* 0xffffff is passed on the way. */
  ck_assert_int_eq(acoap_sim_set_real_time(rig.sim, 1048575), 0);
  acoap_time_t now = acoap_sim_now(rig.sim);
  uint32_t last = acoap__observe_number(rig.server);
  for (unsigned i = 0; i < 1000; i++) {
    uint32_t number = acoap__observe_number(rig.server);
    ck_assert_uint_lt(number, 1u << 24);
    ck_assert(acoap__observe_is_newer(last, now, number, now));
    last = number;
  }
  server_rig_close(&rig);
}
END_TEST

START_TEST(a_clock_that_was_set_back_is_followed_when_nothing_older_is_under_way) {
  server_rig_t rig;
  server_rig_open(&rig, 1, NULL);
  ck_assert_int_eq(acoap_sim_set_real_time(rig.sim, 500000), 0);
  uint32_t last = acoap__observe_number(rig.server);
  ck_assert_int_eq(acoap_sim_set_real_time(rig.sim, 400000), 0);
  ck_assert_uint_eq(acoap__observe_number(rig.server), last + 1);
  server_rig_run(&rig, 400000);
  ck_assert_int_eq(acoap_sim_set_real_time(rig.sim, 300000), 0);
  ck_assert_uint_eq(acoap__observe_number(rig.server), 300000 * 16);
  server_rig_close(&rig);
}
END_TEST

static Suite *server_order_suite(void) {
  Suite *suite = suite_create("server_order");
  TCase *tcase = tcase_create("section_4_4");
  tcase_add_test(tcase, numbers_are_sixteenths_of_a_millisecond_of_24_bits);
  tcase_add_test(tcase, many_in_one_millisecond_still_grow);
  tcase_add_test(tcase, a_clock_that_was_set_back_is_followed_when_nothing_older_is_under_way);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(server_order_suite)
