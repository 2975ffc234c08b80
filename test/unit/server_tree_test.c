/*
 * server/tree, server/tree_find: RFC 7252 sections 5.10.1, 6.4 and 6.5.
 * SPDX-License-Identifier: MIT
 */
#include "server/tree.h"

#include <acoap/uri.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/fail_alloc.h"

/* A server that is nothing but its tree. */
typedef struct scene {
  acoap_server_t server;
  uint8_t bytes[1500];
  acoap__match_t match;
} scene_t;

static scene_t *scene_open(void) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  acoap__list_init(&scene->server.resources);
  ck_assert_int_eq(acoap__tree_new(&scene->server), 0);
  return scene;
}

static void scene_close(scene_t *scene) {
  acoap__tree_free(&scene->server);
  ck_assert_uint_eq(scene->server.resource_count, 0);
  free(scene);
}

static acoap_resource_t *add(scene_t *scene, const char *path) {
  acoap_resource_t *resource = acoap_resource_new(&scene->server, path);
  ck_assert_msg(resource != NULL, "%s", path);
  return resource;
}

/* Look up what the builder says. Returns the path that the resource was made with; "" for none. */
static const char *found(scene_t *scene, acoap_builder_t *builder) {
  acoap_view_t view;
  acoap__asked_t options;
  acoap__asked_path_t request_path;
  ck_assert_int_gt(acoap_builder_finish(builder), 0);
  acoap_builder_view(builder, &view);
  acoap__asked_read(&view, &options, &request_path);
  acoap__tree_find(&scene->server, &request_path, &scene->match);
  return scene->match.resource != NULL ? scene->match.resource->path : "";
}

static void begin(scene_t *scene, acoap_builder_t *builder) {
  acoap_builder_init(builder, scene->bytes, sizeof(scene->bytes), ACOAP_CON, ACOAP_CODE_GET, 1,
                     NULL, 0);
  acoap_builder_option(builder, ACOAP_OPTION_URI_HOST, "h", 1);
  acoap_builder_option(builder, ACOAP_OPTION_URI_QUERY, "q", 1);
}

/* The resource for a path of a URI. */
static const char *find(scene_t *scene, const char *path) {
  acoap_builder_t builder;
  begin(scene, &builder);
  acoap_builder_path(&builder, path, strlen(path));
  return found(scene, &builder);
}

/* The resource for Uri-Path options: each character between the bars. */
static const char *find_options(scene_t *scene, const char *bars) {
  acoap_builder_t builder;
  begin(scene, &builder);
  for (const char *at = bars; *at == '|' && at[1] != '\0';) {
    size_t len = strcspn(at + 1, "|");
    acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, at + 1, len);
    at += 1 + len;
  }
  return found(scene, &builder);
}

START_TEST(literal_goes_before_parameter_before_subtree) {
  static const struct {
    const char *asked, *found;
    size_t depth;
  } cases[] = {
      {"/", "/", 0},
      {"", "/", 0},
      {"/a", "/a", 1},
      {"/a/b", "/a/b", 2},
      {"/a/x", "/a/:n", 2},
      {"/a/b/c", "/a/b/...", 2},
      {"/d/b/c", "/d/:n/c", 3}, /* the way back from /d/b */
      {"/a/x/c", "/a/:n/c", 3},
      {"/a/b/d", "/a/b/...", 2},
      {"/a/b/c/d", "/a/b/...", 2},
      {"/a/x/d", "/a/...", 1},
      {"/a/x/c/d", "/a/...", 1},
      {"/b", "/b/...", 1}, /* a sub-tree is below a literal that goes before a parameter */
      {"/e", "/:any", 1},
      {"/b/c", "/b/...", 1},
      {"/c/c", "", 0},
      {"/d/b/d", "/d/:n/...", 2},
      {"/a/", "/a/...", 1}, /* a parameter is not empty */
      {"/b/", "/b/...", 1},
      {"/c/", "", 0},
  };
  static const char *const paths[] = {"/b/...",  "/a/...",    "/a/:n",    "/:any", "/a/b",
                                      "/d/b",    "/a",        "/a/b/...", "/",     "/a/:n/c",
                                      "/d/:n/c", "/d/:n/...", "/x/y/z"};
  scene_t *scene = scene_open();
  for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
    add(scene, paths[i]);
  }
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    const char *got = find(scene, cases[i].asked);
    ck_assert_msg(strcmp(got, cases[i].found) == 0, "%s: %s", cases[i].asked, got);
    ck_assert_msg(scene->match.depth == cases[i].depth, "%s", cases[i].asked);
  }
  scene_close(scene);
}
END_TEST

START_TEST(slash_at_the_end_is_an_empty_segment) {
  scene_t *scene = scene_open();
  add(scene, "/a");
  ck_assert_str_eq(find(scene, "/a/"), "");
  add(scene, "/a/");
  ck_assert_str_eq(find(scene, "/a/"), "/a/");
  ck_assert_str_eq(find(scene, "/a"), "/a");
  ck_assert_str_eq(find(scene, "/a//"), "");
  add(scene, "/a//b");
  ck_assert_str_eq(find_options(scene, "|a||b"), "/a//b");
  ck_assert_str_eq(find(scene, "/a/b"), "");
  scene_close(scene);
}
END_TEST

START_TEST(one_empty_option_is_the_path_without_segments) {
  acoap_builder_t builder;
  scene_t *scene = scene_open();
  add(scene, "/");
  add(scene, "//");
  begin(scene, &builder);
  ck_assert_str_eq(found(scene, &builder), "/");
  ck_assert_uint_eq(scene->match.depth, 0);
  begin(scene, &builder);
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "", 0);
  ck_assert_str_eq(found(scene, &builder), "/");
  ck_assert_uint_eq(scene->match.depth, 1);
  begin(scene, &builder);
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "", 0);
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "", 0);
  ck_assert_str_eq(found(scene, &builder), "//");
  scene_close(scene);
}
END_TEST

START_TEST(segments_are_decoded_once_when_the_path_is_added) {
  scene_t *scene = scene_open();
  add(scene, "/a%2Fb");
  add(scene, "/%3Aid");
  add(scene, "/%2E..");
  add(scene, "/%41%c3%a4");
  add(scene, "/x/%253A");
  ck_assert_str_eq(find_options(scene, "|a/b"), "/a%2Fb");
  ck_assert_str_eq(find_options(scene, "|a|b"), "");
  ck_assert_str_eq(find_options(scene, "|:id"), "/%3Aid");
  ck_assert_str_eq(find_options(scene, "|..."), "/%2E..");
  ck_assert_str_eq(find_options(scene, "|A\xc3\xa4"), "/%41%c3%a4");
  ck_assert_str_eq(find_options(scene, "|x|%3A"), "/x/%253A");
  /* What is the same path is there already, and is found by it. */
  ck_assert_ptr_null(acoap_resource_new(&scene->server, "/A%C3%A4"));
  ck_assert_ptr_nonnull(acoap_server_resource(&scene->server, "/A%C3%A4"));
  scene_close(scene);
}
END_TEST

START_TEST(what_is_no_path_is_refused) {
  char deep[3 * (ACOAP__DEPTH_MAX + 1) + 1] = "";
  char wide[ACOAP__SEGMENT_MAX + 3] = "/";
  static const char *const wrong[] = {
      "",      "a",     "a/b",  "/a b",  "/a?b",      "/a#b",      "/%",         "/%4",    "/%zz",
      "/%ff",  "/.",    "/..",  "/a/.",  "/%2e",      "/a/%2E./b", "/:",         "/:a/:a", "/.../a",
      "/.../", "/a\"b", "/<a>", "/a/::", "/\xc3\xa4", "/:a b",     "/:a/b/:a/c",
  };
  scene_t *scene = scene_open();
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    bool fine = strcmp(wrong[i], "/a/::") == 0; /* a parameter may be called ":" */
    acoap_resource_t *resource = acoap_resource_new(&scene->server, wrong[i]);
    ck_assert_msg((resource != NULL) == fine, "%s", wrong[i]);
    acoap_resource_remove(resource);
    ck_assert_int_eq(scene->server.status, ACOAP_EINVAL);
  }
  ck_assert_ptr_null(acoap_resource_new(&scene->server, NULL));
  for (size_t i = 0; i < ACOAP__DEPTH_MAX; i++) {
    strcat(deep, "/d");
  }
  add(scene, deep);
  ck_assert_str_eq(find(scene, deep), deep);
  strcat(deep, "/d");
  ck_assert_ptr_null(acoap_resource_new(&scene->server, deep));
  ck_assert_str_eq(find(scene, deep), "");
  memset(wide + 1, 'w', ACOAP__SEGMENT_MAX);
  add(scene, wide);
  ck_assert_str_eq(find(scene, wide), wide);
  wide[ACOAP__SEGMENT_MAX + 1] = 'w';
  ck_assert_ptr_null(acoap_resource_new(&scene->server, wide));
  scene_close(scene);
}
END_TEST

START_TEST(what_is_there_is_not_added_again) {
  static const char *const pairs[][2] = {
      {"/", "/"}, {"/a", "/a"}, {"/:x", "/:y"}, {"/a/...", "/a/..."}, {"/:x/b", "/:y/b"}};
  scene_t *scene = scene_open();
  for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
    acoap_resource_t *first = add(scene, pairs[i][0]);
    scene->server.status = 0;
    ck_assert_ptr_null(acoap_resource_new(&scene->server, pairs[i][1]));
    ck_assert_int_eq(scene->server.status, ACOAP_EINVAL);
    ck_assert_ptr_eq(acoap_server_resource(&scene->server, pairs[i][0]), first);
  }
  /* A parameter's name is of its resource alone. */
  ck_assert_ptr_null(acoap_server_resource(&scene->server, "/:y"));
  add(scene, "/:y/c");
  ck_assert_str_eq(find(scene, "/1/c"), "/:y/c");
  ck_assert_str_eq(find(scene, "/1/b"), "/:x/b");
  ck_assert_uint_eq(scene->match.resource->parameter_count, 1);
  ck_assert_mem_eq(scene->match.resource->parameters[0].name, "x", 1);
  scene_close(scene);
}
END_TEST

START_TEST(names_tell_which_segment_is_theirs) {
  scene_t *scene = scene_open();
  acoap_resource_t *resource = add(scene, "/house/:house/room/:room/...");
  ck_assert_uint_eq(resource->parameter_count, 2);
  ck_assert_uint_eq(resource->parameters[0].name_len, 5);
  ck_assert_mem_eq(resource->parameters[0].name, "house", 5);
  ck_assert_uint_eq(resource->parameters[0].segment, 1);
  ck_assert_mem_eq(resource->parameters[1].name, "room", 4);
  ck_assert_uint_eq(resource->parameters[1].segment, 3);
  ck_assert(!resource->listed);
  ck_assert_str_eq(find(scene, "/house/1/room/2/light"), resource->path);
  ck_assert_uint_eq(scene->match.depth, 4);
  scene_close(scene);
}
END_TEST

START_TEST(subtree_of_the_root_takes_everything) {
  scene_t *scene = scene_open();
  add(scene, "/...");
  add(scene, "/a/b");
  ck_assert_str_eq(find(scene, "/"), "/...");
  ck_assert_uint_eq(scene->match.depth, 0);
  ck_assert_str_eq(find(scene, "/a"), "/...");
  ck_assert_str_eq(find(scene, "/a/b"), "/a/b");
  ck_assert_str_eq(find(scene, "/a/b/c"), "/...");
  scene_close(scene);
}
END_TEST

/* More Uri-Path options than a path may have segments. */
START_TEST(deepest_request_is_for_subtrees) {
  acoap_builder_t builder;
  scene_t *scene = scene_open();
  add(scene, "/d/...");
  for (int round = 0; round < 2; round++) {
    begin(scene, &builder);
    for (int i = 0; i < 1000; i++) {
      acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "d", i < 400 ? 1 : 0);
    }
    ck_assert_str_eq(found(scene, &builder), round == 0 ? "/d/..." : "");
    acoap_resource_remove(acoap_server_resource(&scene->server, "/d/..."));
  }
  scene_close(scene);
}
END_TEST

START_TEST(removal_leaves_nothing_and_what_is_below_stays) {
  scene_t *scene = scene_open();
  acoap_resource_t *a = add(scene, "/a");
  acoap_resource_t *b = add(scene, "/a/b/c");
  acoap_resource_t *n = add(scene, "/a/:n/...");
  acoap_resource_remove(a);
  ck_assert_str_eq(find(scene, "/a"), "");
  ck_assert_str_eq(find(scene, "/a/b/c"), "/a/b/c");
  acoap_resource_remove(b);
  ck_assert_str_eq(find(scene, "/a/b/c"), "/a/:n/...");
  acoap_resource_remove(n);
  ck_assert_uint_eq(scene->server.tree->root->literal_count, 0);
  add(scene, "/a");
  ck_assert_str_eq(find(scene, "/a"), "/a");
  scene_close(scene);
}
END_TEST

START_TEST(ten_thousand_children_are_found_added_and_removed_in_any_order) {
  enum { COUNT = 10000 };
  static acoap_resource_t *resources[COUNT];
  scene_t *scene = scene_open();
  char path[32];
  for (unsigned i = 0; i < COUNT; i++) {
    unsigned number = i * 7919 % COUNT; /* every one, scattered: 7919 is prime to 10,000 */
    snprintf(path, sizeof(path), "/s/%u", number);
    resources[number] = add(scene, path);
  }
  for (unsigned i = 0; i < COUNT; i++) {
    snprintf(path, sizeof(path), "/s/%u", i);
    (void)find(scene, path);
    ck_assert_ptr_eq(scene->match.resource, resources[i]);
  }
  for (unsigned i = 0; i < COUNT; i += 2) {
    acoap_resource_remove(resources[i]);
  }
  for (unsigned i = 0; i < COUNT; i++) {
    snprintf(path, sizeof(path), "/s/%u", i);
    (void)find(scene, path);
    ck_assert_ptr_eq(scene->match.resource, i % 2 == 0 ? NULL : resources[i]);
  }
  scene_close(scene);
}
END_TEST

/* Up to eight bytes a key says all of a literal, from nine on the bytes are compared, too. */
START_TEST(literals_that_differ_in_one_byte_or_in_length_are_told_apart) {
  enum { LONGEST = 18 };
  scene_t *scene = scene_open();
  acoap_resource_t *resources[LONGEST + 1] = {NULL};
  char path[LONGEST + 2] = "/";
  for (size_t len = 1; len <= LONGEST; len++) {
    path[len] = 'a';
    resources[len] = add(scene, path);
  }
  for (size_t len = 1; len <= LONGEST; len++) {
    memset(path + 1, 'a', len);
    path[1 + len] = '\0';
    (void)find(scene, path);
    ck_assert_ptr_eq(scene->match.resource, resources[len]);
    for (size_t i = 1; i <= len; i++) {
      path[i] = 'b';
      ck_assert_str_eq(find(scene, path), "");
      path[i] = 'a';
    }
  }
  scene_close(scene);
}
END_TEST

/* Every mixture of literal and parameter, nine segments deep, and a path that fits none to the end:
 * each segment of the tree is entered once, 2^10 in all, so a million look-ups take no time. */
START_TEST(hostile_path_enters_no_segment_twice) {
  enum { DEPTH = 9 };
  scene_t *scene = scene_open();
  char path[8 * DEPTH + 8];
  for (unsigned mask = 0; mask < 1u << DEPTH; mask++) {
    path[0] = '\0';
    for (unsigned i = 0; i < DEPTH; i++) {
      char part[8];
      snprintf(part, sizeof(part), (mask >> i & 1) != 0 ? "/a" : "/:p%u", i);
      strcat(path, part);
    }
    add(scene, path);
  }
  ck_assert_str_eq(find(scene, "/a/a/a/a/a/a/a/a/a"), "/a/a/a/a/a/a/a/a/a");
  ck_assert_str_eq(find(scene, "/a/b/a/b/a/a/a/a/a"), "/a/:p1/a/:p3/a/a/a/a/a");
  for (int i = 0; i < 2000; i++) {
    ck_assert_str_eq(find(scene, "/a/a/a/a/a/a/a/a/a/a"), "");
  }
  scene_close(scene);
}
END_TEST

START_TEST(below_is_what_has_the_path_in_front) {
  scene_t *scene = scene_open();
  acoap_resource_t *a = add(scene, "/a");
  acoap_resource_t *ab = add(scene, "/a/b");
  acoap_resource_t *abc = add(scene, "/a/b/c");
  acoap_resource_t *aab = add(scene, "/aa/b");
  acoap_resource_t *root = add(scene, "/");
  ck_assert(acoap__tree_is_below(ab, a));
  ck_assert(acoap__tree_is_below(abc, a));
  ck_assert(acoap__tree_is_below(abc, ab));
  ck_assert(acoap__tree_is_below(a, root));
  ck_assert(!acoap__tree_is_below(a, a));
  ck_assert(!acoap__tree_is_below(a, ab));
  ck_assert(!acoap__tree_is_below(aab, a));
  ck_assert(!acoap__tree_is_below(root, a));
  scene_close(scene);
}
END_TEST

START_TEST(without_memory_the_tree_is_as_before) {
  fail_alloc_install();
  for (size_t n = 1; fail_alloc_again(n); n++) {
    acoap_server_t server = {0};
    acoap__list_init(&server.resources);
    fail_alloc_at(n);
    if (acoap__tree_new(&server) == 0) {
      (void)acoap_resource_new(&server, "/a/:b/c/...");
      (void)acoap_resource_new(&server, "/a/b");
      (void)acoap_resource_new(&server, "/a/b/c");
      ck_assert(server.status == 0 || server.status == ACOAP_ENOMEM);
      ck_assert(!fail_alloc_happened() || server.resource_count == 2);
    }
    fail_alloc_at(0);
    acoap__tree_free(&server);
    ck_assert_uint_eq(fail_alloc_live(), 0);
  }
  fail_alloc_restore();
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("server/tree");
  TCase *tc = tcase_create("paths");
  tcase_add_test(tc, literal_goes_before_parameter_before_subtree);
  tcase_add_test(tc, slash_at_the_end_is_an_empty_segment);
  tcase_add_test(tc, one_empty_option_is_the_path_without_segments);
  tcase_add_test(tc, segments_are_decoded_once_when_the_path_is_added);
  tcase_add_test(tc, what_is_no_path_is_refused);
  tcase_add_test(tc, what_is_there_is_not_added_again);
  tcase_add_test(tc, names_tell_which_segment_is_theirs);
  tcase_add_test(tc, subtree_of_the_root_takes_everything);
  tcase_add_test(tc, deepest_request_is_for_subtrees);
  tcase_add_test(tc, removal_leaves_nothing_and_what_is_below_stays);
  tcase_add_test(tc, ten_thousand_children_are_found_added_and_removed_in_any_order);
  tcase_add_test(tc, literals_that_differ_in_one_byte_or_in_length_are_told_apart);
  tcase_add_test(tc, hostile_path_enters_no_segment_twice);
  tcase_add_test(tc, below_is_what_has_the_path_in_front);
  tcase_add_test(tc, without_memory_the_tree_is_as_before);
  suite_add_tcase(s, tc);
  return s;
}

ACOAP_TEST_MAIN(suite)
