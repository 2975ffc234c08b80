/*
 * The tool acoap against servers of other makers: bodies up and down in files, block by block,
 * observation, discovery, exit statuses.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "peers.h"
#include "spawn.h"

enum { BODY = 20000, READY_MS = 20000, TOOL_MS = 60000 };

typedef struct server {
  spawn_t process;
  uint16_t port;
} server_t;

static void server_start(server_t *server, bool node) {
  server->port = spawn_free_port();
  char port[8];
  snprintf(port, sizeof(port), "%u", server->port);
  const char *libcoap_line[] = {
      interop_libcoap_server(), "-A", "127.0.0.1", "-p", port, "-d", "100", NULL};
  const char *node_line[] = {"node", interop_node_file("server.js"), port, "127.0.0.1", NULL};
  ck_assert_int_eq(spawn_start(&server->process, node ? node_line : libcoap_line), 0);
  acoap_address_t at = spawn_loopback(false, server->port);
  ck_assert_msg(spawn_wait_answer(&server->process, &at, READY_MS), "the server does not answer");
}

static void server_stop(server_t *server) {
  spawn_stop(&server->process, SIGKILL);
}

/* Run the tool with this command line behind its name; %s stands for coap://127.0.0.1:PORT. Returns
 * its exit status. */
static int tool(const server_t *server, const char *line, char **output) {
  char script[512];
  char uri[64];
  snprintf(uri, sizeof(uri), "coap://127.0.0.1:%u", server->port);
  int len = snprintf(script, sizeof(script), "exec '%s' ", ACOAP_TOOL);
  const char *mark = strstr(line, "%s");
  ck_assert_ptr_nonnull(mark);
  snprintf(script + len, sizeof(script) - (size_t)len, "%.*s%s%s", (int)(mark - line), line, uri,
           mark + 2);
  const char *const argv[] = {"sh", "-c", script, NULL};
  spawn_t child;
  ck_assert_int_eq(spawn_start(&child, argv), 0);
  for (int waited = 0; waited < TOOL_MS && !spawn_ended(&child); waited += 5) {
    usleep(5000);
  }
  int status = spawn_exit_status(&child);
  char *printed = spawn_output(&child);
  spawn_stop(&child, SIGKILL);
  if (output != NULL) {
    *output = printed;
  } else {
    free(printed);
  }
  return status;
}

static void expect_output(const server_t *server, const char *line, const char *wanted) {
  char *output = NULL;
  int status = tool(server, line, &output);
  ck_assert_msg(status == 0 && strstr(output, wanted) != NULL,
                "'%s': status %d, '%s' wanted, got '%s'", line, status, wanted, output);
  free(output);
}

static void write_body(const char *name) {
  FILE *file = fopen(name, "wb");
  ck_assert_ptr_nonnull(file);
  for (unsigned i = 0; i < BODY; i++) {
    fputc((int)((i * 31 + (i >> 8)) & 0xff), file);
  }
  fclose(file);
}

static void expect_same_body(const char *name) {
  FILE *file = fopen(name, "rb");
  ck_assert_ptr_nonnull(file);
  for (unsigned i = 0; i < BODY; i++) {
    ck_assert_int_eq(fgetc(file), (int)((i * 31 + (i >> 8)) & 0xff));
  }
  ck_assert_int_eq(fgetc(file), EOF);
  fclose(file);
}

static void files_go_up_and_down(bool node) {
  char folder[] = "/tmp/acoap-tool-XXXXXX";
  ck_assert_ptr_nonnull(mkdtemp(folder));
  char up[64];
  char down[64];
  snprintf(up, sizeof(up), "%s/up", folder);
  snprintf(down, sizeof(down), "%s/down", folder);
  write_body(up);
  server_t server;
  server_start(&server, node);
  for (size_t size = 16; size <= 1024; size *= 2) {
    char line[256];
    snprintf(line, sizeof(line), "put -q -b %zu -i %s %%s/body", size, up);
    ck_assert_int_eq(tool(&server, line, NULL), 0);
    snprintf(line, sizeof(line), "get -q -b %zu -o %s %%s/body", size, down);
    ck_assert_int_eq(tool(&server, line, NULL), 0);
    expect_same_body(down);
    unlink(down);
  }
  /* node-coap joins what goes up by token, so only what comes down can have several in flight. */
  char window[256];
  for (int n = 4; n <= 16; n *= 4) {
    if (!node) {
      snprintf(window, sizeof(window), "put -q --window %d -b 64 -i %s %%s/body", n, up);
      ck_assert_int_eq(tool(&server, window, NULL), 0);
    }
    snprintf(window, sizeof(window), "get -q --window %d -b 64 -o %s %%s/body", n, down);
    ck_assert_int_eq(tool(&server, window, NULL), 0);
    expect_same_body(down);
    unlink(down);
  }
  server_stop(&server);
  unlink(up);
  rmdir(folder);
}

START_TEST(files_go_up_to_libcoap_and_down_in_every_block_size) {
  files_go_up_and_down(false);
}
END_TEST

START_TEST(files_go_up_to_node_and_down_in_every_block_size) {
  files_go_up_and_down(true);
}
END_TEST

START_TEST(libcoap_is_asked_observed_and_discovered) {
  server_t server;
  server_start(&server, false);
  expect_output(&server, "put -q -d hello %s/greeting", "");
  expect_output(&server, "get -q %s/greeting", "hello");
  expect_output(&server, "get -q '%s/async?1'", "done");
  expect_output(&server, "discover -q %s", "/example_data");
  expect_output(&server, "observe -q --count 3 '%s/time?ticks'", "1");
  expect_output(&server, "ping %s", "");
  ck_assert_int_eq(tool(&server, "get -q %s/nothing", NULL), 4);
  ck_assert_int_eq(tool(&server, "delete -q %s/greeting", NULL), 0);
  ck_assert_int_eq(tool(&server, "delete -q %s/", NULL), 4);
  server_stop(&server);
  ck_assert_int_eq(tool(&server, "get -q -t 2 %s/greeting", NULL), 3);
}
END_TEST

START_TEST(node_is_asked_observed_and_discovered) {
  server_t server;
  server_start(&server, true);
  expect_output(&server, "get -q %s/text", "hello from node");
  expect_output(&server, "get -q %s/slow", "done");
  expect_output(&server, "discover -q %s", "/counter");
  expect_output(&server, "observe -q --count 6 %s/counter", "count 5");
  ck_assert_int_eq(tool(&server, "get -q %s/nothing", NULL), 4);
  ck_assert_int_eq(tool(&server, "get -q %s/broken", NULL), 5);
  server_stop(&server);
}
END_TEST

static void add(TCase *group, const TTest *test, const char *why_not) {
  if (why_not == NULL) {
    tcase_add_test(group, test);
  } else {
    printf("ok - tool:peers:%s # SKIP %s\n", test->name, why_not);
  }
}

static Suite *tool_suite(void) {
  const char *libcoap = interop_libcoap_server() == NULL
                            ? "libcoap's coap-server is not installed (libcoap3-bin)"
                            : NULL;
  const char *node = interop_node_unusable();
  Suite *suite = suite_create("tool");
  TCase *group = tcase_create("peers");
  tcase_set_timeout(group, 280);
  add(group, files_go_up_to_libcoap_and_down_in_every_block_size, libcoap);
  add(group, files_go_up_to_node_and_down_in_every_block_size, node);
  add(group, libcoap_is_asked_observed_and_discovered, libcoap);
  add(group, node_is_asked_observed_and_discovered, node);
  suite_add_tcase(suite, group);
  return suite;
}

int main(void) {
  Suite *suite = tool_suite();
  if (interop_libcoap_server() == NULL && interop_node_unusable() != NULL) {
    srunner_free(srunner_create(suite));
    return 77;
  }
  return check_main_run(suite);
}
