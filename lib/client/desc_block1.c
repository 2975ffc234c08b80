/*
 * Sending a request body in blocks (RFC 7959 sections 2.3, 2.5, 2.9 and 3.2).
 *
 * The rule: the next block is sent when the last was answered with 2.31 Continue, or by a server
 * that acts on each block for itself with another 2.xx and Block1. offset(n + 1) = offset(n) +
 * size(n); the server may ask for a smaller size with any answer. 4.13 with a smaller size starts
 * again with that, 4.08 starts again once. A body that fits into one block goes as an ordinary
 * payload.
 *
 * With a window further blocks are on their way while one is answered (window.c); the answers come
 * here in order, and the last block goes when all others are there.
 *
 * With Q-Block1 (RFC 9177) the layer stays at the start of the body: qblock1.c has it write any
 * block, and hands up what the server says of sets, for which there is nothing to do here, until
 * the answer to the body comes.
 *
 * When the server answers the last block, what follows (Block2, section 3.3) is no longer this
 * layer's business.
 * SPDX-License-Identifier: MIT
 */
#include "client/send.h"

#include <acoap/block.h>

#include <string.h>

typedef struct block1_layer {
  acoap_body_reader_cb reader; /* where the body comes from */
  void *user_data;             /* handed to it */
  int64_t total;               /* bytes; -1: unknown until the reader ends */
  uint64_t offset;             /* of the block in hand */
  size_t sent;                 /* its length in bytes */
  uint8_t szx;                 /* its size; sizes never grow again within a send */
  bool blockwise;              /* it went with a Block1 option */
  bool more;                   /* further blocks follow it */
  bool restarted;              /* 4.08 was answered with a new start once */
  bool done;                   /* the server has answered the last block */
  bool tagged;                 /* `tag` is set */
  uint8_t tag[4];              /* Request-Tag, with a window */
  size_t len;                  /* bytes of `body`; 0 with a reader of the user's */
  uint8_t body[];              /* copied */
} block1_layer_t;

/* ---- requests ------------------------------------------------------------------------------- */

static int read_body(void *user_data, uint64_t offset, uint8_t *room, size_t cap) {
  const block1_layer_t *layer = user_data;
  size_t left = offset < layer->len ? layer->len - (size_t)offset : 0;
  size_t n = left < cap ? left : cap;
  if (n > 0) {
    memcpy(room, layer->body + offset, n);
  }
  return (int)n;
}

/* Read one block; says whether further ones follow. Returns its length or a negative error. */
static int read_block(const block1_layer_t *layer, uint64_t offset, uint8_t *room, size_t size,
                      bool *more) {
  uint8_t probe;
  int n = layer->reader(layer->user_data, offset, room, size);
  if (n < 0) {
    return n;
  }
  uint64_t end = offset + (uint64_t)n;
  if ((size_t)n > size || (layer->total >= 0 && end > (uint64_t)layer->total)) {
    return ACOAP_EINVAL;
  }
  if ((size_t)n < size) {
    *more = false;
    return layer->total < 0 || end == (uint64_t)layer->total ? n : ACOAP_EINVAL;
  }
  if (layer->total >= 0) {
    *more = end < (uint64_t)layer->total;
    return n;
  }
  /* Only the reader knows whether this was the last block. */
  int further = layer->reader(layer->user_data, end, &probe, 1);
  *more = further > 0;
  return further < 0 ? further : n;
}

/* The greatest size not above the wanted one that leaves the block room enough. */
static int choose_size(block1_layer_t *layer, size_t room) {
  while (acoap_block_size(layer->szx) > room && layer->szx > 0) {
    layer->szx--;
  }
  return acoap_block_size(layer->szx) > room ? ACOAP_ETOOBIG : 0;
}

/* Block1, Size1 and Request-Tag with their heads are at most 5, 7 and 7 bytes, a successor's delta
 * may need 2 more. Q-Block1 is no longer than Block1. */
#define BLOCK1_ROOM 21u

/*
 * Blocks that may overtake each other say which body they belong to (RFC 9175 section 3.3). A tag
 * of the user's stays.
 */
static void write_tag(block1_layer_t *layer, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  acoap_view_t view;
  acoap_bytes_t value;
  if (exchange->send->desc.block1_window <= 1 && !acoap__qblock_is_on(exchange)) {
    return;
  }
  acoap_builder_view(builder, &view);
  if (acoap_view_option(&view, ACOAP_OPTION_REQUEST_TAG, 0, &value)) {
    return;
  }
  if (!layer->tagged) {
    uint8_t token[8];
    acoap__engine_new_token(acoap__local_endpoint_engine(exchange->send->endpoint), token);
    memcpy(layer->tag, token, sizeof(layer->tag));
    layer->tagged = true;
  }
  acoap_builder_option(builder, ACOAP_OPTION_REQUEST_TAG, layer->tag, sizeof(layer->tag));
}

/*
 * What a block says of itself: Block1, or Q-Block1, whose blocks all have the tag and the length
 * (RFC 9177 sections 4.3 and 4.6). Begun anew it is another body to the server.
 */
static void write_block_options(block1_layer_t *layer, acoap_exchange_t *exchange,
                                const acoap_block_t *block, acoap_builder_t *builder) {
  bool sets = acoap__qblock_is_on(exchange);
  uint16_t number = sets ? ACOAP_OPTION_Q_BLOCK1 : ACOAP_OPTION_BLOCK1;
  bool first = exchange->qblock.request == ACOAP__QBLOCK_FIRST;
  if (sets && first) {
    layer->tagged = false;
  }
  acoap_builder_remove(builder, number);
  acoap_builder_block(builder, number, block);
  write_tag(layer, exchange, builder);
  if ((sets || block->num == 0) && layer->total >= 0 && layer->total <= UINT32_MAX) {
    acoap_builder_remove(builder, ACOAP_OPTION_SIZE1);
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE1, (uint32_t)layer->total);
  }
  exchange->qblock.upload = sets;
}

/* The options are longer than payloads, so they are written first: with the values they will have.
 */
static int write_block(block1_layer_t *layer, acoap_exchange_t *exchange,
                       acoap_builder_t *builder) {
  size_t room = 0;
  size_t left = acoap_builder_left(builder);
  int status = choose_size(layer, left > BLOCK1_ROOM ? left - BLOCK1_ROOM : 0);
  if (status < 0) {
    return status;
  }
  uint8_t *bytes = acoap_builder_payload_room(builder, &room);
  if (bytes == NULL) {
    return ACOAP_ETOOBIG;
  }
  size_t size = acoap_block_size(layer->szx);
  int n = read_block(layer, layer->offset, bytes, size, &layer->more);
  if (n < 0) {
    return n;
  }
  layer->sent = (size_t)n;
  acoap_builder_payload_commit(builder, (size_t)n);
  layer->blockwise = layer->more || layer->offset > 0;
  if (!layer->blockwise) {
    return 0;
  }
  acoap_block_t block = {(uint32_t)(layer->offset >> (layer->szx + 4)), layer->more, layer->szx};
  if (layer->offset >> (layer->szx + 4) > ACOAP_BLOCK_NUM_MAX) {
    return ACOAP_ETOOBIG;
  }
  write_block_options(layer, exchange, &block, builder);
  return 0;
}

/* Any block of a body that goes in sets; the first was there and has settled the size. */
static int write_of_sets(block1_layer_t *layer, acoap_exchange_t *exchange,
                         acoap_builder_t *builder) {
  acoap_block_t block = {exchange->qblock.num, false, layer->szx};
  size_t size = acoap_block_size(layer->szx);
  size_t room = 0;
  if (acoap_builder_left(builder) < size + BLOCK1_ROOM) {
    return ACOAP_ETOOBIG;
  }
  uint8_t *bytes = acoap_builder_payload_room(builder, &room);
  int n = bytes == NULL ? ACOAP_ETOOBIG
                        : read_block(layer, (uint64_t)block.num * size, bytes, size, &block.more);
  if (n < 0) {
    return n;
  }
  acoap_builder_payload_commit(builder, (size_t)n);
  write_block_options(layer, exchange, &block, builder);
  return 0;
}

/*
 * A block ahead of the one whose turn it is (window.c): of the same size, and never the last, which
 * says that the body is complete. The layer stays where it is.
 */
static int write_ahead(block1_layer_t *layer, acoap_exchange_t *exchange,
                       acoap_builder_t *builder) {
  size_t size = acoap_block_size(layer->szx);
  uint64_t offset = layer->offset + (uint64_t)exchange->skip * size;
  acoap_block_t block = {(uint32_t)(offset >> (layer->szx + 4)), true, layer->szx};
  size_t room = 0;
  bool more = false;
  size_t left = acoap_builder_left(builder);
  if (offset >> (layer->szx + 4) > ACOAP_BLOCK_NUM_MAX || left < size + BLOCK1_ROOM) {
    return ACOAP_ETOOBIG;
  }
  uint8_t *bytes = acoap_builder_payload_room(builder, &room);
  int n = bytes == NULL ? ACOAP_ETOOBIG : read_block(layer, offset, bytes, size, &more);
  if (n < 0) {
    return n;
  }
  if (!more) {
    return ACOAP_EAGAIN;
  }
  acoap_builder_payload_commit(builder, (size_t)n);
  acoap_builder_remove(builder, ACOAP_OPTION_BLOCK1);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
  write_tag(layer, exchange, builder);
  return 0;
}

static int block1_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  block1_layer_t *layer = object;
  if (layer->done) {
    return 0;
  }
  if (exchange->qblock.request == ACOAP__QBLOCK_PAYLOAD) {
    return write_of_sets(layer, exchange, builder);
  }
  if (exchange->skip > 0) {
    int written = write_ahead(layer, exchange, builder);
    exchange->upload_more = true;
    return written;
  }
  int status = write_block(layer, exchange, builder);
  if (status < 0) {
    return status;
  }
  exchange->upload = true;
  exchange->upload_more = layer->more;
  exchange->upload_offset = layer->offset;
  exchange->upload_end = layer->offset + layer->sent;
  exchange->upload_total = layer->more ? layer->total : (int64_t)exchange->upload_end;
  exchange->upload_size = layer->blockwise ? (uint32_t)acoap_block_size(layer->szx) : 0;
  return 0;
}

/* ---- responses ------------------------------------------------------------------------------ */

static int again(acoap_exchange_t *exchange) {
  exchange->ahead.most = 0;
  acoap_exchange_set_message(exchange, NULL);
  return ACOAP_SEND_NEXT;
}

/*
 * Several blocks may be under way to a server that says that it joins them (2.31); one that has had
 * to be given the body anew gets them one by one.
 */
static void go_ahead(const block1_layer_t *layer, acoap_exchange_t *exchange, uint8_t code) {
  if (code == ACOAP_CODE_CONTINUE && !layer->restarted) {
    exchange->ahead = (acoap__ahead_t){.most = exchange->send->desc.block1_window,
                                       .num = (uint32_t)(layer->offset >> (layer->szx + 4)),
                                       .szx = layer->szx,
                                       .upload = true};
  }
}

/* The server has taken a block that was not the last. */
static int advance(block1_layer_t *layer, acoap_exchange_t *exchange, uint8_t code,
                   const acoap_block_t *block) {
  if (block != NULL) {
    uint32_t num = (uint32_t)(layer->offset >> (layer->szx + 4));
    if (block->num != num) {
      return ACOAP_EBLOCK;
    }
    if (block->szx < layer->szx) {
      layer->szx = block->szx; /* section 2.3: the offset stays what it is */
    }
  }
  layer->offset += layer->sent;
  int verdict = again(exchange);
  go_ahead(layer, exchange, code);
  return verdict;
}

/* 4.13 with a size smaller than ours, or 4.08 for the first time: another start (section 2.9). */
static bool may_restart(block1_layer_t *layer, uint8_t code, const acoap_block_t *block) {
  if (code == ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE && block != NULL && block->szx < layer->szx) {
    layer->szx = block->szx;
    return true;
  }
  if (code == ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE && layer->blockwise && !layer->restarted) {
    layer->restarted = true;
    return true;
  }
  return false;
}

static int success(block1_layer_t *layer, acoap_exchange_t *exchange, uint8_t code,
                   const acoap_block_t *block) {
  if (!layer->more) {
    if (code == ACOAP_CODE_CONTINUE) {
      return ACOAP_EBLOCK; /* there is nothing to continue with */
    }
    layer->done = true;
    exchange->ahead.most = 0;
    return acoap_exchange_inner(exchange);
  }
  if (code != ACOAP_CODE_CONTINUE && block == NULL) {
    return ACOAP_EINCOMPLETE; /* it knows no Block1 and took the block for the body */
  }
  return advance(layer, exchange, code, block);
}

static int block1_handle(void *object, acoap_exchange_t *exchange) {
  block1_layer_t *layer = object;
  const acoap_message_t *message = acoap_exchange_message(exchange);
  acoap_block_t block;
  if (message == NULL || layer->done) {
    return acoap_exchange_inner(exchange);
  }
  uint8_t code = acoap_message_code(message);
  const acoap_view_t *view = acoap_message_view(message);
  bool sets = exchange->qblock.out != NULL && acoap__qblock_is_on(exchange);
  if (sets && acoap__sets_out_is_active(exchange->qblock.out)) {
    return again(exchange); /* a set is there, or is not: qblock1.c has seen to it */
  }
  int found = acoap__qblock_of(view, sets ? ACOAP_OPTION_Q_BLOCK1 : ACOAP_OPTION_BLOCK1, &block);
  if (found < 0) {
    return ACOAP_EBLOCK;
  }
  const acoap_block_t *given = found == 1 ? &block : NULL;
  if (sets && layer->more && acoap_code_is_success(code)) {
    return ACOAP_EINCOMPLETE; /* an answer to a body that is not there */
  }
  if (acoap_code_is_success(code)) {
    return success(layer, exchange, code, given);
  }
  if (may_restart(layer, code, given)) {
    layer->offset = 0;
    return again(exchange);
  }
  return acoap_exchange_inner(exchange);
}

/* No clone: a follow-up fetches, it has nothing to send. */
static const acoap_layer_ops_t block1_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .write = block1_write,
    .handle = block1_handle,
};

bool acoap__block1_shrink(void *object) {
  block1_layer_t *layer = object;
  if (layer->done || layer->szx == 0) {
    return false;
  }
  layer->szx--;
  return true;
}

void acoap__block1_restart(void *object) {
  block1_layer_t *layer = object;
  layer->offset = 0;
  layer->done = false;
}

bool acoap__block1_has_total(const void *object) {
  const block1_layer_t *layer = object;
  return layer->total >= 0 && layer->total <= UINT32_MAX;
}

bool acoap__block1_takes_blocks(const void *object) {
  const block1_layer_t *layer = object;
  return !layer->done && layer->total > (int64_t)acoap_block_size(layer->szx);
}

uint64_t acoap__block1_count(const void *object) {
  const block1_layer_t *layer = object;
  size_t size = acoap_block_size(layer->szx);
  return ((uint64_t)layer->total + size - 1) / size;
}

uint64_t acoap__block1_end(const void *object, uint64_t count) {
  const block1_layer_t *layer = object;
  uint64_t end = count * acoap_block_size(layer->szx);
  return end < (uint64_t)layer->total ? end : (uint64_t)layer->total;
}

void acoap__block1_note_sent(void *object, bool all) {
  block1_layer_t *layer = object;
  layer->more = !all;
  layer->blockwise = true;
}

void acoap__block1_note_answered(void *object) {
  block1_layer_t *layer = object;
  layer->done = layer->done || !layer->more;
}

/* ---- for users ------------------------------------------------------------------------------ */

static block1_layer_t *add(acoap_desc_t *desc, size_t size, size_t len) {
  int szx = acoap_block_szx(size == 0 ? 1024 : size);
  if (szx < 0 || (desc != NULL && desc->block1 != NULL)) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return NULL;
  }
  if (len > SIZE_MAX / 2) {
    acoap__desc_fail(desc, ACOAP_ETOOBIG);
    return NULL;
  }
  block1_layer_t *layer =
      acoap__desc_add(desc, &block1_ops, sizeof(*layer) + len, ACOAP__RANK_BLOCK1, false);
  if (desc != NULL && layer != NULL) {
    desc->block1 = layer;
    layer->szx = (uint8_t)szx;
  }
  return layer;
}

void acoap_desc_block1(acoap_desc_t *desc, size_t size, const void *body, size_t len) {
  if (body == NULL && len > 0) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  block1_layer_t *layer = add(desc, size, len);
  if (layer == NULL) {
    return;
  }
  layer->reader = read_body;
  layer->user_data = layer;
  layer->total = (int64_t)len;
  layer->len = len;
  if (len > 0) {
    memcpy(layer->body, body, len);
  }
}

void acoap_desc_block1_reader(acoap_desc_t *desc, size_t size, int64_t total,
                              acoap_body_reader_cb reader, void *user_data) {
  if (reader == NULL || total < -1) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  block1_layer_t *layer = add(desc, size, 0);
  if (layer != NULL) {
    layer->reader = reader;
    layer->user_data = user_data;
    layer->total = total;
  }
}

void acoap_desc_block1_window(acoap_desc_t *desc, size_t n) {
  if (n == 0 || n > ACOAP__WINDOW_MAX) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
  } else if (acoap__desc_usable(desc)) {
    desc->block1_window = (uint16_t)n;
  }
}
