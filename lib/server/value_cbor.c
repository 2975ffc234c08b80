/*
 * Typed values as CBOR (RFC 8949): one item, the shortest that holds the value (section 4.1). An
 * integer is taken for a floating-point number, too; strings have a definite length. Reads no tags,
 * no arrays, no maps.
 * SPDX-License-Identifier: MIT
 */
#include "server/value.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { MAJOR_UNSIGNED = 0, MAJOR_NEGATIVE = 1, MAJOR_TEXT = 3, MAJOR_SIMPLE = 7 };
/* Additional information: an argument of 1, 2, 4, 8 bytes follows; simple values. */
enum { ARGUMENT_8 = 24, ARGUMENT_16 = 25, ARGUMENT_32 = 26, ARGUMENT_64 = 27 };
enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21 };
/* The greatest finite float, (2 - 2^-23) * 2^127. */
#define FLOAT_MAX 3.4028234663852886e+38

typedef struct head {
  unsigned major;      /* 0 to 7 */
  unsigned additional; /* 0 to 31 */
  uint64_t argument;   /* the number, the length, or the bits of a float */
  size_t len;          /* bytes of the head */
} head_t;

/* ---- reading ----------------------------------------------------------------------------------
 */

static bool read_head(acoap_bytes_t body, head_t *head) {
  if (body.len == 0) {
    return false;
  }
  head->major = body.data[0] >> 5;
  head->additional = body.data[0] & 31u;
  head->argument = head->additional;
  head->len = 1;
  if (head->additional < ARGUMENT_8) {
    return true;
  }
  if (head->additional > ARGUMENT_64) {
    return false;
  }
  size_t more = (size_t)1 << (head->additional - ARGUMENT_8);
  if (body.len < 1 + more) {
    return false;
  }
  head->argument = 0;
  for (size_t i = 1; i <= more; i++) {
    head->argument = head->argument << 8 | body.data[i];
  }
  head->len += more;
  return true;
}

/* value * 2^exponent, exactly where a double can. */
static double scale(double value, int exponent) {
  for (; exponent > 0; exponent--) {
    value *= 2;
  }
  for (; exponent < 0; exponent++) {
    value /= 2;
  }
  return value;
}

static double half_to_double(uint16_t bits) {
  int exponent = (bits >> 10) & 31;
  double fraction = (double)(bits & 1023u);
  double magnitude;
  if (exponent == 31) {
    magnitude = fraction == 0 ? (double)INFINITY : (double)NAN;
  } else if (exponent == 0) {
    magnitude = scale(fraction, -24);
  } else {
    magnitude = scale(1024.0 + fraction, exponent - 25);
  }
  return (bits & 0x8000u) != 0 ? -magnitude : magnitude;
}

static double float_to_double(uint32_t bits) {
  float number;
  memcpy(&number, &bits, sizeof(number));
  return (double)number;
}

static bool read_number(const head_t *head, double *number) {
  double read = 0;
  if (head->major == MAJOR_UNSIGNED) {
    read = (double)head->argument;
  } else if (head->major == MAJOR_NEGATIVE) {
    read = -1.0 - (double)head->argument;
  } else if (head->major != MAJOR_SIMPLE || head->additional < ARGUMENT_16) {
    return false;
  } else if (head->additional == ARGUMENT_16) {
    read = half_to_double((uint16_t)head->argument);
  } else if (head->additional == ARGUMENT_32) {
    read = float_to_double((uint32_t)head->argument);
  } else {
    memcpy(&read, &head->argument, sizeof(read));
  }
  *number = read;
  return isfinite(read);
}

static bool read_integer(const head_t *head, int64_t *integer) {
  if (head->major > MAJOR_NEGATIVE || head->argument > (uint64_t)INT64_MAX) {
    return false;
  }
  *integer = head->major == MAJOR_UNSIGNED ? (int64_t)head->argument : -1 - (int64_t)head->argument;
  return true;
}

int acoap__value_read_cbor(acoap_bytes_t body, acoap_value_t *value, const char **why) {
  head_t head;
  bool read = false;
  if (!read_head(body, &head)) {
    return acoap__value_wrong(why, "malformed CBOR, or an indefinite length");
  }
  if (value->type == ACOAP_VALUE_STRING) {
    if (head.major != MAJOR_TEXT || head.argument != body.len - head.len) {
      return acoap__value_wrong(why, "one CBOR text string is expected");
    }
    value->string = (acoap_bytes_t){body.data + head.len, body.len - head.len};
    return acoap__utf8_valid(value->string.data, value->string.len)
               ? 0
               : acoap__value_expected(why, value->type);
  }
  if (body.len != head.len) {
    return acoap__value_wrong(why, "one CBOR item is expected");
  }
  switch (value->type) {
  case ACOAP_VALUE_BOOL:
    read = head.major == MAJOR_SIMPLE && head.len == 1 &&
           (head.additional == SIMPLE_FALSE || head.additional == SIMPLE_TRUE);
    value->boolean = head.additional == SIMPLE_TRUE;
    break;
  case ACOAP_VALUE_INT:
    read = read_integer(&head, &value->integer);
    break;
  case ACOAP_VALUE_DOUBLE:
    read = read_number(&head, &value->number);
    break;
  case ACOAP_VALUE_STRING:
    break;
  }
  return read ? 0 : acoap__value_expected(why, value->type);
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static size_t put(uint8_t *out, unsigned major, unsigned additional, uint64_t argument,
                  size_t bytes) {
  out[0] = (uint8_t)(major << 5 | additional);
  for (size_t i = 0; i < bytes; i++) {
    out[1 + i] = (uint8_t)(argument >> (8 * (bytes - 1 - i)));
  }
  return 1 + bytes;
}

static size_t put_head(uint8_t *out, unsigned major, uint64_t argument) {
  if (argument < ARGUMENT_8) {
    return put(out, major, (unsigned)argument, 0, 0);
  }
  if (argument <= UINT8_MAX) {
    return put(out, major, ARGUMENT_8, argument, 1);
  }
  if (argument <= UINT16_MAX) {
    return put(out, major, ARGUMENT_16, argument, 2);
  }
  return argument <= UINT32_MAX ? put(out, major, ARGUMENT_32, argument, 4)
                                : put(out, major, ARGUMENT_64, argument, 8);
}

/* A float's bits as a half's; false when it would lose something. Subnormal halves stay floats. */
static bool half_of(uint32_t bits, uint16_t *half) {
  uint32_t sign = (bits >> 16) & 0x8000u;
  int exponent = (int)((bits >> 23) & 255u) - 127;
  uint32_t fraction = bits & 0x7fffffu;
  if ((bits & 0x7fffffffu) == 0) {
    *half = (uint16_t)sign;
    return true;
  }
  if (exponent == 128) {
    /* Infinity, or NaN, of which there is one. */
    *half = fraction == 0 ? (uint16_t)(sign | 0x7c00u) : 0x7e00u;
    return true;
  }
  if (exponent < -14 || exponent > 15 || (fraction & 0x1fffu) != 0) {
    return false;
  }
  *half = (uint16_t)(sign | (uint32_t)(exponent + 15) << 10 | fraction >> 13);
  return true;
}

static size_t put_number(uint8_t *out, double number) {
  uint64_t double_bits;
  uint32_t bits;
  uint16_t half;
  /* Beyond a float's range the conversion would not be defined. */
  bool fits = !isfinite(number) || (number >= -FLOAT_MAX && number <= FLOAT_MAX);
  float narrow = fits ? (float)number : 0.0F;
  memcpy(&bits, &narrow, sizeof(bits));
  memcpy(&double_bits, &number, sizeof(double_bits));
  if (!fits || (isfinite(number) && (double)narrow != number)) {
    return put(out, MAJOR_SIMPLE, ARGUMENT_64, double_bits, 8);
  }
  return half_of(bits, &half) ? put(out, MAJOR_SIMPLE, ARGUMENT_16, half, 2)
                              : put(out, MAJOR_SIMPLE, ARGUMENT_32, bits, 4);
}

uint8_t *acoap__value_write_cbor(const acoap_value_t *value, size_t *len) {
  size_t string_len = value->type == ACOAP_VALUE_STRING ? value->string.len : 0;
  uint8_t *out = acoap__malloc(9 + string_len);
  if (out == NULL) {
    return NULL;
  }
  switch (value->type) {
  case ACOAP_VALUE_BOOL:
    *len = put(out, MAJOR_SIMPLE, value->boolean ? SIMPLE_TRUE : SIMPLE_FALSE, 0, 0);
    break;
  case ACOAP_VALUE_INT:
    *len = value->integer >= 0 ? put_head(out, MAJOR_UNSIGNED, (uint64_t)value->integer)
                               : put_head(out, MAJOR_NEGATIVE, (uint64_t)(-1 - value->integer));
    break;
  case ACOAP_VALUE_DOUBLE:
    *len = put_number(out, value->number);
    break;
  case ACOAP_VALUE_STRING:
    *len = put_head(out, MAJOR_TEXT, string_len);
    if (string_len > 0) {
      memcpy(out + *len, value->string.data, string_len);
    }
    *len += string_len;
    break;
  }
  return out;
}
