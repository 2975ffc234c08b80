/*
 * A secure server and secure clients on a simulated network. The server answers every request with
 * who asked: "psk:ID", "certificate:SUBJECT", "nobody". The time of day is the network's.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_DTLS_PAIR_H
#define ACOAP_TEST_DTLS_PAIR_H

#include <acoap/acoap.h>

#define DTLS_SERVER "192.0.2.1:5684"
#define DTLS_URI "coaps://192.0.2.1/who"
#define PKI(file) ACOAP_TEST_DIR "/support/pki/" file

typedef struct dtls_end {
  acoap_socket_t *socket; /* the DTLS socket; the endpoint's */
  acoap_socket_t *inner;  /* what it goes around */
  acoap_local_endpoint_t *endpoint;
  unsigned established; /* events so far */
  unsigned failed;
  unsigned ended;
  int status;       /* of the last failure or end */
  char reason[200]; /* likewise */
} dtls_end_t;

typedef struct dtls_answer {
  unsigned called; /* final callbacks */
  int status;
  uint8_t code;
  char payload[128];
} dtls_answer_t;

typedef struct dtls_pair {
  acoap_sim_t *sim;
  dtls_end_t server;
  dtls_end_t client;
  unsigned requests; /* that the server saw */
  unsigned closed;
} dtls_pair_t;

/** Credentials from options; fails the test. */
acoap_credentials_t *dtls_credentials(const acoap_credentials_options_t *options);
/** A PSK, "id" and "key". */
acoap_credentials_t *dtls_psk(const char *identity, const char *key);
/** Server credentials with a certificate of test/support/pki, "server", and a PSK lamp/secret. */
acoap_credentials_t *dtls_server_credentials(const char *name);

/** Takes the credentials over. options NULL: the defaults; credentials are filled in. */
void dtls_pair_open(dtls_pair_t *pair, uint64_t seed, acoap_credentials_t *server,
                    acoap_credentials_t *client, const acoap_dtls_options_t *options);
void dtls_pair_close(dtls_pair_t *pair);
/** One more endpoint on the pair's network. */
void dtls_end_open(dtls_pair_t *pair, dtls_end_t *end, const char *address,
                   acoap_credentials_t *credentials, const acoap_dtls_options_t *options);
void dtls_end_close(dtls_pair_t *pair, dtls_end_t *end);
void dtls_pair_run(dtls_pair_t *pair, acoap_time_t ms);
/** Send bytes as they are, past the DTLS of this end. */
void dtls_end_send_raw(dtls_end_t *end, const char *to, const void *bytes, size_t len);
/** A CON GET of a URI; the answer fills in later. */
void dtls_get(dtls_end_t *end, const char *uri, dtls_answer_t *answer);
void dtls_stats(const dtls_end_t *end, acoap_dtls_stats_t *stats);

#endif
