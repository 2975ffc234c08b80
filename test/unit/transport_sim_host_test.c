/*
 * The simulated host: wakers, names, interfaces and entropy under virtual time.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/sim.h>

#include <pthread.h>
#include <string.h>

#include "check_main.h"

typedef struct sleeper {
  acoap_sim_t *sim;
  const acoap_host_ops_t *ops;
  acoap_waker_t *waker;
  int wakes;
  acoap_time_t woken_at;
  acoap_time_t again_in; /* when woken, sleep this long; 0: no more */
  int closed;
  int changes;
  bool close_when_woken;
} sleeper_t;

static void closed(void *user_data) {
  ((sleeper_t *)user_data)->closed++;
}

static void woken(void *user_data) {
  sleeper_t *sleeper = user_data;
  sleeper->wakes++;
  sleeper->woken_at = acoap_sim_now(sleeper->sim);
  if (sleeper->again_in > 0) {
    sleeper->ops->wake_at(sleeper->waker, sleeper->woken_at + sleeper->again_in);
  }
  if (sleeper->close_when_woken) {
    sleeper->ops->waker_close(sleeper->waker, closed, sleeper);
  }
}

static void changed(void *user_data) {
  ((sleeper_t *)user_data)->changes++;
}

static acoap_sim_t *open_sleeper(sleeper_t *sleeper) {
  acoap_sim_t *sim = NULL;
  memset(sleeper, 0, sizeof(*sleeper));
  ck_assert_int_eq(acoap_sim_new(1, 100, &sim), 0);
  sleeper->sim = sim;
  sleeper->ops = acoap_sim_host(sim)->ops;
  ck_assert_int_eq(sleeper->ops->waker_new(acoap_sim_host(sim), woken, sleeper, &sleeper->waker),
                   0);
  return sim;
}

START_TEST(waker_wakes_at_its_time_and_the_last_setting_counts) {
  sleeper_t sleeper;
  acoap_sim_t *sim = open_sleeper(&sleeper);
  ck_assert_int_eq(sleeper.ops->now(acoap_sim_host(sim)), 100);
  sleeper.ops->wake_at(sleeper.waker, 150);
  sleeper.ops->wake_at(sleeper.waker, 170);
  acoap_sim_run_until(sim, 169);
  ck_assert_int_eq(sleeper.wakes, 0);
  acoap_sim_run_until(sim, 1000);
  ck_assert_int_eq(sleeper.wakes, 1);
  ck_assert_int_eq(sleeper.woken_at, 170);
  sleeper.ops->wake_at(sleeper.waker, 1100);
  sleeper.ops->wake_at(sleeper.waker, ACOAP_TIME_NEVER);
  ck_assert(acoap_sim_run_idle(sim, ACOAP_TIME_NEVER));
  ck_assert_int_eq(sleeper.wakes, 1);
  /* A time in the past: the next step, not this call. */
  sleeper.ops->wake_at(sleeper.waker, 3);
  ck_assert_int_eq(sleeper.wakes, 1);
  ck_assert_int_eq(sleeper.ops->run_once(acoap_sim_host(sim)), 0);
  ck_assert_int_eq(sleeper.wakes, 2);
  ck_assert_int_eq(sleeper.woken_at, 1000);
  ck_assert_int_eq(sleeper.ops->run_once(acoap_sim_host(sim)), ACOAP_EEND);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(waker_may_set_itself_again_and_close_itself) {
  sleeper_t sleeper;
  acoap_sim_t *sim = open_sleeper(&sleeper);
  sleeper.again_in = 10;
  sleeper.ops->wake_at(sleeper.waker, 110);
  acoap_sim_run_until(sim, 150);
  ck_assert_int_eq(sleeper.wakes, 5);
  sleeper.close_when_woken = true;
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(sleeper.wakes, 6);
  ck_assert_int_eq(sleeper.closed, 1);
  acoap_sim_free(sim);
  ck_assert_int_eq(sleeper.closed, 1);
}
END_TEST

START_TEST(closed_waker_never_wakes_and_free_finishes_it) {
  sleeper_t sleeper;
  acoap_sim_t *sim = open_sleeper(&sleeper);
  sleeper.ops->wake_at(sleeper.waker, 110);
  sleeper.ops->waker_close(sleeper.waker, closed, &sleeper);
  sleeper.ops->wake_at(sleeper.waker, 105);
  ck_assert_int_eq(sleeper.closed, 0);
  acoap_sim_free(sim);
  ck_assert_int_eq(sleeper.closed, 1);
  ck_assert_int_eq(sleeper.wakes, 0);
}
END_TEST

static void *signal_waker(void *user_data) {
  sleeper_t *sleeper = user_data;
  sleeper->ops->wake_from_thread(sleeper->waker);
  return NULL;
}

START_TEST(another_thread_wakes_in_the_next_step) {
  sleeper_t sleeper;
  acoap_sim_t *sim = open_sleeper(&sleeper);
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, signal_waker, &sleeper), 0);
  pthread_join(thread, NULL);
  ck_assert_int_eq(sleeper.wakes, 0);
  ck_assert(acoap_sim_step(sim, ACOAP_TIME_NEVER));
  ck_assert_int_eq(sleeper.wakes, 1);
  ck_assert(!acoap_sim_step(sim, ACOAP_TIME_NEVER));
  ck_assert_int_eq(sleeper.wakes, 1);
  signal_waker(&sleeper);
  ck_assert(acoap_sim_run_idle(sim, ACOAP_TIME_NEVER));
  ck_assert_int_eq(sleeper.wakes, 2);
  acoap_sim_free(sim);
}
END_TEST

/* Work beside the loop. */

typedef struct labour {
  acoap_host_t *host;
  int works;
  int dones;
  int again; /* starts that `done` shall still make */
} labour_t;

static void labour_work(void *user_data) {
  labour_t *labour = user_data;
  ck_assert_int_eq(labour->works, labour->dones);
  labour->works++;
}

static void labour_done(void *user_data) {
  labour_t *labour = user_data;
  labour->dones++;
  ck_assert_int_eq(labour->works, labour->dones);
  if (labour->again > 0) {
    labour->again--;
    ck_assert_int_eq(labour->host->ops->work(labour->host, labour_work, labour_done, labour), 0);
  }
}

START_TEST(work_is_done_in_the_next_step_and_never_given_up) {
  acoap_sim_t *sim = NULL;
  ck_assert_int_eq(acoap_sim_new(1, 50, &sim), 0);
  labour_t labour = {.host = acoap_sim_host(sim), .again = 1};
  const acoap_host_ops_t *ops = labour.host->ops;
  ck_assert_int_eq(ops->work(labour.host, NULL, labour_done, &labour), ACOAP_EINVAL);
  ck_assert_int_eq(ops->work(labour.host, labour_work, NULL, &labour), ACOAP_EINVAL);
  ck_assert_int_eq(ops->work(labour.host, labour_work, labour_done, &labour), 0);
  ck_assert_int_eq(labour.works, 0);
  ck_assert(acoap_sim_step(sim, 50));
  ck_assert_int_eq(labour.dones, 1);
  ck_assert_int_eq(acoap_sim_now(sim), 50);
  /* What still waits when the network goes is done then, and what that begins. */
  labour.again = 1;
  acoap_sim_free(sim);
  ck_assert_int_eq(labour.dones, 3);
}
END_TEST

/* Names. */

typedef struct answer {
  int calls;
  int status;
  size_t count;
  acoap_address_t addresses[4];
  const acoap_host_ops_t *ops;
  acoap_lookup_t *lookup; /* cancelled from inside when set */
} answer_t;

static void answered(void *user_data, int status, const acoap_address_t *addresses, size_t count) {
  answer_t *answer = user_data;
  answer->calls++;
  answer->status = status;
  answer->count = count;
  for (size_t i = 0; i < count && i < 4; i++) {
    answer->addresses[i] = addresses[i];
  }
  if (answer->lookup != NULL) {
    answer->ops->lookup_cancel(answer->lookup);
  }
}

static acoap_address_t address(const char *text) {
  acoap_address_t out;
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &out), 0);
  return out;
}

START_TEST(lookup_answers_late_in_order_with_the_port_asked_for) {
  acoap_sim_t *sim = NULL;
  ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
  acoap_host_t *host = acoap_sim_host(sim);
  acoap_address_t two[2] = {address("2001:db8::7"), address("10.0.0.7")};
  ck_assert_int_eq(acoap_sim_set_name(sim, "lamp.example", two, 2, 30), 0);
  answer_t answer = {0};
  acoap_lookup_t *lookup = NULL;
  ck_assert_int_eq(host->ops->lookup(host, "LAMP.example", 5683, answered, &answer, &lookup), 0);
  ck_assert_ptr_nonnull(lookup);
  acoap_sim_run_until(sim, 29);
  ck_assert_int_eq(answer.calls, 0);
  acoap_sim_run_until(sim, 30);
  ck_assert_int_eq(answer.calls, 1);
  ck_assert_int_eq(answer.status, 0);
  ck_assert_uint_eq(answer.count, 2);
  two[0].port = two[1].port = 5683;
  ck_assert(acoap_address_equal(&answer.addresses[0], &two[0]));
  ck_assert(acoap_address_equal(&answer.addresses[1], &two[1]));
  acoap_sim_free(sim);
}
END_TEST

START_TEST(unknown_and_removed_names_are_not_found_and_literals_are) {
  acoap_sim_t *sim = NULL;
  ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
  acoap_host_t *host = acoap_sim_host(sim);
  acoap_address_t one = address("10.0.0.7");
  ck_assert_int_eq(acoap_sim_set_name(sim, "a", &one, 1, 0), 0);
  ck_assert_int_eq(acoap_sim_set_name(sim, "a", NULL, 0, 0), 0);
  answer_t answer = {0};
  ck_assert_int_eq(host->ops->lookup(host, "a", 1, answered, &answer, NULL), 0);
  ck_assert_int_eq(answer.calls, 0);
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(answer.calls, 1);
  ck_assert_int_eq(answer.status, ACOAP_ENOTFOUND);
  ck_assert_int_eq(host->ops->lookup(host, "10.0.0.9", 7, answered, &answer, NULL), 0);
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(answer.calls, 2);
  ck_assert_int_eq(answer.status, 0);
  ck_assert_uint_eq(answer.addresses[0].port, 7);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(cancelled_lookup_is_silent_also_from_inside_its_callback) {
  acoap_sim_t *sim = NULL;
  ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
  acoap_host_t *host = acoap_sim_host(sim);
  answer_t answer = {.ops = host->ops}, inside = {.ops = host->ops};
  acoap_lookup_t *lookup = NULL;
  ck_assert_int_eq(host->ops->lookup(host, "a", 1, answered, &answer, &lookup), 0);
  host->ops->lookup_cancel(lookup);
  ck_assert_int_eq(host->ops->lookup(host, "a", 1, answered, &inside, &inside.lookup), 0);
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(answer.calls, 0);
  ck_assert_int_eq(inside.calls, 1);
  /* One that is under way when the network goes is dropped. */
  ck_assert_int_eq(host->ops->lookup(host, "a", 1, answered, &answer, NULL), 0);
  acoap_sim_free(sim);
  ck_assert_int_eq(answer.calls, 0);
}
END_TEST

START_TEST(changed_interfaces_are_listed_and_told_once) {
  sleeper_t sleeper;
  acoap_sim_t *sim = open_sleeper(&sleeper);
  acoap_host_t *host = acoap_sim_host(sim);
  acoap_interface_t list[3];
  ck_assert_int_eq(sleeper.ops->interfaces(host, list, 3), 2);
  ck_assert_str_eq(list[0].name, "sim0");
  ck_assert_uint_eq(list[0].index, 1);
  ck_assert(list[0].multicast);
  ck_assert_uint_eq(sleeper.ops->interface_index(host, "sim0"), 1);
  ck_assert_uint_eq(sleeper.ops->interface_index(host, "sim"), 0);
  ck_assert_int_eq(sleeper.ops->watch_interfaces(sleeper.waker, changed, &sleeper), 0);
  acoap_interface_t one = {.name = "eth7", .index = 7, .address = address("10.0.0.1")};
  ck_assert_int_eq(acoap_sim_set_interfaces(sim, &one, 1), 0);
  ck_assert_int_eq(acoap_sim_set_interfaces(sim, &one, 1), 0);
  ck_assert_int_eq(sleeper.changes, 0);
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(sleeper.changes, 1);
  ck_assert_int_eq(sleeper.ops->interfaces(host, NULL, 0), 1);
  ck_assert_uint_eq(sleeper.ops->interface_index(host, "eth7"), 7);
  ck_assert_int_eq(acoap_sim_set_interfaces(sim, NULL, 0), 0);
  ck_assert_int_eq(sleeper.ops->watch_interfaces(sleeper.waker, NULL, NULL), 0);
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(sleeper.changes, 1);
  ck_assert_int_eq(sleeper.ops->interfaces(host, list, 3), 0);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(entropy_follows_the_seed) {
  uint8_t drawn[3][32];
  for (size_t i = 0; i < 3; i++) {
    acoap_sim_t *sim = NULL;
    ck_assert_int_eq(acoap_sim_new(i == 2 ? 9 : 8, 0, &sim), 0);
    acoap_sim_host(sim)->ops->entropy(acoap_sim_host(sim), drawn[i], sizeof(drawn[i]));
    acoap_sim_free(sim);
  }
  ck_assert_mem_eq(drawn[0], drawn[1], 32);
  ck_assert_mem_ne(drawn[0], drawn[2], 32);
}
END_TEST

static Suite *sim_host_suite(void) {
  Suite *suite = suite_create("transport/sim_host");
  TCase *host = tcase_create("host");
  tcase_add_test(host, work_is_done_in_the_next_step_and_never_given_up);
  tcase_add_test(host, waker_wakes_at_its_time_and_the_last_setting_counts);
  tcase_add_test(host, waker_may_set_itself_again_and_close_itself);
  tcase_add_test(host, closed_waker_never_wakes_and_free_finishes_it);
  tcase_add_test(host, another_thread_wakes_in_the_next_step);
  tcase_add_test(host, lookup_answers_late_in_order_with_the_port_asked_for);
  tcase_add_test(host, unknown_and_removed_names_are_not_found_and_literals_are);
  tcase_add_test(host, cancelled_lookup_is_silent_also_from_inside_its_callback);
  tcase_add_test(host, changed_interfaces_are_listed_and_told_once);
  tcase_add_test(host, entropy_follows_the_seed);
  suite_add_tcase(suite, host);
  return suite;
}

ACOAP_TEST_MAIN(sim_host_suite)
