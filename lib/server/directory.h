/*
 * A directory that is served: what directory.c (reading, paths), directory_list.c and
 * directory_write.c share.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_DIRECTORY_H
#define ACOAP_SERVER_DIRECTORY_H

#include <acoap/ready.h>

#include "endpoint/files.h"
#include "server/server.h"

/* Longest path below the directory, bytes, with the zero. */
#define ACOAP__DIRECTORY_PATH_MAX 1024

typedef struct acoap__directory {
  uint32_t refs;              /* the resource's, and one of each request that is at it */
  acoap__file_root_t *root;   /* the directory in the file system */
  acoap_resource_t *resource; /* NULL once that is gone */
  uint64_t file_max_bytes;    /* of one that is written */
  bool hidden;                /* names that begin with a dot are served */
} acoap__directory_t;

acoap__directory_t *acoap__directory_ref(acoap__directory_t *directory);
void acoap__directory_unref(acoap__directory_t *directory);

/* Is this a name that is served? */
bool acoap__directory_serves(const acoap__directory_t *directory, const char *name, size_t len);
/*
 * The path below the directory that a request means: "a/b", "" the directory itself; *slash: its
 * last Uri-Path option is empty. False: it is to be refused.
 */
bool acoap__directory_path(const acoap__directory_t *directory, const acoap_request_t *request,
                           char path[ACOAP__DIRECTORY_PATH_MAX], bool *slash);
/* A code with a sentence. */
void acoap__directory_answer(acoap_request_t *request, uint8_t code, const char *why);

/* Answer with the links of an open directory; takes the file on every path. */
void acoap__directory_list(acoap__directory_t *directory, acoap_request_t *request,
                           acoap__file_t *file);
/* Add PUT, POST and DELETE. */
int acoap__directory_make_writable(acoap__directory_t *directory, acoap_resource_t *resource);

/* ---- extension.c ------------------------------------------------------------------------------
 */

/* The Content-Format that a name's extension says; ACOAP_FORMAT_OCTET_STREAM without one. */
int acoap__extension_format(const char *name);
/* The extension for a Content-Format, ".json"; "" for none that is known. */
const char *acoap__extension_of(int content_format);

#endif
