/*
 * An endpoint on a real libuv loop, over two sockets joined back to back in this process: the same
 * code as on the simulated network. No network, no sleeping: every run ends because nothing is left
 * to do.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <uv.h>

#include "check_main.h"
#include "sim_pair.h"

typedef struct uv_pair {
  uv_loop_t loop;
  acoap_local_endpoint_t *server;
  acoap_local_endpoint_t *client;
  acoap_address_t server_address;
  unsigned closed;
} uv_pair_t;

static acoap_local_endpoint_t *endpoint_on(uv_loop_t *loop, acoap_socket_t *socket) {
  acoap_local_endpoint_t *endpoint = NULL;
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .sockets = &socket, .socket_count = 1};
  ck_assert_int_eq(acoap_local_endpoint_new(loop, &options, &endpoint), 0);
  return endpoint;
}

static void respond(void *user_data, acoap_request_t *request) {
  (void)user_data;
  ck_assert_int_eq(
      acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "uv", 2), 0);
}

static void open_pair(uv_pair_t *pair) {
  acoap_socket_t *a = NULL;
  acoap_socket_t *b = NULL;
  memset(pair, 0, sizeof(*pair));
  ck_assert_int_eq(uv_loop_init(&pair->loop), 0);
  ck_assert_int_eq(acoap_loopback_pair_new(&pair->loop, &a, &b), 0);
  pair->server = endpoint_on(&pair->loop, a);
  pair->client = endpoint_on(&pair->loop, b);
  ck_assert_int_eq(acoap_local_endpoint_address(pair->server, 0, &pair->server_address), 0);
  acoap_local_endpoint_receive(pair->server, respond, NULL);
}

static void count_closed(void *user_data) {
  uv_pair_t *pair = user_data;
  pair->closed++;
}

static void close_pair(uv_pair_t *pair) {
  acoap_local_endpoint_close(pair->server, count_closed, pair);
  acoap_local_endpoint_close(pair->client, count_closed, pair);
  ck_assert_uint_eq(pair->closed, 0);
  ck_assert_int_eq(uv_run(&pair->loop, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(pair->closed, 2);
  ck_assert_int_eq(uv_loop_close(&pair->loop), 0);
}

static void ask(uv_pair_t *pair, sim_ask_t *asked) {
  sim_ask_init(asked, pair->client, ACOAP_CODE_GET);
  ck_assert_int_eq(sim_ask_send(asked, &pair->server_address, ACOAP_CON), 0);
}

START_TEST(request_travels_over_a_libuv_loop) {
  uv_pair_t pair;
  sim_ask_t asked;
  open_pair(&pair);
  ask(&pair, &asked);
  while (asked.responses == 0) {
    ck_assert_int_ne(uv_run(&pair.loop, UV_RUN_ONCE), 0);
  }
  ck_assert_str_eq(asked.payload, "uv");
  ck_assert(asked.piggybacked);
  sim_ask_done(&asked);
  close_pair(&pair);
}
END_TEST

START_TEST(unreferenced_endpoints_let_the_loop_end_when_the_answer_is_there) {
  uv_pair_t pair;
  sim_ask_t asked;
  open_pair(&pair);
  acoap_local_endpoint_unref(pair.server);
  acoap_local_endpoint_unref(pair.client);
  ck_assert_int_eq(uv_loop_alive(&pair.loop), 0);
  ask(&pair, &asked);
  ck_assert_int_ne(uv_loop_alive(&pair.loop), 0);
  ck_assert_int_eq(uv_run(&pair.loop, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(asked.responses, 1);
  sim_ask_done(&asked);
  close_pair(&pair);
}
END_TEST

static void stop_waiting(void *user_data) {
  uv_close(user_data, NULL);
}

typedef struct posting {
  acoap_local_endpoint_t *endpoint;
  uv_async_t alive; /* keeps the loop waiting until the posted call closes it */
  int status;
} posting_t;

static void *post_once(void *user_data) {
  posting_t *posting = user_data;
  posting->status = acoap_local_endpoint_post(posting->endpoint, stop_waiting, &posting->alive);
  return NULL;
}

START_TEST(post_wakes_a_loop_that_waits) {
  uv_pair_t pair;
  pthread_t thread;
  posting_t posting;
  open_pair(&pair);
  posting.endpoint = pair.server;
  ck_assert_int_eq(uv_async_init(&pair.loop, &posting.alive, NULL), 0);
  ck_assert_int_eq(pthread_create(&thread, NULL, post_once, &posting), 0);
  ck_assert_int_eq(uv_run(&pair.loop, UV_RUN_DEFAULT), 0);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_int_eq(posting.status, 0);
  close_pair(&pair);
}
END_TEST

START_TEST(closed_while_a_request_is_under_way) {
  uv_pair_t pair;
  sim_ask_t asked;
  open_pair(&pair);
  ask(&pair, &asked);
  acoap_local_endpoint_close(pair.server, count_closed, &pair);
  (void)uv_run(&pair.loop, UV_RUN_NOWAIT);
  acoap_local_endpoint_close(pair.client, count_closed, &pair);
  ck_assert_int_eq(uv_run(&pair.loop, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(pair.closed, 2);
  ck_assert_uint_eq(asked.responses + asked.failures, 1);
  sim_ask_done(&asked);
  ck_assert_int_eq(uv_loop_close(&pair.loop), 0);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("endpoint_uv");
  TCase *c = tcase_create("loop");
  tcase_add_test(c, request_travels_over_a_libuv_loop);
  tcase_add_test(c, unreferenced_endpoints_let_the_loop_end_when_the_answer_is_there);
  tcase_add_test(c, post_wakes_a_loop_that_waits);
  tcase_add_test(c, closed_while_a_request_is_under_way);
  suite_add_tcase(s, c);
  return s;
}

ACOAP_TEST_MAIN(suite)
