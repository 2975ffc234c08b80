/*
 * Files below a directory with the calls of POSIX.1-2008; the only place that makes them. A path
 * stays below its root because each segment is opened relative to the directory before it, with
 * O_NOFOLLOW: a link is an error (UV_ELOOP). Where the system has openat2 (Linux 5.6), asked at run
 * time, links are followed as long as RESOLVE_BENEATH holds: those that lead out are UV_EXDEV.
 * O_NONBLOCK and O_NOCTTY: no FIFO and no terminal holds the thread up.
 * A file is replaced by rename, which is atomic; made only once by renameat2 with RENAME_NOREPLACE,
 * or by link where the file system does not have that.
 * All calls block. Knows no CoAP, no names that are hidden, and no locks.
 * SPDX-License-Identifier: MIT
 */
#include "transport/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#ifdef __linux__
#include <sys/syscall.h>
#ifdef SYS_openat2
#include <linux/openat2.h>
#endif
#endif

/* What every descriptor is opened with. */
#define ALWAYS (O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
/* openat2 gives up when something is renamed meanwhile; after so many times so do we. */
#define ATTEMPTS 8

static int failure(void) {
  return uv_translate_sys_error(errno);
}

/* ---- resolving --------------------------------------------------------------------------------
 */

/* Neither absolute, nor with an empty, "." or ".." segment, nor overlong. */
static bool is_sound(const char *path) {
  size_t len = strlen(path);
  if (len >= ACOAP__FILES_PATH_MAX) {
    return false;
  }
  const char *segment = path;
  while (len > 0) {
    size_t span = strcspn(segment, "/");
    if (span == 0 || span >= ACOAP__FILES_NAME_MAX || (span == 1 && segment[0] == '.') ||
        (span == 2 && segment[0] == '.' && segment[1] == '.')) {
      return false;
    }
    if (segment[span] == '\0') {
      break;
    }
    segment += span + 1;
  }
  return true;
}

/* With O_DIRECTORY a link is "not a directory" to the system; to us it is a link. */
static int segment_failure(int at, const char *name) {
  struct stat stat;
  int status = failure();
  if (status == UV_ENOTDIR && fstatat(at, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISLNK(stat.st_mode)) {
    return UV_ELOOP;
  }
  return status;
}

static int open_by_segment(int root, const char *path, int flags) {
  char name[ACOAP__FILES_NAME_MAX];
  int at = root;
  for (;;) {
    size_t span = strcspn(path, "/");
    bool last = path[span] == '\0';
    memcpy(name, path, span);
    name[span] = '\0';
    int next = openat(at, name, (last ? flags : O_RDONLY | O_DIRECTORY) | O_NOFOLLOW | ALWAYS);
    int status = next < 0 ? segment_failure(at, name) : 0;
    if (at != root) {
      close(at);
    }
    if (status < 0 || last) {
      return status < 0 ? status : next;
    }
    at = next;
    path += span + 1;
  }
}

/* UV_ENOSYS: ask for it in the other way. */
static int open_beneath(int root, const char *path, int flags) {
#ifdef SYS_openat2
  struct open_how how = {.flags = (uint64_t)(unsigned)(flags | ALWAYS),
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    long opened = syscall(SYS_openat2, root, path, &how, sizeof(how));
    if (opened >= 0) {
      return (int)opened;
    }
    if (errno == EPERM) {
      return UV_ENOSYS; /* what a sandbox that does not know the call says */
    }
    if (errno != EAGAIN && errno != EINTR) {
      return failure();
    }
  }
  return UV_EAGAIN;
#else
  (void)root;
  (void)path;
  (void)flags;
  return UV_ENOSYS;
#endif
}

static int open_below(int root, const char *path, int flags, acoap__files_way_t way) {
  int opened = UV_ENOSYS;
  if (way == ACOAP__FILES_BEST) {
    opened = open_beneath(root, path, flags);
  }
  return opened == UV_ENOSYS ? open_by_segment(root, path, flags) : opened;
}

/* ---- facts ------------------------------------------------------------------------------------
 */

static void read_facts(const struct stat *stat, acoap__file_facts_t *facts) {
  memset(facts, 0, sizeof(*facts));
  facts->size = stat->st_size > 0 ? (uint64_t)stat->st_size : 0;
#ifdef __APPLE__
  facts->modified_s = (int64_t)stat->st_mtimespec.tv_sec;
  facts->modified_ns = (uint32_t)stat->st_mtimespec.tv_nsec;
#else
  facts->modified_s = (int64_t)stat->st_mtim.tv_sec;
  facts->modified_ns = (uint32_t)stat->st_mtim.tv_nsec;
#endif
  facts->mode = (uint32_t)(stat->st_mode & 0777);
  facts->inode = (uint64_t)stat->st_ino;
  facts->device = (uint64_t)stat->st_dev;
  facts->regular = S_ISREG(stat->st_mode);
  facts->directory = S_ISDIR(stat->st_mode);
}

bool acoap__files_same(const acoap__file_facts_t *a, const acoap__file_facts_t *b) {
  return a->size == b->size && a->modified_s == b->modified_s && a->modified_ns == b->modified_ns &&
         a->inode == b->inode && a->device == b->device;
}

int acoap__files_facts(int file, acoap__file_facts_t *facts) {
  struct stat stat;
  if (fstat(file, &stat) != 0) {
    return failure();
  }
  read_facts(&stat, facts);
  return 0;
}

int acoap__files_look(int parent, const char *name, acoap__file_facts_t *facts) {
  struct stat stat;
  if (fstatat(parent, name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
    return failure();
  }
  read_facts(&stat, facts);
  return 0;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static int open_root(const char *root) {
  int opened = open(root, O_RDONLY | O_DIRECTORY | ALWAYS);
  return opened < 0 ? failure() : opened;
}

/* A path without a directory before it: the application's own words, links and all. */
static int open_at(const char *root, const char *path, acoap__files_way_t way) {
  if (path[0] == '\0') {
    int opened = open(root, O_RDONLY | ALWAYS);
    return opened < 0 ? failure() : opened;
  }
  int directory = open_root(root);
  if (directory < 0) {
    return directory;
  }
  int opened = open_below(directory, path, O_RDONLY, way);
  close(directory);
  return opened;
}

int acoap__files_open(const char *root, const char *path, acoap__files_way_t way,
                      acoap__file_facts_t *facts) {
  acoap__file_facts_t found = {0};
  if (!is_sound(path)) {
    return UV_EINVAL;
  }
  int file = open_at(root, path, way);
  if (file < 0) {
    return file;
  }
  int status = acoap__files_facts(file, &found);
  if (status == 0 && !found.regular && !found.directory) {
    status = UV_EINVAL;
  }
  if (status != 0) {
    close(file);
    return status;
  }
  *facts = found;
  return file;
}

int acoap__files_read(int file, uint64_t offset, uint8_t *room, size_t cap) {
  size_t got = 0;
  if (offset > INT64_MAX || cap > INT32_MAX) {
    return UV_EINVAL;
  }
  while (got < cap) {
    ssize_t more = pread(file, room + got, cap - got, (off_t)(offset + got));
    if (more < 0 && errno == EINTR) {
      continue;
    }
    if (more < 0) {
      return failure();
    }
    if (more == 0) {
      break;
    }
    got += (size_t)more;
  }
  return (int)got;
}

void acoap__files_close(int file) {
  if (file >= 0) {
    close(file);
  }
}

/* ---- listing ----------------------------------------------------------------------------------
 */

/* What a name in a directory leads to; false: nothing that can be served. */
static bool entry_facts(int directory, const char *name, acoap__file_facts_t *facts,
                        const char *root, const char *path) {
  char full[ACOAP__FILES_PATH_MAX];
  struct stat stat;
  if (fstatat(directory, name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
    return false;
  }
  read_facts(&stat, facts);
  if (!S_ISLNK(stat.st_mode)) {
    return facts->regular || facts->directory;
  }
  int len = snprintf(full, sizeof(full), "%s%s%s", path, path[0] != '\0' ? "/" : "", name);
  if (len < 0 || (size_t)len >= sizeof(full)) {
    return false;
  }
  int file = acoap__files_open(root, full, ACOAP__FILES_BEST, facts);
  acoap__files_close(file);
  return file >= 0;
}

int acoap__files_list(int directory, const char *root, const char *path, acoap__files_entry_cb each,
                      void *user_data) {
  /* The stream takes a descriptor over: it gets one of its own. */
  int own = openat(directory, ".", O_RDONLY | O_DIRECTORY | ALWAYS);
  DIR *stream = own >= 0 ? fdopendir(own) : NULL;
  int status = 0;
  if (stream == NULL) {
    status = failure();
    acoap__files_close(own);
    return status;
  }
  const struct dirent *entry;
  while (status == 0 && (entry = readdir(stream)) != NULL) {
    acoap__file_facts_t facts;
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
        entry_facts(directory, entry->d_name, &facts, root, path)) {
      status = each(user_data, entry->d_name, &facts);
    }
  }
  closedir(stream);
  return status;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

int acoap__files_open_parent(const char *root, const char *path, acoap__files_way_t way,
                             const char **name) {
  char above[ACOAP__FILES_PATH_MAX];
  if (path[0] == '\0' || !is_sound(path)) {
    return UV_EINVAL;
  }
  const char *slash = strrchr(path, '/');
  int directory = open_root(root);
  if (directory < 0 || slash == NULL) {
    if (directory >= 0) {
      *name = path;
    }
    return directory;
  }
  memcpy(above, path, (size_t)(slash - path));
  above[slash - path] = '\0';
  int parent = open_below(directory, above, O_RDONLY | O_DIRECTORY, way);
  close(directory);
  if (parent >= 0) {
    *name = slash + 1;
  }
  return parent;
}

int acoap__files_create(int parent, const char *name) {
  int file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | ALWAYS, 0666);
  return file < 0 ? failure() : file;
}

int acoap__files_write(int file, uint64_t offset, const uint8_t *bytes, size_t len) {
  size_t put = 0;
  if (offset > INT64_MAX - len) {
    return UV_EFBIG;
  }
  while (put < len) {
    ssize_t more = pwrite(file, bytes + put, len - put, (off_t)(offset + put));
    if (more < 0 && errno != EINTR) {
      return failure();
    }
    put += more > 0 ? (size_t)more : 0;
  }
  return 0;
}

int acoap__files_set_mode(int file, uint32_t mode) {
  return fchmod(file, (mode_t)mode) != 0 ? failure() : 0;
}

int acoap__files_sync(int file) {
  return fsync(file) != 0 ? failure() : 0;
}

int acoap__files_replace(int parent, const char *from, const char *to) {
  return renameat(parent, from, parent, to) != 0 ? failure() : 0;
}

int acoap__files_rename_new(int parent, const char *from, const char *to) {
#ifdef SYS_renameat2
  /* RENAME_NOREPLACE is 1; its header is the C library's secret. */
  if (syscall(SYS_renameat2, parent, from, parent, to, 1U) == 0) {
    return 0;
  }
  if (errno != ENOSYS && errno != EINVAL && errno != EPERM) {
    return failure();
  }
#endif
  if (linkat(parent, from, parent, to, 0) != 0) {
    return failure();
  }
  return unlinkat(parent, from, 0) != 0 ? failure() : 0;
}

int acoap__files_remove(int parent, const char *name) {
  return unlinkat(parent, name, 0) != 0 ? failure() : 0;
}
