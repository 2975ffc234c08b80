/*
 * The way in of a batched UDP socket: up to 32 messages a system call into pooled buffers, handed
 * up in one callback. What the system joined (udp_segments.c) is split: the first datagram stays in
 * its buffer, of which the rest of the message is the continuation, the others are copied.
 * The packet information (RFC 3542 section 6, ip(7)) gives the destination address and the
 * interface; a destination that is not an address of ours was a group, or a broadcast, which RFC
 * 7252 section 8 treats alike.
 * A pending ICMP error fails the call that meets it first; the datagrams are still there, so it
 * is tried again.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_batched.h"

#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/mem.h"
#include "transport/sockaddr.h"

#define ROUNDS_PER_TURN 4 /* recvmmsg calls before the loop has its turn again */
#define ERRORS_PER_TURN 8 /* pending errors passed over */
#define KEPT_BUFFERS 128  /* unused ones in the pool */
#define NOTHING SIZE_MAX

int acoap__udp_receiver_init(acoap__udp_batched_t *udp, size_t datagram_max_bytes) {
  udp->receiver.pool = acoap__buffer_pool_new(datagram_max_bytes, KEPT_BUFFERS);
  return udp->receiver.pool != NULL ? 0 : ACOAP_ENOMEM;
}

void acoap__udp_receiver_done(acoap__udp_batched_t *udp) {
  for (size_t i = 0; i < ACOAP__UDP_RECEIVE_BATCH; i++) {
    acoap__buf_unref(udp->receiver.slots[i].buffer);
  }
  acoap__buffer_pool_close(udp->receiver.pool);
  acoap__free(udp->receiver.rests);
}

void acoap__udp_receiver_know(acoap__udp_batched_t *udp) {
  memset(&udp->receiver.way, 0, sizeof(udp->receiver.way));
  udp->receiver.way.local = udp->local;
  if (udp->wildcard) {
    udp->receiver.way.local = (acoap_address_t){.port = udp->local.port};
  }
  udp->receiver.way.multicast = acoap_address_is_multicast(&udp->local);
}

/* A call writes over the lengths in a header, and over nothing else that stands there for good. */
static void ready_again(struct msghdr *header) {
  header->msg_namelen = sizeof(struct sockaddr_storage);
  header->msg_controllen = sizeof(((acoap__udp_control_t *)0)->bytes);
}

/* False: no memory. */
static bool prepare_slot(acoap__udp_receiver_t *receiver, unsigned int index) {
  acoap__udp_slot_t *slot = &receiver->slots[index];
  if (slot->buffer == NULL) {
    slot->buffer = acoap__buffer_pool_take(receiver->pool);
  }
  if (slot->buffer == NULL) {
    return false;
  }
  slot->bytes[0] = (struct iovec){slot->buffer->bytes, slot->buffer->cap};
  if (receiver->rests != NULL) {
    slot->bytes[1] = (struct iovec){receiver->rests + (size_t)index * ACOAP__UDP_JOINED_MAX,
                                    ACOAP__UDP_JOINED_MAX};
  }
  receiver->headers[index].msg_hdr = (struct msghdr){.msg_name = &slot->from,
                                                     .msg_iov = slot->bytes,
                                                     .msg_iovlen = receiver->rests != NULL ? 2 : 1,
                                                     .msg_control = slot->control.bytes};
  ready_again(&receiver->headers[index].msg_hdr);
  return true;
}

/* How many slots are ready: all of them while there is memory. */
static unsigned int prepare_slots(acoap__udp_receiver_t *receiver) {
  while (receiver->prepared < ACOAP__UDP_RECEIVE_BATCH &&
         prepare_slot(receiver, receiver->prepared)) {
    receiver->prepared++;
  }
  return receiver->prepared;
}

static void read_info4(const struct cmsghdr *cmsg, acoap_path_t *path) {
  struct in_pktinfo info;
  memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
  uint16_t port = path->local.port;
  acoap__sockaddr_read_ip4(&info.ipi_addr, &path->local);
  path->local.port = port;
  path->interface = (uint32_t)info.ipi_ifindex;
  path->multicast = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
}

static void read_info6(const struct cmsghdr *cmsg, acoap_path_t *path) {
  struct in6_pktinfo info;
  memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
  uint16_t port = path->local.port;
  acoap__sockaddr_read_ip6(&info.ipi6_addr, &path->local);
  path->local.port = port;
  path->interface = (uint32_t)info.ipi6_ifindex;
  if (acoap__address_is_link_local(&path->local)) {
    path->local.scope_id = path->interface;
  }
}

/* Returns the length of each datagram of what came joined; 0: one came. */
static size_t read_control(struct msghdr *header, acoap_path_t *path) {
  size_t segment = 0;
  for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL;
       cmsg = CMSG_NXTHDR(header, cmsg)) {
    if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
      read_info4(cmsg, path);
    } else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
      read_info6(cmsg, path);
    } else {
      size_t joined = acoap__udp_joined(cmsg);
      segment = joined != 0 ? joined : segment;
    }
  }
  path->multicast = path->multicast || acoap__address_is_group(&path->local);
  return segment;
}

/* The length of each datagram of what came, or NOTHING to hand up. Of those that came joined none
 * is cut: they are short, or forged. */
static size_t describe(acoap__udp_batched_t *udp, size_t index, acoap_incoming_datagram_t *to) {
  struct mmsghdr *header = &udp->receiver.headers[index];
  size_t segment = 0;
  to->path = udp->receiver.way;
  /* Port 0 cannot be answered; RFC 768 gives it to senders that want none. */
  if (!acoap__sockaddr_read(header->msg_hdr.msg_name, &to->path.peer) || to->path.peer.port == 0) {
    return NOTHING;
  }
  if (header->msg_hdr.msg_controllen > 0) {
    segment = read_control(&header->msg_hdr, &to->path);
  }
  segment = segment != 0 && segment < header->msg_len ? segment : header->msg_len;
  to->truncated = (header->msg_hdr.msg_flags & MSG_TRUNC) != 0 ||
                  segment > udp->receiver.slots[index].buffer->cap;
  if (!to->truncated) {
    return segment;
  }
  udp->udp.stats.dropped_too_long++;
  return segment == header->msg_len ? segment : NOTHING;
}

/* Tell of what was collected. */
static void hand_up(acoap__udp_batched_t *udp) {
  acoap__udp_receiver_t *receiver = &udp->receiver;
  size_t count = receiver->incoming_count;
  size_t pieces = receiver->piece_count;
  receiver->incoming_count = 0;
  receiver->piece_count = 0;
  udp->udp.stats.received += count;
  if (count > 0 && udp->udp.events != NULL) {
    udp->udp.events->received(udp->udp.user_data, receiver->incoming, count);
  }
  for (size_t i = 0; i < pieces; i++) {
    acoap__buf_unref(receiver->pieces[i]);
  }
}

/* Where the next one is described. */
static acoap_incoming_datagram_t *next_incoming(acoap__udp_batched_t *udp) {
  if (udp->receiver.incoming_count == ACOAP__UDP_HAND_UP) {
    hand_up(udp);
  }
  return &udp->receiver.incoming[udp->receiver.incoming_count];
}

/* It was described: here are its bytes. */
static void collect(acoap__udp_receiver_t *receiver, acoap_buffer_t *buffer, size_t len) {
  acoap_incoming_datagram_t *incoming = &receiver->incoming[receiver->incoming_count++];
  buffer->len = len;
  incoming->buffer = buffer;
  incoming->bytes = (acoap_bytes_t){buffer->bytes, len};
}

/* The bytes [at, at + len) of what stands in a slot: its buffer first, then the rest. */
static void copy_piece(const acoap__udp_receiver_t *receiver, size_t index, size_t at, size_t len,
                       uint8_t *to) {
  const struct iovec *bytes = receiver->slots[index].bytes;
  size_t first = at < bytes[0].iov_len ? bytes[0].iov_len - at : 0;
  first = first < len ? first : len;
  if (first > 0) {
    memcpy(to, (const uint8_t *)bytes[0].iov_base + at, first);
  }
  if (first < len) {
    size_t behind = at + first - bytes[0].iov_len;
    memcpy(to + first, (const uint8_t *)bytes[1].iov_base + behind, len - first);
  }
}

/* Of those that came joined each but the first gets a buffer of its own, for somebody may keep it.
 */
static void take_pieces(acoap__udp_batched_t *udp, size_t index, const acoap_path_t *path,
                        size_t segment) {
  acoap__udp_receiver_t *receiver = &udp->receiver;
  size_t total = receiver->headers[index].msg_len;
  for (size_t at = segment; at < total; at += segment) {
    acoap_buffer_t *piece = acoap__buffer_pool_take(receiver->pool);
    if (piece == NULL) {
      udp->udp.stats.dropped_no_memory++;
      continue;
    }
    size_t len = total - at < segment ? total - at : segment;
    copy_piece(receiver, index, at, len, piece->bytes);
    acoap_incoming_datagram_t *incoming = next_incoming(udp);
    incoming->path = *path;
    incoming->truncated = false;
    receiver->pieces[receiver->piece_count++] = piece;
    collect(receiver, piece, len);
  }
}

/* One datagram stays where it is: the slot's reference is enough until it is used again. */
static void take(acoap__udp_batched_t *udp, size_t index) {
  acoap__udp_receiver_t *receiver = &udp->receiver;
  acoap_incoming_datagram_t *incoming = next_incoming(udp);
  acoap_buffer_t *buffer = receiver->slots[index].buffer;
  size_t segment = describe(udp, index, incoming);
  if (segment == NOTHING) {
    return;
  }
  collect(receiver, buffer, segment < buffer->cap ? segment : buffer->cap);
  if (segment < receiver->headers[index].msg_len) {
    acoap_path_t path = incoming->path;
    take_pieces(udp, index, &path, segment);
  }
}

static void take_all(acoap__udp_batched_t *udp, unsigned int got) {
  acoap__udp_receiver_t *receiver = &udp->receiver;
  udp->udp.stats.receive_calls++;
  for (unsigned int i = 0; i < got; i++) {
    take(udp, i);
  }
  hand_up(udp);
  /* Only these have to be made ready again. */
  for (unsigned int i = 0; i < got; i++) {
    acoap_buffer_t *buffer = receiver->slots[i].buffer;
    if (buffer->refs == 1) {
      ready_again(&receiver->headers[i].msg_hdr);
      continue;
    }
    /* Somebody keeps it: the slot takes another. */
    receiver->slots[i].buffer = NULL;
    acoap__buf_unref(buffer);
    if (!prepare_slot(receiver, i) && i < receiver->prepared) {
      receiver->prepared = i;
    }
  }
}

/* Without memory a datagram still must be taken off, or the loop would spin on it. */
static void discard_one(acoap__udp_batched_t *udp) {
  uint8_t byte;
  if (recv(udp->fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0) {
    udp->udp.stats.dropped_no_memory++;
  }
}

void acoap__udp_receive(acoap__udp_batched_t *udp) {
  int errors = 0;
  for (int round = 0; round < ROUNDS_PER_TURN && udp->udp.events != NULL;) {
    unsigned int room = prepare_slots(&udp->receiver);
    if (room == 0) {
      discard_one(udp);
      return;
    }
    int got = recvmmsg(udp->fd, udp->receiver.headers, room, MSG_DONTWAIT, NULL);
    if (got > 0) {
      take_all(udp, (unsigned int)got);
      round++;
      if ((unsigned int)got < room) {
        return;
      }
    } else if (got == 0 || errno == EAGAIN || errno == EWOULDBLOCK || ++errors > ERRORS_PER_TURN) {
      return;
    }
  }
}
