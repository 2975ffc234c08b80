/*
 * The exit status of the tool and the one line that says why: codes and errors to 0..5, stderr for
 * people, an object on stdout for scripts (--json). Knows nothing of how the answer came about.
 * SPDX-License-Identifier: MIT
 */
#include "exit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text.h"

/* Longest reason; what is longer is cut. */
#define REASON_MAX 1024

/* Of the last handshake that failed. */
static char handshake_failure[256];

int exit_of_code(uint8_t code) {
  switch (ACOAP_CODE_CLASS(code)) {
  case 2:
    return EXIT_STATUS_OK;
  case 4:
    return EXIT_STATUS_CLIENT_ERROR;
  case 5:
    return EXIT_STATUS_SERVER_ERROR;
  default:
    return EXIT_STATUS_NO_ANSWER;
  }
}

int exit_of_status(int status) {
  switch (status) {
  case ACOAP_OK:
    return EXIT_STATUS_OK;
  case ACOAP_ENOMEM:
  case ACOAP_ENOSPACE:
  case ACOAP_ETOOBIG:
  case ACOAP_EEXHAUSTED:
  case ACOAP_ENONET:
    return EXIT_STATUS_LOCAL;
  case ACOAP_EINVAL:
  case ACOAP_EOPTIONLEN:
  case ACOAP_EURI:
  case ACOAP_ESCHEME:
  case ACOAP_EADDRESS:
    return EXIT_STATUS_USAGE;
  case ACOAP_ECLIENTERROR:
    return EXIT_STATUS_CLIENT_ERROR;
  case ACOAP_ESERVERERROR:
    return EXIT_STATUS_SERVER_ERROR;
  default:
    return EXIT_STATUS_NO_ANSWER;
  }
}

/* One line whatever is in it: a diagnostic payload comes from the network. */
static void print_reason(const char *prefix, const char *reason) {
  fputs(prefix, stderr);
  text_print_line(stderr, reason, strlen(reason));
  fputc('\n', stderr);
}

static void reason_to_json(const char *reason) {
  json_t json;
  json_init(&json, stdout);
  json_object_begin(&json, NULL);
  json_bytes(&json, "error", reason, strlen(reason));
  json_null(&json, "code");
  json_object_end(&json);
  json_line_end(&json);
}

int exit_fail(const options_t *options, int status, const char *format, ...) {
  char reason[REASON_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof(reason), format, arguments);
  va_end(arguments);
  print_reason("acoap: ", reason);
  if (options != NULL && options->json) {
    reason_to_json(reason);
  }
  return status;
}

void exit_because(const char *reason) {
  snprintf(handshake_failure, sizeof(handshake_failure), "%s", reason);
}

int exit_send(const options_t *options, int status, const char *uri) {
  char reason[REASON_MAX];
  char sentence[REASON_MAX / 2];
  bool explained =
      handshake_failure[0] != '\0' && (status == ACOAP_ESECURITY || status == ACOAP_ETIMEDOUT);
  snprintf(sentence, sizeof(sentence), "%s%s%s", acoap_strerror(status), explained ? ": " : "",
           explained ? handshake_failure : "");
  snprintf(reason, sizeof(reason), "%s: %s", sentence, uri);
  print_reason("acoap: ", reason);
  if (options->json) {
    reason_to_json(sentence);
  }
  return exit_of_status(status);
}

int exit_usage(const char *command, const char *format, ...) {
  char reason[REASON_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof(reason), format, arguments);
  va_end(arguments);
  fprintf(stderr, "acoap%s%s: ", command != NULL ? " " : "", command != NULL ? command : "");
  text_print_line(stderr, reason, strlen(reason));
  fprintf(stderr, " (see acoap%s%s --help)\n", command != NULL ? " " : "",
          command != NULL ? command : "");
  return EXIT_STATUS_USAGE;
}

void exit_note(const options_t *options, const char *format, ...) {
  if (options->quiet) {
    return;
  }
  char reason[REASON_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof(reason), format, arguments);
  va_end(arguments);
  print_reason("acoap: ", reason);
}
