/*
 * The resources that server_fuzz.c serves: one of every kind, with handlers that do what a
 * request's payload says, readers and writers that take their time, and a record of everything that
 * has to end exactly once.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_SERVER_FUZZ_RESOURCES_H
#define ACOAP_TEST_SERVER_FUZZ_RESOURCES_H

#include <acoap/acoap.h>

#include <stdlib.h>
#include <string.h>

#include "fuzz/must.h"

enum { KEPT_MAX = 4, WAITING_MAX = 4, PATHS = 26, UPLOAD_MAX = 1 << 16, BODY_MAX = 2000 };

enum { SYNC, WAITS, SEQUENTIAL, FAILS };

/* A body that is read. */
typedef struct reader {
  unsigned kind; /* SYNC ... */
  uint64_t len;
  uint64_t last;       /* greatest offset asked for */
  bool asked;          /* the next read has something */
  acoap_body_t *body;  /* that waits; NULL: none */
  struct reader *next; /* of those that wait */
} reader_t;

/* A body that is written. */
typedef struct writer {
  uint64_t written;
  acoap_upload_t *upload; /* that waits; NULL: none */
} writer_t;

/* What is served, and what is open. */
typedef struct site {
  acoap_server_t *server;             /* NULL: freed */
  acoap_resource_t *resources[PATHS]; /* NULL: removed */
  acoap_request_t *kept[KEPT_MAX];
  acoap_reply_t *replies[KEPT_MAX];
  reader_t *reading; /* those that wait */
  writer_t *writing[WAITING_MAX];
  uint8_t stored[BODY_MAX];
  size_t stored_len;
  uint8_t version;
  unsigned readers;       /* bodies not released yet */
  unsigned writers;       /* uploads that have not ended */
  bool taken_away[PATHS]; /* not to be made again until the input says so */
  unsigned resources_made;
  unsigned resources_gone;
} site_t;

static site_t site;

static void site_add(unsigned n);

/* ---- readers --------------------------------------------------------------------------------- */

static void stop_reading(reader_t *reader) {
  reader_t **at = &site.reading;
  while (*at != NULL && *at != reader) {
    at = &(*at)->next;
  }
  if (*at != NULL) {
    *at = reader->next;
  }
  reader->body = NULL;
}

static int read_body(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                     size_t cap) {
  reader_t *reader = user_data;
  MUST(cap > 0 && room != NULL);
  if (reader->kind == SEQUENTIAL) {
    MUST(offset >= reader->last);
    reader->last = offset;
  }
  if (reader->kind == FAILS && offset >= 256) {
    return ACOAP_EINVAL;
  }
  if (reader->kind != SYNC && !reader->asked) {
    if (reader->body == NULL) {
      reader->next = site.reading;
      site.reading = reader;
      reader->body = body;
    }
    return ACOAP_EAGAIN;
  }
  reader->asked = false;
  size_t left = offset < reader->len ? (size_t)(reader->len - offset) : 0;
  size_t len = left < cap ? left : cap;
  memset(room, 'r', len);
  return (int)len;
}

static void release_body(void *user_data) {
  reader_t *reader = user_data;
  stop_reading(reader);
  MUST(site.readers-- > 0);
  free(reader);
}

static const acoap_body_ops_t read_ops = {
    .size = sizeof(read_ops), .read = read_body, .release = release_body};
static const acoap_body_ops_t sequential_ops = {
    .size = sizeof(sequential_ops), .read = read_body, .release = release_body, .sequential = true};

static acoap_body_t *body_of(unsigned kind) {
  reader_t *reader = calloc(1, sizeof(*reader));
  MUST(reader != NULL);
  reader->kind = kind % 4;
  reader->len = 1500;
  site.readers++;
  return acoap_body_read(reader->kind == SEQUENTIAL ? &sequential_ops : &read_ops,
                         reader->kind == SYNC ? reader->len : ACOAP_BODY_SIZE_UNKNOWN, reader);
}

/* One that waits has something now. */
static void read_on(void) {
  reader_t *reader = site.reading;
  if (reader != NULL) {
    acoap_body_t *body = reader->body;
    stop_reading(reader);
    reader->asked = true;
    acoap_body_ready(body);
  }
}

/* ---- writers --------------------------------------------------------------------------------- */

static int upload_begin(void *user_data, acoap_upload_t *upload, acoap_request_t *first,
                        uint64_t total) {
  (void)user_data;
  MUST(first != NULL);
  if (total != ACOAP_BODY_SIZE_UNKNOWN && total > UPLOAD_MAX) {
    return ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE;
  }
  writer_t *writer = calloc(1, sizeof(*writer));
  MUST(writer != NULL);
  acoap_upload_set_data(upload, writer);
  site.writers++;
  return 0;
}

static void stop_writing(writer_t *writer) {
  for (size_t i = 0; i < WAITING_MAX; i++) {
    if (site.writing[i] == writer) {
      site.writing[i] = NULL;
    }
  }
}

static void writer_free(writer_t *writer) {
  stop_writing(writer);
  MUST(site.writers-- > 0);
  free(writer);
}

static int upload_write(void *user_data, acoap_upload_t *upload, uint64_t offset,
                        acoap_bytes_t bytes) {
  writer_t *writer = acoap_upload_data(upload);
  (void)user_data;
  MUST(offset == writer->written && bytes.len <= 1200);
  writer->written += bytes.len;
  if (writer->written > UPLOAD_MAX) {
    return ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE;
  }
  switch (bytes.len > 0 ? bytes.data[0] % 8 : 7) {
  case 0:
    return ACOAP_EINVAL;
  case 1:
    return ACOAP_CODE_BAD_REQUEST;
  case 2:
  case 3:
    for (size_t i = 0; i < WAITING_MAX; i++) {
      if (site.writing[i] == NULL) {
        site.writing[i] = writer;
        writer->upload = upload;
        return ACOAP_EAGAIN;
      }
    }
    return 0;
  default:
    return 0;
  }
}

static void upload_abort(void *user_data, acoap_upload_t *upload, int status) {
  (void)user_data;
  MUST(status != 0);
  writer_free(acoap_upload_data(upload));
}

static const acoap_upload_ops_t upload_ops = {.size = sizeof(upload_ops),
                                              .begin = upload_begin,
                                              .write = upload_write,
                                              .abort = upload_abort};

/* One that waits is done. */
static void write_on(uint8_t how) {
  static const int statuses[] = {0, 0, ACOAP_EINVAL, ACOAP_CODE_BAD_REQUEST};
  writer_t *writer = site.writing[how % WAITING_MAX];
  if (writer != NULL) {
    acoap_upload_t *upload = writer->upload;
    stop_writing(writer);
    acoap_upload_ready(upload, statuses[how / WAITING_MAX % 4]);
  }
}

static void handle_upload(void *user_data, acoap_request_t *request) {
  acoap_upload_t *upload = acoap_request_upload(request);
  (void)user_data;
  if (upload != NULL) {
    writer_t *writer = acoap_upload_data(upload);
    MUST(acoap_upload_len(upload) == writer->written);
    writer_free(writer);
  }
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
}

/* ---- handlers -------------------------------------------------------------------------------- */

static void keep(acoap_request_t *request, unsigned place) {
  acoap_request_t **kept = &site.kept[place % KEPT_MAX];
  acoap_request_unref(*kept);
  *kept = acoap_request_ref(request);
}

static void keep_reply(acoap_request_t *request, unsigned place) {
  acoap_reply_t **reply = &site.replies[place % KEPT_MAX];
  acoap_reply_drop(*reply);
  *reply = acoap_request_reply(request);
}

/* What becomes of a request of resource n. */
static void act(acoap_request_t *request, unsigned n, unsigned what) {
  acoap_bytes_t body = acoap_request_body(request);
  acoap_builder_t *builder;
  char text[300];
  memset(text, 'x', sizeof(text));
  switch (what % 16) {
  case 0:
    acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text,
                          what / 16 * 18);
    break;
  case 1:
    acoap_request_ignore(request);
    break;
  case 2:
    acoap_request_reset(request);
    break;
  case 3:
    acoap_request_acknowledge(request);
    keep(request, what / 16);
    break;
  case 4:
    keep(request, what / 16);
    break;
  case 5:
    keep_reply(request, what / 16);
    break;
  case 6:
    site.resources[n] = acoap_resource_remove(site.resources[n]);
    acoap_request_respond(request, ACOAP_CODE_DELETED, ACOAP_FORMAT_NONE, NULL, 0);
    break;
  case 7: /* who says so when asked for the newest state will be asked again, for ever */
    if (!acoap_request_is_notification(request)) {
      acoap_resource_notify(acoap_request_resource(request));
    }
    acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, body.data, body.len);
    break;
  case 8:
    acoap_request_respond_body(request, ACOAP_CODE_CONTENT, 0, body_of(what / 16));
    break;
  case 9:
    acoap_request_respond_body(request, ACOAP_CODE_CONTENT, 0,
                               acoap_body_copy(body.data, body.len));
    break;
  case 10: /* twice */
    acoap_request_respond(request, ACOAP_CODE_CONTENT, 0, "a", 1);
    acoap_request_respond(request, ACOAP_CODE_CONTENT, 0, "b", 1);
    break;
  case 11:
    builder = acoap_request_begin(request, ACOAP_CODE_CREATED);
    if (builder != NULL) {
      acoap_builder_option(builder, ACOAP_OPTION_LOCATION_PATH, "new", 3);
      acoap_builder_option(builder, ACOAP_OPTION_ETAG, &site.version, 1);
      acoap_request_send(request, (acoap_reliability_t)(what / 16 % 3));
    }
    break;
  case 12: /* more than a message holds */
    builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
    for (unsigned i = 0; builder != NULL && i < 8; i++) {
      acoap_builder_option(builder, ACOAP_OPTION_LOCATION_QUERY, text, i < what / 16 ? 200 : 1);
    }
    acoap_request_send(request, ACOAP_AS_REQUESTED);
    break;
  case 13:
    acoap_request_respond(request, ACOAP_CODE_BAD_REQUEST, ACOAP_FORMAT_NONE, "no", 2);
    break;
  case 14: /* a group of handlers: the next one */
  default:
    break;
  }
}

/* The first byte of the body says it, */
static void handle_any(void *number, acoap_request_t *request) {
  acoap_bytes_t body = acoap_request_body(request);
  act(request, (unsigned)(uintptr_t)number, body.len > 0 ? body.data[0] : 0);
}

/* or how often something has changed: so that notifications are anything, too. */
static void handle_odd(void *number, acoap_request_t *request) {
  act(request, (unsigned)(uintptr_t)number, site.version);
}

static void store(void *user_data, acoap_request_t *request) {
  acoap_bytes_t body = acoap_request_body(request);
  (void)user_data;
  MUST(body.len <= BODY_MAX);
  site.stored_len = body.len;
  if (body.len > 0) {
    memcpy(site.stored, body.data, body.len);
  }
  site.version++;
  acoap_resource_notify(acoap_request_resource(request));
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
}

static void tell_stored(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_OCTET_STREAM, site.stored,
                        site.stored_len);
}

static void tell_parameters(void *user_data, acoap_request_t *request) {
  acoap_bytes_t id = acoap_request_parameter(request, "id");
  acoap_bytes_t value;
  (void)user_data;
  MUST(id.len <= 255 && acoap_request_parameter(request, "none").len == 0);
  MUST(acoap_request_depth(request) <= 4);
  (void)acoap_request_query(request, "q", &value);
  (void)acoap_request_is_notification(request);
  (void)acoap_request_precondition(request, true, &site.version, 1);
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, id.data, id.len);
}

static void tell_read(void *kind, acoap_request_t *request) {
  acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE,
                             body_of((unsigned)(uintptr_t)kind));
}

static void keep_it(void *user_data, acoap_request_t *request) {
  (void)user_data;
  keep(request, site.version++);
}

static void keep_for_a_thread(void *user_data, acoap_request_t *request) {
  (void)user_data;
  keep_reply(request, site.version++);
}

static int tell_version(void *user_data, acoap_request_t *request, uint8_t etag[8]) {
  (void)user_data;
  (void)request;
  etag[0] = site.version;
  return site.version % 8 == 7 ? ACOAP_ENOTFOUND : site.version % 8 == 6 ? 0 : 1;
}

static int get_value(void *user_data, acoap_value_t *value) {
  (void)user_data;
  value->integer = site.version - 100;
  value->number = site.version / 7.0;
  value->string = (acoap_bytes_t){site.stored, site.stored_len < 300 ? site.stored_len : 300};
  return site.version == 77 ? ACOAP_CODE_SERVICE_UNAVAILABLE : 0;
}

static int set_value(void *user_data, const acoap_value_t *value) {
  (void)user_data;
  if (value->type == ACOAP_VALUE_STRING) {
    MUST(value->string.len <= BODY_MAX);
    site.stored_len = value->string.len;
    memmove(site.stored, value->string.data, value->string.len);
  }
  site.version++;
  return value->integer < 0 ? ACOAP_CODE_CONFLICT : 0;
}

/* ---- the site -------------------------------------------------------------------------------- */

static const char *const paths[PATHS] = {
    "/",        "/a/:id", "/a/b/c", "/f/...", "/obs",    "/obs/:id", "/up",     "/joined", "/read",
    "/wait",    "/seq",   "/fails", "/later", "/thread", "/new",     "/group",  "/bytes",  "/int",
    "/counter", "/stats", "/any",   "/odd",   "/mc",     "/a/:id/c", "/double", "/string",
};

static void gone(void *user_data) {
  (void)user_data;
  site.resources_gone++;
}

static acoap_resource_t *ready_of(unsigned n) {
  static const char bytes[400] = "static";
  switch (n) {
  case 15:
    return acoap_resource_new_group(site.server, paths[n]);
  case 16:
    return acoap_resource_new_static(site.server, paths[n], 0, bytes, sizeof(bytes));
  case 17:
    return acoap_resource_new_value(site.server, paths[n], ACOAP_VALUE_INT, get_value, set_value,
                                    NULL);
  case 24:
    return acoap_resource_new_value(site.server, paths[n], ACOAP_VALUE_DOUBLE, get_value, set_value,
                                    NULL);
  case 25:
    return acoap_resource_new_value(site.server, paths[n], ACOAP_VALUE_STRING, get_value, set_value,
                                    NULL);
  case 18:
    return acoap_resource_new_counter(site.server, paths[n], -1);
  case 19:
    return acoap_resource_new_stats(site.server, paths[n]);
  default:
    return acoap_resource_new(site.server, paths[n]);
  }
}

/* What the resource of this number has besides its path. */
static void equip(acoap_resource_t *resource, unsigned n) {
  acoap_observable_options_t observable = {.size = sizeof(observable), .confirm_every = 3};
  acoap_multicast_policy_t policy = {
      .size = sizeof(policy), .errors = true, .empty = true, .leisure_ms = 100};
  void *number = (void *)(uintptr_t)n;
  switch (n) {
  case 3:
    acoap_resource_on_version(resource, tell_version, NULL);
    acoap_resource_on(resource, ACOAP_CODE_PUT, store, NULL);
    break;
  case 4:
    acoap_resource_observable(resource, NULL);
    acoap_resource_on(resource, ACOAP_CODE_GET, tell_stored, NULL);
    acoap_resource_on(resource, ACOAP_CODE_PUT, store, NULL);
    acoap_resource_body_max(resource, BODY_MAX);
    break;
  case 5:
    acoap_resource_observable(resource, &observable);
    acoap_resource_on(resource, ACOAP_CODE_GET, tell_parameters, NULL);
    break;
  case 6:
    acoap_resource_on_upload(resource, &upload_ops, NULL);
    acoap_resource_on(resource, 0, handle_upload, NULL);
    break;
  case 7:
    acoap_resource_body_max(resource, BODY_MAX);
    break;
  case 8:
  case 9:
  case 10:
  case 11:
    acoap_resource_observable(resource, &observable);
    acoap_resource_on(resource, ACOAP_CODE_GET, tell_read, (void *)(uintptr_t)(n - 8));
    break;
  case 12:
    acoap_resource_on(resource, 0, keep_it, NULL);
    acoap_resource_acknowledge_at_once(resource, true);
    break;
  case 13:
    acoap_resource_on(resource, 0, keep_for_a_thread, NULL);
    break;
  case 14:
    acoap_resource_fresh(resource, 10000);
    acoap_resource_takes(resource, 0);
    acoap_resource_gives(resource, 0);
    break;
  case 21:
    observable.interval_ms = 500;
    acoap_resource_observable(resource, &observable);
    acoap_resource_on(resource, ACOAP_CODE_GET, handle_odd, number);
    break;
  case 25:
    acoap_resource_body_max(resource, BODY_MAX);
    break;
  case 22:
    acoap_resource_multicast(resource, &policy);
    acoap_resource_understands(resource, 9999);
    break;
  case 1:
  case 23:
    acoap_resource_on(resource, ACOAP_CODE_GET, tell_parameters, NULL);
    break;
  default:
    break;
  }
  if (n < 15 || (n > 19 && n < 24)) {
    acoap_resource_on(resource, 0, handle_any, number);
    acoap_resource_on(resource, 0, handle_any, number);
  }
}

static void site_add(unsigned n) {
  if (site.server == NULL || site.resources[n] != NULL) {
    return;
  }
  (void)acoap_server_status(site.server);
  acoap_resource_t *resource = ready_of(n);
  MUST(resource != NULL);
  MUST(acoap_server_resource(site.server, paths[n]) == resource);
  site.resources[n] = resource;
  site.resources_made++;
  MUST(acoap_resource_on_destroy(resource, gone, NULL) == 0);
  equip(resource, n);
  MUST(acoap_server_status(site.server) == 0);
}

#endif
