/*
 * Keeping a thread on one core, on Linux. Only cores of the thread's own set are chosen, which a
 * container or taskset may have made smaller; the first 1024 of the machine are seen.
 * SPDX-License-Identifier: MIT
 */
#include "transport/affinity.h"

#include <acoap/error.h>
#include <pthread.h>
#include <sched.h>
#include <uv.h>

bool acoap__affinity_supported(void) {
  return true;
}

/* The n-th core of a set that has more than n. */
static size_t core_of(const cpu_set_t *set, size_t n) {
  size_t core = 0;
  while (!CPU_ISSET(core, set) || n-- > 0) {
    core++;
  }
  return core;
}

int acoap__affinity_pin(size_t n) {
  cpu_set_t allowed;
  cpu_set_t one;
  CPU_ZERO(&allowed);
  CPU_ZERO(&one);
  int error = pthread_getaffinity_np(pthread_self(), sizeof(allowed), &allowed);
  if (error != 0) {
    return uv_translate_sys_error(error);
  }
  int count = CPU_COUNT(&allowed);
  if (count == 0) {
    return ACOAP_ENOTSUP;
  }
  CPU_SET(core_of(&allowed, n % (size_t)count), &one);
  error = pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
  return error == 0 ? 0 : uv_translate_sys_error(error);
}
