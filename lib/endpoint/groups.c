/*
 * Multicast groups (RFC 7252 section 8): memberships that the user asked for, on one interface or
 * on every one that can multicast, kept joined while interfaces come and go. wanted = memberships x
 * interfaces x listening sockets of the family; what is wanted and not joined is joined, what is
 * joined and no longer wanted is left. A failure is an event, told once until it changes, and never
 * ends anything.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

#include <string.h>

#include "base/mem.h"

/* As in acoap_interface_t, with the zero. */
#define INTERFACE_NAME_MAX 48

/* A membership on one interface through one socket. */
typedef struct group_place {
  acoap__list_t node;                 /* in the membership */
  char interface[INTERFACE_NAME_MAX]; /* its name */
  uint32_t index;                     /* its index */
  uint16_t socket;                    /* number of the socket */
  int status;                         /* 0: joined; otherwise why not, as it was told */
  bool wanted;                        /* still, as the refresh in hand sees it */
  bool tried;                         /* status says something */
  bool news;                          /* status is yet to be told */
  bool incapable;                     /* the interface cannot multicast: told, not tried */
} group_place_t;

/* What the user asked for. */
typedef struct membership {
  acoap__list_t node;                 /* in the endpoint's groups */
  acoap_address_t group;              /* without port */
  char interface[INTERFACE_NAME_MAX]; /* "": every one */
  acoap__list_t places;               /* where it is joined, or could not be */
} membership_t;

static membership_t *membership_of(acoap__list_t *node) {
  return ACOAP__CONTAINER(node, membership_t, node);
}

static group_place_t *place_of(acoap__list_t *node) {
  return ACOAP__CONTAINER(node, group_place_t, node);
}

static membership_t *find(const acoap_local_endpoint_t *endpoint, const acoap_address_t *group,
                          const char *interface) {
  for (acoap__list_t *node = endpoint->groups.next; node != &endpoint->groups; node = node->next) {
    membership_t *each = membership_of(node);
    if (acoap_address_equal(&each->group, group) && strcmp(each->interface, interface) == 0) {
      return each;
    }
  }
  return NULL;
}

/* Is the group joined there for another membership too? Then one join serves both. */
static bool joined_elsewhere(const acoap_local_endpoint_t *endpoint, const membership_t *but,
                             const group_place_t *place) {
  for (acoap__list_t *node = endpoint->groups.next; node != &endpoint->groups; node = node->next) {
    membership_t *each = membership_of(node);
    if (each == but || !acoap_address_equal(&each->group, &but->group)) {
      continue;
    }
    for (acoap__list_t *at = each->places.next; at != &each->places; at = at->next) {
      const group_place_t *other = place_of(at);
      if (other->tried && other->status == 0 && other->index == place->index &&
          other->socket == place->socket) {
        return true;
      }
    }
  }
  return false;
}

static void leave_place(acoap_local_endpoint_t *endpoint, membership_t *membership,
                        group_place_t *place) {
  acoap__endpoint_socket_t *socket =
      place->socket < endpoint->socket_count ? &endpoint->sockets[place->socket] : NULL;
  if (place->tried && place->status == 0 && socket != NULL && socket->socket != NULL &&
      ACOAP__SOCKET_OP(socket->socket, leave) && !joined_elsewhere(endpoint, membership, place)) {
    /* A failure means that the interface is gone, and the membership with it. */
    (void)socket->socket->ops->leave(socket->socket, &membership->group, place->index);
  }
  acoap__list_remove(&place->node);
  acoap__free(place);
}

static void leave_places(acoap_local_endpoint_t *endpoint, membership_t *membership) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&membership->places)) != NULL) {
    leave_place(endpoint, membership, place_of(node));
  }
}

static void membership_free(acoap_local_endpoint_t *endpoint, membership_t *membership) {
  leave_places(endpoint, membership);
  acoap__list_remove(&membership->node);
  acoap__free(membership);
}

/* ---- refresh --------------------------------------------------------------------------------- */

static bool can_join(const acoap__endpoint_socket_t *socket, const acoap_address_t *group) {
  return !socket->source_port && socket->socket != NULL && ACOAP__SOCKET_OP(socket->socket, join) &&
         acoap__socket_reaches(socket, group);
}

/* Take note that this place is wanted; a new one is yet to be tried. 0 or ACOAP_ENOMEM. */
static int want_place(membership_t *membership, const acoap_interface_t *interface,
                      uint16_t socket) {
  for (acoap__list_t *node = membership->places.next; node != &membership->places;
       node = node->next) {
    group_place_t *each = place_of(node);
    if (each->index == interface->index && each->socket == socket) {
      each->wanted = true;
      return 0;
    }
  }
  group_place_t *place = acoap__calloc(1, sizeof(*place));
  if (place == NULL) {
    return ACOAP_ENOMEM;
  }
  memcpy(place->interface, interface->name, sizeof(place->interface));
  place->index = interface->index;
  place->socket = socket;
  place->incapable =
      membership->interface[0] == '\0' && !interface->multicast && !interface->loopback;
  place->wanted = true;
  acoap__list_append(&membership->places, &place->node);
  return 0;
}

/* Interfaces for which a membership of all of them only has a warning: each entry of the family
 * stands for its own. */
static const acoap_interface_t *incapable_interface(const acoap__interfaces_t *interfaces,
                                                    const membership_t *membership, size_t n) {
  for (size_t i = 0; membership->interface[0] == '\0' && i < interfaces->count; i++) {
    const acoap_interface_t *each = &interfaces->list[i];
    if (each->address.family == membership->group.family && !each->multicast && !each->loopback &&
        n-- == 0) {
      return each;
    }
  }
  return NULL;
}

static const acoap_interface_t *wanted_interface(const acoap__interfaces_t *interfaces,
                                                 const membership_t *membership, size_t n) {
  if (membership->interface[0] == '\0') {
    return acoap__interfaces_for_group(interfaces, membership->group.family, n);
  }
  for (size_t i = 0; n == 0 && i < interfaces->count; i++) {
    if (strcmp(interfaces->list[i].name, membership->interface) == 0 &&
        interfaces->list[i].address.family == membership->group.family) {
      return &interfaces->list[i];
    }
  }
  return NULL;
}

static int want_interface(acoap_local_endpoint_t *endpoint, membership_t *membership,
                          const acoap_interface_t *interface) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < endpoint->socket_count; i++) {
    if (can_join(&endpoint->sockets[i], &membership->group)) {
      status = want_place(membership, interface, (uint16_t)i);
    }
  }
  return status;
}

static int want_places(acoap_local_endpoint_t *endpoint, const acoap__interfaces_t *interfaces,
                       membership_t *membership) {
  for (acoap__list_t *node = membership->places.next; node != &membership->places;
       node = node->next) {
    place_of(node)->wanted = false;
  }
  int status = 0;
  const acoap_interface_t *interface;
  for (size_t n = 0;
       status == 0 && (interface = wanted_interface(interfaces, membership, n)) != NULL; n++) {
    status = want_interface(endpoint, membership, interface);
  }
  for (size_t n = 0;
       status == 0 && (interface = incapable_interface(interfaces, membership, n)) != NULL; n++) {
    status = want_interface(endpoint, membership, interface);
  }
  return status;
}

static void join_place(acoap_local_endpoint_t *endpoint, membership_t *membership,
                       group_place_t *place) {
  if (place->tried && place->status == 0) {
    return;
  }
  acoap_socket_t *socket = endpoint->sockets[place->socket].socket;
  int status = place->incapable ? ACOAP_ENOTSUP
                                : socket->ops->join(socket, &membership->group, place->index);
  place->news = !place->tried || place->status != status;
  place->tried = true;
  place->status = status;
}

/* Bring one membership up to date, without calling anybody. 0 or ACOAP_ENOMEM: the next change of
 * interfaces tries again. */
static int update(acoap_local_endpoint_t *endpoint, const acoap__interfaces_t *interfaces,
                  membership_t *membership) {
  int status = want_places(endpoint, interfaces, membership);
  acoap__list_t *node = membership->places.next;
  while (node != &membership->places) {
    group_place_t *place = place_of(node);
    node = node->next;
    if (place->wanted) {
      join_place(endpoint, membership, place);
    } else {
      leave_place(endpoint, membership, place);
    }
  }
  return status;
}

/* Tell one piece of news; false when there is none. The callback may change every list, so the
 * search begins anew each time. */
static bool tell_one(acoap_local_endpoint_t *endpoint) {
  for (acoap__list_t *node = endpoint->groups.next; node != &endpoint->groups; node = node->next) {
    membership_t *membership = membership_of(node);
    for (acoap__list_t *at = membership->places.next; at != &membership->places; at = at->next) {
      group_place_t *place = place_of(at);
      if (!place->news) {
        continue;
      }
      place->news = false;
      char interface[sizeof(place->interface)];
      memcpy(interface, place->interface, sizeof(interface));
      acoap_event_t event = {.kind = place->status == 0 ? ACOAP_EVENT_GROUP_JOINED
                                                        : ACOAP_EVENT_GROUP_FAILED,
                             .status = place->status,
                             .interface = interface,
                             .address = membership->group,
                             .reason = place->status == 0 ? NULL : acoap_strerror(place->status)};
      acoap__local_endpoint_event(endpoint, &event);
      return true;
    }
  }
  return false;
}

void acoap__groups_refresh(acoap_local_endpoint_t *endpoint) {
  if (acoap__list_empty(&endpoint->groups) || endpoint->state != ACOAP__ENDPOINT_OPEN ||
      endpoint->groups_elsewhere) {
    return;
  }
  acoap__interfaces_t *interfaces = acoap__interfaces_get(endpoint);
  if (interfaces == NULL) {
    return;
  }
  for (acoap__list_t *node = endpoint->groups.next; node != &endpoint->groups; node = node->next) {
    if (update(endpoint, interfaces, membership_of(node)) != 0) {
      acoap__log_text(&endpoint->log, ACOAP_LOG_WARNING, "out of memory: a group is not joined");
    }
  }
  acoap__interfaces_unref(interfaces);
  while (endpoint->state == ACOAP__ENDPOINT_OPEN && tell_one(endpoint)) {
  }
}

void acoap__groups_set_elsewhere(acoap_local_endpoint_t *endpoint, bool elsewhere) {
  endpoint->groups_elsewhere = elsewhere;
  for (acoap__list_t *node = endpoint->groups.next; elsewhere && node != &endpoint->groups;
       node = node->next) {
    leave_places(endpoint, membership_of(node));
  }
  acoap__groups_refresh(endpoint);
}

void acoap__groups_free(acoap_local_endpoint_t *endpoint) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&endpoint->groups)) != NULL) {
    membership_free(endpoint, membership_of(node));
  }
}

/* ---- join and leave -------------------------------------------------------------------------- */

/* acoap__deferred_t of a join: its events come from the loop, never inside the call. */
static void tell_later(acoap__deferred_t *deferred) {
  acoap_local_endpoint_t *endpoint =
      ACOAP__CONTAINER(deferred, acoap_local_endpoint_t, groups_news);
  while (endpoint->state == ACOAP__ENDPOINT_OPEN && tell_one(endpoint)) {
  }
}

static int check(const acoap_local_endpoint_t *endpoint, const acoap_address_t *group) {
  if (endpoint == NULL || group == NULL) {
    return ACOAP_EINVAL;
  }
  if (endpoint->state != ACOAP__ENDPOINT_OPEN) {
    return ACOAP_ECLOSED;
  }
  if (!acoap_address_is_multicast(group)) {
    return ACOAP_EADDRESS;
  }
  return 0;
}

/* The group as memberships name it: no port, and the interface stands beside it. */
static acoap_address_t bare_group(const acoap_address_t *group) {
  acoap_address_t bare = *group;
  bare.port = 0;
  bare.scope_id = 0;
  return bare;
}

/* The interface that is meant: by name, by the zone of the group's address, or "" for every one. 0
 * or ACOAP_ENOTFOUND. */
static int interface_name(acoap_local_endpoint_t *endpoint, const acoap_address_t *group,
                          const char *interface, char *name, size_t cap) {
  memset(name, 0, cap);
  if (interface != NULL) {
    size_t len = strlen(interface);
    if (len == 0 || len >= cap) {
      return ACOAP_ENOTFOUND;
    }
    memcpy(name, interface, len);
    return 0;
  }
  if (group->scope_id == 0) {
    return 0;
  }
  acoap__interfaces_t *interfaces = acoap__interfaces_get(endpoint);
  for (size_t i = 0; interfaces != NULL && i < interfaces->count; i++) {
    if (interfaces->list[i].index == group->scope_id) {
      memcpy(name, interfaces->list[i].name, cap);
    }
  }
  acoap__interfaces_unref(interfaces);
  return name[0] != '\0' ? 0 : ACOAP_ENOTFOUND;
}

static bool some_socket_joins(const acoap_local_endpoint_t *endpoint,
                              const acoap_address_t *group) {
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    if (can_join(&endpoint->sockets[i], group)) {
      return true;
    }
  }
  return false;
}

int acoap_local_endpoint_join(acoap_local_endpoint_t *endpoint, const acoap_address_t *group,
                              const char *interface) {
  int status = check(endpoint, group);
  if (status != 0) {
    return status;
  }
  acoap_address_t bare = bare_group(group);
  char name[INTERFACE_NAME_MAX];
  status = interface_name(endpoint, group, interface, name, sizeof(name));
  if (status != 0) {
    return status;
  }
  if (interface != NULL && endpoint->host->ops->interface_index(endpoint->host, interface) == 0) {
    return ACOAP_ENOTFOUND;
  }
  if (!some_socket_joins(endpoint, &bare)) {
    return ACOAP_ENOTSUP;
  }
  if (find(endpoint, &bare, name) != NULL) {
    return 0;
  }
  membership_t *membership = acoap__calloc(1, sizeof(*membership));
  if (membership == NULL) {
    return ACOAP_ENOMEM;
  }
  membership->group = bare;
  memcpy(membership->interface, name, strlen(name));
  acoap__list_init(&membership->places);
  acoap__list_append(&endpoint->groups, &membership->node);
  acoap__interfaces_watch(endpoint);
  if (endpoint->groups_elsewhere) {
    return 0;
  }
  acoap__interfaces_t *interfaces = acoap__interfaces_get(endpoint);
  status = interfaces != NULL ? update(endpoint, interfaces, membership) : ACOAP_ENOMEM;
  acoap__interfaces_unref(interfaces);
  if (status != 0) {
    membership_free(endpoint, membership);
    return status;
  }
  acoap__defer(endpoint, &endpoint->groups_news);
  return 0;
}

int acoap_local_endpoint_leave(acoap_local_endpoint_t *endpoint, const acoap_address_t *group,
                               const char *interface) {
  int status = check(endpoint, group);
  if (status != 0) {
    return status;
  }
  acoap_address_t bare = bare_group(group);
  char name[INTERFACE_NAME_MAX];
  status = interface_name(endpoint, group, interface, name, sizeof(name));
  membership_t *membership = status == 0 ? find(endpoint, &bare, name) : NULL;
  if (membership == NULL) {
    return ACOAP_ENOTFOUND;
  }
  membership_free(endpoint, membership);
  return 0;
}

void acoap__groups_init(acoap_local_endpoint_t *endpoint) {
  acoap__list_init(&endpoint->groups);
  acoap__deferred_init(&endpoint->groups_news, tell_later);
}
