/*
 * What comes in, sorted by type: CON, NON, ACK, RST.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_MESSAGE_LAYER_H
#define ACOAP_EXCHANGE_MESSAGE_LAYER_H

#include "exchange/engine.h"

/* A datagram that could not be decoded: `view` tells type and Message ID where `error` is not
 * ACOAP_EVERSION and there were four bytes. */
void acoap__message_layer_malformed(acoap__engine_t *engine, const acoap_path_t *path,
                                    const acoap_view_t *view, size_t len, int error);
/* A decoded message. */
void acoap__message_layer_receive(acoap__engine_t *engine, acoap_time_t now,
                                  const acoap_path_t *path, const acoap_view_t *view);

/*
 * Look a CON or NON up in the log and note it there. True: it is to be handed up, and *entry is its
 * entry. False: it was a duplicate and has been dealt with.
 */
struct acoap__dedup_entry;
bool acoap__message_layer_is_new(acoap__engine_t *engine, acoap_time_t now,
                                 const acoap_path_t *path, const acoap_view_t *view,
                                 struct acoap__dedup_entry **entry);
/* A response in a CON or NON that nobody waits for: RST where one is due. */
void acoap__message_layer_unwanted(acoap__engine_t *engine, const acoap_path_t *path,
                                   const acoap_view_t *view);

#endif
