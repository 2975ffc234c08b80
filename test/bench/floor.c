/*
 * The floor: what a CoAP request costs when nothing but the system's part is done (see floor.h).
 *
 *     floor serve ADDRESS PORT [--segments]
 *     floor ask ADDRESS PORT PATH [--window N] [--peers N] [--count N] [--for SECONDS]
 *                                 [--size BYTES] [--non] [--segments] [--psk IDENTITY:KEY]
 *                                 [--server-pid PID]
 *
 * `serve` answers GET /N with 2.05 and N bytes, until it is ended by a signal. `ask` keeps a window
 * of requests in flight and prints one JSON object. With --psk each peer is a session of DTLS 1.2
 * (TLS_PSK_WITH_AES_128_CCM_8) that stands before the clock starts.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "floor.h"

#include <arpa/inet.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

void floor_fail(const char *what) {
  perror(what);
  exit(1);
}

static void usage(void) {
  fputs("usage: floor serve ADDRESS PORT [--segments]\n"
        "       floor ask ADDRESS PORT PATH [--window N] [--peers N] [--count N] [--for SECONDS] "
        "[--size BYTES] [--non] [--segments] [--psk IDENTITY:KEY] [--server-pid PID]\n",
        stderr);
  exit(2);
}

int floor_socket(const floor_options_t *options, const struct sockaddr_in *local) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int bytes = FLOOR_SOCKET_BYTES;
  int on = 1;
  if (fd < 0) {
    floor_fail("socket");
  }
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  }
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  }
  if (options->segments && setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) != 0) {
    floor_fail("UDP_GRO");
  }
  if (options->psk != NULL && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) != 0) {
    floor_fail("IP_PKTINFO");
  }
  if (bind(fd, (const struct sockaddr *)local, sizeof(*local)) != 0) {
    floor_fail("bind");
  }
  return fd;
}

size_t floor_segment_of(struct msghdr *header, size_t len) {
  for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL;
       cmsg = CMSG_NXTHDR(header, cmsg)) {
    if (cmsg->cmsg_level == IPPROTO_UDP && cmsg->cmsg_type == UDP_GRO) {
      int size;
      memcpy(&size, CMSG_DATA(cmsg), sizeof(size));
      return size > 0 ? (size_t)size : len;
    }
  }
  return len;
}

void floor_set_segment(struct msghdr *header, uint8_t *control, uint16_t size) {
  struct cmsghdr *cmsg = (struct cmsghdr *)(void *)control;
  header->msg_control = control;
  header->msg_controllen = CMSG_SPACE(sizeof(size));
  cmsg->cmsg_level = IPPROTO_UDP;
  cmsg->cmsg_type = UDP_SEGMENT;
  cmsg->cmsg_len = CMSG_LEN(sizeof(size));
  memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
}

void floor_set_source(struct msghdr *header, uint8_t *control, uint32_t source) {
  struct cmsghdr *cmsg = (struct cmsghdr *)(void *)(control + header->msg_controllen);
  struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(source)};
  header->msg_control = control;
  header->msg_controllen += CMSG_SPACE(sizeof(info));
  cmsg->cmsg_level = IPPROTO_IP;
  cmsg->cmsg_type = IP_PKTINFO;
  cmsg->cmsg_len = CMSG_LEN(sizeof(info));
  memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
}

uint32_t floor_destination_of(struct msghdr *header) {
  for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL;
       cmsg = CMSG_NXTHDR(header, cmsg)) {
    if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
      return ntohl(info.ipi_addr.s_addr);
    }
  }
  return 0;
}

uint64_t floor_now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void read_options(floor_options_t *options, int argc, char **argv) {
  for (int i = 0; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--non") == 0) {
      options->non = true;
      continue;
    }
    if (strcmp(argv[i], "--segments") == 0) {
      options->segments = true;
      continue;
    }
    if (strcmp(argv[i], "--window") == 0) {
      options->window = strtoul(value, NULL, 10);
    } else if (strcmp(argv[i], "--peers") == 0) {
      options->peers = strtoul(value, NULL, 10);
    } else if (strcmp(argv[i], "--count") == 0) {
      options->count = strtoull(value, NULL, 10);
    } else if (strcmp(argv[i], "--size") == 0) {
      options->payload = strtoul(value, NULL, 10);
    } else if (strcmp(argv[i], "--for") == 0) {
      options->seconds = strtod(value, NULL);
    } else if (strcmp(argv[i], "--psk") == 0 && strchr(value, ':') != NULL) {
      options->psk = value;
    } else if (strcmp(argv[i], "--server-pid") == 0) {
      options->server_pid = (int)strtol(value, NULL, 10);
    } else {
      usage();
    }
    i++;
  }
  if (options->count == 0 && options->seconds <= 0) {
    options->seconds = 1;
  }
  if (options->window == 0 || options->window > 4096 || options->peers == 0 ||
      options->peers > 1000000 || options->payload > 1024) {
    usage();
  }
}

int main(int argc, char **argv) {
  floor_options_t options = {.window = 64, .peers = 1, .path = ""};
  bool serves = argc >= 4 && strcmp(argv[1], "serve") == 0;
  bool asks = argc >= 5 && strcmp(argv[1], "ask") == 0 && strlen(argv[4]) <= 12;
  if (!serves && !asks) {
    usage();
  }
  options.server.sin_family = AF_INET;
  options.server.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
  if (inet_pton(AF_INET, argv[2], &options.server.sin_addr) != 1) {
    usage();
  }
  options.path = asks ? argv[4] : "";
  read_options(&options, argc - (asks ? 5 : 4), argv + (asks ? 5 : 4));
  return serves ? floor_serve(&options) : floor_ask(&options);
}
