/*
 * Reads CBOR (RFC 8949) head by head.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_CBOR_READER_H
#define TOOL_CBOR_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Deepest nesting that is read. */
#define CBOR_DEPTH_MAX 64

/* RFC 8949 section 3.1. */
typedef enum cbor_major {
  CBOR_UINT = 0,
  CBOR_NEGATIVE = 1,
  CBOR_BYTES = 2,
  CBOR_TEXT = 3,
  CBOR_ARRAY = 4,
  CBOR_MAP = 5,
  CBOR_TAG = 6,
  CBOR_SIMPLE = 7
} cbor_major_t;

/* One head, with the bytes of a definite string. */
typedef struct cbor_item {
  cbor_major_t major;   /* kind */
  uint8_t info;         /* additional information, 0 to 31 */
  uint64_t argument;    /* value, length, count, tag */
  bool indefinite;      /* length not given: ended by a break */
  bool is_break;        /* the break itself */
  const uint8_t *bytes; /* of a definite string */
} cbor_item_t;

typedef struct cbor_reader {
  const uint8_t *at;  /* next byte */
  const uint8_t *end; /* behind the last */
} cbor_reader_t;

void cbor_reader_init(cbor_reader_t *reader, const void *bytes, size_t len);

/* Read the next head, and step over a definite string's bytes. False: not well-formed. */
bool cbor_reader_next(cbor_reader_t *reader, cbor_item_t *item);

/* Step over one whole item. False: not well-formed or nested too deep. */
bool cbor_reader_skip(cbor_reader_t *reader, size_t depth);

/* The number of an item that is an integer or a float. */
bool cbor_item_number(const cbor_item_t *item, double *number);

#endif
