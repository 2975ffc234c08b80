/*
 * The way out of a portable UDP socket: each datagram goes to the system at once
 * (uv_udp_try_send); what the system has no room for is copied and left to libuv (uv_udp_send),
 * up to send_queue_max datagrams.
 * TTL and multicast interface belong to a handle, not to a datagram: while libuv still holds
 * datagrams of a handle, one that needs another setting has to wait.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_portable.h"

#include <string.h>

#include "base/mem.h"
#include "transport/sockaddr.h"

#define DEFAULT_HOPS 64      /* RFC 1700; what to set back to */
#define DEFAULT_GROUP_HOPS 1 /* RFC 1112 section 6.1 */

typedef struct queued_send {
  uv_udp_send_t request;        /* under way */
  acoap__udp_portable_t *owner; /* outlives it */
  acoap_path_t path;            /* where to; nothing borrowed */
  size_t len;                   /* of bytes */
  uint8_t bytes[];              /* the datagram */
} queued_send_t;

/* The settings of a handle. */

static bool needs_settings(const acoap__udp_handle_t *handle, const acoap_path_t *path,
                           uint32_t interface) {
  if (!acoap_address_is_multicast(&path->peer)) {
    return handle->hops != path->hop_limit;
  }
  return handle->group_hops != path->hop_limit || (interface != 0 && handle->aimed_at != interface);
}

static int aim(acoap__udp_handle_t *handle, uint32_t interface, uint8_t family) {
  char text[ACOAP__UDP_INTERFACE_TEXT];
  if (interface == 0 || handle->aimed_at == interface) {
    return 0;
  }
  if (!acoap__udp_interface_text(interface, family, text)) {
    return UV_ENODEV;
  }
  int status = uv_udp_set_multicast_interface(&handle->uv, text);
  if (status == 0) {
    handle->aimed_at = interface;
  }
  return status;
}

static int apply_settings(acoap__udp_handle_t *handle, const acoap_path_t *path,
                          uint32_t interface) {
  int hops = path->hop_limit;
  int status = 0;
  if (!needs_settings(handle, path, interface)) {
    return 0;
  }
  if (uv_udp_get_send_queue_count(&handle->uv) > 0) {
    return ACOAP_EAGAIN;
  }
  if (!acoap_address_is_multicast(&path->peer)) {
    status = uv_udp_set_ttl(&handle->uv, hops != 0 ? hops : DEFAULT_HOPS);
    handle->hops = status == 0 ? path->hop_limit : handle->hops;
    return status;
  }
  if (handle->group_hops != path->hop_limit) {
    status = uv_udp_set_multicast_ttl(&handle->uv, hops != 0 ? hops : DEFAULT_GROUP_HOPS);
    handle->group_hops = status == 0 ? path->hop_limit : handle->group_hops;
  }
  return status == 0 ? aim(handle, interface, path->peer.family) : status;
}

/* What the system has no room for. */

static void tell_room(acoap__udp_portable_t *udp) {
  if (udp->refused && !udp->closing) {
    udp->refused = false;
    acoap__udp_news_writable(&udp->udp);
  }
}

static void sent_late(uv_udp_send_t *request, int status) {
  queued_send_t *queued = request->data;
  acoap__udp_portable_t *udp = queued->owner;
  acoap_bytes_t quote = {queued->bytes, queued->len};
  udp->queued--;
  if (status == 0) {
    udp->udp.stats.sent++;
    udp->udp.stats.send_calls++;
  } else if (status == UV_ENOBUFS) {
    udp->udp.stats.dropped_full++;
  } else if (!udp->closing) {
    acoap__udp_news_refused(&udp->udp, &queued->path, status, quote);
  }
  tell_room(udp);
  acoap__free(queued);
}

static int send_late(acoap__udp_portable_t *udp, acoap__udp_handle_t *handle,
                     const acoap_outgoing_datagram_t *datagram, const struct sockaddr *to) {
  if (udp->queued >= udp->options.send_queue_max) {
    return ACOAP_EAGAIN;
  }
  queued_send_t *queued = acoap__malloc(sizeof(*queued) + datagram->bytes.len);
  if (queued == NULL) {
    return ACOAP_ENOMEM;
  }
  queued->request.data = queued;
  queued->owner = udp;
  queued->path = *datagram->path;
  queued->len = datagram->bytes.len;
  if (queued->len > 0) {
    memcpy(queued->bytes, datagram->bytes.data, queued->len);
  }
  uv_buf_t bytes = uv_buf_init((char *)queued->bytes, (unsigned int)queued->len);
  int status = uv_udp_send(&queued->request, &handle->uv, &bytes, 1, to, sent_late);
  if (status != 0) {
    acoap__free(queued);
    return status;
  }
  udp->queued++;
  return 0;
}

/* One datagram. */

static int send_now(acoap__udp_portable_t *udp, acoap__udp_handle_t *handle,
                    const acoap_outgoing_datagram_t *datagram, const struct sockaddr *to) {
  /* libuv's buffers are not const, but sending writes to none. */
  uv_buf_t bytes = {.len = datagram->bytes.len};
  memcpy(&bytes.base, &datagram->bytes.data, sizeof(bytes.base));
  int status = uv_udp_try_send(&handle->uv, &bytes, 1, to);
  if (status >= 0) {
    udp->udp.stats.sent++;
    udp->udp.stats.send_calls++;
    return 0;
  }
  if (status == UV_ENOBUFS) {
    /* As if the network had lost it. */
    udp->udp.stats.dropped_full++;
    return 0;
  }
  return status == UV_EAGAIN ? send_late(udp, handle, datagram, to) : status;
}

static int send_one(acoap__udp_portable_t *udp, const acoap_outgoing_datagram_t *datagram) {
  const acoap_path_t *path = datagram->path;
  acoap__udp_handle_t *handle = NULL;
  struct sockaddr_storage to;
  uint32_t interface = acoap__udp_wished_interface(path);
  int status = acoap__udp_check(datagram);
  if (status == 0 && !udp->udp.socket.ops->reaches(&udp->udp.socket, &path->peer)) {
    status = ACOAP_EADDRESS;
  }
  if (status == 0) {
    status = acoap__udp_route(udp, path, &handle);
  }
  if (status == 0) {
    status = apply_settings(handle, path, interface);
  }
  if (status != 0) {
    return status;
  }
  acoap_address_t peer = path->peer;
  if (acoap__address_is_link_local(&peer) && peer.scope_id == 0) {
    peer.scope_id = interface;
  }
  acoap__sockaddr_write(&peer, udp->dual, &to);
  return send_now(udp, handle, datagram, (const struct sockaddr *)&to);
}

int acoap__udp_portable_send(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch,
                             size_t count) {
  acoap__udp_portable_t *udp = (acoap__udp_portable_t *)socket;
  size_t taken = 0;
  int status = udp->closing ? ACOAP_ECLOSED : 0;
  while (status == 0 && taken < count) {
    status = send_one(udp, &batch[taken]);
    taken += status == 0 ? 1 : 0;
  }
  if (status == ACOAP_EAGAIN) {
    udp->refused = true;
  } else if (status != 0 && taken > 0) {
    /* The next call, after `writable`, will say what is wrong with this one. */
    acoap__udp_news_writable(&udp->udp);
  }
  return taken > 0 || status == 0 ? (int)taken : status;
}
