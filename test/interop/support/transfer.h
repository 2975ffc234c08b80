/*
 * Whole bodies up and down, block by block, checked byte by byte; observations whose items are
 * kept.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_INTEROP_TRANSFER_H
#define ACOAP_TEST_INTEROP_TRANSFER_H

#include "lab.h"

/** PUT a body to `path` in blocks of `size`; one token for all of them when keep_token.
 * Expects 2.01 or 2.04 and progress that adds up. */
void transfer_put(acoap_remote_endpoint_t *remote, const char *path, size_t size,
                  const uint8_t *body, size_t len, bool keep_token);

/** GET `path` in blocks of `size`; expects exactly this body and progress that adds up. */
void transfer_get(acoap_remote_endpoint_t *remote, const char *path, size_t size,
                  const uint8_t *body, size_t len);

/** The same, where the download may start again up to so many times. */
void transfer_get_again(acoap_remote_endpoint_t *remote, const char *path, size_t size,
                        const uint8_t *body, size_t len, size_t starts_max);

/** Both with up to `window` blocks in flight. */
void transfer_put_window(acoap_remote_endpoint_t *remote, const char *path, size_t size,
                         size_t window, const uint8_t *body, size_t len);
void transfer_get_window(acoap_remote_endpoint_t *remote, const char *path, size_t size,
                         size_t window, const uint8_t *body, size_t len);

enum { WATCH_ITEMS_MAX = 64, WATCH_TEXT_MAX = 64 };

/** An observation and what it brought. */
typedef struct watch {
  acoap_stream_t *stream;                      /* dropped by watch_stop */
  size_t count;                                /* items so far */
  char texts[WATCH_ITEMS_MAX][WATCH_TEXT_MAX]; /* the start of each item's payload */
  size_t lengths[WATCH_ITEMS_MAX];             /* each item's payload in bytes */
  uint8_t types[WATCH_ITEMS_MAX];              /* CON, NON, ACK */
  int end;                                     /* status of the end; 0 before */
} watch_t;

/** Observe; the descriptor is consumed and must have the observe layer. */
void watch_start(watch_t *watch, acoap_remote_endpoint_t *remote, acoap_desc_t *desc);
/** Run the loop until there are `count` items; the lab's guard ends a wait in vain. */
void watch_wait(watch_t *watch, lab_t *lab, size_t count);
void watch_stop(watch_t *watch);

#endif
