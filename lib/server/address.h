/*
 * Addresses that sent requests: what is remembered of each, in a table of fixed size.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_ADDRESS_H
#define ACOAP_SERVER_ADDRESS_H

#include <acoap/address.h>

#include "base/list.h"
#include "base/map.h"

/* How long an address that has shown that it is there counts as such, and so an Echo as proof of
 * it. Addresses get other owners. */
#define ACOAP__STANDING_MS (60 * 60 * 1000)

/* What is remembered of one address (or network). */
typedef struct acoap__address {
  acoap__map_node_t node;      /* by key */
  acoap__list_t use;           /* in one of the lists below */
  acoap_address_t key;         /* acoap__address_whole or acoap__address_network */
  acoap_time_t verified_until; /* while it counts as verified; 0: it never was */
  acoap_time_t refilled;       /* rate.c: when `tokens` was right */
  uint64_t tokens;             /* rate.c: thousandths of a request that it may send now */
  bool metered;                /* rate.c: the two above are set */
  bool verified;               /* in which list it is */
} acoap__address_t;

/* The table: one region with the entries and the buckets behind it. */
typedef struct acoap__addresses {
  acoap__map_t map;        /* by key */
  acoap__list_t unused;    /* entries without an address */
  acoap__list_t strangers; /* not verified, used longest ago first */
  acoap__list_t verified;  /* likewise of those that were */
  uint32_t most;           /* entries */
  uint32_t used;           /* of them */
  uint32_t verified_most;  /* more are not kept, so that strangers have room */
  uint32_t verified_used;  /* now */
  uint64_t evicted;        /* forgotten in favour of others */
  uint8_t hash_key[16];    /* peers choose their addresses */
  uint64_t verifications;  /* how often one was verified that was not */
  acoap__address_t entries[];
} acoap__addresses_t;

/* Nobody remembers more; sizes fit 32 bits. */
#define ACOAP__ADDRESSES_MOST (UINT32_C(1) << 24)

/* Bytes of a table for this many addresses, at most ACOAP__ADDRESSES_MOST. */
size_t acoap__addresses_memory(uint32_t most);
/* NULL without memory, for 0 and for more than that. Freed with acoap__free. */
acoap__addresses_t *acoap__addresses_new(uint32_t most, const uint8_t hash_key[16]);

/* The address without its port. */
acoap_address_t acoap__address_whole(const acoap_address_t *address);
/* The network that one host may have to itself: of IPv6 the first 64 bits, but of link-local
 * addresses the whole, as of any others. */
acoap_address_t acoap__address_network(const acoap_address_t *address);

/* What is known of a key, NULL: nothing. No use of it. */
acoap__address_t *acoap__addresses_find(const acoap__addresses_t *table,
                                        const acoap_address_t *key);
/* The entry of a key, made if need be, in favour of which another may be forgotten. Counts as use.
 */
acoap__address_t *acoap__addresses_use(acoap__addresses_t *table, const acoap_address_t *key);
/* It has shown that it is there. Returns whether that is new. */
bool acoap__addresses_verify(acoap__addresses_t *table, acoap_time_t now,
                             const acoap_address_t *address);
/* Has it? Counts as use. */
bool acoap__addresses_is_verified(acoap__addresses_t *table, acoap_time_t now,
                                  const acoap_address_t *address);

#endif
