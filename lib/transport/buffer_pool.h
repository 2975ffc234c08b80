/*
 * Reference-counted buffers of one size for datagrams that come in. A pool keeps up to a bound of
 * them for the next datagram; beyond it, and after its close, they go back to the allocator, so
 * buffers may outlive their pool's owner.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_BUFFER_POOL_H
#define ACOAP_TRANSPORT_BUFFER_POOL_H

#include <acoap/socket.h>

typedef struct acoap__buffer_pool acoap__buffer_pool_t;

/* A pool of buffers of buffer_bytes each, of which at most kept_max wait unused. NULL: no memory.
 */
acoap__buffer_pool_t *acoap__buffer_pool_new(size_t buffer_bytes, size_t kept_max);

/* A buffer with one reference and len 0; NULL: no memory. */
acoap_buffer_t *acoap__buffer_pool_take(acoap__buffer_pool_t *pool);

/* Give the pool up; it goes with the last buffer still held. NULL is fine. */
void acoap__buffer_pool_close(acoap__buffer_pool_t *pool);

#endif
