/*
 * message/missing_blocks: RFC 9177 section 5, the list of missing blocks.
 * SPDX-License-Identifier: MIT
 */
#include "message/missing_blocks.h"

#include <acoap/error.h>

#include <string.h>

#include "support/check_main.h"

static acoap_bytes_t bytes_of(const char *bytes, size_t len) {
  return (acoap_bytes_t){(const uint8_t *)bytes, len};
}

/* RFC 8949 appendix A: the shortest form of each number. */
START_TEST(numbers_are_written_in_their_shortest_form) {
  static const struct {
    uint32_t num;
    const char *bytes;
    size_t len;
  } rows[] = {
      {0, "\x00", 1},
      {1, "\x01", 1},
      {10, "\x0a", 1},
      {23, "\x17", 1},
      {24, "\x18\x18", 2},
      {100, "\x18\x64", 2},
      {255, "\x18\xff", 2},
      {256, "\x19\x01\x00", 3},
      {1000, "\x19\x03\xe8", 3},
      {65535, "\x19\xff\xff", 3},
      {65536, "\x1a\x00\x01\x00\x00", 5},
      {ACOAP_BLOCK_NUM_MAX, "\x1a\x00\x0f\xff\xff", 5},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    uint8_t room[8];
    acoap__missing_blocks_t list;
    uint32_t num = UINT32_MAX;
    acoap__missing_blocks_init(&list, room, rows[i].len);
    ck_assert_int_eq(acoap__missing_blocks_add(&list, rows[i].num), 0);
    ck_assert_uint_eq(list.len, rows[i].len);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_mem_eq(room, rows[i].bytes, rows[i].len);
    acoap_bytes_t payload = {room, list.len};
    ck_assert_int_eq(acoap__missing_blocks_next(&payload, &num), 1);
    ck_assert_uint_eq(num, rows[i].num);
    ck_assert_uint_eq(payload.len, 0);
    ck_assert_int_eq(acoap__missing_blocks_next(&payload, &num), 0);
    /* A byte less, and there is no room. */
    acoap__missing_blocks_init(&list, room, rows[i].len - 1);
    ck_assert_int_eq(acoap__missing_blocks_add(&list, rows[i].num), ACOAP_ENOSPACE);
    ck_assert_uint_eq(list.len, 0);
  }
}
END_TEST

START_TEST(a_list_ascends_without_duplicates) {
  uint8_t room[16];
  acoap__missing_blocks_t list;
  acoap__missing_blocks_init(&list, room, sizeof(room));
  ck_assert_int_eq(acoap__missing_blocks_add(&list, 1), 0);
  ck_assert_int_eq(acoap__missing_blocks_add(&list, 1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap__missing_blocks_add(&list, 0), ACOAP_EINVAL);
  ck_assert_int_eq(acoap__missing_blocks_add(&list, 9), 0);
  ck_assert_int_eq(acoap__missing_blocks_add(&list, 8), ACOAP_EINVAL);
  ck_assert_int_eq(acoap__missing_blocks_add(&list, ACOAP_BLOCK_NUM_MAX + 1), ACOAP_EINVAL);
  ck_assert_uint_eq(list.count, 2);
  ck_assert_uint_eq(list.len, 2);
  ck_assert_mem_eq(room, "\x01\x09", 2);
}
END_TEST

START_TEST(what_does_not_fit_leaves_the_list_as_it_was) {
  uint8_t room[4];
  acoap__missing_blocks_t list;
  acoap__missing_blocks_init(&list, room, sizeof(room));
  ck_assert_int_eq(acoap__missing_blocks_add(&list, 300), 0);
  ck_assert_int_eq(acoap__missing_blocks_add(&list, 301), ACOAP_ENOSPACE);
  ck_assert_uint_eq(list.len, 3);
  ck_assert_int_eq(acoap__missing_blocks_count((acoap_bytes_t){room, list.len}), 1);
  ck_assert_int_eq(acoap__missing_blocks_add(&list, 301), ACOAP_ENOSPACE);
}
END_TEST

/* What a peer sends may be in any form, in any order, and twice. */
START_TEST(any_form_and_order_is_read) {
  static const char bytes[] = "\x18\x05\x03\x19\x00\x03\x1b\x00\x00\x00\x00\x00\x00\x00\x64\x00";
  static const uint32_t numbers[] = {5, 3, 3, 100, 0};
  acoap_bytes_t payload = bytes_of(bytes, sizeof(bytes) - 1);
  ck_assert_int_eq(acoap__missing_blocks_count(payload), 5);
  for (size_t i = 0; i < 5; i++) {
    uint32_t num = UINT32_MAX;
    ck_assert_int_eq(acoap__missing_blocks_next(&payload, &num), 1);
    ck_assert_uint_eq(num, numbers[i]);
  }
  ck_assert_int_eq(acoap__missing_blocks_count(payload), 0);
}
END_TEST

START_TEST(what_is_no_list_is_refused) {
  static const struct {
    const char *bytes;
    size_t len;
  } rows[] = {
      {"\x18", 1},                                          /* cut short */
      {"\x19\x01", 2},                                      /* likewise */
      {"\x1a\x00\x00\x01", 4},                              /* likewise */
      {"\x1b\x00\x00\x00\x00\x00\x00\x00", 8},              /* likewise */
      {"\x1c", 1},                                          /* reserved */
      {"\x1f", 1},                                          /* indefinite */
      {"\x20", 1},                                          /* -1 */
      {"\x41\x00", 2},                                      /* bytes */
      {"\x61\x30", 2},                                      /* text */
      {"\x81\x01", 2},                                      /* an array */
      {"\xa0", 1},                                          /* a map */
      {"\xf6", 1},                                          /* null */
      {"\x1a\x00\x10\x00\x00", 5},                          /* more than 20 bits */
      {"\x1b\x00\x00\x00\x01\x00\x00\x00\x00", 9},          /* likewise */
      {"\x01\x02\x1a\xff\xff\xff\xff", 7},                  /* behind good ones */
      {"\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x00\x01", 11}, /* greatest */
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ck_assert_int_eq(acoap__missing_blocks_count(bytes_of(rows[i].bytes, rows[i].len)),
                     ACOAP_EFORMAT);
  }
}
END_TEST

static Suite *message_missing_blocks_suite(void) {
  Suite *suite = suite_create("message_missing_blocks");
  TCase *tcase = tcase_create("missing_blocks");
  tcase_add_test(tcase, numbers_are_written_in_their_shortest_form);
  tcase_add_test(tcase, a_list_ascends_without_duplicates);
  tcase_add_test(tcase, what_does_not_fit_leaves_the_list_as_it_was);
  tcase_add_test(tcase, any_form_and_order_is_read);
  tcase_add_test(tcase, what_is_no_list_is_refused);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(message_missing_blocks_suite)
