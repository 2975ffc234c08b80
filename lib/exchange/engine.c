/*
 * The middle of the engine: its memory, the way out and the way in, its clock (RFC 7252 section 4).
 * One region of lent memory is cut into the tables that the configuration asks for, once; nothing
 * is allocated afterwards. Judges no configuration (engine_config.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/engine.h"

#include <string.h>

#include "exchange/congestion_cocoa.h"
#include "exchange/dedup.h"
#include "exchange/internal.h"
#include "exchange/message_layer.h"
#include "exchange/queue.h"
#include "exchange/request_layer.h"

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t power_of_two(size_t least) {
  size_t count = 1;

  while (count < least) {
    count *= 2;
  }
  return count;
}

/* The next `count` objects, aligned for anything. */
static void *cut(uintptr_t *at, size_t count, size_t size) {
  const size_t alignment = _Alignof(max_align_t);
  void *start = (void *)*at;

  *at += (count * size + alignment - 1) / alignment * alignment;
  return start;
}

/* All hash buckets stand together. */
static void cut_buckets(uintptr_t *at, acoap__engine_tables_t *tables, size_t count) {
  size_t tokens = tables->tokens != NULL ? count : 0;
  size_t all = tables->peer_bucket_count + tables->dedup_bucket_count + tokens + count;

  tables->peer_buckets = cut(at, all, sizeof(acoap__map_node_t *));
  tables->dedup_buckets = tables->peer_buckets + tables->peer_bucket_count;
  tables->token_buckets = tables->dedup_buckets + tables->dedup_bucket_count;
  tables->message_ids = tables->token_buckets + tokens;
}

size_t acoap__engine_place(acoap__engine_tables_t *tables, const acoap__engine_config_t *config,
                           uintptr_t memory) {
  uintptr_t at = memory;
  size_t entries = (size_t)config->dedup_con + config->dedup_non;

  tables->peer_bucket_count = power_of_two(config->peers);
  tables->dedup_bucket_count = power_of_two(entries);
  tables->peer_table = cut(&at, 1, sizeof(acoap__peer_table_t));
  tables->peers = cut(&at, config->peers, acoap__peer_size(config->queue != NULL));
  tables->group = config->no_groups ? NULL : cut(&at, 1, acoap__peer_size(config->queue != NULL));
  tables->dedup = cut(&at, 1, sizeof(acoap__dedup_t));
  tables->dedup_entries = cut(&at, entries, sizeof(acoap__dedup_entry_t));
  tables->tokens = config->no_requests ? NULL : cut(&at, 1, sizeof(acoap__tokens_t));
  cut_buckets(&at, tables, config->buckets);
  tables->sender = config->small_tables ? NULL : cut(&at, 1, sizeof(acoap__sender_t));
  tables->replies = cut(&at, config->reply_bytes, 1);
  tables->round_trips = config->round_trips ? cut(&at, 1, sizeof(struct acoap__round_trips)) : NULL;
  tables->trips = config->round_trips ? cut(&at, config->peers, sizeof(acoap__round_trip_t)) : NULL;
  return at - memory;
}

void acoap__engine_start(acoap__engine_t *engine, const acoap__engine_config_t *config,
                         const acoap_params_t *params, const acoap__engine_tables_t *tables,
                         acoap__random_t *random, const acoap__log_t *log,
                         const acoap__engine_events_t *events, void *user_data) {
  memset(engine, 0, sizeof(*engine));
  engine->config = (acoap__engine_policy_t){.params = params,
                                            .token_max = config->token_max,
                                            .queue_per_peer = config->queue_per_peer,
                                            .hash = config->hash,
                                            .key_hash = config->key_hash,
                                            .queue = config->queue,
                                            .strict_message_id = config->strict_message_id,
                                            .stateless = config->stateless};
  engine->events = events;
  engine->user_data = user_data;
  engine->random = random;
  engine->log = log;
  engine->stats.size = sizeof(engine->stats);
  acoap__timer_queue_init(&engine->timers);
  acoap__random_bytes(random, engine->hash_key, sizeof(engine->hash_key));
  engine->lifetimes_ms[0] = acoap_params_exchange_lifetime_ms(params);
  engine->lifetimes_ms[1] = acoap_params_non_lifetime_ms(params);
  engine->sender = tables->sender;
  engine->peers = tables->peer_table;
  acoap__peer_table_init(engine, engine->peers, tables->peers, config->peers, tables->group,
                         tables->peer_buckets, tables->peer_bucket_count);
  engine->dedup = tables->dedup;
  acoap__dedup_init(engine->dedup, tables->dedup_entries, config->dedup_con, config->dedup_non,
                    tables->dedup_buckets, tables->dedup_bucket_count, tables->replies,
                    (uint32_t)config->reply_bytes, &engine->stats);
  engine->tokens = tables->tokens;
  if (engine->tokens != NULL) {
    acoap__map_init(&engine->tokens->open, tables->token_buckets, config->buckets);
    acoap__random_bytes(random, engine->tokens->key, sizeof(engine->tokens->key));
    engine->tokens->made = 0;
  }
  acoap__map_init(&engine->by_message_id, tables->message_ids, config->buckets);
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
  acoap_path_t back = *received; /* its session too: RFC 7252 section 9.1.2 */

  back.hop_limit = 0;
  back.host = NULL;
  back.credentials = NULL;
  back.identity = NULL;
  if (back.multicast) {
    memset(&back.local, 0, sizeof(back.local));
    back.multicast = false;
  }
  return back;
}

static int transmit_from_group(acoap__engine_t *engine, const acoap_path_t *received,
                               const uint8_t *bytes, size_t len) {
  acoap_path_t back = acoap__path_back(received);

  return acoap__engine_transmit(engine, &back, bytes, len);
}

int acoap__engine_transmit_back(acoap__engine_t *engine, const acoap_path_t *received,
                                const uint8_t *bytes, size_t len) {
  return received->multicast ? transmit_from_group(engine, received, bytes, len)
                             : acoap__engine_transmit(engine, received, bytes, len);
}

void acoap__engine_transmit_empty(acoap__engine_t *engine, const acoap_path_t *received,
                                  acoap_type_t type, uint16_t message_id) {
  uint8_t bytes[4] = {0x40, ACOAP_CODE_EMPTY, 0, 0};

  acoap_message_set_header(bytes, type, message_id);
  engine->stats.resets_sent += type == ACOAP_RST ? 1 : 0;
  acoap__engine_transmit_back(engine, received, bytes, sizeof(bytes));
}

/* ---- in -------------------------------------------------------------------------------------- */

/* RFC 8974 section 2.2.2: who takes extended tokens must not reject a request for a longer one,
 * which would say that it takes none. The host answers it, with 4.00. */
static bool has_long_token(const acoap__engine_t *engine, const acoap_view_t *view,
                           const uint8_t *bytes, int error) {
  return error == ACOAP_ETOKEN && engine->config.token_max > ACOAP_TOKEN_MAX &&
         (bytes[0] & 15u) != 15 && acoap_code_is_request(view->code);
}

int acoap__engine_receive(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                          const uint8_t *bytes, size_t len, acoap_view_t *view) {
  if (path == NULL || (bytes == NULL && len > 0)) {
    return ACOAP_EINVAL;
  }
  engine->stats.datagrams_received++;
  int status = acoap_decode(view, bytes, len, engine->config.token_max, NULL);
  if (status < 0) {
    if (!has_long_token(engine, view, bytes, status)) {
      acoap__message_layer_malformed(engine, path, view, len, status);
    }
    acoap__engine_leave(engine);
    return status;
  }
  acoap__peer_t *peer = acoap__peer_find(engine, path);
  if (peer != NULL) {
    acoap__peer_heard(peer, now);
  }
  acoap__message_layer_receive(engine, now, path, view);
  if (peer != NULL) {
    /* Should the entry be another peer's by now, then that one's queue is looked at, which does no
     * harm. */
    acoap__queue_pump(peer, now);
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
  if (!tx->is_request || !acoap_address_is_multicast(&tx->address)) {
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
  info->heard = engine->config.queue != NULL ? peer->queue->heard : 0;
  info->rto_ms = engine->round_trips != NULL ? acoap__cocoa_rto_ms(engine->round_trips, peer) : 0;
  return true;
}
