/*
 * message/block: RFC 7959 section 2.2.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/block.h>

#include <string.h>

#include "support/check_main.h"

START_TEST(szx_and_size) {
  static const size_t sizes[] = {16, 32, 64, 128, 256, 512, 1024};
  for (int szx = 0; szx < 7; szx++) {
    ck_assert_uint_eq(acoap_block_size((uint8_t)szx), sizes[szx]);
    ck_assert_int_eq(acoap_block_szx(sizes[szx]), szx);
  }
  ck_assert_uint_eq(acoap_block_size(7), 1024);
  ck_assert_uint_eq(acoap_block_size(255), 1024);
  static const size_t bad[] = {0, 1, 8, 15, 17, 48, 1000, 1023, 1025, 2048, SIZE_MAX};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    ck_assert_int_eq(acoap_block_szx(bad[i]), ACOAP_EINVAL);
  }
}
END_TEST

START_TEST(values_as_the_rfc_draws_them) {
  static const struct {
    const char *bytes;
    size_t len;
    acoap_block_t block;
  } cases[] = {
      {"", 0, {0, false, 0}},          {"\x0e", 1, {0, true, 6}},
      {"\x00\x06", 2, {0, false, 6}},  {"\xfb", 1, {15, true, 3}},
      {"\x01\x02", 2, {16, false, 2}}, {"\xff\xff\xfe", 3, {ACOAP_BLOCK_NUM_MAX, true, 6}},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_bytes_t value = {(const uint8_t *)cases[i].bytes, cases[i].len};
    acoap_block_t block = {9, false, 9};
    ck_assert_int_eq(acoap_block_decode(value, &block), 0);
    ck_assert_uint_eq(block.num, cases[i].block.num);
    ck_assert_int_eq(block.more, cases[i].block.more);
    ck_assert_uint_eq(block.szx, cases[i].block.szx);
  }
}
END_TEST

START_TEST(malformed_values_leave_the_block_alone) {
  acoap_block_t block = {9, true, 9};
  acoap_bytes_t bert = {(const uint8_t *)"\x07", 1};
  acoap_bytes_t four = {(const uint8_t *)"\0\0\0\x06", 4};
  acoap_bytes_t five = {(const uint8_t *)"\0\0\0\0\x06", 5};
  ck_assert_int_eq(acoap_block_decode(bert, &block), ACOAP_EOPTION);
  ck_assert_int_eq(acoap_block_decode(four, &block), ACOAP_EOPTIONLEN);
  ck_assert_int_eq(acoap_block_decode(five, &block), ACOAP_EOPTIONLEN);
  ck_assert_uint_eq(block.num, 9);
}
END_TEST

START_TEST(built_and_found_again) {
  static const uint32_t nums[] = {0, 1, 15, 16, 4095, 4096, ACOAP_BLOCK_NUM_MAX};
  for (size_t i = 0; i < sizeof(nums) / sizeof(nums[0]); i++) {
    for (uint8_t szx = 0; szx < 7; szx++) {
      uint8_t bytes[32];
      acoap_builder_t builder;
      acoap_view_t view;
      acoap_block_t in = {nums[i], (szx & 1) != 0, szx};
      acoap_block_t out;
      acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
      acoap_builder_block(&builder, ACOAP_OPTION_BLOCK2, &in);
      acoap_builder_view(&builder, &view);
      ck_assert_int_eq(acoap_view_block(&view, ACOAP_OPTION_BLOCK1, &out), 0);
      ck_assert_int_eq(acoap_view_block(&view, ACOAP_OPTION_BLOCK2, &out), 1);
      ck_assert_uint_eq(out.num, in.num);
      ck_assert_int_eq(out.more, in.more);
      ck_assert_uint_eq(out.szx, in.szx);
    }
  }
}
END_TEST

START_TEST(malformed_options_are_errors_not_absent) {
  uint8_t bytes[32];
  acoap_builder_t builder;
  acoap_view_t view;
  acoap_block_t block;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap_builder_option(&builder, ACOAP_OPTION_BLOCK1, "\0\0\0\1", 4);
  acoap_builder_option(&builder, ACOAP_OPTION_BLOCK2, "\x17", 1);
  acoap_builder_view(&builder, &view);
  ck_assert_int_eq(acoap_view_block(&view, ACOAP_OPTION_BLOCK1, &block), ACOAP_EOPTIONLEN);
  ck_assert_int_eq(acoap_view_block(&view, ACOAP_OPTION_BLOCK2, &block), ACOAP_EOPTION);
}
END_TEST

START_TEST(out_of_range_sticks) {
  static const acoap_block_t bad[] = {{ACOAP_BLOCK_NUM_MAX + 1, false, 6}, {0, false, 8}};
  for (size_t i = 0; i < 2; i++) {
    uint8_t bytes[32];
    acoap_builder_t builder;
    acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
    acoap_builder_block(&builder, ACOAP_OPTION_BLOCK1, &bad[i]);
    ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EINVAL);
  }
}
END_TEST

static Suite *message_block_suite(void) {
  Suite *suite = suite_create("message_block");
  TCase *block = tcase_create("block");
  tcase_add_test(block, szx_and_size);
  tcase_add_test(block, values_as_the_rfc_draws_them);
  tcase_add_test(block, malformed_values_leave_the_block_alone);
  tcase_add_test(block, built_and_found_again);
  tcase_add_test(block, malformed_options_are_errors_not_absent);
  tcase_add_test(block, out_of_range_sticks);
  suite_add_tcase(suite, block);
  return suite;
}

ACOAP_TEST_MAIN(message_block_suite)
