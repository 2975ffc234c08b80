/*
 * What becomes of a handler's answer (RFC 7252 section 5.2), over a simulated network: at once and
 * piggybacked, later and separate, none at all; handlers in a group; validation; payloads that do
 * not fit; multicast; slow handlers.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "endpoint/endpoint.h"
#include "server_rig.h"

#define KEPT 8
#define LONG 3000
/* RFC 7252 section 4.8.2 */
#define PROCESSING_DELAY 2000

typedef struct bench {
  server_rig_t rig;
  acoap_resource_t *resource;  /* "/r" */
  acoap_request_t *kept[KEPT]; /* requests */
  size_t count;                /* of them */
  unsigned calls;              /* of handlers */
  char order[16];              /* which handlers ran */
  uint8_t code;                /* what `answer` answers */
  const char *payload;         /* likewise */
  size_t len;                  /* likewise */
  int format;                  /* likewise */
  const char *etag;            /* likewise; NULL: none */
  acoap_reliability_t reliability;
  unsigned deliveries; /* told */
  int delivery;        /* status of the last one */
  unsigned sentences;  /* logged */
  char sentence[256];  /* the last one */
} bench_t;

static char long_payload[LONG];

static void open_with(bench_t *bench, const acoap_server_options_t *options) {
  memset(bench, 0, sizeof(*bench));
  for (size_t i = 0; i < sizeof(long_payload); i++) {
    long_payload[i] = (char)('a' + i % 26);
  }
  server_rig_open(&bench->rig, 9, options);
  bench->resource = acoap_resource_new(bench->rig.server, "/r");
  bench->code = ACOAP_CODE_CONTENT;
  bench->format = ACOAP_FORMAT_NONE;
  bench->payload = "hello";
  bench->len = 5;
}

static void open_bench(bench_t *bench) {
  open_with(bench, NULL);
}

static void close_bench(bench_t *bench) {
  for (size_t i = 0; i < bench->count; i++) {
    acoap_request_unref(bench->kept[i]);
  }
  server_rig_close(&bench->rig);
}

static void on(bench_t *bench, uint8_t method, acoap_request_cb handler) {
  ck_assert_int_eq(acoap_resource_on(bench->resource, method, handler, bench), 0);
}

static void answer(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->calls++;
  acoap_builder_t *builder = acoap_request_begin(request, bench->code);
  ck_assert_ptr_nonnull(builder);
  if (bench->etag != NULL) {
    acoap_builder_option(builder, ACOAP_OPTION_ETAG, bench->etag, strlen(bench->etag));
  }
  if (bench->format >= 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, (uint32_t)bench->format);
  }
  acoap_builder_payload(builder, bench->payload, bench->len);
  ck_assert_int_eq(acoap_request_send(request, bench->reliability), 0);
}

/* With a payload of any length. */
static void respond(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->calls++;
  ck_assert_int_eq(
      acoap_request_respond(request, bench->code, bench->format, bench->payload, bench->len), 0);
}

static void keep(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->calls++;
  ck_assert_uint_lt(bench->count, KEPT);
  bench->kept[bench->count++] = acoap_request_ref(request);
}

static void delivered(void *user_data, acoap_request_t *request, int status) {
  bench_t *bench = user_data;
  (void)request;
  bench->deliveries++;
  bench->delivery = status;
}

static void send(bench_t *bench) {
  server_rig_send(&bench->rig, &bench->rig.address);
}

static acoap_builder_t *begin(bench_t *bench, acoap_type_t type, uint8_t method) {
  return server_rig_begin(&bench->rig, type, method, "/r");
}

/* Acknowledge what came. */
static void acknowledge(bench_t *bench, const sim_datagram_t *datagram) {
  sim_peer_send(&bench->rig.peer, &bench->rig.address, ACOAP_ACK, ACOAP_CODE_EMPTY,
                datagram->view.message_id, NULL, NULL);
  server_rig_run(&bench->rig, 1);
}

static void do_nothing(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  (void)request;
  bench->calls++;
}

/* ---- now and later --------------------------------------------------------------------------- */

START_TEST(rfc7252_5_2_1_answer_in_the_handler_is_piggybacked) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, answer);
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/r", ACOAP_CODE_CONTENT, "hello");
  server_rig_run(&bench.rig, 300000);
  sim_peer_expect_silence(&bench.rig.peer);
  close_bench(&bench);
}
END_TEST

START_TEST(rfc7252_5_2_3_answer_to_a_non_is_a_non) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, answer);
  begin(&bench, ACOAP_NON, ACOAP_CODE_GET);
  send(&bench);
  server_rig_expect_payload(sim_peer_expect(&bench.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT),
                            "hello");
  bench.reliability = ACOAP_RELIABLE;
  begin(&bench, ACOAP_NON, ACOAP_CODE_GET);
  send(&bench);
  acknowledge(&bench, sim_peer_expect(&bench.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT));
  close_bench(&bench);
}
END_TEST

START_TEST(kept_request_answered_before_processing_delay_is_piggybacked) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, keep);
  begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
  send(&bench);
  server_rig_run(&bench.rig, PROCESSING_DELAY - 100);
  sim_peer_expect_silence(&bench.rig.peer);
  respond(&bench, bench.kept[0]);
  server_rig_run(&bench.rig, 1);
  server_rig_expect_payload(sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT),
                            "hello");
  close_bench(&bench);
}
END_TEST

START_TEST(rfc7252_5_2_2_kept_request_is_acknowledged_after_processing_delay) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, keep);
  begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
  send(&bench);
  server_rig_run(&bench.rig, PROCESSING_DELAY);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  acoap_request_on_delivery(bench.kept[0], delivered, &bench);
  respond(&bench, bench.kept[0]);
  server_rig_run(&bench.rig, 1);
  const sim_datagram_t *separate = sim_peer_expect(&bench.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT);
  server_rig_expect_payload(separate, "hello");
  acknowledge(&bench, separate);
  ck_assert_uint_eq(bench.deliveries, 1);
  ck_assert_int_eq(bench.delivery, 0);
  server_rig_run(&bench.rig, 300000);
  sim_peer_expect_silence(&bench.rig.peer);
  close_bench(&bench);
}
END_TEST

START_TEST(kept_request_is_acknowledged_at_once_where_asked_for) {
  bench_t bench;
  acoap_server_options_t options = {.size = sizeof(options),
                                    .amplification = ACOAP_AMPLIFICATION_OFF,
                                    .acknowledge_at_once = true};
  open_with(&bench, &options);
  on(&bench, ACOAP_CODE_GET, keep);
  on(&bench, ACOAP_CODE_PUT, answer);
  begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
  send(&bench);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  /* What is answered in the handler is piggybacked all the same. */
  server_rig_expect(&bench.rig, ACOAP_CODE_PUT, "/r", ACOAP_CODE_CONTENT, "hello");
  /* And so is the 5.00 of one that nobody keeps. */
  on(&bench, ACOAP_CODE_POST, do_nothing);
  server_rig_expect(&bench.rig, ACOAP_CODE_POST, "/r", ACOAP_CODE_INTERNAL_SERVER_ERROR, "");
  /* A resource may want it otherwise. */
  acoap_resource_acknowledge_at_once(bench.resource, false);
  begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
  send(&bench);
  sim_peer_expect_silence(&bench.rig.peer);
  close_bench(&bench);
}
END_TEST

START_TEST(several_requests_are_kept_and_answered_in_any_order) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, keep);
  uint16_t ids[4];
  for (size_t i = 0; i < 4; i++) {
    begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
    ids[i] = bench.rig.message_id;
    send(&bench);
  }
  ck_assert_uint_eq(bench.count, 4);
  static const size_t order[] = {2, 0, 3, 1};
  for (size_t i = 0; i < 4; i++) {
    respond(&bench, bench.kept[order[i]]);
    server_rig_run(&bench.rig, 1);
    const sim_datagram_t *got = sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT);
    ck_assert_uint_eq(got->view.message_id, ids[order[i]]);
  }
  close_bench(&bench);
}
END_TEST

START_TEST(a_request_is_answered_once) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, keep);
  acoap_builder_uint(begin(&bench, ACOAP_CON, ACOAP_CODE_GET), ACOAP_OPTION_OBSERVE, 0);
  send(&bench);
  respond(&bench, bench.kept[0]);
  server_rig_run(&bench.rig, 1);
  const sim_datagram_t *got = sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT);
  acoap_bytes_t value;
  ck_assert(!acoap_view_option(&got->view, ACOAP_OPTION_OBSERVE, 0, &value));
  /* The resource takes no observers: nothing follows. */
  ck_assert_ptr_null(acoap_request_begin(bench.kept[0], ACOAP_CODE_CONTENT));
  ck_assert_int_eq(acoap_request_respond(bench.kept[0], ACOAP_CODE_CONTENT, 0, "x", 1),
                   ACOAP_EINVAL);
  ck_assert_int_eq(
      acoap_request_respond_body(bench.kept[0], ACOAP_CODE_CONTENT, 0, acoap_body_copy("x", 1)),
      ACOAP_EINVAL);
  server_rig_run(&bench.rig, 1000);
  sim_peer_expect_silence(&bench.rig.peer);
  close_bench(&bench);
}
END_TEST

/* ---- none ------------------------------------------------------------------------------------ */

START_TEST(dropped_request_is_500) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, do_nothing);
  on(&bench, ACOAP_CODE_PUT, keep);
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/r", ACOAP_CODE_INTERNAL_SERVER_ERROR, "");
  ck_assert_uint_eq(server_rig_stats(&bench.rig).dropped, 1);
  begin(&bench, ACOAP_CON, ACOAP_CODE_PUT);
  send(&bench);
  sim_peer_expect_silence(&bench.rig.peer);
  bench.kept[0] = acoap_request_unref(bench.kept[0]);
  server_rig_run(&bench.rig, 1);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).dropped, 2);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).handled, 2);
  close_bench(&bench);
}
END_TEST

static void answer_500(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_INTERNAL_SERVER_ERROR, 0, NULL, 0);
}

START_TEST(a_handlers_own_500_is_not_counted_as_dropped) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, answer_500);
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/r", ACOAP_CODE_INTERNAL_SERVER_ERROR, "");
  ck_assert_uint_eq(server_rig_stats(&bench.rig).dropped, 0);
  close_bench(&bench);
}
END_TEST

static void ignore(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_ignore(request);
}

START_TEST(ignored_request_gets_its_empty_ack_and_nothing_else) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, ignore);
  on(&bench, ACOAP_CODE_GET, answer); /* not reached: the first has dealt with it */
  begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
  send(&bench);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  server_rig_run(&bench.rig, 300000);
  sim_peer_expect_silence(&bench.rig.peer);
  ck_assert_uint_eq(bench.calls, 0);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).dropped, 0);
  close_bench(&bench);
}
END_TEST

static void reset(void *user_data, acoap_request_t *request) {
  (void)user_data;
  ck_assert_int_eq(acoap_request_reset(request), 0);
}

START_TEST(rfc7252_4_2_reset_request_gets_a_rst) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, reset);
  begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
  send(&bench);
  ck_assert_uint_eq(sim_peer_expect(&bench.rig.peer, ACOAP_RST, ACOAP_CODE_EMPTY)->view.message_id,
                    bench.rig.message_id);
  sim_peer_expect_silence(&bench.rig.peer);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).dropped, 0);
  close_bench(&bench);
}
END_TEST

typedef struct no_response_row {
  uint8_t value; /* of No-Response */
  uint8_t code;  /* answered */
  bool silent;
} no_response_row_t;

/* RFC 7967 section 2.1: 2 is 2.xx, 8 is 4.xx, 16 is 5.xx. */
static const no_response_row_t no_response_rows[] = {
    {0, ACOAP_CODE_CONTENT, false},
    {2, ACOAP_CODE_CONTENT, true},
    {2, ACOAP_CODE_NOT_FOUND, false},
    {2, ACOAP_CODE_INTERNAL_SERVER_ERROR, false},
    {8, ACOAP_CODE_CONTENT, false},
    {8, ACOAP_CODE_NOT_FOUND, true},
    {8, ACOAP_CODE_INTERNAL_SERVER_ERROR, false},
    {16, ACOAP_CODE_CONTENT, false},
    {16, ACOAP_CODE_NOT_FOUND, false},
    {16, ACOAP_CODE_INTERNAL_SERVER_ERROR, true},
    {26, ACOAP_CODE_CONTENT, true},
    {26, ACOAP_CODE_NOT_FOUND, true},
    {26, ACOAP_CODE_INTERNAL_SERVER_ERROR, true},
};

START_TEST(rfc7967_2_1_no_response_suppresses_the_classes_it_names) {
  const no_response_row_t *row = &no_response_rows[_i];
  bench_t bench;
  open_bench(&bench);
  bench.code = row->code;
  on(&bench, ACOAP_CODE_PUT, answer);
  acoap_builder_uint(begin(&bench, ACOAP_NON, ACOAP_CODE_PUT), ACOAP_OPTION_NO_RESPONSE,
                     row->value);
  send(&bench);
  ck_assert_uint_eq(bench.calls, 1);
  if (row->silent) {
    sim_peer_expect_silence(&bench.rig.peer);
  } else {
    sim_peer_expect(&bench.rig.peer, ACOAP_NON, row->code);
  }
  acoap_builder_uint(begin(&bench, ACOAP_CON, ACOAP_CODE_PUT), ACOAP_OPTION_NO_RESPONSE,
                     row->value);
  send(&bench);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, row->silent ? ACOAP_CODE_EMPTY : row->code);
  close_bench(&bench);
}
END_TEST

START_TEST(rfc7967_no_response_counts_for_the_librarys_own_answers) {
  bench_t bench;
  open_bench(&bench);
  acoap_builder_uint(begin(&bench, ACOAP_NON, ACOAP_CODE_PUT), ACOAP_OPTION_NO_RESPONSE, 8);
  send(&bench);
  sim_peer_expect_silence(&bench.rig.peer); /* 4.05 */
  acoap_builder_uint(begin(&bench, ACOAP_NON, ACOAP_CODE_PUT), ACOAP_OPTION_NO_RESPONSE, 2);
  send(&bench);
  sim_peer_expect(&bench.rig.peer, ACOAP_NON, ACOAP_CODE_METHOD_NOT_ALLOWED);
  close_bench(&bench);
}
END_TEST

/* ---- groups of handlers ---------------------------------------------------------------------- */

static void note(bench_t *bench, char which) {
  size_t len = strlen(bench->order);
  ck_assert_uint_lt(len + 1, sizeof(bench->order));
  bench->order[len] = which;
}

static void pass_a(void *user_data, acoap_request_t *request) {
  (void)request;
  note(user_data, 'a');
}

static void answer_b(void *user_data, acoap_request_t *request) {
  note(user_data, 'b');
  respond(user_data, request);
}

static void keep_c(void *user_data, acoap_request_t *request) {
  note(user_data, 'c');
  keep(user_data, request);
}

static void any_d(void *user_data, acoap_request_t *request) {
  note(user_data, 'd');
  respond(user_data, request);
}

START_TEST(handlers_of_a_method_run_until_one_answers_or_keeps) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, pass_a);
  on(&bench, ACOAP_CODE_PUT, pass_a);
  on(&bench, 0, any_d); /* for methods without one of their own */
  on(&bench, ACOAP_CODE_GET, answer_b);
  on(&bench, ACOAP_CODE_GET, pass_a);
  on(&bench, ACOAP_CODE_PUT, keep_c);
  on(&bench, ACOAP_CODE_PUT, answer_b);
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/r", ACOAP_CODE_CONTENT, "hello");
  ck_assert_str_eq(bench.order, "ab");
  memset(bench.order, 0, sizeof(bench.order));
  begin(&bench, ACOAP_CON, ACOAP_CODE_PUT);
  send(&bench);
  ck_assert_str_eq(bench.order, "ac");
  sim_peer_expect_silence(&bench.rig.peer);
  memset(bench.order, 0, sizeof(bench.order));
  server_rig_expect(&bench.rig, ACOAP_CODE_POST, "/r", ACOAP_CODE_CONTENT, "hello");
  ck_assert_str_eq(bench.order, "d");
  close_bench(&bench);
}
END_TEST

START_TEST(group_in_which_nobody_answers_is_500) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, pass_a);
  on(&bench, ACOAP_CODE_GET, pass_a);
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/r", ACOAP_CODE_INTERNAL_SERVER_ERROR, "");
  ck_assert_str_eq(bench.order, "aa");
  close_bench(&bench);
}
END_TEST

static void add_and_pass(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  (void)request;
  for (int i = 0; i < 20; i++) { /* more than there was room for */
    on(bench, ACOAP_CODE_GET, answer_b);
  }
}

START_TEST(handler_adds_handlers_to_its_own_group) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, add_and_pass);
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/r", ACOAP_CODE_CONTENT, "hello");
  ck_assert_str_eq(bench.order, "b");
  close_bench(&bench);
}
END_TEST

/* ---- validation ------------------------------------------------------------------------------ */

START_TEST(rfc7252_5_10_6_2_content_that_the_client_has_becomes_valid) {
  bench_t bench;
  acoap_bytes_t value;
  open_bench(&bench);
  on(&bench, 0, answer);
  bench.etag = "v1";
  bench.format = ACOAP_FORMAT_TEXT_PLAIN;
  static const uint8_t methods[] = {ACOAP_CODE_GET, ACOAP_CODE_FETCH};
  for (size_t i = 0; i < 2; i++) {
    acoap_builder_option(begin(&bench, ACOAP_CON, methods[i]), ACOAP_OPTION_ETAG, "v1", 2);
    const sim_datagram_t *got = server_rig_answer(&bench.rig);
    ck_assert_uint_eq(got->view.code, ACOAP_CODE_VALID);
    ck_assert_uint_eq(got->view.payload.len, 0);
    ck_assert(acoap_view_option(&got->view, ACOAP_OPTION_ETAG, 0, &value));
    ck_assert(value.len == 2 && memcmp(value.data, "v1", 2) == 0);
    ck_assert(!acoap_view_option(&got->view, ACOAP_OPTION_CONTENT_FORMAT, 0, &value));
    acoap_builder_option(begin(&bench, ACOAP_CON, methods[i]), ACOAP_OPTION_ETAG, "v0", 2);
    ck_assert_uint_eq(server_rig_answer(&bench.rig)->view.code, ACOAP_CODE_CONTENT);
  }
  /* Only what is asked for and given as content. */
  acoap_builder_option(begin(&bench, ACOAP_CON, ACOAP_CODE_PUT), ACOAP_OPTION_ETAG, "v1", 2);
  ck_assert_uint_eq(server_rig_answer(&bench.rig)->view.code, ACOAP_CODE_CONTENT);
  bench.code = ACOAP_CODE_NOT_FOUND;
  acoap_builder_option(begin(&bench, ACOAP_CON, ACOAP_CODE_GET), ACOAP_OPTION_ETAG, "v1", 2);
  ck_assert_uint_eq(server_rig_answer(&bench.rig)->view.code, ACOAP_CODE_NOT_FOUND);
  close_bench(&bench);
}
END_TEST

static void respond_named_body(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  acoap_body_t *body = acoap_body_copy(bench->payload, bench->len);
  ck_assert_int_eq(acoap_body_set_etag(body, "b1", 2), 0);
  ck_assert_int_eq(acoap_request_respond_body(request, bench->code, bench->format, body), 0);
}

START_TEST(body_that_the_client_has_becomes_valid) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, respond_named_body);
  bench.payload = long_payload;
  bench.len = LONG;
  acoap_builder_option(begin(&bench, ACOAP_CON, ACOAP_CODE_GET), ACOAP_OPTION_ETAG, "b1", 2);
  const sim_datagram_t *got = server_rig_answer(&bench.rig);
  ck_assert_uint_eq(got->view.code, ACOAP_CODE_VALID);
  ck_assert_uint_eq(got->view.payload.len, 0);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).transfers, 0);
  acoap_builder_option(begin(&bench, ACOAP_CON, ACOAP_CODE_GET), ACOAP_OPTION_ETAG, "b0", 2);
  got = server_rig_answer(&bench.rig);
  ck_assert_uint_eq(got->view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(got->view.payload.len, 1024);
  close_bench(&bench);
}
END_TEST

/* ---- payloads -------------------------------------------------------------------------------- */

static void expect_block(const sim_datagram_t *got, uint32_t num, bool more, size_t size) {
  acoap_block_t block;
  ck_assert_uint_eq(got->view.code, ACOAP_CODE_CONTENT);
  ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_BLOCK2, &block), 1);
  ck_assert_uint_eq(block.num, num);
  ck_assert_int_eq(block.more, more);
  ck_assert_uint_eq(acoap_block_size(block.szx), size);
  size_t at = num * size;
  ck_assert_uint_eq(got->view.payload.len, more ? size : LONG - at);
  ck_assert_int_eq(memcmp(got->view.payload.data, long_payload + at, got->view.payload.len), 0);
}

/* RFC 7959 section 2.4: a payload of any length goes in blocks. */
START_TEST(respond_takes_a_payload_of_any_length) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, respond);
  bench.payload = long_payload;
  bench.len = LONG;
  for (uint32_t num = 0; num < 3; num++) {
    acoap_builder_t *builder = begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
    if (num > 0) {
      acoap_block_t block = {num, false, 6};
      acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
    }
    expect_block(server_rig_answer(&bench.rig), num, num < 2, 1024);
  }
  ck_assert_uint_eq(bench.calls, 1);
  close_bench(&bench);
}
END_TEST

START_TEST(payload_in_the_builder_is_cut_to_the_block_that_is_asked_for) {
  bench_t bench;
  acoap_bytes_t value;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, answer);
  bench.payload = long_payload;
  bench.len = 100;
  bench.etag = "v1";
  acoap_block_t block = {0, false, 2};
  acoap_builder_block(begin(&bench, ACOAP_CON, ACOAP_CODE_GET), ACOAP_OPTION_BLOCK2, &block);
  const sim_datagram_t *got = server_rig_answer(&bench.rig);
  expect_block(got, 0, true, 64);
  ck_assert(acoap_view_option(&got->view, ACOAP_OPTION_ETAG, 0, &value));
  ck_assert(value.len == 2 && memcmp(value.data, "v1", 2) == 0);
  ck_assert(!acoap_view_option(&got->view, ACOAP_OPTION_ETAG, 1, &value));
  /* One that fits the wish is not cut. */
  bench.len = 64;
  acoap_builder_block(begin(&bench, ACOAP_CON, ACOAP_CODE_GET), ACOAP_OPTION_BLOCK2, &block);
  got = server_rig_answer(&bench.rig);
  ck_assert_uint_eq(got->view.payload.len, 64);
  close_bench(&bench);
}
END_TEST

START_TEST(block_size_of_the_server_bounds_what_it_sends) {
  bench_t bench;
  acoap_server_options_t options = {
      .size = sizeof(options), .amplification = ACOAP_AMPLIFICATION_OFF, .block_size = 128};
  open_with(&bench, &options);
  on(&bench, ACOAP_CODE_GET, answer);
  bench.payload = long_payload;
  bench.len = 200;
  expect_block(server_rig_ask(&bench.rig, ACOAP_CODE_GET, "/r"), 0, true, 128);
  close_bench(&bench);
}
END_TEST

/* RFC 7252 section 5.5.2: a diagnostic payload is for people, so its beginning will do. */
START_TEST(long_diagnostic_payload_is_cut_between_characters) {
  bench_t bench;
  static char text[LONG];
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, answer);
  for (size_t i = 0; i + 2 < sizeof(text); i += 3) {
    memcpy(text + i, "\xe2\x82\xac", 3); /* the euro sign */
  }
  bench.code = ACOAP_CODE_NOT_FOUND;
  bench.payload = text;
  bench.len = 1100;
  const sim_datagram_t *got = server_rig_ask(&bench.rig, ACOAP_CODE_GET, "/r");
  ck_assert_uint_eq(got->view.code, ACOAP_CODE_NOT_FOUND);
  ck_assert_uint_eq(got->view.payload.len, 1023);
  acoap_block_t block;
  ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_BLOCK2, &block), 0);
  close_bench(&bench);
}
END_TEST

/* An error with a format is a representation as any other. */
START_TEST(long_error_with_a_format_goes_in_blocks) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, respond);
  bench.code = ACOAP_CODE_NOT_FOUND;
  bench.format = ACOAP_FORMAT_PROBLEM_DETAILS_CBOR;
  bench.payload = long_payload;
  bench.len = LONG;
  const sim_datagram_t *got = server_rig_ask(&bench.rig, ACOAP_CODE_GET, "/r");
  acoap_block_t block;
  ck_assert_uint_eq(got->view.code, ACOAP_CODE_NOT_FOUND);
  ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_BLOCK2, &block), 1);
  ck_assert_uint_eq(got->view.payload.len, 1024);
  close_bench(&bench);
}
END_TEST

static void respond_null_body(void *user_data, acoap_request_t *request) {
  (void)user_data;
  ck_assert_int_lt(acoap_request_respond_body(request, ACOAP_CODE_CONTENT, 0, NULL), 0);
}

START_TEST(no_memory_for_a_body_is_500) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, respond_null_body);
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/r", ACOAP_CODE_INTERNAL_SERVER_ERROR, "");
  close_bench(&bench);
}
END_TEST

static void overfill(void *user_data, acoap_request_t *request) {
  static const uint8_t value[700];
  (void)user_data;
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
  acoap_builder_option(builder, 65000, value, sizeof(value));
  acoap_builder_option(builder, 65000, value, sizeof(value));
  ck_assert_int_eq(acoap_request_send(request, ACOAP_AS_REQUESTED), ACOAP_ENOSPACE);
}

START_TEST(answer_that_cannot_be_built_is_500) {
  bench_t bench;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, overfill);
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/r", ACOAP_CODE_INTERNAL_SERVER_ERROR, "");
  close_bench(&bench);
}
END_TEST

/* ---- a body that is not ready ---------------------------------------------------------------- */

typedef struct slow_body {
  acoap_body_t *body;
  int answer; /* of the next read: ACOAP_EAGAIN, another error, or 0: the bytes are there */
  unsigned released;
  acoap_request_t *kept; /* where a test answers once more; NULL */
} slow_body_t;

static int read_slowly(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                       size_t cap) {
  static const char text[] = "later";
  slow_body_t *slow = user_data;
  slow->body = body;
  if (slow->answer != 0) {
    return slow->answer;
  }
  size_t len = offset < 5 ? 5 - (size_t)offset : 0;
  len = len < cap ? len : cap;
  memcpy(room, text + 5 - (offset < 5 ? 5 - offset : 0), len);
  return (int)len;
}

static void release_slowly(void *user_data) {
  slow_body_t *slow = user_data;
  slow->released++;
}

static const acoap_body_ops_t slow_ops = {
    .size = sizeof(slow_ops), .read = read_slowly, .release = release_slowly};

static void respond_slow_body(void *user_data, acoap_request_t *request) {
  slow_body_t *slow = user_data;
  ck_assert_int_eq(acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_JSON,
                                              acoap_body_read(&slow_ops, 5, slow)),
                   0);
}

static void open_slow(bench_t *bench, slow_body_t *slow) {
  open_bench(bench);
  memset(slow, 0, sizeof(*slow));
  slow->answer = ACOAP_EAGAIN;
  ck_assert_int_eq(acoap_resource_on(bench->resource, ACOAP_CODE_GET, respond_slow_body, slow), 0);
  begin(bench, ACOAP_CON, ACOAP_CODE_GET);
  send(bench);
  sim_peer_expect_silence(&bench->rig.peer);
}

START_TEST(body_that_is_not_ready_is_waited_for) {
  bench_t bench;
  slow_body_t slow;
  acoap_bytes_t value;
  open_slow(&bench, &slow);
  server_rig_run(&bench.rig, PROCESSING_DELAY);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  acoap_body_ready(slow.body); /* by mistake: still nothing */
  server_rig_run(&bench.rig, 10);
  sim_peer_expect_silence(&bench.rig.peer);
  slow.answer = 0;
  acoap_body_ready(slow.body);
  server_rig_run(&bench.rig, 10);
  const sim_datagram_t *got = sim_peer_expect(&bench.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT);
  server_rig_expect_payload(got, "later");
  ck_assert(acoap_view_option(&got->view, ACOAP_OPTION_CONTENT_FORMAT, 0, &value));
  acknowledge(&bench, got);
  close_bench(&bench);
  ck_assert_uint_eq(slow.released, 1);
}
END_TEST

/* Keeps the request, so that the test may answer it once more. */
static void respond_slow_body_and_keep(void *user_data, acoap_request_t *request) {
  slow_body_t *slow = user_data;
  respond_slow_body(slow, request);
  slow->kept = acoap_request_ref(request);
}

START_TEST(second_answer_leaves_a_body_that_is_waited_for_alone) {
  bench_t bench;
  slow_body_t slow = {.answer = ACOAP_EAGAIN};
  open_bench(&bench);
  ck_assert_int_eq(
      acoap_resource_on(bench.resource, ACOAP_CODE_GET, respond_slow_body_and_keep, &slow), 0);
  begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
  send(&bench);
  ck_assert_int_eq(
      acoap_request_respond(slow.kept, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "other", 5),
      ACOAP_EINVAL);
  acoap_request_unref(slow.kept);
  sim_peer_expect_silence(&bench.rig.peer);
  slow.answer = 0;
  acoap_body_ready(slow.body);
  server_rig_run(&bench.rig, 10);
  server_rig_expect_payload(sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT),
                            "later");
  close_bench(&bench);
  ck_assert_uint_eq(slow.released, 1);
}
END_TEST

START_TEST(body_that_fails_after_a_while_is_500) {
  bench_t bench;
  slow_body_t slow;
  open_slow(&bench, &slow);
  slow.answer = ACOAP_ECLOSED;
  acoap_body_ready(slow.body);
  server_rig_run(&bench.rig, 10);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  close_bench(&bench);
  ck_assert_uint_eq(slow.released, 1);
}
END_TEST

START_TEST(server_is_freed_while_a_body_is_waited_for) {
  bench_t bench;
  slow_body_t slow;
  open_slow(&bench, &slow);
  acoap_server_free(bench.rig.server);
  bench.rig.server = NULL;
  server_rig_run(&bench.rig, 10);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_SERVICE_UNAVAILABLE);
  ck_assert_uint_eq(slow.released, 1);
  close_bench(&bench);
}
END_TEST

START_TEST(endpoint_closes_while_a_body_is_waited_for) {
  bench_t bench;
  slow_body_t slow;
  open_slow(&bench, &slow);
  acoap_local_endpoint_close(bench.rig.endpoint, NULL, NULL);
  bench.rig.endpoint = NULL;
  server_rig_run(&bench.rig, 10);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_SERVICE_UNAVAILABLE);
  ck_assert_uint_eq(slow.released, 1);
  close_bench(&bench);
}
END_TEST

static int free_server_and_read(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                                size_t cap) {
  bench_t *bench = user_data;
  (void)body;
  (void)offset;
  acoap_server_free(bench->rig.server);
  bench->rig.server = NULL;
  memset(room, 'x', cap);
  return (int)cap;
}

static const acoap_body_ops_t freeing_ops = {.size = sizeof(freeing_ops),
                                             .read = free_server_and_read};

static void respond_freeing_body(void *user_data, acoap_request_t *request) {
  (void)acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE,
                                   acoap_body_read(&freeing_ops, LONG, user_data));
}

/* In its handler, and later. */
START_TEST(server_is_freed_by_what_a_body_is_read_from) {
  for (int later = 0; later < 2; later++) {
    bench_t bench;
    open_bench(&bench);
    on(&bench, ACOAP_CODE_GET, later ? keep : respond_freeing_body);
    begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
    send(&bench);
    if (later) {
      respond_freeing_body(&bench, bench.kept[0]);
      server_rig_run(&bench.rig, 1);
    }
    ck_assert_ptr_null(bench.rig.server);
    sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_INTERNAL_SERVER_ERROR);
    close_bench(&bench);
  }
}
END_TEST

/* ---- options that a handler gives itself ----------------------------------------------------- */

static void answer_own_block(void *user_data, acoap_request_t *request) {
  acoap_block_t block = {0, false, 0};
  (void)user_data;
  (void)acoap_view_block(acoap_message_view(acoap_request_message(request)), ACOAP_OPTION_BLOCK2,
                         &block);
  block.more = block.num < 2;
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, 7);
  acoap_builder_payload(builder, long_payload + (size_t)block.num * 16, 16);
  ck_assert_int_eq(acoap_request_send(request, ACOAP_AS_REQUESTED), 0);
}

START_TEST(handler_that_cuts_blocks_itself_is_left_alone) {
  bench_t bench;
  acoap_bytes_t value;
  open_bench(&bench);
  on(&bench, ACOAP_CODE_GET, answer_own_block);
  for (uint32_t num = 0; num < 3; num++) {
    acoap_block_t block = {num, false, 0};
    acoap_builder_block(begin(&bench, ACOAP_CON, ACOAP_CODE_GET), ACOAP_OPTION_BLOCK2, &block);
    const sim_datagram_t *got = server_rig_answer(&bench.rig);
    ck_assert_uint_eq(got->view.code, ACOAP_CODE_CONTENT);
    ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_BLOCK2, &block), 1);
    ck_assert_uint_eq(block.num, num);
    ck_assert_uint_eq(got->view.payload.len, 16);
    ck_assert_int_eq(memcmp(got->view.payload.data, long_payload + (size_t)num * 16, 16), 0);
    /* But nobody is registered by its Observe (RFC 7641 section 3.1). */
    ck_assert(!acoap_view_option(&got->view, ACOAP_OPTION_OBSERVE, 0, &value));
  }
  close_bench(&bench);
}
END_TEST

/* ---- multicast ------------------------------------------------------------------------------- */

static void ask_group(bench_t *bench) {
  begin(bench, ACOAP_NON, ACOAP_CODE_GET);
  server_rig_send(&bench->rig, &bench->rig.group);
  server_rig_run(&bench->rig, 6000);
}

START_TEST(rfc7252_8_2_multicast_gets_successes_with_something_to_say) {
  bench_t bench;
  open_bench(&bench);
  server_rig_join(&bench.rig);
  on(&bench, ACOAP_CODE_GET, answer);
  ask_group(&bench);
  server_rig_expect_payload(sim_peer_expect(&bench.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT),
                            "hello");
  bench.len = 0;
  ask_group(&bench);
  bench.code = ACOAP_CODE_NOT_FOUND;
  ask_group(&bench);
  ck_assert_uint_eq(bench.calls, 3);
  server_rig_begin(&bench.rig, ACOAP_NON, ACOAP_CODE_GET, "/none");
  server_rig_send(&bench.rig, &bench.rig.group);
  server_rig_run(&bench.rig, 6000);
  sim_peer_expect_silence(&bench.rig.peer);
  close_bench(&bench);
}
END_TEST

START_TEST(multicast_is_answered_as_the_resource_has_it) {
  bench_t bench;
  acoap_multicast_policy_t policy = {.size = sizeof(policy), .errors = true, .empty = true};
  open_bench(&bench);
  server_rig_join(&bench.rig);
  on(&bench, ACOAP_CODE_GET, answer);
  ck_assert_int_eq(acoap_resource_multicast(bench.resource, &policy), 0);
  bench.len = 0;
  ask_group(&bench);
  sim_peer_expect(&bench.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT);
  bench.code = ACOAP_CODE_NOT_FOUND;
  ask_group(&bench);
  sim_peer_expect(&bench.rig.peer, ACOAP_NON, ACOAP_CODE_NOT_FOUND);
  policy.silent = true;
  ck_assert_int_eq(acoap_resource_multicast(bench.resource, &policy), 0);
  bench.code = ACOAP_CODE_CONTENT;
  bench.len = 5;
  ask_group(&bench);
  sim_peer_expect_silence(&bench.rig.peer);
  ck_assert_uint_eq(bench.calls, 3);
  close_bench(&bench);
}
END_TEST

/* ---- slow handlers --------------------------------------------------------------------------- */

static void log_sink(void *user_data, acoap_log_level_t level, const char *text) {
  bench_t *bench = user_data;
  if (level == ACOAP_LOG_WARNING && strstr(text, " ms") != NULL) {
    bench->sentences++;
    strncpy(bench->sentence, text, sizeof(bench->sentence) - 1);
  }
}

START_TEST(late_answer_is_reported_once) {
  bench_t bench;
  open_bench(&bench);
  acoap_local_endpoint_set_log(bench.rig.endpoint, ACOAP_LOG_WARNING, log_sink, &bench);
  on(&bench, ACOAP_CODE_GET, keep);
  for (int i = 0; i < 2; i++) {
    begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
    send(&bench);
  }
  server_rig_run(&bench.rig, 50);
  respond(&bench, bench.kept[0]);
  ck_assert_uint_eq(bench.sentences, 0);
  server_rig_run(&bench.rig, 200);
  respond(&bench, bench.kept[1]);
  ck_assert_uint_eq(bench.sentences, 1);
  ck_assert_ptr_nonnull(strstr(bench.sentence, "GET of /r was answered after 25"));
  ck_assert_uint_eq(server_rig_stats(&bench.rig).slow, 1);
  close_bench(&bench);
}
END_TEST

START_TEST(late_drop_is_slow_too_and_the_threshold_can_be_lifted) {
  for (int never = 0; never < 2; never++) {
    bench_t bench;
    acoap_server_options_t options = {.size = sizeof(options),
                                      .amplification = ACOAP_AMPLIFICATION_OFF,
                                      .slow_ms = never ? UINT32_MAX : 1000};
    open_with(&bench, &options);
    acoap_local_endpoint_set_log(bench.rig.endpoint, ACOAP_LOG_WARNING, log_sink, &bench);
    on(&bench, ACOAP_CODE_GET, keep);
    begin(&bench, ACOAP_CON, ACOAP_CODE_GET);
    send(&bench);
    server_rig_run(&bench.rig, 1500);
    bench.kept[0] = acoap_request_unref(bench.kept[0]);
    ck_assert_uint_eq(bench.sentences, never ? 0 : 1);
    ck_assert_uint_eq(server_rig_stats(&bench.rig).slow, never ? 0 : 1);
    close_bench(&bench);
  }
}
END_TEST

static Suite *answer_suite(void) {
  Suite *suite = suite_create("flow/server_answer");
  TCase *tcase = tcase_create("answer");
  tcase_add_test(tcase, rfc7252_5_2_1_answer_in_the_handler_is_piggybacked);
  tcase_add_test(tcase, rfc7252_5_2_3_answer_to_a_non_is_a_non);
  tcase_add_test(tcase, kept_request_answered_before_processing_delay_is_piggybacked);
  tcase_add_test(tcase, rfc7252_5_2_2_kept_request_is_acknowledged_after_processing_delay);
  tcase_add_test(tcase, kept_request_is_acknowledged_at_once_where_asked_for);
  tcase_add_test(tcase, several_requests_are_kept_and_answered_in_any_order);
  tcase_add_test(tcase, a_request_is_answered_once);
  tcase_add_test(tcase, dropped_request_is_500);
  tcase_add_test(tcase, a_handlers_own_500_is_not_counted_as_dropped);
  tcase_add_test(tcase, ignored_request_gets_its_empty_ack_and_nothing_else);
  tcase_add_test(tcase, rfc7252_4_2_reset_request_gets_a_rst);
  tcase_add_loop_test(tcase, rfc7967_2_1_no_response_suppresses_the_classes_it_names, 0,
                      (int)(sizeof(no_response_rows) / sizeof(no_response_rows[0])));
  tcase_add_test(tcase, rfc7967_no_response_counts_for_the_librarys_own_answers);
  tcase_add_test(tcase, handlers_of_a_method_run_until_one_answers_or_keeps);
  tcase_add_test(tcase, group_in_which_nobody_answers_is_500);
  tcase_add_test(tcase, handler_adds_handlers_to_its_own_group);
  tcase_add_test(tcase, rfc7252_5_10_6_2_content_that_the_client_has_becomes_valid);
  tcase_add_test(tcase, body_that_the_client_has_becomes_valid);
  tcase_add_test(tcase, respond_takes_a_payload_of_any_length);
  tcase_add_test(tcase, payload_in_the_builder_is_cut_to_the_block_that_is_asked_for);
  tcase_add_test(tcase, block_size_of_the_server_bounds_what_it_sends);
  tcase_add_test(tcase, long_diagnostic_payload_is_cut_between_characters);
  tcase_add_test(tcase, long_error_with_a_format_goes_in_blocks);
  tcase_add_test(tcase, no_memory_for_a_body_is_500);
  tcase_add_test(tcase, answer_that_cannot_be_built_is_500);
  tcase_add_test(tcase, body_that_is_not_ready_is_waited_for);
  tcase_add_test(tcase, second_answer_leaves_a_body_that_is_waited_for_alone);
  tcase_add_test(tcase, body_that_fails_after_a_while_is_500);
  tcase_add_test(tcase, server_is_freed_while_a_body_is_waited_for);
  tcase_add_test(tcase, endpoint_closes_while_a_body_is_waited_for);
  tcase_add_test(tcase, server_is_freed_by_what_a_body_is_read_from);
  tcase_add_test(tcase, handler_that_cuts_blocks_itself_is_left_alone);
  tcase_add_test(tcase, rfc7252_8_2_multicast_gets_successes_with_something_to_say);
  tcase_add_test(tcase, multicast_is_answered_as_the_resource_has_it);
  tcase_add_test(tcase, late_answer_is_reported_once);
  tcase_add_test(tcase, late_drop_is_slow_too_and_the_threshold_can_be_lifted);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(answer_suite)
