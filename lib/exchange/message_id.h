/*
 * The supply of Message IDs towards one peer (RFC 7252 section 4.4): it starts at a random number
 * and counts up; all 65,536 can be used within one EXCHANGE_LIFETIME, and none is used again before
 * the lifetime of its last use is over.
 *
 *     offset = (Message ID - first) mod 2^16        window = offset / 4096 (on a machine of 32
 * bits: / 16384) a window may be entered again when now >= the end of the last lifetime that was
 * begun in it
 *
 * Sixteen (four) windows instead of 65,536 time stamps: an ID may rest somewhat longer than it
 * must, never shorter. Keeps no messages and sets no timer: who gets no ID asks when there will be
 * one.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_MESSAGE_ID_H
#define ACOAP_EXCHANGE_MESSAGE_ID_H

#include <acoap/types.h>

/* A device has few messages under way and little memory. */
#define ACOAP__MESSAGE_ID_WINDOWS (SIZE_MAX > UINT32_MAX ? 16u : 4u)
#define ACOAP__MESSAGE_ID_WINDOW (65536u / ACOAP__MESSAGE_ID_WINDOWS)

typedef struct acoap__message_id {
  acoap_time_t window_end[ACOAP__MESSAGE_ID_WINDOWS]; /* when the last lifetime in it ends */
  uint16_t first;                                     /* the ID of offset 0 */
  uint16_t next;                                      /* offset of the next ID */
} acoap__message_id_t;

void acoap__message_id_init(acoap__message_id_t *ids, uint16_t first);
/* When the next ID may be taken: `now` when that is at once. */
acoap_time_t acoap__message_id_when(const acoap__message_id_t *ids, acoap_time_t now);
/* Take the next ID for a message whose lifetime begins now. False when none is free. */
bool acoap__message_id_take(acoap__message_id_t *ids, acoap_time_t now, uint32_t lifetime_ms,
                            uint16_t *message_id);
/* In how many windows a lifetime still runs. */
unsigned acoap__message_id_living_windows(const acoap__message_id_t *ids, acoap_time_t now);
/* How many IDs from this one on were given out, one after the other, and may still live: 0 when
 * this one does not. */
uint32_t acoap__message_id_living(const acoap__message_id_t *ids, acoap_time_t now,
                                  uint16_t message_id);
/* Leave out the next `count` IDs, but not beyond the end of the window. Only when the next one may
 * be taken. */
void acoap__message_id_skip(acoap__message_id_t *ids, uint32_t count);

#endif
