/*
 * Our side of an interop test: a real libuv loop, endpoints on it over the UDP socket that the test
 * is run with, and a guard timer that ends the test when it takes too long. Failures are Check's.
 * lab_close proves that nothing is left on the loop.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_INTEROP_LAB_H
#define ACOAP_TEST_INTEROP_LAB_H

#include <uv.h>

#include <acoap/acoap.h>

#include <check.h>

enum { LAB_ENDPOINTS_MAX = 8 };

typedef struct lab {
  uv_loop_t loop;
  uv_timer_t guard;                                     /* fires: the test has failed */
  acoap_udp_kind_t kind;                                /* which UDP socket */
  acoap_local_endpoint_t *endpoints[LAB_ENDPOINTS_MAX]; /* those made by lab_endpoint */
  size_t endpoint_count;
  size_t closed; /* how many have said so */
} lab_t;

/** How a request ended. */
typedef struct lab_answer {
  int status;               /* as acoap_send gave it, or what the future settled with */
  uint8_t code;             /* of the message; 0 when there is none */
  acoap_message_t *message; /* a reference, given back by lab_drop; NULL: none */
} lab_answer_t;

/** Make the loop; after guard_s seconds the test fails. */
void lab_open(lab_t *lab, acoap_udp_kind_t kind, unsigned guard_s);

/** An endpoint on the loop, closed with the lab. options: NULL, or with size set; its `udp` is
 * replaced by the lab's kind. */
acoap_local_endpoint_t *lab_endpoint(lab_t *lab, const acoap_local_endpoint_options_t *options);

/** Close every endpoint, run the loop until nothing is left, prove it. */
void lab_close(lab_t *lab);

/** A remote endpoint at 127.0.0.1 (or ::1) with a port. */
acoap_remote_endpoint_t *lab_remote(acoap_local_endpoint_t *endpoint, uint16_t port,
                                    const char *reference);

/** Send and wait for the end. */
lab_answer_t lab_ask(acoap_remote_endpoint_t *remote, acoap_desc_t *desc);
void lab_drop(lab_answer_t *answer);

/** Send, expect status 0 (or a 4.xx, 5.xx with its error) and this code, drop the answer. */
void lab_expect(acoap_remote_endpoint_t *remote, acoap_desc_t *desc, uint8_t code);

/** Send, expect 2.05 with this text. */
void lab_expect_text(acoap_remote_endpoint_t *remote, acoap_desc_t *desc, const char *text);

/** One turn of the loop that blocks at most until something happens. */
void lab_turn(lab_t *lab);

/** Run the loop for so long. */
void lab_run_for(lab_t *lab, unsigned ms);

/** The endpoint's counters. */
acoap_stats_t lab_stats(const acoap_local_endpoint_t *endpoint);

/** A descriptor of this method with a further path. */
acoap_desc_t *lab_desc(uint8_t method, const char *path);

/** len bytes that differ by seed and place; free() them. */
uint8_t *lab_body(size_t len, uint64_t seed);

#endif
