/*
 * The way out of a batched UDP socket: send() copies into a queue, a flush hands up to 64
 * datagrams to the system in one call, and the loop's prepare phase flushes what nobody else has.
 *   in the steady state: one sendmmsg a turn
 * When the system has no room the queue stays, and grows to its bounds while the descriptor is
 * polled writable. The failure of one datagram is a notice and costs the others nothing. A
 * pending ICMP error fails the call that meets it first, whatever that call sends: only a
 * datagram that fails ATTEMPTS times has failed itself.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_batched.h"

#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "base/mem.h"
#include "transport/sockaddr.h"

#define ATTEMPTS 4
#define FIRST_ENTRIES 64
#define FIRST_ARENA_BYTES 16384

void acoap__udp_queue_done(acoap__udp_batched_t *udp) {
  acoap__free(udp->queue.entries);
  acoap__free(udp->queue.arena);
}

/* The queue. */

static void move_to_front(acoap__udp_queue_t *queue) {
  if (queue->head == 0) {
    return;
  }
  size_t count = queue->tail - queue->head;
  size_t gap = count > 0 ? queue->entries[queue->head].offset : queue->arena_used;
  memmove(queue->entries, queue->entries + queue->head, count * sizeof(*queue->entries));
  memmove(queue->arena, queue->arena + gap, queue->arena_used - gap);
  for (size_t i = 0; i < count; i++) {
    queue->entries[i].offset -= gap;
  }
  queue->arena_used -= gap;
  queue->plain_until -= queue->plain_until < queue->head ? queue->plain_until : queue->head;
  queue->head = 0;
  queue->tail = count;
}

static size_t grown(size_t cap, size_t first, size_t needed, size_t max) {
  size_t size = cap > 0 ? cap : first;
  while (size < needed) {
    size *= 2;
  }
  return size < max ? size : max;
}

/* 0, ACOAP_EAGAIN at a bound, ACOAP_ENOMEM. */
static int grow(acoap__udp_queue_t *queue, size_t len) {
  if (queue->tail == queue->entries_max || len > queue->arena_max - queue->arena_used) {
    return ACOAP_EAGAIN;
  }
  if (queue->tail == queue->entries_cap) {
    size_t cap = grown(queue->entries_cap, FIRST_ENTRIES, queue->tail + 1, queue->entries_max);
    void *entries = acoap__realloc(queue->entries, cap * sizeof(*queue->entries));
    if (entries == NULL) {
      return ACOAP_ENOMEM;
    }
    queue->entries = entries;
    queue->entries_cap = cap;
  }
  if (queue->arena == NULL || len > queue->arena_cap - queue->arena_used) {
    size_t cap =
        grown(queue->arena_cap, FIRST_ARENA_BYTES, queue->arena_used + len, queue->arena_max);
    uint8_t *arena = acoap__realloc(queue->arena, cap);
    if (arena == NULL) {
      return ACOAP_ENOMEM;
    }
    queue->arena = arena;
    queue->arena_cap = cap;
  }
  return 0;
}

static bool has_room(const acoap__udp_queue_t *queue, size_t len) {
  return queue->arena != NULL && queue->tail < queue->entries_cap &&
         len <= queue->arena_cap - queue->arena_used;
}

static int make_room(acoap__udp_batched_t *udp, size_t len) {
  acoap__udp_queue_t *queue = &udp->queue;
  if (has_room(queue, len)) {
    return 0;
  }
  move_to_front(queue);
  int status = has_room(queue, len) ? 0 : grow(queue, len);
  if (status == ACOAP_EAGAIN && !queue->blocked) {
    /* A long turn: more than the queue holds, and the system has not yet been asked. */
    acoap__udp_flush(udp);
    move_to_front(queue);
    status = has_room(queue, len) ? 0 : grow(queue, len);
  }
  return status;
}

static int enqueue(acoap__udp_batched_t *udp, const acoap_outgoing_datagram_t *datagram) {
  acoap__udp_queue_t *queue = &udp->queue;
  int status = acoap__udp_check(datagram);
  if (status == 0 && !acoap__udp_reaches(udp, &datagram->path->peer)) {
    status = ACOAP_EADDRESS;
  }
  if (status == 0) {
    status = make_room(udp, datagram->bytes.len);
  }
  if (status != 0) {
    return status;
  }
  acoap__udp_entry_t *entry = &queue->entries[queue->tail++];
  entry->path = *datagram->path;
  entry->offset = queue->arena_used;
  entry->len = datagram->bytes.len;
  if (entry->len > 0) {
    memcpy(queue->arena + entry->offset, datagram->bytes.data, entry->len);
  }
  queue->arena_used += entry->len;
  return 0;
}

/*
 * A datagram to a group leaves at once: whether an interface has a way for it is known to the
 * system alone, and the sender, who tries several, wants to hear of each.
 */
static int send_to_group(acoap__udp_batched_t *udp, const acoap_outgoing_datagram_t *datagram) {
  acoap__udp_queue_t *queue = &udp->queue;
  int status = enqueue(udp, datagram);
  if (status != 0 || queue->blocked) {
    return status;
  }
  queue->answering = true;
  queue->answer = 0;
  acoap__udp_flush(udp);
  queue->answering = false;
  return queue->answer;
}

/* The first of a batch, or one behind `taken` others, was not taken. */
static int refuse(acoap__udp_batched_t *udp, size_t taken, int status) {
  if (status == ACOAP_EAGAIN) {
    udp->queue.refused = true;
  } else if (taken > 0) {
    /* The next call, after `writable`, will say what is wrong with this one. */
    acoap__udp_news_writable(&udp->udp);
  }
  return taken > 0 ? (int)taken : status;
}

int acoap__udp_send(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch, size_t count) {
  acoap__udp_batched_t *udp = (acoap__udp_batched_t *)socket;
  size_t taken = 0;
  int status = udp->closing ? ACOAP_ECLOSED : 0;
  for (; status == 0 && taken < count; taken++) {
    bool group = acoap__address_is_group(&batch[taken].path->peer);
    status = group ? send_to_group(udp, &batch[taken]) : enqueue(udp, &batch[taken]);
    if (status != 0) {
      break;
    }
  }
  if (!udp->preparing && udp->queue.head < udp->queue.tail) {
    acoap__udp_flush_later(udp);
  }
  return status == 0 ? (int)taken : refuse(udp, taken, status);
}

/* The system call. */

void acoap__udp_add_control(struct msghdr *header, int level, int type, const void *data,
                            size_t len) {
  struct cmsghdr *cmsg =
      (struct cmsghdr *)(void *)((uint8_t *)header->msg_control + header->msg_controllen);
  memset(cmsg, 0, CMSG_SPACE(len)); /* the system reads what stands behind the data, too */
  cmsg->cmsg_level = level;
  cmsg->cmsg_type = type;
  cmsg->cmsg_len = CMSG_LEN(len);
  memcpy(CMSG_DATA(cmsg), data, len);
  header->msg_controllen += CMSG_SPACE(len);
}

static void add_control4(struct msghdr *header, const acoap_path_t *path,
                         const acoap_address_t *source, uint32_t interface) {
  int hops = path->hop_limit;
  if (source != NULL || interface != 0) {
    struct in_pktinfo info = {.ipi_ifindex = (int)interface};
    if (source != NULL) {
      memcpy(&info.ipi_spec_dst, source->ip, sizeof(info.ipi_spec_dst));
    }
    acoap__udp_add_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
  }
  if (hops != 0) {
    acoap__udp_add_control(header, IPPROTO_IP, IP_TTL, &hops, sizeof(hops));
  }
}

static void add_control6(struct msghdr *header, const acoap_path_t *path,
                         const acoap_address_t *source, uint32_t interface) {
  int hops = path->hop_limit;
  if (source != NULL || interface != 0) {
    struct in6_pktinfo info = {.ipi6_ifindex = interface};
    if (source != NULL) {
      info.ipi6_addr = acoap__sockaddr_ip6(source);
      if (interface == 0 && acoap__address_is_link_local(source)) {
        info.ipi6_ifindex = source->scope_id != 0 ? source->scope_id : path->interface;
      }
    }
    acoap__udp_add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
  }
  if (hops != 0) {
    acoap__udp_add_control(header, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof(hops));
  }
}

typedef struct outgoing {
  struct sockaddr_storage to;
  struct iovec bytes;
  acoap__udp_control_t control;
} outgoing_t;

/* One message of `run` entries. */
static void compose(const acoap__udp_batched_t *udp, const acoap__udp_entry_t *entry, size_t run,
                    outgoing_t *out, struct mmsghdr *header) {
  const acoap_path_t *path = &entry->path;
  const acoap__udp_entry_t *last = entry + run - 1;
  acoap_address_t peer = path->peer;
  acoap_address_t wished;
  uint32_t interface = acoap__udp_wished_interface(path);
  bool chosen = udp->wildcard && acoap__udp_wished_source(path, &wished);
  if (acoap__address_is_link_local(&peer) && peer.scope_id == 0) {
    peer.scope_id = interface;
  }
  /* The bytes of entries stand in the arena one behind the other. */
  out->bytes =
      (struct iovec){udp->queue.arena + entry->offset, last->offset + last->len - entry->offset};
  header->msg_len = 0;
  header->msg_hdr =
      (struct msghdr){.msg_name = &out->to,
                      .msg_namelen = acoap__sockaddr_write(&peer, udp->dual, &out->to),
                      .msg_iov = &out->bytes,
                      .msg_iovlen = 1,
                      .msg_control = out->control.bytes};
  if (peer.family == ACOAP_FAMILY_IPV4) {
    add_control4(&header->msg_hdr, path, chosen ? &wished : NULL, interface);
  } else {
    add_control6(&header->msg_hdr, path, chosen ? &wished : NULL, interface);
  }
  if (run > 1) {
    acoap__udp_add_segment(&header->msg_hdr, entry->len);
  }
}

/* How many entries the system took, or -1 with errno. */
static int hand_over(acoap__udp_batched_t *udp) {
  outgoing_t out[ACOAP__UDP_SEND_BATCH];
  struct mmsghdr headers[ACOAP__UDP_SEND_BATCH];
  size_t runs[ACOAP__UDP_SEND_BATCH];
  const acoap__udp_queue_t *queue = &udp->queue;
  size_t at = queue->head;
  unsigned int count = 0;
  for (; count < ACOAP__UDP_SEND_BATCH && at < queue->tail; count++) {
    runs[count] = acoap__udp_run(udp, at);
    compose(udp, &queue->entries[at], runs[count], &out[count], &headers[count]);
    at += runs[count];
  }
  int sent = sendmmsg(udp->fd, headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && acoap__udp_run_failed(udp, runs[0], errno)) {
    errno = EINTR; /* once more, one by one */
  }
  int entries = sent < 0 ? sent : 0;
  for (int i = 0; i < sent; i++) {
    entries += (int)runs[i];
  }
  return entries;
}

/* The one at head has failed: once more, never again, or not before there is room. */
static void failed(acoap__udp_batched_t *udp, int error) {
  acoap__udp_queue_t *queue = &udp->queue;
  const acoap__udp_entry_t *entry = &queue->entries[queue->head];
  if (error == EINTR) {
    return;
  }
  if (error == EAGAIN || error == EWOULDBLOCK) {
    queue->blocked = true;
    return;
  }
  if (error == ENOBUFS || error == ENOMEM) {
    /* As if the network had lost it. Polling would not tell when the device has room. */
    udp->udp.stats.dropped_full++;
  } else if (++queue->attempts < ATTEMPTS) {
    return;
  } else if (queue->answering && queue->head + 1 == queue->tail) {
    queue->answer = uv_translate_sys_error(error);
  } else {
    acoap_bytes_t quote = {queue->arena + entry->offset, entry->len};
    acoap__udp_news_refused(&udp->udp, &entry->path, uv_translate_sys_error(error), quote);
  }
  queue->head++;
  queue->attempts = 0;
}

static void settle(acoap__udp_batched_t *udp, bool moved) {
  acoap__udp_queue_t *queue = &udp->queue;
  if (queue->head == queue->tail) {
    queue->head = 0;
    queue->tail = 0;
    queue->arena_used = 0;
    queue->plain_until = 0;
    if (!udp->closing && udp->preparing) {
      udp->preparing = false;
      uv_prepare_stop(&udp->prepare);
    }
  }
  if (moved && queue->refused) {
    queue->refused = false;
    acoap__udp_news_writable(&udp->udp);
  }
}

void acoap__udp_flush(acoap__udp_batched_t *udp) {
  acoap__udp_queue_t *queue = &udp->queue;
  size_t head = queue->head;
  while (queue->head < queue->tail && !queue->blocked) {
    int sent = hand_over(udp);
    if (sent > 0) {
      queue->head += (size_t)sent;
      queue->attempts = 0;
      udp->udp.stats.sent += (uint64_t)sent;
      udp->udp.stats.send_calls++;
    } else {
      failed(udp, sent < 0 ? errno : EAGAIN);
    }
  }
  settle(udp, queue->head != head);
  acoap__udp_update_poll(udp);
}
