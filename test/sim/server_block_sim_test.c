/*
 * Seeded random runs of block-wise transfers between our client and our server over a network that
 * loses, delays, duplicates and reorders: uploads, downloads and both at once, of random sizes in
 * blocks of random sizes, joined and written, from memory and from readers, of which some take
 * their time; with tokens kept and tokens changed, one block in flight or several, also in sets
 * both ways (RFC 9177), many transfers at a time, of two clients.
 *
 * What holds in every run: a transfer succeeds or times out, a POST also when the server has
 * forgotten the rest of its answer meanwhile (4.08); one that succeeds brought exactly the bytes,
 * both ways; a handler
 * runs only for a whole body; every writer's body and every reader has exactly one end; bounds are
 * kept; when all is over the server holds no transfer and no memory, and nothing leaks.
 *
 * A seed is many transfers: ACOAP_SIM_SEEDS=n runs n / 10 seeds (50), at most 150, ACOAP_SIM_SEED=n
 * that one alone. The iteration that Check names in a failure is the seed.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "check_main.h"
#include "fail_alloc.h"
#include "server_rig.h"

enum { ASKS = 24, CLIENTS = 2, BODY_MAX = 20000, MINUTE = 60000 };

typedef struct run run_t;

/* One transfer. */
typedef struct ask {
  run_t *run;
  unsigned n;
  size_t up, down;        /* bytes each way */
  bool written;           /* the server has a writer for it */
  unsigned giving;        /* how it gives the response: 0 payload, 1 copy, 2 reader, 3 sequence */
  bool slow;              /* reader and writer take their time at times */
  unsigned finals;        /* final callbacks */
  int status;             /* of the last */
  uint8_t method;         /* that it was asked with */
  bool in_sets;           /* Q-Block was wished for */
  bool forgotten;         /* 4.08 came to a request for the rest of the answer to a POST */
  unsigned handled;       /* handler calls */
  unsigned open;          /* bodies begun at the writer and not ended; readers not released */
  uint64_t stored;        /* bytes at the writer */
  acoap_body_t *waits;    /* the reader's, after ACOAP_EAGAIN */
  acoap_upload_t *writes; /* the writer's, after ACOAP_EAGAIN */
} ask_t;

struct run {
  server_rig_t rig;
  acoap_local_endpoint_t *clients[CLIENTS];
  unsigned closed;
  acoap__seeded_t seeded;
  acoap__random_t random;
  ask_t asks[ASKS];
  unsigned count;
  unsigned succeeded;
};

static uint32_t dice(run_t *run, uint32_t sides) {
  return acoap__random_between(&run->random, 0, sides - 1);
}

/* Byte n of a body. */
static uint8_t up_byte(const ask_t *ask, uint64_t n) {
  return (uint8_t)(ask->n * 17 + n * 5 + (n >> 7));
}

static uint8_t down_byte(const ask_t *ask, uint64_t n) {
  return (uint8_t)(ask->n * 29 + n * 3 + (n >> 6) + 1);
}

static void check_bytes(const ask_t *ask, uint8_t (*byte)(const ask_t *ask, uint64_t n),
                        acoap_bytes_t bytes, uint64_t offset) {
  /* One check for all: Check notes the place of each in a file. */
  size_t same = 0;
  while (same < bytes.len && bytes.data[same] == byte(ask, offset + same)) {
    same++;
  }
  ck_assert_msg(same == bytes.len, "ask %u, byte %u", ask->n, (unsigned)(offset + same));
}

/* ---- the server ------------------------------------------------------------------------------ */

static ask_t *ask_of(run_t *run, const acoap_request_t *request) {
  acoap_bytes_t value;
  char text[8] = "";
  ck_assert(acoap_request_query(request, "n", &value));
  ck_assert_uint_lt(value.len, sizeof(text));
  memcpy(text, value.data, value.len);
  unsigned n = (unsigned)atoi(text);
  ck_assert_uint_lt(n, run->count);
  return &run->asks[n];
}

static int read_down(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                     size_t cap) {
  ask_t *ask = user_data;
  if (ask->slow && ask->waits == NULL && dice(ask->run, 4) == 0) {
    ask->waits = body;
    return ACOAP_EAGAIN;
  }
  ask->waits = NULL;
  size_t left = offset < ask->down ? ask->down - (size_t)offset : 0;
  size_t given = left < cap ? left : cap;
  for (size_t i = 0; i < given; i++) {
    room[i] = down_byte(ask, offset + i);
  }
  return (int)given;
}

static void release_down(void *user_data) {
  ask_t *ask = user_data;
  ask->waits = NULL;
  ask->open--;
}

static const acoap_body_ops_t reader = {sizeof(reader), read_down, release_down, false};
static const acoap_body_ops_t sequence = {sizeof(sequence), read_down, release_down, true};

static void serve(void *user_data, acoap_request_t *request) {
  static uint8_t bytes[BODY_MAX];
  ask_t *ask = ask_of(user_data, request);
  uint8_t method = acoap_message_code(acoap_request_message(request));
  uint8_t code = method == ACOAP_CODE_GET ? ACOAP_CODE_CONTENT : ACOAP_CODE_CHANGED;
  ask->handled++;
  if (ask->written && method != ACOAP_CODE_GET) {
    ck_assert_uint_eq(acoap_upload_len(acoap_request_upload(request)), ask->up);
    ck_assert_uint_eq(ask->stored, ask->up);
    ask->open--;
  } else {
    ck_assert_uint_eq(acoap_request_body(request).len, ask->up);
    check_bytes(ask, up_byte, acoap_request_body(request), 0);
  }
  for (size_t i = 0; i < ask->down; i++) {
    bytes[i] = down_byte(ask, i);
  }
  if (ask->giving == 0) {
    (void)acoap_request_respond(request, code, ACOAP_FORMAT_NONE, bytes, ask->down);
    return;
  }
  acoap_body_t *body;
  if (ask->giving == 1) {
    body = acoap_body_copy(bytes, ask->down);
  } else {
    uint64_t told = dice(ask->run, 2) == 0 ? ask->down : ACOAP_BODY_SIZE_UNKNOWN;
    ask->open++;
    body = acoap_body_read(ask->giving == 2 ? &reader : &sequence, told, ask);
  }
  (void)acoap_request_respond_body(request, code, ACOAP_FORMAT_NONE, body);
}

static int upload_begin(void *user_data, acoap_upload_t *upload, acoap_request_t *first,
                        uint64_t total) {
  ask_t *ask = ask_of(user_data, first);
  ck_assert(total == ACOAP_BODY_SIZE_UNKNOWN || total == ask->up);
  acoap_upload_set_data(upload, ask);
  ask->open++;
  ask->stored = 0;
  return 0;
}

static int upload_write(void *user_data, acoap_upload_t *upload, uint64_t offset,
                        acoap_bytes_t bytes) {
  ask_t *ask = acoap_upload_data(upload);
  (void)user_data;
  ck_assert_uint_eq(offset, ask->stored);
  check_bytes(ask, up_byte, bytes, offset);
  ask->stored += bytes.len;
  if (ask->slow && dice(ask->run, 4) == 0) {
    ask->writes = upload;
    return ACOAP_EAGAIN;
  }
  return 0;
}

static void upload_abort(void *user_data, acoap_upload_t *upload, int status) {
  ask_t *ask = acoap_upload_data(upload);
  (void)user_data;
  ck_assert_int_lt(status, 0);
  ask->open--;
  if (ask->writes == upload) {
    ask->writes = NULL;
  }
}

static const acoap_upload_ops_t writer = {sizeof(writer), upload_begin, upload_write, upload_abort};

/* Readers and writers that were waited for have something now. */
static void wake_some(run_t *run, uint32_t sides) {
  for (unsigned i = 0; i < run->count; i++) {
    ask_t *ask = &run->asks[i];
    if (ask->waits != NULL && dice(run, sides) == 0) {
      acoap_body_ready(ask->waits);
    }
    if (ask->writes != NULL && dice(run, sides) == 0) {
      acoap_upload_t *upload = ask->writes;
      ask->writes = NULL;
      acoap_upload_ready(upload, 0);
    }
  }
}

/* ---- the clients ----------------------------------------------------------------------------- */

static void note(void *user_data, int status, acoap_message_t *message) {
  ask_t *ask = user_data;
  ask->finals++;
  ask->status = status;
  if (status == 0) {
    acoap_bytes_t body = acoap_message_payload(message);
    ck_assert_uint_eq(body.len, ask->down);
    check_bytes(ask, down_byte, body, 0);
    ck_assert_uint_ge(ask->handled, 1);
    ask->run->succeeded++;
  } else if (status == ACOAP_ECLIENTERROR) {
    ask->forgotten = ask->in_sets && ask->method != ACOAP_CODE_GET && ask->handled == 1 &&
                     acoap_message_code(message) == ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE;
  }
}

static size_t length(run_t *run) {
  static const uint32_t most[] = {1, 60, 1024, 1025, 5000, BODY_MAX};
  return dice(run, most[dice(run, 6)] + 1);
}

static size_t block_size(run_t *run, size_t len) {
  size_t size = (size_t)16 << dice(run, 7);
  while (len / size > 200) {
    size *= 2;
  }
  return size;
}

static acoap_desc_t *describe(run_t *run, ask_t *ask) {
  static uint8_t bytes[BODY_MAX];
  static acoap_desc_t *(*const make[])(void) = {acoap_desc_put, acoap_desc_post, acoap_desc_patch};
  static const uint8_t methods[] = {ACOAP_CODE_PUT, ACOAP_CODE_POST, ACOAP_CODE_PATCH};
  acoap_desc_t *desc;
  ask->method = ACOAP_CODE_GET;
  if (dice(run, 2) == 0) {
    desc = acoap_desc_get();
  } else {
    uint32_t which = dice(run, 3);
    desc = make[which]();
    ask->method = methods[which];
    ask->up = length(run);
    for (size_t i = 0; i < ask->up; i++) {
      bytes[i] = up_byte(ask, i);
    }
    acoap_desc_block1(desc, block_size(run, ask->up), bytes, ask->up);
  }
  acoap_desc_block2(desc, dice(run, 3) == 0 && ask->down < 10000 ? 0 : block_size(run, ask->down));
  acoap_desc_collect(desc, BODY_MAX);
  if (dice(run, 2) == 0) {
    acoap_desc_keep_token(desc);
  } else if (dice(run, 3) > 0) {
    acoap_desc_block1_window(desc, 1 + dice(run, 16));
    acoap_desc_block2_window(desc, 1 + dice(run, 16));
  }
  ask->in_sets = dice(run, 2) == 0;
  if (ask->in_sets) {
    acoap_desc_qblock(desc, NULL);
  }
  return desc;
}

static void ask_something(run_t *run) {
  char uri[80];
  ask_t *ask = &run->asks[run->count];
  acoap_remote_endpoint_t *remote = NULL;
  memset(ask, 0, sizeof(*ask));
  ask->run = run;
  ask->n = run->count++;
  ask->down = length(run);
  ask->giving = dice(run, 4);
  ask->written = dice(run, 2) == 0;
  ask->slow = dice(run, 2) == 0;
  snprintf(uri, sizeof(uri), "coap://192.0.2.1/%s?n=%u", ask->written ? "written" : "joined",
           ask->n);
  ck_assert_int_eq(acoap_remote_endpoint_new(run->clients[dice(run, CLIENTS)], uri, &remote), 0);
  ck_assert_int_eq(acoap_send(remote, describe(run, ask), note, ask, NULL), 0);
  acoap_remote_endpoint_unref(remote);
}

/* ---- the run --------------------------------------------------------------------------------- */

static void set_conditions(run_t *run, uint32_t loss_ppm) {
  acoap_sim_conditions_t conditions = {.size = sizeof(conditions)};
  conditions.loss_ppm = loss_ppm == 0 ? 0 : dice(run, loss_ppm);
  conditions.duplicate_ppm = dice(run, 200000);
  conditions.delay_min_ms = dice(run, 20);
  conditions.delay_max_ms = conditions.delay_min_ms + dice(run, 800);
  ck_assert_int_eq(acoap_sim_set_conditions(run->rig.sim, &conditions), 0);
}

static void run_open(run_t *run, uint64_t seed) {
  acoap_server_options_t options = {.size = sizeof(options),
                                    .amplification = ACOAP_AMPLIFICATION_OFF};
  memset(run, 0, sizeof(*run));
  run->seeded.state = seed * 7919 + 1;
  acoap__random_init(&run->random, acoap__seeded_fill, &run->seeded);
  options.block_size = (size_t)64 << dice(run, 5);
  server_rig_open(&run->rig, seed, &options);
  run->clients[0] = sim_endpoint_new(run->rig.sim, "192.0.2.11:4000", NULL);
  run->clients[1] = sim_endpoint_new(run->rig.sim, "192.0.2.12:4000", NULL);
  acoap_resource_on(acoap_resource_new(run->rig.server, "/joined"), 0, serve, run);
  acoap_resource_t *written = acoap_resource_new(run->rig.server, "/written");
  acoap_resource_on(written, 0, serve, run);
  acoap_resource_on_upload(written, &writer, run);
  ck_assert_int_eq(acoap_server_status(run->rig.server), 0);
}

static bool pending(const run_t *run) {
  for (unsigned i = 0; i < run->count; i++) {
    if (run->asks[i].finals == 0) {
      return true;
    }
  }
  return false;
}

static void come_to_rest(run_t *run) {
  for (int i = 0; i < 100000 && pending(run); i++) {
    wake_some(run, 3);
    server_rig_run(&run->rig, 200);
  }
  /* EXCHANGE_LIFETIME, and what readers and writers still wait for. */
  for (int i = 0; i < 600; i++) {
    wake_some(run, 1);
    server_rig_run(&run->rig, 1000);
  }
}

static void check_ends(const run_t *run) {
  acoap_server_stats_t stats = server_rig_stats(&run->rig);
  for (unsigned i = 0; i < run->count; i++) {
    const ask_t *ask = &run->asks[i];
    ck_assert_msg(ask->finals == 1, "ask %u: %u results", i, ask->finals);
    ck_assert_msg(ask->status == 0 || ask->status == ACOAP_ETIMEDOUT || ask->forgotten,
                  "ask %u: %s", i, acoap_err_name(ask->status));
    ck_assert_msg(ask->open == 0, "ask %u: %u without an end", i, ask->open);
  }
  ck_assert_uint_eq(stats.transfers, 0);
  ck_assert_uint_eq(stats.transfers_bytes, 0);
  ck_assert_uint_eq(stats.transfers_refused, 0);
  ck_assert_uint_eq(stats.transfers_evicted, 0);
}

static void count_closed(void *user_data) {
  (*(unsigned *)user_data)++;
}

static void run_close(run_t *run) {
  for (unsigned i = 0; i < CLIENTS; i++) {
    acoap_local_endpoint_close(run->clients[i], count_closed, &run->closed);
  }
  server_rig_run(&run->rig, 1000);
  ck_assert_uint_eq(run->closed, CLIENTS);
  server_rig_close(&run->rig);
}

static void transfer_all(uint64_t seed, uint32_t loss_ppm) {
  run_t *run = malloc(sizeof(*run));
  ck_assert_ptr_nonnull(run);
  fail_alloc_install();
  run_open(run, seed);
  set_conditions(run, loss_ppm);
  while (run->count < ASKS) {
    ask_something(run);
    for (uint32_t steps = dice(run, 40); steps > 0; steps--) {
      wake_some(run, 3);
      server_rig_run(&run->rig, dice(run, 400));
    }
    if (dice(run, 6) == 0) {
      set_conditions(run, loss_ppm);
    }
  }
  come_to_rest(run);
  check_ends(run);
  if (loss_ppm == 0) {
    ck_assert_uint_eq(run->succeeded, ASKS);
  } else {
    ck_assert_uint_ge(run->succeeded, ASKS / 2);
  }
  run_close(run);
  ck_assert_msg(fail_alloc_live() == 0, "%u blocks leaked", (unsigned)fail_alloc_live());
  fail_alloc_restore();
  free(run);
}

START_TEST(every_body_arrives_intact_or_times_out) {
  transfer_all((uint64_t)_i, 100000);
}
END_TEST

START_TEST(every_body_arrives_intact_where_nothing_is_lost) {
  transfer_all((uint64_t)_i, 0);
}
END_TEST

static int number_from(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text != NULL && atoi(text) > 0 ? atoi(text) : otherwise;
}

static Suite *sim_suite(void) {
  Suite *suite = suite_create("sim/server_block");
  TCase *runs = tcase_create("runs");
  int one = number_from("ACOAP_SIM_SEED", 0);
  int first = one > 0 ? one : 1;
  int tenth = number_from("ACOAP_SIM_SEEDS", 500) / 10;
  int last = one > 0 ? one : tenth < 1 ? 1 : tenth < 150 ? tenth : 150;
  tcase_add_loop_test(runs, every_body_arrives_intact_or_times_out, first, last + 1);
  tcase_add_loop_test(runs, every_body_arrives_intact_where_nothing_is_lost, first, last + 1);
  suite_add_tcase(suite, runs);
  return suite;
}

ACOAP_TEST_MAIN(sim_suite)
