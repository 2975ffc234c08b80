/*
 * The hash of small tables: it depends on every byte and on the key, and spreads.
 * SPDX-License-Identifier: MIT
 */
#include "base/small_hash.h"
#include "support/check_main.h"

START_TEST(every_byte_and_the_key_count) {
  uint8_t key[16] = {0};
  uint8_t bytes[28] = {0};
  uint64_t zero = acoap__small_hash(key, bytes, sizeof(bytes));

  ck_assert_uint_eq(acoap__small_hash(key, bytes, sizeof(bytes)), zero);
  ck_assert_uint_ne(acoap__small_hash(key, bytes, sizeof(bytes) - 1), zero);
  for (size_t i = 0; i < sizeof(bytes); i++) {
    bytes[i] = 1;
    ck_assert_uint_ne(acoap__small_hash(key, bytes, sizeof(bytes)), zero);
    bytes[i] = 0;
  }
  for (size_t i = 0; i < sizeof(key); i++) {
    key[i] = 1;
    ck_assert_uint_ne(acoap__small_hash(key, bytes, sizeof(bytes)), zero);
    key[i] = 0;
  }
  ck_assert_uint_ne(acoap__small_hash(key, NULL, 0), zero);
}
END_TEST

START_TEST(counting_numbers_fill_the_buckets_evenly) {
  static const uint8_t key[16] = {7};
  unsigned buckets[16] = {0};

  for (unsigned number = 0; number < 1600; number++) {
    uint8_t bytes[2] = {(uint8_t)(number >> 8), (uint8_t)number};
    buckets[acoap__small_hash(key, bytes, sizeof(bytes)) & 15]++;
  }
  for (size_t i = 0; i < 16; i++) {
    ck_assert_uint_gt(buckets[i], 50);
    ck_assert_uint_lt(buckets[i], 150);
  }
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("base/small_hash");
  TCase *tcase = tcase_create("small_hash");

  tcase_add_test(tcase, every_byte_and_the_key_count);
  tcase_add_test(tcase, counting_numbers_fill_the_buckets_evenly);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
