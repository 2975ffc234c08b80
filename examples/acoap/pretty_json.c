/*
 * JSON indented by two spaces (RFC 8259). Values stand as they were written; a document that is no
 * JSON is refused as a whole.
 * SPDX-License-Identifier: MIT
 */
#include "json_reader.h"
#include "pretty.h"
#include "text.h"

static void line_break(FILE *out, size_t depth) {
  fprintf(out, "\n%*s", (int)(2 * depth), "");
}

static void print_scalar(FILE *out, json_token_t token, const json_reader_t *reader) {
  switch (token) {
  case JSON_KEY:
  case JSON_STRING:
    fputc('"', out);
    text_print_line(out, reader->text, reader->text_len);
    fputs(token == JSON_KEY ? "\": " : "\"", out);
    break;
  case JSON_NUMBER:
    fwrite(reader->text, 1, reader->text_len, out);
    break;
  case JSON_TRUE:
    fputs("true", out);
    break;
  case JSON_FALSE:
    fputs("false", out);
    break;
  default:
    fputs("null", out);
    break;
  }
}

bool pretty_json(FILE *out, const void *bytes, size_t len) {
  json_reader_t reader;
  json_token_t before = JSON_END;
  json_reader_init(&reader, bytes, len);
  for (;;) {
    json_token_t token = json_reader_next(&reader);
    if (token == JSON_INVALID) {
      return false;
    }
    if (token == JSON_END) {
      fputc('\n', out);
      return true;
    }
    bool opened = before == JSON_OBJECT_BEGIN || before == JSON_ARRAY_BEGIN;
    if (token == JSON_OBJECT_END || token == JSON_ARRAY_END) {
      if (!opened) {
        line_break(out, reader.depth);
      }
      fputc(token == JSON_OBJECT_END ? '}' : ']', out);
      before = token;
      continue;
    }
    bool opens = token == JSON_OBJECT_BEGIN || token == JSON_ARRAY_BEGIN;
    if (before != JSON_END && before != JSON_KEY) {
      if (!opened) {
        fputc(',', out);
      }
      line_break(out, reader.depth - (opens ? 1 : 0));
    }
    if (opens) {
      fputc(token == JSON_OBJECT_BEGIN ? '{' : '[', out);
    } else {
      print_scalar(out, token, &reader);
    }
    before = token;
  }
}
