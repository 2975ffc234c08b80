/*
 * The way of a request to a remote endpoint: its options (RFC 7252 section 6.4 steps 5 to 9), its
 * transmission parameters, interface and source address, the socket it leaves from, and for groups
 * every interface it leaves through (section 8).
 *
 * Hop limit of groups when the caller wishes none: RFC 7252 and RFC 7390 name no number. IPv4
 * groups and IPv6 groups of link-local scope or below leave with 1, the default of RFC 1112
 * section 6.1, which no router passes on. An IPv6 group of a wider scope is sent beside its
 * link-local sister to get further, and would not with 1; it leaves with WIDE_HOP_LIMIT, and the
 * borders of its scope (RFC 4291 section 2.7) stop it before that.
 *
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/remote.h"

#include <string.h>

#define LINK_HOP_LIMIT 1
#define WIDE_HOP_LIMIT 5
/* RFC 4291 section 2.7: the scope in the second byte of a group. */
#define SCOPE_LINK_LOCAL 2

int acoap_remote_endpoint_set_uri_host(acoap_remote_endpoint_t *remote,
                                       acoap_uri_host_mode_t mode) {
  if (remote == NULL || (mode != ACOAP_URI_HOST_NAMES && mode != ACOAP_URI_HOST_NEVER &&
                         mode != ACOAP_URI_HOST_ALWAYS)) {
    return ACOAP_EINVAL;
  }
  remote->uri_host = mode;
  return 0;
}

int acoap_remote_endpoint_set_params(acoap_remote_endpoint_t *remote,
                                     const acoap_params_t *params) {
  if (remote == NULL) {
    return ACOAP_EINVAL;
  }
  if (params != NULL) {
    int status = acoap_params_check(params);
    if (status != 0) {
      return status;
    }
    remote->params = *params;
  }
  remote->own_params = params != NULL;
  return 0;
}

const acoap_params_t *acoap__remote_params(const acoap_remote_endpoint_t *remote) {
  return remote->own_params ? &remote->params : remote->authority->endpoint->engine.config.params;
}

int acoap_remote_endpoint_set_interface(acoap_remote_endpoint_t *remote, const char *interface) {
  if (remote == NULL) {
    return ACOAP_EINVAL;
  }
  acoap_local_endpoint_t *local = remote->authority->endpoint;
  if (interface == NULL) {
    remote->interface[0] = '\0';
    return 0;
  }
  if (local->state != ACOAP__ENDPOINT_OPEN) {
    return ACOAP_ECLOSED;
  }
  size_t len = strlen(interface);
  if (len == 0 || len >= sizeof(remote->interface) ||
      local->host->ops->interface_index(local->host, interface) == 0) {
    return ACOAP_ENOTFOUND;
  }
  memcpy(remote->interface, interface, len + 1);
  return 0;
}

int acoap_remote_endpoint_set_local_address(acoap_remote_endpoint_t *remote,
                                            const acoap_address_t *local) {
  if (remote == NULL) {
    return ACOAP_EINVAL;
  }
  if (local == NULL) {
    memset(&remote->local, 0, sizeof(remote->local));
    return 0;
  }
  if (acoap_address_is_multicast(local)) {
    return ACOAP_EADDRESS;
  }
  remote->local = *local;
  return 0;
}

int acoap_remote_endpoint_address(const acoap_remote_endpoint_t *remote, acoap_address_t *address) {
  if (remote == NULL || address == NULL) {
    return ACOAP_EINVAL;
  }
  if (remote->authority->count == 0) {
    return ACOAP_EAGAIN;
  }
  *address = remote->authority->addresses[0];
  return 0;
}

bool acoap__remote_is_group(const acoap_remote_endpoint_t *remote) {
  const acoap__authority_t *authority = remote->authority;
  for (size_t i = 0; i < authority->count; i++) {
    if (!acoap_address_is_multicast(&authority->addresses[i])) {
      return false;
    }
  }
  return authority->count > 0;
}

/* ---- options --------------------------------------------------------------------------------- */

/* The host as a Uri-Host that is not needed: a literal in brackets where the URI has them, its zone
 * left out. */
static void write_host(const acoap_remote_endpoint_t *remote, acoap_builder_t *builder) {
  const acoap_uri_t *uri = &remote->parsed;
  char text[ACOAP_URI_HOST_MAX + 2];
  if (uri->host_is_ipv6 && uri->host.len + 2 <= sizeof(text)) {
    text[0] = '[';
    memcpy(text + 1, uri->host.data, uri->host.len);
    text[uri->host.len + 1] = ']';
    acoap_builder_option(builder, ACOAP_OPTION_URI_HOST, text, uri->host.len + 2);
    return;
  }
  int len = acoap_uri_host(uri, text, sizeof(text));
  if (len > 0) {
    acoap_builder_option(builder, ACOAP_OPTION_URI_HOST, text, (size_t)len);
  }
}

void acoap__remote_write_options(const acoap_remote_endpoint_t *remote, acoap_builder_t *builder) {
  const acoap_uri_t *uri = &remote->parsed;
  if (remote->uri_host == ACOAP_URI_HOST_NAMES) {
    acoap_builder_uri(builder, uri, NULL);
    return;
  }
  if (remote->uri_host == ACOAP_URI_HOST_ALWAYS) {
    write_host(remote, builder);
    acoap_builder_uint(builder, ACOAP_OPTION_URI_PORT, uri->port);
  }
  acoap_builder_path(builder, (const char *)uri->path.data, uri->path.len);
  acoap_builder_query(builder, uri->has_query ? (const char *)uri->query.data : NULL,
                      uri->query.len);
}

/* ---- paths ----------------------------------------------------------------------------------- */

/* fe80::/10 and groups of interface-local and link-local scope: their address says nothing without
 * an interface. */
static bool needs_scope(const acoap_address_t *address) {
  if (address->family != ACOAP_FAMILY_IPV6) {
    return false;
  }
  return (address->ip[0] == 0xfe && (address->ip[1] & 0xc0) == 0x80) ||
         (address->ip[0] == 0xff && (address->ip[1] & 0x0f) <= SCOPE_LINK_LOCAL);
}

/* The interface that the remote was told to use; 0: none, or it is gone. */
static uint32_t wished_interface(const acoap_remote_endpoint_t *remote) {
  acoap_host_t *host = remote->authority->endpoint->host;
  return remote->interface[0] != '\0' ? host->ops->interface_index(host, remote->interface) : 0;
}

/* Fill in a path through this interface; false when no socket will do. */
static bool fill_path(const acoap_remote_endpoint_t *remote, const acoap_address_t *address,
                      uint32_t interface, uint32_t turn, acoap_path_t *path) {
  acoap_local_endpoint_t *local = remote->authority->endpoint;
  bool secure = remote->authority->scheme == ACOAP_SCHEME_COAPS;
  acoap_path_t wanted = {.peer = *address, .local = remote->local, .interface = interface};
  if (secure) {
    wanted.host = remote->authority->name != NULL ? remote->authority->name : remote->host;
    wanted.credentials = remote->credentials;
  }
  const acoap__endpoint_socket_t *socket = acoap__sockets_choose(local, &wanted, secure, turn);
  if (socket == NULL) {
    return false;
  }
  *path = wanted;
  path->socket = socket->number;
  if (path->peer.scope_id == 0 && needs_scope(address)) {
    path->peer.scope_id = interface;
  }
  return true;
}

int acoap__remote_path(acoap_remote_endpoint_t *remote, const acoap_address_t *address,
                       acoap_path_t *path) {
  acoap_path_t way;
  if (remote->authority->endpoint->state >= ACOAP__ENDPOINT_HANDLES) {
    return ACOAP_ECLOSED;
  }
  uint32_t interface = wished_interface(remote);
  if (interface == 0 && remote->interface[0] != '\0') {
    return ACOAP_ENONET;
  }
  if (interface == 0) {
    interface = address->scope_id;
  }
  if (!fill_path(remote, address, interface, remote->source_turn++, &way)) {
    return ACOAP_ENOTSUP;
  }
  *path = way;
  return 0;
}

static uint8_t group_hop_limit(const acoap_address_t *group) {
  bool wide = group->family == ACOAP_FAMILY_IPV6 && (group->ip[1] & 0x0f) > SCOPE_LINK_LOCAL;
  return wide ? WIDE_HOP_LIMIT : LINK_HOP_LIMIT;
}

/* The n-th interface for this group as its index; false at the end. 0 stands for the system's
 * choice, when nothing is known. */
static bool group_interface(const acoap_remote_endpoint_t *remote, const acoap_address_t *group,
                            const acoap__interfaces_t *interfaces, size_t n, uint32_t *index) {
  if (remote->interface[0] != '\0') {
    *index = wished_interface(remote);
    return n == 0 && *index != 0;
  }
  if (group->scope_id != 0 || interfaces == NULL) {
    *index = group->scope_id;
    return n == 0;
  }
  const acoap_interface_t *interface = acoap__interfaces_for_group(interfaces, group->family, n);
  *index = interface != NULL ? interface->index : 0;
  return interface != NULL;
}

size_t acoap__remote_group_paths(acoap_remote_endpoint_t *remote, uint8_t hop_limit,
                                 acoap_path_t *paths, size_t max) {
  const acoap__authority_t *authority = remote->authority;
  size_t written = 0;
  if (authority->endpoint->state >= ACOAP__ENDPOINT_HANDLES) {
    return 0;
  }
  acoap__interfaces_t *interfaces = acoap__interfaces_get(authority->endpoint);
  for (size_t i = 0; i < authority->count; i++) {
    const acoap_address_t *group = &authority->addresses[i];
    uint32_t index = 0;
    if (!acoap_address_is_multicast(group)) {
      continue;
    }
    for (size_t n = 0; written < max && group_interface(remote, group, interfaces, n, &index);
         n++) {
      if (fill_path(remote, group, index, 0, &paths[written])) {
        paths[written].hop_limit = hop_limit != 0 ? hop_limit : group_hop_limit(group);
        written++;
      }
    }
  }
  acoap__interfaces_unref(interfaces);
  return written;
}
