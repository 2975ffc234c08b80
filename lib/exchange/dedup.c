/*
 * The log of received messages and the store of replies (RFC 7252 section 4.5), see dedup.h.
 *
 * A record of the store is a header and the reply's bytes, in one piece; where a record does not
 * fit before the end of the ring the rest is skipped. Its header names the entry and the use of it,
 * so a record whose entry is gone is simply passed over.
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/dedup.h"

#include <string.h>

/* Entries that are looked at for expiry with each new one: more than one, so that the log shrinks
 * again after a crowd. */
#define EXPIRE_PER_INSERT 4u

typedef struct record {
  uint32_t slot;   /* whose reply; ACOAP__DEDUP_NONE: the rest of the ring is skipped */
  uint32_t serial; /* of that entry */
  uint32_t len;    /* bytes of the reply */
} record_t;

void acoap__dedup_init(acoap__dedup_t *dedup, acoap__dedup_entry_t *entries, uint32_t con_count,
                       uint32_t non_count, acoap__map_node_t **buckets, size_t bucket_count,
                       uint8_t *store, uint32_t store_len, acoap_stats_t *stats) {
  memset(dedup, 0, sizeof(*dedup));
  memset(entries, 0, ((size_t)con_count + non_count) * sizeof(*entries));
  dedup->logs[0].entries = entries;
  dedup->logs[0].count = con_count;
  dedup->logs[1].entries = entries + con_count;
  dedup->logs[1].count = non_count;
  acoap__map_init(&dedup->index, buckets, bucket_count);
  dedup->store = store;
  dedup->store_len = store_len;
  dedup->stats = stats;
}

/* ---- the log --------------------------------------------------------------------------------- */

static void drop_oldest(acoap__dedup_t *dedup, acoap__dedup_log_t *log, acoap_time_t now) {
  acoap__dedup_entry_t *entry = &log->entries[log->oldest];

  if (entry->node.link != NULL && entry->expires > now) {
    dedup->stats->dedup_evicted++;
  }
  acoap__map_remove(&dedup->index, &entry->node);
  log->oldest = log->oldest + 1 < log->count ? log->oldest + 1 : 0;
  log->used--;
}

static inline void make_room(acoap__dedup_t *dedup, acoap__dedup_log_t *log, acoap_time_t now) {
  for (uint32_t i = 0; i < EXPIRE_PER_INSERT && log->used > 0; i++) {
    const acoap__dedup_entry_t *oldest = &log->entries[log->oldest];
    if (oldest->node.link != NULL && oldest->expires > now) {
      break;
    }
    drop_oldest(dedup, log, now);
  }
  if (log->used == log->count) {
    drop_oldest(dedup, log, now);
  }
}

acoap__dedup_entry_t *acoap__dedup_look_up(const acoap__dedup_t *dedup, uint64_t hash,
                                           const acoap__message_key_t *key) {
  for (acoap__map_node_t *node = acoap__map_find(&dedup->index, hash); node != NULL;
       node = acoap__map_find_next(node)) {
    acoap__dedup_entry_t *entry = ACOAP__CONTAINER(node, acoap__dedup_entry_t, node);
    if (memcmp(&entry->key, key, sizeof(*key)) == 0) {
      return entry;
    }
  }
  return NULL;
}

acoap__dedup_entry_t *acoap__dedup_find(acoap__dedup_t *dedup, acoap_time_t now, uint64_t hash,
                                        const acoap__message_key_t *key) {
  acoap__dedup_entry_t *entry = acoap__dedup_look_up(dedup, hash, key);

  return entry != NULL && entry->expires > now ? entry : NULL;
}

acoap__dedup_entry_t *acoap__dedup_replace(acoap__dedup_t *dedup, acoap_time_t now,
                                           acoap__dedup_entry_t *older, uint64_t hash,
                                           const acoap__message_key_t *key, acoap_type_t type,
                                           uint32_t fingerprint, uint32_t lifetime_ms) {
  acoap__dedup_log_t *log = &dedup->logs[type == ACOAP_CON ? 0 : 1];

  /* The entry of the same key leaves the index and waits for its turn in the log. */
  if (older != NULL) {
    acoap__map_remove(&dedup->index, &older->node);
  }
  make_room(dedup, log, now);
  uint32_t at = log->oldest + log->used;
  acoap__dedup_entry_t *entry = &log->entries[at < log->count ? at : at - log->count];
  log->used++;
  entry->key = *key;
  entry->reply = ACOAP__REPLY_NONE;
  entry->fingerprint = fingerprint;
  entry->expires = now + (acoap_time_t)lifetime_ms;
  entry->serial = dedup->serial++;
  entry->reply_at = 0;
  acoap__map_insert(&dedup->index, &entry->node, hash);
  return entry;
}

acoap__dedup_entry_t *acoap__dedup_insert(acoap__dedup_t *dedup, acoap_time_t now, uint64_t hash,
                                          const acoap__message_key_t *key, acoap_type_t type,
                                          uint32_t fingerprint, uint32_t lifetime_ms) {
  return acoap__dedup_replace(dedup, now, acoap__dedup_look_up(dedup, hash, key), hash, key, type,
                              fingerprint, lifetime_ms);
}

/* Both logs stand in one array, the NON behind the CON. */
uint32_t acoap__dedup_slot(const acoap__dedup_t *dedup, const acoap__dedup_entry_t *entry) {
  return (uint32_t)(entry - dedup->logs[0].entries);
}

acoap__dedup_entry_t *acoap__dedup_get(acoap__dedup_t *dedup, acoap_time_t now, uint32_t slot,
                                       uint32_t serial) {
  if (slot >= dedup->logs[0].count + dedup->logs[1].count) {
    return NULL;
  }
  acoap__dedup_entry_t *entry = &dedup->logs[0].entries[slot];
  bool alive = entry->node.link != NULL && entry->serial == serial && entry->expires > now;
  return alive ? entry : NULL;
}

/* ---- the store ------------------------------------------------------------------------------- */

static void advance_tail(acoap__dedup_t *dedup, uint32_t bytes) {
  dedup->store_used -= bytes;
  dedup->store_tail += bytes;
  if (dedup->store_tail == dedup->store_len) {
    dedup->store_tail = 0;
  }
}

static void drop_oldest_reply(acoap__dedup_t *dedup, acoap_time_t now) {
  uint32_t rest = dedup->store_len - dedup->store_tail;
  record_t record;

  if (rest < sizeof(record)) {
    advance_tail(dedup, rest);
    return;
  }
  memcpy(&record, dedup->store + dedup->store_tail, sizeof(record));
  if (record.slot == ACOAP__DEDUP_NONE) {
    advance_tail(dedup, rest);
    return;
  }
  acoap__dedup_entry_t *entry = acoap__dedup_get(dedup, now, record.slot, record.serial);
  if (entry != NULL && entry->reply == ACOAP__REPLY_STORED &&
      entry->reply_at == dedup->store_tail) {
    entry->reply = ACOAP__REPLY_EVICTED;
    dedup->stats->replies_evicted++;
  }
  advance_tail(dedup, (uint32_t)sizeof(record) + record.len);
}

/* Skip what is left before the end of the ring. */
static void skip_rest(acoap__dedup_t *dedup) {
  uint32_t rest = dedup->store_len - dedup->store_head;
  record_t record = {.slot = ACOAP__DEDUP_NONE};

  if (rest >= sizeof(record)) {
    memcpy(dedup->store + dedup->store_head, &record, sizeof(record));
  }
  dedup->store_used += rest;
  dedup->store_head = 0;
}

/* Make `bytes`, which are no more than the ring, free at the head and in one piece. */
static inline void make_store_room(acoap__dedup_t *dedup, acoap_time_t now, uint32_t bytes) {
  for (;;) {
    if (dedup->store_used == 0) {
      dedup->store_head = 0;
      dedup->store_tail = 0;
      return;
    }
    uint32_t rest = dedup->store_len - dedup->store_head;
    uint32_t wanted = bytes <= rest ? bytes : rest + bytes;
    if (wanted <= dedup->store_len - dedup->store_used) {
      if (bytes > rest) {
        skip_rest(dedup);
      }
      return;
    }
    drop_oldest_reply(dedup, now);
  }
}

void acoap__dedup_store(acoap__dedup_t *dedup, acoap_time_t now, acoap__dedup_entry_t *entry,
                        const uint8_t *bytes, size_t len) {
  record_t record = {.slot = acoap__dedup_slot(dedup, entry), .serial = entry->serial};

  if (dedup->store_len < sizeof(record) || len > dedup->store_len - sizeof(record)) {
    entry->reply = ACOAP__REPLY_EVICTED;
    dedup->stats->replies_evicted++;
    return;
  }
  record.len = (uint32_t)len;
  uint32_t total = (uint32_t)sizeof(record) + record.len;
  make_store_room(dedup, now, total);
  memcpy(dedup->store + dedup->store_head, &record, sizeof(record));
  memcpy(dedup->store + dedup->store_head + sizeof(record), bytes, len);
  entry->reply = ACOAP__REPLY_STORED;
  entry->reply_at = dedup->store_head;
  dedup->store_used += total;
  dedup->store_head += total;
  if (dedup->store_head == dedup->store_len) {
    dedup->store_head = 0;
  }
}

acoap_bytes_t acoap__dedup_stored(const acoap__dedup_t *dedup, const acoap__dedup_entry_t *entry) {
  acoap_bytes_t bytes = {NULL, 0};
  record_t record;

  if (entry->reply == ACOAP__REPLY_STORED) {
    memcpy(&record, dedup->store + entry->reply_at, sizeof(record));
    bytes.data = dedup->store + entry->reply_at + sizeof(record);
    bytes.len = record.len;
  }
  return bytes;
}
