/*
 * A client that is asked for an Echo (RFC 9175 section 2.3): the request goes out once more with
 * the value, and nobody above hears of it.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "client_rig.h"
#include "script_server.h"

enum { ECHO_MOST = 41 };

typedef struct scene {
  client_rig_t rig;
  script_server_t server;
  outcome_t outcome;
  unsigned challenges;       /* still to be made */
  size_t value_len;          /* of the Echo that is asked for */
  unsigned with_echo;        /* requests that brought the newest one */
  unsigned requests;         /* all */
  char value;                /* each of its bytes; another one every time */
  bool success_brings_echo;  /* in 2.xx, too */
  uint8_t tokens[8][8];      /* of the requests */
  uint8_t method;            /* of the last */
  uint8_t path[16];          /* its Uri-Path */
  size_t path_len;           /* bytes */
  unsigned blocks;           /* Block1 requests taken */
  unsigned challenge_blocks; /* from this block on, ask once more: 0: not */
} scene_t;

static void put_echo(scene_t *scene, acoap_builder_t *builder) {
  uint8_t value[ECHO_MOST];
  scene->value++;
  memset(value, scene->value, sizeof(value));
  acoap_builder_option(builder, ACOAP_OPTION_ECHO, value, scene->value_len);
}

static bool brings_newest(const scene_t *scene, const acoap_view_t *view) {
  uint8_t value[ECHO_MOST];
  acoap_bytes_t brought;
  memset(value, scene->value, sizeof(value));
  return acoap_view_option(view, ACOAP_OPTION_ECHO, 0, &brought) &&
         brought.len == scene->value_len && memcmp(brought.data, value, brought.len) == 0;
}

static void serve(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  acoap_bytes_t path;
  acoap_block_t block;
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  ck_assert(acoap_view_option(view, ACOAP_OPTION_URI_PATH, 0, &path));
  memcpy(scene->path, path.data, path.len);
  scene->path_len = path.len;
  scene->method = view->code;
  memcpy(scene->tokens[scene->requests % 8], view->token.data, view->token.len);
  scene->requests++;
  scene->with_echo += brings_newest(scene, view) ? 1 : 0;
  bool has_block = acoap_view_block(view, ACOAP_OPTION_BLOCK1, &block) == 1;
  if (has_block && scene->challenge_blocks > 0 && block.num >= scene->challenge_blocks) {
    scene->challenge_blocks = 0;
    scene->challenges = 1;
  }
  acoap_builder_t *builder;
  if (scene->challenges > 0) {
    scene->challenges--;
    builder = script_server_begin(server, ACOAP_CODE_UNAUTHORIZED);
    put_echo(scene, builder);
  } else if (has_block) {
    builder = script_server_begin(server, block.more ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CHANGED);
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
    ck_assert_uint_eq(block.num, scene->blocks);
    scene->blocks++;
  } else {
    builder = script_server_begin(server, ACOAP_CODE_CONTENT);
    if (scene->success_brings_echo) {
      put_echo(scene, builder);
    }
    acoap_builder_payload(builder, "here", 4);
  }
  script_server_send(server);
}

static scene_t *scene_open(unsigned challenges, size_t value_len) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  scene->challenges = challenges;
  scene->value_len = value_len;
  client_rig_open(&scene->rig, 52);
  script_server_open(&scene->server, scene->rig.sim, RIG_SERVER, serve, scene);
  return scene;
}

static void scene_send(scene_t *scene, acoap_desc_t *desc) {
  memset(&scene->outcome, 0, sizeof(scene->outcome));
  ck_assert_int_eq(rig_send(&scene->rig, "/a", desc, &scene->outcome, NULL), 0);
  client_rig_run(&scene->rig, 1000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
}

static void scene_close(scene_t *scene) {
  script_server_close(&scene->server);
  client_rig_close(&scene->rig);
  free(scene);
}

static const size_t lengths[] = {1, 8, 12, 13, 40};

START_TEST(the_request_is_sent_again_with_the_value) {
  scene_t *scene = scene_open(1, lengths[_i]);
  scene_send(scene, acoap_desc_delete());
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(scene->requests, 2);
  ck_assert_uint_eq(scene->with_echo, 1);
  ck_assert_uint_eq(scene->method, ACOAP_CODE_DELETE);
  ck_assert_mem_eq(scene->path, "a", scene->path_len);
  /* A request of its own, with a token of its own. */
  ck_assert_mem_ne(scene->tokens[0], scene->tokens[1], 8);
  scene_close(scene);
}
END_TEST

START_TEST(a_value_of_no_valid_length_is_no_challenge) {
  scene_t *scene = scene_open(1, _i == 0 ? 0 : ECHO_MOST);
  scene_send(scene, acoap_desc_get());
  ck_assert_int_eq(scene->outcome.status, ACOAP_ECLIENTERROR);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_UNAUTHORIZED);
  ck_assert_uint_eq(scene->requests, 1);
  scene_close(scene);
}
END_TEST

START_TEST(who_asks_again_and_again_is_answered_twice) {
  scene_t *scene = scene_open(100, 8);
  scene_send(scene, acoap_desc_get());
  ck_assert_int_eq(scene->outcome.status, ACOAP_ECLIENTERROR);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_UNAUTHORIZED);
  ck_assert_uint_eq(scene->requests, 3);
  ck_assert_uint_eq(scene->with_echo, 2);
  scene_close(scene);
}
END_TEST

START_TEST(an_upload_goes_on_where_it_stood_and_keeps_the_value) {
  scene_t *scene = scene_open(0, 12);
  uint8_t body[64 * 5];
  memset(body, 'b', sizeof(body));
  scene->challenge_blocks = 2;
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_block1(desc, 64, body, sizeof(body));
  scene_send(scene, desc);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_CHANGED);
  ck_assert_uint_eq(scene->blocks, 5);
  ck_assert_uint_eq(scene->requests, 6);
  ck_assert_uint_eq(scene->with_echo, 3); /* blocks 2, 3 and 4 */
  scene_close(scene);
}
END_TEST

static void look(void *user_data, const acoap_progress_t *progress, acoap_message_t *message) {
  unsigned *seen = user_data;
  (void)progress;
  ck_assert_uint_eq(acoap_message_code(message), ACOAP_CODE_CONTENT);
  (*seen)++;
}

START_TEST(layers_hear_nothing_of_it) {
  scene_t *scene = scene_open(1, 12);
  unsigned seen = 0;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_inspect(desc, look, &seen);
  scene_send(scene, desc);
  ck_assert_uint_eq(seen, 1);
  scene_close(scene);
}
END_TEST

START_TEST(a_value_is_kept_for_one_exchange_only) {
  scene_t *scene = scene_open(0, 12);
  scene->success_brings_echo = true;
  scene_send(scene, acoap_desc_get());
  scene_send(scene, acoap_desc_get());
  ck_assert_uint_eq(scene->requests, 2);
  ck_assert_uint_eq(scene->with_echo, 0);
  scene_close(scene);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("client_echo");
  TCase *tcase = tcase_create("RFC 9175 section 2.3");
  tcase_add_loop_test(tcase, the_request_is_sent_again_with_the_value, 0,
                      sizeof(lengths) / sizeof(lengths[0]));
  tcase_add_loop_test(tcase, a_value_of_no_valid_length_is_no_challenge, 0, 2);
  tcase_add_test(tcase, who_asks_again_and_again_is_answered_twice);
  tcase_add_test(tcase, an_upload_goes_on_where_it_stood_and_keeps_the_value);
  tcase_add_test(tcase, layers_hear_nothing_of_it);
  tcase_add_test(tcase, a_value_is_kept_for_one_exchange_only);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
