/*
 * message/code: the registries of RFC 7252 section 12.1 and what a class says without them.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/code.h>
#include <acoap/error.h>

#include <string.h>

#include "support/check_main.h"

START_TEST(every_code_formats_and_parses_back) {
  for (int code = 0; code < 256; code++) {
    char text[5];
    char expected[32];
    acoap_code_format((uint8_t)code, text);
    snprintf(expected, sizeof(expected), "%d.%02d", code >> 5, code & 31);
    ck_assert_str_eq(text, expected);
    ck_assert_int_eq(acoap_code_parse(text, strlen(text)), code);
  }
}
END_TEST

START_TEST(classes) {
  for (int i = 0; i < 256; i++) {
    uint8_t code = (uint8_t)i;
    int class_ = i / 32;
    ck_assert_int_eq(acoap_code_is_request(code), class_ == 0 && i != 0);
    ck_assert_int_eq(acoap_code_is_response(code), class_ == 2 || class_ == 4 || class_ == 5);
    ck_assert_int_eq(acoap_code_is_success(code), class_ == 2);
    ck_assert_uint_eq(ACOAP_CODE(ACOAP_CODE_CLASS(code), ACOAP_CODE_DETAIL(code)), code);
  }
}
END_TEST

START_TEST(registered_names) {
  ck_assert_int_eq(ACOAP_CODE_CONTENT, 69);
  ck_assert_int_eq(ACOAP_CODE_GATEWAY_TIMEOUT, 164);
  ck_assert_str_eq(acoap_code_name(0), "Empty");
  ck_assert_str_eq(acoap_code_name(7), "iPATCH");
  ck_assert_str_eq(acoap_code_name(69), "Content");
  ck_assert_str_eq(acoap_code_name(95), "Continue");
  ck_assert_str_eq(acoap_code_name(ACOAP_CODE(4, 29)), "Too Many Requests");
  ck_assert_str_eq(acoap_code_name(ACOAP_CODE(5, 8)), "Hop Limit Reached");
  ck_assert_ptr_null(acoap_code_name(30)); /* Shelly's 0.30 */
  ck_assert_ptr_null(acoap_code_name(ACOAP_CODE(3, 0)));
  ck_assert_ptr_null(acoap_code_name(255));
}
END_TEST

START_TEST(methods_parse_by_name) {
  ck_assert_int_eq(acoap_code_parse("GET", 3), ACOAP_CODE_GET);
  ck_assert_int_eq(acoap_code_parse("get", 3), ACOAP_CODE_GET);
  ck_assert_int_eq(acoap_code_parse("iPatch", 6), ACOAP_CODE_IPATCH);
  ck_assert_int_eq(acoap_code_parse("DELETED", 6), ACOAP_CODE_DELETE);
}
END_TEST

START_TEST(other_texts_are_no_codes) {
  static const char *const bad[] = {"",     "2",       "2.5",  "2.005", "8.00",  "2.32",
                                    "2,05", "a.05",    "2.0a", "2.05 ", " 2.05", "Empty",
                                    "PULL", "Content", "-.05", "2.-5",  "2.+5"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    ck_assert_msg(acoap_code_parse(bad[i], strlen(bad[i])) == ACOAP_EINVAL, "%s", bad[i]);
  }
  ck_assert_int_eq(acoap_code_parse(NULL, 0), ACOAP_EINVAL);
}
END_TEST

START_TEST(types) {
  ck_assert_str_eq(acoap_type_name(ACOAP_CON), "CON");
  ck_assert_str_eq(acoap_type_name(ACOAP_NON), "NON");
  ck_assert_str_eq(acoap_type_name(ACOAP_ACK), "ACK");
  ck_assert_str_eq(acoap_type_name(ACOAP_RST), "RST");
}
END_TEST

static Suite *message_code_suite(void) {
  Suite *suite = suite_create("message_code");
  TCase *code = tcase_create("code");
  tcase_add_test(code, every_code_formats_and_parses_back);
  tcase_add_test(code, classes);
  tcase_add_test(code, registered_names);
  tcase_add_test(code, methods_parse_by_name);
  tcase_add_test(code, other_texts_are_no_codes);
  tcase_add_test(code, types);
  suite_add_tcase(suite, code);
  return suite;
}

ACOAP_TEST_MAIN(message_code_suite)
