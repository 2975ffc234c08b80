/*
 * An allocator for tests that lets the n-th allocation fail and counts what is still held,
 * installed through the hook of <acoap/alloc.h>. A reallocation that grows or makes a block counts
 * as an allocation; freeing never fails. It serves one thread, and every other thread that
 * allocates after fail_alloc_install and before fail_alloc_restore as well, but only one thread may
 * arm it.
 *
 * The loop of a test over every n:
 *
 *     for (size_t n = 1; fail_alloc_again(n); n++) {
 *       fail_alloc_at(n);
 *       ... the flow; it may fail, but must neither crash nor leak ...
 *     }
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_FAIL_ALLOC_H
#define ACOAP_TEST_FAIL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/** Put the counting allocator in place; nothing fails until fail_alloc_at. */
void fail_alloc_install(void);
/** Let the n-th allocation from now (1: the next) fail, once; 0: none. Starts the count again. */
void fail_alloc_at(size_t n);
/** As fail_alloc_at, and every later one fails too. */
void fail_alloc_from(size_t n);
/** Allocations asked for since fail_alloc_at or fail_alloc_from. */
size_t fail_alloc_count(void);
/** Did the armed failure happen? Stays true when it is disarmed with fail_alloc_at(0). */
bool fail_alloc_happened(void);
/** Blocks held now. */
size_t fail_alloc_live(void);
/** True as long as the run before (n - 1) still met its failure, so that n may too; always true for
 * n == 1. */
bool fail_alloc_again(size_t n);
/** Take the counting allocator away again; the blocks it gave out must be freed by then. */
void fail_alloc_restore(void);

#endif
