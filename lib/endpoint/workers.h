/*
 * Workers from the inside, shared by workers.c (all of them), worker.c (the life of one) and
 * worker_calls.c (what other threads ask of one).
 *
 * One mutex guards what several threads look at; members that it guards say so. It is taken when a
 * life begins and ends and for calls from other threads, never for a message.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ENDPOINT_WORKERS_H
#define ACOAP_ENDPOINT_WORKERS_H

#include <acoap/workers.h>

#include <uv.h>

#include "base/list.h"

typedef enum acoap__worker_state {
  ACOAP__WORKER_BEGINNING = 0, /* its thread makes endpoint and server, or waits to do it again */
  ACOAP__WORKER_UP,            /* it takes requests and calls */
  ACOAP__WORKER_ENDED          /* its thread has nothing more to do */
} acoap__worker_state_t;

/* Are the ports known that all share? */
typedef enum acoap__ports_state {
  ACOAP__PORTS_UNKNOWN = 0, /* one that begins has to open them */
  ACOAP__PORTS_OPENING,     /* one does */
  ACOAP__PORTS_KNOWN        /* `shared` names them */
} acoap__ports_state_t;

/* A worker: its thread lives as long as the workers do, loop and endpoint as long as one life. */
struct acoap_worker {
  acoap_workers_t *workers;         /* all of them */
  size_t number;                    /* from 0 */
  uv_thread_t thread;               /* its own */
  uv_loop_t loop;                   /* of this life */
  uv_async_t async;                 /* a call was posted, or all shall end; unreferenced */
  uv_timer_t grace;                 /* how long the loop may take to run out at the end */
  acoap_local_endpoint_t *endpoint; /* held; NULL: not made yet, or gone */
  void *data;                       /* the user's */
  bool set_up;                      /* the setup succeeded: teardown is due */
  uint32_t restarts;                /* so far */
  acoap__worker_state_t state;      /* guarded */
  acoap__list_t calls;              /* posted and yet to run; guarded */
};

struct acoap_workers {
  acoap_workers_options_t options;         /* with the defaults filled in */
  acoap_local_endpoint_options_t endpoint; /* of every worker, but bind and ports */
  acoap_params_t params;                   /* a copy, when the caller's options name some */
  acoap_address_t *bind;                   /* a copy of options.bind; NULL: the default ones */
  uv_mutex_t mutex;                        /* see above */
  uv_cond_t changed;                       /* something guarded has changed */
  bool stopping;                           /* all shall end; guarded */
  size_t living;                           /* threads that have not ended; guarded */
  int status;                              /* why the last one gave up; 0 none did; guarded */
  acoap__ports_state_t ports;              /* guarded */
  acoap_address_t *shared;      /* what is bound by all, ports included; guarded until KNOWN */
  size_t shared_count;          /* how many */
  acoap_worker_t *hears_groups; /* the one that has joined them; NULL: the next to be up; guarded */
  uv_loop_t *owner;             /* borrowed; NULL: none */
  uv_async_t ended;             /* on the owner's loop: the last one has ended */
  size_t count;                 /* of `list` */
  acoap_worker_t list[];        /* the workers */
};

/* uv_thread_cb of a worker. */
void acoap__worker_main(void *worker);
/* Make the endpoint, on the ports that all share. 0 or a negative error (worker_endpoint.c). */
int acoap__worker_open(acoap_worker_t *worker);

/* ---- worker_calls.c -------------------------------------------------------------------------- */

/* With the mutex held and the worker up: let its thread look at what is asked of it. */
void acoap__worker_signal(acoap_worker_t *worker);
/* On its thread: run what was posted by now. */
void acoap__worker_run_calls(acoap_worker_t *worker);

/* Does this thread belong to one of them? */
bool acoap__workers_is_inside(const acoap_workers_t *workers);

#endif
