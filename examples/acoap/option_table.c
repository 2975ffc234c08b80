/*
 * The options of the command line as a table: letter, name, which commands take it, how its
 * argument is read. The rule: an argument is checked here, whole, before anything is opened or
 * sent. Does not walk argv.
 * SPDX-License-Identifier: MIT
 */
#include "option_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_MEMORY "out of memory"

/* ---- arguments ------------------------------------------------------------------------------- */

/* Decimal digits up to `max`. */
static bool read_number(const char *text, uint64_t max, uint64_t *number) {
  if (*text < '0' || *text > '9') {
    return false;
  }
  char *end = NULL;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (errno != 0 || *end != '\0' || value > max) {
    return false;
  }
  *number = value;
  return true;
}

/* Seconds, perhaps with a fraction, as milliseconds; more than 0, at most 20 days. */
static const char *read_seconds(const char *text, uint32_t *ms) {
  static const char wrong[] = "not a number of seconds (more than 0, at most 1000000, such as 2.5)";
  if ((*text < '0' || *text > '9') && *text != '.') {
    return wrong;
  }
  char *end = NULL;
  double seconds = strtod(text, &end);
  if (*end != '\0' || !(seconds >= 0.001) || seconds > 1e6) {
    return wrong;
  }
  *ms = (uint32_t)(seconds * 1000.0 + 0.5);
  return NULL;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Pairs of hexadecimal digits into bytes; the count is strlen / 2. */
static bool read_hex(const char *text, uint8_t *bytes) {
  for (size_t i = 0; text[i] != '\0'; i += 2) {
    int high = hex_digit(text[i]);
    int low = high < 0 ? -1 : hex_digit(text[i + 1]);
    if (low < 0) {
      return false;
    }
    bytes[i / 2] = (uint8_t)(high << 4 | low);
  }
  return true;
}

static const char *read_format(const char *text, int *format) {
  int number = acoap_content_format_parse(text, strlen(text));
  if (number < 0 || number > 65535) {
    return "no content-format (a name such as text/plain, json, cbor, or a number up to 65535)";
  }
  *format = number;
  return NULL;
}

/* ---- one function per option --------------------------------------------------------------- */

static const char *take_output(options_t *o, const char *argument) {
  if (*argument == '\0') {
    return "the name of a file is missing";
  }
  o->output = strcmp(argument, "-") == 0 ? NULL : argument;
  return NULL;
}

static const char *take_text(options_t *o, const char *argument) {
  o->text = argument;
  return o->input != NULL ? "-d and -i exclude each other" : NULL;
}

static const char *take_input(options_t *o, const char *argument) {
  o->input = argument;
  return o->text != NULL ? "-d and -i exclude each other" : NULL;
}

static const char *take_accept(options_t *o, const char *argument) {
  return read_format(argument, &o->accept);
}

static const char *take_content_format(options_t *o, const char *argument) {
  return read_format(argument, &o->content_format);
}

const char *option_read_bytes(const char *text, uint8_t **bytes, size_t *len) {
  size_t chars = strlen(text);
  *bytes = malloc(chars + 1);
  if (*bytes == NULL) {
    return NO_MEMORY;
  }
  if (text[0] == '0' && text[1] == 'x') {
    *len = (chars - 2) / 2;
    return read_hex(text + 2, *bytes) ? NULL : "behind '0x' stand no pairs of hexadecimal digits";
  }
  memcpy(*bytes, text, chars);
  *len = chars;
  return NULL;
}

/* The value behind '=': text, 0x... or :N. */
static const char *read_option_value(const char *value, extra_option_t *extra) {
  if (value[0] != ':') {
    return option_read_bytes(value, &extra->bytes, &extra->len);
  }
  uint64_t number = 0;
  if (!read_number(value + 1, UINT32_MAX, &number)) {
    return "behind ':' stands no unsigned integer below 2^32";
  }
  extra->bytes = malloc(sizeof(uint32_t));
  if (extra->bytes == NULL) {
    return NO_MEMORY;
  }
  extra->len = acoap_uint_encode((uint32_t)number, extra->bytes);
  return NULL;
}

static const char *take_option(options_t *o, const char *argument) {
  const char *equals = strchr(argument, '=');
  size_t name_len = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
  char name[32];
  uint64_t number = 0;
  if (name_len >= sizeof(name)) {
    return "no option number or registered name";
  }
  memcpy(name, argument, name_len);
  name[name_len] = '\0';
  if (!read_number(name, 65535, &number)) {
    int known = acoap_option_by_name(name, name_len);
    if (known < 0) {
      return "no option number (0 to 65535) or registered name (such as ETag)";
    }
    number = (uint64_t)known;
  }
  extra_option_t *more = realloc(o->extra, (o->extra_count + 1) * sizeof(*more));
  if (more == NULL) {
    return NO_MEMORY;
  }
  o->extra = more;
  extra_option_t *extra = &more[o->extra_count++];
  *extra = (extra_option_t){.number = (uint16_t)number};
  return equals == NULL ? NULL : read_option_value(equals + 1, extra);
}

static const char *take_nonconfirmable(options_t *o, const char *argument) {
  (void)argument;
  o->nonconfirmable = true;
  return NULL;
}

static const char *take_block_size(options_t *o, const char *argument) {
  uint64_t size = 0;
  if (!read_number(argument, 1024, &size) || acoap_block_szx((size_t)size) < 0) {
    return "no block size (16, 32, 64, 128, 256, 512 or 1024)";
  }
  o->block_size = (size_t)size;
  return NULL;
}

static const char *take_window(options_t *o, const char *argument) {
  uint64_t number = 0;
  bool requests = strcmp(o->command, "bench") == 0;
  if (!read_number(argument, requests ? 4096 : 128, &number) || number == 0) {
    return requests ? "not a number from 1 to 4096" : "not a number from 1 to 128";
  }
  o->window = (size_t)number;
  return NULL;
}

static const char *take_qblock(options_t *o, const char *argument) {
  (void)argument;
  o->qblock = true;
  return NULL;
}

static const char *take_deadline(options_t *o, const char *argument) {
  return read_seconds(argument, &o->deadline_ms);
}

static const char *take_ack_timeout(options_t *o, const char *argument) {
  return read_seconds(argument, &o->ack_timeout_ms);
}

static const char *take_max_retransmit(options_t *o, const char *argument) {
  uint64_t number = 0;
  if (!read_number(argument, 20, &number)) {
    return "not a number from 0 to 20";
  }
  o->max_retransmit = (int)number;
  return NULL;
}

static const char *take_nstart(options_t *o, const char *argument) {
  uint64_t number = 0;
  if (!read_number(argument, 65535, &number) || number == 0) {
    return "not a number from 1 to 65535";
  }
  o->nstart = (uint32_t)number;
  return NULL;
}

static const char *take_bind(options_t *o, const char *argument) {
  o->bind = argument;
  return NULL;
}

static const char *take_interface(options_t *o, const char *argument) {
  const char **more = realloc(o->interfaces, (o->interface_count + 1) * sizeof(*more));
  if (more == NULL) {
    return NO_MEMORY;
  }
  o->interfaces = more;
  more[o->interface_count++] = argument;
  return NULL;
}

static const char *take_wait(options_t *o, const char *argument) {
  return read_seconds(argument, &o->wait_ms);
}

static const char *take_connections(options_t *o, const char *argument) {
  uint64_t number = 0;
  if (!read_number(argument, 4096, &number) || number == 0) {
    return "not a number from 1 to 4096";
  }
  o->connections = (size_t)number;
  return NULL;
}

static const char *take_server_pid(options_t *o, const char *argument) {
  uint64_t number = 0;
  if (!read_number(argument, INT32_MAX, &number) || number == 0) {
    return "not the number of a process";
  }
  o->server_pid = (int)number;
  return NULL;
}

static const char *take_method(options_t *o, const char *argument) {
  o->method = argument;
  return NULL;
}

static const char *take_size(options_t *o, const char *argument) {
  uint64_t number = 0;
  if (!read_number(argument, 1024, &number)) {
    return "not a number of bytes from 0 to 1024";
  }
  o->size = (size_t)number;
  return NULL;
}

static const char *take_count(options_t *o, const char *argument) {
  return read_number(argument, UINT64_MAX, &o->count) && o->count > 0 ? NULL
                                                                      : "not a number above 0";
}

static const char *take_for(options_t *o, const char *argument) {
  return read_seconds(argument, &o->for_ms);
}

static const char *take_json(options_t *o, const char *argument) {
  (void)argument;
  o->json = true;
  return NULL;
}

static const char *take_progress(options_t *o, const char *argument) {
  static const char *const names[] = {"auto", "always", "never"};
  for (size_t i = 0; i < 3; i++) {
    if (strcmp(argument, names[i]) == 0) {
      o->progress = (progress_mode_t)i;
      return NULL;
    }
  }
  return "neither auto, always nor never";
}

static const char *take_quiet(options_t *o, const char *argument) {
  (void)argument;
  o->quiet = true;
  return NULL;
}

static const char *take_verbose(options_t *o, const char *argument) {
  (void)argument;
  o->verbose = true;
  return NULL;
}

static const char *take_demo(options_t *o, const char *argument) {
  (void)argument;
  o->demo = true;
  return NULL;
}

static const char *take_plugtest(options_t *o, const char *argument) {
  (void)argument;
  o->plugtest = true;
  return NULL;
}

static const char *take_directory(options_t *o, const char *argument) {
  o->directory = argument;
  return *argument == '\0' ? "the name of a folder is missing" : NULL;
}

static const char *take_writable(options_t *o, const char *argument) {
  (void)argument;
  o->writable = true;
  return NULL;
}

static const char *take_amplification(options_t *o, const char *argument) {
  uint64_t number = 0;
  o->amplification_off = strcmp(argument, "off") == 0;
  if (!o->amplification_off && (!read_number(argument, 1000000, &number) || number == 0)) {
    return "neither a number from 1 to 1000000 nor off";
  }
  o->amplification = (uint32_t)number;
  return NULL;
}

static const char *take_psk_identity(options_t *o, const char *argument) {
  o->psk_identity = argument;
  return *argument != '\0' ? NULL : "it is empty";
}

static const char *take_psk_key(options_t *o, const char *argument) {
  free(o->psk_key);
  const char *wrong = option_read_bytes(argument, &o->psk_key, &o->psk_key_len);
  return wrong == NULL && o->psk_key_len == 0 ? "it is empty" : wrong;
}

static const char *take_psk_file(options_t *o, const char *argument) {
  o->psk_file = argument;
  return NULL;
}

static const char *take_trust(options_t *o, const char *argument) {
  o->trust_file = argument;
  return NULL;
}

static const char *take_certificate(options_t *o, const char *argument) {
  o->certificate_file = argument;
  return NULL;
}

static const char *take_key(options_t *o, const char *argument) {
  o->key_file = argument;
  return NULL;
}

static const char *take_insecure(options_t *o, const char *argument) {
  (void)argument;
  o->insecure = true;
  return NULL;
}

static const char *take_help(options_t *o, const char *argument) {
  (void)argument;
  o->help = true;
  return NULL;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define SENDS_AND_SERVES (COMMAND_SEND | COMMAND_SERVE)
#define ANSWERS (COMMAND_REQUEST | COMMAND_OBSERVE | COMMAND_DISCOVER)

/* letter, name, argument, commands, reader (NULL: not built yet), help */
const option_spec_t option_table[] = {
    {'o', NULL, "FILE", COMMAND_REQUEST | COMMAND_OBSERVE, take_output,
     "write the body to FILE, replaced when complete"},
    {'d', NULL, "TEXT", COMMAND_BODY | COMMAND_BENCH, take_text, "request body"},
    {'i', NULL, "FILE", COMMAND_BODY | COMMAND_BENCH, take_input,
     "request body from FILE, - is stdin"},
    {'a', NULL, "FORMAT", ANSWERS, take_accept, "Accept: a name (json, text/plain) or a number"},
    {'f', NULL, "FORMAT", COMMAND_BODY, take_content_format, "Content-Format, likewise"},
    {'O', NULL, "NUMBER[=VALUE]", ANSWERS | COMMAND_BENCH, take_option,
     "add an option; VALUE is text, 0x... or :N; repeatable"},
    {'N', NULL, NULL, COMMAND_REQUEST | COMMAND_OBSERVE | COMMAND_BENCH, take_nonconfirmable,
     "non-confirmable"},
    {'b', NULL, "SIZE", ANSWERS | COMMAND_BENCH, take_block_size,
     "block size, 16 to 1024, both directions"},
    {'t', NULL, "SECONDS", COMMAND_SEND, take_deadline, "give up after that long"},
    {0, "ack-timeout", "SECONDS", COMMAND_SEND, take_ack_timeout, "ACK_TIMEOUT [2]"},
    {0, "max-retransmit", "N", COMMAND_SEND, take_max_retransmit, "MAX_RETRANSMIT [4]"},
    {0, "nstart", "N", COMMAND_SEND, take_nstart, "NSTART [1]"},
    {0, "window", "N", COMMAND_SEND, take_window,
     "blocks in flight [1]; bench: requests in flight [64]"},
    {0, "qblock", NULL, COMMAND_REQUEST | COMMAND_OBSERVE, take_qblock,
     "Q-Block1 and Q-Block2 where the server knows them (RFC 9177)"},
    {0, "connections", "N", COMMAND_BENCH, take_connections, "source ports in use, in turn [1]"},
    {0, "server-pid", "PID", COMMAND_BENCH, take_server_pid, "CPU time of this process a request"},
    {0, "method", "NAME", COMMAND_BENCH, take_method, "[get; put with a payload]"},
    {0, "size", "BYTES", COMMAND_BENCH, take_size, "a payload of so many bytes"},
    {0, "bind", "ADDRESS", COMMAND_SEND, take_bind, "local address, with :PORT if wanted"},
    {0, "interface", "NAME", SENDS_AND_SERVES, take_interface,
     "interface for multicast; repeatable for discover and serve"},
    {0, "wait", "SECONDS", COMMAND_DISCOVER | COMMAND_REQUEST, take_wait,
     "how long a multicast collects answers [8]"},
    {0, "count", "N", COMMAND_OBSERVE | COMMAND_BENCH, take_count,
     "stop after N notifications, requests"},
    {0, "for", "SECONDS", COMMAND_OBSERVE | COMMAND_BENCH, take_for,
     "stop after that long [bench: 5]"},
    {0, "demo", NULL, COMMAND_SERVE, take_demo, "a few resources to try things on"},
    {0, "dir", "DIR", COMMAND_SERVE, take_directory, "the files of a folder"},
    {0, "writable", NULL, COMMAND_SERVE, take_writable, "let PUT, POST and DELETE change them"},
    {0, "plugtest", NULL, COMMAND_SERVE, take_plugtest, "the resources of the ETSI plugtests"},
    {0, "amplification", "N|off", COMMAND_SERVE, take_amplification,
     "answers to unverified peers: N times the request"},
    {0, "json", NULL, COMMAND_EVERY, take_json, "one JSON object per line on stdout"},
    {0, "progress", "WHEN", COMMAND_REQUEST | COMMAND_BENCH, take_progress,
     "auto, always or never [auto]"},
    {'q', NULL, NULL, COMMAND_EVERY, take_quiet, "say less"},
    {'v', NULL, NULL, SENDS_AND_SERVES, take_verbose, "show every message on stderr"},
    {'h', "help", NULL, COMMAND_EVERY, take_help, "this text"},
    {0, "psk-identity", "ID", SENDS_AND_SERVES, take_psk_identity, "pre-shared key: who we are"},
    {0, "psk-key", "KEY", SENDS_AND_SERVES, take_psk_key, "pre-shared key: text or 0x..."},
    {0, "psk-file", "FILE", COMMAND_SERVE, take_psk_file,
     "pre-shared keys, a line \"ID:KEY\" each"},
    {0, "ca", "FILE", SENDS_AND_SERVES, take_trust, "X.509: whom to trust (PEM)"},
    {0, "cert", "FILE", SENDS_AND_SERVES, take_certificate, "X.509: our certificate (PEM)"},
    {0, "key", "FILE", SENDS_AND_SERVES, take_key, "X.509: our private key (PEM)"},
    {0, "insecure", NULL, COMMAND_SEND, take_insecure, "check neither certificate nor host name"},
    {0, "oscore", "FILE", COMMAND_SEND | COMMAND_DECODE, NULL, "protect with this OSCORE context"},
    {0, "proxy", "URI", COMMAND_SEND, NULL, "send through a forward proxy"},
    {0, "tcp", NULL, COMMAND_DECODE, NULL, "the message is framed as over TCP (RFC 8323)"},
};

const size_t option_table_count = sizeof(option_table) / sizeof(option_table[0]);
