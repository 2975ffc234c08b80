/*
 * Bodies made readable.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_PRETTY_H
#define TOOL_PRETTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Print a body in the way of its Content-Format (ACOAP_FORMAT_NONE: unknown); ends with a line feed
 * when it prints at all. */
void pretty_print(FILE *out, int content_format, const void *bytes, size_t len);

/* Each prints and returns true, or returns false when the body is not of its kind; what was printed
 * then is void. */
bool pretty_json(FILE *out, const void *bytes, size_t len);
bool pretty_cbor(FILE *out, const void *bytes, size_t len);     /* one item */
bool pretty_cbor_seq(FILE *out, const void *bytes, size_t len); /* RFC 8742, one item per line */
bool pretty_link(FILE *out, const void *bytes, size_t len);
bool pretty_senml_json(FILE *out, const void *bytes, size_t len);
bool pretty_senml_cbor(FILE *out, const void *bytes, size_t len);

/* Offset, bytes in hexadecimal, printable characters. */
void hexdump(FILE *out, const void *bytes, size_t len);

#endif
