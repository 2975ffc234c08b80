/*
 * Sessions that may be resumed (RFC 5246 section 7.3, RFC 5077): the last ones of each peer, host
 * and credentials that a client had, at most TICKETS_MAX, the oldest goes. Kept as long as the
 * socket.
 * SPDX-License-Identifier: MIT
 */
#include "transport/dtls.h"

#include <string.h>

#include "base/mem.h"

#define TICKETS_MAX 64

static bool same_host(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static acoap__dtls_ticket_t *find(acoap__dtls_socket_t *socket, const acoap_address_t *peer,
                                  const acoap_credentials_t *credentials, const char *host) {
  for (acoap__list_t *node = socket->tickets.next; node != &socket->tickets; node = node->next) {
    acoap__dtls_ticket_t *each = ACOAP__CONTAINER(node, acoap__dtls_ticket_t, node);
    if (each->credentials == credentials && acoap_address_equal(&each->peer, peer) &&
        same_host(each->host, host)) {
      return each;
    }
  }
  return NULL;
}

static void drop(acoap__dtls_socket_t *socket, acoap__dtls_ticket_t *ticket) {
  acoap__list_remove(&ticket->node);
  socket->ticket_count--;
  acoap__dtls_resumption_free(ticket->session);
  acoap_credentials_unref(ticket->credentials);
  acoap__free(ticket->host);
  acoap__free(ticket);
}

void acoap__dtls_ticket_keep(acoap__dtls_peer_t *peer) {
  acoap__dtls_socket_t *socket = peer->socket;
  acoap__dtls_resumption_t *session = acoap__dtls_session_resumption(peer->session);
  if (session == NULL) {
    return;
  }
  acoap__dtls_ticket_t *ticket = find(socket, &peer->path.peer, peer->credentials, peer->host);
  if (ticket != NULL) {
    drop(socket, ticket);
  }
  ticket = acoap__calloc(1, sizeof(*ticket));
  size_t len = peer->host != NULL ? strlen(peer->host) + 1 : 0;
  if (ticket != NULL && len > 0) {
    ticket->host = acoap__malloc(len);
    if (ticket->host == NULL) {
      acoap__free(ticket);
      ticket = NULL;
    } else {
      memcpy(ticket->host, peer->host, len);
    }
  }
  if (ticket == NULL) {
    acoap__dtls_resumption_free(session);
    return;
  }
  ticket->peer = peer->path.peer;
  ticket->credentials = acoap_credentials_ref(peer->credentials);
  ticket->session = session;
  acoap__list_prepend(&socket->tickets, &ticket->node);
  if (++socket->ticket_count > TICKETS_MAX) {
    drop(socket, ACOAP__CONTAINER(socket->tickets.prev, acoap__dtls_ticket_t, node));
  }
}

const acoap__dtls_resumption_t *acoap__dtls_ticket_find(acoap__dtls_socket_t *socket,
                                                        const acoap_address_t *peer,
                                                        const acoap_credentials_t *credentials,
                                                        const char *host) {
  acoap__dtls_ticket_t *ticket = find(socket, peer, credentials, host);
  return ticket != NULL ? ticket->session : NULL;
}

void acoap__dtls_tickets_free(acoap__dtls_socket_t *socket) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&socket->tickets)) != NULL) {
    drop(socket, ACOAP__CONTAINER(node, acoap__dtls_ticket_t, node));
  }
}
