/*
 * Random numbers from an entropy source that the host installs, taken in batches so that a number
 * seldom costs a system call.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_RANDOM_H
#define ACOAP_BASE_RANDOM_H

#include <acoap/types.h>

/*
 * Fills `len` bytes with unpredictable data; must not fail (a host that cannot, aborts when it
 * installs the source).
 */
typedef void (*acoap__entropy_cb)(void *user_data, uint8_t *bytes, size_t len);

typedef struct acoap__random {
  acoap__entropy_cb entropy; /* source */
  void *user_data;           /* handed to it */
  uint8_t pool[16];          /* drawn ahead; used bytes are wiped */
  size_t used;               /* bytes of the pool already given out */
} acoap__random_t;

void acoap__random_init(acoap__random_t *random, acoap__entropy_cb entropy, void *user_data);
void acoap__random_bytes(acoap__random_t *random, void *bytes, size_t len);
uint32_t acoap__random_u32(acoap__random_t *random);
/* Uniform in [least, most], both included; no modulo bias. */
uint32_t acoap__random_between(acoap__random_t *random, uint32_t least, uint32_t most);

/*
 * A deterministic source for simulations and tests (SplitMix64 behind the entropy interface): same
 * seed, same bytes.
 */
typedef struct acoap__seeded {
  uint64_t state;
} acoap__seeded_t;
void acoap__seeded_fill(void *seeded, uint8_t *bytes, size_t len);

#endif
