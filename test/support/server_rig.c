/*
 * The server's test rig. Fails the running test where a step's own precondition does not hold.
 * SPDX-License-Identifier: MIT
 */
#include "server_rig.h"

#include <check.h>
#include <string.h>

#include <acoap/uri.h>

void server_rig_open(server_rig_t *rig, uint64_t seed, const acoap_server_options_t *options) {
  acoap_server_options_t own = {.size = sizeof(own), .amplification = ACOAP_AMPLIFICATION_OFF};
  memset(rig, 0, sizeof(*rig));
  ck_assert_int_eq(acoap_sim_new(seed, 1000000, &rig->sim), 0);
  rig->address = sim_address(SIM_SERVER);
  rig->group = sim_address(SERVER_RIG_GROUP);
  rig->endpoint = sim_endpoint_new(rig->sim, SIM_SERVER, NULL);
  sim_peer_open(&rig->peer, rig->sim, SIM_CLIENT);
  ck_assert_int_eq(acoap_server_new(rig->endpoint, options != NULL ? options : &own, &rig->server),
                   0);
}

static void count_closed(void *user_data) {
  server_rig_t *rig = user_data;
  rig->closed++;
}

void server_rig_close(server_rig_t *rig) {
  acoap_server_free(rig->server);
  rig->server = NULL;
  if (rig->endpoint != NULL) {
    acoap_local_endpoint_close(rig->endpoint, count_closed, rig);
    rig->endpoint = NULL;
    server_rig_run(rig, 1000);
    ck_assert_uint_eq(rig->closed, 1);
  }
  sim_peer_close(&rig->peer);
  acoap_sim_free(rig->sim);
}

void server_rig_run(server_rig_t *rig, acoap_time_t ms) {
  acoap_sim_run_until(rig->sim, acoap_sim_now(rig->sim) + ms);
}

void server_rig_join(server_rig_t *rig) {
  ck_assert_int_eq(acoap_local_endpoint_join(rig->endpoint, &rig->group, NULL), 0);
  server_rig_run(rig, 1);
}

acoap_builder_t *server_rig_begin(server_rig_t *rig, acoap_type_t type, uint8_t code,
                                  const char *uri) {
  size_t path = strcspn(uri, "?");
  acoap_builder_init(&rig->builder, rig->bytes, sizeof(rig->bytes), type, code, ++rig->message_id,
                     (const uint8_t *)"tk", 2);
  acoap_builder_path(&rig->builder, uri, path);
  if (uri[path] == '?') {
    acoap_builder_query(&rig->builder, uri + path + 1, strlen(uri + path + 1));
  }
  return &rig->builder;
}

void server_rig_send(server_rig_t *rig, const acoap_address_t *to) {
  int len = acoap_builder_finish(&rig->builder);
  ck_assert_int_gt(len, 0);
  sim_peer_send_bytes(&rig->peer, to, rig->bytes, (size_t)len);
  server_rig_run(rig, 1);
}

const sim_datagram_t *server_rig_answer(server_rig_t *rig) {
  server_rig_send(rig, &rig->address);
  return sim_peer_next(&rig->peer);
}

const sim_datagram_t *server_rig_ask(server_rig_t *rig, uint8_t code, const char *uri) {
  (void)server_rig_begin(rig, ACOAP_CON, code, uri);
  return server_rig_answer(rig);
}

void server_rig_expect_payload(const sim_datagram_t *answer, const char *payload) {
  size_t len = strlen(payload);
  ck_assert_msg(answer->view.payload.len == len &&
                    (len == 0 || memcmp(answer->view.payload.data, payload, len) == 0),
                "\"%.*s\" instead of \"%s\"", (int)answer->view.payload.len,
                answer->view.payload.len > 0 ? (const char *)answer->view.payload.data : "",
                payload);
}

const sim_datagram_t *server_rig_expect(server_rig_t *rig, uint8_t code, const char *uri,
                                        uint8_t answer, const char *payload) {
  const sim_datagram_t *got = server_rig_ask(rig, code, uri);
  ck_assert_msg(got->view.code == answer, "%s: %u.%02u", uri, got->view.code >> 5,
                got->view.code & 31u);
  ck_assert_int_eq(got->view.type, ACOAP_ACK);
  ck_assert_uint_eq(got->view.message_id, rig->message_id);
  if (payload != NULL) {
    server_rig_expect_payload(got, payload);
  }
  return got;
}

acoap_server_stats_t server_rig_stats(const server_rig_t *rig) {
  acoap_server_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_server_stats(rig->server, &stats), 0);
  return stats;
}
