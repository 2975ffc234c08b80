/*
 * Names through uv_getaddrinfo, that is in libuv's threads: RFC 7252 section 6.2 step 4 without
 * blocking. The order is the system's (RFC 6724), doubles are left out, at most LOOKUP_MAX
 * addresses are told.
 * Without AI_ADDRCONFIG: a machine that has only loopback, or one family, still finds what its
 * hosts file says, and an address that cannot be reached fails at once when it is tried.
 * SPDX-License-Identifier: MIT
 */
#include "transport/host_uv.h"

#include <netdb.h>

#include "base/mem.h"
#include "transport/sockaddr.h"

#define LOOKUP_MAX 16

typedef struct uv_lookup {
  uv_getaddrinfo_t request; /* under way */
  acoap_lookup_cb done;     /* NULL: cancelled, or called already */
  void *user_data;          /* for done */
  uint16_t port;            /* for every address */
} uv_lookup_t;

static bool listed(const acoap_address_t *list, size_t count, const acoap_address_t *address) {
  for (size_t i = 0; i < count; i++) {
    if (acoap_address_equal(&list[i], address)) {
      return true;
    }
  }
  return false;
}

static size_t gather(const struct addrinfo *results, uint16_t port, acoap_address_t *list) {
  size_t count = 0;
  for (const struct addrinfo *each = results; each != NULL && count < LOOKUP_MAX;
       each = each->ai_next) {
    acoap_address_t address;
    if (each->ai_addr == NULL || !acoap__sockaddr_read(each->ai_addr, &address)) {
      continue;
    }
    address.port = port;
    if (!listed(list, count, &address)) {
      list[count++] = address;
    }
  }
  return count;
}

static int status_of(int status, size_t count) {
  if (status == UV_EAI_NONAME || status == UV_EAI_NODATA || (status == 0 && count == 0)) {
    return ACOAP_ENOTFOUND;
  }
  return status;
}

static void looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *results) {
  uv_lookup_t *lookup = request->data;
  acoap_address_t list[LOOKUP_MAX];
  size_t count = status == 0 ? gather(results, lookup->port, list) : 0;
  acoap_lookup_cb done = lookup->done;
  uv_freeaddrinfo(results);
  lookup->done = NULL;
  if (done != NULL) {
    done(lookup->user_data, status_of(status, count), count > 0 ? list : NULL, count);
  }
  acoap__free(lookup);
}

int acoap__uv_lookup(acoap_host_t *host, const char *name, uint16_t port, acoap_lookup_cb done,
                     void *user_data, acoap_lookup_t **lookup) {
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
  if (name == NULL || done == NULL) {
    return ACOAP_EINVAL;
  }
  uv_lookup_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->request.data = made;
  made->done = done;
  made->user_data = user_data;
  made->port = port;
  int status = uv_getaddrinfo(((acoap__uv_host_t *)host)->loop, &made->request, looked_up, name,
                              NULL, &hints);
  if (status != 0) {
    acoap__free(made);
    return status;
  }
  if (lookup != NULL) {
    *lookup = (acoap_lookup_t *)(void *)made;
  }
  return 0;
}

void acoap__uv_lookup_cancel(acoap_lookup_t *lookup) {
  uv_lookup_t *cancelled = (uv_lookup_t *)(void *)lookup;
  if (cancelled != NULL && cancelled->done != NULL) {
    cancelled->done = NULL;
    /* One that a thread is at work on cannot be stopped; either way looked_up frees it. */
    uv_cancel((uv_req_t *)&cancelled->request);
  }
}
