/*
 * exchange/qblock_params: RFC 9177 section 7.2, its table of defaults and what is refused.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/qblock.h>

#include "support/check_main.h"

START_TEST(defaults_are_those_of_section_7_2) {
  acoap_qblock_params_t qblock;
  acoap_qblock_params_init(&qblock, NULL);
  ck_assert_uint_eq(qblock.size, sizeof(qblock));
  ck_assert_uint_eq(qblock.max_payloads, 10);
  ck_assert_uint_eq(qblock.non_max_retransmit, 4);
  ck_assert_uint_eq(qblock.non_timeout_ms, 2000);
  ck_assert_uint_eq(acoap_qblock_params_non_timeout_random_max_ms(&qblock), 3000);
  ck_assert_uint_eq(qblock.non_receive_timeout_ms, 4000);
  /* 2 s * 15 * 1.5 + 200 s + 3 s */
  ck_assert_uint_eq(qblock.non_probing_wait_ms, 248000);
  ck_assert_uint_eq(qblock.non_partial_timeout_ms, 248000);
  ck_assert_int_eq(acoap_qblock_params_check(&qblock), 0);
  acoap_qblock_params_init(NULL, NULL);
}
END_TEST

START_TEST(defaults_follow_the_parameters_of_the_endpoint) {
  acoap_params_t params;
  acoap_qblock_params_t qblock;
  acoap_params_init(&params);
  params.ack_timeout_ms = 4000;
  params.ack_random_factor_permille = 2000;
  params.max_retransmit = 2;
  params.max_latency_ms = 1000;
  acoap_qblock_params_init(&qblock, &params);
  ck_assert_uint_eq(qblock.non_timeout_ms, 4000);
  ck_assert_uint_eq(acoap_qblock_params_non_timeout_random_max_ms(&qblock), 8000);
  /* Twice NON_TIMEOUT would be no second more than NON_TIMEOUT_RANDOM. */
  ck_assert_uint_eq(qblock.non_receive_timeout_ms, 9000);
  ck_assert_uint_eq(qblock.non_max_retransmit, 2);
  ck_assert_uint_eq(qblock.non_partial_timeout_ms, 4000 * 3 * 2 + 2000 + 8000);
  ck_assert_int_eq(acoap_qblock_params_check(&qblock), 0);
}
END_TEST

START_TEST(time_to_wait_doubles_with_each_request) {
  static const uint32_t waits[] = {4000, 4000, 8000, 16000, 32000, 64000};
  acoap_qblock_params_t qblock;
  acoap_qblock_params_init(&qblock, NULL);
  for (uint32_t n = 0; n < sizeof(waits) / sizeof(waits[0]); n++) {
    ck_assert_uint_eq(acoap_qblock_params_time_to_wait_ms(&qblock, n), waits[n]);
  }
  ck_assert_uint_eq(acoap_qblock_params_time_to_wait_ms(&qblock, UINT32_MAX), 0x7fffffff);
}
END_TEST

START_TEST(values_out_of_range_are_refused) {
  static const struct {
    size_t at;
    uint32_t bad, good;
  } rows[] = {
      {offsetof(acoap_qblock_params_t, max_payloads), 0, 1},
      {offsetof(acoap_qblock_params_t, max_payloads), 65, 64},
      {offsetof(acoap_qblock_params_t, non_timeout_ms), 0, 1},
      {offsetof(acoap_qblock_params_t, ack_random_factor_permille), 999, 1000},
      {offsetof(acoap_qblock_params_t, non_receive_timeout_ms), 3999, 4000},
      {offsetof(acoap_qblock_params_t, non_receive_timeout_ms), 0x08000000, 0x07ffffff},
      {offsetof(acoap_qblock_params_t, non_max_retransmit), 21, 10},
      {offsetof(acoap_qblock_params_t, non_probing_wait_ms), 0, 1},
      {offsetof(acoap_qblock_params_t, non_probing_wait_ms), 0x7fffffff, 0x7ffffffe},
      {offsetof(acoap_qblock_params_t, non_partial_timeout_ms), 0, 1},
      {offsetof(acoap_qblock_params_t, non_partial_timeout_ms), 0x80000000, 0x7ffffffe},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    acoap_qblock_params_t qblock;
    acoap_qblock_params_init(&qblock, NULL);
    memcpy((char *)&qblock + rows[i].at, &rows[i].bad, sizeof(uint32_t));
    ck_assert_int_eq(acoap_qblock_params_check(&qblock), ACOAP_EINVAL);
    memcpy((char *)&qblock + rows[i].at, &rows[i].good, sizeof(uint32_t));
    ck_assert_int_eq(acoap_qblock_params_check(&qblock), 0);
  }
}
END_TEST

START_TEST(unchecked_values_saturate) {
  acoap_params_t params;
  acoap_qblock_params_t qblock;
  acoap_params_init(&params);
  params.ack_timeout_ms = UINT32_MAX;
  params.ack_random_factor_permille = UINT32_MAX;
  params.max_retransmit = UINT32_MAX;
  params.max_latency_ms = UINT32_MAX;
  acoap_qblock_params_init(&qblock, &params);
  ck_assert_uint_eq(qblock.non_partial_timeout_ms, 0x7fffffff);
  ck_assert_uint_eq(qblock.non_receive_timeout_ms, 0x7fffffff);
  ck_assert_int_eq(acoap_qblock_params_check(&qblock), ACOAP_EINVAL);
}
END_TEST

START_TEST(another_size_is_refused) {
  acoap_qblock_params_t qblock;
  acoap_qblock_params_init(&qblock, NULL);
  qblock.size--;
  ck_assert_int_eq(acoap_qblock_params_check(&qblock), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_qblock_params_check(NULL), ACOAP_EINVAL);
}
END_TEST

static Suite *exchange_qblock_params_suite(void) {
  Suite *suite = suite_create("exchange_qblock_params");
  TCase *tcase = tcase_create("qblock_params");
  tcase_add_test(tcase, defaults_are_those_of_section_7_2);
  tcase_add_test(tcase, defaults_follow_the_parameters_of_the_endpoint);
  tcase_add_test(tcase, time_to_wait_doubles_with_each_request);
  tcase_add_test(tcase, values_out_of_range_are_refused);
  tcase_add_test(tcase, unchecked_values_saturate);
  tcase_add_test(tcase, another_size_is_refused);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(exchange_qblock_params_suite)
