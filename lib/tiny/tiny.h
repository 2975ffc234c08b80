/*
 * The heapless endpoint from inside: the engine, the places of what is under way, and what the
 * files of this room ask of each other.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TINY_TINY_H
#define ACOAP_TINY_TINY_H

#include <acoap/tiny.h>

#include "exchange/engine.h"

/* What a place holds. */
typedef enum acoap__tiny_state {
  ACOAP__TINY_FREE = 0, /* nothing */
  ACOAP__TINY_BUILDING, /* a message is being written */
  ACOAP__TINY_SENT,     /* it is under way */
  ACOAP__TINY_HELD, /* a NON that a RST may still name; may be taken when all places are in use */
  ACOAP__TINY_ENDED /* the end has to be told by acoap_tiny_poll */
} acoap__tiny_state_t;

/* An own request under way. */
typedef struct acoap__tiny_request {
  acoap__interaction_t interaction; /* owner: the endpoint */
  int status;                       /* ENDED: why */
  uint8_t generation;               /* which use of this place: the exchange's number shows it */
  uint8_t state;                    /* acoap__tiny_state_t */
} acoap__tiny_request_t;

typedef struct acoap__tiny_response acoap__tiny_response_t;

/* A separate response, a notification or a ping under way. */
struct acoap__tiny_response {
  acoap__transmission_t tx; /* owner: the endpoint */
  /*
   * It is over: 0 acknowledged, or a negative error. The place is free already. NULL: a separate
   * response, whose failure is told by acoap_tiny_poll.
   */
  void (*ended)(acoap__tiny_response_t *response, acoap_time_t now, int status);
  void *owner;   /* for `ended` */
  int status;    /* ENDED: why */
  uint8_t state; /* acoap__tiny_state_t */
};

struct acoap_tiny {
  acoap__engine_t engine;
  acoap__random_t random;
  const acoap_tiny_config_t *config; /* lent */
  acoap__tiny_request_t *requests;   /* config->requests of them */
  acoap__tiny_response_t *responses; /* config->responses of them */
  uint8_t
      *messages; /* where messages are written: of requests, of responses, of what leaves at once */
  const uint8_t *datagram;           /* handed in, not looked at yet; NULL: none */
  size_t datagram_len;               /* bytes */
  acoap_address_t peer;              /* whose */
  bool multicast;                    /* it was sent to a group */
  acoap_tiny_event_t *event;         /* inside acoap_tiny_poll: where to tell; otherwise NULL */
  acoap_tiny_observers_t *observers; /* resources that have been observed */
  /* Send what observers have to be told (observe.c); installed by the first notification. Returns
   * when it wants to be called again. */
  void (*notify)(acoap_tiny_t *tiny, acoap_time_t now);
  /* Tell the end of one request (request.c); installed by the first one. */
  void (*tell_request_end)(acoap_tiny_t *tiny);
  uint8_t ended; /* places in the state ENDED */
  bool stale;    /* `notify` has something to do */
};

/* The way to a peer. */
acoap_path_t acoap__tiny_path(const acoap_address_t *peer);
/* Where the message of a place is written: requests first, then responses, then the one that leaves
 * at once. */
uint8_t *acoap__tiny_message(const acoap_tiny_t *tiny, size_t place);
/* The event to fill in; NULL: none is wanted now. */
acoap_tiny_event_t *acoap__tiny_tell(acoap_tiny_t *tiny, acoap_tiny_event_kind_t kind,
                                     const acoap_address_t *peer);

/* separate.c: a place for a response, emptied; NULL: all are under way. */
acoap__tiny_response_t *acoap__tiny_response_take(acoap_tiny_t *tiny, acoap_time_t now);
/* Where its message is written. */
uint8_t *acoap__tiny_response_message(const acoap_tiny_t *tiny,
                                      const acoap__tiny_response_t *response);
/* Send the `len` bytes that were written there; on failure the place is free. */
int acoap__tiny_response_send(acoap_tiny_t *tiny, acoap_time_t now,
                              acoap__tiny_response_t *response, const acoap_address_t *peer,
                              acoap_type_t type, size_t len);
/* acoap__engine_events_t.request */
void acoap__tiny_inbound(void *user_data, acoap_time_t now, const acoap__inbound_t *inbound,
                         const acoap_view_t *view);

#endif
