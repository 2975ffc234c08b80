/*
 * Where a response body goes: a file, standard output, or memory to be made readable first.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include <stdio.h>

#include "options.h"

/* Largest body that is shown on a terminal or put into JSON, bytes. */
#define OUTPUT_SHOWN_MAX ((size_t)16 << 20)

/* How much of a body on its way to a pipe stays in memory before it goes to a nameless file, bytes.
 */
#define OUTPUT_MEMORY_MAX ((size_t)1 << 20)

typedef struct output {
  const options_t *options; /* the command line */
  bool keep;                /* to be shown: the body stays in memory, at most OUTPUT_SHOWN_MAX */
  uint64_t total;           /* bytes so far */
  uint8_t *bytes;           /* what is in memory */
  size_t len;               /* bytes of it */
  size_t cap;               /* its size */
  FILE *spill;              /* a nameless file with everything, or NULL */
  FILE *file;               /* -o: the temporary file, or NULL */
  char *target;             /* -o: the name it shall get */
  char *temporary;    /* -o: its name until then; NULL: the target is no regular file and written
                         directly */
  const char *failed; /* what failed (a name), or NULL */
  int failed_errno;   /* and why; 0 with `failed`: the body is too large to be shown */
} output_t;

/* Prepare; with -o FILE makes the temporary file. 0 or an exit status after saying why. */
int output_open(output_t *output, const options_t *options);

/* Take the next piece; offset 0 starts anew. 0 or a negative error. An acoap_body_writer_cb. */
int output_write(void *output, uint64_t offset, const uint8_t *bytes, size_t len, int64_t total);

/* The body is complete: show it, hand it on, or rename the file. 0 or an exit status after saying
 * why. */
int output_commit(output_t *output, int content_format);

/* Say what failed in output_write; returns the exit status. 0: nothing did. */
int output_failure(const output_t *output);

/* Give up what was not committed. Nothing is left behind. */
void output_close(output_t *output);

/* From now on a signal that ends the program removes the temporary file first. */
void output_guard_signals(void);

/* Is standard output a terminal that people look at? (not with --json or -o) */
bool output_is_terminal(const options_t *options);

#endif
