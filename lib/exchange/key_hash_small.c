/*
 * The plain hash of (socket, peer, Message ID), see key_hash.h: one peer's messages differ by their
 * Message ID, peers mostly by their port or the end of their address.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/key_hash.h"

uint64_t acoap__key_hash_small(const acoap__engine_t *engine, const acoap__message_key_t *key) {
  (void)engine;
  return (uint32_t)(key->message_id ^ key->peer.port ^ key->peer.ip[3] ^ key->peer.ip[15]);
}
