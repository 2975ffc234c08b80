/*
 * The batched UDP socket of Linux: one descriptor under a uv_poll, recvmmsg in, one sendmmsg out
 * per turn of the loop (RFC 7252 section 3). Here is its life: opening, polling, closing.
 *   polled for: news from the network once started, room to send while the system refuses
 * ICMP errors make the descriptor ready with POLLERR; SO_SELECT_ERR_QUEUE adds POLLPRI, without
 * which libuv takes it for a broken descriptor and stops the poll.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_batched.h"

#include <unistd.h>

#include "base/mem.h"

static acoap__udp_batched_t *self(acoap_socket_t *socket) {
  return (acoap__udp_batched_t *)socket;
}

static void ready(uv_poll_t *poll, int status, int events) {
  acoap__udp_batched_t *udp = poll->data;
  if (status < 0) {
    /* A bare error after all: libuv has stopped the poll. The error queue says what it was. */
    udp->polled = 0;
    events = UV_PRIORITIZED;
  }
  if ((events & UV_PRIORITIZED) != 0) {
    acoap__udp_read_errors(udp);
  }
  if ((events & UV_READABLE) != 0 && !udp->closing) {
    acoap__udp_receive(udp);
  }
  if ((events & UV_WRITABLE) != 0 && !udp->closing) {
    udp->queue.blocked = false;
    acoap__udp_flush(udp);
  }
  if (!udp->closing) {
    acoap__udp_update_poll(udp);
  }
}

void acoap__udp_update_poll(acoap__udp_batched_t *udp) {
  int wanted = udp->udp.events != NULL ? UV_READABLE | UV_PRIORITIZED : 0;
  wanted |= udp->queue.blocked ? UV_WRITABLE : 0;
  if (wanted == udp->polled) {
    return;
  }
  if (wanted == 0) {
    uv_poll_stop(&udp->poll);
  } else {
    uv_poll_start(&udp->poll, wanted, ready);
  }
  udp->polled = wanted;
}

static void before_waiting(uv_prepare_t *prepare) {
  acoap__udp_batched_t *udp = prepare->data;
  if (!udp->queue.blocked) {
    acoap__udp_flush(udp);
  }
}

void acoap__udp_flush_later(acoap__udp_batched_t *udp) {
  if (!udp->preparing) {
    udp->preparing = true;
    uv_prepare_start(&udp->prepare, before_waiting);
  }
}

static int start(acoap_socket_t *socket, const acoap_socket_events_t *events, void *user_data) {
  acoap__udp_batched_t *udp = self(socket);
  if (events == NULL || events->received == NULL || udp->udp.events != NULL || udp->closing) {
    return ACOAP_EINVAL;
  }
  udp->udp.events = events;
  udp->udp.user_data = user_data;
  acoap__udp_update_poll(udp);
  return 0;
}

static void flush(acoap_socket_t *socket) {
  acoap__udp_batched_t *udp = self(socket);
  if (!udp->queue.blocked && !udp->closing) {
    acoap__udp_flush(udp);
  }
}

static int local_address(acoap_socket_t *socket, acoap_address_t *address) {
  *address = self(socket)->local;
  return 0;
}

static bool reaches(acoap_socket_t *socket, const acoap_address_t *address) {
  return acoap__udp_reaches(self(socket), address);
}

static void set_ref(acoap_socket_t *socket, bool ref) {
  uv_handle_t *handle = (uv_handle_t *)&self(socket)->poll;
  if (ref) {
    uv_ref(handle);
  } else {
    uv_unref(handle);
  }
}

static void handle_closed(uv_handle_t *handle) {
  acoap__udp_batched_t *udp = handle->data;
  if (--udp->open_handles > 0) {
    return;
  }
  void (*closed)(void *user_data) = udp->closed;
  void *closed_data = udp->closed_data;
  acoap__udp_receiver_done(udp);
  acoap__udp_queue_done(udp);
  acoap__free(udp);
  if (closed != NULL) {
    closed(closed_data);
  }
}

/* What is queued goes out with the close, as a message of the last turn; what the system refuses
 * now is lost. */
static void close_socket(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  acoap__udp_batched_t *udp = self(socket);
  if (udp->closing) {
    return;
  }
  udp->udp.events = NULL;
  if (!udp->queue.blocked) {
    acoap__udp_flush(udp);
  }
  udp->closing = true;
  udp->closed = closed;
  udp->closed_data = user_data;
  acoap__udp_news_drop(&udp->udp);
  uv_close((uv_handle_t *)&udp->poll, handle_closed);
  uv_close((uv_handle_t *)&udp->prepare, handle_closed);
  uv_close((uv_handle_t *)&udp->udp.news.idle, handle_closed);
  close(udp->fd);
}

static const acoap_socket_ops_t batched_ops = {
    .size = sizeof(acoap_socket_ops_t),
    .start = start,
    .send = acoap__udp_send,
    .flush = flush,
    .join = acoap__udp_join,
    .leave = acoap__udp_leave,
    .local_address = local_address,
    .reaches = reaches,
    .set_ref = set_ref,
    .close = close_socket,
};

const acoap_socket_ops_t *acoap__udp_batched_ops(void) {
  return &batched_ops;
}

int acoap__udp_batched_new(uv_loop_t *loop, const acoap_udp_options_t *options,
                           acoap_socket_t **socket) {
  acoap__udp_batched_t *udp = acoap__calloc(1, sizeof(*udp));
  if (udp == NULL) {
    return ACOAP_ENOMEM;
  }
  int status = acoap__udp_receiver_init(udp, options->datagram_max_bytes);
  if (status != 0) {
    acoap__free(udp);
    return status;
  }
  status = acoap__udp_open(udp, options);
  if (status == 0) {
    status = uv_poll_init(loop, &udp->poll, udp->fd);
    if (status != 0 && options->adopt_fd == 0) {
      close(udp->fd);
    }
  }
  if (status != 0) {
    acoap__udp_receiver_done(udp);
    acoap__free(udp);
    return status;
  }
  udp->udp.socket.ops = &batched_ops;
  udp->queue.entries_max = options->send_queue_max;
  udp->queue.arena_max = options->send_queue_max * ACOAP__UDP_DATAGRAM_MAX;
  if (udp->queue.arena_max < ACOAP__UDP_PAYLOAD_MAX) {
    udp->queue.arena_max = ACOAP__UDP_PAYLOAD_MAX;
  }
  uv_prepare_init(loop, &udp->prepare);
  acoap__udp_news_init(&udp->udp, loop);
  udp->poll.data = udp;
  udp->prepare.data = udp;
  udp->open_handles = 3;
  uv_unref((uv_handle_t *)&udp->poll);
  *socket = &udp->udp.socket;
  return 0;
}
