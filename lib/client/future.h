/*
 * A future's inside: a result to come, who holds it, who waits for it. That of a send is a part of
 * the send's object; those of the combinators are objects of their own with the same head.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CLIENT_FUTURE_H
#define ACOAP_CLIENT_FUTURE_H

#include <acoap/send.h>

#include "endpoint/endpoint.h"

typedef struct acoap__future_ops {
  /* The last reference went before it was settled: give up, silently. */
  void (*cancel)(acoap_future_t *future);
  /* Nobody holds it and none of its callbacks runs: free it. */
  void (*release)(acoap_future_t *future);
  /* The n-th part, or NULL. May be absent. */
  acoap_future_t *(*part)(const acoap_future_t *future, size_t n);
  /* The endpoint closes: let go of its timers. May be absent. */
  void (*detach)(acoap_future_t *future);
} acoap__future_ops_t;

/* Waits for a future; a node inside the object that waits. */
typedef struct acoap__future_watch acoap__future_watch_t;
struct acoap__future_watch {
  acoap__list_t node;                            /* among those that wait; to itself while idle */
  void (*settled)(acoap__future_watch_t *watch); /* called from the loop; the watch is idle then */
};

struct acoap_future {
  const acoap__future_ops_t *ops;   /* what it is */
  acoap_local_endpoint_t *endpoint; /* where it lives; NULL once that closes */
  acoap__endpoint_user_t user;      /* so that it learns of that */
  uint32_t refs;                    /* holders; 0 in a send that handed none out */
  uint32_t busy;                    /* callbacks under way */
  bool canceled;                    /* `cancel` was called */
  bool settled;                     /* the result is there */
  int status;                       /* of the result */
  acoap_message_t *message;         /* of the result; a reference, or NULL */
  acoap_response_cb done;           /* acoap_future_on_settled; NULL: none, or called already */
  void *done_data;                  /* handed to it */
  bool done_set;                    /* one was set once */
  acoap__list_t watches;            /* of those that wait inside the library */
  acoap__deferred_t late;           /* calls for those that came when it was settled already */
};

/* On failure (ACOAP_ECLOSED) nothing is held. */
int acoap__future_init(acoap_future_t *future, const acoap__future_ops_t *ops,
                       acoap_local_endpoint_t *endpoint, uint32_t refs);
/* From the loop: set the result and tell everybody. Once. The future may be gone on return. */
void acoap__future_settle(acoap_future_t *future, int status, acoap_message_t *message);
/* Let go of what the head holds: before its memory is freed. */
void acoap__future_done(acoap_future_t *future);
void acoap__future_watch_init(acoap__future_watch_t *watch,
                              void (*settled)(acoap__future_watch_t *watch));
/* `settled` is called when it settles; in the next turn when it is settled already. */
void acoap__future_watch(acoap_future_t *future, acoap__future_watch_t *watch);
void acoap__future_unwatch(acoap__future_watch_t *watch);

#endif
