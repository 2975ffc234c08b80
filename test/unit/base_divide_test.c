/*
 * Division of 64 bits by 32: as the compiler's own.
 * SPDX-License-Identifier: MIT
 */
#include "base/divide.h"
#include "support/check_main.h"
#include "support/tiny_network.h"

START_TEST(corners_divide_as_the_compiler_does) {
  static const uint64_t numbers[] = {
      0, 1, 999, 1000, UINT32_MAX, UINT64_C(1) << 32, (UINT64_C(1) << 63) - 1, UINT64_MAX};
  static const uint32_t divisors[] = {1, 2, 7, 1000, 0x7fffffff, 0x80000000, UINT32_MAX};

  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    for (size_t j = 0; j < sizeof(divisors) / sizeof(divisors[0]); j++) {
      ck_assert_uint_eq(acoap__divide(numbers[i], divisors[j]), numbers[i] / divisors[j]);
    }
  }
}
END_TEST

START_TEST(any_numbers_divide_as_the_compiler_does) {
  uint64_t random = 1;

  for (int i = 0; i < 20000; i++) {
    uint64_t number = (uint64_t)tiny_dice(&random, UINT32_MAX) << (i % 33) ^ tiny_dice(&random, 99);
    uint32_t divisor = 1 + tiny_dice(&random, UINT32_MAX) % (1u << (1 + i % 31));
    ck_assert_uint_eq(acoap__divide(number, divisor), number / divisor);
  }
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("base/divide");
  TCase *tcase = tcase_create("divide");

  tcase_add_test(tcase, corners_divide_as_the_compiler_does);
  tcase_add_test(tcase, any_numbers_divide_as_the_compiler_does);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
