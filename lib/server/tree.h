/*
 * The tree of paths: segment by segment from the root to the resources (RFC 7252 section 6.5).
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_TREE_H
#define ACOAP_SERVER_TREE_H

#include "server/server.h"

/* One segment: a literal, a parameter (any one segment that is not empty), or a sub-tree (all that
 * may follow, nothing, too). */
typedef struct acoap__segment acoap__segment_t;
typedef struct acoap__literal {
  uint64_t key;              /* of its bytes (tree.c) */
  acoap__segment_t *segment; /* NULL: the place is free */
} acoap__literal_t;
struct acoap__segment {
  acoap__segment_t *parent;    /* NULL: the root */
  acoap__literal_t *literals;  /* a table by key; NULL: there was none yet */
  size_t literal_count;        /* how many */
  size_t literal_mask;         /* places of the table - 1 */
  uint64_t seed;               /* of the keys */
  acoap__segment_t *parameter; /* NULL: none */
  acoap__segment_t *subtree;   /* NULL: none */
  acoap_resource_t *resource;  /* its path ends here; NULL: none */
  size_t depth;                /* segments from the root to here, a sub-tree's not counted */
  uint8_t len;                 /* bytes of a literal */
  uint8_t bytes[];             /* decoded */
};

struct acoap__tree {
  acoap__segment_t *root; /* "/" */
};

/*
 * Put a resource where its `path` says and fill in `place`, `parameters` and `listed`. ACOAP_EINVAL
 * for a path that is none or is taken; ACOAP_ENOMEM.
 */
int acoap__tree_add(acoap_server_t *server, acoap_resource_t *resource);
/* Take it out. */
void acoap__tree_remove(acoap_server_t *server, acoap_resource_t *resource);
/* The resource that was added with this path; NULL. */
acoap_resource_t *acoap__tree_resource(const acoap_server_t *server, const char *path);
/* Is the one below the other? */
bool acoap__tree_is_below(const acoap_resource_t *resource, const acoap_resource_t *above);

/* The literal child with these bytes; NULL. */
acoap__segment_t *acoap__segment_literal(const acoap__segment_t *parent, const uint8_t *bytes,
                                         size_t len);

#endif
