/*
 * Which resources take observers, and how these are told (RFC 7641 sections 4.1 and 4.5): the
 * options with their defaults filled in. A notification is confirmed at least once in 24 hours,
 * whatever they say. Registers nobody (observe.c).
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "server/observe.h"

#define CONFIRM_EVERY_DEFAULT 16
/* Section 4.5: at least once in 24 hours. */
#define CONFIRM_MS_MOST (24u * 60 * 60 * 1000)

int acoap_resource_observable(acoap_resource_t *resource, const acoap_observable_options_t *given) {
  acoap_observable_options_t options;
  memset(&options, 0, sizeof(options));
  if (resource == NULL || resource->server == NULL) {
    return ACOAP_EINVAL;
  }
  if (given != NULL) {
    if (given->size < sizeof(given->size)) {
      return acoap__server_fail(resource->server, ACOAP_EINVAL);
    }
    memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
  }
  if ((unsigned)options.reliability > ACOAP_UNRELIABLE) {
    return acoap__server_fail(resource->server, ACOAP_EINVAL);
  }
  options.size = sizeof(options);
  options.confirm_every =
      options.confirm_every != 0 ? options.confirm_every : CONFIRM_EVERY_DEFAULT;
  if (options.confirm_ms == 0 || options.confirm_ms > CONFIRM_MS_MOST) {
    options.confirm_ms = CONFIRM_MS_MOST;
  }
  resource->observe = options;
  resource->observable = true;
  return 0;
}

size_t acoap_resource_observers(const acoap_resource_t *resource) {
  return resource != NULL ? resource->observer_count : 0;
}
