/*
 * The way out of one message: admitted, queued, given a Message ID, sent, found again by it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_TRANSMISSION_H
#define ACOAP_EXCHANGE_TRANSMISSION_H

#include "exchange/peer.h"

/* A first sending that stands inside the socket's transmit. Whoever ends the node meanwhile clears
 * `tx`. */
typedef struct acoap__leaving {
  acoap__transmission_t *tx;    /* the node, or NULL when it is no longer this sending's */
  struct acoap__leaving *outer; /* the next one on the call stack */
} acoap__leaving_t;

/* What is to be sent. */
typedef struct acoap__order {
  const acoap_path_t *path;     /* where to */
  uint8_t *bytes;               /* the encoded message */
  size_t len;                   /* bytes */
  acoap_type_t type;            /* CON or NON */
  const acoap_params_t *params; /* NULL: the engine's */
  bool is_request;              /* of an interaction */
  bool no_wait;                 /* no response is expected */
} acoap__order_t;

/*
 * May it be sent or queued, if `tx` were idle? 0 and the peer, or ACOAP_EINVAL or ACOAP_EEXHAUSTED.
 * Changes nothing but the peer table's order of use.
 */
int acoap__transmission_admit(acoap__engine_t *engine, acoap_time_t now,
                              const acoap__transmission_t *tx, const acoap__order_t *order,
                              acoap__peer_t **peer);
/* Does it go to this peer, and not in another session? */
bool acoap__transmission_is_to(const acoap__transmission_t *tx, const acoap_path_t *peer);
/* Write what was admitted into an idle node. */
void acoap__transmission_prepare(acoap__engine_t *engine, acoap__transmission_t *tx,
                                 const acoap__order_t *order);
/*
 * Send or queue what was prepared. ACOAP__QUEUED: nothing was called. 0: it was handed to the
 * socket, and anything may have happened to the node meanwhile. Negative: the socket refused it,
 * the node is REFUSED and nobody has heard of that yet.
 */
#define ACOAP__QUEUED 1
int acoap__transmission_start(acoap__engine_t *engine, acoap_time_t now, acoap__transmission_t *tx,
                              acoap__peer_t *peer);
/*
 * Send a HELD NON that holds a place once more, on `path` and under a new Message ID; returns as
 * acoap__transmission_start, but ACOAP__QUEUED when no Message ID is free and nothing was done.
 */
int acoap__transmission_again(acoap__engine_t *engine, acoap_time_t now, acoap__transmission_t *tx,
                              const acoap_path_t *path);
/* Out of every table and timer, idle; `answered` by ACK, RST or response. The node may be used
 * again at once. */
void acoap__transmission_detach(acoap__engine_t *engine, acoap__transmission_t *tx,
                                acoap_time_t now, bool answered);
/* The one that an ACK, a RST or a quote names: the newest of this peer and Message ID; NULL: nobody
 * waits for it. */
acoap__transmission_t *acoap__transmission_find(const acoap__engine_t *engine,
                                                const acoap_path_t *path, uint16_t message_id);

/*
 * Give an idle node that may leave its Message ID, of which there is one, and let it leave. 1: it
 * left; 0: so it did, but the node is no longer this sending's; negative: refused, and the node
 * waits to say so.
 */
int acoap__transmission_launch(acoap__engine_t *engine, acoap__transmission_t *tx,
                               acoap__peer_t *peer, acoap_time_t now);

/* Retransmission (retransmit.c): the CON was sent; its wait is over. */
void acoap__retransmit_start(acoap__engine_t *engine, acoap__transmission_t *tx, acoap_time_t now);
void acoap__retransmit_due(acoap__engine_t *engine, acoap__transmission_t *tx, acoap_time_t now);
/*
 * Send a CON again before its time, since other answers show that it was lost; its timer and the
 * count of its retransmissions go on as they were. For who has a congestion control of his own
 * (RFC 7252 section 4.7). False, and nothing happened, when no ACK is awaited. No event comes
 * inside this call.
 */
bool acoap__retransmit_early(acoap__engine_t *engine, acoap__transmission_t *tx);

#endif
