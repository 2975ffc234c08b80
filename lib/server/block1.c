/*
 * Request bodies (RFC 7959 sections 2.3, 2.5 and 2.9, RFC 9175 section 3). A body is known by who
 * sends it, to what, with which options and which Request-Tag, never by the token. For block num of
 * size s, at offset num * s of a body of which `len` bytes are here:
 *
 *     num = 0                      begins (anew); what was begun is aborted
 *     offset = len                 is taken: 2.31, or the handler when it is the last
 *     offset = that of the last    was taken already: 2.31 again, not written twice
 *     nothing begun, or a gap      4.08; but of a body with a Request-Tag that is joined
 *         offset > len             is kept for its turn, at most 63 blocks ahead: 2.31
 *         offset < len             was taken already: 2.31
 *     Size1 or len beyond the cap  4.13 with Size1
 *
 * The handler runs only when the body is complete. The answers name a smaller size where the server
 * wants one; the client's next block says its number in that. Where bodies are kept is upload.c.
 * SPDX-License-Identifier: MIT
 */
#include "server/qblock.h"

#include "server/upload.h"

/* ---- answers --------------------------------------------------------------------------------- */

/* No Block1 in the answer: it is about the body as a whole. */
static void answer_plain(acoap__serving_t *serving, uint8_t code) {
  serving->has_block1 = false;
  acoap__answer_code(serving, code, NULL);
}

/* An answer with one option more. */
static void answer_with(acoap__serving_t *serving, uint8_t code, uint16_t option, uint32_t value) {
  acoap_builder_t *builder = acoap_request_begin(serving->request, code);
  if (builder == NULL) {
    return;
  }
  acoap_builder_uint(builder, option, value);
  serving->settled = true;
  serving->answered = true;
  (void)acoap__answer_or_fail(serving, builder, NULL, ACOAP_AS_REQUESTED);
}

/* Section 2.9.3: how large it may be. Block1 only where a smaller block is asked for. */
static void answer_too_large(acoap__serving_t *serving, size_t most) {
  uint32_t size = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
  size_t block_size = serving->server->options.block_size;
  serving->server->stats.transfers_refused++;
  serving->has_block1 = serving->has_block1 && acoap_block_size(serving->block1.szx) > block_size;
  answer_with(serving, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE, ACOAP_OPTION_SIZE1, size);
}

/* The table is full. */
static void answer_unavailable(acoap__serving_t *serving) {
  serving->server->stats.transfers_refused++;
  serving->has_block1 = false;
  answer_with(serving, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_OPTION_MAX_AGE,
              serving->server->options.retry_s);
}

void acoap__block1_answer(const acoap__serving_t *serving, acoap_builder_t *builder) {
  int szx = acoap_block_szx(serving->server->options.block_size);
  acoap_block_t block = serving->block1;
  acoap_view_t view;
  if (!serving->has_block1) {
    return;
  }
  acoap_builder_view(builder, &view);
  /* Anything but 2.31 is the final answer to the body (section 2.3). */
  block.more = view.code == ACOAP_CODE_CONTINUE;
  block.szx = szx >= 0 && szx < block.szx ? (uint8_t)szx : block.szx;
  acoap_builder_remove(builder, ACOAP_OPTION_BLOCK1);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
}

static void answer_continue(acoap__serving_t *serving) {
  acoap__answer_code(serving, ACOAP_CODE_CONTINUE, NULL);
}

void acoap__block1_fail(acoap__serving_t *serving, int status) {
  if (status == ACOAP_ETOOBIG) {
    answer_too_large(serving, acoap__upload_max(serving));
  } else if (status == ACOAP_EEXHAUSTED) {
    serving->server->stats.transfers_refused++;
    answer_plain(serving, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
  } else if (status == ACOAP_EINCOMPLETE) {
    answer_plain(serving, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
  } else if (status >= ACOAP_CODE_BAD_REQUEST && status <= UINT8_MAX) {
    answer_plain(serving, (uint8_t)status);
  } else {
    answer_plain(serving, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  }
}

/* ---- a block is in --------------------------------------------------------------------------- */

static bool is_last(const acoap__serving_t *serving) {
  return !serving->has_block1 || !serving->block1.more;
}

/* The last block is in: the body is the request's. */
static void complete(acoap_upload_t *upload, acoap__serving_t *serving) {
  acoap__transfer_t *transfer = upload->transfer;
  if (transfer != NULL) {
    transfer->upload = NULL;
    upload->transfer = NULL;
    acoap__transfer_end(serving->server, transfer, 0);
  }
  serving->upload = upload;
}

void acoap__block1_written(acoap_upload_t *upload, acoap__serving_t *serving) {
  if (upload->transfer != NULL && upload->transfer->qreceive != NULL) {
    acoap__qblock1_written(upload, serving);
    return;
  }
  if (!is_last(serving)) {
    answer_continue(serving);
    return;
  }
  complete(upload, serving);
  acoap__serving_run(serving);
}

/* Write what the request brings. True: answered or kept; false: the body is complete. */
static bool take(acoap_upload_t *upload, acoap__serving_t *serving, uint64_t offset) {
  acoap_bytes_t bytes = acoap_message_payload(acoap_request_message(serving->request));
  int status = acoap__upload_write(upload, serving, offset, bytes);
  if (status == ACOAP_EAGAIN || status == ACOAP__UPLOAD_GONE) {
    return true;
  }
  if (status != 0) {
    acoap__upload_drop(upload, status);
    acoap__block1_fail(serving, status);
    return true;
  }
  if (!is_last(serving)) {
    answer_continue(serving);
    return true;
  }
  complete(upload, serving);
  return false;
}

/* ---- the request ----------------------------------------------------------------------------- */

/* What the client announces (RFC 7959 section 4); of a body in one message its length. */
static uint64_t announced(const acoap__serving_t *serving) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(serving->request));
  uint32_t size1;
  if (is_last(serving)) {
    return view->payload.len;
  }
  return acoap_view_uint(view, ACOAP_OPTION_SIZE1, &size1) ? size1 : ACOAP_BODY_SIZE_UNKNOWN;
}

/* A new body. NULL: answered. */
static acoap_upload_t *begin(acoap__serving_t *serving) {
  uint64_t total = announced(serving);
  acoap_upload_t *upload;
  int status = acoap__upload_new(serving, total, &upload);
  if (status != 0) {
    if (status != ACOAP__UPLOAD_GONE) {
      acoap__block1_fail(serving, status);
    }
    return NULL;
  }
  return upload;
}

/* A body that is not in blocks, or in one. */
static bool receive_whole(acoap__serving_t *serving) {
  size_t len = acoap_message_payload(acoap_request_message(serving->request)).len;
  if (!acoap__upload_has_writer(serving)) {
    if (len > acoap__upload_max(serving)) {
      answer_too_large(serving, acoap__upload_max(serving));
      return true;
    }
    return false; /* the payload is the body */
  }
  acoap_upload_t *upload = begin(serving);
  return upload == NULL || take(upload, serving, 0);
}

/* The first block of several. */
static bool receive_first(acoap__serving_t *serving, const acoap__key_t *key) {
  acoap_server_t *server = serving->server;
  acoap_upload_t *upload = begin(serving);
  if (upload == NULL) {
    return true;
  }
  /* What a writer did in `begin` may have made room for another of the same. */
  acoap__transfer_end(server, acoap__transfer_find(server, ACOAP__TRANSFER_IN, key),
                      ACOAP_ECANCELED);
  acoap__transfer_t *transfer = acoap__transfer_new(serving, ACOAP__TRANSFER_IN, key, NULL);
  if (transfer == NULL) {
    acoap__upload_drop(upload, ACOAP_EEXHAUSTED);
    answer_unavailable(serving);
    return true;
  }
  transfer->upload = upload;
  upload->transfer = transfer;
  return take(upload, serving, 0);
}

/*
 * A block out of turn, of a client that has several under way. Only a Request-Tag tells it from a
 * block of another body that the network has kept (RFC 9175 section 3.5.1). 0: it is, or was,
 * taken; ACOAP_EINCOMPLETE; or why the body has to end.
 */
static int take_out_of_turn(acoap_upload_t *upload, acoap__serving_t *serving, uint64_t offset) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(serving->request));
  acoap_bytes_t tag;
  if (upload->ops != NULL || is_last(serving) ||
      !acoap_view_option(view, ACOAP_OPTION_REQUEST_TAG, 0, &tag)) {
    return ACOAP_EINCOMPLETE;
  }
  if (offset + view->payload.len <= upload->len) {
    return 0;
  }
  return acoap__upload_write_early(upload, serving, offset, view->payload);
}

static void receive_out_of_turn(acoap_upload_t *upload, acoap__serving_t *serving,
                                uint64_t offset) {
  int status = take_out_of_turn(upload, serving, offset);
  if (status == 0) {
    acoap__transfer_follow(upload->transfer, serving);
    answer_continue(serving);
  } else if (status == ACOAP_EINCOMPLETE) {
    answer_plain(serving, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
  } else if (status != ACOAP__UPLOAD_GONE) {
    acoap__upload_drop(upload, status);
    acoap__block1_fail(serving, status);
  }
}

/* A later block. */
static bool receive_next(acoap__serving_t *serving, acoap_upload_t *upload) {
  const acoap_block_t *block = &serving->block1;
  size_t len = acoap_message_payload(acoap_request_message(serving->request)).len;
  uint64_t offset = (uint64_t)block->num * acoap_block_size(block->szx);
  if (block->more && offset == upload->last_at && len == upload->last_len) {
    acoap__transfer_follow(upload->transfer, serving);
    if (upload->asked_later) {
      acoap__upload_wait(upload, serving); /* in the place of the request that waits */
    } else {
      answer_continue(serving);
    }
    return true;
  }
  if (offset != upload->len || upload->asked_later) {
    receive_out_of_turn(upload, serving, offset);
    return true;
  }
  acoap__transfer_follow(upload->transfer, serving);
  return take(upload, serving, offset);
}

bool acoap__block1_receive(acoap__serving_t *serving) {
  acoap_server_t *server = serving->server;
  size_t len = acoap_message_payload(acoap_request_message(serving->request)).len;
  size_t size = acoap_block_size(serving->block1.szx);
  if (!serving->has_block1) {
    return receive_whole(serving);
  }
  if (serving->block1.more ? len != size : len > size) {
    serving->has_block1 = false;
    acoap__answer_code(serving, ACOAP_CODE_BAD_REQUEST, "payload and block size differ");
    return true;
  }
  acoap__key_t key =
      acoap__key_make(server, serving->request, ACOAP__KEY_PEER | ACOAP__KEY_REQUEST_TAG);
  acoap__transfer_t *transfer = acoap__transfer_find(server, ACOAP__TRANSFER_IN, &key);
  if (serving->block1.num == 0) {
    acoap__transfer_end(server, transfer, ACOAP_ECANCELED);
    return serving->block1.more ? receive_first(serving, &key) : receive_whole(serving);
  }
  if (transfer == NULL) {
    answer_plain(serving, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
    return true;
  }
  return receive_next(serving, transfer->upload);
}

acoap_bytes_t acoap__block1_body(const acoap__serving_t *serving) {
  const acoap_upload_t *upload = serving->upload;
  if (upload != NULL && upload->ops == NULL) {
    return (acoap_bytes_t){upload->bytes, (size_t)upload->len};
  }
  return acoap_message_payload(acoap_request_message(serving->request));
}
