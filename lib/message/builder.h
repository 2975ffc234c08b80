/*
 * What files that fill a builder need beyond <acoap/codec.h>.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_BUILDER_H
#define ACOAP_MESSAGE_BUILDER_H

#include <acoap/codec.h>

#include "message/wire.h"

/* The code so far; 0.00 when acoap_builder_init has failed. */
static inline uint8_t acoap__builder_code(const acoap_builder_t *builder) {
  return builder->options_at > 0 ? builder->bytes[1] : 0;
}

/* The payload so far. */
static inline acoap_bytes_t acoap__builder_payload(const acoap_builder_t *builder) {
  if (builder->payload_at == 0) {
    return (acoap_bytes_t){NULL, 0};
  }
  return (acoap_bytes_t){builder->bytes + builder->payload_at, builder->len - builder->payload_at};
}

/* May there be such an option? False: there is none. */
static inline bool acoap__builder_may_have(const acoap_builder_t *builder, uint16_t number) {
  return (builder->present & acoap__present_bit(number)) != 0;
}

/* Is there such an option? Without reading any, where none has been written. */
static inline bool acoap__builder_get(const acoap_builder_t *builder, uint16_t number,
                                      acoap_bytes_t *value) {
  acoap_view_t view;
  if (!acoap__builder_may_have(builder, number)) {
    return false;
  }
  acoap_builder_view(builder, &view);
  return acoap_view_option(&view, number, 0, value);
}

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
