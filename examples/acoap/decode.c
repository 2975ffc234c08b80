/*
 * decode: one message dissected, byte by byte (RFC 7252 section 3). Malformed ones are shown as far
 * as they go, with what is wrong and where. Sends nothing.
 * SPDX-License-Identifier: MIT
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "pretty.h"
#include "response.h"
#include "text.h"

/* Largest message that is read, bytes: no datagram is larger. */
#define MESSAGE_MAX 65536

/* Bytes of one field shown in hexadecimal. */
#define SHOWN_MAX 8

/* ---- input ----------------------------------------------------------------------------------- */

static bool is_filler(char c) {
  return isspace((unsigned char)c) || c == ':' || c == ',' || c == '-';
}

/* Hexadecimal digits with any filler between bytes. Returns the bytes, -1 for another character,
 * which it puts into *wrong. */
static long read_hex(const char *text, size_t len, uint8_t *bytes, char *wrong) {
  size_t digits = 0;
  for (size_t i = 0; i < len; i++) {
    if (is_filler(text[i])) {
      continue;
    }
    if (text[i] == '0' && i + 1 < len && text[i + 1] == 'x' && digits % 2 == 0) {
      i++;
      continue;
    }
    if (!isxdigit((unsigned char)text[i]) || digits / 2 >= MESSAGE_MAX) {
      *wrong = text[i];
      return -1;
    }
    int c = tolower((unsigned char)text[i]);
    uint8_t digit = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    bytes[digits / 2] = (uint8_t)(digits % 2 == 0 ? digit << 4 : bytes[digits / 2] | digit);
    digits++;
  }
  if (digits % 2 != 0) {
    *wrong = '\0';
    return -1;
  }
  return (long)(digits / 2);
}

static int read_arguments(const options_t *options, uint8_t *bytes, size_t *len) {
  *len = 0;
  for (size_t i = 0; i < options->argument_count; i++) {
    const char *text = options->arguments[i];
    char wrong = '\0';
    static uint8_t piece[MESSAGE_MAX];
    long got = read_hex(text, strlen(text), piece, &wrong);
    if (got < 0 && wrong != '\0') {
      return exit_fail(options, EXIT_STATUS_USAGE, "not hexadecimal: '%c' in %s", wrong, text);
    }
    if (got < 0) {
      return exit_fail(options, EXIT_STATUS_USAGE, "an odd number of hexadecimal digits: %s", text);
    }
    if (*len + (size_t)got > MESSAGE_MAX) {
      return exit_fail(options, EXIT_STATUS_USAGE, "longer than any datagram");
    }
    memcpy(bytes + *len, piece, (size_t)got);
    *len += (size_t)got;
  }
  return 0;
}

/* Standard input holds hexadecimal digits, or else the message itself. */
static int read_standard_input(const options_t *options, uint8_t *bytes, size_t *len) {
  static char text[4 * MESSAGE_MAX];
  char wrong = '\0';
  size_t got = fread(text, 1, sizeof(text), stdin);
  if (ferror(stdin)) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "standard input: %s", strerror(errno));
  }
  long decoded = read_hex(text, got, bytes, &wrong);
  if (decoded >= 0) {
    *len = (size_t)decoded;
    return 0;
  }
  if (wrong == '\0') {
    return exit_fail(options, EXIT_STATUS_USAGE, "an odd number of hexadecimal digits");
  }
  if (got > MESSAGE_MAX) {
    return exit_fail(options, EXIT_STATUS_USAGE, "longer than any datagram");
  }
  memcpy(bytes, text, got);
  *len = got;
  return 0;
}

/* ---- as text --------------------------------------------------------------------------------- */

/* "0004  bb 74 65 6d ..  " in front of what the bytes mean. */
static void print_bytes(const uint8_t *start, const uint8_t *at, size_t len) {
  printf("%04zx  ", (size_t)(at - start));
  for (size_t i = 0; i < SHOWN_MAX; i++) {
    if (i < len) {
      printf("%02x ", (unsigned)at[i]);
    } else {
      fputs("   ", stdout);
    }
  }
  fputs(len > SHOWN_MAX ? ".. " : "   ", stdout);
}

static void print_header(const uint8_t *bytes, const acoap_view_t *view, bool whole) {
  char code[5];
  const char *name = acoap_code_name(view->code);
  acoap_code_format(view->code, code);
  print_bytes(bytes, bytes, 1);
  printf("Version %u, %s, token length %u\n", (unsigned)bytes[0] >> 6, acoap_type_name(view->type),
         (unsigned)bytes[0] & 15u);
  print_bytes(bytes, bytes + 1, 1);
  printf("Code %s%s%s\n", code, name != NULL ? " " : "", name != NULL ? name : "");
  print_bytes(bytes, bytes + 2, 2);
  printf("Message ID %u\n", (unsigned)view->message_id);
  if (whole && view->token.data > bytes + 4 && view->token.len > 0) {
    print_bytes(bytes, bytes + 4, (size_t)(view->token.data - bytes) - 4);
    puts("Extended token length");
  }
  if (whole && view->token.len > 0) {
    print_bytes(bytes, view->token.data, view->token.len);
    puts("Token");
  }
}

static void print_option(const acoap_option_t *option) {
  char value[1200];
  const acoap_option_info_t *info = acoap_option_lookup(option->number);
  acoap_option_format_value(option, value, sizeof(value));
  if (info != NULL) {
    fputs(info->name, stdout);
  } else {
    fputs("Unknown option", stdout);
  }
  printf(" (%u, %s%s)%s", (unsigned)option->number,
         acoap_option_is_critical(option->number) ? "critical" : "elective",
         acoap_option_is_unsafe(option->number) ? ", unsafe" : "", value[0] != '\0' ? ": " : "");
  text_print_line(stdout, value, strlen(value));
  if (info != NULL &&
      (option->value.len < info->length_min || option->value.len > info->length_max)) {
    printf("  [length %zu is out of range]", option->value.len);
  }
  putchar('\n');
}

static void print_options(const uint8_t *bytes, const acoap_view_t *view) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_option_iter_init(&iter, view);
  for (const uint8_t *at = iter.at; acoap_option_next(&iter, &option); at = iter.at) {
    print_bytes(bytes, at, (size_t)(iter.at - at));
    print_option(&option);
  }
}

static int content_format_of(const acoap_view_t *view) {
  uint32_t number = 0;
  return acoap_view_uint(view, ACOAP_OPTION_CONTENT_FORMAT, &number) ? (int)number
                                                                     : ACOAP_FORMAT_NONE;
}

static void print_message(const uint8_t *bytes, const acoap_view_t *view) {
  print_header(bytes, view, true);
  print_options(bytes, view);
  if (view->payload.len > 0) {
    print_bytes(bytes, view->payload.data - 1, 1);
    puts("Payload marker");
    print_bytes(bytes, view->payload.data, view->payload.len);
    printf("Payload, %zu bytes\n\n", view->payload.len);
    pretty_print(stdout, content_format_of(view), view->payload.data, view->payload.len);
  }
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static void json_message(const acoap_view_t *view) {
  json_t json;
  char code[5];
  acoap_code_format(view->code, code);
  json_init(&json, stdout);
  json_object_begin(&json, NULL);
  json_text(&json, "type", acoap_type_name(view->type));
  json_text(&json, "code", code);
  json_int(&json, "message_id", view->message_id);
  json_hex(&json, "token", view->token.data, view->token.len);
  response_json_options(&json, view);
  json_int(&json, "size", (int64_t)view->payload.len);
  response_json_payload(&json, view->payload.data, view->payload.len);
  json_object_end(&json);
  json_line_end(&json);
}

static void json_malformed(int status, size_t offset) {
  json_t json;
  json_init(&json, stdout);
  json_object_begin(&json, NULL);
  json_text(&json, "error", acoap_strerror(status));
  json_int(&json, "offset", (int64_t)offset);
  json_null(&json, "code");
  json_object_end(&json);
  json_line_end(&json);
}

static int report_malformed(const options_t *options, const uint8_t *bytes, size_t len,
                            const acoap_view_t *view, int status, size_t offset) {
  fflush(stdout);
  if (options->json) {
    json_malformed(status, offset);
  } else if (len >= 4 && bytes[0] >> 6 == 1) {
    print_header(bytes, view, false);
    fflush(stdout);
  }
  if (offset < len) {
    return exit_fail(NULL, EXIT_STATUS_LOCAL, "%s at byte %zu (0x%02x)", acoap_strerror(status),
                     offset, (unsigned)bytes[offset]);
  }
  return exit_fail(NULL, EXIT_STATUS_LOCAL, "%s at byte %zu, where the message ends",
                   acoap_strerror(status), offset);
}

int decode_run(const options_t *options) {
  static uint8_t bytes[MESSAGE_MAX];
  size_t len = 0;
  size_t offset = 0;
  acoap_view_t view;
  bool standard_input = options->argument_count == 0 ||
                        (options->argument_count == 1 && strcmp(options->arguments[0], "-") == 0);
  int status = standard_input ? read_standard_input(options, bytes, &len)
                              : read_arguments(options, bytes, &len);
  if (status != 0) {
    return status;
  }
  status = acoap_decode(&view, bytes, len, ACOAP_TOKEN_EXTENDED_MAX, &offset);
  if (status < 0) {
    return report_malformed(options, bytes, len, &view, status, offset);
  }
  if (options->json) {
    json_message(&view);
  } else {
    print_message(bytes, &view);
  }
  return EXIT_STATUS_OK;
}
