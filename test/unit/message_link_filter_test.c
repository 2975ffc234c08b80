/*
 * message/link_filter: RFC 6690 section 4.1.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/link.h>

#include <string.h>

#include "support/check_main.h"

static const char light[] =
    "</sensors/light%20two>;rt=\"light-lux core.sen-light\";if=\"sensor\";ct=\"0 41\";"
    "title=\"The \\\"light\\\" two\";sz=10;obs;x=\"\"";

static const struct {
  const char *query;
  bool matches;
} cases[] = {
    {"", true},
    /* words */
    {"rt=light-lux", true},
    {"rt=core.sen-light", true},
    {"rt=light", false},
    {"rt=light*", true},
    {"rt=core.*", true},
    {"rt=lux*", false},
    {"rt=sen-light", false},
    {"rt=*", true},
    {"rt=", false},
    {"rt=light-lux core.sen-light", true},
    {"rt=LIGHT-LUX", false},
    {"RT=light-lux", true},
    {"if=sensor", true},
    {"if=sens*", true},
    {"ct=0", true},
    {"ct=41", true},
    {"ct=4", false},
    {"ct=4*", true},
    {"ct=40", false},
    /* whole values */
    {"title=The \"light\" two", true},
    {"title=The \"l*", true},
    {"title=The", false},
    {"title=light", false},
    {"title=two", false},
    {"title=*", true},
    {"sz=10", true},
    {"sz=1", false},
    {"sz=100", false},
    {"x=", true},
    {"x=a", false},
    {"x=*", true},
    /* a name alone, and flags */
    {"obs", true},
    {"obs=", true},
    {"obs=*", true},
    {"obs=1", false},
    {"rt", true},
    {"foo", false},
    {"foo=*", false},
    {"foo=bar", false},
    {"=x", false},
    {"=", false},
    /* only the last '*' is one */
    {"title=T*e", false},
    {"rt=**", false},
    /* the target, as written or decoded */
    {"href=/sensors/light%20two", true},
    {"href=/sensors/light two", true},
    {"href=/sensors/light t*", true},
    {"href=/sensors/light%2*", true},
    {"href=/sensors*", true},
    {"href=/sensors", false},
    {"href=/sensors/light two!", false},
    {"href=sensors*", false},
    {"href=*", true},
    {"href=", false},
    {"href", true},
    {"HREF=/s*", true},
};

static acoap_link_t parse_one(const char *document) {
  acoap_link_iter_t iter;
  acoap_link_t link;
  acoap_link_iter_init(&iter, document, strlen(document));
  ck_assert_int_eq(acoap_link_next(&iter, &link, NULL), 1);
  return link;
}

START_TEST(queries) {
  acoap_link_t link = parse_one(light);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    ck_assert_msg(acoap_link_matches(&link, cases[i].query, strlen(cases[i].query)) ==
                      cases[i].matches,
                  "%s", cases[i].query);
  }
}
END_TEST

START_TEST(targets_with_odd_percents) {
  acoap_link_t link = parse_one("</a%zz%4>");
  ck_assert(acoap_link_matches(&link, "href=/a%zz%4", 12));
  ck_assert(acoap_link_matches(&link, "href=/a%z*", 10));
  ck_assert(!acoap_link_matches(&link, "href=/a%zz%41", 13));
  link = parse_one("<>");
  ck_assert(acoap_link_matches(&link, "href=", 5));
  ck_assert(acoap_link_matches(&link, "href=*", 6));
  ck_assert(!acoap_link_matches(&link, "href=/", 6));
}
END_TEST

START_TEST(an_attribute_that_stands_twice_counts_twice) {
  acoap_link_t link = parse_one("</a>;rt=one;rt=two");
  ck_assert(acoap_link_matches(&link, "rt=one", 6));
  ck_assert(acoap_link_matches(&link, "rt=two", 6));
}
END_TEST

START_TEST(words_may_stand_apart) {
  acoap_link_t link = parse_one("</a>;rt=\"  one   two \"");
  ck_assert(acoap_link_matches(&link, "rt=one", 6));
  ck_assert(acoap_link_matches(&link, "rt=two", 6));
  ck_assert(!acoap_link_matches(&link, "rt=three", 8));
  ck_assert(!acoap_link_matches(&link, "rt=on", 5));
}
END_TEST

static Suite *message_link_filter_suite(void) {
  Suite *suite = suite_create("message_link_filter");
  TCase *filter = tcase_create("filter");
  tcase_add_test(filter, queries);
  tcase_add_test(filter, targets_with_odd_percents);
  tcase_add_test(filter, an_attribute_that_stands_twice_counts_twice);
  tcase_add_test(filter, words_may_stand_apart);
  suite_add_tcase(suite, filter);
  return suite;
}

ACOAP_TEST_MAIN(message_link_filter_suite)
