/*
 * Making a local endpoint (RFC 7252 section 1.2), bottom-up in one constructor: options with their
 * defaults, host, memory, engine, sockets, waker, start. Every step that fails undoes those before
 * it, so that on failure nothing was taken. Sends and receives nothing.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

#include <string.h>

#include "base/mem.h"

/* RFC 7252 section 4.6: a message that fits one datagram everywhere. */
#define MESSAGE_MAX_DEFAULT 1152
/* Below that not even a small request with a token and a path has room; above, UDP has no
 * datagrams. */
#define MESSAGE_MAX_LEAST 64
#define MESSAGE_MAX_MOST 65507
#define REQUESTS_OPEN_DEFAULT 4096
/* acoap_path_t counts sockets in 16 bits. */
#define SOCKETS_MOST 4096

/* The rooms above call the engine themselves, also outside a turn. */
static void engine_wake_changed(void *user_data) {
  acoap__endpoint_touch(user_data);
}

static const acoap__engine_events_t engine_events = {
    .transmit = acoap__endpoint_transmit,
    .request = acoap__endpoint_request,
    .wake_changed = engine_wake_changed,
    .ids_exhausted = acoap__log_ids_exhausted,
    .stray_reset = acoap__endpoint_stray_reset,
};

static void draw_entropy(void *user_data, uint8_t *bytes, size_t len) {
  acoap_host_t *host = user_data;
  host->ops->entropy(host, bytes, len);
}

static bool options_are_sound(struct uv_loop_s *loop,
                              const acoap_local_endpoint_options_t *options) {
  if (loop == NULL && (options->host == NULL || options->socket_count == 0)) {
    return false;
  }
  if ((options->bind_count > 0 && options->bind == NULL) ||
      (options->socket_count > 0 && options->sockets == NULL)) {
    return false;
  }
  /* What describes UDP sockets means nothing for sockets that are there already. */
  if (options->socket_count > 0 &&
      (options->bind_count > 0 || options->source_ports > 0 || options->reuse_port)) {
    return false;
  }
  if (options->bind_count > SOCKETS_MOST || options->socket_count > SOCKETS_MOST ||
      options->source_ports > SOCKETS_MOST) {
    return false;
  }
  if (options->message_max_bytes != 0 && (options->message_max_bytes < MESSAGE_MAX_LEAST ||
                                          options->message_max_bytes > MESSAGE_MAX_MOST)) {
    return false;
  }
  return options->token_max <= ACOAP_TOKEN_EXTENDED_MAX;
}

static int engine_new(acoap_local_endpoint_t *endpoint,
                      const acoap_local_endpoint_options_t *options) {
  acoap__engine_config_t config;
  memset(&config, 0, sizeof(config));
  if (options->params != NULL) {
    int status = acoap_params_check(options->params);
    if (status != 0) {
      return status;
    }
    config.params = *options->params;
  } else {
    acoap_params_init(&config.params);
  }
  config.token_max = options->token_max;
  config.peers = options->peers;
  config.dedup_con = options->dedup_con;
  config.dedup_non = options->dedup_non;
  config.reply_bytes = options->reply_bytes;
  config.queue_per_peer = options->queue_per_peer;
  config.strict_message_id = options->strict_message_id;
  config.round_trips = true;
  size_t len = acoap__engine_memory(&config);
  if (len == 0) {
    return ACOAP_EINVAL;
  }
  endpoint->engine_memory = acoap__malloc(len);
  if (endpoint->engine_memory == NULL) {
    return ACOAP_ENOMEM;
  }
  return acoap__engine_init(&endpoint->engine, &config, endpoint->engine_memory, len,
                            &endpoint->random, &endpoint->log, &engine_events, endpoint);
}

static void init_fields(acoap_local_endpoint_t *endpoint,
                        const acoap_local_endpoint_options_t *options) {
  endpoint->refs = 1;
  endpoint->turn = 1; /* 0 is none */
  endpoint->referenced = true;
  endpoint->message_max =
      options->message_max_bytes != 0 ? options->message_max_bytes : MESSAGE_MAX_DEFAULT;
  endpoint->requests_open_max =
      options->requests_open_max != 0 ? options->requests_open_max : REQUESTS_OPEN_DEFAULT;
  acoap__timer_queue_init(&endpoint->timers);
  acoap__list_init(&endpoint->deferred);
  acoap__list_init(&endpoint->users);
  acoap__groups_init(endpoint);
  acoap__list_init(&endpoint->authorities);
}

/* Everything but host, sockets and waker. */
static int insides_new(acoap_local_endpoint_t *endpoint,
                       const acoap_local_endpoint_options_t *options) {
  acoap__random_init(&endpoint->random, draw_entropy, endpoint->host);
  endpoint->source_turn = acoap__random_u32(&endpoint->random);
  endpoint->reply_bytes = acoap__malloc(endpoint->message_max);
  if (endpoint->reply_bytes == NULL) {
    return ACOAP_ENOMEM;
  }
  int status = acoap__posts_new(&endpoint->posts);
  return status == 0 ? engine_new(endpoint, options) : status;
}

static void waker_gone(void *user_data) {
  acoap_host_t *host = user_data;
  if (host != NULL) {
    host->ops->unref(host);
  }
}

static bool any_socket_refreshes(const acoap_local_endpoint_t *endpoint) {
  for (size_t i = 0; i < endpoint->socket_count; i++) {
    if (ACOAP__SOCKET_OP(endpoint->sockets[i].socket, refresh)) {
      return true;
    }
  }
  return false;
}

/* With host and struct at hand: the rest of the constructor. own_host: made here, to be given up on
 * failure. */
static int assemble(acoap_local_endpoint_t *endpoint, struct uv_loop_s *loop,
                    const acoap_local_endpoint_options_t *options, acoap_host_t *own_host) {
  int status = insides_new(endpoint, options);
  if (status != 0) {
    goto fail_insides;
  }
  status = acoap__sockets_open(endpoint, loop, options);
  if (status != 0) {
    goto fail_insides;
  }
  status = endpoint->host->ops->waker_new(endpoint->host, acoap__endpoint_wake, endpoint,
                                          &endpoint->waker);
  if (status != 0) {
    goto fail_sockets;
  }
  status = acoap__sockets_start(endpoint);
  if (status != 0) {
    goto fail_waker;
  }
  if (any_socket_refreshes(endpoint)) {
    acoap__interfaces_watch(endpoint);
  }
  acoap__endpoint_touch(endpoint);
  return 0;

fail_waker:
  /* The host has to last until its waker is closed. */
  endpoint->host->ops->waker_close(endpoint->waker, waker_gone, own_host);
  own_host = NULL;
fail_sockets:
  acoap__sockets_drop(endpoint, options);
fail_insides:
  acoap__endpoint_free_insides(endpoint);
  acoap__local_endpoint_release(endpoint);
  waker_gone(own_host);
  return status;
}

int acoap_local_endpoint_new(struct uv_loop_s *loop, const acoap_local_endpoint_options_t *given,
                             acoap_local_endpoint_t **endpoint) {
  acoap_local_endpoint_options_t options;
  memset(&options, 0, sizeof(options));
  if (endpoint == NULL || (given != NULL && given->size < sizeof(given->size))) {
    return ACOAP_EINVAL;
  }
  if (given != NULL) {
    memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
  }
  if (!options_are_sound(loop, &options)) {
    return ACOAP_EINVAL;
  }
  acoap_host_t *own_host = NULL;
  if (options.host == NULL) {
    int status = acoap_uv_host_new(loop, &own_host);
    if (status != 0) {
      return status;
    }
  }
  acoap_local_endpoint_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    waker_gone(own_host);
    return ACOAP_ENOMEM;
  }
  made->host = own_host != NULL ? own_host : options.host;
  init_fields(made, &options);
  int status = assemble(made, loop, &options, own_host);
  if (status == 0) {
    *endpoint = made;
  }
  return status;
}
