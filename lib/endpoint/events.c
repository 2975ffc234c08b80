/*
 * What an endpoint tells its embedder: events, the log sink, the message tap, its counters and what
 * it knows of a peer. Changes nothing of how it works.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

#include <string.h>

acoap__engine_t *acoap__local_endpoint_engine(acoap_local_endpoint_t *endpoint) {
  return &endpoint->engine;
}

const acoap__log_t *acoap__local_endpoint_log(acoap_local_endpoint_t *endpoint) {
  return &endpoint->log;
}

acoap_host_t *acoap__local_endpoint_host(acoap_local_endpoint_t *endpoint) {
  return endpoint->host;
}

void acoap__local_endpoint_event(acoap_local_endpoint_t *endpoint, const acoap_event_t *event) {
  if (endpoint->on_event != NULL) {
    endpoint->on_event(endpoint->event_data, event);
  }
}

void acoap_local_endpoint_on_event(acoap_local_endpoint_t *endpoint, acoap_event_cb on_event,
                                   void *user_data) {
  if (endpoint == NULL) {
    return;
  }
  endpoint->on_event = on_event;
  endpoint->event_data = user_data;
  if (on_event != NULL && endpoint->state == ACOAP__ENDPOINT_OPEN) {
    acoap__interfaces_watch(endpoint);
  }
}

void acoap_local_endpoint_set_log(acoap_local_endpoint_t *endpoint, acoap_log_level_t level,
                                  acoap_log_cb sink, void *user_data) {
  if (endpoint != NULL) {
    endpoint->log.level = level;
    endpoint->log.sink = sink;
    endpoint->log.user_data = user_data;
  }
}

void acoap_local_endpoint_set_tap(acoap_local_endpoint_t *endpoint, acoap_tap_cb tap,
                                  void *user_data) {
  if (endpoint != NULL) {
    endpoint->tap = tap;
    endpoint->tap_data = user_data;
  }
}

int acoap_local_endpoint_address(const acoap_local_endpoint_t *endpoint, size_t n,
                                 acoap_address_t *address) {
  if (endpoint == NULL || address == NULL || n >= endpoint->socket_count ||
      endpoint->sockets[n].socket == NULL) {
    return ACOAP_EINVAL;
  }
  acoap_socket_t *socket = endpoint->sockets[n].socket;
  return socket->ops->local_address(socket, address);
}

int acoap_local_endpoint_stats(const acoap_local_endpoint_t *endpoint, acoap_stats_t *stats) {
  if (endpoint == NULL || stats == NULL || stats->size < sizeof(stats->size)) {
    return ACOAP_EINVAL;
  }
  size_t size = stats->size < sizeof(*stats) ? stats->size : sizeof(*stats);
  size_t head = sizeof(stats->size);
  memcpy((uint8_t *)stats + head, (const uint8_t *)&endpoint->engine.stats + head, size - head);
  return 0;
}

int acoap_local_endpoint_peer_state(const acoap_local_endpoint_t *endpoint,
                                    const acoap_address_t *peer, acoap_peer_state_t *state) {
  if (endpoint == NULL || peer == NULL || state == NULL) {
    return ACOAP_EINVAL;
  }
  acoap_peer_state_t sum = {0, 0, 0};
  bool known = false;
  for (size_t i = 0; i < endpoint->socket_count && endpoint->state < ACOAP__ENDPOINT_HANDLES; i++) {
    acoap__peer_info_t info;
    acoap_path_t path;
    memset(&path, 0, sizeof(path));
    path.peer = *peer;
    path.socket = endpoint->sockets[i].number;
    if (acoap__engine_peer_info(&endpoint->engine, &path, &info)) {
      known = true;
      sum.outstanding += info.outstanding;
      sum.queued += info.queued;
      sum.rto_ms = info.rto_ms > sum.rto_ms ? info.rto_ms : sum.rto_ms;
    }
  }
  if (!known) {
    return ACOAP_ENOTFOUND;
  }
  *state = sum;
  return 0;
}

void acoap__local_endpoint_on_answered(acoap_local_endpoint_t *endpoint,
                                       acoap__answered_cb on_answered, void *user_data) {
  if (on_answered == NULL && endpoint->answered_data != user_data) {
    return; /* somebody else is told by now */
  }
  endpoint->on_answered = on_answered;
  endpoint->answered_data = user_data;
}

void acoap__local_endpoint_on_stray_reset(acoap_local_endpoint_t *endpoint,
                                          acoap__stray_reset_cb on_stray_reset, void *user_data) {
  if (on_stray_reset == NULL && endpoint->stray_reset_data != user_data) {
    return; /* somebody else is told by now */
  }
  endpoint->on_stray_reset = on_stray_reset;
  endpoint->stray_reset_data = user_data;
}

void acoap__endpoint_stray_reset(void *user_data, const acoap_path_t *path, uint16_t message_id) {
  acoap_local_endpoint_t *endpoint = user_data;
  if (endpoint->on_stray_reset != NULL && endpoint->state == ACOAP__ENDPOINT_OPEN) {
    endpoint->on_stray_reset(endpoint->stray_reset_data, path, message_id);
  }
}

void acoap__local_endpoint_answered(acoap_local_endpoint_t *endpoint,
                                    const acoap_address_t *address) {
  if (endpoint->on_answered != NULL) {
    endpoint->on_answered(endpoint->answered_data, address);
  }
}
