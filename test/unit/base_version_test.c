/*
 * base/version: the text of the running library agrees with the numbers in its header.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/version.h>

#include "support/check_main.h"

START_TEST(text_is_made_of_the_three_numbers) {
  int major = -1;
  int minor = -1;
  int patch = -1;
  int used = 0;
  const char *text = acoap_version();
  ck_assert_int_eq(sscanf(text, "%d.%d.%d%n", &major, &minor, &patch, &used), 3);
  ck_assert_uint_eq((unsigned)used, strlen(text));
  ck_assert_int_eq(major, ACOAP_VERSION_MAJOR);
  ck_assert_int_eq(minor, ACOAP_VERSION_MINOR);
  ck_assert_int_eq(patch, ACOAP_VERSION_PATCH);
}
END_TEST

START_TEST(number_orders_releases) {
  ck_assert_int_eq(ACOAP_VERSION_NUMBER,
                   ACOAP_VERSION_MAJOR * 10000 + ACOAP_VERSION_MINOR * 100 + ACOAP_VERSION_PATCH);
}
END_TEST

static Suite *base_version_suite(void) {
  Suite *suite = suite_create("base_version");
  TCase *version = tcase_create("version");
  tcase_add_test(version, text_is_made_of_the_three_numbers);
  tcase_add_test(version, number_orders_releases);
  suite_add_tcase(suite, version);
  return suite;
}

ACOAP_TEST_MAIN(base_version_suite)
