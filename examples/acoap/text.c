/*
 * Text from the network on a terminal (RFC 3629). A control character, also one of U+0080..U+009F
 * or one that turns the writing direction, could steer the terminal, so it is shown as its number.
 * Chooses no layout.
 * SPDX-License-Identifier: MIT
 */
#include "text.h"

/* How many bytes follow a lead byte, and its own bits; -1: no lead byte. */
static int followers(uint8_t lead, uint32_t *bits) {
  if (lead < 0x80) {
    *bits = lead;
    return 0;
  }
  if (lead >= 0xc2 && lead <= 0xdf) {
    *bits = lead & 0x1fu;
    return 1;
  }
  if (lead >= 0xe0 && lead <= 0xef) {
    *bits = lead & 0x0fu;
    return 2;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    *bits = lead & 0x07u;
    return 3;
  }
  return -1;
}

size_t text_char(const void *bytes, size_t len, uint32_t *character) {
  static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
  const uint8_t *at = bytes;
  uint32_t number = 0;
  if (len == 0) {
    return 0;
  }
  int more = followers(at[0], &number);
  if (more < 0 || (size_t)more >= len) {
    return 0;
  }
  for (int i = 1; i <= more; i++) {
    if ((at[i] & 0xc0) != 0x80) {
      return 0;
    }
    number = number << 6 | (at[i] & 0x3fu);
  }
  if (number < least[more] || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff)) {
    return 0;
  }
  if (character != NULL) {
    *character = number;
  }
  return (size_t)more + 1;
}

bool text_is_utf8(const void *bytes, size_t len) {
  const uint8_t *at = bytes;
  while (len > 0) {
    size_t taken = text_char(at, len, NULL);
    if (taken == 0) {
      return false;
    }
    at += taken;
    len -= taken;
  }
  return true;
}

static bool is_control(uint32_t character) {
  return character < 0x20 || (character >= 0x7f && character <= 0x9f) ||
         (character >= 0x200e && character <= 0x200f) ||
         (character >= 0x202a && character <= 0x202e) ||
         (character >= 0x2066 && character <= 0x2069);
}

bool text_is_printable(const void *bytes, size_t len) {
  const uint8_t *at = bytes;
  while (len > 0) {
    uint32_t character = 0;
    size_t taken = text_char(at, len, &character);
    if (taken == 0) {
      return false;
    }
    if (is_control(character) && character != '\n' && character != '\r' && character != '\t') {
      return false;
    }
    at += taken;
    len -= taken;
  }
  return true;
}

/* Print one character or stray byte of `taken` bytes in its escaped form; out NULL only measures.
 * Returns the columns. */
static size_t print_escaped(FILE *out, const uint8_t *at, size_t taken, uint32_t character) {
  if (taken == 1 && (character == '\n' || character == '\t' || character == '\r')) {
    if (out != NULL) {
      fprintf(out, "\\%c", character == '\n' ? 'n' : character == '\t' ? 't' : 'r');
    }
    return 2;
  }
  for (size_t i = 0; i < taken && out != NULL; i++) {
    fprintf(out, "\\x%02x", (unsigned)at[i]);
  }
  return 4 * taken;
}

static size_t print_text(FILE *out, const void *bytes, size_t len, bool one_line) {
  const uint8_t *at = bytes;
  size_t columns = 0;
  while (len > 0) {
    uint32_t character = 0;
    size_t taken = text_char(at, len, &character);
    bool stray = taken == 0;
    if (stray) {
      taken = 1;
    }
    bool line_end = character == '\r' && len > 1 && at[1] == '\n';
    bool layout = !one_line && !stray && (character == '\n' || character == '\t' || line_end);
    if (stray || (is_control(character) && !layout)) {
      columns += print_escaped(out, at, taken, stray ? 0 : character);
    } else {
      columns++;
      if (out != NULL) {
        fwrite(at, 1, taken, out);
      }
    }
    at += taken;
    len -= taken;
  }
  return columns;
}

void text_print(FILE *out, const void *bytes, size_t len) {
  print_text(out, bytes, len, false);
}

void text_print_line(FILE *out, const void *bytes, size_t len) {
  print_text(out, bytes, len, true);
}

size_t text_width(const void *bytes, size_t len) {
  return print_text(NULL, bytes, len, true);
}
