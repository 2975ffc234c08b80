/*
 * The table of transfers: what is found, which one goes when there is no room, whose memory it is,
 * and when it is forgotten. Requests of many addresses are kept open to make transfers for.
 * SPDX-License-Identifier: MIT
 */
#include "server/transfers.h"

#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "server_rig.h"

enum { HOSTS = 12 };

typedef struct table {
  server_rig_t rig;
  acoap_request_t *request;                /* the last one */
  acoap_request_t *requests[HOSTS];        /* of host 0, 1, ... */
  const acoap__serving_t *servings[HOSTS]; /* theirs */
  uint64_t keys;                           /* given out */
} table_t;

static void keep(void *user_data, acoap_request_t *request) {
  table_t *table = user_data;
  table->request = acoap_request_ref(request);
}

/* A request of host n, kept open. */
static void open_host(table_t *table, unsigned n) {
  char address[40];
  sim_peer_t peer;
  snprintf(address, sizeof(address), "198.51.100.%u:4000", n + 1);
  sim_peer_open(&peer, table->rig.sim, address);
  (void)server_rig_begin(&table->rig, ACOAP_NON, ACOAP_CODE_GET, "/r");
  sim_peer_send_bytes(&peer, &table->rig.address, table->rig.bytes,
                      (size_t)acoap_builder_finish(&table->rig.builder));
  server_rig_run(&table->rig, 1);
  sim_peer_close(&peer);
  ck_assert_ptr_nonnull(table->request);
  table->requests[n] = table->request;
  table->servings[n] = acoap__serving_of(table->request);
  table->request = NULL;
}

static acoap__transfers_t *transfers_of(const table_t *table) {
  return table->rig.server->transfers;
}

static void table_open(table_t *table, acoap_server_options_t options) {
  memset(table, 0, sizeof(*table));
  options.size = sizeof(options);
  options.amplification = ACOAP_AMPLIFICATION_OFF;
  server_rig_open(&table->rig, 3, &options);
  acoap_resource_on(acoap_resource_new(table->rig.server, "/r"), ACOAP_CODE_GET, keep, table);
  for (unsigned n = 0; n < HOSTS; n++) {
    open_host(table, n);
  }
}

static void table_close(table_t *table) {
  ck_assert_uint_eq(transfers_of(table)->bytes, server_rig_stats(&table->rig).transfers_bytes);
  for (unsigned n = 0; n < HOSTS; n++) {
    acoap_request_ignore(table->requests[n]);
    acoap_request_unref(table->requests[n]);
  }
  server_rig_close(&table->rig);
}

/* A key that is like no other. */
static acoap__key_t key_new(table_t *table) {
  table->keys++;
  return (acoap__key_t){table->keys * 0x9e3779b97f4a7c15u, table->keys};
}

static acoap__transfer_t *add(table_t *table, unsigned host) {
  acoap__key_t key = key_new(table);
  return acoap__transfer_new(table->servings[host], ACOAP__TRANSFER_OUT, &key, NULL);
}

/* With a body of so many bytes in memory. */
static acoap__transfer_t *add_body(table_t *table, unsigned host, size_t len) {
  static const uint8_t bytes[1 << 16] = {0};
  acoap__transfer_t *transfer = add(table, host);
  if (transfer == NULL) {
    return NULL;
  }
  acoap_body_t *body = acoap_body_copy(bytes, len);
  size_t cost = acoap__body_cost(body);
  if (!acoap__transfers_reserve(transfers_of(table), cost, transfer)) {
    acoap_body_unref(body);
    acoap__transfer_end(table->rig.server, transfer, 0);
    return NULL;
  }
  ck_assert(acoap__body_keep(body));
  acoap_body_unref(body);
  transfer->body = body;
  acoap__transfer_charge(transfers_of(table), transfer, cost);
  return transfer;
}

static bool there(const table_t *table, const acoap__key_t *key) {
  return acoap__transfer_find(table->rig.server, ACOAP__TRANSFER_OUT, key) != NULL;
}

static acoap_server_stats_t stats_of(const table_t *table) {
  return server_rig_stats(&table->rig);
}

/* ---- finding --------------------------------------------------------------------------------- */

START_TEST(a_transfer_is_found_by_direction_and_whole_key) {
  table_t table;
  table_open(&table, (acoap_server_options_t){0});
  acoap__key_t key = {7, 8};
  acoap__key_t near = {7, 9};
  acoap__key_t bare = {7, 10};
  acoap__transfer_t *transfer =
      acoap__transfer_new(table.servings[0], ACOAP__TRANSFER_OUT, &key, &bare);
  acoap_server_t *server = table.rig.server;
  ck_assert_ptr_eq(acoap__transfer_find(server, ACOAP__TRANSFER_OUT, &key), transfer);
  ck_assert_ptr_null(acoap__transfer_find(server, ACOAP__TRANSFER_IN, &key));
  ck_assert_ptr_null(acoap__transfer_find(server, ACOAP__TRANSFER_OUT, &near));
  ck_assert_ptr_eq(acoap__transfer_find_bare(server, &bare), transfer);
  ck_assert_ptr_null(acoap__transfer_find_bare(server, &key));
  /* The newest of the same bare key. */
  acoap__transfer_t *newer =
      acoap__transfer_new(table.servings[0], ACOAP__TRANSFER_OUT, &near, &bare);
  ck_assert_ptr_eq(acoap__transfer_find_bare(server, &bare), newer);
  acoap__transfer_end(server, newer, 0);
  ck_assert_ptr_eq(acoap__transfer_find_bare(server, &bare), transfer);
  acoap__transfer_end(server, transfer, 0);
  ck_assert_ptr_null(acoap__transfer_find_bare(server, &bare));
  acoap__transfer_end(server, NULL, 0);
  ck_assert_uint_eq(stats_of(&table).transfers, 0);
  table_close(&table);
}
END_TEST

/* ---- room ------------------------------------------------------------------------------------ */

START_TEST(the_address_that_holds_most_gives_up_its_oldest) {
  table_t table;
  table_open(&table, (acoap_server_options_t){.transfers_max = 10});
  acoap__key_t others[4], most[6];
  for (unsigned n = 0; n < 4; n++) {
    others[n] = add(&table, 1 + n)->key;
  }
  for (unsigned n = 0; n < 6; n++) {
    most[n] = add(&table, 0)->key;
  }
  ck_assert_uint_eq(stats_of(&table).transfers, 10);
  for (unsigned n = 0; n < 3; n++) {
    ck_assert_ptr_nonnull(add(&table, 6 + n));
    ck_assert(!there(&table, &most[n]));
    ck_assert(there(&table, &most[n + 1]));
  }
  for (unsigned n = 0; n < 4; n++) {
    ck_assert(there(&table, &others[n]));
  }
  ck_assert_uint_eq(stats_of(&table).transfers, 10);
  ck_assert_uint_eq(stats_of(&table).transfers_evicted, 3);
  table_close(&table);
}
END_TEST

START_TEST(finished_ones_go_first_and_are_no_loss) {
  table_t table;
  table_open(&table, (acoap_server_options_t){.transfers_max = 4});
  acoap__key_t keys[4];
  acoap__transfer_t *last = NULL;
  for (unsigned n = 0; n < 4; n++) {
    last = add(&table, n);
    keys[n] = last->key;
  }
  acoap__transfer_finish(table.rig.server, last);
  ck_assert_uint_eq(stats_of(&table).transfers, 3);
  ck_assert_ptr_nonnull(add(&table, 5));
  ck_assert(!there(&table, &keys[3]));
  ck_assert_uint_eq(stats_of(&table).transfers_evicted, 0);
  ck_assert_ptr_nonnull(add(&table, 6));
  ck_assert(!there(&table, &keys[0]));
  ck_assert_uint_eq(stats_of(&table).transfers_evicted, 1);
  table_close(&table);
}
END_TEST

START_TEST(begun_ones_go_before_those_that_went_on) {
  table_t table;
  table_open(&table, (acoap_server_options_t){.transfers_max = 6});
  acoap__key_t begun[3];
  for (unsigned n = 0; n < 3; n++) {
    /* One address holds most, but its transfers are in use. */
    acoap__transfer_follow(add(&table, 0), table.servings[0]);
  }
  for (unsigned n = 0; n < 3; n++) {
    begun[n] = add(&table, 1 + n)->key;
  }
  for (unsigned n = 0; n < 3; n++) {
    ck_assert_ptr_nonnull(add(&table, 4 + n));
    ck_assert(!there(&table, &begun[n]));
  }
  table_close(&table);
}
END_TEST

START_TEST(those_in_use_stay_until_they_rest) {
  table_t table;
  table_open(&table, (acoap_server_options_t){.transfers_max = 3});
  acoap__key_t keys[3];
  for (unsigned n = 0; n < 3; n++) {
    acoap__transfer_t *transfer = add(&table, n);
    acoap__transfer_follow(transfer, table.servings[n]);
    keys[n] = transfer->key;
    server_rig_run(&table.rig, 100);
  }
  ck_assert_ptr_null(add(&table, 5));
  /* ACK_TIMEOUT * ACK_RANDOM_FACTOR = 3 s after the first was used. */
  server_rig_run(&table.rig, 2699);
  ck_assert_ptr_null(add(&table, 5));
  server_rig_run(&table.rig, 1);
  ck_assert_ptr_nonnull(add(&table, 5));
  ck_assert(!there(&table, &keys[0]) && there(&table, &keys[1]) && there(&table, &keys[2]));
  table_close(&table);
}
END_TEST

START_TEST(one_address_has_its_own_bound) {
  table_t table;
  table_open(&table, (acoap_server_options_t){.transfers_per_peer = 3});
  acoap__key_t other = add(&table, 1)->key;
  acoap__key_t first = add(&table, 0)->key;
  for (unsigned n = 0; n < 20; n++) {
    ck_assert_ptr_nonnull(add(&table, 0));
    ck_assert_uint_le(stats_of(&table).transfers, 4);
  }
  ck_assert(there(&table, &other));
  ck_assert(!there(&table, &first));
  ck_assert_uint_eq(stats_of(&table).transfers_evicted, 18);
  table_close(&table);
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------------- */

START_TEST(memory_comes_from_the_address_that_takes_most) {
  table_t table;
  table_open(&table, (acoap_server_options_t){.bodies_max_bytes = 40000});
  acoap__key_t small[5];
  for (unsigned n = 0; n < 5; n++) {
    small[n] = add_body(&table, 1 + n, 1000)->key;
  }
  acoap__key_t large = add_body(&table, 0, 20000)->key;
  acoap__key_t larger = add_body(&table, 0, 10000)->key;
  ck_assert_ptr_nonnull(add_body(&table, 7, 8000));
  ck_assert(!there(&table, &large));
  ck_assert(there(&table, &larger));
  for (unsigned n = 0; n < 5; n++) {
    ck_assert(there(&table, &small[n]));
  }
  ck_assert_uint_le(stats_of(&table).transfers_bytes, 40000);
  /* What can never be is refused without anybody going for it. */
  uint64_t evicted = stats_of(&table).transfers_evicted;
  ck_assert_ptr_null(add_body(&table, 8, 40001));
  ck_assert_uint_eq(stats_of(&table).transfers_evicted, evicted);
  table_close(&table);
}
END_TEST

START_TEST(a_body_that_several_keep_counts_once) {
  table_t table;
  table_open(&table, (acoap_server_options_t){0});
  acoap__transfer_t *first = add_body(&table, 0, 5000);
  size_t bytes = transfers_of(&table)->bytes;
  acoap__transfer_t *second = add(&table, 1);
  ck_assert(!acoap__body_keep(first->body));
  second->body = first->body;
  acoap__transfer_charge(transfers_of(&table), second, acoap__body_cost(second->body));
  ck_assert_uint_eq(transfers_of(&table)->bytes, bytes);
  acoap__transfer_end(table.rig.server, first, 0);
  ck_assert_uint_eq(transfers_of(&table)->bytes, bytes);
  acoap__transfer_end(table.rig.server, second, 0);
  ck_assert_uint_eq(transfers_of(&table)->bytes, 0);
  table_close(&table);
}
END_TEST

/* ---- time ------------------------------------------------------------------------------------ */

START_TEST(each_is_forgotten_when_its_time_is_over) {
  table_t table;
  table_open(&table, (acoap_server_options_t){.transfer_timeout_ms = 200000});
  acoap__key_t old = add(&table, 0)->key;
  acoap__transfer_t *used = add(&table, 1);
  acoap__key_t used_key = used->key;
  acoap__transfer_t *done = add(&table, 2);
  acoap__key_t done_key = done->key;
  server_rig_run(&table.rig, 50000);
  acoap__transfer_follow(used, table.servings[1]);
  acoap__transfer_finish(table.rig.server, done);
  server_rig_run(&table.rig, 92999); /* MAX_TRANSMIT_WAIT */
  ck_assert(there(&table, &done_key));
  server_rig_run(&table.rig, 1);
  ck_assert(!there(&table, &done_key));
  ck_assert_uint_eq(stats_of(&table).transfers_expired, 0);
  server_rig_run(&table.rig, 56999);
  ck_assert(there(&table, &old));
  server_rig_run(&table.rig, 1);
  ck_assert(!there(&table, &old));
  ck_assert(there(&table, &used_key));
  server_rig_run(&table.rig, 50000);
  ck_assert(!there(&table, &used_key));
  ck_assert_uint_eq(stats_of(&table).transfers_expired, 2);
  /* And the table works on. */
  acoap__key_t again = add(&table, 3)->key;
  server_rig_run(&table.rig, 200001);
  ck_assert(!there(&table, &again));
  table_close(&table);
}
END_TEST

static Suite *server_transfers_suite(void) {
  Suite *suite = suite_create("server_transfers");
  TCase *room = tcase_create("room");
  tcase_add_test(room, a_transfer_is_found_by_direction_and_whole_key);
  tcase_add_test(room, the_address_that_holds_most_gives_up_its_oldest);
  tcase_add_test(room, finished_ones_go_first_and_are_no_loss);
  tcase_add_test(room, begun_ones_go_before_those_that_went_on);
  tcase_add_test(room, those_in_use_stay_until_they_rest);
  tcase_add_test(room, one_address_has_its_own_bound);
  suite_add_tcase(suite, room);
  TCase *memory = tcase_create("memory");
  tcase_add_test(memory, memory_comes_from_the_address_that_takes_most);
  tcase_add_test(memory, a_body_that_several_keep_counts_once);
  suite_add_tcase(suite, memory);
  TCase *times = tcase_create("times");
  tcase_add_test(times, each_is_forgotten_when_its_time_is_over);
  suite_add_tcase(suite, times);
  return suite;
}

ACOAP_TEST_MAIN(server_transfers_suite)
