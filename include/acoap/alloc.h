/*
 * The allocator hook: the library's only mutable global.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ALLOC_H
#define ACOAP_ALLOC_H

#include <acoap/error.h>
#include <acoap/types.h>

ACOAP_BEGIN_DECLS

/**
 * Functions in the manner of the C library's. All three are needed; they may be called from any
 * thread that runs a loop, and from those in which a loop has its work done.
 */
typedef struct acoap_allocator {
  size_t size;                                             /* sizeof(acoap_allocator_t) */
  void *(*malloc)(size_t size, void *user_data);           /* NULL when there is no memory */
  void *(*realloc)(void *p, size_t size, void *user_data); /* as realloc(3) */
  void (*free)(void *p, void *user_data);                  /* NULL is given too */
  void *user_data;                                         /* handed to each */
} acoap_allocator_t;

/**
 * Install an allocator, before the first other call into the library. NULL restores malloc, realloc
 * and free.
 *
 * Errors:     ACOAP_EINVAL a missing function or a wrong size.
 * Ownership:  the struct is copied.
 * Since:      0.1
 */
ACOAP_API int acoap_set_allocator(const acoap_allocator_t *allocator);

ACOAP_END_DECLS

#endif
