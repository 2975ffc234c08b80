/*
 * Changes that concern the observers of several workers (RFC 7641 section 4): the path goes to each
 * worker that is up, on whose thread its server tells its own observers. A call that finds no
 * server or no such resource there does nothing. Knows nothing of the workers' lives.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/workers.h>

#include <string.h>

#include "base/mem.h"
#include "server/observe.h"
#include "server/server.h"

/* A path that was made with names the resource; any other names targets of some resource. */
static void notify_path(acoap_server_t *server, const char *path) {
  acoap_resource_t *resource = acoap_server_resource(server, path);
  if (resource != NULL) {
    acoap_resource_notify(resource);
    return;
  }
  for (acoap__list_t *node = server->resources.next; node != &server->resources;
       node = node->next) {
    resource = ACOAP__CONTAINER(node, acoap_resource_t, node);
    if (!acoap__list_empty(&resource->observers)) {
      acoap_resource_notify_path(resource, path);
    }
  }
}

/* acoap_worker_call_cb */
static void notify_here(void *user_data, acoap_worker_t *worker) {
  char *path = user_data;
  acoap_local_endpoint_t *endpoint = acoap_worker_endpoint(worker);
  if (acoap__local_endpoint_receiver(endpoint) == acoap__dispatch) {
    notify_path(acoap__local_endpoint_receiver_data(endpoint), path);
  }
  acoap__free(path);
}

int acoap_workers_notify(acoap_workers_t *workers, const char *path) {
  if (workers == NULL || path == NULL || path[0] != '/') {
    return ACOAP_EINVAL;
  }
  size_t size = strlen(path) + 1;
  for (size_t n = 0; n < acoap_workers_count(workers); n++) {
    char *copy = acoap__malloc(size);
    if (copy == NULL) {
      return ACOAP_ENOMEM;
    }
    memcpy(copy, path, size);
    int status = acoap_workers_post(workers, n, notify_here, copy);
    if (status != 0) {
      acoap__free(copy);
    }
    if (status == ACOAP_ENOMEM) {
      return status;
    }
  }
  return 0;
}
