/*
 * A datagram socket on the simulated network: binding, groups, and what a machine's IP layer does
 * on the way out (source address, interface of a group). Loses and delays nothing itself
 * (sim_flight.c).
 * SPDX-License-Identifier: MIT
 */
#include <acoap/sim.h>

#include <string.h>

#include "base/mem.h"
#include "transport/sim_net.h"

#define LAST_PORT 65535
#define FIRST_EPHEMERAL_PORT 49152

static acoap__sim_socket_t *self(acoap_socket_t *socket) {
  return (acoap__sim_socket_t *)socket;
}

acoap__sim_socket_t *acoap__sim_socket_by_id(const acoap_sim_t *sim, uint64_t id) {
  for (acoap__list_t *node = sim->sockets.next; node != &sim->sockets; node = node->next) {
    acoap__sim_socket_t *each = ACOAP__CONTAINER(node, acoap__sim_socket_t, node);
    if (each->id == id && !each->closing) {
      return each;
    }
  }
  return NULL;
}

acoap__sim_socket_t *acoap__sim_socket_bound(const acoap_sim_t *sim,
                                             const acoap_address_t *address) {
  acoap__sim_socket_t *any = NULL;
  bool ours = acoap__sim_is_interface_address(sim, address);
  for (acoap__list_t *node = sim->sockets.next; node != &sim->sockets; node = node->next) {
    acoap__sim_socket_t *each = ACOAP__CONTAINER(node, acoap__sim_socket_t, node);
    if (each->closing || each->local.port != address->port ||
        each->local.family != address->family) {
      continue;
    }
    if (acoap__sim_same_host(&each->local, address)) {
      return each;
    }
    if (ours && acoap_address_is_any(&each->local)) {
      any = each;
    }
  }
  return any;
}

/* Bound to the very same address, the any-address counting as one of its own. */
static bool taken(const acoap_sim_t *sim, const acoap_address_t *address) {
  for (acoap__list_t *node = sim->sockets.next; node != &sim->sockets; node = node->next) {
    const acoap__sim_socket_t *each = ACOAP__CONTAINER(node, acoap__sim_socket_t, node);
    if (!each->closing && each->local.port == address->port &&
        acoap__sim_same_host(&each->local, address)) {
      return true;
    }
  }
  return false;
}

static int take_port(acoap_sim_t *sim, acoap_address_t *address) {
  for (uint32_t tries = 0; tries <= LAST_PORT - FIRST_EPHEMERAL_PORT; tries++) {
    address->port = sim->next_port;
    sim->next_port =
        sim->next_port == LAST_PORT ? FIRST_EPHEMERAL_PORT : (uint16_t)(sim->next_port + 1);
    if (!taken(sim, address)) {
      return 0;
    }
  }
  return ACOAP_EADDRESS;
}

/* Groups. */

static acoap__sim_membership_t *find_membership(const acoap__sim_socket_t *socket,
                                                const acoap_address_t *group, uint32_t interface) {
  for (acoap__list_t *node = socket->memberships.next; node != &socket->memberships;
       node = node->next) {
    acoap__sim_membership_t *each = ACOAP__CONTAINER(node, acoap__sim_membership_t, node);
    if (acoap__sim_same_host(&each->group, group) && each->interface == interface) {
      return each;
    }
  }
  return NULL;
}

bool acoap__sim_socket_is_member(const acoap__sim_socket_t *socket, const acoap_address_t *group,
                                 uint32_t interface) {
  return find_membership(socket, group, interface) != NULL ||
         (find_membership(socket, group, 0) != NULL &&
          acoap__sim_group_interface(socket->sim, group->family, 0) == interface);
}

static int join(acoap_socket_t *socket, const acoap_address_t *group, uint32_t interface) {
  acoap__sim_socket_t *sock = self(socket);
  if (group == NULL || !acoap_address_is_multicast(group) || group->family != sock->local.family) {
    return ACOAP_EINVAL;
  }
  if (acoap__sim_group_interface(sock->sim, group->family, interface) == 0) {
    return ACOAP_EUNREACHABLE;
  }
  if (find_membership(sock, group, interface) != NULL) {
    return 0;
  }
  acoap__sim_membership_t *membership = acoap__calloc(1, sizeof(*membership));
  if (membership == NULL) {
    return ACOAP_ENOMEM;
  }
  membership->group = *group;
  membership->interface = interface;
  acoap__list_append(&sock->memberships, &membership->node);
  return 0;
}

static int leave(acoap_socket_t *socket, const acoap_address_t *group, uint32_t interface) {
  if (group == NULL) {
    return ACOAP_EINVAL;
  }
  acoap__sim_membership_t *membership = find_membership(self(socket), group, interface);
  if (membership != NULL) {
    acoap__list_remove(&membership->node);
    acoap__free(membership);
  }
  return 0;
}

/* The way out. */

/* RFC 6724 in one line: the address wished for, else the first that the interface has. */
static acoap_address_t source_address(const acoap__sim_socket_t *socket, const acoap_path_t *path,
                                      uint32_t interface) {
  acoap_address_t source = socket->local;
  if (!acoap_address_is_any(&socket->local)) {
    return source;
  }
  if (path->local.family == source.family && !acoap_address_is_any(&path->local) &&
      !acoap_address_is_multicast(&path->local)) {
    memcpy(source.ip, path->local.ip, sizeof(source.ip));
    return source;
  }
  for (size_t i = 0; i < socket->sim->interface_count; i++) {
    const acoap_interface_t *each = &socket->sim->interfaces[i];
    if (each->address.family == source.family && (interface == 0 || each->index == interface)) {
      memcpy(source.ip, each->address.ip, sizeof(source.ip));
      return source;
    }
  }
  return source;
}

static int send_to_group(acoap__sim_socket_t *socket, const acoap_path_t *seen,
                         acoap_bytes_t bytes) {
  acoap_sim_t *sim = socket->sim;
  for (acoap__list_t *node = sim->sockets.next; node != &sim->sockets; node = node->next) {
    const acoap__sim_socket_t *each = ACOAP__CONTAINER(node, acoap__sim_socket_t, node);
    if (each->closing || each->local.port != seen->local.port ||
        (each == socket && !socket->multicast_loop) ||
        !acoap__sim_socket_is_member(each, &seen->local, seen->interface)) {
      continue;
    }
    if (acoap__sim_is_cut(sim, &seen->peer, &each->local)) {
      sim->stats.cut++;
      continue;
    }
    int status = acoap__sim_launch(sim, seen, each->id, bytes);
    if (status != 0) {
      return status;
    }
  }
  return 0;
}

static int send_one(acoap__sim_socket_t *socket, const acoap_outgoing_datagram_t *datagram) {
  acoap_sim_t *sim = socket->sim;
  const acoap_path_t *path = datagram->path;
  if (path->peer.family != socket->local.family || path->peer.port == 0 ||
      acoap_address_is_any(&path->peer)) {
    return ACOAP_EADDRESS;
  }
  bool group = acoap_address_is_multicast(&path->peer);
  uint32_t interface = path->interface != 0 ? path->interface : path->peer.scope_id;
  if (group) {
    interface = acoap__sim_group_interface(sim, path->peer.family, interface);
    if (interface == 0) {
      return ACOAP_EUNREACHABLE;
    }
  }
  acoap_path_t seen = {.peer = source_address(socket, path, group ? interface : 0),
                       .local = path->peer,
                       .multicast = group};
  seen.interface = group ? interface : acoap__sim_interface_of(sim, &path->peer);
  sim->stats.sent++;
  if (sim->filter != NULL &&
      !sim->filter(sim->filter_data, sim->now, path, &seen.peer, datagram->bytes)) {
    sim->stats.lost++;
    return 0;
  }
  if (group) {
    return send_to_group(socket, &seen, datagram->bytes);
  }
  if (acoap__sim_is_cut(sim, &seen.peer, &seen.local)) {
    sim->stats.cut++;
    return 0;
  }
  return acoap__sim_launch(sim, &seen, 0, datagram->bytes);
}

static int send_batch(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch,
                      size_t count) {
  acoap__sim_socket_t *sock = self(socket);
  for (size_t i = 0; i < count; i++) {
    int status = ACOAP_EAGAIN;
    if (sock->refusals > 0) {
      sock->refusals--;
    } else {
      status = send_one(sock, &batch[i]);
    }
    if (status != 0) {
      if (status == ACOAP_EAGAIN || i > 0) {
        acoap__timer_set(&sock->sim->queue, &sock->writable, sock->sim->now);
      }
      return i > 0 ? (int)i : status;
    }
  }
  return (int)count;
}

static void room_again(acoap__timer_t *timer, acoap_time_t now) {
  acoap__sim_socket_t *sock = ACOAP__CONTAINER(timer, acoap__sim_socket_t, writable);
  (void)now;
  if (sock->events != NULL && sock->events->writable != NULL) {
    sock->events->writable(sock->user_data);
  }
}

/* Life. */

static int start(acoap_socket_t *socket, const acoap_socket_events_t *events, void *user_data) {
  acoap__sim_socket_t *sock = self(socket);
  if (events == NULL || events->received == NULL || sock->closing || sock->events != NULL) {
    return ACOAP_EINVAL;
  }
  sock->events = events;
  sock->user_data = user_data;
  return 0;
}

static int local_address(acoap_socket_t *socket, acoap_address_t *address) {
  *address = self(socket)->local;
  return 0;
}

static bool reaches(acoap_socket_t *socket, const acoap_address_t *address) {
  return self(socket)->local.family == address->family;
}

static void free_socket(acoap__sim_socket_t *sock) {
  acoap__timer_clear(&sock->sim->queue, &sock->writable);
  acoap__timer_clear(&sock->sim->queue, &sock->close);
  acoap__list_remove(&sock->node);
  for (acoap__list_t *node; (node = acoap__list_first(&sock->memberships)) != NULL;) {
    acoap__list_remove(node);
    acoap__free(ACOAP__CONTAINER(node, acoap__sim_membership_t, node));
  }
  acoap__free(sock);
}

static void finish_close(acoap__timer_t *timer, acoap_time_t now) {
  acoap__sim_socket_t *sock = ACOAP__CONTAINER(timer, acoap__sim_socket_t, close);
  void (*closed)(void *user_data) = sock->closed;
  void *closed_data = sock->closed_data;
  (void)now;
  free_socket(sock);
  if (closed != NULL) {
    closed(closed_data);
  }
}

static void close_socket(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  acoap__sim_socket_t *sock = self(socket);
  if (sock->closing) {
    return;
  }
  sock->closing = true;
  sock->events = NULL;
  sock->closed = closed;
  sock->closed_data = user_data;
  acoap__timer_set(&sock->sim->queue, &sock->close, sock->sim->now);
}

bool acoap__sim_sockets_finish(acoap_sim_t *sim) {
  for (acoap__list_t *node = sim->sockets.next; node != &sim->sockets; node = node->next) {
    acoap__sim_socket_t *each = ACOAP__CONTAINER(node, acoap__sim_socket_t, node);
    if (each->closing) {
      finish_close(&each->close, sim->now);
      return true;
    }
  }
  return false;
}

void acoap__sim_sockets_free(acoap_sim_t *sim) {
  for (acoap__list_t *node; (node = acoap__list_first(&sim->sockets)) != NULL;) {
    free_socket(ACOAP__CONTAINER(node, acoap__sim_socket_t, node));
  }
}

static const acoap_socket_ops_t sim_socket_ops = {
    .size = sizeof(acoap_socket_ops_t),
    .start = start,
    .send = send_batch,
    .join = join,
    .leave = leave,
    .local_address = local_address,
    .reaches = reaches,
    .close = close_socket,
};

int acoap_sim_socket_new(acoap_sim_t *sim, const acoap_address_t *local, acoap_socket_t **socket) {
  if (sim == NULL || local == NULL || socket == NULL || local->family == ACOAP_FAMILY_NONE) {
    return ACOAP_EINVAL;
  }
  acoap_address_t bound = *local;
  if (acoap_address_is_multicast(local) || (local->port != 0 && taken(sim, local))) {
    return ACOAP_EADDRESS;
  }
  if (local->port == 0) {
    int status = take_port(sim, &bound);
    if (status != 0) {
      return status;
    }
  }
  acoap__sim_socket_t *sock = acoap__calloc(1, sizeof(*sock));
  if (sock == NULL) {
    return ACOAP_ENOMEM;
  }
  sock->socket.ops = &sim_socket_ops;
  sock->sim = sim;
  sock->id = ++sim->last_socket_id;
  sock->local = bound;
  acoap__list_init(&sock->memberships);
  acoap__timer_init(&sock->writable, room_again);
  acoap__timer_init(&sock->close, finish_close);
  acoap__list_append(&sim->sockets, &sock->node);
  *socket = &sock->socket;
  return 0;
}

int acoap_sim_socket_set_multicast_loop(acoap_socket_t *socket, bool loop) {
  if (socket == NULL || socket->ops != &sim_socket_ops) {
    return ACOAP_EINVAL;
  }
  self(socket)->multicast_loop = loop;
  return 0;
}

int acoap_sim_socket_refuse(acoap_socket_t *socket, uint32_t count) {
  if (socket == NULL || socket->ops != &sim_socket_ops) {
    return ACOAP_EINVAL;
  }
  self(socket)->refusals = count;
  return 0;
}
