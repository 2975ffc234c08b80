/*
 * The watch over interfaces on Linux: rtnetlink tells of links and addresses that come and go; a
 * change is passed on when COALESCE_MS have gone by since the first news of a burst. What has
 * changed is not said: the list is asked again.
 * SPDX-License-Identifier: MIT
 */
#include "transport/interfaces.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define COALESCE_MS 100
#define NEWS_BYTES 8192
#define READS_PER_TURN 64

struct acoap__interfaces_watch {
  uv_poll_t poll;                   /* on the netlink socket */
  uv_timer_t timer;                 /* runs while a burst is gathered */
  int fd;                           /* the netlink socket */
  void (*changed)(void *user_data); /* never NULL */
  void *user_data;                  /* for changed */
  int open_handles;                 /* not yet closed */
  void (*closed)(void *user_data);  /* may be NULL */
  void *closed_data;                /* for closed */
};

static void burst_over(uv_timer_t *timer) {
  acoap__interfaces_watch_t *watch = timer->data;
  watch->changed(watch->user_data);
}

/* Wireless statistics come as news of a link that changed in nothing. */
static bool tells_change(const struct nlmsghdr *header) {
  switch (header->nlmsg_type) {
  case RTM_NEWLINK: {
    const struct ifinfomsg *info = NLMSG_DATA(header);
    return header->nlmsg_len >= NLMSG_LENGTH(sizeof(*info)) && info->ifi_change != 0;
  }
  case RTM_DELLINK:
  case RTM_NEWADDR:
  case RTM_DELADDR:
    return true;
  default:
    return false;
  }
}

/* True when the datagrams at hand tell of a change, or so many came that some were lost. */
static bool read_news(int fd) {
  _Alignas(struct nlmsghdr) char news[NEWS_BYTES];
  bool change = false;
  for (int i = 0; i < READS_PER_TURN; i++) {
    ssize_t got = recv(fd, news, sizeof(news), 0);
    if (got < 0) {
      if (errno == EINTR || errno == ENOBUFS) {
        change = change || errno == ENOBUFS;
        continue;
      }
      break;
    }
    unsigned int left = (unsigned int)got;
    for (const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)news;
         NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      change = change || tells_change(header);
    }
  }
  return change;
}

static void news_came(uv_poll_t *poll, int status, int poll_events) {
  acoap__interfaces_watch_t *watch = poll->data;
  (void)status;
  (void)poll_events;
  if (read_news(watch->fd) && !uv_is_active((uv_handle_t *)&watch->timer)) {
    uv_timer_start(&watch->timer, burst_over, COALESCE_MS, 0);
  }
  if (!uv_is_active((uv_handle_t *)poll)) {
    /* libuv stops a poll on a bare error, such as the overrun that was just read. */
    uv_poll_start(poll, UV_READABLE, news_came);
  }
}

static int open_netlink(void) {
  struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
                               .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) {
    return uv_translate_sys_error(errno);
  }
  if (bind(fd, (const struct sockaddr *)&groups, sizeof(groups)) != 0) {
    int status = uv_translate_sys_error(errno);
    close(fd);
    return status;
  }
  return fd;
}

int acoap__interfaces_watch_new(uv_loop_t *loop, void (*changed)(void *user_data), void *user_data,
                                acoap__interfaces_watch_t **watch) {
  acoap__interfaces_watch_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->changed = changed;
  made->user_data = user_data;
  made->fd = open_netlink();
  int status = made->fd < 0 ? made->fd : uv_poll_init(loop, &made->poll, made->fd);
  if (status != 0) {
    if (made->fd >= 0) {
      close(made->fd);
    }
    acoap__free(made);
    return status;
  }
  uv_timer_init(loop, &made->timer);
  made->open_handles = 2;
  made->poll.data = made;
  made->timer.data = made;
  uv_poll_start(&made->poll, UV_READABLE, news_came);
  uv_unref((uv_handle_t *)&made->poll);
  uv_unref((uv_handle_t *)&made->timer);
  *watch = made;
  return 0;
}

static void handle_closed(uv_handle_t *handle) {
  acoap__interfaces_watch_t *watch = handle->data;
  if (--watch->open_handles > 0) {
    return;
  }
  void (*closed)(void *user_data) = watch->closed;
  void *closed_data = watch->closed_data;
  acoap__free(watch);
  if (closed != NULL) {
    closed(closed_data);
  }
}

void acoap__interfaces_watch_close(acoap__interfaces_watch_t *watch,
                                   void (*closed)(void *user_data), void *user_data) {
  watch->closed = closed;
  watch->closed_data = user_data;
  uv_close((uv_handle_t *)&watch->poll, handle_closed);
  uv_close((uv_handle_t *)&watch->timer, handle_closed);
  close(watch->fd);
}
