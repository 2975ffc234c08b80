/*
 * The addresses of the interfaces that are up, through getifaddrs, which unlike
 * uv_interface_addresses says which of them can multicast. Watches nothing.
 * SPDX-License-Identifier: MIT
 */
#include "transport/interfaces.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "base/mem.h"
#include "transport/sockaddr.h"

static bool describe(const struct ifaddrs *entry, acoap_interface_t *out) {
  unsigned int wanted = IFF_UP | IFF_RUNNING;
  memset(out, 0, sizeof(*out));
  if (entry->ifa_addr == NULL || (entry->ifa_flags & wanted) != wanted ||
      !acoap__sockaddr_read(entry->ifa_addr, &out->address)) {
    return false;
  }
  out->index = if_nametoindex(entry->ifa_name);
  size_t len = strnlen(entry->ifa_name, sizeof(out->name) - 1);
  memcpy(out->name, entry->ifa_name, len);
  out->loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
  out->multicast = (entry->ifa_flags & IFF_MULTICAST) != 0;
  /* Gone since the list was made. */
  return out->index != 0;
}

int acoap__interfaces_list(acoap_interface_t *list, size_t max) {
  struct ifaddrs *entries = NULL;
  int count = 0;
  if (getifaddrs(&entries) != 0) {
    return uv_translate_sys_error(errno);
  }
  for (const struct ifaddrs *entry = entries; entry != NULL; entry = entry->ifa_next) {
    acoap_interface_t described;
    if (describe(entry, &described)) {
      if ((size_t)count < max) {
        list[count] = described;
      }
      count++;
    }
  }
  freeifaddrs(entries);
  return count;
}

int acoap__interfaces_list_all(acoap_interface_t **list) {
  size_t max = 16;
  for (;;) {
    acoap_interface_t *made = acoap__calloc(max, sizeof(*made));
    if (made == NULL) {
      return ACOAP_ENOMEM;
    }
    int count = acoap__interfaces_list(made, max);
    if (count <= (int)max) {
      if (count < 0) {
        acoap__free(made);
      } else {
        *list = made;
      }
      return count;
    }
    acoap__free(made);
    max = (size_t)count + 16;
  }
}
