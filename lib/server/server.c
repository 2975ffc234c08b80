/*
 * The server of a local endpoint: made of its parts, told when the endpoint closes, freed when its
 * owner says so and no callback of the application is running in it. The rule: what
 * acoap_server_new made is freed in reverse; requests that handlers keep lose their server and stay
 * answerable. Looks at no request itself (dispatch.c).
 * Reference: RFC 7252 section 5.
 * SPDX-License-Identifier: MIT
 */
#include "server/server.h"

#include <string.h>

#include "base/mem.h"

/* ---- options --------------------------------------------------------------------------------- */

#define BLOCK_SIZE_DEFAULT 1024
#define BODY_MAX_DEFAULT (1u << 20)
#define BODIES_MAX_DEFAULT (8u << 20)
#define TRANSFERS_DEFAULT 256
#define TRANSFERS_PER_PEER_DEFAULT 16
#define OBSERVERS_DEFAULT 4096
#define OBSERVERS_PER_PEER_DEFAULT 64
#define SLOW_MS_DEFAULT 100
#define AMPLIFICATION_FACTOR_DEFAULT 3
#define ADDRESSES_DEFAULT 4096
#define THROTTLE_PERCENT_DEFAULT 75
#define SHED_PERCENT_DEFAULT 90
#define HYSTERESIS_PERCENT_DEFAULT 10
#define RETRY_S_DEFAULT 5

static void default_u32(uint32_t *option, uint32_t value) {
  if (*option == 0) {
    *option = value;
  }
}

static void default_size(size_t *option, size_t value) {
  if (*option == 0) {
    *option = value;
  }
}

static void fill_in_defaults(acoap_server_options_t *options, acoap_local_endpoint_t *endpoint) {
  const acoap_params_t *params = acoap__local_endpoint_engine(endpoint)->config.params;
  default_size(&options->block_size, BLOCK_SIZE_DEFAULT);
  default_size(&options->body_max_bytes, BODY_MAX_DEFAULT);
  default_size(&options->bodies_max_bytes, BODIES_MAX_DEFAULT);
  default_u32(&options->transfers_max, TRANSFERS_DEFAULT);
  default_u32(&options->transfers_per_peer, TRANSFERS_PER_PEER_DEFAULT);
  default_u32(&options->transfer_timeout_ms, acoap_params_exchange_lifetime_ms(params));
  default_u32(&options->observers_max, OBSERVERS_DEFAULT);
  default_u32(&options->observers_per_peer, OBSERVERS_PER_PEER_DEFAULT);
  default_u32(&options->slow_ms, SLOW_MS_DEFAULT);
  default_u32(&options->amplification_factor, AMPLIFICATION_FACTOR_DEFAULT);
  default_u32(&options->addresses_max, ADDRESSES_DEFAULT);
  default_u32(&options->rate_burst,
              options->rate_per_s <= UINT32_MAX / 2 ? 2 * options->rate_per_s : UINT32_MAX);
  default_u32(&options->throttle_percent, THROTTLE_PERCENT_DEFAULT);
  default_u32(&options->shed_percent, SHED_PERCENT_DEFAULT);
  default_u32(&options->hysteresis_percent, HYSTERESIS_PERCENT_DEFAULT);
  default_u32(&options->retry_s, RETRY_S_DEFAULT);
}

/* The copy that is kept; false: what was given is out of its range. */
static bool copy_qblock_params(acoap_qblock_params_t *params, acoap_server_options_t *options,
                               acoap_local_endpoint_t *endpoint) {
  if (options->qblock_params != NULL) {
    if (acoap_qblock_params_check(options->qblock_params) != 0) {
      return false;
    }
    *params = *options->qblock_params;
    options->qblock_params = NULL;
    return true;
  }
  acoap_qblock_params_init(params, acoap__local_endpoint_engine(endpoint)->config.params);
  return true;
}

static bool options_are_sound(const acoap_server_options_t *options) {
  return acoap_block_szx(options->block_size) >= 0 && options->shed_percent <= 100 &&
         options->throttle_percent <= options->shed_percent &&
         options->hysteresis_percent < options->throttle_percent &&
         (unsigned)options->amplification <= ACOAP_AMPLIFICATION_ON &&
         (unsigned)options->shedding <= ACOAP_SHED_RESET &&
         (unsigned)options->qblock <= ACOAP_QBLOCK_OFF;
}

/* ---- life ------------------------------------------------------------------------------------ */

int acoap__server_fail(acoap_server_t *server, int status) {
  if (server != NULL && server->status == 0) {
    server->status = status;
  }
  return status;
}

acoap_time_t acoap__server_now(const acoap_server_t *server) {
  return server->closed ? server->closed_at : acoap__local_endpoint_now(server->endpoint);
}

acoap_time_t acoap__server_recent(const acoap_server_t *server) {
  return server->closed ? server->closed_at : acoap__local_endpoint_recent(server->endpoint);
}

/* Observers and transfers of every resource end; what is told of it may add and remove some. */
static void end_resources(acoap_server_t *server) {
  acoap__list_t list;
  acoap__list_t *node;
  acoap__list_init(&list);
  acoap__list_take(&server->resources, &list);
  while ((node = acoap__list_first(&list)) != NULL) {
    acoap_resource_t *resource =
        acoap__resource_ref(ACOAP__CONTAINER(node, acoap_resource_t, node));
    acoap__list_remove(node);
    acoap__list_append(&server->resources, node);
    acoap__observe_end(resource, 0);
    if (resource->server != NULL) {
      acoap__transfers_end(resource);
    }
    acoap__resource_unref(resource);
  }
}

/* acoap__endpoint_user_t.closing: requests are settled by the endpoint itself. */
static void closing(acoap__endpoint_user_t *user) {
  acoap_server_t *server = ACOAP__CONTAINER(user, acoap_server_t, user);
  acoap__endpoint_user_remove(server->endpoint, &server->user);
  acoap__server_hold(server);
  server->closed_at = acoap__local_endpoint_now(server->endpoint);
  end_resources(server);
  server->closed = true;
  acoap__server_release(server);
}

static void free_servings(acoap_server_t *server) {
  while (server->free_servings != NULL) {
    acoap__serving_t *serving = server->free_servings;
    server->free_servings = serving->next_free;
    acoap__free(serving);
  }
}

/* Memory and parts; nobody is inside any more. */
static void server_free(acoap_server_t *server) {
  acoap__protection_free(server);
  acoap__observers_free(server);
  acoap__transfers_free(server);
  acoap__tree_free(server);
  free_servings(server);
  acoap__local_endpoint_release(server->endpoint);
  acoap__free(server);
}

void acoap__server_hold(acoap_server_t *server) {
  server->holds++;
}

void acoap__server_release(acoap_server_t *server) {
  if (--server->holds == 0 && server->freed) {
    server_free(server);
  }
}

static acoap_server_t *server_alloc(acoap_local_endpoint_t *endpoint,
                                    const acoap_server_options_t *options) {
  acoap_server_t *server = acoap__calloc(1, sizeof(*server));
  if (server == NULL) {
    return NULL;
  }
  server->options = *options;
  server->slow_after = options->slow_ms == UINT32_MAX ? INT64_MAX : (acoap_time_t)options->slow_ms;
  server->user.closing = closing;
  server->holds = 1;
  acoap__list_init(&server->resources);
  acoap__list_init(&server->open);
  acoap__random_bytes(acoap__local_endpoint_engine(endpoint)->random, server->hash_key,
                      sizeof(server->hash_key));
  return server;
}

/* The parts, bottom-up; on failure none is left. */
static int parts_new(acoap_server_t *server) {
  int status = acoap__tree_new(server);
  if (status != 0) {
    return status;
  }
  status = acoap__transfers_new(server);
  if (status != 0) {
    goto fail_tree;
  }
  status = acoap__observers_new(server);
  if (status != 0) {
    goto fail_transfers;
  }
  status = acoap__protection_new(server);
  if (status != 0) {
    goto fail_observers;
  }
  status = acoap__well_known_new(server);
  if (status != 0) {
    goto fail_protection;
  }
  return 0;

fail_protection:
  acoap__resources_free(server);
  acoap__protection_free(server);
fail_observers:
  acoap__observers_free(server);
fail_transfers:
  acoap__transfers_free(server);
fail_tree:
  acoap__tree_free(server);
  return status;
}

int acoap_server_new(acoap_local_endpoint_t *endpoint, const acoap_server_options_t *given,
                     acoap_server_t **made) {
  acoap_server_options_t options;
  acoap_qblock_params_t qblock_params;
  memset(&options, 0, sizeof(options));
  if (endpoint == NULL || made == NULL || (given != NULL && given->size < sizeof(given->size))) {
    return ACOAP_EINVAL;
  }
  if (given != NULL) {
    memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
  }
  if (acoap__local_endpoint_receiver(endpoint) == acoap__dispatch) {
    return ACOAP_EBUSY;
  }
  acoap__endpoint_user_t probe;
  int status = acoap__endpoint_user_add(endpoint, &probe, false);
  if (status != 0) {
    return status;
  }
  acoap__endpoint_user_remove(endpoint, &probe);
  fill_in_defaults(&options, endpoint);
  if (!options_are_sound(&options) || !copy_qblock_params(&qblock_params, &options, endpoint)) {
    return ACOAP_EINVAL;
  }
  acoap_server_t *server = server_alloc(endpoint, &options);
  if (server == NULL) {
    return ACOAP_ENOMEM;
  }
  server->qblock_params = qblock_params;
  server->endpoint = acoap__local_endpoint_hold(endpoint);
  status = parts_new(server);
  if (status != 0) {
    acoap__local_endpoint_release(endpoint);
    acoap__free(server);
    return status;
  }
  (void)acoap__endpoint_user_add(endpoint, &server->user, false);
  acoap_local_endpoint_receive(endpoint, acoap__dispatch, server);
  *made = server;
  return 0;
}

void acoap_server_free(acoap_server_t *server) {
  acoap__list_t *node;
  if (server == NULL || server->freed) {
    return;
  }
  server->freed = true;
  acoap__endpoint_user_remove(server->endpoint, &server->user);
  if (acoap__local_endpoint_receiver(server->endpoint) == acoap__dispatch) {
    acoap_local_endpoint_receive(server->endpoint, NULL, NULL);
  }
  end_resources(server);
  acoap__resources_free(server);
  while ((node = acoap__list_first(&server->open)) != NULL) {
    acoap__serving_detach(ACOAP__CONTAINER(node, acoap__serving_t, node));
  }
  acoap__server_release(server);
}

/* ---- what it is asked ------------------------------------------------------------------------ */

int acoap_server_status(acoap_server_t *server) {
  if (server == NULL) {
    return ACOAP_EINVAL;
  }
  int status = server->status;
  server->status = 0;
  return status;
}

acoap_local_endpoint_t *acoap_server_endpoint(const acoap_server_t *server) {
  return server != NULL && !server->closed ? server->endpoint : NULL;
}

int acoap_server_on_default(acoap_server_t *server, acoap_request_cb handler, void *user_data) {
  if (server == NULL) {
    return ACOAP_EINVAL;
  }
  server->fallback = (acoap__handler_t){0, handler, user_data};
  return 0;
}

int acoap_server_stats(const acoap_server_t *server, acoap_server_stats_t *stats) {
  if (server == NULL || stats == NULL || stats->size < sizeof(stats->size)) {
    return ACOAP_EINVAL;
  }
  acoap_server_stats_t now = server->stats;
  size_t size = stats->size < sizeof(now) ? stats->size : sizeof(now);
  now.size = stats->size;
  now.resources = server->resource_count;
  acoap__transfers_fill(server, &now);
  acoap__observers_fill(server, &now);
  acoap__protection_fill(server, &now);
  memcpy(stats, &now, size);
  return 0;
}
