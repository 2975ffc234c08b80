/*
 * The table of peers and their queues (RFC 7252 sections 4.4 and 4.7), see peer.h.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/peer.h"

#include <string.h>

#include "exchange/congestion_cocoa.h"
#include "exchange/queue.h"

/* How often the peers are looked through for an ID that none of them holds. */
#define GROUP_ROUNDS 16

_Static_assert(sizeof(acoap__message_key_t) == sizeof(acoap_address_t) + 2 * sizeof(uint16_t),
               "the key has no padding");

void acoap__message_key(acoap__message_key_t *key, const acoap_path_t *path, uint16_t message_id) {
  key->peer = path->peer;
  key->peer.reserved = 0;
  key->socket = path->socket;
  key->message_id = message_id;
}

uint64_t acoap__message_hash(const acoap__engine_t *engine, const acoap_path_t *path,
                             uint16_t message_id) {
  acoap__message_key_t key;

  acoap__message_key(&key, path, message_id);
  return engine->config.key_hash(engine, &key);
}

bool acoap__path_same_peer(const acoap_path_t *a, const acoap_path_t *b) {
  return a->socket == b->socket && acoap_address_equal(&a->peer, &b->peer) &&
         (a->session == b->session || a->session == 0 || b->session == 0);
}

static void peer_init(acoap__peer_t *peer, acoap__engine_t *engine) {
  memset(peer, 0, acoap__peer_size(engine->config.queue != NULL));
  acoap__list_init(&peer->idle_node);
  if (engine->config.queue != NULL) {
    engine->config.queue->init(peer);
  }
  peer->engine = engine;
  acoap__message_id_init(&peer->ids, (uint16_t)acoap__random_u32(engine->random));
}

void acoap__peer_table_init(acoap__engine_t *engine, acoap__peer_table_t *table,
                            acoap__peer_t *entries, size_t count, acoap__peer_t *group,
                            acoap__map_node_t **buckets, size_t bucket_count) {
  const size_t size = acoap__peer_size(engine->config.queue != NULL);

  table->skip_ids = NULL;
  acoap__map_init(&table->map, buckets, bucket_count);
  acoap__list_init(&table->idle);
  table->group = group;
  if (group != NULL) {
    peer_init(group, engine);
  }
  for (size_t i = 0; i < count; i++) {
    acoap__peer_t *peer = (acoap__peer_t *)(void *)((char *)entries + i * size);
    memset(peer, 0, size);
    acoap__list_append(&table->idle, &peer->idle_node);
  }
}

static acoap__peer_t *find(const acoap__engine_t *engine, const acoap_path_t *path, uint64_t hash) {
  const acoap__map_t *map = &engine->peers->map;

  for (acoap__map_node_t *node = acoap__map_find(map, hash); node != NULL;
       node = acoap__map_find_next(node)) {
    acoap__peer_t *peer = ACOAP__CONTAINER(node, acoap__peer_t, node);
    if (peer->socket == path->socket && acoap_address_equal(&peer->address, &path->peer)) {
      return peer;
    }
  }
  return NULL;
}

acoap__peer_t *acoap__peer_find_among(const acoap__engine_t *engine, const acoap_path_t *path) {
  return find(engine, path, acoap__message_hash(engine, path, 0));
}

/* Take the entry that has been idle for longest. */
static acoap__peer_t *take_oldest(acoap__engine_t *engine, acoap_time_t now) {
  acoap__list_t *node = acoap__list_first(&engine->peers->idle);

  if (node == NULL) {
    return NULL;
  }
  acoap__peer_t *peer = ACOAP__CONTAINER(node, acoap__peer_t, idle_node);
  acoap__list_remove(&peer->idle_node);
  if (peer->used) {
    acoap__map_remove(&engine->peers->map, &peer->node);
    if (engine->config.queue != NULL) {
      acoap__timer_clear(&engine->timers, &peer->queue->timer);
    }
    if (acoap__message_id_living_windows(&peer->ids, now) > 0) {
      engine->stats.peers_evicted++;
    }
  }
  peer_init(peer, engine);
  if (engine->round_trips != NULL) {
    acoap__cocoa_forget(engine->round_trips, peer);
  }
  return peer;
}

acoap__peer_t *acoap__peer_get(acoap__engine_t *engine, acoap_time_t now,
                               const acoap_path_t *path) {
  if (acoap_address_is_multicast(&path->peer)) {
    return engine->peers->group;
  }
  uint64_t hash = acoap__message_hash(engine, path, 0);
  acoap__peer_t *peer = find(engine, path, hash);

  if (peer == NULL) {
    peer = take_oldest(engine, now);
    if (peer == NULL) {
      return NULL;
    }
    peer->address = path->peer;
    peer->socket = path->socket;
    peer->used = true;
    acoap__map_insert(&engine->peers->map, &peer->node, hash);
  }
  acoap__peer_settle(peer);
  return peer;
}

void acoap__peer_heard(acoap__peer_t *peer, acoap_time_t now) {
  if (peer->engine->config.queue != NULL) {
    peer->queue->heard = now;
    peer->queue->expected_until = 0;
    peer->queue->quiet_until = 0;
  }
  acoap__peer_settle(peer);
}

/* How many IDs `other` holds from the next one of `ids` on; 0 when it holds so many that nothing
 * would be left. */
static uint32_t held_by(const acoap__peer_t *other, const acoap__message_id_t *ids,
                        acoap_time_t now) {
  unsigned windows = acoap__message_id_living_windows(&other->ids, now);

  if (windows == 0 || windows > ACOAP__MESSAGE_ID_WINDOWS / 4) {
    return 0;
  }
  return acoap__message_id_living(&other->ids, now, (uint16_t)(ids->first + ids->next));
}

/* Leave out what `other` holds. Returns whether that was anything. */
static bool skip_held(acoap__message_id_t *ids, const acoap__peer_t *other, acoap_time_t now) {
  bool skipped = false;
  uint32_t held;

  while (acoap__message_id_when(ids, now) <= now && (held = held_by(other, ids, now)) > 0) {
    acoap__message_id_skip(ids, held);
    skipped = true;
  }
  return skipped;
}

/* A group's request may reach every peer, so none of them may hold its ID: the one walk over the
 * peers, and it is for multicast alone. */
static void skip_peer_ids(acoap__peer_t *group, acoap_time_t now) {
  const acoap__map_t *map = &group->engine->peers->map;
  bool skipped = true;

  /* Each round that skips leaves at least one ID out, and windows that have no more end it. */
  for (unsigned round = 0; skipped && round < GROUP_ROUNDS; round++) {
    skipped = false;
    for (size_t i = 0; i <= map->mask; i++) {
      for (acoap__map_node_t *node = map->buckets[i]; node != NULL; node = node->next) {
        skipped |= skip_held(&group->ids, ACOAP__CONTAINER(node, acoap__peer_t, node), now);
      }
    }
  }
}

/* acoap__peer_table_t.skip_ids */
static void skip_ids(acoap__peer_t *peer, acoap_time_t now) {
  acoap__peer_t *group = peer->engine->peers->group;

  if (peer == group) {
    skip_peer_ids(group, now);
  } else {
    skip_held(&peer->ids, group, now);
  }
}

void acoap__peer_table_use_groups(acoap__peer_table_t *table) {
  table->skip_ids = skip_ids;
}

static void leave_out_ids(acoap__peer_t *peer, acoap_time_t now) {
  const acoap__peer_table_t *table = peer->engine->peers;

  if (table->skip_ids != NULL) {
    table->skip_ids(peer, now);
  }
}

acoap_time_t acoap__peer_id_when(acoap__peer_t *peer, acoap_time_t now) {
  leave_out_ids(peer, now);
  return acoap__message_id_when(&peer->ids, now);
}

bool acoap__peer_take_id(acoap__peer_t *peer, acoap_time_t now, uint32_t lifetime_ms,
                         uint16_t *message_id) {
  leave_out_ids(peer, now);
  return acoap__message_id_take(&peer->ids, now, lifetime_ms, message_id);
}

void acoap__peer_settle(acoap__peer_t *peer) {
  acoap__peer_table_t *table = peer->engine->peers;

  acoap__list_remove(&peer->idle_node);
  if (peer->outstanding == 0 && peer->queued == 0 && !peer->pumping && peer != table->group) {
    acoap__list_append(&table->idle, &peer->idle_node);
  }
}
