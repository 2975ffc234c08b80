/*
 * A request body from a file or from standard input.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_INPUT_H
#define TOOL_INPUT_H

#include "options.h"

/* How far back a body that cannot be read twice may be asked again. */
#define INPUT_WINDOW 65536

typedef struct input {
  const char *name;             /* as given; "standard input" */
  int fd;                       /* open descriptor; -1: none */
  bool seekable;                /* a regular file */
  int64_t start;                /* seekable: where the body begins in the file */
  int64_t total;                /* bytes; -1: unknown */
  int error;                    /* errno of a failed read; 0: none. -1: asked for what is gone */
  uint64_t window_at;           /* not seekable: offset of the first byte kept */
  size_t window_len;            /* bytes kept */
  bool ended;                   /* not seekable: the end was read */
  uint8_t window[INPUT_WINDOW]; /* the bytes kept */
} input_t;

/* Open -i FILE ("-": standard input). 0 or an exit status after saying why. */
int input_open(input_t *input, const options_t *options, const char *name);

/* The bytes from `offset`, less than cap only at the end; negative ACOAP error. An
 * acoap_body_reader_cb. */
int input_read(void *input, uint64_t offset, uint8_t *room, size_t cap);

/* What went wrong in input_read, as a sentence; NULL: nothing. */
const char *input_error(const input_t *input);

void input_close(input_t *input);

#endif
