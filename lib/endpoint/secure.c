/*
 * What coaps:// adds to remotes and requests (RFC 7252 section 9): the credentials that are proved
 * to a remote, and who proved what in a request. The sessions are the socket's
 * (transport/dtls_socket.c).
 * SPDX-License-Identifier: MIT
 */
#include <acoap/dtls.h>

#include "base/mem.h"
#include "endpoint/remote.h"

/* Paths lend credentials to sockets, which keep a reference where they need one. */
static acoap_credentials_t *counted(const acoap_credentials_t *credentials) {
  union {
    const acoap_credentials_t *in;
    acoap_credentials_t *out;
  } cast = {credentials};
  return cast.out;
}

static void former_free(acoap_remote_endpoint_t *remote) {
  acoap__former_credentials_t *former;
  while ((former = remote->former) != NULL) {
    remote->former = former->next;
    acoap_credentials_unref(former->credentials);
    acoap__free(former);
  }
}

int acoap_remote_endpoint_set_credentials(acoap_remote_endpoint_t *remote,
                                          acoap_credentials_t *credentials) {
  if (remote == NULL) {
    return ACOAP_EINVAL;
  }
  if (remote->credentials == credentials) {
    return 0;
  }
  if (remote->refs == 1) {
    former_free(remote); /* nothing is under way */
  }
  if (remote->credentials != NULL) {
    acoap__former_credentials_t *former = acoap__malloc(sizeof(*former));
    if (former == NULL) {
      return ACOAP_ENOMEM;
    }
    former->credentials = counted(remote->credentials);
    former->next = remote->former;
    remote->former = former;
  }
  remote->credentials = acoap_credentials_ref(credentials);
  return 0;
}

void acoap__remote_inherit_credentials(acoap_remote_endpoint_t *remote,
                                       const acoap_remote_endpoint_t *from) {
  remote->credentials = acoap_credentials_ref(counted(from->credentials));
}

void acoap__remote_drop_credentials(acoap_remote_endpoint_t *remote) {
  remote->credentials = acoap_credentials_unref(counted(remote->credentials));
  former_free(remote);
}

const acoap_identity_t *acoap_request_identity(const acoap_request_t *request) {
  return acoap_message_identity(acoap_request_message(request));
}
