/*
 * The exit status of the tool and the one line that says why.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_EXIT_H
#define TOOL_EXIT_H

#include <acoap/acoap.h>

#include "options.h"

enum exit_status {
  EXIT_STATUS_OK = 0,        /* a 2.xx answer; discover: at least one responder */
  EXIT_STATUS_LOCAL = 1,     /* a file, memory, an interface of this host */
  EXIT_STATUS_USAGE = 2,     /* wrong usage or a malformed URI */
  EXIT_STATUS_NO_ANSWER = 3, /* time-out, reset, unreachable, name not found, no complete answer */
  EXIT_STATUS_CLIENT_ERROR = 4, /* a 4.xx answer */
  EXIT_STATUS_SERVER_ERROR = 5  /* a 5.xx answer */
};

/* The exit status of an answer with this code. */
int exit_of_code(uint8_t code);

/* The exit status of a send that ended with this (negative) status and no message. */
int exit_of_status(int status);

/*
 * Say on stderr, in one line, why nothing came of it; with --json also as an object on stdout.
 * Returns `status`, so that callers can return it on.
 */
int exit_fail(const options_t *options, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * As exit_fail, for a send that ended with this (negative) status and no message: the sentence, on
 * stderr with the URI behind it, and the exit status that belongs to it.
 */
int exit_send(const options_t *options, int status, const char *uri);

/* Why a handshake failed: exit_send says it behind a time-out or a security failure. */
void exit_because(const char *reason);

/* As exit_fail, for wrong usage: names the command and its help. */
int exit_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A remark on stderr, left out with -q. */
void exit_note(const options_t *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
