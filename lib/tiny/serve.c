/*
 * A constant table of resources answers requests (RFC 7252 sections 5.4, 5.5, 5.8, 5.10).
 *
 *     critical option not understood      CON 4.02, NON silence       section 5.4.1
 *     Proxy-Uri, Proxy-Scheme             5.05                        section 5.10.2
 *     no row of the path, of the method   4.04, 4.05                  section 5.8
 *     If-Match, If-None-Match             4.12: what a row names exists and has no ETag
 *     Accept of another format            4.06                        section 5.10.4
 *     a block of a longer payload         4.13                        RFC 7959 section 2.9.3
 *     a block of a size that is reserved  4.00                        RFC 7959 section 2.2
 *
 * The flags of a row say which of the last four its handler judges itself. Rows are compared one
 * by one: a table of a device is short. Sends nothing, remembers nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include <acoap/tiny.h>

#include <string.h>

#include "tiny/answer.h"
#include "tiny/slice.h"

/* Are the request's Uri-Path options the segments of "/a/b"? */
static bool is_path(const acoap_view_t *view, const char *path) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  const char *at = path;

  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option) && option.number <= ACOAP_OPTION_URI_PATH) {
    if (option.number != ACOAP_OPTION_URI_PATH) {
      continue;
    }
    if (*at++ != '/') {
      return false;
    }
    for (size_t i = 0; i < option.value.len; i++, at++) {
      if ((uint8_t)*at != option.value.data[i] || *at == '/' || *at == '\0') {
        return false;
      }
    }
  }
  return *at == '\0' || (at == path && strlen(path) == 1);
}

static uint8_t find_row(acoap_tiny_request_t *request) {
  uint8_t code = ACOAP_CODE_NOT_FOUND;

  for (const acoap_tiny_resource_t *row = request->resources; row->path != NULL; row++) {
    if (is_path(request->view, row->path)) {
      if (row->method == request->view->code) {
        request->resource = row;
        return 0;
      }
      code = ACOAP_CODE_METHOD_NOT_ALLOWED;
    }
  }
  return code;
}

static bool has_option(const acoap_view_t *view, uint16_t number) {
  acoap_bytes_t value;

  return acoap_view_option(view, number, 0, &value);
}

/* What exists, without an ETag, fulfils the empty If-Match alone. */
static bool fails_precondition(const acoap_view_t *view) {
  acoap_bytes_t value;

  if (has_option(view, ACOAP_OPTION_IF_NONE_MATCH)) {
    return true;
  }
  bool conditional = false;
  for (size_t n = 0; acoap_view_option(view, ACOAP_OPTION_IF_MATCH, n, &value); n++) {
    if (value.len == 0) {
      return false;
    }
    conditional = true;
  }
  return conditional;
}

/* For a row that takes no blocks: one that is the whole body is as good as none. */
static uint8_t judge_block1(const acoap_view_t *view) {
  acoap_block_t block;
  int present = acoap_view_block(view, ACOAP_OPTION_BLOCK1, &block);

  if (present < 0) {
    return ACOAP_CODE_BAD_REQUEST; /* a size that there is not: RFC 7959 section 2.2 */
  }
  return present > 0 && (block.num > 0 || block.more) ? ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE : 0;
}

/* What the row does not take; 0: nothing. */
static uint8_t judge(const acoap_view_t *view, const acoap_tiny_resource_t *row) {
  uint32_t accept;

  if ((row->flags & ACOAP_TINY_CONDITIONAL) == 0 && fails_precondition(view)) {
    return ACOAP_CODE_PRECONDITION_FAILED;
  }
  if ((row->flags & ACOAP_TINY_ACCEPT) == 0 && row->format >= 0 &&
      acoap_view_uint(view, ACOAP_OPTION_ACCEPT, &accept) && accept != (uint32_t)row->format) {
    return ACOAP_CODE_NOT_ACCEPTABLE;
  }
  return (row->flags & ACOAP_TINY_BLOCK1) == 0 ? judge_block1(view) : 0;
}

int acoap__tiny_serve_row(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  const acoap_tiny_resource_t *row = request->resource;

  if (answer->bytes[1] == ACOAP_CODE_CONTENT && row->format >= 0) {
    acoap_builder_uint(answer, ACOAP_OPTION_CONTENT_FORMAT, (uint32_t)row->format);
  }
  int verdict = row->handler(request, answer);
  if (verdict == ACOAP_TINY_SEND && answer->error == 0 && (row->flags & ACOAP_TINY_BLOCK2) == 0 &&
      ACOAP_CODE_CLASS(answer->bytes[1]) == 2) {
    acoap__tiny_slice_cut(request->view, answer);
  }
  return verdict;
}

int acoap_tiny_serve(const acoap_tiny_request_t *came, acoap_builder_t *answer) {
  acoap_tiny_request_t request = *came;
  uint8_t error = 0;

  if (acoap_view_bad_critical_option(request.view) != 0) {
    if (request.view->type == ACOAP_NON) {
      return ACOAP_TINY_SILENT;
    }
    error = ACOAP_CODE_BAD_OPTION;
  } else if (has_option(request.view, ACOAP_OPTION_PROXY_URI) ||
             has_option(request.view, ACOAP_OPTION_PROXY_SCHEME)) {
    error = ACOAP_CODE_PROXYING_NOT_SUPPORTED;
  } else {
    error = find_row(&request);
    if (error == 0) {
      error = judge(request.view, request.resource);
    }
  }
  if (error == 0) {
    return acoap__tiny_serve_row(&request, answer);
  }
  acoap_tiny_error(answer, error);
  return ACOAP_TINY_SEND;
}
