/*
 * Request bodies that go in sets of non-confirmable messages (RFC 9177): what a client sends, when,
 * and what it does about what the server says; against a server that is scripted message by
 * message.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "client_rig.h"
#include "script_server.h"

enum { BODY_MAX = 4096, SIZE = 64, SZX = 2, REQUESTS_MAX = 256 };

/* A request as it came. */
typedef struct arrival {
  acoap_time_t at;
  acoap_type_t type;
  uint16_t message_id;
  uint64_t token;
  uint32_t num;
  bool more;
} arrival_t;

/* A server that puts a body together. */
typedef struct scene {
  client_rig_t rig;
  script_server_t server;
  outcome_t outcome;
  acoap_remote_endpoint_t *known; /* keeps what was learnt of the server */
  uint64_t lost;                  /* bit n: block n is lost, once */
  bool says_no_continue;          /* no 2.31 */
  bool says_nothing;              /* no answer at all */
  unsigned answers_lost;          /* so many to the whole body are */
  bool answers_with_first_token;  /* the answer to the body carries the token of block 0 */
  uint8_t szx_max;                /* 4.13 to greater ones; 6: none */
  uint8_t szx;                    /* of the blocks that came */
  uint64_t there;                 /* bit n: block n is there */
  uint32_t end;                   /* one behind the last block; 0: not known */
  size_t len;                     /* of the body as it came */
  unsigned count;                 /* requests */
  unsigned continued;             /* 2.31 sent */
  arrival_t arrivals[REQUESTS_MAX];
  uint8_t tag[8]; /* Request-Tag of the last block */
  size_t tag_len;
  unsigned tags; /* different ones in a row */
  uint64_t inspected;
  uint8_t sent[BODY_MAX];
  uint8_t body[BODY_MAX];
} scene_t;

/* ---- the server ------------------------------------------------------------------------------ */

static void note(scene_t *scene, const acoap_view_t *view, const acoap_block_t *block) {
  ck_assert_uint_lt(scene->count, REQUESTS_MAX);
  arrival_t *arrival = &scene->arrivals[scene->count++];
  arrival->at = acoap_sim_now(scene->rig.sim);
  arrival->type = view->type;
  arrival->message_id = view->message_id;
  ck_assert_uint_eq(view->token.len, 8);
  memcpy(&arrival->token, view->token.data, 8);
  arrival->num = block->num;
  arrival->more = block->more;
}

/* Sections 4.3 and 4.6: in every block. */
static void check_options(scene_t *scene, const acoap_view_t *view) {
  acoap_bytes_t tag;
  uint32_t size;
  ck_assert(acoap_view_option(view, ACOAP_OPTION_REQUEST_TAG, 0, &tag));
  ck_assert_uint_ge(tag.len, 1);
  ck_assert_uint_le(tag.len, 8);
  ck_assert(acoap_view_uint(view, ACOAP_OPTION_SIZE1, &size));
  ck_assert_uint_eq(size, scene->len);
  ck_assert(!acoap_view_option(view, ACOAP_OPTION_BLOCK1, 0, &tag) ||
            !acoap_view_option(view, ACOAP_OPTION_Q_BLOCK1, 0, &tag));
  ck_assert(acoap_view_option(view, ACOAP_OPTION_REQUEST_TAG, 0, &tag));
  if (tag.len != scene->tag_len || memcmp(tag.data, scene->tag, tag.len) != 0) {
    scene->tags++;
    scene->tag_len = tag.len;
    memcpy(scene->tag, tag.data, tag.len);
    scene->there = 0;
    scene->end = 0;
  }
}

static void answer(scene_t *scene, uint8_t code, const acoap_block_t *block) {
  acoap_builder_t *builder = script_server_begin(&scene->server, code);
  if (block != NULL) {
    acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK1, block);
  }
  script_server_send(&scene->server);
}

/* 4.08 with a list of one-byte numbers, to the last request, as a NON. */
static void say_missing(scene_t *scene, const uint8_t *list, size_t len) {
  acoap_builder_t *builder =
      script_server_begin_as(&scene->server, ACOAP_NON, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
  acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, 272);
  acoap_builder_payload(builder, list, len);
  script_server_send(&scene->server);
}

static bool has_set(const scene_t *scene, uint32_t num) {
  uint64_t set = UINT64_C(0x3ff) << (num / 10 * 10);
  return (scene->there & set) == set;
}

static void serve(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_block_t block = {0, false, 0};
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  ck_assert_int_eq(acoap_view_block(view, ACOAP_OPTION_Q_BLOCK1, &block), 1);
  note(scene, view, &block);
  check_options(scene, view);
  if (block.szx > scene->szx_max) {
    block.szx = scene->szx_max;
    answer(scene, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE, &block);
    return;
  }
  uint64_t bit = UINT64_C(1) << block.num;
  if ((scene->lost & bit) != 0) {
    scene->lost &= ~bit;
    return;
  }
  scene->szx = block.szx;
  memcpy(scene->body + block.num * acoap_block_size(block.szx), view->payload.data,
         view->payload.len);
  scene->there |= bit;
  scene->end = block.more ? scene->end : block.num + 1;
  if (scene->says_nothing) {
    return;
  }
  if (scene->end != 0 && scene->there == (UINT64_C(1) << scene->end) - 1) {
    if (scene->answers_lost > 0) {
      scene->answers_lost--;
      return;
    }
    if (scene->answers_with_first_token) {
      memcpy(server->token, server->first_token, 8);
    }
    answer(scene, ACOAP_CODE_CHANGED, NULL);
  } else if (view->type == ACOAP_CON) {
    script_server_empty(server, ACOAP_ACK);
  } else if (block.more && !scene->says_no_continue && has_set(scene, block.num) &&
             (scene->there & (scene->there + 1)) == 0) {
    scene->continued++;
    block.num = block.num / 10 * 10 + 9;
    answer(scene, ACOAP_CODE_CONTINUE, &block);
  }
}

/* ---- scenes ---------------------------------------------------------------------------------- */

static scene_t *scene_open(script_server_cb on_message) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  client_rig_open(&scene->rig, 1);
  script_server_open(&scene->server, scene->rig.sim, RIG_SERVER, on_message, scene);
  scene->known = client_rig_remote(&scene->rig, "/put");
  scene->szx_max = 6;
  scene->outcome.sim = scene->rig.sim;
  for (size_t i = 0; i < BODY_MAX; i++) {
    scene->sent[i] = (uint8_t)(i * 11 + (i >> 8) * 17);
  }
  return scene;
}

static void scene_close(scene_t *scene) {
  acoap_remote_endpoint_unref(scene->known);
  script_server_close(&scene->server);
  client_rig_close(&scene->rig);
  free(scene);
}

static acoap_desc_t *upload(scene_t *scene, size_t len) {
  acoap_desc_t *desc = acoap_desc_put();
  scene->len = len;
  acoap_desc_block1(desc, SIZE, scene->sent, len);
  acoap_desc_qblock(desc, NULL);
  return desc;
}

static void send(scene_t *scene, acoap_desc_t *desc) {
  ck_assert_int_eq(rig_send(&scene->rig, "/put", desc, &scene->outcome, NULL), 0);
}

static void expect_body(const scene_t *scene) {
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_CHANGED);
  ck_assert_mem_eq(scene->body, scene->sent, scene->len);
}

/* A first upload, from which the client knows the server; what it left is forgotten. */
static void get_to_know(scene_t *scene) {
  send(scene, upload(scene, 11 * SIZE));
  client_rig_run(&scene->rig, 5000);
  expect_body(scene);
  memset(&scene->outcome, 0, sizeof(scene->outcome));
  scene->outcome.sim = scene->rig.sim;
  memset(scene->body, 0, sizeof(scene->body));
  scene->count = 0;
  scene->continued = 0;
  scene->server.requests = 0;
  scene->server.trace[0] = '\0';
}

/* All Message IDs and tokens are different, also those of what is sent again (section 6). */
static void expect_all_different(const scene_t *scene) {
  for (unsigned i = 0; i < scene->count; i++) {
    for (unsigned j = 0; j < i; j++) {
      ck_assert_uint_ne(scene->arrivals[i].message_id, scene->arrivals[j].message_id);
      ck_assert_uint_ne(scene->arrivals[i].token, scene->arrivals[j].token);
    }
  }
}

static acoap_time_t since_first(const scene_t *scene, unsigned n) {
  ck_assert_uint_lt(n, scene->count);
  return scene->arrivals[n].at - scene->arrivals[0].at;
}

/* ---- section 4.1 ----------------------------------------------------------------------------- */

START_TEST(section_4_1_an_unknown_server_is_asked_by_a_con) {
  scene_t *scene = scene_open(serve);
  send(scene, upload(scene, 3 * SIZE + 5));
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  script_server_expect(&scene->server, "> CON PUT /put Q1:0/1/64 [64]\n"
                                       "< ACK\n"
                                       "> NON PUT /put Q1:1/1/64 [64]\n"
                                       "> NON PUT /put Q1:2/1/64 [64]\n"
                                       "> NON PUT /put Q1:3/0/64 [5]\n"
                                       "< NON 2.04\n");
  expect_all_different(scene);
  scene_close(scene);
}
END_TEST

/* A server of Block1 alone. */
static void serve_block1_only(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_block_t block;
  acoap_bytes_t value;
  if (acoap_view_option(view, ACOAP_OPTION_Q_BLOCK1, 0, &value) ||
      acoap_view_option(view, ACOAP_OPTION_Q_BLOCK2, 0, &value)) {
    if (view->type == ACOAP_NON) {
      script_server_empty(server, ACOAP_RST);
    } else {
      answer(scene, ACOAP_CODE_BAD_OPTION, NULL);
    }
    return;
  }
  ck_assert_int_eq(acoap_view_block(view, ACOAP_OPTION_BLOCK1, &block), 1);
  memcpy(scene->body + block.num * SIZE, view->payload.data, view->payload.len);
  acoap_builder_block(
      script_server_begin(server, block.more ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CHANGED),
      ACOAP_OPTION_BLOCK1, &block);
  script_server_send(server);
}

START_TEST(section_4_1_a_server_that_refuses_gets_block1_for_ever) {
  scene_t *scene = scene_open(serve_block1_only);
  send(scene, upload(scene, SIZE + 5));
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  script_server_expect(&scene->server, "> CON PUT /put Q1:0/1/64 [64]\n"
                                       "< ACK 4.02\n"
                                       "> CON PUT /put 1:0/1/64 [64]\n"
                                       "< ACK 2.31 1:0/1/64\n"
                                       "> CON PUT /put 1:1/0/64 [5]\n"
                                       "< ACK 2.04 1:1/0/64\n");
  scene->server.trace[0] = '\0';
  memset(&scene->outcome, 0, sizeof(scene->outcome));
  send(scene, upload(scene, SIZE + 5));
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  ck_assert_ptr_null(strstr(scene->server.trace, "Q1:"));
  scene_close(scene);
}
END_TEST

START_TEST(section_4_1_a_reset_says_that_it_knows_it_no_longer) {
  scene_t *scene = scene_open(serve);
  get_to_know(scene);
  scene->server.on_message = serve_block1_only;
  send(scene, upload(scene, 4 * SIZE + 5));
  client_rig_run(&scene->rig, 5000);
  expect_body(scene);
  ck_assert_ptr_nonnull(strstr(scene->server.trace, "> NON PUT /put Q1:0/1/64 [64]\n"));
  ck_assert_ptr_nonnull(strstr(scene->server.trace, " PUT /put 1:4/0/64 [5]\n"));
  scene_close(scene);
}
END_TEST

static void serve_anything(script_server_t *server, const acoap_view_t *view) {
  acoap_block_t block;
  if (acoap_view_block(view, ACOAP_OPTION_BLOCK1, &block) == 1) {
    serve_block1_only(server, view);
  } else {
    answer(server->user_data, ACOAP_CODE_CONTINUE, NULL); /* whatever it was */
  }
}

START_TEST(section_4_1_a_continue_without_the_option_is_a_refusal) {
  scene_t *scene = scene_open(serve_anything);
  send(scene, upload(scene, SIZE + 5));
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  scene_close(scene);
}
END_TEST

static void serve_hasty(script_server_t *server, const acoap_view_t *view) {
  if (acoap_code_is_request(view->code)) {
    answer(server->user_data, ACOAP_CODE_CHANGED, NULL);
  }
}

START_TEST(an_answer_before_the_body_is_there_is_none) {
  scene_t *scene = scene_open(serve_hasty);
  send(scene, upload(scene, 30 * SIZE));
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EINCOMPLETE);
  scene_close(scene);
}
END_TEST

static void serve_whole(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_bytes_t value;
  ck_assert(!acoap_view_option(view, ACOAP_OPTION_Q_BLOCK1, 0, &value));
  ck_assert(!acoap_view_option(view, ACOAP_OPTION_REQUEST_TAG, 0, &value));
  memcpy(scene->body, view->payload.data, view->payload.len);
  answer(scene, ACOAP_CODE_CHANGED, NULL);
}

START_TEST(section_4_3_a_body_that_fits_goes_without_the_option) {
  scene_t *scene = scene_open(serve_whole);
  send(scene, upload(scene, SIZE));
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  scene_close(scene);
}
END_TEST

static int read_body(void *user_data, uint64_t offset, uint8_t *room, size_t cap) {
  const scene_t *scene = user_data;
  size_t left = offset < scene->len ? scene->len - (size_t)offset : 0;
  size_t n = left < cap ? left : cap;
  memcpy(room, scene->sent + offset, n);
  return (int)n;
}

START_TEST(section_4_6_a_body_of_unknown_length_goes_with_block1) {
  scene_t *scene = scene_open(serve_block1_only);
  acoap_desc_t *desc = acoap_desc_put();
  scene->len = 3 * SIZE + 1;
  acoap_desc_block1_reader(desc, SIZE, -1, read_body, scene);
  acoap_desc_qblock(desc, NULL);
  send(scene, desc);
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  ck_assert_ptr_null(strstr(scene->server.trace, "Q1:"));
  ck_assert_ptr_null(strstr(scene->server.trace, "Q2:"));
  scene_close(scene);
}
END_TEST

/* ---- sections 4.3 and 7.2: sets -------------------------------------------------------------- */

START_TEST(section_7_2_a_continue_lets_the_next_set_go_at_once) {
  scene_t *scene = scene_open(serve);
  get_to_know(scene);
  send(scene, upload(scene, 35 * SIZE + 1));
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  ck_assert_uint_eq(scene->count, 36);
  ck_assert_uint_eq(scene->continued, 3);
  for (unsigned i = 0; i < 36; i++) {
    ck_assert_uint_eq(scene->arrivals[i].num, i);
    ck_assert_int_eq(scene->arrivals[i].type, ACOAP_NON);
  }
  expect_all_different(scene);
  scene_close(scene);
}
END_TEST

START_TEST(section_7_2_without_it_a_set_waits_for_non_timeout_random) {
  scene_t *scene = scene_open(serve);
  get_to_know(scene);
  scene->says_no_continue = true;
  send(scene, upload(scene, 25 * SIZE));
  client_rig_run(&scene->rig, 10000);
  expect_body(scene);
  ck_assert_uint_eq(scene->count, 25);
  ck_assert_int_le(since_first(scene, 9), 10);
  acoap_time_t pause = since_first(scene, 10);
  ck_assert_int_ge(pause, 2000);
  ck_assert_int_le(pause, 3010);
  ck_assert_int_le(since_first(scene, 19), pause + 10);
  /* The same delay between all sets of the body. */
  ck_assert_int_ge(since_first(scene, 20), 2 * pause - 10);
  ck_assert_int_le(since_first(scene, 20), 2 * pause + 10);
  scene_close(scene);
}
END_TEST

START_TEST(section_7_2_missing_blocks_are_sent_before_the_next_set) {
  scene_t *scene = scene_open(serve);
  static const uint8_t list[] = {3, 7};
  get_to_know(scene);
  scene->lost = 1u << 3 | 1u << 7;
  send(scene, upload(scene, 15 * SIZE));
  client_rig_run(&scene->rig, 1000);
  ck_assert_uint_eq(scene->count, 10);
  say_missing(scene, list, sizeof(list));
  client_rig_run(&scene->rig, 100);
  expect_body(scene); /* 2.31 came for the whole set, then the next went */
  ck_assert_uint_eq(scene->arrivals[10].num, 3);
  ck_assert_uint_eq(scene->arrivals[11].num, 7);
  ck_assert_uint_eq(scene->arrivals[12].num, 10);
  expect_all_different(scene);
  ck_assert_uint_eq(scene->tags, 2); /* one of get_to_know's body, one of this */
  scene_close(scene);
}
END_TEST

START_TEST(section_7_2_after_missing_blocks_the_wait_begins_again) {
  scene_t *scene = scene_open(serve);
  static const uint8_t list[] = {3};
  get_to_know(scene);
  scene->says_no_continue = true;
  scene->lost = 1u << 3;
  send(scene, upload(scene, 15 * SIZE));
  client_rig_run(&scene->rig, 1500);
  say_missing(scene, list, sizeof(list));
  client_rig_run(&scene->rig, 8000);
  expect_body(scene);
  ck_assert_uint_eq(scene->arrivals[10].num, 3);
  ck_assert_uint_eq(scene->arrivals[11].num, 10);
  ck_assert_int_ge(since_first(scene, 11), 1500 + 2000);
  scene_close(scene);
}
END_TEST

START_TEST(section_5_the_last_blocks_are_recovered) {
  scene_t *scene = scene_open(serve);
  static const uint8_t list[] = {12, 14};
  get_to_know(scene);
  scene->lost = 1u << 12 | 1u << 14;
  send(scene, upload(scene, 15 * SIZE));
  client_rig_run(&scene->rig, 4000);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  say_missing(scene, list, sizeof(list));
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  ck_assert_uint_eq(scene->count, 17);
  scene_close(scene);
}
END_TEST

/* It has all that was sent, and says what comes next. */
START_TEST(section_7_2_a_list_of_what_was_not_sent_yet_is_a_continue) {
  scene_t *scene = scene_open(serve);
  static const uint8_t list[] = {10, 11, 12, 13, 14};
  get_to_know(scene);
  scene->says_no_continue = true;
  send(scene, upload(scene, 15 * SIZE));
  client_rig_run(&scene->rig, 100);
  say_missing(scene, list, sizeof(list));
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  scene_close(scene);
}
END_TEST

START_TEST(section_5_lists_out_of_order_are_dropped) {
  static const struct {
    uint8_t list[5];
    size_t len;
  } bad[] = {{{7, 3}, 2}, {{3, 3}, 2}, {{0x18}, 1}, {{0x43, 1, 2, 3}, 4}, {{0}, 0}};
  scene_t *scene = scene_open(serve);
  get_to_know(scene);
  scene->lost = 1u << 3 | 1u << 7;
  send(scene, upload(scene, 15 * SIZE));
  client_rig_run(&scene->rig, 100);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    say_missing(scene, bad[i].list, bad[i].len);
    client_rig_run(&scene->rig, 100);
    ck_assert_uint_eq(scene->count, 10);
    ck_assert_uint_eq(scene->outcome.finals, 0);
  }
  scene_close(scene);
}
END_TEST

/* What answers a request from before the blocks that were sent again is not of now. */
START_TEST(section_7_2_repeated_lists_do_not_multiply_blocks) {
  scene_t *scene = scene_open(serve);
  static const uint8_t list[] = {3};
  get_to_know(scene);
  scene->lost = 1u << 3;
  scene->says_no_continue = true;
  send(scene, upload(scene, 15 * SIZE));
  client_rig_run(&scene->rig, 100);
  uint8_t token[8];
  memcpy(token, scene->server.token, 8);
  for (unsigned i = 0; i < 20; i++) {
    memcpy(scene->server.token, token, 8);
    say_missing(scene, list, sizeof(list));
  }
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->count, 11);
  scene_close(scene);
}
END_TEST

START_TEST(section_4_3_the_answer_may_use_the_token_of_any_block) {
  scene_t *scene = scene_open(serve);
  get_to_know(scene);
  scene->answers_with_first_token = true;
  send(scene, upload(scene, 35 * SIZE));
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  scene_close(scene);
}
END_TEST

START_TEST(section_4_3_too_large_blocks_begin_anew_with_smaller_ones) {
  scene_t *scene = scene_open(serve);
  scene->szx_max = 1;
  send(scene, upload(scene, 12 * SIZE));
  client_rig_run(&scene->rig, 5000);
  expect_body(scene);
  ck_assert_uint_eq(scene->szx, 1);
  ck_assert_uint_eq(scene->tags, 2);
  scene_close(scene);
}
END_TEST

/* NON_RECEIVE_TIMEOUT is 4 s. */
START_TEST(section_4_3_an_answer_that_was_lost_is_had_by_the_last_block_again) {
  scene_t *scene = scene_open(serve);
  get_to_know(scene);
  scene->answers_lost = 2;
  send(scene, upload(scene, 15 * SIZE));
  client_rig_run(&scene->rig, 7900);
  ck_assert_uint_eq(scene->count, 15);
  client_rig_run(&scene->rig, 15000);
  ck_assert_uint_eq(scene->count, 16);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  client_rig_run(&scene->rig, 5000);
  ck_assert_uint_eq(scene->count, 17);
  expect_body(scene);
  for (unsigned n = 15; n < 17; n++) {
    ck_assert_uint_eq(scene->arrivals[n].num, 14);
    ck_assert(!scene->arrivals[n].more);
  }
  ck_assert_int_eq(scene->arrivals[15].at - scene->arrivals[14].at, 8000);
  ck_assert_int_eq(scene->arrivals[16].at - scene->arrivals[15].at, 16000);
  expect_all_different(scene);
  scene_close(scene);
}
END_TEST

/* A server that has forgotten the body would begin it anew. */
START_TEST(nothing_is_sent_again_for_the_answer_to_a_post) {
  scene_t *scene = scene_open(serve);
  get_to_know(scene);
  scene->answers_lost = 1;
  scene->len = 15 * SIZE;
  acoap_desc_t *desc = acoap_desc_post();
  acoap_desc_block1(desc, SIZE, scene->sent, scene->len);
  acoap_desc_qblock(desc, NULL);
  send(scene, desc);
  client_rig_run(&scene->rig, 300000);
  ck_assert_uint_eq(scene->count, 15);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETIMEDOUT);
  scene_close(scene);
}
END_TEST

START_TEST(section_7_2_a_body_that_is_not_answered_is_given_up) {
  scene_t *scene = scene_open(serve);
  get_to_know(scene);
  scene->says_nothing = true;
  send(scene, upload(scene, 15 * SIZE));
  client_rig_run(&scene->rig, 300000);
  ck_assert_uint_eq(scene->count, 15 + 4); /* the last block again, NON_MAX_RETRANSMIT times */
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETIMEDOUT);
  /* The next body is not sent to who does not respond: a CON asks first. */
  memset(&scene->outcome, 0, sizeof(scene->outcome));
  send(scene, upload(scene, 15 * SIZE));
  client_rig_run(&scene->rig, 500);
  ck_assert_uint_eq(scene->count, 20);
  ck_assert_int_eq(scene->arrivals[19].type, ACOAP_CON);
  client_rig_run(&scene->rig, 300000);
  scene_close(scene);
}
END_TEST

START_TEST(section_7_1_confirmable_as_nstart_lets) {
  for (uint32_t nstart = 1; nstart <= 16; nstart *= 4) {
    scene_t *scene = scene_open(serve);
    acoap_params_t params;
    acoap_params_init(&params);
    params.nstart = nstart;
    acoap_desc_t *desc = upload(scene, 33 * SIZE + 1);
    acoap_desc_params(desc, &params);
    acoap_desc_confirmable(desc);
    send(scene, desc);
    client_rig_run(&scene->rig, 1000);
    expect_body(scene);
    ck_assert_uint_eq(scene->count, 34);
    for (unsigned i = 0; i < 34; i++) {
      ck_assert_int_eq(scene->arrivals[i].type, ACOAP_CON);
    }
    scene_close(scene);
  }
}
END_TEST

START_TEST(section_7_2_max_payloads_is_a_parameter) {
  scene_t *scene = scene_open(serve);
  acoap_qblock_params_t params;
  get_to_know(scene);
  scene->says_no_continue = true;
  acoap_qblock_params_init(&params, NULL);
  params.max_payloads = 4;
  params.non_timeout_ms = 500;
  acoap_desc_t *desc = acoap_desc_put();
  scene->len = 6 * SIZE;
  acoap_desc_block1(desc, SIZE, scene->sent, scene->len);
  acoap_desc_qblock(desc, &params);
  send(scene, desc);
  client_rig_run(&scene->rig, 2000);
  expect_body(scene);
  ck_assert_int_le(since_first(scene, 3), 10);
  ck_assert_int_ge(since_first(scene, 4), 500);
  ck_assert_int_le(since_first(scene, 4), 760);
  params.max_payloads = 0;
  memset(&scene->outcome, 0, sizeof(scene->outcome));
  desc = upload(scene, 100);
  acoap_desc_qblock(desc, &params);
  ck_assert_int_eq(rig_send(&scene->rig, "/put", desc, &scene->outcome, NULL), ACOAP_EINVAL);
  scene_close(scene);
}
END_TEST

/* ---- with the rest --------------------------------------------------------------------------- */

static unsigned challenges;

static void serve_suspiciously(script_server_t *server, const acoap_view_t *view) {
  acoap_bytes_t value;
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  if (!acoap_view_option(view, ACOAP_OPTION_ECHO, 0, &value)) {
    challenges++;
    acoap_builder_option(script_server_begin(server, ACOAP_CODE_UNAUTHORIZED), ACOAP_OPTION_ECHO,
                         "fresh", 5);
    script_server_send(server);
    return;
  }
  serve(server, view);
}

START_TEST(a_challenge_of_every_block_is_answered_once) {
  scene_t *scene = scene_open(serve);
  get_to_know(scene);
  challenges = 0;
  scene->server.on_message = serve_suspiciously;
  send(scene, upload(scene, 25 * SIZE));
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  ck_assert_uint_ge(challenges, 1);
  scene_close(scene);
}
END_TEST

static void inspect(void *user_data, const acoap_progress_t *progress, acoap_message_t *message) {
  scene_t *scene = user_data;
  (void)message;
  ck_assert(progress->upload);
  ck_assert_uint_ge(progress->bytes, scene->inspected);
  ck_assert_int_eq(progress->total, (int64_t)scene->len);
  scene->inspected = progress->bytes;
}

START_TEST(an_inspector_sees_how_far_it_is) {
  scene_t *scene = scene_open(serve);
  get_to_know(scene);
  acoap_desc_t *desc = upload(scene, 35 * SIZE + 3);
  acoap_desc_inspect(desc, inspect, scene);
  send(scene, desc);
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  ck_assert_uint_eq(scene->inspected, scene->len);
  scene_close(scene);
}
END_TEST

START_TEST(dropping_the_future_ends_it) {
  scene_t *scene = scene_open(serve);
  acoap_future_t *future = NULL;
  scene->says_no_continue = true;
  ck_assert_int_eq(
      rig_send(&scene->rig, "/put", upload(scene, 35 * SIZE), &scene->outcome, &future), 0);
  client_rig_run(&scene->rig, 100);
  unsigned count = scene->count;
  acoap_future_unref(future);
  client_rig_run(&scene->rig, 300000);
  ck_assert_uint_eq(scene->count, count);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  ck_assert_uint_eq(scene->outcome.destroyed, 1);
  scene_close(scene);
}
END_TEST

static int fail_to_read(void *user_data, uint64_t offset, uint8_t *room, size_t cap) {
  return offset >= 12 * SIZE ? ACOAP_EAGAIN : read_body(user_data, offset, room, cap);
}

START_TEST(a_reader_that_fails_ends_it) {
  scene_t *scene = scene_open(serve);
  acoap_desc_t *desc = acoap_desc_put();
  scene->len = 25 * SIZE;
  acoap_desc_block1_reader(desc, SIZE, (int64_t)scene->len, fail_to_read, scene);
  acoap_desc_qblock(desc, NULL);
  send(scene, desc);
  client_rig_run(&scene->rig, 10000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EAGAIN);
  scene_close(scene);
}
END_TEST

/* ---- section 4.7: a body each way ------------------------------------------------------------ */

static void serve_both(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_block_t block;
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  if (acoap_view_block(view, ACOAP_OPTION_Q_BLOCK1, &block) == 1) {
    scene->there |= UINT64_C(1) << block.num;
    if (view->type == ACOAP_CON) {
      script_server_empty(server, ACOAP_ACK);
    }
    if (scene->there != 7) {
      return;
    }
    block.num = 0;
  } else {
    ck_assert_int_eq(acoap_view_block(view, ACOAP_OPTION_Q_BLOCK2, &block), 1);
    ck_assert(block.more);
    ck_assert_uint_eq(block.num, 10);
  }
  for (uint32_t i = block.num; i < block.num + 10 && i < 12; i++) {
    acoap_block_t part = {i, i < 11, SZX};
    acoap_builder_t *builder = script_server_begin_as(server, ACOAP_NON, ACOAP_CODE_CONTENT);
    acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK2, &part);
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE2, 12 * SIZE);
    acoap_builder_payload(builder, scene->sent + 1000 + i * SIZE, SIZE);
    script_server_send(server);
  }
}

START_TEST(section_4_7_the_answer_has_a_body_too) {
  scene_t *scene = scene_open(serve_both);
  acoap_desc_t *desc = acoap_desc_fetch();
  acoap_desc_block1(desc, SIZE, scene->sent, 3 * SIZE);
  acoap_desc_collect(desc, BODY_MAX);
  acoap_desc_qblock(desc, NULL);
  send(scene, desc);
  client_rig_run(&scene->rig, 3000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->outcome.len, 12 * SIZE);
  ck_assert_mem_eq(scene->outcome.body, scene->sent + 1000, 12 * SIZE);
  scene_close(scene);
}
END_TEST

/* The answer's first block is lost, late answers to blocks of the request come behind it. */
static void serve_without_first(script_server_t *server, const acoap_view_t *view) {
  static const uint8_t list[] = {1};
  scene_t *scene = server->user_data;
  acoap_block_t block;
  acoap_bytes_t value;
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  scene->count++;
  bool brings = acoap_view_block(view, ACOAP_OPTION_Q_BLOCK1, &block) == 1;
  if (brings) {
    scene->there |= UINT64_C(1) << block.num;
    if (view->type == ACOAP_CON) {
      script_server_empty(server, ACOAP_ACK);
    }
    if (scene->there != 7) {
      return;
    }
  } else {
    /* It asks for what it lacks and does not send its body once more. */
    ck_assert_int_eq(acoap_view_block(view, ACOAP_OPTION_Q_BLOCK2, &block), 1);
    ck_assert_uint_eq(block.num, 0);
    ck_assert(!block.more);
    ck_assert(!acoap_view_option(view, ACOAP_OPTION_Q_BLOCK2, 1, &value));
    ck_assert_uint_eq(view->payload.len, 0);
  }
  for (uint32_t i = brings ? 1 : 0; i < (brings ? 4u : 1u); i++) {
    acoap_block_t part = {i, i < 3, SZX};
    acoap_builder_t *builder = script_server_begin_as(server, ACOAP_NON, ACOAP_CODE_CONTENT);
    acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK2, &part);
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE2, 4 * SIZE);
    acoap_builder_payload(builder, scene->sent + 1000 + i * SIZE, SIZE);
    script_server_send(server);
  }
  if (brings) {
    acoap_block_t last = {2, true, SZX};
    acoap_builder_t *builder = script_server_begin_as(server, ACOAP_NON, ACOAP_CODE_CONTINUE);
    acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK1, &last);
    script_server_send(server);
    say_missing(scene, list, sizeof(list));
  }
}

/* A POST is not done twice because the first block of its answer was lost. */
START_TEST(section_4_7_an_answer_without_its_first_block_is_asked_for_that_alone) {
  static acoap_desc_t *(*const make[])(void) = {acoap_desc_post, acoap_desc_fetch, acoap_desc_put};
  for (size_t i = 0; i < sizeof(make) / sizeof(make[0]); i++) {
    scene_t *scene = scene_open(serve_without_first);
    acoap_desc_t *desc = make[i]();
    acoap_desc_block1(desc, SIZE, scene->sent, 3 * SIZE);
    acoap_desc_collect(desc, BODY_MAX);
    acoap_desc_qblock(desc, NULL);
    send(scene, desc);
    client_rig_run(&scene->rig, 20000);
    ck_assert_uint_eq(scene->outcome.finals, 1);
    ck_assert_int_eq(scene->outcome.status, 0);
    ck_assert_uint_eq(scene->outcome.len, 4 * SIZE);
    ck_assert_mem_eq(scene->outcome.body, scene->sent + 1000, 4 * SIZE);
    ck_assert_uint_eq(scene->count, 4); /* three blocks, one request for what is missing */
    scene_close(scene);
  }
}
END_TEST

static Suite *client_qblock1_suite(void) {
  Suite *suite = suite_create("flow/client_qblock1");
  TCase *tcase = tcase_create("qblock1");
  tcase_add_test(tcase, section_4_1_an_unknown_server_is_asked_by_a_con);
  tcase_add_test(tcase, section_4_1_a_server_that_refuses_gets_block1_for_ever);
  tcase_add_test(tcase, section_4_1_a_reset_says_that_it_knows_it_no_longer);
  tcase_add_test(tcase, section_4_1_a_continue_without_the_option_is_a_refusal);
  tcase_add_test(tcase, an_answer_before_the_body_is_there_is_none);
  tcase_add_test(tcase, section_4_3_a_body_that_fits_goes_without_the_option);
  tcase_add_test(tcase, section_4_6_a_body_of_unknown_length_goes_with_block1);
  tcase_add_test(tcase, section_7_2_a_continue_lets_the_next_set_go_at_once);
  tcase_add_test(tcase, section_7_2_without_it_a_set_waits_for_non_timeout_random);
  tcase_add_test(tcase, section_7_2_missing_blocks_are_sent_before_the_next_set);
  tcase_add_test(tcase, section_7_2_after_missing_blocks_the_wait_begins_again);
  tcase_add_test(tcase, section_5_the_last_blocks_are_recovered);
  tcase_add_test(tcase, section_7_2_a_list_of_what_was_not_sent_yet_is_a_continue);
  tcase_add_test(tcase, section_5_lists_out_of_order_are_dropped);
  tcase_add_test(tcase, section_7_2_repeated_lists_do_not_multiply_blocks);
  tcase_add_test(tcase, section_4_3_the_answer_may_use_the_token_of_any_block);
  tcase_add_test(tcase, section_4_3_too_large_blocks_begin_anew_with_smaller_ones);
  tcase_add_test(tcase, section_4_3_an_answer_that_was_lost_is_had_by_the_last_block_again);
  tcase_add_test(tcase, nothing_is_sent_again_for_the_answer_to_a_post);
  tcase_add_test(tcase, section_7_2_a_body_that_is_not_answered_is_given_up);
  tcase_add_test(tcase, section_7_1_confirmable_as_nstart_lets);
  tcase_add_test(tcase, section_7_2_max_payloads_is_a_parameter);
  tcase_add_test(tcase, a_challenge_of_every_block_is_answered_once);
  tcase_add_test(tcase, an_inspector_sees_how_far_it_is);
  tcase_add_test(tcase, dropping_the_future_ends_it);
  tcase_add_test(tcase, a_reader_that_fails_ends_it);
  tcase_add_test(tcase, section_4_7_the_answer_has_a_body_too);
  tcase_add_test(tcase, section_4_7_an_answer_without_its_first_block_is_asked_for_that_alone);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(client_qblock1_suite)
