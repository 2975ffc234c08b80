/*
 * A buffer of its own for bytes that somebody else keeps.
 * SPDX-License-Identifier: MIT
 */
#include "transport/buffer_copy.h"

#include <string.h>

#include "base/mem.h"

static void release(acoap_buffer_t *buffer) {
  acoap__free(buffer);
}

acoap_buffer_t *acoap__buffer_copy(acoap_bytes_t bytes) {
  acoap_buffer_t *buffer = acoap__malloc(sizeof(*buffer) + bytes.len);
  if (buffer == NULL) {
    return NULL;
  }
  buffer->bytes = (uint8_t *)(buffer + 1);
  buffer->cap = bytes.len;
  buffer->len = bytes.len;
  buffer->refs = 1;
  buffer->release = release;
  buffer->owner = NULL;
  if (bytes.len > 0) {
    memcpy(buffer->bytes, bytes.data, bytes.len);
  }
  return buffer;
}
