/*
 * Reference-counted buffers of one size for datagrams that come in.
 *   buffers in memory = held by users + kept, kept <= kept_max
 * Header and bytes are one allocation. Not atomic: a pool belongs to its loop's thread.
 * SPDX-License-Identifier: MIT
 */
#include "transport/buffer_pool.h"

#include "base/mem.h"

typedef struct pooled {
  acoap_buffer_t buffer; /* first: what users hold */
  struct pooled *next;   /* while kept */
} pooled_t;

struct acoap__buffer_pool {
  pooled_t *kept;      /* unused, waiting */
  size_t kept_count;   /* how many */
  size_t kept_max;     /* at most */
  size_t held;         /* in users' hands */
  size_t buffer_bytes; /* size of each */
  bool closed;         /* its owner is gone */
};

acoap__buffer_pool_t *acoap__buffer_pool_new(size_t buffer_bytes, size_t kept_max) {
  if (buffer_bytes > SIZE_MAX - sizeof(pooled_t)) {
    return NULL;
  }
  acoap__buffer_pool_t *pool = acoap__calloc(1, sizeof(*pool));
  if (pool != NULL) {
    pool->buffer_bytes = buffer_bytes;
    pool->kept_max = kept_max;
  }
  return pool;
}

static void come_back(acoap_buffer_t *buffer) {
  pooled_t *pooled = (pooled_t *)(void *)buffer;
  acoap__buffer_pool_t *pool = buffer->owner;
  pool->held--;
  if (!pool->closed && pool->kept_count < pool->kept_max) {
    pooled->next = pool->kept;
    pool->kept = pooled;
    pool->kept_count++;
    return;
  }
  acoap__free(pooled);
  if (pool->closed && pool->held == 0) {
    acoap__free(pool);
  }
}

acoap_buffer_t *acoap__buffer_pool_take(acoap__buffer_pool_t *pool) {
  pooled_t *pooled = pool->kept;
  if (pooled != NULL) {
    pool->kept = pooled->next;
    pool->kept_count--;
  } else {
    pooled = acoap__malloc(sizeof(*pooled) + pool->buffer_bytes);
    if (pooled == NULL) {
      return NULL;
    }
  }
  pool->held++;
  pooled->next = NULL;
  pooled->buffer = (acoap_buffer_t){.bytes = (uint8_t *)(pooled + 1),
                                    .cap = pool->buffer_bytes,
                                    .refs = 1,
                                    .release = come_back,
                                    .owner = pool};
  return &pooled->buffer;
}

void acoap__buffer_pool_close(acoap__buffer_pool_t *pool) {
  if (pool == NULL) {
    return;
  }
  while (pool->kept != NULL) {
    pooled_t *pooled = pool->kept;
    pool->kept = pooled->next;
    acoap__free(pooled);
  }
  pool->kept_count = 0;
  pool->closed = true;
  if (pool->held == 0) {
    acoap__free(pool);
  }
}
