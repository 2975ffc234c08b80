/*
 * The floor's server: each datagram becomes its reply in place, ACK 2.05 for a CON, NON 2.05 for a
 * NON, with as many bytes as the path names. Whatever is no such request is dropped. With UDP_GRO
 * what came joined goes back joined.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "floor.h"

#include <stdlib.h>
#include <string.h>

#define JOINED_MAX 65536

typedef struct place {
  struct sockaddr_in peer;
  struct iovec in;
  struct iovec out;
  uint8_t *received;
  uint8_t *reply;
  _Alignas(struct cmsghdr) uint8_t control[64];
} place_t;

/* A reply to `request` of `len` bytes at `reply`; 0: none. */
static size_t make_reply(const uint8_t *request, size_t len, uint8_t *reply) {
  size_t token = len >= 4 ? request[0] & 15u : 0;
  if (len < 4 + token || request[0] >> 6 != 1 || token > 8 || (request[1] >> 5) != 0 ||
      request[1] == 0) {
    return 0;
  }
  size_t size = 0;
  if (len > 4 + token && request[4 + token] >> 4 == 11) {
    size_t digits = request[4 + token] & 15u;
    for (size_t i = 5 + token; i < len && i < 5 + token + digits; i++) {
      size = size * 10 + (size_t)(request[i] - '0');
    }
  }
  if (size > 1024) {
    size = 0;
  }
  memcpy(reply, request, 4 + token);
  reply[0] = (uint8_t)((request[0] & 0x4f) | ((request[0] >> 4 & 3) == 0 ? 0x20 : 0x10));
  reply[1] = request[1] == 3 ? 0x44 : 0x45;
  size_t at = 4 + token;
  if (size > 0 && reply[1] == 0x45) {
    reply[at++] = 0xff;
    memset(reply + at, 'x', size);
    at += size;
  }
  return at;
}

static void prepare(place_t *place, struct mmsghdr *header, size_t room) {
  place->in = (struct iovec){place->received, room};
  memset(header, 0, sizeof(*header));
  header->msg_hdr.msg_name = &place->peer;
  header->msg_hdr.msg_namelen = sizeof(place->peer);
  header->msg_hdr.msg_iov = &place->in;
  header->msg_hdr.msg_iovlen = 1;
  header->msg_hdr.msg_control = place->control;
  header->msg_hdr.msg_controllen = sizeof(place->control);
}

/* The replies to what came in one place; false: none. */
static bool answer(place_t *place, struct mmsghdr *in, struct mmsghdr *out) {
  size_t segment = floor_segment_of(&in->msg_hdr, in->msg_len);
  size_t each = 0;
  size_t total = 0;
  for (size_t at = 0; at < in->msg_len; at += segment) {
    size_t len = in->msg_len - at < segment ? in->msg_len - at : segment;
    if (total + FLOOR_DATAGRAM_MAX > JOINED_MAX) {
      break;
    }
    size_t reply = make_reply(place->received + at, len, place->reply + total);
    each = each == 0 ? reply : each;
    if (reply == 0 || reply != each) {
      break;
    }
    total += reply;
  }
  if (total == 0) {
    return false;
  }
  place->out = (struct iovec){place->reply, total};
  memset(out, 0, sizeof(*out));
  out->msg_hdr.msg_name = &place->peer;
  out->msg_hdr.msg_namelen = sizeof(place->peer);
  out->msg_hdr.msg_iov = &place->out;
  out->msg_hdr.msg_iovlen = 1;
  if (total > each) {
    floor_set_segment(&out->msg_hdr, place->control, (uint16_t)each);
  }
  return true;
}

int floor_serve(const floor_options_t *options) {
  static place_t places[FLOOR_BATCH];
  static struct mmsghdr in[FLOOR_BATCH];
  static struct mmsghdr out[FLOOR_BATCH];
  size_t room = options->segments ? JOINED_MAX : FLOOR_DATAGRAM_MAX;
  int fd = floor_socket(options, &options->server);
  for (size_t i = 0; i < FLOOR_BATCH; i++) {
    places[i].received = malloc(room);
    places[i].reply = malloc(room);
    if (places[i].received == NULL || places[i].reply == NULL) {
      floor_fail("malloc");
    }
  }
  for (;;) {
    for (size_t i = 0; i < FLOOR_BATCH; i++) {
      prepare(&places[i], &in[i], room);
    }
    int got = recvmmsg(fd, in, FLOOR_BATCH, MSG_WAITFORONE, NULL);
    unsigned count = 0;
    for (int i = 0; i < got; i++) {
      count += answer(&places[i], &in[i], &out[count]) ? 1 : 0;
    }
    for (unsigned sent = 0; sent < count;) {
      int some = sendmmsg(fd, out + sent, count - sent, 0);
      sent += some > 0 ? (unsigned)some : 1;
    }
  }
}
