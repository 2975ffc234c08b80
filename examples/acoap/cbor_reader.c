/*
 * Reads CBOR (RFC 8949) head by head, without memory of its own; checks that what it reads is
 * well-formed (appendix C). Builds no tree.
 * SPDX-License-Identifier: MIT
 */
#include "cbor_reader.h"

#include <math.h>
#include <string.h>

#include "text.h"

void cbor_reader_init(cbor_reader_t *reader, const void *bytes, size_t len) {
  reader->at = bytes;
  reader->end = reader->at + len;
}

/* The argument behind the initial byte. */
static bool read_argument(cbor_reader_t *reader, cbor_item_t *item) {
  if (item->info < 24) {
    item->argument = item->info;
    return true;
  }
  if (item->info > 27) {
    return false;
  }
  size_t len = (size_t)1 << (item->info - 24);
  if ((size_t)(reader->end - reader->at) < len) {
    return false;
  }
  item->argument = 0;
  for (size_t i = 0; i < len; i++) {
    item->argument = item->argument << 8 | *reader->at++;
  }
  return true;
}

bool cbor_reader_next(cbor_reader_t *reader, cbor_item_t *item) {
  if (reader->at >= reader->end) {
    return false;
  }
  uint8_t initial = *reader->at++;
  *item = (cbor_item_t){.major = (cbor_major_t)(initial >> 5), .info = initial & 0x1f};
  if (item->info == 31) {
    item->is_break = item->major == CBOR_SIMPLE;
    item->indefinite = item->major >= CBOR_BYTES && item->major <= CBOR_MAP;
    return item->is_break || item->indefinite;
  }
  if (!read_argument(reader, item)) {
    return false;
  }
  if (item->major == CBOR_SIMPLE && item->info == 24 && item->argument < 32) {
    return false;
  }
  if (item->major == CBOR_BYTES || item->major == CBOR_TEXT) {
    if (item->argument > (uint64_t)(reader->end - reader->at)) {
      return false;
    }
    item->bytes = reader->at;
    reader->at += item->argument;
    return item->major == CBOR_BYTES || text_is_utf8(item->bytes, (size_t)item->argument);
  }
  return true;
}

static bool skip_content(cbor_reader_t *reader, const cbor_item_t *item, size_t depth);

/* Items up to the break; those of an indefinite string are definite ones of its kind. */
static bool skip_indefinite(cbor_reader_t *reader, const cbor_item_t *parent, size_t depth) {
  for (uint64_t count = 0;; count++) {
    cbor_item_t item;
    if (!cbor_reader_next(reader, &item)) {
      return false;
    }
    if (item.is_break) {
      return parent->major != CBOR_MAP || count % 2 == 0;
    }
    bool string = parent->major == CBOR_BYTES || parent->major == CBOR_TEXT;
    if (string && (item.major != parent->major || item.indefinite)) {
      return false;
    }
    if (!skip_content(reader, &item, depth + 1)) {
      return false;
    }
  }
}

/* What belongs to an item whose head has been read. */
static bool skip_content(cbor_reader_t *reader, const cbor_item_t *item, size_t depth) {
  if (item->is_break || depth > CBOR_DEPTH_MAX) {
    return false;
  }
  if (item->indefinite) {
    return skip_indefinite(reader, item, depth);
  }
  if (item->major != CBOR_ARRAY && item->major != CBOR_MAP && item->major != CBOR_TAG) {
    return true;
  }
  uint64_t rounds = item->major == CBOR_TAG ? 1 : item->argument;
  for (uint64_t i = 0; i < rounds; i++) {
    for (int part = 0; part < (item->major == CBOR_MAP ? 2 : 1); part++) {
      if (!cbor_reader_skip(reader, depth + 1)) {
        return false;
      }
    }
  }
  return true;
}

bool cbor_reader_skip(cbor_reader_t *reader, size_t depth) {
  cbor_item_t item;
  return cbor_reader_next(reader, &item) && skip_content(reader, &item, depth);
}

/* RFC 8949 appendix D. */
static double half_to_double(uint16_t half) {
  int exponent = half >> 10 & 0x1f;
  int mantissa = half & 0x3ff;
  double value;
  if (exponent == 0) {
    value = (double)mantissa / 16777216.0;
  } else if (exponent == 31) {
    value = mantissa == 0 ? (double)INFINITY : (double)NAN;
  } else {
    value = (double)(mantissa + 1024);
    for (; exponent > 25; exponent--) {
      value *= 2.0;
    }
    for (; exponent < 25; exponent++) {
      value /= 2.0;
    }
  }
  return half & 0x8000 ? -value : value;
}

bool cbor_item_number(const cbor_item_t *item, double *number) {
  if (item->major == CBOR_UINT) {
    *number = (double)item->argument;
    return true;
  }
  if (item->major == CBOR_NEGATIVE) {
    *number = -1.0 - (double)item->argument;
    return true;
  }
  if (item->major != CBOR_SIMPLE || item->is_break) {
    return false;
  }
  if (item->info == 25) {
    *number = half_to_double((uint16_t)item->argument);
    return true;
  }
  if (item->info == 26) {
    uint32_t bits = (uint32_t)item->argument;
    float single;
    memcpy(&single, &bits, sizeof(single));
    *number = (double)single;
    return true;
  }
  if (item->info == 27) {
    memcpy(number, &item->argument, sizeof(*number));
    return true;
  }
  return false;
}
