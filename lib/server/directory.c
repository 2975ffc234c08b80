/*
 * A ready resource of a directory and everything below it. The path of a request becomes one of the
 * file system only when every Uri-Path option is a plain name: not empty (but the last), not "." or
 * "..", without a slash and a NUL, at most 255 bytes, UTF-8, not hidden unless that was asked for,
 * and never a temporary file; that no link leads out is the business of transport/files_posix.c.
 * GET gives a file in one version, with the Content-Format of its extension, or a directory's links
 * (directory_list.c); preconditions are judged when the file is open (RFC 7252 section 5.10.8).
 * Refused is 4.04 here and 4.03 on writing (directory_write.c).
 * SPDX-License-Identifier: MIT
 */
#include "server/directory.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"
#include "server/body_file.h"

#define FILE_MAX_DEFAULT (64u << 20)
#define NAME_MAX_BYTES 255

/* A GET under way. */
typedef struct reading {
  acoap__directory_t *directory; /* referenced */
  acoap_request_t *request;      /* referenced */
  int content_format;            /* of the file, should it be one */
  bool slash;                    /* a directory was asked for */
} reading_t;

/* ---- life -------------------------------------------------------------------------------------
 */

acoap__directory_t *acoap__directory_ref(acoap__directory_t *directory) {
  directory->refs++;
  return directory;
}

void acoap__directory_unref(acoap__directory_t *directory) {
  if (--directory->refs == 0) {
    acoap__file_root_unref(directory->root);
    acoap__free(directory);
  }
}

static void resource_gone(void *user_data) {
  acoap__directory_t *directory = user_data;
  directory->resource = NULL;
  acoap__directory_unref(directory);
}

/* ---- paths ------------------------------------------------------------------------------------
 */

bool acoap__directory_serves(const acoap__directory_t *directory, const char *name, size_t len) {
  const size_t mark = sizeof(ACOAP__FILE_TEMPORARY) - 1;
  if (len == 0 || len > NAME_MAX_BYTES || memchr(name, '/', len) != NULL ||
      memchr(name, '\0', len) != NULL || !acoap__utf8_valid(name, len)) {
    return false;
  }
  if (name[0] != '.') {
    return true;
  }
  if (len == 1 || (len == 2 && name[1] == '.')) {
    return false;
  }
  /* Some file systems do not distinguish case. */
  return directory->hidden &&
         !(len >= mark && acoap__ascii_equal(name, mark, ACOAP__FILE_TEMPORARY, mark));
}

bool acoap__directory_path(const acoap__directory_t *directory, const acoap_request_t *request,
                           char path[ACOAP__DIRECTORY_PATH_MAX], bool *slash) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  acoap_bytes_t segment;
  size_t len = 0;
  *slash = false;
  for (size_t i = acoap_request_depth(request);
       acoap_view_option(view, ACOAP_OPTION_URI_PATH, i, &segment); i++) {
    if (*slash) {
      return false; /* it was not the last */
    }
    if (segment.len == 0) {
      *slash = true;
      continue;
    }
    if (!acoap__directory_serves(directory, (const char *)segment.data, segment.len) ||
        len + 1 + segment.len >= ACOAP__DIRECTORY_PATH_MAX) {
      return false;
    }
    if (len > 0) {
      path[len++] = '/';
    }
    memcpy(path + len, segment.data, segment.len);
    len += segment.len;
  }
  path[len] = '\0';
  return true;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

void acoap__directory_answer(acoap_request_t *request, uint8_t code, const char *why) {
  (void)acoap_request_respond(request, code, ACOAP_FORMAT_NONE, why, why != NULL ? strlen(why) : 0);
}

/* Nothing but the ETag: the client has this version (section 5.9.1.3). */
static void answer_valid(acoap_request_t *request, acoap__file_t *file) {
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_VALID);
  if (builder != NULL) {
    acoap_builder_option(builder, ACOAP_OPTION_ETAG, acoap__file_etag(file), ACOAP__FILE_ETAG);
    (void)acoap_request_send(request, ACOAP_AS_REQUESTED);
  }
}

/* The file is open; it is taken. */
static void answer_file(const reading_t *self, acoap__file_t *file) {
  acoap_request_t *request = self->request;
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  uint32_t accept = 0;
  int code = acoap_request_precondition(request, true, acoap__file_etag(file), ACOAP__FILE_ETAG);
  if (acoap_view_uint(view, ACOAP_OPTION_ACCEPT, &accept) && (int)accept != self->content_format) {
    acoap__file_unref(file);
    acoap__directory_answer(request, ACOAP_CODE_NOT_ACCEPTABLE, "the file has another format");
  } else if (code == ACOAP_CODE_VALID) {
    answer_valid(request, file);
    acoap__file_unref(file);
  } else if (code != 0) {
    acoap__file_unref(file);
    acoap__directory_answer(request, (uint8_t)code, NULL);
  } else {
    (void)acoap_request_respond_body(request, ACOAP_CODE_CONTENT, self->content_format,
                                     acoap__body_of_file(file));
  }
}

/* acoap__file_cb */
static void opened(void *user_data, acoap__file_t *file, int status) {
  reading_t *self = user_data;
  if (status != 0) {
    acoap__file_unref(file);
    acoap__request_refuse_file(self->request, status, false);
  } else if (acoap__file_is_directory(file)) {
    acoap__directory_list(self->directory, self->request, file);
  } else if (self->slash) {
    acoap__file_unref(file);
    acoap__directory_answer(self->request, ACOAP_CODE_NOT_FOUND, "it is no directory");
  } else {
    answer_file(self, file);
  }
  acoap_request_unref(self->request);
  acoap__directory_unref(self->directory);
  acoap__free(self);
}

/* acoap_request_cb */
static void get(void *user_data, acoap_request_t *request) {
  acoap__directory_t *directory = user_data;
  char path[ACOAP__DIRECTORY_PATH_MAX];
  bool slash;
  if (!acoap__directory_path(directory, request, path, &slash)) {
    acoap__directory_answer(request, ACOAP_CODE_NOT_FOUND, NULL);
    return;
  }
  acoap__file_t *file = NULL;
  reading_t *made = acoap__calloc(1, sizeof(*made));
  int status = ACOAP_ENOMEM;
  if (made != NULL) {
    made->directory = directory;
    made->request = request;
    made->content_format = acoap__extension_format(path);
    made->slash = slash;
    status = acoap__file_open(acoap_request_endpoint(request), directory->root, path, opened, made,
                              &file);
  }
  if (status != 0) {
    acoap__free(made);
    acoap__request_refuse_file(request, status, false);
    return;
  }
  acoap_request_ref(request);
  acoap__directory_ref(directory);
}

/* ---- making -----------------------------------------------------------------------------------
 */

/* The sub-tree of a path: "/files" and everything below it. */
static acoap_resource_t *new_tree(acoap_server_t *server, const char *path) {
  static const char below[] = "/...";
  size_t len = strlen(path);
  if (len > 0 && path[len - 1] == '/') {
    len--; /* "/" is the root, "/files/" is "/files" */
  }
  char *whole = acoap__malloc(len + sizeof(below));
  if (whole == NULL) {
    (void)acoap__server_fail(server, ACOAP_ENOMEM);
    return NULL;
  }
  memcpy(whole, path, len);
  memcpy(whole + len, below, sizeof(below));
  acoap_resource_t *resource = acoap_resource_new(server, whole);
  acoap__free(whole);
  return resource;
}

static acoap__directory_t *directory_alloc(const char *name,
                                           const acoap_directory_options_t *options) {
  acoap__directory_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return NULL;
  }
  made->refs = 1;
  made->hidden = options->hidden;
  made->file_max_bytes = options->file_max_bytes != 0 ? options->file_max_bytes : FILE_MAX_DEFAULT;
  made->root = acoap__file_root_new(name);
  if (made->root == NULL) {
    acoap__free(made);
    return NULL;
  }
  return made;
}

static int furnish(acoap__directory_t *directory, acoap_resource_t *resource, bool writable) {
  int status = acoap_resource_on(resource, ACOAP_CODE_GET, get, directory);
  if (status == 0) {
    status = acoap_resource_understands(resource, ACOAP_OPTION_IF_MATCH);
  }
  if (status == 0) {
    status = acoap_resource_understands(resource, ACOAP_OPTION_IF_NONE_MATCH);
  }
  if (status == 0 && writable) {
    status = acoap__directory_make_writable(directory, resource);
  }
  if (status == 0) {
    /* Discovery begins at its links (RFC 6690 section 4). */
    resource->lists_root = true;
    resource->listed = true;
    status = acoap_resource_attribute(resource, "ct", "40");
  }
  return status;
}

acoap_resource_t *acoap_resource_new_directory(acoap_server_t *server, const char *path,
                                               const char *directory,
                                               const acoap_directory_options_t *given) {
  acoap_directory_options_t options;
  memset(&options, 0, sizeof(options));
  if (server == NULL || path == NULL || directory == NULL || directory[0] == '\0' ||
      (given != NULL && given->size < sizeof(given->size))) {
    (void)acoap__server_fail(server, ACOAP_EINVAL);
    return NULL;
  }
  if (given != NULL) {
    memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
  }
  acoap_resource_t *resource = new_tree(server, path);
  if (resource == NULL) {
    return NULL;
  }
  acoap__directory_t *made = directory_alloc(directory, &options);
  if (made == NULL) {
    (void)acoap__server_fail(server, ACOAP_ENOMEM);
    return acoap_resource_remove(resource);
  }
  if (acoap_resource_on_destroy(resource, resource_gone, made) != 0) {
    return acoap_resource_remove(resource);
  }
  made->resource = resource;
  return furnish(made, resource, options.writable) == 0 ? resource
                                                        : acoap_resource_remove(resource);
}
