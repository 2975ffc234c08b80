/*
 * The descriptor of a batched UDP socket: opened and bound, or adopted, and its options.
 * - IPv6 sockets of ours never carry IPv4 (IPV6_V6ONLY); an adopted one may (systemd's default),
 *   and is then treated as both.
 * - Only groups that this socket joined are heard (IP_MULTICAST_ALL off).
 * - Path MTU discovery as the system does it (IP_PMTUDISC_WANT): RFC 7252 section 4.6 keeps
 *   messages below 1280 bytes; a longer one that meets a smaller path is lost once, and its
 *   retransmission is fragmented at the source.
 * Options that an old kernel lacks are left out; only those without which a promise breaks are
 * failures.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_batched.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "transport/sockaddr.h"

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29 /* linux/in6.h, which cannot be included beside netinet/in.h */
#endif

typedef struct option {
  int level;
  int name;
  int value;
  bool needed; /* its failure is ours */
} option_t;

static int system_error(void) {
  return uv_translate_sys_error(errno);
}

static int set_options(int fd, const option_t *options, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const option_t *each = &options[i];
    if (setsockopt(fd, each->level, each->name, &each->value, sizeof(each->value)) != 0 &&
        each->needed) {
      return system_error();
    }
  }
  return 0;
}

static void set_buffer(int fd, int forced, int plain, size_t bytes) {
  int value = (int)bytes;
  /* Beyond the system's limit only for the privileged; else as far as it lets us. */
  if (setsockopt(fd, SOL_SOCKET, forced, &value, sizeof(value)) != 0) {
    setsockopt(fd, SOL_SOCKET, plain, &value, sizeof(value));
  }
}

static int tune_ip4(const acoap__udp_batched_t *udp, const acoap_udp_options_t *options,
                    bool addresses) {
  const option_t list[] = {
      {IPPROTO_IP, IP_PKTINFO, 1, true},
      {IPPROTO_IP, IP_RECVERR, 1, true},
      {IPPROTO_IP, IP_MULTICAST_ALL, 0, false},
      {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT, false},
      {IPPROTO_IP, IP_MULTICAST_LOOP, !options->multicast_loop_off, true},
  };
  size_t skip = addresses ? 0 : 1;
  return set_options(udp->fd, list + skip, sizeof(list) / sizeof(list[0]) - skip);
}

static int tune_ip6(const acoap__udp_batched_t *udp, const acoap_udp_options_t *options,
                    bool addresses) {
  const option_t list[] = {
      {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, true},
      {IPPROTO_IPV6, IPV6_RECVERR, 1, true},
      {IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0, false},
      {IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT, false},
      {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, !options->multicast_loop_off, true},
  };
  size_t skip = addresses ? 0 : 1;
  return set_options(udp->fd, list + skip, sizeof(list) / sizeof(list[0]) - skip);
}

/* The packet information is asked for where it tells something that the bound address does not. */
static int tune(acoap__udp_batched_t *udp, const acoap_udp_options_t *options) {
  const option_t errors[] = {{SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1, true}};
  bool addresses = udp->wildcard || acoap_address_is_multicast(&udp->local) ||
                   acoap__address_is_link_local(&udp->local);
  int status = set_options(udp->fd, errors, 1);
  if (status == 0 && (udp->local.family == ACOAP_FAMILY_IPV4 || udp->dual)) {
    status = tune_ip4(udp, options, addresses && !udp->dual);
  }
  if (status == 0 && udp->local.family == ACOAP_FAMILY_IPV6) {
    status = tune_ip6(udp, options, addresses);
  }
  set_buffer(udp->fd, SO_RCVBUFFORCE, SO_RCVBUF, options->receive_buffer_bytes);
  set_buffer(udp->fd, SO_SNDBUFFORCE, SO_SNDBUF, options->send_buffer_bytes);
  return status;
}

static int read_local(acoap__udp_batched_t *udp) {
  struct sockaddr_storage bound;
  socklen_t len = sizeof(bound);
  if (getsockname(udp->fd, (struct sockaddr *)&bound, &len) != 0) {
    return system_error();
  }
  if (!acoap__sockaddr_read((const struct sockaddr *)&bound, &udp->local)) {
    return ACOAP_EINVAL;
  }
  udp->wildcard = acoap_address_is_any(&udp->local);
  return 0;
}

static int bind_new(acoap__udp_batched_t *udp, const acoap_udp_options_t *options) {
  struct sockaddr_storage local;
  socklen_t len = acoap__sockaddr_write(&options->local, false, &local);
  const option_t reuse[] = {{SOL_SOCKET, SO_REUSEADDR, options->reuse_address, true}};
  const option_t share[] = {{SOL_SOCKET, SO_REUSEPORT, options->reuse_port, true}};
  /* A port that the system chooses is to be nobody's yet: it might be one that is shared already.
   */
  bool named = options->local.port != 0;
  const option_t only[] = {{IPPROTO_IPV6, IPV6_V6ONLY, 1, true}};
  int status = set_options(udp->fd, reuse, 1);
  if (status == 0 && named) {
    status = set_options(udp->fd, share, 1);
  }
  if (status == 0 && options->local.family == ACOAP_FAMILY_IPV6) {
    status = set_options(udp->fd, only, 1);
  }
  if (status == 0 && bind(udp->fd, (const struct sockaddr *)&local, len) != 0) {
    status = system_error();
  }
  return status == 0 && !named ? set_options(udp->fd, share, 1) : status;
}

static int open_new(acoap__udp_batched_t *udp, const acoap_udp_options_t *options) {
  int domain = options->local.family == ACOAP_FAMILY_IPV6 ? AF_INET6 : AF_INET;
  udp->fd = socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (udp->fd < 0) {
    return system_error();
  }
  int status = bind_new(udp, options);
  if (status == 0) {
    status = read_local(udp);
  }
  if (status == 0) {
    status = tune(udp, options);
  }
  if (status != 0) {
    close(udp->fd);
  }
  return status;
}

static int read_option(int fd, int level, int name, int *value) {
  socklen_t len = sizeof(*value);
  return getsockopt(fd, level, name, value, &len) == 0 ? 0 : system_error();
}

static int adopt(acoap__udp_batched_t *udp, const acoap_udp_options_t *options) {
  int type = 0;
  int protocol = 0;
  int only = 1;
  udp->fd = options->adopt_fd - 1;
  int status = read_option(udp->fd, SOL_SOCKET, SO_TYPE, &type);
  if (status == 0) {
    status = read_option(udp->fd, SOL_SOCKET, SO_PROTOCOL, &protocol);
  }
  if (status == 0 && (type != SOCK_DGRAM || protocol != IPPROTO_UDP)) {
    status = ACOAP_EINVAL;
  }
  if (status == 0) {
    status = read_local(udp);
  }
  if (status == 0 && udp->local.family == ACOAP_FAMILY_IPV6) {
    status = read_option(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only);
    udp->dual = only == 0;
  }
  if (status == 0) {
    status = tune(udp, options);
  }
  int flags = status == 0 ? fcntl(udp->fd, F_GETFL) : -1;
  if (status == 0 && (flags < 0 || fcntl(udp->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
                      fcntl(udp->fd, F_SETFD, FD_CLOEXEC) != 0)) {
    status = system_error();
  }
  return status;
}

int acoap__udp_open(acoap__udp_batched_t *udp, const acoap_udp_options_t *options) {
  int status = options->adopt_fd != 0 ? adopt(udp, options) : open_new(udp, options);
  if (status == 0) {
    acoap__udp_segments_open(udp);
    acoap__udp_receiver_know(udp);
  }
  return status;
}
