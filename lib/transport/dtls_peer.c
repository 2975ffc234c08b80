/*
 * The peers of a DTLS socket: found by address in a keyed hash, at most sessions_max, the least
 * recently used goes. A peer that ends is taken out at once and told of later, from the loop, with
 * a notice for each datagram that waited for its handshake, so that the one exchange it belongs to
 * fails at once instead of by time-out.
 * SPDX-License-Identifier: MIT
 */
#include "transport/dtls.h"

#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "base/text.h"

static uint64_t hash_of(const acoap__dtls_socket_t *socket, const acoap_address_t *address) {
  return acoap__siphash13(socket->hash_key, address, sizeof(*address));
}

acoap__dtls_peer_t *acoap__dtls_peer_find(acoap__dtls_socket_t *socket,
                                          const acoap_address_t *address) {
  if (socket->last != NULL && acoap_address_equal(&socket->last->path.peer, address)) {
    return socket->last;
  }
  acoap__map_node_t *node = acoap__map_find(&socket->peers, hash_of(socket, address));
  for (; node != NULL; node = acoap__map_find_next(node)) {
    acoap__dtls_peer_t *peer = ACOAP__CONTAINER(node, acoap__dtls_peer_t, by_address);
    if (acoap_address_equal(&peer->path.peer, address)) {
      socket->last = peer;
      return peer;
    }
  }
  return NULL;
}

void acoap__dtls_peer_touch(acoap__dtls_peer_t *peer, acoap_time_t now) {
  acoap__dtls_socket_t *socket = peer->socket;
  /* A request and its answer are one use: a change of the order touches two other peers. */
  if (peer->last_used == now && !acoap__list_empty(&peer->used)) {
    return;
  }
  peer->last_used = now;
  if (socket->used.prev == &peer->used) {
    return; /* the one used last, again */
  }
  acoap__list_remove(&peer->used);
  acoap__list_append(&socket->used, &peer->used);
  if (!socket->idle.queued) {
    acoap__timer_set(&socket->timers, &socket->idle, now + socket->options.idle_timeout_ms);
  }
}

bool acoap__dtls_peer_is_client(const acoap__dtls_peer_t *peer) {
  return peer->session->role == ACOAP__DTLS_CLIENT;
}

/* What we would prove on this path (NULL: nothing was said for the datagram). */
static const acoap_credentials_t *credentials_of(const acoap__dtls_peer_t *peer,
                                                 const acoap_path_t *path) {
  if (path != NULL && path->credentials != NULL) {
    return path->credentials;
  }
  if (path == NULL && peer->credentials != NULL) {
    return peer->credentials;
  }
  return peer->socket->options.credentials;
}

/* ---- what waits for a handshake -------------------------------------------------------------- */

static void waiting_drop(acoap__dtls_peer_t *peer, acoap__dtls_waiting_t *waiting) {
  acoap__list_remove(&waiting->node);
  acoap__free(waiting);
  peer->waiting_count--;
}

/* Will what the handshake proves be enough for this datagram? A handshake of the peer's is judged
 * by what we wanted when it began (waiting_send). */
static bool may_wait(const acoap__dtls_peer_t *peer, const acoap_path_t *path) {
  if (acoap__dtls_peer_is_client(peer)) {
    return true;
  }
  return credentials_of(peer, path) == credentials_of(peer, NULL) &&
         (path->host == NULL || (peer->host != NULL && strcmp(peer->host, path->host) == 0));
}

int acoap__dtls_peer_wait(acoap__dtls_peer_t *peer, const acoap_path_t *path, acoap_bytes_t bytes) {
  acoap__dtls_socket_t *socket = peer->socket;
  if (!may_wait(peer, path)) {
    socket->stats.queue_dropped++;
    return 0; /* lost on the way: a CON will be sent again, into a session that stands */
  }
  for (acoap__list_t *node = peer->waiting.next; node != &peer->waiting; node = node->next) {
    const acoap__dtls_waiting_t *each = ACOAP__CONTAINER(node, acoap__dtls_waiting_t, node);
    if (each->len == bytes.len && memcmp(each->bytes, bytes.data, bytes.len) == 0) {
      return 0; /* a retransmission of what waits already */
    }
  }
  if (peer->waiting_count >= socket->options.queue_max) {
    socket->stats.queue_dropped++;
    return 0; /* lost on the way: a CON will be sent again */
  }
  acoap__dtls_waiting_t *waiting = acoap__malloc(sizeof(*waiting) + bytes.len);
  if (waiting == NULL) {
    return ACOAP_ENOMEM;
  }
  waiting->path = *path;
  waiting->path.host = NULL;
  waiting->path.credentials = NULL;
  waiting->path.identity = NULL;
  waiting->path.session = 0;
  waiting->len = bytes.len;
  memcpy(waiting->bytes, bytes.data, bytes.len);
  acoap__list_append(&peer->waiting, &waiting->node);
  peer->waiting_count++;
  return 0;
}

/* What was to go to a server and has found a client that is somebody else is lost here; repeated,
 * it begins a handshake of its own. */
static void waiting_send(acoap__dtls_peer_t *peer) {
  acoap__list_t *node;
  bool proved = acoap__dtls_session_proves(peer->session, credentials_of(peer, NULL), peer->host,
                                           peer->path.peer.port);
  while ((node = acoap__list_first(&peer->waiting)) != NULL) {
    acoap__dtls_waiting_t *waiting = ACOAP__CONTAINER(node, acoap__dtls_waiting_t, node);
    acoap_bytes_t bytes = {waiting->bytes, waiting->len};
    int status = proved ? acoap__dtls_session_send(peer->session, bytes) : ACOAP_EAGAIN;
    if (status < 0 && status != ACOAP_EAGAIN) {
      acoap__dtls_report(peer->socket, ACOAP_PEER_ICMP, &waiting->path, status, NULL, bytes);
    }
    waiting_drop(peer, waiting);
  }
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void peer_free(acoap__dtls_peer_t *peer) {
  while (!acoap__list_empty(&peer->waiting)) {
    waiting_drop(peer, ACOAP__CONTAINER(peer->waiting.next, acoap__dtls_waiting_t, node));
  }
  acoap__dtls_session_free(peer->session);
  acoap__dtls_session_free(peer->challenger);
  acoap_credentials_unref(peer->credentials);
  acoap__free(peer->host);
  acoap__free(peer);
}

void acoap__dtls_peer_end(acoap__dtls_peer_t *peer, int status, const char *reason) {
  acoap__dtls_socket_t *socket = peer->socket;
  acoap__text_t text;
  if (peer->gone) {
    return;
  }
  peer->gone = true;
  socket->last = socket->last == peer ? NULL : socket->last;
  peer->status = status;
  acoap__text_init(&text, peer->reason, sizeof(peer->reason));
  acoap__text_put(&text, reason != NULL ? reason : acoap_strerror(status));
  acoap__map_remove(&socket->peers, &peer->by_address);
  socket->peer_count--;
  socket->handshake_count -= peer->reported ? 0 : 1;
  acoap__timer_clear(&socket->timers, &peer->timer);
  acoap__list_remove(&peer->used);
  acoap__list_append(&socket->ended, &peer->used);
  if (!socket->news.queued) {
    acoap__timer_set(&socket->timers, &socket->news, acoap__dtls_now(socket));
    acoap__dtls_wake_changed(socket);
  }
}

static void tell_end(acoap__dtls_peer_t *peer) {
  acoap__dtls_socket_t *socket = peer->socket;
  acoap_peer_event_t event = peer->reported ? ACOAP_PEER_CLOSED : ACOAP_PEER_FAILED;
  acoap_bytes_t none = {NULL, 0};
  if (!peer->reported) {
    socket->stats.handshakes_failed++;
  }
  while (!acoap__list_empty(&peer->waiting)) {
    acoap__dtls_waiting_t *waiting =
        ACOAP__CONTAINER(peer->waiting.next, acoap__dtls_waiting_t, node);
    acoap_bytes_t quote = {waiting->bytes, waiting->len};
    acoap__dtls_report(socket, ACOAP_PEER_ICMP, &waiting->path, peer->status, peer->reason, quote);
    waiting_drop(peer, waiting);
  }
  acoap__dtls_report(socket, event, &peer->path, peer->status, peer->reason, none);
}

void acoap__dtls_news(acoap__dtls_socket_t *socket) {
  acoap__list_t due;
  if (acoap__list_empty(&socket->ended)) {
    return;
  }
  acoap__list_init(&due);
  acoap__list_take(&socket->ended, &due);
  for (acoap__list_t *node; (node = acoap__list_first(&due)) != NULL;) {
    acoap__dtls_peer_t *peer = ACOAP__CONTAINER(node, acoap__dtls_peer_t, used);
    acoap__list_remove(node);
    if (peer->busy > 0) {
      acoap__list_append(&socket->ended, node); /* told when that callback has returned */
      continue;
    }
    tell_end(peer);
    peer_free(peer);
  }
}

/* ---- beginnings ------------------------------------------------------------------------------ */

static void transmit(void *owner, acoap_bytes_t bytes) {
  acoap__dtls_peer_t *peer = owner;
  acoap__dtls_transmit(peer->socket, &peer->path, bytes);
}

static void set_timer(acoap__dtls_peer_t *peer) {
  acoap_time_t at = acoap__dtls_session_next_wake(peer->session);
  if (peer->session->state == ACOAP__DTLS_ENDED) {
    at = acoap__dtls_now(peer->socket);
  }
  if (peer->challenger != NULL) {
    acoap_time_t other = acoap__dtls_session_next_wake(peer->challenger);
    at = other < at ? other : at;
  }
  if (at == ACOAP_TIME_NEVER) {
    acoap__timer_clear(&peer->socket->timers, &peer->timer);
  } else {
    acoap__timer_set(&peer->socket->timers, &peer->timer, at);
    acoap__dtls_wake_changed(peer->socket);
  }
}

static void timer_fired(acoap__timer_t *timer, acoap_time_t now) {
  acoap__dtls_peer_t *peer = ACOAP__CONTAINER(timer, acoap__dtls_peer_t, timer);
  acoap__dtls_session_run(peer->session, now);
  if (peer->challenger != NULL) {
    acoap__dtls_session_run(peer->challenger, now);
  }
  acoap__dtls_peer_settle(peer);
}

static void set_reported(acoap__dtls_peer_t *peer, bool reported) {
  acoap__dtls_socket_t *socket = peer->socket;
  socket->handshake_count -= peer->reported ? 0 : 1;
  socket->handshake_count += reported ? 0 : 1;
  peer->reported = reported;
}

/* The least recently used session; while handshakes hold more than a quarter of the places, the
 * oldest of those, so that handshakes that are only begun do not push out who is there. */
static acoap__dtls_peer_t *choose_victim(const acoap__dtls_socket_t *socket) {
  const acoap__list_t *node = socket->used.next;
  acoap__dtls_peer_t *oldest = ACOAP__CONTAINER(node, acoap__dtls_peer_t, used);
  if (socket->handshake_count <= socket->options.sessions_max / 4) {
    return oldest;
  }
  for (; node != &socket->used; node = node->next) {
    acoap__dtls_peer_t *peer = ACOAP__CONTAINER(node, acoap__dtls_peer_t, used);
    if (!peer->reported) {
      return peer;
    }
  }
  return oldest;
}

static void make_room(acoap__dtls_socket_t *socket) {
  if (socket->peer_count >= socket->options.sessions_max && !acoap__list_empty(&socket->used)) {
    acoap__dtls_peer_t *oldest = choose_victim(socket);
    socket->stats.sessions_evicted++;
    acoap__dtls_session_close(oldest->session);
    acoap__dtls_peer_end(oldest, ACOAP_EEXHAUSTED, "the session gave way to another");
  }
}

static char *copy_host(const char *host) {
  size_t len = strlen(host) + 1;
  char *copy = acoap__malloc(len);
  if (copy != NULL) {
    memcpy(copy, host, len);
  }
  return copy;
}

static int client_begin(acoap__dtls_peer_t *peer, const acoap_path_t *path,
                        acoap_credentials_t *credentials) {
  acoap__dtls_socket_t *socket = peer->socket;
  if (path->host != NULL) {
    peer->host = copy_host(path->host);
    if (peer->host == NULL) {
      return ACOAP_ENOMEM;
    }
  }
  peer->credentials = acoap_credentials_ref(credentials);
  const acoap__dtls_resumption_t *resume =
      acoap__dtls_ticket_find(socket, &path->peer, credentials, peer->host);
  return acoap__dtls_session_connect(credentials, peer->host, path->peer.port, resume,
                                     socket->options.mtu, transmit, peer, &peer->session);
}

acoap__dtls_peer_t *acoap__dtls_peer_new(acoap__dtls_socket_t *socket, const acoap_path_t *path,
                                         acoap_credentials_t *credentials,
                                         acoap__dtls_session_t *accepted) {
  acoap_time_t now = acoap__dtls_now(socket);
  acoap__dtls_peer_t *peer = acoap__calloc(1, sizeof(*peer));
  if (peer == NULL) {
    return NULL;
  }
  peer->socket = socket;
  peer->path = *path;
  peer->path.host = NULL;
  peer->path.credentials = NULL;
  peer->path.identity = NULL;
  peer->path.session = 0;
  acoap__list_init(&peer->used);
  acoap__list_init(&peer->waiting);
  acoap__timer_init(&peer->timer, timer_fired);
  if (credentials != NULL && client_begin(peer, path, credentials) != 0) {
    peer_free(peer);
    return NULL;
  }
  if (accepted != NULL) {
    peer->session = accepted;
    acoap__dtls_session_rebind(accepted, transmit, peer);
  }
  make_room(socket);
  acoap__map_insert(&socket->peers, &peer->by_address, hash_of(socket, &path->peer));
  socket->peer_count++;
  socket->handshake_count++;
  acoap__dtls_peer_touch(peer, now);
  acoap__dtls_session_start(peer->session, now, socket->options.handshake_timeout_ms);
  set_timer(peer);
  return peer;
}

void acoap__dtls_peer_challenge(acoap__dtls_peer_t *peer, acoap__dtls_session_t *accepted) {
  acoap__dtls_session_free(peer->challenger);
  peer->challenger = accepted;
  acoap__dtls_session_rebind(accepted, transmit, peer);
  acoap__dtls_session_start(accepted, acoap__dtls_now(peer->socket),
                            peer->socket->options.handshake_timeout_ms);
}

bool acoap__dtls_peer_fits(const acoap__dtls_peer_t *peer, const acoap_path_t *path) {
  const acoap_credentials_t *wished = credentials_of(peer, path);
  if (!acoap__dtls_peer_is_client(peer)) {
    /* The peer's own handshake: it has to have proved what we would ask of it. While it runs that
     * is not known, and what is sent waits (waiting_send). */
    return peer->session->state == ACOAP__DTLS_HANDSHAKE ||
           acoap__dtls_session_proves(peer->session, wished, path->host, path->peer.port);
  }
  if (wished != NULL && wished != peer->credentials) {
    return false;
  }
  return path->host == NULL || (peer->host != NULL && strcmp(peer->host, path->host) == 0);
}

bool acoap__dtls_peer_yields(const acoap__dtls_peer_t *peer,
                             const uint8_t random[ACOAP__CLIENT_RANDOM_LEN]) {
  uint8_t ours[ACOAP__CLIENT_RANDOM_LEN];
  acoap__dtls_session_client_random(peer->session, ours);
  return memcmp(random, ours, sizeof(ours)) < 0;
}

/* ---- what follows from the states ------------------------------------------------------------ */

/* The challenger takes the place of the session, which has ended or gives way. */
static void replace_session(acoap__dtls_peer_t *peer, int status, const char *reason) {
  acoap__dtls_socket_t *socket = peer->socket;
  acoap_bytes_t none = {NULL, 0};
  acoap_peer_event_t event = peer->reported ? ACOAP_PEER_CLOSED : ACOAP_PEER_FAILED;
  acoap__dtls_session_t *old = peer->session;
  peer->session = peer->challenger;
  peer->challenger = NULL;
  set_reported(peer, false);
  peer->number = 0;
  socket->stats.handshakes_failed += event == ACOAP_PEER_FAILED ? 1 : 0;
  acoap__dtls_report(socket, event, &peer->path, status, reason, none);
  acoap__dtls_session_free(old);
}

static void challenge_settle(acoap__dtls_peer_t *peer) {
  acoap__dtls_session_t *challenger = peer->challenger;
  if (challenger == NULL) {
    return;
  }
  if (challenger->state == ACOAP__DTLS_ENDED) {
    peer->challenger = NULL;
    peer->socket->stats.handshakes_failed++;
    acoap__dtls_session_free(challenger);
  } else if (challenger->state == ACOAP__DTLS_ESTABLISHED) {
    replace_session(peer, ACOAP_ECLOSED, "the peer began anew");
  } else if (peer->session->state == ACOAP__DTLS_HANDSHAKE && acoap__dtls_peer_is_client(peer)) {
    /* Both began at once and we yield: not a failure of anything. */
    acoap__dtls_session_free(peer->session);
    peer->session = challenger;
    peer->challenger = NULL;
  } else if (peer->session->state == ACOAP__DTLS_ENDED) {
    replace_session(peer, peer->session->status, peer->session->reason);
  }
}

static void established(acoap__dtls_peer_t *peer) {
  acoap__dtls_socket_t *socket = peer->socket;
  acoap_bytes_t none = {NULL, 0};
  set_reported(peer, true);
  peer->number = ++socket->session_number;
  socket->stats.handshakes++;
  if (peer->session->resumed) {
    socket->stats.resumptions++;
  }
  if (acoap__dtls_peer_is_client(peer)) {
    acoap__dtls_ticket_keep(peer);
  }
  acoap_path_t path = peer->path;
  path.identity = peer->session->identity;
  path.session = peer->number;
  acoap__dtls_report(socket, ACOAP_PEER_ESTABLISHED, &path, 0, NULL, none);
  if (!peer->gone) {
    waiting_send(peer);
  }
}

void acoap__dtls_peer_settle(acoap__dtls_peer_t *peer) {
  peer->busy++;
  if (!peer->gone) {
    challenge_settle(peer);
  }
  if (!peer->gone && peer->session->state == ACOAP__DTLS_ESTABLISHED && !peer->reported) {
    established(peer);
  }
  if (!peer->gone && peer->session->state == ACOAP__DTLS_ENDED) {
    acoap__dtls_peer_end(peer, peer->session->status, peer->session->reason);
  }
  if (!peer->gone) {
    set_timer(peer);
  }
  peer->busy--;
}
