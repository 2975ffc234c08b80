/*
 * An engine under virtual time with a script at the other end of the wire: what the engine
 * transmits is kept and asserted about, what a peer would send is composed and fed in. No sockets,
 * no clock; random numbers come from a seed.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_SCRIPTED_PEER_H
#define ACOAP_TEST_SCRIPTED_PEER_H

#include "exchange/engine.h"

#define SCRIPT_DATAGRAM_MAX 1300
#define SCRIPT_KEPT 256
#define SCRIPT_TOKEN_MAX 64

/* A datagram that the engine transmitted. */
typedef struct script_datagram {
  acoap_time_t at;                    /* when */
  acoap_path_t path;                  /* where to */
  size_t len;                         /* bytes */
  uint8_t bytes[SCRIPT_DATAGRAM_MAX]; /* as transmitted */
  acoap_view_t view;                  /* decoded, into bytes */
} script_datagram_t;

/* A request that the engine handed up. */
typedef struct script_inbound {
  acoap__inbound_t inbound;        /* to answer it with */
  acoap_path_t path;               /* how it came */
  uint8_t token[SCRIPT_TOKEN_MAX]; /* copied */
  size_t token_len;
  char payload[64]; /* copied, cut, with a zero */
} script_inbound_t;

typedef struct script script_t;
struct script {
  acoap__engine_t engine;
  acoap__random_t random;
  acoap__seeded_t seed;
  acoap__log_t log;
  void *memory;
  acoap_time_t now;
  script_datagram_t *kept; /* a ring of SCRIPT_KEPT */
  size_t sent;             /* datagrams transmitted so far */
  size_t taken;            /* of these, already taken by the script */
  script_inbound_t inbound[32];
  size_t requests;     /* handed up so far */
  size_t wakes;        /* calls of wake_changed */
  size_t log_lines;    /* sentences logged */
  char log_text[256];  /* the last one */
  int transmit_status; /* what transmit answers; 0: taken */
  int refuse_next;  /* so many further calls are refused with transmit_status, then 0; -1: for good
                     */
  bool forget_sent; /* count what is sent, but keep nothing (long runs) */
  void (*on_transmit)(script_t *script, const acoap_path_t *path, acoap_bytes_t bytes);
  void (*on_request)(script_t *script, script_inbound_t *inbound, const acoap_view_t *view);
  void (*on_wake)(script_t *script);
  void *user_data; /* the test's */
};

/* A small configuration with jitter off, to be changed before script_new. */
acoap__engine_config_t script_config(void);
script_t *script_new(const acoap__engine_config_t *config, uint64_t seed);
void script_free(script_t *script);

/* The way to peer number n: 192.0.2.n:5683 on socket 0. */
acoap_path_t script_path(unsigned n);
/* The way to the group 224.0.1.187:5683. */
acoap_path_t script_group(void);

/* Let virtual time pass: run the engine whenever it asks for it, until and at `until`. */
void script_run_until(script_t *script, acoap_time_t until);
/* Run what is due now. */
void script_run(script_t *script);

/* Compose a message. Token is text. Returns its length. */
size_t script_compose(uint8_t *bytes, size_t cap, acoap_type_t type, uint8_t code,
                      uint16_t message_id, const char *token, const char *payload);
/* Feed raw bytes from a peer. Returns what acoap__engine_receive does. */
int script_feed(script_t *script, const acoap_path_t *path, const void *bytes, size_t len);
/* Compose and feed. */
int script_receive(script_t *script, const acoap_path_t *path, acoap_type_t type, uint8_t code,
                   uint16_t message_id, const char *token, const char *payload);
/* The same with a token of bytes. */
int script_receive_token(script_t *script, const acoap_path_t *path, acoap_type_t type,
                         uint8_t code, uint16_t message_id, acoap_bytes_t token,
                         const char *payload);

/* The next datagram that was transmitted; fails the test when there is none. */
const script_datagram_t *script_next(script_t *script);
/* The next datagram has to be this one. Returns it. */
const script_datagram_t *script_expect(script_t *script, acoap_type_t type, uint8_t code,
                                       int message_id);
/* Nothing (more) was transmitted. */
void script_expect_silence(script_t *script);

/* A request of the engine's with a record of what came of it. */
typedef struct script_request script_request_t;
struct script_request {
  acoap__interaction_t interaction;
  acoap_path_t way; /* lent to it */
  uint8_t bytes[SCRIPT_DATAGRAM_MAX];
  size_t len;
  script_t *script;
  unsigned responses;                          /* how many */
  unsigned acknowledged;                       /* empty ACKs */
  unsigned failures;                           /* how many */
  int status;                                  /* of the last failure */
  uint8_t code;                                /* of the last response */
  bool piggybacked;                            /* the last response was */
  char payload[64];                            /* of the last response */
  acoap_time_t at;                             /* of the last event */
  void (*on_event)(script_request_t *request); /* after each event; may free the request */
  void *user_data;                             /* the test's */
};

void script_request_init(script_t *script, script_request_t *request, uint8_t code,
                         const char *token, const char *payload);
/* Send it; returns what acoap__interaction_send does. */
int script_request_send(script_request_t *request, const acoap_path_t *path, acoap_type_t type,
                        const acoap__request_options_t *options);

/* A message of the engine's without an interaction, with a record of what came of it. */
typedef struct script_message script_message_t;
struct script_message {
  acoap__transmission_t tx;
  acoap_path_t way; /* lent to it */
  uint8_t bytes[64];
  size_t len;
  script_t *script;
  unsigned sent, acknowledged, resets, failures;
  int status;
  void (*on_event)(script_message_t *message);
  void *user_data;
};
void script_message_init(script_t *script, script_message_t *message, uint8_t code,
                         const char *token, const char *payload);
int script_message_send(script_message_t *message, const acoap_path_t *path, acoap_type_t type,
                        const acoap_params_t *params);

/* Answer the newest request that came up, piggybacked or as a NON. */
int script_reply(script_t *script, script_inbound_t *inbound, uint8_t code, const char *payload);

/* Nothing stands in any table and no timer is set. */
void script_expect_idle(const script_t *script);

#endif
