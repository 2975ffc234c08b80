/*
 * The five functions that a compiler without a C library asks for, as small as can be.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len) {
  return memmove(to, from, len);
}

void *memmove(void *to, const void *from, size_t len) {
  uint8_t *a = to;
  const uint8_t *b = from;

  if ((uintptr_t)a < (uintptr_t)b) {
    for (size_t i = 0; i < len; i++) {
      a[i] = b[i];
    }
  } else {
    while (len-- > 0) {
      a[len] = b[len];
    }
  }
  return to;
}

void *memset(void *at, int byte, size_t len) {
  uint8_t *a = at;

  while (len-- > 0) {
    a[len] = (uint8_t)byte;
  }
  return at;
}

int memcmp(const void *a, const void *b, size_t len) {
  const uint8_t *x = a;
  const uint8_t *y = b;

  for (size_t i = 0; i < len; i++) {
    if (x[i] != y[i]) {
      return x[i] - y[i];
    }
  }
  return 0;
}

size_t strlen(const char *text) {
  size_t len = 0;

  while (text[len] != '\0') {
    len++;
  }
  return len;
}
