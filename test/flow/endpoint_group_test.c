/*
 * Multicast (RFC 7252 section 8): groups joined on interfaces that come and go, the ways a group
 * request leaves, answers after their leisure and what is not answered. Simulated network, virtual
 * time.
 * SPDX-License-Identifier: MIT
 */
#include "check_main.h"
#include "endpoint/local_endpoint.h"
#include "sim_pair.h"

#define EVENTS_MAX 32

typedef struct told {
  unsigned count;
  struct {
    acoap_event_kind_t kind;
    int status;
    char interface[48];
    acoap_address_t address;
  } events[EVENTS_MAX];
  acoap_local_endpoint_t *leave_on_event; /* when set: the callback leaves the group of the event */
} told_t;

static void tell(void *user_data, const acoap_event_t *event) {
  told_t *told = user_data;
  ck_assert_uint_lt(told->count, EVENTS_MAX);
  told->events[told->count].kind = event->kind;
  told->events[told->count].status = event->status;
  told->events[told->count].address = event->address;
  if (event->interface != NULL) {
    strncpy(told->events[told->count].interface, event->interface, 47);
  }
  told->count++;
  if (told->leave_on_event != NULL && event->kind == ACOAP_EVENT_GROUP_JOINED) {
    ck_assert_int_eq(acoap_local_endpoint_leave(told->leave_on_event, &event->address, NULL), 0);
  }
}

/* How many events of this kind told of this interface (NULL: any), and forget none. */
static unsigned count_of(const told_t *told, acoap_event_kind_t kind, const char *interface) {
  unsigned found = 0;
  for (unsigned i = 0; i < told->count; i++) {
    if (told->events[i].kind == kind &&
        (interface == NULL || strcmp(told->events[i].interface, interface) == 0)) {
      found++;
    }
  }
  return found;
}

static acoap_interface_t interface_of(const char *name, uint32_t index, const char *address,
                                      bool loopback, bool multicast) {
  acoap_interface_t made = {.index = index, .loopback = loopback, .multicast = multicast};
  strncpy(made.name, name, sizeof(made.name) - 1);
  made.address = sim_address(address);
  return made;
}

static acoap_sim_t *open_sim(const acoap_interface_t *list, size_t count) {
  acoap_sim_t *sim = NULL;
  ck_assert_int_eq(acoap_sim_new(3, 1000, &sim), 0);
  ck_assert_int_eq(acoap_sim_set_interfaces(sim, list, count), 0);
  return sim;
}

static void run(acoap_sim_t *sim, acoap_time_t ms) {
  acoap_sim_run_until(sim, acoap_sim_now(sim) + ms);
}

static void close_sim(acoap_sim_t *sim, acoap_local_endpoint_t *endpoint) {
  acoap_local_endpoint_close(endpoint, NULL, NULL);
  run(sim, 10);
  acoap_sim_free(sim);
}

static bool is_member(acoap_sim_t *sim, const char *group, uint32_t interface,
                      acoap_local_endpoint_t *endpoint) {
  acoap_stats_t before = {.size = sizeof(before)};
  acoap_stats_t after = {.size = sizeof(after)};
  acoap_address_t any = sim_address("192.0.2.99:999");
  acoap_socket_t *socket = NULL;
  ck_assert_int_eq(acoap_local_endpoint_stats(endpoint, &before), 0);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &any, &socket), 0);
  acoap_path_t path = {.peer = sim_address(group), .interface = interface};
  acoap_outgoing_datagram_t datagram = {.path = &path,
                                        .bytes = {(const uint8_t *)"\x50\x01\0\1", 4}};
  path.peer.port = 5683;
  (void)socket->ops->send(socket, &datagram, 1);
  run(sim, 1);
  acoap_socket_close(socket, NULL, NULL);
  run(sim, 1);
  ck_assert_int_eq(acoap_local_endpoint_stats(endpoint, &after), 0);
  return after.datagrams_received > before.datagrams_received;
}

/* ---- joining --------------------------------------------------------------------------------- */

START_TEST(joined_on_every_interface_that_can_multicast) {
  acoap_interface_t list[] = {
      interface_of("lo", 1, "127.0.0.1", true, false),
      interface_of("eth0", 2, "192.0.2.1", false, true),
      interface_of("eth0", 2, "192.0.2.3", false, true),
      interface_of("eth1", 3, "198.51.100.1", false, true),
      interface_of("tun0", 4, "203.0.113.1", false, false),
      interface_of("eth2", 5, "2001:db8::1", false, true),
  };
  acoap_sim_t *sim = open_sim(list, 6);
  acoap_local_endpoint_t *endpoint = sim_endpoint_new(sim, "0.0.0.0:5683", NULL);
  told_t told = {0};
  acoap_address_t group = sim_address("224.0.1.187:1234");
  acoap_local_endpoint_on_event(endpoint, tell, &told);
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, NULL), 0);
  ck_assert_uint_eq(told.count, 0); /* from the loop, never inside the call */
  run(sim, 1);
  ck_assert_uint_eq(count_of(&told, ACOAP_EVENT_GROUP_JOINED, "eth0"), 1);
  ck_assert_uint_eq(count_of(&told, ACOAP_EVENT_GROUP_JOINED, "eth1"), 1);
  ck_assert_uint_eq(count_of(&told, ACOAP_EVENT_GROUP_JOINED, NULL), 2);
  /* One without multicast is a warning, and no failure. */
  ck_assert_uint_eq(count_of(&told, ACOAP_EVENT_GROUP_FAILED, "tun0"), 1);
  ck_assert_uint_eq(count_of(&told, ACOAP_EVENT_GROUP_FAILED, NULL), 1);
  ck_assert(is_member(sim, "224.0.1.187", 2, endpoint));
  ck_assert(is_member(sim, "224.0.1.187", 3, endpoint));
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, NULL), 0);
  run(sim, 1);
  ck_assert_uint_eq(told.count, 3);
  ck_assert_int_eq(acoap_local_endpoint_leave(endpoint, &group, NULL), 0);
  ck_assert(!is_member(sim, "224.0.1.187", 2, endpoint));
  ck_assert_int_eq(acoap_local_endpoint_leave(endpoint, &group, NULL), ACOAP_ENOTFOUND);
  close_sim(sim, endpoint);
}
END_TEST

START_TEST(joined_on_one_interface_by_name_or_zone) {
  acoap_interface_t list[] = {interface_of("eth0", 2, "192.0.2.1", false, true),
                              interface_of("eth1", 3, "198.51.100.1", false, true)};
  acoap_sim_t *sim = open_sim(list, 2);
  acoap_local_endpoint_t *endpoint = sim_endpoint_new(sim, "0.0.0.0:5683", NULL);
  acoap_address_t group = sim_address("224.0.1.187");
  if (_i == 0) {
    ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, "eth1"), 0);
  } else {
    group.scope_id = 3;
    ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, NULL), 0);
  }
  run(sim, 1);
  ck_assert(!is_member(sim, "224.0.1.187", 2, endpoint));
  ck_assert(is_member(sim, "224.0.1.187", 3, endpoint));
  /* All and one overlap: leaving one leaves the other in place. */
  group.scope_id = 0;
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, NULL), 0);
  ck_assert_int_eq(acoap_local_endpoint_leave(endpoint, &group, "eth1"), 0);
  ck_assert(is_member(sim, "224.0.1.187", 3, endpoint));
  ck_assert_int_eq(acoap_local_endpoint_leave(endpoint, &group, NULL), 0);
  ck_assert(!is_member(sim, "224.0.1.187", 3, endpoint));
  close_sim(sim, endpoint);
}
END_TEST

START_TEST(what_cannot_be_joined_is_said) {
  acoap_interface_t list[] = {interface_of("eth0", 2, "192.0.2.1", false, true)};
  acoap_sim_t *sim = open_sim(list, 1);
  acoap_local_endpoint_t *endpoint = sim_endpoint_new(sim, "0.0.0.0:5683", NULL);
  acoap_address_t group = sim_address("224.0.1.187");
  acoap_address_t group6 = sim_address("ff02::fd");
  acoap_address_t unicast = sim_address("192.0.2.7");
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &unicast, NULL), ACOAP_EADDRESS);
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, "eth7"), ACOAP_ENOTFOUND);
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, ""), ACOAP_ENOTFOUND);
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group6, NULL), ACOAP_ENOTSUP);
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, NULL, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_local_endpoint_join(NULL, &group, NULL), ACOAP_EINVAL);
  group.scope_id = 9;
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, NULL), ACOAP_ENOTFOUND);
  close_sim(sim, endpoint);
}
END_TEST

START_TEST(group_is_joined_again_when_an_interface_comes_back) {
  acoap_interface_t list[] = {interface_of("eth0", 2, "192.0.2.1", false, true),
                              interface_of("eth1", 3, "198.51.100.1", false, true)};
  acoap_sim_t *sim = open_sim(list, 0);
  acoap_local_endpoint_t *endpoint = sim_endpoint_new(sim, "0.0.0.0:5683", NULL);
  told_t told = {0};
  acoap_address_t group = sim_address("224.0.1.187");
  acoap_local_endpoint_on_event(endpoint, tell, &told);
  /* No interface is up yet. */
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, NULL), 0);
  run(sim, 1);
  ck_assert_uint_eq(told.count, 0);
  for (unsigned round = 1; round <= 3; round++) {
    ck_assert_int_eq(acoap_sim_set_interfaces(sim, list, 2), 0);
    run(sim, 1);
    ck_assert_uint_eq(count_of(&told, ACOAP_EVENT_INTERFACE_UP, "eth0"), round);
    ck_assert_uint_eq(count_of(&told, ACOAP_EVENT_INTERFACE_UP, "eth1"), round == 1 ? 1 : round);
    ck_assert_uint_eq(count_of(&told, ACOAP_EVENT_GROUP_JOINED, "eth0"), round);
    ck_assert(is_member(sim, "224.0.1.187", 2, endpoint));
    ck_assert(is_member(sim, "224.0.1.187", 3, endpoint));
    ck_assert_int_eq(acoap_sim_set_interfaces(sim, list, 0), 0);
    run(sim, 1);
    ck_assert_uint_eq(count_of(&told, ACOAP_EVENT_INTERFACE_DOWN, "eth0"), round);
  }
  /* One more address is an event, and no second join. */
  ck_assert_int_eq(acoap_sim_set_interfaces(sim, list, 1), 0);
  run(sim, 1);
  unsigned joined = count_of(&told, ACOAP_EVENT_GROUP_JOINED, NULL);
  acoap_interface_t more[] = {list[0], interface_of("eth0", 2, "192.0.2.8", false, true)};
  told.count = 0;
  ck_assert_int_eq(acoap_sim_set_interfaces(sim, more, 2), 0);
  run(sim, 1);
  ck_assert_uint_gt(joined, 0);
  ck_assert_uint_eq(told.count, 1);
  ck_assert_int_eq(told.events[0].kind, ACOAP_EVENT_INTERFACE_UP);
  acoap_address_t added = sim_address("192.0.2.8");
  ck_assert(acoap_address_equal(&told.events[0].address, &added));
  close_sim(sim, endpoint);
}
END_TEST

START_TEST(group_may_be_left_inside_the_event_that_tells_of_it) {
  acoap_interface_t list[] = {interface_of("eth0", 2, "192.0.2.1", false, true),
                              interface_of("eth1", 3, "198.51.100.1", false, true)};
  acoap_sim_t *sim = open_sim(list, 2);
  acoap_local_endpoint_t *endpoint = sim_endpoint_new(sim, "0.0.0.0:5683", NULL);
  told_t told = {.leave_on_event = endpoint};
  acoap_address_t group = sim_address("224.0.1.187");
  acoap_local_endpoint_on_event(endpoint, tell, &told);
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, NULL), 0);
  run(sim, 1);
  ck_assert_uint_eq(told.count, 1);
  ck_assert(!is_member(sim, "224.0.1.187", 3, endpoint));
  close_sim(sim, endpoint);
}
END_TEST

START_TEST(loopback_is_joined_only_when_there_is_nothing_else) {
  acoap_interface_t list[] = {interface_of("lo", 1, "127.0.0.1", true, true),
                              interface_of("eth0", 2, "192.0.2.1", false, true)};
  acoap_sim_t *sim = open_sim(list, 1);
  acoap_local_endpoint_t *endpoint = sim_endpoint_new(sim, "0.0.0.0:5683", NULL);
  acoap_address_t group = sim_address("224.0.1.187");
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, NULL), 0);
  ck_assert(is_member(sim, "224.0.1.187", 1, endpoint));
  ck_assert_int_eq(acoap_sim_set_interfaces(sim, list, 2), 0);
  run(sim, 1);
  ck_assert(!is_member(sim, "224.0.1.187", 1, endpoint));
  ck_assert(is_member(sim, "224.0.1.187", 2, endpoint));
  ck_assert_int_eq(acoap_local_endpoint_join(endpoint, &group, "lo"), 0);
  ck_assert(is_member(sim, "224.0.1.187", 1, endpoint));
  close_sim(sim, endpoint);
}
END_TEST

/* ---- ways out -------------------------------------------------------------------------------- */

/* An endpoint with an IPv4 and an IPv6 socket. */
static acoap_local_endpoint_t *endpoint_of_both(acoap_sim_t *sim) {
  acoap_socket_t *sockets[2];
  acoap_address_t any4 = sim_address("0.0.0.0:5683");
  acoap_address_t any6 = sim_address("[::]:5683");
  acoap_local_endpoint_t *endpoint = NULL;
  ck_assert_int_eq(acoap_sim_socket_new(sim, &any4, &sockets[0]), 0);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &any6, &sockets[1]), 0);
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .host = acoap_sim_host(sim), .sockets = sockets, .socket_count = 2};
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &endpoint), 0);
  return endpoint;
}

static unsigned paths_with(const acoap_path_t *paths, size_t count, const char *group,
                           uint32_t interface, uint32_t scope, uint8_t hop_limit, uint16_t socket) {
  acoap_address_t peer = sim_address(group);
  unsigned found = 0;
  peer.port = 5683;
  peer.scope_id = scope;
  for (size_t i = 0; i < count; i++) {
    found += acoap_address_equal(&paths[i].peer, &peer) && paths[i].interface == interface &&
             paths[i].hop_limit == hop_limit && paths[i].socket == socket;
  }
  return found;
}

START_TEST(group_request_leaves_through_every_interface_of_its_family) {
  acoap_interface_t list[] = {
      interface_of("lo", 1, "127.0.0.1", true, true),
      interface_of("lo", 1, "::1", true, true),
      interface_of("eth0", 2, "192.0.2.1", false, true),
      interface_of("eth0", 2, "fe80::1", false, true),
      interface_of("eth0", 2, "2001:db8::1", false, true),
      interface_of("eth1", 3, "198.51.100.1", false, true),
      interface_of("tun0", 4, "203.0.113.1", false, false),
      interface_of("eth3", 5, "fe80::3", false, true),
  };
  acoap_sim_t *sim = open_sim(list, 8);
  acoap_local_endpoint_t *endpoint = endpoint_of_both(sim);
  acoap_remote_endpoint_t *all = NULL;
  acoap_path_t paths[16];
  ck_assert_int_eq(acoap_remote_endpoint_all_coap_nodes(endpoint, 0, "/.well-known/core", &all), 0);
  ck_assert(acoap__remote_is_group(all));
  size_t count = acoap__remote_group_paths(all, 0, paths, 16);
  ck_assert_uint_eq(count, 6);
  ck_assert_uint_eq(paths_with(paths, count, "224.0.1.187", 2, 0, 1, 0), 1);
  ck_assert_uint_eq(paths_with(paths, count, "224.0.1.187", 3, 0, 1, 0), 1);
  /* Link-local groups carry the zone; wider ones get further than a link. */
  ck_assert_uint_eq(paths_with(paths, count, "ff02::fd", 2, 2, 1, 1), 1);
  ck_assert_uint_eq(paths_with(paths, count, "ff02::fd", 5, 5, 1, 1), 1);
  ck_assert_uint_eq(paths_with(paths, count, "ff05::fd", 2, 0, 5, 1), 1);
  ck_assert_uint_eq(paths_with(paths, count, "ff05::fd", 5, 0, 5, 1), 1);
  ck_assert_uint_eq(acoap__remote_group_paths(all, 7, paths, 3), 3);
  ck_assert_uint_eq(paths_with(paths, 3, "224.0.1.187", 2, 0, 7, 0), 1);
  /* One interface when asked, also the loopback one. */
  ck_assert_int_eq(acoap_remote_endpoint_set_interface(all, "lo"), 0);
  count = acoap__remote_group_paths(all, 0, paths, 16);
  ck_assert_uint_eq(count, 3);
  ck_assert_uint_eq(paths_with(paths, count, "224.0.1.187", 1, 0, 1, 0), 1);
  ck_assert_uint_eq(paths_with(paths, count, "ff02::fd", 1, 1, 1, 1), 1);
  ck_assert_int_eq(acoap_remote_endpoint_set_interface(all, "eth9"), ACOAP_ENOTFOUND);
  /* An interface that went away leaves no way. */
  ck_assert_int_eq(acoap_remote_endpoint_set_interface(all, "eth1"), 0);
  ck_assert_int_eq(acoap_sim_set_interfaces(sim, list, 2), 0);
  run(sim, 1);
  ck_assert_uint_eq(acoap__remote_group_paths(all, 0, paths, 16), 0);
  /* With nothing but loopback there is loopback. */
  ck_assert_int_eq(acoap_remote_endpoint_set_interface(all, NULL), 0);
  count = acoap__remote_group_paths(all, 0, paths, 16);
  ck_assert_uint_eq(count, 3);
  ck_assert_uint_eq(paths_with(paths, count, "224.0.1.187", 1, 0, 1, 0), 1);
  acoap_remote_endpoint_unref(all);
  close_sim(sim, endpoint);
}
END_TEST

START_TEST(group_with_a_zone_leaves_through_that_one) {
  acoap_interface_t list[] = {interface_of("eth0", 2, "fe80::1", false, true),
                              interface_of("eth1", 3, "fe80::2", false, true)};
  static const char *const uris[] = {"coap://[ff02::fd%25eth1]/", "coap://[ff02::fd%eth1]/",
                                     "coap://[ff02::fd%253]/"};
  acoap_sim_t *sim = open_sim(list, 2);
  acoap_local_endpoint_t *endpoint = endpoint_of_both(sim);
  acoap_remote_endpoint_t *group = NULL;
  acoap_path_t paths[4];
  ck_assert_int_eq(acoap_remote_endpoint_new(endpoint, uris[_i], &group), 0);
  ck_assert_uint_eq(acoap__remote_group_paths(group, 0, paths, 4), 1);
  ck_assert_uint_eq(paths_with(paths, 1, "ff02::fd", 3, 3, 1, 1), 1);
  acoap_remote_endpoint_unref(group);
  close_sim(sim, endpoint);
}
END_TEST

/* ---- answers --------------------------------------------------------------------------------- */

static uint8_t answer_code;
static bool answer_nothing;

static void answer(void *user_data, acoap_request_t *request) {
  unsigned *requests = user_data;
  (*requests)++;
  ck_assert(acoap_message_path(acoap_request_message(request))->multicast);
  ck_assert_int_eq(acoap_request_acknowledge(request), 0);
  if (!answer_nothing) {
    ck_assert_int_eq(acoap_request_respond(request, answer_code, ACOAP_FORMAT_NONE, "here", 4), 0);
  }
}

typedef struct ask_group {
  sim_pair_t pair;
  sim_ask_t ask;
  unsigned requests;
} ask_group_t;

static void ask_the_group(ask_group_t *at, uint64_t seed,
                          const acoap_local_endpoint_options_t *options) {
  acoap_address_t group = sim_address("224.0.1.187");
  memset(at, 0, sizeof(*at));
  sim_pair_open(&at->pair, seed, options);
  acoap_local_endpoint_receive(at->pair.server, answer, &at->requests);
  ck_assert_int_eq(acoap_local_endpoint_join(at->pair.server, &group, NULL), 0);
  sim_ask_init(&at->ask, at->pair.client, ACOAP_CODE_GET);
  at->ask.keep = true;
  group.port = 5683;
  ck_assert_int_eq(sim_ask_send(&at->ask, &group, ACOAP_NON), 0);
}

START_TEST(multicast_is_answered_after_a_leisure_as_a_non_from_an_address_of_ours) {
  acoap_time_t least = 5000;
  acoap_time_t most = 0;
  answer_code = ACOAP_CODE_CONTENT;
  answer_nothing = false;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    ask_group_t at;
    ask_the_group(&at, seed, NULL);
    acoap_time_t start = sim_pair_now(&at.pair);
    sim_pair_run(&at.pair, 5001);
    ck_assert_uint_eq(at.requests, 1);
    ck_assert_uint_eq(at.ask.responses, 1);
    ck_assert_int_eq(at.ask.type, ACOAP_NON);
    ck_assert_str_eq(at.ask.payload, "here");
    ck_assert(acoap_address_equal(&at.ask.from.peer, &at.pair.server_address));
    acoap_time_t waited = at.ask.at - start;
    least = waited < least ? waited : least;
    most = waited > most ? waited : most;
    sim_ask_done(&at.ask);
    sim_pair_close(&at.pair);
  }
  /* Uniform in [0, DEFAULT_LEISURE]: 40 draws leave both ends far behind. */
  ck_assert_int_lt(least, 1000);
  ck_assert_int_gt(most, 4000);
  ck_assert_int_le(most, 5001);
}
END_TEST

static const uint8_t silent_codes[] = {ACOAP_CODE_NOT_FOUND, ACOAP_CODE_BAD_OPTION,
                                       ACOAP_CODE_INTERNAL_SERVER_ERROR, 0};

START_TEST(errors_and_silence_stay_silent_after_multicast) {
  ask_group_t at;
  answer_code = silent_codes[_i];
  answer_nothing = silent_codes[_i] == 0;
  ask_the_group(&at, 5, NULL);
  sim_pair_run(&at.pair, 20000);
  ck_assert_uint_eq(at.requests, 1);
  ck_assert_uint_eq(at.ask.responses, 0);
  ck_assert_uint_eq(at.ask.failures, 0);
  acoap_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_local_endpoint_stats(at.pair.client, &stats), 0);
  ck_assert_uint_eq(stats.datagrams_received, 0);
  sim_ask_done(&at.ask);
  sim_pair_close(&at.pair);
}
END_TEST

START_TEST(multicast_without_a_handler_is_silence) {
  ask_group_t at;
  ask_the_group(&at, 5, NULL);
  acoap_local_endpoint_receive(at.pair.server, NULL, NULL);
  sim_pair_run(&at.pair, 20000);
  ck_assert_uint_eq(at.ask.responses, 0);
  sim_ask_done(&at.ask);
  sim_pair_close(&at.pair);
}
END_TEST

START_TEST(answers_that_wait_for_their_leisure_are_bounded) {
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .requests_open_max = 3};
  ask_group_t at;
  sim_peer_t flood;
  answer_code = ACOAP_CODE_CONTENT;
  answer_nothing = false;
  ask_the_group(&at, 5, &options);
  acoap_address_t group = sim_address("224.0.1.187:5683");
  sim_peer_open(&flood, at.pair.sim, "192.0.2.9:5683");
  for (uint16_t i = 0; i < 20; i++) {
    sim_peer_send(&flood, &group, ACOAP_NON, ACOAP_CODE_GET, i, "f", NULL);
  }
  sim_pair_run(&at.pair, 6000);
  ck_assert_uint_eq(at.requests, 3);
  ck_assert_uint_eq(at.ask.responses + flood.received, 3);
  /* Then there is room again. */
  sim_peer_send(&flood, &group, ACOAP_NON, ACOAP_CODE_GET, 99, "f", NULL);
  sim_pair_run(&at.pair, 6000);
  ck_assert_uint_eq(at.requests, 4);
  sim_peer_close(&flood);
  sim_ask_done(&at.ask);
  sim_pair_close(&at.pair);
}
END_TEST

START_TEST(endpoint_may_close_during_a_leisure) {
  ask_group_t at;
  acoap_params_t params;
  acoap_params_init(&params);
  params.default_leisure_ms = 100000;
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .params = &params};
  answer_code = ACOAP_CODE_CONTENT;
  answer_nothing = false;
  ask_the_group(&at, 5, &options);
  sim_pair_run(&at.pair, 10);
  ck_assert_uint_eq(at.requests, 1);
  ck_assert_uint_eq(at.ask.responses, 0);
  sim_ask_done(&at.ask);
  sim_pair_close(&at.pair);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("endpoint_group");
  TCase *joins = tcase_create("joins");
  tcase_add_test(joins, joined_on_every_interface_that_can_multicast);
  tcase_add_loop_test(joins, joined_on_one_interface_by_name_or_zone, 0, 2);
  tcase_add_test(joins, what_cannot_be_joined_is_said);
  tcase_add_test(joins, group_is_joined_again_when_an_interface_comes_back);
  tcase_add_test(joins, group_may_be_left_inside_the_event_that_tells_of_it);
  tcase_add_test(joins, loopback_is_joined_only_when_there_is_nothing_else);
  suite_add_tcase(s, joins);
  TCase *ways = tcase_create("ways");
  tcase_add_test(ways, group_request_leaves_through_every_interface_of_its_family);
  tcase_add_loop_test(ways, group_with_a_zone_leaves_through_that_one, 0, 3);
  suite_add_tcase(s, ways);
  TCase *answers = tcase_create("answers");
  tcase_add_test(answers, multicast_is_answered_after_a_leisure_as_a_non_from_an_address_of_ours);
  tcase_add_loop_test(answers, errors_and_silence_stay_silent_after_multicast, 0, 4);
  tcase_add_test(answers, multicast_without_a_handler_is_silence);
  tcase_add_test(answers, answers_that_wait_for_their_leisure_are_bounded);
  tcase_add_test(answers, endpoint_may_close_during_a_leisure);
  suite_add_tcase(s, answers);
  return s;
}

ACOAP_TEST_MAIN(suite)
