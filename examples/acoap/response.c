/*
 * A response as JSON for scripts, an error response as one line for people (RFC 7252 section 5.5.2:
 * a diagnostic payload is for human eyes). Names and members are a contract; see the man page.
 * SPDX-License-Identifier: MIT
 */
#include "response.h"

#include <stdio.h>
#include <string.h>

#include "address.h"
#include "exit.h"
#include "pretty.h"
#include "text.h"

/* Longest diagnostic payload that is put on the line of its code, bytes. */
#define DIAGNOSTIC_MAX 512

static void option_json(json_t *json, const acoap_option_t *option) {
  const acoap_option_info_t *info = acoap_option_lookup(option->number);
  acoap_option_format_t format = info != NULL ? info->format : ACOAP_OPTION_FORMAT_OPAQUE;
  uint32_t number = 0;
  json_object_begin(json, NULL);
  json_int(json, "number", option->number);
  json_text(json, "name", info != NULL ? info->name : NULL);
  if (format == ACOAP_OPTION_FORMAT_UINT && acoap_uint_decode(option->value, &number)) {
    json_int(json, "value", number);
  } else if (format == ACOAP_OPTION_FORMAT_STRING &&
             text_is_utf8(option->value.data, option->value.len)) {
    json_bytes(json, "value", option->value.data, option->value.len);
  } else {
    json_hex(json, "value", option->value.data, option->value.len);
  }
  json_object_end(json);
}

void response_json_options(json_t *json, const acoap_view_t *view) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  json_array_begin(json, "options");
  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    option_json(json, &option);
  }
  json_array_end(json);
}

void response_json_payload(json_t *json, const void *bytes, size_t len) {
  if (text_is_utf8(bytes, len)) {
    json_bytes(json, "payload", bytes, len);
  } else {
    json_bare_hex(json, "payload_hex", bytes, len);
  }
}

static void format_json(json_t *json, int content_format) {
  char number[16];
  const char *name = acoap_content_format_name(content_format);
  if (name == NULL && content_format != ACOAP_FORMAT_NONE) {
    snprintf(number, sizeof(number), "%d", content_format);
    name = number;
  }
  json_text(json, "format", name);
}

void response_json_begin(json_t *json, const acoap_message_t *message, const response_body_t *body,
                         double elapsed_ms) {
  char code[5];
  char from[ADDRESS_TEXT_MAX];
  uint8_t number = acoap_message_code(message);
  json_init(json, stdout);
  json_object_begin(json, NULL);
  acoap_code_format(number, code);
  if (!acoap_code_is_success(number)) {
    const char *name = acoap_code_name(number);
    json_text(json, "error", name != NULL ? name : "unknown response code");
  }
  json_text(json, "code", code);
  json_text(json, "from", address_text(acoap_message_peer(message), from));
  format_json(json, acoap_message_content_format(message));
  response_json_options(json, acoap_message_view(message));
  json_int(json, "size", (int64_t)body->size);
  if (body->bytes != NULL || body->size == 0) {
    response_json_payload(json, body->bytes, body->len);
  }
  json_real(json, "elapsed_ms", elapsed_ms);
  json_int(json, "retransmissions", acoap_message_retransmissions(message));
}

void response_json_end(json_t *json) {
  json_object_end(json);
  json_line_end(json);
}

static bool is_diagnostic(const acoap_message_t *message, const void *body, size_t len) {
  int format = acoap_message_content_format(message);
  return (format == ACOAP_FORMAT_NONE || format == ACOAP_FORMAT_TEXT_PLAIN) && len > 0 &&
         len <= DIAGNOSTIC_MAX && text_is_utf8(body, len);
}

int response_error(const options_t *options, const acoap_message_t *message,
                   const response_body_t *body, double elapsed_ms) {
  json_t json;
  char code[5];
  uint8_t number = acoap_message_code(message);
  const char *name = acoap_code_name(number);
  if (options->json) {
    response_json_begin(&json, message, body, elapsed_ms);
    response_json_end(&json);
  }
  acoap_code_format(number, code);
  fprintf(stderr, "acoap: %s%s%s", code, name != NULL ? " " : "", name != NULL ? name : "");
  if (is_diagnostic(message, body->bytes, body->len)) {
    fputs(": ", stderr);
    text_print_line(stderr, body->bytes, body->len);
    fputc('\n', stderr);
  } else {
    fputc('\n', stderr);
    pretty_print(stderr, acoap_message_content_format(message), body->bytes,
                 body->bytes != NULL ? body->len : 0);
  }
  return exit_of_code(number);
}

void response_success(const options_t *options, const acoap_message_t *message) {
  char code[5];
  char location[1024];
  uint8_t number = acoap_message_code(message);
  const char *name = acoap_code_name(number);
  if (options->json) {
    return;
  }
  acoap_code_format(number, code);
  int len = acoap_uri_location(acoap_message_view(message), location, sizeof(location));
  exit_note(options, "%s %s%s%s", code, name != NULL ? name : "", len > 0 ? " " : "",
            len > 0 ? location : "");
}
