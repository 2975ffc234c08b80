/*
 * Observed resources whose representations come in sets (RFC 9177 section 4.5): every block of a
 * notification carries Observe and the observation's token, what is asked for again carries
 * neither.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "client_rig.h"
#include "script_server.h"

enum { BODY_MAX = 4096, SIZE = 64, SZX = 2, SET = 10 };

typedef struct scene {
  client_rig_t rig;
  script_server_t server;
  outcome_t outcome;
  acoap_stream_t *stream;
  size_t len;         /* of the body */
  uint32_t number;    /* Observe of the newest notification */
  uint8_t version;    /* of the body: all its bytes, and its ETag */
  uint64_t lost;      /* bit n: block n of the next notification is lost */
  uint8_t token[8];   /* of the observation */
  unsigned continued; /* "Continue" requests */
  unsigned missing;   /* requests for missing blocks */
  bool deregistered;
  bool own_token; /* what continues carries the token of the request for it */
} scene_t;

static uint32_t block_count(const scene_t *scene) {
  return (uint32_t)((scene->len + SIZE - 1) / SIZE);
}

/* One block, as an answer in the ACK or as a NON. */
static void send_block(scene_t *scene, uint32_t num, bool observed, bool piggybacked) {
  uint8_t payload[SIZE];
  size_t offset = num * (size_t)SIZE;
  size_t n = scene->len - offset < SIZE ? scene->len - offset : SIZE;
  acoap_block_t block = {num, offset + n < scene->len, SZX};
  acoap_builder_t *builder =
      piggybacked ? script_server_begin(&scene->server, ACOAP_CODE_CONTENT)
                  : script_server_begin_as(&scene->server, ACOAP_NON, ACOAP_CODE_CONTENT);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, &scene->version, 1);
  if (observed) {
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, scene->number);
  }
  acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK2, &block);
  acoap_builder_uint(builder, ACOAP_OPTION_SIZE2, (uint32_t)scene->len);
  memset(payload, scene->version, sizeof(payload));
  acoap_builder_payload(builder, payload, n);
  script_server_send(&scene->server);
}

static void send_set(scene_t *scene, uint32_t from, bool observed, bool piggybacked) {
  for (uint32_t num = from; num < (from / SET + 1) * SET && num < block_count(scene); num++) {
    uint64_t bit = UINT64_C(1) << num;
    if ((scene->lost & bit) == 0) {
      send_block(scene, num, observed, piggybacked && num == from);
    }
    scene->lost &= ~bit;
  }
}

static void notify(scene_t *scene) {
  scene->number++;
  scene->version++;
  memcpy(scene->server.token, scene->token, 8);
  send_set(scene, 0, true, false);
}

static void serve(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_block_t block;
  uint32_t observe;
  acoap_bytes_t value;
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  if (acoap_view_uint(view, ACOAP_OPTION_OBSERVE, &observe)) {
    scene->deregistered = observe == 1;
    if (observe == 0) {
      memcpy(scene->token, view->token.data, 8);
      ck_assert_int_eq(acoap_view_block(view, ACOAP_OPTION_Q_BLOCK2, &block), 1);
      ck_assert(block.num == 0 && block.more);
      send_set(scene, 0, true, true);
    } else {
      script_server_begin(server, ACOAP_CODE_CONTENT);
      script_server_send(server);
    }
    return;
  }
  ck_assert_mem_ne(view->token.data, scene->token, 8);
  for (size_t n = 0; acoap_view_option(view, ACOAP_OPTION_Q_BLOCK2, n, &value); n++) {
    ck_assert_int_eq(acoap_block_decode(value, &block), 0);
    if (block.more && block.num % SET == 0) {
      scene->continued++;
      if (!scene->own_token) {
        memcpy(server->token, scene->token, 8);
      }
      send_set(scene, block.num, true, false);
    } else if (block.more) {
      scene->missing++;
      send_set(scene, block.num, false, false);
    } else {
      scene->missing++;
      send_block(scene, block.num, false, false);
    }
  }
}

static scene_t *scene_open(size_t len, acoap_desc_t *desc) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  client_rig_open(&scene->rig, 1);
  script_server_open(&scene->server, scene->rig.sim, RIG_SERVER, serve, scene);
  scene->len = len;
  scene->version = 'a';
  scene->number = 5;
  acoap_desc_observe(desc, NULL);
  acoap_desc_block2(desc, SIZE);
  acoap_desc_collect(desc, BODY_MAX);
  acoap_desc_qblock(desc, NULL);
  ck_assert_int_eq(rig_stream(&scene->rig, "/obs", desc, &scene->outcome, &scene->stream), 0);
  return scene;
}

static void scene_close(scene_t *scene) {
  acoap_stream_unref(scene->stream);
  client_rig_run(&scene->rig, 1000);
  ck_assert(scene->deregistered);
  script_server_close(&scene->server);
  client_rig_close(&scene->rig);
  free(scene);
}

static void expect_item(const scene_t *scene, unsigned n) {
  ck_assert_uint_eq(scene->outcome.items, n);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  ck_assert_uint_eq(scene->outcome.len, scene->len);
  for (size_t i = 0; i < scene->len; i++) {
    ck_assert_int_eq(scene->outcome.body[i], scene->version);
  }
}

START_TEST(section_4_5_each_notification_comes_in_sets) {
  for (unsigned own = 0; own < 2; own++) {
    scene_t *scene = scene_open(23 * SIZE + 1, acoap_desc_get());
    scene->own_token = own == 1;
    client_rig_run(&scene->rig, 100);
    expect_item(scene, 1);
    ck_assert_uint_eq(scene->continued, 2);
    for (unsigned n = 2; n < 5; n++) {
      notify(scene);
      client_rig_run(&scene->rig, 100);
      expect_item(scene, n);
      ck_assert_uint_eq(scene->continued, 2 * n);
    }
    ck_assert_uint_eq(scene->missing, 0);
    scene_close(scene);
  }
}
END_TEST

START_TEST(section_4_5_one_block_is_a_notification) {
  scene_t *scene = scene_open(SIZE, acoap_desc_get());
  client_rig_run(&scene->rig, 100);
  expect_item(scene, 1);
  notify(scene);
  client_rig_run(&scene->rig, 100);
  expect_item(scene, 2);
  scene_close(scene);
}
END_TEST

START_TEST(section_4_5_missing_blocks_are_asked_for_without_observe) {
  scene_t *scene = scene_open(13 * SIZE, acoap_desc_get());
  client_rig_run(&scene->rig, 100);
  expect_item(scene, 1);
  scene->lost = 1u << 2 | 1u << 8;
  notify(scene);
  client_rig_run(&scene->rig, 3800);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->missing, 0);
  client_rig_run(&scene->rig, 400);
  ck_assert_uint_eq(scene->missing, 2);
  expect_item(scene, 2);
  ck_assert_ptr_nonnull(strstr(scene->server.trace, "> NON GET /obs Q2:2/0/64 Q2:8/0/64\n"));
  scene_close(scene);
}
END_TEST

START_TEST(section_4_4_a_newer_notification_takes_the_place_of_a_part) {
  scene_t *scene = scene_open(13 * SIZE, acoap_desc_get());
  client_rig_run(&scene->rig, 100);
  scene->lost = 1u << 2;
  notify(scene);
  client_rig_run(&scene->rig, 1000);
  notify(scene);
  client_rig_run(&scene->rig, 20000);
  expect_item(scene, 2); /* the one in between was never whole */
  ck_assert_uint_eq(scene->missing, 0);
  scene_close(scene);
}
END_TEST

START_TEST(section_4_5_blocks_before_the_first_are_asked_for) {
  scene_t *scene = scene_open(5 * SIZE, acoap_desc_get());
  client_rig_run(&scene->rig, 100);
  scene->number++;
  scene->version++;
  memcpy(scene->server.token, scene->token, 8);
  for (uint32_t num = 5; num-- > 0;) {
    send_block(scene, num, true, false);
  }
  client_rig_run(&scene->rig, 5000);
  expect_item(scene, 2);
  scene_close(scene);
}
END_TEST

static Suite *client_qblock_observe_suite(void) {
  Suite *suite = suite_create("flow/client_qblock_observe");
  TCase *tcase = tcase_create("observe");
  tcase_add_test(tcase, section_4_5_each_notification_comes_in_sets);
  tcase_add_test(tcase, section_4_5_one_block_is_a_notification);
  tcase_add_test(tcase, section_4_5_missing_blocks_are_asked_for_without_observe);
  tcase_add_test(tcase, section_4_4_a_newer_notification_takes_the_place_of_a_part);
  tcase_add_test(tcase, section_4_5_blocks_before_the_first_are_asked_for);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(client_qblock_observe_suite)
