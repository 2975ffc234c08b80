/*
 * The tool as a child process and the scripted client. Messages are composed and read with the
 * library's codec, which has tests of its own; everything else here is bare sockets.
 * SPDX-License-Identifier: MIT
 */
#include "served.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

enum { MODE_MAX = 12 };

/* ---- the server ------------------------------------------------------------------------------ */

void served_start(served_t *served, const char *tool, const char *const mode[]) {
  const char *argv[MODE_MAX + 4] = {tool, "serve"};
  char uri[64];
  size_t count = 2;
  served->port = spawn_free_port();
  snprintf(uri, sizeof(uri), "coap://127.0.0.1:%u", served->port);
  for (size_t i = 0; mode[i] != NULL && i < MODE_MAX; i++) {
    argv[count++] = mode[i];
  }
  argv[count] = uri;
  ck_assert_int_eq(spawn_start(&served->process, argv), 0);
  bool listens = spawn_wait_output(&served->process, "listening", SERVED_WAIT_MS);
  char *output = spawn_output(&served->process);
  ck_assert_msg(listens, "the server does not listen: %s", output);
  free(output);
}

void served_stop(served_t *served) {
  char *output = NULL;
  ck_assert_msg(!spawn_ended(&served->process), "the server has ended: %s",
                output = spawn_output(&served->process));
  kill(served->process.pid, SIGTERM);
  for (int waited = 0; waited < SERVED_WAIT_MS && !spawn_ended(&served->process); waited += 5) {
    usleep(5000);
  }
  bool ended = spawn_ended(&served->process);
  output = spawn_output(&served->process);
  if (!ended) {
    spawn_stop(&served->process, SIGKILL);
  }
  ck_assert_msg(ended && spawn_exit_status(&served->process) == 0,
                "the server did not end with status 0; it printed: %s", output);
  char *line_end = strchr(output, '\n');
  ck_assert_msg(line_end != NULL && line_end[1] == '\0', "the server printed: %s", output);
  free(output);
  spawn_stop(&served->process, SIGKILL);
}

/* ---- messages -------------------------------------------------------------------------------- */

void client_open(script_client_t *client, uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  memset(client, 0, sizeof(*client));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  client->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ck_assert_int_ge(client->fd, 0);
  ck_assert_int_eq(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
  memcpy(client->token, "\x5a\xc3\x01\x02\x03\x04\x05\x06", 8);
  client->token_len = 4;
}

void client_close(script_client_t *client) {
  close(client->fd);
}

static void begin(script_client_t *client, acoap_type_t type, uint8_t code) {
  client->message_id++;
  acoap_builder_init(&client->builder, client->out, sizeof(client->out), type, code,
                     client->message_id, client->token, client->token_len);
}

static void add_parts(acoap_builder_t *builder, uint16_t number, const char *text, char separator,
                      const char *end) {
  while (text < end) {
    const char *stop = memchr(text, separator, (size_t)(end - text));
    stop = stop == NULL ? end : stop;
    acoap_builder_option(builder, number, text, (size_t)(stop - text));
    text = stop + 1;
  }
}

void client_begin(script_client_t *client, acoap_type_t type, uint8_t code,
                  const char *path_and_query) {
  const char *end = path_and_query + strlen(path_and_query);
  const char *query = strchr(path_and_query, '?');
  begin(client, type, code);
  add_parts(&client->builder, ACOAP_OPTION_URI_PATH, path_and_query + 1, '/',
            query == NULL ? end : query);
  if (query != NULL) {
    add_parts(&client->builder, ACOAP_OPTION_URI_QUERY, query + 1, '&', end);
  }
}

void client_send_again(script_client_t *client) {
  ssize_t len = acoap_builder_finish(&client->builder);
  ck_assert_int_gt(len, 0);
  ck_assert_int_eq(send(client->fd, client->out, (size_t)len, 0), len);
}

void client_send(script_client_t *client) {
  client_send_again(client);
}

void client_send_empty(script_client_t *client, acoap_type_t type, uint16_t message_id) {
  uint8_t bytes[4];
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), type, ACOAP_CODE_EMPTY, message_id, NULL, 0);
  ck_assert_int_eq(acoap_builder_finish(&builder), 4);
  ck_assert_int_eq(send(client->fd, bytes, 4, 0), 4);
}

bool client_hear(script_client_t *client, int timeout_ms) {
  struct pollfd polled = {client->fd, POLLIN, 0};
  if (poll(&polled, 1, timeout_ms) != 1) {
    return false;
  }
  ssize_t len = recv(client->fd, client->in, sizeof(client->in), 0);
  ck_assert_int_gt(len, 0);
  client->in_len = (size_t)len;
  ck_assert_int_eq(acoap_decode(&client->heard, client->in, client->in_len, 8, NULL), 0);
  return true;
}

void client_expect_silence(script_client_t *client, int ms) {
  ck_assert_msg(!client_hear(client, ms), "a message came where none is due");
}

static void expect_code(const script_client_t *client, uint8_t code) {
  char wanted[5];
  char got[5];
  acoap_code_format(code, wanted);
  acoap_code_format(client->heard.code, got);
  ck_assert_msg(client->heard.code == code, "%s wanted, got %s '%.*s'", wanted, got,
                (int)client->heard.payload.len, (const char *)client->heard.payload.data);
}

void client_ask(script_client_t *client, uint8_t code) {
  acoap_view_t sent;
  acoap_builder_view(&client->builder, &sent);
  client_send(client);
  ck_assert_msg(client_hear(client, SERVED_WAIT_MS), "no answer");
  expect_code(client, code);
  ck_assert_uint_eq(client->heard.token.len, client->token_len);
  ck_assert(client->token_len == 0 ||
            memcmp(client->heard.token.data, client->token, client->token_len) == 0);
  if (sent.type == ACOAP_CON) {
    ck_assert_int_eq(client->heard.type, ACOAP_ACK);
    ck_assert_uint_eq(client->heard.message_id, client->message_id);
  } else {
    ck_assert_int_eq(client->heard.type, ACOAP_NON);
  }
}

void client_get(script_client_t *client, acoap_type_t type, const char *path_and_query,
                uint8_t code) {
  client_begin(client, type, ACOAP_CODE_GET, path_and_query);
  client_ask(client, code);
}

/* ---- what was heard -------------------------------------------------------------------------- */

bool heard_text(const script_client_t *client, uint16_t number, size_t n, const char *text) {
  acoap_bytes_t value;
  return acoap_view_option(&client->heard, number, n, &value) && value.len == strlen(text) &&
         (value.len == 0 || memcmp(value.data, text, value.len) == 0);
}

uint32_t heard_uint(const script_client_t *client, uint16_t number) {
  uint32_t value = UINT32_MAX;
  return acoap_view_uint(&client->heard, number, &value) ? value : UINT32_MAX;
}

acoap_block_t heard_block(const script_client_t *client, uint16_t number) {
  acoap_block_t block = {0, false, 0};
  ck_assert_msg(acoap_view_block(&client->heard, number, &block) == 1, "no option %u", number);
  return block;
}

size_t heard_etag(const script_client_t *client, uint8_t etag[8]) {
  acoap_bytes_t value = {NULL, 0};
  ck_assert(acoap_view_option(&client->heard, ACOAP_OPTION_ETAG, 0, &value));
  ck_assert_uint_ge(value.len, 1);
  ck_assert_uint_le(value.len, 8);
  memcpy(etag, value.data, value.len);
  return value.len;
}

bool heard_payload(const script_client_t *client, const char *text) {
  return client->heard.payload.len >= strlen(text) &&
         memmem(client->heard.payload.data, client->heard.payload.len, text, strlen(text)) != NULL;
}

/* ---- bodies ---------------------------------------------------------------------------------- */

size_t client_download(script_client_t *client, const char *path, size_t size, uint8_t *body,
                       size_t cap) {
  acoap_block_t block = {0, true, (uint8_t)acoap_block_szx(size)};
  size_t len = 0;
  for (uint32_t num = 0; block.more; num++) {
    block = (acoap_block_t){num, false, (uint8_t)acoap_block_szx(size)};
    client_begin(client, ACOAP_CON, ACOAP_CODE_GET, path);
    acoap_builder_block(&client->builder, ACOAP_OPTION_BLOCK2, &block);
    client_ask(client, ACOAP_CODE_CONTENT);
    block = heard_block(client, ACOAP_OPTION_BLOCK2);
    ck_assert_uint_eq(block.num, num);
    ck_assert_uint_eq(acoap_block_size(block.szx), size);
    ck_assert_msg(block.more ? client->heard.payload.len == size
                             : client->heard.payload.len <= size,
                  "block %u carries %zu bytes", num, client->heard.payload.len);
    ck_assert_uint_le(len + client->heard.payload.len, cap);
    memcpy(body + len, client->heard.payload.data, client->heard.payload.len);
    len += client->heard.payload.len;
  }
  return len;
}

void client_upload(script_client_t *client, uint8_t method, const char *path, size_t size,
                   const void *body, size_t len, uint8_t code) {
  size_t offset = 0;
  for (uint32_t num = 0; offset < len; num++) {
    size_t part = len - offset < size ? len - offset : size;
    acoap_block_t block = {num, offset + part < len, (uint8_t)acoap_block_szx(size)};
    client_begin(client, ACOAP_CON, method, path);
    acoap_builder_block(&client->builder, ACOAP_OPTION_BLOCK1, &block);
    acoap_builder_payload(&client->builder, (const uint8_t *)body + offset, part);
    client_ask(client, block.more ? (uint8_t)ACOAP_CODE_CONTINUE : code);
    acoap_block_t echoed = heard_block(client, ACOAP_OPTION_BLOCK1);
    ck_assert_uint_eq(echoed.num, num);
    ck_assert_int_eq(echoed.more, block.more);
    offset += part;
  }
}
