/*
 * The host of a libuv loop on the real system: clock, alarm, signal from a thread, names,
 * interfaces that come and go. socket_host_fallback_test.c runs the same tests over what systems
 * without timerfd and netlink use.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/host.h>

#include <net/if.h>
#include <string.h>
#include <time.h>

#include "check_main.h"
#include "ear.h"

static uv_loop_t loop;
static acoap_host_t *host;

typedef struct sleeper {
  acoap_waker_t *waker;
  int wakes;
  int closed;
  int changes;
  acoap_time_t woken_at;
} sleeper_t;

static void woken(void *user_data) {
  sleeper_t *sleeper = user_data;
  sleeper->wakes++;
  sleeper->woken_at = host->ops->now(host);
}

static void closed(void *user_data) {
  ((sleeper_t *)user_data)->closed++;
}

static void changed(void *user_data) {
  ((sleeper_t *)user_data)->changes++;
}

static void open_host(sleeper_t *sleeper) {
  memset(sleeper, 0, sizeof(*sleeper));
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ck_assert_int_eq(acoap_uv_host_new(&loop, &host), 0);
  ck_assert_int_eq(host->ops->waker_new(host, woken, sleeper, &sleeper->waker), 0);
}

static void close_host(sleeper_t *sleeper) {
  if (sleeper->closed == 0) {
    host->ops->waker_close(sleeper->waker, closed, sleeper);
  }
  /* The waker holds the host as long as it needs it. */
  host->ops->unref(host);
  ear_wait(&loop, &sleeper->closed, 1);
  ck_assert_int_eq(sleeper->closed, 1);
  ear_loop_done(&loop);
}

START_TEST(the_clock_counts_suspend_and_never_goes_back) {
  sleeper_t sleeper;
  struct timespec boot;
  open_host(&sleeper);
  clock_gettime(CLOCK_BOOTTIME, &boot);
  acoap_time_t before = (acoap_time_t)boot.tv_sec * 1000 + boot.tv_nsec / 1000000;
  acoap_time_t now = host->ops->now(host);
  ck_assert_int_ge(now, before);
  ck_assert_int_lt(now, before + 5000);
  ck_assert_int_ge(host->ops->now(host), now);
  close_host(&sleeper);
}
END_TEST

START_TEST(the_alarm_rings_once_and_not_early) {
  sleeper_t sleeper;
  open_host(&sleeper);
  acoap_time_t start = host->ops->now(host);
  host->ops->wake_at(sleeper.waker, start + 30);
  ck_assert_int_eq(sleeper.wakes, 0);
  ear_wait(&loop, &sleeper.wakes, 1);
  ck_assert_int_ge(sleeper.woken_at, start + 30);
  ear_run(&loop, 30);
  ck_assert_int_eq(sleeper.wakes, 1);
  /* In the past: the next turn. */
  host->ops->wake_at(sleeper.waker, start - 1000);
  ck_assert_int_eq(sleeper.wakes, 1);
  ear_wait(&loop, &sleeper.wakes, 2);
  host->ops->wake_at(sleeper.waker, 0);
  ear_wait(&loop, &sleeper.wakes, 3);
  close_host(&sleeper);
}
END_TEST

START_TEST(the_last_setting_counts_earlier_later_and_never) {
  sleeper_t sleeper;
  open_host(&sleeper);
  acoap_time_t start = host->ops->now(host);
  host->ops->wake_at(sleeper.waker, start + 10);
  host->ops->wake_at(sleeper.waker, start + 60);
  ear_wait(&loop, &sleeper.wakes, 1);
  ck_assert_int_ge(sleeper.woken_at, start + 60);
  start = host->ops->now(host);
  host->ops->wake_at(sleeper.waker, start + 100000);
  host->ops->wake_at(sleeper.waker, start + 10);
  ear_wait(&loop, &sleeper.wakes, 2);
  ck_assert_int_lt(sleeper.woken_at, start + 50000);
  host->ops->wake_at(sleeper.waker, host->ops->now(host) + 10);
  host->ops->wake_at(sleeper.waker, ACOAP_TIME_NEVER);
  ear_run(&loop, 40);
  ck_assert_int_eq(sleeper.wakes, 2);
  close_host(&sleeper);
}
END_TEST

START_TEST(what_is_due_already_rings_once_in_the_next_turn_and_never_in_the_call) {
  sleeper_t sleeper;
  open_host(&sleeper);
  host->ops->set_ref(sleeper.waker, true);
  host->ops->wake_at(sleeper.waker, host->ops->now(host) + 100000);
  host->ops->wake_at(sleeper.waker, host->ops->now(host));
  ck_assert_int_eq(sleeper.wakes, 0);
  uv_run(&loop, UV_RUN_NOWAIT);
  uv_run(&loop, UV_RUN_NOWAIT);
  ck_assert_int_eq(sleeper.wakes, 1);
  ear_run(&loop, 20);
  ck_assert_int_eq(sleeper.wakes, 1);
  /* Taken back, or put off, before the turn comes. */
  host->ops->wake_at(sleeper.waker, host->ops->now(host));
  host->ops->wake_at(sleeper.waker, ACOAP_TIME_NEVER);
  ear_run(&loop, 20);
  ck_assert_int_eq(sleeper.wakes, 1);
  acoap_time_t later = host->ops->now(host) + 30;
  host->ops->wake_at(sleeper.waker, host->ops->now(host));
  host->ops->wake_at(sleeper.waker, later);
  ear_wait(&loop, &sleeper.wakes, 2);
  ck_assert_int_ge(sleeper.woken_at, later);
  close_host(&sleeper);
}
END_TEST

START_TEST(a_turn_that_has_rung_does_not_wait_for_the_network) {
  sleeper_t sleeper;
  open_host(&sleeper);
  host->ops->set_ref(sleeper.waker, true);
  host->ops->wake_at(sleeper.waker, host->ops->now(host));
  /* Keeps the loop alive, and would keep it waiting. */
  ear_t ear;
  ear_open(&ear, &loop, ACOAP_UDP_BEST, "127.0.0.1:0", NULL);
  for (int turns = 0; sleeper.wakes == 0 && turns < 3; turns++) {
    uv_run(&loop, UV_RUN_ONCE);
  }
  ck_assert_int_eq(sleeper.wakes, 1);
  ear_close(&ear);
  close_host(&sleeper);
}
END_TEST

START_TEST(only_a_set_alarm_that_was_asked_to_keeps_the_loop_alive) {
  sleeper_t sleeper;
  open_host(&sleeper);
  ck_assert(!uv_loop_alive(&loop));
  ck_assert_int_eq(host->ops->run_once(host), ACOAP_EEND);
  host->ops->wake_at(sleeper.waker, host->ops->now(host) + 20);
  ck_assert(!uv_loop_alive(&loop));
  host->ops->set_ref(sleeper.waker, true);
  ck_assert(uv_loop_alive(&loop));
  while (host->ops->run_once(host) == 0) {
    /* until nothing is left */
  }
  ck_assert_int_eq(sleeper.wakes, 1);
  ck_assert(!uv_loop_alive(&loop));
  host->ops->wake_at(sleeper.waker, host->ops->now(host) + 100000);
  ck_assert(uv_loop_alive(&loop));
  host->ops->wake_at(sleeper.waker, ACOAP_TIME_NEVER);
  ck_assert(!uv_loop_alive(&loop));
  close_host(&sleeper);
}
END_TEST

START_TEST(nothing_comes_after_close) {
  sleeper_t sleeper;
  open_host(&sleeper);
  host->ops->wake_at(sleeper.waker, host->ops->now(host));
  host->ops->wake_from_thread(sleeper.waker);
  ck_assert_int_eq(host->ops->watch_interfaces(sleeper.waker, changed, &sleeper), 0);
  host->ops->waker_close(sleeper.waker, closed, &sleeper);
  host->ops->wake_at(sleeper.waker, host->ops->now(host));
  ck_assert_int_eq(host->ops->watch_interfaces(sleeper.waker, changed, &sleeper), ACOAP_ECLOSED);
  ck_assert_int_eq(sleeper.closed, 0);
  ear_wait(&loop, &sleeper.closed, 1);
  ck_assert_int_eq(sleeper.wakes, 0);
  close_host(&sleeper);
}
END_TEST

static void signal_from_thread(void *user_data) {
  host->ops->wake_from_thread(((sleeper_t *)user_data)->waker);
}

START_TEST(another_thread_wakes) {
  sleeper_t sleeper;
  uv_thread_t thread;
  open_host(&sleeper);
  ck_assert_int_eq(uv_thread_create(&thread, signal_from_thread, &sleeper), 0);
  ear_wait(&loop, &sleeper.wakes, 1);
  uv_thread_join(&thread);
  close_host(&sleeper);
}
END_TEST

START_TEST(entropy_differs_from_draw_to_draw) {
  sleeper_t sleeper;
  uint8_t first[32] = {0}, second[32] = {0}, zero[32] = {0};
  open_host(&sleeper);
  host->ops->entropy(host, first, sizeof(first));
  host->ops->entropy(host, second, sizeof(second));
  ck_assert_mem_ne(first, second, sizeof(first));
  ck_assert_mem_ne(first, zero, sizeof(first));
  close_host(&sleeper);
}
END_TEST

/* Names: what needs no server. */

typedef struct answer {
  int calls;
  int status;
  size_t count;
  acoap_address_t first;
} answer_t;

static void answered(void *user_data, int status, const acoap_address_t *addresses, size_t count) {
  answer_t *answer = user_data;
  answer->calls++;
  answer->status = status;
  answer->count = count;
  if (count > 0) {
    answer->first = addresses[0];
  }
}

START_TEST(names_are_looked_up_later_and_carry_the_port) {
  sleeper_t sleeper;
  answer_t literal = {0}, local = {0};
  acoap_lookup_t *lookup = NULL;
  open_host(&sleeper);
  ck_assert_int_eq(host->ops->lookup(host, "192.0.2.7", 5683, answered, &literal, &lookup), 0);
  ck_assert_ptr_nonnull(lookup);
  ck_assert_int_eq(host->ops->lookup(host, "localhost", 1, answered, &local, NULL), 0);
  ck_assert_int_eq(literal.calls + local.calls, 0);
  ear_wait(&loop, &literal.calls, 1);
  ear_wait(&loop, &local.calls, 1);
  acoap_address_t expected = ear_address("192.0.2.7:5683");
  ck_assert_int_eq(literal.status, 0);
  ck_assert_uint_eq(literal.count, 1);
  ck_assert(acoap_address_equal(&literal.first, &expected));
  ck_assert_int_eq(local.status, 0);
  ck_assert(acoap_address_is_loopback(&local.first));
  ck_assert_uint_eq(local.first.port, 1);
  close_host(&sleeper);
}
END_TEST

START_TEST(a_zone_by_name_becomes_an_index) {
  sleeper_t sleeper;
  answer_t answer = {0};
  open_host(&sleeper);
  ck_assert_int_eq(host->ops->lookup(host, "fe80::1%lo", 7, answered, &answer, NULL), 0);
  ear_wait(&loop, &answer.calls, 1);
  ck_assert_int_eq(answer.status, 0);
  ck_assert_uint_eq(answer.first.scope_id, if_nametoindex("lo"));
  ck_assert_uint_eq(host->ops->interface_index(host, "lo"), if_nametoindex("lo"));
  ck_assert_uint_eq(host->ops->interface_index(host, "no such"), 0);
  close_host(&sleeper);
}
END_TEST

START_TEST(a_cancelled_lookup_is_silent) {
  sleeper_t sleeper;
  answer_t answers[8] = {{0}};
  acoap_lookup_t *lookups[8];
  open_host(&sleeper);
  /* More than libuv has threads: some are at work, some wait. */
  for (size_t i = 0; i < 8; i++) {
    ck_assert_int_eq(host->ops->lookup(host, "localhost", 1, answered, &answers[i], &lookups[i]),
                     0);
  }
  for (size_t i = 0; i < 8; i++) {
    host->ops->lookup_cancel(lookups[i]);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  for (size_t i = 0; i < 8; i++) {
    ck_assert_int_eq(answers[i].calls, 0);
  }
  close_host(&sleeper);
}
END_TEST

START_TEST(nonsense_is_refused) {
  sleeper_t sleeper;
  acoap_waker_t *waker = NULL;
  open_host(&sleeper);
  ck_assert_int_eq(acoap_uv_host_new(NULL, &host), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_uv_host_new(&loop, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(host->ops->waker_new(host, NULL, NULL, &waker), ACOAP_EINVAL);
  ck_assert_int_eq(host->ops->lookup(host, NULL, 1, answered, NULL, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(host->ops->lookup(host, "localhost", 1, NULL, NULL, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(host->ops->interfaces(host, NULL, 3), ACOAP_EINVAL);
  close_host(&sleeper);
}
END_TEST

/* Interfaces, in the network of its own. */

static int find_address(const char *text, acoap_interface_t *out) {
  acoap_interface_t list[32];
  acoap_address_t wanted = ear_address(text);
  int found = 0;
  int count = host->ops->interfaces(host, list, 32);
  ck_assert_int_le(count, 32);
  for (int i = 0; i < count; i++) {
    if (memcmp(list[i].address.ip, wanted.ip, sizeof(wanted.ip)) == 0) {
      *out = list[i];
      found++;
    }
  }
  return found;
}

START_TEST(interfaces_are_listed_with_what_they_can) {
  sleeper_t sleeper;
  acoap_interface_t one;
  open_host(&sleeper);
  ck_assert_int_eq(find_address("127.0.0.1", &one), 1);
  ck_assert_str_eq(one.name, "lo");
  ck_assert(one.loopback);
  ck_assert_int_eq(find_address("10.78.0.2", &one), 1);
  ck_assert_str_eq(one.name, "v0");
  ck_assert_uint_eq(one.index, if_nametoindex("v0"));
  ck_assert(!one.loopback);
  ck_assert(one.multicast);
  ck_assert_int_eq(find_address("fe80::78:1", &one), 1);
  ck_assert_uint_eq(one.address.scope_id, one.index);
  int count = host->ops->interfaces(host, NULL, 0);
  ck_assert_int_ge(count, 5);
  ear_shell("ip link set v0 down");
  ck_assert_int_eq(find_address("10.78.0.2", &one), 0);
  /* The kernel takes up to a second to notice the carrier. */
  ear_shell("ip link set v0 up; until ip link show v0 | grep -q 'state UP'; do sleep 0.01; done");
  ck_assert_int_eq(find_address("10.78.0.2", &one), 1);
  close_host(&sleeper);
}
END_TEST

START_TEST(a_burst_of_changes_is_told_once) {
  sleeper_t sleeper;
  open_host(&sleeper);
  ck_assert_int_eq(host->ops->watch_interfaces(sleeper.waker, changed, &sleeper), 0);
  ck_assert(!uv_loop_alive(&loop));
  ear_run(&loop, 150);
  sleeper.changes = 0;
  ear_shell("for i in 3 4 5 6; do ip addr add 10.78.0.$i/24 dev v0; done");
  ck_assert_int_eq(sleeper.changes, 0);
  ear_wait(&loop, &sleeper.changes, 1);
  ear_run(&loop, 150);
  ck_assert_int_eq(sleeper.changes, 1);
  ear_shell("for i in 3 4 5 6; do ip addr del 10.78.0.$i/24 dev v0; done");
  ear_wait(&loop, &sleeper.changes, 2);
  ck_assert_int_eq(host->ops->watch_interfaces(sleeper.waker, NULL, NULL), 0);
  ear_shell("ip addr add 10.78.0.3/24 dev v0; ip addr del 10.78.0.3/24 dev v0");
  ear_run(&loop, 150);
  ck_assert_int_eq(sleeper.changes, 2);
  close_host(&sleeper);
}
END_TEST

#ifndef HOST_SUITE
#define HOST_SUITE "socket_host"
#endif

static Suite *host_suite(void) {
  static const char *why_not;
  why_not = ear_enter_network();
  Suite *suite = suite_create(HOST_SUITE);
  TCase *waker = tcase_create("waker");
  tcase_set_timeout(waker, 100);
  tcase_add_test(waker, the_clock_counts_suspend_and_never_goes_back);
  tcase_add_test(waker, the_alarm_rings_once_and_not_early);
  tcase_add_test(waker, the_last_setting_counts_earlier_later_and_never);
  tcase_add_test(waker, what_is_due_already_rings_once_in_the_next_turn_and_never_in_the_call);
  tcase_add_test(waker, a_turn_that_has_rung_does_not_wait_for_the_network);
  tcase_add_test(waker, only_a_set_alarm_that_was_asked_to_keeps_the_loop_alive);
  tcase_add_test(waker, nothing_comes_after_close);
  tcase_add_test(waker, another_thread_wakes);
  tcase_add_test(waker, entropy_differs_from_draw_to_draw);
  suite_add_tcase(suite, waker);
  TCase *names = tcase_create("names");
  tcase_set_timeout(names, 100);
  tcase_add_test(names, names_are_looked_up_later_and_carry_the_port);
  tcase_add_test(names, a_zone_by_name_becomes_an_index);
  tcase_add_test(names, a_cancelled_lookup_is_silent);
  tcase_add_test(names, nonsense_is_refused);
  suite_add_tcase(suite, names);
  TCase *interfaces = tcase_create("interfaces");
  tcase_set_timeout(interfaces, 100);
  if (why_not == NULL) {
    tcase_add_test(interfaces, interfaces_are_listed_with_what_they_can);
    tcase_add_test(interfaces, a_burst_of_changes_is_told_once);
  } else {
    printf("ok - %s:interfaces # SKIP %s\n", HOST_SUITE, why_not);
  }
  suite_add_tcase(suite, interfaces);
  return suite;
}

ACOAP_TEST_MAIN(host_suite)
