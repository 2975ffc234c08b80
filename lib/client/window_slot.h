/*
 * The inside of a window (window.h): its slots, and what its two files ask of each other.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CLIENT_WINDOW_SLOT_H
#define ACOAP_CLIENT_WINDOW_SLOT_H

#include "client/send.h"

typedef enum acoap__slot_state {
  ACOAP__SLOT_FREE = 0, /* to be asked for */
  ACOAP__SLOT_FLYING,   /* a request is under way */
  ACOAP__SLOT_HERE      /* answered, and not yet handed up */
} acoap__slot_state_t;

/* One block. */
typedef struct acoap__slot {
  acoap__interaction_t interaction; /* its request */
  acoap_path_t way;                 /* where that went */
  acoap__window_t *window;          /* of which */
  acoap_message_t *message;         /* HERE: a reference; NULL: `status` */
  uint8_t *bytes;                   /* of the request, lent to the engine */
  size_t cap;                       /* room for them */
  uint64_t serial;                  /* when it was sent, counted in requests */
  uint32_t num;                     /* which block */
  uint32_t retransmissions;         /* of the request, seen so far */
  uint32_t overtaken;               /* later requests that were answered meanwhile */
  int status;                       /* HERE: the error, or 0 */
  acoap__slot_state_t state;
  uint8_t echoes;    /* questions for freshness in a row */
  bool acknowledged; /* an empty ACK came */
  bool alone;        /* it was sent when no other was in flight */
  bool ahead;        /* it was sent before its turn */
  bool piggybacked;  /* the answer came in the ACK */
} acoap__slot_t;

struct acoap__window {
  acoap_exchange_t *exchange; /* whose; NULL: it has gone while blocks were handed up */
  acoap__deferred_t deferred; /* hands up what is here when nobody else does */
  acoap_params_t params;      /* of its requests, lent to the engine */
  acoap__ahead_t next;        /* the block that the layers wait for, or waited for last */
  uint32_t allowed;           /* requests in flight */
  uint32_t answered;          /* without a loss, since `allowed` changed */
  uint32_t flying;            /* requests in flight */
  uint32_t here;              /* blocks kept */
  uint32_t end;               /* no block at or behind this is asked for before its turn */
  uint64_t serial;            /* of the last request */
  uint64_t recovered;         /* losses of requests up to this one have been acted upon */
  bool waiting;               /* the layers wait for `next` */
  bool delivering;            /* blocks are being handed up */
  size_t count;               /* of slots */
  acoap__slot_t slots[];      /* of block num: num % count */
};

static inline acoap_time_t acoap__window_now(const acoap__window_t *window) {
  return acoap__local_endpoint_now(window->exchange->send->endpoint);
}

static inline acoap__engine_t *acoap__window_engine(const acoap__window_t *window) {
  return acoap__local_endpoint_engine(window->exchange->send->endpoint);
}

static inline acoap__slot_t *acoap__window_slot(acoap__window_t *window, uint32_t num) {
  return &window->slots[num % window->count];
}

/* window_request.c: build and send the request for this block, whose slot is free. */
int acoap__window_ask(acoap__window_t *window, uint32_t num);
/* What is under way is forgotten, what is here is dropped. */
void acoap__window_clear(acoap__window_t *window, acoap__slot_t *slot);
/* What the engine reports of the requests; the owner is a slot. */
extern const acoap__interaction_events_t acoap__window_events;
/* window.c: something has changed: go on as far as the layers wait. */
void acoap__window_go_on(acoap__window_t *window);

#endif
