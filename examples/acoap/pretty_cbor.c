/*
 * CBOR in diagnostic notation (RFC 8949 section 8). What fits on a line stands on one; larger
 * arrays and maps are broken and indented by two spaces. A body that is not well-formed is refused
 * as a whole.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cbor_reader.h"
#include "pretty.h"
#include "text.h"

/* Columns of a line. */
#define LINE_MAX_COLUMNS 76

static bool print_item(FILE *out, cbor_reader_t *reader, size_t depth, bool broken);

static void print_bytes(FILE *out, const cbor_item_t *item) {
  fputs("h'", out);
  for (uint64_t i = 0; i < item->argument; i++) {
    fprintf(out, "%02x", (unsigned)item->bytes[i]);
  }
  fputc('\'', out);
}

static void print_text_string(FILE *out, const cbor_item_t *item) {
  const uint8_t *start = item->bytes;
  const uint8_t *end = start + item->argument;
  fputc('"', out);
  for (const uint8_t *at = start; at < end; at++) {
    if (*at == '"' || *at == '\\') {
      text_print_line(out, start, (size_t)(at - start));
      fprintf(out, "\\%c", (char)*at);
      start = at + 1;
    }
  }
  text_print_line(out, start, (size_t)(end - start));
  fputc('"', out);
}

/* The shortest decimal that reads back as the same number, always with a point or an exponent. */
static void print_float(FILE *out, double number) {
  char text[40];
  if (isnan(number)) {
    fputs("NaN", out);
    return;
  }
  if (isinf(number)) {
    fputs(number < 0 ? "-Infinity" : "Infinity", out);
    return;
  }
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof(text), "%.*g", digits, number);
    if (!(strtod(text, NULL) < number) && !(strtod(text, NULL) > number)) {
      break;
    }
  }
  fputs(text, out);
  if (strpbrk(text, ".e") == NULL) {
    fputs(".0", out);
  }
}

static void print_simple(FILE *out, const cbor_item_t *item) {
  static const char *const names[] = {"false", "true", "null", "undefined"};
  double number;
  if (cbor_item_number(item, &number)) {
    print_float(out, number);
  } else if (item->argument >= 20 && item->argument <= 23) {
    fputs(names[item->argument - 20], out);
  } else {
    fprintf(out, "simple(%" PRIu64 ")", item->argument);
  }
}

/* -1 - n, also for n = 2^64 - 1, which no C integer holds. */
static void print_negative(FILE *out, uint64_t n) {
  if (n == UINT64_MAX) {
    fputs("-18446744073709551616", out);
  } else {
    fprintf(out, "-%" PRIu64, n + 1);
  }
}

static void separate(FILE *out, bool broken, size_t depth) {
  if (broken) {
    fprintf(out, "\n%*s", (int)(2 * depth), "");
  }
}

/* The elements of an array, the pairs of a map or the chunks of an indefinite string. */
static bool print_elements(FILE *out, cbor_reader_t *reader, const cbor_item_t *parent,
                           size_t depth, bool broken) {
  bool map = parent->major == CBOR_MAP;
  uint64_t count = 0;
  for (;; count++) {
    if (parent->indefinite ? reader->at < reader->end && *reader->at == 0xff
                           : count == parent->argument) {
      break;
    }
    if (count > 0) {
      fputs(broken ? "," : ", ", out);
    }
    separate(out, broken, depth + 1);
    if (!print_item(out, reader, depth + 1, broken)) {
      return false;
    }
    if (map) {
      fputs(": ", out);
      if (!print_item(out, reader, depth + 1, broken)) {
        return false;
      }
    }
  }
  if (parent->indefinite) {
    reader->at++;
  }
  separate(out, broken && count > 0, depth);
  return true;
}

static bool print_nested(FILE *out, cbor_reader_t *reader, const cbor_item_t *item, size_t depth,
                         bool broken) {
  static const char opening[] = {'(', '(', '[', '{'};
  static const char closing[] = {')', ')', ']', '}'};
  size_t kind = (size_t)item->major - CBOR_BYTES;
  fprintf(out, "%c%s", opening[kind], item->indefinite ? "_ " : "");
  if (!print_elements(out, reader, item, depth, broken)) {
    return false;
  }
  fputc(closing[kind], out);
  return true;
}

/* Does the item at the reader take at most `columns` on one line? */
static bool fits_on_line(const cbor_reader_t *reader, size_t depth) {
  char *text = NULL;
  size_t len = 0;
  cbor_reader_t probe = *reader;
  FILE *memory = open_memstream(&text, &len);
  if (memory == NULL) {
    return true;
  }
  bool printed = print_item(memory, &probe, depth, false);
  printed = fclose(memory) == 0 && printed;
  bool fits = printed && text_width(text, len) + 2 * depth <= LINE_MAX_COLUMNS;
  free(text);
  return fits;
}

/* One item that is known to be well-formed. broken: it may take several lines when it is long. */
static bool print_item(FILE *out, cbor_reader_t *reader, size_t depth, bool broken) {
  cbor_item_t item;
  cbor_reader_t before = *reader;
  if (depth > CBOR_DEPTH_MAX || !cbor_reader_next(reader, &item)) {
    return false;
  }
  if (item.indefinite || item.major == CBOR_ARRAY || item.major == CBOR_MAP) {
    bool break_lines = broken && !fits_on_line(&before, depth);
    return print_nested(out, reader, &item, depth, break_lines);
  }
  switch (item.major) {
  case CBOR_UINT:
    fprintf(out, "%" PRIu64, item.argument);
    return true;
  case CBOR_NEGATIVE:
    print_negative(out, item.argument);
    return true;
  case CBOR_BYTES:
    print_bytes(out, &item);
    return true;
  case CBOR_TEXT:
    print_text_string(out, &item);
    return true;
  case CBOR_TAG:
    fprintf(out, "%" PRIu64 "(", item.argument);
    if (!print_item(out, reader, depth + 1, broken)) {
      return false;
    }
    fputc(')', out);
    return true;
  default:
    print_simple(out, &item);
    return true;
  }
}

static bool print_sequence(FILE *out, const void *bytes, size_t len, bool one) {
  cbor_reader_t check;
  cbor_reader_t reader;
  cbor_reader_init(&check, bytes, len);
  do {
    if (!cbor_reader_skip(&check, 0)) {
      return false;
    }
  } while (!one && check.at < check.end);
  if (check.at < check.end) {
    return false;
  }
  cbor_reader_init(&reader, bytes, len);
  while (reader.at < reader.end) {
    if (!print_item(out, &reader, 0, true)) {
      return false;
    }
    fputc('\n', out);
  }
  return true;
}

bool pretty_cbor(FILE *out, const void *bytes, size_t len) {
  return print_sequence(out, bytes, len, true);
}

bool pretty_cbor_seq(FILE *out, const void *bytes, size_t len) {
  return print_sequence(out, bytes, len, false);
}
