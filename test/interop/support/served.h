/*
 * The tool as a server, run as a child process on loopback, and a scripted client in front of it: a
 * bare UDP socket that sends the messages a test composes, byte for byte, and takes what comes
 * back. The client retransmits nothing, acknowledges nothing by itself and knows no duplicates.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_INTEROP_SERVED_H
#define ACOAP_TEST_INTEROP_SERVED_H

#include "spawn.h"

#include <acoap/block.h>
#include <acoap/codec.h>

enum { SERVED_DATAGRAM_MAX = 2048, SERVED_WAIT_MS = 10000 };

/** A running "acoap serve". */
typedef struct served {
  spawn_t process;
  uint16_t port; /* 127.0.0.1 */
} served_t;

/** Start `acoap serve MODE... coap://127.0.0.1:PORT`; `mode` ends with NULL. Fails the test when it
 * does not listen. */
void served_start(served_t *served, const char *tool, const char *const mode[]);
/** End it with SIGTERM: expects exit status 0 and no output but where it listens. */
void served_stop(served_t *served);

/** The scripted client, at a port of its own. */
typedef struct script_client {
  int fd;
  uint16_t message_id; /* of the message last composed */
  uint8_t token[8];    /* of all its requests */
  size_t token_len;    /* 0 to 8 */
  acoap_builder_t builder;
  uint8_t out[SERVED_DATAGRAM_MAX]; /* the message being composed */
  uint8_t in[SERVED_DATAGRAM_MAX];  /* the message last heard */
  size_t in_len;
  acoap_view_t heard; /* decoded from `in` */
} script_client_t;

void client_open(script_client_t *client, uint16_t port);
void client_close(script_client_t *client);

/** Compose a request: type, code, the client's token, a new Message ID, the path, the queries.
 * Further options and a payload may be added to client->builder. */
void client_begin(script_client_t *client, acoap_type_t type, uint8_t code,
                  const char *path_and_query);
void client_send(script_client_t *client);
/** An Empty message that answers (or pings): ACK, RST, CON. */
void client_send_empty(script_client_t *client, acoap_type_t type, uint16_t message_id);
/** Send what was sent last once more. */
void client_send_again(script_client_t *client);

/** Wait for a datagram at most so long; false: none. It must be a CoAP message. */
bool client_hear(script_client_t *client, int timeout_ms);
/** Send and expect a response with this code and the token: piggybacked for a CON, as NON for a
 * NON. */
void client_ask(script_client_t *client, uint8_t code);
/** client_begin and client_ask without further options. */
void client_get(script_client_t *client, acoap_type_t type, const char *path_and_query,
                uint8_t code);
/** Nothing comes for so long. */
void client_expect_silence(script_client_t *client, int ms);

/* ---- about what was heard ---- */

/** The n-th option of this number is this text. */
bool heard_text(const script_client_t *client, uint16_t number, size_t n, const char *text);
/** The value of the option; UINT32_MAX when it is not there. */
uint32_t heard_uint(const script_client_t *client, uint16_t number);
/** Block1 or Block2; fails the test when it is not there. */
acoap_block_t heard_block(const script_client_t *client, uint16_t number);
/** Copies an option into room of 8 bytes and returns its length; fails the test without it. */
size_t heard_etag(const script_client_t *client, uint8_t etag[8]);
/** The payload contains this text. */
bool heard_payload(const script_client_t *client, const char *text);

/* ---- whole bodies, block by block, with one token throughout ---- */

/** GET, all blocks of at most `size`; every one carries Block2. Returns the length; the body goes
 * into `body`. */
size_t client_download(script_client_t *client, const char *path, size_t size, uint8_t *body,
                       size_t cap);
/** Send a body by Block1; the last answer has this code and stays in `heard`. */
void client_upload(script_client_t *client, uint8_t method, const char *path, size_t size,
                   const void *body, size_t len, uint8_t code);

#endif
