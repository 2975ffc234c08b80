/*
 * Workers asked by many processes of libcoap's coap-client: they reach several workers, each is
 * answered by one, and a change is told to all who observe.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interop_main.h"
#include "spawn.h"

enum { WORKERS = 4, CLIENTS = 24, PATIENCE_MS = 30000 };

static atomic_uint asked[WORKERS]; /* requests that each worker has answered */
static atomic_uint state;          /* of what is observed */

static void get_number(void *user_data, acoap_request_t *request) {
  char text[32];
  size_t number = acoap_worker_number(user_data);
  int len = snprintf(text, sizeof(text), "worker %zu", number);
  atomic_fetch_add(&asked[number], 1);
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, (size_t)len);
}

static void get_state(void *user_data, acoap_request_t *request) {
  char text[32];
  (void)user_data;
  int len = snprintf(text, sizeof(text), "state %u.", atomic_load(&state));
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, (size_t)len);
}

static int serve(void *user_data, acoap_worker_t *worker) {
  acoap_server_t *server = NULL;
  (void)user_data;
  int status = acoap_server_new(acoap_worker_endpoint(worker), NULL, &server);
  if (status < 0) {
    return status;
  }
  acoap_worker_set_data(worker, server);
  acoap_resource_on(acoap_resource_new(server, "/number"), ACOAP_CODE_GET, get_number, worker);
  acoap_resource_t *observed = acoap_resource_new(server, "/state");
  acoap_resource_on(observed, ACOAP_CODE_GET, get_state, NULL);
  acoap_resource_observable(observed, NULL);
  return acoap_server_status(server);
}

static void leave(void *user_data, acoap_worker_t *worker) {
  (void)user_data;
  acoap_server_free(acoap_worker_data(worker));
}

static acoap_workers_t *start(int udp, char *uri, size_t cap, const char *path) {
  acoap_workers_t *workers = NULL;
  acoap_address_t shared;
  acoap_address_t bind = spawn_loopback(false, 0);
  acoap_local_endpoint_options_t each = {
      .size = sizeof(each), .udp = (acoap_udp_kind_t)udp, .bind = &bind, .bind_count = 1};
  acoap_workers_options_t options = {.size = sizeof(options),
                                     .count = WORKERS,
                                     .endpoint = &each,
                                     .setup = serve,
                                     .teardown = leave};
  for (int n = 0; n < WORKERS; n++) {
    atomic_store(&asked[n], 0);
  }
  atomic_store(&state, 0);
  ck_assert_int_eq(acoap_workers_start(NULL, &options, &workers), 0);
  ck_assert_int_eq(acoap_workers_ready(workers), WORKERS);
  ck_assert_int_eq(acoap_workers_address(workers, 0, &shared), 0);
  snprintf(uri, cap, "coap://127.0.0.1:%u%s", shared.port, path);
  return workers;
}

static void stop(acoap_workers_t *workers) {
  acoap_workers_stop(workers);
  ck_assert_int_eq(acoap_workers_join(workers), 0);
}

START_TEST(many_clients_reach_several_workers_and_each_is_answered_by_one) {
  char uri[64];
  acoap_workers_t *workers = start(_i, uri, sizeof(uri), "/number");
  const char *argv[] = {interop_libcoap_client(), "-B", "20", uri, NULL};
  unsigned answers[WORKERS] = {0};
  spawn_t clients[CLIENTS];
  for (int n = 0; n < CLIENTS; n++) {
    ck_assert_int_eq(spawn_start(&clients[n], argv), 0);
  }
  for (int n = 0; n < CLIENTS; n++) {
    ck_assert(spawn_wait_output(&clients[n], "worker ", PATIENCE_MS));
    char *text = spawn_output(&clients[n]);
    int number = strstr(text, "worker ")[7] - '0';
    ck_assert_msg(number >= 0 && number < WORKERS, "%s", text);
    answers[number]++;
    free(text);
    spawn_stop(&clients[n], SIGTERM);
  }
  int reached = 0;
  for (int n = 0; n < WORKERS; n++) {
    ck_assert_uint_eq(answers[n], atomic_load(&asked[n]));
    reached += answers[n] > 0 ? 1 : 0;
  }
  ck_assert_int_ge(reached, 2);
  stop(workers);
}
END_TEST

START_TEST(every_observer_is_told_whichever_worker_it_came_to) {
  char uri[64];
  acoap_workers_t *workers = start(_i, uri, sizeof(uri), "/state");
  const char *argv[] = {interop_libcoap_client(), "-s", "60", uri, NULL};
  spawn_t clients[CLIENTS];
  for (int n = 0; n < CLIENTS; n++) {
    ck_assert_int_eq(spawn_start(&clients[n], argv), 0);
  }
  for (int n = 0; n < CLIENTS; n++) {
    ck_assert(spawn_wait_output(&clients[n], "state 0.", PATIENCE_MS));
  }
  for (unsigned now = 1; now < 4; now++) {
    char expected[32];
    snprintf(expected, sizeof(expected), "state %u.", now);
    atomic_store(&state, now);
    ck_assert_int_eq(acoap_workers_notify(workers, "/state"), 0);
    for (int n = 0; n < CLIENTS; n++) {
      ck_assert(spawn_wait_output(&clients[n], expected, PATIENCE_MS));
    }
  }
  for (int n = 0; n < CLIENTS; n++) {
    spawn_stop(&clients[n], SIGKILL);
  }
  stop(workers);
}
END_TEST

int main(int argc, char **argv) {
  const char *why_not = interop_libcoap_client() == NULL
                            ? "libcoap's coap-client is not installed (libcoap3-bin)"
                            : NULL;
  const interop_test_t tests[] = {
      {"workers", many_clients_reach_several_workers_and_each_is_answered_by_one, why_not},
      {"workers", every_observer_is_told_whichever_worker_it_came_to, why_not},
      {NULL, NULL, NULL},
  };
  return interop_main(argc, argv, "workers", tests);
}
