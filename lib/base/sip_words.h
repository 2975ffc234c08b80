/*
 * SipHash-1-3 over words as they come, with 128-bit output: for keys by which things are known,
 * made of many small parts, that nobody sees and no peer can choose to collide. The rule is that of
 * siphash13.c; the length of all is not part of it, so what is hashed has to say its own lengths.
 * Reference: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_SIP_WORDS_H
#define ACOAP_BASE_SIP_WORDS_H

#include <acoap/types.h>

#include <string.h>

typedef struct acoap__sip {
  uint64_t v0, v1, v2, v3;
} acoap__sip_t;

static inline uint64_t acoap__sip_rotate(uint64_t word, unsigned bits) {
  return (word << bits) | (word >> (64 - bits));
}

static inline void acoap__sip_round(acoap__sip_t *s) {
  s->v0 += s->v1;
  s->v2 += s->v3;
  s->v1 = acoap__sip_rotate(s->v1, 13) ^ s->v0;
  s->v3 = acoap__sip_rotate(s->v3, 16) ^ s->v2;
  s->v0 = acoap__sip_rotate(s->v0, 32);
  s->v2 += s->v1;
  s->v0 += s->v3;
  s->v1 = acoap__sip_rotate(s->v1, 17) ^ s->v2;
  s->v3 = acoap__sip_rotate(s->v3, 21) ^ s->v0;
  s->v2 = acoap__sip_rotate(s->v2, 32);
}

static inline void acoap__sip_init(acoap__sip_t *s, const uint8_t key[16]) {
  uint64_t k[2];
  memcpy(k, key, sizeof(k));
  s->v0 = k[0] ^ UINT64_C(0x736f6d6570736575);
  s->v1 = k[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;
  s->v2 = k[0] ^ UINT64_C(0x6c7967656e657261);
  s->v3 = k[1] ^ UINT64_C(0x7465646279746573);
}

static inline void acoap__sip_word(acoap__sip_t *s, uint64_t word) {
  s->v3 ^= word;
  acoap__sip_round(s);
  s->v0 ^= word;
}

/* Bytes of a length that was hashed before; the last word is filled up with zeros. */
static inline void acoap__sip_bytes(acoap__sip_t *s, const uint8_t *bytes, size_t len) {
  uint64_t word;
  for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
    memcpy(&word, bytes, sizeof(word));
    acoap__sip_word(s, word);
  }
  if (len > 0) {
    word = 0;
    for (size_t i = 0; i < len; i++) {
      word = word << 8 | bytes[i];
    }
    acoap__sip_word(s, word);
  }
}

/* Both halves; the state is used up. */
static inline void acoap__sip_end(acoap__sip_t *s, uint64_t *low, uint64_t *high) {
  s->v2 ^= 0xee;
  acoap__sip_round(s);
  acoap__sip_round(s);
  acoap__sip_round(s);
  *low = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
  s->v1 ^= 0xdd;
  acoap__sip_round(s);
  acoap__sip_round(s);
  acoap__sip_round(s);
  *high = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
