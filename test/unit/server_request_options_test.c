/*
 * server/request_options: RFC 7252 sections 5.4.1, 5.4.3, 5.4.5 and 6.5, RFC 8768 section 3.
 * SPDX-License-Identifier: MIT
 */
#include "server/request_options.h"

#include <string.h>

#include "support/check_main.h"

#define BYTES_MAX 2048

typedef struct scene {
  uint8_t bytes[BYTES_MAX];
  acoap_builder_t builder;
  acoap__asked_t asked;
  acoap__asked_path_t path;
} scene_t;

static void begin(scene_t *scene) {
  memset(scene, 0, sizeof(*scene));
  acoap_builder_init(&scene->builder, scene->bytes, sizeof(scene->bytes), ACOAP_CON, ACOAP_CODE_GET,
                     1, NULL, 0);
}

/* Reads what a peer would: the bytes, decoded. */
static void read_options(scene_t *scene) {
  acoap_view_t view;
  int len = acoap_builder_finish(&scene->builder);
  ck_assert_int_gt(len, 0);
  ck_assert_int_eq(acoap_decode(&view, scene->bytes, (size_t)len, ACOAP_TOKEN_MAX, NULL), 0);
  acoap__asked_read(&view, &scene->asked, &scene->path);
}

START_TEST(nothing_is_asked_without_options) {
  scene_t scene;
  begin(&scene);
  read_options(&scene);
  ck_assert_uint_eq(scene.asked.has, 0);
  ck_assert_uint_eq(scene.path.count, 0);
  ck_assert(!scene.path.is_only_empty);
}
END_TEST

START_TEST(each_registered_option_has_a_bit_of_its_own) {
  uint64_t all = ACOAP__UNRECOGNISED | ACOAP__BAD_BLOCK | ACOAP__NO_HANDLER |
                 ACOAP__WANTS_IDENTITY | ACOAP__WANTS_FRESHNESS | ACOAP__WANTS_FORMATS;
#define SEEN(id, number, name, format, min, max, repeatable, rfc)                                  \
  ck_assert_msg((all & acoap__option_bit(number)) == 0, "%s", name);                               \
  all |= acoap__option_bit(number);
  ACOAP_OPTION_MAP(SEEN)
#undef SEEN
}
END_TEST

START_TEST(numbers_are_read_as_they_pass) {
  scene_t scene;
  acoap_block_t block1 = {3, true, 2};
  acoap_block_t block2 = {ACOAP_BLOCK_NUM_MAX, false, 6};
  begin(&scene);
  acoap_builder_uint(&scene.builder, ACOAP_OPTION_OBSERVE, 1);
  acoap_builder_uint(&scene.builder, ACOAP_OPTION_CONTENT_FORMAT, 0);
  acoap_builder_uint(&scene.builder, ACOAP_OPTION_ACCEPT, UINT16_MAX);
  acoap_builder_block(&scene.builder, ACOAP_OPTION_BLOCK1, &block1);
  acoap_builder_block(&scene.builder, ACOAP_OPTION_BLOCK2, &block2);
  acoap_builder_option(&scene.builder, ACOAP_OPTION_ECHO, "12345678", 8);
  read_options(&scene);
  ck_assert_uint_eq(
      scene.asked.has,
      acoap__option_bit(ACOAP_OPTION_OBSERVE) | acoap__option_bit(ACOAP_OPTION_CONTENT_FORMAT) |
          acoap__option_bit(ACOAP_OPTION_ACCEPT) | acoap__option_bit(ACOAP_OPTION_BLOCK1) |
          acoap__option_bit(ACOAP_OPTION_BLOCK2) | acoap__option_bit(ACOAP_OPTION_ECHO));
  ck_assert_uint_eq(scene.asked.observe, 1);
  ck_assert_uint_eq(scene.asked.content_format, 0);
  ck_assert_uint_eq(scene.asked.accept, UINT16_MAX);
  ck_assert_uint_eq(scene.asked.block1.num, 3);
  ck_assert(scene.asked.block1.more);
  ck_assert_uint_eq(scene.asked.block1.szx, 2);
  ck_assert_uint_eq(scene.asked.block2.num, ACOAP_BLOCK_NUM_MAX);
  ck_assert(!scene.asked.block2.more);
  ck_assert_uint_eq(scene.asked.block2.szx, 6);
}
END_TEST

START_TEST(size_7_is_noted_as_bad) {
  static const uint16_t numbers[] = {ACOAP_OPTION_BLOCK1, ACOAP_OPTION_BLOCK2};
  for (size_t i = 0; i < 2; i++) {
    scene_t scene;
    begin(&scene);
    acoap_builder_option(&scene.builder, numbers[i], "\x07", 1);
    read_options(&scene);
    ck_assert_uint_eq(scene.asked.has, acoap__option_bit(numbers[i]) | ACOAP__BAD_BLOCK);
  }
}
END_TEST

/* What is there, of one option beside the path "/a". */
static const struct row {
  uint16_t number;
  size_t len; /* bytes of its value */
  int times;
  uint64_t has;
} rows[] = {
    /* elective, wrong length or unknown: as if it were not there */
    {ACOAP_OPTION_OBSERVE, 4, 1, 0},
    {ACOAP_OPTION_CONTENT_FORMAT, 3, 1, 0},
    {ACOAP_OPTION_ETAG, 0, 1, 0},
    {ACOAP_OPTION_ETAG, 9, 1, 0},
    {ACOAP_OPTION_ECHO, 41, 1, 0},
    {ACOAP_OPTION_ECHO + 64, 1, 1, 0},
    {2, 1, 1, 0},
    {48, 1, 1, 0},
    {50, 1, 1, 0},
    /* critical, likewise, and twice where once is allowed */
    {ACOAP_OPTION_IF_MATCH, 9, 1, ACOAP__UNRECOGNISED},
    {ACOAP_OPTION_URI_HOST, 0, 1, ACOAP__UNRECOGNISED},
    {ACOAP_OPTION_ACCEPT, 3, 1, ACOAP__UNRECOGNISED},
    {ACOAP_OPTION_IF_NONE_MATCH, 1, 1, ACOAP__UNRECOGNISED},
    {ACOAP_OPTION_BLOCK2, 4, 1, ACOAP__UNRECOGNISED},
    {9, 1, 1, ACOAP__UNRECOGNISED},
    {ACOAP_OPTION_URI_PATH + 64, 1, 1, ACOAP__UNRECOGNISED},
    {49, 1, 1, ACOAP__UNRECOGNISED},
    {65535, 1, 1, ACOAP__UNRECOGNISED},
    /* in any length */
    {ACOAP_OPTION_HOP_LIMIT, 0, 1, UINT64_C(1) << 16},
    {ACOAP_OPTION_HOP_LIMIT, 2, 1, UINT64_C(1) << 16},
    /* repeatable */
    {ACOAP_OPTION_IF_MATCH, 8, 3, UINT64_C(1) << 1},
    {ACOAP_OPTION_ETAG, 8, 3, UINT64_C(1) << 4},
    {ACOAP_OPTION_URI_QUERY, 255, 2, UINT64_C(1) << 15},
};

START_TEST(what_counts_is_what_the_registry_allows) {
  static const uint8_t value[300] = {1};
  const struct row *row = &rows[_i];
  scene_t scene;
  begin(&scene);
  acoap_builder_option(&scene.builder, ACOAP_OPTION_URI_PATH, "a", 1);
  for (int i = 0; i < row->times; i++) {
    acoap_builder_option(&scene.builder, row->number, value, row->len);
  }
  read_options(&scene);
  ck_assert_msg(scene.asked.has == row->has, "%u, %zu bytes: %llx", row->number, row->len,
                (unsigned long long)scene.asked.has);
  ck_assert_uint_eq(scene.path.count, 1);
}
END_TEST

START_TEST(the_first_of_two_counts) {
  scene_t scene;
  begin(&scene);
  acoap_builder_uint(&scene.builder, ACOAP_OPTION_OBSERVE, 0);
  acoap_builder_uint(&scene.builder, ACOAP_OPTION_OBSERVE, 1);
  acoap_builder_uint(&scene.builder, ACOAP_OPTION_ACCEPT, 50);
  acoap_builder_uint(&scene.builder, ACOAP_OPTION_ACCEPT, 60);
  read_options(&scene);
  ck_assert_uint_eq(scene.asked.observe, 0);
  ck_assert_uint_eq(scene.asked.accept, 50);
  /* a second critical one that may not be repeated is not understood (section 5.4.5) */
  ck_assert_uint_eq(scene.asked.has, acoap__option_bit(ACOAP_OPTION_OBSERVE) |
                                         acoap__option_bit(ACOAP_OPTION_ACCEPT) |
                                         ACOAP__UNRECOGNISED);
}
END_TEST

START_TEST(segments_come_as_they_are) {
  scene_t scene;
  char longest[ACOAP__SEGMENT_MAX];
  memset(longest, 'x', sizeof(longest));
  begin(&scene);
  acoap_builder_option(&scene.builder, ACOAP_OPTION_URI_HOST, "h", 1);
  acoap_builder_option(&scene.builder, ACOAP_OPTION_URI_PATH, "a", 1);
  acoap_builder_option(&scene.builder, ACOAP_OPTION_URI_PATH, NULL, 0);
  acoap_builder_option(&scene.builder, ACOAP_OPTION_URI_PATH, longest, sizeof(longest));
  acoap_builder_option(&scene.builder, ACOAP_OPTION_URI_QUERY, "q", 1);
  read_options(&scene);
  ck_assert_uint_eq(scene.path.count, 3);
  ck_assert_uint_eq(scene.path.segments[0].len, 1);
  ck_assert_uint_eq(scene.path.segments[0].data[0], 'a');
  ck_assert_uint_eq(scene.path.segments[1].len, 0);
  ck_assert_uint_eq(scene.path.segments[2].len, sizeof(longest));
  ck_assert(!scene.path.is_only_empty);
  ck_assert_uint_eq(scene.asked.has & ACOAP__UNRECOGNISED, 0);
}
END_TEST

START_TEST(one_empty_segment_is_the_root) {
  scene_t scene;
  begin(&scene);
  acoap_builder_option(&scene.builder, ACOAP_OPTION_URI_PATH, NULL, 0);
  read_options(&scene);
  ck_assert_uint_eq(scene.path.count, 0);
  ck_assert(scene.path.is_only_empty);
}
END_TEST

START_TEST(a_segment_that_is_too_long_is_not_understood) {
  scene_t scene;
  char longer[ACOAP__SEGMENT_MAX + 1] = {0};
  begin(&scene);
  acoap_builder_option(&scene.builder, ACOAP_OPTION_URI_PATH, longer, sizeof(longer));
  read_options(&scene);
  ck_assert_uint_eq(scene.path.count, 1);
  ck_assert_uint_eq(scene.asked.has, ACOAP__UNRECOGNISED);
}
END_TEST

START_TEST(a_path_deeper_than_any_is_counted) {
  scene_t scene;
  begin(&scene);
  for (int i = 0; i < ACOAP__DEPTH_MAX + 3; i++) {
    acoap_builder_option(&scene.builder, ACOAP_OPTION_URI_PATH, "s", 1);
  }
  read_options(&scene);
  ck_assert_uint_eq(scene.path.count, ACOAP__DEPTH_MAX + 3);
}
END_TEST

static Suite *server_request_options_suite(void) {
  Suite *suite = suite_create("server/request_options");
  TCase *tcase = tcase_create("options");
  tcase_add_test(tcase, nothing_is_asked_without_options);
  tcase_add_test(tcase, each_registered_option_has_a_bit_of_its_own);
  tcase_add_test(tcase, numbers_are_read_as_they_pass);
  tcase_add_test(tcase, size_7_is_noted_as_bad);
  tcase_add_loop_test(tcase, what_counts_is_what_the_registry_allows, 0,
                      (int)(sizeof(rows) / sizeof(rows[0])));
  tcase_add_test(tcase, the_first_of_two_counts);
  tcase_add_test(tcase, segments_come_as_they_are);
  tcase_add_test(tcase, one_empty_segment_is_the_root);
  tcase_add_test(tcase, a_segment_that_is_too_long_is_not_understood);
  tcase_add_test(tcase, a_path_deeper_than_any_is_counted);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(server_request_options_suite)
