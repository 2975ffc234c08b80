/*
 * The keyed hash of (socket, peer, Message ID) and the fingerprint, see key_hash.h. The peer's part
 * is kept until another peer's is asked for: a datagram needs it several times. It stands in a
 * table's index, where collisions that are found add up; hence a hash that is strong (config.hash).
 * A fingerprint is compared with one other, and tells nobody more than whether they are equal, so
 * one that is universal is enough (Dietzfelbinger, "Universal hashing and k-wise independent random
 * variables via integer arithmetic without primes", 1996):
 *     f(x) = ((k0 + x0) (k1 + x1) + (k2 + x2) (k3 + x3) + ... mod 2^64) / 2^32
 * Two messages meet with a probability of 2^-32, whatever they are.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/key_hash.h"

#include <string.h>

#include "base/address.h"
#include "base/siphash.h"

/* IPv4 fills one word. */
static uint64_t hash_peer(const acoap__engine_t *engine, const acoap__message_key_t *key) {
  const acoap_address_t *peer = &key->peer;
  uint64_t words[4] = {(uint64_t)key->socket << 48 | (uint64_t)peer->port << 32};
  uint32_t ip4;

  if (peer->family == ACOAP_FAMILY_IPV4) {
    memcpy(&ip4, peer->ip, sizeof(ip4));
    words[0] |= ip4;
    return engine->config.hash(engine->hash_key, words, sizeof(words[0]));
  }
  words[0] |= peer->scope_id;
  words[1] = peer->family;
  memcpy(&words[2], peer->ip, sizeof(peer->ip));
  return engine->config.hash(engine->hash_key, words, sizeof(words));
}

/*
 * The peer's hash is secret, so what is made of it and a Message ID by a permutation is as little
 * to be foreseen; and one peer's Message IDs never meet in all 64 bits.
 */
uint64_t acoap__key_hash(const acoap__engine_t *engine, const acoap__message_key_t *key) {
  acoap__sender_t *sender = engine->sender;

  if (!sender->known || sender->socket != key->socket ||
      !acoap__address_same(&sender->peer, &key->peer)) {
    sender->peer = key->peer;
    sender->socket = key->socket;
    sender->known = true;
    sender->hash = hash_peer(engine, key);
  }
  uint64_t hash = sender->hash;
  hash += (uint64_t)key->message_id * 0x9e3779b97f4a7c15u;
  hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
  return hash ^ hash >> 32;
}

/* At most 8 bytes in two words: with their number, which is hashed as well, these say all of them.
 */
static void token_words(acoap_bytes_t token, uint32_t words[2]) {
  if (token.len >= 4) {
    memcpy(&words[0], token.data, 4);
    memcpy(&words[1], token.data + token.len - 4, 4);
    return;
  }
  words[0] = 0;
  words[1] = 0;
  for (size_t i = 0; i < token.len; i++) {
    words[0] = words[0] << 8 | token.data[i];
  }
}

uint32_t acoap__fingerprint(const acoap__sender_t *sender, const acoap_path_t *path,
                            const acoap_view_t *view) {
  const uint64_t *keys = sender->fingerprint_keys;
  size_t len = view->options.len + view->payload.len;
  uint32_t head = (uint32_t)view->type << 28 | (uint32_t)view->code << 16 | (len & 0xffff);
  uint32_t token[2];

  if (view->token.len <= ACOAP_TOKEN_MAX) {
    head |= (uint32_t)view->token.len << 24;
    token_words(view->token, token);
  } else { /* RFC 8974 */
    uint64_t hash = acoap__siphash13((const uint8_t *)&keys[6], view->token.data, view->token.len);
    head |= UINT32_C(15) << 24;
    memcpy(token, &hash, sizeof(token));
  }
  uint64_t sum = (keys[0] + head) * (keys[1] + token[0]);
  sum += (keys[2] + token[1]) * (keys[3] + (uint32_t)path->session);
  sum += (keys[4] + (path->session >> 32)) * keys[5];
  return (uint32_t)(sum >> 32);
}

void acoap__identify(const acoap__engine_t *engine, const acoap_path_t *path,
                     const acoap_view_t *view, acoap__identity_t *identity) {
  acoap__message_key(&identity->key, path, view->message_id);
  identity->hash = acoap__key_hash(engine, &identity->key);
  identity->fingerprint = acoap__fingerprint(engine->sender, path, view);
}
