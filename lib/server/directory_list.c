/*
 * GET of a directory: its names as link-format (RFC 6690 section 2), in order, each with ct and sz;
 * names of directories end in a slash. A Uri-Query filters as for /.well-known/core (section 4.1),
 * and what is not served is not listed. Written in another thread, at most LISTING_MAX bytes.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/link.h>

#include "server/directory.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "message/option.h"
#include "message/uri_text.h"
#include "server/attributes.h"
#include "server/body_file.h"

/* Bytes of one listing. */
#define LISTING_MAX (4u << 20)
/* Every byte of a path and a name may be percent-encoded; attributes besides. */
#define LINK_MAX 4096

typedef struct listing {
  acoap__directory_t *directory; /* referenced */
  acoap_request_t *request;      /* referenced; the threads read its message only */
  const acoap_view_t *view;      /* of that */
  acoap__file_t *file;           /* owned until it is listed */
  char *prefix;                  /* "/files/sub/" */
  size_t prefix_len;             /* bytes */
  char *bytes;                   /* the document */
  size_t len;                    /* bytes of it */
  size_t cap;                    /* room there */
} listing_t;

/* ---- in another thread ------------------------------------------------------------------------
 */

static bool passes(const listing_t *self, const char *text, size_t len) {
  acoap_link_iter_t iter;
  acoap_link_t link;
  acoap_link_iter_init(&iter, text, len);
  return acoap_link_next(&iter, &link, NULL) == 1 && acoap__filters_pass(self->view, &link);
}

static int write_link(const listing_t *self, const char *name, bool directory, uint64_t len,
                      char room[LINK_MAX]) {
  char target[LINK_MAX];
  acoap__text_t text;
  acoap_link_writer_t writer;
  acoap__text_init(&text, target, sizeof(target));
  acoap__text_put_n(&text, self->prefix, self->prefix_len);
  acoap__uri_put(&text, (const uint8_t *)name, strlen(name), ACOAP__URI_PCHAR);
  if (directory) {
    acoap__text_put(&text, "/");
  }
  if (!acoap__text_fits(&text)) {
    return ACOAP_ENOSPACE;
  }
  acoap_link_writer_init(&writer, room, LINK_MAX);
  acoap_link_writer_link(&writer, target, text.total);
  acoap_link_writer_uint(&writer, "ct",
                         directory ? (uint32_t)ACOAP_FORMAT_LINK_FORMAT
                                   : (uint32_t)acoap__extension_format(name));
  if (!directory && len <= UINT32_MAX) {
    acoap_link_writer_uint(&writer, "sz", (uint32_t)len);
  }
  return acoap_link_writer_finish(&writer);
}

static int append(listing_t *self, const char *bytes, size_t len) {
  size_t needed = self->len + 1 + len;
  if (needed > LISTING_MAX) {
    return ACOAP_EEXHAUSTED;
  }
  if (needed > self->cap) {
    size_t cap = needed > 2 * self->cap ? needed : 2 * self->cap;
    char *grown = acoap__realloc(self->bytes, cap);
    if (grown == NULL) {
      return ACOAP_ENOMEM;
    }
    self->bytes = grown;
    self->cap = cap;
  }
  if (self->len > 0) {
    self->bytes[self->len++] = ',';
  }
  memcpy(self->bytes + self->len, bytes, len);
  self->len += len;
  return 0;
}

/* acoap__file_list_ops_t.entry */
static int entry(void *user_data, const char *name, bool directory, uint64_t len) {
  listing_t *self = user_data;
  char room[LINK_MAX];
  if (!acoap__directory_serves(self->directory, name, strlen(name))) {
    return 0;
  }
  int written = write_link(self, name, directory, len, room);
  /* One too long for a link is too long for a request. */
  return written > 0 && passes(self, room, (size_t)written) ? append(self, room, (size_t)written)
                                                            : 0;
}

/* ---- on the loop ------------------------------------------------------------------------------
 */

static void release(void *user_data) {
  listing_t *self = user_data;
  acoap__file_unref(self->file);
  acoap_request_unref(self->request);
  acoap__directory_unref(self->directory);
  acoap__free(self->prefix);
  acoap__free(self->bytes);
  acoap__free(self);
}

/* acoap__file_list_ops_t.listed */
static void listed(void *user_data, int status) {
  listing_t *self = user_data;
  if (status != 0) {
    acoap__request_refuse_file(self->request, status, false);
    return;
  }
  if (self->len == 0) {
    (void)acoap_request_respond(self->request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_LINK_FORMAT, NULL,
                                0);
    return;
  }
  acoap_body_t *body = acoap_body_lend(self->bytes, self->len, acoap__free, self->bytes);
  self->bytes = NULL;
  (void)acoap_request_respond_body(self->request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_LINK_FORMAT,
                                   body);
}

static const acoap__file_list_ops_t list_ops = {entry, listed, release};

/* What every link begins with: the path that was asked for, and a slash. */
static char *make_prefix(const acoap_view_t *view, size_t *len) {
  acoap_option_iter_t iter;
  acoap_bytes_t segment;
  acoap__text_t text;
  size_t cap = 2;
  acoap_option_iter_init(&iter, view);
  while (acoap__option_next_of(&iter, ACOAP_OPTION_URI_PATH, &segment)) {
    cap += 3 * segment.len + 1;
  }
  char *prefix = acoap__malloc(cap);
  if (prefix == NULL) {
    return NULL;
  }
  acoap__text_init(&text, prefix, cap);
  acoap_option_iter_init(&iter, view);
  while (acoap__option_next_of(&iter, ACOAP_OPTION_URI_PATH, &segment)) {
    if (segment.len > 0) {
      acoap__text_put(&text, "/");
      acoap__uri_put(&text, segment.data, segment.len, ACOAP__URI_PCHAR);
    }
  }
  acoap__text_put(&text, "/");
  *len = text.total;
  return prefix;
}

void acoap__directory_list(acoap__directory_t *directory, acoap_request_t *request,
                           acoap__file_t *file) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  uint32_t accept = ACOAP_FORMAT_LINK_FORMAT;
  if (acoap_view_uint(view, ACOAP_OPTION_ACCEPT, &accept) && accept != ACOAP_FORMAT_LINK_FORMAT) {
    acoap__file_unref(file);
    acoap__directory_answer(request, ACOAP_CODE_NOT_ACCEPTABLE, "a directory is link-format");
    return;
  }
  int code = acoap_request_precondition(request, true, NULL, 0);
  if (code != 0) {
    acoap__file_unref(file);
    acoap__directory_answer(request, (uint8_t)code, NULL);
    return;
  }
  if (!acoap__filters_are_valid(view)) {
    acoap__file_unref(file);
    acoap__directory_answer(request, ACOAP_CODE_BAD_REQUEST, acoap__no_filter);
    return;
  }
  listing_t *made = acoap__calloc(1, sizeof(*made));
  int status = ACOAP_ENOMEM;
  if (made == NULL) {
    acoap__file_unref(file);
    acoap__request_refuse_file(request, status, false);
    return;
  }
  made->directory = acoap__directory_ref(directory);
  made->request = acoap_request_ref(request);
  made->view = view;
  made->file = file;
  made->prefix = make_prefix(view, &made->prefix_len);
  if (made->prefix != NULL) {
    status = acoap__file_list(file, &list_ops, made);
  }
  if (status != 0) {
    acoap__request_refuse_file(request, status, false);
    release(made);
  }
}
