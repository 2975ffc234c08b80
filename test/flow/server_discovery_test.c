/*
 * Discovery (RFC 7252 section 7, RFC 6690) and requests that come by multicast (RFC 7252
 * section 8.2, RFC 7967 section 2.1), from the server's side.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/server_rig.h"

#define CORE "/.well-known/core"
/* RFC 7252 section 4.8. */
#define DEFAULT_LEISURE_MS 5000

typedef struct scene {
  server_rig_t rig;
  acoap_resource_t
      *light;       /* "/light": 2.05 "on" to GET, 2.04 to PUT, 4.00 to POST, 2.05 to FETCH */
  unsigned handled; /* requests for it */
} scene_t;

static void handle(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  scene->handled++;
  switch (acoap_message_code(acoap_request_message(request))) {
  case ACOAP_CODE_GET:
    (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "on", 2);
    break;
  case ACOAP_CODE_PUT:
    (void)acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
    break;
  case ACOAP_CODE_FETCH:
    (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, NULL, 0);
    break;
  default:
    (void)acoap_request_respond(request, ACOAP_CODE_BAD_REQUEST, ACOAP_FORMAT_NONE, "no", 2);
    break;
  }
}

static scene_t *scene_open(uint64_t seed) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  server_rig_open(&scene->rig, seed, NULL);
  server_rig_join(&scene->rig);
  scene->light = acoap_resource_new(scene->rig.server, "/light");
  ck_assert_int_eq(acoap_resource_on(scene->light, 0, handle, scene), 0);
  ck_assert_int_eq(acoap_resource_attribute(scene->light, "rt", "light"), 0);
  return scene;
}

static void scene_close(scene_t *scene) {
  server_rig_close(&scene->rig);
  free(scene);
}

/* Ask the group. */
static acoap_builder_t *begin(scene_t *scene, uint8_t code, const char *uri) {
  return server_rig_begin(&scene->rig, ACOAP_NON, code, uri);
}

static void send_to_group(scene_t *scene) {
  server_rig_send(&scene->rig, &scene->rig.group);
}

static void ask_group(scene_t *scene, uint8_t code, const char *uri) {
  (void)begin(scene, code, uri);
  send_to_group(scene);
}

/* What came within the leisure: a NON from the server's own address with this code. */
static const sim_datagram_t *expect(scene_t *scene, uint8_t code) {
  server_rig_run(&scene->rig, DEFAULT_LEISURE_MS + 1);
  const sim_datagram_t *answer = sim_peer_expect(&scene->rig.peer, ACOAP_NON, code);
  ck_assert_uint_eq(answer->view.token.len, 2);
  ck_assert_mem_eq(answer->view.token.data, "tk", 2);
  ck_assert(acoap_address_equal(&answer->path.peer, &scene->rig.address));
  sim_peer_expect_silence(&scene->rig.peer);
  return answer;
}

static void expect_silence(scene_t *scene) {
  server_rig_run(&scene->rig, 100000);
  sim_peer_expect_silence(&scene->rig.peer);
}

/* ---- discovery ------------------------------------------------------------------------------- */

START_TEST(rfc6690_s4_unicast_and_multicast_get_the_same_document) {
  scene_t *scene = scene_open(1);
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, CORE, ACOAP_CODE_CONTENT, "</light>;rt=\"light\"");
  ask_group(scene, ACOAP_CODE_GET, CORE);
  server_rig_expect_payload(expect(scene, ACOAP_CODE_CONTENT), "</light>;rt=\"light\"");
  ask_group(scene, ACOAP_CODE_GET, CORE "?rt=li*");
  server_rig_expect_payload(expect(scene, ACOAP_CODE_CONTENT), "</light>;rt=\"light\"");
  scene_close(scene);
}
END_TEST

START_TEST(rfc6690_s4_1_filter_without_a_match_is_silence_for_a_group_and_empty_for_one) {
  scene_t *scene = scene_open(2);
  ask_group(scene, ACOAP_CODE_GET, CORE "?rt=sensor");
  expect_silence(scene);
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, CORE "?rt=sensor", ACOAP_CODE_CONTENT, "");
  /* What can be no filter is an error, which a group is not told. */
  ask_group(scene, ACOAP_CODE_GET, CORE "?=sensor");
  expect_silence(scene);
  scene_close(scene);
}
END_TEST

/* RFC 7959 section 2.8: the first block comes by itself, the others are asked for by unicast. */
START_TEST(rfc7959_s2_8_document_of_many_blocks) {
  scene_t *scene = scene_open(3);
  char expected[4096] = "</light>;rt=\"light\"";
  char text[4096] = "";
  acoap_block_t block = {0, false, 2};
  acoap_bytes_t etag, next;
  uint8_t first[8];
  for (int i = 0; i < 30; i++) {
    char path[32];
    snprintf(path, sizeof(path), "/sensors/%d", i);
    acoap_resource_on(acoap_resource_new(scene->rig.server, path), 0, handle, scene);
    snprintf(expected + strlen(expected), 40, ",<%s>", path);
  }
  acoap_builder_block(begin(scene, ACOAP_CODE_GET, CORE), ACOAP_OPTION_BLOCK2, &block);
  send_to_group(scene);
  const sim_datagram_t *answer = expect(scene, ACOAP_CODE_CONTENT);
  ck_assert(acoap_view_option(&answer->view, ACOAP_OPTION_ETAG, 0, &etag));
  memcpy(first, etag.data, etag.len);
  for (;;) {
    ck_assert_int_eq(acoap_view_block(&answer->view, ACOAP_OPTION_BLOCK2, &block), 1);
    ck_assert(acoap_view_option(&answer->view, ACOAP_OPTION_ETAG, 0, &next));
    ck_assert_mem_eq(next.data, first, etag.len);
    ck_assert_uint_eq(block.szx, 2);
    ck_assert(!block.more || answer->view.payload.len == 64);
    strncat(text, (const char *)answer->view.payload.data, answer->view.payload.len);
    if (!block.more) {
      break;
    }
    acoap_block_t asked = {block.num + 1, false, 2};
    acoap_builder_block(server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, CORE),
                        ACOAP_OPTION_BLOCK2, &asked);
    answer = server_rig_answer(&scene->rig);
  }
  ck_assert_str_eq(text, expected);
  scene_close(scene);
}
END_TEST

/* ---- leisure --------------------------------------------------------------------------------- */

/* Ask and tell after how long the answer came. */
static acoap_time_t delay_of(scene_t *scene, const char *uri) {
  acoap_time_t asked = acoap_sim_now(scene->rig.sim);
  ask_group(scene, ACOAP_CODE_GET, uri);
  return expect(scene, ACOAP_CODE_CONTENT)->at - asked;
}

START_TEST(rfc7252_s8_2_answers_are_spread_over_the_leisure) {
  acoap_time_t least = DEFAULT_LEISURE_MS;
  acoap_time_t most = 0;
  scene_t *scene = scene_open(4);
  for (int i = 0; i < 100; i++) {
    acoap_time_t delay = delay_of(scene, "/light");
    least = delay < least ? delay : least;
    most = delay > most ? delay : most;
  }
  ck_assert(least >= 0 && least < 500);
  ck_assert(most <= DEFAULT_LEISURE_MS && most > 4500);
  scene_close(scene);
}
END_TEST

START_TEST(rfc7252_s8_2_leisure_is_the_resources_own) {
  acoap_multicast_policy_t policy = {.size = sizeof(policy), .leisure_ms = 200};
  acoap_time_t most = 0;
  scene_t *scene = scene_open(5);
  ck_assert_int_eq(acoap_resource_multicast(scene->light, &policy), 0);
  for (int i = 0; i < 100; i++) {
    acoap_time_t delay = delay_of(scene, "/light");
    most = delay > most ? delay : most;
  }
  ck_assert(most <= 200 && most > 150);
  ck_assert_int_eq(acoap_resource_multicast(scene->light, NULL), 0);
  most = 0;
  for (int i = 0; i < 20; i++) {
    acoap_time_t delay = delay_of(scene, "/light");
    most = delay > most ? delay : most;
  }
  ck_assert(most > 200);
  scene_close(scene);
}
END_TEST

/* ---- what is not answered -------------------------------------------------------------------- */

START_TEST(rfc7252_s8_2_errors_and_empty_answers_are_suppressed) {
  scene_t *scene = scene_open(6);
  ask_group(scene, ACOAP_CODE_POST, "/light");  /* 4.00 */
  ask_group(scene, ACOAP_CODE_GET, "/nothing"); /* 4.04 */
  ask_group(scene, ACOAP_CODE_PUT, CORE);       /* 4.05 */
  ask_group(scene, ACOAP_CODE_FETCH, "/light"); /* 2.05 without a payload */
  acoap_builder_option(begin(scene, ACOAP_CODE_GET, "/light"), 9999, "x", 1); /* 4.02 */
  send_to_group(scene);
  acoap_builder_uint(begin(scene, ACOAP_CODE_GET, CORE), ACOAP_OPTION_ACCEPT, 0); /* 4.06 */
  send_to_group(scene);
  expect_silence(scene);
  ck_assert_uint_eq(scene->handled, 2);
  ask_group(scene, ACOAP_CODE_PUT, "/light");
  (void)expect(scene, ACOAP_CODE_CHANGED);
  scene_close(scene);
}
END_TEST

START_TEST(policy_lets_errors_and_empty_answers_through) {
  acoap_multicast_policy_t policy = {.size = sizeof(policy), .errors = true};
  scene_t *scene = scene_open(7);
  ck_assert_int_eq(acoap_resource_multicast(scene->light, &policy), 0);
  ask_group(scene, ACOAP_CODE_POST, "/light");
  (void)expect(scene, ACOAP_CODE_BAD_REQUEST);
  ask_group(scene, ACOAP_CODE_FETCH, "/light");
  expect_silence(scene);
  policy.errors = false;
  policy.empty = true;
  ck_assert_int_eq(acoap_resource_multicast(scene->light, &policy), 0);
  ask_group(scene, ACOAP_CODE_FETCH, "/light");
  (void)expect(scene, ACOAP_CODE_CONTENT);
  ask_group(scene, ACOAP_CODE_POST, "/light");
  expect_silence(scene);
  scene_close(scene);
}
END_TEST

START_TEST(silent_resource_does_what_it_is_told_and_says_nothing) {
  acoap_multicast_policy_t policy = {.size = sizeof(policy), .silent = true, .errors = true};
  scene_t *scene = scene_open(8);
  ck_assert_int_eq(acoap_resource_multicast(scene->light, &policy), 0);
  ask_group(scene, ACOAP_CODE_PUT, "/light");
  ask_group(scene, ACOAP_CODE_GET, "/light");
  ask_group(scene, ACOAP_CODE_POST, "/light");
  expect_silence(scene);
  ck_assert_uint_eq(scene->handled, 3);
  server_rig_expect(&scene->rig, ACOAP_CODE_GET, "/light", ACOAP_CODE_CONTENT, "on");
  scene_close(scene);
}
END_TEST

START_TEST(rfc7967_s2_1_what_the_client_asks_for_overrides_the_default) {
  static const struct {
    uint32_t no_response;
    uint8_t method;
    const char *uri;
    uint8_t answer; /* 0: none */
  } cases[] = {
      /* not interested in 2.xx: errors are sent */
      {2, ACOAP_CODE_GET, "/light", 0},
      {2, ACOAP_CODE_POST, "/light", ACOAP_CODE_BAD_REQUEST},
      {2, ACOAP_CODE_GET, "/nothing", ACOAP_CODE_NOT_FOUND},
      /* interested in everything */
      {0, ACOAP_CODE_GET, "/light", ACOAP_CODE_CONTENT},
      {0, ACOAP_CODE_FETCH, "/light", ACOAP_CODE_CONTENT},
      {0, ACOAP_CODE_POST, "/light", ACOAP_CODE_BAD_REQUEST},
      /* not interested in 4.xx, not in 5.xx, in neither */
      {8, ACOAP_CODE_POST, "/light", 0},
      {16, ACOAP_CODE_POST, "/light", ACOAP_CODE_BAD_REQUEST},
      {24, ACOAP_CODE_POST, "/light", 0},
      {24, ACOAP_CODE_PUT, "/light", ACOAP_CODE_CHANGED},
      /* in nothing */
      {26, ACOAP_CODE_GET, "/light", 0},
      {26, ACOAP_CODE_POST, "/light", 0},
  };
  scene_t *scene = scene_open(9);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_builder_uint(begin(scene, cases[i].method, cases[i].uri), ACOAP_OPTION_NO_RESPONSE,
                       cases[i].no_response);
    send_to_group(scene);
    if (cases[i].answer == 0) {
      expect_silence(scene);
    } else {
      (void)expect(scene, cases[i].answer);
    }
  }
  scene_close(scene);
}
END_TEST

/* Section 8.1: "MUST NOT send ... RST"; a CON to a group is no message of CoAP. */
START_TEST(rfc7252_s8_1_neither_rst_nor_ack_to_a_group) {
  scene_t *scene = scene_open(10);
  static const uint8_t broken[] = {0x51, 0x01, 0x12, 0x34, 0xf0, 0xff};
  (void)server_rig_begin(&scene->rig, ACOAP_CON, ACOAP_CODE_GET, "/light");
  send_to_group(scene);
  sim_peer_send(&scene->rig.peer, &scene->rig.group, ACOAP_CON, 0, 77, NULL, NULL); /* a ping */
  sim_peer_send(&scene->rig.peer, &scene->rig.group, ACOAP_CON, 0xe1, 78, "t", NULL);
  sim_peer_send(&scene->rig.peer, &scene->rig.group, ACOAP_NON, ACOAP_CODE_CONTENT, 79, "t", "x");
  sim_peer_send_bytes(&scene->rig.peer, &scene->rig.group, broken, sizeof(broken));
  server_rig_run(&scene->rig, 100000);
  while (scene->rig.peer.taken < scene->rig.peer.received) {
    const sim_datagram_t *answer = sim_peer_next(&scene->rig.peer);
    ck_assert_int_eq(answer->view.type, ACOAP_NON);
  }
  scene_close(scene);
}
END_TEST

static void reset_it(void *user_data, acoap_request_t *request) {
  (void)user_data;
  (void)acoap_request_acknowledge(request);
  (void)acoap_request_reset(request);
}

START_TEST(rfc7252_s8_1_handler_cannot_send_them_either) {
  scene_t *scene = scene_open(11);
  acoap_resource_on(acoap_resource_new(scene->rig.server, "/r"), 0, reset_it, NULL);
  ask_group(scene, ACOAP_CODE_GET, "/r");
  expect_silence(scene);
  scene_close(scene);
}
END_TEST

/* The resource goes while its answer waits for the leisure. */
START_TEST(answer_waits_for_its_leisure_without_its_resource) {
  scene_t *scene = scene_open(12);
  ask_group(scene, ACOAP_CODE_GET, "/light");
  acoap_resource_remove(scene->light);
  server_rig_expect_payload(expect(scene, ACOAP_CODE_CONTENT), "on");
  scene_close(scene);
}
END_TEST

START_TEST(server_that_goes_answers_no_group) {
  scene_t *scene = scene_open(13);
  ask_group(scene, ACOAP_CODE_GET, "/light");
  acoap_server_free(scene->rig.server);
  scene->rig.server = NULL;
  server_rig_run(&scene->rig, 6000);
  scene_close(scene);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("flow/server_discovery");
  TCase *tc = tcase_create("discovery");
  tcase_add_test(tc, rfc6690_s4_unicast_and_multicast_get_the_same_document);
  tcase_add_test(tc, rfc6690_s4_1_filter_without_a_match_is_silence_for_a_group_and_empty_for_one);
  tcase_add_test(tc, rfc7959_s2_8_document_of_many_blocks);
  suite_add_tcase(s, tc);
  tc = tcase_create("multicast");
  tcase_add_test(tc, rfc7252_s8_2_answers_are_spread_over_the_leisure);
  tcase_add_test(tc, rfc7252_s8_2_leisure_is_the_resources_own);
  tcase_add_test(tc, rfc7252_s8_2_errors_and_empty_answers_are_suppressed);
  tcase_add_test(tc, policy_lets_errors_and_empty_answers_through);
  tcase_add_test(tc, silent_resource_does_what_it_is_told_and_says_nothing);
  tcase_add_test(tc, rfc7967_s2_1_what_the_client_asks_for_overrides_the_default);
  tcase_add_test(tc, rfc7252_s8_1_neither_rst_nor_ack_to_a_group);
  tcase_add_test(tc, rfc7252_s8_1_handler_cannot_send_them_either);
  tcase_add_test(tc, answer_waits_for_its_leisure_without_its_resource);
  tcase_add_test(tc, server_that_goes_answers_no_group);
  suite_add_tcase(s, tc);
  return s;
}

ACOAP_TEST_MAIN(suite)
