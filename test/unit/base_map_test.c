/*
 * base/map: against a plain array, with hashes that collide on purpose.
 * SPDX-License-Identifier: MIT
 */
#include "base/map.h"

#include <string.h>

#include "base/random.h"
#include "support/check_main.h"

enum { BUCKETS = 8, OBJECTS = 100 };

typedef struct object {
  acoap__map_node_t node; /* first, so that a node is its object */
  unsigned key;
  bool in_map;
} object_t;

static acoap__map_node_t *buckets[BUCKETS];
static object_t objects[OBJECTS];

/* Few hashes: several keys share one, several hashes share a bucket. */
static uint64_t hash_of(unsigned key) {
  return key % 20 * 0x100000001u;
}

static object_t *find(const acoap__map_t *map, unsigned key) {
  acoap__map_node_t *node = acoap__map_find(map, hash_of(key));
  while (node != NULL && ((object_t *)(void *)node)->key != key) {
    node = acoap__map_find_next(node);
  }
  return (object_t *)(void *)node;
}

START_TEST(finds_what_is_in_and_nothing_else) {
  acoap__seeded_t seed = {3};
  acoap__random_t random;
  acoap__map_t map;
  size_t count = 0;
  acoap__random_init(&random, acoap__seeded_fill, &seed);
  memset(objects, 0, sizeof(objects));
  memset(buckets, 0x5a, sizeof(buckets));
  acoap__map_init(&map, buckets, BUCKETS);
  for (unsigned i = 0; i < OBJECTS; i++) {
    objects[i].key = i;
  }
  for (int step = 0; step < 5000; step++) {
    object_t *object = &objects[acoap__random_between(&random, 0, OBJECTS - 1)];
    if (object->in_map) {
      acoap__map_remove(&map, &object->node);
      count--;
    } else {
      acoap__map_insert(&map, &object->node, hash_of(object->key));
      count++;
    }
    object->in_map = !object->in_map;
    ck_assert_uint_eq(map.count, count);
    if (step % 50 == 0) {
      for (unsigned i = 0; i < OBJECTS; i++) {
        ck_assert_ptr_eq(find(&map, i), objects[i].in_map ? &objects[i] : NULL);
      }
    }
  }
}
END_TEST

START_TEST(the_latest_of_equal_hashes_comes_first) {
  acoap__map_t map;
  object_t a = {0};
  object_t b = {0};
  acoap__map_init(&map, buckets, BUCKETS);
  acoap__map_insert(&map, &a.node, 5);
  acoap__map_insert(&map, &b.node, 5);
  ck_assert_ptr_eq(acoap__map_find(&map, 5), &b.node);
  ck_assert_ptr_eq(acoap__map_find_next(&b.node), &a.node);
  ck_assert_ptr_null(acoap__map_find_next(&a.node));
  ck_assert_ptr_null(acoap__map_find(&map, 5 + BUCKETS)); /* the same bucket, another hash */
}
END_TEST

START_TEST(removing_what_is_not_in_is_harmless) {
  acoap__map_t map;
  object_t a = {0};
  acoap__map_init(&map, buckets, BUCKETS);
  acoap__map_remove(&map, &a.node);
  acoap__map_insert(&map, &a.node, 1);
  acoap__map_remove(&map, &a.node);
  acoap__map_remove(&map, &a.node);
  ck_assert_uint_eq(map.count, 0);
  ck_assert_ptr_null(acoap__map_find(&map, 1));
}
END_TEST

START_TEST(one_bucket_is_enough) {
  acoap__map_t map;
  acoap__map_node_t *one[1];
  object_t a = {0};
  object_t b = {0};
  acoap__map_init(&map, one, 1);
  acoap__map_insert(&map, &a.node, 1);
  acoap__map_insert(&map, &b.node, UINT64_MAX);
  ck_assert_ptr_eq(acoap__map_find(&map, 1), &a.node);
  ck_assert_ptr_eq(acoap__map_find(&map, UINT64_MAX), &b.node);
}
END_TEST

static Suite *base_map_suite(void) {
  Suite *suite = suite_create("base_map");
  TCase *map = tcase_create("map");
  tcase_add_test(map, finds_what_is_in_and_nothing_else);
  tcase_add_test(map, the_latest_of_equal_hashes_comes_first);
  tcase_add_test(map, removing_what_is_not_in_is_harmless);
  tcase_add_test(map, one_bucket_is_enough);
  suite_add_tcase(suite, map);
  return suite;
}

ACOAP_TEST_MAIN(base_map_suite)
