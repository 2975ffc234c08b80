/*
 * Who is asked: scheme, host and port of a URI with the addresses that belong to them, shared by
 * all remotes of an endpoint that name the same (RFC 7252 section 6.1). An address that answered
 * moves to the front, one that failed to the back, so the next request begins with the best; when
 * all have failed they are looked up again. Looks up nothing itself (lookup.c).
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/remote.h"

#include <string.h>

#include "base/mem.h"

static bool same(const acoap__authority_t *authority, acoap_scheme_t scheme, const char *name,
                 uint16_t port, const acoap_address_t *addresses, size_t count) {
  if (authority->scheme != scheme || authority->port != port ||
      (authority->name == NULL) != (name == NULL)) {
    return false;
  }
  if (name != NULL) {
    return strcmp(authority->name, name) == 0;
  }
  for (size_t i = 0; i < count && authority->count == count; i++) {
    if (!acoap_address_equal(&authority->addresses[i], &addresses[i])) {
      return false;
    }
  }
  return authority->count == count;
}

acoap__authority_t *acoap__authority_get(acoap_local_endpoint_t *endpoint, acoap_scheme_t scheme,
                                         const char *name, uint16_t port,
                                         const acoap_address_t *addresses, size_t count) {
  for (acoap__list_t *node = endpoint->authorities.next; node != &endpoint->authorities;
       node = node->next) {
    acoap__authority_t *each = ACOAP__CONTAINER(node, acoap__authority_t, node);
    if (same(each, scheme, name, port, addresses, count)) {
      return acoap__authority_ref(each);
    }
  }
  acoap__authority_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return NULL;
  }
  if (name != NULL) {
    made->name = acoap__malloc(strlen(name) + 1);
    if (made->name == NULL) {
      acoap__free(made);
      return NULL;
    }
    memcpy(made->name, name, strlen(name) + 1);
  }
  made->refs = 1;
  made->scheme = scheme;
  made->port = port;
  made->count = name == NULL ? count : 0;
  for (size_t i = 0; i < made->count; i++) {
    made->addresses[i] = addresses[i];
  }
  acoap__list_init(&made->waiting);
  acoap__list_append(&endpoint->authorities, &made->node);
  made->endpoint = acoap__local_endpoint_hold(endpoint);
  return made;
}

acoap__authority_t *acoap__authority_ref(acoap__authority_t *authority) {
  authority->refs++;
  return authority;
}

void acoap__authority_unref(acoap__authority_t *authority) {
  if (authority == NULL || --authority->refs > 0) {
    return;
  }
  /* Who waits holds a remote, and with it the authority; who did not, waits in vain. */
  for (acoap__list_t *node; (node = acoap__list_first(&authority->waiting)) != NULL;) {
    acoap__list_remove(node);
  }
  if (authority->lookup != NULL) {
    authority->endpoint->host->ops->lookup_cancel(authority->lookup);
  }
  acoap__list_remove(&authority->node);
  acoap__local_endpoint_release(authority->endpoint);
  acoap__free(authority->name);
  acoap__free(authority);
}

/* ---- which address is best ------------------------------------------------------------------- */

static size_t place_of(const acoap__authority_t *authority, const acoap_address_t *address) {
  size_t i = 0;
  while (i < authority->count && !acoap_address_equal(&authority->addresses[i], address)) {
    i++;
  }
  return i;
}

/* Take the address at `from` out and put it in again at `to`. */
static void move(acoap__authority_t *authority, size_t from, size_t to, bool bad) {
  acoap_address_t address = authority->addresses[from];
  for (size_t i = from; i < to; i++) {
    authority->addresses[i] = authority->addresses[i + 1];
    authority->bad[i] = authority->bad[i + 1];
  }
  for (size_t i = from; i > to; i--) {
    authority->addresses[i] = authority->addresses[i - 1];
    authority->bad[i] = authority->bad[i - 1];
  }
  authority->addresses[to] = address;
  authority->bad[to] = bad;
}

void acoap__remote_address_good(acoap_remote_endpoint_t *remote, const acoap_address_t *address) {
  acoap__authority_t *authority = remote->authority;
  size_t place = place_of(authority, address);
  if (place < authority->count && !acoap_address_is_multicast(address)) {
    move(authority, place, 0, false);
  }
}

void acoap__remote_address_bad(acoap_remote_endpoint_t *remote, const acoap_address_t *address) {
  acoap__authority_t *authority = remote->authority;
  size_t place = place_of(authority, address);
  if (place == authority->count || acoap_address_is_multicast(address)) {
    return;
  }
  move(authority, place, authority->count - 1, true);
  for (size_t i = 0; i < authority->count; i++) {
    if (!authority->bad[i]) {
      return;
    }
  }
  memset(authority->bad, 0, sizeof(authority->bad));
  authority->fresh_until = 0;
}

const acoap_address_t *acoap__remote_addresses(const acoap_remote_endpoint_t *remote,
                                               size_t *count) {
  *count = remote->authority->count;
  return remote->authority->addresses;
}

acoap__qblock_support_t acoap__remote_qblock(const acoap_remote_endpoint_t *remote) {
  return remote->authority->qblock;
}

void acoap__remote_note_qblock(acoap_remote_endpoint_t *remote, acoap__qblock_support_t support) {
  remote->authority->qblock = support;
}
