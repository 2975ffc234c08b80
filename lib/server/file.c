/*
 * A ready resource whose GET gives a file of the file system, of any size, as it is when it is
 * asked for: looked up and read beside the loop (body_file.c). A file that changes is another
 * version, by its ETag. Writes none (directory_write.c).
 * SPDX-License-Identifier: MIT
 */
#include <acoap/ready.h>

#include "base/mem.h"
#include "server/body_file.h"

typedef struct served_file {
  acoap__file_root_t *root; /* its name */
  int content_format;       /* ACOAP_FORMAT_NONE: none */
} served_file_t;

static void destroy(void *user_data) {
  served_file_t *self = user_data;
  acoap__file_root_unref(self->root);
  acoap__free(self);
}

/* acoap_request_cb */
static void get(void *user_data, acoap_request_t *request) {
  served_file_t *self = user_data;
  int status = acoap__request_respond_file(request, ACOAP_CODE_CONTENT, self->content_format,
                                           self->root, "");
  if (status != 0) {
    acoap__request_refuse_file(request, status, false);
  }
}

acoap_resource_t *acoap_resource_new_file(acoap_server_t *server, const char *path,
                                          int content_format, const char *file) {
  if (server == NULL || file == NULL || file[0] == '\0' || content_format > UINT16_MAX) {
    (void)acoap__server_fail(server, ACOAP_EINVAL);
    return NULL;
  }
  acoap_resource_t *resource = acoap_resource_new(server, path);
  if (resource == NULL) {
    return NULL;
  }
  served_file_t *made = acoap__calloc(1, sizeof(*made));
  if (made != NULL) {
    made->content_format = content_format;
    made->root = acoap__file_root_new(file);
  }
  if (made == NULL || made->root == NULL) {
    (void)acoap__server_fail(server, ACOAP_ENOMEM);
    acoap__free(made);
    return acoap_resource_remove(resource);
  }
  if (acoap_resource_on_destroy(resource, destroy, made) != 0) {
    return acoap_resource_remove(resource);
  }
  if (acoap_resource_on(resource, ACOAP_CODE_GET, get, made) != 0 ||
      (content_format >= 0 && acoap_resource_gives(resource, content_format) != 0)) {
    return acoap_resource_remove(resource);
  }
  return resource;
}
