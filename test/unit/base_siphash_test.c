/*
 * base/siphash: the reference vectors of SipHash-2-4-64 (key 00 01 .. 0f, message 00 01 .. of every
 * length from 0).
 * SPDX-License-Identifier: MIT
 */
#include "base/siphash.h"

#include <string.h>

#include "support/check_main.h"

static const uint64_t vectors[] = {
    0x726fdb47dd0e0e31u, 0x74f839c593dc67fdu, 0x0d6c8009d9a94f5au, 0x85676696d7fb7e2du,
    0xcf2794e0277187b7u, 0x18765564cd99a68du, 0xcbc9466e58fee3ceu, 0xab0200f58b01d137u,
    0x93f5f5799a932462u, 0x9e0082df0ba9e4b0u, 0x7a5dbbc594ddb9f3u, 0xf4b32f46226bada7u,
    0x751e8fbc860ee5fbu, 0x14ea5627c0843d90u, 0xf723ca908e7af2eeu, 0xa129ca6149be45e5u,
};

START_TEST(reference_vectors) {
  uint8_t key[16];
  uint8_t message[16];
  for (uint8_t i = 0; i < 16; i++) {
    key[i] = i;
    message[i] = i;
  }
  for (size_t len = 0; len < sizeof(vectors) / sizeof(vectors[0]); len++) {
    ck_assert_uint_eq(acoap__siphash(key, message, len), vectors[len]);
  }
}
END_TEST

START_TEST(long_messages_and_any_alignment) {
  uint8_t key[16] = {0};
  uint8_t bytes[300];
  memset(bytes, 7, sizeof(bytes));
  uint64_t first = acoap__siphash(key, bytes, 256);
  for (size_t shift = 1; shift < 8; shift++) {
    ck_assert_uint_eq(acoap__siphash(key, bytes + shift, 256), first);
  }
  /* Lengths equal modulo 256 differ in the words, lengths apart by one in the last byte. */
  ck_assert_uint_ne(acoap__siphash(key, bytes, 0), first);
  ck_assert_uint_ne(acoap__siphash(key, bytes, 257), first);
}
END_TEST

START_TEST(every_key_bit_counts) {
  uint8_t key[16] = {0};
  uint64_t first = acoap__siphash(key, "key", 3);
  for (unsigned bit = 0; bit < 128; bit++) {
    uint8_t other[16] = {0};
    other[bit / 8] = (uint8_t)(1u << bit % 8);
    ck_assert_uint_ne(acoap__siphash(other, "key", 3), first);
  }
}
END_TEST

static Suite *base_siphash_suite(void) {
  Suite *suite = suite_create("base_siphash");
  TCase *siphash = tcase_create("siphash");
  tcase_add_test(siphash, reference_vectors);
  tcase_add_test(siphash, long_messages_and_any_alignment);
  tcase_add_test(siphash, every_key_bit_counts);
  suite_add_tcase(suite, siphash);
  return suite;
}

ACOAP_TEST_MAIN(base_siphash_suite)
