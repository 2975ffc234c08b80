/*
 * The combinators one by one: what each writes into the request, how it changes the sending, what
 * it makes of the response; own layers with the public table.
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
  uint8_t code;          /* of answers; 0: silence */
  char request[400];     /* the last one, as acoap_view_format writes it from its options on */
  acoap_type_t type;     /* of the last request */
  uint8_t method;        /* likewise */
  uint8_t token[8];      /* likewise */
  size_t token_len;      /* likewise */
  uint8_t payload[1200]; /* likewise */
  size_t payload_len;    /* likewise */
} scene_t;

static void serve(script_server_t *server, const acoap_view_t *view) {
  scene_t *scene = server->user_data;
  char text[600];
  if (view->type == ACOAP_CON && view->code == ACOAP_CODE_EMPTY) {
    script_server_empty(server, ACOAP_RST);
    return;
  }
  if (!acoap_code_is_request(view->code)) {
    return;
  }
  acoap_view_format(view, text, sizeof(text));
  const char *options = strstr(text, " T=");
  options = options != NULL ? strchr(options + 1, ' ') : NULL;
  snprintf(scene->request, sizeof(scene->request), "%s", options != NULL ? options + 1 : "");
  scene->type = view->type;
  scene->method = view->code;
  scene->token_len = view->token.len;
  memcpy(scene->token, server->token, view->token.len);
  scene->payload_len = view->payload.len;
  ck_assert_uint_le(view->payload.len, sizeof(scene->payload));
  if (view->payload.len > 0) {
    memcpy(scene->payload, view->payload.data, view->payload.len);
  }
  if (scene->code != 0) {
    acoap_builder_payload(script_server_begin(server, scene->code), "answer", 6);
    script_server_send(server);
  }
}

static scene_t *scene_open(void) {
  scene_t *scene = calloc(1, sizeof(*scene));
  ck_assert_ptr_nonnull(scene);
  client_rig_open(&scene->rig, 51);
  scene->code = ACOAP_CODE_CONTENT;
  script_server_open(&scene->server, scene->rig.sim, RIG_SERVER, serve, scene);
  return scene;
}

static void scene_send(scene_t *scene, acoap_desc_t *desc) {
  memset(&scene->outcome, 0, sizeof(scene->outcome));
  ck_assert_int_eq(rig_send(&scene->rig, "/a?x=1", desc, &scene->outcome, NULL), 0);
  client_rig_run(&scene->rig, 1000);
}

static void scene_close(scene_t *scene) {
  script_server_close(&scene->server);
  client_rig_close(&scene->rig);
  free(scene);
}

static void answer_with_vendor_option(script_server_t *server, const acoap_view_t *view) {
  if (acoap_code_is_request(view->code)) {
    acoap_builder_option(script_server_begin(server, ACOAP_CODE_CONTENT), 2049, "v", 1);
    script_server_send(server);
  }
}

START_TEST(understands_takes_a_response_that_would_be_rejected) {
  scene_t *scene = scene_open();
  scene->server.on_message = answer_with_vendor_option;
  scene_send(scene, acoap_desc_get());
  ck_assert_int_eq(scene->outcome.status, ACOAP_EBADOPTION);
  ck_assert(!scene->outcome.has_message);

  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_understands(desc, 2051);
  acoap_desc_understands(desc, 2049);
  scene_send(scene, desc);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_CONTENT);

  desc = acoap_desc_get();
  acoap_desc_understands(desc, 2051);
  scene_send(scene, desc);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EBADOPTION);
  scene_close(scene);
}
END_TEST

START_TEST(an_option_that_the_request_carries_is_understood_in_the_response) {
  scene_t *scene = scene_open();
  scene->server.on_message = answer_with_vendor_option;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_option(desc, 2049, "v", 1);
  scene_send(scene, desc);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_CONTENT);
  scene_close(scene);
}
END_TEST

/* ---- what is asked -------------------------------------------------------------------------- */

START_TEST(each_method_has_its_code) {
  scene_t *scene = scene_open();
  for (uint8_t code = 1; code < 32; code++) {
    acoap_desc_t *desc = NULL;
    switch (code) {
    case 1:
      desc = acoap_desc_get();
      break;
    case 2:
      desc = acoap_desc_post();
      break;
    case 3:
      desc = acoap_desc_put();
      break;
    case 4:
      desc = acoap_desc_delete();
      break;
    case 5:
      desc = acoap_desc_fetch();
      break;
    case 6:
      desc = acoap_desc_patch();
      break;
    case 7:
      desc = acoap_desc_ipatch();
      break;
    default:
      desc = acoap_desc_new(code);
      break;
    }
    scene_send(scene, desc);
    ck_assert_uint_eq(scene->method, code);
    ck_assert_int_eq(scene->outcome.status, 0);
  }
  scene_close(scene);
}
END_TEST

START_TEST(options_stand_behind_those_of_the_remote) {
  scene_t *scene = scene_open();
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_path(desc, "b%20c/d");
  acoap_desc_query(desc, "y=2&z");
  acoap_desc_accept(desc, ACOAP_FORMAT_JSON);
  acoap_desc_option_uint(desc, 65000, 300);
  scene_send(scene, desc);
  ck_assert_str_eq(scene->request, "Uri-Path:a Uri-Path:b c Uri-Path:d Uri-Query:x=1 Uri-Query:y=2 "
                                   "Uri-Query:z Accept:application/json 65000:0x012c");
  scene_close(scene);
}
END_TEST

START_TEST(replace_takes_the_place_of_what_inner_layers_wrote) {
  scene_t *scene = scene_open();
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_option_replace(desc, ACOAP_OPTION_URI_PATH, "other", 5);
  acoap_desc_option_replace(desc, ACOAP_OPTION_URI_QUERY, "q", 1);
  acoap_desc_content_format(desc, ACOAP_FORMAT_TEXT_PLAIN);
  acoap_desc_content_format(desc, ACOAP_FORMAT_CBOR);
  acoap_desc_payload(desc, "first", 5);
  acoap_desc_payload(desc, "body", 4);
  scene_send(scene, desc);
  ck_assert_str_eq(scene->request,
                   "Uri-Path:other Content-Format:application/cbor Uri-Query:q | 4 bytes");
  ck_assert_mem_eq(scene->payload, "body", 4);
  scene_close(scene);
}
END_TEST

static int write_pattern(void *user_data, uint8_t *room, size_t cap) {
  unsigned *calls = user_data;
  ++*calls;
  memset(room, 'w', cap);
  return 900;
}

START_TEST(payload_writer_fills_the_datagram_in_place) {
  scene_t *scene = scene_open();
  unsigned calls = 0;
  acoap_desc_t *desc = acoap_desc_post();
  acoap_desc_payload_writer(desc, write_pattern, &calls);
  scene_send(scene, desc);
  ck_assert_uint_eq(calls, 1);
  ck_assert_uint_eq(scene->payload_len, 900);
  ck_assert_uint_eq(scene->payload[899], 'w');
  scene_close(scene);
}
END_TEST

/* ---- how it is sent ------------------------------------------------------------------------- */

START_TEST(last_word_on_the_type_is_the_outermost) {
  scene_t *scene = scene_open();
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_nonconfirmable(desc);
  scene_send(scene, desc);
  ck_assert_int_eq(scene->type, ACOAP_NON);
  desc = acoap_desc_get();
  acoap_desc_nonconfirmable(desc);
  acoap_desc_confirmable(desc);
  scene_send(scene, desc);
  ck_assert_int_eq(scene->type, ACOAP_CON);
  scene_close(scene);
}
END_TEST

START_TEST(parameters_of_the_send_decide_how_long_it_tries) {
  scene_t *scene = scene_open();
  acoap_params_t params;
  acoap_params_init(&params);
  params.ack_timeout_ms = 100;
  params.ack_random_factor_permille = 1000;
  params.max_retransmit = 2;
  scene->code = 0;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_params(desc, &params);
  scene_send(scene, desc);
  ck_assert_uint_eq(scene->server.count, 3);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETIMEDOUT);
  ck_assert_int_eq((int)(scene->outcome.at - 1000000), 700);
  params.max_retransmit = 99;
  desc = acoap_desc_get();
  acoap_desc_params(desc, &params);
  outcome_t refused = {0};
  ck_assert_int_eq(rig_send(&scene->rig, "/a", desc, &refused, NULL), ACOAP_EINVAL);
  scene_close(scene);
}
END_TEST

START_TEST(deadline_ends_the_whole_send) {
  scene_t *scene = scene_open();
  scene->code = 0;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_retry(desc, 100, 10);
  acoap_desc_deadline(desc, 700);
  scene_send(scene, desc);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ETIMEDOUT);
  ck_assert_int_eq((int)(scene->outcome.at - 1000000), 700);
  scene_close(scene);
}
END_TEST

START_TEST(burst_sends_copies_with_one_token_and_own_message_ids) {
  scene_t *scene = scene_open();
  scene->code = 0;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_nonconfirmable(desc);
  acoap_desc_burst(desc, 3, 100);
  scene_send(scene, desc);
  ck_assert_uint_eq(scene->server.requests, 3);
  scene->code = ACOAP_CODE_CONTENT; /* the first copy is answered: no further ones */
  desc = acoap_desc_get();
  acoap_desc_nonconfirmable(desc);
  acoap_desc_burst(desc, 3, 100);
  outcome_t second = {0};
  ck_assert_int_eq(rig_send(&scene->rig, "coap://192.0.2.1/b", desc, &second, NULL), 0);
  client_rig_run(&scene->rig, 150000);
  ck_assert_uint_eq(scene->server.requests, 4);
  scene_close(scene);
}
END_TEST

START_TEST(token_is_the_users_when_given) {
  scene_t *scene = scene_open();
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_token(desc, "tok", 3);
  scene_send(scene, desc);
  ck_assert_uint_eq(scene->token_len, 3);
  ck_assert_mem_eq(scene->token, "tok", 3);
  desc = acoap_desc_get();
  acoap_desc_token(desc, NULL, 0);
  scene_send(scene, desc);
  ck_assert_uint_eq(scene->token_len, 0);
  ck_assert_int_eq(scene->outcome.status, 0);
  scene_close(scene);
}
END_TEST

START_TEST(no_response_succeeds_once_it_was_sent) {
  for (int con = 0; con < 2; con++) {
    scene_t *scene = scene_open();
    scene->code = con ? ACOAP_CODE_EMPTY : 0;
    acoap_desc_t *desc = acoap_desc_post();
    if (!con) {
      acoap_desc_nonconfirmable(desc);
    }
    acoap_desc_no_response(desc, 26);
    scene->outcome = (outcome_t){0};
    ck_assert_int_eq(rig_send(&scene->rig, "/a", desc, &scene->outcome, NULL), 0);
    client_rig_run(&scene->rig, 10);
    if (con) {
      ck_assert_uint_eq(scene->outcome.finals, 0); /* its ACK is still to come */
      script_server_empty(&scene->server, ACOAP_ACK);
      client_rig_run(&scene->rig, 10);
    }
    ck_assert_uint_eq(scene->outcome.finals, 1);
    ck_assert_int_eq(scene->outcome.status, 0);
    ck_assert(!scene->outcome.has_message);
    ck_assert_str_eq(scene->request, "Uri-Path:a No-Response:26");
    scene_close(scene);
  }
}
END_TEST

START_TEST(response_from_elsewhere_counts_only_when_any_source_is_taken) {
  for (int any = 0; any < 2; any++) {
    scene_t *scene = scene_open();
    script_server_t elsewhere;
    script_server_open(&elsewhere, scene->rig.sim, "192.0.2.1:6000", NULL, NULL);
    scene->code = 0;
    acoap_desc_t *desc = acoap_desc_get();
    acoap_desc_nonconfirmable(desc);
    if (any) {
      acoap_desc_any_source(desc);
    }
    scene_send(scene, desc);
    elsewhere.client = scene->server.client;
    memcpy(elsewhere.token, scene->token, scene->token_len);
    elsewhere.token_len = scene->token_len;
    script_server_begin_as(&elsewhere, ACOAP_NON, ACOAP_CODE_CONTENT);
    script_server_send(&elsewhere);
    client_rig_run(&scene->rig, 100);
    ck_assert_uint_eq(scene->outcome.finals, any ? 1u : 0u);
    script_server_close(&elsewhere);
    scene_close(scene);
  }
}
END_TEST

START_TEST(ping_succeeds_with_the_reset) {
  scene_t *scene = scene_open();
  acoap_desc_t *desc = acoap_desc_ping();
  acoap_desc_accept(desc, 0); /* not sent */
  scene_send(scene, desc);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert(scene->outcome.has_message);
  script_server_expect(&scene->server, "> CON\n< RST\n");
  scene_close(scene);
}
END_TEST

START_TEST(ping_of_nobody_times_out) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open(&rig, 3);
  ck_assert_int_eq(rig_send(&rig, "/", acoap_desc_ping(), &outcome, NULL), 0);
  client_rig_run(&rig, 93000);
  ck_assert_int_eq(outcome.status, ACOAP_ETIMEDOUT);
  client_rig_close(&rig);
}
END_TEST

/* ---- retry ---------------------------------------------------------------------------------- */

START_TEST(retry_waits_for_max_age_and_asks_again) {
  client_rig_t rig;
  outcome_t outcome = {0};
  client_rig_open_pair(&rig, 4);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_retry(desc, 3, 100);
  ck_assert_int_eq(rig_send(&rig, "/busy", desc, &outcome, NULL), 0);
  client_rig_run(&rig, 10000);
  ck_assert_uint_eq(rig.handled, 3);
  ck_assert_int_eq(outcome.status, 0);
  ck_assert_str_eq((char *)outcome.body, "free");
  ck_assert_int_eq((int)(outcome.at - 1000000), 4000); /* Max-Age 2 s, twice */
  client_rig_close(&rig);
}
END_TEST

START_TEST(retry_doubles_its_pause_and_gives_up) {
  scene_t *scene = scene_open();
  scene->code = ACOAP_CODE_TOO_MANY_REQUESTS;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_retry(desc, 3, 100);
  scene_send(scene, desc);
  ck_assert_uint_eq(scene->server.requests, 4);
  ck_assert_int_eq(scene->outcome.status, ACOAP_ECLIENTERROR);
  ck_assert_uint_eq(scene->outcome.code, ACOAP_CODE_TOO_MANY_REQUESTS);
  ck_assert_int_eq((int)(scene->outcome.at - 1000000), 100 + 200 + 400);
  scene_close(scene);
}
END_TEST

START_TEST(retry_asks_again_after_a_timeout_where_a_transfer_stood) {
  client_rig_t rig;
  outcome_t outcome = {0};
  acoap_params_t params;
  client_rig_open_pair(&rig, 5);
  rig.body_len = 300;
  acoap_params_init(&params);
  params.max_retransmit = 0;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_params(desc, &params);
  acoap_desc_block2(desc, 64);
  acoap_desc_collect(desc, RIG_BODY);
  acoap_desc_retry(desc, 1, 100);
  acoap_sim_conditions_t slow = {.size = sizeof(slow), .delay_min_ms = 100, .delay_max_ms = 100};
  ck_assert_int_eq(acoap_sim_set_conditions(rig.sim, &slow), 0);
  ck_assert_int_eq(rig_send(&rig, "/large", desc, &outcome, NULL), 0);
  client_rig_run(&rig, 450); /* two blocks are there, the third request is under way */
  ck_assert_int_eq(acoap_sim_partition(rig.sim, NULL, NULL, true), 0);
  client_rig_run(&rig, 1000);
  ck_assert_int_eq(acoap_sim_partition(rig.sim, NULL, NULL, false), 0);
  client_rig_run(&rig, 10000);
  ck_assert_int_eq(outcome.status, 0);
  ck_assert_uint_eq(outcome.len, 300);
  ck_assert_mem_eq(outcome.body, rig.body, 300);
  ck_assert_uint_le(rig.handled, 6);
  client_rig_close(&rig);
}
END_TEST

/* ---- what counts ---------------------------------------------------------------------------- */

START_TEST(emit_layers_decide_what_counts_as_a_result) {
  static const struct {
    int layer; /* 0 none, 1 any, 2 successful, 3 code 4.04, 4 code 2.05 */
    uint8_t code;
    int status;
    bool message;
  } table[] = {
      {0, ACOAP_CODE_CONTENT, 0, true},
      {0, ACOAP_CODE_NOT_FOUND, ACOAP_ECLIENTERROR, true},
      {0, ACOAP_CODE_INTERNAL_SERVER_ERROR, ACOAP_ESERVERERROR, true},
      {0, ACOAP_CODE(3, 1), ACOAP_EUNEXPECTED, true},
      {1, ACOAP_CODE_NOT_FOUND, 0, true},
      {1, ACOAP_CODE_INTERNAL_SERVER_ERROR, 0, true},
      {1, ACOAP_CODE(3, 1), 0, true},
      {2, ACOAP_CODE_CONTENT, 0, true},
      {2, ACOAP_CODE_NOT_FOUND, ACOAP_ECLIENTERROR, false},
      {2, ACOAP_CODE(3, 1), ACOAP_EUNEXPECTED, false},
      {3, ACOAP_CODE_NOT_FOUND, 0, true},
      {3, ACOAP_CODE_CONTENT, ACOAP_EUNEXPECTED, true},
      {4, ACOAP_CODE_CONTENT, 0, true},
      {4, ACOAP_CODE_VALID, ACOAP_EUNEXPECTED, true},
  };
  scene_t *scene = scene_open();
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    acoap_desc_t *desc = acoap_desc_get();
    scene->code = table[i].code;
    switch (table[i].layer) {
    case 1:
      acoap_desc_emit_any(desc);
      break;
    case 2:
      acoap_desc_emit_successful(desc);
      break;
    case 3:
      acoap_desc_emit_code(desc, ACOAP_CODE_NOT_FOUND);
      break;
    case 4:
      acoap_desc_emit_code(desc, ACOAP_CODE_CONTENT);
      break;
    default:
      break;
    }
    scene_send(scene, desc);
    ck_assert_msg(scene->outcome.status == table[i].status, "row %u: %d", (unsigned)i,
                  scene->outcome.status);
    ck_assert_msg(scene->outcome.has_message == table[i].message, "row %u", (unsigned)i);
  }
  scene_close(scene);
}
END_TEST

START_TEST(include_address_tells_who_answered) {
  scene_t *scene = scene_open();
  acoap_address_t address = {0};
  char text[ACOAP_ADDRESS_TEXT_MAX];
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_include_address(desc, &address);
  scene_send(scene, desc);
  ck_assert_int_gt(acoap_address_format(&address, text, sizeof(text)), 0);
  ck_assert_str_eq(text, RIG_SERVER);
  scene_close(scene);
}
END_TEST

/* ---- own handlers and layers ---------------------------------------------------------------- */

static int ask_three_times(void *user_data, acoap_exchange_t *exchange) {
  unsigned *calls = user_data;
  ck_assert_int_eq(acoap_exchange_status(exchange), 0);
  ck_assert_ptr_nonnull(acoap_exchange_message(exchange));
  ck_assert_ptr_nonnull(acoap_exchange_remote(exchange));
  ck_assert(!acoap_exchange_is_notification(exchange));
  ck_assert_uint_eq(acoap_exchange_requests(exchange), ++*calls);
  if (*calls < 3) {
    acoap_exchange_delay(exchange, 50);
    return ACOAP_SEND_NEXT;
  }
  return acoap_exchange_inner(exchange);
}

START_TEST(handler_may_ask_again) {
  scene_t *scene = scene_open();
  unsigned calls = 0;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_handler(desc, ask_three_times, &calls);
  scene_send(scene, desc);
  ck_assert_uint_eq(scene->server.requests, 3);
  ck_assert_int_eq(scene->outcome.status, 0);
  ck_assert_int_eq((int)(scene->outcome.at - 1000000), 100);
  scene_close(scene);
}
END_TEST

static int answer_with(void *user_data, acoap_exchange_t *exchange) {
  (void)exchange;
  return *(int *)user_data;
}

START_TEST(verdicts_of_a_handler_end_the_send) {
  static const int table[][2] = {{ACOAP_DONE, 0},
                                 {ACOAP_ENOTSUP, ACOAP_ENOTSUP},
                                 {17, ACOAP_EINVAL},
                                 {ACOAP_CONTINUE, 0}}; /* a future has one result: this message */
  scene_t *scene = scene_open();
  for (size_t i = 0; i < 4; i++) {
    int verdict = table[i][0];
    acoap_desc_t *desc = acoap_desc_get();
    acoap_desc_handler(desc, answer_with, &verdict);
    scene_send(scene, desc);
    ck_assert_uint_eq(scene->outcome.finals, 1);
    ck_assert_int_eq(scene->outcome.status, table[i][1]);
  }
  scene_close(scene);
}
END_TEST

static int swallow(void *user_data, acoap_exchange_t *exchange) {
  (void)user_data;
  acoap_exchange_set_message(exchange, NULL);
  return ACOAP_CONTINUE;
}

START_TEST(send_that_waits_for_nothing_comes_to_an_end) {
  scene_t *scene = scene_open();
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_handler(desc, swallow, NULL);
  scene_send(scene, desc);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_lt(scene->outcome.status, 0);
  scene_close(scene);
}
END_TEST

/* A layer of the user's: a clock that asks again every second, three times. */
typedef struct clock_layer {
  unsigned wakes;
  unsigned destroyed;
  unsigned items;
} clock_layer_t;

static int clock_write(void *layer, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  (void)layer;
  acoap_exchange_wake_at(exchange, acoap_exchange_now(exchange) + 1000);
  acoap_builder_uint(builder, 65000, acoap_exchange_requests(exchange));
  return 0;
}

static int clock_handle(void *layer, acoap_exchange_t *exchange) {
  clock_layer_t *self = layer;
  int verdict = acoap_exchange_inner(exchange);
  self->items++;
  if (verdict < 0 || self->items == 3) {
    acoap_exchange_wake_at(exchange, ACOAP_TIME_NEVER);
    return verdict;
  }
  return ACOAP_CONTINUE;
}

static int clock_wake(void *layer, acoap_exchange_t *exchange) {
  (void)exchange;
  ((clock_layer_t *)layer)->wakes++;
  return ACOAP_SEND_NEXT;
}

static void clock_timing(void *layer, acoap_timing_t *timing) {
  (void)layer;
  timing->type = ACOAP_NON;
}

static void clock_destroy(void *layer) {
  ((clock_layer_t *)layer)->destroyed++;
}

static const acoap_layer_ops_t clock_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .write = clock_write,
    .handle = clock_handle,
    .timing = clock_timing,
    .wake = clock_wake,
    .destroy = clock_destroy,
};

START_TEST(users_layer_has_the_same_table_as_ours) {
  scene_t *scene = scene_open();
  clock_layer_t clock = {0};
  acoap_stream_t *stream;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_layer(desc, &clock_ops, &clock);
  ck_assert_int_eq(rig_stream(&scene->rig, "/a", desc, &scene->outcome, &stream), 0);
  client_rig_run(&scene->rig, 10000);
  ck_assert_uint_eq(scene->server.requests, 3);
  ck_assert_uint_eq(scene->outcome.items, 3);
  ck_assert_uint_eq(scene->outcome.finals, 1);
  ck_assert_int_eq(scene->outcome.status, ACOAP_EEND);
  ck_assert_int_eq(scene->type, ACOAP_NON);
  ck_assert_str_eq(scene->request, "Uri-Path:a 65000:0x02");
  ck_assert_uint_eq(clock.wakes, 2);
  ck_assert_uint_eq(clock.destroyed, 1);
  acoap_stream_unref(stream);
  scene_close(scene);
}
END_TEST

START_TEST(users_layer_is_destroyed_whatever_happens) {
  clock_layer_t clock = {0};
  acoap_desc_layer(NULL, &clock_ops, &clock);
  ck_assert_uint_eq(clock.destroyed, 1);
  acoap_desc_t *desc = acoap_desc_new(0);
  acoap_desc_layer(desc, &clock_ops, &clock); /* the descriptor has failed */
  ck_assert_uint_eq(clock.destroyed, 1);
  acoap_desc_free(desc);
  ck_assert_uint_eq(clock.destroyed, 2);
}
END_TEST

static int ignore_and_note(void *user_data, acoap_exchange_t *exchange) {
  unsigned *notifications = user_data;
  *notifications += acoap_exchange_is_notification(exchange) ? 1 : 0;
  return acoap_exchange_inner(exchange);
}

START_TEST(layers_can_tell_notifications_from_answers_to_follow_ups) {
  client_rig_t rig;
  outcome_t outcome = {0};
  unsigned notifications = 0;
  acoap_stream_t *stream;
  client_rig_open_pair(&rig, 6);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_observe(desc, NULL);
  acoap_desc_handler(desc, ignore_and_note, &notifications);
  ck_assert_int_eq(rig_stream(&rig, "/obs", desc, &outcome, &stream), 0);
  client_rig_run(&rig, 100);
  client_rig_notify(&rig, ACOAP_RELIABLE);
  client_rig_run(&rig, 100);
  ck_assert_uint_eq(outcome.items, 2);
  ck_assert_uint_eq(notifications, 2);
  acoap_stream_unref(stream);
  client_rig_run(&rig, 1000);
  client_rig_close(&rig);
}
END_TEST

static Suite *desc_suite(void) {
  Suite *suite = suite_create("flow/client_desc");
  TCase *what = tcase_create("what");
  tcase_add_test(what, understands_takes_a_response_that_would_be_rejected);
  tcase_add_test(what, an_option_that_the_request_carries_is_understood_in_the_response);
  tcase_add_test(what, each_method_has_its_code);
  tcase_add_test(what, options_stand_behind_those_of_the_remote);
  tcase_add_test(what, replace_takes_the_place_of_what_inner_layers_wrote);
  tcase_add_test(what, payload_writer_fills_the_datagram_in_place);
  suite_add_tcase(suite, what);
  TCase *how = tcase_create("how");
  tcase_add_test(how, last_word_on_the_type_is_the_outermost);
  tcase_add_test(how, parameters_of_the_send_decide_how_long_it_tries);
  tcase_add_test(how, deadline_ends_the_whole_send);
  tcase_add_test(how, burst_sends_copies_with_one_token_and_own_message_ids);
  tcase_add_test(how, token_is_the_users_when_given);
  tcase_add_test(how, no_response_succeeds_once_it_was_sent);
  tcase_add_test(how, response_from_elsewhere_counts_only_when_any_source_is_taken);
  tcase_add_test(how, ping_succeeds_with_the_reset);
  tcase_add_test(how, ping_of_nobody_times_out);
  suite_add_tcase(suite, how);
  TCase *retry = tcase_create("retry");
  tcase_add_test(retry, retry_waits_for_max_age_and_asks_again);
  tcase_add_test(retry, retry_doubles_its_pause_and_gives_up);
  tcase_add_test(retry, retry_asks_again_after_a_timeout_where_a_transfer_stood);
  suite_add_tcase(suite, retry);
  TCase *counts = tcase_create("counts");
  tcase_add_test(counts, emit_layers_decide_what_counts_as_a_result);
  tcase_add_test(counts, include_address_tells_who_answered);
  suite_add_tcase(suite, counts);
  TCase *own = tcase_create("own");
  tcase_add_test(own, handler_may_ask_again);
  tcase_add_test(own, verdicts_of_a_handler_end_the_send);
  tcase_add_test(own, send_that_waits_for_nothing_comes_to_an_end);
  tcase_add_test(own, users_layer_has_the_same_table_as_ours);
  tcase_add_test(own, users_layer_is_destroyed_whatever_happens);
  tcase_add_test(own, layers_can_tell_notifications_from_answers_to_follow_ups);
  suite_add_tcase(suite, own);
  return suite;
}

ACOAP_TEST_MAIN(desc_suite)
