/*
 * Groups of a portable UDP socket: one handle per group, bound to the group's address, so that
 * all it hears came by multicast (RFC 7252 section 8); for link-local groups one per interface,
 * since such an address means nothing without it. A socket that is bound to a group's address joins
 * that group; one that is bound to a unicast address hears no groups here.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_portable.h"

#include <net/if.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "transport/interfaces.h"
#include "transport/sockaddr.h"

static bool name_address(uint32_t interface, char *text) {
  acoap_interface_t *list = NULL;
  bool found = false;
  int count = acoap__interfaces_list_all(&list);
  for (int i = 0; i < count && !found; i++) {
    found = list[i].index == interface && list[i].address.family == ACOAP_FAMILY_IPV4 &&
            acoap_address_format(&list[i].address, text, ACOAP__UDP_INTERFACE_TEXT) > 0;
  }
  if (count >= 0) {
    acoap__free(list);
  }
  return found;
}

bool acoap__udp_interface_text(uint32_t interface, uint8_t family, char *text) {
  char name[IF_NAMESIZE];
  acoap__text_t out;
  if (family == ACOAP_FAMILY_IPV4) {
    return name_address(interface, text);
  }
  if (if_indextoname(interface, name) == NULL) {
    return false;
  }
  acoap__text_init(&out, text, ACOAP__UDP_INTERFACE_TEXT);
  acoap__text_put(&out, "::%");
  acoap__text_put(&out, name);
  return acoap__text_fits(&out);
}

static acoap_address_t address_of(const acoap__udp_portable_t *udp, const acoap_address_t *group,
                                  uint32_t interface) {
  acoap_address_t address = *group;
  address.port = udp->local.port;
  address.scope_id = acoap__address_is_link_local(group) ? interface : 0;
  return address;
}

/* Is the socket bound to this very group? */
static bool bound_to(const acoap__udp_portable_t *udp, const acoap_address_t *group) {
  return !udp->wildcard && memcmp(udp->local.ip, group->ip, sizeof(group->ip)) == 0;
}

static acoap__udp_handle_t *find_group(const acoap__udp_portable_t *udp,
                                       const acoap_address_t *address) {
  if (!udp->wildcard) {
    return ACOAP__CONTAINER(udp->handles.next, acoap__udp_handle_t, node);
  }
  for (acoap__list_t *node = udp->groups.next; node != &udp->groups; node = node->next) {
    acoap__udp_handle_t *handle = ACOAP__CONTAINER(node, acoap__udp_handle_t, node);
    if (acoap_address_equal(&handle->local, address)) {
      return handle;
    }
  }
  return NULL;
}

static acoap__udp_membership_t *find_membership(const acoap__udp_handle_t *handle,
                                                uint32_t interface) {
  for (acoap__list_t *node = handle->memberships.next; node != &handle->memberships;
       node = node->next) {
    acoap__udp_membership_t *each = ACOAP__CONTAINER(node, acoap__udp_membership_t, node);
    if (each->interface == interface) {
      return each;
    }
  }
  return NULL;
}

static int set_membership(acoap__udp_handle_t *handle, const acoap_address_t *group,
                          uint32_t interface, uv_membership membership) {
  char group_text[ACOAP_ADDRESS_TEXT_MAX];
  char text[ACOAP__UDP_INTERFACE_TEXT];
  acoap_address_t plain = *group;
  plain.port = 0;
  plain.scope_id = 0;
  if (acoap_address_format(&plain, group_text, sizeof(group_text)) < 0) {
    return ACOAP_EINVAL;
  }
  if (interface != 0 && !acoap__udp_interface_text(interface, group->family, text)) {
    return UV_ENODEV;
  }
  int status =
      uv_udp_set_membership(&handle->uv, group_text, interface != 0 ? text : NULL, membership);
  /* Joined already. */
  return status == UV_EADDRINUSE ? 0 : status;
}

static int check(const acoap__udp_portable_t *udp, const acoap_address_t *group) {
  if (group == NULL || !acoap_address_is_multicast(group) || group->family != udp->local.family) {
    return ACOAP_EINVAL;
  }
  if (udp->closing) {
    return ACOAP_ECLOSED;
  }
  return udp->wildcard || bound_to(udp, group) ? 0 : ACOAP_ENOTSUP;
}

static int add_membership(acoap__udp_handle_t *handle, const acoap_address_t *group,
                          uint32_t interface) {
  if (find_membership(handle, interface) != NULL) {
    /* The system may have dropped it with the interface. */
    return set_membership(handle, group, interface, UV_JOIN_GROUP);
  }
  acoap__udp_membership_t *membership = acoap__calloc(1, sizeof(*membership));
  if (membership == NULL) {
    return ACOAP_ENOMEM;
  }
  int status = set_membership(handle, group, interface, UV_JOIN_GROUP);
  if (status != 0) {
    acoap__free(membership);
    return status;
  }
  membership->interface = interface;
  acoap__list_append(&handle->memberships, &membership->node);
  return 0;
}

int acoap__udp_portable_join(acoap_socket_t *socket, const acoap_address_t *group,
                             uint32_t interface) {
  acoap__udp_portable_t *udp = (acoap__udp_portable_t *)socket;
  int status = check(udp, group);
  if (status != 0) {
    return status;
  }
  interface = interface != 0 ? interface : group->scope_id;
  acoap_address_t address = address_of(udp, group, interface);
  acoap__udp_handle_t *handle = find_group(udp, &address);
  if (handle == NULL) {
    status = acoap__udp_handle_open(udp, &udp->groups, &address, 0, &handle);
  }
  if (status == 0) {
    status = add_membership(handle, group, interface);
    if (status != 0 && udp->wildcard && acoap__list_empty(&handle->memberships)) {
      acoap__udp_handle_close(handle);
    }
  }
  return status;
}

int acoap__udp_portable_leave(acoap_socket_t *socket, const acoap_address_t *group,
                              uint32_t interface) {
  acoap__udp_portable_t *udp = (acoap__udp_portable_t *)socket;
  int status = check(udp, group);
  if (status != 0) {
    return status;
  }
  interface = interface != 0 ? interface : group->scope_id;
  acoap_address_t address = address_of(udp, group, interface);
  acoap__udp_handle_t *handle = find_group(udp, &address);
  acoap__udp_membership_t *membership = handle != NULL ? find_membership(handle, interface) : NULL;
  if (membership == NULL) {
    return 0;
  }
  /* An interface that has gone took the membership with it. */
  set_membership(handle, group, interface, UV_LEAVE_GROUP);
  acoap__list_remove(&membership->node);
  acoap__free(membership);
  if (udp->wildcard && acoap__list_empty(&handle->memberships)) {
    acoap__udp_handle_close(handle);
  }
  return 0;
}
