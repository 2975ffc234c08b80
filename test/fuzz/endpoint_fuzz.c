/*
 * A whole endpoint, serving and asking, under any sequence of datagrams: whatever comes, it neither
 * crashes nor leaks, every request ends at most once without `keep`, requests handed up are within
 * their bound, and a closed endpoint says so.
 *
 * The input is a list of records: length (1 byte), flags (1 byte), datagram. The flags say from
 * whom and how it came, how much time passes before, whether the endpoint asks something first, and
 * whether the datagram's token and Message ID are put right so that it answers what the endpoint
 * sent last.
 *
 * SPDX-License-Identifier: MIT
 */
#include <acoap/sim.h>

#include <string.h>

#include "endpoint/local_endpoint.h"
#include "fuzz/wire.h"
#include "support/fail_alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
  FLAG_MULTICAST = 1,
  FLAG_TIME = 2 | 4, /* none, a little, an ACK_TIMEOUT, beyond EXCHANGE_LIFETIME */
  FLAG_STRANGER = 8,
  FLAG_ASK = 16,
  FLAG_TOKEN = 32,
  FLAG_MESSAGE_ID = 64,
  FLAG_KEPT = 128, /* answer a request that was kept */
  ASKS_MAX = 4,
  RECORDS_MAX = 64,
  REQUESTS_OPEN_MAX = 3
};

/* A request of the endpoint's own. */
typedef struct ask {
  acoap__interaction_t interaction;
  acoap_path_t way; /* lent to it */
  acoap_local_endpoint_t *endpoint;
  uint8_t bytes[32];
  bool keep;
  unsigned responses;
  unsigned failures;
} ask_t;

static uint8_t last[12]; /* header and token of what was sent last */
static size_t last_len;
static acoap_request_t *kept;
static ask_t asks[ASKS_MAX];
static size_t asked;
static unsigned handed_up;

static void note_datagram(const acoap_outgoing_datagram_t *datagram) {
  MUST(datagram->bytes.len >= 4);
  last_len = datagram->bytes.len < sizeof(last) ? datagram->bytes.len : sizeof(last);
  memcpy(last, datagram->bytes.data, last_len);
}

/* What the handler does with a request depends on its payload's first byte. */
static void receive(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_bytes_t payload = acoap_message_payload(acoap_request_message(request));
  handed_up++;
  switch (payload.len > 0 ? payload.data[0] % 8 : 0) {
  case 0:
    acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "x", 1);
    break;
  case 1:
    acoap_request_ignore(request);
    break;
  case 2:
    acoap_request_reset(request);
    break;
  case 3:
    acoap_request_acknowledge(request);
    /* fall through */
  case 4:
    acoap_request_unref(kept);
    kept = acoap_request_ref(request);
    break;
  case 5:
    acoap_request_begin(request, ACOAP_CODE_NOT_FOUND);
    acoap_request_send(request, ACOAP_RELIABLE);
    break;
  case 6:
    acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, payload.data,
                          payload.len);
    acoap_request_unref(kept);
    kept = acoap_request_ref(request);
    break;
  default:
    break;
  }
}

static acoap_local_endpoint_t *endpoint_new(acoap_sim_t *sim) {
  acoap_socket_t *socket = wire_open(1, 5683, note_datagram);
  acoap_local_endpoint_t *endpoint = NULL;
  acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                            .host = acoap_sim_host(sim),
                                            .sockets = &socket,
                                            .socket_count = 1,
                                            .peers = 4,
                                            .dedup_con = 8,
                                            .dedup_non = 8,
                                            .reply_bytes = 512,
                                            .queue_per_peer = 2,
                                            .requests_open_max = REQUESTS_OPEN_MAX};
  last_len = 0;
  MUST(acoap_local_endpoint_new(NULL, &options, &endpoint) == 0);
  acoap_local_endpoint_receive(endpoint, receive, NULL);
  return endpoint;
}

static void pass_time(acoap_sim_t *sim, uint8_t flags) {
  static const acoap_time_t steps[] = {0, 10, 3000, 300000};
  acoap_sim_run_until(sim, acoap_sim_now(sim) + steps[(flags & FLAG_TIME) >> 1]);
}

static void ask_response(acoap__interaction_t *interaction, acoap_time_t now,
                         const acoap_path_t *from, const acoap_view_t *view, bool piggybacked) {
  ask_t *ask = interaction->owner;
  (void)now;
  (void)piggybacked;
  ask->responses++;
  /* What a client does with it: take the message, look, let go. */
  acoap_message_t *message = acoap__message_take(ask->endpoint, from, view);
  MUST(message != NULL);
  MUST(acoap_message_payload(message).data != NULL);
  acoap_message_unref(message);
}

static void ask_failed(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  ask_t *ask = interaction->owner;
  (void)now;
  MUST(status < 0);
  ask->failures++;
}

static const acoap__interaction_events_t ask_events = {
    .response = ask_response,
    .failed = ask_failed,
};

static void ask_something(acoap_local_endpoint_t *endpoint, const acoap_address_t *peer,
                          uint8_t flags) {
  if (asked == ASKS_MAX) {
    return;
  }
  ask_t *ask = &asks[asked++];
  acoap_builder_t builder;
  acoap_path_t path;
  uint8_t token[8];
  memset(ask, 0, sizeof(*ask));
  memset(&path, 0, sizeof(path));
  path.peer = *peer;
  ask->endpoint = endpoint;
  ask->keep = (flags & FLAG_MULTICAST) != 0;
  acoap__interaction_init(&ask->interaction, &ask->way, &ask_events, ask);
  acoap__engine_new_token(&endpoint->engine, token);
  acoap_builder_init(&builder, ask->bytes, sizeof(ask->bytes), ACOAP_CON, ACOAP_CODE_GET, 0, token,
                     sizeof(token));
  acoap__request_options_t options = {.keep = ask->keep};
  (void)acoap__interaction_send(&endpoint->engine, acoap__local_endpoint_now(endpoint),
                                &ask->interaction, &path, ask->bytes, builder.len,
                                (flags & FLAG_STRANGER) != 0 ? ACOAP_NON : ACOAP_CON, &options);
}

static void ask_done(ask_t *ask) {
  MUST(ask->failures <= 1);
  MUST(ask->keep || ask->responses + ask->failures <= 1);
  acoap__interaction_close(&ask->endpoint->engine, acoap__local_endpoint_now(ask->endpoint),
                           &ask->interaction);
}

static void deliver(acoap_local_endpoint_t *endpoint, acoap_sim_t *sim, uint8_t flags,
                    const uint8_t *bytes, size_t len) {
  uint8_t copy[256];
  acoap_path_t path = {.local = wire.here, .multicast = (flags & FLAG_MULTICAST) != 0};
  memcpy(copy, bytes, len);
  path.peer = (acoap_address_t){.family = ACOAP_FAMILY_IPV4,
                                .port = 5683,
                                .ip = {192, 0, 2, (flags & FLAG_STRANGER) != 0 ? 9 : 2}};
  pass_time(sim, flags);
  if ((flags & FLAG_ASK) != 0) {
    ask_something(endpoint, &path.peer, flags);
  }
  if ((flags & FLAG_KEPT) != 0 && kept != NULL) {
    acoap_request_respond(kept, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "y", 1);
  }
  if ((flags & FLAG_MESSAGE_ID) != 0 && len >= 4 && last_len >= 4) {
    memcpy(copy + 2, last + 2, 2);
  }
  if ((flags & FLAG_TOKEN) != 0 && len >= 12 && last_len == 12) {
    copy[0] = (uint8_t)((copy[0] & 0xf0) | 8);
    memcpy(copy + 4, last + 4, 8);
  }
  wire_hear_lent(&path, copy, len);
  MUST(endpoint->requests_open <= REQUESTS_OPEN_MAX);
}

static void closed(void *user_data) {
  *(bool *)user_data = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  acoap_sim_t *sim = NULL;
  bool is_closed = false;
  size_t at = 0;
  fail_alloc_install();
  MUST(acoap_sim_new(1, 1000, &sim) == 0);
  acoap_local_endpoint_t *endpoint = endpoint_new(sim);
  asked = 0;
  handed_up = 0;
  for (size_t n = 0; n < RECORDS_MAX && at + 2 <= size; n++) {
    size_t len = data[at];
    len = len < size - at - 2 ? len : size - at - 2;
    deliver(endpoint, sim, data[at + 1], data + at + 2, len);
    at += 2 + len;
  }
  acoap_sim_run_until(sim, acoap_sim_now(sim) + 600000);
  for (size_t i = 0; i < asked; i++) {
    ask_done(&asks[i]);
  }
  acoap_local_endpoint_close(endpoint, closed, &is_closed);
  acoap_sim_run_until(sim, acoap_sim_now(sim) + 1);
  MUST(is_closed);
  kept = acoap_request_unref(kept);
  acoap_sim_free(sim);
  MUST(fail_alloc_live() == 0);
  fail_alloc_restore();
  return 0;
}
