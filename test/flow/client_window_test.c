/*
 * Block-wise transfers with several requests in flight: order, loss, a change of the ETag, an end
 * that nobody announced, smaller blocks, pause and drop, servers that answer in order only; and how
 * much faster it is where round trips are long.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "client_rig.h"
#include "script_server.h"

enum { BODY_MAX = 300000, DELAY = 100, RTT = 2 * DELAY };

/* A server of one body, and what it thinks of requests. */
typedef struct scene {
  client_rig_t rig;
  script_server_t server;
  outcome_t outcome;
  size_t len;             /* of the body */
  uint8_t szx;            /* its block size, or less when asked */
  unsigned change_at;     /* the request from which on the ETag is another; 0: never */
  unsigned change_again;  /* likewise, a third one */
  unsigned smaller_at;    /* the request from which on it gives blocks of 16 bytes */
  unsigned challenge_at;  /* the request that is asked for Echo, and all until that is there */
  bool in_order;          /* refuses all but the next block */
  bool takes_any;         /* an upload: joins blocks in any order */
  uint32_t expected;      /* the next block, then */
  uint32_t largest;       /* number of a block asked for */
  unsigned errors;        /* answers that were errors */
  uint64_t written;       /* bytes that the client's writer took */
  unsigned starts;        /* how often at offset 0 */
  uint8_t body[BODY_MAX]; /* what is there, or what came */
} scene_t;

static uint8_t byte_of(uint64_t n) {
  return (uint8_t)(n * 7 + (n >> 8) * 13 + (n >> 16) * 29);
}

/*
 * Bytes from `offset` on are those of the body. One check for all of them: Check notes the place of
 * each in a file, and a test here compares megabytes.
 */
static void check_bytes(const uint8_t *bytes, size_t len, uint64_t offset) {
  size_t same = 0;
  while (same < len && bytes[same] == byte_of(offset + same)) {
    same++;
  }
  ck_assert_uint_eq(same, len);
}

static void fail_with(scene_t *scene, uint8_t code) {
  scene->errors++;
  script_server_begin(&scene->server, code);
  script_server_send(&scene->server);
}

static bool challenged(scene_t *scene, const acoap_view_t *view) {
  acoap_bytes_t echo;
  if (scene->challenge_at == 0 || scene->server.requests < scene->challenge_at ||
      acoap_view_option(view, ACOAP_OPTION_ECHO, 0, &echo)) {
    return false;
  }
  scene->errors++;
  acoap_builder_option(script_server_begin(&scene->server, ACOAP_CODE_UNAUTHORIZED),
                       ACOAP_OPTION_ECHO, "fresh", 5);
  script_server_send(&scene->server);
  return true;
}

static void serve_get(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  if (!acoap_code_is_request(view->code) || challenged(scene, view)) {
    return;
  }
  unsigned count = server->requests;
  const char *etag = "one";
  if (scene->change_at != 0 && count >= scene->change_at) {
    etag = scene->change_again != 0 && count >= scene->change_again ? "three" : "two";
  }
  acoap_block_t block = script_server_asked(view, scene->szx);
  scene->largest = block.num > scene->largest ? block.num : scene->largest;
  if (block.num * acoap_block_size(block.szx) >= scene->len) {
    fail_with(scene, ACOAP_CODE_BAD_OPTION);
    return;
  }
  if (scene->in_order && block.num > scene->expected) {
    fail_with(scene, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
    return;
  }
  scene->expected = block.num + 1;
  if (scene->smaller_at != 0 && count >= scene->smaller_at) {
    block = script_server_asked(view, 0);
  }
  script_server_block2(server, ACOAP_CODE_CONTENT, block.num, block.szx, scene->body, scene->len,
                       etag);
}

static void serve_put(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_block_t block = {0, false, 6};
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  ck_assert_int_eq(acoap_view_block(view, ACOAP_OPTION_BLOCK1, &block), 1);
  if (!scene->takes_any && block.num != scene->expected) {
    fail_with(scene, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
    return;
  }
  size_t offset = block.num * acoap_block_size(block.szx);
  ck_assert_uint_le(offset + view->payload.len, BODY_MAX);
  memcpy(scene->body + offset, view->payload.data, view->payload.len);
  scene->expected = block.num + 1;
  scene->largest = block.num > scene->largest ? block.num : scene->largest;
  if (!block.more) {
    ck_assert_uint_eq(block.num, scene->largest);
    scene->len = offset + view->payload.len;
  }
  uint8_t code = block.more ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CHANGED;
  acoap_builder_block(script_server_begin(server, code), ACOAP_OPTION_BLOCK1, &block);
  script_server_send(server);
}

/* ---- scenes ---------------------------------------------------------------------------------- */

static void set_network(scene_t *scene, uint32_t delay_max_ms, uint32_t loss_ppm) {
  acoap_sim_conditions_t conditions = {.size = sizeof(conditions)};
  conditions.delay_min_ms = DELAY;
  conditions.delay_max_ms = delay_max_ms;
  conditions.loss_ppm = loss_ppm;
  ck_assert_int_eq(acoap_sim_set_conditions(scene->rig.sim, &conditions), 0);
}

static scene_t *scene_open(uint64_t seed, script_server_cb serve, size_t len) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  client_rig_open(&scene->rig, seed);
  scene->szx = 2;
  scene->len = len;
  for (size_t i = 0; i < len; i++) {
    scene->body[i] = byte_of(i);
  }
  script_server_open(&scene->server, scene->rig.sim, RIG_SERVER, serve, scene);
  scene->server.silent_trace = true;
  set_network(scene, DELAY, 0);
  return scene;
}

static void scene_close(scene_t *scene) {
  script_server_close(&scene->server);
  client_rig_close(&scene->rig);
  free(scene);
}

static int write_piece(void *user_data, uint64_t offset, const uint8_t *bytes, size_t len,
                       int64_t total) {
  scene_t *scene = user_data;
  (void)total;
  if (offset == 0) {
    scene->starts++;
    scene->written = 0;
  }
  ck_assert_uint_eq(offset, scene->written);
  check_bytes(bytes, len, offset);
  scene->written += len;
  return 0;
}

static acoap_desc_t *get_body(scene_t *scene, size_t window) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 0);
  acoap_desc_block2_window(desc, window);
  acoap_desc_block_writer(desc, write_piece, scene);
  return desc;
}

/* Send it and run until it is over; how long it took. */
static acoap_time_t scene_send(scene_t *scene, acoap_desc_t *desc) {
  acoap_time_t begun = acoap_sim_now(scene->rig.sim);
  ck_assert_int_eq(rig_send(&scene->rig, "/b", desc, &scene->outcome, NULL), 0);
  for (int i = 0; i < 4000 && scene->outcome.finals == 0; i++) {
    client_rig_run(&scene->rig, 1000);
  }
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_uint_eq(scene->outcome.destroyed, 1);
  return scene->outcome.at - begun;
}

static acoap_time_t fetch(scene_t *scene, size_t window) {
  acoap_time_t took = scene_send(scene, get_body(scene, window));
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->written, scene->len);
  return took;
}

/* ---- Block2 ---------------------------------------------------------------------------------- */

START_TEST(window_divides_the_round_trips) {
  static const struct {
    size_t window;
    unsigned round_trips;
  } rows[] = {{1, 25}, {2, 13}, {4, 7}, {8, 4}, {24, 2}, {128, 2}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    scene_t *scene = scene_open(1, serve_get, 25 * 64);
    ck_assert_int_eq(fetch(scene, rows[i].window), rows[i].round_trips * RTT);
    scene_close(scene);
  }
}
END_TEST

START_TEST(blocks_are_handed_on_in_order_whatever_order_they_come_in) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    scene_t *scene = scene_open(seed, serve_get, 200 * 64 + 5);
    set_network(scene, 5 * DELAY, 0);
    fetch(scene, 8);
    ck_assert_uint_eq(scene->starts, 1);
    scene_close(scene);
  }
}
END_TEST

START_TEST(collect_joins_what_a_window_brings) {
  scene_t *scene = scene_open(1, serve_get, 4000);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2_window(desc, 5);
  acoap_desc_collect(desc, RIG_BODY);
  scene_send(scene, desc);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->outcome.len, 4000);
  ck_assert_mem_eq(scene->outcome.body, scene->body, 4000);
  scene_close(scene);
}
END_TEST

START_TEST(end_that_nobody_announced_is_found) {
  for (size_t blocks = 1; blocks <= 20; blocks++) {
    scene_t *scene = scene_open(1, serve_get, blocks * 64 - 3);
    fetch(scene, 8);
    ck_assert_uint_le(scene->errors, 7); /* what was asked for beyond the end, once */
    client_rig_run(&scene->rig, 10 * RTT);
    ck_assert_uint_le(scene->server.requests, blocks + 7);
    scene_close(scene);
  }
}
END_TEST

/* Loses the n-th datagram. */
static bool lose_nth(void *user_data, acoap_time_t now, const acoap_path_t *path,
                     const acoap_address_t *from, acoap_bytes_t bytes) {
  unsigned *left = user_data;
  (void)now;
  (void)path;
  (void)from;
  (void)bytes;
  return *left == 0 || --*left > 0;
}

START_TEST(lost_block_is_asked_for_again_when_later_ones_have_come) {
  for (unsigned nth = 3; nth <= 40; nth++) {
    unsigned left = nth;
    scene_t *scene = scene_open(1, serve_get, 30 * 64);
    acoap_sim_set_filter(scene->rig.sim, lose_nth, &left);
    acoap_time_t took = fetch(scene, 8);
    ck_assert_uint_eq(left, 0);
    ck_assert_int_lt(took, 2000); /* no ACK_TIMEOUT: 5 round trips, and what the loss cost */
    ck_assert_uint_le(scene->server.requests, 31 + 7); /* and beyond the end */
    acoap_sim_set_filter(scene->rig.sim, NULL, NULL);
    scene_close(scene);
  }
}
END_TEST

START_TEST(last_block_that_is_lost_is_retransmitted) {
  unsigned left = 2 * 5 - 1; /* the request for the fifth of five */
  scene_t *scene = scene_open(1, serve_get, 5 * 64);
  scene->szx = 2;
  acoap_sim_set_filter(scene->rig.sim, lose_nth, &left);
  acoap_time_t took = fetch(scene, 2);
  ck_assert_uint_eq(left, 0);
  ck_assert_int_ge(took, 2000);
  ck_assert_int_le(took, 3000 + 4 * RTT);
  acoap_sim_set_filter(scene->rig.sim, NULL, NULL);
  scene_close(scene);
}
END_TEST

START_TEST(server_that_falls_silent_ends_the_transfer_once) {
  scene_t *scene = scene_open(1, serve_get, 100 * 64);
  acoap_desc_t *desc = get_body(scene, 8);
  ck_assert_int_eq(rig_send(&scene->rig, "/b", desc, &scene->outcome, NULL), 0);
  client_rig_run(&scene->rig, 2 * RTT);
  scene->server.on_message = NULL;
  client_rig_run(&scene->rig, 200000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETIMEDOUT);
  scene_close(scene);
}
END_TEST

START_TEST(changed_etag_starts_again_once) {
  scene_t *scene = scene_open(1, serve_get, 40 * 64);
  scene->change_at = 15;
  fetch(scene, 6);
  ck_assert_uint_eq(scene->starts, 2);
  scene_close(scene);
  scene = scene_open(1, serve_get, 40 * 64);
  scene->change_at = 15;
  scene->change_again = 30;
  scene_send(scene, get_body(scene, 6));
  ck_assert_int_eq(scene->outcome.status, ACOAP_ECHANGED);
  scene_close(scene);
}
END_TEST

START_TEST(server_may_choose_smaller_blocks_in_the_middle) {
  for (unsigned at = 1; at <= 12; at++) {
    scene_t *scene = scene_open(1, serve_get, 20 * 64 + 7);
    scene->smaller_at = at;
    fetch(scene, 5);
    ck_assert_uint_eq(scene->starts, 1);
    scene_close(scene);
  }
}
END_TEST

START_TEST(server_that_answers_in_order_only_is_asked_one_by_one) {
  scene_t *scene = scene_open(4, serve_get, 50 * 64);
  scene->in_order = true;
  set_network(scene, 3 * DELAY, 0);
  fetch(scene, 8);
  ck_assert_uint_ge(scene->errors, 1);
  ck_assert_uint_le(scene->errors, 8);
  scene_close(scene);
}
END_TEST

START_TEST(error_of_the_block_whose_turn_it_is_ends_the_transfer) {
  scene_t *scene = scene_open(1, serve_get, 20 * 64);
  ck_assert_int_eq(rig_send(&scene->rig, "/b", get_body(scene, 4), &scene->outcome, NULL), 0);
  client_rig_run(&scene->rig, RTT + DELAY / 2);
  scene->len = 3 * 64; /* it is gone: further blocks are 4.02 */
  client_rig_run(&scene->rig, 100 * RTT);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, scene->written == 3 * 64 ? 0 : ACOAP_ECLIENTERROR);
  scene_close(scene);
}
END_TEST

START_TEST(challenge_in_the_middle_is_answered) {
  scene_t *scene = scene_open(1, serve_get, 40 * 64);
  scene->challenge_at = 10;
  fetch(scene, 8);
  ck_assert_uint_ge(scene->errors, 2);
  ck_assert_uint_eq(scene->starts, 1);
  scene_close(scene);
}
END_TEST

/* Blocks pass in order. */
static void check_order(void *user_data, const acoap_progress_t *progress,
                        acoap_message_t *message) {
  scene_t *scene = user_data;
  scene->written += acoap_message_payload(message).len;
  ck_assert_uint_eq(progress->bytes, scene->written);
}

START_TEST(paused_stream_asks_for_nothing_and_goes_on_in_order) {
  acoap_stream_t *stream = NULL;
  scene_t *scene = scene_open(1, serve_get, 60 * 64);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2_window(desc, 4);
  acoap_desc_inspect(desc, check_order, scene);
  ck_assert_int_eq(rig_stream(&scene->rig, "/b", desc, &scene->outcome, &stream), 0);
  client_rig_run(&scene->rig, 3 * RTT + DELAY / 2);
  ck_assert_uint_ge(scene->outcome.items, 5);
  acoap_stream_pause(stream);
  client_rig_run(&scene->rig, RTT);
  unsigned items = scene->outcome.items;
  unsigned requests = scene->server.requests;
  client_rig_run(&scene->rig, 100 * RTT);
  ck_assert_uint_eq(scene->outcome.items, items);
  ck_assert_uint_eq(scene->server.requests, requests);
  ck_assert_uint_le(requests, items + 8);
  acoap_stream_resume(stream);
  client_rig_run(&scene->rig, 30 * RTT);
  ck_assert_uint_eq(scene->outcome.items, 60);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
  ck_assert_uint_eq(scene->written, scene->len);
  acoap_stream_unref(stream);
  scene_close(scene);
}
END_TEST

START_TEST(dropping_a_transfer_leaves_nothing_in_flight) {
  for (acoap_time_t at = 0; at < 8 * RTT; at += 70) {
    acoap_future_t *future = NULL;
    scene_t *scene = scene_open((uint64_t)at + 1, serve_get, 60 * 64);
    ck_assert_int_eq(rig_send(&scene->rig, "/b", get_body(scene, 8), &scene->outcome, &future), 0);
    client_rig_run(&scene->rig, at);
    acoap_future_unref(future);
    unsigned requests = scene->server.requests;
    client_rig_run(&scene->rig, 100 * RTT);
    ck_assert_uint_eq(scene->outcome.finals, 0);
    ck_assert_uint_eq(scene->outcome.destroyed, 1);
    ck_assert_uint_le(scene->server.requests, requests + 8); /* those on their way */
    scene_close(scene);
  }
}
END_TEST

static void drop_at_ten(void *user_data, const acoap_progress_t *progress,
                        acoap_message_t *message) {
  acoap_future_t **future = user_data;
  (void)message;
  if (progress->bytes >= 640 && *future != NULL) {
    *future = acoap_future_unref(*future);
  }
}

START_TEST(dropping_it_from_within_a_layer_is_allowed) {
  acoap_future_t *future = NULL;
  scene_t *scene = scene_open(1, serve_get, 60 * 64);
  acoap_desc_t *desc = get_body(scene, 8);
  acoap_desc_inspect(desc, drop_at_ten, &future);
  ck_assert_int_eq(rig_send(&scene->rig, "/b", desc, &scene->outcome, &future), 0);
  client_rig_run(&scene->rig, 100 * RTT);
  ck_assert_ptr_null(future);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  ck_assert_uint_eq(scene->outcome.destroyed, 1);
  scene_close(scene);
}
END_TEST

START_TEST(other_requests_to_the_server_are_not_starved) {
  outcome_t other = {0};
  scene_t *scene = scene_open(1, serve_get, 400 * 64);
  ck_assert_int_eq(rig_send(&scene->rig, "/b", get_body(scene, 8), &scene->outcome, NULL), 0);
  client_rig_run(&scene->rig, 5 * RTT);
  acoap_desc_t *desc = acoap_desc_get();
  ck_assert_int_eq(rig_send(&scene->rig, "/c", desc, &other, NULL), 0);
  client_rig_run(&scene->rig, 4 * RTT);
  ck_assert_uint_eq(other.finals, 1);
  ck_assert_int_eq(other.status, 0);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  client_rig_run(&scene->rig, 200 * RTT);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->written, scene->len);
  scene_close(scene);
}
END_TEST

START_TEST(one_token_for_all_means_one_request_at_a_time) {
  scene_t *scene = scene_open(1, serve_get, 10 * 64);
  acoap_desc_t *desc = get_body(scene, 8);
  acoap_desc_keep_token(desc);
  ck_assert_int_eq(scene_send(scene, desc), 10 * RTT);
  ck_assert_uint_eq(scene->written, scene->len);
  scene_close(scene);
}
END_TEST

START_TEST(sizes_of_windows_are_checked) {
  static const size_t wrong[] = {0, 129, SIZE_MAX};
  scene_t *scene = scene_open(1, serve_get, 64);
  for (size_t i = 0; i < 2 * sizeof(wrong) / sizeof(wrong[0]); i++) {
    acoap_desc_t *desc = acoap_desc_get();
    (i % 2 == 0 ? acoap_desc_block2_window : acoap_desc_block1_window)(desc, wrong[i / 2]);
    memset(&scene->outcome, 0, sizeof(scene->outcome));
    ck_assert_int_eq(rig_send(&scene->rig, "/b", desc, &scene->outcome, NULL), ACOAP_EINVAL);
  }
  acoap_desc_block2_window(NULL, 4);
  acoap_desc_block1_window(NULL, 4);
  scene_close(scene);
}
END_TEST

START_TEST(window_of_16_is_ten_times_as_fast_over_100_ms_and_1_percent_loss) {
  acoap_time_t took[2];
  static const size_t windows[2] = {1, 16};
  for (size_t i = 0; i < 2; i++) {
    scene_t *scene = scene_open((uint64_t)_i, serve_get, 256 * 1024);
    scene->szx = 6;
    set_network(scene, DELAY, 10000);
    took[i] = fetch(scene, windows[i]);
    scene_close(scene);
  }
  ck_assert_msg(took[0] >= 10 * took[1], "%u ms and %u ms: %.1f times", (unsigned)took[0],
                (unsigned)took[1], (double)took[0] / (double)took[1]);
}
END_TEST

/* ---- Block1 ---------------------------------------------------------------------------------- */

static int read_up(void *user_data, uint64_t offset, uint8_t *room, size_t cap) {
  uint64_t len = *(const uint64_t *)user_data;
  uint64_t left = offset < len ? len - offset : 0;
  size_t n = left < cap ? (size_t)left : cap;
  for (size_t i = 0; i < n; i++) {
    room[i] = byte_of(offset + i);
  }
  return (int)n;
}

static acoap_time_t upload(scene_t *scene, uint64_t len, bool known, size_t window) {
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_block1_reader(desc, 64, known ? (int64_t)len : -1, read_up, &len);
  acoap_desc_block1_window(desc, window);
  acoap_time_t took = scene_send(scene, desc);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->len, len);
  check_bytes(scene->body, (size_t)len, 0);
  return took;
}

START_TEST(upload_in_a_window_divides_the_round_trips) {
  for (int known = 0; known < 2; known++) {
    scene_t *scene = scene_open(1, serve_put, 0);
    /* the first block, 24 in fours, the last */
    ck_assert_int_eq(upload(scene, 26 * 64 - 9, known, 4), (1 + 6 + 1) * RTT);
    ck_assert_uint_eq(scene->errors, 0);
    scene_close(scene);
  }
}
END_TEST

START_TEST(upload_survives_a_server_that_takes_blocks_in_order_only) {
  unsigned errors = 0;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    scene_t *scene = scene_open(seed, serve_put, 0);
    set_network(scene, 3 * DELAY, 0);
    upload(scene, 40 * 64 + 1, true, 6);
    ck_assert_uint_le(scene->errors, 6);
    errors += scene->errors;
    scene_close(scene);
  }
  ck_assert_uint_ge(errors, 1);
}
END_TEST

START_TEST(upload_survives_loss_and_reordering) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    scene_t *scene = scene_open(seed, serve_put, 0);
    scene->takes_any = true;
    set_network(scene, 3 * DELAY, 50000);
    upload(scene, 100 * 64 + 1, seed % 2 == 0, 8);
    scene_close(scene);
  }
}
END_TEST

static Suite *client_window_suite(void) {
  Suite *suite = suite_create("flow/client_window");
  TCase *block2 = tcase_create("block2");
  tcase_add_test(block2, window_divides_the_round_trips);
  tcase_add_test(block2, blocks_are_handed_on_in_order_whatever_order_they_come_in);
  tcase_add_test(block2, collect_joins_what_a_window_brings);
  tcase_add_test(block2, end_that_nobody_announced_is_found);
  tcase_add_test(block2, lost_block_is_asked_for_again_when_later_ones_have_come);
  tcase_add_test(block2, last_block_that_is_lost_is_retransmitted);
  tcase_add_test(block2, server_that_falls_silent_ends_the_transfer_once);
  tcase_add_test(block2, changed_etag_starts_again_once);
  tcase_add_test(block2, server_may_choose_smaller_blocks_in_the_middle);
  tcase_add_test(block2, server_that_answers_in_order_only_is_asked_one_by_one);
  tcase_add_test(block2, error_of_the_block_whose_turn_it_is_ends_the_transfer);
  tcase_add_test(block2, challenge_in_the_middle_is_answered);
  tcase_add_test(block2, paused_stream_asks_for_nothing_and_goes_on_in_order);
  tcase_add_test(block2, dropping_a_transfer_leaves_nothing_in_flight);
  tcase_add_test(block2, dropping_it_from_within_a_layer_is_allowed);
  tcase_add_test(block2, other_requests_to_the_server_are_not_starved);
  tcase_add_test(block2, one_token_for_all_means_one_request_at_a_time);
  tcase_add_test(block2, sizes_of_windows_are_checked);
  tcase_add_loop_test(block2, window_of_16_is_ten_times_as_fast_over_100_ms_and_1_percent_loss, 1,
                      6);
  suite_add_tcase(suite, block2);
  TCase *block1 = tcase_create("block1");
  tcase_add_test(block1, upload_in_a_window_divides_the_round_trips);
  tcase_add_test(block1, upload_survives_a_server_that_takes_blocks_in_order_only);
  tcase_add_test(block1, upload_survives_loss_and_reordering);
  suite_add_tcase(suite, block1);
  return suite;
}

ACOAP_TEST_MAIN(client_window_suite)
