/*
 * One uv_udp_t of a portable UDP socket: bound to one address or group, receiving into pooled
 * buffers, one datagram a callback. Chooses no route and joins no group.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_portable.h"

#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/mem.h"
#include "transport/sockaddr.h"

/* Receiving. */

static void lend_buffer(uv_handle_t *uv, size_t suggested, uv_buf_t *out) {
  acoap__udp_handle_t *handle = uv->data;
  (void)suggested;
  if (handle->filling == NULL) {
    handle->filling = acoap__buffer_pool_take(handle->owner->pool);
  }
  /* A datagram without a buffer still must be taken off, or the loop would spin on it. */
  *out = handle->filling != NULL
             ? uv_buf_init((char *)handle->filling->bytes, (unsigned int)handle->filling->cap)
             : uv_buf_init((char *)handle->scratch, sizeof(handle->scratch));
}

static acoap_path_t path_of(const acoap__udp_handle_t *handle, const acoap_address_t *peer) {
  acoap_path_t path = {.peer = *peer, .local = handle->local, .multicast = handle->group};
  path.interface = handle->interface;
  if (handle->group) {
    const acoap__list_t *first = acoap__list_first(&handle->memberships);
    path.interface = 0;
    if (first != NULL && first->next == &handle->memberships) {
      path.interface = ACOAP__CONTAINER(first, const acoap__udp_membership_t, node)->interface;
    }
  }
  if (path.interface == 0) {
    path.interface = peer->scope_id;
  }
  return path;
}

static void received(uv_udp_t *uv, ssize_t len, const uv_buf_t *bytes, const struct sockaddr *from,
                     unsigned int flags) {
  acoap__udp_handle_t *handle = uv->data;
  acoap__udp_portable_t *udp = handle->owner;
  acoap_address_t peer;
  (void)bytes;
  if (len < 0 || from == NULL || udp->udp.events == NULL) {
    /* Nothing more for now, or an error that tells of no datagram; the buffer waits for the next
     * one. */
    return;
  }
  if (handle->filling == NULL) {
    udp->udp.stats.dropped_no_memory++;
    return;
  }
  if (!acoap__sockaddr_read(from, &peer) || peer.port == 0) {
    return;
  }
  acoap_buffer_t *buffer = handle->filling;
  handle->filling = NULL;
  buffer->len = (size_t)len;
  acoap_incoming_datagram_t datagram = {.path = path_of(handle, &peer),
                                        .buffer = buffer,
                                        .bytes = {buffer->bytes, buffer->len},
                                        .truncated = (flags & UV_UDP_PARTIAL) != 0};
  udp->udp.stats.dropped_too_long += datagram.truncated ? 1 : 0;
  udp->udp.stats.received++;
  udp->udp.stats.receive_calls++;
  udp->udp.events->received(udp->udp.user_data, &datagram, 1);
  acoap__buf_unref(buffer);
}

int acoap__udp_handle_receive(acoap__udp_handle_t *handle) {
  int status = uv_udp_recv_start(&handle->uv, lend_buffer, received);
  return status == UV_EALREADY ? 0 : status;
}

/* Closing. */

static void handle_closed(uv_handle_t *uv) {
  acoap__udp_handle_t *handle = uv->data;
  acoap__udp_portable_t *udp = handle->owner;
  for (acoap__list_t *node; (node = acoap__list_first(&handle->memberships)) != NULL;) {
    acoap__list_remove(node);
    acoap__free(ACOAP__CONTAINER(node, acoap__udp_membership_t, node));
  }
  acoap__buf_unref(handle->filling);
  acoap__free(handle);
  acoap__udp_portable_closed(udp);
}

void acoap__udp_handle_close(acoap__udp_handle_t *handle) {
  acoap__list_remove(&handle->node);
  uv_close((uv_handle_t *)&handle->uv, handle_closed);
}

/* Opening. */

static acoap__udp_handle_t *new_handle(acoap__udp_portable_t *udp, acoap__list_t *list,
                                       unsigned int family, int *status) {
  acoap__udp_handle_t *handle = acoap__calloc(1, sizeof(*handle));
  if (handle == NULL) {
    *status = ACOAP_ENOMEM;
    return NULL;
  }
  *status = uv_udp_init_ex(udp->loop, &handle->uv, family);
  if (*status != 0) {
    acoap__free(handle);
    return NULL;
  }
  handle->uv.data = handle;
  handle->owner = udp;
  acoap__list_init(&handle->memberships);
  acoap__list_append(list, &handle->node);
  udp->open_handles++;
  if (!udp->ref) {
    uv_unref((uv_handle_t *)&handle->uv);
  }
  return handle;
}

static int share_port(acoap__udp_handle_t *handle) {
  int on = 1;
  uv_os_fd_t fd;
  int status = uv_fileno((const uv_handle_t *)&handle->uv, &fd);
  if (status != 0) {
    return status;
  }
#if defined(SO_REUSEPORT)
  return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0
             ? 0
             : uv_translate_sys_error(errno);
#else
  (void)on;
  return ACOAP_ENOTSUP;
#endif
}

static void tune(acoap__udp_handle_t *handle) {
  const acoap_udp_options_t *options = &handle->owner->options;
  char text[ACOAP__UDP_INTERFACE_TEXT];
  int receive = (int)options->receive_buffer_bytes;
  int send = (int)options->send_buffer_bytes;
  /* As far as the system lets us. */
  uv_recv_buffer_size((uv_handle_t *)&handle->uv, &receive);
  uv_send_buffer_size((uv_handle_t *)&handle->uv, &send);
  uv_udp_set_multicast_loop(&handle->uv, !options->multicast_loop_off);
  if (handle->interface != 0 &&
      acoap__udp_interface_text(handle->interface, handle->local.family, text) &&
      uv_udp_set_multicast_interface(&handle->uv, text) == 0) {
    handle->aimed_at = handle->interface;
  }
}

static int read_local(acoap__udp_handle_t *handle) {
  struct sockaddr_storage bound;
  int len = sizeof(bound);
  int status = uv_udp_getsockname(&handle->uv, (struct sockaddr *)&bound, &len);
  if (status == 0 && !acoap__sockaddr_read((const struct sockaddr *)&bound, &handle->local)) {
    status = ACOAP_EINVAL;
  }
  return status;
}

static int bind_handle(acoap__udp_handle_t *handle, const acoap_address_t *local) {
  const acoap_udp_options_t *options = &handle->owner->options;
  struct sockaddr_storage address;
  unsigned int flags = local->family == ACOAP_FAMILY_IPV6 ? (unsigned int)UV_UDP_IPV6ONLY : 0;
  acoap__sockaddr_write(local, false, &address);
  /* A group's port is everybody's. */
  if (options->reuse_address || handle->group) {
    flags |= UV_UDP_REUSEADDR;
  }
  /* A port that the system chooses is to be nobody's yet: it might be one that is shared already.
   */
  bool share_later = options->reuse_port && local->port == 0;
  int status = options->reuse_port && !share_later ? share_port(handle) : 0;
  if (status == 0) {
    status = uv_udp_bind(&handle->uv, (const struct sockaddr *)&address, flags);
  }
  if (status == 0 && share_later) {
    status = share_port(handle);
  }
  return status == 0 ? read_local(handle) : status;
}

int acoap__udp_handle_open(acoap__udp_portable_t *udp, acoap__list_t *list,
                           const acoap_address_t *local, uint32_t interface,
                           acoap__udp_handle_t **handle) {
  int status = 0;
  unsigned int family = local->family == ACOAP_FAMILY_IPV6 ? AF_INET6 : AF_INET;
  acoap__udp_handle_t *made = new_handle(udp, list, family, &status);
  if (made == NULL) {
    return status;
  }
  made->interface = interface;
  made->group = acoap_address_is_multicast(local);
  status = bind_handle(made, local);
  if (status == 0) {
    tune(made);
    status = udp->udp.events != NULL ? acoap__udp_handle_receive(made) : 0;
  }
  if (status != 0) {
    acoap__udp_handle_close(made);
    return status;
  }
  *handle = made;
  return 0;
}

/* What must be known before libuv takes the descriptor, after which there is no giving it back. */
static int check_adopted(int fd, acoap_address_t *local, bool *dual) {
  int type = 0;
  int only = 1;
  socklen_t type_len = sizeof(type);
  socklen_t only_len = sizeof(only);
  struct sockaddr_storage bound;
  socklen_t len = sizeof(bound);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 ||
      getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
    return uv_translate_sys_error(errno);
  }
  if (type != SOCK_DGRAM || !acoap__sockaddr_read((const struct sockaddr *)&bound, local)) {
    return ACOAP_EINVAL;
  }
  if (local->family == ACOAP_FAMILY_IPV6) {
    getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &only_len);
  }
  *dual = only == 0;
  return 0;
}

int acoap__udp_handle_adopt(acoap__udp_portable_t *udp, int fd) {
  acoap_address_t local;
  bool dual = false;
  int status = check_adopted(fd, &local, &dual);
  if (status != 0) {
    return status;
  }
  acoap__udp_handle_t *handle = new_handle(udp, &udp->handles, AF_UNSPEC, &status);
  if (handle == NULL) {
    return status;
  }
  status = uv_udp_open(&handle->uv, fd);
  if (status != 0) {
    acoap__udp_handle_close(handle);
    return status;
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  udp->local = local;
  udp->dual = dual;
  handle->local = local;
  handle->group = acoap_address_is_multicast(&local);
  if (acoap_address_is_any(&local)) {
    handle->local = (acoap_address_t){.port = local.port};
  }
  tune(handle);
  return 0;
}
