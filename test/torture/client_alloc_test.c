/*
 * Every main flow of the client with the n-th allocation failing, for every n: an error is returned
 * or one final callback comes, the destroy callback runs exactly once, nothing leaks, and with
 * memory the same flow succeeds.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "client_rig.h"
#include "fail_alloc.h"
#include "qblock_script.h"

enum { SENDS = 4 };

typedef struct play {
  client_rig_t rig;
  qblock_script_t script; /* a server of RFC 9177 */
  acoap_remote_endpoint_t *t, *large, *put, *obs, *obsl, *group, *named, *busy, *sets;
  outcome_t outcomes[SENDS]; /* of each send of the flow */
  int status[SENDS];         /* what its acoap_send returned; 1: not called */
  bool dropped[SENDS];       /* the flow dropped its handle */
  unsigned changes;          /* of a browse */
} play_t;

/* The callbacks of a flow: counts, and that nothing comes after the end. */
static void note(void *user_data, int status, acoap_message_t *message) {
  outcome_t *outcome = user_data;
  ck_assert(!outcome->inside);
  ck_assert_uint_eq(outcome->finals, 0);
  ck_assert_uint_eq(outcome->destroyed, 0);
  if (outcome->user_data != NULL && status == 0) {
    outcome->items++;
  } else {
    outcome->finals++;
    outcome->status = status;
  }
  outcome->code = acoap_message_code(message);
  outcome->len = acoap_message_payload(message).len;
}

static void ask(play_t *play, int i, acoap_remote_endpoint_t *remote, acoap_desc_t *desc,
                acoap_future_t **future) {
  outcome_t *outcome = &play->outcomes[i];
  acoap_desc_on_destroy(desc, outcome_destroyed, outcome);
  outcome->inside = true;
  play->status[i] = acoap_send(remote, desc, note, outcome, future);
  outcome->inside = false;
}

static void stream(play_t *play, int i, acoap_remote_endpoint_t *remote, acoap_desc_t *desc) {
  outcome_t *outcome = &play->outcomes[i];
  acoap_desc_on_destroy(desc, outcome_destroyed, outcome);
  outcome->inside = true;
  outcome->user_data = play; /* it has items */
  play->status[i] = acoap_send_stream(remote, desc, note, outcome, &outcome->stream);
  outcome->inside = false;
}

static void drop_stream(play_t *play, int i) {
  play->dropped[i] = play->outcomes[i].stream != NULL && play->outcomes[i].finals == 0;
  play->outcomes[i].stream = acoap_stream_unref(play->outcomes[i].stream);
}

/* ---- the flows ------------------------------------------------------------------------------ */

static void flow_get(play_t *play) {
  ask(play, 0, play->t, acoap_desc_get(), NULL);
  client_rig_run(&play->rig, 200000);
}

static void flow_many_layers(play_t *play) {
  static const uint8_t bytes[300];
  acoap_address_t from;
  acoap_desc_t *desc = acoap_desc_get();
  for (int i = 0; i < 10; i++) {
    acoap_desc_on_destroy(desc, outcome_destroyed, &play->outcomes[1]);
    acoap_desc_query(desc, "a=b");
  }
  acoap_desc_option(desc, 65000, bytes, sizeof(bytes));
  acoap_desc_payload(desc, bytes, sizeof(bytes));
  acoap_desc_accept(desc, 0);
  acoap_desc_include_address(desc, &from);
  acoap_desc_emit_any(desc);
  acoap_desc_deadline(desc, 100000);
  ask(play, 0, play->t, desc, NULL);
  client_rig_run(&play->rig, 200000);
  ck_assert_uint_eq(play->outcomes[1].destroyed, 10);
  play->outcomes[1].destroyed = 0;
}

static void flow_named(play_t *play) {
  ask(play, 0, play->named, acoap_desc_get(), NULL);
  client_rig_run(&play->rig, 200000);
}

static void flow_collect(play_t *play) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 256);
  acoap_desc_collect(desc, RIG_BODY);
  ask(play, 0, play->large, desc, NULL);
  client_rig_run(&play->rig, 900000);
}

static int take_piece(void *user_data, uint64_t offset, const uint8_t *bytes, size_t len,
                      int64_t total) {
  (void)user_data;
  (void)offset;
  (void)bytes;
  (void)len;
  (void)total;
  return 0;
}

static void flow_block_writer(play_t *play) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block_writer(desc, take_piece, NULL);
  ask(play, 0, play->large, desc, NULL);
  client_rig_run(&play->rig, 900000);
}

static void flow_block1(play_t *play) {
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_block1(desc, 256, play->rig.body, 2000);
  acoap_desc_retry(desc, 2, 100);
  ask(play, 0, play->put, desc, NULL);
  client_rig_run(&play->rig, 900000);
}

static void flow_block2_window(play_t *play) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 256);
  acoap_desc_block2_window(desc, 4);
  acoap_desc_collect(desc, RIG_BODY);
  ask(play, 0, play->large, desc, NULL);
  client_rig_run(&play->rig, 900000);
}

static void flow_block1_window(play_t *play) {
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_block1(desc, 256, play->rig.body, 2000);
  acoap_desc_block1_window(desc, 4);
  ask(play, 0, play->put, desc, NULL);
  client_rig_run(&play->rig, 900000);
}

static void flow_qblock2(play_t *play) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 64);
  acoap_desc_collect(desc, RIG_BODY);
  acoap_desc_qblock(desc, NULL);
  ask(play, 0, play->sets, desc, NULL);
  client_rig_run(&play->rig, 900000);
}

static void flow_qblock1(play_t *play) {
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_block1(desc, 64, play->rig.body, 1000);
  acoap_desc_qblock(desc, NULL);
  ask(play, 0, play->sets, desc, NULL);
  client_rig_run(&play->rig, 900000);
}

static void flow_retry(play_t *play) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_retry(desc, 5, 100);
  ask(play, 0, play->busy, desc, NULL);
  client_rig_run(&play->rig, 900000);
}

static void flow_ping(play_t *play) {
  ask(play, 0, play->t, acoap_desc_ping(), NULL);
  client_rig_run(&play->rig, 200000);
}

static void inspect_nothing(void *user_data, const acoap_progress_t *progress,
                            acoap_message_t *message) {
  (void)user_data;
  (void)progress;
  (void)message;
}

static void flow_observe(play_t *play) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_observe(desc, NULL);
  stream(play, 0, play->obs, desc);
  client_rig_run(&play->rig, 100);
  client_rig_notify(&play->rig, ACOAP_RELIABLE);
  client_rig_run(&play->rig, 100);
  acoap_stream_pause(play->outcomes[0].stream);
  client_rig_notify(&play->rig, ACOAP_UNRELIABLE);
  client_rig_run(&play->rig, 100);
  acoap_stream_resume(play->outcomes[0].stream);
  client_rig_run(&play->rig, 100);
  drop_stream(play, 0);
  client_rig_run(&play->rig, 300000);
}

static void flow_observe_blocks(play_t *play) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_observe(desc, NULL);
  acoap_desc_collect(desc, RIG_BODY);
  acoap_desc_inspect(desc, inspect_nothing, NULL);
  stream(play, 0, play->obsl, desc);
  client_rig_run(&play->rig, 100);
  play->rig.etag++;
  client_rig_notify(&play->rig, ACOAP_RELIABLE);
  client_rig_run(&play->rig, 100);
  drop_stream(play, 0);
  client_rig_run(&play->rig, 300000);
}

static void flow_multicast(play_t *play) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_multicast(desc, NULL);
  acoap_desc_block2(desc, 512);
  acoap_desc_collect(desc, RIG_BODY);
  acoap_desc_retry(desc, 1, 10);
  stream(play, 0, play->group, desc);
  client_rig_run(&play->rig, 10);
  acoap_stream_pause(play->outcomes[0].stream);
  client_rig_run(&play->rig, 300000);
  acoap_stream_resume(play->outcomes[0].stream);
  client_rig_run(&play->rig, 300000);
  drop_stream(play, 0);
}

static acoap_future_t *ask_again(void *user_data, int status, acoap_message_t *message) {
  play_t *play = user_data;
  acoap_future_t *future = NULL;
  (void)status;
  (void)message;
  ask(play, 3, play->t, acoap_desc_get(), &future);
  return future;
}

static void flow_futures(play_t *play) {
  acoap_future_t *futures[3] = {NULL, NULL, NULL};
  for (int i = 0; i < 3; i++) {
    ask(play, i, play->t, acoap_desc_get(), &futures[i]);
    play->dropped[i] = true; /* by the combination, should that fail */
  }
  play->dropped[3] = true;
  acoap_future_t *both[2] = {acoap_future_then(futures[0], ask_again, play),
                             acoap_future_any(&futures[1], 2)};
  acoap_future_t *all = acoap_future_timeout(acoap_future_all(both, 2), 500000);
  client_rig_run(&play->rig, 500000);
  ck_assert(acoap_future_settled(all));
  acoap_future_unref(all);
  acoap_future_t *ready = acoap_future_of(play->rig.client, ACOAP_EEND, NULL);
  client_rig_run(&play->rig, 10);
  ck_assert(acoap_future_settled(ready));
  acoap_future_unref(ready);
}

static void note_change(void *user_data, int status, acoap_browse_change_t change,
                        const acoap_address_t *responder, acoap_message_t *message) {
  play_t *play = user_data;
  (void)change;
  (void)responder;
  (void)message;
  play->changes += status == 0 ? 1 : 0;
}

static void flow_browse(play_t *play) {
  acoap_browse_t *browse = NULL;
  if (acoap_browse(play->group, NULL, note_change, play, &browse) == 0) {
    client_rig_run(&play->rig, 130000);
    acoap_browse_free(browse);
    play->outcomes[0].items = play->changes;
  }
}

/* ---- the loop over n ------------------------------------------------------------------------ */

typedef struct flow {
  void (*run)(play_t *play);
  int status;     /* of the first send when there is memory enough */
  unsigned items; /* of its stream */
} flow_t;

static const flow_t flows[] = {
    {flow_get, 0, 0},
    {flow_many_layers, 0, 0},
    {flow_named, 0, 0},
    {flow_collect, 0, 0},
    {flow_block_writer, 0, 0},
    {flow_block1, 0, 0},
    {flow_retry, 0, 0},
    {flow_ping, 0, 0},
    {flow_observe, 1, 3},
    {flow_multicast, ACOAP_EEND, 1},
    {flow_futures, 0, 0},
    {flow_browse, 1, 1},
    {flow_observe_blocks, 1, 2},
    {flow_block2_window, 0, 0},
    {flow_block1_window, 0, 0},
    {flow_qblock2, 0, 0},
    {flow_qblock1, 0, 0},
};

static void play_open(play_t *play) {
  acoap_address_t address;
  memset(play, 0, sizeof(*play));
  for (int i = 0; i < SENDS; i++) {
    play->status[i] = 1;
  }
  client_rig_open_pair(&play->rig, 77);
  ck_assert_int_eq(acoap_address_parse("224.0.1.187", 11, &address), 0);
  ck_assert_int_eq(acoap_local_endpoint_join(play->rig.server, &address, NULL), 0);
  ck_assert_int_eq(acoap_address_parse(RIG_SERVER, strlen(RIG_SERVER), &address), 0);
  ck_assert_int_eq(acoap_sim_set_name(play->rig.sim, "server.example", &address, 1, 20), 0);
  qblock_script_open(&play->script, play->rig.sim);
  play->rig.notification = 2;
  play->t = client_rig_remote(&play->rig, "/t");
  play->large = client_rig_remote(&play->rig, "/large");
  play->put = client_rig_remote(&play->rig, "/put");
  play->obs = client_rig_remote(&play->rig, "/obs");
  play->obsl = client_rig_remote(&play->rig, "/obsl");
  play->busy = client_rig_remote(&play->rig, "/busy");
  play->group = client_rig_remote(&play->rig, "coap://224.0.1.187/large");
  play->sets = client_rig_remote(&play->rig, "coap://192.0.2.9/sets");
  play->named = client_rig_remote(&play->rig, "coap://server.example/t");
  client_rig_run(&play->rig, 10);
}

static void play_close(play_t *play) {
  acoap_remote_endpoint_unref(play->t);
  acoap_remote_endpoint_unref(play->large);
  acoap_remote_endpoint_unref(play->put);
  acoap_remote_endpoint_unref(play->obs);
  acoap_remote_endpoint_unref(play->obsl);
  acoap_remote_endpoint_unref(play->busy);
  acoap_remote_endpoint_unref(play->group);
  acoap_remote_endpoint_unref(play->named);
  acoap_remote_endpoint_unref(play->sets);
  qblock_script_close(&play->script);
  client_rig_close(&play->rig);
}

static void check_promises(const play_t *play, size_t n) {
  for (int i = 0; i < SENDS; i++) {
    const outcome_t *outcome = &play->outcomes[i];
    if (play->status[i] == 1) {
      ck_assert_uint_eq(outcome->finals, 0);
      continue;
    }
    ck_assert_msg(outcome->destroyed == 1, "n %u, send %d: destroyed %u times", (unsigned)n, i,
                  outcome->destroyed);
    if (play->status[i] < 0) {
      ck_assert_uint_eq(outcome->finals, 0);
    } else if (!play->dropped[i]) {
      ck_assert_msg(outcome->finals == 1, "n %u, send %d: %u finals", (unsigned)n, i,
                    outcome->finals);
    }
  }
}

START_TEST(every_flow_survives_the_failure_of_every_allocation) {
  const flow_t *flow = &flows[_i];
  size_t n;
  fail_alloc_install();
  for (n = 1; fail_alloc_again(n); n++) {
    play_t *play = malloc(sizeof(*play));
    ck_assert_ptr_nonnull(play);
    size_t before = fail_alloc_live();
    play_open(play);
    fail_alloc_at(n);
    flow->run(play);
    bool failed = fail_alloc_happened();
    fail_alloc_at(0);
    check_promises(play, n);
    if (!failed) {
      ck_assert_int_eq(play->status[0] == 0 ? play->outcomes[0].status : 0,
                       flow->status == 1 ? 0 : flow->status);
      ck_assert_uint_eq(play->outcomes[0].items, flow->items);
    }
    play_close(play);
    ck_assert_msg(fail_alloc_live() == before, "n %u: %d blocks leaked", (unsigned)n,
                  (int)(fail_alloc_live() - before));
    free(play);
    if (!failed) {
      break;
    }
  }
  ck_assert_uint_gt(n, 1);
  fail_alloc_restore();
}
END_TEST

START_TEST(an_ordinary_request_is_one_allocation) {
  play_t *play = malloc(sizeof(*play));
  ck_assert_ptr_nonnull(play);
  fail_alloc_install();
  play_open(play);
  ask(play, 0, play->t, acoap_desc_get(), NULL); /* pools fill */
  client_rig_run(&play->rig, 1000);
  for (int i = 1; i < SENDS; i++) {
    fail_alloc_at(0);
    acoap_desc_t *desc = acoap_desc_get();
    acoap_desc_accept(desc, ACOAP_FORMAT_TEXT_PLAIN);
    acoap_desc_query(desc, "x=y");
    acoap_desc_deadline(desc, 10000);
    acoap_desc_block2(desc, 1024);
    ck_assert_uint_eq(fail_alloc_count(), 1);
    ask(play, i, play->t, desc, NULL);
    /* The simulated network takes two for each datagram that is under way. */
    ck_assert_uint_eq(fail_alloc_count(), 1 + 2);
    client_rig_run(&play->rig, 1000);
    ck_assert_uint_eq(play->outcomes[i].finals, 1);
    ck_assert_uint_eq(fail_alloc_count(), 1 + 2 + 2);
  }
  play_close(play);
  free(play);
  fail_alloc_restore();
}
END_TEST

static Suite *alloc_suite(void) {
  Suite *suite = suite_create("torture/client_alloc");
  TCase *tcase = tcase_create("flows");
  tcase_add_loop_test(tcase, every_flow_survives_the_failure_of_every_allocation, 0,
                      (int)(sizeof(flows) / sizeof(flows[0])));
  tcase_add_test(tcase, an_ordinary_request_is_one_allocation);
  tcase_set_timeout(tcase, 100);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(alloc_suite)
