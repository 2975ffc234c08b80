/*
 * Messages: made of the datagram in hand, sharing its buffer, kept beyond endpoint and socket; what
 * can be read from one.
 * SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "check_main.h"
#include "sim_pair.h"

static acoap_message_t *kept;

static void keep_message(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_message_unref(kept);
  kept = acoap_message_ref(acoap_request_message(request));
  acoap_request_ignore(request);
}

static void receive_one(sim_pair_t *pair, sim_ask_t *ask) {
  kept = NULL;
  sim_pair_open(pair, 1, NULL);
  acoap_local_endpoint_receive(pair->server, keep_message, NULL);
  sim_ask_init(ask, pair->client, ACOAP_CODE_POST);
  acoap_builder_uint(&ask->builder, ACOAP_OPTION_CONTENT_FORMAT, ACOAP_FORMAT_JSON);
  acoap_builder_uint(&ask->builder, ACOAP_OPTION_MAX_AGE, 7);
  acoap_builder_payload(&ask->builder, "{}", 2);
  ck_assert_int_eq(sim_ask_send(ask, &pair->server_address, ACOAP_NON), 0);
  sim_pair_run(pair, 10);
  ck_assert_ptr_nonnull(kept);
}

static void expect_whole(const acoap_message_t *message) {
  acoap_bytes_t payload = acoap_message_payload(message);
  ck_assert_uint_eq(acoap_message_code(message), ACOAP_CODE_POST);
  ck_assert_uint_eq(payload.len, 2);
  ck_assert_mem_eq(payload.data, "{}", 2);
  ck_assert_int_eq(acoap_message_content_format(message), ACOAP_FORMAT_JSON);
  ck_assert_uint_eq(acoap_message_max_age_s(message), 7);
  acoap_address_t client = sim_address(SIM_CLIENT);
  acoap_address_t server = sim_address(SIM_SERVER);
  ck_assert(acoap_address_equal(acoap_message_peer(message), &client));
  ck_assert(acoap_address_equal(&acoap_message_path(message)->local, &server));
  ck_assert(!acoap_message_path(message)->multicast);
}

START_TEST(message_outlives_endpoint_and_network) {
  sim_pair_t pair;
  sim_ask_t ask;
  receive_one(&pair, &ask);
  expect_whole(kept);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
  expect_whole(kept);
  ck_assert_ptr_eq(acoap_message_ref(kept), kept);
  ck_assert_ptr_null(acoap_message_unref(kept));
  expect_whole(kept);
  kept = acoap_message_unref(kept);
}
END_TEST

START_TEST(object_of_one_message_serves_the_next) {
  sim_pair_t pair;
  sim_ask_t ask;
  receive_one(&pair, &ask);
  acoap_message_t *first = kept;
  kept = acoap_message_unref(kept);
  sim_ask_done(&ask);
  sim_ask_init(&ask, pair.client, ACOAP_CODE_GET);
  ck_assert_int_eq(sim_ask_send(&ask, &pair.server_address, ACOAP_CON), 0);
  sim_pair_run(&pair, 10);
  ck_assert_ptr_eq(kept, first);
  ck_assert_uint_eq(acoap_message_code(kept), ACOAP_CODE_GET);
  ck_assert_uint_eq(acoap_message_payload(kept).len, 0);
  ck_assert_ptr_nonnull(acoap_message_payload(kept).data);
  ck_assert_int_eq(acoap_message_content_format(kept), ACOAP_FORMAT_NONE);
  ck_assert_uint_eq(acoap_message_max_age_s(kept), 60);
  kept = acoap_message_unref(kept);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(payload_may_be_replaced_and_the_rest_is_shared) {
  sim_pair_t pair;
  sim_ask_t ask;
  receive_one(&pair, &ask);
  uint8_t *body = acoap__malloc(5);
  memcpy(body, "whole", 5);
  acoap__message_set_timing(kept, 12, 3);
  acoap_message_t *joined = acoap__message_with_payload(kept, body, 5);
  kept = acoap_message_unref(kept);
  ck_assert_uint_eq(acoap_message_payload(joined).len, 5);
  ck_assert_mem_eq(acoap_message_payload(joined).data, "whole", 5);
  ck_assert_int_eq(acoap_message_content_format(joined), ACOAP_FORMAT_JSON);
  ck_assert_uint_eq(acoap_message_elapsed_ms(joined), 12);
  ck_assert_uint_eq(acoap_message_retransmissions(joined), 3);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
  ck_assert_mem_eq(acoap_message_payload(joined).data, "whole", 5);
  acoap_message_unref(joined);
}
END_TEST

static acoap_message_t *second;

static void take_again(void *user_data, acoap_request_t *request) {
  sim_pair_t *pair = user_data;
  acoap_message_t *message = acoap_request_message(request);
  second =
      acoap__message_take(pair->server, acoap_message_path(message), acoap_message_view(message));
  keep_message(NULL, request);
}

START_TEST(taken_twice_of_one_datagram_is_one_message_and_none_outside) {
  sim_pair_t pair;
  sim_ask_t ask;
  receive_one(&pair, &ask);
  acoap_path_t path = *acoap_message_path(kept);
  acoap_view_t view = *acoap_message_view(kept);
  ck_assert_ptr_null(acoap__message_take(pair.server, &path, &view));
  sim_ask_done(&ask);
  acoap_local_endpoint_receive(pair.server, take_again, &pair);
  sim_pair_get(&pair, &ask, ACOAP_CON);
  sim_pair_run(&pair, 10);
  ck_assert_ptr_nonnull(second);
  ck_assert_ptr_eq(second, kept);
  second = acoap_message_unref(second);
  kept = acoap_message_unref(kept);
  sim_ask_done(&ask);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(null_is_fine) {
  ck_assert_ptr_null(acoap_message_ref(NULL));
  ck_assert_ptr_null(acoap_message_unref(NULL));
  ck_assert_ptr_null(acoap_message_view(NULL));
  ck_assert_ptr_null(acoap_message_path(NULL));
  ck_assert_ptr_null(acoap_message_peer(NULL));
  ck_assert_uint_eq(acoap_message_code(NULL), 0);
  ck_assert_ptr_nonnull(acoap_message_payload(NULL).data);
  ck_assert_int_eq(acoap_message_content_format(NULL), ACOAP_FORMAT_NONE);
  ck_assert_uint_eq(acoap_message_max_age_s(NULL), 60);
  ck_assert_uint_eq(acoap_message_elapsed_ms(NULL), 0);
  ck_assert_uint_eq(acoap_message_retransmissions(NULL), 0);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("endpoint_message");
  TCase *c = tcase_create("message");
  tcase_add_test(c, message_outlives_endpoint_and_network);
  tcase_add_test(c, object_of_one_message_serves_the_next);
  tcase_add_test(c, payload_may_be_replaced_and_the_rest_is_shared);
  tcase_add_test(c, taken_twice_of_one_datagram_is_one_message_and_none_outside);
  tcase_add_test(c, null_is_fine);
  suite_add_tcase(s, c);
  return s;
}

ACOAP_TEST_MAIN(suite)
