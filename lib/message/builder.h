/*
 * What files that fill a builder need beyond <acoap/codec.h>.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_BUILDER_H
#define ACOAP_MESSAGE_BUILDER_H

#include <acoap/codec.h>

/* Note the first failure. */
static inline void acoap__builder_fail(acoap_builder_t *builder, int error) {
  if (builder->error == 0) {
    builder->error = error;
  }
}

/*
 * Insert an option behind the first `rank` options of the same number (all of them when there are
 * fewer), so that a list can be written from its end: the same rank again puts the next value in
 * front of the last one.
 */
void acoap__builder_insert(acoap_builder_t *builder, uint16_t number, size_t rank,
                           const void *value, size_t len);

/* How many options of this number there are. */
size_t acoap__builder_count(const acoap_builder_t *builder, uint16_t number);

#endif
