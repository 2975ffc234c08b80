/*
 * What the files of the engine ask of its middle, engine.c: the way out, the timers, and the duty
 * at the end of every call from outside.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_INTERNAL_H
#define ACOAP_EXCHANGE_INTERNAL_H

#include "exchange/engine.h"

/* Hand a datagram to the socket and count it. Anything may have been called from inside when it
 * returns. */
int acoap__engine_transmit(acoap__engine_t *engine, const acoap_path_t *path, const uint8_t *bytes,
                           size_t len);
/* The same for an ACK or RST without content, back to where a message came from. A refusal counts
 * as a loss. */
void acoap__engine_transmit_empty(acoap__engine_t *engine, const acoap_path_t *received,
                                  acoap_type_t type, uint16_t message_id);
/* The way back to where a datagram came from: from the address it was sent to, unless that is a
 * group. */
acoap_path_t acoap__path_back(const acoap_path_t *received);
/* Send that way. `received` is lent until this returns, whatever the socket does meanwhile. */
int acoap__engine_transmit_back(acoap__engine_t *engine, const acoap_path_t *received,
                                const uint8_t *bytes, size_t len);

/* Set a timer and remember when it has become the earliest. */
void acoap__engine_set_timer(acoap__engine_t *engine, acoap__timer_t *timer, acoap_time_t at);
/* The last thing that a function called from outside does: say that the next wake-up became
 * earlier. */
void acoap__engine_leave(acoap__engine_t *engine);

#endif
