/*
 * Block-wise transfers and observations of the interop tests. Knows no peers.
 * SPDX-License-Identifier: MIT
 */
#include "transfer.h"

#include <stdio.h>
#include <string.h>

/* What inspect has seen of one transfer. */
typedef struct seen {
  bool upload;    /* the direction to watch */
  uint64_t bytes; /* last figure */
  size_t calls;   /* messages */
  size_t falls;   /* how often a figure was less than the one before: a new start */
} seen_t;

static void note_progress(void *user_data, const acoap_progress_t *progress,
                          acoap_message_t *message) {
  seen_t *seen = user_data;
  if (message == NULL || progress->upload != seen->upload) {
    return;
  }
  seen->calls++;
  seen->falls += progress->bytes < seen->bytes;
  seen->bytes = progress->bytes;
}

static void put(acoap_remote_endpoint_t *remote, const char *path, size_t size, size_t window,
                const uint8_t *body, size_t len, bool keep_token) {
  seen_t seen = {true, 0, 0, 0};
  acoap_desc_t *desc = lab_desc(ACOAP_CODE_PUT, path);
  acoap_desc_content_format(desc, ACOAP_FORMAT_OCTET_STREAM);
  acoap_desc_block1(desc, size, body, len);
  acoap_desc_block1_window(desc, window);
  if (keep_token) {
    acoap_desc_keep_token(desc);
  }
  acoap_desc_inspect(desc, note_progress, &seen);
  lab_answer_t answer = lab_ask(remote, desc);
  char code[5];
  acoap_code_format(answer.code, code);
  ck_assert_msg(answer.status == 0 &&
                    (answer.code == ACOAP_CODE_CREATED || answer.code == ACOAP_CODE_CHANGED),
                "upload of %zu bytes in blocks of %zu: %s, %s", len, size, code,
                acoap_strerror(answer.status));
  lab_drop(&answer);
  ck_assert_uint_ge(seen.calls, (len + size - 1) / size);
  ck_assert_uint_eq(seen.bytes, len);
  ck_assert_uint_eq(seen.falls, 0);
}

void transfer_put(acoap_remote_endpoint_t *remote, const char *path, size_t size,
                  const uint8_t *body, size_t len, bool keep_token) {
  put(remote, path, size, 1, body, len, keep_token);
}

void transfer_put_window(acoap_remote_endpoint_t *remote, const char *path, size_t size,
                         size_t window, const uint8_t *body, size_t len) {
  put(remote, path, size, window, body, len, false);
}

static void get(acoap_remote_endpoint_t *remote, const char *path, size_t size, size_t window,
                const uint8_t *body, size_t len, size_t starts_max) {
  seen_t seen = {false, 0, 0, 0};
  acoap_desc_t *desc = lab_desc(ACOAP_CODE_GET, path);
  acoap_desc_block2(desc, size);
  acoap_desc_block2_window(desc, window);
  acoap_desc_collect(desc, len + 1024);
  acoap_desc_inspect(desc, note_progress, &seen);
  lab_answer_t answer = lab_ask(remote, desc);
  char code[5];
  acoap_code_format(answer.code, code);
  ck_assert_msg(answer.status == 0 && answer.code == ACOAP_CODE_CONTENT,
                "download in blocks of %zu: %s, %s", size, code, acoap_strerror(answer.status));
  acoap_bytes_t payload = acoap_message_payload(answer.message);
  ck_assert_uint_eq(payload.len, len);
  size_t same = 0;
  while (same < len && payload.data[same] == body[same]) {
    same++;
  }
  ck_assert_msg(same == len, "the body differs from byte %zu on", same);
  lab_drop(&answer);
  ck_assert_uint_ge(seen.calls, (len + size - 1) / size);
  ck_assert_uint_eq(seen.bytes, len);
  ck_assert_uint_le(seen.falls, starts_max);
}

void transfer_get_again(acoap_remote_endpoint_t *remote, const char *path, size_t size,
                        const uint8_t *body, size_t len, size_t starts_max) {
  get(remote, path, size, 1, body, len, starts_max);
}

void transfer_get(acoap_remote_endpoint_t *remote, const char *path, size_t size,
                  const uint8_t *body, size_t len) {
  get(remote, path, size, 1, body, len, 0);
}

void transfer_get_window(acoap_remote_endpoint_t *remote, const char *path, size_t size,
                         size_t window, const uint8_t *body, size_t len) {
  get(remote, path, size, window, body, len, 0);
}

static void note_item(void *user_data, int status, acoap_message_t *message) {
  watch_t *watch = user_data;
  if (status != 0) {
    watch->end = status;
    return;
  }
  if (watch->count < WATCH_ITEMS_MAX) {
    acoap_bytes_t payload = acoap_message_payload(message);
    int len = payload.len < WATCH_TEXT_MAX - 1 ? (int)payload.len : WATCH_TEXT_MAX - 1;
    snprintf(watch->texts[watch->count], WATCH_TEXT_MAX, "%.*s", len, (const char *)payload.data);
    watch->lengths[watch->count] = payload.len;
    watch->types[watch->count] = (uint8_t)acoap_message_view(message)->type;
    watch->count++;
  }
}

void watch_start(watch_t *watch, acoap_remote_endpoint_t *remote, acoap_desc_t *desc) {
  memset(watch, 0, sizeof(*watch));
  int status = acoap_send_stream(remote, desc, note_item, watch, &watch->stream);
  ck_assert_msg(status == 0, "acoap_send_stream: %s", acoap_strerror(status));
}

void watch_wait(watch_t *watch, lab_t *lab, size_t count) {
  while (watch->count < count && watch->end == 0) {
    lab_turn(lab);
  }
  ck_assert_msg(watch->end == 0, "the observation ended: %s", acoap_strerror(watch->end));
}

void watch_stop(watch_t *watch) {
  watch->stream = acoap_stream_unref(watch->stream);
}
