/*
 * Messages that may not leave yet: one queue per peer for NSTART and PROBING_RATE (RFC 7252 section
 * 4.7) and for Message IDs (section 4.4).
 *
 * A table of functions, chosen in the engine's configuration: a driver whose only message on its
 * way is a separate response has nothing that waits and carries none of it. Without a queue a
 * message for which no Message ID is free is refused.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_QUEUE_H
#define ACOAP_EXCHANGE_QUEUE_H

#include "exchange/transmission.h"

typedef struct acoap__queue {
  /* What a peer's queue begins as; all of it is 0 already. */
  void (*init)(acoap__peer_t *peer);
  /* May what is ordered leave or wait, if `tx` were idle? */
  bool (*has_room)(acoap__engine_t *engine, acoap_time_t now, const acoap__transmission_t *tx,
                   const acoap__order_t *order, acoap__peer_t *peer);
  /* Let it wait; false: it may leave now. */
  bool (*wait)(acoap__engine_t *engine, acoap_time_t now, acoap__transmission_t *tx,
               acoap__peer_t *peer);
  /* Take a waiting message out. */
  void (*remove)(acoap__peer_t *peer, acoap__transmission_t *tx);
  /* A place or a Message ID became free: set the peer's timer for when the queue may go on. */
  void (*schedule)(acoap__peer_t *peer, acoap_time_t now);
  /* Send what may leave now: at most as many as wait, the rest is left to the timer. */
  void (*pump)(acoap__peer_t *peer, acoap_time_t now);
  /* acoap__congestion_pay, which requests alone need. */
  acoap_time_t (*pay)(acoap__transmission_t *tx, acoap_time_t now);
  /* acoap__congestion_unpaid, likewise. */
  void (*unpaid)(acoap__peer_t *peer, const acoap__transmission_t *tx, acoap_time_t expected_until);
} acoap__queue_t;

extern const acoap__queue_t acoap__queue;

static inline void acoap__queue_schedule(acoap__peer_t *peer, acoap_time_t now) {
  const acoap__queue_t *queue = peer->engine->config.queue;

  if (queue != NULL) {
    queue->schedule(peer, now);
  }
}

static inline void acoap__queue_pump(acoap__peer_t *peer, acoap_time_t now) {
  const acoap__queue_t *queue = peer->engine->config.queue;

  if (queue != NULL) {
    queue->pump(peer, now);
  }
}

#endif
