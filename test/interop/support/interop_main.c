/*
 * Builds a Check suite from a table, runs it and reports skipped tests by name in TAP.
 * SPDX-License-Identifier: MIT
 */
#include "interop_main.h"

#include <acoap/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check_main.h"

enum { EXIT_SKIPPED = 77 };

/* Say which tests are skipped; returns how many there are left to run. */
static size_t report_skipped(const char *suite, const interop_test_t *tests) {
  size_t left = 0;
  for (const interop_test_t *at = tests; at->test != NULL; at++) {
    if (at->why_not == NULL) {
      left++;
    } else {
      printf("ok - %s:%s:%s # SKIP %s\n", suite, at->group, at->test->name, at->why_not);
    }
  }
  return left;
}

int interop_main(int argc, char **argv, const char *suite_name, const interop_test_t *tests) {
  int first = ACOAP_UDP_BATCHED;
  int last = ACOAP_UDP_PORTABLE;
  if (argc > 1) {
    if (strcmp(argv[1], "batched") == 0) {
      last = first;
    } else if (strcmp(argv[1], "portable") == 0) {
      first = last;
    } else {
      fprintf(stderr, "usage: %s [batched|portable]\n", argv[0]);
      return 2;
    }
  }
  if (report_skipped(suite_name, tests) == 0) {
    return EXIT_SKIPPED;
  }
  Suite *suite = suite_create(suite_name);
  TCase *group = NULL;
  const char *group_name = "";
  for (const interop_test_t *at = tests; at->test != NULL; at++) {
    if (strcmp(group_name, at->group) != 0) {
      group_name = at->group;
      group = tcase_create(group_name);
      tcase_set_timeout(group, 280);
      suite_add_tcase(suite, group);
    }
    if (at->why_not == NULL) {
      tcase_add_loop_test(group, at->test, first, last + 1);
    }
  }
  return check_main_run(suite);
}

unsigned long long interop_seed(void) {
  const char *text = getenv("ACOAP_INTEROP_SEED");
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  unsigned long long seed =
      text != NULL ? strtoull(text, NULL, 0)
                   : (unsigned long long)now.tv_sec * 1000000007u + (unsigned long long)now.tv_nsec;
  printf("# ACOAP_INTEROP_SEED=%llu\n", seed);
  return seed;
}
