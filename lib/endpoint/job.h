/*
 * Blocking work for the rooms above, beside the loop, that outlives neither its endpoint's interest
 * nor its own memory. A job is a node in the caller's object. It goes through
 *
 *     start -> work (another thread) -> settled(0) -> over
 *     start -> work ... the endpoint closes: settled(ACOAP_ECANCELED) ... -> over
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ENDPOINT_JOB_H
#define ACOAP_ENDPOINT_JOB_H

#include <acoap/host.h>

#include "endpoint/endpoint.h"

typedef struct acoap__job acoap__job_t;
struct acoap__job {
  acoap__endpoint_user_t user;                    /* told when the endpoint closes */
  acoap_local_endpoint_t *endpoint;               /* held while under way */
  acoap_host_t *host;                             /* where it runs */
  bool under_way;                                 /* a thread may be at it */
  void (*work)(acoap__job_t *job);                /* in another thread */
  void (*settled)(acoap__job_t *job, int status); /* NULL: called, or nobody asks any more */
  /*
   * The last of a start, on the loop: no thread touches the object any more; it may be freed.
   * `host` is there for one more start, even when the endpoint has closed.
   */
  void (*over)(acoap__job_t *job, acoap_host_t *host);
};

/* Zeroed memory needs no other initialisation. */
void acoap__job_init(acoap__job_t *job, void (*over)(acoap__job_t *job, acoap_host_t *host));
/*
 * Begin. `settled` is called once, from the loop, unless cancelled. 0; on failure nothing is
 * called: ACOAP_ECLOSED, ACOAP_EBUSY it is under way, ACOAP_ENOTSUP the host does no work,
 * ACOAP_ENOMEM.
 */
int acoap__job_start(acoap__job_t *job, acoap_local_endpoint_t *endpoint,
                     void (*work)(acoap__job_t *job),
                     void (*settled)(acoap__job_t *job, int status));
/*
 * Begin what has to be done whatever becomes of the endpoint, to give something back: only `over`
 * follows. `host`: what `over` was given, or NULL: the endpoint's, ACOAP_ECLOSED when that is gone.
 */
int acoap__job_start_last(acoap__job_t *job, acoap_local_endpoint_t *endpoint, acoap_host_t *host,
                          void (*work)(acoap__job_t *job));
/* Nobody asks any more: settled is not called. The work goes on. */
void acoap__job_cancel(acoap__job_t *job);

#endif
