/*
 * Endpoints, requests and bare sockets on a simulated network. Fails the running test by itself
 * where a helper's own precondition does not hold; asserts nothing about the protocol.
 * SPDX-License-Identifier: MIT
 */
#include "sim_pair.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Long enough for everything that RFC 7252 lets an endpoint wait for. */
#define CLOSE_WITHIN_MS 1000

acoap_address_t sim_address(const char *text) {
  acoap_address_t address;
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &address), 0);
  return address;
}

acoap_local_endpoint_t *sim_endpoint_new(acoap_sim_t *sim, const char *text,
                                         const acoap_local_endpoint_options_t *options) {
  acoap_local_endpoint_options_t own = {.size = sizeof(own)};
  acoap_local_endpoint_t *endpoint = NULL;
  acoap_socket_t *socket = NULL;
  acoap_address_t address = sim_address(text);
  if (options != NULL) {
    own = *options;
  }
  ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &socket), 0);
  own.host = acoap_sim_host(sim);
  own.sockets = &socket;
  own.socket_count = 1;
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &own, &endpoint), 0);
  return endpoint;
}

/* ---- two endpoints --------------------------------------------------------------------------- */

void sim_pair_open(sim_pair_t *pair, uint64_t seed, const acoap_local_endpoint_options_t *options) {
  memset(pair, 0, sizeof(*pair));
  pair->server_address = sim_address(SIM_SERVER);
  pair->client_address = sim_address(SIM_CLIENT);
  ck_assert_int_eq(acoap_sim_new(seed, 1000000, &pair->sim), 0);
  pair->server = sim_endpoint_new(pair->sim, SIM_SERVER, options);
  pair->client = sim_endpoint_new(pair->sim, SIM_CLIENT, options);
}

static void count_closed(void *user_data) {
  sim_pair_t *pair = user_data;
  pair->closed++;
}

void sim_pair_close_one(sim_pair_t *pair, acoap_local_endpoint_t **endpoint) {
  acoap_local_endpoint_close(*endpoint, count_closed, pair);
  *endpoint = NULL;
}

void sim_pair_close(sim_pair_t *pair) {
  if (pair->server != NULL) {
    sim_pair_close_one(pair, &pair->server);
  }
  if (pair->client != NULL) {
    sim_pair_close_one(pair, &pair->client);
  }
  sim_pair_run(pair, CLOSE_WITHIN_MS);
  ck_assert_uint_eq(pair->closed, 2);
  acoap_sim_free(pair->sim);
  pair->sim = NULL;
}

void sim_pair_run(sim_pair_t *pair, acoap_time_t ms) {
  acoap_sim_run_until(pair->sim, acoap_sim_now(pair->sim) + ms);
}

acoap_time_t sim_pair_now(const sim_pair_t *pair) {
  return acoap_sim_now(pair->sim);
}

/* ---- a request ------------------------------------------------------------------------------- */

static void over(sim_ask_t *ask) {
  if (!ask->interaction.open) {
    acoap__endpoint_user_remove(ask->endpoint, &ask->user);
  }
  if (ask->on_event != NULL) {
    ask->on_event(ask);
  }
}

static void response(acoap__interaction_t *interaction, acoap_time_t now, const acoap_path_t *from,
                     const acoap_view_t *view, bool piggybacked) {
  sim_ask_t *ask = interaction->owner;
  size_t len =
      view->payload.len < sizeof(ask->payload) ? view->payload.len : sizeof(ask->payload) - 1;
  ask->responses++;
  ask->code = view->code;
  ask->type = view->type;
  ask->piggybacked = piggybacked;
  ask->from = *from;
  ask->at = now;
  ask->max_age_s = 60;
  (void)acoap_view_uint(view, ACOAP_OPTION_MAX_AGE, &ask->max_age_s);
  memset(ask->payload, 0, sizeof(ask->payload));
  if (len > 0) {
    memcpy(ask->payload, view->payload.data, len);
  }
  acoap_message_unref(ask->message);
  ask->message = acoap__message_take(ask->endpoint, from, view);
  over(ask);
}

static void acknowledged(acoap__interaction_t *interaction, acoap_time_t now) {
  sim_ask_t *ask = interaction->owner;
  ask->acknowledged++;
  ask->at = now;
  over(ask);
}

static void failed(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  sim_ask_t *ask = interaction->owner;
  ask->failures++;
  ask->status = status;
  ask->at = now;
  over(ask);
}

static const acoap__interaction_events_t ask_events = {
    .response = response,
    .acknowledged = acknowledged,
    .failed = failed,
};

static void ask_closing(acoap__endpoint_user_t *user) {
  sim_ask_t *ask = ACOAP__CONTAINER(user, sim_ask_t, user);
  acoap__interaction_close(acoap__local_endpoint_engine(ask->endpoint),
                           acoap__local_endpoint_now(ask->endpoint), &ask->interaction);
  ask->failures++;
  ask->status = ACOAP_ECANCELED;
  over(ask);
}

void sim_ask_init(sim_ask_t *ask, acoap_local_endpoint_t *endpoint, uint8_t code) {
  memset(ask, 0, sizeof(*ask));
  ask->endpoint = endpoint;
  ask->user.closing = ask_closing;
  acoap__interaction_init(&ask->interaction, &ask->way, &ask_events, ask);
  acoap__engine_new_token(acoap__local_endpoint_engine(endpoint), ask->token);
  acoap_builder_init(&ask->builder, ask->bytes, sizeof(ask->bytes), ACOAP_CON, code, 0, ask->token,
                     sizeof(ask->token));
}

int sim_ask_send_path(sim_ask_t *ask, const acoap_path_t *path, acoap_type_t type) {
  acoap__request_options_t options = {.keep = ask->keep};
  int len = acoap_builder_finish(&ask->builder);
  ck_assert_int_gt(len, 0);
  int status = acoap__endpoint_user_add(ask->endpoint, &ask->user, true);
  if (status == 0) {
    status = acoap__interaction_send(acoap__local_endpoint_engine(ask->endpoint),
                                     acoap__local_endpoint_now(ask->endpoint), &ask->interaction,
                                     path, ask->bytes, (size_t)len, type, &options);
  }
  if (status != 0) {
    acoap__endpoint_user_remove(ask->endpoint, &ask->user);
  }
  return status;
}

int sim_ask_send(sim_ask_t *ask, const acoap_address_t *to, acoap_type_t type) {
  acoap_path_t path;
  memset(&path, 0, sizeof(path));
  path.peer = *to;
  return sim_ask_send_path(ask, &path, type);
}

void sim_ask_done(sim_ask_t *ask) {
  if (ask->interaction.open) {
    acoap__interaction_close(acoap__local_endpoint_engine(ask->endpoint),
                             acoap__local_endpoint_now(ask->endpoint), &ask->interaction);
    acoap__endpoint_user_remove(ask->endpoint, &ask->user);
  }
  ask->message = acoap_message_unref(ask->message);
}

void sim_pair_get(sim_pair_t *pair, sim_ask_t *ask, acoap_type_t type) {
  sim_ask_init(ask, pair->client, ACOAP_CODE_GET);
  acoap_builder_option(&ask->builder, ACOAP_OPTION_URI_PATH, "t", 1);
  ck_assert_int_eq(sim_ask_send(ask, &pair->server_address, type), 0);
}

/* ---- a bare socket --------------------------------------------------------------------------- */

static void received(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  sim_peer_t *peer = user_data;
  for (size_t i = 0; i < count; i++) {
    sim_datagram_t *kept = &peer->kept[peer->received % SIM_KEPT];
    ck_assert_uint_le(datagrams[i].bytes.len, sizeof(kept->bytes));
    memset(kept, 0, sizeof(*kept));
    kept->at = acoap_sim_now(peer->sim);
    kept->path = datagrams[i].path;
    kept->len = datagrams[i].bytes.len;
    memcpy(kept->bytes, datagrams[i].bytes.data, kept->len);
    ck_assert_int_eq(
        acoap_decode(&kept->view, kept->bytes, kept->len, ACOAP_TOKEN_EXTENDED_MAX, NULL), 0);
    peer->received++;
  }
}

static const acoap_socket_events_t peer_events = {
    .size = sizeof(acoap_socket_events_t),
    .received = received,
};

void sim_peer_open(sim_peer_t *peer, acoap_sim_t *sim, const char *text) {
  acoap_address_t address = sim_address(text);
  memset(peer, 0, sizeof(*peer));
  peer->sim = sim;
  peer->kept = calloc(SIM_KEPT, sizeof(*peer->kept));
  ck_assert_ptr_nonnull(peer->kept);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &peer->socket), 0);
  ck_assert_int_eq(peer->socket->ops->start(peer->socket, &peer_events, peer), 0);
}

void sim_peer_close(sim_peer_t *peer) {
  acoap_socket_close(peer->socket, NULL, NULL);
  free(peer->kept);
  peer->kept = NULL;
}

void sim_peer_send_bytes(sim_peer_t *peer, const acoap_address_t *to, const void *bytes,
                         size_t len) {
  acoap_path_t path;
  memset(&path, 0, sizeof(path));
  path.peer = *to;
  acoap_outgoing_datagram_t datagram = {.path = &path, .bytes = {bytes, len}};
  ck_assert_int_eq(peer->socket->ops->send(peer->socket, &datagram, 1), 1);
}

void sim_peer_send(sim_peer_t *peer, const acoap_address_t *to, acoap_type_t type, uint8_t code,
                   uint16_t message_id, const char *token, const char *payload) {
  uint8_t bytes[SIM_DATAGRAM_MAX];
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), type, code, message_id, (const uint8_t *)token,
                     token != NULL ? strlen(token) : 0);
  if (payload != NULL) {
    acoap_builder_payload(&builder, payload, strlen(payload));
  }
  int len = acoap_builder_finish(&builder);
  ck_assert_int_gt(len, 0);
  sim_peer_send_bytes(peer, to, bytes, (size_t)len);
}

const sim_datagram_t *sim_peer_next(sim_peer_t *peer) {
  ck_assert_msg(peer->taken < peer->received, "no datagram came");
  ck_assert_uint_le(peer->received - peer->taken, SIM_KEPT);
  return &peer->kept[peer->taken++ % SIM_KEPT];
}

const sim_datagram_t *sim_peer_expect(sim_peer_t *peer, acoap_type_t type, uint8_t code) {
  const sim_datagram_t *next = sim_peer_next(peer);
  ck_assert_int_eq(next->view.type, type);
  ck_assert_uint_eq(next->view.code, code);
  return next;
}

void sim_peer_expect_silence(const sim_peer_t *peer) {
  ck_assert_msg(peer->taken == peer->received, "a datagram came that was not expected");
}
