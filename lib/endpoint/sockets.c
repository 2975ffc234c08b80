/*
 * Which sockets an endpoint has and which of them a request leaves from. By default one on 0.0.0.0
 * and one on ::, where the system has the family; each source port adds one socket per listening
 * one, and requests take those that reach their destination in turn: 65,536 Message IDs per peer,
 * port and EXCHANGE_LIFETIME are 265 CON/s (RFC 7252 section 4.4). A port has one DTLS session with
 * an address, so what is asked there with other credentials leaves from a source port that has none
 * yet. From a port that is shared with other endpoints a request leaves only when no other will do.
 * Knows no messages.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

#include <acoap/dtls.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"

/* RFC 7252 section 4.6, for sockets that do not tell. */
#define MTU_DEFAULT 1152

static void ignore_closed(void *user_data) {
  (void)user_data;
}

static void socket_add(acoap_local_endpoint_t *endpoint, acoap_socket_t *socket, bool source_port,
                       bool shared) {
  acoap__endpoint_socket_t *added = &endpoint->sockets[endpoint->socket_count];
  added->endpoint = endpoint;
  added->socket = socket;
  added->number = (uint16_t)endpoint->socket_count;
  added->answers_from = added->number;
  added->source_port = source_port;
  added->shared = shared;
  acoap__list_init(&added->outbox);
  endpoint->socket_count++;
}

/* What an address is opened for. */
typedef enum opened_for {
  FOR_COAP,
  FOR_COAPS,
  AS_SOURCE_PORT,       /* requests of coap */
  AS_SECURE_SOURCE_PORT /* requests of coaps */
} opened_for_t;

static bool is_source_port(opened_for_t purpose) {
  return purpose == AS_SOURCE_PORT || purpose == AS_SECURE_SOURCE_PORT;
}

/* Go around a socket with DTLS; closes it on failure. */
static int secure_open(acoap_local_endpoint_t *endpoint,
                       const acoap_local_endpoint_options_t *options, bool source_port,
                       acoap_socket_t **socket) {
  acoap_socket_t *around = NULL;
  acoap_dtls_options_t dtls = {.size = sizeof(dtls)};
  size_t size = options->dtls->size < sizeof(dtls) ? options->dtls->size : sizeof(dtls);
  memcpy(&dtls, options->dtls, size);
  dtls.client_only = dtls.client_only || source_port;
  int status = acoap_dtls_socket_new(endpoint->host, *socket, &dtls, &around);
  if (status != 0) {
    acoap_socket_close(*socket, ignore_closed, NULL);
    return status;
  }
  *socket = around;
  return 0;
}

static int udp_open(acoap_local_endpoint_t *endpoint, struct uv_loop_s *loop,
                    const acoap_local_endpoint_options_t *options, const acoap_address_t *local,
                    opened_for_t purpose) {
  acoap_udp_options_t udp;
  acoap_socket_t *socket = NULL;
  memset(&udp, 0, sizeof(udp));
  udp.size = sizeof(udp);
  udp.local = *local;
  udp.reuse_address = options->reuse_address && !is_source_port(purpose);
  udp.reuse_port = options->reuse_port && !is_source_port(purpose);
  udp.multicast_loop_off = options->multicast_loop_off;
  if (is_source_port(purpose)) {
    udp.local.port = 0;
  } else if (purpose == FOR_COAPS) {
    udp.local.port = options->secure_port;
  } else if (udp.local.port == 0) {
    udp.local.port = options->port;
  }
  int status = acoap_udp_socket_new(loop, options->udp, &udp, &socket);
  if (status == 0 && (purpose == FOR_COAPS || purpose == AS_SECURE_SOURCE_PORT)) {
    status = secure_open(endpoint, options, is_source_port(purpose), &socket);
  }
  if (status == 0) {
    socket_add(endpoint, socket, is_source_port(purpose), udp.reuse_port);
  }
  return status;
}

/* Does this failure say that the system lacks the family, rather than that a port is taken or
 * forbidden? */
static bool family_missing(int status) {
  return status == UV_EAFNOSUPPORT || status == UV_EADDRNOTAVAIL || status == UV_EPROTONOSUPPORT;
}

/* 0.0.0.0 and ::; a family that the system lacks is left out, but not both. */
static int udp_open_defaults(acoap_local_endpoint_t *endpoint, struct uv_loop_s *loop,
                             const acoap_local_endpoint_options_t *options, opened_for_t purpose) {
  static const acoap_address_t anywhere[2] = {{.family = ACOAP_FAMILY_IPV4},
                                              {.family = ACOAP_FAMILY_IPV6}};
  int missing = 0;
  size_t before = endpoint->socket_count;
  for (size_t i = 0; i < 2; i++) {
    int status = udp_open(endpoint, loop, options, &anywhere[i], purpose);
    if (status != 0 && !family_missing(status)) {
      return status;
    }
    missing = status != 0 ? status : missing;
  }
  return endpoint->socket_count > before ? 0 : missing;
}

/* Every address that the options name, for one purpose. */
static int udp_open_listening(acoap_local_endpoint_t *endpoint, struct uv_loop_s *loop,
                              const acoap_local_endpoint_options_t *options, opened_for_t purpose) {
  int status = 0;
  if (options->bind_count == 0) {
    status = udp_open_defaults(endpoint, loop, options, purpose);
  }
  for (size_t i = 0; status == 0 && i < options->bind_count; i++) {
    status = udp_open(endpoint, loop, options, &options->bind[i], purpose);
  }
  return status;
}

/* A shared port needs one beside it for requests. */
static size_t source_ports(const acoap_local_endpoint_options_t *options) {
  return options->source_ports == 0 && options->reuse_port ? 1 : options->source_ports;
}

/* The listening sockets for one purpose, and source ports beside each. */
static int udp_open_with_sources(acoap_local_endpoint_t *endpoint, struct uv_loop_s *loop,
                                 const acoap_local_endpoint_options_t *options,
                                 opened_for_t listening, opened_for_t source) {
  size_t first = endpoint->socket_count;
  int status = udp_open_listening(endpoint, loop, options, listening);
  size_t end = endpoint->socket_count;
  for (size_t n = 0; n < source_ports(options); n++) {
    for (size_t i = first; status == 0 && i < end; i++) {
      acoap_socket_t *like = endpoint->sockets[i].socket;
      acoap_address_t local;
      memset(&local, 0, sizeof(local));
      status = like->ops->local_address(like, &local);
      if (status == 0) {
        status = udp_open(endpoint, loop, options, &local, source);
      }
    }
  }
  return status;
}

static int udp_open_all(acoap_local_endpoint_t *endpoint, struct uv_loop_s *loop,
                        const acoap_local_endpoint_options_t *options) {
  int status = 0;
  if (!options->secure_only) {
    status = udp_open_with_sources(endpoint, loop, options, FOR_COAP, AS_SOURCE_PORT);
  }
  if (status == 0 && options->dtls != NULL) {
    status = udp_open_with_sources(endpoint, loop, options, FOR_COAPS, AS_SECURE_SOURCE_PORT);
  }
  return status;
}

/* coaps:// leaves through secure sockets and nothing else does (RFC 7252 section 6.2). */
static bool is_secure(const acoap__endpoint_socket_t *socket) {
  return ACOAP__SOCKET_OP(socket->socket, secure) && socket->socket->ops->secure(socket->socket);
}

static bool bound_to_group(acoap_socket_t *socket, acoap_address_t *local) {
  memset(local, 0, sizeof(*local));
  return socket->ops->local_address(socket, local) == 0 && acoap_address_is_multicast(local);
}

/* RFC 7252 section 8.2: an answer to a group request leaves from a unicast address. A socket that
 * is bound to a group has none, so the first other one of its family answers for it. */
static void choose_answering(acoap_local_endpoint_t *endpoint) {
  acoap_address_t group;
  acoap_address_t local;
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    if (!bound_to_group(endpoint->sockets[i].socket, &group) || is_secure(&endpoint->sockets[i])) {
      continue;
    }
    for (size_t n = 0; n < endpoint->socket_count; n++) {
      acoap_socket_t *other = endpoint->sockets[n].socket;
      if (!endpoint->sockets[n].source_port && !is_secure(&endpoint->sockets[n]) &&
          !bound_to_group(other, &local) &&
          (!ACOAP__SOCKET_OP(other, reaches) || other->ops->reaches(other, &group))) {
        endpoint->sockets[i].answers_from = (uint16_t)n;
        break;
      }
    }
  }
}

int acoap__sockets_open(acoap_local_endpoint_t *endpoint, struct uv_loop_s *loop,
                        const acoap_local_endpoint_options_t *options) {
  size_t listening = options->bind_count != 0 ? options->bind_count : 2;
  size_t most = options->socket_count != 0 ? options->socket_count
                                           : 2 * listening * (1 + source_ports(options));
  if (most > UINT16_MAX) {
    return ACOAP_EINVAL;
  }
  endpoint->sockets = acoap__calloc(most, sizeof(*endpoint->sockets));
  if (endpoint->sockets == NULL) {
    return ACOAP_ENOMEM;
  }
  for (size_t i = 0; i < options->socket_count; i++) {
    if (options->sockets[i] == NULL) {
      acoap__sockets_drop(endpoint, options);
      return ACOAP_EINVAL;
    }
    socket_add(endpoint, options->sockets[i], false, false);
  }
  int status = options->socket_count == 0 ? udp_open_all(endpoint, loop, options) : 0;
  if (status != 0) {
    acoap__sockets_drop(endpoint, options);
  } else {
    choose_answering(endpoint);
  }
  return status;
}

void acoap__sockets_drop(acoap_local_endpoint_t *endpoint,
                         const acoap_local_endpoint_options_t *options) {
  for (size_t i = 0; i < endpoint->socket_count && options->socket_count == 0; i++) {
    acoap_socket_close(endpoint->sockets[i].socket, ignore_closed, NULL);
  }
  endpoint->socket_count = 0;
}

int acoap__sockets_start(acoap_local_endpoint_t *endpoint) {
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    acoap__endpoint_socket_t *each = &endpoint->sockets[i];
    int status = each->socket->ops->start(each->socket, &acoap__endpoint_socket_events, each);
    if (status != 0) {
      return status;
    }
  }
  return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

void acoap__sockets_flush(acoap_local_endpoint_t *endpoint) {
  if (!endpoint->unflushed) {
    return;
  }
  endpoint->unflushed = false;
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    acoap__endpoint_socket_t *each = &endpoint->sockets[i];
    if (each->unflushed) {
      each->unflushed = false;
      if (ACOAP__SOCKET_OP(each->socket, flush)) {
        each->socket->ops->flush(each->socket);
      }
    }
  }
}

void acoap__sockets_run(acoap_local_endpoint_t *endpoint, acoap_time_t now) {
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    acoap_socket_t *socket = endpoint->sockets[i].socket;
    if (ACOAP__SOCKET_OP(socket, run) && ACOAP__SOCKET_OP(socket, next_wake) &&
        socket->ops->next_wake(socket) <= now) {
      socket->ops->run(socket, now);
    }
  }
}

acoap_time_t acoap__sockets_next_wake(const acoap_local_endpoint_t *endpoint) {
  acoap_time_t at = ACOAP_TIME_NEVER;
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    acoap_socket_t *socket = endpoint->sockets[i].socket;
    if (ACOAP__SOCKET_OP(socket, run) && ACOAP__SOCKET_OP(socket, next_wake)) {
      acoap_time_t due = socket->ops->next_wake(socket);
      at = due < at ? due : at;
    }
  }
  return at;
}

void acoap__sockets_set_ref(acoap_local_endpoint_t *endpoint, bool ref) {
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    acoap_socket_t *socket = endpoint->sockets[i].socket;
    if (ACOAP__SOCKET_OP(socket, set_ref)) {
      socket->ops->set_ref(socket, ref);
    }
  }
}

void acoap__sockets_refresh(acoap_local_endpoint_t *endpoint) {
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    acoap_socket_t *socket = endpoint->sockets[i].socket;
    if (ACOAP__SOCKET_OP(socket, refresh)) {
      socket->ops->refresh(socket);
    }
  }
}

/* ---- one of them ----------------------------------------------------------------------------- */

bool acoap__socket_reaches(const acoap__endpoint_socket_t *socket, const acoap_address_t *address) {
  return !ACOAP__SOCKET_OP(socket->socket, reaches) ||
         socket->socket->ops->reaches(socket->socket, address);
}

bool acoap__sockets_reach(const acoap_local_endpoint_t *endpoint, const acoap_address_t *address,
                          bool secure) {
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    if (is_secure(&endpoint->sockets[i]) == secure &&
        acoap__socket_reaches(&endpoint->sockets[i], address)) {
      return true;
    }
  }
  return false;
}

/* May a datagram with this source address leave from this socket? */
static bool has_local(const acoap__endpoint_socket_t *socket, const acoap_address_t *local) {
  acoap_address_t bound;
  if (local == NULL || local->family == ACOAP_FAMILY_NONE) {
    return true;
  }
  memset(&bound, 0, sizeof(bound));
  if (socket->socket->ops->local_address(socket->socket, &bound) != 0 ||
      bound.family != local->family || (local->port != 0 && local->port != bound.port)) {
    return false;
  }
  return acoap_address_is_any(&bound) || acoap_address_is_any(local) ||
         memcmp(bound.ip, local->ip, sizeof(bound.ip)) == 0;
}

/* What a socket for a request has to be. */
typedef struct wanted_socket {
  const acoap_address_t *address; /* reaches this */
  const acoap_address_t *local;   /* sends from this; NULL or family NONE: any */
  bool secure;                    /* for coaps:// */
  bool shared;                    /* its port is shared with other endpoints */
  const acoap_path_t *path;       /* coaps: to the session that a request wants; else NULL */
  acoap_session_fit_t fit;        /* how well a socket's sessions have to suit that, at least */
} wanted_socket_t;

/* One port has one session with an address: what it would do with that path. */
static acoap_session_fit_t session_fit(const acoap__endpoint_socket_t *socket,
                                       const acoap_path_t *path) {
  return ACOAP__SOCKET_OP(socket->socket, session_fit)
             ? socket->socket->ops->session_fit(socket->socket, path)
             : ACOAP_SESSION_NEW;
}

static bool will_do(const acoap__endpoint_socket_t *socket, const wanted_socket_t *wanted) {
  return socket->shared == wanted->shared && is_secure(socket) == wanted->secure &&
         acoap__socket_reaches(socket, wanted->address) && has_local(socket, wanted->local) &&
         (wanted->path == NULL || session_fit(socket, wanted->path) >= wanted->fit);
}

/* The `turn`-th of those that will do, round and round; NULL: none does. */
static acoap__endpoint_socket_t *choose(acoap_local_endpoint_t *endpoint,
                                        const wanted_socket_t *wanted, uint32_t turn) {
  size_t usable = 0;
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    if (will_do(&endpoint->sockets[i], wanted)) {
      usable++;
    }
  }
  size_t skip = usable != 0 ? turn % usable : 0;
  for (size_t i = 0; usable != 0 && i < endpoint->socket_count; i++) {
    if (will_do(&endpoint->sockets[i], wanted) && skip-- == 0) {
      return &endpoint->sockets[i];
    }
  }
  return NULL;
}

/* For coaps a session that stands is best, and a new one better than the end of another's. */
static acoap__endpoint_socket_t *choose_fitting(acoap_local_endpoint_t *endpoint,
                                                wanted_socket_t *wanted, uint32_t turn) {
  acoap__endpoint_socket_t *chosen = NULL;
  int fit = wanted->path != NULL ? ACOAP_SESSION_STANDS : ACOAP_SESSION_OTHER;
  for (; chosen == NULL && fit >= ACOAP_SESSION_OTHER; fit--) {
    wanted->fit = (acoap_session_fit_t)fit;
    chosen = choose(endpoint, wanted, turn);
  }
  return chosen;
}

acoap__endpoint_socket_t *acoap__sockets_choose(acoap_local_endpoint_t *endpoint,
                                                const acoap_path_t *path, bool secure,
                                                uint32_t turn) {
  wanted_socket_t wanted = {.address = &path->peer,
                            .local = &path->local,
                            .secure = secure,
                            .path = secure ? path : NULL};
  acoap__endpoint_socket_t *chosen = choose_fitting(endpoint, &wanted, turn);
  wanted.shared = true;
  return chosen != NULL ? chosen : choose_fitting(endpoint, &wanted, turn);
}

size_t acoap__local_endpoint_message_max(acoap_local_endpoint_t *endpoint,
                                         const acoap_path_t *path) {
  size_t most = MTU_DEFAULT;
  if (path->socket < endpoint->socket_count && endpoint->sockets[path->socket].socket != NULL) {
    acoap_socket_t *socket = endpoint->sockets[path->socket].socket;
    if (ACOAP__SOCKET_OP(socket, mtu)) {
      most = socket->ops->mtu(socket, &path->peer);
    }
  }
  return most < endpoint->message_max ? most : endpoint->message_max;
}
