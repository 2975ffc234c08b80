/*
 * Where datagrams come from and where they go, each test over both kinds of UDP socket in a
 * network of its own: source addresses, groups, interfaces, hop limits, addresses that come and
 * go.
 * SPDX-License-Identifier: MIT
 */
#include <check.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ear.h"
#include "interop_main.h"

enum { SILENCE_MS = 50 };

static uv_loop_t loop;

static void open_loop(void) {
  ck_assert_int_eq(uv_loop_init(&loop), 0);
}

static acoap_address_t at_port(const char *ip, uint16_t port) {
  acoap_address_t address = ear_address(ip);
  address.port = port;
  return address;
}

static bool same_ip(const acoap_address_t *address, const char *ip) {
  acoap_address_t other = ear_address(ip);
  return address->family == other.family && memcmp(address->ip, other.ip, sizeof(other.ip)) == 0;
}

static void reply_from_asked_address(int kind, const char *any, const char *const asked[],
                                     const char *client) {
  ear_t server, peer;
  open_loop();
  ear_open(&server, &loop, kind, any, NULL);
  ear_open(&peer, &loop, kind, client, NULL);
  server.echoes = true;
  for (int i = 0; asked[i] != NULL; i++) {
    acoap_address_t to = at_port(asked[i], server.address.port);
    ck_assert_int_eq(ear_say_to(&peer, &to, "ping"), 1);
    ear_wait(&loop, &peer.count, i + 1);
    ck_assert(acoap_address_equal(&peer.path[i].peer, &to));
    ck_assert(acoap_address_equal(&server.path[i].local, &to));
    ck_assert_uint_ne(server.path[i].interface, 0);
    ck_assert(!server.path[i].multicast);
  }
  ear_close(&server);
  ear_close(&peer);
  ear_loop_done(&loop);
}

START_TEST(a_reply_leaves_from_the_ipv4_address_that_was_asked) {
  const char *const asked[] = {"127.0.0.2", "127.0.0.1", "10.78.0.2", "10.78.0.1", NULL};
  reply_from_asked_address(_i, "0.0.0.0", asked, "127.0.0.1");
}
END_TEST

START_TEST(a_reply_leaves_from_the_ipv6_address_that_was_asked) {
  const char *const asked[] = {"fd78::1", "::1", NULL};
  reply_from_asked_address(_i, "[::]:0", asked, "[::1]:0");
}
END_TEST

START_TEST(without_a_wish_the_routing_table_chooses_the_source) {
  ear_t any, peer;
  open_loop();
  ear_open(&any, &loop, _i, "0.0.0.0", NULL);
  ear_open(&peer, &loop, _i, "0.0.0.0", NULL);
  const char *const to[] = {"127.0.0.1", "10.78.0.1", "127.0.0.1"};
  for (int i = 0; i < 3; i++) {
    acoap_address_t address = at_port(to[i], peer.address.port);
    ck_assert_int_eq(ear_say_to(&any, &address, "x"), 1);
    ear_wait(&loop, &peer.count, i + 1);
    ck_assert(same_ip(&peer.path[i].peer, to[i]));
  }
  ear_close(&any);
  ear_close(&peer);
  ear_loop_done(&loop);
}
END_TEST

/* A wished source that is not ours costs that datagram alone, at once or as a notice. */
START_TEST(a_source_that_is_not_ours_is_an_error_of_that_datagram) {
  ear_t any, peer;
  open_loop();
  ear_open(&any, &loop, _i, "0.0.0.0", NULL);
  ear_open(&peer, &loop, _i, "10.78.0.1", NULL);
  acoap_path_t good = {.peer = peer.address}, foreign = good;
  foreign.local = ear_address("203.0.113.9");
  ck_assert_int_eq(ear_say(&any, &good, "one"), 1);
  int status = ear_say(&any, &foreign, "bad");
  ck_assert_int_eq(ear_say(&any, &good, "two"), 1);
  ear_wait(&loop, &peer.count, 2);
  ck_assert_str_eq(peer.text[0], "one");
  ck_assert_str_eq(peer.text[1], "two");
  if (status == 1) {
    ear_wait(&loop, &any.notices, 1);
    ck_assert_int_eq(any.notice[0].event, ACOAP_PEER_ICMP);
    ck_assert_str_eq(any.quote[0], "bad");
    status = any.notice[0].status;
  }
  ck_assert_int_lt(status, 0);
  ck_assert_int_eq(peer.count, 2);
  ear_close(&any);
  ear_close(&peer);
  ear_loop_done(&loop);
}
END_TEST

/* Groups. */

static void hear_group(int kind, const char *any, const char *group_ip, const char *other_ip,
                       const char *source_ip) {
  ear_t member, sender;
  uint32_t v0 = if_nametoindex("v0");
  open_loop();
  ear_open(&member, &loop, kind, any, NULL);
  ear_open(&sender, &loop, kind, any, NULL);
  member.echoes = true;
  acoap_address_t group = ear_address(group_ip);
  ck_assert_int_eq(member.socket->ops->join(member.socket, &group, v0), 0);
  ck_assert_int_eq(member.socket->ops->join(member.socket, &group, v0), 0);
  acoap_path_t path = {.peer = at_port(group_ip, member.address.port), .interface = v0};
  acoap_path_t other = {.peer = at_port(other_ip, member.address.port), .interface = v0};
  ck_assert_int_eq(ear_say(&sender, &other, "not joined"), 1);
  ck_assert_int_eq(ear_say(&sender, &path, "group"), 1);
  ear_wait(&loop, &sender.count, 1);
  ck_assert_int_eq(member.count, 1);
  ck_assert_str_eq(member.text[0], "group");
  ck_assert(member.path[0].multicast);
  ck_assert(same_ip(&member.path[0].local, group_ip));
  ck_assert_uint_eq(member.path[0].local.port, member.address.port);
  ck_assert_uint_eq(member.path[0].interface, v0);
  /* RFC 7252 section 8.2: the answer comes from a unicast address of the member. */
  ck_assert(same_ip(&sender.path[0].peer, source_ip));
  ck_assert(!sender.path[0].multicast);
  member.echoes = false;
  acoap_address_t unicast = at_port(source_ip, member.address.port);
  unicast.scope_id = sender.path[0].peer.scope_id;
  ck_assert_int_eq(ear_say_to(&sender, &unicast, "unicast"), 1);
  ear_wait(&loop, &member.count, 2);
  ck_assert(!member.path[1].multicast);
  ck_assert_int_eq(member.socket->ops->leave(member.socket, &group, v0), 0);
  ck_assert_int_eq(member.socket->ops->leave(member.socket, &group, v0), 0);
  ck_assert_int_eq(ear_say(&sender, &path, "left"), 1);
  ear_run(&loop, SILENCE_MS);
  ck_assert_int_eq(member.count, 2);
  ck_assert_int_eq(member.socket->ops->join(member.socket, &group, v0), 0);
  ck_assert_int_eq(ear_say(&sender, &path, "again"), 1);
  ear_wait(&loop, &member.count, 3);
  ear_close(&member);
  ear_close(&sender);
  ear_loop_done(&loop);
}

START_TEST(an_ipv4_group_is_heard_where_joined_and_told_apart) {
  hear_group(_i, "0.0.0.0", "224.0.1.187", "224.0.1.188", "10.78.0.1");
}
END_TEST

START_TEST(a_site_local_ipv6_group_is_heard_where_joined_and_told_apart) {
  hear_group(_i, "[::]:0", "ff05::fd", "ff05::fe", "fd78::1");
}
END_TEST

START_TEST(a_link_local_ipv6_group_is_heard_where_joined_and_told_apart) {
  hear_group(_i, "[::]:0", "ff02::fd", "ff02::fe", "fe80::78:1");
}
END_TEST

START_TEST(link_local_peers_are_known_by_their_zone) {
  ear_t a, b;
  uint32_t v0 = if_nametoindex("v0");
  open_loop();
  ear_open(&a, &loop, _i, "[::]:0", NULL);
  ear_open(&b, &loop, _i, "[::]:0", NULL);
  b.echoes = true;
  acoap_path_t path = {.peer = at_port("fe80::78:1", b.address.port)};
  path.peer.scope_id = v0;
  ck_assert_int_eq(ear_say(&a, &path, "zone"), 1);
  ear_wait(&loop, &a.count, 1);
  ck_assert_uint_eq(b.path[0].peer.scope_id, v0);
  ck_assert(same_ip(&b.path[0].local, "fe80::78:1"));
  ck_assert(acoap_address_equal(&a.path[0].peer, &path.peer));
  path.peer.scope_id = 0;
  path.interface = v0;
  ck_assert_int_eq(ear_say(&a, &path, "interface"), 1);
  ear_wait(&loop, &a.count, 2);
  ear_close(&a);
  ear_close(&b);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(our_own_multicasts_are_heard_unless_switched_off) {
  ear_t loud, deaf;
  uint32_t v0 = if_nametoindex("v0");
  acoap_udp_options_t off = {.multicast_loop_off = true};
  acoap_address_t group = ear_address("224.0.1.187");
  open_loop();
  ear_open(&loud, &loop, _i, "0.0.0.0", NULL);
  ear_open(&deaf, &loop, _i, "0.0.0.0", &off);
  ck_assert_int_eq(loud.socket->ops->join(loud.socket, &group, v0), 0);
  ck_assert_int_eq(deaf.socket->ops->join(deaf.socket, &group, v0), 0);
  acoap_path_t to_loud = {.peer = at_port("224.0.1.187", loud.address.port), .interface = v0};
  acoap_path_t to_deaf = {.peer = at_port("224.0.1.187", deaf.address.port), .interface = v0};
  ck_assert_int_eq(ear_say(&deaf, &to_deaf, "off"), 1);
  ck_assert_int_eq(ear_say(&loud, &to_loud, "on"), 1);
  ear_wait(&loop, &loud.count, 1);
  ck_assert_int_eq(deaf.count, 0);
  ear_close(&loud);
  ear_close(&deaf);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(groups_need_a_group_an_interface_and_a_wildcard_socket) {
  ear_t any, one;
  acoap_address_t group = ear_address("224.0.1.187"), unicast = ear_address("10.78.0.1");
  acoap_address_t six = ear_address("ff05::fd");
  open_loop();
  ear_open(&any, &loop, _i, "0.0.0.0", NULL);
  ear_open(&one, &loop, _i, "10.78.0.1", NULL);
  ck_assert_int_eq(any.socket->ops->join(any.socket, &unicast, 0), ACOAP_EINVAL);
  ck_assert_int_eq(any.socket->ops->join(any.socket, &six, 0), ACOAP_EINVAL);
  ck_assert_int_eq(any.socket->ops->join(any.socket, &group, 9999), UV_ENODEV);
  ck_assert_int_eq(one.socket->ops->join(one.socket, &group, 0), ACOAP_ENOTSUP);
  ck_assert_int_eq(any.socket->ops->leave(any.socket, &group, 0), 0);
  ear_close(&any);
  ear_close(&one);
  ear_loop_done(&loop);
}
END_TEST

/* An interface without IPv6 has no way for an IPv6 group: its sender hears of that path alone. */
START_TEST(a_group_without_a_way_is_an_error_of_that_send) {
  ear_t member, sender;
  uint32_t v0 = if_nametoindex("v0"), v1 = if_nametoindex("v1");
  acoap_address_t group = ear_address("ff05::fd");
  open_loop();
  ear_shell("echo 1 > /proc/sys/net/ipv6/conf/v1/disable_ipv6");
  ear_open(&member, &loop, _i, "[::]:0", NULL);
  ear_open(&sender, &loop, _i, "[::]:0", NULL);
  ck_assert_int_eq(member.socket->ops->join(member.socket, &group, v0), 0);
  acoap_path_t path = {.peer = at_port("ff05::fd", member.address.port), .interface = v1};
  ck_assert_int_lt(ear_say(&sender, &path, "no way"), 0);
  path.interface = v0;
  ck_assert_int_eq(ear_say(&sender, &path, "way"), 1);
  ear_wait(&loop, &member.count, 1);
  ck_assert_str_eq(member.text[0], "way");
  ck_assert_int_eq(sender.notices, 0);
  ear_close(&member);
  ear_close(&sender);
  ear_loop_done(&loop);
}
END_TEST

/* Hop limits, seen by a plain descriptor. */

static int plain_receiver(const char *ip, bool group, uint16_t *port) {
  struct sockaddr_in local = {.sin_family = AF_INET};
  socklen_t len = sizeof(local);
  int on = 1;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  acoap_address_t address = ear_address(ip);
  memcpy(&local.sin_addr, address.ip, 4);
  struct timeval patience = {10, 0};
  ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
  ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&local, &len), 0);
  ck_assert_int_eq(setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)), 0);
  if (group) {
    struct ip_mreqn request = {.imr_multiaddr = local.sin_addr,
                               .imr_ifindex = (int)if_nametoindex("v0")};
    ck_assert_int_eq(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)), 0);
  }
  *port = ntohs(local.sin_port);
  return fd;
}

static int next_ttl(int fd) {
  char bytes[64], control[64];
  struct iovec iov = {bytes, sizeof(bytes)};
  struct msghdr header = {
      .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
  ck_assert_int_gt(recvmsg(fd, &header, 0), 0);
  struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);
  ck_assert_ptr_nonnull(cmsg);
  int ttl = 0;
  memcpy(&ttl, CMSG_DATA(cmsg), sizeof(ttl));
  return ttl;
}

START_TEST(each_datagram_has_its_own_hop_limit) {
  ear_t a;
  uint16_t port = 0, group_port = 0;
  int fd = plain_receiver("10.78.0.1", false, &port);
  int group_fd = plain_receiver("224.0.1.187", true, &group_port);
  open_loop();
  ear_open(&a, &loop, _i, "0.0.0.0", NULL);
  acoap_path_t path = {.peer = at_port("10.78.0.1", port)};
  acoap_path_t group = {.peer = at_port("224.0.1.187", group_port),
                        .interface = if_nametoindex("v0")};
  const uint8_t hops[] = {0, 7, 9, 0};
  const int expected[] = {64, 7, 9, 64}, group_expected[] = {1, 7, 9, 1};
  for (size_t i = 0; i < 4; i++) {
    path.hop_limit = group.hop_limit = hops[i];
    ck_assert_int_eq(ear_say(&a, &path, "x"), 1);
    ck_assert_int_eq(ear_say(&a, &group, "x"), 1);
  }
  ear_run(&loop, 1);
  for (size_t i = 0; i < 4; i++) {
    ck_assert_int_eq(next_ttl(fd), expected[i]);
    ck_assert_int_eq(next_ttl(group_fd), group_expected[i]);
  }
  close(fd);
  close(group_fd);
  ear_close(&a);
  ear_loop_done(&loop);
}
END_TEST

START_TEST(addresses_that_come_and_go_are_followed_after_refresh) {
  ear_t any, peer;
  open_loop();
  ear_open(&any, &loop, _i, "0.0.0.0", NULL);
  ear_open(&peer, &loop, _i, "10.78.0.1", NULL);
  any.echoes = true;
  ear_shell("ip addr add 10.78.0.9/24 dev v0");
  if (any.socket->ops->refresh != NULL) {
    any.socket->ops->refresh(any.socket);
  }
  acoap_address_t to = at_port("10.78.0.9", any.address.port);
  ck_assert_int_eq(ear_say_to(&peer, &to, "new"), 1);
  ear_wait(&loop, &peer.count, 1);
  ck_assert(acoap_address_equal(&peer.path[0].peer, &to));
  ear_shell("ip addr del 10.78.0.9/24 dev v0");
  if (any.socket->ops->refresh != NULL) {
    any.socket->ops->refresh(any.socket);
  }
  to = at_port("10.78.0.2", any.address.port);
  ck_assert_int_eq(ear_say_to(&peer, &to, "old"), 1);
  ear_wait(&loop, &peer.count, 2);
  ck_assert(acoap_address_equal(&peer.path[1].peer, &to));
  ear_close(&any);
  ear_close(&peer);
  ear_loop_done(&loop);
}
END_TEST

int main(int argc, char **argv) {
  const char *why_not = ear_enter_network();
  const interop_test_t tests[] = {
      {"source", a_reply_leaves_from_the_ipv4_address_that_was_asked, why_not},
      {"source", a_reply_leaves_from_the_ipv6_address_that_was_asked, why_not},
      {"source", without_a_wish_the_routing_table_chooses_the_source, why_not},
      {"source", a_source_that_is_not_ours_is_an_error_of_that_datagram, why_not},
      {"source", addresses_that_come_and_go_are_followed_after_refresh, why_not},
      {"groups", an_ipv4_group_is_heard_where_joined_and_told_apart, why_not},
      {"groups", a_site_local_ipv6_group_is_heard_where_joined_and_told_apart, why_not},
      {"groups", a_link_local_ipv6_group_is_heard_where_joined_and_told_apart, why_not},
      {"groups", link_local_peers_are_known_by_their_zone, why_not},
      {"groups", our_own_multicasts_are_heard_unless_switched_off, why_not},
      {"groups", groups_need_a_group_an_interface_and_a_wildcard_socket, why_not},
      {"groups", a_group_without_a_way_is_an_error_of_that_send, why_not},
      {"groups", each_datagram_has_its_own_hop_limit, why_not},
      {NULL, NULL, NULL},
  };
  return interop_main(argc, argv, "socket_paths", tests);
}
