/*
 * Reads JSON (RFC 8259) token by token.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_JSON_READER_H
#define TOOL_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Deepest nesting that is read. */
#define JSON_DEPTH_MAX 64

typedef enum json_token {
  JSON_END,     /* the document is over, and was whole */
  JSON_INVALID, /* it is no JSON, or nested too deep */
  JSON_OBJECT_BEGIN,
  JSON_OBJECT_END,
  JSON_ARRAY_BEGIN,
  JSON_ARRAY_END,
  JSON_KEY,    /* a member's name; its value follows */
  JSON_STRING, /* text: between the quotes, escapes as written */
  JSON_NUMBER, /* text: as written */
  JSON_TRUE,
  JSON_FALSE,
  JSON_NULL
} json_token_t;

typedef struct json_reader {
  const char *at;              /* next byte */
  const char *end;             /* behind the last */
  const char *text;            /* of a key, string or number: borrowed from the document */
  size_t text_len;             /* bytes */
  size_t depth;                /* open objects and arrays */
  bool object[JSON_DEPTH_MAX]; /* which of them are objects */
  int expect;                  /* what may come next; private */
} json_reader_t;

void json_reader_init(json_reader_t *reader, const void *bytes, size_t len);
json_token_t json_reader_next(json_reader_t *reader);

/* Decode the escapes of a string into text with a zero; what does not fit is cut. Returns the
 * length. */
size_t json_reader_unescape(const char *string, size_t len, char *text, size_t cap);

#endif
