/*
 * Notifications as a peer sees them (RFC 7641 sections 4.2 to 4.5 and 7): one question to the
 * handler for all who asked the same, changes that become one, the newest state to who was slow,
 * CON in between, observers that nobody has verified, and callbacks that take everything away.
 * SPDX-License-Identifier: MIT
 */
#include "check_main.h"
#include "fail_alloc.h"
#include "observe_rig.h"

static const acoap_observable_options_t unreliable = {.size = sizeof(unreliable),
                                                      .reliability = ACOAP_UNRELIABLE};

/* ---- rounds ---------------------------------------------------------------------------------- */

START_TEST(one_handler_call_for_all_who_asked_the_same) {
  enum { PEERS = 100 };
  observe_rig_t rig;
  sim_peer_t *peers = calloc(PEERS, sizeof(*peers));
  char address[32];
  ck_assert_ptr_nonnull(peers);
  observe_rig_open(&rig, NULL, NULL);
  for (unsigned i = 0; i < PEERS; i++) {
    snprintf(address, sizeof(address), "192.0.2.9:%u", 20000 + i);
    sim_peer_open(&peers[i], rig.rig.sim, address);
    observe_rig_register(&rig, &peers[i], i % 2 == 0 ? ACOAP_CON : ACOAP_NON, "a");
  }
  unsigned asked = rig.asked;
  observe_rig_change(&rig, "1");
  ck_assert_uint_eq(rig.asked, asked + 1);
  ck_assert_uint_eq(rig.rounds, 1);
  int32_t number = -1;
  for (unsigned i = 0; i < PEERS; i++) {
    observe_rig_expect(&rig, &peers[i], i % 2 == 0 ? ACOAP_CON : ACOAP_NON, ACOAP_CODE_CONTENT, "a",
                       "1");
    ck_assert(i == 0 || number == rig.number);
    number = rig.number;
    sim_peer_close(&peers[i]);
  }
  ck_assert_uint_eq(server_rig_stats(&rig.rig).notifications, PEERS);
  free(peers);
  observe_rig_close(&rig);
}
END_TEST

START_TEST(changes_of_one_turn_are_one_notification) {
  observe_rig_t rig;
  observe_rig_open(&rig, NULL, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_NON, "a");
  for (unsigned i = 0; i < 10; i++) {
    ck_assert_int_eq(acoap_resource_notify(rig.resource), 0);
  }
  ck_assert_uint_eq(rig.rounds, 0); /* never inside the call */
  observe_rig_run(&rig, 1);
  ck_assert_uint_eq(rig.rounds, 1);
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "a", "0");
  sim_peer_expect_silence(&rig.rig.peer);
  ck_assert_uint_eq(server_rig_stats(&rig.rig).notifications_coalesced, 9);
  observe_rig_close(&rig);
}
END_TEST

START_TEST(a_handler_may_answer_a_round_later) {
  observe_rig_t rig;
  observe_rig_open(&rig, NULL, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_NON, "a");
  observe_rig_register(&rig, &rig.other, ACOAP_NON, "b");
  rig.later = true;
  observe_rig_change(&rig, "1");
  observe_rig_run(&rig, 5000);
  /* Two more changes while the question is open: one more question after it. */
  observe_rig_change(&rig, "2");
  observe_rig_change(&rig, "3");
  ck_assert_uint_eq(rig.rounds, 1);
  sim_peer_expect_silence(&rig.rig.peer);
  observe_rig_answer(&rig, rig.kept[0]);
  observe_rig_run(&rig, 1);
  ck_assert_uint_eq(rig.rounds, 2);
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "a", "3");
  observe_rig_expect(&rig, &rig.other, ACOAP_NON, ACOAP_CODE_CONTENT, "b", "3");
  observe_rig_set(&rig, "4");
  observe_rig_answer(&rig, rig.kept[1]);
  observe_rig_run(&rig, 1);
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "a", "4");
  observe_rig_expect(&rig, &rig.other, ACOAP_NON, ACOAP_CODE_CONTENT, "b", "4");
  ck_assert_uint_eq(rig.rounds, 2);
  observe_rig_close(&rig);
}
END_TEST

START_TEST(a_change_between_reading_the_state_and_registering_is_told) {
  observe_rig_t rig;
  observe_rig_open(&rig, NULL, NULL);
  rig.later = true;
  observe_rig_begin(&rig, ACOAP_NON, "a", "/r", 0);
  observe_rig_send(&rig, &rig.rig.peer);
  ck_assert_uint_eq(rig.kept_count, 1);
  observe_rig_change(&rig, "1"); /* nobody observes yet */
  ck_assert_uint_eq(rig.rounds, 0);
  rig.later = false;
  observe_rig_set(&rig, "0"); /* the handler had read this before */
  observe_rig_answer(&rig, rig.kept[0]);
  observe_rig_set(&rig, "1");
  observe_rig_run(&rig, 1);
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "a", "0");
  ck_assert_int_ge(rig.number, 0);
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "a", "1");
  observe_rig_close(&rig);
}
END_TEST

START_TEST(a_handler_that_ignores_a_round_leaves_observers_as_they_are) {
  observe_rig_t rig;
  observe_rig_open(&rig, NULL, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_NON, "a");
  rig.ignore = true;
  observe_rig_change(&rig, "1");
  ck_assert_uint_eq(rig.rounds, 1);
  sim_peer_expect_silence(&rig.rig.peer);
  rig.ignore = false;
  observe_rig_change(&rig, "2");
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "a", "2");
  observe_rig_close(&rig);
}
END_TEST

static void keep_and_drop(observe_rig_t *rig, acoap_request_t *request) {
  (void)request;
  rig->later = true;
}

START_TEST(a_handler_that_drops_a_round_ends_the_registrations_with_5_00) {
  observe_rig_t rig;
  observe_rig_open(&rig, NULL, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_NON, "a");
  rig.on_ask = keep_and_drop;
  observe_rig_change(&rig, "1");
  ck_assert_uint_eq(rig.kept_count, 1);
  rig.kept_count = 0;
  acoap_request_unref(rig.kept[0]);
  observe_rig_run(&rig, 1);
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_CON, ACOAP_CODE_INTERNAL_SERVER_ERROR, "a", NULL);
  ck_assert_uint_eq(acoap_resource_observers(rig.resource), 0);
  observe_rig_close(&rig);
}
END_TEST

START_TEST(only_observers_of_a_path_are_told) {
  observe_rig_t rig;
  observe_rig_open(&rig, NULL, NULL);
  acoap_resource_t *family =
      acoap_resource_new_static(rig.rig.server, "/s/:id", ACOAP_FORMAT_TEXT_PLAIN, "x", 1);
  acoap_resource_observable(family, &unreliable);
  observe_rig_begin(&rig, ACOAP_NON, "7", "/s/7", 0);
  observe_rig_send(&rig, &rig.rig.peer);
  observe_rig_begin(&rig, ACOAP_NON, "8", "/s/8%2F", 0);
  observe_rig_send(&rig, &rig.rig.peer);
  sim_peer_next(&rig.rig.peer);
  sim_peer_next(&rig.rig.peer);
  ck_assert_uint_eq(acoap_resource_observers(family), 2);
  ck_assert_int_eq(acoap_resource_notify_path(family, "/s/7"), 0);
  observe_rig_run(&rig, 1);
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "7", "x");
  sim_peer_expect_silence(&rig.rig.peer);
  ck_assert_int_eq(acoap_resource_notify_path(family, "/s/8%2f"), 0);
  observe_rig_run(&rig, 1);
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "8", "x");
  sim_peer_expect_silence(&rig.rig.peer);
  ck_assert_int_eq(acoap_resource_notify_path(family, "s/7"), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_notify_path(family, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_resource_notify(NULL), ACOAP_EINVAL);
  observe_rig_close(&rig);
}
END_TEST

/* ---- section 4.5: transmission --------------------------------------------------------------- */

START_TEST(section_4_5_1_while_a_con_is_outstanding_only_the_newest_follows) {
  observe_rig_t rig;
  char text[8];
  observe_rig_open(&rig, NULL, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_CON, "a");
  for (unsigned i = 1; i <= 100; i++) {
    snprintf(text, sizeof(text), "%u", i);
    observe_rig_change(&rig, text);
  }
  const sim_datagram_t *got =
      observe_rig_expect(&rig, &rig.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT, "a", "1");
  sim_peer_expect_silence(&rig.rig.peer);
  observe_rig_acknowledge(&rig, &rig.rig.peer, got);
  got = observe_rig_expect(&rig, &rig.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT, "a", "100");
  observe_rig_acknowledge(&rig, &rig.rig.peer, got);
  observe_rig_run(&rig, 100000);
  sim_peer_expect_silence(&rig.rig.peer);
  ck_assert_uint_eq(server_rig_stats(&rig.rig).notifications_coalesced, 98);
  observe_rig_close(&rig);
}
END_TEST

START_TEST(section_4_5_2_the_next_attempt_carries_the_newest_state) {
  observe_rig_t rig;
  observe_rig_open(&rig, NULL, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_CON, "a");
  observe_rig_change(&rig, "1");
  acoap_time_t start = acoap_sim_now(rig.rig.sim);
  const sim_datagram_t *got =
      observe_rig_expect(&rig, &rig.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT, "a", "1");
  uint16_t first_id = got->view.message_id;
  int32_t first_number = rig.number;
  observe_rig_run(&rig, 1000);
  observe_rig_change(&rig, "2");
  observe_rig_run(&rig, 2500); /* ACK_TIMEOUT * ACK_RANDOM_FACTOR is 3000 ms */
  got = observe_rig_expect(&rig, &rig.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT, "a", "2");
  ck_assert_uint_ne(got->view.message_id, first_id);
  ck_assert_int_gt(rig.number, first_number);
  acoap_time_t wait = got->at - start;
  ck_assert_int_ge(wait, 1999);
  uint16_t second_id = got->view.message_id;
  /* The counter goes on: the next wait is twice the first; nothing new, so the same message. */
  acoap_time_t second = got->at;
  observe_rig_run(&rig, 2 * wait + 10);
  got = observe_rig_expect(&rig, &rig.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT, "a", "2");
  ck_assert_uint_eq(got->view.message_id, second_id);
  ck_assert_int_ge(got->at - second, 2 * wait - 2);
  /* An ACK of the newest ends it; with the old Message ID it would have been nobody's. */
  observe_rig_acknowledge(&rig, &rig.rig.peer, got);
  observe_rig_run(&rig, 100000);
  sim_peer_expect_silence(&rig.rig.peer);
  ck_assert_uint_eq(acoap_resource_observers(rig.resource), 1);
  observe_rig_close(&rig);
}
END_TEST

START_TEST(section_4_5_2_steady_changes_do_not_keep_a_silent_observer) {
  observe_rig_t rig;
  observe_rig_open(&rig, NULL, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_CON, "a");
  unsigned attempts = 0;
  for (unsigned i = 0; i < 93 && acoap_resource_observers(rig.resource) > 0; i++) {
    observe_rig_change(&rig, "x");
    observe_rig_run(&rig, 1000);
    for (; rig.rig.peer.taken < rig.rig.peer.received; attempts++) {
      sim_peer_expect(&rig.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT);
    }
  }
  ck_assert_uint_eq(acoap_resource_observers(rig.resource), 0); /* within MAX_TRANSMIT_WAIT */
  ck_assert_uint_eq(attempts, 5);
  observe_rig_close(&rig);
}
END_TEST

START_TEST(section_4_5_every_nth_non_is_a_con) {
  acoap_observable_options_t options = unreliable;
  observe_rig_t rig;
  options.confirm_every = 3;
  observe_rig_open(&rig, &options, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_CON, "a");
  for (unsigned i = 1; i <= 9; i++) {
    observe_rig_change(&rig, "x");
    const sim_datagram_t *got = observe_rig_expect(
        &rig, &rig.rig.peer, i % 3 == 0 ? ACOAP_CON : ACOAP_NON, ACOAP_CODE_CONTENT, "a", "x");
    if (i % 3 == 0) {
      observe_rig_acknowledge(&rig, &rig.rig.peer, got);
    }
  }
  observe_rig_close(&rig);
}
END_TEST

START_TEST(section_4_5_after_24_hours_one_is_a_con) {
  acoap_observable_options_t options = unreliable;
  const acoap_time_t hour = 3600000;
  observe_rig_t rig;
  options.confirm_every = 1000;
  options.confirm_ms = UINT32_MAX; /* more than section 4.5 allows */
  observe_rig_open(&rig, &options, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_CON, "a");
  for (unsigned day = 0; day < 3; day++) {
    observe_rig_run(&rig, 23 * hour);
    observe_rig_change(&rig, "x");
    observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "a", "x");
    observe_rig_run(&rig, hour);
    observe_rig_change(&rig, "y");
    observe_rig_acknowledge(
        &rig, &rig.rig.peer,
        observe_rig_expect(&rig, &rig.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT, "a", "y"));
  }
  observe_rig_close(&rig);
}
END_TEST

START_TEST(reliability_is_the_resources_or_the_registrations) {
  static const struct {
    acoap_reliability_t reliability;
    acoap_type_t registered;
    acoap_type_t notified;
  } table[] = {
      {ACOAP_AS_REQUESTED, ACOAP_CON, ACOAP_CON}, {ACOAP_AS_REQUESTED, ACOAP_NON, ACOAP_NON},
      {ACOAP_RELIABLE, ACOAP_CON, ACOAP_CON},     {ACOAP_RELIABLE, ACOAP_NON, ACOAP_CON},
      {ACOAP_UNRELIABLE, ACOAP_CON, ACOAP_NON},   {ACOAP_UNRELIABLE, ACOAP_NON, ACOAP_NON},
  };
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    acoap_observable_options_t options = {.size = sizeof(options),
                                          .reliability = table[i].reliability};
    observe_rig_t rig;
    observe_rig_open(&rig, &options, NULL);
    observe_rig_register(&rig, &rig.rig.peer, table[i].registered, "a");
    observe_rig_change(&rig, "1");
    observe_rig_expect(&rig, &rig.rig.peer, table[i].notified, ACOAP_CODE_CONTENT, "a", "1");
    observe_rig_close(&rig);
  }
}
END_TEST

START_TEST(interval_leaves_time_between_two_notifications) {
  acoap_observable_options_t options = unreliable;
  observe_rig_t rig;
  options.interval_ms = 1000;
  observe_rig_open(&rig, &options, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_NON, "a");
  observe_rig_run(&rig, 600);
  observe_rig_register(&rig, &rig.other, ACOAP_NON, "b");
  observe_rig_run(&rig, 500);
  observe_rig_change(&rig, "1"); /* for the first it is time, for the second not */
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "a", "1");
  sim_peer_expect_silence(&rig.other);
  observe_rig_change(&rig, "2");
  observe_rig_change(&rig, "3");
  ck_assert_uint_eq(rig.rounds, 1); /* nobody could be told */
  observe_rig_run(&rig, 500);
  observe_rig_expect(&rig, &rig.other, ACOAP_NON, ACOAP_CODE_CONTENT, "b", "3");
  sim_peer_expect_silence(&rig.rig.peer);
  observe_rig_run(&rig, 500);
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "a", "3");
  observe_rig_run(&rig, 5000);
  sim_peer_expect_silence(&rig.rig.peer);
  sim_peer_expect_silence(&rig.other);
  ck_assert_uint_eq(rig.rounds, 3);
  observe_rig_close(&rig);
}
END_TEST

START_TEST(section_7_an_unverified_address_gets_con_until_it_acknowledges) {
  acoap_server_options_t options = {.size = sizeof(options),
                                    .amplification = ACOAP_AMPLIFICATION_ON};
  observe_rig_t rig;
  observe_rig_open(&rig, &unreliable, &options);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_NON, "a");
  observe_rig_change(&rig, "1");
  const sim_datagram_t *got =
      observe_rig_expect(&rig, &rig.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT, "a", "1");
  observe_rig_change(&rig, "2");
  sim_peer_expect_silence(&rig.rig.peer);
  observe_rig_acknowledge(&rig, &rig.rig.peer, got);
  for (unsigned i = 0; i < 2; i++) {
    got = sim_peer_next(&rig.rig.peer); /* what was pending, or was asked for anew */
    if (got->view.type == ACOAP_CON) {
      observe_rig_acknowledge(&rig, &rig.rig.peer, got);
    }
    if (rig.rig.peer.taken == rig.rig.peer.received) {
      break;
    }
  }
  server_rig_expect_payload(got, "2");
  observe_rig_change(&rig, "3");
  observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "a", "3");
  ck_assert_uint_eq(acoap_resource_observers(rig.resource), 1);
  observe_rig_close(&rig);
}
END_TEST

START_TEST(section_7_a_forged_registration_costs_its_victim_no_more_than_the_allowance) {
  acoap_server_options_t options = {.size = sizeof(options),
                                    .amplification = ACOAP_AMPLIFICATION_ON};
  observe_rig_t rig;
  observe_rig_open(&rig, &unreliable, &options);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_NON, "a");
  size_t bytes = 0;
  for (unsigned i = 0; i < 200; i++) {
    observe_rig_change(&rig, "thirty bytes of a measurement!");
    observe_rig_run(&rig, 1000);
    while (rig.rig.peer.taken < rig.rig.peer.received) {
      bytes += sim_peer_next(&rig.rig.peer)->len;
    }
  }
  ck_assert_uint_gt(bytes, 0);
  ck_assert_uint_le(bytes, 136);
  ck_assert_uint_eq(acoap_resource_observers(rig.resource), 0);
  observe_rig_close(&rig);
}
END_TEST

/* ---- callbacks that take everything away ----------------------------------------------------- */

static void remove_resource(observe_rig_t *rig, acoap_request_t *request) {
  if (acoap_request_is_notification(request)) {
    rig->resource = acoap_resource_remove(rig->resource);
  }
}
static void free_server(observe_rig_t *rig, acoap_request_t *request) {
  if (acoap_request_is_notification(request)) {
    acoap_server_free(rig->rig.server);
    rig->rig.server = NULL;
  }
}
static void note_closed(void *user_data) {
  (*(unsigned *)user_data)++;
}
static void close_endpoint(observe_rig_t *rig, acoap_request_t *request) {
  if (acoap_request_is_notification(request)) {
    acoap_local_endpoint_close(rig->rig.endpoint, note_closed, &rig->rig.closed);
    rig->rig.endpoint = NULL;
  }
}
static void end_observations(observe_rig_t *rig, acoap_request_t *request) {
  if (acoap_request_is_notification(request)) {
    acoap_resource_end_observations(rig->resource, NULL, ACOAP_CODE_NOT_FOUND);
  }
}
static void notify_again(observe_rig_t *rig, acoap_request_t *request) {
  if (acoap_request_is_notification(request) && rig->rounds < 50) {
    acoap_resource_notify(rig->resource);
  }
}

START_TEST(handlers_may_take_everything_away) {
  static void (*const tricks[])(observe_rig_t * rig, acoap_request_t * request) = {
      remove_resource, free_server, close_endpoint, end_observations, notify_again,
  };
  observe_rig_t rig;
  for (unsigned later = 0; later < 2; later++) {
    observe_rig_open(&rig, NULL, NULL);
    observe_rig_register(&rig, &rig.rig.peer, ACOAP_CON, "a");
    observe_rig_register(&rig, &rig.other, ACOAP_NON, "b");
    rig.on_ask = tricks[_i];
    rig.later = later != 0;
    observe_rig_change(&rig, "1");
    for (unsigned i = 0; i < rig.kept_count; i++) {
      observe_rig_answer(&rig, rig.kept[i]);
    }
    observe_rig_run(&rig, 200000);
    if (rig.rig.server != NULL) {
      ck_assert_uint_le(server_rig_stats(&rig.rig).observers, 1);
    }
    observe_rig_close(&rig);
  }
}
END_TEST

static void take_away_in_tap(void *user_data, acoap_direction_t direction, const acoap_path_t *path,
                             acoap_bytes_t bytes) {
  observe_rig_t *rig = user_data;
  (void)path;
  (void)bytes;
  if (direction == ACOAP_SENT && rig->resource != NULL) {
    acoap_resource_t *resource = rig->resource;
    rig->resource = NULL;
    acoap_resource_remove(resource);
  }
}

START_TEST(whoever_watches_datagrams_may_remove_the_resource) {
  observe_rig_t rig;
  observe_rig_open(&rig, NULL, NULL);
  observe_rig_register(&rig, &rig.rig.peer, ACOAP_NON, "a");
  observe_rig_register(&rig, &rig.other, ACOAP_NON, "b");
  acoap_local_endpoint_set_tap(rig.rig.endpoint, take_away_in_tap, &rig);
  ck_assert_int_eq(acoap_resource_notify(rig.resource), 0);
  observe_rig_run(&rig, 1);
  ck_assert_ptr_null(rig.resource);
  ck_assert_uint_eq(server_rig_stats(&rig.rig).observers, 0);
  acoap_local_endpoint_set_tap(rig.rig.endpoint, NULL, NULL);
  observe_rig_close(&rig);
}
END_TEST

/* The last message that came says so; the network's own memory may have been missing, too. */
static void expect_last(sim_peer_t *peer, const char *payload) {
  const sim_datagram_t *got = sim_peer_next(peer);
  while (peer->taken < peer->received) {
    got = sim_peer_next(peer);
  }
  if (payload == NULL) {
    ck_assert_uint_eq(got->view.code, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  } else {
    ck_assert_uint_eq(got->view.code, ACOAP_CODE_CONTENT);
    server_rig_expect_payload(got, payload);
  }
}

START_TEST(without_memory_observers_still_agree_in_the_end) {
  fail_alloc_install();
  for (size_t n = 1; fail_alloc_again(n); n++) {
    observe_rig_t rig;
    observe_rig_open(&rig, NULL, NULL);
    observe_rig_register(&rig, &rig.rig.peer, ACOAP_CON, "a");
    observe_rig_register(&rig, &rig.other, ACOAP_CON, "b");
    observe_rig_set(&rig, "1");
    ck_assert_int_eq(acoap_resource_notify(rig.resource), 0);
    fail_alloc_at(n);
    observe_rig_run(&rig, 1);
    fail_alloc_at(0);
    observe_rig_run(&rig, 5000);
    /* When the handler had none it dropped the question, which ended the registrations. */
    const char *last = acoap_resource_observers(rig.resource) == 2 ? "1" : NULL;
    expect_last(&rig.rig.peer, last);
    expect_last(&rig.other, last);
    observe_rig_close(&rig);
    ck_assert_uint_eq(fail_alloc_live(), 0);
  }
  fail_alloc_restore();
}
END_TEST

START_TEST(without_memory_a_registration_is_a_plain_request) {
  fail_alloc_install();
  for (size_t n = 1; fail_alloc_again(n); n++) {
    observe_rig_t rig;
    observe_rig_open(&rig, NULL, NULL);
    observe_rig_begin(&rig, ACOAP_CON, "a", "/r", 0);
    sim_peer_send_bytes(&rig.rig.peer, &rig.rig.address, rig.rig.bytes,
                        (size_t)acoap_builder_finish(&rig.rig.builder));
    fail_alloc_at(n);
    observe_rig_run(&rig, 1);
    fail_alloc_at(0);
    observe_rig_run(&rig, 1);
    size_t observers = acoap_resource_observers(rig.resource);
    if (rig.rig.peer.received > 0) {
      const sim_datagram_t *got = sim_peer_next(&rig.rig.peer);
      uint32_t number;
      bool observed = acoap_view_uint(&got->view, ACOAP_OPTION_OBSERVE, &number);
      ck_assert_uint_eq(observers, observed ? 1 : 0);
    }
    ck_assert_uint_eq(server_rig_stats(&rig.rig).observers, observers);
    observe_rig_close(&rig);
    ck_assert_uint_eq(fail_alloc_live(), 0);
  }
  fail_alloc_restore();
}
END_TEST

static Suite *server_notify_suite(void) {
  Suite *suite = suite_create("server_notify");
  TCase *rounds = tcase_create("rounds");
  tcase_add_test(rounds, one_handler_call_for_all_who_asked_the_same);
  tcase_add_test(rounds, changes_of_one_turn_are_one_notification);
  tcase_add_test(rounds, a_handler_may_answer_a_round_later);
  tcase_add_test(rounds, a_change_between_reading_the_state_and_registering_is_told);
  tcase_add_test(rounds, a_handler_that_ignores_a_round_leaves_observers_as_they_are);
  tcase_add_test(rounds, a_handler_that_drops_a_round_ends_the_registrations_with_5_00);
  tcase_add_test(rounds, only_observers_of_a_path_are_told);
  suite_add_tcase(suite, rounds);
  TCase *transmission = tcase_create("transmission");
  tcase_add_test(transmission, section_4_5_1_while_a_con_is_outstanding_only_the_newest_follows);
  tcase_add_test(transmission, section_4_5_2_the_next_attempt_carries_the_newest_state);
  tcase_add_test(transmission, section_4_5_2_steady_changes_do_not_keep_a_silent_observer);
  tcase_add_test(transmission, section_4_5_every_nth_non_is_a_con);
  tcase_add_test(transmission, section_4_5_after_24_hours_one_is_a_con);
  tcase_add_test(transmission, reliability_is_the_resources_or_the_registrations);
  tcase_add_test(transmission, interval_leaves_time_between_two_notifications);
  suite_add_tcase(suite, transmission);
  TCase *unverified = tcase_create("unverified");
  tcase_add_test(unverified, section_7_an_unverified_address_gets_con_until_it_acknowledges);
  tcase_add_test(unverified,
                 section_7_a_forged_registration_costs_its_victim_no_more_than_the_allowance);
  suite_add_tcase(suite, unverified);
  TCase *away = tcase_create("taken away");
  tcase_add_loop_test(away, handlers_may_take_everything_away, 0, 5);
  tcase_add_test(away, whoever_watches_datagrams_may_remove_the_resource);
  tcase_add_test(away, without_memory_observers_still_agree_in_the_end);
  tcase_add_test(away, without_memory_a_registration_is_a_plain_request);
  suite_add_tcase(suite, away);
  return suite;
}

ACOAP_TEST_MAIN(server_notify_suite)
