/*
 * What the files of serve --plugtest share.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_SERVE_PLUGTEST_H
#define TOOL_SERVE_PLUGTEST_H

#include "serve.h"

/* Bytes of the large representations: more than the largest block. */
#define PLUGTEST_LARGE 1280

/* Resources that /large-create holds; one more takes the place of the oldest. */
#define PLUGTEST_CREATED_MAX 16

/* A resource that changes by itself, and what it represents. */
typedef struct plugtest_observed {
  acoap_resource_t *resource; /* the server's */
  site_store_t put;           /* what was put; nothing: the count is shown */
  uint32_t changes;           /* counted */
} plugtest_observed_t;

typedef struct plugtest {
  site_t *site;
  char large[PLUGTEST_LARGE]; /* numbered lines of text */

  site_store_t test;         /* /test */
  site_store_t validate;     /* /validate */
  uint32_t validations;      /* versions it had by itself */
  site_store_t create[3];    /* /create1, /create2, /create3 */
  site_store_t large_update; /* /large-update */

  acoap_resource_t *created[PLUGTEST_CREATED_MAX]; /* below /large-create; the server's */
  uint32_t created_count;                          /* so far */

  uv_timer_t period;               /* of what changes every five seconds */
  uv_timer_t pump;                 /* of what changes all the time */
  plugtest_observed_t obs;         /* /obs */
  plugtest_observed_t obs_non;     /* /obs-non */
  plugtest_observed_t obs_large;   /* /obs-large */
  plugtest_observed_t pumping;     /* /obs-pumping */
  plugtest_observed_t pumping_non; /* /obs-pumping-non */
} plugtest_t;

/* A resource whose GET gives text/plain. */
acoap_resource_t *plugtest_text(plugtest_t *plugtest, const char *path, const char *title,
                                acoap_request_cb get, void *user_data);

/* serve_plugtest_large.c: what takes more than a block. */
void plugtest_add_large(plugtest_t *plugtest);
void plugtest_done_large(plugtest_t *plugtest);

/* serve_plugtest_observe.c: what changes. */
void plugtest_add_observed(plugtest_t *plugtest);
void plugtest_close_observed(plugtest_t *plugtest);
void plugtest_done_observed(plugtest_t *plugtest);

#endif
