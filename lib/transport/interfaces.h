/*
 * The machine's network interfaces: a list, and a watch that tells when the list may have
 * changed. The list comes from interfaces_unix.c, the watch from interfaces_netlink.c on Linux
 * and from interfaces_poll.c elsewhere.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_INTERFACES_H
#define ACOAP_TRANSPORT_INTERFACES_H

#include <acoap/host.h>

#include <uv.h>

/* The addresses of interfaces that are up and running: how many there are; at most max are written.
 * Or libuv's code. */
int acoap__interfaces_list(acoap_interface_t *list, size_t max);

/* The whole list in memory to be freed with acoap__free; returns the count, or a negative error. */
int acoap__interfaces_list_all(acoap_interface_t **list);

typedef struct acoap__interfaces_watch acoap__interfaces_watch_t;

/* Tell soon after a change, once for a burst of them. Does not keep the loop alive. 0, ACOAP_ENOMEM
 * or libuv's code. */
int acoap__interfaces_watch_new(uv_loop_t *loop, void (*changed)(void *user_data), void *user_data,
                                acoap__interfaces_watch_t **watch);

/* Free it; `closed` is called from the loop; nothing is told after this call. */
void acoap__interfaces_watch_close(acoap__interfaces_watch_t *watch,
                                   void (*closed)(void *user_data), void *user_data);

#endif
