/*
 * server/echo: values of the Echo option (RFC 9175 section 2, appendix A).
 * SPDX-License-Identifier: MIT
 */
#include "server/protection.h"

#include <string.h>

#include "support/check_main.h"

static const uint8_t key[16] = {9, 8, 7};
static const uint8_t other_key[16] = {9, 8, 6};

static acoap_address_t address_of(const char *text) {
  acoap_address_t address;
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &address), 0);
  return address;
}

static const acoap_time_t made_at[] = {
    0, 1, 1000, UINT32_MAX - 1, UINT32_MAX, (acoap_time_t)UINT32_MAX + 1, INT64_C(1) << 40,
};
static const uint32_t ages[] = {0, 1, 30000, 0x7fffffff, UINT32_MAX};

START_TEST(a_value_tells_its_age) {
  acoap_address_t address = address_of("192.0.2.1:40000");
  uint8_t value[ACOAP__ECHO_LEN];
  acoap__echo_make(key, &address, made_at[_i], value);
  for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
    ck_assert_int_eq(acoap__echo_age_ms(key, &address, made_at[_i] + ages[i],
                                        (acoap_bytes_t){value, sizeof(value)}),
                     ages[i]);
  }
}
END_TEST

START_TEST(what_is_too_old_to_be_told_is_not_ours) {
  acoap_address_t address = address_of("192.0.2.1:40000");
  uint8_t value[ACOAP__ECHO_LEN];
  acoap__echo_make(key, &address, 5, value);
  acoap_time_t later = 5 + INT64_C(0x100000000);
  ck_assert_int_eq(acoap__echo_age_ms(key, &address, later, (acoap_bytes_t){value, sizeof(value)}),
                   -1);
}
END_TEST

START_TEST(a_value_is_of_one_address_at_any_port) {
  acoap_address_t address = address_of("[2001:db8::1]:40000");
  acoap_address_t translated = address_of("[2001:db8::1]:1");
  acoap_address_t neighbour = address_of("[2001:db8::2]:40000");
  uint8_t value[ACOAP__ECHO_LEN];
  acoap__echo_make(key, &address, 5000, value);
  acoap_bytes_t bytes = {value, sizeof(value)};
  ck_assert_int_eq(acoap__echo_age_ms(key, &translated, 5001, bytes), 1);
  ck_assert_int_eq(acoap__echo_age_ms(key, &neighbour, 5001, bytes), -1);
  ck_assert_int_eq(acoap__echo_age_ms(other_key, &address, 5001, bytes), -1);
}
END_TEST

START_TEST(every_bit_counts) {
  acoap_address_t address = address_of("192.0.2.1:40000");
  uint8_t value[ACOAP__ECHO_LEN];
  acoap__echo_make(key, &address, 5000, value);
  for (size_t bit = 0; bit < sizeof(value) * 8; bit++) {
    value[bit / 8] ^= (uint8_t)(1u << bit % 8);
    ck_assert_int_eq(acoap__echo_age_ms(key, &address, 5000, (acoap_bytes_t){value, sizeof(value)}),
                     -1);
    value[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
}
END_TEST

START_TEST(other_lengths_are_not_ours) {
  acoap_address_t address = address_of("192.0.2.1:40000");
  uint8_t value[64];
  memset(value, 0, sizeof(value));
  acoap__echo_make(key, &address, 5000, value);
  for (size_t len = 0; len <= 41; len++) {
    int64_t age = acoap__echo_age_ms(key, &address, 5000, (acoap_bytes_t){value, len});
    ck_assert_int_eq(age, len == ACOAP__ECHO_LEN ? 0 : -1);
  }
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("server/echo");
  TCase *tcase = tcase_create("values");
  tcase_add_loop_test(tcase, a_value_tells_its_age, 0, sizeof(made_at) / sizeof(made_at[0]));
  tcase_add_test(tcase, what_is_too_old_to_be_told_is_not_ours);
  tcase_add_test(tcase, a_value_is_of_one_address_at_any_port);
  tcase_add_test(tcase, every_bit_counts);
  tcase_add_test(tcase, other_lengths_are_not_ours);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
