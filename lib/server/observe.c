/*
 * Registrations (RFC 7641 section 4.1): who observes what. An entry is known by (endpoint, token);
 * the same token again renews it, a new token for the same target (cache key) takes its place.
 *
 *     Observe 0   registers, if the resource takes observers, the answer is a success, the bounds
 *                 (observers_max, observers_per_peer) are not reached and the load is normal;
 *                 otherwise the request is a plain one and its response carries no Observe
 *     Observe 1   removes the entry; the response is a plain one
 *                 (so does any request that could not be registered under the same token)
 *     ends        with a RST, a CON that times out, an error response, its resource
 *
 * Keys are hashed with the server's key, since peers choose tokens and options. Sends nothing
 * (notify.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include "server/observe.h"
#include "server/qblock.h"

#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "message/option.h"
#include "message/uri_text.h"

/* Observers per bucket when observers_max is reached, and buckets at most. */
#define CHAIN 4
#define BUCKETS_MAX ((size_t)1 << 16)
#define SEGMENT_MAX 255

/* ---- hashes ---------------------------------------------------------------------------------- */

static uint64_t hash_pair(const acoap_server_t *server, uint64_t a, uint64_t b) {
  uint64_t pair[2] = {a, b};
  return acoap__siphash(server->hash_key, pair, sizeof(pair));
}

static uint64_t peer_hash(const acoap_server_t *server, const acoap_path_t *path) {
  const acoap_address_t *peer = &path->peer;
  uint64_t address = acoap__siphash(server->hash_key, peer->ip, sizeof(peer->ip));
  return hash_pair(server, address, (uint64_t)peer->port << 16 | path->socket);
}

static bool same_endpoint(const acoap_path_t *a, const acoap_path_t *b) {
  return a->socket == b->socket && a->session == b->session &&
         acoap_address_equal(&a->peer, &b->peer);
}

static uint64_t token_hash(const acoap_server_t *server, const acoap_request_t *request) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  return hash_pair(server, peer_hash(server, acoap__request_inbound(request)->path),
                   acoap__siphash(server->hash_key, view->token.data, view->token.len));
}

static uint64_t hash_segment(const acoap_server_t *server, uint64_t hash, const void *bytes,
                             size_t len) {
  return hash_pair(server, hash, acoap__siphash(server->hash_key, bytes, len));
}

uint64_t acoap__path_hash(const acoap_server_t *server, const acoap_view_t *request) {
  acoap_option_iter_t iter;
  acoap_bytes_t segment;
  uint64_t hash = 0;
  acoap_option_iter_init(&iter, request);
  while (acoap__option_next_of(&iter, ACOAP_OPTION_URI_PATH, &segment)) {
    hash = hash_segment(server, hash, segment.data, segment.len);
  }
  return hash;
}

bool acoap__path_hash_text(const acoap_server_t *server, const char *path, uint64_t *hash) {
  char segment[SEGMENT_MAX];
  const char *at = path;
  uint64_t sum = 0;
  if (*at != '/') {
    return false;
  }
  while (*at == '/' && !(at == path && at[1] == '\0')) {
    const char *end = strchr(++at, '/');
    end = end != NULL ? end : at + strlen(at);
    size_t len = acoap__uri_decode(at, end, segment, sizeof(segment));
    if (len > sizeof(segment)) {
      return false;
    }
    sum = hash_segment(server, sum, segment, len);
    at = end;
  }
  *hash = sum;
  return true;
}

int acoap__content_format_of(const acoap_view_t *view) {
  uint32_t format;
  bool given = acoap_view_uint(view, ACOAP_OPTION_CONTENT_FORMAT, &format);
  return given ? (int)format : ACOAP_FORMAT_NONE;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void stray_reset(void *user_data, const acoap_path_t *path, uint16_t message_id);

int acoap__observers_new(acoap_server_t *server) {
  struct acoap__observers *observers = acoap__calloc(1, sizeof(*observers));
  if (observers == NULL) {
    return ACOAP_ENOMEM;
  }
  observers->server = server;
  acoap__list_init(&observers->marked);
  acoap__deferred_init(&observers->ask, acoap__notify_ask);
  server->observers = observers;
  acoap__local_endpoint_on_stray_reset(server->endpoint, stray_reset, server);
  return 0;
}

/* Tables for as many as there may be; made when the first one comes. */
static bool make_tables(struct acoap__observers *observers) {
  size_t count = 16;
  if (observers->buckets != NULL) {
    return true;
  }
  while (count < BUCKETS_MAX && count * CHAIN < observers->server->options.observers_max) {
    count *= 2;
  }
  observers->buckets = acoap__calloc(4 * count, sizeof(acoap__map_node_t *));
  if (observers->buckets == NULL) {
    return false;
  }
  acoap__map_init(&observers->by_token, observers->buckets, count);
  acoap__map_init(&observers->by_target, observers->buckets + count, count);
  acoap__map_init(&observers->targets, observers->buckets + 2 * count, count);
  acoap__map_init(&observers->peers, observers->buckets + 3 * count, count);
  return true;
}

void acoap__observers_free(acoap_server_t *server) {
  struct acoap__observers *observers = server->observers;
  if (observers != NULL) {
    acoap__local_endpoint_on_stray_reset(server->endpoint, NULL, server);
    acoap__deferred_cancel(&observers->ask);
    acoap__free(observers->buckets);
    acoap__free(observers);
    server->observers = NULL;
  }
}

void acoap__observers_fill(const acoap_server_t *server, acoap_server_stats_t *stats) {
  stats->observers = server->observers != NULL ? server->observers->count : 0;
}

/* ---- look-up --------------------------------------------------------------------------------- */

static acoap__observer_t *find_by_token(const acoap_server_t *server,
                                        const acoap_request_t *request) {
  const struct acoap__observers *observers = server->observers;
  const acoap_path_t *path = acoap__request_inbound(request)->path;
  acoap_bytes_t token = acoap_message_view(acoap_request_message(request))->token;
  if (observers->buckets == NULL) {
    return NULL;
  }
  acoap__map_node_t *node = acoap__map_find(&observers->by_token, token_hash(server, request));
  for (; node != NULL; node = acoap__map_find_next(node)) {
    acoap__observer_t *observer = ACOAP__CONTAINER(node, acoap__observer_t, token_node);
    acoap_bytes_t other = acoap_message_view(acoap_request_message(observer->request))->token;
    if (token.len == other.len &&
        (token.len == 0 || memcmp(token.data, other.data, token.len) == 0) &&
        same_endpoint(path, acoap__request_inbound(observer->request)->path)) {
      return observer;
    }
  }
  return NULL;
}

static acoap__observer_t *find_by_target(const struct acoap__observers *observers,
                                         const acoap__key_t *key) {
  if (observers->buckets == NULL) {
    return NULL;
  }
  acoap__map_node_t *node = acoap__map_find(&observers->by_target, key->low);
  for (; node != NULL; node = acoap__map_find_next(node)) {
    acoap__observer_t *observer = ACOAP__CONTAINER(node, acoap__observer_t, target_node);
    if (acoap__key_equal(&observer->key, key)) {
      return observer;
    }
  }
  return NULL;
}

static acoap__observing_peer_t *find_peer(const acoap_server_t *server, const acoap_path_t *path) {
  if (server->observers->buckets == NULL) {
    return NULL;
  }
  acoap__map_node_t *node = acoap__map_find(&server->observers->peers, peer_hash(server, path));
  for (; node != NULL; node = acoap__map_find_next(node)) {
    acoap__observing_peer_t *peer = ACOAP__CONTAINER(node, acoap__observing_peer_t, node);
    if (peer->socket == path->socket && acoap_address_equal(&peer->address, &path->peer)) {
      return peer;
    }
  }
  return NULL;
}

static acoap__target_t *find_target(const struct acoap__observers *observers,
                                    const acoap_resource_t *resource, const acoap__key_t *key) {
  acoap__map_node_t *node = acoap__map_find(&observers->targets, key->low);
  for (; node != NULL; node = acoap__map_find_next(node)) {
    acoap__target_t *target = ACOAP__CONTAINER(node, acoap__target_t, map_node);
    if (target->resource == resource && acoap__key_equal(&target->key, key)) {
      return target;
    }
  }
  return NULL;
}

/* ---- targets and peers ----------------------------------------------------------------------- */

void acoap__target_hold(acoap__target_t *target) {
  target->holders++;
}

void acoap__target_release(acoap__target_t *target) {
  if (--target->holders > 0) {
    return;
  }
  acoap__local_endpoint_timer_clear(target->server->endpoint, &target->timer);
  acoap__list_remove(&target->node);
  acoap__list_remove(&target->marked_node);
  acoap__map_remove(&target->server->observers->targets, &target->map_node);
  if (target->round != NULL) {
    acoap__round_forsake(target->round);
  }
  acoap__notice_free(target->owed);
  acoap__free(target);
}

/* The same answer goes to all of them: what a peer has proved of itself may change it. */
static acoap__key_t target_key(const acoap__serving_t *serving) {
  bool secure = acoap__request_inbound(serving->request)->path->identity != NULL;
  unsigned parts = ACOAP__KEY_PAYLOAD | (secure ? (unsigned)ACOAP__KEY_PEER : 0u);
  return acoap__key_make(serving->server, serving->request, parts);
}

/* Find or make; held for the caller. */
static acoap__target_t *take_target(acoap__serving_t *serving) {
  acoap_server_t *server = serving->server;
  struct acoap__observers *observers = server->observers;
  acoap__key_t key = target_key(serving);
  acoap__target_t *target = find_target(observers, serving->resource, &key);
  if (target == NULL) {
    target = acoap__calloc(1, sizeof(*target));
    if (target == NULL) {
      return NULL;
    }
    target->server = server;
    target->resource = serving->resource;
    target->key = key;
    target->path_hash =
        acoap__path_hash(server, acoap_message_view(acoap_request_message(serving->request)));
    target->changed = serving->observe_since;
    acoap__timer_init(&target->timer, acoap__notify_due);
    acoap__list_init(&target->observers);
    acoap__list_init(&target->marked_node);
    acoap__list_append(&serving->resource->observers, &target->node);
    acoap__map_insert(&observers->targets, &target->map_node, key.low);
  }
  acoap__target_hold(target);
  return target;
}

void acoap__target_mark(acoap__target_t *target) {
  struct acoap__observers *observers = target->server->observers;
  if (acoap__list_empty(&target->marked_node)) {
    acoap__list_append(&observers->marked, &target->marked_node);
    acoap__defer(target->server->endpoint, &observers->ask);
  }
}

static acoap__observing_peer_t *take_peer(acoap_server_t *server, const acoap_path_t *path) {
  acoap__observing_peer_t *peer = find_peer(server, path);
  if (peer == NULL) {
    peer = acoap__calloc(1, sizeof(*peer));
    if (peer == NULL) {
      return NULL;
    }
    peer->address = path->peer;
    peer->socket = path->socket;
    acoap__list_init(&peer->observers);
    acoap__map_insert(&server->observers->peers, &peer->node, peer_hash(server, path));
  }
  peer->count++;
  return peer;
}

static void give_peer(acoap_server_t *server, acoap__observing_peer_t *peer) {
  if (--peer->count == 0) {
    acoap__map_remove(&server->observers->peers, &peer->node);
    acoap__free(peer);
  }
}

/* ---- registrations --------------------------------------------------------------------------- */

void acoap__observer_end(acoap__observer_t *observer, bool stop) {
  acoap__target_t *target = observer->target;
  acoap_server_t *server = target->server;
  acoap_request_t *request = observer->request;
  acoap__serving_t *serving = acoap__serving_of(request);

  acoap__map_remove(&server->observers->by_token, &observer->token_node);
  acoap__map_remove(&server->observers->by_target, &observer->target_node);
  acoap__list_remove(&observer->node);
  acoap__list_remove(&observer->peer_node);
  server->observers->count--;
  give_peer(server, observer->peer);
  if (target->resource != NULL) {
    target->resource->observer_count--;
  }
  if (serving != NULL) {
    serving->observer = NULL;
  }
  acoap__free(observer);
  acoap__target_release(target);
  if (stop) {
    acoap__request_stop(request);
  } else {
    acoap__request_end_observation(request);
  }
  acoap_request_unref(request);
}

static bool sent_before(const acoap__observer_t *observer, uint16_t message_id) {
  for (uint32_t i = 0; i < ACOAP__EARLIER_MAX && i < observer->earlier_count; i++) {
    if (observer->earlier[i] == message_id) {
      return true;
    }
  }
  return false;
}

/*
 * Section 4.5: a RST to an earlier NON notification. The way that the RST took counts as little as
 * for a message that is held: socket and address of the peer do. False: it is for none.
 */
static bool notification_reset(acoap_server_t *server, const acoap_path_t *path,
                               uint16_t message_id) {
  const acoap__observing_peer_t *peer = find_peer(server, path);
  if (peer == NULL) {
    return false;
  }
  for (acoap__list_t *node = peer->observers.next; node != &peer->observers; node = node->next) {
    acoap__observer_t *observer = ACOAP__CONTAINER(node, acoap__observer_t, peer_node);
    if (sent_before(observer, message_id)) {
      server->stats.observers_ended++;
      acoap__server_hold(server);
      acoap__observer_end(observer, true);
      acoap__server_release(server);
      return true;
    }
  }
  return false;
}

/* acoap__stray_reset_cb */
static void stray_reset(void *user_data, const acoap_path_t *path, uint16_t message_id) {
  acoap_server_t *server = user_data;
  if (!path->multicast && !notification_reset(server, path, message_id)) {
    acoap__qblock2_reset(server, path, message_id);
  }
}

/* Is there room for one more of this endpoint? */
static bool may_register(acoap_server_t *server, const acoap_path_t *path) {
  const acoap__observing_peer_t *peer = find_peer(server, path);
  return server->observers->count < server->options.observers_max &&
         (peer == NULL || peer->count < server->options.observers_per_peer) &&
         acoap__load_normal(server);
}

/* An entry that this registration takes the place of (section 4.1); NULL. */
static acoap__observer_t *find_older(const acoap__serving_t *serving) {
  acoap__observer_t *older = find_by_token(serving->server, serving->request);
  if (older == NULL) {
    acoap__key_t key =
        acoap__key_make(serving->server, serving->request, ACOAP__KEY_PEER | ACOAP__KEY_PAYLOAD);
    older = find_by_target(serving->server->observers, &key);
  }
  return older;
}

/* The response says that this token observes no more, whatever it did before. */
static void forget_same_token(acoap__serving_t *serving) {
  acoap__observer_t *older =
      serving->server != NULL ? find_by_token(serving->server, serving->request) : NULL;
  if (older != NULL) {
    acoap__observer_end(older, true);
  }
  acoap__request_end_observation(serving->request);
}

void acoap__observe_request(acoap__serving_t *serving) {
  acoap_server_t *server = serving->server;
  const acoap__inbound_t *inbound = serving->inbound;
  uint32_t observe = serving->asked.observe;
  bool may_observe = inbound->code == ACOAP_CODE_GET || inbound->code == ACOAP_CODE_FETCH;

  serving->observe = false;
  if (serving->round != NULL || !may_observe || inbound->path->multicast ||
      !acoap__asked_has(&serving->asked, ACOAP_OPTION_OBSERVE)) {
    return;
  }
  /* RFC 7959 section 2.6: the blocks that follow the first one are asked for without Observe. */
  bool later_block = acoap__serving_asks_later(serving);
  if (observe == 0 && !later_block && serving->resource != NULL && serving->resource->observable) {
    serving->observe = find_older(serving) != NULL || may_register(server, inbound->path);
    server->stats.observers_refused += serving->observe ? 0 : 1;
    serving->observe_since = server->observers->changes;
  }
  if (!serving->observe && !later_block) {
    forget_same_token(serving);
  }
}

/* Make an entry; NULL without memory. */
static acoap__observer_t *observer_new(acoap__serving_t *serving, const acoap_view_t *answer) {
  acoap_server_t *server = serving->server;
  struct acoap__observers *observers = server->observers;
  acoap__observer_t *observer = acoap__calloc(1, sizeof(*observer));
  if (observer == NULL) {
    return NULL;
  }
  observer->peer = take_peer(server, acoap__request_inbound(serving->request)->path);
  if (observer->peer == NULL) {
    acoap__free(observer);
    return NULL;
  }
  observer->target = take_target(serving);
  if (observer->target == NULL) {
    give_peer(server, observer->peer);
    acoap__free(observer);
    return NULL;
  }
  observer->key = acoap__key_make(server, serving->request, ACOAP__KEY_PEER | ACOAP__KEY_PAYLOAD);
  observer->request = acoap_request_ref(serving->request);
  observer->seen = serving->observe_since;
  observer->content_format =
      answer->code == ACOAP_CODE_VALID ? ACOAP__FORMAT_UNTOLD : acoap__content_format_of(answer);
  observer->confirmed = acoap__server_now(server);
  observer->sent = observer->confirmed;
  acoap__list_append(&observer->target->observers, &observer->node);
  acoap__list_append(&observer->peer->observers, &observer->peer_node);
  acoap__map_insert(&observers->by_token, &observer->token_node,
                    token_hash(server, serving->request));
  acoap__map_insert(&observers->by_target, &observer->target_node, observer->key.low);
  observers->count++;
  serving->resource->observer_count++;
  serving->observer = observer;
  return observer;
}

/* Put it into the lists; false: it is a plain request after all. */
static bool enter(acoap__serving_t *serving, const acoap_view_t *answer) {
  acoap_server_t *server = serving->server;
  acoap__observer_t *older;
  bool renewed = false;
  /* By token, then by target: two entries may be meant. */
  while ((older = find_older(serving)) != NULL) {
    acoap__observer_end(older, true);
    renewed = true;
  }
  if ((!renewed && !may_register(server, acoap__request_inbound(serving->request)->path)) ||
      !make_tables(server->observers)) {
    return false;
  }
  acoap__observer_t *observer = observer_new(serving, answer);
  if (observer == NULL) {
    return false;
  }
  /* The state that is sent may have been read before a change that nobody was told of. */
  if (serving->resource->changed > observer->seen) {
    observer->target->changed = serving->resource->changed;
    acoap__target_mark(observer->target);
  }
  return true;
}

void acoap__observe_answer(acoap__serving_t *serving, acoap_builder_t *builder) {
  acoap_view_t answer;
  if (!serving->observe) {
    return;
  }
  serving->observe = false;
  acoap_builder_view(builder, &answer);
  bool possible = acoap_code_is_success(answer.code) && serving->server != NULL &&
                  serving->resource != NULL && serving->resource->server != NULL;
  if (possible && enter(serving, &answer)) {
    acoap_builder_remove(builder, ACOAP_OPTION_OBSERVE);
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, acoap__observe_number(serving->server));
    return;
  }
  if (possible) {
    serving->server->stats.observers_refused++;
  }
  forget_same_token(serving);
}

void acoap__observe_answered(acoap__serving_t *serving) {
  if (serving->observe) { /* nobody asked for an entry: it was no success */
    serving->observe = false;
    forget_same_token(serving);
  } else if (serving->observer != NULL && !acoap__request_is_observation(serving->request)) {
    acoap__observer_end(serving->observer, false);
  }
}

void acoap__observe_delivered(acoap_request_t *request, int status) {
  acoap__serving_t *serving = acoap__serving_of(request);
  acoap__observer_t *observer = serving != NULL ? serving->observer : NULL;
  if (observer == NULL) {
    return;
  }
  if (status != 0) {
    /* Section 4.5: a RST, or no acknowledgement in time. */
    observer->target->server->stats.observers_ended += status != ACOAP_ECANCELED ? 1 : 0;
    acoap__observer_end(observer, true);
    return;
  }
  observer->acknowledged = true;
  observer->confirmed = acoap__server_now(observer->target->server);
  acoap__notify_owed(observer);
}

/* Whoever is sent to may end registrations, too. */
void acoap__target_end(acoap__target_t *target, uint8_t code) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&target->observers)) != NULL) {
    acoap__observer_t *observer = ACOAP__CONTAINER(node, acoap__observer_t, node);
    acoap_request_t *request = acoap_request_ref(observer->request);
    if (code != 0) {
      acoap__notify_farewell(observer, code);
    }
    const acoap__serving_t *serving = acoap__serving_of(request);
    if (serving->observer == observer) {
      acoap__observer_end(observer, code == 0);
    }
    acoap_request_unref(request);
  }
}

void acoap__observe_end(acoap_resource_t *resource, uint8_t code) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&resource->observers)) != NULL) {
    acoap__target_t *target = ACOAP__CONTAINER(node, acoap__target_t, node);
    acoap__list_remove(node);
    acoap__target_hold(target);
    acoap__target_end(target, code);
    target->resource = NULL;
    acoap__target_release(target);
  }
}
