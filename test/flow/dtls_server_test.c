/*
 * Resources over coaps:// (RFC 7252 section 9): who gets an answer, observers and bodies of
 * different identities, answers that belong into a session that is gone, several keys on one port,
 * limits that a proved address does not meet.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "support/check_main.h"
#include "support/client_rig.h"
#include "support/dtls_pair.h"
#include "support/secure_peer.h"
#include "support/sim_pair.h"
#include "support/virtual_clock.h"

#define PLAIN "192.0.2.1:5683"

static acoap_sim_t *sim;
static acoap_local_endpoint_t *endpoint; /* of the server: plain and secure */
static acoap_server_t *server;
static dtls_pair_t pair; /* its network and clients */
static acoap_request_t *kept;
static unsigned asked;
static char state[64];

/* ---- the server ------------------------------------------------------------------------------ */

static size_t keys(void *user_data, acoap_bytes_t identity, uint8_t *key, size_t cap) {
  (void)user_data;
  ck_assert_uint_ge(cap, 8);
  memcpy(key, "secret-", 7);
  key[7] = identity.data[0];
  return 8;
}

static acoap_credentials_t *key_of(const char *identity) {
  char key[] = "secret-?";
  key[7] = identity[0];
  return dtls_psk(identity, key);
}

static void who(void *user_data, acoap_request_t *request) {
  const acoap_identity_t *identity = acoap_request_identity(request);
  acoap_bytes_t psk = acoap_identity_psk(identity);
  char text[160];
  (void)user_data;
  asked++;
  int len = snprintf(text, sizeof(text), "%.*s%s:%s", (int)psk.len, (const char *)psk.data,
                     acoap_identity_subject(identity), state);
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, (size_t)len);
}

static void keep(void *user_data, acoap_request_t *request) {
  (void)user_data;
  kept = acoap_request_ref(request);
  acoap_request_acknowledge(request);
}

static uint8_t stored[RIG_BODY];

static void store(void *user_data, acoap_request_t *request) {
  acoap_bytes_t body = acoap_request_body(request);
  (void)user_data;
  ck_assert_uint_eq(body.len, sizeof(stored));
  memcpy(stored, body.data, body.len);
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
}

static void load(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_OCTET_STREAM, stored,
                        sizeof(stored));
}

static acoap_resource_t *add(const char *path, unsigned kinds, acoap_request_cb handler) {
  acoap_resource_t *resource = acoap_resource_new(server, path);
  ck_assert_int_eq(acoap_resource_on(resource, ACOAP_CODE_GET, handler, NULL), 0);
  ck_assert_int_eq(acoap_resource_secure(resource, kinds), 0);
  return resource;
}

static void server_open(const acoap_server_options_t *options) {
  acoap_credentials_options_t what = {.size = sizeof(what),
                                      .psk_lookup = keys,
                                      .certificate_file = PKI("server.pem"),
                                      .key_file = PKI("server.key"),
                                      .trust_file = PKI("authority.pem")};
  acoap_dtls_options_t dtls = {.size = sizeof(dtls), .credentials = dtls_credentials(&what)};
  acoap_local_endpoint_options_t local = {.size = sizeof(local)};
  acoap_address_t plain_at = sim_address(PLAIN);
  acoap_address_t secure_at = sim_address(DTLS_SERVER);
  acoap_socket_t *sockets[2];
  acoap_socket_t *inner = NULL;
  memset(&pair, 0, sizeof(pair));
  ck_assert_int_eq(acoap_sim_new(7, 1000, &sim), 0);
  pair.sim = sim;
  virtual_clock_follow(sim);
  local.host = acoap_sim_host(sim);
  local.sockets = sockets;
  local.socket_count = 2;
  ck_assert_int_eq(acoap_sim_socket_new(sim, &plain_at, &sockets[0]), 0);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &secure_at, &inner), 0);
  ck_assert_int_eq(acoap_dtls_socket_new(local.host, inner, &dtls, &sockets[1]), 0);
  acoap_credentials_unref(dtls.credentials);
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &local, &endpoint), 0);
  ck_assert_int_eq(acoap_server_new(endpoint, options, &server), 0);
  kept = NULL;
  asked = 0;
  strcpy(state, "0");
}

static void count(void *user_data) {
  ++*(unsigned *)user_data;
}

static void server_close(void) {
  unsigned closed = 0;
  acoap_request_unref(kept);
  acoap_server_free(server);
  acoap_local_endpoint_close(endpoint, count, &closed);
  acoap_sim_run_until(sim, acoap_sim_now(sim) + 1);
  ck_assert_uint_eq(closed, 1);
  virtual_clock_follow(NULL);
  acoap_sim_free(sim);
}

static void client_open(dtls_end_t *end, acoap_credentials_t *credentials) {
  dtls_end_open(&pair, end, "192.0.2.2:40000", credentials, NULL);
}

/* It goes without a word. */
static void client_dies(dtls_end_t *end) {
  acoap_sim_conditions_t silence = {.size = sizeof(silence), .loss_ppm = 1000000};
  acoap_sim_set_conditions(sim, &silence);
  dtls_end_close(&pair, end);
  acoap_sim_set_conditions(sim, NULL);
}

static const dtls_answer_t *get(dtls_end_t *end, const char *uri) {
  static dtls_answer_t answer;
  dtls_get(end, uri, &answer);
  dtls_pair_run(&pair, 2000);
  ck_assert_uint_eq(answer.called, 1);
  ck_assert(answer.status == 0 || answer.status == ACOAP_ECLIENTERROR);
  return &answer;
}

/* ---- who gets an answer ---------------------------------------------------------------------- */

START_TEST(resource_answers_those_whose_proof_it_accepts) {
  static const struct {
    unsigned kinds;
    bool plain, psk, certificate, anonymous;
  } rows[] = {
      {0, true, true, true, true},
      {ACOAP_SECURE_ANY, false, true, true, true},
      {ACOAP_SECURE_PROVED, false, true, true, false},
      {ACOAP_SECURE_PSK, false, true, false, false},
      {ACOAP_SECURE_CERTIFICATE, false, false, true, false},
      {ACOAP_SECURE_RAW_PUBLIC_KEY, false, false, false, false},
  };
  acoap_credentials_options_t with = {.size = sizeof(with),
                                      .certificate_file = PKI("client.pem"),
                                      .key_file = PKI("client.key"),
                                      .trust_file = PKI("authority.pem")};
  acoap_credentials_options_t anonymous = {.size = sizeof(anonymous),
                                           .trust_file = PKI("authority.pem")};
  dtls_end_t end;
  server_open(NULL);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    char path[8];
    char uri[64];
    snprintf(path, sizeof(path), "/r%zu", i);
    add(path, rows[i].kinds, who);
    acoap_local_endpoint_t *plain = sim_endpoint_new(sim, "192.0.2.3:1", NULL);
    dtls_end_t at = {.endpoint = plain};
    snprintf(uri, sizeof(uri), "coap://192.0.2.1%s", path);
    ck_assert_uint_eq(get(&at, uri)->code,
                      rows[i].plain ? ACOAP_CODE_CONTENT : ACOAP_CODE_UNAUTHORIZED);
    dtls_end_close(&pair, &at);
    snprintf(uri, sizeof(uri), "coaps://192.0.2.1%s", path);
    bool expected[] = {rows[i].psk, rows[i].certificate, rows[i].anonymous};
    for (unsigned kind = 0; kind < 3; kind++) {
      client_open(&end,
                  kind == 0 ? key_of("lamp") : dtls_credentials(kind == 1 ? &with : &anonymous));
      ck_assert_uint_eq(get(&end, uri)->code,
                        expected[kind] ? ACOAP_CODE_CONTENT : ACOAP_CODE_UNAUTHORIZED);
      dtls_end_close(&pair, &end);
    }
  }
  ck_assert_int_eq(acoap_resource_secure(NULL, 0), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_secure(acoap_server_resource(server, "/r0"), 16), ACOAP_EINVAL);
  server_close();
}
END_TEST

START_TEST(address_of_a_session_meets_no_amplification_limit) {
  acoap_server_options_t options = {
      .size = sizeof(options), .amplification = ACOAP_AMPLIFICATION_ON, .amplification_factor = 1};
  acoap_server_stats_t stats = {.size = sizeof(stats)};
  dtls_end_t end;
  server_open(&options);
  add("/large", 0, load);
  client_open(&end, key_of("lamp"));
  ck_assert_uint_eq(get(&end, "coaps://192.0.2.1/large")->code, ACOAP_CODE_CONTENT);
  acoap_server_stats(server, &stats);
  ck_assert_uint_eq(stats.echo_challenges, 0);
  dtls_end_close(&pair, &end);
  server_close();
}
END_TEST

/* ---- observers and bodies -------------------------------------------------------------------- */

START_TEST(observers_of_different_identities_get_each_their_own) {
  dtls_end_t ends[2];
  outcome_t seen[2];
  acoap_stream_t *streams[2];
  server_open(NULL);
  acoap_resource_t *resource = add("/state", ACOAP_SECURE_PSK, who);
  ck_assert_int_eq(acoap_resource_observable(resource, NULL), 0);
  for (unsigned i = 0; i < 2; i++) {
    acoap_remote_endpoint_t *remote = NULL;
    dtls_end_open(&pair, &ends[i], i == 0 ? "192.0.2.2:1" : "192.0.2.3:1",
                  key_of(i == 0 ? "lamp" : "heater"), NULL);
    memset(&seen[i], 0, sizeof(seen[i]));
    ck_assert_int_eq(
        acoap_remote_endpoint_new(ends[i].endpoint, "coaps://192.0.2.1/state", &remote), 0);
    acoap_desc_t *desc = acoap_desc_get();
    acoap_desc_observe(desc, NULL);
    ck_assert_int_eq(acoap_send_stream(remote, desc, outcome_note, &seen[i], &streams[i]), 0);
    seen[i].stream = streams[i];
    acoap_remote_endpoint_unref(remote);
  }
  dtls_pair_run(&pair, 1000);
  ck_assert_uint_eq(acoap_resource_observers(resource), 2);
  asked = 0;
  strcpy(state, "1");
  ck_assert_int_eq(acoap_resource_notify(resource), 0);
  dtls_pair_run(&pair, 1000);
  ck_assert_uint_eq(asked, 2);
  ck_assert_uint_eq(seen[0].len, 6);
  ck_assert_mem_eq(seen[0].body, "lamp:1", 6);
  ck_assert_uint_eq(seen[1].len, 8);
  ck_assert_mem_eq(seen[1].body, "heater:1", 8);
  for (unsigned i = 0; i < 2; i++) {
    acoap_stream_unref(streams[i]);
    dtls_end_close(&pair, &ends[i]);
  }
  server_close();
}
END_TEST

START_TEST(bodies_go_up_and_down_in_blocks) {
  dtls_end_t end;
  outcome_t up = {0};
  outcome_t down = {0};
  uint8_t body[RIG_BODY];
  acoap_remote_endpoint_t *remote = NULL;
  server_open(NULL);
  acoap_resource_t *resource = add("/body", ACOAP_SECURE_PROVED, load);
  acoap_resource_on(resource, ACOAP_CODE_PUT, store, NULL);
  client_open(&end, key_of("lamp"));
  for (size_t i = 0; i < sizeof(body); i++) {
    body[i] = (uint8_t)(i * 7 + i / 256);
  }
  ck_assert_int_eq(acoap_remote_endpoint_new(end.endpoint, "coaps://192.0.2.1/body", &remote), 0);
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_block1(desc, 256, body, sizeof(body));
  ck_assert_int_eq(acoap_send(remote, desc, outcome_note, &up, NULL), 0);
  dtls_pair_run(&pair, 5000);
  ck_assert_uint_eq(up.code, ACOAP_CODE_CHANGED);
  desc = acoap_desc_get();
  acoap_desc_block2(desc, 256);
  acoap_desc_collect(desc, sizeof(body));
  ck_assert_int_eq(acoap_send(remote, desc, outcome_note, &down, NULL), 0);
  dtls_pair_run(&pair, 5000);
  ck_assert_uint_eq(down.len, sizeof(body));
  ck_assert_mem_eq(down.body, body, sizeof(body));
  acoap_remote_endpoint_unref(remote);
  dtls_end_close(&pair, &end);
  server_close();
}
END_TEST

/* ---- sessions -------------------------------------------------------------------------------- */

/* RFC 7252 section 9.1.2: the next one at that address does not get what the first one asked for.
 */
START_TEST(answer_does_not_go_into_another_session) {
  dtls_end_t end;
  dtls_answer_t answer;
  acoap_stats_t stats;
  server_open(NULL);
  add("/later", ACOAP_SECURE_PROVED, keep);
  add("/who", ACOAP_SECURE_PROVED, who);
  client_open(&end, key_of("lamp"));
  dtls_get(&end, "coaps://192.0.2.1/later", &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_ptr_nonnull(kept);
  client_dies(&end);
  client_open(&end, key_of("heater"));
  ck_assert_str_eq(get(&end, "coaps://192.0.2.1/who")->payload, "heater:0");
  acoap_request_respond(kept, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "confidential", 12);
  dtls_pair_run(&pair, 100000);
  memset(&stats, 0, sizeof(stats));
  stats.size = sizeof(stats);
  acoap_local_endpoint_stats(end.endpoint, &stats);
  ck_assert_uint_eq(stats.unmatched_responses, 0);
  ck_assert_uint_eq(end.established, 1);
  dtls_end_close(&pair, &end);
  server_close();
}
END_TEST

START_TEST(observer_ends_with_its_session) {
  dtls_end_t end;
  outcome_t seen = {0};
  acoap_stream_t *stream = NULL;
  acoap_remote_endpoint_t *remote = NULL;
  acoap_stats_t stats;
  server_open(NULL);
  acoap_resource_t *resource = add("/who", ACOAP_SECURE_PROVED, who);
  ck_assert_int_eq(acoap_resource_observable(resource, NULL), 0);
  client_open(&end, key_of("lamp"));
  ck_assert_int_eq(acoap_remote_endpoint_new(end.endpoint, "coaps://192.0.2.1/who", &remote), 0);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_observe(desc, NULL);
  ck_assert_int_eq(acoap_send_stream(remote, desc, outcome_note, &seen, &stream), 0);
  seen.stream = stream;
  dtls_pair_run(&pair, 1000);
  ck_assert_uint_eq(acoap_resource_observers(resource), 1);
  acoap_remote_endpoint_unref(remote);
  acoap_sim_conditions_t silence = {.size = sizeof(silence), .loss_ppm = 1000000};
  acoap_sim_set_conditions(sim, &silence);
  acoap_stream_unref(stream);
  dtls_end_close(&pair, &end);
  acoap_sim_set_conditions(sim, NULL);
  client_open(&end, key_of("heater"));
  ck_assert_str_eq(get(&end, "coaps://192.0.2.1/who")->payload, "heater:0");
  strcpy(state, "for the lamp");
  ck_assert_int_eq(acoap_resource_notify(resource), 0);
  dtls_pair_run(&pair, 100000);
  ck_assert_uint_eq(acoap_resource_observers(resource), 0);
  memset(&stats, 0, sizeof(stats));
  stats.size = sizeof(stats);
  acoap_local_endpoint_stats(end.endpoint, &stats);
  ck_assert_uint_eq(stats.unmatched_responses, 0);
  dtls_end_close(&pair, &end);
  server_close();
}
END_TEST

/* The same bytes in another session are another request: its answer is not the stored one. */
START_TEST(stored_answer_is_not_repeated_in_another_session) {
  static const uint8_t request[] = {0x41, 1, 0x12, 0x34, 't', 0xb3, 'w', 'h', 'o'};
  static const char *const identities[] = {"lamp", "lamp", "heater"};
  secure_peer_t peer;
  secure_peer_t *peers[] = {&peer};
  server_open(NULL);
  add("/who", ACOAP_SECURE_PROVED, who);
  for (unsigned i = 0; i < 3; i++) {
    secure_peer_open(&peer, sim, "192.0.2.2:40000", key_of(identities[i]), NULL);
    ck_assert_int_eq(secure_peer_send(&peer, DTLS_SERVER, request, sizeof(request)), 1);
    secure_peer_run(sim, peers, 1, 200);
    ck_assert_int_eq(secure_peer_send(&peer, DTLS_SERVER, request, sizeof(request)), 1);
    secure_peer_run(sim, peers, 1, 200);
    ck_assert_uint_eq(peer.received, 2); /* the second time from the store */
    ck_assert_uint_eq(asked, i + 1);
    ck_assert_msg(strstr(secure_peer_text(&peer, 1) + 5, identities[i]) != NULL, "%u", i);
    acoap_sim_conditions_t silence = {.size = sizeof(silence), .loss_ppm = 1000000};
    acoap_sim_set_conditions(sim, &silence);
    secure_peer_close(&peer);
    acoap_sim_run_until(sim, acoap_sim_now(sim) + 1);
    acoap_sim_set_conditions(sim, NULL);
  }
  server_close();
}
END_TEST

/* ---- credentials ----------------------------------------------------------------------------- */

static acoap_remote_endpoint_t *remote_with(dtls_end_t *end, const char *uri,
                                            acoap_credentials_t *credentials) {
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_new(end->endpoint, uri, &remote), 0);
  ck_assert_int_eq(acoap_remote_endpoint_set_credentials(remote, credentials), 0);
  acoap_credentials_unref(credentials);
  return remote;
}

static void expect(acoap_remote_endpoint_t *remote, const char *text) {
  outcome_t outcome = {0};
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), outcome_note, &outcome, NULL), 0);
  dtls_pair_run(&pair, 2000);
  ck_assert_int_eq(outcome.status, 0);
  ck_assert_uint_eq(outcome.len, strlen(text));
  ck_assert_mem_eq(outcome.body, text, outcome.len);
}

static void answer_other(void *user_data, acoap_request_t *request) {
  acoap_bytes_t psk = acoap_identity_psk(acoap_request_identity(request));
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, psk.data, psk.len);
}

START_TEST(remotes_prove_each_their_own_on_one_port) {
  acoap_credentials_options_t what = {.size = sizeof(what), .psk_lookup = keys};
  dtls_end_t end;
  dtls_end_t other;
  server_open(NULL);
  add("/who", ACOAP_SECURE_PSK, who);
  dtls_end_open(&pair, &other, "192.0.2.9:5684", dtls_credentials(&what), NULL);
  acoap_local_endpoint_receive(other.endpoint, answer_other, NULL);
  client_open(&end, NULL);
  acoap_remote_endpoint_t *a = remote_with(&end, "coaps://192.0.2.1/who", key_of("lamp"));
  acoap_remote_endpoint_t *b = remote_with(&end, "coaps://192.0.2.9/", key_of("heater"));
  for (unsigned i = 0; i < 2; i++) {
    expect(a, "lamp:0");
    expect(b, "heater");
  }
  ck_assert_uint_eq(end.established, 2);
  acoap_remote_endpoint_unref(a);
  acoap_remote_endpoint_unref(b);
  dtls_end_close(&pair, &end);
  dtls_end_close(&pair, &other);
  server_close();
}
END_TEST

/* Two remotes at one address over two sockets: each keeps its session. Over one socket they would
 * end each other's. */
START_TEST(remotes_at_one_address_prove_each_their_own_where_there_are_sockets) {
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .socket_count = 2};
  acoap_dtls_options_t dtls = {.size = sizeof(dtls), .client_only = true};
  acoap_socket_t *sockets[2];
  dtls_end_t end = {0};
  unsigned closed = 0;
  server_open(NULL);
  add("/who", ACOAP_SECURE_PSK, who);
  options.host = acoap_sim_host(sim);
  options.sockets = sockets;
  for (size_t i = 0; i < 2; i++) {
    acoap_address_t at = sim_address("192.0.2.2:40000");
    acoap_socket_t *inner = NULL;
    at.port += (uint16_t)i;
    ck_assert_int_eq(acoap_sim_socket_new(sim, &at, &inner), 0);
    ck_assert_int_eq(acoap_dtls_socket_new(options.host, inner, &dtls, &sockets[i]), 0);
  }
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &end.endpoint), 0);
  acoap_remote_endpoint_t *a = remote_with(&end, "coaps://192.0.2.1/who", key_of("lamp"));
  acoap_remote_endpoint_t *b = remote_with(&end, "coaps://192.0.2.1/who", key_of("heater"));
  acoap_remote_endpoint_t *c = remote_with(&end, "coaps://192.0.2.1/who", key_of("oven"));
  for (unsigned i = 0; i < 3; i++) {
    expect(a, "lamp:0");
    expect(b, "heater:0");
  }
  for (size_t i = 0; i < 2; i++) {
    acoap_dtls_stats_t stats = {.size = sizeof(stats)};
    ck_assert_int_eq(acoap_dtls_socket_stats(sockets[i], &stats), 0);
    ck_assert_uint_eq(stats.handshakes, 1);
  }
  expect(c, "oven:0"); /* no socket is left: one session gives way, the other stays */
  acoap_dtls_stats_t first = {.size = sizeof(first)};
  acoap_dtls_stats_t second = {.size = sizeof(second)};
  ck_assert_int_eq(acoap_dtls_socket_stats(sockets[0], &first), 0);
  ck_assert_int_eq(acoap_dtls_socket_stats(sockets[1], &second), 0);
  ck_assert_uint_eq(first.handshakes + second.handshakes, 3);
  acoap_remote_endpoint_unref(a);
  acoap_remote_endpoint_unref(b);
  acoap_remote_endpoint_unref(c);
  acoap_local_endpoint_close(end.endpoint, count, &closed);
  dtls_pair_run(&pair, 1);
  ck_assert_uint_eq(closed, 1);
  server_close();
}
END_TEST

START_TEST(credentials_of_a_remote_change_while_it_is_asked) {
  dtls_end_t end;
  outcome_t outcome = {0};
  server_open(NULL);
  add("/who", ACOAP_SECURE_PSK, who);
  client_open(&end, NULL);
  acoap_remote_endpoint_t *remote = remote_with(&end, "coaps://192.0.2.1/who", key_of("lamp"));
  expect(remote, "lamp:0");
  /* Under way, and repeated with what it began with, although nobody else has that any more. */
  acoap_sim_conditions_t silence = {.size = sizeof(silence), .loss_ppm = 1000000};
  acoap_address_t at = sim_address(DTLS_SERVER);
  acoap_sim_set_conditions(sim, &silence);
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), outcome_note, &outcome, NULL), 0);
  dtls_pair_run(&pair, 1000);
  acoap_credentials_t *heater = key_of("heater");
  ck_assert_int_eq(acoap_remote_endpoint_set_credentials(remote, heater), 0);
  ck_assert_int_eq(acoap_remote_endpoint_set_credentials(remote, heater), 0);
  ck_assert_int_eq(acoap_dtls_socket_disconnect(end.socket, &at), 0);
  acoap_sim_set_conditions(sim, NULL);
  dtls_pair_run(&pair, 20000);
  ck_assert_int_eq(outcome.status, 0);
  ck_assert_mem_eq(outcome.body, "lamp:0", 6);
  expect(remote, "heater:0");
  ck_assert_int_eq(acoap_remote_endpoint_set_credentials(remote, NULL), 0);
  ck_assert_int_eq(acoap_remote_endpoint_set_credentials(remote, heater), 0);
  expect(remote, "heater:0");
  ck_assert_int_eq(acoap_remote_endpoint_set_credentials(NULL, heater), ACOAP_EINVAL);
  acoap_credentials_unref(heater);
  acoap_remote_endpoint_unref(remote);
  dtls_end_close(&pair, &end);
  server_close();
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("dtls_server");
  TCase *resources = tcase_create("resources");
  tcase_add_test(resources, resource_answers_those_whose_proof_it_accepts);
  tcase_add_test(resources, address_of_a_session_meets_no_amplification_limit);
  tcase_add_test(resources, observers_of_different_identities_get_each_their_own);
  tcase_add_test(resources, bodies_go_up_and_down_in_blocks);
  suite_add_tcase(suite, resources);
  TCase *sessions = tcase_create("sessions");
  tcase_add_test(sessions, answer_does_not_go_into_another_session);
  tcase_add_test(sessions, observer_ends_with_its_session);
  tcase_add_test(sessions, stored_answer_is_not_repeated_in_another_session);
  tcase_add_test(sessions, remotes_prove_each_their_own_on_one_port);
  tcase_add_test(sessions, remotes_at_one_address_prove_each_their_own_where_there_are_sockets);
  tcase_add_test(sessions, credentials_of_a_remote_change_while_it_is_asked);
  suite_add_tcase(suite, sessions);
  return suite;
}

ACOAP_TEST_MAIN(suite)
