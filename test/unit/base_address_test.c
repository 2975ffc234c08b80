/*
 * base/address and base/ip_text: text to address and back (RFC 4291 section 2.2, RFC 5952 section
 * 4).
 * SPDX-License-Identifier: MIT
 */
#include <acoap/address.h>
#include <acoap/error.h>

#include <arpa/inet.h>
#include <string.h>

#include "base/address.h"
#include "base/ip_text.h"
#include "base/random.h"
#include "support/check_main.h"

typedef struct example {
  const char *text;
  const char *written; /* NULL: malformed */
} example_t;

static const example_t examples[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"192.0.2.1:5683", "192.0.2.1:5683"},
    {"0.0.0.0:0", "0.0.0.0"},
    {"255.255.255.255:65535", "255.255.255.255:65535"},
    {"[::1]", "::1"},
    {"[fe80::1%3]:5683", "[fe80::1%3]:5683"},
    {"fe80::1%4294967295", "fe80::1%4294967295"},
    /* RFC 5952 section 1, 2 and 4 */
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
    {"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
    {"2001:db8::1:0:0:1", "2001:db8::1:0:0:1"},
    {"2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"},
    {"2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"},
    {"2001:db8:aaaa:bbbb:cccc:dddd:0:1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1"},
    {"2001:db8:aaaa:bbbb:cccc:dddd::1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1"},
    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
    {"0:0:0:0:0:0:0:0", "::"},
    {"::", "::"},
    {"1::", "1::"},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
    {"0:0:1::", "0:0:1::"},
    {"1:0:0:2:0:0:3:4", "1::2:0:0:3:4"},
    /* embedded IPv4 */
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"::ffff:c000:201", "::ffff:192.0.2.1"},
    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
    {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
    {"::1.2.3.4", "::102:304"},
    {"[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]:1"},
    /* malformed */
    {"", NULL},
    {"1.2.3", NULL},
    {"1.2.3.4.5", NULL},
    {"1.2.3.256", NULL},
    {"1.2.3.04", NULL},
    {"1.2.3.4 ", NULL},
    {"1.2.3.4:", NULL},
    {"1.2.3.4:65536", NULL},
    {"1.2.3.4:x", NULL},
    {"1..2.3", NULL},
    {".1.2.3", NULL},
    {"1.2.3.", NULL},
    {"1.2.3.1000", NULL},
    {":", NULL},
    {":::", NULL},
    {"1", NULL},
    {"1:2", NULL},
    {"1:2:3:4:5:6:7", NULL},
    {"1:2:3:4:5:6:7:8:9", NULL},
    {"1:2:3:4::5:6:7:8", NULL},
    {"1::2::3", NULL},
    {":1:2:3:4:5:6:7:8", NULL},
    {"1:2:3:4:5:6:7:", NULL},
    {"12345::", NULL},
    {"g::", NULL},
    {"1:2:3:4:5:6:7:1.2.3.4", NULL},
    {"1.2.3.4::", NULL},
    {"::1.2.3.4:5", NULL},
    {"::1.2.3", NULL},
    {"[::1", NULL},
    {"[::1]x", NULL},
    {"[::1]:", NULL},
    {"[::1]:65536", NULL},
    {"[1.2.3.4]", NULL},
    {"[]", NULL},
    {"::1%", NULL},
    {"::1%0", NULL},
    {"::1%eth0", NULL},
    {"::1%4294967296", NULL},
    {"fe80::1%3]:1", NULL},
    {"host", NULL},
};

START_TEST(text_to_address_and_back) {
  for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
    const example_t *e = &examples[i];
    acoap_address_t address;
    acoap_address_t untouched;
    char text[ACOAP_ADDRESS_TEXT_MAX];
    memset(&address, 0x5a, sizeof(address));
    memset(&untouched, 0x5a, sizeof(untouched));
    int result = acoap_address_parse(e->text, strlen(e->text), &address);
    if (e->written == NULL) {
      ck_assert_msg(result == ACOAP_EADDRESS, "\"%s\"", e->text);
      ck_assert_mem_eq(&address, &untouched, sizeof(address));
      continue;
    }
    ck_assert_msg(result == 0, "\"%s\"", e->text);
    int len = acoap_address_format(&address, text, sizeof(text));
    ck_assert_str_eq(text, e->written);
    ck_assert_int_eq(len, (int)strlen(e->written));
    ck_assert_int_eq(acoap_address_format(&address, text, (size_t)len), ACOAP_ENOSPACE);
    ck_assert_int_eq(acoap_address_format(&address, text, (size_t)len + 1), len);
  }
}
END_TEST

START_TEST(members_are_set_and_the_rest_is_zero) {
  acoap_address_t address;
  const acoap_address_t ipv4 = {ACOAP_FAMILY_IPV4, 0, 5683, 0, {192, 0, 2, 1}};
  const acoap_address_t ipv6 = {ACOAP_FAMILY_IPV6, 0, 7, 3, {0xfe, 0x80, [15] = 1}};
  memset(&address, 0x5a, sizeof(address));
  ck_assert_int_eq(acoap_address_parse("192.0.2.1:5683", 14, &address), 0);
  ck_assert_mem_eq(&address, &ipv4, sizeof(ipv4));
  ck_assert_int_eq(acoap_address_parse("[fe80::1%3]:7", 13, &address), 0);
  ck_assert_mem_eq(&address, &ipv6, sizeof(ipv6));
}
END_TEST

/* Random addresses, many of them with runs of zeros, against the system's own functions. */
START_TEST(agrees_with_inet_ntop_and_inet_pton) {
  acoap__seeded_t seed = {4};
  acoap__random_t random;
  acoap__random_init(&random, acoap__seeded_fill, &seed);
  for (int i = 0; i < 20000; i++) {
    uint8_t ip[16];
    uint8_t parsed[16];
    char text[64];
    char expected[64];
    acoap__text_t out;
    acoap__random_bytes(&random, ip, sizeof(ip));
    uint32_t zeros = acoap__random_u32(&random);
    for (size_t g = 1; g < 8; g++) { /* the first group stays, so that nothing is IPv4-compatible */
      if ((zeros >> g & 1) != 0) {
        memset(ip + 2 * g, 0, 2);
      } else if ((zeros >> (g + 8) & 1) != 0) {
        ip[2 * g] = 0;
      }
    }
    ip[0] |= 1;
    inet_ntop(AF_INET6, ip, expected, sizeof(expected));
    acoap__text_init(&out, text, sizeof(text));
    acoap__ipv6_put(&out, ip);
    ck_assert_str_eq(text, expected);
    ck_assert(acoap__ipv6_parse(text, strlen(text), parsed));
    ck_assert_mem_eq(parsed, ip, sizeof(ip));
  }
}
END_TEST

/* Every short text over the characters of an address is taken by both or by neither. */
START_TEST(takes_what_inet_pton_takes) {
  static const char alphabet[] = "1:.f";
  char text[10];
  for (size_t len = 1; len < sizeof(text); len++) {
    size_t count = (size_t)1 << (2 * len);
    for (size_t n = 0; n < count; n++) {
      uint8_t ours[16] = {0};
      uint8_t theirs[16] = {0};
      for (size_t i = 0; i < len; i++) {
        text[i] = alphabet[n >> (2 * i) & 3];
      }
      text[len] = '\0';
      bool good = inet_pton(AF_INET6, text, theirs) == 1;
      /* ck_assert costs too much for each of 350,000. */
      if (acoap__ipv6_parse(text, len, ours) != good || memcmp(ours, theirs, sizeof(ours)) != 0) {
        ck_abort_msg("\"%s\"", text);
      }
    }
  }
}
END_TEST

START_TEST(predicates) {
  static const struct {
    const char *text;
    bool multicast;
    bool loopback;
    bool any;
  } cases[] = {
      {"224.0.1.187", true, false, false},
      {"239.255.255.255", true, false, false},
      {"223.255.255.255", false, false, false},
      {"240.0.0.1", false, false, false},
      {"ff02::fd", true, false, false},
      {"fe80::1", false, false, false},
      {"127.0.0.1", false, true, false},
      {"127.9.9.9", false, true, false},
      {"128.0.0.1", false, false, false},
      {"::1", false, true, false},
      {"::2", false, false, false},
      {"1::1", false, false, false},
      {"0.0.0.0", false, false, true},
      {"[::]:5683", false, false, true},
      {"0.0.0.1", false, false, false},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_address_t address;
    ck_assert_int_eq(acoap_address_parse(cases[i].text, strlen(cases[i].text), &address), 0);
    ck_assert_int_eq(acoap_address_is_multicast(&address), cases[i].multicast);
    ck_assert_int_eq(acoap_address_is_loopback(&address), cases[i].loopback);
    ck_assert_int_eq(acoap_address_is_any(&address), cases[i].any);
  }
}
END_TEST

/* In both ways to ask. */
static void assert_equal(const acoap_address_t *a, const acoap_address_t *b, bool equal) {
  ck_assert_int_eq(acoap_address_equal(a, b), equal);
  ck_assert_int_eq(acoap__address_same(a, b), equal);
}

START_TEST(equality_looks_at_everything) {
  const acoap_address_t a = {ACOAP_FAMILY_IPV6, 0, 1, 2, {[15] = 1}};
  acoap_address_t b = a;
  assert_equal(&a, &b, true);
  b.port = 2;
  assert_equal(&a, &b, false);
  b = a;
  b.scope_id = 0;
  assert_equal(&a, &b, false);
  b = a;
  b.ip[15] = 0;
  assert_equal(&a, &b, false);
  b = a;
  b.family = ACOAP_FAMILY_OTHER;
  assert_equal(&a, &b, false);
  ck_assert(!acoap_address_equal(&a, NULL));
  ck_assert(!acoap_address_equal(NULL, NULL));
}
END_TEST

START_TEST(other_families_have_a_text_too) {
  acoap_address_t address = {0};
  char text[ACOAP_ADDRESS_TEXT_MAX];
  ck_assert_int_eq(acoap_address_format(&address, text, sizeof(text)), 3);
  ck_assert_str_eq(text, "any");
  ck_assert(acoap_address_is_any(&address));
  address.family = ACOAP_FAMILY_OTHER;
  address.port = 65535;
  ck_assert(!acoap_address_is_any(&address));
  ck_assert(!acoap_address_is_loopback(&address));
  ck_assert_int_eq(acoap_address_format(&address, text, sizeof(text)), 38);
  ck_assert_str_eq(text, "00000000000000000000000000000000:65535");
}
END_TEST

START_TEST(the_longest_text_fits) {
  char text[ACOAP_ADDRESS_TEXT_MAX];
  acoap_address_t address = {ACOAP_FAMILY_IPV6, 0, 65535, UINT32_MAX, {0}};
  memset(address.ip, 0xff, sizeof(address.ip));
  ck_assert_int_gt(acoap_address_format(&address, text, sizeof(text)), 0);
}
END_TEST

START_TEST(misuse_is_invalid) {
  acoap_address_t address = {0};
  char text[8];
  ck_assert_int_eq(acoap_address_parse(NULL, 0, &address), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_address_parse("::", 2, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_address_format(NULL, text, sizeof(text)), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_address_format(&address, NULL, 8), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_address_format(&address, NULL, 0), ACOAP_ENOSPACE);
  ck_assert(acoap_address_is_any(NULL));
  ck_assert(!acoap_address_is_multicast(NULL));
  ck_assert(!acoap_address_is_loopback(NULL));
}
END_TEST

static Suite *base_address_suite(void) {
  Suite *suite = suite_create("base_address");
  TCase *text = tcase_create("text");
  tcase_add_test(text, text_to_address_and_back);
  tcase_add_test(text, members_are_set_and_the_rest_is_zero);
  tcase_add_test(text, agrees_with_inet_ntop_and_inet_pton);
  tcase_add_test(text, takes_what_inet_pton_takes);
  tcase_add_test(text, other_families_have_a_text_too);
  tcase_add_test(text, the_longest_text_fits);
  tcase_add_test(text, misuse_is_invalid);
  suite_add_tcase(suite, text);
  TCase *value = tcase_create("value");
  tcase_add_test(value, predicates);
  tcase_add_test(value, equality_looks_at_everything);
  suite_add_tcase(suite, value);
  return suite;
}

ACOAP_TEST_MAIN(base_address_suite)
