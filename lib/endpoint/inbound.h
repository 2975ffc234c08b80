/*
 * A received request as the files of this room share it: who answers it, with what, and what is
 * still on its way.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ENDPOINT_INBOUND_H
#define ACOAP_ENDPOINT_INBOUND_H

#include "endpoint/local_endpoint.h"

/* A header, the longest token of RFC 7252 and nothing else: a bare 5.00 needs no memory. */
#define ACOAP__BARE_RESPONSE_MAX 12

/* RFC 7967 section 2.1: "not interested in 2.xx", and so on; class c is bit c - 1. */
#define ACOAP__NOT_INTERESTED(class_) (1u << ((class_)-1))
/* Errors after multicast (RFC 7252 section 8.2). */
#define ACOAP__SUPPRESS_ERRORS (ACOAP__NOT_INTERESTED(4) | ACOAP__NOT_INTERESTED(5))

/*
 * Pooled. What a use leaves as it found it (timer, tx, user: idle; bytes: given back; held,
 * leisure: false) is made once; the rest is written anew for each request.
 */
struct acoap_request {
  acoap_local_endpoint_t *endpoint; /* held by the message; NULL in the pool */
  acoap_message_t *message;         /* referenced */
  acoap__inbound_t inbound;         /* the engine's note of it */
  uint32_t refs;                    /* holders; the delivery under way (`held`) is one */
  bool answered;                    /* nothing but notifications may follow */
  bool observation;                 /* notifications may follow (RFC 7641 section 4.2) */
  bool closed;                      /* the endpoint closes or has closed */
  bool begun;                       /* the builder is lent, in the turn begun_turn */
  bool dropped;       /* the response under way is the 5.00 of one that nobody answered */
  bool again;         /* made by acoap__request_again: nothing leaves from here */
  uint8_t suppressed; /* classes not answered, as No-Response has them */
  bool held;          /* tx or leisure is under way and holds a reference */
  bool leisure;       /* the answer waits for its leisure and counts as open until then */
  const acoap__request_filter_t *filter; /* what a server put before the answer; NULL: nothing */
  void *filter_data;                     /* its own */
  acoap_request_end_cb on_delivery;      /* NULL: nobody asks */
  void *delivery_data;                   /* handed to it */
  uint32_t leisure_ms;                   /* of a multicast answer, at most; 0: the endpoint's */
  uint32_t transmissions; /* of a CON of its own, at most; 0: as the parameters say */

  acoap_builder_t builder; /* the response that was begun */
  uint64_t begun_turn;     /* the endpoint's turn in which it was */
  uint8_t
      *own_bytes; /* where it is built while somebody else builds in the endpoint's; NULL: there */

  acoap__endpoint_user_t user; /* told when the endpoint closes; registered once it is kept */
  acoap__timer_t timer;        /* PROCESSING_DELAY of a CON, or the leisure of a multicast answer */
  acoap__transmission_t tx;    /* a separate response or a notification */
  acoap_path_t way;            /* where that goes */
  acoap_params_t params;       /* of the transmission */
  uint8_t *kept;   /* bytes lent to tx or waiting for the leisure; NULL: none, or bare */
  size_t kept_len; /* how many */
  uint8_t bare[ACOAP__BARE_RESPONSE_MAX]; /* a bare code, lent to tx */
  uint8_t *pending;           /* the newest notification, while an older one is on its way */
  size_t pending_len;         /* bytes */
  acoap_type_t pending_type;  /* CON or NON */
  acoap_request_t *next_free; /* in the pool */
};

extern const acoap__transmission_events_t acoap__response_events;

/* ---- inbound.c ------------------------------------------------------------------------------- */

/* The last reference goes. */
void acoap__request_leave(acoap_request_t *request);
/* acoap_request_unref of one that is there. */
static inline void acoap__request_let_go(acoap_request_t *request) {
  if (request->refs > 1) {
    request->refs--;
  } else {
    acoap__request_leave(request);
  }
}
/* It was answered or never will be: it counts no longer as open. */
void acoap__request_settle(acoap_request_t *request);
/* The leisure is over, or never will be: the request counts no longer as open. */
void acoap__request_end_leisure(acoap_request_t *request);
/* Tell the filter that no answer comes. */
void acoap__request_ended(acoap_request_t *request);
/* Tell what became of what was sent. */
void acoap__request_delivered(acoap_request_t *request, int status);
/* Take or give back the reference of what is under way. */
void acoap__request_hold(acoap_request_t *request, bool hold);

/* ---- response.c ------------------------------------------------------------------------------ */

/* Answer with a code alone; settles the request whatever comes of it. Silence for multicast. */
void acoap__request_answer_code(acoap_request_t *request, uint8_t code);
/* Nobody is left to answer it: 5.00, through the filter where there is one. */
void acoap__request_drop(acoap_request_t *request);
/* As the endpoint closes: 5.03 while there is a way, then forget what is under way. */
void acoap__request_abandon(acoap_request_t *request);
/* The leisure is over (RFC 7252 section 8.2). */
void acoap__request_leisure_over(acoap_request_t *request, acoap_time_t now);

#endif
