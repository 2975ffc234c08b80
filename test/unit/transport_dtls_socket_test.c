/*
 * The DTLS socket by itself (RFC 6347): what waits for a handshake, what is refused, certificates
 * in many fragments, datagrams cut and joined, both sides that begin at once, ends in the middle of
 * everything, over sockets of any kind.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "support/check_main.h"
#include "support/dtls_pair.h"
#include "support/secure_peer.h"
#include "support/sim_pair.h"
#include "support/virtual_clock.h"

#define SERVER "192.0.2.1:5684"
#define CLIENT "192.0.2.2:40000"

static acoap_sim_t *sim;
static secure_peer_t server;
static secure_peer_t client;

static void setup(void) {
  ck_assert_int_eq(acoap_sim_new(1, 1000, &sim), 0);
  virtual_clock_follow(sim);
}

static void run(acoap_time_t ms) {
  secure_peer_t *peers[] = {&server, &client};
  secure_peer_run(sim, peers, 2, ms);
}

static void finish(void) {
  secure_peer_close(&client);
  secure_peer_close(&server);
  acoap_sim_run_until(sim, acoap_sim_now(sim) + 1);
  ck_assert_uint_eq(client.closed, 1);
  ck_assert_uint_eq(server.closed, 1);
  virtual_clock_follow(NULL);
  acoap_sim_free(sim);
}

static void open_pair(const acoap_dtls_options_t *options) {
  setup();
  secure_peer_open(&server, sim, SERVER, dtls_psk("lamp", "secret"), options);
  secure_peer_open(&client, sim, CLIENT, dtls_psk("lamp", "secret"), options);
}

/* ---- what waits, what is refused ------------------------------------------------------------- */

START_TEST(what_waits_for_a_handshake_is_sent_after_it_in_order) {
  open_pair(NULL);
  ck_assert_int_eq(secure_peer_send_text(&client, SERVER, "one"), 1);
  ck_assert_int_eq(secure_peer_send_text(&client, SERVER, "two"), 1);
  run(100);
  ck_assert_uint_eq(server.received, 2);
  ck_assert_str_eq(secure_peer_text(&server, 0), "one");
  ck_assert_str_eq(secure_peer_text(&server, 1), "two");
  ck_assert_str_eq(server.who, "lamp");
  finish();
}
END_TEST

START_TEST(queue_of_a_handshake_is_bounded_and_repetitions_count_once) {
  acoap_dtls_options_t options = {.size = sizeof(options), .queue_max = 2};
  open_pair(&options);
  ck_assert_int_eq(secure_peer_send_text(&client, SERVER, "one"), 1);
  ck_assert_int_eq(secure_peer_send_text(&client, SERVER, "one"), 1);
  ck_assert_int_eq(secure_peer_send_text(&client, SERVER, "two"), 1);
  ck_assert_int_eq(secure_peer_send_text(&client, SERVER, "three"), 1);
  ck_assert_uint_eq(secure_peer_stats(&client).queue_dropped, 1);
  run(100);
  ck_assert_uint_eq(server.received, 2);
  finish();
}
END_TEST

START_TEST(group_is_refused_and_no_handshake_begins) {
  open_pair(NULL);
  ck_assert_int_eq(secure_peer_send_text(&client, "224.0.1.187:5684", "all"), ACOAP_ENOTSUP);
  ck_assert_uint_eq(secure_peer_stats(&client).sessions, 0);
  finish();
}
END_TEST

START_TEST(without_credentials_nothing_is_sent) {
  setup();
  secure_peer_open(&server, sim, SERVER, dtls_psk("lamp", "secret"), NULL);
  secure_peer_open(&client, sim, CLIENT, NULL, NULL);
  ck_assert_int_eq(secure_peer_send_text(&client, SERVER, "one"), ACOAP_ESECURITY);
  finish();
}
END_TEST

START_TEST(datagram_beyond_the_mtu_is_too_big_and_the_largest_one_is_not) {
  static const uint8_t bytes[2000];
  open_pair(NULL);
  acoap_address_t to = sim_address(SERVER);
  size_t mtu = client.socket->ops->mtu(client.socket, &to);
  ck_assert_uint_ge(mtu, 1024 + 64);
  ck_assert_int_eq(secure_peer_send(&client, SERVER, bytes, mtu), 1);
  run(100);
  ck_assert_uint_eq(server.received, 1);
  ck_assert_uint_eq(server.len[0], mtu);
  ck_assert_int_eq(secure_peer_send(&client, SERVER, bytes, sizeof(bytes)), ACOAP_ETOOBIG);
  ck_assert_uint_eq(secure_peer_stats(&client).sessions, 1);
  finish();
}
END_TEST

/* The server goes without a word, and its host says so. */
static void server_vanishes(void) {
  acoap_sim_conditions_t silence = {.size = sizeof(silence), .loss_ppm = 1000000};
  acoap_address_t at = sim_address(SERVER);
  ck_assert_int_eq(acoap_sim_set_conditions(sim, &silence), 0);
  secure_peer_close(&server);
  acoap_sim_run_until(sim, acoap_sim_now(sim) + 1);
  ck_assert_int_eq(acoap_sim_set_conditions(sim, NULL), 0);
  ck_assert_int_eq(acoap_sim_set_unreachable(sim, &at, true), 0);
}

START_TEST(icmp_ends_a_handshake_and_names_what_waited) {
  open_pair(NULL);
  server_vanishes();
  ck_assert_int_eq(secure_peer_send_text(&client, SERVER, "one"), 1);
  run(100);
  ck_assert_uint_eq(client.failed, 1);
  ck_assert_uint_eq(client.refused, 1);
  ck_assert_int_eq(client.status, ACOAP_EUNREACHABLE);
  ck_assert_uint_eq(secure_peer_stats(&client).handshakes_failed, 1);
  secure_peer_open(&server, sim, SERVER, dtls_psk("lamp", "secret"), NULL);
  ck_assert_int_eq(secure_peer_send_text(&client, SERVER, "two"), 1);
  run(100);
  ck_assert_str_eq(secure_peer_text(&server, 0), "two");
  finish();
}
END_TEST

START_TEST(icmp_does_not_end_a_session) {
  open_pair(NULL);
  secure_peer_send_text(&client, SERVER, "one");
  run(100);
  server_vanishes();
  secure_peer_send_text(&client, SERVER, "lost");
  run(100);
  ck_assert_uint_eq(client.ended + client.failed, 0);
  ck_assert_uint_eq(secure_peer_stats(&client).sessions, 1);
  secure_peer_open(&server, sim, SERVER, dtls_psk("lamp", "secret"), NULL);
  finish();
}
END_TEST

START_TEST(inner_socket_that_refuses_is_offered_everything_again) {
  open_pair(NULL);
  ck_assert_int_eq(acoap_sim_socket_refuse(client.inner, 3), 0);
  ck_assert_int_eq(acoap_sim_socket_refuse(server.inner, 3), 0);
  secure_peer_send_text(&client, SERVER, "one");
  run(500);
  ck_assert_uint_eq(server.received, 1);
  ck_assert_int_eq(acoap_sim_socket_refuse(client.inner, 2), 0);
  secure_peer_send_text(&client, SERVER, "two");
  secure_peer_send_text(&client, SERVER, "three");
  run(500);
  ck_assert_str_eq(secure_peer_text(&server, 1), "two");
  ck_assert_str_eq(secure_peer_text(&server, 2), "three");
  finish();
}
END_TEST

/* ---- datagrams in pieces --------------------------------------------------------------------- */

/* The largest datagram, the number of them, and copies of those of one flight. */
static struct {
  size_t largest;
  unsigned count;
  unsigned pass;        /* so many go their way */
  acoap_address_t hold; /* then those of this sender do not arrive, but are kept */
  uint8_t held[16384];
  size_t held_len;
  size_t first_len;
} wire;

static bool watch(void *user_data, acoap_time_t now, const acoap_path_t *path,
                  const acoap_address_t *from, acoap_bytes_t bytes) {
  (void)user_data;
  (void)now;
  (void)path;
  wire.largest = bytes.len > wire.largest ? bytes.len : wire.largest;
  wire.count++;
  if (wire.count <= wire.pass || wire.hold.family == ACOAP_FAMILY_NONE ||
      !acoap_address_equal(from, &wire.hold)) {
    return true;
  }
  ck_assert_uint_le(wire.held_len + bytes.len, sizeof(wire.held));
  memcpy(wire.held + wire.held_len, bytes.data, bytes.len);
  wire.first_len = wire.held_len == 0 ? bytes.len : wire.first_len;
  wire.held_len += bytes.len;
  return false;
}

static void send_raw(secure_peer_t *from, const char *to, const uint8_t *bytes, size_t len) {
  acoap_path_t path = {.peer = sim_address(to)};
  acoap_outgoing_datagram_t datagram = {.path = &path, .bytes = {bytes, len}};
  ck_assert_int_eq(from->inner->ops->send(from->inner, &datagram, 1), 1);
}

/* A server with four certificates, datagrams of 256 bytes; losses, too. */
START_TEST(long_chain_of_certificates_goes_through_small_datagrams) {
  acoap_credentials_options_t with = {
      .size = sizeof(with), .certificate_file = PKI("chain.pem"), .key_file = PKI("chain.key")};
  acoap_credentials_options_t trusting = {.size = sizeof(trusting),
                                          .trust_file = PKI("authority.pem")};
  acoap_sim_conditions_t lossy = {
      .size = sizeof(lossy), .delay_max_ms = 20, .loss_ppm = _i == 0 ? 0 : 50000};
  acoap_dtls_options_t options = {.size = sizeof(options), .mtu = 256};
  setup();
  memset(&wire, 0, sizeof(wire));
  acoap_sim_set_conditions(sim, &lossy);
  acoap_sim_set_filter(sim, watch, NULL);
  secure_peer_open(&server, sim, SERVER, dtls_credentials(&with), &options);
  secure_peer_open(&client, sim, CLIENT, dtls_credentials(&trusting), &options);
  secure_peer_send_text(&client, SERVER, "one");
  run(_i == 0 ? 1000 : 40000);
  ck_assert_msg(client.established == 1, "%s", client.reason);
  ck_assert_uint_le(wire.largest, 256);
  ck_assert_uint_ge(wire.count, 15);
  acoap_sim_set_filter(sim, NULL, NULL);
  acoap_sim_set_conditions(sim, NULL);
  secure_peer_send_text(&client, SERVER, "two");
  run(100);
  ck_assert_uint_ge(server.received, 1);
  finish();
}
END_TEST

/* RFC 6347 section 4.1.1: several records may share a datagram. */
START_TEST(flight_that_arrives_in_one_datagram_is_read) {
  open_pair(NULL);
  memset(&wire, 0, sizeof(wire));
  /* ClientHello, HelloVerifyRequest, ClientHello; then the server's flight. */
  wire.pass = 3;
  wire.hold = sim_address(SERVER);
  acoap_sim_set_filter(sim, watch, NULL);
  secure_peer_send_text(&client, SERVER, "one");
  run(100);
  ck_assert_uint_gt(wire.held_len, 50);
  memset(&wire.hold, 0, sizeof(wire.hold));
  send_raw(&server, CLIENT, wire.held, wire.held_len);
  wire.held_len = 0;
  run(100);
  ck_assert_uint_eq(server.received, 1);
  finish();
}
END_TEST

/* RFC 6347 section 4.1.1: a record does not span datagrams. */
START_TEST(record_cut_in_two_is_dropped_and_the_flight_repeated) {
  open_pair(NULL);
  secure_peer_send_text(&client, SERVER, "one");
  run(100);
  memset(&wire, 0, sizeof(wire));
  wire.hold = sim_address(CLIENT);
  acoap_sim_set_filter(sim, watch, NULL);
  secure_peer_send_text(&client, SERVER, "two");
  secure_peer_send_text(&client, SERVER, "three");
  acoap_sim_set_filter(sim, NULL, NULL);
  for (size_t cut = 0; cut < wire.first_len; cut++) {
    send_raw(&client, SERVER, wire.held, cut);
    send_raw(&client, SERVER, wire.held + cut, wire.first_len - cut - (cut == 0 ? 1 : 0));
  }
  run(100);
  ck_assert_uint_eq(server.received, 1);
  /* Whole, and two of them in one datagram. */
  send_raw(&client, SERVER, wire.held, wire.held_len);
  run(100);
  ck_assert_uint_eq(server.received, 3);
  ck_assert_str_eq(secure_peer_text(&server, 1), "two");
  ck_assert_str_eq(secure_peer_text(&server, 2), "three");
  finish();
}
END_TEST

/* ---- who begins ------------------------------------------------------------------------------ */

START_TEST(both_begin_at_once_and_one_session_comes_of_it) {
  open_pair(NULL);
  secure_peer_send_text(&client, SERVER, "from the client");
  secure_peer_send_text(&server, CLIENT, "from the server");
  run(5000);
  ck_assert_str_eq(secure_peer_text(&server, 0), "from the client");
  ck_assert_str_eq(secure_peer_text(&client, 0), "from the server");
  ck_assert_uint_eq(client.received + server.received, 2);
  ck_assert_uint_eq(client.established, 1);
  ck_assert_uint_eq(server.established, 1);
  ck_assert_uint_eq(client.failed + server.failed, 0);
  finish();
}
END_TEST

/* A client that nobody knows asks us; what we send to its address is for somebody who proves more.
 */
START_TEST(session_of_an_anonymous_client_is_not_used_for_requests_of_ours) {
  acoap_credentials_options_t with = {.size = sizeof(with),
                                      .certificate_file = PKI("server.pem"),
                                      .key_file = PKI("server.key"),
                                      .trust_file = PKI("authority.pem")};
  acoap_credentials_options_t anonymous = {.size = sizeof(anonymous), .insecure = true};
  setup();
  secure_peer_open(&server, sim, SERVER, dtls_credentials(&with), NULL);
  secure_peer_open(&client, sim, CLIENT, dtls_credentials(&anonymous), NULL);
  server.on_received = SECURE_PEER_ANSWER;
  secure_peer_send_text(&client, SERVER, "one");
  run(100);
  ck_assert_str_eq(secure_peer_text(&client, 0), "one");
  secure_peer_send_text(&server, CLIENT, "confidential");
  run(2000);
  ck_assert_uint_eq(client.received, 1);
  finish();
}
END_TEST

START_TEST(client_that_restarts_as_a_server_s_client_changes_roles) {
  open_pair(NULL);
  secure_peer_send_text(&server, CLIENT, "one"); /* SERVER is the client here */
  run(100);
  ck_assert_uint_eq(client.received, 1);
  acoap_sim_set_conditions(
      sim, &(acoap_sim_conditions_t){.size = sizeof(acoap_sim_conditions_t), .loss_ppm = 1000000});
  secure_peer_close(&client);
  acoap_sim_run_until(sim, acoap_sim_now(sim) + 1);
  acoap_sim_set_conditions(sim, NULL);
  secure_peer_open(&client, sim, CLIENT, dtls_psk("lamp", "secret"), NULL);
  secure_peer_send_text(&client, SERVER, "two");
  run(1000);
  ck_assert_str_eq(secure_peer_text(&server, 0), "two");
  ck_assert_uint_eq(server.established, 2);
  ck_assert_str_eq(server.reason, "the peer began anew");
  finish();
}
END_TEST

/* ---- many ------------------------------------------------------------------------------------ */

START_TEST(handshakes_that_are_only_begun_do_not_push_out_who_is_there) {
  acoap_dtls_options_t options = {.size = sizeof(options), .sessions_max = 8};
  static secure_peer_t vanishing[24];
  secure_peer_t *peers[26] = {&server, &client};
  open_pair(&options);
  secure_peer_send_text(&client, SERVER, "one");
  run(100);
  for (unsigned i = 0; i < 24; i++) {
    char address[32];
    snprintf(address, sizeof(address), "192.0.2.%u:1000", 10 + i);
    secure_peer_open(&vanishing[i], sim, address, dtls_psk("lamp", "guess"), NULL);
    secure_peer_send_text(&vanishing[i], SERVER, "let me in");
    peers[2 + i] = &vanishing[i];
    secure_peer_run(sim, peers, 3 + i, 50);
  }
  ck_assert_uint_eq(secure_peer_stats(&server).sessions, 8);
  ck_assert_uint_ge(secure_peer_stats(&server).sessions_evicted, 17);
  ck_assert_uint_eq(client.ended, 0);
  secure_peer_send_text(&client, SERVER, "two");
  run(100);
  ck_assert_str_eq(secure_peer_text(&server, 1), "two");
  for (unsigned i = 0; i < 24; i++) {
    secure_peer_close(&vanishing[i]);
  }
  finish();
}
END_TEST

/* The keys of a server that may be taken back. */
static bool revoked;

static size_t lookup(void *user_data, acoap_bytes_t identity, uint8_t *key, size_t cap) {
  (void)user_data;
  if (revoked || identity.len != 4 || memcmp(identity.data, "lamp", 4) != 0 || cap < 6) {
    return 0;
  }
  memcpy(key, "secret", 6);
  return 6;
}

START_TEST(session_of_an_identity_that_was_taken_back_is_not_resumed) {
  acoap_credentials_options_t with = {.size = sizeof(with), .psk_lookup = lookup};
  setup();
  revoked = false;
  secure_peer_open(&server, sim, SERVER, dtls_credentials(&with), NULL);
  secure_peer_open(&client, sim, CLIENT, dtls_psk("lamp", "secret"), NULL);
  acoap_address_t at = sim_address(SERVER);
  for (unsigned i = 0; i < 2; i++) {
    secure_peer_send_text(&client, SERVER, "one");
    run(100);
    ck_assert_uint_eq(server.received, i + 1);
    ck_assert_int_eq(acoap_dtls_socket_disconnect(client.socket, &at), 0);
    run(100);
  }
  ck_assert_uint_eq(secure_peer_stats(&client).resumptions, 1);
  revoked = true;
  secure_peer_send_text(&client, SERVER, "three");
  run(1000);
  ck_assert_uint_eq(server.received, 2);
  ck_assert_uint_eq(server.failed, 1);
  ck_assert_msg(strstr(server.reason, "not known any more") != NULL, "%s", server.reason);
  finish();
}
END_TEST

/* ---- ends ------------------------------------------------------------------------------------ */

START_TEST(close_notify_ends_both_sides_and_the_next_datagram_begins_anew) {
  open_pair(NULL);
  for (unsigned i = 0; i < 4; i++) {
    secure_peer_t *closing = i % 2 == 0 ? &client : &server;
    acoap_address_t at = sim_address(i % 2 == 0 ? SERVER : CLIENT);
    secure_peer_send_text(&client, SERVER, "x");
    run(100);
    ck_assert_uint_eq(server.received, i + 1);
    ck_assert_int_eq(acoap_dtls_socket_disconnect(closing->socket, &at), 0);
    ck_assert_int_eq(acoap_dtls_socket_disconnect(closing->socket, &at), ACOAP_ENOTFOUND);
    run(100);
    ck_assert_uint_eq(client.ended, i + 1);
    ck_assert_uint_eq(server.ended, i + 1);
    ck_assert_uint_eq(secure_peer_stats(&client).sessions, 0);
    ck_assert_uint_eq(secure_peer_stats(&server).sessions, 0);
  }
  finish();
}
END_TEST

/* RFC 7252 section 9.1.2: the number of a session does not come again. */
START_TEST(what_belongs_into_a_session_that_is_gone_goes_nowhere) {
  open_pair(NULL);
  secure_peer_send_text(&client, SERVER, "one");
  run(100);
  acoap_path_t path = server.path;
  acoap_outgoing_datagram_t answer = {.path = &path, .bytes = {(const uint8_t *)"late", 4}};
  acoap_address_t at = sim_address(SERVER);
  ck_assert_int_eq(acoap_dtls_socket_disconnect(client.socket, &at), 0);
  run(100);
  ck_assert_int_eq(server.socket->ops->send(server.socket, &answer, 1), ACOAP_ECLOSED);
  secure_peer_send_text(&client, SERVER, "two");
  run(100);
  ck_assert_uint_gt(server.path.session, path.session);
  ck_assert_int_eq(server.socket->ops->send(server.socket, &answer, 1), ACOAP_ECLOSED);
  run(100);
  ck_assert_uint_eq(client.received, 0);
  finish();
}
END_TEST

static const secure_peer_deed_t deeds[] = {SECURE_PEER_CLOSE, SECURE_PEER_DISCONNECT};

START_TEST(callbacks_may_end_what_they_are_about) {
  secure_peer_deed_t deed = deeds[_i / 6];
  secure_peer_t *who = _i % 2 == 0 ? &server : &client;
  open_pair(NULL);
  if (_i / 2 % 3 == 0) {
    who->on_received = deed;
  } else if (_i / 2 % 3 == 1) {
    who->on_established = deed;
  } else {
    who->on_ended = deed;
  }
  server.on_received = server.on_received == SECURE_PEER_NOTHING ? SECURE_PEER_ANSWER : deed;
  for (unsigned i = 0; i < 5; i++) {
    char text[] = {(char)('a' + i), 0};
    secure_peer_send_text(&client, SERVER, text);
  }
  run(100);
  acoap_address_t at = sim_address(SERVER);
  if (client.socket != NULL) {
    (void)acoap_dtls_socket_disconnect(client.socket, &at);
  }
  run(100);
  ck_assert_uint_ge(client.ended + server.ended + client.closed + server.closed, 1);
  finish();
}
END_TEST

START_TEST(close_in_the_middle_of_a_handshake_leaves_nothing) {
  open_pair(NULL);
  memset(&wire, 0, sizeof(wire));
  acoap_sim_set_filter(sim, watch, NULL);
  secure_peer_send_text(&client, SERVER, "one");
  for (unsigned i = 0; wire.count <= (unsigned)_i && i < 100; i++) {
    acoap_sim_run_until(sim, acoap_sim_now(sim) + 1);
  }
  acoap_sim_set_filter(sim, NULL, NULL);
  secure_peer_close(_i % 2 == 0 ? &client : &server);
  run(1000);
  finish();
}
END_TEST

/* ---- a user's own socket --------------------------------------------------------------------- */

/* Two ends of a wire; each delivers when it is told to, and closes at once. */
typedef struct wire_end {
  acoap_socket_t socket; /* first */
  struct wire_end *other;
  const acoap_socket_events_t *events;
  void *user_data;
  unsigned count;
  size_t len[64];
  uint8_t bytes[64][1300]; /* on the way to this end */
  bool closed;
} wire_end_t;

static int wire_start(acoap_socket_t *socket, const acoap_socket_events_t *events,
                      void *user_data) {
  wire_end_t *end = (wire_end_t *)(void *)socket;
  end->events = events;
  end->user_data = user_data;
  return 0;
}

static int wire_send(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch, size_t count) {
  wire_end_t *to = ((wire_end_t *)(void *)socket)->other;
  for (size_t i = 0; i < count && to->count < 64; i++) {
    memcpy(to->bytes[to->count], batch[i].bytes.data, batch[i].bytes.len);
    to->len[to->count++] = batch[i].bytes.len;
  }
  return (int)count;
}

static int wire_address(acoap_socket_t *socket, acoap_address_t *address) {
  (void)socket;
  *address = sim_address("192.0.2.9:9");
  return 0;
}

static void wire_close(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  wire_end_t *end = (wire_end_t *)(void *)socket;
  end->closed = true;
  end->events = NULL;
  if (closed != NULL) {
    closed(user_data);
  }
}

static const acoap_socket_ops_t wire_ops = {.size = sizeof(acoap_socket_ops_t),
                                            .start = wire_start,
                                            .send = wire_send,
                                            .local_address = wire_address,
                                            .close = wire_close};

/* Everything that is on its way arrives, in one batch. */
static void wire_arrive(wire_end_t *end) {
  acoap_incoming_datagram_t batch[64];
  uint8_t copies[64][1300];
  unsigned count = end->count;
  memset(batch, 0, sizeof(batch));
  memcpy(copies, end->bytes, sizeof(copies));
  for (unsigned i = 0; i < count; i++) {
    batch[i].path.peer = sim_address("192.0.2.9:9");
    batch[i].bytes = (acoap_bytes_t){copies[i], end->len[i]};
  }
  end->count = 0;
  if (end->events != NULL && count > 0) {
    end->events->received(end->user_data, batch, count);
  }
}

static wire_end_t wire_ends[2];

static void open_wire(void) {
  memset(wire_ends, 0, sizeof(wire_ends));
  for (unsigned i = 0; i < 2; i++) {
    wire_ends[i].socket.ops = &wire_ops;
    wire_ends[i].other = &wire_ends[1 - i];
  }
  setup();
  secure_peer_wrap(&server, acoap_sim_host(sim), &wire_ends[0].socket, dtls_psk("lamp", "secret"),
                   NULL);
  secure_peer_wrap(&client, acoap_sim_host(sim), &wire_ends[1].socket, dtls_psk("lamp", "secret"),
                   NULL);
}

static void run_wire(void) {
  for (unsigned i = 0; i < 20; i++) {
    wire_arrive(&wire_ends[i % 2]);
  }
}

/* What arrived together is handed up together, also where the session ends behind it and where
 * there is more than one call takes. */
START_TEST(records_of_one_batch_are_handed_up_in_one) {
  open_wire();
  secure_peer_send_text(&client, "192.0.2.9:9", "first");
  run_wire();
  ck_assert_uint_eq(server.received, 1);
  server.batches = 0;
  for (unsigned i = 0; i < 40; i++) {
    char text[] = {(char)('A' + i), 0};
    secure_peer_send_text(&client, "192.0.2.9:9", text);
  }
  wire_arrive(&wire_ends[0]);
  ck_assert_uint_eq(server.received, 41);
  ck_assert_uint_eq(server.batches, 1);
  for (unsigned i = 0; i < 40; i++) {
    ck_assert_int_eq(secure_peer_text(&server, 1 + i)[0], 'A' + (int)i);
  }
  acoap_address_t at = sim_address("192.0.2.9:9");
  secure_peer_send_text(&client, "192.0.2.9:9", "last");
  ck_assert_int_eq(acoap_dtls_socket_disconnect(client.socket, &at), 0);
  ck_assert_uint_eq(server.ended, 0);
  wire_arrive(&wire_ends[0]);
  ck_assert_uint_eq(server.batches, 2);
  ck_assert_str_eq(secure_peer_text(&server, 41), "last");
  ck_assert_uint_eq(server.ended, 1);
  finish();
}
END_TEST

START_TEST(socket_of_a_user_that_closes_at_once_may_be_closed_in_a_callback) {
  open_wire();
  server.on_received = _i == 0 ? SECURE_PEER_CLOSE : SECURE_PEER_ANSWER;
  client.on_received = SECURE_PEER_CLOSE;
  client.on_established = _i == 2 ? SECURE_PEER_CLOSE : SECURE_PEER_NOTHING;
  secure_peer_send_text(&client, "192.0.2.9:9", "one");
  secure_peer_send_text(&client, "192.0.2.9:9", "two");
  run_wire();
  ck_assert_uint_eq(server.received, _i == 0 ? 1 : _i == 1 ? 2 : 0);
  secure_peer_close(&client);
  secure_peer_close(&server);
  ck_assert(wire_ends[0].closed && wire_ends[1].closed);
  ck_assert_uint_eq(client.closed, 1);
  ck_assert_uint_eq(server.closed, 1);
  virtual_clock_follow(NULL);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(socket_pair_of_one_process_carries_sessions) {
  uv_loop_t loop;
  acoap_host_t *host = NULL;
  acoap_socket_t *a = NULL;
  acoap_socket_t *b = NULL;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ck_assert_int_eq(acoap_uv_host_new(&loop, &host), 0);
  ck_assert_int_eq(acoap_loopback_pair_new(&loop, &a, &b), 0);
  secure_peer_wrap(&server, host, a, dtls_psk("lamp", "secret"), NULL);
  secure_peer_wrap(&client, host, b, dtls_psk("lamp", "secret"), NULL);
  secure_peer_send_text(&client, "127.0.0.1:5683", "one");
  for (unsigned i = 0; i < 100 && server.received == 0; i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
  }
  ck_assert_str_eq(secure_peer_text(&server, 0), "one");
  secure_peer_close(&client);
  secure_peer_close(&server);
  host->ops->unref(host);
  uv_run(&loop, UV_RUN_DEFAULT);
  ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

/* ---- misuse ---------------------------------------------------------------------------------- */

START_TEST(misuse_is_named) {
  setup();
  acoap_address_t at = sim_address(CLIENT);
  acoap_socket_t *inner = NULL;
  acoap_socket_t *socket = NULL;
  acoap_dtls_stats_t stats = {.size = sizeof(stats)};
  acoap_host_t *host = acoap_sim_host(sim);
  acoap_dtls_options_t no_size = {0};
  acoap_dtls_options_t small = {.size = sizeof(small), .mtu = 255};
  acoap_dtls_options_t large = {.size = sizeof(large), .mtu = 100000};
  ck_assert_int_eq(acoap_sim_socket_new(sim, &at, &inner), 0);
  ck_assert_int_eq(acoap_dtls_socket_new(NULL, inner, NULL, &socket), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_dtls_socket_new(host, NULL, NULL, &socket), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_dtls_socket_new(host, inner, NULL, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_dtls_socket_new(host, inner, &no_size, &socket), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_dtls_socket_new(host, inner, &small, &socket), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_dtls_socket_new(host, inner, &large, &socket), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_dtls_socket_stats(inner, &stats), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_dtls_socket_disconnect(inner, &at), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_dtls_socket_new(host, inner, NULL, &socket), 0);
  ck_assert_int_eq(acoap_dtls_socket_disconnect(socket, &at), ACOAP_ENOTFOUND);
  ck_assert_int_eq(acoap_dtls_socket_disconnect(socket, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_dtls_socket_stats(socket, NULL), ACOAP_EINVAL);
  acoap_socket_close(socket, NULL, NULL);
  acoap_sim_run_until(sim, acoap_sim_now(sim) + 1);
  virtual_clock_follow(NULL);
  acoap_sim_free(sim);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("transport_dtls_socket");
  TCase *sending = tcase_create("sending");
  tcase_add_test(sending, what_waits_for_a_handshake_is_sent_after_it_in_order);
  tcase_add_test(sending, queue_of_a_handshake_is_bounded_and_repetitions_count_once);
  tcase_add_test(sending, group_is_refused_and_no_handshake_begins);
  tcase_add_test(sending, without_credentials_nothing_is_sent);
  tcase_add_test(sending, datagram_beyond_the_mtu_is_too_big_and_the_largest_one_is_not);
  tcase_add_test(sending, icmp_ends_a_handshake_and_names_what_waited);
  tcase_add_test(sending, icmp_does_not_end_a_session);
  tcase_add_test(sending, inner_socket_that_refuses_is_offered_everything_again);
  suite_add_tcase(suite, sending);
  TCase *pieces = tcase_create("pieces");
  tcase_add_loop_test(pieces, long_chain_of_certificates_goes_through_small_datagrams, 0, 2);
  tcase_add_test(pieces, flight_that_arrives_in_one_datagram_is_read);
  tcase_add_test(pieces, record_cut_in_two_is_dropped_and_the_flight_repeated);
  suite_add_tcase(suite, pieces);
  TCase *roles = tcase_create("roles");
  tcase_add_test(roles, both_begin_at_once_and_one_session_comes_of_it);
  tcase_add_test(roles, session_of_an_anonymous_client_is_not_used_for_requests_of_ours);
  tcase_add_test(roles, client_that_restarts_as_a_server_s_client_changes_roles);
  tcase_add_test(roles, handshakes_that_are_only_begun_do_not_push_out_who_is_there);
  tcase_add_test(roles, session_of_an_identity_that_was_taken_back_is_not_resumed);
  suite_add_tcase(suite, roles);
  TCase *ends = tcase_create("ends");
  tcase_add_test(ends, close_notify_ends_both_sides_and_the_next_datagram_begins_anew);
  tcase_add_test(ends, what_belongs_into_a_session_that_is_gone_goes_nowhere);
  tcase_add_loop_test(ends, callbacks_may_end_what_they_are_about, 0, 12);
  tcase_add_loop_test(ends, close_in_the_middle_of_a_handshake_leaves_nothing, 0, 10);
  suite_add_tcase(suite, ends);
  TCase *others = tcase_create("others");
  tcase_add_test(others, records_of_one_batch_are_handed_up_in_one);
  tcase_add_loop_test(others, socket_of_a_user_that_closes_at_once_may_be_closed_in_a_callback, 0,
                      3);
  tcase_add_test(others, socket_pair_of_one_process_carries_sessions);
  tcase_add_test(others, misuse_is_named);
  suite_add_tcase(suite, others);
  return suite;
}

ACOAP_TEST_MAIN(suite)
