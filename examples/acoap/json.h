/*
 * Writes JSON (RFC 8259), one object per line.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct json {
  FILE *out;  /* where to */
  bool comma; /* the next member needs a comma in front */
} json_t;

void json_init(json_t *json, FILE *out);

/* Each takes the member's name, or NULL inside an array and for the outermost value. */
void json_object_begin(json_t *json, const char *name);
void json_object_end(json_t *json);
void json_array_begin(json_t *json, const char *name);
void json_array_end(json_t *json);
void json_null(json_t *json, const char *name);
void json_bool(json_t *json, const char *name, bool value);
void json_int(json_t *json, const char *name, int64_t value);
/* A number with three decimals. */
void json_real(json_t *json, const char *name, double value);
/* Zero-terminated text, NULL gives null. */
void json_text(json_t *json, const char *name, const char *text);
/* A string; bytes that are no UTF-8 become U+FFFD, so the line stays JSON whatever comes. */
void json_bytes(json_t *json, const char *name, const void *bytes, size_t len);
/* "0x3a..." */
void json_hex(json_t *json, const char *name, const void *bytes, size_t len);
/* The same without 0x: a name that ends in _hex says it already. */
void json_bare_hex(json_t *json, const char *name, const void *bytes, size_t len);

/* End the line and hand it on at once. */
void json_line_end(json_t *json);

#endif
