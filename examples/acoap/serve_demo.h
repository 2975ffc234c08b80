/*
 * What the two files of serve --demo share.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_SERVE_DEMO_H
#define TOOL_SERVE_DEMO_H

#include "serve.h"

typedef struct demo {
  site_t *site;
  uv_timer_t second;         /* counter, time and notifications */
  uint64_t started_ms;       /* uv_now at the start */
  uint32_t seconds;          /* counted */
  acoap_resource_t *time;    /* the server's */
  acoap_resource_t *counter; /* the server's */
  site_store_t upload;       /* what was put */
  char *large;               /* the text of /large */
  char about[128];           /* the text of / */
} demo_t;

/* Add /status. */
void serve_demo_status(site_t *site, demo_t *demo);

#endif
