/*
 * serve --plugtest: the resources that the ETSI CoAP Plugtests ask of a server, so that any client
 * can be run against it: methods, separate responses, queries, formats, validation, preconditions,
 * links. Block-wise transfers and observation are serve_plugtest_large.c's and
 * serve_plugtest_observe.c's.
 * SPDX-License-Identifier: MIT
 */
#include "serve_plugtest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"

/* Separate responses come so much later. */
#define SEPARATE_MS 1000

#define TEXT_ANSWER                                                                                \
  { .code = ACOAP_CODE_CONTENT, .content_format = ACOAP_FORMAT_TEXT_PLAIN, .max_age_s = 60 }

acoap_resource_t *plugtest_text(plugtest_t *plugtest, const char *path, const char *title,
                                acoap_request_cb get, void *user_data) {
  acoap_resource_t *resource = acoap_resource_new(plugtest->site->server, path);
  acoap_resource_on(resource, ACOAP_CODE_GET, get, user_data);
  acoap_resource_gives(resource, ACOAP_FORMAT_TEXT_PLAIN);
  site_describe(resource, NULL, title);
  return resource;
}

static void answer_text(acoap_request_t *request, const char *text) {
  const site_answer_t answer = TEXT_ANSWER;
  site_answer(request, &answer, text, strlen(text));
}

static void answer_code(acoap_request_t *request, uint8_t code) {
  acoap_request_respond(request, code, ACOAP_FORMAT_NONE, NULL, 0);
}

/* ---- /test ----------------------------------------------------------------------------------- */

static void set_test(plugtest_t *plugtest) {
  static const char text[] = "A resource to get, put, post and delete.\n";
  site_store_set(&plugtest->test, ACOAP_FORMAT_TEXT_PLAIN, text, sizeof(text) - 1);
}

/* An empty representation would leave GET without a payload. */
static void put_test(void *user_data, acoap_request_t *request) {
  plugtest_t *plugtest = user_data;
  if (acoap_request_body(request).len > 0) {
    site_store_put(&plugtest->test, request);
  } else {
    set_test(plugtest);
    answer_code(request, ACOAP_CODE_CHANGED);
  }
}

static void post_test(void *user_data, acoap_request_t *request) {
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CREATED);
  (void)user_data;
  for (int i = 1; builder != NULL && i <= 3; i++) {
    char segment[16];
    int len = snprintf(segment, sizeof(segment), "location%d", i);
    acoap_builder_option(builder, ACOAP_OPTION_LOCATION_PATH, segment, (size_t)len);
  }
  if (builder != NULL) {
    acoap_request_send(request, ACOAP_AS_REQUESTED);
  }
}

/* It begins anew: a client that runs its cases in any order finds something. */
static void delete_test(void *user_data, acoap_request_t *request) {
  set_test(user_data);
  answer_code(request, ACOAP_CODE_DELETED);
}

static void add_test(plugtest_t *plugtest) {
  acoap_resource_t *test = acoap_resource_new(plugtest->site->server, "/test");
  acoap_resource_on(test, ACOAP_CODE_GET, site_store_get, &plugtest->test);
  acoap_resource_on(test, ACOAP_CODE_PUT, put_test, plugtest);
  acoap_resource_on(test, ACOAP_CODE_POST, post_test, plugtest);
  acoap_resource_on(test, ACOAP_CODE_DELETE, delete_test, plugtest);
  site_describe(test, NULL, "GET, PUT, POST and DELETE");
  set_test(plugtest);
}

/* ---- paths and queries ----------------------------------------------------------------------- */

static void get_segments(void *user_data, acoap_request_t *request) {
  (void)user_data;
  answer_text(request, "A path of three segments.\n");
}

/* Each Uri-Query on a line of its own. */
static void get_query(void *user_data, acoap_request_t *request) {
  const site_answer_t answer = TEXT_ANSWER;
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  char text[1024];
  size_t len = 0;
  acoap_bytes_t query;
  (void)user_data;
  for (size_t n = 0; acoap_view_option(view, ACOAP_OPTION_URI_QUERY, n, &query); n++) {
    if (len + query.len + 1 > sizeof(text)) {
      break;
    }
    if (query.len > 0) {
      memcpy(text + len, query.data, query.len);
    }
    len += query.len;
    text[len++] = '\n';
  }
  if (len == 0) {
    answer_text(request, "No query.\n");
  } else {
    site_answer(request, &answer, text, len);
  }
}

static void post_location_query(void *user_data, acoap_request_t *request) {
  acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_CREATED);
  (void)user_data;
  if (builder != NULL) {
    acoap_builder_option(builder, ACOAP_OPTION_LOCATION_QUERY, "first=1", 7);
    acoap_builder_option(builder, ACOAP_OPTION_LOCATION_QUERY, "second=2", 8);
    acoap_request_send(request, ACOAP_AS_REQUESTED);
  }
}

static void add_paths(plugtest_t *plugtest) {
  acoap_server_t *server = plugtest->site->server;
  plugtest_text(plugtest, "/seg1/seg2/seg3", "A path of three segments", get_segments, NULL);
  plugtest_text(plugtest, "/query", "Shows its parameters", get_query, NULL);
  acoap_resource_t *location = acoap_resource_new(server, "/location-query");
  acoap_resource_on(location, ACOAP_CODE_POST, post_location_query, NULL);
  site_describe(location, NULL, "POST answers with Location-Query");
}

/* ---- /separate ------------------------------------------------------------------------------- */

static void answer_separate(void *user_data, acoap_request_t *request) {
  (void)user_data;
  answer_text(request, "A response in a message of its own.\n");
}

static void get_separate(void *user_data, acoap_request_t *request) {
  plugtest_t *plugtest = user_data;
  site_answer_later(plugtest->site, request, SEPARATE_MS, answer_separate, NULL);
}

static void add_separate(plugtest_t *plugtest) {
  acoap_resource_t *separate =
      plugtest_text(plugtest, "/separate", "Answers separately", get_separate, plugtest);
  acoap_resource_acknowledge_at_once(separate, true);
}

/* ---- /multi-format --------------------------------------------------------------------------- */

static void get_multi_format(void *user_data, acoap_request_t *request) {
  static const struct {
    int content_format;
    const char *text;
  } formats[] = {{ACOAP_FORMAT_TEXT_PLAIN, "one representation\n"},
                 {ACOAP_FORMAT_XML, "<representation>one</representation>\n"},
                 {ACOAP_FORMAT_JSON, "{\"representation\":\"one\"}\n"}};
  int accept = site_accept(request, ACOAP_FORMAT_TEXT_PLAIN);
  (void)user_data;
  for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
    if (formats[i].content_format == accept) {
      acoap_request_respond(request, ACOAP_CODE_CONTENT, accept, formats[i].text,
                            strlen(formats[i].text));
    }
  }
}

static void add_multi_format(plugtest_t *plugtest) {
  acoap_resource_t *resource =
      plugtest_text(plugtest, "/multi-format", "Text, XML and JSON", get_multi_format, plugtest);
  acoap_resource_gives(resource, ACOAP_FORMAT_XML);
  acoap_resource_gives(resource, ACOAP_FORMAT_JSON);
}

/* ---- /validate ------------------------------------------------------------------------------- */

static void change_validate(plugtest_t *plugtest) {
  char text[48];
  plugtest->validations++;
  int len = snprintf(text, sizeof(text), "Version %" PRIu32 "\n", plugtest->validations);
  site_store_set(&plugtest->validate, ACOAP_FORMAT_TEXT_PLAIN, text, (size_t)len);
}

/* 2.03 for whom it has not changed; then it does, so that the next validation fails. */
static void get_validate(void *user_data, acoap_request_t *request) {
  plugtest_t *plugtest = user_data;
  site_store_t *store = &plugtest->validate;
  const site_answer_t valid = {.code = ACOAP_CODE_VALID,
                               .content_format = ACOAP_FORMAT_NONE,
                               .max_age_s = 60,
                               .etag = store->etag,
                               .etag_len = sizeof(store->etag)};
  int code = acoap_request_precondition(request, true, store->etag, sizeof(store->etag));
  if (code == ACOAP_CODE_VALID) {
    site_answer(request, &valid, NULL, 0);
    change_validate(plugtest);
  } else if (code != 0) {
    answer_code(request, (uint8_t)code);
  } else {
    site_store_get(store, request);
  }
}

static void put_validate(void *user_data, acoap_request_t *request) {
  plugtest_t *plugtest = user_data;
  site_store_t *store = &plugtest->validate;
  int code = acoap_request_precondition(request, true, store->etag, sizeof(store->etag));
  if (code != 0) {
    answer_code(request, (uint8_t)code);
  } else {
    site_store_put(store, request);
  }
}

static void add_validate(plugtest_t *plugtest) {
  acoap_resource_t *validate = acoap_resource_new(plugtest->site->server, "/validate");
  acoap_resource_on(validate, ACOAP_CODE_GET, get_validate, plugtest);
  acoap_resource_on(validate, ACOAP_CODE_PUT, put_validate, plugtest);
  acoap_resource_understands(validate, ACOAP_OPTION_IF_MATCH);
  acoap_resource_understands(validate, ACOAP_OPTION_IF_NONE_MATCH);
  site_describe(validate, NULL, "Changes after each validation");
  change_validate(plugtest);
}

/* ---- /create --------------------------------------------------------------------------------- */

static void add_create(plugtest_t *plugtest) {
  for (size_t i = 0; i < 3; i++) {
    char path[16];
    site_store_t *store = &plugtest->create[i];
    snprintf(path, sizeof(path), "/create%zu", i + 1);
    acoap_resource_t *create = acoap_resource_new(plugtest->site->server, path);
    acoap_resource_on(create, ACOAP_CODE_GET, site_store_get, store);
    acoap_resource_on(create, ACOAP_CODE_PUT, site_store_put, store);
    acoap_resource_on(create, ACOAP_CODE_DELETE, site_store_delete, store);
    acoap_resource_on_version(create, site_store_version, store);
    site_describe(create, NULL, "PUT creates it");
  }
}

/* ---- links ----------------------------------------------------------------------------------- */

static void get_leaf(void *user_data, acoap_request_t *request) {
  (void)user_data;
  answer_text(request, "Found by its link.\n");
}

static void add_links(plugtest_t *plugtest) {
  static const struct {
    const char *path, *rt, *interface;
  } links[] = {{"/link1", "Type1 Type2", "If1"},
               {"/link2", "Type2 Type3", "If2"},
               {"/link3", "Type1 Type3", "foo"}};
  for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
    acoap_resource_t *link =
        plugtest_text(plugtest, links[i].path, "Found by its attributes", get_leaf, NULL);
    acoap_resource_attribute(link, "rt", links[i].rt);
    acoap_resource_attribute(link, "if", links[i].interface);
  }
  acoap_resource_new_group(plugtest->site->server, "/path");
  plugtest_text(plugtest, "/path/sub1", "First child", get_leaf, NULL);
  plugtest_text(plugtest, "/path/sub2", "Second child", get_leaf, NULL);
  plugtest_text(plugtest, "/path/sub3", "Third child", get_leaf, NULL);
}

/* ---- the mode -------------------------------------------------------------------------------- */

static int open_plugtest(site_t *site) {
  plugtest_t *plugtest = calloc(1, sizeof(*plugtest));
  if (plugtest == NULL) {
    return exit_fail(site->options, EXIT_STATUS_LOCAL, "out of memory");
  }
  site->data = plugtest;
  plugtest->site = site;
  add_test(plugtest);
  add_paths(plugtest);
  add_separate(plugtest);
  add_multi_format(plugtest);
  add_validate(plugtest);
  add_create(plugtest);
  plugtest_add_large(plugtest);
  plugtest_add_observed(plugtest);
  add_links(plugtest);
  return site_status(site);
}

static void close_plugtest(site_t *site) {
  if (site->data != NULL) {
    plugtest_close_observed(site->data);
  }
}

static void plugtest_done(site_t *site) {
  plugtest_t *plugtest = site->data;
  if (plugtest == NULL) {
    return;
  }
  site_store_clear(&plugtest->test);
  site_store_clear(&plugtest->validate);
  for (size_t i = 0; i < 3; i++) {
    site_store_clear(&plugtest->create[i]);
  }
  plugtest_done_large(plugtest);
  plugtest_done_observed(plugtest);
  free(plugtest);
}

const serve_mode_t serve_plugtest = {open_plugtest, close_plugtest, plugtest_done};
