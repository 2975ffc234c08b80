/*
 * Workers for tests, see workers_rig.h.
 * SPDX-License-Identifier: MIT
 */
#include "workers_rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- what workers do ------------------------------------------------------------------------- */

void workers_rig_count(workers_rig_t *rig, unsigned *counter) {
  uv_mutex_lock(&rig->mutex);
  (*counter)++;
  uv_cond_broadcast(&rig->changed);
  uv_mutex_unlock(&rig->mutex);
}

unsigned workers_rig_read(workers_rig_t *rig, const unsigned *counter) {
  uv_mutex_lock(&rig->mutex);
  unsigned value = *counter;
  uv_mutex_unlock(&rig->mutex);
  return value;
}

void workers_rig_wait(workers_rig_t *rig, const unsigned *counter, unsigned least) {
  uv_mutex_lock(&rig->mutex);
  while (*counter < least) {
    uv_cond_wait(&rig->changed, &rig->mutex);
  }
  uv_mutex_unlock(&rig->mutex);
}

/* What a handler needs: whose it is. */
typedef struct place {
  workers_rig_t *rig;
  acoap_server_t *server;
  size_t number;
} place_t;

/* Answers with the worker's number. */
static void get_number(void *user_data, acoap_request_t *request) {
  place_t *place = user_data;
  char digit = (char)('0' + place->number);
  workers_rig_count(place->rig, &place->rig->handled[place->number]);
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, &digit, 1);
}

static void get_state(void *user_data, acoap_request_t *request) {
  place_t *place = user_data;
  char digit = (char)('0' + workers_rig_read(place->rig, &place->rig->state));
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, &digit, 1);
}

static int join_group(acoap_local_endpoint_t *endpoint) {
  acoap_address_t group;
  ck_assert_int_eq(acoap_address_parse("224.0.1.187", 11, &group), 0);
  return acoap_local_endpoint_join(endpoint, &group, "lo");
}

static int setup(void *user_data, acoap_worker_t *worker) {
  workers_rig_t *rig = user_data;
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
  workers_rig_count(rig, &rig->set_up[number]);
  return 0;
}

static void teardown(void *user_data, acoap_worker_t *worker) {
  workers_rig_t *rig = user_data;
  place_t *place = acoap_worker_data(worker);
  acoap_server_free(place->server);
  free(place);
  workers_rig_count(rig, &rig->torn_down[acoap_worker_number(worker)]);
}

static void on_event(void *user_data, acoap_worker_t *worker, acoap_worker_event_t event,
                     int status) {
  workers_rig_t *rig = user_data;
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
  workers_rig_t *rig = user_data;
  rig->stopped_status = status;
  rig->stopped++;
}

/* ---- the rig --------------------------------------------------------------------------------- */

workers_rig_t *workers_rig_new(size_t count_of_workers, int udp) {
  workers_rig_t *rig = calloc(1, sizeof(*rig));
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

void workers_rig_start(workers_rig_t *rig, uv_loop_t *owner) {
  ck_assert_int_eq(acoap_workers_start(owner, &rig->options, &rig->workers), 0);
}

void workers_rig_free(workers_rig_t *rig) {
  for (size_t n = 0; n < WORKERS_MOST; n++) {
    ck_assert_uint_eq(rig->set_up[n], rig->torn_down[n]);
  }
  uv_cond_destroy(&rig->changed);
  uv_mutex_destroy(&rig->mutex);
  free(rig);
}

void workers_rig_stop(workers_rig_t *rig) {
  acoap_workers_stop(rig->workers);
  ck_assert_int_eq(acoap_workers_join(rig->workers), 0);
  workers_rig_free(rig);
}

/* ---- peers ----------------------------------------------------------------------------------- */

uint16_t workers_rig_port(workers_rig_t *rig) {
  acoap_address_t address;
  ck_assert_int_eq(acoap_workers_address(rig->workers, 0, &address), 0);
  ck_assert_uint_ne(address.port, 0);
  return address.port;
}

int workers_peer_new(void) {
  struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct timeval patience = {.tv_sec = 30};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
  ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
  return fd;
}

void workers_peer_send(int fd, uint32_t address, uint16_t port, const uint8_t *bytes, size_t len) {
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
  ck_assert_int_eq(sendto(fd, bytes, len, 0, (struct sockaddr *)&to, sizeof(to)), (ssize_t)len);
}

/* GET /a or /a/b, the token is the Message ID. */
void workers_peer_get(int fd, uint32_t address, uint16_t port, acoap_type_t type, uint16_t id,
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
  workers_peer_send(fd, address, port, bytes, (size_t)acoap_builder_finish(&builder));
}

/* The payload's digit of the next response with content; a CON is acknowledged. */
int workers_peer_digit(int fd, struct sockaddr_in *from) {
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

int workers_peer_ask(int fd, uint16_t port, uint16_t id) {
  struct sockaddr_in from;
  workers_peer_get(fd, INADDR_LOOPBACK, port, ACOAP_CON, id, "number", NULL, false);
  int number = workers_peer_digit(fd, &from);
  ck_assert_uint_eq(ntohs(from.sin_port), port);
  return number;
}

/* ---- calls ----------------------------------------------------------------------------------- */

void workers_rig_called(void *user_data, acoap_worker_t *worker) {
  workers_rig_t *rig = user_data;
  (void)worker;
  workers_rig_count(rig, &rig->calls);
}

/* Each loop that is up has taken two whole turns after what was sent before. */
void workers_rig_barrier(workers_rig_t *rig) {
  for (int turn = 0; turn < 2; turn++) {
    unsigned before = workers_rig_read(rig, &rig->calls);
    int posted = acoap_workers_post_all(rig->workers, workers_rig_called, rig);
    ck_assert_int_gt(posted, 0);
    workers_rig_wait(rig, &rig->calls, before + (unsigned)posted);
  }
}
