/*
 * No memory: everything a UDP socket, the simulated network and the libuv host do, with every
 * single allocation failing in turn. The flow may fail; it may neither crash nor leak, close calls
 * back exactly once, and with memory back the same objects work.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/host.h>
#include <acoap/sim.h>

#include <check.h>
#include <string.h>

#include "check_main.h"
#include "ear.h"
#include "fail_alloc.h"

static uv_loop_t loop;

static void count_closed(void *user_data) {
  ++*(int *)user_data;
}

static void hear_nothing(void *user_data, const acoap_incoming_datagram_t *datagrams,
                         size_t count) {
  (void)datagrams;
  *(int *)user_data += (int)count;
}

static const acoap_socket_events_t events = {.size = sizeof(events), .received = hear_nothing};

static int send_to(acoap_socket_t *socket, const acoap_address_t *to) {
  acoap_path_t path = {.peer = *to};
  acoap_outgoing_datagram_t datagram = {&path, {(const uint8_t *)"x", 1}};
  int status = socket->ops->send(socket, &datagram, 1);
  if (socket->ops->flush != NULL) {
    socket->ops->flush(socket);
  }
  return status;
}

static bool open_udp(int kind, const char *at, acoap_socket_t **socket, int *heard) {
  acoap_udp_options_t options = {.size = sizeof(options), .local = ear_address(at)};
  int status = acoap_udp_socket_new(&loop, (acoap_udp_kind_t)kind, &options, socket);
  ck_assert(status == 0 || status == ACOAP_ENOMEM);
  if (status != 0) {
    return false;
  }
  status = (*socket)->ops->start(*socket, &events, heard);
  ck_assert(status == 0 || status == ACOAP_ENOMEM);
  return true;
}

/* Open, join, send to an address and to nobody's network, receive, refresh, close. */
static void udp_flow(int kind) {
  acoap_socket_t *any = NULL;
  int heard = 0;
  int closed = 0;
  acoap_address_t bound, group = ear_address("224.0.1.187");
  if (!open_udp(kind, "0.0.0.0", &any, &heard)) {
    return;
  }
  ck_assert_int_eq(any->ops->local_address(any, &bound), 0);
  any->ops->join(any, &group, 0);
  acoap_address_t self = ear_address("127.0.0.1");
  self.port = bound.port;
  send_to(any, &self);
  for (int i = 0; i < 3; i++) {
    ear_run(&loop, 1);
  }
  if (any->ops->refresh != NULL) {
    any->ops->refresh(any);
  }
  fail_alloc_at(0);
  int before = heard;
  int status = send_to(any, &self);
  ck_assert_int_eq(status, 1);
  ear_wait(&loop, &heard, before + 1);
  acoap_socket_close(any, count_closed, &closed);
  ear_wait(&loop, &closed, 1);
}

START_TEST(udp_sockets_survive_every_failed_allocation) {
  fail_alloc_install();
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  size_t n = 1;
  for (; fail_alloc_again(n); n++) {
    fail_alloc_at(n);
    udp_flow(_i);
    fail_alloc_at(0);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(fail_alloc_live(), 0);
  }
  ck_assert_uint_gt(n, 4);
  ear_loop_done(&loop);
  fail_alloc_restore();
}
END_TEST

static void answer(void *user_data, int status, const acoap_address_t *addresses, size_t count) {
  (void)addresses;
  ck_assert((status == 0) == (count > 0));
  ++*(int *)user_data;
}

static void host_flow(acoap_host_t *host, bool *opened) {
  acoap_waker_t *waker = NULL;
  int wakes = 0;
  int answers = 0;
  int closed = 0;
  int status = host->ops->waker_new(host, count_closed, &wakes, &waker);
  *opened = status == 0;
  if (status != 0) {
    ck_assert_int_eq(status, ACOAP_ENOMEM);
    return;
  }
  host->ops->watch_interfaces(waker, count_closed, &wakes);
  bool asked = host->ops->lookup(host, "127.0.0.1", 1, answer, &answers, NULL) == 0;
  host->ops->wake_at(waker, host->ops->now(host));
  fail_alloc_at(0);
  host->ops->set_ref(waker, true);
  while (wakes == 0 || (asked && answers == 0)) {
    ck_assert_int_eq(host->ops->run_once(host), 0);
  }
  host->ops->waker_close(waker, count_closed, &closed);
  while (closed == 0) {
    ck_assert_int_eq(host->ops->run_once(host), 0);
  }
}

START_TEST(the_libuv_host_survives_every_failed_allocation) {
  bool opened = false;
  fail_alloc_install();
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  for (size_t n = 1; fail_alloc_again(n); n++) {
    acoap_host_t *host = NULL;
    fail_alloc_at(n);
    int status = acoap_uv_host_new(&loop, &host);
    if (status == 0) {
      host_flow(host, &opened);
      fail_alloc_at(0);
      host->ops->unref(host);
    } else {
      ck_assert_int_eq(status, ACOAP_ENOMEM);
    }
    fail_alloc_at(0);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(fail_alloc_live(), 0);
  }
  ck_assert(opened);
  ear_loop_done(&loop);
  fail_alloc_restore();
}
END_TEST

static void sim_flow(acoap_sim_t *sim) {
  acoap_host_t *host = acoap_sim_host(sim);
  acoap_socket_t *a = NULL, *b = NULL;
  bool opened = false;
  int heard = 0;
  acoap_address_t at_a = ear_address("10.0.0.1:5683"), at_b = ear_address("10.0.0.2:5683");
  acoap_address_t group = ear_address("224.0.1.187:5683");
  acoap_sim_conditions_t conditions = {sizeof(conditions), 0, 1000000, 1, 9};
  acoap_sim_set_conditions(sim, &conditions);
  acoap_sim_set_name(sim, "a", &at_a, 1, 5);
  acoap_sim_set_interfaces(sim, NULL, 0);
  acoap_interface_t one = {.name = "sim0", .index = 1, .address = at_a, .multicast = true};
  acoap_sim_set_interfaces(sim, &one, 1);
  acoap_sim_partition(sim, &at_a, NULL, true);
  acoap_sim_partition(sim, &at_a, NULL, false);
  acoap_sim_set_unreachable(sim, &at_b, true);
  if (acoap_sim_socket_new(sim, &at_a, &a) == 0 && acoap_sim_socket_new(sim, &at_b, &b) == 0) {
    ck_assert_int_eq(a->ops->start(a, &events, &heard), 0);
    ck_assert_int_eq(b->ops->start(b, &events, &heard), 0);
    b->ops->join(b, &group, 0);
    send_to(a, &at_b);
    send_to(a, &group);
    acoap_socket_close(b, NULL, NULL);
    send_to(a, &at_b);
  }
  host_flow(host, &opened);
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
}

START_TEST(the_simulated_network_survives_every_failed_allocation) {
  fail_alloc_install();
  size_t n = 1;
  for (; fail_alloc_again(n); n++) {
    acoap_sim_t *sim = NULL;
    fail_alloc_at(n);
    int status = acoap_sim_new(1, 0, &sim);
    if (status == 0) {
      sim_flow(sim);
      acoap_sim_free(sim);
    } else {
      ck_assert_int_eq(status, ACOAP_ENOMEM);
    }
    fail_alloc_at(0);
    ck_assert_uint_eq(fail_alloc_live(), 0);
  }
  ck_assert_uint_gt(n, 12);
  fail_alloc_restore();
}
END_TEST

static Suite *memory_suite(void) {
  Suite *suite = suite_create("socket_memory");
  TCase *memory = tcase_create("memory");
  tcase_set_timeout(memory, 100);
  tcase_add_loop_test(memory, udp_sockets_survive_every_failed_allocation, ACOAP_UDP_BATCHED,
                      ACOAP_UDP_PORTABLE + 1);
  tcase_add_test(memory, the_libuv_host_survives_every_failed_allocation);
  tcase_add_test(memory, the_simulated_network_survives_every_failed_allocation);
  suite_add_tcase(suite, memory);
  return suite;
}

ACOAP_TEST_MAIN(memory_suite)
