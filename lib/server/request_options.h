/*
 * What the options of a request say, as every step on its way in and out reads it: gone through
 * once, when the request comes.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_REQUEST_OPTIONS_H
#define ACOAP_SERVER_REQUEST_OPTIONS_H

#include <acoap/block.h>
#include <acoap/codec.h>

#include "message/option.h"

/* Segments of a resource's path, at most. */
#define ACOAP__DEPTH_MAX 64
/* Bytes of a Uri-Path option, at most (RFC 7252 section 5.10). */
#define ACOAP__SEGMENT_MAX 255

/* The bit of a registered option in a set. */
static inline uint64_t acoap__option_bit(uint16_t number) {
  return UINT64_C(1) << ACOAP__OPTION_PLACE(number);
}

/* What is no option, in the same set, where no option has its place: of the request ... */
#define ACOAP__UNRECOGNISED (UINT64_C(1) << 48) /* a critical option that the library does not */
#define ACOAP__BAD_BLOCK (UINT64_C(1) << 49)    /* Block1 or Block2 with the reserved size */
/* ... and of what it meets there. */
#define ACOAP__NO_HANDLER (UINT64_C(1) << 50)      /* nobody serves this path or method */
#define ACOAP__WANTS_IDENTITY (UINT64_C(1) << 51)  /* the resource: acoap_resource_secure */
#define ACOAP__WANTS_FRESHNESS (UINT64_C(1) << 52) /* acoap_resource_fresh */
#define ACOAP__WANTS_FORMATS (UINT64_C(1) << 53)   /* acoap_resource_takes */

typedef struct acoap__asked {
  uint64_t has;            /* which there are; each value holds only if its option is among them */
  uint32_t observe;        /* 0: register, 1: deregister */
  uint32_t accept;         /* Content-Formats, by number */
  uint32_t content_format; /* likewise */
  acoap_block_t block1;    /* unless ACOAP__BAD_BLOCK */
  acoap_block_t block2;    /* likewise */
} acoap__asked_t;

/* Has it this option? */
static inline bool acoap__asked_has(const acoap__asked_t *options, uint16_t number) {
  return (options->has & acoap__option_bit(number)) != 0;
}

/* The Uri-Path options, as many as a resource's path may have. */
typedef struct acoap__asked_path {
  size_t count;       /* of them, also of those that are not among the segments */
  bool is_only_empty; /* one option that is empty is the path "/", as none is; count is 0 then */
  acoap_bytes_t segments[ACOAP__DEPTH_MAX];
} acoap__asked_path_t;

/* Go through the options of a request that was decoded. */
void acoap__asked_read(const acoap_view_t *request, acoap__asked_t *options,
                       acoap__asked_path_t *path);

#endif
