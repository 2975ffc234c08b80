/*
 * A progress bar on stderr.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include "options.h"

typedef struct progress {
  bool on;              /* to be shown at all */
  bool always;          /* also for bodies of one block */
  bool drawn;           /* a line stands on stderr */
  bool upload;          /* direction of the transfer in hand */
  uint64_t started_ns;  /* when its first block was seen */
  uint64_t drawn_ns;    /* when the line was last drawn */
  uint64_t first_bytes; /* bytes at started_ns: they give no rate */
  uint64_t bytes;       /* so far */
  int64_t total;        /* in all; -1 unknown */
} progress_t;

void progress_init(progress_t *progress, const options_t *options);

/* Note how far it is; draws at most ten times a second. */
void progress_update(progress_t *progress, const acoap_progress_t *state);

/* The transfer is over: draw a last time and end the line. */
void progress_end(progress_t *progress);

/*
 * Write the line into text: "  45% [=====>     ]  28.8 of 64.0 KiB  1.2 MiB/s  0:01 left". Returns
 * its length.
 *
 * @param elapsed_s  since the transfer began
 * @param over       it is complete: the time it took in place of what is left
 */
size_t progress_format(const progress_t *progress, double elapsed_s, bool over, size_t columns,
                       char *text, size_t cap);

#endif
