/*
 * A copy of bytes in a buffer of its own.
 * SPDX-License-Identifier: MIT
 */
#include "transport/buffer_copy.h"

#include <string.h>

#include "base/buf.h"
#include "check_main.h"
#include "fail_alloc.h"

START_TEST(a_copy_has_the_bytes_and_does_not_follow_their_changes) {
  uint8_t bytes[] = {1, 2, 3};
  fail_alloc_install();
  acoap_buffer_t *copy = acoap__buffer_copy((acoap_bytes_t){bytes, sizeof(bytes)});
  memset(bytes, 9, sizeof(bytes));
  ck_assert_uint_eq(copy->len, 3);
  ck_assert_uint_eq(copy->cap, 3);
  ck_assert_mem_eq(copy->bytes, "\1\2\3", 3);
  acoap__buf_ref(copy);
  acoap__buf_unref(copy);
  ck_assert_uint_eq(fail_alloc_live(), 1);
  acoap__buf_unref(copy);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

START_TEST(no_bytes_make_an_empty_buffer) {
  fail_alloc_install();
  acoap_buffer_t *copy = acoap__buffer_copy((acoap_bytes_t){NULL, 0});
  ck_assert_ptr_nonnull(copy);
  ck_assert_uint_eq(copy->len, 0);
  acoap__buf_unref(copy);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

START_TEST(without_memory_there_is_no_copy) {
  fail_alloc_install();
  fail_alloc_at(1);
  ck_assert_ptr_null(acoap__buffer_copy((acoap_bytes_t){(const uint8_t *)"x", 1}));
  fail_alloc_restore();
}
END_TEST

static Suite *copy_suite(void) {
  Suite *suite = suite_create("transport/buffer_copy");
  TCase *copy = tcase_create("copy");
  tcase_add_test(copy, a_copy_has_the_bytes_and_does_not_follow_their_changes);
  tcase_add_test(copy, no_bytes_make_an_empty_buffer);
  tcase_add_test(copy, without_memory_there_is_no_copy);
  suite_add_tcase(suite, copy);
  return suite;
}

ACOAP_TEST_MAIN(copy_suite)
