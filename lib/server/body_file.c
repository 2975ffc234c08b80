/*
 * A file as a body (RFC 7959 section 2.4): one version of it, read piece by piece beside the loop
 * while the client asks for its blocks; what is not at hand is ACOAP_EAGAIN until it is. A file
 * that changes meanwhile fails the transfer (5.00): a mixture is never sent. The ETag is made of
 * the metadata (endpoint/file.c). Opens nothing by itself and knows no blocks (block2.c).
 * SPDX-License-Identifier: MIT
 */
#include "server/body_file.h"

#include <string.h>

#include "base/mem.h"

typedef struct file_body {
  acoap__file_t *file; /* owned */
  acoap_body_t *body;  /* it belongs to */
} file_body_t;

/* acoap__file_cb */
static void ready(void *user_data, acoap__file_t *file, int status) {
  file_body_t *self = user_data;
  (void)file;
  /* A failure stays with the file: the next read tells it. */
  (void)status;
  acoap_body_ready(self->body);
}

/* acoap_body_ops_t.read */
static int read_file(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                     size_t cap) {
  file_body_t *self = user_data;
  self->body = body;
  return acoap__file_read(self->file, offset, room, cap, ready, self);
}

/* acoap_body_ops_t.release */
static void release(void *user_data) {
  file_body_t *self = user_data;
  acoap__file_unref(self->file);
  acoap__free(self);
}

static const acoap_body_ops_t file_body_ops = {
    .size = sizeof(acoap_body_ops_t), .read = read_file, .release = release};

acoap_body_t *acoap__body_of_file(acoap__file_t *file) {
  file_body_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    acoap__file_unref(file);
    return NULL;
  }
  made->file = file;
  acoap_body_t *body = acoap_body_read(&file_body_ops, acoap__file_len(file), made);
  if (body != NULL && acoap_body_set_etag(body, acoap__file_etag(file), ACOAP__FILE_ETAG) != 0) {
    return acoap_body_unref(body);
  }
  return body;
}

/* ---- a request answered with a file -----------------------------------------------------------
 */

typedef struct answering {
  acoap_request_t *request; /* referenced */
  uint8_t code;             /* of the answer */
  int content_format;       /* likewise */
} answering_t;

void acoap__request_refuse_file(acoap_request_t *request, int status, bool writing) {
  uint8_t code = acoap__file_code(status, writing);
  /* What is not there and what is not to be seen (a link that leads out) look the same. */
  const char *why = code == ACOAP_CODE_NOT_FOUND ? "" : acoap_strerror(status);
  (void)acoap_request_respond(request, code, ACOAP_FORMAT_NONE, why, strlen(why));
}

/* acoap__file_cb */
static void opened(void *user_data, acoap__file_t *file, int status) {
  answering_t *self = user_data;
  acoap_request_t *request = self->request;
  if (status != 0) {
    acoap__file_unref(file);
    acoap__request_refuse_file(request, status, false);
  } else if (acoap__file_is_directory(file)) {
    acoap__file_unref(file);
    (void)acoap_request_respond(request, ACOAP_CODE_NOT_FOUND, ACOAP_FORMAT_NONE, NULL, 0);
  } else {
    (void)acoap_request_respond_body(request, self->code, self->content_format,
                                     acoap__body_of_file(file));
  }
  acoap__free(self);
  acoap_request_unref(request);
}

int acoap__request_respond_file(acoap_request_t *request, uint8_t code, int content_format,
                                acoap__file_root_t *root, const char *path) {
  acoap__file_t *file = NULL;
  answering_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->request = request;
  made->code = code;
  made->content_format = content_format;
  int status = acoap__file_open(acoap_request_endpoint(request), root, path, opened, made, &file);
  if (status != 0) {
    acoap__free(made);
    return status;
  }
  acoap_request_ref(request);
  return 0;
}

int acoap_request_respond_file(acoap_request_t *request, uint8_t code, int content_format,
                               const char *path) {
  if (request == NULL || path == NULL || content_format > UINT16_MAX) {
    return ACOAP_EINVAL;
  }
  if (acoap__serving_of(request) == NULL) {
    return ACOAP_ENOTSUP;
  }
  acoap__file_root_t *root = acoap__file_root_new(path);
  if (root == NULL) {
    return ACOAP_ENOMEM;
  }
  int status = acoap__request_respond_file(request, code, content_format, root, "");
  acoap__file_root_unref(root);
  return status;
}
