/*
 * base/sip_words: the words of a message, hashed to 128 bits.
 * SPDX-License-Identifier: MIT
 */
#include "base/sip_words.h"

#include "support/check_main.h"

typedef struct digest {
  uint64_t low, high;
} digest_t;

static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static digest_t digest_of(const uint8_t *with, const void *bytes, size_t len) {
  acoap__sip_t sip;
  digest_t digest;
  acoap__sip_init(&sip, with);
  acoap__sip_bytes(&sip, bytes, len);
  acoap__sip_end(&sip, &digest.low, &digest.high);
  return digest;
}

/* The rounds as the paper draws them, on words of its own. */
static void paper_round(uint64_t v[4]) {
#define ROTATED(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
  v[0] += v[1];
  v[1] = ROTATED(v[1], 13) ^ v[0];
  v[0] = ROTATED(v[0], 32);
  v[2] += v[3];
  v[3] = ROTATED(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = ROTATED(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = ROTATED(v[1], 17) ^ v[2];
  v[2] = ROTATED(v[2], 32);
#undef ROTATED
}

START_TEST(one_round_a_word_and_three_for_each_half) {
  const uint64_t words[] = {0, 1, UINT64_C(0x0123456789abcdef), UINT64_MAX};
  uint64_t k0;
  uint64_t k1;
  acoap__sip_t sip;
  digest_t digest;
  memcpy(&k0, key, 8);
  memcpy(&k1, key + 8, 8);
  uint64_t v[4] = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
                   k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
  acoap__sip_init(&sip, key);
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    acoap__sip_word(&sip, words[i]);
    v[3] ^= words[i];
    paper_round(v);
    v[0] ^= words[i];
  }
  acoap__sip_end(&sip, &digest.low, &digest.high);
  v[2] ^= 0xee;
  for (int i = 0; i < 3; i++) {
    paper_round(v);
  }
  ck_assert_uint_eq(digest.low, v[0] ^ v[1] ^ v[2] ^ v[3]);
  v[1] ^= 0xdd;
  for (int i = 0; i < 3; i++) {
    paper_round(v);
  }
  ck_assert_uint_eq(digest.high, v[0] ^ v[1] ^ v[2] ^ v[3]);
}
END_TEST

START_TEST(every_bit_changes_both_halves) {
  uint8_t bytes[29] = {0};
  digest_t plain = digest_of(key, bytes, sizeof(bytes));
  for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
    bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    digest_t other = digest_of(key, bytes, sizeof(bytes));
    ck_assert_msg(other.low != plain.low && other.high != plain.high, "bit %zu", bit);
    bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
  }
  for (size_t bit = 0; bit < 128; bit++) {
    uint8_t another[16];
    memcpy(another, key, sizeof(another));
    another[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    digest_t other = digest_of(another, bytes, sizeof(bytes));
    ck_assert_msg(other.low != plain.low && other.high != plain.high, "key bit %zu", bit);
  }
}
END_TEST

START_TEST(no_bytes_are_no_word) {
  digest_t none = digest_of(key, NULL, 0);
  digest_t zero = digest_of(key, "", 1);
  ck_assert_uint_ne(none.low, zero.low);
}
END_TEST

static Suite *base_sip_words_suite(void) {
  Suite *suite = suite_create("base/sip_words");
  TCase *tcase = tcase_create("hash");
  tcase_add_test(tcase, one_round_a_word_and_three_for_each_half);
  tcase_add_test(tcase, every_bit_changes_both_halves);
  tcase_add_test(tcase, no_bytes_are_no_word);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(base_sip_words_suite)
