/*
 * The scripted server's wire: composes, sends, and notes down.
 * SPDX-License-Identifier: MIT
 */
#include "script_server.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static void append(char *text, size_t cap, const char *more) {
  size_t len = strlen(text);
  if (len < cap) {
    snprintf(text + len, cap - len, "%s", more);
  }
}

static void describe_block(const acoap_view_t *view, uint16_t number, const char *prefix,
                           char *text, size_t cap) {
  acoap_block_t block;
  char part[48];
  if (acoap_view_block(view, number, &block) == 1) {
    snprintf(part, sizeof(part), " %s:%u/%u/%u", prefix, (unsigned)block.num, block.more ? 1u : 0u,
             (unsigned)acoap_block_size(block.szx));
    append(text, cap, part);
  }
}

/* Q-Block2 may come several times in a request (RFC 9177 section 4.4). */
static void describe_each_block(const acoap_view_t *view, uint16_t number, const char *prefix,
                                char *text, size_t cap) {
  acoap_bytes_t value;
  for (size_t n = 0; acoap_view_option(view, number, n, &value); n++) {
    acoap_block_t block;
    char part[48];
    ck_assert_int_eq(acoap_block_decode(value, &block), 0);
    snprintf(part, sizeof(part), " %s:%u/%u/%u", prefix, (unsigned)block.num, block.more ? 1u : 0u,
             (unsigned)acoap_block_size(block.szx));
    append(text, cap, part);
  }
}

static void describe_uint(const acoap_view_t *view, uint16_t number, const char *name, char *text,
                          size_t cap) {
  uint32_t value;
  char part[48];
  if (acoap_view_uint(view, number, &value)) {
    snprintf(part, sizeof(part), " %s:%u", name, (unsigned)value);
    append(text, cap, part);
  }
}

void script_server_describe(const acoap_view_t *view, char *text, size_t cap) {
  char part[300];
  char code[5];
  acoap_bytes_t segment;
  acoap_code_format(view->code, code);
  const char *name = acoap_code_is_request(view->code) ? acoap_code_name(view->code) : NULL;
  snprintf(text, cap, "%s %s", acoap_type_name(view->type), name != NULL ? name : code);
  if (view->code == ACOAP_CODE_EMPTY) {
    snprintf(text, cap, "%s", acoap_type_name(view->type));
  }
  for (size_t n = 0; acoap_view_option(view, ACOAP_OPTION_URI_PATH, n, &segment); n++) {
    snprintf(part, sizeof(part), "%s%.*s", n == 0 ? " /" : "/", (int)segment.len,
             (const char *)segment.data);
    append(text, cap, part);
  }
  describe_uint(view, ACOAP_OPTION_OBSERVE, "Observe", text, cap);
  describe_block(view, ACOAP_OPTION_BLOCK1, "1", text, cap);
  describe_block(view, ACOAP_OPTION_BLOCK2, "2", text, cap);
  describe_each_block(view, ACOAP_OPTION_Q_BLOCK1, "Q1", text, cap);
  describe_each_block(view, ACOAP_OPTION_Q_BLOCK2, "Q2", text, cap);
  if (view->payload.len > 0) {
    snprintf(part, sizeof(part), " [%u]", (unsigned)view->payload.len);
    append(text, cap, part);
  }
}

static void note(script_server_t *server, const char *arrow, const acoap_view_t *view) {
  char line[400];
  if (server->silent_trace) {
    return;
  }
  script_server_describe(view, line, sizeof(line));
  append(server->trace, sizeof(server->trace), arrow);
  append(server->trace, sizeof(server->trace), line);
  append(server->trace, sizeof(server->trace), "\n");
}

static void received(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  script_server_t *server = user_data;
  for (size_t i = 0; i < count; i++) {
    acoap_view_t view;
    ck_assert_int_eq(acoap_decode(&view, datagrams[i].bytes.data, datagrams[i].bytes.len, 8, NULL),
                     0);
    server->client = datagrams[i].path.peer;
    server->count++;
    server->message_id = view.message_id;
    server->type = view.type;
    if (acoap_code_is_request(view.code)) {
      server->requests++;
      server->token_len = view.token.len;
      memcpy(server->token, view.token.data, view.token.len);
      if (server->requests == 1) {
        memcpy(server->first_token, view.token.data, view.token.len);
      }
    }
    note(server, "> ", &view);
    if (server->on_message != NULL) {
      server->on_message(server, &view);
    }
  }
}

static const acoap_socket_events_t events = {
    .size = sizeof(acoap_socket_events_t),
    .received = received,
};

void script_server_open(script_server_t *server, acoap_sim_t *sim, const char *text,
                        script_server_cb on_message, void *user_data) {
  acoap_address_t address;
  memset(server, 0, sizeof(*server));
  server->sim = sim;
  server->on_message = on_message;
  server->user_data = user_data;
  server->next_message_id = 0x7000;
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &address), 0);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &server->socket), 0);
  ck_assert_int_eq(server->socket->ops->start(server->socket, &events, server), 0);
}

void script_server_close(script_server_t *server) {
  acoap_socket_close(server->socket, NULL, NULL);
}

acoap_builder_t *script_server_begin(script_server_t *server, uint8_t code) {
  if (server->type != ACOAP_CON) {
    return script_server_begin_as(server, ACOAP_NON, code);
  }
  acoap_builder_init(&server->builder, server->bytes, sizeof(server->bytes), ACOAP_ACK, code,
                     server->message_id, server->token, server->token_len);
  return &server->builder;
}

acoap_builder_t *script_server_begin_as(script_server_t *server, acoap_type_t type, uint8_t code) {
  acoap_builder_init(&server->builder, server->bytes, sizeof(server->bytes), type, code,
                     server->next_message_id++, server->token, server->token_len);
  return &server->builder;
}

static void transmit(script_server_t *server, size_t len) {
  acoap_path_t path;
  acoap_view_t view;
  memset(&path, 0, sizeof(path));
  path.peer = server->client;
  acoap_outgoing_datagram_t datagram = {.path = &path, .bytes = {server->bytes, len}};
  ck_assert_int_eq(acoap_decode(&view, server->bytes, len, 8, NULL), 0);
  note(server, "< ", &view);
  ck_assert_int_eq(server->socket->ops->send(server->socket, &datagram, 1), 1);
}

void script_server_send(script_server_t *server) {
  int len = acoap_builder_finish(&server->builder);
  ck_assert_int_gt(len, 0);
  transmit(server, (size_t)len);
}

void script_server_empty(script_server_t *server, acoap_type_t type) {
  acoap_builder_init(&server->builder, server->bytes, sizeof(server->bytes), type, ACOAP_CODE_EMPTY,
                     server->message_id, NULL, 0);
  script_server_send(server);
}

void script_server_block2(script_server_t *server, uint8_t code, uint32_t num, uint8_t szx,
                          const uint8_t *body, size_t len, const char *etag) {
  acoap_builder_t *builder = script_server_begin(server, code);
  size_t size = acoap_block_size(szx);
  size_t offset = num * size < len ? num * size : len;
  size_t n = len - offset < size ? len - offset : size;
  acoap_block_t block = {num, offset + n < len, szx};
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  if (etag != NULL) {
    acoap_builder_option(builder, ACOAP_OPTION_ETAG, etag, strlen(etag));
  }
  acoap_builder_payload(builder, body + offset, n);
  script_server_send(server);
}

acoap_block_t script_server_asked(const acoap_view_t *view, uint8_t szx_max) {
  acoap_block_t block = {0, false, szx_max};
  if (acoap_view_block(view, ACOAP_OPTION_BLOCK2, &block) == 1 && block.szx > szx_max) {
    block.num <<= block.szx - szx_max;
    block.szx = szx_max;
  }
  return block;
}

void script_server_expect(const script_server_t *server, const char *trace) {
  ck_assert_str_eq(server->trace, trace);
}
