/*
 * server/group: links of what is below a path, filtered as in RFC 6690 section 4.1.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdlib.h>

#include "support/check_main.h"
#include "support/server_rig.h"

static void nothing(void *user_data, acoap_request_t *request) {
  (void)user_data;
  (void)request;
}

static acoap_resource_t *add(server_rig_t *rig, const char *path, const char *rt) {
  acoap_resource_t *resource = acoap_resource_new(rig->server, path);
  acoap_resource_on(resource, ACOAP_CODE_GET, nothing, NULL);
  ck_assert_int_eq(acoap_resource_attribute(resource, "rt", rt), 0);
  return resource;
}

START_TEST(group_lists_what_is_below_it_just_now) {
  server_rig_t rig;
  server_rig_open(&rig, 7, NULL);
  acoap_resource_t *group = acoap_resource_new_group(rig.server, "/lights");
  ck_assert_int_eq(acoap_resource_attribute(group, "title", "Lights"), 0);
  add(&rig, "/", "root");
  acoap_resource_t *one = add(&rig, "/lights/1", "light");
  add(&rig, "/lights/1/colour", "colour");
  add(&rig, "/lights/:n/hours", "hours");
  add(&rig, "/lightsabre", "light");
  acoap_resource_hide(add(&rig, "/lights/secret", "light"));
  server_rig_expect(&rig, ACOAP_CODE_GET, "/lights", ACOAP_CODE_CONTENT,
                    "</lights/1>;rt=\"light\",</lights/1/colour>;rt=\"colour\"");
  server_rig_expect(&rig, ACOAP_CODE_GET, "/lights?rt=col*", ACOAP_CODE_CONTENT,
                    "</lights/1/colour>;rt=\"colour\"");
  server_rig_expect(&rig, ACOAP_CODE_GET, "/lights?rt=x", ACOAP_CODE_CONTENT, "");
  server_rig_expect(&rig, ACOAP_CODE_GET, "/lights?=x", ACOAP_CODE_BAD_REQUEST, NULL);
  acoap_resource_remove(one);
  server_rig_expect(&rig, ACOAP_CODE_GET, "/lights", ACOAP_CODE_CONTENT,
                    "</lights/1/colour>;rt=\"colour\"");
  server_rig_expect(&rig, ACOAP_CODE_GET, "/.well-known/core?href=/lights", ACOAP_CODE_CONTENT,
                    "</lights>;title=\"Lights\";ct=40");
  server_rig_expect(&rig, ACOAP_CODE_PUT, "/lights", ACOAP_CODE_METHOD_NOT_ALLOWED, NULL);
  server_rig_close(&rig);
}
END_TEST

START_TEST(group_of_the_root_lists_everything_else) {
  server_rig_t rig;
  server_rig_open(&rig, 7, NULL);
  ck_assert_ptr_nonnull(acoap_resource_new_group(rig.server, "/"));
  ck_assert_ptr_nonnull(acoap_resource_new_group(rig.server, "/a"));
  add(&rig, "/a/b", "c");
  server_rig_expect(&rig, ACOAP_CODE_GET, "/", ACOAP_CODE_CONTENT, "</a>;ct=40,</a/b>;rt=\"c\"");
  server_rig_close(&rig);
}
END_TEST

START_TEST(group_has_one_path_of_its_own) {
  server_rig_t rig;
  server_rig_open(&rig, 7, NULL);
  ck_assert_ptr_null(acoap_resource_new_group(rig.server, "/a/:n"));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_group(rig.server, "/a/..."));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_group(rig.server, "a"));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_group(NULL, "/a"));
  ck_assert_uint_eq(server_rig_stats(&rig).resources, 1);
  server_rig_close(&rig);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("server/group");
  TCase *tc = tcase_create("group");
  tcase_add_test(tc, group_lists_what_is_below_it_just_now);
  tcase_add_test(tc, group_of_the_root_lists_everything_else);
  tcase_add_test(tc, group_has_one_path_of_its_own);
  suite_add_tcase(s, tc);
  return s;
}

ACOAP_TEST_MAIN(suite)
