/*
 * Builds a Check suite from a table, runs it and reports skipped tests by name in TAP. Looks for
 * the peers' programs.
 * SPDX-License-Identifier: MIT
 */
#include "interop_main.h"

#include <acoap/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check_main.h"
#include "spawn.h"

enum { EXIT_SKIPPED = 77, NODE_MAJOR_MIN = 20 };

/* Say which tests are skipped, on stdout and beside Check's own TAP file; returns how many there
 * are left to run. */
static size_t report_skipped(const char *suite, const interop_test_t *tests) {
  size_t left = 0;
  char name[4096];
  const char *file = getenv("CK_TAP_LOG_FILE_NAME");
  snprintf(name, sizeof(name), "%s.skipped", file == NULL ? "" : file);
  FILE *out = file == NULL ? NULL : fopen(name, "w");
  for (const interop_test_t *at = tests; at->test != NULL; at++) {
    if (at->why_not == NULL) {
      left++;
      continue;
    }
    printf("ok - %s:%s:%s # SKIP %s\n", suite, at->group, at->test->name, at->why_not);
    if (out != NULL) {
      fprintf(out, "ok - %s:%s:%s # SKIP %s\n", suite, at->group, at->test->name, at->why_not);
    }
  }
  if (out != NULL) {
    fclose(out);
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

static int node_major(void) {
  const char *const argv[] = {"node", "--version", NULL};
  spawn_t child;
  int major = 0;
  if (spawn_have("node") && spawn_start(&child, argv) == 0) {
    spawn_wait_output(&child, "\n", 10000);
    char *output = spawn_output(&child);
    if (output == NULL || sscanf(output, "v%d.", &major) != 1) {
      major = 0;
    }
    free(output);
    spawn_stop(&child, 9);
  }
  return major;
}

const char *interop_node_file(const char *name) {
  static char file[4096];
  snprintf(file, sizeof(file), "%s/interop/node/%s", ACOAP_TEST_DIR, name);
  return file;
}

const char *interop_node_unusable(void) {
  int major = node_major();
  if (major == 0) {
    return "node is not installed";
  }
  if (major < NODE_MAJOR_MIN) {
    return "node is older than 20";
  }
  if (access(interop_node_file("node_modules/coap/package.json"), R_OK) != 0 ||
      access(interop_node_file("node_modules/coap-cli/package.json"), R_OK) != 0) {
    return "the npm packages coap and coap-cli are not installed (test/interop/run installs them)";
  }
  return NULL;
}

const char *interop_libcoap_server(void) {
  return spawn_have("coap-server-notls")     ? "coap-server-notls"
         : spawn_have("coap-server-openssl") ? "coap-server-openssl"
                                             : NULL;
}

const char *interop_libcoap_client(void) {
  return spawn_have("coap-client-notls")     ? "coap-client-notls"
         : spawn_have("coap-client-openssl") ? "coap-client-openssl"
                                             : NULL;
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
