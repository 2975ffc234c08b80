/*
 * The scripted server of sets.
 * SPDX-License-Identifier: MIT
 */
#include "qblock_script.h"

#include <check.h>
#include <string.h>

static void send(qblock_script_t *script, acoap_builder_t *builder, const uint8_t *bytes) {
  acoap_path_t path;
  int len = acoap_builder_finish(builder);
  ck_assert_int_gt(len, 0);
  memset(&path, 0, sizeof(path));
  path.peer = script->client;
  acoap_outgoing_datagram_t datagram = {.path = &path, .bytes = {bytes, (size_t)len}};
  (void)script->socket->ops->send(script->socket, &datagram, 1);
}

static void send_empty_ack(qblock_script_t *script, uint16_t message_id) {
  acoap_builder_t builder;
  uint8_t bytes[16];
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_ACK, ACOAP_CODE_EMPTY, message_id, NULL,
                     0);
  send(script, &builder, bytes);
}

static void send_block(qblock_script_t *script, const acoap_view_t *view, uint32_t num, uint8_t szx,
                       bool piggybacked) {
  acoap_builder_t builder;
  uint8_t bytes[1200];
  uint8_t payload[1024];
  size_t size = acoap_block_size(szx);
  size_t offset = num * size;
  size_t n = QBLOCK_SCRIPT_LEN - offset < size ? QBLOCK_SCRIPT_LEN - offset : size;
  acoap_block_t block = {num, offset + n < QBLOCK_SCRIPT_LEN, szx};
  acoap_builder_init(&builder, bytes, sizeof(bytes), piggybacked ? ACOAP_ACK : ACOAP_NON,
                     ACOAP_CODE_CONTENT, piggybacked ? view->message_id : script->message_id++,
                     script->token, 8);
  memset(payload, (int)num, sizeof(payload));
  acoap_builder_option(&builder, ACOAP_OPTION_ETAG, "e", 1);
  acoap_builder_block(&builder, ACOAP_OPTION_Q_BLOCK2, &block);
  acoap_builder_uint(&builder, ACOAP_OPTION_SIZE2, QBLOCK_SCRIPT_LEN);
  acoap_builder_payload(&builder, payload, n);
  send(script, &builder, bytes);
}

static void serve_wish(qblock_script_t *script, const acoap_view_t *view) {
  acoap_bytes_t value;
  acoap_block_t block;
  for (size_t i = 0; acoap_view_option(view, ACOAP_OPTION_Q_BLOCK2, i, &value); i++) {
    ck_assert_int_eq(acoap_block_decode(value, &block), 0);
    uint32_t count = (uint32_t)((QBLOCK_SCRIPT_LEN + acoap_block_size(block.szx) - 1) /
                                acoap_block_size(block.szx));
    uint32_t end =
        block.more ? (block.num / QBLOCK_SCRIPT_SET + 1) * QBLOCK_SCRIPT_SET : block.num + 1;
    for (uint32_t num = block.num; num < end && num < count; num++) {
      bool lost = num == 3 && !script->lost;
      script->lost |= lost;
      if (!lost) {
        send_block(script, view, num, block.szx, view->type == ACOAP_CON && num == block.num);
      }
    }
  }
}

static void answer(qblock_script_t *script, uint8_t code, const acoap_block_t *block) {
  acoap_builder_t builder;
  uint8_t bytes[64];
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_NON, code, script->message_id++,
                     script->token, 8);
  if (code == ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE) {
    acoap_builder_uint(&builder, ACOAP_OPTION_CONTENT_FORMAT, ACOAP_FORMAT_MISSING_BLOCKS_CBOR_SEQ);
    acoap_builder_payload(&builder, "\x03", 1);
  } else if (code == ACOAP_CODE_CONTINUE) {
    acoap_builder_block(&builder, ACOAP_OPTION_Q_BLOCK1, block);
  }
  send(script, &builder, bytes);
}

static void take_block(qblock_script_t *script, const acoap_view_t *view,
                       const acoap_block_t *block) {
  if (view->type == ACOAP_CON) {
    send_empty_ack(script, view->message_id);
  }
  if (block->num == 3 && !script->lost) {
    script->lost = true;
    return;
  }
  script->there |= UINT32_C(1) << block->num;
  script->end = block->more ? script->end : block->num + 1;
  bool gap = (script->there & 0x7f) == 0x77;
  if (script->end != 0 && script->there == (UINT32_C(1) << script->end) - 1) {
    answer(script, ACOAP_CODE_CHANGED, NULL);
  } else if (gap) {
    answer(script, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE, NULL);
  } else if (block->num % QBLOCK_SCRIPT_SET == QBLOCK_SCRIPT_SET - 1) {
    answer(script, ACOAP_CODE_CONTINUE, block);
  }
}

static void received(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  qblock_script_t *script = user_data;
  for (size_t i = 0; i < count; i++) {
    acoap_view_t view;
    acoap_block_t block;
    ck_assert_int_eq(acoap_decode(&view, datagrams[i].bytes.data, datagrams[i].bytes.len, 8, NULL),
                     0);
    if (!acoap_code_is_request(view.code) || view.token.len != sizeof(script->token)) {
      continue;
    }
    script->client = datagrams[i].path.peer;
    memcpy(script->token, view.token.data, sizeof(script->token));
    if (acoap_view_block(&view, ACOAP_OPTION_Q_BLOCK1, &block) == 1) {
      take_block(script, &view, &block);
    } else {
      serve_wish(script, &view);
    }
  }
}

static const acoap_socket_events_t events = {.size = sizeof(acoap_socket_events_t),
                                             .received = received};

void qblock_script_open(qblock_script_t *script, acoap_sim_t *sim) {
  acoap_address_t address;
  memset(script, 0, sizeof(*script));
  script->message_id = 0x7000;
  ck_assert_int_eq(
      acoap_address_parse(QBLOCK_SCRIPT_ADDRESS, strlen(QBLOCK_SCRIPT_ADDRESS), &address), 0);
  ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &script->socket), 0);
  ck_assert_int_eq(script->socket->ops->start(script->socket, &events, script), 0);
}

void qblock_script_close(qblock_script_t *script) {
  acoap_socket_close(script->socket, NULL, NULL);
}
