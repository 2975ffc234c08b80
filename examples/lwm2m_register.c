/*
 * Registers a device with a LwM2M server or a CoRE resource directory, as a device without a heap
 * would: POST /rd?ep=NAME&lt=SECONDS with the device's links (RFC 6690), an update of that
 * registration, and its end. The registration's path comes in Location-Path (RFC 9176 section 5,
 * LwM2M Core 6.2).
 *     lwm2m_register 127.0.0.1:5683 my-device           registers, updates, deregisters
 *     lwm2m_register 127.0.0.1:5683 my-device stay      without the last step
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L
#include <acoap/core.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int udp;

static int send_datagram(void *user_data, const acoap_address_t *peer, acoap_bytes_t bytes) {
  (void)user_data;
  (void)peer; /* the socket is connected */
  return send(udp, bytes.data, bytes.len, 0) < 0 ? ACOAP_EUNREACHABLE : 0;
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

static const acoap_tiny_config_t config = {.requests = 1,
                                           .exchanges_in = 4,
                                           .peers = 1,
                                           .reply_bytes = 16,
                                           .message_bytes = 512,
                                           .send = send_datagram,
                                           .waiting = acoap_tiny_waiting,
                                           .entropy = draw_entropy};
static _Alignas(max_align_t) uint8_t memory[ACOAP_TINY_MEMORY(1, 0, 4, 1, 16, 512, 0)];

/* Where the registration lives: the segments of Location-Path. */
static char location[4][32];
static size_t segments;

typedef enum step { REGISTER, UPDATE, DEREGISTER, DONE } step_t;

static int start(acoap_tiny_t *tiny, step_t step, const char *name, const acoap_address_t *server) {
  static const char links[] = "</1/0>,</3/0>,</5/0>,</3303/0>;rt=\"oma.lwm2m\"";
  static const uint8_t methods[] = {ACOAP_CODE_POST, ACOAP_CODE_POST, ACOAP_CODE_DELETE};
  acoap_builder_t request;
  char query[80];
  int exchange = acoap_tiny_request_begin(tiny, methods[step], &request);

  if (step == REGISTER) {
    acoap_builder_option(&request, ACOAP_OPTION_URI_PATH, "rd", 2);
    acoap_builder_uint(&request, ACOAP_OPTION_CONTENT_FORMAT, ACOAP_FORMAT_LINK_FORMAT);
    int len = snprintf(query, sizeof(query), "ep=%s", name);
    acoap_builder_option(&request, ACOAP_OPTION_URI_QUERY, query, (size_t)len);
    acoap_builder_option(&request, ACOAP_OPTION_URI_QUERY, "lt=300", 6);
    acoap_builder_option(&request, ACOAP_OPTION_URI_QUERY, "lwm2m=1.1", 9);
    acoap_builder_option(&request, ACOAP_OPTION_URI_QUERY, "b=U", 3);
    acoap_builder_payload(&request, links, sizeof(links) - 1);
  } else {
    for (size_t i = 0; i < segments; i++) {
      acoap_builder_option(&request, ACOAP_OPTION_URI_PATH, location[i], strlen(location[i]));
    }
    if (step == UPDATE) {
      acoap_builder_option(&request, ACOAP_OPTION_URI_QUERY, "lt=600", 6);
    }
  }
  return acoap_tiny_request_send(tiny, clock_ms(), exchange, server, ACOAP_CON, false, &request);
}

/*
 * Returns false when the server said no. One that does not know the update (libcoap's directory
 * lists, forgets and nothing else) says so and keeps the registration: that is no failure.
 */
static bool finish(step_t step, const acoap_view_t *response) {
  static const char *const names[] = {"registered", "updated", "deregistered"};
  acoap_bytes_t segment;
  char code[5];

  acoap_code_format(response->code, code);
  bool unknown = step == UPDATE && (response->code == ACOAP_CODE_METHOD_NOT_ALLOWED ||
                                    response->code == ACOAP_CODE_NOT_IMPLEMENTED);
  printf("%s %s", code,
         ACOAP_CODE_CLASS(response->code) == 2 ? names[step]
         : unknown                             ? "update not known there"
                                               : "refused");
  if (step == REGISTER) {
    for (segments = 0; segments < 4 &&
                       acoap_view_option(response, ACOAP_OPTION_LOCATION_PATH, segments, &segment);
         segments++) {
      if (segment.len >= sizeof(location[0])) {
        return false;
      }
      memcpy(location[segments], segment.data, segment.len);
      printf("%s/%s", segments == 0 ? " at " : "", location[segments]);
    }
  }
  puts("");
  return (ACOAP_CODE_CLASS(response->code) == 2 || unknown) && segments > 0;
}

static acoap_tiny_t *open_endpoint(const char *text, acoap_address_t *server) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  acoap_tiny_t *tiny;

  if (acoap_address_parse(text, strlen(text), server) != 0 || server->family != ACOAP_FAMILY_IPV4) {
    return NULL;
  }
  to.sin_port = htons(server->port != 0 ? server->port : 5683);
  memcpy(&to.sin_addr, server->ip, 4);
  udp = socket(AF_INET, SOCK_DGRAM, 0);
  return connect(udp, (struct sockaddr *)&to, sizeof(to)) == 0 &&
                 acoap_tiny_init(memory, sizeof(memory), &config, &tiny) == 0
             ? tiny
             : NULL;
}

int main(int argc, char **argv) {
  acoap_address_t server;
  acoap_tiny_event_t event;
  uint8_t datagram[1280];
  acoap_tiny_t *tiny = argc > 2 ? open_endpoint(argv[1], &server) : NULL;

  if (tiny == NULL) {
    fputs("usage: lwm2m_register IPV4[:PORT] NAME [stay]\n", stderr);
    return 2;
  }
  step_t last = argc > 3 && strcmp(argv[3], "stay") == 0 ? DEREGISTER : DONE;
  for (step_t step = REGISTER; step != last; step++) {
    bool answered = false;
    if (start(tiny, step, argv[2], &server) < 0) {
      return 1;
    }
    while (!answered) {
      acoap_time_t now = clock_ms();
      while (acoap_tiny_poll(tiny, now, &event)) {
        if (event.kind == ACOAP_TINY_FAILED) {
          fprintf(stderr, "%s\n", acoap_strerror(event.status));
          return 1;
        }
        answered = answered || event.kind == ACOAP_TINY_RESPONSE;
        if (event.kind == ACOAP_TINY_RESPONSE && !finish(step, &event.view)) {
          return 1;
        }
      }
      acoap_time_t wake = acoap_tiny_next_wake(tiny);
      int wait = wake == ACOAP_TIME_NEVER ? 1000 : wake > now ? (int)(wake - now) : 0;
      struct pollfd ready = {.fd = udp, .events = POLLIN};
      if (!answered && poll(&ready, 1, wait) > 0) {
        ssize_t len = recv(udp, datagram, sizeof(datagram), 0);
        if (len > 0) {
          acoap_tiny_receive(tiny, clock_ms(), &server, datagram, (size_t)len);
        }
      }
    }
  }
  return 0;
}
