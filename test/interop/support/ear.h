/*
 * A listener behind a datagram socket for the tests of the sockets themselves: writes down what
 * it hears, runs the loop until something is there. Waits are bounded by a timer of the loop,
 * never by sleeping.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_INTEROP_EAR_H
#define ACOAP_TEST_INTEROP_EAR_H

#include <acoap/socket.h>

#include <stdbool.h>
#include <uv.h>

enum { EAR_HEARD_MAX = 512, EAR_TEXT_MAX = 32, EAR_NOTICES_MAX = 128, EAR_PATIENCE_MS = 10000 };

typedef struct ear {
  uv_loop_t *loop;
  acoap_socket_t *socket;
  acoap_address_t address; /* bound */
  int count;               /* datagrams heard */
  int calls;               /* callbacks they came in */
  char text[EAR_HEARD_MAX][EAR_TEXT_MAX];
  size_t len[EAR_HEARD_MAX];
  bool truncated[EAR_HEARD_MAX];
  acoap_path_t path[EAR_HEARD_MAX];
  acoap_buffer_t *kept[EAR_HEARD_MAX]; /* when keeps; ear_close gives them back */
  int notices;
  acoap_peer_notice_t notice[EAR_NOTICES_MAX];
  char quote[EAR_NOTICES_MAX][EAR_TEXT_MAX];
  int writables;
  int closed;
  bool in_call;        /* set by the test around calls: an event meanwhile is an error */
  int broken_promises; /* events inside a call, or after close */
  bool keeps;          /* adds a reference to every buffer */
  bool echoes;         /* answers "echo" the way it came */
  bool closes;         /* closes the socket from inside its first callback */
} ear_t;

/** An address from text. */
acoap_address_t ear_address(const char *text);

/** Open a socket of this kind at an address and start it. options may be NULL. */
void ear_open(ear_t *ear, uv_loop_t *loop, int kind, const char *local,
              const acoap_udp_options_t *options);

/** Start an already made socket. */
void ear_start(ear_t *ear, uv_loop_t *loop, acoap_socket_t *socket);

/** Send one text; returns what the socket's send says. */
int ear_say(ear_t *ear, const acoap_path_t *path, const char *text);

/** To an address, without wishes. */
int ear_say_to(ear_t *ear, const acoap_address_t *to, const char *text);

/** Run the loop until *counter >= least; fails the test after EAR_PATIENCE_MS. */
void ear_wait(uv_loop_t *loop, const int *counter, int least);

/** Run the loop for so long. */
void ear_run(uv_loop_t *loop, uint64_t ms);

/** Close the socket and run the loop until it has gone. */
void ear_close(ear_t *ear);

/** The socket's counters. */
acoap_udp_stats_t ear_stats(ear_t *ear);

/** Close the loop; everything must be closed. */
void ear_loop_done(uv_loop_t *loop);

/**
 * Enter a network namespace with an interface "v0" (10.78.0.1, 10.78.0.2, fd78::1, fe80::78:1) that
 * loops multicasts back, and 127.0.0.2 on lo. NULL, or why it cannot be done. To be called once,
 * before anything else.
 */
const char *ear_enter_network(void);

/** Run a shell script in it; fails the test. */
void ear_shell(const char *script);

#endif
