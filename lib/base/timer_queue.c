/*
 * Points in time in order, as a pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986).
 * The rule: no child is due before its parent; (at, order) decides, so equal times fire in the
 * order they were set. Links: child and sibling lead down, prev leads to the previous sibling or,
 * from a first child, to the parent; so any node can be cut out without knowing the root. Reads no
 * clock, owns no memory.
 * SPDX-License-Identifier: MIT
 */
#include "base/timer_queue.h"

static bool is_earlier(const acoap__timer_t *a, const acoap__timer_t *b) {
  return a->at != b->at ? a->at < b->at : (int32_t)(a->order - b->order) < 0;
}

/* Join two heaps, neither empty and neither with siblings: the later root becomes the first child
 * of the earlier. */
static acoap__timer_t *join(acoap__timer_t *a, acoap__timer_t *b) {
  if (is_earlier(b, a)) {
    acoap__timer_t *swap = a;
    a = b;
    b = swap;
  }
  b->prev = a;
  b->sibling = a->child;
  if (b->sibling != NULL) {
    b->sibling->prev = b;
  }
  a->child = b;
  return a;
}

/* Make one heap of a chain of siblings: join them in pairs from the left, then join the pairs from
 * the right. */
static acoap__timer_t *join_siblings(acoap__timer_t *first) {
  acoap__timer_t *pairs = NULL; /* the latest pair first, chained by sibling */
  acoap__timer_t *root = NULL;

  while (first != NULL) {
    acoap__timer_t *a = first;
    acoap__timer_t *b = a->sibling;
    first = b != NULL ? b->sibling : NULL;
    a->sibling = NULL;
    if (b != NULL) {
      b->sibling = NULL;
      a = join(a, b);
    }
    a->sibling = pairs;
    pairs = a;
  }
  while (pairs != NULL) {
    acoap__timer_t *next = pairs->sibling;
    pairs->sibling = NULL;
    root = root != NULL ? join(root, pairs) : pairs;
    pairs = next;
  }
  return root;
}

static void make_root(acoap__timer_queue_t *queue, acoap__timer_t *root) {
  queue->root = root;
  if (root != NULL) {
    root->prev = root;
  }
}

/* Take a node that is not a root out of its siblings; its children go with it. */
static void cut(acoap__timer_t *timer) {
  if (timer->prev->child == timer) {
    timer->prev->child = timer->sibling;
  } else {
    timer->prev->sibling = timer->sibling;
  }
  if (timer->sibling != NULL) {
    timer->sibling->prev = timer->prev;
  }
  timer->sibling = NULL;
}

static void leave(acoap__timer_t *timer) {
  timer->child = NULL;
  timer->sibling = NULL;
  timer->prev = timer;
  timer->queued = false;
}

void acoap__timer_queue_init(acoap__timer_queue_t *queue) {
  queue->root = NULL;
  queue->order = 0;
}

void acoap__timer_init(acoap__timer_t *timer, acoap__timer_cb fire) {
  leave(timer);
  timer->at = ACOAP_TIME_NEVER;
  timer->order = 0;
  timer->fire = fire;
}

void acoap__timer_set(acoap__timer_queue_t *queue, acoap__timer_t *timer, acoap_time_t at) {
  acoap__timer_clear(queue, timer);
  timer->at = at;
  timer->order = queue->order++;
  timer->queued = true;
  make_root(queue, queue->root != NULL ? join(queue->root, timer) : timer);
}

void acoap__timer_clear(acoap__timer_queue_t *queue, acoap__timer_t *timer) {
  if (!timer->queued) {
    return;
  }
  acoap__timer_t *children = join_siblings(timer->child);
  if (queue->root == timer) {
    make_root(queue, children);
  } else {
    cut(timer);
    if (children != NULL) {
      make_root(queue, join(queue->root, children));
    }
  }
  leave(timer);
}

acoap_time_t acoap__timer_queue_next(const acoap__timer_queue_t *queue) {
  return queue->root != NULL ? queue->root->at : ACOAP_TIME_NEVER;
}

void acoap__timer_queue_run(acoap__timer_queue_t *queue, acoap_time_t now) {
  /*
   * What is due leaves the heap first and waits, in order, as the childless children of a node on
   * the stack. There a callback can still cut it out by acoap__timer_clear, and what a callback
   * sets goes into the heap, for the next run.
   */
  acoap__timer_t due = {0};
  acoap__timer_t *last = NULL;

  while (queue->root != NULL && queue->root->at <= now) {
    acoap__timer_t *timer = queue->root;
    make_root(queue, join_siblings(timer->child));
    timer->child = NULL;
    timer->sibling = NULL;
    if (last == NULL) {
      timer->prev = &due;
      due.child = timer;
    } else {
      timer->prev = last;
      last->sibling = timer;
    }
    last = timer;
  }
  while (due.child != NULL) {
    acoap__timer_t *timer = due.child;
    cut(timer);
    leave(timer);
    timer->fire(timer, now);
  }
}
