/*
 * coaps:// between two endpoints on a simulated network (RFC 6347, RFC 7252 section 9, RFC 7925):
 * who proves what to whom, what fails with which word, what is lost and repeated, who begins anew.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <check.h>
#include <string.h>

#include "support/check_main.h"
#include "support/dtls_pair.h"
#include "support/sim_pair.h"

static dtls_pair_t pair;
static dtls_answer_t answer;

static acoap_credentials_t *trusting(const char *file) {
  acoap_credentials_options_t options = {.size = sizeof(options), .trust_file = file};
  return dtls_credentials(&options);
}

/* ---- handshakes that end well ---------------------------------------------------------------- */

START_TEST(psk_request_is_answered_and_the_server_knows_who_asked) {
  dtls_pair_open(&pair, 1, dtls_server_credentials("server"), dtls_psk("lamp", "secret"), NULL);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_uint_eq(answer.called, 1);
  ck_assert_int_eq(answer.status, 0);
  ck_assert_str_eq(answer.payload, "psk:lamp");
  ck_assert_uint_eq(pair.client.established, 1);
  ck_assert_uint_eq(pair.server.established, 1);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_str_eq(answer.payload, "psk:lamp");
  ck_assert_uint_eq(pair.server.established, 1);
  dtls_pair_close(&pair);
}
END_TEST

START_TEST(certificate_is_checked_against_anchor_and_address) {
  dtls_pair_open(&pair, 2, dtls_server_credentials("server"), trusting(PKI("authority.pem")), NULL);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_int_eq(answer.status, 0);
  ck_assert_str_eq(answer.payload, "nobody");
  dtls_pair_close(&pair);
}
END_TEST

START_TEST(certificate_is_checked_against_the_name_of_the_uri) {
  acoap_address_t address = sim_address("192.0.2.1:0");
  dtls_pair_open(&pair, 3, dtls_server_credentials("server"), trusting(PKI("authority.pem")), NULL);
  ck_assert_int_eq(acoap_sim_set_name(pair.sim, "server.test", &address, 1, 10), 0);
  dtls_get(&pair.client, "coaps://server.test/who", &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_int_eq(answer.status, 0);
  dtls_pair_close(&pair);
}
END_TEST

START_TEST(client_certificate_names_the_client) {
  acoap_credentials_options_t server = {.size = sizeof(server),
                                        .certificate_file = PKI("server.pem"),
                                        .key_file = PKI("server.key"),
                                        .trust_file = PKI("authority.pem"),
                                        .require_certificate = true};
  acoap_credentials_options_t client = {.size = sizeof(client),
                                        .certificate_file = PKI("client.pem"),
                                        .key_file = PKI("client.key"),
                                        .trust_file = PKI("authority.pem")};
  dtls_pair_open(&pair, 4, dtls_credentials(&server), dtls_credentials(&client), NULL);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_int_eq(answer.status, 0);
  ck_assert_str_eq(answer.payload, "certificate:CN=lamp 7");
  dtls_pair_close(&pair);
}
END_TEST

/* ---- handshakes that fail -------------------------------------------------------------------- */

static const struct {
  const char *server; /* certificate */
  const char *uri;    /* asked for */
  const char *reason; /* part of what the client is told */
} bad_certificates[] = {
    {"other_name", DTLS_URI, "IP address mismatch"},
    {"other_name", "coaps://server.test/who", "hostname mismatch"},
    {"expired", DTLS_URI, "certificate has expired"},
    {"stranger", DTLS_URI, "unable to get local issuer certificate"},
};

START_TEST(bad_certificate_fails_at_once_and_says_why) {
  acoap_address_t address = sim_address("192.0.2.1:0");
  dtls_pair_open(&pair, 5, dtls_server_credentials(bad_certificates[_i].server),
                 trusting(PKI("authority.pem")), NULL);
  ck_assert_int_eq(acoap_sim_set_name(pair.sim, "server.test", &address, 1, 10), 0);
  dtls_get(&pair.client, bad_certificates[_i].uri, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_uint_eq(answer.called, 1);
  ck_assert_int_eq(answer.status, ACOAP_ESECURITY);
  ck_assert_uint_eq(pair.client.failed, 1);
  ck_assert_msg(strstr(pair.client.reason, bad_certificates[_i].reason) != NULL, "%s",
                pair.client.reason);
  ck_assert_uint_eq(pair.server.failed, 1);
  ck_assert_uint_eq(pair.requests, 0);
  dtls_pair_close(&pair);
}
END_TEST

START_TEST(insecure_client_takes_any_certificate) {
  acoap_credentials_options_t client = {.size = sizeof(client), .insecure = true};
  dtls_pair_open(&pair, 6, dtls_server_credentials("expired"), dtls_credentials(&client), NULL);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_int_eq(answer.status, 0);
  dtls_pair_close(&pair);
}
END_TEST

START_TEST(unknown_identity_fails_at_once) {
  dtls_pair_open(&pair, 7, dtls_server_credentials("server"), dtls_psk("nobody", "secret"), NULL);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_uint_eq(answer.called, 1);
  ck_assert_int_eq(answer.status, ACOAP_ESECURITY);
  ck_assert_msg(strstr(pair.client.reason, "unknown psk identity") != NULL, "%s",
                pair.client.reason);
  dtls_pair_close(&pair);
}
END_TEST

/* RFC 6347 section 4.1.2.7: what cannot be read is dropped, so a wrong key shows itself as silence.
 */
START_TEST(wrong_key_times_out_and_asks_for_the_key) {
  dtls_pair_open(&pair, 8, dtls_server_credentials("server"), dtls_psk("lamp", "guess"), NULL);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 200000);
  ck_assert_uint_eq(answer.called, 1);
  ck_assert_int_eq(answer.status, ACOAP_ETIMEDOUT);
  ck_assert_uint_eq(pair.requests, 0);
  ck_assert_msg(strstr(pair.client.reason, "do the keys agree") != NULL, "%s", pair.client.reason);
  ck_assert_msg(strstr(pair.server.reason, "do the keys agree") != NULL, "%s", pair.server.reason);
  dtls_pair_close(&pair);
}
END_TEST

START_TEST(missing_client_certificate_is_refused) {
  acoap_credentials_options_t server = {.size = sizeof(server),
                                        .certificate_file = PKI("server.pem"),
                                        .key_file = PKI("server.key"),
                                        .trust_file = PKI("authority.pem"),
                                        .require_certificate = true};
  dtls_pair_open(&pair, 9, dtls_credentials(&server), trusting(PKI("authority.pem")), NULL);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_uint_eq(answer.called, 1);
  ck_assert_int_eq(answer.status, ACOAP_ESECURITY);
  ck_assert_uint_eq(pair.requests, 0);
  dtls_pair_close(&pair);
}
END_TEST

/* ---- sessions -------------------------------------------------------------------------------- */

START_TEST(session_is_resumed_after_it_was_closed) {
  acoap_dtls_stats_t stats;
  dtls_pair_open(&pair, 10, dtls_server_credentials("server"), dtls_psk("lamp", "secret"), NULL);
  acoap_address_t server = sim_address(DTLS_SERVER);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_int_eq(acoap_dtls_socket_disconnect(pair.client.socket, &server), 0);
  dtls_pair_run(&pair, 1000);
  ck_assert_uint_eq(pair.server.ended, 1);
  ck_assert_int_eq(pair.server.status, ACOAP_ECLOSED);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_str_eq(answer.payload, "psk:lamp");
  dtls_stats(&pair.client, &stats);
  ck_assert_uint_eq(stats.handshakes, 2);
  ck_assert_uint_eq(stats.resumptions, 1);
  dtls_pair_close(&pair);
}
END_TEST

/* RFC 6347 section 4.2.8. */
START_TEST(client_that_restarts_at_the_same_port_gets_a_new_session) {
  dtls_pair_open(&pair, 11, dtls_server_credentials("server"), dtls_psk("lamp", "secret"), NULL);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  /* It dies without a word. */
  acoap_sim_set_conditions(
      pair.sim,
      &(acoap_sim_conditions_t){.size = sizeof(acoap_sim_conditions_t), .loss_ppm = 1000000});
  dtls_end_close(&pair, &pair.client);
  acoap_sim_set_conditions(pair.sim, NULL);
  dtls_end_open(&pair, &pair.client, "192.0.2.2:40000", dtls_psk("lamp", "secret"), NULL);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_uint_eq(answer.called, 1);
  ck_assert_str_eq(answer.payload, "psk:lamp");
  ck_assert_uint_eq(pair.server.established, 2);
  ck_assert_str_eq(pair.server.reason, "the peer began anew");
  dtls_pair_close(&pair);
}
END_TEST

START_TEST(least_recently_used_session_gives_way) {
  acoap_dtls_options_t options = {.size = sizeof(options), .sessions_max = 2};
  dtls_end_t more[2];
  acoap_dtls_stats_t stats;
  dtls_pair_open(&pair, 13, dtls_server_credentials("server"), dtls_psk("lamp", "secret"),
                 &options);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  for (unsigned i = 0; i < 2; i++) {
    dtls_end_open(&pair, &more[i], i == 0 ? "192.0.2.3:1" : "192.0.2.4:1",
                  dtls_psk("lamp", "secret"), NULL);
    dtls_get(&more[i], DTLS_URI, &answer);
    dtls_pair_run(&pair, 1000);
    ck_assert_str_eq(answer.payload, "psk:lamp");
  }
  dtls_stats(&pair.server, &stats);
  ck_assert_uint_eq(stats.sessions, 2);
  ck_assert_uint_eq(stats.sessions_evicted, 1);
  ck_assert_uint_eq(pair.client.ended, 1); /* heard close_notify */
  dtls_end_close(&pair, &more[0]);
  dtls_end_close(&pair, &more[1]);
  dtls_pair_close(&pair);
}
END_TEST

START_TEST(idle_session_is_closed_on_both_sides) {
  acoap_dtls_options_t options = {.size = sizeof(options), .idle_timeout_ms = 60000};
  acoap_dtls_stats_t stats;
  dtls_pair_open(&pair, 14, dtls_server_credentials("server"), dtls_psk("lamp", "secret"),
                 &options);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 61000);
  dtls_stats(&pair.server, &stats);
  ck_assert_uint_eq(stats.sessions, 0);
  dtls_stats(&pair.client, &stats);
  ck_assert_uint_eq(stats.sessions, 0);
  dtls_pair_close(&pair);
}
END_TEST

/* RFC 7252 section 9.1: there is no session with a group. */
START_TEST(group_over_coaps_is_refused) {
  acoap_remote_endpoint_t *remote = NULL;
  dtls_pair_open(&pair, 15, dtls_server_credentials("server"), dtls_psk("lamp", "secret"), NULL);
  int status = acoap_remote_endpoint_new(pair.client.endpoint, "coaps://224.0.1.187/", &remote);
  if (status == 0) {
    status = acoap_send(remote, acoap_desc_get(), NULL, NULL, NULL);
    acoap_remote_endpoint_unref(remote);
  }
  ck_assert_int_lt(status, 0);
  dtls_pair_close(&pair);
}
END_TEST

START_TEST(plain_requests_do_not_leave_through_a_secure_socket) {
  acoap_remote_endpoint_t *remote = NULL;
  dtls_pair_open(&pair, 16, dtls_server_credentials("server"), dtls_psk("lamp", "secret"), NULL);
  ck_assert_int_eq(
      acoap_remote_endpoint_new(pair.client.endpoint, "coap://192.0.2.1:5684/", &remote), 0);
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), NULL, NULL, NULL), ACOAP_ENOTSUP);
  acoap_remote_endpoint_unref(remote);
  dtls_pair_close(&pair);
}
END_TEST

/* The last datagram that left the client, as it was on the wire. */
typedef struct recorder {
  acoap_address_t from;
  uint8_t bytes[1300];
  size_t len;
  unsigned to_client;
} recorder_t;

static bool record(void *user_data, acoap_time_t now, const acoap_path_t *path,
                   const acoap_address_t *from, acoap_bytes_t bytes) {
  recorder_t *recorder = user_data;
  (void)now;
  if (acoap_address_equal(from, &recorder->from)) {
    memcpy(recorder->bytes, bytes.data, bytes.len);
    recorder->len = bytes.len;
  }
  recorder->to_client += acoap_address_equal(&path->peer, &recorder->from);
  return true;
}

/* RFC 6347 section 4.2.1: nothing is kept of a client that does not return its cookie. */
START_TEST(flood_of_client_hellos_leaves_no_state) {
  recorder_t recorder = {.from = sim_address("192.0.2.2:40000")};
  acoap_path_t server = {.peer = sim_address(DTLS_SERVER)};
  acoap_outgoing_datagram_t hello = {.path = &server};
  acoap_dtls_stats_t stats;
  dtls_pair_open(&pair, 12, dtls_server_credentials("server"), dtls_psk("lamp", "secret"), NULL);
  /* A ClientHello as a client of ours makes it. */
  acoap_sim_set_filter(pair.sim, record, &recorder);
  dtls_get(&pair.client, "coaps://192.0.2.9/", &answer);
  hello.bytes.data = recorder.bytes;
  hello.bytes.len = recorder.len;
  ck_assert_uint_gt(hello.bytes.len, 0);
  acoap_sim_set_filter(pair.sim, NULL, NULL);
  for (uint16_t port = 1000; port < 3000; port++) {
    acoap_address_t from = sim_address("192.0.2.10:0");
    acoap_socket_t *socket = NULL;
    from.port = port;
    ck_assert_int_eq(acoap_sim_socket_new(pair.sim, &from, &socket), 0);
    ck_assert_int_eq(socket->ops->send(socket, &hello, 1), 1);
    acoap_socket_close(socket, NULL, NULL);
    dtls_pair_run(&pair, 1);
  }
  dtls_stats(&pair.server, &stats);
  ck_assert_uint_eq(stats.cookies_sent, 2000);
  ck_assert_uint_eq(stats.sessions, 0);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_str_eq(answer.payload, "psk:lamp");
  dtls_pair_close(&pair);
}
END_TEST

/* RFC 6347 sections 4.1.2.6 (replay) and 4.1.2.7 (invalid records). */
START_TEST(garbage_replays_and_forged_alerts_in_mid_session_change_nothing) {
  static const uint8_t alert[] = {21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40};
  recorder_t recorder = {.from = sim_address("192.0.2.2:40000")};
  uint8_t garbage[64];
  dtls_pair_open(&pair, 17, dtls_server_credentials("server"), dtls_psk("lamp", "secret"), NULL);
  acoap_sim_set_filter(pair.sim, record, &recorder);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  uint8_t replay[1300];
  size_t replay_len = recorder.len;
  memcpy(replay, recorder.bytes, replay_len);
  unsigned before = recorder.to_client;
  for (uint8_t type = 0; type < 255; type++) {
    memset(garbage, type, sizeof(garbage));
    dtls_end_send_raw(&pair.client, DTLS_SERVER, garbage, sizeof(garbage));
    dtls_end_send_raw(&pair.client, DTLS_SERVER, garbage, type % sizeof(garbage));
  }
  dtls_end_send_raw(&pair.client, DTLS_SERVER, alert, sizeof(alert));
  dtls_end_send_raw(&pair.client, DTLS_SERVER, replay, replay_len);
  dtls_end_send_raw(&pair.client, DTLS_SERVER, replay, replay_len / 2);
  replay[replay_len - 1] ^= 1;
  dtls_end_send_raw(&pair.client, DTLS_SERVER, replay, replay_len);
  dtls_pair_run(&pair, 1000);
  ck_assert_uint_eq(recorder.to_client, before);
  ck_assert_uint_eq(pair.requests, 1);
  dtls_get(&pair.client, DTLS_URI, &answer);
  dtls_pair_run(&pair, 1000);
  ck_assert_str_eq(answer.payload, "psk:lamp");
  ck_assert_uint_eq(pair.server.established, 1);
  ck_assert_uint_eq(pair.server.ended + pair.server.failed, 0);
  dtls_pair_close(&pair);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("dtls");
  TCase *handshakes = tcase_create("handshakes");
  tcase_add_test(handshakes, psk_request_is_answered_and_the_server_knows_who_asked);
  tcase_add_test(handshakes, certificate_is_checked_against_anchor_and_address);
  tcase_add_test(handshakes, certificate_is_checked_against_the_name_of_the_uri);
  tcase_add_test(handshakes, client_certificate_names_the_client);
  suite_add_tcase(suite, handshakes);
  TCase *failures = tcase_create("failures");
  tcase_add_loop_test(failures, bad_certificate_fails_at_once_and_says_why, 0,
                      (int)(sizeof(bad_certificates) / sizeof(bad_certificates[0])));
  tcase_add_test(failures, insecure_client_takes_any_certificate);
  tcase_add_test(failures, unknown_identity_fails_at_once);
  tcase_add_test(failures, wrong_key_times_out_and_asks_for_the_key);
  tcase_add_test(failures, missing_client_certificate_is_refused);
  suite_add_tcase(suite, failures);
  TCase *sessions = tcase_create("sessions");
  tcase_add_test(sessions, session_is_resumed_after_it_was_closed);
  tcase_add_test(sessions, client_that_restarts_at_the_same_port_gets_a_new_session);
  tcase_add_test(sessions, flood_of_client_hellos_leaves_no_state);
  tcase_add_test(sessions, least_recently_used_session_gives_way);
  tcase_add_test(sessions, idle_session_is_closed_on_both_sides);
  tcase_add_test(sessions, group_over_coaps_is_refused);
  tcase_add_test(sessions, plain_requests_do_not_leave_through_a_secure_socket);
  tcase_add_test(sessions, garbage_replays_and_forged_alerts_in_mid_session_change_nothing);
  suite_add_tcase(suite, sessions);
  return suite;
}

ACOAP_TEST_MAIN(suite)
