/*
 * Addresses to and from the system's form: both families, ports, zones, and IPv4 that never shows
 * as IPv6.
 * SPDX-License-Identifier: MIT
 */
#include "transport/sockaddr.h"

#include <string.h>

#include "check_main.h"

static acoap_address_t address(const char *text) {
  acoap_address_t out;
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &out), 0);
  return out;
}

static const char *const samples[] = {"192.0.2.1:5683",     "0.0.0.0", "224.0.1.187:5683",
                                      "[2001:db8::1]:5683", "::1",     "[fe80::1%3]:1"};

START_TEST(what_is_written_reads_the_same) {
  acoap_address_t in = address(samples[_i]), out;
  struct sockaddr_storage storage;
  socklen_t len = acoap__sockaddr_write(&in, false, &storage);
  bool four = in.family == ACOAP_FAMILY_IPV4;
  ck_assert_uint_eq(len, four ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
  ck_assert_int_eq(storage.ss_family, four ? AF_INET : AF_INET6);
  ck_assert(acoap__sockaddr_read((const struct sockaddr *)&storage, &out));
  ck_assert_mem_eq(&in, &out, sizeof(in));
  /* On a socket of both families, too. */
  len = acoap__sockaddr_write(&in, true, &storage);
  ck_assert_uint_eq(len, sizeof(struct sockaddr_in6));
  ck_assert(acoap__sockaddr_read((const struct sockaddr *)&storage, &out));
  ck_assert_mem_eq(&in, &out, sizeof(in));
}
END_TEST

START_TEST(other_families_are_not_read_nor_written) {
  acoap_address_t before = address("192.0.2.1"), out = before;
  struct sockaddr_storage storage = {.ss_family = AF_UNIX};
  ck_assert(!acoap__sockaddr_read((const struct sockaddr *)&storage, &out));
  ck_assert_mem_eq(&before, &out, sizeof(out));
  out.family = ACOAP_FAMILY_OTHER;
  ck_assert_uint_eq(acoap__sockaddr_write(&out, false, &storage), 0);
  out.family = ACOAP_FAMILY_NONE;
  ck_assert_uint_eq(acoap__sockaddr_write(&out, true, &storage), 0);
}
END_TEST

START_TEST(link_local_is_what_needs_an_interface) {
  static const struct {
    const char *text;
    bool link_local;
  } table[] = {{"fe80::1", true},   {"febf::1", true},      {"fec0::1", false},
               {"ff02::fd", true},  {"ff12::fd", true},     {"ff01::1", true},
               {"ff05::fd", false}, {"ff0e::fd", false},    {"2001:db8::1", false},
               {"::1", false},      {"169.254.0.1", false}, {"224.0.0.1", false}};
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    acoap_address_t each = address(table[i].text);
    ck_assert_msg(acoap__address_is_link_local(&each) == table[i].link_local, "%s", table[i].text);
  }
}
END_TEST

static Suite *sockaddr_suite(void) {
  Suite *suite = suite_create("transport/sockaddr");
  TCase *forms = tcase_create("forms");
  tcase_add_loop_test(forms, what_is_written_reads_the_same, 0,
                      (int)(sizeof(samples) / sizeof(samples[0])));
  tcase_add_test(forms, other_families_are_not_read_nor_written);
  tcase_add_test(forms, link_local_is_what_needs_an_interface);
  suite_add_tcase(suite, forms);
  return suite;
}

ACOAP_TEST_MAIN(sockaddr_suite)
