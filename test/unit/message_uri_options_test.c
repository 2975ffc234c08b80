/*
 * message/uri_options, message/uri_path: RFC 7252 section 6.4 and the examples of Appendix B, as
 * the options that go out.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/uri.h>

#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"

static uint8_t bytes[4096];

static acoap_builder_t start(void) {
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  return builder;
}

/* "3=host 7=61616 11=a 11= 15=x": numbers in decimal, Uri-Port as an integer. */
static void write_options(const acoap_builder_t *builder, char *text, size_t cap) {
  acoap_view_t view;
  acoap_option_iter_t iter;
  acoap_option_t option;
  size_t len = 0;
  text[0] = '\0';
  acoap_builder_view(builder, &view);
  acoap_option_iter_init(&iter, &view);
  while (acoap_option_next(&iter, &option)) {
    char value[300];
    acoap_option_format_value(&option, value, sizeof(value));
    len += (size_t)snprintf(text + len, cap - len, "%s%u=%s", len > 0 ? " " : "",
                            (unsigned)option.number, value);
  }
}

typedef struct example {
  const char *uri;
  const char *destination; /* NULL: from the URI itself */
  const char *options;
} example_t;

static const example_t examples[] = {
    /* RFC 7252 Appendix B */
    {"coap://example.net/", NULL, "3=example.net"},
    {"coap://example.net/.well-known/core", NULL, "3=example.net 11=.well-known 11=core"},
    {"coap://xn--18j4d.example/%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1%E3%81%AF", NULL,
     "3=xn--18j4d.example 11=\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf"},
    {"coap://198.51.100.1:61616//%2F//?%2F%2F&?%26", "198.51.100.1:61616",
     "11= 11=/ 11= 11= 15=// 15=?&"},
    {"coap://[2001:db8::2:1]/", "[2001:db8::2:1]:5683", ""},
    /* section 6.3: the same options for all three */
    {"coap://example.com:5683/~sensors/temp.xml", "192.0.2.1:5683",
     "3=example.com 11=~sensors 11=temp.xml"},
    {"coap://EXAMPLE.com/%7Esensors/temp.xml", "192.0.2.1:5683",
     "3=example.com 11=~sensors 11=temp.xml"},
    {"coap://EXAMPLE.com:/%7esensors/temp.xml", "192.0.2.1:5683",
     "3=example.com 11=~sensors 11=temp.xml"},
    /* step 5: literals that are the destination, in whatever spelling, and literals that are not */
    {"coap://[2001:DB8:0:0::2:1]/x", "[2001:db8::2:1]:5683", "11=x"},
    {"coap://[2001:db8::2:1]/x", "[2001:db8::99]:5683", "3=[2001:db8::2:1] 11=x"},
    {"coap://192.0.2.1/x", "192.0.2.2:5683", "3=192.0.2.1 11=x"},
    {"coap://192.0.2.1/x", NULL, "11=x"},
    {"coap://[fe80::1%25eth0]/x", "[fe80::1%3]:5683", "11=x"},
    {"coap://[fe80::1%eth0]/x", NULL, "11=x"},
    {"coap://[FE80::1%25eth0]/x", "[fe80::2%3]:5683", "3=[fe80::1] 11=x"},
    /* steps 6 and 7 */
    {"coap://192.0.2.1:61616/", "192.0.2.1:61616", ""},
    {"coap://192.0.2.1/", "192.0.2.1:61616", "7=5683"},
    {"coaps://192.0.2.1/", "192.0.2.1:5683", "7=5684"},
    {"coap://h:1/", "192.0.2.1:2", "3=h 7=1"},
    {"coap://h:1/", NULL, "3=h"},
    /* step 8 */
    {"coap://192.0.2.1", NULL, ""},
    {"coap://192.0.2.1/", NULL, ""},
    {"coap://192.0.2.1//", NULL, "11= 11="},
    {"coap://192.0.2.1/a/", NULL, "11=a 11="},
    {"coap://192.0.2.1//a", NULL, "11= 11=a"},
    {"coap://192.0.2.1/a//b", NULL, "11=a 11= 11=b"},
    {"coap://192.0.2.1/./a/./b/.", NULL, "11=a 11=b 11="},
    {"coap://192.0.2.1/a/../b", NULL, "11=b"},
    {"coap://192.0.2.1/a/b/..", NULL, "11=a 11="},
    {"coap://192.0.2.1/a/..", NULL, ""},
    {"coap://192.0.2.1/..", NULL, ""},
    {"coap://192.0.2.1/../../a", NULL, "11=a"},
    {"coap://192.0.2.1/a/b/c/../../d", NULL, "11=a 11=d"},
    {"coap://192.0.2.1/a//../b", NULL, "11=a 11=b"},
    {"coap://192.0.2.1/%2e/%2E%2e/.%2e/a", NULL, "11=a"},
    {"coap://192.0.2.1/...", NULL, "11=..."},
    {"coap://192.0.2.1/a%2Fb/%25/%00", NULL, "11=a/b 11=% 11=\\x00"},
    /* step 9 */
    {"coap://192.0.2.1?", NULL, "15="},
    {"coap://192.0.2.1?&", NULL, "15= 15="},
    {"coap://192.0.2.1?a=1&b=%26%20c&/?", NULL, "15=a=1 15=b=& c 15=/?"},
    {"coap://192.0.2.1/x?..", NULL, "11=x 15=.."},
};

START_TEST(uris_become_options) {
  const example_t *e = &examples[_i];
  acoap_uri_t uri;
  acoap_address_t destination;
  char text[512];
  ck_assert_int_eq(acoap_uri_parse(e->uri, strlen(e->uri), &uri, NULL), 0);
  if (e->destination != NULL) {
    ck_assert_int_eq(acoap_address_parse(e->destination, strlen(e->destination), &destination), 0);
  }
  acoap_builder_t builder = start();
  acoap_builder_uri(&builder, &uri, e->destination != NULL ? &destination : NULL);
  ck_assert_int_gt(acoap_builder_finish(&builder), 0);
  write_options(&builder, text, sizeof(text));
  ck_assert_str_eq(text, e->options);
}
END_TEST

START_TEST(paths_and_queries_add_to_what_is_there) {
  char text[128];
  acoap_builder_t builder = start();
  acoap_builder_query(&builder, "q", 1);
  acoap_builder_path(&builder, "/a/b", 4);
  acoap_builder_path(&builder, "c/../d/", 7); /* the leading slash may be left out */
  acoap_builder_path(&builder, "../e", 4);    /* no way up into another call's path */
  acoap_builder_path(&builder, "/", 1);
  acoap_builder_path(&builder, NULL, 0);
  acoap_builder_query(&builder, NULL, 0);
  acoap_builder_query(&builder, "r&s", 3);
  write_options(&builder, text, sizeof(text));
  ck_assert_str_eq(text, "11=a 11=b 11=d 11= 11=e 15=q 15=r 15=s");
}
END_TEST

static int path_result(const char *path) {
  acoap_builder_t builder = start();
  acoap_builder_path(&builder, path, strlen(path));
  return acoap_builder_finish(&builder);
}

static int query_result(const char *query) {
  acoap_builder_t builder = start();
  acoap_builder_query(&builder, query, strlen(query));
  return acoap_builder_finish(&builder);
}

START_TEST(raw_text_is_refused_with_its_place) {
  static const struct {
    const char *text;
    size_t path_offset; /* SIZE_MAX: fine as a path */
    size_t query_offset;
  } cases[] = {
      {"a b", 1, 1},
      {"/x?y", 2, SIZE_MAX},
      {"/x#y", 2, 2},
      {"/100%", 4, 4},
      {"/%zz", 1, 1},
      {"/a/%C3", 3, 3},
      {"/stra\xc3\x9f"
       "e",
       5, 5},
      {"/a\nb", 2, 2},
      {"ok/-._~:@", SIZE_MAX, SIZE_MAX},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    const char *text = cases[i].text;
    size_t offset = SIZE_MAX;
    bool good = cases[i].path_offset == SIZE_MAX;
    ck_assert_int_eq(acoap_uri_check_path(text, strlen(text), &offset), good ? 0 : ACOAP_EURI);
    ck_assert_uint_eq(offset, cases[i].path_offset);
    ck_assert_int_eq(path_result(text) < 0 ? path_result(text) : 0, good ? 0 : ACOAP_EURI);
    offset = SIZE_MAX;
    good = cases[i].query_offset == SIZE_MAX;
    ck_assert_int_eq(acoap_uri_check_query(text, strlen(text), &offset), good ? 0 : ACOAP_EURI);
    ck_assert_uint_eq(offset, cases[i].query_offset);
    ck_assert_int_eq(query_result(text) < 0 ? query_result(text) : 0, good ? 0 : ACOAP_EURI);
  }
  ck_assert_int_eq(acoap_uri_check_path("a b", 3, NULL), ACOAP_EURI);
}
END_TEST

START_TEST(a_part_has_at_most_255_bytes) {
  char text[1024] = "/a/";
  size_t offset = 0;
  memset(text + 3, 'x', 255);
  ck_assert_int_eq(acoap_uri_check_path(text, strlen(text), &offset), 0);
  ck_assert_int_gt(path_result(text), 0);
  text[3 + 255] = 'x';
  ck_assert_int_eq(acoap_uri_check_path(text, strlen(text), &offset), ACOAP_EOPTIONLEN);
  ck_assert_uint_eq(offset, 3);
  ck_assert_int_eq(path_result(text), ACOAP_EOPTIONLEN);
  memcpy(text, "a&b", 3);
  ck_assert_int_eq(acoap_uri_check_query(text, strlen(text), &offset), ACOAP_EOPTIONLEN);
  ck_assert_uint_eq(offset, 2);
  ck_assert_int_eq(query_result(text), ACOAP_EOPTIONLEN);
  for (size_t i = 0; i < 255; i++) { /* 765 characters that decode to 255 bytes */
    memcpy(text + 3 * i, "%7e", 3);
  }
  text[3 * 255] = '\0';
  ck_assert_int_gt(path_result(text), 0);
}
END_TEST

START_TEST(segments_that_go_need_no_room) {
  /* Only "x" stays: header, one byte of option head, one of value. */
  const char *path = "/1/2/3/../4/../../../x";
  uint8_t small[6];
  acoap_builder_t builder;
  acoap_builder_init(&builder, small, sizeof(small), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap_builder_path(&builder, path, strlen(path));
  ck_assert_int_eq(acoap_builder_finish(&builder), 6);
  ck_assert_mem_eq(small + 4, "\xb1x", 2);
}
END_TEST

START_TEST(failures_stick) {
  acoap_builder_t builder = start();
  acoap_builder_path(&builder, "a b", 3);
  acoap_builder_path(&builder, "fine", 4);
  acoap_builder_query(&builder, NULL, 1);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EURI);
  builder = start();
  acoap_builder_path(&builder, NULL, 1);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EINVAL);
  builder = start();
  acoap_builder_query(&builder, NULL, 1);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EINVAL);
  builder = start();
  acoap_builder_uri(&builder, NULL, NULL);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uri_check_path(NULL, 1, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uri_check_query(NULL, 0, NULL), 0);
}
END_TEST

/* Four hundred thousand segments that cancel each other: linear, or the time-out comes. */
START_TEST(dot_segments_take_one_pass) {
  enum { PAIRS = 200000 };
  char *path = malloc(PAIRS * 5 + 1);
  for (size_t i = 0; i < PAIRS; i++) {
    memcpy(path + 2 * i, "/a", 2);
    memcpy(path + 2 * PAIRS + 3 * i, "/..", 3);
  }
  acoap_builder_t builder = start();
  acoap_builder_path(&builder, path, PAIRS * 5);
  ck_assert_int_eq(acoap_builder_finish(&builder), 4);
  free(path);
}
END_TEST

static Suite *message_uri_options_suite(void) {
  Suite *suite = suite_create("message_uri_options");
  TCase *options = tcase_create("options");
  tcase_add_loop_test(options, uris_become_options, 0, sizeof(examples) / sizeof(examples[0]));
  tcase_add_test(options, paths_and_queries_add_to_what_is_there);
  tcase_add_test(options, raw_text_is_refused_with_its_place);
  tcase_add_test(options, a_part_has_at_most_255_bytes);
  tcase_add_test(options, segments_that_go_need_no_room);
  tcase_add_test(options, failures_stick);
  tcase_add_test(options, dot_segments_take_one_pass);
  suite_add_tcase(suite, options);
  return suite;
}

ACOAP_TEST_MAIN(message_uri_options_suite)
