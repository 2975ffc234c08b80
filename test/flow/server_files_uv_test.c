/*
 * Files on a real libuv loop, with its threads: the same code as on the simulated network. Two
 * endpoints back to back in this process, no network and no sleeping; every run ends because
 * nothing is left to do, also when everything is closed while threads are at work.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdlib.h>
#include <uv.h>

#include "check_main.h"
#include "client_rig.h"
#include "endpoint/job.h"
#include "file_rig.h"
#include "sim_pair.h"

enum { MEGABYTE = 1 << 20 };

typedef struct uv_rig {
  uv_loop_t loop;
  acoap_local_endpoint_t *endpoint;
  acoap_local_endpoint_t *client;
  acoap_server_t *server;
  scratch_t scratch;
  char root[300];
  char uri[200];
  unsigned closed;
} uv_rig_t;

static acoap_local_endpoint_t *endpoint_on(uv_loop_t *loop, acoap_socket_t *socket) {
  acoap_local_endpoint_t *endpoint = NULL;
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .sockets = &socket, .socket_count = 1};
  ck_assert_int_eq(acoap_local_endpoint_new(loop, &options, &endpoint), 0);
  return endpoint;
}

static void open_rig(uv_rig_t *rig) {
  acoap_socket_t *a = NULL;
  acoap_socket_t *b = NULL;
  acoap_address_t address;
  char text[100];
  acoap_directory_options_t options = {.size = sizeof(options), .writable = true};
  acoap_server_options_t server_options = {.size = sizeof(server_options),
                                           .amplification = ACOAP_AMPLIFICATION_OFF};
  memset(rig, 0, sizeof(*rig));
  ck_assert_int_eq(uv_loop_init(&rig->loop), 0);
  ck_assert_int_eq(acoap_loopback_pair_new(&rig->loop, &a, &b), 0);
  rig->endpoint = endpoint_on(&rig->loop, a);
  rig->client = endpoint_on(&rig->loop, b);
  ck_assert_int_eq(acoap_local_endpoint_address(rig->endpoint, 0, &address), 0);
  ck_assert_int_gt(acoap_address_format(&address, text, sizeof(text)), 0);
  snprintf(rig->uri, sizeof(rig->uri), "coap://%s", text);
  ck_assert_int_eq(acoap_server_new(rig->endpoint, &server_options, &rig->server), 0);
  scratch_open(&rig->scratch);
  scratch_mkdir(&rig->scratch, "root");
  snprintf(rig->root, sizeof(rig->root), "%s", scratch_path(&rig->scratch, "root"));
  ck_assert_ptr_nonnull(acoap_resource_new_directory(rig->server, "/files", rig->root, &options));
}

static void count_closed(void *user_data) {
  uv_rig_t *rig = user_data;
  rig->closed++;
}

static void close_rig(uv_rig_t *rig) {
  acoap_server_free(rig->server);
  acoap_local_endpoint_close(rig->endpoint, count_closed, rig);
  acoap_local_endpoint_close(rig->client, count_closed, rig);
  ck_assert_int_eq(uv_run(&rig->loop, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(rig->closed, 2);
  ck_assert_int_eq(uv_loop_close(&rig->loop), 0);
  scratch_close(&rig->scratch);
}

typedef struct answer {
  unsigned finals;
  int status;
  uint8_t code;
  acoap_message_t *message;
} answer_t;

static void answered(void *user_data, int status, acoap_message_t *message) {
  answer_t *answer = user_data;
  answer->finals++;
  answer->status = status;
  answer->message = acoap_message_ref(message);
  answer->code = message != NULL ? acoap_message_code(message) : 0;
}

static void start(uv_rig_t *rig, const char *path, acoap_desc_t *desc, answer_t *answer) {
  char uri[300];
  acoap_remote_endpoint_t *remote = NULL;
  memset(answer, 0, sizeof(*answer));
  snprintf(uri, sizeof(uri), "%s%s", rig->uri, path);
  ck_assert_int_eq(acoap_remote_endpoint_new(rig->client, uri, &remote), 0);
  ck_assert_int_eq(acoap_send(remote, desc, answered, answer, NULL), 0);
  acoap_remote_endpoint_unref(remote);
}

static void finish(uv_rig_t *rig, answer_t *answer) {
  while (answer->finals == 0) {
    ck_assert_int_ne(uv_run(&rig->loop, UV_RUN_ONCE), 0);
  }
}

static acoap_desc_t *put_desc(const uint8_t *bytes) {
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_block1(desc, 1024, bytes, MEGABYTE);
  return desc;
}

static acoap_desc_t *get_desc(void) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 1024);
  acoap_desc_collect(desc, 2 * MEGABYTE);
  return desc;
}

START_TEST(megabyte_goes_up_and_comes_down) {
  uv_rig_t rig;
  answer_t answer;
  uint8_t *bytes = malloc(MEGABYTE);
  file_rig_fill(bytes, MEGABYTE, 1);
  open_rig(&rig);
  start(&rig, "/files/f", put_desc(bytes), &answer);
  finish(&rig, &answer);
  ck_assert_uint_eq(answer.code, ACOAP_CODE_CREATED);
  acoap_message_unref(answer.message);
  ck_assert(scratch_has(&rig.scratch, "root/f", bytes, MEGABYTE));
  start(&rig, "/files/f", get_desc(), &answer);
  finish(&rig, &answer);
  ck_assert_uint_eq(answer.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(acoap_message_payload(answer.message).len, MEGABYTE);
  ck_assert_mem_eq(acoap_message_payload(answer.message).data, bytes, MEGABYTE);
  acoap_message_unref(answer.message);
  close_rig(&rig);
  free(bytes);
}
END_TEST

enum { CLIENTS = 12 };

/* As many at once as there are threads, and more: uploads, downloads, listings, removals. */
START_TEST(many_at_once_have_one_end_each) {
  uv_rig_t rig;
  answer_t answers[CLIENTS];
  uint8_t *bytes = malloc(MEGABYTE);
  file_rig_fill(bytes, MEGABYTE, 5);
  open_rig(&rig);
  scratch_write(&rig.scratch, "root/big", bytes, MEGABYTE);
  for (int i = 0; i < CLIENTS; i++) {
    char path[40];
    acoap_desc_t *desc = NULL;
    snprintf(path, sizeof(path),
             i % 4 == 1   ? "/files"
             : i % 4 == 2 ? "/files/big"
                          : "/files/%d",
             i % 2);
    switch (i % 4) {
    case 0:
      desc = acoap_desc_put();
      acoap_desc_block1(desc, 1024, bytes, 30000);
      break;
    case 3:
      desc = acoap_desc_delete();
      break;
    default:
      desc = get_desc();
      break;
    }
    const char *where = i % 4 == 1 ? "/files" : i % 4 == 2 ? "/files/big" : path;
    start(&rig, where, desc, &answers[i]);
  }
  for (int i = 0; i < CLIENTS; i++) {
    finish(&rig, &answers[i]);
    ck_assert_uint_eq(answers[i].finals, 1);
    if (i % 4 == 2) {
      ck_assert_int_eq(answers[i].status, 0);
      ck_assert_mem_eq(acoap_message_payload(answers[i].message).data, bytes, MEGABYTE);
    } else if (i % 4 != 0) {
      ck_assert_int_eq(answers[i].status, 0);
    }
    acoap_message_unref(answers[i].message);
  }
  close_rig(&rig);
  free(bytes);
}
END_TEST

/* Closed after some turns, with a thread at work or not: what was not complete is gone. */
START_TEST(everything_closes_while_threads_are_at_work) {
  uint8_t *bytes = malloc(MEGABYTE);
  file_rig_fill(bytes, MEGABYTE, 2);
  for (int turns = 0; turns < 60; turns++) {
    uv_rig_t rig;
    answer_t put;
    answer_t get;
    open_rig(&rig);
    scratch_write(&rig.scratch, "root/f", "old", 3);
    start(&rig, "/files/f", put_desc(bytes), &put);
    start(&rig, "/files/f", get_desc(), &get);
    for (int i = 0; i < turns; i++) {
      ck_assert_int_ne(uv_run(&rig.loop, UV_RUN_ONCE), 0);
    }
    acoap_server_free(rig.server);
    rig.server = NULL;
    acoap_local_endpoint_close(rig.endpoint, count_closed, &rig);
    acoap_local_endpoint_close(rig.client, count_closed, &rig);
    ck_assert_int_eq(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
    ck_assert_uint_eq(rig.closed, 2);
    ck_assert_uint_eq(put.finals, 1);
    ck_assert_uint_eq(get.finals, 1);
    ck_assert_uint_eq(scratch_count(&rig.scratch, "root"), 1);
    ck_assert(scratch_has(&rig.scratch, "root/f", "old", 3));
    acoap_message_unref(put.message);
    acoap_message_unref(get.message);
    ck_assert_int_eq(uv_loop_close(&rig.loop), 0);
    scratch_close(&rig.scratch);
  }
  free(bytes);
}
END_TEST

typedef struct beside {
  acoap__job_t job;
  acoap_local_endpoint_t *endpoint; /* the job's; held */
  pthread_t loop_thread;
  bool elsewhere; /* the work ran in another thread */
  unsigned works; /* how often it ran */
  int again;      /* starts that `over` shall still make */
  unsigned settled;
  unsigned over;
  int status;
  uv_sem_t gate; /* the work waits for it */
} beside_t;

static void work(acoap__job_t *job) {
  beside_t *self = ACOAP__CONTAINER(job, beside_t, job);
  uv_sem_wait(&self->gate);
  self->works++;
  self->elsewhere = !pthread_equal(self->loop_thread, pthread_self());
}

static void settled(acoap__job_t *job, int status) {
  beside_t *self = ACOAP__CONTAINER(job, beside_t, job);
  self->settled++;
  self->status = status;
}

static void over(acoap__job_t *job, acoap_host_t *host) {
  beside_t *self = ACOAP__CONTAINER(job, beside_t, job);
  ck_assert(pthread_equal(self->loop_thread, pthread_self()));
  self->over++;
  if (self->again > 0) {
    self->again--;
    ck_assert_int_eq(acoap__job_start_last(job, self->endpoint, host, work), 0);
  }
}

static void begin_beside(beside_t *self, uv_rig_t *rig) {
  memset(self, 0, sizeof(*self));
  self->loop_thread = pthread_self();
  self->endpoint = acoap__local_endpoint_hold(rig->endpoint);
  ck_assert_int_eq(uv_sem_init(&self->gate, 0), 0);
  acoap__job_init(&self->job, over);
  ck_assert_int_eq(acoap__job_start(&self->job, rig->endpoint, work, settled), 0);
  ck_assert_int_eq(acoap__job_start(&self->job, rig->endpoint, work, settled), ACOAP_EBUSY);
}

static void end_beside(beside_t *self) {
  uv_sem_destroy(&self->gate);
  acoap__local_endpoint_release(self->endpoint);
}

START_TEST(job_runs_in_another_thread_and_settles_on_the_loop) {
  uv_rig_t rig;
  beside_t beside;
  open_rig(&rig);
  begin_beside(&beside, &rig);
  uv_sem_post(&beside.gate);
  ck_assert_int_eq(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(beside.over, 1);
  ck_assert(beside.elsewhere);
  ck_assert_uint_eq(beside.works, 1);
  ck_assert_uint_eq(beside.settled, 1);
  ck_assert_int_eq(beside.status, 0);
  end_beside(&beside);
  close_rig(&rig);
}
END_TEST

START_TEST(job_outlasts_its_endpoint_and_may_give_back_what_it_holds) {
  uv_rig_t rig;
  beside_t beside;
  open_rig(&rig);
  begin_beside(&beside, &rig);
  beside.again = 1;
  acoap_server_free(rig.server);
  rig.server = NULL;
  acoap_local_endpoint_close(rig.endpoint, count_closed, &rig);
  acoap_local_endpoint_close(rig.client, count_closed, &rig);
  while (rig.closed < 2) {
    ck_assert_int_ne(uv_run(&rig.loop, UV_RUN_ONCE), 0);
  }
  ck_assert_uint_eq(beside.settled, 1);
  ck_assert_int_eq(beside.status, ACOAP_ECANCELED);
  ck_assert_uint_eq(beside.over, 0);
  ck_assert_int_eq(acoap__job_start_last(&beside.job, beside.endpoint, NULL, work), ACOAP_ECLOSED);
  uv_sem_post(&beside.gate);
  uv_sem_post(&beside.gate);
  ck_assert_int_eq(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(beside.over, 2);
  ck_assert_uint_eq(beside.works, 2);
  ck_assert_uint_eq(beside.settled, 1);
  end_beside(&beside);
  ck_assert_int_eq(uv_loop_close(&rig.loop), 0);
  scratch_close(&rig.scratch);
}
END_TEST

START_TEST(cancelled_job_settles_nothing_and_is_over_all_the_same) {
  uv_rig_t rig;
  beside_t beside;
  open_rig(&rig);
  begin_beside(&beside, &rig);
  acoap__job_cancel(&beside.job);
  uv_sem_post(&beside.gate);
  ck_assert_int_eq(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(beside.over, 1);
  ck_assert_uint_eq(beside.settled, 0);
  end_beside(&beside);
  close_rig(&rig);
}
END_TEST

static Suite *files_uv_suite(void) {
  Suite *suite = suite_create("server/files on libuv");
  TCase *tcase = tcase_create("threads");
  tcase_add_test(tcase, megabyte_goes_up_and_comes_down);
  tcase_add_test(tcase, many_at_once_have_one_end_each);
  tcase_add_test(tcase, everything_closes_while_threads_are_at_work);
  tcase_add_test(tcase, job_runs_in_another_thread_and_settles_on_the_loop);
  tcase_add_test(tcase, job_outlasts_its_endpoint_and_may_give_back_what_it_holds);
  tcase_add_test(tcase, cancelled_job_settles_nothing_and_is_over_all_the_same);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(files_uv_suite)
