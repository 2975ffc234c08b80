/*
 * server/observe: hashes of paths, and the options of observable resources.
 * SPDX-License-Identifier: MIT
 */
#include "check_main.h"
#include "server/observe.h"
#include "server_rig.h"

static uint64_t hash_of_options(server_rig_t *rig, const char *path) {
  acoap_view_t view;
  acoap_builder_view(server_rig_begin(rig, ACOAP_CON, ACOAP_CODE_GET, path), &view);
  return acoap__path_hash(rig->server, &view);
}

START_TEST(a_path_as_text_is_the_path_of_the_options) {
  static const char *const paths[] = {"/",     "/a",     "/a/b",    "/ab",        "/a%2Fb",
                                      "/a/b/", "/a%20b", "/%C3%BC", "/sensor/:id"};
  const size_t count = sizeof(paths) / sizeof(paths[0]);
  server_rig_t rig;
  uint64_t hash[sizeof(paths) / sizeof(paths[0])];
  server_rig_open(&rig, 1, NULL);
  for (size_t i = 0; i < count; i++) {
    ck_assert(acoap__path_hash_text(rig.server, paths[i], &hash[i]));
    ck_assert_msg(hash[i] == hash_of_options(&rig, paths[i]), "%s", paths[i]);
    for (size_t n = 0; n < i; n++) {
      ck_assert_msg(hash[n] != hash[i], "%s and %s", paths[n], paths[i]);
    }
  }
  ck_assert(acoap__path_hash_text(rig.server, "/a%2fb", &hash[0]));
  ck_assert(hash[0] == hash[4]);
  server_rig_close(&rig);
}
END_TEST

START_TEST(what_is_no_path_has_no_hash) {
  char longer[400] = "/";
  server_rig_t rig;
  uint64_t hash = 7;
  server_rig_open(&rig, 1, NULL);
  memset(longer + 1, 'a', 256);
  ck_assert(!acoap__path_hash_text(rig.server, "", &hash));
  ck_assert(!acoap__path_hash_text(rig.server, "a/b", &hash));
  ck_assert(!acoap__path_hash_text(rig.server, longer, &hash));
  ck_assert_uint_eq(hash, 7);
  longer[256] = '\0';
  ck_assert(acoap__path_hash_text(rig.server, longer, &hash));
  server_rig_close(&rig);
}
END_TEST

START_TEST(options_have_defaults_and_bounds) {
  server_rig_t rig;
  server_rig_open(&rig, 1, NULL);
  acoap_resource_t *resource = acoap_resource_new(rig.server, "/r");
  ck_assert_int_eq(acoap_resource_observable(NULL, NULL), ACOAP_EINVAL);
  ck_assert(!resource->observable);
  ck_assert_int_eq(acoap_resource_observable(resource, NULL), 0);
  ck_assert(resource->observable);
  ck_assert_uint_eq(resource->observe.confirm_every, 16);
  ck_assert_uint_eq(resource->observe.confirm_ms, 86400000);
  acoap_observable_options_t options = {.size = sizeof(options), .confirm_ms = 86400001};
  options.confirm_every = 1;
  ck_assert_int_eq(acoap_resource_observable(resource, &options), 0);
  ck_assert_uint_eq(resource->observe.confirm_every, 1);
  ck_assert_uint_eq(resource->observe.confirm_ms, 86400000);
  options.size = 1;
  ck_assert_int_eq(acoap_resource_observable(resource, &options), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  /* One compiled against a shorter struct. */
  options.size = offsetof(acoap_observable_options_t, confirm_every);
  ck_assert_int_eq(acoap_resource_observable(resource, &options), 0);
  ck_assert_uint_eq(resource->observe.confirm_every, 16);
  ck_assert_uint_eq(acoap_resource_observers(resource), 0);
  ck_assert_uint_eq(acoap_resource_observers(NULL), 0);
  server_rig_close(&rig);
}
END_TEST

static Suite *server_observe_suite(void) {
  Suite *suite = suite_create("server_observe");
  TCase *tcase = tcase_create("observe");
  tcase_add_test(tcase, a_path_as_text_is_the_path_of_the_options);
  tcase_add_test(tcase, what_is_no_path_has_no_hash);
  tcase_add_test(tcase, options_have_defaults_and_bounds);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(server_observe_suite)
