/*
 * base/text: numbers and text in lent bytes, cut where the room ends.
 * SPDX-License-Identifier: MIT
 */
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#include "support/check_main.h"

START_TEST(numbers_as_printf_writes_them) {
  static const uint64_t numbers[] = {0,   1,     9,           10,        99,
                                     100, 65535, 4294967295u, INT64_MAX, UINT64_MAX};
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    char chars[32];
    char expected[32];
    acoap__text_t text;
    acoap__text_init(&text, chars, sizeof(chars));
    acoap__text_put_uint(&text, numbers[i]);
    snprintf(expected, sizeof(expected), "%" PRIu64, numbers[i]);
    ck_assert_str_eq(chars, expected);
    acoap__text_init(&text, chars, sizeof(chars));
    acoap__text_put_int(&text, (int64_t)numbers[i]);
    snprintf(expected, sizeof(expected), "%" PRId64, (int64_t)numbers[i]);
    ck_assert_str_eq(chars, expected);
    ck_assert_uint_eq(text.total, strlen(expected));
  }
  char chars[32];
  acoap__text_t text;
  acoap__text_init(&text, chars, sizeof(chars));
  acoap__text_put_int(&text, INT64_MIN);
  ck_assert_str_eq(chars, "-9223372036854775808");
}
END_TEST

START_TEST(hexadecimal_is_lower_case) {
  char chars[16];
  acoap__text_t text;
  acoap__text_init(&text, chars, sizeof(chars));
  acoap__text_put_hex(&text, "\x00\x0f\xa0\xff", 4);
  ck_assert_str_eq(chars, "000fa0ff");
}
END_TEST

START_TEST(every_room_holds_a_prefix_and_a_zero) {
  static const char whole[] = "abc42-7ff";
  for (size_t cap = 0; cap <= sizeof(whole) + 1; cap++) {
    char chars[16];
    acoap__text_t text;
    memset(chars, '#', sizeof(chars));
    acoap__text_init(&text, chars, cap);
    acoap__text_put(&text, "abc");
    acoap__text_put_uint(&text, 42);
    acoap__text_put_int(&text, -7);
    acoap__text_put_n(&text, "ffx", 2);
    ck_assert_uint_eq(text.total, strlen(whole));
    ck_assert_int_eq(acoap__text_fits(&text), cap > strlen(whole));
    size_t stored = cap == 0 ? 0 : cap > strlen(whole) ? strlen(whole) : cap - 1;
    ck_assert_mem_eq(chars, whole, stored);
    ck_assert_int_eq(chars[stored], cap == 0 ? '#' : '\0');
    ck_assert_int_eq(chars[cap > stored + 1 ? stored + 1 : cap], '#');
  }
}
END_TEST

START_TEST(ascii_compares_without_case_and_locale) {
  ck_assert(acoap__ascii_equal("Uri-Path", 8, "uRI-pATH", 8));
  ck_assert(acoap__ascii_equal("", 0, "x", 0));
  ck_assert(!acoap__ascii_equal("a", 1, "ab", 2));
  ck_assert(!acoap__ascii_equal("a", 1, "b", 1));
  ck_assert(!acoap__ascii_equal("[", 1, "{", 1));       /* 0x20 apart, but no letters */
  ck_assert(!acoap__ascii_equal("\xc4", 1, "\xe4", 1)); /* letters of Latin-1 only */
}
END_TEST

START_TEST(digits_within_a_limit) {
  static const struct {
    const char *text;
    uint64_t most;
    bool good;
    uint64_t value;
  } cases[] = {
      {"0", 0, true, 0},
      {"00065535", 65535, true, 65535},
      {"65536", 65535, false, 0},
      {"70000", 65535, false, 0},
      {"9", 8, false, 0},
      {"10", 9, false, 0},
      {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
      {"18446744073709551616", UINT64_MAX, false, 0},
      {"99999999999999999999999", UINT64_MAX, false, 0},
      {"", 10, false, 0},
      {"+1", 10, false, 0},
      {"-1", 10, false, 0},
      {" 1", 10, false, 0},
      {"1 ", 10, false, 0},
      {"0x1", 10, false, 0},
      {"/", 10, false, 0},
      {":", 10, false, 0},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    uint64_t value = 77;
    bool good = acoap__text_read_uint(cases[i].text, strlen(cases[i].text), cases[i].most, &value);
    ck_assert_msg(good == cases[i].good, "%s", cases[i].text);
    ck_assert_uint_eq(value, good ? cases[i].value : 77);
  }
}
END_TEST

START_TEST(hex_digits) {
  for (int c = -128; c < 128; c++) {
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != 0 ? strchr(digits, c) : NULL;
    ck_assert_int_eq(acoap__hex_digit((char)c), at == NULL ? -1 : (int)((at - digits) % 16));
  }
}
END_TEST

static Suite *base_text_suite(void) {
  Suite *suite = suite_create("base_text");
  TCase *text = tcase_create("text");
  tcase_add_test(text, numbers_as_printf_writes_them);
  tcase_add_test(text, hexadecimal_is_lower_case);
  tcase_add_test(text, every_room_holds_a_prefix_and_a_zero);
  tcase_add_test(text, ascii_compares_without_case_and_locale);
  tcase_add_test(text, digits_within_a_limit);
  tcase_add_test(text, hex_digits);
  suite_add_tcase(suite, text);
  return suite;
}

ACOAP_TEST_MAIN(base_text_suite)
