/*
 * acoap serve behind a relay that loses datagrams both ways, doubles and reorders them towards the
 * server: bodies come whole, in memory and in files, for the clients of libcoap, node-coap and our
 * own. (libcoap's client recognises no duplicates: none are made towards the clients. node-coap's
 * takes the repeated answer to a request that was doubled for another block: none is.)
 * SPDX-License-Identifier: MIT
 */
#include "peers.h"
#include "relay.h"
#include "served.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"

enum { BODY = 40000, CLIENT_MS = 110000 };

static char folder[] = "/tmp/acoap-server-loss-XXXXXX";
static served_t served;
static relay_t *relay;

static void path_of(char text[128], const char *name) {
  snprintf(text, 128, "%s/%s", folder, name);
}

static void write_body(const char *name) {
  char path[128];
  path_of(path, name);
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  for (unsigned i = 0; i < BODY; i++) {
    fputc((int)((i * 31 + (i >> 8)) & 0xff), file);
  }
  fclose(file);
}

static void expect_body(const char *name) {
  char path[128];
  path_of(path, name);
  FILE *file = fopen(path, "rb");
  ck_assert_msg(file != NULL, "no file %s", name);
  for (unsigned i = 0; i < BODY; i++) {
    ck_assert_msg(fgetc(file) == (int)((i * 31 + (i >> 8)) & 0xff), "%s differs at %u", name, i);
  }
  ck_assert_int_eq(fgetc(file), EOF);
  fclose(file);
}

static void start(void) {
  strcpy(folder + sizeof(folder) - 7, "XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  write_body("body");
  const char *const mode[] = {"--dir", folder, "--writable", NULL};
  served_start(&served, ACOAP_TOOL, mode);
}

static void start_relay(bool duplicates) {
  const relay_conditions_t up = {.loss_ppm = 40000,
                                 .duplicate_ppm = duplicates ? 50000 : 0,
                                 .reorder_ppm = duplicates ? 50000 : 0};
  const relay_conditions_t down = {.loss_ppm = 40000};
  relay = relay_start(served.port, 7, up, down);
  ck_assert_ptr_nonnull(relay);
}

static void stop_relay(bool duplicates) {
  relay_count_t up;
  relay_count_t down;
  relay_stop(relay, &up, &down);
  ck_assert_uint_gt(up.lost, 0);
  ck_assert_uint_gt(down.lost, 0);
  ck_assert(up.duplicated > 0 || !duplicates);
}

static void stop(void) {
  served_stop(&served);
  char script[160];
  snprintf(script, sizeof(script), "rm -rf '%s'", folder);
  const char *const argv[] = {"sh", "-c", script, NULL};
  ck_assert_int_eq(spawn_run(argv, 10000), 0);
}

/* Run a client's command line: %u is the relay's port. */
static void run(const char *format, const char *client) {
  char script[1024];
  int len =
      snprintf(script, sizeof(script), "cd '%s' && uri=coap://127.0.0.1:%u && client='%s' && ",
               folder, relay_port(relay), client);
  snprintf(script + len, sizeof(script) - (size_t)len, "%s", format);
  const char *const argv[] = {"sh", "-c", script, NULL};
  spawn_t child;
  ck_assert_int_eq(spawn_start(&child, argv), 0);
  for (int waited = 0; waited < CLIENT_MS && !spawn_ended(&child); waited += 10) {
    usleep(10000);
  }
  char *output = spawn_output(&child);
  bool succeeded = spawn_ended(&child) && spawn_exit_status(&child) == 0;
  spawn_stop(&child, SIGKILL);
  ck_assert_msg(succeeded, "'%s' failed: %s", format, output);
  free(output);
}

START_TEST(coap_client_uploads_and_downloads) {
  start_relay(true);
  run("$client -B 100 -b 1024 -m put -f body $uri/up && $client -B 100 -b 1024 -o down $uri/body",
      interop_libcoap_client());
  stop_relay(true);
  expect_body("up");
  expect_body("down");
}
END_TEST

START_TEST(node_downloads) {
  start_relay(false);
  run("node $client sizes $uri/body 1024 >sums && "
      "grep -q \"^1024 2.05 40000 $(sha256sum <body | cut -d' ' -f1)\" sums || "
      "{ cat sums; false; }",
      interop_node_file("client.js"));
  stop_relay(false);
}
END_TEST

START_TEST(acoap_uploads_and_downloads) {
  start_relay(true);
  run("$client put -q -b 1024 -i body $uri/up && $client get -q -b 1024 -o down $uri/body",
      ACOAP_TOOL);
  stop_relay(true);
  expect_body("up");
  expect_body("down");
}
END_TEST

static void add(TCase *group, const TTest *test, const char *why_not) {
  if (why_not == NULL) {
    tcase_add_test(group, test);
  } else {
    printf("ok - server_loss:%s # SKIP %s\n", test->name, why_not);
  }
}

static Suite *server_loss_suite(void) {
  Suite *suite = suite_create("server_loss");
  TCase *group = tcase_create("relay");
  tcase_set_timeout(group, 120);
  tcase_add_checked_fixture(group, start, stop);
  add(group, coap_client_uploads_and_downloads,
      interop_libcoap_client() == NULL ? "libcoap's coap-client is not installed (libcoap3-bin)"
                                       : NULL);
  add(group, node_downloads, interop_node_unusable());
  add(group, acoap_uploads_and_downloads, NULL);
  suite_add_tcase(suite, group);
  return suite;
}

ACOAP_TEST_MAIN(server_loss_suite)
