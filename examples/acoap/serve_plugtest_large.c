/*
 * The resources of serve --plugtest that take more than a block (RFC 7959): read, replaced, created
 * and processed block by block, at once or separately.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve_plugtest.h"

/* /large-separate is answered so much later. */
#define SEPARATE_MS 1000

/* Bytes of a line of the large text. */
#define LINE 64

/* Lines of text, numbered, so that a missing or doubled block is seen. */
static void write_lines(char *text, size_t size) {
  char line[LINE + 24]; /* room for a number of any length */
  for (size_t at = 0; at + LINE <= size; at += LINE) {
    snprintf(line, sizeof(line), "%2zu | %-56s |\n", at / LINE + 1,
             "a representation that takes more than a block");
    memcpy(text + at, line, LINE);
  }
}

static void answer_large(void *user_data, acoap_request_t *request) {
  const plugtest_t *plugtest = user_data;
  acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN,
                             acoap_body_lend(plugtest->large, sizeof(plugtest->large), NULL, NULL));
}

static void get_large_separate(void *user_data, acoap_request_t *request) {
  plugtest_t *plugtest = user_data;
  site_answer_later(plugtest->site, request, SEPARATE_MS, answer_large, plugtest);
}

static void set_size(acoap_resource_t *resource) {
  char text[16];
  snprintf(text, sizeof(text), "%d", PLUGTEST_LARGE);
  acoap_resource_attribute(resource, "sz", text);
}

/* ---- /large-post ----------------------------------------------------------------------------- */

/* The same body in upper case. */
static void post_large(void *user_data, acoap_request_t *request) {
  acoap_bytes_t body = acoap_request_body(request);
  char *text = malloc(body.len + 1);
  (void)user_data;
  if (text == NULL) {
    return; /* 5.00 */
  }
  for (size_t i = 0; i < body.len; i++) {
    char c = (char)body.data[i];
    text[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
  }
  acoap_request_respond_body(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_TEXT_PLAIN,
                             acoap_body_lend(text, body.len, free, text));
}

/* ---- /large-create --------------------------------------------------------------------------- */

static void free_created(void *user_data) {
  site_store_t *store = user_data;
  site_store_clear(store);
  free(store);
}

static void delete_created(void *user_data, acoap_request_t *request) {
  plugtest_t *plugtest = user_data;
  acoap_resource_t *resource = acoap_request_resource(request);
  for (size_t i = 0; i < PLUGTEST_CREATED_MAX; i++) {
    if (plugtest->created[i] == resource) {
      plugtest->created[i] = NULL;
    }
  }
  acoap_request_respond(request, ACOAP_CODE_DELETED, ACOAP_FORMAT_NONE, NULL, 0);
  acoap_resource_remove(resource);
}

/* Make the resource of this number, in the place of the oldest. False without memory. */
static bool create(plugtest_t *plugtest, uint32_t number, acoap_request_t *request) {
  char path[40];
  acoap_bytes_t body = acoap_request_body(request);
  site_store_t *store = calloc(1, sizeof(*store));
  if (store == NULL) {
    return false;
  }
  snprintf(path, sizeof(path), "/large-create/%" PRIu32, number);
  acoap_resource_t *resource = acoap_resource_new(plugtest->site->server, path);
  if (resource == NULL ||
      !site_store_set(store, site_content_format(request), body.data, body.len)) {
    acoap_resource_remove(resource);
    free(store);
    return false;
  }
  acoap_resource_on_destroy(resource, free_created, store);
  acoap_resource_on(resource, ACOAP_CODE_GET, site_store_get, store);
  acoap_resource_on(resource, ACOAP_CODE_PUT, site_store_put, store);
  acoap_resource_on(resource, ACOAP_CODE_DELETE, delete_created, plugtest);
  size_t place = number % PLUGTEST_CREATED_MAX;
  acoap_resource_remove(plugtest->created[place]);
  plugtest->created[place] = resource;
  return true;
}

static void post_create(void *user_data, acoap_request_t *request) {
  plugtest_t *plugtest = user_data;
  char number[16];
  if (!create(plugtest, ++plugtest->created_count, request)) {
    return; /* 5.00 */
  }
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CREATED);
  if (builder != NULL) {
    int len = snprintf(number, sizeof(number), "%" PRIu32, plugtest->created_count);
    acoap_builder_option(builder, ACOAP_OPTION_LOCATION_PATH, "large-create", 12);
    acoap_builder_option(builder, ACOAP_OPTION_LOCATION_PATH, number, (size_t)len);
    acoap_request_send(request, ACOAP_AS_REQUESTED);
  }
}

/* ---- the resources --------------------------------------------------------------------------- */

void plugtest_add_large(plugtest_t *plugtest) {
  acoap_server_t *server = plugtest->site->server;
  write_lines(plugtest->large, sizeof(plugtest->large));
  set_size(
      plugtest_text(plugtest, "/large", "More than the largest block", answer_large, plugtest));
  acoap_resource_t *separate = plugtest_text(plugtest, "/large-separate", "The same, separately",
                                             get_large_separate, plugtest);
  acoap_resource_acknowledge_at_once(separate, true);
  set_size(separate);

  acoap_resource_t *update = acoap_resource_new(server, "/large-update");
  acoap_resource_on(update, ACOAP_CODE_GET, site_store_get, &plugtest->large_update);
  acoap_resource_on(update, ACOAP_CODE_PUT, site_store_put, &plugtest->large_update);
  acoap_resource_on_version(update, site_store_version, &plugtest->large_update);
  site_describe(update, NULL, "PUT block by block, GET it back");
  site_store_set(&plugtest->large_update, ACOAP_FORMAT_TEXT_PLAIN, plugtest->large,
                 sizeof(plugtest->large));

  acoap_resource_t *creating = acoap_resource_new(server, "/large-create");
  acoap_resource_on(creating, ACOAP_CODE_POST, post_create, plugtest);
  site_describe(creating, NULL, "POST makes a resource");
  acoap_resource_t *posting = acoap_resource_new(server, "/large-post");
  acoap_resource_on(posting, ACOAP_CODE_POST, post_large, NULL);
  site_describe(posting, NULL, "POST gives the body in upper case");
}

void plugtest_done_large(plugtest_t *plugtest) {
  site_store_clear(&plugtest->large_update);
}
