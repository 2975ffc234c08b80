/*
 * base/random: the pool gives each byte once and wipes it; numbers are uniform; a seed repeats.
 * SPDX-License-Identifier: MIT
 */
#include "base/random.h"

#include <string.h>

#include "support/check_main.h"

/* A source that counts: byte n of all it ever gave is n modulo 251, never 0. */
typedef struct counting {
  size_t given;
  size_t calls;
} counting_t;

static uint8_t nth_byte(size_t n) {
  return (uint8_t)(n % 251 + 1);
}

static void count_up(void *user_data, uint8_t *bytes, size_t len) {
  counting_t *source = user_data;
  source->calls++;
  for (size_t i = 0; i < len; i++) {
    bytes[i] = nth_byte(source->given++);
  }
}

START_TEST(bytes_come_in_order_and_once) {
  counting_t source = {0, 0};
  acoap__random_t random;
  size_t n = 0;
  acoap__random_init(&random, count_up, &source);
  ck_assert_uint_eq(source.calls, 0);
  for (size_t len = 0; len < sizeof(random.pool); len++) {
    uint8_t bytes[60];
    acoap__random_bytes(&random, bytes, len);
    for (size_t i = 0; i < len; i++) {
      ck_assert_uint_eq(bytes[i], nth_byte(n++));
    }
  }
  ck_assert_uint_eq(source.calls, (n + sizeof(random.pool) - 1) / sizeof(random.pool));
}
END_TEST

START_TEST(given_bytes_are_wiped) {
  counting_t source = {0, 0};
  acoap__random_t random;
  uint8_t token[8];
  acoap__random_init(&random, count_up, &source);
  acoap__random_bytes(&random, token, sizeof(token));
  for (size_t i = 0; i < sizeof(random.pool); i++) {
    ck_assert_int_eq(random.pool[i] == 0, i < sizeof(token));
  }
}
END_TEST

START_TEST(much_comes_from_the_source_itself) {
  counting_t source = {0, 0};
  acoap__random_t random;
  uint8_t bytes[200];
  acoap__random_init(&random, count_up, &source);
  acoap__random_bytes(&random, bytes, sizeof(bytes));
  ck_assert_uint_eq(source.calls, 1);
  ck_assert_uint_eq(bytes[199], nth_byte(199));
  ck_assert_uint_eq(random.used, sizeof(random.pool));
}
END_TEST

START_TEST(between_includes_both_ends_and_nothing_else) {
  acoap__seeded_t seed = {1};
  acoap__random_t random;
  unsigned seen[6] = {0};
  acoap__random_init(&random, acoap__seeded_fill, &seed);
  for (int i = 0; i < 60000; i++) {
    uint32_t number = acoap__random_between(&random, 10, 15);
    ck_assert(number >= 10 && number <= 15);
    seen[number - 10]++;
  }
  for (int i = 0; i < 6; i++) {
    ck_assert(seen[i] > 9500 && seen[i] < 10500); /* five standard deviations */
  }
  ck_assert_uint_eq(acoap__random_between(&random, 7, 7), 7);
  ck_assert_uint_eq(acoap__random_between(&random, 0, 0), 0);
}
END_TEST

/* Three quarters of 2^32: with a plain modulo the lower third would come twice as often. */
START_TEST(between_has_no_modulo_bias) {
  acoap__seeded_t seed = {2};
  acoap__random_t random;
  unsigned lower = 0;
  acoap__random_init(&random, acoap__seeded_fill, &seed);
  for (int i = 0; i < 30000; i++) {
    lower += acoap__random_between(&random, 0, 0xbfffffff) < 0x40000000;
  }
  ck_assert(lower > 9600 && lower < 10400);
}
END_TEST

START_TEST(between_takes_the_whole_range) {
  counting_t source = {0, 0};
  acoap__random_t random;
  acoap__random_init(&random, count_up, &source);
  ck_assert_uint_eq(acoap__random_between(&random, 0, UINT32_MAX), 0x04030201);
  ck_assert_uint_eq(acoap__random_u32(&random), 0x08070605);
}
END_TEST

START_TEST(seeded_bytes_are_splitmix64) {
  static const uint64_t expected[] = {6457827717110365317u, 3203168211198807973u,
                                      9817491932198370423u, 4593380528125082431u,
                                      16408922859458223821u};
  acoap__seeded_t seed = {1234567};
  for (size_t i = 0; i < 5; i++) {
    uint8_t bytes[8];
    uint64_t word = 0;
    acoap__seeded_fill(&seed, bytes, sizeof(bytes));
    for (size_t b = 8; b-- > 0;) {
      word = word << 8 | bytes[b];
    }
    ck_assert_uint_eq(word, expected[i]);
  }
}
END_TEST

static Suite *base_random_suite(void) {
  Suite *suite = suite_create("base_random");
  TCase *random = tcase_create("random");
  tcase_add_test(random, bytes_come_in_order_and_once);
  tcase_add_test(random, given_bytes_are_wiped);
  tcase_add_test(random, much_comes_from_the_source_itself);
  tcase_add_test(random, between_includes_both_ends_and_nothing_else);
  tcase_add_test(random, between_has_no_modulo_bias);
  tcase_add_test(random, between_takes_the_whole_range);
  tcase_add_test(random, seeded_bytes_are_splitmix64);
  suite_add_tcase(suite, random);
  return suite;
}

ACOAP_TEST_MAIN(base_random_suite)
