/*
 * A client without a heap on plain sockets: fetches a resource block by block, or observes it.
 *     tiny_client 127.0.0.1:5683 /note            prints the body
 *     tiny_client 127.0.0.1:5683 /note put FILE   sends a file
 *     tiny_client 127.0.0.1:5683 /light observe   prints each state
 *     tiny_client 127.0.0.1:5683 ping
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

static struct client {
  acoap_tiny_t *tiny;
  acoap_address_t server;
  const char *path;
  FILE *file; /* what is sent; NULL: nothing */
  bool observe;
  acoap_tiny_download_t download;
  acoap_tiny_upload_t upload;
  acoap_tiny_observation_t observation;
} client;

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

static const acoap_tiny_config_t config = {.requests = 2,
                                           .responses = 1,
                                           .exchanges_in = 8,
                                           .peers = 1,
                                           .reply_bytes = 64,
                                           .message_bytes = 1200,
                                           .send = send_datagram,
                                           .waiting = acoap_tiny_waiting,
                                           .entropy = draw_entropy};
static _Alignas(max_align_t) uint8_t memory[ACOAP_TINY_MEMORY(2, 1, 8, 1, 64, 1200, 0)];

static int send_request(acoap_time_t now) {
  acoap_builder_t request;
  acoap_tiny_slice_t slice;
  int exchange = acoap_tiny_request_begin(
      client.tiny, client.file != NULL ? ACOAP_CODE_PUT : ACOAP_CODE_GET, &request);
  if (exchange < 0) {
    return exchange;
  }
  const char *at = client.path;
  while (*at == '/' && at[1] != '\0') {
    size_t len = strcspn(at + 1, "/");
    acoap_builder_option(&request, ACOAP_OPTION_URI_PATH, at + 1, len);
    at += 1 + len;
  }
  bool observe = client.observe && client.download.offset == 0;
  if (observe) {
    acoap_builder_uint(&request, ACOAP_OPTION_OBSERVE, 0);
  }
  if (client.file != NULL) {
    size_t room;
    acoap_tiny_upload_option(&client.upload, &request, &slice);
    uint8_t *payload = acoap_builder_payload_room(&request, &room);
    if (payload != NULL && slice.len > 0 && fseek(client.file, (long)slice.offset, SEEK_SET) == 0) {
      acoap_builder_payload_commit(&request, fread(payload, 1, slice.len, client.file));
    }
  } else {
    acoap_tiny_download_option(&client.download, &request);
  }
  return acoap_tiny_request_send(client.tiny, now, exchange, &client.server, ACOAP_CON, observe,
                                 &request);
}

/* Returns true when there is more to do. */
static bool take_response(acoap_time_t now, const acoap_tiny_event_t *event) {
  char code[5];
  int more;

  if (client.file != NULL) {
    more = acoap_tiny_upload_take(&client.upload, &event->view);
  } else {
    if (client.observe && client.download.offset == 0 &&
        !acoap_tiny_is_newer(&client.observation, now, &event->view)) {
      return true;
    }
    more = acoap_tiny_download_take(&client.download, &event->view);
    if (more >= 0 && ACOAP_CODE_CLASS(event->view.code) == 2) {
      fwrite(event->view.payload.data, 1, event->view.payload.len, stdout);
    }
  }
  if (more > 0) {
    return send_request(now) >= 0;
  }
  if (more < 0 || ACOAP_CODE_CLASS(event->view.code) != 2 || client.file != NULL) {
    acoap_code_format(event->view.code, code);
    fprintf(stderr, "%s %s\n", code, more < 0 ? acoap_strerror(more) : "");
  }
  if (client.observe && more == 0 && ACOAP_CODE_CLASS(event->view.code) == 2) {
    puts("");
    fflush(stdout);
    acoap_tiny_download_init(&client.download, 512);
    return true;
  }
  return false;
}

static int connect_to(const char *text) {
  acoap_address_t *server = &client.server;
  struct sockaddr_in to4 = {.sin_family = AF_INET};
  struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};

  if (acoap_address_parse(text, strlen(text), server) != 0) {
    return -1;
  }
  uint16_t port = htons(server->port != 0 ? server->port : 5683);
  if (server->family == ACOAP_FAMILY_IPV4) {
    to4.sin_port = port;
    memcpy(&to4.sin_addr, server->ip, 4);
    udp = socket(AF_INET, SOCK_DGRAM, 0);
    return connect(udp, (struct sockaddr *)&to4, sizeof(to4));
  }
  to6.sin6_port = port;
  to6.sin6_scope_id = server->scope_id;
  memcpy(&to6.sin6_addr, server->ip, 16);
  udp = socket(AF_INET6, SOCK_DGRAM, 0);
  return connect(udp, (struct sockaddr *)&to6, sizeof(to6));
}

static int start(int argc, char **argv) {
  client.path = argv[2];
  client.observe = argc > 3 && strcmp(argv[3], "observe") == 0;
  acoap_tiny_download_init(&client.download, 512);
  if (argc > 4 && strcmp(argv[3], "put") == 0) {
    client.file = fopen(argv[4], "rb");
    if (client.file == NULL || fseek(client.file, 0, SEEK_END) != 0) {
      return ACOAP_EINVAL;
    }
    acoap_tiny_upload_init(&client.upload, (uint32_t)ftell(client.file), 512);
  }
  return strcmp(argv[2], "ping") == 0 ? acoap_tiny_ping(client.tiny, clock_ms(), &client.server)
                                      : send_request(clock_ms());
}

int main(int argc, char **argv) {
  acoap_tiny_event_t event;
  uint8_t datagram[1280];

  if (argc < 3 || connect_to(argv[1]) != 0 ||
      acoap_tiny_init(memory, sizeof(memory), &config, &client.tiny) != 0 ||
      start(argc, argv) < 0) {
    fputs("usage: tiny_client ADDRESS PATH [observe | put FILE]\n", stderr);
    return 2;
  }
  for (;;) {
    acoap_time_t now = clock_ms();
    while (acoap_tiny_poll(client.tiny, now, &event)) {
      if (event.kind == ACOAP_TINY_FAILED) {
        fprintf(stderr, "%s\n", acoap_strerror(event.status));
        return 1;
      }
      if (event.kind == ACOAP_TINY_PONG) {
        puts("pong");
        return 0;
      }
      if (event.kind == ACOAP_TINY_RESPONSE && !take_response(now, &event)) {
        return ACOAP_CODE_CLASS(event.view.code) == 2 ? 0 : 1;
      }
    }
    acoap_time_t wake = acoap_tiny_next_wake(client.tiny);
    int wait = wake == ACOAP_TIME_NEVER ? -1 : wake > now ? (int)(wake - now) : 0;
    struct pollfd ready = {.fd = udp, .events = POLLIN};
    if (poll(&ready, 1, wait) > 0) {
      ssize_t len = recv(udp, datagram, sizeof(datagram), 0);
      if (len > 0) {
        acoap_tiny_receive(client.tiny, clock_ms(), &client.server, datagram, (size_t)len);
      }
    }
  }
}
