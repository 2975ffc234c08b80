/*
 * A server among 100,000 addresses that mean it ill: half-open and spoofed block transfers, floods
 * of observers, Message IDs and tokens used again, oversized and unknown options, paths with "..",
 * rubbish. Memory stays within the formula of lib/server/protection.c, counted by an allocator;
 * addresses that nobody has verified get no more than they paid for; honest clients are answered
 * meanwhile, and when it is over nothing of it is left. Virtual time.
 *
 * Datagrams come from a socket of the test's own, so that any source address costs nothing.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>
#include <acoap/alloc.h>
#include <acoap/ready.h>

#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "endpoint/inbound.h"
#include "server/observe.h"
#include "server/protection.h"
#include "server/transfers.h"
#include "sim_pair.h"

enum {
  SOURCES = 100000,
  DATAGRAM_MAX = 1300,
  LARGE = 4000,
  KEPT = 64,
  KINDS = 10,
  PER_MS = 10,            /* datagrams in a millisecond: 10,000 in a second */
  HONEST_EVERY = 500,     /* datagrams between two of an honest client */
  NOTIFY_EVERY = 10000,   /* likewise between two changes of what is observed */
  OBSERVERS_FIRST = 2000, /* before transfers leave no place for them */
  UPLOAD_BLOCKS = 100,
  CLIMB_TOKEN_LEN = 5 /* only requests that climb have one of this length */
};

/* A message's object, the largest message, and objects of each kind that are kept for reuse. */
enum { MESSAGE_OBJECT = 240, MESSAGE_MAX = 1152, POOLS = 64 * 1024 };

static const acoap_local_endpoint_options_t endpoint_options = {
    .size = sizeof(acoap_local_endpoint_options_t),
    .peers = 256,
    .dedup_con = 1024,
    .dedup_non = 512,
    .reply_bytes = 256 * 1024,
    .requests_open_max = 64};

static const acoap_server_options_t server_options = {.size = sizeof(acoap_server_options_t),
                                                      .body_max_bytes = 64 * 1024,
                                                      .bodies_max_bytes = 256 * 1024,
                                                      .transfers_max = 64,
                                                      .observers_max = 256,
                                                      .addresses_max = 512,
                                                      .rate_per_s = 50};

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t bytes_live;
static size_t bytes_most;

typedef union head {
  size_t size;
  max_align_t align;
} head_t;

static void count(size_t more, size_t less) {
  bytes_live += more;
  bytes_live -= less;
  bytes_most = bytes_live > bytes_most ? bytes_live : bytes_most;
}

static void *counting_realloc(void *old, size_t size, void *user_data) {
  head_t *head = old != NULL ? (head_t *)old - 1 : NULL;
  size_t before = head != NULL ? head->size : 0;
  (void)user_data;
  head = realloc(head, sizeof(*head) + size);
  if (head == NULL) {
    return NULL;
  }
  head->size = size;
  count(size, before);
  return head + 1;
}

static void *counting_malloc(size_t size, void *user_data) {
  return counting_realloc(NULL, size, user_data);
}

static void counting_free(void *p, void *user_data) {
  (void)user_data;
  if (p != NULL) {
    head_t *head = (head_t *)p - 1;
    count(0, head->size);
    free(head);
  }
}

static const acoap_allocator_t counting = {.size = sizeof(acoap_allocator_t),
                                           .malloc = counting_malloc,
                                           .realloc = counting_realloc,
                                           .free = counting_free};

/* What the objects of one take: lib/server/protection.c says so, docs/guide-server.md has sums. */
enum { REQUEST_OBJECTS = 1400, TRANSFER_OBJECTS = 450, OBSERVER_OBJECTS = 540 };

START_TEST(objects_take_what_is_said) {
  size_t tables = 2 * sizeof(void *);
  ck_assert_uint_le(sizeof(acoap_request_t) + sizeof(acoap__serving_t) + MESSAGE_OBJECT +
                        sizeof(acoap_buffer_t),
                    REQUEST_OBJECTS);
  ck_assert_uint_le(sizeof(acoap__transfer_t) + sizeof(acoap__holder_t) + tables, TRANSFER_OBJECTS);
  ck_assert_uint_le(sizeof(acoap__observer_t) + sizeof(acoap__target_t) +
                        sizeof(acoap__observing_peer_t) + 4 * tables,
                    OBSERVER_OBJECTS);
}
END_TEST

/*
 * What peers can add to a server that stands, in bytes: the table of lib/server/protection.c, term
 * by term, and what is kept for reuse.
 */
static size_t memory_bound(void) {
  size_t request = REQUEST_OBJECTS + DATAGRAM_MAX;
  size_t requests = endpoint_options.requests_open_max * (request + MESSAGE_MAX);
  size_t transfers = server_options.bodies_max_bytes +
                     server_options.transfers_max * (size_t)(TRANSFER_OBJECTS + MESSAGE_MAX);
  size_t observers = server_options.observers_max * (OBSERVER_OBJECTS + request + 2 * MESSAGE_MAX);
  return requests + transfers + observers + POOLS;
}

/* ---- the network ----------------------------------------------------------------------------- */

typedef struct flood_socket {
  acoap_socket_t socket;
  const acoap_socket_events_t *events;
  void *user_data;
  acoap_address_t local;
  struct scene *scene;
} flood_socket_t;

typedef struct scene {
  acoap_sim_t *sim;
  acoap_local_endpoint_t *endpoint;
  acoap_server_t *server;
  acoap_resource_t *observable;
  acoap_resource_t *own; /* observed by the honest client */
  flood_socket_t *socket;
  acoap_address_t honest;
  unsigned closed;
  uint32_t seed;

  uint64_t in;      /* bytes that strangers sent */
  uint64_t out;     /* bytes that strangers got */
  uint64_t allowed; /* bytes that they paid for */
  size_t most;      /* the greatest answer to one datagram of a stranger, beyond what it paid for */
  size_t paid;      /* the stranger's datagram in hand allows so much; 0: none is in hand */
  size_t got;       /* and it got so much at once */
  unsigned climbed; /* answers with content from outside the directory */

  uint8_t bytes[DATAGRAM_MAX]; /* the last message to the honest client */
  size_t len;
  unsigned answers;       /* messages to it */
  unsigned notifications; /* those with Observe */
  uint16_t message_id;    /* of its next request */
  acoap_builder_t builder;
  uint8_t request[DATAGRAM_MAX];

  acoap_request_t *kept[KEPT];
  size_t kept_count;
  unsigned uploads; /* complete ones of the honest client */
  unsigned state;   /* of what is observed */
  uint8_t large[LARGE];
} scene_t;

static int start(acoap_socket_t *socket, const acoap_socket_events_t *events, void *user_data) {
  flood_socket_t *self = (flood_socket_t *)(void *)socket;
  self->events = events;
  self->user_data = user_data;
  return 0;
}

static void honest_hears(scene_t *scene, acoap_bytes_t bytes) {
  acoap_view_t view;
  uint32_t number;
  ck_assert_uint_le(bytes.len, sizeof(scene->bytes));
  memcpy(scene->bytes, bytes.data, bytes.len);
  scene->len = bytes.len;
  scene->answers++;
  ck_assert_int_eq(acoap_decode(&view, scene->bytes, scene->len, 8, NULL), 0);
  scene->notifications += acoap_view_uint(&view, ACOAP_OPTION_OBSERVE, &number) ? 1 : 0;
}

/* An answer with content, whenever it comes, to a request for what is outside the directory. */
static bool is_success_of_a_climb(acoap_bytes_t bytes) {
  return bytes.len >= 4 + CLIMB_TOKEN_LEN && (bytes.data[0] & 15) == CLIMB_TOKEN_LEN &&
         ACOAP_CODE_CLASS(bytes.data[1]) == 2;
}

static int send(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch, size_t n) {
  scene_t *scene = ((flood_socket_t *)(void *)socket)->scene;
  for (size_t i = 0; i < n; i++) {
    if (acoap_address_equal(&batch[i].path->peer, &scene->honest)) {
      honest_hears(scene, batch[i].bytes);
      continue;
    }
    scene->out += batch[i].bytes.len;
    scene->got += batch[i].bytes.len;
    scene->climbed += is_success_of_a_climb(batch[i].bytes) ? 1 : 0;
  }
  return (int)n;
}

static int local_address(acoap_socket_t *socket, acoap_address_t *address) {
  *address = ((flood_socket_t *)(void *)socket)->local;
  return 0;
}

static void close_socket(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  free(socket);
  if (closed != NULL) {
    closed(user_data);
  }
}

static const acoap_socket_ops_t flood_ops = {.size = sizeof(acoap_socket_ops_t),
                                             .start = start,
                                             .send = send,
                                             .local_address = local_address,
                                             .close = close_socket};

static void deliver(scene_t *scene, const acoap_address_t *from, const uint8_t *bytes, size_t len) {
  acoap_incoming_datagram_t datagram = {.bytes = {bytes, len}};
  datagram.path.peer = *from;
  datagram.path.local = scene->socket->local;
  scene->socket->events->received(scene->socket->user_data, &datagram, 1);
}

/* ---- what is served -------------------------------------------------------------------------- */

static void get_small(void *user_data, acoap_request_t *request) {
  (void)user_data;
  (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "hi", 2);
}

static void get_large(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, scene->large, LARGE);
}

static void put_body(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  scene->uploads += acoap_request_body(request).len == UPLOAD_BLOCKS * 64 ? 1 : 0;
  (void)acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
}

static void get_state(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, &scene->state,
                              sizeof(scene->state));
}

/* Some answers take a while. */
static void keep(void *user_data, acoap_request_t *request) {
  scene_t *scene = user_data;
  if (scene->kept_count < KEPT) {
    scene->kept[scene->kept_count++] = acoap_request_ref(request);
  }
}

static void answer_kept(scene_t *scene) {
  while (scene->kept_count > 0) {
    acoap_request_t *request = scene->kept[--scene->kept_count];
    (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, scene->large, 900);
    acoap_request_unref(request);
  }
}

static acoap_resource_t *add(scene_t *scene, const char *path, acoap_request_cb handler) {
  acoap_resource_t *resource = acoap_resource_new(scene->server, path);
  ck_assert_int_eq(acoap_resource_on(resource, 0, handler, scene), 0);
  return resource;
}

static scene_t *scene_open(void) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  scene->seed = 1;
  scene->honest = sim_address("198.51.100.7:5683");
  ck_assert_int_eq(acoap_sim_new(1, 1000000, &scene->sim), 0);
  scene->socket = calloc(1, sizeof(*scene->socket));
  ck_assert_ptr_nonnull(scene->socket);
  scene->socket->socket.ops = &flood_ops;
  scene->socket->local = sim_address(SIM_SERVER);
  scene->socket->scene = scene;
  acoap_socket_t *sockets[] = {&scene->socket->socket};
  acoap_local_endpoint_options_t options = endpoint_options;
  options.host = acoap_sim_host(scene->sim);
  options.sockets = sockets;
  options.socket_count = 1;
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &scene->endpoint), 0);
  ck_assert_int_eq(acoap_server_new(scene->endpoint, &server_options, &scene->server), 0);
  (void)add(scene, "/small", get_small);
  (void)add(scene, "/large", get_large);
  (void)add(scene, "/body", put_body);
  (void)add(scene, "/later", keep);
  scene->observable = add(scene, "/obs", get_state);
  ck_assert_int_eq(acoap_resource_observable(scene->observable, NULL), 0);
  scene->own = add(scene, "/own", get_state);
  ck_assert_int_eq(acoap_resource_observable(scene->own, NULL), 0);
  ck_assert_ptr_nonnull(
      acoap_resource_new_directory(scene->server, "/files", ACOAP_TEST_DIR "/support", NULL));
  return scene;
}

static void count_closed(void *user_data) {
  scene_t *scene = user_data;
  scene->closed++;
}

static void scene_close(scene_t *scene) {
  answer_kept(scene);
  acoap_server_free(scene->server);
  acoap_local_endpoint_close(scene->endpoint, count_closed, scene);
  acoap_sim_run_until(scene->sim, acoap_sim_now(scene->sim) + 1000);
  ck_assert_uint_eq(scene->closed, 1);
  acoap_sim_free(scene->sim);
  free(scene);
}

static void run(scene_t *scene, acoap_time_t ms) {
  acoap_sim_run_until(scene->sim, acoap_sim_now(scene->sim) + ms);
}

/* ---- the honest client ----------------------------------------------------------------------- */

static acoap_builder_t *honest_begin(scene_t *scene, uint8_t code, const char *path,
                                     const char *token) {
  acoap_builder_init(&scene->builder, scene->request, sizeof(scene->request), ACOAP_CON, code,
                     scene->message_id++, (const uint8_t *)token, strlen(token));
  acoap_builder_path(&scene->builder, path, strlen(path));
  return &scene->builder;
}

/* Send what was begun; the answer has to come at once. */
static acoap_view_t honest_ask(scene_t *scene) {
  acoap_view_t view;
  unsigned before = scene->answers;
  int len = acoap_builder_finish(&scene->builder);
  ck_assert_int_gt(len, 0);
  scene->paid = 0;
  deliver(scene, &scene->honest, scene->request, (size_t)len);
  ck_assert_uint_gt(scene->answers, before);
  ck_assert_int_eq(acoap_decode(&view, scene->bytes, scene->len, 8, NULL), 0);
  ck_assert_int_eq(view.type, ACOAP_ACK);
  return view;
}

/* A CON notification wants its ACK. */
static void honest_acknowledges(scene_t *scene) {
  uint8_t ack[4];
  acoap_builder_t builder;
  acoap_view_t view;
  if (scene->len == 0 || acoap_decode(&view, scene->bytes, scene->len, 8, NULL) != 0 ||
      view.type != ACOAP_CON) {
    return;
  }
  acoap_builder_init(&builder, ack, sizeof(ack), ACOAP_ACK, 0, view.message_id, NULL, 0);
  deliver(scene, &scene->honest, ack, 4);
  scene->len = 0;
}

static void honest_begins(scene_t *scene) {
  acoap_builder_t *builder = honest_begin(scene, ACOAP_CODE_GET, "/own", "obs1");
  acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, 0);
  ck_assert_uint_eq(honest_ask(scene).code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(scene->notifications, 1);
}

static void honest_sends_block(scene_t *scene, unsigned number) {
  acoap_block_t block = {number, number + 1 < UPLOAD_BLOCKS, 2};
  acoap_builder_t *builder = honest_begin(scene, ACOAP_CODE_PUT, "/body", "put1");
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
  acoap_builder_payload(builder, scene->large, 64);
  acoap_view_t view = honest_ask(scene);
  ck_assert_msg(view.code == (block.more ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CHANGED),
                "block %u: %u.%02u", number, view.code >> 5, view.code & 31u);
}

/* A GET, and a block of an upload that lasts as long as the flood. Its second block follows the
 * first at once: what was only begun may be forgotten, as so many others begin something. */
static void honest_goes_on(scene_t *scene, unsigned step) {
  (void)honest_begin(scene, ACOAP_CODE_GET, "/small", "get1");
  ck_assert_uint_eq(honest_ask(scene).code, ACOAP_CODE_CONTENT);
  if (step == 0) {
    honest_sends_block(scene, 0);
  }
  if (step + 1 < UPLOAD_BLOCKS) {
    honest_sends_block(scene, step + 1);
  }
}

/* ---- the others ------------------------------------------------------------------------------ */

static uint32_t next_random(scene_t *scene) {
  scene->seed = scene->seed * 1664525u + 1013904223u;
  return scene->seed >> 8;
}

/* Each its own: IPv4 and IPv6, every one of the latter in a network of its own. */
static acoap_address_t source(uint32_t n) {
  acoap_address_t address;
  memset(&address, 0, sizeof(address));
  address.port = (uint16_t)(1024 + n % 60000);
  if (n % 4 == 3) {
    static const uint8_t prefix[] = {0x20, 0x01, 0x0d, 0xb8};
    address.family = ACOAP_FAMILY_IPV6;
    memcpy(address.ip, prefix, sizeof(prefix));
    memcpy(address.ip + 4, &n, sizeof(n));
    address.ip[15] = 1;
  } else {
    address.family = ACOAP_FAMILY_IPV4;
    address.ip[0] = 10;
    address.ip[1] = (uint8_t)(n >> 16);
    address.ip[2] = (uint8_t)(n >> 8);
    address.ip[3] = (uint8_t)n;
  }
  return address;
}

/* A message of one of the kinds; returns its length. */
static size_t compose(scene_t *scene, uint32_t n, unsigned kind, uint8_t *bytes) {
  static const char *const climbs[] = {"..",      "../../etc/passwd", "/etc/passwd", ".",
                                       "\0x",     "a/../../..",       "..\\..",      "%2e%2e",
                                       "\xff\xfe"};
  static const size_t token_lengths[KINDS] = {4, 4, 4, 4, 1, 4, CLIMB_TOKEN_LEN, 4, 4, 4};
  uint32_t token[2] = {next_random(scene), next_random(scene)};
  size_t token_len = token_lengths[kind];
  acoap_builder_t builder;
  acoap_block_t block = {0, true, 6};
  acoap_type_t type = n % 3 == 0 ? ACOAP_NON : ACOAP_CON;
  uint8_t code = kind < 2 ? ACOAP_CODE_PUT : ACOAP_CODE_GET;
  uint16_t message_id = kind == 4 ? 1 : (uint16_t)next_random(scene);
  acoap_builder_init(&builder, bytes, DATAGRAM_MAX, type, code, message_id, (const uint8_t *)token,
                     token_len);
  switch (kind) {
  case 0: /* the first block of a body that never comes */
    acoap_builder_path(&builder, "/body", 5);
    acoap_builder_block(&builder, ACOAP_OPTION_BLOCK1, &block);
    acoap_builder_payload(&builder, scene->large, 1024);
    break;
  case 1: /* a block from the middle, and sizes that are lies */
    block.num = next_random(scene) & 0xfffff;
    acoap_builder_path(&builder, "/body", 5);
    acoap_builder_block(&builder, ACOAP_OPTION_BLOCK1, &block);
    acoap_builder_uint(&builder, ACOAP_OPTION_SIZE1, UINT32_MAX);
    acoap_builder_payload(&builder, scene->large, 1024);
    break;
  case 2: /* the first block of a body that nobody fetches */
    acoap_builder_path(&builder, "/large", 6);
    acoap_builder_uint(&builder, ACOAP_OPTION_ETAG, token[0]);
    break;
  case 3: /* an observer that never answers */
    acoap_builder_path(&builder, "/obs", 4);
    acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, 0);
    break;
  case 4: /* Message IDs and tokens used again */
    acoap_builder_path(&builder, n % 2 == 0 ? "/small" : "/obs", n % 2 == 0 ? 6 : 4);
    acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, n % 2);
    break;
  case 5: /* options beyond their length, too many, unknown */
    acoap_builder_path(&builder, "/small", 6);
    for (unsigned i = 0; i < 20; i++) {
      acoap_builder_option(&builder, (uint16_t)(next_random(scene) % 3000), scene->large,
                           next_random(scene) % 50);
    }
    break;
  case 6: { /* out of the directory */
    const char *climb = climbs[n % (sizeof(climbs) / sizeof(climbs[0]))];
    size_t len = climb[0] == 0 ? 2 : strlen(climb);
    acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "files", 5);
    acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, climb, len);
    if (n % 2 == 0) {
      acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "..", 2);
      acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "CMakeLists.txt", 14);
    }
    break;
  }
  case 7: /* answered later */
    acoap_builder_path(&builder, "/later", 6);
    break;
  case 8: /* a later block of what was never begun, under an Echo that nobody made */
    block.num = next_random(scene) % 1000;
    block.more = false;
    acoap_builder_path(&builder, "/large", 6);
    acoap_builder_block(&builder, ACOAP_OPTION_BLOCK2, &block);
    acoap_builder_option(&builder, ACOAP_OPTION_ECHO, scene->large, 12);
    break;
  default: /* rubbish */
    for (size_t i = 0; i < 40; i++) {
      bytes[i] = (uint8_t)next_random(scene);
    }
    bytes[0] = (uint8_t)(0x40 | (bytes[0] & 0x3f));
    return 1 + next_random(scene) % 40;
  }
  int len = acoap_builder_finish(&builder);
  return len > 0 ? (size_t)len : 4;
}

static void stranger_sends(scene_t *scene, uint32_t n) {
  uint8_t bytes[DATAGRAM_MAX];
  acoap_address_t from = source(n);
  unsigned kind = n < OBSERVERS_FIRST ? 3 : n % KINDS;
  size_t len = compose(scene, n, kind, bytes);
  unsigned times = kind == 4 ? 2 : 1;
  for (unsigned i = 0; i < times; i++) {
    scene->in += len;
    scene->paid = 3 * len > 136 ? 3 * len : 136;
    scene->allowed += scene->paid;
    scene->got = 0;
    deliver(scene, &from, bytes, len);
    ck_assert_msg(scene->got <= scene->paid, "kind %u: %zu for %zu bytes", kind, scene->got, len);
    bytes[0] ^= i == 0 ? 0x00 : 0x10; /* the same Message ID as another type */
  }
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void flood(scene_t *scene, size_t limit) {
  unsigned step = 0;
  for (uint32_t n = 0; n < SOURCES; n++) {
    stranger_sends(scene, n);
    ck_assert_uint_le(bytes_most, limit);
    if (n % PER_MS == PER_MS - 1) {
      run(scene, 1);
    }
    if (n % 100 == 99) {
      answer_kept(scene);
    }
    if (n % HONEST_EVERY == HONEST_EVERY - 1) {
      honest_goes_on(scene, step++);
      run(scene, 50);
    }
    if (n % NOTIFY_EVERY == NOTIFY_EVERY - 1) {
      scene->state++;
      ck_assert_int_eq(acoap_resource_notify(scene->observable), 0);
      ck_assert_int_eq(acoap_resource_notify(scene->own), 0);
      run(scene, 100);
      honest_acknowledges(scene);
    }
  }
}

/* Everybody else has gone: what they left ends by itself. */
static void calm(scene_t *scene) {
  for (unsigned i = 0; i < 30; i++) {
    scene->state++;
    ck_assert_int_eq(acoap_resource_notify(scene->observable), 0);
    ck_assert_int_eq(acoap_resource_notify(scene->own), 0);
    for (unsigned s = 0; s < 100; s++) {
      run(scene, 1000);
      honest_acknowledges(scene);
    }
  }
}

START_TEST(memory_is_bounded_and_honest_clients_are_answered) {
  ck_assert_int_eq(acoap_set_allocator(&counting), 0);
  bytes_live = 0;
  bytes_most = 0;
  scene_t *scene = scene_open();
  honest_begins(scene);
  run(scene, 100);
  size_t before = bytes_live;
  flood(scene, before + memory_bound());
  size_t most = bytes_most;

  ck_assert_uint_eq(scene->uploads, 1);
  ck_assert_uint_eq(scene->climbed, 0);
  ck_assert_uint_eq(scene->notifications, 1 + SOURCES / NOTIFY_EVERY);
  ck_assert_uint_le(scene->out, scene->allowed);
  acoap_server_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_server_stats(scene->server, &stats), 0);
  ck_assert_uint_le(stats.observers, server_options.observers_max);
  ck_assert_uint_le(stats.transfers, server_options.transfers_max);
  ck_assert_uint_le(stats.transfers_bytes, server_options.bodies_max_bytes);
  ck_assert_uint_le(stats.addresses, server_options.addresses_max);
  ck_assert_uint_gt(stats.addresses_evicted, SOURCES / 2);
  ck_assert_uint_gt(stats.transfers_evicted, 1000);
  ck_assert_uint_gt(stats.observers_refused, 1000);

  calm(scene);
  ck_assert_int_eq(acoap_server_stats(scene->server, &stats), 0);
  ck_assert_uint_eq(stats.observers, 1);
  ck_assert_uint_eq(stats.transfers, 0);
  ck_assert_uint_eq(stats.load, ACOAP_LOAD_NORMAL);
  ck_assert_uint_le(bytes_live, before + POOLS);
  ck_assert_uint_gt(most, before + 64 * 1024); /* it was a flood */
  scene_close(scene);
  ck_assert_uint_eq(bytes_live, 0);
  ck_assert_int_eq(acoap_set_allocator(NULL), 0);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("flow/server_hostile");
  TCase *tcase = tcase_create("100,000 addresses");
  tcase_add_test(tcase, objects_take_what_is_said);
  tcase_add_test(tcase, memory_is_bounded_and_honest_clients_are_answered);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
