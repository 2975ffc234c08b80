/*
 * exchange/token_family: which tokens belong to a body, and that an interaction takes the answers
 * to all of them (RFC 9177 section 6).
 * SPDX-License-Identifier: MIT
 */
#include "exchange/token_family.h"

#include <string.h>

#include "support/check_main.h"
#include "support/scripted_peer.h"

static script_t *new_script(void) {
  acoap__engine_config_t config = script_config();
  return script_new(&config, 5);
}

START_TEST(tokens_are_counted_and_told_from_others) {
  script_t *script = new_script();
  acoap__token_family_t family;
  acoap__token_family_t other;
  uint8_t tokens[300][8];
  uint8_t stranger[8];
  uint32_t index = 77;
  acoap__token_family_new(&script->engine, &family);
  acoap__token_family_new(&script->engine, &other);
  family.first = UINT32_MAX - 100; /* counting goes round */
  acoap__token_family_next(&other, stranger);
  ck_assert(!acoap__token_family_has(&family, (acoap_bytes_t){stranger, 8}, &index));
  for (uint32_t i = 0; i < 300; i++) {
    acoap__token_family_next(&family, tokens[i]);
  }
  for (uint32_t i = 0; i < 300; i++) {
    ck_assert(acoap__token_family_has(&family, (acoap_bytes_t){tokens[i], 8}, &index));
    ck_assert_uint_eq(index, i);
    for (uint32_t j = 0; j < i; j++) {
      ck_assert_mem_ne(tokens[i], tokens[j], 8);
    }
  }
  /* None that was not given out yet, none that is shorter or longer. */
  acoap__token_family_t copy = family;
  acoap__token_family_next(&copy, stranger);
  ck_assert(!acoap__token_family_has(&family, (acoap_bytes_t){stranger, 8}, &index));
  ck_assert(!acoap__token_family_has(&family, (acoap_bytes_t){tokens[0], 7}, &index));
  ck_assert(!acoap__token_family_has(&family, (acoap_bytes_t){tokens[0], 4}, &index));
  ck_assert(!acoap__token_family_has(&family, (acoap_bytes_t){tokens[0], 0}, &index));
  script_free(script);
}
END_TEST

/* ---- an interaction -------------------------------------------------------------------------- */

typedef struct body {
  acoap__interaction_t interaction;
  acoap__token_family_t family;
  unsigned responses;
  unsigned failures;
} body_t;

static void response(acoap__interaction_t *interaction, acoap_time_t now, const acoap_path_t *from,
                     const acoap_view_t *view, bool piggybacked) {
  (void)now;
  (void)from;
  (void)view;
  (void)piggybacked;
  ((body_t *)interaction->owner)->responses++;
}

static void failed(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  (void)now;
  (void)status;
  ((body_t *)interaction->owner)->failures++;
}

static bool has_token(const acoap__interaction_t *interaction, acoap_bytes_t token) {
  uint32_t index;
  return acoap__token_family_has(&((body_t *)interaction->owner)->family, token, &index);
}

static const acoap__interaction_events_t events = {
    .response = response, .failed = failed, .has_token = has_token};

static void answer(script_t *script, unsigned peer, uint16_t message_id, const uint8_t *token,
                   size_t len) {
  acoap_path_t path = script_path(peer);
  script_receive_token(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, message_id,
                       (acoap_bytes_t){token, len}, NULL);
}

START_TEST(an_interaction_takes_the_answers_to_all_of_them) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  body_t body = {.responses = 0};
  uint8_t tokens[3][8];
  uint8_t bytes[64];
  acoap_builder_t builder;
  acoap__request_options_t options = {.keep = true, .family = true, .untimed = true};
  acoap__interaction_init(&body.interaction, NULL, &events, &body);
  acoap__token_family_new(&script->engine, &body.family);
  acoap__token_family_next(&body.family, tokens[0]);
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_NON, ACOAP_CODE_GET, 0, tokens[0], 8);
  int len = acoap_builder_finish(&builder);
  ck_assert_int_gt(len, 0);
  ck_assert_int_eq(acoap__interaction_send(&script->engine, script->now, &body.interaction, &path,
                                           bytes, (size_t)len, ACOAP_NON, &options),
                   0);
  answer(script, 1, 1, tokens[0], 8);
  ck_assert_uint_eq(body.responses, 1);
  acoap__token_family_next(&body.family, tokens[1]);
  answer(script, 1, 2, tokens[1], 8);
  answer(script, 1, 3, tokens[0], 8);
  ck_assert_uint_eq(body.responses, 3);
  /* From another peer, with what they have in common alone, or before it was given out: no. */
  answer(script, 2, 4, tokens[0], 8);
  answer(script, 1, 5, tokens[0], 4);
  acoap__token_family_t copy = body.family;
  acoap__token_family_next(&copy, tokens[2]);
  answer(script, 1, 6, tokens[2], 8);
  ck_assert_uint_eq(body.responses, 3);
  /* Its owner decides how long is waited. */
  script_run_until(script, script->now + 1000000);
  ck_assert_uint_eq(body.failures, 0);
  answer(script, 1, 7, tokens[1], 8);
  ck_assert_uint_eq(body.responses, 4);
  acoap__interaction_close(&script->engine, script->now, &body.interaction);
  answer(script, 1, 8, tokens[1], 8);
  ck_assert_uint_eq(body.responses, 4);
  script_free(script);
}
END_TEST

/* A body whose first request, of this type, is on its way or queued. */
static void begin(script_t *script, body_t *body, acoap_type_t type, uint8_t tokens[2][8],
                  uint8_t *bytes, size_t cap) {
  acoap_path_t path = script_path(1);
  acoap_builder_t builder;
  acoap__request_options_t options = {.keep = true, .family = true, .untimed = true};
  memset(body, 0, sizeof(*body));
  acoap__interaction_init(&body->interaction, NULL, &events, body);
  acoap__token_family_new(&script->engine, &body->family);
  acoap__token_family_next(&body->family, tokens[0]);
  acoap__token_family_next(&body->family, tokens[1]);
  acoap_builder_init(&builder, bytes, cap, type, ACOAP_CODE_GET, 0, tokens[1], 8);
  int len = acoap_builder_finish(&builder);
  ck_assert_int_gt(len, 0);
  ck_assert_int_eq(acoap__interaction_send(&script->engine, script->now, &body->interaction, &path,
                                           bytes, (size_t)len, type, &options),
                   0);
}

START_TEST(a_request_that_waits_to_leave_is_not_answered_by_an_older_ones_answer) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_request_t other;
  body_t body;
  uint8_t tokens[2][8];
  uint8_t bytes[64];
  script_request_init(script, &other, ACOAP_CODE_GET, "o", NULL);
  ck_assert_int_eq(script_request_send(&other, &path, ACOAP_CON, NULL), 0);
  const script_datagram_t *sent = script_expect(script, ACOAP_CON, ACOAP_CODE_GET, -1);
  uint16_t message_id = sent->view.message_id;
  begin(script, &body, ACOAP_NON, tokens, bytes, sizeof(bytes));
  ck_assert_int_eq(body.interaction.tx.state, ACOAP__TX_QUEUED);
  answer(script, 1, 1, tokens[0], 8);
  ck_assert_uint_eq(body.responses, 1);
  ck_assert_int_eq(body.interaction.tx.state, ACOAP__TX_QUEUED);
  script_receive(script, &path, ACOAP_RST, 0, message_id, NULL, NULL);
  sent = script_expect(script, ACOAP_NON, ACOAP_CODE_GET, -1);
  ck_assert_mem_eq(sent->view.token.data, tokens[1], 8);
  acoap__interaction_close(&script->engine, script->now, &body.interaction);
  script_free(script);
}
END_TEST

/* RFC 9177 section 4.4: the first payload comes in the ACK, which a later one may overtake. */
START_TEST(an_answer_that_overtakes_the_ack_does_not_stand_for_it) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  body_t body;
  uint8_t tokens[2][8];
  uint8_t bytes[64];
  begin(script, &body, ACOAP_CON, tokens, bytes, sizeof(bytes));
  const script_datagram_t *sent = script_expect(script, ACOAP_CON, ACOAP_CODE_GET, -1);
  uint16_t message_id = sent->view.message_id;
  answer(script, 1, 1, tokens[1], 8);
  ck_assert_uint_eq(body.responses, 1);
  ck_assert_int_eq(body.interaction.tx.state, ACOAP__TX_AWAITING_ACK);
  script_receive_token(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT, message_id,
                       (acoap_bytes_t){tokens[1], 8}, NULL);
  ck_assert_uint_eq(body.responses, 2);
  ck_assert_int_eq(body.interaction.tx.state, ACOAP__TX_IDLE);
  acoap__interaction_close(&script->engine, script->now, &body.interaction);
  script_free(script);
}
END_TEST

static Suite *exchange_token_family_suite(void) {
  Suite *suite = suite_create("exchange/token_family");
  TCase *tcase = tcase_create("token_family");
  tcase_add_test(tcase, tokens_are_counted_and_told_from_others);
  tcase_add_test(tcase, an_interaction_takes_the_answers_to_all_of_them);
  tcase_add_test(tcase, a_request_that_waits_to_leave_is_not_answered_by_an_older_ones_answer);
  tcase_add_test(tcase, an_answer_that_overtakes_the_ack_does_not_stand_for_it);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(exchange_token_family_suite)
