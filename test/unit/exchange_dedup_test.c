/*
 * exchange/dedup: the log and the store of RFC 7252 section 4.5, bounded, in O(1), unpredictable
 * for who chooses the keys.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/dedup.h"
#include "exchange/key_hash.h"

#include "base/siphash.h"
#include "support/check_main.h"

#define CON_COUNT 8
#define NON_COUNT 4
#define STORE_LEN 256
#define LIFE 1000u

typedef struct bench {
  acoap__dedup_t dedup;
  acoap_stats_t stats;
  acoap__dedup_entry_t entries[CON_COUNT + NON_COUNT];
  acoap__map_node_t *buckets[16];
  uint8_t store[STORE_LEN];
  acoap__engine_t engine; /* for its hash key only */
  acoap__sender_t sender;
} bench_t;

static void bench_init(bench_t *bench, uint32_t store_len) {
  memset(bench, 0, sizeof(*bench));
  bench->engine.config.hash = acoap__siphash;
  bench->engine.sender = &bench->sender;
  acoap__dedup_init(&bench->dedup, bench->entries, CON_COUNT, NON_COUNT, bench->buckets, 16,
                    bench->store, store_len, &bench->stats);
}

static acoap__message_key_t key_of(uint16_t message_id) {
  acoap__message_key_t key;

  memset(&key, 0, sizeof(key));
  key.peer.family = ACOAP_FAMILY_IPV4;
  key.peer.ip[0] = 10;
  key.message_id = message_id;
  return key;
}

static acoap__dedup_entry_t *insert(bench_t *bench, acoap_time_t now, uint16_t message_id,
                                    acoap_type_t type) {
  acoap__message_key_t key = key_of(message_id);

  return acoap__dedup_insert(&bench->dedup, now, acoap__key_hash(&bench->engine, &key), &key, type,
                             message_id, LIFE);
}

static acoap__dedup_entry_t *find(bench_t *bench, acoap_time_t now, uint16_t message_id) {
  acoap__message_key_t key = key_of(message_id);

  return acoap__dedup_find(&bench->dedup, now, acoap__key_hash(&bench->engine, &key), &key);
}

START_TEST(an_entry_lives_for_its_lifetime) {
  bench_t bench;

  bench_init(&bench, STORE_LEN);
  acoap__dedup_entry_t *entry = insert(&bench, 100, 1, ACOAP_CON);
  ck_assert_ptr_eq(find(&bench, 100, 1), entry);
  ck_assert_ptr_eq(find(&bench, 1099, 1), entry);
  ck_assert_ptr_null(find(&bench, 1100, 1));
  ck_assert_ptr_null(find(&bench, 100, 2));
  ck_assert_uint_eq(bench.stats.dedup_evicted, 0);
}
END_TEST

START_TEST(every_part_of_the_key_counts) {
  bench_t bench;
  acoap__message_key_t key = key_of(1);
  acoap__message_key_t others[4];

  bench_init(&bench, STORE_LEN);
  for (size_t i = 0; i < 4; i++) {
    others[i] = key;
  }
  others[0].message_id = 2;
  others[1].socket = 1;
  others[2].peer.port = 1;
  others[3].peer.ip[15] = 1;
  acoap__dedup_insert(&bench.dedup, 0, 7, &key, ACOAP_CON, 0, LIFE);
  for (size_t i = 0; i < 4; i++) {
    /* The same hash, as in a collision. */
    ck_assert_ptr_null(acoap__dedup_find(&bench.dedup, 0, 7, &others[i]));
  }
  ck_assert_ptr_nonnull(acoap__dedup_find(&bench.dedup, 0, 7, &key));
}
END_TEST

START_TEST(when_full_the_oldest_goes_and_is_counted) {
  bench_t bench;

  bench_init(&bench, STORE_LEN);
  for (uint16_t i = 0; i < CON_COUNT + 3; i++) {
    insert(&bench, i, i, ACOAP_CON);
  }
  ck_assert_uint_eq(bench.stats.dedup_evicted, 3);
  for (uint16_t i = 0; i < CON_COUNT + 3; i++) {
    ck_assert_msg((find(&bench, 20, i) != NULL) == (i >= 3), "entry %u", i);
  }
  ck_assert_uint_eq(bench.dedup.index.count, CON_COUNT);
}
END_TEST

START_TEST(expired_entries_make_room_without_being_counted) {
  bench_t bench;

  bench_init(&bench, STORE_LEN);
  for (uint16_t round = 0; round < 50; round++) {
    for (uint16_t i = 0; i < CON_COUNT; i++) {
      acoap_time_t now = round * (acoap_time_t)LIFE + i;
      insert(&bench, now, (uint16_t)(round * CON_COUNT + i), ACOAP_CON);
      ck_assert_uint_le(bench.dedup.index.count, CON_COUNT);
    }
  }
  ck_assert_uint_eq(bench.stats.dedup_evicted, 0);
}
END_TEST

START_TEST(kinds_do_not_push_each_other_out) {
  bench_t bench;

  bench_init(&bench, STORE_LEN);
  insert(&bench, 0, 1, ACOAP_CON);
  for (uint16_t i = 0; i < 100; i++) {
    insert(&bench, 1, (uint16_t)(100 + i), ACOAP_NON);
  }
  ck_assert_ptr_nonnull(find(&bench, 1, 1));
  ck_assert_ptr_nonnull(find(&bench, 1, 199));
  ck_assert_ptr_null(find(&bench, 1, 199 - NON_COUNT));
  ck_assert_uint_eq(bench.stats.dedup_evicted, 100 - NON_COUNT);
}
END_TEST

START_TEST(a_key_stands_in_the_log_once) {
  bench_t bench;

  bench_init(&bench, STORE_LEN);
  acoap__dedup_entry_t *older = insert(&bench, 0, 1, ACOAP_CON);
  uint32_t slot = acoap__dedup_slot(&bench.dedup, older);
  uint32_t serial = older->serial;
  acoap__dedup_entry_t *newer = insert(&bench, 1, 1, ACOAP_NON);
  ck_assert_ptr_ne(older, newer);
  ck_assert_ptr_eq(find(&bench, 1, 1), newer);
  ck_assert_uint_eq(bench.dedup.index.count, 1);
  ck_assert_ptr_null(acoap__dedup_get(&bench.dedup, 1, slot, serial));
  ck_assert_uint_eq(bench.stats.dedup_evicted, 0);
}
END_TEST

START_TEST(a_slot_names_one_use_of_an_entry) {
  bench_t bench;

  bench_init(&bench, STORE_LEN);
  acoap__dedup_entry_t *entry = insert(&bench, 0, 1, ACOAP_NON);
  uint32_t slot = acoap__dedup_slot(&bench.dedup, entry);
  uint32_t serial = entry->serial;
  ck_assert_uint_eq(slot, CON_COUNT);
  ck_assert_ptr_eq(acoap__dedup_get(&bench.dedup, 0, slot, serial), entry);
  ck_assert_ptr_null(acoap__dedup_get(&bench.dedup, LIFE, slot, serial));
  ck_assert_ptr_null(acoap__dedup_get(&bench.dedup, 0, slot, serial + 1));
  ck_assert_ptr_null(acoap__dedup_get(&bench.dedup, 0, ACOAP__DEDUP_NONE, serial));
  ck_assert_ptr_null(acoap__dedup_get(&bench.dedup, 0, CON_COUNT + NON_COUNT, serial));
  for (uint16_t i = 0; i < NON_COUNT; i++) {
    insert(&bench, 1, (uint16_t)(50 + i), ACOAP_NON);
  }
  ck_assert_ptr_null(acoap__dedup_get(&bench.dedup, 1, slot, serial));
}
END_TEST

/* A reply of len bytes that tells whose it is. */
static void store(bench_t *bench, acoap_time_t now, acoap__dedup_entry_t *entry, size_t len) {
  uint8_t bytes[STORE_LEN + 1];

  memset(bytes, (int)(entry->serial & 0xff), sizeof(bytes));
  acoap__dedup_store(&bench->dedup, now, entry, bytes, len);
}

static void check_stored(const bench_t *bench, const acoap__dedup_entry_t *entry, size_t len) {
  acoap_bytes_t bytes = acoap__dedup_stored(&bench->dedup, entry);

  if (bytes.len != len) {
    ck_abort_msg("reply %u has %zu bytes instead of %zu", entry->serial, bytes.len, len);
  }
  for (size_t i = 0; i < bytes.len; i++) {
    if (bytes.data[i] != (uint8_t)entry->serial) {
      ck_abort_msg("byte %zu of reply %u is another's", i, entry->serial);
    }
  }
}

START_TEST(the_store_wraps_around_and_drops_the_oldest_reply) {
  bench_t bench;
  acoap__dedup_entry_t *entries[CON_COUNT];

  bench_init(&bench, STORE_LEN);
  /* 12 + 50 bytes each: four fit into 256, the rest of 8 bytes is skipped. */
  for (size_t i = 0; i < 7; i++) {
    entries[i] = insert(&bench, 0, (uint16_t)i, ACOAP_CON);
    store(&bench, 0, entries[i], 50);
    check_stored(&bench, entries[i], 50);
  }
  ck_assert_uint_eq(bench.stats.replies_evicted, 3);
  for (size_t i = 0; i < 7; i++) {
    ck_assert_int_eq(entries[i]->reply, i < 3 ? ACOAP__REPLY_EVICTED : ACOAP__REPLY_STORED);
    check_stored(&bench, entries[i], i < 3 ? 0 : 50);
  }
}
END_TEST

START_TEST(random_replies_are_whole_or_known_to_be_gone) {
  uint64_t random = 42;

  for (uint32_t store_len = 0; store_len <= STORE_LEN; store_len += 17) {
    bench_t bench;
    acoap__dedup_entry_t *entries[CON_COUNT] = {NULL};
    size_t lens[CON_COUNT] = {0};
    uint32_t serials[CON_COUNT] = {0};
    uint64_t evicted = 0;

    bench_init(&bench, store_len);
    for (unsigned i = 0; i < 3000; i++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      acoap_time_t now = i * 40;
      acoap__dedup_entry_t *entry = insert(&bench, now, (uint16_t)i, ACOAP_CON);
      size_t at = (size_t)(entry - bench.entries);
      entries[at] = entry;
      lens[at] = (size_t)(random >> 40) % 90;
      serials[at] = entry->serial;
      store(&bench, now, entry, lens[at]);
      if (bench.dedup.store_used > store_len || bench.stats.replies_evicted < evicted) {
        ck_abort_msg("the store holds %u of %u bytes", bench.dedup.store_used, store_len);
      }
      evicted = bench.stats.replies_evicted;
      for (size_t j = 0; j < CON_COUNT; j++) {
        acoap__dedup_entry_t *other = entries[j];
        if (other != NULL && acoap__dedup_get(&bench.dedup, now, (uint32_t)j, serials[j]) != NULL) {
          check_stored(&bench, other, other->reply == ACOAP__REPLY_STORED ? lens[j] : 0);
        }
      }
      if (12 + lens[at] <= store_len && entry->reply != ACOAP__REPLY_STORED) {
        ck_abort_msg("a reply of %zu bytes was not kept in %u", lens[at], store_len);
      }
    }
  }
}
END_TEST

START_TEST(a_reply_larger_than_the_store_counts_as_dropped) {
  bench_t bench;

  bench_init(&bench, 64);
  acoap__dedup_entry_t *entry = insert(&bench, 0, 1, ACOAP_CON);
  store(&bench, 0, entry, 52);
  ck_assert_int_eq(entry->reply, ACOAP__REPLY_STORED);
  entry = insert(&bench, 0, 2, ACOAP_CON);
  store(&bench, 0, entry, 53);
  ck_assert_int_eq(entry->reply, ACOAP__REPLY_EVICTED);
  ck_assert_uint_eq(bench.stats.replies_evicted, 1);
  bench_init(&bench, 0);
  entry = insert(&bench, 0, 1, ACOAP_CON);
  store(&bench, 0, entry, 4);
  ck_assert_int_eq(entry->reply, ACOAP__REPLY_EVICTED);
}
END_TEST

START_TEST(a_newer_reply_of_an_entry_outlives_its_older_one) {
  bench_t bench;

  bench_init(&bench, STORE_LEN);
  acoap__dedup_entry_t *entry = insert(&bench, 0, 1, ACOAP_CON);
  store(&bench, 0, entry, 100);
  store(&bench, 0, entry, 60);
  store(&bench, 0, insert(&bench, 0, 2, ACOAP_CON), 70); /* needs the room of the first */
  ck_assert_int_eq(entry->reply, ACOAP__REPLY_STORED);
  check_stored(&bench, entry, 60);
  ck_assert_uint_eq(bench.stats.replies_evicted, 0);
}
END_TEST

START_TEST(replies_of_dead_entries_go_uncounted) {
  bench_t bench;

  bench_init(&bench, STORE_LEN);
  for (uint16_t i = 0; i < 100; i++) {
    acoap_time_t now = i * (acoap_time_t)LIFE;
    store(&bench, now, insert(&bench, now, i, ACOAP_CON), 100);
  }
  ck_assert_uint_eq(bench.stats.replies_evicted, 0);
}
END_TEST

static size_t longest_chain(acoap__map_node_t *const *buckets, size_t count) {
  size_t longest = 0;

  for (size_t i = 0; i < count; i++) {
    size_t length = 0;
    for (const acoap__map_node_t *node = buckets[i]; node != NULL; node = node->next) {
      length++;
    }
    longest = length > longest ? length : longest;
  }
  return longest;
}

START_TEST(chosen_keys_do_not_flood_a_bucket) {
  enum { COUNT = 1024 };
  static acoap__dedup_entry_t entries[2 * COUNT];
  static acoap__map_node_t *buckets[COUNT];
  acoap__dedup_t dedup;
  acoap_stats_t stats = {0};
  acoap__sender_t senders[2] = {{.known = false}, {.known = false}};
  acoap__engine_t known = {.config.hash = acoap__siphash, .sender = &senders[0]};
  acoap__engine_t secret = {.config.hash = acoap__siphash, .sender = &senders[1]};
  unsigned found = 0;

  memcpy(secret.hash_key, "a key unknown to", 16);
  /* Keys that all fall into one bucket under the key that the attacker knows ... */
  for (int keyed = 0; keyed < 2; keyed++) {
    const acoap__engine_t *engine = keyed ? &secret : &known;
    acoap__dedup_init(&dedup, entries, COUNT, COUNT, buckets, COUNT, NULL, 0, &stats);
    found = 0;
    for (uint32_t i = 0; found < 512; i++) {
      acoap__message_key_t key = key_of((uint16_t)i);
      key.peer.ip[1] = (uint8_t)(i >> 16);
      key.peer.ip[2] = (uint8_t)(i >> 24);
      if ((acoap__key_hash(&known, &key) & (COUNT - 1)) == 0) {
        acoap__dedup_insert(&dedup, 0, acoap__key_hash(engine, &key), &key, ACOAP_CON, 0, LIFE);
        found++;
      }
    }
    /* ... spread out under one that it does not. */
    if (keyed) {
      ck_assert_uint_le(longest_chain(buckets, COUNT), 8);
    } else {
      ck_assert_uint_eq(longest_chain(buckets, COUNT), 512);
    }
  }
}
END_TEST

static Suite *exchange_dedup_suite(void) {
  Suite *suite = suite_create("exchange_dedup");
  TCase *log = tcase_create("log");
  tcase_add_test(log, an_entry_lives_for_its_lifetime);
  tcase_add_test(log, every_part_of_the_key_counts);
  tcase_add_test(log, when_full_the_oldest_goes_and_is_counted);
  tcase_add_test(log, expired_entries_make_room_without_being_counted);
  tcase_add_test(log, kinds_do_not_push_each_other_out);
  tcase_add_test(log, a_key_stands_in_the_log_once);
  tcase_add_test(log, a_slot_names_one_use_of_an_entry);
  tcase_add_test(log, chosen_keys_do_not_flood_a_bucket);
  suite_add_tcase(suite, log);
  TCase *replies = tcase_create("store");
  tcase_add_test(replies, the_store_wraps_around_and_drops_the_oldest_reply);
  tcase_add_test(replies, random_replies_are_whole_or_known_to_be_gone);
  tcase_add_test(replies, a_reply_larger_than_the_store_counts_as_dropped);
  tcase_add_test(replies, a_newer_reply_of_an_entry_outlives_its_older_one);
  tcase_add_test(replies, replies_of_dead_entries_go_uncounted);
  suite_add_tcase(suite, replies);
  return suite;
}

ACOAP_TEST_MAIN(exchange_dedup_suite)
