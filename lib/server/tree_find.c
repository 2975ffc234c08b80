/*
 * From the Uri-Path options of a request to its resource (RFC 7252 section 6.5), and the segments
 * that have a name. The rule: of the paths that fit, the one that is literal for longest, then the
 * one with a parameter for longest, then the deepest sub-tree; what was chosen first is given up
 * when it leads nowhere, and the next is tried.
 *
 * The way back follows the tree's own links upwards, so there is no stack and no memory is needed;
 * and since a tree has one way to each segment, none is entered twice for a request, whatever it
 * asks for. The bound: one look into a table for each segment that is entered, and those are at
 * most as many as fit the request, one for each depth where the paths have literals only.
 * SPDX-License-Identifier: MIT
 */
#include "server/tree.h"

#include <string.h>

/* The first way on from a segment; NULL: none. */
static const acoap__segment_t *first_child(const acoap__segment_t *segment,
                                           const acoap__asked_path_t *path) {
  const acoap__segment_t *child = NULL;
  if (segment->depth < path->count && segment->depth < ACOAP__DEPTH_MAX) {
    acoap_bytes_t bytes = path->segments[segment->depth];
    child = acoap__segment_literal(segment, bytes.data, bytes.len);
    if (child == NULL && bytes.len > 0) {
      child = segment->parameter;
    }
  }
  return child != NULL ? child : segment->subtree;
}

/* The way to try after this one, from the same segment or from one nearer to the root. */
static const acoap__segment_t *next_way(const acoap__segment_t *segment,
                                        const acoap__asked_path_t *path) {
  while (segment->parent != NULL) {
    const acoap__segment_t *parent = segment->parent;
    bool was_literal = segment != parent->parameter && segment != parent->subtree;
    if (was_literal && parent->parameter != NULL && path->segments[parent->depth].len > 0) {
      return parent->parameter;
    }
    if (segment != parent->subtree && parent->subtree != NULL) {
      return parent->subtree;
    }
    segment = parent;
  }
  return NULL;
}

/* Does the path of the segment's resource fit? */
static bool fits(const acoap__segment_t *segment, const acoap__asked_path_t *path) {
  return segment->resource != NULL &&
         (segment->depth == path->count ||
          (segment->parent != NULL && segment->parent->subtree == segment));
}

void acoap__tree_find(const acoap_server_t *server, const acoap__asked_path_t *path,
                      acoap__match_t *match) {
  const acoap__segment_t *segment = server->tree->root;
  while (segment != NULL && !fits(segment, path)) {
    const acoap__segment_t *child = first_child(segment, path);
    segment = child != NULL ? child : next_way(segment, path);
  }
  match->resource = segment != NULL ? segment->resource : NULL;
  match->depth = segment != NULL ? segment->depth + (path->is_only_empty ? 1 : 0) : 0;
}

acoap_bytes_t acoap_request_parameter(const acoap_request_t *request, const char *name) {
  acoap_bytes_t value = {(const uint8_t *)"", 0};
  const acoap__serving_t *serving = request != NULL ? acoap__serving_of(request) : NULL;
  const acoap_resource_t *resource = serving != NULL ? serving->resource : NULL;
  size_t len = name != NULL ? strlen(name) : 0;
  if (resource == NULL) {
    return value;
  }
  for (size_t i = 0; i < resource->parameter_count; i++) {
    const acoap__parameter_t *parameter = &resource->parameters[i];
    if (parameter->name_len == len && memcmp(parameter->name, name, len) == 0) {
      (void)acoap_view_option(acoap_message_view(acoap_request_message(request)),
                              ACOAP_OPTION_URI_PATH, parameter->segment, &value);
    }
  }
  return value;
}
