/*
 * A client with every kind of request open, under any sequence of datagrams: block-wise transfers
 * both ways, also in sets (RFC 9177), an observation, a question to a group, combined futures.
 * Whatever comes, nothing crashes or leaks, each request ends exactly once (or not at all when it
 * was dropped), destroy callbacks run once, and a closed endpoint says so.
 *
 * The input is a list of records: control, action, length (a byte each), bytes. The control byte
 * says which of the last requests is answered (bits 0 to 2), with which message type (3, 4), how
 * much time passes before (5, 6), or (7) that the bytes are a whole datagram. Otherwise they are a
 * code, options and payload, behind a header with the right Message ID and token, so that mutation
 * works where the client looks.
 *
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <string.h>

#include "fuzz/wire.h"
#include "support/fail_alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 48, SENT_MAX = 8, ASKS = 10, BODY_MAX = 2048, DATAGRAM = 1200 };

/* A request that the client sent. */
typedef struct sent {
  acoap_path_t path;
  uint16_t message_id;
  uint8_t token[8];
  size_t token_len;
} sent_t;

typedef struct ask {
  bool many;
  bool started;
  bool dropped;
  unsigned finals;
  unsigned destroyed;
  acoap_future_t *future;
  acoap_stream_t *stream;
} ask_t;

static sent_t sent[SENT_MAX]; /* a ring */
static size_t sent_count;     /* so far */
static ask_t asks[ASKS];
static unsigned ask_count;
static bool closed;

/* ---- the wire ------------------------------------------------------------------------------- */

static void note_datagram(const acoap_outgoing_datagram_t *datagram) {
  acoap_view_t view;
  MUST(acoap_decode(&view, datagram->bytes.data, datagram->bytes.len, 8, NULL) == 0);
  MUST(datagram->bytes.len <= 1152);
  if (acoap_code_is_request(view.code) || view.type == ACOAP_CON) {
    sent_t *last = &sent[sent_count++ % SENT_MAX];
    last->path = *datagram->path;
    last->message_id = view.message_id;
    last->token_len = view.token.len;
    if (view.token.len > 0) {
      memcpy(last->token, view.token.data, view.token.len);
    }
  }
}

/* ---- requests ------------------------------------------------------------------------------- */

static void note(void *user_data, int status, acoap_message_t *message) {
  ask_t *ask = user_data;
  MUST(!ask->dropped && ask->finals == 0 && ask->destroyed == 0);
  if (message != NULL) {
    char text[64];
    acoap_view_format(acoap_message_view(message), text, sizeof(text));
    MUST(acoap_message_payload(message).len <= BODY_MAX + DATAGRAM);
  }
  if (!ask->many || status < 0) {
    ask->finals++;
  }
}

static void note_destroyed(void *user_data) {
  ((ask_t *)user_data)->destroyed++;
}

static void inspect(void *user_data, const acoap_progress_t *progress, acoap_message_t *message) {
  (void)user_data;
  MUST(message != NULL);
  MUST(progress->block_size <= 1024);
}

static int take_piece(void *user_data, uint64_t offset, const uint8_t *bytes, size_t len,
                      int64_t total) {
  static volatile uint8_t sum;
  (void)user_data;
  (void)total;
  MUST(len <= DATAGRAM);
  for (size_t i = 0; i < len; i++) {
    sum = (uint8_t)(sum + bytes[i]);
  }
  return offset > 1 << 16 ? ACOAP_ETOOBIG : 0;
}

static acoap_desc_t *describe(unsigned kind, ask_t *ask) {
  static const uint8_t body[700];
  acoap_desc_t *desc = NULL;
  switch (kind % 8) {
  case 0:
    desc = acoap_desc_get();
    acoap_desc_collect(desc, BODY_MAX);
    acoap_desc_inspect(desc, inspect, NULL);
    return desc;
  case 1:
    desc = acoap_desc_post();
    acoap_desc_block1(desc, 64, body, sizeof(body));
    acoap_desc_block2(desc, 32);
    acoap_desc_collect(desc, BODY_MAX);
    acoap_desc_inspect(desc, inspect, NULL);
    return desc;
  case 2:
    ask->many = true;
    desc = acoap_desc_get();
    acoap_desc_observe(desc, NULL);
    acoap_desc_collect(desc, BODY_MAX);
    return desc;
  case 3:
    ask->many = true;
    desc = acoap_desc_get();
    acoap_desc_multicast(desc, NULL);
    acoap_desc_block2(desc, 16);
    acoap_desc_collect(desc, BODY_MAX);
    acoap_desc_inspect(desc, inspect, NULL);
    return desc;
  case 4:
    ask->many = true;
    desc = acoap_desc_get();
    acoap_desc_block2(desc, 0);
    acoap_desc_retry(desc, 3, 10);
    return desc;
  case 5:
    desc = acoap_desc_fetch();
    acoap_desc_payload(desc, "q", 1);
    acoap_desc_block_writer(desc, take_piece, NULL);
    acoap_desc_nonconfirmable(desc);
    acoap_desc_emit_code(desc, ACOAP_CODE_CONTENT);
    return desc;
  case 6:
    return acoap_desc_ping();
  default:
    ask->many = true;
    desc = acoap_desc_fetch();
    acoap_desc_observe(desc, NULL);
    acoap_desc_block1(desc, 16, body, 40);
    acoap_desc_emit_any(desc);
    return desc;
  }
}

static void begin(acoap_local_endpoint_t *endpoint, unsigned kind) {
  acoap_remote_endpoint_t *remote = NULL;
  if (ask_count == ASKS) {
    return;
  }
  ask_t *ask = &asks[ask_count++];
  const char *uri = kind % 8 == 3 ? "coap://224.0.1.187/d" : "coap://192.0.2.1/r";
  MUST(acoap_remote_endpoint_new(endpoint, uri, &remote) == 0);
  acoap_desc_t *desc = describe(kind, ask);
  if ((kind & 8) != 0 && kind % 8 != 3) {
    acoap_desc_qblock(desc, NULL);
  }
  if ((kind & 16) != 0 && kind % 8 != 3) {
    acoap_desc_nonconfirmable(desc);
  }
  acoap_params_t params;
  acoap_params_init(&params);
  params.nstart = ASKS;
  acoap_remote_endpoint_set_params(remote, &params);
  acoap_desc_on_destroy(desc, note_destroyed, ask);
  int status = ask->many ? acoap_send_stream(remote, desc, note, ask, &ask->stream)
                         : acoap_send(remote, desc, note, ask, &ask->future);
  ask->started = status == 0;
  MUST(ask->finals == 0);
  acoap_remote_endpoint_unref(remote);
}

static void drop(ask_t *ask) {
  if (ask->finals == 0 && (ask->future != NULL || ask->stream != NULL)) {
    ask->dropped = true;
  }
  ask->future = acoap_future_unref(ask->future);
  ask->stream = acoap_stream_unref(ask->stream);
}

/* ---- the input ------------------------------------------------------------------------------ */

static void act(acoap_local_endpoint_t *endpoint, uint8_t action) {
  ask_t *ask = &asks[(action >> 3) % ASKS];
  switch (action & 7) {
  case 1:
    acoap_stream_pause(ask->stream);
    break;
  case 2:
    acoap_stream_resume(ask->stream);
    break;
  case 3:
    drop(ask);
    break;
  case 4:
    begin(endpoint, action >> 3);
    break;
  default:
    break;
  }
}

static void answer(uint8_t control, const uint8_t *bytes, size_t len) {
  uint8_t datagram[DATAGRAM];
  if (sent_count == 0) {
    return;
  }
  size_t back = control & 7;
  size_t index = back < sent_count ? sent_count - 1 - back : 0;
  const sent_t *last = &sent[index % SENT_MAX];
  static const acoap_type_t types[4] = {ACOAP_ACK, ACOAP_NON, ACOAP_CON, ACOAP_RST};
  static uint16_t own_message_id;
  acoap_type_t type = types[control >> 3 & 3];
  uint16_t id = type == ACOAP_ACK || type == ACOAP_RST ? last->message_id : ++own_message_id;
  acoap_path_t path = last->path;
  if (acoap_address_is_multicast(&path.peer)) {
    path.peer = (acoap_address_t){
        .family = ACOAP_FAMILY_IPV4, .port = 5683, .ip = {192, 0, 2, (uint8_t)(10 + len % 3)}};
  }
  bool empty = len == 0 || bytes[0] == 0;
  size_t token_len = empty ? 0 : last->token_len;
  datagram[0] = (uint8_t)(0x40u | (unsigned)type << 4 | token_len);
  datagram[1] = len > 0 ? bytes[0] : 0;
  datagram[2] = (uint8_t)(id >> 8);
  datagram[3] = (uint8_t)id;
  memcpy(datagram + 4, last->token, token_len);
  size_t rest = empty ? 0 : len - 1;
  if (rest > 0) {
    memcpy(datagram + 4 + token_len, bytes + 1, rest);
  }
  wire_hear(&path, datagram, 4 + token_len + rest);
}

static void play(acoap_sim_t *sim, acoap_local_endpoint_t *endpoint, const uint8_t *data,
                 size_t size) {
  static const acoap_time_t waits[4] = {0, 20, 3000, 100000};
  static const acoap_path_t stranger = {
      .peer = {.family = ACOAP_FAMILY_IPV4, .port = 5683, .ip = {192, 0, 2, 1}}};
  for (unsigned n = 0; n < RECORDS_MAX && size >= 3; n++) {
    uint8_t control = data[0];
    size_t len = data[2] < size - 3 ? data[2] : size - 3;
    acoap_sim_run_until(sim, acoap_sim_now(sim) + waits[control >> 5 & 3]);
    act(endpoint, data[1]);
    if ((control & 0x80) != 0) {
      wire_hear(&stranger, data + 3, len);
    } else {
      answer(control, data + 3, len);
    }
    data += 3 + len;
    size -= 3 + len;
  }
}

static void note_closed(void *user_data) {
  (void)user_data;
  closed = true;
}

static acoap_local_endpoint_t *endpoint_new(acoap_sim_t *sim) {
  acoap_socket_t *socket = wire_open(2, 40000, note_datagram);
  acoap_local_endpoint_t *endpoint = NULL;
  acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                            .host = acoap_sim_host(sim),
                                            .sockets = &socket,
                                            .socket_count = 1,
                                            .peers = 8,
                                            .dedup_con = 32,
                                            .dedup_non = 32,
                                            .reply_bytes = 1024};
  sent_count = 0;
  MUST(acoap_local_endpoint_new(NULL, &options, &endpoint) == 0);
  return endpoint;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  acoap_sim_t *sim = NULL;
  fail_alloc_install();
  memset(asks, 0, sizeof(asks));
  ask_count = 0;
  closed = false;
  MUST(acoap_sim_new(1, 1000, &sim) == 0);
  acoap_local_endpoint_t *endpoint = endpoint_new(sim);
  for (unsigned kind = 0; size > 0 && kind < 8; kind++) {
    if ((data[0] >> kind & 1) != 0) {
      begin(endpoint, kind);
    }
  }
  if (size > 0) {
    play(sim, endpoint, data + 1, size - 1);
  }
  acoap_local_endpoint_close(endpoint, note_closed, NULL);
  MUST(acoap_sim_run_idle(sim, acoap_sim_now(sim) + 1000));
  MUST(closed);
  for (unsigned i = 0; i < ask_count; i++) {
    MUST(asks[i].destroyed == 1);
    MUST(asks[i].finals == (asks[i].started && !asks[i].dropped ? 1u : 0u));
    drop(&asks[i]);
  }
  acoap_sim_free(sim);
  MUST(fail_alloc_live() == 0);
  fail_alloc_restore();
  return 0;
}
