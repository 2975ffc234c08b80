/*
 * What the failures of files mean to a client, reading and writing, and how a root is shared.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/file.h"

#include <errno.h>
#include <uv.h>

#include "check_main.h"

START_TEST(failures_become_response_codes) {
  static const struct {
    int status;
    uint8_t reading, writing;
  } cases[] = {
      {UV_ENOENT, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_CONFLICT},
      {UV_ENOTDIR, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_CONFLICT},
      {UV_EXDEV, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_FORBIDDEN},
      {UV_ELOOP, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_FORBIDDEN},
      {UV_EACCES, ACOAP_CODE_FORBIDDEN, ACOAP_CODE_FORBIDDEN},
      {UV_EROFS, ACOAP_CODE_FORBIDDEN, ACOAP_CODE_FORBIDDEN},
      {UV_EISDIR, ACOAP_CODE_METHOD_NOT_ALLOWED, ACOAP_CODE_METHOD_NOT_ALLOWED},
      {UV_EEXIST, ACOAP_CODE_INTERNAL_SERVER_ERROR, ACOAP_CODE_PRECONDITION_FAILED},
      {UV_EFBIG, ACOAP_CODE_INTERNAL_SERVER_ERROR, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE},
      {UV_ENOSPC, ACOAP_CODE_INTERNAL_SERVER_ERROR, ACOAP_CODE_SERVICE_UNAVAILABLE},
      {-EDQUOT, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
      {UV_EMFILE, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
      {UV_EIO, ACOAP_CODE_INTERNAL_SERVER_ERROR, ACOAP_CODE_INTERNAL_SERVER_ERROR},
      {ACOAP_ENOMEM, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
      {ACOAP_ENOTSUP, ACOAP_CODE_NOT_IMPLEMENTED, ACOAP_CODE_NOT_IMPLEMENTED},
      {ACOAP_EEXHAUSTED, ACOAP_CODE_INTERNAL_SERVER_ERROR, ACOAP_CODE_INTERNAL_SERVER_ERROR},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    ck_assert_msg(acoap__file_code(cases[i].status, false) == cases[i].reading, "reading %d",
                  cases[i].status);
    ck_assert_msg(acoap__file_code(cases[i].status, true) == cases[i].writing, "writing %d",
                  cases[i].status);
  }
}
END_TEST

START_TEST(only_a_missing_name_or_directory_is_absent) {
  ck_assert(acoap__file_is_absent(UV_ENOENT));
  ck_assert(acoap__file_is_absent(UV_ENOTDIR));
  ck_assert(!acoap__file_is_absent(UV_EACCES));
  ck_assert(!acoap__file_is_absent(0));
}
END_TEST

START_TEST(root_keeps_its_name_until_the_last_holder_goes) {
  char name[] = "/some/where";
  acoap__file_root_t *root = acoap__file_root_new(name);
  name[1] = 'x';
  ck_assert_ptr_eq(acoap__file_root_ref(root), root);
  acoap__file_root_unref(root);
  ck_assert_str_eq(acoap__file_root_name(root), "/some/where");
  acoap__file_root_lock(root);
  acoap__file_root_unlock(root);
  acoap__file_root_unref(root);
  acoap__file_root_unref(NULL);
}
END_TEST

START_TEST(etag_differs_with_every_fact) {
  const acoap__file_facts_t facts = {
      .size = 1, .modified_s = 2, .modified_ns = 3, .inode = 4, .device = 5};
  acoap__file_facts_t others[5] = {facts, facts, facts, facts, facts};
  uint8_t etag[ACOAP__FILE_ETAG];
  uint8_t other[ACOAP__FILE_ETAG];
  others[0].size++;
  others[1].modified_s++;
  others[2].modified_ns++;
  others[3].inode++;
  others[4].device++;
  acoap__file_etag_make(&facts, etag);
  for (size_t i = 0; i < 5; i++) {
    acoap__file_etag_make(&others[i], other);
    ck_assert_mem_ne(etag, other, sizeof(etag));
    ck_assert(!acoap__files_same(&facts, &others[i]));
  }
  acoap__file_etag_make(&facts, other);
  ck_assert_mem_eq(etag, other, sizeof(etag));
}
END_TEST

static Suite *file_root_suite(void) {
  Suite *suite = suite_create("endpoint/file_root");
  TCase *tcase = tcase_create("files");
  tcase_add_test(tcase, failures_become_response_codes);
  tcase_add_test(tcase, only_a_missing_name_or_directory_is_absent);
  tcase_add_test(tcase, root_keeps_its_name_until_the_last_holder_goes);
  tcase_add_test(tcase, etag_differs_with_every_fact);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(file_root_suite)
