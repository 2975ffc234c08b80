/*
 * The floor's client: a closed loop that keeps `window` requests in flight to one server, from
 * `peers` addresses of 127.64.0.0/10 in turn, all on one descriptor (IP_PKTINFO names the source of
 * each). The rule that makes its figures comparable: no source uses a Message ID twice (RFC 7252
 * section 4.4); after 60,000 requests it is replaced by an address that was not used before. A
 * request without an answer for two seconds is counted as lost and sent again. A secure server is
 * asked in the same way, each source in a session of its own.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "floor.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench_process.h"

#define USES_OF_A_SOURCE 60000
#define FIRST_SOURCE 0x7f400000u
#define SOURCES 0x003ffff0u
#define PATIENCE_NS 2000000000u
#define GIVE_UP_NS 5000000000u /* nothing was answered for so long */
#define SPARE_SESSIONS 16      /* that take over when a source has used its Message IDs up */
#define BUCKETS 4096           /* of 32 a power of two: 3 % wide */

typedef struct slot {
  uint64_t sent_ns;
  uint32_t source; /* address */
  uint16_t message_id;
  uint16_t serial; /* in the token */
  bool waiting;
} slot_t;

typedef struct source {
  uint32_t address;
  uint32_t used; /* Message IDs */
} source_t;

typedef struct ask {
  const floor_options_t *options;
  int fd;
  floor_secure_t *secure; /* NULL: in the clear */
  slot_t *slots;
  source_t *sources;
  uint32_t sources_made;
  size_t turn; /* the next source */
  uint64_t started;
  uint64_t answered;
  uint64_t lost;
  uint64_t unexpected;
  uint64_t errors;  /* answers that are no success */
  double cpu_us;    /* ours, of the time that is measured */
  double server_us; /* the server's */
  uint64_t histogram[BUCKETS];
  uint16_t *ready; /* slots whose request is to be sent */
  size_t ready_count;
} ask_t;

typedef struct outgoing {
  struct iovec bytes;
  uint8_t message[FLOOR_SEGMENTED_BYTES];
  _Alignas(struct cmsghdr)
      uint8_t control[CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
} outgoing_t;

/* ---- latencies ------------------------------------------------------------------------------- */

static size_t bucket_of(uint64_t ns) {
  unsigned power = 63u - (unsigned)__builtin_clzll(ns | 32u);
  return (power - 5u) * 32u + (size_t)((ns >> (power - 5u)) & 31u);
}

static double bucket_us(size_t bucket) {
  unsigned shift = (unsigned)(bucket / 32u);
  return (double)((uint64_t)(32u + bucket % 32u) << shift) / 1000.0;
}

static double percentile(const ask_t *ask, double share) {
  uint64_t wanted = (uint64_t)((double)ask->answered * share);
  uint64_t seen = 0;
  for (size_t i = 0; i < BUCKETS; i++) {
    seen += ask->histogram[i];
    if (seen > wanted) {
      return bucket_us(i);
    }
  }
  return 0;
}

/* ---- out ------------------------------------------------------------------------------------- */

/* False: all sessions have used their Message IDs up. */
static bool next_source(ask_t *ask, uint32_t *address, uint16_t *message_id) {
  source_t *source = &ask->sources[ask->turn];
  ask->turn = ask->turn + 1 < ask->options->peers ? ask->turn + 1 : 0;
  if (source->address == 0 || source->used == USES_OF_A_SOURCE) {
    if (ask->secure != NULL && ask->sources_made == floor_secure_count(ask->secure)) {
      return false;
    }
    source->address = FIRST_SOURCE + 1 + ask->sources_made++ % SOURCES;
    source->used = 0;
  }
  *message_id = (uint16_t)source->used++;
  *address = source->address;
  return true;
}

static size_t write_request(const ask_t *ask, const slot_t *slot, uint8_t *to) {
  const floor_options_t *options = ask->options;
  uint16_t number = (uint16_t)(slot - ask->slots);
  size_t path = strlen(options->path);
  size_t at = 0;
  to[at++] = options->non ? 0x54 : 0x44;
  to[at++] = options->payload > 0 ? 3 : 1;
  to[at++] = (uint8_t)(slot->message_id >> 8);
  to[at++] = (uint8_t)slot->message_id;
  to[at++] = (uint8_t)(number >> 8);
  to[at++] = (uint8_t)number;
  to[at++] = (uint8_t)(slot->serial >> 8);
  to[at++] = (uint8_t)slot->serial;
  if (path > 0) {
    to[at++] = (uint8_t)(0xb0 | path);
    memcpy(to + at, options->path, path);
    at += path;
  }
  if (options->payload > 0) {
    to[at++] = 0xff;
    memset(to + at, 'y', options->payload);
    at += options->payload;
  }
  return at;
}

static size_t write_datagram(ask_t *ask, const slot_t *slot, uint8_t *to, size_t room) {
  uint8_t plain[FLOOR_DATAGRAM_MAX];
  if (ask->secure == NULL) {
    return write_request(ask, slot, to);
  }
  return floor_secure_seal(ask->secure, slot->source, plain, write_request(ask, slot, plain), to,
                           room);
}

/* One message: a request, or with segments as many ready ones of one source as fit. Returns how
 * many. */
static size_t compose(ask_t *ask, size_t from, outgoing_t *out, struct mmsghdr *header) {
  size_t most = ask->options->segments ? FLOOR_SEGMENTS_MAX : 1;
  size_t taken = 0;
  size_t each = 0;
  size_t len = 0;
  uint64_t now = floor_now_ns();
  uint32_t source = ask->slots[ask->ready[from]].source;
  while (taken < most && from + taken < ask->ready_count && len + each <= FLOOR_SEGMENTED_BYTES) {
    slot_t *slot = &ask->slots[ask->ready[from + taken]];
    if (slot->source != source) {
      break;
    }
    slot->sent_ns = now;
    slot->waiting = true;
    each = write_datagram(ask, slot, out->message + len, sizeof(out->message) - len);
    len += each;
    taken++;
  }
  memset(header, 0, sizeof(*header));
  out->bytes = (struct iovec){out->message, len};
  header->msg_hdr.msg_name = (void *)(uintptr_t)&ask->options->server;
  header->msg_hdr.msg_namelen = sizeof(ask->options->server);
  header->msg_hdr.msg_iov = &out->bytes;
  header->msg_hdr.msg_iovlen = 1;
  if (taken > 1) {
    floor_set_segment(&header->msg_hdr, out->control, (uint16_t)each);
  }
  floor_set_source(&header->msg_hdr, out->control, source);
  return taken;
}

static void send_ready(ask_t *ask) {
  static outgoing_t out[FLOOR_BATCH];
  static struct mmsghdr headers[FLOOR_BATCH];
  for (size_t from = 0; from < ask->ready_count;) {
    unsigned count = 0;
    while (count < FLOOR_BATCH && from < ask->ready_count) {
      from += compose(ask, from, &out[count], &headers[count]);
      count++;
    }
    for (unsigned sent = 0; sent < count;) {
      int some = sendmmsg(ask->fd, headers + sent, count - sent, 0);
      sent += some > 0 ? (unsigned)some : 1;
    }
  }
  ask->ready_count = 0;
}

static void begin(ask_t *ask, slot_t *slot) {
  if (!next_source(ask, &slot->source, &slot->message_id)) {
    return;
  }
  slot->serial++;
  ask->ready[ask->ready_count++] = (uint16_t)(slot - ask->slots);
  ask->started++;
}

/* ---- in -------------------------------------------------------------------------------------- */

static bool goes_on(const ask_t *ask, uint64_t now, uint64_t end) {
  const floor_options_t *options = ask->options;
  return (options->count == 0 || ask->started < options->count) &&
         (options->seconds <= 0 || now < end);
}

static void take(ask_t *ask, const uint8_t *bytes, size_t len, uint64_t now, uint64_t end) {
  size_t number =
      len >= 8 && (bytes[0] & 0xcf) == 0x44 ? (size_t)bytes[4] << 8 | bytes[5] : SIZE_MAX;
  slot_t *slot = number < ask->options->window ? &ask->slots[number] : NULL;
  if (slot == NULL || !slot->waiting || slot->serial != (bytes[6] << 8 | bytes[7])) {
    ask->unexpected++;
    return;
  }
  slot->waiting = false;
  ask->answered++;
  ask->errors += bytes[1] >> 5 != 2 ? 1 : 0;
  ask->histogram[bucket_of(now - slot->sent_ns)]++;
  if (goes_on(ask, now, end)) {
    begin(ask, slot);
  }
}

static void take_datagram(ask_t *ask, uint32_t to, const uint8_t *bytes, size_t len, uint64_t now,
                          uint64_t end) {
  uint8_t plain[FLOOR_DATAGRAM_MAX];
  if (ask->secure != NULL) {
    len = floor_secure_unseal(ask->secure, to, bytes, len, plain, sizeof(plain));
    bytes = plain;
  }
  take(ask, bytes, len, now, end);
}

static void receive(ask_t *ask, uint64_t end) {
  static uint8_t bytes[FLOOR_BATCH][65536];
  static uint8_t control[FLOOR_BATCH][64];
  static struct iovec vectors[FLOOR_BATCH];
  static struct mmsghdr headers[FLOOR_BATCH];
  for (size_t i = 0; i < FLOOR_BATCH; i++) {
    vectors[i] = (struct iovec){bytes[i], sizeof(bytes[i])};
    memset(&headers[i], 0, sizeof(headers[i]));
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
    headers[i].msg_hdr.msg_control = control[i];
    headers[i].msg_hdr.msg_controllen = sizeof(control[i]);
  }
  int got = recvmmsg(ask->fd, headers, FLOOR_BATCH, MSG_DONTWAIT, NULL);
  uint64_t now = floor_now_ns();
  for (int i = 0; i < got; i++) {
    size_t segment = floor_segment_of(&headers[i].msg_hdr, headers[i].msg_len);
    uint32_t to = ask->secure != NULL ? floor_destination_of(&headers[i].msg_hdr) : 0;
    for (size_t at = 0; at < headers[i].msg_len; at += segment) {
      size_t len = headers[i].msg_len - at;
      take_datagram(ask, to, bytes[i] + at, len < segment ? len : segment, now, end);
    }
  }
}

/* Send again what nobody answered; returns whether anything is still waited for. */
static bool look_for_lost(ask_t *ask) {
  uint64_t now = floor_now_ns();
  bool waiting = false;
  for (size_t i = 0; i < ask->options->window; i++) {
    slot_t *slot = &ask->slots[i];
    waiting = waiting || slot->waiting;
    if (slot->waiting && now - slot->sent_ns > PATIENCE_NS) {
      ask->lost++;
      ask->ready[ask->ready_count++] = (uint16_t)i;
    }
  }
  return waiting;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static double own_cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void report(const ask_t *ask, double seconds) {
  double requests = ask->answered > 0 ? (double)ask->answered : 1;
  printf("{\"requests\":%llu,\"seconds\":%.3f,\"requests_per_s\":%.0f,", //
         (unsigned long long)ask->answered, seconds, (double)ask->answered / seconds);
  printf("\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p99_9_us\":%.1f,", percentile(ask, 0.5),
         percentile(ask, 0.9), percentile(ask, 0.99), percentile(ask, 0.999));
  printf("\"lost\":%llu,\"errors\":%llu,\"unexpected\":%llu,\"sources\":%u,\"sessions\":%zu,",
         (unsigned long long)ask->lost, (unsigned long long)ask->errors,
         (unsigned long long)ask->unexpected, ask->sources_made,
         ask->secure != NULL ? floor_secure_count(ask->secure) : 0);
  printf("\"cpu_us\":%.3f,\"server_cpu_us\":%.3f}\n", ask->cpu_us / requests,
         ask->server_us / requests);
}

static void loop(ask_t *ask, uint64_t start) {
  uint64_t end = start + (uint64_t)(ask->options->seconds * 1e9);
  uint64_t looked = start;
  uint64_t heard = start;
  uint64_t answered = 0;
  for (size_t i = 0; i < ask->options->window && goes_on(ask, start, end); i++) {
    begin(ask, &ask->slots[i]);
  }
  for (bool waiting = true; waiting;) {
    struct pollfd pollfd = {.fd = ask->fd, .events = POLLIN};
    send_ready(ask);
    if (poll(&pollfd, 1, 200) > 0) {
      receive(ask, end);
    }
    uint64_t now = floor_now_ns();
    heard = ask->answered > answered ? now : heard;
    answered = ask->answered;
    if (now - heard > GIVE_UP_NS) {
      break;
    }
    if (now - looked > 100000000u || !goes_on(ask, now, end)) {
      looked = now;
      waiting = look_for_lost(ask) || ask->ready_count > 0;
    }
  }
}

int floor_ask(const floor_options_t *options) {
  static ask_t ask;
  struct sockaddr_in any = {.sin_family = AF_INET};
  ask.options = options;
  ask.fd = floor_socket(options, &any);
  ask.slots = calloc(options->window, sizeof(*ask.slots));
  ask.sources = calloc(options->peers, sizeof(*ask.sources));
  ask.ready = calloc(options->window * 2, sizeof(*ask.ready));
  if (ask.slots == NULL || ask.sources == NULL || ask.ready == NULL) {
    floor_fail("malloc");
  }
  if (options->psk != NULL) {
    size_t count = options->peers + SPARE_SESSIONS;
    ask.secure = floor_secure_open(options, ask.fd, FIRST_SOURCE + 1, count);
    if (ask.secure == NULL) {
      fputs("floor: the sessions do not stand\n", stderr);
      return 1;
    }
  }
  double own_before = own_cpu_us();
  double server_before = bench_process_cpu_us(options->server_pid);
  uint64_t start = floor_now_ns();
  loop(&ask, start);
  double seconds = (double)(floor_now_ns() - start) / 1e9;
  ask.cpu_us = own_cpu_us() - own_before;
  ask.server_us = bench_process_cpu_us(options->server_pid) - server_before;
  report(&ask, seconds);
  floor_secure_close(ask.secure);
  return ask.answered > 0 ? 0 : 1;
}
