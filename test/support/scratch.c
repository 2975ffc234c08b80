/*
 * See scratch.h.
 * SPDX-License-Identifier: MIT
 */
#include "scratch.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void scratch_open(scratch_t *scratch) {
  const char *above = getenv("TMPDIR");
  int len = snprintf(scratch->path, sizeof(scratch->path), "%s/acoap-test-XXXXXX",
                     above != NULL ? above : "/tmp");
  ck_assert(len > 0 && (size_t)len < sizeof(scratch->path));
  ck_assert_ptr_nonnull(mkdtemp(scratch->path));
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where) {
  (void)facts;
  (void)kind;
  (void)where;
  return remove(path);
}

void scratch_close(scratch_t *scratch) {
  ck_assert_int_eq(nftw(scratch->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *scratch_path(scratch_t *scratch, const char *name) {
  int len = snprintf(scratch->text, sizeof(scratch->text), "%s/%s", scratch->path, name);
  ck_assert(len > 0 && (size_t)len < sizeof(scratch->text));
  return scratch->text;
}

void scratch_write(scratch_t *scratch, const char *name, const void *bytes, size_t len) {
  int file = open(scratch_path(scratch, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  ck_assert_int_ge(file, 0);
  for (size_t put = 0; put < len;) {
    ssize_t more = write(file, (const char *)bytes + put, len - put);
    ck_assert_int_gt(more, 0);
    put += (size_t)more;
  }
  ck_assert_int_eq(close(file), 0);
}

bool scratch_has(scratch_t *scratch, const char *name, const void *bytes, size_t len) {
  FILE *file = fopen(scratch_path(scratch, name), "rb");
  if (file == NULL) {
    return false;
  }
  char *read = malloc(len + 1);
  ck_assert_ptr_nonnull(read);
  size_t got = fread(read, 1, len + 1, file);
  bool same = got == len && (len == 0 || memcmp(read, bytes, len) == 0);
  free(read);
  fclose(file);
  return same;
}

bool scratch_exists(scratch_t *scratch, const char *name) {
  struct stat facts;
  return lstat(scratch_path(scratch, name), &facts) == 0;
}

void scratch_mkdir(scratch_t *scratch, const char *name) {
  ck_assert_int_eq(mkdir(scratch_path(scratch, name), 0755), 0);
}

void scratch_link(scratch_t *scratch, const char *target, const char *name) {
  ck_assert_int_eq(symlink(target, scratch_path(scratch, name)), 0);
}

size_t scratch_count(scratch_t *scratch, const char *name) {
  size_t count = 0;
  const struct dirent *entry;
  DIR *stream = opendir(scratch_path(scratch, name));
  ck_assert_ptr_nonnull(stream);
  while ((entry = readdir(stream)) != NULL) {
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 ? 1 : 0;
  }
  closedir(stream);
  return count;
}
