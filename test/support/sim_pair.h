/*
 * Endpoints on a simulated network for tests: two of them face to face, a request sent through an
 * endpoint's engine with a record of what came of it, and a bare socket on the network that says
 * what a test wants, for peers that break rules. Virtual time only.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_SIM_PAIR_H
#define ACOAP_TEST_SIM_PAIR_H

#include <acoap/sim.h>

#include "endpoint/endpoint.h"

#define SIM_SERVER "192.0.2.1:5683"
#define SIM_CLIENT "192.0.2.2:40000"
#define SIM_DATAGRAM_MAX 1300
#define SIM_KEPT 64

/** The address in a text; fails the test when it is none. */
acoap_address_t sim_address(const char *text);

/** An endpoint with one socket bound to this address. options NULL: the defaults; host and sockets
 * are filled in. */
acoap_local_endpoint_t *sim_endpoint_new(acoap_sim_t *sim, const char *address,
                                         const acoap_local_endpoint_options_t *options);

/* ---- two endpoints --------------------------------------------------------------------------- */

typedef struct sim_pair {
  acoap_sim_t *sim;
  acoap_local_endpoint_t *server; /* at SIM_SERVER; NULL: a test has closed it */
  acoap_local_endpoint_t *client; /* at SIM_CLIENT; NULL likewise */
  acoap_address_t server_address;
  acoap_address_t client_address;
  unsigned closed; /* closed callbacks that have run */
} sim_pair_t;

/** options NULL: the defaults, for both. */
void sim_pair_open(sim_pair_t *pair, uint64_t seed, const acoap_local_endpoint_options_t *options);
/** Close what is open, run until both have said so, free the network. */
void sim_pair_close(sim_pair_t *pair);
/** Close one of them and forget it; *closed counts when it is gone. */
void sim_pair_close_one(sim_pair_t *pair, acoap_local_endpoint_t **endpoint);
/** Let virtual time pass. */
void sim_pair_run(sim_pair_t *pair, acoap_time_t ms);
acoap_time_t sim_pair_now(const sim_pair_t *pair);

/* ---- a request ------------------------------------------------------------------------------- */

typedef struct sim_ask sim_ask_t;
struct sim_ask {
  acoap__interaction_t interaction;
  acoap_path_t way;            /* lent to it */
  acoap__endpoint_user_t user; /* outstanding while it is open, as a client's request is */
  acoap_local_endpoint_t *endpoint;
  acoap_builder_t builder;
  uint8_t bytes[SIM_DATAGRAM_MAX];
  uint8_t token[8];
  bool keep;                /* wait for more than one response */
  unsigned responses;       /* how many */
  unsigned acknowledged;    /* empty ACKs */
  unsigned failures;        /* how many */
  int status;               /* of the last failure */
  uint8_t code;             /* of the last response */
  acoap_type_t type;        /* likewise */
  bool piggybacked;         /* likewise */
  acoap_path_t from;        /* likewise */
  char payload[256];        /* likewise, with a zero */
  uint32_t max_age_s;       /* likewise, 60 when absent */
  acoap_time_t at;          /* when the last event was */
  acoap_message_t *message; /* the last response, referenced */
  void (*on_event)(sim_ask_t *ask);
  void *user_data;
};

/** Begin a request; add options to ask->builder. */
void sim_ask_init(sim_ask_t *ask, acoap_local_endpoint_t *endpoint, uint8_t code);
/** Send it to an address through socket 0. */
int sim_ask_send(sim_ask_t *ask, const acoap_address_t *to, acoap_type_t type);
/** Send it along a path. */
int sim_ask_send_path(sim_ask_t *ask, const acoap_path_t *path, acoap_type_t type);
/** Forget it; harmless when it is over. */
void sim_ask_done(sim_ask_t *ask);
/** A GET of /t from the pair's client to its server. */
void sim_pair_get(sim_pair_t *pair, sim_ask_t *ask, acoap_type_t type);

/* ---- a bare socket --------------------------------------------------------------------------- */

typedef struct sim_datagram {
  acoap_time_t at; /* when it came */
  acoap_path_t path;
  size_t len;
  uint8_t bytes[SIM_DATAGRAM_MAX];
  acoap_view_t view; /* decoded, into bytes */
} sim_datagram_t;

typedef struct sim_peer {
  acoap_sim_t *sim;
  acoap_socket_t *socket;
  sim_datagram_t *kept; /* SIM_KEPT of them, a ring */
  size_t received;      /* so far */
  size_t taken;         /* of these, by sim_peer_next */
} sim_peer_t;

void sim_peer_open(sim_peer_t *peer, acoap_sim_t *sim, const char *address);
void sim_peer_close(sim_peer_t *peer);
/** Send a message; token and payload are text, NULL: none. */
void sim_peer_send(sim_peer_t *peer, const acoap_address_t *to, acoap_type_t type, uint8_t code,
                   uint16_t message_id, const char *token, const char *payload);
/** Send bytes. */
void sim_peer_send_bytes(sim_peer_t *peer, const acoap_address_t *to, const void *bytes,
                         size_t len);
/** The next datagram that came; fails the test when there is none. */
const sim_datagram_t *sim_peer_next(sim_peer_t *peer);
/** The next one has to be this. */
const sim_datagram_t *sim_peer_expect(sim_peer_t *peer, acoap_type_t type, uint8_t code);
/** Nothing (more) came. */
void sim_peer_expect_silence(const sim_peer_t *peer);

#endif
