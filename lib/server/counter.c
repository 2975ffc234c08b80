/*
 * A ready resource of a number: GET gives it, POST adds to it (1, or the integer that is the body)
 * and gives the sum, PUT sets it, DELETE clears it; as text, JSON or CBOR (value.c). Observable.
 * What would leave 64 bits is 4.00 and changes nothing.
 * SPDX-License-Identifier: MIT
 */
#include "server/value.h"

#include "base/mem.h"

typedef struct counter {
  int64_t count; /* now */
} counter_t;

static void changed(const acoap_request_t *request) {
  acoap_resource_t *resource = acoap_request_resource(request);
  if (resource != NULL) {
    (void)acoap_resource_notify(resource);
  }
}

static void answer(const counter_t *self, acoap_request_t *request, uint8_t code) {
  const acoap_value_t value = {.type = ACOAP_VALUE_INT, .integer = self->count};
  acoap__value_respond(request, code, &value);
}

/* acoap_request_cb */
static void get(void *user_data, acoap_request_t *request) {
  answer(user_data, request, ACOAP_CODE_CONTENT);
}

static bool add(int64_t *count, int64_t more) {
  if (more >= 0 ? *count > INT64_MAX - more : *count < INT64_MIN - more) {
    return false;
  }
  *count += more;
  return true;
}

/* acoap_request_cb */
static void post(void *user_data, acoap_request_t *request) {
  static const char why[] = "the sum would be out of range";
  counter_t *self = user_data;
  acoap_value_t value = {.type = ACOAP_VALUE_INT, .integer = 1};
  char *store = NULL;
  if (acoap_request_body(request).len > 0 &&
      !acoap__value_of_request(request, ACOAP_VALUE_INT, &value, &store)) {
    return;
  }
  if (!add(&self->count, value.integer)) {
    (void)acoap_request_respond(request, ACOAP_CODE_BAD_REQUEST, ACOAP_FORMAT_NONE, why,
                                sizeof(why) - 1);
    return;
  }
  changed(request);
  answer(self, request, ACOAP_CODE_CHANGED);
}

/* acoap_request_cb */
static void put(void *user_data, acoap_request_t *request) {
  counter_t *self = user_data;
  acoap_value_t value;
  char *store = NULL;
  if (acoap__value_of_request(request, ACOAP_VALUE_INT, &value, &store)) {
    self->count = value.integer;
    changed(request);
    (void)acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
  }
}

/* acoap_request_cb */
static void clear(void *user_data, acoap_request_t *request) {
  counter_t *self = user_data;
  self->count = 0;
  changed(request);
  (void)acoap_request_respond(request, ACOAP_CODE_DELETED, ACOAP_FORMAT_NONE, NULL, 0);
}

static int furnish(acoap_resource_t *resource, counter_t *self) {
  static const struct {
    uint8_t method;
    acoap_request_cb handler;
  } handlers[] = {{ACOAP_CODE_GET, get},
                  {ACOAP_CODE_POST, post},
                  {ACOAP_CODE_PUT, put},
                  {ACOAP_CODE_DELETE, clear}};
  int status = acoap__value_formats(resource);
  for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]) && status == 0; i++) {
    status = acoap_resource_on(resource, handlers[i].method, handlers[i].handler, self);
  }
  return status == 0 ? acoap_resource_observable(resource, NULL) : status;
}

acoap_resource_t *acoap_resource_new_counter(acoap_server_t *server, const char *path,
                                             int64_t start) {
  acoap_resource_t *resource = acoap_resource_new(server, path);
  if (resource == NULL) {
    return NULL;
  }
  counter_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    (void)acoap__server_fail(server, ACOAP_ENOMEM);
    return acoap_resource_remove(resource);
  }
  made->count = start;
  if (acoap_resource_on_destroy(resource, acoap__free, made) != 0) {
    return acoap_resource_remove(resource);
  }
  return furnish(resource, made) == 0 ? resource : acoap_resource_remove(resource);
}
