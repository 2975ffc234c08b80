/*
 * A request to a group leaves on every path: each group address of the remote endpoint on each
 * interface that can multicast (RFC 7252 section 8.1).
 *
 * The rule: a path that cannot be sent on is an event, not a failure, unless there is no other:
 * ACOAP_ENONET. All paths share one interaction and token; answers are told apart by their source.
 * SPDX-License-Identifier: MIT
 */
#include "client/send.h"

#include "base/mem.h"

/* Paths at once; more interfaces than this stay unasked. */
#define PATHS_MAX 256
/* Addresses of interfaces looked through for a name. */
#define INTERFACES_MAX 64

static void report(acoap__send_t *send, const acoap_path_t *path, int status) {
  acoap_interface_t list[INTERFACES_MAX];
  acoap_event_t event = {
      .kind = ACOAP_EVENT_MULTICAST_FAILED,
      .status = status,
      .address = path->peer,
      .reason = "the request could not leave through this interface",
  };
  acoap_host_t *host = acoap__local_endpoint_host(send->endpoint);
  int count = host->ops->interfaces(host, list, INTERFACES_MAX);
  for (int i = 0; i < count && i < INTERFACES_MAX; i++) {
    if (list[i].index == path->interface && path->interface != 0) {
      event.interface = list[i].name;
    }
  }
  acoap__local_endpoint_event(send->endpoint, &event);
}

/* 0 when it left on this path. */
static int send_on(acoap_exchange_t *exchange, const acoap_path_t *path) {
  acoap_local_endpoint_t *endpoint = exchange->send->endpoint;
  acoap__engine_t *engine = acoap__local_endpoint_engine(endpoint);
  acoap_time_t now = acoap__local_endpoint_now(endpoint);
  acoap__interaction_t *interaction = &exchange->interaction;
  int status;
  if (interaction->open) {
    status = acoap__interaction_repeat(engine, now, interaction, path);
  } else {
    acoap__request_options_t options = acoap__exchange_options(exchange);
    status = acoap__interaction_send(engine, now, interaction, path, exchange->bytes, exchange->len,
                                     exchange->timing.type, &options);
  }
  if (status == 0 && interaction->tx.state == ACOAP__TX_REFUSED) {
    /* The socket's refusal speaks of this path alone: the interaction goes on without it. */
    status = interaction->tx.status;
    acoap__transmission_cancel(engine, now, &interaction->tx);
  }
  return status;
}

int acoap__group_send(acoap_exchange_t *exchange) {
  acoap__send_t *send = exchange->send;
  size_t sent = 0;
  if (exchange->timing.type != ACOAP_NON) {
    return ACOAP_EINVAL; /* RFC 7252 section 8.1 */
  }
  acoap_path_t *paths = acoap__malloc(PATHS_MAX * sizeof(*paths));
  if (paths == NULL) {
    return ACOAP_ENOMEM;
  }
  uint8_t hop_limit = acoap__multicast_hop_limit(send->desc.multicast);
  size_t count = acoap__remote_group_paths(send->remote, hop_limit, paths, PATHS_MAX);
  for (size_t i = 0; i < count && send->phase == ACOAP__SEND_RUNNING; i++) {
    int status = send_on(exchange, &paths[i]);
    if (status < 0) {
      report(send, &paths[i], status);
    } else {
      sent++;
    }
  }
  acoap__free(paths);
  return sent == 0 && send->phase == ACOAP__SEND_RUNNING ? ACOAP_ENONET : 0;
}
