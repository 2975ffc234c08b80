/*
 * endpoint/strerror: acoap's codes and libuv's, in one answer.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/error.h>

#include <string.h>
#include <uv.h>

#include "support/check_main.h"

START_TEST(own_codes) {
  ck_assert_str_eq(acoap_strerror(ACOAP_ETIMEDOUT), "timed out");
  ck_assert_str_eq(acoap_err_name(ACOAP_ETIMEDOUT), "ACOAP_ETIMEDOUT");
  ck_assert_str_eq(acoap_strerror(0), "success");
  ck_assert_str_eq(acoap_err_name(0), "ACOAP_OK");
}
END_TEST

START_TEST(libuv_codes_as_libuv_says_them) {
  static const int codes[] = {
#define CODE(name, text) UV_##name,
      UV_ERRNO_MAP(CODE)
#undef CODE
  };
  for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
    char name[64] = "UV_";
    uv_err_name_r(codes[i], name + 3, sizeof(name) - 3);
    ck_assert_str_eq(acoap_err_name(codes[i]), name);
    ck_assert_str_eq(acoap_strerror(codes[i]), uv_strerror(codes[i]));
  }
}
END_TEST

/* uv_strerror would allocate here; a leak checker sees it. */
START_TEST(unknown_numbers_cost_nothing) {
  ck_assert_str_eq(acoap_strerror(-4097), "unknown error");
  ck_assert_str_eq(acoap_err_name(-4097), "ACOAP_EUNKNOWN");
  ck_assert_str_eq(acoap_strerror(7), "unknown error");
  ck_assert_ptr_eq(acoap_strerror(-6000), acoap_strerror(-6001));
}
END_TEST

static Suite *endpoint_strerror_suite(void) {
  Suite *suite = suite_create("endpoint_strerror");
  TCase *strings = tcase_create("strerror");
  tcase_add_test(strings, own_codes);
  tcase_add_test(strings, libuv_codes_as_libuv_says_them);
  tcase_add_test(strings, unknown_numbers_cost_nothing);
  suite_add_tcase(suite, strings);
  return suite;
}

ACOAP_TEST_MAIN(endpoint_strerror_suite)
