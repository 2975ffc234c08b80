/*
 * Congestion control (RFC 7252 sections 4.2 and 4.7): how many interactions may be outstanding, how
 * fast a silent peer is probed, how long to wait for an ACK.
 *
 *     outstanding < NSTART
 *         a CON counts until its ACK, a NON request until a response or until it is paid for
 *     paid for at = max(now, paid for before) + bytes / PROBING_RATE
 *     wait(0) uniform in [ACK_TIMEOUT, ACK_TIMEOUT * ACK_RANDOM_FACTOR]
 *     wait(n + 1) = 2 * wait(n)
 *
 * Every such decision is taken in congestion.c and nowhere else; for exchanges whose parameters say
 * ACOAP_CONGESTION_COCOA it leaves the waits to congestion_cocoa.c, which measures round trips.
 * Queues are the peer's, timers the transmission's.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_CONGESTION_H
#define ACOAP_EXCHANGE_CONGESTION_H

#include "exchange/peer.h"

/* Does this message count as an outstanding interaction once it is sent? */
bool acoap__congestion_needs_place(const acoap__transmission_t *tx);
/* When it may leave: `now` for at once, ACOAP_TIME_NEVER until another interaction is over. */
acoap_time_t acoap__congestion_when(const acoap__peer_t *peer, const acoap__transmission_t *tx,
                                    acoap_time_t now);
/* It leaves and takes a place. */
void acoap__congestion_hold(acoap__peer_t *peer, acoap__transmission_t *tx);
/* A NON that holds a place leaves, for the first time or once more: until when a response is
 * expected now. */
acoap_time_t acoap__congestion_pay(acoap__transmission_t *tx, acoap_time_t now);
/* A NON gives its place back unanswered: a peer that kept silent since is left alone until it is
 * paid for. Who gives up early does not win the right to probe faster. */
void acoap__congestion_unpaid(acoap__peer_t *peer, const acoap__transmission_t *tx,
                              acoap_time_t expected_until);
/* It gives its place back, answered (ACK, RST, response) or not. `expected_until` is what pay
 * returned. */
void acoap__congestion_release(acoap__transmission_t *tx, bool answered,
                               acoap_time_t expected_until);

/* The wait for the first ACK, milliseconds. The CON holds its place already. */
uint32_t acoap__congestion_timeout_ms(acoap__engine_t *engine, acoap__transmission_t *tx,
                                      acoap_time_t now);
/* The wait is over: note the one after another retransmission; false: it is given up. */
bool acoap__congestion_back_off(acoap__transmission_t *tx, acoap_time_t now);
/* An ACK or RST came for a CON, which holds its place yet. */
void acoap__congestion_measure(acoap__transmission_t *tx, acoap_time_t now);

#endif
