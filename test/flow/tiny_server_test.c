/*
 * The heapless endpoint as a server: what RFC 7252 sections 4.2 to 4.5, 5.2, 5.4, 5.8, 8 and RFC
 * 7967 ask of it, the figures of its Appendix A included. The same rules as the endpoint on a loop.
 * SPDX-License-Identifier: MIT
 */
#include "support/check_main.h"
#include "support/poll_rig.h"

static unsigned handled;
static acoap_tiny_inbound_t owed;

static int get_temperature(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  (void)request;
  handled++;
  acoap_builder_payload(answer, "22.3 C", 6);
  return ACOAP_TINY_SEND;
}

static int post_counter(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  (void)request;
  handled++;
  acoap_builder_payload(answer, "counted", 7);
  return ACOAP_TINY_SEND;
}

static int get_later(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  (void)answer;
  handled++;
  owed = *request->inbound;
  return ACOAP_TINY_LATER;
}

static int get_broken(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  (void)request;
  acoap_builder_payload(answer, "half an answer", 14);
  return ACOAP_EBUSY;
}

static int get_overlong(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  static const uint8_t long_payload[1000];
  (void)request;
  acoap_builder_payload(answer, long_payload, sizeof(long_payload));
  return ACOAP_TINY_SEND;
}

static int get_silent(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  (void)request;
  (void)answer;
  return ACOAP_TINY_SILENT;
}

static int get_fifty(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  (void)request;
  acoap_builder_payload(answer, "0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCD", 50);
  return ACOAP_TINY_SEND;
}

static const acoap_tiny_resource_t resources[] = {
    {"/temperature", ACOAP_CODE_GET, 0, 0, get_temperature, ";rt=\"t\"", NULL},
    {"/a/b", ACOAP_CODE_GET, 0, ACOAP_FORMAT_NONE, get_temperature, NULL, NULL},
    {"/", ACOAP_CODE_GET, 0, 0, get_temperature, NULL, NULL},
    {"/counter", ACOAP_CODE_POST, 0, 0, post_counter, "", NULL},
    {"/later", ACOAP_CODE_GET, 0, 0, get_later, "", NULL},
    {"/broken", ACOAP_CODE_GET, 0, 0, get_broken, "", NULL},
    {"/overlong", ACOAP_CODE_GET, 0, 0, get_overlong, "", NULL},
    {"/silent", ACOAP_CODE_GET, 0, 0, get_silent, "", NULL},
    {"/fifty", ACOAP_CODE_GET, 0, 0, get_fifty, "", NULL},
    ACOAP_TINY_WELL_KNOWN(acoap_tiny_well_known_filtered),
    {0},
};

static poll_rig_t rig;

static void start(void) {
  handled = 0;
  poll_rig_init(&rig, resources);
  poll_rig_start(&rig);
}

static void stop(void) {
  poll_rig_done(&rig);
}

static void get(acoap_type_t type, uint16_t message_id, const char *path) {
  poll_rig_ask(&rig, 1, type, ACOAP_CODE_GET, message_id, "t", path, 0, NULL, 0);
}

static void get_with(const char *path, uint16_t number, const void *value, size_t len) {
  static uint16_t message_id;
  poll_rig_ask(&rig, 1, ACOAP_CON, ACOAP_CODE_GET, message_id++, "t", path, number, value, len);
}

/* RFC 7252 Figures 16 and 17. */
START_TEST(figure_16_confirmable_request_piggybacked_response) {
  poll_rig_ask(&rig, 1, ACOAP_CON, ACOAP_CODE_GET, 0x7d34, "", "temperature", 0, NULL, 0);
  const poll_datagram_t *answer = poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, 0x7d34);
  poll_rig_payload(answer, "22.3 C");
  ck_assert_uint_eq(answer->view.token.len, 0);
  poll_rig_ask(&rig, 1, ACOAP_CON, ACOAP_CODE_GET, 0x7d35, " ", "temperature", 0, NULL, 0);
  answer = poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, 0x7d35);
  ck_assert_uint_eq(answer->view.token.len, 1);
  ck_assert_uint_eq(answer->view.token.data[0], 0x20);
}
END_TEST

/* RFC 7252 Figures 18 and 19, section 4.5. */
START_TEST(duplicate_gets_the_stored_reply_and_no_second_handler) {
  poll_rig_ask(&rig, 1, ACOAP_CON, ACOAP_CODE_POST, 7, "t", "counter", 0, NULL, 0);
  poll_rig_payload(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CHANGED, 7), "counted");
  for (int i = 0; i < 3; i++) {
    poll_rig_ask(&rig, 1, ACOAP_CON, ACOAP_CODE_POST, 7, "t", "counter", 0, NULL, 0);
    poll_rig_payload(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CHANGED, 7), "counted");
  }
  ck_assert_uint_eq(handled, 1);
  /* Another peer, and the same one after EXCHANGE_LIFETIME: new. */
  poll_rig_ask(&rig, 2, ACOAP_CON, ACOAP_CODE_POST, 7, "t", "counter", 0, NULL, 0);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CHANGED, 7);
  poll_rig_run_until(&rig, rig.now + acoap_params_exchange_lifetime_ms(&rig.params));
  poll_rig_ask(&rig, 1, ACOAP_CON, ACOAP_CODE_POST, 7, "t", "counter", 0, NULL, 0);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CHANGED, 7);
  ck_assert_uint_eq(handled, 3);
}
END_TEST

START_TEST(duplicate_of_a_non_is_ignored) {
  get(ACOAP_NON, 9, "temperature");
  poll_rig_expect(&rig, ACOAP_NON, ACOAP_CODE_CONTENT, -1);
  get(ACOAP_NON, 9, "temperature");
  poll_rig_silence(&rig);
  ck_assert_uint_eq(handled, 1);
}
END_TEST

/* RFC 7252 Figure 20, section 5.2.2. */
START_TEST(figure_20_separate_response) {
  acoap_builder_t answer;
  get(ACOAP_CON, 0x7d38, "later");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, 0x7d38);
  get(ACOAP_CON, 0x7d38, "later"); /* a duplicate gets the ACK again */
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, 0x7d38);
  ck_assert_uint_eq(handled, 1);
  poll_rig_run_until(&rig, 5000);
  poll_rig_silence(&rig);
  for (int i = 0; i < 10; i++) { /* begun anew, it takes the same place */
    ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &owed, &answer), 0);
  }
  acoap_builder_payload(&answer, "22.3 C", 6);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &owed, &answer), 0);
  const poll_datagram_t *response = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  poll_rig_payload(response, "22.3 C");
  ck_assert_uint_eq(response->view.token.data[0], 't');
  /* Retransmitted after 2 s, until the ACK comes. */
  uint16_t message_id = response->view.message_id;
  poll_rig_run_until(&rig, 6999);
  poll_rig_silence(&rig);
  poll_rig_run_until(&rig, 7000);
  poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, message_id);
  poll_rig_receive(&rig, 1, ACOAP_ACK, ACOAP_CODE_EMPTY, message_id, "", NULL);
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &owed, &answer), ACOAP_EINVAL);
  poll_rig_run_until(&rig, 300000);
  poll_rig_silence(&rig);
  poll_rig_nothing_told(&rig);
  ck_assert(acoap_tiny_next_wake(rig.tiny) == ACOAP_TIME_NEVER);
}
END_TEST

static void answer_later(void) {
  acoap_builder_t answer;
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &owed, &answer), 0);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &owed, &answer), 0);
}

START_TEST(separate_response_without_ack_is_told_as_timed_out) {
  static const acoap_time_t times[] = {0, 2000, 6000, 14000, 30000};
  get(ACOAP_CON, 1, "later");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, 1);
  acoap_time_t began = rig.now;
  answer_later();
  poll_rig_run_until(&rig, began + 61999);
  poll_rig_nothing_told(&rig);
  for (size_t i = 0; i < 5; i++) {
    ck_assert_int_eq(poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1)->at - began,
                     times[i]);
  }
  poll_rig_run_until(&rig, began + 62000);
  const poll_told_t *told = poll_rig_told(&rig, ACOAP_TINY_FAILED);
  ck_assert_int_eq(told->event.status, ACOAP_ETIMEDOUT);
  ck_assert_int_eq(told->event.exchange, 0);
  poll_rig_silence(&rig);
}
END_TEST

START_TEST(rst_to_a_separate_response_is_told) {
  get(ACOAP_CON, 1, "later");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, 1);
  answer_later();
  uint16_t message_id = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1)->view.message_id;
  poll_rig_receive(&rig, 1, ACOAP_RST, ACOAP_CODE_EMPTY, message_id, "", NULL);
  ck_assert_int_eq(poll_rig_told(&rig, ACOAP_TINY_FAILED)->event.status, ACOAP_ERESET);
  poll_rig_run_until(&rig, 100000);
  poll_rig_silence(&rig);
}
END_TEST

START_TEST(non_answered_later_is_a_non) {
  get(ACOAP_NON, 1, "later");
  poll_rig_silence(&rig);
  answer_later();
  poll_rig_expect(&rig, ACOAP_NON, ACOAP_CODE_CONTENT, -1);
}
END_TEST

/* NSTART (section 4.7): two separate responses to one peer leave one after the other. */
START_TEST(separate_responses_wait_for_nstart) {
  acoap_tiny_inbound_t first;
  get(ACOAP_CON, 1, "later");
  first = owed;
  get(ACOAP_CON, 2, "later");
  rig.taken += 2;
  answer_later();
  owed = first;
  answer_later();
  uint16_t message_id = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1)->view.message_id;
  poll_rig_silence(&rig);
  poll_rig_receive(&rig, 1, ACOAP_ACK, ACOAP_CODE_EMPTY, message_id, "", NULL);
  poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
}
END_TEST

/* RFC 7252 Figure 22. */
START_TEST(figure_22_non_confirmable) {
  get(ACOAP_NON, 0x7d40, "temperature");
  poll_rig_payload(poll_rig_expect(&rig, ACOAP_NON, ACOAP_CODE_CONTENT, -1), "22.3 C");
}
END_TEST

START_TEST(table_says_4_04_and_4_05) {
  get(ACOAP_CON, 1, "nowhere");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_NOT_FOUND, 1);
  get(ACOAP_CON, 2, "temperature/inside");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_NOT_FOUND, 2);
  get(ACOAP_CON, 3, "a");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_NOT_FOUND, 3);
  get(ACOAP_CON, 4, "counter");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_METHOD_NOT_ALLOWED, 4);
  get(ACOAP_CON, 5, "a/b");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, 5);
  get(ACOAP_CON, 6, "");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, 6);
  /* One segment with a slash in it is another path. */
  get_with("", ACOAP_OPTION_URI_PATH, "a/b", 3);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_NOT_FOUND, -1);
}
END_TEST

/* Section 5.4.1 and 5.4.3. */
START_TEST(critical_options_are_refused_in_con_and_silent_in_non) {
  get_with("temperature", 9999, "x", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_BAD_OPTION, -1);
  get_with("temperature", 9998, "x", 1); /* elective */
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1);
  poll_rig_ask(&rig, 1, ACOAP_NON, ACOAP_CODE_GET, 900, "t", "temperature", 9999, "x", 1);
  poll_rig_silence(&rig);
  get_with("temperature", ACOAP_OPTION_PROXY_URI, "coap://h/", 9);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_PROXYING_NOT_SUPPORTED, -1);
}
END_TEST

START_TEST(preconditions_and_accept_are_judged_for_the_handler) {
  get_with("temperature", ACOAP_OPTION_IF_NONE_MATCH, NULL, 0);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_PRECONDITION_FAILED, -1);
  get_with("temperature", ACOAP_OPTION_IF_MATCH, "abc", 3);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_PRECONDITION_FAILED, -1);
  get_with("temperature", ACOAP_OPTION_IF_MATCH, NULL, 0);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1);
  get_with("temperature", ACOAP_OPTION_ACCEPT, "\x32", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_NOT_ACCEPTABLE, -1);
  get_with("temperature", ACOAP_OPTION_ACCEPT, NULL, 0);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1);
  get_with("temperature", ACOAP_OPTION_BLOCK1, "\x0a", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE, -1);
}
END_TEST

/* RFC 7959 sections 2.2 and 2.9.3, for a row that takes no blocks. */
START_TEST(block1_is_judged_for_the_handler) {
  static const struct {
    uint8_t value;
    uint8_t code;
  } rows[] = {{0x00, ACOAP_CODE_CHANGED},
              {0x06, ACOAP_CODE_CHANGED},
              {0x08, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE},
              {0x10, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE},
              {0x07, ACOAP_CODE_BAD_REQUEST},
              {0x0f, ACOAP_CODE_BAD_REQUEST},
              {0x67, ACOAP_CODE_BAD_REQUEST}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    poll_rig_ask(&rig, 1, ACOAP_CON, ACOAP_CODE_POST, (uint16_t)i, "t", "counter",
                 ACOAP_OPTION_BLOCK1, &rows[i].value, 1);
    poll_rig_expect(&rig, ACOAP_ACK, rows[i].code, (int)i);
  }
  ck_assert_uint_eq(handled, 2);
}
END_TEST

START_TEST(failing_handlers_and_overlong_answers_become_5_00) {
  get(ACOAP_CON, 1, "broken");
  ck_assert_uint_eq(
      poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_INTERNAL_SERVER_ERROR, 1)->view.payload.len, 0);
  get(ACOAP_CON, 2, "overlong");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_INTERNAL_SERVER_ERROR, 2);
}
END_TEST

START_TEST(silence_on_purpose_acknowledges_a_con) {
  get(ACOAP_CON, 1, "silent");
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, 1);
  get(ACOAP_NON, 2, "silent");
  poll_rig_silence(&rig);
}
END_TEST

/* RFC 7967 section 2.1. */
START_TEST(no_response_suppresses_what_it_names) {
  get_with("temperature", ACOAP_OPTION_NO_RESPONSE, "\x02", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, -1);
  get_with("nowhere", ACOAP_OPTION_NO_RESPONSE, "\x02", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_NOT_FOUND, -1);
  get_with("nowhere", ACOAP_OPTION_NO_RESPONSE, "\x1a", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, -1);
  get_with("broken", ACOAP_OPTION_NO_RESPONSE, "\x10", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, -1);
}
END_TEST

/* Sections 4.2, 4.3. */
START_TEST(pings_and_nonsense_are_reset) {
  poll_rig_receive(&rig, 1, ACOAP_CON, ACOAP_CODE_EMPTY, 77, "", NULL);
  poll_rig_expect(&rig, ACOAP_RST, ACOAP_CODE_EMPTY, 77);
  poll_rig_told(&rig, ACOAP_TINY_PING);
  poll_rig_feed(&rig, 1, "\x42\x01\x00\x4e\x01", 5); /* the token is cut off */
  poll_rig_expect(&rig, ACOAP_RST, ACOAP_CODE_EMPTY, 78);
  ck_assert_int_eq(poll_rig_told(&rig, ACOAP_TINY_MALFORMED)->event.status, ACOAP_EFORMAT);
  poll_rig_feed(&rig, 1, "\x52\x01\x00\x4e\x01", 5); /* the same in a NON */
  poll_rig_told(&rig, ACOAP_TINY_MALFORMED);
  poll_rig_feed(&rig, 1, "\x80\x01\x00\x4e", 4); /* another version */
  ck_assert_int_eq(poll_rig_told(&rig, ACOAP_TINY_MALFORMED)->event.status, ACOAP_EVERSION);
  poll_rig_receive(&rig, 1, ACOAP_CON, ACOAP_CODE_CONTENT, 80, "t", NULL); /* nobody asked */
  poll_rig_expect(&rig, ACOAP_RST, ACOAP_CODE_EMPTY, 80);
  poll_rig_receive(&rig, 1, ACOAP_ACK, ACOAP_CODE_EMPTY, 81, "", NULL);
  poll_rig_receive(&rig, 1, ACOAP_RST, ACOAP_CODE_EMPTY, 82, "", NULL);
  poll_rig_silence(&rig);
}
END_TEST

/* Section 8.2. */
START_TEST(groups_get_no_errors_and_no_acks) {
  acoap_address_t peer = poll_peer(3);
  static const uint8_t found[] = {0x51, 1,   0,   1,   't', 0xb0 | 11, 't', 'e', 'm',
                                  'p',  'e', 'r', 'a', 't', 'u',       'r', 'e'};
  static const uint8_t missing[] = {0x51, 1, 0, 2, 't', 0xb1, 'x'};
  static const uint8_t con[] = {0x41, 1, 0, 3, 't', 0xb1, 'x'};
  ck_assert_int_eq(acoap_tiny_receive_multicast(rig.tiny, rig.now, &peer, found, sizeof(found)), 0);
  poll_rig_poll(&rig);
  poll_rig_expect(&rig, ACOAP_NON, ACOAP_CODE_CONTENT, -1);
  acoap_tiny_receive_multicast(rig.tiny, rig.now, &peer, missing, sizeof(missing));
  poll_rig_poll(&rig);
  acoap_tiny_receive_multicast(rig.tiny, rig.now, &peer, con, sizeof(con));
  poll_rig_poll(&rig);
  poll_rig_silence(&rig);
  for (int i = 0; i < 100; i++) {
    ck_assert_uint_le(acoap_tiny_leisure_ms(rig.tiny), 5000);
  }
}
END_TEST

/* RFC 7959 section 2.4: what a handler wrote whole is cut. */
START_TEST(answers_are_cut_into_the_blocks_that_are_asked_for) {
  static const char *parts[] = {"0123456789abcdef", "ghijklmnopqrstuv", "wxyz0123456789AB", "CD"};
  acoap_block_t block;
  for (unsigned i = 0; i < 4; i++) {
    uint8_t value = (uint8_t)(i << 4);
    get_with("fifty", ACOAP_OPTION_BLOCK2, &value, 1);
    const poll_datagram_t *answer = poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1);
    poll_rig_payload(answer, parts[i]);
    ck_assert_int_eq(acoap_view_block(&answer->view, ACOAP_OPTION_BLOCK2, &block), 1);
    ck_assert_uint_eq(block.num, i);
    ck_assert_int_eq(block.more, i < 3);
  }
  get_with("fifty", ACOAP_OPTION_BLOCK2, "\x40", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_BAD_REQUEST, -1);
  get_with("fifty", ACOAP_OPTION_BLOCK2, "\x07", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_BAD_REQUEST, -1);
}
END_TEST

/* RFC 6690. */
START_TEST(links_are_listed_once_whole_in_blocks_and_filtered) {
  static const char list[] = "</temperature>;rt=\"t\",</counter>,</later>,</broken>,</overlong>,"
                             "</silent>,</fifty>";
  char joined[200] = "";
  acoap_block_t block = {.more = true};
  get_with(".well-known/core", 0, NULL, 0);
  poll_rig_payload(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1), list);
  for (uint8_t num = 0; block.more; num++) {
    uint8_t value = (uint8_t)(num << 4);
    get_with(".well-known/core", ACOAP_OPTION_BLOCK2, &value, 1);
    const poll_datagram_t *answer = poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1);
    ck_assert_int_eq(acoap_view_block(&answer->view, ACOAP_OPTION_BLOCK2, &block), 1);
    strncat(joined, (const char *)answer->view.payload.data, answer->view.payload.len);
  }
  ck_assert_str_eq(joined, list);
  get_with(".well-known/core", ACOAP_OPTION_URI_QUERY, "rt=t", 4);
  poll_rig_payload(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1),
                   "</temperature>;rt=\"t\"");
  get_with(".well-known/core", ACOAP_OPTION_URI_QUERY, "href=/co*", 9);
  poll_rig_payload(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1), "</counter>");
  get_with(".well-known/core", ACOAP_OPTION_URI_QUERY, "rt=x", 4);
  poll_rig_payload(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, -1), "");
}
END_TEST

/* Without a table requests are events. */
START_TEST(requests_come_up_as_events) {
  acoap_builder_t answer;
  stop();
  poll_rig_init(&rig, NULL);
  poll_rig_start(&rig);
  get(ACOAP_CON, 1, "any");
  poll_rig_silence(&rig);
  acoap_tiny_inbound_t inbound = poll_rig_told(&rig, ACOAP_TINY_REQUEST)->event.inbound;
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &inbound, &answer), 0);
  acoap_builder_payload(&answer, "now", 3);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &inbound, &answer), 0);
  poll_rig_payload(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, 1), "now");
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &inbound, &answer), ACOAP_EINVAL);
  get(ACOAP_CON, 1, "any");
  poll_rig_payload(poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, 1), "now");
  poll_rig_nothing_told(&rig);
  get(ACOAP_CON, 2, "any");
  inbound = poll_rig_told(&rig, ACOAP_TINY_REQUEST)->event.inbound;
  ck_assert_int_eq(acoap_tiny_acknowledge(rig.tiny, rig.now, &inbound), 0);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, 2);
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &inbound, &answer), 0);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &inbound, &answer), 0);
  poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  get(ACOAP_CON, 3, "any");
  inbound = poll_rig_told(&rig, ACOAP_TINY_REQUEST)->event.inbound;
  ck_assert_int_eq(acoap_tiny_reset(rig.tiny, rig.now, &inbound), 0);
  poll_rig_expect(&rig, ACOAP_RST, ACOAP_CODE_EMPTY, 3);
}
END_TEST

/* Section 5.2: of a request that is answered nothing else can be done; what was not begun cannot be
 * sent. */
START_TEST(second_answer_is_refused) {
  acoap_builder_t answer;
  stop();
  poll_rig_init(&rig, NULL);
  poll_rig_start(&rig);
  get(ACOAP_CON, 1, "any");
  acoap_tiny_inbound_t inbound = poll_rig_told(&rig, ACOAP_TINY_REQUEST)->event.inbound;
  acoap_tiny_inbound_t copy = inbound;
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &inbound, &answer), 0);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &inbound, &answer), 0);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_CONTENT, 1);
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &inbound, &answer), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &inbound, &answer), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_acknowledge(rig.tiny, rig.now, &inbound), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_reset(rig.tiny, rig.now, &inbound), ACOAP_EINVAL);
  /* A copy that was taken before is of the same request. */
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &copy, &answer), 0);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &copy, &answer), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_reset(rig.tiny, rig.now, &copy), ACOAP_EINVAL);
  poll_rig_silence(&rig);
}
END_TEST

START_TEST(two_responses_may_be_built_at_once) {
  acoap_tiny_inbound_t first;
  acoap_builder_t one, two;
  get(ACOAP_CON, 1, "later");
  first = owed;
  poll_rig_ask(&rig, 2, ACOAP_CON, ACOAP_CODE_GET, 1, "u", "later", 0, NULL, 0);
  rig.taken += 2;
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &first, &one), 0);
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &owed, &two), 0);
  acoap_builder_payload(&one, "one", 3);
  acoap_builder_payload(&two, "two", 3);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &owed, &two), 0);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &first, &one), 0);
  const poll_datagram_t *response = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  poll_rig_payload(response, "two");
  ck_assert_uint_eq(response->view.token.data[0], 'u');
  response = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  poll_rig_payload(response, "one");
  ck_assert_uint_eq(response->view.token.data[0], 't');
}
END_TEST

/* More than `responses` wait until one is over. */
START_TEST(separate_responses_are_bounded) {
  acoap_tiny_inbound_t all[5];
  acoap_builder_t answer;
  for (unsigned i = 0; i < 5; i++) {
    poll_rig_ask(&rig, i % 4, ACOAP_CON, ACOAP_CODE_GET, (uint16_t)i, "t", "later", 0, NULL, 0);
    poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, (int)i);
    all[i] = owed;
  }
  for (unsigned i = 0; i < 4; i++) {
    ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &all[i], &answer), 0);
    ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &all[i], &answer), 0);
  }
  uint16_t message_id = poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1)->view.message_id;
  rig.taken += 3;
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &all[4], &answer), ACOAP_EEXHAUSTED);
  poll_rig_receive(&rig, 0, ACOAP_ACK, ACOAP_CODE_EMPTY, message_id, "", NULL);
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, &all[4], &answer), 0);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &all[4], &answer), 0);
  poll_rig_expect(&rig, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
}
END_TEST

/* RFC 7967; the 5.00 of a handler that failed is a response like any other. */
START_TEST(failure_is_suppressed_by_no_response_too) {
  get_with("broken", ACOAP_OPTION_NO_RESPONSE, "\x10", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_EMPTY, -1);
  get_with("broken", ACOAP_OPTION_NO_RESPONSE, "\x0a", 1);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_INTERNAL_SERVER_ERROR, -1);
  poll_rig_silence(&rig);
}
END_TEST

/* Section 5.8: a method that nobody knows is not allowed there. */
START_TEST(unknown_request_code_is_4_05_or_an_event) {
  poll_rig_ask(&rig, 1, ACOAP_CON, 30, 1, "t", "temperature", 0, NULL, 0);
  poll_rig_expect(&rig, ACOAP_ACK, ACOAP_CODE_METHOD_NOT_ALLOWED, 1);
  stop();
  poll_rig_init(&rig, NULL);
  poll_rig_start(&rig);
  poll_rig_ask(&rig, 1, ACOAP_CON, 30, 1, "t", "temperature", 0, NULL, 0);
  ck_assert_uint_eq(poll_rig_told(&rig, ACOAP_TINY_REQUEST)->event.inbound.code, 30);
}
END_TEST

START_TEST(misuse_is_einval) {
  acoap_address_t peer = poll_peer(1);
  acoap_tiny_inbound_t inbound = {.peer = peer, .type = ACOAP_CON, .slot = 3};
  acoap_tiny_event_t event;
  acoap_builder_t builder = {0};
  ck_assert_int_eq(acoap_tiny_receive(NULL, 0, &peer, "x", 1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_receive(rig.tiny, 0, NULL, "x", 1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_receive(rig.tiny, 0, &peer, NULL, 1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_receive(rig.tiny, 0, &peer, NULL, 0), 0);
  ck_assert_int_eq(acoap_tiny_receive(rig.tiny, 0, &peer, "x", 1), 0);
  ck_assert_int_eq(acoap_tiny_receive(rig.tiny, 0, &peer, "x", 1), ACOAP_EBUSY);
  poll_rig_poll(&rig);
  ck_assert(!acoap_tiny_poll(NULL, 0, &event) && !acoap_tiny_poll(rig.tiny, 0, NULL));
  ck_assert(acoap_tiny_next_wake(NULL) == ACOAP_TIME_NEVER && acoap_tiny_stats(NULL) == NULL);
  ck_assert_uint_eq(acoap_tiny_leisure_ms(NULL), 0);
  ck_assert_int_eq(acoap_tiny_answer_begin(NULL, &inbound, &builder), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_answer_begin(rig.tiny, NULL, &builder), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &inbound, NULL), ACOAP_EINVAL);
  acoap_builder_init(&builder, (uint8_t[16]){0}, 16, ACOAP_ACK, ACOAP_CODE_CONTENT, 0, NULL, 0);
  /* A place that nobody began. */
  ck_assert_int_eq(acoap_tiny_answer_send(rig.tiny, rig.now, &inbound, &builder), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_acknowledge(NULL, 0, &inbound), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_reset(rig.tiny, 0, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_ping(rig.tiny, 0, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_request_begin(rig.tiny, ACOAP_CODE_CONTENT, &builder), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_request_send(rig.tiny, 0, 1, &peer, ACOAP_CON, false, &builder),
                   ACOAP_EINVAL);
  acoap_tiny_request_cancel(NULL, 0, 1);
  acoap_tiny_request_cancel(rig.tiny, 0, -1);
  poll_rig_silence(&rig);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("tiny_server");
  TCase *tcase = tcase_create("server");

  tcase_add_checked_fixture(tcase, start, stop);
  tcase_add_test(tcase, figure_16_confirmable_request_piggybacked_response);
  tcase_add_test(tcase, duplicate_gets_the_stored_reply_and_no_second_handler);
  tcase_add_test(tcase, duplicate_of_a_non_is_ignored);
  tcase_add_test(tcase, figure_20_separate_response);
  tcase_add_test(tcase, separate_response_without_ack_is_told_as_timed_out);
  tcase_add_test(tcase, rst_to_a_separate_response_is_told);
  tcase_add_test(tcase, non_answered_later_is_a_non);
  tcase_add_test(tcase, separate_responses_wait_for_nstart);
  tcase_add_test(tcase, figure_22_non_confirmable);
  tcase_add_test(tcase, table_says_4_04_and_4_05);
  tcase_add_test(tcase, critical_options_are_refused_in_con_and_silent_in_non);
  tcase_add_test(tcase, preconditions_and_accept_are_judged_for_the_handler);
  tcase_add_test(tcase, block1_is_judged_for_the_handler);
  tcase_add_test(tcase, failing_handlers_and_overlong_answers_become_5_00);
  tcase_add_test(tcase, silence_on_purpose_acknowledges_a_con);
  tcase_add_test(tcase, no_response_suppresses_what_it_names);
  tcase_add_test(tcase, pings_and_nonsense_are_reset);
  tcase_add_test(tcase, groups_get_no_errors_and_no_acks);
  tcase_add_test(tcase, answers_are_cut_into_the_blocks_that_are_asked_for);
  tcase_add_test(tcase, links_are_listed_once_whole_in_blocks_and_filtered);
  tcase_add_test(tcase, requests_come_up_as_events);
  tcase_add_test(tcase, second_answer_is_refused);
  tcase_add_test(tcase, two_responses_may_be_built_at_once);
  tcase_add_test(tcase, separate_responses_are_bounded);
  tcase_add_test(tcase, failure_is_suppressed_by_no_response_too);
  tcase_add_test(tcase, unknown_request_code_is_4_05_or_an_event);
  tcase_add_test(tcase, misuse_is_einval);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
