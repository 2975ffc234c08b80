/*
 * Points in time in order, as a list: what timer_queue.c does, in a quarter of its code, for a
 * program that has a handful of timers. The rule: sorted by (at, order); child and prev are unused.
 * Setting and clearing look through the list. Reads no clock, owns no memory.
 * SPDX-License-Identifier: MIT
 */
#include "base/timer_queue.h"

void acoap__timer_queue_init(acoap__timer_queue_t *queue) {
  queue->root = NULL;
  queue->order = 0;
}

void acoap__timer_init(acoap__timer_t *timer, acoap__timer_cb fire) {
  *timer = (acoap__timer_t){.at = ACOAP_TIME_NEVER, .fire = fire};
}

void acoap__timer_set(acoap__timer_queue_t *queue, acoap__timer_t *timer, acoap_time_t at) {
  acoap__timer_t **link = &queue->root;

  acoap__timer_clear(queue, timer);
  while (*link != NULL && (*link)->at <= at) {
    link = &(*link)->sibling;
  }
  timer->at = at;
  timer->order = queue->order++;
  timer->queued = true;
  timer->sibling = *link;
  *link = timer;
}

void acoap__timer_clear(acoap__timer_queue_t *queue, acoap__timer_t *timer) {
  for (acoap__timer_t **link = &queue->root; *link != NULL; link = &(*link)->sibling) {
    if (*link == timer) {
      *link = timer->sibling;
      break;
    }
  }
  timer->queued = false;
}

acoap_time_t acoap__timer_queue_next(const acoap__timer_queue_t *queue) {
  return queue->root != NULL ? queue->root->at : ACOAP_TIME_NEVER;
}

void acoap__timer_queue_run(acoap__timer_queue_t *queue, acoap_time_t now) {
  uint32_t end = queue->order; /* what a callback sets has this order or a later one */
  acoap__timer_t *timer = queue->root;

  while (timer != NULL && timer->at <= now) {
    if ((int32_t)(timer->order - end) >= 0) {
      timer = timer->sibling;
      continue;
    }
    acoap__timer_clear(queue, timer);
    timer->fire(timer, now);
    timer = queue->root; /* the callback may have set and cleared any */
  }
}
