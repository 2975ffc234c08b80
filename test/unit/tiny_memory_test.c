/*
 * The memory of the heapless endpoint: the macro is what the endpoint counts, misuse is refused.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "exchange/dedup.h"
#include "exchange/peer.h"
#include "support/check_main.h"
#include "support/poll_rig.h"
#include "tiny/tiny.h"

#define ROW(requests, responses, in, peers, reply, message, groups)                                \
  {                                                                                                \
    {requests, responses, in,   peers, reply, message, groups,                                     \
     NULL,     NULL,      NULL, NULL,  NULL,  NULL,    acoap_tiny_waiting},                        \
        ACOAP_TINY_MEMORY(requests, responses, in, peers, reply, message, groups)                  \
  }

START_TEST(macro_is_what_the_endpoint_counts) {
  static const struct {
    acoap_tiny_config_t config;
    size_t bytes;
  } rows[] = {ROW(0, 0, 2, 1, 1, 16, 0),          ROW(0, 1, 4, 1, 160, 128, 0),
              ROW(0, 1, 6, 3, 160, 128, 1),       ROW(0, 2, 4, 1, 160, 128, 0),
              ROW(2, 3, 16, 4, 1024, 256, 1),     ROW(1, 0, 5, 3, 77, 100, 0),
              ROW(127, 127, 200, 99, 9, 1280, 1), ROW(3, 2, 17, 5, 333, 64, 1)};

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ck_assert_uint_eq(acoap_tiny_memory(&rows[i].config), rows[i].bytes);
  }
}
END_TEST

/* Of the parts: exact where pointers have 64 bits, as the build for devices shows for 32. */
START_TEST(parts_are_what_they_say) {
  ck_assert_uint_eq(sizeof(acoap_tiny_t), ACOAP_TINY_ENDPOINT_BYTES);
  ck_assert_uint_eq(sizeof(acoap__peer_table_t), ACOAP_TINY_TABLES_BYTES);
  ck_assert_uint_eq(sizeof(acoap__peer_t), ACOAP_TINY_PEER_BYTES);
  ck_assert_uint_eq(sizeof(acoap__peer_queue_t), ACOAP_TINY_QUEUE_BYTES);
  ck_assert_uint_eq(sizeof(acoap__tokens_t), ACOAP_TINY_TOKENS_BYTES);
  ck_assert_uint_eq(sizeof(acoap__dedup_t), ACOAP_TINY_DEDUP_BYTES);
  ck_assert_uint_eq(sizeof(acoap__dedup_entry_t), ACOAP_TINY_ENTRY_BYTES);
  ck_assert_uint_eq(sizeof(acoap__tiny_request_t), ACOAP_TINY_REQUEST_BYTES);
  ck_assert_uint_eq(sizeof(acoap__tiny_response_t), ACOAP_TINY_RESPONSE_BYTES);
}
END_TEST

START_TEST(nothing_beyond_the_memory_is_written) {
  poll_rig_t rig;
  poll_rig_init(&rig, NULL);
  size_t len = acoap_tiny_memory(&rig.config);
  uint8_t *memory = malloc(len + 64);
  acoap_tiny_t *tiny = NULL;

  ck_assert_ptr_nonnull(memory);
  memset(memory, 0xa5, len + 64);
  ck_assert_int_eq(acoap_tiny_init(memory, len - 1, &rig.config, &tiny), ACOAP_EINVAL);
  ck_assert_ptr_null(tiny);
  ck_assert_int_eq(acoap_tiny_init(memory, len, &rig.config, &tiny), 0);
  for (size_t i = len; i < len + 64; i++) {
    ck_assert_uint_eq(memory[i], 0xa5);
  }
  free(memory);
}
END_TEST

START_TEST(misuse_is_einval) {
  static _Alignas(max_align_t) uint8_t memory[20000];
  acoap_tiny_t *tiny;
  poll_rig_t rig;
  acoap_tiny_event_t event;
  acoap_address_t peer = poll_peer(1);

  poll_rig_init(&rig, NULL);
  acoap_tiny_config_t good = rig.config;
  acoap_tiny_config_t bad[9];
  for (size_t i = 0; i < 9; i++) {
    bad[i] = good;
  }
  bad[0].requests = 128;
  bad[1].responses = 128;
  bad[2].exchanges_in = 1;
  bad[3].peers = 0;
  bad[4].message_bytes = 15;
  bad[5].send = NULL;
  bad[6].entropy = NULL;
  bad[7].serve = acoap_tiny_serve; /* without a table */
  bad[8].waiting = NULL;
  for (size_t i = 0; i < 9; i++) {
    ck_assert_int_eq(acoap_tiny_init(memory, sizeof(memory), &bad[i], &tiny), ACOAP_EINVAL);
  }
  /* With a single response on its way nothing waits. */
  bad[8].requests = 0;
  bad[8].responses = 1;
  ck_assert_int_eq(acoap_tiny_init(memory, sizeof(memory), &bad[8], &tiny), 0);
  ck_assert_int_eq(acoap_tiny_init(memory + 1, sizeof(memory) - 1, &good, &tiny), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_init(NULL, 0, &good, &tiny), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_init(memory, sizeof(memory), &good, &tiny), 0);
  ck_assert_uint_eq(acoap_tiny_memory(NULL), 0);
  ck_assert(!acoap_tiny_poll(NULL, 0, &event));
  ck_assert(!acoap_tiny_poll(tiny, 0, NULL));
  ck_assert(acoap_tiny_next_wake(NULL) == ACOAP_TIME_NEVER);
  ck_assert_int_eq(acoap_tiny_receive(tiny, 0, NULL, "x", 1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_receive(tiny, 0, &peer, NULL, 1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_receive(tiny, 0, &peer, "x", 1), 0);
  ck_assert_int_eq(acoap_tiny_receive(tiny, 0, &peer, "x", 1), ACOAP_EBUSY);
  ck_assert(acoap_tiny_next_wake(tiny) == 0);
  ck_assert(acoap_tiny_poll(tiny, 0, &event));
  ck_assert_int_eq(event.kind, ACOAP_TINY_MALFORMED);
  ck_assert_int_eq(acoap_tiny_ping(tiny, 0, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_request_begin(tiny, ACOAP_CODE_CONTENT, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_tiny_acknowledge(tiny, 0, NULL), ACOAP_EINVAL);
  acoap_tiny_request_cancel(tiny, 0, 77);
  acoap_tiny_request_cancel(tiny, 0, -1);
}
END_TEST

/* The stateless server: one in, at most one out. */
START_TEST(stateless_answers) {
  static const acoap_tiny_resource_t rows[] = {ACOAP_TINY_WELL_KNOWN(acoap_tiny_well_known), {0}};
  static const struct {
    const char *in;
    size_t len;
    bool multicast;
    int out; /* bytes */
    uint8_t first, code;
  } cases[] = {
      {"\x40\x01\x12\x34\xb1x", 6, false, 4, 0x60, ACOAP_CODE_NOT_FOUND},
      {"\x41\x01\x12\x34t\xb1x", 7, false, 5, 0x61, ACOAP_CODE_NOT_FOUND},
      {"\x50\x01\x12\x34\xb1x", 6, false, 4, 0x50, ACOAP_CODE_NOT_FOUND},
      {"\x50\x01\x12\x34\xb1x", 6, true, 0, 0, 0},
      {"\x40\x00\x12\x34", 4, false, 4, 0x70, 0},     /* ping */
      {"\x40\x00\x12\x34", 4, true, 0, 0, 0},         /* not to a group */
      {"\x50\x00\x12\x34", 4, false, 0, 0, 0},        /* Empty NON */
      {"\x40\x45\x12\x34", 4, false, 4, 0x70, 0},     /* a response nobody waits for */
      {"\x60\x45\x12\x34", 4, false, 0, 0, 0},        /* an ACK */
      {"\x40\x01\x12\x34\xff", 5, false, 4, 0x70, 0}, /* malformed */
      {"\x50\x01\x12\x34\xff", 5, false, 0, 0, 0},
      {"\x80\x01\x12\x34", 4, false, 0, 0, 0}, /* another version */
      {"\x40\x01\x12", 3, false, 0, 0, 0},
      {"\x40\xe1\x12\x34", 4, false, 4, 0x70, 0}, /* reserved class */
  };
  acoap_tiny_stateless_t server = {.resources = rows, .serve = acoap_tiny_serve, .message_id = 7};
  acoap_address_t peer = poll_peer(1);
  uint8_t out[64];

  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    int len = acoap_tiny_stateless_answer(&server, 0, &peer, cases[i].multicast, cases[i].in,
                                          cases[i].len, out, sizeof(out));
    ck_assert_msg(len == cases[i].out, "%zu: %d", i, len);
    if (len > 0) {
      ck_assert_uint_eq(out[0], cases[i].first);
      ck_assert_uint_eq(out[1], cases[i].code);
      if (out[0] != 0x50) {
        ck_assert(out[2] == 0x12 && out[3] == 0x34);
      }
    }
  }
  ck_assert_uint_eq(server.message_id, 8);
  ck_assert_int_eq(acoap_tiny_stateless_answer(&server, 0, &peer, false, "x", 1, out, 15),
                   ACOAP_EINVAL);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("tiny/memory");
  TCase *tcase = tcase_create("memory");

  tcase_add_test(tcase, macro_is_what_the_endpoint_counts);
  tcase_add_test(tcase, parts_are_what_they_say);
  tcase_add_test(tcase, nothing_beyond_the_memory_is_written);
  tcase_add_test(tcase, misuse_is_einval);
  tcase_add_test(tcase, stateless_answers);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
