/*
 * Blocking work in libuv's threads (uv_queue_work), its end on the loop's thread. Work holds its
 * host: the last endpoint may close meanwhile, `done` comes all the same, and until then the loop
 * has something to wait for. Work is never cancelled, since it may hold what only it can give back.
 * Knows nothing of what is done.
 * SPDX-License-Identifier: MIT
 */
#include "transport/host_uv.h"

#include "base/mem.h"

typedef struct uv_beside {
  uv_work_t request;             /* under way */
  acoap__uv_host_t *host;        /* held */
  void (*work)(void *user_data); /* in a thread */
  void (*done)(void *user_data); /* on the loop */
  void *user_data;               /* for both */
} uv_beside_t;

static void run(uv_work_t *request) {
  uv_beside_t *beside = request->data;
  beside->work(beside->user_data);
}

static void finished(uv_work_t *request, int status) {
  uv_beside_t *beside = request->data;
  /* Nobody has the request to cancel it. */
  (void)status;
  beside->done(beside->user_data);
  acoap__uv_host_unref(beside->host);
  acoap__free(beside);
}

int acoap__uv_work(acoap_host_t *host, void (*work)(void *user_data), void (*done)(void *user_data),
                   void *user_data) {
  acoap__uv_host_t *self = (acoap__uv_host_t *)host;
  if (work == NULL || done == NULL) {
    return ACOAP_EINVAL;
  }
  uv_beside_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->request.data = made;
  made->host = self;
  made->work = work;
  made->done = done;
  made->user_data = user_data;
  int status = uv_queue_work(self->loop, &made->request, run, finished);
  if (status != 0) {
    acoap__free(made);
    return status;
  }
  self->refs++;
  return 0;
}
