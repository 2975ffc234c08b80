/*
 * A server's protection as a whole: who may go on to be served (RFC 7252 section 11.3, RFC 8516),
 * and what the parts share. Decided for each request before anything is allocated for it:
 *
 *     rate of its network   4.29 with Max-Age retry_s
 *     shedding              5.03 with Max-Age retry_s, or as options.shedding says:
 *                           a RST for a CON, silence for a NON
 *     came by multicast     silence in both cases (RFC 7252 section 8.2)
 *
 * Memory of a server, at most, in bytes; whatever peers cause is in a term with a bound. Sizes are
 * those of a 64-bit machine; D is a datagram (at most datagram_max_bytes of the socket, 2048), M
 * the endpoint's message_max_bytes (1152):
 *
 *     request    R = 1400 + D            request, serving, message, buffer
 *     requests   requests_open_max * (R + M)
 *     addresses  120 + addresses_max * (96 + 8)               taken at the start, address.c
 *     bodies     bodies_max_bytes + transfers_max * (450 + M) transfer, holder, tables
 *     observers  observers_max * (540 + R + 2 * M)            observer, target, peer, tables
 *     engine     acoap__engine_memory(), 5.6 MB by default    taken at the start: peers,
 *                deduplication, stored replies
 *     resources  what the application made; no peer can add to it
 *
 * The 2 M of an observer are the notification on its way and the newest one behind it, those of the
 * others what was built of the answer. A few objects of each kind are kept for reuse. A test has
 * 100,000 addresses do their worst and counts (test/flow/server_hostile_test.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include "server/protection.h"

#include "base/mem.h"

/* acoap__answered_cb */
static void answered(void *user_data, const acoap_address_t *address) {
  const acoap_server_t *server = user_data;
  (void)acoap__addresses_verify(server->protection->addresses, acoap__server_now(server), address);
}

int acoap__protection_new(acoap_server_t *server) {
  const acoap_server_options_t *options = &server->options;
  if (options->addresses_max > ACOAP__ADDRESSES_MOST) {
    return ACOAP_EINVAL;
  }
  struct acoap__protection *protection = acoap__calloc(1, sizeof(*protection));
  if (protection == NULL) {
    return ACOAP_ENOMEM;
  }
  acoap__engine_t *engine = acoap__local_endpoint_engine(server->endpoint);
  acoap__random_bytes(engine->random, protection->echo_key, sizeof(protection->echo_key));
  if (options->rate_per_s > 0 || options->amplification != ACOAP_AMPLIFICATION_OFF) {
    protection->addresses = acoap__addresses_new(options->addresses_max, server->hash_key);
    if (protection->addresses == NULL) {
      acoap__free(protection);
      return ACOAP_ENOMEM;
    }
    acoap__local_endpoint_on_answered(server->endpoint, answered, server);
  }
  server->protection = protection;
  acoap__load_init(server);
  return 0;
}

void acoap__protection_free(acoap_server_t *server) {
  if (server->protection != NULL) {
    acoap__local_endpoint_on_answered(server->endpoint, NULL, server);
    acoap__free(server->protection->addresses);
    acoap__free(server->protection);
    server->protection = NULL;
  }
}

void acoap__protection_fill(const acoap_server_t *server, acoap_server_stats_t *stats) {
  const struct acoap__protection *protection = server->protection;
  stats->load = acoap__load_level(server, 0);
  if (protection->addresses != NULL) {
    stats->addresses = protection->addresses->used;
    stats->addresses_evicted = protection->addresses->evicted;
  }
}

/* ---- who may go on --------------------------------------------------------------------------- */

static bool is_too_fast(acoap_server_t *server, const acoap_address_t *peer) {
  const acoap_server_options_t *options = &server->options;
  acoap_address_t network = acoap__address_network(peer);
  acoap__address_t *address = acoap__addresses_use(server->protection->addresses, &network);
  return !acoap__rate_take(address, acoap__server_recent(server), options->rate_per_s,
                           options->rate_burst);
}

static int shed(acoap_server_t *server, const acoap__inbound_t *inbound) {
  server->stats.shed++;
  if (inbound->path->multicast) {
    return ACOAP_ECANCELED;
  }
  if (server->options.shedding == ACOAP_SHED_UNAVAILABLE) {
    return ACOAP_CODE_SERVICE_UNAVAILABLE;
  }
  return inbound->type == ACOAP_CON ? ACOAP_ERESET : ACOAP_ECANCELED;
}

int acoap__protect_admit(acoap_server_t *server, acoap_request_t *request) {
  const acoap__inbound_t *inbound = acoap__request_inbound(request);
  if (server->options.rate_per_s > 0 && is_too_fast(server, &inbound->path->peer)) {
    server->stats.rate_refused++;
    return inbound->path->multicast ? ACOAP_ECANCELED : ACOAP_CODE_TOO_MANY_REQUESTS;
  }
  if (!acoap__load_stays_normal(server, 1) && acoap__load_level(server, 1) == ACOAP_LOAD_SHEDDING) {
    return shed(server, inbound);
  }
  return 0;
}
