/*
 * Seeded random runs: two endpoints that ask each other for all kinds of things over a network that
 * loses, delays, duplicates, reorders and is cut now and then, while handles are dropped, streams
 * paused and endpoints closed.
 *
 * What holds in every run: each request ends exactly once, or not at all when it was dropped; the
 * handler sees each message at most once within its lifetime; when everybody has let go the network
 * falls idle, so nothing waits for a timer that is not there and no timer runs for nobody; nothing
 * leaks.
 *
 * ACOAP_SIM_SEEDS=n runs n seeds (500), ACOAP_SIM_SEED=n that one alone. The iteration that Check
 * names in a failure is the seed.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/random.h"
#include "check_main.h"
#include "client_rig.h"
#include "fail_alloc.h"

enum { ASKS = 40, MINUTE = 60000, HEARD_MAX = 20000 };

typedef struct run run_t;

/* One request of the run. */
typedef struct ask {
  run_t *run;
  int kind;
  int started;        /* what the call returned */
  bool many;          /* a stream */
  bool dropped;       /* by us, before its end */
  unsigned finals;    /* final callbacks */
  unsigned destroyed; /* destroy callbacks */
  acoap_future_t *future;
  acoap_stream_t *stream;
} ask_t;

/* A message that a handler saw. */
typedef struct heard {
  uint64_t token;
  acoap_time_t at;
  uint16_t message_id;
  acoap_type_t type;
  bool by_server;
} heard_t;

struct run {
  client_rig_t rig;
  acoap__seeded_t seeded;
  acoap__random_t random;
  ask_t asks[ASKS];
  unsigned count; /* of them */
  heard_t *heard;
  unsigned heard_count;
  bool client_closed, server_closed;
  unsigned twice; /* messages that a handler saw twice */
};

static uint32_t dice(run_t *run, uint32_t sides) {
  return acoap__random_between(&run->random, 0, sides - 1);
}

/* ---- what handlers see ---------------------------------------------------------------------- */

static void note_heard(run_t *run, acoap_request_t *request, bool by_server) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  heard_t heard = {.at = acoap_sim_now(run->rig.sim),
                   .message_id = view->message_id,
                   .type = view->type,
                   .by_server = by_server};
  if (view->token.len <= sizeof(heard.token)) {
    memcpy(&heard.token, view->token.data, view->token.len);
  }
  acoap_time_t lifetime = view->type == ACOAP_CON ? 247000 : 145000;
  for (unsigned i = 0; i < run->heard_count; i++) {
    const heard_t *other = &run->heard[i];
    if (other->by_server == by_server && other->message_id == heard.message_id &&
        other->token == heard.token && other->type == heard.type &&
        heard.at - other->at < lifetime) {
      run->twice++;
    }
  }
  ck_assert_uint_lt(run->heard_count, HEARD_MAX);
  run->heard[run->heard_count++] = heard;
}

static void server_receive(void *user_data, acoap_request_t *request) {
  run_t *run = user_data;
  note_heard(run, request, true);
  client_rig_receive(&run->rig, request);
}

static void client_receive(void *user_data, acoap_request_t *request) {
  run_t *run = user_data;
  note_heard(run, request, false);
  client_rig_receive(&run->rig, request);
}

/* ---- what comes of requests ----------------------------------------------------------------- */

static void drop(ask_t *ask) {
  ask->dropped = ask->dropped || ((ask->future != NULL || ask->stream != NULL) && ask->finals == 0);
  acoap_future_t *future = ask->future;
  acoap_stream_t *stream = ask->stream;
  ask->future = NULL;
  ask->stream = NULL;
  acoap_future_unref(future);
  acoap_stream_unref(stream);
}

static void note(void *user_data, int status, acoap_message_t *message) {
  ask_t *ask = user_data;
  (void)message;
  ck_assert(!ask->dropped);
  ck_assert_uint_eq(ask->finals, 0);
  if (!ask->many || status < 0) {
    ask->finals++;
  } else if (dice(ask->run, 12) == 0) {
    acoap_stream_pause(ask->stream);
  }
  if (dice(ask->run, 10) == 0) {
    drop(ask);
  }
}

static void note_destroyed(void *user_data) {
  ((ask_t *)user_data)->destroyed++;
}

/* ---- what is asked for ---------------------------------------------------------------------- */

static acoap_desc_t *describe(run_t *run, ask_t *ask, const char **path) {
  acoap_desc_t *desc;
  *path = "/t";
  switch (ask->kind) {
  case 1:
    *path = dice(run, 2) == 0 ? "/nothing" : "/sep";
    return acoap_desc_get();
  case 2:
    *path = "/put";
    desc = acoap_desc_put();
    acoap_desc_block1(desc, (size_t)64 << dice(run, 5), run->rig.body, dice(run, 3000));
    return desc;
  case 3:
    *path = "/large";
    desc = acoap_desc_get();
    acoap_desc_block2(desc, (size_t)64 << dice(run, 5));
    acoap_desc_collect(desc, dice(run, 4) == 0 ? 1000 : RIG_BODY);
    return desc;
  case 4:
    *path = "/large";
    ask->many = true;
    desc = acoap_desc_get();
    acoap_desc_block2(desc, 512);
    return desc;
  case 5:
  case 6:
    *path = ask->kind == 5 ? "/obs" : "/obsl";
    ask->many = true;
    desc = acoap_desc_get();
    if (dice(run, 3) > 0) {
      acoap_desc_collect(desc, RIG_BODY);
    }
    acoap_desc_observe(desc, NULL);
    return desc;
  case 7:
    *path = "coap://224.0.1.187/large";
    ask->many = true;
    desc = acoap_desc_get();
    acoap_desc_multicast(desc, NULL);
    acoap_desc_collect(desc, RIG_BODY);
    acoap_desc_burst(desc, 1 + dice(run, 3), 300);
    return desc;
  case 8:
    return acoap_desc_ping();
  case 9:
    *path = "/busy";
    desc = acoap_desc_get();
    acoap_desc_retry(desc, 4, 500);
    return desc;
  case 10:
    *path = "/never";
    desc = acoap_desc_get();
    acoap_desc_deadline(desc, 1000 + dice(run, 20000));
    return desc;
  case 11:
    desc = acoap_desc_post();
    acoap_desc_no_response(desc, 26);
    return desc;
  default:
    return acoap_desc_get();
  }
}

/* Sometimes the result passes through combined futures: they must settle as surely. */
static acoap_future_t *combine(run_t *run, acoap_future_t *future) {
  switch (dice(run, 4)) {
  case 0:
    return acoap_future_timeout(future, 1 + dice(run, 100000));
  case 1:
    return acoap_future_all(&future, 1);
  case 2:
    return acoap_future_any(&future, 1);
  default:
    return future;
  }
}

static acoap_remote_endpoint_t *remote_for(run_t *run, const char *path) {
  char uri[64] = "";
  acoap_remote_endpoint_t *remote = NULL;
  bool from_client = run->server_closed || (!run->client_closed && dice(run, 3) > 0);
  acoap_local_endpoint_t *local = from_client ? run->rig.client : run->rig.server;
  if (path[0] == '/') {
    strcat(uri, from_client ? "coap://192.0.2.1" : "coap://192.0.2.2:40000");
  }
  strcat(uri, path);
  ck_assert_int_eq(acoap_remote_endpoint_new(local, uri, &remote), 0);
  return remote;
}

static void ask_something(run_t *run) {
  const char *path;
  ask_t *ask = &run->asks[run->count++];
  ask->run = run;
  ask->kind = (int)dice(run, 14);
  acoap_desc_t *desc = describe(run, ask, &path);
  if (ask->kind != 7 && ask->kind != 8 && dice(run, 5) == 0) {
    acoap_desc_nonconfirmable(desc);
    if (dice(run, 2) == 0) {
      acoap_desc_burst(desc, 2, 50);
    }
  }
  if (dice(run, 6) == 0) {
    acoap_desc_retry(desc, 2, 100);
  }
  acoap_desc_on_destroy(desc, note_destroyed, ask);
  acoap_remote_endpoint_t *remote = remote_for(run, path);
  if (ask->many) {
    ask->started = acoap_send_stream(remote, desc, note, ask, &ask->stream);
  } else if (dice(run, 2) == 0) {
    ask->started = acoap_send(remote, desc, note, ask, NULL);
  } else {
    acoap_future_t *future = NULL;
    ask->started = acoap_send(remote, desc, NULL, NULL, &future);
    ask->future = combine(run, future);
    if (ask->started == 0) {
      ck_assert_int_eq(acoap_future_on_settled(ask->future, note, ask), 0);
    }
  }
  acoap_remote_endpoint_unref(remote);
}

/* ---- the run -------------------------------------------------------------------------------- */

static void set_conditions(run_t *run) {
  acoap_sim_conditions_t conditions = {.size = sizeof(conditions)};
  conditions.loss_ppm = dice(run, 300000);
  conditions.duplicate_ppm = dice(run, 200000);
  conditions.delay_min_ms = dice(run, 20);
  conditions.delay_max_ms = conditions.delay_min_ms + dice(run, 1500);
  ck_assert_int_eq(acoap_sim_set_conditions(run->rig.sim, &conditions), 0);
}

static void disturb(run_t *run) {
  ask_t *ask = run->count > 0 ? &run->asks[dice(run, run->count)] : NULL;
  switch (dice(run, 12)) {
  case 0:
    ck_assert_int_eq(acoap_sim_partition(run->rig.sim, NULL, NULL, true), 0);
    break;
  case 1:
  case 2:
    ck_assert_int_eq(acoap_sim_partition(run->rig.sim, NULL, NULL, false), 0);
    break;
  case 3:
    set_conditions(run);
    break;
  case 4:
    client_rig_notify(&run->rig, dice(run, 2) == 0 ? ACOAP_RELIABLE : ACOAP_UNRELIABLE);
    break;
  case 5:
    client_rig_answer_later(&run->rig);
    break;
  case 6:
    if (ask != NULL) {
      drop(ask);
    }
    break;
  case 7:
    if (ask != NULL) {
      acoap_stream_pause(ask->stream);
    }
    break;
  case 8:
  case 9:
    if (ask != NULL) {
      acoap_stream_resume(ask->stream);
    }
    break;
  case 10:
    run->rig.etag++;
    break;
  default:
    break;
  }
}

static void close_one(run_t *run, bool server) {
  if (server && !run->server_closed && !run->client_closed) {
    client_rig_forget(&run->rig);
    acoap_local_endpoint_close(run->rig.server, NULL, NULL);
    run->rig.server = NULL;
    run->server_closed = true;
  } else if (!server && !run->server_closed && !run->client_closed) {
    client_rig_forget(&run->rig);
    acoap_local_endpoint_close(run->rig.client, NULL, NULL);
    run->rig.client = NULL;
    run->client_closed = true;
  }
}

static void run_open(run_t *run, uint64_t seed) {
  acoap_address_t group;
  memset(run, 0, sizeof(*run));
  run->seeded.state = seed * 7919 + 1;
  acoap__random_init(&run->random, acoap__seeded_fill, &run->seeded);
  run->heard = calloc(HEARD_MAX, sizeof(*run->heard));
  ck_assert_ptr_nonnull(run->heard);
  client_rig_open_pair(&run->rig, seed);
  acoap_local_endpoint_receive(run->rig.server, server_receive, run);
  acoap_local_endpoint_receive(run->rig.client, client_receive, run);
  ck_assert_int_eq(acoap_address_parse("224.0.1.187", 11, &group), 0);
  ck_assert_int_eq(acoap_local_endpoint_join(run->rig.server, &group, NULL), 0);
  ck_assert_int_eq(acoap_local_endpoint_join(run->rig.client, &group, NULL), 0);
  run->rig.body_len = 1 + dice(run, RIG_BODY - 1);
  set_conditions(run);
}

static bool pending(const run_t *run) {
  for (unsigned i = 0; i < run->count; i++) {
    const ask_t *ask = &run->asks[i];
    if (ask->started == 0 && !ask->dropped && ask->finals == 0) {
      return true;
    }
  }
  return false;
}

/* Everybody lets go of what has no end of its own, and the rest comes to its end. */
static void come_to_rest(run_t *run) {
  ck_assert_int_eq(acoap_sim_partition(run->rig.sim, NULL, NULL, false), 0);
  for (unsigned i = 0; i < run->count; i++) {
    acoap_stream_resume(run->asks[i].stream);
    if (run->asks[i].kind == 5 || run->asks[i].kind == 6) {
      drop(&run->asks[i]);
    }
  }
  /* A dead peer costs 93 s or 145 s a try, one after the other (NSTART), and some ask 15 times. */
  for (int i = 0; i < 1000 && pending(run); i++) {
    client_rig_answer_later(&run->rig);
    client_rig_run(&run->rig, MINUTE);
    for (unsigned j = 0; j < run->count; j++) {
      acoap_stream_resume(run->asks[j].stream);
    }
  }
  client_rig_forget(&run->rig);
  bool idle = acoap_sim_run_idle(run->rig.sim, acoap_sim_now(run->rig.sim) + 20 * MINUTE);
  ck_assert_msg(idle, "the network does not fall idle");
}

static void check_ends(const run_t *run) {
  ck_assert_msg(run->twice == 0, "a handler saw %u messages twice", run->twice);
  for (unsigned i = 0; i < run->count; i++) {
    const ask_t *ask = &run->asks[i];
    ck_assert_msg(ask->destroyed == 1, "ask %u, kind %d: destroyed %u times", i, ask->kind,
                  ask->destroyed);
    if (ask->started < 0) {
      ck_assert_msg(ask->finals == 0, "ask %u: a callback after a refusal", i);
    } else if (!ask->dropped) {
      ck_assert_msg(ask->finals == 1, "ask %u, kind %d: %u results", i, ask->kind, ask->finals);
    }
  }
}

START_TEST(every_request_ends_exactly_once) {
  run_t *run = malloc(sizeof(*run));
  ck_assert_ptr_nonnull(run);
  fail_alloc_install();
  run_open(run, (uint64_t)_i);
  uint32_t steps = 20 + dice(run, 120);
  uint32_t close_at = dice(run, 8) == 0 ? dice(run, steps) : steps + 1;
  for (uint32_t step = 0; step < steps; step++) {
    if (run->count < ASKS && dice(run, 3) == 0) {
      ask_something(run);
    }
    disturb(run);
    if (step == close_at) {
      close_one(run, dice(run, 2) == 0);
    }
    client_rig_run(&run->rig, dice(run, 4) == 0 ? dice(run, 30000) : dice(run, 500));
  }
  come_to_rest(run);
  check_ends(run);
  for (unsigned i = 0; i < run->count; i++) {
    drop(&run->asks[i]);
  }
  client_rig_close(&run->rig);
  ck_assert_msg(fail_alloc_live() == 0, "%u blocks leaked", (unsigned)fail_alloc_live());
  fail_alloc_restore();
  free(run->heard);
  free(run);
}
END_TEST

static int number_from(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text != NULL && atoi(text) > 0 ? atoi(text) : otherwise;
}

static Suite *sim_suite(void) {
  Suite *suite = suite_create("sim/client");
  TCase *runs = tcase_create("runs");
  int one = number_from("ACOAP_SIM_SEED", 0);
  int first = one > 0 ? one : 1;
  int last = one > 0 ? one : number_from("ACOAP_SIM_SEEDS", 500);
  tcase_add_loop_test(runs, every_request_ends_exactly_once, first, last + 1);
  suite_add_tcase(suite, runs);
  return suite;
}

ACOAP_TEST_MAIN(sim_suite)
