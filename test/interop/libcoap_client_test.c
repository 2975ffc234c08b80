/*
 * Our client against libcoap's server: methods, whole bodies in every block size, observations,
 * separate responses, errors, loss in both directions, a server that has died.
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

enum { MEBIBYTE = 1 << 20, READY_MS = 10000 };

typedef struct server {
  spawn_t process;
  uint16_t port;
} server_t;

/* A libcoap server on loopback that lets PUT create resources; `more` adds one option and its
 * value. */
static void server_start(server_t *server, const char *address, const char *more,
                         const char *value) {
  server->port = spawn_free_port();
  char port[8];
  snprintf(port, sizeof(port), "%u", server->port);
  const char *argv[] = {
      interop_libcoap_server(), "-A", address, "-p", port, "-d", "100", more, value, NULL};
  ck_assert_int_eq(spawn_start(&server->process, argv), 0);
  acoap_address_t at = spawn_loopback(strchr(address, ':') != NULL, server->port);
  ck_assert_msg(spawn_wait_answer(&server->process, &at, READY_MS), "the server does not answer");
}

static void server_stop(server_t *server) {
  spawn_stop(&server->process, SIGKILL);
}

START_TEST(put_creates_and_changes_get_reads_delete_deletes) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote = lab_remote(lab_endpoint(&lab, NULL), server.port, "/thing");
  lab_expect(remote, acoap_desc_get(), ACOAP_CODE_NOT_FOUND);
  acoap_desc_t *put = acoap_desc_put();
  acoap_desc_content_format(put, ACOAP_FORMAT_TEXT_PLAIN);
  acoap_desc_payload(put, "one", 3);
  lab_expect(remote, put, ACOAP_CODE_CREATED);
  lab_expect_text(remote, acoap_desc_get(), "one");
  put = acoap_desc_put();
  acoap_desc_payload(put, "two", 3);
  lab_expect(remote, put, ACOAP_CODE_CHANGED);
  acoap_desc_t *get = acoap_desc_get();
  acoap_desc_nonconfirmable(get);
  lab_expect_text(remote, get, "two");
  lab_expect(remote, acoap_desc_delete(), ACOAP_CODE_DELETED);
  lab_expect(remote, acoap_desc_get(), ACOAP_CODE_NOT_FOUND);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(post_creates_and_names_the_new_resource) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
  acoap_desc_t *post = lab_desc(ACOAP_CODE_POST, "made");
  acoap_desc_payload(post, "by post", 7);
  lab_answer_t answer = lab_ask(remote, post);
  ck_assert_int_eq(answer.status, 0);
  ck_assert_uint_eq(answer.code, ACOAP_CODE_CREATED);
  char location[64];
  ck_assert_int_gt(
      acoap_uri_location(acoap_message_view(answer.message), location, sizeof(location)), 0);
  ck_assert_str_eq(location, "/made");
  lab_drop(&answer);
  acoap_remote_endpoint_t *made = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_resolve(remote, location, &made), 0);
  lab_expect_text(made, acoap_desc_get(), "by post");
  acoap_remote_endpoint_unref(made);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(errors_come_with_status_and_message) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
  lab_expect(remote, lab_desc(ACOAP_CODE_GET, "nothing/here"), ACOAP_CODE_NOT_FOUND);
  lab_expect(remote, lab_desc(ACOAP_CODE_DELETE, ""), ACOAP_CODE_METHOD_NOT_ALLOWED);
  acoap_desc_t *fetch = lab_desc(ACOAP_CODE_FETCH, "async");
  acoap_desc_payload(fetch, "x", 1);
  lab_expect(remote, fetch, ACOAP_CODE_METHOD_NOT_ALLOWED);
  acoap_desc_t *critical = acoap_desc_get();
  acoap_desc_option(critical, 65001, "1", 1);
  lab_expect(remote, critical, ACOAP_CODE_BAD_OPTION); /* whose 4.02 shows the option again */
  lab_answer_t answer = lab_ask(remote, lab_desc(ACOAP_CODE_GET, "nothing"));
  ck_assert_int_eq(answer.status, ACOAP_ECLIENTERROR);
  ck_assert_uint_gt(acoap_message_payload(answer.message).len, 0); /* the diagnostic payload */
  lab_drop(&answer);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(ping_is_answered_by_reset) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
  lab_answer_t answer = lab_ask(remote, acoap_desc_ping());
  ck_assert_int_eq(answer.status, 0);
  ck_assert_int_eq(acoap_message_view(answer.message)->type, ACOAP_RST);
  lab_drop(&answer);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(ipv6_loopback_works_by_uri) {
  server_t server;
  server_start(&server, "::1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  char uri[64];
  snprintf(uri, sizeof(uri), "coap://[::1]:%u/.well-known/core", server.port);
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_new(lab_endpoint(&lab, NULL), uri, &remote), 0);
  lab_answer_t answer = lab_ask(remote, acoap_desc_get());
  ck_assert_int_eq(answer.status, 0);
  ck_assert_int_eq(acoap_message_content_format(answer.message), ACOAP_FORMAT_LINK_FORMAT);
  ck_assert_int_eq(acoap_message_peer(answer.message)->family, ACOAP_FAMILY_IPV6);
  lab_drop(&answer);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(name_is_looked_up) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  char uri[64];
  /* where localhost is ::1 first, that address refuses or stays silent and the next one is tried */
  snprintf(uri, sizeof(uri), "coap://localhost:%u/example_data", server.port);
  acoap_local_endpoint_t *endpoint = lab_endpoint(&lab, NULL);
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_new(endpoint, uri, &remote), 0);
  acoap_params_t params;
  acoap_params_init(&params);
  params.ack_timeout_ms = 50;
  ck_assert_int_eq(acoap_remote_endpoint_set_params(remote, &params), 0);
  lab_answer_t answer = lab_ask(remote, acoap_desc_get());
  ck_assert_int_eq(answer.status, 0);
  lab_drop(&answer);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(many_requests_at_once_all_end) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote =
      lab_remote(lab_endpoint(&lab, NULL), server.port, "/example_data");
  acoap_params_t params;
  acoap_params_init(&params);
  params.nstart = 16;
  ck_assert_int_eq(acoap_remote_endpoint_set_params(remote, &params), 0);
  enum { COUNT = 200 };
  acoap_future_t *futures[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    acoap_desc_t *desc = acoap_desc_get();
    if (i % 2 != 0) {
      acoap_desc_nonconfirmable(desc);
    }
    ck_assert_int_eq(acoap_send(remote, desc, NULL, NULL, &futures[i]), 0);
  }
  acoap_future_t *all = acoap_future_all(futures, COUNT);
  ck_assert_int_eq(acoap_future_wait(all), 0);
  for (size_t i = 0; i < COUNT; i++) {
    acoap_message_t *message = acoap_future_message(acoap_future_part(all, i));
    ck_assert_uint_eq(acoap_message_code(message), ACOAP_CODE_CONTENT);
  }
  acoap_future_unref(all);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(separate_response_is_acknowledged_and_delivered) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_local_endpoint_t *endpoint = lab_endpoint(&lab, NULL);
  acoap_remote_endpoint_t *remote = lab_remote(endpoint, server.port, "/async?1");
  lab_answer_t answer = lab_ask(remote, acoap_desc_get());
  ck_assert_int_eq(answer.status, 0);
  ck_assert_int_eq(acoap_message_view(answer.message)->type, ACOAP_CON);
  ck_assert_uint_ge(acoap_message_elapsed_ms(answer.message), 900);
  ck_assert_uint_eq(acoap_message_retransmissions(answer.message), 0);
  lab_drop(&answer);
  acoap_desc_t *non = acoap_desc_get();
  acoap_desc_nonconfirmable(non);
  lab_expect_text(remote, non, "done");
  acoap_stats_t stats = lab_stats(endpoint);
  ck_assert_uint_eq(stats.acks_received, 1);
  ck_assert_uint_eq(stats.retransmissions, 0);
  /* the server would repeat its CON after 2 s had we not acknowledged it */
  lab_run_for(&lab, 3500);
  ck_assert_uint_eq(lab_stats(endpoint).datagrams_received, stats.datagrams_received);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

/* ---- bodies
 * ----------------------------------------------------------------------------------------------------------------
 */

/* 1 MiB to the server and back in blocks of `size`, each direction by an endpoint of its own: at
   size 16 a direction needs every Message ID there is. */
static void mebibyte_both_ways(lab_t *lab, const server_t *server, size_t size) {
  uint8_t *body = lab_body(MEBIBYTE, size);
  acoap_local_endpoint_t *up = lab_endpoint(lab, NULL);
  acoap_remote_endpoint_t *remote = lab_remote(up, server->port, NULL);
  transfer_put(remote, "bulk", size, body, MEBIBYTE, false);
  ck_assert_uint_eq(lab_stats(up).message_id_waits, 0);
  if (size == 16) {
    /* the 65,537th within EXCHANGE_LIFETIME waits, rather than take a Message ID again */
    acoap_desc_t *desc = lab_desc(ACOAP_CODE_GET, "bulk");
    acoap_desc_deadline(desc, 300);
    lab_answer_t answer = lab_ask(remote, desc);
    ck_assert_int_eq(answer.status, ACOAP_ETIMEDOUT);
    lab_drop(&answer);
    ck_assert_uint_eq(lab_stats(up).message_id_waits, 1);
  }
  acoap_remote_endpoint_unref(remote);
  remote = lab_remote(lab_endpoint(lab, NULL), server->port, NULL);
  transfer_get(remote, "bulk", size, body, MEBIBYTE);
  acoap_remote_endpoint_unref(remote);
  free(body);
}

START_TEST(mebibyte_up_and_down_in_every_block_size) {
  for (size_t size = 1024; size >= 16; size /= 2) {
    server_t server;
    server_start(&server, "127.0.0.1", NULL, NULL);
    lab_t lab;
    lab_open(&lab, (acoap_udp_kind_t)_i, 120);
    mebibyte_both_ways(&lab, &server, size);
    lab_close(&lab);
    server_stop(&server);
  }
}
END_TEST

START_TEST(mebibyte_up_and_down_with_several_blocks_in_flight) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  for (size_t window = 4; window <= 16; window *= 4) {
    uint8_t *body = lab_body(MEBIBYTE, window);
    acoap_remote_endpoint_t *remote = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
    transfer_put_window(remote, "bulk", 1024, window, body, MEBIBYTE);
    transfer_get_window(remote, "bulk", 1024, window, body, MEBIBYTE);
    acoap_remote_endpoint_unref(remote);
    free(body);
  }
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(server_chooses_the_block_size) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote =
      lab_remote(lab_endpoint(&lab, NULL), server.port, "/example_data");
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 0);
  acoap_desc_collect(desc, 1 << 16);
  lab_answer_t answer = lab_ask(remote, desc);
  ck_assert_int_eq(answer.status, 0);
  ck_assert_uint_gt(acoap_message_payload(answer.message).len, 1024); /* more than a block */
  lab_drop(&answer);
  desc = acoap_desc_get();
  acoap_desc_block2(desc, 64);
  acoap_desc_collect(desc, 1000);
  answer = lab_ask(remote, desc);
  ck_assert_int_eq(answer.status, ACOAP_ETOOBIG);
  lab_drop(&answer);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

/* ---- observations
 * ------------------------------------------------------------------------------------------------------------
 */

static void put_value(acoap_remote_endpoint_t *remote, int value) {
  char text[32];
  int len = snprintf(text, sizeof(text), "value %d", value);
  acoap_desc_t *put = acoap_desc_put();
  acoap_desc_payload(put, text, (size_t)len);
  lab_answer_t answer = lab_ask(remote, put);
  ck_assert_int_eq(answer.status, 0);
  lab_drop(&answer);
}

/* Change the resource eight times, expect a notification of each. */
static void observe_eight_changes(watch_t *watch, lab_t *lab, acoap_remote_endpoint_t *changer) {
  watch_wait(watch, lab, 1);
  for (int i = 1; i <= 8; i++) {
    put_value(changer, i);
    watch_wait(watch, lab, (size_t)i + 1);
    char text[32];
    snprintf(text, sizeof(text), "value %d", i);
    ck_assert_str_eq(watch->texts[i], text);
  }
}

static void observe_and_deregister(acoap_udp_kind_t kind, bool silent, const char *more) {
  server_t server;
  server_start(&server, "127.0.0.1", more, NULL);
  lab_t lab;
  lab_open(&lab, kind, 60);
  acoap_local_endpoint_t *observer = lab_endpoint(&lab, NULL);
  acoap_remote_endpoint_t *remote = lab_remote(observer, server.port, "/example_data");
  acoap_remote_endpoint_t *changer =
      lab_remote(lab_endpoint(&lab, NULL), server.port, "/example_data");
  put_value(changer, 0);
  acoap_observe_options_t options = {
      .size = sizeof(options), .silent_deregister = silent, .require = true};
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_observe(desc, &options);
  watch_t watch;
  watch_start(&watch, remote, desc);
  observe_eight_changes(&watch, &lab, changer);
  size_t seen = watch.count;
  watch_stop(&watch);
  lab_run_for(&lab, 100);
  put_value(changer, 9); /* when silent this brings the notification that is answered with RST */
  lab_run_for(&lab, 100);
  acoap_stats_t before = lab_stats(observer);
  ck_assert_uint_eq(before.resets_sent, silent ? 1 : 0);
  put_value(changer, 10);
  lab_run_for(&lab, 200);
  ck_assert_uint_eq(lab_stats(observer).datagrams_received, before.datagrams_received);
  ck_assert_uint_eq(watch.count, seen);
  acoap_remote_endpoint_unref(changer);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}

START_TEST(eight_notifications_then_deregistered) {
  observe_and_deregister((acoap_udp_kind_t)_i, false, NULL);
}
END_TEST

START_TEST(eight_non_confirmable_notifications_then_reset) {
  observe_and_deregister((acoap_udp_kind_t)_i, true, "-N");
}
END_TEST

START_TEST(clock_notifies_each_second) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote =
      lab_remote(lab_endpoint(&lab, NULL), server.port, "/time?ticks");
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_observe(desc, NULL);
  watch_t watch;
  watch_start(&watch, remote, desc);
  watch_wait(&watch, &lab, 6);
  for (size_t i = 1; i < 6; i++) {
    ck_assert_uint_gt(strtoull(watch.texts[i], NULL, 10), strtoull(watch.texts[i - 1], NULL, 10));
  }
  watch_stop(&watch);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

START_TEST(large_notification_is_fetched_block_by_block) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote =
      lab_remote(lab_endpoint(&lab, NULL), server.port, "/example_data");
  acoap_remote_endpoint_t *changer = lab_remote(lab_endpoint(&lab, NULL), server.port, NULL);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 1024);
  acoap_desc_collect(desc, 1 << 20);
  acoap_desc_observe(desc, NULL);
  watch_t watch;
  watch_start(&watch, remote, desc);
  watch_wait(&watch, &lab, 1);
  for (size_t i = 1; i <= 5; i++) {
    size_t len = 3000 + 1000 * i;
    uint8_t *body = lab_body(len, i);
    transfer_put(changer, "example_data", 1024, body, len, false);
    free(body);
    watch_wait(&watch, &lab, i + 1);
    ck_assert_uint_eq(watch.lengths[i], len);
  }
  watch_stop(&watch);
  acoap_remote_endpoint_unref(changer);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  server_stop(&server);
}
END_TEST

/* ---- trouble
 * -------------------------------------------------------------------------------------------------------------------
 */

static size_t stored_length(acoap_remote_endpoint_t *remote) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 1024);
  acoap_desc_collect(desc, MEBIBYTE);
  lab_answer_t answer = lab_ask(remote, desc);
  ck_assert_int_eq(answer.status, 0);
  size_t len = acoap_message_payload(answer.message).len;
  lab_drop(&answer);
  return len;
}

/*
 * The server drops 10 % of what it sends (-l), the relay 10 % of what we send, so a transmission of
 * a request brings no answer with f = 1 - 0.9 * 0.9 = 0.19. A correct client fails when
 * MAX_RETRANSMIT + 1 = 13 transmissions in a row do: 0.19^13 = 4.2e-10; 300 requests make that
 * 1.3e-7 per run, 2.5e-7 with both sockets. A request that is answered at its 12th transmission
 * took ACK_TIMEOUT * (2^11 - 1) * 1.5 = 154 s at most, and one that needs a 13th comes once in
 * 300 * 0.19^12 = 6.6e-7 runs: the guard of 200 s is no tighter than the retransmissions.
 *
 * libcoap 4.3.1 does not recognise duplicates. A late copy of an earlier block cuts the body that
 * its server has put together so far: on the way up the relay only loses. And when the answer to
 * the last block is lost, the retransmission of that block becomes the stored body; such an upload
 * is made again, up to 10 times: 0.19^10 = 6.1e-8. On the way down the relay also duplicates and
 * reorders. A request for the first block that comes twice begins a
 * representation with an ETag of its own, so that a download may start again once.
 */
START_TEST(loss_in_both_directions_is_survived) {
  server_t server;
  server_start(&server, "127.0.0.1", "-l", "10%");
  unsigned long long seed = interop_seed();
  const relay_conditions_t losing = {.loss_ppm = 100000};
  const relay_conditions_t worse = {
      .loss_ppm = 100000, .duplicate_ppm = 50000, .reorder_ppm = 50000};
  const relay_conditions_t mixing = {.duplicate_ppm = 50000, .reorder_ppm = 50000};
  relay_t *up = relay_start(server.port, seed, losing, mixing);
  relay_t *down = relay_start(server.port, seed + 1, worse, mixing);
  ck_assert_ptr_nonnull(up);
  ck_assert_ptr_nonnull(down);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 200);
  acoap_params_t params;
  acoap_params_init(&params);
  params.ack_timeout_ms = 50;
  params.max_retransmit = 12;
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .params = &params};
  acoap_local_endpoint_t *endpoint = lab_endpoint(&lab, &options);
  enum { BODY = 32 * 1024, SIZE = 256 };
  uint8_t *body = lab_body(BODY, 3);
  acoap_remote_endpoint_t *remote = lab_remote(endpoint, relay_port(up), NULL);
  acoap_remote_endpoint_t *direct = lab_remote(endpoint, server.port, "/lossy");
  int uploads = 0;
  do {
    transfer_put(remote, "lossy", SIZE, body, BODY, false);
  } while (stored_length(direct) != BODY && ++uploads < 10);
  acoap_remote_endpoint_unref(direct);
  acoap_remote_endpoint_unref(remote);
  remote = lab_remote(endpoint, relay_port(down), NULL);
  transfer_get_again(remote, "lossy", SIZE, body, BODY, 1);
  for (int i = 0; i < 20; i++) {
    lab_expect(remote, lab_desc(ACOAP_CODE_GET, "nothing"), ACOAP_CODE_NOT_FOUND);
  }
  ck_assert_uint_gt(lab_stats(endpoint).retransmissions, 10);
  free(body);
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  relay_count_t lost_up;
  relay_count_t lost_down;
  relay_stop(up, &lost_up, NULL);
  relay_stop(down, &lost_down, NULL);
  ck_assert_uint_gt(lost_up.lost, 0);
  ck_assert_uint_gt(lost_down.lost, 0);
  server_stop(&server);
}
END_TEST

START_TEST(dead_server_is_noticed) {
  server_t server;
  server_start(&server, "127.0.0.1", NULL, NULL);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  acoap_remote_endpoint_t *remote =
      lab_remote(lab_endpoint(&lab, NULL), server.port, "/example_data");
  acoap_params_t params;
  acoap_params_init(&params);
  params.ack_timeout_ms = 100;
  params.max_retransmit = 3;
  ck_assert_int_eq(acoap_remote_endpoint_set_params(remote, &params), 0);
  lab_answer_t answer = lab_ask(remote, acoap_desc_get());
  ck_assert_int_eq(answer.status, 0);
  lab_drop(&answer);
  server_stop(&server);
  uint64_t started = uv_hrtime();
  answer = lab_ask(remote, acoap_desc_get());
  uint64_t took_ms = (uv_hrtime() - started) / 1000000;
  ck_assert_ptr_null(answer.message);
  if (_i == ACOAP_UDP_BATCHED) {
    /* the system's ICMP port unreachable ends it, not the time-out */
    ck_assert_int_eq(answer.status, ACOAP_EUNREACHABLE);
    ck_assert_uint_lt(took_ms, 100);
  } else {
    ck_assert_int_eq(answer.status, ACOAP_ETIMEDOUT);
    /* MAX_TRANSMIT_WAIT without jitter; the endpoint's clock has whole milliseconds, this one not.
     */
    ck_assert_uint_ge(took_ms + 1, 1500);
  }
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
}
END_TEST

int main(int argc, char **argv) {
  const char *why_not = interop_libcoap_server() == NULL
                            ? "libcoap's coap-server is not installed (libcoap3-bin)"
                            : NULL;
  const interop_test_t tests[] = {
      {"methods", put_creates_and_changes_get_reads_delete_deletes, why_not},
      {"methods", post_creates_and_names_the_new_resource, why_not},
      {"methods", errors_come_with_status_and_message, why_not},
      {"methods", ping_is_answered_by_reset, why_not},
      {"methods", ipv6_loopback_works_by_uri, why_not},
      {"methods", name_is_looked_up, why_not},
      {"methods", many_requests_at_once_all_end, why_not},
      {"methods", separate_response_is_acknowledged_and_delivered, why_not},
      {"bodies", mebibyte_up_and_down_in_every_block_size, why_not},
      {"bodies", mebibyte_up_and_down_with_several_blocks_in_flight, why_not},
      {"bodies", server_chooses_the_block_size, why_not},
      {"observe", eight_notifications_then_deregistered, why_not},
      {"observe", eight_non_confirmable_notifications_then_reset, why_not},
      {"observe", clock_notifies_each_second, why_not},
      {"observe", large_notification_is_fetched_block_by_block, why_not},
      {"trouble", loss_in_both_directions_is_survived, why_not},
      {"trouble", dead_server_is_noticed, why_not},
      {NULL, NULL, NULL},
  };
  return interop_main(argc, argv, "libcoap_client", tests);
}
