/*
 * What the core asks of <string.h>, declared for compilers without a C library: the functions that
 * every freestanding compiler calls anyway. Whoever links the core provides them.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_FREESTANDING_STRING_H
#define ACOAP_FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *at, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *text);

#endif
