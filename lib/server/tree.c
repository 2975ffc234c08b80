/*
 * The paths that a server knows, as a tree of segments: paths are put in and taken out
 * (RFC 7252 sections 6.4 and 6.5). The rule: a path is "/" and segments with '/' between,
 * percent-decoded once, here; "/" has none, "/a/" has two of which the last is empty, as the
 * Uri-Path options have them. ":name" stands for any one segment that is not empty, "..." at the
 * end for everything below. Finds nothing for requests (tree_find.c).
 * SPDX-License-Identifier: MIT
 */
#include "server/tree.h"

#include <string.h>

#include "base/mem.h"
#include "message/uri_text.h"

typedef enum kind { LITERAL, PARAMETER, SUBTREE } kind_t;

/* One segment of a path being read. */
typedef struct part {
  kind_t kind;
  const char *name; /* of a parameter, borrowed */
  size_t len;       /* bytes of the name or the literal */
  uint8_t bytes[ACOAP__SEGMENT_MAX];
} part_t;

/* ---- reading paths --------------------------------------------------------------------------- */

static bool is_dots(const part_t *part) {
  return part->len > 0 && part->len <= 2 && memcmp(part->bytes, "..", part->len) == 0;
}

/* The segment from `at` to the next '/' or the end; *next: behind that '/', NULL at the end. */
static int read_part(const char *at, part_t *part, const char **next) {
  size_t len = strcspn(at, "/");
  const char *end = at + len;
  *next = *end == '/' ? end + 1 : NULL;
  if (len == 3 && memcmp(at, "...", 3) == 0) {
    part->kind = SUBTREE;
    return *next == NULL ? 0 : ACOAP_EINVAL;
  }
  if (acoap__uri_wrong(at, end, ACOAP__URI_PCHAR) != NULL) {
    return ACOAP_EINVAL;
  }
  if (len > 0 && *at == ':') {
    part->kind = PARAMETER;
    part->name = at + 1;
    part->len = len - 1;
    return part->len > 0 ? 0 : ACOAP_EINVAL;
  }
  part->kind = LITERAL;
  part->len = acoap__uri_decode(at, end, (char *)part->bytes, sizeof(part->bytes));
  /* Section 5.10.1: no Uri-Path option is "." or "..". */
  return part->len <= sizeof(part->bytes) && !is_dots(part) ? 0 : ACOAP_EINVAL;
}

/* The first segment: 0 and *first NULL for the path without any. */
static int open_path(const char *path, const char **first) {
  if (path == NULL || path[0] != '/') {
    return ACOAP_EINVAL;
  }
  *first = path[1] != '\0' ? path + 1 : NULL;
  return 0;
}

/* ---- segments -------------------------------------------------------------------------------- */

static acoap__segment_t *segment_new(acoap__segment_t *parent, const uint8_t *bytes, size_t len) {
  acoap__segment_t *segment = acoap__calloc(1, sizeof(*segment) + len);
  if (segment != NULL) {
    segment->parent = parent;
    segment->depth = parent != NULL ? parent->depth + 1 : 0;
    segment->seed = parent != NULL ? parent->seed : 0;
    segment->len = (uint8_t)len;
    if (len > 0) {
      memcpy(segment->bytes, bytes, len);
    }
  }
  return segment;
}

static bool is_used(const acoap__segment_t *segment) {
  return segment->resource != NULL || segment->literal_count > 0 || segment->parameter != NULL ||
         segment->subtree != NULL;
}

/*
 * The literals below a segment lie in a table with open addressing, at most half full: at the place
 * that their key says, or at the next one that is free. Whoever names resources may be told to by
 * peers, so keys depend on a secret. Every step of a key can be undone while its length is known:
 *
 *     two literals of the same length of at most 8 bytes are the same exactly when their keys are
 */

#define TABLE_LEAST 8

static uint64_t key_of(uint64_t seed, const uint8_t *bytes, size_t len) {
  const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
  uint64_t key = seed + len;
  uint64_t word;
  for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
    memcpy(&word, bytes, sizeof(word));
    key = (key ^ word) * odd;
    key ^= key >> 32;
  }
  word = 0;
  for (size_t i = 0; i < len; i++) {
    word = word << 8 | bytes[i];
  }
  key = (key ^ word) * odd;
  return key ^ key >> 32;
}

static bool is_it(const acoap__literal_t *literal, uint64_t key, const uint8_t *bytes, size_t len) {
  const acoap__segment_t *segment = literal->segment;
  return literal->key == key && segment->len == len &&
         (len <= sizeof(key) || memcmp(segment->bytes, bytes, len) == 0);
}

/* Where it is, or the free place that ends the search. There is one. */
static size_t position(const acoap__segment_t *parent, uint64_t key, const uint8_t *bytes,
                       size_t len) {
  const acoap__literal_t *literals = parent->literals;
  size_t at = key & parent->literal_mask;
  while (literals[at].segment != NULL && !is_it(&literals[at], key, bytes, len)) {
    at = (at + 1) & parent->literal_mask;
  }
  return at;
}

acoap__segment_t *acoap__segment_literal(const acoap__segment_t *parent, const uint8_t *bytes,
                                         size_t len) {
  if (parent->literals == NULL) {
    return NULL;
  }
  return parent->literals[position(parent, key_of(parent->seed, bytes, len), bytes, len)].segment;
}

static void literal_put(acoap__segment_t *parent, uint64_t key, acoap__segment_t *child) {
  size_t at = position(parent, key, child->bytes, child->len);
  parent->literals[at] = (acoap__literal_t){key, child};
}

/* Room for one more; false without memory. */
static bool literals_grow(acoap__segment_t *parent) {
  acoap__literal_t *old = parent->literals;
  size_t count = old != NULL ? parent->literal_mask + 1 : 0;
  if (2 * (parent->literal_count + 1) <= count) {
    return true;
  }
  size_t wanted = count > 0 ? 2 * count : TABLE_LEAST;
  acoap__literal_t *literals = acoap__calloc(wanted, sizeof(*literals));
  if (literals == NULL) {
    return false;
  }
  parent->literals = literals;
  parent->literal_mask = wanted - 1;
  for (size_t i = 0; i < count; i++) {
    if (old[i].segment != NULL) {
      literal_put(parent, old[i].key, old[i].segment);
    }
  }
  acoap__free(old);
  return true;
}

static int literal_insert(acoap__segment_t *parent, acoap__segment_t *child) {
  if (!literals_grow(parent)) {
    return ACOAP_ENOMEM;
  }
  literal_put(parent, key_of(parent->seed, child->bytes, child->len), child);
  parent->literal_count++;
  return 0;
}

/* Take it out. Those behind it that had to pass its place move up, so that no search ends too
 * early. */
static void literal_remove(acoap__segment_t *parent, const acoap__segment_t *child) {
  acoap__literal_t *literals = parent->literals;
  size_t mask = parent->literal_mask;
  size_t gap =
      position(parent, key_of(parent->seed, child->bytes, child->len), child->bytes, child->len);
  for (size_t at = (gap + 1) & mask; literals[at].segment != NULL; at = (at + 1) & mask) {
    size_t home = literals[at].key & mask;
    if (((at - home) & mask) >= ((at - gap) & mask)) {
      literals[gap] = literals[at];
      gap = at;
    }
  }
  literals[gap] = (acoap__literal_t){0, NULL};
  parent->literal_count--;
}

static acoap__segment_t *child_of(const acoap__segment_t *parent, const part_t *part) {
  switch (part->kind) {
  case PARAMETER:
    return parent->parameter;
  case SUBTREE:
    return parent->subtree;
  case LITERAL:
  default:
    return acoap__segment_literal(parent, part->bytes, part->len);
  }
}

/* NULL without memory. */
static acoap__segment_t *child_make(acoap__segment_t *parent, const part_t *part) {
  acoap__segment_t *child = child_of(parent, part);
  if (child != NULL) {
    return child;
  }
  child = segment_new(parent, part->bytes, part->kind == LITERAL ? part->len : 0);
  if (child == NULL) {
    return NULL;
  }
  if (part->kind == PARAMETER) {
    parent->parameter = child;
  } else if (part->kind == SUBTREE) {
    child->depth = parent->depth;
    parent->subtree = child;
  } else if (literal_insert(parent, child) != 0) {
    acoap__free(child);
    return NULL;
  }
  return child;
}

static void unlink_from_parent(acoap__segment_t *segment) {
  acoap__segment_t *parent = segment->parent;
  if (parent->parameter == segment) {
    parent->parameter = NULL;
  } else if (parent->subtree == segment) {
    parent->subtree = NULL;
  } else {
    literal_remove(parent, segment);
  }
}

/* Free what leads nowhere any more, from here towards the root. */
static void prune(acoap__segment_t *segment) {
  while (segment->parent != NULL && !is_used(segment)) {
    acoap__segment_t *parent = segment->parent;
    unlink_from_parent(segment);
    acoap__free(segment->literals);
    acoap__free(segment);
    segment = parent;
  }
}

/* ---- resources ------------------------------------------------------------------------------- */

static int parameter_add(acoap_resource_t *resource, const part_t *part, size_t segment) {
  for (size_t i = 0; i < resource->parameter_count; i++) {
    if (resource->parameters[i].name_len == part->len &&
        memcmp(resource->parameters[i].name, part->name, part->len) == 0) {
      return ACOAP_EINVAL;
    }
  }
  acoap__parameter_t *parameters =
      acoap__realloc(resource->parameters, (resource->parameter_count + 1) * sizeof(*parameters));
  if (parameters == NULL) {
    return ACOAP_ENOMEM;
  }
  parameters[resource->parameter_count] = (acoap__parameter_t){part->name, part->len, segment};
  resource->parameters = parameters;
  resource->parameter_count++;
  return 0;
}

/* Walk down from *segment along the resource's path, making what is not there; *segment is the last
 * one that is, also on failure. */
static int grow(acoap_resource_t *resource, acoap__segment_t **segment) {
  const char *at = NULL;
  int status = open_path(resource->path, &at);
  while (status == 0 && at != NULL) {
    part_t part;
    status = (*segment)->depth < ACOAP__DEPTH_MAX ? read_part(at, &part, &at) : ACOAP_EINVAL;
    if (status == 0 && part.kind == PARAMETER) {
      status = parameter_add(resource, &part, (*segment)->depth);
    }
    if (status == 0) {
      acoap__segment_t *child = child_make(*segment, &part);
      status = child != NULL ? 0 : ACOAP_ENOMEM;
      *segment = child != NULL ? child : *segment;
      resource->listed = resource->listed && part.kind == LITERAL;
    }
  }
  return status;
}

int acoap__tree_add(acoap_server_t *server, acoap_resource_t *resource) {
  acoap__segment_t *segment = server->tree->root;
  resource->listed = true;
  int status = grow(resource, &segment);
  if (status == 0 && segment->resource != NULL) {
    status = ACOAP_EINVAL;
  }
  if (status != 0) {
    prune(segment);
    return status;
  }
  segment->resource = resource;
  resource->place = segment;
  return 0;
}

void acoap__tree_remove(acoap_server_t *server, acoap_resource_t *resource) {
  acoap__segment_t *segment = resource->place;
  (void)server;
  if (segment != NULL) {
    resource->place = NULL;
    segment->resource = NULL;
    prune(segment);
  }
}

/* Has the parameter that ends at this depth the name in the path? */
static bool is_named(const acoap_resource_t *resource, const part_t *part, size_t nth) {
  return nth < resource->parameter_count && resource->parameters[nth].name_len == part->len &&
         memcmp(resource->parameters[nth].name, part->name, part->len) == 0;
}

static bool names_agree(const acoap_resource_t *resource, const char *path) {
  size_t nth = 0;
  const char *at = NULL;
  bool agree = open_path(path, &at) == 0;
  while (agree && at != NULL) {
    part_t part;
    agree = read_part(at, &part, &at) == 0;
    if (agree && part.kind == PARAMETER) {
      agree = is_named(resource, &part, nth);
      nth++;
    }
  }
  return agree;
}

acoap_resource_t *acoap__tree_resource(const acoap_server_t *server, const char *path) {
  const acoap__segment_t *segment = server->tree->root;
  const char *at = NULL;
  if (open_path(path, &at) != 0) {
    return NULL;
  }
  while (segment != NULL && at != NULL) {
    part_t part;
    segment = read_part(at, &part, &at) == 0 ? child_of(segment, &part) : NULL;
  }
  if (segment == NULL || segment->resource == NULL || !names_agree(segment->resource, path)) {
    return NULL;
  }
  return segment->resource;
}

bool acoap__tree_is_below(const acoap_resource_t *resource, const acoap_resource_t *above) {
  const acoap__segment_t *segment = resource->place;
  const acoap__segment_t *top = above->place;
  if (segment == NULL || top == NULL || segment == top) {
    return false;
  }
  while (segment != NULL && segment->depth > top->depth) {
    segment = segment->parent;
  }
  return segment == top;
}

/* ---- the tree -------------------------------------------------------------------------------- */

int acoap__tree_new(acoap_server_t *server) {
  struct acoap__tree *tree = acoap__calloc(1, sizeof(*tree));
  if (tree == NULL) {
    return ACOAP_ENOMEM;
  }
  tree->root = segment_new(NULL, NULL, 0);
  if (tree->root == NULL) {
    acoap__free(tree);
    return ACOAP_ENOMEM;
  }
  memcpy(&tree->root->seed, server->hash_key, sizeof(tree->root->seed));
  server->tree = tree;
  return 0;
}

void acoap__tree_free(acoap_server_t *server) {
  if (server->tree == NULL) {
    return;
  }
  /* Resources go first; without them nothing but the root is left. */
  acoap__resources_free(server);
  acoap__free(server->tree->root->literals);
  acoap__free(server->tree->root);
  acoap__free(server->tree);
  server->tree = NULL;
}
