/*
 * The allocator hook of <acoap/alloc.h> and the allocator as the host rooms see it. Holds the
 * library's only mutable global.
 *   acoap__calloc(n, s) = malloc(n * s) zeroed, or NULL when n * s overflows
 * Counts nothing, limits nothing, and takes no lock: the hook is installed before the first other
 * call.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/alloc.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void *system_malloc(size_t size, void *user_data) {
  (void)user_data;
  return malloc(size);
}

static void *system_realloc(void *p, size_t size, void *user_data) {
  (void)user_data;
  return realloc(p, size);
}

static void system_free(void *p, void *user_data) {
  (void)user_data;
  free(p);
}

#define SYSTEM_ALLOCATOR                                                                           \
  { sizeof(acoap_allocator_t), system_malloc, system_realloc, system_free, NULL }

static const acoap_allocator_t system_allocator = SYSTEM_ALLOCATOR;
static acoap_allocator_t allocator = SYSTEM_ALLOCATOR;

int acoap_set_allocator(const acoap_allocator_t *wanted) {
  if (wanted == NULL) {
    allocator = system_allocator;
    return 0;
  }
  if (wanted->size < sizeof(acoap_allocator_t) || wanted->malloc == NULL ||
      wanted->realloc == NULL || wanted->free == NULL) {
    return ACOAP_EINVAL;
  }
  allocator = *wanted;
  allocator.size = sizeof(acoap_allocator_t);
  return 0;
}

void *acoap__malloc(size_t size) {
  /* malloc(0) may answer NULL, which would read as "no memory". */
  return allocator.malloc(size != 0 ? size : 1, allocator.user_data);
}

void *acoap__calloc(size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) {
    return NULL;
  }
  void *p = acoap__malloc(count * size);
  if (p != NULL) {
    memset(p, 0, count * size);
  }
  return p;
}

void *acoap__realloc(void *p, size_t size) {
  return allocator.realloc(p, size != 0 ? size : 1, allocator.user_data);
}

void acoap__free(void *p) {
  allocator.free(p, allocator.user_data);
}
