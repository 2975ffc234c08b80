/*
 * Names become addresses, asynchronously, through the host. One lookup serves all remotes of the
 * authority and everybody who waits; the result is kept LOOKUP_LIFETIME, since getaddrinfo tells no
 * time to live, or until every address has failed. Literals need none. Only addresses that some
 * socket of the endpoint reaches are kept, in the order of the resolver (RFC 6724).
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/remote.h"

#include <string.h>

/* Milliseconds for which a result is used without asking again. */
#define LOOKUP_LIFETIME_MS 60000

void acoap__resolution_init(acoap__resolution_t *resolution,
                            void (*done)(acoap__resolution_t *resolution, int status)) {
  acoap__list_init(&resolution->node);
  resolution->done = done;
}

void acoap__resolution_cancel(acoap__resolution_t *resolution) {
  acoap__list_remove(&resolution->node);
}

/* Tell those that wait. A callback may cancel others, ask again, or drop the last remote. */
static void tell_waiting(acoap__authority_t *authority, int status) {
  acoap__list_t waiting;
  acoap__list_t *node;
  acoap__list_init(&waiting);
  acoap__list_take(&authority->waiting, &waiting);
  while ((node = acoap__list_first(&waiting)) != NULL) {
    acoap__resolution_t *resolution = ACOAP__CONTAINER(node, acoap__resolution_t, node);
    acoap__list_remove(node);
    resolution->done(resolution, status);
  }
}

static bool known(const acoap__authority_t *authority, const acoap_address_t *address) {
  for (size_t i = 0; i < authority->count; i++) {
    if (acoap_address_equal(&authority->addresses[i], address)) {
      return true;
    }
  }
  return false;
}

/* Keep what can be reached. 0, or ACOAP_ENOTSUP when nothing can. */
static int store(acoap__authority_t *authority, const acoap_address_t *addresses, size_t count) {
  authority->count = 0;
  memset(authority->bad, 0, sizeof(authority->bad));
  for (size_t i = 0; i < count && authority->count < ACOAP__AUTHORITY_ADDRESSES_MAX; i++) {
    acoap_address_t address = addresses[i];
    address.port = authority->port;
    if (acoap__sockets_reach(authority->endpoint, &address,
                             authority->scheme == ACOAP_SCHEME_COAPS) &&
        !known(authority, &address)) {
      authority->addresses[authority->count++] = address;
    }
  }
  return authority->count > 0 ? 0 : ACOAP_ENOTSUP;
}

/* acoap_lookup_cb */
static void looked_up(void *user_data, int status, const acoap_address_t *addresses, size_t count) {
  acoap__authority_t *authority = acoap__authority_ref(user_data);
  acoap_local_endpoint_t *endpoint = acoap__local_endpoint_hold(authority->endpoint);
  authority->lookup = NULL;
  acoap__endpoint_enter(endpoint);
  if (status == 0 && count == 0) {
    status = ACOAP_ENOTFOUND;
  }
  if (status == 0) {
    status = store(authority, addresses, count);
  }
  authority->fresh_until =
      status == 0 ? endpoint->host->ops->now(endpoint->host) + LOOKUP_LIFETIME_MS : 0;
  tell_waiting(authority, status);
  acoap__authority_unref(authority);
  acoap__endpoint_leave(endpoint);
  acoap__local_endpoint_release(endpoint);
}

int acoap__remote_resolve_addresses(acoap_remote_endpoint_t *remote,
                                    acoap__resolution_t *resolution) {
  acoap__authority_t *authority = remote->authority;
  acoap_local_endpoint_t *endpoint = authority->endpoint;
  if (endpoint->state != ACOAP__ENDPOINT_OPEN) {
    return ACOAP_ECLOSED;
  }
  if (authority->name == NULL ||
      (authority->count > 0 && endpoint->host->ops->now(endpoint->host) < authority->fresh_until)) {
    return 1;
  }
  if (authority->lookup == NULL) {
    int status = endpoint->host->ops->lookup(endpoint->host, authority->name, authority->port,
                                             looked_up, authority, &authority->lookup);
    if (status != 0) {
      authority->lookup = NULL;
      return status;
    }
  }
  acoap__list_append(&authority->waiting, &resolution->node);
  return 0;
}

void acoap__lookups_cancel(acoap_local_endpoint_t *endpoint) {
  acoap__list_t *node = endpoint->authorities.next;
  while (node != &endpoint->authorities) {
    acoap__authority_t *authority =
        acoap__authority_ref(ACOAP__CONTAINER(node, acoap__authority_t, node));
    if (authority->lookup != NULL) {
      endpoint->host->ops->lookup_cancel(authority->lookup);
      authority->lookup = NULL;
    }
    tell_waiting(authority, ACOAP_ECANCELED);
    node = authority->node.next;
    acoap__authority_unref(authority);
  }
}
