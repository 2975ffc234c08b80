/*
 * The UDP sockets on loopback, each test over both kinds: datagrams, batches, buffers,
 * references, closing, opening.
 * SPDX-License-Identifier: MIT
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "ear.h"
#include "interop_main.h"

static uv_loop_t loop;

static void loopback_exchange(int kind, const char *at) {
  ear_t a, b;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, kind, at, NULL);
  ear_open(&b, &loop, kind, at, NULL);
  ck_assert_uint_ne(a.address.port, 0);
  ck_assert_uint_ne(a.address.port, b.address.port);
  b.echoes = true;
  ck_assert_int_eq(ear_say_to(&a, &b.address, "hello"), 1);
  ear_wait(&loop, &a.count, 1);
  ck_assert_int_eq(b.count, 1);
  ck_assert_str_eq(b.text[0], "hello");
  ck_assert_str_eq(a.text[0], "echo");
  ck_assert(acoap_address_equal(&b.path[0].peer, &a.address));
  ck_assert(acoap_address_equal(&b.path[0].local, &b.address));
  ck_assert(acoap_address_equal(&a.path[0].peer, &b.address));
  ck_assert(!b.path[0].multicast);
  ear_close(&a);
  ear_close(&b);
  ear_loop_done(&loop);
}

START_TEST(datagrams_go_both_ways_on_ipv4) {
  loopback_exchange(_i, "127.0.0.1");
}
END_TEST

START_TEST(datagrams_go_both_ways_on_ipv6) {
  loopback_exchange(_i, "[::1]:0");
}
END_TEST

/* The batched kind: one sendmmsg per 64 datagrams, few recvmmsg. */
START_TEST(a_burst_arrives_whole_and_in_order) {
  ear_t a, b;
  acoap_path_t path = {0};
  char text[16];
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  ear_open(&b, &loop, _i, "127.0.0.1", NULL);
  path.peer = b.address;
  for (int i = 0; i < 200; i++) {
    snprintf(text, sizeof(text), "%d", i);
    ck_assert_int_eq(ear_say(&a, &path, text), 1);
  }
  if (a.socket->ops->flush != NULL) {
    a.socket->ops->flush(a.socket);
  }
  ear_wait(&loop, &b.count, 200);
  for (int i = 0; i < 200; i++) {
    snprintf(text, sizeof(text), "%d", i);
    ck_assert_str_eq(b.text[i], text);
  }
  acoap_udp_stats_t sent = ear_stats(&a), got = ear_stats(&b);
  ck_assert_uint_eq(sent.sent, 200);
  ck_assert_uint_eq(got.received, 200);
  if (_i == ACOAP_UDP_BATCHED) {
    ck_assert_uint_le(sent.send_calls, 4);
    ck_assert_uint_le(got.receive_calls, 7);
    ck_assert_int_le(b.calls, 7);
  }
  ear_close(&a);
  ear_close(&b);
  ear_loop_done(&loop);
}
END_TEST

/* Nobody calls flush: the loop's own turn does, once. */
START_TEST(what_is_queued_leaves_before_the_loop_waits) {
  ear_t a, b;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  ear_open(&b, &loop, _i, "127.0.0.1", NULL);
  ck_assert_int_eq(ear_say_to(&a, &b.address, "1"), 1);
  ck_assert_int_eq(ear_say_to(&a, &b.address, "2"), 1);
  if (_i == ACOAP_UDP_BATCHED) {
    ck_assert_uint_eq(ear_stats(&a).sent, 0);
    ck_assert(uv_loop_alive(&loop));
  }
  ear_wait(&loop, &b.count, 2);
  ck_assert_uint_eq(ear_stats(&a).send_calls, _i == ACOAP_UDP_BATCHED ? 1 : 2);
  ear_close(&a);
  ear_close(&b);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(kept_buffers_outlive_the_socket_unchanged) {
  ear_t a, b;
  char text[16];
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  ear_open(&b, &loop, _i, "127.0.0.1", NULL);
  b.keeps = true;
  for (int i = 0; i < 150; i++) {
    snprintf(text, sizeof(text), "%d", i);
    ck_assert_int_eq(ear_say_to(&a, &b.address, text), 1);
  }
  ear_wait(&loop, &b.count, 150);
  acoap_socket_close(b.socket, NULL, NULL);
  ear_close(&a);
  ear_loop_done(&loop);
  for (int i = 0; i < 150; i++) {
    snprintf(text, sizeof(text), "%d", i);
    ck_assert_uint_eq(b.kept[i]->len, strlen(text));
    ck_assert_mem_eq(b.kept[i]->bytes, text, strlen(text));
    ck_assert_uint_eq(b.kept[i]->refs, 1);
    b.kept[i]->release(b.kept[i]);
  }
}
END_TEST

START_TEST(empty_and_longest_datagrams_pass_and_longer_ones_come_truncated_and_counted) {
  ear_t a, b;
  uint8_t bytes[101];
  acoap_udp_options_t options = {.datagram_max_bytes = 100};
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  ear_open(&b, &loop, _i, "127.0.0.1", &options);
  memset(bytes, 'x', sizeof(bytes));
  acoap_path_t path = {.peer = b.address};
  acoap_outgoing_datagram_t batch[3] = {
      {&path, {bytes, 101}}, {&path, {NULL, 0}}, {&path, {bytes, 100}}};
  ck_assert_int_eq(a.socket->ops->send(a.socket, batch, 3), 3);
  ear_wait(&loop, &b.count, 3);
  ck_assert_uint_eq(b.len[0], 100);
  ck_assert(b.truncated[0]);
  ck_assert_uint_eq(b.len[1], 0);
  ck_assert(!b.truncated[1]);
  ck_assert_uint_eq(b.len[2], 100);
  ck_assert(!b.truncated[2]);
  ck_assert_uint_eq(ear_stats(&b).dropped_too_long, 1);
  ear_close(&a);
  ear_close(&b);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(what_can_never_be_sent_is_refused_at_once) {
  ear_t a;
  static uint8_t bytes[65508];
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  acoap_address_t good = ear_address("127.0.0.1:9"), six = ear_address("[::1]:9");
  acoap_address_t portless = ear_address("127.0.0.1"), any = ear_address("0.0.0.0:9");
  acoap_address_t other = {.family = ACOAP_FAMILY_OTHER, .port = 9};
  ck_assert_int_eq(ear_say_to(&a, &six, "x"), ACOAP_EADDRESS);
  ck_assert_int_eq(ear_say_to(&a, &portless, "x"), ACOAP_EADDRESS);
  ck_assert_int_eq(ear_say_to(&a, &any, "x"), ACOAP_EADDRESS);
  ck_assert_int_eq(ear_say_to(&a, &other, "x"), ACOAP_EADDRESS);
  acoap_path_t path = {.peer = good}, wrong = {.peer = six};
  acoap_outgoing_datagram_t batch[2] = {{&path, {bytes, sizeof(bytes)}}, {&path, {bytes, 1}}};
  ck_assert_int_eq(a.socket->ops->send(a.socket, batch, 2), ACOAP_ETOOBIG);
  /* Behind one that can be sent: that one is taken, and the rest may be offered again. */
  batch[0] = (acoap_outgoing_datagram_t){&path, {bytes, 1}};
  batch[1] = (acoap_outgoing_datagram_t){&wrong, {bytes, 1}};
  ck_assert_int_eq(a.socket->ops->send(a.socket, batch, 2), 1);
  ear_wait(&loop, &a.writables, 1);
  ck_assert(a.socket->ops->reaches(a.socket, &good));
  ck_assert(!a.socket->ops->reaches(a.socket, &six));
  ear_close(&a);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(a_socket_keeps_the_loop_alive_only_when_asked) {
  ear_t a;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  ck_assert(!uv_loop_alive(&loop));
  a.socket->ops->set_ref(a.socket, true);
  ck_assert(uv_loop_alive(&loop));
  a.socket->ops->set_ref(a.socket, false);
  ck_assert(!uv_loop_alive(&loop));
  ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
  ear_close(&a);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(what_was_sent_before_a_close_still_leaves) {
  ear_t a, b;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  ear_open(&b, &loop, _i, "127.0.0.1", NULL);
  ck_assert_int_eq(ear_say_to(&a, &b.address, "farewell"), 1);
  ear_close(&a);
  ear_wait(&loop, &b.count, 1);
  ck_assert_str_eq(b.text[0], "farewell");
  ear_close(&b);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(a_socket_closed_inside_its_callback_hears_no_more) {
  ear_t a, b;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  ear_open(&b, &loop, _i, "127.0.0.1", NULL);
  b.closes = true;
  for (int i = 0; i < 100; i++) {
    ck_assert_int_eq(ear_say_to(&a, &b.address, "x"), 1);
  }
  ear_wait(&loop, &b.closed, 1);
  ck_assert_int_eq(b.calls, 1);
  ear_close(&b);
  ear_close(&a);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(sends_after_start_and_close_keep_to_the_contract) {
  ear_t a;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  acoap_socket_events_t empty = {.size = sizeof(empty)};
  ck_assert_int_eq(a.socket->ops->start(a.socket, &empty, NULL), ACOAP_EINVAL);
  acoap_address_t to = a.address;
  acoap_socket_close(a.socket, NULL, NULL);
  ck_assert_int_eq(ear_say_to(&a, &to, "x"), ACOAP_ECLOSED);
  acoap_address_t group = ear_address("224.0.1.187");
  ck_assert_int_eq(a.socket->ops->join(a.socket, &group, 0), ACOAP_ECLOSED);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(a_port_in_use_is_refused_and_shared_when_asked) {
  ear_t a, b;
  acoap_socket_t *none = NULL;
  acoap_udp_options_t options = {.size = sizeof(options), .local = ear_address("127.0.0.1")};
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  options.local.port = a.address.port;
  ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)_i, &options, &none),
                   UV_EADDRINUSE);
  ck_assert_ptr_null(none);
  ear_close(&a);
  options.reuse_port = true;
  ear_open(&a, &loop, _i, "127.0.0.1", &options);
  options.local.port = a.address.port;
  ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)_i, &options, &none), 0);
  ear_start(&b, &loop, none);
  ck_assert_uint_eq(a.address.port, b.address.port);
  ear_close(&a);
  ear_close(&b);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(both_families_take_the_same_port_and_stay_apart) {
  ear_t four, six, peer;
  char local[32];
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&four, &loop, _i, "0.0.0.0", NULL);
  snprintf(local, sizeof(local), "[::]:%u", four.address.port);
  ear_open(&six, &loop, _i, local, NULL);
  ear_open(&peer, &loop, _i, "127.0.0.1", NULL);
  snprintf(local, sizeof(local), "127.0.0.1:%u", four.address.port);
  acoap_address_t to = ear_address(local);
  ck_assert_int_eq(ear_say_to(&peer, &to, "four"), 1);
  ear_wait(&loop, &four.count, 1);
  ck_assert_uint_eq(four.path[0].peer.family, ACOAP_FAMILY_IPV4);
  ck_assert_uint_eq(four.path[0].local.family, ACOAP_FAMILY_IPV4);
  ck_assert_int_eq(six.count, 0);
  acoap_address_t mapped = ear_address("[::ffff:127.0.0.1]:9");
  ck_assert_int_ne(ear_say_to(&six, &mapped, "x"), 0);
  ear_close(&four);
  ear_close(&six);
  ear_close(&peer);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(nonsense_options_open_nothing) {
  acoap_socket_t *socket = NULL;
  acoap_udp_options_t good = {.size = sizeof(good), .local = ear_address("127.0.0.1")};
  acoap_udp_options_t bad[5] = {good, good, good, good, good};
  bad[0].size = 3;
  bad[1].local.family = ACOAP_FAMILY_NONE;
  bad[2].local.family = ACOAP_FAMILY_OTHER;
  bad[3].adopt_fd = -1;
  bad[4].datagram_max_bytes = 70000;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  for (size_t i = 0; i < 5; i++) {
    ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)_i, &bad[i], &socket),
                     ACOAP_EINVAL);
  }
  ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)_i, NULL, &socket), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_udp_socket_new(NULL, (acoap_udp_kind_t)_i, &good, &socket), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)_i, &good, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)99, &good, &socket), ACOAP_EINVAL);
  good.local = ear_address("203.0.113.7");
  ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)_i, &good, &socket),
                   UV_EADDRNOTAVAIL);
  ck_assert_ptr_null(socket);
  ear_loop_done(&loop);
}
END_TEST

int main(int argc, char **argv) {
  const interop_test_t tests[] = {
      {"datagrams", datagrams_go_both_ways_on_ipv4, NULL},
      {"datagrams", datagrams_go_both_ways_on_ipv6, NULL},
      {"datagrams", a_burst_arrives_whole_and_in_order, NULL},
      {"datagrams", what_is_queued_leaves_before_the_loop_waits, NULL},
      {"datagrams", kept_buffers_outlive_the_socket_unchanged, NULL},
      {"datagrams", empty_and_longest_datagrams_pass_and_longer_ones_come_truncated_and_counted,
       NULL},
      {"datagrams", what_can_never_be_sent_is_refused_at_once, NULL},
      {"life", a_socket_keeps_the_loop_alive_only_when_asked, NULL},
      {"life", what_was_sent_before_a_close_still_leaves, NULL},
      {"life", a_socket_closed_inside_its_callback_hears_no_more, NULL},
      {"life", sends_after_start_and_close_keep_to_the_contract, NULL},
      {"opening", a_port_in_use_is_refused_and_shared_when_asked, NULL},
      {"opening", both_families_take_the_same_port_and_stay_apart, NULL},
      {"opening", nonsense_options_open_nothing, NULL},
      {NULL, NULL, NULL},
  };
  return interop_main(argc, argv, "socket_udp", tests);
}
