/*
 * What addresses hold in the table of transfers: found by a keyed hash, since peers choose them,
 * and kept in buckets by powers of two of how many transfers and how much memory they hold,
 *
 *     bucket(n) = bits of n: 1, 2 to 3, 4 to 7, ...
 *
 * so that one of those that hold most is found without a walk. Decides nothing (transfers.c).
 * SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "base/siphash.h"
#include "server/transfers.h"

#define KIB_SHIFT 10

/* The bucket of a number: how many bits it has; 0 for 0. */
static size_t bucket_of(size_t number) {
  size_t bits = 0;
  while (number > 0 && bits < ACOAP__BUCKETS - 1) {
    number >>= 1;
    bits++;
  }
  return bits;
}

static uint64_t address_hash(const acoap__transfers_t *transfers, const acoap_address_t *address) {
  return acoap__siphash(transfers->server->hash_key, address, sizeof(*address));
}

acoap__holder_t *acoap__holder_find(const acoap__transfers_t *transfers,
                                    const acoap_address_t *address) {
  acoap__map_node_t *node;
  for (node = acoap__map_find(&transfers->by_address, address_hash(transfers, address));
       node != NULL; node = acoap__map_find_next(node)) {
    acoap__holder_t *holder = ACOAP__CONTAINER(node, acoap__holder_t, by_address);
    if (acoap_address_equal(&holder->address, address)) {
      return holder;
    }
  }
  return NULL;
}

acoap__holder_t *acoap__holder_new(acoap__transfers_t *transfers, const acoap_address_t *address) {
  acoap__holder_t *holder = acoap__calloc(1, sizeof(*holder));
  if (holder == NULL) {
    return NULL;
  }
  holder->address = *address;
  for (size_t i = 0; i < ACOAP__STANDINGS; i++) {
    acoap__list_init(&holder->transfers[i]);
    acoap__list_init(&holder->by_count[i]);
  }
  acoap__list_init(&holder->by_bytes);
  acoap__map_insert(&transfers->by_address, &holder->by_address, address_hash(transfers, address));
  return holder;
}

void acoap__holder_drop_empty(acoap__transfers_t *transfers, acoap__holder_t *holder) {
  if (holder->total > 0) {
    return;
  }
  for (size_t i = 0; i < ACOAP__STANDINGS; i++) {
    acoap__list_remove(&holder->by_count[i]);
  }
  acoap__list_remove(&holder->by_bytes);
  acoap__map_remove(&transfers->by_address, &holder->by_address);
  acoap__free(holder);
}

/* It holds one more (1) or one less (-1) of a standing. */
void acoap__holder_count(acoap__transfers_t *transfers, acoap__holder_t *holder,
                         acoap__standing_t standing, int change) {
  size_t before = bucket_of(holder->count[standing]);
  holder->count[standing] = (uint32_t)((int64_t)holder->count[standing] + change);
  size_t after = bucket_of(holder->count[standing]);
  if (before != after) {
    acoap__list_remove(&holder->by_count[standing]);
    if (after > 0) {
      acoap__list_append(&transfers->by_count[standing][after], &holder->by_count[standing]);
    }
  }
}

void acoap__holder_bytes(acoap__transfers_t *transfers, acoap__holder_t *holder, size_t bytes) {
  size_t before = holder->bytes > 0 ? 1 + bucket_of(holder->bytes >> KIB_SHIFT) : 0;
  size_t after = bytes > 0 ? 1 + bucket_of(bytes >> KIB_SHIFT) : 0;
  holder->bytes = bytes;
  if (before != after) {
    acoap__list_remove(&holder->by_bytes);
    if (after > 0) {
      after = after < ACOAP__BUCKETS ? after : ACOAP__BUCKETS - 1;
      acoap__list_append(&transfers->by_bytes[after], &holder->by_bytes);
    }
  }
}
