/*
 * Which datagrams of a queue make a run. Nothing is sent; what a run does on real sockets is in
 * test/interop/socket_udp_test.c.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"

#if defined(__linux__)
#include "transport/udp_batched.h"

#define QUEUED_MAX 80

static acoap__udp_batched_t udp;
static acoap__udp_entry_t entries[QUEUED_MAX];

static acoap_address_t address(uint8_t host, uint16_t port) {
  return (acoap_address_t){.family = ACOAP_FAMILY_IPV4, .port = port, .ip = {127, 0, 0, host}};
}

/* `count` datagrams of 20 bytes from 127.0.0.1 to 127.0.0.2:5683. */
static void fill(size_t count, bool wildcard) {
  memset(&udp, 0, sizeof(udp));
  memset(entries, 0, sizeof(entries));
  udp.wildcard = wildcard;
  udp.segment_max = 65000;
  udp.queue.entries = entries;
  udp.queue.tail = count;
  for (size_t i = 0; i < count; i++) {
    entries[i].path.peer = address(2, 5683);
    entries[i].path.local = address(1, 0);
    entries[i].len = 20;
  }
}

START_TEST(a_run_is_one_peer_and_one_length_but_for_a_shorter_last) {
  fill(6, false);
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 6);
  ck_assert_uint_eq(acoap__udp_run(&udp, 4), 2);
  entries[3].len = 19;
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 4);
  entries[3].len = 21;
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 3);
  entries[1].path.peer = address(2, 5684);
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 1);
  fill(6, false);
  entries[2].path.interface = 3;
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 2);
}
END_TEST

START_TEST(the_wished_source_parts_a_run_only_where_it_is_chosen) {
  fill(4, true);
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 4);
  entries[2].path.local = address(9, 0);
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 2);
  udp.wildcard = false;
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 4);
}
END_TEST

START_TEST(a_run_has_bounds_and_groups_and_refused_ones_go_alone) {
  fill(QUEUED_MAX, false);
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 64);
  for (size_t i = 0; i < QUEUED_MAX; i++) {
    entries[i].len = 1500;
  }
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 65000 / 1500);
  udp.queue.plain_until = 3;
  ck_assert_uint_eq(acoap__udp_run(&udp, 2), 1);
  ck_assert_uint_gt(acoap__udp_run(&udp, 3), 1);
  udp.segment_max = 0;
  ck_assert_uint_eq(acoap__udp_run(&udp, 3), 1);
  fill(4, false);
  for (size_t i = 0; i < 4; i++) {
    entries[i].path.peer.ip[0] = 224;
  }
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 1);
  fill(4, false);
  entries[0].len = 0;
  ck_assert_uint_eq(acoap__udp_run(&udp, 0), 1);
}
END_TEST

static void add_tests(TCase *runs) {
  tcase_add_test(runs, a_run_is_one_peer_and_one_length_but_for_a_shorter_last);
  tcase_add_test(runs, the_wished_source_parts_a_run_only_where_it_is_chosen);
  tcase_add_test(runs, a_run_has_bounds_and_groups_and_refused_ones_go_alone);
}
#else
/* Nothing to test: the portable socket has no runs. */
static void add_tests(TCase *runs) {
  (void)runs;
}
#endif

static Suite *segments_suite(void) {
  Suite *suite = suite_create("transport/udp_segments");
  TCase *runs = tcase_create("runs");
  add_tests(runs);
  suite_add_tcase(suite, runs);
  return suite;
}

ACOAP_TEST_MAIN(segments_suite)
