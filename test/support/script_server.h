/*
 * A server that a test scripts message by message: a bare socket on the simulated network, a
 * function that is called with every message that comes, and a trace of what went over the wire in
 * both directions, in the notation of the figures of RFC 7959 and RFC 7641:
 *
 *     "CON GET /status 2:1/0/64"      "ACK 2.05 Observe:12 2:0/1/128 [128]"
 *     "NON GET /status Q2:10/1/64"    Q-Block1 and Q-Block2 (RFC 9177)
 *
 * Knows nothing of retransmission and deduplication; answers exactly what the script says. Virtual
 * time only.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_SCRIPT_SERVER_H
#define ACOAP_TEST_SCRIPT_SERVER_H

#include <acoap/acoap.h>

enum { SCRIPT_SERVER_TRACE_MAX = 16384, SCRIPT_SERVER_DATAGRAM_MAX = 2048 };

typedef struct script_server script_server_t;
typedef void (*script_server_cb)(script_server_t *server, const acoap_view_t *view);

struct script_server {
  acoap_sim_t *sim;
  acoap_socket_t *socket;
  acoap_address_t client;      /* who sent the last message */
  script_server_cb on_message; /* may be NULL: silence */
  void *user_data;             /* the test's */
  unsigned count;              /* messages that came */
  unsigned requests;           /* requests among them */
  uint16_t next_message_id;    /* of messages of our own */
  uint8_t token[8];            /* of the last request */
  size_t token_len;            /* bytes */
  uint8_t first_token[8];      /* of the first request */
  uint16_t message_id;         /* of the last message */
  acoap_type_t type;           /* likewise */
  acoap_builder_t builder;     /* of what is being composed */
  uint8_t bytes[SCRIPT_SERVER_DATAGRAM_MAX];
  char trace[SCRIPT_SERVER_TRACE_MAX]; /* a line each */
  bool silent_trace;                   /* keep no trace (long runs) */
};

void script_server_open(script_server_t *server, acoap_sim_t *sim, const char *address,
                        script_server_cb on_message, void *user_data);
void script_server_close(script_server_t *server);

/* Begin the piggybacked answer to the last request (a NON for a NON). Add options, then
 * script_server_send. */
acoap_builder_t *script_server_begin(script_server_t *server, uint8_t code);
/* Begin a message with the last request's token and a Message ID of our own. */
acoap_builder_t *script_server_begin_as(script_server_t *server, acoap_type_t type, uint8_t code);
/* Send what was begun to who sent the last message. */
void script_server_send(script_server_t *server);
/* The empty ACK of the last message, or its RST. */
void script_server_empty(script_server_t *server, acoap_type_t type);
/* Begin, Block option, that block of `body`, ETag (NULL: none), send. */
void script_server_block2(script_server_t *server, uint8_t code, uint32_t num, uint8_t szx,
                          const uint8_t *body, size_t len, const char *etag);
/* The Block2 of a request, or block 0 with szx_max; never a larger size than szx_max. */
acoap_block_t script_server_asked(const acoap_view_t *view, uint8_t szx_max);

/* One message in the notation above, without a newline. */
void script_server_describe(const acoap_view_t *view, char *text, size_t cap);
/* The whole trace has to be this; lines end with \n. */
void script_server_expect(const script_server_t *server, const char *trace);

#endif
