/*
 * Opening a UDP socket: the options made whole, and the choice between the batched kind and the
 * portable one (RFC 7252 sections 3 and 6.1). What both do with a path before any system call
 * stands here too.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_kinds.h"

#include "transport/sockaddr.h"

static bool is_ip(const acoap_address_t *address) {
  return address->family == ACOAP_FAMILY_IPV4 || address->family == ACOAP_FAMILY_IPV6;
}

static int make_whole(const acoap_udp_options_t *given, acoap_udp_options_t *whole) {
  if (given == NULL || given->size < sizeof(*given) || given->adopt_fd < 0 ||
      given->receive_buffer_bytes > INT32_MAX || given->send_buffer_bytes > INT32_MAX ||
      given->datagram_max_bytes > UINT16_MAX || given->send_queue_max > INT32_MAX / 4096 ||
      (given->adopt_fd == 0 && !is_ip(&given->local))) {
    return ACOAP_EINVAL;
  }
  *whole = *given;
  if (whole->receive_buffer_bytes == 0) {
    whole->receive_buffer_bytes = ACOAP__UDP_SYSTEM_BUFFER;
  }
  if (whole->send_buffer_bytes == 0) {
    whole->send_buffer_bytes = ACOAP__UDP_SYSTEM_BUFFER;
  }
  if (whole->datagram_max_bytes == 0) {
    whole->datagram_max_bytes = ACOAP__UDP_DATAGRAM_MAX;
  }
  if (whole->send_queue_max == 0) {
    whole->send_queue_max = ACOAP__UDP_SEND_QUEUE_MAX;
  }
  return 0;
}

int acoap_udp_socket_new(struct uv_loop_s *loop, acoap_udp_kind_t kind,
                         const acoap_udp_options_t *options, acoap_socket_t **socket) {
  acoap_udp_options_t whole;
  if (loop == NULL || socket == NULL) {
    return ACOAP_EINVAL;
  }
  int status = make_whole(options, &whole);
  if (status != 0) {
    return status;
  }
  switch (kind) {
  case ACOAP_UDP_BEST:
    status = acoap__udp_batched_new(loop, &whole, socket);
    return status != ACOAP_ENOTSUP ? status : acoap__udp_portable_new(loop, &whole, socket);
  case ACOAP_UDP_BATCHED:
    return acoap__udp_batched_new(loop, &whole, socket);
  case ACOAP_UDP_PORTABLE:
    return acoap__udp_portable_new(loop, &whole, socket);
  default:
    return ACOAP_EINVAL;
  }
}

int acoap_udp_socket_get_stats(acoap_socket_t *socket, acoap_udp_stats_t *stats) {
  if (socket == NULL || stats == NULL || stats->size < sizeof(*stats) ||
      (socket->ops != acoap__udp_batched_ops() && socket->ops != acoap__udp_portable_ops())) {
    return ACOAP_EINVAL;
  }
  *stats = ((const acoap__udp_t *)socket)->stats;
  stats->size = sizeof(*stats);
  return 0;
}

int acoap__udp_check(const acoap_outgoing_datagram_t *datagram) {
  const acoap_address_t *peer = &datagram->path->peer;
  if (!is_ip(peer) || peer->port == 0 || acoap_address_is_any(peer)) {
    return ACOAP_EADDRESS;
  }
  return datagram->bytes.len > ACOAP__UDP_PAYLOAD_MAX ? ACOAP_ETOOBIG : 0;
}

bool acoap__udp_wished_source(const acoap_path_t *path, acoap_address_t *source) {
  if (path->local.family != path->peer.family || acoap_address_is_any(&path->local) ||
      acoap_address_is_multicast(&path->local)) {
    /* A request to a group is answered from an address of our own: RFC 7252 section 8.1. */
    return false;
  }
  *source = path->local;
  return true;
}

uint32_t acoap__udp_wished_interface(const acoap_path_t *path) {
  bool local = acoap__address_is_link_local(&path->peer);
  if (local && path->peer.scope_id != 0) {
    return path->peer.scope_id;
  }
  /* For others the interface would overrule the routing table, and a reply would miss its gateway.
   */
  return local || acoap_address_is_multicast(&path->peer) ? path->interface : 0;
}
