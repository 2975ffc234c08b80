/*
 * message/link_write: what is written, block by block too, is what the parser takes.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/error.h>
#include <acoap/link.h>

#include <string.h>

#include "support/check_main.h"

static const char document[] = "</s/temp>;rt=\"temperature-c\";ct=4294967295;obs,"
                               "</s/light>;title=\"say \\\"hi\\\" \\\\ \xe2\x98\x83\";sz=0,<>";

static int write_document(acoap_link_writer_t *writer) {
  acoap_link_writer_link(writer, "/s/temp", 7);
  acoap_link_writer_attr(writer, "rt", "temperature-c", 13);
  acoap_link_writer_uint(writer, "ct", UINT32_MAX);
  acoap_link_writer_flag(writer, "obs");
  acoap_link_writer_link(writer, "/s/light", 8);
  acoap_link_writer_attr(writer, "title", "say \"hi\" \\ \xe2\x98\x83", 14);
  acoap_link_writer_uint(writer, "sz", 0);
  acoap_link_writer_link(writer, NULL, 0);
  return acoap_link_writer_finish(writer);
}

START_TEST(a_document) {
  acoap_link_writer_t writer;
  char text[256];
  acoap_link_writer_init(&writer, text, sizeof(text));
  ck_assert_int_eq(acoap_link_writer_finish(&writer), 0);
  int len = write_document(&writer);
  ck_assert_int_eq(len, (int)strlen(document));
  ck_assert_mem_eq(text, document, strlen(document));
  ck_assert_uint_eq(writer.total, strlen(document));
}
END_TEST

START_TEST(exactly_enough_room) {
  acoap_link_writer_t writer;
  char text[256];
  for (size_t cap = 0; cap <= strlen(document); cap++) {
    memset(text, '#', sizeof(text));
    acoap_link_writer_init(&writer, text, cap);
    int len = write_document(&writer);
    ck_assert_int_eq(len, cap < strlen(document) ? ACOAP_ENOSPACE : (int)cap);
    ck_assert_int_eq(text[cap], '#');
  }
}
END_TEST

START_TEST(every_window_holds_its_part) {
  size_t total = strlen(document);
  for (size_t cap = 0; cap <= total + 2; cap++) {
    for (size_t skip = 0; skip <= total + 2; skip++) {
      acoap_link_writer_t writer;
      char text[256];
      memset(text, '#', sizeof(text));
      acoap_link_writer_window(&writer, text, cap, skip);
      size_t there = skip < total ? total - skip : 0;
      size_t expected = there < cap ? there : cap;
      ck_assert_int_eq(write_document(&writer), (int)expected);
      ck_assert_uint_eq(writer.total, total);
      ck_assert(expected == 0 || memcmp(text, document + skip, expected) == 0);
      ck_assert_int_eq(text[expected], '#');
    }
  }
}
END_TEST

START_TEST(what_could_not_be_parsed_is_not_written) {
  static const struct {
    const char *target;
    const char *name;
    const char *value;
    int error;
  } cases[] = {
      {"/a>b", "rt", "x", ACOAP_ELINK},   {"/a<b", "rt", "x", ACOAP_ELINK},
      {"/a\nb", "rt", "x", ACOAP_ELINK},  {"/a\x7f", "rt", "x", ACOAP_ELINK},
      {"/\xff", "rt", "x", ACOAP_ELINK},  {"/a", "r t", "x", ACOAP_ELINK},
      {"/a", "rt=", "x", ACOAP_ELINK},    {"/a", "\xc3\xa4", "x", ACOAP_ELINK},
      {"/a", "", "x", ACOAP_EINVAL},      {"/a", "rt", "a\nb", ACOAP_ELINK},
      {"/a", "rt", "a\x01", ACOAP_ELINK}, {"/a", "rt", "\xe2\x98", ACOAP_ELINK},
      {"/a", "title*", "x", 0},           {"/\xc3\xa4", "rt", "\xc3\xa4", 0},
      {"/a", "a.b-c_d!#$&+^`|~", "", 0},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_link_writer_t writer;
    char text[64];
    acoap_link_writer_init(&writer, text, sizeof(text));
    acoap_link_writer_link(&writer, cases[i].target, strlen(cases[i].target));
    acoap_link_writer_attr(&writer, cases[i].name, cases[i].value, strlen(cases[i].value));
    int result = acoap_link_writer_finish(&writer);
    ck_assert_int_eq(result < 0 ? result : 0, cases[i].error);
  }
}
END_TEST

START_TEST(misuse_sticks) {
  acoap_link_writer_t writer;
  char text[64];
  acoap_link_writer_init(&writer, text, sizeof(text));
  acoap_link_writer_flag(&writer, "obs"); /* no link yet */
  acoap_link_writer_link(&writer, "/a", 2);
  ck_assert_int_eq(acoap_link_writer_finish(&writer), ACOAP_EINVAL);
  ck_assert_uint_eq(writer.total, 0);
  acoap_link_writer_init(&writer, text, sizeof(text));
  acoap_link_writer_link(&writer, NULL, 1);
  ck_assert_int_eq(acoap_link_writer_finish(&writer), ACOAP_EINVAL);
  acoap_link_writer_init(&writer, text, sizeof(text));
  acoap_link_writer_link(&writer, "/a", 2);
  acoap_link_writer_attr(&writer, "rt", NULL, 1);
  ck_assert_int_eq(acoap_link_writer_finish(&writer), ACOAP_EINVAL);
  acoap_link_writer_init(&writer, text, sizeof(text));
  acoap_link_writer_link(&writer, "/a", 2);
  acoap_link_writer_uint(&writer, NULL, 1);
  ck_assert_int_eq(acoap_link_writer_finish(&writer), ACOAP_EINVAL);
  acoap_link_writer_init(&writer, NULL, 5);
  ck_assert_int_eq(acoap_link_writer_finish(&writer), ACOAP_EINVAL);
  acoap_link_writer_window(&writer, NULL, 0, 0); /* only counts */
  ck_assert_int_eq(write_document(&writer), 0);
  ck_assert_uint_eq(writer.total, strlen(document));
}
END_TEST

static Suite *message_link_write_suite(void) {
  Suite *suite = suite_create("message_link_write");
  TCase *write = tcase_create("write");
  tcase_add_test(write, a_document);
  tcase_add_test(write, exactly_enough_room);
  tcase_add_test(write, every_window_holds_its_part);
  tcase_add_test(write, what_could_not_be_parsed_is_not_written);
  tcase_add_test(write, misuse_sticks);
  suite_add_tcase(suite, write);
  return suite;
}

ACOAP_TEST_MAIN(message_link_write_suite)
