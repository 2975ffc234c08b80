/*
 * Bodies that come in sets of non-confirmable messages (RFC 9177): what a client asks for, when,
 * and under which tokens; against a server that is scripted datagram by datagram.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "client_rig.h"
#include "script_server.h"

enum { BODY_MAX = 4096, KEPT = 8, SZX = 2, SIZE = 64 };

/* A server of one body in blocks of 64 bytes. */
typedef struct scene {
  client_rig_t rig;
  script_server_t server;
  outcome_t outcome;
  acoap_remote_endpoint_t *known; /* keeps what was learnt of the server */
  size_t len;                     /* of the body */
  const char *etag;               /* of it; NULL: none */
  uint64_t lost;                  /* bit n: block n is lost, once */
  uint64_t lost_again;            /* bit n: and once more */
  bool backwards;                 /* the blocks of a set leave in the reverse order */
  bool deaf;                      /* nothing is answered any more */
  bool goes_on;                   /* the next set follows by itself */
  bool uses_first_token;          /* everything carries the token of the first request */
  uint8_t szx;                    /* of the blocks */
  acoap_type_t type;              /* of what is not in an ACK */
  unsigned asked;                 /* requests */
  acoap_time_t asked_at[64];      /* when */
  uint64_t written;               /* bytes that the client's writer took */
  uint64_t inspected;             /* the last progress */
  unsigned blocks;                /* seen by inspect */
  uint8_t body[BODY_MAX];
} scene_t;

/* ---- the server ------------------------------------------------------------------------------ */

static uint32_t block_count(const scene_t *scene) {
  size_t size = acoap_block_size(scene->szx);
  return scene->len == 0 ? 1 : (uint32_t)((scene->len + size - 1) / size);
}

/* One block with Q-Block2, ETag and Size2, in what was begun. */
static void put_block(scene_t *scene, acoap_builder_t *builder, uint32_t num) {
  size_t size = acoap_block_size(scene->szx);
  size_t offset = num * size;
  size_t n = scene->len - offset < size ? scene->len - offset : size;
  acoap_block_t block = {num, offset + n < scene->len, scene->szx};
  acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK2, &block);
  acoap_builder_uint(builder, ACOAP_OPTION_SIZE2, (uint32_t)scene->len);
  if (scene->etag != NULL) {
    acoap_builder_option(builder, ACOAP_OPTION_ETAG, scene->etag, strlen(scene->etag));
  }
  acoap_builder_payload(builder, scene->body + offset, n);
}

static bool is_lost(scene_t *scene, uint32_t num) {
  uint64_t bit = num < 64 ? UINT64_C(1) << num : 0;
  if ((scene->lost & bit) != 0) {
    scene->lost &= ~bit;
    return true;
  }
  if ((scene->lost_again & bit) != 0) {
    scene->lost_again &= ~bit;
    return true;
  }
  return false;
}

static void send_block(scene_t *scene, uint32_t num, bool piggybacked) {
  if (is_lost(scene, num)) {
    return;
  }
  put_block(scene,
            piggybacked ? script_server_begin(&scene->server, ACOAP_CODE_CONTENT)
                        : script_server_begin_as(&scene->server, scene->type, ACOAP_CODE_CONTENT),
            num);
  script_server_send(&scene->server);
}

static void send_set(scene_t *scene, uint32_t from, bool piggybacked) {
  uint32_t end = (from / 10 + 1) * 10;
  end = end < block_count(scene) ? end : block_count(scene);
  for (uint32_t i = from; i < end; i++) {
    send_block(scene, scene->backwards ? end - 1 - (i - from) : i, piggybacked && i == from);
  }
  if (scene->goes_on && end < block_count(scene)) {
    send_set(scene, end, false);
  }
}

static void serve(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_bytes_t value;
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  scene->asked_at[scene->asked++ % 64] = acoap_sim_now(scene->rig.sim);
  if (scene->deaf) {
    return;
  }
  if (scene->uses_first_token) {
    memcpy(server->token, server->first_token, server->token_len);
  }
  bool piggybacked = view->type == ACOAP_CON;
  for (size_t n = 0; acoap_view_option(view, ACOAP_OPTION_Q_BLOCK2, n, &value); n++) {
    acoap_block_t block;
    ck_assert_int_eq(acoap_block_decode(value, &block), 0);
    ck_assert(!acoap_view_option(view, ACOAP_OPTION_BLOCK2, 0, &value));
    scene->szx = block.szx < scene->szx ? block.szx : scene->szx;
    if (block.num >= block_count(scene)) {
      continue;
    }
    if (block.more) {
      send_set(scene, block.num, piggybacked && n == 0);
    } else {
      send_block(scene, block.num, piggybacked && n == 0);
    }
  }
}

/* ---- scenes ---------------------------------------------------------------------------------- */

static scene_t *scene_open(script_server_cb on_message, size_t len) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  client_rig_open(&scene->rig, 1);
  script_server_open(&scene->server, scene->rig.sim, RIG_SERVER, on_message, scene);
  scene->known = client_rig_remote(&scene->rig, "/large");
  scene->len = len;
  scene->etag = "v1";
  scene->szx = SZX;
  scene->type = ACOAP_NON;
  for (size_t i = 0; i < BODY_MAX; i++) {
    scene->body[i] = (uint8_t)(i * 7 + (i >> 8) * 13);
  }
  return scene;
}

static void scene_close(scene_t *scene) {
  acoap_remote_endpoint_unref(scene->known);
  script_server_close(&scene->server);
  client_rig_close(&scene->rig);
  free(scene);
}

static acoap_desc_t *download(void) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, SIZE);
  acoap_desc_collect(desc, BODY_MAX);
  acoap_desc_qblock(desc, NULL);
  return desc;
}

static void expect_body(const scene_t *scene) {
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->outcome.len, scene->len);
  ck_assert_mem_eq(scene->outcome.body, scene->body, scene->len);
}

static void send(scene_t *scene, acoap_desc_t *desc) {
  memset(&scene->outcome, 0, sizeof(scene->outcome));
  scene->outcome.sim = scene->rig.sim;
  ck_assert_int_eq(rig_send(&scene->rig, "/large", desc, &scene->outcome, NULL), 0);
}

/* A first download, from which the client knows the server; its trace is forgotten. */
static void get_to_know(scene_t *scene) {
  size_t len = scene->len;
  scene->len = 10;
  send(scene, download());
  client_rig_run(&scene->rig, 100);
  expect_body(scene);
  scene->len = len;
  scene->szx = SZX;
  scene->server.trace[0] = '\0';
  scene->server.requests = 0;
  scene->asked = 0;
}

/* ---- section 4.1: does the server know it? --------------------------------------------------- */

START_TEST(section_4_1_an_unknown_server_is_asked_by_a_con) {
  scene_t *scene = scene_open(serve, 3 * SIZE + 5);
  send(scene, download());
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  script_server_expect(&scene->server, "> CON GET /large Q2:0/0/64\n"
                                       "< ACK 2.05 Q2:0/1/64 [64]\n"
                                       "> NON GET /large Q2:1/1/64\n"
                                       "< NON 2.05 Q2:1/1/64 [64]\n"
                                       "< NON 2.05 Q2:2/1/64 [64]\n"
                                       "< NON 2.05 Q2:3/0/64 [5]\n");
  scene_close(scene);
}
END_TEST

static void serve_block2_only(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_bytes_t value;
  if (acoap_view_option(view, ACOAP_OPTION_Q_BLOCK2, 0, &value) ||
      acoap_view_option(view, ACOAP_OPTION_Q_BLOCK1, 0, &value)) {
    script_server_begin(server, ACOAP_CODE_BAD_OPTION);
    script_server_send(server);
    return;
  }
  acoap_block_t block = script_server_asked(view, SZX);
  script_server_block2(server, ACOAP_CODE_CONTENT, block.num, block.szx, scene->body, scene->len,
                       "v1");
}

START_TEST(section_4_1_a_server_that_refuses_gets_block2_for_ever) {
  scene_t *scene = scene_open(serve_block2_only, SIZE + 5);
  send(scene, download());
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  script_server_expect(&scene->server, "> CON GET /large Q2:0/0/64\n"
                                       "< ACK 4.02\n"
                                       "> CON GET /large 2:0/0/64\n"
                                       "< ACK 2.05 2:0/1/64 [64]\n"
                                       "> CON GET /large 2:1/0/64\n"
                                       "< ACK 2.05 2:1/0/64 [5]\n");
  scene->server.trace[0] = '\0';
  send(scene, download());
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  script_server_expect(&scene->server, "> CON GET /large 2:0/0/64\n"
                                       "< ACK 2.05 2:0/1/64 [64]\n"
                                       "> CON GET /large 2:1/0/64\n"
                                       "< ACK 2.05 2:1/0/64 [5]\n");
  scene_close(scene);
}
END_TEST

/* It takes Q-Block2 for nothing, which it may not, and answers with Block2. */
static void serve_with_block2(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_block_t block = script_server_asked(view, SZX);
  script_server_block2(server, ACOAP_CODE_CONTENT, block.num, block.szx, scene->body, scene->len,
                       "v1");
}

START_TEST(section_4_1_an_answer_with_block2_goes_on_with_block2) {
  scene_t *scene = scene_open(serve_with_block2, SIZE + 5);
  send(scene, download());
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  script_server_expect(&scene->server, "> CON GET /large Q2:0/0/64\n"
                                       "< ACK 2.05 2:0/1/64 [64]\n"
                                       "> CON GET /large 2:1/0/64\n"
                                       "< ACK 2.05 2:1/0/64 [5]\n");
  scene_close(scene);
}
END_TEST

static void serve_plainly(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  (void)view;
  acoap_builder_payload(script_server_begin(server, ACOAP_CODE_CONTENT), scene->body, scene->len);
  script_server_send(server);
}

START_TEST(section_4_2_an_answer_without_the_option_is_the_body) {
  scene_t *scene = scene_open(serve_plainly, 20);
  send(scene, download());
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  scene_close(scene);
}
END_TEST

/* A NON with an option that it does not know is rejected, or met with silence (section 4.1). */
static void serve_forgetfully(script_server_t *server, const acoap_view_t *view) {
  acoap_bytes_t value;
  if (view->type == ACOAP_NON && acoap_view_option(view, ACOAP_OPTION_Q_BLOCK2, 0, &value)) {
    script_server_empty(server, ACOAP_RST);
    return;
  }
  serve_block2_only(server, view);
}

START_TEST(section_4_1_a_reset_says_that_it_knows_it_no_longer) {
  scene_t *scene = scene_open(serve, SIZE + 5);
  get_to_know(scene);
  scene->server.on_message = serve_forgetfully;
  acoap_desc_t *desc = download();
  acoap_desc_nonconfirmable(desc);
  send(scene, desc);
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  script_server_expect(&scene->server, "> NON GET /large Q2:0/1/64\n"
                                       "< RST\n"
                                       "> NON GET /large 2:0/0/64\n"
                                       "< NON 2.05 2:0/1/64 [64]\n"
                                       "> NON GET /large 2:1/0/64\n"
                                       "< NON 2.05 2:1/0/64 [5]\n");
  scene_close(scene);
}
END_TEST

/* Section 4.1 and RFC 7252 section 5.4.1: who did not ask for it does not understand it. */
static void serve_unasked(script_server_t *server, const acoap_view_t *view) {
  if (acoap_code_is_request(view->code)) {
    put_block(server->user_data, script_server_begin(server, ACOAP_CODE_CONTENT), 0);
    script_server_send(server);
  }
}

START_TEST(section_4_1_a_block_that_was_not_asked_for_is_rejected) {
  scene_t *scene = scene_open(serve_unasked, 3 * SIZE);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_collect(desc, BODY_MAX);
  send(scene, desc);
  client_rig_run(&scene->rig, 1000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EBADOPTION);
  scene_close(scene);
}
END_TEST

START_TEST(section_4_8_a_group_is_no_partner) {
  scene_t *scene = scene_open(serve, SIZE);
  acoap_desc_t *desc = download();
  acoap_desc_multicast(desc, NULL);
  ck_assert_int_eq(rig_send(&scene->rig, "coap://224.0.1.187/large", desc, &scene->outcome, NULL),
                   ACOAP_EINVAL);
  scene_close(scene);
}
END_TEST

/* ---- section 4.4: sets ----------------------------------------------------------------------- */

START_TEST(section_4_4_each_set_is_continued) {
  scene_t *scene = scene_open(serve, 21 * SIZE + 1);
  get_to_know(scene);
  acoap_desc_t *desc = download();
  acoap_desc_nonconfirmable(desc);
  send(scene, desc);
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  ck_assert_uint_eq(scene->asked, 3);
  ck_assert_ptr_nonnull(strstr(scene->server.trace, "> NON GET /large Q2:0/1/64\n"));
  ck_assert_ptr_nonnull(strstr(scene->server.trace, "> NON GET /large Q2:10/1/64\n"));
  ck_assert_ptr_nonnull(strstr(scene->server.trace, "> NON GET /large Q2:20/1/64\n"));
  scene_close(scene);
}
END_TEST

START_TEST(section_4_4_no_set_follows_a_body_that_ends_with_one) {
  scene_t *scene = scene_open(serve, 20 * SIZE);
  get_to_know(scene);
  acoap_desc_t *desc = download();
  acoap_desc_nonconfirmable(desc);
  send(scene, desc);
  client_rig_run(&scene->rig, 100000);
  expect_body(scene);
  ck_assert_uint_eq(scene->asked, 2);
  scene_close(scene);
}
END_TEST

START_TEST(section_4_4_blocks_come_in_any_order) {
  scene_t *scene = scene_open(serve, 25 * SIZE + 9);
  scene->backwards = true;
  get_to_know(scene);
  scene->backwards = true;
  acoap_desc_t *desc = download();
  acoap_desc_nonconfirmable(desc);
  send(scene, desc);
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  ck_assert_uint_eq(scene->asked, 3);
  scene_close(scene);
}
END_TEST

START_TEST(section_6_answers_may_use_the_token_of_any_request) {
  scene_t *scene = scene_open(serve, 30 * SIZE);
  get_to_know(scene);
  scene->uses_first_token = true;
  acoap_desc_t *desc = download();
  acoap_desc_nonconfirmable(desc);
  send(scene, desc);
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  ck_assert_uint_eq(scene->asked, 3);
  scene_close(scene);
}
END_TEST

START_TEST(section_4_4_confirmable_all_the_way) {
  scene_t *scene = scene_open(serve, 12 * SIZE);
  scene->type = ACOAP_CON;
  acoap_desc_t *desc = download();
  acoap_desc_confirmable(desc);
  send(scene, desc);
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  ck_assert_uint_eq(scene->asked, 2);
  ck_assert_ptr_nonnull(strstr(scene->server.trace, "> CON GET /large Q2:0/1/64\n"));
  ck_assert_ptr_nonnull(strstr(scene->server.trace, "> CON GET /large Q2:10/1/64\n"));
  ck_assert_ptr_null(strstr(scene->server.trace, "NON"));
  scene_close(scene);
}
END_TEST

/* ---- sections 4.4 and 7.2: what is missing --------------------------------------------------- */

START_TEST(section_7_2_missing_blocks_are_asked_for_after_non_receive_timeout) {
  scene_t *scene = scene_open(serve, 9 * SIZE + 1);
  get_to_know(scene);
  scene->lost = 1u << 3 | 1u << 5 | 1u << 9;
  acoap_desc_t *desc = download();
  acoap_desc_nonconfirmable(desc);
  send(scene, desc);
  client_rig_run(&scene->rig, 3900);
  ck_assert_uint_eq(scene->asked, 1);
  client_rig_run(&scene->rig, 200);
  ck_assert_uint_eq(scene->asked, 2);
  expect_body(scene);
  ck_assert_int_ge(scene->asked_at[1] - scene->asked_at[0], 4000);
  ck_assert_ptr_nonnull(
      strstr(scene->server.trace, "> NON GET /large Q2:3/0/64 Q2:5/0/64 Q2:9/0/64\n"));
  scene_close(scene);
}
END_TEST

/* Time-to-Wait doubles each time; after NON_MAX_RETRANSMIT requests in vain it is given up. */
START_TEST(section_7_2_the_wait_doubles_and_ends) {
  scene_t *scene = scene_open(serve, 9 * SIZE);
  get_to_know(scene);
  acoap_params_t params;
  acoap_params_init(&params);
  params.probing_rate_bytes_per_s = 1000; /* otherwise PROBING_RATE has the last word */
  acoap_desc_t *desc = download();
  acoap_desc_params(desc, &params);
  acoap_desc_nonconfirmable(desc);
  scene->lost = 1u << 4;
  send(scene, desc);
  client_rig_run(&scene->rig, 100);
  scene->deaf = true;
  client_rig_run(&scene->rig, 200000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETIMEDOUT);
  ck_assert_uint_eq(scene->asked, 5);
  acoap_time_t first = scene->asked_at[0];
  static const acoap_time_t offsets[] = {4000, 12000, 28000, 60000};
  for (size_t i = 0; i < 4; i++) {
    ck_assert_int_ge(scene->asked_at[i + 1] - first, offsets[i]);
    ck_assert_int_le(scene->asked_at[i + 1] - first, offsets[i] + 10);
  }
  ck_assert_int_ge(scene->outcome.at - first, 124000);
  ck_assert_int_le(scene->outcome.at - first, 124010);
  /* A peer that has fallen silent is asked by a CON again. */
  scene->deaf = false;
  scene->server.trace[0] = '\0';
  send(scene, download());
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  ck_assert_ptr_nonnull(strstr(scene->server.trace, "> CON GET /large Q2:0/0/64\n"));
  scene_close(scene);
}
END_TEST

START_TEST(section_7_2_a_block_of_the_next_set_shows_what_is_missing) {
  scene_t *scene = scene_open(serve, 19 * SIZE);
  get_to_know(scene);
  scene->lost = 1u << 2 | 1u << 7;
  scene->goes_on = true;
  acoap_desc_t *desc = download();
  acoap_desc_nonconfirmable(desc);
  send(scene, desc);
  client_rig_run(&scene->rig, 500);
  expect_body(scene);
  ck_assert_uint_eq(scene->asked, 2);
  ck_assert_ptr_nonnull(strstr(scene->server.trace, "> NON GET /large Q2:2/0/64 Q2:7/0/64\n"));
  scene_close(scene);
}
END_TEST

START_TEST(section_7_2_a_lost_continue_is_said_again) {
  scene_t *scene = scene_open(serve, 15 * SIZE);
  get_to_know(scene);
  scene->lost = UINT64_C(0x7c00);
  acoap_desc_t *desc = download();
  acoap_desc_nonconfirmable(desc);
  acoap_params_t params;
  acoap_params_init(&params);
  params.probing_rate_bytes_per_s = 1000;
  acoap_desc_params(desc, &params);
  send(scene, desc);
  client_rig_run(&scene->rig, 5000);
  expect_body(scene);
  ck_assert_uint_eq(scene->asked, 3);
  const char *first = strstr(scene->server.trace, "> NON GET /large Q2:10/1/64\n");
  ck_assert_ptr_nonnull(first);
  ck_assert_ptr_nonnull(strstr(first + 1, "> NON GET /large Q2:10/1/64\n"));
  scene_close(scene);
}
END_TEST

START_TEST(section_7_2_a_lost_first_request_is_sent_again) {
  scene_t *scene = scene_open(serve, 15 * SIZE);
  get_to_know(scene);
  acoap_params_t params;
  acoap_params_init(&params);
  params.probing_rate_bytes_per_s = 1000;
  acoap_desc_t *desc = download();
  acoap_desc_params(desc, &params);
  acoap_desc_nonconfirmable(desc);
  scene->deaf = true;
  send(scene, desc);
  client_rig_run(&scene->rig, 3000);
  scene->deaf = false;
  client_rig_run(&scene->rig, 3000);
  expect_body(scene);
  scene_close(scene);
}
END_TEST

/* ---- section 4.4: versions and sizes --------------------------------------------------------- */

static unsigned change_at; /* the request from which on there is another version */

static void serve_changing(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  if (acoap_code_is_request(view->code) && server->requests == change_at) {
    scene->etag = "v2";
    memset(scene->body, 'x', sizeof(scene->body));
  }
  serve(server, view);
}

START_TEST(section_4_4_another_etag_begins_anew) {
  scene_t *scene = scene_open(serve_changing, 15 * SIZE);
  change_at = 3;
  send(scene, download());
  client_rig_run(&scene->rig, 1000);
  expect_body(scene); /* of the second version alone */
  ck_assert_int_eq(scene->outcome.body[0], 'x');
  scene_close(scene);
}
END_TEST

static void serve_restless(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  static char etag[] = "a";
  if (acoap_code_is_request(view->code)) {
    etag[0]++;
    scene->etag = etag;
  }
  serve(server, view);
}

START_TEST(section_4_4_a_body_that_changes_again_is_given_up) {
  scene_t *scene = scene_open(serve_restless, 15 * SIZE);
  send(scene, download());
  client_rig_run(&scene->rig, 1000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ECHANGED);
  scene_close(scene);
}
END_TEST

static void serve_other_sizes(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  if (acoap_code_is_request(view->code) && server->requests == 2) {
    scene->szx = 1;
  }
  serve(server, view);
}

START_TEST(section_4_4_blocks_of_another_size_are_refused) {
  scene_t *scene = scene_open(serve_other_sizes, 15 * SIZE);
  send(scene, download());
  client_rig_run(&scene->rig, 1000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EBLOCK);
  scene_close(scene);
}
END_TEST

static void serve_twice(script_server_t *server, const acoap_view_t *view) {
  serve(server, view);
  serve(server, view);
}

START_TEST(section_4_4_duplicates_are_ignored) {
  scene_t *scene = scene_open(serve, 25 * SIZE);
  get_to_know(scene);
  scene->server.on_message = serve_twice;
  acoap_desc_t *desc = download();
  acoap_desc_nonconfirmable(desc);
  send(scene, desc);
  client_rig_run(&scene->rig, 1000);
  expect_body(scene);
  scene_close(scene);
}
END_TEST

START_TEST(bodies_are_bounded) {
  scene_t *scene = scene_open(serve, 25 * SIZE);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, SIZE);
  acoap_desc_collect(desc, 24 * SIZE);
  acoap_desc_qblock(desc, NULL);
  send(scene, desc);
  client_rig_run(&scene->rig, 1000);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETOOBIG);
  scene_close(scene);
}
END_TEST

START_TEST(bodies_of_every_length_arrive) {
  static const size_t lengths[] = {0, 1, 63, 64, 65, 640, 641, 1280, 1281, 2560, 4096};
  for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    for (unsigned how = 0; how < 3; how++) {
      scene_t *scene = scene_open(serve, lengths[i]);
      acoap_desc_t *desc = download();
      if (how > 0) {
        get_to_know(scene);
      }
      if (how == 2) {
        acoap_desc_nonconfirmable(desc);
      }
      send(scene, desc);
      client_rig_run(&scene->rig, 1000);
      expect_body(scene);
      scene_close(scene);
    }
  }
}
END_TEST

/* ---- with other layers ----------------------------------------------------------------------- */

static int write_body(void *user_data, uint64_t offset, const uint8_t *bytes, size_t len,
                      int64_t total) {
  scene_t *scene = user_data;
  ck_assert_uint_eq(offset, scene->written);
  ck_assert_int_eq(total, (int64_t)scene->len);
  ck_assert_mem_eq(bytes, scene->body + offset, len);
  scene->written += len;
  return 0;
}

static void inspect(void *user_data, const acoap_progress_t *progress, acoap_message_t *message) {
  scene_t *scene = user_data;
  (void)message;
  scene->blocks++;
  ck_assert_uint_gt(progress->bytes, scene->inspected);
  scene->inspected = progress->bytes;
  ck_assert_uint_eq(progress->block_size, SIZE);
  ck_assert_int_eq(progress->total, (int64_t)scene->len);
}

START_TEST(a_writer_and_an_inspector_see_every_block_in_order) {
  scene_t *scene = scene_open(serve, 33 * SIZE + 3);
  scene->backwards = true;
  scene->lost = 1u << 12;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, SIZE);
  acoap_desc_block_writer(desc, write_body, scene);
  acoap_desc_inspect(desc, inspect, scene);
  acoap_desc_qblock(desc, NULL);
  send(scene, desc);
  client_rig_run(&scene->rig, 20000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->written, scene->len);
  ck_assert_uint_eq(scene->inspected, scene->len);
  ck_assert_uint_eq(scene->blocks, 34);
  scene_close(scene);
}
END_TEST

START_TEST(dropping_the_future_ends_it) {
  scene_t *scene = scene_open(serve, 33 * SIZE);
  acoap_future_t *future = NULL;
  scene->lost = 1u << 12;
  scene->outcome.sim = scene->rig.sim;
  ck_assert_int_eq(rig_send(&scene->rig, "/large", download(), &scene->outcome, &future), 0);
  client_rig_run(&scene->rig, 1000);
  unsigned asked = scene->asked;
  acoap_future_unref(future);
  client_rig_run(&scene->rig, 300000);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  ck_assert_uint_eq(scene->outcome.destroyed, 1);
  ck_assert_uint_eq(scene->asked, asked);
  scene_close(scene);
}
END_TEST

START_TEST(a_paused_stream_asks_for_no_further_set) {
  scene_t *scene = scene_open(serve, 33 * SIZE);
  acoap_stream_t *stream = NULL;
  ck_assert_int_eq(rig_stream(&scene->rig, "/large", download(), &scene->outcome, &stream), 0);
  acoap_stream_pause(stream);
  client_rig_run(&scene->rig, 300000);
  unsigned asked = scene->asked;
  ck_assert_uint_le(asked, 2);
  acoap_stream_resume(stream);
  client_rig_run(&scene->rig, 100000);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.len, scene->len);
  ck_assert_mem_eq(scene->outcome.body, scene->body, scene->len);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
  acoap_stream_unref(stream);
  scene_close(scene);
}
END_TEST

START_TEST(a_deadline_ends_it) {
  scene_t *scene = scene_open(serve, 33 * SIZE);
  scene->lost = 1u << 12;
  scene->lost_again = 1u << 12;
  acoap_desc_t *desc = download();
  acoap_desc_deadline(desc, 3000);
  acoap_time_t begun = acoap_sim_now(scene->rig.sim);
  send(scene, desc);
  client_rig_run(&scene->rig, 4000);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETIMEDOUT);
  ck_assert_int_le(scene->outcome.at - begun, 3001);
  scene_close(scene);
}
END_TEST

static Suite *client_qblock2_suite(void) {
  Suite *suite = suite_create("flow/client_qblock2");
  TCase *tcase = tcase_create("qblock2");
  tcase_add_test(tcase, section_4_1_an_unknown_server_is_asked_by_a_con);
  tcase_add_test(tcase, section_4_1_a_server_that_refuses_gets_block2_for_ever);
  tcase_add_test(tcase, section_4_1_an_answer_with_block2_goes_on_with_block2);
  tcase_add_test(tcase, section_4_2_an_answer_without_the_option_is_the_body);
  tcase_add_test(tcase, section_4_1_a_reset_says_that_it_knows_it_no_longer);
  tcase_add_test(tcase, section_4_1_a_block_that_was_not_asked_for_is_rejected);
  tcase_add_test(tcase, section_4_8_a_group_is_no_partner);
  tcase_add_test(tcase, section_4_4_each_set_is_continued);
  tcase_add_test(tcase, section_4_4_no_set_follows_a_body_that_ends_with_one);
  tcase_add_test(tcase, section_4_4_blocks_come_in_any_order);
  tcase_add_test(tcase, section_6_answers_may_use_the_token_of_any_request);
  tcase_add_test(tcase, section_4_4_confirmable_all_the_way);
  tcase_add_test(tcase, section_7_2_missing_blocks_are_asked_for_after_non_receive_timeout);
  tcase_add_test(tcase, section_7_2_the_wait_doubles_and_ends);
  tcase_add_test(tcase, section_7_2_a_block_of_the_next_set_shows_what_is_missing);
  tcase_add_test(tcase, section_7_2_a_lost_continue_is_said_again);
  tcase_add_test(tcase, section_7_2_a_lost_first_request_is_sent_again);
  tcase_add_test(tcase, section_4_4_another_etag_begins_anew);
  tcase_add_test(tcase, section_4_4_a_body_that_changes_again_is_given_up);
  tcase_add_test(tcase, section_4_4_blocks_of_another_size_are_refused);
  tcase_add_test(tcase, section_4_4_duplicates_are_ignored);
  tcase_add_test(tcase, bodies_are_bounded);
  tcase_add_test(tcase, bodies_of_every_length_arrive);
  tcase_add_test(tcase, a_writer_and_an_inspector_see_every_block_in_order);
  tcase_add_test(tcase, dropping_the_future_ends_it);
  tcase_add_test(tcase, a_paused_stream_asks_for_no_further_set);
  tcase_add_test(tcase, a_deadline_ends_it);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(client_qblock2_suite)
