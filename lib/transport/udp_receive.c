/*
 * The way in of a batched UDP socket: up to 32 datagrams a system call into pooled buffers,
 * handed up in one callback.
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

#include "base/buf.h"
#include "transport/sockaddr.h"

#define ROUNDS_PER_TURN 4 /* recvmmsg calls before the loop has its turn again */
#define ERRORS_PER_TURN 8 /* pending errors passed over */
#define KEPT_BUFFERS 64   /* unused ones in the pool */

int acoap__udp_receiver_init(acoap__udp_batched_t *udp, size_t datagram_max_bytes) {
  udp->receiver.pool = acoap__buffer_pool_new(datagram_max_bytes, KEPT_BUFFERS);
  return udp->receiver.pool != NULL ? 0 : ACOAP_ENOMEM;
}

void acoap__udp_receiver_done(acoap__udp_batched_t *udp) {
  for (size_t i = 0; i < ACOAP__UDP_RECEIVE_BATCH; i++) {
    acoap__buf_unref(udp->receiver.slots[i].buffer);
  }
  acoap__buffer_pool_close(udp->receiver.pool);
}

/* How many slots have a buffer: all of them while there is memory. */
static unsigned int prepare_slots(acoap__udp_receiver_t *receiver) {
  unsigned int count = 0;
  for (; count < ACOAP__UDP_RECEIVE_BATCH; count++) {
    acoap__udp_slot_t *slot = &receiver->slots[count];
    if (slot->buffer == NULL) {
      slot->buffer = acoap__buffer_pool_take(receiver->pool);
    }
    if (slot->buffer == NULL) {
      break;
    }
    slot->bytes = (struct iovec){slot->buffer->bytes, slot->buffer->cap};
    receiver->headers[count].msg_hdr =
        (struct msghdr){.msg_name = &slot->from,
                        .msg_namelen = sizeof(slot->from),
                        .msg_iov = &slot->bytes,
                        .msg_iovlen = 1,
                        .msg_control = slot->control.bytes,
                        .msg_controllen = sizeof(slot->control.bytes)};
    receiver->headers[count].msg_len = 0;
  }
  return count;
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

static void read_control(struct msghdr *header, acoap_path_t *path) {
  for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL;
       cmsg = CMSG_NXTHDR(header, cmsg)) {
    if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
      read_info4(cmsg, path);
    } else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
      read_info6(cmsg, path);
    }
  }
  path->multicast = path->multicast || acoap_address_is_multicast(&path->local);
}

/* False: nothing to hand up. */
static bool describe(acoap__udp_batched_t *udp, size_t index, acoap_incoming_datagram_t *out) {
  struct mmsghdr *header = &udp->receiver.headers[index];
  acoap_buffer_t *buffer = udp->receiver.slots[index].buffer;
  memset(out, 0, sizeof(*out));
  if ((header->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
    udp->udp.stats.dropped_too_long++;
    return false;
  }
  /* Port 0 cannot be answered; RFC 768 gives it to senders that want none. */
  if (!acoap__sockaddr_read(header->msg_hdr.msg_name, &out->path.peer) ||
      out->path.peer.port == 0) {
    return false;
  }
  out->path.local = udp->local;
  if (udp->wildcard) {
    out->path.local = (acoap_address_t){.port = udp->local.port};
  }
  read_control(&header->msg_hdr, &out->path);
  buffer->len = header->msg_len;
  out->buffer = buffer;
  out->bytes = (acoap_bytes_t){buffer->bytes, buffer->len};
  return true;
}

static void hand_up(acoap__udp_batched_t *udp, size_t got) {
  acoap__udp_receiver_t *receiver = &udp->receiver;
  size_t count = 0;
  for (size_t i = 0; i < got; i++) {
    count += describe(udp, i, &receiver->incoming[count]) ? 1 : 0;
  }
  udp->udp.stats.received += count;
  udp->udp.stats.receive_calls++;
  if (count > 0) {
    udp->udp.events->received(udp->udp.user_data, receiver->incoming, count);
  }
  for (size_t i = 0; i < got; i++) {
    acoap_buffer_t *buffer = receiver->slots[i].buffer;
    if (buffer->refs > 1) {
      /* Somebody keeps it: the slot takes another. */
      receiver->slots[i].buffer = NULL;
      acoap__buf_unref(buffer);
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
      hand_up(udp, (size_t)got);
      round++;
      if ((unsigned int)got < room) {
        return;
      }
    } else if (got == 0 || errno == EAGAIN || errno == EWOULDBLOCK || ++errors > ERRORS_PER_TURN) {
      return;
    }
  }
}
