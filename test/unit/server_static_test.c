/*
 * A ready resource of bytes: what GET gives, its ETag, its link, its blocks.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <string.h>

#include "check_main.h"
#include "server_rig.h"

static const char hello[] = "hello";

static void open_rig(server_rig_t *rig) {
  server_rig_open(rig, 3, NULL);
  ck_assert_ptr_nonnull(
      acoap_resource_new_static(rig->server, "/s", ACOAP_FORMAT_TEXT_PLAIN, hello, strlen(hello)));
  ck_assert_int_eq(acoap_server_status(rig->server), 0);
}

START_TEST(bytes_come_with_format_and_etag) {
  server_rig_t rig;
  uint32_t format = 99;
  acoap_bytes_t etag;
  open_rig(&rig);
  const sim_datagram_t *answer =
      server_rig_expect(&rig, ACOAP_CODE_GET, "/s", ACOAP_CODE_CONTENT, hello);
  ck_assert(acoap_view_uint(&answer->view, ACOAP_OPTION_CONTENT_FORMAT, &format));
  ck_assert_uint_eq(format, ACOAP_FORMAT_TEXT_PLAIN);
  ck_assert(acoap_view_option(&answer->view, ACOAP_OPTION_ETAG, 0, &etag));
  ck_assert_uint_eq(etag.len, 8);
  acoap_builder_option(server_rig_begin(&rig, ACOAP_CON, ACOAP_CODE_GET, "/s"), ACOAP_OPTION_ETAG,
                       etag.data, etag.len);
  answer = server_rig_answer(&rig);
  ck_assert_uint_eq(answer->view.code, ACOAP_CODE_VALID);
  ck_assert_uint_eq(answer->view.payload.len, 0);
  server_rig_close(&rig);
}
END_TEST

START_TEST(etag_is_that_of_the_bytes) {
  server_rig_t rig;
  acoap_bytes_t etag;
  uint8_t first[8];
  open_rig(&rig);
  const sim_datagram_t *answer = server_rig_ask(&rig, ACOAP_CODE_GET, "/s");
  ck_assert(acoap_view_option(&answer->view, ACOAP_OPTION_ETAG, 0, &etag));
  memcpy(first, etag.data, sizeof(first));
  server_rig_close(&rig);
  /* Another run of the program has the same. */
  open_rig(&rig);
  answer = server_rig_ask(&rig, ACOAP_CODE_GET, "/s");
  ck_assert(acoap_view_option(&answer->view, ACOAP_OPTION_ETAG, 0, &etag));
  ck_assert_mem_eq(etag.data, first, sizeof(first));
  ck_assert_ptr_nonnull(acoap_resource_new_static(rig.server, "/t", ACOAP_FORMAT_NONE, "hellp", 5));
  answer = server_rig_ask(&rig, ACOAP_CODE_GET, "/t");
  ck_assert(acoap_view_option(&answer->view, ACOAP_OPTION_ETAG, 0, &etag));
  ck_assert_mem_ne(etag.data, first, sizeof(first));
  server_rig_close(&rig);
}
END_TEST

START_TEST(only_get_and_only_its_format) {
  server_rig_t rig;
  open_rig(&rig);
  (void)server_rig_expect(&rig, ACOAP_CODE_PUT, "/s", ACOAP_CODE_METHOD_NOT_ALLOWED, NULL);
  acoap_builder_uint(server_rig_begin(&rig, ACOAP_CON, ACOAP_CODE_GET, "/s"), ACOAP_OPTION_ACCEPT,
                     ACOAP_FORMAT_JSON);
  ck_assert_uint_eq(server_rig_answer(&rig)->view.code, ACOAP_CODE_NOT_ACCEPTABLE);
  (void)server_rig_expect(&rig, ACOAP_CODE_GET, "/.well-known/core", ACOAP_CODE_CONTENT,
                          "</s>;sz=5;ct=0");
  server_rig_close(&rig);
}
END_TEST

START_TEST(many_bytes_come_in_blocks_and_none_at_all_is_fine) {
  static uint8_t bytes[3000];
  server_rig_t rig;
  acoap_block_t block = {2, false, 6};
  acoap_block_t found;
  memset(bytes + 2048, 'z', sizeof(bytes) - 2048);
  open_rig(&rig);
  ck_assert_ptr_nonnull(
      acoap_resource_new_static(rig.server, "/m", ACOAP_FORMAT_NONE, bytes, sizeof(bytes)));
  ck_assert_ptr_nonnull(acoap_resource_new_static(rig.server, "/e", ACOAP_FORMAT_NONE, NULL, 0));
  const sim_datagram_t *answer = server_rig_ask(&rig, ACOAP_CODE_GET, "/m");
  ck_assert_uint_eq(answer->view.payload.len, 1024);
  ck_assert_mem_eq(answer->view.payload.data, bytes, 1024);
  acoap_builder_block(server_rig_begin(&rig, ACOAP_CON, ACOAP_CODE_GET, "/m"), ACOAP_OPTION_BLOCK2,
                      &block);
  answer = server_rig_answer(&rig);
  ck_assert_uint_eq(answer->view.payload.len, 3000 - 2048);
  ck_assert_mem_eq(answer->view.payload.data, bytes + 2048, 3000 - 2048);
  ck_assert_int_eq(acoap_view_block(&answer->view, ACOAP_OPTION_BLOCK2, &found), 1);
  ck_assert(!found.more && found.num == 2);
  answer = server_rig_ask(&rig, ACOAP_CODE_GET, "/e");
  ck_assert_uint_eq(answer->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(answer->view.payload.len, 0);
  server_rig_close(&rig);
}
END_TEST

START_TEST(invalid_arguments_are_told_by_the_server) {
  server_rig_t rig;
  open_rig(&rig);
  ck_assert_ptr_null(acoap_resource_new_static(rig.server, "/x", 0, NULL, 1));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_static(rig.server, "/x", 65536, "x", 1));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_static(rig.server, "/s", 0, "x", 1));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_static(NULL, "/x", 0, "x", 1));
  server_rig_close(&rig);
}
END_TEST

static Suite *static_suite(void) {
  Suite *suite = suite_create("server/static");
  TCase *tcase = tcase_create("static");
  tcase_add_test(tcase, bytes_come_with_format_and_etag);
  tcase_add_test(tcase, etag_is_that_of_the_bytes);
  tcase_add_test(tcase, only_get_and_only_its_format);
  tcase_add_test(tcase, many_bytes_come_in_blocks_and_none_at_all_is_fine);
  tcase_add_test(tcase, invalid_arguments_are_told_by_the_server);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(static_suite)
