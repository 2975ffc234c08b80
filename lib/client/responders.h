/*
 * Who has answered a request to a group: a set with a bound, so that each responder is heard once.
 * Equal are two answers from the same address; and two with the same payload from the same link-
 * local address and port in different zones, being one responder heard on two interfaces.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CLIENT_RESPONDERS_H
#define ACOAP_CLIENT_RESPONDERS_H

#include <acoap/address.h>
#include <acoap/error.h>

typedef struct acoap__responder {
  acoap_address_t address; /* where the answer came from; family NONE: a free place */
  uint64_t payload;        /* keyed hash of what it said */
} acoap__responder_t;

typedef struct acoap__responders {
  uint8_t key[16];           /* of the hash; a responder chooses what is hashed */
  acoap__responder_t *table; /* open addressing; a power of two places, at most half of them used */
  size_t places;             /* how many */
  size_t count;              /* used */
  size_t most;               /* never more */
} acoap__responders_t;

/* 1 new and remembered, 0 heard before, ACOAP_EEXHAUSTED no more are remembered, ACOAP_ENOMEM. */
int acoap__responders_add(acoap__responders_t *responders, const acoap_address_t *address,
                          acoap_bytes_t payload);
void acoap__responders_done(acoap__responders_t *responders);

#endif
