/*
 * The heapless endpoint as a client and between two of them: requests, observations, block-wise
 * both ways (RFC 7252 sections 4.2, 5.2, 5.3; RFC 7641 sections 3 and 4; RFC 7959 section 2).
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

static int ask(unsigned n, acoap_type_t type, bool keep, const char *payload) {
  acoap_address_t peer = poll_peer(n);
  acoap_builder_t request;
  int exchange = acoap_tiny_request_begin(rig.tiny, ACOAP_CODE_GET, &request);
  ck_assert_int_gt(exchange, 0);
  acoap_builder_payload(&request, payload, strlen(payload));
  int status = acoap_tiny_request_send(rig.tiny, rig.now, exchange, &peer, type, keep, &request);
  return status < 0 ? status : exchange;
}

/* Answer a datagram that was sent. */
static void answer(unsigned n, const poll_datagram_t *request, acoap_type_t type, uint8_t code,
                   uint16_t message_id, int observe, const char *payload) {
  acoap_builder_t builder;
  uint8_t bytes[200];
  acoap_builder_init(&builder, bytes, sizeof(bytes), type, code, message_id,
                     request->view.token.data, request->view.token.len);
  if (observe >= 0) {
    acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, (uint32_t)observe);
  }
  acoap_builder_payload(&builder, payload, strlen(payload));
  poll_rig_feed(&rig, n, bytes, (size_t)acoap_builder_finish(&builder));
}

START_TEST(response_in_the_ack_closes_the_exchange) {
  int exchange = ask(1, ACOAP_CON, false, "");
  const poll_datagram_t *request = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_GET, -1);
  ck_assert_uint_eq(request->view.token.len, 8);
  answer(1, request, ACOAP_ACK, ACOAP_CODE_CONTENT, request->view.message_id, -1, "hello");
  const poll_told_t *told = poll_rig_told(&rig, ACOAP_TINY_RESPONSE);
  ck_assert_int_eq(told->event.exchange, exchange);
  ck_assert(told->event.closed);
  ck_assert_str_eq(told->payload, "hello");
  answer(1, request, ACOAP_ACK, ACOAP_CODE_CONTENT, request->view.message_id, -1, "hello");
  poll_rig_nothing_told(&rig);
  poll_rig_run_until(&rig, 300000);
  poll_rig_silence(&rig);
  ck_assert(acoap_tiny_next_wake(rig.tiny) == ACOAP_TIME_NEVER);
}
END_TEST

/* RFC 7252 Figure 20, and with the ACK lost: the response counts as it. */
START_TEST(separate_response_is_acknowledged_once_told) {
  for (int with_ack = 0; with_ack < 2; with_ack++) {
    int exchange = ask(1, ACOAP_CON, false, "");
    const poll_datagram_t *request = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_GET, -1);
    if (with_ack) {
      poll_rig_receive(&rig, 1, ACOAP_ACK, ACOAP_CODE_EMPTY, request->view.message_id, "", NULL);
      poll_rig_nothing_told(&rig);
    }
    for (int i = 0; i < 2; i++) {
      answer(1, request, ACOAP_CON, ACOAP_CODE_CONTENT, (uint16_t)(500 + with_ack), -1, "late");
      poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, 500 + with_ack);
    }
    ck_assert_int_eq(poll_rig_told(&rig, ACOAP_TINY_RESPONSE)->event.exchange, exchange);
    poll_rig_nothing_told(&rig);
  }
}
END_TEST

/* Section 4.2: 0, 2, 6, 14, 30 s, given up after 62 s. */
START_TEST(silence_ends_in_a_time_out_after_the_backoff) {
  static const acoap_time_t times[] = {0, 2000, 6000, 14000, 30000};
  acoap_time_t began = rig.now;
  int exchange = ask(1, ACOAP_CON, false, "");
  poll_rig_run_until(&rig, began + 61999);
  poll_rig_nothing_told(&rig);
  for (size_t i = 0; i < 5; i++) {
    ck_assert_int_eq(poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_GET, -1)->at - began, times[i]);
  }
  poll_rig_run_until(&rig, began + 62000);
  const poll_told_t *told = poll_rig_told(&rig, ACOAP_TINY_FAILED);
  ck_assert_int_eq(told->event.status, ACOAP_ETIMEDOUT);
  ck_assert_int_eq(told->event.exchange, exchange);
  ck_assert(told->event.closed);
}
END_TEST

START_TEST(resets_refusals_and_strangers) {
  ask(1, ACOAP_CON, false, "");
  const poll_datagram_t *request = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_GET, -1);
  answer(2, request, ACOAP_NON, ACOAP_CODE_CONTENT, 9, -1, "from elsewhere");
  poll_rig_nothing_told(&rig);
  poll_rig_receive(&rig, 1, ACOAP_RST, ACOAP_CODE_EMPTY, request->view.message_id, "", NULL);
  ck_assert_int_eq(poll_rig_told(&rig, ACOAP_TINY_FAILED)->event.status, ACOAP_ERESET);
  rig.refuse = ACOAP_EUNREACHABLE;
  ck_assert_int_gt(ask(1, ACOAP_CON, false, ""), 0);
  poll_rig_run_until(&rig, rig.now);
  ck_assert_int_eq(poll_rig_told(&rig, ACOAP_TINY_FAILED)->event.status, ACOAP_EUNREACHABLE);
}
END_TEST

START_TEST(places_are_bounded_and_numbers_are_not_mistaken) {
  acoap_builder_t request;
  int first = ask(1, ACOAP_CON, false, "");
  int second = ask(2, ACOAP_CON, false, "");
  ck_assert_int_eq(acoap_tiny_request_begin(rig.tiny, ACOAP_CODE_GET, &request), ACOAP_EEXHAUSTED);
  acoap_tiny_request_cancel(rig.tiny, rig.now, first);
  int third = ask(3, ACOAP_CON, false, "");
  ck_assert_int_ne(third, first);
  acoap_tiny_request_cancel(rig.tiny, rig.now, first); /* of the past: harmless */
  ck_assert_int_eq(acoap_tiny_request_begin(rig.tiny, ACOAP_CODE_GET, &request), ACOAP_EEXHAUSTED);
  acoap_tiny_request_cancel(rig.tiny, rig.now, second);
  acoap_tiny_request_cancel(rig.tiny, rig.now, third);
  poll_rig_run_until(&rig, 300000);
  poll_rig_nothing_told(&rig);
  ck_assert_uint_eq(rig.sent, 3);
}
END_TEST

/* Section 4.7. */
START_TEST(nstart_holds_the_second_request_back) {
  ask(1, ACOAP_CON, false, "one");
  ask(1, ACOAP_CON, false, "two");
  const poll_datagram_t *request = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_GET, -1);
  poll_rig_payload(request, "one");
  poll_rig_silence(&rig);
  answer(1, request, ACOAP_ACK, ACOAP_CODE_CONTENT, request->view.message_id, -1, "");
  poll_rig_payload(poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_GET, -1), "two");
}
END_TEST

/* Section 4.3. */
START_TEST(ping_and_pong) {
  acoap_address_t peer = poll_peer(1);
  ck_assert_int_eq(acoap_tiny_ping(rig.tiny, rig.now, &peer), 0);
  const poll_datagram_t *ping = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_EMPTY, -1);
  poll_rig_receive(&rig, 1, ACOAP_RST, ACOAP_CODE_EMPTY, ping->view.message_id, "", NULL);
  poll_rig_told(&rig, ACOAP_TINY_PONG);
  acoap_tiny_ping(rig.tiny, rig.now, &peer);
  poll_rig_run_until(&rig, 300000);
  ck_assert_int_eq(poll_rig_told(&rig, ACOAP_TINY_FAILED)->event.status, ACOAP_ETIMEDOUT);
}
END_TEST

/* RFC 7641 sections 3.4 and 3.6. */
START_TEST(observation_stays_open_and_knows_what_is_newer) {
  acoap_tiny_observation_t observation = {0};
  int exchange = ask(1, ACOAP_CON, true, "");
  const poll_datagram_t *request = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_GET, -1);
  answer(1, request, ACOAP_ACK, ACOAP_CODE_CONTENT, request->view.message_id, 12, "a");
  answer(1, request, ACOAP_NON, ACOAP_CODE_CONTENT, 1, 14, "c");
  answer(1, request, ACOAP_CON, ACOAP_CODE_CONTENT, 2, 13, "b");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, 2);
  for (int i = 0; i < 3; i++) {
    ck_assert(!poll_rig_told(&rig, ACOAP_TINY_RESPONSE)->event.closed);
  }
  static const struct {
    uint8_t number;
    acoap_time_t now;
    bool newer;
  } rows[] = {
      {12, 0, true}, {14, 1, true}, {13, 2, false}, {13, 130000, true}, {13, 130001, false}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    uint8_t bytes[] = {0x50, 0x45, 0, 0, 0x61, rows[i].number};
    acoap_view_t view;
    ck_assert_int_eq(acoap_decode(&view, bytes, sizeof(bytes), 8, NULL), 0);
    ck_assert_int_eq(acoap_tiny_is_newer(&observation, rows[i].now, &view), rows[i].newer);
  }
  acoap_tiny_request_cancel(rig.tiny, rig.now, exchange);
  answer(1, request, ACOAP_NON, ACOAP_CODE_CONTENT, 3, 15, "d");
  poll_rig_expect(&rig, ACOAP_RST, ACOAP_CODE_EMPTY, 3);
  poll_rig_nothing_told(&rig);
  /* An error ends it. */
  ask(1, ACOAP_CON, true, "");
  request = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_GET, -1);
  answer(1, request, ACOAP_ACK, ACOAP_CODE_NOT_FOUND, request->view.message_id, -1, "");
  ck_assert(poll_rig_told(&rig, ACOAP_TINY_RESPONSE)->event.closed);
}
END_TEST

/* ---- observers ------------------------------------------------------------------------------- */

static int state;
static acoap_tiny_observer_t list[3];
static acoap_tiny_observers_t observers;

static int get_state(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  char text = (char)('0' + state % 10);
  if (state < 0) {
    acoap_tiny_error(answer, ACOAP_CODE_NOT_FOUND);
    return ACOAP_TINY_SEND;
  }
  acoap_tiny_observe(&observers, request, answer);
  acoap_builder_payload(answer, &text, 1);
  return ACOAP_TINY_SEND;
}

static const acoap_tiny_resource_t observable[] = {
    {"/state", ACOAP_CODE_GET, 0, 0, get_state, ";obs", NULL}, {0}};

static void serve_state(uint16_t confirm_every) {
  stop();
  state = 0;
  memset(list, 0, sizeof(list));
  observers = (acoap_tiny_observers_t){.list = list, .count = 3, .confirm_every = confirm_every};
  poll_rig_init(&rig, observable);
  poll_rig_start(&rig);
}

static void observe(unsigned n, const char *token, uint8_t value) {
  static uint16_t message_id = 1;
  poll_rig_ask(&rig, n, ACOAP_CON, ACOAP_CODE_GET, message_id++, token, "state",
               ACOAP_OPTION_OBSERVE, &value, value == 0 ? 0 : 1);
}

static void change(int new_state) {
  state = new_state;
  acoap_tiny_notify(rig.tiny, &observers);
  poll_rig_poll(&rig);
}

static bool has_observe(const poll_datagram_t *datagram) {
  acoap_bytes_t value;
  return acoap_view_option(&datagram->view, ACOAP_OPTION_OBSERVE, 0, &value);
}

START_TEST(observers_are_told_the_newest_state) {
  serve_state(1);
  observe(1, "a", 0);
  ck_assert(has_observe(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1)));
  change(1);
  const poll_datagram_t *first = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  poll_rig_payload(first, "1");
  ck_assert_uint_eq(first->view.token.data[0], 'a');
  change(2);
  change(3);
  poll_rig_silence(&rig);
  poll_rig_receive(&rig, 1, ACOAP_ACK, ACOAP_CODE_EMPTY, first->view.message_id, "", NULL);
  const poll_datagram_t *next = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  poll_rig_payload(next, "3");
  ck_assert(has_observe(next));
  poll_rig_receive(&rig, 1, ACOAP_ACK, ACOAP_CODE_EMPTY, next->view.message_id, "", NULL);
  poll_rig_run_until(&rig, 300000);
  poll_rig_silence(&rig);
}
END_TEST

START_TEST(reset_time_out_and_deregistration_end_an_observation) {
  serve_state(1);
  observe(1, "a", 0);
  observe(2, "b", 0);
  observe(3, "c", 0);
  observe(3, "d", 0); /* no room: answered, not registered */
  rig.taken += 3;
  ck_assert(!has_observe(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1)));
  observe(3, "c", 1);
  ck_assert(!has_observe(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1)));
  change(1);
  const poll_datagram_t *first = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  poll_rig_silence(&rig);
  poll_rig_receive(&rig, 1, ACOAP_RST, ACOAP_CODE_EMPTY, first->view.message_id, "", NULL);
  poll_rig_run_until(&rig, 100000);
  rig.taken += 4; /* to peer 2, who says nothing */
  poll_rig_silence(&rig);
  change(2);
  poll_rig_silence(&rig);
  poll_rig_nothing_told(&rig);
}
END_TEST

START_TEST(error_is_the_last_notification) {
  serve_state(1);
  observe(1, "a", 0);
  rig.taken++;
  change(-1);
  const poll_datagram_t *last = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_NOT_FOUND, -1);
  ck_assert(!has_observe(last));
  poll_rig_receive(&rig, 1, ACOAP_ACK, ACOAP_CODE_EMPTY, last->view.message_id, "", NULL);
  change(5);
  poll_rig_silence(&rig);
}
END_TEST

/* Section 4.5: NON, with a CON at least every n-th time and once a day. */
START_TEST(every_third_notification_is_a_con) {
  serve_state(3);
  observe(1, "a", 0);
  rig.taken++;
  for (int i = 1; i <= 9; i++) {
    change(i);
    const poll_datagram_t *notification =
        poll_rig_expect(&rig, i % 3 == 0 ? ACOAP_CON : ACOAP_NON, ACOAP_CODE_CONTENT, -1);
    if (i % 3 == 0) {
      poll_rig_receive(&rig, 1, ACOAP_ACK, ACOAP_CODE_EMPTY, notification->view.message_id, "",
                       NULL);
    }
  }
  rig.now += 24 * 3600 * 1000;
  change(0);
  const poll_datagram_t *daily = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  poll_rig_receive(&rig, 1, ACOAP_ACK, ACOAP_CODE_EMPTY, daily->view.message_id, "", NULL);
  change(1);
  const poll_datagram_t *non = poll_rig_expect(&rig, ACOAP_NON, ACOAP_CODE_CONTENT, -1);
  poll_rig_receive(&rig, 1, ACOAP_RST, ACOAP_CODE_EMPTY, non->view.message_id, "", NULL);
  change(2);
  poll_rig_silence(&rig);
}
END_TEST

/* ---- block-wise ------------------------------------------------------------------------------ */

START_TEST(body_is_taken_block_by_block) {
  static const struct {
    const char *what;
    unsigned peer;
    uint8_t block1; /* option value; 0xff: none */
    size_t len;
    int result;
    uint32_t offset;
    uint8_t code;
  } rows[] = {
      {"whole", 1, 0xff, 5, 0, 0, ACOAP_CODE_CHANGED},
      {"first", 1, 0x08, 16, 1, 0, ACOAP_CODE_CONTINUE},
      {"second", 1, 0x18, 16, 1, 16, ACOAP_CODE_CONTINUE},
      {"again", 1, 0x18, 16, -1, 0, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE},
      {"first again", 1, 0x08, 16, 1, 0, ACOAP_CODE_CONTINUE},
      {"another peer", 2, 0x08, 16, -1, 0, ACOAP_CODE_SERVICE_UNAVAILABLE},
      {"a short one", 1, 0x18, 15, -1, 0, ACOAP_CODE_BAD_REQUEST},
      {"second", 1, 0x18, 16, 1, 16, ACOAP_CODE_CONTINUE},
      {"last", 1, 0x20, 3, 0, 32, ACOAP_CODE_CHANGED},
      {"after the last", 1, 0x30, 3, -1, 0, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE},
      {"szx 7", 1, 0x0f, 16, -1, 0, ACOAP_CODE_BAD_REQUEST},
      {"another peer", 2, 0x08, 16, 1, 0, ACOAP_CODE_CONTINUE},
  };
  acoap_tiny_body_t body = {0};
  uint8_t payload[16] = {0};

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    uint8_t bytes[64];
    uint8_t out[64];
    acoap_builder_t builder;
    acoap_view_t view;
    acoap_tiny_slice_t slice;
    acoap_address_t peer = poll_peer(rows[i].peer);
    acoap_tiny_request_t request = {.peer = &peer, .view = &view, .now = 1000};
    acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_PUT, 1, NULL, 0);
    if (rows[i].block1 != 0xff) {
      acoap_builder_option(&builder, ACOAP_OPTION_BLOCK1, &rows[i].block1, 1);
    }
    acoap_builder_payload(&builder, payload, rows[i].len);
    ck_assert_int_eq(acoap_decode(&view, bytes, (size_t)acoap_builder_finish(&builder), 8, NULL),
                     0);
    acoap_builder_init(&builder, out, sizeof(out), ACOAP_ACK, ACOAP_CODE_CHANGED, 1, NULL, 0);
    int result = acoap_tiny_body_block(&body, &request, &builder, &slice);
    ck_assert_msg(result < 0 ? rows[i].result < 0 : result == rows[i].result, "%s: %d",
                  rows[i].what, result);
    ck_assert_msg(out[1] == rows[i].code, "%s: %x", rows[i].what, out[1]);
    if (result >= 0) {
      ck_assert_uint_eq(slice.offset, rows[i].offset);
      ck_assert_uint_eq(slice.len, rows[i].len);
    }
  }
}
END_TEST

/* A download and an upload against the server's helpers, every block size and body length. */
START_TEST(both_roles_agree_for_every_length_and_size) {
  static uint8_t body[300], got[300];
  for (size_t i = 0; i < sizeof(body); i++) {
    body[i] = (uint8_t)(i * 7);
  }
  for (size_t size = 16; size <= 128; size *= 2) {
    for (uint32_t len = 0; len <= sizeof(body); len++) {
      acoap_tiny_download_t download;
      int more = 1;
      uint32_t total = 0;
      ck_assert_int_eq(acoap_tiny_download_init(&download, size), 0);
      for (unsigned turn = 0; more > 0; turn++) {
        uint8_t asked[32], out[100];
        acoap_builder_t request, response;
        acoap_view_t view;
        acoap_tiny_slice_t slice;
        size_t room = 0;
        ck_assert_uint_lt(turn, 40);
        acoap_builder_init(&request, asked, sizeof(asked), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
        acoap_tiny_download_option(&download, &request);
        acoap_builder_view(&request, &view);
        acoap_builder_init(&response, out, sizeof(out), ACOAP_ACK, ACOAP_CODE_CONTENT, 1, NULL, 0);
        bool unknown = len % 3 == 0;
        ck_assert(
            acoap_tiny_slice_begin(&view, &response, unknown ? ACOAP_TINY_UNKNOWN : len, &slice));
        uint32_t part = len - slice.offset < slice.len ? len - slice.offset : (uint32_t)slice.len;
        uint8_t *at = acoap_builder_payload_room(&response, &room);
        ck_assert_uint_le(part, room);
        memcpy(at, body + slice.offset, part);
        acoap_builder_payload_commit(&response, part);
        if (unknown && slice.offset + part == len) {
          acoap_tiny_slice_last(&response);
        }
        ck_assert_int_gt(acoap_builder_finish(&response), 0);
        uint32_t offset = download.offset;
        acoap_builder_view(&response, &view);
        more = acoap_tiny_download_take(&download, &view);
        ck_assert_int_ge(more, 0);
        if (view.payload.len > 0) {
          memcpy(got + offset, view.payload.data, view.payload.len);
        }
        total = offset + (uint32_t)view.payload.len;
      }
      ck_assert_uint_eq(total, len);
      ck_assert(memcmp(got, body, len) == 0);
    }
  }
}
END_TEST

START_TEST(uploads_arrive_whole) {
  static uint8_t got[300];
  for (size_t size = 16; size <= 128; size *= 2) {
    for (uint32_t len = 0; len <= 300; len += 7) {
      acoap_tiny_upload_t upload;
      acoap_tiny_body_t body = {0};
      acoap_address_t peer = poll_peer(1);
      int more = 1;
      memset(got, 0, sizeof(got));
      ck_assert_int_eq(acoap_tiny_upload_init(&upload, len, size), 0);
      for (unsigned turn = 0; more > 0; turn++) {
        uint8_t asked[200], out[64], part[128];
        acoap_builder_t request, response;
        acoap_view_t view;
        acoap_tiny_slice_t slice;
        ck_assert_uint_lt(turn, 40);
        acoap_builder_init(&request, asked, sizeof(asked), ACOAP_CON, ACOAP_CODE_PUT, 1, NULL, 0);
        acoap_tiny_upload_option(&upload, &request, &slice);
        for (size_t i = 0; i < slice.len; i++) {
          part[i] = (uint8_t)((slice.offset + i) * 3 + 1);
        }
        acoap_builder_payload(&request, part, slice.len);
        acoap_builder_view(&request, &view);
        acoap_builder_init(&response, out, sizeof(out), ACOAP_ACK, ACOAP_CODE_CHANGED, 1, NULL, 0);
        acoap_tiny_request_t came = {.peer = &peer, .view = &view};
        ck_assert_int_ge(acoap_tiny_body_block(&body, &came, &response, &slice), 0);
        if (slice.len > 0) {
          memcpy(got + slice.offset, view.payload.data, slice.len);
        }
        acoap_builder_view(&response, &view);
        more = acoap_tiny_upload_take(&upload, &view);
        ck_assert_int_ge(more, 0);
      }
      for (uint32_t i = 0; i < len; i++) {
        ck_assert_uint_eq(got[i], (uint8_t)(i * 3 + 1));
      }
    }
  }
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("tiny_client");
  TCase *tcase = tcase_create("client");

  tcase_add_checked_fixture(tcase, start, stop);
  tcase_add_test(tcase, response_in_the_ack_closes_the_exchange);
  tcase_add_test(tcase, separate_response_is_acknowledged_once_told);
  tcase_add_test(tcase, silence_ends_in_a_time_out_after_the_backoff);
  tcase_add_test(tcase, resets_refusals_and_strangers);
  tcase_add_test(tcase, places_are_bounded_and_numbers_are_not_mistaken);
  tcase_add_test(tcase, nstart_holds_the_second_request_back);
  tcase_add_test(tcase, ping_and_pong);
  tcase_add_test(tcase, observation_stays_open_and_knows_what_is_newer);
  tcase_add_test(tcase, observers_are_told_the_newest_state);
  tcase_add_test(tcase, reset_time_out_and_deregistration_end_an_observation);
  tcase_add_test(tcase, error_is_the_last_notification);
  tcase_add_test(tcase, every_third_notification_is_a_con);
  tcase_add_test(tcase, body_is_taken_block_by_block);
  tcase_add_test(tcase, both_roles_agree_for_every_length_and_size);
  tcase_add_test(tcase, uploads_arrive_whole);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
