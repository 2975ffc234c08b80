/*
 * A server on a simulated network and a bare peer that asks it: what the peer sends is composed
 * message by message, so that it may break rules. Virtual time only.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_SERVER_RIG_H
#define ACOAP_TEST_SERVER_RIG_H

#include <acoap/acoap.h>

#include "sim_pair.h"

#define SERVER_RIG_GROUP "224.0.1.187:5683"

typedef struct server_rig {
  acoap_sim_t *sim;
  acoap_local_endpoint_t *endpoint; /* at SIM_SERVER; NULL: a test has closed it */
  acoap_server_t *server;           /* NULL: a test has freed it */
  acoap_address_t address;          /* where it is asked */
  acoap_address_t group;            /* where it is asked by multicast, once it has joined */
  sim_peer_t peer;                  /* at SIM_CLIENT */
  uint16_t message_id;              /* of the last message of ours */
  acoap_builder_t builder;          /* of the next one */
  uint8_t bytes[SIM_DATAGRAM_MAX];
  unsigned closed; /* closed callbacks */
} server_rig_t;

/* options NULL: the defaults, without a limit to what unverified addresses get. */
void server_rig_open(server_rig_t *rig, uint64_t seed, const acoap_server_options_t *options);
/* Free the server, close the endpoint, free the network. */
void server_rig_close(server_rig_t *rig);
void server_rig_run(server_rig_t *rig, acoap_time_t ms);
/* The server hears what goes to its group. */
void server_rig_join(server_rig_t *rig);

/* Begin a message with a Message ID of its own and the token "tk"; "/a/b?c=d" becomes options. */
acoap_builder_t *server_rig_begin(server_rig_t *rig, acoap_type_t type, uint8_t code,
                                  const char *uri);
/* Send what was begun, to the server or its group. */
void server_rig_send(server_rig_t *rig, const acoap_address_t *to);
/* Send what was begun and give the answer; fails the test when none comes at once. */
const sim_datagram_t *server_rig_answer(server_rig_t *rig);
/* A CON request without anything else, and its answer. */
const sim_datagram_t *server_rig_ask(server_rig_t *rig, uint8_t code, const char *uri);
/* The same, of which the answer has to be this code and payload (NULL: any). */
const sim_datagram_t *server_rig_expect(server_rig_t *rig, uint8_t code, const char *uri,
                                        uint8_t answer, const char *payload);
/* The payload of an answer. */
void server_rig_expect_payload(const sim_datagram_t *answer, const char *payload);
/* The counters. */
acoap_server_stats_t server_rig_stats(const server_rig_t *rig);

#endif
