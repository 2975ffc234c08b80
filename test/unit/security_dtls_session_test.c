/*
 * One DTLS session against another (RFC 6347), without sockets: the states, what leaves and when,
 * names and resumption, what a peer proved, ends.
 * SPDX-License-Identifier: MIT
 */
#include "security/dtls_session.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/dtls_pair.h"
#include "support/virtual_clock.h"

/* Datagrams on their way to one of the two. */
typedef struct mailbox {
  unsigned count;
  uint8_t bytes[32][1300];
  size_t len[32];
} mailbox_t;

static mailbox_t to_server;
static mailbox_t to_client;
static acoap__dtls_session_t *client;
static acoap__dtls_session_t *server;
static acoap__dtls_secrets_t secrets;
static acoap_credentials_t *client_credentials;
static acoap_credentials_t *server_credentials;
static acoap_time_t now;

static void post(void *owner, acoap_bytes_t datagram) {
  mailbox_t *box = owner;
  ck_assert_uint_lt(box->count, 32);
  memcpy(box->bytes[box->count], datagram.data, datagram.len);
  box->len[box->count++] = datagram.len;
}

static void begin(acoap_credentials_t *of_client, acoap_credentials_t *of_server, const char *host,
                  const acoap__dtls_resumption_t *resume) {
  memset(&to_server, 0, sizeof(to_server));
  memset(&to_client, 0, sizeof(to_client));
  client_credentials = of_client;
  server_credentials = of_server;
  now = 1000;
  ck_assert_int_eq(acoap__dtls_secrets_init(&secrets, now), 0);
  ck_assert_int_eq(
      acoap__dtls_session_connect(of_client, host, 5684, resume, 1232, post, &to_server, &client),
      0);
  ck_assert_int_eq(acoap__dtls_session_listen(of_server, &secrets, 1232, post, &to_client, &server),
                   0);
}

static void end(void) {
  acoap__dtls_session_free(client);
  acoap__dtls_session_free(server);
  client = NULL;
  server = NULL;
}

static void drop_credentials(void) {
  acoap_credentials_unref(client_credentials);
  acoap_credentials_unref(server_credentials);
}

static void deliver_to_server(void) {
  mailbox_t box = to_server;
  to_server.count = 0;
  for (unsigned i = 0; i < box.count; i++) {
    acoap_bytes_t datagram = {box.bytes[i], box.len[i]};
    acoap_bytes_t name = {(const uint8_t *)"client", 6};
    bool cookie_sent;
    if (server->state == ACOAP__DTLS_LISTENING) {
      if (acoap__dtls_session_accept(server, name, datagram, &cookie_sent)) {
        acoap__dtls_session_start(server, now, 45000);
      }
    } else {
      acoap__dtls_session_receive(server, now, datagram);
    }
  }
}

static void deliver_to_client(void) {
  mailbox_t box = to_client;
  to_client.count = 0;
  for (unsigned i = 0; i < box.count; i++) {
    acoap_bytes_t datagram = {box.bytes[i], box.len[i]};
    acoap__dtls_session_receive(client, now, datagram);
  }
}

static void handshake(void) {
  acoap__dtls_session_start(client, now, 45000);
  for (unsigned i = 0; i < 8; i++) {
    deliver_to_server();
    deliver_to_client();
  }
}

/* ---- states ---------------------------------------------------------------------------------- */

START_TEST(handshake_goes_through_its_states) {
  bool more = false;
  uint8_t room[64];
  begin(dtls_psk("lamp", "secret"), dtls_psk("lamp", "secret"), NULL, NULL);
  acoap_bytes_t hello = {(const uint8_t *)"hello", 5};
  ck_assert_int_eq(client->state, ACOAP__DTLS_HANDSHAKE);
  ck_assert_int_eq(server->state, ACOAP__DTLS_LISTENING);
  ck_assert_uint_eq(to_server.count, 0); /* nothing before start */
  ck_assert_int_eq(acoap__dtls_session_send(client, hello), ACOAP_EAGAIN);
  handshake();
  ck_assert_int_eq(client->state, ACOAP__DTLS_ESTABLISHED);
  ck_assert_int_eq(server->state, ACOAP__DTLS_ESTABLISHED);
  ck_assert_int_eq(acoap__dtls_session_next_wake(client), ACOAP_TIME_NEVER);
  acoap_bytes_t psk = acoap_identity_psk(server->identity);
  ck_assert_uint_eq(psk.len, 4);
  ck_assert_int_eq(acoap__dtls_session_send(client, hello), 0);
  ck_assert_uint_eq(to_server.count, 1);
  deliver_to_server();
  ck_assert_uint_eq(acoap__dtls_session_read(server, room, sizeof(room), &more), 5);
  ck_assert_uint_eq(acoap__dtls_session_read(server, room, sizeof(room), &more), 0);
  /* close_notify is answered with one (RFC 5246 section 7.2.1). */
  acoap__dtls_session_close(client);
  ck_assert_int_eq(client->state, ACOAP__DTLS_ENDED);
  ck_assert_int_eq(acoap__dtls_session_send(client, hello), ACOAP_ECLOSED);
  deliver_to_server();
  to_client.count = 0;
  ck_assert_uint_eq(acoap__dtls_session_read(server, room, sizeof(room), &more), 0);
  ck_assert_int_eq(server->state, ACOAP__DTLS_ENDED);
  ck_assert_int_eq(server->status, ACOAP_ECLOSED);
  ck_assert_uint_eq(to_client.count, 1);
  end();
  drop_credentials();
}
END_TEST

/* RFC 6347 section 4.2.1: nothing but a HelloVerifyRequest, and that is shorter than what came. */
/* RFC 6347 section 4.1.1: several records may come in one datagram. */
START_TEST(records_of_one_datagram_are_all_read) {
  bool more = false;
  uint8_t room[64];
  uint8_t joined[256];
  begin(dtls_psk("lamp", "secret"), dtls_psk("lamp", "secret"), NULL, NULL);
  handshake();
  to_server.count = 0;
  for (unsigned i = 0; i < 3; i++) {
    acoap_bytes_t plain = {(const uint8_t *)"abc" + i, 1};
    ck_assert_int_eq(acoap__dtls_session_send(client, plain), 0);
  }
  size_t len = 0;
  for (unsigned i = 0; i < 3; i++) {
    memcpy(joined + len, to_server.bytes[i], to_server.len[i]);
    len += to_server.len[i];
  }
  joined[len - 1] ^= 1; /* the last one cannot be read */
  acoap_bytes_t datagram = {joined, len};
  acoap__dtls_session_receive(server, now, datagram);
  ck_assert_uint_eq(acoap__dtls_session_read(server, room, sizeof(room), &more), 1);
  ck_assert_uint_eq(room[0], 'a');
  ck_assert(more);
  ck_assert_uint_eq(acoap__dtls_session_read(server, room, sizeof(room), &more), 1);
  ck_assert_uint_eq(room[0], 'b');
  ck_assert(more);
  ck_assert_uint_eq(acoap__dtls_session_read(server, room, sizeof(room), &more), 0);
  ck_assert(!more);
  ck_assert_int_eq(server->state, ACOAP__DTLS_ESTABLISHED);
  end();
  drop_credentials();
}
END_TEST

START_TEST(listening_keeps_nothing_of_who_does_not_return_a_cookie) {
  begin(dtls_psk("lamp", "secret"), dtls_psk("lamp", "secret"), NULL, NULL);
  acoap__dtls_session_start(client, now, 45000);
  acoap_bytes_t hello = {to_server.bytes[0], to_server.len[0]};
  for (unsigned i = 0; i < 20; i++) {
    uint8_t name = (uint8_t)i;
    acoap_bytes_t from = {&name, 1};
    bool cookie_sent = false;
    ck_assert(!acoap__dtls_session_accept(server, from, hello, &cookie_sent));
    ck_assert(cookie_sent);
    ck_assert_uint_eq(to_client.count, 1);
    ck_assert_uint_lt(to_client.len[0], hello.len);
    to_client.count = 0;
    for (size_t cut = 0; cut < hello.len; cut += 7) {
      acoap_bytes_t part = {hello.data, cut};
      ck_assert(!acoap__dtls_session_accept(server, from, part, &cookie_sent));
    }
    to_client.count = 0;
  }
  ck_assert_int_eq(server->state, ACOAP__DTLS_LISTENING);
  end();
  drop_credentials();
}
END_TEST

/* RFC 6347 section 4.2.4.1: 1 s, doubled; then the handshake is given up. */
START_TEST(flight_is_repeated_until_the_deadline) {
  begin(dtls_psk("lamp", "secret"), dtls_psk("lamp", "secret"), NULL, NULL);
  acoap_sim_t *sim = NULL;
  ck_assert_int_eq(acoap_sim_new(1, now, &sim), 0);
  virtual_clock_follow(sim);
  acoap__dtls_session_start(client, now, 45000);
  unsigned flights = 1;
  acoap_time_t seconds[8] = {0};
  while (client->state == ACOAP__DTLS_HANDSHAKE) {
    ck_assert_uint_lt(flights, 8);
    now = acoap__dtls_session_next_wake(client);
    acoap_sim_run_until(sim, now);
    acoap__dtls_session_run(client, now);
    if (to_server.count > flights) {
      seconds[flights] = (now - 1000) / 1000;
      flights = to_server.count;
    }
  }
  ck_assert_uint_eq(flights, 6);
  static const acoap_time_t expected[] = {0, 1, 3, 7, 15, 31};
  for (unsigned i = 0; i < 6; i++) {
    ck_assert_int_eq(seconds[i], expected[i]);
  }
  ck_assert_int_eq(now, 46000);
  ck_assert_int_eq(client->status, ACOAP_ETIMEDOUT);
  virtual_clock_follow(NULL);
  acoap_sim_free(sim);
  end();
  drop_credentials();
}
END_TEST

/* ---- names ----------------------------------------------------------------------------------- */

static const struct {
  const char *certificate; /* the server's */
  const char *host;
  bool good;
} names[] = {
    {"server", "server.test", true},      {"server", "SERVER.test", true},
    {"server", "192.0.2.1", true},        {"server", "2001:db8::1", true},
    {"server", "2001:DB8:0::1", true},    {"server", "server.tes", false},
    {"server", "x.server.test", false},   {"server", "192.0.2.2", false},
    {"server", "2001:db8::2", false},     {"server", NULL, true},
    {"other_name", "server.test", false}, {"expired", "server.test", false},
    {"stranger", "server.test", false},   {"chain", "server.test", true},
    {"server_only", "server.test", true}, {"common_name", "server.test", true},
    {"uri", "server.test", true},         {"wildcard", "server.test", false},
};

START_TEST(certificate_has_to_name_the_host) {
  acoap_credentials_options_t trusting = {.size = sizeof(trusting),
                                          .trust_file = PKI("authority.pem")};
  begin(dtls_credentials(&trusting), dtls_server_credentials(names[_i].certificate), names[_i].host,
        NULL);
  handshake();
  ck_assert_int_eq(client->state, names[_i].good ? ACOAP__DTLS_ESTABLISHED : ACOAP__DTLS_ENDED);
  if (names[_i].good) {
    ck_assert_int_eq(acoap_identity_kind(client->identity), ACOAP_IDENTITY_CERTIFICATE);
    ck_assert_uint_eq(acoap_identity_fingerprint(client->identity).len, 32);
    if (strcmp(names[_i].certificate, "server") == 0) {
      ck_assert_str_eq(acoap_identity_subject(client->identity), "CN=server.test");
      ck_assert_str_eq(acoap_identity_name(client->identity, 0), "server.test");
    }
  } else {
    ck_assert_int_eq(client->status, ACOAP_ESECURITY);
  }
  end();
  drop_credentials();
}
END_TEST

/* RFC 5280 section 4.2.1.12: a certificate for servers is none for clients. */
START_TEST(certificate_for_servers_is_none_for_clients) {
  acoap_credentials_options_t demanding = {.size = sizeof(demanding),
                                           .certificate_file = PKI("server.pem"),
                                           .key_file = PKI("server.key"),
                                           .trust_file = PKI("authority.pem"),
                                           .require_certificate = true};
  acoap_credentials_options_t with = {.size = sizeof(with),
                                      .certificate_file = PKI("server_only.pem"),
                                      .key_file = PKI("server_only.key"),
                                      .trust_file = PKI("authority.pem")};
  if (_i == 0) {
    with.certificate_file = PKI("client.pem");
    with.key_file = PKI("client.key");
  }
  begin(dtls_credentials(&with), dtls_credentials(&demanding), "server.test", NULL);
  handshake();
  if (_i == 0) {
    ck_assert_int_eq(server->state, ACOAP__DTLS_ESTABLISHED);
    ck_assert_str_eq(acoap_identity_subject(server->identity), "CN=lamp 7");
    ck_assert_str_eq(acoap_identity_name(server->identity, 0), "lamp7.test");
    ck_assert_str_eq(acoap_identity_name(server->identity, 1), "urn:dev:os:32473-7");
    ck_assert_ptr_null(acoap_identity_name(server->identity, 2));
    ck_assert(acoap__dtls_session_proves(server, server_credentials, "lamp7.test", 5684));
    ck_assert(acoap__dtls_session_proves(server, server_credentials, NULL, 5684));
    ck_assert(!acoap__dtls_session_proves(server, server_credentials, "lamp8.test", 5684));
    ck_assert(!acoap__dtls_session_proves(server, server_credentials, "192.0.2.1", 5684));
    ck_assert(!acoap__dtls_session_proves(server, client_credentials, "lamp7.test", 5684));
  } else {
    ck_assert_int_eq(server->state, ACOAP__DTLS_ENDED);
    ck_assert_msg(strstr(server->reason, "purpose") != NULL, "%s", server->reason);
  }
  end();
  drop_credentials();
}
END_TEST

START_TEST(identities_say_nothing_where_there_is_nothing) {
  ck_assert_int_eq(acoap_identity_kind(NULL), ACOAP_IDENTITY_NONE);
  ck_assert_uint_eq(acoap_identity_psk(NULL).len, 0);
  ck_assert_str_eq(acoap_identity_subject(NULL), "");
  ck_assert_ptr_null(acoap_identity_name(NULL, 0));
  ck_assert_uint_eq(acoap_identity_fingerprint(NULL).len, 0);
  ck_assert_ptr_null(acoap_identity_ref(NULL));
  ck_assert_ptr_null(acoap_identity_unref(NULL));
  ck_assert_ptr_null(acoap_request_identity(NULL));
}
END_TEST

/* ---- resumption ------------------------------------------------------------------------------ */

START_TEST(session_is_resumed_and_its_identity_kept) {
  begin(dtls_psk("lamp", "secret"), dtls_psk("lamp", "secret"), NULL, NULL);
  handshake();
  acoap__dtls_resumption_t *ticket = acoap__dtls_session_resumption(client);
  ck_assert_ptr_nonnull(ticket);
  ck_assert(!client->resumed);
  const acoap_identity_t *kept = acoap_identity_ref(server->identity);
  acoap__dtls_session_close(client); /* what ends otherwise is not resumed */
  end();
  ck_assert_uint_eq(acoap_identity_psk(kept).len, 4); /* outlives its session */
  acoap_identity_unref(kept);
  begin(client_credentials, server_credentials, NULL, ticket);
  handshake();
  ck_assert(client->resumed && server->resumed);
  ck_assert_mem_eq(acoap_identity_psk(server->identity).data, "lamp", 4);
  end();
  acoap__dtls_resumption_free(ticket);
  drop_credentials();
}
END_TEST

/* A server that does not know the ticket does a whole handshake. */
START_TEST(ticket_of_another_server_is_no_harm) {
  begin(dtls_psk("lamp", "secret"), dtls_psk("lamp", "secret"), NULL, NULL);
  handshake();
  acoap__dtls_resumption_t *ticket = acoap__dtls_session_resumption(client);
  acoap__dtls_session_close(client);
  end();
  acoap_credentials_unref(server_credentials);
  begin(client_credentials, dtls_psk("lamp", "secret"), NULL, ticket);
  handshake();
  ck_assert_int_eq(client->state, ACOAP__DTLS_ESTABLISHED);
  ck_assert(!client->resumed);
  end();
  acoap__dtls_resumption_free(ticket);
  drop_credentials();
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("security_dtls_session");
  TCase *states = tcase_create("states");
  tcase_add_test(states, handshake_goes_through_its_states);
  tcase_add_test(states, records_of_one_datagram_are_all_read);
  tcase_add_test(states, listening_keeps_nothing_of_who_does_not_return_a_cookie);
  tcase_add_test(states, flight_is_repeated_until_the_deadline);
  suite_add_tcase(suite, states);
  TCase *identities = tcase_create("identities");
  tcase_add_loop_test(identities, certificate_has_to_name_the_host, 0,
                      (int)(sizeof(names) / sizeof(names[0])));
  tcase_add_loop_test(identities, certificate_for_servers_is_none_for_clients, 0, 2);
  tcase_add_test(identities, identities_say_nothing_where_there_is_nothing);
  suite_add_tcase(suite, identities);
  TCase *resumption = tcase_create("resumption");
  tcase_add_test(resumption, session_is_resumed_and_its_identity_kept);
  tcase_add_test(resumption, ticket_of_another_server_is_no_harm);
  suite_add_tcase(suite, resumption);
  return suite;
}

ACOAP_TEST_MAIN(suite)
