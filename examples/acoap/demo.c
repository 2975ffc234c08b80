/*
 * serve --demo: finds the resource a request names and lets it answer, at once or later (RFC 7252
 * section 5.2). The rules: a critical option that is not understood is 4.02 for a CON and a
 * rejection for a NON (section 5.4.1); a group hears of what is found, never of errors
 * (section 8.2). Keeps no resources itself.
 * SPDX-License-Identifier: MIT
 */
#include "demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char well_known_core[] = ".well-known/core";

/* Do the Uri-Path options spell this path? */
static bool path_is(const acoap_view_t *view, const char *path) {
  acoap_bytes_t segment;
  size_t n = 0;
  for (; acoap_view_option(view, ACOAP_OPTION_URI_PATH, n, &segment); n++) {
    size_t len = strcspn(path, "/");
    if (n == 0 && segment.len == 0 && *path == '\0') {
      return true; /* "/" written with one empty segment */
    }
    if (*path == '\0' || segment.len != len || memcmp(segment.data, path, len) != 0) {
      return false;
    }
    path += path[len] == '/' ? len + 1 : len;
  }
  return *path == '\0';
}

static const demo_resource_t *find_resource(const acoap_view_t *view) {
  for (size_t i = 0; i < demo_resource_count; i++) {
    if (path_is(view, demo_resources[i].path)) {
      return &demo_resources[i];
    }
  }
  return NULL;
}

/* What this server acts upon. Elective ones may be ignored (section 5.4.1). */
static bool understands(uint16_t number) {
  static const uint16_t known[] = {
      ACOAP_OPTION_IF_MATCH, ACOAP_OPTION_URI_HOST, ACOAP_OPTION_IF_NONE_MATCH,
      ACOAP_OPTION_URI_PORT, ACOAP_OPTION_URI_PATH, ACOAP_OPTION_URI_QUERY,
      ACOAP_OPTION_ACCEPT,   ACOAP_OPTION_BLOCK2,   ACOAP_OPTION_BLOCK1};
  if (!acoap_option_is_critical(number)) {
    return true;
  }
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    if (known[i] == number) {
      return true;
    }
  }
  return false;
}

/* The first critical option that is not understood or is malformed; 0: none. */
static uint16_t bad_option(const acoap_view_t *view) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    if (!understands(option.number)) {
      return option.number;
    }
  }
  return acoap_view_bad_critical_option(view);
}

static void refuse_option(const demo_call_t *call, uint16_t number) {
  char text[64];
  if (call->view->type == ACOAP_NON && !call->multicast) {
    acoap_request_reset(call->request);
    return;
  }
  if (number == ACOAP_OPTION_PROXY_URI || number == ACOAP_OPTION_PROXY_SCHEME) {
    demo_error(call, ACOAP_CODE_PROXYING_NOT_SUPPORTED, NULL);
    return;
  }
  snprintf(text, sizeof(text), "option %u", (unsigned)number);
  demo_error(call, ACOAP_CODE_BAD_OPTION, text);
}

/* ---- GET ------------------------------------------------------------------------------------- */

static void get_now(const demo_call_t *call, const demo_resource_t *resource, int64_t observe) {
  demo_body_t body = {.content_format = ACOAP_FORMAT_NONE, .max_age_s = 60};
  int format = demo_choose_format(resource, call->view);
  if (format < ACOAP_FORMAT_NONE) {
    demo_error(call, ACOAP_CODE_NOT_ACCEPTABLE, NULL);
    return;
  }
  int code = resource->get(call->demo, format, &body);
  if (code != 0) {
    demo_error(call, (uint8_t)code, NULL);
    return;
  }
  demo_represent(call, &body, observe, ACOAP_AS_REQUESTED);
}

static void on_waited(uv_timer_t *timer) {
  demo_waiting_t *waiting = timer->data;
  const acoap_message_t *message = acoap_request_message(waiting->request);
  demo_call_t call = {.demo = waiting->demo,
                      .request = waiting->request,
                      .view = acoap_message_view(message),
                      .method = acoap_message_code(message)};
  get_now(&call, waiting->resource, -1);
  waiting->request = acoap_request_unref(waiting->request);
}

/* Acknowledge now, answer in a message of its own (section 5.2.2). */
static void get_later(const demo_call_t *call, const demo_resource_t *resource) {
  demo_t *demo = call->demo;
  for (size_t i = 0; i < DEMO_WAITING_MAX; i++) {
    demo_waiting_t *waiting = &demo->waiting[i];
    if (waiting->request == NULL) {
      waiting->request = acoap_request_ref(call->request);
      waiting->resource = resource;
      acoap_request_acknowledge(call->request);
      uv_timer_start(&waiting->timer, on_waited, resource->delay_ms, 0);
      return;
    }
  }
  demo_error(call, ACOAP_CODE_SERVICE_UNAVAILABLE, "too many requests wait");
}

static void get(const demo_call_t *call, const demo_resource_t *resource) {
  uint32_t observe = 0;
  bool asks = acoap_view_uint(call->view, ACOAP_OPTION_OBSERVE, &observe) && resource->observable &&
              !call->multicast;
  if (resource->delay_ms != 0 && !call->multicast) {
    get_later(call, resource);
    return;
  }
  if (asks) {
    demo_observe_remove(call->demo, acoap_request_message(call->request));
  }
  if (asks && observe == 0) {
    demo_observe_register(call, resource);
  }
  bool registered = demo_observe_has(call->demo, call->request);
  get_now(call, resource, registered ? (int64_t)call->demo->sequence : -1);
}

/* ---- dispatch -------------------------------------------------------------------------------- */

static void dispatch(const demo_call_t *call) {
  uint16_t bad = bad_option(call->view);
  if (bad != 0) {
    refuse_option(call, bad);
    return;
  }
  if (path_is(call->view, well_known_core)) {
    if (call->method == ACOAP_CODE_GET) {
      demo_core(call);
    } else {
      demo_error(call, ACOAP_CODE_METHOD_NOT_ALLOWED, NULL);
    }
    return;
  }
  const demo_resource_t *resource = find_resource(call->view);
  if (resource == NULL) {
    demo_error(call, ACOAP_CODE_NOT_FOUND, NULL);
  } else if (call->method == ACOAP_CODE_GET && resource->get != NULL) {
    get(call, resource);
  } else if (call->method < 32 && (resource->changes >> call->method & 1u) != 0 &&
             !call->multicast) {
    resource->change(call);
  } else {
    demo_error(call, ACOAP_CODE_METHOD_NOT_ALLOWED, NULL);
  }
}

static void on_request(void *user_data, acoap_request_t *request) {
  demo_t *demo = user_data;
  const acoap_message_t *message = acoap_request_message(request);
  demo_call_t call = {.demo = demo,
                      .request = request,
                      .view = acoap_message_view(message),
                      .method = acoap_message_code(message),
                      .multicast = acoap_message_path(message)->multicast};
  demo->requests++;
  dispatch(&call);
}

static void on_second(uv_timer_t *timer) {
  demo_t *demo = timer->data;
  demo->counter++;
  demo->sequence = (demo->sequence + 1) & 0xffffffu;
  demo_observe_notify(demo);
}

/* Numbered lines, so that a missing or doubled block is seen. */
static char *make_large(void) {
  char *text = malloc(DEMO_LARGE_SIZE + 1);
  for (size_t at = 0; text != NULL && at < DEMO_LARGE_SIZE; at += 64) {
    snprintf(text + at, 65, "%5zu  blocks carry what one datagram alone could never contain\n",
             at / 64 + 1);
  }
  return text;
}

int demo_open(demo_t *demo, uv_loop_t *loop, acoap_local_endpoint_t *endpoint) {
  *demo = (demo_t){.loop = loop, .endpoint = endpoint, .upload_format = ACOAP_FORMAT_NONE};
  demo->large = make_large();
  if (demo->large == NULL) {
    return ACOAP_ENOMEM;
  }
  demo->large_etag = demo_etag(demo->large, DEMO_LARGE_SIZE);
  demo->started_ms = uv_now(loop);
  uv_timer_init(loop, &demo->second);
  demo->second.data = demo;
  uv_timer_start(&demo->second, on_second, 1000, 1000);
  for (size_t i = 0; i < DEMO_WAITING_MAX; i++) {
    uv_timer_init(loop, &demo->waiting[i].timer);
    demo->waiting[i].timer.data = &demo->waiting[i];
    demo->waiting[i].demo = demo;
  }
  acoap_local_endpoint_receive(endpoint, on_request, demo);
  return 0;
}

void demo_close(demo_t *demo) {
  acoap_local_endpoint_receive(demo->endpoint, NULL, NULL);
  uv_close((uv_handle_t *)&demo->second, NULL);
  for (size_t i = 0; i < DEMO_WAITING_MAX; i++) {
    uv_close((uv_handle_t *)&demo->waiting[i].timer, NULL);
    demo->waiting[i].request = acoap_request_unref(demo->waiting[i].request);
  }
  demo_observe_close(demo);
}

void demo_done(demo_t *demo) {
  demo_upload_done(demo);
  free(demo->large);
}
