/*
 * Q-Block1 and Q-Block2 (RFC 9177) on real sockets: bodies of 256 KiB each way in blocks of every
 * size, all sizes at a time, between clients and a server of several workers, through a relay that
 * loses datagrams by their number in both directions; as CON, as NON and over DTLS. And libcoap's
 * server, which does not know the options, is served with Block1 and Block2.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interop_main.h"
#include "lab.h"
#include "relay.h"
#include "spawn.h"

enum { WORKERS = 3, SIZES = 7, BODY = 256 * 1024, GUARD_S = 240, READY_MS = 20000 };

/* Both ways: alone, in runs, at the ends of sets and before a body is known to the other side. */
static const uint32_t lost[] = {3,   40,  41,   111,  112,  113,  114,  115,  300,
                                477, 800, 1000, 1500, 2222, 2223, 3000, 5000, 7000};
enum { LOST = sizeof(lost) / sizeof(lost[0]) };

static uint8_t *body;             /* of every transfer */
static atomic_uint stored;        /* bodies that came whole */
static atomic_uint in_sets;       /* of them, in Q-Block1 */
static atomic_ullong qblock_sent; /* sets in Q-Block2 */

/*
 * Waits for a path of a millisecond. Of a NON request that is lost a byte a second would be paid
 * for before the next one leaves (PROBING_RATE, RFC 7252 section 4.7).
 */
static acoap_params_t quick(void) {
  acoap_params_t params;
  acoap_params_init(&params);
  params.ack_timeout_ms = 200;
  params.max_retransmit = 7; /* a busy machine is no reason to give up */
  params.probing_rate_bytes_per_s = 100000;
  return params;
}

/* ---- the server ------------------------------------------------------------------------------ */

static void put(void *user_data, acoap_request_t *request) {
  acoap_bytes_t came = acoap_request_body(request);
  acoap_bytes_t value;
  (void)user_data;
  bool same = came.len == BODY && memcmp(came.data, body, BODY) == 0;
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  atomic_fetch_add(&stored, same ? 1 : 0);
  atomic_fetch_add(&in_sets, acoap_view_option(view, ACOAP_OPTION_Q_BLOCK1, 0, &value) ? 1 : 0);
  acoap_request_respond(request, same ? ACOAP_CODE_CHANGED : ACOAP_CODE_CONFLICT, ACOAP_FORMAT_NONE,
                        NULL, 0);
}

static void get(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE,
                             acoap_body_copy(body, BODY));
}

static int serve(void *user_data, acoap_worker_t *worker) {
  acoap_server_t *server = NULL;
  (void)user_data;
  int status = acoap_server_new(acoap_worker_endpoint(worker), NULL, &server);
  if (status < 0) {
    return status;
  }
  acoap_worker_set_data(worker, server);
  acoap_resource_t *resource = acoap_resource_new(server, "/body");
  acoap_resource_on(resource, ACOAP_CODE_PUT, put, NULL);
  acoap_resource_on(resource, ACOAP_CODE_GET, get, NULL);
  return acoap_server_status(server);
}

static void leave(void *user_data, acoap_worker_t *worker) {
  acoap_server_stats_t stats = {.size = sizeof(stats)};
  (void)user_data;
  if (acoap_server_stats(acoap_worker_data(worker), &stats) == 0) {
    atomic_fetch_add(&qblock_sent, stats.qblock_sets);
  }
  acoap_server_free(acoap_worker_data(worker));
}

/* Workers have sessions, so credentials, of their own. */
static acoap_dtls_options_t secured[WORKERS];

static int secure(void *user_data, acoap_worker_t *worker,
                  acoap_local_endpoint_options_t *options) {
  if (*(const bool *)user_data) {
    options->dtls = &secured[acoap_worker_number(worker)];
  }
  return 0;
}

static acoap_credentials_t *key_new(void) {
  acoap_credentials_t *key = NULL;
  ck_assert_int_eq(acoap_credentials_new_psk("me", "0123456789abcdef", 16, &key), 0);
  return key;
}

static acoap_workers_t *workers_new(int udp, bool *dtls, uint16_t *port) {
  acoap_workers_t *workers = NULL;
  acoap_address_t bind = spawn_loopback(false, 0);
  acoap_address_t shared;
  acoap_params_t params = quick();
  acoap_local_endpoint_options_t each = {.size = sizeof(each),
                                         .params = &params,
                                         .udp = (acoap_udp_kind_t)udp,
                                         .bind = &bind,
                                         .bind_count = 1,
                                         .secure_only = *dtls};
  acoap_workers_options_t options = {.size = sizeof(options),
                                     .count = WORKERS,
                                     .endpoint = &each,
                                     .prepare = secure,
                                     .setup = serve,
                                     .teardown = leave,
                                     .user_data = dtls};
  for (size_t n = 0; n < WORKERS && *dtls; n++) {
    secured[n] = (acoap_dtls_options_t){.size = sizeof(secured[n]), .credentials = key_new()};
  }
  *port = spawn_free_port();
  each.secure_port = *dtls ? *port : 0;
  ck_assert_int_eq(acoap_workers_start(NULL, &options, &workers), 0);
  ck_assert_int_eq(acoap_workers_ready(workers), WORKERS);
  if (!*dtls) {
    ck_assert_int_eq(acoap_workers_address(workers, 0, &shared), 0);
    *port = shared.port;
  }
  return workers;
}

static void workers_end(acoap_workers_t *workers, bool dtls) {
  acoap_workers_stop(workers);
  ck_assert_int_eq(acoap_workers_join(workers), 0);
  for (size_t n = 0; n < WORKERS && dtls; n++) {
    acoap_credentials_unref(secured[n].credentials);
  }
}

/* ---- the clients ----------------------------------------------------------------------------- */

/* How they ask. */
typedef struct manner {
  bool confirmable;
  bool dtls;
} manner_t;

typedef struct transfer {
  size_t size; /* of blocks */
  unsigned finals;
} transfer_t;

static void note(void *user_data, int status, acoap_message_t *message) {
  transfer_t *transfer = user_data;
  transfer->finals++;
  ck_assert_msg(status == 0, "blocks of %zu: %s", transfer->size, acoap_err_name(status));
  if (acoap_message_code(message) == ACOAP_CODE_CONTENT) {
    acoap_bytes_t came = acoap_message_payload(message);
    ck_assert_msg(came.len == BODY && memcmp(came.data, body, BODY) == 0,
                  "blocks of %zu: another body, %zu bytes", transfer->size, came.len);
  } else {
    ck_assert_uint_eq(acoap_message_code(message), ACOAP_CODE_CHANGED);
  }
}

static acoap_desc_t *describe(uint8_t method, size_t size, const manner_t *manner) {
  acoap_desc_t *desc = method == ACOAP_CODE_GET ? acoap_desc_get() : acoap_desc_put();
  if (method == ACOAP_CODE_PUT) {
    acoap_desc_block1(desc, size, body, BODY);
  }
  acoap_desc_block2(desc, size);
  acoap_desc_collect(desc, BODY);
  acoap_desc_qblock(desc, NULL);
  (manner->confirmable ? acoap_desc_confirmable : acoap_desc_nonconfirmable)(desc);
  return desc;
}

/* A transfer with blocks of every size, each of a client of its own, all at a time. */
static void transfer_all(lab_t *lab, uint16_t port, uint8_t method, const manner_t *manner) {
  transfer_t transfers[SIZES];
  bool pending = true;
  char uri[64];
  snprintf(uri, sizeof(uri), "%s://127.0.0.1:%u/body", manner->dtls ? "coaps" : "coap", port);
  for (size_t i = 0; i < SIZES; i++) {
    acoap_remote_endpoint_t *remote = NULL;
    transfers[i] = (transfer_t){.size = (size_t)16 << i};
    ck_assert_int_eq(acoap_remote_endpoint_new(lab->endpoints[i], uri, &remote), 0);
    ck_assert_int_eq(
        acoap_send(remote, describe(method, transfers[i].size, manner), note, &transfers[i], NULL),
        0);
    acoap_remote_endpoint_unref(remote);
  }
  while (pending) {
    lab_turn(lab);
    pending = false;
    for (size_t i = 0; i < SIZES; i++) {
      pending = pending || transfers[i].finals == 0;
    }
  }
}

static void transfer_through_relay(lab_t *lab, uint16_t port, uint8_t method,
                                   const manner_t *manner) {
  const relay_conditions_t lossy = {.lost = lost, .lost_count = LOST};
  relay_count_t up;
  relay_count_t down;
  relay_t *relay = relay_start(port, 1, lossy, lossy);
  ck_assert_ptr_nonnull(relay);
  transfer_all(lab, relay_port(relay), method, manner);
  relay_stop(relay, &up, &down);
  ck_assert_uint_ge(up.lost, 10);
  ck_assert_uint_ge(down.lost, 10);
  if (!manner->confirmable) {
    /* A set is answered by one message, and asked for by one: what goes the other way is little. */
    uint64_t blocks = method == ACOAP_CODE_GET ? down.passed : up.passed;
    uint64_t others = method == ACOAP_CODE_GET ? up.passed : down.passed;
    ck_assert_uint_lt(others * 5, blocks);
  }
}

static void both_ways(int udp, manner_t manner) {
  lab_t lab;
  uint16_t port;
  acoap_dtls_options_t dtls = {.size = sizeof(dtls), .client_only = true};
  acoap_params_t params = quick();
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .params = &params};
  body = lab_body(BODY, 1);
  atomic_store(&stored, 0);
  atomic_store(&in_sets, 0);
  atomic_store(&qblock_sent, 0);
  if (manner.dtls) {
    dtls.credentials = key_new();
    options.dtls = &dtls;
    options.secure_only = true;
  }
  acoap_workers_t *workers = workers_new(udp, &manner.dtls, &port);
  lab_open(&lab, (acoap_udp_kind_t)udp, GUARD_S);
  for (size_t i = 0; i < SIZES; i++) {
    (void)lab_endpoint(&lab, &options);
  }
  transfer_through_relay(&lab, port, ACOAP_CODE_PUT, &manner);
  transfer_through_relay(&lab, port, ACOAP_CODE_GET, &manner);
  lab_close(&lab);
  workers_end(workers, manner.dtls);
  acoap_credentials_unref(dtls.credentials);
  ck_assert_uint_eq(atomic_load(&stored), SIZES);
  ck_assert_uint_eq(atomic_load(&in_sets), SIZES);
  /* MAX_PAYLOADS is 10. */
  ck_assert_uint_ge(atomic_load(&qblock_sent), BODY / 16 / 10);
  free(body);
}

START_TEST(bodies_go_both_ways_non_confirmable_in_blocks_of_every_size) {
  both_ways(_i, (manner_t){.confirmable = false});
}
END_TEST

START_TEST(bodies_go_both_ways_confirmable_in_blocks_of_every_size) {
  both_ways(_i, (manner_t){.confirmable = true});
}
END_TEST

START_TEST(bodies_go_both_ways_over_dtls_in_blocks_of_every_size) {
  both_ways(_i, (manner_t){.dtls = true});
}
END_TEST

/* ---- a server that does not know the options ------------------------------------------------- */

/* libcoap 4.3.1 does not: 4.02, and the body goes with Block1 and Block2 (section 4.1). */
START_TEST(libcoaps_server_gets_and_gives_bodies_in_block1_and_block2) {
  lab_t lab;
  spawn_t server;
  char port[8];
  uint16_t number = spawn_free_port();
  acoap_address_t at = spawn_loopback(false, number);
  snprintf(port, sizeof(port), "%u", number);
  const char *const argv[] = {
      interop_libcoap_server(), "-A", "127.0.0.1", "-p", port, "-d", "10", NULL};
  ck_assert_int_eq(spawn_start(&server, argv), 0);
  ck_assert(spawn_wait_answer(&server, &at, READY_MS));
  body = lab_body(BODY, 2);
  lab_open(&lab, (acoap_udp_kind_t)_i, GUARD_S);
  acoap_remote_endpoint_t *remote = lab_remote(lab_endpoint(&lab, NULL), number, "/body");
  for (size_t size = 64; size <= 1024; size *= 4) {
    acoap_desc_t *desc = acoap_desc_put();
    acoap_desc_block1(desc, size, body + size, 100 * size);
    acoap_desc_qblock(desc, NULL);
    lab_expect(remote, desc, size == 64 ? ACOAP_CODE_CREATED : ACOAP_CODE_CHANGED);
    desc = acoap_desc_get();
    acoap_desc_block2(desc, size);
    acoap_desc_collect(desc, BODY);
    acoap_desc_qblock(desc, NULL);
    lab_answer_t answer = lab_ask(remote, desc);
    ck_assert_int_eq(answer.status, 0);
    acoap_bytes_t came = acoap_message_payload(answer.message);
    ck_assert_uint_eq(came.len, 100 * size);
    ck_assert_mem_eq(came.data, body + size, came.len);
    lab_drop(&answer);
  }
  acoap_remote_endpoint_unref(remote);
  lab_close(&lab);
  spawn_stop(&server, SIGKILL);
  free(body);
}
END_TEST

int main(int argc, char **argv) {
  const char *why_not = interop_libcoap_server() == NULL
                            ? "libcoap's coap-server is not installed (libcoap3-bin)"
                            : NULL;
  const interop_test_t tests[] = {
      {"sets", bodies_go_both_ways_non_confirmable_in_blocks_of_every_size, NULL},
      {"sets", bodies_go_both_ways_confirmable_in_blocks_of_every_size, NULL},
      {"sets", bodies_go_both_ways_over_dtls_in_blocks_of_every_size, NULL},
      {"fallback", libcoaps_server_gets_and_gives_bodies_in_block1_and_block2, why_not},
      {NULL, NULL, NULL},
  };
  return interop_main(argc, argv, "qblock", tests);
}
