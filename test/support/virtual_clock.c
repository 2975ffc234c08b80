/*
 * A gettimeofday that follows a simulated network (see virtual_clock.h); visible, so that it goes
 * before the one of the system.
 * SPDX-License-Identifier: MIT
 */
#include "support/virtual_clock.h"

#include <sys/time.h>
#include <time.h>

/* 2026-01-01: within the lifetime of every certificate. */
#define EPOCH_S 1767225600
#define MS_PER_S 1000
#define US_PER_MS 1000

static const acoap_sim_t *followed;

void virtual_clock_follow(const acoap_sim_t *sim) {
  followed = sim;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
                                                        void *restrict tz) {
  (void)tz;
  if (followed != NULL) {
    acoap_time_t now = acoap_sim_now(followed);
    tv->tv_sec = EPOCH_S + (time_t)(now / MS_PER_S);
    tv->tv_usec = (suseconds_t)(now % MS_PER_S * US_PER_MS);
    return 0;
  }
  struct timespec system;
  int status = clock_gettime(CLOCK_REALTIME, &system);
  tv->tv_sec = system.tv_sec;
  tv->tv_usec = (suseconds_t)(system.tv_nsec / US_PER_MS);
  return status;
}
