/*
 * Notifications that take more than a block (RFC 7959 sections 2.6 and 3.4): the first block comes
 * as the notification, the client fetches the rest without Observe from the very same version;
 * observers have block sizes of their own; our own client puts it together.
 * SPDX-License-Identifier: MIT
 */
#include "check_main.h"
#include "observe_rig.h"

static void fill(observe_rig_t *rig, size_t len, char first) {
  for (size_t i = 0; i < len; i++) {
    rig->state[i] = (uint8_t)(first + (char)(i % 23));
  }
  rig->state_len = len;
}

/* GET /r, perhaps with Observe 0, in blocks of this size. */
static void ask(observe_rig_t *rig, sim_peer_t *peer, const char *token, int observe, uint32_t num,
                uint8_t szx) {
  acoap_block_t block = {.num = num, .more = false, .szx = szx};
  acoap_builder_t *builder = observe_rig_begin(rig, ACOAP_CON, token, "/r", observe);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  observe_rig_send(rig, peer);
}

/* A block of this state has come. */
static void expect_block(const sim_datagram_t *got, const uint8_t *state, size_t len, uint32_t num,
                         uint8_t szx) {
  acoap_block_t block;
  size_t size = acoap_block_size(szx);
  size_t offset = num * size;
  ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_BLOCK2, &block), 1);
  ck_assert_uint_eq(block.num, num);
  ck_assert_uint_eq(block.szx, szx);
  ck_assert_int_eq(block.more, offset + size < len);
  size_t rest = len - offset < size ? len - offset : size;
  ck_assert_uint_eq(got->view.payload.len, rest);
  ck_assert_mem_eq(got->view.payload.data, state + offset, rest);
}

static void copy_etag(const sim_datagram_t *got, uint8_t etag[8], size_t *len) {
  acoap_bytes_t value;
  ck_assert(acoap_view_option(&got->view, ACOAP_OPTION_ETAG, 0, &value));
  ck_assert_uint_le(value.len, 8);
  memcpy(etag, value.data, value.len);
  *len = value.len;
}

START_TEST(rfc7959_figure_12_observe_with_a_block_wise_notification) {
  acoap_observable_options_t options = {.size = sizeof(options), .reliability = ACOAP_UNRELIABLE};
  observe_rig_t rig;
  uint8_t etag[2][8];
  size_t etag_len[2];
  observe_rig_open(&rig, &options, NULL);
  fill(&rig, 300, 'a');
  /* GET with Observe 0 and 2:0/0/128; the rest follows without Observe, under other tokens. */
  ask(&rig, &rig.rig.peer, "\xfb", 0, 0, 3);
  const sim_datagram_t *got =
      observe_rig_expect(&rig, &rig.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT, "\xfb", NULL);
  ck_assert_int_ge(rig.number, 0);
  expect_block(got, rig.state, 300, 0, 3);
  copy_etag(got, etag[0], &etag_len[0]);
  for (uint32_t num = 1; num < 3; num++) {
    ask(&rig, &rig.rig.peer, "\xfc", -1, num, 3);
    got = observe_rig_expect(&rig, &rig.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT, "\xfc", NULL);
    ck_assert_int_eq(rig.number, -1);
    expect_block(got, rig.state, 300, num, 3);
  }
  ck_assert_uint_eq(acoap_resource_observers(rig.resource), 1);
  fill(&rig, 260, 'A');
  ck_assert_int_eq(acoap_resource_notify(rig.resource), 0);
  observe_rig_run(&rig, 1);
  got = observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "\xfb", NULL);
  ck_assert_int_ge(rig.number, 0);
  expect_block(got, rig.state, 260, 0, 3);
  copy_etag(got, etag[1], &etag_len[1]);
  ck_assert(etag_len[0] != etag_len[1] || memcmp(etag[0], etag[1], etag_len[0]) != 0);
  unsigned asked = rig.asked;
  for (uint32_t num = 1; num < 3; num++) {
    ask(&rig, &rig.rig.peer, "\xfd", -1, num, 3);
    got = observe_rig_expect(&rig, &rig.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT, "\xfd", NULL);
    ck_assert_int_eq(rig.number, -1);
    expect_block(got, rig.state, 260, num, 3);
    copy_etag(got, etag[0], &etag_len[0]);
    ck_assert_mem_eq(etag[0], etag[1], etag_len[1]);
  }
  ck_assert_uint_eq(rig.asked, asked); /* the same version: the handler need not be asked */
  observe_rig_close(&rig);
}
END_TEST

START_TEST(section_2_6_observers_with_different_block_sizes_share_a_version) {
  acoap_observable_options_t options = {.size = sizeof(options), .reliability = ACOAP_UNRELIABLE};
  static const uint8_t szx[2] = {0, 4};
  observe_rig_t rig;
  uint8_t told[100];
  observe_rig_open(&rig, &options, NULL);
  fill(&rig, 100, 'a');
  sim_peer_t *peers[2] = {&rig.rig.peer, &rig.other};
  for (unsigned i = 0; i < 2; i++) {
    ask(&rig, peers[i], "t", 0, 0, szx[i]);
    sim_peer_next(peers[i]);
  }
  fill(&rig, 100, 'A');
  memcpy(told, rig.state, sizeof(told));
  unsigned asked = rig.asked;
  ck_assert_int_eq(acoap_resource_notify(rig.resource), 0);
  observe_rig_run(&rig, 1);
  ck_assert_uint_eq(rig.asked, asked + 1);
  const sim_datagram_t *got =
      observe_rig_expect(&rig, &rig.rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT, "t", NULL);
  expect_block(got, told, 100, 0, 0);
  got = observe_rig_expect(&rig, &rig.other, ACOAP_NON, ACOAP_CODE_CONTENT, "t", (char *)NULL);
  expect_block(got, told, 100, 0, 4); /* whole, in the size that was asked for */
  /* The state goes on without anybody being told: the rest is of the version that was told of. */
  fill(&rig, 100, '0');
  for (uint32_t num = 1; num < 7; num++) {
    ask(&rig, &rig.rig.peer, "u", -1, num, 0);
    got = observe_rig_expect(&rig, &rig.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT, "u", NULL);
    expect_block(got, told, 100, num, 0);
  }
  ck_assert_uint_eq(rig.asked, asked + 1);
  observe_rig_close(&rig);
}
END_TEST

START_TEST(section_2_6_a_newer_notification_takes_the_place_of_an_unfinished_one) {
  observe_rig_t rig;
  observe_rig_open(&rig, NULL, NULL);
  fill(&rig, 100, 'a');
  ask(&rig, &rig.rig.peer, "t", 0, 0, 1);
  sim_peer_next(&rig.rig.peer);
  for (char first = 'A'; first < 'D'; first++) {
    fill(&rig, 100, first);
    ck_assert_int_eq(acoap_resource_notify(rig.resource), 0);
    observe_rig_run(&rig, 1);
    const sim_datagram_t *got =
        observe_rig_expect(&rig, &rig.rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT, "t", NULL);
    expect_block(got, rig.state, 100, 0, 1);
    observe_rig_acknowledge(&rig, &rig.rig.peer, got);
    ask(&rig, &rig.rig.peer, "u", -1, 1, 1);
    got = observe_rig_expect(&rig, &rig.rig.peer, ACOAP_ACK, ACOAP_CODE_CONTENT, "u", NULL);
    expect_block(got, rig.state, 100, 1, 1);
  }
  observe_rig_close(&rig);
}
END_TEST

/* ---- a body that is not there at once -------------------------------------------------------- */

typedef struct slow_body {
  acoap_body_t *body; /* that waits; borrowed */
  bool ready;
  unsigned released;
} slow_body_t;

static int read_slowly(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                       size_t cap) {
  slow_body_t *slow = user_data;
  if (!slow->ready) {
    slow->body = body;
    return ACOAP_EAGAIN;
  }
  size_t len = offset < 200 ? (size_t)(200 - offset) : 0;
  len = len < cap ? len : cap;
  memset(room, 's', len);
  return (int)len;
}

static void release_slow(void *user_data) {
  ((slow_body_t *)user_data)->released++;
}

static const acoap_body_ops_t slow_ops = {
    .size = sizeof(slow_ops), .read = read_slowly, .release = release_slow};

static void give_slowly(void *user_data, acoap_request_t *request) {
  acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE,
                             acoap_body_read(&slow_ops, 200, user_data));
}

START_TEST(a_body_that_is_read_later_is_notified_when_it_is_there) {
  observe_rig_t rig;
  slow_body_t slow = {.ready = true};
  uint8_t expected[200];
  memset(expected, 's', sizeof(expected));
  observe_rig_open(&rig, NULL, NULL);
  acoap_resource_t *resource = acoap_resource_new(rig.rig.server, "/slow");
  acoap_resource_on(resource, ACOAP_CODE_GET, give_slowly, &slow);
  acoap_resource_observable(resource, NULL);
  sim_peer_t *peers[2] = {&rig.rig.peer, &rig.other};
  for (unsigned i = 0; i < 2; i++) {
    acoap_block_t block = {.szx = (uint8_t)(2 + i)};
    acoap_builder_t *builder = observe_rig_begin(&rig, ACOAP_NON, "t", "/slow", 0);
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
    observe_rig_send(&rig, peers[i]);
    expect_block(sim_peer_next(peers[i]), expected, 200, 0, (uint8_t)(2 + i));
  }
  slow.ready = false;
  acoap_resource_notify(resource);
  observe_rig_run(&rig, 100);
  sim_peer_expect_silence(&rig.rig.peer);
  slow.ready = true;
  acoap_body_ready(slow.body);
  observe_rig_run(&rig, 100);
  for (unsigned i = 0; i < 2; i++) {
    const sim_datagram_t *got =
        observe_rig_expect(&rig, peers[i], ACOAP_NON, ACOAP_CODE_CONTENT, "t", NULL);
    ck_assert_int_ge(rig.number, 0);
    expect_block(got, expected, 200, 0, (uint8_t)(2 + i));
  }
  /* Whoever goes meanwhile is not waited for. */
  slow.ready = false;
  acoap_resource_notify(resource);
  observe_rig_run(&rig, 100);
  acoap_resource_remove(resource);
  observe_rig_run(&rig, 100);
  for (unsigned i = 0; i < 2; i++) {
    observe_rig_expect(&rig, peers[i], ACOAP_CON, ACOAP_CODE_NOT_FOUND, "t", NULL);
  }
  observe_rig_close(&rig);
  ck_assert_uint_gt(slow.released, 0);
}
END_TEST

/* ---- our own client -------------------------------------------------------------------------- */

typedef struct seen {
  unsigned items;
  size_t len;
  uint8_t bytes[OBSERVE_RIG_STATE];
} seen_t;

static void see(void *user_data, int status, acoap_message_t *message) {
  seen_t *seen = user_data;
  if (status >= 0 && message != NULL) {
    acoap_bytes_t payload = acoap_message_payload(message);
    seen->items++;
    seen->len = payload.len;
    memcpy(seen->bytes, payload.data, payload.len);
  }
}

START_TEST(our_client_joins_the_blocks_of_each_notification) {
  observe_rig_t rig;
  seen_t seen = {0};
  observe_rig_open(&rig, NULL, NULL);
  fill(&rig, 3000, 'a');
  acoap_local_endpoint_t *endpoint = sim_endpoint_new(rig.rig.sim, "192.0.2.4:40000", NULL);
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_new(endpoint, "coap://192.0.2.1/r", &remote), 0);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_stream_t *stream = NULL;
  acoap_desc_observe(desc, NULL);
  acoap_desc_block2(desc, 256);
  acoap_desc_collect(desc, OBSERVE_RIG_STATE);
  ck_assert_int_eq(acoap_send_stream(remote, desc, see, &seen, &stream), 0);
  observe_rig_run(&rig, 100);
  for (unsigned i = 1; i <= 5; i++) {
    ck_assert_uint_eq(seen.items, i);
    ck_assert_uint_eq(seen.len, rig.state_len);
    ck_assert_mem_eq(seen.bytes, rig.state, seen.len);
    fill(&rig, 3000 - 500 * i, (char)('a' + i));
    acoap_resource_notify(rig.resource);
    observe_rig_run(&rig, 100);
  }
  acoap_stream_unref(stream);
  observe_rig_run(&rig, 100);
  ck_assert_uint_eq(acoap_resource_observers(rig.resource), 0); /* its farewell */
  acoap_remote_endpoint_unref(remote);
  unsigned closed = 0;
  acoap_local_endpoint_close(endpoint, NULL, &closed);
  observe_rig_run(&rig, 100);
  observe_rig_close(&rig);
}
END_TEST

static Suite *server_observe_block_suite(void) {
  Suite *suite = suite_create("server_observe_block");
  TCase *blocks = tcase_create("blocks");
  tcase_add_test(blocks, rfc7959_figure_12_observe_with_a_block_wise_notification);
  tcase_add_test(blocks, section_2_6_observers_with_different_block_sizes_share_a_version);
  tcase_add_test(blocks, section_2_6_a_newer_notification_takes_the_place_of_an_unfinished_one);
  tcase_add_test(blocks, a_body_that_is_read_later_is_notified_when_it_is_there);
  tcase_add_test(blocks, our_client_joins_the_blocks_of_each_notification);
  suite_add_tcase(suite, blocks);
  return suite;
}

ACOAP_TEST_MAIN(server_observe_block_suite)
