/*
 * The keyed hash of (socket, peer, Message ID), see key_hash.h. The peer's part is kept until
 * another peer's is asked for: a datagram needs it several times.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/key_hash.h"

#include <string.h>

static bool is_sender(const acoap__sender_t *sender, const acoap__message_key_t *key) {
  return sender->known && sender->socket == key->socket &&
         memcmp(&sender->peer, &key->peer, sizeof(key->peer)) == 0;
}

static uint64_t hash_peer(const acoap__engine_t *engine, const acoap__message_key_t *key) {
  acoap__message_key_t peer = *key;

  peer.message_id = 0;
  return engine->config.hash(engine->hash_key, &peer, sizeof(peer));
}

/*
 * The peer's hash is secret, so what is made of it and a Message ID by a permutation is as little
 * to be foreseen; and one peer's Message IDs never meet in all 64 bits.
 */
uint64_t acoap__key_hash(const acoap__engine_t *engine, const acoap__message_key_t *key) {
  acoap__sender_t *sender = engine->sender;

  if (!is_sender(sender, key)) {
    *sender = (acoap__sender_t){
        .peer = key->peer, .socket = key->socket, .known = true, .hash = hash_peer(engine, key)};
  }
  uint64_t hash = sender->hash;
  hash += (uint64_t)key->message_id * 0x9e3779b97f4a7c15u;
  hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
  return hash ^ hash >> 32;
}
