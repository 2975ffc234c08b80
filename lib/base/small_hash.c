/*
 * FNV-1a (Fowler, Noll and Vo) over the key and then the bytes, and a last mixing so that high bits
 * reach the low ones. It withstands no attack: a chain is never longer than its table, which for a
 * device has a few entries. Larger tables take SipHash.
 * SPDX-License-Identifier: MIT
 */
#include "base/small_hash.h"

static uint32_t absorb(uint32_t hash, const uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    hash = (hash ^ bytes[i]) * 16777619u;
  }
  return hash;
}

uint64_t acoap__small_hash(const uint8_t key[16], const void *bytes, size_t len) {
  uint32_t hash = absorb(absorb(2166136261u, key, 16), bytes, len);

  return hash ^ hash >> 15;
}
