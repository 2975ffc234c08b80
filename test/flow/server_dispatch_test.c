/*
 * What the library says to a request before a handler sees it (RFC 7252 section 5), over a
 * simulated network: options nobody understands, proxying, resources and methods, formats,
 * preconditions, malformed blocks, freshness; and that the handler is asked when nothing is to be
 * said.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "endpoint/endpoint.h"
#include "server_rig.h"

typedef struct bench {
  server_rig_t rig;
  acoap_resource_t *resource; /* "/r" */
  unsigned calls;             /* of its handlers */
  unsigned versions;          /* times its version was asked for */
  int version;                /* what that answers: length of the ETag, or a negative error */
  char etag[8];
  acoap_request_t *kept;
} bench_t;

static void serve(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->calls++;
  ck_assert_int_eq(
      acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "hello", 5), 0);
}

static int version(void *user_data, acoap_request_t *request, uint8_t etag[8]) {
  bench_t *bench = user_data;
  ck_assert_ptr_nonnull(acoap_request_resource(request));
  bench->versions++;
  memcpy(etag, bench->etag, sizeof(bench->etag));
  return bench->version;
}

static void open_bench(bench_t *bench) {
  memset(bench, 0, sizeof(*bench));
  server_rig_open(&bench->rig, 5, NULL);
  bench->resource = acoap_resource_new(bench->rig.server, "/r");
  acoap_resource_on(bench->resource, ACOAP_CODE_GET, serve, bench);
  acoap_resource_on(bench->resource, ACOAP_CODE_PUT, serve, bench);
  acoap_resource_on(bench->resource, ACOAP_CODE_FETCH, serve, bench);
  ck_assert_int_eq(acoap_server_status(bench->rig.server), 0);
}

static void close_bench(bench_t *bench) {
  acoap_request_unref(bench->kept);
  server_rig_close(&bench->rig);
}

static void expect(bench_t *bench, uint8_t method, const char *uri, uint8_t code) {
  (void)server_rig_expect(&bench->rig, method, uri, code, NULL);
}

/* Send what was begun and expect this code. */
static const sim_datagram_t *expect_begun(bench_t *bench, uint8_t code) {
  const sim_datagram_t *answer = server_rig_answer(&bench->rig);
  ck_assert_msg(answer->view.code == code, "%u.%02u", answer->view.code >> 5,
                answer->view.code & 31u);
  return answer;
}

static acoap_builder_t *begin(bench_t *bench, uint8_t method) {
  return server_rig_begin(&bench->rig, ACOAP_CON, method, "/r");
}

/* ---- critical options ------------------------------------------------------------------------ */

START_TEST(rfc7252_5_4_1_unknown_critical_option_is_402) {
  bench_t bench;
  open_bench(&bench);
  acoap_builder_option(begin(&bench, ACOAP_CODE_GET), 65001, "x", 1);
  const sim_datagram_t *answer = expect_begun(&bench, ACOAP_CODE_BAD_OPTION);
  server_rig_expect_payload(answer, "critical option 65001 is not understood");
  ck_assert_uint_eq(bench.calls, 0);
  close_bench(&bench);
}
END_TEST

START_TEST(rfc7252_4_3_unknown_critical_option_in_a_non_is_rejected_silently) {
  bench_t bench;
  open_bench(&bench);
  acoap_builder_option(server_rig_begin(&bench.rig, ACOAP_NON, ACOAP_CODE_GET, "/r"), 65001, "x",
                       1);
  server_rig_send(&bench.rig, &bench.rig.address);
  server_rig_run(&bench.rig, 100000);
  sim_peer_expect_silence(&bench.rig.peer);
  ck_assert_uint_eq(bench.calls, 0);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).dropped, 0);
  close_bench(&bench);
}
END_TEST

START_TEST(unknown_elective_option_is_ignored) {
  bench_t bench;
  open_bench(&bench);
  acoap_builder_option(begin(&bench, ACOAP_CODE_GET), 65000, "x", 1);
  expect_begun(&bench, ACOAP_CODE_CONTENT);
  close_bench(&bench);
}
END_TEST

/* The first one is understood, a later one is not. */
START_TEST(every_critical_option_is_looked_at) {
  bench_t bench;
  open_bench(&bench);
  ck_assert_int_eq(acoap_resource_understands(bench.resource, 65001), 0);
  acoap_builder_option(begin(&bench, ACOAP_CODE_GET), 65001, "x", 1);
  expect_begun(&bench, ACOAP_CODE_CONTENT);
  acoap_builder_t *builder = begin(&bench, ACOAP_CODE_GET);
  acoap_builder_option(builder, 65001, "x", 1);
  acoap_builder_option(builder, 65003, "x", 1);
  expect_begun(&bench, ACOAP_CODE_BAD_OPTION);
  ck_assert_uint_eq(bench.calls, 1);
  close_bench(&bench);
}
END_TEST

typedef struct bad_row {
  uint8_t method;
  uint16_t number;
  const char *value;
  size_t len;
  unsigned times;
} bad_row_t;

static const bad_row_t bad_rows[] = {
    {ACOAP_CODE_GET, ACOAP_OPTION_OSCORE, "", 0, 1},           /* has no meaning here yet */
    {ACOAP_CODE_GET, ACOAP_OPTION_Q_BLOCK1, "", 0, 1},         /* section 5.4: not for a GET */
    {ACOAP_CODE_GET, ACOAP_OPTION_Q_BLOCK2, "\0\0\0\0", 4, 1}, /* section 5.4.3: too long */
    {ACOAP_CODE_GET, ACOAP_OPTION_ACCEPT, "", 0, 2},           /* section 5.4.5: repeated */
    {ACOAP_CODE_GET, ACOAP_OPTION_ACCEPT, "\0\0\0", 3, 1},     /* section 5.4.3: too long */
    {ACOAP_CODE_GET, ACOAP_OPTION_BLOCK2, "\0\0\0\0", 4, 1},   /* likewise */
    {ACOAP_CODE_PUT, ACOAP_OPTION_BLOCK1, "\0\0\0\0", 4, 1},   /* likewise */
    {ACOAP_CODE_PUT, ACOAP_OPTION_IF_MATCH, "123456789", 9, 1} /* likewise */,
    {ACOAP_CODE_PUT, ACOAP_OPTION_IF_NONE_MATCH, "x", 1, 1}, /* likewise */
    {ACOAP_CODE_GET, ACOAP_OPTION_BLOCK1, "", 0, 1},         /* section 5.4: not for a GET */
};

START_TEST(critical_option_that_cannot_be_taken_is_402) {
  const bad_row_t *row = &bad_rows[_i];
  bench_t bench;
  open_bench(&bench);
  acoap_builder_t *builder = begin(&bench, row->method);
  for (unsigned i = 0; i < row->times; i++) {
    acoap_builder_option(builder, row->number, row->value, row->len);
  }
  expect_begun(&bench, ACOAP_CODE_BAD_OPTION);
  ck_assert_uint_eq(bench.calls, 0);
  close_bench(&bench);
}
END_TEST

START_TEST(a_bad_option_goes_before_a_missing_resource) {
  bench_t bench;
  open_bench(&bench);
  acoap_builder_option(server_rig_begin(&bench.rig, ACOAP_CON, ACOAP_CODE_GET, "/none"), 65001, "",
                       0);
  expect_begun(&bench, ACOAP_CODE_BAD_OPTION);
  close_bench(&bench);
}
END_TEST

/* ---- proxying -------------------------------------------------------------------------------- */

START_TEST(rfc7252_5_10_2_proxy_options_are_505) {
  bench_t bench;
  open_bench(&bench);
  acoap_builder_option(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_PROXY_URI, "coap://x/", 9);
  expect_begun(&bench, ACOAP_CODE_PROXYING_NOT_SUPPORTED);
  acoap_builder_option(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_PROXY_SCHEME, "coap", 4);
  expect_begun(&bench, ACOAP_CODE_PROXYING_NOT_SUPPORTED);
  ck_assert_uint_eq(bench.calls, 0);
  ck_assert_int_eq(acoap_resource_understands(bench.resource, ACOAP_OPTION_PROXY_SCHEME), 0);
  acoap_builder_option(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_PROXY_SCHEME, "coap", 4);
  expect_begun(&bench, ACOAP_CODE_CONTENT);
  close_bench(&bench);
}
END_TEST

START_TEST(rfc8768_hop_limit_is_accepted) {
  static const char *const values[] = {"\x10", "\x01", "\xff"};
  bench_t bench;
  open_bench(&bench);
  for (size_t i = 0; i < 3; i++) {
    acoap_builder_option(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_HOP_LIMIT, values[i], 1);
    expect_begun(&bench, ACOAP_CODE_CONTENT);
  }
  close_bench(&bench);
}
END_TEST

/* RFC 8768 section 3: "0 or greater than 255" is no elective option to be ignored. */
START_TEST(rfc8768_hop_limit_of_0_or_above_255_is_400) {
  static const acoap_bytes_t values[] = {{(const uint8_t *)"", 0},
                                         {(const uint8_t *)"\0", 1},
                                         {(const uint8_t *)"\0\0", 2},
                                         {(const uint8_t *)"\1\0", 2},
                                         {(const uint8_t *)"\0\0\0\0\1", 5}};
  bench_t bench;
  open_bench(&bench);
  for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
    acoap_builder_option(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_HOP_LIMIT, values[i].data,
                         values[i].len);
    expect_begun(&bench, ACOAP_CODE_BAD_REQUEST);
  }
  ck_assert_uint_eq(bench.calls, 0);
  acoap_builder_option(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_HOP_LIMIT, "\0\1", 2);
  expect_begun(&bench, ACOAP_CODE_CONTENT);
  close_bench(&bench);
}
END_TEST

/* ---- resource and method --------------------------------------------------------------------- */

START_TEST(path_without_a_resource_is_404) {
  bench_t bench;
  open_bench(&bench);
  expect(&bench, ACOAP_CODE_GET, "/none", ACOAP_CODE_NOT_FOUND);
  expect(&bench, ACOAP_CODE_GET, "/r/below", ACOAP_CODE_NOT_FOUND);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).not_found, 2);
  expect(&bench, ACOAP_CODE_GET, "/r", ACOAP_CODE_CONTENT);
  acoap_server_stats_t stats = server_rig_stats(&bench.rig);
  ck_assert_uint_eq(stats.requests, 3);
  ck_assert_uint_eq(stats.handled, 1);
  close_bench(&bench);
}
END_TEST

START_TEST(rfc7252_5_8_method_without_a_handler_is_405) {
  bench_t bench;
  open_bench(&bench);
  expect(&bench, ACOAP_CODE_POST, "/r", ACOAP_CODE_METHOD_NOT_ALLOWED);
  expect(&bench, ACOAP_CODE(0, 20), "/r", ACOAP_CODE_METHOD_NOT_ALLOWED);
  ck_assert_int_eq(acoap_resource_on(bench.resource, 0, serve, &bench), 0);
  expect(&bench, ACOAP_CODE_POST, "/r", ACOAP_CODE_CONTENT);
  expect(&bench, ACOAP_CODE(0, 20), "/r", ACOAP_CODE_CONTENT);
  close_bench(&bench);
}
END_TEST

static void serve_default(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->calls++;
  ck_assert_ptr_null(acoap_request_resource(request));
  ck_assert_uint_eq(acoap_request_depth(request), 0);
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "default", 7);
}

START_TEST(default_handler_has_what_no_resource_has) {
  bench_t bench;
  open_bench(&bench);
  ck_assert_int_eq(acoap_server_on_default(bench.rig.server, serve_default, &bench), 0);
  server_rig_expect(&bench.rig, ACOAP_CODE_DELETE, "/none", ACOAP_CODE_CONTENT, "default");
  server_rig_expect(&bench.rig, ACOAP_CODE_GET, "/r", ACOAP_CODE_CONTENT, "hello");
  expect(&bench, ACOAP_CODE_DELETE, "/r", ACOAP_CODE_METHOD_NOT_ALLOWED);
  /* Its requests are whole, too. */
  acoap_builder_t *builder = server_rig_begin(&bench.rig, ACOAP_CON, ACOAP_CODE_PUT, "/none");
  acoap_builder_payload(builder, "body", 4);
  expect_begun(&bench, ACOAP_CODE_CONTENT);
  ck_assert_int_eq(acoap_server_on_default(bench.rig.server, NULL, NULL), 0);
  expect(&bench, ACOAP_CODE_GET, "/none", ACOAP_CODE_NOT_FOUND);
  close_bench(&bench);
}
END_TEST

/* ---- blocks ---------------------------------------------------------------------------------- */

START_TEST(rfc7959_2_2_reserved_block_size_is_400) {
  bench_t bench;
  open_bench(&bench);
  acoap_builder_option(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_BLOCK2, "\x07", 1);
  expect_begun(&bench, ACOAP_CODE_BAD_REQUEST);
  acoap_builder_t *builder = begin(&bench, ACOAP_CODE_PUT);
  acoap_builder_option(builder, ACOAP_OPTION_BLOCK1, "\x0f", 1);
  acoap_builder_payload(builder, "x", 1);
  expect_begun(&bench, ACOAP_CODE_BAD_REQUEST);
  ck_assert_uint_eq(bench.calls, 0);
  close_bench(&bench);
}
END_TEST

/* A later block of an answer that nobody has any more: a GET is asked anew, a PUT is not done
 * twice.
 */
START_TEST(rfc7959_2_4_later_block_of_an_unknown_answer_is_408_where_it_would_repeat_something) {
  bench_t bench;
  open_bench(&bench);
  acoap_builder_option(begin(&bench, ACOAP_CODE_PUT), ACOAP_OPTION_BLOCK2, "\x10", 1);
  expect_begun(&bench, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
  acoap_builder_option(begin(&bench, ACOAP_CODE_FETCH), ACOAP_OPTION_BLOCK2, "\x10", 1);
  expect_begun(&bench, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
  ck_assert_uint_eq(bench.calls, 0);
  acoap_builder_option(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_BLOCK2, "\x10", 1);
  expect_begun(&bench, ACOAP_CODE_BAD_REQUEST); /* "hello" has one block only */
  ck_assert_uint_eq(bench.calls, 1);
  close_bench(&bench);
}
END_TEST

/* ---- formats --------------------------------------------------------------------------------- */

START_TEST(rfc7252_5_10_4_accept_of_nothing_that_is_given_is_406) {
  bench_t bench;
  open_bench(&bench);
  acoap_builder_uint(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_ACCEPT, ACOAP_FORMAT_CBOR);
  expect_begun(&bench, ACOAP_CODE_CONTENT); /* nothing was said of what it gives */
  acoap_resource_gives(bench.resource, ACOAP_FORMAT_TEXT_PLAIN);
  acoap_resource_gives(bench.resource, ACOAP_FORMAT_JSON);
  acoap_builder_uint(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_ACCEPT, ACOAP_FORMAT_CBOR);
  expect_begun(&bench, ACOAP_CODE_NOT_ACCEPTABLE);
  acoap_builder_uint(begin(&bench, ACOAP_CODE_FETCH), ACOAP_OPTION_ACCEPT, ACOAP_FORMAT_CBOR);
  expect_begun(&bench, ACOAP_CODE_NOT_ACCEPTABLE);
  acoap_builder_uint(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_ACCEPT, ACOAP_FORMAT_JSON);
  expect_begun(&bench, ACOAP_CODE_CONTENT);
  acoap_builder_uint(begin(&bench, ACOAP_CODE_GET), ACOAP_OPTION_ACCEPT, 0);
  expect_begun(&bench, ACOAP_CODE_CONTENT);
  begin(&bench, ACOAP_CODE_GET);
  expect_begun(&bench, ACOAP_CODE_CONTENT);
  acoap_builder_uint(begin(&bench, ACOAP_CODE_PUT), ACOAP_OPTION_ACCEPT, ACOAP_FORMAT_CBOR);
  expect_begun(&bench, ACOAP_CODE_CONTENT); /* what a PUT answers is the handler's affair */
  close_bench(&bench);
}
END_TEST

static void put(bench_t *bench, int content_format, const char *payload, uint8_t code) {
  acoap_builder_t *builder = begin(bench, ACOAP_CODE_PUT);
  if (content_format >= 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, (uint32_t)content_format);
  }
  acoap_builder_payload(builder, payload, strlen(payload));
  expect_begun(bench, code);
}

START_TEST(rfc7252_5_10_3_body_in_no_format_that_is_taken_is_415) {
  bench_t bench;
  open_bench(&bench);
  put(&bench, ACOAP_FORMAT_CBOR, "x", ACOAP_CODE_CONTENT); /* nothing was said of what it takes */
  acoap_resource_takes(bench.resource, ACOAP_FORMAT_TEXT_PLAIN);
  put(&bench, ACOAP_FORMAT_CBOR, "x", ACOAP_CODE_UNSUPPORTED_CONTENT_FORMAT);
  put(&bench, ACOAP_FORMAT_NONE, "x", ACOAP_CODE_UNSUPPORTED_CONTENT_FORMAT);
  put(&bench, ACOAP_FORMAT_TEXT_PLAIN, "x", ACOAP_CODE_CONTENT);
  put(&bench, ACOAP_FORMAT_NONE, "", ACOAP_CODE_CONTENT); /* no body at all */
  ck_assert_uint_eq(bench.calls, 3);
  close_bench(&bench);
}
END_TEST

/* A body that nobody will take is not collected first (RFC 7959 section 2.9). */
START_TEST(first_block_in_a_wrong_format_is_415_at_once) {
  bench_t bench;
  open_bench(&bench);
  acoap_resource_takes(bench.resource, ACOAP_FORMAT_TEXT_PLAIN);
  acoap_builder_t *builder = begin(&bench, ACOAP_CODE_PUT);
  acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, ACOAP_FORMAT_CBOR);
  acoap_builder_option(builder, ACOAP_OPTION_BLOCK1, "\x08", 1);
  acoap_builder_payload(builder, "0123456789abcdef", 16);
  expect_begun(&bench, ACOAP_CODE_UNSUPPORTED_CONTENT_FORMAT);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).transfers, 0);
  close_bench(&bench);
}
END_TEST

/* ---- preconditions --------------------------------------------------------------------------- */

static void conditional(bench_t *bench, uint8_t method, uint16_t option, const char *value,
                        uint8_t code) {
  acoap_builder_option(begin(bench, method), option, value, strlen(value));
  expect_begun(bench, code);
}

START_TEST(rfc7252_5_10_8_without_a_version_the_resource_is_there_and_has_no_name) {
  bench_t bench;
  open_bench(&bench);
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_MATCH, "", ACOAP_CODE_CONTENT);
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_MATCH, "v1", ACOAP_CODE_PRECONDITION_FAILED);
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_NONE_MATCH, "",
              ACOAP_CODE_PRECONDITION_FAILED);
  conditional(&bench, ACOAP_CODE_GET, ACOAP_OPTION_ETAG, "v1", ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(bench.calls, 2);
  close_bench(&bench);
}
END_TEST

START_TEST(rfc7252_5_10_8_a_version_decides) {
  bench_t bench;
  open_bench(&bench);
  memcpy(bench.etag, "v1", 2);
  bench.version = 2;
  ck_assert_int_eq(acoap_resource_on_version(bench.resource, version, &bench), 0);
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_MATCH, "v1", ACOAP_CODE_CONTENT);
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_MATCH, "v2", ACOAP_CODE_PRECONDITION_FAILED);
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_NONE_MATCH, "",
              ACOAP_CODE_PRECONDITION_FAILED);
  ck_assert_uint_eq(bench.calls, 1);
  bench.version = ACOAP_ENOTFOUND;
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_MATCH, "v1", ACOAP_CODE_PRECONDITION_FAILED);
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_NONE_MATCH, "", ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(bench.calls, 2);
  ck_assert_uint_eq(bench.versions, 5);
  /* Nobody asks, nobody is asked. */
  expect(&bench, ACOAP_CODE_GET, "/r", ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(bench.versions, 5);
  /* Who cannot tell what is there must not let the request do anything. */
  bench.version = ACOAP_ENOMEM;
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_NONE_MATCH, "",
              ACOAP_CODE_INTERNAL_SERVER_ERROR);
  bench.version = 9;
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_NONE_MATCH, "",
              ACOAP_CODE_INTERNAL_SERVER_ERROR);
  close_bench(&bench);
}
END_TEST

START_TEST(rfc7252_5_10_6_2_known_etag_is_203_before_the_handler_is_asked) {
  bench_t bench;
  acoap_bytes_t etag;
  open_bench(&bench);
  memcpy(bench.etag, "v1", 2);
  bench.version = 2;
  acoap_resource_on_version(bench.resource, version, &bench);
  acoap_builder_t *builder = begin(&bench, ACOAP_CODE_GET);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, "v0", 2);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, "v1", 2);
  const sim_datagram_t *answer = expect_begun(&bench, ACOAP_CODE_VALID);
  ck_assert(acoap_view_option(&answer->view, ACOAP_OPTION_ETAG, 0, &etag));
  ck_assert(etag.len == 2 && memcmp(etag.data, "v1", 2) == 0);
  ck_assert_uint_eq(answer->view.payload.len, 0);
  ck_assert_uint_eq(bench.calls, 0);
  conditional(&bench, ACOAP_CODE_GET, ACOAP_OPTION_ETAG, "v0", ACOAP_CODE_CONTENT);
  conditional(&bench, ACOAP_CODE_FETCH, ACOAP_OPTION_ETAG, "v1", ACOAP_CODE_VALID);
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_ETAG, "v1", ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(bench.calls, 2);
  close_bench(&bench);
}
END_TEST

START_TEST(conditions_that_handlers_understand_are_left_to_them) {
  bench_t bench;
  open_bench(&bench);
  memcpy(bench.etag, "v1", 2);
  bench.version = 2;
  acoap_resource_on_version(bench.resource, version, &bench);
  acoap_resource_understands(bench.resource, ACOAP_OPTION_IF_MATCH);
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_MATCH, "v2", ACOAP_CODE_CONTENT);
  conditional(&bench, ACOAP_CODE_PUT, ACOAP_OPTION_IF_NONE_MATCH, "", ACOAP_CODE_CONTENT);
  conditional(&bench, ACOAP_CODE_GET, ACOAP_OPTION_ETAG, "v1", ACOAP_CODE_VALID);
  close_bench(&bench);
}
END_TEST

/* Judged when the body begins, and again when it is complete: another client may be faster. */
START_TEST(precondition_of_a_blockwise_body_is_judged_at_both_ends) {
  bench_t bench;
  open_bench(&bench);
  bench.version = ACOAP_ENOTFOUND;
  acoap_resource_on_version(bench.resource, version, &bench);
  for (int late = 0; late < 2; late++) {
    bench.version = late == 0 ? 0 : ACOAP_ENOTFOUND;
    acoap_builder_t *builder = begin(&bench, ACOAP_CODE_PUT);
    acoap_builder_option(builder, ACOAP_OPTION_IF_NONE_MATCH, NULL, 0);
    acoap_builder_option(builder, ACOAP_OPTION_BLOCK1, "\x08", 1);
    acoap_builder_payload(builder, "0123456789abcdef", 16);
    expect_begun(&bench, late == 0 ? ACOAP_CODE_PRECONDITION_FAILED : ACOAP_CODE_CONTINUE);
    ck_assert_uint_eq(server_rig_stats(&bench.rig).transfers, late == 0 ? 0 : 1);
  }
  bench.version = 0;
  acoap_builder_t *builder = begin(&bench, ACOAP_CODE_PUT);
  acoap_builder_option(builder, ACOAP_OPTION_IF_NONE_MATCH, NULL, 0);
  acoap_builder_option(builder, ACOAP_OPTION_BLOCK1, "\x10", 1);
  acoap_builder_payload(builder, "end", 3);
  expect_begun(&bench, ACOAP_CODE_PRECONDITION_FAILED);
  ck_assert_uint_eq(bench.calls, 0);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).transfers, 0);
  close_bench(&bench);
}
END_TEST

/* ---- freshness ------------------------------------------------------------------------------- */

START_TEST(rfc9175_2_3_a_request_that_may_be_late_is_asked_for_its_echo) {
  bench_t bench;
  acoap_bytes_t echo;
  uint8_t value[40];
  open_bench(&bench);
  ck_assert_int_eq(acoap_resource_fresh(bench.resource, 5000), 0);
  expect(&bench, ACOAP_CODE_GET, "/r", ACOAP_CODE_CONTENT);
  begin(&bench, ACOAP_CODE_PUT);
  const sim_datagram_t *answer = expect_begun(&bench, ACOAP_CODE_UNAUTHORIZED);
  ck_assert(acoap_view_option(&answer->view, ACOAP_OPTION_ECHO, 0, &echo));
  size_t len = echo.len;
  ck_assert_uint_le(len, sizeof(value));
  memcpy(value, echo.data, len);
  ck_assert_uint_eq(bench.calls, 1);
  acoap_builder_option(begin(&bench, ACOAP_CODE_PUT), ACOAP_OPTION_ECHO, value, len);
  expect_begun(&bench, ACOAP_CODE_CONTENT);
  server_rig_run(&bench.rig, 6000);
  acoap_builder_option(begin(&bench, ACOAP_CODE_PUT), ACOAP_OPTION_ECHO, value, len);
  expect_begun(&bench, ACOAP_CODE_UNAUTHORIZED);
  ck_assert_uint_eq(bench.calls, 2);
  close_bench(&bench);
}
END_TEST

/* ---- resources that go ----------------------------------------------------------------------- */

static void remove_and_answer(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->calls++;
  acoap_resource_remove(bench->resource);
  ck_assert_ptr_null(acoap_request_resource(request));
  acoap_request_respond(request, ACOAP_CODE_DELETED, ACOAP_FORMAT_NONE, NULL, 0);
}

START_TEST(resource_is_removed_in_its_own_handler) {
  bench_t bench;
  open_bench(&bench);
  acoap_resource_on(bench.resource, ACOAP_CODE_DELETE, remove_and_answer, &bench);
  acoap_resource_on(bench.resource, ACOAP_CODE_DELETE, serve, &bench); /* is not reached */
  expect(&bench, ACOAP_CODE_DELETE, "/r", ACOAP_CODE_DELETED);
  expect(&bench, ACOAP_CODE_GET, "/r", ACOAP_CODE_NOT_FOUND);
  ck_assert_uint_eq(bench.calls, 1);
  close_bench(&bench);
}
END_TEST

static void remove_and_say_nothing(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  (void)request;
  bench->calls++;
  acoap_resource_remove(bench->resource);
}

START_TEST(resource_is_removed_in_its_own_handler_which_drops_the_request) {
  bench_t bench;
  open_bench(&bench);
  acoap_resource_on(bench.resource, ACOAP_CODE_DELETE, remove_and_say_nothing, &bench);
  expect(&bench, ACOAP_CODE_DELETE, "/r", ACOAP_CODE_INTERNAL_SERVER_ERROR);
  ck_assert_uint_eq(bench.calls, 1);
  close_bench(&bench);
}
END_TEST

static void free_and_answer(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->calls++;
  acoap_server_free(bench->rig.server);
  bench->rig.server = NULL;
  ck_assert_ptr_null(acoap_request_resource(request));
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, "bye", 3);
}

START_TEST(server_is_freed_in_a_handler) {
  bench_t bench;
  open_bench(&bench);
  acoap_resource_on(bench.resource, ACOAP_CODE_POST, free_and_answer, &bench);
  server_rig_expect(&bench.rig, ACOAP_CODE_POST, "/r", ACOAP_CODE_CHANGED, "bye");
  expect(&bench, ACOAP_CODE_GET, "/r", ACOAP_CODE_NOT_FOUND); /* the bare endpoint's */
  ck_assert_uint_eq(bench.calls, 1);
  close_bench(&bench);
}
END_TEST

static int free_in_version(void *user_data, acoap_request_t *request, uint8_t etag[8]) {
  bench_t *bench = user_data;
  (void)request;
  acoap_server_free(bench->rig.server);
  bench->rig.server = NULL;
  memcpy(etag, "v1", 2);
  return 2;
}

START_TEST(server_is_freed_while_it_asks_for_a_version) {
  bench_t bench;
  open_bench(&bench);
  acoap_resource_on_version(bench.resource, free_in_version, &bench);
  acoap_builder_t *builder = begin(&bench, ACOAP_CODE_GET);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, "v0", 2);
  expect_begun(&bench, ACOAP_CODE_INTERNAL_SERVER_ERROR); /* nobody is left to ask */
  ck_assert_uint_eq(bench.calls, 0);
  close_bench(&bench);
}
END_TEST

static void keep(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->calls++;
  bench->kept = acoap_request_ref(request);
}

START_TEST(server_is_freed_while_a_request_is_kept) {
  bench_t bench;
  open_bench(&bench);
  acoap_resource_on(bench.resource, ACOAP_CODE_POST, keep, &bench);
  begin(&bench, ACOAP_CODE_POST);
  server_rig_send(&bench.rig, &bench.rig.address);
  ck_assert_ptr_nonnull(bench.kept);
  acoap_server_free(bench.rig.server);
  bench.rig.server = NULL;
  ck_assert_ptr_null(acoap_request_resource(bench.kept));
  ck_assert_int_eq(acoap_request_respond(bench.kept, ACOAP_CODE_CHANGED, 0, "late", 4), 0);
  server_rig_run(&bench.rig, 1);
  server_rig_expect_payload(sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_CHANGED),
                            "late");
  close_bench(&bench);
}
END_TEST

START_TEST(resource_is_removed_while_its_request_is_kept) {
  bench_t bench;
  open_bench(&bench);
  acoap_resource_on(bench.resource, ACOAP_CODE_POST, keep, &bench);
  begin(&bench, ACOAP_CODE_POST);
  server_rig_send(&bench.rig, &bench.rig.address);
  acoap_resource_remove(bench.resource);
  ck_assert_ptr_null(acoap_request_resource(bench.kept));
  ck_assert_int_eq(acoap_request_respond(bench.kept, ACOAP_CODE_CHANGED, 0, "late", 4), 0);
  server_rig_run(&bench.rig, 1);
  server_rig_expect_payload(sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_CHANGED),
                            "late");
  close_bench(&bench);
}
END_TEST

START_TEST(endpoint_closes_while_a_request_is_kept_and_before_the_server_is_freed) {
  bench_t bench;
  open_bench(&bench);
  acoap_resource_on(bench.resource, ACOAP_CODE_POST, keep, &bench);
  begin(&bench, ACOAP_CODE_POST);
  server_rig_send(&bench.rig, &bench.rig.address);
  acoap_local_endpoint_close(bench.rig.endpoint, NULL, NULL);
  bench.rig.endpoint = NULL;
  server_rig_run(&bench.rig, 10);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_SERVICE_UNAVAILABLE);
  ck_assert_ptr_null(acoap_server_endpoint(bench.rig.server));
  ck_assert_int_eq(acoap_request_respond(bench.kept, ACOAP_CODE_CHANGED, 0, "late", 4),
                   ACOAP_ECLOSED);
  /* What still may be asked of a server without an endpoint. */
  ck_assert_ptr_eq(acoap_request_resource(bench.kept), bench.resource);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).requests, 1);
  ck_assert_ptr_nonnull(acoap_resource_new(bench.rig.server, "/later"));
  acoap_resource_remove(bench.resource);
  close_bench(&bench);
}
END_TEST

/* ---- the server itself ----------------------------------------------------------------------- */

START_TEST(server_refuses_what_makes_no_sense) {
  server_rig_t rig;
  acoap_server_t *second = NULL;
  server_rig_open(&rig, 5, NULL);
  ck_assert_int_eq(acoap_server_new(rig.endpoint, NULL, &second), ACOAP_EBUSY);
  ck_assert_int_eq(acoap_server_new(NULL, NULL, &second), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_new(rig.endpoint, NULL, NULL), ACOAP_EINVAL);
  acoap_server_free(rig.server);
  rig.server = NULL;
  acoap_server_options_t bad[] = {
      {.size = 1},
      {.size = sizeof(bad[0]), .block_size = 1000},
      {.size = sizeof(bad[0]), .block_size = 2048},
      {.size = sizeof(bad[0]), .shed_percent = 101},
      {.size = sizeof(bad[0]), .throttle_percent = 95},
      {.size = sizeof(bad[0]), .throttle_percent = 10, .hysteresis_percent = 10},
      {.size = sizeof(bad[0]), .shedding = (acoap_shedding_t)7},
      {.size = sizeof(bad[0]), .amplification = (acoap_amplification_t)7},
  };
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    ck_assert_msg(acoap_server_new(rig.endpoint, &bad[i], &second) == ACOAP_EINVAL, "%u",
                  (unsigned)i);
  }
  ck_assert_ptr_null(second);
  ck_assert_int_eq(acoap_server_new(rig.endpoint, NULL, &rig.server), 0);
  ck_assert_ptr_eq(acoap_server_endpoint(rig.server), rig.endpoint);
  ck_assert_int_eq(acoap_server_status(NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_stats(rig.server, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_on_default(NULL, serve, NULL), ACOAP_EINVAL);
  acoap_server_free(NULL);
  server_rig_close(&rig);
}
END_TEST

START_TEST(server_tells_the_first_failure_once) {
  server_rig_t rig;
  server_rig_open(&rig, 5, NULL);
  ck_assert_ptr_null(acoap_resource_new(rig.server, "no slash"));
  acoap_resource_t *resource = acoap_resource_new(rig.server, "/r");
  ck_assert_int_lt(acoap_resource_on(NULL, ACOAP_CODE_GET, serve, NULL), 0);
  ck_assert_int_lt(acoap_resource_gives(resource, 70000), 0);
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_server_status(rig.server), 0);
  server_rig_close(&rig);
}
END_TEST

START_TEST(closing_endpoint_takes_no_server) {
  server_rig_t rig;
  server_rig_open(&rig, 5, NULL);
  acoap_server_free(rig.server);
  rig.server = NULL;
  acoap_local_endpoint_close(rig.endpoint, NULL, NULL);
  ck_assert_int_eq(acoap_server_new(rig.endpoint, NULL, &rig.server), ACOAP_ECLOSED);
  rig.endpoint = NULL;
  server_rig_run(&rig, 10);
  server_rig_close(&rig);
}
END_TEST

START_TEST(counters_are_copied_as_far_as_the_caller_knows_them) {
  server_rig_t rig;
  acoap_server_stats_t stats;
  server_rig_open(&rig, 5, NULL);
  memset(&stats, 0xee, sizeof(stats));
  stats.size = offsetof(acoap_server_stats_t, requests);
  ck_assert_int_eq(acoap_server_stats(rig.server, &stats), 0);
  ck_assert_uint_eq(stats.load, ACOAP_LOAD_NORMAL);
  ck_assert_uint_eq(stats.resources, 1); /* /.well-known/core */
  ck_assert_uint_eq(stats.requests, UINT64_C(0xeeeeeeeeeeeeeeee));
  server_rig_close(&rig);
}
END_TEST

static Suite *dispatch_suite(void) {
  Suite *suite = suite_create("flow/server_dispatch");
  TCase *tcase = tcase_create("dispatch");
  tcase_add_test(tcase, rfc7252_5_4_1_unknown_critical_option_is_402);
  tcase_add_test(tcase, rfc7252_4_3_unknown_critical_option_in_a_non_is_rejected_silently);
  tcase_add_test(tcase, unknown_elective_option_is_ignored);
  tcase_add_test(tcase, every_critical_option_is_looked_at);
  tcase_add_loop_test(tcase, critical_option_that_cannot_be_taken_is_402, 0,
                      (int)(sizeof(bad_rows) / sizeof(bad_rows[0])));
  tcase_add_test(tcase, a_bad_option_goes_before_a_missing_resource);
  tcase_add_test(tcase, rfc7252_5_10_2_proxy_options_are_505);
  tcase_add_test(tcase, rfc8768_hop_limit_is_accepted);
  tcase_add_test(tcase, rfc8768_hop_limit_of_0_or_above_255_is_400);
  tcase_add_test(tcase, path_without_a_resource_is_404);
  tcase_add_test(tcase, rfc7252_5_8_method_without_a_handler_is_405);
  tcase_add_test(tcase, default_handler_has_what_no_resource_has);
  tcase_add_test(tcase, rfc7959_2_2_reserved_block_size_is_400);
  tcase_add_test(
      tcase, rfc7959_2_4_later_block_of_an_unknown_answer_is_408_where_it_would_repeat_something);
  tcase_add_test(tcase, rfc7252_5_10_4_accept_of_nothing_that_is_given_is_406);
  tcase_add_test(tcase, rfc7252_5_10_3_body_in_no_format_that_is_taken_is_415);
  tcase_add_test(tcase, first_block_in_a_wrong_format_is_415_at_once);
  tcase_add_test(tcase, rfc7252_5_10_8_without_a_version_the_resource_is_there_and_has_no_name);
  tcase_add_test(tcase, rfc7252_5_10_8_a_version_decides);
  tcase_add_test(tcase, rfc7252_5_10_6_2_known_etag_is_203_before_the_handler_is_asked);
  tcase_add_test(tcase, conditions_that_handlers_understand_are_left_to_them);
  tcase_add_test(tcase, precondition_of_a_blockwise_body_is_judged_at_both_ends);
  tcase_add_test(tcase, rfc9175_2_3_a_request_that_may_be_late_is_asked_for_its_echo);
  tcase_add_test(tcase, resource_is_removed_in_its_own_handler);
  tcase_add_test(tcase, resource_is_removed_in_its_own_handler_which_drops_the_request);
  tcase_add_test(tcase, server_is_freed_in_a_handler);
  tcase_add_test(tcase, server_is_freed_while_it_asks_for_a_version);
  tcase_add_test(tcase, server_is_freed_while_a_request_is_kept);
  tcase_add_test(tcase, resource_is_removed_while_its_request_is_kept);
  tcase_add_test(tcase, endpoint_closes_while_a_request_is_kept_and_before_the_server_is_freed);
  tcase_add_test(tcase, server_refuses_what_makes_no_sense);
  tcase_add_test(tcase, server_tells_the_first_failure_once);
  tcase_add_test(tcase, closing_endpoint_takes_no_server);
  tcase_add_test(tcase, counters_are_copied_as_far_as_the_caller_knows_them);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(dispatch_suite)
