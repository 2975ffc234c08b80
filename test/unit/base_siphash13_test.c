/*
 * SipHash-1-3: values for the key 00 01 .. 0f and the messages "", 00, 00 01, ... as a second
 * implementation (in Python, with the numbers of rounds as parameters, which gives the published
 * values for 2-4) computes them.
 * SPDX-License-Identifier: MIT
 */
#include <check.h>

#include "base/siphash.h"

#include "support/check_main.h"

typedef struct vector {
  size_t len;
  uint64_t hash;
} vector_t;

static const vector_t vectors[] = {
    {0, 0xabac0158050fc4dcu},  {1, 0xc9f49bf37d57ca93u},  {3, 0x8bf80ab8e7ddf7fbu},
    {4, 0xcf75576088d38328u},  {7, 0xd3927d989bb11140u},  {8, 0x369095118d299a8eu},
    {12, 0x78a384b157b4d9a2u}, {15, 0xd320d86d2a519956u}, {16, 0xcc4fdd1a7d908b66u},
    {28, 0xfb0bed02ef6cd00du},
};

START_TEST(reference_vectors) {
  uint8_t key[16];
  uint8_t message[28];
  for (uint8_t i = 0; i < sizeof(message); i++) {
    key[i % sizeof(key)] = i < sizeof(key) ? i : key[i % sizeof(key)];
    message[i] = i;
  }
  for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
    ck_assert_uint_eq(acoap__siphash13(key, message, vectors[i].len), vectors[i].hash);
  }
}
END_TEST

START_TEST(every_byte_of_message_and_key_counts) {
  uint8_t key[16];
  uint8_t message[64];
  for (size_t i = 0; i < sizeof(key); i++) {
    key[i] = (uint8_t)i;
  }
  for (size_t i = 0; i < sizeof(message); i++) {
    message[i] = (uint8_t)i;
  }
  for (size_t len = 0; len <= sizeof(message); len++) {
    uint64_t hash = acoap__siphash13(key, message, len);
    ck_assert_uint_ne(hash, acoap__siphash(key, message, len));
    for (size_t i = 0; i < len; i++) {
      message[i] ^= 0x80;
      ck_assert_uint_ne(acoap__siphash13(key, message, len), hash);
      message[i] ^= 0x80;
    }
    for (size_t i = 0; i < sizeof(key); i++) {
      key[i] ^= 1;
      ck_assert_uint_ne(acoap__siphash13(key, message, len), hash);
      key[i] ^= 1;
    }
    if (len > 0) {
      ck_assert_uint_ne(acoap__siphash13(key, message, len - 1), hash);
    }
  }
}
END_TEST

static Suite *base_siphash13_suite(void) {
  Suite *suite = suite_create("base_siphash13");
  TCase *siphash = tcase_create("siphash13");
  tcase_add_test(siphash, reference_vectors);
  tcase_add_test(siphash, every_byte_of_message_and_key_counts);
  suite_add_tcase(suite, siphash);
  return suite;
}

ACOAP_TEST_MAIN(base_siphash13_suite)
