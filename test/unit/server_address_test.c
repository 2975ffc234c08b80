/*
 * server/address: what is remembered of addresses, in a table of fixed size.
 * SPDX-License-Identifier: MIT
 */
#include "server/address.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "support/check_main.h"

static const uint8_t hash_key[16] = {1, 2, 3};

static acoap_address_t address_of(const char *text) {
  acoap_address_t address;
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &address), 0);
  return address;
}

/* 192.0.2.n, each port another. */
static acoap_address_t nth(unsigned n) {
  char text[32];
  snprintf(text, sizeof(text), "192.0.%u.%u:%u", n / 250, n % 250 + 1, n % 60000 + 1);
  return address_of(text);
}

static acoap__address_t *use(acoap__addresses_t *table, const acoap_address_t *address) {
  acoap_address_t key = acoap__address_whole(address);
  return acoap__addresses_use(table, &key);
}

static bool knows(const acoap__addresses_t *table, const acoap_address_t *address) {
  acoap_address_t key = acoap__address_whole(address);
  return acoap__addresses_find(table, &key) != NULL;
}

START_TEST(an_address_is_found_whatever_its_port) {
  acoap__addresses_t *table = acoap__addresses_new(4, hash_key);
  acoap_address_t one = address_of("192.0.2.1:5683");
  acoap_address_t other_port = address_of("192.0.2.1:40000");
  acoap_address_t other = address_of("192.0.2.2:5683");
  acoap__address_t *entry = use(table, &one);
  ck_assert_ptr_eq(use(table, &other_port), entry);
  ck_assert_ptr_ne(use(table, &other), entry);
  ck_assert_uint_eq(table->used, 2);
  ck_assert_uint_eq(table->evicted, 0);
  acoap__free(table);
}
END_TEST

static const struct {
  const char *a, *b;
  bool same; /* network */
} networks[] = {
    {"[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:2", true},
    {"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false},
    {"[fe80::1]:1", "[fe80::2]:1", false},
    {"[fe80::1]:1", "[fe80::1]:2", true},
    {"192.0.2.1:1", "192.0.2.1:2", true},
    {"192.0.2.1:1", "192.0.2.2:1", false},
    {"[::1]:1", "[::2]:1", false},
};

START_TEST(an_ipv6_host_counts_with_its_network) {
  acoap_address_t a = address_of(networks[_i].a);
  acoap_address_t b = address_of(networks[_i].b);
  acoap_address_t network_a = acoap__address_network(&a);
  acoap_address_t network_b = acoap__address_network(&b);
  ck_assert_int_eq(memcmp(&network_a, &network_b, sizeof(network_a)) == 0, networks[_i].same);
}
END_TEST

START_TEST(a_network_is_none_of_its_addresses) {
  acoap_address_t address = address_of("[2001:db8:1:2::]:1");
  acoap_address_t network = acoap__address_network(&address);
  acoap_address_t whole = acoap__address_whole(&address);
  ck_assert_int_ne(memcmp(&network, &whole, sizeof(network)), 0);
}
END_TEST

START_TEST(standing_is_of_one_address_and_ends) {
  acoap__addresses_t *table = acoap__addresses_new(4, hash_key);
  acoap_address_t one = address_of("[2001:db8::1]:1");
  acoap_address_t neighbour = address_of("[2001:db8::2]:1");
  ck_assert(!acoap__addresses_is_verified(table, 0, &one));
  ck_assert_uint_eq(table->used, 0); /* asking makes no entry */
  ck_assert(acoap__addresses_verify(table, 1000, &one));
  ck_assert(!acoap__addresses_verify(table, 2000, &one));
  ck_assert(acoap__addresses_is_verified(table, 2000 + ACOAP__STANDING_MS - 1, &one));
  ck_assert(!acoap__addresses_is_verified(table, 2000, &neighbour));
  ck_assert(!acoap__addresses_is_verified(table, 2000 + ACOAP__STANDING_MS, &one));
  ck_assert_uint_eq(table->verified_used, 0);
  ck_assert(acoap__addresses_verify(table, 3000 + ACOAP__STANDING_MS, &one));
  acoap__free(table);
}
END_TEST

START_TEST(the_stranger_used_longest_ago_goes_first) {
  acoap__addresses_t *table = acoap__addresses_new(4, hash_key);
  acoap_address_t addresses[6];
  for (unsigned i = 0; i < 6; i++) {
    addresses[i] = nth(i);
  }
  (void)acoap__addresses_verify(table, 0, &addresses[0]);
  for (unsigned i = 1; i < 4; i++) {
    (void)use(table, &addresses[i]);
  }
  (void)use(table, &addresses[1]);
  (void)use(table, &addresses[4]);
  ck_assert(!knows(table, &addresses[2]));
  ck_assert(knows(table, &addresses[0]) && knows(table, &addresses[1]));
  (void)use(table, &addresses[5]);
  ck_assert(!knows(table, &addresses[3]));
  ck_assert(knows(table, &addresses[0]));
  ck_assert_uint_eq(table->used, 4);
  ck_assert_uint_eq(table->evicted, 2);
  acoap__free(table);
}
END_TEST

START_TEST(strangers_do_not_push_out_who_was_verified) {
  acoap__addresses_t *table = acoap__addresses_new(64, hash_key);
  acoap_address_t honest = address_of("198.51.100.7:5683");
  (void)acoap__addresses_verify(table, 0, &honest);
  for (unsigned i = 0; i < 10000; i++) {
    acoap_address_t stranger = nth(i);
    (void)use(table, &stranger);
  }
  ck_assert(acoap__addresses_is_verified(table, 1, &honest));
  ck_assert_uint_eq(table->used, 64);
  ck_assert_uint_eq(table->evicted, 10000 - 63);
  acoap__free(table);
}
END_TEST

START_TEST(verified_ones_leave_room_for_strangers) {
  acoap__addresses_t *table = acoap__addresses_new(64, hash_key);
  for (unsigned i = 0; i < 1000; i++) {
    acoap_address_t address = nth(i);
    (void)acoap__addresses_verify(table, 0, &address);
    ck_assert_uint_le(table->verified_used, 48);
  }
  ck_assert_uint_eq(table->verified_used, 48);
  acoap_address_t last = nth(999);
  ck_assert(acoap__addresses_is_verified(table, 1, &last));
  acoap__free(table);
}
END_TEST

START_TEST(a_table_of_one_works) {
  acoap__addresses_t *table = acoap__addresses_new(1, hash_key);
  for (unsigned i = 0; i < 10; i++) {
    acoap_address_t address = nth(i);
    (void)acoap__addresses_verify(table, 0, &address);
    ck_assert(acoap__addresses_is_verified(table, 1, &address));
    acoap_address_t stranger = nth(i + 100);
    (void)use(table, &stranger);
    ck_assert_uint_eq(table->used, 1);
  }
  acoap__free(table);
}
END_TEST

START_TEST(the_memory_is_what_the_formula_says) {
  static const uint32_t most[] = {1, 16, 17, 4096};
  static const size_t buckets[] = {16, 16, 32, 4096};
  for (size_t i = 0; i < 4; i++) {
    ck_assert_uint_eq(acoap__addresses_memory(most[i]), sizeof(acoap__addresses_t) +
                                                            most[i] * sizeof(acoap__address_t) +
                                                            buckets[i] * sizeof(void *));
  }
}
END_TEST

START_TEST(a_table_beyond_all_sizes_is_not_made) {
  ck_assert_ptr_null(acoap__addresses_new(0, hash_key));
  ck_assert_ptr_null(acoap__addresses_new(ACOAP__ADDRESSES_MOST + 1, hash_key));
  ck_assert_ptr_null(acoap__addresses_new(UINT32_MAX, hash_key));
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("server/address");
  TCase *tcase = tcase_create("table");
  tcase_add_test(tcase, an_address_is_found_whatever_its_port);
  tcase_add_loop_test(tcase, an_ipv6_host_counts_with_its_network, 0,
                      sizeof(networks) / sizeof(networks[0]));
  tcase_add_test(tcase, a_network_is_none_of_its_addresses);
  tcase_add_test(tcase, standing_is_of_one_address_and_ends);
  tcase_add_test(tcase, the_stranger_used_longest_ago_goes_first);
  tcase_add_test(tcase, strangers_do_not_push_out_who_was_verified);
  tcase_add_test(tcase, verified_ones_leave_room_for_strangers);
  tcase_add_test(tcase, a_table_of_one_works);
  tcase_add_test(tcase, a_table_beyond_all_sizes_is_not_made);
  tcase_add_test(tcase, the_memory_is_what_the_formula_says);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
