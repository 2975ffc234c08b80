/*
 * The client's test rig: resources of the facing endpoint and records of what came.
 * SPDX-License-Identifier: MIT
 */
#include "client_rig.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

/* ---- resources ------------------------------------------------------------------------------ */

static bool path_is(const acoap_view_t *view, const char *name) {
  acoap_bytes_t segment;
  return acoap_view_option(view, ACOAP_OPTION_URI_PATH, 0, &segment) &&
         segment.len == strlen(name) && memcmp(segment.data, name, segment.len) == 0;
}

static void keep(acoap_request_t **list, acoap_request_t *request) {
  for (size_t i = 0; i < RIG_OBSERVERS; i++) {
    if (list[i] == NULL) {
      list[i] = acoap_request_ref(request);
      return;
    }
  }
}

static void drop_list(acoap_request_t **list) {
  for (size_t i = 0; i < RIG_OBSERVERS; i++) {
    acoap_request_t *request = list[i];
    list[i] = NULL;
    if (request != NULL) {
      acoap_request_unref(request);
    }
  }
}

static void large(client_rig_t *rig, acoap_request_t *request, const acoap_view_t *view) {
  acoap_block_t block = {0, false, 6};
  (void)acoap_view_block(view, ACOAP_OPTION_BLOCK2, &block);
  size_t size = acoap_block_size(block.szx);
  size_t offset = block.num * size;
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
  if (builder == NULL) {
    return;
  }
  if (offset > rig->body_len) {
    offset = rig->body_len;
  }
  size_t n = rig->body_len - offset < size ? rig->body_len - offset : size;
  block.more = offset + n < rig->body_len;
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, &rig->etag, 1);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  acoap_builder_uint(builder, ACOAP_OPTION_SIZE2, (uint32_t)rig->body_len);
  acoap_builder_payload(builder, rig->body + offset, n);
  (void)acoap_request_send(request, ACOAP_AS_REQUESTED);
}

static void put(client_rig_t *rig, acoap_request_t *request, const acoap_view_t *view) {
  acoap_block_t block = {0, false, 6};
  int found = acoap_view_block(view, ACOAP_OPTION_BLOCK1, &block);
  size_t offset = block.num * acoap_block_size(block.szx);
  if (offset == 0) {
    rig->stored_len = 0;
  }
  if (offset != rig->stored_len || offset + view->payload.len > sizeof(rig->stored)) {
    (void)acoap_request_respond(request, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE, ACOAP_FORMAT_NONE,
                                NULL, 0);
    return;
  }
  if (view->payload.len > 0) {
    memcpy(rig->stored + offset, view->payload.data, view->payload.len);
  }
  rig->stored_len = offset + view->payload.len;
  acoap_builder_t *builder = acoap_request_begin(
      request, found == 1 && block.more ? ACOAP_CODE_CONTINUE : ACOAP_CODE_CHANGED);
  if (builder == NULL) {
    return;
  }
  if (found == 1) {
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
  }
  (void)acoap_request_send(request, ACOAP_AS_REQUESTED);
}

static void observed(client_rig_t *rig, acoap_request_t *request, const acoap_view_t *view) {
  uint32_t observe;
  char text[32];
  snprintf(text, sizeof(text), "state %u", rig->notification);
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
  if (builder == NULL) {
    return;
  }
  if (acoap_view_uint(view, ACOAP_OPTION_OBSERVE, &observe)) {
    if (observe == 0) {
      acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, rig->notification);
      keep(rig->observers, request);
    } else {
      drop_list(rig->observers);
    }
  }
  acoap_builder_payload(builder, text, strlen(text));
  (void)acoap_request_send(request, ACOAP_AS_REQUESTED);
}

/* The first block of `body` as the state; further blocks are fetched as those of /large. */
static void observed_large(client_rig_t *rig, acoap_request_t *request, const acoap_view_t *view) {
  uint32_t observe;
  acoap_block_t block = {0, rig->body_len > 64, 2};
  bool asks = acoap_view_uint(view, ACOAP_OPTION_OBSERVE, &observe);
  acoap_builder_t *builder = NULL;
  if (!asks) {
    large(rig, request, view);
    return;
  }
  builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
  if (builder == NULL) {
    return;
  }
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, &rig->etag, 1);
  if (observe == 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, rig->notification);
    keep(rig->observers, request);
  } else {
    drop_list(rig->observers);
  }
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
  acoap_builder_payload(builder, rig->body, block.more ? 64 : rig->body_len);
  (void)acoap_request_send(request, ACOAP_AS_REQUESTED);
}

static void busy(client_rig_t *rig, acoap_request_t *request) {
  if (++rig->busy >= 3) {
    (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "free", 4);
    return;
  }
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_SERVICE_UNAVAILABLE);
  if (builder != NULL) {
    acoap_builder_uint(builder, ACOAP_OPTION_MAX_AGE, 2);
    (void)acoap_request_send(request, ACOAP_AS_REQUESTED);
  }
}

void client_rig_receive(void *user_data, acoap_request_t *request) {
  client_rig_t *rig = user_data;
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  rig->handled++;
  if (path_is(view, "t")) {
    (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "hello", 5);
  } else if (path_is(view, "large")) {
    large(rig, request, view);
  } else if (path_is(view, "put")) {
    put(rig, request, view);
  } else if (path_is(view, "obs")) {
    observed(rig, request, view);
  } else if (path_is(view, "obsl")) {
    observed_large(rig, request, view);
  } else if (path_is(view, "busy")) {
    busy(rig, request);
  } else if (path_is(view, "sep") || path_is(view, "never")) {
    keep(rig->later, request);
  } else {
    (void)acoap_request_respond(request, ACOAP_CODE_NOT_FOUND, ACOAP_FORMAT_NONE, "no", 2);
  }
}

static void notify_one(const client_rig_t *rig, acoap_request_t *request,
                       acoap_reliability_t reliability) {
  char text[32];
  bool large_one = path_is(acoap_message_view(acoap_request_message(request)), "obsl");
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CONTENT);
  if (builder == NULL) {
    return;
  }
  acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, rig->notification);
  if (large_one) {
    acoap_block_t block = {0, rig->body_len > 64, 2};
    acoap_builder_option(builder, ACOAP_OPTION_ETAG, &rig->etag, 1);
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
    acoap_builder_payload(builder, rig->body, block.more ? 64 : rig->body_len);
  } else {
    snprintf(text, sizeof(text), "state %u", rig->notification);
    acoap_builder_payload(builder, text, strlen(text));
  }
  (void)acoap_request_send(request, reliability);
}

void client_rig_notify(client_rig_t *rig, acoap_reliability_t reliability) {
  rig->notification++;
  for (size_t i = 0; i < RIG_OBSERVERS; i++) {
    if (rig->observers[i] != NULL) {
      notify_one(rig, rig->observers[i], reliability);
    }
  }
}

void client_rig_answer_later(client_rig_t *rig) {
  for (size_t i = 0; i < RIG_OBSERVERS; i++) {
    if (rig->later[i] != NULL) {
      (void)acoap_request_respond(rig->later[i], ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN,
                                  "later", 5);
    }
  }
  drop_list(rig->later);
}

void client_rig_forget(client_rig_t *rig) {
  drop_list(rig->observers);
  drop_list(rig->later);
}

/* ---- life ----------------------------------------------------------------------------------- */

static acoap_local_endpoint_t *endpoint_at(client_rig_t *rig, const char *text) {
  acoap_local_endpoint_options_t options = {.size = sizeof(options)};
  acoap_local_endpoint_t *endpoint = NULL;
  acoap_socket_t *socket = NULL;
  acoap_address_t address;
  ck_assert_int_eq(acoap_address_parse(text, strlen(text), &address), 0);
  ck_assert_int_eq(acoap_sim_socket_new(rig->sim, &address, &socket), 0);
  options.host = acoap_sim_host(rig->sim);
  options.sockets = &socket;
  options.socket_count = 1;
  options.peers = 16;
  options.dedup_con = 4096;
  options.dedup_non = 512;
  options.reply_bytes = 256 * 1024;
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &endpoint), 0);
  return endpoint;
}

void client_rig_open(client_rig_t *rig, uint64_t seed) {
  memset(rig, 0, sizeof(*rig));
  ck_assert_int_eq(acoap_sim_new(seed, 1000000, &rig->sim), 0);
  rig->client = endpoint_at(rig, RIG_CLIENT);
  rig->body_len = sizeof(rig->body);
  rig->etag = 1;
  for (size_t i = 0; i < sizeof(rig->body); i++) {
    rig->body[i] = (uint8_t)(i * 7 + i / 251);
  }
}

void client_rig_open_pair(client_rig_t *rig, uint64_t seed) {
  client_rig_open(rig, seed);
  rig->server = endpoint_at(rig, RIG_SERVER);
  acoap_local_endpoint_receive(rig->server, client_rig_receive, rig);
}

static void count_closed(void *user_data) {
  ((client_rig_t *)user_data)->closed++;
}

void client_rig_close(client_rig_t *rig) {
  unsigned open = 0;
  client_rig_forget(rig);
  rig->closed = 0;
  if (rig->client != NULL) {
    acoap_local_endpoint_close(rig->client, count_closed, rig);
    open++;
  }
  if (rig->server != NULL) {
    acoap_local_endpoint_close(rig->server, count_closed, rig);
    open++;
  }
  bool idle = acoap_sim_run_idle(rig->sim, acoap_sim_now(rig->sim) + 600000);
  ck_assert(idle);
  ck_assert_uint_eq(rig->closed, open);
  acoap_sim_free(rig->sim);
  rig->sim = NULL;
}

void client_rig_run(client_rig_t *rig, acoap_time_t ms) {
  acoap_sim_run_until(rig->sim, acoap_sim_now(rig->sim) + ms);
}

acoap_remote_endpoint_t *client_rig_remote(client_rig_t *rig, const char *uri_or_path) {
  acoap_remote_endpoint_t *remote = NULL;
  char uri[300];
  snprintf(uri, sizeof(uri), "%s%s", uri_or_path[0] == '/' ? RIG_URI : "", uri_or_path);
  ck_assert_int_eq(acoap_remote_endpoint_new(rig->client, uri, &remote), 0);
  return remote;
}

/* ---- outcomes ------------------------------------------------------------------------------- */

void outcome_note(void *user_data, int status, acoap_message_t *message) {
  outcome_t *outcome = user_data;
  ck_assert(!outcome->inside);
  ck_assert_uint_eq(outcome->finals, 0);
  ck_assert_uint_eq(outcome->destroyed, 0);
  if (outcome->stream != NULL && status == 0) {
    outcome->items++;
  } else {
    outcome->finals++;
    outcome->status = status;
    outcome->has_message = message != NULL;
  }
  if (outcome->sim != NULL) {
    outcome->at = acoap_sim_now(outcome->sim);
  }
  if (message != NULL) {
    acoap_bytes_t payload = acoap_message_payload(message);
    outcome->code = acoap_message_code(message);
    outcome->len = payload.len < sizeof(outcome->body) - 1 ? payload.len : 0;
    memset(outcome->body, 0, outcome->len + 1);
    memcpy(outcome->body, payload.data, outcome->len);
  }
}

void outcome_destroyed(void *user_data) {
  ((outcome_t *)user_data)->destroyed++;
}

int rig_send(client_rig_t *rig, const char *uri_or_path, acoap_desc_t *desc, outcome_t *outcome,
             acoap_future_t **future) {
  acoap_remote_endpoint_t *remote = client_rig_remote(rig, uri_or_path);
  acoap_desc_on_destroy(desc, outcome_destroyed, outcome);
  outcome->sim = rig->sim;
  outcome->inside = true;
  int status = acoap_send(remote, desc, outcome_note, outcome, future);
  outcome->inside = false;
  acoap_remote_endpoint_unref(remote);
  ck_assert_uint_eq(outcome->destroyed, status < 0 ? 1u : 0u);
  return status;
}

int rig_stream(client_rig_t *rig, const char *uri_or_path, acoap_desc_t *desc, outcome_t *outcome,
               acoap_stream_t **stream) {
  acoap_remote_endpoint_t *remote = client_rig_remote(rig, uri_or_path);
  acoap_stream_t *handle = NULL;
  acoap_desc_on_destroy(desc, outcome_destroyed, outcome);
  outcome->sim = rig->sim;
  outcome->inside = true;
  int status = acoap_send_stream(remote, desc, outcome_note, outcome, &handle);
  outcome->inside = false;
  acoap_remote_endpoint_unref(remote);
  ck_assert_uint_eq(outcome->destroyed, status < 0 ? 1u : 0u);
  outcome->stream = handle;
  if (stream != NULL) {
    *stream = handle;
  }
  return status;
}
