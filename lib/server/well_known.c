/*
 * /.well-known/core: the server's resources in link-format (RFC 6690 section 4, RFC 7252
 * section 7), filtered as section 4.1 says. The rules:
 *
 *     listed = not hidden, neither parameters nor a sub-tree in the path; a directory by its root
 *     a link is given if it passes every Uri-Query (filter.c); one that is no filter: 4.00
 *     nothing passes: 2.05 without payload; a request by multicast gets none then (RFC 7252 8.2)
 *
 * The document is made for the request, in one pass over the resources, and lives as long as its
 * transfer: the blocks that follow come from the same version. Formats (Accept) are checked by the
 * library, as for every resource. Takes no observers.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/link.h>

#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "server/attributes.h"
#include "server/tree.h"

/* A document being made. */
typedef struct document {
  uint8_t *bytes; /* from acoap__malloc */
  size_t len;     /* bytes written */
  size_t cap;     /* bytes there is room for */
} document_t;

/* ---- the document ---------------------------------------------------------------------------- */

static int reserve(document_t *document, size_t more) {
  size_t cap = document->cap == 0 ? 1024 : document->cap;
  while (cap - document->len < more) {
    cap *= 2;
  }
  if (cap != document->cap) {
    uint8_t *bytes = acoap__realloc(document->bytes, cap);
    if (bytes == NULL) {
      return ACOAP_ENOMEM;
    }
    document->bytes = bytes;
    document->cap = cap;
  }
  return 0;
}

/* Write the link behind the document; it stays there if it passes. */
static int append(document_t *document, const acoap_resource_t *resource,
                  const acoap_view_t *request) {
  acoap_link_writer_t writer;
  acoap_link_iter_t iter;
  acoap_link_t link;
  size_t comma = document->len > 0 ? 1 : 0;
  acoap_link_writer_window(&writer, NULL, 0, 0);
  acoap__resource_link(resource, &writer);
  if (reserve(document, comma + writer.total) != 0) {
    return ACOAP_ENOMEM;
  }
  uint8_t *at = document->bytes + document->len + comma;
  acoap_link_writer_init(&writer, at, writer.total);
  acoap__resource_link(resource, &writer);
  int len = acoap_link_writer_finish(&writer);
  if (len < 0) {
    return len;
  }
  acoap_link_iter_init(&iter, at, (size_t)len);
  if (acoap_link_next(&iter, &link, NULL) == 1 && acoap__filters_pass(request, &link)) {
    if (comma > 0) {
      document->bytes[document->len] = ',';
    }
    document->len += comma + (size_t)len;
  }
  return 0;
}

static int write_all(document_t *document, const acoap_server_t *server,
                     const acoap_resource_t *above, const acoap_view_t *request) {
  int status = 0;
  for (acoap__list_t *node = server->resources.next; node != &server->resources && status == 0;
       node = node->next) {
    const acoap_resource_t *resource = ACOAP__CONTAINER(node, acoap_resource_t, node);
    if (resource->listed && !resource->hidden &&
        (above == NULL || acoap__tree_is_below(resource, above))) {
      status = append(document, resource, request);
    }
  }
  return status;
}

/* A body that names its version: what was listed, so that a client can ask whether it still is. */
static acoap_body_t *body_of(const acoap_server_t *server, document_t *document) {
  uint64_t hash = acoap__siphash(server->hash_key, document->bytes, document->len);
  acoap_body_t *body =
      acoap_body_lend(document->bytes, document->len, acoap__free, document->bytes);
  if (body != NULL) {
    (void)acoap_body_set_etag(body, &hash, sizeof(hash));
  }
  return body;
}

void acoap__links_answer(const acoap_server_t *server, const acoap_resource_t *above,
                         acoap_request_t *request) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  document_t document = {NULL, 0, 0};
  if (!acoap__filters_are_valid(view)) {
    (void)acoap_request_respond(request, ACOAP_CODE_BAD_REQUEST, ACOAP_FORMAT_NONE,
                                acoap__no_filter, strlen(acoap__no_filter));
    return;
  }
  if (write_all(&document, server, above, view) != 0) {
    acoap__free(document.bytes);
    (void)acoap_request_respond(request, ACOAP_CODE_INTERNAL_SERVER_ERROR, ACOAP_FORMAT_NONE, NULL,
                                0);
    return;
  }
  if (document.len == 0) {
    acoap__free(document.bytes);
    (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_LINK_FORMAT, NULL, 0);
    return;
  }
  (void)acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_LINK_FORMAT,
                                   body_of(server, &document));
}

/* acoap_request_cb */
static void get_core(void *server, acoap_request_t *request) {
  acoap__links_answer(server, NULL, request);
}

int acoap__well_known_new(acoap_server_t *server) {
  acoap_resource_t *core = acoap_resource_new(server, "/.well-known/core");
  (void)acoap_resource_on(core, ACOAP_CODE_GET, get_core, server);
  (void)acoap_resource_gives(core, ACOAP_FORMAT_LINK_FORMAT);
  (void)acoap_resource_hide(core);
  return server->status;
}
