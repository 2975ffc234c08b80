/*
 * Cutting an answer that its handler has written whole.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TINY_SLICE_H
#define ACOAP_TINY_SLICE_H

#include <acoap/tiny.h>

/* Leave the block that the request asked for; without a Block2 option nothing changes. */
void acoap__tiny_slice_cut(const acoap_view_t *request, acoap_builder_t *answer);

#endif
