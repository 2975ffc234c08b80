/*
 * Where the library's sentences go.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_LOG_H
#define ACOAP_LOG_H

#include <acoap/types.h>

ACOAP_BEGIN_DECLS

/** Lower is more severe. */
typedef enum acoap_log_level {
  ACOAP_LOG_ERROR = 1,
  ACOAP_LOG_WARNING = 2,
  ACOAP_LOG_INFO = 3,
  ACOAP_LOG_DEBUG = 4
} acoap_log_level_t;

/** Receives one sentence without a newline; text is borrowed until the callback returns. */
typedef void (*acoap_log_cb)(void *user_data, acoap_log_level_t level, const char *text);

ACOAP_END_DECLS

#endif
