/*
 * The record input of a DTLS client and a DTLS server (RFC 6347): both sockets on a wire on which
 * the input delivers, loses, changes, cuts, joins, repeats and invents datagrams, lets time pass,
 * and lets both sides speak and end their sessions. Whatever comes, nothing crashes or leaks; what
 * a side is handed is what the other one said, each at most once (integrity, replay); tables keep
 * their bounds; in the end no handshake is left.
 *
 * The input: one byte (how both prove themselves), then steps of three bytes, as `step` reads them.
 * Random numbers are the input's, so that a run can be repeated.
 * SPDX-License-Identifier: MIT
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method: there is no newer way for a test */
#include <acoap/dtls.h>
#include <acoap/sim.h>

#include <openssl/rand.h>
#include <string.h>

#include "fuzz/must.h"
#include "support/dtls_pair.h"
#include "support/virtual_clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
  DATAGRAM_MAX = 1300,
  QUEUE_MAX = 48,
  SAID_MAX = 64,
  SESSIONS_MAX = 4,
  STEPS_MAX = 200,
  INJECTED_MAX = 96,
  CLIENT = 0,
  SERVER = 1
};

/* A datagram on the wire. */
typedef struct letter {
  size_t len;
  uint8_t bytes[DATAGRAM_MAX];
} letter_t;

/* One of the two. */
typedef struct side {
  acoap_socket_t wire; /* what the DTLS socket goes around; first */
  acoap_socket_t *dtls;
  const acoap_socket_events_t *events; /* of the DTLS socket, for the wire */
  void *user_data;
  acoap_address_t address;
  letter_t queue[QUEUE_MAX]; /* on the way to it */
  unsigned queued;
  letter_t last;           /* what arrived last */
  unsigned said;           /* by it */
  uint8_t heard[SAID_MAX]; /* how often it was handed what the other said */
  acoap_path_t path;       /* of what it was handed last */
  unsigned closed;
} side_t;

static side_t sides[2];
static acoap_sim_t *sim;
static acoap_credentials_t *credentials[2][2]; /* manner, side */

/* ---- random numbers -------------------------------------------------------------------------- */

static uint64_t state;

static int random_bytes(unsigned char *bytes, int len) {
  for (int i = 0; i < len; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = (unsigned char)(state >> 56);
  }
  return 1;
}

static int random_status(void) {
  return 1;
}

static RAND_METHOD method = {
    .bytes = random_bytes, .pseudorand = random_bytes, .status = random_status};

/* ---- the wire -------------------------------------------------------------------------------- */

static side_t *side_of(acoap_socket_t *socket) {
  return (side_t *)(void *)socket;
}

static int wire_start(acoap_socket_t *socket, const acoap_socket_events_t *events,
                      void *user_data) {
  side_of(socket)->events = events;
  side_of(socket)->user_data = user_data;
  return 0;
}

static int wire_send(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch, size_t count) {
  side_t *other = &sides[socket == &sides[CLIENT].wire ? SERVER : CLIENT];
  for (size_t i = 0; i < count; i++) {
    MUST(batch[i].bytes.len > 0 && batch[i].bytes.len <= DATAGRAM_MAX);
    if (other->queued < QUEUE_MAX) {
      letter_t *letter = &other->queue[other->queued++];
      letter->len = batch[i].bytes.len;
      memcpy(letter->bytes, batch[i].bytes.data, letter->len);
    }
  }
  return (int)count;
}

static int wire_address(acoap_socket_t *socket, acoap_address_t *address) {
  *address = side_of(socket)->address;
  return 0;
}

static void wire_close(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  side_of(socket)->events = NULL;
  closed(user_data);
}

static const acoap_socket_ops_t wire_ops = {.size = sizeof(acoap_socket_ops_t),
                                            .start = wire_start,
                                            .send = wire_send,
                                            .local_address = wire_address,
                                            .close = wire_close};

static void arrive(side_t *side, const uint8_t *bytes, size_t len) {
  acoap_incoming_datagram_t datagram = {.bytes = {bytes, len}};
  datagram.path.peer = sides[side == &sides[CLIENT] ? SERVER : CLIENT].address;
  side->last.len = len;
  memmove(side->last.bytes, bytes, len);
  datagram.bytes.data = side->last.bytes;
  side->events->received(side->user_data, &datagram, 1);
}

static bool take(side_t *side, letter_t *letter) {
  if (side->queued == 0) {
    return false;
  }
  *letter = side->queue[0];
  memmove(&side->queue[0], &side->queue[1], --side->queued * sizeof(letter_t));
  return true;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static void on_received(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  side_t *side = user_data;
  const side_t *other = &sides[side == &sides[CLIENT] ? SERVER : CLIENT];
  for (size_t i = 0; i < count; i++) {
    acoap_bytes_t bytes = datagrams[i].bytes;
    MUST(bytes.len == 3 && bytes.data[0] == 0x5a && bytes.data[1] == (side == &sides[CLIENT]));
    MUST(bytes.data[2] < other->said && side->heard[bytes.data[2]]++ == 0);
    MUST(datagrams[i].path.session != 0 && datagrams[i].path.identity != NULL);
    side->path = datagrams[i].path;
  }
}

static void on_peer(void *user_data, const acoap_peer_notice_t *notice) {
  (void)user_data;
  MUST(notice->event == ACOAP_PEER_ESTABLISHED || notice->status < 0);
}

static const acoap_socket_events_t events = {
    .size = sizeof(acoap_socket_events_t), .received = on_received, .peer = on_peer};

static void on_closed(void *user_data) {
  ((side_t *)user_data)->closed++;
}

/* Into the session of what was heard last, or into any. */
static void say(side_t *side, bool in_session) {
  acoap_path_t path = {.peer = sides[side == &sides[CLIENT] ? SERVER : CLIENT].address};
  uint8_t bytes[3] = {0x5a, side == &sides[SERVER], (uint8_t)side->said};
  acoap_outgoing_datagram_t datagram = {.path = &path, .bytes = {bytes, sizeof(bytes)}};
  if (side->said == SAID_MAX) {
    return;
  }
  path.session = in_session ? side->path.session : 0;
  side->said++;
  (void)side->dtls->ops->send(side->dtls, &datagram, 1);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void pass_time(acoap_time_t ms) {
  acoap_sim_run_until(sim, acoap_sim_now(sim) + ms);
  for (unsigned i = 0; i < 2; i++) {
    if (sides[i].dtls->ops->next_wake(sides[i].dtls) <= acoap_sim_now(sim)) {
      sides[i].dtls->ops->run(sides[i].dtls, acoap_sim_now(sim));
    }
  }
}

/* Change, cut or join the next datagram, or repeat the last one. */
static void tamper(side_t *side, uint8_t how, uint8_t where) {
  letter_t letter;
  letter_t next;
  if ((how & 12) == 12) {
    letter = side->last;
    arrive(side, letter.bytes, letter.len);
    return;
  }
  if (!take(side, &letter)) {
    return;
  }
  if ((how & 12) == 0) {
    letter.bytes[where % letter.len] ^= (uint8_t)(1u << (how >> 5));
  } else if ((how & 12) == 4) {
    letter.len = where % letter.len + 1;
  } else if (take(side, &next)) {
    size_t more = next.len < DATAGRAM_MAX - letter.len ? next.len : DATAGRAM_MAX - letter.len;
    memcpy(letter.bytes + letter.len, next.bytes, more);
    letter.len += more;
  }
  arrive(side, letter.bytes, letter.len);
}

static void act(uint8_t what, uint8_t which) {
  side_t *side = &sides[which & 1];
  switch (what % 4) {
  case 0:
    say(side, false);
    break;
  case 1:
    say(side, true);
    break;
  case 2:
    (void)acoap_dtls_socket_disconnect(side->dtls, &sides[(which & 1) == 0].address);
    break;
  default:
    say(&sides[CLIENT], false);
    say(&sides[SERVER], false);
    break;
  }
}

/* Returns how many bytes of the input it took. */
static size_t step(const uint8_t *data, size_t size) {
  static const uint16_t times[] = {1, 250, 1000, 4000, 46000};
  side_t *side = &sides[data[1] & 1];
  letter_t letter;
  switch (data[0] & 7) {
  case 0:
  case 1: /* arrives; several at once */
    for (unsigned i = 0; i <= data[2] % 8u && take(side, &letter); i++) {
      arrive(side, letter.bytes, letter.len);
    }
    break;
  case 2: /* lost */
    (void)take(side, &letter);
    break;
  case 3:
  case 4:
    tamper(side, data[1], data[2]);
    break;
  case 5: /* invented */
    size = size - 3 < data[2] % INJECTED_MAX ? size - 3 : data[2] % INJECTED_MAX;
    if (size > 0) {
      arrive(side, data + 3, size);
    }
    return 3 + size;
  case 6:
    pass_time(times[data[1] % 5]);
    break;
  default:
    act(data[1], data[2]);
    break;
  }
  return 3;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static void make_credentials(void) {
  acoap_credentials_options_t psk = {.size = sizeof(psk), .ciphers = "PSK-AES128-CCM8"};
  acoap_credentials_options_t server = {.size = sizeof(server),
                                        .certificate_file = PKI("server.pem"),
                                        .key_file = PKI("server.key"),
                                        .trust_file = PKI("authority.pem")};
  acoap_credentials_options_t client = {.size = sizeof(client),
                                        .certificate_file = PKI("client.pem"),
                                        .key_file = PKI("client.key"),
                                        .trust_file = PKI("authority.pem")};
  psk.psk_identity = (acoap_bytes_t){(const uint8_t *)"lamp", 4};
  psk.psk_key = (acoap_bytes_t){(const uint8_t *)"secret", 6};
  MUST(acoap_credentials_new(&psk, &credentials[0][SERVER]) == 0);
  MUST(acoap_credentials_new(&psk, &credentials[0][CLIENT]) == 0);
  MUST(acoap_credentials_new(&server, &credentials[1][SERVER]) == 0);
  MUST(acoap_credentials_new(&client, &credentials[1][CLIENT]) == 0);
}

static void open_side(unsigned which, unsigned manner) {
  side_t *side = &sides[which];
  acoap_dtls_options_t options = {.size = sizeof(options), .sessions_max = SESSIONS_MAX};
  memset(side, 0, sizeof(*side));
  side->wire.ops = &wire_ops;
  side->address.family = ACOAP_FAMILY_IPV4;
  side->address.ip[0] = 10;
  side->address.ip[3] = (uint8_t)(1 + which);
  side->address.port = 5684;
  options.credentials = credentials[manner][which];
  MUST(acoap_dtls_socket_new(acoap_sim_host(sim), &side->wire, &options, &side->dtls) == 0);
  MUST(side->dtls->ops->start(side->dtls, &events, side) == 0);
}

/* Nothing comes any more: handshakes end in their time. */
static void silence(void) {
  for (unsigned i = 0; i < 60; i++) {
    sides[CLIENT].queued = 0;
    sides[SERVER].queued = 0;
    pass_time(1000);
  }
  for (unsigned i = 0; i < 2; i++) {
    acoap_time_t next = sides[i].dtls->ops->next_wake(sides[i].dtls);
    MUST(next > acoap_sim_now(sim) + 60000); /* nothing but the end of idle sessions */
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 4) {
    return 0;
  }
  if (credentials[0][0] == NULL) {
    make_credentials();
    MUST(RAND_set_rand_method(&method) == 1);
  }
  state = 1;
  MUST(acoap_sim_new(1, 1000, &sim) == 0);
  virtual_clock_follow(sim);
  open_side(CLIENT, data[0] & 1);
  open_side(SERVER, data[0] & 1);
  say(&sides[CLIENT], false);
  data++;
  size--;
  for (unsigned steps = 0; size >= 3 && steps < STEPS_MAX; steps++) {
    size_t taken = step(data, size);
    data += taken;
    size -= taken;
    for (unsigned i = 0; i < 2; i++) {
      acoap_dtls_stats_t stats = {.size = sizeof(stats)};
      MUST(acoap_dtls_socket_stats(sides[i].dtls, &stats) == 0 && stats.sessions <= SESSIONS_MAX);
    }
  }
  silence();
  for (unsigned i = 0; i < 2; i++) {
    acoap_socket_close(sides[i].dtls, on_closed, &sides[i]);
    MUST(sides[i].closed == 1);
  }
  virtual_clock_follow(NULL);
  acoap_sim_free(sim);
  return 0;
}
