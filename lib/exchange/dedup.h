/*
 * Deduplication (RFC 7252 section 4.5): which CON and NON messages came already, and what was
 * answered.
 *
 * Within one kind every entry lives equally long (CON: EXCHANGE_LIFETIME, NON: NON_LIFETIME, of the
 * engine's parameters), so entries expire in the order they came: a ring log per kind, and one hash
 * index over both, keyed by (socket, peer, Message ID) under a secret key. Insert, lookup and
 * expiry take O(1) and no memory but the lent one; when a log is full its oldest entry goes, and is
 * counted if it still lived.
 *
 * Replies stand in a ring of bytes in the order they were given; when there is no room the oldest
 * reply goes, and is counted if its entry still lived: that entry then knows that it had a reply.
 * An empty ACK or a RST takes no room, a duplicate's header says it all.
 *
 * Decides nothing: whether a duplicate is answered, ignored or handed up is the message layer's.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_DEDUP_H
#define ACOAP_EXCHANGE_DEDUP_H

#include "exchange/peer.h"

/* No entry: what is not in the log. */
#define ACOAP__DEDUP_NONE UINT32_MAX

/* What a duplicate gets. */
typedef enum acoap__reply {
  ACOAP__REPLY_NONE = 0, /* nothing was answered yet, or nothing will be */
  ACOAP__REPLY_ACK,      /* an empty ACK */
  ACOAP__REPLY_RST,      /* a RST */
  ACOAP__REPLY_STORED,   /* the bytes in the store */
  ACOAP__REPLY_EVICTED   /* there were bytes, but the store needed the room */
} acoap__reply_t;

typedef struct acoap__dedup_entry {
  acoap__map_node_t node;   /* in the index, while it lives */
  acoap__message_key_t key; /* whose message */
  acoap_time_t expires;     /* end of its lifetime */
  uint32_t fingerprint;     /* keyed hash of type, code, token and length */
  uint32_t serial;          /* which use of this entry */
  uint32_t reply_at;        /* where in the store the reply's record begins */
  uint8_t reply;            /* acoap__reply_t */
} acoap__dedup_entry_t;

/* Entries of one kind, in order of age. */
typedef struct acoap__dedup_log {
  acoap__dedup_entry_t *entries; /* lent */
  uint32_t count;                /* of them */
  uint32_t oldest;               /* index */
  uint32_t used;                 /* entries from the oldest on */
} acoap__dedup_log_t;

typedef struct acoap__dedup {
  acoap__dedup_log_t logs[2]; /* CON, NON */
  acoap__map_t index;         /* by message key */
  uint8_t *store;             /* lent bytes of the replies */
  uint32_t store_len;         /* how many */
  uint32_t store_head;        /* where the next record goes */
  uint32_t store_tail;        /* where the oldest begins */
  uint32_t store_used;        /* bytes from tail to head */
  uint32_t serial;            /* of the next entry */
  acoap_stats_t *stats;       /* counters */
} acoap__dedup_t;

void acoap__dedup_init(acoap__dedup_t *dedup, acoap__dedup_entry_t *entries, uint32_t con_count,
                       uint32_t non_count, acoap__map_node_t **buckets, size_t bucket_count,
                       uint8_t *store, uint32_t store_len, acoap_stats_t *stats);

/* The entry of this key, whether it lives or not; NULL: there is none. */
acoap__dedup_entry_t *acoap__dedup_look_up(const acoap__dedup_t *dedup, uint64_t hash,
                                           const acoap__message_key_t *key);
/* The living entry of this key, or NULL. */
acoap__dedup_entry_t *acoap__dedup_find(acoap__dedup_t *dedup, acoap_time_t now, uint64_t hash,
                                        const acoap__message_key_t *key);
/* Log a message in the place of the entry of its key, which was looked up (NULL: there is none). */
acoap__dedup_entry_t *acoap__dedup_replace(acoap__dedup_t *dedup, acoap_time_t now,
                                           acoap__dedup_entry_t *older, uint64_t hash,
                                           const acoap__message_key_t *key, acoap_type_t type,
                                           uint32_t fingerprint, uint32_t lifetime_ms);
/* Log a message; an entry of the same key is replaced. */
acoap__dedup_entry_t *acoap__dedup_insert(acoap__dedup_t *dedup, acoap_time_t now, uint64_t hash,
                                          const acoap__message_key_t *key, acoap_type_t type,
                                          uint32_t fingerprint, uint32_t lifetime_ms);
/* The number of an entry, for acoap__dedup_get. */
uint32_t acoap__dedup_slot(const acoap__dedup_t *dedup, const acoap__dedup_entry_t *entry);
/* The entry of this number if it is still in this use and alive, or NULL. */
acoap__dedup_entry_t *acoap__dedup_get(acoap__dedup_t *dedup, acoap_time_t now, uint32_t slot,
                                       uint32_t serial);
/* Keep a reply for duplicates; one that is larger than the whole store counts as evicted. */
void acoap__dedup_store(acoap__dedup_t *dedup, acoap_time_t now, acoap__dedup_entry_t *entry,
                        const uint8_t *bytes, size_t len);
/* The stored reply; len 0 when there is none. Valid until the next call. */
acoap_bytes_t acoap__dedup_stored(const acoap__dedup_t *dedup, const acoap__dedup_entry_t *entry);

#endif
