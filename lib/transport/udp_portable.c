/*
 * The portable UDP socket on uv_udp_t (RFC 7252 section 3). libuv tells nothing of the
 * destination of what comes in and lets nobody choose the source of what goes out, so a socket on
 * the any-address is one handle per local address, all on one port: replies leave from the
 * address that was asked, and a handle per joined group tells what came by multicast.
 *   handles = addresses of the family on interfaces that are up, at the last refresh
 * Its limits: ICMP errors are not heard (the time-out is); an address that appears is heard from
 * the next refresh on; the interface of a datagram is that of the address it was sent to; joined
 * on several interfaces, a group's datagrams do not say by which they came.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_portable.h"

#include <string.h>

#include "base/mem.h"
#include "transport/interfaces.h"

#define KEPT_BUFFERS 64
#define PORT_TRIES 16 /* until a free port is free on every address */

static acoap__udp_portable_t *self(acoap_socket_t *socket) {
  return (acoap__udp_portable_t *)socket;
}

void acoap__udp_portable_closed(acoap__udp_portable_t *udp) {
  if (--udp->open_handles > 0 || !udp->closing) {
    return;
  }
  void (*closed)(void *user_data) = udp->closed;
  void *closed_data = udp->closed_data;
  acoap__buffer_pool_close(udp->pool);
  acoap__free(udp);
  if (closed != NULL) {
    closed(closed_data);
  }
}

static void idle_closed(uv_handle_t *handle) {
  acoap__udp_portable_closed(handle->data);
}

static void probe_closed(uv_handle_t *handle) {
  acoap__udp_portable_t *udp = handle->data;
  acoap__free(handle);
  acoap__udp_portable_closed(udp);
}

static void close_list(acoap__list_t *list) {
  for (acoap__list_t *node; (node = acoap__list_first(list)) != NULL;) {
    acoap__udp_handle_close(ACOAP__CONTAINER(node, acoap__udp_handle_t, node));
  }
}

static void close_all(acoap__udp_portable_t *udp) {
  udp->closing = true;
  udp->udp.events = NULL;
  acoap__udp_news_drop(&udp->udp);
  close_list(&udp->handles);
  close_list(&udp->groups);
  if (udp->probe != NULL) {
    uv_close((uv_handle_t *)udp->probe, probe_closed);
  }
  uv_close((uv_handle_t *)&udp->udp.news.idle, idle_closed);
}

/* The addresses. */

static acoap__udp_handle_t *find_handle(const acoap__udp_portable_t *udp,
                                        const acoap_address_t *address) {
  for (acoap__list_t *node = udp->handles.next; node != &udp->handles; node = node->next) {
    acoap__udp_handle_t *handle = ACOAP__CONTAINER(node, acoap__udp_handle_t, node);
    if (memcmp(handle->local.ip, address->ip, sizeof(address->ip)) == 0 &&
        handle->local.scope_id == address->scope_id) {
      return handle;
    }
  }
  return NULL;
}

/* Bind to one more address; one that is not ready yet (RFC 4862 section 5.4) waits for the next
 * refresh. */
static int add_address(acoap__udp_portable_t *udp, const acoap_interface_t *interface) {
  acoap__udp_handle_t *handle = find_handle(udp, &interface->address);
  acoap_address_t local = interface->address;
  local.port = udp->local.port;
  int status = 0;
  if (handle == NULL) {
    status = acoap__udp_handle_open(udp, &udp->handles, &local, interface->index, &handle);
  }
  if (status == 0) {
    handle->seen = true;
    udp->local.port = handle->local.port;
  }
  return status == UV_EADDRNOTAVAIL ? 0 : status;
}

static int add_addresses(acoap__udp_portable_t *udp) {
  acoap_interface_t *list = NULL;
  int count = acoap__interfaces_list_all(&list);
  int status = count < 0 ? count : 0;
  for (int i = 0; i < count && status == 0; i++) {
    if (list[i].address.family == udp->local.family) {
      status = add_address(udp, &list[i]);
    }
  }
  if (count >= 0) {
    acoap__free(list);
  }
  return status;
}

void acoap__udp_portable_refresh(acoap_socket_t *socket) {
  acoap__udp_portable_t *udp = self(socket);
  acoap__udp_routes_forget(udp);
  if (!udp->wildcard || udp->closing) {
    return;
  }
  for (acoap__list_t *node = udp->handles.next; node != &udp->handles; node = node->next) {
    ACOAP__CONTAINER(node, acoap__udp_handle_t, node)->seen = false;
  }
  if (add_addresses(udp) != 0) {
    /* The list is not whole, so what it lacks proves nothing. */
    return;
  }
  for (acoap__list_t *node = udp->handles.next; node != &udp->handles;) {
    acoap__udp_handle_t *handle = ACOAP__CONTAINER(node, acoap__udp_handle_t, node);
    node = node->next;
    if (!handle->seen) {
      acoap__udp_handle_close(handle);
    }
  }
}

/* With port 0 the first address gets a free port, which another address may have in use. */
static int open_wildcard(acoap__udp_portable_t *udp) {
  int status = UV_EADDRINUSE;
  int tries = udp->options.local.port == 0 ? PORT_TRIES : 1;
  for (int i = 0; i < tries && status == UV_EADDRINUSE; i++) {
    close_list(&udp->handles);
    udp->local.port = udp->options.local.port;
    status = add_addresses(udp);
  }
  if (status == 0 && acoap__list_empty(&udp->handles)) {
    status = UV_EADDRNOTAVAIL;
  }
  return status;
}

static int open_single(acoap__udp_portable_t *udp) {
  acoap__udp_handle_t *handle = NULL;
  int status = acoap__udp_handle_open(udp, &udp->handles, &udp->options.local,
                                      udp->options.local.scope_id, &handle);
  if (status == 0) {
    udp->local = handle->local;
  }
  return status;
}

static int open_handles(acoap__udp_portable_t *udp) {
  if (udp->options.adopt_fd != 0) {
    return acoap__udp_handle_adopt(udp, udp->options.adopt_fd - 1);
  }
  udp->local = udp->options.local;
  udp->wildcard = acoap_address_is_any(&udp->local);
  return udp->wildcard ? open_wildcard(udp) : open_single(udp);
}

/* The table. */

static int start(acoap_socket_t *socket, const acoap_socket_events_t *events, void *user_data) {
  acoap__udp_portable_t *udp = self(socket);
  if (events == NULL || events->received == NULL || udp->udp.events != NULL || udp->closing) {
    return ACOAP_EINVAL;
  }
  udp->udp.events = events;
  udp->udp.user_data = user_data;
  int status = 0;
  acoap__list_t *lists[2] = {&udp->handles, &udp->groups};
  for (size_t i = 0; i < 2; i++) {
    for (acoap__list_t *node = lists[i]->next; node != lists[i] && status == 0; node = node->next) {
      status = acoap__udp_handle_receive(ACOAP__CONTAINER(node, acoap__udp_handle_t, node));
    }
  }
  if (status != 0) {
    udp->udp.events = NULL;
  }
  return status;
}

static int local_address(acoap_socket_t *socket, acoap_address_t *address) {
  *address = self(socket)->local;
  return 0;
}

static bool reaches(acoap_socket_t *socket, const acoap_address_t *address) {
  const acoap__udp_portable_t *udp = self(socket);
  return address->family == udp->local.family ||
         (udp->dual && address->family == ACOAP_FAMILY_IPV4);
}

static void set_ref(acoap_socket_t *socket, bool ref) {
  acoap__udp_portable_t *udp = self(socket);
  acoap__list_t *lists[2] = {&udp->handles, &udp->groups};
  udp->ref = ref;
  for (size_t i = 0; i < 2; i++) {
    for (acoap__list_t *node = lists[i]->next; node != lists[i]; node = node->next) {
      uv_handle_t *handle = (uv_handle_t *)&ACOAP__CONTAINER(node, acoap__udp_handle_t, node)->uv;
      if (ref) {
        uv_ref(handle);
      } else {
        uv_unref(handle);
      }
    }
  }
}

static void close_socket(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  acoap__udp_portable_t *udp = self(socket);
  if (!udp->closing) {
    udp->closed = closed;
    udp->closed_data = user_data;
    close_all(udp);
  }
}

static const acoap_socket_ops_t portable_ops = {
    .size = sizeof(acoap_socket_ops_t),
    .start = start,
    .send = acoap__udp_portable_send,
    .join = acoap__udp_portable_join,
    .leave = acoap__udp_portable_leave,
    .local_address = local_address,
    .reaches = reaches,
    .set_ref = set_ref,
    .close = close_socket,
    .refresh = acoap__udp_portable_refresh,
};

const acoap_socket_ops_t *acoap__udp_portable_ops(void) {
  return &portable_ops;
}

int acoap__udp_portable_new(uv_loop_t *loop, const acoap_udp_options_t *options,
                            acoap_socket_t **socket) {
  acoap__udp_portable_t *udp = acoap__calloc(1, sizeof(*udp));
  acoap__buffer_pool_t *pool = acoap__buffer_pool_new(options->datagram_max_bytes, KEPT_BUFFERS);
  if (udp == NULL || pool == NULL) {
    acoap__buffer_pool_close(pool);
    acoap__free(udp);
    return ACOAP_ENOMEM;
  }
  udp->udp.socket.ops = &portable_ops;
  udp->loop = loop;
  udp->options = *options;
  udp->pool = pool;
  acoap__list_init(&udp->handles);
  acoap__list_init(&udp->groups);
  acoap__udp_news_init(&udp->udp, loop);
  udp->open_handles = 1;
  int status = open_handles(udp);
  if (status != 0) {
    /* libuv needs a turn to let go of what was opened so far. */
    close_all(udp);
    return status;
  }
  *socket = &udp->udp.socket;
  return 0;
}
