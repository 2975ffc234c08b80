/*
 * An intrusive chained hash index. A new node goes to the front of its bucket, so what was inserted
 * last is found first. The rule: *node->link == node while the node is in a map, link == NULL while
 * it is in none. Hashes nothing, compares no keys, never grows.
 * SPDX-License-Identifier: MIT
 */
#include "base/map.h"

#include <string.h>

void acoap__map_init(acoap__map_t *map, acoap__map_node_t **buckets, size_t bucket_count) {
  memset(buckets, 0, bucket_count * sizeof(acoap__map_node_t *));
  map->buckets = buckets;
  map->mask = bucket_count - 1;
  map->count = 0;
}

void acoap__map_insert(acoap__map_t *map, acoap__map_node_t *node, uint64_t hash) {
  acoap__map_node_t **bucket = &map->buckets[hash & map->mask];

  node->hash = (uint32_t)hash;
  node->next = *bucket;
  node->link = bucket;
  if (node->next != NULL) {
    node->next->link = &node->next;
  }
  *bucket = node;
  map->count++;
}

void acoap__map_remove(acoap__map_t *map, acoap__map_node_t *node) {
  if (node->link == NULL) {
    return;
  }
  *node->link = node->next;
  if (node->next != NULL) {
    node->next->link = node->link;
  }
  node->next = NULL;
  node->link = NULL;
  map->count--;
}

static acoap__map_node_t *first_of_hash(acoap__map_node_t *node, uint32_t hash) {
  while (node != NULL && node->hash != hash) {
    node = node->next;
  }
  return node;
}

acoap__map_node_t *acoap__map_find(const acoap__map_t *map, uint64_t hash) {
  return first_of_hash(map->buckets[hash & map->mask], (uint32_t)hash);
}

acoap__map_node_t *acoap__map_find_next(const acoap__map_node_t *node) {
  return first_of_hash(node->next, node->hash);
}
