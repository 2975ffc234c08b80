/*
 * exchange/engine: its memory, its clock, and its promise that anything may be called from
 * anywhere.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/engine.h"

#include "exchange/peer.h"
#include "support/check_main.h"
#include "support/scripted_peer.h"

/* ---- configuration and memory ---------------------------------------------------------------- */

START_TEST(defaults_are_filled_in) {
  acoap__engine_config_t config = {0};

  acoap_params_init(&config.params);
  script_t *script = script_new(&config, 1);
  ck_assert_uint_eq(script->engine.config.token_max, 8);
  ck_assert_uint_eq(script->engine.config.queue_per_peer, 1024);
  acoap__engine_config_t explicit = {.params = config.params,
                                     .peers = 1024,
                                     .dedup_con = 8192,
                                     .dedup_non = 4096,
                                     .reply_bytes = 4u << 20,
                                     .buckets = 1024};
  ck_assert_uint_eq(acoap__engine_memory(&config), acoap__engine_memory(&explicit));
  ck_assert_uint_lt(acoap__engine_memory(&config), (4u << 20) + (2u << 20));
  script_free(script);
}
END_TEST

START_TEST(memory_follows_the_configuration) {
  acoap__engine_config_t config = {.peers = 1,
                                   .dedup_con = 1,
                                   .dedup_non = 1,
                                   .reply_bytes = 64,
                                   .queue_per_peer = 1,
                                   .buckets = 2};

  acoap_params_init(&config.params);
  size_t least = acoap__engine_memory(&config);
  ck_assert_uint_gt(least, 0);
  ck_assert_uint_lt(least, 1536);
  /* And it works in that. */
  script_t *script = script_new(&config, 1);
  for (unsigned n = 1; n < 20; n++) {
    acoap_path_t path = script_path(n);
    script_request_t request;
    script_request_init(script, &request, ACOAP_CODE_GET, "t", NULL);
    ck_assert_int_eq(script_request_send(&request, &path, ACOAP_CON, NULL), 0);
    script_receive(script, &path, ACOAP_ACK, ACOAP_CODE_CONTENT,
                   script_next(script)->view.message_id, "t", NULL);
    ck_assert_uint_eq(request.responses, 1);
  }
  script_free(script);
}
END_TEST

START_TEST(bad_configurations_are_refused) {
  acoap__engine_config_t good = script_config();
  acoap__engine_t engine;
  acoap__seeded_t seed = {0};
  acoap__random_t random;
  acoap__engine_config_t bad[8];
  static _Alignas(max_align_t) uint8_t memory[64 * 1024];

  for (size_t i = 0; i < 8; i++) {
    bad[i] = good;
  }
  bad[0].params.size = 0;
  bad[1].params.nstart = 0;
  bad[2].buckets = 48;
  bad[3].token_max = ACOAP_TOKEN_EXTENDED_MAX + 1;
  bad[4].peers = UINT32_MAX;
  bad[5].dedup_con = UINT32_MAX;
  bad[6].dedup_non = UINT32_MAX;
  bad[7].reply_bytes = SIZE_MAX;
  acoap__random_init(&random, acoap__seeded_fill, &seed);
  static const acoap__engine_events_t no_events = {0};
  for (size_t i = 0; i < 8; i++) {
    ck_assert_msg(acoap__engine_memory(&bad[i]) == 0, "configuration %zu", i);
    ck_assert_int_eq(acoap__engine_init(&engine, &bad[i], memory, sizeof(memory), &random, NULL,
                                        &no_events, NULL),
                     ACOAP_EINVAL);
  }
  ck_assert_uint_eq(acoap__engine_memory(NULL), 0);
  size_t wanted = acoap__engine_memory(&good);
  ck_assert_uint_le(wanted + 1, sizeof(memory));
  ck_assert_int_eq(
      acoap__engine_init(&engine, &good, memory, wanted - 1, &random, NULL, &no_events, NULL),
      ACOAP_EINVAL);
  ck_assert_int_eq(
      acoap__engine_init(&engine, &good, memory + 1, wanted, &random, NULL, &no_events, NULL),
      ACOAP_EINVAL);
  ck_assert_int_eq(
      acoap__engine_init(&engine, &good, NULL, wanted, &random, NULL, &no_events, NULL),
      ACOAP_EINVAL);
  ck_assert_int_eq(
      acoap__engine_init(&engine, &good, memory, wanted, &random, NULL, &no_events, NULL), 0);
}
END_TEST

/* ---- wake-ups -------------------------------------------------------------------------------- */

START_TEST(wake_changed_comes_when_the_next_wake_up_becomes_earlier) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  script_message_t first;
  script_message_t later;
  script_message_t earlier;
  script_message_t non;
  acoap_params_t fast = config.params;
  acoap_path_t paths[4] = {script_path(1), script_path(2), script_path(3), script_path(4)};

  fast.ack_timeout_ms = 100;
  ck_assert_int_eq(acoap__engine_next_wake(&script->engine), ACOAP_TIME_NEVER);
  script_message_init(script, &first, ACOAP_CODE_CONTENT, "a", NULL);
  script_message_init(script, &later, ACOAP_CODE_CONTENT, "b", NULL);
  script_message_init(script, &earlier, ACOAP_CODE_CONTENT, "c", NULL);
  script_message_init(script, &non, ACOAP_CODE_CONTENT, "d", NULL);
  script_message_send(&non, &paths[3], ACOAP_NON, NULL);
  ck_assert_uint_eq(script->wakes, 0);
  script_message_send(&first, &paths[0], ACOAP_CON, NULL);
  ck_assert_uint_eq(script->wakes, 1);
  ck_assert_int_eq(acoap__engine_next_wake(&script->engine), script->now + 2000);
  script->now += 10;
  script_message_send(&later, &paths[1], ACOAP_CON, NULL);
  ck_assert_uint_eq(script->wakes, 1);
  script_message_send(&earlier, &paths[2], ACOAP_CON, &fast);
  ck_assert_uint_eq(script->wakes, 2);
  ck_assert_int_eq(acoap__engine_next_wake(&script->engine), script->now + 100);
  /* Not from a run: its caller asks anyway. */
  script_run_until(script, script->now + 100);
  ck_assert_uint_eq(script->wakes, 2);
  /* Not when the wake-up becomes later. */
  acoap__transmission_cancel(&script->engine, script->now, &earlier.tx);
  acoap__transmission_cancel(&script->engine, script->now, &first.tx);
  ck_assert_uint_eq(script->wakes, 2);
  script_free(script);
}
END_TEST

static void run_in_wake(script_t *script) {
  acoap__engine_run(&script->engine, script->now);
  acoap__engine_run(&script->engine, acoap__engine_next_wake(&script->engine));
}

START_TEST(a_driver_may_run_the_engine_from_wake_changed) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  script_message_t message;

  script->on_wake = run_in_wake;
  script_message_init(script, &message, ACOAP_CODE_CONTENT, "a", NULL);
  script_message_send(&message, &path, ACOAP_CON, NULL);
  ck_assert_uint_eq(script->sent, 2);
  script_free(script);
}
END_TEST

START_TEST(peer_info_tells_what_is_known) {
  acoap__engine_config_t config = script_config();
  script_t *script = script_new(&config, 1);
  acoap_path_t path = script_path(1);
  acoap__peer_info_t info = {.queued = 7};
  script_message_t messages[3];

  ck_assert(!acoap__engine_peer_info(&script->engine, &path, &info));
  ck_assert_uint_eq(info.queued, 7);
  for (size_t i = 0; i < 3; i++) {
    script_message_init(script, &messages[i], ACOAP_CODE_CONTENT, "a", NULL);
    script_message_send(&messages[i], &path, ACOAP_CON, NULL);
  }
  ck_assert(acoap__engine_peer_info(&script->engine, &path, &info));
  ck_assert_uint_eq(info.outstanding, 1);
  ck_assert_uint_eq(info.queued, 2);
  ck_assert_int_eq(info.heard, 0);
  script->now += 5;
  script_receive(script, &path, ACOAP_NON, ACOAP_CODE_GET, 1, "x", NULL);
  ck_assert(acoap__engine_peer_info(&script->engine, &path, &info));
  ck_assert_int_eq(info.heard, script->now);
  script_free(script);
}
END_TEST

/* ---- anything from anywhere ------------------------------------------------------------------ */

#define NODES 12
#define PEERS 4
#define DEPTH 3

/* A node in memory of its own, so that a sanitizer sees whoever touches it after its end. */
typedef struct chaos_node {
  script_request_t *request; /* one of these */
  script_message_t *message;
  bool pending; /* an end has to come */
} chaos_node_t;

typedef struct chaos {
  script_t *script;
  uint64_t random;
  chaos_node_t nodes[NODES];
  uint32_t peers; /* entries of the table */
  unsigned depth;
  unsigned long events;
  unsigned long sends;
  uint16_t ids[PEERS + 1]; /* the last Message ID seen on the way to each */
  char token[9];
  unsigned tokens;
} chaos_t;

static uint32_t dice(chaos_t *chaos, uint32_t sides) {
  chaos->random = chaos->random * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(chaos->random >> 33) % sides;
}

static void act(chaos_t *chaos);

static void act_deeper(chaos_t *chaos) {
  if (chaos->depth < DEPTH) {
    chaos->depth++;
    for (uint32_t n = dice(chaos, 3); n > 0; n--) {
      act(chaos);
    }
    chaos->depth--;
  }
}

static void drop_node(chaos_node_t *node) {
  free(node->request);
  free(node->message);
  node->request = NULL;
  node->message = NULL;
  node->pending = false;
}

static void request_event(script_request_t *request) {
  chaos_t *chaos = request->script->user_data;
  chaos_node_t *node = request->user_data;
  bool ended = request->failures > 0 || (request->responses > 0 && !request->interaction.keep);

  chaos->events++;
  if (!node->pending) {
    ck_abort_msg("an event after the end");
  }
  request->failures = 0;
  request->responses = 0;
  if (ended) {
    node->pending = false;
    if (dice(chaos, 2) == 0) {
      drop_node(node);
    }
  }
  act_deeper(chaos);
}

static void message_event(script_message_t *message) {
  chaos_t *chaos = message->script->user_data;
  chaos_node_t *node = message->user_data;
  unsigned ends = message->acknowledged + message->resets + message->failures;

  chaos->events++;
  if (!node->pending) {
    ck_abort_msg("an event after the end");
  }
  if (ends > 0) {
    message->acknowledged = 0;
    message->resets = 0;
    message->failures = 0;
    node->pending = false;
    if (dice(chaos, 2) == 0) {
      drop_node(node);
    }
  }
  act_deeper(chaos);
}

static acoap_path_t chaos_path(uint32_t n) {
  return n < PEERS ? script_path(n + 1) : script_group();
}

static void chaos_transmit(script_t *script, const acoap_path_t *path, acoap_bytes_t bytes) {
  chaos_t *chaos = script->user_data;
  uint32_t n = path->peer.ip[0] == 224 ? PEERS : path->peer.ip[3] - 1u;

  if ((bytes.data[0] >> 4 & 3) <= ACOAP_NON) {
    chaos->ids[n] = (uint16_t)(bytes.data[2] << 8 | bytes.data[3]);
  }
  chaos->events++;
  act_deeper(chaos);
}

static void chaos_request(script_t *script, script_inbound_t *inbound, const acoap_view_t *view) {
  chaos_t *chaos = script->user_data;
  script_inbound_t copy = *inbound;

  (void)view;
  chaos->events++;
  act_deeper(chaos);
  switch (dice(chaos, 4)) {
  case 0:
    script_reply(script, &copy, ACOAP_CODE_CONTENT, "r");
    break;
  case 1:
    acoap__inbound_acknowledge(&script->engine, script->now, &copy.inbound);
    break;
  case 2:
    acoap__inbound_reset(&script->engine, script->now, &copy.inbound);
    break;
  default:
    break;
  }
}

static void chaos_wake(script_t *script) {
  chaos_t *chaos = script->user_data;

  act_deeper(chaos);
}

static void send_request(chaos_t *chaos, chaos_node_t *node) {
  acoap_path_t path = chaos_path(dice(chaos, PEERS + 1));
  acoap__request_options_t options = {.keep = dice(chaos, 3) == 0,
                                      .any_source = dice(chaos, 4) == 0,
                                      .no_response_expected = dice(chaos, 8) == 0};
  char token[9];

  if (node->request == NULL) {
    drop_node(node);
    node->request = malloc(sizeof(*node->request));
    snprintf(token, sizeof(token), "%u", chaos->tokens++ % 20);
    script_request_init(chaos->script, node->request, ACOAP_CODE_GET, token, NULL);
    node->request->on_event = request_event;
    node->request->user_data = node;
  }
  /* The events of the new sending may come before the call is over, when the socket is used from
   * inside. */
  bool was_pending = node->pending;
  script_request_t *request = node->request;
  acoap_type_t type = path.peer.ip[0] == 224 || dice(chaos, 2) ? ACOAP_NON : ACOAP_CON;
  unsigned long before = chaos->script->sent;
  node->pending = true;
  chaos->sends++;
  if (script_request_send(request, &path, type, &options) < 0) {
    ck_assert_uint_eq(chaos->script->sent, before); /* nothing happened */
    node->pending = was_pending;
  }
}

static void send_message(chaos_t *chaos, chaos_node_t *node) {
  acoap_path_t path = chaos_path(dice(chaos, PEERS + 1));
  acoap_type_t type = path.peer.ip[0] == 224 || dice(chaos, 2) ? ACOAP_NON : ACOAP_CON;

  if (node->message == NULL) {
    drop_node(node);
    node->message = malloc(sizeof(*node->message));
    script_message_init(chaos->script, node->message, ACOAP_CODE_CONTENT, "t", NULL);
    node->message->on_event = message_event;
    node->message->user_data = node;
  }
  bool was_pending = node->pending;
  unsigned long before = chaos->script->sent;
  node->pending = true;
  chaos->sends++;
  if (script_message_send(node->message, &path, type, NULL) < 0) {
    ck_assert_uint_eq(chaos->script->sent, before);
    node->pending = was_pending;
  }
}

static void end_node(chaos_t *chaos, chaos_node_t *node) {
  acoap__engine_t *engine = &chaos->script->engine;

  node->pending = false;
  if (node->request != NULL) {
    acoap__interaction_close(engine, chaos->script->now, &node->request->interaction);
  } else if (node->message != NULL) {
    acoap__transmission_cancel(engine, chaos->script->now, &node->message->tx);
  }
  /* wake_changed may have used the node again from inside: then it stays. */
  if (!node->pending) {
    drop_node(node);
  }
}

static void receive_something(chaos_t *chaos) {
  static const acoap_type_t types[] = {ACOAP_ACK, ACOAP_ACK, ACOAP_RST, ACOAP_CON, ACOAP_NON};
  static const uint8_t codes[] = {ACOAP_CODE_EMPTY, ACOAP_CODE_CONTENT, ACOAP_CODE_GET,
                                  ACOAP_CODE_POST};
  uint32_t n = dice(chaos, PEERS);
  acoap_path_t path = chaos_path(n);
  acoap_type_t type = types[dice(chaos, 5)];
  uint8_t code = type == ACOAP_RST ? ACOAP_CODE_EMPTY : codes[dice(chaos, 4)];
  uint16_t id =
      type >= ACOAP_ACK ? (uint16_t)(chaos->ids[n] - dice(chaos, 2)) : (uint16_t)dice(chaos, 200);
  char token[9];

  snprintf(token, sizeof(token), "%u", dice(chaos, 20));
  script_receive(chaos->script, &path, type, code, id, code == ACOAP_CODE_EMPTY ? NULL : token,
                 NULL);
}

static void unreachable_something(chaos_t *chaos) {
  uint32_t n = dice(chaos, PEERS);
  acoap_path_t path = chaos_path(n);
  uint8_t quote[5] = {0x41, 1, (uint8_t)(chaos->ids[n] >> 8), (uint8_t)chaos->ids[n],
                      (uint8_t)('0' + dice(chaos, 10))};
  acoap_bytes_t bytes = {quote, sizeof(quote)};

  acoap__engine_unreachable(&chaos->script->engine, chaos->script->now, &path, ACOAP_EUNREACHABLE,
                            bytes);
}

static void act(chaos_t *chaos) {
  chaos_node_t *node = &chaos->nodes[dice(chaos, NODES)];
  script_t *script = chaos->script;

  switch (dice(chaos, 12)) {
  case 0:
  case 1:
  case 2:
    if (node->message == NULL) {
      send_request(chaos, node);
      break;
    }
    /* fall through */
  case 3:
    if (node->request == NULL) {
      send_message(chaos, node);
    }
    break;
  case 4:
    end_node(chaos, node);
    break;
  case 5:
    if (node->request != NULL) {
      acoap__interaction_repeat(&script->engine, script->now, &node->request->interaction, NULL);
    }
    break;
  case 6:
    acoap__engine_run(&script->engine, script->now);
    break;
  case 7:
    unreachable_something(chaos);
    break;
  case 8:
    if (dice(chaos, 4) == 0) {
      script->transmit_status = -1;
      script->refuse_next = (int)dice(chaos, 3);
    }
    break;
  default:
    receive_something(chaos);
    break;
  }
}

/* Nothing is pending that no timer, datagram or call could end; nothing is left anywhere after
 * everything was ended. */
static void chaos_check_end(chaos_t *chaos) {
  script_t *script = chaos->script;

  script->on_transmit = NULL;
  script->on_request = NULL;
  script->on_wake = NULL;
  script->refuse_next = 0;
  chaos->depth = DEPTH;
  /* Left alone, everything but groups, kept interactions and held NONs ends by itself. */
  script_run_until(script, script->now + 100000000);
  ck_assert_int_eq(acoap__engine_next_wake(&script->engine), ACOAP_TIME_NEVER);
  for (size_t i = 0; i < NODES; i++) {
    chaos_node_t *node = &chaos->nodes[i];
    if (node->pending && node->request != NULL) {
      ck_assert(node->request->interaction.open);
      ck_assert(node->request->interaction.multicast || node->request->interaction.answered);
    }
    if (node->pending && node->message != NULL) {
      ck_assert_int_eq(node->message->tx.state, ACOAP__TX_HELD);
    }
    end_node(chaos, node);
  }
  script_expect_idle(script);
  for (uint32_t n = 0; n < PEERS; n++) {
    acoap_path_t path = chaos_path(n);
    acoap__peer_info_t info;
    if (acoap__engine_peer_info(&script->engine, &path, &info)) {
      ck_assert_uint_eq(info.outstanding, 0);
      ck_assert_uint_eq(info.queued, 0);
    }
  }
  ck_assert_uint_eq(script->engine.peers->group->queued, 0);
  /* Every entry of the table can be had again. */
  uint32_t idle = 0;
  const acoap__list_t *head = &script->engine.peers->idle;
  for (const acoap__list_t *at = head->next; at != head; at = at->next) {
    idle++;
  }
  ck_assert_uint_eq(idle, chaos->peers);
}

START_TEST(anything_may_be_called_from_any_callback) {
  unsigned long events = 0;
  unsigned long sends = 0;

  for (uint64_t seed = 0; seed < 300; seed++) {
    acoap__engine_config_t config = script_config();
    config.peers = seed % 3 == 0 ? 2 : 16;
    config.queue_per_peer = 3;
    config.dedup_con = 8;
    config.dedup_non = 8;
    config.reply_bytes = 128;
    config.params.nstart = 1 + (uint32_t)seed % 2;
    chaos_t chaos = {.random = seed, .peers = config.peers};

    chaos.script = script_new(&config, seed);
    chaos.script->user_data = &chaos;
    chaos.script->forget_sent = true;
    chaos.script->on_transmit = chaos_transmit;
    chaos.script->on_request = chaos_request;
    chaos.script->on_wake = chaos_wake;
    for (unsigned i = 0; i < 400; i++) {
      act(&chaos);
      if (dice(&chaos, 4) == 0) {
        script_run_until(chaos.script, chaos.script->now + dice(&chaos, 5000));
      }
    }
    chaos_check_end(&chaos);
    events += chaos.events;
    sends += chaos.sends;
    script_free(chaos.script);
  }
  ck_assert_uint_gt(events, 100000);
  ck_assert_uint_gt(sends, 20000);
}
END_TEST

static Suite *exchange_engine_suite(void) {
  Suite *suite = suite_create("exchange_engine");
  TCase *memory = tcase_create("memory");
  tcase_add_test(memory, defaults_are_filled_in);
  tcase_add_test(memory, memory_follows_the_configuration);
  tcase_add_test(memory, bad_configurations_are_refused);
  suite_add_tcase(suite, memory);
  TCase *time = tcase_create("time");
  tcase_add_test(time, wake_changed_comes_when_the_next_wake_up_becomes_earlier);
  tcase_add_test(time, a_driver_may_run_the_engine_from_wake_changed);
  tcase_add_test(time, peer_info_tells_what_is_known);
  suite_add_tcase(suite, time);
  TCase *reentrancy = tcase_create("reentrancy");
  tcase_add_test(reentrancy, anything_may_be_called_from_any_callback);
  suite_add_tcase(suite, reentrancy);
  return suite;
}

ACOAP_TEST_MAIN(exchange_engine_suite)
