/*
 * A directory of its own for a test, in $TMPDIR or /tmp, that goes with everything in it. Names are
 * relative to it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_SCRATCH_H
#define ACOAP_TEST_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

typedef struct scratch {
  char path[256];  /* absolute */
  char text[1024]; /* what scratch_path gave last */
} scratch_t;

void scratch_open(scratch_t *scratch);
void scratch_close(scratch_t *scratch);
/** The whole path of a name; valid until the next call. */
const char *scratch_path(scratch_t *scratch, const char *name);
/** Write a file, in place when it is there. */
void scratch_write(scratch_t *scratch, const char *name, const void *bytes, size_t len);
/** Has a file exactly these bytes? */
bool scratch_has(scratch_t *scratch, const char *name, const void *bytes, size_t len);
bool scratch_exists(scratch_t *scratch, const char *name);
void scratch_mkdir(scratch_t *scratch, const char *name);
/** A symbolic link. */
void scratch_link(scratch_t *scratch, const char *target, const char *name);
/** How many names are in a directory ("" the whole one), hidden ones, too. */
size_t scratch_count(scratch_t *scratch, const char *name);

#endif
