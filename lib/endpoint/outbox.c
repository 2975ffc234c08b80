/*
 * Datagrams that a socket refused with ACOAP_EAGAIN wait here, copied, in order, until it is
 * writable. Bounded: beyond the bound, or without memory, a datagram counts as lost on the network,
 * for which the message layer has its retransmissions (RFC 7252 section 4.2).
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

#include <string.h>

#include "base/mem.h"

/* Datagrams that wait per socket at most; sockets that queue themselves refuse only beyond their
 * own bound. */
#define OUTBOX_MAX 256

typedef struct waiting_datagram {
  acoap__list_t node; /* in the socket's outbox */
  acoap_path_t path;  /* where to */
  size_t len;         /* bytes */
  uint8_t bytes[];    /* the datagram */
} waiting_datagram_t;

int acoap__outbox_add(acoap__endpoint_socket_t *socket, const acoap_path_t *path,
                      acoap_bytes_t bytes) {
  if (socket->outbox_count >= OUTBOX_MAX) {
    return ACOAP_EEXHAUSTED;
  }
  waiting_datagram_t *waiting = acoap__malloc(sizeof(*waiting) + bytes.len);
  if (waiting == NULL) {
    return ACOAP_ENOMEM;
  }
  waiting->path = *path;
  waiting->len = bytes.len;
  if (bytes.len > 0) {
    memcpy(waiting->bytes, bytes.data, bytes.len);
  }
  acoap__list_append(&socket->outbox, &waiting->node);
  socket->outbox_count++;
  return 0;
}

static void drop(acoap__endpoint_socket_t *socket, waiting_datagram_t *waiting) {
  acoap__list_remove(&waiting->node);
  acoap__free(waiting);
  socket->outbox_count--;
}

void acoap__outbox_send(acoap__endpoint_socket_t *socket) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&socket->outbox)) != NULL) {
    waiting_datagram_t *waiting = ACOAP__CONTAINER(node, waiting_datagram_t, node);
    acoap_outgoing_datagram_t datagram = {.path = &waiting->path,
                                          .bytes = {waiting->bytes, waiting->len}};
    int taken = socket->socket->ops->send(socket->socket, &datagram, 1);
    if (taken == 0 || taken == ACOAP_EAGAIN) {
      return;
    }
    if (taken < 0) {
      socket->endpoint->engine.stats.send_errors++;
    } else {
      socket->unflushed = true;
      socket->endpoint->unflushed = true;
    }
    drop(socket, waiting);
  }
}

void acoap__outbox_clear(acoap__endpoint_socket_t *socket) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&socket->outbox)) != NULL) {
    drop(socket, ACOAP__CONTAINER(node, waiting_datagram_t, node));
  }
}
