/*
 * base/error: every code has its name and its sentence, and no other number has.
 * SPDX-License-Identifier: MIT
 */
#include "base/error.h"

#include <string.h>

#include "support/check_main.h"

typedef struct entry {
  int number;
  const char *name;
  const char *sentence;
} entry_t;

static const entry_t entries[] = {
#define ENTRY(name, number, sentence) {number, "ACOAP_" #name, sentence},
    ACOAP_ERROR_MAP(ENTRY)
#undef ENTRY
};

enum { COUNT = sizeof(entries) / sizeof(entries[0]) };

START_TEST(each_code_has_its_name_and_sentence) {
  for (size_t i = 0; i < COUNT; i++) {
    ck_assert_str_eq(acoap__error_name(entries[i].number), entries[i].name);
    ck_assert_str_eq(acoap__error_sentence(entries[i].number), entries[i].sentence);
  }
  ck_assert_str_eq(acoap__error_name(0), "ACOAP_OK");
  ck_assert_str_eq(acoap__error_sentence(0), "success");
}
END_TEST

START_TEST(codes_start_at_5000_and_are_contiguous) {
  for (size_t i = 0; i < COUNT; i++) {
    ck_assert_int_eq(entries[i].number, -5000 - (int)i);
  }
}
END_TEST

START_TEST(other_numbers_have_none) {
  static const int others[] = {1, -1, -4096, -4999, -5000 - COUNT, -2147483647 - 1, 2147483647};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    ck_assert_ptr_null(acoap__error_name(others[i]));
    ck_assert_ptr_null(acoap__error_sentence(others[i]));
  }
}
END_TEST

static Suite *base_error_suite(void) {
  Suite *suite = suite_create("base_error");
  TCase *error = tcase_create("error");
  tcase_add_test(error, each_code_has_its_name_and_sentence);
  tcase_add_test(error, codes_start_at_5000_and_are_contiguous);
  tcase_add_test(error, other_numbers_have_none);
  suite_add_tcase(suite, error);
  return suite;
}

ACOAP_TEST_MAIN(base_error_suite)
