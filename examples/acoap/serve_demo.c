/*
 * serve --demo: resources to try things on. Every figure in them is real: the time, the seconds
 * counted, the requests received. The figures of /status are serve_demo_status.c's.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "exit.h"
#include "serve_demo.h"

/* Bytes of /large: lines of 64. */
#define LARGE_SIZE ((size_t)64 << 10)

/* /separate is answered so much later. */
#define SEPARATE_MS 2000

/* A notification in so many is confirmable, so that a client that went away is noticed (RFC 7641
 * section 4.5). */
#define CONFIRMABLE_EVERY 4

/* ---- what they represent --------------------------------------------------------------------- */

static void get_time(void *user_data, acoap_request_t *request) {
  const site_answer_t answer = {
      .code = ACOAP_CODE_CONTENT, .content_format = ACOAP_FORMAT_TEXT_PLAIN, .max_age_s = 1};
  char text[32];
  struct tm parts;
  time_t now = time(NULL);
  (void)user_data;
  gmtime_r(&now, &parts);
  site_answer(request, &answer, text, strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ\n", &parts));
}

static void get_counter(void *user_data, acoap_request_t *request) {
  const demo_t *demo = user_data;
  /* Notifications come every second; a client that hears none for longer asks again (RFC 7641
   * section 3.3.1). */
  const site_answer_t answer = {
      .code = ACOAP_CODE_CONTENT, .content_format = ACOAP_FORMAT_TEXT_PLAIN, .max_age_s = 10};
  char text[16];
  int len = snprintf(text, sizeof(text), "%" PRIu32 "\n", demo->seconds);
  site_answer(request, &answer, text, (size_t)len);
}

static void answer_separate(void *user_data, acoap_request_t *request) {
  static const char text[] = "This answer came in a message of its own, two seconds later.\n";
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text,
                        sizeof(text) - 1);
}

static void get_separate(void *user_data, acoap_request_t *request) {
  site_answer_later(user_data, request, SEPARATE_MS, answer_separate, NULL);
}

static void echo(void *user_data, acoap_request_t *request) {
  acoap_bytes_t body = acoap_request_body(request);
  uint8_t method = acoap_message_code(acoap_request_message(request));
  (void)user_data;
  acoap_request_respond_body(request,
                             method == ACOAP_CODE_FETCH ? ACOAP_CODE_CONTENT : ACOAP_CODE_CHANGED,
                             site_content_format(request), acoap_body_copy(body.data, body.len));
}

/* ---- the resources --------------------------------------------------------------------------- */

static void add_static(site_t *site, const char *path, const char *rt, const char *title,
                       const char *text, size_t len) {
  acoap_resource_t *resource =
      acoap_resource_new_static(site->server, path, ACOAP_FORMAT_TEXT_PLAIN, text, len);
  site_describe(resource, rt, title);
}

static acoap_resource_t *add_text(site_t *site, const char *path, const char *rt, const char *title,
                                  acoap_request_cb get, void *user_data) {
  acoap_resource_t *resource = acoap_resource_new(site->server, path);
  acoap_resource_on(resource, ACOAP_CODE_GET, get, user_data);
  acoap_resource_gives(resource, ACOAP_FORMAT_TEXT_PLAIN);
  site_describe(resource, rt, title);
  return resource;
}

static void add_statics(site_t *site, demo_t *demo) {
  static const char hello[] = "Hello, world!\n";
  int len = snprintf(demo->about, sizeof(demo->about),
                     "acoap %s, a demonstration server. GET /.well-known/core lists what is "
                     "here.\n",
                     acoap_version());
  add_static(site, "/", NULL, "What this is", demo->about, (size_t)len);
  add_static(site, "/hello", "greeting", "A greeting", hello, sizeof(hello) - 1);
  add_static(site, "/large", "block", "64 KiB of text", demo->large, LARGE_SIZE);
}

static void add_observables(site_t *site, demo_t *demo) {
  const acoap_observable_options_t options = {
      .size = sizeof(options), .reliability = ACOAP_UNRELIABLE, .confirm_every = CONFIRMABLE_EVERY};
  demo->time = add_text(site, "/time", "clock", "UTC, every second", get_time, demo);
  demo->counter =
      add_text(site, "/counter", "counter", "Seconds since the start", get_counter, demo);
  acoap_resource_observable(demo->time, &options);
  acoap_resource_observable(demo->counter, &options);
}

static void add_writables(site_t *site, demo_t *demo) {
  acoap_resource_t *upload = acoap_resource_new(site->server, "/upload");
  acoap_resource_on(upload, ACOAP_CODE_GET, site_store_get, &demo->upload);
  acoap_resource_on(upload, ACOAP_CODE_PUT, site_store_put, &demo->upload);
  acoap_resource_on(upload, ACOAP_CODE_POST, site_store_put, &demo->upload);
  acoap_resource_on(upload, ACOAP_CODE_PATCH, site_store_patch, &demo->upload);
  acoap_resource_on(upload, ACOAP_CODE_IPATCH, site_store_patch, &demo->upload);
  acoap_resource_on(upload, ACOAP_CODE_DELETE, site_store_delete, &demo->upload);
  acoap_resource_on_version(upload, site_store_version, &demo->upload);
  acoap_resource_body_max(upload, SITE_STORE_MAX);
  site_describe(upload, "block", "PUT up to 1 MiB, GET it back");

  acoap_resource_t *echoing = acoap_resource_new(site->server, "/echo");
  acoap_resource_on(echoing, ACOAP_CODE_POST, echo, NULL);
  acoap_resource_on(echoing, ACOAP_CODE_FETCH, echo, NULL);
  acoap_resource_body_max(echoing, SITE_STORE_MAX);
  site_describe(echoing, "echo", "POST or FETCH gives the body back");
}

static void on_second(uv_timer_t *timer) {
  demo_t *demo = timer->data;
  demo->seconds++;
  acoap_resource_notify(demo->time);
  acoap_resource_notify(demo->counter);
}

/* Numbered lines, so that a missing or doubled block is seen. */
static char *make_large(void) {
  char *text = malloc(LARGE_SIZE + 1);
  for (size_t at = 0; text != NULL && at < LARGE_SIZE; at += 64) {
    snprintf(text + at, 65, "%5zu  blocks carry what one datagram alone could never contain\n",
             at / 64 + 1);
  }
  return text;
}

static int open_demo(site_t *site) {
  demo_t *demo = calloc(1, sizeof(*demo));
  char *large = make_large();
  if (demo == NULL || large == NULL) {
    free(demo);
    free(large);
    return exit_fail(site->options, EXIT_STATUS_LOCAL, "out of memory");
  }
  site->data = demo;
  demo->large = large;
  demo->site = site;
  demo->started_ms = uv_now(site->loop);
  uv_timer_init(site->loop, &demo->second);
  demo->second.data = demo;
  uv_timer_start(&demo->second, on_second, 1000, 1000);
  add_statics(site, demo);
  add_observables(site, demo);
  add_writables(site, demo);
  acoap_resource_t *separate =
      add_text(site, "/separate", "separate", "Answers two seconds later", get_separate, site);
  acoap_resource_acknowledge_at_once(separate, true);
  serve_demo_status(site, demo);
  return site_status(site);
}

static void close_demo(site_t *site) {
  demo_t *demo = site->data;
  if (demo != NULL) {
    uv_close((uv_handle_t *)&demo->second, NULL);
  }
}

static void demo_done(site_t *site) {
  demo_t *demo = site->data;
  if (demo != NULL) {
    site_store_clear(&demo->upload);
    free(demo->large);
    free(demo);
  }
}

const serve_mode_t serve_demo = {open_demo, close_demo, demo_done};
