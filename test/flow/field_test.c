/*
 * Peers as they are in the field, scripted on the simulated network: announcements with request
 * codes that are in no registry, unknown response codes, answers from another port, servers that
 * choose smaller blocks or do not know Block1, servers that join blocks by token, responders heard
 * on two interfaces, clients that restart on the same port.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"

enum { SEEN_MAX = 64, DATAGRAM_MAX = 1500, MINUTE = 60000 };

/* ---- the network, one endpoint of ours and one scripted peer
 * -------------------------------------------------------------------- */

typedef struct seen {
  acoap_view_t view; /* decoded, into bytes */
  acoap_path_t path; /* whence, and how it came */
  uint8_t bytes[DATAGRAM_MAX];
} seen_t;

typedef struct peer peer_t;
typedef void (*peer_cb)(peer_t *peer, const seen_t *request);

struct peer {
  acoap_socket_t *socket;
  peer_cb on_request;
  seen_t seen[SEEN_MAX]; /* the first datagrams that came */
  size_t count;          /* of all */
  void *user_data;
};

typedef struct field {
  acoap_sim_t *sim;
  acoap_local_endpoint_t *endpoint;
  bool closed;
} field_t;

static acoap_address_t address_of(const char *text) {
  acoap_address_t address;
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &address), 0);
  return address;
}

static acoap_local_endpoint_t *make_endpoint(acoap_sim_t *sim, const char *local) {
  acoap_address_t address = address_of(local);
  acoap_socket_t *socket = NULL;
  ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &socket), 0);
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .sockets = &socket, .socket_count = 1};
  options.host = acoap_sim_host(sim);
  acoap_local_endpoint_t *endpoint = NULL;
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &endpoint), 0);
  return endpoint;
}

static void field_open(field_t *field, uint64_t seed, const char *local) {
  memset(field, 0, sizeof(*field));
  ck_assert_int_eq(acoap_sim_new(seed, 1000, &field->sim), 0);
  field->endpoint = make_endpoint(field->sim, local);
}

static void endpoint_closed(void *user_data) {
  *(bool *)user_data = true;
}

static void peer_close(peer_t *peer) {
  acoap_socket_close(peer->socket, NULL, NULL);
}

static void field_close(field_t *field) {
  acoap_local_endpoint_close(field->endpoint, endpoint_closed, &field->closed);
  acoap_sim_run_idle(field->sim, acoap_sim_now(field->sim) + 10 * MINUTE);
  ck_assert(field->closed);
  acoap_sim_free(field->sim);
}

static void peer_received(void *user_data, const acoap_incoming_datagram_t *datagrams,
                          size_t count) {
  peer_t *peer = user_data;
  for (size_t i = 0; i < count; i++) {
    ck_assert_uint_lt(peer->count, SEEN_MAX);
    seen_t *seen = &peer->seen[peer->count++];
    ck_assert_uint_le(datagrams[i].bytes.len, DATAGRAM_MAX);
    memcpy(seen->bytes, datagrams[i].bytes.data, datagrams[i].bytes.len);
    seen->path = datagrams[i].path;
    ck_assert_int_eq(
        acoap_decode(&seen->view, seen->bytes, datagrams[i].bytes.len, ACOAP_TOKEN_MAX, NULL), 0);
    if (peer->on_request != NULL && acoap_code_is_request(seen->view.code)) {
      peer->on_request(peer, seen);
    }
  }
}

static const acoap_socket_events_t peer_events = {sizeof(peer_events), peer_received, NULL, NULL,
                                                  NULL};

static void peer_open(peer_t *peer, acoap_sim_t *sim, const char *local, peer_cb on_request) {
  memset(peer, 0, sizeof(*peer));
  acoap_address_t address = address_of(local);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &peer->socket), 0);
  peer->on_request = on_request;
  ck_assert_int_eq(peer->socket->ops->start(peer->socket, &peer_events, peer), 0);
}

static void peer_send(peer_t *peer, const acoap_path_t *to, const acoap_builder_t *builder) {
  ck_assert_int_gt(acoap_builder_finish(builder), 0);
  acoap_path_t path = {.peer = to->peer, .interface = to->interface};
  acoap_outgoing_datagram_t datagram = {&path, {builder->bytes, builder->len}};
  ck_assert_int_eq(peer->socket->ops->send(peer->socket, &datagram, 1), 1);
}

/* A piggybacked response to a CON, a NON with the Message ID 7 to a NON. */
static void begin_answer(acoap_builder_t *builder, uint8_t *bytes, const seen_t *request,
                         uint8_t code) {
  bool con = request->view.type == ACOAP_CON;
  acoap_builder_init(builder, bytes, DATAGRAM_MAX, con ? ACOAP_ACK : ACOAP_NON, code,
                     con ? request->view.message_id : 7, request->view.token.data,
                     request->view.token.len);
}

/* What a send came to. */
typedef struct result {
  int ends;
  int status;
  uint8_t code;
  size_t len;
  char text[64];
  acoap_address_t peer;
  int items;
} result_t;

static void note_message(result_t *result, acoap_message_t *message) {
  acoap_bytes_t payload = acoap_message_payload(message);
  result->code = acoap_message_code(message);
  result->len = payload.len;
  result->peer = *acoap_message_peer(message);
  snprintf(result->text, sizeof(result->text), "%.*s", payload.len > 60 ? 60 : (int)payload.len,
           (const char *)payload.data);
}

static void note_result(void *user_data, int status, acoap_message_t *message) {
  result_t *result = user_data;
  result->ends++;
  result->status = status;
  if (message != NULL) {
    note_message(result, message);
  }
}

static void note_item(void *user_data, int status, acoap_message_t *message) {
  result_t *result = user_data;
  if (status == 0) {
    result->items++;
    note_message(result, message);
  } else {
    result->ends++;
    result->status = status;
  }
}

static void send_to(field_t *field, const char *uri, acoap_desc_t *desc, result_t *result) {
  acoap_remote_endpoint_t *remote = NULL;
  memset(result, 0, sizeof(*result));
  ck_assert_int_eq(acoap_remote_endpoint_new(field->endpoint, uri, &remote), 0);
  ck_assert_int_eq(acoap_send(remote, desc, note_result, result, NULL), 0);
  acoap_remote_endpoint_unref(remote);
}

static result_t ask(field_t *field, const char *uri, acoap_desc_t *desc) {
  result_t result;
  send_to(field, uri, desc, &result);
  acoap_sim_run_idle(field->sim, acoap_sim_now(field->sim) + 10 * MINUTE);
  ck_assert_int_eq(result.ends, 1);
  return result;
}

static uint64_t wrong_sources(const field_t *field) {
  acoap_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_local_endpoint_stats(field->endpoint, &stats), 0);
  return stats.wrong_source;
}

/* ---- announcements
 * ----------------------------------------------------------------------------------------------------------------
 */

typedef struct announcement {
  int count;
  uint8_t code;
  bool multicast;
  char device[64];
  char payload[64];
} announcement_t;

static void note_announcement(void *user_data, acoap_request_t *request) {
  announcement_t *announcement = user_data;
  acoap_message_t *message = acoap_request_message(request);
  acoap_bytes_t value;
  announcement->count++;
  announcement->code = acoap_message_code(message);
  announcement->multicast = acoap_message_path(message)->multicast;
  ck_assert(acoap_view_option(acoap_message_view(message), 3332, 0, &value));
  snprintf(announcement->device, sizeof(announcement->device), "%.*s", (int)value.len,
           (const char *)value.data);
  acoap_bytes_t payload = acoap_message_payload(message);
  snprintf(announcement->payload, sizeof(announcement->payload), "%.*s", (int)payload.len,
           (const char *)payload.data);
}

START_TEST(announcement_with_code_0_30_reaches_the_receive_handler) {
  field_t field;
  peer_t device;
  announcement_t announcement = {0};
  field_open(&field, 1, "0.0.0.0:5683");
  acoap_address_t group = address_of("224.0.1.187");
  ck_assert_int_eq(acoap_local_endpoint_join(field.endpoint, &group, NULL), 0);
  acoap_local_endpoint_receive(field.endpoint, note_announcement, &announcement);
  peer_open(&device, field.sim, "192.0.2.33:5683", NULL);

  static const char payload[] = "{\"G\":[[0,9103,0],[0,1101,1]]}";
  uint8_t bytes[DATAGRAM_MAX];
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_NON, 30, 0x1234, NULL, 0);
  acoap_builder_path(&builder, "/cit/s", 6);
  acoap_builder_option(&builder, 3332, "SHSW-25#6A1B2C#2", 16);
  acoap_builder_uint(&builder, 3412, 38400);
  acoap_builder_uint(&builder, 3420, 7);
  acoap_builder_payload(&builder, payload, strlen(payload));
  acoap_path_t to = {.peer = address_of("224.0.1.187:5683")};
  peer_send(&device, &to, &builder);
  acoap_sim_run_idle(field.sim, 10 * MINUTE);

  ck_assert_int_eq(announcement.count, 1);
  ck_assert_uint_eq(announcement.code, 30);
  ck_assert(announcement.multicast);
  ck_assert_str_eq(announcement.device, "SHSW-25#6A1B2C#2");
  ck_assert_str_eq(announcement.payload, payload);
  ck_assert_uint_eq(device.count,
                    0); /* nobody answers an announcement, RST included (section 8.1) */
  peer_close(&device);
  field_close(&field);
}
END_TEST

/* ---- unknown response codes
 * ---------------------------------------------------------------------------------------------------------
 */

static void answer_code(peer_t *peer, const seen_t *request) {
  uint8_t bytes[DATAGRAM_MAX];
  acoap_builder_t builder;
  begin_answer(&builder, bytes, request, *(const uint8_t *)peer->user_data);
  acoap_builder_payload(&builder, "strange", 7);
  peer_send(peer, &request->path, &builder);
}

static void note_code(void *user_data, const acoap_progress_t *progress, acoap_message_t *message) {
  (void)progress;
  if (message != NULL) {
    *(uint8_t *)user_data = acoap_message_code(message);
  }
}

START_TEST(unknown_response_codes_reach_inspect_and_the_callback) {
  static const struct {
    uint8_t code;
    int status;
  } table[] = {
      {ACOAP_CODE(2, 30), 0},
      {ACOAP_CODE(2, 0), 0},
      {ACOAP_CODE(4, 27), ACOAP_ECLIENTERROR},
      {ACOAP_CODE(5, 30), ACOAP_ESERVERERROR},
      {ACOAP_CODE(3, 1), ACOAP_EUNEXPECTED},
  };
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    for (int con = 0; con < 2; con++) {
      field_t field;
      peer_t peer;
      uint8_t code = table[i].code;
      uint8_t inspected = 0;
      field_open(&field, 2 + i, "192.0.2.1:0");
      peer_open(&peer, field.sim, "192.0.2.2:5683", answer_code);
      peer.user_data = &code;
      acoap_desc_t *desc = acoap_desc_get();
      if (!con) {
        acoap_desc_nonconfirmable(desc);
      }
      acoap_desc_inspect(desc, note_code, &inspected);
      result_t result = ask(&field, "coap://192.0.2.2/x", desc);
      ck_assert_uint_eq(inspected, code);
      ck_assert_uint_eq(result.code, code);
      ck_assert_str_eq(result.text, "strange");
      ck_assert_msg(result.status == table[i].status, "code %u.%02u: %s", code >> 5, code & 31,
                    acoap_err_name(result.status));
      peer_close(&peer);
      field_close(&field);
    }
  }
}
END_TEST

/* ---- answers from elsewhere
 * -----------------------------------------------------------------------------------------------------------
 */

/* Says "elsewhere" from another port first, then "here" from the one that was asked. */
typedef struct two_ports {
  peer_t *other;
  bool here_too;
} two_ports_t;

static void answer_from_two_ports(peer_t *peer, const seen_t *request) {
  two_ports_t *ports = peer->user_data;
  uint8_t bytes[DATAGRAM_MAX];
  acoap_builder_t builder;
  begin_answer(&builder, bytes, request, ACOAP_CODE_CONTENT);
  acoap_builder_payload(&builder, "elsewhere", 9);
  peer_send(ports->other, &request->path, &builder);
  if (ports->here_too) {
    begin_answer(&builder, bytes, request, ACOAP_CODE_CONTENT);
    acoap_builder_payload(&builder, "here", 4);
    peer_send(peer, &request->path, &builder);
  }
}

static result_t ask_two_ports(const char *other_address, bool here_too, bool any_source,
                              uint64_t *wrong) {
  field_t field;
  peer_t peer;
  peer_t other;
  two_ports_t ports = {&other, here_too};
  field_open(&field, 20, "192.0.2.1:0");
  peer_open(&peer, field.sim, "192.0.2.2:5683", answer_from_two_ports);
  peer_open(&other, field.sim, other_address, NULL);
  peer.user_data = &ports;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_nonconfirmable(desc);
  if (any_source) {
    acoap_desc_any_source(desc);
  }
  result_t result = ask(&field, "coap://192.0.2.2/x", desc);
  *wrong = wrong_sources(&field);
  peer_close(&other);
  peer_close(&peer);
  field_close(&field);
  return result;
}

START_TEST(answer_from_another_port_or_address_is_dropped_and_counted) {
  static const char *const others[] = {"192.0.2.2:40000", "192.0.2.9:5683"};
  for (size_t i = 0; i < 2; i++) {
    uint64_t wrong = 0;
    result_t result = ask_two_ports(others[i], true, false, &wrong);
    ck_assert_int_eq(result.status, 0);
    ck_assert_str_eq(result.text, "here");
    ck_assert_uint_eq(wrong, 1);
    result = ask_two_ports(others[i], false, false, &wrong);
    ck_assert_int_eq(result.status, ACOAP_ETIMEDOUT);
    ck_assert_uint_eq(wrong, 1);
  }
}
END_TEST

START_TEST(any_source_takes_the_answer_from_elsewhere) {
  static const char *const others[] = {"192.0.2.2:40000", "192.0.2.9:5683"};
  for (size_t i = 0; i < 2; i++) {
    uint64_t wrong = 0;
    result_t result = ask_two_ports(others[i], false, true, &wrong);
    ck_assert_int_eq(result.status, 0);
    ck_assert_str_eq(result.text, "elsewhere");
    ck_assert_uint_eq(wrong, 0);
    acoap_address_t other = address_of(others[i]);
    ck_assert(acoap_address_equal(&result.peer, &other));
  }
}
END_TEST

/* ---- blocks
 * ----------------------------------------------------------------------------------------------------------------------------
 */

/* A server of one body, and what it has taken so far. */
typedef struct body_server {
  size_t szx_max; /* never larger blocks */
  uint8_t body[2000];
  size_t len;
  uint8_t taken[2000];
  size_t taken_len;
} body_server_t;

static void fill_body(body_server_t *server) {
  for (size_t i = 0; i < sizeof(server->body); i++) {
    server->body[i] = (uint8_t)(i * 31 + (i >> 8));
  }
  server->len = sizeof(server->body);
}

static void answer_small_blocks(peer_t *peer, const seen_t *request) {
  body_server_t *server = peer->user_data;
  acoap_block_t block = {0, false, 6};
  ck_assert_int_ge(acoap_view_block(&request->view, ACOAP_OPTION_BLOCK2, &block), 0);
  size_t offset = block.num * acoap_block_size(block.szx);
  block.szx = block.szx < server->szx_max ? block.szx : (uint8_t)server->szx_max;
  size_t size = acoap_block_size(block.szx);
  block.num = (uint32_t)(offset / size);
  block.more = offset + size < server->len;
  uint8_t bytes[DATAGRAM_MAX];
  acoap_builder_t builder;
  begin_answer(&builder, bytes, request, ACOAP_CODE_CONTENT);
  acoap_builder_block(&builder, ACOAP_OPTION_BLOCK2, &block);
  acoap_builder_payload(&builder, server->body + offset, block.more ? size : server->len - offset);
  peer_send(peer, &request->path, &builder);
}

static void compare_body(void *user_data, int status, acoap_message_t *message) {
  body_server_t *server = user_data;
  ck_assert_int_eq(status, 0);
  acoap_bytes_t payload = acoap_message_payload(message);
  ck_assert_uint_eq(payload.len, server->len);
  ck_assert_int_eq(memcmp(payload.data, server->body, payload.len), 0);
  server->taken_len = payload.len;
}

START_TEST(server_answers_smaller_blocks_than_asked) {
  field_t field;
  peer_t peer;
  body_server_t server = {.szx_max = 2};
  fill_body(&server);
  field_open(&field, 30, "192.0.2.1:0");
  peer_open(&peer, field.sim, "192.0.2.2:5683", answer_small_blocks);
  peer.user_data = &server;
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_new(field.endpoint, "coap://192.0.2.2/body", &remote), 0);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 1024);
  acoap_desc_collect(desc, 4096);
  ck_assert_int_eq(acoap_send(remote, desc, compare_body, &server, NULL), 0);
  acoap_remote_endpoint_unref(remote);
  acoap_sim_run_idle(field.sim, 10 * MINUTE);
  ck_assert_uint_eq(server.taken_len, server.len);
  /* from the second request on the client asks for what the server gives (RFC 7959 section 2.4) */
  ck_assert_uint_eq(peer.count, (server.len + 63) / 64);
  for (size_t i = 1; i < peer.count; i++) {
    acoap_block_t block;
    ck_assert_int_eq(acoap_view_block(&peer.seen[i].view, ACOAP_OPTION_BLOCK2, &block), 1);
    ck_assert_uint_eq(block.szx, 2);
    ck_assert_uint_eq(block.num, i);
  }
  peer_close(&peer);
  field_close(&field);
}
END_TEST

/* Takes blocks, asks for smaller ones with its first answer. */
static void take_small_blocks(peer_t *peer, const seen_t *request) {
  body_server_t *server = peer->user_data;
  acoap_block_t block;
  ck_assert_int_eq(acoap_view_block(&request->view, ACOAP_OPTION_BLOCK1, &block), 1);
  size_t offset = block.num * acoap_block_size(block.szx);
  ck_assert_uint_eq(offset, server->taken_len);
  memcpy(server->taken + offset, request->view.payload.data, request->view.payload.len);
  server->taken_len += request->view.payload.len;
  if (block.szx > server->szx_max) {
    block.szx = (uint8_t)server->szx_max;
  }
  uint8_t bytes[DATAGRAM_MAX];
  acoap_builder_t builder;
  begin_answer(&builder, bytes, request, block.more ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CHANGED);
  acoap_builder_block(&builder, ACOAP_OPTION_BLOCK1, &block);
  peer_send(peer, &request->path, &builder);
}

static void upload(field_t *field, peer_t *peer, body_server_t *server, peer_cb on_request,
                   bool keep_token, result_t *result) {
  field_open(field, 31, "192.0.2.1:0");
  peer_open(peer, field->sim, "192.0.2.2:5683", on_request);
  peer->user_data = server;
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_block1(desc, 256, server->body, server->len);
  if (keep_token) {
    acoap_desc_keep_token(desc);
  }
  *result = ask(field, "coap://192.0.2.2/body", desc);
}

static bool same_token(const seen_t *a, const seen_t *b) {
  return a->view.token.len == b->view.token.len &&
         memcmp(a->view.token.data, b->view.token.data, a->view.token.len) == 0;
}

START_TEST(server_asks_for_smaller_blocks_of_an_upload) {
  field_t field;
  peer_t peer;
  result_t result;
  body_server_t server = {.szx_max = 2};
  fill_body(&server);
  upload(&field, &peer, &server, take_small_blocks, false, &result);
  ck_assert_int_eq(result.status, 0);
  ck_assert_uint_eq(result.code, ACOAP_CODE_CHANGED);
  ck_assert_uint_eq(server.taken_len, server.len);
  ck_assert_int_eq(memcmp(server.taken, server.body, server.len), 0);
  for (size_t i = 1; i < peer.count; i++) {
    ck_assert_uint_le(peer.seen[i].view.payload.len, 64);
  }
  peer_close(&peer);
  field_close(&field);
}
END_TEST

START_TEST(tokens_of_an_upload_are_new_each_time_or_one_on_request) {
  for (int keep = 0; keep < 2; keep++) {
    field_t field;
    peer_t peer;
    result_t result;
    body_server_t server = {.szx_max = 6};
    fill_body(&server);
    upload(&field, &peer, &server, take_small_blocks, keep != 0, &result);
    ck_assert_int_eq(result.status, 0);
    ck_assert_uint_eq(peer.count, 8);
    ck_assert_uint_gt(peer.seen[0].view.token.len, 0);
    for (size_t i = 1; i < peer.count; i++) {
      for (size_t k = 0; k < i; k++) {
        ck_assert_int_eq(same_token(&peer.seen[i], &peer.seen[k]), keep != 0);
        ck_assert_uint_ne(peer.seen[i].view.message_id, peer.seen[k].view.message_id);
      }
    }
    peer_close(&peer);
    field_close(&field);
  }
}
END_TEST

static void ignore_block1(peer_t *peer, const seen_t *request) {
  uint8_t bytes[DATAGRAM_MAX];
  acoap_builder_t builder;
  begin_answer(&builder, bytes, request, ACOAP_CODE_CHANGED);
  peer_send(peer, &request->path, &builder);
}

START_TEST(server_that_takes_the_first_block_for_the_body_is_reported) {
  field_t field;
  peer_t peer;
  result_t result;
  body_server_t server = {.szx_max = 6};
  fill_body(&server);
  upload(&field, &peer, &server, ignore_block1, false, &result);
  ck_assert_int_eq(result.status, ACOAP_EINCOMPLETE);
  ck_assert_uint_eq(peer.count, 1);
  peer_close(&peer);
  field_close(&field);
}
END_TEST

/* ---- groups
 * ----------------------------------------------------------------------------------------------------------------------------
 */

static void answer_hello(peer_t *peer, const seen_t *request) {
  uint8_t bytes[DATAGRAM_MAX];
  acoap_builder_t builder;
  begin_answer(&builder, bytes, request, ACOAP_CODE_CONTENT);
  acoap_message_set_header(bytes, ACOAP_NON, (uint16_t)(peer->count * 3));
  acoap_builder_payload(&builder, "hello", 5);
  peer_send(peer, &request->path, &builder);
}

START_TEST(responder_heard_on_two_interfaces_is_given_once) {
  field_t field;
  peer_t responder;
  result_t result = {0};
  field_open(&field, 40, "0.0.0.0:0");
  acoap_interface_t interfaces[2] = {
      {.name = "eth0", .index = 2, .address = address_of("192.0.2.1"), .multicast = true},
      {.name = "wlan0", .index = 3, .address = address_of("192.0.2.101"), .multicast = true},
  };
  ck_assert_int_eq(acoap_sim_set_interfaces(field.sim, interfaces, 2), 0);
  peer_open(&responder, field.sim, "192.0.2.7:5683", answer_hello);
  acoap_address_t group = address_of("224.0.1.187:5683");
  ck_assert_int_eq(responder.socket->ops->join(responder.socket, &group, 2), 0);
  ck_assert_int_eq(responder.socket->ops->join(responder.socket, &group, 3), 0);
  acoap_sim_run_idle(field.sim, 2000);
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(
      acoap_remote_endpoint_from_address(field.endpoint, &group, "/.well-known/core", &remote), 0);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_multicast(desc, NULL);
  ck_assert_int_eq(acoap_send_stream(remote, desc, note_item, &result, NULL), 0);
  acoap_remote_endpoint_unref(remote);
  acoap_sim_run_idle(field.sim, 10 * MINUTE);
  ck_assert_uint_eq(responder.count, 2); /* it was asked on both */
  ck_assert_int_eq(result.items, 1);
  ck_assert_str_eq(result.text, "hello");
  ck_assert_int_eq(result.ends, 1);
  ck_assert_int_eq(result.status, ACOAP_EEND);
  peer_close(&responder);
  field_close(&field);
}
END_TEST

/* ---- a client that restarts
 * ---------------------------------------------------------------------------------------------------------------
 */

static void count_request(void *user_data, acoap_request_t *request) {
  ++*(int *)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "new", 3);
}

START_TEST(restarted_client_on_the_same_port_is_never_answered_from_memory) {
  enum { RESTARTS = 200 };
  field_t field;
  int requests = 0;
  field_open(&field, 50, "192.0.2.2:5683");
  acoap_local_endpoint_receive(field.endpoint, count_request, &requests);
  for (int i = 0; i < RESTARTS; i++) {
    bool closed = false;
    result_t result = {0};
    acoap_local_endpoint_t *client = make_endpoint(field.sim, "192.0.2.1:40000");
    acoap_remote_endpoint_t *remote = NULL;
    ck_assert_int_eq(acoap_remote_endpoint_new(client, "coap://192.0.2.2/x", &remote), 0);
    ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), note_result, &result, NULL), 0);
    acoap_remote_endpoint_unref(remote);
    acoap_sim_run_until(field.sim, acoap_sim_now(field.sim) + 50);
    ck_assert_int_eq(result.ends, 1);
    ck_assert_int_eq(result.status, 0);
    acoap_local_endpoint_close(client, endpoint_closed, &closed);
    acoap_sim_run_until(field.sim, acoap_sim_now(field.sim) + 50);
    ck_assert(closed);
  }
  ck_assert_int_eq(requests, RESTARTS);
  field_close(&field);
}
END_TEST

/* The first Message ID and token of 256 fresh processes, each with entropy of its own. */
START_TEST(fresh_processes_start_anywhere) {
  enum { PROCESSES = 256 };
  static seen_t first[PROCESSES];
  unsigned buckets[16] = {0};
  size_t id_twice = 0;
  for (size_t i = 0; i < PROCESSES; i++) {
    field_t field;
    peer_t peer;
    field_open(&field, 1000 + i, "192.0.2.1:40000");
    peer_open(&peer, field.sim, "192.0.2.2:5683", ignore_block1);
    ask(&field, "coap://192.0.2.2/x", acoap_desc_get());
    first[i] = peer.seen[0];
    first[i].view.token.data = first[i].bytes + 4;
    buckets[first[i].view.message_id >> 12]++;
    peer_close(&peer);
    field_close(&field);
    for (size_t k = 0; k < i; k++) {
      ck_assert(!same_token(&first[i], &first[k]));
      id_twice += first[i].view.message_id == first[k].view.message_id;
    }
  }
  /* 256 * 255 / 2 / 65536 = 0.5 pairs are expected; 16 in each bucket, standard deviation 3.9: five
   * of them are allowed */
  ck_assert_uint_le(id_twice, 4);
  for (size_t i = 0; i < 16; i++) {
    ck_assert_uint_ge(buckets[i], 1);
    ck_assert_uint_le(buckets[i], 35);
  }
}
END_TEST

static Suite *field_suite(void) {
  Suite *suite = suite_create("flow/field");
  TCase *peers = tcase_create("peers");
  tcase_add_test(peers, announcement_with_code_0_30_reaches_the_receive_handler);
  tcase_add_test(peers, unknown_response_codes_reach_inspect_and_the_callback);
  tcase_add_test(peers, answer_from_another_port_or_address_is_dropped_and_counted);
  tcase_add_test(peers, any_source_takes_the_answer_from_elsewhere);
  tcase_add_test(peers, responder_heard_on_two_interfaces_is_given_once);
  suite_add_tcase(suite, peers);
  TCase *blocks = tcase_create("blocks");
  tcase_add_test(blocks, server_answers_smaller_blocks_than_asked);
  tcase_add_test(blocks, server_asks_for_smaller_blocks_of_an_upload);
  tcase_add_test(blocks, tokens_of_an_upload_are_new_each_time_or_one_on_request);
  tcase_add_test(blocks, server_that_takes_the_first_block_for_the_body_is_reported);
  suite_add_tcase(suite, blocks);
  TCase *restarts = tcase_create("restarts");
  tcase_add_test(restarts, restarted_client_on_the_same_port_is_never_answered_from_memory);
  tcase_add_test(restarts, fresh_processes_start_anywhere);
  suite_add_tcase(suite, restarts);
  return suite;
}

ACOAP_TEST_MAIN(field_suite)
