/*
 * A UDP relay on loopback that loses, duplicates and reorders datagrams, each direction by its own
 * chances and all of it from a seed. It runs on a thread of its own and stands between a client on
 * 127.0.0.1 and one server.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_INTEROP_RELAY_H
#define ACOAP_TEST_INTEROP_RELAY_H

#include <stddef.h>
#include <stdint.h>

/** Chances per datagram in 1/1000000, and datagrams that are lost by their number. */
typedef struct relay_conditions {
  uint32_t loss_ppm;      /* it vanishes */
  uint32_t duplicate_ppm; /* it is sent twice */
  uint32_t reorder_ppm;   /* it is held back for 1 to 20 ms, so that later ones overtake it */
  const uint32_t *lost;   /* which vanish, the first is 1; ascending, lent; NULL: none */
  size_t lost_count;      /* how many */
} relay_conditions_t;

/** What happened in one direction. */
typedef struct relay_count {
  uint64_t passed;     /* datagrams sent on, copies counted */
  uint64_t lost;       /* vanished */
  uint64_t duplicated; /* copies made */
  uint64_t held;       /* held back */
} relay_count_t;

typedef struct relay relay_t;

/** Start a relay to 127.0.0.1:server_port; NULL on failure. */
relay_t *relay_start(uint16_t server_port, uint64_t seed, relay_conditions_t to_server,
                     relay_conditions_t to_client);
/** Where clients send to. */
uint16_t relay_port(const relay_t *relay);
/** Stop, fill in the counts (either may be NULL), free. */
void relay_stop(relay_t *relay, relay_count_t *to_server, relay_count_t *to_client);

#endif
