/*
 * Workers over real sockets and threads: who is reached, what runs where, how they begin again and
 * end. The tests wait for conditions, never for time; peers are plain sockets on loopback.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check_main.h"
#include "workers_rig.h"

#define PEERS 24

static void end_loop(void *user_data, acoap_worker_t *worker) {
  (void)user_data;
  uv_stop(acoap_worker_loop(worker));
}

static void close_endpoint(void *user_data, acoap_worker_t *worker) {
  (void)user_data;
  acoap_local_endpoint_close(acoap_worker_endpoint(worker), NULL, NULL);
}

static void stop_all(void *user_data, acoap_worker_t *worker) {
  workers_rig_t *rig = user_data;
  acoap_workers_t *workers = acoap_worker_workers(worker);
  ck_assert_int_eq(acoap_workers_join(workers), ACOAP_EBUSY);
  ck_assert_int_eq(acoap_workers_ready(workers), ACOAP_EBUSY);
  acoap_workers_stop(workers);
  workers_rig_count(rig, &rig->calls);
}

/* ---- tests: who is reached ------------------------------------------------------------------- */

START_TEST(a_peer_always_reaches_the_same_worker_and_many_reach_all) {
  workers_rig_t *rig = workers_rig_new(4, _i);
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 4);
  ck_assert_uint_eq(acoap_workers_count(rig->workers), 4);
  uint16_t port = workers_rig_port(rig);
  int reached = 0;
  for (unsigned peers = 0; reached != 15; peers++) {
    ck_assert_uint_lt(peers, 1000);
    int fd = workers_peer_new();
    int number = workers_peer_ask(fd, port, 1);
    for (uint16_t id = 2; id < 5; id++) {
      ck_assert_int_eq(workers_peer_ask(fd, port, id), number);
    }
    reached |= 1 << number;
    close(fd);
  }
  workers_rig_stop(rig);
}
END_TEST

START_TEST(the_ephemeral_ports_of_the_first_are_everybodys) {
  workers_rig_t *rig = workers_rig_new(3, _i);
  rig->endpoint.bind = NULL;
  rig->endpoint.bind_count = 0;
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 3);
  acoap_address_t address;
  ck_assert_int_eq(acoap_workers_address(rig->workers, 0, &address), 0);
  ck_assert_int_eq(acoap_workers_address(rig->workers, 2, &address), ACOAP_EINVAL);
  int fd = workers_peer_new();
  workers_peer_ask(fd, workers_rig_port(rig), 1);
  close(fd);
  workers_rig_stop(rig);
}
END_TEST

START_TEST(two_groups_of_workers_have_two_ports) {
  workers_rig_t *a = workers_rig_new(2, _i);
  workers_rig_t *b = workers_rig_new(2, _i);
  workers_rig_start(a, NULL);
  workers_rig_start(b, NULL);
  ck_assert_int_eq(acoap_workers_ready(a->workers), 2);
  ck_assert_int_eq(acoap_workers_ready(b->workers), 2);
  ck_assert_uint_ne(workers_rig_port(a), workers_rig_port(b));
  workers_rig_stop(a);
  workers_rig_stop(b);
}
END_TEST

static void answered(void *user_data, int status, acoap_message_t *message) {
  workers_rig_t *rig = user_data;
  ck_assert_int_eq(status, 0);
  ck_assert_ptr_nonnull(message);
  workers_rig_count(rig, &rig->answers);
}

static char asked_uri[40]; /* of the peer that workers ask; written before they are */

static void ask_peer(void *user_data, acoap_worker_t *worker) {
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_new(acoap_worker_endpoint(worker), asked_uri, &remote), 0);
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), answered, user_data, NULL), 0);
  acoap_remote_endpoint_unref(remote);
}

START_TEST(requests_of_workers_leave_from_ports_of_their_own) {
  workers_rig_t *rig = workers_rig_new(4, _i);
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 4);
  int fd = workers_peer_new();
  struct sockaddr_in local;
  socklen_t local_len = sizeof(local);
  ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&local, &local_len), 0);
  snprintf(asked_uri, sizeof(asked_uri), "coap://127.0.0.1:%d/", ntohs(local.sin_port));
  ck_assert_int_eq(acoap_workers_post_all(rig->workers, ask_peer, rig), 4);
  uint16_t ports[4];
  for (int n = 0; n < 4; n++) {
    uint8_t bytes[128];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ck_assert_int_gt(recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_len),
                     11);
    ports[n] = ntohs(from.sin_port);
    ck_assert_uint_ne(ports[n], workers_rig_port(rig));
    for (int other = 0; other < n; other++) {
      ck_assert_uint_ne(ports[n], ports[other]);
    }
    bytes[0] = (uint8_t)((bytes[0] & 0x4f) | 0x20);
    bytes[1] = ACOAP_CODE_CONTENT;
    workers_peer_send(fd, INADDR_LOOPBACK, ports[n], bytes, 4u + (bytes[0] & 15u));
  }
  workers_rig_wait(rig, &rig->answers, 4);
  close(fd);
  workers_rig_stop(rig);
}
END_TEST

static unsigned handled_by_all(workers_rig_t *rig) {
  unsigned sum = 0;
  for (size_t n = 0; n < WORKERS_MOST; n++) {
    sum += workers_rig_read(rig, &rig->handled[n]);
  }
  return sum;
}

/* Ask the group; the number of the one that answers, of which there is exactly one. */
static int ask_group(workers_rig_t *rig, int fd, uint16_t id) {
  struct ip_mreqn interface = {.imr_ifindex = (int)if_nametoindex("lo")};
  struct sockaddr_in from;
  unsigned before = handled_by_all(rig);
  ck_assert_int_eq(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)), 0);
  workers_peer_get(fd, 0xe00001bb, workers_rig_port(rig), ACOAP_NON, id, "group", NULL, false);
  int number = workers_peer_digit(fd, &from);
  workers_rig_barrier(rig);
  ck_assert_uint_eq(handled_by_all(rig), before + 1);
  return number;
}

START_TEST(a_group_is_answered_once_also_when_who_hears_it_ends) {
  workers_rig_t *rig = workers_rig_new(4, _i);
  rig->endpoint.bind_count = 0;
  rig->endpoint.bind = NULL;
  rig->groups = true;
  rig->options.restart_delay_ms = 1000000;
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 4);
  workers_rig_barrier(rig);
  int fd = workers_peer_new();
  int first = ask_group(rig, fd, 1);
  ck_assert_int_eq(ask_group(rig, fd, 2), first);
  ck_assert_int_eq(acoap_workers_post(rig->workers, (size_t)first, end_loop, NULL), 0);
  workers_rig_wait(rig, &rig->torn_down[first], 1);
  workers_rig_barrier(rig);
  int second = ask_group(rig, fd, 3);
  ck_assert_int_ne(second, first);
  close(fd);
  workers_rig_stop(rig);
}
END_TEST

/* ---- tests: notifications -------------------------------------------------------------------- */

START_TEST(a_change_reaches_the_observers_of_every_worker) {
  static const char *const paths[] = {"/rooms/:room", "/rooms/kitchen"};
  workers_rig_t *rig = workers_rig_new(4, _i);
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 4);
  int peers[PEERS];
  struct sockaddr_in from;
  for (size_t n = 0; n < PEERS; n++) {
    peers[n] = workers_peer_new();
    workers_peer_get(peers[n], INADDR_LOOPBACK, workers_rig_port(rig), ACOAP_CON, 1, "rooms",
                     n % 2 == 0 ? "kitchen" : "hall", true);
    ck_assert_int_eq(workers_peer_digit(peers[n], &from), 0);
  }
  for (unsigned state = 1; state < 3; state++) {
    workers_rig_count(rig, &rig->state);
    ck_assert_int_eq(acoap_workers_notify(rig->workers, paths[state - 1]), 0);
    for (size_t n = 0; n < PEERS; n++) {
      if (state == 1 || n % 2 == 0) {
        ck_assert_int_eq(workers_peer_digit(peers[n], &from), (int)state);
      }
    }
  }
  workers_rig_barrier(rig);
  for (size_t n = 0; n < PEERS; n++) {
    uint8_t byte;
    ck_assert_int_eq(recv(peers[n], &byte, 1, MSG_DONTWAIT), -1);
    close(peers[n]);
  }
  ck_assert_int_eq(acoap_workers_notify(rig->workers, "/none"), 0);
  ck_assert_int_eq(acoap_workers_notify(rig->workers, "none"), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_workers_notify(NULL, "/none"), ACOAP_EINVAL);
  workers_rig_stop(rig);
}
END_TEST

/* ---- tests: calls ---------------------------------------------------------------------------- */

typedef struct step {
  workers_rig_t *rig;
  unsigned expected; /* calls that ran before */
  uv_thread_t thread;
} step_t;

static void run_step(void *user_data, acoap_worker_t *worker) {
  step_t *step = user_data;
  ck_assert_uint_eq(acoap_worker_number(worker), 1);
  ck_assert_uint_eq(workers_rig_read(step->rig, &step->rig->calls), step->expected);
  step->thread = uv_thread_self();
  workers_rig_count(step->rig, &step->rig->calls);
}

START_TEST(calls_run_in_order_on_the_workers_thread) {
  workers_rig_t *rig = workers_rig_new(2, _i);
  step_t steps[100];
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  for (unsigned n = 0; n < 100; n++) {
    steps[n] = (step_t){.rig = rig, .expected = n};
    ck_assert_int_eq(acoap_workers_post(rig->workers, 1, run_step, &steps[n]), 0);
  }
  workers_rig_wait(rig, &rig->calls, 100);
  uv_thread_t self = uv_thread_self();
  for (unsigned n = 0; n < 100; n++) {
    ck_assert(uv_thread_equal(&steps[n].thread, &steps[0].thread));
    ck_assert(!uv_thread_equal(&steps[n].thread, &self));
  }
  ck_assert_int_eq(acoap_workers_post(rig->workers, 2, workers_rig_called, rig), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_workers_post(rig->workers, 0, NULL, rig), ACOAP_EINVAL);
  workers_rig_stop(rig);
}
END_TEST

START_TEST(what_was_accepted_runs_before_the_end) {
  workers_rig_t *rig = workers_rig_new(2, _i);
  unsigned accepted = 0;
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  for (unsigned n = 0; n < 1000; n++) {
    accepted += acoap_workers_post(rig->workers, n % 2, workers_rig_called, rig) == 0 ? 1 : 0;
    if (n == 500) {
      acoap_workers_stop(rig->workers);
    }
  }
  ck_assert_uint_ge(accepted, 501);
  ck_assert_int_eq(acoap_workers_join(rig->workers), 0);
  ck_assert_uint_eq(rig->calls, accepted);
  workers_rig_free(rig);
}
END_TEST

/* ---- tests: beginning again ------------------------------------------------------------------ */

START_TEST(a_setup_that_fails_is_tried_again_and_given_up) {
  workers_rig_t *rig = workers_rig_new(3, _i);
  rig->failing = 1 << 1;
  rig->options.restarts_max = 3;
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  ck_assert_uint_eq(workers_rig_read(rig, &rig->events[1][ACOAP_WORKER_FAILED]), 3);
  ck_assert_uint_eq(workers_rig_read(rig, &rig->events[1][ACOAP_WORKER_GIVEN_UP]), 1);
  ck_assert_uint_eq(workers_rig_read(rig, &rig->events[1][ACOAP_WORKER_UP]), 0);
  ck_assert_int_eq(rig->last_status[1], ACOAP_ENOTFOUND);
  ck_assert_int_eq(acoap_workers_post(rig->workers, 1, workers_rig_called, rig), ACOAP_EAGAIN);
  ck_assert_int_eq(acoap_workers_post_all(rig->workers, workers_rig_called, rig), 2);
  for (int peers = 0; peers < PEERS; peers++) {
    int fd = workers_peer_new();
    ck_assert_int_ne(workers_peer_ask(fd, workers_rig_port(rig), 1), 1);
    close(fd);
  }
  workers_rig_stop(rig);
}
END_TEST

START_TEST(when_all_give_up_the_owner_hears_why) {
  workers_rig_t *rig = workers_rig_new(2, _i);
  rig->failing = 3;
  rig->options.restarts_max = 1;
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), ACOAP_ENOTFOUND);
  ck_assert_int_eq(acoap_workers_join(rig->workers), ACOAP_ENOTFOUND);
  uv_loop_t owner;
  ck_assert_int_eq(uv_loop_init(&owner), 0);
  workers_rig_start(rig, &owner);
  ck_assert_int_eq(acoap_workers_join(rig->workers), ACOAP_EINVAL);
  ck_assert_int_eq(uv_run(&owner, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(rig->stopped, 1);
  ck_assert_int_eq(rig->stopped_status, ACOAP_ENOTFOUND);
  ck_assert_int_eq(uv_loop_close(&owner), 0);
  workers_rig_free(rig);
}
END_TEST

START_TEST(a_worker_that_ends_unasked_begins_again) {
  static const acoap_worker_call_cb ends[] = {end_loop, close_endpoint};
  workers_rig_t *rig = workers_rig_new(2, _i);
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  uint16_t port = workers_rig_port(rig);
  for (unsigned n = 0; n < 2; n++) {
    ck_assert_int_eq(acoap_workers_post(rig->workers, 0, ends[n], NULL), 0);
    workers_rig_wait(rig, &rig->events[0][ACOAP_WORKER_UP], n + 2);
    ck_assert_int_eq(rig->last_status[0], ACOAP_EEND);
    ck_assert_uint_eq(workers_rig_read(rig, &rig->torn_down[0]), n + 1);
    int reached = 0;
    for (unsigned peers = 0; reached != 3; peers++) {
      ck_assert_uint_lt(peers, 1000);
      int fd = workers_peer_new();
      reached |= 1 << workers_peer_ask(fd, port, 1);
      close(fd);
    }
  }
  ck_assert_uint_eq(workers_rig_read(rig, &rig->events[1][ACOAP_WORKER_UP]), 1);
  ck_assert_uint_eq(workers_rig_read(rig, &rig->set_up[1]), 1);
  workers_rig_stop(rig);
}
END_TEST

/* The sort of thing that would keep a loop alive for ever. */
static void forget_timer(uv_timer_t *timer) {
  (void)timer;
}

static void leave_handles(void *user_data, acoap_worker_t *worker) {
  uv_timer_t *timers = user_data; /* two, which outlive the workers */
  for (int n = 0; n < 2; n++) {
    uv_timer_init(acoap_worker_loop(worker), &timers[n]);
    uv_timer_start(&timers[n], forget_timer, 10, 10);
  }
  uv_unref((uv_handle_t *)&timers[1]);
}

START_TEST(forgotten_handles_keep_nothing_from_ending) {
  workers_rig_t *rig = workers_rig_new(1, _i);
  uv_timer_t timers[2];
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 1);
  ck_assert_int_eq(acoap_workers_post(rig->workers, 0, leave_handles, timers), 0);
  workers_rig_stop(rig);
}
END_TEST

/* ---- tests: the end -------------------------------------------------------------------------- */

START_TEST(a_worker_may_stop_all) {
  workers_rig_t *rig = workers_rig_new(3, _i);
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 3);
  ck_assert_int_eq(acoap_workers_post(rig->workers, 1, stop_all, rig), 0);
  ck_assert_int_eq(acoap_workers_join(rig->workers), 0);
  ck_assert_uint_eq(rig->calls, 1);
  for (int n = 0; n < 3; n++) {
    ck_assert_uint_eq(rig->events[n][ACOAP_WORKER_STOPPED], 1);
    ck_assert_uint_eq(rig->events[n][ACOAP_WORKER_FAILED], 0);
  }
  workers_rig_free(rig);
}
END_TEST

START_TEST(the_owners_loop_lives_until_they_have_ended) {
  workers_rig_t *rig = workers_rig_new(2, _i);
  uv_loop_t owner;
  ck_assert_int_eq(uv_loop_init(&owner), 0);
  workers_rig_start(rig, &owner);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  ck_assert(uv_loop_alive(&owner));
  uv_run(&owner, UV_RUN_NOWAIT);
  ck_assert_uint_eq(rig->stopped, 0);
  acoap_workers_stop(rig->workers);
  acoap_workers_stop(rig->workers);
  ck_assert_int_eq(uv_run(&owner, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(rig->stopped, 1);
  ck_assert_int_eq(rig->stopped_status, 0);
  ck_assert_int_eq(uv_loop_close(&owner), 0);
  workers_rig_free(rig);
}
END_TEST

START_TEST(they_may_be_stopped_while_they_begin) {
  for (int n = 0; n < 40; n++) {
    workers_rig_t *rig = workers_rig_new(4, _i);
    rig->failing = n % 4;
    rig->options.restart_delay_ms = 1000000;
    workers_rig_start(rig, NULL);
    if (n % 3 == 1) {
      workers_rig_wait(rig, &rig->set_up[2], 1);
    }
    acoap_workers_stop(rig->workers);
    ck_assert_int_eq(acoap_workers_ready(rig->workers), ACOAP_ECANCELED);
    ck_assert_int_eq(acoap_workers_join(rig->workers), 0);
    workers_rig_free(rig);
  }
}
END_TEST

/* ---- tests: memory --------------------------------------------------------------------------- */

static atomic_int until_failure; /* allocations; the last of them fails */

static void *failing_malloc(size_t size, void *user_data) {
  (void)user_data;
  return atomic_fetch_sub(&until_failure, 1) == 1 ? NULL : malloc(size);
}

static void *failing_realloc(void *p, size_t size, void *user_data) {
  (void)user_data;
  return atomic_fetch_sub(&until_failure, 1) == 1 ? NULL : realloc(p, size);
}

static void plain_free(void *p, void *user_data) {
  (void)user_data;
  free(p);
}

static int bare_setup(void *user_data, acoap_worker_t *worker) {
  acoap_server_t *server = NULL;
  (void)user_data;
  int status = acoap_server_new(acoap_worker_endpoint(worker), NULL, &server);
  acoap_worker_set_data(worker, server);
  return status;
}

static void bare_teardown(void *user_data, acoap_worker_t *worker) {
  (void)user_data;
  acoap_server_free(acoap_worker_data(worker));
}

START_TEST(whichever_allocation_fails_all_come_up_or_none) {
  acoap_allocator_t allocator = {sizeof(allocator), failing_malloc, failing_realloc, plain_free,
                                 NULL};
  workers_rig_t *rig = workers_rig_new(2, _i);
  rig->options.setup = bare_setup;
  rig->options.teardown = bare_teardown;
  ck_assert_int_eq(acoap_set_allocator(&allocator), 0);
  bool reached = true;
  for (int n = 1; reached; n++) {
    atomic_store(&until_failure, n);
    int status = acoap_workers_start(NULL, &rig->options, &rig->workers);
    if (status != 0) {
      ck_assert_int_eq(status, ACOAP_ENOMEM);
      continue;
    }
    ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
    acoap_workers_stop(rig->workers);
    ck_assert_int_eq(acoap_workers_join(rig->workers), 0);
    reached = atomic_load(&until_failure) <= 0;
    ck_assert_int_lt(n, 10000);
  }
  ck_assert_int_eq(acoap_set_allocator(NULL), 0);
  workers_rig_free(rig);
}
END_TEST

/* ---- tests: options -------------------------------------------------------------------------- */

static void note_cores(void *user_data, acoap_worker_t *worker) {
  workers_rig_t *rig = user_data;
  cpu_set_t set;
  (void)worker;
  CPU_ZERO(&set);
  ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
  ck_assert_int_eq(CPU_COUNT(&set), 1);
  workers_rig_count(rig, &rig->calls);
}

START_TEST(a_pinned_worker_stays_on_one_core) {
  workers_rig_t *rig = workers_rig_new(0, _i);
  rig->options.pin = true;
  workers_rig_start(rig, NULL);
  int count_of_workers = (int)uv_available_parallelism();
  ck_assert_uint_eq(acoap_workers_count(rig->workers), (size_t)count_of_workers);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), count_of_workers);
  ck_assert_int_eq(acoap_workers_post_all(rig->workers, note_cores, rig), count_of_workers);
  workers_rig_wait(rig, &rig->calls, (unsigned)count_of_workers);
  workers_rig_stop(rig);
}
END_TEST

/* ---- tests: coaps:// ------------------------------------------------------------------------- */

static acoap_dtls_options_t secured[2]; /* of each worker */

static int secure(void *user_data, acoap_worker_t *worker,
                  acoap_local_endpoint_options_t *options) {
  (void)user_data;
  options->dtls = &secured[acoap_worker_number(worker)];
  return 0;
}

static void note_number(void *user_data, int status, acoap_message_t *message) {
  int *number = user_data;
  ck_assert_int_eq(status, 0);
  *number = acoap_message_payload(message).data[0] - '0';
}

/* A client with a port and a session of its own. */
static int ask_securely(workers_rig_t *rig, const char *uri) {
  uv_loop_t loop;
  int number = -1;
  acoap_credentials_t *key = NULL;
  acoap_local_endpoint_t *local = NULL;
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  ck_assert_int_eq(acoap_credentials_new_psk("me", "0123456789abcdef", 16, &key), 0);
  acoap_dtls_options_t dtls = {.size = sizeof(dtls), .credentials = key, .client_only = true};
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .udp = rig->endpoint.udp, .dtls = &dtls, .secure_only = true};
  ck_assert_int_eq(acoap_local_endpoint_new(&loop, &options, &local), 0);
  ck_assert_int_eq(acoap_remote_endpoint_new(local, uri, &remote), 0);
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), note_number, &number, NULL), 0);
  while (number < 0) {
    uv_run(&loop, UV_RUN_ONCE);
  }
  acoap_remote_endpoint_unref(remote);
  acoap_local_endpoint_close(local, NULL, NULL);
  acoap_credentials_unref(key);
  uv_run(&loop, UV_RUN_DEFAULT);
  ck_assert_int_eq(uv_loop_close(&loop), 0);
  return number;
}

START_TEST(workers_serve_coaps_with_credentials_of_their_own) {
  workers_rig_t *rig = workers_rig_new(2, _i);
  struct sockaddr_in local;
  socklen_t local_len = sizeof(local);
  char uri[60];
  int fd = workers_peer_new();
  ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&local, &local_len), 0);
  close(fd);
  snprintf(uri, sizeof(uri), "coaps://127.0.0.1:%d/number", ntohs(local.sin_port));
  for (size_t n = 0; n < 2; n++) {
    acoap_credentials_t *key = NULL;
    ck_assert_int_eq(acoap_credentials_new_psk("me", "0123456789abcdef", 16, &key), 0);
    secured[n] = (acoap_dtls_options_t){.size = sizeof(secured[n]), .credentials = key};
  }
  rig->options.prepare = secure;
  rig->endpoint.secure_port = ntohs(local.sin_port);
  rig->endpoint.secure_only = true;
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  int reached = 0;
  for (unsigned clients = 0; reached != 3; clients++) {
    ck_assert_uint_lt(clients, 200);
    reached |= 1 << ask_securely(rig, uri);
  }
  workers_rig_stop(rig);
  for (size_t n = 0; n < 2; n++) {
    acoap_credentials_unref(secured[n].credentials);
  }
}
END_TEST

static int refuse(void *user_data, acoap_worker_t *worker,
                  acoap_local_endpoint_options_t *options) {
  (void)user_data;
  ck_assert_ptr_null(acoap_worker_endpoint(worker));
  options->token_max = 4;
  return acoap_worker_number(worker) == 1 ? ACOAP_ESECURITY : 0;
}

START_TEST(options_may_differ_and_a_worker_may_refuse_them) {
  workers_rig_t *rig = workers_rig_new(2, _i);
  rig->options.prepare = refuse;
  rig->options.restarts_max = 1;
  workers_rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 1);
  ck_assert_int_eq(rig->last_status[1], ACOAP_ESECURITY);
  workers_rig_stop(rig);
}
END_TEST

START_TEST(misuse_is_refused) {
  workers_rig_t *rig = workers_rig_new(1, _i);
  acoap_workers_t *workers = NULL;
  acoap_workers_options_t options = rig->options;
  ck_assert_int_eq(acoap_workers_start(NULL, NULL, &workers), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_workers_start(NULL, &options, NULL), ACOAP_EINVAL);
  options.setup = NULL;
  ck_assert_int_eq(acoap_workers_start(NULL, &options, &workers), ACOAP_EINVAL);
  options = rig->options;
  options.count = 100000;
  ck_assert_int_eq(acoap_workers_start(NULL, &options, &workers), ACOAP_EINVAL);
  options = rig->options;
  acoap_local_endpoint_options_t endpoint = rig->endpoint;
  acoap_params_t params = {.size = 1};
  endpoint.params = &params;
  options.endpoint = &endpoint;
  ck_assert_int_eq(acoap_workers_start(NULL, &options, &workers), ACOAP_EINVAL);
  ck_assert_ptr_null(workers);
  ck_assert_int_eq(acoap_workers_join(NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_workers_ready(NULL), ACOAP_EINVAL);
  acoap_workers_stop(NULL);
  workers_rig_free(rig);
}
END_TEST

static void add(TCase *tcase, const TTest *test) {
  tcase_add_loop_test(tcase, test, 0, 2);
}

static Suite *endpoint_workers_suite(void) {
  Suite *suite = suite_create("endpoint_workers");
  TCase *reach = tcase_create("reach");
  add(reach, a_peer_always_reaches_the_same_worker_and_many_reach_all);
  add(reach, the_ephemeral_ports_of_the_first_are_everybodys);
  add(reach, two_groups_of_workers_have_two_ports);
  add(reach, requests_of_workers_leave_from_ports_of_their_own);
  add(reach, a_group_is_answered_once_also_when_who_hears_it_ends);
  add(reach, a_change_reaches_the_observers_of_every_worker);
  suite_add_tcase(suite, reach);
  TCase *calls = tcase_create("calls");
  add(calls, calls_run_in_order_on_the_workers_thread);
  add(calls, what_was_accepted_runs_before_the_end);
  suite_add_tcase(suite, calls);
  TCase *lives = tcase_create("lives");
  add(lives, a_setup_that_fails_is_tried_again_and_given_up);
  add(lives, when_all_give_up_the_owner_hears_why);
  add(lives, a_worker_that_ends_unasked_begins_again);
  add(lives, forgotten_handles_keep_nothing_from_ending);
  suite_add_tcase(suite, lives);
  TCase *end = tcase_create("end");
  add(end, a_worker_may_stop_all);
  add(end, the_owners_loop_lives_until_they_have_ended);
  add(end, they_may_be_stopped_while_they_begin);
  suite_add_tcase(suite, end);
  TCase *memory = tcase_create("memory");
  add(memory, whichever_allocation_fails_all_come_up_or_none);
  suite_add_tcase(suite, memory);
  TCase *options = tcase_create("options");
  add(options, a_pinned_worker_stays_on_one_core);
  add(options, workers_serve_coaps_with_credentials_of_their_own);
  add(options, options_may_differ_and_a_worker_may_refuse_them);
  add(options, misuse_is_refused);
  suite_add_tcase(suite, options);
  return suite;
}

ACOAP_TEST_MAIN(endpoint_workers_suite)
