/*
 * What peers in the field do, met by the heapless endpoint: codes and options beyond the
 * registries, answers from elsewhere, servers with smaller blocks or none, clients and devices that
 * restart (RFC 7252 sections 4.4, 4.5, 5.3.2, 5.9; RFC 7959 sections 2.3 to 2.5). The rules of
 * field_test.c.
 * SPDX-License-Identifier: MIT
 */
#include "support/check_main.h"
#include "support/poll_rig.h"

static poll_rig_t rig;

static void start(void) {
  poll_rig_init(&rig, NULL);
  poll_rig_start(&rig);
}

static void stop(void) {
  poll_rig_done(&rig);
}

static int ask(acoap_type_t type, void (*write)(acoap_builder_t *)) {
  acoap_address_t peer = poll_peer(1);
  acoap_builder_t request;
  int exchange = acoap_tiny_request_begin(rig.tiny, ACOAP_CODE_GET, &request);
  ck_assert_int_gt(exchange, 0);
  if (write != NULL) {
    write(&request);
  }
  ck_assert_int_eq(
      acoap_tiny_request_send(rig.tiny, rig.now, exchange, &peer, type, false, &request), 0);
  return exchange;
}

/* Begin the answer to what was sent: in the ACK of a CON, otherwise as a NON. */
static void begin_answer(acoap_builder_t *answer, uint8_t bytes[300],
                         const poll_datagram_t *request, uint8_t code) {
  bool con = request->view.type == ACOAP_CON;
  acoap_builder_init(answer, bytes, 300, con ? ACOAP_ACK : ACOAP_NON, code,
                     con ? request->view.message_id : 0x4711, request->view.token.data,
                     request->view.token.len);
}

static void give(acoap_builder_t *answer) {
  int len = acoap_builder_finish(answer);
  ck_assert_int_gt(len, 0);
  poll_rig_feed(&rig, 1, answer->bytes, (size_t)len);
}

/* ---- peers ----------------------------------------------------------------------------------- */

START_TEST(announcement_with_code_0_30_comes_up) {
  static const char payload[] = "{\"G\":[[0,9103,0],[0,1101,1]]}";
  acoap_address_t device = poll_peer(33);
  uint8_t bytes[100];
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_NON, 30, 0x1234, NULL, 0);
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "cit", 3);
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "s", 1);
  acoap_builder_option(&builder, 3332, "SHSW-25#6A1B2C#2", 16);
  acoap_builder_uint(&builder, 3412, 38400);
  acoap_builder_payload(&builder, payload, strlen(payload));
  ck_assert_int_eq(acoap_tiny_receive_multicast(rig.tiny, rig.now, &device, bytes,
                                                (size_t)acoap_builder_finish(&builder)),
                   0);
  poll_rig_poll(&rig);
  const poll_told_t *told = poll_rig_told(&rig, ACOAP_TINY_REQUEST);
  ck_assert_uint_eq(told->event.inbound.code, 30);
  ck_assert(told->event.inbound.multicast);
  ck_assert(acoap_address_equal(&told->event.peer, &device));
  ck_assert_str_eq(told->payload, payload);
  poll_rig_run_until(&rig, 600000);
  poll_rig_silence(&rig); /* nobody answers an announcement, RST included (section 8.1) */
}
END_TEST

START_TEST(unknown_response_codes_are_told) {
  static const uint8_t codes[] = {ACOAP_CODE(2, 30), ACOAP_CODE(2, 0), ACOAP_CODE(4, 27),
                                  ACOAP_CODE(5, 30), ACOAP_CODE(3, 1)};
  for (size_t i = 0; i < sizeof(codes); i++) {
    for (int con = 0; con < 2; con++) {
      acoap_builder_t answer;
      uint8_t bytes[300];
      int exchange = ask(con ? ACOAP_CON : ACOAP_NON, NULL);
      const poll_datagram_t *request =
          poll_rig_expect(&rig, con ? ACOAP_CON : ACOAP_NON, ACOAP_CODE_GET, -1);
      begin_answer(&answer, bytes, request, codes[i]);
      acoap_message_set_header(bytes, con ? ACOAP_ACK : ACOAP_NON,
                               con ? request->view.message_id : (uint16_t)i);
      acoap_builder_payload(&answer, "strange", 7);
      give(&answer);
      const poll_told_t *told = poll_rig_told(&rig, ACOAP_TINY_RESPONSE);
      ck_assert_int_eq(told->event.exchange, exchange);
      ck_assert_uint_eq(told->event.view.code, codes[i]);
      ck_assert_str_eq(told->payload, "strange");
    }
  }
}
END_TEST

START_TEST(answer_from_another_port_or_address_is_dropped_and_counted) {
  acoap_builder_t answer;
  uint8_t bytes[300];
  acoap_address_t elsewhere = poll_peer(1);
  int exchange = ask(ACOAP_NON, NULL);
  const poll_datagram_t *request = poll_rig_expect(&rig, ACOAP_NON, ACOAP_CODE_GET, -1);
  begin_answer(&answer, bytes, request, ACOAP_CODE_CONTENT);
  elsewhere.port++;
  acoap_tiny_receive(rig.tiny, rig.now, &elsewhere, bytes, (size_t)acoap_builder_finish(&answer));
  poll_rig_poll(&rig);
  poll_rig_feed(&rig, 2, bytes, (size_t)acoap_builder_finish(&answer));
  poll_rig_nothing_told(&rig);
  ck_assert_uint_eq(acoap_tiny_stats(rig.tiny)->wrong_source, 2);
  give(&answer);
  ck_assert_int_eq(poll_rig_told(&rig, ACOAP_TINY_RESPONSE)->event.exchange, exchange);
}
END_TEST

/* ---- blocks ---------------------------------------------------------------------------------- */

static acoap_tiny_download_t download;
static acoap_tiny_upload_t upload;
static acoap_tiny_slice_t slice;
static const uint8_t body[100] = {1, 2, 3};

static void write_download(acoap_builder_t *request) {
  acoap_tiny_download_option(&download, request);
}

static void write_upload(acoap_builder_t *request) {
  acoap_builder_code(request, ACOAP_CODE_PUT);
  acoap_tiny_upload_option(&upload, request, &slice);
  acoap_builder_payload(request, body + slice.offset, slice.len);
}

static int result;

static void take(poll_rig_t *of, const acoap_tiny_event_t *event) {
  (void)of;
  ck_assert_int_eq(event->kind, ACOAP_TINY_RESPONSE);
  result = acoap_view_block(&event->view, ACOAP_OPTION_BLOCK2, &(acoap_block_t){0}) != 0
               ? acoap_tiny_download_take(&download, &event->view)
               : acoap_tiny_upload_take(&upload, &event->view);
}

START_TEST(server_answers_smaller_blocks_than_asked) {
  rig.on_event = take;
  ck_assert_int_eq(acoap_tiny_download_init(&download, 64), 0);
  for (uint32_t num = 0; num < 7; num++) {
    acoap_builder_t answer;
    acoap_block_t asked;
    acoap_block_t block = {.num = num, .more = num < 6, .szx = 0};
    uint8_t bytes[300];
    ask(ACOAP_CON, write_download);
    const poll_datagram_t *request = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_GET, -1);
    ck_assert_int_eq(acoap_view_block(&request->view, ACOAP_OPTION_BLOCK2, &asked), 1);
    ck_assert_uint_eq(asked.szx, num == 0 ? 2 : 0);
    ck_assert_uint_eq(asked.num, num);
    begin_answer(&answer, bytes, request, ACOAP_CODE_CONTENT);
    acoap_builder_block(&answer, ACOAP_OPTION_BLOCK2, &block);
    acoap_builder_payload(&answer, body + 16 * num, num < 6 ? 16 : 4);
    give(&answer);
    ck_assert_int_eq(result, num < 6 ? 1 : 0);
  }
}
END_TEST

/* Send the next block; returns its Block1. */
static acoap_block_t send_block(const poll_datagram_t **request) {
  acoap_block_t block;
  ask(ACOAP_CON, write_upload);
  *request = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_PUT, -1);
  ck_assert_int_eq(acoap_view_block(&(*request)->view, ACOAP_OPTION_BLOCK1, &block), 1);
  ck_assert_uint_eq((*request)->view.payload.len, slice.len);
  return block;
}

static void answer_block(const poll_datagram_t *request, uint8_t code, const acoap_block_t *block) {
  acoap_builder_t answer;
  uint8_t bytes[300];
  begin_answer(&answer, bytes, request, code);
  if (block != NULL) {
    acoap_builder_block(&answer, ACOAP_OPTION_BLOCK1, block);
  }
  give(&answer);
}

/* In the first 2.31 (section 2.3), or by a 4.13 (section 2.9.3). */
START_TEST(server_asks_for_smaller_blocks_of_an_upload) {
  const poll_datagram_t *request;
  rig.on_event = take;
  for (int refused = 0; refused < 2; refused++) {
    acoap_block_t smaller = {.num = 0, .more = !refused, .szx = 0};
    ck_assert_int_eq(acoap_tiny_upload_init(&upload, sizeof(body), 32), 0);
    ck_assert_uint_eq(send_block(&request).szx, 1);
    answer_block(request, refused ? ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE : ACOAP_CODE_CONTINUE,
                 &smaller);
    ck_assert_int_eq(result, 1);
    for (uint32_t num = refused ? 0 : 2; num < 7; num++) {
      acoap_block_t block = send_block(&request);
      ck_assert_uint_eq(block.szx, 0);
      ck_assert_uint_eq(block.num, num);
      ck_assert_int_eq(block.more, num < 6);
      answer_block(request, num < 6 ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CHANGED, &block);
      ck_assert_int_eq(result, num < 6 ? 1 : 0);
    }
  }
}
END_TEST

START_TEST(tokens_of_an_upload_are_new_each_time) {
  const poll_datagram_t *request;
  uint8_t seen[7][8];
  rig.on_event = take;
  ck_assert_int_eq(acoap_tiny_upload_init(&upload, sizeof(body), 16), 0);
  for (uint32_t num = 0; num < 7; num++) {
    acoap_block_t block = send_block(&request);
    ck_assert_uint_eq(request->view.token.len, 8);
    memcpy(seen[num], request->view.token.data, 8);
    for (uint32_t i = 0; i < num; i++) {
      ck_assert_int_ne(memcmp(seen[i], seen[num], 8), 0);
    }
    answer_block(request, num < 6 ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CHANGED, &block);
  }
  ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(server_that_takes_the_first_block_for_the_body_is_reported) {
  const poll_datagram_t *request;
  rig.on_event = take;
  ck_assert_int_eq(acoap_tiny_upload_init(&upload, sizeof(body), 64), 0);
  send_block(&request);
  answer_block(request, ACOAP_CODE_CHANGED, NULL);
  ck_assert_int_eq(result, ACOAP_EINCOMPLETE);
  /* An error is the answer to the whole, wherever it comes. */
  ck_assert_int_eq(acoap_tiny_upload_init(&upload, sizeof(body), 64), 0);
  send_block(&request);
  answer_block(request, ACOAP_CODE_FORBIDDEN, NULL);
  ck_assert_int_eq(result, 0);
}
END_TEST

/* ---- restarts -------------------------------------------------------------------------------- */

static unsigned handled;

static int get_new(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  (void)request;
  handled++;
  acoap_builder_payload(answer, "new", 3);
  return ACOAP_TINY_SEND;
}

static const acoap_tiny_resource_t resources[] = {{"/x", ACOAP_CODE_GET, 0, 0, get_new, NULL, NULL},
                                                  {0}};

/* On the same port, and with the same first Message ID each time: other tokens make other messages.
 */
START_TEST(restarted_client_is_never_answered_from_memory) {
  enum { RESTARTS = 200 };
  stop();
  poll_rig_init(&rig, resources);
  poll_rig_start(&rig);
  handled = 0;
  for (int i = 0; i < RESTARTS; i++) {
    char token[] = "t.......";
    token[1] = (char)('0' + i / 16);
    token[2] = (char)('a' + i % 16);
    rig.now += 50;
    poll_rig_ask(&rig, 1, ACOAP_CON, ACOAP_CODE_GET, 1, token, "x", 0, NULL, 0);
    const poll_datagram_t *answer = poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, 1);
    ck_assert_int_eq(memcmp(answer->view.token.data, token, 8), 0);
  }
  ck_assert_uint_eq(handled, RESTARTS);
  ck_assert_uint_eq(acoap_tiny_stats(rig.tiny)->message_id_reused, RESTARTS - 1);
}
END_TEST

/* The first Message ID and token of 256 fresh devices, each with entropy of its own. */
START_TEST(fresh_devices_start_anywhere) {
  enum { DEVICES = 256 };
  static uint8_t tokens[DEVICES][8];
  static uint16_t ids[DEVICES];
  unsigned buckets[16] = {0};
  size_t id_twice = 0;
  for (size_t i = 0; i < DEVICES; i++) {
    stop();
    poll_rig_init(&rig, NULL);
    rig.seed.state = 1000 + i * 7919;
    poll_rig_start(&rig);
    ask(ACOAP_CON, NULL);
    const poll_datagram_t *request = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_GET, -1);
    memcpy(tokens[i], request->view.token.data, 8);
    ids[i] = request->view.message_id;
    buckets[ids[i] >> 12]++;
    for (size_t k = 0; k < i; k++) {
      ck_assert_int_ne(memcmp(tokens[k], tokens[i], 8), 0);
      id_twice += ids[k] == ids[i];
    }
  }
  /* As in field_test.c. */
  ck_assert_uint_le(id_twice, 4);
  for (size_t i = 0; i < 16; i++) {
    ck_assert_uint_ge(buckets[i], 1);
    ck_assert_uint_le(buckets[i], 35);
  }
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("tiny_field");
  TCase *tcase = tcase_create("field");
  tcase_add_checked_fixture(tcase, start, stop);
  tcase_add_test(tcase, announcement_with_code_0_30_comes_up);
  tcase_add_test(tcase, unknown_response_codes_are_told);
  tcase_add_test(tcase, answer_from_another_port_or_address_is_dropped_and_counted);
  tcase_add_test(tcase, server_answers_smaller_blocks_than_asked);
  tcase_add_test(tcase, server_asks_for_smaller_blocks_of_an_upload);
  tcase_add_test(tcase, tokens_of_an_upload_are_new_each_time);
  tcase_add_test(tcase, server_that_takes_the_first_block_for_the_body_is_reported);
  tcase_add_test(tcase, restarted_client_is_never_answered_from_memory);
  tcase_add_test(tcase, fresh_devices_start_anywhere);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
