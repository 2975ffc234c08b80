/*
 * /status of serve --demo: what the server has done so far, in SenML (RFC 8428), as JSON and as
 * CBOR.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "serve_demo.h"

/* One record of the pack. */
typedef struct record {
  const char *name; /* shorter than 24 bytes, as is the unit */
  const char *unit;
  double value;
} record_t;

#define RECORD_COUNT 3
#define BASE_NAME "demo/"

static size_t cbor_text(uint8_t *at, const char *text) {
  size_t len = strlen(text);
  at[0] = (uint8_t)(0x60 + len);
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
static size_t cbor_record(uint8_t *at, const record_t *record, bool first) {
  size_t len = 0;
  at[len++] = (uint8_t)(0xa3 + (first ? 1 : 0));
  if (first) {
    at[len++] = 0x21;
    len += cbor_text(at + len, BASE_NAME);
  }
  at[len++] = 0x00;
  len += cbor_text(at + len, record->name);
  at[len++] = 0x01;
  len += cbor_text(at + len, record->unit);
  at[len++] = 0x02;
  return len + cbor_double(at + len, record->value);
}

static size_t write_cbor(const record_t *records, uint8_t *bytes) {
  size_t len = 0;
  bytes[len++] = 0x80 + RECORD_COUNT;
  for (size_t i = 0; i < RECORD_COUNT; i++) {
    len += cbor_record(bytes + len, &records[i], i == 0);
  }
  return len;
}

static size_t write_json(const record_t *records, char *text, size_t cap) {
  int len =
      snprintf(text, cap,
               "[{\"bn\":\"" BASE_NAME "\",\"n\":\"%s\",\"u\":\"%s\",\"v\":%.3f},"
               "{\"n\":\"%s\",\"u\":\"%s\",\"v\":%.0f},"
               "{\"n\":\"%s\",\"u\":\"%s\",\"v\":%.0f}]",
               records[0].name, records[0].unit, records[0].value, records[1].name, records[1].unit,
               records[1].value, records[2].name, records[2].unit, records[2].value);
  return len > 0 && (size_t)len < cap ? (size_t)len : 0;
}

static void get_status(void *user_data, acoap_request_t *request) {
  const demo_t *demo = user_data;
  acoap_server_stats_t stats = {.size = sizeof(stats)};
  acoap_server_stats(demo->site->server, &stats);
  const record_t records[RECORD_COUNT] = {
      {"uptime", "s", (double)(uv_now(demo->site->loop) - demo->started_ms) / 1000.0},
      {"requests", "count", (double)stats.requests},
      {"observers", "count", (double)stats.observers}};
  const site_answer_t answer = {.code = ACOAP_CODE_CONTENT,
                                .content_format = site_accept(request, ACOAP_FORMAT_SENML_JSON),
                                .max_age_s = 1};
  char text[256];
  size_t len = answer.content_format == ACOAP_FORMAT_SENML_CBOR
                   ? write_cbor(records, (uint8_t *)text)
                   : write_json(records, text, sizeof(text));
  site_answer(request, &answer, text, len);
}

void serve_demo_status(site_t *site, demo_t *demo) {
  acoap_resource_t *status = acoap_resource_new(site->server, "/status");
  acoap_resource_on(status, ACOAP_CODE_GET, get_status, demo);
  acoap_resource_gives(status, ACOAP_FORMAT_SENML_JSON);
  acoap_resource_gives(status, ACOAP_FORMAT_SENML_CBOR);
  site_describe(status, "status", "Figures of this server, SenML");
}
