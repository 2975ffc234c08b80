/*
 * Clients of other makers, libcoap's coap-client and coap-cli, against an endpoint of ours with a
 * receive handler: methods, block-wise, observation, separate response, NON, a group.
 * SPDX-License-Identifier: MIT
 */
#include "interop_main.h"
#include "lab.h"
#include "netns.h"
#include "spawn.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 5000, CLIENT_MS = 20000 };

/* What a test's server keeps. */
typedef struct site {
  lab_t lab;
  acoap_local_endpoint_t *endpoint;
  uint16_t port;
  uint8_t *large;   /* the body of /large */
  char stored[256]; /* the body of /store */
  bool has_stored;
  acoap_request_t *slow;        /* kept, answered by the timer */
  acoap_request_t *observation; /* kept, notified by the timer */
  uint32_t ticks;               /* notifications so far */
  int observation_end;          /* how the client left; 1: not yet */
  uv_timer_t timer;
  size_t multicasts; /* requests that came by multicast */
} site_t;

static bool path_is(const acoap_view_t *view, const char *segment) {
  acoap_bytes_t value;
  return acoap_view_option(view, ACOAP_OPTION_URI_PATH, 0, &value) &&
         value.len == strlen(segment) && memcmp(value.data, segment, value.len) == 0;
}

/* RFC 7959 section 2.4: the block that was asked for, the first of 1024 bytes when none was. */
static void respond_large(site_t *site, acoap_request_t *request) {
  acoap_block_t block = {0, false, 6};
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  if (acoap_view_block(view, ACOAP_OPTION_BLOCK2, &block) < 0 ||
      block.num * acoap_block_size(block.szx) >= LARGE) {
    acoap_request_respond(request, ACOAP_CODE_BAD_OPTION, ACOAP_FORMAT_NONE, NULL, 0);
    return;
  }
  size_t offset = block.num * acoap_block_size(block.szx);
  size_t len = LARGE - offset;
  block.more = len > acoap_block_size(block.szx);
  len = block.more ? acoap_block_size(block.szx) : len;
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, "v1", 2);
  acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, ACOAP_FORMAT_TEXT_PLAIN);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  acoap_builder_payload(builder, site->large + offset, len);
  acoap_request_send(request, ACOAP_AS_REQUESTED);
}

static void send_tick(site_t *site) {
  char text[32];
  int len = snprintf(text, sizeof(text), "tick %u", site->ticks);
  acoap_builder_t *builder = acoap_request_begin(site->observation, ACOAP_CODE_CONTENT);
  if (builder != NULL) {
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, ++site->ticks);
    acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, ACOAP_FORMAT_TEXT_PLAIN);
    acoap_builder_payload(builder, text, (size_t)len);
    acoap_request_send(site->observation,
                       site->ticks % 2 == 0 ? ACOAP_RELIABLE : ACOAP_AS_REQUESTED);
  }
}

static void notification_ended(void *user_data, acoap_request_t *request, int status) {
  site_t *site = user_data;
  if (status != 0 && site->observation == request) {
    site->observation_end = status;
    site->observation = acoap_request_unref(site->observation);
  }
}

static void respond_ticks(site_t *site, acoap_request_t *request) {
  uint32_t observe = 1;
  acoap_view_uint(acoap_message_view(acoap_request_message(request)), ACOAP_OPTION_OBSERVE,
                  &observe);
  if (observe == 0 && site->observation == NULL) {
    site->observation = acoap_request_ref(request);
    acoap_request_on_delivery(request, notification_ended, site);
    send_tick(site);
    return;
  }
  if (site->observation != NULL) {
    site->observation_end = 0;
    site->observation = acoap_request_unref(site->observation);
  }
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "no more", 7);
}

static void respond_store(site_t *site, acoap_request_t *request) {
  acoap_message_t *message = acoap_request_message(request);
  acoap_bytes_t payload = acoap_message_payload(message);
  switch (acoap_message_code(message)) {
  case ACOAP_CODE_PUT:
  case ACOAP_CODE_POST:
    snprintf(site->stored, sizeof(site->stored), "%.*s", (int)payload.len,
             (const char *)payload.data);
    acoap_request_respond(request, site->has_stored ? ACOAP_CODE_CHANGED : ACOAP_CODE_CREATED,
                          ACOAP_FORMAT_NONE, NULL, 0);
    site->has_stored = true;
    break;
  case ACOAP_CODE_DELETE:
    site->has_stored = false;
    acoap_request_respond(request, ACOAP_CODE_DELETED, ACOAP_FORMAT_NONE, NULL, 0);
    break;
  default:
    if (site->has_stored) {
      acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, site->stored,
                            strlen(site->stored));
    } else {
      acoap_request_respond(request, ACOAP_CODE_NOT_FOUND, ACOAP_FORMAT_NONE, NULL, 0);
    }
  }
}

static void receive(void *user_data, acoap_request_t *request) {
  site_t *site = user_data;
  acoap_message_t *message = acoap_request_message(request);
  const acoap_view_t *view = acoap_message_view(message);
  site->multicasts += acoap_message_path(message)->multicast;
  if (path_is(view, "hello")) {
    acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "hello from acoap",
                          16);
  } else if (path_is(view, "large")) {
    respond_large(site, request);
  } else if (path_is(view, "ticks")) {
    respond_ticks(site, request);
  } else if (path_is(view, "store")) {
    respond_store(site, request);
  } else if (path_is(view, "slow") && site->slow == NULL) {
    site->slow = acoap_request_ref(request);
  } else if (path_is(view, ".well-known")) {
    acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_LINK_FORMAT,
                          "</hello>,</ticks>;obs", 21);
  } else {
    acoap_request_respond(request, ACOAP_CODE_NOT_FOUND, ACOAP_FORMAT_NONE, "no such thing", 13);
  }
}

/* Every 100 ms a notification; a request kept by /slow is answered when it has waited for 25 of
 * them, past PROCESSING_DELAY. */
static void tick(uv_timer_t *timer) {
  site_t *site = timer->data;
  if (site->observation != NULL && site->ticks < 50) {
    send_tick(site);
  }
}

static void answer_slow(site_t *site) {
  acoap_request_respond(site->slow, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "at last", 7);
  site->slow = acoap_request_unref(site->slow);
}

static void site_open(site_t *site, acoap_udp_kind_t kind, uint16_t port) {
  memset(site, 0, sizeof(*site));
  lab_open(&site->lab, kind, 60);
  site->port = port != 0 ? port : spawn_free_port();
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .port = site->port};
  site->endpoint = lab_endpoint(&site->lab, &options);
  acoap_local_endpoint_receive(site->endpoint, receive, site);
  site->observation_end = 1;
  site->large = lab_body(LARGE, 9);
  for (size_t i = 0; i < LARGE; i++) {
    site->large[i] = (uint8_t)('a' + site->large[i] % 26);
  }
  ck_assert_int_eq(uv_timer_init(&site->lab.loop, &site->timer), 0);
  site->timer.data = site;
  ck_assert_int_eq(uv_timer_start(&site->timer, tick, 100, 100), 0);
}

static void site_close(site_t *site) {
  uv_close((uv_handle_t *)&site->timer, NULL);
  site->slow = acoap_request_unref(site->slow);
  site->observation = acoap_request_unref(site->observation);
  lab_close(&site->lab);
  free(site->large);
}

/* Run our loop until the client has ended; returns what it printed. */
static char *finish_client(site_t *site, spawn_t *client) {
  uint64_t end = uv_hrtime() + (uint64_t)CLIENT_MS * 1000000;
  uint64_t slow_since = 0;
  while (!spawn_ended(client) && uv_hrtime() < end) {
    lab_run_for(&site->lab, 5);
    if (site->slow != NULL && slow_since == 0) {
      slow_since = uv_hrtime();
    }
    if (site->slow != NULL && uv_hrtime() - slow_since > 2500u * 1000000u) {
      answer_slow(site);
    }
  }
  bool ended = spawn_ended(client);
  char *output = spawn_output(client);
  spawn_stop(client, SIGKILL);
  ck_assert_msg(ended, "the client does not end; it printed: %s", output);
  return output;
}

static char *run_client(site_t *site, const char *const argv[]) {
  spawn_t client;
  ck_assert_int_eq(spawn_start(&client, argv), 0);
  return finish_client(site, &client);
}

static void expect_output(char *output, const char *wanted) {
  ck_assert_msg(strstr(output, wanted) != NULL, "'%s' wanted, the client printed '%s'", wanted,
                output);
  free(output);
}

static const char *uri_of(const site_t *site, const char *path) {
  static char uri[64];
  snprintf(uri, sizeof(uri), "coap://127.0.0.1:%u%s", site->port, path);
  return uri;
}

/* ---- libcoap
 * -------------------------------------------------------------------------------------------------------------------
 */

static char *coap_client(site_t *site, const char *method, const char *path, const char *more,
                         const char *value) {
  const char *argv[] = {interop_libcoap_client(), "-B", "15",  "-m", method,
                        uri_of(site, path),       more, value, NULL};
  return run_client(site, argv);
}

START_TEST(coap_client_gets_puts_posts_deletes) {
  site_t site;
  site_open(&site, (acoap_udp_kind_t)_i, 0);
  expect_output(coap_client(&site, "get", "/hello", NULL, NULL), "hello from acoap");
  expect_output(coap_client(&site, "get", "/hello", "-N", NULL), "hello from acoap");
  expect_output(coap_client(&site, "get", "/store", NULL, NULL), "4.04");
  free(coap_client(&site, "put", "/store", "-e", "one"));
  ck_assert_str_eq(site.stored, "one");
  free(coap_client(&site, "post", "/store", "-e", "two"));
  expect_output(coap_client(&site, "get", "/store", NULL, NULL), "two");
  free(coap_client(&site, "delete", "/store", NULL, NULL));
  expect_output(coap_client(&site, "get", "/store", NULL, NULL), "4.04");
  site_close(&site);
}
END_TEST

START_TEST(coap_client_fetches_blocks_of_every_size) {
  site_t site;
  site_open(&site, (acoap_udp_kind_t)_i, 0);
  for (size_t size = 16; size <= 1024; size *= 2) {
    char text[8];
    snprintf(text, sizeof(text), "%zu", size);
    char *output = coap_client(&site, "get", "/large", "-b", text);
    ck_assert_uint_ge(strlen(output), LARGE);
    ck_assert_int_eq(memcmp(output, site.large, LARGE), 0);
    free(output);
  }
  site_close(&site);
}
END_TEST

START_TEST(coap_client_takes_a_separate_response) {
  site_t site;
  site_open(&site, (acoap_udp_kind_t)_i, 0);
  expect_output(coap_client(&site, "get", "/slow", NULL, NULL), "at last");
  /* the empty ACK left at PROCESSING_DELAY, 2 s, before the client's first retransmission at 2 to 3
   * s could be answered twice */
  lab_run_for(&site.lab, 50);
  acoap_stats_t stats = lab_stats(site.endpoint);
  ck_assert_uint_eq(stats.requests_received, 1);
  ck_assert_uint_eq(stats.acks_received, 1); /* of our separate CON */
  site_close(&site);
}
END_TEST

START_TEST(coap_client_observes_and_leaves) {
  site_t site;
  site_open(&site, (acoap_udp_kind_t)_i, 0);
  char *output = coap_client(&site, "get", "/ticks", "-s", "1");
  for (int i = 0; i < 6; i++) {
    char text[24];
    snprintf(text, sizeof(text), "tick %d", i);
    ck_assert_msg(strstr(output, text) != NULL, "no '%s' in '%s'", text, output);
  }
  free(output);
  ck_assert_int_eq(site.observation_end, 0); /* it deregistered with Observe 1 */
  ck_assert_uint_lt(site.ticks, 20);
  site_close(&site);
}
END_TEST

START_TEST(coap_client_discovers_us_by_multicast) {
  site_t site;
  site_open(&site, (acoap_udp_kind_t)_i, 5683);
  acoap_address_t ipv4;
  acoap_address_t ipv6;
  ck_assert_int_eq(acoap_address_parse("224.0.1.187", 11, &ipv4), 0);
  ck_assert_int_eq(acoap_address_parse("ff02::fd", 8, &ipv6), 0);
  ck_assert_int_eq(acoap_local_endpoint_join(site.endpoint, &ipv4, "br0"), 0);
  ck_assert_int_eq(acoap_local_endpoint_join(site.endpoint, &ipv6, "br0"), 0);
  const char *const uris[] = {"coap://224.0.1.187/.well-known/core",
                              "coap://[ff02::fd%eth0]/.well-known/core"};
  for (size_t i = 0; i < 2; i++) {
    const char *argv[] = {
        interop_libcoap_client(), "-N", "-B", "7", "-U", "-m", "get", uris[i], NULL};
    spawn_t client;
    ck_assert_int_eq(netns_spawn(&client, 1, argv), 0);
    char *output = finish_client(&site, &client);
    ck_assert_msg(strstr(output, "</hello>,</ticks>;obs") != NULL,
                  "%s: %zu requests came by multicast; the client printed '%s'", uris[i],
                  site.multicasts, output);
    free(output);
    ck_assert_msg(site.multicasts == i + 1, "%zu requests came by multicast", site.multicasts);
  }
  site_close(&site);
}
END_TEST

/* ---- coap-cli
 * --------------------------------------------------------------------------------------------------------------------
 */

static char *coap_cli(site_t *site, const char *method, const char *path, const char *more,
                      const char *value) {
  static char program[4096];
  snprintf(program, sizeof(program), "%s", interop_node_file("node_modules/coap-cli/index.js"));
  const char *argv[] = {"node", program, method, uri_of(site, path), more, value, NULL};
  return run_client(site, argv);
}

START_TEST(coap_cli_gets_puts_deletes) {
  site_t site;
  site_open(&site, (acoap_udp_kind_t)_i, 0);
  expect_output(coap_cli(&site, "get", "/hello", NULL, NULL), "hello from acoap");
  expect_output(coap_cli(&site, "get", "/hello", "-c", NULL), "hello from acoap");
  expect_output(coap_cli(&site, "put", "/store", "-p", "one"), "2.01");
  expect_output(coap_cli(&site, "post", "/store", "-p", "two"), "2.04");
  expect_output(coap_cli(&site, "get", "/store", NULL, NULL), "two");
  expect_output(coap_cli(&site, "delete", "/store", NULL, NULL), "2.02");
  expect_output(coap_cli(&site, "get", "/store", NULL, NULL), "4.04");
  site_close(&site);
}
END_TEST

START_TEST(coap_cli_fetches_blocks) {
  site_t site;
  site_open(&site, (acoap_udp_kind_t)_i, 0);
  char *output = coap_cli(&site, "get", "/large", "-q", NULL);
  char *start = strchr(output, (char)site.large[0]);
  ck_assert_ptr_nonnull(start);
  ck_assert_uint_ge(strlen(start), LARGE);
  ck_assert_int_eq(memcmp(start, site.large, LARGE), 0);
  free(output);
  site_close(&site);
}
END_TEST

START_TEST(coap_cli_observes) {
  site_t site;
  site_open(&site, (acoap_udp_kind_t)_i, 0);
  static char program[4096];
  snprintf(program, sizeof(program), "%s", interop_node_file("node_modules/coap-cli/index.js"));
  const char *argv[] = {"node", program, "get", "-o", uri_of(&site, "/ticks"), NULL};
  spawn_t client;
  ck_assert_int_eq(spawn_start(&client, argv), 0);
  while (site.ticks < 8) {
    lab_run_for(&site.lab, 20);
  }
  char *output = spawn_output(&client);
  for (int i = 0; i < 6; i++) {
    char text[24];
    snprintf(text, sizeof(text), "tick %d", i);
    ck_assert_msg(strstr(output, text) != NULL, "no '%s' in '%s'", text, output);
  }
  free(output);
  /* it is killed without a word: the next confirmable notification meets a closed port, or nobody
   * acknowledges it */
  spawn_stop(&client, SIGKILL);
  if (_i == ACOAP_UDP_BATCHED) {
    while (site.observation != NULL) {
      lab_run_for(&site.lab, 20);
    }
    ck_assert_int_lt(site.observation_end, 0);
  }
  site_close(&site);
}
END_TEST

int main(int argc, char **argv) {
  const char *libcoap = interop_libcoap_client() == NULL
                            ? "libcoap's coap-client is not installed (libcoap3-bin)"
                            : NULL;
  const char *node = interop_node_unusable();
  const char *network = netns_unusable();
  /* everything runs in a network of its own, where port 5683 is free; without one only the group
   * test is left out */
  if (network == NULL && netns_enter() != 0) {
    return EXIT_FAILURE;
  }
  const interop_test_t tests[] = {
      {"libcoap", coap_client_gets_puts_posts_deletes, libcoap},
      {"libcoap", coap_client_fetches_blocks_of_every_size, libcoap},
      {"libcoap", coap_client_takes_a_separate_response, libcoap},
      {"libcoap", coap_client_observes_and_leaves, libcoap},
      {"libcoap", coap_client_discovers_us_by_multicast, libcoap != NULL ? libcoap : network},
      {"coap_cli", coap_cli_gets_puts_deletes, node},
      {"coap_cli", coap_cli_fetches_blocks, node},
      {"coap_cli", coap_cli_observes, node},
      {NULL, NULL, NULL},
  };
  return interop_main(argc, argv, "foreign_client", tests);
}
