/*
 * exchange/peer: the bounded table of peers; who is forgotten, and when.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/peer.h"

#include "support/check_main.h"
#include "support/scripted_peer.h"

static script_t *new_script(uint32_t peers) {
  acoap__engine_config_t config = script_config();

  config.peers = peers;
  return script_new(&config, 5);
}

static acoap__peer_t *get(script_t *script, unsigned n) {
  acoap_path_t path = script_path(n);

  return acoap__peer_get(&script->engine, script->now, &path);
}

static acoap__peer_t *find(script_t *script, unsigned n) {
  acoap_path_t path = script_path(n);

  return acoap__peer_find(&script->engine, &path);
}

START_TEST(a_peer_is_a_socket_and_an_address) {
  script_t *script = new_script(8);
  acoap_path_t path = script_path(1);
  acoap__peer_t *peer = acoap__peer_get(&script->engine, 0, &path);

  ck_assert_ptr_eq(acoap__peer_get(&script->engine, 0, &path), peer);
  acoap_path_t other = path;
  other.socket = 1;
  ck_assert_ptr_null(acoap__peer_find(&script->engine, &other));
  ck_assert_ptr_ne(acoap__peer_get(&script->engine, 0, &other), peer);
  other = path;
  other.peer.port = 5684;
  ck_assert_ptr_null(acoap__peer_find(&script->engine, &other));
  other = path;
  other.peer.scope_id = 2;
  ck_assert_ptr_null(acoap__peer_find(&script->engine, &other));
  /* Our own address and the interface do not make another peer. */
  other = path;
  other.interface = 9;
  other.local.port = 1;
  ck_assert_ptr_eq(acoap__peer_find(&script->engine, &other), peer);
  script_free(script);
}
END_TEST

START_TEST(the_oldest_idle_peer_goes_first) {
  script_t *script = new_script(4);

  for (unsigned n = 1; n <= 4; n++) {
    ck_assert_ptr_nonnull(get(script, n));
  }
  get(script, 1);                                  /* used again: no longer the oldest */
  acoap__peer_heard(find(script, 2), script->now); /* heard of: neither */
  get(script, 5);
  ck_assert_ptr_null(find(script, 3));
  get(script, 6);
  ck_assert_ptr_null(find(script, 4));
  get(script, 7);
  ck_assert_ptr_null(find(script, 1));
  ck_assert_ptr_nonnull(find(script, 2));
  ck_assert_uint_eq(script->engine.peers->map.count, 4);
  script_free(script);
}
END_TEST

START_TEST(forgetting_counts_while_message_ids_live) {
  script_t *script = new_script(1);
  uint16_t message_id;

  acoap__peer_t *peer = get(script, 1);
  get(script, 2);
  ck_assert_uint_eq(script->engine.stats.peers_evicted, 0);
  peer = get(script, 3);
  ck_assert(acoap__message_id_take(&peer->ids, script->now, 247000, &message_id));
  script->now += 246999;
  get(script, 4);
  ck_assert_uint_eq(script->engine.stats.peers_evicted, 1);
  peer = get(script, 5);
  ck_assert(acoap__message_id_take(&peer->ids, script->now, 247000, &message_id));
  script->now += 247000;
  get(script, 6);
  ck_assert_uint_eq(script->engine.stats.peers_evicted, 1);
  script_free(script);
}
END_TEST

START_TEST(a_busy_peer_is_never_forgotten) {
  script_t *script = new_script(2);
  script_message_t first;
  script_message_t queued;
  script_message_t second;
  script_message_t third;
  acoap_path_t one = script_path(1);
  acoap_path_t two = script_path(2);
  acoap_path_t three = script_path(3);

  script_message_init(script, &first, ACOAP_CODE_CONTENT, "a", NULL);
  script_message_init(script, &queued, ACOAP_CODE_CONTENT, "b", NULL);
  script_message_init(script, &second, ACOAP_CODE_CONTENT, "c", NULL);
  script_message_init(script, &third, ACOAP_CODE_CONTENT, "d", NULL);
  ck_assert_int_eq(script_message_send(&first, &one, ACOAP_CON, NULL), 0);
  ck_assert_int_eq(script_message_send(&queued, &one, ACOAP_CON, NULL), 0);
  ck_assert_int_eq(script_message_send(&second, &two, ACOAP_CON, NULL), 0);
  ck_assert_int_eq(script_message_send(&third, &three, ACOAP_CON, NULL), ACOAP_EEXHAUSTED);
  ck_assert_int_eq(third.tx.state, ACOAP__TX_IDLE);
  /* A group needs no entry. */
  acoap_path_t group = script_group();
  ck_assert_int_eq(script_message_send(&third, &group, ACOAP_NON, NULL), 0);
  acoap__transmission_cancel(&script->engine, script->now, &third.tx);
  /* Cancelling the first makes room only when its queue is empty, too. */
  acoap__transmission_cancel(&script->engine, script->now, &first.tx);
  ck_assert_int_eq(script_message_send(&third, &three, ACOAP_CON, NULL), ACOAP_EEXHAUSTED);
  acoap__transmission_cancel(&script->engine, script->now, &queued.tx);
  ck_assert_int_eq(script_message_send(&third, &three, ACOAP_CON, NULL), 0);
  ck_assert_ptr_null(find(script, 1));
  ck_assert_ptr_nonnull(find(script, 2));
  script_free(script);
}
END_TEST

static void cancel_and_send_elsewhere(script_message_t *message) {
  script_t *script = message->script;
  script_message_t *other = message->user_data;
  acoap_path_t path = script_path(2);

  acoap__transmission_cancel(&script->engine, script->now, &message->tx);
  ck_assert_int_eq(script_message_send(other, &path, ACOAP_NON, NULL), ACOAP_EEXHAUSTED);
}

START_TEST(a_peer_whose_queue_is_being_emptied_is_not_forgotten) {
  script_t *script = new_script(1);
  acoap_path_t path = script_path(1);
  acoap_path_t elsewhere = script_path(2);
  script_message_t first;
  script_message_t second;
  script_message_t other;

  script_message_init(script, &first, ACOAP_CODE_CONTENT, "a", NULL);
  script_message_init(script, &second, ACOAP_CODE_CONTENT, "b", NULL);
  script_message_init(script, &other, ACOAP_CODE_CONTENT, "c", NULL);
  ck_assert_int_eq(script_message_send(&first, &path, ACOAP_CON, NULL), 0);
  ck_assert_int_eq(script_message_send(&second, &path, ACOAP_CON, NULL), 0);
  second.on_event = cancel_and_send_elsewhere;
  second.user_data = &other;
  script_receive(script, &path, ACOAP_ACK, 0, script_next(script)->view.message_id, NULL, NULL);
  ck_assert_uint_eq(second.sent, 1);
  /* Once that is over it may go. */
  ck_assert_int_eq(script_message_send(&other, &elsewhere, ACOAP_NON, NULL), 0);
  script_free(script);
}
END_TEST

START_TEST(held_nons_outlive_their_peer) {
  script_t *script = new_script(2);
  script_message_t notifications[8];

  for (unsigned n = 0; n < 8; n++) {
    acoap_path_t path = script_path(n + 1);
    script_message_init(script, &notifications[n], ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_eq(script_message_send(&notifications[n], &path, ACOAP_NON, NULL), 0);
  }
  ck_assert_uint_eq(script->engine.stats.peers_evicted, 6);
  for (unsigned n = 0; n < 8; n++) {
    acoap_path_t path = script_path(n + 1);
    ck_assert_int_eq(notifications[n].tx.state, ACOAP__TX_HELD);
    script_receive(script, &path, ACOAP_RST, 0, script_next(script)->view.message_id, NULL, NULL);
    ck_assert_uint_eq(notifications[n].resets, 1);
  }
  script_expect_idle(script);
  script_free(script);
}
END_TEST

START_TEST(strangers_push_no_peer_out) {
  script_t *script = new_script(2);

  get(script, 1);
  get(script, 2);
  for (unsigned n = 3; n < 200; n++) {
    acoap_path_t path = script_path(n);
    script_receive(script, &path, ACOAP_CON, ACOAP_CODE_GET, 1, "t", NULL);
    script_receive(script, &path, ACOAP_CON, ACOAP_CODE_EMPTY, 2, NULL, NULL);
    script_receive(script, &path, ACOAP_NON, ACOAP_CODE_CONTENT, 3, "t", NULL);
    script->taken = script->sent;
  }
  ck_assert_ptr_nonnull(find(script, 1));
  ck_assert_ptr_nonnull(find(script, 2));
  script_free(script);
}
END_TEST

START_TEST(message_ids_start_at_random_for_each_peer) {
  acoap__engine_config_t config = script_config();
  unsigned repeats = 0;
  uint16_t firsts[64];

  for (size_t i = 0; i < 64; i++) {
    script_t *script = script_new(&config, 1000 + i / 8);
    acoap_path_t path = script_path((unsigned)i);
    firsts[i] = acoap__peer_get(&script->engine, 0, &path)->ids.first;
    for (size_t j = 0; j < i % 8; j++) {
      path = script_path((unsigned)(100 + j));
      firsts[i] = acoap__peer_get(&script->engine, 0, &path)->ids.first;
    }
    for (size_t j = 0; j < i; j++) {
      repeats += firsts[j] == firsts[i] ? 1 : 0;
    }
    script_free(script);
  }
  ck_assert_uint_le(repeats, 2);
}
END_TEST

START_TEST(an_id_that_a_group_request_holds_is_left_out) {
  script_t *script = new_script(4);
  acoap_path_t group = script_group();
  acoap_path_t path = script_path(1);
  script_message_t to_group;
  script_message_t to_member;

  script->forget_sent = true;
  script_message_init(script, &to_group, ACOAP_CODE_CONTENT, "g", NULL);
  script_message_init(script, &to_member, ACOAP_CODE_CONTENT, "m", NULL);
  acoap__message_id_init(&script->engine.peers->group->ids, 0xfff0);
  for (unsigned i = 0; i < 5000; i++) { /* one window and a part of the next */
    ck_assert_int_eq(script_message_send(&to_group, &group, ACOAP_NON, NULL), 0);
  }
  acoap__message_id_init(&acoap__peer_get(&script->engine, script->now, &path)->ids, 0xffee);
  static const uint16_t expected[] = {0xffee, 0xffef, 5000 - 16, 5000 - 15};
  for (size_t i = 0; i < 4; i++) {
    ck_assert_int_eq(script_message_send(&to_member, &path, ACOAP_NON, NULL), 0);
    ck_assert_uint_eq(to_member.tx.message_id, expected[i]);
  }
  /* Their lifetime over, they are as good as any. */
  script->now += 130000;
  path = script_path(2);
  acoap__message_id_init(&acoap__peer_get(&script->engine, script->now, &path)->ids, 0xfff0);
  ck_assert_int_eq(script_message_send(&to_member, &path, ACOAP_NON, NULL), 0);
  ck_assert_uint_eq(to_member.tx.message_id, 0xfff0);
  script_free(script);
}
END_TEST

START_TEST(a_group_leaves_out_what_any_peer_holds) {
  script_t *script = new_script(4);
  acoap_path_t group = script_group();
  script_message_t to_group;
  script_message_t to_member;
  static const struct {
    uint16_t first;
    unsigned count;
  } held[] = {{0x1000, 3}, {0x1003, 2}, {0x1007, 1}};

  script->forget_sent = true;
  script_message_init(script, &to_group, ACOAP_CODE_CONTENT, "g", NULL);
  script_message_init(script, &to_member, ACOAP_CODE_CONTENT, "m", NULL);
  for (unsigned n = 0; n < 3; n++) {
    acoap_path_t path = script_path(n + 1);
    acoap__message_id_init(&acoap__peer_get(&script->engine, script->now, &path)->ids,
                           held[n].first);
    for (unsigned i = 0; i < held[n].count; i++) {
      ck_assert_int_eq(script_message_send(&to_member, &path, ACOAP_NON, NULL), 0);
    }
  }
  acoap__message_id_init(&script->engine.peers->group->ids, 0x0fff);
  static const uint16_t expected[] = {0x0fff, 0x1005, 0x1006, 0x1008};
  for (size_t i = 0; i < 4; i++) {
    ck_assert_int_eq(script_message_send(&to_group, &group, ACOAP_NON, NULL), 0);
    ck_assert_uint_eq(to_group.tx.message_id, expected[i]);
  }
  script_free(script);
}
END_TEST

START_TEST(groups_that_use_many_ids_take_none_from_others) {
  script_t *script = new_script(4);
  acoap_path_t group = script_group();
  acoap_path_t path = script_path(1);
  script_message_t to_group;
  script_message_t to_member;

  script->forget_sent = true;
  script_message_init(script, &to_group, ACOAP_CODE_CONTENT, "g", NULL);
  script_message_init(script, &to_member, ACOAP_CODE_CONTENT, "m", NULL);
  for (unsigned i = 0; i < 65536; i++) {
    if (script_message_send(&to_group, &group, ACOAP_NON, NULL) != 0) {
      ck_abort_msg("message %u was refused", i);
    }
  }
  for (unsigned i = 0; i < 65536; i++) {
    if (script_message_send(&to_member, &path, ACOAP_NON, NULL) != 0 ||
        to_member.tx.state != ACOAP__TX_HELD) {
      ck_abort_msg("message %u did not leave", i);
    }
  }
  ck_assert_int_eq(script_message_send(&to_member, &path, ACOAP_NON, NULL), 0);
  ck_assert_int_eq(to_member.tx.state, ACOAP__TX_QUEUED);
  script_free(script);
}
END_TEST

START_TEST(the_table_stands_a_storm) {
  script_t *script = new_script(16);
  uint64_t random = 7;

  for (unsigned i = 0; i < 20000; i++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    unsigned n = (unsigned)(random >> 33) % 40;
    acoap__peer_t *peer = get(script, n);
    if (peer == NULL || peer != find(script, n) || script->engine.peers->map.count > 16) {
      ck_abort_msg("lost peer %u", n);
    }
  }
  ck_assert_uint_eq(script->engine.peers->map.count, 16);
  script_free(script);
}
END_TEST

static Suite *exchange_peer_suite(void) {
  Suite *suite = suite_create("exchange_peer");
  TCase *tcase = tcase_create("peer");
  tcase_add_test(tcase, a_peer_is_a_socket_and_an_address);
  tcase_add_test(tcase, the_oldest_idle_peer_goes_first);
  tcase_add_test(tcase, forgetting_counts_while_message_ids_live);
  tcase_add_test(tcase, a_busy_peer_is_never_forgotten);
  tcase_add_test(tcase, a_peer_whose_queue_is_being_emptied_is_not_forgotten);
  tcase_add_test(tcase, held_nons_outlive_their_peer);
  tcase_add_test(tcase, strangers_push_no_peer_out);
  tcase_add_test(tcase, message_ids_start_at_random_for_each_peer);
  tcase_add_test(tcase, an_id_that_a_group_request_holds_is_left_out);
  tcase_add_test(tcase, a_group_leaves_out_what_any_peer_holds);
  tcase_add_test(tcase, groups_that_use_many_ids_take_none_from_others);
  tcase_add_test(tcase, the_table_stands_a_storm);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(exchange_peer_suite)
