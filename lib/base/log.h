/*
 * A log sink that the host installs; without one, or below its level, nothing is composed.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_LOG_H
#define ACOAP_BASE_LOG_H

#include <acoap/log.h>

typedef struct acoap__log {
  acoap_log_level_t level; /* the least severe that is wanted */
  acoap_log_cb sink;       /* NULL: nobody listens */
  void *user_data;         /* handed to it */
} acoap__log_t;

static inline bool acoap__log_wants(const acoap__log_t *log, acoap_log_level_t level) {
  return log != NULL && log->sink != NULL && level <= log->level;
}

/* One sentence without a newline. */
void acoap__log_text(const acoap__log_t *log, acoap_log_level_t level, const char *text);

#endif
