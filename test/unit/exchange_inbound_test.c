/*
 * exchange/inbound: answering a request now or later, once (RFC 7252 sections 5.2.1 to 5.2.3, 8.2).
 * SPDX-License-Identifier: MIT
 */
#include "exchange/peer.h"

#include "support/check_main.h"
#include "support/scripted_peer.h"

static script_t *new_script(void) {
  acoap__engine_config_t config = script_config();

  return script_new(&config, 21);
}

static script_inbound_t *receive(script_t *script, const acoap_path_t *path, acoap_type_t type) {
  script_receive(script, path, type, ACOAP_CODE_GET, 0x7d34, "tok", NULL);
  ck_assert_uint_eq(script->requests, 1);
  return &script->inbound[0];
}

START_TEST(a_reply_to_a_con_is_piggybacked) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_inbound_t *inbound = receive(script, &path, ACOAP_CON);

  ck_assert_int_eq(inbound->inbound.type, ACOAP_CON);
  ck_assert_uint_eq(inbound->inbound.code, ACOAP_CODE_GET);
  ck_assert_uint_eq(inbound->inbound.message_id, 0x7d34);
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, "22.3 C"), 0);
  const script_datagram_t *sent = script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 0x7d34);
  ck_assert(acoap_address_equal(&sent->path.peer, &path.peer));
  ck_assert(acoap_address_equal(&sent->path.local, &path.local));
  ck_assert_uint_eq(script->engine.stats.responses_sent, 1);
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, "again"), ACOAP_EINVAL);
  script_expect_silence(script);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(a_reply_to_a_non_is_a_non_with_an_id_of_ours) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_inbound_t *inbound = receive(script, &path, ACOAP_NON);

  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), 0);
  const script_datagram_t *sent = script_expect(script, ACOAP_NON, ACOAP_CODE_CONTENT, -1);
  ck_assert_uint_eq(sent->view.message_id, acoap__peer_find(&script->engine, &path)->ids.first);
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), ACOAP_EINVAL);
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(a_reply_to_a_multicast_comes_from_an_address_of_ours) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  path.multicast = true;
  path.local = script_group().peer;
  script_inbound_t *inbound = receive(script, &path, ACOAP_NON);
  ck_assert(inbound->path.multicast);
  script_run_until(script, script->now + 3000); /* some leisure */
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), 0);
  const script_datagram_t *sent = script_expect(script, ACOAP_NON, ACOAP_CODE_CONTENT, -1);
  ck_assert_int_eq(sent->path.local.family, ACOAP_FAMILY_NONE);
  ck_assert_uint_eq(sent->path.interface, path.interface);
  ck_assert(!sent->path.multicast);
  ck_assert(acoap_address_equal(&sent->path.peer, &path.peer));
  script_free(script);
}
END_TEST

START_TEST(nothing_but_a_reply_answers_a_multicast) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);

  path.multicast = true;
  path.local = script_group().peer;
  acoap__inbound_t inbound = receive(script, &path, ACOAP_NON)->inbound;
  ck_assert_int_eq(acoap__inbound_acknowledge(&script->engine, script->now, &inbound), 0);
  ck_assert(!inbound.acknowledged);
  ck_assert_int_eq(acoap__inbound_reset(&script->engine, script->now, &inbound), 0);
  script_expect_silence(script);
  script_free(script);
}
END_TEST

START_TEST(after_the_ack_a_reply_is_a_separate_message) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_inbound_t *inbound = receive(script, &path, ACOAP_CON);
  acoap__inbound_t copy = inbound->inbound;
  script_message_t response;

  ck_assert_int_eq(acoap__inbound_acknowledge(&script->engine, script->now, &inbound->inbound), 0);
  ck_assert(inbound->inbound.acknowledged);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 0x7d34);
  /* Once is enough, also through another copy of the value. */
  ck_assert_int_eq(acoap__inbound_acknowledge(&script->engine, script->now, &inbound->inbound), 0);
  ck_assert_int_eq(acoap__inbound_acknowledge(&script->engine, script->now, &copy), 0);
  script_expect_silence(script);
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), ACOAP_EAGAIN);
  inbound->inbound.acknowledged = false; /* the log knows it, too */
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), ACOAP_EAGAIN);
  ck_assert_int_eq(acoap__inbound_reset(&script->engine, script->now, &inbound->inbound),
                   ACOAP_EINVAL);
  script_message_init(script, &response, ACOAP_CODE_CONTENT, "tok", NULL);
  ck_assert_int_eq(script_message_send(&response, &path, ACOAP_CON, NULL), 0);
  acoap__inbound_answered_separately(&script->engine, &inbound->inbound);
  script_expect(script, ACOAP_CON, ACOAP_CODE_CONTENT, -1);
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), ACOAP_EINVAL);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 0x7d34, "tok", NULL);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 0x7d34);
  script_free(script);
}
END_TEST

START_TEST(answered_separately_without_an_ack_acknowledges_duplicates) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap__inbound_t inbound = receive(script, &path, ACOAP_CON)->inbound;

  acoap__inbound_answered_separately(&script->engine, &inbound);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 0x7d34, "tok", NULL);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_EMPTY, 0x7d34);
  script_free(script);
}
END_TEST

START_TEST(a_non_needs_no_ack) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  acoap__inbound_t inbound = receive(script, &path, ACOAP_NON)->inbound;

  ck_assert_int_eq(acoap__inbound_acknowledge(&script->engine, script->now, &inbound), 0);
  script_expect_silence(script);
  ck_assert_int_eq(acoap__inbound_reset(&script->engine, script->now, &inbound), 0);
  script_expect(script, ACOAP_RST, ACOAP_CODE_EMPTY, 0x7d34);
  ck_assert_int_eq(acoap__inbound_acknowledge(&script->engine, script->now, &inbound),
                   ACOAP_EINVAL);
  script_free(script);
}
END_TEST

START_TEST(a_reply_is_a_response) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_inbound_t *inbound = receive(script, &path, ACOAP_CON);
  uint8_t bytes[4] = {0x60, ACOAP_CODE_CONTENT, 0, 0};
  acoap__engine_t *engine = &script->engine;

  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_GET, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_PING, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap__inbound_reply(engine, 0, &inbound->inbound, NULL, 4), ACOAP_EINVAL);
  ck_assert_int_eq(acoap__inbound_reply(engine, 0, &inbound->inbound, bytes, 3), ACOAP_EINVAL);
  bytes[0] = 0xe0;
  ck_assert_int_eq(acoap__inbound_reply(engine, 0, &inbound->inbound, bytes, 4), ACOAP_EINVAL);
  script_expect_silence(script);
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), 0);
  script_free(script);
}
END_TEST

START_TEST(a_very_late_reply_is_still_sent) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_inbound_t *inbound = receive(script, &path, ACOAP_CON);

  script_run_until(script, script->now + 1000000); /* its entry is long gone */
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), 0);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 0x7d34);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 0x7d34, "tok", NULL);
  ck_assert_uint_eq(script->requests, 2);
  script_free(script);
}
END_TEST

START_TEST(a_reply_does_not_land_in_the_entry_of_another_message) {
  acoap__engine_config_t config = script_config();
  config.dedup_con = 1;
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);

  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 1, "a", NULL);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 2, "b", NULL);
  ck_assert_int_eq(script_reply(script, &script->inbound[0], ACOAP_CODE_CONTENT, "for one"), 0);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 1);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 2, "b", NULL);
  script_expect_silence(script);
  ck_assert_int_eq(script_reply(script, &script->inbound[1], ACOAP_CODE_CONTENT, "for two"), 0);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 2);
  script_free(script);
}
END_TEST

START_TEST(a_refused_reply_counts_as_lost) {
  script_t *script = new_script();
  acoap_path_t path = script_path(1);
  script_inbound_t *inbound = receive(script, &path, ACOAP_CON);

  script->transmit_status = -11;
  script->refuse_next = 1;
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), 0);
  script_expect_silence(script);
  ck_assert_uint_eq(script->engine.stats.send_errors, 1);
  script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 0x7d34, "tok", NULL);
  script_expect(script, ACOAP_ACK, ACOAP_CODE_CONTENT, 0x7d34);
  script_free(script);
}
END_TEST

START_TEST(bounds_are_told_to_who_answers_a_non) {
  acoap__engine_config_t config = script_config();
  config.peers = 1;
  script_t *script = script_new(&config, 1);
  acoap_path_t busy = script_path(1);
  acoap_path_t path = script_path(2);
  script_message_t con;
  script_message_t response;

  script_message_init(script, &con, ACOAP_CODE_CONTENT, "t", NULL);
  ck_assert_int_eq(script_message_send(&con, &busy, ACOAP_CON, NULL), 0);
  script_inbound_t *inbound = receive(script, &path, ACOAP_NON);
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), ACOAP_EEXHAUSTED);
  acoap__transmission_cancel(&script->engine, script->now, &con.tx);
  /* No Message ID free: a transmission waits for one. */
  script->forget_sent = true;
  script_message_init(script, &response, ACOAP_CODE_CONTENT, "tok", NULL);
  for (size_t i = 0; i < 65536; i++) {
    if (script_message_send(&response, &path, ACOAP_NON, NULL) != 0) {
      ck_abort_msg("message %zu was refused", i);
    }
  }
  ck_assert_int_eq(script_reply(script, inbound, ACOAP_CODE_CONTENT, NULL), ACOAP_EAGAIN);
  ck_assert_int_eq(script_message_send(&response, &path, ACOAP_NON, NULL), 0);
  ck_assert_int_eq(response.tx.state, ACOAP__TX_QUEUED);
  acoap__inbound_answered_separately(&script->engine, &inbound->inbound);
  script_run_until(script, script->now + 130000);
  ck_assert_int_eq(response.tx.state, ACOAP__TX_HELD);
  script_free(script);
}
END_TEST

static Suite *exchange_inbound_suite(void) {
  Suite *suite = suite_create("exchange_inbound");
  TCase *tcase = tcase_create("inbound");
  tcase_add_test(tcase, a_reply_to_a_con_is_piggybacked);
  tcase_add_test(tcase, a_reply_to_a_non_is_a_non_with_an_id_of_ours);
  tcase_add_test(tcase, a_reply_to_a_multicast_comes_from_an_address_of_ours);
  tcase_add_test(tcase, nothing_but_a_reply_answers_a_multicast);
  tcase_add_test(tcase, after_the_ack_a_reply_is_a_separate_message);
  tcase_add_test(tcase, answered_separately_without_an_ack_acknowledges_duplicates);
  tcase_add_test(tcase, a_non_needs_no_ack);
  tcase_add_test(tcase, a_reply_is_a_response);
  tcase_add_test(tcase, a_very_late_reply_is_still_sent);
  tcase_add_test(tcase, a_reply_does_not_land_in_the_entry_of_another_message);
  tcase_add_test(tcase, a_refused_reply_counts_as_lost);
  tcase_add_test(tcase, bounds_are_told_to_who_answers_a_non);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(exchange_inbound_suite)
