/*
 * Datagrams between sockets and engine, both ways: what comes in is shown to the tap and given to
 * the engine, one decode each; what goes out is handed to the socket that its path names and
 * flushed once when the turn ends. A datagram for which no message object can be had is dropped
 * before the engine has seen it, so that it counts as lost and a retransmission gets a chance (RFC
 * 7252 section 4.2). Parses nothing.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

#include "base/buf.h"
#include "transport/buffer_copy.h"

/* ---- in -------------------------------------------------------------------------------------- */

/* `buffer` is borrowed, and holds the bytes. */
static inline void receive_bytes(acoap__endpoint_socket_t *socket, acoap_time_t now,
                                 const acoap_path_t *path, acoap_buffer_t *buffer,
                                 acoap_bytes_t bytes) {
  acoap_local_endpoint_t *endpoint = socket->endpoint;
  acoap_message_t *outer = endpoint->current;
  if (buffer == NULL || !acoap__messages_reserve(endpoint) || !acoap__requests_reserve(endpoint)) {
    acoap__log_text(&endpoint->log, ACOAP_LOG_WARNING, "out of memory: a datagram was dropped");
    return;
  }
  acoap_message_t *message = acoap__message_pick_up(endpoint, path, socket->answers_from, buffer);
  const acoap_path_t *from = acoap_message_path(message);
  if (endpoint->tap != NULL) {
    endpoint->tap(endpoint->tap_data, ACOAP_RECEIVED, from, bytes);
  }
  int status = acoap__engine_receive(&endpoint->engine, now, from, bytes.data, bytes.len,
                                     acoap__message_room(message));
  if (status == ACOAP_ETOKEN) {
    acoap__refuse_token(endpoint, now, from, bytes);
  }
  acoap__message_put_down(endpoint, message, outer);
  if (status != 0) {
    acoap__log_text(&endpoint->log, ACOAP_LOG_DEBUG, acoap_strerror(status));
  }
}

/* It was longer than the socket takes. */
static void receive_truncated(acoap__endpoint_socket_t *socket, acoap_time_t now,
                              const acoap_incoming_datagram_t *datagram) {
  acoap_local_endpoint_t *endpoint = socket->endpoint;
  acoap_path_t path = datagram->path;
  path.socket = socket->answers_from;
  if (endpoint->tap != NULL) {
    endpoint->tap(endpoint->tap_data, ACOAP_RECEIVED, &path, datagram->bytes);
  }
  acoap__refuse_truncated(endpoint, now, &path, datagram->bytes);
}

static inline void receive_one(acoap__endpoint_socket_t *socket, acoap_time_t now,
                               const acoap_incoming_datagram_t *datagram) {
  if (datagram->truncated) {
    receive_truncated(socket, now, datagram);
    return;
  }
  if (datagram->buffer != NULL) {
    receive_bytes(socket, now, &datagram->path, datagram->buffer, datagram->bytes);
    return;
  }
  acoap_buffer_t *copy = acoap__buffer_copy(datagram->bytes);
  acoap_bytes_t bytes = {copy != NULL ? copy->bytes : NULL, datagram->bytes.len};
  receive_bytes(socket, now, &datagram->path, copy, bytes);
  acoap__buf_unref(copy);
}

static void received(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  acoap__endpoint_socket_t *socket = user_data;
  acoap_local_endpoint_t *endpoint = socket->endpoint;
  acoap__endpoint_enter(endpoint);
  acoap_time_t now = acoap__local_endpoint_now(endpoint);
  /* What arrives after the endpoint was told to close is not for it any more. */
  for (size_t i = 0; i < count && endpoint->state == ACOAP__ENDPOINT_OPEN; i++) {
    receive_one(socket, now, &datagrams[i]);
  }
  acoap__endpoint_leave(endpoint);
}

static void report_peer(acoap_local_endpoint_t *endpoint, const acoap_peer_notice_t *notice) {
  acoap_event_t event = {
      .status = notice->status, .address = notice->path.peer, .reason = notice->reason};
  switch (notice->event) {
  case ACOAP_PEER_ESTABLISHED:
    event.kind = ACOAP_EVENT_PEER_ESTABLISHED;
    break;
  case ACOAP_PEER_FAILED:
    event.kind = ACOAP_EVENT_PEER_FAILED;
    break;
  case ACOAP_PEER_CLOSED:
    event.kind = ACOAP_EVENT_PEER_CLOSED;
    break;
  case ACOAP_PEER_ICMP:
    if (notice->status == 0) {
      return; /* time exceeded, packet too big: the peer may well be there */
    }
    event.kind = ACOAP_EVENT_PEER_UNREACHABLE;
    break;
  default:
    return;
  }
  acoap__local_endpoint_event(endpoint, &event);
}

static void peer(void *user_data, const acoap_peer_notice_t *notice) {
  acoap__endpoint_socket_t *socket = user_data;
  acoap_local_endpoint_t *endpoint = socket->endpoint;
  acoap__endpoint_enter(endpoint);
  if (notice->event == ACOAP_PEER_ICMP && notice->status != 0) {
    acoap_path_t path = notice->path;
    path.socket = socket->number;
    acoap__engine_unreachable(&endpoint->engine, endpoint->host->ops->now(endpoint->host), &path,
                              notice->status, notice->quote);
  }
  report_peer(endpoint, notice);
  acoap__endpoint_leave(endpoint);
}

static void writable(void *user_data) {
  acoap__endpoint_socket_t *socket = user_data;
  acoap__endpoint_enter(socket->endpoint);
  if (socket->socket != NULL) {
    acoap__outbox_send(socket);
  }
  acoap__endpoint_leave(socket->endpoint);
}

static void wake_changed(void *user_data) {
  acoap__endpoint_socket_t *socket = user_data;
  acoap__endpoint_touch(socket->endpoint);
}

const acoap_socket_events_t acoap__endpoint_socket_events = {
    .size = sizeof(acoap_socket_events_t),
    .received = received,
    .peer = peer,
    .writable = writable,
    .wake_changed = wake_changed,
};

/* ---- out ------------------------------------------------------------------------------------- */

/* A datagram that this machine had no room for counts as lost on the way: retransmissions are made
 * for that. */
static int lose(acoap__endpoint_socket_t *socket, const char *why) {
  socket->endpoint->engine.stats.send_errors++;
  acoap__log_text(&socket->endpoint->log, ACOAP_LOG_WARNING, why);
  return 0;
}

static int note_taken(acoap__endpoint_socket_t *socket) {
  socket->unflushed = true;
  socket->endpoint->unflushed = true;
  return 0;
}

/* Keep it until there is room. */
static int not_taken(acoap__endpoint_socket_t *socket, const acoap_outgoing_datagram_t *datagram,
                     int status) {
  if (status == 0 || status == ACOAP_EAGAIN) {
    status = acoap__outbox_add(socket, datagram->path, datagram->bytes);
    return status == 0 ? 0 : lose(socket, "a socket is full: a datagram was dropped");
  }
  if (status == ACOAP_ENOMEM) {
    return lose(socket, "out of memory: a datagram was not sent");
  }
  return status < 0 ? status : note_taken(socket);
}

/* Hand one datagram to the socket that its path names. */
int acoap__endpoint_transmit(void *user_data, const acoap_path_t *path, acoap_bytes_t bytes) {
  acoap_local_endpoint_t *endpoint = user_data;
  if (path->socket >= endpoint->socket_count || endpoint->state >= ACOAP__ENDPOINT_HANDLES) {
    return ACOAP_ECLOSED;
  }
  acoap__endpoint_socket_t *socket = &endpoint->sockets[path->socket];
  acoap_outgoing_datagram_t datagram = {.path = path, .bytes = bytes};
  int taken = ACOAP_EAGAIN;
  if (acoap__list_empty(&socket->outbox)) {
    taken = socket->socket->ops->send(socket->socket, &datagram, 1);
  }
  int status = taken == 1 ? note_taken(socket) : not_taken(socket, &datagram, taken);
  if (status == 0 && endpoint->tap != NULL) {
    endpoint->tap(endpoint->tap_data, ACOAP_SENT, datagram.path, datagram.bytes);
  }
  if (endpoint->depth == 0) {
    acoap__endpoint_touch(endpoint);
  }
  return status;
}
