/*
 * A hex dump: sixteen bytes a line, offset, hexadecimal, printable ASCII.
 * SPDX-License-Identifier: MIT
 */
#include "pretty.h"

static void dump_line(FILE *out, size_t offset, const uint8_t *at, size_t len) {
  fprintf(out, "%08zx ", offset);
  for (size_t i = 0; i < 16; i++) {
    if (i == 8) {
      fputc(' ', out);
    }
    if (i < len) {
      fprintf(out, " %02x", (unsigned)at[i]);
    } else {
      fputs("   ", out);
    }
  }
  fputs("  |", out);
  for (size_t i = 0; i < len; i++) {
    fputc(at[i] >= 0x20 && at[i] < 0x7f ? at[i] : '.', out);
  }
  fputs("|\n", out);
}

void hexdump(FILE *out, const void *bytes, size_t len) {
  const uint8_t *at = bytes;
  for (size_t offset = 0; offset < len; offset += 16) {
    dump_line(out, offset, at + offset, len - offset < 16 ? len - offset : 16);
  }
}
