/*
 * The bits of the message format (RFC 7252 section 3) that reading and writing share.
 *
 *     header:  Ver(2) T(2) TKL(4) | Code(8) | Message ID(16)
 *     option:  delta(4) length(4) [delta 8 or 16] [length 8 or 16] value;  13: 8 bits follow, 14:
 * 16 bits follow, 15: reserved
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_WIRE_H
#define ACOAP_MESSAGE_WIRE_H

#include <acoap/codec.h>

#define ACOAP__HEADER_LEN 4u
#define ACOAP__PAYLOAD_MARKER 0xffu

/* What an extended field adds to: 13 with one byte, 269 with two. */
#define ACOAP__EXTEND_1 13u
#define ACOAP__EXTEND_2 269u

/* Greatest length and, beyond a number's 65535, greatest delta that the format can carry. */
#define ACOAP__EXTENDED_MAX (ACOAP__EXTEND_2 + 65535u)

/* acoap_view_t.present: it is filled in; the bit that an option of this number shares with others.
 */
#define ACOAP__PRESENT_KNOWN UINT64_C(1)
static inline uint64_t acoap__present_bit(uint32_t number) {
  return UINT64_C(1) << (number & 63u);
}

/* Bytes that a delta, an option length or a token length needs behind its four bits. */
static inline size_t acoap__extension_len(size_t number) {
  return (size_t)(number >= ACOAP__EXTEND_1) + (size_t)(number >= ACOAP__EXTEND_2);
}

/* The four bits of a delta, an option length or a token length. */
static inline uint8_t acoap__nibble(size_t number) {
  return number < ACOAP__EXTEND_1 ? (uint8_t)number : number < ACOAP__EXTEND_2 ? 13 : 14;
}

/* Write what follows the four bits; returns the byte behind. */
static inline uint8_t *acoap__extension_write(uint8_t *at, size_t number) {
  if (number >= ACOAP__EXTEND_2) {
    *at++ = (uint8_t)((number - ACOAP__EXTEND_2) >> 8);
    *at++ = (uint8_t)(number - ACOAP__EXTEND_2);
  } else if (number >= ACOAP__EXTEND_1) {
    *at++ = (uint8_t)(number - ACOAP__EXTEND_1);
  }
  return at;
}

/* Read what follows four bits of 13 or 14 and replace them; NULL when it is cut short or the bits
 * are 15. Defined once, in decode.c, for compilers that do not put it in line. */
inline const uint8_t *acoap__extension_read(const uint8_t *at, const uint8_t *end,
                                            uint32_t *number) {
  if (*number == 13 && end - at >= 1) {
    *number = ACOAP__EXTEND_1 + at[0];
    return at + 1;
  }
  if (*number == 14 && end - at >= 2) {
    *number = ACOAP__EXTEND_2 + ((uint32_t)at[0] << 8 | at[1]);
    return at + 2;
  }
  return NULL;
}

/*
 * Read delta and length of the option at `at`, which is before end; returns where its value starts,
 * NULL when the option is malformed or its value would go beyond end. Likewise.
 */
inline const uint8_t *acoap__option_read(const uint8_t *at, const uint8_t *end, uint32_t *delta,
                                         uint32_t *length) {
  uint8_t first = *at++;

  *delta = first >> 4;
  *length = first & 15u;
  if (*delta >= 13 && (at = acoap__extension_read(at, end, delta)) == NULL) {
    return NULL;
  }
  if (*length >= 13 && (at = acoap__extension_read(at, end, length)) == NULL) {
    return NULL;
  }
  return (size_t)(end - at) >= *length ? at : NULL;
}

#endif
