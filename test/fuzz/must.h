/*
 * What a fuzz target says when a promise is broken: the promise, the place, and an end that
 * libFuzzer notices.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_FUZZ_MUST_H
#define ACOAP_TEST_FUZZ_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(promise)                                                                              \
  do {                                                                                             \
    if (!(promise)) {                                                                              \
      fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);                        \
      abort();                                                                                     \
    }                                                                                              \
  } while (0)

#endif
