/*
 * Requests that come in, answered in every way an endpoint offers: at once, later, separately, with
 * RST, with silence (RFC 7252 sections 4.2, 5.2 and 8.2, RFC 7967). Two endpoints on a perfect
 * network under virtual time.
 * SPDX-License-Identifier: MIT
 */
#include "check_main.h"
#include "sim_pair.h"

typedef struct server {
  sim_pair_t *pair;
  acoap_request_t *kept; /* the last request that was kept */
  unsigned requests;     /* that came */
  unsigned deliveries;   /* told */
  int delivery;          /* the last one's status */
  acoap_request_cb act;  /* what to do with a request */
} server_t;

static void serve(void *user_data, acoap_request_t *request) {
  server_t *server = user_data;
  server->requests++;
  if (server->act != NULL) {
    server->act(server, request);
  }
}

static void open_server(sim_pair_t *pair, server_t *server, acoap_request_cb act,
                        const acoap_local_endpoint_options_t *options) {
  sim_pair_open(pair, 1, options);
  memset(server, 0, sizeof(*server));
  server->pair = pair;
  server->act = act;
  acoap_local_endpoint_receive(pair->server, serve, server);
}

static uint64_t received_by(acoap_local_endpoint_t *endpoint) {
  acoap_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_local_endpoint_stats(endpoint, &stats), 0);
  return stats.datagrams_received;
}

static void respond_hello(void *user_data, acoap_request_t *request) {
  (void)user_data;
  ck_assert_int_eq(
      acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "hello", 5), 0);
}

static void keep(void *user_data, acoap_request_t *request) {
  server_t *server = user_data;
  server->kept = acoap_request_ref(request);
}

static void delivered(void *user_data, acoap_request_t *request, int status) {
  server_t *server = user_data;
  (void)request;
  server->deliveries++;
  server->delivery = status;
}

static void keep_and_watch(void *user_data, acoap_request_t *request) {
  keep(user_data, request);
  acoap_request_on_delivery(request, delivered, user_data);
}

START_TEST(answer_in_the_handler_is_piggybacked) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, respond_hello, NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert_uint_eq(ask.code, ACOAP_CODE_CONTENT);
  ck_assert(ask.piggybacked);
  ck_assert_str_eq(ask.payload, "hello");
  ck_assert_int_eq(acoap_message_content_format(ask.message), ACOAP_FORMAT_TEXT_PLAIN);
  ck_assert_uint_eq(received_by(pair.client), 1);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(non_is_answered_with_non) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, respond_hello, NULL);
  sim_pair_get(&pair, &ask, ACOAP_NON);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert_int_eq(ask.type, ACOAP_NON);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

static void respond_reliably(void *user_data, acoap_request_t *request) {
  keep_and_watch(user_data, request);
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
  ck_assert_ptr_nonnull(builder);
  ck_assert_int_eq(acoap_request_send(request, ACOAP_RELIABLE), 0);
}

START_TEST(non_may_be_answered_with_con_on_request) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, respond_reliably, NULL);
  sim_pair_get(&pair, &ask, ACOAP_NON);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert_int_eq(ask.type, ACOAP_CON);
  ck_assert_uint_eq(server.deliveries, 1);
  ck_assert_int_eq(server.delivery, 0);
  acoap_request_unref(server.kept);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(kept_con_is_acknowledged_when_processing_delay_is_over) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, keep_and_watch, NULL);
  acoap_time_t start = sim_pair_now(&pair);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 1999);
  ck_assert_uint_eq(ask.acknowledged, 0);
  sim_pair_run(&pair, 1);
  ck_assert_uint_eq(ask.acknowledged, 1);
  ck_assert_int_eq(ask.at, start + 2000);
  sim_pair_run(&pair, 8000);
  ck_assert_uint_eq(ask.responses, 0);
  ck_assert_int_eq(
      acoap_request_respond(server.kept, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "late", 4), 0);
  acoap_request_unref(server.kept);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert(!ask.piggybacked);
  ck_assert_int_eq(ask.type, ACOAP_CON);
  ck_assert_str_eq(ask.payload, "late");
  ck_assert_uint_eq(server.deliveries, 1);
  ck_assert_int_eq(server.delivery, 0);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(answer_before_processing_delay_is_over_is_piggybacked) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, keep, NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 500);
  respond_hello(NULL, server.kept);
  acoap_request_unref(server.kept);
  sim_pair_run(&pair, 10000);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert(ask.piggybacked);
  ck_assert_uint_eq(ask.acknowledged, 0);
  ck_assert_uint_eq(received_by(pair.client), 1);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

static void acknowledge_and_keep(void *user_data, acoap_request_t *request) {
  ck_assert_int_eq(acoap_request_acknowledge(request), 0);
  keep(user_data, request);
}

START_TEST(acknowledged_con_may_be_answered_with_non) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, acknowledge_and_keep, NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.acknowledged, 1);
  ck_assert_ptr_nonnull(acoap_request_begin(server.kept, ACOAP_CODE_CHANGED));
  ck_assert_int_eq(acoap_request_send(server.kept, ACOAP_UNRELIABLE), 0);
  acoap_request_unref(server.kept);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert_int_eq(ask.type, ACOAP_NON);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(request_neither_answered_nor_kept_gets_5_00) {
  static const acoap_type_t types[] = {ACOAP_CON, ACOAP_NON};
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, NULL, NULL);
  sim_pair_get(&pair, &ask, types[_i]);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert_uint_eq(ask.code, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  ck_assert(ask.piggybacked == (types[_i] == ACOAP_CON));
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(last_reference_of_an_unanswered_request_answers_5_00) {
  static const acoap_request_cb how[] = {keep, acknowledge_and_keep};
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, how[_i], NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 100);
  ck_assert_uint_eq(ask.responses, 0);
  ck_assert_ptr_null(acoap_request_unref(server.kept));
  sim_pair_run(&pair, 100);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert_uint_eq(ask.code, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

static void ignore(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_ignore(request);
  ck_assert_ptr_null(acoap_request_begin(request, ACOAP_CODE_CONTENT));
}

START_TEST(ignored_con_gets_an_empty_ack_and_nothing_else) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, ignore, NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 60000);
  ck_assert_uint_eq(ask.acknowledged, 1);
  ck_assert_uint_eq(ask.responses, 0);
  ck_assert_uint_eq(received_by(pair.client), 1);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

static void reset(void *user_data, acoap_request_t *request) {
  (void)user_data;
  ck_assert_int_eq(acoap_request_reset(request), 0);
  ck_assert_int_eq(acoap_request_reset(request), ACOAP_EINVAL);
}

START_TEST(reset_rejects_the_request) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, reset, NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.failures, 1);
  ck_assert_int_eq(ask.status, ACOAP_ERESET);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

static void build_too_much(void *user_data, acoap_request_t *request) {
  uint8_t big[2000] = {0};
  (void)user_data;
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
  acoap_builder_payload(builder, big, sizeof(big));
  ck_assert_int_eq(acoap_request_send(request, ACOAP_AS_REQUESTED), ACOAP_ENOSPACE);
}

START_TEST(response_that_does_not_fit_becomes_5_00) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, build_too_much, NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert_uint_eq(ask.code, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

static void respond_twice(void *user_data, acoap_request_t *request) {
  respond_hello(user_data, request);
  ck_assert_ptr_null(acoap_request_begin(request, ACOAP_CODE_CONTENT));
  ck_assert_int_eq(acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "x", 1),
                   ACOAP_EINVAL);
  ck_assert_int_eq(acoap_request_send(request, ACOAP_AS_REQUESTED), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_request_acknowledge(request), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_request_reset(request), ACOAP_EINVAL);
  acoap_request_ignore(request);
}

START_TEST(second_answer_is_refused) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, respond_twice, NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert_str_eq(ask.payload, "hello");
  ck_assert_uint_eq(received_by(pair.client), 1);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

static void begin_only(void *user_data, acoap_request_t *request) {
  keep(user_data, request);
  ck_assert_ptr_nonnull(acoap_request_begin(request, ACOAP_CODE_CONTENT));
}

START_TEST(builder_is_taken_back_at_the_return_to_the_loop) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, begin_only, NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 2500); /* turns have passed: the empty ACK was sent */
  ck_assert_int_eq(acoap_request_send(server.kept, ACOAP_AS_REQUESTED), ACOAP_EINVAL);
  respond_hello(NULL, server.kept);
  acoap_request_unref(server.kept);
  sim_pair_run(&pair, 10);
  ck_assert_str_eq(ask.payload, "hello");
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

static acoap_request_t *both[2];

static void begin_both_then_send(void *user_data, acoap_request_t *request) {
  server_t *server = user_data;
  both[server->requests - 1] = acoap_request_ref(request);
  if (server->requests < 2) {
    return;
  }
  for (int i = 0; i < 2; i++) {
    acoap_builder_t *builder = acoap_request_begin(both[i], ACOAP_CODE_CONTENT);
    ck_assert_ptr_nonnull(builder);
    acoap_builder_payload(builder, i == 0 ? "first" : "second", i == 0 ? 5 : 6);
  }
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(acoap_request_send(both[i], ACOAP_AS_REQUESTED), 0);
    acoap_request_unref(both[i]);
  }
}

START_TEST(two_responses_may_be_built_at_once) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t asks[2];
  open_server(&pair, &server, begin_both_then_send, NULL);
  sim_pair_get(&pair, &asks[0], ACOAP_NON);
  sim_pair_get(&pair, &asks[1], ACOAP_NON);
  sim_pair_run(&pair, 150000);
  ck_assert_uint_eq(server.requests, 2);
  ck_assert_str_eq(asks[0].payload, "first");
  ck_assert_str_eq(asks[1].payload, "second");
  sim_ask_done(&asks[0]);
  sim_ask_done(&asks[1]);
  sim_pair_close(&pair);
}
END_TEST

/* RFC 7967 section 2.1, Table 2: value, code of the response, is it sent? */
static const struct {
  uint32_t no_response;
  uint8_t code;
  bool sent;
} no_response_table[] = {
    {0, ACOAP_CODE_CONTENT, true},
    {0, ACOAP_CODE_NOT_FOUND, true},
    {2, ACOAP_CODE_CONTENT, false},
    {2, ACOAP_CODE_NOT_FOUND, true},
    {2, ACOAP_CODE_INTERNAL_SERVER_ERROR, true},
    {8, ACOAP_CODE_CONTENT, true},
    {8, ACOAP_CODE_NOT_FOUND, false},
    {8, ACOAP_CODE_INTERNAL_SERVER_ERROR, true},
    {16, ACOAP_CODE_CONTENT, true},
    {16, ACOAP_CODE_NOT_FOUND, true},
    {16, ACOAP_CODE_INTERNAL_SERVER_ERROR, false},
    {26, ACOAP_CODE_CONTENT, false},
    {26, ACOAP_CODE_NOT_FOUND, false},
    {26, ACOAP_CODE_INTERNAL_SERVER_ERROR, false},
};

static uint8_t code_to_send;

static void respond_code(void *user_data, acoap_request_t *request) {
  (void)user_data;
  ck_assert_int_eq(acoap_request_respond(request, code_to_send, ACOAP_FORMAT_NONE, NULL, 0), 0);
}

START_TEST(no_response_suppresses_what_it_names) {
  static const acoap_type_t types[] = {ACOAP_CON, ACOAP_NON};
  for (size_t t = 0; t < 2; t++) {
    sim_pair_t pair;
    server_t server;
    sim_ask_t ask;
    open_server(&pair, &server, respond_code, NULL);
    code_to_send = no_response_table[_i].code;
    sim_ask_init(&ask, pair.client, ACOAP_CODE_PUT);
    acoap_builder_uint(&ask.builder, ACOAP_OPTION_NO_RESPONSE, no_response_table[_i].no_response);
    ck_assert_int_eq(sim_ask_send(&ask, &pair.server_address, types[t]), 0);
    sim_pair_run(&pair, 10000);
    ck_assert_uint_eq(server.requests, 1);
    ck_assert_uint_eq(ask.responses, no_response_table[_i].sent ? 1 : 0);
    ck_assert_uint_eq(ask.acknowledged,
                      types[t] == ACOAP_CON && !no_response_table[_i].sent ? 1 : 0);
    sim_ask_done(&ask);
    sim_pair_close(&pair);
  }
}
END_TEST

START_TEST(unhandled_5_00_is_suppressed_by_no_response_too) {
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, NULL, NULL);
  sim_ask_init(&ask, pair.client, ACOAP_CODE_PUT);
  acoap_builder_uint(&ask.builder, ACOAP_OPTION_NO_RESPONSE, 16);
  ck_assert_int_eq(sim_ask_send(&ask, &pair.server_address, ACOAP_NON), 0);
  sim_pair_run(&pair, 10000);
  ck_assert_uint_eq(server.requests, 1);
  ck_assert_uint_eq(received_by(pair.client), 0);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(beyond_requests_open_max_the_new_one_gets_5_03) {
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .requests_open_max = 1};
  sim_pair_t pair;
  server_t server;
  sim_ask_t first;
  sim_ask_t second;
  sim_ask_t third;
  open_server(&pair, &server, keep, &options);
  sim_pair_get(&pair, &first, ACOAP_NON);
  sim_pair_run(&pair, 10);
  sim_pair_get(&pair, &second, ACOAP_CON);
  sim_pair_run(&pair, 150000);
  ck_assert_uint_eq(server.requests, 1);
  ck_assert_uint_eq(second.code, ACOAP_CODE_SERVICE_UNAVAILABLE);
  ck_assert_uint_eq(second.max_age_s, 2);
  respond_hello(NULL, server.kept);
  acoap_request_unref(server.kept);
  server.act = respond_hello;
  sim_pair_get(&pair, &third, ACOAP_CON);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(third.code, ACOAP_CODE_CONTENT);
  sim_ask_done(&first);
  sim_ask_done(&second);
  sim_ask_done(&third);
  sim_pair_close(&pair);
}
END_TEST

/* RFC 8974 section 2.2.2: a longer token than the limit must not be rejected, which would say that
 * extended ones are not taken at all. */
START_TEST(token_beyond_a_raised_limit_gets_4_00_not_rst) {
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .token_max = 16};
  static const char fits[] = "sixteen bytes ok";
  static const char longer[] = "seventeen is more";
  static const uint8_t reserved[] = {0x4f, ACOAP_CODE_GET, 0, 9};
  sim_pair_t pair;
  server_t server;
  sim_peer_t peer;
  open_server(&pair, &server, respond_hello, &options);
  sim_peer_open(&peer, pair.sim, "192.0.2.9:5683");
  sim_peer_send(&peer, &pair.server_address, ACOAP_CON, ACOAP_CODE_GET, 1, fits, NULL);
  sim_peer_send(&peer, &pair.server_address, ACOAP_CON, ACOAP_CODE_GET, 2, longer, NULL);
  sim_peer_send(&peer, &pair.server_address, ACOAP_NON, ACOAP_CODE_PUT, 3, longer, "body");
  sim_peer_send(&peer, &pair.server_address, ACOAP_CON, ACOAP_CODE_CONTENT, 4, longer, NULL);
  sim_peer_send_bytes(&peer, &pair.server_address, reserved, sizeof(reserved));
  sim_pair_run(&pair, 10);
  const sim_datagram_t *answer = sim_peer_expect(&peer, ACOAP_ACK, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(answer->view.token.len, 16);
  answer = sim_peer_expect(&peer, ACOAP_ACK, ACOAP_CODE_BAD_REQUEST);
  ck_assert_uint_eq(answer->view.message_id, 2);
  ck_assert_uint_eq(answer->view.token.len, 17);
  ck_assert_mem_eq(answer->view.token.data, longer, 17);
  answer = sim_peer_expect(&peer, ACOAP_NON, ACOAP_CODE_BAD_REQUEST);
  ck_assert_mem_eq(answer->view.token.data, longer, 17);
  /* No request; and 15 is a format error for everybody (section 2.1). */
  ck_assert_uint_eq(sim_peer_expect(&peer, ACOAP_RST, ACOAP_CODE_EMPTY)->view.message_id, 4);
  ck_assert_uint_eq(sim_peer_expect(&peer, ACOAP_RST, ACOAP_CODE_EMPTY)->view.message_id, 9);
  sim_peer_expect_silence(&peer);
  ck_assert_uint_eq(server.requests, 1);
  sim_peer_close(&peer);
  sim_pair_close(&pair);
}
END_TEST

/* critical option 9999 is in no registry; elective 9998 neither */
static const struct {
  acoap_type_t type;
  uint16_t option;
  unsigned responses;
  uint8_t code;
} default_table[] = {
    {ACOAP_CON, 0, 1, ACOAP_CODE_NOT_FOUND},     {ACOAP_NON, 0, 1, ACOAP_CODE_NOT_FOUND},
    {ACOAP_CON, 9999, 1, ACOAP_CODE_BAD_OPTION}, {ACOAP_NON, 9999, 0, 0},
    {ACOAP_CON, 9998, 1, ACOAP_CODE_NOT_FOUND},
};

START_TEST(without_a_handler_4_04_or_4_02) {
  sim_pair_t pair;
  sim_ask_t ask;
  sim_pair_open(&pair, 1, NULL);
  sim_ask_init(&ask, pair.client, ACOAP_CODE_GET);
  if (default_table[_i].option != 0) {
    acoap_builder_option(&ask.builder, default_table[_i].option, "x", 1);
  }
  ck_assert_int_eq(sim_ask_send(&ask, &pair.server_address, default_table[_i].type), 0);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(ask.responses, default_table[_i].responses);
  ck_assert_uint_eq(ask.code, default_table[_i].code);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(unknown_request_code_reaches_the_handler) {
  sim_pair_t pair;
  server_t server;
  sim_peer_t shelly;
  open_server(&pair, &server, keep, NULL);
  sim_peer_open(&shelly, pair.sim, "192.0.2.9:5683");
  sim_peer_send(&shelly, &pair.server_address, ACOAP_NON, ACOAP_CODE(0, 30), 7, NULL, "G=1");
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(server.requests, 1);
  acoap_message_t *message = acoap_request_message(server.kept);
  ck_assert_uint_eq(acoap_message_code(message), ACOAP_CODE(0, 30));
  ck_assert_uint_eq(acoap_message_payload(message).len, 3);
  ck_assert(acoap_request_endpoint(server.kept) == pair.server);
  acoap_request_ignore(server.kept);
  acoap_request_unref(server.kept);
  sim_pair_run(&pair, 10000);
  sim_peer_expect_silence(&shelly);
  sim_peer_close(&shelly);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(duplicate_gets_the_stored_reply_and_no_second_handler) {
  sim_pair_t pair;
  server_t server;
  sim_peer_t peer;
  open_server(&pair, &server, respond_hello, NULL);
  sim_peer_open(&peer, pair.sim, "192.0.2.9:40001");
  for (int i = 0; i < 3; i++) {
    sim_peer_send(&peer, &pair.server_address, ACOAP_CON, ACOAP_CODE_POST, 77, "tok", NULL);
    sim_pair_run(&pair, 1000);
    const sim_datagram_t *reply = sim_peer_expect(&peer, ACOAP_ACK, ACOAP_CODE_CONTENT);
    ck_assert_uint_eq(reply->view.message_id, 77);
    ck_assert_uint_eq(reply->view.payload.len, 5);
  }
  ck_assert_uint_eq(server.requests, 1);
  sim_peer_close(&peer);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(separate_response_without_ack_is_told_as_timed_out) {
  sim_pair_t pair;
  server_t server;
  sim_peer_t peer;
  open_server(&pair, &server, keep_and_watch, NULL);
  sim_peer_open(&peer, pair.sim, "192.0.2.9:40001");
  sim_peer_send(&peer, &pair.server_address, ACOAP_CON, ACOAP_CODE_GET, 1, "t", NULL);
  sim_pair_run(&pair, 3000);
  sim_peer_expect(&peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  respond_hello(NULL, server.kept);
  acoap_request_unref(server.kept); /* what is under way needs no help */
  sim_pair_run(&pair, 100000);
  for (int i = 0; i < 5; i++) {
    sim_peer_expect(&peer, ACOAP_CON, ACOAP_CODE_CONTENT);
  }
  sim_peer_expect_silence(&peer);
  ck_assert_uint_eq(server.deliveries, 1);
  ck_assert_int_eq(server.delivery, ACOAP_ETIMEDOUT);
  sim_peer_close(&peer);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(rst_to_a_separate_response_is_told) {
  sim_pair_t pair;
  server_t server;
  sim_peer_t peer;
  open_server(&pair, &server, keep_and_watch, NULL);
  sim_peer_open(&peer, pair.sim, "192.0.2.9:40001");
  sim_peer_send(&peer, &pair.server_address, ACOAP_CON, ACOAP_CODE_GET, 1, "t", NULL);
  sim_pair_run(&pair, 3000);
  sim_peer_expect(&peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  respond_hello(NULL, server.kept);
  sim_pair_run(&pair, 10);
  const sim_datagram_t *separate = sim_peer_expect(&peer, ACOAP_CON, ACOAP_CODE_CONTENT);
  sim_peer_send(&peer, &pair.server_address, ACOAP_RST, 0, separate->view.message_id, NULL, NULL);
  sim_pair_run(&pair, 100000);
  sim_peer_expect_silence(&peer);
  ck_assert_int_eq(server.delivery, ACOAP_ERESET);
  ck_assert_uint_eq(server.deliveries, 1);
  acoap_request_unref(server.kept);
  sim_peer_close(&peer);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(closing_answers_what_is_open_with_5_03) {
  static const acoap_request_cb how[] = {keep_and_watch, acknowledge_and_keep};
  sim_pair_t pair;
  server_t server;
  sim_ask_t ask;
  open_server(&pair, &server, how[_i], NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 10);
  sim_pair_close_one(&pair, &pair.server);
  ck_assert_uint_eq(server.deliveries, 0);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(pair.closed, 1);
  ck_assert_uint_eq(ask.code, ACOAP_CODE_SERVICE_UNAVAILABLE);
  if (how[_i] == keep_and_watch) {
    ck_assert_uint_eq(server.deliveries, 1);
    ck_assert_int_eq(server.delivery, ACOAP_ECANCELED);
  }
  /* A request may be kept beyond its endpoint; it says so. */
  ck_assert_ptr_null(acoap_request_begin(server.kept, ACOAP_CODE_CONTENT));
  ck_assert_int_eq(acoap_request_respond(server.kept, ACOAP_CODE_CONTENT, 0, "x", 1),
                   ACOAP_ECLOSED);
  ck_assert_int_eq(acoap_request_acknowledge(server.kept), ACOAP_ECLOSED);
  ck_assert_int_eq(acoap_request_reset(server.kept), ACOAP_ECLOSED);
  ck_assert_uint_eq(acoap_message_code(acoap_request_message(server.kept)), ACOAP_CODE_GET);
  acoap_request_unref(server.kept);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(misuse_is_einval) {
  ck_assert_ptr_null(acoap_request_begin(NULL, ACOAP_CODE_CONTENT));
  ck_assert_int_eq(acoap_request_send(NULL, ACOAP_AS_REQUESTED), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_request_respond(NULL, ACOAP_CODE_CONTENT, 0, NULL, 0), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_request_acknowledge(NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_request_reset(NULL), ACOAP_EINVAL);
  acoap_request_ignore(NULL);
  ck_assert_ptr_null(acoap_request_ref(NULL));
  ck_assert_ptr_null(acoap_request_unref(NULL));
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static Suite *suite(void) {
  Suite *s = suite_create("endpoint_request");
  TCase *answers = tcase_create("answers");
  tcase_add_test(answers, answer_in_the_handler_is_piggybacked);
  tcase_add_test(answers, non_is_answered_with_non);
  tcase_add_test(answers, non_may_be_answered_with_con_on_request);
  tcase_add_test(answers, kept_con_is_acknowledged_when_processing_delay_is_over);
  tcase_add_test(answers, answer_before_processing_delay_is_over_is_piggybacked);
  tcase_add_test(answers, acknowledged_con_may_be_answered_with_non);
  tcase_add_loop_test(answers, request_neither_answered_nor_kept_gets_5_00, 0, 2);
  tcase_add_loop_test(answers, last_reference_of_an_unanswered_request_answers_5_00, 0, 2);
  tcase_add_test(answers, ignored_con_gets_an_empty_ack_and_nothing_else);
  tcase_add_test(answers, reset_rejects_the_request);
  tcase_add_test(answers, response_that_does_not_fit_becomes_5_00);
  tcase_add_test(answers, second_answer_is_refused);
  tcase_add_test(answers, builder_is_taken_back_at_the_return_to_the_loop);
  tcase_add_test(answers, two_responses_may_be_built_at_once);
  suite_add_tcase(s, answers);
  TCase *rules = tcase_create("rules");
  tcase_add_loop_test(rules, no_response_suppresses_what_it_names, 0, COUNT(no_response_table));
  tcase_add_test(rules, unhandled_5_00_is_suppressed_by_no_response_too);
  tcase_add_test(rules, beyond_requests_open_max_the_new_one_gets_5_03);
  tcase_add_test(rules, token_beyond_a_raised_limit_gets_4_00_not_rst);
  tcase_add_loop_test(rules, without_a_handler_4_04_or_4_02, 0, COUNT(default_table));
  tcase_add_test(rules, unknown_request_code_reaches_the_handler);
  tcase_add_test(rules, duplicate_gets_the_stored_reply_and_no_second_handler);
  tcase_add_test(rules, separate_response_without_ack_is_told_as_timed_out);
  tcase_add_test(rules, rst_to_a_separate_response_is_told);
  tcase_add_loop_test(rules, closing_answers_what_is_open_with_5_03, 0, 2);
  tcase_add_test(rules, misuse_is_einval);
  suite_add_tcase(s, rules);
  return s;
}

ACOAP_TEST_MAIN(suite)
