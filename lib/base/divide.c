/*
 * Division of 64 bits by 32, see divide.h: bit by bit, the greatest first. The rule: after each
 * step remainder < divisor, and quotient * divisor + remainder is what has been read of the number.
 * SPDX-License-Identifier: MIT
 */
#include "base/divide.h"

uint64_t acoap__divide(uint64_t number, uint32_t divisor) {
  uint64_t quotient = 0;
  uint64_t remainder = 0;

  if (number <= UINT32_MAX) {
    return (uint32_t)number / divisor;
  }
  for (int bit = 63; bit >= 0; bit--) {
    remainder = remainder << 1 | (number >> bit & 1);
    quotient <<= 1;
    if (remainder >= divisor) {
      remainder -= divisor;
      quotient |= 1;
    }
  }
  return quotient;
}
