/*
 * Looks for the peers' programs on PATH and for node-coap in test/interop/node. Starts none of
 * them.
 * SPDX-License-Identifier: MIT
 */
#include "peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "spawn.h"

enum { NODE_MAJOR_MIN = 20 };

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
