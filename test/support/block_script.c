/*
 * Reads and writes the notation of block_script.h. Fails the running test where an answer is
 * another.
 * SPDX-License-Identifier: MIT
 */
#include "block_script.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include <acoap/block.h>

#include "message/missing_blocks.h"

uint8_t block_script_byte(uint64_t n) {
  return (uint8_t)(n * 7 + (n >> 8) * 13 + (n >> 16) * 29);
}

void block_script_fill(uint8_t *bytes, uint64_t offset, size_t len) {
  for (size_t i = 0; i < len; i++) {
    bytes[i] = block_script_byte(offset + i);
  }
}

/* ---- requests -------------------------------------------------------------------------------- */

typedef struct words {
  acoap_builder_t *builder;
  uint64_t offset; /* of the payload in the upload */
  size_t len;      /* bytes of it */
} words_t;

static bool block_word(words_t *words, const char *word) {
  unsigned option, num, more, size;
  bool sets = word[0] == 'q';
  if (sscanf(word + (sets ? 1 : 0), "%u:%u/%u/%u", &option, &num, &more, &size) != 4) {
    return false;
  }
  int szx = acoap_block_szx(size);
  ck_assert_int_ge(szx, 0);
  acoap_block_t block = {num, more != 0, (uint8_t)szx};
  uint16_t first = sets ? ACOAP_OPTION_Q_BLOCK1 : ACOAP_OPTION_BLOCK1;
  uint16_t second = sets ? ACOAP_OPTION_Q_BLOCK2 : ACOAP_OPTION_BLOCK2;
  acoap_builder_block(words->builder, option == 1 ? first : second, &block);
  if (option == 1) {
    words->offset = (uint64_t)num * size;
    words->len = more != 0 ? size : 0;
  }
  return true;
}

static bool number_word(words_t *words, const char *word) {
  static const struct {
    const char *format;
    uint16_t option;
  } numbers[] = {{"size1=%u", ACOAP_OPTION_SIZE1},
                 {"size2=%u", ACOAP_OPTION_SIZE2},
                 {"observe=%u", ACOAP_OPTION_OBSERVE},
                 {"format=%u", ACOAP_OPTION_CONTENT_FORMAT}};
  unsigned value;
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    if (sscanf(word, numbers[i].format, &value) == 1) {
      acoap_builder_uint(words->builder, numbers[i].option, value);
      return true;
    }
  }
  if (sscanf(word, "+%u", &value) == 1) {
    words->len = value;
    return true;
  }
  return false;
}

static void add_word(words_t *words, const char *word) {
  if (block_word(words, word) || number_word(words, word) || strncmp(word, "token=", 6) == 0) {
    return;
  }
  if (strncmp(word, "tag=", 4) == 0) {
    acoap_builder_option(words->builder, ACOAP_OPTION_REQUEST_TAG, word + 4, strlen(word + 4));
  } else if (strncmp(word, "etag=", 5) == 0) {
    acoap_builder_option(words->builder, ACOAP_OPTION_ETAG, word + 5, strlen(word + 5));
  } else {
    ck_abort_msg("no word of the notation: %s", word);
  }
}

static uint8_t method_of(const char *name) {
  for (uint8_t code = ACOAP_CODE_GET; code <= ACOAP_CODE_IPATCH; code++) {
    if (acoap_code_name(code) != NULL && strcmp(acoap_code_name(code), name) == 0) {
      return code;
    }
  }
  ck_abort_msg("no method: %s", name);
  return 0;
}

void block_script_send(block_script_t *script, const char *request) {
  static uint8_t payload[2048];
  char copy[200];
  char *rest = NULL;
  server_rig_t *rig = script->rig;
  acoap_type_t type = ACOAP_CON;
  snprintf(copy, sizeof(copy), "%s", request);
  const char *method = strtok_r(copy, " ", &rest);
  if (strcmp(method, "NON") == 0) {
    type = ACOAP_NON;
    method = strtok_r(NULL, " ", &rest);
  }
  const char *path = strtok_r(NULL, " ", &rest);
  words_t words = {server_rig_begin(rig, type, method_of(method), path), 0, 0};
  const char *token = strstr(request, "token=");
  if (token != NULL) {
    size_t len = strcspn(token + 6, " ");
    acoap_builder_init(&rig->builder, rig->bytes, sizeof(rig->bytes), type, method_of(method),
                       rig->message_id, (const uint8_t *)token + 6, len);
    acoap_builder_path(&rig->builder, path, strcspn(path, "?"));
  }
  for (const char *word; (word = strtok_r(NULL, " ", &rest)) != NULL;) {
    add_word(&words, word);
  }
  if (script->payload != NULL) {
    acoap_builder_payload(&rig->builder, script->payload, strlen(script->payload));
    script->payload = NULL;
  } else if (words.len > 0) {
    block_script_fill(payload, words.offset, words.len);
    acoap_builder_payload(&rig->builder, payload, words.len);
  }
  server_rig_send(rig, &rig->address);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void append(block_script_t *script, const char *word) {
  size_t len = strlen(script->text);
  snprintf(script->text + len, sizeof(script->text) - len, "%s", word);
}

static void append_block(block_script_t *script, const acoap_view_t *view, uint16_t option,
                         const char *name) {
  acoap_block_t block;
  char word[40];
  if (acoap_view_block(view, option, &block) == 1) {
    snprintf(word, sizeof(word), " %s:%u/%u/%zu", name, block.num, block.more ? 1 : 0,
             acoap_block_size(block.szx));
    append(script, word);
  }
}

static void append_uint(block_script_t *script, const acoap_view_t *view, uint16_t option,
                        const char *name) {
  uint32_t value;
  char word[40];
  if (acoap_view_uint(view, option, &value)) {
    snprintf(word, sizeof(word), " %s=%u", name, value);
    append(script, word);
  }
}

static void keep_payload(block_script_t *script, const acoap_view_t *view) {
  acoap_block_t block = {0, false, 0};
  if (acoap_view_block(view, ACOAP_OPTION_BLOCK2, &block) == 0) {
    (void)acoap_view_block(view, ACOAP_OPTION_Q_BLOCK2, &block);
  }
  size_t offset = block.num * acoap_block_size(block.szx);
  if (view->payload.len > 0 && offset + view->payload.len <= sizeof(script->got)) {
    memcpy(script->got + offset, view->payload.data, view->payload.len);
    script->got_len = offset + view->payload.len;
  }
}

static void append_missing(block_script_t *script, acoap_bytes_t payload) {
  uint32_t num;
  char word[40];
  const char *before = " missing=";
  while (acoap__missing_blocks_next(&payload, &num) == 1) {
    snprintf(word, sizeof(word), "%s%u", before, num);
    append(script, word);
    before = ",";
  }
  ck_assert_uint_eq(payload.len, 0);
}

static void describe(block_script_t *script, const acoap_view_t *view) {
  acoap_bytes_t etag = {NULL, 0};
  uint32_t format;
  char word[40];
  script->text[0] = '\0';
  if (view->type == ACOAP_CON) {
    append(script, "CON ");
  }
  snprintf(word, sizeof(word), "%u.%02u", view->code >> 5, view->code & 31u);
  append(script, word);
  append_uint(script, view, ACOAP_OPTION_OBSERVE, "observe");
  append_uint(script, view, ACOAP_OPTION_MAX_AGE, "age");
  append_block(script, view, ACOAP_OPTION_BLOCK1, "1");
  append_block(script, view, ACOAP_OPTION_BLOCK2, "2");
  append_block(script, view, ACOAP_OPTION_Q_BLOCK1, "q1");
  append_block(script, view, ACOAP_OPTION_Q_BLOCK2, "q2");
  append_uint(script, view, ACOAP_OPTION_SIZE2, "size2");
  append_uint(script, view, ACOAP_OPTION_SIZE1, "size1");
  if (acoap_view_option(view, ACOAP_OPTION_ETAG, 0, &etag)) {
    append(script, " etag");
    memcpy(script->etag, etag.data, etag.len);
  }
  script->etag_len = etag.len;
  if (acoap_view_uint(view, ACOAP_OPTION_CONTENT_FORMAT, &format) &&
      format == ACOAP_FORMAT_MISSING_BLOCKS_CBOR_SEQ) {
    append_missing(script, view->payload);
  } else if (view->payload.len > 0) {
    snprintf(word, sizeof(word), " [%zu]", view->payload.len);
    append(script, word);
  }
  if (script->tells_token) {
    snprintf(word, sizeof(word), " token=%.*s", (int)view->token.len,
             (const char *)view->token.data);
    append(script, word);
  }
}

void block_script_expect(block_script_t *script, const char *answer) {
  const sim_datagram_t *datagram = sim_peer_next(&script->rig->peer);
  describe(script, &datagram->view);
  keep_payload(script, &datagram->view);
  ck_assert_str_eq(script->text, answer);
}

void block_script_say(block_script_t *script, const char *request, const char *answer) {
  block_script_send(script, request);
  block_script_expect(script, answer);
}

void block_script_expect_body(const block_script_t *script, size_t len) {
  ck_assert_uint_eq(script->got_len, len);
  for (size_t i = 0; i < len; i++) {
    ck_assert_msg(script->got[i] == block_script_byte(i), "byte %zu", i);
  }
}
