/*
 * The payload of a request that fits into one message: bytes, or a writer that fills in the rest of
 * the datagram (RFC 7252 section 5.5.1).
 *
 * The rule: a payload goes with every request of the send but with those that fetch further blocks
 * of a response (see desc_block2.c). Splits nothing: that is block1.
 * SPDX-License-Identifier: MIT
 */
#include "client/desc.h"

#include <limits.h>
#include <string.h>

typedef struct payload_layer {
  size_t len;      /* bytes */
  uint8_t bytes[]; /* copied */
} payload_layer_t;

static int payload_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  const payload_layer_t *layer = object;
  (void)exchange;
  acoap_builder_payload(builder, layer->bytes, layer->len);
  return 0;
}

static const acoap_layer_ops_t payload_ops = {sizeof(acoap_layer_ops_t), .write = payload_write};

/* No datagram is longer; also keeps the sum with the head from overflowing. */
#define PAYLOAD_MAX 65535

void acoap_desc_payload(acoap_desc_t *desc, const void *payload, size_t len) {
  if (payload == NULL && len > 0) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  if (len > PAYLOAD_MAX) {
    acoap__desc_fail(desc, ACOAP_ETOOBIG);
    return;
  }
  payload_layer_t *layer =
      acoap__desc_add(desc, &payload_ops, sizeof(*layer) + len, ACOAP__RANK_FREE, true);
  if (layer == NULL) {
    return;
  }
  layer->len = len;
  if (len > 0) {
    memcpy(layer->bytes, payload, len);
  }
}

typedef struct writer_layer {
  acoap_payload_writer_cb writer; /* the user's */
  void *user_data;                /* handed to it */
} writer_layer_t;

static int writer_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  const writer_layer_t *layer = object;
  size_t cap = 0;
  (void)exchange;
  uint8_t *room = acoap_builder_payload_room(builder, &cap);
  if (room == NULL) {
    return ACOAP_ETOOBIG;
  }
  int written = layer->writer(layer->user_data, room, cap);
  if (written < 0) {
    return written;
  }
  if ((size_t)written > cap) {
    return ACOAP_EINVAL;
  }
  acoap_builder_payload_commit(builder, (size_t)written);
  return 0;
}

static const acoap_layer_ops_t writer_ops = {sizeof(acoap_layer_ops_t), .write = writer_write};

void acoap_desc_payload_writer(acoap_desc_t *desc, acoap_payload_writer_cb writer,
                               void *user_data) {
  if (writer == NULL) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  writer_layer_t *layer =
      acoap__desc_add(desc, &writer_ops, sizeof(*layer), ACOAP__RANK_FREE, true);
  if (layer != NULL) {
    layer->writer = writer;
    layer->user_data = user_data;
  }
}
