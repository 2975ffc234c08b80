/*
 * server/well_known: RFC 6690 section 4, RFC 7252 section 7.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/server.h"
#include "support/check_main.h"
#include "support/fail_alloc.h"
#include "support/server_rig.h"

#define CORE "/.well-known/core"

typedef struct scene {
  server_rig_t rig;
  acoap_server_t *server; /* the rig's */
} scene_t;

static void nothing(void *user_data, acoap_request_t *request) {
  (void)user_data;
  (void)request;
}

static scene_t *scene_open(void) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  server_rig_open(&scene->rig, 6, NULL);
  scene->server = scene->rig.server;
  return scene;
}

static void scene_close(scene_t *scene) {
  ck_assert_uint_eq(server_rig_stats(&scene->rig).transfers_bytes, 0);
  server_rig_close(&scene->rig);
  free(scene);
}

static acoap_resource_t *add(scene_t *scene, const char *path, const char *rt) {
  acoap_resource_t *resource = acoap_resource_new(scene->server, path);
  ck_assert_ptr_nonnull(resource);
  if (rt != NULL) {
    ck_assert_int_eq(acoap_resource_attribute(resource, "rt", rt), 0);
  }
  ck_assert_int_eq(acoap_resource_on(resource, ACOAP_CODE_GET, nothing, NULL), 0);
  return resource;
}

/* The figures of section 5. */
static void add_figure(scene_t *scene) {
  acoap_resource_t *resource = add(scene, "/sensors", NULL);
  acoap_resource_gives(resource, ACOAP_FORMAT_LINK_FORMAT);
  acoap_resource_attribute(resource, "title", "Sensor Index");
  resource = add(scene, "/sensors/temp", "temperature-c");
  acoap_resource_attribute(resource, "if", "sensor");
  resource = add(scene, "/sensors/light", "light-lux core.sen-light");
  acoap_resource_attribute(resource, "if", "sensor");
  acoap_resource_attribute(resource, "sz", "18");
}

#define SENSORS "</sensors>;title=\"Sensor Index\";ct=40"
#define TEMP "</sensors/temp>;rt=\"temperature-c\";if=\"sensor\""
#define LIGHT "</sensors/light>;rt=\"light-lux core.sen-light\";if=\"sensor\";sz=18"

static void expect(scene_t *scene, const char *uri, const char *links) {
  (void)server_rig_expect(&scene->rig, ACOAP_CODE_GET, uri, ACOAP_CODE_CONTENT, links);
}

START_TEST(document_lists_resources_in_the_order_they_were_made) {
  scene_t *scene = scene_open();
  uint32_t format = 0;
  add_figure(scene);
  const sim_datagram_t *answer = server_rig_expect(&scene->rig, ACOAP_CODE_GET, CORE,
                                                   ACOAP_CODE_CONTENT, SENSORS "," TEMP "," LIGHT);
  ck_assert(acoap_view_uint(&answer->view, ACOAP_OPTION_CONTENT_FORMAT, &format));
  ck_assert_uint_eq(format, 40);
  scene_close(scene);
}
END_TEST

START_TEST(server_without_resources_has_an_empty_document) {
  scene_t *scene = scene_open();
  expect(scene, CORE, "");
  scene_close(scene);
}
END_TEST

START_TEST(hidden_ones_parameters_and_subtrees_are_not_listed) {
  scene_t *scene = scene_open();
  add(scene, "/a/:n", NULL);
  add(scene, "/b/...", NULL);
  acoap_resource_hide(add(scene, "/c", NULL));
  add(scene, "/", NULL);
  expect(scene, CORE, "</>");
  scene_close(scene);
}
END_TEST

START_TEST(observable_resources_and_gone_ones_show) {
  scene_t *scene = scene_open();
  acoap_resource_t *a = add(scene, "/a", NULL);
  add(scene, "/b", NULL);
  acoap_resource_observable(a, NULL);
  expect(scene, CORE, "</a>;obs,</b>");
  acoap_resource_remove(a);
  expect(scene, CORE, "</b>");
  add(scene, "/a", NULL);
  expect(scene, CORE, "</b>,</a>");
  scene_close(scene);
}
END_TEST

START_TEST(filters_take_every_attribute_and_href) {
  static const char *const cases[][2] = {
      {"?rt=light-lux", LIGHT},
      {"?rt=core.sen-light", LIGHT},
      {"?rt=light*", LIGHT},
      {"?rt=sen-light", ""},
      {"?if=sensor", TEMP "," LIGHT},
      {"?if=s*", TEMP "," LIGHT},
      {"?ct=40", SENSORS},
      {"?ct=4", ""},
      {"?title=Sensor%20Index", SENSORS},
      {"?title=S*", SENSORS},
      {"?sz=18", LIGHT},
      {"?href=/sensors", SENSORS},
      {"?href=/sensors/*", TEMP "," LIGHT},
      {"?href=/s*", SENSORS "," TEMP "," LIGHT},
      {"?HREF=/sensors/temp", TEMP},
      {"?foo=bar", ""},
      {"?rt=*", TEMP "," LIGHT},
      {"?rt=", ""},
      /* a name alone asks for the attribute, an empty one for nothing */
      {"?rt", TEMP "," LIGHT},
      {"?obs", ""},
      {"?", SENSORS "," TEMP "," LIGHT},
      /* each has to match */
      {"?if=sensor&rt=temp*", TEMP},
      {"?if=sensor&rt=temp*&sz=18", ""},
      {"?rt=light*&sz=18&href=/sensors/light", LIGHT},
  };
  scene_t *scene = scene_open();
  add_figure(scene);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char uri[128];
    snprintf(uri, sizeof(uri), CORE "%s", cases[i][0]);
    expect(scene, uri, cases[i][1]);
  }
  scene_close(scene);
}
END_TEST

START_TEST(query_that_can_be_no_filter_is_a_bad_request) {
  static const char *const wrong[] = {"?=a",    "?=",       "?a%20b=c", "?a%00b",
                                      "?(a)=b", "?rt=a&=b", "?%C3%A4=a"};
  scene_t *scene = scene_open();
  add_figure(scene);
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    char uri[128];
    snprintf(uri, sizeof(uri), CORE "%s", wrong[i]);
    server_rig_expect(&scene->rig, ACOAP_CODE_GET, uri, ACOAP_CODE_BAD_REQUEST,
                      "Uri-Query is no filter of RFC 6690 section 4.1");
  }
  scene_close(scene);
}
END_TEST

/* Every link is compared with every filter: a request of 2,000 of them is none. */
START_TEST(filters_are_16_at_most) {
  scene_t *scene = scene_open();
  add_figure(scene);
  for (size_t count = 16; count <= 17; count++) {
    acoap_builder_t *builder = server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, CORE);
    for (size_t i = 0; i < count; i++) {
      acoap_builder_option(builder, ACOAP_OPTION_URI_QUERY, "href=/*", 7);
    }
    ck_assert_uint_eq(server_rig_answer(&scene->rig)->view.code,
                      count == 16 ? ACOAP_CODE_CONTENT : ACOAP_CODE_BAD_REQUEST);
  }
  scene_close(scene);
}
END_TEST

START_TEST(only_get_and_only_link_format) {
  scene_t *scene = scene_open();
  add_figure(scene);
  server_rig_expect(&scene->rig, ACOAP_CODE_POST, CORE, ACOAP_CODE_METHOD_NOT_ALLOWED, "");
  acoap_builder_uint(server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, CORE),
                     ACOAP_OPTION_ACCEPT, ACOAP_FORMAT_TEXT_PLAIN);
  ck_assert_uint_eq(server_rig_answer(&scene->rig)->view.code, ACOAP_CODE_NOT_ACCEPTABLE);
  acoap_builder_uint(server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, CORE),
                     ACOAP_OPTION_ACCEPT, ACOAP_FORMAT_LINK_FORMAT);
  ck_assert_uint_eq(server_rig_answer(&scene->rig)->view.code, ACOAP_CODE_CONTENT);
  scene_close(scene);
}
END_TEST

START_TEST(observe_is_not_taken) {
  scene_t *scene = scene_open();
  acoap_bytes_t value;
  add_figure(scene);
  acoap_builder_uint(server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, CORE),
                     ACOAP_OPTION_OBSERVE, 0);
  const sim_datagram_t *answer = server_rig_answer(&scene->rig);
  ck_assert_uint_eq(answer->view.code, ACOAP_CODE_CONTENT);
  ck_assert(!acoap_view_option(&answer->view, ACOAP_OPTION_OBSERVE, 0, &value));
  scene_close(scene);
}
END_TEST

START_TEST(version_is_named_and_validated) {
  scene_t *scene = scene_open();
  acoap_bytes_t etag;
  add_figure(scene);
  const sim_datagram_t *answer = server_rig_ask(&scene->rig, ACOAP_CODE_GET, CORE);
  ck_assert(acoap_view_option(&answer->view, ACOAP_OPTION_ETAG, 0, &etag));
  acoap_builder_option(server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, CORE),
                       ACOAP_OPTION_ETAG, etag.data, etag.len);
  answer = server_rig_answer(&scene->rig);
  ck_assert_uint_eq(answer->view.code, ACOAP_CODE_VALID);
  ck_assert_uint_eq(answer->view.payload.len, 0);
  add(scene, "/new", NULL);
  acoap_builder_option(server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, CORE),
                       ACOAP_OPTION_ETAG, etag.data, etag.len);
  ck_assert_uint_eq(server_rig_answer(&scene->rig)->view.code, ACOAP_CODE_CONTENT);
  scene_close(scene);
}
END_TEST

/* Fetch the document in blocks of 2^(szx + 4) bytes. Returns its length. */
static size_t fetch(scene_t *scene, const char *uri, uint8_t szx, char *text, size_t cap) {
  acoap_block_t block = {0, true, szx};
  size_t len = 0;
  while (block.more) {
    acoap_block_t asked = {block.num, false, szx};
    acoap_builder_block(server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, uri),
                        ACOAP_OPTION_BLOCK2, &asked);
    const sim_datagram_t *answer = server_rig_answer(&scene->rig);
    ck_assert_uint_eq(answer->view.code, ACOAP_CODE_CONTENT);
    ck_assert_int_eq(acoap_view_block(&answer->view, ACOAP_OPTION_BLOCK2, &block), 1);
    ck_assert_uint_eq(block.num, asked.num);
    ck_assert_uint_le(answer->view.payload.len, acoap_block_size(szx));
    ck_assert_uint_lt(len + answer->view.payload.len, cap);
    memcpy(text + len, answer->view.payload.data, answer->view.payload.len);
    len += answer->view.payload.len;
    block.num++;
  }
  text[len] = '\0';
  return len;
}

START_TEST(blocks_are_of_one_version_and_the_document_goes_after_the_transfer) {
  enum { COUNT = 40 };
  scene_t *scene = scene_open();
  char text[4096];
  char expected[4096] = "";
  for (int i = 0; i < COUNT; i++) {
    char path[32];
    snprintf(path, sizeof(path), "/resource/%d", i);
    add(scene, path, "r");
    snprintf(expected + strlen(expected), 64, "%s<%s>;rt=\"r\"", i > 0 ? "," : "", path);
  }
  ck_assert_uint_eq(fetch(scene, CORE, 2, text, sizeof(text)), strlen(expected));
  ck_assert_str_eq(text, expected);
  server_rig_run(&scene->rig, 300000);
  ck_assert_uint_eq(server_rig_stats(&scene->rig).transfers, 0);
  scene_close(scene);
}
END_TEST

/* Neither adding nor listing is quadratic: ten times the resources take about ten times as long. */
static double seconds_for(int count) {
  scene_t *scene = scene_open();
  char path[48];
  clock_t begin = clock();
  for (int i = 0; i < count; i++) {
    snprintf(path, sizeof(path), "/rooms/%d/temperature", i);
    add(scene, path, "temperature-c");
  }
  snprintf(path, sizeof(path), CORE "?href=/rooms/%d/*", count - 1);
  for (int i = 0; i < 4; i++) {
    const sim_datagram_t *answer =
        server_rig_expect(&scene->rig, ACOAP_CODE_GET, path, ACOAP_CODE_CONTENT, NULL);
    ck_assert_uint_gt(answer->view.payload.len, 0);
  }
  double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
  scene_close(scene);
  return seconds;
}

START_TEST(ten_thousand_resources_are_not_quadratic) {
  double few = seconds_for(2000);
  double many = seconds_for(20000);
  ck_assert_msg(many < 40 * few + 0.5, "%f s for 2,000, %f s for 20,000", few, many);
}
END_TEST

START_TEST(without_memory_it_is_a_5_00_and_nothing_stays) {
  acoap_sim_conditions_t slow = {.size = sizeof(slow), .delay_min_ms = 10, .delay_max_ms = 10};
  fail_alloc_install();
  for (size_t n = 1; fail_alloc_again(n); n++) {
    scene_t *scene = scene_open();
    add_figure(scene);
    for (int i = 0; i < 40; i++) {
      char path[32];
      snprintf(path, sizeof(path), "/resource/%d", i);
      add(scene, path, "r");
    }
    ck_assert_int_eq(acoap_sim_set_conditions(scene->rig.sim, &slow), 0);
    (void)server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, CORE);
    server_rig_send(&scene->rig, &scene->rig.address); /* it arrives after this */
    fail_alloc_at(n);
    server_rig_run(&scene->rig, 30);
    bool failed = fail_alloc_happened();
    fail_alloc_at(0);
    if (scene->rig.peer.received > 0) {
      uint8_t code = sim_peer_next(&scene->rig.peer)->view.code;
      ck_assert_msg(code == ACOAP_CODE_CONTENT ||
                        (failed && (code == ACOAP_CODE_INTERNAL_SERVER_ERROR ||
                                    code == ACOAP_CODE_SERVICE_UNAVAILABLE)),
                    "%x", code);
    } else {
      ck_assert(failed);
    }
    server_rig_run(&scene->rig, 300000);
    scene_close(scene);
    ck_assert_uint_eq(fail_alloc_live(), 0);
  }
  fail_alloc_restore();
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("server/well_known");
  TCase *tc = tcase_create("document");
  tcase_add_test(tc, document_lists_resources_in_the_order_they_were_made);
  tcase_add_test(tc, server_without_resources_has_an_empty_document);
  tcase_add_test(tc, hidden_ones_parameters_and_subtrees_are_not_listed);
  tcase_add_test(tc, observable_resources_and_gone_ones_show);
  tcase_add_test(tc, filters_take_every_attribute_and_href);
  tcase_add_test(tc, query_that_can_be_no_filter_is_a_bad_request);
  tcase_add_test(tc, filters_are_16_at_most);
  tcase_add_test(tc, only_get_and_only_link_format);
  tcase_add_test(tc, observe_is_not_taken);
  tcase_add_test(tc, version_is_named_and_validated);
  tcase_add_test(tc, blocks_are_of_one_version_and_the_document_goes_after_the_transfer);
  tcase_add_test(tc, ten_thousand_resources_are_not_quadratic);
  tcase_add_test(tc, without_memory_it_is_a_5_00_and_nothing_stays);
  suite_add_tcase(s, tc);
  return s;
}

ACOAP_TEST_MAIN(suite)
