/*
 * The alarm on a uv_timer, for systems without timers that count suspend. libuv's clock stops in
 * suspend, so no wait is longer than LOOK_AGAIN_MS: after resume the alarm is at most that late.
 * An alarm that is not set wakes nobody.
 *   set to: now + min(wished - now, LOOK_AGAIN_MS)
 * SPDX-License-Identifier: MIT
 */
#include "transport/alarm.h"

#include <acoap/error.h>

#include <time.h>

#include "base/mem.h"

#define LOOK_AGAIN_MS 10000
#define MS_PER_S 1000
#define NS_PER_MS 1000000

struct acoap__alarm {
  uv_timer_t timer;                /* runs out at or before wished */
  uv_idle_t awake;                 /* keeps the turn that rings, and no other, from waiting */
  int turns_awake;                 /* idle phases since it rang */
  int open_handles;                /* not yet closed */
  bool ref;                        /* keeps the loop alive while wished is set */
  acoap_time_t wished;             /* when to ring; NEVER: not at all */
  acoap_time_t set;                /* when the timer runs out; NEVER: it is off */
  void (*ring)(void *user_data);   /* never NULL */
  void *user_data;                 /* for ring */
  void (*closed)(void *user_data); /* may be NULL */
  void *closed_data;               /* for closed */
};

acoap_time_t acoap__clock_now(void) {
#if defined(CLOCK_BOOTTIME)
  struct timespec now;
  if (clock_gettime(CLOCK_BOOTTIME, &now) == 0) {
    return (acoap_time_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
  }
#endif
  return (acoap_time_t)(uv_hrtime() / NS_PER_MS);
}

static void ran_out(uv_timer_t *timer);

static void set_timer(acoap__alarm_t *alarm, acoap_time_t at) {
  acoap_time_t now = acoap__clock_now();
  acoap_time_t wait = at > now ? at - now : 0;
  wait = wait < LOOK_AGAIN_MS ? wait : LOOK_AGAIN_MS;
  alarm->set = now + wait;
  /* uv_timer counts from the loop's time, which stands still during a turn. */
  uint64_t real = uv_hrtime() / NS_PER_MS;
  uint64_t loop = uv_now(alarm->timer.loop);
  uv_timer_start(&alarm->timer, ran_out, (uint64_t)wait + (real > loop ? real - loop : 0), 0);
}

static void apply_ref(acoap__alarm_t *alarm) {
  if (alarm->ref && alarm->wished != ACOAP_TIME_NEVER) {
    uv_ref((uv_handle_t *)&alarm->timer);
  } else {
    uv_unref((uv_handle_t *)&alarm->timer);
  }
}

/*
 * Timers run before the loop waits for the network; under UV_RUN_ONCE it would then wait although
 * the one who runs it may have got what it runs it for.
 */
static void stay_awake(uv_idle_t *idle) {
  acoap__alarm_t *alarm = idle->data;
  if (++alarm->turns_awake > 1) {
    uv_idle_stop(idle);
  }
}

static void ran_out(uv_timer_t *timer) {
  acoap__alarm_t *alarm = timer->data;
  alarm->set = ACOAP_TIME_NEVER;
  if (alarm->wished == ACOAP_TIME_NEVER) {
    return;
  }
  if (alarm->wished > acoap__clock_now()) {
    set_timer(alarm, alarm->wished);
    return;
  }
  alarm->wished = ACOAP_TIME_NEVER;
  apply_ref(alarm);
  alarm->turns_awake = 0;
  uv_idle_start(&alarm->awake, stay_awake);
  alarm->ring(alarm->user_data);
}

int acoap__alarm_new(uv_loop_t *loop, void (*ring)(void *user_data), void *user_data,
                     acoap__alarm_t **alarm) {
  acoap__alarm_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  int status = uv_timer_init(loop, &made->timer);
  if (status != 0) {
    acoap__free(made);
    return status;
  }
  uv_idle_init(loop, &made->awake);
  made->timer.data = made;
  made->awake.data = made;
  made->open_handles = 2;
  made->wished = ACOAP_TIME_NEVER;
  made->set = ACOAP_TIME_NEVER;
  made->ring = ring;
  made->user_data = user_data;
  uv_unref((uv_handle_t *)&made->timer);
  uv_unref((uv_handle_t *)&made->awake);
  *alarm = made;
  return 0;
}

void acoap__alarm_set(acoap__alarm_t *alarm, acoap_time_t at) {
  bool turned = (alarm->wished == ACOAP_TIME_NEVER) != (at == ACOAP_TIME_NEVER);
  alarm->wished = at;
  if (at < alarm->set) {
    set_timer(alarm, at);
  }
  if (turned) {
    apply_ref(alarm);
  }
}

void acoap__alarm_set_ref(acoap__alarm_t *alarm, bool ref) {
  alarm->ref = ref;
  apply_ref(alarm);
}

static void handle_closed(uv_handle_t *handle) {
  acoap__alarm_t *alarm = handle->data;
  if (--alarm->open_handles > 0) {
    return;
  }
  void (*closed)(void *user_data) = alarm->closed;
  void *closed_data = alarm->closed_data;
  acoap__free(alarm);
  if (closed != NULL) {
    closed(closed_data);
  }
}

void acoap__alarm_close(acoap__alarm_t *alarm, void (*closed)(void *user_data), void *user_data) {
  alarm->closed = closed;
  alarm->closed_data = user_data;
  uv_close((uv_handle_t *)&alarm->timer, handle_closed);
  uv_close((uv_handle_t *)&alarm->awake, handle_closed);
}
