/*
 * A kept request of an observation answered again and again (RFC 7641 sections 4.2 to 4.5):
 * notifications reliable or not, one on its way at a time with the newest behind it, ended by RST,
 * by time-out, by an error; and every step of a response without memory.
 * SPDX-License-Identifier: MIT
 */
#include "check_main.h"
#include "fail_alloc.h"
#include "sim_pair.h"

typedef struct server {
  acoap_request_t *kept;
  unsigned requests;
  unsigned deliveries;
  int delivery;
  bool drop_in_delivery; /* give the reference back inside the callback */
} server_t;

static void delivered(void *user_data, acoap_request_t *request, int status) {
  server_t *server = user_data;
  server->deliveries++;
  server->delivery = status;
  if (server->drop_in_delivery && server->kept != NULL) {
    server->kept = acoap_request_unref(request);
  }
}

static int notify(acoap_request_t *request, uint8_t code, const char *text,
                  acoap_reliability_t reliability) {
  acoap_builder_t *builder = acoap_request_begin(request, code);
  if (builder == NULL) {
    return ACOAP_EINVAL;
  }
  acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, 2);
  acoap_builder_payload(builder, text, strlen(text));
  return acoap_request_send(request, reliability);
}

static void register_observer(void *user_data, acoap_request_t *request) {
  server_t *server = user_data;
  server->requests++;
  server->kept = acoap_request_ref(request);
  acoap_request_on_delivery(request, delivered, server);
  ck_assert_int_eq(notify(request, ACOAP_CODE_CONTENT, "0", ACOAP_AS_REQUESTED), 0);
}

/* A bare socket registers with a GET and Observe 0, so that it may acknowledge as it likes. */
typedef struct scene {
  sim_pair_t pair;
  server_t server;
  sim_peer_t peer;
} scene_t;

static void scene_open(scene_t *scene, acoap_type_t type, uint8_t method) {
  uint8_t bytes[64];
  acoap_builder_t builder;
  memset(scene, 0, sizeof(*scene));
  sim_pair_open(&scene->pair, 1, NULL);
  acoap_local_endpoint_receive(scene->pair.server, register_observer, &scene->server);
  sim_peer_open(&scene->peer, scene->pair.sim, "192.0.2.9:40001");
  acoap_builder_init(&builder, bytes, sizeof(bytes), type, method, 1, (const uint8_t *)"obs", 3);
  acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, 0);
  sim_peer_send_bytes(&scene->peer, &scene->pair.server_address, bytes,
                      (size_t)acoap_builder_finish(&builder));
  sim_pair_run(&scene->pair, 10);
  sim_peer_expect(&scene->peer, type == ACOAP_CON ? ACOAP_ACK : ACOAP_NON, ACOAP_CODE_CONTENT);
}

static void scene_close(scene_t *scene) {
  scene->server.kept = acoap_request_unref(scene->server.kept);
  sim_peer_close(&scene->peer);
  sim_pair_close(&scene->pair);
}

static void acknowledge(scene_t *scene, const sim_datagram_t *datagram) {
  sim_peer_send(&scene->peer, &scene->pair.server_address, ACOAP_ACK, 0, datagram->view.message_id,
                NULL, NULL);
}

static void expect_text(const sim_datagram_t *datagram, const char *text) {
  ck_assert_uint_eq(datagram->view.payload.len, strlen(text));
  ck_assert_mem_eq(datagram->view.payload.data, text, strlen(text));
  ck_assert_uint_eq(datagram->view.token.len, 3);
  ck_assert_mem_eq(datagram->view.token.data, "obs", 3);
}

START_TEST(notifications_are_sent_as_asked) {
  static const struct {
    acoap_type_t request;
    acoap_reliability_t reliability;
    acoap_type_t notification;
  } table[] = {
      {ACOAP_CON, ACOAP_AS_REQUESTED, ACOAP_CON}, {ACOAP_CON, ACOAP_UNRELIABLE, ACOAP_NON},
      {ACOAP_CON, ACOAP_RELIABLE, ACOAP_CON},     {ACOAP_NON, ACOAP_AS_REQUESTED, ACOAP_NON},
      {ACOAP_NON, ACOAP_RELIABLE, ACOAP_CON},
  };
  scene_t scene;
  scene_open(&scene, table[_i].request, ACOAP_CODE_GET);
  for (int n = 0; n < 3; n++) {
    ck_assert_int_eq(notify(scene.server.kept, ACOAP_CODE_CONTENT, "n", table[_i].reliability), 0);
    sim_pair_run(&scene.pair, 200000);
    const sim_datagram_t *came =
        sim_peer_expect(&scene.peer, table[_i].notification, ACOAP_CODE_CONTENT);
    expect_text(came, "n");
    if (table[_i].notification == ACOAP_CON) {
      break; /* not acknowledged: the peer counts as gone, which is another test */
    }
  }
  scene_close(&scene);
}
END_TEST

START_TEST(acknowledged_notification_is_told_and_the_next_may_follow) {
  scene_t scene;
  scene_open(&scene, ACOAP_CON, ACOAP_CODE_FETCH);
  for (unsigned n = 1; n <= 5; n++) {
    ck_assert_int_eq(notify(scene.server.kept, ACOAP_CODE_CONTENT, "n", ACOAP_RELIABLE), 0);
    sim_pair_run(&scene.pair, 10);
    acknowledge(&scene, sim_peer_expect(&scene.peer, ACOAP_CON, ACOAP_CODE_CONTENT));
    sim_pair_run(&scene.pair, 10);
    ck_assert_uint_eq(scene.server.deliveries, n);
    ck_assert_int_eq(scene.server.delivery, 0);
  }
  sim_pair_run(&scene.pair, 100000);
  sim_peer_expect_silence(&scene.peer);
  scene_close(&scene);
}
END_TEST

START_TEST(of_those_that_wait_the_newest_follows) {
  scene_t scene;
  scene_open(&scene, ACOAP_CON, ACOAP_CODE_GET);
  ck_assert_int_eq(notify(scene.server.kept, ACOAP_CODE_CONTENT, "1", ACOAP_RELIABLE), 0);
  ck_assert_int_eq(notify(scene.server.kept, ACOAP_CODE_CONTENT, "2", ACOAP_RELIABLE), 0);
  ck_assert_int_eq(notify(scene.server.kept, ACOAP_CODE_CONTENT, "3", ACOAP_UNRELIABLE), 0);
  sim_pair_run(&scene.pair, 10);
  const sim_datagram_t *first = sim_peer_expect(&scene.peer, ACOAP_CON, ACOAP_CODE_CONTENT);
  expect_text(first, "1");
  sim_peer_expect_silence(&scene.peer);
  acknowledge(&scene, first);
  sim_pair_run(&scene.pair, 10);
  expect_text(sim_peer_expect(&scene.peer, ACOAP_NON, ACOAP_CODE_CONTENT), "3");
  sim_pair_run(&scene.pair, 100000);
  sim_peer_expect_silence(&scene.peer);
  ck_assert_uint_eq(scene.server.deliveries, 1);
  scene_close(&scene);
}
END_TEST

START_TEST(rst_ends_the_observation) {
  static const acoap_reliability_t how[] = {ACOAP_RELIABLE, ACOAP_UNRELIABLE};
  scene_t scene;
  scene_open(&scene, ACOAP_CON, ACOAP_CODE_GET);
  scene.server.drop_in_delivery = _i >= 2;
  ck_assert_int_eq(notify(scene.server.kept, ACOAP_CODE_CONTENT, "n", how[_i % 2]), 0);
  sim_pair_run(&scene.pair, 10);
  const sim_datagram_t *came = sim_peer_next(&scene.peer);
  sim_peer_send(&scene.peer, &scene.pair.server_address, ACOAP_RST, 0, came->view.message_id, NULL,
                NULL);
  sim_pair_run(&scene.pair, 10);
  ck_assert_uint_eq(scene.server.deliveries, 1);
  ck_assert_int_eq(scene.server.delivery, ACOAP_ERESET);
  ck_assert(scene.server.kept == NULL ||
            notify(scene.server.kept, ACOAP_CODE_CONTENT, "m", ACOAP_RELIABLE) == ACOAP_EINVAL);
  sim_pair_run(&scene.pair, 100000);
  sim_peer_expect_silence(&scene.peer);
  scene_close(&scene);
}
END_TEST

/* RFC 7641 section 4.5.2: the newer state takes the place of the older one at the next attempt, and
 * the attempts go on counting. */
START_TEST(unacknowledged_notification_ends_the_observation_and_what_waits) {
  scene_t scene;
  scene_open(&scene, ACOAP_CON, ACOAP_CODE_GET);
  ck_assert_int_eq(notify(scene.server.kept, ACOAP_CODE_CONTENT, "1", ACOAP_RELIABLE), 0);
  ck_assert_int_eq(notify(scene.server.kept, ACOAP_CODE_CONTENT, "2", ACOAP_RELIABLE), 0);
  sim_pair_run(&scene.pair, 100000);
  for (int i = 0; i < 5; i++) {
    expect_text(sim_peer_expect(&scene.peer, ACOAP_CON, ACOAP_CODE_CONTENT), i == 0 ? "1" : "2");
  }
  sim_peer_expect_silence(&scene.peer);
  ck_assert_uint_eq(scene.server.deliveries, 1);
  ck_assert_int_eq(scene.server.delivery, ACOAP_ETIMEDOUT);
  ck_assert_ptr_null(acoap_request_begin(scene.server.kept, ACOAP_CODE_CONTENT));
  scene_close(&scene);
}
END_TEST

START_TEST(error_is_the_last_notification) {
  scene_t scene;
  scene_open(&scene, ACOAP_CON, ACOAP_CODE_GET);
  ck_assert_int_eq(notify(scene.server.kept, ACOAP_CODE_NOT_FOUND, "gone", ACOAP_RELIABLE), 0);
  ck_assert_ptr_null(acoap_request_begin(scene.server.kept, ACOAP_CODE_CONTENT));
  sim_pair_run(&scene.pair, 10);
  acknowledge(&scene, sim_peer_expect(&scene.peer, ACOAP_CON, ACOAP_CODE_NOT_FOUND));
  sim_pair_run(&scene.pair, 10);
  ck_assert_uint_eq(scene.server.deliveries, 1);
  scene_close(&scene);
}
END_TEST

START_TEST(request_without_observe_has_no_notifications) {
  scene_t scene;
  scene_open(&scene, ACOAP_CON, ACOAP_CODE_PUT);
  ck_assert_ptr_null(acoap_request_begin(scene.server.kept, ACOAP_CODE_CONTENT));
  scene_close(&scene);
}
END_TEST

START_TEST(observation_that_is_kept_is_not_outstanding_and_close_tells_it) {
  scene_t scene;
  scene_open(&scene, ACOAP_CON, ACOAP_CODE_GET);
  ck_assert_int_eq(notify(scene.server.kept, ACOAP_CODE_CONTENT, "1", ACOAP_RELIABLE), 0);
  sim_pair_run(&scene.pair, 10);
  sim_pair_close_one(&scene.pair, &scene.pair.server);
  sim_pair_run(&scene.pair, 10);
  ck_assert_uint_eq(scene.server.deliveries, 1);
  ck_assert_int_eq(scene.server.delivery, ACOAP_ECANCELED);
  scene_close(&scene);
}
END_TEST

/* ---- without memory -------------------------------------------------------------------------- */

static void keep_and_acknowledge(void *user_data, acoap_request_t *request) {
  server_t *server = user_data;
  server->requests++;
  server->kept = acoap_request_ref(request);
  ck_assert_int_eq(acoap_request_acknowledge(request), 0);
}

START_TEST(separate_response_without_memory_becomes_5_00) {
  fail_alloc_install();
  for (size_t n = 1; fail_alloc_again(n); n++) {
    sim_pair_t pair;
    server_t server = {0};
    sim_ask_t ask;
    sim_pair_open(&pair, 1, NULL);
    acoap_local_endpoint_receive(pair.server, keep_and_acknowledge, &server);
    sim_pair_get(&pair, &ask, ACOAP_CON);
    sim_pair_run(&pair, 10);
    fail_alloc_at(n);
    int status = acoap_request_respond(server.kept, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "x", 1);
    bool failed = fail_alloc_happened();
    fail_alloc_at(0);
    acoap_request_unref(server.kept);
    sim_pair_run(&pair, 60000);
    /* What fails later is the network's copy of the datagram: a loss that is made good. */
    ck_assert(status == 0 || (failed && status == ACOAP_ENOMEM));
    ck_assert_uint_eq(ask.responses, 1);
    ck_assert_uint_eq(ask.code,
                      status == 0 ? ACOAP_CODE_CONTENT : ACOAP_CODE_INTERNAL_SERVER_ERROR);
    sim_ask_done(&ask);
    sim_pair_close(&pair);
    ck_assert_uint_eq(fail_alloc_live(), 0);
  }
  fail_alloc_restore();
}
END_TEST

/* A whole exchange with a group, an observation and a lookup, every allocation of which fails once.
 */
static void whole_flow(size_t n) {
  sim_pair_t pair;
  server_t server = {0};
  sim_ask_t asks[3];
  acoap_address_t group = sim_address("224.0.1.187");
  sim_pair_open(&pair, 1, NULL);
  acoap_local_endpoint_receive(pair.server, keep_and_acknowledge, &server);
  fail_alloc_at(n);
  int joined = acoap_local_endpoint_join(pair.server, &group, NULL);
  ck_assert(joined == 0 || joined == ACOAP_ENOMEM);
  for (int i = 0; i < 3; i++) {
    sim_ask_init(&asks[i], pair.client, ACOAP_CODE_GET);
    acoap_builder_uint(&asks[i].builder, ACOAP_OPTION_OBSERVE, 0);
    asks[i].keep = true;
    server.requests = 0;
    int status = sim_ask_send(&asks[i], &pair.server_address, ACOAP_CON);
    sim_pair_run(&pair, 20000);
    if (status == 0 && server.requests == 1) {
      (void)notify(server.kept, ACOAP_CODE_CONTENT, "1", ACOAP_RELIABLE);
      (void)notify(server.kept, ACOAP_CODE_CONTENT, "2", ACOAP_RELIABLE);
      (void)notify(server.kept, ACOAP_CODE_CONTENT, "3", ACOAP_RELIABLE);
      sim_pair_run(&pair, 20000);
      server.kept = acoap_request_unref(server.kept);
      ck_assert_uint_ge(asks[i].responses + asks[i].failures, 1);
    }
  }
  fail_alloc_at(0);
  for (int i = 0; i < 3; i++) {
    sim_ask_done(&asks[i]);
  }
  sim_pair_close(&pair);
  ck_assert_uint_eq(fail_alloc_live(), 0);
}

START_TEST(flow_survives_every_failing_allocation) {
  size_t n = 1;
  fail_alloc_install();
  for (; fail_alloc_again(n); n++) {
    whole_flow(n);
  }
  ck_assert_uint_gt(n, 20);
  fail_alloc_restore();
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("endpoint_notify");
  TCase *notifications = tcase_create("notifications");
  tcase_add_loop_test(notifications, notifications_are_sent_as_asked, 0, 5);
  tcase_add_test(notifications, acknowledged_notification_is_told_and_the_next_may_follow);
  tcase_add_test(notifications, of_those_that_wait_the_newest_follows);
  tcase_add_loop_test(notifications, rst_ends_the_observation, 0, 4);
  tcase_add_test(notifications, unacknowledged_notification_ends_the_observation_and_what_waits);
  tcase_add_test(notifications, error_is_the_last_notification);
  tcase_add_test(notifications, request_without_observe_has_no_notifications);
  tcase_add_test(notifications, observation_that_is_kept_is_not_outstanding_and_close_tells_it);
  suite_add_tcase(s, notifications);
  TCase *memory = tcase_create("memory");
  tcase_add_test(memory, separate_response_without_memory_becomes_5_00);
  tcase_add_test(memory, flow_survives_every_failing_allocation);
  suite_add_tcase(s, memory);
  return s;
}

ACOAP_TEST_MAIN(suite)
