/*
 * message/uri_compose: RFC 7252 section 6.5, the examples of Appendix B, and Location-* of
 * section 5.10.7.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/uri.h>

#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"

typedef struct option {
  uint16_t number;
  const char *value; /* bytes */
  size_t len;
} option_t;

#define TEXT(number, text)                                                                         \
  { number, text, sizeof(text) - 1 }

enum { HOST = 3, PORT = 7, LPATH = 8, PATH = 11, QUERY = 15, LQUERY = 20, OPTIONS = 8 };

typedef struct example {
  option_t options[OPTIONS];
  acoap_scheme_t scheme;
  const char *local; /* NULL: a relative reference is wanted */
  const char *uri;   /* NULL: refused */
} example_t;

static const char here[] = "[2001:db8::2:1]:5683";

static const example_t examples[] = {
    /* Appendix B */
    {{{0}}, ACOAP_SCHEME_COAP, here, "coap://[2001:db8::2:1]/"},
    {{TEXT(HOST, "example.net")}, ACOAP_SCHEME_COAP, here, "coap://example.net/"},
    {{TEXT(HOST, "example.net"), TEXT(PATH, ".well-known"), TEXT(PATH, "core")},
     ACOAP_SCHEME_COAP,
     here,
     "coap://example.net/.well-known/core"},
    {{TEXT(HOST, "xn--18j4d.example"),
      TEXT(PATH, "\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf")},
     ACOAP_SCHEME_COAP,
     here,
     "coap://xn--18j4d.example/%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1%E3%81%AF"},
    {{TEXT(PATH, ""), TEXT(PATH, "/"), TEXT(PATH, ""), TEXT(PATH, ""), TEXT(QUERY, "//"),
      TEXT(QUERY, "?&")},
     ACOAP_SCHEME_COAP,
     "198.51.100.1:61616",
     "coap://198.51.100.1:61616//%2F//?//&?%26"},
    /* host */
    {{TEXT(HOST, "k\xc3\xbc"
                 "che")},
     ACOAP_SCHEME_COAP,
     here,
     "coap://k%C3%BCche/"},
    {{TEXT(HOST, "[2001:db8::9]")}, ACOAP_SCHEME_COAP, here, "coap://[2001:db8::9]/"},
    {{TEXT(HOST, "2001:db8::9")}, ACOAP_SCHEME_COAP, here, "coap://[2001:db8::9]/"},
    {{TEXT(HOST, "192.0.2.7")}, ACOAP_SCHEME_COAP, here, "coap://192.0.2.7/"},
    {{TEXT(HOST, "a b")}, ACOAP_SCHEME_COAP, here, NULL},
    {{TEXT(HOST, "a/b")}, ACOAP_SCHEME_COAP, here, NULL},
    {{TEXT(HOST, "a:1")}, ACOAP_SCHEME_COAP, here, NULL},
    {{TEXT(HOST, "a@b")}, ACOAP_SCHEME_COAP, here, NULL},
    {{TEXT(HOST, "a%41")}, ACOAP_SCHEME_COAP, here, NULL}, /* it would be decoded once more */
    {{TEXT(HOST, "")}, ACOAP_SCHEME_COAP, here, NULL},
    {{TEXT(HOST, "\xff")}, ACOAP_SCHEME_COAP, here, NULL},
    {{TEXT(HOST, "[::1")}, ACOAP_SCHEME_COAP, here, NULL},
    {{TEXT(HOST, "[h]")}, ACOAP_SCHEME_COAP, here, NULL},
    {{TEXT(HOST, "[fe80::1%3]")}, ACOAP_SCHEME_COAP, here, NULL},
    /* the destination's zone stays at home */
    {{{0}}, ACOAP_SCHEME_COAP, "[fe80::1%3]:5683", "coap://[fe80::1]/"},
    /* port */
    {{{0}}, ACOAP_SCHEME_COAPS, "192.0.2.1:5684", "coaps://192.0.2.1/"},
    {{{0}}, ACOAP_SCHEME_COAPS, "192.0.2.1:5683", "coaps://192.0.2.1:5683/"},
    {{{0}}, ACOAP_SCHEME_COAP_WS, "192.0.2.1", "coap+ws://192.0.2.1/"},
    {{TEXT(PORT, "\x16\x33")}, ACOAP_SCHEME_COAP, "192.0.2.1:7", "coap://192.0.2.1/"},
    {{TEXT(PORT, "\x07")}, ACOAP_SCHEME_COAP, here, "coap://[2001:db8::2:1]:7/"},
    {{TEXT(PORT, "\x00\x00\x07")}, ACOAP_SCHEME_COAP, here, "coap://[2001:db8::2:1]:7/"},
    {{TEXT(PORT, "")}, ACOAP_SCHEME_COAP, here, NULL},
    {{TEXT(PORT, "\x01\x00\x00")}, ACOAP_SCHEME_COAP, here, NULL},
    /* path and query: what stays raw */
    {{TEXT(PATH, "-._~!$&'()*+,;=:@"), TEXT(QUERY, "-._~!$'()*+,;=:@/?")},
     ACOAP_SCHEME_COAP,
     NULL,
     "/-._~!$&'()*+,;=:@?-._~!$'()*+,;=:@/?"},
    {{TEXT(PATH, "a/b?c#d%[]\"<>\\^`{|} \x01\x7f"), TEXT(QUERY, "&#%[] ")},
     ACOAP_SCHEME_COAP,
     NULL,
     "/a%2Fb%3Fc%23d%25%5B%5D%22%3C%3E%5C%5E%60%7B%7C%7D%20%01%7F?%26%23%25%5B%5D%20"},
    {{TEXT(PATH, "a"), TEXT(PATH, "")}, ACOAP_SCHEME_COAP, NULL, "/a/"},
    {{TEXT(PATH, "")}, ACOAP_SCHEME_COAP, NULL, "/"},
    {{{0}}, ACOAP_SCHEME_COAP, NULL, "/"},
    {{TEXT(QUERY, "")}, ACOAP_SCHEME_COAP, NULL, "/?"},
    {{TEXT(QUERY, "a"), TEXT(QUERY, "")}, ACOAP_SCHEME_COAP, NULL, "/?a&"},
    {{TEXT(PATH, ""), TEXT(PATH, "a")}, ACOAP_SCHEME_COAP, NULL, "/.//a"},
    {{TEXT(PATH, ""), TEXT(PATH, "a")}, ACOAP_SCHEME_COAP, here, "coap://[2001:db8::2:1]//a"},
    {{TEXT(PATH, ".")}, ACOAP_SCHEME_COAP, NULL, NULL},
    {{TEXT(PATH, "a"), TEXT(PATH, "..")}, ACOAP_SCHEME_COAP, NULL, NULL},
    {{TEXT(PATH, "...")}, ACOAP_SCHEME_COAP, NULL, "/..."},
    {{TEXT(PATH, "\xc3(")}, ACOAP_SCHEME_COAP, NULL, NULL},
    {{TEXT(QUERY, "\xff")}, ACOAP_SCHEME_COAP, NULL, NULL},
};

static uint8_t bytes[512];

static acoap_view_t build(const option_t options[OPTIONS], uint8_t code) {
  acoap_builder_t builder;
  acoap_view_t view;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, code, 1, NULL, 0);
  for (size_t i = 0; i < OPTIONS && options[i].value != NULL; i++) {
    acoap_builder_option(&builder, options[i].number, options[i].value, options[i].len);
  }
  ck_assert_int_gt(acoap_builder_finish(&builder), 0);
  acoap_builder_view(&builder, &view);
  return view;
}

START_TEST(options_become_uris) {
  const example_t *e = &examples[_i];
  acoap_view_t view = build(e->options, ACOAP_CODE_GET);
  acoap_address_t local;
  char text[256] = "untouched";
  if (e->local != NULL) {
    ck_assert_int_eq(acoap_address_parse(e->local, strlen(e->local), &local), 0);
  }
  const acoap_address_t *at = e->local != NULL ? &local : NULL;
  int len = acoap_uri_compose(&view, e->scheme, at, text, sizeof(text));
  if (e->uri == NULL) {
    ck_assert_int_eq(len, ACOAP_EURI);
    ck_assert_str_eq(text, "untouched");
    return;
  }
  ck_assert_int_eq(len, (int)strlen(e->uri));
  ck_assert_str_eq(text, e->uri);
  strcpy(text, "untouched");
  ck_assert_int_eq(acoap_uri_compose(&view, e->scheme, at, text, (size_t)len), ACOAP_ENOSPACE);
  ck_assert_str_eq(text, "untouched");
  ck_assert_int_eq(acoap_uri_compose(&view, e->scheme, at, text, (size_t)len + 1), len);
}
END_TEST

START_TEST(an_unknown_destination_needs_a_host) {
  const option_t none[OPTIONS] = {{0}};
  const option_t host[OPTIONS] = {TEXT(HOST, "h")};
  acoap_address_t nowhere = {0};
  char text[64];
  acoap_view_t view = build(none, ACOAP_CODE_GET);
  ck_assert_int_eq(acoap_uri_compose(&view, ACOAP_SCHEME_COAP, &nowhere, text, sizeof(text)),
                   ACOAP_EURI);
  view = build(host, ACOAP_CODE_GET);
  ck_assert_int_eq(acoap_uri_compose(&view, ACOAP_SCHEME_COAP, &nowhere, text, sizeof(text)), 9);
  ck_assert_str_eq(text, "coap://h/");
}
END_TEST

START_TEST(locations) {
  static const struct {
    option_t options[OPTIONS];
    const char *reference; /* NULL: refused */
  } cases[] = {
      {{{0}}, ""},
      {{TEXT(LPATH, "a"), TEXT(LPATH, "b c"), TEXT(LQUERY, "x=1"), TEXT(LQUERY, "&")},
       "/a/b%20c?x=1&%26"},
      {{TEXT(LQUERY, "x")}, "?x"},
      {{TEXT(LPATH, ""), TEXT(LPATH, "a")}, "/.//a"},
      {{TEXT(LPATH, "..")}, NULL},
      {{TEXT(LPATH, "\xff")}, NULL},
      {{TEXT(PATH, "request"), TEXT(QUERY, "request")}, ""},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char text[64] = "untouched";
    acoap_view_t view = build(cases[i].options, ACOAP_CODE_CREATED);
    int len = acoap_uri_location(&view, text, sizeof(text));
    if (cases[i].reference == NULL) {
      ck_assert_int_eq(len, ACOAP_EURI);
      ck_assert_str_eq(text, "untouched");
    } else {
      ck_assert_int_eq(len, (int)strlen(cases[i].reference));
      ck_assert_str_eq(text, cases[i].reference);
      ck_assert_int_eq(acoap_uri_location(&view, text, (size_t)len), ACOAP_ENOSPACE);
    }
  }
}
END_TEST

START_TEST(misuse_is_invalid) {
  const option_t none[OPTIONS] = {{0}};
  acoap_view_t view = build(none, ACOAP_CODE_GET);
  char text[8];
  ck_assert_int_eq(acoap_uri_compose(NULL, ACOAP_SCHEME_COAP, NULL, text, 8), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uri_compose(&view, (acoap_scheme_t)9, NULL, text, 8), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uri_compose(&view, ACOAP_SCHEME_COAP, NULL, NULL, 8), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uri_location(NULL, text, 8), ACOAP_EINVAL);
}
END_TEST

static Suite *message_uri_compose_suite(void) {
  Suite *suite = suite_create("message_uri_compose");
  TCase *compose = tcase_create("compose");
  tcase_add_loop_test(compose, options_become_uris, 0, sizeof(examples) / sizeof(examples[0]));
  tcase_add_test(compose, an_unknown_destination_needs_a_host);
  tcase_add_test(compose, locations);
  tcase_add_test(compose, misuse_is_invalid);
  suite_add_tcase(suite, compose);
  return suite;
}

ACOAP_TEST_MAIN(message_uri_compose_suite)
