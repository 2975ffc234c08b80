/*
 * base/strerror_core: what the core alone says. Its two functions have the names of the full
 * library's, so they are compiled here under others.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/error.h>

#define acoap_strerror core_strerror
#define acoap_err_name core_err_name
const char *core_strerror(int status);
const char *core_err_name(int status);
#include "base/strerror_core.c"
#undef acoap_strerror
#undef acoap_err_name

#include "support/check_main.h"

START_TEST(own_codes_agree_with_the_full_library) {
  for (int status = 0; status >= -5100; status -= status == 0 ? 5000 : 1) {
    ck_assert_str_eq(core_strerror(status), acoap_strerror(status));
    ck_assert_str_eq(core_err_name(status), acoap_err_name(status));
  }
}
END_TEST

START_TEST(codes_of_libuv_are_unknown) {
  ck_assert_str_eq(core_strerror(-2), "unknown error");
  ck_assert_str_eq(core_err_name(-2), "ACOAP_EUNKNOWN");
}
END_TEST

static Suite *base_strerror_core_suite(void) {
  Suite *suite = suite_create("base_strerror_core");
  TCase *core = tcase_create("core");
  tcase_add_test(core, own_codes_agree_with_the_full_library);
  tcase_add_test(core, codes_of_libuv_are_unknown);
  suite_add_tcase(suite, core);
  return suite;
}

ACOAP_TEST_MAIN(base_strerror_core_suite)
