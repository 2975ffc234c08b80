/*
 * Futures: references, combinations, cancelling by dropping, at every point in time.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "client_rig.h"

static acoap_future_t *ask(client_rig_t *rig, const char *path, outcome_t *outcome) {
  acoap_future_t *future = NULL;
  acoap_remote_endpoint_t *remote = client_rig_remote(rig, path);
  acoap_params_t params;
  acoap_params_init(&params);
  params.nstart = 10;
  acoap_remote_endpoint_set_params(remote, &params);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_on_destroy(desc, outcome_destroyed, outcome);
  ck_assert_int_eq(acoap_send(remote, desc, NULL, NULL, &future), 0);
  acoap_remote_endpoint_unref(remote);
  return future;
}

static void watch(acoap_future_t *future, outcome_t *outcome) {
  ck_assert_int_eq(acoap_future_on_settled(future, outcome_note, outcome), 0);
}

START_TEST(future_shows_the_result_when_it_is_there) {
  client_rig_t rig;
  outcome_t sent = {0};
  client_rig_open_pair(&rig, 1);
  acoap_future_t *future = ask(&rig, "/t", &sent);
  ck_assert(!acoap_future_settled(future));
  ck_assert_int_eq(acoap_future_status(future), ACOAP_EAGAIN);
  ck_assert_ptr_null(acoap_future_message(future));
  ck_assert_ptr_null(acoap_future_part(future, 0));
  client_rig_run(&rig, 100);
  ck_assert(acoap_future_settled(future));
  ck_assert_int_eq(acoap_future_status(future), 0);
  ck_assert_uint_eq(acoap_message_payload(acoap_future_message(future)).len, 5);
  ck_assert_uint_eq(sent.destroyed, 1);
  acoap_future_unref(future);
  client_rig_close(&rig);
}
END_TEST

START_TEST(on_settled_is_called_once_before_and_after_the_result) {
  client_rig_t rig;
  outcome_t sent = {0};
  outcome_t early = {0};
  outcome_t late = {0};
  client_rig_open_pair(&rig, 2);
  acoap_future_t *a = ask(&rig, "/t", &sent);
  acoap_future_t *b = ask(&rig, "/t", &sent);
  watch(a, &early);
  ck_assert_int_eq(acoap_future_on_settled(a, outcome_note, &late), ACOAP_EBUSY);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(early.finals, 1);
  ck_assert(acoap_future_settled(b));
  late.inside = true;
  watch(b, &late);
  late.inside = false;
  ck_assert_uint_eq(late.finals, 0); /* from the loop, in the next turn */
  client_rig_run(&rig, 10);
  ck_assert_uint_eq(late.finals, 1);
  ck_assert_int_eq(acoap_future_on_settled(NULL, outcome_note, &late), ACOAP_ENOMEM);
  acoap_future_unref(a);
  acoap_future_unref(b);
  client_rig_close(&rig);
}
END_TEST

START_TEST(only_the_last_reference_cancels) {
  client_rig_t rig;
  outcome_t sent = {0};
  client_rig_open_pair(&rig, 3);
  acoap_future_t *future = ask(&rig, "/never", &sent);
  ck_assert_ptr_eq(acoap_future_ref(future), future);
  ck_assert_ptr_null(acoap_future_unref(future));
  ck_assert_uint_eq(sent.destroyed, 0);
  acoap_future_unref(future);
  ck_assert_uint_eq(sent.destroyed, 1);
  client_rig_close(&rig);
}
END_TEST

START_TEST(settled_future_of_a_message_settles_in_the_next_turn) {
  client_rig_t rig;
  outcome_t sent = {0};
  outcome_t outcome = {0};
  client_rig_open_pair(&rig, 4);
  acoap_future_t *first = ask(&rig, "/t", &sent);
  client_rig_run(&rig, 100);
  acoap_future_t *copy = acoap_future_of(rig.client, ACOAP_ECHANGED, acoap_future_message(first));
  acoap_future_unref(first);
  ck_assert(!acoap_future_settled(copy));
  watch(copy, &outcome);
  client_rig_run(&rig, 10);
  ck_assert_int_eq(outcome.status, ACOAP_ECHANGED);
  ck_assert_str_eq((char *)outcome.body, "hello");
  acoap_future_unref(copy);
  acoap_future_unref(acoap_future_of(rig.client, 0, NULL)); /* dropped before its turn */
  client_rig_run(&rig, 10);
  client_rig_close(&rig);
}
END_TEST

/* ---- then ----------------------------------------------------------------------------------- */

typedef struct step {
  client_rig_t *rig;
  const char *path; /* NULL: the result stands */
  outcome_t sent;
  unsigned calls;
  int status;
  acoap_future_t *drop; /* dropped inside */
} step_t;

static acoap_future_t *take_step(void *user_data, int status, acoap_message_t *message) {
  step_t *step = user_data;
  (void)message;
  step->calls++;
  step->status = status;
  step->drop = acoap_future_unref(step->drop);
  return step->path == NULL ? NULL : ask(step->rig, step->path, &step->sent);
}

START_TEST(then_may_send_again_and_settles_with_that_result) {
  client_rig_t rig;
  outcome_t sent = {0};
  outcome_t outcome = {0};
  client_rig_open_pair(&rig, 5);
  step_t first = {.rig = &rig, .path = "/nothing"};
  step_t second = {.rig = &rig};
  acoap_future_t *future = acoap_future_then(
      acoap_future_then(ask(&rig, "/t", &sent), take_step, &first), take_step, &second);
  watch(future, &outcome);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(first.calls, 1);
  ck_assert_int_eq(first.status, 0);
  ck_assert_uint_eq(second.calls, 1);
  ck_assert_int_eq(second.status, ACOAP_ECLIENTERROR);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_int_eq(outcome.status, ACOAP_ECLIENTERROR);
  ck_assert_str_eq((char *)outcome.body, "no");
  acoap_future_unref(future);
  ck_assert_uint_eq(first.sent.destroyed, 1);
  client_rig_close(&rig);
}
END_TEST

START_TEST(dropping_a_chain_cancels_whatever_step_it_is_at) {
  client_rig_t rig;
  outcome_t sent = {0};
  client_rig_open_pair(&rig, 6);
  step_t step = {.rig = &rig, .path = "/never"};
  acoap_future_t *future = acoap_future_then(ask(&rig, "/never", &sent), take_step, &step);
  acoap_future_unref(future);
  ck_assert_uint_eq(sent.destroyed, 1);
  sent.destroyed = 0;
  future = acoap_future_then(ask(&rig, "/t", &sent), take_step, &step);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(sent.destroyed, 1);
  ck_assert_uint_eq(step.calls, 1);
  acoap_future_unref(future);
  ck_assert_uint_eq(step.sent.destroyed, 1);
  client_rig_close(&rig);
}
END_TEST

START_TEST(chain_may_be_dropped_inside_its_own_step) {
  client_rig_t rig;
  outcome_t sent = {0};
  client_rig_open_pair(&rig, 7);
  step_t step = {.rig = &rig, .path = "/never"};
  step.drop = acoap_future_then(ask(&rig, "/t", &sent), take_step, &step);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(step.calls, 1);
  ck_assert_uint_eq(sent.destroyed, 1);
  ck_assert_uint_eq(step.sent.destroyed, 1); /* what the step sent is cancelled with it */
  client_rig_close(&rig);
}
END_TEST

/* ---- timeout -------------------------------------------------------------------------------- */

START_TEST(timeout_cancels_what_takes_too_long) {
  client_rig_t rig;
  outcome_t slow = {0};
  outcome_t fast = {0};
  outcome_t slow_result = {.sim = NULL};
  outcome_t fast_result = {.sim = NULL};
  client_rig_open_pair(&rig, 8);
  slow_result.sim = rig.sim;
  acoap_future_t *a = acoap_future_timeout(ask(&rig, "/never", &slow), 1500);
  acoap_future_t *b = acoap_future_timeout(ask(&rig, "/t", &fast), 1500);
  watch(a, &slow_result);
  watch(b, &fast_result);
  client_rig_run(&rig, 5000);
  ck_assert_int_eq(slow_result.status, ACOAP_ETIMEDOUT);
  ck_assert_int_eq((int)(slow_result.at - 1000000), 1500);
  ck_assert_uint_eq(slow.destroyed, 1);
  ck_assert_uint_eq(fast_result.finals, 1);
  ck_assert_int_eq(fast_result.status, 0);
  acoap_future_unref(a);
  acoap_future_unref(b);
  client_rig_close(&rig);
}
END_TEST

/* ---- all and any ---------------------------------------------------------------------------- */

START_TEST(all_waits_for_all_and_tells_the_first_error) {
  client_rig_t rig;
  outcome_t sent[3];
  outcome_t outcome = {0};
  memset(sent, 0, sizeof(sent));
  client_rig_open_pair(&rig, 9);
  acoap_future_t *parts[3] = {ask(&rig, "/t", &sent[0]), ask(&rig, "/nothing", &sent[1]),
                              ask(&rig, "/sep", &sent[2])};
  acoap_future_t *all = acoap_future_all(parts, 3);
  watch(all, &outcome);
  client_rig_run(&rig, 4000);
  ck_assert_uint_eq(outcome.finals, 0);
  client_rig_answer_later(&rig);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_int_eq(outcome.status, ACOAP_ECLIENTERROR);
  ck_assert_ptr_eq(acoap_future_part(all, 0), parts[0]);
  ck_assert_int_eq(acoap_future_status(acoap_future_part(all, 2)), 0);
  ck_assert_ptr_null(acoap_future_part(all, 3));
  acoap_future_unref(all);
  client_rig_close(&rig);
}
END_TEST

START_TEST(any_takes_the_first_success_and_cancels_the_others) {
  client_rig_t rig;
  outcome_t sent[3];
  outcome_t outcome = {0};
  memset(sent, 0, sizeof(sent));
  client_rig_open_pair(&rig, 10);
  acoap_future_t *parts[3] = {ask(&rig, "/nothing", &sent[0]), ask(&rig, "/never", &sent[1]),
                              ask(&rig, "/t", &sent[2])};
  acoap_future_t *any = acoap_future_any(parts, 3);
  watch(any, &outcome);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_int_eq(outcome.status, 0);
  ck_assert_str_eq((char *)outcome.body, "hello");
  ck_assert_ptr_null(acoap_future_part(any, 1));
  ck_assert_ptr_eq(acoap_future_part(any, 2), parts[2]);
  ck_assert_uint_eq(sent[1].destroyed, 1);
  acoap_future_unref(any);
  client_rig_close(&rig);
}
END_TEST

START_TEST(any_of_failures_is_the_last_failure) {
  client_rig_t rig;
  outcome_t sent[2];
  outcome_t outcome = {0};
  memset(sent, 0, sizeof(sent));
  client_rig_open_pair(&rig, 11);
  acoap_future_t *parts[2] = {ask(&rig, "/nothing", &sent[0]),
                              acoap_future_timeout(ask(&rig, "/never", &sent[1]), 500)};
  acoap_future_t *any = acoap_future_any(parts, 2);
  watch(any, &outcome);
  client_rig_run(&rig, 1000);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_int_eq(outcome.status, ACOAP_ETIMEDOUT);
  acoap_future_unref(any);
  client_rig_close(&rig);
}
END_TEST

START_TEST(null_in_a_combination_is_null_and_drops_the_rest) {
  client_rig_t rig;
  outcome_t sent = {0};
  client_rig_open_pair(&rig, 12);
  step_t step = {.rig = &rig};
  acoap_future_t *parts[2] = {ask(&rig, "/never", &sent), NULL};
  ck_assert_ptr_null(acoap_future_all(parts, 2));
  ck_assert_uint_eq(sent.destroyed, 1);
  ck_assert_ptr_null(acoap_future_any(NULL, 0));
  ck_assert_ptr_null(acoap_future_timeout(acoap_future_then(NULL, take_step, &step), 10));
  ck_assert_int_eq(acoap_future_status(NULL), ACOAP_ENOMEM);
  ck_assert_int_eq(acoap_future_wait(NULL), ACOAP_ENOMEM);
  ck_assert_ptr_null(acoap_future_unref(NULL));
  ck_assert_ptr_null(acoap_future_ref(NULL));
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(step.calls, 0);
  client_rig_close(&rig);
}
END_TEST

START_TEST(closing_the_endpoint_settles_combinations) {
  client_rig_t rig;
  outcome_t sent[4];
  outcome_t outcome = {0};
  memset(sent, 0, sizeof(sent));
  client_rig_open_pair(&rig, 13);
  step_t step = {.rig = &rig};
  acoap_future_t *parts[3] = {
      acoap_future_then(ask(&rig, "/never", &sent[0]), take_step, &step),
      acoap_future_timeout(ask(&rig, "/never", &sent[1]), 100000),
      ask(&rig, "/never", &sent[2]),
  };
  acoap_future_t *all = acoap_future_all(parts, 3);
  watch(all, &outcome);
  client_rig_run(&rig, 100);
  acoap_local_endpoint_close(rig.client, NULL, NULL);
  rig.client = NULL;
  client_rig_run(&rig, 10);
  ck_assert_uint_eq(step.calls, 1);
  ck_assert_int_eq(step.status, ACOAP_ECANCELED);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_int_eq(outcome.status, ACOAP_ECANCELED);
  ck_assert_int_eq(acoap_future_on_settled(acoap_future_part(all, 2), outcome_note, &outcome),
                   ACOAP_ECLOSED);
  ck_assert_int_eq(acoap_future_wait(all), ACOAP_ECANCELED);
  client_rig_close(&rig);
  acoap_future_unref(all); /* beyond the endpoint's end */
}
END_TEST

START_TEST(wait_tells_when_nothing_is_left_to_wait_for) {
  client_rig_t rig;
  outcome_t sent = {0};
  outcome_t never = {0};
  client_rig_open_pair(&rig, 14);
  acoap_future_t *future = ask(&rig, "/t", &sent);
  acoap_future_t *waiting = ask(&rig, "/never", &never);
  ck_assert_int_eq(acoap_future_wait(future), 0);
  ck_assert_int_eq(acoap_future_wait(future), 0); /* settled: at once */
  /* EXCHANGE_LIFETIME passes in virtual time. */
  ck_assert_int_eq(acoap_future_wait(waiting), ACOAP_ETIMEDOUT);
  acoap_future_unref(future);
  acoap_future_unref(waiting);
  client_rig_close(&rig);
}
END_TEST

static Suite *future_suite(void) {
  Suite *suite = suite_create("flow/client_future");
  TCase *one = tcase_create("one");
  tcase_add_test(one, future_shows_the_result_when_it_is_there);
  tcase_add_test(one, on_settled_is_called_once_before_and_after_the_result);
  tcase_add_test(one, only_the_last_reference_cancels);
  tcase_add_test(one, settled_future_of_a_message_settles_in_the_next_turn);
  suite_add_tcase(suite, one);
  TCase *combined = tcase_create("combined");
  tcase_add_test(combined, then_may_send_again_and_settles_with_that_result);
  tcase_add_test(combined, dropping_a_chain_cancels_whatever_step_it_is_at);
  tcase_add_test(combined, chain_may_be_dropped_inside_its_own_step);
  tcase_add_test(combined, timeout_cancels_what_takes_too_long);
  tcase_add_test(combined, all_waits_for_all_and_tells_the_first_error);
  tcase_add_test(combined, any_takes_the_first_success_and_cancels_the_others);
  tcase_add_test(combined, any_of_failures_is_the_last_failure);
  tcase_add_test(combined, null_in_a_combination_is_null_and_drops_the_rest);
  tcase_add_test(combined, closing_the_endpoint_settles_combinations);
  tcase_add_test(combined, wait_tells_when_nothing_is_left_to_wait_for);
  suite_add_tcase(suite, combined);
  return suite;
}

ACOAP_TEST_MAIN(future_suite)
