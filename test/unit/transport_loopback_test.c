/*
 * The loopback pair on a libuv loop: what one sends the other hears in the next turn, in order;
 * bounds, references, closing.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/sim.h>

#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "check_main.h"
#include "fail_alloc.h"

enum { INBOX_MAX = 1024 };

typedef struct side {
  acoap_socket_t *socket;
  int count;
  int calls;
  char last[16];
  acoap_path_t path;
  bool in_order; /* texts are one letter each, a, b, c ... */
  int writables;
  int closed;
  int echoes;   /* how many more to send back */
  bool closes;  /* itself, from inside the first callback */
  bool in_call; /* an event now breaks the contract */
  int broken;   /* events that broke it */
  acoap_buffer_t *kept;
} side_t;

static uv_loop_t loop;
static side_t a, b;

static int say(side_t *side, const char *text) {
  acoap_path_t path = {.peer = {.family = ACOAP_FAMILY_IPV4, .port = 5683, .ip = {127, 0, 0, 2}},
                       .interface = 7};
  acoap_outgoing_datagram_t datagram = {&path, {(const uint8_t *)text, strlen(text)}};
  side->in_call = true;
  int status = side->socket->ops->send(side->socket, &datagram, 1);
  side->in_call = false;
  return status;
}

static void count_closed(void *user_data) {
  ((side_t *)user_data)->closed++;
}

static void heard(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  side_t *side = user_data;
  side->broken += a.in_call || b.in_call;
  side->calls++;
  for (size_t i = 0; i < count; i++) {
    ck_assert_uint_lt(datagrams[i].bytes.len, sizeof(side->last));
    memcpy(side->last, datagrams[i].bytes.data, datagrams[i].bytes.len);
    side->last[datagrams[i].bytes.len] = '\0';
    side->in_order = side->in_order && side->last[0] == 'a' + side->count;
    side->path = datagrams[i].path;
    side->count++;
    if (side->kept == NULL) {
      side->kept = acoap__buf_ref(datagrams[i].buffer);
    }
    if (side->echoes > 0) {
      side->echoes--;
      ck_assert_int_eq(say(side, "echo"), 1);
    }
  }
  if (side->closes) {
    acoap_socket_close(side->socket, count_closed, side);
  }
}

static void writable(void *user_data) {
  side_t *side = user_data;
  side->broken += a.in_call || b.in_call;
  side->writables++;
}

static const acoap_socket_events_t events = {
    .size = sizeof(events), .received = heard, .writable = writable};

static void open_pair(void) {
  memset(&a, 0, sizeof(a));
  memset(&b, 0, sizeof(b));
  a.in_order = b.in_order = true;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ck_assert_int_eq(acoap_loopback_pair_new(&loop, &a.socket, &b.socket), 0);
  ck_assert_int_eq(a.socket->ops->start(a.socket, &events, &a), 0);
}

static void start_b(void) {
  ck_assert_int_eq(b.socket->ops->start(b.socket, &events, &b), 0);
}

static void close_pair(void) {
  side_t *sides[] = {&a, &b};
  for (size_t i = 0; i < 2; i++) {
    if (sides[i]->closed == 0) {
      acoap_socket_close(sides[i]->socket, count_closed, sides[i]);
    }
    acoap__buf_unref(sides[i]->kept);
  }
  ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  ck_assert_int_eq(a.closed, 1);
  ck_assert_int_eq(b.closed, 1);
  ck_assert_int_eq(a.broken + b.broken, 0);
  ck_assert_int_eq(uv_loop_close(&loop), 0);
}

START_TEST(what_one_sends_the_other_hears_in_the_next_turn) {
  open_pair();
  start_b();
  ck_assert(!uv_loop_alive(&loop));
  ck_assert_int_eq(say(&a, "a"), 1);
  ck_assert_int_eq(say(&a, "b"), 1);
  ck_assert_int_eq(say(&a, "c"), 1);
  ck_assert_int_eq(b.count, 0);
  ck_assert(uv_loop_alive(&loop));
  ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  ck_assert_int_eq(b.count, 3);
  ck_assert_int_eq(b.calls, 1);
  ck_assert(b.in_order);
  acoap_address_t a_address, b_address;
  ck_assert_int_eq(a.socket->ops->local_address(a.socket, &a_address), 0);
  ck_assert_int_eq(b.socket->ops->local_address(b.socket, &b_address), 0);
  ck_assert(acoap_address_equal(&b.path.peer, &a_address));
  ck_assert(acoap_address_equal(&b.path.local, &b_address));
  ck_assert_uint_eq(b.path.interface, 7);
  ck_assert(!acoap_address_equal(&a_address, &b_address));
  close_pair();
}
END_TEST

START_TEST(they_may_answer_each_other_from_their_callbacks) {
  open_pair();
  start_b();
  a.echoes = 10;
  b.echoes = 11;
  ck_assert_int_eq(say(&a, "go"), 1);
  ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  ck_assert_int_eq(b.count, 11);
  ck_assert_int_eq(a.count, 11);
  ck_assert_str_eq(a.last, "echo");
  close_pair();
}
END_TEST

START_TEST(the_inbox_has_a_bound_and_tells_when_there_is_room) {
  open_pair();
  for (int i = 0; i < INBOX_MAX; i++) {
    ck_assert_int_eq(say(&a, "x"), 1);
  }
  ck_assert_int_eq(say(&a, "x"), ACOAP_EAGAIN);
  /* Nobody hears yet, so nothing keeps the loop alive. */
  ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  ck_assert_int_eq(a.writables, 0);
  start_b();
  ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  ck_assert_int_eq(b.count, INBOX_MAX);
  ck_assert_int_eq(b.calls, INBOX_MAX / 32);
  ck_assert_int_eq(a.writables, 1);
  ck_assert_int_eq(say(&a, "x"), 1);
  close_pair();
}
END_TEST

START_TEST(a_closed_side_hears_nothing_and_frees_the_other) {
  open_pair();
  start_b();
  for (int i = 0; i < INBOX_MAX; i++) {
    ck_assert_int_eq(say(&a, "x"), 1);
  }
  ck_assert_int_eq(say(&a, "x"), ACOAP_EAGAIN);
  acoap_socket_close(b.socket, count_closed, &b);
  ck_assert_int_eq(say(&b, "x"), ACOAP_ECLOSED);
  ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  ck_assert_int_eq(b.closed, 1);
  ck_assert_int_eq(b.count, 0);
  ck_assert_int_eq(a.writables, 1);
  ck_assert_int_eq(say(&a, "into nothing"), 1);
  close_pair();
}
END_TEST

START_TEST(a_side_may_close_itself_inside_its_callback) {
  open_pair();
  start_b();
  b.closes = true;
  for (int i = 0; i < 100; i++) {
    ck_assert_int_eq(say(&a, "x"), 1);
  }
  ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  ck_assert_int_eq(b.calls, 1);
  ck_assert_int_eq(b.closed, 1);
  close_pair();
}
END_TEST

START_TEST(groups_come_by_multicast) {
  open_pair();
  start_b();
  acoap_path_t path = {.peer = {.family = ACOAP_FAMILY_IPV4, .port = 5683, .ip = {224, 0, 1, 187}}};
  acoap_outgoing_datagram_t datagram = {&path, {NULL, 0}};
  ck_assert_int_eq(b.socket->ops->join(b.socket, &path.peer, 0), 0);
  ck_assert_int_eq(a.socket->ops->send(a.socket, &datagram, 1), 1);
  ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  ck_assert_int_eq(b.count, 1);
  ck_assert(b.path.multicast);
  ck_assert_int_eq(b.socket->ops->leave(b.socket, &path.peer, 0), 0);
  close_pair();
}
END_TEST

START_TEST(no_memory_costs_what_it_was_needed_for) {
  fail_alloc_install();
  memset(&a, 0, sizeof(a));
  memset(&b, 0, sizeof(b));
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  for (size_t n = 1; n <= 2; n++) {
    fail_alloc_at(n);
    ck_assert_int_eq(acoap_loopback_pair_new(&loop, &a.socket, &b.socket), ACOAP_ENOMEM);
  }
  fail_alloc_at(0);
  ck_assert_int_eq(acoap_loopback_pair_new(NULL, &a.socket, &b.socket), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_loopback_pair_new(&loop, &a.socket, &b.socket), 0);
  ck_assert_int_eq(a.socket->ops->start(a.socket, &events, &a), 0);
  start_b();
  fail_alloc_at(1);
  ck_assert_int_eq(say(&a, "x"), ACOAP_ENOMEM);
  ck_assert_int_eq(say(&a, "x"), 1);
  close_pair();
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

static Suite *loopback_suite(void) {
  Suite *suite = suite_create("transport/loopback");
  TCase *pair = tcase_create("pair");
  tcase_add_test(pair, what_one_sends_the_other_hears_in_the_next_turn);
  tcase_add_test(pair, they_may_answer_each_other_from_their_callbacks);
  tcase_add_test(pair, the_inbox_has_a_bound_and_tells_when_there_is_room);
  tcase_add_test(pair, a_closed_side_hears_nothing_and_frees_the_other);
  tcase_add_test(pair, a_side_may_close_itself_inside_its_callback);
  tcase_add_test(pair, groups_come_by_multicast);
  tcase_add_test(pair, no_memory_costs_what_it_was_needed_for);
  suite_add_tcase(suite, pair);
  return suite;
}

ACOAP_TEST_MAIN(loopback_suite)
