/*
 * message/view: reading options (RFC 7252 sections 3.2, 5.4.1, 5.4.3, 5.4.5).
 * SPDX-License-Identifier: MIT
 */
#include <acoap/codec.h>

#include <string.h>

#include "message/option.h"
#include "support/check_main.h"

static uint8_t bytes[2048];

static acoap_builder_t start(void) {
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  return builder;
}

START_TEST(what_may_be_there_is_known_from_decoding) {
  acoap_builder_t builder = start();
  acoap_view_t view;
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "b", 1);
  acoap_builder_option(&builder, ACOAP_OPTION_NO_RESPONSE, "", 0);
  acoap_builder_view(&builder, &view);
  ck_assert_int_eq(acoap_decode(&view, bytes, (size_t)acoap_builder_finish(&builder), 8, NULL), 0);
  ck_assert(acoap__view_may_have(&view, ACOAP_OPTION_URI_PATH));
  ck_assert(acoap__view_may_have(&view, ACOAP_OPTION_NO_RESPONSE));
  ck_assert(!acoap__view_may_have(&view, ACOAP_OPTION_OBSERVE));
  ck_assert(!acoap__view_may_have(&view, ACOAP_OPTION_URI_QUERY));
}
END_TEST

START_TEST(options_come_in_order_and_by_number) {
  acoap_builder_t builder = start();
  acoap_view_t view;
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_bytes_t value;
  acoap_builder_option(&builder, 11, "b", 1);
  acoap_builder_option(&builder, 11, "cc", 2);
  acoap_builder_option(&builder, 3, "host", 4);
  acoap_builder_option(&builder, 300, "", 0);
  acoap_builder_view(&builder, &view);
  static const uint16_t numbers[] = {3, 11, 11, 300};
  static const size_t lengths[] = {4, 1, 2, 0};
  acoap_option_iter_init(&iter, &view);
  for (size_t i = 0; i < 4; i++) {
    ck_assert(acoap_option_next(&iter, &option));
    ck_assert_uint_eq(option.number, numbers[i]);
    ck_assert_uint_eq(option.value.len, lengths[i]);
  }
  ck_assert(!acoap_option_next(&iter, &option));
  ck_assert(!acoap_option_next(&iter, &option));
  ck_assert(acoap_view_option(&view, 11, 1, &value));
  ck_assert_mem_eq(value.data, "cc", 2);
  ck_assert(!acoap_view_option(&view, 11, 2, &value));
  ck_assert(!acoap_view_option(&view, 4, 0, &value));
  ck_assert(!acoap_view_option(&view, 301, 0, &value));
  ck_assert(acoap_view_option(&view, 300, 0, &value));
}
END_TEST

START_TEST(a_view_without_options_has_none) {
  acoap_view_t view;
  acoap_option_iter_t iter;
  acoap_option_t option;
  memset(&view, 0, sizeof(view));
  acoap_option_iter_init(&iter, &view);
  ck_assert(!acoap_option_next(&iter, &option));
  ck_assert_uint_eq(acoap_view_bad_critical_option(&view), 0);
}
END_TEST

/* Views are made by acoap_decode, but a hand-made one must not lead out of its bytes either. */
START_TEST(an_unchecked_view_ends_where_it_is_wrong) {
  static const char *const wrong[] = {"\x11x\xf0", "\x11x\x15zz", "\x11x\xd0", "\x11x\xe0\xff\xff"};
  static const size_t lengths[] = {3, 5, 3, 5};
  for (size_t i = 0; i < 4; i++) {
    acoap_view_t view;
    acoap_option_iter_t iter;
    acoap_option_t option;
    memset(&view, 0, sizeof(view));
    view.options.data = (const uint8_t *)wrong[i];
    view.options.len = lengths[i];
    acoap_option_iter_init(&iter, &view);
    ck_assert(acoap_option_next(&iter, &option));
    ck_assert(!acoap_option_next(&iter, &option));
    ck_assert(!acoap_option_next(&iter, &option));
  }
}
END_TEST

START_TEST(integers) {
  static const struct {
    const char *bytes;
    size_t len;
    uint32_t number;
  } cases[] = {
      {"", 0, 0},
      {"\x01", 1, 1},
      {"\x00\x00\x01", 3, 1}, /* section 3.2: leading zeros must be taken */
      {"\xff\xff\xff\xff", 4, UINT32_MAX},
      {"\x01\x00\x00\x00", 4, 16777216},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_bytes_t value = {(const uint8_t *)cases[i].bytes, cases[i].len};
    uint32_t number = 99;
    ck_assert(acoap_uint_decode(value, &number));
    ck_assert_uint_eq(number, cases[i].number);
  }
  acoap_bytes_t five = {(const uint8_t *)"\0\0\0\0\1", 5};
  uint32_t number = 99;
  ck_assert(!acoap_uint_decode(five, &number));
  ck_assert_uint_eq(number, 99);
}
END_TEST

START_TEST(integers_round_trip_in_the_fewest_bytes) {
  static const struct {
    uint32_t number;
    size_t len;
  } cases[] = {{0, 0},     {1, 1},        {255, 1},      {256, 2},       {65535, 2},
               {65536, 3}, {16777215, 3}, {16777216, 4}, {UINT32_MAX, 4}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    uint8_t encoded[4];
    acoap_bytes_t value = {encoded, acoap_uint_encode(cases[i].number, encoded)};
    uint32_t number = 0;
    ck_assert_uint_eq(value.len, cases[i].len);
    ck_assert(acoap_uint_decode(value, &number));
    ck_assert_uint_eq(number, cases[i].number);
  }
}
END_TEST

START_TEST(an_integer_longer_than_registered_is_absent) {
  acoap_view_t view;
  uint32_t number = 99;
  acoap_builder_t builder = start();
  acoap_builder_option(&builder, ACOAP_OPTION_CONTENT_FORMAT, "\0\0\x28", 3); /* at most 2 */
  acoap_builder_option(&builder, ACOAP_OPTION_MAX_AGE, "\0\0\0\x3c", 4);
  acoap_builder_option(&builder, ACOAP_OPTION_HOP_LIMIT, "", 0); /* at least 1 */
  acoap_builder_option(&builder, 65000, "\1\2\3\4", 4);
  acoap_builder_option(&builder, 65001, "\1\2\3\4\5", 5);
  acoap_builder_view(&builder, &view);
  ck_assert(!acoap_view_uint(&view, ACOAP_OPTION_CONTENT_FORMAT, &number));
  ck_assert(!acoap_view_uint(&view, ACOAP_OPTION_HOP_LIMIT, &number));
  ck_assert(!acoap_view_uint(&view, ACOAP_OPTION_ACCEPT, &number));
  ck_assert(!acoap_view_uint(&view, 65001, &number));
  ck_assert_uint_eq(number, 99);
  ck_assert(acoap_view_uint(&view, ACOAP_OPTION_MAX_AGE, &number));
  ck_assert_uint_eq(number, 60);
  ck_assert(acoap_view_uint(&view, 65000, &number));
  ck_assert_uint_eq(number, 0x01020304);
}
END_TEST

typedef struct critical {
  uint16_t number;
  size_t len;
  int times;
  uint16_t bad;
} critical_t;

static const critical_t criticals[] = {
    {ACOAP_OPTION_URI_PATH, 5, 3, 0},                       /* repeatable */
    {ACOAP_OPTION_URI_PATH, 256, 1, ACOAP_OPTION_URI_PATH}, /* 5.4.3 */
    {ACOAP_OPTION_URI_HOST, 0, 1, ACOAP_OPTION_URI_HOST},   /* 5.4.3 */
    {ACOAP_OPTION_URI_HOST, 1, 1, 0},
    {ACOAP_OPTION_URI_HOST, 1, 2, ACOAP_OPTION_URI_HOST}, /* 5.4.5 */
    {ACOAP_OPTION_ACCEPT, 2, 1, 0},
    {ACOAP_OPTION_ACCEPT, 2, 2, ACOAP_OPTION_ACCEPT},
    {ACOAP_OPTION_ETAG, 9, 1, 0},    /* elective: ignored by whoever reads it */
    {ACOAP_OPTION_MAX_AGE, 1, 2, 0}, /* elective */
    {65001, 0, 1, 65001},            /* 5.4.1 */
    {65000, 0, 2, 0},                /* elective */
    {1, 0, 2, 0},                    /* If-Match */
};

START_TEST(bad_critical_options) {
  const critical_t *c = &criticals[_i];
  static const uint8_t zeros[300];
  acoap_view_t view;
  acoap_builder_t builder = start();
  for (int n = 0; n < c->times; n++) {
    acoap_builder_option(&builder, c->number, zeros, c->len);
  }
  acoap_builder_view(&builder, &view);
  ck_assert_uint_eq(acoap_view_bad_critical_option(&view), c->bad);
}
END_TEST

START_TEST(the_first_bad_critical_option_is_named) {
  acoap_view_t view;
  acoap_builder_t builder = start();
  acoap_builder_option(&builder, 65001, "", 0);
  acoap_builder_option(&builder, 2001, "", 0);
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "x", 1);
  acoap_builder_view(&builder, &view);
  ck_assert_uint_eq(acoap_view_bad_critical_option(&view), 2001);
}
END_TEST

static Suite *message_view_suite(void) {
  Suite *suite = suite_create("message_view");
  TCase *view = tcase_create("view");
  tcase_add_test(view, options_come_in_order_and_by_number);
  tcase_add_test(view, a_view_without_options_has_none);
  tcase_add_test(view, an_unchecked_view_ends_where_it_is_wrong);
  tcase_add_test(view, integers);
  tcase_add_test(view, integers_round_trip_in_the_fewest_bytes);
  tcase_add_test(view, an_integer_longer_than_registered_is_absent);
  tcase_add_loop_test(view, bad_critical_options, 0, sizeof(criticals) / sizeof(criticals[0]));
  tcase_add_test(view, what_may_be_there_is_known_from_decoding);
  tcase_add_test(view, the_first_bad_critical_option_is_named);
  suite_add_tcase(suite, view);
  return suite;
}

ACOAP_TEST_MAIN(message_view_suite)
