/*
 * 1,000 observers of ten resources on a network that loses, delays, duplicates and reorders, and is
 * cut towards some of them for a while. Twenty endpoints of ours with ten streams each, and eighty
 * bare peers with ten tokens each that acknowledge, put notifications in order (RFC 7641 section
 * 3.4) and register again when Max-Age and 5 to 15 s are over (section 3.3.1).
 *
 * What holds in every run, once the network is whole and the last change is made:
 *     whoever is registered where each notification is a CON knows the last state after
 *     MAX_TRANSMIT_WAIT; everybody does after Max-Age + 15 s + one exchange
 *     handlers are asked at most once for each change
 *     when all have gone the server holds nothing that it did not hold before, and the network
 *     falls idle
 *
 * A seed is a thousand observers: ACOAP_SIM_SEEDS=n runs n / 10 seeds (50), at most 1,000,
 * ACOAP_SIM_SEED=n that one alone. The iteration that Check names in a failure is the seed.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include "base/random.h"
#include "check_main.h"
#include "fail_alloc.h"
#include "message/observe.h"
#include "server/observe.h"
#include "sim_pair.h"

enum {
  RESOURCES = 10,
  STREAMERS = 20,
  PEERS = 80,
  ENDPOINTS = STREAMERS + PEERS,
  CON_RESOURCES = 7, /* the first ones send CON only */
  SECOND = 1000,
  MAX_AGE = 60 * SECOND,
  MAX_TRANSMIT_WAIT = 93 * SECOND,
  CHANGES = 4,
  /* Objects that the server and its endpoint keep for reuse. */
  POOLED = 32 + 32 + 32
};

typedef struct run run_t;

/* One observer: a stream, or a token of a bare peer. */
typedef struct observer {
  run_t *run;
  unsigned resource;
  uint32_t state; /* the newest that it knows */
  acoap_stream_t *stream;
  /* of a bare peer: */
  bool asking;         /* its registration was not answered yet */
  acoap_time_t next;   /* when it registers again, or repeats that */
  uint16_t message_id; /* of the registration */
  bool told;           /* number and at count */
  uint32_t number;     /* Observe of the last one */
  acoap_time_t at;     /* when that came */
} observer_t;

typedef struct endpoint {
  run_t *run;
  acoap_address_t address;
  observer_t observers[RESOURCES];
  acoap_local_endpoint_t *local; /* ours */
  acoap_socket_t *socket;        /* a bare peer's */
  uint16_t message_id;
} endpoint_t;

struct run {
  acoap__seeded_t seeded;
  acoap__random_t random;
  acoap_sim_t *sim;
  acoap_address_t server_address;
  acoap_local_endpoint_t *local;
  acoap_server_t *server;
  acoap_resource_t *resources[RESOURCES];
  uint32_t states[RESOURCES];
  unsigned rounds, changes;
  bool leaving; /* nobody begins anew */
  unsigned closed;
  endpoint_t endpoints[ENDPOINTS];
};

static uint32_t dice(run_t *run, uint32_t sides) {
  return acoap__random_between(&run->random, 0, sides - 1);
}

/* ---- the server ------------------------------------------------------------------------------ */

static void give_state(void *user_data, acoap_request_t *request) {
  run_t *run = user_data;
  acoap_resource_t *resource = acoap_request_resource(request);
  unsigned n = (unsigned)(acoap_resource_path(resource)[1] - '0');
  run->rounds += acoap_request_is_notification(request) ? 1 : 0;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_OCTET_STREAM, &run->states[n],
                        sizeof(run->states[n]));
}

static void server_open(run_t *run) {
  acoap_server_options_t options = {.size = sizeof(options),
                                    .amplification = dice(run, 4) == 0 ? ACOAP_AMPLIFICATION_ON
                                                                       : ACOAP_AMPLIFICATION_OFF};
  acoap_local_endpoint_options_t local = {.size = sizeof(local), .reply_bytes = 1 << 17};
  run->server_address = sim_address(SIM_SERVER);
  run->local = sim_endpoint_new(run->sim, SIM_SERVER, &local);
  ck_assert_int_eq(acoap_server_new(run->local, &options, &run->server), 0);
  for (unsigned i = 0; i < RESOURCES; i++) {
    acoap_observable_options_t observable = {.size = sizeof(observable),
                                             .reliability = i < CON_RESOURCES ? ACOAP_RELIABLE
                                                                              : ACOAP_UNRELIABLE,
                                             .interval_ms = i % 3 == 2 ? 500 : 0};
    char path[3] = {'/', (char)('0' + i), 0};
    run->resources[i] = acoap_resource_new(run->server, path);
    acoap_resource_on(run->resources[i], ACOAP_CODE_GET, give_state, run);
    acoap_resource_observable(run->resources[i], &observable);
  }
  ck_assert_int_eq(acoap_server_status(run->server), 0);
}

static void change(run_t *run, unsigned resource) {
  run->states[resource]++;
  run->changes++;
  ck_assert_int_eq(acoap_resource_notify(run->resources[resource]), 0);
}

/* ---- streams --------------------------------------------------------------------------------- */

static void stream_start(endpoint_t *endpoint, observer_t *observer);

static void note(void *user_data, int status, acoap_message_t *message) {
  observer_t *observer = user_data;
  if (status >= 0 && message != NULL) {
    acoap_bytes_t payload = acoap_message_payload(message);
    ck_assert_uint_eq(payload.len, sizeof(observer->state));
    memcpy(&observer->state, payload.data, sizeof(observer->state));
  }
  if (status < 0 && !observer->run->leaving) {
    /* A registration that timed out while the network was cut. */
    endpoint_t *endpoint = &observer->run->endpoints[0];
    while (observer < endpoint->observers || observer >= endpoint->observers + RESOURCES) {
      endpoint++;
    }
    observer->stream = acoap_stream_unref(observer->stream);
    stream_start(endpoint, observer);
  }
}

static void stream_start(endpoint_t *endpoint, observer_t *observer) {
  char uri[40];
  acoap_remote_endpoint_t *remote = NULL;
  acoap_desc_t *desc = acoap_desc_get();
  snprintf(uri, sizeof(uri), "coap://192.0.2.1/%u", observer->resource);
  ck_assert_int_eq(acoap_remote_endpoint_new(endpoint->local, uri, &remote), 0);
  acoap_desc_observe(desc, NULL);
  ck_assert_int_eq(acoap_send_stream(remote, desc, note, observer, &observer->stream), 0);
  acoap_remote_endpoint_unref(remote);
}

/* ---- bare peers ------------------------------------------------------------------------------ */

static void peer_send(endpoint_t *peer, acoap_builder_t *builder) {
  acoap_path_t path = {.peer = peer->run->server_address};
  int len = acoap_builder_finish(builder);
  ck_assert_int_gt(len, 0);
  acoap_outgoing_datagram_t datagram = {&path, {builder->bytes, (size_t)len}};
  ck_assert_int_eq(peer->socket->ops->send(peer->socket, &datagram, 1), 1);
}

static void peer_ask(endpoint_t *peer, const observer_t *observer, uint32_t observe) {
  uint8_t bytes[32];
  acoap_builder_t builder;
  const uint8_t token = (uint8_t)('A' + observer->resource);
  const char path[2] = {(char)('0' + observer->resource), 0};
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_GET,
                     observer->message_id, &token, 1);
  acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, observe);
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, path, 1);
  peer_send(peer, &builder);
}

static void peer_register(endpoint_t *peer, observer_t *observer) {
  acoap_time_t now = acoap_sim_now(peer->run->sim);
  if (!observer->asking) {
    observer->asking = true;
    observer->message_id = ++peer->message_id;
  }
  observer->next = now + 3 * SECOND + (acoap_time_t)dice(peer->run, SECOND);
  peer_ask(peer, observer, 0);
}

static void peer_note(endpoint_t *peer, observer_t *observer, const acoap_view_t *view) {
  acoap_time_t now = acoap_sim_now(peer->run->sim);
  uint32_t number;
  if (view->type == ACOAP_ACK) {
    if (!observer->asking || view->message_id != observer->message_id) {
      return; /* a duplicate of an older answer */
    }
    observer->asking = false;
    observer->next = now; /* until it is heard that it observes */
  }
  if (!acoap_view_uint(view, ACOAP_OPTION_OBSERVE, &number)) {
    return;
  }
  if (!observer->asking) {
    observer->next = now + MAX_AGE + 5 * SECOND + (acoap_time_t)dice(peer->run, 10 * SECOND);
  }
  if (!observer->told || acoap__observe_is_newer(observer->number, observer->at, number, now)) {
    ck_assert_uint_eq(view->payload.len, sizeof(observer->state));
    memcpy(&observer->state, view->payload.data, sizeof(observer->state));
    observer->told = true;
    observer->number = number;
    observer->at = now;
  }
}

static void peer_received(void *user_data, const acoap_incoming_datagram_t *datagrams,
                          size_t count) {
  endpoint_t *peer = user_data;
  for (size_t i = 0; i < count; i++) {
    acoap_view_t view;
    uint8_t bytes[4];
    acoap_builder_t builder;
    ck_assert_int_eq(acoap_decode(&view, datagrams[i].bytes.data, datagrams[i].bytes.len, 8, NULL),
                     0);
    if (view.type == ACOAP_CON) {
      acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_ACK, 0, view.message_id, NULL, 0);
      peer_send(peer, &builder);
    }
    if (view.token.len == 1) {
      peer_note(peer, &peer->observers[view.token.data[0] - 'A'], &view);
    }
  }
}

static const acoap_socket_events_t peer_events = {.size = sizeof(peer_events),
                                                  .received = peer_received};

static void peers_tick(run_t *run) {
  acoap_time_t now = acoap_sim_now(run->sim);
  for (unsigned i = STREAMERS; i < ENDPOINTS; i++) {
    for (unsigned n = 0; n < RESOURCES; n++) {
      if (run->endpoints[i].observers[n].next <= now) {
        peer_register(&run->endpoints[i], &run->endpoints[i].observers[n]);
      }
    }
  }
}

/* ---- the run --------------------------------------------------------------------------------- */

static void endpoint_open(run_t *run, unsigned i) {
  endpoint_t *endpoint = &run->endpoints[i];
  acoap_local_endpoint_options_t small = {.size = sizeof(small),
                                          .peers = 8,
                                          .dedup_con = 512,
                                          .dedup_non = 256,
                                          .reply_bytes = 4096,
                                          .queue_per_peer = 64};
  char address[32];
  snprintf(address, sizeof(address), "192.0.2.%u:40000", 10 + i);
  endpoint->run = run;
  endpoint->address = sim_address(address);
  if (i < STREAMERS) {
    endpoint->local = sim_endpoint_new(run->sim, address, &small);
  } else {
    ck_assert_int_eq(acoap_sim_socket_new(run->sim, &endpoint->address, &endpoint->socket), 0);
    ck_assert_int_eq(endpoint->socket->ops->start(endpoint->socket, &peer_events, endpoint), 0);
  }
  for (unsigned n = 0; n < RESOURCES; n++) {
    observer_t *observer = &endpoint->observers[n];
    observer->run = run;
    observer->resource = n;
    observer->state = UINT32_MAX;
    if (i < STREAMERS) {
      stream_start(endpoint, observer);
    } else {
      observer->next = acoap_sim_now(run->sim) + (acoap_time_t)dice(run, 2 * SECOND);
    }
  }
}

static void pass(run_t *run, acoap_time_t ms) {
  for (acoap_time_t until = acoap_sim_now(run->sim) + ms; acoap_sim_now(run->sim) < until;) {
    acoap_sim_run_until(run->sim, acoap_sim_now(run->sim) + SECOND);
    if (!run->leaving) {
      peers_tick(run);
    }
  }
}

static void cut_some(run_t *run, bool cut, uint64_t which[2]) {
  for (unsigned i = 0; i < ENDPOINTS; i++) {
    if ((which[i / 64] >> (i % 64) & 1) != 0) {
      acoap_sim_partition(run->sim, &run->server_address, &run->endpoints[i].address, cut);
    }
  }
}

/* Changes, with a cut that begins at some time and lasts for some. */
static void weather(run_t *run) {
  uint64_t which[2] = {0, 0};
  acoap_sim_conditions_t conditions = {.size = sizeof(conditions),
                                       .loss_ppm = dice(run, 200000),
                                       .duplicate_ppm = dice(run, 100000),
                                       .delay_min_ms = 5,
                                       .delay_max_ms = 10 + dice(run, 1500)};
  acoap_sim_set_conditions(run->sim, &conditions);
  pass(run, 5 * SECOND);
  for (unsigned i = 0; i < ENDPOINTS; i++) {
    which[i / 64] |= (uint64_t)(dice(run, 3) == 0) << (i % 64);
  }
  for (unsigned i = 0; i < CHANGES; i++) {
    if (i == 1) {
      cut_some(run, true, which);
    }
    for (unsigned n = 0; n < RESOURCES; n++) {
      change(run, n);
      if (dice(run, 4) == 0) {
        pass(run, SECOND);
      }
    }
    pass(run, SECOND * (acoap_time_t)(1 + dice(run, 30)));
  }
  cut_some(run, false, which);
  acoap_sim_conditions_t whole = {.size = sizeof(whole), .delay_min_ms = 5, .delay_max_ms = 50};
  acoap_sim_set_conditions(run->sim, &whole);
}

static const observer_t *observer_of(const run_t *run, const acoap_address_t *address,
                                     unsigned resource) {
  for (unsigned i = 0; i < ENDPOINTS; i++) {
    if (acoap_address_equal(&run->endpoints[i].address, address)) {
      return &run->endpoints[i].observers[resource];
    }
  }
  return NULL;
}

/* Who stands in the server's lists knows what it would be told. */
static void check_registered(const run_t *run) {
  for (unsigned n = 0; n < CON_RESOURCES; n++) {
    const acoap__list_t *targets = &run->resources[n]->observers;
    for (const acoap__list_t *t = targets->next; t != targets; t = t->next) {
      const acoap__target_t *target = ACOAP__CONTAINER(t, acoap__target_t, node);
      const acoap__list_t *list = &target->observers;
      for (const acoap__list_t *o = list->next; o != list; o = o->next) {
        const acoap__observer_t *entry = ACOAP__CONTAINER(o, acoap__observer_t, node);
        const observer_t *observer =
            observer_of(run, &acoap__request_inbound(entry->request)->path->peer, n);
        ck_assert_ptr_nonnull(observer);
        ck_assert_msg(observer->state == run->states[n],
                      "registered for /%u and knows %u instead of %u", n, observer->state,
                      run->states[n]);
      }
    }
  }
}

static void check_all(const run_t *run) {
  for (unsigned i = 0; i < ENDPOINTS; i++) {
    for (unsigned n = 0; n < RESOURCES; n++) {
      ck_assert_msg(run->endpoints[i].observers[n].state == run->states[n],
                    "observer %u of /%u knows %u instead of %u", i, n,
                    run->endpoints[i].observers[n].state, run->states[n]);
    }
  }
}

/* Half of them say so, the others are found out by a farewell that nobody wants. */
static void leave(run_t *run) {
  run->leaving = true;
  pass(run, SECOND); /* no registration is under way any more that could overtake its end */
  for (unsigned i = 0; i < ENDPOINTS; i++) {
    for (unsigned n = 0; n < RESOURCES; n++) {
      observer_t *observer = &run->endpoints[i].observers[n];
      if (i < STREAMERS) {
        observer->stream = acoap_stream_unref(observer->stream);
      } else if (n % 2 == 0) {
        observer->message_id = ++run->endpoints[i].message_id;
        peer_ask(&run->endpoints[i], observer, 1);
      }
    }
  }
  pass(run, SECOND);
  for (unsigned n = 1; n < RESOURCES; n += 2) {
    ck_assert_int_eq(acoap_resource_end_observations(run->resources[n], NULL, ACOAP_CODE_NOT_FOUND),
                     0);
  }
  pass(run, 300 * SECOND);
}

static void note_closed(void *user_data) {
  ((run_t *)user_data)->closed++;
}

static void run_close(run_t *run) {
  acoap_server_free(run->server);
  acoap_local_endpoint_close(run->local, note_closed, run);
  for (unsigned i = 0; i < ENDPOINTS; i++) {
    if (i < STREAMERS) {
      acoap_local_endpoint_close(run->endpoints[i].local, note_closed, run);
    } else {
      acoap_socket_close(run->endpoints[i].socket, NULL, NULL);
    }
  }
  ck_assert(acoap_sim_run_idle(run->sim, acoap_sim_now(run->sim) + 1000 * SECOND));
  ck_assert_uint_eq(run->closed, 1 + STREAMERS);
  acoap_sim_free(run->sim);
}

START_TEST(observers_agree_with_their_resources_in_the_end) {
  static run_t run;
  memset(&run, 0, sizeof(run));
  fail_alloc_install();
  run.seeded.state = (uint64_t)_i * 7919 + 1;
  acoap__random_init(&run.random, acoap__seeded_fill, &run.seeded);
  ck_assert_int_eq(acoap_sim_new((uint64_t)_i, 1000000, &run.sim), 0);
  server_open(&run);
  size_t baseline = fail_alloc_live();
  for (unsigned i = 0; i < ENDPOINTS; i++) {
    endpoint_open(&run, i);
  }
  size_t clients = fail_alloc_live();
  weather(&run);
  pass(&run, MAX_TRANSMIT_WAIT + SECOND);
  check_registered(&run);
  pass(&run, MAX_AGE + 15 * SECOND);
  check_all(&run);
  ck_assert_uint_le(run.rounds, 2 * run.changes); /* interval_ms asks for the rest once more */
  acoap_server_stats_t stats = {.size = sizeof(stats)};
  leave(&run);
  ck_assert_int_eq(acoap_server_stats(run.server, &stats), 0);
  ck_assert_uint_eq(stats.observers, 0);
  ck_assert_uint_eq(stats.observers_refused, 0);
  ck_assert_uint_eq(stats.transfers, 0);
  ck_assert_uint_lt(fail_alloc_live(), clients + POOLED);
  ck_assert_uint_gt(clients, baseline);
  run_close(&run);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

static int number_from(const char *name, int otherwise) {
  const char *text = getenv(name);
  int number = text != NULL ? atoi(text) : 0;
  return number > 0 ? number : otherwise;
}

static Suite *server_observe_sim_suite(void) {
  Suite *suite = suite_create("server_observe_sim");
  TCase *seeds = tcase_create("seeds");
  int one = number_from("ACOAP_SIM_SEED", 0);
  int tenth = number_from("ACOAP_SIM_SEEDS", 500) / 10;
  int last = one > 0 ? one : tenth < 1 ? 1 : tenth < 1000 ? tenth : 1000;
  tcase_set_timeout(seeds, 0);
  tcase_add_loop_test(seeds, observers_agree_with_their_resources_in_the_end, one > 0 ? one : 1,
                      last + 1);
  suite_add_tcase(suite, seeds);
  return suite;
}

ACOAP_TEST_MAIN(server_observe_sim_suite)
