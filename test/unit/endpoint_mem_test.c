/*
 * The allocator hook: what is installed is called, nonsense is refused, overflow is no memory.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/alloc.h>

#include <stdlib.h>

#include "base/mem.h"
#include "check_main.h"

typedef struct tally {
  int mallocs;
  int reallocs;
  int frees;
} tally_t;

static void *tally_malloc(size_t size, void *user_data) {
  ((tally_t *)user_data)->mallocs++;
  return malloc(size);
}

static void *tally_realloc(void *p, size_t size, void *user_data) {
  ((tally_t *)user_data)->reallocs++;
  return realloc(p, size);
}

static void tally_free(void *p, void *user_data) {
  ((tally_t *)user_data)->frees++;
  free(p);
}

static void *no_memory(size_t size, void *user_data) {
  (void)size;
  (void)user_data;
  return NULL;
}

START_TEST(installed_allocator_is_called_and_null_restores_the_system) {
  tally_t tally = {0, 0, 0};
  acoap_allocator_t mine = {sizeof(mine), tally_malloc, tally_realloc, tally_free, &tally};
  ck_assert_int_eq(acoap_set_allocator(&mine), 0);
  uint8_t *p = acoap__calloc(3, 5);
  ck_assert_ptr_nonnull(p);
  for (size_t i = 0; i < 15; i++) {
    ck_assert_uint_eq(p[i], 0);
  }
  p = acoap__realloc(p, 100);
  ck_assert_ptr_nonnull(p);
  acoap__free(p);
  acoap__free(NULL);
  ck_assert_int_eq(tally.mallocs, 1);
  ck_assert_int_eq(tally.reallocs, 1);
  ck_assert_int_eq(tally.frees, 2);
  ck_assert_int_eq(acoap_set_allocator(NULL), 0);
  acoap__free(acoap__malloc(1));
  ck_assert_int_eq(tally.mallocs, 1);
  ck_assert_int_eq(tally.frees, 2);
}
END_TEST

START_TEST(incomplete_allocators_are_refused_and_change_nothing) {
  tally_t tally = {0, 0, 0};
  const acoap_allocator_t whole = {sizeof(whole), tally_malloc, tally_realloc, tally_free, &tally};
  acoap_allocator_t bad[4] = {whole, whole, whole, whole};
  bad[0].size = sizeof(whole) - 1;
  bad[1].malloc = NULL;
  bad[2].realloc = NULL;
  bad[3].free = NULL;
  for (size_t i = 0; i < 4; i++) {
    ck_assert_int_eq(acoap_set_allocator(&bad[i]), ACOAP_EINVAL);
  }
  acoap__free(acoap__malloc(1));
  ck_assert_int_eq(tally.mallocs, 0);
}
END_TEST

START_TEST(overflow_and_exhaustion_are_null) {
  ck_assert_ptr_null(acoap__calloc(SIZE_MAX / 2, 3));
  acoap_allocator_t none = {sizeof(none), no_memory, tally_realloc, tally_free, NULL};
  ck_assert_int_eq(acoap_set_allocator(&none), 0);
  ck_assert_ptr_null(acoap__malloc(1));
  ck_assert_ptr_null(acoap__calloc(1, 1));
  ck_assert_int_eq(acoap_set_allocator(NULL), 0);
}
END_TEST

START_TEST(zero_bytes_are_a_valid_allocation) {
  void *p = acoap__malloc(0);
  ck_assert_ptr_nonnull(p);
  p = acoap__realloc(p, 0);
  ck_assert_ptr_nonnull(p);
  acoap__free(p);
}
END_TEST

static Suite *mem_suite(void) {
  Suite *suite = suite_create("endpoint/mem");
  TCase *hook = tcase_create("hook");
  tcase_add_test(hook, installed_allocator_is_called_and_null_restores_the_system);
  tcase_add_test(hook, incomplete_allocators_are_refused_and_change_nothing);
  tcase_add_test(hook, overflow_and_exhaustion_are_null);
  tcase_add_test(hook, zero_bytes_are_a_valid_allocation);
  suite_add_tcase(suite, hook);
  return suite;
}

ACOAP_TEST_MAIN(mem_suite)
