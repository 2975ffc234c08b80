/*
 * The allocator as the rooms above the core see it. Only declared here: endpoint/mem.c installs it
 * (with the hook of <acoap/alloc.h>), and nothing in base, message or exchange calls it, so the
 * core links without it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_MEM_H
#define ACOAP_BASE_MEM_H

#include <stddef.h>

void *acoap__malloc(size_t size);
/* Zeroed; NULL also when count * size overflows. */
void *acoap__calloc(size_t count, size_t size);
void *acoap__realloc(void *p, size_t size);
/* NULL is fine. */
void acoap__free(void *p);

#endif
