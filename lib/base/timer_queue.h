/*
 * Points in time in order: an intrusive pairing heap. Insert O(1), remove and pop O(log n)
 * amortised, the earliest O(1); no memory but the nodes, which live inside the objects that wait.
 * Equal times fire in the order they were set. Reads no clock.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_TIMER_QUEUE_H
#define ACOAP_BASE_TIMER_QUEUE_H

#include <acoap/types.h>

typedef struct acoap__timer acoap__timer_t;
typedef void (*acoap__timer_cb)(acoap__timer_t *timer, acoap_time_t now);

struct acoap__timer {
  acoap__timer_t *child;   /* first child, later than this */
  acoap__timer_t *sibling; /* next child of the same parent */
  /*
   * previous sibling, or the parent for a first child; itself while not queued: never NULL when set
   */
  acoap__timer_t *prev;
  uint32_t order;       /* breaks ties: the lower was set earlier, modulo 2^32 */
  acoap_time_t at;      /* due, milliseconds */
  acoap__timer_cb fire; /* called once when due, after the timer has left the queue */
  bool queued;          /* stands in a queue */
};

typedef struct acoap__timer_queue {
  acoap__timer_t *root; /* the earliest, or NULL */
  uint32_t order;       /* next tie-breaker */
} acoap__timer_queue_t;

void acoap__timer_queue_init(acoap__timer_queue_t *queue);
void acoap__timer_init(acoap__timer_t *timer, acoap__timer_cb fire);
/* Queue it, or move it when it is queued already. */
void acoap__timer_set(acoap__timer_queue_t *queue, acoap__timer_t *timer, acoap_time_t at);
/* Harmless when it is not queued. */
void acoap__timer_clear(acoap__timer_queue_t *queue, acoap__timer_t *timer);
/* When the earliest is due, or ACOAP_TIME_NEVER. */
acoap_time_t acoap__timer_queue_next(const acoap__timer_queue_t *queue);
/*
 * Fire every timer due at or before now, earliest first. A callback may set and clear any timer;
 * one that it sets for a time
 * <= now fires in the next run, not in this one, so a run always ends.
 */
void acoap__timer_queue_run(acoap__timer_queue_t *queue, acoap_time_t now);

#endif
