/*
 * The simulated network: what it does to datagrams, who hears what, and that a seed replays.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/sim.h>

#include <string.h>

#include "base/buf.h"
#include "check_main.h"

/* What a socket heard, in order. */
typedef struct ear {
  acoap_sim_t *sim;
  acoap_socket_t *socket;
  int count;
  char text[64][16];
  acoap_path_t path[64];
  acoap_time_t at[64];
  int notices;
  acoap_peer_notice_t notice;
  char quote[16];
  int writables;
  acoap_buffer_t *keep; /* the last datagram's, when `keeping` */
  bool keeping;
  bool closes_itself;
  bool echoes;
} ear_t;

static void put_text(char out[16], acoap_bytes_t bytes) {
  ck_assert_uint_lt(bytes.len, 16);
  memcpy(out, bytes.data, bytes.len);
  out[bytes.len] = '\0';
}

static int say(ear_t *ear, const acoap_path_t *path, const char *text) {
  acoap_outgoing_datagram_t datagram = {path, {(const uint8_t *)text, strlen(text)}};
  return ear->socket->ops->send(ear->socket, &datagram, 1);
}

static void heard(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  ear_t *ear = user_data;
  for (size_t i = 0; i < count; i++) {
    ck_assert_int_lt(ear->count, 64);
    put_text(ear->text[ear->count], datagrams[i].bytes);
    ear->path[ear->count] = datagrams[i].path;
    ear->at[ear->count] = acoap_sim_now(ear->sim);
    ear->count++;
    if (ear->keeping) {
      acoap__buf_unref(ear->keep);
      ear->keep = acoap__buf_ref(datagrams[i].buffer);
    }
    if (ear->echoes) {
      acoap_path_t back = {.peer = datagrams[i].path.peer, .local = datagrams[i].path.local};
      ck_assert_int_eq(say(ear, &back, "echo"), 1);
    }
    if (ear->closes_itself) {
      acoap_socket_close(ear->socket, NULL, NULL);
    }
  }
}

static void noticed(void *user_data, const acoap_peer_notice_t *notice) {
  ear_t *ear = user_data;
  ear->notices++;
  ear->notice = *notice;
  put_text(ear->quote, notice->quote);
}

static void writable(void *user_data) {
  ((ear_t *)user_data)->writables++;
}

static const acoap_socket_events_t events = {
    .size = sizeof(events), .received = heard, .peer = noticed, .writable = writable};

static acoap_address_t address(const char *text) {
  acoap_address_t out;
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &out), 0);
  return out;
}

static acoap_path_t to(const char *text) {
  return (acoap_path_t){.peer = address(text)};
}

static void open_ear(ear_t *ear, acoap_sim_t *sim, const char *at) {
  acoap_address_t local = address(at);
  memset(ear, 0, sizeof(*ear));
  ear->sim = sim;
  ck_assert_int_eq(acoap_sim_socket_new(sim, &local, &ear->socket), 0);
  ck_assert_int_eq(ear->socket->ops->start(ear->socket, &events, ear), 0);
}

static acoap_sim_t *new_sim(uint64_t seed) {
  acoap_sim_t *sim = NULL;
  ck_assert_int_eq(acoap_sim_new(seed, 1000, &sim), 0);
  return sim;
}

static void conditions(acoap_sim_t *sim, uint32_t loss, uint32_t duplicate, uint32_t least,
                       uint32_t most) {
  acoap_sim_conditions_t set = {sizeof(set), loss, duplicate, least, most};
  ck_assert_int_eq(acoap_sim_set_conditions(sim, &set), 0);
}

START_TEST(perfect_network_delivers_in_order_in_a_later_step_at_the_same_time) {
  acoap_sim_t *sim = new_sim(1);
  ear_t a, b;
  open_ear(&a, sim, "10.0.0.1:5683");
  open_ear(&b, sim, "10.0.0.2:5683");
  acoap_path_t path = to("10.0.0.2:5683");
  ck_assert_int_eq(say(&a, &path, "one"), 1);
  ck_assert_int_eq(say(&a, &path, "two"), 1);
  ck_assert_int_eq(b.count, 0);
  ck_assert(acoap_sim_run_idle(sim, ACOAP_TIME_NEVER));
  ck_assert_int_eq(b.count, 2);
  ck_assert_str_eq(b.text[0], "one");
  ck_assert_str_eq(b.text[1], "two");
  ck_assert_int_eq(b.at[1], 1000);
  acoap_address_t from = address("10.0.0.1:5683");
  acoap_address_t local = address("10.0.0.2:5683");
  ck_assert(acoap_address_equal(&b.path[0].peer, &from));
  ck_assert(acoap_address_equal(&b.path[0].local, &local));
  ck_assert_uint_eq(b.path[0].interface, 1);
  ck_assert(!b.path[0].multicast);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(delays_stay_within_their_bounds_and_reorder) {
  acoap_sim_t *sim = new_sim(7);
  ear_t a, b;
  open_ear(&a, sim, "10.0.0.1:1");
  open_ear(&b, sim, "10.0.0.2:1");
  conditions(sim, 0, 0, 10, 50);
  acoap_path_t path = to("10.0.0.2:1");
  for (int i = 0; i < 50; i++) {
    char text[3] = {(char)('A' + i / 10), (char)('0' + i % 10), '\0'};
    ck_assert_int_eq(say(&a, &path, text), 1);
  }
  acoap_sim_run_until(sim, 1009);
  ck_assert_int_eq(b.count, 0);
  ck_assert_int_eq(acoap_sim_now(sim), 1009);
  acoap_sim_run_until(sim, 1050);
  ck_assert_int_eq(b.count, 50);
  int inversions = 0;
  for (int i = 1; i < b.count; i++) {
    ck_assert_int_ge(b.at[i], b.at[i - 1]);
    inversions += strcmp(b.text[i], b.text[i - 1]) < 0;
  }
  ck_assert_int_gt(inversions, 0);
  acoap_sim_free(sim);
}
END_TEST

/* Loss 20 %, duplication 30 % over 10000 datagrams: within five standard deviations of the mean. */
START_TEST(loss_and_duplication_come_as_often_as_asked) {
  acoap_sim_t *sim = new_sim(42);
  ear_t a;
  open_ear(&a, sim, "10.0.0.1:1");
  conditions(sim, 200000, 300000, 0, 5);
  acoap_path_t path = to("10.0.0.2:1");
  for (int i = 0; i < 10000; i++) {
    ck_assert_int_eq(say(&a, &path, "x"), 1);
  }
  ck_assert(acoap_sim_run_idle(sim, ACOAP_TIME_NEVER));
  acoap_sim_stats_t stats;
  acoap_sim_get_stats(sim, &stats);
  ck_assert_uint_eq(stats.sent, 10000);
  ck_assert_uint_gt(stats.lost, 1800);
  ck_assert_uint_lt(stats.lost, 2200);
  ck_assert_uint_gt(stats.duplicated, 2170);
  ck_assert_uint_lt(stats.duplicated, 2630);
  ck_assert_uint_eq(stats.unclaimed, stats.sent - stats.lost + stats.duplicated);
  acoap_sim_free(sim);
}
END_TEST

static void run_scenario(uint64_t seed, ear_t *b, acoap_sim_stats_t *stats) {
  acoap_sim_t *sim = new_sim(seed);
  ear_t a;
  open_ear(&a, sim, "10.0.0.1:1");
  open_ear(b, sim, "10.0.0.2:1");
  conditions(sim, 300000, 300000, 0, 100);
  acoap_path_t path = to("10.0.0.2:1");
  for (int i = 0; i < 40; i++) {
    char text[3] = {(char)('A' + i / 10), (char)('0' + i % 10), '\0'};
    ck_assert_int_eq(say(&a, &path, text), 1);
    acoap_sim_step(sim, acoap_sim_now(sim) + 3);
  }
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  acoap_sim_get_stats(sim, stats);
  acoap_sim_free(sim);
}

START_TEST(the_same_seed_replays_and_another_does_not) {
  static ear_t first, again, other;
  acoap_sim_stats_t first_stats, again_stats, other_stats;
  run_scenario(5, &first, &first_stats);
  run_scenario(5, &again, &again_stats);
  run_scenario(6, &other, &other_stats);
  ck_assert_mem_eq(&first_stats, &again_stats, sizeof(first_stats));
  ck_assert_int_eq(first.count, again.count);
  ck_assert_mem_eq(first.text, again.text, sizeof(first.text));
  ck_assert_mem_eq(first.at, again.at, sizeof(first.at));
  ck_assert(first.count != other.count || memcmp(first.at, other.at, sizeof(first.at)) != 0);
}
END_TEST

START_TEST(partition_cuts_both_ways_until_healed) {
  acoap_sim_t *sim = new_sim(1);
  ear_t a, b, c;
  open_ear(&a, sim, "10.0.0.1:1");
  open_ear(&b, sim, "10.0.0.2:1");
  open_ear(&c, sim, "10.0.0.3:1");
  acoap_address_t host_a = address("10.0.0.1"), host_b = address("10.0.0.2:99");
  acoap_path_t to_a = to("10.0.0.1:1"), to_b = to("10.0.0.2:1"), to_c = to("10.0.0.3:1");
  ck_assert_int_eq(acoap_sim_partition(sim, &host_a, &host_b, true), 0);
  ck_assert_int_eq(acoap_sim_partition(sim, &host_b, &host_a, true), 0);
  say(&a, &to_b, "cut");
  say(&b, &to_a, "cut");
  say(&a, &to_c, "through");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(a.count + b.count, 0);
  ck_assert_int_eq(c.count, 1);
  ck_assert_int_eq(acoap_sim_partition(sim, &host_a, &host_b, false), 0);
  say(&a, &to_b, "healed");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(b.count, 1);
  ck_assert_int_eq(acoap_sim_partition(sim, &host_a, NULL, true), 0);
  say(&c, &to_a, "cut");
  say(&b, &to_c, "through");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(a.count, 0);
  ck_assert_int_eq(c.count, 2);
  acoap_sim_stats_t stats;
  acoap_sim_get_stats(sim, &stats);
  ck_assert_uint_eq(stats.cut, 3);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(unreachable_port_quotes_the_datagram_and_silence_is_the_default) {
  acoap_sim_t *sim = new_sim(1);
  ear_t a;
  open_ear(&a, sim, "10.0.0.1:1");
  acoap_address_t dead = address("10.0.0.9:5683");
  acoap_path_t silent = to("10.0.0.8:5683"), refused = to("10.0.0.9:5683"),
               other = to("10.0.0.9:7");
  ck_assert_int_eq(acoap_sim_set_unreachable(sim, &dead, true), 0);
  say(&a, &silent, "hello");
  say(&a, &other, "hello");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(a.notices, 0);
  say(&a, &refused, "quoted");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(a.notices, 1);
  ck_assert_int_eq(a.notice.event, ACOAP_PEER_ICMP);
  ck_assert_int_eq(a.notice.status, ACOAP_EUNREACHABLE);
  ck_assert(acoap_address_equal(&a.notice.path.peer, &dead));
  ck_assert_str_eq(a.quote, "quoted");
  ck_assert_int_eq(acoap_sim_set_unreachable(sim, &dead, false), 0);
  say(&a, &refused, "hello");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(a.notices, 1);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(group_reaches_its_members_on_that_interface_and_not_the_sender) {
  acoap_sim_t *sim = new_sim(1);
  acoap_interface_t list[3] = {
      {.name = "sim0", .index = 1, .address = address("10.0.0.1"), .multicast = true},
      {.name = "sim1", .index = 2, .address = address("10.1.0.1"), .multicast = true},
      {.name = "lo", .index = 3, .address = address("127.0.0.1"), .loopback = true}};
  ck_assert_int_eq(acoap_sim_set_interfaces(sim, list, 3), 0);
  ear_t a, b, c, d;
  open_ear(&a, sim, "10.0.0.1:5683");
  open_ear(&b, sim, "10.0.0.2:5683");
  open_ear(&c, sim, "10.0.0.3:5683");
  open_ear(&d, sim, "10.0.0.4:5684");
  acoap_address_t group = address("224.0.1.187:5683");
  ear_t *all[] = {&a, &b, &c, &d};
  for (size_t i = 0; i < 4; i++) {
    acoap_socket_t *socket = all[i]->socket;
    ck_assert_int_eq(socket->ops->join(socket, &group, i == 2 ? 2 : 0), 0);
    ck_assert_int_eq(socket->ops->join(socket, &group, i == 2 ? 2 : 0), 0);
  }
  ck_assert_int_eq(a.socket->ops->join(a.socket, &group, 3), ACOAP_EUNREACHABLE);
  ck_assert_int_eq(a.socket->ops->join(a.socket, &group, 9), ACOAP_EUNREACHABLE);
  acoap_path_t path = {.peer = group};
  say(&a, &path, "all"); /* on the first interface; c sits on the second, d has another port */
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(a.count, 0);
  ck_assert_int_eq(b.count, 1);
  ck_assert_int_eq(c.count, 0);
  ck_assert_int_eq(d.count, 0);
  ck_assert(b.path[0].multicast);
  ck_assert(acoap_address_equal(&b.path[0].local, &group));
  ck_assert_uint_eq(b.path[0].interface, 1);
  path.interface = 2;
  say(&a, &path, "second");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(c.count, 1);
  ck_assert_uint_eq(c.path[0].interface, 2);
  path.interface = 3;
  ck_assert_int_eq(say(&a, &path, "none"), ACOAP_EUNREACHABLE);
  path.interface = 0;
  ck_assert_int_eq(acoap_sim_socket_set_multicast_loop(a.socket, true), 0);
  ck_assert_int_eq(b.socket->ops->leave(b.socket, &group, 0), 0);
  ck_assert_int_eq(b.socket->ops->leave(b.socket, &group, 0), 0);
  say(&a, &path, "self");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(a.count, 1);
  ck_assert_int_eq(b.count, 1);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(wildcard_socket_hears_and_uses_every_interface_address) {
  acoap_sim_t *sim = new_sim(1);
  acoap_interface_t list[2] = {
      {.name = "sim0", .index = 1, .address = address("10.0.0.1"), .multicast = true},
      {.name = "sim1", .index = 2, .address = address("10.1.0.1"), .multicast = true}};
  ck_assert_int_eq(acoap_sim_set_interfaces(sim, list, 2), 0);
  ear_t any, own, peer;
  open_ear(&any, sim, "0.0.0.0:5683");
  open_ear(&peer, sim, "10.0.0.9:1");
  any.echoes = true;
  acoap_path_t path = to("10.1.0.1:5683");
  say(&peer, &path, "ping");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(any.count, 1);
  ck_assert_uint_eq(any.path[0].interface, 2);
  acoap_address_t second = address("10.1.0.1:5683"), first = address("10.0.0.1:5683");
  ck_assert_int_eq(peer.count, 1);
  ck_assert(acoap_address_equal(&peer.path[0].peer, &second));
  acoap_path_t back = to("10.0.0.9:1");
  say(&any, &back, "unasked");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert(acoap_address_equal(&peer.path[1].peer, &first));
  /* A socket of the address itself is heard before the any-address. */
  open_ear(&own, sim, "10.1.0.1:5683");
  say(&peer, &path, "own");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(own.count, 1);
  ck_assert_int_eq(any.count, 1);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(ports_are_found_and_conflicts_refused) {
  acoap_sim_t *sim = new_sim(1);
  acoap_address_t local = address("10.0.0.1"), bound, other;
  acoap_socket_t *a = NULL, *b = NULL, *c = NULL;
  ck_assert_int_eq(acoap_sim_socket_new(sim, &local, &a), 0);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &local, &b), 0);
  ck_assert_int_eq(a->ops->local_address(a, &bound), 0);
  ck_assert_int_eq(b->ops->local_address(b, &other), 0);
  ck_assert_uint_ne(bound.port, 0);
  ck_assert_uint_ne(bound.port, other.port);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &bound, &c), ACOAP_EADDRESS);
  ck_assert_ptr_null(c);
  acoap_address_t group = address("224.0.1.187:5683");
  ck_assert_int_eq(acoap_sim_socket_new(sim, &group, &c), ACOAP_EADDRESS);
  acoap_socket_close(a, NULL, NULL);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &bound, &c), 0);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(nonsense_is_refused) {
  acoap_sim_t *sim = NULL;
  ck_assert_int_eq(acoap_sim_new(1, -1, &sim), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_sim_new(1, ACOAP_TIME_NEVER, &sim), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_sim_new(1, 0, NULL), ACOAP_EINVAL);
  ck_assert_ptr_null(sim);
  sim = new_sim(1);
  acoap_sim_conditions_t good = {sizeof(good), 1000000, 1000000, 3, 3};
  ck_assert_int_eq(acoap_sim_set_conditions(sim, &good), 0);
  acoap_sim_conditions_t bad[4] = {good, good, good, good};
  bad[0].size = 1;
  bad[1].loss_ppm = 1000001;
  bad[2].duplicate_ppm = 1000001;
  bad[3].delay_min_ms = 4;
  for (size_t i = 0; i < 4; i++) {
    ck_assert_int_eq(acoap_sim_set_conditions(sim, &bad[i]), ACOAP_EINVAL);
  }
  ear_t a;
  open_ear(&a, sim, "10.0.0.1:1");
  acoap_path_t six = to("[2001:db8::2]:1"), portless = to("10.0.0.2"), any = to("0.0.0.0:1");
  ck_assert_int_eq(say(&a, &six, "x"), ACOAP_EADDRESS);
  ck_assert_int_eq(say(&a, &portless, "x"), ACOAP_EADDRESS);
  ck_assert_int_eq(say(&a, &any, "x"), ACOAP_EADDRESS);
  ck_assert(a.socket->ops->reaches(a.socket, &portless.peer));
  ck_assert(!a.socket->ops->reaches(a.socket, &six.peer));
  ck_assert_int_eq(a.socket->ops->start(a.socket, &events, &a), ACOAP_EINVAL);
  acoap_sim_free(sim);
}
END_TEST

static bool lose_second(void *user_data, acoap_time_t now, const acoap_path_t *path,
                        const acoap_address_t *from, acoap_bytes_t bytes) {
  int *seen = user_data;
  ck_assert_int_eq(now, 1000);
  ck_assert_uint_eq(path->peer.port, 2);
  ck_assert_uint_eq(from->port, 1);
  ck_assert_uint_eq(bytes.len, 1);
  return ++*seen != 2;
}

START_TEST(filter_sees_each_datagram_and_loses_what_it_wants) {
  acoap_sim_t *sim = new_sim(1);
  ear_t a, b;
  int seen = 0;
  open_ear(&a, sim, "10.0.0.1:1");
  open_ear(&b, sim, "10.0.0.2:2");
  acoap_sim_set_filter(sim, lose_second, &seen);
  acoap_path_t path = to("10.0.0.2:2");
  say(&a, &path, "1");
  say(&a, &path, "2");
  say(&a, &path, "3");
  acoap_sim_set_filter(sim, NULL, NULL);
  say(&a, &path, "4");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(seen, 3);
  ck_assert_int_eq(b.count, 3);
  ck_assert_str_eq(b.text[1], "3");
  acoap_sim_free(sim);
}
END_TEST

START_TEST(refused_send_is_followed_by_writable) {
  acoap_sim_t *sim = new_sim(1);
  ear_t a;
  open_ear(&a, sim, "10.0.0.1:1");
  acoap_path_t path = to("10.0.0.2:2");
  ck_assert_int_eq(acoap_sim_socket_refuse(a.socket, 1), 0);
  ck_assert_int_eq(say(&a, &path, "no"), ACOAP_EAGAIN);
  ck_assert_int_eq(a.writables, 0);
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(a.writables, 1);
  ck_assert_int_eq(say(&a, &path, "yes"), 1);
  /* The first of a batch that cannot go ends it; the ones before were taken. */
  acoap_path_t wrong = to("[::1]:1");
  acoap_bytes_t bytes = {(const uint8_t *)"x", 1};
  acoap_outgoing_datagram_t batch[3] = {{&path, bytes}, {&wrong, bytes}, {&path, bytes}};
  ck_assert_int_eq(a.socket->ops->send(a.socket, batch, 3), 1);
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(a.writables, 2);
  ck_assert_int_eq(a.socket->ops->send(a.socket, batch + 1, 2), ACOAP_EADDRESS);
  acoap_sim_free(sim);
}
END_TEST

static void count_closed(void *user_data) {
  ++*(int *)user_data;
}

START_TEST(close_calls_back_once_and_nothing_comes_after) {
  acoap_sim_t *sim = new_sim(1);
  ear_t a, b;
  int closed = 0;
  open_ear(&a, sim, "10.0.0.1:1");
  open_ear(&b, sim, "10.0.0.2:1");
  acoap_path_t path = to("10.0.0.2:1");
  say(&a, &path, "late");
  acoap_socket_close(b.socket, count_closed, &closed);
  ck_assert_int_eq(closed, 0);
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(closed, 1);
  ck_assert_int_eq(b.count, 0);
  acoap_sim_stats_t stats;
  acoap_sim_get_stats(sim, &stats);
  ck_assert_uint_eq(stats.unclaimed, 1);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(free_runs_pending_closes_and_drops_what_is_under_way) {
  acoap_sim_t *sim = new_sim(1);
  ear_t a, b;
  int closed = 0;
  open_ear(&a, sim, "10.0.0.1:1");
  open_ear(&b, sim, "10.0.0.2:1");
  conditions(sim, 0, 1000000, 5, 9);
  acoap_path_t path = to("10.0.0.2:1");
  say(&a, &path, "never");
  acoap_socket_close(b.socket, count_closed, &closed);
  acoap_sim_free(sim);
  ck_assert_int_eq(closed, 1);
  ck_assert_int_eq(b.count, 0);
}
END_TEST

START_TEST(a_callback_may_send_and_close_and_keep_its_buffer) {
  acoap_sim_t *sim = new_sim(1);
  ear_t a, b;
  open_ear(&a, sim, "10.0.0.1:1");
  open_ear(&b, sim, "10.0.0.2:1");
  b.echoes = true;
  b.closes_itself = true;
  b.keeping = true;
  acoap_path_t path = to("10.0.0.2:1");
  say(&a, &path, "kept");
  say(&a, &path, "dropped");
  acoap_sim_run_idle(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(a.count, 1);
  ck_assert_int_eq(b.count, 1);
  acoap_sim_free(sim);
  ck_assert_mem_eq(b.keep->bytes, "kept", 4);
  ck_assert_uint_eq(b.keep->refs, 1);
  acoap__buf_unref(b.keep);
}
END_TEST

START_TEST(copies_of_one_datagram_share_no_storage) {
  acoap_sim_t *sim = new_sim(1);
  ear_t a, b;
  open_ear(&a, sim, "10.0.0.1:1");
  open_ear(&b, sim, "10.0.0.2:1");
  conditions(sim, 0, 1000000, 0, 0);
  b.keeping = true;
  acoap_path_t path = to("10.0.0.2:1");
  say(&a, &path, "twice");
  acoap_sim_step(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(b.count, 1);
  memset(b.keep->bytes, 'z', b.keep->len); /* as one that decrypts in place would */
  acoap_sim_step(sim, ACOAP_TIME_NEVER);
  ck_assert_int_eq(b.count, 2);
  ck_assert_str_eq(b.text[1], "twice");
  acoap__buf_unref(b.keep);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(steps_move_time_only_as_far_as_asked) {
  acoap_sim_t *sim = new_sim(1);
  ck_assert(!acoap_sim_step(sim, ACOAP_TIME_NEVER));
  ck_assert_int_eq(acoap_sim_now(sim), 1000);
  ck_assert(!acoap_sim_step(sim, 2000));
  ck_assert_int_eq(acoap_sim_now(sim), 2000);
  ck_assert(!acoap_sim_step(sim, 1500));
  ck_assert_int_eq(acoap_sim_now(sim), 2000);
  ear_t a, b;
  open_ear(&a, sim, "10.0.0.1:1");
  open_ear(&b, sim, "10.0.0.2:1");
  conditions(sim, 0, 0, 10, 10);
  acoap_path_t path = to("10.0.0.2:1");
  say(&a, &path, "x");
  ck_assert(!acoap_sim_run_idle(sim, 2009));
  ck_assert_int_eq(acoap_sim_now(sim), 2009);
  ck_assert(acoap_sim_run_idle(sim, 5000));
  ck_assert_int_eq(acoap_sim_now(sim), 2010);
  ck_assert_int_eq(b.count, 1);
  acoap_sim_free(sim);
}
END_TEST

static Suite *sim_suite(void) {
  Suite *suite = suite_create("transport/sim");
  TCase *network = tcase_create("network");
  tcase_add_test(network, perfect_network_delivers_in_order_in_a_later_step_at_the_same_time);
  tcase_add_test(network, delays_stay_within_their_bounds_and_reorder);
  tcase_add_test(network, loss_and_duplication_come_as_often_as_asked);
  tcase_add_test(network, the_same_seed_replays_and_another_does_not);
  tcase_add_test(network, partition_cuts_both_ways_until_healed);
  tcase_add_test(network, unreachable_port_quotes_the_datagram_and_silence_is_the_default);
  tcase_add_test(network, filter_sees_each_datagram_and_loses_what_it_wants);
  tcase_add_test(network, steps_move_time_only_as_far_as_asked);
  suite_add_tcase(suite, network);
  TCase *socket = tcase_create("socket");
  tcase_add_test(socket, group_reaches_its_members_on_that_interface_and_not_the_sender);
  tcase_add_test(socket, wildcard_socket_hears_and_uses_every_interface_address);
  tcase_add_test(socket, ports_are_found_and_conflicts_refused);
  tcase_add_test(socket, nonsense_is_refused);
  tcase_add_test(socket, refused_send_is_followed_by_writable);
  tcase_add_test(socket, close_calls_back_once_and_nothing_comes_after);
  tcase_add_test(socket, free_runs_pending_closes_and_drops_what_is_under_way);
  tcase_add_test(socket, a_callback_may_send_and_close_and_keep_its_buffer);
  tcase_add_test(socket, copies_of_one_datagram_share_no_storage);
  suite_add_tcase(suite, socket);
  return suite;
}

ACOAP_TEST_MAIN(sim_suite)
