/*
 * Network interfaces come and go: the host's list, the difference between two of them told as
 * events, and which interfaces a group is joined and sent on. up = new \ old, down = old \ new,
 * both by (index, name, address). Joins nothing itself (groups.c).
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

#include <string.h>

#include "base/mem.h"

/* Room for addresses that appear between counting and listing. */
#define SLACK 8
/* More interface addresses than that are not looked at. */
#define INTERFACES_MAX 4096

void acoap__interfaces_unref(acoap__interfaces_t *interfaces) {
  if (interfaces != NULL && --interfaces->refs == 0) {
    acoap__free(interfaces);
  }
}

static acoap__interfaces_t *ask_host(acoap_local_endpoint_t *endpoint) {
  acoap_host_t *host = endpoint->host;
  acoap_interface_t none;
  int expected = host->ops->interfaces(host, &none, 0);
  if (expected < 0) {
    return NULL;
  }
  size_t cap = (size_t)expected + SLACK;
  cap = cap < INTERFACES_MAX ? cap : INTERFACES_MAX;
  acoap__interfaces_t *made = acoap__calloc(1, sizeof(*made) + cap * sizeof(made->list[0]));
  if (made == NULL) {
    return NULL;
  }
  int found = host->ops->interfaces(host, made->list, cap);
  if (found < 0) {
    acoap__free(made);
    return NULL;
  }
  made->refs = 1;
  made->count = (size_t)found < cap ? (size_t)found : cap;
  return made;
}

static bool same_entry(const acoap_interface_t *a, const acoap_interface_t *b) {
  return a->index == b->index && strcmp(a->name, b->name) == 0 &&
         acoap_address_equal(&a->address, &b->address);
}

static bool contains(const acoap__interfaces_t *interfaces, const acoap_interface_t *entry) {
  for (size_t i = 0; i < interfaces->count; i++) {
    if (same_entry(&interfaces->list[i], entry)) {
      return true;
    }
  }
  return false;
}

/* An event for every entry of `of` that is not in `without`. */
static void tell_difference(acoap_local_endpoint_t *endpoint, acoap_event_kind_t kind,
                            const acoap__interfaces_t *of, const acoap__interfaces_t *without) {
  for (size_t i = 0; i < of->count; i++) {
    if (!contains(without, &of->list[i])) {
      acoap_event_t event = {
          .kind = kind, .interface = of->list[i].name, .address = of->list[i].address};
      acoap__local_endpoint_event(endpoint, &event);
    }
  }
}

/* acoap_interfaces_cb: the host says that something changed. */
static void changed(void *user_data) {
  acoap_local_endpoint_t *endpoint = user_data;
  if (endpoint->state != ACOAP__ENDPOINT_OPEN) {
    return;
  }
  acoap__endpoint_enter(endpoint);
  acoap__interfaces_t *now = ask_host(endpoint);
  if (now == NULL) {
    acoap__log_text(&endpoint->log, ACOAP_LOG_WARNING,
                    "the list of interfaces changed and cannot be read");
    acoap__endpoint_leave(endpoint);
    return;
  }
  acoap__interfaces_t *before = endpoint->interfaces;
  endpoint->interfaces = now;
  now->refs++; /* callbacks below may make it be replaced */
  acoap__sockets_refresh(endpoint);
  if (before != NULL) {
    tell_difference(endpoint, ACOAP_EVENT_INTERFACE_DOWN, before, now);
    tell_difference(endpoint, ACOAP_EVENT_INTERFACE_UP, now, before);
  }
  acoap__interfaces_unref(before);
  acoap__interfaces_unref(now);
  acoap__groups_refresh(endpoint);
  acoap__endpoint_leave(endpoint);
}

void acoap__interfaces_watch(acoap_local_endpoint_t *endpoint) {
  if (endpoint->watching || !ACOAP__HOST_OP(endpoint->host, watch_interfaces)) {
    return;
  }
  /* First what there is, so that the first change has something to differ from. */
  if (endpoint->interfaces == NULL) {
    endpoint->interfaces = ask_host(endpoint);
  }
  int status = endpoint->host->ops->watch_interfaces(endpoint->waker, changed, endpoint);
  if (status != 0) {
    acoap__log_text(&endpoint->log, ACOAP_LOG_WARNING, "changes of interfaces cannot be watched");
    return;
  }
  endpoint->watching = true;
}

acoap__interfaces_t *acoap__interfaces_get(acoap_local_endpoint_t *endpoint) {
  /* Who is told of changes need not ask again. */
  if (!endpoint->watching || endpoint->interfaces == NULL) {
    acoap__interfaces_t *now = ask_host(endpoint);
    if (now != NULL) {
      acoap__interfaces_unref(endpoint->interfaces);
      endpoint->interfaces = now;
    }
  }
  if (endpoint->interfaces != NULL) {
    endpoint->interfaces->refs++;
  }
  return endpoint->interfaces;
}

/* Is this entry the first of its interface with that family, and of the kind wanted? */
static bool stands_for(const acoap__interfaces_t *interfaces, size_t i, uint8_t family,
                       bool loopback) {
  const acoap_interface_t *entry = &interfaces->list[i];
  if (entry->address.family != family || entry->loopback != loopback ||
      (!loopback && !entry->multicast)) {
    return false;
  }
  for (size_t earlier = 0; earlier < i; earlier++) {
    const acoap_interface_t *other = &interfaces->list[earlier];
    if (other->index == entry->index && other->address.family == family) {
      return false;
    }
  }
  return true;
}

static const acoap_interface_t *nth(const acoap__interfaces_t *interfaces, uint8_t family,
                                    bool loopback, size_t n) {
  for (size_t i = 0; i < interfaces->count; i++) {
    if (stands_for(interfaces, i, family, loopback) && n-- == 0) {
      return &interfaces->list[i];
    }
  }
  return NULL;
}

const acoap_interface_t *acoap__interfaces_for_group(const acoap__interfaces_t *interfaces,
                                                     uint8_t family, size_t n) {
  bool only_loopback = nth(interfaces, family, false, 0) == NULL;
  return nth(interfaces, family, only_loopback, n);
}

/* ---- our own addresses ----------------------------------------------------------------------- */

bool acoap__local_endpoint_is_own_address(const acoap_local_endpoint_t *endpoint,
                                          const acoap_address_t *address) {
  if (acoap_address_is_loopback(address)) {
    return true;
  }
  const acoap__interfaces_t *interfaces = endpoint->interfaces;
  for (size_t i = 0; interfaces != NULL && i < interfaces->count; i++) {
    const acoap_address_t *own = &interfaces->list[i].address;
    if (own->family == address->family && memcmp(own->ip, address->ip, sizeof(own->ip)) == 0) {
      return true;
    }
  }
  return false;
}
