/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) with 64-bit output.
 * The rule: two rounds a word of eight bytes, little endian, the last one filled up with the length
 * modulo 256; four rounds at the end. Makes no keys.
 * SPDX-License-Identifier: MIT
 */
#include "base/siphash.h"

typedef struct state {
  uint64_t v0;
  uint64_t v1;
  uint64_t v2;
  uint64_t v3;
} state_t;

static uint64_t rotate_left(uint64_t word, unsigned bits) {
  return (word << bits) | (word >> (64 - bits));
}

static uint64_t word_at(const uint8_t *bytes) {
  return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 |
         (uint64_t)bytes[3] << 24 | (uint64_t)bytes[4] << 32 | (uint64_t)bytes[5] << 40 |
         (uint64_t)bytes[6] << 48 | (uint64_t)bytes[7] << 56;
}

static void sip_round(state_t *s) {
  s->v0 += s->v1;
  s->v2 += s->v3;
  s->v1 = rotate_left(s->v1, 13) ^ s->v0;
  s->v3 = rotate_left(s->v3, 16) ^ s->v2;
  s->v0 = rotate_left(s->v0, 32);
  s->v2 += s->v1;
  s->v0 += s->v3;
  s->v1 = rotate_left(s->v1, 17) ^ s->v2;
  s->v3 = rotate_left(s->v3, 21) ^ s->v0;
  s->v2 = rotate_left(s->v2, 32);
}

static void absorb(state_t *s, uint64_t word) {
  s->v3 ^= word;
  sip_round(s);
  sip_round(s);
  s->v0 ^= word;
}

uint64_t acoap__siphash(const uint8_t key[16], const void *bytes, size_t len) {
  uint64_t k0 = word_at(key);
  uint64_t k1 = word_at(key + 8);
  state_t s = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
               k1 ^ 0x7465646279746573u};
  const uint8_t *at = bytes;
  uint64_t last = (uint64_t)(len & 0xff) << 56;

  for (; len >= 8; len -= 8, at += 8) {
    absorb(&s, word_at(at));
  }
  for (size_t i = 0; i < len; i++) {
    last |= (uint64_t)at[i] << (8 * i);
  }
  absorb(&s, last);
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; i++) {
    sip_round(&s);
  }
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
