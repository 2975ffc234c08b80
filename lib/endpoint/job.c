/*
 * Jobs: the host's work op with an endpoint's manners. Each start is one work; the endpoint's
 * struct is held until it is over, so that what a thread still does harms nobody. Chooses no
 * threads, and cancels nothing that a thread has begun.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/job.h"

#include "endpoint/local_endpoint.h"

void acoap__job_init(acoap__job_t *job, void (*over)(acoap__job_t *job, acoap_host_t *host)) {
  acoap__list_init(&job->user.node);
  job->over = over;
}

static void settle(acoap__job_t *job, int status) {
  void (*settled)(acoap__job_t * job, int status) = job->settled;
  job->settled = NULL;
  if (settled != NULL) {
    settled(job, status);
  }
}

static void closing(acoap__endpoint_user_t *user) {
  acoap__job_t *job = ACOAP__CONTAINER(user, acoap__job_t, user);
  acoap__endpoint_user_remove(job->endpoint, user);
  settle(job, ACOAP_ECANCELED);
}

/* In another thread. */
static void run(void *user_data) {
  acoap__job_t *job = user_data;
  job->work(job);
}

/* On the loop; the endpoint may have closed. */
static void done(void *user_data) {
  acoap__job_t *job = user_data;
  acoap_local_endpoint_t *endpoint = job->endpoint;
  acoap_host_t *host = job->host;
  acoap__endpoint_enter(endpoint);
  job->under_way = false;
  acoap__endpoint_user_remove(endpoint, &job->user);
  settle(job, 0);
  job->over(job, host);
  acoap__endpoint_leave(endpoint);
  acoap__local_endpoint_release(endpoint);
}

static int begin(acoap__job_t *job, acoap_local_endpoint_t *endpoint, acoap_host_t *host,
                 void (*work)(acoap__job_t *job)) {
  if (job->under_way) {
    return ACOAP_EBUSY;
  }
  if (!ACOAP__HOST_OP(host, work)) {
    return ACOAP_ENOTSUP;
  }
  job->work = work;
  job->endpoint = endpoint;
  job->host = host;
  int status = host->ops->work(host, run, done, job);
  if (status == 0) {
    acoap__local_endpoint_hold(endpoint);
    job->under_way = true;
  }
  return status;
}

int acoap__job_start(acoap__job_t *job, acoap_local_endpoint_t *endpoint,
                     void (*work)(acoap__job_t *job),
                     void (*settled)(acoap__job_t *job, int status)) {
  if (endpoint->state != ACOAP__ENDPOINT_OPEN) {
    return ACOAP_ECLOSED;
  }
  int status = begin(job, endpoint, endpoint->host, work);
  if (status != 0) {
    return status;
  }
  job->settled = settled;
  job->user.closing = closing;
  return acoap__endpoint_user_add(endpoint, &job->user, true);
}

int acoap__job_start_last(acoap__job_t *job, acoap_local_endpoint_t *endpoint, acoap_host_t *host,
                          void (*work)(acoap__job_t *job)) {
  if (host == NULL) {
    if (endpoint->state == ACOAP__ENDPOINT_CLOSED) {
      return ACOAP_ECLOSED;
    }
    host = endpoint->host;
  }
  int status = begin(job, endpoint, host, work);
  if (status == 0) {
    job->settled = NULL;
  }
  return status;
}

void acoap__job_cancel(acoap__job_t *job) {
  job->settled = NULL;
  if (job->under_way) {
    acoap__endpoint_user_remove(job->endpoint, &job->user);
  }
}
