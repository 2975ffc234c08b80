/*
 * Joining the blocks of a response body (RFC 7959 section 2.4).
 *
 * The rule: pieces are appended in order up to body_max_bytes; a piece at offset 0 starts anew. The
 * joined message has the code and options of the first one. Fetches nothing: that is block2, which
 * is added when nobody has.
 * SPDX-License-Identifier: MIT
 */
#include "client/desc.h"

#include <string.h>

#include "base/mem.h"
#include "client/body.h"
#include "endpoint/endpoint.h"

#define COLLECT_FIRST 4096 /* bytes of room for the first block of a larger body */

typedef struct collect_layer {
  size_t most;            /* body_max_bytes */
  uint8_t *body;          /* so far; from acoap__malloc */
  size_t len;             /* bytes of it */
  size_t cap;             /* room */
  acoap_message_t *first; /* the message of the first block; a reference */
} collect_layer_t;

static void forget(collect_layer_t *layer) {
  acoap__free(layer->body);
  layer->body = NULL;
  layer->len = 0;
  layer->cap = 0;
  layer->first = acoap_message_unref(layer->first);
}

static bool make_room(collect_layer_t *layer, size_t len) {
  size_t needed = layer->len + len;
  if (needed <= layer->cap) {
    return true;
  }
  size_t cap = layer->cap < COLLECT_FIRST / 2 ? COLLECT_FIRST : layer->cap * 2;
  if (cap > layer->most) {
    cap = layer->most;
  }
  if (cap < needed) {
    cap = needed;
  }
  uint8_t *body = acoap__realloc(layer->body, cap);
  if (body == NULL) {
    return false;
  }
  layer->body = body;
  layer->cap = cap;
  return true;
}

static int append(collect_layer_t *layer, acoap_message_t *message, const acoap__piece_t *piece) {
  acoap_bytes_t payload = acoap_message_payload(message);
  if (piece->offset == 0) {
    forget(layer);
    layer->first = acoap_message_ref(message);
  }
  if (piece->offset != layer->len) {
    return ACOAP_EBLOCK; /* a piece is missing: somebody asked for single blocks */
  }
  if (payload.len > layer->most - layer->len) {
    return ACOAP_ETOOBIG;
  }
  if (!make_room(layer, payload.len)) {
    return ACOAP_ENOMEM;
  }
  if (payload.len > 0) {
    memcpy(layer->body + layer->len, payload.data, payload.len);
    layer->len += payload.len;
  }
  return 0;
}

/* The last piece is there: put the whole body in the place of its message. */
static int join(collect_layer_t *layer, acoap_exchange_t *exchange) {
  acoap_message_t *joined = acoap__message_with_payload(layer->first, layer->body, layer->len);
  layer->body = NULL; /* taken over in any case */
  forget(layer);
  if (joined == NULL) {
    return ACOAP_ENOMEM;
  }
  acoap_exchange_set_message(exchange, joined);
  acoap_message_unref(joined);
  return 0;
}

static int collect_piece(collect_layer_t *layer, acoap_exchange_t *exchange,
                         const acoap__piece_t *piece, int verdict) {
  acoap_message_t *message = acoap_exchange_message(exchange);
  if (piece->total >= 0 && (uint64_t)piece->total > layer->most) {
    return ACOAP_ETOOBIG;
  }
  if (!piece->more && piece->offset == 0) {
    forget(layer);
    return verdict; /* the whole body in one message */
  }
  int status = append(layer, message, piece);
  if (status < 0) {
    return status;
  }
  if (verdict == ACOAP_SEND_NEXT) {
    acoap_exchange_set_message(exchange, NULL);
    return verdict;
  }
  status = join(layer, exchange);
  return status < 0 ? status : verdict;
}

static int collect_handle(void *object, acoap_exchange_t *exchange) {
  collect_layer_t *layer = object;
  acoap__piece_t piece;
  int verdict = acoap_exchange_inner(exchange);
  acoap_message_t *message = acoap_exchange_message(exchange);
  if (verdict >= 0 && acoap__piece_of(exchange, message, &piece)) {
    verdict = collect_piece(layer, exchange, &piece, verdict);
    if (verdict < 0) {
      acoap_exchange_set_message(exchange, NULL);
    }
  }
  if (verdict < 0 && message != NULL) {
    forget(layer);
  }
  return verdict;
}

static void collect_destroy(void *object) {
  forget(object);
}

static void *collect_clone(const void *object) {
  collect_layer_t *copy = acoap__layer_copy(object, sizeof(collect_layer_t));
  if (copy != NULL) {
    size_t most = copy->most;
    memset(copy, 0, sizeof(*copy));
    copy->most = most;
  }
  return copy;
}

static const acoap_layer_ops_t collect_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .handle = collect_handle,
    .clone = collect_clone,
    .destroy = collect_destroy,
};

void acoap_desc_collect(acoap_desc_t *desc, size_t body_max_bytes) {
  collect_layer_t *layer =
      acoap__desc_add(desc, &collect_ops, sizeof(*layer), ACOAP__RANK_BODY, false);
  if (layer != NULL) {
    layer->most = body_max_bytes;
  }
  acoap__need_block2(desc);
}
