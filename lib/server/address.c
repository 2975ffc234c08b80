/*
 * What is remembered of the addresses that send requests: how fast they may go on (RFC 8516) and
 * whether they have shown that they are there (RFC 9175 section 2.4).
 *
 *     memory = sizeof(table) + addresses_max * sizeof(entry) + buckets * sizeof(pointer),
 *     buckets = the power of two from addresses_max on
 *
 * All of it is taken at once; nothing is allocated later. When the table is full the stranger that
 * was used longest ago goes, and only without any a verified address: so addresses that somebody
 * invents push out each other, not those that have answered. Verified ones have three quarters at
 * most, so that one host with many addresses of its own leaves room for the rates of others.
 *
 * Rate is kept by network, standing by the whole address. An IPv6 host has usually a /64 to itself
 * and could begin each request from a new address; counting the network makes it one. To be reached
 * at one address of a /64 proves nothing about the next one, though: there may live somebody else.
 * Link-local networks are shared by everybody on the link, so they are not taken as one.
 *
 * Decides nothing about requests, reads no clock. Ports do not count: they cost nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "server/address.h"

#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"

#define BUCKETS_LEAST 16u
#define NETWORK_BYTES 8
/* Marks the key of a network, so that it is none of an address. */
#define NETWORK_MARK 64

static size_t bucket_count(uint32_t most) {
  size_t buckets = BUCKETS_LEAST;
  while (buckets < most) {
    buckets *= 2;
  }
  return buckets;
}

size_t acoap__addresses_memory(uint32_t most) {
  return sizeof(acoap__addresses_t) + most * sizeof(acoap__address_t) +
         bucket_count(most) * sizeof(acoap__map_node_t *);
}

acoap__addresses_t *acoap__addresses_new(uint32_t most, const uint8_t hash_key[16]) {
  acoap__addresses_t *table = NULL;
  if (most > 0 && most <= ACOAP__ADDRESSES_MOST) {
    table = acoap__calloc(1, acoap__addresses_memory(most));
  }
  if (table == NULL) {
    return NULL;
  }
  table->most = most;
  table->verified_most = most - most / 4;
  memcpy(table->hash_key, hash_key, sizeof(table->hash_key));
  acoap__list_init(&table->unused);
  acoap__list_init(&table->strangers);
  acoap__list_init(&table->verified);
  for (uint32_t i = 0; i < most; i++) {
    acoap__list_append(&table->unused, &table->entries[i].use);
  }
  acoap__map_init(&table->map, (acoap__map_node_t **)(void *)(table->entries + most),
                  bucket_count(most));
  return table;
}

/* ---- keys ------------------------------------------------------------------------------------ */

acoap_address_t acoap__address_whole(const acoap_address_t *address) {
  acoap_address_t key = *address;
  key.port = 0;
  key.reserved = 0;
  return key;
}

acoap_address_t acoap__address_network(const acoap_address_t *address) {
  acoap_address_t key = acoap__address_whole(address);
  bool link_local = key.ip[0] == 0xfe && (key.ip[1] & 0xc0) == 0x80;
  if (key.family == ACOAP_FAMILY_IPV6 && !link_local && !acoap_address_is_loopback(&key)) {
    memset(key.ip + NETWORK_BYTES, 0, sizeof(key.ip) - NETWORK_BYTES);
    key.reserved = NETWORK_MARK;
  }
  return key;
}

/* ---- entries --------------------------------------------------------------------------------- */

static acoap__address_t *find(const acoap__addresses_t *table, const acoap_address_t *key,
                              uint64_t hash) {
  for (acoap__map_node_t *node = acoap__map_find(&table->map, hash); node != NULL;
       node = acoap__map_find_next(node)) {
    acoap__address_t *address = ACOAP__CONTAINER(node, acoap__address_t, node);
    if (memcmp(&address->key, key, sizeof(*key)) == 0) {
      return address;
    }
  }
  return NULL;
}

acoap__address_t *acoap__addresses_find(const acoap__addresses_t *table,
                                        const acoap_address_t *key) {
  return find(table, key, acoap__siphash13(table->hash_key, key, sizeof(*key)));
}

/* Take it out of list and map; it stays in no list. */
static void forget(acoap__addresses_t *table, acoap__address_t *address) {
  acoap__list_remove(&address->use);
  acoap__map_remove(&table->map, &address->node);
  table->used--;
  table->verified_used -= address->verified ? 1 : 0;
}

/* An entry without an address. */
static acoap__address_t *take(acoap__addresses_t *table) {
  acoap__list_t *node = acoap__list_first(&table->unused);
  if (node != NULL) {
    acoap__list_remove(node);
    return ACOAP__CONTAINER(node, acoap__address_t, use);
  }
  node = acoap__list_first(&table->strangers);
  if (node == NULL) {
    node = acoap__list_first(&table->verified);
  }
  acoap__address_t *address = ACOAP__CONTAINER(node, acoap__address_t, use);
  forget(table, address);
  table->evicted++;
  return address;
}

static void put_last(acoap__addresses_t *table, acoap__address_t *address) {
  acoap__list_remove(&address->use);
  acoap__list_append(address->verified ? &table->verified : &table->strangers, &address->use);
}

acoap__address_t *acoap__addresses_use(acoap__addresses_t *table, const acoap_address_t *key) {
  uint64_t hash = acoap__siphash13(table->hash_key, key, sizeof(*key));
  acoap__address_t *address = find(table, key, hash);
  if (address == NULL) {
    address = take(table);
    *address = (acoap__address_t){.key = *key};
    acoap__list_init(&address->use);
    acoap__map_insert(&table->map, &address->node, hash);
    table->used++;
  }
  put_last(table, address);
  return address;
}

/* ---- standing -------------------------------------------------------------------------------- */

static void set_verified(acoap__addresses_t *table, acoap__address_t *address, bool verified) {
  if (address->verified != verified) {
    address->verified = verified;
    table->verified_used += verified ? 1 : UINT32_MAX;
    put_last(table, address);
  }
}

bool acoap__addresses_verify(acoap__addresses_t *table, acoap_time_t now,
                             const acoap_address_t *address) {
  acoap_address_t key = acoap__address_whole(address);
  acoap__address_t *entry = acoap__addresses_use(table, &key);
  bool is_new = !entry->verified || entry->verified_until <= now;
  table->verifications += is_new ? 1 : 0;
  entry->verified_until = now + ACOAP__STANDING_MS;
  set_verified(table, entry, true);
  if (table->verified_used > table->verified_most) {
    acoap__list_t *oldest = acoap__list_first(&table->verified);
    acoap__address_t *other = ACOAP__CONTAINER(oldest, acoap__address_t, use);
    if (other != entry) {
      forget(table, other);
      acoap__list_append(&table->unused, &other->use);
      table->evicted++;
    }
  }
  return is_new;
}

bool acoap__addresses_is_verified(acoap__addresses_t *table, acoap_time_t now,
                                  const acoap_address_t *address) {
  acoap_address_t key = acoap__address_whole(address);
  acoap__address_t *entry = acoap__addresses_find(table, &key);
  if (entry == NULL || !entry->verified) {
    return false;
  }
  if (entry->verified_until <= now) {
    set_verified(table, entry, false);
    return false;
  }
  put_last(table, entry);
  return true;
}
