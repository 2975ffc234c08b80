/*
 * A buffer of its own for bytes that somebody else keeps: one piece from the allocator that belongs
 * to its holders alone, so it may outlive whoever made it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_BUFFER_COPY_H
#define ACOAP_TRANSPORT_BUFFER_COPY_H

#include <acoap/socket.h>

/* A copy with one reference; NULL: no memory. */
acoap_buffer_t *acoap__buffer_copy(acoap_bytes_t bytes);

#endif
