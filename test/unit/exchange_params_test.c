/*
 * exchange/params: RFC 7252 section 4.8, the defaults of its tables and what is refused.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/params.h>

#include "support/check_main.h"

START_TEST(defaults_are_those_of_table_2) {
  acoap_params_t params;

  acoap_params_init(&params);
  ck_assert_uint_eq(params.size, sizeof(params));
  ck_assert_uint_eq(params.ack_timeout_ms, 2000);
  ck_assert_uint_eq(params.ack_random_factor_permille, 1500);
  ck_assert_uint_eq(params.max_retransmit, 4);
  ck_assert_uint_eq(params.nstart, 1);
  ck_assert_uint_eq(params.default_leisure_ms, 5000);
  ck_assert_uint_eq(params.probing_rate_bytes_per_s, 1);
  ck_assert_int_eq(acoap_params_check(&params), 0);
}
END_TEST

START_TEST(derived_times_are_those_of_table_3) {
  acoap_params_t params;

  acoap_params_init(&params);
  ck_assert_uint_eq(acoap_params_max_transmit_span_ms(&params), 45000);
  ck_assert_uint_eq(acoap_params_max_transmit_wait_ms(&params), 93000);
  ck_assert_uint_eq(acoap_params_max_rtt_ms(&params), 202000);
  ck_assert_uint_eq(acoap_params_exchange_lifetime_ms(&params), 247000);
  ck_assert_uint_eq(acoap_params_non_lifetime_ms(&params), 145000);
}
END_TEST

START_TEST(derived_times_follow_their_formulas) {
  static const struct {
    uint32_t timeout, factor, retransmit, latency, processing;
    uint32_t span, wait, rtt, exchange, non;
  } rows[] = {
      {1000, 1000, 0, 0, 0, 0, 1000, 0, 0, 0},
      {1000, 1000, 1, 10, 1, 1000, 3000, 21, 1021, 1010},
      {2000, 1500, 10, 100000, 2000, 3069000, 6141000, 202000, 3271000, 3169000},
      {1, 1000, 20, 0, 0, 1048575, 2097151, 0, 1048575, 1048575},
      {3, 1333, 2, 5, 7, 11, 27, 17, 28, 16},
  };

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    acoap_params_t params;
    acoap_params_init(&params);
    params.ack_timeout_ms = rows[i].timeout;
    params.ack_random_factor_permille = rows[i].factor;
    params.max_retransmit = rows[i].retransmit;
    params.max_latency_ms = rows[i].latency;
    params.processing_delay_ms = rows[i].processing;
    ck_assert_int_eq(acoap_params_check(&params), 0);
    ck_assert_uint_eq(acoap_params_max_transmit_span_ms(&params), rows[i].span);
    ck_assert_uint_eq(acoap_params_max_transmit_wait_ms(&params), rows[i].wait);
    ck_assert_uint_eq(acoap_params_max_rtt_ms(&params), rows[i].rtt);
    ck_assert_uint_eq(acoap_params_exchange_lifetime_ms(&params), rows[i].exchange);
    ck_assert_uint_eq(acoap_params_non_lifetime_ms(&params), rows[i].non);
  }
}
END_TEST

typedef struct change {
  const char *name;
  size_t at;
  uint32_t value;
  int status;
} change_t;

#define MEMBER(name_, value_, status_)                                                             \
  { #name_, offsetof(acoap_params_t, name_), value_, status_ }

START_TEST(values_out_of_range_are_refused) {
  static const change_t rows[] = {
      MEMBER(ack_timeout_ms, 0, ACOAP_EINVAL),
      MEMBER(ack_timeout_ms, 1, 0),
      MEMBER(ack_timeout_ms, UINT32_MAX, ACOAP_EINVAL),
      MEMBER(ack_random_factor_permille, 999, ACOAP_EINVAL),
      MEMBER(ack_random_factor_permille, 1000, 0),
      MEMBER(ack_random_factor_permille, UINT32_MAX, ACOAP_EINVAL),
      MEMBER(max_retransmit, 0, 0),
      MEMBER(max_retransmit, 18, 0),
      MEMBER(max_retransmit, 19, ACOAP_EINVAL),
      MEMBER(max_retransmit, 21, ACOAP_EINVAL),
      MEMBER(max_retransmit, UINT32_MAX, ACOAP_EINVAL),
      MEMBER(nstart, 0, ACOAP_EINVAL),
      MEMBER(nstart, 100, 0),
      MEMBER(probing_rate_bytes_per_s, 0, ACOAP_EINVAL),
      MEMBER(probing_rate_bytes_per_s, UINT32_MAX, 0),
      MEMBER(max_latency_ms, 0, 0),
      MEMBER(max_latency_ms, UINT32_MAX, ACOAP_EINVAL),
      MEMBER(max_latency_ms, 0x40000000, ACOAP_EINVAL),
      MEMBER(processing_delay_ms, UINT32_MAX, ACOAP_EINVAL),
      MEMBER(default_leisure_ms, 0, 0),
      MEMBER(default_leisure_ms, UINT32_MAX, ACOAP_EINVAL),
      MEMBER(response_timeout_ms, UINT32_MAX, ACOAP_EINVAL),
  };

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    acoap_params_t params;
    acoap_params_init(&params);
    memcpy((char *)&params + rows[i].at, &rows[i].value, sizeof(rows[i].value));
    ck_assert_msg(acoap_params_check(&params) == rows[i].status, "%s = %u", rows[i].name,
                  rows[i].value);
  }
}
END_TEST

START_TEST(unchecked_values_saturate) {
  acoap_params_t params;

  acoap_params_init(&params);
  params.ack_timeout_ms = UINT32_MAX;
  params.ack_random_factor_permille = UINT32_MAX;
  params.max_retransmit = UINT32_MAX;
  params.max_latency_ms = UINT32_MAX;
  params.processing_delay_ms = UINT32_MAX;
  ck_assert_uint_eq(acoap_params_max_transmit_span_ms(&params), INT32_MAX);
  ck_assert_uint_eq(acoap_params_max_transmit_wait_ms(&params), INT32_MAX);
  ck_assert_uint_eq(acoap_params_max_rtt_ms(&params), INT32_MAX);
  ck_assert_uint_eq(acoap_params_exchange_lifetime_ms(&params), INT32_MAX);
  ck_assert_uint_eq(acoap_params_non_lifetime_ms(&params), INT32_MAX);
}
END_TEST

START_TEST(another_size_is_refused) {
  acoap_params_t params;

  acoap_params_init(&params);
  params.size--;
  ck_assert_int_eq(acoap_params_check(&params), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_params_check(NULL), ACOAP_EINVAL);
  acoap_params_init(NULL);
}
END_TEST

static Suite *exchange_params_suite(void) {
  Suite *suite = suite_create("exchange_params");
  TCase *tcase = tcase_create("params");
  tcase_add_test(tcase, defaults_are_those_of_table_2);
  tcase_add_test(tcase, derived_times_are_those_of_table_3);
  tcase_add_test(tcase, derived_times_follow_their_formulas);
  tcase_add_test(tcase, values_out_of_range_are_refused);
  tcase_add_test(tcase, unchecked_values_saturate);
  tcase_add_test(tcase, another_size_is_refused);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(exchange_params_suite)
