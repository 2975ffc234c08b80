/*
 * Files as response bodies (RFC 7959 section 2.4): of a megabyte in blocks, in one version whatever
 * happens to the file, revalidated by an ETag of the metadata; and what happens when the server
 * goes meanwhile.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_main.h"
#include "file_rig.h"

enum { MEGABYTE = 1 << 20 };

static void open_rig(file_rig_t *rig) {
  file_rig_open(rig, 11, NULL);
}

static acoap_resource_t *serve_file(file_rig_t *rig, const char *name) {
  char path[600];
  snprintf(path, sizeof(path), "%s/%s", rig->root, name);
  acoap_resource_t *resource =
      acoap_resource_new_file(rig->server, "/file", ACOAP_FORMAT_OCTET_STREAM, path);
  ck_assert_ptr_nonnull(resource);
  ck_assert_int_eq(acoap_server_status(rig->server), 0);
  return resource;
}

static const file_ask_t get_file = {.method = ACOAP_CODE_GET, .uri = "/file"};

static void expect_body(const file_answer_t *answer, const uint8_t *bytes, size_t len) {
  ck_assert_int_eq(answer->status, 0);
  ck_assert_uint_eq(answer->code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(answer->body.len, len);
  ck_assert(len == 0 || memcmp(answer->body.data, bytes, len) == 0);
}

/* Run until some blocks of an answer have come, none of them the last. */
static void run_a_while(file_rig_t *rig, const file_answer_t *answer) {
  for (int i = 0; i < 400; i++) {
    ck_assert(acoap_sim_step(rig->client.sim, ACOAP_TIME_NEVER));
  }
  ck_assert_uint_eq(answer->finals, 0);
}

START_TEST(file_of_a_megabyte_comes_whole_in_blocks) {
  static const size_t sizes[] = {1024, 512, 64};
  file_rig_t rig;
  file_answer_t answer;
  size_t len = sizes[_i] == 64 ? 100000 : MEGABYTE;
  uint8_t *bytes = malloc(MEGABYTE);
  file_rig_fill(bytes, len, 1);
  open_rig(&rig);
  file_rig_write(&rig, "f", bytes, len);
  serve_file(&rig, "f");
  file_ask_t ask = get_file;
  ask.block_size = sizes[_i];
  file_rig_ask(&rig, &ask, &answer);
  expect_body(&answer, bytes, len);
  ck_assert_uint_eq(answer.etag_len, 8);
  ck_assert_int_eq(acoap_message_content_format(answer.message), ACOAP_FORMAT_OCTET_STREAM);
  file_answer_done(&answer);
  file_rig_close(&rig);
  free(bytes);
}
END_TEST

START_TEST(sizes_around_a_block_and_a_piece) {
  static const size_t sizes[] = {0,     1,     1023,  1024,  1025,  2048,  8191,   8192,  8193,
                                 73728, 73729, 65535, 65536, 65537, 66560, 131072, 131073};
  file_rig_t rig;
  file_answer_t answer;
  uint8_t *bytes = malloc(sizes[_i] + 1);
  file_rig_fill(bytes, sizes[_i], 2);
  open_rig(&rig);
  file_rig_write(&rig, "f", bytes, sizes[_i]);
  serve_file(&rig, "f");
  file_rig_ask(&rig, &get_file, &answer);
  expect_body(&answer, bytes, sizes[_i]);
  file_answer_done(&answer);
  file_rig_close(&rig);
  free(bytes);
}
END_TEST

START_TEST(rfc7252_5_10_6_2_known_etag_is_valid_and_a_changed_file_has_another) {
  file_rig_t rig;
  file_answer_t first;
  file_answer_t second;
  open_rig(&rig);
  file_rig_write(&rig, "f", "one", 3);
  serve_file(&rig, "f");
  file_rig_ask(&rig, &get_file, &first);
  expect_body(&first, (const uint8_t *)"one", 3);
  file_ask_t ask = get_file;
  ask.etag = first.etag;
  file_rig_ask(&rig, &ask, &second);
  ck_assert_uint_eq(second.code, ACOAP_CODE_VALID);
  ck_assert_uint_eq(second.body.len, 0);
  ck_assert_mem_eq(second.etag, first.etag, 8);
  file_answer_done(&second);
  file_rig_write(&rig, "f", "three", 5);
  file_rig_ask(&rig, &ask, &second);
  expect_body(&second, (const uint8_t *)"three", 5);
  ck_assert_mem_ne(second.etag, first.etag, 8);
  file_answer_done(&first);
  file_answer_done(&second);
  file_rig_close(&rig);
}
END_TEST

START_TEST(file_that_is_replaced_is_read_to_its_end_as_it_was) {
  file_rig_t rig;
  file_answer_t answer;
  char from[600];
  char to[600];
  uint8_t *bytes = malloc(MEGABYTE);
  file_rig_fill(bytes, MEGABYTE, 3);
  open_rig(&rig);
  file_rig_write(&rig, "f", bytes, MEGABYTE);
  file_rig_write(&rig, "new", "new", 3);
  serve_file(&rig, "f");
  file_rig_start(&rig, &get_file, &answer);
  run_a_while(&rig, &answer);
  snprintf(from, sizeof(from), "%s/new", rig.root);
  snprintf(to, sizeof(to), "%s/f", rig.root);
  ck_assert_int_eq(rename(from, to), 0);
  file_rig_finish(&rig, &answer);
  expect_body(&answer, bytes, MEGABYTE);
  file_answer_done(&answer);
  file_rig_ask(&rig, &get_file, &answer);
  expect_body(&answer, (const uint8_t *)"new", 3);
  file_answer_done(&answer);
  file_rig_close(&rig);
  free(bytes);
}
END_TEST

/* Whether it shrinks, grows or only changes: never a mixture. */
START_TEST(file_that_changes_meanwhile_fails_the_transfer_or_is_one_version) {
  static const size_t lens[] = {MEGABYTE / 2, MEGABYTE, MEGABYTE + 5000, 0};
  file_rig_t rig;
  file_answer_t answer;
  uint8_t *old = malloc(MEGABYTE);
  uint8_t *new = malloc(MEGABYTE + 5000);
  file_rig_fill(old, MEGABYTE, 4);
  file_rig_fill(new, MEGABYTE + 5000, 5);
  open_rig(&rig);
  file_rig_write(&rig, "f", old, MEGABYTE);
  serve_file(&rig, "f");
  file_rig_start(&rig, &get_file, &answer);
  run_a_while(&rig, &answer);
  file_rig_write(&rig, "f", new, lens[_i]);
  file_rig_finish(&rig, &answer);
  if (answer.status == 0) {
    expect_body(&answer, new, lens[_i]);
  } else {
    ck_assert_uint_ne(answer.code, ACOAP_CODE_CONTENT);
  }
  file_answer_done(&answer);
  file_rig_ask(&rig, &get_file, &answer);
  expect_body(&answer, new, lens[_i]);
  file_answer_done(&answer);
  file_rig_close(&rig);
  free(old);
  free(new);
}
END_TEST

START_TEST(what_is_no_file_is_404_and_what_may_not_be_read_403) {
  file_rig_t rig;
  open_rig(&rig);
  acoap_resource_t *resource = serve_file(&rig, "none");
  file_rig_expect(&rig, &get_file, ACOAP_CODE_NOT_FOUND);
  acoap_resource_remove(resource);
  resource = serve_file(&rig, ".");
  file_rig_expect(&rig, &get_file, ACOAP_CODE_NOT_FOUND);
  acoap_resource_remove(resource);
  if (geteuid() != 0) { /* who may read everything is refused nothing */
    char path[600];
    file_rig_write(&rig, "private", "x", 1);
    snprintf(path, sizeof(path), "%s/private", rig.root);
    ck_assert_int_eq(chmod(path, 0), 0);
    serve_file(&rig, "private");
    file_rig_expect(&rig, &get_file, ACOAP_CODE_FORBIDDEN);
  }
  file_rig_close(&rig);
}
END_TEST

static void respond_file(void *user_data, acoap_request_t *request) {
  ck_assert_int_eq(acoap_request_respond_file(NULL, ACOAP_CODE_CONTENT, 0, "x"), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_request_respond_file(request, ACOAP_CODE_CONTENT, 0, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(
      acoap_request_respond_file(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_JSON, user_data), 0);
}

START_TEST(handler_answers_with_a_file) {
  file_rig_t rig;
  file_answer_t answer;
  char path[600];
  open_rig(&rig);
  file_rig_write(&rig, "j", "{}", 2);
  snprintf(path, sizeof(path), "%s/j", rig.root);
  acoap_resource_t *resource = acoap_resource_new(rig.server, "/file");
  ck_assert_int_eq(acoap_resource_on(resource, ACOAP_CODE_GET, respond_file, path), 0);
  file_rig_ask(&rig, &get_file, &answer);
  expect_body(&answer, (const uint8_t *)"{}", 2);
  ck_assert_int_eq(acoap_message_content_format(answer.message), ACOAP_FORMAT_JSON);
  file_answer_done(&answer);
  file_rig_close(&rig);
}
END_TEST

static void respond_file_without_server(void *user_data, acoap_request_t *request) {
  ck_assert_int_eq(acoap_request_respond_file(request, ACOAP_CODE_CONTENT, 0, user_data),
                   ACOAP_ENOTSUP);
}

START_TEST(request_of_no_server_is_not_supported) {
  file_rig_t rig;
  char path[] = "/x";
  open_rig(&rig);
  acoap_server_free(rig.server);
  rig.server = NULL;
  acoap_local_endpoint_receive(rig.endpoint, respond_file_without_server, path);
  file_rig_expect(&rig, &get_file, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  file_rig_close(&rig);
}
END_TEST

/* At any step of a transfer: nothing is left behind (sanitizers and the network say so). */
START_TEST(server_or_resource_or_endpoint_goes_during_a_transfer) {
  file_rig_t rig;
  file_answer_t answer;
  uint8_t *bytes = malloc(200000);
  file_rig_fill(bytes, 200000, 6);
  for (int steps = 0; steps < 40; steps++) {
    open_rig(&rig);
    file_rig_write(&rig, "f", bytes, 200000);
    acoap_resource_t *resource = serve_file(&rig, "f");
    file_rig_start(&rig, &get_file, &answer);
    for (int i = 0; i < steps; i++) {
      ck_assert(acoap_sim_step(rig.client.sim, ACOAP_TIME_NEVER));
    }
    if (_i == 0) {
      acoap_server_free(rig.server);
      rig.server = NULL;
    } else if (_i == 1) {
      acoap_resource_remove(resource);
    } else {
      file_rig_close_endpoint(&rig);
    }
    for (int i = 0; i < 50 && acoap_sim_step(rig.client.sim, ACOAP_TIME_NEVER); i++) {
      /* some way further */
    }
    file_answer_done(&answer);
    file_rig_close(&rig);
  }
  free(bytes);
}
END_TEST

START_TEST(invalid_arguments_are_told_by_the_server) {
  file_rig_t rig;
  open_rig(&rig);
  ck_assert_ptr_null(acoap_resource_new_file(rig.server, "/file", 0, NULL));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_file(rig.server, "/file", 0, ""));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_file(rig.server, "/file", 65536, "x"));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_file(rig.server, "no slash", 0, "x"));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_file(NULL, "/file", 0, "x"));
  file_rig_close(&rig);
}
END_TEST

static Suite *file_suite(void) {
  Suite *suite = suite_create("server/file");
  TCase *tcase = tcase_create("files");
  tcase_add_loop_test(tcase, file_of_a_megabyte_comes_whole_in_blocks, 0, 3);
  tcase_add_loop_test(tcase, sizes_around_a_block_and_a_piece, 0, 17);
  tcase_add_test(tcase, rfc7252_5_10_6_2_known_etag_is_valid_and_a_changed_file_has_another);
  tcase_add_test(tcase, file_that_is_replaced_is_read_to_its_end_as_it_was);
  tcase_add_loop_test(tcase, file_that_changes_meanwhile_fails_the_transfer_or_is_one_version, 0,
                      4);
  tcase_add_test(tcase, what_is_no_file_is_404_and_what_may_not_be_read_403);
  tcase_add_test(tcase, handler_answers_with_a_file);
  tcase_add_test(tcase, request_of_no_server_is_not_supported);
  tcase_add_loop_test(tcase, server_or_resource_or_endpoint_goes_during_a_transfer, 0, 3);
  tcase_add_test(tcase, invalid_arguments_are_told_by_the_server);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(file_suite)
