/*
 * The lossy relay. For each client address it keeps one connected socket towards the server, so
 * that the server sees distinct clients. Decisions are drawn in order of arrival from one
 * SplitMix64 per direction. Knows no CoAP.
 * SPDX-License-Identifier: MIT
 */
#include "relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 32, HELD_MAX = 256, DATAGRAM_MAX = 2048, HOLD_MAX_MS = 20 };

typedef struct client {
  struct sockaddr_in address; /* who sends to us */
  int fd;                     /* connected to the server */
} client_t;

typedef struct held {
  int64_t due_ms; /* when it goes on; 0: free */
  size_t client;  /* whose */
  bool to_server; /* which way */
  size_t len;     /* bytes */
  uint8_t bytes[DATAGRAM_MAX];
} held_t;

typedef struct direction {
  relay_conditions_t conditions; /* what to do */
  relay_count_t count;           /* what was done */
  uint64_t random;               /* state of SplitMix64 */
  uint32_t number;               /* datagrams that came */
  size_t lost;                   /* of conditions.lost, gone already */
} direction_t;

struct relay {
  pthread_t thread;
  int listen_fd;             /* clients send here */
  int stop_fds[2];           /* a pipe; a closed writing end stops the thread */
  struct sockaddr_in server; /* where to */
  client_t clients[CLIENTS_MAX];
  size_t client_count;
  held_t *held;              /* HELD_MAX of them */
  direction_t directions[2]; /* 0: to the server, 1: to the client */
};

static int64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static bool happens(direction_t *direction, uint32_t ppm) {
  return next_random(&direction->random) % 1000000u < ppm;
}

static void pass_on(relay_t *relay, size_t client, bool to_server, const uint8_t *bytes,
                    size_t len) {
  const client_t *who = &relay->clients[client];
  ssize_t sent;
  if (to_server) {
    sent = send(who->fd, bytes, len, 0);
  } else {
    sent = sendto(relay->listen_fd, bytes, len, 0, (const struct sockaddr *)&who->address,
                  sizeof(who->address));
  }
  relay->directions[to_server ? 0 : 1].count.passed += sent >= 0;
}

/* Is it one of those that are lost by their number? */
static bool is_lost(direction_t *direction) {
  const relay_conditions_t *conditions = &direction->conditions;
  direction->number++;
  if (direction->lost == conditions->lost_count ||
      conditions->lost[direction->lost] != direction->number) {
    return false;
  }
  direction->lost++;
  return true;
}

static bool hold_back(relay_t *relay, size_t client, bool to_server, const uint8_t *bytes,
                      size_t len) {
  direction_t *direction = &relay->directions[to_server ? 0 : 1];
  for (size_t i = 0; i < HELD_MAX; i++) {
    held_t *held = &relay->held[i];
    if (held->due_ms == 0) {
      held->due_ms = clock_ms() + 1 + (int64_t)(next_random(&direction->random) % HOLD_MAX_MS);
      held->client = client;
      held->to_server = to_server;
      held->len = len;
      memcpy(held->bytes, bytes, len);
      direction->count.held++;
      return true;
    }
  }
  return false;
}

static void relay_one(relay_t *relay, size_t client, bool to_server, const uint8_t *bytes,
                      size_t len) {
  direction_t *direction = &relay->directions[to_server ? 0 : 1];
  if (is_lost(direction) || happens(direction, direction->conditions.loss_ppm)) {
    direction->count.lost++;
    return;
  }
  int copies = 1;
  if (happens(direction, direction->conditions.duplicate_ppm)) {
    direction->count.duplicated++;
    copies = 2;
  }
  for (int i = 0; i < copies; i++) {
    if (!happens(direction, direction->conditions.reorder_ppm) ||
        !hold_back(relay, client, to_server, bytes, len)) {
      pass_on(relay, client, to_server, bytes, len);
    }
  }
}

/* The client with this address, a new one when it is not known; CLIENTS_MAX when there is no room.
 */
static size_t find_client(relay_t *relay, const struct sockaddr_in *address) {
  for (size_t i = 0; i < relay->client_count; i++) {
    if (relay->clients[i].address.sin_port == address->sin_port &&
        relay->clients[i].address.sin_addr.s_addr == address->sin_addr.s_addr) {
      return i;
    }
  }
  if (relay->client_count == CLIENTS_MAX) {
    return CLIENTS_MAX;
  }
  client_t *client = &relay->clients[relay->client_count];
  client->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (client->fd < 0) {
    return CLIENTS_MAX;
  }
  if (connect(client->fd, (const struct sockaddr *)&relay->server, sizeof(relay->server)) != 0) {
    close(client->fd);
    return CLIENTS_MAX;
  }
  client->address = *address;
  return relay->client_count++;
}

static void read_clients(relay_t *relay) {
  for (;;) {
    uint8_t bytes[DATAGRAM_MAX];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t len =
        recvfrom(relay->listen_fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_len);
    if (len < 0) {
      return;
    }
    size_t client = find_client(relay, &from);
    if (client < CLIENTS_MAX) {
      relay_one(relay, client, true, bytes, (size_t)len);
    }
  }
}

static void read_server(relay_t *relay, size_t client) {
  for (;;) {
    uint8_t bytes[DATAGRAM_MAX];
    ssize_t len = recv(relay->clients[client].fd, bytes, sizeof(bytes), 0);
    if (len < 0) {
      return;
    }
    relay_one(relay, client, false, bytes, (size_t)len);
  }
}

/* Sends what is due; returns the poll time-out until the next. */
static int release_due(relay_t *relay) {
  int64_t now = clock_ms();
  int64_t next = -1;
  for (size_t i = 0; i < HELD_MAX; i++) {
    held_t *held = &relay->held[i];
    if (held->due_ms == 0) {
      continue;
    }
    if (held->due_ms <= now) {
      pass_on(relay, held->client, held->to_server, held->bytes, held->len);
      held->due_ms = 0;
    } else if (next < 0 || held->due_ms - now < next) {
      next = held->due_ms - now;
    }
  }
  return (int)next;
}

static void *relay_main(void *user_data) {
  relay_t *relay = user_data;
  for (;;) {
    struct pollfd polled[2 + CLIENTS_MAX];
    size_t clients = relay->client_count;
    polled[0] = (struct pollfd){relay->stop_fds[0], POLLIN, 0};
    polled[1] = (struct pollfd){relay->listen_fd, POLLIN, 0};
    for (size_t i = 0; i < clients; i++) {
      polled[2 + i] = (struct pollfd){relay->clients[i].fd, POLLIN, 0};
    }
    poll(polled, 2 + clients, release_due(relay));
    if (polled[0].revents != 0) {
      return NULL;
    }
    if (polled[1].revents != 0) {
      read_clients(relay);
    }
    for (size_t i = 0; i < clients; i++) {
      if (polled[2 + i].revents != 0) {
        read_server(relay, i);
      }
    }
  }
}

static void relay_free(relay_t *relay) {
  for (size_t i = 0; i < relay->client_count; i++) {
    close(relay->clients[i].fd);
  }
  close(relay->listen_fd);
  close(relay->stop_fds[0]);
  close(relay->stop_fds[1]);
  free(relay->held);
  free(relay);
}

relay_t *relay_start(uint16_t server_port, uint64_t seed, relay_conditions_t to_server,
                     relay_conditions_t to_client) {
  relay_t *relay = calloc(1, sizeof(*relay));
  if (relay == NULL) {
    return NULL;
  }
  relay->held = calloc(HELD_MAX, sizeof(*relay->held));
  relay->directions[0] = (direction_t){.conditions = to_server, .random = seed};
  relay->directions[1] = (direction_t){.conditions = to_client, .random = ~seed};
  relay->server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(server_port)};
  relay->server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct sockaddr_in any_port = relay->server;
  any_port.sin_port = 0;
  relay->listen_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (pipe(relay->stop_fds) != 0) {
    relay->stop_fds[0] = relay->stop_fds[1] = -1;
  }
  if (relay->held == NULL || relay->stop_fds[0] < 0 || relay->listen_fd < 0 ||
      bind(relay->listen_fd, (struct sockaddr *)&any_port, sizeof(any_port)) != 0 ||
      pthread_create(&relay->thread, NULL, relay_main, relay) != 0) {
    relay_free(relay);
    return NULL;
  }
  return relay;
}

uint16_t relay_port(const relay_t *relay) {
  struct sockaddr_in address;
  socklen_t len = sizeof(address);
  return getsockname(relay->listen_fd, (struct sockaddr *)&address, &len) == 0
             ? ntohs(address.sin_port)
             : 0;
}

void relay_stop(relay_t *relay, relay_count_t *to_server, relay_count_t *to_client) {
  uint8_t stop = 0;
  while (write(relay->stop_fds[1], &stop, 1) != 1) {
  }
  pthread_join(relay->thread, NULL);
  if (to_server != NULL) {
    *to_server = relay->directions[0].count;
  }
  if (to_client != NULL) {
    *to_client = relay->directions[1].count;
  }
  relay_free(relay);
}
