/*
 * A table of text, columns aligned.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_TABLE_H
#define TOOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct table {
  const char *const *titles; /* one per column; borrowed */
  size_t columns;            /* how many */
  char **cells;              /* row by row, owned */
  size_t count;              /* cells so far */
  size_t cap;                /* room for cells */
  bool failed;               /* no memory */
} table_t;

void table_init(table_t *table, const char *const *titles, size_t columns);
/* The next cell; the text is copied. len 0 leaves it empty. */
void table_add(table_t *table, const char *text, size_t len);
/* Print; a column that is empty in every row is left out. False: no memory. */
bool table_print(const table_t *table, FILE *out, int indent);
void table_done(table_t *table);

#endif
