/*
 * The parts of a libuv host, shared by host_uv.c, waker_uv.c, lookup_uv.c and work_uv.c.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_HOST_UV_H
#define ACOAP_TRANSPORT_HOST_UV_H

#include <acoap/host.h>

#include <uv.h>

typedef struct acoap__uv_host {
  acoap_host_t host; /* first */
  uv_loop_t *loop;   /* borrowed */
  uint32_t refs;     /* holders: the user's one, each waker and each work under way */
} acoap__uv_host_t;

void acoap__uv_host_unref(acoap__uv_host_t *host);

/* waker_uv.c */
int acoap__uv_waker_new(acoap_host_t *host, acoap_wake_cb wake, void *user_data,
                        acoap_waker_t **waker);
void acoap__uv_wake_at(acoap_waker_t *waker, acoap_time_t at);
void acoap__uv_wake_from_thread(acoap_waker_t *waker);
void acoap__uv_waker_set_ref(acoap_waker_t *waker, bool ref);
void acoap__uv_waker_close(acoap_waker_t *waker, void (*closed)(void *user_data), void *user_data);
int acoap__uv_watch_interfaces(acoap_waker_t *waker, acoap_interfaces_cb changed, void *user_data);

/* lookup_uv.c */
int acoap__uv_lookup(acoap_host_t *host, const char *name, uint16_t port, acoap_lookup_cb done,
                     void *user_data, acoap_lookup_t **lookup);
void acoap__uv_lookup_cancel(acoap_lookup_t *lookup);

/* work_uv.c */
int acoap__uv_work(acoap_host_t *host, void (*work)(void *user_data), void (*done)(void *user_data),
                   void *user_data);

#endif
