/*
 * /upload of the demonstration server: PUT and POST take a body of up to 1 MiB, block by block when
 * it is large (RFC 7959 section 2.5), GET gives it back, DELETE removes it; If-Match and
 * If-None-Match are honoured where they tell "there" from "not there". The body is replaced when
 * its last block has come, not before. A transfer belongs to one peer; blocks out of order end it
 * with 4.08.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "demo.h"

int demo_upload_get(demo_t *demo, int content_format, demo_body_t *body) {
  if (demo->upload == NULL) {
    return ACOAP_CODE_NOT_FOUND;
  }
  if (content_format != ACOAP_FORMAT_NONE && content_format != demo->upload_format) {
    return ACOAP_CODE_NOT_ACCEPTABLE;
  }
  body->bytes = demo->upload;
  body->len = demo->upload_len;
  body->content_format = demo->upload_format;
  body->etag = demo->upload_etag;
  return 0;
}

static void transfer_end(demo_transfer_t *transfer) {
  free(transfer->bytes);
  transfer->bytes = NULL;
  transfer->len = 0;
  memset(&transfer->peer, 0, sizeof(transfer->peer));
}

static demo_transfer_t *transfer_of(demo_t *demo, const acoap_address_t *peer) {
  for (size_t i = 0; i < DEMO_TRANSFERS_MAX; i++) {
    if (acoap_address_equal(&demo->transfers[i].peer, peer)) {
      return &demo->transfers[i];
    }
  }
  return NULL;
}

/* The peer's place from now on, empty. */
static demo_transfer_t *transfer_begin(demo_t *demo, const acoap_address_t *peer) {
  demo_transfer_t *chosen = transfer_of(demo, peer);
  for (size_t i = 0; i < DEMO_TRANSFERS_MAX && chosen == NULL; i++) {
    if (demo->transfers[i].peer.family == ACOAP_FAMILY_NONE) {
      chosen = &demo->transfers[i];
    }
  }
  if (chosen == NULL) {
    chosen = &demo->transfers[0];
    for (size_t i = 1; i < DEMO_TRANSFERS_MAX; i++) {
      if (demo->transfers[i].heard_ms < chosen->heard_ms) {
        chosen = &demo->transfers[i];
      }
    }
  }
  transfer_end(chosen);
  chosen->peer = *peer;
  return chosen;
}

static bool transfer_append(demo_transfer_t *transfer, acoap_bytes_t payload) {
  /* Doubling from 4 KiB on: len and cap are powers of two apart, so cap need not be kept. */
  size_t cap = 4096;
  while (cap < transfer->len) {
    cap *= 2;
  }
  if (transfer->bytes == NULL || transfer->len + payload.len > cap) {
    while (cap < transfer->len + payload.len) {
      cap *= 2;
    }
    uint8_t *more = realloc(transfer->bytes, cap);
    if (more == NULL) {
      return false;
    }
    transfer->bytes = more;
  }
  if (payload.len > 0) {
    memcpy(transfer->bytes + transfer->len, payload.data, payload.len);
  }
  transfer->len += payload.len;
  return true;
}

static void too_large(const demo_call_t *call) {
  acoap_builder_t *builder =
      acoap_request_begin(call->request, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
  if (builder != NULL) {
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE1, (uint32_t)DEMO_UPLOAD_MAX);
    acoap_request_send(call->request, ACOAP_AS_REQUESTED);
  }
}

/* The body is whole: it is the representation from now on. Takes bytes over. */
static void store(const demo_call_t *call, uint8_t *bytes, size_t len,
                  const acoap_block_t *block1) {
  demo_t *demo = call->demo;
  uint32_t format = 0;
  uint8_t code = demo->upload != NULL ? ACOAP_CODE_CHANGED : ACOAP_CODE_CREATED;
  free(demo->upload);
  demo->upload = bytes;
  demo->upload_len = len;
  demo->upload_etag = demo_etag(bytes, len);
  demo->upload_format = acoap_view_uint(call->view, ACOAP_OPTION_CONTENT_FORMAT, &format)
                            ? (int)format
                            : ACOAP_FORMAT_NONE;
  demo_answer(call, code, block1);
}

static void take_block(const demo_call_t *call, const acoap_block_t *block) {
  const acoap_address_t *peer = acoap_message_peer(acoap_request_message(call->request));
  demo_transfer_t *transfer =
      block->num == 0 ? transfer_begin(call->demo, peer) : transfer_of(call->demo, peer);
  size_t size = acoap_block_size(block->szx);
  uint64_t offset = (uint64_t)block->num * size;
  acoap_bytes_t payload = call->view->payload;
  if (transfer == NULL || offset != transfer->len) {
    demo_error(call, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE, "a block is missing");
    return;
  }
  if (payload.len > size || (block->more && payload.len != size)) {
    transfer_end(transfer);
    demo_error(call, ACOAP_CODE_BAD_REQUEST, "payload does not fill its block");
    return;
  }
  if (offset + payload.len > DEMO_UPLOAD_MAX) {
    transfer_end(transfer);
    too_large(call);
    return;
  }
  if (!transfer_append(transfer, payload)) {
    transfer_end(transfer);
    demo_error(call, ACOAP_CODE_INTERNAL_SERVER_ERROR, "out of memory");
    return;
  }
  transfer->heard_ms = uv_now(call->demo->loop);
  if (block->more) {
    demo_answer(call, ACOAP_CODE_CONTINUE, block);
    return;
  }
  uint8_t *whole = transfer->bytes;
  size_t len = transfer->len;
  transfer->bytes = NULL;
  transfer_end(transfer);
  store(call, whole, len, block);
}

/* RFC 7252 sections 5.10.8.1 and 5.10.8.2. */
static bool precondition_holds(const demo_call_t *call) {
  acoap_bytes_t value;
  bool there = call->demo->upload != NULL;
  if (acoap_view_option(call->view, ACOAP_OPTION_IF_NONE_MATCH, 0, &value) && there) {
    return false;
  }
  return !acoap_view_option(call->view, ACOAP_OPTION_IF_MATCH, 0, &value) ||
         (there && value.len == 0);
}

static void take_whole(const demo_call_t *call) {
  acoap_bytes_t payload = call->view->payload;
  uint8_t *bytes = malloc(payload.len + 1);
  if (bytes == NULL) {
    demo_error(call, ACOAP_CODE_INTERNAL_SERVER_ERROR, "out of memory");
    return;
  }
  if (payload.len > 0) {
    memcpy(bytes, payload.data, payload.len);
  }
  store(call, bytes, payload.len, NULL);
}

void demo_upload_change(const demo_call_t *call) {
  demo_t *demo = call->demo;
  acoap_block_t block;
  uint32_t size1 = 0;
  if (!precondition_holds(call)) {
    demo_error(call, ACOAP_CODE_PRECONDITION_FAILED, NULL);
    return;
  }
  if (call->method == ACOAP_CODE_DELETE) {
    free(demo->upload);
    demo->upload = NULL;
    demo_answer(call, ACOAP_CODE_DELETED, NULL);
    return;
  }
  int found = acoap_view_block(call->view, ACOAP_OPTION_BLOCK1, &block);
  if (found < 0) {
    demo_error(call, ACOAP_CODE_BAD_OPTION, "Block1");
  } else if (acoap_view_uint(call->view, ACOAP_OPTION_SIZE1, &size1) && size1 > DEMO_UPLOAD_MAX) {
    too_large(call);
  } else if (found == 0) {
    take_whole(call);
  } else {
    take_block(call, &block);
  }
}

void demo_upload_done(demo_t *demo) {
  for (size_t i = 0; i < DEMO_TRANSFERS_MAX; i++) {
    transfer_end(&demo->transfers[i]);
  }
  free(demo->upload);
}
