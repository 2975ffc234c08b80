/*
 * Our client asks groups over a network of namespaces: three responders of libcoap and three of
 * node-coap, by IPv4 and IPv6.
 * SPDX-License-Identifier: MIT
 */
#include "interop_main.h"
#include "lab.h"
#include "netns.h"
#include "spawn.h"

#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESPONDERS = 3, READY_MS = 20000, ANSWERS_MAX = 32 };

typedef struct answers {
  size_t count;
  acoap_address_t peers[ANSWERS_MAX];
  uint32_t interfaces[ANSWERS_MAX];
  size_t lengths[ANSWERS_MAX];
  int end; /* status of the end of the stream */
} answers_t;

static void note_answer(void *user_data, int status, acoap_message_t *message) {
  answers_t *answers = user_data;
  if (status != 0) {
    answers->end = status;
    return;
  }
  ck_assert_uint_lt(answers->count, ANSWERS_MAX);
  answers->peers[answers->count] = *acoap_message_peer(message);
  answers->interfaces[answers->count] = acoap_message_path(message)->interface;
  answers->lengths[answers->count] = acoap_message_payload(message).len;
  answers->count++;
}

/* The address of responder n (1 to 3) as answers come from it: 10.77.0.1n or fe80::77:1n. */
static acoap_address_t responder_address(bool ipv6, unsigned n) {
  char text[32];
  acoap_address_t address;
  snprintf(text, sizeof(text), ipv6 ? "fe80::77:1%u" : "10.77.0.1%u", n);
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &address), 0);
  return address;
}

static void libcoap_start(spawn_t *responders, bool ipv6) {
  const char *argv[] = {interop_libcoap_server(),
                        "-A",
                        ipv6 ? "::" : "0.0.0.0",
                        "-g",
                        ipv6 ? "ff02::fd" : "224.0.1.187",
                        "-G",
                        "eth0",
                        "-d",
                        "100",
                        NULL};
  for (unsigned n = 1; n <= RESPONDERS; n++) {
    ck_assert_int_eq(netns_spawn(&responders[n - 1], n, argv), 0);
  }
}

static void node_start(spawn_t *responders, bool ipv6) {
  for (unsigned n = 1; n <= RESPONDERS; n++) {
    char interface[32];
    snprintf(interface, sizeof(interface), ipv6 ? "::%%eth0" : "10.77.0.1%u", n);
    const char *argv[] = {"node",
                          interop_node_file("server.js"),
                          "5683",
                          ipv6 ? "::" : "0.0.0.0",
                          ipv6 ? "ff02::fd" : "224.0.1.187",
                          interface,
                          NULL};
    ck_assert_int_eq(netns_spawn(&responders[n - 1], n, argv), 0);
  }
}

static void wait_until_ready(spawn_t *responders, bool ipv6) {
  for (unsigned n = 1; n <= RESPONDERS; n++) {
    acoap_address_t address = responder_address(ipv6, n);
    address.port = 5683;
    address.scope_id = ipv6 ? if_nametoindex("br0") : 0;
    bool ready = spawn_wait_answer(&responders[n - 1], &address, READY_MS);
    char *output = spawn_output(&responders[n - 1]);
    ck_assert_msg(ready, "responder %u does not answer: %s", n, output == NULL ? "" : output);
    free(output);
  }
}

static void stop_all(spawn_t *responders) {
  for (unsigned n = 0; n < RESPONDERS; n++) {
    spawn_stop(&responders[n], SIGKILL);
  }
}

/* Ask All CoAP Nodes, wait for the end of the stream. */
static void ask_group(lab_t *lab, acoap_desc_t *desc, uint32_t wait_ms, answers_t *answers) {
  acoap_remote_endpoint_t *group = NULL;
  ck_assert_int_eq(
      acoap_remote_endpoint_all_coap_nodes(lab_endpoint(lab, NULL), 0, "/.well-known/core", &group),
      0);
  acoap_multicast_options_t options = {.size = sizeof(options), .wait_ms = wait_ms};
  acoap_desc_multicast(desc, &options);
  memset(answers, 0, sizeof(*answers));
  acoap_stream_t *stream = NULL;
  int status = acoap_send_stream(group, desc, note_answer, answers, &stream);
  ck_assert_msg(status == 0, "acoap_send_stream: %s", acoap_strerror(status));
  while (answers->end == 0) {
    lab_turn(lab);
  }
  ck_assert_int_eq(answers->end, ACOAP_EEND);
  acoap_stream_unref(stream);
  acoap_remote_endpoint_unref(group);
}

/* Each of the three once, and nobody else. */
static void expect_each_once(const answers_t *answers, bool ipv6, uint32_t interface) {
  for (unsigned n = 1; n <= RESPONDERS; n++) {
    acoap_address_t wanted = responder_address(ipv6, n);
    unsigned heard = 0;
    for (size_t i = 0; i < answers->count; i++) {
      if (memcmp(answers->peers[i].ip, wanted.ip, sizeof(wanted.ip)) == 0) {
        heard++;
        ck_assert_uint_eq(answers->peers[i].port, 5683);
        ck_assert_uint_gt(answers->lengths[i], 0);
        if (interface != 0) {
          ck_assert_uint_eq(answers->interfaces[i], interface);
        }
        if (ipv6) {
          ck_assert_uint_eq(answers->peers[i].scope_id, answers->interfaces[i]);
        }
      }
    }
    ck_assert_msg(heard == 1, "responder %u was given %u times", n, heard);
  }
  ck_assert_uint_eq(answers->count, RESPONDERS);
}

static void three_are_heard_once(acoap_udp_kind_t kind, bool ipv6, void (*start)(spawn_t *, bool),
                                 uint32_t wait_ms) {
  spawn_t responders[RESPONDERS];
  start(responders, ipv6);
  wait_until_ready(responders, ipv6);
  lab_t lab;
  lab_open(&lab, kind, 60);
  answers_t answers;
  ask_group(&lab, acoap_desc_get(), wait_ms, &answers);
  expect_each_once(&answers, ipv6, if_nametoindex("br0"));
  lab_close(&lab);
  stop_all(responders);
}

/* libcoap waits up to DEFAULT_LEISURE (5 s) before it answers a group; the default wait is made for
 * that. */
START_TEST(three_libcoap_responders_by_ipv4) {
  three_are_heard_once((acoap_udp_kind_t)_i, false, libcoap_start, 0);
}
END_TEST

START_TEST(three_libcoap_responders_by_ipv6) {
  three_are_heard_once((acoap_udp_kind_t)_i, true, libcoap_start, 0);
}
END_TEST

START_TEST(large_answers_are_continued_by_unicast) {
  spawn_t responders[RESPONDERS];
  libcoap_start(responders, false);
  wait_until_ready(responders, false);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  answers_t answers;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 32);
  acoap_desc_collect(desc, 4096);
  ask_group(&lab, desc, 0, &answers);
  expect_each_once(&answers, false, 0);
  for (size_t i = 0; i < answers.count; i++) {
    ck_assert_uint_gt(answers.lengths[i], 100); /* four links, not a block of them */
  }
  lab_close(&lab);
  stop_all(responders);
}
END_TEST

START_TEST(responders_heard_on_two_interfaces_are_given_once) {
  ck_assert_int_eq(netns_add_second_interface(), 0);
  spawn_t responders[RESPONDERS];
  libcoap_start(responders, false);
  wait_until_ready(responders, false);
  lab_t lab;
  lab_open(&lab, (acoap_udp_kind_t)_i, 60);
  answers_t answers;
  ask_group(&lab, acoap_desc_get(), 0, &answers);
  expect_each_once(&answers, false, 0);
  ck_assert_uint_gt(lab_stats(lab.endpoints[0]).datagrams_received, RESPONDERS);
  lab_close(&lab);
  stop_all(responders);
  netns_remove_second_interface();
}
END_TEST

START_TEST(three_node_responders_by_ipv4) {
  three_are_heard_once((acoap_udp_kind_t)_i, false, node_start, 2000);
}
END_TEST

START_TEST(three_node_responders_by_ipv6) {
  three_are_heard_once((acoap_udp_kind_t)_i, true, node_start, 2000);
}
END_TEST

int main(int argc, char **argv) {
  const char *why_not = netns_unusable();
  const char *libcoap = why_not != NULL ? why_not
                        : interop_libcoap_server() == NULL
                            ? "libcoap's coap-server is not installed (libcoap3-bin)"
                            : NULL;
  const char *node = why_not != NULL ? why_not : interop_node_unusable();
  if (why_not == NULL && netns_enter() != 0) {
    return EXIT_FAILURE;
  }
  const interop_test_t tests[] = {
      {"libcoap", three_libcoap_responders_by_ipv4, libcoap},
      {"libcoap", three_libcoap_responders_by_ipv6, libcoap},
      {"libcoap", large_answers_are_continued_by_unicast, libcoap},
      {"libcoap", responders_heard_on_two_interfaces_are_given_once, libcoap},
      {"node", three_node_responders_by_ipv4, node},
      {"node", three_node_responders_by_ipv6, node},
      {NULL, NULL, NULL},
  };
  return interop_main(argc, argv, "multicast_client", tests);
}
