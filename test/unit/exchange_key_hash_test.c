/*
 * exchange/key_hash: the fingerprint that tells a retransmission from another message of the same
 * peer and Message ID (RFC 7252 section 4.5), and which parts of a peer its hash is made of.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/key_hash.h"

#include <string.h>

#include "base/siphash.h"
#include "support/check_main.h"

#define MESSAGES 13

static const uint8_t long_token[] = "a token of RFC 8974, as long as it needs";
static const uint8_t other_token[] = "a token of RFC 8974, as long as it feeds";

static acoap__sender_t keyed(void) {
  acoap__sender_t sender = {.known = false};
  for (size_t i = 0; i < 8; i++) {
    sender.fingerprint_keys[i] = UINT64_C(0x9e3779b97f4a7c15) * (i + 3);
  }
  return sender;
}

/* The n-th of MESSAGES that have nothing to do with each other but peer and Message ID. */
static uint32_t print_of(const acoap__sender_t *sender, unsigned n) {
  static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
  acoap_view_t view = {
      .type = ACOAP_CON, .code = ACOAP_CODE_GET, .token = {bytes, 4}, .options = {bytes, 3}};
  acoap_path_t path;
  memset(&path, 0, sizeof(path));
  switch (n) {
  case 1:
    view.type = ACOAP_NON;
    break;
  case 2:
    view.code = ACOAP_CODE_PUT;
    break;
  case 3:
    view.token.len = 3;
    break;
  case 4:
    view.token.len = 0;
    break;
  case 5:
    view.token.len = 8;
    break;
  case 6:
    view.token.data = bytes + 1;
    break;
  case 7:
    view.options.len = 4;
    break;
  case 8:
    path.session = 1;
    break;
  case 9:
    path.session = UINT64_C(1) << 32;
    break;
  case 10:
    view.token = (acoap_bytes_t){long_token, sizeof(long_token)};
    break;
  case 11:
    view.token = (acoap_bytes_t){other_token, sizeof(other_token)};
    break;
  case 12:
    view.token = (acoap_bytes_t){bytes + 1, 3};
    break;
  default:
    break;
  }
  return acoap__fingerprint(sender, &path, &view);
}

START_TEST(what_is_another_message_has_another_fingerprint) {
  acoap__sender_t sender = keyed();
  for (unsigned a = 0; a < MESSAGES; a++) {
    ck_assert_uint_eq(print_of(&sender, a), print_of(&sender, a));
    for (unsigned b = 0; b < a; b++) {
      ck_assert_uint_ne(print_of(&sender, a), print_of(&sender, b));
    }
  }
}
END_TEST

START_TEST(an_option_moved_into_the_payload_makes_no_other_length) {
  acoap__sender_t sender = keyed();
  static const uint8_t bytes[4] = {0};
  acoap_path_t path;
  memset(&path, 0, sizeof(path));
  acoap_view_t view = {.code = ACOAP_CODE_GET, .options = {bytes, 4}};
  uint32_t print = acoap__fingerprint(&sender, &path, &view);
  view.options.len = 2;
  view.payload = (acoap_bytes_t){bytes, 2};
  ck_assert_uint_eq(acoap__fingerprint(&sender, &path, &view), print);
}
END_TEST

/* Chosen without the keys, as many meet as chance lets: of 65,536 pairs in 2^32 hardly one. */
START_TEST(fingerprints_do_not_meet_in_a_pattern) {
  acoap__sender_t sender = keyed();
  acoap_path_t path;
  unsigned met = 0;
  memset(&path, 0, sizeof(path));
  for (uint32_t i = 1; i <= 65536; i++) {
    uint32_t words[2] = {i, i << 16};
    acoap_view_t view = {.code = ACOAP_CODE_GET, .token = {(const uint8_t *)words, 8}};
    uint32_t print = acoap__fingerprint(&sender, &path, &view);
    words[0] = ~i;
    met += acoap__fingerprint(&sender, &path, &view) == print ? 1 : 0;
  }
  ck_assert_uint_le(met, 1);
}
END_TEST

static uint64_t hash_of(const acoap__engine_t *engine, unsigned n) {
  acoap__message_key_t key = {
      .peer = {.family = ACOAP_FAMILY_IPV6, .port = 5683, .ip = {0x20, 1, 13, 184}}};
  switch (n) {
  case 1:
    key.peer.family = ACOAP_FAMILY_OTHER;
    break;
  case 2:
    key.peer.port = 5684;
    break;
  case 3:
    key.peer.scope_id = 3;
    break;
  case 4:
    key.peer.ip[15] = 1;
    break;
  case 5:
    key.socket = 1;
    break;
  case 6:
    key.message_id = 1;
    break;
  case 7:
    key.peer.family = ACOAP_FAMILY_IPV4;
    break;
  case 8:
    key.peer.family = ACOAP_FAMILY_IPV4;
    key.peer.ip[3] = 1;
    break;
  case 9:
    key.peer.family = ACOAP_FAMILY_IPV4;
    key.socket = 1;
    break;
  default:
    break;
  }
  return acoap__key_hash(engine, &key);
}

START_TEST(every_part_of_a_peer_counts_and_the_last_one_asked_for_does_not) {
  acoap__sender_t sender = keyed();
  acoap__engine_t engine = {.config.hash = acoap__siphash13, .sender = &sender};
  uint64_t hashes[10];
  for (unsigned a = 0; a < 10; a++) {
    hashes[a] = hash_of(&engine, a);
    for (unsigned b = 0; b < a; b++) {
      ck_assert_uint_ne(hashes[a], hashes[b]);
    }
  }
  for (unsigned a = 10; a-- > 0;) {
    ck_assert_uint_eq(hash_of(&engine, a), hashes[a]);
  }
}
END_TEST

START_TEST(a_message_is_found_by_its_key_and_told_apart_by_its_fingerprint) {
  acoap__sender_t sender = keyed();
  acoap__engine_t engine = {.config.hash = acoap__siphash13, .sender = &sender};
  const acoap_view_t view = {.code = ACOAP_CODE_GET, .message_id = 0x1234};
  acoap_path_t path;
  acoap__message_key_t key;
  acoap__identity_t identity;
  memset(&path, 0, sizeof(path));
  path.socket = 2;
  path.peer.family = ACOAP_FAMILY_IPV4;
  path.peer.ip[3] = 7;
  acoap__message_key(&key, &path, view.message_id);
  acoap__identify(&engine, &path, &view, &identity);
  ck_assert_mem_eq(&identity.key, &key, sizeof(key));
  ck_assert_uint_eq(identity.hash, acoap__key_hash(&engine, &key));
  ck_assert_uint_eq(identity.fingerprint, acoap__fingerprint(&sender, &path, &view));
}
END_TEST

static Suite *exchange_key_hash_suite(void) {
  Suite *suite = suite_create("exchange_key_hash");
  TCase *fingerprint = tcase_create("fingerprint");
  tcase_add_test(fingerprint, what_is_another_message_has_another_fingerprint);
  tcase_add_test(fingerprint, an_option_moved_into_the_payload_makes_no_other_length);
  tcase_add_test(fingerprint, fingerprints_do_not_meet_in_a_pattern);
  suite_add_tcase(suite, fingerprint);
  TCase *peer = tcase_create("peer");
  tcase_add_test(peer, every_part_of_a_peer_counts_and_the_last_one_asked_for_does_not);
  tcase_add_test(peer, a_message_is_found_by_its_key_and_told_apart_by_its_fingerprint);
  suite_add_tcase(suite, peer);
  return suite;
}

ACOAP_TEST_MAIN(exchange_key_hash_suite)
