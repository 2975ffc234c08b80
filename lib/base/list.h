/*
 * A doubly linked circular list whose links live inside the elements. A node that is in no list
 * points to itself, so removing it again is harmless.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_LIST_H
#define ACOAP_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct acoap__list {
  struct acoap__list *next;
  struct acoap__list *prev;
} acoap__list_t;

/* The object that embeds `member` at `node`. */
#define ACOAP__CONTAINER(node, type, member)                                                       \
  ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void acoap__list_init(acoap__list_t *node) {
  node->next = node;
  node->prev = node;
}

static inline bool acoap__list_empty(const acoap__list_t *head) {
  return head->next == head;
}

static inline void acoap__list_append(acoap__list_t *head, acoap__list_t *node) {
  node->prev = head->prev;
  node->next = head;
  head->prev->next = node;
  head->prev = node;
}

static inline void acoap__list_prepend(acoap__list_t *head, acoap__list_t *node) {
  acoap__list_append(head->next, node);
}

/* Safe on a node that is in no list but initialised. */
static inline void acoap__list_remove(acoap__list_t *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  acoap__list_init(node);
}

/* First node, or NULL. */
static inline acoap__list_t *acoap__list_first(const acoap__list_t *head) {
  return head->next == head ? NULL : head->next;
}

/*
 * Move all of `from` into the empty, initialised list `to`: iterate over `to` while callbacks may
 * change `from`.
 */
static inline void acoap__list_take(acoap__list_t *from, acoap__list_t *to) {
  if (acoap__list_empty(from)) {
    return;
  }
  to->next = from->next;
  to->prev = from->prev;
  to->next->prev = to;
  to->prev->next = to;
  acoap__list_init(from);
}

#endif
