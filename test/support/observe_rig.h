/*
 * A server with one observable resource, "/r", whose state a test sets, and bare peers that observe
 * it as they like: acknowledge, reject, say nothing. Virtual time only.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_OBSERVE_RIG_H
#define ACOAP_TEST_OBSERVE_RIG_H

#include "server_rig.h"

enum { OBSERVE_RIG_STATE = 4000, OBSERVE_RIG_KEPT = 8 };

typedef struct observe_rig {
  server_rig_t rig;
  acoap_resource_t *resource;       /* "/r" */
  sim_peer_t other;                 /* 192.0.2.3:40000 */
  uint8_t state[OBSERVE_RIG_STATE]; /* what the handler answers with */
  size_t state_len;                 /* bytes */
  uint8_t code;                     /* of its answers */
  int content_format;               /* likewise */
  const char *etag;                 /* likewise; NULL: none */
  uint32_t max_age_s;               /* likewise; 0: none */
  bool later;                       /* it keeps the request */
  bool ignore;                      /* it ignores questions for notifications */
  acoap_request_t *kept[OBSERVE_RIG_KEPT];
  unsigned kept_count; /* so far */
  unsigned asked;      /* handler calls, all */
  unsigned rounds;     /* of these, for notifications */
  void (*on_ask)(struct observe_rig *rig, acoap_request_t *request); /* NULL: nothing */
  uint16_t message_id;                                               /* of the peers' messages */
  int32_t number; /* Observe of the last message looked at; -1: none */
} observe_rig_t;

/* NULL: the defaults; rig_options as in server_rig_open. */
void observe_rig_open(observe_rig_t *rig, const acoap_observable_options_t *options,
                      const acoap_server_options_t *server_options);
void observe_rig_close(observe_rig_t *rig);
void observe_rig_run(observe_rig_t *rig, acoap_time_t ms);

/* Set the state; and tell that it has changed, and let the notifications arrive. */
void observe_rig_set(observe_rig_t *rig, const char *text);
void observe_rig_change(observe_rig_t *rig, const char *text);
/* Answer a request as the handler does. */
void observe_rig_answer(observe_rig_t *rig, acoap_request_t *request);

/* Begin a GET with this Observe (negative: none) and token in rig->rig.builder. */
acoap_builder_t *observe_rig_begin(observe_rig_t *rig, acoap_type_t type, const char *token,
                                   const char *path, int observe);
/* Send what was begun from a peer. */
void observe_rig_send(observe_rig_t *rig, sim_peer_t *peer);
/* GET /r with Observe 0; its answer has to be a registration with the state. */
void observe_rig_register(observe_rig_t *rig, sim_peer_t *peer, acoap_type_t type,
                          const char *token);

/* The next message to a peer: type, code, token, payload (NULL: any). Notes its Observe. */
const sim_datagram_t *observe_rig_expect(observe_rig_t *rig, sim_peer_t *peer, acoap_type_t type,
                                         uint8_t code, const char *token, const char *payload);
void observe_rig_acknowledge(observe_rig_t *rig, sim_peer_t *peer, const sim_datagram_t *datagram);
void observe_rig_reset(observe_rig_t *rig, sim_peer_t *peer, const sim_datagram_t *datagram);

#endif
