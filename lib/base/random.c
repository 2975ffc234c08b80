/*
 * Random numbers drawn from the host's entropy source through a small pool, and SplitMix64 (Steele,
 * Lea and Flood, 2014) as a source for simulations. The rule: no byte of the pool is given out
 * twice, and it is wiped when it is given out, so that a later look at the memory does not tell a
 * token that is already on its way. Judges no source's quality.
 * SPDX-License-Identifier: MIT
 */
#include "base/random.h"

#include <string.h>

void acoap__random_init(acoap__random_t *random, acoap__entropy_cb entropy, void *user_data) {
  random->entropy = entropy;
  random->user_data = user_data;
  memset(random->pool, 0, sizeof(random->pool));
  random->used = sizeof(random->pool);
}

void acoap__random_bytes(acoap__random_t *random, void *bytes, size_t len) {
  uint8_t *to = bytes;

  if (len >= sizeof(random->pool)) {
    random->entropy(random->user_data, to, len);
    return;
  }
  for (; len > 0; len--) {
    if (random->used == sizeof(random->pool)) {
      random->entropy(random->user_data, random->pool, sizeof(random->pool));
      random->used = 0;
    }
    *to++ = random->pool[random->used];
    random->pool[random->used++] = 0;
  }
}

uint32_t acoap__random_u32(acoap__random_t *random) {
  uint8_t b[4];

  acoap__random_bytes(random, b, sizeof(b));
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint32_t acoap__random_between(acoap__random_t *random, uint32_t least, uint32_t most) {
  uint32_t count = most - least + 1; /* 0 stands for all 2^32 numbers */
  uint32_t number;

  if (least >= most) {
    return least;
  }
  if (count == 0) {
    return acoap__random_u32(random);
  }
  /* The first 2^32 mod count numbers are left out, which makes the others a whole multiple of
   * count. */
  uint32_t first = (0u - count) % count;
  do {
    number = acoap__random_u32(random);
  } while (number < first);
  return least + number % count;
}

void acoap__seeded_fill(void *seeded, uint8_t *bytes, size_t len) {
  acoap__seeded_t *source = seeded;

  while (len > 0) {
    source->state += 0x9e3779b97f4a7c15u;
    uint64_t word = source->state;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    word ^= word >> 31;
    size_t some = len < 8 ? len : 8;
    for (size_t i = 0; i < some; i++) {
      bytes[i] = (uint8_t)(word >> (8 * i));
    }
    bytes += some;
    len -= some;
  }
}
