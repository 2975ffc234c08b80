/*
 * CoCoA (draft-ietf-core-cocoa-03 section 4): round trips are measured per peer, and the wait for
 * an ACK follows them. See congestion_cocoa.c; congestion.c asks it for exchanges whose parameters
 * say so. It is reached through a table of functions, so that a device which measures nothing
 * carries nothing of it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_CONGESTION_COCOA_H
#define ACOAP_EXCHANGE_CONGESTION_COCOA_H

#include "exchange/peer.h"

/* An estimator of RFC 6298, in sixteenths of a millisecond. */
typedef struct acoap__rtt {
  int32_t smoothed;  /* SRTT; 0: nothing was measured yet */
  int32_t variation; /* RTTVAR */
} acoap__rtt_t;

/* What is known of the round trips to one peer. */
typedef struct acoap__round_trip {
  acoap__rtt_t strong;     /* of exchanges without a retransmission */
  acoap__rtt_t weak;       /* of those with one or two */
  int32_t timeout;         /* RTO, sixteenths of a millisecond; 0: nothing was measured yet */
  acoap_time_t updated_at; /* when it was last changed, by a measurement or by age */
} acoap__round_trip_t;

/* Lent with the engine's memory; for every peer that is not a group. */
struct acoap__round_trips {
  /* The wait for the first ACK, milliseconds; notes in `tx` how it grows. */
  uint32_t (*timeout_ms)(acoap__engine_t *engine, acoap__transmission_t *tx, acoap_time_t now);
  /* The wait after the next retransmission, milliseconds. */
  uint32_t (*back_off_ms)(const acoap__transmission_t *tx);
  /* Is it too late for another retransmission? */
  bool (*gives_up)(const acoap__transmission_t *tx, acoap_time_t now);
  /* An ACK or RST came for a CON that holds its place yet. */
  void (*measure)(acoap__transmission_t *tx, acoap_time_t now);
  const acoap__peer_t *peers; /* the table of peers */
  acoap__round_trip_t *list;  /* one for each of them */
};

/* `list`: as many as there are `peers`; both lent as long as the engine. */
void acoap__cocoa_init(struct acoap__round_trips *round_trips, const acoap__peer_t *peers,
                       acoap__round_trip_t *list, size_t count);

/* Which peer of the table: round trips are measured where messages may wait. */
static inline size_t acoap__cocoa_number(const struct acoap__round_trips *round_trips,
                                         const acoap__peer_t *peer) {
  return (size_t)((const char *)peer - (const char *)round_trips->peers) / acoap__peer_size(true);
}

/* The entry is another peer's from now on. */
static inline void acoap__cocoa_forget(struct acoap__round_trips *round_trips,
                                       const acoap__peer_t *peer) {
  round_trips->list[acoap__cocoa_number(round_trips, peer)] = (acoap__round_trip_t){.timeout = 0};
}
/* The RTO towards a peer, milliseconds; 0: nothing was measured yet. */
static inline uint32_t acoap__cocoa_rto_ms(const struct acoap__round_trips *round_trips,
                                           const acoap__peer_t *peer) {
  return (uint32_t)round_trips->list[acoap__cocoa_number(round_trips, peer)].timeout / 16;
}

#endif
