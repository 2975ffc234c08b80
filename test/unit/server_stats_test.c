/*
 * server/stats: the counters as a resource, in three formats.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/ready.h>

#include <stdio.h>
#include <string.h>

#include "server_rig.h"
#include "support/check_main.h"

enum { BODY_MOST = 8192 };

typedef struct body {
  uint8_t bytes[BODY_MOST + 1];
  size_t len;
  int content_format;
} body_t;

#define COUNT_ONE(name, sentence) +1
enum {
  SERVER_COUNTERS = 0 ACOAP_SERVER_STATS_MAP(COUNT_ONE),
  ENDPOINT_COUNTERS = 0 ACOAP_STATS_MAP(COUNT_ONE)
};

/* GET all blocks. accept -1: none. */
static void fetch(server_rig_t *rig, int accept, body_t *body) {
  acoap_block_t block = {0, true, 6};
  memset(body, 0, sizeof(*body));
  while (block.more) {
    acoap_builder_t *builder = server_rig_begin(rig, ACOAP_CON, ACOAP_CODE_GET, "/stats");
    if (accept >= 0) {
      acoap_builder_uint(builder, ACOAP_OPTION_ACCEPT, (uint32_t)accept);
    }
    block.more = false;
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
    const sim_datagram_t *answer = server_rig_answer(rig);
    ck_assert_uint_eq(answer->view.code, ACOAP_CODE_CONTENT);
    ck_assert_uint_le(body->len + answer->view.payload.len, BODY_MOST);
    memcpy(body->bytes + body->len, answer->view.payload.data, answer->view.payload.len);
    body->len += answer->view.payload.len;
    uint32_t format = 0;
    if (block.num == 0) {
      ck_assert(acoap_view_uint(&answer->view, ACOAP_OPTION_CONTENT_FORMAT, &format));
      body->content_format = (int)format;
    }
    if (acoap_view_block(&answer->view, ACOAP_OPTION_BLOCK2, &block) == 0) {
      ck_assert_uint_eq(block.num, 0); /* all of it in one message */
    }
    block.num++;
  }
}

static void open_rig(server_rig_t *rig) {
  server_rig_open(rig, 5, NULL);
  ck_assert_ptr_nonnull(acoap_resource_new_stats(rig->server, "/stats"));
  for (unsigned i = 0; i < 30; i++) {
    (void)server_rig_expect(rig, ACOAP_CODE_GET, "/nowhere", ACOAP_CODE_NOT_FOUND, NULL);
  }
}

START_TEST(text_has_a_line_for_each_counter) {
  server_rig_t rig;
  body_t body;
  open_rig(&rig);
  fetch(&rig, -1, &body);
  ck_assert_int_eq(body.content_format, ACOAP_FORMAT_TEXT_PLAIN);
  unsigned lines = 0;
  for (size_t i = 0; i < body.len; i++) {
    lines += body.bytes[i] == '\n' ? 1 : 0;
  }
  ck_assert_uint_eq(lines, SERVER_COUNTERS + ENDPOINT_COUNTERS);
  ck_assert_ptr_nonnull(strstr((char *)body.bytes, "server.requests 31\n"));
  ck_assert_ptr_nonnull(strstr((char *)body.bytes, "server.not_found 30\n"));
  ck_assert_ptr_nonnull(strstr((char *)body.bytes, "endpoint.responses_sent 30\n"));
  fetch(&rig, ACOAP_FORMAT_TEXT_PLAIN, &body);
  ck_assert_int_eq(body.content_format, ACOAP_FORMAT_TEXT_PLAIN);
  server_rig_close(&rig);
}
END_TEST

START_TEST(json_has_two_objects) {
  server_rig_t rig;
  body_t body;
  open_rig(&rig);
  fetch(&rig, ACOAP_FORMAT_JSON, &body);
  ck_assert_int_eq(body.content_format, ACOAP_FORMAT_JSON);
  ck_assert_int_eq(strncmp((char *)body.bytes, "{\"server\":{\"load\":0,\"resources\":2,", 34), 0);
  ck_assert_ptr_nonnull(strstr((char *)body.bytes, "},\"endpoint\":{\"datagrams_received\":31,"));
  ck_assert_ptr_nonnull(strstr((char *)body.bytes, "\"not_found\":30,"));
  ck_assert_str_eq((char *)body.bytes + body.len - 2, "}}");
  unsigned colons = 0;
  for (size_t i = 0; i < body.len; i++) {
    colons += body.bytes[i] == ':' ? 1 : 0;
  }
  ck_assert_uint_eq(colons, SERVER_COUNTERS + ENDPOINT_COUNTERS + 2);
  server_rig_close(&rig);
}
END_TEST

/* The head of an item; fails the test at the end. */
static uint64_t read_head(const body_t *body, size_t *at, uint8_t major) {
  ck_assert_uint_lt(*at, body->len);
  uint8_t first = body->bytes[(*at)++];
  ck_assert_uint_eq(first >> 5, major);
  uint64_t number = first & 31u;
  if (number < 24) {
    return number;
  }
  ck_assert_uint_le(number, 27);
  size_t count = (size_t)1 << (number - 24);
  number = 0;
  for (size_t i = 0; i < count; i++) {
    number = number << 8 | body->bytes[(*at)++];
  }
  return number;
}

static void read_name(const body_t *body, size_t *at, char name[64]) {
  size_t len = (size_t)read_head(body, at, 3);
  ck_assert_uint_lt(len, 64);
  memcpy(name, body->bytes + *at, len);
  name[len] = 0;
  *at += len;
}

START_TEST(cbor_has_two_maps) {
  server_rig_t rig;
  body_t body;
  size_t at = 0;
  char name[64];
  uint64_t not_found = 0;
  open_rig(&rig);
  for (unsigned i = 0; i < 300; i++) {
    (void)server_rig_expect(&rig, ACOAP_CODE_GET, "/nowhere", ACOAP_CODE_NOT_FOUND, NULL);
  }
  fetch(&rig, ACOAP_FORMAT_CBOR, &body);
  ck_assert_int_eq(body.content_format, ACOAP_FORMAT_CBOR);
  ck_assert_uint_eq(read_head(&body, &at, 5), 2);
  static const char *const names[] = {"server", "endpoint"};
  static const size_t counts[] = {SERVER_COUNTERS, ENDPOINT_COUNTERS};
  for (size_t g = 0; g < 2; g++) {
    read_name(&body, &at, name);
    ck_assert_str_eq(name, names[g]);
    ck_assert_uint_eq(read_head(&body, &at, 5), counts[g]);
    for (size_t i = 0; i < counts[g]; i++) {
      read_name(&body, &at, name);
      uint64_t value = read_head(&body, &at, 0);
      not_found = strcmp(name, "not_found") == 0 ? value : not_found;
    }
  }
  ck_assert_uint_eq(at, body.len);
  ck_assert_uint_eq(not_found, 330);
  server_rig_close(&rig);
}
END_TEST

START_TEST(other_formats_and_methods_are_refused) {
  server_rig_t rig;
  open_rig(&rig);
  acoap_builder_t *builder = server_rig_begin(&rig, ACOAP_CON, ACOAP_CODE_GET, "/stats");
  acoap_builder_uint(builder, ACOAP_OPTION_ACCEPT, 41);
  ck_assert_uint_eq(server_rig_answer(&rig)->view.code, ACOAP_CODE_NOT_ACCEPTABLE);
  (void)server_rig_expect(&rig, ACOAP_CODE_PUT, "/stats", ACOAP_CODE_METHOD_NOT_ALLOWED, NULL);
  server_rig_close(&rig);
}
END_TEST

START_TEST(a_path_that_is_taken_fails) {
  server_rig_t rig;
  open_rig(&rig);
  ck_assert_ptr_null(acoap_resource_new_stats(rig.server, "/stats"));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_stats(NULL, "/stats"));
  server_rig_close(&rig);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("server/stats");
  TCase *tcase = tcase_create("formats");
  tcase_add_test(tcase, text_has_a_line_for_each_counter);
  tcase_add_test(tcase, json_has_two_objects);
  tcase_add_test(tcase, cbor_has_two_maps);
  tcase_add_test(tcase, other_formats_and_methods_are_refused);
  tcase_add_test(tcase, a_path_that_is_taken_fails);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
