/*
 * Several cores: N loops on N threads, each with a local endpoint of its own on the same port
 * (SO_REUSEPORT). The system gives each peer, by address and port, to one of them, so that they
 * share nothing: what one worker knows of a peer (RFC 7252 section 4.5: its messages, RFC 7641: its
 * observations) no other one needs.
 *
 *     static int serve(void *app, acoap_worker_t *worker) {
 *       acoap_server_t *server = NULL;
 *       int status = acoap_server_new(acoap_worker_endpoint(worker), NULL, &server);
 *       acoap_worker_set_data(worker, server);
 *       acoap_resource_on(acoap_resource_new(server, "/hello"), ACOAP_CODE_GET, get_hello, app);
 *       return status < 0 ? status : acoap_server_status(server);
 *     }
 *
 * Everything that is made in a worker belongs to its thread. From other threads:
 * acoap_workers_post, _post_all, _notify, _stop, _ready, _address, _count.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_WORKERS_H
#define ACOAP_WORKERS_H

#include <acoap/endpoint.h>

ACOAP_BEGIN_DECLS

/** The workers as a whole. */
typedef struct acoap_workers acoap_workers_t;
/** One of them, as its own thread sees it. */
typedef struct acoap_worker acoap_worker_t;

/**
 * On the worker's thread, with its loop and endpoint there: make what it serves. Negative: this
 * life of the worker has failed; what was made is taken back before the return.
 */
typedef int (*acoap_worker_setup_cb)(void *user_data, acoap_worker_t *worker);
/**
 * On the worker's thread, once for each setup that succeeded: take back what that made. The
 * endpoint is closed afterwards, and the loop runs until everything on it has ended; handles that
 * still keep it alive a second later are closed.
 */
typedef void (*acoap_worker_teardown_cb)(void *user_data, acoap_worker_t *worker);
/**
 * On the worker's thread, before its endpoint is made: change what is its own in the options. For
 * DTLS each worker needs credentials that no other thread uses: made beforehand, one for each
 * number. What the options point to is lent until the setup is called, or prepare again. Host,
 * sockets, ports and `reuse_port` are left alone.
 */
typedef int (*acoap_worker_prepare_cb)(void *user_data, acoap_worker_t *worker,
                                       acoap_local_endpoint_options_t *options);

/** What happens to a worker. */
typedef enum acoap_worker_event {
  ACOAP_WORKER_UP = 1,   /* it is set up and takes requests */
  ACOAP_WORKER_FAILED,   /* it could not begin, or ended unasked; it begins again after the delay */
  ACOAP_WORKER_GIVEN_UP, /* so it did for the last time */
  ACOAP_WORKER_STOPPED   /* it has ended because it was asked to */
} acoap_worker_event_t;
/** Told on the worker's thread. `status`: why; ACOAP_EEND: its loop ran out. */
typedef void (*acoap_worker_event_cb)(void *user_data, acoap_worker_t *worker,
                                      acoap_worker_event_t event, int status);

/** All workers have ended: 0 they were stopped, negative: the last one that gave up says why. */
typedef void (*acoap_workers_stopped_cb)(void *user_data, int status);

/** How workers are made; set `size`, leave the rest zero for the defaults. */
typedef struct acoap_workers_options {
  size_t size;  /* sizeof(acoap_workers_options_t) */
  size_t count; /* how many, at most 1024 [one per core that the process may use] */
  /*
   * of every worker; copied with `params` and `bind`, `dtls` is lent until they have ended. No
   * host, no sockets; `reuse_port` is set. Port 0: the first one's ephemeral port is everybody's; a
   * secure port has to be named
   */
  const acoap_local_endpoint_options_t *endpoint;
  bool pin;                          /* keep the n-th worker on the n-th core */
  uint32_t restarts_max;             /* how often each begins again [5] */
  uint32_t restart_delay_ms;         /* before each [1000] */
  acoap_worker_prepare_cb prepare;   /* may be NULL */
  acoap_worker_setup_cb setup;       /* never NULL */
  acoap_worker_teardown_cb teardown; /* may be NULL */
  acoap_worker_event_cb on_event;    /* may be NULL */
  acoap_workers_stopped_cb stopped;  /* with a loop of the owner's; may be NULL */
  void *user_data;                   /* handed to each */
} acoap_workers_options_t;

/**
 * Start workers.
 *
 * @param owner    the loop that hears of their end and is kept alive until then; NULL: there is
 *                 none, acoap_workers_join waits for it
 * @param options  how
 * @param workers  where to put them
 *
 * With an owner's loop they are freed after `stopped`, which is called once, from that loop, when
 * all have ended: stopped or given up. Threads are there when this returns, endpoints are not yet:
 * acoap_workers_ready waits for them.
 *
 * Errors:     ACOAP_EINVAL; ACOAP_ENOTSUP this system does not pin threads; ACOAP_ENOMEM; libuv's
 *             codes for threads. Nothing runs then.
 * Ownership:  their own, until `stopped` or acoap_workers_join.
 * Since:      0.1
 */
ACOAP_API int acoap_workers_start(struct uv_loop_s *owner, const acoap_workers_options_t *options,
                                  acoap_workers_t **workers);

/** From any thread, workers' included: ask all to end. Again is harmless. NULL is fine. */
ACOAP_API void acoap_workers_stop(acoap_workers_t *workers);

/**
 * Wait until all have ended, then free them. For programs without an owner's loop.
 * Returns 0 they were stopped, or why the last one gave up. ACOAP_EBUSY from one of their threads,
 * ACOAP_EINVAL with an owner's loop: nothing happened.
 */
ACOAP_API int acoap_workers_join(acoap_workers_t *workers);

/**
 * Wait until each is up or has given up. Returns how many are up, or why when none is
 * (ACOAP_ECANCELED: they were stopped meanwhile); ACOAP_EBUSY from one of their threads.
 */
ACOAP_API int acoap_workers_ready(acoap_workers_t *workers);

/** How many there are. */
ACOAP_API size_t acoap_workers_count(const acoap_workers_t *workers);

/** The n-th address that they share. ACOAP_EAGAIN: not known yet; ACOAP_EINVAL: there are fewer. */
ACOAP_API int acoap_workers_address(acoap_workers_t *workers, size_t n, acoap_address_t *address);

/** Something to do on a worker's thread. */
typedef void (*acoap_worker_call_cb)(void *user_data, acoap_worker_t *worker);
/**
 * From any thread: run `call` once on the n-th worker's, before its teardown at the latest. Calls
 * run in order.
 * Errors: ACOAP_EAGAIN it is not up; ACOAP_EINVAL; ACOAP_ENOMEM. The call does not run then.
 */
ACOAP_API int acoap_workers_post(acoap_workers_t *workers, size_t n, acoap_worker_call_cb call,
                                 void *user_data);
/** As above, on each one that is up. Returns how many, or ACOAP_ENOMEM: none. */
ACOAP_API int acoap_workers_post_all(acoap_workers_t *workers, acoap_worker_call_cb call,
                                     void *user_data);

/**
 * From any thread: the state behind a path has changed, and observers of every worker's server are
 * told. A path that a resource was made with stands for all observers of it, "/rooms/:room" too;
 * another one ("/rooms/kitchen") for those of that path alone. Workers that are not up have no
 * observers.
 * Errors:     ACOAP_EINVAL no path; ACOAP_ENOMEM: those of some workers may be told.
 * Reference:  RFC 7641 section 4.
 */
ACOAP_API int acoap_workers_notify(acoap_workers_t *workers, const char *path);

/* ---- on a worker's own thread ---------------------------------------------------------------- */

/** Its number, from 0. */
ACOAP_API size_t acoap_worker_number(const acoap_worker_t *worker);
/** All of them. */
ACOAP_API acoap_workers_t *acoap_worker_workers(const acoap_worker_t *worker);
/** Its loop; uv_stop ends the worker as if it had failed. */
ACOAP_API struct uv_loop_s *acoap_worker_loop(acoap_worker_t *worker);
/**
 * Its endpoint; NULL in `prepare`. A group that the setup joins (acoap_local_endpoint_join) is
 * heard by one worker at a time, so that it is answered once. Requests leave from a port of the
 * worker's own, or the answers would come to another one.
 */
ACOAP_API acoap_local_endpoint_t *acoap_worker_endpoint(const acoap_worker_t *worker);
/** Keep something, from setup to teardown: the server. */
ACOAP_API void acoap_worker_set_data(acoap_worker_t *worker, void *data);
/** What was kept; NULL at first. */
ACOAP_API void *acoap_worker_data(const acoap_worker_t *worker);

ACOAP_END_DECLS

#endif
