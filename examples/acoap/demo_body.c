/*
 * Answers of the demonstration server: representations with ETag and Max-Age, sent block by block
 * (RFC 7959 section 2.4) without state: the block asked for is cut from the representation as it is
 * now, and the ETag tells when it changed. Decides nothing about resources.
 * SPDX-License-Identifier: MIT
 */
#include "demo.h"

#include <string.h>

void demo_error(const demo_call_t *call, uint8_t code, const char *diagnostic) {
  if (call->multicast) {
    acoap_request_ignore(call->request);
    return;
  }
  acoap_request_respond(call->request, code, ACOAP_FORMAT_NONE, diagnostic,
                        diagnostic != NULL ? strlen(diagnostic) : 0);
}

void demo_answer(const demo_call_t *call, uint8_t code, const acoap_block_t *block1) {
  acoap_builder_t *builder = acoap_request_begin(call->request, code);
  if (builder == NULL) {
    return;
  }
  if (block1 != NULL) {
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, block1);
  }
  acoap_request_send(call->request, ACOAP_AS_REQUESTED);
}

int demo_choose_format(const demo_resource_t *resource, const acoap_view_t *view) {
  uint32_t accept = 0;
  if (!acoap_view_uint(view, ACOAP_OPTION_ACCEPT, &accept)) {
    return resource->formats[0];
  }
  for (size_t i = 0; i < 2; i++) {
    if (resource->formats[i] == (int)accept) {
      return resource->formats[i];
    }
  }
  /* A resource without a fixed format (/upload) judges for itself. */
  return resource->formats[0] == ACOAP_FORMAT_NONE ? (int)accept : ACOAP_EINVAL;
}

uint32_t demo_etag(const void *bytes, size_t len) {
  const uint8_t *at = bytes;
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < len; i++) {
    hash = (hash ^ at[i]) * 16777619u;
  }
  return hash != 0 ? hash : 1;
}

static bool has_etag(const acoap_view_t *view, const uint8_t etag[4]) {
  acoap_bytes_t value;
  for (size_t n = 0; acoap_view_option(view, ACOAP_OPTION_ETAG, n, &value); n++) {
    if (value.len == 4 && memcmp(value.data, etag, 4) == 0) {
      return true;
    }
  }
  return false;
}

/* Which block is asked for; without Block2 the first one of 1024 bytes. False: answered with an
 * error. */
static bool choose_block(const demo_call_t *call, const demo_body_t *body, acoap_block_t *block) {
  int found = acoap_view_block(call->view, ACOAP_OPTION_BLOCK2, block);
  if (found < 0) {
    demo_error(call, ACOAP_CODE_BAD_OPTION, "Block2");
    return false;
  }
  if (found == 0) {
    *block = (acoap_block_t){.szx = 6};
  }
  if (block->num > 0 && (uint64_t)block->num * acoap_block_size(block->szx) >= body->len) {
    demo_error(call, ACOAP_CODE_BAD_REQUEST, "block beyond the end");
    return false;
  }
  return true;
}

static void add_options(acoap_builder_t *builder, const demo_body_t *body, int64_t observe,
                        const uint8_t etag[4]) {
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, etag, 4);
  if (observe >= 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, (uint32_t)observe);
  }
  if (body->max_age_s != 60) {
    acoap_builder_uint(builder, ACOAP_OPTION_MAX_AGE, body->max_age_s);
  }
}

static void add_block(acoap_builder_t *builder, const demo_call_t *call, const demo_body_t *body,
                      acoap_block_t *block) {
  size_t size = acoap_block_size(block->szx);
  size_t offset = (size_t)block->num * size;
  size_t len = body->len - offset < size ? body->len - offset : size;
  uint32_t asked = 0;
  acoap_bytes_t value;
  block->more = offset + len < body->len;
  if (body->content_format != ACOAP_FORMAT_NONE) {
    acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, (uint32_t)body->content_format);
  }
  bool split = block->more || block->num > 0;
  if (split || acoap_view_option(call->view, ACOAP_OPTION_BLOCK2, 0, &value)) {
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, block);
  }
  if ((split && block->num == 0) || acoap_view_uint(call->view, ACOAP_OPTION_SIZE2, &asked)) {
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE2, (uint32_t)body->len);
  }
  acoap_builder_payload(builder, (const uint8_t *)body->bytes + offset, len);
}

void demo_represent(const demo_call_t *call, const demo_body_t *body, int64_t observe,
                    acoap_reliability_t reliability) {
  acoap_block_t block;
  uint32_t hash = body->etag != 0 ? body->etag : demo_etag(body->bytes, body->len);
  uint8_t etag[4] = {(uint8_t)(hash >> 24), (uint8_t)(hash >> 16), (uint8_t)(hash >> 8),
                     (uint8_t)hash};
  if (!choose_block(call, body, &block)) {
    return;
  }
  bool valid = has_etag(call->view, etag) && block.num == 0;
  acoap_builder_t *builder =
      acoap_request_begin(call->request, valid ? ACOAP_CODE_VALID : ACOAP_CODE_CONTENT);
  if (builder == NULL) {
    return;
  }
  add_options(builder, body, observe, etag);
  if (!valid && body->len > 0) {
    add_block(builder, call, body, &block);
  }
  acoap_request_send(call->request, reliability);
}
