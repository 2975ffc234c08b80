/*
 * Writes JSON (RFC 8259), one object per line. The rule: whatever bytes come in, what goes out is
 * valid JSON in UTF-8. Knows nothing of CoAP; does not read.
 * SPDX-License-Identifier: MIT
 */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "text.h"

static void write_string(FILE *out, const void *bytes, size_t len) {
  const uint8_t *at = bytes;
  fputc('"', out);
  while (len > 0) {
    uint32_t character = 0;
    size_t taken = text_char(at, len, &character);
    if (taken == 0) {
      fputs("\xef\xbf\xbd", out);
      taken = 1;
    } else if (character == '"' || character == '\\') {
      fprintf(out, "\\%c", (char)character);
    } else if (character == '\n') {
      fputs("\\n", out);
    } else if (character < 0x20 || character == 0x7f) {
      fprintf(out, "\\u%04" PRIx32, character);
    } else {
      fwrite(at, 1, taken, out);
    }
    at += taken;
    len -= taken;
  }
  fputc('"', out);
}

static void begin_value(json_t *json, const char *name) {
  if (json->comma) {
    fputc(',', json->out);
  }
  if (name != NULL) {
    write_string(json->out, name, strlen(name));
    fputc(':', json->out);
  }
  json->comma = true;
}

void json_init(json_t *json, FILE *out) {
  json->out = out;
  json->comma = false;
}

void json_object_begin(json_t *json, const char *name) {
  begin_value(json, name);
  fputc('{', json->out);
  json->comma = false;
}

void json_object_end(json_t *json) {
  fputc('}', json->out);
  json->comma = true;
}

void json_array_begin(json_t *json, const char *name) {
  begin_value(json, name);
  fputc('[', json->out);
  json->comma = false;
}

void json_array_end(json_t *json) {
  fputc(']', json->out);
  json->comma = true;
}

void json_null(json_t *json, const char *name) {
  begin_value(json, name);
  fputs("null", json->out);
}

void json_bool(json_t *json, const char *name, bool value) {
  begin_value(json, name);
  fputs(value ? "true" : "false", json->out);
}

void json_int(json_t *json, const char *name, int64_t value) {
  begin_value(json, name);
  fprintf(json->out, "%" PRId64, value);
}

void json_real(json_t *json, const char *name, double value) {
  begin_value(json, name);
  if (isfinite(value)) {
    fprintf(json->out, "%.3f", value);
  } else {
    fputs("null", json->out);
  }
}

void json_text(json_t *json, const char *name, const char *text) {
  if (text == NULL) {
    json_null(json, name);
    return;
  }
  json_bytes(json, name, text, strlen(text));
}

void json_bytes(json_t *json, const char *name, const void *bytes, size_t len) {
  begin_value(json, name);
  write_string(json->out, bytes, len);
}

static void put_hex(json_t *json, const char *prefix, const void *bytes, size_t len) {
  const uint8_t *at = bytes;
  fprintf(json->out, "\"%s", prefix);
  for (size_t i = 0; i < len; i++) {
    fprintf(json->out, "%02x", (unsigned)at[i]);
  }
  fputc('"', json->out);
}

void json_hex(json_t *json, const char *name, const void *bytes, size_t len) {
  begin_value(json, name);
  put_hex(json, "0x", bytes, len);
}

void json_bare_hex(json_t *json, const char *name, const void *bytes, size_t len) {
  begin_value(json, name);
  put_hex(json, "", bytes, len);
}

void json_line_end(json_t *json) {
  fputc('\n', json->out);
  fflush(json->out);
  json->comma = false;
}
