/*
 * /.well-known/core of a table (RFC 6690 sections 2, 4 and 7.2.1), made block by block: the whole
 * list is counted each time and only the asked slice of it is written, so it may be longer than any
 * buffer. A path is listed by the row that has attributes. The filter is chosen by the
 * caller (well_known_filter.c). Percent-encodes nothing: a table's paths are written as URIs are.
 * SPDX-License-Identifier: MIT
 */
#include "tiny/well_known.h"

/* A window over the document: what lies before `skip` and behind `cap` is counted alone. */
typedef struct window {
  uint8_t *bytes; /* where to write */
  size_t skip;    /* bytes before it */
  size_t cap;     /* bytes of it */
  size_t total;   /* so far */
} window_t;

static void put(window_t *window, const char *text) {
  for (; *text != '\0'; text++, window->total++) {
    /* What lies before wraps round and is far behind. */
    if (window->total - window->skip < window->cap) {
      window->bytes[window->total - window->skip] = (uint8_t)*text;
    }
  }
}

static void put_links(window_t *window, const acoap_tiny_request_t *request,
                      acoap__tiny_link_cb wanted) {
  window->total = 0;
  for (const acoap_tiny_resource_t *row = request->resources; row->path != NULL; row++) {
    if (row->attributes == NULL || (wanted != NULL && !wanted(request->view, row))) {
      continue;
    }
    put(window, window->total > 0 ? ",<" : "<");
    put(window, row->path);
    put(window, ">");
    put(window, row->attributes);
  }
}

int acoap__tiny_list(const acoap_tiny_request_t *request, acoap_builder_t *answer,
                     acoap__tiny_link_cb wanted) {
  window_t window = {0};
  acoap_tiny_slice_t slice;
  size_t room;

  put_links(&window, request, wanted);
  if (!acoap_tiny_slice_begin(request->view, answer, (uint32_t)window.total, &slice)) {
    return ACOAP_TINY_SEND;
  }
  window.bytes = acoap_builder_payload_room(answer, &room);
  window.skip = slice.offset;
  window.cap = slice.len;
  if (slice.len == 0) {
    return ACOAP_TINY_SEND;
  }
  if (window.bytes == NULL || room < slice.len) {
    return ACOAP_ENOSPACE;
  }
  put_links(&window, request, wanted);
  acoap_builder_payload_commit(answer, slice.len);
  return ACOAP_TINY_SEND;
}

int acoap_tiny_well_known(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  return acoap__tiny_list(request, answer, NULL);
}
