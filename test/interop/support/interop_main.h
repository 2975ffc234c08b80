/*
 * The main function of an interop program. Its one suite runs once for each UDP socket of the
 * library: every test is a loop test whose _i is an acoap_udp_kind_t. The argument "batched" or
 * "portable" leaves only one of them. A test whose peer is not here is reported by name as skipped;
 * a program that skipped all of them ends with 77.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_INTEROP_MAIN_H
#define ACOAP_TEST_INTEROP_MAIN_H

#include <check.h>

#include "peers.h"

/** One test, as START_TEST defines it. */
typedef struct interop_test {
  const char *group;   /* the test case */
  const TTest *test;   /* START_TEST's name for it */
  const char *why_not; /* NULL, or why it cannot be run here */
} interop_test_t;

/**
 * Run the tests.
 *
 * @param suite    name of the suite
 * @param tests    ended by an entry without a test
 */
int interop_main(int argc, char **argv, const char *suite, const interop_test_t *tests);

/** The seed of this run: ACOAP_INTEROP_SEED, or from the clock; printed, so that a failure can be
 * repeated. */
unsigned long long interop_seed(void);

#endif
