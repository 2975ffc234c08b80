/*
 * The pool of receive buffers: buffers come back, its bound holds, buffers outlive it.
 * SPDX-License-Identifier: MIT
 */
#include "transport/buffer_pool.h"

#include <string.h>

#include "base/buf.h"
#include "check_main.h"
#include "fail_alloc.h"

START_TEST(a_buffer_that_came_back_is_lent_again) {
  fail_alloc_install();
  acoap__buffer_pool_t *pool = acoap__buffer_pool_new(100, 2);
  acoap_buffer_t *first = acoap__buffer_pool_take(pool);
  ck_assert_uint_eq(first->cap, 100);
  ck_assert_uint_eq(first->len, 0);
  ck_assert_uint_eq(first->refs, 1);
  memset(first->bytes, 1, first->cap);
  acoap__buf_ref(first);
  acoap__buf_unref(first);
  ck_assert_uint_eq(first->refs, 1);
  acoap__buf_unref(first);
  fail_alloc_at(0);
  acoap_buffer_t *second = acoap__buffer_pool_take(pool);
  ck_assert_ptr_eq(second, first);
  ck_assert_uint_eq(fail_alloc_count(), 0);
  acoap__buf_unref(second);
  acoap__buffer_pool_close(pool);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

START_TEST(no_more_than_the_bound_waits_unused) {
  acoap_buffer_t *held[5];
  fail_alloc_install();
  acoap__buffer_pool_t *pool = acoap__buffer_pool_new(10, 2);
  size_t before = fail_alloc_live();
  for (size_t i = 0; i < 5; i++) {
    held[i] = acoap__buffer_pool_take(pool);
  }
  ck_assert_uint_eq(fail_alloc_live(), before + 5);
  for (size_t i = 0; i < 5; i++) {
    acoap__buf_unref(held[i]);
  }
  ck_assert_uint_eq(fail_alloc_live(), before + 2);
  acoap__buffer_pool_close(pool);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

START_TEST(held_buffers_outlive_their_pool) {
  fail_alloc_install();
  acoap__buffer_pool_t *pool = acoap__buffer_pool_new(4, 2);
  acoap_buffer_t *a = acoap__buffer_pool_take(pool);
  acoap_buffer_t *b = acoap__buffer_pool_take(pool);
  memcpy(a->bytes, "kept", 4);
  acoap__buffer_pool_close(pool);
  acoap__buf_unref(b);
  ck_assert_mem_eq(a->bytes, "kept", 4);
  ck_assert_uint_gt(fail_alloc_live(), 0);
  acoap__buf_unref(a);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  acoap__buffer_pool_close(NULL);
  fail_alloc_restore();
}
END_TEST

START_TEST(no_memory_is_null) {
  fail_alloc_install();
  fail_alloc_at(1);
  ck_assert_ptr_null(acoap__buffer_pool_new(10, 1));
  acoap__buffer_pool_t *pool = acoap__buffer_pool_new(10, 1);
  fail_alloc_at(1);
  ck_assert_ptr_null(acoap__buffer_pool_take(pool));
  acoap_buffer_t *after = acoap__buffer_pool_take(pool);
  ck_assert_ptr_nonnull(after);
  acoap__buf_unref(after);
  acoap__buffer_pool_close(pool);
  ck_assert_ptr_null(acoap__buffer_pool_new(SIZE_MAX, 1));
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

static Suite *pool_suite(void) {
  Suite *suite = suite_create("transport/buffer_pool");
  TCase *pool = tcase_create("pool");
  tcase_add_test(pool, a_buffer_that_came_back_is_lent_again);
  tcase_add_test(pool, no_more_than_the_bound_waits_unused);
  tcase_add_test(pool, held_buffers_outlive_their_pool);
  tcase_add_test(pool, no_memory_is_null);
  suite_add_tcase(suite, pool);
  return suite;
}

ACOAP_TEST_MAIN(pool_suite)
