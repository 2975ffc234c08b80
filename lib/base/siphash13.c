/*
 * SipHash-1-3 (Aumasson and Bernstein, 2012; the variant with one round a word and three at the
 * end) with 64-bit output. The rule is that of SipHash-2-4 in siphash.c with fewer rounds: enough
 * where nobody sees the output, which is what a table's index is; what leaves the machine (Echo,
 * tokens) takes siphash.c. Makes no keys.
 * SPDX-License-Identifier: MIT
 */
#include "base/siphash.h"

typedef struct state {
  uint64_t v0;
  uint64_t v1;
  uint64_t v2;
  uint64_t v3;
} state_t;

static inline uint64_t rotate_left(uint64_t word, unsigned bits) {
  return (word << bits) | (word >> (64 - bits));
}

static inline uint64_t word_at(const uint8_t *bytes) {
  return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 |
         (uint64_t)bytes[3] << 24 | (uint64_t)bytes[4] << 32 | (uint64_t)bytes[5] << 40 |
         (uint64_t)bytes[6] << 48 | (uint64_t)bytes[7] << 56;
}

static inline state_t sip_round(state_t s) {
  s.v0 += s.v1;
  s.v2 += s.v3;
  s.v1 = rotate_left(s.v1, 13) ^ s.v0;
  s.v3 = rotate_left(s.v3, 16) ^ s.v2;
  s.v0 = rotate_left(s.v0, 32);
  s.v2 += s.v1;
  s.v0 += s.v3;
  s.v1 = rotate_left(s.v1, 17) ^ s.v2;
  s.v3 = rotate_left(s.v3, 21) ^ s.v0;
  s.v2 = rotate_left(s.v2, 32);
  return s;
}

static inline state_t absorb(state_t s, uint64_t word) {
  s.v3 ^= word;
  s = sip_round(s);
  s.v0 ^= word;
  return s;
}

uint64_t acoap__siphash13(const uint8_t key[16], const void *bytes, size_t len) {
  uint64_t k0 = word_at(key);
  uint64_t k1 = word_at(key + 8);
  state_t s = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
               k1 ^ 0x7465646279746573u};
  const uint8_t *at = bytes;
  uint64_t last = (uint64_t)(len & 0xff) << 56;

  for (; len >= 8; len -= 8, at += 8) {
    s = absorb(s, word_at(at));
  }
  if (len >= 4) {
    last |= (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24;
  }
  for (size_t i = len & 4u; i < len; i++) {
    last |= (uint64_t)at[i] << (8 * i);
  }
  s = absorb(s, last);
  s.v2 ^= 0xff;
  s = sip_round(sip_round(sip_round(s)));
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
