/*
 * Answers from other threads: given, given up, too late, without memory; every reply is consumed on
 * every path. Real threads, in the simulated network and on a libuv loop.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include <uv.h>

#include "check_main.h"
#include "fail_alloc.h"
#include "server_rig.h"

#define LONG 5000

typedef struct bench {
  server_rig_t rig;
  acoap_reply_t *reply; /* of the last request */
  unsigned calls;
  int status; /* what acoap_reply_send returned */
  uint8_t code;
  int format;
  const void *payload;
  size_t len;
} bench_t;

static char long_payload[LONG];

static void keep_reply(void *user_data, acoap_request_t *request) {
  bench_t *bench = user_data;
  bench->calls++;
  bench->reply = acoap_request_reply(request);
}

static void open_bench(bench_t *bench) {
  memset(bench, 0, sizeof(*bench));
  memset(long_payload, 'p', sizeof(long_payload));
  server_rig_open(&bench->rig, 8, NULL);
  acoap_resource_on(acoap_resource_new(bench->rig.server, "/r"), ACOAP_CODE_GET, keep_reply, bench);
  bench->code = ACOAP_CODE_CONTENT;
  bench->format = ACOAP_FORMAT_TEXT_PLAIN;
  bench->payload = "hello";
  bench->len = 5;
}

static void ask(bench_t *bench) {
  server_rig_begin(&bench->rig, ACOAP_CON, ACOAP_CODE_GET, "/r");
  server_rig_send(&bench->rig, &bench->rig.address);
  ck_assert_ptr_nonnull(bench->reply);
  sim_peer_expect_silence(&bench->rig.peer);
}

static void send_thread(void *user_data) {
  bench_t *bench = user_data;
  bench->status =
      acoap_reply_send(bench->reply, bench->code, bench->format, bench->payload, bench->len);
}

static void drop_thread(void *user_data) {
  bench_t *bench = user_data;
  acoap_reply_drop(bench->reply);
}

static void in_a_thread(bench_t *bench, uv_thread_cb body) {
  uv_thread_t thread;
  ck_assert_int_eq(uv_thread_create(&thread, body, bench), 0);
  ck_assert_int_eq(uv_thread_join(&thread), 0);
  server_rig_run(&bench->rig, 1);
}

START_TEST(reply_from_a_thread_answers_the_request) {
  bench_t bench;
  open_bench(&bench);
  ask(&bench);
  in_a_thread(&bench, send_thread);
  ck_assert_int_eq(bench.status, 0);
  server_rig_expect_payload(sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT),
                            "hello");
  server_rig_close(&bench.rig);
}
END_TEST

START_TEST(long_reply_goes_in_blocks) {
  bench_t bench;
  acoap_block_t block;
  open_bench(&bench);
  bench.payload = long_payload;
  bench.len = LONG;
  ask(&bench);
  in_a_thread(&bench, send_thread);
  const sim_datagram_t *got = sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT);
  ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_BLOCK2, &block), 1);
  ck_assert_uint_eq(got->view.payload.len, 1024);
  server_rig_close(&bench.rig);
}
END_TEST

START_TEST(dropped_reply_is_500) {
  bench_t bench;
  open_bench(&bench);
  ask(&bench);
  in_a_thread(&bench, drop_thread);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  ck_assert_uint_eq(server_rig_stats(&bench.rig).dropped, 1);
  acoap_reply_drop(NULL);
  server_rig_close(&bench.rig);
}
END_TEST

START_TEST(misused_reply_is_consumed_and_is_500) {
  bench_t bench;
  open_bench(&bench);
  ck_assert_int_eq(acoap_reply_send(NULL, ACOAP_CODE_CONTENT, 0, NULL, 0), ACOAP_EINVAL);
  bench.code = ACOAP_CODE_GET;
  ask(&bench);
  in_a_thread(&bench, send_thread);
  ck_assert_int_eq(bench.status, ACOAP_EINVAL);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  bench.code = ACOAP_CODE_CONTENT;
  bench.payload = NULL;
  ask(&bench);
  in_a_thread(&bench, send_thread);
  ck_assert_int_eq(bench.status, ACOAP_EINVAL);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  server_rig_close(&bench.rig);
}
END_TEST

START_TEST(reply_without_memory_is_500) {
  bench_t bench;
  fail_alloc_install();
  open_bench(&bench);
  ask(&bench);
  fail_alloc_at(1); /* the copy of the payload */
  in_a_thread(&bench, send_thread);
  ck_assert(fail_alloc_happened());
  fail_alloc_at(0);
  ck_assert_int_eq(bench.status, ACOAP_ENOMEM);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  server_rig_close(&bench.rig);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

START_TEST(an_answered_request_has_no_reply) {
  ck_assert_ptr_null(acoap_request_reply(NULL));
  bench_t bench;
  open_bench(&bench);
  ask(&bench);
  acoap_reply_t *first = bench.reply;
  ck_assert_ptr_nonnull(first);
  acoap_server_free(bench.rig.server); /* stays answerable */
  bench.rig.server = NULL;
  in_a_thread(&bench, send_thread);
  ck_assert_int_eq(bench.status, 0);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT);
  server_rig_close(&bench.rig);
}
END_TEST

START_TEST(reply_after_the_endpoint_has_closed_is_refused) {
  bench_t bench;
  open_bench(&bench);
  ask(&bench);
  acoap_local_endpoint_close(bench.rig.endpoint, NULL, NULL);
  bench.rig.endpoint = NULL;
  server_rig_run(&bench.rig, 10);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_SERVICE_UNAVAILABLE);
  acoap_server_free(bench.rig.server);
  bench.rig.server = NULL;
  in_a_thread(&bench, send_thread);
  ck_assert_int_eq(bench.status, ACOAP_ECLOSED);
  server_rig_close(&bench.rig);
}
END_TEST

/* Between the call of close and the end: neither too early nor forgotten. */
START_TEST(reply_while_the_endpoint_is_closing_is_refused) {
  for (int drop = 0; drop < 2; drop++) {
    bench_t bench;
    open_bench(&bench);
    ask(&bench);
    acoap_local_endpoint_close(bench.rig.endpoint, NULL, NULL);
    bench.rig.endpoint = NULL;
    bench.status = 0;
    in_a_thread(&bench, drop ? drop_thread : send_thread);
    ck_assert_int_eq(bench.status, drop ? 0 : ACOAP_ECLOSED);
    sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_SERVICE_UNAVAILABLE);
    server_rig_close(&bench.rig);
  }
}
END_TEST

START_TEST(reply_before_the_endpoint_closes_is_answered) {
  bench_t bench;
  uv_thread_t thread;
  open_bench(&bench);
  ask(&bench);
  ck_assert_int_eq(uv_thread_create(&thread, send_thread, &bench), 0);
  ck_assert_int_eq(uv_thread_join(&thread), 0);
  acoap_local_endpoint_close(bench.rig.endpoint, NULL, NULL);
  bench.rig.endpoint = NULL;
  server_rig_run(&bench.rig, 10);
  ck_assert_int_eq(bench.status, 0);
  sim_peer_expect(&bench.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT);
  server_rig_close(&bench.rig);
}
END_TEST

/* ---- many threads on a libuv loop ------------------------------------------------------------ */

#define WORKERS 4
#define REQUESTS 200

typedef struct worker {
  uv_thread_t thread;
  uv_mutex_t mutex;
  uv_cond_t more;
  acoap_reply_t *work[REQUESTS];
  size_t count, done;
  bool end;
} worker_t;

typedef struct field {
  uv_loop_t loop;
  acoap_local_endpoint_t *server_endpoint, *client_endpoint;
  acoap_server_t *server;
  worker_t workers[WORKERS];
  unsigned turn;      /* whose the next request is */
  unsigned responses; /* that came */
  unsigned dropped;   /* 5.00 of these */
  unsigned sends;     /* under way or answered */
  bool close_early;   /* while threads still answer */
  acoap_remote_endpoint_t *remote;
} field_t;

static void work(void *user_data) {
  worker_t *worker = user_data;
  for (;;) {
    uv_mutex_lock(&worker->mutex);
    while (worker->done == worker->count && !worker->end) {
      uv_cond_wait(&worker->more, &worker->mutex);
    }
    if (worker->done == worker->count) {
      uv_mutex_unlock(&worker->mutex);
      return;
    }
    size_t at = worker->done++;
    acoap_reply_t *reply = worker->work[at];
    uv_mutex_unlock(&worker->mutex);
    if (at % 7 == 6) {
      acoap_reply_drop(reply);
    } else {
      (void)acoap_reply_send(reply, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "done", 4);
    }
  }
}

static void hand_to_worker(void *user_data, acoap_request_t *request) {
  field_t *field = user_data;
  worker_t *worker = &field->workers[field->turn++ % WORKERS];
  acoap_reply_t *reply = acoap_request_reply(request);
  ck_assert_ptr_nonnull(reply);
  uv_mutex_lock(&worker->mutex);
  worker->work[worker->count++] = reply;
  uv_cond_signal(&worker->more);
  uv_mutex_unlock(&worker->mutex);
}

static void on_response(void *user_data, int status, acoap_message_t *message) {
  field_t *field = user_data;
  (void)status;
  field->responses++;
  if (acoap_message_code(message) == ACOAP_CODE_INTERNAL_SERVER_ERROR) {
    field->dropped++;
  }
  bool over = field->responses == REQUESTS || (field->close_early && field->responses == 20);
  if (over && field->client_endpoint != NULL) {
    acoap_local_endpoint_close(field->client_endpoint, NULL, NULL);
    acoap_local_endpoint_close(field->server_endpoint, NULL, NULL);
    field->client_endpoint = NULL;
    field->server_endpoint = NULL;
  }
}

static void field_open(field_t *field) {
  acoap_address_t local;
  char uri[64];
  ck_assert_int_eq(uv_loop_init(&field->loop), 0);
  ck_assert_int_eq(acoap_address_parse("127.0.0.1", 9, &local), 0);
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .bind = &local, .bind_count = 1};
  ck_assert_int_eq(acoap_local_endpoint_new(&field->loop, &options, &field->server_endpoint), 0);
  ck_assert_int_eq(acoap_local_endpoint_new(&field->loop, &options, &field->client_endpoint), 0);
  ck_assert_int_eq(acoap_server_new(field->server_endpoint, NULL, &field->server), 0);
  acoap_resource_on(acoap_resource_new(field->server, "/w"), ACOAP_CODE_GET, hand_to_worker, field);
  ck_assert_int_eq(acoap_local_endpoint_address(field->server_endpoint, 0, &local), 0);
  (void)snprintf(uri, sizeof(uri), "coap://127.0.0.1:%u/w", local.port);
  ck_assert_int_eq(acoap_remote_endpoint_new(field->client_endpoint, uri, &field->remote), 0);
}

static void field_run(field_t *field) {
  for (size_t i = 0; i < WORKERS; i++) {
    worker_t *worker = &field->workers[i];
    ck_assert_int_eq(uv_mutex_init(&worker->mutex), 0);
    ck_assert_int_eq(uv_cond_init(&worker->more), 0);
    ck_assert_int_eq(uv_thread_create(&worker->thread, work, worker), 0);
  }
  for (field->sends = 0; field->sends < REQUESTS; field->sends++) {
    acoap_desc_t *desc = acoap_desc_get();
    acoap_desc_nonconfirmable(desc);
    ck_assert_int_eq(acoap_send(field->remote, desc, on_response, field, NULL), 0);
  }
  ck_assert_int_eq(uv_run(&field->loop, UV_RUN_DEFAULT), 0);
  for (size_t i = 0; i < WORKERS; i++) {
    worker_t *worker = &field->workers[i];
    uv_mutex_lock(&worker->mutex);
    worker->end = true;
    uv_cond_signal(&worker->more);
    uv_mutex_unlock(&worker->mutex);
    ck_assert_int_eq(uv_thread_join(&worker->thread), 0);
    uv_cond_destroy(&worker->more);
    uv_mutex_destroy(&worker->mutex);
  }
  acoap_remote_endpoint_unref(field->remote);
  acoap_server_free(field->server);
  ck_assert_int_eq(uv_loop_close(&field->loop), 0);
}

START_TEST(threads_answer_while_the_loop_runs) {
  static field_t field;
  memset(&field, 0, sizeof(field));
  field.close_early = _i == 1;
  field_open(&field);
  field_run(&field);
  ck_assert_uint_eq(field.responses, REQUESTS); /* ECANCELED counts, too */
  if (!field.close_early) {
    unsigned dropped = 0;
    for (size_t i = 0; i < WORKERS; i++) {
      dropped += (unsigned)(field.workers[i].count / 7);
    }
    ck_assert_uint_eq(field.dropped, dropped);
  }
}
END_TEST

static Suite *reply_suite(void) {
  Suite *suite = suite_create("server/reply");
  TCase *tcase = tcase_create("threads");
  tcase_add_test(tcase, reply_from_a_thread_answers_the_request);
  tcase_add_test(tcase, long_reply_goes_in_blocks);
  tcase_add_test(tcase, dropped_reply_is_500);
  tcase_add_test(tcase, misused_reply_is_consumed_and_is_500);
  tcase_add_test(tcase, reply_without_memory_is_500);
  tcase_add_test(tcase, an_answered_request_has_no_reply);
  tcase_add_test(tcase, reply_after_the_endpoint_has_closed_is_refused);
  tcase_add_test(tcase, reply_while_the_endpoint_is_closing_is_refused);
  tcase_add_test(tcase, reply_before_the_endpoint_closes_is_answered);
  tcase_add_loop_test(tcase, threads_answer_while_the_loop_runs, 0, 2);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(reply_suite)
