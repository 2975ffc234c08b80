/*
 * What goes wrong with datagrams, in a network of its own: ICMP errors and their quotes,
 * datagrams the system refuses, a system that has no room; and descriptors that are adopted.
 * SPDX-License-Identifier: MIT
 */
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ear.h"
#include "interop_main.h"

enum { SILENCE_MS = 50 };

static uv_loop_t loop;

/* A port of this address where nobody is. */
static acoap_address_t dead_port(int kind, const char *at) {
  ear_t gone;
  ear_open(&gone, &loop, kind, at, NULL);
  acoap_address_t address = gone.address;
  ear_close(&gone);
  return address;
}

static void unreachable_port(int kind, const char *at) {
  ear_t a;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  acoap_address_t dead = dead_port(kind, at);
  ear_open(&a, &loop, kind, at, NULL);
  ck_assert_int_eq(ear_say_to(&a, &dead, "quoted"), 1);
  if (kind == ACOAP_UDP_PORTABLE) {
    /* Not promised here; the socket goes on as if nothing had happened. */
    ear_run(&loop, SILENCE_MS);
    ck_assert_int_eq(a.notices, 0);
  } else {
    ear_wait(&loop, &a.notices, 1);
    ck_assert_int_eq(a.notice[0].event, ACOAP_PEER_ICMP);
    ck_assert_int_eq(a.notice[0].status, ACOAP_EUNREACHABLE);
    ck_assert(acoap_address_equal(&a.notice[0].path.peer, &dead));
    ck_assert_str_eq(a.quote[0], "quoted");
    ck_assert_uint_eq(ear_stats(&a).icmp, 1);
  }
  ck_assert_int_eq(ear_say_to(&a, &a.address, "self"), 1);
  ear_wait(&loop, &a.count, 1);
  ear_close(&a);
  ear_loop_done(&loop);
}

START_TEST(ipv4_port_unreachable_quotes_our_datagram) {
  unreachable_port(_i, "127.0.0.1");
}
END_TEST

START_TEST(ipv6_port_unreachable_quotes_our_datagram) {
  unreachable_port(_i, "[::1]:0");
}
END_TEST

/* The error of one datagram makes the kernel fail the next call, whatever that sends or receives.
 */
START_TEST(errors_of_some_peers_cost_the_others_nothing) {
  ear_t a, b;
  char text[16];
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  acoap_address_t dead = dead_port(_i, "127.0.0.1");
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  ear_open(&b, &loop, _i, "127.0.0.1", NULL);
  b.echoes = true;
  for (int i = 0; i < 60; i++) {
    snprintf(text, sizeof(text), "%d", i);
    ck_assert_int_eq(ear_say_to(&a, i % 2 == 0 ? &dead : &b.address, text), 1);
    if (i % 7 == 0 && a.socket->ops->flush != NULL) {
      a.socket->ops->flush(a.socket);
    }
  }
  ear_wait(&loop, &a.count, 30);
  ck_assert_int_eq(b.count, 30);
  for (int i = 0; i < 30; i++) {
    snprintf(text, sizeof(text), "%d", 2 * i + 1);
    ck_assert_str_eq(b.text[i], text);
  }
  if (_i == ACOAP_UDP_BATCHED) {
    ear_wait(&loop, &a.notices, 30);
    for (int i = 0; i < 30; i++) {
      snprintf(text, sizeof(text), "%d", 2 * i);
      ck_assert_str_eq(a.quote[i], text);
      ck_assert_int_eq(a.notice[i].status, ACOAP_EUNREACHABLE);
    }
  }
  ck_assert_uint_eq(ear_stats(&a).refused, 0);
  ear_close(&a);
  ear_close(&b);
  ear_loop_done(&loop);
}
END_TEST

/* Neighbour discovery fails, and the kernel says host unreachable for each that waited. */
START_TEST(silent_neighbour_is_host_unreachable) {
  ear_t a;
  acoap_address_t absent = ear_address("10.78.0.77:5683");
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_shell("echo 100 > /proc/sys/net/ipv4/neigh/v0/retrans_time_ms");
  ear_open(&a, &loop, _i, "0.0.0.0", NULL);
  ck_assert_int_eq(ear_say_to(&a, &absent, "anybody"), 1);
  if (_i == ACOAP_UDP_BATCHED) {
    ear_wait(&loop, &a.notices, 1);
    ck_assert_int_eq(a.notice[0].status, ACOAP_EUNREACHABLE);
    ck_assert_str_eq(a.quote[0], "anybody");
  } else {
    ear_run(&loop, SILENCE_MS);
    ck_assert_int_eq(a.notices, 0);
  }
  ear_close(&a);
  ear_loop_done(&loop);
}
END_TEST

/* An ICMP message about a datagram of ours, as a router or a liar would send it. */
static void inject_icmp(const acoap_address_t *from, const acoap_address_t *to, uint8_t type,
                        uint8_t code, const char *text) {
  struct {
    struct icmphdr icmp;
    struct iphdr ip;
    struct udphdr udp;
    char text[8];
  } message;
  struct sockaddr_in target = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  ck_assert_uint_eq(strlen(text), sizeof(message.text));
  memset(&message, 0, sizeof(message));
  message.icmp.type = type;
  message.icmp.code = code;
  message.icmp.un.frag.mtu = htons(code == ICMP_FRAG_NEEDED ? 600 : 0);
  message.ip.version = 4;
  message.ip.ihl = 5;
  message.ip.ttl = 1;
  message.ip.protocol = IPPROTO_UDP;
  message.ip.tot_len = htons(sizeof(message) - sizeof(message.icmp));
  memcpy(&message.ip.saddr, from->ip, 4);
  memcpy(&message.ip.daddr, to->ip, 4);
  message.udp.source = htons(from->port);
  message.udp.dest = htons(to->port);
  message.udp.len = htons(sizeof(message.udp) + sizeof(message.text));
  memcpy(message.text, text, sizeof(message.text));
  uint32_t sum = 0;
  for (size_t i = 0; i < sizeof(message); i += 2) {
    uint16_t word;
    memcpy(&word, (const char *)&message + i, sizeof(word));
    sum += word;
  }
  sum = (sum & 0xffff) + (sum >> 16);
  message.icmp.checksum = (uint16_t) ~(sum + (sum >> 16));
  int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(
      sendto(fd, &message, sizeof(message), 0, (const struct sockaddr *)&target, sizeof(target)),
      (int)sizeof(message));
  close(fd);
}

/* RFC 7252 section 4.2 speaks of what cannot be reached; hints on the way end no exchange. */
START_TEST(only_unreachable_ends_an_exchange_not_time_exceeded_nor_too_big) {
  static const struct {
    uint8_t type;
    uint8_t code;
    const char *quote; /* NULL: passed over */
  } table[] = {
      {ICMP_DEST_UNREACH, ICMP_NET_UNREACH, "network."},
      {ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, NULL},
      {ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, "the host"},
      {ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, NULL},
      {ICMP_PARAMETERPROB, 0, NULL},
      {ICMP_DEST_UNREACH, ICMP_SR_FAILED, NULL},
      {ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, "the port"},
      {ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, "filtered"},
  };
  ear_t a;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "127.0.0.1", NULL);
  acoap_address_t peer = ear_address("127.0.0.2:5683");
  int expected = 0;
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    const char *quote = table[i].quote;
    inject_icmp(&a.address, &peer, table[i].type, table[i].code,
                quote != NULL ? quote : "no quote");
  }
  ck_assert_int_eq(ear_say_to(&a, &a.address, "self"), 1);
  ear_wait(&loop, &a.count, 1);
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && _i == ACOAP_UDP_BATCHED; i++) {
    if (table[i].quote != NULL) {
      ck_assert_int_lt(expected, a.notices);
      ck_assert_str_eq(a.quote[expected], table[i].quote);
      ck_assert_int_eq(a.notice[expected].status, ACOAP_EUNREACHABLE);
      ck_assert(acoap_address_equal(&a.notice[expected].path.peer, &peer));
      expected++;
    }
  }
  ck_assert_int_eq(a.notices, expected);
  ear_close(&a);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(a_network_without_a_route_costs_that_datagram_alone) {
  ear_t a, b;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "0.0.0.0", NULL);
  ear_open(&b, &loop, _i, "10.78.0.1", NULL);
  acoap_address_t nowhere = ear_address("203.0.113.1:5683");
  ck_assert_int_eq(ear_say_to(&a, &b.address, "one"), 1);
  int status = ear_say_to(&a, &nowhere, "lost");
  ck_assert_int_eq(ear_say_to(&a, &b.address, "two"), 1);
  ear_wait(&loop, &b.count, 2);
  if (_i == ACOAP_UDP_BATCHED) {
    ck_assert_int_eq(status, 1);
    ear_wait(&loop, &a.notices, 1);
    ck_assert_str_eq(a.quote[0], "lost");
    ck_assert(acoap_address_equal(&a.notice[0].path.peer, &nowhere));
    status = a.notice[0].status;
    ck_assert_uint_eq(ear_stats(&a).refused, 1);
  }
  ck_assert_int_eq(status, UV_ENETUNREACH);
  ear_close(&a);
  ear_close(&b);
  ear_loop_done(&loop);
}
END_TEST

/*
 * Datagrams that wait for a silent neighbour fill the small send buffer, then the queue; when the
 * neighbour is given up the system has room again and says so.
 */
START_TEST(a_full_system_and_a_full_queue_are_waited_out) {
  ear_t a, b;
  acoap_udp_options_t options = {.send_buffer_bytes = 1, .send_queue_max = 4};
  acoap_address_t absent = ear_address("10.78.0.78:5683");
  int taken = 0;
  int status = 1;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_shell("echo 100 > /proc/sys/net/ipv4/neigh/v0/retrans_time_ms");
  ear_open(&a, &loop, _i, "0.0.0.0", &options);
  ear_open(&b, &loop, _i, "10.78.0.1", NULL);
  while (status == 1 && taken < 100) {
    status = ear_say_to(&a, &absent, "waits");
    taken += status == 1;
  }
  ck_assert_int_eq(status, ACOAP_EAGAIN);
  ck_assert_int_gt(taken, 4);
  ck_assert_int_eq(ear_say_to(&a, &b.address, "refused"), ACOAP_EAGAIN);
  ck_assert_int_eq(a.writables, 0);
  ear_wait(&loop, &a.writables, 1);
  ck_assert_int_eq(ear_say_to(&a, &b.address, "accepted"), 1);
  ear_wait(&loop, &b.count, 1);
  ck_assert_str_eq(b.text[0], "accepted");
  ear_close(&a);
  ear_close(&b);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(closing_with_a_full_queue_drops_it_and_calls_back) {
  ear_t a;
  acoap_udp_options_t options = {.send_buffer_bytes = 1, .send_queue_max = 4};
  acoap_address_t absent = ear_address("10.78.0.79:5683");
  int status = 1;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ear_open(&a, &loop, _i, "0.0.0.0", &options);
  while (status == 1) {
    status = ear_say_to(&a, &absent, "never");
  }
  ck_assert_int_eq(status, ACOAP_EAGAIN);
  ear_close(&a);
  ck_assert_int_eq(a.notices + a.writables, 0);
  ear_loop_done(&loop);
}
END_TEST

/* Adopted descriptors. */

static int bound_descriptor(int domain, int type, uint16_t *port) {
  struct sockaddr_storage local = {.ss_family = (sa_family_t)domain};
  socklen_t len = domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  int fd = socket(domain, type, 0);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, len), 0);
  ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&local, &len), 0);
  struct sockaddr_in port_of; /* the port stands at the same place in both families */
  memcpy(&port_of, &local, sizeof(port_of));
  *port = ntohs(port_of.sin_port);
  return fd;
}

START_TEST(an_open_descriptor_is_adopted) {
  ear_t a, b;
  acoap_socket_t *socket = NULL;
  acoap_udp_options_t options = {.size = sizeof(options)};
  uint16_t port = 0;
  int fd = bound_descriptor(AF_INET, SOCK_DGRAM, &port);
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  options.adopt_fd = 1 + fd;
  ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)_i, &options, &socket), 0);
  ear_start(&a, &loop, socket);
  ck_assert_uint_eq(a.address.port, port);
  ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  a.echoes = true;
  ear_open(&b, &loop, _i, "127.0.0.1", NULL);
  acoap_address_t to = ear_address("127.0.0.1");
  to.port = port;
  ck_assert_int_eq(ear_say_to(&b, &to, "hello"), 1);
  ear_wait(&loop, &b.count, 1);
  ck_assert(acoap_address_equal(&b.path[0].peer, &to));
  ear_close(&a);
  ear_close(&b);
  ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
  ear_loop_done(&loop);
}
END_TEST

/* systemd's ListenDatagram=5683 carries both families. */
START_TEST(an_adopted_socket_of_both_families_shows_each_as_itself) {
  ear_t a, four, six;
  acoap_socket_t *socket = NULL;
  acoap_udp_options_t options = {.size = sizeof(options)};
  uint16_t port = 0;
  int fd = bound_descriptor(AF_INET6, SOCK_DGRAM, &port);
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  options.adopt_fd = 1 + fd;
  ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)_i, &options, &socket), 0);
  ear_start(&a, &loop, socket);
  a.echoes = true;
  ear_open(&four, &loop, _i, "127.0.0.1", NULL);
  ear_open(&six, &loop, _i, "[::1]:0", NULL);
  acoap_address_t to_four = ear_address("127.0.0.1"), to_six = ear_address("::1");
  to_four.port = to_six.port = port;
  ck_assert_int_eq(ear_say_to(&four, &to_four, "four"), 1);
  ear_wait(&loop, &four.count, 1);
  ck_assert_int_eq(ear_say_to(&six, &to_six, "six"), 1);
  ear_wait(&loop, &six.count, 1);
  ck_assert(acoap_address_equal(&a.path[0].peer, &four.address));
  ck_assert(acoap_address_equal(&a.path[1].peer, &six.address));
  ck_assert(acoap_address_equal(&four.path[0].peer, &to_four));
  ck_assert(acoap_address_equal(&six.path[0].peer, &to_six));
  if (_i == ACOAP_UDP_BATCHED) {
    ck_assert(acoap_address_equal(&a.path[0].local, &to_four));
    ck_assert(acoap_address_equal(&a.path[1].local, &to_six));
    to_four = dead_port(_i, "127.0.0.1");
    ck_assert_int_eq(ear_say_to(&a, &to_four, "quoted"), 1);
    ear_wait(&loop, &a.notices, 1);
    ck_assert(acoap_address_equal(&a.notice[0].path.peer, &to_four));
  }
  ear_close(&a);
  ear_close(&four);
  ear_close(&six);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(what_is_no_udp_socket_is_not_adopted_and_stays_open) {
  acoap_socket_t *socket = NULL;
  acoap_udp_options_t options = {.size = sizeof(options)};
  uint16_t port = 0;
  int stream = bound_descriptor(AF_INET, SOCK_STREAM, &port);
  int pipes[2];
  int pair[2];
  ck_assert_int_eq(pipe(pipes), 0);
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  const int bad[] = {stream, pipes[0], pair[0]};
  const int expected[] = {ACOAP_EINVAL, UV_ENOTSOCK, ACOAP_EINVAL};
  for (size_t i = 0; i < 3; i++) {
    options.adopt_fd = 1 + bad[i];
    ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)_i, &options, &socket),
                     expected[i]);
    ck_assert_int_ge(fcntl(bad[i], F_GETFD), 0);
  }
  options.adopt_fd = 10000;
  ck_assert_int_eq(acoap_udp_socket_new(&loop, (acoap_udp_kind_t)_i, &options, &socket), UV_EBADF);
  ck_assert_ptr_null(socket);
  close(stream);
  close(pipes[0]);
  close(pipes[1]);
  close(pair[0]);
  close(pair[1]);
  ear_loop_done(&loop);
}
END_TEST

int main(int argc, char **argv) {
  const char *why_not = ear_enter_network();
  const interop_test_t tests[] = {
      {"icmp", ipv4_port_unreachable_quotes_our_datagram, NULL},
      {"icmp", ipv6_port_unreachable_quotes_our_datagram, NULL},
      {"icmp", errors_of_some_peers_cost_the_others_nothing, NULL},
      {"icmp", silent_neighbour_is_host_unreachable, why_not},
      {"icmp", only_unreachable_ends_an_exchange_not_time_exceeded_nor_too_big, why_not},
      {"refused", a_network_without_a_route_costs_that_datagram_alone, why_not},
      {"refused", a_full_system_and_a_full_queue_are_waited_out, why_not},
      {"refused", closing_with_a_full_queue_drops_it_and_calls_back, why_not},
      {"adopted", an_open_descriptor_is_adopted, NULL},
      {"adopted", an_adopted_socket_of_both_families_shows_each_as_itself, NULL},
      {"adopted", what_is_no_udp_socket_is_not_adopted_and_stays_open, NULL},
      {NULL, NULL, NULL},
  };
  return interop_main(argc, argv, "socket_errors", tests);
}
