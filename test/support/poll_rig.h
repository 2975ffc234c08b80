/*
 * Heapless endpoints under virtual time: what they send is kept and asserted about, what peers
 * would send is composed and fed in, what they tell is kept. No sockets, no clock; random numbers
 * come from a seed.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_POLL_RIG_H
#define ACOAP_TEST_POLL_RIG_H

#include <acoap/tiny.h>

#include "base/random.h"

#define POLL_KEPT 512

/* A datagram that the endpoint sent. */
typedef struct poll_datagram {
  acoap_time_t at;
  acoap_address_t peer;
  size_t len;
  uint8_t bytes[1300];
  acoap_view_t view; /* into bytes */
} poll_datagram_t;

/* What the endpoint told. */
typedef struct poll_told {
  acoap_tiny_event_t event; /* its view is not valid any more, but for code, type, Message ID */
  acoap_time_t at;
  char payload[1300]; /* copied */
  size_t payload_len;
} poll_told_t;

typedef struct poll_rig poll_rig_t;
struct poll_rig {
  acoap_tiny_config_t config;
  acoap_params_t params; /* jitter off */
  acoap_tiny_t *tiny;
  void *memory;
  acoap__seeded_t seed;
  acoap_time_t now;
  poll_datagram_t *sent_log; /* a ring of POLL_KEPT */
  size_t sent, taken;
  poll_told_t *told_log; /* a ring of POLL_KEPT */
  size_t told, seen;
  int refuse; /* what `send` answers; 0: taken */
  void (*on_event)(poll_rig_t *rig, const acoap_tiny_event_t *event); /* while the view is valid */
  void *user_data;                                                    /* the test's */
};

/* Numbers to be changed before poll_rig_start. */
void poll_rig_init(poll_rig_t *rig, const acoap_tiny_resource_t *resources);
void poll_rig_start(poll_rig_t *rig);
void poll_rig_done(poll_rig_t *rig);

/* 192.0.2.n:5683 */
acoap_address_t poll_peer(unsigned n);
/* Poll until there is nothing more to tell. */
void poll_rig_poll(poll_rig_t *rig);
/* Let time pass, polling whenever the endpoint wants it. */
void poll_rig_run_until(poll_rig_t *rig, acoap_time_t until);
/* Hand bytes in from peer n and poll. */
void poll_rig_feed(poll_rig_t *rig, unsigned n, const void *bytes, size_t len);
/* Compose and feed: token and payload are text. */
void poll_rig_receive(poll_rig_t *rig, unsigned n, acoap_type_t type, uint8_t code,
                      uint16_t message_id, const char *token, const char *payload);
/* A request with Uri-Path segments "a/b", and one more option when number is not 0. */
void poll_rig_ask(poll_rig_t *rig, unsigned n, acoap_type_t type, uint8_t method,
                  uint16_t message_id, const char *token, const char *path, uint16_t number,
                  const void *value, size_t len);

/* The next datagram that was sent has to be this one; message_id -1: any. */
const poll_datagram_t *poll_rig_expect(poll_rig_t *rig, acoap_type_t type, uint8_t code,
                                       int message_id);
/* Its payload has to be this text. */
void poll_rig_payload(const poll_datagram_t *datagram, const char *text);
/* Nothing (more) was sent. */
void poll_rig_silence(const poll_rig_t *rig);
/* The next thing told has to be this. */
const poll_told_t *poll_rig_told(poll_rig_t *rig, acoap_tiny_event_kind_t kind);
/* Nothing (more) was told. */
void poll_rig_nothing_told(const poll_rig_t *rig);

#endif
