/*
 * The set of responders: who counts as heard before, and its bound.
 * SPDX-License-Identifier: MIT
 */
#include "client/responders.h"

#include <stdio.h>
#include <string.h>

#include "check_main.h"

static acoap_address_t address_of(const char *text) {
  acoap_address_t address;
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &address), 0);
  return address;
}

static int add(acoap__responders_t *set, const char *text, const char *payload) {
  acoap_address_t address = address_of(text);
  acoap_bytes_t bytes = {(const uint8_t *)payload, strlen(payload)};
  return acoap__responders_add(set, &address, bytes);
}

START_TEST(responders_are_told_apart_by_address_port_and_zone) {
  /* whose answer, what it says, whether it is new: in order */
  static const struct {
    const char *address;
    const char *payload;
    int expected;
  } table[] = {
      {"192.0.2.1:5683", "a", 1},     {"192.0.2.1:5683", "a", 0},   {"192.0.2.1:5683", "b", 0},
      {"192.0.2.1:5684", "a", 1},     {"192.0.2.2:5683", "a", 1},   {"[2001:db8::1]:5683", "a", 1},
      {"[2001:db8::1]:5683", "x", 0}, {"[fe80::1%1]:5683", "a", 1}, {"[fe80::1%2]:5683", "a", 0},
      {"[fe80::1%2]:5683", "b", 1},   {"[fe80::1%3]:5683", "b", 0}, {"[fe80::1%1]:5684", "a", 1},
      {"[fe80::2%1]:5683", "a", 1},   {"[fe80::1%1]:5683", "c", 0},
  };
  acoap__responders_t set = {.most = 100};
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    int heard = add(&set, table[i].address, table[i].payload);
    ck_assert_msg(heard == table[i].expected, "row %u: %d", (unsigned)i, heard);
  }
  acoap__responders_done(&set);
}
END_TEST

START_TEST(set_grows_to_its_bound_and_forgets_nobody) {
  acoap__responders_t set = {.most = 1000};
  char text[32];
  for (unsigned round = 0; round < 2; round++) {
    for (unsigned i = 0; i < 1000; i++) {
      snprintf(text, sizeof(text), "10.0.%u.%u:5683", i / 250, i % 250 + 1);
      ck_assert_int_eq(add(&set, text, ""), round == 0 ? 1 : 0);
    }
    ck_assert_int_eq(add(&set, "10.9.9.9:5683", ""), ACOAP_EEXHAUSTED);
  }
  ck_assert_uint_eq(set.count, 1000);
  ck_assert_uint_le(set.count * 2, set.places + 1);
  acoap__responders_done(&set);
  ck_assert_ptr_null(set.table);
}
END_TEST

START_TEST(set_of_nobody_remembers_nobody) {
  acoap__responders_t set = {.most = 0};
  ck_assert_int_eq(add(&set, "192.0.2.1:5683", "a"), ACOAP_EEXHAUSTED);
  acoap__responders_done(&set);
}
END_TEST

static Suite *responders_suite(void) {
  Suite *suite = suite_create("client/responders");
  TCase *tcase = tcase_create("set");
  tcase_add_test(tcase, responders_are_told_apart_by_address_port_and_zone);
  tcase_add_test(tcase, set_grows_to_its_bound_and_forgets_nobody);
  tcase_add_test(tcase, set_of_nobody_remembers_nobody);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(responders_suite)
