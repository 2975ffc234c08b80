/*
 * The credentials of the command line, for coaps:// (RFC 7252 section 9), and the file of
 * pre-shared keys: a line for each, "identity:key", the key as text or as 0x and hexadecimal
 * digits; empty lines and those that begin with # say nothing. Does no handshake.
 * SPDX-License-Identifier: MIT
 */
#include "credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "option_table.h"

#define LINE_MAX_BYTES 1024
#define KEYS_MAX 65536

/* One line of the file. */
typedef struct key_entry {
  char *identity;
  uint8_t *key;
  size_t key_len;
} key_entry_t;

static key_entry_t *keys;
static size_t key_count;

void credentials_done(void) {
  for (size_t i = 0; i < key_count; i++) {
    free(keys[i].identity);
    free(keys[i].key);
  }
  free(keys);
  keys = NULL;
  key_count = 0;
}

static size_t find_key(void *user_data, acoap_bytes_t identity, uint8_t *key, size_t cap) {
  (void)user_data;
  for (size_t i = 0; i < key_count; i++) {
    if (strlen(keys[i].identity) == identity.len &&
        memcmp(keys[i].identity, identity.data, identity.len) == 0 && keys[i].key_len <= cap) {
      memcpy(key, keys[i].key, keys[i].key_len);
      return keys[i].key_len;
    }
  }
  return 0;
}

/* What is wrong with the line, or NULL. */
static const char *add_line(char *line) {
  char *colon = strchr(line, ':');
  if (colon == NULL || colon == line || colon[1] == '\0') {
    return "not of the form identity:key";
  }
  if (key_count == KEYS_MAX) {
    return "too many keys";
  }
  key_entry_t *more = realloc(keys, (key_count + 1) * sizeof(*keys));
  if (more == NULL) {
    return "out of memory";
  }
  keys = more;
  *colon = '\0';
  key_entry_t *entry = &keys[key_count];
  *entry = (key_entry_t){.identity = strdup(line)};
  const char *wrong = option_read_bytes(colon + 1, &entry->key, &entry->key_len);
  if (wrong == NULL && entry->identity == NULL) {
    wrong = "out of memory";
  }
  key_count++;
  return wrong;
}

static int read_keys(const options_t *options) {
  char line[LINE_MAX_BYTES];
  unsigned number = 0;
  const char *wrong = NULL;
  FILE *file = fopen(options->psk_file, "r");
  if (file == NULL) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "--psk-file %s: %s", options->psk_file,
                     strerror(errno));
  }
  while (wrong == NULL && fgets(line, sizeof(line), file) != NULL) {
    size_t len = strcspn(line, "\r\n");
    number++;
    if (line[len] == '\0' && len + 1 == sizeof(line)) {
      wrong = "the line is too long";
    }
    line[len] = '\0';
    if (wrong == NULL && len > 0 && line[0] != '#') {
      wrong = add_line(line);
    }
  }
  fclose(file);
  if (wrong != NULL) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "--psk-file %s: line %u: %s", options->psk_file,
                     number, wrong);
  }
  return 0;
}

static int check_pairs(const options_t *options) {
  if ((options->psk_identity != NULL) != (options->psk_key != NULL)) {
    return exit_usage(options->command, "--psk-identity and --psk-key belong together");
  }
  if ((options->certificate_file != NULL) != (options->key_file != NULL)) {
    return exit_usage(options->command, "--cert and --key belong together");
  }
  return 0;
}

int credentials_read(const options_t *options, bool server, acoap_credentials_t **credentials) {
  char reason[256] = "";
  acoap_credentials_options_t what = {.size = sizeof(what),
                                      .certificate_file = options->certificate_file,
                                      .key_file = options->key_file,
                                      .trust_file = options->trust_file,
                                      .insecure = options->insecure};
  int status = check_pairs(options);
  if (status == 0 && options->psk_file != NULL) {
    status = read_keys(options);
    what.psk_lookup = find_key;
  }
  if (status != 0) {
    return status;
  }
  if (options->psk_key != NULL) {
    what.psk_identity.data = (const uint8_t *)options->psk_identity;
    what.psk_identity.len = strlen(options->psk_identity);
    what.psk_key.data = options->psk_key;
    what.psk_key.len = options->psk_key_len;
  }
  if (server && what.certificate_file == NULL && what.psk_lookup == NULL && what.psk_key.len == 0) {
    return exit_usage(
        options->command,
        "coaps:// needs --psk-file, --psk-identity and --psk-key, or --cert and --key");
  }
  what.trust_system = !server && what.trust_file == NULL && what.psk_key.len == 0 && !what.insecure;
  status = acoap_credentials_new_explained(&what, credentials, reason, sizeof(reason));
  if (status < 0) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "credentials: %s",
                     reason[0] != '\0' ? reason : acoap_strerror(status));
  }
  return 0;
}
