/*
 * The resources of the demonstration server, as a table, and what the simple ones represent. Every
 * figure in them is real: the time, the seconds counted, the requests received.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "demo.h"

/* Largest body that /echo takes: what fits one message. */
#define ECHO_MAX 1024

#define CHANGES(code) (1u << (code))

static int text_body(demo_t *demo, demo_body_t *body, int len) {
  body->bytes = demo->text;
  body->len = (size_t)len < sizeof(demo->text) ? (size_t)len : sizeof(demo->text) - 1;
  body->content_format = ACOAP_FORMAT_TEXT_PLAIN;
  return 0;
}

static int get_root(demo_t *demo, int content_format, demo_body_t *body) {
  (void)content_format;
  return text_body(
      demo, body,
      snprintf(demo->text, sizeof(demo->text),
               "acoap %s, a demonstration server. GET /.well-known/core lists what is here.\n",
               acoap_version()));
}

static int get_hello(demo_t *demo, int content_format, demo_body_t *body) {
  (void)content_format;
  return text_body(demo, body, snprintf(demo->text, sizeof(demo->text), "Hello, world!\n"));
}

static int get_time(demo_t *demo, int content_format, demo_body_t *body) {
  struct tm parts;
  time_t now = time(NULL);
  (void)content_format;
  gmtime_r(&now, &parts);
  body->max_age_s = 1;
  return text_body(demo, body,
                   (int)strftime(demo->text, sizeof(demo->text), "%Y-%m-%dT%H:%M:%SZ\n", &parts));
}

static int get_counter(demo_t *demo, int content_format, demo_body_t *body) {
  (void)content_format;
  /* Notifications come every second; a client that hears none for longer asks again (RFC 7641
   * section 3.3.1). */
  body->max_age_s = 10;
  return text_body(demo, body,
                   snprintf(demo->text, sizeof(demo->text), "%" PRIu32 "\n", demo->counter));
}

static int get_large(demo_t *demo, int content_format, demo_body_t *body) {
  (void)content_format;
  body->bytes = demo->large;
  body->len = DEMO_LARGE_SIZE;
  body->etag = demo->large_etag;
  body->content_format = ACOAP_FORMAT_TEXT_PLAIN;
  return 0;
}

static int get_separate(demo_t *demo, int content_format, demo_body_t *body) {
  (void)content_format;
  return text_body(demo, body,
                   snprintf(demo->text, sizeof(demo->text),
                            "This answer came in a message of its own, two seconds later.\n"));
}

/* ---- /status: SenML (RFC 8428) ------------------------------------------------------------- */

static double uptime_s(const demo_t *demo) {
  return (double)(uv_now(demo->loop) - demo->started_ms) / 1000.0;
}

static uint32_t count_observers(const demo_t *demo) {
  uint32_t count = 0;
  for (size_t i = 0; i < DEMO_OBSERVERS_MAX; i++) {
    count += demo->observers[i].request != NULL ? 1 : 0;
  }
  return count;
}

static size_t cbor_text(uint8_t *at, const char *text) {
  size_t len = strlen(text);
  at[0] = (uint8_t)(0x60 + len); /* names below are shorter than 24 bytes */
  memcpy(at + 1, text, len);
  return len + 1;
}

static size_t cbor_double(uint8_t *at, double number) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof(bits));
  at[0] = 0xfb;
  for (int i = 0; i < 8; i++) {
    at[1 + i] = (uint8_t)(bits >> (56 - 8 * i));
  }
  return 9;
}

/* {0: name, 1: unit, 2: value}, the first one with the base name (-2). */
static size_t cbor_record(uint8_t *at, const char *base, const char *name, const char *unit,
                          double value) {
  size_t len = 0;
  at[len++] = (uint8_t)(0xa3 + (base != NULL ? 1 : 0));
  if (base != NULL) {
    at[len++] = 0x21;
    len += cbor_text(at + len, base);
  }
  at[len++] = 0x00;
  len += cbor_text(at + len, name);
  at[len++] = 0x01;
  len += cbor_text(at + len, unit);
  at[len++] = 0x02;
  return len + cbor_double(at + len, value);
}

static int get_status(demo_t *demo, int content_format, demo_body_t *body) {
  double uptime = uptime_s(demo);
  double requests = (double)demo->requests;
  uint32_t observers = count_observers(demo);
  body->max_age_s = 1;
  body->bytes = demo->text;
  body->content_format = content_format;
  if (content_format == ACOAP_FORMAT_SENML_CBOR) {
    uint8_t *at = (uint8_t *)demo->text;
    size_t len = 0;
    at[len++] = 0x83;
    len += cbor_record(at + len, "demo/", "uptime", "s", uptime);
    len += cbor_record(at + len, NULL, "requests", "count", requests);
    len += cbor_record(at + len, NULL, "observers", "count", (double)observers);
    body->len = len;
    return 0;
  }
  int len = snprintf(demo->text, sizeof(demo->text),
                     "[{\"bn\":\"demo/\",\"n\":\"uptime\",\"u\":\"s\",\"v\":%.3f},"
                     "{\"n\":\"requests\",\"u\":\"count\",\"v\":%.0f},"
                     "{\"n\":\"observers\",\"u\":\"count\",\"v\":%" PRIu32 "}]",
                     uptime, requests, observers);
  body->len = (size_t)len;
  return 0;
}

/* ---- /echo ----------------------------------------------------------------------------------- */

static void change_echo(const demo_call_t *call) {
  acoap_bytes_t value;
  uint32_t format = 0;
  acoap_bytes_t payload = call->view->payload;
  if (payload.len > ECHO_MAX || acoap_view_option(call->view, ACOAP_OPTION_BLOCK1, 0, &value)) {
    acoap_builder_t *builder =
        acoap_request_begin(call->request, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
    if (builder != NULL) {
      acoap_builder_uint(builder, ACOAP_OPTION_SIZE1, ECHO_MAX);
      acoap_request_send(call->request, ACOAP_AS_REQUESTED);
    }
    return;
  }
  bool given = acoap_view_uint(call->view, ACOAP_OPTION_CONTENT_FORMAT, &format);
  acoap_request_respond(call->request,
                        call->method == ACOAP_CODE_FETCH ? ACOAP_CODE_CONTENT : ACOAP_CODE_CHANGED,
                        given ? (int)format : ACOAP_FORMAT_NONE, payload.data, payload.len);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define TEXT                                                                                       \
  { ACOAP_FORMAT_TEXT_PLAIN, ACOAP_FORMAT_NONE }

const demo_resource_t demo_resources[] = {
    {.path = "", .title = "What this is", .formats = TEXT, .get = get_root},
    {.path = "hello", .rt = "greeting", .title = "A greeting", .formats = TEXT, .get = get_hello},
    {.path = "time",
     .rt = "clock",
     .title = "UTC, every second",
     .formats = TEXT,
     .observable = true,
     .get = get_time},
    {.path = "counter",
     .rt = "counter",
     .title = "Seconds since the start",
     .formats = TEXT,
     .observable = true,
     .get = get_counter},
    {.path = "large", .rt = "block", .title = "64 KiB of text", .formats = TEXT, .get = get_large},
    {.path = "upload",
     .rt = "block",
     .title = "PUT up to 1 MiB, GET it back",
     .formats = {ACOAP_FORMAT_NONE, ACOAP_FORMAT_NONE},
     .get = demo_upload_get,
     .change = demo_upload_change,
     .changes = CHANGES(ACOAP_CODE_PUT) | CHANGES(ACOAP_CODE_POST) | CHANGES(ACOAP_CODE_DELETE)},
    {.path = "separate",
     .rt = "separate",
     .title = "Answers two seconds later",
     .formats = TEXT,
     .delay_ms = 2000,
     .get = get_separate},
    {.path = "echo",
     .rt = "echo",
     .title = "POST or FETCH gives the body back",
     .formats = {ACOAP_FORMAT_NONE, ACOAP_FORMAT_NONE},
     .change = change_echo,
     .changes = CHANGES(ACOAP_CODE_POST) | CHANGES(ACOAP_CODE_FETCH)},
    {.path = "status",
     .rt = "status",
     .title = "Figures of this server, SenML",
     .formats = {ACOAP_FORMAT_SENML_JSON, ACOAP_FORMAT_SENML_CBOR},
     .get = get_status},
};

const size_t demo_resource_count = sizeof(demo_resources) / sizeof(demo_resources[0]);
