/*
 * The clock of a libuv host, and one alarm on it. Two files implement it: alarm_boottime.c where
 * the system has timers that count suspend, alarm_uv.c elsewhere.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_ALARM_H
#define ACOAP_TRANSPORT_ALARM_H

#include <acoap/types.h>

#include <uv.h>

typedef struct acoap__alarm acoap__alarm_t;

/* Monotonic milliseconds, through suspend where the system can. */
acoap_time_t acoap__clock_now(void);

/* An alarm that is not set and does not keep the loop alive. 0, ACOAP_ENOMEM or libuv's code. */
int acoap__alarm_new(uv_loop_t *loop, void (*ring)(void *user_data), void *user_data,
                     acoap__alarm_t **alarm);

/*
 * Ring once at or after `at`, in a later turn; ACOAP_TIME_NEVER: not at all. Setting it later costs
 * no system call, since what is set earlier runs out silently and is then set to the rest; nor does
 * what is due already.
 */
void acoap__alarm_set(acoap__alarm_t *alarm, acoap_time_t at);

/* Whether it keeps the loop alive while it is set. */
void acoap__alarm_set_ref(acoap__alarm_t *alarm, bool ref);

/* Free it; `closed` is called from the loop. */
void acoap__alarm_close(acoap__alarm_t *alarm, void (*closed)(void *user_data), void *user_data);

#endif
