/*
 * The network in an array, see tiny_network.h.
 * SPDX-License-Identifier: MIT
 */
#include "support/tiny_network.h"

#include <stdlib.h>
#include <string.h>

uint32_t tiny_dice(uint64_t *random, uint32_t sides) {
  *random += 0x9e3779b97f4a7c15u;
  uint64_t word = *random;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
  word ^= word >> 31;
  return (uint32_t)((word >> 32) * sides >> 32);
}

static void put(tiny_network_t *network, acoap_time_t now, unsigned from, unsigned to,
                acoap_bytes_t bytes) {
  tiny_datagram_t *datagram = malloc(sizeof(*datagram));
  tiny_datagram_t **place = &network->first;
  uint32_t range = network->delay_max_ms - network->delay_min_ms + 1;

  if (datagram == NULL || bytes.len > TINY_DATAGRAM_MAX) {
    abort();
  }
  datagram->at = now + network->delay_min_ms + tiny_dice(&network->random, range);
  datagram->from = from;
  datagram->to = to;
  datagram->len = bytes.len;
  memcpy(datagram->bytes, bytes.data, bytes.len);
  while (*place != NULL && (*place)->at <= datagram->at) {
    place = &(*place)->next;
  }
  datagram->next = *place;
  *place = datagram;
}

bool tiny_network_send(tiny_network_t *network, acoap_time_t now, unsigned from, unsigned to,
                       acoap_bytes_t bytes) {
  if (network->cut[from][to] || tiny_dice(&network->random, 1000) < network->loss_permille) {
    return false;
  }
  put(network, now, from, to, bytes);
  if (tiny_dice(&network->random, 1000) < network->duplicate_permille) {
    put(network, now, from, to, bytes);
  }
  return true;
}

acoap_time_t tiny_network_next(const tiny_network_t *network) {
  return network->first != NULL ? network->first->at : ACOAP_TIME_NEVER;
}

tiny_datagram_t *tiny_network_take(tiny_network_t *network, acoap_time_t now) {
  tiny_datagram_t *datagram = network->first;

  if (datagram == NULL || datagram->at > now) {
    return NULL;
  }
  network->first = datagram->next;
  datagram->next = NULL;
  return datagram;
}

void tiny_network_clear(tiny_network_t *network) {
  while (network->first != NULL) {
    free(tiny_network_take(network, network->first->at));
  }
}
