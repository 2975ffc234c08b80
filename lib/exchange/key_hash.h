/*
 * The hash of (socket, peer, Message ID), by which peers, received messages and messages on their
 * way are found: a keyed one for tables that a peer could fill with collisions, and a plain one for
 * tables of a few entries; and the fingerprint of a message beside the keyed one.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_KEY_HASH_H
#define ACOAP_EXCHANGE_KEY_HASH_H

#include "exchange/peer.h"

/* acoap__engine_config_t.key_hash: config.hash of the peer under the engine's secret key, asked for
 * once a datagram, and the Message ID. */
uint64_t acoap__key_hash(const acoap__engine_t *engine, const acoap__message_key_t *key);
/* The same without a secret (key_hash_small.c): a chain is never longer than its table. */
uint64_t acoap__key_hash_small(const acoap__engine_t *engine, const acoap__message_key_t *key);

/*
 * What a retransmission has in common with its original besides the Message ID: type, code, token,
 * and its length; a short message that claims to be a long one again must not be worth the long
 * one's answer (RFC 9175 section 2.4). The session, too, when there is one.
 */
uint32_t acoap__fingerprint(const acoap__sender_t *sender, const acoap_path_t *path,
                            const acoap_view_t *view);

/* acoap__sender_t.identify: what a message is found by and told apart by, under those two. */
void acoap__identify(const acoap__engine_t *engine, const acoap_path_t *path,
                     const acoap_view_t *view, acoap__identity_t *identity);

#endif
