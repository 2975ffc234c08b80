/*
 * The datagram socket of a fuzz target: hears what the input says and shows what is sent. There is
 * one of it in a program.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_FUZZ_WIRE_H
#define ACOAP_TEST_FUZZ_WIRE_H

#include <acoap/socket.h>

#include <string.h>

#include "fuzz/must.h"

static struct wire {
  acoap_socket_t socket; /* first */
  const acoap_socket_events_t *events;
  void *user_data;
  acoap_address_t here; /* where it is bound */
  void (*sent)(const acoap_outgoing_datagram_t *datagram);
} wire;

static int wire_start(acoap_socket_t *socket, const acoap_socket_events_t *events,
                      void *user_data) {
  (void)socket;
  wire.events = events;
  wire.user_data = user_data;
  return 0;
}

static int wire_send(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch, size_t count) {
  (void)socket;
  for (size_t i = 0; i < count; i++) {
    wire.sent(&batch[i]);
  }
  return (int)count;
}

static int wire_address(acoap_socket_t *socket, acoap_address_t *address) {
  (void)socket;
  *address = wire.here;
  return 0;
}

static void wire_close(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  (void)socket;
  wire.events = NULL;
  closed(user_data);
}

static const acoap_socket_ops_t wire_ops = {
    .size = sizeof(acoap_socket_ops_t),
    .start = wire_start,
    .send = wire_send,
    .local_address = wire_address,
    .close = wire_close,
};

/* Begin anew, bound to 192.0.2.HOST; `sent` sees each datagram. */
static acoap_socket_t *wire_open(uint8_t host, uint16_t port,
                                 void (*sent)(const acoap_outgoing_datagram_t *datagram)) {
  memset(&wire, 0, sizeof(wire));
  wire.socket.ops = &wire_ops;
  wire.here = (acoap_address_t){.family = ACOAP_FAMILY_IPV4, .port = port, .ip = {192, 0, 2, host}};
  wire.sent = sent;
  return &wire.socket;
}

static inline void wire_release(acoap_buffer_t *buffer) {
  free(buffer);
}

/*
 * A datagram comes this way; nothing once the socket is closed. The storage is of exactly its size,
 * so that a sanitizer sees the first byte too many.
 */
static inline void wire_hear(const acoap_path_t *path, const uint8_t *bytes, size_t len) {
  acoap_buffer_t *buffer = malloc(sizeof(*buffer) + len);
  MUST(buffer != NULL);
  *buffer = (acoap_buffer_t){
      .bytes = (uint8_t *)(buffer + 1), .cap = len, .len = len, .refs = 1, .release = wire_release};
  if (len > 0) {
    memcpy(buffer->bytes, bytes, len);
  }
  acoap_incoming_datagram_t datagram = {
      .path = *path, .buffer = buffer, .bytes = {buffer->bytes, len}};
  if (wire.events != NULL) {
    wire.events->received(wire.user_data, &datagram, 1);
  }
  if (--buffer->refs == 0) {
    wire_release(buffer);
  }
}

/* The same without a buffer: the endpoint makes its own. */
static inline void wire_hear_lent(const acoap_path_t *path, const uint8_t *bytes, size_t len) {
  acoap_incoming_datagram_t datagram = {.path = *path, .bytes = {bytes, len}};
  if (wire.events != NULL) {
    wire.events->received(wire.user_data, &datagram, 1);
  }
}

#endif
