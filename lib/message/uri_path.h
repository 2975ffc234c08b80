/*
 * The segments of a path, from the last to the first, with the dot segments taken out (RFC 3986
 * section 5.2.4). From the end it takes one pass and no memory: a ".." only has to be remembered
 * until the segment that it removes comes by.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_URI_PATH_H
#define ACOAP_MESSAGE_URI_PATH_H

#include <acoap/types.h>

typedef struct acoap__segments {
  const char *start; /* of the run of segments being read */
  const char *at;    /* behind the segment to be given next; NULL: the run is used up */
  size_t skip;       /* segments that a ".." has removed and that are still to come */
  bool inner;        /* the last segment of the path has been given or passed */
} acoap__segments_t;

void acoap__segments_init(acoap__segments_t *segments);

/*
 * Read on in [start, end), a run of segments with '/' between, none around. Called again after the
 * end with the run that stands in front of this one.
 */
void acoap__segments_feed(acoap__segments_t *segments, const char *start, const char *end);

/*
 * Give the next segment, still percent-encoded; false at the end of the run. A last segment "." or
 * ".." gives an empty one, since what it names ends in a '/'. "%2e" is a dot too, being equivalent
 * (section 6.2.2.2).
 */
bool acoap__segments_next(acoap__segments_t *segments, acoap_bytes_t *segment);

#endif
