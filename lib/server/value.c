/*
 * A ready resource of a typed value: GET gives what the application's getter says, as text, JSON or
 * CBOR (Accept; RFC 7252 section 5.10.4), PUT hands a value of the right type to its setter and has
 * observers notified; one that is malformed is 4.00 with a diagnostic payload (section 5.5.2).
 * Keeps no value itself.
 * SPDX-License-Identifier: MIT
 */
#include "server/value.h"

#include <string.h>

#include "base/mem.h"

typedef struct valued {
  acoap_value_type_t type;
  acoap_value_get_cb get;
  acoap_value_set_cb set; /* NULL: it cannot be set */
  void *user_data;        /* for both */
} valued_t;

/* ---- for every resource of values -------------------------------------------------------------
 */

int acoap__value_read(acoap_value_type_t type, int content_format, acoap_bytes_t body,
                      acoap_value_t *value, char **store, const char **why) {
  memset(value, 0, sizeof(*value));
  value->type = type;
  switch (content_format) {
  case ACOAP_FORMAT_JSON:
    return acoap__value_read_json(body, value, store, why);
  case ACOAP_FORMAT_CBOR:
    return acoap__value_read_cbor(body, value, why);
  default:
    return acoap__value_read_text(body, value, why);
  }
}

uint8_t *acoap__value_write(const acoap_value_t *value, int content_format, size_t *len) {
  switch (content_format) {
  case ACOAP_FORMAT_JSON:
    return acoap__value_write_json(value, len);
  case ACOAP_FORMAT_CBOR:
    return acoap__value_write_cbor(value, len);
  default:
    return acoap__value_write_text(value, len);
  }
}

static const int formats[] = {ACOAP_FORMAT_TEXT_PLAIN, ACOAP_FORMAT_JSON, ACOAP_FORMAT_CBOR};
enum { FORMAT_COUNT = sizeof(formats) / sizeof(formats[0]) };

int acoap__value_formats(acoap_resource_t *resource) {
  int status = 0;
  for (size_t i = 0; i < FORMAT_COUNT && status == 0; i++) {
    status = acoap_resource_gives(resource, formats[i]);
  }
  return status;
}

/* A body that does not say what it is is text (section 5.5.1 leaves it to us). */
static bool is_taken(int content_format) {
  for (size_t i = 0; i < FORMAT_COUNT; i++) {
    if (formats[i] == content_format) {
      return true;
    }
  }
  return content_format == ACOAP_FORMAT_NONE;
}

void acoap__value_respond(acoap_request_t *request, uint8_t code, const acoap_value_t *value) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  uint32_t accept = ACOAP_FORMAT_TEXT_PLAIN;
  size_t len = 0;
  if (!acoap_view_uint(view, ACOAP_OPTION_ACCEPT, &accept) ||
      (accept != ACOAP_FORMAT_JSON && accept != ACOAP_FORMAT_CBOR)) {
    accept = ACOAP_FORMAT_TEXT_PLAIN;
  }
  uint8_t *bytes = acoap__value_write(value, (int)accept, &len);
  if (bytes == NULL) {
    (void)acoap_request_respond(request, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_FORMAT_NONE, NULL,
                                0);
    return;
  }
  (void)acoap_request_respond(request, code, (int)accept, bytes, len);
  acoap__free(bytes);
}

bool acoap__value_of_request(acoap_request_t *request, acoap_value_type_t type,
                             acoap_value_t *value, char **store) {
  int content_format = acoap_message_content_format(acoap_request_message(request));
  const char *why = NULL;
  *store = NULL;
  if (!is_taken(content_format)) {
    (void)acoap_request_respond(request, ACOAP_CODE_UNSUPPORTED_CONTENT_FORMAT, ACOAP_FORMAT_NONE,
                                NULL, 0);
    return false;
  }
  int status =
      acoap__value_read(type, content_format, acoap_request_body(request), value, store, &why);
  if (status == 0) {
    return true;
  }
  acoap__free(*store);
  *store = NULL;
  (void)acoap_request_respond(
      request, status == ACOAP_EFORMAT ? ACOAP_CODE_BAD_REQUEST : ACOAP_CODE_SERVICE_UNAVAILABLE,
      ACOAP_FORMAT_NONE, why, why != NULL ? strlen(why) : 0);
  return false;
}

/* ---- the resource -----------------------------------------------------------------------------
 */

static void answer_status(acoap_request_t *request, int status, uint8_t success) {
  int code = status == 0 ? success : status;
  if (code <= 0 || code > UINT8_MAX) {
    code = ACOAP_CODE_INTERNAL_SERVER_ERROR;
  }
  (void)acoap_request_respond(request, (uint8_t)code, ACOAP_FORMAT_NONE, NULL, 0);
}

/* acoap_request_cb */
static void get(void *user_data, acoap_request_t *request) {
  valued_t *self = user_data;
  acoap_value_t value;
  memset(&value, 0, sizeof(value));
  value.type = self->type;
  int status = self->get(self->user_data, &value);
  value.type = self->type;
  if (status != 0) {
    answer_status(request, status, ACOAP_CODE_CONTENT);
    return;
  }
  acoap__value_respond(request, ACOAP_CODE_CONTENT, &value);
}

/* acoap_request_cb */
static void put(void *user_data, acoap_request_t *request) {
  valued_t *self = user_data;
  acoap_value_t value;
  char *store;
  if (!acoap__value_of_request(request, self->type, &value, &store)) {
    return;
  }
  int status = self->set(self->user_data, &value);
  acoap__free(store);
  if (status == 0) {
    /* The setter may have taken the resource away. */
    acoap_resource_t *resource = acoap_request_resource(request);
    if (resource != NULL) {
      (void)acoap_resource_notify(resource);
    }
  }
  answer_status(request, status, ACOAP_CODE_CHANGED);
}

static int furnish(acoap_resource_t *resource, valued_t *self) {
  int status = acoap__value_formats(resource);
  if (status == 0) {
    status = acoap_resource_on(resource, ACOAP_CODE_GET, get, self);
  }
  if (status == 0 && self->set != NULL) {
    status = acoap_resource_on(resource, ACOAP_CODE_PUT, put, self);
  }
  return status == 0 ? acoap_resource_observable(resource, NULL) : status;
}

acoap_resource_t *acoap_resource_new_value(acoap_server_t *server, const char *path,
                                           acoap_value_type_t type, acoap_value_get_cb get_value,
                                           acoap_value_set_cb set_value, void *user_data) {
  if (server == NULL || get_value == NULL || type < ACOAP_VALUE_BOOL || type > ACOAP_VALUE_STRING) {
    (void)acoap__server_fail(server, ACOAP_EINVAL);
    return NULL;
  }
  acoap_resource_t *resource = acoap_resource_new(server, path);
  if (resource == NULL) {
    return NULL;
  }
  valued_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    (void)acoap__server_fail(server, ACOAP_ENOMEM);
    return acoap_resource_remove(resource);
  }
  *made = (valued_t){type, get_value, set_value, user_data};
  if (acoap_resource_on_destroy(resource, acoap__free, made) != 0) {
    return acoap_resource_remove(resource);
  }
  return furnish(resource, made) == 0 ? resource : acoap_resource_remove(resource);
}
