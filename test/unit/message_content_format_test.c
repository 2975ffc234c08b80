/*
 * message/content_format: media types, short names and numbers.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/error.h>
#include <acoap/option.h>

#include <string.h>

#include "support/check_main.h"

static const struct {
  int number;
  const char *media_type;
  const char *short_name;
} entries[] = {
#define ENTRY(id, number, media_type, short_name) {number, media_type, short_name},
    ACOAP_CONTENT_FORMAT_MAP(ENTRY)
#undef ENTRY
};

enum { COUNT = sizeof(entries) / sizeof(entries[0]) };

static int parse(const char *text) {
  return acoap_content_format_parse(text, strlen(text));
}

START_TEST(each_entry_by_all_its_names) {
  for (size_t i = 0; i < COUNT; i++) {
    char digits[8];
    snprintf(digits, sizeof(digits), "%d", entries[i].number);
    ck_assert_str_eq(acoap_content_format_name(entries[i].number), entries[i].media_type);
    ck_assert_int_eq(parse(entries[i].media_type), entries[i].number);
    ck_assert_int_eq(parse(entries[i].short_name), entries[i].number);
    ck_assert_int_eq(parse(digits), entries[i].number);
  }
}
END_TEST

START_TEST(no_two_entries_share_a_number_or_a_name) {
  for (size_t i = 0; i < COUNT; i++) {
    for (size_t j = 0; j < i; j++) {
      ck_assert_int_ne(entries[i].number, entries[j].number);
      ck_assert_str_ne(entries[i].media_type, entries[j].media_type);
      ck_assert_str_ne(entries[i].short_name, entries[j].short_name);
    }
  }
}
END_TEST

START_TEST(rfc_7252_table_9) {
  ck_assert_int_eq(parse("text/plain; charset=utf-8"), 0);
  ck_assert_int_eq(parse("text/plain"), 0);
  ck_assert_int_eq(parse("application/link-format"), 40);
  ck_assert_int_eq(parse("application/xml"), 41);
  ck_assert_int_eq(parse("application/octet-stream"), 42);
  ck_assert_int_eq(parse("application/exi"), 47);
  ck_assert_int_eq(parse("application/json"), 50);
}
END_TEST

START_TEST(case_and_blanks_do_not_count) {
  ck_assert_int_eq(parse("Application/JSON"), 50);
  ck_assert_int_eq(parse("text/plain;charset=UTF-8"), 0);
  ck_assert_int_eq(parse("application/cose;cose-type=\"cose-sign1\""), 18);
}
END_TEST

START_TEST(unknown_numbers_are_numbers_and_unknown_names_are_nothing) {
  ck_assert_int_eq(parse("65535"), 65535);
  ck_assert_int_eq(parse("65536"), ACOAP_EINVAL);
  ck_assert_int_eq(parse("-1"), ACOAP_EINVAL);
  ck_assert_int_eq(parse(""), ACOAP_EINVAL);
  ck_assert_int_eq(parse("jso"), ACOAP_EINVAL);
  ck_assert_int_eq(parse("jsonx"), ACOAP_EINVAL);
  ck_assert_int_eq(parse("application/"), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_content_format_parse(NULL, 0), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_content_format_name(65000));
  ck_assert_ptr_null(acoap_content_format_name(ACOAP_FORMAT_NONE));
}
END_TEST

static Suite *message_content_format_suite(void) {
  Suite *suite = suite_create("message_content_format");
  TCase *format = tcase_create("content_format");
  tcase_add_test(format, each_entry_by_all_its_names);
  tcase_add_test(format, no_two_entries_share_a_number_or_a_name);
  tcase_add_test(format, rfc_7252_table_9);
  tcase_add_test(format, case_and_blanks_do_not_count);
  tcase_add_test(format, unknown_numbers_are_numbers_and_unknown_names_are_nothing);
  suite_add_tcase(suite, format);
  return suite;
}

ACOAP_TEST_MAIN(message_content_format_suite)
