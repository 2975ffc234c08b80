/*
 * Observing from the client's side: the examples of RFC 7641 Appendix A and RFC 7959 section 3.4 as
 * message sequences, the order of notifications, re-registration and recovery, both ways of ending,
 * back-pressure.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "client_rig.h"
#include "script_server.h"

typedef struct scene {
  client_rig_t rig;
  script_server_t server;
  outcome_t outcome;
  acoap_stream_t *stream;
  uint32_t number;    /* Observe of the next answer */
  uint32_t max_age_s; /* of the next answer; 0: no option */
  uint32_t block_len; /* bytes of a body that is given in blocks of 128; 0: "n" as text */
  const char *etag;   /* of that body */
  bool decline;       /* answer without Observe */
  bool silent;        /* answer nothing */
  uint8_t token[8];   /* of the registration */
} scene_t;

/* Add what every answer of the scene has: Observe, Max-Age, a text. */
static void fill(const scene_t *scene, acoap_builder_t *builder, bool observe) {
  char text[16];
  snprintf(text, sizeof(text), "n%u", (unsigned)scene->number);
  if (observe) {
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, scene->number);
  }
  if (scene->max_age_s > 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_MAX_AGE, scene->max_age_s);
  }
  if (scene->block_len == 0) {
    acoap_builder_payload(builder, text, strlen(text));
  }
}

/* The first block of the body. */
static void fill_first_block(const scene_t *scene, acoap_builder_t *builder) {
  acoap_block_t block = {0, true, 3};
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, scene->etag, strlen(scene->etag));
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  acoap_builder_payload(builder, scene->rig.body, 128);
}

static void serve(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  uint32_t observe = 7;
  acoap_block_t block = {0, false, 3};
  if (!acoap_code_is_request(view->code) || scene->silent) {
    return;
  }
  (void)acoap_view_uint(view, ACOAP_OPTION_OBSERVE, &observe);
  if (acoap_view_block(view, ACOAP_OPTION_BLOCK2, &block) == 1 && block.num > 0) {
    script_server_block2(server, ACOAP_CODE_CONTENT, block.num, 3, scene->rig.body,
                         scene->block_len, scene->etag);
    memcpy(server->token, scene->token, 8); /* notifications have the registration's */
    return;
  }
  if (observe == 0) {
    memcpy(scene->token, server->token, 8);
  }
  acoap_builder_t *builder = script_server_begin(server, ACOAP_CODE_CONTENT);
  fill(scene, builder, observe == 0 && !scene->decline);
  if (scene->block_len > 0) {
    fill_first_block(scene, builder);
  }
  script_server_send(server);
}

static void notify(scene_t *scene, acoap_type_t type, uint32_t number) {
  scene->number = number;
  acoap_builder_t *builder = script_server_begin_as(&scene->server, type, ACOAP_CODE_CONTENT);
  fill(scene, builder, true);
  if (scene->block_len > 0) {
    fill_first_block(scene, builder);
  }
  script_server_send(&scene->server);
}

static scene_t *scene_open(void) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  client_rig_open(&scene->rig, 11);
  scene->server.user_data = scene;
  scene->number = 9;
  scene->max_age_s = 15;
  scene->etag = "e1";
  script_server_open(&scene->server, scene->rig.sim, RIG_SERVER, serve, scene);
  return scene;
}

static void start(scene_t *scene, const char *path, acoap_desc_t *desc) {
  ck_assert_int_eq(rig_stream(&scene->rig, path, desc, &scene->outcome, &scene->stream), 0);
  client_rig_run(&scene->rig, 10);
}

static acoap_desc_t *observe(const acoap_observe_options_t *options) {
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_observe(desc, options);
  return desc;
}

static void scene_close(scene_t *scene) {
  acoap_stream_unref(scene->stream);
  client_rig_run(&scene->rig, 1);
  ck_assert_uint_eq(scene->outcome.destroyed, 1);
  script_server_close(&scene->server);
  client_rig_close(&scene->rig);
  free(scene);
}

/* ---- RFC 7641 Appendix A -------------------------------------------------------------------- */

START_TEST(rfc7641_figure_3_a_notification_upon_a_state_change) {
  scene_t *scene = scene_open();
  start(scene, "/temperature", observe(NULL));
  ck_assert_str_eq((char *)scene->outcome.body, "n9");
  client_rig_run(&scene->rig, 12000);
  notify(scene, ACOAP_NON, 16);
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_str_eq((char *)scene->outcome.body, "n16");
  script_server_expect(&scene->server, "> CON GET /temperature Observe:0\n"
                                       "< ACK 2.05 Observe:9 [2]\n"
                                       "< NON 2.05 Observe:16 [3]\n");
  scene_close(scene);
}
END_TEST

START_TEST(rfc7641_figure_4_client_registers_again_after_max_age) {
  scene_t *scene = scene_open();
  uint8_t first_token[8];
  start(scene, "/temperature", observe(NULL));
  memcpy(first_token, scene->token, 8);
  client_rig_run(&scene->rig, 15000 + 4900);
  ck_assert_uint_eq(scene->server.requests, 1);
  scene->number = 29;
  client_rig_run(&scene->rig, 10200); /* a random 5 to 15 s later */
  ck_assert_uint_eq(scene->server.requests, 2);
  ck_assert_mem_eq(first_token, scene->token, 8);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_str_eq((char *)scene->outcome.body, "n29");
  script_server_expect(&scene->server, "> CON GET /temperature Observe:0\n"
                                       "< ACK 2.05 Observe:9 [2]\n"
                                       "> CON GET /temperature Observe:0\n"
                                       "< ACK 2.05 Observe:29 [3]\n");
  scene_close(scene);
}
END_TEST

START_TEST(rfc7641_figure_5_users_etag_goes_with_each_registration) {
  scene_t *scene = scene_open();
  acoap_desc_t *desc = observe(NULL);
  acoap_desc_option(desc, ACOAP_OPTION_ETAG, "zyx", 3);
  start(scene, "/t", desc);
  client_rig_run(&scene->rig, 31000);
  ck_assert_uint_eq(scene->server.requests, 2);
  /* The answer may be 2.03 Valid: it is an item as any other. */
  acoap_builder_t *builder = script_server_begin_as(&scene->server, ACOAP_CON, ACOAP_CODE_VALID);
  acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, 40);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, "zyx", 3);
  script_server_send(&scene->server);
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_eq(scene->outcome.items, 3);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_VALID);
  scene_close(scene);
}
END_TEST

/* ---- order ---------------------------------------------------------------------------------- */

START_TEST(older_notifications_are_dropped) {
  /* number, seconds since the one before, whether it is an item: RFC 7641 section 3.4 */
  static const struct {
    uint32_t number;
    int seconds;
    bool fresh;
  } table[] = {
      {10, 1, true},  {10, 1, false},           {9, 1, false},  {12, 1, true},
      {11, 1, false}, {12 + 0x7fffff, 1, true}, {12, 1, false}, {0xffffff, 1, true},
      {5, 1, true},   {4, 129, true},           {3, 1, false},
  };
  scene_t *scene = scene_open();
  unsigned items = 1;
  scene->max_age_s = 100000;
  start(scene, "/t", observe(NULL));
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    client_rig_run(&scene->rig, table[i].seconds * 1000);
    notify(scene, ACOAP_NON, table[i].number);
    client_rig_run(&scene->rig, 10);
    items += table[i].fresh ? 1 : 0;
    ck_assert_msg(scene->outcome.items == items, "row %u: %u items, not %u", (unsigned)i,
                  scene->outcome.items, items);
  }
  ck_assert_uint_eq(scene->outcome.finals, 0);
  scene_close(scene);
}
END_TEST

START_TEST(server_that_restarted_is_recovered_by_registering_again) {
  scene_t *scene = scene_open();
  scene->number = 5000;
  start(scene, "/t", observe(NULL));
  scene->number = 1; /* it counts from the start again */
  client_rig_run(&scene->rig, 31000);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_str_eq((char *)scene->outcome.body, "n1");
  notify(scene, ACOAP_NON, 2);
  client_rig_run(&scene->rig, 10);
  ck_assert_str_eq((char *)scene->outcome.body, "n2");
  scene_close(scene);
}
END_TEST

/* ---- ends ----------------------------------------------------------------------------------- */

START_TEST(error_notification_ends_the_stream_with_it) {
  scene_t *scene = scene_open();
  start(scene, "/t", observe(NULL));
  script_server_begin_as(&scene->server, ACOAP_CON, ACOAP_CODE_NOT_FOUND);
  script_server_send(&scene->server);
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ECLIENTERROR);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_NOT_FOUND);
  client_rig_run(&scene->rig, 100000);
  ck_assert_uint_eq(scene->server.requests, 1); /* nobody to say farewell to */
  scene_close(scene);
}
END_TEST

START_TEST(answer_without_observe_is_the_only_item) {
  scene_t *scene = scene_open();
  scene->decline = true;
  start(scene, "/t", observe(NULL));
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
  scene_close(scene);
}
END_TEST

START_TEST(answer_without_observe_is_an_error_when_required) {
  scene_t *scene = scene_open();
  acoap_observe_options_t options = {.size = sizeof(options), .require = true};
  scene->decline = true;
  start(scene, "/t", observe(&options));
  ck_assert_uint_eq(scene->outcome.items, 0);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ENOTOBSERVED);
  scene_close(scene);
}
END_TEST

START_TEST(answer_without_observe_is_fetched_block_by_block_all_the_same) {
  scene_t *scene = scene_open();
  scene->decline = true;
  scene->block_len = 300;
  acoap_desc_t *desc = observe(NULL);
  acoap_desc_collect(desc, 1000);
  start(scene, "/t", desc);
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  script_server_expect(&scene->server, "> CON GET /t Observe:0\n"
                                       "< ACK 2.05 2:0/1/128 [128]\n"
                                       "> CON GET /t 2:1/0/128\n"
                                       "< ACK 2.05 2:1/1/128 [128]\n"
                                       "> CON GET /t 2:2/0/128\n"
                                       "< ACK 2.05 2:2/0/128 [44]\n");
  scene_close(scene);
}
END_TEST

START_TEST(without_reregistration_silence_ends_the_stream) {
  scene_t *scene = scene_open();
  acoap_observe_options_t options = {.size = sizeof(options), .no_reregister = true};
  start(scene, "/t", observe(&options));
  client_rig_run(&scene->rig, 31000);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETIMEDOUT);
  scene_close(scene);
}
END_TEST

START_TEST(server_that_is_gone_ends_the_stream_at_the_reregistration) {
  scene_t *scene = scene_open();
  start(scene, "/t", observe(NULL));
  scene->silent = true;
  client_rig_run(&scene->rig, 31000 + 93000);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETIMEDOUT);
  scene_close(scene);
}
END_TEST

START_TEST(dropping_the_stream_deregisters_with_observe_1_and_the_same_token) {
  scene_t *scene = scene_open();
  start(scene, "/t", observe(NULL));
  uint8_t token[8];
  memcpy(token, scene->token, 8);
  scene->stream = acoap_stream_unref(scene->stream);
  ck_assert_uint_eq(scene->outcome.destroyed, 1);
  client_rig_run(&scene->rig, 10);
  ck_assert_mem_eq(token, scene->server.token, 8);
  script_server_expect(&scene->server, "> CON GET /t Observe:0\n"
                                       "< ACK 2.05 Observe:9 [2]\n"
                                       "> CON GET /t Observe:1\n"
                                       "< ACK 2.05 [2]\n");
  client_rig_run(&scene->rig, 1000000);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  ck_assert_uint_eq(scene->server.requests, 2);
  scene_close(scene);
}
END_TEST

START_TEST(deregistration_is_bounded_in_time) {
  scene_t *scene = scene_open();
  start(scene, "/t", observe(NULL));
  scene->silent = true;
  scene->stream = acoap_stream_unref(scene->stream);
  acoap_local_endpoint_unref(scene->rig.client);
  acoap_time_t before = acoap_sim_now(scene->rig.sim);
  ck_assert(acoap_sim_run_idle(scene->rig.sim, before + 1000000));
  ck_assert_int_le((int)(acoap_sim_now(scene->rig.sim) - before), 300000);
  ck_assert_uint_eq(scene->server.requests, 6);
  scene_close(scene);
}
END_TEST

START_TEST(silent_deregistration_resets_the_next_notification) {
  scene_t *scene = scene_open();
  acoap_observe_options_t options = {.size = sizeof(options), .silent_deregister = true};
  start(scene, "/t", observe(&options));
  scene->stream = acoap_stream_unref(scene->stream);
  client_rig_run(&scene->rig, 1000);
  notify(scene, ACOAP_CON, 10);
  client_rig_run(&scene->rig, 10);
  script_server_expect(&scene->server, "> CON GET /t Observe:0\n"
                                       "< ACK 2.05 Observe:9 [2]\n"
                                       "< CON 2.05 Observe:10 [3]\n"
                                       "> RST\n");
  scene_close(scene);
}
END_TEST

static void drop_stream(void *user_data, int status, acoap_message_t *message) {
  outcome_t *outcome = user_data;
  outcome_note(outcome, status, message);
  outcome->stream = acoap_stream_unref(outcome->stream);
}

START_TEST(stream_may_be_dropped_inside_its_own_callback) {
  scene_t *scene = scene_open();
  acoap_remote_endpoint_t *remote = client_rig_remote(&scene->rig, "/t");
  acoap_desc_t *desc = observe(NULL);
  acoap_desc_on_destroy(desc, outcome_destroyed, &scene->outcome);
  ck_assert_int_eq(
      acoap_send_stream(remote, desc, drop_stream, &scene->outcome, &scene->outcome.stream), 0);
  acoap_remote_endpoint_unref(remote);
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  ck_assert_uint_eq(scene->outcome.destroyed, 1);
  ck_assert_uint_eq(scene->server.requests, 2);
  scene_close(scene);
}
END_TEST

/* ---- blocks --------------------------------------------------------------------------------- */

START_TEST(rfc7959_figure_12_notification_is_completed_with_requests_of_its_own) {
  scene_t *scene = scene_open();
  scene->block_len = 300;
  acoap_desc_t *desc = observe(NULL);
  acoap_desc_collect(desc, 1000);
  acoap_desc_block2(desc, 0);
  start(scene, "/status", desc);
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.len, 300);
  ck_assert_mem_eq(scene->outcome.body, scene->rig.body, 300);
  scene->etag = "e2";
  notify(scene, ACOAP_CON, 62444 % 1000);
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  script_server_expect(&scene->server, "> CON GET /status Observe:0\n"
                                       "< ACK 2.05 Observe:9 2:0/1/128 [128]\n"
                                       "> CON GET /status 2:1/0/128\n"
                                       "< ACK 2.05 2:1/1/128 [128]\n"
                                       "> CON GET /status 2:2/0/128\n"
                                       "< ACK 2.05 2:2/0/128 [44]\n"
                                       "< CON 2.05 Observe:444 2:0/1/128 [128]\n"
                                       "> ACK\n"
                                       "> CON GET /status 2:1/0/128\n"
                                       "< ACK 2.05 2:1/1/128 [128]\n"
                                       "> CON GET /status 2:2/0/128\n"
                                       "< ACK 2.05 2:2/0/128 [44]\n");
  scene_close(scene);
}
END_TEST

START_TEST(newer_notification_aborts_an_unfinished_fetch) {
  scene_t *scene = scene_open();
  scene->block_len = 300;
  acoap_desc_t *desc = observe(NULL);
  acoap_desc_collect(desc, 1000);
  start(scene, "/status", desc);
  client_rig_run(&scene->rig, 100);
  scene->silent = true; /* the fetch of this one hangs */
  notify(scene, ACOAP_NON, 20);
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.items, 1);
  scene->silent = false;
  scene->etag = "e3";
  notify(scene, ACOAP_NON, 21);
  client_rig_run(&scene->rig, 100);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_uint_eq(scene->outcome.len, 300);
  client_rig_run(&scene->rig, 14000);
  ck_assert_uint_eq(scene->outcome.finals, 0); /* the hanging one is forgotten */
  scene_close(scene);
}
END_TEST

START_TEST(fetch_that_fails_ends_the_stream) {
  scene_t *scene = scene_open();
  scene->block_len = 300;
  scene->max_age_s = 1000;
  acoap_desc_t *desc = observe(NULL);
  acoap_desc_collect(desc, 1000);
  start(scene, "/status", desc);
  client_rig_run(&scene->rig, 100);
  scene->silent = true;
  notify(scene, ACOAP_NON, 20);
  client_rig_run(&scene->rig, 95000);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETIMEDOUT);
  scene_close(scene);
}
END_TEST

/* ---- back-pressure -------------------------------------------------------------------------- */

START_TEST(paused_observation_keeps_only_the_newest) {
  scene_t *scene = scene_open();
  scene->max_age_s = 1000;
  start(scene, "/t", observe(NULL));
  acoap_stream_pause(scene->stream);
  for (uint32_t n = 10; n <= 14; n++) {
    notify(scene, ACOAP_NON, n);
    client_rig_run(&scene->rig, 100);
  }
  ck_assert_uint_eq(scene->outcome.items, 1);
  acoap_stream_resume(scene->stream);
  ck_assert_uint_eq(scene->outcome.items, 1); /* from the loop */
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_str_eq((char *)scene->outcome.body, "n14");
  ck_assert_uint_eq((unsigned)acoap_stream_dropped(scene->stream), 4);
  scene_close(scene);
}
END_TEST

START_TEST(end_waits_behind_a_pause_and_comes_once) {
  scene_t *scene = scene_open();
  start(scene, "/t", observe(NULL));
  acoap_stream_pause(scene->stream);
  notify(scene, ACOAP_NON, 10);
  client_rig_run(&scene->rig, 10);
  script_server_begin_as(&scene->server, ACOAP_NON, ACOAP_CODE_NOT_FOUND);
  script_server_send(&scene->server);
  client_rig_run(&scene->rig, 1000);
  ck_assert_uint_eq(scene->outcome.finals, 0);
  ck_assert_uint_eq(scene->outcome.destroyed, 0);
  ck_assert(!acoap_stream_ended(scene->stream));
  acoap_stream_resume(scene->stream);
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_eq(scene->outcome.items, 2);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ECLIENTERROR);
  scene_close(scene);
}
END_TEST

START_TEST(paused_stream_ends_at_once_when_the_endpoint_closes) {
  scene_t *scene = scene_open();
  start(scene, "/t", observe(NULL));
  acoap_stream_pause(scene->stream);
  notify(scene, ACOAP_NON, 10);
  client_rig_run(&scene->rig, 10);
  acoap_local_endpoint_close(scene->rig.client, NULL, NULL);
  scene->rig.client = NULL;
  client_rig_run(&scene->rig, 10);
  ck_assert_uint_eq(scene->outcome.items, 1);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ECANCELED);
  scene_close(scene);
}
END_TEST

START_TEST(paused_observation_is_kept_up) {
  scene_t *scene = scene_open();
  start(scene, "/t", observe(NULL));
  acoap_stream_pause(scene->stream);
  client_rig_run(&scene->rig, 31000);
  ck_assert_uint_eq(scene->server.requests, 2);
  scene_close(scene);
}
END_TEST

static void notify_under_loss(acoap_reliability_t reliability) {
  client_rig_t rig;
  outcome_t outcome = {0};
  acoap_stream_t *stream;
  acoap_sim_conditions_t conditions = {.size = sizeof(conditions),
                                       .loss_ppm = 150000,
                                       .duplicate_ppm = 100000,
                                       .delay_min_ms = 5,
                                       .delay_max_ms = 900};
  client_rig_open_pair(&rig, 12);
  ck_assert_int_eq(acoap_sim_set_conditions(rig.sim, &conditions), 0);
  ck_assert_int_eq(rig_stream(&rig, "/obs", observe(NULL), &outcome, &stream), 0);
  client_rig_run(&rig, 60000);
  ck_assert_uint_ge(outcome.items, 1);
  for (int i = 0; i < 20; i++) {
    client_rig_notify(&rig, reliability);
    client_rig_run(&rig, 5000);
  }
  /* Whatever was lost, the client comes to the last state (RFC 7641 section 1.3). */
  client_rig_run(&rig, 200000);
  ck_assert_uint_eq(outcome.finals, 0);
  ck_assert_str_eq((char *)outcome.body, "state 20");
  acoap_stream_unref(stream);
  client_rig_run(&rig, 300000);
  client_rig_close(&rig);
}

START_TEST(client_is_eventually_consistent_on_a_lossy_network) {
  notify_under_loss(ACOAP_RELIABLE);
  notify_under_loss(ACOAP_UNRELIABLE);
}
END_TEST

static Suite *observe_suite(void) {
  Suite *suite = suite_create("flow/client_observe");
  TCase *figures = tcase_create("RFC 7641 Appendix A");
  tcase_add_test(figures, rfc7641_figure_3_a_notification_upon_a_state_change);
  tcase_add_test(figures, rfc7641_figure_4_client_registers_again_after_max_age);
  tcase_add_test(figures, rfc7641_figure_5_users_etag_goes_with_each_registration);
  tcase_add_test(figures, older_notifications_are_dropped);
  tcase_add_test(figures, server_that_restarted_is_recovered_by_registering_again);
  suite_add_tcase(suite, figures);
  TCase *ends = tcase_create("ends");
  tcase_add_test(ends, error_notification_ends_the_stream_with_it);
  tcase_add_test(ends, answer_without_observe_is_the_only_item);
  tcase_add_test(ends, answer_without_observe_is_an_error_when_required);
  tcase_add_test(ends, answer_without_observe_is_fetched_block_by_block_all_the_same);
  tcase_add_test(ends, without_reregistration_silence_ends_the_stream);
  tcase_add_test(ends, server_that_is_gone_ends_the_stream_at_the_reregistration);
  tcase_add_test(ends, dropping_the_stream_deregisters_with_observe_1_and_the_same_token);
  tcase_add_test(ends, deregistration_is_bounded_in_time);
  tcase_add_test(ends, silent_deregistration_resets_the_next_notification);
  tcase_add_test(ends, stream_may_be_dropped_inside_its_own_callback);
  suite_add_tcase(suite, ends);
  TCase *blocks = tcase_create("blocks");
  tcase_add_test(blocks, rfc7959_figure_12_notification_is_completed_with_requests_of_its_own);
  tcase_add_test(blocks, newer_notification_aborts_an_unfinished_fetch);
  tcase_add_test(blocks, fetch_that_fails_ends_the_stream);
  suite_add_tcase(suite, blocks);
  TCase *pressure = tcase_create("back-pressure");
  tcase_add_test(pressure, paused_observation_keeps_only_the_newest);
  tcase_add_test(pressure, end_waits_behind_a_pause_and_comes_once);
  tcase_add_test(pressure, paused_stream_ends_at_once_when_the_endpoint_closes);
  tcase_add_test(pressure, paused_observation_is_kept_up);
  tcase_add_test(pressure, client_is_eventually_consistent_on_a_lossy_network);
  suite_add_tcase(suite, pressure);
  return suite;
}

ACOAP_TEST_MAIN(observe_suite)
