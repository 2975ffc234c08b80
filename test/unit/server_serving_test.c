/*
 * A request in a server's hands: what a handler may ask of it, when its object is used again, and
 * that a warm server takes no memory for a request that is answered at once.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "fail_alloc.h"
#include "server/server.h"
#include "server_rig.h"

typedef struct bench {
  server_rig_t rig;
  unsigned calls;
  acoap_request_cb look; /* at a request, before it is answered */
  acoap_request_t *kept[40];
  size_t count;
} bench_t;

static void serve(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->calls++;
  if (bench->look != NULL) {
    bench->look(bench, request);
  }
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "x", 1);
}

static void open_bench(bench_t *bench, const char *path, acoap_request_cb look) {
  memset(bench, 0, sizeof(*bench));
  server_rig_open(&bench->rig, 4, NULL);
  bench->look = look;
  ck_assert_int_eq(acoap_resource_on(acoap_resource_new(bench->rig.server, path), 0, serve, bench),
                   0);
}

/* ---- what a handler may ask ------------------------------------------------------------------ */

static bool is(acoap_bytes_t bytes, const char *text) {
  return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

static void look_at_queries(void *user_data, acoap_request_t *request) {
  acoap_bytes_t value = {(const uint8_t *)"untouched", 9};
  (void)user_data;
  ck_assert(!acoap_request_query(request, "none", &value));
  ck_assert(!acoap_request_query(request, "na", &value)); /* "name" only begins with it */
  ck_assert(is(value, "untouched"));
  ck_assert(acoap_request_query(request, "name", &value));
  ck_assert(is(value, "a=b"));
  ck_assert(acoap_request_query(request, "empty", &value));
  ck_assert_uint_eq(value.len, 0);
  ck_assert(acoap_request_query(request, "flag", &value));
  ck_assert_uint_eq(value.len, 0);
  ck_assert(!acoap_request_query(request, NULL, &value));
  ck_assert(!acoap_request_query(request, "name", NULL));
  ck_assert(!acoap_request_query(NULL, "name", &value));
}

START_TEST(query_is_found_by_its_name) {
  bench_t bench;
  open_bench(&bench, "/q", look_at_queries);
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/q?named=1&name=a=b&name=c&empty=&flag",
                    ACOAP_CODE_CONTENT, "x");
  ck_assert_uint_eq(bench.calls, 1);
  server_rig_close(&bench.rig);
}
END_TEST

static void look_at_depth(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  acoap_resource_t *resource = acoap_request_resource(request);
  ck_assert_ptr_nonnull(resource);
  ck_assert_str_eq(acoap_resource_path(resource), "/a/:id/...");
  ck_assert_ptr_eq(acoap_resource_server(resource), bench->rig.server);
  ck_assert_uint_eq(acoap_request_depth(request), 2);
  ck_assert(is(acoap_request_parameter(request, "id"), "7"));
  ck_assert_uint_eq(acoap_request_parameter(request, "other").len, 0);
  ck_assert(!acoap_request_is_notification(request));
  ck_assert_ptr_null(acoap_request_upload(request));
  ck_assert(is(acoap_request_body(request), "body"));
}

START_TEST(path_parameter_depth_and_body_are_told) {
  bench_t bench;
  open_bench(&bench, "/a/:id/...", look_at_depth);
  acoap_builder_t *builder = server_rig_begin(&bench.rig, ACOAP_CON, ACOAP_CODE_PUT, "/a/7/b/c");
  acoap_builder_payload(builder, "body", 4);
  ck_assert_uint_eq(server_rig_answer(&bench.rig)->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(bench.calls, 1);
  server_rig_close(&bench.rig);
}
END_TEST

static void look_at_conditions(void *user_data, acoap_request_t *request) {
  (void)user_data;
  ck_assert_int_eq(acoap_request_precondition(request, true, "v1", 2), 0);
  ck_assert_int_eq(acoap_request_precondition(request, true, "v2", 2),
                   ACOAP_CODE_PRECONDITION_FAILED);
  ck_assert_int_eq(acoap_request_precondition(request, false, NULL, 0),
                   ACOAP_CODE_PRECONDITION_FAILED);
  ck_assert_int_eq(acoap_request_precondition(request, true, NULL, 2), ACOAP_EINVAL);
}

START_TEST(handler_judges_preconditions_itself) {
  bench_t bench;
  open_bench(&bench, "/c", look_at_conditions);
  acoap_resource_understands(acoap_server_resource(bench.rig.server, "/c"), ACOAP_OPTION_IF_MATCH);
  acoap_builder_t *builder = server_rig_begin(&bench.rig, ACOAP_CON, ACOAP_CODE_PUT, "/c");
  acoap_builder_option(builder, ACOAP_OPTION_IF_MATCH, "v1", 2);
  ck_assert_uint_eq(server_rig_answer(&bench.rig)->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(bench.calls, 1);
  server_rig_close(&bench.rig);
}
END_TEST

/* Of an endpoint without a server: nothing is known, nothing breaks. */
static void look_without_server(void *user_data, acoap_request_t *request) {
  unsigned *calls = user_data;
  ++*calls;
  ck_assert_ptr_null(acoap__serving_of(request));
  ck_assert_ptr_null(acoap_request_resource(request));
  ck_assert_uint_eq(acoap_request_depth(request), 0);
  ck_assert_uint_eq(acoap_request_parameter(request, "id").len, 0);
  ck_assert(is(acoap_request_body(request), "body"));
  ck_assert(!acoap_request_is_notification(request));
  ck_assert_int_eq(acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE,
                                              acoap_body_copy("x", 1)),
                   ACOAP_ENOTSUP);
  ck_assert_int_eq(acoap_request_send_body(request, acoap_body_copy("x", 1), ACOAP_AS_REQUESTED),
                   ACOAP_ENOTSUP);
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
}

START_TEST(request_of_a_bare_endpoint_has_no_resource) {
  bench_t bench;
  unsigned calls = 0;
  open_bench(&bench, "/r", NULL);
  acoap_server_free(bench.rig.server);
  bench.rig.server = NULL;
  acoap_local_endpoint_receive(bench.rig.endpoint, look_without_server, &calls);
  acoap_builder_t *builder = server_rig_begin(&bench.rig, ACOAP_CON, ACOAP_CODE_PUT, "/r");
  acoap_builder_payload(builder, "body", 4);
  ck_assert_uint_eq(server_rig_answer(&bench.rig)->view.code, ACOAP_CODE_CHANGED);
  ck_assert_uint_eq(calls, 1);
  ck_assert_ptr_null(acoap_request_resource(NULL));
  ck_assert_uint_eq(acoap_request_depth(NULL), 0);
  server_rig_close(&bench.rig);
}
END_TEST

/* ---- time that a handler takes --------------------------------------------------------------- */

static acoap_host_ops_t clock_ops; /* the host's, with a clock that can be put forward */
static const acoap_host_ops_t *host_ops;
static acoap_time_t forward;

static acoap_time_t clock_now(acoap_host_t *host) {
  return host_ops->now(host) + forward;
}

static void take_long(void *user_data, acoap_request_t *request) {
  (void)user_data;
  (void)request;
  forward += 150;
}

static void count_sentence(void *user_data, acoap_log_level_t level, const char *text) {
  unsigned *count = user_data;
  *count += level == ACOAP_LOG_WARNING && strstr(text, " kept its handler for 150 ms") != NULL;
}

START_TEST(handler_that_runs_long_is_reported) {
  bench_t bench;
  unsigned sentences = 0;
  open_bench(&bench, "/r", NULL);
  acoap_host_t *host = acoap__local_endpoint_host(bench.rig.endpoint);
  host_ops = host->ops;
  clock_ops = *host->ops;
  clock_ops.now = clock_now;
  forward = 0;
  acoap_local_endpoint_set_log(bench.rig.endpoint, ACOAP_LOG_WARNING, count_sentence, &sentences);
  acoap_resource_on(acoap_resource_new(bench.rig.server, "/slow"), ACOAP_CODE_GET, take_long,
                    &bench);
  acoap_resource_on(acoap_server_resource(bench.rig.server, "/slow"), ACOAP_CODE_GET, serve,
                    &bench);
  host->ops = &clock_ops;
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/slow", ACOAP_CODE_CONTENT, "x");
  host->ops = host_ops;
  ck_assert_uint_eq(sentences, 1);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).slow, 1); /* once, though it was late, too */
  server_rig_close(&bench.rig);
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t allocations_of_an_exchange(bench_t *bench, uint8_t method, const char *uri) {
  fail_alloc_at(0);
  acoap_builder_t *builder = server_rig_begin(&bench->rig, ACOAP_CON, method, uri);
  acoap_builder_uint(builder, ACOAP_OPTION_ACCEPT, 0);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, "other", 5);
  if (method == ACOAP_CODE_PUT) {
    acoap_builder_payload(builder, "body", 4);
  }
  ck_assert_uint_eq(server_rig_answer(&bench->rig)->view.code, ACOAP_CODE_CONTENT);
  return fail_alloc_count();
}

START_TEST(request_that_is_answered_at_once_takes_no_memory_when_warm) {
  static const uint8_t methods[] = {ACOAP_CODE_GET, ACOAP_CODE_PUT, ACOAP_CODE_FETCH};
  bench_t bench;
  sim_peer_t bare;
  acoap_address_t bare_address = sim_address("192.0.2.9:9");
  fail_alloc_install();
  open_bench(&bench, "/sensor/:id", NULL);
  sim_peer_open(&bare, bench.rig.sim, "192.0.2.9:9");
  size_t cold = allocations_of_an_exchange(&bench, ACOAP_CODE_GET, "/sensor/1?a=b");
  /* What the network itself takes for a datagram there and one back. */
  fail_alloc_at(0);
  for (uint16_t i = 0; i < 2; i++) {
    sim_peer_send(&bare, &bare_address, ACOAP_NON, ACOAP_CODE_GET, i, NULL, NULL);
  }
  server_rig_run(&bench.rig, 1);
  size_t network = fail_alloc_count();
  ck_assert_uint_gt(network, 0);
  ck_assert_uint_gt(cold, network);
  for (size_t i = 0; i < 3; i++) {
    ck_assert_uint_eq(allocations_of_an_exchange(&bench, methods[i], "/sensor/1?a=b"), network);
  }
  sim_peer_close(&bare);
  server_rig_close(&bench.rig);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

static void keep(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->kept[bench->count++] = acoap_request_ref(request);
}

START_TEST(objects_are_used_again_up_to_a_bound) {
  bench_t bench;
  open_bench(&bench, "/r", NULL);
  acoap_resource_on(acoap_resource_new(bench.rig.server, "/kept"), ACOAP_CODE_GET, keep, &bench);
  ck_assert_uint_eq(bench.rig.server->free_serving_count, 0);
  for (size_t i = 0; i < 40; i++) {
    server_rig_begin(&bench.rig, ACOAP_NON, ACOAP_CODE_GET, "/kept");
    server_rig_send(&bench.rig, &bench.rig.address);
  }
  ck_assert_uint_eq(bench.count, 40);
  for (size_t i = 0; i < 40; i++) {
    acoap_request_unref(bench.kept[i]);
    server_rig_run(&bench.rig, 1);
    sim_peer_expect(&bench.rig.peer, ACOAP_NON, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  }
  ck_assert_uint_eq(bench.rig.server->free_serving_count, 32);
  ck_assert(acoap__list_empty(&bench.rig.server->open));
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/r", ACOAP_CODE_CONTENT, "x");
  ck_assert_uint_eq(bench.rig.server->free_serving_count, 32);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).dropped, 40);
  server_rig_close(&bench.rig);
}
END_TEST

START_TEST(no_memory_for_a_request_is_500) {
  bench_t bench;
  fail_alloc_install();
  open_bench(&bench, "/r", NULL);
  /* Have the endpoint's own objects in store, and none of the server's. */
  acoap_server_free(bench.rig.server);
  ck_assert_uint_eq(server_rig_ask(&bench.rig, ACOAP_CODE_GET, "/r")->view.code,
                    ACOAP_CODE_NOT_FOUND);
  ck_assert_int_eq(acoap_server_new(bench.rig.endpoint, NULL, &bench.rig.server), 0);
  acoap_resource_on(acoap_resource_new(bench.rig.server, "/r"), 0, serve, &bench);
  unsigned failed = 0;
  for (size_t n = 1; n < 20 && bench.calls == 0; n++) {
    server_rig_begin(&bench.rig, ACOAP_CON, ACOAP_CODE_GET, "/r");
    int len = acoap_builder_finish(&bench.rig.builder);
    sim_peer_send_bytes(&bench.rig.peer, &bench.rig.address, bench.rig.bytes, (size_t)len);
    fail_alloc_at(n);
    server_rig_run(&bench.rig, 1);
    fail_alloc_at(0);
    while (bench.rig.peer.taken < bench.rig.peer.received) {
      uint8_t code = sim_peer_next(&bench.rig.peer)->view.code;
      failed += code == ACOAP_CODE_INTERNAL_SERVER_ERROR ? 1 : 0;
    }
  }
  ck_assert_uint_eq(bench.calls, 1);
  ck_assert_uint_ge(failed, 1);
  server_rig_close(&bench.rig);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

static Suite *serving_suite(void) {
  Suite *suite = suite_create("server/serving");
  TCase *tcase = tcase_create("serving");
  tcase_add_test(tcase, query_is_found_by_its_name);
  tcase_add_test(tcase, path_parameter_depth_and_body_are_told);
  tcase_add_test(tcase, handler_judges_preconditions_itself);
  tcase_add_test(tcase, request_of_a_bare_endpoint_has_no_resource);
  tcase_add_test(tcase, handler_that_runs_long_is_reported);
  tcase_add_test(tcase, request_that_is_answered_at_once_takes_no_memory_when_warm);
  tcase_add_test(tcase, objects_are_used_again_up_to_a_bound);
  tcase_add_test(tcase, no_memory_for_a_request_is_500);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(serving_suite)
