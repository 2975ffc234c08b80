/*
 * The middle of the engine: its memory, the way out and the way in, its clock (RFC 7252 section 4).
 * One region of lent memory is cut into the tables that the configuration asks for, once; nothing
 * is allocated afterwards.
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/engine.h"

#include <string.h>

#include "exchange/dedup.h"
#include "exchange/internal.h"
#include "exchange/message_layer.h"
#include "exchange/request_layer.h"
#include "exchange/transmission.h"

/* ---- memory ---------------------------------------------------------------------------------- */

/* Where each table begins, in bytes from the start of the lent memory. */
typedef struct layout {
  size_t peer_table;
  size_t peers;
  size_t group;
  size_t peer_buckets;
  size_t dedup;
  size_t dedup_entries;
  size_t dedup_buckets;
  size_t tokens;
  size_t message_ids;
  size_t replies;
  size_t total;             /* bytes in all; 0: more than can be addressed */
  size_t peer_bucket_count; /* a power of two */
  size_t dedup_bucket_count;
} layout_t;

#define COUNT_MAX (UINT32_C(1) << 30)

static uint32_t or_default(uint32_t value, uint32_t otherwise) {
  return value != 0 ? value : otherwise;
}

static void fill_defaults(acoap__engine_config_t *config) {
  config->token_max = config->token_max != 0 ? config->token_max : ACOAP_TOKEN_MAX;
  config->peers = or_default(config->peers, 1024);
  config->dedup_con = or_default(config->dedup_con, 8192);
  config->dedup_non = or_default(config->dedup_non, 4096);
  config->reply_bytes = config->reply_bytes != 0 ? config->reply_bytes : (size_t)4 << 20;
  config->queue_per_peer = or_default(config->queue_per_peer, 1024);
  config->buckets = or_default(config->buckets, 1024);
}

static bool is_in_range(const acoap__engine_config_t *config) {
  return acoap_params_check(&config->params) == 0 &&
         config->token_max <= ACOAP_TOKEN_EXTENDED_MAX && config->peers <= COUNT_MAX &&
         config->dedup_con <= COUNT_MAX / 2 && config->dedup_non <= COUNT_MAX / 2 &&
         config->reply_bytes <= INT32_MAX && config->buckets <= COUNT_MAX &&
         (config->buckets & (config->buckets - 1)) == 0;
}

static size_t power_of_two(uint32_t least) {
  size_t count = 1;

  while (count < least) {
    count *= 2;
  }
  return count;
}

/* Reserve count * size bytes at the end, aligned for anything; *at stays 0 once it is too much. */
static size_t reserve(uint64_t *at, uint64_t count, size_t size) {
  const uint64_t alignment = _Alignof(max_align_t);
  uint64_t start = *at;

  *at = (start + count * size + alignment - 1) / alignment * alignment;
  return (size_t)start;
}

static layout_t lay_out(const acoap__engine_config_t *config) {
  layout_t layout;
  uint64_t at = 0;

  layout.peer_bucket_count = power_of_two(config->peers);
  layout.dedup_bucket_count = power_of_two(config->dedup_con + config->dedup_non);
  layout.peer_table = reserve(&at, 1, sizeof(acoap__peer_table_t));
  layout.peers = reserve(&at, config->peers, sizeof(acoap__peer_t));
  layout.group = reserve(&at, config->no_groups ? 0 : 1, sizeof(acoap__peer_t));
  layout.peer_buckets = reserve(&at, layout.peer_bucket_count, sizeof(acoap__map_node_t *));
  layout.dedup = reserve(&at, 1, sizeof(acoap__dedup_t));
  layout.dedup_entries =
      reserve(&at, (uint64_t)config->dedup_con + config->dedup_non, sizeof(acoap__dedup_entry_t));
  layout.dedup_buckets = reserve(&at, layout.dedup_bucket_count, sizeof(acoap__map_node_t *));
  layout.tokens = reserve(&at, config->buckets, sizeof(acoap__map_node_t *));
  layout.message_ids = reserve(&at, config->buckets, sizeof(acoap__map_node_t *));
  layout.replies = reserve(&at, config->reply_bytes, 1);
  layout.total = at <= SIZE_MAX / 2 ? (size_t)at : 0;
  return layout;
}

size_t acoap__engine_memory(const acoap__engine_config_t *config) {
  if (config == NULL) {
    return 0;
  }
  acoap__engine_config_t filled = *config;
  fill_defaults(&filled);
  return is_in_range(&filled) ? lay_out(&filled).total : 0;
}

static void make_tables(acoap__engine_t *engine, uint8_t *memory, const layout_t *layout) {
  const acoap__engine_config_t *config = &engine->config;

  engine->peers = (acoap__peer_table_t *)(void *)(memory + layout->peer_table);
  acoap__peer_table_init(
      engine, engine->peers, (acoap__peer_t *)(void *)(memory + layout->peers), config->peers,
      config->no_groups ? NULL : (acoap__peer_t *)(void *)(memory + layout->group),
      (acoap__map_node_t **)(void *)(memory + layout->peer_buckets), layout->peer_bucket_count);
  engine->dedup = (acoap__dedup_t *)(void *)(memory + layout->dedup);
  acoap__dedup_init(engine->dedup, (acoap__dedup_entry_t *)(void *)(memory + layout->dedup_entries),
                    config->dedup_con, config->dedup_non,
                    (acoap__map_node_t **)(void *)(memory + layout->dedup_buckets),
                    layout->dedup_bucket_count, memory + layout->replies,
                    (uint32_t)config->reply_bytes, &engine->stats);
  acoap__map_init(&engine->by_token, (acoap__map_node_t **)(void *)(memory + layout->tokens),
                  config->buckets);
  acoap__map_init(&engine->by_message_id,
                  (acoap__map_node_t **)(void *)(memory + layout->message_ids), config->buckets);
}

int acoap__engine_init(acoap__engine_t *engine, const acoap__engine_config_t *config, void *memory,
                       size_t memory_len, acoap__random_t *random, const acoap__log_t *log,
                       const acoap__engine_events_t *events, void *user_data) {
  size_t wanted = acoap__engine_memory(config);

  if (wanted == 0 || memory == NULL || memory_len < wanted ||
      (uintptr_t)memory % _Alignof(max_align_t) != 0) {
    return ACOAP_EINVAL;
  }
  memset(engine, 0, sizeof(*engine));
  engine->config = *config;
  fill_defaults(&engine->config);
  engine->events = events;
  engine->user_data = user_data;
  engine->random = random;
  engine->log = log;
  engine->stats.size = sizeof(engine->stats);
  acoap__timer_queue_init(&engine->timers);
  acoap__random_bytes(random, engine->hash_key, sizeof(engine->hash_key));
  acoap__random_bytes(random, engine->token_key, sizeof(engine->token_key));
  layout_t layout = lay_out(&engine->config);
  make_tables(engine, memory, &layout);
  return 0;
}

/* ---- out ------------------------------------------------------------------------------------- */

int acoap__engine_transmit(acoap__engine_t *engine, const acoap_path_t *path, const uint8_t *bytes,
                           size_t len) {
  acoap_bytes_t datagram = {bytes, len};
  int status = engine->events->transmit(engine->user_data, path, datagram);

  if (status < 0) {
    engine->stats.send_errors++;
  } else {
    engine->stats.datagrams_sent++;
  }
  return status;
}

acoap_path_t acoap__path_back(const acoap_path_t *received) {
  acoap_path_t back;

  memset(&back, 0, sizeof(back));
  back.peer = received->peer;
  back.interface = received->interface;
  back.socket = received->socket;
  if (!received->multicast) {
    back.local = received->local;
  }
  return back;
}

void acoap__engine_transmit_empty(acoap__engine_t *engine, const acoap_path_t *received,
                                  acoap_type_t type, uint16_t message_id) {
  acoap_path_t back = acoap__path_back(received);
  uint8_t bytes[4] = {0x40, ACOAP_CODE_EMPTY, 0, 0};

  acoap_message_set_header(bytes, type, message_id);
  engine->stats.resets_sent += type == ACOAP_RST ? 1 : 0;
  acoap__engine_transmit(engine, &back, bytes, sizeof(bytes));
}

/* ---- in -------------------------------------------------------------------------------------- */

int acoap__engine_receive(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                          const uint8_t *bytes, size_t len) {
  acoap_view_t view;

  if (path == NULL || (bytes == NULL && len > 0)) {
    return ACOAP_EINVAL;
  }
  acoap_path_t from = *path;
  engine->stats.datagrams_received++;
  int status = acoap_decode(&view, bytes, len, engine->config.token_max, NULL);
  if (status < 0) {
    acoap__message_layer_malformed(engine, &from, &view, len, status);
    acoap__engine_leave(engine);
    return status;
  }
  acoap__peer_t *peer = acoap__peer_find(engine, &from);
  if (peer != NULL) {
    acoap__peer_heard(peer, now);
  }
  acoap__message_layer_receive(engine, now, &from, &view);
  if (peer != NULL) {
    /* Should the entry be another peer's by now, then that one's queue is looked at, which does no
     * harm. */
    acoap__peer_pump(peer, now);
  }
  acoap__engine_leave(engine);
  return 0;
}

void acoap__engine_unreachable(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                               int status, acoap_bytes_t quote) {
  acoap_bytes_t quoted;
  acoap_bytes_t token;

  if (status >= 0 || quote.len < 4 || quote.data[0] >> 6 != 1 ||
      !acoap__token_of(quote.data, quote.len, &quoted)) {
    return;
  }
  uint16_t message_id = (uint16_t)(quote.data[2] << 8 | quote.data[3]);
  acoap__transmission_t *tx = acoap__transmission_find(engine, path, message_id);
  if (tx == NULL || (acoap_type_t)(quote.data[0] >> 4 & 3) != tx->type ||
      !acoap__token_of(tx->bytes, tx->len, &token) || !acoap__token_equal(token, quoted)) {
    return;
  }
  engine->stats.unreachable++;
  acoap__transmission_detach(engine, tx, now, false);
  /* Of a request to a group it says that one way is barred; answers come from elsewhere. */
  if (!tx->is_request || !acoap_address_is_multicast(&tx->path.peer)) {
    tx->events->failed(tx, now, status);
  }
  acoap__engine_leave(engine);
}

/* ---- time ------------------------------------------------------------------------------------ */

void acoap__engine_set_timer(acoap__engine_t *engine, acoap__timer_t *timer, acoap_time_t at) {
  if (at < acoap__timer_queue_next(&engine->timers)) {
    engine->wake_earlier = true;
  }
  acoap__timer_set(&engine->timers, timer, at);
}

void acoap__engine_leave(acoap__engine_t *engine) {
  if (!engine->wake_earlier || engine->running) {
    return;
  }
  engine->wake_earlier = false;
  if (engine->events->wake_changed != NULL) {
    engine->events->wake_changed(engine->user_data);
  }
}

void acoap__engine_run(acoap__engine_t *engine, acoap_time_t now) {
  if (engine->running) {
    return;
  }
  engine->running = true;
  acoap__timer_queue_run(&engine->timers, now);
  engine->running = false;
  engine->wake_earlier = false;
}

acoap_time_t acoap__engine_next_wake(const acoap__engine_t *engine) {
  return acoap__timer_queue_next(&engine->timers);
}

bool acoap__engine_peer_info(const acoap__engine_t *engine, const acoap_path_t *path,
                             acoap__peer_info_t *info) {
  const acoap__peer_t *peer = acoap__peer_find(engine, path);

  if (peer == NULL) {
    return false;
  }
  info->outstanding = peer->outstanding;
  info->queued = peer->queued;
  info->heard = peer->heard;
  return true;
}
