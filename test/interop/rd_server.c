/*
 * The registration interface of a LwM2M server on acoap's own server, for what registers: Debian's
 * coap-rd knows no update and aborts on a DELETE.
 *     POST /rd?ep=NAME&lt=SECONDS  links (RFC 6690)  -> 2.01, Location-Path rd/NUMBER
 *     POST /rd/NUMBER[?lt=SECONDS] [links]           -> 2.04
 *     DELETE /rd/NUMBER                              -> 2.02
 *     GET /rd/NUMBER                                 -> what is registered, for the test
 * (OMA-TS-LightweightM2M_Core 1.1 section 6.2.) Registrations do not run out: a test is short.
 * usage: rd_server PORT
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define REGISTRATIONS 16
#define TEXT 200

typedef struct registration {
  bool used;
  char endpoint[TEXT], links[TEXT];
  unsigned lifetime_s, updates;
} registration_t;

static registration_t registrations[REGISTRATIONS];

static void answer(acoap_request_t *request, uint8_t code) {
  acoap_request_respond(request, code, ACOAP_FORMAT_NONE, NULL, 0);
}

static bool copy(char *to, acoap_bytes_t from) {
  if (from.len >= TEXT) {
    return false;
  }
  if (from.len > 0) {
    memcpy(to, from.data, from.len);
  }
  to[from.len] = '\0';
  return true;
}

/* The parts that a registration and an update share; false when one is wrong. */
static bool take(registration_t *registration, const acoap_request_t *request) {
  acoap_bytes_t body = acoap_request_body(request);
  acoap_bytes_t lifetime;
  char text[TEXT];

  if (acoap_request_query(request, "lt", &lifetime)) {
    if (!copy(text, lifetime) || strspn(text, "0123456789") != lifetime.len || lifetime.len == 0) {
      return false;
    }
    registration->lifetime_s = (unsigned)atoi(text);
  }
  return body.len == 0 || (acoap_message_content_format(acoap_request_message(request)) ==
                               ACOAP_FORMAT_LINK_FORMAT &&
                           copy(registration->links, body));
}

static void enter(void *user_data, acoap_request_t *request) {
  registration_t made = {.used = true, .lifetime_s = 86400};
  acoap_bytes_t endpoint;
  char number[12];
  size_t at = 0;
  (void)user_data;

  if (!acoap_request_query(request, "ep", &endpoint) || endpoint.len == 0 ||
      !copy(made.endpoint, endpoint) || !take(&made, request) || made.links[0] == '\0') {
    answer(request, ACOAP_CODE_BAD_REQUEST);
    return;
  }
  while (at < REGISTRATIONS && registrations[at].used) {
    at++;
  }
  if (at == REGISTRATIONS) {
    answer(request, ACOAP_CODE_SERVICE_UNAVAILABLE);
    return;
  }
  registrations[at] = made;
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CREATED);
  if (builder != NULL) {
    int len = snprintf(number, sizeof(number), "%zu", at);
    acoap_builder_option(builder, ACOAP_OPTION_LOCATION_PATH, "rd", 2);
    acoap_builder_option(builder, ACOAP_OPTION_LOCATION_PATH, number, (size_t)len);
    acoap_request_send(request, ACOAP_AS_REQUESTED);
  }
}

/* NULL, and 4.04 was said. */
static registration_t *find(acoap_request_t *request) {
  char text[TEXT];

  if (copy(text, acoap_request_parameter(request, "id")) && text[0] != '\0' &&
      strspn(text, "0123456789") == strlen(text) && atoi(text) < REGISTRATIONS &&
      registrations[atoi(text)].used) {
    return &registrations[atoi(text)];
  }
  answer(request, ACOAP_CODE_NOT_FOUND);
  return NULL;
}

static void update(void *user_data, acoap_request_t *request) {
  registration_t *registration = find(request);
  (void)user_data;

  if (registration != NULL) {
    registration_t changed = *registration;
    bool good = take(&changed, request);
    if (good) {
      *registration = changed;
      registration->updates++;
    }
    answer(request, good ? ACOAP_CODE_CHANGED : ACOAP_CODE_BAD_REQUEST);
  }
}

static void leave(void *user_data, acoap_request_t *request) {
  registration_t *registration = find(request);
  (void)user_data;

  if (registration != NULL) {
    registration->used = false;
    answer(request, ACOAP_CODE_DELETED);
  }
}

static void show(void *user_data, acoap_request_t *request) {
  const registration_t *registration = find(request);
  char text[3 * TEXT];
  (void)user_data;

  if (registration != NULL) {
    int len = snprintf(text, sizeof(text), "%s lt=%u updates=%u %s", registration->endpoint,
                       registration->lifetime_s, registration->updates, registration->links);
    acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, (size_t)len);
  }
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  acoap_local_endpoint_t *local = NULL;
  acoap_server_t *server = NULL;
  acoap_address_t loopback = {.family = ACOAP_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
  acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                            .bind = &loopback,
                                            .bind_count = 1,
                                            .port = argc > 1 ? (uint16_t)atoi(argv[1]) : 5683};
  int status = acoap_local_endpoint_new(loop, &options, &local);

  if (status == 0) {
    status = acoap_server_new(local, NULL, &server);
  }
  if (status == 0) {
    acoap_resource_t *directory = acoap_resource_new(server, "/rd");
    acoap_resource_on(directory, ACOAP_CODE_POST, enter, NULL);
    acoap_resource_attribute(directory, "rt", "core.rd");
    acoap_resource_t *entry = acoap_resource_new(server, "/rd/:id");
    acoap_resource_on(entry, ACOAP_CODE_GET, show, NULL);
    acoap_resource_on(entry, ACOAP_CODE_POST, update, NULL);
    acoap_resource_on(entry, ACOAP_CODE_DELETE, leave, NULL);
    status = acoap_server_status(server);
  }
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
    return 1;
  }
  return uv_run(loop, UV_RUN_DEFAULT);
}
