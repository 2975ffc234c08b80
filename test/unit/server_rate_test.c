/*
 * server/rate: a token bucket per address (RFC 8516).
 * SPDX-License-Identifier: MIT
 */
#include "server/protection.h"

#include "support/check_main.h"

/* How many requests in a row pass. */
static unsigned passing(acoap__address_t *address, acoap_time_t now, uint32_t rate,
                        uint32_t burst) {
  unsigned count = 0;
  while (count < 100000 && acoap__rate_take(address, now, rate, burst)) {
    count++;
  }
  return count;
}

static const struct {
  uint32_t rate, burst;
  acoap_time_t after_ms; /* the bucket was emptied */
  unsigned passing;      /* then */
} steps[] = {
    {1, 2, 999, 0},        {1, 2, 1000, 1},    {1, 2, 1999, 1},        {1, 2, 2000, 2},
    {1, 2, 1000000000, 2}, {10, 20, 100, 1},   {10, 20, 99, 0},        {10, 20, 2000, 20},
    {10, 20, 5000, 20},    {1000, 2000, 1, 1}, {1000, 2000, 500, 500}, {50000, 90000, 1, 50},
    {1, 1, 0, 0},          {1, 1, -5, 0},
};

START_TEST(a_bucket_starts_full_and_fills_at_its_rate) {
  acoap__address_t address = {0};
  ck_assert_uint_eq(passing(&address, 5000, steps[_i].rate, steps[_i].burst), steps[_i].burst);
  ck_assert_uint_eq(passing(&address, 5000 + steps[_i].after_ms, steps[_i].rate, steps[_i].burst),
                    steps[_i].passing);
}
END_TEST

START_TEST(nothing_is_lost_to_rounding) {
  acoap__address_t address = {0};
  unsigned passed = 0;
  (void)passing(&address, 0, 3, 6);
  /* Asked every 7 ms for 70 s: 3 a second are 210. */
  for (acoap_time_t now = 7; now <= 70000; now += 7) {
    passed += acoap__rate_take(&address, now, 3, 6) ? 1 : 0;
  }
  ck_assert_uint_eq(passed, 210);
}
END_TEST

START_TEST(the_greatest_rate_does_not_overflow) {
  acoap__address_t address = {0};
  ck_assert(acoap__rate_take(&address, 0, UINT32_MAX, UINT32_MAX));
  ck_assert(acoap__rate_take(&address, INT64_MAX / 2, UINT32_MAX, UINT32_MAX));
  ck_assert_uint_eq(address.tokens, (uint64_t)UINT32_MAX * 1000 - 1000);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("server/rate");
  TCase *tcase = tcase_create("bucket");
  tcase_add_loop_test(tcase, a_bucket_starts_full_and_fills_at_its_rate, 0,
                      sizeof(steps) / sizeof(steps[0]));
  tcase_add_test(tcase, nothing_is_lost_to_rounding);
  tcase_add_test(tcase, the_greatest_rate_does_not_overflow);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
