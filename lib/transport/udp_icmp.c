/*
 * ICMP errors through the socket's error queue (ip(7) IP_RECVERR, ipv6(7) IPV6_RECVERR): the
 * kernel gives back our datagram as far as the ICMP message quoted it, and where it went. RFC
 * 7252 section 4.2 lets such an error end the exchange.
 *   reported: destination unreachable (network, host, protocol, port, prohibited)
 *   passed over: time exceeded, packet too big, parameter problem, whatever comes without a quote
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_batched.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "transport/sockaddr.h"

#define ERRORS_PER_TURN 64
#define QUOTE_BYTES 1280

/* A sentence for what ends an exchange, NULL for the rest. */
static const char *unreachable4(const struct sock_extended_err *error) {
  if (error->ee_type != ICMP_DEST_UNREACH) {
    return NULL;
  }
  switch (error->ee_code) {
  case ICMP_NET_UNREACH:
  case ICMP_NET_UNKNOWN:
    return "ICMP network unreachable";
  case ICMP_HOST_UNREACH:
  case ICMP_HOST_UNKNOWN:
  case ICMP_HOST_ISOLATED:
    return "ICMP host unreachable";
  case ICMP_PROT_UNREACH:
    return "ICMP protocol unreachable";
  case ICMP_PORT_UNREACH:
    return "ICMP port unreachable";
  case ICMP_NET_ANO:
  case ICMP_HOST_ANO:
  case ICMP_PKT_FILTERED:
    return "ICMP destination prohibited";
  default:
    return NULL;
  }
}

static const char *unreachable6(const struct sock_extended_err *error) {
  if (error->ee_type != ICMP6_DST_UNREACH) {
    return NULL;
  }
  switch (error->ee_code) {
  case ICMP6_DST_UNREACH_NOROUTE:
    return "ICMPv6 no route";
  case ICMP6_DST_UNREACH_ADMIN:
    return "ICMPv6 destination prohibited";
  case ICMP6_DST_UNREACH_NOPORT:
    return "ICMPv6 port unreachable";
  default:
    return "ICMPv6 address unreachable";
  }
}

static const char *unreachable(const struct sock_extended_err *error) {
  switch (error->ee_origin) {
  case SO_EE_ORIGIN_ICMP:
    return unreachable4(error);
  case SO_EE_ORIGIN_ICMP6:
    return unreachable6(error);
  default:
    return NULL;
  }
}

static const char *reason_of(struct msghdr *header) {
  for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL;
       cmsg = CMSG_NXTHDR(header, cmsg)) {
    if ((cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_RECVERR) ||
        (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_RECVERR)) {
      struct sock_extended_err error;
      memcpy(&error, CMSG_DATA(cmsg), sizeof(error));
      return unreachable(&error);
    }
  }
  return NULL;
}

/* False: the queue is empty. */
static bool read_error(acoap__udp_batched_t *udp) {
  uint8_t quote[QUOTE_BYTES];
  struct sockaddr_storage to;
  _Alignas(struct cmsghdr)
      uint8_t control[CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6)) +
                      CMSG_SPACE(sizeof(struct in6_pktinfo))];
  struct iovec bytes = {quote, sizeof(quote)};
  struct msghdr header = {.msg_name = &to,
                          .msg_namelen = sizeof(to),
                          .msg_iov = &bytes,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof(control)};
  ssize_t len = recvmsg(udp->fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
  if (len < 0) {
    return errno == EINTR;
  }
  acoap_peer_notice_t notice = {.event = ACOAP_PEER_ICMP, .status = ACOAP_EUNREACHABLE};
  notice.reason = reason_of(&header);
  if (notice.reason == NULL || len == 0 || header.msg_namelen == 0 ||
      !acoap__sockaddr_read((const struct sockaddr *)&to, &notice.path.peer)) {
    return true;
  }
  notice.quote = (acoap_bytes_t){quote, (size_t)len};
  udp->udp.stats.icmp++;
  if (udp->udp.events->peer != NULL) {
    udp->udp.events->peer(udp->udp.user_data, &notice);
  }
  return true;
}

void acoap__udp_read_errors(acoap__udp_batched_t *udp) {
  for (int i = 0; i < ERRORS_PER_TURN && udp->udp.events != NULL; i++) {
    if (!read_error(udp)) {
      return;
    }
  }
}
