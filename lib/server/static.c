/*
 * A ready resource of bytes in memory that stay as they are: GET gives them, in blocks where they
 * are many, under an ETag that is a hash of them and so the same after a restart (RFC 7252 section
 * 5.10.6). Copies nothing.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/ready.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "base/text.h"
#include "server/server.h"

typedef struct static_bytes {
  acoap_body_t *body; /* referenced */
  int content_format; /* ACOAP_FORMAT_NONE: none */
} static_bytes_t;

static void destroy(void *user_data) {
  static_bytes_t *self = user_data;
  acoap_body_unref(self->body);
  acoap__free(self);
}

/* acoap_request_cb */
static void get(void *user_data, acoap_request_t *request) {
  static_bytes_t *self = user_data;
  (void)acoap_request_respond_body(request, ACOAP_CODE_CONTENT, self->content_format,
                                   acoap_body_ref(self->body));
}

static acoap_body_t *body_of(const void *bytes, size_t len) {
  static const uint8_t key[16] = {0};
  uint64_t hash = acoap__siphash(key, bytes, len);
  uint8_t etag[8];
  for (size_t i = 0; i < sizeof(etag); i++) {
    etag[i] = (uint8_t)(hash >> (8 * i));
  }
  acoap_body_t *body = acoap_body_lend(bytes, len, NULL, NULL);
  if (body != NULL && acoap_body_set_etag(body, etag, sizeof(etag)) != 0) {
    return acoap_body_unref(body);
  }
  return body;
}

/* The size is known, so the link says it (RFC 6690 section 3.3). */
static int tell_size(acoap_resource_t *resource, size_t len) {
  char chars[24];
  acoap__text_t text;
  acoap__text_init(&text, chars, sizeof(chars));
  acoap__text_put_uint(&text, len);
  return acoap_resource_attribute(resource, "sz", chars);
}

acoap_resource_t *acoap_resource_new_static(acoap_server_t *server, const char *path,
                                            int content_format, const void *bytes, size_t len) {
  if (server == NULL || (bytes == NULL && len > 0) || content_format > UINT16_MAX) {
    (void)acoap__server_fail(server, ACOAP_EINVAL);
    return NULL;
  }
  acoap_resource_t *resource = acoap_resource_new(server, path);
  if (resource == NULL) {
    return NULL;
  }
  static_bytes_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    (void)acoap__server_fail(server, ACOAP_ENOMEM);
    return acoap_resource_remove(resource);
  }
  made->content_format = content_format;
  made->body = body_of(bytes, len);
  if (made->body == NULL) {
    (void)acoap__server_fail(server, ACOAP_ENOMEM);
    destroy(made);
    return acoap_resource_remove(resource);
  }
  if (acoap_resource_on_destroy(resource, destroy, made) != 0) {
    return acoap_resource_remove(resource);
  }
  if (acoap_resource_on(resource, ACOAP_CODE_GET, get, made) != 0 ||
      (content_format >= 0 && acoap_resource_gives(resource, content_format) != 0) ||
      tell_size(resource, len) != 0) {
    return acoap_resource_remove(resource);
  }
  return resource;
}
