/*
 * CPU time of another process: Linux tells it in nanoseconds, thread by thread, in
 * /proc/PID/task/TID/schedstat. Elsewhere it is not known.
 * SPDX-License-Identifier: MIT
 */
#include "bench_process.h"

#include <dirent.h>
#include <stdio.h>

static double thread_us(int pid, const char *thread) {
  char path[320];
  unsigned long long ns = 0;
  snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, thread);
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    return 0;
  }
  int read = fscanf(file, "%llu", &ns);
  fclose(file);
  return read == 1 ? (double)ns / 1e3 : 0;
}

double bench_process_cpu_us(int pid) {
  char path[64];
  double sum = 0;
  snprintf(path, sizeof(path), "/proc/%d/task", pid);
  DIR *threads = pid > 0 ? opendir(path) : NULL;
  if (threads == NULL) {
    return 0;
  }
  for (const struct dirent *entry; (entry = readdir(threads)) != NULL;) {
    sum += entry->d_name[0] != '.' ? thread_us(pid, entry->d_name) : 0;
  }
  closedir(threads);
  return sum;
}
