/*
 * server/resource: what a resource is told, and how it goes. RFC 7252 section 5.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdlib.h>
#include <string.h>

#include "server/server.h"
#include "support/check_main.h"
#include "support/server_rig.h"

typedef struct scene {
  server_rig_t rig;
  acoap_resource_t *resource; /* a test's */
  acoap_request_t *kept;      /* a test's */
  unsigned handled;           /* requests */
  unsigned destroyed;         /* destroy callbacks */
  char order[16];             /* of destroy callbacks */
} scene_t;

static scene_t *scene_open(void) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  server_rig_open(&scene->rig, 5, NULL);
  return scene;
}

static void scene_close(scene_t *scene) {
  server_rig_close(&scene->rig);
  free(scene);
}

static void say(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  scene->handled++;
  (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "here", 4);
}

static void destroyed(void *user_data) {
  scene_t *scene = user_data;
  scene->destroyed++;
}

static void destroyed_a(void *user_data) {
  strcat(((scene_t *)user_data)->order, "a");
}

static void destroyed_b(void *user_data) {
  strcat(((scene_t *)user_data)->order, "b");
}

START_TEST(every_setter_takes_null) {
  scene_t *scene = scene_open();
  acoap_resource_t *none = acoap_resource_new(scene->rig.server, "none");
  ck_assert_ptr_null(none);
  ck_assert_int_eq(acoap_resource_on(none, ACOAP_CODE_GET, say, scene), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_attribute(none, "rt", "a"), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_hide(none), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_gives(none, 0), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_takes(none, 0), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_understands(none, 9), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_on_version(none, NULL, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_multicast(none, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_fresh(none, 1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_body_max(none, 1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_on_upload(none, NULL, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_acknowledge_at_once(none, true), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_on_destroy(none, destroyed, scene), ACOAP_EINVAL);
  ck_assert_uint_eq(scene->destroyed, 1);
  ck_assert_ptr_null(acoap_resource_remove(none));
  ck_assert_ptr_null(acoap_resource_path(none));
  ck_assert_ptr_null(acoap_resource_server(none));
  ck_assert_int_eq(acoap_server_status(scene->rig.server), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(scene->rig.server), 0);
  ck_assert_ptr_null(acoap_resource_new(NULL, "/a"));
  scene_close(scene);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused_and_kept_as_the_status) {
  scene_t *scene = scene_open();
  acoap_server_t *server = scene->rig.server;
  acoap_resource_t *a = acoap_resource_new(server, "/a");
  acoap_upload_ops_t ops = {.size = sizeof(ops)};
  acoap_multicast_policy_t policy = {.size = 0};
  ck_assert_int_eq(acoap_resource_on(a, ACOAP_CODE_GET, NULL, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(server), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_on(a, ACOAP_CODE_CONTENT, say, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(server), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_gives(a, -1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(server), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_takes(a, 65536), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(server), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_understands(a, ACOAP_OPTION_ACCEPT - 1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(server), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_on_upload(a, &ops, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(server), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_multicast(a, &policy), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(server), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_on_destroy(a, NULL, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(server), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(server), 0);
  scene_close(scene);
}
END_TEST

START_TEST(resource_knows_its_path_and_server) {
  scene_t *scene = scene_open();
  acoap_resource_t *a = acoap_resource_new(scene->rig.server, "/a/:b");
  ck_assert_str_eq(acoap_resource_path(a), "/a/:b");
  ck_assert_ptr_eq(acoap_resource_server(a), scene->rig.server);
  ck_assert_ptr_eq(acoap_server_resource(scene->rig.server, "/a/:b"), a);
  ck_assert_ptr_null(acoap_server_resource(scene->rig.server, "/a/b"));
  ck_assert_ptr_null(acoap_server_resource(scene->rig.server, "/a"));
  ck_assert_ptr_null(acoap_server_resource(scene->rig.server, NULL));
  ck_assert_ptr_null(acoap_server_resource(NULL, "/a"));
  ck_assert_uint_eq(server_rig_stats(&scene->rig).resources, 2); /* and /.well-known/core */
  scene_close(scene);
}
END_TEST

START_TEST(resource_is_found_until_it_is_removed) {
  scene_t *scene = scene_open();
  acoap_resource_t *a = acoap_resource_new(scene->rig.server, "/a");
  acoap_resource_on(a, ACOAP_CODE_GET, say, scene);
  acoap_resource_on_destroy(a, destroyed, scene);
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, "/a", ACOAP_CODE_CONTENT, "here");
  ck_assert_ptr_null(acoap_resource_remove(a));
  ck_assert_uint_eq(scene->destroyed, 1);
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, "/a", ACOAP_CODE_NOT_FOUND, NULL);
  acoap_resource_on(acoap_resource_new(scene->rig.server, "/a"), ACOAP_CODE_GET, say, scene);
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, "/a", ACOAP_CODE_CONTENT, "here");
  ck_assert_uint_eq(scene->handled, 2);
  scene_close(scene);
}
END_TEST

static void remove_and_say(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  ck_assert_ptr_eq(acoap_request_resource(request), scene->resource);
  acoap_resource_remove(scene->resource);
  acoap_resource_remove(scene->resource);
  ck_assert_uint_eq(scene->destroyed, 0);
  ck_assert_ptr_null(acoap_request_resource(request));
  ck_assert_int_eq(acoap_resource_hide(scene->resource), ACOAP_EINVAL);
  acoap_bytes_t id = acoap_request_parameter(request, "id");
  ck_assert_uint_eq(id.len, 2);
  ck_assert_mem_eq(id.data, "42", 2);
  say(scene, request);
}

START_TEST(resource_may_be_removed_in_its_own_handler) {
  scene_t *scene = scene_open();
  scene->resource = acoap_resource_new(scene->rig.server, "/a/:id");
  acoap_resource_on(scene->resource, ACOAP_CODE_GET, remove_and_say, scene);
  acoap_resource_on_destroy(scene->resource, destroyed, scene);
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, "/a/42", ACOAP_CODE_CONTENT, "here");
  ck_assert_uint_eq(scene->destroyed, 1);
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, "/a/42", ACOAP_CODE_NOT_FOUND, NULL);
  scene_close(scene);
}
END_TEST

static void keep(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  scene->kept = acoap_request_ref(request);
}

START_TEST(kept_request_is_answered_after_its_resource_went) {
  scene_t *scene = scene_open();
  acoap_resource_t *a = acoap_resource_new(scene->rig.server, "/:name");
  acoap_resource_on(a, ACOAP_CODE_GET, keep, scene);
  acoap_resource_on_destroy(a, destroyed, scene);
  (void)server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, "/lamp");
  server_rig_send(&scene->rig, &scene->rig.address);
  acoap_resource_remove(a);
  ck_assert_uint_eq(scene->destroyed, 0);
  ck_assert_ptr_null(acoap_request_resource(scene->kept));
  acoap_bytes_t name = acoap_request_parameter(scene->kept, "name");
  ck_assert_uint_eq(name.len, 4);
  ck_assert_mem_eq(name.data, "lamp", 4);
  ck_assert_uint_eq(acoap_request_parameter(scene->kept, "nam").len, 0);
  say(scene, scene->kept);
  acoap_request_unref(scene->kept);
  server_rig_run(&scene->rig, 1);
  server_rig_expect_payload(sim_peer_expect(&scene->rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT),
                            "here");
  ck_assert_uint_eq(scene->destroyed, 1);
  scene_close(scene);
}
END_TEST

START_TEST(several_are_told_when_it_goes) {
  scene_t *scene = scene_open();
  acoap_resource_t *a = acoap_resource_new(scene->rig.server, "/a");
  ck_assert_int_eq(acoap_resource_on_destroy(a, destroyed_a, scene), 0);
  ck_assert_int_eq(acoap_resource_on_destroy(a, destroyed_b, scene), 0);
  acoap_resource_remove(a);
  ck_assert_str_eq(scene->order, "ab");
  scene_close(scene);
}
END_TEST

START_TEST(server_that_goes_takes_its_resources_along) {
  scene_t *scene = scene_open();
  acoap_resource_t *a = acoap_resource_new(scene->rig.server, "/a");
  acoap_resource_on_destroy(a, destroyed, scene);
  acoap_server_free(scene->rig.server);
  scene->rig.server = NULL;
  ck_assert_uint_eq(scene->destroyed, 1);
  scene_close(scene);
}
END_TEST

static void say_parameters(void *user_data, acoap_request_t *request) {
  char text[64];
  acoap_bytes_t house = acoap_request_parameter(request, "house");
  acoap_bytes_t room = acoap_request_parameter(request, "room");
  (void)user_data;
  int len = snprintf(text, sizeof(text), "%.*s|%.*s|%zu", (int)house.len, house.data, (int)room.len,
                     room.data, acoap_request_depth(request));
  (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, text, (size_t)len);
}

START_TEST(parameters_are_segments_as_they_were_sent) {
  scene_t *scene = scene_open();
  acoap_resource_on(acoap_resource_new(scene->rig.server, "/house/:house/:room/..."),
                    ACOAP_CODE_GET, say_parameters, NULL);
  acoap_resource_on(acoap_resource_new(scene->rig.server, "/house/:house"), ACOAP_CODE_GET,
                    say_parameters, NULL);
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, "/house/1/2/3/4", ACOAP_CODE_CONTENT, "1|2|3");
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, "/house/a%2Fb", ACOAP_CODE_CONTENT, "a/b||2");
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, "/house", ACOAP_CODE_NOT_FOUND, NULL);
  scene_close(scene);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("server/resource");
  TCase *tc = tcase_create("resource");
  tcase_add_test(tc, every_setter_takes_null);
  tcase_add_test(tc, what_makes_no_sense_is_refused_and_kept_as_the_status);
  tcase_add_test(tc, resource_knows_its_path_and_server);
  tcase_add_test(tc, resource_is_found_until_it_is_removed);
  tcase_add_test(tc, resource_may_be_removed_in_its_own_handler);
  tcase_add_test(tc, kept_request_is_answered_after_its_resource_went);
  tcase_add_test(tc, several_are_told_when_it_goes);
  tcase_add_test(tc, server_that_goes_takes_its_resources_along);
  tcase_add_test(tc, parameters_are_segments_as_they_were_sent);
  suite_add_tcase(s, tc);
  return s;
}

ACOAP_TEST_MAIN(suite)
