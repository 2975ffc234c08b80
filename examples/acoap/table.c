/*
 * A table of text, columns aligned by their widest cell. Cells come from the network: they are
 * shown escaped, on one line.
 * SPDX-License-Identifier: MIT
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Between two columns. */
#define GAP 2

void table_init(table_t *table, const char *const *titles, size_t columns) {
  *table = (table_t){.titles = titles, .columns = columns};
}

void table_add(table_t *table, const char *text, size_t len) {
  if (table->count == table->cap) {
    size_t cap = table->cap == 0 ? 64 : table->cap * 2;
    char **more = realloc(table->cells, cap * sizeof(*more));
    if (more == NULL) {
      table->failed = true;
      return;
    }
    table->cells = more;
    table->cap = cap;
  }
  char *cell = malloc(len + 1);
  if (cell == NULL) {
    table->failed = true;
    return;
  }
  if (len > 0) {
    memcpy(cell, text, len);
  }
  cell[len] = '\0';
  table->cells[table->count++] = cell;
}

/* Columns on the terminal; 0: the column is empty in every row. */
static size_t width_of(const table_t *table, size_t column) {
  size_t width = 0;
  for (size_t i = column; i < table->count; i += table->columns) {
    size_t cell = text_width(table->cells[i], strlen(table->cells[i]));
    width = cell > width ? cell : width;
  }
  size_t title = strlen(table->titles[column]);
  return width > 0 && title > width ? title : width;
}

static void print_row(FILE *out, const char *const *row, const size_t *widths, size_t columns,
                      int indent) {
  size_t behind = 0;
  fprintf(out, "%*s", indent, "");
  for (size_t i = 0; i < columns; i++) {
    size_t len = strlen(row[i]);
    if (widths[i] == 0 || len == 0) {
      behind += widths[i] == 0 ? 0 : widths[i] + GAP;
      continue;
    }
    fprintf(out, "%*s", (int)behind, "");
    text_print_line(out, row[i], len);
    behind = widths[i] + GAP - text_width(row[i], len);
  }
  fputc('\n', out);
}

bool table_print(const table_t *table, FILE *out, int indent) {
  size_t *widths = calloc(table->columns, sizeof(*widths));
  if (widths == NULL || table->failed) {
    free(widths);
    return false;
  }
  for (size_t i = 0; i < table->columns; i++) {
    widths[i] = width_of(table, i);
  }
  print_row(out, table->titles, widths, table->columns, indent);
  for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
    print_row(out, (const char *const *)table->cells + i, widths, table->columns, indent);
  }
  free(widths);
  return true;
}

void table_done(table_t *table) {
  for (size_t i = 0; i < table->count; i++) {
    free(table->cells[i]);
  }
  free(table->cells);
}
