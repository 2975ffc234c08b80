/*
 * A worker's endpoint: the options of all, on the addresses that all share. Where a port is left to
 * the system, the first worker that gets one writes down what it was given, and the others, who
 * have waited for that, bind the same; a failure passes the turn to the next one. Opens nothing
 * else.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/workers.h"

#include <string.h>

#include "base/mem.h"
#include "endpoint/local_endpoint.h"

/* On what address each socket for coap:// is, ports included. */
static int note_shared(acoap_workers_t *workers, const acoap_local_endpoint_t *endpoint) {
  size_t count = 0;
  acoap_address_t *shared = acoap__calloc(endpoint->socket_count, sizeof(*shared));
  if (shared == NULL) {
    return ACOAP_ENOMEM;
  }
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    acoap_socket_t *socket = endpoint->sockets[i].socket;
    bool secure = ACOAP__SOCKET_OP(socket, secure) && socket->ops->secure(socket);
    if (endpoint->sockets[i].shared && !secure) {
      int status = socket->ops->local_address(socket, &shared[count]);
      if (status != 0) {
        acoap__free(shared);
        return status;
      }
      count++;
    }
  }
  uv_mutex_lock(&workers->mutex);
  workers->shared = shared;
  workers->shared_count = count;
  uv_mutex_unlock(&workers->mutex);
  return 0;
}

/* Wait until the ports are known. True: they are not, and it is this worker's turn to open them. */
static bool take_turn(acoap_workers_t *workers) {
  uv_mutex_lock(&workers->mutex);
  while (workers->ports == ACOAP__PORTS_OPENING) {
    uv_cond_wait(&workers->changed, &workers->mutex);
  }
  bool mine = workers->ports == ACOAP__PORTS_UNKNOWN;
  if (mine) {
    workers->ports = ACOAP__PORTS_OPENING;
  }
  uv_mutex_unlock(&workers->mutex);
  return mine;
}

static void end_turn(acoap_workers_t *workers, bool known) {
  uv_mutex_lock(&workers->mutex);
  workers->ports = known ? ACOAP__PORTS_KNOWN : ACOAP__PORTS_UNKNOWN;
  uv_cond_broadcast(&workers->changed);
  uv_mutex_unlock(&workers->mutex);
}

static int endpoint_new(acoap_worker_t *worker, acoap_local_endpoint_options_t *options) {
  acoap_workers_t *workers = worker->workers;
  acoap_local_endpoint_t *endpoint = NULL;
  if (workers->options.prepare != NULL) {
    int status = workers->options.prepare(workers->options.user_data, worker, options);
    if (status < 0) {
      return status;
    }
  }
  options->reuse_port = true;
  int status = acoap_local_endpoint_new(&worker->loop, options, &endpoint);
  if (status == 0) {
    worker->endpoint = acoap__local_endpoint_hold(endpoint);
    acoap__groups_set_elsewhere(endpoint, true);
  }
  return status;
}

int acoap__worker_open(acoap_worker_t *worker) {
  acoap_workers_t *workers = worker->workers;
  acoap_local_endpoint_options_t options = workers->endpoint;
  bool first = take_turn(workers);
  options.bind = workers->bind;
  /* With coaps:// alone there are none: its port has a number already. */
  if (!first && workers->shared_count > 0) {
    options.bind = workers->shared;
    options.bind_count = workers->shared_count;
  }
  int status = endpoint_new(worker, &options);
  if (first) {
    if (status == 0) {
      status = note_shared(workers, worker->endpoint);
    }
    end_turn(workers, status == 0);
  }
  return status;
}
