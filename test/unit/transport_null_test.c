/*
 * The null socket: takes everything, gives nothing, closes at once.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/socket.h>

#include "check_main.h"
#include "fail_alloc.h"

static void fail_received(void *user_data, const acoap_incoming_datagram_t *datagrams,
                          size_t count) {
  (void)user_data;
  (void)datagrams;
  ck_abort_msg("the null socket received %zu datagrams", count);
}

static void count_closed(void *user_data) {
  ++*(int *)user_data;
}

START_TEST(null_socket_swallows_what_it_is_sent) {
  acoap_socket_events_t events = {.size = sizeof(events), .received = fail_received};
  acoap_socket_t *socket = NULL;
  acoap_address_t address, group = {.family = ACOAP_FAMILY_IPV4, .ip = {224, 0, 1, 187}};
  int closed = 0;
  ck_assert_int_eq(acoap_null_socket_new(NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_null_socket_new(&socket), 0);
  ck_assert_int_eq(socket->ops->start(socket, &events, NULL), 0);
  acoap_path_t path = {.peer = group};
  acoap_outgoing_datagram_t batch[3] = {
      {&path, {NULL, 0}}, {&path, {(const uint8_t *)"x", 1}}, {&path, {(const uint8_t *)"x", 1}}};
  ck_assert_int_eq(socket->ops->send(socket, batch, 3), 3);
  ck_assert_int_eq(socket->ops->join(socket, &group, 0), 0);
  ck_assert_int_eq(socket->ops->leave(socket, &group, 0), 0);
  ck_assert_int_eq(socket->ops->join(socket, NULL, 0), ACOAP_EINVAL);
  ck_assert_int_eq(socket->ops->local_address(socket, &address), 0);
  ck_assert_uint_eq(address.family, ACOAP_FAMILY_NONE);
  acoap_udp_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_udp_socket_get_stats(socket, &stats), ACOAP_EINVAL);
  acoap_socket_close(socket, count_closed, &closed);
  ck_assert_int_eq(closed, 1);
  acoap_socket_close(NULL, count_closed, &closed);
  ck_assert_int_eq(closed, 1);
}
END_TEST

START_TEST(no_memory_is_said) {
  acoap_socket_t *socket = NULL;
  fail_alloc_install();
  fail_alloc_at(1);
  ck_assert_int_eq(acoap_null_socket_new(&socket), ACOAP_ENOMEM);
  ck_assert_ptr_null(socket);
  fail_alloc_restore();
}
END_TEST

static Suite *null_suite(void) {
  Suite *suite = suite_create("transport/null");
  TCase *null = tcase_create("null");
  tcase_add_test(null, null_socket_swallows_what_it_is_sent);
  tcase_add_test(null, no_memory_is_said);
  suite_add_tcase(suite, null);
  return suite;
}

ACOAP_TEST_MAIN(null_suite)
