/*
 * Allocation of Message IDs (RFC 7252 section 4.4), see message_id.h.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/message_id.h"

void acoap__message_id_init(acoap__message_id_t *ids, uint16_t first) {
  for (size_t i = 0; i < ACOAP__MESSAGE_ID_WINDOWS; i++) {
    ids->window_end[i] = INT64_MIN;
  }
  ids->first = first;
  ids->next = 0;
}

acoap_time_t acoap__message_id_when(const acoap__message_id_t *ids, acoap_time_t now) {
  acoap_time_t end = ids->window_end[ids->next / ACOAP__MESSAGE_ID_WINDOW];
  bool entering = ids->next % ACOAP__MESSAGE_ID_WINDOW == 0;

  return entering && end > now ? end : now;
}

bool acoap__message_id_take(acoap__message_id_t *ids, acoap_time_t now, uint32_t lifetime_ms,
                            uint16_t *message_id) {
  if (acoap__message_id_when(ids, now) > now) {
    return false;
  }
  acoap_time_t *end = &ids->window_end[ids->next / ACOAP__MESSAGE_ID_WINDOW];
  if (*end < now + (acoap_time_t)lifetime_ms) {
    *end = now + (acoap_time_t)lifetime_ms;
  }
  *message_id = (uint16_t)(ids->first + ids->next);
  ids->next++;
  return true;
}

unsigned acoap__message_id_living_windows(const acoap__message_id_t *ids, acoap_time_t now) {
  unsigned living = 0;

  for (size_t i = 0; i < ACOAP__MESSAGE_ID_WINDOWS; i++) {
    living += ids->window_end[i] > now ? 1 : 0;
  }
  return living;
}

uint32_t acoap__message_id_living(const acoap__message_id_t *ids, acoap_time_t now,
                                  uint16_t message_id) {
  uint16_t offset = (uint16_t)(message_id - ids->first);
  unsigned window = offset / ACOAP__MESSAGE_ID_WINDOW;
  uint32_t end = (window + 1) * ACOAP__MESSAGE_ID_WINDOW;

  if (ids->window_end[window] <= now) {
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
