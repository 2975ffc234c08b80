/*
 * acoap serve --plugtest, asked as no library asks: messages that are wrong, options that are out
 * of place, blocks in every order, tokens and Message IDs used again. What the RFCs say of each is
 * in the test's name.
 * SPDX-License-Identifier: MIT
 */
#include "served.h"

#include <string.h>
#include <sys/socket.h>

#include "check_main.h"

enum { SHORT_MS = 150, BODY = 300 };

static served_t served;
static script_client_t client;
static uint8_t body[BODY];

static void start(void) {
  const char *const mode[] = {"--plugtest", NULL};
  served_start(&served, ACOAP_TOOL, mode);
  client_open(&client, served.port);
  for (size_t i = 0; i < sizeof(body); i++) {
    body[i] = (uint8_t)('a' + i % 26);
  }
}

static void stop(void) {
  client_close(&client);
  served_stop(&served);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void option(uint16_t number, const void *value, size_t len) {
  acoap_builder_option(&client.builder, number, value, len);
}

static void block(uint16_t number, uint32_t num, bool more, size_t size) {
  acoap_block_t value = {num, more, (uint8_t)acoap_block_szx(size)};
  acoap_builder_block(&client.builder, number, &value);
}

static void expect_block(uint16_t number, uint32_t num, bool more, size_t size) {
  acoap_block_t heard = heard_block(&client, number);
  ck_assert_uint_eq(heard.num, num);
  ck_assert_int_eq(heard.more, more);
  ck_assert_uint_eq(acoap_block_size(heard.szx), size);
}

/* PUT /large-update, a block of the body. */
static void put_block(uint32_t num, bool more, size_t size, size_t len, uint8_t code) {
  client_begin(&client, ACOAP_CON, ACOAP_CODE_PUT, "/large-update");
  block(ACOAP_OPTION_BLOCK1, num, more, size);
  acoap_builder_payload(&client.builder, body + num * size, len);
  client_ask(&client, code);
  if (acoap_code_is_success(code)) {
    expect_block(ACOAP_OPTION_BLOCK1, num, more && code == ACOAP_CODE_CONTINUE, size);
  }
}

static void expect_stored(size_t len) {
  client_get(&client, ACOAP_CON, "/large-update", ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(client.heard.payload.len, len);
  ck_assert_mem_eq(client.heard.payload.data, body, len);
}

static void get_block(const char *path, uint32_t num, size_t size, uint8_t code) {
  client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, path);
  block(ACOAP_OPTION_BLOCK2, num, false, size);
  client_ask(&client, code);
}

/* ---- messages -------------------------------------------------------------------------------- */

START_TEST(rfc7252_4_2_what_cannot_be_read_is_reset_or_ignored) {
  static const struct {
    const char *bytes;
    size_t len;
    bool reset;
  } rows[] = {
      {"\x40\x00\x12\x34", 4, true},    /* ping */
      {"\x40\x00\x12\x34zzz", 7, true}, /* an Empty message with bytes behind it */
      {"\x41\x00\x12\x34z", 5, true},   /* and one with a token */
      {"\x50\x00\x12\x34", 4, false},   /* NON */
      {"\x60\x00\x12\x34", 4, false},   /* nobody asked for it */
      {"\x70\x00\x12\x34", 4, false},
      {"\x80\x01\x12\x34", 4, false}, /* version 2 */
      {"\x40\x01\x12", 3, false},     /* no header */
      {"\x4f\x01\x12\x34"
       "aaaaaaaaa",
       13, true}, /* a token length of 15, which is reserved (RFC 8974 section 2.1) */
      {"\x5f\x01\x12\x34"
       "aaaaaaaaa",
       13, false},
      {"\x49\x01\x12\x34", 4, true}, /* a token that is longer than the message */
      {"\x4e\x01\x12\x34\xff\xff", 6, true},
      {"\x40\x01\x12\x34\xb4test\xff", 10, true}, /* a payload marker and no payload */
      {"\x40\x01\x12\x34\xf4test", 9, true},      /* option delta 15 */
      {"\x40\x01\x12\x34\xbftest", 9, true},      /* option length 15 */
      {"\x40\x01\x12\x34\xb8test", 9, true},      /* longer than the message */
      {"\x50\x01\x12\x34\xb8test", 9, false},
      {"\x40\x01\x12\x34\xe0\xff\xff\xe0\xff\xff", 10, true}, /* numbers beyond 65535 */
      {"\x40\x20\x12\x34\xb4test", 9, true},                  /* code 1.00 */
      {"\x50\xc1\x12\x34\xb4test", 9, false},                 /* code 6.01 */
      {"\x60\x01\x12\x34\xb4test", 9, false},                 /* a request in an ACK */
      {"\x40\x45\x12\x34\xffx", 6, true},                     /* a response that nobody waits for */
      {"\x50\x45\x12\x34\xffx", 6, false},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ck_assert_int_eq(send(client.fd, rows[i].bytes, rows[i].len, 0), (ssize_t)rows[i].len);
    if (!rows[i].reset) {
      client_expect_silence(&client, SHORT_MS);
      continue;
    }
    ck_assert_msg(client_hear(&client, SERVED_WAIT_MS), "row %zu: silence", i);
    ck_assert_uint_eq(client.in_len, 4);
    ck_assert_int_eq(client.heard.type, ACOAP_RST);
    ck_assert_uint_eq(client.heard.message_id, 0x1234);
  }
  client_get(&client, ACOAP_CON, "/test", ACOAP_CODE_CONTENT);
}
END_TEST

START_TEST(rfc7252_4_5_a_message_id_used_again_is_a_duplicate_or_another_request) {
  static uint8_t first[SERVED_DATAGRAM_MAX];
  client_begin(&client, ACOAP_CON, ACOAP_CODE_POST, "/large-create");
  acoap_builder_payload(&client.builder, "x", 1);
  client_ask(&client, ACOAP_CODE_CREATED);
  size_t len = client.in_len;
  memcpy(first, client.in, len);
  client_send_again(&client);
  ck_assert(client_hear(&client, SERVED_WAIT_MS));
  ck_assert_uint_eq(client.in_len, len);
  ck_assert_mem_eq(client.in, first, len); /* the same Location-Path: it was made once */
  client.message_id--;                     /* a client that has restarted */
  client.token[0] ^= 0xff;
  client_get(&client, ACOAP_CON, "/query?a=1", ACOAP_CODE_CONTENT);
  ck_assert(heard_payload(&client, "a=1"));
  client_begin(&client, ACOAP_NON, ACOAP_CODE_GET, "/test");
  client_ask(&client, ACOAP_CODE_CONTENT);
  client_send_again(&client);
  client_expect_silence(&client, SHORT_MS);
}
END_TEST

/* ---- options --------------------------------------------------------------------------------- */

START_TEST(rfc7252_5_4_critical_options_are_refused_and_elective_ones_ignored) {
  static const struct {
    uint16_t number;
    const char *value;
    size_t len;
    uint8_t code;
  } rows[] = {
      {65001, "x", 1, ACOAP_CODE_BAD_OPTION}, /* nobody's */
      {65000, "x", 1, ACOAP_CODE_CONTENT},
      {ACOAP_OPTION_URI_HOST, "", 0, ACOAP_CODE_BAD_OPTION}, /* of a wrong length */
      {ACOAP_OPTION_URI_PORT, "\1\2\3", 3, ACOAP_CODE_BAD_OPTION},
      {ACOAP_OPTION_ACCEPT, "\0\0\0", 3, ACOAP_CODE_BAD_OPTION},
      {ACOAP_OPTION_BLOCK2, "\0\0\0\0", 4, ACOAP_CODE_BAD_OPTION},
      {ACOAP_OPTION_IF_MATCH, "123456789", 9, ACOAP_CODE_BAD_OPTION},
      {ACOAP_OPTION_ETAG, "123456789", 9, ACOAP_CODE_CONTENT},
      {ACOAP_OPTION_ECHO, "", 0, ACOAP_CODE_CONTENT},
      {ACOAP_OPTION_OBSERVE, "\0\0\0\0", 4, ACOAP_CODE_CONTENT},
      {ACOAP_OPTION_BLOCK1, "\x02", 1, ACOAP_CODE_BAD_OPTION},  /* not defined for a GET */
      {ACOAP_OPTION_BLOCK2, "\x07", 1, ACOAP_CODE_BAD_REQUEST}, /* RFC 7959 section 2.2 */
      {ACOAP_OPTION_PROXY_URI, "coap://x/y", 10, ACOAP_CODE_PROXYING_NOT_SUPPORTED},
      {ACOAP_OPTION_PROXY_SCHEME, "coap", 4, ACOAP_CODE_PROXYING_NOT_SUPPORTED},
      {ACOAP_OPTION_HOP_LIMIT, "\0", 1, ACOAP_CODE_BAD_REQUEST}, /* RFC 8768 section 3 */
      {ACOAP_OPTION_HOP_LIMIT, "\1", 1, ACOAP_CODE_CONTENT},
      {ACOAP_OPTION_HOP_LIMIT, "\xff", 1, ACOAP_CODE_CONTENT},
      {ACOAP_OPTION_HOP_LIMIT, "\1\0", 2, ACOAP_CODE_BAD_REQUEST},
      {ACOAP_OPTION_URI_HOST, "example.org", 11, ACOAP_CODE_CONTENT}, /* one host, many names */
      {ACOAP_OPTION_MAX_AGE, "\5", 1, ACOAP_CODE_CONTENT},
      {ACOAP_OPTION_IF_NONE_MATCH, "", 0, ACOAP_CODE_PRECONDITION_FAILED},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, "/test");
    option(rows[i].number, rows[i].value, rows[i].len);
    client_ask(&client, rows[i].code);
  }
  client_begin(&client, ACOAP_NON, ACOAP_CODE_GET, "/test");
  option(65001, "x", 1);
  client_send(&client);
  client_expect_silence(&client, SHORT_MS);
  client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, "/multi-format");
  option(ACOAP_OPTION_ACCEPT, "", 0);
  option(ACOAP_OPTION_ACCEPT, "\x32", 1); /* section 5.4.5: it may not repeat */
  client_ask(&client, ACOAP_CODE_BAD_OPTION);
}
END_TEST

START_TEST(rfc7252_5_10_8_conditions_with_several_values) {
  uint8_t etag[8];
  client_begin(&client, ACOAP_CON, ACOAP_CODE_PUT, "/create1");
  option(ACOAP_OPTION_IF_MATCH, "", 0);
  client_ask(&client, ACOAP_CODE_PRECONDITION_FAILED); /* nothing is there */
  client_begin(&client, ACOAP_CON, ACOAP_CODE_PUT, "/create1");
  option(ACOAP_OPTION_IF_NONE_MATCH, "", 0);
  acoap_builder_payload(&client.builder, "x", 1);
  client_ask(&client, ACOAP_CODE_CREATED);
  client_get(&client, ACOAP_CON, "/create1", ACOAP_CODE_CONTENT);
  size_t len = heard_etag(&client, etag);
  client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, "/create1");
  option(ACOAP_OPTION_ETAG, "no", 2);
  option(ACOAP_OPTION_ETAG, etag, len);
  client_ask(&client, ACOAP_CODE_VALID);
  ck_assert_uint_eq(client.heard.payload.len, 0);
  client_begin(&client, ACOAP_CON, ACOAP_CODE_PUT, "/create1");
  option(ACOAP_OPTION_IF_MATCH, "no", 2);
  option(ACOAP_OPTION_IF_MATCH, etag, len);
  acoap_builder_payload(&client.builder, "y", 1);
  client_ask(&client, ACOAP_CODE_CHANGED);
  client_begin(&client, ACOAP_CON, ACOAP_CODE_PUT, "/create1");
  option(ACOAP_OPTION_IF_MATCH, etag, len); /* the version before */
  client_ask(&client, ACOAP_CODE_PRECONDITION_FAILED);
  client_begin(&client, ACOAP_CON, ACOAP_CODE_PUT, "/create1");
  option(ACOAP_OPTION_IF_MATCH, "", 0);
  option(ACOAP_OPTION_IF_NONE_MATCH, "", 0);
  client_ask(&client, ACOAP_CODE_PRECONDITION_FAILED);
}
END_TEST

START_TEST(rfc7967_2_1_classes_that_are_not_wanted_are_left_out) {
  static const uint8_t wishes[] = {0, 2, 8, 16, 26};
  for (size_t i = 0; i < sizeof(wishes); i++) {
    for (int missing = 0; missing < 2; missing++) {
      bool unwanted = (wishes[i] & (missing != 0 ? 8 : 2)) != 0;
      const char *path = missing != 0 ? "/nothing" : "/test";
      client_begin(&client, ACOAP_NON, ACOAP_CODE_GET, path);
      acoap_builder_uint(&client.builder, ACOAP_OPTION_NO_RESPONSE, wishes[i]);
      client_send(&client);
      if (unwanted) {
        client_expect_silence(&client, SHORT_MS);
      } else {
        ck_assert(client_hear(&client, SERVED_WAIT_MS));
      }
      client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, path);
      acoap_builder_uint(&client.builder, ACOAP_OPTION_NO_RESPONSE, wishes[i]);
      client_send(&client);
      ck_assert(client_hear(&client, SERVED_WAIT_MS));
      ck_assert_int_eq(client.heard.type, ACOAP_ACK);
      ck_assert_int_eq(client.heard.code == ACOAP_CODE_EMPTY, unwanted);
    }
  }
}
END_TEST

/* ---- bodies ---------------------------------------------------------------------------------- */

START_TEST(rfc7959_2_5_a_body_comes_under_any_tokens_in_sizes_that_shrink) {
  for (size_t len = 0; len <= 1; len++) { /* of the token: none throughout, another one each time */
    client.token_len = len;
    for (uint32_t num = 0; num < 5; num++) {
      client.token[0]++;
      put_block(num, num < 4, 64, num < 4 ? 64 : 44,
                num < 4 ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CHANGED);
    }
    expect_stored(300);
  }
  put_block(0, true, 128, 128, ACOAP_CODE_CONTINUE);
  put_block(2, true, 64, 64, ACOAP_CODE_CONTINUE);
  put_block(12, false, 16, 8, ACOAP_CODE_CHANGED);
  expect_stored(200);
}
END_TEST

START_TEST(rfc7959_2_9_blocks_out_of_place_are_4_08_and_the_rest_goes_on) {
  put_block(3, true, 64, 64, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE); /* nothing was begun */
  put_block(0, true, 64, 64, ACOAP_CODE_CONTINUE);
  put_block(2, true, 64, 64, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE); /* a gap */
  put_block(1, true, 64, 64, ACOAP_CODE_CONTINUE);
  put_block(1, true, 64, 64, ACOAP_CODE_CONTINUE); /* a new message, the same block */
  put_block(0, true, 32, 32, ACOAP_CODE_CONTINUE); /* begins anew */
  put_block(1, true, 64, 64, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
  put_block(1, false, 32, 8, ACOAP_CODE_CHANGED);
  expect_stored(40);
  put_block(1, false, 32, 8, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE); /* that one is over */
  put_block(0, false, 64, 10, ACOAP_CODE_CHANGED);
  expect_stored(10);
  put_block(0, true, 64, 5, ACOAP_CODE_BAD_REQUEST); /* more follow, but it is short */
  put_block(0, true, 16, 64, ACOAP_CODE_BAD_REQUEST);
  put_block(0, false, 16, 17, ACOAP_CODE_BAD_REQUEST);
  expect_stored(10);
}
END_TEST

START_TEST(rfc9175_3_bodies_of_one_client_are_told_apart_by_their_request_tags) {
  static const char *const tags[] = {"", "a", "bb"};
  for (uint32_t num = 0; num < 2; num++) {
    for (size_t i = 0; i < 3; i++) {
      client_begin(&client, ACOAP_CON, ACOAP_CODE_PUT, "/large-update");
      option(ACOAP_OPTION_REQUEST_TAG, tags[i], strlen(tags[i]));
      block(ACOAP_OPTION_BLOCK1, num, num == 0, 64);
      acoap_builder_payload(&client.builder, body + i, num == 0 ? 64 : 3 + i);
      client_ask(&client, num == 0 ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CHANGED);
      if (num > 0) {
        client_get(&client, ACOAP_CON, "/large-update", ACOAP_CODE_CONTENT);
        ck_assert_uint_eq(client.heard.payload.len, 64 + 3 + i);
        ck_assert_mem_eq(client.heard.payload.data, body + i, 64);
      }
    }
  }
}
END_TEST

START_TEST(rfc7959_2_4_blocks_are_read_in_any_order_and_size) {
  get_block("/large", 19, 64, ACOAP_CODE_CONTENT);
  expect_block(ACOAP_OPTION_BLOCK2, 19, false, 64);
  get_block("/large", 0, 1024, ACOAP_CODE_CONTENT);
  expect_block(ACOAP_OPTION_BLOCK2, 0, true, 1024);
  get_block("/large", 2, 512, ACOAP_CODE_CONTENT);
  expect_block(ACOAP_OPTION_BLOCK2, 2, false, 512);
  ck_assert_uint_eq(client.heard.payload.len, 256);
  get_block("/large", 79, 16, ACOAP_CODE_CONTENT);
  expect_block(ACOAP_OPTION_BLOCK2, 79, false, 16);
  get_block("/large", 80, 16, ACOAP_CODE_BAD_REQUEST); /* behind the end */
  get_block("/large", 1048575, 1024, ACOAP_CODE_BAD_REQUEST);
  get_block("/seg1/seg2/seg3", 0, 64, ACOAP_CODE_CONTENT); /* section 2.2: whole, and says so */
  expect_block(ACOAP_OPTION_BLOCK2, 0, false, 64);
  get_block("/nothing", 0, 64, ACOAP_CODE_NOT_FOUND);
  ck_assert_uint_eq(heard_uint(&client, ACOAP_OPTION_BLOCK2), UINT32_MAX);
}
END_TEST

START_TEST(rfc7959_2_4_a_transfer_keeps_the_version_it_began_with) {
  uint8_t etags[2][8];
  script_client_t other;
  put_block(0, false, 256, 200, ACOAP_CODE_CHANGED);
  get_block("/large-update", 0, 64, ACOAP_CODE_CONTENT);
  size_t len = heard_etag(&client, etags[0]);
  client_open(&other, served.port);
  client_begin(&other, ACOAP_CON, ACOAP_CODE_PUT, "/large-update");
  acoap_builder_payload(&other.builder, body + 5, 200);
  client_ask(&other, ACOAP_CODE_CHANGED);
  client_close(&other);
  get_block("/large-update", 1, 64, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(heard_etag(&client, etags[1]), len);
  ck_assert_mem_eq(etags[1], etags[0], len);
  ck_assert_mem_eq(client.heard.payload.data, body + 64, 64);
  get_block("/large-update", 0, 64, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(heard_etag(&client, etags[1]), len);
  ck_assert_mem_ne(etags[1], etags[0], len);
  ck_assert_mem_eq(client.heard.payload.data, body + 5, 64);
}
END_TEST

START_TEST(rfc7959_3_3_the_rest_of_a_post_is_fetched_with_and_without_the_body) {
  for (uint32_t num = 0; num < 4; num++) {
    client_begin(&client, ACOAP_CON, ACOAP_CODE_POST, "/large-post");
    block(ACOAP_OPTION_BLOCK2, num, false, 32);
    if (num < 2) {
      acoap_builder_payload(&client.builder, body, 100);
    }
    client_ask(&client, ACOAP_CODE_CHANGED);
    expect_block(ACOAP_OPTION_BLOCK2, num, num < 3, 32);
    ck_assert_int_eq(client.heard.payload.data[0], 'A' + (int)(num * 32 % 26));
  }
}
END_TEST

/* ---- observers ------------------------------------------------------------------------------- */

/* GET with Observe under this token; true: registered. */
static bool observe(const char *path, char token, uint32_t value) {
  client.token_len = 1;
  client.token[0] = (uint8_t)token;
  client_begin(&client, ACOAP_NON, ACOAP_CODE_GET, path);
  acoap_builder_uint(&client.builder, ACOAP_OPTION_OBSERVE, value);
  client_ask(&client, ACOAP_CODE_CONTENT);
  return heard_uint(&client, ACOAP_OPTION_OBSERVE) != UINT32_MAX;
}

/* Another client changes /obs-non. */
static void change(const char *text) {
  script_client_t other;
  client_open(&other, served.port);
  client_begin(&other, ACOAP_CON, ACOAP_CODE_PUT, "/obs-non");
  acoap_builder_payload(&other.builder, text, strlen(text));
  client_ask(&other, ACOAP_CODE_CHANGED);
  client_close(&other);
}

/* One notification with this text, under this token, whatever the clock adds. */
static void expect_told(const char *text, char token) {
  ck_assert(client_hear(&client, SERVED_WAIT_MS));
  ck_assert(heard_payload(&client, text));
  ck_assert_uint_eq(client.heard.token.len, 1);
  ck_assert_int_eq(client.heard.token.data[0], token);
}

START_TEST(rfc7641_4_1_a_registration_is_known_by_endpoint_and_token) {
  ck_assert(observe("/obs-non", 'A', 0));
  ck_assert(observe("/obs-non", 'B', 0)); /* the same target: the first one is replaced */
  change("one");
  expect_told("one", 'B');
  client_expect_silence(&client, SHORT_MS);
  ck_assert(!observe("/obs-non", 'A', 1)); /* that is none */
  change("two");
  expect_told("two", 'B');
  ck_assert(!observe("/obs-non", 'B', 1));
  change("three");
  client_expect_silence(&client, SHORT_MS);
  ck_assert(!observe("/obs-non", 'C', 2)); /* neither 0 nor 1 */
  ck_assert(!observe("/test", 'C', 0));    /* takes no observers */
  ck_assert(observe("/obs-non?a=1", 'D', 0));
  ck_assert(observe("/obs-non?a=2", 'E', 0)); /* another target */
  change("four");
  expect_told("four", 'D');
  expect_told("four", 'E');
  client_send_empty(&client, ACOAP_RST, client.heard.message_id); /* of a NON */
  change("five");
  expect_told("five", 'D');
  client_expect_silence(&client, SHORT_MS);
}
END_TEST

static Suite *server_raw_suite(void) {
  Suite *suite = suite_create("server_raw");
  TCase *tcase = tcase_create("messages");
  tcase_add_checked_fixture(tcase, start, stop);
  tcase_add_test(tcase, rfc7252_4_2_what_cannot_be_read_is_reset_or_ignored);
  tcase_add_test(tcase, rfc7252_4_5_a_message_id_used_again_is_a_duplicate_or_another_request);
  tcase_add_test(tcase, rfc7252_5_4_critical_options_are_refused_and_elective_ones_ignored);
  tcase_add_test(tcase, rfc7252_5_10_8_conditions_with_several_values);
  tcase_add_test(tcase, rfc7967_2_1_classes_that_are_not_wanted_are_left_out);
  tcase_add_test(tcase, rfc7959_2_5_a_body_comes_under_any_tokens_in_sizes_that_shrink);
  tcase_add_test(tcase, rfc7959_2_9_blocks_out_of_place_are_4_08_and_the_rest_goes_on);
  tcase_add_test(tcase, rfc9175_3_bodies_of_one_client_are_told_apart_by_their_request_tags);
  tcase_add_test(tcase, rfc7959_2_4_blocks_are_read_in_any_order_and_size);
  tcase_add_test(tcase, rfc7959_2_4_a_transfer_keeps_the_version_it_began_with);
  tcase_add_test(tcase, rfc7959_3_3_the_rest_of_a_post_is_fetched_with_and_without_the_body);
  tcase_add_test(tcase, rfc7641_4_1_a_registration_is_known_by_endpoint_and_token);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(server_raw_suite)
