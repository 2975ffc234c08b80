/*
 * A whole server with resources of every kind, driven by several peers: requests with blocks,
 * tokens, observations, conditions and Echoes that are right more often than not, bytes that are no
 * message, kept requests answered later, changes, resources that come and go, time. Whatever comes,
 * nothing crashes or leaks, every table stays within its bound, what has to end ends exactly once,
 * and nobody who has not shown that he is there gets more than three bytes for one
 * (RFC 9175 section 2.4).
 *
 * The input is a program: the first byte says how the server is made, then each step is an opcode
 * and what it takes. A request is made of a few bytes that choose, so that mutation works where the
 * server looks.
 *
 * SPDX-License-Identifier: MIT
 */
#include "fuzz/server_fuzz_requests.h"
#include "fuzz/server_fuzz_resources.h"
#include "fuzz/wire.h"
#include "support/fail_alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
  STEPS_MAX = 80,
  PEERS = 8,
  TRANSFERS_MAX = 6,
  BODIES_MAX = 6000,
  OBSERVERS_MAX = 5,
  ADDRESSES_MAX = 6,
  KEEPS_SERVER = 1,   /* of the first byte: the endpoint closes before the server is freed */
  KEEPS_REQUESTS = 2, /* ... before what is kept is let go */
  LIMITS_RATE = 4,
  LIMITS_AMPLIFICATION = 8,
  SHEDS_WITH_RESET = 16,
  SMALL_BLOCKS = 32,
  SMALL_SETS = 64 /* MAX_PAYLOADS of RFC 9177 is 3 */
};

static peer_t peers[PEERS];
static uint8_t mode;

/* ---- the wire -------------------------------------------------------------------------------- */

static acoap_address_t address_of(unsigned n) {
  return (acoap_address_t){.family = ACOAP_FAMILY_IPV4,
                           .port = (uint16_t)(40000 + n),
                           .ip = {192, 0, 2, (uint8_t)(10 + n)}};
}

static void remember(const acoap_view_t *view, acoap_bytes_t *value, uint16_t number, uint8_t *to,
                     size_t *len, size_t cap) {
  if (acoap_view_option(view, number, 0, value) && value->len <= cap && value->len > 0) {
    memcpy(to, value->data, value->len);
    *len = value->len;
  }
}

static void note_sent(peer_t *peer, const acoap_view_t *view) {
  acoap_bytes_t value;
  remember(view, &value, ACOAP_OPTION_ETAG, peer->etag, &peer->etag_len, sizeof(peer->etag));
  remember(view, &value, ACOAP_OPTION_ECHO, peer->echo, &peer->echo_len, sizeof(peer->echo));
  if (view->type == ACOAP_CON) {
    peer->asked = view->message_id;
    peer->asked_token_len = view->token.len;
    if (view->token.len > 0) {
      memcpy(peer->asked_token, view->token.data, view->token.len);
    }
  }
}

static void note_datagram(const acoap_outgoing_datagram_t *datagram) {
  acoap_view_t view;
  unsigned n = datagram->path->peer.port - 40000u;
  MUST(n < PEERS && datagram->bytes.len <= 1152);
  MUST(acoap_decode(&view, datagram->bytes.data, datagram->bytes.len, 8, NULL) == 0);
  MUST(!datagram->path->multicast);
  peer_t *peer = &peers[n];
  peer->sent += datagram->bytes.len;
  MUST((mode & LIMITS_AMPLIFICATION) == 0 || peer->known || peer->sent <= peer->allowed);
  note_sent(peer, &view);
}

static void hear(unsigned n, bool multicast, const uint8_t *bytes, size_t len) {
  acoap_path_t path = {.peer = address_of(n), .local = wire.here, .multicast = multicast};
  peers[n].allowed += 3 * len > 136 ? 3 * len : 136;
  wire_hear(&path, bytes, len);
}

/* ---- requests -------------------------------------------------------------------------------- */

/*
 * Resources are made when they are first asked for, since most inputs ask for few: the others are
 * made only for who asks for a path that is none of theirs (the whole tree is searched then, or
 * listed).
 */
static void site_meet(unsigned n) {
  if (n < PATHS) {
    if (!site.taken_away[n]) {
      site_add(n);
    }
    return;
  }
  for (unsigned each = 0; each < PATHS; each++) {
    if (!site.taken_away[each]) {
      site_add(each);
    }
  }
}

static void send_request(input_t *in, bool sets) {
  uint8_t bytes[DATAGRAM];
  uint8_t body[1100];
  acoap_builder_t builder;
  uint8_t a = next(in);
  uint8_t b = next(in);
  uint8_t c = next(in);
  uint8_t d = next(in);
  uint8_t szx = 2;
  unsigned n = a >> 5;
  peer_t *peer = &peers[n];
  begin(in, &builder, bytes, peer, a, b);
  site_meet(b & 31);
  put_path(&builder, paths, PATHS, b & 31, c);
  if ((c & 3) != 0) {
    acoap_builder_uint(&builder, ACOAP_OPTION_OBSERVE, (c & 3u) - 1);
  }
  if ((c & 4) != 0) {
    szx =
        put_block(in, &builder, sets ? ACOAP_OPTION_Q_BLOCK1 : ACOAP_OPTION_BLOCK1, &peer->block1);
  }
  unsigned asks = (c & 8) != 0 ? 1 + (sets ? c >> 4 & 3u : 0) : 0;
  for (unsigned i = 0; i < asks; i++) {
    (void)put_block(in, &builder, sets ? ACOAP_OPTION_Q_BLOCK2 : ACOAP_OPTION_BLOCK2,
                    &peer->block2);
  }
  if (sets) {
    put_sets(in, &builder, peer);
    c &= 0x4f; /* the rest was how many it asks for */
  }
  put_conditions(&builder, peer, c);
  put_others(in, &builder, peer, d);
  uint8_t p = next(in);
  size_t len = p < 128 ? p : (size_t)16 << (szx < 7 ? szx : 2);
  if (len > 0) {
    memset(body, 'p', sizeof(body));
    body[0] = next(in);
    acoap_builder_payload(&builder, body, len);
  }
  int size = acoap_builder_finish(&builder);
  if (size > 0) {
    hear(n, (a & 3) == 3, bytes, (size_t)size);
  }
}

static void send_raw(input_t *in) {
  uint8_t head = next(in);
  size_t len = next(in);
  len = len < (size_t)(in->end - in->at) ? len : (size_t)(in->end - in->at);
  const uint8_t *bytes = in->at;
  in->at += len;
  if (len > 0 && (bytes[0] >> 4 & 3) == ACOAP_ACK) {
    peers[head % PEERS].known = true; /* it may be the right one */
  }
  hear(head % PEERS, (head & 8) != 0, bytes, len);
}

/* What the server asked last: ACK or RST, or an answer under its token. */
static void reply_to_server(input_t *in) {
  uint8_t bytes[32];
  acoap_builder_t builder;
  uint8_t what = next(in);
  peer_t *peer = &peers[what % PEERS];
  bool is_reset = (what & 8) != 0;
  peer->known = peer->known || !is_reset;
  acoap_builder_init(&builder, bytes, sizeof(bytes), is_reset ? ACOAP_RST : ACOAP_ACK,
                     (what & 16) != 0 ? ACOAP_CODE_CONTENT : 0, peer->asked, peer->asked_token,
                     (what & 16) != 0 ? peer->asked_token_len : 0);
  int size = acoap_builder_finish(&builder);
  if (size > 0) {
    hear(what % PEERS, false, bytes, (size_t)size);
  }
}

/* ---- the application ------------------------------------------------------------------------- */

static void answer_kept(uint8_t how) {
  acoap_request_t **kept = &site.kept[how % KEPT_MAX];
  acoap_reply_t **reply = &site.replies[how % KEPT_MAX];
  switch (how / KEPT_MAX % 8) {
  case 0:
    (void)acoap_request_respond(*kept, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, site.stored, 200);
    break;
  case 1:
    (void)acoap_request_respond_body(*kept, ACOAP_CODE_CONTENT, 0, body_of(how / 32));
    break;
  case 2:
    *kept = acoap_request_unref(*kept);
    break;
  case 3:
    acoap_request_ignore(*kept);
    break;
  case 4:
    if (*reply != NULL) {
      (void)acoap_reply_send(*reply, ACOAP_CODE_CONTENT, 0, site.stored, 300);
      *reply = NULL;
    }
    break;
  case 5:
    acoap_reply_drop(*reply);
    *reply = NULL;
    break;
  case 6:
    (void)acoap_request_reset(*kept);
    break;
  default:
    (void)acoap_request_acknowledge(*kept);
    break;
  }
}

static void change(uint8_t what) {
  static const char *const observed[] = {"/obs/a", "/obs/7", "/obs", NULL};
  acoap_resource_t *resource = site.resources[what % PATHS];
  site.version++;
  switch (what / PATHS % 4) {
  case 0:
  case 1:
    (void)acoap_resource_notify(resource);
    break;
  case 2:
    (void)acoap_resource_notify_path(site.resources[5], observed[what % 4]);
    break;
  default:
    (void)acoap_resource_end_observations(resource, observed[what % 4], ACOAP_CODE_NOT_FOUND);
    break;
  }
  (void)acoap_server_status(site.server);
}

static void come_and_go(uint8_t what) {
  unsigned n = what % PATHS;
  if (site.resources[n] != NULL && what / PATHS % 2 == 0) {
    site.resources[n] = acoap_resource_remove(site.resources[n]);
    site.taken_away[n] = true;
  } else {
    site.taken_away[n] = false;
    site_add(n);
  }
}

static void server_free(void) {
  acoap_server_free(site.server);
  site.server = NULL;
  memset(site.resources, 0, sizeof(site.resources));
}

static void server_make(acoap_local_endpoint_t *endpoint) {
  acoap_qblock_params_t sets;
  acoap_qblock_params_init(&sets, NULL);
  sets.max_payloads = 3;
  acoap_server_options_t options = {
      .size = sizeof(options),
      .qblock_params = (mode & SMALL_SETS) != 0 ? &sets : NULL,
      .block_size = (mode & SMALL_BLOCKS) != 0 ? 64 : 1024,
      .body_max_bytes = BODY_MAX,
      .bodies_max_bytes = BODIES_MAX,
      .transfers_max = TRANSFERS_MAX,
      .transfers_per_peer = 3,
      .observers_max = OBSERVERS_MAX,
      .observers_per_peer = 3,
      .slow_ms = UINT32_MAX,
      .amplification =
          (mode & LIMITS_AMPLIFICATION) != 0 ? ACOAP_AMPLIFICATION_ON : ACOAP_AMPLIFICATION_OFF,
      .addresses_max = ADDRESSES_MAX,
      .rate_per_s = (mode & LIMITS_RATE) != 0 ? 2 : 0,
      .shedding = (mode & SHEDS_WITH_RESET) != 0 ? ACOAP_SHED_RESET : ACOAP_SHED_UNAVAILABLE};
  MUST(acoap_server_new(endpoint, &options, &site.server) == 0);
  MUST(acoap_server_on_default(site.server, mode >= 128 ? handle_any : NULL, NULL) == 0);
  memset(site.taken_away, 0, sizeof(site.taken_away));
}

static void check(void) {
  acoap_server_stats_t stats = {.size = sizeof(stats)};
  if (site.server == NULL) {
    return;
  }
  MUST(acoap_server_stats(site.server, &stats) == 0);
  MUST(stats.load <= ACOAP_LOAD_SHEDDING);
  MUST(stats.resources <= PATHS + 1);
  MUST(stats.observers <= OBSERVERS_MAX);
  MUST(stats.transfers <= TRANSFERS_MAX);
  MUST(stats.transfers_bytes <= BODIES_MAX);
  MUST(stats.addresses <= ADDRESSES_MAX);
  size_t observers = 0;
  for (unsigned n = 0; n < PATHS; n++) {
    observers += acoap_resource_observers(site.resources[n]);
  }
  MUST(observers == stats.observers);
}

static void step(input_t *in, acoap_sim_t *sim, acoap_local_endpoint_t *endpoint) {
  static const acoap_time_t steps[] = {0, 1, 50, 1000, 2500, 10000, 100000, 300000};
  uint8_t opcode = next(in);
  switch (opcode % 16) {
  case 8:
    send_raw(in);
    break;
  case 9:
    acoap_sim_run_until(sim, acoap_sim_now(sim) + steps[next(in) % 8]);
    break;
  case 10:
    answer_kept(next(in));
    break;
  case 11:
    change(next(in));
    break;
  case 12:
    come_and_go(next(in));
    break;
  case 13:
    read_on();
    write_on(next(in));
    break;
  case 14:
    reply_to_server(in);
    break;
  case 15:
    if (opcode == 255 && site.server != NULL) {
      server_free();
    } else if (site.server == NULL) {
      server_make(endpoint);
    } else {
      acoap_sim_run_until(sim, acoap_sim_now(sim) + 5);
    }
    break;
  case 6:
  case 7:
    send_request(in, true);
    break;
  default:
    send_request(in, false);
    break;
  }
}

static void let_go(void) {
  for (size_t i = 0; i < KEPT_MAX; i++) {
    site.kept[i] = acoap_request_unref(site.kept[i]);
    acoap_reply_drop(site.replies[i]);
    site.replies[i] = NULL;
  }
}

static acoap_local_endpoint_t *endpoint_new(acoap_sim_t *sim) {
  acoap_socket_t *socket = wire_open(1, 5683, note_datagram);
  acoap_local_endpoint_t *endpoint = NULL;
  acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                            .host = acoap_sim_host(sim),
                                            .sockets = &socket,
                                            .socket_count = 1,
                                            .peers = 8,
                                            .dedup_con = 32,
                                            .dedup_non = 32,
                                            .reply_bytes = 4096,
                                            .queue_per_peer = 4,
                                            .requests_open_max = 8};
  MUST(acoap_local_endpoint_new(NULL, &options, &endpoint) == 0);
  return endpoint;
}

static void closed(void *user_data) {
  *(bool *)user_data = true;
}

/* In any order: the server, the endpoint, what is kept. */
static void end(acoap_sim_t *sim, acoap_local_endpoint_t *endpoint) {
  bool is_closed = false;
  if ((mode & KEEPS_SERVER) == 0) {
    server_free();
  }
  if ((mode & KEEPS_REQUESTS) == 0) {
    let_go();
  }
  acoap_local_endpoint_close(endpoint, closed, &is_closed);
  acoap_sim_run_until(sim, acoap_sim_now(sim) + 1);
  MUST(is_closed);
  let_go();
  server_free();
  acoap_sim_free(sim);
  MUST(site.readers == 0 && site.writers == 0);
  MUST(site.resources_gone == site.resources_made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input_t in = {data, data + size};
  acoap_sim_t *sim = NULL;
  mode = next(&in);
  memset(&site, 0, sizeof(site));
  memset(peers, 0, sizeof(peers));
  fail_alloc_install();
  MUST(acoap_sim_new(1, 1000, &sim) == 0);
  acoap_local_endpoint_t *endpoint = endpoint_new(sim);
  server_make(endpoint);
  for (unsigned n = 0; n < STEPS_MAX && in.at < in.end; n++) {
    step(&in, sim, endpoint);
    check();
  }
  acoap_sim_run_until(sim, acoap_sim_now(sim) + 20);
  check();
  end(sim, endpoint);
  MUST(fail_alloc_live() == 0);
  fail_alloc_restore();
  return 0;
}
