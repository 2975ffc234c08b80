/*
 * Workers over real sockets and threads: who is reached, what runs where, how they begin again and
 * end. The tests wait for conditions, never for time; peers are plain sockets on loopback.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "check_main.h"

#define MOST 8
#define PEERS 24

/* What the workers have done, as counted by their callbacks; guarded. */
typedef struct rig {
  uv_mutex_t mutex;
  uv_cond_t changed;
  acoap_workers_t *workers;
  acoap_local_endpoint_options_t endpoint;
  acoap_workers_options_t options;
  acoap_address_t bind;
  unsigned set_up[MOST];    /* successful setups */
  unsigned torn_down[MOST]; /* teardowns */
  unsigned events[MOST][5]; /* by kind */
  unsigned handled[MOST];   /* requests */
  unsigned calls;           /* posted calls that ran */
  unsigned answers;         /* to requests that workers sent */
  unsigned state;           /* of the resource that is observed */
  int last_status[MOST];    /* of the last failure */
  int failing;              /* bit n: the setup of worker n fails */
  bool groups;              /* the setup joins one */
  unsigned stopped;         /* calls of the stopped callback */
  int stopped_status;       /* its status */
} rig_t;

/* ---- what workers do ---------------------------------------------------------------------------
 */

static void count(rig_t *rig, unsigned *counter) {
  uv_mutex_lock(&rig->mutex);
  (*counter)++;
  uv_cond_broadcast(&rig->changed);
  uv_mutex_unlock(&rig->mutex);
}

static unsigned read_count(rig_t *rig, const unsigned *counter) {
  uv_mutex_lock(&rig->mutex);
  unsigned value = *counter;
  uv_mutex_unlock(&rig->mutex);
  return value;
}

static void wait_count(rig_t *rig, const unsigned *counter, unsigned least) {
  uv_mutex_lock(&rig->mutex);
  while (*counter < least) {
    uv_cond_wait(&rig->changed, &rig->mutex);
  }
  uv_mutex_unlock(&rig->mutex);
}

/* What a handler needs: whose it is. */
typedef struct place {
  rig_t *rig;
  acoap_server_t *server;
  size_t number;
} place_t;

/* Answers with the worker's number. */
static void get_number(void *user_data, acoap_request_t *request) {
  place_t *place = user_data;
  char digit = (char)('0' + place->number);
  count(place->rig, &place->rig->handled[place->number]);
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, &digit, 1);
}

static void get_state(void *user_data, acoap_request_t *request) {
  place_t *place = user_data;
  char digit = (char)('0' + read_count(place->rig, &place->rig->state));
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, &digit, 1);
}

static int join_group(acoap_local_endpoint_t *endpoint) {
  acoap_address_t group;
  ck_assert_int_eq(acoap_address_parse("224.0.1.187", 11, &group), 0);
  return acoap_local_endpoint_join(endpoint, &group, "lo");
}

static int setup(void *user_data, acoap_worker_t *worker) {
  rig_t *rig = user_data;
  size_t number = acoap_worker_number(worker);
  if ((rig->failing & 1 << number) != 0) {
    return ACOAP_ENOTFOUND;
  }
  place_t *place = calloc(1, sizeof(*place));
  ck_assert_ptr_nonnull(place);
  *place = (place_t){.rig = rig, .number = number};
  acoap_server_t *server = NULL;
  ck_assert_int_eq(acoap_server_new(acoap_worker_endpoint(worker), NULL, &server), 0);
  acoap_resource_on(acoap_resource_new(server, "/number"), ACOAP_CODE_GET, get_number, place);
  acoap_resource_t *group = acoap_resource_new(server, "/group");
  acoap_multicast_policy_t at_once = {.size = sizeof(at_once), .leisure_ms = 1};
  acoap_resource_on(group, ACOAP_CODE_GET, get_number, place);
  acoap_resource_multicast(group, &at_once);
  acoap_resource_t *room = acoap_resource_new(server, "/rooms/:room");
  acoap_resource_on(room, ACOAP_CODE_GET, get_state, place);
  acoap_resource_observable(room, NULL);
  ck_assert_int_eq(acoap_server_status(server), 0);
  if (rig->groups) {
    ck_assert_int_eq(join_group(acoap_worker_endpoint(worker)), 0);
  }
  place->server = server;
  acoap_worker_set_data(worker, place);
  count(rig, &rig->set_up[number]);
  return 0;
}

static void teardown(void *user_data, acoap_worker_t *worker) {
  rig_t *rig = user_data;
  place_t *place = acoap_worker_data(worker);
  acoap_server_free(place->server);
  free(place);
  count(rig, &rig->torn_down[acoap_worker_number(worker)]);
}

static void on_event(void *user_data, acoap_worker_t *worker, acoap_worker_event_t event,
                     int status) {
  rig_t *rig = user_data;
  size_t number = acoap_worker_number(worker);
  ck_assert_ptr_eq(acoap_worker_workers(worker) == NULL ? NULL : rig, rig);
  uv_mutex_lock(&rig->mutex);
  if (status != 0) {
    rig->last_status[number] = status;
  }
  rig->events[number][event]++;
  uv_cond_broadcast(&rig->changed);
  uv_mutex_unlock(&rig->mutex);
}

static void on_stopped(void *user_data, int status) {
  rig_t *rig = user_data;
  rig->stopped_status = status;
  rig->stopped++;
}

/* ---- the rig -----------------------------------------------------------------------------------
 */

static rig_t *rig_new(size_t count_of_workers, int udp) {
  rig_t *rig = calloc(1, sizeof(*rig));
  ck_assert_ptr_nonnull(rig);
  ck_assert_int_eq(uv_mutex_init(&rig->mutex), 0);
  ck_assert_int_eq(uv_cond_init(&rig->changed), 0);
  ck_assert_int_eq(acoap_address_parse("127.0.0.1", 9, &rig->bind), 0);
  rig->endpoint = (acoap_local_endpoint_options_t){
      .size = sizeof(rig->endpoint),
      .udp = udp != 0 ? ACOAP_UDP_PORTABLE : ACOAP_UDP_BEST,
      .bind = &rig->bind,
      .bind_count = 1,
  };
  rig->options = (acoap_workers_options_t){
      .size = sizeof(rig->options),
      .count = count_of_workers,
      .endpoint = &rig->endpoint,
      .restart_delay_ms = 1,
      .setup = setup,
      .teardown = teardown,
      .on_event = on_event,
      .stopped = on_stopped,
      .user_data = rig,
  };
  return rig;
}

static void rig_start(rig_t *rig, uv_loop_t *owner) {
  ck_assert_int_eq(acoap_workers_start(owner, &rig->options, &rig->workers), 0);
}

static void rig_free(rig_t *rig) {
  for (size_t n = 0; n < MOST; n++) {
    ck_assert_uint_eq(rig->set_up[n], rig->torn_down[n]);
  }
  uv_cond_destroy(&rig->changed);
  uv_mutex_destroy(&rig->mutex);
  free(rig);
}

static void rig_stop(rig_t *rig) {
  acoap_workers_stop(rig->workers);
  ck_assert_int_eq(acoap_workers_join(rig->workers), 0);
  rig_free(rig);
}

/* ---- peers -------------------------------------------------------------------------------------
 */

static uint16_t port_of(rig_t *rig) {
  acoap_address_t address;
  ck_assert_int_eq(acoap_workers_address(rig->workers, 0, &address), 0);
  ck_assert_uint_ne(address.port, 0);
  return address.port;
}

static int peer_new(void) {
  struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct timeval patience = {.tv_sec = 30};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
  ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
  return fd;
}

static void peer_send(int fd, uint32_t address, uint16_t port, const uint8_t *bytes, size_t len) {
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
  ck_assert_int_eq(sendto(fd, bytes, len, 0, (struct sockaddr *)&to, sizeof(to)), (ssize_t)len);
}

/* GET /a or /a/b, the token is the Message ID. */
static void peer_get(int fd, uint32_t address, uint16_t port, acoap_type_t type, uint16_t id,
                     const char *a, const char *b, bool observe) {
  uint8_t bytes[64];
  uint8_t token[2] = {(uint8_t)(id >> 8), (uint8_t)id};
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), type, ACOAP_CODE_GET, id, token, 2);
  if (observe) {
    acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, 0);
  }
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, a, strlen(a));
  if (b != NULL) {
    acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, b, strlen(b));
  }
  peer_send(fd, address, port, bytes, (size_t)acoap_builder_finish(&builder));
}

/* The payload's digit of the next response with content; a CON is acknowledged. */
static int peer_digit(int fd, struct sockaddr_in *from) {
  uint8_t bytes[256];
  acoap_view_t view;
  socklen_t from_len = sizeof(*from);
  ssize_t len = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)from, &from_len);
  ck_assert_msg(len > 0, "no answer: %s", strerror(errno));
  ck_assert_int_eq(acoap_decode(&view, bytes, (size_t)len, 8, NULL), 0);
  ck_assert_uint_eq(view.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(view.payload.len, 1);
  if (view.type == ACOAP_CON) {
    uint8_t ack[4] = {0x60, 0, (uint8_t)(view.message_id >> 8), (uint8_t)view.message_id};
    ck_assert_int_eq(sendto(fd, ack, 4, 0, (struct sockaddr *)from, from_len), 4);
  }
  return view.payload.data[0] - '0';
}

static int ask_number(int fd, uint16_t port, uint16_t id) {
  struct sockaddr_in from;
  peer_get(fd, INADDR_LOOPBACK, port, ACOAP_CON, id, "number", NULL, false);
  int number = peer_digit(fd, &from);
  ck_assert_uint_eq(ntohs(from.sin_port), port);
  return number;
}

/* ---- calls -------------------------------------------------------------------------------------
 */

static void run_call(void *user_data, acoap_worker_t *worker) {
  rig_t *rig = user_data;
  (void)worker;
  count(rig, &rig->calls);
}

/* Each loop that is up has taken two whole turns after what was sent before. */
static void barrier(rig_t *rig) {
  for (int turn = 0; turn < 2; turn++) {
    unsigned before = read_count(rig, &rig->calls);
    int posted = acoap_workers_post_all(rig->workers, run_call, rig);
    ck_assert_int_gt(posted, 0);
    wait_count(rig, &rig->calls, before + (unsigned)posted);
  }
}

static void end_loop(void *user_data, acoap_worker_t *worker) {
  (void)user_data;
  uv_stop(acoap_worker_loop(worker));
}

static void close_endpoint(void *user_data, acoap_worker_t *worker) {
  (void)user_data;
  acoap_local_endpoint_close(acoap_worker_endpoint(worker), NULL, NULL);
}

static void stop_all(void *user_data, acoap_worker_t *worker) {
  rig_t *rig = user_data;
  acoap_workers_t *workers = acoap_worker_workers(worker);
  ck_assert_int_eq(acoap_workers_join(workers), ACOAP_EBUSY);
  ck_assert_int_eq(acoap_workers_ready(workers), ACOAP_EBUSY);
  acoap_workers_stop(workers);
  count(rig, &rig->calls);
}

/* ---- tests: who is reached ---------------------------------------------------------------------
 */

START_TEST(a_peer_always_reaches_the_same_worker_and_many_reach_all) {
  rig_t *rig = rig_new(4, _i);
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 4);
  ck_assert_uint_eq(acoap_workers_count(rig->workers), 4);
  uint16_t port = port_of(rig);
  int reached = 0;
  for (unsigned peers = 0; reached != 15; peers++) {
    ck_assert_uint_lt(peers, 1000);
    int fd = peer_new();
    int number = ask_number(fd, port, 1);
    for (uint16_t id = 2; id < 5; id++) {
      ck_assert_int_eq(ask_number(fd, port, id), number);
    }
    reached |= 1 << number;
    close(fd);
  }
  rig_stop(rig);
}
END_TEST

START_TEST(the_ephemeral_ports_of_the_first_are_everybodys) {
  rig_t *rig = rig_new(3, _i);
  rig->endpoint.bind = NULL;
  rig->endpoint.bind_count = 0;
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 3);
  acoap_address_t address;
  ck_assert_int_eq(acoap_workers_address(rig->workers, 0, &address), 0);
  ck_assert_int_eq(acoap_workers_address(rig->workers, 2, &address), ACOAP_EINVAL);
  int fd = peer_new();
  ask_number(fd, port_of(rig), 1);
  close(fd);
  rig_stop(rig);
}
END_TEST

START_TEST(two_groups_of_workers_have_two_ports) {
  rig_t *a = rig_new(2, _i);
  rig_t *b = rig_new(2, _i);
  rig_start(a, NULL);
  rig_start(b, NULL);
  ck_assert_int_eq(acoap_workers_ready(a->workers), 2);
  ck_assert_int_eq(acoap_workers_ready(b->workers), 2);
  ck_assert_uint_ne(port_of(a), port_of(b));
  rig_stop(a);
  rig_stop(b);
}
END_TEST

static void answered(void *user_data, int status, acoap_message_t *message) {
  rig_t *rig = user_data;
  ck_assert_int_eq(status, 0);
  ck_assert_ptr_nonnull(message);
  count(rig, &rig->answers);
}

static char asked_uri[40]; /* of the peer that workers ask; written before they are */

static void ask_peer(void *user_data, acoap_worker_t *worker) {
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_new(acoap_worker_endpoint(worker), asked_uri, &remote), 0);
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), answered, user_data, NULL), 0);
  acoap_remote_endpoint_unref(remote);
}

START_TEST(requests_of_workers_leave_from_ports_of_their_own) {
  rig_t *rig = rig_new(4, _i);
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 4);
  int fd = peer_new();
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
    ck_assert_uint_ne(ports[n], port_of(rig));
    for (int other = 0; other < n; other++) {
      ck_assert_uint_ne(ports[n], ports[other]);
    }
    bytes[0] = (uint8_t)((bytes[0] & 0x4f) | 0x20);
    bytes[1] = ACOAP_CODE_CONTENT;
    peer_send(fd, INADDR_LOOPBACK, ports[n], bytes, 4u + (bytes[0] & 15u));
  }
  wait_count(rig, &rig->answers, 4);
  close(fd);
  rig_stop(rig);
}
END_TEST

static unsigned handled_by_all(rig_t *rig) {
  unsigned sum = 0;
  for (size_t n = 0; n < MOST; n++) {
    sum += read_count(rig, &rig->handled[n]);
  }
  return sum;
}

/* Ask the group; the number of the one that answers, of which there is exactly one. */
static int ask_group(rig_t *rig, int fd, uint16_t id) {
  struct ip_mreqn interface = {.imr_ifindex = (int)if_nametoindex("lo")};
  struct sockaddr_in from;
  unsigned before = handled_by_all(rig);
  ck_assert_int_eq(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)), 0);
  peer_get(fd, 0xe00001bb, port_of(rig), ACOAP_NON, id, "group", NULL, false);
  int number = peer_digit(fd, &from);
  barrier(rig);
  ck_assert_uint_eq(handled_by_all(rig), before + 1);
  return number;
}

START_TEST(a_group_is_answered_once_also_when_who_hears_it_ends) {
  rig_t *rig = rig_new(4, _i);
  rig->endpoint.bind_count = 0;
  rig->endpoint.bind = NULL;
  rig->groups = true;
  rig->options.restart_delay_ms = 1000000;
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 4);
  barrier(rig);
  int fd = peer_new();
  int first = ask_group(rig, fd, 1);
  ck_assert_int_eq(ask_group(rig, fd, 2), first);
  ck_assert_int_eq(acoap_workers_post(rig->workers, (size_t)first, end_loop, NULL), 0);
  wait_count(rig, &rig->torn_down[first], 1);
  barrier(rig);
  int second = ask_group(rig, fd, 3);
  ck_assert_int_ne(second, first);
  close(fd);
  rig_stop(rig);
}
END_TEST

/* ---- tests: notifications ----------------------------------------------------------------------
 */

START_TEST(a_change_reaches_the_observers_of_every_worker) {
  static const char *const paths[] = {"/rooms/:room", "/rooms/kitchen"};
  rig_t *rig = rig_new(4, _i);
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 4);
  int peers[PEERS];
  struct sockaddr_in from;
  for (size_t n = 0; n < PEERS; n++) {
    peers[n] = peer_new();
    peer_get(peers[n], INADDR_LOOPBACK, port_of(rig), ACOAP_CON, 1, "rooms",
             n % 2 == 0 ? "kitchen" : "hall", true);
    ck_assert_int_eq(peer_digit(peers[n], &from), 0);
  }
  for (unsigned state = 1; state < 3; state++) {
    count(rig, &rig->state);
    ck_assert_int_eq(acoap_workers_notify(rig->workers, paths[state - 1]), 0);
    for (size_t n = 0; n < PEERS; n++) {
      if (state == 1 || n % 2 == 0) {
        ck_assert_int_eq(peer_digit(peers[n], &from), (int)state);
      }
    }
  }
  barrier(rig);
  for (size_t n = 0; n < PEERS; n++) {
    uint8_t byte;
    ck_assert_int_eq(recv(peers[n], &byte, 1, MSG_DONTWAIT), -1);
    close(peers[n]);
  }
  ck_assert_int_eq(acoap_workers_notify(rig->workers, "/none"), 0);
  ck_assert_int_eq(acoap_workers_notify(rig->workers, "none"), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_workers_notify(NULL, "/none"), ACOAP_EINVAL);
  rig_stop(rig);
}
END_TEST

/* ---- tests: calls ------------------------------------------------------------------------------
 */

typedef struct step {
  rig_t *rig;
  unsigned expected; /* calls that ran before */
  uv_thread_t thread;
} step_t;

static void run_step(void *user_data, acoap_worker_t *worker) {
  step_t *step = user_data;
  ck_assert_uint_eq(acoap_worker_number(worker), 1);
  ck_assert_uint_eq(read_count(step->rig, &step->rig->calls), step->expected);
  step->thread = uv_thread_self();
  count(step->rig, &step->rig->calls);
}

START_TEST(calls_run_in_order_on_the_workers_thread) {
  rig_t *rig = rig_new(2, _i);
  step_t steps[100];
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  for (unsigned n = 0; n < 100; n++) {
    steps[n] = (step_t){.rig = rig, .expected = n};
    ck_assert_int_eq(acoap_workers_post(rig->workers, 1, run_step, &steps[n]), 0);
  }
  wait_count(rig, &rig->calls, 100);
  uv_thread_t self = uv_thread_self();
  for (unsigned n = 0; n < 100; n++) {
    ck_assert(uv_thread_equal(&steps[n].thread, &steps[0].thread));
    ck_assert(!uv_thread_equal(&steps[n].thread, &self));
  }
  ck_assert_int_eq(acoap_workers_post(rig->workers, 2, run_call, rig), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_workers_post(rig->workers, 0, NULL, rig), ACOAP_EINVAL);
  rig_stop(rig);
}
END_TEST

START_TEST(what_was_accepted_runs_before_the_end) {
  rig_t *rig = rig_new(2, _i);
  unsigned accepted = 0;
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  for (unsigned n = 0; n < 1000; n++) {
    accepted += acoap_workers_post(rig->workers, n % 2, run_call, rig) == 0 ? 1 : 0;
    if (n == 500) {
      acoap_workers_stop(rig->workers);
    }
  }
  ck_assert_uint_ge(accepted, 501);
  ck_assert_int_eq(acoap_workers_join(rig->workers), 0);
  ck_assert_uint_eq(rig->calls, accepted);
  rig_free(rig);
}
END_TEST

/* ---- tests: beginning again --------------------------------------------------------------------
 */

START_TEST(a_setup_that_fails_is_tried_again_and_given_up) {
  rig_t *rig = rig_new(3, _i);
  rig->failing = 1 << 1;
  rig->options.restarts_max = 3;
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  ck_assert_uint_eq(read_count(rig, &rig->events[1][ACOAP_WORKER_FAILED]), 3);
  ck_assert_uint_eq(read_count(rig, &rig->events[1][ACOAP_WORKER_GIVEN_UP]), 1);
  ck_assert_uint_eq(read_count(rig, &rig->events[1][ACOAP_WORKER_UP]), 0);
  ck_assert_int_eq(rig->last_status[1], ACOAP_ENOTFOUND);
  ck_assert_int_eq(acoap_workers_post(rig->workers, 1, run_call, rig), ACOAP_EAGAIN);
  ck_assert_int_eq(acoap_workers_post_all(rig->workers, run_call, rig), 2);
  for (int peers = 0; peers < PEERS; peers++) {
    int fd = peer_new();
    ck_assert_int_ne(ask_number(fd, port_of(rig), 1), 1);
    close(fd);
  }
  rig_stop(rig);
}
END_TEST

START_TEST(when_all_give_up_the_owner_hears_why) {
  rig_t *rig = rig_new(2, _i);
  rig->failing = 3;
  rig->options.restarts_max = 1;
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), ACOAP_ENOTFOUND);
  ck_assert_int_eq(acoap_workers_join(rig->workers), ACOAP_ENOTFOUND);
  uv_loop_t owner;
  ck_assert_int_eq(uv_loop_init(&owner), 0);
  rig_start(rig, &owner);
  ck_assert_int_eq(acoap_workers_join(rig->workers), ACOAP_EINVAL);
  ck_assert_int_eq(uv_run(&owner, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(rig->stopped, 1);
  ck_assert_int_eq(rig->stopped_status, ACOAP_ENOTFOUND);
  ck_assert_int_eq(uv_loop_close(&owner), 0);
  rig_free(rig);
}
END_TEST

START_TEST(a_worker_that_ends_unasked_begins_again) {
  static const acoap_worker_call_cb ends[] = {end_loop, close_endpoint};
  rig_t *rig = rig_new(2, _i);
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  uint16_t port = port_of(rig);
  for (unsigned n = 0; n < 2; n++) {
    ck_assert_int_eq(acoap_workers_post(rig->workers, 0, ends[n], NULL), 0);
    wait_count(rig, &rig->events[0][ACOAP_WORKER_UP], n + 2);
    ck_assert_int_eq(rig->last_status[0], ACOAP_EEND);
    ck_assert_uint_eq(read_count(rig, &rig->torn_down[0]), n + 1);
    int reached = 0;
    for (unsigned peers = 0; reached != 3; peers++) {
      ck_assert_uint_lt(peers, 1000);
      int fd = peer_new();
      reached |= 1 << ask_number(fd, port, 1);
      close(fd);
    }
  }
  ck_assert_uint_eq(read_count(rig, &rig->events[1][ACOAP_WORKER_UP]), 1);
  ck_assert_uint_eq(read_count(rig, &rig->set_up[1]), 1);
  rig_stop(rig);
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
  rig_t *rig = rig_new(1, _i);
  uv_timer_t timers[2];
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 1);
  ck_assert_int_eq(acoap_workers_post(rig->workers, 0, leave_handles, timers), 0);
  rig_stop(rig);
}
END_TEST

/* ---- tests: the end ----------------------------------------------------------------------------
 */

START_TEST(a_worker_may_stop_all) {
  rig_t *rig = rig_new(3, _i);
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 3);
  ck_assert_int_eq(acoap_workers_post(rig->workers, 1, stop_all, rig), 0);
  ck_assert_int_eq(acoap_workers_join(rig->workers), 0);
  ck_assert_uint_eq(rig->calls, 1);
  for (int n = 0; n < 3; n++) {
    ck_assert_uint_eq(rig->events[n][ACOAP_WORKER_STOPPED], 1);
    ck_assert_uint_eq(rig->events[n][ACOAP_WORKER_FAILED], 0);
  }
  rig_free(rig);
}
END_TEST

START_TEST(the_owners_loop_lives_until_they_have_ended) {
  rig_t *rig = rig_new(2, _i);
  uv_loop_t owner;
  ck_assert_int_eq(uv_loop_init(&owner), 0);
  rig_start(rig, &owner);
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
  rig_free(rig);
}
END_TEST

START_TEST(they_may_be_stopped_while_they_begin) {
  for (int n = 0; n < 40; n++) {
    rig_t *rig = rig_new(4, _i);
    rig->failing = n % 4;
    rig->options.restart_delay_ms = 1000000;
    rig_start(rig, NULL);
    if (n % 3 == 1) {
      wait_count(rig, &rig->set_up[2], 1);
    }
    acoap_workers_stop(rig->workers);
    ck_assert_int_eq(acoap_workers_ready(rig->workers), ACOAP_ECANCELED);
    ck_assert_int_eq(acoap_workers_join(rig->workers), 0);
    rig_free(rig);
  }
}
END_TEST

/* ---- tests: options ----------------------------------------------------------------------------
 */

static void note_cores(void *user_data, acoap_worker_t *worker) {
  rig_t *rig = user_data;
  cpu_set_t set;
  (void)worker;
  CPU_ZERO(&set);
  ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
  ck_assert_int_eq(CPU_COUNT(&set), 1);
  count(rig, &rig->calls);
}

START_TEST(a_pinned_worker_stays_on_one_core) {
  rig_t *rig = rig_new(0, _i);
  rig->options.pin = true;
  rig_start(rig, NULL);
  int count_of_workers = (int)uv_available_parallelism();
  ck_assert_uint_eq(acoap_workers_count(rig->workers), (size_t)count_of_workers);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), count_of_workers);
  ck_assert_int_eq(acoap_workers_post_all(rig->workers, note_cores, rig), count_of_workers);
  wait_count(rig, &rig->calls, (unsigned)count_of_workers);
  rig_stop(rig);
}
END_TEST

/* ---- tests: coaps:// ---------------------------------------------------------------------------
 */

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
static int ask_securely(rig_t *rig, const char *uri) {
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
  rig_t *rig = rig_new(2, _i);
  struct sockaddr_in local;
  socklen_t local_len = sizeof(local);
  char uri[60];
  int fd = peer_new();
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
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 2);
  int reached = 0;
  for (unsigned clients = 0; reached != 3; clients++) {
    ck_assert_uint_lt(clients, 200);
    reached |= 1 << ask_securely(rig, uri);
  }
  rig_stop(rig);
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
  rig_t *rig = rig_new(2, _i);
  rig->options.prepare = refuse;
  rig->options.restarts_max = 1;
  rig_start(rig, NULL);
  ck_assert_int_eq(acoap_workers_ready(rig->workers), 1);
  ck_assert_int_eq(rig->last_status[1], ACOAP_ESECURITY);
  rig_stop(rig);
}
END_TEST

START_TEST(misuse_is_refused) {
  rig_t *rig = rig_new(1, _i);
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
  rig_free(rig);
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
  TCase *options = tcase_create("options");
  add(options, a_pinned_worker_stays_on_one_core);
  add(options, workers_serve_coaps_with_credentials_of_their_own);
  add(options, options_may_differ_and_a_worker_may_refuse_them);
  add(options, misuse_is_refused);
  suite_add_tcase(suite, options);
  return suite;
}

ACOAP_TEST_MAIN(endpoint_workers_suite)
