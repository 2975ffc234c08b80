/*
 * Datagrams that come into a DTLS socket: to the session of their peer, or to the session that
 * listens. A ClientHello from a peer that has a session is a retransmission when its random is that
 * of the handshake under way (RFC 6347 section 4.2.1 keeps it), and otherwise a client that begins
 * anew: it goes through the cookie like any other and leaves the session alone until its own
 * handshake has ended well (section 4.2.8). What nobody can read is dropped and counted.
 * What came in one batch is decrypted first and handed up in one, so that the answers leave in one.
 * SPDX-License-Identifier: MIT
 */
#include "transport/dtls.h"

#include <string.h>

#include "base/buf.h"

/* Offsets in a datagram that begins with a ClientHello: record header, handshake header, version.
 */
#define RANDOM_AT (13 + 12 + 2)
#define EPOCH_AT 3

static bool client_random(acoap_bytes_t datagram, uint8_t random[ACOAP__CLIENT_RANDOM_LEN]) {
  if (!acoap__dtls_is_client_hello(datagram) ||
      datagram.len < RANDOM_AT + ACOAP__CLIENT_RANDOM_LEN) {
    return false;
  }
  memcpy(random, datagram.data + RANDOM_AT, ACOAP__CLIENT_RANDOM_LEN);
  return true;
}

/* ---- plaintext up ---------------------------------------------------------------------------- */

void acoap__dtls_hand_up(acoap__dtls_socket_t *socket) {
  if (socket->handing_up) {
    return; /* the inner socket brought something within the callback: it comes next */
  }
  socket->handing_up = true;
  while (socket->incoming_count > 0) {
    size_t count = socket->incoming_count;
    if (socket->events != NULL) {
      socket->events->received(socket->user_data, socket->incoming, count);
    }
    for (size_t i = 0; i < count; i++) {
      acoap_identity_unref(socket->incoming[i].path.identity);
      acoap__buf_unref(socket->incoming[i].buffer);
    }
    socket->incoming_count -= count;
    memmove(socket->incoming, socket->incoming + count,
            socket->incoming_count * sizeof(*socket->incoming));
  }
  socket->handing_up = false;
}

/* Takes the buffer over; false: there is no room, which counts as lost on the way. */
static bool collect(acoap__dtls_peer_t *peer, acoap_buffer_t *buffer) {
  acoap__dtls_socket_t *socket = peer->socket;
  if (socket->incoming_count == ACOAP__DTLS_HAND_UP) {
    acoap__dtls_hand_up(socket);
  }
  if (socket->incoming_count == ACOAP__DTLS_HAND_UP || peer->gone) {
    acoap__buf_unref(buffer);
    return false;
  }
  acoap_incoming_datagram_t *datagram = &socket->incoming[socket->incoming_count++];
  *datagram = (acoap_incoming_datagram_t){
      .path = peer->path, .buffer = buffer, .bytes = {buffer->bytes, buffer->len}};
  datagram->path.identity = acoap_identity_ref(peer->session->identity);
  datagram->path.session = peer->number;
  return true;
}

/* Decrypt what a session can read. */
static void read_records(acoap__dtls_peer_t *peer) {
  acoap__dtls_socket_t *socket = peer->socket;
  bool more = true;
  while (more && !peer->gone && !socket->closing) {
    acoap_buffer_t *buffer = acoap__buffer_pool_take(socket->buffers);
    if (buffer == NULL) {
      break;
    }
    buffer->len = acoap__dtls_session_read(peer->session, buffer->bytes, buffer->cap, &more);
    if (buffer->len == 0) {
      acoap__buf_unref(buffer);
      break;
    }
    peer->unheard = 0;
    acoap__dtls_peer_touch(peer, acoap__dtls_now(socket));
    more = collect(peer, buffer) && more;
  }
}

/* ---- handshakes that begin ------------------------------------------------------------------- */

static void listen_receive(acoap__dtls_socket_t *socket, acoap__dtls_peer_t *peer,
                           const acoap_incoming_datagram_t *datagram) {
  acoap_bytes_t client = {(const uint8_t *)&datagram->path.peer, sizeof(datagram->path.peer)};
  bool cookie_sent = false;
  if (socket->listener == NULL && acoap__dtls_listen(socket) != 0) {
    return;
  }
  if (socket->listener == NULL || datagram->path.multicast ||
      acoap__dtls_secrets_renew(&socket->secrets, acoap__dtls_now(socket)) != 0) {
    socket->stats.records_dropped++;
    return;
  }
  socket->listener_path = datagram->path;
  if (!acoap__dtls_session_accept(socket->listener, client, datagram->bytes, &cookie_sent)) {
    socket->stats.cookies_sent += cookie_sent ? 1 : 0;
    socket->stats.records_dropped += cookie_sent ? 0 : 1;
    return;
  }
  acoap__dtls_session_t *accepted = socket->listener;
  (void)acoap__dtls_listen(socket);
  if (peer != NULL) {
    acoap__dtls_peer_challenge(peer, accepted);
  } else {
    peer = acoap__dtls_peer_new(socket, &datagram->path, NULL, accepted);
  }
  if (peer == NULL) {
    acoap__dtls_session_free(accepted);
    return;
  }
  (void)client_random(datagram->bytes, peer->random);
  acoap__dtls_peer_settle(peer);
}

/* ---- datagrams of a peer --------------------------------------------------------------------- */

static bool is_protected(acoap_bytes_t datagram) {
  return datagram.len > EPOCH_AT + 1 &&
         (datagram.data[EPOCH_AT] != 0 || datagram.data[EPOCH_AT + 1] != 0);
}

static void peer_receive(acoap__dtls_peer_t *peer, acoap_time_t now, acoap_bytes_t bytes) {
  if (peer->challenger == NULL && peer->reported) {
    /* A session that stands: nothing follows but from its end. */
    acoap__dtls_session_receive(peer->session, now, bytes);
    read_records(peer);
    if (peer->session->state == ACOAP__DTLS_ENDED) {
      acoap__dtls_peer_settle(peer);
    }
    return;
  }
  peer->busy++;
  if (peer->challenger != NULL) {
    acoap__dtls_session_receive(peer->challenger, now, bytes);
    acoap__dtls_peer_settle(peer);
  }
  /* In the clear comes only what belongs to a handshake; the established session's is long over. */
  if (!peer->gone && (peer->challenger == NULL || is_protected(bytes))) {
    acoap__dtls_session_receive(peer->session, now, bytes);
    acoap__dtls_peer_settle(peer);
    if (!peer->gone) {
      read_records(peer);
    }
    acoap__dtls_peer_settle(peer);
  }
  peer->busy--;
}

/* Does this ClientHello begin something? */
static bool begins(const acoap__dtls_peer_t *peer, const uint8_t random[ACOAP__CLIENT_RANDOM_LEN]) {
  if (memcmp(random, peer->random, ACOAP__CLIENT_RANDOM_LEN) == 0) {
    return false;
  }
  return !acoap__dtls_peer_is_client(peer) || peer->session->state != ACOAP__DTLS_HANDSHAKE ||
         acoap__dtls_peer_yields(peer, random);
}

static void receive_one(acoap__dtls_socket_t *socket, const acoap_incoming_datagram_t *datagram) {
  if (datagram->truncated) {
    socket->stats.records_dropped++; /* no part of a record can be trusted */
    return;
  }
  acoap__dtls_peer_t *peer = acoap__dtls_peer_find(socket, &datagram->path.peer);
  uint8_t random[ACOAP__CLIENT_RANDOM_LEN];
  bool hello = client_random(datagram->bytes, random);
  if (hello && (peer == NULL || begins(peer, random))) {
    listen_receive(socket, peer, datagram);
    return;
  }
  if (peer == NULL || (hello && acoap__dtls_peer_is_client(peer) && peer->challenger == NULL)) {
    socket->stats.records_dropped++;
    return;
  }
  peer_receive(peer, acoap__dtls_now(socket), datagram->bytes);
}

static void received(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  acoap__dtls_socket_t *socket = user_data;
  bool outermost = !socket->receiving;
  acoap__dtls_enter(socket);
  if (outermost) {
    socket->receiving_at = socket->host->ops->now(socket->host);
    socket->receiving = true;
  }
  for (size_t i = 0; i < count && !socket->closing; i++) {
    receive_one(socket, &datagrams[i]);
  }
  acoap__dtls_hand_up(socket);
  if (outermost) {
    socket->receiving = false;
  }
  if (!socket->closing) {
    acoap__dtls_news(socket);
  }
  (void)acoap__dtls_leave(socket);
}

/* ---- what else the inner socket says --------------------------------------------------------- */

static void peer_event(void *user_data, const acoap_peer_notice_t *notice) {
  acoap__dtls_socket_t *socket = user_data;
  acoap__dtls_peer_t *peer = acoap__dtls_peer_find(socket, &notice->path.peer);
  /* An ICMP error ends a handshake; a session that stands outlives it (RFC 6347 section 4.1.1.1
   * warns that they can be forged). */
  if (notice->event == ACOAP_PEER_ICMP && notice->status != 0 && peer != NULL &&
      peer->session->state == ACOAP__DTLS_HANDSHAKE && acoap__dtls_peer_is_client(peer)) {
    acoap__dtls_enter(socket);
    acoap__dtls_peer_end(peer, notice->status, notice->reason);
    acoap__dtls_news(socket);
    (void)acoap__dtls_leave(socket);
  }
}

static void writable(void *user_data) {
  acoap__dtls_socket_t *socket = user_data;
  acoap__dtls_outbox_send(socket);
  if (socket->events != NULL && socket->events->writable != NULL) {
    socket->events->writable(socket->user_data);
  }
}

static void wake_changed(void *user_data) {
  acoap__dtls_wake_changed(user_data);
}

const acoap_socket_events_t acoap__dtls_inner_events = {
    .size = sizeof(acoap_socket_events_t),
    .received = received,
    .peer = peer_event,
    .writable = writable,
    .wake_changed = wake_changed,
};
