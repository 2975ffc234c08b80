/*
 * Runs of datagrams that the system carries as one (udp(7): UDP_SEGMENT out, UDP_GRO in). On the
 * wire and to the peer they are what they were; only the way through the system is shared, which
 * costs more than all that CoAP does to a message. The rule of a run on its way out:
 *     one way (of its wished source only where a socket chooses one), one length but for the last
 *     that may be shorter, at most 64 and 65,000 bytes
 * What a system refuses leaves one by one: a run is an offer, never a condition. Splits nothing
 * (udp_receive.c) and sends nothing (udp_send.c).
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_batched.h"

#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "base/mem.h"

#define RUN_MAX 64
#define RUN_BYTES_MAX 65000
#define SEGMENT_OFF 0

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

void acoap__udp_segments_open(acoap__udp_batched_t *udp) {
  int on = 1;
  int size = 0;
  socklen_t len = sizeof(size);
  bool sends = getsockopt(udp->fd, IPPROTO_UDP, UDP_SEGMENT, &size, &len) == 0;
  udp->segment_max = sends ? RUN_BYTES_MAX : SEGMENT_OFF;
  udp->receiver.rests =
      acoap__malloc((size_t)ACOAP__UDP_RECEIVE_BATCH * (size_t)ACOAP__UDP_JOINED_MAX);
  if (udp->receiver.rests != NULL &&
      setsockopt(udp->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) != 0) {
    acoap__free(udp->receiver.rests);
    udp->receiver.rests = NULL;
  }
}

/* A source is chosen on wildcard sockets alone: elsewhere every datagram leaves from the bound
 * address, whatever its path wishes for. */
static bool same_way(const acoap__udp_batched_t *udp, const acoap_path_t *a,
                     const acoap_path_t *b) {
  return acoap__address_same(&a->peer, &b->peer) && a->interface == b->interface &&
         a->hop_limit == b->hop_limit &&
         (!udp->wildcard || acoap__address_same(&a->local, &b->local));
}

size_t acoap__udp_run(const acoap__udp_batched_t *udp, size_t from) {
  const acoap__udp_queue_t *queue = &udp->queue;
  const acoap__udp_entry_t *first = &queue->entries[from];
  size_t count = 1;
  size_t bytes = first->len;
  if (from < queue->plain_until || first->len == 0 || first->len > udp->segment_max ||
      acoap__address_is_group(&first->path.peer)) {
    return 1;
  }
  while (from + count < queue->tail && count < RUN_MAX) {
    const acoap__udp_entry_t *next = &queue->entries[from + count];
    if (next->len == 0 || next->len > first->len || bytes + next->len > RUN_BYTES_MAX ||
        !same_way(udp, &first->path, &next->path)) {
      break;
    }
    bytes += next->len;
    count++;
    if (next->len < first->len) {
      break;
    }
  }
  return count;
}

bool acoap__udp_run_failed(acoap__udp_batched_t *udp, size_t count, int error) {
  acoap__udp_queue_t *queue = &udp->queue;
  size_t len = queue->entries[queue->head].len;
  if (count == 1 || error == EAGAIN || error == EWOULDBLOCK || error == EINTR) {
    return false;
  }
  if (error == EIO || error == ENOPROTOOPT || error == EOPNOTSUPP) {
    udp->segment_max = SEGMENT_OFF; /* a device that cannot */
  } else if (error == EINVAL || error == EMSGSIZE) {
    udp->segment_max = len - 1; /* a segment is never fragmented */
  }
  queue->plain_until = queue->head + count;
  return true;
}

void acoap__udp_add_segment(struct msghdr *header, size_t size) {
  uint16_t segment = (uint16_t)size;
  acoap__udp_add_control(header, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
}

size_t acoap__udp_joined(const struct cmsghdr *cmsg) {
  int size = 0;
  if (cmsg->cmsg_level == IPPROTO_UDP && cmsg->cmsg_type == UDP_GRO) {
    memcpy(&size, CMSG_DATA(cmsg), sizeof(size));
  }
  return size > 0 ? (size_t)size : 0;
}
