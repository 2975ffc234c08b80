/*
 * Hands a sentence to the sink that the host installed, when it wants that level. Composes nothing
 * itself.
 * SPDX-License-Identifier: MIT
 */
#include "base/log.h"

void acoap__log_text(const acoap__log_t *log, acoap_log_level_t level, const char *text) {
  if (acoap__log_wants(log, level)) {
    log->sink(log->user_data, level, text);
  }
}
