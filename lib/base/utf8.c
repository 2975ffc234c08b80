/*
 * UTF-8 after the table of RFC 3629 section 4: the first byte tells the length and the range of the
 * second, all others lie in 80 to bf. Converts nothing.
 * SPDX-License-Identifier: MIT
 */
#include "base/utf8.h"

size_t acoap__utf8_char(const void *bytes, size_t len) {
  const uint8_t *byte = bytes;
  uint8_t least = 0x80;
  uint8_t most = 0xbf;
  size_t count;

  if (len == 0) {
    return 0;
  }
  if (byte[0] < 0x80) {
    return 1;
  }
  if (byte[0] >= 0xc2 && byte[0] <= 0xdf) {
    count = 2;
  } else if (byte[0] >= 0xe0 && byte[0] <= 0xef) {
    count = 3;
    least = byte[0] == 0xe0 ? 0xa0 : 0x80; /* overlong */
    most = byte[0] == 0xed ? 0x9f : 0xbf;  /* surrogates */
  } else if (byte[0] >= 0xf0 && byte[0] <= 0xf4) {
    count = 4;
    least = byte[0] == 0xf0 ? 0x90 : 0x80; /* overlong */
    most = byte[0] == 0xf4 ? 0x8f : 0xbf;  /* beyond U+10FFFF */
  } else {
    return 0;
  }
  if (len < count || byte[1] < least || byte[1] > most) {
    return 0;
  }
  for (size_t i = 2; i < count; i++) {
    if (byte[i] < 0x80 || byte[i] > 0xbf) {
      return 0;
    }
  }
  return count;
}

bool acoap__utf8_valid(const void *bytes, size_t len) {
  const uint8_t *at = bytes;

  while (len > 0) {
    size_t count = acoap__utf8_char(at, len);
    if (count == 0) {
      return false;
    }
    at += count;
    len -= count;
  }
  return true;
}
