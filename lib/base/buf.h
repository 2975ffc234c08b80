/*
 * A reference-counted run of bytes. Who makes one says how it is given back, so it may come from
 * malloc, from a socket's pool or from static memory; this file allocates nothing. Counts are not
 * atomic: a buffer belongs to its loop's thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_BUF_H
#define ACOAP_BASE_BUF_H

#include <acoap/socket.h>

/* acoap_buffer_t is public in <acoap/socket.h>, since users' own sockets make them. */
static inline acoap_buffer_t *acoap__buf_ref(acoap_buffer_t *buffer) {
  if (buffer != NULL) {
    buffer->refs++;
  }
  return buffer;
}

static inline void acoap__buf_unref(acoap_buffer_t *buffer) {
  if (buffer != NULL && --buffer->refs == 0) {
    buffer->release(buffer);
  }
}

#endif
