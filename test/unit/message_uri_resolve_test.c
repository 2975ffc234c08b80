/*
 * message/uri_resolve: the examples of RFC 3986 section 5.4 under coap, and what CoAP adds.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/uri.h>

#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"

typedef struct example {
  const char *ref;
  const char *target; /* NULL: refused */
  int error;          /* when refused */
} example_t;

static const char base[] = "coap://a/b/c/d;p?q";

/* RFC 3986 section 5.4.1. */
static const example_t normal[] = {
    {"g:h", NULL, ACOAP_ESCHEME}, /* resolved rightly, and then no coap URI */
    {"g", "coap://a/b/c/g", 0},     {"./g", "coap://a/b/c/g", 0},  {"g/", "coap://a/b/c/g/", 0},
    {"/g", "coap://a/g", 0},        {"//g", "coap://g", 0},        {"?y", "coap://a/b/c/d;p?y", 0},
    {"g?y", "coap://a/b/c/g?y", 0}, {"#s", NULL, ACOAP_EURI}, /* RFC 7252 section 6.4 step 4: no
                                                                 fragments */
    {"g#s", NULL, ACOAP_EURI},      {"g?y#s", NULL, ACOAP_EURI},   {";x", "coap://a/b/c/;x", 0},
    {"g;x", "coap://a/b/c/g;x", 0}, {"g;x?y#s", NULL, ACOAP_EURI}, {"", "coap://a/b/c/d;p?q", 0},
    {".", "coap://a/b/c/", 0},      {"./", "coap://a/b/c/", 0},    {"..", "coap://a/b/", 0},
    {"../", "coap://a/b/", 0},      {"../g", "coap://a/b/g", 0},   {"../..", "coap://a/", 0},
    {"../../", "coap://a/", 0},     {"../../g", "coap://a/g", 0},
};

/* RFC 3986 section 5.4.2, "http:g" read strictly. */
static const example_t abnormal[] = {
    {"../../../g", "coap://a/g", 0},
    {"../../../../g", "coap://a/g", 0},
    {"/./g", "coap://a/g", 0},
    {"/../g", "coap://a/g", 0},
    {"g.", "coap://a/b/c/g.", 0},
    {".g", "coap://a/b/c/.g", 0},
    {"g..", "coap://a/b/c/g..", 0},
    {"..g", "coap://a/b/c/..g", 0},
    {"./../g", "coap://a/b/g", 0},
    {"./g/.", "coap://a/b/c/g/", 0},
    {"g/./h", "coap://a/b/c/g/h", 0},
    {"g/../h", "coap://a/b/c/h", 0},
    {"g;x=1/./y", "coap://a/b/c/g;x=1/y", 0},
    {"g;x=1/../y", "coap://a/b/c/y", 0},
    {"g?y/./x", "coap://a/b/c/g?y/./x", 0},
    {"g?y/../x", "coap://a/b/c/g?y/../x", 0},
    {"g#s/./x", NULL, ACOAP_EURI},
    {"g#s/../x", NULL, ACOAP_EURI},
    {"coap:g", NULL, ACOAP_EURI}, /* strict: an absolute URI without a host */
};

static const example_t further[] = {
    {"COAPS+TCP://h:1/x/../y?z", "coaps+tcp://h:1/y?z", 0},
    {"//[fe80::1%25eth0]:99/x", "coap://[fe80::1%25eth0]:99/x", 0},
    {"//h?", "coap://h?", 0},
    {"/a//b", "coap://a/a//b", 0},
    {"a//../b", "coap://a/b/c/a/b", 0},
    {"%2e%2E/g", "coap://a/b/g", 0}, /* a percent-encoded dot is a dot */
    {".%2e", "coap://a/b/", 0},
    {"...", "coap://a/b/c/...", 0},
    {"/.//x", "coap://a//x", 0},
    {"x:y", NULL, ACOAP_ESCHEME},
    {"1:y", NULL, ACOAP_EURI}, /* no scheme, and no relative path either */
    {"./1:y", "coap://a/b/c/1:y", 0},
    {"a b", NULL, ACOAP_EURI},
    {"a%2", NULL, ACOAP_EURI},
    {"a%ff", NULL, ACOAP_EURI},
    {"//", NULL, ACOAP_EURI},
    {"///a", NULL, ACOAP_EURI},
    {"//h:99999", NULL, ACOAP_EURI},
};

static void check_examples(const example_t *examples, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const example_t *e = &examples[i];
    char text[128] = "untouched";
    int len = acoap_uri_resolve(base, strlen(base), e->ref, strlen(e->ref), text, sizeof(text));
    if (e->target == NULL) {
      ck_assert_msg(len == e->error, "\"%s\": %d", e->ref, len);
      ck_assert_str_eq(text, "untouched");
      continue;
    }
    ck_assert_msg(len == (int)strlen(e->target) && strcmp(text, e->target) == 0,
                  "\"%s\": %d \"%s\", not \"%s\"", e->ref, len, text, e->target);
  }
}

START_TEST(normal_examples) {
  check_examples(normal, sizeof(normal) / sizeof(normal[0]));
}
END_TEST

START_TEST(abnormal_examples) {
  check_examples(abnormal, sizeof(abnormal) / sizeof(abnormal[0]));
}
END_TEST

START_TEST(further_examples) {
  check_examples(further, sizeof(further) / sizeof(further[0]));
}
END_TEST

START_TEST(base_without_path_or_with_the_root) {
  static const struct {
    const char *base;
    const char *ref;
    const char *target;
  } cases[] = {
      {"coap://h", "g", "coap://h/g"},       {"coap://h/", "g", "coap://h/g"},
      {"coap://h", "", "coap://h"},          {"coap://h/", "", "coap://h/"},
      {"coap://h", "?q", "coap://h?q"},      {"coap://h//x", "g", "coap://h//g"},
      {"coap://h/a/../b", "", "coap://h/b"}, {"coap://h//", "..", "coap://h/"},
      {"coap://h", "../..", "coap://h/"},    {"coap://h?q", "g", "coap://h/g"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char text[64];
    int len = acoap_uri_resolve(cases[i].base, strlen(cases[i].base), cases[i].ref,
                                strlen(cases[i].ref), text, sizeof(text));
    ck_assert_int_eq(len, (int)strlen(cases[i].target));
    ck_assert_str_eq(text, cases[i].target);
  }
}
END_TEST

START_TEST(bad_base_is_refused) {
  char text[64];
  ck_assert_int_eq(acoap_uri_resolve("http://a/", 9, "g", 1, text, sizeof(text)), ACOAP_ESCHEME);
  ck_assert_int_eq(acoap_uri_resolve("/a/b", 4, "g", 1, text, sizeof(text)), ACOAP_EURI);
  ck_assert_int_eq(acoap_uri_resolve("coap:///a", 9, "g", 1, text, sizeof(text)), ACOAP_EURI);
  ck_assert_int_eq(acoap_uri_resolve(NULL, 0, "g", 1, text, sizeof(text)), ACOAP_EINVAL);
}
END_TEST

START_TEST(room_for_the_zero_is_needed_and_enough) {
  /* "coap://a/x" has ten characters; on the way four more segments come and go. */
  const char *ref = "/1/2/3/4/../../../../x";
  char *text = malloc(11);
  ck_assert_int_eq(acoap_uri_resolve(base, strlen(base), ref, strlen(ref), text, 10),
                   ACOAP_ENOSPACE);
  ck_assert_int_eq(acoap_uri_resolve(base, strlen(base), ref, strlen(ref), text, 11), 10);
  ck_assert_str_eq(text, "coap://a/x");
  free(text);
}
END_TEST

static Suite *message_uri_resolve_suite(void) {
  Suite *suite = suite_create("message_uri_resolve");
  TCase *resolve = tcase_create("resolve");
  tcase_add_test(resolve, normal_examples);
  tcase_add_test(resolve, abnormal_examples);
  tcase_add_test(resolve, further_examples);
  tcase_add_test(resolve, base_without_path_or_with_the_root);
  tcase_add_test(resolve, bad_base_is_refused);
  tcase_add_test(resolve, room_for_the_zero_is_needed_and_enough);
  suite_add_tcase(suite, resolve);
  return suite;
}

ACOAP_TEST_MAIN(message_uri_resolve_suite)
