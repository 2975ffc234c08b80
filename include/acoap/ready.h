/*
 * Ready resources: static bytes, a file, a directory, a typed value, a counter, a group, the
 * server's counters. Each is made of <acoap/resource.h> and may be extended with it (attributes,
 * further methods). All return NULL on failure, which acoap_server_status tells.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_READY_H
#define ACOAP_READY_H

#include <acoap/resource.h>

ACOAP_BEGIN_DECLS

/** GET gives bytes that stay as they are as long as the resource; an ETag comes with them. */
ACOAP_API acoap_resource_t *acoap_resource_new_static(acoap_server_t *server, const char *path,
                                                      int content_format, const void *bytes,
                                                      size_t len);

/**
 * GET gives a file of the file system, of any size, read beside the loop; the ETag is made of its
 * metadata, so that a changed file is another version. Names are looked up at each request.
 */
ACOAP_API acoap_resource_t *acoap_resource_new_file(acoap_server_t *server, const char *path,
                                                    int content_format, const char *file);

/** How a directory is served; set `size`. */
typedef struct acoap_directory_options {
  size_t size;             /* sizeof(acoap_directory_options_t) */
  bool writable;           /* PUT writes and DELETE removes files; POST makes one with a new name */
  uint64_t file_max_bytes; /* of one that is written, then 4.13 [64 MiB] */
  bool hidden;             /* names that begin with a dot are served, too */
} acoap_directory_options_t;
/**
 * A directory and everything below it under a path ("/files"): GET of a file, GET of a directory as
 * link-format (a trailing slash or none), with If-Match, If-None-Match and ETag; the Content-Format
 * comes from the name's extension. When writable: PUT replaces atomically, through a temporary file
 * in the same directory, block by block in constant memory; DELETE; POST to a directory makes a
 * file of a new name, which Location-Path tells. Files and directories are observable then: changes
 * by these methods are notified. /.well-known/core lists the directory itself ("/files/", ct=40);
 * what is below it is found by its links.
 *
 * Names that begin with ".acoap-" are those of files on their way; they are not served, and what a
 * crash leaves of them may be removed; at most transfers_max of file_max_bytes each are there at
 * once. Directories are neither made nor removed (4.09, 4.05).
 *
 * Nothing outside is reached: "..", ".", empty, absolute, overlong segments, a slash or a NUL in a
 * segment and symbolic links that lead out are refused (4.04, on writing 4.03).
 */
ACOAP_API acoap_resource_t *acoap_resource_new_directory(acoap_server_t *server, const char *path,
                                                         const char *directory,
                                                         const acoap_directory_options_t *options);

/** A typed value's type. */
typedef enum acoap_value_type {
  ACOAP_VALUE_BOOL = 1, /* "0", "1" ("false", "true" taken, too) */
  ACOAP_VALUE_INT,      /* int64_t, decimal */
  ACOAP_VALUE_DOUBLE,   /* decimal */
  ACOAP_VALUE_STRING    /* UTF-8 */
} acoap_value_type_t;
/** A typed value; `string` is borrowed. */
typedef struct acoap_value {
  acoap_value_type_t type; /* says which member counts */
  bool boolean;
  int64_t integer;
  double number;
  acoap_bytes_t string;
} acoap_value_t;
/** Write the value as it is; 0, or a response code, or a negative error (5.00). */
typedef int (*acoap_value_get_cb)(void *user_data, acoap_value_t *value);
/** Take a new value of the right type; 0 (2.04, and observers are notified), a response code, ...
 */
typedef int (*acoap_value_set_cb)(void *user_data, const acoap_value_t *value);
/**
 * An observable value in text/plain or, as Accept says, JSON or CBOR; PUT sets it where `set` is
 * given (4.00 names what is wrong with another). Call acoap_resource_notify when it changes by
 * itself.
 */
ACOAP_API acoap_resource_t *acoap_resource_new_value(acoap_server_t *server, const char *path,
                                                     acoap_value_type_t type,
                                                     acoap_value_get_cb get, acoap_value_set_cb set,
                                                     void *user_data);

/** A number that GET gives, POST adds to (1, or what the body says), PUT sets, DELETE clears. */
ACOAP_API acoap_resource_t *acoap_resource_new_counter(acoap_server_t *server, const char *path,
                                                       int64_t start);

/** GET gives links to the resources below the path that are there, in link-format; filters as in
 * /.well-known/core. */
ACOAP_API acoap_resource_t *acoap_resource_new_group(acoap_server_t *server, const char *path);

/** GET gives the counters of server and endpoint, as text, JSON or CBOR. */
ACOAP_API acoap_resource_t *acoap_resource_new_stats(acoap_server_t *server, const char *path);

ACOAP_END_DECLS

#endif
