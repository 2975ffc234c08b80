/*
 * A loop, a local endpoint on it and the options that concern both.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_SESSION_H
#define TOOL_SESSION_H

#include <uv.h>

#include "options.h"

typedef struct session {
  const options_t *options;         /* the command line */
  uv_loop_t loop;                   /* everything runs on it */
  acoap_params_t params;            /* of the options */
  acoap_credentials_t *credentials; /* for coaps://; NULL: none are needed */
  acoap_local_endpoint_t *endpoint; /* NULL until session_endpoint */
  uint64_t first_sent_ns;           /* uv_hrtime of the first datagram sent; 0: none yet */
  uint64_t last_received_ns;        /* of the last one received; 0: none yet */
} session_t;

/*
 * Check a URI before anything is opened: its form, and that its transport is built. Returns 0 or an
 * exit status after saying what is wrong.
 */
int session_check_uri(const options_t *options, const char *text, acoap_uri_t *uri);

/* Is its host the literal of a group? */
bool session_uri_is_group(const acoap_uri_t *uri);

/* Open with the defaults of a client. Returns 0 or an exit status after saying why. */
int session_open(session_t *session, const options_t *options);

/* The two halves of session_open: the loop, then the endpoint (whose params are filled in). Once
 * the first has succeeded, session_close is needed. */
int session_start(session_t *session, const options_t *options);
int session_endpoint(session_t *session, acoap_local_endpoint_options_t *endpoint_options);

/* Which UDP socket: the environment's ACOAP_UDP, "batched" or "portable", or else the best. */
acoap_udp_kind_t session_udp(void);

/* A remote endpoint with the interface and parameters of the options. `interface` NULL: none. 0 or
 * an exit status. */
int session_remote(session_t *session, const char *uri, const char *interface,
                   acoap_remote_endpoint_t **remote);

/* Milliseconds from the first datagram sent to the last one received. */
double session_elapsed_ms(const session_t *session);

/* Let what is still outstanding finish, at most so long. */
void session_drain(session_t *session, uint32_t ms);

/* Close the endpoint and the loop. */
void session_close(session_t *session);

/* Append Accept, Content-Format, -O and -N of the options to a descriptor. */
void session_describe(const options_t *options, acoap_desc_t *desc);

#endif
