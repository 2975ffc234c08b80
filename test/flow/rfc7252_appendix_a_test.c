/*
 * The message flows of RFC 7252 Appendix A, figures 16 to 23, between two engines (four in figure
 * 23): every arrow is the datagram of the figure, byte for byte.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/peer.h"

#include "support/check_main.h"
#include "support/scripted_peer.h"

#define TEMPERATURE "temperature"
#define GET_OPTIONS "\xbb" TEMPERATURE
#define PAYLOAD                                                                                    \
  "\xff"                                                                                           \
  "22.3 C"

/* One endpoint of a figure, and how the other sees it. */
typedef struct node {
  script_t *script;
  acoap_path_t to_other;
} node_t;

static node_t client;
static node_t server;

/* The next Message ID towards a peer shall be the one of the figure. */
static void next_message_id(script_t *script, const acoap_path_t *path, uint16_t message_id) {
  acoap__peer_t *peer = acoap__peer_get(&script->engine, script->now, path);

  acoap__message_id_init(&peer->ids, message_id);
}

static void setup(void) {
  acoap__engine_config_t config = script_config();

  client.script = script_new(&config, 1);
  server.script = script_new(&config, 2);
  client.to_other = script_path(2);
  server.to_other = script_path(1);
}

static void teardown(void) {
  script_free(client.script);
  script_free(server.script);
}

static void pass(acoap_time_t ms) {
  script_run_until(client.script, client.script->now + ms);
  script_run_until(server.script, server.script->now + ms);
}

/* The next arrow: this datagram, which arrives unless it is lost. */
static void arrow(node_t *from, node_t *to, const char *bytes, size_t len, bool arrives) {
  const script_datagram_t *sent = script_next(from->script);

  ck_assert_uint_eq(sent->len, len);
  ck_assert_int_eq(memcmp(sent->bytes, bytes, len), 0);
  ck_assert(acoap_address_equal(&sent->path.peer, &from->to_other.peer));
  if (arrives) {
    ck_assert_int_eq(script_feed(to->script, &to->to_other, bytes, len), 0);
  }
}

#define TO_SERVER(bytes) arrow(&client, &server, bytes, sizeof(bytes) - 1, true)
#define TO_CLIENT(bytes) arrow(&server, &client, bytes, sizeof(bytes) - 1, true)
#define LOST_TO_SERVER(bytes) arrow(&client, &server, bytes, sizeof(bytes) - 1, false)
#define LOST_TO_CLIENT(bytes) arrow(&server, &client, bytes, sizeof(bytes) - 1, false)

static void no_more_arrows(void) {
  script_expect_silence(client.script);
  script_expect_silence(server.script);
}

/* GET coap://server/temperature. */
static void get(script_request_t *request, acoap_type_t type, uint16_t message_id,
                const char *token) {
  acoap_builder_t builder;

  script_request_init(client.script, request, ACOAP_CODE_GET, token, NULL);
  acoap_builder_init(&builder, request->bytes, sizeof(request->bytes), type, ACOAP_CODE_GET, 0,
                     (const uint8_t *)token, token != NULL ? strlen(token) : 0);
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, TEMPERATURE, strlen(TEMPERATURE));
  request->len = (size_t)acoap_builder_finish(&builder);
  next_message_id(client.script, &client.to_other, message_id);
  ck_assert_int_eq(script_request_send(request, &client.to_other, type, NULL), 0);
}

static void is_answered(const script_request_t *request, bool piggybacked) {
  ck_assert_uint_eq(request->responses, 1);
  ck_assert_uint_eq(request->failures, 0);
  ck_assert_uint_eq(request->code, ACOAP_CODE_CONTENT);
  ck_assert_int_eq(request->piggybacked, piggybacked);
  ck_assert_str_eq(request->payload, "22.3 C");
  script_expect_idle(client.script);
}

static void reply_at_once(script_t *script, script_inbound_t *inbound, const acoap_view_t *view) {
  acoap_bytes_t path;

  ck_assert(acoap_view_option(view, ACOAP_OPTION_URI_PATH, 0, &path));
  ck_assert_uint_eq(path.len, strlen(TEMPERATURE));
  ck_assert_int_eq(memcmp(path.data, TEMPERATURE, path.len), 0);
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, "22.3 C"), 0);
}

START_TEST(figure_16_confirmable_request_piggybacked_response) {
  script_request_t request;

  server.script->on_request = reply_at_once;
  get(&request, ACOAP_CON, 0x7d34, NULL);
  ck_assert_uint_eq(request.len, 16);
  TO_SERVER("\x40\x01\x7d\x34" GET_OPTIONS);
  TO_CLIENT("\x60\x45\x7d\x34" PAYLOAD);
  is_answered(&request, true);
  no_more_arrows();
}
END_TEST

START_TEST(figure_17_the_same_with_a_token) {
  script_request_t request;

  server.script->on_request = reply_at_once;
  get(&request, ACOAP_CON, 0x7d35, "\x20");
  ck_assert_uint_eq(request.len, 17);
  TO_SERVER("\x41\x01\x7d\x35\x20" GET_OPTIONS);
  TO_CLIENT("\x61\x45\x7d\x35\x20" PAYLOAD);
  is_answered(&request, true);
  no_more_arrows();
}
END_TEST

START_TEST(figure_18_request_retransmitted) {
  script_request_t request;

  server.script->on_request = reply_at_once;
  get(&request, ACOAP_CON, 0x7d36, "\x31");
  LOST_TO_SERVER("\x41\x01\x7d\x36\x31" GET_OPTIONS);
  pass(1999);
  no_more_arrows();
  pass(1);
  TO_SERVER("\x41\x01\x7d\x36\x31" GET_OPTIONS);
  TO_CLIENT("\x61\x45\x7d\x36\x31" PAYLOAD);
  is_answered(&request, true);
  no_more_arrows();
}
END_TEST

START_TEST(figure_19_response_retransmitted) {
  script_request_t request;

  server.script->on_request = reply_at_once;
  get(&request, ACOAP_CON, 0x7d37, "\x42");
  TO_SERVER("\x41\x01\x7d\x37\x42" GET_OPTIONS);
  LOST_TO_CLIENT("\x61\x45\x7d\x37\x42" PAYLOAD);
  pass(2000);
  TO_SERVER("\x41\x01\x7d\x37\x42" GET_OPTIONS);
  TO_CLIENT("\x61\x45\x7d\x37\x42" PAYLOAD);
  is_answered(&request, true);
  ck_assert_uint_eq(server.script->requests, 1);
  no_more_arrows();
}
END_TEST

/* The server's separate response of figures 20 and 21. */
static void respond_separately(script_message_t *response, uint16_t message_id, const char *token) {
  script_message_init(server.script, response, ACOAP_CODE_CONTENT, token, "22.3 C");
  next_message_id(server.script, &server.to_other, message_id);
  ck_assert_int_eq(script_message_send(response, &server.to_other, ACOAP_CON, NULL), 0);
  acoap__inbound_answered_separately(&server.script->engine, &server.script->inbound[0].inbound);
}

static void acknowledge(void) {
  ck_assert_uint_eq(server.script->requests, 1);
  ck_assert_int_eq(acoap__inbound_acknowledge(&server.script->engine, server.script->now,
                                              &server.script->inbound[0].inbound),
                   0);
}

START_TEST(figure_20_separate_response) {
  script_request_t request;
  script_message_t response;

  get(&request, ACOAP_CON, 0x7d38, "\x53");
  TO_SERVER("\x41\x01\x7d\x38\x53" GET_OPTIONS);
  acknowledge();
  TO_CLIENT("\x60\x00\x7d\x38");
  ck_assert_uint_eq(request.acknowledged, 1);
  pass(60000);
  no_more_arrows();
  respond_separately(&response, 0xad7b, "\x53");
  TO_CLIENT("\x41\x45\xad\x7b\x53" PAYLOAD);
  TO_SERVER("\x60\x00\xad\x7b");
  is_answered(&request, false);
  ck_assert_uint_eq(response.acknowledged, 1);
  script_expect_idle(server.script);
  no_more_arrows();
}
END_TEST

START_TEST(figure_20_in_the_other_order) {
  script_request_t request;
  script_message_t response;

  get(&request, ACOAP_CON, 0x7d38, "\x53");
  TO_SERVER("\x41\x01\x7d\x38\x53" GET_OPTIONS);
  acknowledge();
  respond_separately(&response, 0xad7b, "\x53");
  /* The ACK and the response do not necessarily arrive in the order they were sent. */
  LOST_TO_CLIENT("\x60\x00\x7d\x38");
  TO_CLIENT("\x41\x45\xad\x7b\x53" PAYLOAD);
  TO_SERVER("\x60\x00\xad\x7b");
  script_feed(client.script, &client.to_other, "\x60\x00\x7d\x38", 4);
  is_answered(&request, false);
  ck_assert_uint_eq(response.acknowledged, 1);
  pass(100000);
  no_more_arrows();
}
END_TEST

START_TEST(figure_21_unexpected_separate_response) {
  acoap__engine_config_t config = script_config();
  script_request_t request;
  script_message_t response;

  get(&request, ACOAP_CON, 0x7d39, "\x64");
  TO_SERVER("\x41\x01\x7d\x39\x64" GET_OPTIONS);
  /* The client crashes and comes up again without memory. */
  script_free(client.script);
  client.script = script_new(&config, 3);
  acknowledge();
  TO_CLIENT("\x60\x00\x7d\x39");
  no_more_arrows();
  respond_separately(&response, 0xad7c, "\x64");
  TO_CLIENT("\x41\x45\xad\x7c\x64" PAYLOAD);
  TO_SERVER("\x70\x00\xad\x7c");
  ck_assert_uint_eq(response.resets, 1);
  script_expect_idle(client.script);
  script_expect_idle(server.script);
  no_more_arrows();
}
END_TEST

START_TEST(figure_22_non_confirmable) {
  script_request_t request;

  server.script->on_request = reply_at_once;
  next_message_id(server.script, &server.to_other, 0xad7d);
  get(&request, ACOAP_NON, 0x7d40, "\x75");
  TO_SERVER("\x51\x01\x7d\x40\x75" GET_OPTIONS);
  TO_CLIENT("\x51\x45\xad\x7d\x75" PAYLOAD);
  is_answered(&request, false);
  script_expect_idle(server.script);
  no_more_arrows();
}
END_TEST

START_TEST(figure_23_multicast) {
  static const struct {
    uint8_t code;
    const char *payload;
    uint16_t message_id;
    bool arrives;
  } servers[] = {{ACOAP_CODE_CONTENT, "22.3 C", 0x60b1, true},
                 {ACOAP_CODE_CONTENT, "20.9 C", 0x01a0, false},
                 {ACOAP_CODE_NOT_FOUND, NULL, 0x952a, true}};
  static const char expected_get[] = "\x51\x01\x7d\x41\x86" GET_OPTIONS;
  acoap__engine_config_t config = script_config();
  acoap__request_options_t keep = {.keep = true};
  acoap_path_t group = script_group();
  script_request_t request;

  memset(&group.peer, 0, sizeof(group.peer));
  ck_assert_int_eq(acoap_address_parse("[ff02::1]:5683", 14, &group.peer), 0);
  get(&request, ACOAP_NON, 0, "\x86");
  acoap__interaction_close(&client.script->engine, client.script->now, &request.interaction);
  client.script->taken = client.script->sent;
  acoap__message_id_init(&client.script->engine.peers->group->ids, 0x7d41);
  ck_assert_int_eq(script_request_send(&request, &group, ACOAP_NON, &keep), 0);
  const script_datagram_t *sent = script_next(client.script);
  ck_assert_uint_eq(sent->len, sizeof(expected_get) - 1);
  ck_assert_int_eq(memcmp(sent->bytes, expected_get, sent->len), 0);

  for (unsigned i = 0; i < 3; i++) {
    script_t *member = script_new(&config, 10 + i);
    acoap_path_t from_client = script_path(1);
    acoap_path_t to_client = script_path(i + 3);
    from_client.multicast = true;
    from_client.local = group.peer;
    next_message_id(member, &from_client, servers[i].message_id);
    script_feed(member, &from_client, sent->bytes, sent->len);
    ck_assert_uint_eq(member->requests, 1);
    script_run_until(member, member->now + acoap__leisure_ms(&config.params, &member->random));
    ck_assert_int_eq(script_reply(member, &member->inbound[0], servers[i].code, servers[i].payload),
                     0);
    const script_datagram_t *response =
        script_expect(member, ACOAP_NON, servers[i].code, servers[i].message_id);
    ck_assert_uint_eq(response->view.token.len, 1);
    ck_assert_uint_eq(response->view.token.data[0], 0x86);
    if (servers[i].arrives) {
      script_feed(client.script, &to_client, response->bytes, response->len);
      ck_assert_uint_eq(request.code, servers[i].code);
    }
    script_free(member);
  }
  ck_assert_uint_eq(request.responses, 2);
  ck_assert_uint_eq(request.failures, 0);
  acoap__interaction_close(&client.script->engine, client.script->now, &request.interaction);
  script_expect_idle(client.script);
  no_more_arrows();
}
END_TEST

static Suite *rfc7252_appendix_a_suite(void) {
  Suite *suite = suite_create("rfc7252_appendix_a");
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

ACOAP_TEST_MAIN(rfc7252_appendix_a_suite)
