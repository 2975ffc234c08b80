/*
 * The end of an endpoint, in steps that run from the loop: users are settled, what they deferred
 * runs, the sockets and the waker are closed, the closed callback runs, the struct goes when nobody
 * holds it any more. acoap_local_endpoint_close itself only says that it shall be so; therefore it
 * may be called from any callback.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

#include "base/mem.h"

acoap_local_endpoint_t *acoap__local_endpoint_hold(acoap_local_endpoint_t *endpoint) {
  endpoint->refs++;
  return endpoint;
}

void acoap__local_endpoint_release(acoap_local_endpoint_t *endpoint) {
  if (--endpoint->refs == 0) {
    acoap__posts_free(endpoint->posts);
    acoap__free(endpoint);
  }
}

void acoap__endpoint_free_insides(acoap_local_endpoint_t *endpoint) {
  acoap__groups_free(endpoint);
  acoap__interfaces_unref(endpoint->interfaces);
  endpoint->interfaces = NULL;
  acoap__requests_free(endpoint);
  acoap__messages_free(endpoint);
  acoap__free(endpoint->reply_bytes);
  endpoint->reply_bytes = NULL;
  acoap__free(endpoint->engine_memory);
  endpoint->engine_memory = NULL;
  acoap__free(endpoint->sockets);
  endpoint->sockets = NULL;
  endpoint->socket_count = 0;
}

void acoap_local_endpoint_close(acoap_local_endpoint_t *endpoint, acoap_close_cb closed,
                                void *user_data) {
  if (endpoint == NULL || endpoint->state != ACOAP__ENDPOINT_OPEN) {
    return;
  }
  endpoint->state = ACOAP__ENDPOINT_CLOSING;
  endpoint->closed = closed;
  endpoint->closed_data = user_data;
  acoap__posts_shut(endpoint->posts);
  acoap__endpoint_touch(endpoint);
}

static void finish(acoap_local_endpoint_t *endpoint) {
  endpoint->state = ACOAP__ENDPOINT_CLOSED;
  endpoint->waker = NULL;
  acoap__endpoint_free_insides(endpoint);
  if (endpoint->closed != NULL) {
    endpoint->closed(endpoint->closed_data);
  }
  /* Last, since a host may be the loop's only user of something that the callback still asks for.
   */
  acoap_host_t *host = endpoint->host;
  acoap__local_endpoint_release(endpoint);
  host->ops->unref(host);
}

static void handle_closed(void *user_data) {
  acoap_local_endpoint_t *endpoint = user_data;
  if (--endpoint->handles_closing == 0) {
    finish(endpoint);
  }
}

static void close_handles(acoap_local_endpoint_t *endpoint) {
  acoap__sockets_flush(endpoint);
  endpoint->state = ACOAP__ENDPOINT_HANDLES;
  endpoint->handles_closing = endpoint->socket_count + 1;
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    acoap__endpoint_socket_t *each = &endpoint->sockets[i];
    acoap__outbox_clear(each);
    acoap_socket_t *socket = each->socket;
    each->socket = NULL;
    socket->ops->close(socket, handle_closed, endpoint);
  }
  /* The waker's callback always comes later, so the count does not reach 0 in here. */
  endpoint->host->ops->waker_close(endpoint->waker, handle_closed, endpoint);
}

void acoap__endpoint_close_step(acoap_local_endpoint_t *endpoint) {
  acoap__list_t *node;
  /* What was posted earlier in the turn that closed it. */
  acoap__posts_run(endpoint);
  while ((node = acoap__list_first(&endpoint->users)) != NULL) {
    acoap__endpoint_user_t *user = ACOAP__CONTAINER(node, acoap__endpoint_user_t, node);
    user->closing(user);
    if (acoap__list_first(&endpoint->users) == node) {
      acoap__endpoint_user_remove(endpoint, user);
    }
  }
  acoap__lookups_cancel(endpoint);
  if (acoap__list_empty(&endpoint->deferred)) {
    close_handles(endpoint);
  }
}
