/*
 * The words that every other header uses: a run of bytes, a point in time.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TYPES_H
#define ACOAP_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <acoap/export.h>

ACOAP_BEGIN_DECLS

/** Monotonic milliseconds since a start that the host chose; goes on through system suspend. */
typedef int64_t acoap_time_t;

/** "Never": no timer is due. */
#define ACOAP_TIME_NEVER INT64_MAX

/** A run of bytes that somebody else owns; valid as long as its owner says. */
typedef struct acoap_bytes {
  const uint8_t *data; /* first byte; may be NULL when len is 0 */
  size_t len;          /* bytes */
} acoap_bytes_t;

ACOAP_END_DECLS

#endif
