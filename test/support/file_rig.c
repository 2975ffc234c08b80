/*
 * See file_rig.h.
 * SPDX-License-Identifier: MIT
 */
#include "file_rig.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "sim_pair.h"

#define HOUR_MS 3600000u

void file_rig_open(file_rig_t *rig, uint64_t seed, const acoap_server_options_t *options) {
  acoap_server_options_t own = {.size = sizeof(own), .amplification = ACOAP_AMPLIFICATION_OFF};
  memset(rig, 0, sizeof(*rig));
  client_rig_open(&rig->client, seed);
  rig->endpoint = sim_endpoint_new(rig->client.sim, RIG_SERVER, NULL);
  ck_assert_int_eq(acoap_server_new(rig->endpoint, options != NULL ? options : &own, &rig->server),
                   0);
  scratch_open(&rig->scratch);
  scratch_mkdir(&rig->scratch, "root");
  scratch_write(&rig->scratch, "secret.txt", "secret", 6);
  snprintf(rig->root, sizeof(rig->root), "%s", scratch_path(&rig->scratch, "root"));
}

static void count_closed(void *user_data) {
  file_rig_t *rig = user_data;
  rig->closed++;
}

void file_rig_close_endpoint(file_rig_t *rig) {
  acoap_local_endpoint_close(rig->endpoint, count_closed, rig);
  rig->endpoint = NULL;
}

void file_rig_close(file_rig_t *rig) {
  acoap_server_free(rig->server);
  rig->server = NULL;
  if (rig->endpoint != NULL) {
    file_rig_close_endpoint(rig);
  }
  client_rig_close(&rig->client);
  ck_assert_uint_eq(rig->closed, 1);
  scratch_close(&rig->scratch);
}

acoap_resource_t *file_rig_serve(file_rig_t *rig, bool writable) {
  acoap_directory_options_t options = {.size = sizeof(options), .writable = writable};
  acoap_resource_t *resource =
      acoap_resource_new_directory(rig->server, "/files", rig->root, &options);
  ck_assert_int_eq(acoap_server_status(rig->server), 0);
  ck_assert_ptr_nonnull(resource);
  return resource;
}

/* acoap_response_cb */
static void answered(void *user_data, int status, acoap_message_t *message) {
  file_answer_t *answer = user_data;
  acoap_bytes_t etag;
  answer->finals++;
  answer->status = status;
  acoap_message_unref(answer->message);
  answer->message = acoap_message_ref(message);
  answer->code = message != NULL ? acoap_message_code(message) : 0;
  answer->etag_len = 0;
  if (message == NULL) {
    answer->body = (acoap_bytes_t){NULL, 0};
    return;
  }
  answer->body = acoap_message_payload(message);
  if (acoap_view_option(acoap_message_view(message), ACOAP_OPTION_ETAG, 0, &etag)) {
    ck_assert_uint_le(etag.len, sizeof(answer->etag));
    memcpy(answer->etag, etag.data, etag.len);
    answer->etag_len = etag.len;
  }
}

static acoap_desc_t *desc_of(const file_ask_t *ask) {
  size_t block_size = ask->block_size != 0 ? ask->block_size : 1024;
  acoap_desc_t *desc = acoap_desc_new(ask->method);
  if (ask->etag != NULL) {
    acoap_desc_option(desc, ACOAP_OPTION_ETAG, ask->etag, 8);
  }
  if (ask->if_match != NULL) {
    acoap_desc_option(desc, ACOAP_OPTION_IF_MATCH, ask->if_match, 8);
  }
  if (ask->if_exists) {
    acoap_desc_option(desc, ACOAP_OPTION_IF_MATCH, NULL, 0);
  }
  if (ask->if_none_match) {
    acoap_desc_option(desc, ACOAP_OPTION_IF_NONE_MATCH, NULL, 0);
  }
  if (ask->has_accept) {
    acoap_desc_accept(desc, ask->accept);
  }
  if (ask->has_format) {
    acoap_desc_content_format(desc, ask->format);
  }
  if (ask->body != NULL) {
    acoap_desc_block1(desc, block_size, ask->body, ask->len);
  }
  acoap_desc_block2(desc, block_size);
  acoap_desc_collect(desc, 4u << 20);
  return desc;
}

static int send_to(file_rig_t *rig, const char *uri, acoap_desc_t *desc, file_answer_t *answer) {
  acoap_remote_endpoint_t *remote = NULL;
  memset(answer, 0, sizeof(*answer));
  int status = acoap_remote_endpoint_new(rig->client.client, uri, &remote);
  if (status != 0) {
    acoap_desc_free(desc);
    return status;
  }
  status = acoap_send(remote, desc, answered, answer, &answer->future);
  acoap_remote_endpoint_unref(remote);
  return status;
}

void file_rig_send(file_rig_t *rig, acoap_desc_t *desc, file_answer_t *answer) {
  ck_assert_int_eq(send_to(rig, RIG_URI, desc, answer), 0);
}

int file_rig_try(file_rig_t *rig, const file_ask_t *ask, file_answer_t *answer) {
  char uri[1500];
  int len = snprintf(uri, sizeof(uri), "%s%s", RIG_URI, ask->uri);
  ck_assert(len > 0 && (size_t)len < sizeof(uri));
  return send_to(rig, uri, desc_of(ask), answer);
}

void file_rig_start(file_rig_t *rig, const file_ask_t *ask, file_answer_t *answer) {
  ck_assert_int_eq(file_rig_try(rig, ask, answer), 0);
}

void file_rig_finish(file_rig_t *rig, file_answer_t *answer) {
  acoap_time_t until = acoap_sim_now(rig->client.sim) + HOUR_MS;
  while (answer->finals == 0) {
    ck_assert_msg(acoap_sim_step(rig->client.sim, until), "no answer");
  }
}

void file_rig_ask(file_rig_t *rig, const file_ask_t *ask, file_answer_t *answer) {
  file_rig_start(rig, ask, answer);
  file_rig_finish(rig, answer);
}

void file_answer_done(file_answer_t *answer) {
  answer->future = acoap_future_unref(answer->future);
  answer->message = acoap_message_unref(answer->message);
}

void file_rig_expect(file_rig_t *rig, const file_ask_t *ask, uint8_t code) {
  file_answer_t answer;
  file_rig_ask(rig, ask, &answer);
  ck_assert_msg(answer.code == code, "%s: %u.%02u (%s)", ask->uri, answer.code >> 5,
                answer.code & 31u, acoap_strerror(answer.status));
  file_answer_done(&answer);
}

void file_rig_has(file_rig_t *rig, const char *name, const void *bytes, size_t len) {
  char path[600];
  snprintf(path, sizeof(path), "root/%s", name);
  ck_assert_msg(scratch_has(&rig->scratch, path, bytes, len), "%s", name);
}

void file_rig_write(file_rig_t *rig, const char *name, const void *bytes, size_t len) {
  char path[600];
  snprintf(path, sizeof(path), "root/%s", name);
  scratch_write(&rig->scratch, path, bytes, len);
}

void file_rig_fill(uint8_t *bytes, size_t len, uint8_t seed) {
  for (size_t i = 0; i < len; i++) {
    bytes[i] = (uint8_t)(i * 131 + (i >> 8) * 17 + seed);
  }
}
