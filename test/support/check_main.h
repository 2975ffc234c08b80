/*
 * The main function of a test program: runs one Check suite and prints Check's closing line. Under
 * a sanitizer or valgrind the tests run in this process, so that a report names the test's own
 * memory; the environment variable CK_FORK=yes|no decides otherwise. A program that ran no check
 * has failed.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_CHECK_MAIN_H
#define ACOAP_TEST_CHECK_MAIN_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer) ||             \
    __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define ACOAP_TEST_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ACOAP_TEST_SANITIZED 1
#endif
#ifndef ACOAP_TEST_SANITIZED
#define ACOAP_TEST_SANITIZED 0
#endif

#if defined(__SANITIZE_THREAD__)
#define ACOAP_TEST_THREAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ACOAP_TEST_THREAD_SANITIZED 1
#endif
#endif
#ifdef ACOAP_TEST_THREAD_SANITIZED
/*
 * libuv closes descriptors by a bare system call, which the sanitizer does not see: when another
 * thread is given the same number it takes the new descriptor's first use for a race with the old
 * one's making. In these functions it looks at descriptors alone.
 */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) {
  return "race_top:epoll_ctl\nrace_top:epoll_create1\nrace_top:eventfd\nrace_top:pipe2\n"
         "race_top:socket\n";
}
#endif

/* Whether a fork for every test would hide what the tool around us wants to see. */
static int check_main_watched(void) {
  const char *preload = getenv("LD_PRELOAD");
  return ACOAP_TEST_SANITIZED || (preload != NULL && strstr(preload, "vgpreload") != NULL);
}

static int check_main_run(Suite *suite) {
  SRunner *runner = srunner_create(suite);
  if (getenv("CK_FORK") == NULL && check_main_watched()) {
    srunner_set_fork_status(runner, CK_NOFORK);
  }
  srunner_run_all(runner, CK_NORMAL);
  int ran = srunner_ntests_run(runner);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  if (ran == 0) {
    fputs("no check ran: that is a failure\n", stderr);
  }
  return failed == 0 && ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/** Define main: suite_function is a function of no arguments that returns a Suite *. */
#define ACOAP_TEST_MAIN(suite_function)                                                            \
  int main(void) {                                                                                 \
    return check_main_run(suite_function());                                                       \
  }

#endif
