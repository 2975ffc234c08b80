/*
 * Fetching the remaining blocks of a large response (RFC 7959 sections 2.4, 2.7, 3.1 and 3.3).
 *
 * The rule: block n is asked for as soon as block n - 1 is there; offset(n) = offset(n - 1) +
 * size(n - 1), so that the server may choose a smaller size at any time (num * size is the offset,
 * whatever the size). The ETag has to stay the same; when it changes, a GET starts again, once.
 *
 * Requests for further blocks repeat the options of the first. Their payload is repeated for FETCH,
 * where it is a part of what names the representation (RFC 8132 section 2), and left out for POST
 * and the like, which would be performed again otherwise (RFC 7959 section 3.3 shows them empty).
 * With a window the blocks behind the next one are asked for too (window.c); they come here in
 * order. So do those of Q-Block2 (RFC 9177), which qblock2.c brings. Keeps no bodies.
 * SPDX-License-Identifier: MIT
 */
#include "client/send.h"

#include <acoap/block.h>

#include <string.h>

typedef struct block2_layer {
  int8_t wished_szx; /* of the first request; -1: the server chooses */
  bool active;       /* further blocks are being fetched */
  bool restarted;    /* the ETag has changed once */
  uint8_t szx;       /* of the last block */
  uint32_t num;      /* the next block in units of szx */
  bool has_etag;     /* `etag` is known */
  uint8_t etag_len;  /* bytes */
  uint8_t etag[8];   /* of the representation */
} block2_layer_t;

/* ---- requests ------------------------------------------------------------------------------- */

static int block2_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  const block2_layer_t *layer = object;
  acoap_block_t block = {0, false, 0};
  bool goes_on = layer->active || acoap__qblock_lacks_first(exchange);
  bool fetches = goes_on && exchange->send->desc.method != ACOAP_CODE_FETCH;
  if (acoap__qblock_write_wish(exchange, layer->wished_szx, goes_on, builder)) {
    if (fetches) {
      acoap_builder_payload(builder, NULL, 0);
    }
    return 0;
  }
  if (layer->active) {
    block.num = layer->num + exchange->skip;
    block.szx = layer->szx;
    if (fetches) {
      acoap_builder_payload(builder, NULL, 0);
    }
  } else if (layer->wished_szx >= 0 && !exchange->upload_more) {
    block.szx = (uint8_t)layer->wished_szx; /* early negotiation, section 2.4 */
  } else {
    return 0;
  }
  acoap_builder_remove(builder, ACOAP_OPTION_BLOCK2);
  if (block.num == 0 && block.szx == 0) {
    /* 0 in one byte rather than in none, which RFC 7252 section 3.2 lets a sender do: servers are
       met that take an empty value for blocks of no bytes (node-coap 1.5). */
    acoap_builder_option(builder, ACOAP_OPTION_BLOCK2, "\0", 1);
  } else {
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  }
  return 0;
}

/* ---- responses ------------------------------------------------------------------------------ */

/* Is it still the same representation? An ETag that only some blocks have is no contradiction. */
static bool same_etag(block2_layer_t *layer, const acoap_view_t *view) {
  acoap_bytes_t etag;
  if (!acoap_view_option(view, ACOAP_OPTION_ETAG, 0, &etag) || etag.len > sizeof(layer->etag)) {
    return true;
  }
  if (layer->has_etag) {
    return etag.len == layer->etag_len && memcmp(etag.data, layer->etag, etag.len) == 0;
  }
  layer->has_etag = true;
  layer->etag_len = (uint8_t)etag.len;
  if (etag.len > 0) {
    memcpy(layer->etag, etag.data, etag.len);
  }
  return true;
}

static void forget(block2_layer_t *layer, acoap_exchange_t *exchange) {
  layer->active = false;
  layer->has_etag = false;
  exchange->ahead = (acoap__ahead_t){0};
}

/* The representation has changed: what was fetched is void. */
static int changed(block2_layer_t *layer, acoap_exchange_t *exchange) {
  const acoap_desc_t *desc = &exchange->send->desc;
  bool repeatable =
      desc->method == ACOAP_CODE_GET || (desc->method == ACOAP_CODE_FETCH && desc->block1 == NULL);
  forget(layer, exchange);
  if (layer->restarted || !repeatable) {
    return ACOAP_ECHANGED;
  }
  layer->restarted = true;
  acoap_exchange_set_message(exchange, NULL);
  return ACOAP_SEND_NEXT;
}

/* Does this block fit behind the one before, and does it hold what it says? */
static bool fits(const block2_layer_t *layer, const acoap_block_t *block, size_t len) {
  size_t size = acoap_block_size(block->szx);
  if (block->more ? len != size : len > size) {
    return false;
  }
  if (!layer->active) {
    return block->num == 0;
  }
  return block->szx <= layer->szx && (uint64_t)block->num << block->szx == (uint64_t)layer->num
                                                                               << layer->szx;
}

/* A block has come that fits. */
static int advance(block2_layer_t *layer, acoap_exchange_t *exchange, const acoap_block_t *block) {
  int verdict = acoap_exchange_inner(exchange);
  if (verdict != ACOAP_DONE) {
    if (verdict < 0) {
      forget(layer, exchange);
    }
    return verdict;
  }
  if (!block->more) {
    forget(layer, exchange);
    return ACOAP_DONE;
  }
  if (block->num == ACOAP_BLOCK_NUM_MAX) {
    forget(layer, exchange);
    return ACOAP_EBLOCK; /* there is no number for the next one: 20 bits */
  }
  layer->active = true;
  layer->szx = block->szx;
  layer->num = block->num + 1;
  exchange->ahead = (acoap__ahead_t){.most = exchange->send->desc.block2_window,
                                     .num = layer->num,
                                     .szx = layer->szx,
                                     .qblock = acoap__qblock_is_on(exchange)};
  if (layer->has_etag) {
    exchange->ahead.etag = (acoap_bytes_t){layer->etag, layer->etag_len};
  }
  return ACOAP_SEND_NEXT;
}

static int block2_handle(void *object, acoap_exchange_t *exchange) {
  block2_layer_t *layer = object;
  const acoap_message_t *message = acoap_exchange_message(exchange);
  acoap_block_t block;
  if (message == NULL || !acoap_code_is_success(acoap_message_code(message))) {
    return acoap_exchange_inner(exchange);
  }
  const acoap_view_t *view = acoap_message_view(message);
  int found = acoap__response_block(view, &block);
  if (found == 0 && !layer->active) {
    return acoap_exchange_inner(exchange);
  }
  /* A server that ignores the number, or answers with another one, cannot be put together. */
  if (found != 1) {
    forget(layer, exchange);
    return ACOAP_EBLOCK;
  }
  if (layer->active && !same_etag(layer, view)) {
    return changed(layer, exchange);
  }
  if (!fits(layer, &block, view->payload.len)) {
    forget(layer, exchange);
    return ACOAP_EBLOCK;
  }
  if (!layer->active) {
    layer->has_etag = false;
    same_etag(layer, view);
  }
  return advance(layer, exchange, &block);
}

static void *block2_clone(const void *object) {
  block2_layer_t *copy = acoap__layer_copy(object, sizeof(block2_layer_t));
  if (copy != NULL) {
    copy->active = false;
    copy->has_etag = false;
    copy->restarted = false;
  }
  return copy;
}

static const acoap_layer_ops_t block2_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .write = block2_write,
    .handle = block2_handle,
    .clone = block2_clone,
};

/* ---- for users ------------------------------------------------------------------------------ */

void acoap_desc_block2(acoap_desc_t *desc, size_t size) {
  int szx = size == 0 ? -1 : acoap_block_szx(size);
  if (size != 0 && szx < 0) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  if (acoap__desc_usable(desc) && desc->block2 == NULL) {
    desc->block2 =
        acoap__desc_add(desc, &block2_ops, sizeof(block2_layer_t), ACOAP__RANK_BLOCK2, false);
  }
  if (acoap__desc_usable(desc) && desc->block2 != NULL) {
    ((block2_layer_t *)desc->block2)->wished_szx = (int8_t)szx;
  }
}

void acoap_desc_block2_window(acoap_desc_t *desc, size_t n) {
  if (n == 0 || n > ACOAP__WINDOW_MAX) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  if (acoap__desc_usable(desc) && desc->block2 == NULL) {
    acoap_desc_block2(desc, 0);
  }
  if (acoap__desc_usable(desc)) {
    desc->block2_window = (uint16_t)n;
  }
}
