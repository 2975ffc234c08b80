/*
 * Asking groups: one item per responder, source of each, blocks continued by unicast, an end in
 * time, back-pressure; browsing. RFC 7252 section 8, RFC 7959 section 2.8.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "client_rig.h"
#include "script_server.h"

enum { RESPONDERS = 8 };

typedef struct scene {
  client_rig_t rig;
  script_server_t *responders; /* RESPONDERS of them */
  unsigned count;              /* in use */
  outcome_t outcome;
  acoap_stream_t *stream;
  size_t body_len;            /* of what they say; above 64 in blocks */
  uint8_t code;               /* of what they say */
  unsigned failed;            /* events of paths that failed */
  acoap_address_t from;       /* acoap_desc_include_address */
  char seen[RESPONDERS * 64]; /* addresses, one line each */
} scene_t;

static void join(script_server_t *server, const char *group, uint32_t interface) {
  acoap_address_t address;
  ck_assert_int_eq(acoap_address_parse(group, strlen(group), &address), 0);
  ck_assert_int_eq(server->socket->ops->join(server->socket, &address, interface), 0);
}

static void answer(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  if (scene->body_len > 64) {
    acoap_block_t block = script_server_asked(view, 2);
    script_server_block2(server, scene->code, block.num, block.szx, scene->rig.body,
                         scene->body_len, NULL);
    return;
  }
  acoap_builder_payload(script_server_begin(server, scene->code), scene->rig.body, scene->body_len);
  script_server_send(server);
}

static void note_event(void *user_data, const acoap_event_t *event) {
  scene_t *scene = user_data;
  if (event->kind == ACOAP_EVENT_MULTICAST_FAILED) {
    scene->failed++;
    ck_assert_int_lt(event->status, 0);
  }
}

static scene_t *scene_open(unsigned responders) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  scene->responders = calloc(RESPONDERS, sizeof(*scene->responders));
  ck_assert_ptr_nonnull(scene->responders);
  client_rig_open(&scene->rig, 31);
  scene->code = ACOAP_CODE_CONTENT;
  scene->body_len = 5;
  scene->count = responders;
  acoap_local_endpoint_on_event(scene->rig.client, note_event, scene);
  for (unsigned i = 0; i < responders; i++) {
    char address[32];
    snprintf(address, sizeof(address), "192.0.2.%u:5683", 10 + i);
    script_server_open(&scene->responders[i], scene->rig.sim, address, answer, scene);
    join(&scene->responders[i], "224.0.1.187", 1);
  }
  return scene;
}

static void scene_close(scene_t *scene) {
  acoap_stream_unref(scene->stream);
  for (unsigned i = 0; i < scene->count; i++) {
    script_server_close(&scene->responders[i]);
  }
  client_rig_close(&scene->rig);
  free(scene->responders);
  free(scene);
}

static void note_item(void *user_data, int status, acoap_message_t *message) {
  scene_t *scene = user_data;
  char text[ACOAP_ADDRESS_TEXT_MAX];
  outcome_note(&scene->outcome, status, message);
  if (status == 0) {
    ck_assert(acoap_address_equal(&scene->from, acoap_message_peer(message)));
    ck_assert_int_gt(acoap_address_format(acoap_message_peer(message), text, sizeof(text)), 0);
    strcat(strcat(scene->seen, text), "\n");
  }
}

static int discover(scene_t *scene, acoap_desc_t *desc) {
  acoap_remote_endpoint_t *remote = client_rig_remote(&scene->rig, "coap://224.0.1.187/d");
  acoap_desc_include_address(desc, &scene->from);
  acoap_desc_on_destroy(desc, outcome_destroyed, &scene->outcome);
  scene->outcome.sim = scene->rig.sim;
  int status = acoap_send_stream(remote, desc, note_item, scene, &scene->stream);
  scene->outcome.stream = scene->stream;
  acoap_remote_endpoint_unref(remote);
  return status;
}

static acoap_desc_t *ask_group(const acoap_multicast_options_t *options) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_multicast(desc, options);
  return desc;
}

START_TEST(each_responder_is_an_item_and_the_end_comes_in_time) {
  scene_t *scene = scene_open(3);
  acoap_time_t begin = acoap_sim_now(scene->rig.sim);
  ck_assert_int_eq(discover(scene, ask_group(NULL)), 0);
  client_rig_run(&scene->rig, 7999);
  ck_assert_uint_eq(scene->outcome.items, 3);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
  ck_assert_int_eq((int)(scene->outcome.at - begin), 8000); /* DEFAULT_LEISURE + 3 s */
  ck_assert_str_eq(scene->seen, "192.0.2.10:5683\n192.0.2.11:5683\n192.0.2.12:5683\n");
  script_server_expect(&scene->responders[0], "> NON GET /d\n< NON 2.05 [5]\n");
  scene_close(scene);
}
END_TEST

START_TEST(burst_leaves_in_copies_and_each_responder_is_heard_once) {
  scene_t *scene = scene_open(2);
  acoap_multicast_options_t options = {.size = sizeof(options), .wait_ms = 1000};
  acoap_desc_t *desc = ask_group(&options);
  acoap_desc_burst(desc, 3, 250);
  acoap_time_t begin = acoap_sim_now(scene->rig.sim);
  ck_assert_int_eq(discover(scene, desc), 0);
  client_rig_run(&scene->rig, 5000);
  ck_assert_uint_eq(scene->responders[0].requests, 3);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq((int)(scene->outcome.at - begin), 1500);
  scene_close(scene);
}
END_TEST

START_TEST(larger_answers_are_continued_by_unicast) {
  scene_t *scene = scene_open(2);
  scene->body_len = 150;
  acoap_desc_t *desc = ask_group(NULL);
  acoap_desc_block2(desc, 64);
  acoap_desc_collect(desc, 1000);
  ck_assert_int_eq(discover(scene, desc), 0);
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_uint_eq(scene->outcome.len, 150);
  ck_assert_mem_eq(scene->outcome.body, scene->rig.body, 150);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
  script_server_expect(&scene->responders[1], "> NON GET /d 2:0/0/64\n"
                                              "< NON 2.05 2:0/1/64 [64]\n"
                                              "> CON GET /d 2:1/0/64\n"
                                              "< ACK 2.05 2:1/1/64 [64]\n"
                                              "> CON GET /d 2:2/0/64\n"
                                              "< ACK 2.05 2:2/0/64 [22]\n");
  scene_close(scene);
}
END_TEST

static void answer_first_block_only(script_server_t *server, const acoap_view_t *view) {
  if (acoap_code_is_request(view->code) && script_server_asked(view, 2).num == 0) {
    answer(server, view);
  }
}

START_TEST(responder_that_falls_silent_costs_the_others_nothing) {
  scene_t *scene = scene_open(3);
  scene->body_len = 150;
  scene->responders[1].on_message = answer_first_block_only;
  acoap_desc_t *desc = ask_group(NULL);
  acoap_desc_collect(desc, 1000);
  ck_assert_int_eq(discover(scene, desc), 0);
  client_rig_run(&scene->rig, 8010);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_uint_eq(scene->outcome.finals, 0); /* a follow-up is still under way */
  client_rig_run(&scene->rig, 95000);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
  scene_close(scene);
}
END_TEST

START_TEST(errors_are_dropped_unless_any_response_is_wanted) {
  for (int any = 0; any < 3; any++) {
    scene_t *scene = scene_open(2);
    scene->code = ACOAP_CODE_NOT_FOUND;
    acoap_desc_t *desc = acoap_desc_get();
    if (any == 1) {
      acoap_desc_emit_any(desc);
    } else if (any == 2) {
      acoap_desc_emit_code(desc, ACOAP_CODE_NOT_FOUND);
    }
    acoap_desc_multicast(desc, NULL);
    ck_assert_int_eq(discover(scene, desc), 0);
    client_rig_run(&scene->rig, 10000);
    ck_assert_uint_eq(scene->outcome.items, any == 0 ? 0u : 2u);
    ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
    scene_close(scene);
  }
}
END_TEST

START_TEST(future_takes_the_first_successful_answer) {
  scene_t *scene = scene_open(3);
  acoap_remote_endpoint_t *remote = client_rig_remote(&scene->rig, "coap://224.0.1.187/d");
  ck_assert_int_eq(acoap_send(remote, ask_group(NULL), outcome_note, &scene->outcome, NULL), 0);
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, 0);
  outcome_t nobody = {0};
  scene->code = ACOAP_CODE_NOT_FOUND;
  ck_assert_int_eq(acoap_send(remote, ask_group(NULL), outcome_note, &nobody, NULL), 0);
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(nobody.finals, 1);
  ck_assert_int_eq(nobody.status, ACOAP_ETIMEDOUT);
  acoap_remote_endpoint_unref(remote);
  scene_close(scene);
}
END_TEST

START_TEST(single_peer_is_asked_as_a_group_of_one) {
  scene_t *scene = scene_open(1);
  acoap_remote_endpoint_t *remote = client_rig_remote(&scene->rig, "coap://192.0.2.10/d");
  acoap_desc_t *desc = ask_group(NULL);
  acoap_desc_include_address(desc, &scene->from);
  acoap_desc_burst(desc, 2, 100);
  ck_assert_int_eq(acoap_send_stream(remote, desc, note_item, scene, &scene->stream), 0);
  scene->outcome.stream = scene->stream;
  acoap_remote_endpoint_unref(remote);
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
  scene_close(scene);
}
END_TEST

START_TEST(paused_multicast_queues_up_to_its_bound_and_counts_the_rest) {
  scene_t *scene = scene_open(5);
  acoap_multicast_options_t options = {.size = sizeof(options), .queue_max = 3};
  ck_assert_int_eq(discover(scene, ask_group(&options)), 0);
  acoap_stream_pause(scene->stream);
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(scene->outcome.items, 0);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  ck_assert_uint_eq((unsigned)acoap_stream_dropped(scene->stream), 2);
  acoap_stream_resume(scene->stream);
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_eq(scene->outcome.items, 3);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_str_eq(scene->seen, "192.0.2.10:5683\n192.0.2.11:5683\n192.0.2.12:5683\n");
  scene_close(scene);
}
END_TEST

START_TEST(responders_beyond_the_bound_are_dropped_and_counted) {
  scene_t *scene = scene_open(5);
  acoap_multicast_options_t options = {.size = sizeof(options), .responders_max = 2};
  ck_assert_int_eq(discover(scene, ask_group(&options)), 0);
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_uint_eq((unsigned)acoap_stream_dropped(scene->stream), 3);
  scene_close(scene);
}
END_TEST

/* ---- interfaces ----------------------------------------------------------------------------- */

static void set_interfaces(scene_t *scene, bool first, bool second) {
  acoap_interface_t list[2] = {
      {.name = "eth0", .index = 1, .multicast = first},
      {.name = "eth1", .index = 2, .multicast = second},
  };
  ck_assert_int_eq(acoap_address_parse("192.0.2.1", 9, &list[0].address), 0);
  ck_assert_int_eq(acoap_address_parse("198.51.100.1", 12, &list[1].address), 0);
  ck_assert_int_eq(acoap_sim_set_interfaces(scene->rig.sim, list, 2), 0);
  client_rig_run(&scene->rig, 10);
}

START_TEST(request_leaves_through_every_interface) {
  scene_t *scene = scene_open(2);
  set_interfaces(scene, true, true);
  join(&scene->responders[1], "224.0.1.187", 2);
  ck_assert_int_eq(discover(scene, ask_group(NULL)), 0);
  client_rig_run(&scene->rig, 10000);
  ck_assert_uint_eq(scene->responders[0].requests, 1);
  ck_assert_uint_eq(scene->responders[1].requests, 2); /* heard on both */
  ck_assert_uint_eq(scene->outcome.items, 2);          /* but an item once */
  scene_close(scene);
}
END_TEST

/* The interface vanishes after the list was made: sending through it is refused. */
static const acoap_socket_ops_t *true_ops;
static uint32_t refused_interfaces; /* a bit each */

static int refuse_some(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch,
                       size_t count) {
  if (acoap_address_is_multicast(&batch[0].path->peer) &&
      (refused_interfaces & 1u << batch[0].path->interface) != 0) {
    return ACOAP_EUNREACHABLE;
  }
  return true_ops->send(socket, batch, count);
}

START_TEST(interface_that_refuses_is_an_event_and_not_a_failure) {
  for (uint32_t refused = 2; refused <= 6; refused += 2) { /* the first, the second, both */
    scene_t *scene = calloc(1, sizeof(*scene));
    ck_assert_ptr_nonnull(scene);
    scene->responders = calloc(RESPONDERS, sizeof(*scene->responders));
    ck_assert_ptr_nonnull(scene->responders);
    scene->code = ACOAP_CODE_CONTENT;
    scene->body_len = 5;
    memset(&scene->rig, 0, sizeof(scene->rig));
    ck_assert_int_eq(acoap_sim_new(5, 1000, &scene->rig.sim), 0);
    acoap_address_t local;
    acoap_socket_t *socket = NULL;
    ck_assert_int_eq(acoap_address_parse(RIG_CLIENT, strlen(RIG_CLIENT), &local), 0);
    ck_assert_int_eq(acoap_sim_socket_new(scene->rig.sim, &local, &socket), 0);
    true_ops = socket->ops;
    acoap_socket_ops_t ops = *true_ops;
    ops.send = refuse_some;
    socket->ops = &ops;
    acoap_local_endpoint_options_t options = {.size = sizeof(options)};
    options.host = acoap_sim_host(scene->rig.sim);
    options.sockets = &socket;
    options.socket_count = 1;
    ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &scene->rig.client), 0);
    acoap_local_endpoint_on_event(scene->rig.client, note_event, scene);
    set_interfaces(scene, true, true);
    scene->count = 1;
    script_server_open(&scene->responders[0], scene->rig.sim, "192.0.2.10:5683", answer, scene);
    join(&scene->responders[0], "224.0.1.187", 1);
    join(&scene->responders[0], "224.0.1.187", 2);
    refused_interfaces = refused;
    int status = discover(scene, ask_group(NULL));
    ck_assert_int_eq(status, refused == 6 ? ACOAP_ENONET : 0);
    client_rig_run(&scene->rig, 10000);
    ck_assert_uint_eq(scene->failed, refused == 6 ? 2u : 1u);
    ck_assert_uint_eq(scene->outcome.items, refused == 6 ? 0u : 1u);
    ck_assert_uint_eq(scene->outcome.finals, refused == 6 ? 0u : 1u);
    ck_assert_uint_eq(scene->outcome.destroyed, 1);
    scene_close(scene);
  }
}
END_TEST

/* The system takes the datagram and refuses it when the batch is flushed: a notice tells. */
static const acoap_socket_events_t *late_events;
static void *late_data;
static acoap_path_t late_path;
static uint8_t late_bytes[1200];
static size_t late_len;

static int start_late(acoap_socket_t *socket, const acoap_socket_events_t *events,
                      void *user_data) {
  late_events = events;
  late_data = user_data;
  return true_ops->start(socket, events, user_data);
}

static int refuse_late(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch,
                       size_t count) {
  if (batch[0].path->interface == 2) {
    late_path = *batch[0].path;
    late_len = batch[0].bytes.len;
    memcpy(late_bytes, batch[0].bytes.data, late_len);
    return 1;
  }
  return true_ops->send(socket, batch, count);
}

START_TEST(way_that_is_refused_late_costs_the_other_ways_nothing) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  scene->responders = calloc(RESPONDERS, sizeof(*scene->responders));
  ck_assert_ptr_nonnull(scene->responders);
  scene->code = ACOAP_CODE_CONTENT;
  scene->body_len = 5;
  ck_assert_int_eq(acoap_sim_new(5, 1000, &scene->rig.sim), 0);
  acoap_address_t local;
  acoap_socket_t *socket = NULL;
  ck_assert_int_eq(acoap_address_parse(RIG_CLIENT, strlen(RIG_CLIENT), &local), 0);
  ck_assert_int_eq(acoap_sim_socket_new(scene->rig.sim, &local, &socket), 0);
  true_ops = socket->ops;
  acoap_socket_ops_t ops = *true_ops;
  ops.send = refuse_late;
  ops.start = start_late;
  socket->ops = &ops;
  acoap_local_endpoint_options_t options = {.size = sizeof(options)};
  options.host = acoap_sim_host(scene->rig.sim);
  options.sockets = &socket;
  options.socket_count = 1;
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &scene->rig.client), 0);
  set_interfaces(scene, true, true);
  scene->count = 1;
  script_server_open(&scene->responders[0], scene->rig.sim, "192.0.2.10:5683", NULL, scene);
  join(&scene->responders[0], "224.0.1.187", 1);
  ck_assert_int_eq(discover(scene, ask_group(NULL)), 0);
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_gt(late_len, 0);
  acoap_peer_notice_t notice = {.event = ACOAP_PEER_ICMP,
                                .path = late_path,
                                .status = ACOAP_EUNREACHABLE,
                                .quote = {late_bytes, late_len}};
  late_events->peer(late_data, &notice);
  /* A member that rejects speaks for itself alone. */
  script_server_empty(&scene->responders[0], ACOAP_RST);
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  acoap_builder_payload(
      script_server_begin_as(&scene->responders[0], ACOAP_NON, ACOAP_CODE_CONTENT), "late", 4);
  script_server_send(&scene->responders[0]);
  client_rig_run(&scene->rig, 10000);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
  scene_close(scene);
}
END_TEST

START_TEST(requests_to_groups_that_make_no_sense_are_refused) {
  scene_t *scene = scene_open(1);
  for (int n = 0; n < 5; n++) {
    acoap_desc_t *desc = n == 1 ? acoap_desc_ping() : acoap_desc_get();
    if (n != 0) {
      acoap_desc_multicast(desc, NULL);
    }
    if (n == 2) {
      acoap_desc_block1(desc, 64, "x", 1);
    } else if (n == 3) {
      acoap_desc_observe(desc, NULL);
    } else if (n == 4) {
      acoap_desc_confirmable(desc);
    }
    scene->stream = NULL;
    scene->outcome.destroyed = 0;
    ck_assert_int_eq(discover(scene, desc), ACOAP_EINVAL);
    ck_assert_uint_eq(scene->outcome.destroyed, 1);
  }
  client_rig_run(&scene->rig, 1000);
  ck_assert_uint_eq(scene->responders[0].count, 0);
  scene_close(scene);
}
END_TEST

START_TEST(flood_of_answers_from_many_sources_is_bounded) {
  scene_t *scene = scene_open(1);
  acoap_multicast_options_t options = {.size = sizeof(options), .responders_max = 100};
  ck_assert_int_eq(discover(scene, ask_group(&options)), 0);
  client_rig_run(&scene->rig, 10);
  script_server_t *server = &scene->responders[0];
  for (unsigned i = 0; i < 500; i++) {
    acoap_path_t path;
    memset(&path, 0, sizeof(path));
    path.peer = server->client;
    acoap_builder_t *builder = script_server_begin_as(server, ACOAP_NON, ACOAP_CODE_CONTENT);
    acoap_builder_payload(builder, &i, sizeof(i));
    int len = acoap_builder_finish(builder);
    char text[32];
    acoap_address_t from;
    acoap_socket_t *liar = NULL;
    snprintf(text, sizeof(text), "198.18.%u.%u:5683", i / 250, i % 250 + 1);
    ck_assert_int_eq(acoap_address_parse(text, strlen(text), &from), 0);
    ck_assert_int_eq(acoap_sim_socket_new(scene->rig.sim, &from, &liar), 0);
    acoap_outgoing_datagram_t datagram = {.path = &path, .bytes = {server->bytes, (size_t)len}};
    ck_assert_int_eq(liar->ops->send(liar, &datagram, 1), 1);
    acoap_socket_close(liar, NULL, NULL);
    scene->seen[0] = '\0';
    client_rig_run(&scene->rig, 1);
  }
  ck_assert_uint_eq(scene->outcome.items, 100);
  ck_assert_uint_eq((unsigned)acoap_stream_dropped(scene->stream), 401);
  scene_close(scene);
}
END_TEST

/* ---- browsing ------------------------------------------------------------------------------- */

typedef struct changes {
  unsigned appeared, changed, gone, ended;
  acoap_browse_t *browse;
  bool free_inside;
} changes_t;

static void note_change(void *user_data, int status, acoap_browse_change_t change,
                        const acoap_address_t *responder, acoap_message_t *message) {
  changes_t *changes = user_data;
  ck_assert_uint_eq(changes->ended, 0);
  if (status < 0) {
    ck_assert_ptr_null(message);
    changes->ended++;
    return;
  }
  ck_assert_ptr_nonnull(responder);
  ck_assert_ptr_nonnull(message);
  changes->appeared += change == ACOAP_APPEARED ? 1 : 0;
  changes->changed += change == ACOAP_CHANGED ? 1 : 0;
  changes->gone += change == ACOAP_GONE ? 1 : 0;
  if (changes->free_inside) {
    acoap_browse_free(changes->browse);
    changes->browse = NULL;
  }
}

static void browse_start(scene_t *scene, changes_t *changes) {
  acoap_browse_options_t options = {.size = sizeof(options), .interval_ms = 20000, .misses_max = 2};
  acoap_remote_endpoint_t *remote = client_rig_remote(&scene->rig, "coap://224.0.1.187/d");
  ck_assert_int_eq(acoap_browse(remote, &options, note_change, changes, &changes->browse), 0);
  acoap_remote_endpoint_unref(remote);
}

START_TEST(browsing_tells_who_appeared_changed_and_went) {
  scene_t *scene = scene_open(2);
  changes_t changes = {0};
  browse_start(scene, &changes);
  client_rig_run(&scene->rig, 19000);
  ck_assert_uint_eq(changes.appeared, 2);
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(changes.appeared, 2);
  ck_assert_uint_eq(changes.changed, 0);
  scene->body_len = 6;
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(changes.changed, 2);
  scene->responders[0].on_message = NULL;
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(changes.gone, 0);
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(changes.gone, 1);
  scene->responders[0].on_message = answer;
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(changes.appeared, 3);
  ck_assert_uint_eq(changes.ended, 0);
  acoap_browse_free(changes.browse);
  client_rig_run(&scene->rig, 100000);
  ck_assert_uint_eq(changes.ended, 0);
  scene_close(scene);
}
END_TEST

START_TEST(browsing_ends_with_canceled_at_close_and_may_be_freed_inside) {
  scene_t *scene = scene_open(2);
  changes_t changes = {0};
  changes_t inside = {.free_inside = true};
  browse_start(scene, &changes);
  browse_start(scene, &inside);
  client_rig_run(&scene->rig, 5);
  ck_assert_uint_eq(inside.appeared, 1);
  ck_assert_ptr_null(inside.browse);
  acoap_local_endpoint_close(scene->rig.client, NULL, NULL);
  scene->rig.client = NULL;
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_eq(changes.ended, 1);
  acoap_browse_free(changes.browse);
  scene_close(scene);
}
END_TEST

static Suite *multicast_suite(void) {
  Suite *suite = suite_create("flow/client_multicast");
  TCase *answers = tcase_create("answers");
  tcase_add_test(answers, each_responder_is_an_item_and_the_end_comes_in_time);
  tcase_add_test(answers, burst_leaves_in_copies_and_each_responder_is_heard_once);
  tcase_add_test(answers, larger_answers_are_continued_by_unicast);
  tcase_add_test(answers, responder_that_falls_silent_costs_the_others_nothing);
  tcase_add_test(answers, errors_are_dropped_unless_any_response_is_wanted);
  tcase_add_test(answers, future_takes_the_first_successful_answer);
  tcase_add_test(answers, single_peer_is_asked_as_a_group_of_one);
  tcase_add_test(answers, paused_multicast_queues_up_to_its_bound_and_counts_the_rest);
  tcase_add_test(answers, responders_beyond_the_bound_are_dropped_and_counted);
  tcase_add_test(answers, flood_of_answers_from_many_sources_is_bounded);
  suite_add_tcase(suite, answers);
  TCase *interfaces = tcase_create("interfaces");
  tcase_add_test(interfaces, request_leaves_through_every_interface);
  tcase_add_test(interfaces, interface_that_refuses_is_an_event_and_not_a_failure);
  tcase_add_test(interfaces, way_that_is_refused_late_costs_the_other_ways_nothing);
  tcase_add_test(interfaces, requests_to_groups_that_make_no_sense_are_refused);
  suite_add_tcase(suite, interfaces);
  TCase *browsing = tcase_create("browsing");
  tcase_add_test(browsing, browsing_tells_who_appeared_changed_and_went);
  tcase_add_test(browsing, browsing_ends_with_canceled_at_close_and_may_be_freed_inside);
  suite_add_tcase(suite, browsing);
  return suite;
}

ACOAP_TEST_MAIN(multicast_suite)
