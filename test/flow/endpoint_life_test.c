/*
 * The life of an endpoint: how it is made, that it costs nothing while idle, that it may be closed
 * from any of its callbacks, what close settles and in which order, calls from threads, and when it
 * keeps its loop alive.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>

#include "check_main.h"
#include "fail_alloc.h"
#include "sim_pair.h"

/* ---- made ------------------------------------------------------------------------------------ */

static acoap_address_t some_address;
static acoap_socket_t *no_socket[1];

/* What is no way to make an endpoint; a host and one socket are filled in where `sockets` says so.
 */
static const struct {
  const char *what;
  acoap_local_endpoint_options_t options;
  bool sockets;
} bad_options[] = {
    {"size 0", {.size = 0}, true},
    {"neither loop nor host", {.size = sizeof(acoap_local_endpoint_options_t)}, false},
    {"sockets that are none",
     {.size = sizeof(acoap_local_endpoint_options_t), .socket_count = 1},
     false},
    {"a NULL among the sockets",
     {.size = sizeof(acoap_local_endpoint_options_t), .sockets = no_socket, .socket_count = 1},
     false},
    {"own sockets and addresses to bind",
     {.size = sizeof(acoap_local_endpoint_options_t), .bind = &some_address, .bind_count = 1},
     true},
    {"own sockets and source ports",
     {.size = sizeof(acoap_local_endpoint_options_t), .source_ports = 2},
     true},
    {"a message that holds nothing",
     {.size = sizeof(acoap_local_endpoint_options_t), .message_max_bytes = 8},
     true},
    {"a message that no datagram holds",
     {.size = sizeof(acoap_local_endpoint_options_t), .message_max_bytes = 100000},
     true},
    {"a token beyond RFC 8974",
     {.size = sizeof(acoap_local_endpoint_options_t), .token_max = 70000},
     true},
};

START_TEST(bad_options_are_einval_and_take_nothing) {
  acoap_sim_t *sim = NULL;
  acoap_socket_t *socket = NULL;
  acoap_address_t address = sim_address(SIM_SERVER);
  ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &socket), 0);
  acoap_local_endpoint_options_t options = bad_options[_i].options;
  if (bad_options[_i].sockets) {
    options.sockets = &socket;
    options.socket_count = 1;
    options.host = acoap_sim_host(sim);
  } else if (options.sockets != NULL) {
    options.host = acoap_sim_host(sim);
  }
  acoap_local_endpoint_t *endpoint = (acoap_local_endpoint_t *)&options;
  ck_assert_msg(acoap_local_endpoint_new(NULL, &options, &endpoint) == ACOAP_EINVAL, "%s",
                bad_options[_i].what);
  ck_assert_ptr_eq(endpoint, (acoap_local_endpoint_t *)&options);
  acoap_socket_close(socket, NULL, NULL);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(bad_params_are_einval) {
  acoap_sim_t *sim = NULL;
  acoap_params_t params;
  acoap_params_init(&params);
  params.ack_random_factor_permille = 1;
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .params = &params};
  acoap_socket_t *socket = NULL;
  acoap_local_endpoint_t *endpoint = NULL;
  acoap_address_t address = sim_address(SIM_SERVER);
  ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &socket), 0);
  options.host = acoap_sim_host(sim);
  options.sockets = &socket;
  options.socket_count = 1;
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &endpoint), ACOAP_EINVAL);
  acoap_socket_close(socket, NULL, NULL);
  acoap_sim_free(sim);
}
END_TEST

START_TEST(every_allocation_of_the_constructor_may_fail) {
  size_t failures = 0;
  fail_alloc_install();
  for (size_t n = 1; fail_alloc_again(n); n++) {
    acoap_sim_t *sim = NULL;
    acoap_socket_t *socket = NULL;
    acoap_local_endpoint_t *endpoint = NULL;
    acoap_address_t address = sim_address(SIM_SERVER);
    ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
    ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &socket), 0);
    acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                              .host = acoap_sim_host(sim),
                                              .sockets = &socket,
                                              .socket_count = 1};
    fail_alloc_at(n);
    int status = acoap_local_endpoint_new(NULL, &options, &endpoint);
    ck_assert_int_eq(status, fail_alloc_happened() ? ACOAP_ENOMEM : 0);
    fail_alloc_at(0);
    if (status == 0) {
      acoap_local_endpoint_close(endpoint, NULL, NULL);
      acoap_sim_run_until(sim, 10);
    } else {
      failures++;
      acoap_socket_close(socket, NULL, NULL);
    }
    acoap_sim_free(sim);
    ck_assert_uint_eq(fail_alloc_live(), 0);
  }
  ck_assert_uint_ge(failures, 5);
  fail_alloc_restore();
}
END_TEST

START_TEST(numbers_and_addresses_are_told) {
  sim_pair_t pair;
  sim_ask_t ask;
  sim_pair_open(&pair, 1, NULL);
  acoap_address_t address;
  ck_assert_int_eq(acoap_local_endpoint_address(pair.server, 0, &address), 0);
  ck_assert(acoap_address_equal(&address, &pair.server_address));
  ck_assert_int_eq(acoap_local_endpoint_address(pair.server, 1, &address), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_local_endpoint_now(pair.server), sim_pair_now(&pair));
  acoap_peer_state_t state;
  ck_assert_int_eq(acoap_local_endpoint_peer_state(pair.client, &pair.server_address, &state),
                   ACOAP_ENOTFOUND);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  ck_assert_int_eq(acoap_local_endpoint_peer_state(pair.client, &pair.server_address, &state), 0);
  ck_assert_uint_eq(state.outstanding, 1);
  ck_assert_uint_eq(state.queued, 0);
  sim_pair_run(&pair, 10);
  ck_assert_int_eq(acoap_local_endpoint_peer_state(pair.client, &pair.server_address, &state), 0);
  ck_assert_uint_eq(state.outstanding, 0);
  acoap_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_local_endpoint_stats(pair.client, &stats), 0);
  ck_assert_uint_eq(stats.datagrams_sent, 1);
  ck_assert_uint_eq(stats.datagrams_received, 1);
  ck_assert_uint_eq(stats.size, sizeof(stats));
  /* A caller that knows fewer counters gets those. */
  acoap_stats_t old;
  memset(&old, 0xee, sizeof(old));
  old.size = offsetof(acoap_stats_t, datagrams_sent);
  ck_assert_int_eq(acoap_local_endpoint_stats(pair.client, &old), 0);
  ck_assert_uint_eq(old.datagrams_received, 1);
  ck_assert_uint_eq(old.datagrams_sent, 0xeeeeeeeeeeeeeeeeu);
  stats.size = 0;
  ck_assert_int_eq(acoap_local_endpoint_stats(pair.client, &stats), ACOAP_EINVAL);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

/* ---- idle ------------------------------------------------------------------------------------ */

START_TEST(idle_endpoint_sets_no_timer) {
  sim_pair_t pair;
  sim_ask_t ask;
  sim_pair_open(&pair, 1, NULL);
  ck_assert(!acoap_sim_step(pair.sim, ACOAP_TIME_NEVER));
  sim_pair_get(&pair, &ask, ACOAP_CON);
  acoap_time_t start = sim_pair_now(&pair);
  while (ask.responses == 0) {
    ck_assert(acoap_sim_step(pair.sim, ACOAP_TIME_NEVER));
  }
  /* What is left is the flush of this turn at most, and no time passes for it. */
  while (acoap_sim_step(pair.sim, ACOAP_TIME_NEVER)) {
    ck_assert_int_eq(sim_pair_now(&pair), start);
  }
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

/* ---- close ----------------------------------------------------------------------------------- */

typedef enum close_in {
  CLOSE_IN_RECEIVE,
  CLOSE_IN_RESPONSE,
  CLOSE_IN_TAP_RECEIVED,
  CLOSE_IN_TAP_SENT,
  CLOSE_IN_POST,
  CLOSE_IN_DEFERRED,
  CLOSE_IN_TIMER,
  CLOSE_IN_EVENT,
  CLOSE_IN_LOG,
  CLOSE_IN_CLOSING,
  CLOSE_IN_DELIVERY,
  CLOSE_PLACES
} close_in_t;

typedef struct closer {
  sim_pair_t *pair;
  close_in_t where;
  unsigned reached;
  acoap__deferred_t deferred;
  acoap__timer_t timer;
} closer_t;

static closer_t closer;

static void close_here(close_in_t where) {
  if (closer.where != where || closer.pair->server == NULL) {
    return;
  }
  closer.reached++;
  sim_pair_close_one(closer.pair, &closer.pair->server);
  ck_assert_uint_eq(closer.pair->closed, 0);
}

static void receive_and_close(void *user_data, acoap_request_t *request) {
  (void)user_data;
  close_here(CLOSE_IN_RECEIVE);
  if (closer.where == CLOSE_IN_DELIVERY) {
    ck_assert_int_eq(acoap_request_acknowledge(request), 0);
  }
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "x", 1);
}

static void delivered_and_close(void *user_data, acoap_request_t *request, int status) {
  (void)user_data;
  (void)request;
  ck_assert_int_eq(status, 0);
  close_here(CLOSE_IN_DELIVERY);
}

static void receive_and_watch(void *user_data, acoap_request_t *request) {
  acoap_request_on_delivery(request, delivered_and_close, NULL);
  receive_and_close(user_data, request);
}

static void tap_and_close(void *user_data, acoap_direction_t direction, const acoap_path_t *path,
                          acoap_bytes_t bytes) {
  (void)user_data;
  ck_assert_uint_ge(bytes.len, 4);
  ck_assert_uint_ne(path->peer.port, 0);
  close_here(direction == ACOAP_RECEIVED ? CLOSE_IN_TAP_RECEIVED : CLOSE_IN_TAP_SENT);
}

static void post_and_close(void *user_data) {
  (void)user_data;
  close_here(CLOSE_IN_POST);
}

static void deferred_and_close(acoap__deferred_t *deferred) {
  (void)deferred;
  close_here(CLOSE_IN_DEFERRED);
}

static void timer_and_close(acoap__timer_t *timer, acoap_time_t now) {
  (void)timer;
  (void)now;
  close_here(CLOSE_IN_TIMER);
}

static void event_and_close(void *user_data, const acoap_event_t *event) {
  (void)user_data;
  (void)event;
  close_here(CLOSE_IN_EVENT);
}

static void log_and_close(void *user_data, acoap_log_level_t level, const char *text) {
  (void)user_data;
  (void)level;
  ck_assert_uint_gt(strlen(text), 0);
  close_here(CLOSE_IN_LOG);
}

static void response_and_close(sim_ask_t *ask) {
  (void)ask;
  close_here(CLOSE_IN_RESPONSE);
}

/* The server end asks the client end something too, so that it has an interaction, and a user to
 * settle. */
START_TEST(endpoint_may_be_closed_in_any_callback) {
  sim_pair_t pair;
  sim_ask_t ask;
  sim_ask_t own;
  sim_peer_t noise;
  sim_pair_open(&pair, 1, NULL);
  memset(&closer, 0, sizeof(closer));
  closer.pair = &pair;
  closer.where = (close_in_t)_i;
  acoap_local_endpoint_t *server = pair.server;
  acoap_local_endpoint_receive(server, receive_and_watch, NULL);
  acoap_local_endpoint_set_tap(server, tap_and_close, NULL);
  acoap_local_endpoint_on_event(server, event_and_close, NULL);
  acoap_local_endpoint_set_log(server, ACOAP_LOG_DEBUG, log_and_close, NULL);
  acoap__timer_init(&closer.timer, timer_and_close);
  acoap__local_endpoint_timer_set(server, &closer.timer, sim_pair_now(&pair) + 5);
  acoap__deferred_init(&closer.deferred, deferred_and_close);
  acoap__defer(server, &closer.deferred);
  ck_assert_int_eq(acoap_local_endpoint_post(server, post_and_close, NULL), 0);
  acoap_address_t group = sim_address("224.0.1.187");
  ck_assert_int_eq(acoap_local_endpoint_join(server, &group, NULL), 0);
  sim_ask_init(&own, server, ACOAP_CODE_GET);
  own.on_event = response_and_close;
  ck_assert_int_eq(sim_ask_send(&own, &pair.client_address, ACOAP_CON), 0);
  sim_peer_open(&noise, pair.sim, "192.0.2.9:1");
  sim_peer_send_bytes(&noise, &pair.server_address, "\x40\x01\x00\x00\xff", 5);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 20);
  if (closer.where == CLOSE_IN_CLOSING) {
    /* A second request stays open; its end comes while the endpoint closes, and closes it again. */
    sim_ask_done(&own);
    acoap_sim_set_conditions(
        pair.sim,
        &(acoap_sim_conditions_t){.size = sizeof(acoap_sim_conditions_t), .loss_ppm = 1000000});
    sim_ask_init(&own, server, ACOAP_CODE_GET);
    ck_assert_int_eq(sim_ask_send(&own, &pair.client_address, ACOAP_CON), 0);
    closer.reached++;
    sim_pair_close_one(&pair, &pair.server);
    acoap_local_endpoint_close(server, NULL, NULL);
    sim_pair_run(&pair, 20);
    ck_assert_int_eq(own.status, ACOAP_ECANCELED);
  }
  ck_assert_uint_eq(closer.reached, 1);
  ck_assert_uint_eq(pair.closed, 1);
  /* Whatever was open ended once. */
  ck_assert_uint_eq(own.responses + own.failures, 1);
  sim_ask_done(&own);
  sim_ask_done(&ask);
  sim_peer_close(&noise);
  sim_pair_close(&pair);
}
END_TEST

static unsigned order[8];
static unsigned order_count;

static void note_order(unsigned what) {
  ck_assert_uint_lt(order_count, 8);
  order[order_count++] = what;
}

static void posted_1(void *user_data) {
  (void)user_data;
  note_order(1);
}

static void posted_2(void *user_data) {
  (void)user_data;
  note_order(2);
}

static void user_closing(acoap__endpoint_user_t *user) {
  (void)user;
  note_order(3);
}

static void closed_4(void *user_data) {
  acoap_local_endpoint_t **endpoint = user_data;
  *endpoint = NULL;
  note_order(4);
}

START_TEST(close_runs_posted_calls_then_users_then_closed) {
  acoap_sim_t *sim = NULL;
  ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
  acoap_local_endpoint_t *endpoint = sim_endpoint_new(sim, SIM_SERVER, NULL);
  acoap__endpoint_user_t user = {.closing = user_closing};
  acoap__endpoint_user_t late = {.closing = user_closing};
  order_count = 0;
  ck_assert_int_eq(acoap__endpoint_user_add(endpoint, &user, true), 0);
  ck_assert_int_eq(acoap_local_endpoint_post(endpoint, posted_1, NULL), 0);
  ck_assert_int_eq(acoap_local_endpoint_post(endpoint, posted_2, NULL), 0);
  acoap_local_endpoint_close(endpoint, closed_4, &endpoint);
  ck_assert_int_eq(acoap_local_endpoint_post(endpoint, posted_1, NULL), ACOAP_ECLOSED);
  ck_assert_int_eq(acoap__endpoint_user_add(endpoint, &late, false), ACOAP_ECLOSED);
  acoap__endpoint_user_remove(endpoint, &late);
  acoap_local_endpoint_close(endpoint, closed_4, &endpoint);
  ck_assert_uint_eq(order_count, 0);
  acoap_sim_run_until(sim, 10);
  ck_assert_ptr_null(endpoint);
  ck_assert_uint_eq(order_count, 4);
  for (unsigned i = 0; i < 4; i++) {
    ck_assert_uint_eq(order[i], i + 1);
  }
  acoap_sim_free(sim);
}
END_TEST

static unsigned again_left;

static struct {
  acoap__deferred_t deferred;
  acoap_local_endpoint_t *endpoint;
} chain;

static void chain_on(acoap__deferred_t *deferred) {
  note_order(again_left);
  if (--again_left > 0) {
    acoap__defer(chain.endpoint, deferred);
  }
}

static void chain_begin(acoap__endpoint_user_t *user) {
  acoap__endpoint_user_remove(chain.endpoint, user);
  acoap__defer(chain.endpoint, &chain.deferred);
}

START_TEST(what_closing_users_defer_runs_before_closed) {
  acoap_sim_t *sim = NULL;
  ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
  acoap_local_endpoint_t *endpoint = sim_endpoint_new(sim, SIM_SERVER, NULL);
  acoap__endpoint_user_t user = {.closing = chain_begin};
  order_count = 0;
  again_left = 3;
  chain.endpoint = endpoint;
  acoap__deferred_init(&chain.deferred, chain_on);
  ck_assert_int_eq(acoap__endpoint_user_add(endpoint, &user, false), 0);
  acoap_local_endpoint_close(endpoint, closed_4, &endpoint);
  acoap_sim_run_until(sim, 10);
  ck_assert_uint_eq(order_count, 4);
  ck_assert_uint_eq(order[2], 1);
  ck_assert_uint_eq(order[3], 4);
  acoap_sim_free(sim);
}
END_TEST

/* ---- threads --------------------------------------------------------------------------------- */

#define POSTS_PER_THREAD 200
#define THREADS 4

typedef struct poster {
  acoap_local_endpoint_t *endpoint;
  unsigned ran;
  bool in_order;
  struct {
    struct poster *poster;
    unsigned number;
  } calls[POSTS_PER_THREAD];
} poster_t;

static void posted_call(void *user_data) {
  struct {
    poster_t *poster;
    unsigned number;
  } *call = user_data;
  call->poster->in_order = call->poster->in_order && call->poster->ran == call->number;
  call->poster->ran++;
}

static void *post_many(void *user_data) {
  poster_t *poster = user_data;
  for (unsigned i = 0; i < POSTS_PER_THREAD; i++) {
    poster->calls[i].poster = poster;
    poster->calls[i].number = i;
    if (acoap_local_endpoint_post(poster->endpoint, posted_call, &poster->calls[i]) != 0) {
      break;
    }
  }
  return NULL;
}

START_TEST(posts_of_threads_run_each_once_and_in_order) {
  static poster_t posters[THREADS];
  pthread_t threads[THREADS];
  sim_pair_t pair;
  sim_pair_open(&pair, 1, NULL);
  for (int i = 0; i < THREADS; i++) {
    posters[i] = (poster_t){.endpoint = pair.server, .in_order = true};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
  }
  for (int i = 0; i < 100; i++) {
    sim_pair_run(&pair, 1); /* meanwhile the loop goes on */
  }
  for (int i = 0; i < THREADS; i++) {
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  }
  sim_pair_run(&pair, 1);
  for (int i = 0; i < THREADS; i++) {
    ck_assert_uint_eq(posters[i].ran, POSTS_PER_THREAD);
    ck_assert(posters[i].in_order);
  }
  sim_pair_close(&pair);
}
END_TEST

START_TEST(post_without_memory_is_enomem) {
  sim_pair_t pair;
  fail_alloc_install();
  sim_pair_open(&pair, 1, NULL);
  fail_alloc_at(1);
  ck_assert_int_eq(acoap_local_endpoint_post(pair.server, posted_1, NULL), ACOAP_ENOMEM);
  ck_assert_int_eq(acoap_local_endpoint_post(pair.server, NULL, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_local_endpoint_post(NULL, posted_1, NULL), ACOAP_EINVAL);
  sim_pair_close(&pair);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------------- */

static void respond_x(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "x", 1);
}

START_TEST(piggybacked_answer_allocates_nothing_once_warm) {
  sim_pair_t pair;
  fail_alloc_install();
  sim_pair_open(&pair, 1, NULL);
  acoap_local_endpoint_receive(pair.server, respond_x, NULL);
  size_t used[3];
  for (int i = 0; i < 3; i++) {
    sim_ask_t ask;
    fail_alloc_at(0);
    sim_pair_get(&pair, &ask, ACOAP_CON);
    sim_pair_run(&pair, 10);
    ck_assert_uint_eq(ask.responses, 1);
    sim_ask_done(&ask);
    used[i] = fail_alloc_count();
  }
  /* What the network itself takes for a datagram there and one back. */
  sim_peer_t bare;
  acoap_address_t bare_address = sim_address("192.0.2.9:9");
  sim_peer_open(&bare, pair.sim, "192.0.2.9:9");
  fail_alloc_at(0);
  for (uint16_t i = 0; i < 2; i++) {
    sim_peer_send(&bare, &bare_address, ACOAP_NON, ACOAP_CODE_GET, i, NULL, NULL);
  }
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(bare.received, 2);
  ck_assert_uint_gt(used[0], used[1]);
  ck_assert_uint_eq(used[1], fail_alloc_count());
  ck_assert_uint_eq(used[2], fail_alloc_count());
  sim_peer_close(&bare);
  sim_pair_close(&pair);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

static uint64_t sent_on(const sim_pair_t *pair) {
  acoap_sim_stats_t stats;
  acoap_sim_get_stats(pair->sim, &stats);
  return stats.sent;
}

START_TEST(datagram_without_memory_counts_as_lost) {
  sim_pair_t pair;
  sim_ask_t ask;
  fail_alloc_install();
  sim_pair_open(&pair, 1, NULL);
  acoap_local_endpoint_receive(pair.server, respond_x, NULL);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  /* The request is on the network; the server has no message object for it. */
  while (sent_on(&pair) == 0) {
    ck_assert(acoap_sim_step(pair.sim, ACOAP_TIME_NEVER));
  }
  fail_alloc_at((size_t)_i);
  sim_pair_run(&pair, 100);
  fail_alloc_at(0);
  /* Seen by the engine it would be a duplicate ever after. */
  acoap_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_local_endpoint_stats(pair.server, &stats), 0);
  ck_assert(fail_alloc_happened());
  ck_assert_uint_eq(stats.datagrams_received, 0);
  sim_pair_run(&pair, 3000);
  ck_assert_uint_eq(ask.responses, 1);
  ck_assert_uint_eq(ask.code, ACOAP_CODE_CONTENT);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

/* ---- the loop -------------------------------------------------------------------------------- */

/* The simulated host with an eye on set_ref. */
typedef struct ref_host {
  acoap_host_t host;
  acoap_host_ops_t ops;
  acoap_host_t *inner;
  bool alive;
  unsigned unrefs;
} ref_host_t;

static ref_host_t ref_host;

static acoap_time_t ref_now(acoap_host_t *host) {
  (void)host;
  return ref_host.inner->ops->now(ref_host.inner);
}

static int ref_waker_new(acoap_host_t *host, acoap_wake_cb wake, void *user_data,
                         acoap_waker_t **waker) {
  (void)host;
  return ref_host.inner->ops->waker_new(ref_host.inner, wake, user_data, waker);
}

static void ref_set_ref(acoap_waker_t *waker, bool ref) {
  (void)waker;
  ref_host.alive = ref;
}

static void ref_entropy(acoap_host_t *host, uint8_t *bytes, size_t len) {
  (void)host;
  ref_host.inner->ops->entropy(ref_host.inner, bytes, len);
}

static void ref_unref(acoap_host_t *host) {
  (void)host;
  ref_host.unrefs++;
}

START_TEST(unreferenced_endpoint_keeps_the_loop_alive_only_while_something_is_outstanding) {
  acoap_sim_t *sim = NULL;
  acoap_socket_t *socket = NULL;
  acoap_address_t address = sim_address(SIM_CLIENT);
  acoap_address_t nobody = sim_address("192.0.2.77:5683");
  ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &socket), 0);
  memset(&ref_host, 0, sizeof(ref_host));
  ref_host.inner = acoap_sim_host(sim);
  ref_host.ops = *ref_host.inner->ops;
  ref_host.host.ops = &ref_host.ops;
  ref_host.ops.now = ref_now;
  ref_host.ops.waker_new = ref_waker_new;
  ref_host.ops.set_ref = ref_set_ref;
  ref_host.ops.entropy = ref_entropy;
  ref_host.ops.unref = ref_unref;
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .host = &ref_host.host, .sockets = &socket, .socket_count = 1};
  acoap_local_endpoint_t *endpoint = NULL;
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &endpoint), 0);
  ck_assert(ref_host.alive);
  acoap_local_endpoint_unref(endpoint);
  ck_assert(!ref_host.alive);
  sim_ask_t ask;
  sim_ask_init(&ask, endpoint, ACOAP_CODE_GET);
  ck_assert_int_eq(sim_ask_send(&ask, &nobody, ACOAP_CON), 0);
  ck_assert(ref_host.alive);
  acoap_sim_run_until(sim, 60000);
  ck_assert_int_eq(ask.failures, 0);
  ck_assert(ref_host.alive);
  acoap_sim_run_until(sim, 100000);
  ck_assert_int_eq(ask.status, ACOAP_ETIMEDOUT);
  ck_assert(!ref_host.alive);
  acoap_local_endpoint_ref(endpoint);
  ck_assert(ref_host.alive);
  acoap_local_endpoint_unref(endpoint);
  acoap_local_endpoint_close(endpoint, NULL, NULL);
  ck_assert(ref_host.alive); /* until it is closed */
  ck_assert_uint_eq(ref_host.unrefs, 0);
  acoap_sim_run_until(sim, 100010);
  ck_assert_uint_eq(ref_host.unrefs, 1);
  sim_ask_done(&ask);
  acoap_sim_free(sim);
}
END_TEST

/* ---- a full socket --------------------------------------------------------------------------- */

START_TEST(refused_datagrams_leave_in_order_when_the_socket_is_writable) {
  acoap_sim_t *sim = NULL;
  acoap_socket_t *socket = NULL;
  sim_peer_t peer;
  acoap_address_t address = sim_address(SIM_CLIENT);
  acoap_address_t to = sim_address("192.0.2.9:5683");
  acoap_local_endpoint_t *endpoint = NULL;
  sim_ask_t asks[3];
  ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &socket), 0);
  sim_peer_open(&peer, sim, "192.0.2.9:5683");
  acoap_params_t params;
  acoap_params_init(&params);
  params.nstart = 3;
  acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                            .params = &params,
                                            .host = acoap_sim_host(sim),
                                            .sockets = &socket,
                                            .socket_count = 1};
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &endpoint), 0);
  ck_assert_int_eq(acoap_sim_socket_refuse(socket, 2), 0);
  for (int i = 0; i < 3; i++) {
    sim_ask_init(&asks[i], endpoint, ACOAP_CODE_GET);
    acoap_builder_payload(&asks[i].builder, &"012"[i], 1);
    ck_assert_int_eq(sim_ask_send(&asks[i], &to, ACOAP_CON), 0);
  }
  acoap_sim_run_until(sim, 100);
  for (int i = 0; i < 3; i++) {
    const sim_datagram_t *came = sim_peer_expect(&peer, ACOAP_CON, ACOAP_CODE_GET);
    ck_assert_int_eq(came->view.payload.data[0], '0' + i);
    sim_ask_done(&asks[i]);
  }
  sim_peer_expect_silence(&peer);
  sim_peer_close(&peer);
  acoap_local_endpoint_close(endpoint, NULL, NULL);
  acoap_sim_run_until(sim, 200);
  acoap_sim_free(sim);
}
END_TEST

static void note_event(void *user_data, const acoap_event_t *event) {
  acoap_event_kind_t *kind = user_data;
  *kind = event->kind;
}

START_TEST(icmp_ends_the_exchange_and_is_an_event) {
  sim_pair_t pair;
  sim_ask_t ask;
  acoap_address_t nobody = sim_address("192.0.2.77:5683");
  sim_pair_open(&pair, 1, NULL);
  ck_assert_int_eq(acoap_sim_set_unreachable(pair.sim, &nobody, true), 0);
  sim_ask_init(&ask, pair.client, ACOAP_CODE_GET);
  acoap_event_kind_t kind = (acoap_event_kind_t)0;
  acoap_local_endpoint_on_event(pair.client, note_event, &kind);
  acoap_time_t start = sim_pair_now(&pair);
  ck_assert_int_eq(sim_ask_send(&ask, &nobody, ACOAP_CON), 0);
  sim_pair_run(&pair, 100);
  ck_assert_int_eq(ask.status, ACOAP_EUNREACHABLE);
  ck_assert_int_le(ask.at - start, 10);
  ck_assert_int_eq(kind, ACOAP_EVENT_PEER_UNREACHABLE);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("endpoint_life");
  TCase *made = tcase_create("made");
  tcase_add_loop_test(made, bad_options_are_einval_and_take_nothing, 0,
                      (int)(sizeof(bad_options) / sizeof(bad_options[0])));
  tcase_add_test(made, bad_params_are_einval);
  tcase_add_test(made, every_allocation_of_the_constructor_may_fail);
  tcase_add_test(made, numbers_and_addresses_are_told);
  tcase_add_test(made, idle_endpoint_sets_no_timer);
  suite_add_tcase(s, made);
  TCase *ends = tcase_create("close");
  tcase_add_loop_test(ends, endpoint_may_be_closed_in_any_callback, 0, CLOSE_PLACES);
  tcase_add_test(ends, close_runs_posted_calls_then_users_then_closed);
  tcase_add_test(ends, what_closing_users_defer_runs_before_closed);
  suite_add_tcase(s, ends);
  TCase *runs = tcase_create("runs");
  tcase_add_test(runs, posts_of_threads_run_each_once_and_in_order);
  tcase_add_test(runs, post_without_memory_is_enomem);
  tcase_add_test(runs, piggybacked_answer_allocates_nothing_once_warm);
  tcase_add_loop_test(runs, datagram_without_memory_counts_as_lost, 1, 3);
  tcase_add_test(runs,
                 unreferenced_endpoint_keeps_the_loop_alive_only_while_something_is_outstanding);
  tcase_add_test(runs, refused_datagrams_leave_in_order_when_the_socket_is_writable);
  tcase_add_test(runs, icmp_ends_the_exchange_and_is_an_event);
  suite_add_tcase(s, runs);
  return s;
}

ACOAP_TEST_MAIN(suite)
