/*
 * Heapless endpoints and endpoints on a loop, a client and a server of each kind, on one network
 * that loses, doubles, delays and reorders, under virtual time. Everybody asks everybody; a seed
 * decides everything and replays it.
 *
 *     ACOAP_SIM_SEEDS=n   run n seeds (500 by default)
 *     ACOAP_SIM_SEED=n    run this one
 *
 * What has to hold:
 *  - every request ends exactly once, answered or failed, and nothing comes after;
 *  - an answer belongs to the request that gets it;
 *  - a handler sees a request at most once, whatever was doubled (RFC 7252 section 4.5);
 *  - in good weather every CON is answered;
 *  - a body that goes block by block, up and down between the kinds, arrives whole or fails, and
 *    in good weather arrives (RFC 7959);
 *  - when all is over no timer is set: a heapless endpoint's next wake-up is never.
 *
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>
#include <acoap/tiny.h>

#include <stdio.h>
#include <stdlib.h>

#include "support/check_main.h"
#include "support/sim_pair.h"
#include "support/tiny_network.h"
#include "tiny/tiny.h"

enum { REQUESTS_MAX = 24, OWED_MAX = 64, MESSAGE_BYTES = 128, BODY_BYTES = 700 };

typedef struct run run_t;

/* A heapless endpoint on a socket of the simulated network. */
typedef struct node {
  run_t *run;
  acoap_tiny_config_t config;
  acoap_params_t params;
  acoap_tiny_t *tiny;
  acoap_socket_t *socket;
  acoap__seeded_t seed;
  void *memory;
} node_t;

/* A request, by its number. */
typedef struct request {
  acoap_time_t send_at;
  bool from_tiny, to_tiny, sent;
  acoap_type_t type;
  int exchange;  /* of the tiny client */
  sim_ask_t ask; /* of the client on a loop */
  unsigned ends, handled;
  bool answered;
} request_t;

/* What a server answers later. */
typedef struct owed {
  acoap_time_t at; /* NEVER: nothing */
  char payload[16];
  acoap_tiny_inbound_t inbound; /* the tiny server's */
  acoap_request_t *request;     /* the other one's; NULL: the tiny server's */
} owed_t;

/* A body on its way between a client on a loop and the heapless server. */
typedef struct transfer {
  unsigned ends;
  int status;
  size_t len;
  uint8_t got[BODY_BYTES];
} transfer_t;

/* The same between the heapless ones: a request for each block. */
typedef struct fetch {
  acoap_tiny_download_t blocks;
  int exchange; /* 0: none is under way */
  bool done, failed;
  uint8_t got[BODY_BYTES];
  size_t len;
} fetch_t;

struct run {
  uint64_t seed, random;
  acoap_sim_t *sim;
  node_t server, client; /* heapless */
  acoap_local_endpoint_t *loop_server, *loop_client;
  acoap_address_t tiny_server, other_server;
  request_t requests[REQUESTS_MAX];
  unsigned count;
  owed_t owed[OWED_MAX];
  bool fine; /* good weather */
  transfer_t up, down;
  fetch_t fetch;
  uint8_t stored[BODY_BYTES]; /* by the heapless server */
  size_t stored_len;
  acoap_tiny_body_t receiving;
};

static uint64_t answered_in_all, failed_in_all, bodies_in_all;
static run_t *current; /* for handlers of the table, which know no run */

static uint32_t dice(run_t *run, uint32_t sides) {
  return tiny_dice(&run->random, sides);
}

static void must(const run_t *run, bool promise, const char *text, unsigned number) {
  if (!promise) {
    ck_abort_msg("ACOAP_SIM_SEED=%llu at %lld ms: %s, request %u", (unsigned long long)run->seed,
                 (long long)acoap_sim_now(run->sim), text, number);
  }
}

static uint8_t body_byte(size_t at) {
  return (uint8_t)(at * 7 + at / 256);
}

static void must_be_the_body(const run_t *run, const uint8_t *bytes, size_t len) {
  must(run, len == BODY_BYTES, "a body of another length", 0);
  for (size_t i = 0; i < len; i++) {
    must(run, bytes[i] == body_byte(i), "another body", (unsigned)i);
  }
}

static unsigned number_in(const run_t *run, acoap_bytes_t payload) {
  char text[16] = "";
  must(run, payload.len > 0 && payload.len < sizeof(text), "no number", 0);
  memcpy(text, payload.data, payload.len);
  unsigned number = (unsigned)atoi(text);
  must(run, number < run->count, "a number out of range", number);
  return number;
}

/* ---- heapless endpoints ---------------------------------------------------------------------- */

static int node_send(void *user_data, const acoap_address_t *peer, acoap_bytes_t bytes) {
  node_t *node = user_data;
  acoap_path_t path = {.peer = *peer};
  acoap_outgoing_datagram_t datagram = {&path, bytes};
  return node->socket->ops->send(node->socket, &datagram, 1) == 1 ? 0 : ACOAP_EUNREACHABLE;
}

static void node_entropy(void *user_data, uint8_t *bytes, size_t len) {
  node_t *node = user_data;
  acoap__seeded_fill(&node->seed, bytes, len);
}

static void end_request(run_t *run, unsigned number, bool answered, acoap_bytes_t payload) {
  request_t *request = &run->requests[number];
  must(run, ++request->ends == 1, "ended twice", number);
  request->answered = answered;
  if (answered) {
    must(run, number_in(run, payload) == number, "somebody else's answer", number);
  }
}

static void fetch_next(run_t *run);

static void fetch_take(run_t *run, const acoap_tiny_event_t *event) {
  fetch_t *fetch = &run->fetch;
  fetch->exchange = 0;
  if (event->kind != ACOAP_TINY_RESPONSE) {
    fetch->failed = true;
    return;
  }
  must(run, event->view.code == ACOAP_CODE_CONTENT, "no block", 0);
  size_t offset = fetch->blocks.offset;
  int more = acoap_tiny_download_take(&fetch->blocks, &event->view);
  must(run, more >= 0 && offset + event->view.payload.len <= BODY_BYTES, "not the next block", 0);
  memcpy(fetch->got + offset, event->view.payload.data, event->view.payload.len);
  fetch->len = offset + event->view.payload.len;
  fetch->done = more == 0;
  if (more > 0) {
    fetch_next(run);
  }
}

static void node_poll(node_t *node) {
  run_t *run = node->run;
  acoap_tiny_event_t event;
  while (acoap_tiny_poll(node->tiny, acoap_sim_now(run->sim), &event)) {
    if (event.kind != ACOAP_TINY_RESPONSE &&
        (event.kind != ACOAP_TINY_FAILED || event.exchange == 0)) {
      continue;
    }
    if (run->fetch.exchange != 0 && event.exchange == run->fetch.exchange) {
      fetch_take(run, &event);
      continue;
    }
    unsigned number = 0;
    while (number < run->count &&
           (run->requests[number].ends > 0 || run->requests[number].exchange != event.exchange)) {
      number++;
    }
    must(run, number < run->count, "an event of no request", number);
    end_request(run, number, event.kind == ACOAP_TINY_RESPONSE, event.view.payload);
    run->requests[number].exchange = 0;
  }
}

static void node_received(void *user_data, const acoap_incoming_datagram_t *datagrams,
                          size_t count) {
  node_t *node = user_data;
  for (size_t i = 0; i < count; i++) {
    ck_assert_int_eq(acoap_tiny_receive(node->tiny, acoap_sim_now(node->run->sim),
                                        &datagrams[i].path.peer, datagrams[i].bytes.data,
                                        datagrams[i].bytes.len),
                     0);
    node_poll(node);
  }
}

static void node_notice(void *user_data, const acoap_peer_notice_t *notice) {
  (void)user_data;
  (void)notice;
}

static void node_nothing(void *user_data) {
  (void)user_data;
}

static void node_open(run_t *run, node_t *node, const char *text,
                      const acoap_tiny_resource_t *resources) {
  static const acoap_socket_events_t events = {sizeof(events), node_received, node_notice,
                                               node_nothing, node_nothing};
  acoap_address_t address = sim_address(text);
  node->run = run;
  node->seed.state = run->seed * 2 + (resources != NULL ? 1 : 0);
  acoap_params_init(&node->params);
  node->params.nstart = 1 + dice(run, 3);
  node->config = (acoap_tiny_config_t){.requests = REQUESTS_MAX + 1,
                                       .responses = 32,
                                       .exchanges_in = 512,
                                       .peers = 4,
                                       .reply_bytes = 16384,
                                       .message_bytes = MESSAGE_BYTES,
                                       .send = node_send,
                                       .entropy = node_entropy,
                                       .user_data = node,
                                       .serve = resources != NULL ? acoap_tiny_serve : NULL,
                                       .resources = resources,
                                       .params = &node->params,
                                       .waiting = acoap_tiny_waiting};
  size_t len = acoap_tiny_memory(&node->config);
  node->memory = malloc(len);
  ck_assert_int_eq(acoap_tiny_init(node->memory, len, &node->config, &node->tiny), 0);
  ck_assert_int_eq(acoap_sim_socket_new(run->sim, &address, &node->socket), 0);
  ck_assert_int_eq(node->socket->ops->start(node->socket, &events, node), 0);
}

/* ---- servers --------------------------------------------------------------------------------- */

static owed_t *owe(run_t *run, acoap_bytes_t payload) {
  for (size_t i = 0; i < OWED_MAX; i++) {
    owed_t *owed = &run->owed[i];
    if (owed->at == ACOAP_TIME_NEVER) {
      memset(owed, 0, sizeof(*owed));
      memcpy(owed->payload, payload.data, payload.len);
      owed->at = acoap_sim_now(run->sim) + 1 + dice(run, 5000);
      return owed;
    }
  }
  return NULL;
}

static void count_handled(run_t *run, unsigned number) {
  must(run, ++run->requests[number].handled == 1, "handled twice", number);
}

static int tiny_handler(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_bytes_t payload = request->view->payload;
  count_handled(current, number_in(current, payload));
  if (dice(current, 3) == 0) {
    owed_t *owed = owe(current, payload);
    if (owed != NULL) {
      owed->inbound = *request->inbound;
      return ACOAP_TINY_LATER;
    }
  }
  acoap_builder_payload(answer, payload.data, payload.len);
  return ACOAP_TINY_SEND;
}

static int get_body(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_tiny_slice_t slice;
  size_t room = 0;
  if (acoap_tiny_slice_begin(request->view, answer, BODY_BYTES, &slice)) {
    uint8_t *at = acoap_builder_payload_room(answer, &room);
    for (size_t i = 0; i < slice.len; i++) {
      at[i] = body_byte(slice.offset + i);
    }
    acoap_builder_payload_commit(answer, slice.len);
  }
  return ACOAP_TINY_SEND;
}

static int put_body(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_tiny_slice_t slice;
  if (acoap_tiny_body_block(&current->receiving, request, answer, &slice) >= 0) {
    must(current, slice.offset + slice.len <= BODY_BYTES, "too long a body", 0);
    memcpy(current->stored + slice.offset, request->view->payload.data, slice.len);
    current->stored_len = slice.offset + slice.len;
  }
  return ACOAP_TINY_SEND;
}

static const acoap_tiny_resource_t resources[] = {
    {"/t", ACOAP_CODE_POST, 0, ACOAP_FORMAT_NONE, tiny_handler, NULL, NULL},
    {"/b", ACOAP_CODE_GET, ACOAP_TINY_BLOCK2, ACOAP_FORMAT_NONE, get_body, NULL, NULL},
    {"/u", ACOAP_CODE_PUT, ACOAP_TINY_BLOCK1, ACOAP_FORMAT_NONE, put_body, NULL, NULL},
    {0}};

static void loop_handler(void *user_data, acoap_request_t *request) {
  run_t *run = user_data;
  acoap_bytes_t payload = acoap_message_payload(acoap_request_message(request));
  count_handled(run, number_in(run, payload));
  if (dice(run, 3) == 0) {
    owed_t *owed = owe(run, payload);
    if (owed != NULL) {
      owed->request = acoap_request_ref(request);
      return;
    }
  }
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, payload.data, payload.len);
}

static void pay(run_t *run, owed_t *owed) {
  acoap_builder_t answer;
  owed->at = ACOAP_TIME_NEVER;
  if (owed->request != NULL) {
    acoap_request_respond(owed->request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, owed->payload,
                          strlen(owed->payload));
    acoap_request_unref(owed->request);
    return;
  }
  if (acoap_tiny_answer_begin(run->server.tiny, &owed->inbound, &answer) == 0) {
    acoap_builder_payload(&answer, owed->payload, strlen(owed->payload));
    acoap_tiny_answer_send(run->server.tiny, acoap_sim_now(run->sim), &owed->inbound, &answer);
    node_poll(&run->server);
  } else {
    owed->at = acoap_sim_now(run->sim) + 1000; /* all places are in use */
  }
}

/* ---- clients --------------------------------------------------------------------------------- */

static void ask_ended(sim_ask_t *ask) {
  run_t *run = ask->user_data;
  unsigned number =
      (unsigned)((request_t *)(void *)((char *)ask - offsetof(request_t, ask)) - run->requests);
  acoap_bytes_t payload = {(const uint8_t *)ask->payload, strlen(ask->payload)};
  if (ask->responses + ask->failures > 0) {
    end_request(run, number, ask->responses > 0, payload);
  }
}

static void send_request(run_t *run, unsigned number) {
  request_t *request = &run->requests[number];
  const acoap_address_t *to = request->to_tiny ? &run->tiny_server : &run->other_server;
  char text[16];
  int len = snprintf(text, sizeof(text), "%u", number);
  request->sent = true;
  if (request->from_tiny) {
    acoap_builder_t builder;
    request->exchange = acoap_tiny_request_begin(run->client.tiny, ACOAP_CODE_POST, &builder);
    must(run, request->exchange > 0, "no place", number);
    acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "t", 1);
    acoap_builder_payload(&builder, text, (size_t)len);
    int status = acoap_tiny_request_send(run->client.tiny, acoap_sim_now(run->sim),
                                         request->exchange, to, request->type, false, &builder);
    must(run, status == 0, "not sent", number);
    node_poll(&run->client);
  } else {
    sim_ask_init(&request->ask, run->loop_client, ACOAP_CODE_POST);
    request->ask.user_data = run;
    request->ask.on_event = ask_ended;
    acoap_builder_option(&request->ask.builder, ACOAP_OPTION_URI_PATH, "t", 1);
    acoap_builder_payload(&request->ask.builder, text, (size_t)len);
    must(run, sim_ask_send(&request->ask, to, request->type) == 0, "not sent", number);
  }
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static void transferred(void *user_data, int status, acoap_message_t *message) {
  transfer_t *transfer = user_data;
  transfer->ends++;
  transfer->status = status;
  if (message != NULL) {
    acoap_bytes_t payload = acoap_message_payload(message);
    transfer->len = payload.len;
    if (payload.len > 0 && payload.len <= BODY_BYTES) {
      memcpy(transfer->got, payload.data, payload.len);
    }
  }
}

static void transfer(run_t *run, const char *uri, acoap_desc_t *desc, transfer_t *transfer) {
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_new(run->loop_client, uri, &remote), 0);
  ck_assert_int_eq(acoap_send(remote, desc, transferred, transfer, NULL), 0);
  acoap_remote_endpoint_unref(remote);
}

static void fetch_next(run_t *run) {
  acoap_builder_t builder;
  run->fetch.exchange = acoap_tiny_request_begin(run->client.tiny, ACOAP_CODE_GET, &builder);
  must(run, run->fetch.exchange > 0, "no place for a block", 0);
  acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "b", 1);
  acoap_tiny_download_option(&run->fetch.blocks, &builder);
  ck_assert_int_eq(acoap_tiny_request_send(run->client.tiny, acoap_sim_now(run->sim),
                                           run->fetch.exchange, &run->tiny_server, ACOAP_CON, false,
                                           &builder),
                   0);
}

static void begin_bodies(run_t *run) {
  uint8_t body[BODY_BYTES];
  for (size_t i = 0; i < BODY_BYTES; i++) {
    body[i] = body_byte(i);
  }
  acoap_desc_t *put = acoap_desc_put();
  acoap_desc_block1(put, (size_t)16 << dice(run, 3), body, sizeof(body));
  transfer(run, "coap://192.0.2.1/u", put, &run->up);
  acoap_desc_t *get = acoap_desc_get();
  acoap_desc_block2(get, (size_t)16 << dice(run, 3));
  acoap_desc_collect(get, BODY_BYTES);
  transfer(run, "coap://192.0.2.1/b", get, &run->down);
  ck_assert_int_eq(acoap_tiny_download_init(&run->fetch.blocks, (size_t)16 << dice(run, 3)), 0);
  fetch_next(run);
  node_poll(&run->client);
}

static void check_bodies(run_t *run) {
  must(run, run->up.ends == 1 && run->down.ends == 1, "a body never ended, or twice", 0);
  must(run, run->fetch.done != run->fetch.failed, "a fetch never ended", 0);
  if (run->up.status == 0) {
    must_be_the_body(run, run->stored, run->stored_len);
  }
  if (run->down.status == 0) {
    must_be_the_body(run, run->down.got, run->down.len);
  }
  if (run->fetch.done) {
    must_be_the_body(run, run->fetch.got, run->fetch.len);
  }
  bool all = run->up.status == 0 && run->down.status == 0 && run->fetch.done;
  must(run, !run->fine || all, "a body failed in good weather", 0);
  bodies_in_all += run->up.status == 0 ? 1 : 0;
  bodies_in_all += run->down.status == 0 ? 1 : 0;
  bodies_in_all += run->fetch.done ? 1 : 0;
}

/* ---- a run ----------------------------------------------------------------------------------- */

static void make_weather(run_t *run) {
  static const uint32_t losses[] = {0, 0, 20000, 100000, 300000, 600000};
  acoap_sim_conditions_t weather = {.size = sizeof(weather), .loss_ppm = losses[dice(run, 6)]};
  weather.duplicate_ppm = dice(run, 2) * dice(run, 300000);
  weather.delay_min_ms = dice(run, 2) * dice(run, 200);
  weather.delay_max_ms = weather.delay_min_ms + dice(run, dice(run, 3) == 0 ? 20000 : 300);
  run->fine = weather.loss_ppm == 0 && weather.delay_max_ms < 1000;
  ck_assert_int_eq(acoap_sim_set_conditions(run->sim, &weather), 0);
}

static void make_requests(run_t *run) {
  uint32_t span = dice(run, 2) == 0 ? 1000 : 200000;
  run->count = 1 + dice(run, REQUESTS_MAX);
  for (unsigned i = 0; i < run->count; i++) {
    request_t *request = &run->requests[i];
    request->send_at = acoap_sim_now(run->sim) + dice(run, span);
    request->from_tiny = dice(run, 3) != 0;
    request->to_tiny = !request->from_tiny || dice(run, 2) == 0;
    request->type = dice(run, 3) == 0 ? ACOAP_NON : ACOAP_CON;
  }
}

static acoap_time_t earlier(acoap_time_t a, acoap_time_t b) {
  return a < b ? a : b;
}

static acoap_time_t next_of_script(const run_t *run) {
  acoap_time_t next =
      earlier(acoap_tiny_next_wake(run->server.tiny), acoap_tiny_next_wake(run->client.tiny));
  for (unsigned i = 0; i < run->count; i++) {
    next = earlier(next, run->requests[i].sent ? ACOAP_TIME_NEVER : run->requests[i].send_at);
  }
  for (size_t i = 0; i < OWED_MAX; i++) {
    next = earlier(next, run->owed[i].at);
  }
  return next;
}

static void do_what_is_due(run_t *run) {
  acoap_time_t now = acoap_sim_now(run->sim);
  for (unsigned i = 0; i < run->count; i++) {
    if (!run->requests[i].sent && run->requests[i].send_at <= now) {
      send_request(run, i);
    }
  }
  for (size_t i = 0; i < OWED_MAX; i++) {
    if (run->owed[i].at <= now) {
      pay(run, &run->owed[i]);
    }
  }
  node_poll(&run->server);
  node_poll(&run->client);
}

static void go(run_t *run) {
  for (unsigned turns = 0;; turns++) {
    acoap_time_t next = next_of_script(run);
    must(run, turns < 200000, "time stands still", 0);
    if (next <= acoap_sim_now(run->sim)) {
      do_what_is_due(run);
    } else if (!acoap_sim_step(run->sim, next) && next == ACOAP_TIME_NEVER) {
      break;
    }
  }
}

static void check_end(run_t *run) {
  check_bodies(run);
  for (unsigned i = 0; i < run->count; i++) {
    must(run, run->requests[i].ends == 1, "never ended", i);
    must(run, !run->requests[i].answered || run->requests[i].handled == 1, "answered by nobody", i);
    must(run, !run->fine || run->requests[i].type == ACOAP_NON || run->requests[i].answered,
         "failed in good weather", i);
    answered_in_all += run->requests[i].answered ? 1 : 0;
    failed_in_all += run->requests[i].answered ? 0 : 1;
    if (!run->requests[i].from_tiny) {
      sim_ask_done(&run->requests[i].ask);
    }
  }
  must(run, acoap_tiny_next_wake(run->server.tiny) == ACOAP_TIME_NEVER, "a timer is left", 0);
  must(run, acoap_tiny_next_wake(run->client.tiny) == ACOAP_TIME_NEVER, "a timer is left", 1);
  must(run, acoap_tiny_stats(run->server.tiny)->dedup_evicted == 0, "too small a log", 0);
}

static void run_seed(uint64_t seed) {
  run_t *run = calloc(1, sizeof(*run));
  current = run;
  run->seed = run->random = seed;
  for (size_t i = 0; i < OWED_MAX; i++) {
    run->owed[i].at = ACOAP_TIME_NEVER;
  }
  ck_assert_int_eq(acoap_sim_new(seed, 1000, &run->sim), 0);
  run->tiny_server = sim_address("192.0.2.1:5683");
  run->other_server = sim_address("192.0.2.3:5683");
  node_open(run, &run->server, "192.0.2.1:5683", resources);
  node_open(run, &run->client, "192.0.2.2:5683", NULL);
  run->loop_server = sim_endpoint_new(run->sim, "192.0.2.3:5683", NULL);
  run->loop_client = sim_endpoint_new(run->sim, "192.0.2.4:5683", NULL);
  acoap_local_endpoint_receive(run->loop_server, loop_handler, run);
  make_weather(run);
  make_requests(run);
  begin_bodies(run);
  go(run);
  check_end(run);
  acoap_local_endpoint_close(run->loop_server, NULL, NULL);
  acoap_local_endpoint_close(run->loop_client, NULL, NULL);
  acoap_socket_close(run->server.socket, NULL, NULL);
  acoap_socket_close(run->client.socket, NULL, NULL);
  acoap_sim_run_idle(run->sim, ACOAP_TIME_NEVER);
  acoap_sim_free(run->sim);
  free(run->server.memory);
  free(run->client.memory);
  free(run);
}

START_TEST(everybody_asks_everybody_in_bad_weather) {
  const char *one = getenv("ACOAP_SIM_SEED");
  const char *many = getenv("ACOAP_SIM_SEEDS");
  uint64_t last = many != NULL ? strtoull(many, NULL, 10) : 500;

  if (one != NULL) {
    run_seed(strtoull(one, NULL, 10));
    return;
  }
  for (uint64_t seed = 1; seed <= last; seed++) {
    run_seed(seed);
  }
  /* The weather was neither too bad nor too good to show anything. */
  ck_assert_uint_gt(answered_in_all, last * 4);
  ck_assert(failed_in_all > 0 || last < 50);
  ck_assert_uint_gt(bodies_in_all, last);
  printf("%llu answered, %llu failed; %llu of %llu bodies whole\n",
         (unsigned long long)answered_in_all, (unsigned long long)failed_in_all,
         (unsigned long long)bodies_in_all, (unsigned long long)last * 3);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("tiny_sim");
  TCase *tcase = tcase_create("sim");

  tcase_add_test(tcase, everybody_asks_everybody_in_bad_weather);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
