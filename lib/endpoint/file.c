/*
 * A file that is read: opened, measured and read by jobs beside the loop, its first 8 KiB when it
 * is opened, what is asked for beyond them in pieces of 64 KiB: who only begins to read costs
 * little. One version: the descriptor is kept, so a file that is replaced by rename is read to its
 * end as it was, and one that is written to in place differs in its metadata after a piece was
 * read, which is ACOAP_ECHANGED for ever. ETag = a hash of (size, time of modification, inode,
 * device). The descriptor is closed by a job, too; on this thread only when the endpoint's host is
 * gone. Writes nothing (file_change.c); follows the rules of transport/files_posix.c on paths.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/file.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "base/siphash.h"

/* Read at once, later and when a file is opened. */
#define PIECE 65536u
#define FIRST_PIECE 8192u

struct acoap__file {
  uint32_t refs;                          /* the owner's, and one of each start of the job */
  acoap__job_t job;                       /* one at a time */
  acoap_local_endpoint_t *endpoint;       /* held */
  acoap__file_root_t *root;               /* held */
  char *path;                             /* below the root */
  int descriptor;                         /* negative: none */
  int status;                             /* of the work just done; from a failure on it stays */
  acoap__file_facts_t facts;              /* of the version that was opened */
  uint8_t etag[ACOAP__FILE_ETAG];         /* made of them */
  uint8_t *piece;                         /* bytes at hand */
  size_t piece_cap;                       /* room there */
  size_t piece_len;                       /* of it filled */
  uint64_t piece_at;                      /* their offset */
  acoap__file_cb call;                    /* waits for the job */
  void *user_data;                        /* for it */
  const acoap__file_list_ops_t *list_ops; /* a listing under way */
  void *list_data;                        /* for it */
};

void acoap__file_etag_make(const acoap__file_facts_t *facts, uint8_t etag[ACOAP__FILE_ETAG]) {
  static const uint8_t key[16] = {0}; /* the same file has the same ETag after a restart */
  uint64_t words[5] = {facts->size, (uint64_t)facts->modified_s, facts->modified_ns, facts->inode,
                       facts->device};
  uint64_t hash = acoap__siphash(key, words, sizeof(words));
  for (size_t i = 0; i < ACOAP__FILE_ETAG; i++) {
    etag[i] = (uint8_t)(hash >> (8 * i));
  }
}

char *acoap__file_text(const char *text) {
  size_t len = strlen(text) + 1;
  char *copy = acoap__malloc(len);
  if (copy != NULL) {
    memcpy(copy, text, len);
  }
  return copy;
}

/* ---- life -------------------------------------------------------------------------------------
 */

static void file_free(acoap__file_t *file) {
  acoap__file_root_unref(file->root);
  acoap__local_endpoint_release(file->endpoint);
  acoap__free(file->piece);
  acoap__free(file->path);
  acoap__free(file);
}

static void work_close(acoap__job_t *job) {
  acoap__file_t *file = ACOAP__CONTAINER(job, acoap__file_t, job);
  acoap__files_close(file->descriptor);
  file->descriptor = -1;
}

/* `host`: inside of a job's end; else NULL. */
static void release(acoap__file_t *file, acoap_host_t *host) {
  if (--file->refs > 0) {
    return;
  }
  if (file->descriptor >= 0) {
    if (acoap__job_start_last(&file->job, file->endpoint, host, work_close) == 0) {
      file->refs++;
      return;
    }
    work_close(&file->job);
  }
  file_free(file);
}

static void over(acoap__job_t *job, acoap_host_t *host) {
  acoap__file_t *file = ACOAP__CONTAINER(job, acoap__file_t, job);
  const acoap__file_list_ops_t *ops = file->list_ops;
  if (ops != NULL && !job->under_way) {
    file->list_ops = NULL;
    ops->release(file->list_data);
  }
  release(file, host);
}

void acoap__file_unref(acoap__file_t *file) {
  if (file == NULL) {
    return;
  }
  acoap__job_cancel(&file->job);
  file->call = NULL;
  release(file, NULL);
}

static int start(acoap__file_t *file, void (*work)(acoap__job_t *job),
                 void (*settled)(acoap__job_t *job, int status)) {
  int status = acoap__job_start(&file->job, file->endpoint, work, settled);
  if (status == 0) {
    file->refs++;
  }
  return status;
}

static void settled(acoap__job_t *job, int status) {
  acoap__file_t *file = ACOAP__CONTAINER(job, acoap__file_t, job);
  acoap__file_cb call = file->call;
  file->call = NULL;
  if (call != NULL) {
    call(file->user_data, file, status != 0 ? status : file->status);
  }
}

/* ---- opening and reading ----------------------------------------------------------------------
 */

/* In another thread. */
static int load(acoap__file_t *file, uint64_t at, size_t want) {
  acoap__file_facts_t now;
  file->piece_at = at;
  file->piece_len = 0;
  int got = acoap__files_read(file->descriptor, at, file->piece, want);
  if (got < 0) {
    return got;
  }
  int status = acoap__files_facts(file->descriptor, &now);
  if (status != 0) {
    return status;
  }
  if ((size_t)got != want || !acoap__files_same(&now, &file->facts)) {
    return ACOAP_ECHANGED;
  }
  file->piece_len = want;
  return 0;
}

/* Bytes of a piece from `at` on. */
static size_t piece_size(const acoap__file_t *file, uint64_t at, size_t size) {
  uint64_t left = file->facts.size - at;
  return left < size ? (size_t)left : size;
}

/* In another thread. */
static void work_open(acoap__job_t *job) {
  acoap__file_t *file = ACOAP__CONTAINER(job, acoap__file_t, job);
  file->descriptor = acoap__files_open(acoap__file_root_name(file->root), file->path,
                                       ACOAP__FILES_BEST, &file->facts);
  file->status = file->descriptor < 0 ? file->descriptor : 0;
  if (file->status != 0) {
    return;
  }
  acoap__file_etag_make(&file->facts, file->etag);
  size_t want = file->facts.regular ? piece_size(file, 0, FIRST_PIECE) : 0;
  if (want > 0) {
    file->piece = acoap__malloc(want);
    file->piece_cap = want;
    file->status = file->piece != NULL ? load(file, 0, want) : ACOAP_ENOMEM;
  }
}

int acoap__file_open(acoap_local_endpoint_t *endpoint, acoap__file_root_t *root, const char *path,
                     acoap__file_cb opened, void *user_data, acoap__file_t **file) {
  acoap__file_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->refs = 1;
  made->descriptor = -1;
  made->endpoint = acoap__local_endpoint_hold(endpoint);
  made->root = acoap__file_root_ref(root);
  made->path = acoap__file_text(path);
  made->call = opened;
  made->user_data = user_data;
  acoap__job_init(&made->job, over);
  int status = made->path != NULL ? start(made, work_open, settled) : ACOAP_ENOMEM;
  if (status != 0) {
    file_free(made);
    return status;
  }
  *file = made;
  return 0;
}

bool acoap__file_is_directory(const acoap__file_t *file) {
  return file->facts.directory;
}

uint64_t acoap__file_len(const acoap__file_t *file) {
  return file->facts.size;
}

const uint8_t *acoap__file_etag(const acoap__file_t *file) {
  return file->etag;
}

/* In another thread. */
static void work_load(acoap__job_t *job) {
  acoap__file_t *file = ACOAP__CONTAINER(job, acoap__file_t, job);
  file->status = load(file, file->piece_at, file->piece_cap);
}

static int begin_load(acoap__file_t *file, uint64_t offset, size_t least) {
  size_t want = piece_size(file, offset, least > PIECE ? least : PIECE);
  if (want > file->piece_cap) {
    uint8_t *grown = acoap__realloc(file->piece, want);
    if (grown == NULL) {
      return ACOAP_ENOMEM;
    }
    file->piece = grown;
  }
  file->piece_at = offset;
  file->piece_cap = want;
  file->piece_len = 0;
  int status = start(file, work_load, settled);
  return status == 0 ? ACOAP_EAGAIN : status;
}

int acoap__file_read(acoap__file_t *file, uint64_t offset, uint8_t *room, size_t cap,
                     acoap__file_cb ready, void *user_data) {
  if (file->job.under_way) {
    file->call = ready;
    file->user_data = user_data;
    return ACOAP_EAGAIN;
  }
  if (file->status < 0 || cap > INT32_MAX || file->facts.directory) {
    return file->status < 0 ? file->status : ACOAP_EINVAL;
  }
  uint64_t left = offset < file->facts.size ? file->facts.size - offset : 0;
  size_t wanted = left < cap ? (size_t)left : cap;
  if (wanted == 0) {
    return 0;
  }
  if (offset < file->piece_at || offset - file->piece_at > file->piece_len ||
      wanted > file->piece_len - (size_t)(offset - file->piece_at)) {
    file->call = ready;
    file->user_data = user_data;
    return begin_load(file, offset, wanted);
  }
  memcpy(room, file->piece + (offset - file->piece_at), wanted);
  return (int)wanted;
}

/* ---- listing ----------------------------------------------------------------------------------
 */

typedef struct entry {
  char *name;
  bool directory;
  uint64_t len;
} entry_t;

typedef struct entries {
  entry_t *list;
  size_t count;
  size_t cap;
} entries_t;

/* acoap__files_entry_cb, in another thread */
static int gather(void *user_data, const char *name, const acoap__file_facts_t *facts) {
  entries_t *entries = user_data;
  if (entries->count == ACOAP__FILE_ENTRIES_MAX) {
    return ACOAP_EEXHAUSTED;
  }
  if (entries->count == entries->cap) {
    size_t cap = entries->cap > 0 ? 2 * entries->cap : 64;
    entry_t *grown = acoap__realloc(entries->list, cap * sizeof(*grown));
    if (grown == NULL) {
      return ACOAP_ENOMEM;
    }
    entries->list = grown;
    entries->cap = cap;
  }
  char *copy = acoap__file_text(name);
  if (copy == NULL) {
    return ACOAP_ENOMEM;
  }
  entries->list[entries->count++] = (entry_t){copy, facts->directory, facts->size};
  return 0;
}

static int compare_entries(const void *a, const void *b) {
  return strcmp(((const entry_t *)a)->name, ((const entry_t *)b)->name);
}

/* In another thread. */
static void work_list(acoap__job_t *job) {
  acoap__file_t *file = ACOAP__CONTAINER(job, acoap__file_t, job);
  entries_t entries = {NULL, 0, 0};
  file->status = acoap__files_list(file->descriptor, acoap__file_root_name(file->root), file->path,
                                   gather, &entries);
  if (entries.count > 0) {
    qsort(entries.list, entries.count, sizeof(*entries.list), compare_entries);
  }
  for (size_t i = 0; i < entries.count; i++) {
    if (file->status == 0) {
      file->status = file->list_ops->entry(file->list_data, entries.list[i].name,
                                           entries.list[i].directory, entries.list[i].len);
    }
    acoap__free(entries.list[i].name);
  }
  acoap__free(entries.list);
}

static void list_settled(acoap__job_t *job, int status) {
  acoap__file_t *file = ACOAP__CONTAINER(job, acoap__file_t, job);
  file->list_ops->listed(file->list_data, status != 0 ? status : file->status);
}

int acoap__file_list(acoap__file_t *file, const acoap__file_list_ops_t *ops, void *user_data) {
  if (!file->facts.directory) {
    return UV_ENOTDIR;
  }
  if (file->job.under_way) {
    return ACOAP_EBUSY;
  }
  file->list_ops = ops;
  file->list_data = user_data;
  int status = start(file, work_list, list_settled);
  if (status != 0) {
    file->list_ops = NULL;
  }
  return status;
}
