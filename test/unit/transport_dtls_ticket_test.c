/*
 * Which sessions a client resumes (RFC 5077): those of the same peer and credentials, the last ones
 * of at most 64.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <check.h>
#include <stdio.h>

#include "support/check_main.h"
#include "support/dtls_pair.h"
#include "support/secure_peer.h"
#include "support/sim_pair.h"
#include "support/virtual_clock.h"

enum { SERVERS = 66, KEPT = 64 };

static acoap_sim_t *sim;
static secure_peer_t client;
static secure_peer_t servers[SERVERS];

static void setup(void) {
  ck_assert_int_eq(acoap_sim_new(1, 1000, &sim), 0);
  virtual_clock_follow(sim);
  secure_peer_open(&client, sim, "192.0.2.2:40000", dtls_psk("lamp", "secret"), NULL);
}

static void teardown(void) {
  secure_peer_close(&client);
  acoap_sim_run_until(sim, acoap_sim_now(sim) + 1);
  virtual_clock_follow(NULL);
  acoap_sim_free(sim);
}

/* A session with this server and its end; was it resumed? */
static bool resumes(secure_peer_t *server, const char *address,
                    const acoap_credentials_t *credentials) {
  acoap_path_t path = {.peer = sim_address(address), .credentials = credentials};
  acoap_outgoing_datagram_t datagram = {.path = &path, .bytes = {(const uint8_t *)"x", 1}};
  secure_peer_t *peers[] = {&client, server};
  uint64_t before = secure_peer_stats(&client).resumptions;
  unsigned established = client.established;
  ck_assert_int_eq(client.socket->ops->send(client.socket, &datagram, 1), 1);
  secure_peer_run(sim, peers, 2, 30);
  ck_assert_uint_eq(client.established, established + 1);
  ck_assert_int_eq(acoap_dtls_socket_disconnect(client.socket, &path.peer), 0);
  secure_peer_run(sim, peers, 2, 30);
  return secure_peer_stats(&client).resumptions > before;
}

START_TEST(last_sessions_of_64_servers_are_resumed) {
  char addresses[SERVERS][32];
  for (unsigned i = 0; i < SERVERS; i++) {
    snprintf(addresses[i], sizeof(addresses[i]), "192.0.2.1:%u", 1000 + i);
    secure_peer_open(&servers[i], sim, addresses[i], dtls_psk("lamp", "secret"), NULL);
    ck_assert(!resumes(&servers[i], addresses[i], NULL));
  }
  for (unsigned i = SERVERS - 1; i >= SERVERS - KEPT; i--) {
    ck_assert_msg(resumes(&servers[i], addresses[i], NULL), "server %u", i);
  }
  ck_assert(!resumes(&servers[0], addresses[0], NULL));
  for (unsigned i = 0; i < SERVERS; i++) {
    secure_peer_close(&servers[i]);
  }
}
END_TEST

START_TEST(session_is_not_resumed_with_other_credentials) {
  acoap_credentials_t *again = dtls_psk("lamp", "secret");
  secure_peer_open(&servers[0], sim, "192.0.2.1:1", dtls_psk("lamp", "secret"), NULL);
  ck_assert(!resumes(&servers[0], "192.0.2.1:1", NULL));
  ck_assert(!resumes(&servers[0], "192.0.2.1:1", again));
  ck_assert(resumes(&servers[0], "192.0.2.1:1", NULL));
  ck_assert(resumes(&servers[0], "192.0.2.1:1", again));
  acoap_credentials_unref(again);
  secure_peer_close(&servers[0]);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("transport_dtls_ticket");
  TCase *cases = tcase_create("tickets");
  tcase_add_checked_fixture(cases, setup, teardown);
  tcase_add_test(cases, last_sessions_of_64_servers_are_resumed);
  tcase_add_test(cases, session_is_not_resumed_with_other_credentials);
  suite_add_tcase(suite, cases);
  return suite;
}

ACOAP_TEST_MAIN(suite)
