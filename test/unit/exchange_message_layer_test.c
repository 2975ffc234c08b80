/*
 * exchange/message_layer: what each type of message that comes in leads to (RFC 7252 sections 4.1
 * to 4.5, 8.1).
 * SPDX-License-Identifier: MIT
 */
#include "support/check_main.h"
#include "support/scripted_peer.h"

static script_t *new_script(void) {
  acoap__engine_config_t config = script_config();

  return script_new(&config, 3);
}

static void reply_content(script_t *script, script_inbound_t *inbound, const acoap_view_t *view) {
  (void)view;
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, "stored"), 0);
}

/* ---- sections 4.2 and 4.3: what is rejected -------------------------------------------------- */

START_TEST(section_4_2_and_4_3_messages_without_context) {
  static const struct {
    acoap_type_t type;
    uint8_t code;
    bool multicast;
    int answer; /* type, -1: silence */
  } rows[] = {
      {ACOAP_CON, ACOAP_CODE_EMPTY, false, ACOAP_RST}, /* ping */
      {ACOAP_CON, ACOAP_CODE_EMPTY, true, -1},
      {ACOAP_CON, ACOAP_CODE(1, 0), false, ACOAP_RST}, /* reserved classes */
      {ACOAP_CON, ACOAP_CODE(1, 31), false, ACOAP_RST},
      {ACOAP_CON, ACOAP_CODE(6, 0), false, ACOAP_RST},
      {ACOAP_CON, ACOAP_CODE_PING, false, ACOAP_RST},
      {ACOAP_CON, ACOAP_CODE(7, 31), false, ACOAP_RST},
      {ACOAP_CON, ACOAP_CODE(6, 0), true, -1},
      {ACOAP_CON, ACOAP_CODE_CONTENT, false, ACOAP_RST}, /* nobody waits for it */
      {ACOAP_CON, ACOAP_CODE(3, 1), false, ACOAP_RST},
      {ACOAP_CON, ACOAP_CODE_CONTENT, true, -1},
      {ACOAP_CON, ACOAP_CODE_GET, true, -1}, /* against section 8.1 */
      {ACOAP_NON, ACOAP_CODE_EMPTY, false, -1},
      {ACOAP_NON, ACOAP_CODE(1, 1), false, -1},
      {ACOAP_NON, ACOAP_CODE(6, 1), false, -1},
      {ACOAP_NON, ACOAP_CODE(7, 1), false, -1},
      {ACOAP_NON, ACOAP_CODE_CONTENT, false, -1},
      {ACOAP_NON, ACOAP_CODE_CONTENT, true, -1},
      {ACOAP_ACK, ACOAP_CODE_EMPTY, false, -1},
      {ACOAP_ACK, ACOAP_CODE_GET, false, -1},
      {ACOAP_ACK, ACOAP_CODE(1, 1), false, -1},
      {ACOAP_ACK, ACOAP_CODE_CONTENT, false, -1},
      {ACOAP_RST, ACOAP_CODE_EMPTY, false, -1},
      {ACOAP_RST, ACOAP_CODE_GET, false, -1},
      {ACOAP_RST, ACOAP_CODE_CONTENT, false, -1},
  };
  script_t *script = new_script();

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    acoap_path_t path = script_path((unsigned)i);
    path.multicast = rows[i].multicast;
    size_t sent = script->sent;
    bool empty = rows[i].code == ACOAP_CODE_EMPTY;
    ck_assert_int_eq(script_receive(script, &path, rows[i].type, rows[i].code, (uint16_t)i,
                                    empty ? NULL : "t", empty ? NULL : "p"),
                     0);
    ck_assert_msg(script->sent - sent == (rows[i].answer >= 0 ? 1 : 0), "row %zu", i);
    if (rows[i].answer >= 0) {
      const script_datagram_t *answer =
          script_expect(script, (acoap_type_t)rows[i].answer, ACOAP_CODE_EMPTY, (int)i);
      ck_assert_uint_eq(answer->len, 4);
      ck_assert(acoap_address_equal(&answer->path.peer, &path.peer));
      ck_assert(acoap_address_equal(&answer->path.local, &path.local));
      ck_assert_uint_eq(answer->path.interface, path.interface);
    }
  }
  ck_assert_uint_eq(script->requests, 0);
  ck_assert_uint_eq(script->engine.stats.pings_received, 1);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(every_code_of_class_0_is_handed_up) {
  script_t *script = new_script();

  for (unsigned code = 1; code < 32; code++) {
    acoap_path_t path = script_path(code);
    script_receive(script, &path, code % 2 ? ACOAP_CON : ACOAP_NON, (uint8_t)code, 1, "t", NULL);
    ck_assert_uint_eq(script->requests, code);
    ck_assert_uint_eq(script->inbound[(code - 1) % 32].inbound.code, code);
  }
  /* 0.30 by multicast NON is how some devices announce themselves. */
  acoap_path_t path = script_path(99);
  path.multicast = true;
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE(0, 30), 1, "", "announcement");
  ck_assert_uint_eq(script->requests, 32);
  ck_assert_str_eq(script->inbound[31].payload, "announcement");
  ck_assert(script->inbound[31].path.multicast);
  script_expect_silence(script);
  ck_assert_uint_eq(script->engine.stats.requests_received, 32);
  script_free(script);
}
END_TEST

START_TEST(malformed_messages) {
  static const struct {
    const char *bytes;
    size_t len;
    bool multicast;
    int status;
    bool reset;
  } rows[] = {
      {"", 0, false, ACOAP_EFORMAT, false},
      {"\x40\x01\x00", 3, false, ACOAP_EFORMAT, false},
      {"\x80\x01\x00\x01", 4, false, ACOAP_EVERSION, false},
      {"\x00\x01\x00\x01", 4, false, ACOAP_EVERSION, false},
      {"\x41\x00\x12\x34t", 5, false, ACOAP_EFORMAT, true}, /* Empty with a token */
      {"\x40\x00\x12\x34\xff", 5, false, ACOAP_EFORMAT, true},
      {"\x49\x01\x12\x34ttttttttt", 13, false, ACOAP_ETOKEN, true},
      {"\x40\x01\x12\x34\xff", 5, false, ACOAP_EPAYLOAD, true},
      {"\x40\x01\x12\x34\xf0", 5, false, ACOAP_EOPTION, true},
      {"\x40\x01\x12\x34\xff", 5, true, ACOAP_EPAYLOAD, false}, /* never to a group */
      {"\x50\x01\x12\x34\xff", 5, false, ACOAP_EPAYLOAD, false},
      {"\x60\x45\x12\x34\xff", 5, false, ACOAP_EPAYLOAD, false},
      {"\x70\x00\x12\x34\xff", 5, false, ACOAP_EFORMAT, false},
  };
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap_view_t view;

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    path.multicast = rows[i].multicast;
    size_t sent = script->sent;
    int status = script_feed(script, &path, rows[i].bytes, rows[i].len);
    ck_assert_msg(status == rows[i].status, "row %zu: %d", i, status);
    ck_assert_msg((script->sent > sent) == rows[i].reset, "row %zu", i);
    if (rows[i].reset) {
      script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 0x1234);
    }
  }
  ck_assert_uint_eq(script->engine.stats.malformed, 11);
  ck_assert_uint_eq(script->engine.stats.wrong_version, 2);
  ck_assert_uint_eq(script->engine.stats.datagrams_received, 13);
  ck_assert_int_eq(acoap__engine_receive(&script->engine, 0, NULL, (const uint8_t *)"", 0, &view),
                   ACOAP_EINVAL);
  ck_assert_int_eq(acoap__engine_receive(&script->engine, 0, &path, NULL, 4, &view), ACOAP_EINVAL);
  ck_assert_int_eq(acoap__engine_receive(&script->engine, 0, &path, NULL, 0, &view), ACOAP_EFORMAT);
  script_free(script);
}
END_TEST

START_TEST(extended_tokens_where_the_limit_was_raised) {
  acoap__engine_config_t config = script_config();
  config.token_max = 40;
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  static const char token[] = "thirty-two bytes are a token now";
  static const char longer[] = "forty-one bytes are beyond the new limit.";
  script_request_t request;

  script->on_request = reply_content;
  ck_assert_int_eq(script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 1, token, NULL), 0);
  const script_datagram_t *reply = script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 1);
  ck_assert_uint_eq(reply->view.token.len, 32);
  ck_assert_int_eq(memcmp(reply->view.token.data, token, 32), 0);
  ck_assert_uint_eq(strlen(longer), 41);
  ck_assert_int_eq(script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 2, longer, NULL),
                   ACOAP_ETOKEN);
  script_expect_silence(script); /* the host's 4.00 (RFC 8974 section 2.2.2) */
  ck_assert_int_eq(script_receive(script, &path, ACOAP_CON, ACOAP_CODE_CONTENT, 3, longer, NULL),
                   ACOAP_ETOKEN);
  script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 3);

  script_request_init(script, &request, ACOAP_CODE_GET, token, NULL);
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, NULL), 0);
  uint16_t message_id = script_next(script)->view.message_id;
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_EMPTY, message_id, NULL, NULL);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_CONTENT, 77, token, "extended");
  ck_assert_str_eq(request.payload, "extended");
  script_free(script);
}
END_TEST

/* ---- section 4.5 ----------------------------------------------------------------------------- */

START_TEST(duplicate_request_repeats_the_stored_ack) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  script->on_request = reply_content;
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_POST, 7, "tok", "one");
  script_datagram_t first = *script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 7);
  for (unsigned i = 0; i < 5; i++) {
    script->now += 40000;
    script_receive(script, &path, ACOAP_CON, ACOAP_CODE_POST, 7, "tok", "one");
    const script_datagram_t *again = script_next(script);
    ck_assert_uint_eq(again->len, first.len);
    ck_assert_int_eq(memcmp(again->bytes, first.bytes, first.len), 0);
  }
  ck_assert_uint_eq(script->requests, 1);
  ck_assert_uint_eq(script->engine.stats.duplicates, 5);
  ck_assert_uint_eq(script->engine.stats.replies_repeated, 5);
  ck_assert_uint_eq(script->engine.stats.responses_sent, 1);
  /* EXCHANGE_LIFETIME (without the random factor 232 s) is over: a new request. */
  script->now += 32000;
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_POST, 7, "tok", "one");
  ck_assert_uint_eq(script->requests, 2);
  script_free(script);
}
END_TEST

START_TEST(duplicate_while_being_processed_is_silent) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_POST, 7, "tok", "one");
  for (unsigned i = 0; i < 3; i++) {
    script_receive(script, &path, ACOAP_CON, ACOAP_CODE_POST, 7, "tok", "one");
  }
  script_expect_silence(script);
  ck_assert_uint_eq(script->requests, 1);
  ck_assert_int_eq(script_reply(script, &script->inbound[0], ACOAP_CODE_CHANGED, NULL), 0);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_CHANGED, 7);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_POST, 7, "tok", "one");
  script_expect(script, ACOAP_ACK, ACOAP_CODE_CHANGED, 7);
  script_free(script);
}
END_TEST

START_TEST(duplicate_of_an_acknowledged_request_repeats_the_empty_ack) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "tok", NULL);
  ck_assert_int_eq(
      acoap__inbound_acknowledge(&script->engine, script->now, &script->inbound[0].inbound), 0);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 7);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "tok", NULL);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 7);
  script_expect_silence(script);
  ck_assert_uint_eq(script->requests, 1);
  script_free(script);
}
END_TEST

START_TEST(duplicate_of_a_reset_request_repeats_the_rst) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "tok", NULL);
  ck_assert_int_eq(acoap__inbound_reset(&script->engine, script->now, &script->inbound[0].inbound),
                   0);
  script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 7);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "tok", NULL);
  script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 7);
  ck_assert_uint_eq(script->requests, 1);
  script_free(script);
}
END_TEST

START_TEST(duplicate_non_is_ignored) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  script->on_request = reply_content;
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_GET, 7, "tok", NULL);
  script_expect(script, ACOAP_NON, ACOAP_CODE_CONTENT, -1);
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_GET, 7, "tok", NULL);
  script_expect_silence(script);
  ck_assert_uint_eq(script->requests, 1);
  ck_assert_uint_eq(script->engine.stats.duplicates, 1);
  script->now += 130000; /* NON_LIFETIME without the random factor */
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_GET, 7, "tok", NULL);
  ck_assert_uint_eq(script->requests, 2);
  script_free(script);
}
END_TEST

START_TEST(same_message_id_of_another_endpoint_is_no_duplicate) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "tok", NULL);
  path.peer.port++;
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "tok", NULL);
  path.socket++;
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "tok", NULL);
  ck_assert_uint_eq(script->requests, 3);
  script_free(script);
}
END_TEST

START_TEST(a_restarted_peer_is_heard_anew) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  script->on_request = reply_content;
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "tok", NULL);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "kot", NULL); /* another token */
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "toktok", NULL);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_POST, 7, "toktok", NULL); /* another code */
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_POST, 7, "toktok", NULL); /* another type */
  ck_assert_uint_eq(script->requests, 5);
  ck_assert_uint_eq(script->engine.stats.message_id_reused, 4);
  ck_assert_uint_eq(script->engine.stats.duplicates, 0);
  script->taken = script->sent;
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_POST, 7, "toktok", NULL);
  script_expect_silence(script);
  ck_assert_uint_eq(script->engine.stats.duplicates, 1);
  script_free(script);
}
END_TEST

/* RFC 9175 section 2.4: a few bytes must not call forth the reply to many. */
START_TEST(a_shorter_message_is_no_duplicate_of_a_longer_one) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  script->on_request = reply_content;
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_POST, 7, "tok", "a long payload");
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_POST, 7, "tok", NULL);
  ck_assert_uint_eq(script->requests, 2);
  ck_assert_uint_eq(script->engine.stats.message_id_reused, 1);
  ck_assert_uint_eq(script->engine.stats.replies_repeated, 0);
  script_free(script);
}
END_TEST

START_TEST(strict_mode_keeps_to_the_letter) {
  acoap__engine_config_t config = script_config();
  config.strict_message_id = true;
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);

  script->on_request = reply_content;
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "tok", NULL);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_POST, 7, "kot", NULL);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 7);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 7);
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_GET, 7, "tok", NULL);
  script_expect_silence(script);
  ck_assert_uint_eq(script->requests, 1);
  ck_assert_uint_eq(script->engine.stats.duplicates, 2);
  ck_assert_uint_eq(script->engine.stats.message_id_reused, 0);
  script_free(script);
}
END_TEST

START_TEST(stateless_mode_hands_every_request_up) {
  acoap__engine_config_t config = script_config();
  config.stateless = true;
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t request;

  script->on_request = reply_content;
  for (unsigned i = 0; i < 3; i++) {
    script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 7, "tok", NULL);
    script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 7);
  }
  ck_assert_uint_eq(script->requests, 3);
  ck_assert_uint_eq(script->engine.stats.duplicates, 0);
  /* Responses to our own requests are still deduplicated: a repeated one must not be rejected. */
  script_request_init(script, &request, ACOAP_CODE_GET, "mine", NULL);
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, NULL), 0);
  script->taken = script->sent;
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_CONTENT, 8, "mine", NULL);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 8);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_CONTENT, 8, "mine", NULL);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 8);
  ck_assert_uint_eq(request.responses, 1);
  script_free(script);
}
END_TEST

START_TEST(a_dropped_reply_is_made_anew_for_idempotent_methods_only) {
  static const struct {
    uint8_t method;
    bool again;
  } rows[] = {{ACOAP_CODE_GET, true},    {ACOAP_CODE_POST, false},  {ACOAP_CODE_PUT, true},
              {ACOAP_CODE_DELETE, true}, {ACOAP_CODE_FETCH, true},  {ACOAP_CODE_PATCH, false},
              {ACOAP_CODE_IPATCH, true}, {ACOAP_CODE(0, 30), false}};

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    acoap__engine_config_t config = script_config();
    config.reply_bytes = 40; /* one reply of 4 + 3 + 1 + 6 bytes and its record's head */
    script_t *script = script_new(&config, 1);
    acoap_path_t path = script_path(1);

    script->on_request = reply_content;
    script_receive(script, &path, ACOAP_CON, rows[i].method, 1, "tok", NULL);
    script_receive(script, &path, ACOAP_CON, rows[i].method, 2, "tok", NULL);
    ck_assert_uint_eq(script->engine.stats.replies_evicted, 1);
    script->taken = script->sent;
    script_receive(script, &path, ACOAP_CON, rows[i].method, 1, "tok", NULL);
    if (rows[i].again) {
      script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 1);
    }
    script_expect_silence(script);
    ck_assert_uint_eq(script->requests, rows[i].again ? 3 : 2);
    ck_assert_uint_eq(script->engine.stats.duplicates, 1);
    script_free(script);
  }
}
END_TEST

START_TEST(a_full_log_forgets_the_oldest_message) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  for (uint16_t i = 0; i < 65; i++) {
    script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, i, "t", NULL);
  }
  ck_assert_uint_eq(script->engine.stats.dedup_evicted, 1);
  ck_assert_uint_eq(script->requests, 65);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 1, "t", NULL);
  ck_assert_uint_eq(script->requests, 65);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 0, "t", NULL);
  ck_assert_uint_eq(script->requests, 66);
  script_free(script);
}
END_TEST

/* ---- RST and ICMP ---------------------------------------------------------------------------- */

START_TEST(a_rst_names_a_con_or_a_held_non_of_its_sender) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap_path_t other = script_path(2);
  script_message_t notification;
  script_request_t request;

  script_message_init(script, &notification, ACOAP_CODE_CONTENT, "obs", NULL);
  ck_assert_int_eq(script_message_send(&notification, &path, ACOAP_NON, NULL), 0);
  uint16_t message_id = script_next(script)->view.message_id;
  script_receive(script, &other, ACOAP_RST, 0, message_id, NULL, NULL);
  script_receive(script, &path, ACOAP_RST, 0, (uint16_t)(message_id + 1), NULL, NULL);
  script_receive(script, &path, ACOAP_ACK, 0, message_id, NULL,
                 NULL); /* an ACK for a NON: nonsense */
  ck_assert_uint_eq(notification.resets + notification.acknowledged, 0);
  ck_assert_uint_eq(script->engine.stats.unmatched_acks, 3);
  /* Hours later it is still found. */
  script_run_until(script, script->now + 7200000);
  script_receive(script, &path, ACOAP_RST, 0, message_id, NULL, NULL);
  ck_assert_uint_eq(notification.resets, 1);
  ck_assert_uint_eq(script->engine.stats.resets_received, 1);

  script_request_init(script, &request, ACOAP_CODE_GET, "a", NULL);
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_NON, NULL), 0);
  script_receive(script, &path, ACOAP_RST, 0, script_next(script)->view.message_id, NULL, NULL);
  ck_assert_int_eq(request.status, ACOAP_ERESET);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(a_ping_is_answered_by_rst) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_message_t ping;

  script_message_init(script, &ping, ACOAP_CODE_EMPTY, NULL, NULL);
  ck_assert_int_eq(script_message_send(&ping, &path, ACOAP_CON, NULL), 0);
  const script_datagram_t *sent = script_expect(script, ACOAP_CON, ACOAP_CODE_EMPTY, -1);
  ck_assert_uint_eq(sent->len, 4);
  script_receive(script, &path, ACOAP_RST, 0, sent->view.message_id, NULL, NULL);
  ck_assert_uint_eq(ping.resets, 1);
  ck_assert_uint_eq(script->engine.stats.requests_sent, 0);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

static void icmp(script_t *script, const acoap_path_t *path, int status, const uint8_t *bytes,
                 size_t len) {
  acoap_bytes_t quote = {bytes, len};

  acoap__engine_unreachable(&script->engine, script->now, path, status, quote);
}

START_TEST(icmp_fails_the_one_exchange_that_it_quotes) {
  static const acoap_type_t types[] = {ACOAP_CON, ACOAP_NON};

  for (size_t i = 0; i < 2; i++) {
    script_t *script = new_script();
    acoap_path_t path = script_path(1);
    acoap_path_t other = script_path(2);
    script_request_t request;
    uint8_t quote[64];

    script_request_init(script, &request, ACOAP_CODE_GET, "token", "payload");
    ck_assert_int_eq(script_request_send(&request, &path, types[i], NULL), 0);
    const script_datagram_t *sent = script_next(script);
    memcpy(quote, sent->bytes, sent->len);
    icmp(script, &path, ACOAP_EUNREACHABLE, NULL, 0);
    icmp(script, &path, ACOAP_EUNREACHABLE, quote, 3);
    icmp(script, &path, ACOAP_EUNREACHABLE, quote, 8); /* ends within the token */
    icmp(script, &other, ACOAP_EUNREACHABLE, quote, sent->len);
    icmp(script, &path, 0, quote, sent->len);
    static const size_t flips[] = {0, 3, 4}; /* version and type, Message ID, token */
    for (size_t j = 0; j < 3; j++) {
      quote[flips[j]] = (uint8_t)(quote[flips[j]] ^ 0x20);
      icmp(script, &path, ACOAP_EUNREACHABLE, quote, sent->len);
      quote[flips[j]] = (uint8_t)(quote[flips[j]] ^ 0x20);
    }
    ck_assert_uint_eq(request.failures, 0);
    icmp(script, &path, ACOAP_EUNREACHABLE, quote, 9);
    ck_assert_uint_eq(request.failures, 1);
    ck_assert_int_eq(request.status, ACOAP_EUNREACHABLE);
    ck_assert_uint_eq(script->engine.stats.unreachable, 1);
    icmp(script, &path, ACOAP_EUNREACHABLE, quote, 9);
    ck_assert_uint_eq(request.failures, 1);
    script_expect_idle(script);
    script_free(script);
  }
}
END_TEST

START_TEST(icmp_about_an_ack_of_ours_ends_nothing) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, NULL, NULL);
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, NULL), 0);
  uint16_t message_id = script_next(script)->view.message_id;
  /* An ACK to the peer's message of the same number, quoted. */
  uint8_t ack[4] = {0x60, 0, (uint8_t)(message_id >> 8), (uint8_t)message_id};
  icmp(script, &path, ACOAP_EUNREACHABLE, ack, sizeof(ack));
  ck_assert_uint_eq(request.failures, 0);
  script_free(script);
}
END_TEST

static Suite *exchange_message_layer_suite(void) {
  Suite *suite = suite_create("exchange_message_layer");
  TCase *rejection = tcase_create("sections_4_1_to_4_3");
  tcase_add_test(rejection, section_4_2_and_4_3_messages_without_context);
  tcase_add_test(rejection, every_code_of_class_0_is_handed_up);
  tcase_add_test(rejection, malformed_messages);
  tcase_add_test(rejection, extended_tokens_where_the_limit_was_raised);
  suite_add_tcase(suite, rejection);
  TCase *duplicates = tcase_create("section_4_5");
  tcase_add_test(duplicates, duplicate_request_repeats_the_stored_ack);
  tcase_add_test(duplicates, duplicate_while_being_processed_is_silent);
  tcase_add_test(duplicates, duplicate_of_an_acknowledged_request_repeats_the_empty_ack);
  tcase_add_test(duplicates, duplicate_of_a_reset_request_repeats_the_rst);
  tcase_add_test(duplicates, duplicate_non_is_ignored);
  tcase_add_test(duplicates, same_message_id_of_another_endpoint_is_no_duplicate);
  tcase_add_test(duplicates, a_restarted_peer_is_heard_anew);
  tcase_add_test(duplicates, a_shorter_message_is_no_duplicate_of_a_longer_one);
  tcase_add_test(duplicates, strict_mode_keeps_to_the_letter);
  tcase_add_test(duplicates, stateless_mode_hands_every_request_up);
  tcase_add_test(duplicates, a_dropped_reply_is_made_anew_for_idempotent_methods_only);
  tcase_add_test(duplicates, a_full_log_forgets_the_oldest_message);
  suite_add_tcase(suite, duplicates);
  TCase *reset = tcase_create("rst_and_icmp");
  tcase_add_test(reset, a_rst_names_a_con_or_a_held_non_of_its_sender);
  tcase_add_test(reset, a_ping_is_answered_by_rst);
  tcase_add_test(reset, icmp_fails_the_one_exchange_that_it_quotes);
  tcase_add_test(reset, icmp_about_an_ack_of_ours_ends_nothing);
  suite_add_tcase(suite, reset);
  return suite;
}

ACOAP_TEST_MAIN(exchange_message_layer_suite)
