/*
 * A client endpoint on the simulated network and what came of the requests that a test sends
 * through it: final callbacks, items, destroy callbacks, each counted. Facing it, either a scripted
 * server (script_server.h) or an endpoint of ours with a small set of resources:
 *
 *     /t        2.05 "hello"            /put      PUT or POST, also in blocks: 2.04, kept in
 * `stored` /large    2.05, `body` in blocks  /sep      2.05 after 3 s, separate /obs      2.05,
 * observable        /never    acknowledged, never answered /busy     5.03 Max-Age 2, then 2.05 the
 * third time others    4.04
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_CLIENT_RIG_H
#define ACOAP_TEST_CLIENT_RIG_H

#include <acoap/acoap.h>

#define RIG_SERVER "192.0.2.1:5683"
#define RIG_CLIENT "192.0.2.2:40000"
#define RIG_URI "coap://192.0.2.1"

enum { RIG_BODY = 5000, RIG_OBSERVERS = 16 };

typedef struct client_rig {
  acoap_sim_t *sim;
  acoap_local_endpoint_t *client;
  acoap_local_endpoint_t *server;            /* NULL: a scripted one */
  unsigned closed;                           /* closed callbacks */
  unsigned handled;                          /* requests that the server's handler saw */
  unsigned busy;                             /* of /busy */
  uint8_t body[RIG_BODY];                    /* of /large */
  size_t body_len;                           /* bytes of it in use */
  uint8_t etag;                              /* of /large */
  uint8_t stored[RIG_BODY];                  /* by /put */
  size_t stored_len;                         /* bytes of it */
  acoap_request_t *observers[RIG_OBSERVERS]; /* of /obs */
  unsigned notification;                     /* number of the last one */
  acoap_request_t *later[RIG_OBSERVERS];     /* of /sep and /never */
} client_rig_t;

/* A client alone, or with the endpoint described above. */
void client_rig_open(client_rig_t *rig, uint64_t seed);
void client_rig_open_pair(client_rig_t *rig, uint64_t seed);
/* Close what is open, run until it is closed, free the network; the network has to become idle. */
void client_rig_close(client_rig_t *rig);
void client_rig_run(client_rig_t *rig, acoap_time_t ms);
/* A remote endpoint; "/t" stands for the path at the server. The caller's reference. */
acoap_remote_endpoint_t *client_rig_remote(client_rig_t *rig, const char *uri_or_path);
/* Tell all observers of /obs. */
void client_rig_notify(client_rig_t *rig, acoap_reliability_t reliability);
/* Answer what /sep keeps. */
void client_rig_answer_later(client_rig_t *rig);
/* The handler of the resources above; user_data is the rig. */
void client_rig_receive(void *rig, acoap_request_t *request);
/* Let go of observers and kept requests. */
void client_rig_forget(client_rig_t *rig);

/* What came of one send. */
typedef struct outcome {
  unsigned finals;            /* final callbacks */
  unsigned items;             /* items of a stream */
  unsigned destroyed;         /* destroy callbacks */
  int status;                 /* of the last final callback */
  uint8_t code;               /* of its message, or of the last item; 0 without one */
  bool has_message;           /* the last final callback had one */
  uint8_t body[RIG_BODY * 2]; /* the last message's payload */
  size_t len;                 /* bytes of it */
  acoap_time_t at;            /* when the last callback came */
  acoap_sim_t *sim;           /* whose time; may be NULL */
  bool inside;                /* set by a test around a call: no callback may come meanwhile */
  acoap_stream_t *stream;     /* a test's */
  acoap_future_t *future;     /* a test's */
  void *user_data;            /* a test's */
} outcome_t;

/* acoap_response_cb for acoap_send and for streams. */
void outcome_note(void *outcome, int status, acoap_message_t *message);
/* For acoap_desc_on_destroy. */
void outcome_destroyed(void *outcome);

/* Send with outcome_note and outcome_destroyed; asserts that nothing is called meanwhile. Returns
 * what the send returned. */
int rig_send(client_rig_t *rig, const char *uri_or_path, acoap_desc_t *desc, outcome_t *outcome,
             acoap_future_t **future);
int rig_stream(client_rig_t *rig, const char *uri_or_path, acoap_desc_t *desc, outcome_t *outcome,
               acoap_stream_t **stream);

#endif
