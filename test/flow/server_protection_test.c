/*
 * How a server protects itself and others: Echo and what unverified addresses get (RFC 9175 section
 * 2, RFC 7641 section 7), requests per address (RFC 8516), levels of load. Virtual time.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "server_rig.h"

enum { KEPT = 32, LARGE = 1000, WIDE = 200, ALLOWANCE_LEAST = 136, STANDING_MS = 60 * 60 * 1000 };

#define OTHER_CLIENT "192.0.2.3:40000"

typedef struct scene {
  server_rig_t rig;
  acoap_resource_t *observable;
  unsigned handled;            /* requests that handlers saw */
  unsigned state;              /* of /obs */
  acoap_request_t *kept[KEPT]; /* of /later */
  size_t kept_count;
  uint8_t large[LARGE];
  size_t asked; /* bytes of the last request */
} scene_t;

/* ---- what is served -------------------------------------------------------------------------- */

static void get_small(void *user_data, acoap_request_t *request) {
  ((scene_t *)user_data)->handled++;
  (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "hi", 2);
}

static void put_small(void *user_data, acoap_request_t *request) {
  ((scene_t *)user_data)->handled++;
  (void)acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
}

static void get_large(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  scene->handled++;
  (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, scene->large, LARGE);
}

/* Options alone take more than anybody unverified may have. */
static void any_wide(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  scene->handled++;
  bool get = acoap_message_code(acoap_request_message(request)) == ACOAP_CODE_GET;
  acoap_builder_t *builder =
      acoap_request_begin(request, get ? ACOAP_CODE_CONTENT : ACOAP_CODE_CREATED);
  acoap_builder_option(builder, ACOAP_OPTION_LOCATION_PATH, scene->large, WIDE);
  acoap_builder_payload(builder, "body", 4);
  (void)acoap_request_send(request, ACOAP_AS_REQUESTED);
}

static void keep(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  scene->handled++;
  ck_assert_uint_lt(scene->kept_count, KEPT);
  scene->kept[scene->kept_count++] = acoap_request_ref(request);
}

/* Of another length each time; the first two are short. */
static void get_state(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  uint8_t bytes[64];
  memset(bytes, (int)scene->state, sizeof(bytes));
  scene->handled++;
  (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, bytes,
                              scene->state < 2 ? 1 : 61 - scene->state % 60);
}

static acoap_resource_t *add(scene_t *scene, const char *path, uint8_t method,
                             acoap_request_cb handler) {
  acoap_resource_t *resource = acoap_server_resource(scene->rig.server, path);
  resource = resource != NULL ? resource : acoap_resource_new(scene->rig.server, path);
  ck_assert_int_eq(acoap_resource_on(resource, method, handler, scene), 0);
  return resource;
}

static scene_t *scene_open(const acoap_local_endpoint_options_t *endpoint,
                           const acoap_server_options_t *options) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  server_rig_t *rig = &scene->rig;
  memset(scene->large, 'l', sizeof(scene->large));
  ck_assert_int_eq(acoap_sim_new(11, 1000000, &rig->sim), 0);
  rig->address = sim_address(SIM_SERVER);
  rig->group = sim_address(SERVER_RIG_GROUP);
  rig->endpoint = sim_endpoint_new(rig->sim, SIM_SERVER, endpoint);
  sim_peer_open(&rig->peer, rig->sim, SIM_CLIENT);
  ck_assert_int_eq(acoap_server_new(rig->endpoint, options, &rig->server), 0);
  (void)add(scene, "/small", ACOAP_CODE_GET, get_small);
  (void)add(scene, "/small", ACOAP_CODE_PUT, put_small);
  (void)add(scene, "/large", ACOAP_CODE_GET, get_large);
  (void)add(scene, "/wide", 0, any_wide);
  (void)add(scene, "/later", 0, keep);
  scene->observable = add(scene, "/obs", ACOAP_CODE_GET, get_state);
  ck_assert_int_eq(acoap_resource_observable(scene->observable, NULL), 0);
  ck_assert_int_eq(acoap_resource_fresh(add(scene, "/fresh", ACOAP_CODE_PUT, put_small), 2000), 0);
  (void)add(scene, "/fresh", ACOAP_CODE_GET, get_small);
  return scene;
}

static void scene_close(scene_t *scene) {
  for (size_t i = 0; i < scene->kept_count; i++) {
    acoap_request_unref(scene->kept[i]);
  }
  server_rig_close(&scene->rig);
  free(scene);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static acoap_builder_t *begin(scene_t *scene, acoap_type_t type, uint8_t code, const char *uri) {
  return server_rig_begin(&scene->rig, type, code, uri);
}

static void send_to(scene_t *scene, const acoap_address_t *to) {
  scene->asked = (size_t)acoap_builder_finish(&scene->rig.builder);
  server_rig_send(&scene->rig, to);
}

static const sim_datagram_t *answer(scene_t *scene) {
  send_to(scene, &scene->rig.address);
  return sim_peer_next(&scene->rig.peer);
}

/* Bytes of everything that has come and was not looked at. */
static size_t take_bytes(scene_t *scene) {
  size_t sum = 0;
  while (scene->rig.peer.taken < scene->rig.peer.received) {
    sum += sim_peer_next(&scene->rig.peer)->len;
  }
  return sum;
}

static size_t allowance(const scene_t *scene) {
  return 3 * scene->asked > ALLOWANCE_LEAST ? 3 * scene->asked : ALLOWANCE_LEAST;
}

static acoap_bytes_t echo_of(const sim_datagram_t *answer) {
  acoap_bytes_t value = {NULL, 0};
  ck_assert_uint_eq(answer->view.code, ACOAP_CODE_UNAUTHORIZED);
  ck_assert(acoap_view_option(&answer->view, ACOAP_OPTION_ECHO, 0, &value));
  ck_assert_uint_ge(value.len, 1);
  ck_assert_uint_le(value.len, 40);
  return value;
}

static const sim_datagram_t *ask_with_echo(scene_t *scene, uint8_t code, const char *uri,
                                           acoap_bytes_t echo) {
  uint8_t copy[40];
  memcpy(copy, echo.data, echo.len);
  acoap_builder_t *builder = begin(scene, ACOAP_CON, code, uri);
  acoap_builder_option(builder, ACOAP_OPTION_ECHO, copy, echo.len);
  return answer(scene);
}

/* The peer shows that it is there. */
static void verify(scene_t *scene) {
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/wide");
  acoap_bytes_t echo = echo_of(answer(scene));
  ck_assert_uint_eq(ask_with_echo(scene, ACOAP_CODE_GET, "/wide", echo)->view.code,
                    ACOAP_CODE_CONTENT);
}

static acoap_server_stats_t stats_of(const scene_t *scene) {
  return server_rig_stats(&scene->rig);
}

/* ---- RFC 9175 section 2.3: freshness --------------------------------------------------------- */

START_TEST(a_request_that_has_to_be_fresh_is_asked_for_an_echo) {
  acoap_server_options_t options = {.size = sizeof(options),
                                    .amplification = ACOAP_AMPLIFICATION_OFF};
  scene_t *scene = scene_open(NULL, _i == 0 ? &options : NULL);
  /* Figure 2: PUT, 4.01 with Echo in the ACK, PUT with Echo, 2.04. */
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_PUT, "/fresh");
  const sim_datagram_t *challenge = answer(scene);
  ck_assert_int_eq(challenge->view.type, ACOAP_ACK);
  ck_assert_uint_eq(scene->handled, 0);
  acoap_bytes_t echo = echo_of(challenge);
  ck_assert_uint_eq(ask_with_echo(scene, ACOAP_CODE_PUT, "/fresh", echo)->view.code,
                    ACOAP_CODE_CHANGED);
  ck_assert_uint_eq(scene->handled, 1);
  ck_assert_uint_eq(stats_of(scene).echo_challenges, 1);
  /* Who only looks is not asked. */
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/fresh");
  ck_assert_uint_eq(answer(scene)->view.code, ACOAP_CODE_CONTENT);
  scene_close(scene);
}
END_TEST

START_TEST(an_old_echo_gets_a_new_one) {
  scene_t *scene = scene_open(NULL, NULL);
  uint8_t first[40];
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_PUT, "/fresh");
  acoap_bytes_t echo = echo_of(answer(scene));
  memcpy(first, echo.data, echo.len);
  echo.data = first;
  server_rig_run(&scene->rig, 1990);
  ck_assert_uint_eq(ask_with_echo(scene, ACOAP_CODE_PUT, "/fresh", echo)->view.code,
                    ACOAP_CODE_CHANGED);
  server_rig_run(&scene->rig, 20);
  acoap_bytes_t second = echo_of(ask_with_echo(scene, ACOAP_CODE_PUT, "/fresh", echo));
  ck_assert_mem_ne(second.data, first, second.len);
  ck_assert_uint_eq(ask_with_echo(scene, ACOAP_CODE_PUT, "/fresh", second)->view.code,
                    ACOAP_CODE_CHANGED);
  ck_assert_uint_eq(scene->handled, 2);
  scene_close(scene);
}
END_TEST

START_TEST(an_echo_of_somebody_else_gets_a_new_one) {
  scene_t *scene = scene_open(NULL, NULL);
  uint8_t stolen[40];
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_PUT, "/fresh");
  acoap_bytes_t echo = echo_of(answer(scene));
  memcpy(stolen, echo.data, echo.len);
  sim_peer_t client = scene->rig.peer;
  sim_peer_open(&scene->rig.peer, scene->rig.sim, OTHER_CLIENT);
  acoap_bytes_t own =
      echo_of(ask_with_echo(scene, ACOAP_CODE_PUT, "/fresh", (acoap_bytes_t){stolen, echo.len}));
  ck_assert_uint_eq(scene->handled, 0);
  ck_assert_uint_eq(ask_with_echo(scene, ACOAP_CODE_PUT, "/fresh", own)->view.code,
                    ACOAP_CODE_CHANGED);
  sim_peer_close(&scene->rig.peer);
  scene->rig.peer = client;
  scene_close(scene);
}
END_TEST

START_TEST(an_echo_that_nobody_made_is_as_good_as_none) {
  static const size_t lengths[] = {0, 1, 11, 12, 13, 40, 41};
  scene_t *scene = scene_open(NULL, NULL);
  uint8_t invented[41];
  memset(invented, 7, sizeof(invented));
  for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    acoap_builder_t *builder = begin(scene, ACOAP_CON, ACOAP_CODE_PUT, "/fresh");
    acoap_builder_option(builder, ACOAP_OPTION_ECHO, invented, lengths[i]);
    (void)echo_of(answer(scene));
    /* Where none is asked for the option is elective. */
    builder = begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/small");
    acoap_builder_option(builder, ACOAP_OPTION_ECHO, invented, lengths[i]);
    ck_assert_uint_eq(answer(scene)->view.code, ACOAP_CODE_CONTENT);
  }
  ck_assert_uint_eq(stats_of(scene).echo_verified, 0);
  scene_close(scene);
}
END_TEST

/* ---- RFC 9175 sections 2.4 and 2.6: amplification -------------------------------------------- */

/* GET /large block by block; every answer within its request's allowance. Returns the block size.
 */
static size_t fetch_large(scene_t *scene, acoap_type_t type) {
  acoap_block_t block = {0, true, 6};
  size_t got = 0;
  size_t first = 0;
  while (block.more) {
    acoap_builder_t *builder = begin(scene, type, ACOAP_CODE_GET, "/large");
    block.more = false;
    if (block.num > 0) {
      acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
    }
    const sim_datagram_t *piece = answer(scene);
    ck_assert_uint_eq(piece->view.code, ACOAP_CODE_CONTENT);
    if (acoap_view_block(&piece->view, ACOAP_OPTION_BLOCK2, &block) == 0) {
      ck_assert_uint_eq(piece->view.payload.len, LARGE); /* all of it in one message */
    }
    got += piece->view.payload.len;
    first = first == 0 ? acoap_block_size(block.szx) : first;
    if (first < 1024) {
      ck_assert_uint_le(piece->len + take_bytes(scene), allowance(scene));
    }
    block.num++;
  }
  ck_assert_uint_eq(got, LARGE);
  return first;
}

START_TEST(an_unverified_address_gets_smaller_blocks) {
  scene_t *scene = scene_open(NULL, NULL);
  ck_assert_uint_le(fetch_large(scene, _i == 0 ? ACOAP_CON : ACOAP_NON), 64);
  ck_assert_uint_ge(stats_of(scene).amplification_limited, 1);
  ck_assert_uint_eq(stats_of(scene).echo_challenges, 0);
  scene_close(scene);
}
END_TEST

START_TEST(a_long_request_earns_a_long_answer) {
  scene_t *scene = scene_open(NULL, NULL);
  acoap_builder_t *builder = begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/large");
  uint8_t query[250];
  memset(query, 'q', sizeof(query));
  acoap_builder_option(builder, ACOAP_OPTION_URI_QUERY, query, sizeof(query));
  const sim_datagram_t *piece = answer(scene);
  acoap_block_t block;
  ck_assert_int_eq(acoap_view_block(&piece->view, ACOAP_OPTION_BLOCK2, &block), 1);
  ck_assert_uint_eq(acoap_block_size(block.szx), 512);
  ck_assert_uint_le(piece->len, 3 * scene->asked);
  scene_close(scene);
}
END_TEST

START_TEST(what_cannot_be_cut_is_answered_with_a_challenge) {
  scene_t *scene = scene_open(NULL, NULL);
  (void)begin(scene, _i == 0 ? ACOAP_CON : ACOAP_NON, ACOAP_CODE_GET, "/wide");
  const sim_datagram_t *challenge = answer(scene);
  ck_assert_int_eq(challenge->view.type, _i == 0 ? ACOAP_ACK : ACOAP_NON);
  ck_assert_uint_le(challenge->len, ALLOWANCE_LEAST);
  acoap_bytes_t echo = echo_of(challenge);
  const sim_datagram_t *whole = ask_with_echo(scene, ACOAP_CODE_GET, "/wide", echo);
  ck_assert_uint_eq(whole->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_gt(whole->len, WIDE);
  ck_assert_uint_eq(stats_of(scene).echo_verified, 1);
  /* From now on it is known, at any port, for as long as addresses keep their owners. */
  ck_assert_uint_eq(fetch_large(scene, ACOAP_CON), 1024);
  server_rig_run(&scene->rig, STANDING_MS + 1000);
  ck_assert_uint_le(fetch_large(scene, ACOAP_CON), 64);
  scene_close(scene);
}
END_TEST

START_TEST(an_unsafe_method_is_executed_once) {
  static const uint8_t methods[] = {ACOAP_CODE_POST, ACOAP_CODE_PUT, ACOAP_CODE_DELETE,
                                    ACOAP_CODE_PATCH};
  scene_t *scene = scene_open(NULL, NULL);
  (void)begin(scene, ACOAP_CON, methods[_i], "/wide");
  const sim_datagram_t *told = answer(scene);
  ck_assert_uint_eq(told->view.code, ACOAP_CODE_CREATED);
  ck_assert_uint_eq(told->view.payload.len, 0);
  ck_assert_uint_le(told->len, ALLOWANCE_LEAST);
  ck_assert_uint_eq(scene->handled, 1);
  ck_assert_uint_eq(stats_of(scene).echo_challenges, 0);
  scene_close(scene);
}
END_TEST

/* Answer what is kept, let all retransmissions pass unacknowledged, and return all bytes. */
static size_t bytes_of_separate(scene_t *scene, const char *payload, size_t len,
                                acoap_reliability_t reliability) {
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/later");
  send_to(scene, &scene->rig.address);
  server_rig_run(&scene->rig, 3000); /* the empty ACK */
  acoap_request_t *request = scene->kept[--scene->kept_count];
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
  ck_assert_ptr_nonnull(builder);
  acoap_builder_payload(builder, payload, len);
  ck_assert_int_eq(acoap_request_send(request, reliability), 0);
  acoap_request_unref(request);
  server_rig_run(&scene->rig, 100000);
  return take_bytes(scene);
}

START_TEST(a_separate_response_counts_with_its_retransmissions) {
  scene_t *scene = scene_open(NULL, NULL);
  char text[120];
  memset(text, 't', sizeof(text));
  for (size_t len = 1; len < sizeof(text); len += 7) {
    size_t bytes = bytes_of_separate(scene, text, len, ACOAP_AS_REQUESTED);
    ck_assert_uint_le(bytes, allowance(scene));
    ck_assert_uint_gt(bytes, 4 + len < 100 ? 4 + len : 24); /* an answer, or a block of it */
  }
  /* One that fits five times is sent five times. */
  ck_assert_uint_eq(bytes_of_separate(scene, text, 10, ACOAP_AS_REQUESTED), 4 + 5 * (4 + 2 + 11));
  ck_assert_uint_eq(stats_of(scene).echo_challenges, 0);
  scene_close(scene);
}
END_TEST

START_TEST(a_challenge_is_never_a_separate_response) {
  scene_t *scene = scene_open(NULL, NULL);
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/later");
  send_to(scene, &scene->rig.address);
  server_rig_run(&scene->rig, 3000);
  (void)sim_peer_expect(&scene->rig.peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  any_wide(scene, scene->kept[0]);
  server_rig_run(&scene->rig, 100000);
  size_t sum = 4;
  ck_assert_uint_gt(scene->rig.peer.received, scene->rig.peer.taken);
  while (scene->rig.peer.taken < scene->rig.peer.received) {
    const sim_datagram_t *told = sim_peer_next(&scene->rig.peer);
    ck_assert_uint_eq(told->view.code, ACOAP_CODE_CONTENT);
    ck_assert_uint_eq(told->view.payload.len, 0);
    sum += told->len;
  }
  ck_assert_uint_le(sum, allowance(scene));
  scene_close(scene);
}
END_TEST

START_TEST(an_answer_to_a_multicast_counts_as_well) {
  scene_t *scene = scene_open(NULL, NULL);
  server_rig_join(&scene->rig);
  (void)begin(scene, ACOAP_NON, ACOAP_CODE_GET, "/large");
  send_to(scene, &scene->rig.group);
  server_rig_run(&scene->rig, 10000);
  size_t bytes = take_bytes(scene);
  ck_assert_uint_gt(bytes, 0);
  ck_assert_uint_le(bytes, allowance(scene));
  (void)begin(scene, ACOAP_NON, ACOAP_CODE_GET, "/wide");
  send_to(scene, &scene->rig.group);
  server_rig_run(&scene->rig, 10000);
  sim_peer_expect_silence(&scene->rig.peer);
  scene_close(scene);
}
END_TEST

START_TEST(nothing_is_limited_where_it_is_off) {
  acoap_server_options_t options = {.size = sizeof(options),
                                    .amplification = ACOAP_AMPLIFICATION_OFF};
  scene_t *scene = scene_open(NULL, &options);
  ck_assert_uint_eq(fetch_large(scene, ACOAP_CON), 1024);
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/wide");
  ck_assert_uint_eq(answer(scene)->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(stats_of(scene).amplification_limited, 0);
  ck_assert_uint_eq(stats_of(scene).addresses, 0);
  scene_close(scene);
}
END_TEST

START_TEST(nothing_is_limited_for_a_peer_on_this_host) {
  scene_t *scene = scene_open(NULL, NULL);
  sim_peer_close(&scene->rig.peer);
  sim_peer_open(&scene->rig.peer, scene->rig.sim, "192.0.2.1:40000");
  ck_assert_uint_eq(fetch_large(scene, ACOAP_CON), 1024);
  scene_close(scene);
}
END_TEST

/* ---- RFC 7641 section 7: observers ----------------------------------------------------------- */

static void observe(scene_t *scene, acoap_type_t type) {
  acoap_builder_t *builder = begin(scene, type, ACOAP_CODE_GET, "/obs");
  acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, 0);
  const sim_datagram_t *first = answer(scene);
  uint32_t number;
  ck_assert_uint_eq(first->view.code, ACOAP_CODE_CONTENT);
  ck_assert(acoap_view_uint(&first->view, ACOAP_OPTION_OBSERVE, &number));
}

START_TEST(an_observer_that_does_not_answer_gets_no_more_than_its_request_paid_for) {
  static const acoap_time_t steps[] = {100, 3000, 30000, 200000};
  scene_t *scene = scene_open(NULL, NULL);
  observe(scene, _i % 2 == 0 ? ACOAP_CON : ACOAP_NON);
  size_t sum = scene->rig.peer.kept[(scene->rig.peer.received - 1) % SIM_KEPT].len;
  for (unsigned i = 0; i < 50; i++) {
    scene->state++;
    ck_assert_int_eq(acoap_resource_notify(scene->observable), 0);
    server_rig_run(&scene->rig, steps[_i / 2]);
    sum += take_bytes(scene);
  }
  server_rig_run(&scene->rig, 300000);
  sum += take_bytes(scene);
  ck_assert_uint_gt(sum, 20); /* at least one was sent */
  ck_assert_uint_eq(stats_of(scene).observers, 0);
  ck_assert_uint_le(sum, allowance(scene));
  scene_close(scene);
}
END_TEST

START_TEST(an_observer_that_acknowledges_goes_on_getting_notifications) {
  scene_t *scene = scene_open(NULL, NULL);
  observe(scene, ACOAP_CON);
  for (unsigned i = 1; i <= 50; i++) {
    scene->state = i;
    ck_assert_int_eq(acoap_resource_notify(scene->observable), 0);
    server_rig_run(&scene->rig, 1000);
    const sim_datagram_t *told = sim_peer_next(&scene->rig.peer);
    ck_assert_uint_eq(told->view.payload.data[0], i);
    if (told->view.type == ACOAP_CON) {
      sim_peer_send(&scene->rig.peer, &scene->rig.address, ACOAP_ACK, 0, told->view.message_id,
                    NULL, NULL);
    }
    server_rig_run(&scene->rig, 100);
    sim_peer_expect_silence(&scene->rig.peer);
  }
  scene_close(scene);
}
END_TEST

START_TEST(who_answers_a_request_of_ours_is_verified) {
  scene_t *scene = scene_open(NULL, NULL);
  acoap_remote_endpoint_t *remote;
  ck_assert_uint_le(fetch_large(scene, ACOAP_CON), 64);
  ck_assert_int_eq(
      acoap_remote_endpoint_new(scene->rig.endpoint, "coap://192.0.2.2:40000/x", &remote), 0);
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), NULL, NULL, NULL), 0);
  server_rig_run(&scene->rig, 1);
  const sim_datagram_t *asked = sim_peer_expect(&scene->rig.peer, ACOAP_CON, ACOAP_CODE_GET);
  uint8_t token[9] = {0};
  uint8_t bytes[32];
  acoap_builder_t builder;
  ck_assert_uint_eq(asked->view.token.len, 8);
  memcpy(token, asked->view.token.data, 8);
  /* An ACK without the token proves nothing: its Message ID has 16 bits. */
  sim_peer_send(&scene->rig.peer, &scene->rig.address, ACOAP_ACK, 0, asked->view.message_id, NULL,
                NULL);
  server_rig_run(&scene->rig, 1);
  ck_assert_uint_le(fetch_large(scene, ACOAP_CON), 64);
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_NON, ACOAP_CODE_CONTENT, 77, token, 8);
  int len = acoap_builder_finish(&builder);
  sim_peer_send_bytes(&scene->rig.peer, &scene->rig.address, bytes, (size_t)len);
  server_rig_run(&scene->rig, 1);
  ck_assert_uint_eq(fetch_large(scene, ACOAP_CON), 1024);
  acoap_remote_endpoint_unref(remote);
  scene_close(scene);
}
END_TEST

/* ---- RFC 8516: requests of one address ------------------------------------------------------- */

static const acoap_server_options_t rate_options = {
    .size = sizeof(acoap_server_options_t), .rate_per_s = 2, .rate_burst = 4, .retry_s = 7};

static uint8_t ask_small(scene_t *scene, acoap_type_t type) {
  (void)begin(scene, type, ACOAP_CODE_GET, "/small");
  const sim_datagram_t *got = answer(scene);
  if (got->view.code == ACOAP_CODE_TOO_MANY_REQUESTS) {
    uint32_t max_age_s = 0;
    ck_assert(acoap_view_uint(&got->view, ACOAP_OPTION_MAX_AGE, &max_age_s));
    ck_assert_uint_eq(max_age_s, 7);
  }
  return got->view.code;
}

START_TEST(an_address_that_asks_too_fast_gets_4_29_and_recovers) {
  scene_t *scene = scene_open(NULL, &rate_options);
  acoap_type_t type = _i == 0 ? ACOAP_CON : ACOAP_NON;
  for (unsigned i = 0; i < 4; i++) {
    ck_assert_uint_eq(ask_small(scene, type), ACOAP_CODE_CONTENT);
  }
  ck_assert_uint_eq(ask_small(scene, type), ACOAP_CODE_TOO_MANY_REQUESTS);
  ck_assert_uint_eq(ask_small(scene, type), ACOAP_CODE_TOO_MANY_REQUESTS);
  ck_assert_uint_eq(stats_of(scene).rate_refused, 2);
  ck_assert_uint_eq(scene->handled, 4);
  server_rig_run(&scene->rig, 500);
  ck_assert_uint_eq(ask_small(scene, type), ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(ask_small(scene, type), ACOAP_CODE_TOO_MANY_REQUESTS);
  server_rig_run(&scene->rig, 10000);
  for (unsigned i = 0; i < 4; i++) {
    ck_assert_uint_eq(ask_small(scene, type), ACOAP_CODE_CONTENT);
  }
  scene_close(scene);
}
END_TEST

START_TEST(another_address_is_not_concerned_and_another_port_is) {
  scene_t *scene = scene_open(NULL, &rate_options);
  sim_peer_t first;
  while (ask_small(scene, ACOAP_CON) == ACOAP_CODE_CONTENT) {
  }
  first = scene->rig.peer;
  sim_peer_open(&scene->rig.peer, scene->rig.sim, OTHER_CLIENT);
  ck_assert_uint_eq(ask_small(scene, ACOAP_CON), ACOAP_CODE_CONTENT);
  sim_peer_close(&scene->rig.peer);
  sim_peer_open(&scene->rig.peer, scene->rig.sim, "192.0.2.2:40001");
  ck_assert_uint_eq(ask_small(scene, ACOAP_CON), ACOAP_CODE_TOO_MANY_REQUESTS);
  sim_peer_close(&scene->rig.peer);
  scene->rig.peer = first;
  scene_close(scene);
}
END_TEST

START_TEST(a_multicast_request_that_is_too_much_is_not_answered) {
  scene_t *scene = scene_open(NULL, &rate_options);
  server_rig_join(&scene->rig);
  while (ask_small(scene, ACOAP_CON) == ACOAP_CODE_CONTENT) {
  }
  (void)begin(scene, ACOAP_NON, ACOAP_CODE_GET, "/small");
  send_to(scene, &scene->rig.group);
  server_rig_run(&scene->rig, 20000);
  sim_peer_expect_silence(&scene->rig.peer);
  ck_assert_uint_eq(stats_of(scene).rate_refused, 2);
  scene_close(scene);
}
END_TEST

/* ---- load ------------------------------------------------------------------------------------ */

static const acoap_local_endpoint_options_t few_requests = {
    .size = sizeof(acoap_local_endpoint_options_t), .requests_open_max = 20};

/* So many requests are kept, unanswered. */
static void fill(scene_t *scene, size_t count) {
  while (scene->kept_count < count) {
    (void)begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/later");
    send_to(scene, &scene->rig.address);
    ck_assert_int_eq(acoap_request_acknowledge(scene->kept[scene->kept_count - 1]), 0);
    server_rig_run(&scene->rig, 1);
    (void)sim_peer_expect(&scene->rig.peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  }
}

/* Answer kept ones until so many are left. */
static void drain(scene_t *scene, size_t count) {
  while (scene->kept_count > count) {
    acoap_request_t *request = scene->kept[--scene->kept_count];
    ck_assert_int_eq(acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "k", 1),
                     0);
    acoap_request_unref(request);
    server_rig_run(&scene->rig, 1);
    const sim_datagram_t *got = sim_peer_expect(&scene->rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT);
    sim_peer_send(&scene->rig.peer, &scene->rig.address, ACOAP_ACK, 0, got->view.message_id, NULL,
                  NULL);
    server_rig_run(&scene->rig, 1);
  }
}

static const sim_datagram_t *ask_age(scene_t *scene, uint32_t *max_age_s) {
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/small");
  const sim_datagram_t *got = answer(scene);
  *max_age_s = 60;
  (void)acoap_view_uint(&got->view, ACOAP_OPTION_MAX_AGE, max_age_s);
  return got;
}

START_TEST(levels_begin_and_end_with_hysteresis) {
  scene_t *scene = scene_open(&few_requests, NULL);
  uint32_t max_age_s;
  fill(scene, 14); /* 70 % */
  ck_assert_uint_eq(stats_of(scene).load, ACOAP_LOAD_NORMAL);
  ck_assert_uint_eq(ask_age(scene, &max_age_s)->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(max_age_s, 60);
  fill(scene, 15); /* 75 % */
  ck_assert_uint_eq(stats_of(scene).load, ACOAP_LOAD_THROTTLED);
  ck_assert_uint_eq(ask_age(scene, &max_age_s)->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(max_age_s, 120);
  fill(scene, 18); /* 90 % */
  ck_assert_uint_eq(stats_of(scene).load, ACOAP_LOAD_SHEDDING);
  ck_assert_uint_eq(ask_age(scene, &max_age_s)->view.code, ACOAP_CODE_SERVICE_UNAVAILABLE);
  ck_assert_uint_eq(max_age_s, 5);
  drain(scene, 16); /* 80 %: where it ends */
  ck_assert_uint_eq(ask_age(scene, &max_age_s)->view.code, ACOAP_CODE_SERVICE_UNAVAILABLE);
  drain(scene, 15);
  ck_assert_uint_eq(ask_age(scene, &max_age_s)->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(stats_of(scene).load, ACOAP_LOAD_THROTTLED);
  drain(scene, 13); /* 65 % */
  ck_assert_uint_eq(stats_of(scene).load, ACOAP_LOAD_THROTTLED);
  drain(scene, 12);
  ck_assert_uint_eq(ask_age(scene, &max_age_s)->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(max_age_s, 60);
  ck_assert_uint_eq(stats_of(scene).load, ACOAP_LOAD_NORMAL);
  ck_assert_uint_eq(stats_of(scene).shed, 2);
  drain(scene, 0);
  scene_close(scene);
}
END_TEST

START_TEST(no_observers_are_taken_while_throttled) {
  scene_t *scene = scene_open(&few_requests, NULL);
  uint32_t number;
  fill(scene, 15);
  acoap_builder_t *builder = begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/obs");
  acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, 0);
  const sim_datagram_t *got = answer(scene);
  ck_assert_uint_eq(got->view.code, ACOAP_CODE_CONTENT);
  ck_assert(!acoap_view_uint(&got->view, ACOAP_OPTION_OBSERVE, &number));
  ck_assert_uint_eq(stats_of(scene).observers, 0);
  ck_assert_uint_eq(stats_of(scene).observers_refused, 1);
  drain(scene, 0);
  observe(scene, ACOAP_CON);
  ck_assert_uint_eq(stats_of(scene).observers, 1);
  scene_close(scene);
}
END_TEST

START_TEST(who_is_refused_hears_what_was_configured) {
  acoap_server_options_t options = {.size = sizeof(options), .shedding = ACOAP_SHED_RESET};
  scene_t *scene = scene_open(&few_requests, _i == 0 ? &options : NULL);
  fill(scene, 18);
  unsigned handled = scene->handled;
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_GET, "/small");
  const sim_datagram_t *con = answer(scene);
  ck_assert_int_eq(con->view.type, _i == 0 ? ACOAP_RST : ACOAP_ACK);
  ck_assert_uint_eq(con->view.code, _i == 0 ? 0 : ACOAP_CODE_SERVICE_UNAVAILABLE);
  (void)begin(scene, ACOAP_NON, ACOAP_CODE_GET, "/small");
  send_to(scene, &scene->rig.address);
  if (_i == 0) {
    sim_peer_expect_silence(&scene->rig.peer);
  } else {
    (void)sim_peer_expect(&scene->rig.peer, ACOAP_NON, ACOAP_CODE_SERVICE_UNAVAILABLE);
  }
  server_rig_join(&scene->rig);
  (void)begin(scene, ACOAP_NON, ACOAP_CODE_GET, "/small");
  send_to(scene, &scene->rig.group);
  server_rig_run(&scene->rig, 20000);
  sim_peer_expect_silence(&scene->rig.peer);
  ck_assert_uint_eq(scene->handled, handled);
  ck_assert_uint_eq(stats_of(scene).shed, 3);
  scene_close(scene);
}
END_TEST

/* Begin a body and leave it, each one of its own. */
static void leave_transfers(scene_t *scene, unsigned count) {
  acoap_block_t block = {0, true, 0};
  for (unsigned i = 1; i <= count; i++) {
    acoap_builder_t *builder = begin(scene, ACOAP_CON, ACOAP_CODE_PUT, "/small");
    acoap_builder_uint(builder, ACOAP_OPTION_REQUEST_TAG, i);
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
    acoap_builder_payload(builder, "0123456789abcdef", 16);
    ck_assert_uint_eq(answer(scene)->view.code, ACOAP_CODE_CONTINUE);
  }
}

START_TEST(transfers_that_are_left_throttle_but_do_not_shed) {
  acoap_server_options_t options = {.size = sizeof(options), .transfers_max = 10};
  scene_t *scene = scene_open(NULL, &options);
  uint32_t max_age_s;
  leave_transfers(scene, 7);
  ck_assert_uint_eq(stats_of(scene).load, ACOAP_LOAD_NORMAL);
  leave_transfers(scene, 10);
  ck_assert_uint_eq(stats_of(scene).load, ACOAP_LOAD_THROTTLED);
  ck_assert_uint_eq(ask_age(scene, &max_age_s)->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(max_age_s, 120);
  server_rig_run(&scene->rig, 300000);
  ck_assert_uint_eq(stats_of(scene).load, ACOAP_LOAD_NORMAL);
  scene_close(scene);
}
END_TEST

START_TEST(a_duplicate_gets_its_stored_reply_while_shedding) {
  scene_t *scene = scene_open(&few_requests, NULL);
  uint8_t request[SIM_DATAGRAM_MAX];
  (void)begin(scene, ACOAP_CON, ACOAP_CODE_PUT, "/small");
  size_t len = (size_t)acoap_builder_finish(&scene->rig.builder);
  memcpy(request, scene->rig.bytes, len);
  uint16_t message_id = answer(scene)->view.message_id;
  unsigned handled = scene->handled;
  fill(scene, 18);
  ck_assert_uint_eq(stats_of(scene).load, ACOAP_LOAD_SHEDDING);
  sim_peer_send_bytes(&scene->rig.peer, &scene->rig.address, request, len);
  server_rig_run(&scene->rig, 1);
  const sim_datagram_t *again = sim_peer_expect(&scene->rig.peer, ACOAP_ACK, ACOAP_CODE_CHANGED);
  ck_assert_uint_eq(again->view.message_id, message_id);
  ck_assert_uint_eq(scene->handled, handled + 18);
  ck_assert_uint_eq(stats_of(scene).shed, 0);
  drain(scene, 0); /* and what handlers keep is answered */
  scene_close(scene);
}
END_TEST

/* ---- both sides ------------------------------------------------------------------------------ */

typedef struct result {
  unsigned finals;
  int status;
  uint8_t code;
  size_t len;
} result_t;

static void note(void *user_data, int status, acoap_message_t *message) {
  result_t *result = user_data;
  result->finals++;
  result->status = status;
  result->code = message != NULL ? acoap_message_code(message) : 0;
  result->len = message != NULL ? acoap_message_payload(message).len : 0;
}

static result_t send_from_client(scene_t *scene, acoap_local_endpoint_t *client, const char *uri,
                                 acoap_desc_t *desc) {
  result_t result = {0};
  acoap_remote_endpoint_t *remote;
  ck_assert_int_eq(acoap_remote_endpoint_new(client, uri, &remote), 0);
  ck_assert_int_eq(acoap_send(remote, desc, note, &result, NULL), 0);
  server_rig_run(&scene->rig, 2000);
  ck_assert_uint_eq(result.finals, 1);
  acoap_remote_endpoint_unref(remote);
  return result;
}

START_TEST(a_client_of_ours_returns_the_echo) {
  scene_t *scene = scene_open(NULL, NULL);
  unsigned closed = 0;
  acoap_local_endpoint_t *client = sim_endpoint_new(scene->rig.sim, OTHER_CLIENT, NULL);
  result_t put = send_from_client(scene, client, "coap://192.0.2.1/fresh", acoap_desc_put());
  ck_assert_int_eq(put.status, 0);
  ck_assert_uint_eq(put.code, ACOAP_CODE_CHANGED);
  ck_assert_uint_eq(scene->handled, 1);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 0);
  acoap_desc_collect(desc, 4096);
  ck_assert_uint_eq(send_from_client(scene, client, "coap://192.0.2.1/large", desc).len, LARGE);
  ck_assert_uint_eq(send_from_client(scene, client, "coap://192.0.2.1/wide", acoap_desc_get()).code,
                    ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(stats_of(scene).echo_verified, 1);
  acoap_local_endpoint_close(client, NULL, &closed);
  scene_close(scene);
}
END_TEST

START_TEST(verification_survives_many_strangers) {
  acoap_server_options_t options = {.size = sizeof(options), .addresses_max = 8, .rate_per_s = 10};
  scene_t *scene = scene_open(NULL, &options);
  verify(scene);
  for (unsigned i = 0; i < 100; i++) {
    sim_peer_t stranger;
    char text[32];
    snprintf(text, sizeof(text), "198.51.100.%u:1000", i + 1);
    sim_peer_open(&stranger, scene->rig.sim, text);
    sim_peer_send(&stranger, &scene->rig.address, ACOAP_NON, ACOAP_CODE_GET, 1, "t", NULL);
    server_rig_run(&scene->rig, 1);
    sim_peer_close(&stranger);
  }
  ck_assert_uint_eq(stats_of(scene).addresses, 8);
  ck_assert_uint_ge(stats_of(scene).addresses_evicted, 92);
  ck_assert_uint_eq(fetch_large(scene, ACOAP_CON), 1024);
  scene_close(scene);
}
END_TEST

static void add_echo(Suite *suite) {
  TCase *tcase = tcase_create("RFC 9175 section 2.3");
  tcase_add_loop_test(tcase, a_request_that_has_to_be_fresh_is_asked_for_an_echo, 0, 2);
  tcase_add_test(tcase, an_old_echo_gets_a_new_one);
  tcase_add_test(tcase, an_echo_of_somebody_else_gets_a_new_one);
  tcase_add_test(tcase, an_echo_that_nobody_made_is_as_good_as_none);
  tcase_add_test(tcase, a_client_of_ours_returns_the_echo);
  suite_add_tcase(suite, tcase);
}

static void add_amplification(Suite *suite) {
  TCase *tcase = tcase_create("RFC 9175 sections 2.4 and 2.6");
  tcase_add_loop_test(tcase, an_unverified_address_gets_smaller_blocks, 0, 2);
  tcase_add_test(tcase, a_long_request_earns_a_long_answer);
  tcase_add_loop_test(tcase, what_cannot_be_cut_is_answered_with_a_challenge, 0, 2);
  tcase_add_loop_test(tcase, an_unsafe_method_is_executed_once, 0, 4);
  tcase_add_test(tcase, a_separate_response_counts_with_its_retransmissions);
  tcase_add_test(tcase, a_challenge_is_never_a_separate_response);
  tcase_add_test(tcase, an_answer_to_a_multicast_counts_as_well);
  tcase_add_test(tcase, nothing_is_limited_where_it_is_off);
  tcase_add_test(tcase, nothing_is_limited_for_a_peer_on_this_host);
  tcase_add_test(tcase, who_answers_a_request_of_ours_is_verified);
  tcase_add_test(tcase, verification_survives_many_strangers);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("RFC 7641 section 7");
  tcase_add_loop_test(
      tcase, an_observer_that_does_not_answer_gets_no_more_than_its_request_paid_for, 0, 8);
  tcase_add_test(tcase, an_observer_that_acknowledges_goes_on_getting_notifications);
  suite_add_tcase(suite, tcase);
}

static void add_rate_and_load(Suite *suite) {
  TCase *tcase = tcase_create("RFC 8516");
  tcase_add_loop_test(tcase, an_address_that_asks_too_fast_gets_4_29_and_recovers, 0, 2);
  tcase_add_test(tcase, another_address_is_not_concerned_and_another_port_is);
  tcase_add_test(tcase, a_multicast_request_that_is_too_much_is_not_answered);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("load");
  tcase_add_test(tcase, levels_begin_and_end_with_hysteresis);
  tcase_add_test(tcase, no_observers_are_taken_while_throttled);
  tcase_add_loop_test(tcase, who_is_refused_hears_what_was_configured, 0, 2);
  tcase_add_test(tcase, transfers_that_are_left_throttle_but_do_not_shed);
  tcase_add_test(tcase, a_duplicate_gets_its_stored_reply_while_shedding);
  suite_add_tcase(suite, tcase);
}

static Suite *suite(void) {
  Suite *suite = suite_create("flow/server_protection");
  add_echo(suite);
  add_amplification(suite);
  add_rate_and_load(suite);
  return suite;
}

ACOAP_TEST_MAIN(suite)
