/*
 * GET /.well-known/core of the demonstration server (RFC 6690 section 4): its links, filtered by
 * the query, block by block. A group hears of it only when a link is left (section 4.1).
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "demo.h"

static void write_link(acoap_link_writer_t *writer, const demo_resource_t *resource) {
  char target[64];
  char formats[16];
  int len = snprintf(target, sizeof(target), "/%s", resource->path);
  acoap_link_writer_link(writer, target, (size_t)len);
  if (resource->rt != NULL) {
    acoap_link_writer_attr(writer, "rt", resource->rt, strlen(resource->rt));
  }
  if (resource->formats[1] != ACOAP_FORMAT_NONE) {
    len = snprintf(formats, sizeof(formats), "%d %d", resource->formats[0], resource->formats[1]);
    acoap_link_writer_attr(writer, "ct", formats, (size_t)len);
  } else if (resource->formats[0] != ACOAP_FORMAT_NONE) {
    acoap_link_writer_uint(writer, "ct", (uint32_t)resource->formats[0]);
  }
  if (resource->observable) {
    acoap_link_writer_flag(writer, "obs");
  }
  acoap_link_writer_attr(writer, "title", resource->title, strlen(resource->title));
}

/* Does the resource's link pass every argument of the query? */
static bool passes(const demo_resource_t *resource, const acoap_view_t *view) {
  char text[512];
  acoap_link_writer_t writer;
  acoap_link_iter_t iter;
  acoap_link_t link;
  acoap_bytes_t query;
  acoap_link_writer_init(&writer, text, sizeof(text));
  write_link(&writer, resource);
  int len = acoap_link_writer_finish(&writer);
  if (len < 0) {
    return false;
  }
  acoap_link_iter_init(&iter, text, (size_t)len);
  if (acoap_link_next(&iter, &link, NULL) != 1) {
    return false;
  }
  for (size_t n = 0; acoap_view_option(view, ACOAP_OPTION_URI_QUERY, n, &query); n++) {
    if (!acoap_link_matches(&link, (const char *)query.data, query.len)) {
      return false;
    }
  }
  return true;
}

void demo_core(const demo_call_t *call) {
  demo_t *demo = call->demo;
  uint32_t accept = ACOAP_FORMAT_LINK_FORMAT;
  acoap_link_writer_t writer;
  acoap_view_uint(call->view, ACOAP_OPTION_ACCEPT, &accept);
  if (accept != ACOAP_FORMAT_LINK_FORMAT) {
    demo_error(call, ACOAP_CODE_NOT_ACCEPTABLE, NULL);
    return;
  }
  acoap_link_writer_init(&writer, demo->links, sizeof(demo->links));
  for (size_t i = 0; i < demo_resource_count; i++) {
    if (passes(&demo_resources[i], call->view)) {
      write_link(&writer, &demo_resources[i]);
    }
  }
  int len = acoap_link_writer_finish(&writer);
  if (len < 0) {
    demo_error(call, ACOAP_CODE_INTERNAL_SERVER_ERROR, NULL);
    return;
  }
  if (len == 0 && call->multicast) {
    acoap_request_ignore(call->request);
    return;
  }
  demo_body_t body = {.bytes = demo->links,
                      .len = (size_t)len,
                      .content_format = ACOAP_FORMAT_LINK_FORMAT,
                      .max_age_s = 60};
  demo_represent(call, &body, -1, ACOAP_AS_REQUESTED);
}
