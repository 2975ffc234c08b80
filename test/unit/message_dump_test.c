/*
 * message/dump: messages as people read them, never longer than their room and never dangerous to a
 * terminal.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/block.h>

#include <string.h>

#include "base/utf8.h"
#include "support/check_main.h"

static uint8_t bytes[2048];

static acoap_builder_t start(acoap_type_t type, uint8_t code, const char *token) {
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), type, code, 0x7d34, (const uint8_t *)token,
                     strlen(token));
  return builder;
}

static void assert_line(const acoap_builder_t *builder, const char *expected) {
  acoap_view_t view;
  char text[512];
  acoap_builder_view(builder, &view);
  ck_assert_uint_eq(acoap_view_format(&view, text, sizeof(text)), strlen(expected));
  ck_assert_str_eq(text, expected);
}

START_TEST(a_request) {
  acoap_builder_t builder = start(ACOAP_CON, ACOAP_CODE_GET, "\x20");
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "temperature", 11);
  acoap_builder_uint(&builder, ACOAP_OPTION_ACCEPT, ACOAP_FORMAT_TEXT_PLAIN);
  acoap_builder_payload(&builder, "12345", 5);
  assert_line(&builder, "CON GET MID=7d34 T=20 Uri-Path:temperature Accept:text/plain | 5 bytes");
}
END_TEST

START_TEST(codes_and_types) {
  acoap_builder_t builder = start(ACOAP_ACK, ACOAP_CODE_EMPTY, "");
  assert_line(&builder, "ACK Empty MID=7d34");
  builder = start(ACOAP_RST, ACOAP_CODE_EMPTY, "");
  assert_line(&builder, "RST Empty MID=7d34");
  builder = start(ACOAP_NON, ACOAP_CODE_METHOD_NOT_ALLOWED, "ab");
  acoap_builder_payload(&builder, "x", 1);
  assert_line(&builder, "NON 4.05 Method Not Allowed MID=7d34 T=6162 | 1 byte");
  builder = start(ACOAP_NON, 30, "");
  assert_line(&builder, "NON 0.30 MID=7d34");
}
END_TEST

START_TEST(observe_in_requests_and_notifications) {
  acoap_builder_t builder = start(ACOAP_CON, ACOAP_CODE_GET, "");
  acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, 0);
  assert_line(&builder, "CON GET MID=7d34 Observe:register");
  builder = start(ACOAP_CON, ACOAP_CODE_FETCH, "");
  acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, 1);
  assert_line(&builder, "CON FETCH MID=7d34 Observe:deregister");
  builder = start(ACOAP_CON, ACOAP_CODE_GET, "");
  acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, 2);
  assert_line(&builder, "CON GET MID=7d34 Observe:2");
  builder = start(ACOAP_NON, ACOAP_CODE_CONTENT, "");
  acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, 0);
  assert_line(&builder, "NON 2.05 Content MID=7d34 Observe:0");
}
END_TEST

typedef struct value {
  uint16_t number;
  const char *bytes;
  size_t len;
  const char *text;
} value_t;

#define VALUE(bytes) bytes, sizeof(bytes) - 1

static const value_t values[] = {
    {ACOAP_OPTION_URI_PATH, VALUE("a b"), "a b"},
    {ACOAP_OPTION_URI_PATH, VALUE(""), ""},
    {ACOAP_OPTION_URI_PATH,
     VALUE("k\xc3\xbc"
           "che\xe2\x98\x83"),
     "k\xc3\xbc"
     "che\xe2\x98\x83"},
    {ACOAP_OPTION_URI_PATH, VALUE("\x1b[31m\n\x7f\\"), "\\x1b[31m\\x0a\\x7f\\x5c"},
    {ACOAP_OPTION_URI_PATH, VALUE("\xff\xc3"), "\\xff\\xc3"},
    {ACOAP_OPTION_URI_PATH, VALUE("\xc2\x9b"), "\\xc2\\x9b"}, /* U+009B begins escape sequences */
    {ACOAP_OPTION_ETAG, VALUE("\x00\xab"), "0x00ab"},
    {ACOAP_OPTION_ETAG, VALUE("123456789"), "0x313233343536373839"}, /* too long */
    {ACOAP_OPTION_IF_MATCH, VALUE(""), "0x"},
    {ACOAP_OPTION_IF_NONE_MATCH, VALUE(""), ""},
    {ACOAP_OPTION_IF_NONE_MATCH, VALUE("x"), "0x78"},
    {ACOAP_OPTION_MAX_AGE, VALUE("\xff\xff\xff\xff"), "4294967295"},
    {ACOAP_OPTION_MAX_AGE, VALUE(""), "0"},
    {ACOAP_OPTION_MAX_AGE, VALUE("\1\2\3\4\5"), "0x0102030405"},
    {ACOAP_OPTION_CONTENT_FORMAT, VALUE("\x32"), "application/json"},
    {ACOAP_OPTION_CONTENT_FORMAT, VALUE("\xfd\xe8"), "65000"},
    {ACOAP_OPTION_CONTENT_FORMAT, VALUE("\0\0\x32"), "0x000032"},
    {ACOAP_OPTION_ACCEPT, VALUE(""), "text/plain"},
    {ACOAP_OPTION_BLOCK2, VALUE("\x3a"), "3/1/64"},
    {ACOAP_OPTION_BLOCK1, VALUE("\xff\xff\xf6"), "1048575/0/1024"},
    {ACOAP_OPTION_BLOCK1, VALUE("\x07"), "0/0/BERT"},
    {ACOAP_OPTION_Q_BLOCK2, VALUE(""), "0/0/16"},
    {ACOAP_OPTION_OBSERVE, VALUE("\1"), "1"},
    {65000, VALUE("\x01\x02"), "0x0102"},
};

START_TEST(values_by_their_format) {
  acoap_option_t option = {values[_i].number, {(const uint8_t *)values[_i].bytes, values[_i].len}};
  char text[128];
  ck_assert_uint_eq(acoap_option_format_value(&option, text, sizeof(text)),
                    strlen(values[_i].text));
  ck_assert_str_eq(text, values[_i].text);
}
END_TEST

START_TEST(names_and_numbers) {
  acoap_builder_t builder = start(ACOAP_CON, ACOAP_CODE_PUT, "");
  acoap_builder_option(&builder, ACOAP_OPTION_IF_NONE_MATCH, NULL, 0);
  acoap_builder_option(&builder, 65000, "\1", 1);
  acoap_builder_option(&builder, 65001, NULL, 0);
  assert_line(&builder, "CON PUT MID=7d34 If-None-Match 65000:0x01 65001:0x");
}
END_TEST

START_TEST(a_long_text_is_cut_behind_a_whole_character) {
  acoap_view_t view;
  char whole[512];
  acoap_builder_t builder = start(ACOAP_CON, ACOAP_CODE_GET, "");
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83", 9);
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 8);
  acoap_builder_view(&builder, &view);
  size_t len = acoap_view_format(&view, whole, sizeof(whole));
  for (size_t cap = 0; cap <= len + 2; cap++) {
    char text[512];
    memset(text, '#', sizeof(text));
    size_t stored = acoap_view_format(&view, text, cap);
    ck_assert_int_eq(text[cap], '#');
    if (cap == 0) {
      ck_assert_uint_eq(stored, 0);
      continue;
    }
    ck_assert_uint_lt(stored, cap);
    ck_assert_uint_eq(strlen(text), stored);
    ck_assert(acoap__utf8_valid(text, stored));
    if (cap > len) {
      ck_assert_str_eq(text, whole);
    } else if (cap >= 4) {
      ck_assert_str_eq(text + stored - 3, "...");
      ck_assert_mem_eq(text, whole, stored - 3);
      ck_assert_uint_gt(stored + 4, cap - 1); /* at most three bytes given up for a whole one */
    }
  }
}
END_TEST

START_TEST(misuse_gives_nothing) {
  acoap_view_t view = {0};
  char text[4];
  ck_assert_uint_eq(acoap_view_format(NULL, text, 4), 0);
  ck_assert_uint_eq(acoap_view_format(&view, NULL, 4), 0);
  ck_assert_uint_eq(acoap_option_format_value(NULL, text, 4), 0);
}
END_TEST

static Suite *message_dump_suite(void) {
  Suite *suite = suite_create("message_dump");
  TCase *dump = tcase_create("dump");
  tcase_add_test(dump, a_request);
  tcase_add_test(dump, codes_and_types);
  tcase_add_test(dump, observe_in_requests_and_notifications);
  tcase_add_loop_test(dump, values_by_their_format, 0, sizeof(values) / sizeof(values[0]));
  tcase_add_test(dump, names_and_numbers);
  tcase_add_test(dump, a_long_text_is_cut_behind_a_whole_character);
  tcase_add_test(dump, misuse_gives_nothing);
  suite_add_tcase(suite, dump);
  return suite;
}

ACOAP_TEST_MAIN(message_dump_suite)
