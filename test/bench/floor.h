/*
 * What the parts of the floor share: the echo (floor_serve.c), who asks it (floor_ask.c), and the
 * sessions that secure servers are asked in (floor_secure.c).
 * The floor is what CoAP costs when nothing is done but to move datagrams: recvmmsg, the few bytes
 * of RFC 7252 section 3 that make a reply of a request, sendmmsg. No deduplication, no
 * retransmission, no resources.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BENCH_FLOOR_H
#define ACOAP_BENCH_FLOOR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define FLOOR_BATCH 64
#define FLOOR_DATAGRAM_MAX 1280
#define FLOOR_SOCKET_BYTES (4 << 20)
/* Datagrams to one peer that one UDP_SEGMENT send may carry, and the bytes of all of them. */
#define FLOOR_SEGMENTS_MAX 64
#define FLOOR_SEGMENTED_BYTES 65000

typedef struct floor_options {
  struct sockaddr_in server; /* where it is, or shall be */
  size_t window;             /* requests in flight */
  size_t peers;              /* source addresses in turn */
  size_t payload;            /* bytes of each request's payload: a PUT instead of a GET */
  uint64_t count;            /* requests; 0: as many as fit the time */
  double seconds;            /* how long; 0: as the count needs */
  const char *path;          /* one segment */
  bool non;                  /* NON instead of CON */
  bool segments;             /* UDP_SEGMENT and UDP_GRO */
  const char *psk;           /* IDENTITY:KEY: DTLS, a session for each source; NULL: none */
  int server_pid;            /* whose CPU time is reported; 0: nobody's */
} floor_options_t;

/* Both end the program on a failure that is not the network's. */
int floor_serve(const floor_options_t *options);
int floor_ask(const floor_options_t *options);

int floor_socket(const floor_options_t *options, const struct sockaddr_in *local);
_Noreturn void floor_fail(const char *what);
/* Bytes of each datagram in what UDP_GRO joined; `len` when it is one. */
size_t floor_segment_of(struct msghdr *header, size_t len);
/* Say that a message is to be cut into pieces of `size`. `control` holds
 * CMSG_SPACE(sizeof(uint16_t)). */
void floor_set_segment(struct msghdr *header, uint8_t *control, uint16_t size);
/* Say which of our addresses it leaves from, behind what `control` (msg_controllen bytes) holds. */
void floor_set_source(struct msghdr *header, uint8_t *control, uint32_t source);
/* Which of our addresses it was sent to; 0: IP_PKTINFO does not say. */
uint32_t floor_destination_of(struct msghdr *header);
uint64_t floor_now_ns(void);

/* Sessions of one descriptor, one for each address from `first` on. */
typedef struct floor_secure floor_secure_t;

/* All handshakes are done on return; NULL: the server did not play its part. */
floor_secure_t *floor_secure_open(const floor_options_t *options, int fd, uint32_t first,
                                  size_t count);
/* Ends each session with a close_notify, so that the server can forget it. */
void floor_secure_close(floor_secure_t *secure);
size_t floor_secure_count(const floor_secure_t *secure);
/* One record of, one message from, the session of an address; both return bytes, 0: none. */
size_t floor_secure_seal(floor_secure_t *secure, uint32_t address, const uint8_t *plain, size_t len,
                         uint8_t *record, size_t cap);
size_t floor_secure_unseal(floor_secure_t *secure, uint32_t address, const uint8_t *record,
                           size_t len, uint8_t *plain, size_t cap);

#endif
