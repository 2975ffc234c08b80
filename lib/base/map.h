/*
 * An intrusive chained hash index over a lent array of buckets: the nodes live in the objects, the
 * user brings the hash (keyed where a peer chooses the key) and compares. Never grows.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_MAP_H
#define ACOAP_BASE_MAP_H

#include <acoap/types.h>

typedef struct acoap__map_node {
  struct acoap__map_node *next;  /* in the bucket */
  struct acoap__map_node **link; /* what points here; NULL while in no map */
  uint32_t hash;                 /* the low half of the key's hash */
} acoap__map_node_t;

typedef struct acoap__map {
  acoap__map_node_t **buckets; /* lent; count is a power of two */
  size_t mask;                 /* count - 1 */
  size_t count;                /* nodes in the map */
} acoap__map_t;

/* bucket_count: a power of two; the array is zeroed here. */
void acoap__map_init(acoap__map_t *map, acoap__map_node_t **buckets, size_t bucket_count);
void acoap__map_insert(acoap__map_t *map, acoap__map_node_t *node, uint64_t hash);
/* Harmless for a zeroed or removed node. */
void acoap__map_remove(acoap__map_t *map, acoap__map_node_t *node);
/* First node of this hash, then the next one; NULL at the end. The caller compares keys. */
acoap__map_node_t *acoap__map_find(const acoap__map_t *map, uint64_t hash);
acoap__map_node_t *acoap__map_find_next(const acoap__map_node_t *node);

#endif
