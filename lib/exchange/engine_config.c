/*
 * The engine's configuration: defaults, ranges, and whether the memory that was lent is enough. A
 * driver that brings its own numbers, in range by their making, does without this file. Starts
 * nothing itself.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/engine.h"

#include "base/siphash.h"
#include "exchange/congestion_cocoa.h"
#include "exchange/key_hash.h"
#include "exchange/queue.h"

/* So many entries of every table fit the address space together. */
#define COUNT_MAX (SIZE_MAX > UINT32_MAX ? UINT32_C(1) << 30 : UINT32_C(1) << 20)

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
  config->hash = config->hash != NULL ? config->hash : acoap__siphash13;
  config->key_hash = config->key_hash != NULL ? config->key_hash : acoap__key_hash;
  config->queue = &acoap__queue;
}

static bool is_in_range(const acoap__engine_config_t *config) {
  return acoap_params_check(&config->params) == 0 &&
         config->token_max <= ACOAP_TOKEN_EXTENDED_MAX && config->peers <= COUNT_MAX &&
         config->dedup_con <= COUNT_MAX / 2 && config->dedup_non <= COUNT_MAX / 2 &&
         config->reply_bytes <= INT32_MAX && config->buckets <= COUNT_MAX &&
         (config->buckets & (config->buckets - 1)) == 0;
}

/* The parameters stand in front of the tables, which are aligned for anything. */
#define PARAMS_BYTES                                                                               \
  ((sizeof(acoap_params_t) + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) *                  \
   _Alignof(max_align_t))

/* Fill the configuration up and place its tables; 0: it is out of range. */
static size_t place(acoap__engine_tables_t *tables, acoap__engine_config_t *config,
                    uintptr_t memory) {
  fill_defaults(config);
  if (!is_in_range(config)) {
    return 0;
  }
  size_t wanted = PARAMS_BYTES + acoap__engine_place(tables, config, memory + PARAMS_BYTES);

  return wanted <= SIZE_MAX / 2 ? wanted : 0;
}

size_t acoap__engine_memory(const acoap__engine_config_t *config) {
  acoap__engine_tables_t tables;

  if (config == NULL) {
    return 0;
  }
  acoap__engine_config_t filled = *config;
  return place(&tables, &filled, 0);
}

int acoap__engine_init(acoap__engine_t *engine, const acoap__engine_config_t *config, void *memory,
                       size_t memory_len, acoap__random_t *random, const acoap__log_t *log,
                       const acoap__engine_events_t *events, void *user_data) {
  acoap__engine_tables_t tables;

  if (config == NULL) {
    return ACOAP_EINVAL;
  }
  acoap__engine_config_t filled = *config;
  size_t wanted = place(&tables, &filled, (uintptr_t)memory);
  if (wanted == 0 || memory == NULL || memory_len < wanted ||
      (uintptr_t)memory % _Alignof(max_align_t) != 0) {
    return ACOAP_EINVAL;
  }
  acoap_params_t *params = memory;
  *params = filled.params;
  acoap__engine_start(engine, &filled, params, &tables, random, log, events, user_data);
  if (engine->sender != NULL) {
    engine->sender->known = false;
    engine->sender->identify = acoap__identify;
    acoap__random_bytes(random, engine->sender->fingerprint_keys,
                        sizeof(engine->sender->fingerprint_keys));
  }
  if (!filled.no_groups) {
    acoap__peer_table_use_groups(engine->peers);
  }
  if (filled.round_trips) {
    acoap__cocoa_init(tables.round_trips, tables.peers, tables.trips, filled.peers);
    engine->round_trips = tables.round_trips;
  }
  return 0;
}
