/*
 * A file that changes, by jobs beside the loop: begun under a temporary name in the directory where
 * it shall be, appended to, brought to the disk, and put in its place by one rename, so that who
 * reads sees the old file or the new one and nothing else. What is given up before that is removed,
 * whatever has become of the endpoint; what a crash leaves has a name that is not served.
 * A change is judged when it begins, to save a transfer in vain, and under the root's lock at its
 * end, when it counts. A link is neither replaced nor removed. The new file has the permission bits
 * of the old one. Makes no directories.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/file.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"

typedef enum step {
  STEP_NONE = 0,
  STEP_CREATE,
  STEP_APPEND,
  STEP_PUBLISH,
  STEP_REMOVE,
} step_t;

struct acoap__file_change {
  uint32_t refs;                       /* the owner's, and one of each start of the job */
  acoap__job_t job;                    /* one at a time */
  acoap_local_endpoint_t *endpoint;    /* held */
  acoap__file_root_t *root;            /* held */
  const acoap__file_change_ops_t *ops; /* the owner's */
  void *user_data;                     /* for them */
  char *path;                          /* below the root */
  const char *name;                    /* its last segment, once the directory is open */
  char temporary[40];                  /* what the file is called until it is complete; "": none */
  int parent;                          /* the directory; negative: none */
  int descriptor;                      /* the temporary file; negative: none */
  step_t current;                      /* under way */
  step_t asked;                        /* the owner waits for it */
  int status;                          /* the first failure stays */
  uint8_t *bytes;                      /* to be appended */
  size_t bytes_cap;                    /* room there */
  size_t bytes_len;                    /* of it filled */
  uint64_t len;                        /* written */
  bool only_new;                       /* publish where nothing is */
  bool created;                        /* published where nothing was */
  uint8_t etag[ACOAP__FILE_ETAG];      /* of what was published */
};

static acoap__file_change_t *change_of(acoap__job_t *job) {
  return ACOAP__CONTAINER(job, acoap__file_change_t, job);
}

/* ---- in another thread ------------------------------------------------------------------------
 */

/* What is in the place, and may it be changed? */
static int judge(acoap__file_change_t *change, acoap__file_facts_t *facts, bool *exists) {
  uint8_t etag[ACOAP__FILE_ETAG] = {0};
  int status = acoap__files_look(change->parent, change->name, facts);
  *exists = status == 0;
  if (status != 0 && status != UV_ENOENT) {
    return status;
  }
  if (*exists && !facts->regular) {
    return facts->directory ? UV_EISDIR : UV_ELOOP;
  }
  if (*exists) {
    acoap__file_etag_make(facts, etag);
  }
  return change->ops->judge(change->user_data, *exists, etag);
}

static int open_parent(acoap__file_change_t *change) {
  change->parent = acoap__files_open_parent(acoap__file_root_name(change->root), change->path,
                                            ACOAP__FILES_BEST, &change->name);
  return change->parent < 0 ? change->parent : 0;
}

static int create(acoap__file_change_t *change) {
  acoap__file_facts_t facts;
  bool exists = false;
  int status = open_parent(change);
  if (status == 0) {
    status = judge(change, &facts, &exists);
  }
  if (status != 0) {
    return status;
  }
  change->descriptor = acoap__files_create(change->parent, change->temporary);
  if (change->descriptor < 0) {
    return change->descriptor == UV_EEXIST ? UV_EAGAIN : change->descriptor;
  }
  return exists ? acoap__files_set_mode(change->descriptor, facts.mode) : 0;
}

static int append(acoap__file_change_t *change) {
  int status =
      acoap__files_write(change->descriptor, change->len, change->bytes, change->bytes_len);
  if (status == 0) {
    change->len += change->bytes_len;
  }
  return status;
}

static int take_place(acoap__file_change_t *change) {
  acoap__file_facts_t facts;
  bool exists = false;
  int status = judge(change, &facts, &exists);
  if (status == 0) {
    status = acoap__files_facts(change->descriptor, &facts);
  }
  if (status != 0) {
    return status;
  }
  acoap__file_etag_make(&facts, change->etag);
  change->created = !exists;
  return change->only_new ? acoap__files_rename_new(change->parent, change->temporary, change->name)
                          : acoap__files_replace(change->parent, change->temporary, change->name);
}

static int publish(acoap__file_change_t *change) {
  int status = acoap__files_sync(change->descriptor);
  if (status != 0) {
    return status;
  }
  acoap__file_root_lock(change->root);
  status = take_place(change);
  acoap__file_root_unlock(change->root);
  if (status == 0) {
    change->temporary[0] = '\0';
    /* The name, too, shall outlast a power cut; not every file system can promise that. */
    (void)acoap__files_sync(change->parent);
  }
  return status;
}

static int remove_now(acoap__file_change_t *change) {
  acoap__file_facts_t facts;
  bool exists = false;
  int status = open_parent(change);
  if (status != 0) {
    return status;
  }
  acoap__file_root_lock(change->root);
  status = judge(change, &facts, &exists);
  if (status == 0) {
    status = exists ? acoap__files_remove(change->parent, change->name) : UV_ENOENT;
  }
  acoap__file_root_unlock(change->root);
  if (status == 0) {
    (void)acoap__files_sync(change->parent);
  }
  return status;
}

static void work(acoap__job_t *job) {
  acoap__file_change_t *change = change_of(job);
  int status = 0;
  switch (change->current) {
  case STEP_CREATE:
    status = create(change);
    break;
  case STEP_APPEND:
    status = append(change);
    break;
  case STEP_PUBLISH:
    status = publish(change);
    break;
  case STEP_REMOVE:
    status = remove_now(change);
    break;
  case STEP_NONE:
    break;
  }
  change->status = status;
}

static void work_discard(acoap__job_t *job) {
  acoap__file_change_t *change = change_of(job);
  if (change->descriptor >= 0 && change->temporary[0] != '\0') {
    (void)acoap__files_remove(change->parent, change->temporary);
  }
  acoap__files_close(change->descriptor);
  acoap__files_close(change->parent);
  change->descriptor = -1;
  change->parent = -1;
}

/* ---- life -------------------------------------------------------------------------------------
 */

static void change_free(acoap__file_change_t *change) {
  acoap__file_root_unref(change->root);
  acoap__local_endpoint_release(change->endpoint);
  acoap__free(change->bytes);
  acoap__free(change->path);
  acoap__free(change);
}

/* `host`: inside of a job's end; else NULL. */
static void release(acoap__file_change_t *change, acoap_host_t *host) {
  if (--change->refs > 0) {
    return;
  }
  if (change->parent >= 0) {
    if (acoap__job_start_last(&change->job, change->endpoint, host, work_discard) == 0) {
      change->refs++;
      return;
    }
    /* No host any more, or no memory: better here than never. */
    work_discard(&change->job);
  }
  change->ops->release(change->user_data);
  change_free(change);
}

static void over(acoap__job_t *job, acoap_host_t *host) {
  release(change_of(job), host);
}

static void settled(acoap__job_t *job, int status);

static int begin(acoap__file_change_t *change, step_t step) {
  change->current = step;
  int status = acoap__job_start(&change->job, change->endpoint, work, settled);
  if (status == 0) {
    change->refs++;
  }
  return status;
}

static void settled(acoap__job_t *job, int status) {
  acoap__file_change_t *change = change_of(job);
  if (status != 0) {
    /* The thread may still be at it: its own word does not count any more. */
    step_t asked = change->asked;
    change->asked = STEP_NONE;
    if (asked != STEP_NONE) {
      change->ops->done(change->user_data, change, status);
    }
    return;
  }
  if (change->asked == STEP_NONE) {
    return;
  }
  if (change->status == 0 && change->asked != change->current) {
    /* Once it is begun, the status is the thread's. */
    int begun = begin(change, change->asked);
    if (begun == 0) {
      return;
    }
    change->status = begun;
  }
  change->asked = STEP_NONE;
  change->ops->done(change->user_data, change, change->status);
}

static acoap__file_change_t *change_new(acoap_local_endpoint_t *endpoint, acoap__file_root_t *root,
                                        const char *path, const acoap__file_change_ops_t *ops,
                                        void *user_data) {
  acoap__file_change_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return NULL;
  }
  made->path = acoap__file_text(path);
  if (made->path == NULL) {
    acoap__free(made);
    return NULL;
  }
  made->refs = 1;
  made->parent = -1;
  made->descriptor = -1;
  made->endpoint = acoap__local_endpoint_hold(endpoint);
  made->root = acoap__file_root_ref(root);
  made->ops = ops;
  made->user_data = user_data;
  acoap__job_init(&made->job, over);
  return made;
}

static int begin_first(acoap__file_change_t *made, step_t step, acoap__file_change_t **change) {
  int status = begin(made, step);
  if (status != 0) {
    change_free(made);
    return status;
  }
  *change = made;
  return 0;
}

int acoap__file_change_write(acoap_local_endpoint_t *endpoint, acoap__file_root_t *root,
                             const char *path, uint64_t serial, const acoap__file_change_ops_t *ops,
                             void *user_data, acoap__file_change_t **change) {
  acoap__file_change_t *made = change_new(endpoint, root, path, ops, user_data);
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  (void)snprintf(made->temporary, sizeof(made->temporary), ACOAP__FILE_TEMPORARY "%016llx.part",
                 (unsigned long long)serial);
  return begin_first(made, STEP_CREATE, change);
}

int acoap__file_change_remove(acoap_local_endpoint_t *endpoint, acoap__file_root_t *root,
                              const char *path, const acoap__file_change_ops_t *ops,
                              void *user_data, acoap__file_change_t **change) {
  acoap__file_change_t *made = change_new(endpoint, root, path, ops, user_data);
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->asked = STEP_REMOVE;
  return begin_first(made, STEP_REMOVE, change);
}

/* ---- what the owner asks for ------------------------------------------------------------------
 */

static int ask(acoap__file_change_t *change, step_t step) {
  if (!change->job.under_way) {
    int status = begin(change, step);
    if (status != 0) {
      return status;
    }
  }
  change->asked = step;
  return 0;
}

/* Can something be asked for? A thread's status is read only when none is at it. */
static int may_ask(const acoap__file_change_t *change) {
  if (change->asked != STEP_NONE) {
    return ACOAP_EBUSY;
  }
  if (change->job.under_way) {
    return change->job.settled != NULL ? 0 : ACOAP_ECLOSED;
  }
  return change->status;
}

int acoap__file_change_append(acoap__file_change_t *change, acoap_bytes_t bytes) {
  int status = may_ask(change);
  if (status != 0) {
    return status;
  }
  if (bytes.len > change->bytes_cap) {
    uint8_t *grown = acoap__realloc(change->bytes, bytes.len);
    if (grown == NULL) {
      return ACOAP_ENOMEM;
    }
    change->bytes = grown;
    change->bytes_cap = bytes.len;
  }
  if (bytes.len > 0) {
    memcpy(change->bytes, bytes.data, bytes.len);
  }
  change->bytes_len = bytes.len;
  return ask(change, STEP_APPEND);
}

int acoap__file_change_publish(acoap__file_change_t *change, bool only_new) {
  int status = may_ask(change);
  if (status != 0) {
    return status;
  }
  change->only_new = only_new;
  return ask(change, STEP_PUBLISH);
}

bool acoap__file_change_created(const acoap__file_change_t *change) {
  return change->created;
}

uint64_t acoap__file_change_len(const acoap__file_change_t *change) {
  return change->len;
}

const uint8_t *acoap__file_change_etag(const acoap__file_change_t *change) {
  return change->etag;
}

void acoap__file_change_drop(acoap__file_change_t *change) {
  if (change == NULL) {
    return;
  }
  acoap__job_cancel(&change->job);
  change->asked = STEP_NONE;
  release(change, NULL);
}
