/*
 * A heapless endpoint, serving, notifying and asking, and the stateless server, under any sequence
 * of datagrams: whatever comes, neither reads beyond a datagram, nor writes beyond its memory, nor
 * keeps more under way than its numbers say; every request ends at most once, and every message
 * sent is one.
 *
 * The last byte of the input chooses the endpoint: the whole one, one that only answers, with a
 * single separate response (nothing waits there, as in the smallest server), or one whose requests
 * come up as events. Before it stands a list of records: length (1 byte), flags (1 byte), datagram.
 * The flags say from whom and how it came, how much time passes before, what the endpoint does
 * itself, and whether the datagram's token and Message ID are put right so that it answers what was
 * sent last.
 *
 * SPDX-License-Identifier: MIT
 */
#include <acoap/tiny.h>

#include <string.h>

#include "base/random.h"
#include "fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
  FLAG_MULTICAST = 1,
  FLAG_TIME = 2 | 4, /* none, a little, an ACK_TIMEOUT, beyond EXCHANGE_LIFETIME */
  FLAG_STRANGER = 8,
  FLAG_TOKEN = 16,
  FLAG_MESSAGE_ID = 32,
  FLAG_ACT = 64 | 128 /* nothing, ask, notify, answer what is owed */
};

enum {
  REQUESTS = 2,
  RESPONSES = 2,
  HEARD = 6,
  PEERS = 2,
  REPLY_BYTES = 200,
  MESSAGE_BYTES = 96,
  GUARD = 32
};

static struct world {
  acoap_tiny_t *tiny;
  acoap_time_t now;
  acoap__seeded_t seed;
  uint8_t last[16]; /* header and token of what was sent last */
  size_t last_len;
  int open[REQUESTS + 1]; /* exchanges under way */
  acoap_tiny_inbound_t owed;
  bool owes;
  const acoap_tiny_config_t *config;
  size_t memory_len; /* what it needs */
  acoap_tiny_download_t download;
  acoap_tiny_upload_t upload;
} world;

static _Alignas(max_align_t) uint8_t
    memory[ACOAP_TINY_MEMORY(REQUESTS, RESPONSES, HEARD, PEERS, REPLY_BYTES, MESSAGE_BYTES, 1) +
           GUARD];

/* ---- a server -------------------------------------------------------------------------------- */

static acoap_tiny_observer_t list[2];
static acoap_tiny_observers_t observers;
static acoap_tiny_body_t body;
static uint8_t store[256];

static int get_state(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_tiny_observe(&observers, request, answer);
  acoap_builder_payload(answer, "a state of some length", 22);
  return ACOAP_TINY_SEND;
}

static int get_store(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_tiny_slice_t slice;
  size_t room = 0;
  if (acoap_tiny_slice_begin(request->view, answer, sizeof(store), &slice)) {
    uint8_t *at = acoap_builder_payload_room(answer, &room);
    MUST(slice.offset <= sizeof(store) && slice.len <= sizeof(store) - slice.offset);
    if (at == NULL || room < slice.len) {
      return ACOAP_ENOSPACE;
    }
    memcpy(at, store + slice.offset, slice.len);
    acoap_builder_payload_commit(answer, slice.len);
  }
  return ACOAP_TINY_SEND;
}

static int put_store(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_tiny_slice_t slice;
  if (acoap_tiny_body_block(&body, request, answer, &slice) >= 0) {
    MUST(slice.len == request->view->payload.len);
    if (slice.offset > sizeof(store) || slice.len > sizeof(store) - slice.offset) {
      acoap_tiny_error(answer, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
    } else if (slice.len > 0) {
      memcpy(store + slice.offset, request->view->payload.data, slice.len);
    }
  }
  return ACOAP_TINY_SEND;
}

static int get_later(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  (void)answer;
  if (request->inbound == NULL) {
    return ACOAP_EINVAL;
  }
  world.owed = *request->inbound;
  world.owes = true;
  return ACOAP_TINY_LATER;
}

static const acoap_tiny_resource_t resources[] = {
    {"/s", ACOAP_CODE_GET, 0, 0, get_state, ";rt=\"s\";obs", NULL},
    {"/b", ACOAP_CODE_GET, ACOAP_TINY_BLOCK2, 42, get_store, "", NULL},
    {"/b", ACOAP_CODE_PUT, ACOAP_TINY_BLOCK1 | ACOAP_TINY_CONDITIONAL, 42, put_store, NULL, NULL},
    {"/l", ACOAP_CODE_POST, ACOAP_TINY_ACCEPT, -1, get_later, "", NULL},
    ACOAP_TINY_WELL_KNOWN(acoap_tiny_well_known_filtered),
    {0},
};

/* ---- the world ------------------------------------------------------------------------------- */

static int send_datagram(void *user_data, const acoap_address_t *peer, acoap_bytes_t bytes) {
  acoap_view_t view;
  (void)user_data;
  MUST(peer->family == ACOAP_FAMILY_IPV4);
  MUST(bytes.len <= MESSAGE_BYTES);
  MUST(acoap_decode(&view, bytes.data, bytes.len, ACOAP_TOKEN_MAX, NULL) == 0);
  world.last_len = bytes.len < sizeof(world.last) ? bytes.len : sizeof(world.last);
  memcpy(world.last, bytes.data, world.last_len);
  return world.seed.state % 13 == 0 ? ACOAP_EUNREACHABLE : 0;
}

static void draw_entropy(void *user_data, uint8_t *bytes, size_t len) {
  (void)user_data;
  acoap__seeded_fill(&world.seed, bytes, len);
}

static const acoap_tiny_config_t configs[] = {{.requests = REQUESTS,
                                               .responses = RESPONSES,
                                               .exchanges_in = HEARD,
                                               .peers = PEERS,
                                               .reply_bytes = REPLY_BYTES,
                                               .message_bytes = MESSAGE_BYTES,
                                               .groups = true,
                                               .waiting = acoap_tiny_waiting,
                                               .send = send_datagram,
                                               .entropy = draw_entropy,
                                               .serve = acoap_tiny_serve,
                                               .resources = resources},
                                              {.responses = 1,
                                               .exchanges_in = 4,
                                               .peers = 1,
                                               .reply_bytes = 60,
                                               .message_bytes = MESSAGE_BYTES,
                                               .send = send_datagram,
                                               .entropy = draw_entropy,
                                               .serve = acoap_tiny_serve,
                                               .resources = resources},
                                              {.requests = REQUESTS,
                                               .responses = RESPONSES,
                                               .exchanges_in = HEARD,
                                               .peers = PEERS,
                                               .reply_bytes = REPLY_BYTES,
                                               .message_bytes = MESSAGE_BYTES,
                                               .send = send_datagram,
                                               .entropy = draw_entropy,
                                               .waiting = acoap_tiny_waiting}};

static acoap_address_t address_of(uint8_t flags) {
  acoap_address_t address = {.family = ACOAP_FAMILY_IPV4, .port = 5683, .ip = {192, 0, 2, 1}};
  address.ip[3] = (flags & FLAG_STRANGER) != 0 ? 9 : 1;
  return address;
}

static void ask(uint8_t flags) {
  acoap_address_t peer = address_of(flags);
  acoap_builder_t request;
  acoap_tiny_slice_t slice = {0, 0};
  bool put = (flags & FLAG_TOKEN) != 0;
  int exchange =
      acoap_tiny_request_begin(world.tiny, put ? ACOAP_CODE_PUT : ACOAP_CODE_GET, &request);
  if (exchange < 0) {
    MUST(exchange == ACOAP_EEXHAUSTED);
    return;
  }
  if (put) {
    acoap_tiny_upload_option(&world.upload, &request, &slice);
    MUST(slice.len <= 16);
    acoap_builder_payload(&request, store, slice.len);
  } else {
    acoap_tiny_download_option(&world.download, &request);
  }
  if (acoap_tiny_request_send(world.tiny, world.now, exchange, &peer,
                              (flags & FLAG_MESSAGE_ID) != 0 ? ACOAP_NON : ACOAP_CON,
                              (flags & FLAG_STRANGER) != 0, &request) == 0) {
    for (int i = 0; i <= REQUESTS; i++) {
      MUST(i < REQUESTS);
      if (world.open[i] == 0) {
        world.open[i] = exchange;
        break;
      }
    }
  }
}

/* Now, later, never or not at all, as the request's Message ID has it. */
static void take_request(const acoap_tiny_event_t *event) {
  acoap_tiny_inbound_t inbound = event->inbound;
  acoap_builder_t answer;
  switch (inbound.message_id % 4) {
  case 0:
    (void)acoap_tiny_reset(world.tiny, world.now, &inbound);
    break;
  case 1:
    if (acoap_tiny_answer_begin(world.tiny, &inbound, &answer) == 0) {
      acoap_builder_payload(&answer, event->view.payload.data, event->view.payload.len);
      (void)acoap_tiny_answer_send(world.tiny, world.now, &inbound, &answer);
    }
    break;
  case 2:
    (void)acoap_tiny_acknowledge(world.tiny, world.now, &inbound);
    break;
  default:
    break;
  }
  if (!inbound.answered) {
    world.owed = inbound;
    world.owes = true;
  }
}

static void poll_all(void) {
  acoap_tiny_event_t event;
  for (int turns = 0; acoap_tiny_poll(world.tiny, world.now, &event); turns++) {
    MUST(turns < 100);
    if (event.kind == ACOAP_TINY_REQUEST) {
      MUST(world.config->serve == NULL);
      take_request(&event);
    }
    if (event.exchange == 0) {
      continue;
    }
    int place = 0;
    while (place < REQUESTS && world.open[place] != event.exchange) {
      place++;
    }
    MUST(place < REQUESTS); /* it was open: nothing ends twice */
    if (event.closed) {
      world.open[place] = 0;
    }
    if (event.kind == ACOAP_TINY_RESPONSE) {
      uint32_t offset = world.download.offset;
      int more = acoap_tiny_download_take(&world.download, &event.view);
      MUST(more <= 0 || world.download.offset > offset);
      if (more <= 0) {
        acoap_tiny_download_init(&world.download, 64);
      }
      more = acoap_tiny_upload_take(&world.upload, &event.view);
      MUST(world.upload.offset <= world.upload.total);
      if (more <= 0) {
        acoap_tiny_upload_init(&world.upload, 100, 16);
      }
    }
  }
}

static void act(uint8_t flags) {
  acoap_builder_t answer;
  acoap_address_t peer = address_of(flags);
  switch (flags >> 6) {
  case 1:
    ask(flags);
    break;
  case 2:
    acoap_tiny_notify(world.tiny, &observers);
    break;
  case 3:
    if (!world.owes) {
      (void)acoap_tiny_ping(world.tiny, world.now, &peer);
    } else if (acoap_tiny_answer_begin(world.tiny, &world.owed, &answer) == 0) {
      acoap_builder_payload(&answer, "late", 4);
      world.owes = acoap_tiny_answer_send(world.tiny, world.now, &world.owed, &answer) != 0;
    }
    break;
  default:
    break;
  }
}

static void pass_time(uint8_t flags) {
  static const acoap_time_t steps[] = {0, 100, 3000, 300000};
  acoap_time_t until = world.now + steps[(flags & FLAG_TIME) >> 1];
  for (int turns = 0;; turns++) {
    acoap_time_t wake = acoap_tiny_next_wake(world.tiny);
    MUST(turns < 1000);
    if (wake > until) {
      break;
    }
    world.now = wake > world.now ? wake : world.now;
    poll_all();
  }
  world.now = until;
}

static void hand_in(uint8_t flags, const uint8_t *bytes, size_t len) {
  static acoap_tiny_stateless_t stateless = {.resources = resources, .serve = acoap_tiny_serve};
  acoap_address_t peer = address_of(flags);
  uint8_t *datagram = malloc(len > 0 ? len : 1);
  uint8_t out[40];
  acoap_view_t view;

  MUST(datagram != NULL);
  memcpy(datagram, bytes, len);
  if (len >= 4 && world.last_len >= 4) {
    size_t token_len = world.last[0] & 15u;
    if ((flags & FLAG_MESSAGE_ID) != 0) {
      memcpy(datagram + 2, world.last + 2, 2);
    }
    if ((flags & FLAG_TOKEN) != 0 && len >= 4 + token_len && world.last_len >= 4 + token_len) {
      datagram[0] = (uint8_t)((datagram[0] & 0xf0) | token_len);
      memcpy(datagram + 4, world.last + 4, token_len);
    }
  }
  int answer = acoap_tiny_stateless_answer(
      &stateless, world.now, &peer, (flags & FLAG_MULTICAST) != 0, datagram, len, out, sizeof(out));
  MUST(answer >= 0 && answer <= (int)sizeof(out));
  MUST(answer == 0 || acoap_decode(&view, out, (size_t)answer, ACOAP_TOKEN_MAX, NULL) == 0);
  int status = (flags & FLAG_MULTICAST) != 0
                   ? acoap_tiny_receive_multicast(world.tiny, world.now, &peer, datagram, len)
                   : acoap_tiny_receive(world.tiny, world.now, &peer, datagram, len);
  MUST(status == 0);
  poll_all();
  free(datagram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  memset(&world, 0, sizeof(world));
  memset(list, 0, sizeof(list));
  memset(&body, 0, sizeof(body));
  observers = (acoap_tiny_observers_t){.list = list, .count = 2, .confirm_every = 2};
  world.config = &configs[size > 0 ? data[size - 1] % 3 : 0];
  world.memory_len = acoap_tiny_memory(world.config);
  MUST(world.memory_len > 0 && world.memory_len <= sizeof(memory) - GUARD);
  memset(memory + world.memory_len, 0xa5, GUARD);
  world.now = 1000;
  acoap_tiny_download_init(&world.download, 64);
  acoap_tiny_upload_init(&world.upload, 100, 16);
  MUST(acoap_tiny_init(memory, world.memory_len, world.config, &world.tiny) == 0);
  size -= size > 0 ? 1 : 0;
  for (size_t at = 0; at + 2 <= size;) {
    size_t len = data[at];
    uint8_t flags = data[at + 1];
    at += 2;
    len = len < size - at ? len : size - at;
    pass_time(flags);
    act(flags);
    hand_in(flags, data + at, len);
    at += len;
  }
  for (int i = 0; i < REQUESTS; i++) {
    acoap_tiny_request_cancel(world.tiny, world.now, world.open[i]);
    world.open[i] = 0;
  }
  /* All is over within a day at most, and nothing is left to be done. */
  for (int turns = 0; acoap_tiny_next_wake(world.tiny) != ACOAP_TIME_NEVER; turns++) {
    acoap_time_t wake = acoap_tiny_next_wake(world.tiny);
    MUST(turns < 1000);
    world.now = wake > world.now ? wake : world.now;
    poll_all();
  }
  for (size_t i = world.memory_len; i < world.memory_len + GUARD; i++) {
    MUST(memory[i] == 0xa5);
  }
  return 0;
}
