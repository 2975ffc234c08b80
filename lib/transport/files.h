/*
 * Blocking calls on files below a directory, for threads beside the loop. A path is relative,
 * "a/b", without empty, "." and ".." segments; "" is the directory itself. Nothing outside of the
 * directory is reached: see files_posix.c. Errors are libuv's (UV_ENOENT, ...): UV_EXDEV, UV_ELOOP
 * a link leads out, or links are not followed here.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_FILES_H
#define ACOAP_TRANSPORT_FILES_H

#include <acoap/types.h>

/* Longest name and longest path, bytes, with the zero. */
#define ACOAP__FILES_NAME_MAX 256
#define ACOAP__FILES_PATH_MAX 1024

/* What the system says of a file: two that differ in anything are two versions. */
typedef struct acoap__file_facts {
  uint64_t size;           /* bytes */
  int64_t modified_s;      /* seconds since 1970 */
  uint32_t modified_ns;    /* and nanoseconds */
  uint32_t mode;           /* permission bits */
  uint64_t inode, device;  /* which file it is */
  bool regular, directory; /* neither: something else */
} acoap__file_facts_t;

/* Are they the same version of the same file? */
bool acoap__files_same(const acoap__file_facts_t *a, const acoap__file_facts_t *b);

/* How paths are resolved; the system's way where it has one. */
typedef enum acoap__files_way {
  ACOAP__FILES_BEST = 0,   /* openat2, else segment by segment */
  ACOAP__FILES_BY_SEGMENT, /* segment by segment: no link is followed */
} acoap__files_way_t;

/*
 * Open what is there for reading: a regular file or a directory. `root` may be any path of the
 * application's. Returns a descriptor; UV_ENOENT, UV_ENOTDIR, UV_EACCES, ...; UV_EINVAL: neither a
 * file nor a directory, or a path that is not of the form above.
 */
int acoap__files_open(const char *root, const char *path, acoap__files_way_t way,
                      acoap__file_facts_t *facts);
/* Read up to `cap` bytes, fewer only at the end. Returns how many. */
int acoap__files_read(int file, uint64_t offset, uint8_t *room, size_t cap);
int acoap__files_facts(int file, acoap__file_facts_t *facts);
/* Harmless for a negative one. */
void acoap__files_close(int file);

/*
 * Call `each` for every name of an open directory but "." and ".." (and what goes away meanwhile):
 * links are followed when they stay inside. A non-zero return ends the listing and is returned.
 */
typedef int (*acoap__files_entry_cb)(void *user_data, const char *name,
                                     const acoap__file_facts_t *facts);
int acoap__files_list(int directory, const char *root, const char *path, acoap__files_entry_cb each,
                      void *user_data);

/* The directory that a path's last segment is in. Returns a descriptor. */
int acoap__files_open_parent(const char *root, const char *path, acoap__files_way_t way,
                             const char **name);
/* What stands under a name in it, not following a link (which is neither file nor directory). */
int acoap__files_look(int parent, const char *name, acoap__file_facts_t *facts);
/* A new, empty file to write to; UV_EEXIST. */
int acoap__files_create(int parent, const char *name);
/* Write all of it; UV_ENOSPC, UV_EFBIG, UV_EDQUOT. */
int acoap__files_write(int file, uint64_t offset, const uint8_t *bytes, size_t len);
/* Give it these permission bits. */
int acoap__files_set_mode(int file, uint32_t mode);
/* Have it on the disk. */
int acoap__files_sync(int file);
/* Replace `to` by `from`, at once. */
int acoap__files_replace(int parent, const char *from, const char *to);
/* Let `from` be called `to` where nothing is called so yet (UV_EEXIST), decided by the system: of
 * two that try, one succeeds. */
int acoap__files_rename_new(int parent, const char *from, const char *to);
int acoap__files_remove(int parent, const char *name);

#endif
