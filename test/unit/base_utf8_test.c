/*
 * base/utf8: the table of RFC 3629 section 4, against the definition over all code points.
 * SPDX-License-Identifier: MIT
 */
#include "base/utf8.h"

#include <string.h>

#include "support/check_main.h"

/* Encode as if there were no rules; returns the length. */
static size_t encode(uint32_t code_point, size_t len, uint8_t bytes[4]) {
  static const uint8_t marks[5] = {0, 0x00, 0xc0, 0xe0, 0xf0};
  for (size_t i = len; i-- > 1;) {
    bytes[i] = (uint8_t)(0x80 | (code_point & 0x3f));
    code_point >>= 6;
  }
  bytes[0] = (uint8_t)(marks[len] | code_point);
  return len;
}

static size_t shortest(uint32_t code_point) {
  return code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
}

START_TEST(all_code_points_and_no_surrogates) {
  for (uint32_t code_point = 0; code_point < 0x200000; code_point++) {
    uint8_t bytes[4];
    size_t len = encode(code_point, shortest(code_point), bytes);
    bool good = code_point <= 0x10ffff && !(code_point >= 0xd800 && code_point <= 0xdfff);
    /* ck_assert costs too much for each of two million. */
    if (acoap__utf8_char(bytes, len) != (good ? len : 0) ||
        (len > 1 && acoap__utf8_char(bytes, len - 1) != 0)) {
      ck_abort_msg("U+%04X", (unsigned)code_point);
    }
  }
}
END_TEST

START_TEST(longer_than_needed_is_refused) {
  for (uint32_t code_point = 0; code_point < 0x10000; code_point++) {
    for (size_t len = shortest(code_point) + 1; len <= 4; len++) {
      uint8_t bytes[4];
      encode(code_point, len, bytes);
      if (acoap__utf8_char(bytes, len) != 0) {
        ck_abort_msg("U+%04X in %zu bytes", (unsigned)code_point, len);
      }
    }
  }
}
END_TEST

START_TEST(continuations_are_looked_at) {
  static const char *const bad[] = {
      "\x80",      "\xbf",          "\xc3(",         "\xe2\x82(",
      "\xe2(\xac", "\xf0\x9f\x98(", "\xf0\x9f(\x80", "\xf5\x80\x80\x80",
      "\xff",      "\xfe",          "\xc0\x80",      "\xc1\xbf"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    ck_assert(!acoap__utf8_valid(bad[i], strlen(bad[i])));
  }
}
END_TEST

START_TEST(a_text_is_valid_when_all_of_it_is) {
  ck_assert(acoap__utf8_valid("", 0));
  ck_assert(acoap__utf8_valid("a\0b", 3));
  ck_assert(acoap__utf8_valid("K\xc3\xbc"
                              "che \xe2\x98\x83 \xf0\x9f\x98\x80",
                              15));
  ck_assert(!acoap__utf8_valid("abc\xc3", 4));
  ck_assert(!acoap__utf8_valid("\xff"
                               "abc",
                               4));
}
END_TEST

static Suite *base_utf8_suite(void) {
  Suite *suite = suite_create("base_utf8");
  TCase *utf8 = tcase_create("utf8");
  tcase_add_test(utf8, all_code_points_and_no_surrogates);
  tcase_add_test(utf8, longer_than_needed_is_refused);
  tcase_add_test(utf8, continuations_are_looked_at);
  tcase_add_test(utf8, a_text_is_valid_when_all_of_it_is);
  suite_add_tcase(suite, utf8);
  return suite;
}

ACOAP_TEST_MAIN(base_utf8_suite)
