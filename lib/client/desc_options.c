/*
 * Options of a request: any option, Accept, Content-Format, further path and query (RFC 7252
 * sections 5.10 and 6.4), No-Response (RFC 7967).
 *
 * The rule: each layer writes behind the inner layers'; equal numbers keep the order of the calls,
 * `replace` first removes what is there. Judges no values of options; what does not fit or cannot
 * be percent-decoded fails when the request is built.
 * SPDX-License-Identifier: MIT
 */
#include "client/desc.h"

#include <string.h>

typedef struct option_layer {
  uint16_t number; /* option number */
  size_t len;      /* bytes */
  uint8_t value[]; /* copied */
} option_layer_t;

static int option_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  const option_layer_t *layer = object;
  (void)exchange;
  acoap_builder_option(builder, layer->number, layer->value, layer->len);
  return 0;
}

static int replace_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  const option_layer_t *layer = object;
  (void)exchange;
  acoap_builder_remove(builder, layer->number);
  acoap_builder_option(builder, layer->number, layer->value, layer->len);
  return 0;
}

static int path_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  const option_layer_t *layer = object;
  (void)exchange;
  acoap_builder_path(builder, (const char *)layer->value, layer->len);
  return 0;
}

static int query_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  const option_layer_t *layer = object;
  (void)exchange;
  acoap_builder_query(builder, (const char *)layer->value, layer->len);
  return 0;
}

static const acoap_layer_ops_t option_ops = {sizeof(acoap_layer_ops_t), .write = option_write};
static const acoap_layer_ops_t replace_ops = {sizeof(acoap_layer_ops_t), .write = replace_write};
static const acoap_layer_ops_t path_ops = {sizeof(acoap_layer_ops_t), .write = path_write};
static const acoap_layer_ops_t query_ops = {sizeof(acoap_layer_ops_t), .write = query_write};

static void add(acoap_desc_t *desc, const acoap_layer_ops_t *ops, uint16_t number,
                const void *value, size_t len) {
  /* No option is longer than its extended length can say (RFC 7252 section 3.1). */
  if ((value == NULL && len > 0) || len > 65535 + 269) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  option_layer_t *layer = acoap__desc_add(desc, ops, sizeof(*layer) + len, ACOAP__RANK_FREE, true);
  if (layer == NULL) {
    return;
  }
  layer->number = number;
  layer->len = len;
  if (len > 0) {
    memcpy(layer->value, value, len);
  }
}

static void add_text(acoap_desc_t *desc, const acoap_layer_ops_t *ops, const char *text) {
  if (text == NULL) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  add(desc, ops, 0, text, strlen(text));
}

void acoap_desc_option(acoap_desc_t *desc, uint16_t number, const void *value, size_t len) {
  add(desc, &option_ops, number, value, len);
}

void acoap_desc_option_uint(acoap_desc_t *desc, uint16_t number, uint32_t value) {
  uint8_t bytes[4];
  size_t len = acoap_uint_encode(value, bytes);
  add(desc, &option_ops, number, bytes, len);
}

void acoap_desc_option_replace(acoap_desc_t *desc, uint16_t number, const void *value, size_t len) {
  add(desc, &replace_ops, number, value, len);
}

static void replace_uint(acoap_desc_t *desc, uint16_t number, uint32_t value) {
  uint8_t bytes[4];
  size_t len = acoap_uint_encode(value, bytes);
  add(desc, &replace_ops, number, bytes, len);
}

static void content_format(acoap_desc_t *desc, uint16_t number, int format) {
  if (format < 0 || format > UINT16_MAX) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  replace_uint(desc, number, (uint32_t)format);
}

void acoap_desc_accept(acoap_desc_t *desc, int format) {
  content_format(desc, ACOAP_OPTION_ACCEPT, format);
}

void acoap_desc_content_format(acoap_desc_t *desc, int format) {
  content_format(desc, ACOAP_OPTION_CONTENT_FORMAT, format);
}

void acoap_desc_path(acoap_desc_t *desc, const char *path) {
  add_text(desc, &path_ops, path);
}

void acoap_desc_query(acoap_desc_t *desc, const char *query) {
  add_text(desc, &query_ops, query);
}

/* ---- No-Response ------------------------------------------------------------------------------
 */

/* RFC 7967 section 2.1: bits 1, 3 and 4 suppress 2.xx, 4.xx and 5.xx. */
#define SUPPRESS_ALL (2u | 8u | 16u)

typedef struct no_response_layer {
  uint8_t suppressed; /* the option's value */
} no_response_layer_t;

static int no_response_write(void *object, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  const no_response_layer_t *layer = object;
  (void)exchange;
  acoap_builder_remove(builder, ACOAP_OPTION_NO_RESPONSE);
  acoap_builder_uint(builder, ACOAP_OPTION_NO_RESPONSE, layer->suppressed);
  return 0;
}

static void no_response_timing(void *object, acoap_timing_t *timing) {
  const no_response_layer_t *layer = object;
  timing->no_response_expected = (layer->suppressed & SUPPRESS_ALL) == SUPPRESS_ALL;
}

static const acoap_layer_ops_t no_response_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .write = no_response_write,
    .timing = no_response_timing,
};

void acoap_desc_no_response(acoap_desc_t *desc, uint8_t suppressed) {
  if ((suppressed & ~SUPPRESS_ALL) != 0) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  no_response_layer_t *layer =
      acoap__desc_add(desc, &no_response_ops, sizeof(*layer), ACOAP__RANK_FREE, true);
  if (layer != NULL) {
    layer->suppressed = suppressed;
  }
}
