/*
 * The table of block-wise transfers (RFC 7959 sections 2.4 and 2.5) in both directions, bounded in
 * number, per address, in memory and in time. The rules:
 *
 *     forget        unused > transfer_timeout_ms; a finished one after MAX_TRANSMIT_WAIT
 *     make room     finished < begun < followed < verified: the lowest standing goes first, of it
 *                   one of the address that holds most, of that the longest unused
 *     not at all    one with more than one block that was in use within ACK_TIMEOUT *
 *                   ACK_RANDOM_FACTOR: the newcomer is refused then
 *
 * so that a flood of half-open transfers, of one address or of many, only ever replaces itself.
 * One timer serves all, since the longest unused is at the head of its list. Who holds most:
 * holder.c.
 * Knows no blocks (block1.c, block2.c).
 * SPDX-License-Identifier: MIT
 */
#include "server/transfers.h"

#include <string.h>

#include "base/mem.h"
#include "server/qblock.h"

#define BUCKETS_MAX ((size_t)1 << 16)

/* ---- one transfer ---------------------------------------------------------------------------- */

static acoap__list_t *age_list(acoap__transfers_t *transfers, acoap__standing_t standing) {
  return standing == ACOAP__STANDING_FINISHED ? &transfers->finished : &transfers->active;
}

/* Put it at the young end of its lists. */
static void stand(acoap__transfers_t *transfers, acoap__transfer_t *transfer,
                  acoap__standing_t standing) {
  acoap__holder_t *holder = transfer->holder;
  transfer->standing = standing;
  transfer->used = acoap__server_recent(transfers->server);
  acoap__list_append(&holder->transfers[standing], &transfer->in_holder);
  acoap__list_append(age_list(transfers, standing), &transfer->in_age);
  acoap__holder_count(transfers, holder, standing, 1);
  transfers->finished_count += standing == ACOAP__STANDING_FINISHED ? 1 : 0;
}

static void unstand(acoap__transfers_t *transfers, acoap__transfer_t *transfer) {
  acoap__list_remove(&transfer->in_holder);
  acoap__list_remove(&transfer->in_age);
  acoap__holder_count(transfers, transfer->holder, transfer->standing, -1);
  transfers->finished_count -= transfer->standing == ACOAP__STANDING_FINISHED ? 1 : 0;
}

void acoap__transfer_charge(acoap__transfers_t *transfers, acoap__transfer_t *transfer,
                            size_t bytes) {
  acoap__holder_t *holder = transfer->holder;
  acoap__holder_bytes(transfers, holder, holder->bytes - transfer->bytes + bytes);
  transfer->bytes = bytes;
}

/* Out of the table, and everything that it has goes. */
static void transfer_free(acoap__transfers_t *transfers, acoap__transfer_t *transfer, int status) {
  acoap__holder_t *holder = transfer->holder;
  acoap_upload_t *upload = transfer->upload;
  acoap_resource_t *resource = transfer->resource;
  acoap__transfer_charge(transfers, transfer, 0);
  unstand(transfers, transfer);
  acoap__map_remove(&transfers->by_key, &transfer->by_key);
  acoap__map_remove(&transfers->by_bare, &transfer->by_bare);
  holder->total--;
  transfers->count--;
  acoap__holder_drop_empty(transfers, holder);
  /* What is being sent of the body may wait for it. */
  acoap__qsend_free(transfer->qsend);
  if (transfer->body != NULL) {
    size_t cost = acoap__body_cost(transfer->body);
    if (acoap__body_unkeep(transfer->body)) {
      acoap__transfers_give_back(transfers, cost);
    }
  }
  acoap__qreceive_free(transfer->qreceive);
  acoap__free(transfer->options);
  acoap__free(transfer);
  if (upload != NULL) {
    upload->transfer = NULL;
    acoap__upload_end(upload, status);
  }
  acoap__resource_unref(resource);
}

void acoap__transfer_end(acoap_server_t *server, acoap__transfer_t *transfer, int status) {
  if (transfer != NULL) {
    transfer_free(server->transfers, transfer, status);
  }
}

/* ---- finding --------------------------------------------------------------------------------- */

acoap__transfer_t *acoap__transfer_find(const acoap_server_t *server, acoap__transfer_kind_t kind,
                                        const acoap__key_t *key) {
  acoap__map_node_t *node;
  for (node = acoap__map_find(&server->transfers->by_key, key->low); node != NULL;
       node = acoap__map_find_next(node)) {
    acoap__transfer_t *transfer = ACOAP__CONTAINER(node, acoap__transfer_t, by_key);
    if (transfer->kind == kind && acoap__key_equal(&transfer->key, key)) {
      return transfer;
    }
  }
  return NULL;
}

acoap__transfer_t *acoap__transfer_find_bare(const acoap_server_t *server,
                                             const acoap__key_t *bare) {
  acoap__map_node_t *node;
  for (node = acoap__map_find(&server->transfers->by_bare, bare->low); node != NULL;
       node = acoap__map_find_next(node)) {
    acoap__transfer_t *transfer = ACOAP__CONTAINER(node, acoap__transfer_t, by_bare);
    if (acoap__key_equal(&transfer->bare, bare)) {
      return transfer;
    }
  }
  return NULL;
}

void acoap__transfer_unbare(const acoap_server_t *server, acoap__transfer_t *transfer) {
  acoap__map_remove(&server->transfers->by_bare, &transfer->by_bare);
}

/* ---- time ------------------------------------------------------------------------------------ */

static const acoap_params_t *params_of(const acoap__transfers_t *transfers) {
  return acoap__local_endpoint_engine(transfers->server->endpoint)->config.params;
}

static uint32_t lifetime_ms(const acoap__transfers_t *transfers, acoap__standing_t standing) {
  uint32_t timeout_ms = transfers->server->options.transfer_timeout_ms;
  uint32_t linger_ms = acoap_params_max_transmit_wait_ms(params_of(transfers));
  return standing == ACOAP__STANDING_FINISHED && linger_ms < timeout_ms ? linger_ms : timeout_ms;
}

/* Due before the timer? Its being early is harmless, so it is never put off. */
static void arm(acoap__transfers_t *transfers, acoap__standing_t standing) {
  const acoap__list_t *oldest = acoap__list_first(age_list(transfers, standing));
  if (transfers->closed || oldest == NULL) {
    return;
  }
  acoap_time_t at =
      ACOAP__CONTAINER(oldest, acoap__transfer_t, in_age)->used + lifetime_ms(transfers, standing);
  if (!transfers->timer.queued || at < transfers->timer.at) {
    acoap__local_endpoint_timer_set(transfers->server->endpoint, &transfers->timer, at);
  }
}

static void expire(acoap__transfers_t *transfers, acoap__standing_t standing, acoap_time_t now) {
  acoap__list_t *oldest;
  while ((oldest = acoap__list_first(age_list(transfers, standing))) != NULL) {
    acoap__transfer_t *transfer = ACOAP__CONTAINER(oldest, acoap__transfer_t, in_age);
    if (transfer->used + lifetime_ms(transfers, standing) > now) {
      return;
    }
    transfers->server->stats.transfers_expired += standing == ACOAP__STANDING_FINISHED ? 0 : 1;
    transfer_free(transfers, transfer, ACOAP_ETIMEDOUT);
  }
}

/* acoap__timer_cb */
static void timer_fired(acoap__timer_t *timer, acoap_time_t now) {
  acoap__transfers_t *transfers = ACOAP__CONTAINER(timer, acoap__transfers_t, timer);
  acoap_server_t *server = transfers->server;
  acoap__server_hold(server);
  expire(transfers, ACOAP__STANDING_FINISHED, now);
  expire(transfers, ACOAP__STANDING_BEGUN, now);
  if (!server->freed) {
    arm(transfers, ACOAP__STANDING_FINISHED);
    arm(transfers, ACOAP__STANDING_BEGUN);
  }
  acoap__server_release(server);
}

/* ---- room ------------------------------------------------------------------------------------ */

/* May it make room for another? */
static bool may_go(const acoap__transfers_t *transfers, const acoap__transfer_t *transfer) {
  const acoap_params_t *params = params_of(transfers);
  uint64_t busy_ms = (uint64_t)params->ack_timeout_ms * params->ack_random_factor_permille / 1000;
  return transfer->standing <= ACOAP__STANDING_BEGUN ||
         acoap__server_recent(transfers->server) - transfer->used >= (acoap_time_t)busy_ms;
}

/* The longest unused of an address's, the lowest standing first; NULL: none may go. Of those that
 * take memory only, when `heavy`; never `self`. */
static acoap__transfer_t *victim_of(const acoap__transfers_t *transfers,
                                    const acoap__holder_t *holder, bool heavy,
                                    const acoap__transfer_t *self) {
  for (size_t i = 0; i < ACOAP__STANDINGS; i++) {
    const acoap__list_t *list = &holder->transfers[i];
    for (acoap__list_t *node = list->next; node != list; node = node->next) {
      acoap__transfer_t *transfer = ACOAP__CONTAINER(node, acoap__transfer_t, in_holder);
      if (!may_go(transfers, transfer)) {
        break; /* what follows was used later */
      }
      if (transfer != self && (!heavy || transfer->bytes > 0)) {
        return transfer;
      }
    }
  }
  return NULL;
}

/* Any: finished ones, then the lowest standing of who has most of it. */
static acoap__transfer_t *victim_by_count(acoap__transfers_t *transfers) {
  acoap__list_t *oldest = acoap__list_first(&transfers->finished);
  if (oldest != NULL) {
    return ACOAP__CONTAINER(oldest, acoap__transfer_t, in_age);
  }
  for (size_t standing = ACOAP__STANDING_BEGUN; standing < ACOAP__STANDINGS; standing++) {
    for (size_t bucket = ACOAP__BUCKETS; bucket-- > 1;) {
      acoap__list_t *node = acoap__list_first(&transfers->by_count[standing][bucket]);
      if (node == NULL) {
        continue;
      }
      acoap__holder_t *holder =
          (acoap__holder_t *)(void *)((char *)node - offsetof(acoap__holder_t, by_count) -
                                      standing * sizeof(acoap__list_t));
      acoap__transfer_t *transfer = ACOAP__CONTAINER(
          acoap__list_first(&holder->transfers[standing]), acoap__transfer_t, in_holder);
      if (may_go(transfers, transfer)) {
        return transfer;
      }
    }
  }
  oldest = acoap__list_first(&transfers->active);
  if (oldest != NULL && may_go(transfers, ACOAP__CONTAINER(oldest, acoap__transfer_t, in_age))) {
    return ACOAP__CONTAINER(oldest, acoap__transfer_t, in_age);
  }
  return NULL;
}

static acoap__transfer_t *victim_by_bytes(acoap__transfers_t *transfers,
                                          const acoap__transfer_t *self) {
  for (acoap__list_t *node = transfers->finished.next; node != &transfers->finished;
       node = node->next) {
    acoap__transfer_t *transfer = ACOAP__CONTAINER(node, acoap__transfer_t, in_age);
    if (transfer != self && transfer->bytes > 0) {
      return transfer;
    }
  }
  for (size_t bucket = ACOAP__BUCKETS; bucket-- > 1;) {
    acoap__list_t *node = acoap__list_first(&transfers->by_bytes[bucket]);
    if (node != NULL) {
      acoap__transfer_t *transfer =
          victim_of(transfers, ACOAP__CONTAINER(node, acoap__holder_t, by_bytes), true, self);
      if (transfer != NULL) {
        return transfer;
      }
    }
  }
  return NULL;
}

static void evict(acoap__transfers_t *transfers, acoap__transfer_t *transfer) {
  bool finished = transfer->standing == ACOAP__STANDING_FINISHED;
  transfers->server->stats.transfers_evicted += finished ? 0 : 1;
  transfer_free(transfers, transfer, ACOAP_EEXHAUSTED);
}

bool acoap__transfers_reserve(acoap__transfers_t *transfers, size_t bytes,
                              acoap__transfer_t *self) {
  size_t most = transfers->server->options.bodies_max_bytes;
  if (bytes > most) {
    return false;
  }
  while (transfers->bytes > most - bytes) {
    acoap__transfer_t *victim = victim_by_bytes(transfers, self);
    if (victim == NULL) {
      return false;
    }
    evict(transfers, victim);
  }
  transfers->bytes += bytes;
  return true;
}

void acoap__transfers_give_back(acoap__transfers_t *transfers, size_t bytes) {
  transfers->bytes -= bytes;
}

/* ---- beginning, going on --------------------------------------------------------------------- */

static acoap_address_t without_port(const acoap_address_t *peer) {
  acoap_address_t address = *peer;
  address.port = 0;
  return address;
}

/* Room for one more of this address (NULL: it has none yet). */
static bool make_room(acoap__transfers_t *transfers, const acoap_address_t *address) {
  const acoap_server_options_t *options = &transfers->server->options;
  acoap__holder_t *holder = acoap__holder_find(transfers, address);
  if (holder != NULL && holder->total >= options->transfers_per_peer) {
    acoap__transfer_t *victim = victim_of(transfers, holder, false, NULL);
    if (victim == NULL) {
      return false;
    }
    evict(transfers, victim);
  }
  while (transfers->count >= options->transfers_max) {
    acoap__transfer_t *victim = victim_by_count(transfers);
    if (victim == NULL) {
      return false;
    }
    evict(transfers, victim);
  }
  return true;
}

acoap__transfer_t *acoap__transfer_new(const acoap__serving_t *serving, acoap__transfer_kind_t kind,
                                       const acoap__key_t *key, const acoap__key_t *bare) {
  acoap__transfers_t *transfers = serving->server->transfers;
  acoap_address_t address = without_port(&acoap__request_inbound(serving->request)->path->peer);
  if (transfers->closed || !make_room(transfers, &address)) {
    return NULL;
  }
  acoap__holder_t *holder = acoap__holder_find(transfers, &address);
  acoap__transfer_t *transfer = acoap__calloc(1, sizeof(*transfer));
  if (holder == NULL && transfer != NULL) {
    holder = acoap__holder_new(transfers, &address);
  }
  if (transfer == NULL || holder == NULL) {
    acoap__free(transfer);
    return NULL;
  }
  transfer->kind = kind;
  transfer->key = *key;
  transfer->holder = holder;
  transfer->resource = acoap__resource_ref(serving->resource);
  acoap__list_init(&transfer->in_holder);
  acoap__list_init(&transfer->in_age);
  holder->total++;
  transfers->count++;
  acoap__map_insert(&transfers->by_key, &transfer->by_key, key->low);
  if (bare != NULL) {
    transfer->bare = *bare;
    acoap__map_insert(&transfers->by_bare, &transfer->by_bare, bare->low);
  }
  stand(transfers, transfer, ACOAP__STANDING_BEGUN);
  arm(transfers, ACOAP__STANDING_BEGUN);
  return transfer;
}

/* It was used: to the young end of its lists. The timer may ring early, which is harmless. */
static void refresh(acoap__transfers_t *transfers, acoap__transfer_t *transfer) {
  transfer->used = acoap__server_recent(transfers->server);
  acoap__list_remove(&transfer->in_holder);
  acoap__list_append(&transfer->holder->transfers[transfer->standing], &transfer->in_holder);
  acoap__list_remove(&transfer->in_age);
  acoap__list_append(age_list(transfers, transfer->standing), &transfer->in_age);
}

void acoap__transfer_follow(acoap__transfer_t *transfer, const acoap__serving_t *serving) {
  acoap__transfers_t *transfers = serving->server->transfers;
  acoap__standing_t standing =
      serving->verified ? ACOAP__STANDING_VERIFIED : ACOAP__STANDING_FOLLOWED;
  if (transfer->standing == standing) {
    refresh(transfers, transfer);
    return;
  }
  unstand(transfers, transfer);
  stand(transfers, transfer, standing);
  arm(transfers, standing);
}

void acoap__transfer_finish(acoap_server_t *server, acoap__transfer_t *transfer) {
  acoap__transfers_t *transfers = server->transfers;
  unstand(transfers, transfer);
  stand(transfers, transfer, ACOAP__STANDING_FINISHED);
  arm(transfers, ACOAP__STANDING_FINISHED);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Of this resource, or (NULL) all. What they own may call the application when it goes, which may
 * end others: those leave the list at hand by themselves. */
static void end_all(acoap__transfers_t *transfers, const acoap_resource_t *resource, int status) {
  acoap__list_t *lists[] = {&transfers->finished, &transfers->active};
  acoap__list_t ending;
  acoap__list_t *node;
  acoap__list_init(&ending);
  for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
    acoap__list_t *next;
    for (node = lists[i]->next; node != lists[i]; node = next) {
      next = node->next;
      if (resource == NULL ||
          ACOAP__CONTAINER(node, acoap__transfer_t, in_age)->resource == resource) {
        acoap__list_remove(node);
        acoap__list_append(&ending, node);
      }
    }
  }
  while ((node = acoap__list_first(&ending)) != NULL) {
    transfer_free(transfers, ACOAP__CONTAINER(node, acoap__transfer_t, in_age), status);
  }
  acoap__uploads_end(transfers, resource, status);
}

/* acoap__endpoint_user_t.closing */
static void closing(acoap__endpoint_user_t *user) {
  acoap__transfers_t *transfers = ACOAP__CONTAINER(user, acoap__transfers_t, user);
  acoap_server_t *server = transfers->server;
  acoap__endpoint_user_remove(server->endpoint, &transfers->user);
  acoap__local_endpoint_timer_clear(server->endpoint, &transfers->timer);
  transfers->closed = true;
  acoap__server_hold(server);
  end_all(transfers, NULL, ACOAP_ECANCELED);
  acoap__server_release(server);
}

static size_t buckets_for(size_t count) {
  size_t buckets = 16;
  while (buckets < count && buckets < BUCKETS_MAX) {
    buckets *= 2;
  }
  return buckets;
}

int acoap__transfers_new(acoap_server_t *server) {
  size_t count = buckets_for(server->options.transfers_max);
  acoap__transfers_t *transfers = acoap__calloc(1, sizeof(*transfers));
  acoap__map_node_t **buckets = acoap__calloc(3 * count, sizeof(acoap__map_node_t *));
  if (transfers == NULL || buckets == NULL) {
    acoap__free(transfers);
    acoap__free(buckets);
    return ACOAP_ENOMEM;
  }
  transfers->server = server;
  transfers->buckets = buckets;
  acoap__map_init(&transfers->by_key, buckets, count);
  acoap__map_init(&transfers->by_bare, buckets + count, count);
  acoap__map_init(&transfers->by_address, buckets + 2 * count, count);
  acoap__list_init(&transfers->active);
  acoap__list_init(&transfers->finished);
  acoap__list_init(&transfers->uploads);
  for (size_t bucket = 0; bucket < ACOAP__BUCKETS; bucket++) {
    acoap__list_init(&transfers->by_bytes[bucket]);
    for (size_t i = 0; i < ACOAP__STANDINGS; i++) {
      acoap__list_init(&transfers->by_count[i][bucket]);
    }
  }
  acoap__timer_init(&transfers->timer, timer_fired);
  acoap__random_bytes(acoap__local_endpoint_engine(server->endpoint)->random, &transfers->serial,
                      sizeof(transfers->serial));
  transfers->user.closing = closing;
  int status = acoap__endpoint_user_add(server->endpoint, &transfers->user, false);
  if (status != 0) {
    acoap__free(buckets);
    acoap__free(transfers);
    return status;
  }
  server->transfers = transfers;
  return 0;
}

void acoap__transfers_free(acoap_server_t *server) {
  acoap__transfers_t *transfers = server->transfers;
  if (transfers == NULL) {
    return;
  }
  end_all(transfers, NULL, ACOAP_ECANCELED);
  acoap__uploads_orphan(transfers);
  if (!transfers->closed) {
    acoap__endpoint_user_remove(server->endpoint, &transfers->user);
    acoap__local_endpoint_timer_clear(server->endpoint, &transfers->timer);
  }
  acoap__free(transfers->buckets);
  acoap__free(transfers);
  server->transfers = NULL;
}

void acoap__transfers_fill(const acoap_server_t *server, acoap_server_stats_t *stats) {
  const acoap__transfers_t *transfers = server->transfers;
  stats->transfers = transfers->count - transfers->finished_count;
  stats->transfers_bytes = transfers->bytes;
}

void acoap__transfers_end(acoap_resource_t *resource) {
  acoap_server_t *server = resource->server;
  if (server != NULL && server->transfers != NULL) {
    acoap__server_hold(server);
    end_all(server->transfers, resource, ACOAP_ECANCELED);
    acoap__server_release(server);
  }
}
