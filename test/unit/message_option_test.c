/*
 * message/option: Table 4 of RFC 7252 and the tables of the RFCs that added options.
 * SPDX-License-Identifier: MIT
 */
#include "message/option.h"

#include <acoap/error.h>

#include <string.h>

#include "support/check_main.h"

enum {
  E = ACOAP_OPTION_FORMAT_EMPTY,
  O = ACOAP_OPTION_FORMAT_OPAQUE,
  U = ACOAP_OPTION_FORMAT_UINT,
  S = ACOAP_OPTION_FORMAT_STRING
};

/* Columns as in Table 4: number, C, U, N, R, name, format, length. */
static const struct {
  uint16_t number;
  bool critical;
  bool unsafe;
  bool no_cache_key;
  bool repeatable;
  const char *name;
  int format;
  size_t least;
  size_t most;
} table[] = {
    {1, true, false, false, true, "If-Match", O, 0, 8},
    {3, true, true, false, false, "Uri-Host", S, 1, 255},
    {4, false, false, false, true, "ETag", O, 1, 8},
    {5, true, false, false, false, "If-None-Match", E, 0, 0},
    {6, false, true, false, false, "Observe", U, 0, 3},
    {7, true, true, false, false, "Uri-Port", U, 0, 2},
    {8, false, false, false, true, "Location-Path", S, 0, 255},
    {9, true, false, false, false, "OSCORE", O, 0, 255},
    {11, true, true, false, true, "Uri-Path", S, 0, 255},
    {12, false, false, false, false, "Content-Format", U, 0, 2},
    {14, false, true, false, false, "Max-Age", U, 0, 4},
    {15, true, true, false, true, "Uri-Query", S, 0, 255},
    {16, false, false, false, false, "Hop-Limit", U, 1, 1},
    {17, true, false, false, false, "Accept", U, 0, 2},
    {19, true, true, false, false, "Q-Block1", U, 0, 3},
    {20, false, false, false, true, "Location-Query", S, 0, 255},
    {21, true, false, false, false, "EDHOC", E, 0, 0},
    {23, true, true, false, false, "Block2", U, 0, 3},
    {27, true, true, false, false, "Block1", U, 0, 3},
    {28, false, false, true, false, "Size2", U, 0, 4},
    {31, true, true, false, true, "Q-Block2", U, 0, 3},
    {35, true, true, false, false, "Proxy-Uri", S, 1, 1034},
    {39, true, true, false, false, "Proxy-Scheme", S, 1, 255},
    {60, false, false, true, false, "Size1", U, 0, 4},
    {252, false, false, true, false, "Echo", O, 1, 40},
    {258, false, true, false, false, "No-Response", U, 0, 1},
    {292, false, false, false, true, "Request-Tag", O, 0, 8},
};

enum { COUNT = sizeof(table) / sizeof(table[0]) };

START_TEST(the_registry_says_what_the_tables_say) {
  for (size_t i = 0; i < COUNT; i++) {
    uint16_t number = table[i].number;
    const acoap_option_info_t *info = acoap_option_lookup(number);
    ck_assert_ptr_nonnull(info);
    ck_assert_uint_eq(info->number, number);
    ck_assert_str_eq(info->name, table[i].name);
    ck_assert_int_eq((int)info->format, table[i].format);
    ck_assert_uint_eq(info->length_min, table[i].least);
    ck_assert_uint_eq(info->length_max, table[i].most);
    ck_assert_int_eq(info->repeatable, table[i].repeatable);
    ck_assert_int_eq(acoap_option_is_critical(number), table[i].critical);
    ck_assert_int_eq(acoap_option_is_unsafe(number), table[i].unsafe);
    ck_assert_int_eq(acoap_option_is_no_cache_key(number), table[i].no_cache_key);
    ck_assert_int_eq(acoap_option_by_name(table[i].name, strlen(table[i].name)), number);
  }
}
END_TEST

START_TEST(other_numbers_are_not_registered) {
  size_t found = 0;
  for (uint32_t number = 0; number <= UINT16_MAX; number++) {
    found += acoap_option_lookup((uint16_t)number) != NULL;
  }
  ck_assert_uint_eq(found, COUNT + 1); /* and Uri-Path-Abbrev, a draft */
  ck_assert_ptr_null(acoap_option_lookup(0));
  ck_assert_ptr_null(acoap_option_lookup(128));
  ck_assert_ptr_null(acoap_option_lookup(65000));
}
END_TEST

/* RFC 7252 section 5.4.6: the picture's bits, over all numbers. */
START_TEST(numbers_classify_themselves) {
  for (uint32_t n = 0; n <= UINT16_MAX; n++) {
    uint16_t number = (uint16_t)n;
    ck_assert_int_eq(acoap_option_is_critical(number), n % 2 == 1);
    ck_assert_int_eq(acoap_option_is_unsafe(number), n / 2 % 2 == 1);
    ck_assert_int_eq(acoap_option_is_no_cache_key(number), n / 2 % 16 == 14);
  }
}
END_TEST

START_TEST(names_compare_without_case) {
  ck_assert_int_eq(acoap_option_by_name("uri-path", 8), 11);
  ck_assert_int_eq(acoap_option_by_name("ETAG", 4), 4);
  ck_assert_int_eq(acoap_option_by_name("Uri-Pat", 7), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_option_by_name("", 0), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_option_by_name(NULL, 0), ACOAP_EINVAL);
}
END_TEST

START_TEST(rules_say_what_the_registry_says) {
  for (uint32_t number = 0; number <= UINT16_MAX; number++) {
    const acoap_option_info_t *info = acoap_option_lookup((uint16_t)number);
    const acoap__option_rule_t *rule = acoap__option_rule((uint16_t)number);
    ck_assert_int_eq(info != NULL, rule != NULL);
    if (info != NULL && rule != NULL) {
      ck_assert_uint_eq(rule->number, number);
      ck_assert_uint_eq(rule->length_min, info->length_min);
      ck_assert_uint_eq(rule->length_max, info->length_max);
      ck_assert_int_eq(rule->repeatable, info->repeatable);
    }
  }
}
END_TEST

START_TEST(length_ranges_include_both_ends) {
  const acoap__option_rule_t *etag = acoap__option_rule(4);
  ck_assert(!acoap__option_length_good(etag, 0));
  ck_assert(acoap__option_length_good(etag, 1));
  ck_assert(acoap__option_length_good(etag, 8));
  ck_assert(!acoap__option_length_good(etag, 9));
}
END_TEST

static Suite *message_option_suite(void) {
  Suite *suite = suite_create("message_option");
  TCase *option = tcase_create("option");
  tcase_add_test(option, the_registry_says_what_the_tables_say);
  tcase_add_test(option, other_numbers_are_not_registered);
  tcase_add_test(option, numbers_classify_themselves);
  tcase_add_test(option, names_compare_without_case);
  tcase_add_test(option, length_ranges_include_both_ends);
  tcase_add_test(option, rules_say_what_the_registry_says);
  suite_add_tcase(suite, option);
  return suite;
}

ACOAP_TEST_MAIN(message_option_suite)
