/*
 * The alarm on a timerfd of CLOCK_BOOTTIME: what came due during suspend rings at resume, without
 * waking up in between to look.
 *   set to: min(what is set, what is wished); rings when now >= wished
 * What is due already rings in the next turn of the loop without the timer, which would cost two
 * system calls; the idle handle that does it stays for one turn more, so that the turn that has
 * rung does not wait for the network.
 * A uv_timer cannot do all this: libuv's clock stops in suspend.
 * SPDX-License-Identifier: MIT
 */
#include "transport/alarm.h"

#include <acoap/error.h>

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define MS_PER_S 1000
#define NS_PER_MS 1000000

struct acoap__alarm {
  uv_poll_t poll;                  /* on the timerfd */
  uv_idle_t soon;                  /* active while it is due, and a turn more */
  int fd;                          /* the timerfd */
  int open_handles;                /* not yet closed */
  bool ref;                        /* keeps the loop alive while wished is set */
  acoap_time_t wished;             /* when to ring; NEVER: not at all */
  acoap_time_t set;                /* when the timerfd runs out; NEVER: it is off */
  void (*ring)(void *user_data);   /* never NULL */
  void *user_data;                 /* for ring */
  void (*closed)(void *user_data); /* may be NULL */
  void *closed_data;               /* for closed */
};

acoap_time_t acoap__clock_now(void) {
  struct timespec now = {0, 0};
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
    clock_gettime(CLOCK_MONOTONIC, &now);
  }
  return (acoap_time_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

static void set_timer(acoap__alarm_t *alarm, acoap_time_t at) {
  struct itimerspec spec = {{0, 0}, {0, 0}};
  spec.it_value.tv_sec = (time_t)(at / MS_PER_S);
  spec.it_value.tv_nsec = (long)(at % MS_PER_S) * NS_PER_MS;
  if (at <= 0) {
    /* All zero would switch it off. */
    spec.it_value.tv_sec = 0;
    spec.it_value.tv_nsec = 1;
  }
  if (timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0) {
    alarm->set = at;
  }
}

static void apply_ref(acoap__alarm_t *alarm) {
  if (alarm->ref && alarm->wished != ACOAP_TIME_NEVER) {
    uv_ref((uv_handle_t *)&alarm->poll);
  } else {
    uv_unref((uv_handle_t *)&alarm->poll);
  }
}

static void ring_now(acoap__alarm_t *alarm) {
  alarm->wished = ACOAP_TIME_NEVER;
  apply_ref(alarm);
  alarm->ring(alarm->user_data);
}

static void next_turn(uv_idle_t *idle) {
  acoap__alarm_t *alarm = idle->data;
  if (alarm->wished <= acoap__clock_now()) {
    ring_now(alarm);
  } else {
    uv_idle_stop(idle);
  }
}

static void ran_out(uv_poll_t *poll, int status, int poll_events) {
  acoap__alarm_t *alarm = poll->data;
  uint64_t times = 0;
  (void)status;
  (void)poll_events;
  if (read(alarm->fd, &times, sizeof(times)) != (ssize_t)sizeof(times)) {
    return;
  }
  alarm->set = ACOAP_TIME_NEVER;
  if (alarm->wished == ACOAP_TIME_NEVER) {
    return;
  }
  if (alarm->wished > acoap__clock_now()) {
    set_timer(alarm, alarm->wished);
    return;
  }
  ring_now(alarm);
}

int acoap__alarm_new(uv_loop_t *loop, void (*ring)(void *user_data), void *user_data,
                     acoap__alarm_t **alarm) {
  acoap__alarm_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->wished = ACOAP_TIME_NEVER;
  made->set = ACOAP_TIME_NEVER;
  made->ring = ring;
  made->user_data = user_data;
  made->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  int status = made->fd >= 0 ? 0 : uv_translate_sys_error(errno);
  if (status == 0) {
    status = uv_poll_init(loop, &made->poll, made->fd);
  }
  if (status != 0) {
    if (made->fd >= 0) {
      close(made->fd);
    }
    acoap__free(made);
    return status;
  }
  uv_idle_init(loop, &made->soon);
  made->poll.data = made;
  made->soon.data = made;
  made->open_handles = 2;
  uv_poll_start(&made->poll, UV_READABLE, ran_out);
  uv_unref((uv_handle_t *)&made->poll);
  uv_unref((uv_handle_t *)&made->soon);
  *alarm = made;
  return 0;
}

void acoap__alarm_set(acoap__alarm_t *alarm, acoap_time_t at) {
  bool turned = (alarm->wished == ACOAP_TIME_NEVER) != (at == ACOAP_TIME_NEVER);
  alarm->wished = at;
  if (at < alarm->set) {
    if (at <= acoap__clock_now()) {
      uv_idle_start(&alarm->soon, next_turn);
    } else {
      set_timer(alarm, at);
    }
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
  /* The loop must let go of the descriptor before it is closed. */
  uv_close((uv_handle_t *)&alarm->poll, handle_closed);
  uv_close((uv_handle_t *)&alarm->soon, handle_closed);
  close(alarm->fd);
}
