/*
 * What acoap_send promises: nothing happened on a negative return, exactly one final callback from
 * the loop otherwise, silence for who drops the future, destroy callbacks exactly once, any
 * function from any callback.
 * SPDX-License-Identifier: MIT
 */
#include "client_rig.h"

#include <string.h>

#include "check_main.h"
#include "script_server.h"

/* ---- results -------------------------------------------------------------------------------- */

START_TEST(get_gives_the_response_from_the_loop) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open_pair(&rig, 1);
  ck_assert_int_eq(rig_send(&rig, "/t", acoap_desc_get(), &outcome, NULL), 0);
  ck_assert_uint_eq(outcome.finals, 0);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_uint_eq(outcome.destroyed, 1);
  ck_assert_int_eq(outcome.status, 0);
  ck_assert_uint_eq(outcome.code, ACOAP_CODE_CONTENT);
  ck_assert_str_eq((char *)outcome.body, "hello");
  client_rig_close(&rig);
}
END_TEST

START_TEST(error_response_gives_a_status_and_the_message) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open_pair(&rig, 2);
  ck_assert_int_eq(rig_send(&rig, "/nothing", acoap_desc_get(), &outcome, NULL), 0);
  client_rig_run(&rig, 100);
  ck_assert_int_eq(outcome.status, ACOAP_ECLIENTERROR);
  ck_assert_uint_eq(outcome.code, ACOAP_CODE_NOT_FOUND);
  ck_assert_str_eq((char *)outcome.body, "no");
  client_rig_close(&rig);
}
END_TEST

START_TEST(separate_response_gives_one_final_callback) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open_pair(&rig, 3);
  ck_assert_int_eq(rig_send(&rig, "/sep", acoap_desc_get(), &outcome, NULL), 0);
  client_rig_run(&rig, 5000);
  ck_assert_uint_eq(outcome.finals, 0);
  client_rig_answer_later(&rig);
  client_rig_run(&rig, 5000);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_str_eq((char *)outcome.body, "later");
  ck_assert_uint_eq(rig.handled, 1);
  client_rig_close(&rig);
}
END_TEST

START_TEST(nonconfirmable_request_ends_exactly_once_too) {
  client_rig_t rig;
  outcome_t answered = {0};
  outcome_t lost = {0};
  client_rig_open_pair(&rig, 4);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_nonconfirmable(desc);
  ck_assert_int_eq(rig_send(&rig, "/t", desc, &answered, NULL), 0);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(answered.finals, 1);
  ck_assert_int_eq(answered.status, 0);
  ck_assert_int_eq(acoap_sim_partition(rig.sim, NULL, NULL, true), 0);
  desc = acoap_desc_get();
  acoap_desc_nonconfirmable(desc);
  ck_assert_int_eq(rig_send(&rig, "/t", desc, &lost, NULL), 0);
  client_rig_run(&rig, 144000);
  ck_assert_uint_eq(lost.finals, 0);
  client_rig_run(&rig, 2000); /* NON_LIFETIME is 145 s */
  ck_assert_uint_eq(lost.finals, 1);
  ck_assert_int_eq(lost.status, ACOAP_ETIMEDOUT);
  client_rig_close(&rig);
}
END_TEST

START_TEST(silence_ends_with_a_timeout_after_all_retransmissions) {
  client_rig_t rig;
  script_server_t server;
  outcome_t outcome = {0};
  client_rig_open(&rig, 5);
  script_server_open(&server, rig.sim, RIG_SERVER, NULL, NULL);
  ck_assert_int_eq(rig_send(&rig, "/t", acoap_desc_get(), &outcome, NULL), 0);
  client_rig_run(&rig, 93000);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_int_eq(outcome.status, ACOAP_ETIMEDOUT);
  ck_assert(!outcome.has_message);
  ck_assert_uint_eq(server.count, 5);
  script_server_close(&server);
  client_rig_close(&rig);
}
END_TEST

static void reset_all(script_server_t *server, const acoap_view_t *view) {
  if (view->type == ACOAP_CON) {
    script_server_empty(server, ACOAP_RST);
  }
}

START_TEST(reset_ends_at_once) {
  client_rig_t rig;
  script_server_t server;
  outcome_t outcome = {0};
  client_rig_open(&rig, 6);
  script_server_open(&server, rig.sim, RIG_SERVER, reset_all, NULL);
  ck_assert_int_eq(rig_send(&rig, "/t", acoap_desc_get(), &outcome, NULL), 0);
  client_rig_run(&rig, 10);
  ck_assert_int_eq(outcome.status, ACOAP_ERESET);
  script_server_close(&server);
  client_rig_close(&rig);
}
END_TEST

START_TEST(icmp_error_ends_at_once) {
  client_rig_t rig;
  outcome_t outcome = {0};
  acoap_address_t nobody;
  client_rig_open(&rig, 7);
  ck_assert_int_eq(acoap_address_parse("192.0.2.1:5683", 14, &nobody), 0);
  ck_assert_int_eq(acoap_sim_set_unreachable(rig.sim, &nobody, true), 0);
  ck_assert_int_eq(rig_send(&rig, "/t", acoap_desc_get(), &outcome, NULL), 0);
  client_rig_run(&rig, 10);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_int_eq(outcome.status, ACOAP_EUNREACHABLE);
  client_rig_close(&rig);
}
END_TEST

START_TEST(closing_the_endpoint_cancels_everything_from_the_loop) {
  client_rig_t rig;
  outcome_t outcomes[5];
  acoap_future_t *future = NULL;
  memset(outcomes, 0, sizeof(outcomes));
  client_rig_open_pair(&rig, 8);
  ck_assert_int_eq(rig_send(&rig, "/never", acoap_desc_get(), &outcomes[0], NULL), 0);
  ck_assert_int_eq(rig_send(&rig, "/never", acoap_desc_get(), &outcomes[1], &future), 0);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_observe(desc, NULL);
  ck_assert_int_eq(rig_stream(&rig, "/obs", desc, &outcomes[2], NULL), 0);
  desc = acoap_desc_get();
  acoap_desc_nonconfirmable(desc);
  ck_assert_int_eq(rig_send(&rig, "/never", desc, &outcomes[3], NULL), 0);
  ck_assert_int_eq(rig_send(&rig, "coap://unknown.example/", acoap_desc_get(), &outcomes[4], NULL),
                   0);
  client_rig_forget(&rig);
  acoap_local_endpoint_close(rig.client, NULL, NULL);
  rig.client = NULL;
  for (int i = 0; i < 5; i++) {
    ck_assert_uint_eq(outcomes[i].finals, 0);
  }
  client_rig_run(&rig, 1);
  for (int i = 0; i < 5; i++) {
    ck_assert_msg(outcomes[i].finals == 1, "send %d has %u results", i, outcomes[i].finals);
    ck_assert_int_eq(outcomes[i].status, ACOAP_ECANCELED);
    ck_assert_uint_eq(outcomes[i].destroyed, 1);
  }
  ck_assert_int_eq(acoap_future_status(future), ACOAP_ECANCELED);
  acoap_future_unref(future);
  acoap_stream_unref(outcomes[2].stream);
  client_rig_close(&rig);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------- */

static int failing_writer(void *user_data, uint8_t *room, size_t cap) {
  (void)user_data;
  (void)room;
  (void)cap;
  return ACOAP_ENOTFOUND;
}

/* Each of these makes a descriptor that acoap_send refuses with the status beside it. */
static acoap_desc_t *make_bad_desc(int n, int *status) {
  static const uint8_t long_bytes[3000];
  acoap_desc_t *desc = n == 0 ? acoap_desc_new(0x45) : acoap_desc_get();
  const int statuses[] = {ACOAP_EINVAL, ACOAP_EINVAL,  ACOAP_EINVAL,    ACOAP_EINVAL, ACOAP_EINVAL,
                          ACOAP_EINVAL, ACOAP_ETOOBIG, ACOAP_ENOTFOUND, ACOAP_EINVAL, ACOAP_EURI,
                          ACOAP_EINVAL, ACOAP_ETOOBIG, ACOAP_EINVAL,    ACOAP_EINVAL};
  *status = statuses[n];
  switch (n) {
  case 1:
    acoap_desc_block2(desc, 100);
    break;
  case 2:
    acoap_desc_block1(desc, 2048, "x", 1);
    break;
  case 3:
    acoap_desc_accept(desc, 65536);
    break;
  case 4:
    acoap_desc_observe(desc, NULL); /* wants a stream */
    break;
  case 5:
    acoap_desc_token(desc, "123456789", 9);
    break;
  case 6:
    acoap_desc_payload(desc, long_bytes, sizeof(long_bytes));
    break;
  case 7:
    acoap_desc_payload_writer(desc, failing_writer, NULL);
    break;
  case 8:
    acoap_desc_no_response(desc, 1);
    break;
  case 9:
    acoap_desc_path(desc, "a%zz");
    break;
  case 10:
    acoap_desc_handler(desc, NULL, NULL);
    break;
  case 11:
    for (int i = 0; i < 5; i++) {
      acoap_desc_option(desc, 65001, long_bytes, 300);
    }
    break;
  case 12:
    acoap_desc_burst(desc, 0, 1);
    break;
  case 13:
    acoap_desc_emit_any(desc);
    acoap_desc_query(desc, NULL);
    break;
  default:
    break;
  }
  return desc;
}

START_TEST(negative_return_means_that_nothing_happened) {
  client_rig_t rig;
  script_server_t server;
  client_rig_open(&rig, 9);
  script_server_open(&server, rig.sim, RIG_SERVER, NULL, NULL);
  for (int n = 0; n <= 13; n++) {
    outcome_t outcome = {0};
    acoap_future_t *future = (acoap_future_t *)&outcome;
    int expected = 0;
    acoap_desc_t *desc = make_bad_desc(n, &expected);
    int status = rig_send(&rig, "/t", desc, &outcome, &future);
    ck_assert_msg(status == expected, "descriptor %d: %d, not %d", n, status, expected);
    ck_assert_ptr_eq(future, &outcome); /* untouched */
    client_rig_run(&rig, 1000);
    ck_assert_uint_eq(outcome.finals, 0);
    ck_assert_uint_eq(outcome.destroyed, 1);
  }
  ck_assert_uint_eq(server.count, 0);
  script_server_close(&server);
  client_rig_close(&rig);
}
END_TEST

START_TEST(first_failure_sticks) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open(&rig, 10);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_payload(desc, NULL, 70000);
  acoap_desc_payload(desc, "x", 70000); /* would be ACOAP_ETOOBIG */
  ck_assert_int_eq(rig_send(&rig, "/t", desc, &outcome, NULL), ACOAP_EINVAL);
  client_rig_close(&rig);
}
END_TEST

START_TEST(null_descriptor_is_accepted_everywhere_and_is_no_memory) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open(&rig, 11);
  acoap_desc_option(NULL, 1, "x", 1);
  acoap_desc_option_uint(NULL, 1, 1);
  acoap_desc_option_replace(NULL, 1, "x", 1);
  acoap_desc_accept(NULL, 0);
  acoap_desc_content_format(NULL, 0);
  acoap_desc_path(NULL, "a");
  acoap_desc_query(NULL, "a");
  acoap_desc_payload(NULL, "x", 1);
  acoap_desc_payload_writer(NULL, failing_writer, NULL);
  acoap_desc_confirmable(NULL);
  acoap_desc_nonconfirmable(NULL);
  acoap_desc_params(NULL, NULL);
  acoap_desc_deadline(NULL, 1);
  acoap_desc_retry(NULL, 1, 1);
  acoap_desc_burst(NULL, 2, 1);
  acoap_desc_token(NULL, "x", 1);
  acoap_desc_keep_token(NULL);
  acoap_desc_any_source(NULL);
  acoap_desc_no_response(NULL, 26);
  acoap_desc_block1(NULL, 16, "x", 1);
  acoap_desc_block2(NULL, 16);
  acoap_desc_collect(NULL, 1);
  acoap_desc_observe(NULL, NULL);
  acoap_desc_multicast(NULL, NULL);
  acoap_desc_emit_any(NULL);
  acoap_desc_emit_successful(NULL);
  acoap_desc_emit_code(NULL, 69);
  acoap_address_t address;
  acoap_desc_include_address(NULL, &address);
  acoap_desc_free(NULL);
  ck_assert_int_eq(rig_send(&rig, "/t", NULL, &outcome, NULL), ACOAP_ENOMEM);
  client_rig_close(&rig);
}
END_TEST

START_TEST(descriptor_that_is_never_sent_is_destroyed) {
  outcome_t outcome = {0};
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_on_destroy(desc, outcome_destroyed, &outcome);
  acoap_desc_free(desc);
  ck_assert_uint_eq(outcome.destroyed, 1);
}
END_TEST

static char order[8];

static void note_order(void *user_data) {
  strcat(order, user_data);
}

START_TEST(destroy_callbacks_run_in_reverse_order) {
  char a[] = "a";
  char b[] = "b";
  char c[] = "c";
  order[0] = '\0';
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_on_destroy(desc, note_order, a);
  acoap_desc_on_destroy(desc, note_order, b);
  acoap_desc_on_destroy(desc, note_order, c);
  acoap_desc_free(desc);
  ck_assert_str_eq(order, "cba");
}
END_TEST

START_TEST(sending_on_a_closed_endpoint_is_refused) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open(&rig, 12);
  acoap_remote_endpoint_t *remote = client_rig_remote(&rig, "/t");
  acoap_local_endpoint_close(rig.client, NULL, NULL);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_on_destroy(desc, outcome_destroyed, &outcome);
  ck_assert_int_eq(acoap_send(remote, desc, outcome_note, &outcome, NULL), ACOAP_ECLOSED);
  ck_assert_uint_eq(outcome.destroyed, 1);
  rig.client = NULL;
  client_rig_run(&rig, 10);
  desc = acoap_desc_get();
  acoap_desc_on_destroy(desc, outcome_destroyed, &outcome);
  ck_assert_int_eq(acoap_send(remote, desc, outcome_note, &outcome, NULL), ACOAP_ECLOSED);
  ck_assert_uint_eq(outcome.destroyed, 2);
  acoap_remote_endpoint_unref(remote);
  client_rig_close(&rig);
}
END_TEST

/* ---- dropping ------------------------------------------------------------------------------- */

START_TEST(dropping_the_future_is_silent_but_for_the_destroy_callback) {
  client_rig_t rig;
  outcome_t outcome = {0};
  acoap_future_t *future = NULL;
  client_rig_open_pair(&rig, 13);
  ck_assert_int_eq(rig_send(&rig, "/t", acoap_desc_get(), &outcome, &future), 0);
  ck_assert_ptr_null(acoap_future_unref(future));
  ck_assert_uint_eq(outcome.destroyed, 1);
  client_rig_run(&rig, 100000);
  ck_assert_uint_eq(outcome.finals, 0);
  ck_assert_uint_eq(outcome.destroyed, 1);
  client_rig_close(&rig);
}
END_TEST

static void drop_inside(void *user_data, int status, acoap_message_t *message) {
  outcome_t *outcome = user_data;
  outcome_note(outcome, status, message);
  outcome->future = acoap_future_unref(outcome->future);
}

START_TEST(future_may_be_dropped_inside_its_own_callback) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open_pair(&rig, 14);
  acoap_remote_endpoint_t *remote = client_rig_remote(&rig, "/t");
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_on_destroy(desc, outcome_destroyed, &outcome);
  ck_assert_int_eq(acoap_send(remote, desc, drop_inside, &outcome, &outcome.future), 0);
  acoap_remote_endpoint_unref(remote);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_uint_eq(outcome.destroyed, 1);
  ck_assert_ptr_null(outcome.future);
  client_rig_close(&rig);
}
END_TEST

static void drop_in_inspect(void *user_data, const acoap_progress_t *progress,
                            acoap_message_t *message) {
  outcome_t *outcome = user_data;
  (void)progress;
  ck_assert_ptr_nonnull(message);
  outcome->future = acoap_future_unref(outcome->future);
  ck_assert_uint_eq(outcome->destroyed, 0); /* its layers are still at work */
}

START_TEST(future_may_be_dropped_inside_a_layer) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open_pair(&rig, 15);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 64);
  acoap_desc_collect(desc, RIG_BODY);
  acoap_desc_inspect(desc, drop_in_inspect, &outcome);
  ck_assert_int_eq(rig_send(&rig, "/large", desc, &outcome, &outcome.future), 0);
  client_rig_run(&rig, 1000);
  ck_assert_uint_eq(outcome.finals, 0);
  ck_assert_uint_eq(outcome.destroyed, 1);
  ck_assert_uint_eq(rig.handled, 1);
  client_rig_close(&rig);
}
END_TEST

typedef struct chain {
  client_rig_t *rig;
  outcome_t second;
  unsigned calls;
} chain_t;

static void send_again(void *user_data, int status, acoap_message_t *message) {
  chain_t *chain = user_data;
  (void)status;
  (void)message;
  chain->calls++;
  ck_assert_int_eq(rig_send(chain->rig, "/t", acoap_desc_get(), &chain->second, NULL), 0);
}

START_TEST(sending_inside_a_callback_works) {
  client_rig_t rig;
  chain_t chain = {.rig = &rig};
  client_rig_open_pair(&rig, 16);
  acoap_remote_endpoint_t *remote = client_rig_remote(&rig, "/t");
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), send_again, &chain, NULL), 0);
  acoap_remote_endpoint_unref(remote);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(chain.calls, 1);
  ck_assert_uint_eq(chain.second.finals, 1);
  client_rig_close(&rig);
}
END_TEST

static void close_inside(void *user_data, int status, acoap_message_t *message) {
  chain_t *chain = user_data;
  ck_assert_int_eq(status, 0);
  ck_assert_ptr_nonnull(message);
  chain->calls++;
  acoap_local_endpoint_close(chain->rig->client, NULL, NULL);
  chain->rig->client = NULL;
}

START_TEST(endpoint_may_be_closed_inside_a_callback) {
  client_rig_t rig;
  chain_t chain = {.rig = &rig};
  client_rig_open_pair(&rig, 17);
  acoap_remote_endpoint_t *remote = client_rig_remote(&rig, "/t");
  ck_assert_int_eq(rig_send(&rig, "/never", acoap_desc_get(), &chain.second, NULL), 0);
  acoap_params_t params;
  acoap_params_init(&params);
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), close_inside, &chain, NULL), 0);
  acoap_remote_endpoint_unref(remote);
  client_rig_run(&rig, 5000);
  ck_assert_uint_eq(chain.calls, 1);
  ck_assert_uint_eq(chain.second.finals, 1);
  ck_assert_int_eq(chain.second.status, ACOAP_ECANCELED);
  client_rig_close(&rig);
}
END_TEST

static acoap_message_t *kept;

static void keep_message(void *user_data, int status, acoap_message_t *message) {
  (void)user_data;
  (void)status;
  kept = acoap_message_ref(message);
}

START_TEST(message_may_be_kept_beyond_the_callback_and_the_endpoint) {
  client_rig_t rig;
  client_rig_open_pair(&rig, 18);
  acoap_remote_endpoint_t *remote = client_rig_remote(&rig, "/t");
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), keep_message, NULL, NULL), 0);
  acoap_remote_endpoint_unref(remote);
  client_rig_run(&rig, 100);
  ck_assert_ptr_nonnull(kept);
  client_rig_close(&rig);
  ck_assert_uint_eq(acoap_message_payload(kept).len, 5);
  ck_assert_mem_eq(acoap_message_payload(kept).data, "hello", 5);
  acoap_message_unref(kept);
}
END_TEST

START_TEST(future_wait_runs_the_loop_until_it_settles) {
  client_rig_t rig;
  outcome_t outcome = {0};
  acoap_future_t *future = NULL;
  client_rig_open_pair(&rig, 19);
  ck_assert_int_eq(rig_send(&rig, "/t", acoap_desc_get(), &outcome, &future), 0);
  ck_assert_int_eq(acoap_future_status(future), ACOAP_EAGAIN);
  ck_assert_int_eq(acoap_future_wait(future), 0);
  ck_assert(acoap_future_settled(future));
  ck_assert_uint_eq(acoap_message_code(acoap_future_message(future)), ACOAP_CODE_CONTENT);
  acoap_future_unref(future);
  client_rig_close(&rig);
}
END_TEST

static void wait_inside(void *user_data, int status, acoap_message_t *message) {
  outcome_t *outcome = user_data;
  outcome_note(outcome, status, message);
  ck_assert_int_eq(acoap_future_wait(outcome->future), ACOAP_EBUSY);
  outcome->items = 77;
}

START_TEST(future_wait_answers_busy_inside_callbacks) {
  client_rig_t rig;
  outcome_t outcome = {0};
  outcome_t other = {0};
  client_rig_open_pair(&rig, 20);
  ck_assert_int_eq(rig_send(&rig, "/never", acoap_desc_get(), &other, &outcome.future), 0);
  acoap_remote_endpoint_t *remote = client_rig_remote(&rig, "/t");
  acoap_params_t params;
  acoap_params_init(&params);
  params.nstart = 4;
  acoap_remote_endpoint_set_params(remote, &params);
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), wait_inside, &outcome, NULL), 0);
  acoap_remote_endpoint_unref(remote);
  client_rig_run(&rig, 5000);
  ck_assert_uint_eq(outcome.items, 77);
  acoap_future_unref(outcome.future);
  client_rig_close(&rig);
}
END_TEST

/* ---- addresses ------------------------------------------------------------------------------ */

static void answer_hello(script_server_t *server, const acoap_view_t *view) {
  if (acoap_code_is_request(view->code)) {
    acoap_builder_payload(script_server_begin(server, ACOAP_CODE_CONTENT), "hello", 5);
    script_server_send(server);
  }
}

START_TEST(addresses_are_tried_in_turn_until_one_is_heard) {
  client_rig_t rig;
  script_server_t server;
  outcome_t outcome = {0};
  acoap_address_t addresses[3];
  client_rig_open(&rig, 21);
  script_server_open(&server, rig.sim, "192.0.2.8:5683", answer_hello, NULL);
  ck_assert_int_eq(acoap_address_parse("192.0.2.6", 9, &addresses[0]), 0);
  ck_assert_int_eq(acoap_address_parse("192.0.2.7", 9, &addresses[1]), 0);
  ck_assert_int_eq(acoap_address_parse("192.0.2.8", 9, &addresses[2]), 0);
  addresses[0].port = addresses[1].port = addresses[2].port = 5683;
  ck_assert_int_eq(acoap_sim_set_name(rig.sim, "three.example", addresses, 3, 50), 0);
  ck_assert_int_eq(acoap_sim_set_unreachable(rig.sim, &addresses[0], true), 0);
  ck_assert_int_eq(rig_send(&rig, "coap://three.example/t", acoap_desc_get(), &outcome, NULL), 0);
  client_rig_run(&rig, 40);
  ck_assert_uint_eq(server.count, 0); /* still being looked up */
  client_rig_run(&rig, 94000);        /* the second one is silent */
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_int_eq(outcome.status, 0);
  ck_assert_uint_eq(server.count, 1);
  script_server_close(&server);
  client_rig_close(&rig);
}
END_TEST

static void answer_with_unknown_critical_option(script_server_t *server, const acoap_view_t *view) {
  if (acoap_code_is_request(view->code)) {
    acoap_builder_uint(script_server_begin(server, ACOAP_CODE_CONTENT), 65001, 1);
    script_server_send(server);
  }
}

START_TEST(refusal_is_an_answer_and_no_reason_to_try_another_address) {
  for (int reset = 0; reset < 2; reset++) {
    client_rig_t rig;
    script_server_t first;
    script_server_t second;
    outcome_t outcome = {0};
    acoap_address_t addresses[2];
    client_rig_open(&rig, 24);
    script_server_open(&first, rig.sim, "192.0.2.7:5683",
                       reset ? reset_all : answer_with_unknown_critical_option, NULL);
    script_server_open(&second, rig.sim, "192.0.2.8:5683", answer_hello, NULL);
    ck_assert_int_eq(acoap_address_parse("192.0.2.7:5683", 14, &addresses[0]), 0);
    ck_assert_int_eq(acoap_address_parse("192.0.2.8:5683", 14, &addresses[1]), 0);
    ck_assert_int_eq(acoap_sim_set_name(rig.sim, "two.example", addresses, 2, 1), 0);
    ck_assert_int_eq(rig_send(&rig, "coap://two.example/t", acoap_desc_get(), &outcome, NULL), 0);
    client_rig_run(&rig, 1000);
    ck_assert_uint_eq(outcome.finals, 1);
    ck_assert_int_eq(outcome.status, reset ? ACOAP_ERESET : ACOAP_EBADOPTION);
    ck_assert_uint_eq(second.count, 0);
    script_server_close(&first);
    script_server_close(&second);
    client_rig_close(&rig);
  }
}
END_TEST

START_TEST(unknown_name_ends_with_not_found) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open(&rig, 22);
  ck_assert_int_eq(rig_send(&rig, "coap://nobody.example/t", acoap_desc_get(), &outcome, NULL), 0);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_int_eq(outcome.status, ACOAP_ENOTFOUND);
  client_rig_close(&rig);
}
END_TEST

/* ---- loss ----------------------------------------------------------------------------------- */

START_TEST(requests_survive_a_lossy_network) {
  client_rig_t rig;
  outcome_t outcomes[40];
  acoap_sim_conditions_t conditions = {.size = sizeof(conditions),
                                       .loss_ppm = 250000,
                                       .duplicate_ppm = 100000,
                                       .delay_min_ms = 5,
                                       .delay_max_ms = 400};
  memset(outcomes, 0, sizeof(outcomes));
  client_rig_open_pair(&rig, 23);
  ck_assert_int_eq(acoap_sim_set_conditions(rig.sim, &conditions), 0);
  for (int i = 0; i < 40; i++) {
    acoap_params_t params;
    acoap_params_init(&params);
    params.max_retransmit = 10;
    acoap_desc_t *desc = acoap_desc_get();
    acoap_desc_params(desc, &params);
    ck_assert_int_eq(rig_send(&rig, "/t", desc, &outcomes[i], NULL), 0);
  }
  client_rig_run(&rig, 4000000);
  for (int i = 0; i < 40; i++) {
    ck_assert_uint_eq(outcomes[i].finals, 1);
    ck_assert_int_eq(outcomes[i].status, 0);
    ck_assert_str_eq((char *)outcomes[i].body, "hello");
  }
  ck_assert_uint_eq(rig.handled, 40);
  client_rig_close(&rig);
}
END_TEST

static Suite *send_suite(void) {
  Suite *suite = suite_create("flow/client_send");
  TCase *results = tcase_create("results");
  tcase_add_test(results, get_gives_the_response_from_the_loop);
  tcase_add_test(results, error_response_gives_a_status_and_the_message);
  tcase_add_test(results, separate_response_gives_one_final_callback);
  tcase_add_test(results, nonconfirmable_request_ends_exactly_once_too);
  tcase_add_test(results, silence_ends_with_a_timeout_after_all_retransmissions);
  tcase_add_test(results, reset_ends_at_once);
  tcase_add_test(results, icmp_error_ends_at_once);
  tcase_add_test(results, closing_the_endpoint_cancels_everything_from_the_loop);
  suite_add_tcase(suite, results);
  TCase *refusals = tcase_create("refusals");
  tcase_add_test(refusals, negative_return_means_that_nothing_happened);
  tcase_add_test(refusals, first_failure_sticks);
  tcase_add_test(refusals, null_descriptor_is_accepted_everywhere_and_is_no_memory);
  tcase_add_test(refusals, descriptor_that_is_never_sent_is_destroyed);
  tcase_add_test(refusals, destroy_callbacks_run_in_reverse_order);
  tcase_add_test(refusals, sending_on_a_closed_endpoint_is_refused);
  suite_add_tcase(suite, refusals);
  TCase *dropping = tcase_create("dropping");
  tcase_add_test(dropping, dropping_the_future_is_silent_but_for_the_destroy_callback);
  tcase_add_test(dropping, future_may_be_dropped_inside_its_own_callback);
  tcase_add_test(dropping, future_may_be_dropped_inside_a_layer);
  tcase_add_test(dropping, sending_inside_a_callback_works);
  tcase_add_test(dropping, endpoint_may_be_closed_inside_a_callback);
  tcase_add_test(dropping, message_may_be_kept_beyond_the_callback_and_the_endpoint);
  tcase_add_test(dropping, future_wait_runs_the_loop_until_it_settles);
  tcase_add_test(dropping, future_wait_answers_busy_inside_callbacks);
  suite_add_tcase(suite, dropping);
  TCase *addresses = tcase_create("addresses");
  tcase_add_test(addresses, addresses_are_tried_in_turn_until_one_is_heard);
  tcase_add_test(addresses, refusal_is_an_answer_and_no_reason_to_try_another_address);
  tcase_add_test(addresses, unknown_name_ends_with_not_found);
  suite_add_tcase(suite, addresses);
  TCase *loss = tcase_create("loss");
  tcase_add_test(loss, requests_survive_a_lossy_network);
  suite_add_tcase(suite, loss);
  return suite;
}

ACOAP_TEST_MAIN(send_suite)
