/*
 * Where parts of the client meet: request bodies and observation, changes during a fetch, layers
 * with timers in follow-ups, larger messages, networks that are not there, ends behind items,
 * dropping inside a layer that writes.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "client_rig.h"
#include "script_server.h"

typedef struct scene {
  client_rig_t rig;
  script_server_t server;
  outcome_t outcome;
  acoap_stream_t *stream;
  uint32_t number;       /* Observe of the next answer */
  const char *etag;      /* of further blocks */
  bool silent;           /* answers no further requests */
  unsigned first_blocks; /* requests for a body's start */
} scene_t;

static scene_t *scene_open(script_server_cb serve) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  client_rig_open(&scene->rig, 61);
  scene->number = 3;
  scene->etag = "e1";
  script_server_open(&scene->server, scene->rig.sim, RIG_SERVER, serve, scene);
  return scene;
}

static void scene_close(scene_t *scene) {
  acoap_stream_unref(scene->stream);
  client_rig_run(&scene->rig, 1);
  script_server_close(&scene->server);
  client_rig_close(&scene->rig);
  free(scene);
}

/* ---- FETCH with a body in blocks, observed ------------------------------------------------------
 */

static void serve_fetch(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_block_t block = {0, false, 2};
  uint32_t observe;
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  (void)acoap_view_block(view, ACOAP_OPTION_BLOCK1, &block);
  acoap_builder_t *builder =
      script_server_begin(server, block.more ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CONTENT);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
  if (!block.more && acoap_view_uint(view, ACOAP_OPTION_OBSERVE, &observe) && observe == 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, scene->number++);
    acoap_builder_uint(builder, ACOAP_OPTION_MAX_AGE, 10);
    acoap_builder_payload(builder, "x", 1);
  }
  script_server_send(server);
}

START_TEST(observed_fetch_sends_its_whole_body_with_each_registration) {
  scene_t *scene = scene_open(serve_fetch);
  acoap_desc_t *desc = acoap_desc_fetch();
  acoap_desc_block1(desc, 64, scene->rig.body, 100);
  acoap_desc_observe(desc, NULL);
  ck_assert_int_eq(rig_stream(&scene->rig, "/q", desc, &scene->outcome, &scene->stream), 0);
  client_rig_run(&scene->rig, 26000);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  script_server_expect(&scene->server, "> CON FETCH /q Observe:0 1:0/1/64 [64]\n"
                                       "< ACK 2.31 1:0/1/64\n"
                                       "> CON FETCH /q Observe:0 1:1/0/64 [36]\n"
                                       "< ACK 2.05 Observe:3 1:1/0/64 [1]\n"
                                       "> CON FETCH /q Observe:0 1:0/1/64 [64]\n"
                                       "< ACK 2.31 1:0/1/64\n"
                                       "> CON FETCH /q Observe:0 1:1/0/64 [36]\n"
                                       "< ACK 2.05 Observe:4 1:1/0/64 [1]\n");
  scene_close(scene);
}
END_TEST

/* ---- a change during the fetch of a notification -------------------------------------------- */

static void serve_changing(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_block_t block = {0, false, 0};
  if (!acoap_code_is_request(view->code) || scene->silent) {
    return;
  }
  (void)acoap_view_block(view, ACOAP_OPTION_BLOCK2, &block);
  if (block.num > 0) {
    script_server_block2(server, ACOAP_CODE_CONTENT, block.num, 0, scene->rig.body, 40,
                         scene->etag);
    return;
  }
  scene->first_blocks++;
  acoap_builder_t *builder = script_server_begin(server, ACOAP_CODE_CONTENT);
  block.more = true;
  acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, scene->number++);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, scene->first_blocks % 2 == 1 ? "e1" : "e2", 2);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  acoap_builder_payload(builder, scene->rig.body, 16);
  script_server_send(server);
}

START_TEST(change_during_a_fetch_leaves_the_observation_alone) {
  scene_t *scene = scene_open(serve_changing);
  scene->etag = "other"; /* each further block is of another representation than the first */
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_collect(desc, 1000);
  acoap_desc_observe(desc, NULL);
  ck_assert_int_eq(rig_stream(&scene->rig, "/q", desc, &scene->outcome, &scene->stream), 0);
  client_rig_run(&scene->rig, 1000);
  ck_assert_uint_eq(scene->outcome.items, 0);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  ck_assert_uint_eq(scene->first_blocks, 2); /* started again once, then given up */
  scene->etag = "e1";
  scene->first_blocks = 0;
  client_rig_run(&scene->rig, 76000); /* the next registration */
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.len, 40);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  scene_close(scene);
}
END_TEST

/* ---- layers of the user's in follow-ups ----------------------------------------------------- */

typedef struct patience {
  unsigned clones, destroyed, wakes; /* of all, in the one that the test made */
  int verdict;                       /* of `wake` in follow-ups */
  struct patience *origin;           /* of a clone; NULL in the one that the test made */
} patience_t;

static int patience_write(void *layer, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  (void)builder;
  if (((patience_t *)layer)->origin != NULL) {
    acoap_exchange_wake_at(exchange, acoap_exchange_now(exchange) + 500);
  }
  return 0;
}

static int patience_wake(void *layer, acoap_exchange_t *exchange) {
  patience_t *patience = layer;
  ck_assert_int_eq(acoap_exchange_status(exchange), 0);
  ck_assert_ptr_null(acoap_exchange_message(exchange));
  ck_assert_ptr_nonnull(patience->origin);
  patience->origin->wakes++;
  return patience->origin->verdict;
}

static void *patience_clone(const void *layer) {
  patience_t *origin = (patience_t *)(uintptr_t)layer;
  patience_t *clone = calloc(1, sizeof(*clone));
  ck_assert_ptr_nonnull(clone);
  origin->clones++;
  clone->origin = origin;
  return clone;
}

static void patience_destroy(void *layer) {
  patience_t *patience = layer;
  if (patience->origin != NULL) {
    patience->origin->destroyed++;
    free(patience);
  } else {
    patience->destroyed++;
  }
}

static const acoap_layer_ops_t patience_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .write = patience_write,
    .wake = patience_wake,
    .clone = patience_clone,
    .destroy = patience_destroy,
};

START_TEST(layer_may_wake_in_a_follow_up_and_decide_there) {
  static const int verdicts[] = {ACOAP_ENOTSUP, ACOAP_SEND_NEXT, ACOAP_DONE, ACOAP_CONTINUE};
  for (size_t i = 0; i < 4; i++) {
    scene_t *scene = scene_open(serve_changing);
    patience_t patience = {.verdict = verdicts[i]};
    acoap_desc_t *desc = acoap_desc_get();
    acoap_desc_layer(desc, &patience_ops, &patience);
    acoap_desc_collect(desc, 1000);
    acoap_desc_observe(desc, NULL);
    ck_assert_int_eq(rig_stream(&scene->rig, "/q", desc, &scene->outcome, &scene->stream), 0);
    client_rig_run(&scene->rig, 10);
    ck_assert_uint_eq(scene->outcome.items, 1);
    scene->silent = true; /* the next fetch hangs */
    acoap_builder_t *builder =
        script_server_begin_as(&scene->server, ACOAP_NON, ACOAP_CODE_CONTENT);
    acoap_block_t block = {0, true, 0};
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, 100);
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
    acoap_builder_payload(builder, scene->rig.body, 16);
    /* Notifications have the token of the registration, which was the first request. */
    memcpy(scene->server.bytes + 4, scene->server.first_token, 8);
    script_server_send(&scene->server);
    unsigned before = scene->server.requests;
    client_rig_run(&scene->rig, 600);
    ck_assert_uint_eq(patience.clones, 2);
    ck_assert_uint_eq(patience.wakes, 1);
    ck_assert_uint_eq(scene->outcome.finals, verdicts[i] == ACOAP_ENOTSUP ? 1u : 0u);
    /* The hanging request; then the next one, or the farewell of a stream that has ended. */
    bool further = verdicts[i] == ACOAP_SEND_NEXT || verdicts[i] == ACOAP_ENOTSUP;
    ck_assert_uint_eq(scene->server.requests - before, further ? 2u : 1u);
    scene->stream = acoap_stream_unref(scene->stream);
    client_rig_run(&scene->rig, 1);
    ck_assert_uint_eq(patience.destroyed, patience.clones + 1);
    scene_close(scene);
  }
}
END_TEST

/* ---- dropping while the request is built ---------------------------------------------------- */

static outcome_t *dropper;

static int drop_in_writer(void *user_data, uint8_t *room, size_t cap) {
  unsigned *calls = user_data;
  (void)room;
  (void)cap;
  if (++*calls == 2) {
    dropper->future = acoap_future_unref(dropper->future);
  }
  return 0;
}

static void answer_busy(script_server_t *server, const acoap_view_t *view) {
  if (acoap_code_is_request(view->code)) {
    script_server_begin(server, ACOAP_CODE_SERVICE_UNAVAILABLE);
    script_server_send(server);
  }
}

START_TEST(future_may_be_dropped_while_its_request_is_built) {
  scene_t *scene = scene_open(answer_busy);
  unsigned calls = 0;
  acoap_desc_t *desc = acoap_desc_post();
  acoap_desc_payload_writer(desc, drop_in_writer, &calls);
  acoap_desc_retry(desc, 3, 100);
  dropper = &scene->outcome;
  ck_assert_int_eq(rig_send(&scene->rig, "/q", desc, &scene->outcome, &scene->outcome.future), 0);
  client_rig_run(&scene->rig, 10000);
  ck_assert_uint_eq(calls, 2);
  ck_assert_uint_eq(scene->server.requests, 1);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  ck_assert_uint_eq(scene->outcome.destroyed, 1);
  scene_close(scene);
}
END_TEST

/* ---- larger messages ------------------------------------------------------------------------ */

static size_t large_mtu(acoap_socket_t *socket, const acoap_address_t *peer) {
  (void)socket;
  (void)peer;
  return 4000;
}

START_TEST(message_may_be_larger_where_socket_and_endpoint_allow) {
  for (size_t limit = 1152; limit <= 4000; limit += 2848) {
    acoap_sim_t *sim = NULL;
    acoap_local_endpoint_t *endpoint = NULL;
    acoap_remote_endpoint_t *remote = NULL;
    acoap_socket_t *socket = NULL;
    acoap_address_t address;
    outcome_t outcome = {0};
    static uint8_t body[3000];
    ck_assert_int_eq(acoap_sim_new(1, 1000, &sim), 0);
    ck_assert_int_eq(acoap_address_parse(RIG_CLIENT, strlen(RIG_CLIENT), &address), 0);
    ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &socket), 0);
    acoap_socket_ops_t ops = *socket->ops;
    ops.mtu = large_mtu;
    socket->ops = &ops;
    acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                              .host = acoap_sim_host(sim),
                                              .sockets = &socket,
                                              .socket_count = 1,
                                              .message_max_bytes = limit};
    ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &endpoint), 0);
    ck_assert_int_eq(acoap_remote_endpoint_new(endpoint, "coap://192.0.2.1/q", &remote), 0);
    acoap_desc_t *desc = acoap_desc_post();
    acoap_desc_payload(desc, body, sizeof(body));
    int status = acoap_send(remote, desc, outcome_note, &outcome, NULL);
    ck_assert_int_eq(status, limit == 1152 ? ACOAP_ETOOBIG : 0);
    acoap_remote_endpoint_unref(remote);
    acoap_local_endpoint_close(endpoint, NULL, NULL);
    ck_assert(acoap_sim_run_idle(sim, 1000000));
    ck_assert_uint_eq(outcome.finals, limit == 1152 ? 0u : 1u);
    acoap_sim_free(sim);
  }
}
END_TEST

/* ---- ends ----------------------------------------------------------------------------------- */

START_TEST(deregistration_by_non_is_patient_for_max_transmit_wait) {
  scene_t *scene = scene_open(serve_fetch);
  acoap_desc_t *desc = acoap_desc_fetch();
  acoap_desc_payload(desc, "q", 1);
  acoap_desc_nonconfirmable(desc);
  acoap_desc_observe(desc, NULL);
  ck_assert_int_eq(rig_stream(&scene->rig, "/q", desc, &scene->outcome, &scene->stream), 0);
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_eq(scene->outcome.items, 1);
  scene->server.on_message = NULL;
  scene->stream = acoap_stream_unref(scene->stream);
  acoap_local_endpoint_unref(scene->rig.client);
  acoap_time_t before = acoap_sim_now(scene->rig.sim);
  ck_assert(acoap_sim_run_idle(scene->rig.sim, before + 1000000));
  ck_assert_int_le((int)(acoap_sim_now(scene->rig.sim) - before), 145000);
  ck_assert_uint_eq(scene->server.requests, 2);
  scene_close(scene);
}
END_TEST

START_TEST(end_that_waits_is_given_when_the_endpoint_closes) {
  scene_t *scene = scene_open(serve_fetch);
  acoap_desc_t *desc = acoap_desc_get();
  ck_assert_int_eq(rig_stream(&scene->rig, "/q", desc, &scene->outcome, &scene->stream), 0);
  acoap_stream_pause(scene->stream);
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.items, 0);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  acoap_local_endpoint_close(scene->rig.client, NULL, NULL);
  scene->rig.client = NULL;
  client_rig_run(&scene->rig, 1);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
  ck_assert_uint_eq(scene->outcome.destroyed, 1);
  scene_close(scene);
}
END_TEST

START_TEST(stream_is_shared_by_counting_references) {
  scene_t *scene = scene_open(serve_fetch);
  ck_assert_ptr_null(acoap_stream_ref(NULL));
  ck_assert_ptr_null(acoap_stream_unref(NULL));
  ck_assert_int_eq(rig_stream(&scene->rig, "/q", acoap_desc_get(), &scene->outcome, &scene->stream),
                   0);
  ck_assert_ptr_eq(acoap_stream_ref(scene->stream), scene->stream);
  acoap_stream_unref(scene->stream);
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  scene_close(scene);
}
END_TEST

START_TEST(inner_judgement_is_overruled_by_the_outer_one) {
  scene_t *scene = scene_open(answer_busy);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_emit_any(desc);
  acoap_desc_emit_successful(desc);
  ck_assert_int_eq(rig_send(&scene->rig, "/q", desc, &scene->outcome, NULL), 0);
  client_rig_run(&scene->rig, 100);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ESERVERERROR);
  ck_assert(!scene->outcome.has_message);
  scene_close(scene);
}
END_TEST

/* ---- pings ---------------------------------------------------------------------------------- */

static void acknowledge(script_server_t *server, const acoap_view_t *view) {
  if (view->type == ACOAP_CON) {
    script_server_empty(server, ACOAP_ACK);
  }
}

START_TEST(ping_tries_addresses_takes_an_ack_and_may_be_dropped) {
  scene_t *scene = scene_open(acknowledge);
  acoap_address_t addresses[2];
  ck_assert_int_eq(acoap_address_parse("192.0.2.9:5683", 14, &addresses[0]), 0);
  ck_assert_int_eq(acoap_address_parse(RIG_SERVER, strlen(RIG_SERVER), &addresses[1]), 0);
  ck_assert_int_eq(acoap_sim_set_unreachable(scene->rig.sim, &addresses[0], true), 0);
  ck_assert_int_eq(acoap_sim_set_name(scene->rig.sim, "two.example", addresses, 2, 1), 0);
  ck_assert_int_eq(
      rig_send(&scene->rig, "coap://two.example", acoap_desc_ping(), &scene->outcome, NULL), 0);
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, 0);
  outcome_t dropped = {0};
  acoap_future_t *future = NULL;
  scene->server.on_message = NULL;
  ck_assert_int_eq(rig_send(&scene->rig, "/", acoap_desc_ping(), &dropped, &future), 0);
  acoap_future_unref(future);
  client_rig_run(&scene->rig, 100000);
  ck_assert_uint_eq(dropped.finals, 0);
  ck_assert_uint_eq(dropped.destroyed, 1);
  ck_assert_uint_le(scene->server.count, 2);
  scene_close(scene);
}
END_TEST

/* ---- no network ----------------------------------------------------------------------------- */

static void count_change(void *user_data, int status, acoap_browse_change_t change,
                         const acoap_address_t *responder, acoap_message_t *message) {
  unsigned *counts = user_data;
  (void)responder;
  (void)message;
  counts[status < 0 ? 0 : (int)change]++;
}

static void answer_in_group(script_server_t *server, const acoap_view_t *view) {
  if (acoap_code_is_request(view->code)) {
    acoap_builder_payload(script_server_begin(server, ACOAP_CODE_CONTENT), "x", 1);
    script_server_send(server);
  }
}

static void set_network(scene_t *scene, bool there) {
  acoap_interface_t interface = {.name = "eth0", .index = 1, .multicast = there};
  ck_assert_int_eq(acoap_address_parse("192.0.2.2", 9, &interface.address), 0);
  ck_assert_int_eq(acoap_sim_set_interfaces(scene->rig.sim, &interface, there ? 1 : 0), 0);
  client_rig_run(&scene->rig, 10);
}

START_TEST(browsing_survives_a_network_that_comes_and_goes) {
  scene_t *scene = scene_open(answer_in_group);
  unsigned counts[4] = {0, 0, 0, 0};
  acoap_browse_t *browse = NULL;
  acoap_address_t group;
  acoap_browse_options_t options = {.size = sizeof(options), .interval_ms = 10000, .misses_max = 2};
  ck_assert_int_eq(acoap_address_parse("224.0.1.187", 11, &group), 0);
  ck_assert_int_eq(scene->server.socket->ops->join(scene->server.socket, &group, 1), 0);
  set_network(scene, false);
  acoap_remote_endpoint_t *remote = client_rig_remote(&scene->rig, "coap://224.0.1.187/d");
  ck_assert_int_eq(acoap_browse(remote, &options, count_change, counts, &browse), 0);
  client_rig_run(&scene->rig, 15000);
  ck_assert_uint_eq(counts[ACOAP_APPEARED], 0);
  set_network(scene, true);
  client_rig_run(&scene->rig, 10000);
  ck_assert_uint_eq(counts[ACOAP_APPEARED], 1);
  set_network(scene, false);
  client_rig_run(&scene->rig, 40000);
  ck_assert_uint_eq(counts[ACOAP_GONE], 1);
  ck_assert_uint_eq(counts[0], 0);
  acoap_browse_free(browse);
  acoap_browse_free(NULL);
  ck_assert_int_eq(acoap_browse(NULL, &options, count_change, counts, &browse), ACOAP_EINVAL);
  acoap_local_endpoint_close(scene->rig.client, NULL, NULL);
  ck_assert_int_eq(acoap_browse(remote, &options, count_change, counts, &browse), ACOAP_ECLOSED);
  scene->rig.client = NULL;
  acoap_remote_endpoint_unref(remote);
  scene_close(scene);
}
END_TEST

START_TEST(discovery_without_a_network_is_refused) {
  scene_t *scene = scene_open(answer_in_group);
  set_network(scene, false);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_multicast(desc, NULL);
  ck_assert_int_eq(rig_send(&scene->rig, "coap://224.0.1.187/d", desc, &scene->outcome, NULL),
                   ACOAP_ENONET);
  scene_close(scene);
}
END_TEST

/* ---- futures that are settled already ------------------------------------------------------- */

static acoap_future_t *stand(void *user_data, int status, acoap_message_t *message) {
  (void)message;
  *(int *)user_data = status;
  return NULL;
}

START_TEST(then_works_on_a_future_that_is_settled_already) {
  scene_t *scene = scene_open(answer_busy);
  acoap_future_t *future = NULL;
  int seen = 1;
  ck_assert_int_eq(rig_send(&scene->rig, "/q", acoap_desc_get(), &scene->outcome, &future), 0);
  client_rig_run(&scene->rig, 100);
  ck_assert(acoap_future_settled(future));
  acoap_future_t *chain = acoap_future_then(future, stand, &seen);
  ck_assert_int_eq(seen, 1); /* from the loop */
  client_rig_run(&scene->rig, 10);
  ck_assert_int_eq(seen, ACOAP_ESERVERERROR);
  ck_assert_int_eq(acoap_future_status(chain), ACOAP_ESERVERERROR);
  acoap_future_unref(chain);
  ck_assert_ptr_null(acoap_future_then(acoap_future_of(scene->rig.client, 0, NULL), NULL, NULL));
  scene_close(scene);
}
END_TEST

static Suite *edge_suite(void) {
  Suite *suite = suite_create("flow/client_edge");
  TCase *observe = tcase_create("observe");
  tcase_add_test(observe, observed_fetch_sends_its_whole_body_with_each_registration);
  tcase_add_test(observe, change_during_a_fetch_leaves_the_observation_alone);
  tcase_add_test(observe, layer_may_wake_in_a_follow_up_and_decide_there);
  tcase_add_test(observe, deregistration_by_non_is_patient_for_max_transmit_wait);
  suite_add_tcase(suite, observe);
  TCase *sending = tcase_create("sending");
  tcase_add_test(sending, future_may_be_dropped_while_its_request_is_built);
  tcase_add_test(sending, message_may_be_larger_where_socket_and_endpoint_allow);
  tcase_add_test(sending, ping_tries_addresses_takes_an_ack_and_may_be_dropped);
  tcase_add_test(sending, inner_judgement_is_overruled_by_the_outer_one);
  suite_add_tcase(suite, sending);
  TCase *ends = tcase_create("ends");
  tcase_add_test(ends, end_that_waits_is_given_when_the_endpoint_closes);
  tcase_add_test(ends, stream_is_shared_by_counting_references);
  tcase_add_test(ends, then_works_on_a_future_that_is_settled_already);
  suite_add_tcase(suite, ends);
  TCase *network = tcase_create("no network");
  tcase_add_test(network, browsing_survives_a_network_that_comes_and_goes);
  tcase_add_test(network, discovery_without_a_network_is_refused);
  suite_add_tcase(suite, network);
  return suite;
}

ACOAP_TEST_MAIN(edge_suite)
