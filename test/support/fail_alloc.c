/*
 * Counts allocations and lets the n-th fail: fails(k) = k == n, or k >= n when it was armed with
 * fail_alloc_from. Knows nothing of the code under test.
 * SPDX-License-Identifier: MIT
 */
#include "fail_alloc.h"

#include <acoap/alloc.h>

#include <stdatomic.h>
#include <stdlib.h>

static atomic_size_t asked;      /* allocations since it was armed */
static atomic_size_t fail_first; /* the one that fails; 0: none */
static atomic_bool fail_rest;    /* and all behind it */
static atomic_bool happened;     /* one failed */
static atomic_size_t live;       /* blocks held */

static bool refuse(void) {
  size_t number = atomic_fetch_add(&asked, 1) + 1;
  size_t first = atomic_load(&fail_first);
  if (first == 0 || number < first || (number > first && !atomic_load(&fail_rest))) {
    return false;
  }
  atomic_store(&happened, true);
  return true;
}

static void *counted_malloc(size_t size, void *user_data) {
  (void)user_data;
  void *p = refuse() ? NULL : malloc(size);
  if (p != NULL) {
    atomic_fetch_add(&live, 1);
  }
  return p;
}

static void *counted_realloc(void *old, size_t size, void *user_data) {
  (void)user_data;
  void *p = refuse() ? NULL : realloc(old, size);
  if (p != NULL && old == NULL) {
    atomic_fetch_add(&live, 1);
  }
  return p;
}

static void counted_free(void *p, void *user_data) {
  (void)user_data;
  if (p != NULL) {
    atomic_fetch_sub(&live, 1);
  }
  free(p);
}

static void arm(size_t n, bool rest) {
  atomic_store(&asked, 0);
  if (n != 0) {
    atomic_store(&happened, false); /* disarming keeps the answer for fail_alloc_again */
  }
  atomic_store(&fail_rest, rest);
  atomic_store(&fail_first, n);
}

void fail_alloc_install(void) {
  static const acoap_allocator_t counting = {
      .size = sizeof(acoap_allocator_t),
      .malloc = counted_malloc,
      .realloc = counted_realloc,
      .free = counted_free,
  };
  atomic_store(&live, 0);
  arm(0, false);
  if (acoap_set_allocator(&counting) != 0) {
    abort();
  }
}

void fail_alloc_at(size_t n) {
  arm(n, false);
}

void fail_alloc_from(size_t n) {
  arm(n, true);
}

size_t fail_alloc_count(void) {
  return atomic_load(&asked);
}

bool fail_alloc_happened(void) {
  return atomic_load(&happened);
}

size_t fail_alloc_live(void) {
  return atomic_load(&live);
}

bool fail_alloc_again(size_t n) {
  return n == 1 || atomic_load(&happened);
}

void fail_alloc_restore(void) {
  arm(0, false);
  if (acoap_set_allocator(NULL) != 0) {
    abort();
  }
}
