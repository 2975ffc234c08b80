/*
 * A network in an array, for engines without sockets: datagrams between numbered hosts that are
 * lost, delayed (and so reordered), doubled or cut off, as a seed decides.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_TINY_NETWORK_H
#define ACOAP_TEST_TINY_NETWORK_H

#include <acoap/types.h>

#define TINY_HOSTS 4
#define TINY_DATAGRAM_MAX 256

typedef struct tiny_datagram {
  struct tiny_datagram *next; /* the one that arrives after it */
  acoap_time_t at;            /* when it arrives */
  unsigned from;              /* host */
  unsigned to;                /* host */
  size_t len;
  uint8_t bytes[TINY_DATAGRAM_MAX];
} tiny_datagram_t;

typedef struct tiny_network {
  uint64_t random;                  /* its dice */
  uint32_t loss_permille;           /* datagrams that vanish */
  uint32_t duplicate_permille;      /* datagrams that arrive twice */
  uint32_t delay_min_ms;            /* one way */
  uint32_t delay_max_ms;            /* one way */
  bool cut[TINY_HOSTS][TINY_HOSTS]; /* nothing goes this way now */
  tiny_datagram_t *first;           /* the one that arrives next */
} tiny_network_t;

/* Uniform in [0, sides), sides > 0 (SplitMix64). */
uint32_t tiny_dice(uint64_t *random, uint32_t sides);

/* Hand a datagram in. Returns false when it is cut off or lost. */
bool tiny_network_send(tiny_network_t *network, acoap_time_t now, unsigned from, unsigned to,
                       acoap_bytes_t bytes);
/* When the next one arrives; ACOAP_TIME_NEVER: none is on its way. */
acoap_time_t tiny_network_next(const tiny_network_t *network);
/* Take the next one; the caller frees it. NULL when none arrives at or before now. */
tiny_datagram_t *tiny_network_take(tiny_network_t *network, acoap_time_t now);
/* Drop whatever is on its way. */
void tiny_network_clear(tiny_network_t *network);

#endif
