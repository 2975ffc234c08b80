/*
 * Groups of a batched UDP socket (RFC 7252 section 8, RFC 3678): membership per (group,
 * interface). Joining twice is one join. A socket that is bound to one unicast address hears no
 * group: datagrams to groups do not carry that address.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_batched.h"

#include <errno.h>
#include <string.h>

#include "transport/sockaddr.h"

static int set_membership(const acoap__udp_batched_t *udp, const acoap_address_t *group,
                          uint32_t interface, bool member) {
  int result;
  if (group->family == ACOAP_FAMILY_IPV4) {
    struct ip_mreqn request = {.imr_ifindex = (int)interface};
    memcpy(&request.imr_multiaddr, group->ip, sizeof(request.imr_multiaddr));
    result = setsockopt(udp->fd, IPPROTO_IP, member ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP,
                        &request, sizeof(request));
  } else {
    struct ipv6_mreq request = {.ipv6mr_multiaddr = acoap__sockaddr_ip6(group),
                                .ipv6mr_interface = interface};
    result = setsockopt(udp->fd, IPPROTO_IPV6, member ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP,
                        &request, sizeof(request));
  }
  if (result == 0 || (member && errno == EADDRINUSE) ||
      (!member && (errno == EADDRNOTAVAIL || errno == ENODEV))) {
    return 0;
  }
  return uv_translate_sys_error(errno);
}

static int change(acoap_socket_t *socket, const acoap_address_t *group, uint32_t interface,
                  bool member) {
  const acoap__udp_batched_t *udp = (const acoap__udp_batched_t *)socket;
  if (group == NULL || !acoap_address_is_multicast(group) || !socket->ops->reaches(socket, group)) {
    return ACOAP_EINVAL;
  }
  if (udp->closing) {
    return ACOAP_ECLOSED;
  }
  if (!udp->wildcard && !acoap_address_is_multicast(&udp->local)) {
    return ACOAP_ENOTSUP;
  }
  return set_membership(udp, group, interface != 0 ? interface : group->scope_id, member);
}

int acoap__udp_join(acoap_socket_t *socket, const acoap_address_t *group, uint32_t interface) {
  return change(socket, group, interface, true);
}

int acoap__udp_leave(acoap_socket_t *socket, const acoap_address_t *group, uint32_t interface) {
  return change(socket, group, interface, false);
}
