/*
 * Files for the rooms above, none of whose calls blocks: each is a job beside the loop. A file that
 * is read is one version of it: the descriptor is kept, and what changes meanwhile is an error. A
 * file that is written is nobody's until it is complete: it grows under a temporary name beside its
 * place, which it takes by one rename. Paths are those of "transport/files.h".
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ENDPOINT_FILES_H
#define ACOAP_ENDPOINT_FILES_H

#include "endpoint/endpoint.h"

/* How names of files begin that are being written, or were when a program ended; not to be served.
 */
#define ACOAP__FILE_TEMPORARY ".acoap-"
/* Bytes of an ETag made of a file's metadata. */
#define ACOAP__FILE_ETAG 8
/* Names that a listing may have. */
#define ACOAP__FILE_ENTRIES_MAX 16384

/* The response code for a failure of these functions; `writing`: of a change. */
uint8_t acoap__file_code(int status, bool writing);
/* Does it mean that there is no such file? */
bool acoap__file_is_absent(int status);

/* ---- the directory ----------------------------------------------------------------------------
 */

/* A directory of the application's (or one file), by its name, and the lock of its changes. */
typedef struct acoap__file_root acoap__file_root_t;
/* NULL without memory. Nothing is opened: the name is looked up by each job. */
acoap__file_root_t *acoap__file_root_new(const char *name);
acoap__file_root_t *acoap__file_root_ref(acoap__file_root_t *root);
void acoap__file_root_unref(acoap__file_root_t *root);

/* ---- reading (file.c) -------------------------------------------------------------------------
 */

typedef struct acoap__file acoap__file_t;
/* From the loop; user_data is what the call was given. */
typedef void (*acoap__file_cb)(void *user_data, acoap__file_t *file, int status);

/*
 * Open a file or directory below the root ("": the root itself). `opened` is called once (status 0,
 * or an error) while there are references; *file is the caller's. ACOAP_ENOMEM, ACOAP_ECLOSED,
 * ACOAP_ENOTSUP: nothing happened.
 */
int acoap__file_open(acoap_local_endpoint_t *endpoint, acoap__file_root_t *root, const char *path,
                     acoap__file_cb opened, void *user_data, acoap__file_t **file);
/* The caller's reference goes; nothing is called any more. NULL is fine. */
void acoap__file_unref(acoap__file_t *file);
/* Once it is open: */
bool acoap__file_is_directory(const acoap__file_t *file);
uint64_t acoap__file_len(const acoap__file_t *file);
const uint8_t *acoap__file_etag(const acoap__file_t *file);
/*
 * Copy `cap` bytes from `offset` on, fewer only at the end. ACOAP_EAGAIN: `ready` is called when it
 * may be asked again. ACOAP_ECHANGED: the file is no longer the version that was opened.
 */
int acoap__file_read(acoap__file_t *file, uint64_t offset, uint8_t *room, size_t cap,
                     acoap__file_cb ready, void *user_data);

/* What a listing does with the names. */
typedef struct acoap__file_list_ops {
  /* In another thread, in the order of the names' bytes. A non-zero return ends the listing. */
  int (*entry)(void *user_data, const char *name, bool directory, uint64_t len);
  /* From the loop, unless the file was given up: 0 or an error. */
  void (*listed)(void *user_data, int status);
  /* Last, on the loop, whatever happened: free user_data. */
  void (*release)(void *user_data);
} acoap__file_list_ops_t;
/*
 * List an open directory. ACOAP_EEXHAUSTED comes for one of more than ACOAP__FILE_ENTRIES_MAX
 * names. On failure nothing is called.
 */
int acoap__file_list(acoap__file_t *file, const acoap__file_list_ops_t *ops, void *user_data);

/* ---- changing (file_change.c) -----------------------------------------------------------------
 */

/* A file that is written, or removed. */
typedef struct acoap__file_change acoap__file_change_t;

/* Who changes a file. */
typedef struct acoap__file_change_ops {
  /*
   * In another thread: may it be done to what is there now? 0 or a response code (4.12). Asked when
   * a file is begun and, under the root's lock, when it takes its place or is removed.
   */
  int (*judge)(void *user_data, bool exists, const uint8_t etag[ACOAP__FILE_ETAG]);
  /* From the loop: what was asked last is done: 0, a response code, or an error. Not after drop. */
  void (*done)(void *user_data, acoap__file_change_t *change, int status);
  /* Last, on the loop: free user_data. */
  void (*release)(void *user_data);
} acoap__file_change_ops_t;

/*
 * Begin: a new file for `path` is made under a temporary name, `serial` makes that one's own. Its
 * failure is told by what is asked next. On failure nothing is called, not even `release`:
 * ACOAP_ENOMEM, ACOAP_ECLOSED, ACOAP_ENOTSUP.
 */
int acoap__file_change_write(acoap_local_endpoint_t *endpoint, acoap__file_root_t *root,
                             const char *path, uint64_t serial, const acoap__file_change_ops_t *ops,
                             void *user_data, acoap__file_change_t **change);
/* Remove the file at `path`; `done` tells (UV_ENOENT: there was none). On failure as above. */
int acoap__file_change_remove(acoap_local_endpoint_t *endpoint, acoap__file_root_t *root,
                              const char *path, const acoap__file_change_ops_t *ops,
                              void *user_data, acoap__file_change_t **change);
/*
 * Append bytes, copied; `done` follows. One thing at a time: ACOAP_EBUSY. A failure that is known
 * already is returned.
 */
int acoap__file_change_append(acoap__file_change_t *change, acoap_bytes_t bytes);
/* Let it take its place; `done` follows. `only_new`: where nothing is, UV_EEXIST otherwise. */
int acoap__file_change_publish(acoap__file_change_t *change, bool only_new);
/* After publish: did the place have no file before? And what it has now. */
bool acoap__file_change_created(const acoap__file_change_t *change);
uint64_t acoap__file_change_len(const acoap__file_change_t *change);
const uint8_t *acoap__file_change_etag(const acoap__file_change_t *change);
/* Give it up, or be done with it: what is not published is removed. NULL is fine. */
void acoap__file_change_drop(acoap__file_change_t *change);

#endif
