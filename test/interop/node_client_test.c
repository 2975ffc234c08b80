/*
 * Our client against node-coap's server: methods, whole bodies in every block size, observations,
 * separate responses, errors, loss in both directions. node-coap joins Block1 bodies by token, so
 * uploads keep one token for the whole transfer.
 * SPDX-License-Identifier: MIT
 */
#include "interop_main.h"
#include "lab.h"
#include "relay.h"
#include "spawn.h"
#include "transfer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEBIBYTE = 1 << 20, READY_MS = 20000 };

typedef struct server {
  spawn_t process;
  uint16_t port;
} server_t;

static void server_start(server_t *server) {
  server->port = spawn_free_port();
  char port[8];
  snprintf(port, sizeof(port), "%u", server->port);
  const char *argv[] = {"node", interop_node_file("server.js"), port, "127.0.0.1", NULL};
  ck_assert_int_eq(spawn_start(&server->process, argv), 0);
  ck_assert_msg(spawn_wait_output(&server->process, "listening", READY_MS),
                "the server does not start");
}

static void server_stop(server_t *server) {
  spawn_stop(&server->process, SIGKILL);
}

START_TEST(get_put_post_delete) {
  server_t server;
  server_start(&server);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
  lab_expect_text(remote, lab_desc(ACOAP_CODE_GET, "text"), "hello from node");
  acoap_desc_t *desc = lab_desc(ACOAP_CODE_GET, "text");
  acoap_desc_nonconfirmable(desc);
  lab_expect_text(remote, desc, "hello from node");
  desc = lab_desc(ACOAP_CODE_PUT, "thing");
  acoap_desc_payload(desc, "one", 3);
  lab_expect(remote, desc, ACOAP_CODE_CREATED);
  desc = lab_desc(ACOAP_CODE_PUT, "thing");
  acoap_desc_payload(desc, "two", 3);
  lab_expect(remote, desc, ACOAP_CODE_CHANGED);
  lab_expect_text(remote, lab_desc(ACOAP_CODE_GET, "thing"), "two");
  lab_expect(remote, lab_desc(ACOAP_CODE_DELETE, "thing"), ACOAP_CODE_DELETED);
  desc = lab_desc(ACOAP_CODE_POST, "items");
  acoap_desc_payload(desc, "posted", 6);
  lab_answer_t answer = lab_ask(remote, desc);
  ck_assert_int_eq(answer.status, 0);
  ck_assert_uint_eq(answer.code, ACOAP_CODE_CREATED);
  char location[64];
  ck_assert_int_gt(
      acoap_uri_location(acoap_message_view(answer.message), location, sizeof(location)), 0);
  ck_assert_str_eq(location, "/items/1");
  lab_drop(&answer);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(errors_come_with_status_and_message) {
  server_t server;
  server_start(&server);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
  lab_expect(remote, lab_desc(ACOAP_CODE_GET, "nothing"), ACOAP_CODE_NOT_FOUND);
  lab_expect(remote, lab_desc(ACOAP_CODE_DELETE, "text"), ACOAP_CODE_METHOD_NOT_ALLOWED);
  lab_expect(remote, lab_desc(ACOAP_CODE_GET, "broken"), ACOAP_CODE_INTERNAL_SERVER_ERROR);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(separate_response_is_acknowledged_and_delivered) {
  server_t server;
  server_start(&server);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_local_endpoint_t *endpoint = lab_endpoint(&lab, NULL);
  acoap_remote_endpoint_t *remote = lab_remote(endpoint, server.port, NULL);
  lab_answer_t answer = lab_ask(remote, lab_desc(ACOAP_CODE_GET, "slow"));
  ck_assert_int_eq(answer.status, 0);
  ck_assert_int_eq(acoap_message_view(answer.message)->type, ACOAP_CON);
  ck_assert_uint_ge(acoap_message_elapsed_ms(answer.message), 150);
  lab_drop(&answer);
  acoap_stats_t stats = lab_stats(endpoint);
  ck_assert_uint_eq(stats.acks_received, 1);
  lab_run_for(&lab, 3500); /* the server would repeat its CON after 3 s at the latest */
  ck_assert_uint_eq(lab_stats(endpoint).datagrams_received, stats.datagrams_received);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

/* ---- bodies
 * ----------------------------------------------------------------------------------------------------------------
 */

static uint32_t fnv1a(const uint8_t *bytes, size_t len) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < len; i++) {
    hash = (hash ^ bytes[i]) * 16777619u;
  }
  return hash;
}

START_TEST(mebibyte_up_in_every_block_size_by_one_token) {
  server_t server;
  server_start(&server);
  for (size_t size = 1024; size >= 16; size /= 2) {
    lab_t lab;
    lab_open(&lab, (acoap_udp_kind_t)_i, 120);
    acoap_remote_endpoint_t *remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
    uint8_t *body = lab_body(MEBIBYTE, size);
    transfer_put(remote, "bulk", size, body, MEBIBYTE, true);
    acoap_remote_endpoint_unref(remote);
    char digest[16];
    snprintf(digest, sizeof(digest), "%u", fnv1a(body, MEBIBYTE));
    remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
    lab_expect_text(remote, lab_desc(ACOAP_CODE_GET, "digest/bulk"), digest);
    acoap_remote_endpoint_unref(remote);
    free(body);
    lab_close(&lab);
  }
  server_stop(&server);
}
END_TEST

/*
 * node-coap reads the whole body for each block it sends (its ETag), two milliseconds for 1 MiB:
 * two minutes at size 16, two more for all other sizes. So the two sockets share the small sizes,
 * unless ACOAP_INTEROP_FULL is set: one takes 16, the other 32, 64 and 128.
 */
static bool size_is_wanted(size_t size, int kind) {
  return size >= 256 || (size == 16) == (kind == ACOAP_UDP_BATCHED) ||
         getenv("ACOAP_INTEROP_FULL") != NULL;
}

START_TEST(mebibyte_down_in_every_block_size_and_in_windows) {
  server_t server;
  server_start(&server);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  uint8_t *body = lab_body(MEBIBYTE, 1);
  acoap_remote_endpoint_t *remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
  transfer_put(remote, "bulk", 1024, body, MEBIBYTE, true);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  for (size_t window = 4; window <= 16; window *= 4) {
    lab_open(&lab, (acoap_udp_kind_t)_i, 60);
    remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
    transfer_get_window(remote, "bulk", 1024, window, body, MEBIBYTE);
    acoap_remote_endpoint_unref(remote);
    lab_close(&lab);
  }
  for (size_t size = 1024; size >= 16; size /= 2) {
    if (size_is_wanted(size, _i)) {
      lab_open(&lab, (acoap_udp_kind_t)_i, 280);
      remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
      transfer_get(remote, "bulk", size, body, MEBIBYTE);
      acoap_remote_endpoint_unref(remote);
      lab_close(&lab);
    }
  }
  free(body);
  server_stop(&server);
}
END_TEST

/* ---- observations
 * ------------------------------------------------------------------------------------------------------------
 */

static void observe_counter(acoap_udp_kind_t kind, bool silent) {
  server_t server;
  server_start(&server);
  lab_t lab;
  lab_open(&lab, kind, 60);
  acoap_local_endpoint_t *observer = lab_endpoint(&lab, NULL);
  acoap_remote_endpoint_t *remote = lab_remote(observer, server.port, NULL);
  acoap_observe_options_t options = {
      .size = sizeof(options), .silent_deregister = silent, .require = true};
  acoap_desc_t *desc = lab_desc(ACOAP_CODE_GET, "counter");
  acoap_desc_observe(desc, &options);
  watch_t watch;
  watch_start(&watch, remote, desc);
  watch_wait(&watch, &lab, 8);
  for (size_t i = 0; i < 8; i++) {
    char text[32];
    snprintf(text, sizeof(text), "count %zu", i);
    ck_assert_str_eq(watch.texts[i], text);
  }
  lab_expect_text(remote, lab_desc(ACOAP_CODE_GET, "observers"), "1");
  size_t seen = watch.count;
  watch_stop(&watch);
  lab_run_for(&lab, 300);
  ck_assert_uint_eq(watch.count, seen);
  lab_expect_text(remote, lab_desc(ACOAP_CODE_GET, "observers"), "0");
  ck_assert_uint_eq(lab_stats(observer).resets_sent > 0, silent);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}

START_TEST(eight_notifications_then_deregistered) {
  observe_counter((acoap_udp_kind_t)_i, false);
}
END_TEST

START_TEST(eight_notifications_then_reset) {
  observe_counter((acoap_udp_kind_t)_i, true);
}
END_TEST

/* ---- trouble
 * -------------------------------------------------------------------------------------------------------------------
 */

/*
 * The relay drops 10 % in each direction. Requests that fail at once: f = 1 - 0.9 * 0.9 = 0.19, a
 * correct client fails after 13 in a row, 4.2e-10; 300 requests make that 1.3e-7 per run.
 */
START_TEST(loss_in_both_directions_is_survived) {
  server_t server;
  server_start(&server);
  const relay_conditions_t conditions = {
      .loss_ppm = 100000, .duplicate_ppm = 50000, .reorder_ppm = 50000};
  relay_t *relay = relay_start(server.port, interop_seed(), conditions, conditions);
  ck_assert_ptr_nonnull(relay);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 200);
  acoap_params_t params;
  acoap_params_init(&params);
  params.ack_timeout_ms = 50;
  params.max_retransmit = 12;
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .params = &params};
  acoap_local_endpoint_t *endpoint = lab_endpoint(&lab, &options);
  acoap_remote_endpoint_t *remote = lab_remote(endpoint, relay_port(relay), NULL);
  enum { BODY = 32 * 1024, SIZE = 256 };
  uint8_t *body = lab_body(BODY, 3);
  transfer_put(remote, "lossy", SIZE, body, BODY, true);
  transfer_get(remote, "lossy", SIZE, body, BODY);
  for (int i = 0; i < 20; i++) {
    lab_expect(remote, lab_desc(ACOAP_CODE_GET, "nothing"), ACOAP_CODE_NOT_FOUND);
  }
  ck_assert_uint_gt(lab_stats(endpoint).retransmissions, 10);
  free(body);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  relay_count_t up;
  relay_count_t down;
  relay_stop(relay, &up, &down);
  ck_assert_uint_gt(up.lost, 5);
  ck_assert_uint_gt(down.lost, 5);
  server_stop(&server);
}
END_TEST

int main(int argc, char **argv) {
  const char *why_not = interop_node_unusable();
  const interop_test_t tests[] = {
      {"methods", get_put_post_delete, why_not},
      {"methods", errors_come_with_status_and_message, why_not},
      {"methods", separate_response_is_acknowledged_and_delivered, why_not},
      {"bodies", mebibyte_up_in_every_block_size_by_one_token, why_not},
      {"bodies", mebibyte_down_in_every_block_size_and_in_windows, why_not},
      {"observe", eight_notifications_then_deregistered, why_not},
      {"observe", eight_notifications_then_reset, why_not},
      {"trouble", loss_in_both_directions_is_survived, why_not},
      {NULL, NULL, NULL},
  };
  return interop_main(argc, argv, "node_client", tests);
}
