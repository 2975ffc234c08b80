/*
 * exchange/request_layer: which response belongs to which request, and when waiting ends (RFC 7252
 * sections 5.2, 5.3, 8.2).
 * SPDX-License-Identifier: MIT
 */
#include "exchange/request_layer.h"

#include "support/check_main.h"
#include "support/scripted_peer.h"

static script_t *new_script(void) {
  acoap__engine_config_t config = script_config();

  return script_new(&config, 11);
}

/* Send a request and give back the Message ID it left with. */
static uint16_t send(script_request_t *request, const acoap_path_t *path, acoap_type_t type,
                     const acoap__request_options_t *options) {
  ck_assert_int_eq(script_request_send(request, path, type, options), 0);
  return script_expect(request->script, type, request->bytes[1], -1)->view.message_id;
}

/* ---- section 5.2 ----------------------------------------------------------------------------- */

START_TEST(section_5_2_1_piggybacked) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  uint16_t message_id = send(&request, &path, ACOAP_CON, NULL);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, message_id, "tok", "22.5 C");
  ck_assert_uint_eq(request.responses, 1);
  ck_assert(request.piggybacked);
  ck_assert_str_eq(request.payload, "22.5 C");
  ck_assert_uint_eq(request.acknowledged, 0);
  script_expect_silence(script);
  script_expect_idle(script);
  ck_assert_uint_eq(script->engine.stats.responses_received, 1);
  /* The same ACK again finds nobody. */
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, message_id, "tok", "22.5 C");
  ck_assert_uint_eq(request.responses, 1);
  ck_assert_uint_eq(script->engine.stats.unmatched_acks, 1);
  script_free(script);
}
END_TEST

START_TEST(section_5_2_2_separate) {
  static const acoap_type_t types[] = {ACOAP_CON, ACOAP_NON};

  for (size_t i = 0; i < 2; i++) {
    script_t *script = new_script();
    acoap_path_t path = script_path(1);
    script_request_t request;

    script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
    uint16_t message_id = send(&request, &path, ACOAP_CON, NULL);
    script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_EMPTY, message_id, NULL, NULL);
    ck_assert_uint_eq(request.acknowledged, 1);
    ck_assert_uint_eq(script->engine.stats.acks_received, 1);
    /* No retransmission any more; the wait for the response goes on. */
    script_run_until(script, script->now + 100000);
    script_expect_silence(script);
    script_receive(script, &path, types[i], ACOAP_CODE_CONTENT, 0x23bb, "tok", "late");
    ck_assert_uint_eq(request.responses, 1);
    ck_assert(!request.piggybacked);
    if (types[i] == ACOAP_CON) {
      script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 0x23bb);
    }
    script_expect_silence(script);
    script_expect_idle(script);
    script_free(script);
  }
}
END_TEST

START_TEST(section_5_2_2_a_response_that_overtakes_the_ack_is_the_ack_as_well) {
  for (size_t i = 0; i < 4; i++) {
    script_t *script = new_script();
    acoap_path_t path = script_path(1);
    acoap__request_options_t options = {.keep = i >= 2};
    script_request_t request;

    script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
    uint16_t message_id = send(&request, &path, ACOAP_CON, &options);
    script_receive(script, &path, i % 2 ? ACOAP_CON : ACOAP_NON, ACOAP_CODE_CONTENT, 5, "tok",
                   NULL);
    ck_assert_uint_eq(request.responses, 1);
    script->taken = script->sent;
    script_run_until(script, script->now + 100000);
    script_expect_silence(script);
    /* The late ACK finds nobody and harms nobody. */
    script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_EMPTY, message_id, NULL, NULL);
    ck_assert_uint_eq(request.acknowledged, 0);
    script_expect_silence(script);
    script_free(script);
  }
}
END_TEST

START_TEST(section_5_2_2_lost_ack_of_a_separate_response) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  send(&request, &path, ACOAP_CON, NULL);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_CONTENT, 5, "tok", NULL);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 5);
  /* Our ACK was lost: the server repeats, we acknowledge again although the request is over. */
  for (unsigned i = 0; i < 4; i++) {
    script->now += 2000u << i;
    script_receive(script, &path, ACOAP_CON, ACOAP_CODE_CONTENT, 5, "tok", NULL);
    script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 5);
  }
  ck_assert_uint_eq(request.responses, 1);
  script_free(script);
}
END_TEST

START_TEST(section_5_2_3_non) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  send(&request, &path, ACOAP_NON, NULL);
  script_run_until(script, script->now + 100000);
  script_expect_silence(script);
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, 5, "tok", "x");
  ck_assert_uint_eq(request.responses, 1);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(every_response_class_is_handed_up) {
  static const uint8_t codes[] = {ACOAP_CODE(2, 0),  ACOAP_CODE(2, 5),  ACOAP_CODE(2, 30),
                                  ACOAP_CODE(3, 0),  ACOAP_CODE(3, 31), ACOAP_CODE(4, 4),
                                  ACOAP_CODE(4, 30), ACOAP_CODE(5, 0),  ACOAP_CODE(5, 31)};

  for (size_t i = 0; i < sizeof(codes); i++) {
    for (int how = 0; how < 3; how++) {
      script_t *script = new_script();
      acoap_path_t path = script_path(1);
      script_request_t request;
      static const acoap_type_t types[] = {ACOAP_ACK, ACOAP_CON, ACOAP_NON};

      script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
      uint16_t message_id = send(&request, &path, ACOAP_CON, NULL);
      script_receive(script, &path, types[how], codes[i], message_id, "tok", NULL);
      ck_assert_uint_eq(request.responses, 1);
      ck_assert_uint_eq(request.code, codes[i]);
      script_free(script);
    }
  }
}
END_TEST

/* ---- section 5.3.2 --------------------------------------------------------------------------- */

START_TEST(section_5_3_2_message_id_and_token_must_match_in_an_ack) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap_path_t other = script_path(2);
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  uint16_t id = send(&request, &path, ACOAP_CON, NULL);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, (uint16_t)(id + 1), "tok", NULL);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, id, "kot", NULL);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, id, "", NULL);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, id, "tokk", NULL);
  script_receive(script, &other, ACOAP_ACK, ACOAP_CODE_CONTENT, id, "tok", NULL);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_GET, id, "tok", NULL);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE(7, 1), id, "tok", NULL);
  script_receive(script, &path, ACOAP_RST, ACOAP_CODE_CONTENT, id, "tok", NULL);
  ck_assert_uint_eq(request.responses + request.failures + request.acknowledged, 0);
  script_expect_silence(script);
  ck_assert_uint_eq(script->engine.stats.unmatched_responses, 3);
  ck_assert_uint_eq(script->engine.stats.unmatched_acks, 2);
  script_run_until(script, script->now + 2000);
  script_expect(script, ACOAP_CON, ACOAP_CODE_GET, id);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, id, "tok", NULL);
  ck_assert_uint_eq(request.responses, 1);
  script_free(script);
}
END_TEST

START_TEST(section_5_3_2_a_response_from_elsewhere_is_dropped_and_counted) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap_path_t wrong[3] = {script_path(2), script_path(1), script_path(1)};
  script_request_t request;

  wrong[1].peer.port++;
  wrong[2].socket++;
  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  send(&request, &path, ACOAP_NON, NULL);
  for (size_t i = 0; i < 3; i++) {
    script_receive(script, &wrong[i], ACOAP_NON, ACOAP_CODE_CONTENT, 1, "tok", NULL);
    script_expect_silence(script);
    script_receive(script, &wrong[i], ACOAP_CON, ACOAP_CODE_CONTENT, 2, "tok", NULL);
    script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 2);
  }
  ck_assert_uint_eq(request.responses, 0);
  ck_assert_uint_eq(script->engine.stats.wrong_source, 6);
  ck_assert_uint_eq(script->engine.stats.unmatched_responses, 0);
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, 3, "tok", NULL);
  ck_assert_uint_eq(request.responses, 1);
  script_free(script);
}
END_TEST

START_TEST(any_source_takes_it_from_anywhere) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap_path_t other = script_path(2);
  acoap__request_options_t options = {.any_source = true};
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  send(&request, &path, ACOAP_CON, &options);
  script_receive(script, &other, ACOAP_CON, ACOAP_CODE_CONTENT, 1, "tok", NULL);
  ck_assert_uint_eq(request.responses, 1);
  const script_datagram_t *ack = script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 1);
  ck_assert(acoap_address_equal(&ack->path.peer, &other.peer));
  ck_assert_uint_eq(script->engine.stats.wrong_source, 0);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(an_unknown_token_is_reset_in_a_con_and_ignored_in_a_non) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_CONTENT, 1, "what", NULL);
  script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 1);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_CONTENT, 1, "what", NULL); /* its duplicate */
  script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 1);
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, 2, "what", NULL);
  script_expect_silence(script);
  ck_assert_uint_eq(script->engine.stats.unmatched_responses, 2);
  ck_assert_uint_eq(script->engine.stats.resets_sent, 2);
  script_free(script);
}
END_TEST

/* RFC 7641 section 3.6 */
START_TEST(a_non_notification_that_nobody_waits_for_is_reset_once) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  uint8_t bytes[32];
  acoap_builder_t builder;

  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_NON, ACOAP_CODE_CONTENT, 9,
                     (const uint8_t *)"gone", 4);
  acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, 5);
  acoap_builder_payload(&builder, "x", 1);
  script_feed(script, &path, bytes, builder.len);
  script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 9);
  script_feed(script, &path, bytes, builder.len); /* its duplicate */
  script_expect_silence(script);
  path.multicast = true;
  acoap_message_set_header(bytes, ACOAP_NON, 10);
  script_feed(script, &path, bytes, builder.len);
  script_expect_silence(script);
  script_free(script);
}
END_TEST

START_TEST(a_late_duplicate_does_not_answer_the_next_request_of_the_same_token) {
  static const acoap_type_t types[] = {ACOAP_CON, ACOAP_NON};

  for (size_t i = 0; i < 2; i++) {
    script_t *script = new_script();
    acoap_path_t path = script_path(1);
    script_request_t request;

    script_request_init(script, &request, ACOAP_CODE_GET, "same", NULL);
    send(&request, &path, ACOAP_CON, NULL);
    script_receive(script, &path, types[i], ACOAP_CODE_CONTENT, 10, "same", "first");
    script->taken = script->sent;
    send(&request, &path, ACOAP_CON, NULL);
    script_receive(script, &path, types[i], ACOAP_CODE_CONTENT, 10, "same", "first");
    ck_assert_uint_eq(request.responses, 1);
    script_receive(script, &path, types[i], ACOAP_CODE_CONTENT, 11, "same", "second");
    ck_assert_uint_eq(request.responses, 2);
    ck_assert_str_eq(request.payload, "second");
    script_free(script);
  }
}
END_TEST

/* ---- section 5.4.1 --------------------------------------------------------------------------- */

static size_t compose_with_option(uint8_t *bytes, size_t cap, acoap_type_t type,
                                  uint16_t message_id, uint16_t option) {
  acoap_builder_t builder;

  acoap_builder_init(&builder, bytes, cap, type, ACOAP_CODE_CONTENT, message_id,
                     (const uint8_t *)"tok", 3);
  acoap_builder_option(&builder, option, "x", 1);
  int len = acoap_builder_finish(&builder);
  ck_assert_int_gt(len, 0);
  return (size_t)len;
}

START_TEST(section_5_4_1_a_response_with_an_unknown_critical_option_is_rejected) {
  static const uint16_t unknown[] = {2049, ACOAP_OPTION_OSCORE};

  for (size_t i = 0; i < 2; i++) {
    for (acoap_type_t type = ACOAP_CON; type <= ACOAP_ACK; type++) {
      script_t *script = new_script();
      acoap_path_t path = script_path(1);
      script_request_t request;
      uint8_t bytes[64];

      script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
      uint16_t message_id = send(&request, &path, ACOAP_CON, NULL);
      message_id = type == ACOAP_ACK ? message_id : 77;
      size_t len = compose_with_option(bytes, sizeof(bytes), type, message_id, unknown[i]);
      ck_assert_int_eq(script_feed(script, &path, bytes, len), 0);
      ck_assert_uint_eq(request.responses, 0);
      ck_assert_uint_eq(request.failures, 1);
      ck_assert_int_eq(request.status, ACOAP_EBADOPTION);
      ck_assert_uint_eq(script->engine.stats.bad_option, 1);
      if (type == ACOAP_CON) {
        script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 77);
        script_feed(script, &path, bytes, len); /* and so is its duplicate */
        script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 77);
      }
      script_expect_silence(script);
      script_expect_idle(script);
      script_free(script);
    }
  }
}
END_TEST

START_TEST(section_5_4_1_an_unknown_elective_option_is_ignored) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_request_t request;
  uint8_t bytes[64];

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  uint16_t message_id = send(&request, &path, ACOAP_CON, NULL);
  size_t len = compose_with_option(bytes, sizeof(bytes), ACOAP_ACK, message_id, 2050);
  script_feed(script, &path, bytes, len);
  ck_assert_uint_eq(request.responses, 1);
  ck_assert_uint_eq(request.failures, 0);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(section_5_4_1_one_responder_of_a_group_does_not_fail_the_others) {
  script_t *script = new_script();
  acoap_path_t group = script_group();
  acoap_path_t first = script_path(1);
  acoap_path_t second = script_path(2);
  const acoap__request_options_t options = {.keep = true};
  script_request_t request;
  uint8_t bytes[64];

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  send(&request, &group, ACOAP_NON, &options);
  size_t len = compose_with_option(bytes, sizeof(bytes), ACOAP_NON, 5, 2049);
  script_feed(script, &first, bytes, len);
  ck_assert_uint_eq(request.failures, 0);
  ck_assert_uint_eq(request.responses, 0);
  script_receive(script, &second, ACOAP_NON, ACOAP_CODE_CONTENT, 6, "tok", "here");
  ck_assert_uint_eq(request.responses, 1);
  ck_assert_uint_eq(script->engine.stats.bad_option, 1);
  acoap__interaction_close(&script->engine, script->now, &request.interaction);
  script_free(script);
}
END_TEST

/* ---- section 8.2 ----------------------------------------------------------------------------- */

START_TEST(section_8_2_answers_of_a_group_match_by_token_alone) {
  script_t *script = new_script();
  acoap_path_t group = script_group();
  acoap__request_options_t keep = {.keep = true};
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  send(&request, &group, ACOAP_NON, &keep);
  for (unsigned n = 1; n <= 10; n++) {
    acoap_path_t path = script_path(n);
    path.peer.port = (uint16_t)(40000 + n); /* from whatever port */
    script_receive(script, &path, n % 2 ? ACOAP_NON : ACOAP_CON, ACOAP_CODE_CONTENT, 7, "tok",
                   NULL);
    ck_assert_uint_eq(request.responses, n);
  }
  ck_assert_uint_eq(script->sent - script->taken, 5); /* ACKs */
  script->taken = script->sent;
  /* Never timed out here. */
  ck_assert_int_eq(acoap__engine_next_wake(&script->engine), ACOAP_TIME_NEVER);
  script_run_until(script, script->now + 10000000);
  ck_assert_uint_eq(request.failures, 0);
  acoap__interaction_close(&script->engine, script->now, &request.interaction);
  acoap_path_t path = script_path(20);
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, 8, "tok", NULL);
  ck_assert_uint_eq(request.responses, 10);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(section_8_1_no_con_to_a_group) {
  script_t *script = new_script();
  acoap_path_t group = script_group();
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  ck_assert_int_eq(script_request_send(&request, &group, ACOAP_CON, NULL), ACOAP_EINVAL);
  ck_assert(!request.interaction.open);
  script_expect_silence(script);
  script_free(script);
}
END_TEST

START_TEST(a_unicast_request_of_the_same_token_takes_its_own_answer) {
  script_t *script = new_script();
  acoap_path_t group = script_group();
  acoap_path_t member = script_path(1);
  acoap_path_t other = script_path(2);
  acoap__request_options_t keep = {.keep = true};
  script_request_t all;
  script_request_t one;

  script_request_init(script, &all, ACOAP_CODE_GET, "tok", NULL);
  script_request_init(script, &one, ACOAP_CODE_GET, "tok", NULL);
  send(&all, &group, ACOAP_NON, &keep);
  send(&one, &member, ACOAP_CON, NULL);
  script_receive(script, &other, ACOAP_NON, ACOAP_CODE_CONTENT, 1, "tok", NULL);
  script_receive(script, &member, ACOAP_NON, ACOAP_CODE_CONTENT, 1, "tok", NULL);
  ck_assert_uint_eq(all.responses, 1);
  ck_assert_uint_eq(one.responses, 1);
  script_receive(script, &member, ACOAP_NON, ACOAP_CODE_CONTENT, 2, "tok", NULL);
  ck_assert_uint_eq(all.responses, 2);
  script_free(script);
}
END_TEST

/* ---- waiting --------------------------------------------------------------------------------- */

START_TEST(waiting_for_a_response_ends) {
  static const struct {
    acoap_type_t type;
    uint32_t response_timeout;
    bool acknowledge;
    acoap_time_t fails;
  } rows[] = {{ACOAP_CON, 0, true, 232000},  {ACOAP_NON, 0, false, 130000},
              {ACOAP_CON, 5000, true, 5000}, {ACOAP_CON, 5000, false, 5000},
              {ACOAP_NON, 700, false, 700},  {ACOAP_CON, 100000, false, 62000}};

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    script_t *script = new_script();
    acoap_path_t path = script_path(1);
    acoap_params_t params = *script->engine.config.params;
    acoap__request_options_t options = {.params = &params, .keep = i % 2 == 0};
    script_request_t request;
    acoap_time_t start = script->now;

    params.response_timeout_ms = rows[i].response_timeout;
    script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
    uint16_t id = send(&request, &path, rows[i].type, &options);
    if (rows[i].acknowledge) {
      script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_EMPTY, id, NULL, NULL);
    }
    script_run_until(script, start + rows[i].fails - 1);
    ck_assert_uint_eq(request.failures, 0);
    script_run_until(script, start + rows[i].fails);
    ck_assert_uint_eq(request.failures, 1);
    ck_assert_int_eq(request.status, ACOAP_ETIMEDOUT);
    ck_assert_uint_eq(script->engine.stats.timeouts, 1);
    script_expect_idle(script);
    script_free(script);
  }
}
END_TEST

START_TEST(time_in_the_queue_does_not_count) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap_params_t params = *script->engine.config.params;
  acoap__request_options_t options = {.params = &params};
  script_request_t first;
  script_request_t second;
  acoap_time_t start = script->now;

  script_request_init(script, &first, ACOAP_CODE_GET, "a", NULL);
  script_request_init(script, &second, ACOAP_CODE_GET, "b", NULL);
  send(&first, &path, ACOAP_CON, NULL);
  params.response_timeout_ms = 1000;
  ck_assert_int_eq(script_request_send(&second, &path, ACOAP_CON, &options), 0);
  script_run_until(script, start + 62000);
  ck_assert_uint_eq(first.failures, 1);
  ck_assert_uint_eq(second.failures, 0);
  script_run_until(script, start + 62999);
  ck_assert_uint_eq(second.failures, 0);
  script_run_until(script, start + 63000);
  ck_assert_uint_eq(second.failures, 1);
  script_free(script);
}
END_TEST

/* CON notification as composed by script_receive, with Observe. */
static void notify(script_t *script, const acoap_path_t *path, uint16_t id, const char *payload) {
  uint8_t bytes[64];
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_CONTENT, id,
                     (const uint8_t *)"obs", 3);
  acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, id);
  acoap_builder_payload(&builder, payload, strlen(payload));
  script_feed(script, path, bytes, (size_t)acoap_builder_finish(&builder));
}

START_TEST(rfc7641_3_3_1_a_notification_that_crosses_a_renewal_is_no_answer_to_it) {
  for (unsigned renews = 0; renews < 2; renews++) {
    script_t *script = new_script();
    acoap_path_t path = script_path(1);
    acoap__request_options_t options = {.keep = true, .renews = renews != 0};
    script_request_t request;
    script_request_init(script, &request, ACOAP_CODE_GET, "obs", NULL);
    uint16_t id = send(&request, &path, ACOAP_CON, &options);
    notify(script, &path, 1000, "older");
    ck_assert_uint_eq(request.responses, 1);
    ck_assert_str_eq(request.payload, "older");
    script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, id, "obs", "newest");
    ck_assert_uint_eq(request.responses, 1 + renews);
    ck_assert_str_eq(request.payload, renews != 0 ? "newest" : "older");
    acoap__interaction_close(&script->engine, script->now, &request.interaction);
    script_free(script);
  }
}
END_TEST

START_TEST(kept_interactions_stay_open_until_closed) {
  static const acoap_type_t types[] = {ACOAP_CON, ACOAP_NON};

  for (size_t i = 0; i < 2; i++) {
    script_t *script = new_script();
    acoap_path_t path = script_path(1);
    acoap__request_options_t keep = {.keep = true};
    script_request_t request;

    script_request_init(script, &request, ACOAP_CODE_GET, "obs", NULL);
    uint16_t id = send(&request, &path, types[i], &keep);
    script_receive(script, &path, types[i] == ACOAP_CON ? ACOAP_ACK : ACOAP_NON, ACOAP_CODE_CONTENT,
                   id, "obs", "0");
    ck_assert_uint_eq(request.responses, 1);
    /* Notifications for days; no timer runs meanwhile. */
    for (uint16_t n = 1; n < 100; n++) {
      script_run_until(script, script->now + 3600000);
      ck_assert_int_eq(acoap__engine_next_wake(&script->engine), ACOAP_TIME_NEVER);
      bool confirmable = n % 5 == 0;
      script_receive(script, &path, confirmable ? ACOAP_CON : ACOAP_NON, ACOAP_CODE_CONTENT,
                     (uint16_t)(1000 + n), "obs", "n");
      if (confirmable) {
        script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 1000 + n);
      }
      /* A duplicate notification is not handed up. */
      script_receive(script, &path, confirmable ? ACOAP_CON : ACOAP_NON, ACOAP_CODE_CONTENT,
                     (uint16_t)(1000 + n), "obs", "n");
      script->taken = script->sent;
      ck_assert_uint_eq(request.responses, 1u + n);
    }
    acoap__interaction_close(&script->engine, script->now, &request.interaction);
    script_receive(script, &path, ACOAP_CON, ACOAP_CODE_CONTENT, 5000, "obs", "n");
    script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 5000);
    ck_assert_uint_eq(request.responses, 100);
    script_expect_idle(script);
    script_free(script);
  }
}
END_TEST

/* ---- tokens and misuse ----------------------------------------------------------------------- */

START_TEST(a_token_is_open_once_towards_a_peer) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap_path_t other = script_path(2);
  script_request_t first;
  script_request_t second;

  script_request_init(script, &first, ACOAP_CODE_GET, "tok", NULL);
  script_request_init(script, &second, ACOAP_CODE_GET, "tok", NULL);
  uint16_t id = send(&first, &path, ACOAP_CON, NULL);
  ck_assert_int_eq(script_request_send(&second, &path, ACOAP_CON, NULL), ACOAP_EBUSY);
  ck_assert(!second.interaction.open);
  /* Towards another peer it is free, and answers go where they belong. */
  uint16_t other_id = send(&second, &other, ACOAP_CON, NULL);
  script_receive(script, &other, ACOAP_ACK, ACOAP_CODE_CONTENT, other_id, "tok", NULL);
  ck_assert_uint_eq(second.responses, 1);
  ck_assert_uint_eq(first.responses, 0);
  /* The interaction itself may use its token again. */
  ck_assert_int_eq(script_request_send(&first, &path, ACOAP_CON, NULL), 0);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, id, "tok", NULL);
  ck_assert_uint_eq(first.responses, 0); /* the ACK of the one before */
  script_run(script);
  script->taken = script->sent - 1;
  id = script_next(script)->view.message_id;
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, id, "tok", NULL);
  ck_assert_uint_eq(first.responses, 1);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(a_failed_send_leaves_an_open_interaction_open) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap__request_options_t keep = {.keep = true};
  acoap_params_t bad = *script->engine.config.params;
  acoap__request_options_t refused = {.params = &bad};
  script_request_t request;

  bad.nstart = 0;
  script_request_init(script, &request, ACOAP_CODE_GET, "obs", NULL);
  uint16_t id = send(&request, &path, ACOAP_CON, &keep);
  script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, id, "obs", NULL);
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, &refused), ACOAP_EINVAL);
  request.bytes[1] = ACOAP_CODE_CONTENT; /* not a request */
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, &keep), ACOAP_EINVAL);
  request.bytes[1] = ACOAP_CODE_EMPTY;
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, &keep), ACOAP_EINVAL);
  request.bytes[1] = ACOAP_CODE_GET;
  request.len = 5; /* ends within the token */
  ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, &keep), ACOAP_EINVAL);
  ck_assert(request.interaction.open);
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, 9, "obs", NULL);
  ck_assert_uint_eq(request.responses, 2);
  script_free(script);
}
END_TEST

START_TEST(a_request_in_a_full_queue_may_be_sent_again) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_request_t requests[10];
  char token[2] = "a";

  for (size_t i = 0; i < 10; i++) {
    token[0] = (char)('a' + i);
    script_request_init(script, &requests[i], ACOAP_CODE_GET, token, NULL);
    ck_assert_int_eq(script_request_send(&requests[i], &path, ACOAP_CON, NULL),
                     i < 9 ? 0 : ACOAP_EEXHAUSTED);
  }
  /* It gives up its own place in the queue and takes the last one. */
  ck_assert_int_eq(script_request_send(&requests[1], &path, ACOAP_CON, NULL), 0);
  ck_assert_int_eq(requests[1].interaction.tx.state, ACOAP__TX_QUEUED);
  ck_assert_int_eq(script_request_send(&requests[9], &path, ACOAP_CON, NULL), ACOAP_EEXHAUSTED);
  for (size_t i = 0; i < 9; i++) {
    static const char order[] = "acdefghib";
    const script_datagram_t *sent = script_expect(script, ACOAP_CON, ACOAP_CODE_GET, -1);
    ck_assert_int_eq(sent->view.token.data[0], order[i]);
    script_receive(script, &path, ACOAP_RST, 0, sent->view.message_id, NULL, NULL);
  }
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(new_tokens_are_unpredictable_and_unused) {
  enum { COUNT = 2000 };
  static uint8_t tokens[2][COUNT][8];
  unsigned ones = 0;

  for (uint64_t seed = 0; seed < 2; seed++) {
    acoap__engine_config_t config = script_config();
    script_t *script = script_new(&config, 100 + seed);
    for (size_t i = 0; i < COUNT; i++) {
      acoap__engine_new_token(&script->engine, tokens[seed][i]);
    }
    script_free(script);
  }
  for (size_t i = 0; i < COUNT; i++) {
    ck_assert_int_ne(memcmp(tokens[0][i], tokens[1][i], 8), 0);
    for (size_t j = 0; j < i; j++) {
      if (memcmp(tokens[0][i], tokens[0][j], 8) == 0) {
        ck_abort_msg("token %zu was given out twice", i);
      }
    }
    for (size_t bit = 0; bit < 64; bit++) {
      ones += (unsigned)tokens[0][i][bit / 8] >> bit % 8 & 1u;
    }
  }
  ck_assert_uint_gt(ones, COUNT * 32 - 2000);
  ck_assert_uint_lt(ones, COUNT * 32 + 2000);
}
END_TEST

START_TEST(a_token_that_is_open_is_not_given_out) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_request_t request;
  uint8_t coming[8];
  uint8_t token[8];

  /* What will come next is taken by somebody before it comes. */
  acoap__engine_new_token(&script->engine, coming);
  script->engine.tokens->made--;
  script_request_init(script, &request, ACOAP_CODE_GET, "12345678", NULL);
  memcpy(request.bytes + 4, coming, 8);
  send(&request, &path, ACOAP_CON, NULL);
  acoap__engine_new_token(&script->engine, token);
  ck_assert_int_ne(memcmp(token, coming, 8), 0);
  script_free(script);
}
END_TEST

/* ---- bursts ---------------------------------------------------------------------------------- */

START_TEST(a_burst_repeats_a_non_under_new_message_ids) {
  script_t *script = new_script();
  acoap_path_t group = script_group();
  acoap_path_t elsewhere = script_group();
  acoap__request_options_t keep = {.keep = true};
  script_request_t request;

  elsewhere.interface = 4;
  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  uint16_t id = send(&request, &group, ACOAP_NON, &keep);
  for (unsigned i = 1; i < 6; i++) {
    ck_assert_int_eq(acoap__interaction_repeat(&script->engine, script->now, &request.interaction,
                                               i % 2 ? &elsewhere : NULL),
                     0);
    const script_datagram_t *sent = script_expect(script, ACOAP_NON, ACOAP_CODE_GET, id + (int)i);
    /* NULL is the way of the last one. */
    ck_assert_uint_eq(sent->path.interface, 4);
    ck_assert_int_eq(memcmp(sent->view.token.data, "tok", 3), 0);
  }
  /* One interface refuses: the caller hears of it, the request goes on. */
  script->transmit_status = -101;
  script->refuse_next = 1;
  ck_assert_int_eq(
      acoap__interaction_repeat(&script->engine, script->now, &request.interaction, &group), -101);
  script_run(script);
  ck_assert_uint_eq(request.failures, 0);
  acoap_path_t member = script_path(1);
  script_receive(script, &member, ACOAP_NON, ACOAP_CODE_CONTENT, 1, "tok", NULL);
  ck_assert_uint_eq(request.responses, 1);
  acoap__interaction_close(&script->engine, script->now, &request.interaction);
  ck_assert_int_eq(
      acoap__interaction_repeat(&script->engine, script->now, &request.interaction, &group),
      ACOAP_EINVAL);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(a_group_out_of_reach_of_one_interface_is_asked_through_the_next) {
  script_t *script = new_script();
  acoap_path_t group = script_group();
  acoap__request_options_t keep = {.keep = true};
  script_request_t request;

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  script->transmit_status = -101;
  script->refuse_next = 2;
  ck_assert_int_eq(script_request_send(&request, &group, ACOAP_NON, &keep), 0);
  ck_assert_int_eq(
      acoap__interaction_repeat(&script->engine, script->now, &request.interaction, NULL), -101);
  ck_assert_int_eq(
      acoap__interaction_repeat(&script->engine, script->now, &request.interaction, NULL), 0);
  script_run(script);
  ck_assert_uint_eq(request.failures, 0);
  script_expect(script, ACOAP_NON, ACOAP_CODE_GET, -1);
  /* When all refuse, it fails, once. */
  script->refuse_next = -1;
  ck_assert_int_eq(script_request_send(&request, &group, ACOAP_NON, &keep), 0);
  ck_assert_int_eq(
      acoap__interaction_repeat(&script->engine, script->now, &request.interaction, NULL), -101);
  script_run(script);
  ck_assert_uint_eq(request.failures, 1);
  ck_assert_int_eq(request.status, -101);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(a_repetition_to_a_peer_keeps_its_place) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap_path_t other = script_path(2);
  acoap__peer_info_t info;
  script_request_t request;
  script_request_t con;

  script_request_init(script, &request, ACOAP_CODE_GET, "tok", NULL);
  uint16_t id = send(&request, &path, ACOAP_NON, NULL);
  ck_assert_int_eq(
      acoap__interaction_repeat(&script->engine, script->now, &request.interaction, NULL), 0);
  script_expect(script, ACOAP_NON, ACOAP_CODE_GET, id + 1);
  ck_assert(acoap__engine_peer_info(&script->engine, &path, &info));
  ck_assert_uint_eq(info.outstanding, 1);
  ck_assert_int_eq(
      acoap__interaction_repeat(&script->engine, script->now, &request.interaction, &other),
      ACOAP_EINVAL);
  /* 7 bytes twice at 1 byte a second: expected for 14 s; a repetition afterwards takes a place
   * again. */
  script_run_until(script, script->now + 13999);
  ck_assert(acoap__engine_peer_info(&script->engine, &path, &info));
  ck_assert_uint_eq(info.outstanding, 1);
  script_run_until(script, script->now + 1);
  ck_assert(acoap__engine_peer_info(&script->engine, &path, &info));
  ck_assert_uint_eq(info.outstanding, 0);
  script_request_init(script, &con, ACOAP_CODE_GET, "con", NULL);
  send(&con, &path, ACOAP_CON, NULL);
  ck_assert_int_eq(
      acoap__interaction_repeat(&script->engine, script->now, &request.interaction, NULL), 0);
  script_expect_silence(script);
  ck_assert_int_eq(request.interaction.tx.state, ACOAP__TX_QUEUED);
  ck_assert_int_eq(
      acoap__interaction_repeat(&script->engine, script->now, &request.interaction, NULL), 0);
  ck_assert_int_eq(acoap__interaction_repeat(&script->engine, script->now, &con.interaction, NULL),
                   ACOAP_EINVAL);
  acoap__interaction_close(&script->engine, script->now, &con.interaction);
  script_run(script);
  script_expect(script, ACOAP_NON, ACOAP_CODE_GET, -1);
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, 1, "tok", NULL);
  ck_assert_uint_eq(request.responses, 1);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

static Suite *exchange_request_layer_suite(void) {
  Suite *suite = suite_create("exchange_request_layer");
  TCase *responses = tcase_create("section_5_2");
  tcase_add_test(responses, section_5_2_1_piggybacked);
  tcase_add_test(responses, section_5_2_2_separate);
  tcase_add_test(responses, section_5_2_2_a_response_that_overtakes_the_ack_is_the_ack_as_well);
  tcase_add_test(responses, section_5_2_2_lost_ack_of_a_separate_response);
  tcase_add_test(responses, section_5_2_3_non);
  tcase_add_test(responses, every_response_class_is_handed_up);
  suite_add_tcase(suite, responses);
  TCase *matching = tcase_create("section_5_3_2");
  tcase_add_test(matching, section_5_3_2_message_id_and_token_must_match_in_an_ack);
  tcase_add_test(matching, section_5_3_2_a_response_from_elsewhere_is_dropped_and_counted);
  tcase_add_test(matching, any_source_takes_it_from_anywhere);
  tcase_add_test(matching, an_unknown_token_is_reset_in_a_con_and_ignored_in_a_non);
  tcase_add_test(matching, a_non_notification_that_nobody_waits_for_is_reset_once);
  tcase_add_test(matching, a_late_duplicate_does_not_answer_the_next_request_of_the_same_token);
  suite_add_tcase(suite, matching);
  TCase *groups = tcase_create("section_8_2");
  tcase_add_test(groups, section_5_4_1_a_response_with_an_unknown_critical_option_is_rejected);
  tcase_add_test(groups, section_5_4_1_an_unknown_elective_option_is_ignored);
  tcase_add_test(groups, section_5_4_1_one_responder_of_a_group_does_not_fail_the_others);
  tcase_add_test(groups, section_8_2_answers_of_a_group_match_by_token_alone);
  tcase_add_test(groups, section_8_1_no_con_to_a_group);
  tcase_add_test(groups, a_unicast_request_of_the_same_token_takes_its_own_answer);
  suite_add_tcase(suite, groups);
  TCase *waiting = tcase_create("waiting");
  tcase_add_test(waiting, waiting_for_a_response_ends);
  tcase_add_test(waiting, time_in_the_queue_does_not_count);
  tcase_add_test(waiting, kept_interactions_stay_open_until_closed);
  tcase_add_test(waiting, rfc7641_3_3_1_a_notification_that_crosses_a_renewal_is_no_answer_to_it);
  suite_add_tcase(suite, waiting);
  TCase *tokens = tcase_create("tokens");
  tcase_add_test(tokens, a_token_is_open_once_towards_a_peer);
  tcase_add_test(tokens, a_failed_send_leaves_an_open_interaction_open);
  tcase_add_test(tokens, a_request_in_a_full_queue_may_be_sent_again);
  tcase_add_test(tokens, new_tokens_are_unpredictable_and_unused);
  tcase_add_test(tokens, a_token_that_is_open_is_not_given_out);
  suite_add_tcase(suite, tokens);
  TCase *bursts = tcase_create("bursts");
  tcase_add_test(bursts, a_burst_repeats_a_non_under_new_message_ids);
  tcase_add_test(bursts, a_group_out_of_reach_of_one_interface_is_asked_through_the_next);
  tcase_add_test(bursts, a_repetition_to_a_peer_keeps_its_place);
  suite_add_tcase(suite, bursts);
  return suite;
}

ACOAP_TEST_MAIN(exchange_request_layer_suite)
