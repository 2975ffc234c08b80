/*
 * The options of the command line as a table.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_OPTION_TABLE_H
#define TOOL_OPTION_TABLE_H

#include "options.h"

/* Takes an option's argument (NULL for flags). Returns NULL, or what is wrong with it. */
typedef const char *(*option_take_fn)(options_t *options, const char *argument);

typedef struct option_spec {
  char letter;          /* 'o'; 0: none */
  const char *name;     /* "json"; NULL: none */
  const char *argument; /* "FILE"; NULL: a flag */
  unsigned set;         /* the commands that take it */
  option_take_fn take;  /* NULL: recognised, but its feature is not built yet */
  const char *help;     /* one line */
} option_spec_t;

/* Text, or 0x and pairs of hexadecimal digits, into bytes of their own (free); NULL, or what is
 * wrong. */
const char *option_read_bytes(const char *text, uint8_t **bytes, size_t *len);

extern const option_spec_t option_table[];
extern const size_t option_table_count;

#endif
