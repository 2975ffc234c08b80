/*
 * lib/base/timer_list.c: the tests of the heap, run on the list that stands in for it in a build of
 * the core alone. Its functions take the place of the library's.
 * SPDX-License-Identifier: MIT
 */
#include "base/timer_list.c"

#define MANY 1000u
#include "base_timer_queue_test.c"
