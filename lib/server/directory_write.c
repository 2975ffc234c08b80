/*
 * PUT, POST and DELETE below a directory. A body is written block by block to a temporary file, one
 * block in memory, and each is acknowledged when it is written; the complete one takes its place by
 * a rename (endpoint/file_change.c), so half an upload changes nothing. If-Match and If-None-Match
 * are judged in the thread that does it, under a lock: of two clients that saw the same version one
 * succeeds (RFC 7252 section 5.10.8). POST makes a name from chance and the extension of the
 * Content-Format, and says it in Location-Path (section 5.8.2). DELETE of what is not there is 2.02
 * (section 5.8.4).
 * Refusals: a path that is not served 4.03; a directory that is not there 4.09; a directory itself
 * 4.05; more than file_max_bytes 4.13 with Size1; a full disk 5.03. Makes and removes no
 * directories.
 * SPDX-License-Identifier: MIT
 */
#include "server/directory.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "message/uri_text.h"
#include "server/body_file.h"

/* A change under way. */
typedef struct writing {
  acoap__directory_t *directory;        /* referenced */
  acoap_message_t *message;             /* the first request's, referenced; a thread reads it */
  acoap__file_change_t *change;         /* owned; NULL: dropped */
  acoap_upload_t *upload;               /* the body that is on its way; NULL: complete, or none */
  acoap_request_t *request;             /* to be answered, referenced; NULL: not yet */
  uint8_t method;                       /* PUT, POST, DELETE */
  char path[ACOAP__DIRECTORY_PATH_MAX]; /* of the file */
} writing_t;

static const acoap_view_t *view_of(const writing_t *self) {
  return acoap_message_view(self->message);
}

/* ---- the file is changed ----------------------------------------------------------------------
 */

/* acoap__file_change_ops_t.judge, in another thread. POST's preconditions are the directory's. */
static int judge(void *user_data, bool exists, const uint8_t etag[ACOAP__FILE_ETAG]) {
  const writing_t *self = user_data;
  return self->method == ACOAP_CODE_POST
             ? 0
             : acoap__precondition(view_of(self), exists, etag, ACOAP__FILE_ETAG);
}

/* acoap__file_change_ops_t.release */
static void release(void *user_data) {
  writing_t *self = user_data;
  acoap_message_unref(self->message);
  acoap__directory_unref(self->directory);
  acoap__free(self);
}

/* The last of it: what is not published is removed. */
static void drop(writing_t *self) {
  acoap__file_change_t *change = self->change;
  acoap_request_unref(self->request);
  self->request = NULL;
  self->change = NULL;
  acoap__file_change_drop(change);
}

static void add_location(const writing_t *self, acoap_builder_t *builder) {
  acoap_bytes_t segment;
  for (size_t i = 0; i < acoap_request_depth(self->request) &&
                     acoap_view_option(view_of(self), ACOAP_OPTION_URI_PATH, i, &segment);
       i++) {
    acoap_builder_option(builder, ACOAP_OPTION_LOCATION_PATH, segment.data, segment.len);
  }
  for (const char *at = self->path; *at != '\0';) {
    size_t span = strcspn(at, "/");
    acoap_builder_option(builder, ACOAP_OPTION_LOCATION_PATH, at, span);
    at += span + (at[span] == '/' ? 1 : 0);
  }
}

/* Observers of the file and of the directory it is in hear of it. */
static void notify(const writing_t *self) {
  /* The path of the resource and, three characters for each, all of the file's. */
  char path[3 * ACOAP__DIRECTORY_PATH_MAX + 512];
  acoap_bytes_t segment;
  acoap__text_t text;
  acoap_resource_t *resource = self->directory->resource;
  if (resource == NULL) {
    return;
  }
  acoap__text_init(&text, path, sizeof(path));
  for (size_t i = 0; i < acoap_request_depth(self->request) &&
                     acoap_view_option(view_of(self), ACOAP_OPTION_URI_PATH, i, &segment);
       i++) {
    acoap__text_put(&text, "/");
    acoap__uri_put(&text, segment.data, segment.len, ACOAP__URI_PCHAR);
  }
  acoap__text_put(&text, "/");
  acoap__uri_put(&text, (const uint8_t *)self->path, strlen(self->path), ACOAP__URI_PATH);
  if (!acoap__text_fits(&text)) {
    return;
  }
  (void)acoap_resource_notify_path(resource, path);
  /* "/files/" and "/files" are the same directory under two paths. */
  char *slash = strrchr(path, '/');
  slash[1] = '\0';
  (void)acoap_resource_notify_path(resource, path);
  slash[slash == path ? 1 : 0] = '\0';
  (void)acoap_resource_notify_path(resource, path);
}

static void answer_written(const writing_t *self) {
  bool created = acoap__file_change_created(self->change);
  acoap_builder_t *builder =
      acoap_request_begin(self->request, created ? ACOAP_CODE_CREATED : ACOAP_CODE_CHANGED);
  if (builder == NULL) {
    return;
  }
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, acoap__file_change_etag(self->change),
                       ACOAP__FILE_ETAG);
  if (self->method == ACOAP_CODE_POST) {
    add_location(self, builder);
  }
  (void)acoap_request_send(self->request, ACOAP_AS_REQUESTED);
}

/* Nothing to remove: done, unless the client said that there is something. */
static void answer_absent(const writing_t *self) {
  int code = acoap__precondition(view_of(self), false, NULL, 0);
  acoap__directory_answer(self->request, code != 0 ? (uint8_t)code : ACOAP_CODE_DELETED, NULL);
}

static void refuse(acoap_request_t *request, int status) {
  if (status > 0) {
    acoap__directory_answer(request, (uint8_t)status, NULL);
  } else {
    acoap__request_refuse_file(request, status, true);
  }
}

/* acoap__file_change_ops_t.done */
static void done(void *user_data, acoap__file_change_t *change, int status) {
  writing_t *self = user_data;
  (void)change;
  if (self->request == NULL) {
    int code = status < 0 ? acoap__file_code(status, true) : status;
    acoap_upload_ready(self->upload, code);
    return;
  }
  if (self->method == ACOAP_CODE_DELETE && acoap__file_is_absent(status)) {
    answer_absent(self);
  } else if (status != 0) {
    refuse(self->request, status);
  } else {
    notify(self);
    if (self->method == ACOAP_CODE_DELETE) {
      acoap__directory_answer(self->request, ACOAP_CODE_DELETED, NULL);
    } else {
      answer_written(self);
    }
  }
  drop(self);
}

static const acoap__file_change_ops_t change_ops = {judge, done, release};

/* ---- a body comes -----------------------------------------------------------------------------
 */

static uint64_t chance(const acoap_request_t *request) {
  uint64_t number;
  acoap_local_endpoint_t *endpoint = acoap_request_endpoint(request);
  acoap__random_bytes(acoap__local_endpoint_engine(endpoint)->random, &number, sizeof(number));
  return number;
}

/* A name for what is posted. False: the path is too long. */
static bool make_name(writing_t *self, const acoap_request_t *request) {
  uint64_t number = chance(request);
  acoap__text_t text;
  size_t len = strlen(self->path);
  acoap__text_init(&text, self->path + len, sizeof(self->path) - len);
  if (len > 0) {
    acoap__text_put(&text, "/");
  }
  acoap__text_put_hex(&text, &number, sizeof(number));
  acoap__text_put(&text, acoap__extension_of(acoap_message_content_format(self->message)));
  return acoap__text_fits(&text);
}

/* Which file is meant: 0 or the code that refuses it. */
static int find_place(writing_t *self, const acoap_request_t *request) {
  bool slash;
  if (!acoap__directory_path(self->directory, request, self->path, &slash)) {
    return ACOAP_CODE_FORBIDDEN;
  }
  if (self->method == ACOAP_CODE_POST) {
    return make_name(self, request) ? 0 : ACOAP_CODE_FORBIDDEN;
  }
  return slash || self->path[0] == '\0' ? ACOAP_CODE_METHOD_NOT_ALLOWED : 0;
}

static writing_t *writing_new(acoap__directory_t *directory, const acoap_request_t *request) {
  writing_t *made = acoap__calloc(1, sizeof(*made));
  if (made != NULL) {
    made->directory = acoap__directory_ref(directory);
    made->message = acoap_message_ref(acoap_request_message(request));
    made->method = acoap_message_code(made->message);
  }
  return made;
}

/* acoap_upload_ops_t.begin */
static int begin(void *user_data, acoap_upload_t *upload, acoap_request_t *first, uint64_t total) {
  acoap__directory_t *directory = user_data;
  uint8_t method = acoap_message_code(acoap_request_message(first));
  if (method != ACOAP_CODE_PUT && method != ACOAP_CODE_POST) {
    return 0; /* a body that nobody looks at */
  }
  if (total != ACOAP_BODY_SIZE_UNKNOWN && total > directory->file_max_bytes) {
    return ACOAP_ETOOBIG;
  }
  writing_t *made = writing_new(directory, first);
  if (made == NULL) {
    return ACOAP_CODE_SERVICE_UNAVAILABLE;
  }
  int status = find_place(made, first);
  if (status == 0) {
    status = acoap__file_change_write(acoap_request_endpoint(first), directory->root, made->path,
                                      chance(first), &change_ops, made, &made->change);
    status = status != 0 ? acoap__file_code(status, true) : 0;
  }
  if (status != 0) {
    release(made);
    return status;
  }
  made->upload = upload;
  acoap_upload_set_data(upload, made);
  return 0;
}

/* acoap_upload_ops_t.write */
static int write_bytes(void *user_data, acoap_upload_t *upload, uint64_t offset,
                       acoap_bytes_t bytes) {
  const acoap__directory_t *directory = user_data;
  const writing_t *self = acoap_upload_data(upload);
  if (offset > directory->file_max_bytes || bytes.len > directory->file_max_bytes - offset) {
    return ACOAP_ETOOBIG;
  }
  if (self == NULL) {
    return 0;
  }
  int status = acoap__file_change_append(self->change, bytes);
  if (status < 0) {
    return acoap__file_code(status, true);
  }
  return status > 0 ? status : ACOAP_EAGAIN;
}

/* acoap_upload_ops_t.abort */
static void abort_upload(void *user_data, acoap_upload_t *upload, int status) {
  writing_t *self = acoap_upload_data(upload);
  (void)user_data;
  (void)status;
  if (self != NULL) {
    acoap_upload_set_data(upload, NULL);
    drop(self);
  }
}

static const acoap_upload_ops_t upload_ops = {.size = sizeof(acoap_upload_ops_t),
                                              .begin = begin,
                                              .write = write_bytes,
                                              .abort = abort_upload};

/* acoap_request_cb: the body is complete. */
static void put(void *user_data, acoap_request_t *request) {
  acoap_upload_t *upload = acoap_request_upload(request);
  writing_t *self = upload != NULL ? acoap_upload_data(upload) : NULL;
  acoap_bytes_t value;
  (void)user_data;
  if (self == NULL) {
    acoap__directory_answer(request, ACOAP_CODE_INTERNAL_SERVER_ERROR, NULL);
    return;
  }
  acoap_upload_set_data(upload, NULL);
  self->upload = NULL;
  bool only_new = self->method == ACOAP_CODE_POST ||
                  acoap_view_option(view_of(self), ACOAP_OPTION_IF_NONE_MATCH, 0, &value);
  int status = acoap__file_change_publish(self->change, only_new);
  self->request = acoap_request_ref(request);
  if (status != 0) {
    refuse(request, status);
    drop(self);
  }
}

/* acoap_request_cb */
static void delete_file(void *user_data, acoap_request_t *request) {
  acoap__directory_t *directory = user_data;
  writing_t *made = writing_new(directory, request);
  if (made == NULL) {
    acoap__request_refuse_file(request, ACOAP_ENOMEM, true);
    return;
  }
  int status = find_place(made, request);
  if (status == 0) {
    status = acoap__file_change_remove(acoap_request_endpoint(request), directory->root, made->path,
                                       &change_ops, made, &made->change);
  }
  if (status != 0) {
    refuse(request, status);
    release(made);
    return;
  }
  made->request = acoap_request_ref(request);
}

int acoap__directory_make_writable(acoap__directory_t *directory, acoap_resource_t *resource) {
  uint64_t most = directory->file_max_bytes;
  int status = acoap_resource_on_upload(resource, &upload_ops, directory);
  if (status == 0) {
    /* What Size1 says in a 4.13 (RFC 7959 section 2.9.3). */
    status = acoap_resource_body_max(resource, most < SIZE_MAX ? (size_t)most : SIZE_MAX);
  }
  if (status == 0) {
    status = acoap_resource_on(resource, ACOAP_CODE_PUT, put, directory);
  }
  if (status == 0) {
    status = acoap_resource_on(resource, ACOAP_CODE_POST, put, directory);
  }
  if (status == 0) {
    status = acoap_resource_on(resource, ACOAP_CODE_DELETE, delete_file, directory);
  }
  /* What changes without us is seen when Max-Age is over (RFC 7641 section 3.3.1). */
  return status == 0 ? acoap_resource_observable(resource, NULL) : status;
}
