/*
 * The null socket: swallows what it is sent and hears nothing. For endpoints that only decode, and
 * for measurements. It stands on no loop, so closing it calls back at once.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/socket.h>

#include "base/mem.h"

static int start(acoap_socket_t *socket, const acoap_socket_events_t *events, void *user_data) {
  (void)socket;
  (void)user_data;
  return events != NULL ? 0 : ACOAP_EINVAL;
}

static int swallow(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch, size_t count) {
  (void)socket;
  (void)batch;
  return (int)count;
}

static int change_membership(acoap_socket_t *socket, const acoap_address_t *group,
                             uint32_t interface) {
  (void)socket;
  (void)interface;
  return group != NULL && acoap_address_is_multicast(group) ? 0 : ACOAP_EINVAL;
}

static int local_address(acoap_socket_t *socket, acoap_address_t *address) {
  (void)socket;
  *address = (acoap_address_t){.family = ACOAP_FAMILY_NONE};
  return 0;
}

static void close_socket(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  acoap__free(socket);
  if (closed != NULL) {
    closed(user_data);
  }
}

static const acoap_socket_ops_t null_ops = {
    .size = sizeof(acoap_socket_ops_t),
    .start = start,
    .send = swallow,
    .join = change_membership,
    .leave = change_membership,
    .local_address = local_address,
    .close = close_socket,
};

int acoap_null_socket_new(acoap_socket_t **socket) {
  if (socket == NULL) {
    return ACOAP_EINVAL;
  }
  acoap_socket_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->ops = &null_ops;
  *socket = made;
  return 0;
}
