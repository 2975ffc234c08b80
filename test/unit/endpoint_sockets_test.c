/*
 * What an endpoint asks of its sockets: one flush a turn, their own timers run when due, an older
 * and shorter table of functions, datagrams without a buffer, errors of send, a close that is over
 * at once.
 * SPDX-License-Identifier: MIT
 */
#include "check_main.h"
#include "endpoint/local_endpoint.h"
#include "sim_pair.h"

/* A socket that writes down what it is asked. */
typedef struct spy {
  acoap_socket_t socket; /* first */
  acoap_socket_ops_t ops;
  const acoap_socket_events_t *events;
  void *user_data;
  acoap_time_t wake;   /* next_wake */
  unsigned runs;       /* calls of run */
  acoap_time_t ran_at; /* the last one's time */
  unsigned sent;       /* datagrams taken */
  unsigned flushes;    /* calls of flush */
  unsigned sent_then;  /* sent, when flush was called last */
  unsigned refreshes;  /* calls of refresh */
  bool ref;            /* the last set_ref */
  int send_status;     /* what send answers; 0: takes everything */
  int start_status;    /* what start answers */
  size_t mtu;          /* what mtu answers */
  uint8_t last[64];    /* the start of the last datagram taken */
  size_t last_len;     /* bytes of it */
  bool closed;
} spy_t;

static spy_t *spy_of(acoap_socket_t *socket) {
  return (spy_t *)socket;
}

static int spy_start(acoap_socket_t *socket, const acoap_socket_events_t *events, void *user_data) {
  spy_of(socket)->events = events;
  spy_of(socket)->user_data = user_data;
  return spy_of(socket)->start_status;
}

static int spy_send(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch, size_t count) {
  spy_t *spy = spy_of(socket);
  if (spy->send_status != 0) {
    return spy->send_status;
  }
  spy->sent += (unsigned)count;
  const acoap_bytes_t *last = &batch[count - 1].bytes;
  spy->last_len = last->len < sizeof(spy->last) ? last->len : sizeof(spy->last);
  memcpy(spy->last, last->data, spy->last_len);
  return (int)count;
}

static void spy_flush(acoap_socket_t *socket) {
  spy_of(socket)->flushes++;
  spy_of(socket)->sent_then = spy_of(socket)->sent;
}

static int spy_address(acoap_socket_t *socket, acoap_address_t *address) {
  (void)socket;
  *address = sim_address(SIM_SERVER);
  return 0;
}

static acoap_time_t spy_next_wake(acoap_socket_t *socket) {
  return spy_of(socket)->wake;
}

static void spy_run(acoap_socket_t *socket, acoap_time_t now) {
  spy_of(socket)->runs++;
  spy_of(socket)->ran_at = now;
  spy_of(socket)->wake = ACOAP_TIME_NEVER;
}

static void spy_set_ref(acoap_socket_t *socket, bool ref) {
  spy_of(socket)->ref = ref;
}

static size_t spy_mtu(acoap_socket_t *socket, const acoap_address_t *peer) {
  (void)peer;
  return spy_of(socket)->mtu;
}

static void spy_refresh(acoap_socket_t *socket) {
  spy_of(socket)->refreshes++;
}

static void spy_close(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  spy_of(socket)->closed = true;
  spy_of(socket)->events = NULL;
  if (closed != NULL) {
    closed(user_data);
  }
}

static void spy_init(spy_t *spy) {
  memset(spy, 0, sizeof(*spy));
  spy->ops = (acoap_socket_ops_t){.size = sizeof(acoap_socket_ops_t),
                                  .start = spy_start,
                                  .send = spy_send,
                                  .flush = spy_flush,
                                  .local_address = spy_address,
                                  .mtu = spy_mtu,
                                  .next_wake = spy_next_wake,
                                  .run = spy_run,
                                  .set_ref = spy_set_ref,
                                  .close = spy_close,
                                  .refresh = spy_refresh};
  spy->socket.ops = &spy->ops;
  spy->wake = ACOAP_TIME_NEVER;
  spy->mtu = 2000;
}

typedef struct scene {
  acoap_sim_t *sim;
  acoap_local_endpoint_t *endpoint;
  bool closed;
} scene_t;

static int scene_make(scene_t *scene, spy_t *spies, size_t count) {
  acoap_socket_t *sockets[4];
  memset(scene, 0, sizeof(*scene));
  for (size_t i = 0; i < count; i++) {
    sockets[i] = &spies[i].socket;
  }
  ck_assert_int_eq(acoap_sim_new(1, 1000, &scene->sim), 0);
  acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                            .host = acoap_sim_host(scene->sim),
                                            .sockets = sockets,
                                            .socket_count = count};
  return acoap_local_endpoint_new(NULL, &options, &scene->endpoint);
}

static void note_closed(void *user_data) {
  *(bool *)user_data = true;
}

static void scene_close(scene_t *scene) {
  acoap_local_endpoint_close(scene->endpoint, note_closed, &scene->closed);
  ck_assert(!scene->closed);
  acoap_sim_run_until(scene->sim, acoap_sim_now(scene->sim) + 10);
  ck_assert(scene->closed);
  acoap_sim_free(scene->sim);
}

static void hear(spy_t *spy, unsigned count) {
  uint8_t bytes[8][8];
  acoap_incoming_datagram_t datagrams[8];
  memset(datagrams, 0, sizeof(datagrams));
  for (uint8_t i = 0; i < count; i++) {
    uint8_t get[] = {0x41, ACOAP_CODE_GET, 0, i, 't'};
    memcpy(bytes[i], get, sizeof(get));
    datagrams[i].path.peer = sim_address(SIM_CLIENT);
    datagrams[i].path.local = sim_address(SIM_SERVER);
    datagrams[i].bytes.data = bytes[i]; /* without a buffer: whoever keeps it copies */
    datagrams[i].bytes.len = sizeof(get);
  }
  spy->events->received(spy->user_data, datagrams, count);
  memset(bytes, 0xff, sizeof(bytes));
}

static acoap_message_t *kept;

static void keep(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_message_unref(kept);
  kept = acoap_message_ref(acoap_request_message(request));
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "x", 1);
}

START_TEST(replies_to_a_batch_are_flushed_once) {
  spy_t spies[2];
  scene_t scene;
  spy_init(&spies[0]);
  spy_init(&spies[1]);
  ck_assert_int_eq(scene_make(&scene, spies, 2), 0);
  acoap_local_endpoint_receive(scene.endpoint, keep, NULL);
  hear(&spies[0], 8);
  ck_assert_uint_eq(spies[0].sent, 8);
  ck_assert_uint_eq(spies[0].flushes, 1);
  ck_assert_uint_eq(spies[0].sent_then, 8);
  ck_assert_uint_eq(spies[1].flushes, 0);
  /* The bytes were the socket's; what was kept is whole. */
  ck_assert_uint_eq(acoap_message_view(kept)->token.data[0], 't');
  ck_assert_uint_eq(acoap_message_view(kept)->message_id, 7);
  kept = acoap_message_unref(kept);
  scene_close(&scene);
}
END_TEST

/* RFC 7252 section 4.6: the options are whole, the end of the payload is missing. */
static const struct {
  uint8_t bytes[12];
  size_t len;
  bool multicast;
  uint8_t first; /* of the answer; 0: none */
} truncated_table[] = {
    {{0x41, ACOAP_CODE_PUT, 0, 7, 't', 0xb1, 'p', 0xff, 'x'}, 9, false, 0x61},
    {{0x51, ACOAP_CODE_PUT, 0, 7, 't', 0xb1, 'p', 0xff, 'x'}, 9, false, 0x51},
    {{0x41, ACOAP_CODE_PUT, 0, 7, 't', 0xb1, 'p', 0xff, 'x'}, 9, true, 0},
    {{0x41, ACOAP_CODE_PUT, 0, 7, 't', 0xb4, 'p'}, 7, false, 0},
    {{0x41, ACOAP_CODE_CONTENT, 0, 7, 't', 0xff, 'x'}, 7, false, 0},
    {{0x61, ACOAP_CODE_PUT, 0, 7, 't', 0xff, 'x'}, 7, false, 0},
};

START_TEST(truncated_request_gets_4_13_and_reaches_no_handler) {
  spy_t spy;
  scene_t scene;
  spy_init(&spy);
  ck_assert_int_eq(scene_make(&scene, &spy, 1), 0);
  acoap_local_endpoint_receive(scene.endpoint, keep, NULL);
  acoap_incoming_datagram_t datagram = {.truncated = true};
  datagram.path.peer = sim_address(SIM_CLIENT);
  datagram.path.local = sim_address(SIM_SERVER);
  datagram.path.multicast = truncated_table[_i].multicast;
  datagram.bytes.data = truncated_table[_i].bytes;
  datagram.bytes.len = truncated_table[_i].len;
  spy.events->received(spy.user_data, &datagram, 1);
  ck_assert_ptr_null(kept);
  ck_assert_uint_eq(spy.sent, truncated_table[_i].first != 0 ? 1 : 0);
  if (spy.sent > 0) {
    ck_assert_uint_eq(spy.last_len, 5);
    ck_assert_uint_eq(spy.last[0], truncated_table[_i].first);
    ck_assert_uint_eq(spy.last[1], ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
    ck_assert_uint_eq(spy.last[4], 't');
  }
  scene_close(&scene);
}
END_TEST

START_TEST(what_is_sent_outside_a_turn_is_flushed_in_the_next) {
  spy_t spy;
  scene_t scene;
  sim_ask_t ask;
  acoap_address_t peer = sim_address(SIM_CLIENT);
  spy_init(&spy);
  ck_assert_int_eq(scene_make(&scene, &spy, 1), 0);
  sim_ask_init(&ask, scene.endpoint, ACOAP_CODE_GET);
  ck_assert_int_eq(sim_ask_send(&ask, &peer, ACOAP_CON), 0);
  ck_assert_uint_eq(spy.sent, 1);
  ck_assert_uint_eq(spy.flushes, 0);
  acoap_sim_run_until(scene.sim, acoap_sim_now(scene.sim));
  ck_assert_uint_eq(spy.flushes, 1);
  sim_ask_done(&ask);
  scene_close(&scene);
}
END_TEST

START_TEST(a_notice_ends_the_request_it_quotes_but_never_one_to_a_group) {
  static const char *peers[] = {SIM_CLIENT, "224.0.1.187:5683"};
  for (unsigned group = 0; group < 2; group++) {
    spy_t spy;
    scene_t scene;
    sim_ask_t ask;
    acoap_address_t peer = sim_address(peers[group]);
    spy_init(&spy);
    ck_assert_int_eq(scene_make(&scene, &spy, 1), 0);
    sim_ask_init(&ask, scene.endpoint, ACOAP_CODE_GET);
    ck_assert_int_eq(sim_ask_send(&ask, &peer, ACOAP_NON), 0);
    acoap_sim_run_until(scene.sim, acoap_sim_now(scene.sim));
    ck_assert_uint_eq(spy.sent, 1);
    acoap_peer_notice_t notice = {.event = ACOAP_PEER_ICMP,
                                  .path.peer = peer,
                                  .status = ACOAP_EUNREACHABLE,
                                  .quote = {spy.last, spy.last_len}};
    spy.events->peer(spy.user_data, &notice);
    ck_assert_uint_eq(ask.failures, 1 - group);
    ck_assert_int_eq(ask.status, group != 0 ? 0 : ACOAP_EUNREACHABLE);
    sim_ask_done(&ask);
    scene_close(&scene);
  }
}
END_TEST

START_TEST(timers_of_a_socket_run_when_due) {
  spy_t spy;
  scene_t scene;
  spy_init(&spy);
  ck_assert_int_eq(scene_make(&scene, &spy, 1), 0);
  acoap_sim_run_until(scene.sim, 2000);
  ck_assert_uint_eq(spy.runs, 0);
  spy.wake = 2500;
  spy.events->wake_changed(spy.user_data);
  acoap_sim_run_until(scene.sim, 2499);
  ck_assert_uint_eq(spy.runs, 0);
  acoap_sim_run_until(scene.sim, 5000);
  ck_assert_uint_eq(spy.runs, 1);
  ck_assert_int_eq(spy.ran_at, 2500);
  scene_close(&scene);
}
END_TEST

START_TEST(shorter_table_is_taken_as_it_is) {
  spy_t spy;
  scene_t scene;
  spy_init(&spy);
  spy.ops.size = offsetof(acoap_socket_ops_t, refresh);
  acoap_socket_ops_t *shorter = malloc(spy.ops.size);
  ck_assert_ptr_nonnull(shorter);
  memcpy(shorter, &spy.ops, spy.ops.size);
  spy.socket.ops = shorter;
  ck_assert_int_eq(scene_make(&scene, &spy, 1), 0);
  acoap_local_endpoint_on_event(scene.endpoint, NULL, NULL);
  acoap_interface_t one = {.name = "eth0", .index = 2, .multicast = true};
  one.address = sim_address("192.0.2.1");
  ck_assert_int_eq(acoap_sim_set_interfaces(scene.sim, &one, 1), 0);
  hear(&spy, 1);
  ck_assert_uint_eq(spy.sent, 1);
  scene_close(&scene);
  ck_assert_uint_eq(spy.refreshes, 0);
  free(shorter);
}
END_TEST

START_TEST(sockets_hear_that_interfaces_changed) {
  spy_t spy;
  scene_t scene;
  acoap_interface_t one = {.name = "eth0", .index = 2, .multicast = true};
  one.address = sim_address("192.0.2.1");
  spy_init(&spy);
  ck_assert_int_eq(scene_make(&scene, &spy, 1), 0);
  ck_assert_int_eq(acoap_sim_set_interfaces(scene.sim, &one, 1), 0);
  acoap_sim_run_until(scene.sim, 2000);
  ck_assert_uint_eq(spy.refreshes, 1);
  scene_close(&scene);
}
END_TEST

START_TEST(ref_and_unref_reach_the_sockets) {
  spy_t spy;
  scene_t scene;
  spy_init(&spy);
  ck_assert_int_eq(scene_make(&scene, &spy, 1), 0);
  ck_assert(spy.ref);
  acoap_local_endpoint_unref(scene.endpoint);
  ck_assert(!spy.ref);
  acoap_local_endpoint_ref(scene.endpoint);
  ck_assert(spy.ref);
  scene_close(&scene);
}
END_TEST

START_TEST(largest_message_is_the_least_of_socket_and_options) {
  spy_t spy;
  scene_t scene;
  acoap_path_t path = {.peer = sim_address(SIM_CLIENT)};
  spy_init(&spy);
  ck_assert_int_eq(scene_make(&scene, &spy, 1), 0);
  ck_assert_uint_eq(acoap__local_endpoint_message_max(scene.endpoint, &path), 1152);
  spy.mtu = 100;
  ck_assert_uint_eq(acoap__local_endpoint_message_max(scene.endpoint, &path), 100);
  path.socket = 7; /* none: RFC 7252 section 4.6 */
  ck_assert_uint_eq(acoap__local_endpoint_message_max(scene.endpoint, &path), 1152);
  scene_close(&scene);
}
END_TEST

START_TEST(error_of_send_ends_the_request_but_lack_of_memory_is_a_loss) {
  spy_t spy;
  scene_t scene;
  sim_ask_t ask;
  acoap_address_t peer = sim_address(SIM_CLIENT);
  spy_init(&spy);
  ck_assert_int_eq(scene_make(&scene, &spy, 1), 0);
  spy.send_status = ACOAP_EADDRESS;
  sim_ask_init(&ask, scene.endpoint, ACOAP_CODE_GET);
  ck_assert_int_eq(sim_ask_send(&ask, &peer, ACOAP_CON), 0);
  acoap_sim_run_until(scene.sim, acoap_sim_now(scene.sim) + 10);
  ck_assert_int_eq(ask.status, ACOAP_EADDRESS);
  sim_ask_done(&ask);
  spy.send_status = ACOAP_ENOMEM;
  sim_ask_init(&ask, scene.endpoint, ACOAP_CODE_GET);
  ck_assert_int_eq(sim_ask_send(&ask, &peer, ACOAP_CON), 0);
  spy.send_status = 0;
  acoap_sim_run_until(scene.sim, acoap_sim_now(scene.sim) + 3100);
  ck_assert_uint_eq(ask.failures, 0);
  ck_assert_uint_eq(spy.sent, 1); /* the retransmission */
  sim_ask_done(&ask);
  scene_close(&scene);
}
END_TEST

START_TEST(socket_that_does_not_start_leaves_all_to_the_caller) {
  spy_t spies[2];
  scene_t scene;
  spy_init(&spies[0]);
  spy_init(&spies[1]);
  spies[1].start_status = ACOAP_ENOTSUP;
  ck_assert_int_eq(scene_make(&scene, spies, 2), ACOAP_ENOTSUP);
  ck_assert_ptr_null(scene.endpoint);
  ck_assert(!spies[0].closed && !spies[1].closed);
  acoap_sim_run_until(scene.sim, 2000);
  acoap_sim_free(scene.sim);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("endpoint_sockets");
  TCase *c = tcase_create("sockets");
  tcase_add_test(c, replies_to_a_batch_are_flushed_once);
  tcase_add_loop_test(c, truncated_request_gets_4_13_and_reaches_no_handler, 0,
                      sizeof(truncated_table) / sizeof(truncated_table[0]));
  tcase_add_test(c, what_is_sent_outside_a_turn_is_flushed_in_the_next);
  tcase_add_test(c, a_notice_ends_the_request_it_quotes_but_never_one_to_a_group);
  tcase_add_test(c, timers_of_a_socket_run_when_due);
  tcase_add_test(c, shorter_table_is_taken_as_it_is);
  tcase_add_test(c, sockets_hear_that_interfaces_changed);
  tcase_add_test(c, ref_and_unref_reach_the_sockets);
  tcase_add_test(c, largest_message_is_the_least_of_socket_and_options);
  tcase_add_test(c, error_of_send_ends_the_request_but_lack_of_memory_is_a_loss);
  tcase_add_test(c, socket_that_does_not_start_leaves_all_to_the_caller);
  suite_add_tcase(s, c);
  return s;
}

ACOAP_TEST_MAIN(suite)
