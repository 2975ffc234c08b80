/*
 * Peers of the interop tests: programs that nobody here wrote, run as child processes on loopback.
 * A child dies with the test that started it, whatever happens to the test. Waits are bounded; what
 * the child prints is kept for the report of a failure.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_INTEROP_SPAWN_H
#define ACOAP_TEST_INTEROP_SPAWN_H

#include <acoap/address.h>

#include <stdbool.h>
#include <sys/types.h>

typedef struct spawn {
  pid_t pid;     /* 0: not running (any more) */
  int status;    /* wait status, once it has ended */
  int output_fd; /* an unlinked file with stdout and stderr; -1: none */
} spawn_t;

/** Is this program on PATH (or, with a slash, an executable file)? */
bool spawn_have(const char *program);

/** A port on loopback that was free for UDP and TCP a moment ago, outside of the ephemeral range.
 */
uint16_t spawn_free_port(void);

/** Start argv[0] with its arguments; 0 or a negative errno. */
int spawn_start(spawn_t *child, const char *const argv[]);

/** Runs in the child between fork and exec; must keep to async-signal-safe calls. Not 0: the child
 * exits with 126. */
typedef int (*spawn_prepare_cb)(void *user_data);
int spawn_start_prepared(spawn_t *child, const char *const argv[], spawn_prepare_cb prepare,
                         void *user_data);

/** Ask `address` for /.well-known/core again and again until any datagram comes back; false when
 * timeout_ms is over or the child ended. */
bool spawn_wait_answer(spawn_t *child, const acoap_address_t *address, int timeout_ms);

/** Wait until the child has printed `text`; false when timeout_ms is over or it ended without. */
bool spawn_wait_output(spawn_t *child, const char *text, int timeout_ms);

/** Has it ended? Does not wait. */
bool spawn_ended(spawn_t *child);

/** The exit status of an ended child; -1 for one that a signal ended. */
int spawn_exit_status(const spawn_t *child);

/** All it has printed so far, with a zero; free() it. */
char *spawn_output(const spawn_t *child);

/** End it with this signal and reap it. */
void spawn_stop(spawn_t *child, int signal_number);

/** Run to the end within timeout_ms; the exit status, or -1. */
int spawn_run(const char *const argv[], int timeout_ms);

/** 127.0.0.1 or ::1 with a port. */
acoap_address_t spawn_loopback(bool ipv6, uint16_t port);

#endif
