/*
 * A server without a heap on plain sockets: four resources, one of them observable, one answered
 * later. What a device does with its radio is done here with UDP; the rest is the same in firmware.
 *     tiny_server [port]        acoap get coap://localhost/light
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L
#include <acoap/core.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RESPONSES = 4, HEARD = 16, PEERS = 8, REPLY_BYTES = 2048, MESSAGE_BYTES = 600 };

static acoap_tiny_observer_t watchers[4];
static acoap_tiny_observers_t observers = {.list = watchers, .count = 4};
static acoap_tiny_inbound_t owed; /* the request that is answered later */
static acoap_time_t owed_at = ACOAP_TIME_NEVER;
static acoap_tiny_body_t incoming;
static char note[4096] = "nothing yet";
static size_t note_len = 11;
static bool light;

static void put_text(acoap_builder_t *answer, const char *text, size_t len) {
  acoap_builder_payload(answer, text, len);
}

static int get_light(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_tiny_observe(&observers, request, answer);
  put_text(answer, light ? "on" : "off", light ? 2 : 3);
  return ACOAP_TINY_SEND;
}

static int put_light(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_bytes_t payload = request->view->payload;
  if (payload.len != 1 || (payload.data[0] != '0' && payload.data[0] != '1')) {
    acoap_tiny_error(answer, ACOAP_CODE_BAD_REQUEST);
    return ACOAP_TINY_SEND;
  }
  light = payload.data[0] == '1';
  acoap_tiny_notify(request->endpoint, &observers);
  return ACOAP_TINY_SEND;
}

static int get_note(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_tiny_slice_t slice;
  size_t room;
  if (!acoap_tiny_slice_begin(request->view, answer, (uint32_t)note_len, &slice)) {
    return ACOAP_TINY_SEND;
  }
  uint8_t *at = acoap_builder_payload_room(answer, &room);
  if (at != NULL && slice.len > 0) {
    memcpy(at, note + slice.offset, slice.len); /* a sensor would write its bytes here */
    acoap_builder_payload_commit(answer, slice.len);
  }
  return ACOAP_TINY_SEND;
}

static int put_note(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_tiny_slice_t slice;
  int more = acoap_tiny_body_block(&incoming, request, answer, &slice);
  if (more < 0) {
    return ACOAP_TINY_SEND; /* the refusal is written */
  }
  if (slice.len > sizeof(note) || slice.offset > sizeof(note) - slice.len) {
    acoap_tiny_error(answer, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
    return ACOAP_TINY_SEND;
  }
  memcpy(note + slice.offset, request->view->payload.data, slice.len);
  note_len = more > 0 ? note_len : slice.offset + slice.len;
  return ACOAP_TINY_SEND;
}

static int get_slow(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  if (request->inbound == NULL || owed_at != ACOAP_TIME_NEVER) {
    acoap_tiny_error(answer, ACOAP_CODE_SERVICE_UNAVAILABLE);
    return ACOAP_TINY_SEND;
  }
  owed = *request->inbound;
  owed_at = request->now + 1000;
  return ACOAP_TINY_LATER;
}

static const acoap_tiny_resource_t resources[] = {
    {"/light", ACOAP_CODE_GET, 0, 0, get_light, ";rt=\"light\";obs;title=\"a lamp\"", NULL},
    {"/light", ACOAP_CODE_PUT, 0, 0, put_light, NULL, NULL},
    {"/note", ACOAP_CODE_GET, ACOAP_TINY_BLOCK2, 0, get_note, ";rt=\"text\"", NULL},
    {"/note", ACOAP_CODE_PUT, ACOAP_TINY_BLOCK1, 0, put_note, NULL, NULL},
    {"/slow", ACOAP_CODE_GET, 0, 0, get_slow, ";rt=\"text\"", NULL},
    ACOAP_TINY_WELL_KNOWN(acoap_tiny_well_known_filtered),
    {0},
};

/* ---- the world: a socket, a clock, random numbers ---------------------------------------------
 */

static int udp;

static int send_datagram(void *user_data, const acoap_address_t *peer, acoap_bytes_t bytes) {
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(peer->port)};
  (void)user_data;
  to.sin6_scope_id = peer->scope_id;
  memcpy(&to.sin6_addr, peer->ip, 16);
  ssize_t sent = sendto(udp, bytes.data, bytes.len, 0, (struct sockaddr *)&to, sizeof(to));
  return sent < 0 ? ACOAP_EUNREACHABLE : 0;
}

static void draw_entropy(void *user_data, uint8_t *bytes, size_t len) {
  (void)user_data;
  if (getrandom(bytes, len, 0) != (ssize_t)len) {
    abort();
  }
}

static acoap_time_t clock_ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (acoap_time_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static const acoap_tiny_config_t config = {.responses = RESPONSES,
                                           .exchanges_in = HEARD,
                                           .peers = PEERS,
                                           .reply_bytes = REPLY_BYTES,
                                           .message_bytes = MESSAGE_BYTES,
                                           .send = send_datagram,
                                           .waiting = acoap_tiny_waiting,
                                           .entropy = draw_entropy,
                                           .serve = acoap_tiny_serve,
                                           .resources = resources};

static _Alignas(max_align_t)
    uint8_t memory[ACOAP_TINY_MEMORY(0, RESPONSES, HEARD, PEERS, REPLY_BYTES, MESSAGE_BYTES, 0)];

static void answer_slow(acoap_tiny_t *tiny, acoap_time_t now) {
  acoap_builder_t answer;
  if (acoap_tiny_answer_begin(tiny, &owed, &answer) == 0) {
    acoap_builder_uint(&answer, ACOAP_OPTION_CONTENT_FORMAT, ACOAP_FORMAT_TEXT_PLAIN);
    put_text(&answer, "worth the wait", 14);
    acoap_tiny_answer_send(tiny, now, &owed, &answer);
  }
  owed_at = ACOAP_TIME_NEVER;
}

int main(int argc, char **argv) {
  struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
  acoap_tiny_event_t event;
  acoap_tiny_t *tiny;
  uint8_t datagram[1280];
  int both = 0;

  from.sin6_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 5683));
  udp = socket(AF_INET6, SOCK_DGRAM, 0);
  setsockopt(udp, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both));
  if (udp < 0 || bind(udp, (struct sockaddr *)&from, sizeof(from)) != 0 ||
      acoap_tiny_init(memory, sizeof(memory), &config, &tiny) != 0) {
    perror("tiny_server");
    return 1;
  }
  printf("%zu bytes of memory\n", sizeof(memory));
  fflush(stdout);
  for (;;) {
    acoap_time_t now = clock_ms();
    if (owed_at <= now) {
      answer_slow(tiny, now);
    }
    while (acoap_tiny_poll(tiny, now, &event)) {
      if (event.kind == ACOAP_TINY_FAILED) {
        printf("%s\n", acoap_strerror(event.status));
      }
    }
    acoap_time_t wake = acoap_tiny_next_wake(tiny);
    wake = owed_at < wake ? owed_at : wake;
    int wait = wake == ACOAP_TIME_NEVER ? -1 : wake > now ? (int)(wake - now) : 0;
    struct pollfd ready = {.fd = udp, .events = POLLIN};
    if (poll(&ready, 1, wait) > 0) {
      socklen_t from_len = sizeof(from);
      ssize_t len =
          recvfrom(udp, datagram, sizeof(datagram), 0, (struct sockaddr *)&from, &from_len);
      acoap_address_t peer = {.family = ACOAP_FAMILY_IPV6, .port = ntohs(from.sin6_port)};
      peer.scope_id = from.sin6_scope_id;
      memcpy(peer.ip, &from.sin6_addr, 16);
      if (len > 0) {
        acoap_tiny_receive(tiny, clock_ms(), &peer, datagram, (size_t)len);
      }
    }
  }
}
