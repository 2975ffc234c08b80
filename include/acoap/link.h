/*
 * CoRE link-format (RFC 6690): a parser and a writer over lent bytes and the attribute filter of
 * discovery queries.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_LINK_H
#define ACOAP_LINK_H

#include <acoap/types.h>

ACOAP_BEGIN_DECLS

/** One link; members borrow the document. */
typedef struct acoap_link {
  acoap_bytes_t target; /* between < and >, as written */
  acoap_bytes_t params; /* ";rt=\"temp\";obs", from the first ';'; len 0: none. Checked */
} acoap_link_t;

/** One attribute of a link. */
typedef struct acoap_link_attr {
  acoap_bytes_t name;  /* "rt" */
  acoap_bytes_t value; /* without quotes, still with its backslashes */
  bool has_value;      /* false: a flag such as obs */
  bool quoted;         /* value stood in quotes; it may hold backslash escapes */
} acoap_link_attr_t;

/** Where a parse stands: set by acoap_link_iter_init. */
typedef struct acoap_link_iter {
  const char *start; /* first byte of the document */
  const char *at;    /* next byte */
  const char *end;   /* behind the last */
} acoap_link_iter_t;

/** Start at the first link of a document of len bytes; the document is borrowed. */
ACOAP_API void acoap_link_iter_init(acoap_link_iter_t *iter, const void *document, size_t len);

/**
 * Give the next link. 1 a link, 0 the end, ACOAP_ELINK malformed (*offset where; NULL allowed).
 * White space, empty list elements and unknown attributes are taken.
 */
ACOAP_API int acoap_link_next(acoap_link_iter_t *iter, acoap_link_t *link, size_t *offset);

/** Give the attributes of a link one by one: *state starts at 0. False at the end. */
ACOAP_API bool acoap_link_attr_next(const acoap_link_t *link, size_t *state,
                                    acoap_link_attr_t *attr);

/** Find an attribute by name, the first one (names compare case-insensitively). */
ACOAP_API bool acoap_link_attr_find(const acoap_link_t *link, const char *name,
                                    acoap_link_attr_t *attr);

/**
 * Copy an attribute's value without backslashes, and a zero; returns its length or ACOAP_ENOSPACE.
 */
ACOAP_API int acoap_link_attr_text(const acoap_link_attr_t *attr, char *text, size_t cap);

/**
 * Does a link pass one query "name=value" of RFC 6690 section 4.1: "rt=temp*", "href=/s*", "obs",
 * "ct=40"? Space-separated attributes (rt, if, rel, rev, ct) match per word. The query is already
 * percent-decoded.
 */
ACOAP_API bool acoap_link_matches(const acoap_link_t *link, const char *query, size_t len);

/**
 * Writes link-format into lent bytes; the first failure sticks. A window (skip, cap) makes
 * block-wise generation possible without assembling: bytes before `skip` are counted, not stored.
 */
typedef struct acoap_link_writer {
  uint8_t *bytes; /* lent */
  size_t cap;     /* bytes that may be stored */
  size_t skip;    /* leading bytes of the document that are only counted */
  size_t total;   /* length of the document so far */
  /* true: more than skip + cap bytes is ACOAP_ENOSPACE; false: they are only counted */
  bool strict;
  int error; /* first failure */
} acoap_link_writer_t;

/** Start a document in lent bytes; one that does not fit is ACOAP_ENOSPACE. */
ACOAP_API void acoap_link_writer_init(acoap_link_writer_t *writer, void *bytes, size_t cap);
/** Store only document bytes [skip, skip + cap); the rest is counted. */
ACOAP_API void acoap_link_writer_window(acoap_link_writer_t *writer, void *bytes, size_t cap,
                                        size_t skip);
/**
 * Start a link; target is a URI reference, percent-encoded. ACOAP_ELINK sticks if it holds '>' or
 * control characters.
 */
ACOAP_API void acoap_link_writer_link(acoap_link_writer_t *writer, const char *target, size_t len);
/** name="value" with escapes. */
ACOAP_API void acoap_link_writer_attr(acoap_link_writer_t *writer, const char *name,
                                      const char *value, size_t len);
/** name=number. */
ACOAP_API void acoap_link_writer_uint(acoap_link_writer_t *writer, const char *name,
                                      uint32_t value);
/** A flag: name. */
ACOAP_API void acoap_link_writer_flag(acoap_link_writer_t *writer, const char *name);
/** Returns the bytes stored, or the first failure; `writer->total` is the document's length. */
ACOAP_API int acoap_link_writer_finish(const acoap_link_writer_t *writer);

ACOAP_END_DECLS

#endif
