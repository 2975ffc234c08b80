/*
 * message/link_parse: RFC 6690 section 2 and its examples, what devices send that is not quite it,
 * and what is refused.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/error.h>
#include <acoap/link.h>

#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"

/*
 * What was parsed, one link after the other: <target>name(flag) name=token name="quoted", values
 * without backslashes.
 * Returns what ended the parse.
 */
static int write_links(const char *document, size_t len, char *text, size_t cap, size_t *offset) {
  acoap_link_iter_t iter;
  acoap_link_t link;
  size_t at = 0;
  int result;
  text[0] = '\0';
  acoap_link_iter_init(&iter, document, len);
  while ((result = acoap_link_next(&iter, &link, offset)) == 1) {
    acoap_link_attr_t attr;
    size_t state = 0;
    at += (size_t)snprintf(text + at, cap - at, "<%.*s>", (int)link.target.len, link.target.data);
    while (acoap_link_attr_next(&link, &state, &attr)) {
      char value[128] = "";
      const char *quote = attr.quoted ? "\"" : "";
      if (attr.has_value) {
        ck_assert_int_ge(acoap_link_attr_text(&attr, value, sizeof(value)), 0);
      }
      at += (size_t)snprintf(text + at, cap - at, " %.*s%s%s%s%s", (int)attr.name.len,
                             attr.name.data, attr.has_value ? "=" : "", quote, value, quote);
    }
    at += (size_t)snprintf(text + at, cap - at, "|");
  }
  return result;
}

typedef struct good {
  const char *document;
  const char *links;
} good_t;

static const good_t goods[] = {
    /* RFC 6690 section 5 */
    {"</sensors>;ct=40;title=\"Sensor Index\"", "</sensors> ct=40 title=\"Sensor Index\"|"},
    {"</sensors/temp>;if=\"sensor\",\n</sensors/light>;if=\"sensor\"",
     "</sensors/temp> if=\"sensor\"|</sensors/light> if=\"sensor\"|"},
    {"</sensors>;ct=40;title=\"Sensor Index\",\n"
     "</sensors/temp>;rt=\"temperature-c\";if=\"sensor\",\n"
     "<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\"\n;rel=\"describedby\",\n"
     "</t>;anchor=\"/sensors/temp\";rel=\"alternate\"",
     "</sensors> ct=40 title=\"Sensor Index\"|"
     "</sensors/temp> rt=\"temperature-c\" if=\"sensor\"|"
     "<http://www.example.com/sensors/t123> anchor=\"/sensors/temp\" rel=\"describedby\"|"
     "</t> anchor=\"/sensors/temp\" rel=\"alternate\"|"},
    {"</sensors>;rt=\"index sensor\";if=\"core.ll "
     "core.s\",</firmware/v2.1>;rt=\"firmware\";sz=262144",
     "</sensors> rt=\"index sensor\" if=\"core.ll core.s\"|</firmware/v2.1> rt=\"firmware\" "
     "sz=262144|"},
    {"</alarm>;rt=\"x\";obs", "</alarm> rt=\"x\" obs|"},
    {"</x>;title*=UTF-8'de'K%C3%BCche", "</x> title*=UTF-8'de'K%C3%BCche|"},
    /* what separates is no separator inside quotes and brackets */
    {"</a,b;c=\"d>;t=\"x,y;z<u>\"", "</a,b;c=\"d> t=\"x,y;z<u>\"|"},
    {"</a>;t=\"say \\\"hi\\\" \\\\ \\x\",</b>", "</a> t=\"say \"hi\" \\ x\"|</b>|"},
    {"</a>;t=\"\";u=\"\\\\\"", "</a> t=\"\" u=\"\\\"|"},
    {"</a>;t=\"line\r\n two\tthree\"", "</a> t=\"line\r\n two\tthree\"|"},
    /* relaxed tokens */
    {"</a>;rt=core.s/x?y=z&{a}[b]:(c)@<d>;obs", "</a> rt=core.s/x?y=z&{a}[b]:(c)@<d> obs|"},
    {"</a>;x=;y", "</a> x= y|"},
    {"</a>;path=a\\b", "</a> path=a\\b|"},
    /* white space and empty elements */
    {"", ""},
    {" \t\r\n", ""},
    {",,,", ""},
    {" , </a> ; rt = x ; ; if=\ty , , </b>\n,", "</a> rt=x if=y|</b>|"},
    {"</a>;", "</a>|"},
    {"</a>;;;,</b>", "</a>|</b>|"},
    {"<>", "<>|"},
    {"< /a b >", "< /a b >|"},
    /* beyond ASCII */
    {"</\xc3\xa4>;title=\"K\xc3\xbc"
     "che\";t=\xe2\x98\x83",
     "</\xc3\xa4> title=\"K\xc3\xbc"
     "che\" t=\xe2\x98\x83|"},
    {"</a>;title=\"\xff\"", "</a> title=\"\xff\"|"},
    /* the same attribute twice: both are given */
    {"</a>;rt=a;rt=b", "</a> rt=a rt=b|"},
};

START_TEST(documents_that_are_taken) {
  char text[1024];
  size_t offset = 77;
  size_t len = strlen(goods[_i].document);
  char *document = malloc(len + 1);
  memcpy(document, goods[_i].document, len); /* no zero behind it */
  ck_assert_int_eq(write_links(document, len, text, sizeof(text), &offset), 0);
  ck_assert_str_eq(text, goods[_i].links);
  ck_assert_uint_eq(offset, 77);
  free(document);
}
END_TEST

typedef struct bad {
  const char *document;
  size_t len;
  size_t offset;
  const char *links; /* those before it */
} bad_t;

#define DOCUMENT(text) text, sizeof(text) - 1

static const bad_t bads[] = {
    {DOCUMENT("/a"), 0, ""},
    {DOCUMENT("{\"a\":1}"), 0, ""},
    {DOCUMENT("</a"), 0, ""},
    {DOCUMENT("</a>,</b"), 5, "</a>|"},
    {DOCUMENT("</a</b>"), 3, ""},
    {DOCUMENT("</a\n>"), 3, ""},
    {DOCUMENT("</a\0>"), 3, ""},
    {DOCUMENT("</a> x"), 5, ""},
    {DOCUMENT("</a></b>"), 4, ""},
    {DOCUMENT("</a>;=x"), 5, ""},
    {DOCUMENT("</a>;\"x\""), 5, ""},
    {DOCUMENT("</a>;a b"), 7, ""},
    {DOCUMENT("</a>;a=b c"), 9, ""},
    {DOCUMENT("</a>;a=\"b\"c"), 10, ""},
    {DOCUMENT("</a>;a=\"b"), 7, ""},
    {DOCUMENT("</a>;a=\"b\\"), 7, ""},
    {DOCUMENT("</a>;a=\"b\\\""), 7, ""},
    {DOCUMENT("</a>;a=b\"c\""), 8, ""},
    {DOCUMENT("</a>;a=\"b\x01\""), 9, ""},
    {DOCUMENT("</a>;a=\"b\\\x01\""), 10, ""},
    {DOCUMENT("</a>;a=b\x7f"), 8, ""},
    {DOCUMENT("</a>;a\x01=b"), 6, ""},
    {DOCUMENT("</a>;obs,</b>;\x02"), 14, "</a> obs|"},
};

START_TEST(documents_that_are_refused) {
  char text[256];
  size_t offset = 999;
  char *document = malloc(bads[_i].len);
  memcpy(document, bads[_i].document, bads[_i].len);
  ck_assert_int_eq(write_links(document, bads[_i].len, text, sizeof(text), &offset), ACOAP_ELINK);
  ck_assert_str_eq(text, bads[_i].links);
  ck_assert_uint_eq(offset, bads[_i].offset);
  ck_assert_int_eq(write_links(document, bads[_i].len, text, sizeof(text), NULL), ACOAP_ELINK);
  free(document);
}
END_TEST

static acoap_link_t parse_one(const char *document) {
  acoap_link_iter_t iter;
  acoap_link_t link;
  acoap_link_iter_init(&iter, document, strlen(document));
  ck_assert_int_eq(acoap_link_next(&iter, &link, NULL), 1);
  return link;
}

START_TEST(attributes_are_found_by_name) {
  acoap_link_t link = parse_one("</a>;RT=first;rt=second;obs;title=\"x\"");
  acoap_link_attr_t attr;
  ck_assert(acoap_link_attr_find(&link, "rt", &attr));
  ck_assert_uint_eq(attr.value.len, 5);
  ck_assert_mem_eq(attr.value.data, "first", 5);
  ck_assert(attr.has_value && !attr.quoted);
  ck_assert(acoap_link_attr_find(&link, "OBS", &attr));
  ck_assert(!attr.has_value);
  ck_assert(acoap_link_attr_find(&link, "title", &attr));
  ck_assert(attr.quoted);
  ck_assert(!acoap_link_attr_find(&link, "tit", &attr));
  ck_assert(!acoap_link_attr_find(&link, "titles", &attr));
  link = parse_one("</a>");
  ck_assert_uint_eq(link.params.len, 0);
  ck_assert(!acoap_link_attr_find(&link, "rt", &attr));
}
END_TEST

START_TEST(params_are_as_written) {
  acoap_link_t link = parse_one("</a> ;rt=\"temp\";obs , </b>");
  ck_assert_uint_eq(link.params.len, strlen(";rt=\"temp\";obs"));
  ck_assert_mem_eq(link.params.data, ";rt=\"temp\";obs", link.params.len);
}
END_TEST

START_TEST(values_need_room_for_a_zero) {
  acoap_link_t link = parse_one("</a>;t=\"a\\\"b\"");
  acoap_link_attr_t attr;
  char text[8];
  ck_assert(acoap_link_attr_find(&link, "t", &attr));
  ck_assert_uint_eq(attr.value.len, 4); /* still with its backslash */
  ck_assert_int_eq(acoap_link_attr_text(&attr, text, 3), ACOAP_ENOSPACE);
  ck_assert_int_eq(acoap_link_attr_text(&attr, text, 4), 3);
  ck_assert_str_eq(text, "a\"b");
}
END_TEST

START_TEST(nothing_is_an_empty_document) {
  acoap_link_iter_t iter;
  acoap_link_t link;
  acoap_link_iter_init(&iter, NULL, 0);
  ck_assert_int_eq(acoap_link_next(&iter, &link, NULL), 0);
  ck_assert_int_eq(acoap_link_next(&iter, &link, NULL), 0);
}
END_TEST

static Suite *message_link_parse_suite(void) {
  Suite *suite = suite_create("message_link_parse");
  TCase *parse = tcase_create("parse");
  tcase_add_loop_test(parse, documents_that_are_taken, 0, sizeof(goods) / sizeof(goods[0]));
  tcase_add_loop_test(parse, documents_that_are_refused, 0, sizeof(bads) / sizeof(bads[0]));
  tcase_add_test(parse, attributes_are_found_by_name);
  tcase_add_test(parse, params_are_as_written);
  tcase_add_test(parse, values_need_room_for_a_zero);
  tcase_add_test(parse, nothing_is_an_empty_document);
  suite_add_tcase(suite, parse);
  return suite;
}

ACOAP_TEST_MAIN(message_link_parse_suite)
