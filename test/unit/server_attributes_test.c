/*
 * server/attributes: RFC 6690 section 2, RFC 7252 section 7.2.1, RFC 7641 section 6.
 * SPDX-License-Identifier: MIT
 */
#include "server/attributes.h"

#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/fail_alloc.h"

/* A server that is nothing but its tree, and one resource. */
typedef struct scene {
  acoap_server_t server;
  acoap_resource_t *resource;
  char link[8192];
} scene_t;

static scene_t *scene_open(const char *path) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  acoap__list_init(&scene->server.resources);
  ck_assert_int_eq(acoap__tree_new(&scene->server), 0);
  scene->resource = acoap_resource_new(&scene->server, path);
  ck_assert_ptr_nonnull(scene->resource);
  return scene;
}

static void scene_close(scene_t *scene) {
  acoap__tree_free(&scene->server);
  free(scene);
}

static const char *link_of(scene_t *scene) {
  acoap_link_writer_t writer;
  acoap_link_writer_init(&writer, scene->link, sizeof(scene->link) - 1);
  acoap__resource_link(scene->resource, &writer);
  int len = acoap_link_writer_finish(&writer);
  ck_assert_int_gt(len, 0);
  scene->link[len] = '\0';
  return scene->link;
}

START_TEST(attributes_are_written_in_the_order_they_were_set) {
  scene_t *scene = scene_open("/s");
  ck_assert_str_eq(link_of(scene), "</s>");
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "rt", "temperature-c"), 0);
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "if", "sensor"), 0);
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "sz", "1280"), 0);
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "own", NULL), 0);
  ck_assert_str_eq(link_of(scene), "</s>;rt=\"temperature-c\";if=\"sensor\";sz=1280;own");
  scene_close(scene);
}
END_TEST

START_TEST(setting_again_replaces) {
  scene_t *scene = scene_open("/s");
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "title", "a"), 0);
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "rt", "b"), 0);
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "TITLE", "c"), 0);
  ck_assert_str_eq(link_of(scene), "</s>;title=\"c\";rt=\"b\"");
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "title", NULL), 0);
  ck_assert_str_eq(link_of(scene), "</s>;title;rt=\"b\"");
  scene_close(scene);
}
END_TEST

START_TEST(values_are_escaped) {
  scene_t *scene = scene_open("/s");
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "title", "a \"b\" \\ ,;<\xc3\xa4>"),
                   0);
  ck_assert_str_eq(link_of(scene), "</s>;title=\"a \\\"b\\\" \\\\ ,;<\xc3\xa4>\"");
  scene_close(scene);
}
END_TEST

START_TEST(what_cannot_be_written_is_refused_when_it_is_set) {
  static const struct {
    const char *name, *value;
  } wrong[] = {
      {NULL, "a"},       {"", "a"},       {"a b", "a"},         {"a=b", "a"},
      {"a\"", "a"},      {"a;", "a"},     {"a\xc3\xa4", "a"},   {"title*", "UTF-8''a"},
      {"href", "/x"},    {"HREF", "/x"},  {"title", "\n"},      {"title", "\x7f"},
      {"title", "\xc3"}, {"sz", "a"},     {"sz", ""},           {"sz", "-1"},
      {"sz", "01"},      {"sz", NULL},    {"sz", "4294967296"}, {"ct", "text/plain"},
      {"ct", ""},        {"ct", "65536"}, {"ct", "0  40"},      {"ct", "0 40 "},
      {"ct", NULL},
  };
  scene_t *scene = scene_open("/s");
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    scene->server.status = 0;
    ck_assert_msg(acoap_resource_attribute(scene->resource, wrong[i].name, wrong[i].value) ==
                      ACOAP_EINVAL,
                  "%zu", i);
    ck_assert_int_eq(scene->server.status, ACOAP_EINVAL);
  }
  ck_assert_str_eq(link_of(scene), "</s>");
  scene_close(scene);
}
END_TEST

START_TEST(formats_come_from_what_the_resource_gives) {
  scene_t *scene = scene_open("/s");
  ck_assert_int_eq(acoap_resource_gives(scene->resource, 40), 0);
  ck_assert_str_eq(link_of(scene), "</s>;ct=40");
  ck_assert_int_eq(acoap_resource_gives(scene->resource, 0), 0);
  ck_assert_int_eq(acoap_resource_gives(scene->resource, 40), 0);
  ck_assert_str_eq(link_of(scene), "</s>;ct=\"40 0\"");
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "ct", "50"), 0);
  ck_assert_str_eq(link_of(scene), "</s>;ct=50");
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "ct", "50 60"), 0);
  ck_assert_str_eq(link_of(scene), "</s>;ct=\"50 60\"");
  scene_close(scene);
}
END_TEST

START_TEST(as_many_formats_as_there_may_be_are_written) {
  scene_t *scene = scene_open("/s");
  char expected[1024] = "</s>;ct=\"";
  for (int i = 0; i < ACOAP__FORMATS_MAX; i++) {
    char number[8];
    snprintf(number, sizeof(number), "%s%d", i > 0 ? " " : "", 65535 - i);
    strcat(expected, number);
    ck_assert_int_eq(acoap_resource_gives(scene->resource, 65535 - i), 0);
  }
  ck_assert_int_eq(acoap_resource_gives(scene->resource, 1), ACOAP_EINVAL);
  ck_assert_str_eq(link_of(scene), strcat(expected, "\""));
  scene_close(scene);
}
END_TEST

START_TEST(observable_is_a_flag_unless_it_was_set) {
  scene_t *scene = scene_open("/s");
  scene->resource->observable = true;
  ck_assert_str_eq(link_of(scene), "</s>;obs");
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "obs", NULL), 0);
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "rt", "a"), 0);
  ck_assert_str_eq(link_of(scene), "</s>;obs;rt=\"a\"");
  scene_close(scene);
}
END_TEST

START_TEST(target_never_names_a_host) {
  static const char *const cases[][2] = {{"/", "</>"},
                                         {"/a%2Fb/%3A", "</a%2Fb/%3A>"},
                                         {"//a", "</.//a>"},
                                         {"//", "</.//>"},
                                         {"/a//b/", "</a//b/>"}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    scene_t *scene = scene_open(cases[i][0]);
    ck_assert_str_eq(acoap_resource_path(scene->resource), cases[i][0]);
    ck_assert_str_eq(link_of(scene), cases[i][1]);
    scene_close(scene);
  }
}
END_TEST

START_TEST(without_memory_an_attribute_stays_as_it_was) {
  scene_t *scene;
  fail_alloc_install();
  scene = scene_open("/s");
  ck_assert_int_eq(acoap_resource_attribute(scene->resource, "rt", "old"), 0);
  for (size_t n = 1; fail_alloc_again(n); n++) {
    fail_alloc_at(n);
    int replaced = acoap_resource_attribute(scene->resource, "rt", "new");
    int added = acoap_resource_attribute(scene->resource, "if", "added");
    bool failed = fail_alloc_happened();
    fail_alloc_at(0);
    if (failed) {
      ck_assert((replaced == ACOAP_ENOMEM) != (added == ACOAP_ENOMEM));
      ck_assert_int_eq(scene->server.status, ACOAP_ENOMEM);
    }
    if (n == 1) {
      ck_assert_str_eq(link_of(scene), "</s>;rt=\"old\";if=\"added\"");
    }
  }
  ck_assert_str_eq(link_of(scene), "</s>;rt=\"new\";if=\"added\"");
  scene_close(scene);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("server/attributes");
  TCase *tc = tcase_create("links");
  tcase_add_test(tc, attributes_are_written_in_the_order_they_were_set);
  tcase_add_test(tc, setting_again_replaces);
  tcase_add_test(tc, values_are_escaped);
  tcase_add_test(tc, what_cannot_be_written_is_refused_when_it_is_set);
  tcase_add_test(tc, formats_come_from_what_the_resource_gives);
  tcase_add_test(tc, as_many_formats_as_there_may_be_are_written);
  tcase_add_test(tc, observable_is_a_flag_unless_it_was_set);
  tcase_add_test(tc, target_never_names_a_host);
  tcase_add_test(tc, without_memory_an_attribute_stays_as_it_was);
  suite_add_tcase(s, tc);
  return s;
}

ACOAP_TEST_MAIN(suite)
