/*
 * A DTLS socket without an endpoint on a simulated network: sends bytes, keeps what it receives and
 * what it is told of its peers. May close itself or its sessions in its callbacks.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_SECURE_PEER_H
#define ACOAP_TEST_SECURE_PEER_H

#include <acoap/acoap.h>

enum { SECURE_PEER_KEPT = 64 };

/* What it does in a callback. */
typedef enum secure_peer_deed {
  SECURE_PEER_NOTHING = 0,
  SECURE_PEER_CLOSE,      /* its socket */
  SECURE_PEER_DISCONNECT, /* the session that the callback is about */
  SECURE_PEER_ANSWER      /* what was received, in the same session */
} secure_peer_deed_t;

typedef struct secure_peer {
  acoap_socket_t *socket; /* NULL: closed */
  acoap_socket_t *inner;
  secure_peer_deed_t on_received;
  secure_peer_deed_t on_established;
  secure_peer_deed_t on_ended;
  unsigned batches;  /* calls with datagrams */
  unsigned received; /* datagrams, of which the first are kept */
  uint8_t bytes[SECURE_PEER_KEPT][1300];
  size_t len[SECURE_PEER_KEPT];
  acoap_path_t path; /* of the last one; identity is not to be followed */
  char who[64];      /* the PSK identity or the subject of its sender */
  unsigned established;
  unsigned failed;
  unsigned ended;
  unsigned refused; /* datagrams that were told to be lost */
  uint64_t session; /* the last one that stood */
  int status;
  char reason[200];
  unsigned closed;
} secure_peer_t;

/** Around an inner socket, which is taken over; the credentials are, too. */
void secure_peer_wrap(secure_peer_t *peer, acoap_host_t *host, acoap_socket_t *inner,
                      acoap_credentials_t *credentials, const acoap_dtls_options_t *options);
/** At an address of a simulated network; runs its timers by itself only in secure_peer_run. */
void secure_peer_open(secure_peer_t *peer, acoap_sim_t *sim, const char *address,
                      acoap_credentials_t *credentials, const acoap_dtls_options_t *options);
/** Send to an address; returns what the socket says. */
int secure_peer_send(secure_peer_t *peer, const char *to, const void *bytes, size_t len);
int secure_peer_send_text(secure_peer_t *peer, const char *to, const char *text);
/** The n-th datagram that was received, as text. */
const char *secure_peer_text(secure_peer_t *peer, unsigned n);
/** Run the network and the timers of the peers (NULL: the end of the list) for some time. */
void secure_peer_run(acoap_sim_t *sim, secure_peer_t *const *peers, size_t count, acoap_time_t ms);
/** Close, if it is open. */
void secure_peer_close(secure_peer_t *peer);
/** The counters. */
acoap_dtls_stats_t secure_peer_stats(const secure_peer_t *peer);

#endif
