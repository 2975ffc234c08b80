/*
 * Block-wise transfers from the client's side: the examples of RFC 7959 section 3 as message
 * sequences, what the descriptor's block layers make of odd servers, and hostile ones that never
 * come to an end.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "client_rig.h"
#include "script_server.h"

/* ---- a server of bodies --------------------------------------------------------------------- */

typedef struct bodies {
  client_rig_t *rig;
  size_t len;            /* of the body it gives out, from rig->body */
  uint8_t szx;           /* its block size, or less when asked */
  const char *etag;      /* of the body; NULL: none */
  unsigned change_at;    /* the request from which on the ETag is another; 0: never */
  unsigned change_again; /* likewise, a third one */
  unsigned smaller_at;   /* the request from which on it gives blocks of 16 bytes */
  uint8_t put_szx;       /* the size it asks for with Block1 */
  bool stateless;        /* answers every Block1 with 2.04 */
  size_t stored_len;     /* what came */
  uint8_t stored[RIG_BODY];
  unsigned reject_larger; /* 4.13 for blocks larger than put_szx */
  unsigned incomplete;    /* 4.08 so many times, for the second block */
  size_t response_len;    /* of the response to the last Block1; 0: empty */
} bodies_t;

static void give_block(script_server_t *server, bodies_t *bodies, const acoap_view_t *view,
                       uint8_t code) {
  const char *etag = bodies->etag;
  if (bodies->change_at != 0 && server->requests >= bodies->change_at) {
    etag = "two";
  }
  if (bodies->change_again != 0 && server->requests >= bodies->change_again) {
    etag = "three";
  }
  uint8_t szx = bodies->szx;
  if (bodies->smaller_at != 0 && server->requests >= bodies->smaller_at) {
    szx = 0;
  }
  acoap_block_t block = script_server_asked(view, szx);
  script_server_block2(server, code, block.num, block.szx, bodies->rig->body, bodies->len, etag);
}

static void serve_get(script_server_t *server, const acoap_view_t *view) {
  if (acoap_code_is_request(view->code)) {
    give_block(server, server->user_data, view, ACOAP_CODE_CONTENT);
  }
}

static void serve_put(script_server_t *server, const acoap_view_t *view) {
  bodies_t *bodies = server->user_data;
  acoap_block_t block = {0, false, 6};
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  int found = acoap_view_block(view, ACOAP_OPTION_BLOCK1, &block);
  if (found == 0 && view->payload.len == 0) {
    give_block(server, bodies, view, ACOAP_CODE_CHANGED); /* a further block of the response */
    return;
  }
  size_t offset = block.num * acoap_block_size(block.szx);
  if (bodies->reject_larger > 0 && block.szx > bodies->put_szx) {
    block.szx = bodies->put_szx;
    block.more = false;
    acoap_builder_block(script_server_begin(server, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE),
                        ACOAP_OPTION_BLOCK1, &block);
    script_server_send(server);
    return;
  }
  if (bodies->incomplete > 0 && block.num == 1) {
    bodies->incomplete--;
    script_server_begin(server, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
    script_server_send(server);
    return;
  }
  ck_assert_uint_le(offset + view->payload.len, sizeof(bodies->stored));
  memcpy(bodies->stored + offset, view->payload.data, view->payload.len);
  bodies->stored_len = offset + view->payload.len;
  bool last = !block.more;
  if (block.szx > bodies->put_szx) {
    block.szx = bodies->put_szx;
  }
  uint8_t code = last || bodies->stateless ? ACOAP_CODE_CHANGED : ACOAP_CODE_CONTINUE;
  if (bodies->stateless) {
    block.more = false;
  }
  acoap_builder_t *builder = script_server_begin(server, code);
  if (found == 1) {
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
  }
  if (last && bodies->response_len > 0) {
    acoap_block_t response = script_server_asked(view, bodies->szx);
    size_t size = acoap_block_size(response.szx);
    response.more = bodies->response_len > size;
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &response);
    acoap_builder_payload(builder, bodies->rig->body, response.more ? size : bodies->response_len);
    bodies->len = bodies->response_len;
  }
  script_server_send(server);
}

typedef struct scene {
  client_rig_t rig;
  script_server_t server;
  bodies_t bodies;
  outcome_t outcome;
} scene_t;

static scene_t *scene_open(script_server_cb serve) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  client_rig_open(&scene->rig, 3);
  scene->bodies.rig = &scene->rig;
  scene->bodies.szx = 6;
  scene->bodies.put_szx = 6;
  script_server_open(&scene->server, scene->rig.sim, RIG_SERVER, serve, &scene->bodies);
  return scene;
}

static void scene_send(scene_t *scene, const char *path, acoap_desc_t *desc) {
  ck_assert_int_eq(rig_send(&scene->rig, path, desc, &scene->outcome, NULL), 0);
  client_rig_run(&scene->rig, 1000000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_uint_eq(scene->outcome.destroyed, 1);
}

static void scene_close(scene_t *scene) {
  script_server_close(&scene->server);
  client_rig_close(&scene->rig);
  free(scene);
}

static acoap_desc_t *get_whole(size_t size) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, size);
  acoap_desc_collect(desc, RIG_BODY);
  return desc;
}

static void expect_body(const scene_t *scene, size_t len) {
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->outcome.len, len);
  ck_assert_mem_eq(scene->outcome.body, scene->rig.body, len);
}

/* ---- RFC 7959 section 3.1: Block2 ----------------------------------------------------------- */

START_TEST(rfc7959_figure_2_simple_block_wise_get) {
  scene_t *scene = scene_open(serve_get);
  scene->bodies.len = 300;
  scene->bodies.szx = 3;
  scene_send(scene, "/status", get_whole(0));
  expect_body(scene, 300);
  script_server_expect(&scene->server, "> CON GET /status\n"
                                       "< ACK 2.05 2:0/1/128 [128]\n"
                                       "> CON GET /status 2:1/0/128\n"
                                       "< ACK 2.05 2:1/1/128 [128]\n"
                                       "> CON GET /status 2:2/0/128\n"
                                       "< ACK 2.05 2:2/0/128 [44]\n");
  scene_close(scene);
}
END_TEST

START_TEST(rfc7959_figure_3_early_negotiation) {
  scene_t *scene = scene_open(serve_get);
  scene->bodies.len = 180;
  scene_send(scene, "/status", get_whole(64));
  expect_body(scene, 180);
  script_server_expect(&scene->server, "> CON GET /status 2:0/0/64\n"
                                       "< ACK 2.05 2:0/1/64 [64]\n"
                                       "> CON GET /status 2:1/0/64\n"
                                       "< ACK 2.05 2:1/1/64 [64]\n"
                                       "> CON GET /status 2:2/0/64\n"
                                       "< ACK 2.05 2:2/0/64 [52]\n");
  scene_close(scene);
}
END_TEST

START_TEST(rfc7959_figure_4_late_negotiation_by_the_server) {
  scene_t *scene = scene_open(serve_get);
  scene->bodies.len = 100;
  scene->bodies.szx = 2;
  scene->bodies.smaller_at = 2;
  scene_send(scene, "/status", get_whole(0));
  expect_body(scene, 100);
  script_server_expect(&scene->server, "> CON GET /status\n"
                                       "< ACK 2.05 2:0/1/64 [64]\n"
                                       "> CON GET /status 2:1/0/64\n"
                                       "< ACK 2.05 2:4/1/16 [16]\n"
                                       "> CON GET /status 2:5/0/16\n"
                                       "< ACK 2.05 2:5/1/16 [16]\n"
                                       "> CON GET /status 2:6/0/16\n"
                                       "< ACK 2.05 2:6/0/16 [4]\n");
  scene_close(scene);
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

START_TEST(rfc7959_figures_5_and_6_lost_con_and_lost_ack) {
  for (unsigned nth = 3; nth <= 4; nth++) {
    unsigned left = nth;
    scene_t *scene = scene_open(serve_get);
    scene->bodies.len = 300;
    scene->bodies.szx = 3;
    acoap_sim_set_filter(scene->rig.sim, lose_nth, &left);
    scene_send(scene, "/status", get_whole(0));
    expect_body(scene, 300);
    ck_assert_uint_eq(scene->server.count, nth == 3 ? 3u : 4u);
    acoap_sim_set_filter(scene->rig.sim, NULL, NULL);
    scene_close(scene);
  }
}
END_TEST

/* ---- RFC 7959 section 3.2: Block1 ----------------------------------------------------------- */

static acoap_desc_t *put_body(const scene_t *scene, size_t size, size_t len) {
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_block1(desc, size, scene->rig.body, len);
  return desc;
}

static void expect_stored(const scene_t *scene, size_t len) {
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->bodies.stored_len, len);
  ck_assert_mem_eq(scene->bodies.stored, scene->rig.body, len);
}

START_TEST(rfc7959_figure_7_simple_atomic_put) {
  scene_t *scene = scene_open(serve_put);
  scene_send(scene, "/options", put_body(scene, 128, 300));
  expect_stored(scene, 300);
  script_server_expect(&scene->server, "> CON PUT /options 1:0/1/128 [128]\n"
                                       "< ACK 2.31 1:0/1/128\n"
                                       "> CON PUT /options 1:1/1/128 [128]\n"
                                       "< ACK 2.31 1:1/1/128\n"
                                       "> CON PUT /options 1:2/0/128 [44]\n"
                                       "< ACK 2.04 1:2/0/128\n");
  scene_close(scene);
}
END_TEST

START_TEST(rfc7959_figure_8_simple_stateless_put) {
  scene_t *scene = scene_open(serve_put);
  scene->bodies.stateless = true;
  scene_send(scene, "/options", put_body(scene, 128, 300));
  expect_stored(scene, 300);
  script_server_expect(&scene->server, "> CON PUT /options 1:0/1/128 [128]\n"
                                       "< ACK 2.04 1:0/0/128\n"
                                       "> CON PUT /options 1:1/1/128 [128]\n"
                                       "< ACK 2.04 1:1/0/128\n"
                                       "> CON PUT /options 1:2/0/128 [44]\n"
                                       "< ACK 2.04 1:2/0/128\n");
  scene_close(scene);
}
END_TEST

START_TEST(rfc7959_figure_9_atomic_put_with_negotiation) {
  scene_t *scene = scene_open(serve_put);
  scene->bodies.put_szx = 1;
  scene_send(scene, "/options", put_body(scene, 128, 220));
  expect_stored(scene, 220);
  script_server_expect(&scene->server, "> CON PUT /options 1:0/1/128 [128]\n"
                                       "< ACK 2.31 1:0/1/32\n"
                                       "> CON PUT /options 1:4/1/32 [32]\n"
                                       "< ACK 2.31 1:4/1/32\n"
                                       "> CON PUT /options 1:5/1/32 [32]\n"
                                       "< ACK 2.31 1:5/1/32\n"
                                       "> CON PUT /options 1:6/0/32 [28]\n"
                                       "< ACK 2.04 1:6/0/32\n");
  scene_close(scene);
}
END_TEST

/* ---- RFC 7959 section 3.3: both ------------------------------------------------------------- */

START_TEST(rfc7959_figure_10_atomic_post_with_block_wise_response) {
  scene_t *scene = scene_open(serve_put);
  scene->bodies.szx = 3;
  scene->bodies.response_len = 300;
  acoap_desc_t *desc = acoap_desc_post();
  acoap_desc_block1(desc, 128, scene->rig.body, 300);
  acoap_desc_block2(desc, 0);
  acoap_desc_collect(desc, RIG_BODY);
  scene_send(scene, "/soap", desc);
  expect_body(scene, 300);
  expect_stored(scene, 300);
  script_server_expect(&scene->server, "> CON POST /soap 1:0/1/128 [128]\n"
                                       "< ACK 2.31 1:0/1/128\n"
                                       "> CON POST /soap 1:1/1/128 [128]\n"
                                       "< ACK 2.31 1:1/1/128\n"
                                       "> CON POST /soap 1:2/0/128 [44]\n"
                                       "< ACK 2.04 1:2/0/128 2:0/1/128 [128]\n"
                                       "> CON POST /soap 2:1/0/128\n"
                                       "< ACK 2.04 2:1/1/128 [128]\n"
                                       "> CON POST /soap 2:2/0/128\n"
                                       "< ACK 2.04 2:2/0/128 [44]\n");
  scene_close(scene);
}
END_TEST

START_TEST(rfc7959_figure_11_block2_is_negotiated_with_the_last_block1) {
  scene_t *scene = scene_open(serve_put);
  scene->bodies.response_len = 100;
  acoap_desc_t *desc = acoap_desc_post();
  acoap_desc_block2(desc, 64);
  acoap_desc_block1(desc, 128, scene->rig.body, 200);
  scene_send(scene, "/soap", desc);
  script_server_expect(&scene->server, "> CON POST /soap 1:0/1/128 [128]\n"
                                       "< ACK 2.31 1:0/1/128\n"
                                       "> CON POST /soap 1:1/0/128 2:0/0/64 [72]\n"
                                       "< ACK 2.04 1:1/0/128 2:0/1/64 [64]\n"
                                       "> CON POST /soap 2:1/0/64\n"
                                       "< ACK 2.04 2:1/0/64 [36]\n");
  scene_close(scene);
}
END_TEST

/* ---- what Block1 meets ---------------------------------------------------------------------- */

START_TEST(body_that_fits_into_one_block_goes_as_an_ordinary_payload) {
  scene_t *scene = scene_open(serve_put);
  scene_send(scene, "/p", put_body(scene, 64, 64));
  expect_stored(scene, 64);
  script_server_expect(&scene->server, "> CON PUT /p [64]\n< ACK 2.04\n");
  scene_close(scene);
}
END_TEST

START_TEST(too_large_with_a_smaller_size_starts_again_with_that) {
  scene_t *scene = scene_open(serve_put);
  scene->bodies.put_szx = 2;
  scene->bodies.reject_larger = 1;
  scene_send(scene, "/p", put_body(scene, 128, 150));
  expect_stored(scene, 150);
  script_server_expect(&scene->server, "> CON PUT /p 1:0/1/128 [128]\n"
                                       "< ACK 4.13 1:0/0/64\n"
                                       "> CON PUT /p 1:0/1/64 [64]\n"
                                       "< ACK 2.31 1:0/1/64\n"
                                       "> CON PUT /p 1:1/1/64 [64]\n"
                                       "< ACK 2.31 1:1/1/64\n"
                                       "> CON PUT /p 1:2/0/64 [22]\n"
                                       "< ACK 2.04 1:2/0/64\n");
  scene_close(scene);
}
END_TEST

START_TEST(incomplete_starts_again_once) {
  for (unsigned times = 1; times <= 2; times++) {
    scene_t *scene = scene_open(serve_put);
    scene->bodies.incomplete = times;
    scene_send(scene, "/p", put_body(scene, 64, 150));
    if (times == 1) {
      expect_stored(scene, 150);
    } else {
      ck_assert_int_eq(scene->outcome.status, ACOAP_ECLIENTERROR);
      ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
      ck_assert_uint_eq(scene->server.requests, 4);
    }
    scene_close(scene);
  }
}
END_TEST

static void ignore_block1(script_server_t *server, const acoap_view_t *view) {
  if (acoap_code_is_request(view->code)) {
    script_server_begin(server, ACOAP_CODE_CHANGED);
    script_server_send(server);
  }
}

START_TEST(server_that_ignores_block1_is_noticed) {
  scene_t *scene = scene_open(ignore_block1);
  scene_send(scene, "/p", put_body(scene, 64, 150));
  ck_assert_int_eq(scene->outcome.status, ACOAP_EINCOMPLETE);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_CHANGED);
  ck_assert_uint_eq(scene->server.requests, 1);
  scene_close(scene);
}
END_TEST

static void wrong_block1_number(script_server_t *server, const acoap_view_t *view) {
  acoap_block_t block = {5, true, 2};
  (void)view;
  acoap_builder_block(script_server_begin(server, ACOAP_CODE_CONTINUE), ACOAP_OPTION_BLOCK1,
                      &block);
  script_server_send(server);
}

static void continue_forever(script_server_t *server, const acoap_view_t *view) {
  acoap_block_t block = {0, true, 2};
  (void)acoap_view_block(view, ACOAP_OPTION_BLOCK1, &block);
  acoap_builder_block(script_server_begin(server, ACOAP_CODE_CONTINUE), ACOAP_OPTION_BLOCK1,
                      &block);
  script_server_send(server);
}

START_TEST(wrong_answers_to_block1_end_the_transfer) {
  scene_t *scene = scene_open(wrong_block1_number);
  scene_send(scene, "/p", put_body(scene, 64, 150));
  ck_assert_int_eq(scene->outcome.status, ACOAP_EBLOCK);
  scene_close(scene);
  scene = scene_open(continue_forever);
  scene_send(scene, "/p", put_body(scene, 64, 150));
  ck_assert_int_eq(scene->outcome.status, ACOAP_EBLOCK);
  ck_assert_uint_eq(scene->server.requests, 3);
  scene_close(scene);
}
END_TEST

static int read_from_rig(void *user_data, uint64_t offset, uint8_t *room, size_t cap) {
  const scene_t *scene = user_data;
  size_t left = offset < 150 ? 150 - (size_t)offset : 0;
  size_t n = left < cap ? left : cap;
  memcpy(room, scene->rig.body + offset, n);
  return (int)n;
}

START_TEST(reader_gives_the_body_with_and_without_a_known_total) {
  for (int64_t total = -1; total <= 150; total += 151) {
    for (size_t size = 16; size <= 128; size *= 2) {
      scene_t *scene = scene_open(serve_put);
      acoap_desc_t *desc = acoap_desc_put();
      acoap_desc_block1_reader(desc, size, total, read_from_rig, scene);
      scene_send(scene, "/p", desc);
      expect_stored(scene, 150);
      scene_close(scene);
    }
  }
}
END_TEST

static int read_and_fail(void *user_data, uint64_t offset, uint8_t *room, size_t cap) {
  if (offset >= 64) {
    return ACOAP_ENOTFOUND;
  }
  return read_from_rig(user_data, offset, room, cap);
}

START_TEST(reader_that_fails_ends_the_send_with_its_error) {
  scene_t *scene = scene_open(serve_put);
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_block1_reader(desc, 32, 150, read_and_fail, scene);
  scene_send(scene, "/p", desc);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ENOTFOUND);
  ck_assert_uint_eq(scene->server.requests, 2);
  scene_close(scene);
}
END_TEST

START_TEST(block_gives_way_to_long_options_of_outer_layers) {
  scene_t *scene = scene_open(serve_put);
  char path[201];
  memset(path, 'a', 200);
  path[200] = '\0';
  acoap_desc_t *desc = put_body(scene, 1024, 2000);
  acoap_desc_path(desc, path);
  scene_send(scene, "/p", desc);
  expect_stored(scene, 2000);
  ck_assert_uint_eq(scene->server.requests, 4); /* blocks of 512 */
  scene_close(scene);
}
END_TEST

typedef struct sizes {
  unsigned first;  /* requests with Size1, or with Size2 */
  uint32_t value;  /* of it */
  uint16_t number; /* which of the two */
} sizes_t;

static bool note_size(void *user_data, acoap_time_t now, const acoap_path_t *path,
                      const acoap_address_t *from, acoap_bytes_t bytes) {
  sizes_t *sizes = user_data;
  acoap_view_t view;
  (void)now;
  (void)path;
  (void)from;
  if (acoap_decode(&view, bytes.data, bytes.len, 8, NULL) == 0 &&
      acoap_code_is_request(view.code) && acoap_view_uint(&view, sizes->number, &sizes->value)) {
    sizes->first++;
  }
  return true;
}

START_TEST(size1_goes_with_the_first_block_when_the_total_is_known) {
  for (int64_t total = -1; total <= 150; total += 151) {
    sizes_t sizes = {.number = ACOAP_OPTION_SIZE1};
    scene_t *scene = scene_open(serve_put);
    acoap_sim_set_filter(scene->rig.sim, note_size, &sizes);
    acoap_desc_t *desc = acoap_desc_put();
    acoap_desc_block1_reader(desc, 64, total, read_from_rig, scene);
    scene_send(scene, "/p", desc);
    ck_assert_uint_eq(sizes.first, total < 0 ? 0u : 1u);
    ck_assert_uint_eq(sizes.value, total < 0 ? 0u : 150u);
    acoap_sim_set_filter(scene->rig.sim, NULL, NULL);
    scene_close(scene);
  }
}
END_TEST

typedef struct tokens {
  uint8_t seen[16][8];
  unsigned count;
  unsigned distinct;
} tokens_t;

static bool note_token(void *user_data, acoap_time_t now, const acoap_path_t *path,
                       const acoap_address_t *from, acoap_bytes_t bytes) {
  tokens_t *tokens = user_data;
  acoap_view_t view;
  (void)now;
  (void)path;
  (void)from;
  if (acoap_decode(&view, bytes.data, bytes.len, 8, NULL) == 0 &&
      acoap_code_is_request(view.code) && tokens->count < 16) {
    bool known = false;
    for (unsigned i = 0; i < tokens->count; i++) {
      known = known || memcmp(tokens->seen[i], view.token.data, view.token.len) == 0;
    }
    tokens->distinct += known ? 0 : 1;
    memcpy(tokens->seen[tokens->count++], view.token.data, view.token.len);
  }
  return true;
}

START_TEST(tokens_are_new_for_each_block_or_kept) {
  for (int way = 0; way < 3; way++) {
    tokens_t tokens = {.count = 0};
    scene_t *scene = scene_open(serve_put);
    acoap_sim_set_filter(scene->rig.sim, note_token, &tokens);
    acoap_desc_t *desc = put_body(scene, 64, 200);
    if (way == 1) {
      acoap_desc_keep_token(desc);
    } else if (way == 2) {
      acoap_desc_token(desc, "abc", 3);
    }
    scene_send(scene, "/p", desc);
    expect_stored(scene, 200);
    ck_assert_uint_eq(tokens.count, 4);
    ck_assert_uint_eq(tokens.distinct, way == 0 ? 4u : 1u);
    if (way == 2) {
      ck_assert_mem_eq(tokens.seen[0], "abc", 3);
    }
    acoap_sim_set_filter(scene->rig.sim, NULL, NULL);
    scene_close(scene);
  }
}
END_TEST

/* ---- what Block2 meets ---------------------------------------------------------------------- */

START_TEST(collect_and_block2_work_in_either_order) {
  scene_t *scene = scene_open(serve_get);
  scene->bodies.len = 1000;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_collect(desc, RIG_BODY);
  acoap_desc_block2(desc, 64);
  scene_send(scene, "/b", desc);
  expect_body(scene, 1000);
  ck_assert_uint_eq(scene->server.requests, 16);
  scene_close(scene);
}
END_TEST

START_TEST(collect_alone_fetches_the_blocks_too) {
  scene_t *scene = scene_open(serve_get);
  scene->bodies.len = 3000;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_collect(desc, RIG_BODY);
  scene_send(scene, "/b", desc);
  expect_body(scene, 3000);
  scene_close(scene);
}
END_TEST

START_TEST(changed_etag_restarts_once) {
  scene_t *scene = scene_open(serve_get);
  scene->bodies.len = 500;
  scene->bodies.szx = 3;
  scene->bodies.etag = "one";
  scene->bodies.change_at = 3;
  scene_send(scene, "/b", get_whole(0));
  expect_body(scene, 500);
  ck_assert_uint_eq(scene->server.requests, 3 + 4);
  scene_close(scene);
  scene = scene_open(serve_get);
  scene->bodies.len = 500;
  scene->bodies.szx = 3;
  scene->bodies.etag = "one";
  scene->bodies.change_at = 3;
  scene->bodies.change_again = 5;
  scene_send(scene, "/b", get_whole(0));
  ck_assert_int_eq(scene->outcome.status, ACOAP_ECHANGED);
  scene_close(scene);
}
END_TEST

START_TEST(body_larger_than_the_cap_is_too_big) {
  scene_t *scene = scene_open(serve_get);
  scene->bodies.len = 500;
  scene->bodies.szx = 3;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 0);
  acoap_desc_collect(desc, 300);
  scene_send(scene, "/b", desc);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETOOBIG);
  ck_assert_uint_eq(scene->server.requests, 3);
  scene_close(scene);
}
END_TEST

START_TEST(size2_beyond_the_cap_is_too_big_at_once) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open_pair(&rig, 4);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_collect(desc, 4999);
  ck_assert_int_eq(rig_send(&rig, "/large", desc, &outcome, NULL), 0);
  client_rig_run(&rig, 1000);
  ck_assert_int_eq(outcome.status, ACOAP_ETOOBIG);
  ck_assert_uint_eq(rig.handled, 1);
  client_rig_close(&rig);
}
END_TEST

static void ignore_block2(script_server_t *server, const acoap_view_t *view) {
  bodies_t *bodies = server->user_data;
  (void)view;
  script_server_block2(server, ACOAP_CODE_CONTENT, 0, 2, bodies->rig->body, 500, NULL);
}

static void answer_another_block(script_server_t *server, const acoap_view_t *view) {
  bodies_t *bodies = server->user_data;
  acoap_block_t block = script_server_asked(view, 2);
  script_server_block2(server, ACOAP_CODE_CONTENT, block.num == 0 ? 0 : block.num + 1, 2,
                       bodies->rig->body, 500, NULL);
}

static void answer_short_blocks(script_server_t *server, const acoap_view_t *view) {
  acoap_block_t block = {0, true, 2};
  (void)view;
  acoap_builder_t *builder = script_server_begin(server, ACOAP_CODE_CONTENT);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  acoap_builder_payload(builder, "short", 5);
  script_server_send(server);
}

static void answer_without_block2(script_server_t *server, const acoap_view_t *view) {
  bodies_t *bodies = server->user_data;
  acoap_block_t block = script_server_asked(view, 2);
  if (block.num == 0) {
    script_server_block2(server, ACOAP_CODE_CONTENT, 0, 2, bodies->rig->body, 500, NULL);
    return;
  }
  acoap_builder_payload(script_server_begin(server, ACOAP_CODE_CONTENT), "whole", 5);
  script_server_send(server);
}

static void answer_larger_blocks(script_server_t *server, const acoap_view_t *view) {
  bodies_t *bodies = server->user_data;
  acoap_block_t block = script_server_asked(view, 2);
  if (block.num == 2) { /* offset 128, as one of size 128 */
    script_server_block2(server, ACOAP_CODE_CONTENT, 1, 3, bodies->rig->body, 500, NULL);
    return;
  }
  script_server_block2(server, ACOAP_CODE_CONTENT, block.num, 2, bodies->rig->body, 500, NULL);
}

static void answer_reserved_size(script_server_t *server, const acoap_view_t *view) {
  (void)view;
  acoap_builder_t *builder = script_server_begin(server, ACOAP_CODE_CONTENT);
  acoap_builder_option(builder, ACOAP_OPTION_BLOCK2, "\x0f", 1);
  acoap_builder_payload(builder, "short", 5);
  script_server_send(server);
}

START_TEST(blocks_that_do_not_fit_together_end_the_transfer) {
  const script_server_cb servers[] = {ignore_block2,        answer_another_block,
                                      answer_short_blocks,  answer_without_block2,
                                      answer_larger_blocks, answer_reserved_size};
  for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
    scene_t *scene = scene_open(servers[i]);
    scene_send(scene, "/b", get_whole(0));
    ck_assert_msg(scene->outcome.status == ACOAP_EBLOCK, "server %u: %d", (unsigned)i,
                  scene->outcome.status);
    ck_assert_uint_le(scene->server.requests, 3);
    scene_close(scene);
  }
}
END_TEST

static void grow_forever(script_server_t *server, const acoap_view_t *view) {
  acoap_block_t block = script_server_asked(view, 6);
  static const uint8_t filler[1024];
  block.more = true;
  acoap_builder_t *builder = script_server_begin(server, ACOAP_CODE_CONTENT);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  acoap_builder_payload(builder, filler, acoap_block_size(block.szx));
  script_server_send(server);
}

START_TEST(endless_body_is_bounded_by_the_cap) {
  scene_t *scene = scene_open(grow_forever);
  scene->server.silent_trace = true;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 0);
  acoap_desc_collect(desc, 1 << 20);
  scene_send(scene, "/b", desc);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETOOBIG);
  ck_assert_uint_eq(scene->server.requests, 1025);
  scene_close(scene);
}
END_TEST

static int count_bytes(void *user_data, uint64_t offset, const uint8_t *bytes, size_t len,
                       int64_t total) {
  scene_t *scene = user_data;
  (void)total;
  if (offset == 0) {
    scene->bodies.stored_len = 0;
  }
  ck_assert_uint_eq(offset, scene->bodies.stored_len);
  ck_assert_uint_le(offset + len, sizeof(scene->bodies.stored));
  memcpy(scene->bodies.stored + offset, bytes, len);
  scene->bodies.stored_len += len;
  return 0;
}

START_TEST(block_writer_takes_the_body_piece_by_piece) {
  scene_t *scene = scene_open(serve_get);
  scene->bodies.len = 4999;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 256);
  acoap_desc_block_writer(desc, count_bytes, scene);
  scene_send(scene, "/b", desc);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->outcome.len, 0);
  ck_assert_uint_eq(scene->bodies.stored_len, 4999);
  ck_assert_mem_eq(scene->bodies.stored, scene->rig.body, 4999);
  scene_close(scene);
}
END_TEST

static int refuse_bytes(void *user_data, uint64_t offset, const uint8_t *bytes, size_t len,
                        int64_t total) {
  (void)user_data;
  (void)bytes;
  (void)len;
  (void)total;
  return offset >= 128 ? ACOAP_ENOSPACE : 0;
}

START_TEST(block_writer_that_fails_ends_the_send_with_its_error) {
  scene_t *scene = scene_open(serve_get);
  scene->bodies.len = 1000;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 64);
  acoap_desc_block_writer(desc, refuse_bytes, NULL);
  scene_send(scene, "/b", desc);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ENOSPACE);
  ck_assert(!scene->outcome.has_message);
  ck_assert_uint_eq(scene->server.requests, 3);
  scene_close(scene);
}
END_TEST

START_TEST(fetch_repeats_its_payload_for_further_blocks_and_post_does_not) {
  for (int post = 0; post < 2; post++) {
    scene_t *scene = scene_open(serve_get);
    scene->bodies.len = 100;
    scene->bodies.szx = 2;
    acoap_desc_t *desc = post ? acoap_desc_post() : acoap_desc_fetch();
    acoap_desc_payload(desc, "what", 4);
    acoap_desc_block2(desc, 0);
    acoap_desc_collect(desc, RIG_BODY);
    scene_send(scene, "/q", desc);
    expect_body(scene, 100);
    script_server_expect(&scene->server, post ? "> CON POST /q [4]\n"
                                                "< ACK 2.05 2:0/1/64 [64]\n"
                                                "> CON POST /q 2:1/0/64\n"
                                                "< ACK 2.05 2:1/0/64 [36]\n"
                                              : "> CON FETCH /q [4]\n"
                                                "< ACK 2.05 2:0/1/64 [64]\n"
                                                "> CON FETCH /q 2:1/0/64 [4]\n"
                                                "< ACK 2.05 2:1/0/64 [36]\n");
    scene_close(scene);
  }
}
END_TEST

/* ---- progress ------------------------------------------------------------------------------- */

typedef struct progress {
  unsigned calls;
  acoap_progress_t last;
  uint64_t uploaded; /* the greatest bytes of upload */
} progress_t;

static void note_progress(void *user_data, const acoap_progress_t *progress,
                          acoap_message_t *message) {
  progress_t *noted = user_data;
  ck_assert_ptr_nonnull(message);
  if (progress->upload) {
    ck_assert_uint_ge(progress->bytes, noted->uploaded);
    noted->uploaded = progress->bytes;
  }
  noted->calls++;
  noted->last = *progress;
}

START_TEST(inspect_sees_every_block_and_how_far_the_transfer_is) {
  client_rig_t rig;
  outcome_t outcome = {0};
  progress_t noted = {.calls = 0};
  client_rig_open_pair(&rig, 5);
  acoap_desc_t *desc = get_whole(512);
  acoap_desc_inspect(desc, note_progress, &noted);
  ck_assert_int_eq(rig_send(&rig, "/large", desc, &outcome, NULL), 0);
  client_rig_run(&rig, 1);
  client_rig_run(&rig, 1000);
  ck_assert_uint_eq(noted.calls, 10);
  ck_assert_uint_eq(noted.last.bytes, 5000);
  ck_assert_int_eq((int)noted.last.total, 5000);
  ck_assert_uint_eq(noted.last.block_size, 512);
  ck_assert(!noted.last.upload);
  memset(&noted, 0, sizeof(noted));
  memset(&outcome, 0, sizeof(outcome));
  desc = acoap_desc_put();
  acoap_desc_block1(desc, 512, rig.body, 2000);
  acoap_desc_inspect(desc, note_progress, &noted);
  ck_assert_int_eq(rig_send(&rig, "/put", desc, &outcome, NULL), 0);
  client_rig_run(&rig, 1000);
  ck_assert_uint_eq(noted.calls, 4);
  ck_assert(noted.last.upload);
  ck_assert_uint_eq(noted.last.bytes, 2000);
  ck_assert_int_eq((int)noted.last.total, 2000);
  ck_assert_uint_eq(rig.stored_len, 2000);
  ck_assert_mem_eq(rig.stored, rig.body, 2000);
  client_rig_close(&rig);
}
END_TEST

START_TEST(first_request_of_a_watched_transfer_asks_for_the_total) {
  for (int watched = 0; watched < 2; watched++) {
    sizes_t sizes = {.number = ACOAP_OPTION_SIZE2, .value = 7};
    progress_t noted = {.calls = 0};
    scene_t *scene = scene_open(serve_get);
    scene->bodies.len = 500;
    acoap_sim_set_filter(scene->rig.sim, note_size, &sizes);
    acoap_desc_t *desc = get_whole(64);
    if (watched) {
      acoap_desc_inspect(desc, note_progress, &noted);
    }
    scene_send(scene, "/b", desc);
    ck_assert_uint_eq(sizes.first, watched ? 1u : 0u);
    ck_assert_uint_eq(sizes.value, watched ? 0u : 7u);
    acoap_sim_set_filter(scene->rig.sim, NULL, NULL);
    scene_close(scene);
  }
}
END_TEST

START_TEST(transfers_both_ways_survive_a_lossy_network) {
  client_rig_t rig;
  outcome_t down = {0};
  outcome_t up = {0};
  acoap_params_t params;
  acoap_sim_conditions_t conditions = {.size = sizeof(conditions),
                                       .loss_ppm = 200000,
                                       .duplicate_ppm = 100000,
                                       .delay_min_ms = 5,
                                       .delay_max_ms = 500};
  client_rig_open_pair(&rig, 6);
  acoap_params_init(&params);
  params.max_retransmit = 12;
  ck_assert_int_eq(acoap_sim_set_conditions(rig.sim, &conditions), 0);
  acoap_desc_t *desc = get_whole(64);
  acoap_desc_params(desc, &params);
  ck_assert_int_eq(rig_send(&rig, "/large", desc, &down, NULL), 0);
  desc = acoap_desc_put();
  acoap_desc_block1(desc, 64, rig.body, RIG_BODY);
  acoap_desc_params(desc, &params);
  ck_assert_int_eq(rig_send(&rig, "/put", desc, &up, NULL), 0);
  client_rig_run(&rig, 4000000);
  ck_assert_int_eq(down.status, 0);
  ck_assert_uint_eq(down.len, RIG_BODY);
  ck_assert_mem_eq(down.body, rig.body, RIG_BODY);
  ck_assert_int_eq(up.status, 0);
  ck_assert_uint_eq(rig.stored_len, RIG_BODY);
  ck_assert_mem_eq(rig.stored, rig.body, RIG_BODY);
  client_rig_close(&rig);
}
END_TEST

/* ---- as a stream ---------------------------------------------------------------------------- */

static void pause_after_each(void *user_data, int status, acoap_message_t *message) {
  outcome_t *outcome = user_data;
  outcome_note(outcome, status, message);
  if (status == 0) {
    acoap_stream_pause(outcome->stream);
  }
}

START_TEST(paused_block_transfer_asks_for_no_next_block) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open_pair(&rig, 7);
  rig.body_len = 200;
  acoap_remote_endpoint_t *remote = client_rig_remote(&rig, "/large");
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 64);
  ck_assert_int_eq(acoap_send_stream(remote, desc, pause_after_each, &outcome, &outcome.stream), 0);
  acoap_remote_endpoint_unref(remote);
  for (unsigned block = 1; block <= 4; block++) {
    client_rig_run(&rig, 10000);
    ck_assert_uint_eq(outcome.items, block);
    ck_assert_uint_eq(rig.handled, block);
    ck_assert_uint_eq(outcome.finals, 0);
    ck_assert(acoap_stream_paused(outcome.stream));
    acoap_stream_resume(outcome.stream);
  }
  client_rig_run(&rig, 10);
  ck_assert_uint_eq(outcome.finals, 1);
  ck_assert_int_eq(outcome.status, ACOAP_EEND);
  ck_assert(acoap_stream_ended(outcome.stream));
  ck_assert_uint_eq(acoap_stream_dropped(outcome.stream), 0);
  acoap_stream_unref(outcome.stream);
  client_rig_close(&rig);
}
END_TEST

static Suite *block_suite(void) {
  Suite *suite = suite_create("flow/client_block");
  TCase *figures = tcase_create("RFC 7959 section 3");
  tcase_add_test(figures, rfc7959_figure_2_simple_block_wise_get);
  tcase_add_test(figures, rfc7959_figure_3_early_negotiation);
  tcase_add_test(figures, rfc7959_figure_4_late_negotiation_by_the_server);
  tcase_add_test(figures, rfc7959_figures_5_and_6_lost_con_and_lost_ack);
  tcase_add_test(figures, rfc7959_figure_7_simple_atomic_put);
  tcase_add_test(figures, rfc7959_figure_8_simple_stateless_put);
  tcase_add_test(figures, rfc7959_figure_9_atomic_put_with_negotiation);
  tcase_add_test(figures, rfc7959_figure_10_atomic_post_with_block_wise_response);
  tcase_add_test(figures, rfc7959_figure_11_block2_is_negotiated_with_the_last_block1);
  suite_add_tcase(suite, figures);
  TCase *block1 = tcase_create("block1");
  tcase_add_test(block1, body_that_fits_into_one_block_goes_as_an_ordinary_payload);
  tcase_add_test(block1, too_large_with_a_smaller_size_starts_again_with_that);
  tcase_add_test(block1, incomplete_starts_again_once);
  tcase_add_test(block1, server_that_ignores_block1_is_noticed);
  tcase_add_test(block1, wrong_answers_to_block1_end_the_transfer);
  tcase_add_test(block1, reader_gives_the_body_with_and_without_a_known_total);
  tcase_add_test(block1, reader_that_fails_ends_the_send_with_its_error);
  tcase_add_test(block1, block_gives_way_to_long_options_of_outer_layers);
  tcase_add_test(block1, size1_goes_with_the_first_block_when_the_total_is_known);
  tcase_add_test(block1, tokens_are_new_for_each_block_or_kept);
  suite_add_tcase(suite, block1);
  TCase *block2 = tcase_create("block2");
  tcase_add_test(block2, collect_and_block2_work_in_either_order);
  tcase_add_test(block2, collect_alone_fetches_the_blocks_too);
  tcase_add_test(block2, changed_etag_restarts_once);
  tcase_add_test(block2, body_larger_than_the_cap_is_too_big);
  tcase_add_test(block2, size2_beyond_the_cap_is_too_big_at_once);
  tcase_add_test(block2, blocks_that_do_not_fit_together_end_the_transfer);
  tcase_add_test(block2, endless_body_is_bounded_by_the_cap);
  tcase_add_test(block2, block_writer_takes_the_body_piece_by_piece);
  tcase_add_test(block2, block_writer_that_fails_ends_the_send_with_its_error);
  tcase_add_test(block2, fetch_repeats_its_payload_for_further_blocks_and_post_does_not);
  suite_add_tcase(suite, block2);
  TCase *progress = tcase_create("progress");
  tcase_add_test(progress, inspect_sees_every_block_and_how_far_the_transfer_is);
  tcase_add_test(progress, first_request_of_a_watched_transfer_asks_for_the_total);
  tcase_add_test(progress, transfers_both_ways_survive_a_lossy_network);
  tcase_add_test(progress, paused_block_transfer_asks_for_no_next_block);
  suite_add_tcase(suite, progress);
  return suite;
}

ACOAP_TEST_MAIN(block_suite)
