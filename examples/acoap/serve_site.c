/*
 * What the modes of serve share: answers with ETag and Max-Age, answers that come later (RFC 7252
 * section 5.2.2), and a representation that requests read, write and remove.
 * SPDX-License-Identifier: MIT
 */
#include "serve.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exit.h"

int site_status(const site_t *site) {
  int status = acoap_server_status(site->server);
  return status == 0 ? EXIT_STATUS_OK
                     : exit_fail(site->options, EXIT_STATUS_LOCAL, "the resources: %s",
                                 acoap_strerror(status));
}

void site_describe(acoap_resource_t *resource, const char *rt, const char *title) {
  if (rt != NULL) {
    acoap_resource_attribute(resource, "rt", rt);
  }
  acoap_resource_attribute(resource, "title", title);
}

/* ---- answers --------------------------------------------------------------------------------- */

static acoap_builder_t *begin(acoap_request_t *request, const site_answer_t *answer) {
  acoap_builder_t *builder = acoap_request_begin(request, answer->code);
  if (builder == NULL) {
    return NULL;
  }
  if (answer->etag != NULL) {
    acoap_builder_option(builder, ACOAP_OPTION_ETAG, answer->etag, answer->etag_len);
  }
  if (answer->content_format != ACOAP_FORMAT_NONE) {
    acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, (uint32_t)answer->content_format);
  }
  if (answer->max_age_s != 60) {
    acoap_builder_uint(builder, ACOAP_OPTION_MAX_AGE, answer->max_age_s);
  }
  return builder;
}

void site_answer(acoap_request_t *request, const site_answer_t *answer, const void *payload,
                 size_t len) {
  acoap_builder_t *builder = begin(request, answer);
  if (builder != NULL) {
    acoap_builder_payload(builder, payload, len);
    acoap_request_send(request, ACOAP_AS_REQUESTED);
  }
}

void site_answer_body(acoap_request_t *request, const site_answer_t *answer, acoap_body_t *body) {
  if (begin(request, answer) == NULL) {
    acoap_body_unref(body);
    return;
  }
  acoap_request_send_body(request, body, ACOAP_AS_REQUESTED);
}

static int format_option(const acoap_request_t *request, uint16_t option, int otherwise) {
  uint32_t format = 0;
  const acoap_message_t *message = acoap_request_message(request);
  return acoap_view_uint(acoap_message_view(message), option, &format) ? (int)format : otherwise;
}

int site_content_format(const acoap_request_t *request) {
  return format_option(request, ACOAP_OPTION_CONTENT_FORMAT, ACOAP_FORMAT_NONE);
}

int site_accept(const acoap_request_t *request, int otherwise) {
  return format_option(request, ACOAP_OPTION_ACCEPT, otherwise);
}

/* ---- answers that come later ----------------------------------------------------------------- */

/* One request that waits, in a list of them. */
typedef struct site_later {
  uv_timer_t timer; /* when */
  site_t *site;
  struct site_later *next;
  acoap_request_t *request; /* kept */
  acoap_request_cb answer;  /* and what then */
  void *user_data;          /* handed to it */
} site_later_t;

static void free_later(uv_handle_t *handle) {
  free(handle->data);
}

static void on_later(uv_timer_t *timer) {
  site_later_t *later = timer->data;
  site_later_t **at = &later->site->later;
  while (*at != later) {
    at = &(*at)->next;
  }
  *at = later->next;
  later->answer(later->user_data, later->request);
  acoap_request_unref(later->request);
  uv_close((uv_handle_t *)timer, free_later);
}

void site_answer_later(site_t *site, acoap_request_t *request, uint32_t delay_ms,
                       acoap_request_cb answer, void *user_data) {
  site_later_t *later = calloc(1, sizeof(*later));
  if (later == NULL) {
    return;
  }
  later->site = site;
  later->next = site->later;
  later->request = acoap_request_ref(request);
  later->answer = answer;
  later->user_data = user_data;
  site->later = later;
  uv_timer_init(site->loop, &later->timer);
  later->timer.data = later;
  uv_timer_start(&later->timer, on_later, delay_ms, 0);
}

void site_close_later(site_t *site) {
  while (site->later != NULL) {
    site_later_t *later = site->later;
    site->later = later->next;
    acoap_request_unref(later->request);
    uv_close((uv_handle_t *)&later->timer, free_later);
  }
}

/* ---- a representation that requests write ---------------------------------------------------- */

/* The bytes are from malloc and taken over. */
static bool store_take(site_store_t *store, int content_format, uint8_t *bytes, size_t len) {
  static uint32_t versions;
  static uint32_t started;
  acoap_body_t *body = acoap_body_lend(bytes, len, free, bytes);
  if (body == NULL) {
    return false;
  }
  if (versions++ == 0) {
    started = (uint32_t)time(NULL); /* a version of an earlier run is none of this one */
  }
  for (int i = 0; i < 4; i++) {
    store->etag[i] = (uint8_t)(started >> (24 - 8 * i));
    store->etag[4 + i] = (uint8_t)(versions >> (24 - 8 * i));
  }
  acoap_body_set_etag(body, store->etag, sizeof(store->etag));
  acoap_body_unref(store->body);
  store->body = body;
  store->bytes = bytes;
  store->len = len;
  store->content_format = content_format;
  return true;
}

/* One piece of memory of two; NULL without any. */
static uint8_t *join(const void *first, size_t first_len, const void *second, size_t second_len) {
  uint8_t *bytes = malloc(first_len + second_len + 1);
  if (bytes != NULL && first_len > 0) {
    memcpy(bytes, first, first_len);
  }
  if (bytes != NULL && second_len > 0) {
    memcpy(bytes + first_len, second, second_len);
  }
  return bytes;
}

bool site_store_set(site_store_t *store, int content_format, const void *bytes, size_t len) {
  uint8_t *copy = join(bytes, len, NULL, 0);
  return copy != NULL && store_take(store, content_format, copy, len);
}

void site_store_clear(site_store_t *store) {
  store->body = acoap_body_unref(store->body);
}

void site_store_get(void *user_data, acoap_request_t *request) {
  const site_store_t *store = user_data;
  if (store->body == NULL) {
    acoap_request_respond(request, ACOAP_CODE_NOT_FOUND, ACOAP_FORMAT_NONE, NULL, 0);
  } else if (site_accept(request, store->content_format) != store->content_format) {
    acoap_request_respond(request, ACOAP_CODE_NOT_ACCEPTABLE, ACOAP_FORMAT_NONE, NULL, 0);
  } else {
    acoap_request_respond_body(request, ACOAP_CODE_CONTENT, store->content_format,
                               acoap_body_ref(store->body));
  }
}

void site_store_put(void *user_data, acoap_request_t *request) {
  site_store_t *store = user_data;
  acoap_bytes_t bytes = acoap_request_body(request);
  site_answer_t answer = {.code = store->body != NULL ? ACOAP_CODE_CHANGED : ACOAP_CODE_CREATED,
                          .content_format = ACOAP_FORMAT_NONE,
                          .max_age_s = 60,
                          .etag = store->etag,
                          .etag_len = sizeof(store->etag)};
  if (!site_store_set(store, site_content_format(request), bytes.data, bytes.len)) {
    return; /* 5.00 */
  }
  site_answer(request, &answer, NULL, 0);
}

/* Does what is there end with these bytes? */
static bool ends_with(const site_store_t *store, acoap_bytes_t bytes) {
  return bytes.len <= store->len && (bytes.len == 0 || memcmp(store->bytes + store->len - bytes.len,
                                                              bytes.data, bytes.len) == 0);
}

void site_store_patch(void *user_data, acoap_request_t *request) {
  site_store_t *store = user_data;
  acoap_bytes_t more = acoap_request_body(request);
  uint8_t method = acoap_message_code(acoap_request_message(request));
  if (store->body == NULL) {
    acoap_request_respond(request, ACOAP_CODE_NOT_FOUND, ACOAP_FORMAT_NONE, NULL, 0);
    return;
  }
  if (more.len > SITE_STORE_MAX - store->len) {
    acoap_request_respond(request, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE, ACOAP_FORMAT_NONE, NULL, 0);
    return;
  }
  if (method != ACOAP_CODE_IPATCH || !ends_with(store, more)) {
    uint8_t *bytes = join(store->bytes, store->len, more.data, more.len);
    if (bytes == NULL || !store_take(store, store->content_format, bytes, store->len + more.len)) {
      return; /* 5.00 */
    }
  }
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
}

void site_store_delete(void *user_data, acoap_request_t *request) {
  site_store_clear(user_data);
  acoap_request_respond(request, ACOAP_CODE_DELETED, ACOAP_FORMAT_NONE, NULL, 0);
}

int site_store_version(void *user_data, acoap_request_t *request, uint8_t etag[8]) {
  const site_store_t *store = user_data;
  (void)request;
  if (store->body == NULL) {
    return ACOAP_ENOTFOUND;
  }
  memcpy(etag, store->etag, sizeof(store->etag));
  return (int)sizeof(store->etag);
}
