/*
 * Calls from other threads: what was accepted runs before the endpoint's closed callback, also in
 * the turn that closes it; a posting is settled once and freed once, whoever comes first.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "fail_alloc.h"
#include "sim_pair.h"

typedef struct note {
  acoap__posting_t posting;
  acoap_local_endpoint_t *endpoint;
  unsigned settled, freed, ran;
  int status;
} note_t;

static void settle(acoap__posting_t *posting, int status) {
  note_t *note = ACOAP__CONTAINER(posting, note_t, posting);
  ck_assert_uint_eq(note->freed, 0);
  note->settled++;
  note->status = status;
}

static void freed(acoap__posting_t *posting) {
  note_t *note = ACOAP__CONTAINER(posting, note_t, posting);
  ck_assert_uint_eq(note->settled, 1);
  note->freed++;
}

static void open_note(sim_pair_t *pair, note_t *note) {
  memset(note, 0, sizeof(*note));
  sim_pair_open(pair, 1, NULL);
  note->endpoint = pair->server;
  ck_assert_int_eq(acoap__posting_init(pair->server, &note->posting, settle, freed), 0);
}

START_TEST(posting_is_settled_on_the_loop_and_freed) {
  sim_pair_t pair;
  note_t note;
  open_note(&pair, &note);
  ck_assert_int_eq(acoap__posting_send(&note.posting), 0);
  ck_assert_uint_eq(note.settled, 0); /* not in the caller's thread */
  sim_pair_run(&pair, 1);
  ck_assert_uint_eq(note.settled, 1);
  ck_assert_int_eq(note.status, 0);
  ck_assert_uint_eq(note.freed, 1);
  sim_pair_close(&pair);
  ck_assert_uint_eq(note.settled, 1);
  ck_assert_uint_eq(note.freed, 1);
}
END_TEST

START_TEST(posting_needs_no_memory_to_be_sent) {
  sim_pair_t pair;
  note_t note;
  fail_alloc_install();
  open_note(&pair, &note);
  fail_alloc_from(1);
  ck_assert_int_eq(acoap__posting_send(&note.posting), 0);
  sim_pair_run(&pair, 1);
  ck_assert_uint_eq(fail_alloc_count(), 0);
  fail_alloc_at(0);
  ck_assert_uint_eq(note.freed, 1);
  sim_pair_close(&pair);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

START_TEST(posting_that_is_not_sent_is_cancelled_when_the_endpoint_closes) {
  sim_pair_t pair;
  note_t note;
  open_note(&pair, &note);
  sim_pair_close_one(&pair, &pair.server);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(note.settled, 1);
  ck_assert_int_eq(note.status, ACOAP_ECANCELED);
  ck_assert_uint_eq(note.freed, 0); /* the other thread still has it */
  sim_pair_close(&pair);
  ck_assert_int_eq(acoap__posting_send(&note.posting), ACOAP_ECLOSED);
  ck_assert_uint_eq(note.settled, 1);
  ck_assert_uint_eq(note.freed, 1);
}
END_TEST

START_TEST(posting_that_is_sent_while_the_endpoint_closes_is_cancelled) {
  sim_pair_t pair;
  note_t note;
  open_note(&pair, &note);
  sim_pair_close_one(&pair, &pair.server);
  ck_assert_int_eq(acoap__posting_send(&note.posting), ACOAP_ECLOSED);
  ck_assert_uint_eq(note.settled, 0);
  sim_pair_run(&pair, 10);
  ck_assert_int_eq(note.status, ACOAP_ECANCELED);
  ck_assert_uint_eq(note.freed, 1);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(closing_endpoint_takes_no_posting) {
  sim_pair_t pair;
  note_t note;
  memset(&note, 0, sizeof(note));
  sim_pair_open(&pair, 1, NULL);
  acoap_local_endpoint_t *closing = pair.server;
  sim_pair_close_one(&pair, &pair.server);
  ck_assert_int_eq(acoap__posting_init(closing, &note.posting, settle, freed), ACOAP_ECLOSED);
  sim_pair_close(&pair);
  ck_assert_uint_eq(note.settled, 0);
}
END_TEST

static void count(void *user_data) {
  note_t *note = user_data;
  note->ran++;
}

static void count_closed(void *user_data) {
  note_t *note = user_data;
  ck_assert_uint_eq(note->ran, 1);
  ck_assert_uint_eq(note->freed, 1);
  note->ran++;
}

static void post_and_close(void *user_data) {
  note_t *note = user_data;
  ck_assert_int_eq(acoap_local_endpoint_post(note->endpoint, count, note), 0);
  ck_assert_int_eq(acoap__posting_send(&note->posting), 0);
  acoap_local_endpoint_close(note->endpoint, count_closed, note);
}

START_TEST(what_is_posted_in_the_turn_that_closes_runs_before_the_closed_callback) {
  sim_pair_t pair;
  note_t note;
  open_note(&pair, &note);
  ck_assert_int_eq(acoap_local_endpoint_post(pair.server, post_and_close, &note), 0);
  pair.server = NULL;
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(note.ran, 2);
  ck_assert_int_eq(note.status, 0);
  pair.closed++; /* closed here, not by the pair */
  sim_pair_close(&pair);
}
END_TEST

static Suite *post_suite(void) {
  Suite *suite = suite_create("endpoint/post");
  TCase *tcase = tcase_create("postings");
  tcase_add_test(tcase, posting_is_settled_on_the_loop_and_freed);
  tcase_add_test(tcase, posting_needs_no_memory_to_be_sent);
  tcase_add_test(tcase, posting_that_is_not_sent_is_cancelled_when_the_endpoint_closes);
  tcase_add_test(tcase, posting_that_is_sent_while_the_endpoint_closes_is_cancelled);
  tcase_add_test(tcase, closing_endpoint_takes_no_posting);
  tcase_add_test(tcase, what_is_posted_in_the_turn_that_closes_runs_before_the_closed_callback);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(post_suite)
