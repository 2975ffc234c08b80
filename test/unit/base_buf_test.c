/*
 * base/buf: a buffer is given back exactly once, by whoever holds it last.
 * SPDX-License-Identifier: MIT
 */
#include "base/buf.h"

#include "support/check_main.h"

static int released;

static void release(acoap_buffer_t *buffer) {
  (void)buffer;
  released++;
}

START_TEST(the_last_reference_gives_it_back) {
  acoap_buffer_t buffer = {.refs = 1, .release = release};
  released = 0;
  ck_assert_ptr_eq(acoap__buf_ref(&buffer), &buffer);
  ck_assert_ptr_eq(acoap__buf_ref(&buffer), &buffer);
  acoap__buf_unref(&buffer);
  acoap__buf_unref(&buffer);
  ck_assert_int_eq(released, 0);
  acoap__buf_unref(&buffer);
  ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(no_buffer_is_fine) {
  released = 0;
  ck_assert_ptr_null(acoap__buf_ref(NULL));
  acoap__buf_unref(NULL);
  ck_assert_int_eq(released, 0);
}
END_TEST

static Suite *base_buf_suite(void) {
  Suite *suite = suite_create("base_buf");
  TCase *buf = tcase_create("buf");
  tcase_add_test(buf, the_last_reference_gives_it_back);
  tcase_add_test(buf, no_buffer_is_fine);
  suite_add_tcase(suite, buf);
  return suite;
}

ACOAP_TEST_MAIN(base_buf_suite)
