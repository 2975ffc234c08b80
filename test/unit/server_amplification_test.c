/*
 * server/amplification: who is limited, and to how much (RFC 9175 sections 2.4 and 2.6).
 * SPDX-License-Identifier: MIT
 */
#include "server/protection.h"

#include <string.h>

#include "server_rig.h"
#include "support/check_main.h"

typedef struct scene {
  acoap_sim_t *sim;
  acoap_local_endpoint_t *endpoint;
  acoap_server_t *server;
  sim_peer_t peer;
  acoap_address_t address;
  size_t left;   /* of the last request, in its handler */
  size_t after;  /* and after its answer */
  size_t answer; /* bytes of payload that it answers */
  bool verified; /* of the last request */
  unsigned closed;
} scene_t;

static void get(void *user_data, acoap_request_t *request) {
  static const uint8_t bytes[64] = {0};
  scene_t *scene = user_data;
  acoap__serving_t *serving = acoap__serving_of(request);
  scene->left = acoap__protect_left(serving);
  scene->verified = serving->verified;
  (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, bytes, scene->answer);
  scene->after = acoap__protect_left(serving);
}

static void open_scene(scene_t *scene, const char *server, const char *peer,
                       acoap_amplification_t amplification, uint32_t factor) {
  acoap_server_options_t options = {
      .size = sizeof(options), .amplification = amplification, .amplification_factor = factor};
  memset(scene, 0, sizeof(*scene));
  ck_assert_int_eq(acoap_sim_new(3, 1000, &scene->sim), 0);
  scene->address = sim_address(server);
  scene->endpoint = sim_endpoint_new(scene->sim, server, NULL);
  sim_peer_open(&scene->peer, scene->sim, peer);
  ck_assert_int_eq(acoap_server_new(scene->endpoint, &options, &scene->server), 0);
  acoap_resource_t *resource = acoap_resource_new(scene->server, "/t");
  ck_assert_int_eq(acoap_resource_on(resource, 0, get, scene), 0);
}

static void count_closed(void *user_data) {
  scene_t *scene = user_data;
  scene->closed++;
}

static void close_scene(scene_t *scene) {
  acoap_server_free(scene->server);
  acoap_local_endpoint_close(scene->endpoint, count_closed, scene);
  acoap_sim_run_until(scene->sim, acoap_sim_now(scene->sim) + 1000);
  ck_assert_uint_eq(scene->closed, 1);
  sim_peer_close(&scene->peer);
  acoap_sim_free(scene->sim);
}

/* A POST of `payload` bytes; returns the bytes of the request. */
static size_t post(scene_t *scene, size_t payload) {
  static uint16_t message_id = 100;
  uint8_t bytes[1200];
  uint8_t body[1100];
  acoap_builder_t builder;
  memset(body, 1, sizeof(body));
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_POST, message_id++,
                     (const uint8_t *)"t", 1);
  acoap_builder_path(&builder, "/t", 2);
  acoap_builder_payload(&builder, body, payload);
  int len = acoap_builder_finish(&builder);
  ck_assert_int_gt(len, 0);
  sim_peer_send_bytes(&scene->peer, &scene->address, bytes, (size_t)len);
  acoap_sim_run_until(scene->sim, acoap_sim_now(scene->sim) + 1);
  return (size_t)len;
}

static const struct {
  const char *server, *peer;
  acoap_amplification_t mode;
  bool limited;
} ways[] = {
    {SIM_SERVER, SIM_CLIENT, ACOAP_AMPLIFICATION_AUTO, true},
    {SIM_SERVER, SIM_CLIENT, ACOAP_AMPLIFICATION_ON, true},
    {SIM_SERVER, SIM_CLIENT, ACOAP_AMPLIFICATION_OFF, false},
    {"127.0.0.1:5683", "127.0.0.1:40000", ACOAP_AMPLIFICATION_AUTO, false},
    {"127.0.0.1:5683", "127.0.0.2:40000", ACOAP_AMPLIFICATION_AUTO, false},
    {"127.0.0.1:5683", "127.0.0.1:40000", ACOAP_AMPLIFICATION_ON, true},
    {"[::1]:5683", "[::1]:40000", ACOAP_AMPLIFICATION_AUTO, false},
    {SIM_SERVER, "192.0.2.1:40000", ACOAP_AMPLIFICATION_AUTO, false},
    {SIM_SERVER, "192.0.2.1:40000", ACOAP_AMPLIFICATION_ON, true},
    {"[2001:db8::1]:5683", "[2001:db8::2]:40000", ACOAP_AMPLIFICATION_AUTO, true},
};

START_TEST(by_default_everybody_elsewhere_is_limited) {
  scene_t scene;
  open_scene(&scene, ways[_i].server, ways[_i].peer, ways[_i].mode, 0);
  (void)post(&scene, 10);
  ck_assert_int_eq(scene.left != SIZE_MAX, ways[_i].limited);
  ck_assert_int_eq(scene.verified, !ways[_i].limited);
  close_scene(&scene);
}
END_TEST

static const struct {
  uint32_t factor;
  size_t payload;
} sizes[] = {{0, 1}, {0, 30}, {0, 60}, {0, 1000}, {1, 200}, {10, 100}, {1, 1}, {UINT32_MAX, 1000}};

START_TEST(the_sum_is_a_multiple_of_the_request_or_136_bytes) {
  scene_t scene;
  open_scene(&scene, SIM_SERVER, SIM_CLIENT, ACOAP_AMPLIFICATION_ON, sizes[_i].factor);
  size_t request = post(&scene, sizes[_i].payload);
  uint64_t factor = sizes[_i].factor == 0 ? 3 : sizes[_i].factor;
  ck_assert_uint_eq(scene.left, factor * request > 136 ? factor * request : 136);
  close_scene(&scene);
}
END_TEST

START_TEST(what_was_sent_is_taken_off) {
  scene_t scene;
  open_scene(&scene, SIM_SERVER, SIM_CLIENT, ACOAP_AMPLIFICATION_ON, 0);
  scene.answer = 20;
  (void)post(&scene, 1);
  const sim_datagram_t *answer = sim_peer_expect(&scene.peer, ACOAP_ACK, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(scene.left, 136);
  ck_assert_uint_eq(scene.after, 136 - answer->len);
  close_scene(&scene);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("server/amplification");
  TCase *tcase = tcase_create("allowance");
  tcase_add_loop_test(tcase, by_default_everybody_elsewhere_is_limited, 0,
                      sizeof(ways) / sizeof(ways[0]));
  tcase_add_loop_test(tcase, the_sum_is_a_multiple_of_the_request_or_136_bytes, 0,
                      sizeof(sizes) / sizeof(sizes[0]));
  tcase_add_test(tcase, what_was_sent_is_taken_off);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
