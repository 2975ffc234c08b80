/*
 * message/uri, message/uri_text: what is a coap URI, what it is made of, and where a malformed one
 * goes wrong.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/uri.h>

#include <stdlib.h>
#include <string.h>

#include "message/uri_text.h"
#include "support/check_main.h"

typedef struct good {
  const char *text;
  acoap_scheme_t scheme;
  const char *host; /* as acoap_uri_host gives it */
  const char *zone;
  uint16_t port;
  bool port_given;
  const char *path;
  const char *query; /* NULL: none */
  int family;        /* of an IP literal; 0: a name */
} good_t;

static const good_t goods[] = {
    {"coap://h", ACOAP_SCHEME_COAP, "h", "", 5683, false, "", NULL, 0},
    {"coaps://h/", ACOAP_SCHEME_COAPS, "h", "", 5684, false, "/", NULL, 0},
    {"coap+tcp://h", ACOAP_SCHEME_COAP_TCP, "h", "", 5683, false, "", NULL, 0},
    {"coaps+tcp://h", ACOAP_SCHEME_COAPS_TCP, "h", "", 5684, false, "", NULL, 0},
    {"coap+ws://h", ACOAP_SCHEME_COAP_WS, "h", "", 80, false, "", NULL, 0},
    {"coaps+ws://h", ACOAP_SCHEME_COAPS_WS, "h", "", 443, false, "", NULL, 0},
    {"CoAP://EXAMPLE.Com:/%7esensors", ACOAP_SCHEME_COAP, "example.com", "", 5683, false,
     "/%7esensors", NULL, 0},
    {"coap://h:61616/a/b?x=1&y", ACOAP_SCHEME_COAP, "h", "", 61616, true, "/a/b", "x=1&y", 0},
    {"coap://h?", ACOAP_SCHEME_COAP, "h", "", 5683, false, "", "", 0},
    {"coap://h/?a/b?c", ACOAP_SCHEME_COAP, "h", "", 5683, false, "/", "a/b?c", 0},
    {"coap://h:0005683/", ACOAP_SCHEME_COAP, "h", "", 5683, true, "/", NULL, 0},
    {"coap://h:65535", ACOAP_SCHEME_COAP, "h", "", 65535, true, "", NULL, 0},
    {"coap://192.0.2.1:1/x", ACOAP_SCHEME_COAP, "192.0.2.1", "", 1, true, "/x", NULL,
     ACOAP_FAMILY_IPV4},
    {"coap://256.0.2.1", ACOAP_SCHEME_COAP, "256.0.2.1", "", 5683, false, "", NULL, 0},
    {"coap://192.0.2.01", ACOAP_SCHEME_COAP, "192.0.2.01", "", 5683, false, "", NULL, 0},
    {"coap://[2001:DB8::1]:7/x", ACOAP_SCHEME_COAP, "2001:db8::1", "", 7, true, "/x", NULL,
     ACOAP_FAMILY_IPV6},
    {"coap://[fe80::1%25eth0]/", ACOAP_SCHEME_COAP, "fe80::1", "eth0", 5683, false, "/", NULL,
     ACOAP_FAMILY_IPV6},
    {"coap://[fe80::1%eth0]:9", ACOAP_SCHEME_COAP, "fe80::1", "eth0", 9, true, "", NULL,
     ACOAP_FAMILY_IPV6},
    {"coap://[fe80::1%br-lan.3_x~]", ACOAP_SCHEME_COAP, "fe80::1", "br-lan.3_x~", 5683, false, "",
     NULL, ACOAP_FAMILY_IPV6},
    {"coap://[fe80::1%25]", ACOAP_SCHEME_COAP, "fe80::1", "25", 5683, false, "", NULL,
     ACOAP_FAMILY_IPV6},
    {"coap://[fe80::1%253]", ACOAP_SCHEME_COAP, "fe80::1", "3", 5683, false, "", NULL,
     ACOAP_FAMILY_IPV6},
    {"coap://[::ffff:192.0.2.1]", ACOAP_SCHEME_COAP, "::ffff:192.0.2.1", "", 5683, false, "", NULL,
     ACOAP_FAMILY_IPV6},
    {"coap://a%41%C3%84.x", ACOAP_SCHEME_COAP, "aa\xc3\x84.x", "", 5683, false, "", NULL, 0},
    {"coap://!$&'()*+,;=-._~", ACOAP_SCHEME_COAP, "!$&'()*+,;=-._~", "", 5683, false, "", NULL, 0},
    {"coap://h/:@!$&'()*+,;=-._~/%2F", ACOAP_SCHEME_COAP, "h", "", 5683, false,
     "/:@!$&'()*+,;=-._~/%2F", NULL, 0},
};

static void assert_text(acoap_bytes_t bytes, const char *text) {
  ck_assert_uint_eq(bytes.len, strlen(text));
  ck_assert(bytes.len == 0 || memcmp(bytes.data, text, bytes.len) == 0);
}

START_TEST(uris_and_their_parts) {
  const good_t *g = &goods[_i];
  acoap_uri_t uri;
  acoap_address_t address;
  char host[ACOAP_URI_HOST_MAX];
  size_t offset = 77;
  ck_assert_msg(acoap_uri_parse(g->text, strlen(g->text), &uri, &offset) == 0, "%s at %zu", g->text,
                offset);
  ck_assert_uint_eq(offset, 77);
  ck_assert_int_eq((int)uri.scheme, (int)g->scheme);
  ck_assert_int_eq(acoap_uri_host(&uri, host, sizeof(host)), (int)strlen(g->host));
  ck_assert_str_eq(host, g->host);
  assert_text(uri.zone, g->zone);
  ck_assert_uint_eq(uri.port, g->port);
  ck_assert_int_eq(uri.port_given, g->port_given);
  assert_text(uri.path, g->path);
  ck_assert_int_eq(uri.has_query, g->query != NULL);
  ck_assert_int_eq(uri.query.data != NULL, g->query != NULL);
  assert_text(uri.query, g->query != NULL ? g->query : "");
  ck_assert_int_eq(uri.host_is_ipv4, g->family == ACOAP_FAMILY_IPV4);
  ck_assert_int_eq(uri.host_is_ipv6, g->family == ACOAP_FAMILY_IPV6);
  ck_assert_int_eq(acoap_uri_address(&uri, &address), g->family != 0 ? 0 : ACOAP_EADDRESS);
  if (g->family != 0) {
    ck_assert_uint_eq(address.family, (unsigned)g->family);
    ck_assert_uint_eq(address.port, g->port);
  }
}
END_TEST

START_TEST(literals_give_addresses) {
  static const struct {
    const char *uri;
    const char *address;
  } cases[] = {
      {"coap://192.0.2.1", "192.0.2.1:5683"},
      {"coaps://[2001:db8::1]", "[2001:db8::1]:5684"},
      {"coap://[fe80::1%253]:1", "[fe80::1%3]:1"},
      {"coap://[fe80::1%eth0]:1", "[fe80::1]:1"}, /* a name is the caller's */
      {"coap://[fe80::1%99999999999]:1", "[fe80::1]:1"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_uri_t uri;
    acoap_address_t address;
    char text[ACOAP_ADDRESS_TEXT_MAX];
    ck_assert_int_eq(acoap_uri_parse(cases[i].uri, strlen(cases[i].uri), &uri, NULL), 0);
    ck_assert_int_eq(acoap_uri_address(&uri, &address), 0);
    ck_assert_int_gt(acoap_address_format(&address, text, sizeof(text)), 0);
    ck_assert_str_eq(text, cases[i].address);
  }
}
END_TEST

typedef struct bad {
  const char *text;
  int error;
  size_t offset;
} bad_t;

static const bad_t bads[] = {
    {"", ACOAP_EURI, 0},
    {"coap", ACOAP_EURI, 0},
    {"/path", ACOAP_EURI, 0},
    {"//h/path", ACOAP_EURI, 0},
    {"://h", ACOAP_EURI, 0},
    {"1coap://h", ACOAP_EURI, 0},
    {"co_ap://h", ACOAP_EURI, 0},
    {"http://h", ACOAP_ESCHEME, 0},
    {"coapx://h", ACOAP_ESCHEME, 0},
    {"coap+sms://h", ACOAP_ESCHEME, 0},
    {"mailto:x", ACOAP_ESCHEME, 0},
    {"coap:", ACOAP_EURI, 5},
    {"coap:h", ACOAP_EURI, 5},
    {"coap:/h", ACOAP_EURI, 6},
    {"coap://", ACOAP_EURI, 7},
    {"coap:///x", ACOAP_EURI, 7},
    {"coap://:5683/x", ACOAP_EURI, 7},
    {"coap://?x", ACOAP_EURI, 7},
    {"coap://user@h/x", ACOAP_EURI, 11},
    {"coap://a b/x", ACOAP_EURI, 8},
    {"coap://a%2/x", ACOAP_EURI, 8},
    {"coap://a%zz/x", ACOAP_EURI, 8},
    {"coap://a%ff/x", ACOAP_EURI, 8},
    {"coap://a%00/x", ACOAP_EURI, 7},
    {"coap://h\xc3\xa4/", ACOAP_EURI, 8},
    {"coap://h:0/", ACOAP_EURI, 9},
    {"coap://h:65536/", ACOAP_EURI, 9},
    {"coap://h:5x/", ACOAP_EURI, 9},
    {"coap://h:-1/", ACOAP_EURI, 9},
    {"coap://2001:db8::1/", ACOAP_EURI, 12},
    {"coap://[::1/x", ACOAP_EURI, 7},
    {"coap://[]/x", ACOAP_EURI, 8},
    {"coap://[h]/x", ACOAP_EURI, 8},
    {"coap://[192.0.2.1]/x", ACOAP_EURI, 8},
    {"coap://[v1.x]/x", ACOAP_EURI, 8},
    {"coap://[::1]x/", ACOAP_EURI, 12},
    {"coap://[fe80::1%]/", ACOAP_EURI, 15},
    {"coap://[fe80::1%a b]/", ACOAP_EURI, 17},
    {"coap://[fe80::1%25a%20]/", ACOAP_EURI, 19},
    {"coap://h/a b", ACOAP_EURI, 10},
    {"coap://h/a\tb", ACOAP_EURI, 10},
    {"coap://h/[", ACOAP_EURI, 9},
    {"coap://h/%", ACOAP_EURI, 9},
    {"coap://h/%4", ACOAP_EURI, 9},
    {"coap://h/x%g0", ACOAP_EURI, 10},
    {"coap://h/%C3%28", ACOAP_EURI, 9},
    {"coap://h/ok%C3", ACOAP_EURI, 11},
    {"coap://h/%E2%98%83%80", ACOAP_EURI, 18},
    {"coap://h/?a b", ACOAP_EURI, 11},
    {"coap://h/?%ED%A0%80", ACOAP_EURI, 10},
    {"coap://h#f", ACOAP_EURI, 8},
    {"coap://h/#f", ACOAP_EURI, 9},
    {"coap://h/x?y#f", ACOAP_EURI, 12},
    {"coap://h/\"", ACOAP_EURI, 9},
    {"coap://h/<>", ACOAP_EURI, 9},
    {"coap://h/\\", ACOAP_EURI, 9},
    {"coap://h/^`{|}", ACOAP_EURI, 9},
};

START_TEST(malformed_uris_name_their_place) {
  const bad_t *b = &bads[_i];
  acoap_uri_t uri;
  acoap_uri_t untouched;
  size_t offset = 999;
  memset(&uri, 0x5a, sizeof(uri));
  memset(&untouched, 0x5a, sizeof(untouched));
  int error = acoap_uri_parse(b->text, strlen(b->text), &uri, &offset);
  ck_assert_msg(error == b->error && offset == b->offset, "\"%s\": %d at %zu", b->text, error,
                offset);
  ck_assert_mem_eq(&uri, &untouched, sizeof(uri));
  ck_assert_int_eq(acoap_uri_parse(b->text, strlen(b->text), &uri, NULL), b->error);
}
END_TEST

START_TEST(a_host_has_at_most_255_bytes) {
  char text[1024] = "coap://";
  acoap_uri_t uri;
  char host[ACOAP_URI_HOST_MAX];
  memset(text + 7, 'h', 255);
  ck_assert_int_eq(acoap_uri_parse(text, 7 + 255, &uri, NULL), 0);
  ck_assert_int_eq(acoap_uri_host(&uri, host, sizeof(host)), 255);
  ck_assert_int_eq(acoap_uri_host(&uri, host, 255), ACOAP_ENOSPACE);
  text[7 + 255] = 'h';
  ck_assert_int_eq(acoap_uri_parse(text, 7 + 256, &uri, NULL), ACOAP_EURI);
  for (size_t i = 0; i < 255; i++) { /* decoded, it is 255 again */
    memcpy(text + 7 + 3 * i, "%41", 3);
  }
  ck_assert_int_eq(acoap_uri_parse(text, 7 + 3 * 255, &uri, NULL), 0);
  ck_assert_int_eq(acoap_uri_host(&uri, host, sizeof(host)), 255);
}
END_TEST

START_TEST(misuse_is_invalid) {
  acoap_uri_t uri;
  acoap_address_t address;
  char text[8];
  memset(&uri, 0, sizeof(uri));
  ck_assert_int_eq(acoap_uri_parse(NULL, 0, &uri, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uri_parse("coap://h", 8, NULL, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uri_host(NULL, text, sizeof(text)), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uri_host(&uri, text, sizeof(text)), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uri_address(NULL, &address), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uri_address(&uri, &address), ACOAP_EADDRESS);
  ck_assert_ptr_null(acoap_scheme_name((acoap_scheme_t)99));
  ck_assert_uint_eq(acoap_scheme_port((acoap_scheme_t)99), 0);
}
END_TEST

/* RFC 3986 section 2: every ASCII character is in exactly the sets that the ABNF puts it in. */
START_TEST(character_sets) {
  for (int c = -128; c < 128; c++) {
    bool ascii = c > 0;
    bool unreserved = ascii && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || strchr("-._~", c) != NULL);
    bool sub_delim = ascii && strchr("!$&'()*+,;=", c) != NULL;
    unsigned set = acoap__uri_char((char)c);
    ck_assert_int_eq((set & ACOAP__URI_UNRESERVED) != 0, unreserved);
    ck_assert_int_eq((set & ACOAP__URI_REG_NAME) != 0, unreserved || sub_delim);
    bool pchar = unreserved || sub_delim || c == ':' || c == '@';
    ck_assert_int_eq((set & ACOAP__URI_PCHAR) != 0, pchar);
    ck_assert_int_eq((set & ACOAP__URI_PATH) != 0, pchar || c == '/');
    ck_assert_int_eq((set & ACOAP__URI_QUERY) != 0, pchar || c == '/' || c == '?');
    ck_assert_int_eq((set & ACOAP__URI_ARGUMENT) != 0, (pchar && c != '&') || c == '/' || c == '?');
  }
}
END_TEST

START_TEST(percent_encoding_both_ways) {
  char text[64];
  char decoded[16];
  acoap__text_t out;
  acoap__text_init(&out, text, sizeof(text));
  acoap__uri_put(&out, (const uint8_t *)"a/b c\xc3\xa4%&\x00~", 11, ACOAP__URI_PCHAR);
  ck_assert_str_eq(text, "a%2Fb%20c%C3%A4%25&%00~");
  size_t len = acoap__uri_decode(text, text + out.total, decoded, sizeof(decoded));
  ck_assert_uint_eq(len, 11);
  ck_assert_mem_eq(decoded, "a/b c\xc3\xa4%&\x00~", 11);
  ck_assert_uint_eq(acoap__uri_decode(text, text + out.total, decoded, 3), 11);
}
END_TEST

static Suite *message_uri_suite(void) {
  Suite *suite = suite_create("message_uri");
  TCase *uri = tcase_create("uri");
  tcase_add_loop_test(uri, uris_and_their_parts, 0, sizeof(goods) / sizeof(goods[0]));
  tcase_add_test(uri, literals_give_addresses);
  tcase_add_loop_test(uri, malformed_uris_name_their_place, 0, sizeof(bads) / sizeof(bads[0]));
  tcase_add_test(uri, a_host_has_at_most_255_bytes);
  tcase_add_test(uri, misuse_is_invalid);
  suite_add_tcase(suite, uri);
  TCase *text = tcase_create("text");
  tcase_add_test(text, character_sets);
  tcase_add_test(text, percent_encoding_both_ways);
  suite_add_tcase(suite, text);
  return suite;
}

ACOAP_TEST_MAIN(message_uri_suite)
