/*
 * The message flows of RFC 7252 Appendix A, figures 16 to 23, between heapless endpoints: every
 * arrow is the datagram of the figure, byte for byte. The same figures as rfc7252_appendix_a_test.c
 * between engines.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/peer.h"
#include "support/check_main.h"
#include "support/poll_rig.h"
#include "tiny/tiny.h"

#define TEMPERATURE "temperature"
#define GET_OPTIONS "\xbb" TEMPERATURE
#define PAYLOAD                                                                                    \
  "\xff"                                                                                           \
  "22.3 C"

enum { CLIENT = 1, SERVER = 2 }; /* their numbers as peers */

static poll_rig_t client, server;
static acoap_tiny_inbound_t owed;
static unsigned handled;
static bool later;

static int get_temperature(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  handled++;
  if (later) {
    owed = *request->inbound;
    return ACOAP_TINY_LATER;
  }
  acoap_builder_payload(answer, "22.3 C", 6);
  return ACOAP_TINY_SEND;
}

static const acoap_tiny_resource_t resources[] = {
    {"/temperature", ACOAP_CODE_GET, 0, ACOAP_FORMAT_NONE, get_temperature, "", NULL}, {0}};

/* The next Message ID towards a peer shall be the one of the figure. */
static void next_message_id(poll_rig_t *rig, unsigned n, uint16_t message_id) {
  acoap_address_t peer = poll_peer(n);
  acoap_path_t path = acoap__tiny_path(&peer);
  acoap__message_id_init(&acoap__peer_get(&rig->tiny->engine, rig->now, &path)->ids, message_id);
}

static void start_client(uint64_t seed) {
  poll_rig_init(&client, NULL);
  client.seed.state = seed;
  client.config.groups = true;
  poll_rig_start(&client);
}

static void setup(void) {
  handled = 0;
  later = false;
  start_client(1);
  poll_rig_init(&server, resources);
  poll_rig_start(&server);
}

static void teardown(void) {
  poll_rig_done(&client);
  poll_rig_done(&server);
}

static void pass(acoap_time_t ms) {
  poll_rig_run_until(&client, client.now + ms);
  poll_rig_run_until(&server, server.now + ms);
}

/* The next arrow: this datagram, which arrives unless it is lost. */
static void arrow(poll_rig_t *from, unsigned number, poll_rig_t *to, unsigned to_number,
                  const char *bytes, size_t len, bool arrives) {
  acoap_address_t peer = poll_peer(to_number);
  ck_assert_uint_lt(from->taken, from->sent);
  const poll_datagram_t *sent = &from->sent_log[from->taken++ % POLL_KEPT];
  ck_assert_uint_eq(sent->len, len);
  ck_assert_int_eq(memcmp(sent->bytes, bytes, len), 0);
  ck_assert(acoap_address_equal(&sent->peer, &peer));
  if (arrives) {
    poll_rig_feed(to, number, bytes, len);
  }
}

#define TO_SERVER(bytes) arrow(&client, CLIENT, &server, SERVER, bytes, sizeof(bytes) - 1, true)
#define TO_CLIENT(bytes) arrow(&server, SERVER, &client, CLIENT, bytes, sizeof(bytes) - 1, true)
#define LOST_TO_SERVER(bytes)                                                                      \
  arrow(&client, CLIENT, &server, SERVER, bytes, sizeof(bytes) - 1, false)
#define LOST_TO_CLIENT(bytes)                                                                      \
  arrow(&server, SERVER, &client, CLIENT, bytes, sizeof(bytes) - 1, false)

static void no_more_arrows(void) {
  poll_rig_silence(&client);
  poll_rig_silence(&server);
}

/* GET /temperature with the figure's token; the endpoint's own would have eight bytes. */
static int get(const acoap_address_t *peer, acoap_type_t type, bool keep, const char *token) {
  acoap_builder_t builder;
  int exchange = acoap_tiny_request_begin(client.tiny, ACOAP_CODE_GET, &builder);
  ck_assert_int_gt(exchange, 0);
  acoap_builder_init(&builder, builder.bytes, builder.cap, type, ACOAP_CODE_GET, 0,
                     (const uint8_t *)token, strlen(token));
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, TEMPERATURE, strlen(TEMPERATURE));
  ck_assert_int_eq(
      acoap_tiny_request_send(client.tiny, client.now, exchange, peer, type, keep, &builder), 0);
  return exchange;
}

static int get_from_server(acoap_type_t type, uint16_t message_id, const char *token) {
  acoap_address_t peer = poll_peer(SERVER);
  next_message_id(&client, SERVER, message_id);
  return get(&peer, type, false, token);
}

static void is_answered(int exchange) {
  const poll_told_t *told = poll_rig_told(&client, ACOAP_TINY_RESPONSE);
  ck_assert_int_eq(told->event.exchange, exchange);
  ck_assert_uint_eq(told->event.view.code, ACOAP_CODE_CONTENT);
  ck_assert(told->event.closed);
  ck_assert_str_eq(told->payload, "22.3 C");
  poll_rig_nothing_told(&client);
  ck_assert(acoap_tiny_next_wake(client.tiny) == ACOAP_TIME_NEVER);
}

START_TEST(figure_16_confirmable_request_piggybacked_response) {
  int exchange = get_from_server(ACOAP_CON, 0x7d34, "");
  TO_SERVER("\x40\x01\x7d\x34" GET_OPTIONS);
  TO_CLIENT("\x60\x45\x7d\x34" PAYLOAD);
  is_answered(exchange);
  no_more_arrows();
}
END_TEST

START_TEST(figure_17_the_same_with_a_token) {
  int exchange = get_from_server(ACOAP_CON, 0x7d35, "\x20");
  TO_SERVER("\x41\x01\x7d\x35\x20" GET_OPTIONS);
  TO_CLIENT("\x61\x45\x7d\x35\x20" PAYLOAD);
  is_answered(exchange);
  no_more_arrows();
}
END_TEST

START_TEST(figure_18_request_retransmitted) {
  int exchange = get_from_server(ACOAP_CON, 0x7d36, "\x31");
  LOST_TO_SERVER("\x41\x01\x7d\x36\x31" GET_OPTIONS);
  pass(1999);
  no_more_arrows();
  pass(1);
  TO_SERVER("\x41\x01\x7d\x36\x31" GET_OPTIONS);
  TO_CLIENT("\x61\x45\x7d\x36\x31" PAYLOAD);
  is_answered(exchange);
  no_more_arrows();
}
END_TEST

START_TEST(figure_19_response_retransmitted) {
  int exchange = get_from_server(ACOAP_CON, 0x7d37, "\x42");
  TO_SERVER("\x41\x01\x7d\x37\x42" GET_OPTIONS);
  LOST_TO_CLIENT("\x61\x45\x7d\x37\x42" PAYLOAD);
  pass(2000);
  TO_SERVER("\x41\x01\x7d\x37\x42" GET_OPTIONS);
  TO_CLIENT("\x61\x45\x7d\x37\x42" PAYLOAD);
  is_answered(exchange);
  ck_assert_uint_eq(handled, 1);
  no_more_arrows();
}
END_TEST

/* The server's separate response of figures 20 and 21. */
static void respond_separately(uint16_t message_id) {
  acoap_builder_t answer;
  next_message_id(&server, CLIENT, message_id);
  ck_assert_int_eq(acoap_tiny_answer_begin(server.tiny, &owed, &answer), 0);
  acoap_builder_payload(&answer, "22.3 C", 6);
  ck_assert_int_eq(acoap_tiny_answer_send(server.tiny, server.now, &owed, &answer), 0);
}

START_TEST(figure_20_separate_response) {
  later = true;
  int exchange = get_from_server(ACOAP_CON, 0x7d38, "\x53");
  TO_SERVER("\x41\x01\x7d\x38\x53" GET_OPTIONS);
  TO_CLIENT("\x60\x00\x7d\x38");
  pass(60000);
  no_more_arrows();
  respond_separately(0xad7b);
  TO_CLIENT("\x41\x45\xad\x7b\x53" PAYLOAD);
  TO_SERVER("\x60\x00\xad\x7b");
  is_answered(exchange);
  poll_rig_nothing_told(&server);
  ck_assert(acoap_tiny_next_wake(server.tiny) == ACOAP_TIME_NEVER);
  no_more_arrows();
}
END_TEST

START_TEST(figure_20_in_the_other_order) {
  later = true;
  int exchange = get_from_server(ACOAP_CON, 0x7d38, "\x53");
  TO_SERVER("\x41\x01\x7d\x38\x53" GET_OPTIONS);
  respond_separately(0xad7b);
  /* The ACK and the response do not necessarily arrive in the order they were sent. */
  LOST_TO_CLIENT("\x60\x00\x7d\x38");
  TO_CLIENT("\x41\x45\xad\x7b\x53" PAYLOAD);
  TO_SERVER("\x60\x00\xad\x7b");
  poll_rig_feed(&client, SERVER, "\x60\x00\x7d\x38", 4);
  is_answered(exchange);
  pass(100000);
  no_more_arrows();
}
END_TEST

START_TEST(figure_21_unexpected_separate_response) {
  later = true;
  get_from_server(ACOAP_CON, 0x7d39, "\x64");
  TO_SERVER("\x41\x01\x7d\x39\x64" GET_OPTIONS);
  /* The client crashes and comes up again without memory. */
  poll_rig_done(&client);
  start_client(3);
  TO_CLIENT("\x60\x00\x7d\x39");
  no_more_arrows();
  respond_separately(0xad7c);
  TO_CLIENT("\x41\x45\xad\x7c\x64" PAYLOAD);
  TO_SERVER("\x70\x00\xad\x7c");
  ck_assert_int_eq(poll_rig_told(&server, ACOAP_TINY_FAILED)->event.status, ACOAP_ERESET);
  poll_rig_nothing_told(&client);
  ck_assert(acoap_tiny_next_wake(client.tiny) == ACOAP_TIME_NEVER);
  ck_assert(acoap_tiny_next_wake(server.tiny) == ACOAP_TIME_NEVER);
  no_more_arrows();
}
END_TEST

START_TEST(figure_22_non_confirmable) {
  next_message_id(&server, CLIENT, 0xad7d);
  int exchange = get_from_server(ACOAP_NON, 0x7d40, "\x75");
  TO_SERVER("\x51\x01\x7d\x40\x75" GET_OPTIONS);
  TO_CLIENT("\x51\x45\xad\x7d\x75" PAYLOAD);
  is_answered(exchange);
  ck_assert(acoap_tiny_next_wake(server.tiny) == ACOAP_TIME_NEVER);
  no_more_arrows();
}
END_TEST

/* The third server of the figure, which has no such resource, says so; ours keep silent, as section
 * 8.2 would have it. The client takes that answer too. */
START_TEST(figure_23_multicast) {
  static const char request[] = "\x51\x01\x7d\x41\x86" GET_OPTIONS;
  static const char not_found[] = "\x51\x84\x95\x2a\x86";
  static const acoap_tiny_resource_t nothing[] = {{0}};
  acoap_address_t group, from = poll_peer(CLIENT);
  ck_assert_int_eq(acoap_address_parse("[ff02::1]:5683", 14, &group), 0);
  acoap__message_id_init(&client.tiny->engine.peers->group->ids, 0x7d41);
  int exchange = get(&group, ACOAP_NON, true, "\x86");
  const poll_datagram_t *sent = poll_rig_expect(&client, ACOAP_NON, ACOAP_CODE_GET, 0x7d41);
  ck_assert_uint_eq(sent->len, sizeof(request) - 1);
  ck_assert_int_eq(memcmp(sent->bytes, request, sent->len), 0);
  ck_assert(acoap_address_equal(&sent->peer, &group));
  for (unsigned i = 0; i < 3; i++) {
    poll_rig_t member;
    poll_rig_init(&member, i < 2 ? resources : nothing);
    member.seed.state = 10 + i;
    poll_rig_start(&member);
    next_message_id(&member, CLIENT, (uint16_t)(0x60b1 + i));
    poll_rig_run_until(&member, member.now + acoap_tiny_leisure_ms(member.tiny));
    ck_assert_int_eq(
        acoap_tiny_receive_multicast(member.tiny, member.now, &from, sent->bytes, sent->len), 0);
    poll_rig_poll(&member);
    if (i < 2) {
      const poll_datagram_t *response =
          poll_rig_expect(&member, ACOAP_NON, ACOAP_CODE_CONTENT, (int)(0x60b1 + i));
      ck_assert_uint_eq(response->view.token.len, 1);
      ck_assert_uint_eq(response->view.token.data[0], 0x86);
      poll_rig_feed(&client, 3 + i, response->bytes, response->len);
    } else {
      poll_rig_silence(&member);
      poll_rig_feed(&client, 3 + i, not_found, sizeof(not_found) - 1);
    }
    const poll_told_t *told = poll_rig_told(&client, ACOAP_TINY_RESPONSE);
    acoap_address_t responder = poll_peer(3 + i);
    ck_assert_int_eq(told->event.exchange, exchange);
    ck_assert(!told->event.closed);
    ck_assert(acoap_address_equal(&told->event.peer, &responder));
    poll_rig_done(&member);
  }
  acoap_tiny_request_cancel(client.tiny, client.now, exchange);
  poll_rig_nothing_told(&client);
  ck_assert(acoap_tiny_next_wake(client.tiny) == ACOAP_TIME_NEVER);
  no_more_arrows();
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("tiny_rfc7252");
  TCase *figures = tcase_create("figures");
  tcase_add_checked_fixture(figures, setup, teardown);
  tcase_add_test(figures, figure_16_confirmable_request_piggybacked_response);
  tcase_add_test(figures, figure_17_the_same_with_a_token);
  tcase_add_test(figures, figure_18_request_retransmitted);
  tcase_add_test(figures, figure_19_response_retransmitted);
  tcase_add_test(figures, figure_20_separate_response);
  tcase_add_test(figures, figure_20_in_the_other_order);
  tcase_add_test(figures, figure_21_unexpected_separate_response);
  tcase_add_test(figures, figure_22_non_confirmable);
  tcase_add_test(figures, figure_23_multicast);
  suite_add_tcase(suite, figures);
  return suite;
}

ACOAP_TEST_MAIN(suite)
