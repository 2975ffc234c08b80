/*
 * Preconditions and validation as a table (RFC 7252 sections 5.10.8.1, 5.10.8.2 and 5.10.6.2).
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "server/server.h"

typedef struct row {
  uint8_t method;
  const char *if_match[3]; /* values; NULL: no more */
  bool if_none_match;
  const char *etags[3];
  bool exists;
  const char *etag; /* of what is there; "": it has none */
  int code;
} row_t;

#define FAILED_ ACOAP_CODE_PRECONDITION_FAILED
#define VALID_ ACOAP_CODE_VALID

static const row_t rows[] = {
    /* nothing is asked for */
    {ACOAP_CODE_GET, {NULL}, false, {NULL}, true, "v1", 0},
    {ACOAP_CODE_PUT, {NULL}, false, {NULL}, false, "", 0},
    /* If-Match: one of them, or an empty one where anything is there */
    {ACOAP_CODE_PUT, {"v1", NULL}, false, {NULL}, true, "v1", 0},
    {ACOAP_CODE_PUT, {"v0", "v1", NULL}, false, {NULL}, true, "v1", 0},
    {ACOAP_CODE_PUT, {"v0", NULL}, false, {NULL}, true, "v1", FAILED_},
    {ACOAP_CODE_PUT, {"v1x", NULL}, false, {NULL}, true, "v1", FAILED_},
    {ACOAP_CODE_PUT, {"v1", NULL}, false, {NULL}, false, "v1", FAILED_},
    {ACOAP_CODE_PUT, {"v1", NULL}, false, {NULL}, true, "", FAILED_},
    {ACOAP_CODE_PUT, {"", NULL}, false, {NULL}, true, "v1", 0},
    {ACOAP_CODE_PUT, {"", NULL}, false, {NULL}, true, "", 0},
    {ACOAP_CODE_PUT, {"v0", "", NULL}, false, {NULL}, true, "v1", 0},
    {ACOAP_CODE_PUT, {"", NULL}, false, {NULL}, false, "", FAILED_},
    {ACOAP_CODE_DELETE, {"v0", NULL}, false, {NULL}, true, "v1", FAILED_},
    /* If-None-Match: nothing may be there */
    {ACOAP_CODE_PUT, {NULL}, true, {NULL}, false, "", 0},
    {ACOAP_CODE_PUT, {NULL}, true, {NULL}, true, "", FAILED_},
    {ACOAP_CODE_PUT, {NULL}, true, {NULL}, true, "v1", FAILED_},
    {ACOAP_CODE_PUT, {"", NULL}, true, {NULL}, false, "", FAILED_},
    /* ETag: what a GET or FETCH has already */
    {ACOAP_CODE_GET, {NULL}, false, {"v1", NULL}, true, "v1", VALID_},
    {ACOAP_CODE_GET, {NULL}, false, {"v0", "v1", NULL}, true, "v1", VALID_},
    {ACOAP_CODE_FETCH, {NULL}, false, {"v1", NULL}, true, "v1", VALID_},
    {ACOAP_CODE_GET, {NULL}, false, {"v0", NULL}, true, "v1", 0},
    {ACOAP_CODE_GET, {NULL}, false, {"v", NULL}, true, "v1", 0},
    {ACOAP_CODE_GET, {NULL}, false, {"v1", NULL}, false, "v1", 0},
    {ACOAP_CODE_GET, {NULL}, false, {"v1", NULL}, true, "", 0},
    {ACOAP_CODE_PUT, {NULL}, false, {"v1", NULL}, true, "v1", 0},
    {ACOAP_CODE_POST, {NULL}, false, {"v1", NULL}, true, "v1", 0},
    /* the condition goes before the validation */
    {ACOAP_CODE_GET, {"v0", NULL}, false, {"v1", NULL}, true, "v1", FAILED_},
    {ACOAP_CODE_GET, {"v1", NULL}, false, {"v1", NULL}, true, "v1", VALID_},
};

START_TEST(what_the_request_asks_for_is_judged_as_the_table_says) {
  const row_t *row = &rows[_i];
  uint8_t bytes[128];
  acoap_builder_t builder;
  acoap_view_t view;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, row->method, 1, NULL, 0);
  for (size_t i = 0; row->if_match[i] != NULL; i++) {
    acoap_builder_option(&builder, ACOAP_OPTION_IF_MATCH, row->if_match[i],
                         strlen(row->if_match[i]));
  }
  for (size_t i = 0; row->etags[i] != NULL; i++) {
    acoap_builder_option(&builder, ACOAP_OPTION_ETAG, row->etags[i], strlen(row->etags[i]));
  }
  if (row->if_none_match) {
    acoap_builder_option(&builder, ACOAP_OPTION_IF_NONE_MATCH, NULL, 0);
  }
  acoap_builder_view(&builder, &view);
  ck_assert_int_eq(acoap__precondition(&view, row->exists, row->etag, strlen(row->etag)),
                   row->code);
  acoap_bytes_t etag = {(const uint8_t *)row->etag, strlen(row->etag)};
  ck_assert_int_eq(acoap__etag_known(&view, etag),
                   row->code == VALID_ || (row->code == FAILED_ && row->etags[0] != NULL) ||
                       (row->code == 0 && !row->exists && row->etags[0] != NULL));
}
END_TEST

START_TEST(bad_arguments_are_refused) {
  ck_assert_int_eq(acoap_request_precondition(NULL, true, "x", 1), ACOAP_EINVAL);
}
END_TEST

static Suite *precondition_suite(void) {
  Suite *suite = suite_create("server/precondition");
  TCase *tcase = tcase_create("table");
  tcase_add_loop_test(tcase, what_the_request_asks_for_is_judged_as_the_table_says, 0,
                      (int)(sizeof(rows) / sizeof(rows[0])));
  tcase_add_test(tcase, bad_arguments_are_refused);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(precondition_suite)
