/*
 * base/timer_queue: against a sorted reference under random operations, also from inside callbacks.
 * SPDX-License-Identifier: MIT
 */
#include "base/timer_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/check_main.h"

enum { TIMERS = 64 };

/* How many a queue has to bear at once; base_timer_list_test.c asks for less. */
#ifndef MANY
#define MANY 200000u
#endif

typedef struct entry {
  acoap__timer_t timer; /* first, so that a timer is its entry */
  bool set;             /* reference: stands in the queue */
  acoap_time_t at;      /* reference */
  uint64_t order;       /* reference: when it was set */
  unsigned index;
} entry_t;

static acoap__timer_queue_t queue;
static entry_t entries[TIMERS];
static uint64_t order;
static acoap__random_t rng;

/* The run that is going on: what must fire, in order; entries leave it when a callback changes
 * them. */
static unsigned expected[TIMERS];
static size_t expected_count;
static size_t expected_at;
static unsigned fired;

static void set(entry_t *entry, acoap_time_t at) {
  acoap__timer_set(&queue, &entry->timer, at);
  entry->set = true;
  entry->at = at;
  entry->order = order++;
}

static void clear(entry_t *entry) {
  acoap__timer_clear(&queue, &entry->timer);
  entry->set = false;
}

/* Forget that an entry was going to fire in this run. */
static void unexpect(unsigned index) {
  for (size_t i = expected_at; i < expected_count; i++) {
    if (expected[i] == index) {
      memmove(&expected[i], &expected[i + 1], (expected_count - i - 1) * sizeof(expected[0]));
      expected_count--;
      return;
    }
  }
}

static acoap_time_t earliest(void) {
  acoap_time_t at = ACOAP_TIME_NEVER;
  for (unsigned i = 0; i < TIMERS; i++) {
    if (entries[i].set && entries[i].at < at) {
      at = entries[i].at;
    }
  }
  return at;
}

static entry_t *any_entry(void) {
  return &entries[acoap__random_between(&rng, 0, TIMERS - 1)];
}

/*
 * Here and in the loop below a plain if stands before ck_abort_msg, since ck_assert costs too much
 * for each of a million. What callbacks do: set and clear others and themselves, before, at and
 * after now.
 */
static void fire(acoap__timer_t *timer, acoap_time_t now) {
  entry_t *entry = (entry_t *)(void *)timer;
  if (expected_at >= expected_count || entry->index != expected[expected_at] || timer->queued ||
      entry->at > now) {
    ck_abort_msg("timer %u of %d fired at %d", entry->index, (int)entry->at, (int)now);
  }
  expected_at++;
  fired++;
  entry->set = false;
  for (uint32_t n = acoap__random_between(&rng, 0, 3); n > 0; n--) {
    entry_t *other = acoap__random_between(&rng, 0, 3) == 0 ? entry : any_entry();
    unexpect(other->index);
    if (acoap__random_between(&rng, 0, 2) == 0) {
      clear(other);
    } else {
      set(other, now - 5 + acoap__random_between(&rng, 0, 20));
    }
  }
}

static int by_time_and_order(const void *a, const void *b) {
  const entry_t *x = &entries[*(const unsigned *)a];
  const entry_t *y = &entries[*(const unsigned *)b];
  if (x->at != y->at) {
    return x->at < y->at ? -1 : 1;
  }
  return x->order < y->order ? -1 : 1;
}

static void run(acoap_time_t now) {
  expected_count = 0;
  expected_at = 0;
  for (unsigned i = 0; i < TIMERS; i++) {
    if (entries[i].set && entries[i].at <= now) {
      expected[expected_count++] = i;
    }
  }
  qsort(expected, expected_count, sizeof(expected[0]), by_time_and_order);
  acoap__timer_queue_run(&queue, now);
  ck_assert_uint_eq(expected_at, expected_count);
}

static void start(uint64_t seed_number) {
  static acoap__seeded_t seed;
  seed.state = seed_number;
  acoap__random_init(&rng, acoap__seeded_fill, &seed);
  acoap__timer_queue_init(&queue);
  order = 0;
  fired = 0;
  for (unsigned i = 0; i < TIMERS; i++) {
    entries[i] = (entry_t){.index = i};
    acoap__timer_init(&entries[i].timer, fire);
  }
}

START_TEST(agrees_with_a_sorted_reference) {
  start((uint64_t)_i);
  acoap_time_t now = 0;
  for (int step = 0; step < 20000; step++) {
    uint32_t what = acoap__random_between(&rng, 0, 9);
    if (what < 6) {
      set(any_entry(), now + acoap__random_between(&rng, 0, 30));
    } else if (what < 8) {
      clear(any_entry());
    } else {
      now += acoap__random_between(&rng, 0, 10);
      run(now);
    }
    if (acoap__timer_queue_next(&queue) != earliest()) {
      ck_abort_msg("step %d: next at %d", step, (int)acoap__timer_queue_next(&queue));
    }
    for (unsigned i = 0; i < TIMERS; i++) {
      if (entries[i].timer.queued != entries[i].set) {
        ck_abort_msg("step %d: timer %u", step, i);
      }
    }
  }
  ck_assert_uint_gt(fired, 1000);
}
END_TEST

static unsigned sequence[TIMERS];
static size_t sequence_len;

static void note(acoap__timer_t *timer, acoap_time_t now) {
  (void)now;
  sequence[sequence_len++] = ((entry_t *)(void *)timer)->index;
}

START_TEST(equal_times_fire_in_the_order_they_were_set) {
  start(0);
  sequence_len = 0;
  for (unsigned i = 0; i < TIMERS; i++) {
    entries[i].timer.fire = note;
    acoap__timer_set(&queue, &entries[i].timer, 100);
  }
  acoap__timer_set(&queue, &entries[0].timer, 100); /* set again: now the last */
  acoap__timer_queue_run(&queue, 99);
  ck_assert_uint_eq(sequence_len, 0);
  acoap__timer_queue_run(&queue, 100);
  ck_assert_uint_eq(sequence_len, TIMERS);
  for (unsigned i = 0; i < TIMERS; i++) {
    ck_assert_uint_eq(sequence[i], (i + 1) % TIMERS);
  }
}
END_TEST

static void set_again_at_once(acoap__timer_t *timer, acoap_time_t now) {
  fired++;
  acoap__timer_set(&queue, timer, now - 1);
}

START_TEST(a_run_ends_though_callbacks_set_what_is_due) {
  start(0);
  entries[0].timer.fire = set_again_at_once;
  acoap__timer_set(&queue, &entries[0].timer, 10);
  acoap__timer_queue_run(&queue, 10);
  ck_assert_uint_eq(fired, 1);
  ck_assert_int_eq(acoap__timer_queue_next(&queue), 9);
  acoap__timer_queue_run(&queue, 10);
  ck_assert_uint_eq(fired, 2);
}
END_TEST

START_TEST(clearing_what_is_not_set_is_harmless) {
  start(0);
  acoap__timer_clear(&queue, &entries[0].timer);
  acoap__timer_set(&queue, &entries[0].timer, ACOAP_TIME_NEVER);
  acoap__timer_queue_run(&queue, ACOAP_TIME_NEVER - 1);
  ck_assert(entries[0].timer.queued);
  acoap__timer_clear(&queue, &entries[0].timer);
  acoap__timer_clear(&queue, &entries[0].timer);
  ck_assert_int_eq(acoap__timer_queue_next(&queue), ACOAP_TIME_NEVER);
  acoap__timer_queue_run(&queue, ACOAP_TIME_NEVER);
  ck_assert_uint_eq(fired, 0);
}
END_TEST

START_TEST(many_timers_neither_recurse_nor_crawl) {
  entry_t *many = calloc(MANY, sizeof(*many));
  ck_assert_ptr_nonnull(many);
  start(0);
  for (unsigned i = 0; i < MANY; i++) {
    acoap__timer_init(&many[i].timer, set_again_at_once);
    /* In falling order the heap is one long chain, in rising order one long list. */
    acoap__timer_set(&queue, &many[i].timer, i % 2 == 0 ? MANY - i : MANY + i);
  }
  for (unsigned i = 0; i < MANY; i += 2) {
    acoap__timer_clear(&queue, &many[i].timer);
  }
  acoap__timer_queue_run(&queue, 3 * MANY);
  ck_assert_uint_eq(fired, MANY / 2);
  free(many);
}
END_TEST

static Suite *base_timer_queue_suite(void) {
  Suite *suite = suite_create("base_timer_queue");
  TCase *timers = tcase_create("timers");
  tcase_add_loop_test(timers, agrees_with_a_sorted_reference, 0, 8);
  tcase_add_test(timers, equal_times_fire_in_the_order_they_were_set);
  tcase_add_test(timers, a_run_ends_though_callbacks_set_what_is_due);
  tcase_add_test(timers, clearing_what_is_not_set_is_harmless);
  tcase_add_test(timers, many_timers_neither_recurse_nor_crawl);
  suite_add_tcase(suite, timers);
  return suite;
}

ACOAP_TEST_MAIN(base_timer_queue_suite)
