/*
 * exchange/leisure: RFC 7252 section 8.2.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/engine.h"

#include "support/check_main.h"

START_TEST(leisure_is_uniform_from_zero_to_default_leisure) {
  acoap_params_t params;
  acoap__seeded_t seed = {.state = 8};
  acoap__random_t random;
  unsigned counts[11] = {0};

  acoap_params_init(&params);
  params.default_leisure_ms = 10;
  acoap__random_init(&random, acoap__seeded_fill, &seed);
  for (unsigned i = 0; i < 11000; i++) {
    uint32_t leisure = acoap__leisure_ms(&params, &random);
    ck_assert_uint_le(leisure, 10);
    counts[leisure]++;
  }
  for (unsigned i = 0; i <= 10; i++) {
    ck_assert_uint_gt(counts[i], 850);
    ck_assert_uint_lt(counts[i], 1150);
  }
}
END_TEST

START_TEST(no_leisure_is_none) {
  acoap_params_t params;
  acoap__seeded_t seed = {.state = 1};
  acoap__random_t random;

  acoap_params_init(&params);
  params.default_leisure_ms = 0;
  acoap__random_init(&random, acoap__seeded_fill, &seed);
  ck_assert_uint_eq(acoap__leisure_ms(&params, &random), 0);
}
END_TEST

static Suite *exchange_leisure_suite(void) {
  Suite *suite = suite_create("exchange_leisure");
  TCase *tcase = tcase_create("leisure");
  tcase_add_test(tcase, leisure_is_uniform_from_zero_to_default_leisure);
  tcase_add_test(tcase, no_leisure_is_none);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(exchange_leisure_suite)
