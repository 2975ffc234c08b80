/*
 * A datagram socket around a datagram socket (RFC 6347, RFC 7252 section 9): the table of
 * functions. A datagram to a peer without a session begins a handshake and waits for it; a group
 * has no session and is refused. Two timers in all: one queue for the handshakes, one for the peer
 * that has been idle longest. Knows no CoAP.
 * SPDX-License-Identifier: MIT
 */
#include "transport/dtls.h"

#include <string.h>

#include "base/mem.h"

#define BUCKETS_LEAST 256
#define BUCKETS_MAX 65536
#define SESSIONS_MAX_DEFAULT 256
#define IDLE_TIMEOUT_DEFAULT_MS (60u * 60 * 1000)
/* After five retransmissions (1, 3, 7, 15, 31 s), and before a request gives up (62 s at least), so
 * that it is told why. */
#define HANDSHAKE_TIMEOUT_DEFAULT_MS 45000u
#define QUEUE_MAX_DEFAULT 16
/* An IPv6 packet of 1280 bytes (RFC 8200 section 5) less its header and UDP's. */
#define MTU_DEFAULT 1232
#define MTU_LEAST 256
/* Record header, explicit nonce and tag, or IV, MAC and padding of the CBC suites, at most. */
#define OVERHEAD_MAX 77
#define OUTBOX_MAX 64
/*
 * A server that has lost its sessions does not say so: what it cannot read it drops. A client that
 * has sent this much (a CON and its retransmissions) for so long and heard nothing begins a new
 * session with the next datagram.
 */
#define UNHEARD_MAX 5
#define UNHEARD_MS 45000
/* A datagram holds at most this much plaintext (RFC 6347 section 4.1.1). */
#define PLAIN_MAX 16384

static acoap__dtls_socket_t *self(acoap_socket_t *socket) {
  return (acoap__dtls_socket_t *)(void *)socket;
}

static const acoap__dtls_socket_t *self_const(const acoap_socket_t *socket) {
  return (const acoap__dtls_socket_t *)(const void *)socket;
}

acoap_time_t acoap__dtls_now(const acoap__dtls_socket_t *socket) {
  return socket->receiving ? socket->receiving_at : socket->host->ops->now(socket->host);
}

void acoap__dtls_wake_changed(acoap__dtls_socket_t *socket) {
  if (socket->events != NULL && socket->events->wake_changed != NULL) {
    socket->events->wake_changed(socket->user_data);
  }
}

void acoap__dtls_report(acoap__dtls_socket_t *socket, acoap_peer_event_t event,
                        const acoap_path_t *path, int status, const char *reason,
                        acoap_bytes_t quote) {
  acoap_peer_notice_t notice = {
      .event = event, .path = *path, .status = status, .reason = reason, .quote = quote};
  acoap__dtls_hand_up(socket); /* what came before comes before */
  if (socket->events != NULL && socket->events->peer != NULL) {
    socket->events->peer(socket->user_data, &notice);
  }
}

/* ---- out ------------------------------------------------------------------------------------- */

static void outbox_add(acoap__dtls_socket_t *socket, const acoap_path_t *path,
                       acoap_bytes_t bytes) {
  acoap__dtls_waiting_t *waiting = NULL;
  if (socket->outbox_count < OUTBOX_MAX) {
    waiting = acoap__malloc(sizeof(*waiting) + bytes.len);
  }
  if (waiting == NULL) {
    return; /* lost on the way, as far as anybody can tell */
  }
  waiting->path = *path;
  waiting->len = bytes.len;
  memcpy(waiting->bytes, bytes.data, bytes.len);
  acoap__list_append(&socket->outbox, &waiting->node);
  socket->outbox_count++;
}

/* True: it is the inner socket's, or lost. */
static bool inner_send(acoap__dtls_socket_t *socket, const acoap_path_t *path,
                       acoap_bytes_t bytes) {
  acoap_outgoing_datagram_t datagram = {.path = path, .bytes = bytes};
  int taken = socket->inner->ops->send(socket->inner, &datagram, 1);
  return taken != 0 && taken != ACOAP_EAGAIN;
}

void acoap__dtls_transmit(acoap__dtls_socket_t *socket, const acoap_path_t *path,
                          acoap_bytes_t bytes) {
  if (!acoap__list_empty(&socket->outbox) || !inner_send(socket, path, bytes)) {
    outbox_add(socket, path, bytes);
  }
}

static void outbox_drop(acoap__dtls_socket_t *socket, acoap__dtls_waiting_t *waiting) {
  acoap__list_remove(&waiting->node);
  acoap__free(waiting);
  socket->outbox_count--;
}

void acoap__dtls_outbox_send(acoap__dtls_socket_t *socket) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&socket->outbox)) != NULL) {
    acoap__dtls_waiting_t *waiting = ACOAP__CONTAINER(node, acoap__dtls_waiting_t, node);
    acoap_bytes_t bytes = {waiting->bytes, waiting->len};
    if (!inner_send(socket, &waiting->path, bytes)) {
      return;
    }
    outbox_drop(socket, waiting);
  }
}

static void transmit_from_listener(void *owner, acoap_bytes_t bytes) {
  acoap__dtls_socket_t *socket = owner;
  acoap__dtls_transmit(socket, &socket->listener_path, bytes);
}

int acoap__dtls_listen(acoap__dtls_socket_t *socket) {
  socket->listener = NULL;
  if (socket->options.client_only || !acoap__credentials_can_serve(socket->options.credentials)) {
    return 0;
  }
  return acoap__dtls_session_listen(socket->options.credentials, &socket->secrets,
                                    socket->options.mtu, transmit_from_listener, socket,
                                    &socket->listener);
}

static bool seems_lost(const acoap__dtls_peer_t *peer, acoap_time_t now) {
  return peer->credentials != NULL && peer->session->state == ACOAP__DTLS_ESTABLISHED &&
         peer->unheard >= UNHEARD_MAX && now - peer->unheard_since >= UNHEARD_MS;
}

/* A peer with a session for this path: the one that there is, or a new handshake. */
static int peer_for(acoap__dtls_socket_t *socket, const acoap_path_t *path,
                    acoap__dtls_peer_t **peer) {
  acoap__dtls_peer_t *known = acoap__dtls_peer_find(socket, &path->peer);
  /* An answer belongs into the session that its request came in (RFC 7252 section 9.1.2). */
  if (path->session != 0 && (known == NULL || known->number != path->session)) {
    return ACOAP_ECLOSED;
  }
  if (known != NULL && path->session == 0 && !acoap__dtls_peer_fits(known, path)) {
    acoap__dtls_session_close(known->session);
    acoap__dtls_peer_end(known, ACOAP_ECLOSED, "other credentials are used");
    known = NULL;
  }
  if (known != NULL && seems_lost(known, acoap__dtls_now(socket))) {
    acoap__dtls_session_close(known->session);
    acoap__dtls_peer_end(known, ACOAP_ETIMEDOUT, "the peer was not heard any more");
    known = NULL;
  }
  if (known == NULL) {
    acoap_credentials_t *credentials = socket->options.credentials;
    if (path->credentials != NULL) {
      union {
        const acoap_credentials_t *in;
        acoap_credentials_t *out;
      } cast = {path->credentials};
      credentials = cast.out;
    }
    if (credentials == NULL) {
      return ACOAP_ESECURITY;
    }
    known = acoap__dtls_peer_new(socket, path, credentials, NULL);
  }
  *peer = known;
  return known != NULL ? 0 : ACOAP_ENOMEM;
}

static acoap_session_fit_t session_fit(acoap_socket_t *socket, const acoap_path_t *path) {
  const acoap__dtls_peer_t *known = acoap__dtls_peer_find(self(socket), &path->peer);
  if (known == NULL) {
    return ACOAP_SESSION_NEW;
  }
  return acoap__dtls_peer_fits(known, path) ? ACOAP_SESSION_STANDS : ACOAP_SESSION_OTHER;
}

static int send_one(acoap__dtls_socket_t *socket, const acoap_outgoing_datagram_t *datagram) {
  acoap__dtls_peer_t *peer = NULL;
  if (acoap_address_is_multicast(&datagram->path->peer)) {
    return ACOAP_ENOTSUP; /* RFC 7252 section 9.1: there is no session with a group */
  }
  int status = peer_for(socket, datagram->path, &peer);
  if (status != 0) {
    return status;
  }
  acoap_time_t now = acoap__dtls_now(socket);
  acoap__dtls_peer_touch(peer, now);
  if (peer->unheard++ == 0) {
    peer->unheard_since = now;
  }
  status = acoap__dtls_session_send(peer->session, datagram->bytes);
  if (status == ACOAP_EAGAIN) {
    return acoap__dtls_peer_wait(peer, datagram->path, datagram->bytes);
  }
  if (peer->session->state == ACOAP__DTLS_ENDED) {
    status = peer->session->status;
    acoap__dtls_peer_end(peer, status, peer->session->reason);
  }
  return status;
}

static int send_batch(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch,
                      size_t count) {
  for (size_t i = 0; i < count; i++) {
    int status = send_one(self(socket), &batch[i]);
    if (status != 0) {
      return i > 0 ? (int)i : status;
    }
  }
  return (int)count;
}

/* ---- time ------------------------------------------------------------------------------------ */

static void idle_fired(acoap__timer_t *timer, acoap_time_t now) {
  acoap__dtls_socket_t *socket = ACOAP__CONTAINER(timer, acoap__dtls_socket_t, idle);
  acoap__list_t *node;
  while ((node = acoap__list_first(&socket->used)) != NULL) {
    acoap__dtls_peer_t *peer = ACOAP__CONTAINER(node, acoap__dtls_peer_t, used);
    acoap_time_t at = peer->last_used + socket->options.idle_timeout_ms;
    if (at > now) {
      acoap__timer_set(&socket->timers, &socket->idle, at);
      return;
    }
    socket->stats.sessions_idle++;
    acoap__dtls_session_close(peer->session);
    acoap__dtls_peer_end(peer, ACOAP_ETIMEDOUT, "the session was idle");
  }
}

static acoap_time_t next_wake(acoap_socket_t *socket) {
  acoap__dtls_socket_t *dtls = self(socket);
  acoap_time_t at = acoap__timer_queue_next(&dtls->timers);
  if (dtls->inner != NULL && dtls->inner->ops->next_wake != NULL) {
    acoap_time_t inner = dtls->inner->ops->next_wake(dtls->inner);
    at = inner < at ? inner : at;
  }
  return at;
}

static void run(acoap_socket_t *socket, acoap_time_t now) {
  acoap__dtls_socket_t *dtls = self(socket);
  acoap__dtls_enter(dtls);
  if (dtls->inner != NULL && dtls->inner->ops->run != NULL && dtls->inner->ops->next_wake != NULL &&
      dtls->inner->ops->next_wake(dtls->inner) <= now) {
    dtls->inner->ops->run(dtls->inner, now);
  }
  acoap__timer_queue_run(&dtls->timers, now);
  acoap__dtls_news(dtls);
  (void)acoap__dtls_leave(dtls);
}

static void news_fired(acoap__timer_t *timer, acoap_time_t now) {
  (void)now;
  acoap__dtls_news(ACOAP__CONTAINER(timer, acoap__dtls_socket_t, news));
}

/* ---- the rest of the table ------------------------------------------------------------------- */

static int start(acoap_socket_t *socket, const acoap_socket_events_t *events, void *user_data) {
  acoap__dtls_socket_t *dtls = self(socket);
  if (events == NULL || events->received == NULL || dtls->events != NULL || dtls->closing) {
    return ACOAP_EINVAL;
  }
  int status = dtls->inner->ops->start(dtls->inner, &acoap__dtls_inner_events, dtls);
  if (status == 0) {
    dtls->events = events;
    dtls->user_data = user_data;
  }
  return status;
}

static void flush(acoap_socket_t *socket) {
  acoap_socket_t *inner = self(socket)->inner;
  if (inner->ops->flush != NULL) {
    inner->ops->flush(inner);
  }
}

static int local_address(acoap_socket_t *socket, acoap_address_t *address) {
  acoap_socket_t *inner = self(socket)->inner;
  return inner->ops->local_address(inner, address);
}

static bool reaches(acoap_socket_t *socket, const acoap_address_t *address) {
  acoap_socket_t *inner = self(socket)->inner;
  return !acoap_address_is_multicast(address) &&
         (inner->ops->reaches == NULL || inner->ops->reaches(inner, address));
}

static size_t mtu(acoap_socket_t *socket, const acoap_address_t *peer) {
  (void)peer;
  return self(socket)->options.mtu - OVERHEAD_MAX;
}

static void set_ref(acoap_socket_t *socket, bool ref) {
  acoap_socket_t *inner = self(socket)->inner;
  if (inner->ops->set_ref != NULL) {
    inner->ops->set_ref(inner, ref);
  }
}

static void refresh(acoap_socket_t *socket) {
  acoap_socket_t *inner = self(socket)->inner;
  if (inner->ops->size >= offsetof(acoap_socket_ops_t, secure) && inner->ops->refresh != NULL) {
    inner->ops->refresh(inner);
  }
}

static bool secure(acoap_socket_t *socket) {
  (void)socket;
  return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void free_socket(acoap__dtls_socket_t *socket) {
  acoap__dtls_news(socket);
  acoap__dtls_session_free(socket->listener);
  acoap__dtls_tickets_free(socket);
  acoap__list_t *node;
  while ((node = acoap__list_first(&socket->outbox)) != NULL) {
    outbox_drop(socket, ACOAP__CONTAINER(node, acoap__dtls_waiting_t, node));
  }
  acoap__buffer_pool_close(socket->buffers);
  acoap_credentials_unref(socket->options.credentials);
  acoap__free(socket->buckets);
  acoap__free(socket);
}

static void finish(acoap__dtls_socket_t *socket) {
  void (*closed)(void *user_data) = socket->closed;
  void *closed_data = socket->closed_data;
  free_socket(socket);
  if (closed != NULL) {
    closed(closed_data);
  }
}

void acoap__dtls_enter(acoap__dtls_socket_t *socket) {
  socket->busy++;
}

bool acoap__dtls_leave(acoap__dtls_socket_t *socket) {
  if (--socket->busy == 0 && socket->inner_closed) {
    finish(socket);
    return false;
  }
  return true;
}

/* The inner socket may say so at once, inside a callback of ours. */
static void inner_closed(void *user_data) {
  acoap__dtls_socket_t *socket = user_data;
  socket->inner_closed = true;
  if (socket->busy == 0) {
    finish(socket);
  }
}

static void close_socket(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  acoap__dtls_socket_t *dtls = self(socket);
  acoap__list_t *node;
  if (dtls->closing) {
    return;
  }
  dtls->closing = true;
  dtls->closed = closed;
  dtls->closed_data = user_data;
  dtls->events = NULL;
  while ((node = acoap__list_first(&dtls->used)) != NULL) {
    acoap__dtls_peer_t *peer = ACOAP__CONTAINER(node, acoap__dtls_peer_t, used);
    acoap__dtls_session_close(peer->session);
    acoap__dtls_peer_end(peer, ACOAP_ECLOSED, NULL);
  }
  acoap__dtls_news(dtls);
  acoap__timer_clear(&dtls->timers, &dtls->idle);
  acoap__timer_clear(&dtls->timers, &dtls->news);
  if (dtls->inner->ops->flush != NULL) {
    dtls->inner->ops->flush(dtls->inner);
  }
  dtls->inner->ops->close(dtls->inner, inner_closed, dtls);
}

static const acoap_socket_ops_t dtls_ops = {
    .size = sizeof(acoap_socket_ops_t),
    .start = start,
    .send = send_batch,
    .flush = flush,
    .local_address = local_address,
    .reaches = reaches,
    .mtu = mtu,
    .next_wake = next_wake,
    .run = run,
    .set_ref = set_ref,
    .close = close_socket,
    .refresh = refresh,
    .secure = secure,
    .session_fit = session_fit,
};

static int take_options(acoap__dtls_socket_t *socket, const acoap_dtls_options_t *options) {
  acoap_dtls_options_t *own = &socket->options;
  if (options != NULL) {
    if (options->size < sizeof(options->size)) {
      return ACOAP_EINVAL;
    }
    memcpy(own, options, options->size < sizeof(*own) ? options->size : sizeof(*own));
  }
  own->sessions_max = own->sessions_max != 0 ? own->sessions_max : SESSIONS_MAX_DEFAULT;
  own->idle_timeout_ms = own->idle_timeout_ms != 0 ? own->idle_timeout_ms : IDLE_TIMEOUT_DEFAULT_MS;
  own->handshake_timeout_ms =
      own->handshake_timeout_ms != 0 ? own->handshake_timeout_ms : HANDSHAKE_TIMEOUT_DEFAULT_MS;
  own->queue_max = own->queue_max != 0 ? own->queue_max : QUEUE_MAX_DEFAULT;
  own->mtu = own->mtu != 0 ? own->mtu : MTU_DEFAULT;
  if (own->mtu < MTU_LEAST || own->mtu > PLAIN_MAX) {
    return ACOAP_EINVAL;
  }
  acoap_credentials_ref(own->credentials);
  return 0;
}

static int prepare(acoap__dtls_socket_t *socket) {
  size_t buckets = BUCKETS_LEAST;
  while (buckets < socket->options.sessions_max && buckets < BUCKETS_MAX) {
    buckets *= 2;
  }
  socket->buckets = acoap__calloc(buckets, sizeof(acoap__map_node_t *));
  socket->buffers = acoap__buffer_pool_new(socket->options.mtu, ACOAP__DTLS_HAND_UP);
  if (socket->buckets == NULL || socket->buffers == NULL) {
    return ACOAP_ENOMEM;
  }
  acoap__map_init(&socket->peers, socket->buckets, buckets);
  socket->host->ops->entropy(socket->host, socket->hash_key, sizeof(socket->hash_key));
  acoap_time_t now = acoap__dtls_now(socket);
  int status = acoap__dtls_secrets_init(&socket->secrets, now);
  return status == 0 ? acoap__dtls_listen(socket) : status;
}

int acoap_dtls_socket_new(acoap_host_t *host, acoap_socket_t *inner,
                          const acoap_dtls_options_t *options, acoap_socket_t **socket) {
  if (host == NULL || inner == NULL || socket == NULL) {
    return ACOAP_EINVAL;
  }
  acoap__dtls_socket_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->socket.ops = &dtls_ops;
  made->host = host;
  made->inner = inner;
  made->stats.size = sizeof(made->stats);
  acoap__list_init(&made->used);
  acoap__list_init(&made->ended);
  acoap__list_init(&made->tickets);
  acoap__list_init(&made->outbox);
  acoap__timer_queue_init(&made->timers);
  acoap__timer_init(&made->idle, idle_fired);
  acoap__timer_init(&made->news, news_fired);
  int status = take_options(made, options);
  if (status == 0) {
    status = prepare(made);
  } else {
    made->options.credentials = NULL;
  }
  if (status != 0) {
    free_socket(made);
    return status;
  }
  *socket = &made->socket;
  return 0;
}

int acoap_dtls_socket_stats(const acoap_socket_t *socket, acoap_dtls_stats_t *stats) {
  if (socket == NULL || socket->ops != &dtls_ops || stats == NULL ||
      stats->size < sizeof(stats->size)) {
    return ACOAP_EINVAL;
  }
  acoap_dtls_stats_t now = self_const(socket)->stats;
  size_t size = stats->size < sizeof(now) ? stats->size : sizeof(now);
  now.sessions = (uint32_t)self_const(socket)->peer_count;
  now.size = stats->size;
  memcpy(stats, &now, size);
  return 0;
}

int acoap_dtls_socket_disconnect(acoap_socket_t *socket, const acoap_address_t *peer) {
  if (socket == NULL || socket->ops != &dtls_ops || peer == NULL) {
    return ACOAP_EINVAL;
  }
  acoap__dtls_peer_t *known = acoap__dtls_peer_find(self(socket), peer);
  if (known == NULL) {
    return ACOAP_ENOTFOUND;
  }
  acoap__dtls_session_close(known->session);
  acoap__dtls_peer_end(known, ACOAP_ECLOSED, "disconnected");
  return 0;
}
