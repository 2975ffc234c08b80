/*
 * Which handle of a portable UDP socket a datagram leaves by: the one of the address wished for;
 * for groups and link-local peers one on their interface; else the one whose address the system's
 * routing table takes, which is asked by connecting a second socket that never sends. The answer
 * is remembered for ROUTE_MS.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_portable.h"

#include <string.h>

#include "base/mem.h"
#include "transport/sockaddr.h"

#define ROUTE_MS 1000

void acoap__udp_routes_forget(acoap__udp_portable_t *udp) {
  memset(udp->routes, 0, sizeof(udp->routes));
}

static acoap__udp_handle_t *handle_of(const acoap__udp_portable_t *udp,
                                      const acoap_address_t *address) {
  for (acoap__list_t *node = udp->handles.next; node != &udp->handles; node = node->next) {
    acoap__udp_handle_t *handle = ACOAP__CONTAINER(node, acoap__udp_handle_t, node);
    if (memcmp(handle->local.ip, address->ip, sizeof(address->ip)) == 0 &&
        (address->scope_id == 0 || handle->local.scope_id == address->scope_id)) {
      return handle;
    }
  }
  return NULL;
}

/* RFC 6724 section 5 rule 2 as far as it matters: a source of the destination's scope. */
static acoap__udp_handle_t *handle_on(const acoap__udp_portable_t *udp, uint32_t interface,
                                      bool link_local) {
  acoap__udp_handle_t *other = NULL;
  for (acoap__list_t *node = udp->handles.next; node != &udp->handles; node = node->next) {
    acoap__udp_handle_t *handle = ACOAP__CONTAINER(node, acoap__udp_handle_t, node);
    if (handle->interface != interface) {
      continue;
    }
    if (acoap__address_is_link_local(&handle->local) == link_local) {
      return handle;
    }
    other = other != NULL ? other : handle;
  }
  return other;
}

/* Asking the system. */

static int open_probe(acoap__udp_portable_t *udp) {
  if (udp->probe != NULL) {
    return 0;
  }
  uv_udp_t *probe = acoap__calloc(1, sizeof(*probe));
  if (probe == NULL) {
    return ACOAP_ENOMEM;
  }
  int status = uv_udp_init(udp->loop, probe);
  if (status != 0) {
    acoap__free(probe);
    return status;
  }
  probe->data = udp;
  uv_unref((uv_handle_t *)probe);
  udp->probe = probe;
  udp->open_handles++;
  return 0;
}

static int ask(acoap__udp_portable_t *udp, const acoap_address_t *peer, acoap_address_t *source) {
  struct sockaddr_storage address;
  int len = sizeof(address);
  int status = open_probe(udp);
  if (status != 0) {
    return status;
  }
  acoap__sockaddr_write(peer, false, &address);
  status = uv_udp_connect(udp->probe, (const struct sockaddr *)&address);
  if (status != 0) {
    return status;
  }
  status = uv_udp_getsockname(udp->probe, (struct sockaddr *)&address, &len);
  if (status == 0 && !acoap__sockaddr_read((const struct sockaddr *)&address, source)) {
    status = ACOAP_EADDRESS;
  }
  uv_udp_connect(udp->probe, NULL);
  return status;
}

static int source_towards(acoap__udp_portable_t *udp, const acoap_address_t *peer,
                          acoap_address_t *source) {
  uint64_t now = uv_now(udp->loop);
  acoap_address_t host = *peer;
  host.port = 0;
  for (size_t i = 0; i < ACOAP__UDP_ROUTES; i++) {
    const acoap__udp_route_t *route = &udp->routes[i];
    if (acoap_address_equal(&route->peer, &host) && now - route->at < ROUTE_MS) {
      *source = route->source;
      return 0;
    }
  }
  int status = ask(udp, peer, source);
  if (status == 0) {
    source->port = 0;
    udp->routes[udp->next_route] = (acoap__udp_route_t){host, *source, now};
    udp->next_route = (udp->next_route + 1) % ACOAP__UDP_ROUTES;
  }
  return status;
}

static int by_routing_table(acoap__udp_portable_t *udp, const acoap_address_t *peer,
                            acoap__udp_handle_t **handle) {
  acoap_address_t source;
  int status = source_towards(udp, peer, &source);
  if (status != 0) {
    return status;
  }
  *handle = handle_of(udp, &source);
  if (*handle == NULL) {
    /* An address that has come since the last look. */
    acoap__udp_portable_refresh(&udp->udp.socket);
    *handle = handle_of(udp, &source);
  }
  return *handle != NULL ? 0 : UV_EADDRNOTAVAIL;
}

int acoap__udp_route(acoap__udp_portable_t *udp, const acoap_path_t *path,
                     acoap__udp_handle_t **handle) {
  acoap_address_t wished;
  acoap__list_t *first = acoap__list_first(&udp->handles);
  uint32_t interface = acoap__udp_wished_interface(path);
  if (!udp->wildcard) {
    *handle = ACOAP__CONTAINER(first, acoap__udp_handle_t, node);
    return 0;
  }
  if (first == NULL) {
    return ACOAP_ENONET;
  }
  if (acoap__udp_wished_source(path, &wished)) {
    *handle = handle_of(udp, &wished);
    return *handle != NULL ? 0 : UV_EADDRNOTAVAIL;
  }
  if (interface != 0) {
    *handle = handle_on(udp, interface, acoap__address_is_link_local(&path->peer));
    return *handle != NULL ? 0 : UV_ENETUNREACH;
  }
  return by_routing_table(udp, &path->peer, handle);
}
