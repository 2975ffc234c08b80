/*
 * Runs a fuzz target over the files of the folders and files named on the command line, without
 * libFuzzer: the seed corpus as an ordinary test. No file at all is a failure. Searches for nothing
 * new.
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Run one file. The bytes are copied to a block of exactly their size, so that a sanitizer sees the
 * first byte too many. */
static int replay_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    return -1;
  }
  int result = -1;
  uint8_t *data = NULL;
  struct stat status;
  if (fstat(fileno(file), &status) != 0 || status.st_size < 0) {
    perror(path);
    goto done;
  }
  size_t size = (size_t)status.st_size;
  data = malloc(size > 0 ? size : 1);
  if (data == NULL || fread(data, 1, size, file) != size) {
    fprintf(stderr, "%s: cannot be read\n", path);
    goto done;
  }
  LLVMFuzzerTestOneInput(data, size);
  result = 0;
done:
  free(data);
  fclose(file);
  return result;
}

/* Run every file of a folder; how many there were, or -1. */
static long replay_folder(const char *folder) {
  DIR *dir = opendir(folder);
  if (dir == NULL) {
    perror(folder);
    return -1;
  }
  long count = 0;
  for (struct dirent *entry = readdir(dir); entry != NULL && count >= 0; entry = readdir(dir)) {
    char path[4096];
    if (entry->d_name[0] == '.') {
      continue;
    }
    int length = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
    if (length < 0 || (size_t)length >= sizeof(path) || replay_file(path) != 0) {
      count = -1;
    } else {
      count++;
    }
  }
  closedir(dir);
  return count;
}

int main(int argc, char **argv) {
  long total = 0;
  for (int i = 1; i < argc; i++) {
    struct stat status;
    bool is_folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
    long count = is_folder ? replay_folder(argv[i]) : (replay_file(argv[i]) == 0 ? 1 : -1);
    if (count < 0) {
      return EXIT_FAILURE;
    }
    total += count;
  }
  printf("replayed %ld inputs\n", total);
  if (total == 0) {
    fputs("no input was replayed: that is a failure\n", stderr);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
