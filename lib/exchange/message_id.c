/*
 * Allocation of Message IDs (RFC 7252 section 4.4), see message_id.h.
 *
 * Window ends are kept in 32 bits. That is exact: lifetimes are below 2^31 ms, so two times that
 * are compared are never 2^31 ms apart. Windows whose end is past are dropped at every call, and
 * when no lifetime runs at all (now >= free_at) all are dropped at once; so a stored end is at most
 * a lifetime ahead of the last call, and that call at most a lifetime ago.
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/message_id.h"

void acoap__message_id_init(acoap__message_id_t *ids, uint16_t first) {
  for (size_t i = 0; i < ACOAP__MESSAGE_ID_WINDOWS; i++) {
    ids->window_end[i] = 0;
  }
  ids->free_at = INT64_MIN;
  ids->live = 0;
  ids->first = first;
  ids->next = 0;
}

/* Milliseconds from now to a stored end; negative when it is past. */
static int32_t ahead(uint32_t end, acoap_time_t now) {
  return (int32_t)(end - (uint32_t)(uint64_t)now);
}

static void drop_ended_windows(acoap__message_id_t *ids, acoap_time_t now) {
  if (now >= ids->free_at) {
    ids->live = 0;
    return;
  }
  for (unsigned i = 0; i < ACOAP__MESSAGE_ID_WINDOWS; i++) {
    if ((ids->live & (1u << i)) != 0 && ahead(ids->window_end[i], now) <= 0) {
      ids->live = (uint16_t)(ids->live & ~(1u << i));
    }
  }
}

acoap_time_t acoap__message_id_when(acoap__message_id_t *ids, acoap_time_t now) {
  drop_ended_windows(ids, now);
  unsigned window = ids->next / ACOAP__MESSAGE_ID_WINDOW;
  bool entering = ids->next % ACOAP__MESSAGE_ID_WINDOW == 0;
  if (!entering || (ids->live & (1u << window)) == 0) {
    return now;
  }
  return now + ahead(ids->window_end[window], now);
}

bool acoap__message_id_take(acoap__message_id_t *ids, acoap_time_t now, uint32_t lifetime_ms,
                            uint16_t *message_id) {
  if (acoap__message_id_when(ids, now) > now) {
    return false;
  }
  unsigned window = ids->next / ACOAP__MESSAGE_ID_WINDOW;
  acoap_time_t end = now + (acoap_time_t)lifetime_ms;
  uint32_t end_low = (uint32_t)(uint64_t)end;
  if ((ids->live & (1u << window)) == 0 ||
      ahead(ids->window_end[window], now) < (int32_t)lifetime_ms) {
    ids->window_end[window] = end_low;
  }
  ids->live = (uint16_t)(ids->live | (1u << window));
  if (end > ids->free_at) {
    ids->free_at = end;
  }
  *message_id = (uint16_t)(ids->first + ids->next);
  ids->next++;
  return true;
}

uint32_t acoap__message_id_living(const acoap__message_id_t *ids, acoap_time_t now,
                                  uint16_t message_id) {
  uint16_t offset = (uint16_t)(message_id - ids->first);
  unsigned window = offset / ACOAP__MESSAGE_ID_WINDOW;
  uint32_t end = (window + 1) * ACOAP__MESSAGE_ID_WINDOW;

  if (now >= ids->free_at || (ids->live & (1u << window)) == 0 ||
      ahead(ids->window_end[window], now) <= 0) {
    return 0;
  }
  if (ids->next / ACOAP__MESSAGE_ID_WINDOW == window && ids->next % ACOAP__MESSAGE_ID_WINDOW != 0) {
    end = ids->next;
  }
  return offset < end ? end - offset : 0;
}

void acoap__message_id_skip(acoap__message_id_t *ids, uint32_t count) {
  uint32_t rest = ACOAP__MESSAGE_ID_WINDOW - ids->next % ACOAP__MESSAGE_ID_WINDOW;

  ids->next = (uint16_t)(ids->next + (count < rest ? count : rest));
}
