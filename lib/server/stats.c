/*
 * A ready resource that gives the counters of a server and its endpoint (<acoap/resource.h>,
 * <acoap/stats.h>), in the format that Accept names:
 *
 *     text/plain        a line each: "server.requests 12", "endpoint.datagrams_sent 12"
 *     application/json  {"server":{"requests":12,...},"endpoint":{"datagrams_sent":12,...}}
 *     application/cbor  the same maps (RFC 8949)
 *
 * Counters are added at the end of a map, names do not change. Each GET is a version of its own, a
 * transfer in blocks keeps the one it began with. Keeps nothing.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/ready.h>

#include <string.h>

#include "base/text.h"
#include "server/server.h"

/* All counters at their greatest take less. */
#define BODY_MAX 4096

/* Major types of CBOR (RFC 8949 section 3.1). */
#define CBOR_UINT 0u
#define CBOR_TEXT 3u
#define CBOR_MAP 5u

typedef struct counter {
  const char *name; /* as in the struct */
  uint64_t value;   /* now */
} counter_t;

/* Counters of one kind. */
typedef struct group {
  const char *name;          /* "server" */
  const counter_t *counters; /* in the struct's order */
  size_t count;              /* of them */
} group_t;

#define COUNT_ONE(name, sentence) +1
enum {
  SERVER_COUNTERS = 0 ACOAP_SERVER_STATS_MAP(COUNT_ONE),
  ENDPOINT_COUNTERS = 0 ACOAP_STATS_MAP(COUNT_ONE)
};

/* Writes both groups in one format. */
typedef void (*writer_t)(acoap__text_t *text, const group_t groups[2]);

/* ---- formats --------------------------------------------------------------------------------- */

static void write_text(acoap__text_t *text, const group_t groups[2]) {
  for (size_t g = 0; g < 2; g++) {
    for (size_t i = 0; i < groups[g].count; i++) {
      acoap__text_put(text, groups[g].name);
      acoap__text_put(text, ".");
      acoap__text_put(text, groups[g].counters[i].name);
      acoap__text_put(text, " ");
      acoap__text_put_uint(text, groups[g].counters[i].value);
      acoap__text_put(text, "\n");
    }
  }
}

static void put_json_name(acoap__text_t *text, const char *name) {
  acoap__text_put(text, "\"");
  acoap__text_put(text, name);
  acoap__text_put(text, "\":");
}

static void write_json(acoap__text_t *text, const group_t groups[2]) {
  for (size_t g = 0; g < 2; g++) {
    acoap__text_put(text, g == 0 ? "{" : ",");
    put_json_name(text, groups[g].name);
    for (size_t i = 0; i < groups[g].count; i++) {
      acoap__text_put(text, i == 0 ? "{" : ",");
      put_json_name(text, groups[g].counters[i].name);
      acoap__text_put_uint(text, groups[g].counters[i].value);
    }
    acoap__text_put(text, "}");
  }
  acoap__text_put(text, "}");
}

/* The head of a CBOR item: its type and a number in the fewest bytes. */
static void put_cbor_head(acoap__text_t *text, uint8_t major, uint64_t number) {
  uint8_t bytes[9];
  size_t count = 0;
  uint8_t additional = (uint8_t)number;
  if (number > UINT32_MAX) {
    additional = 27;
    count = 8;
  } else if (number > UINT16_MAX) {
    additional = 26;
    count = 4;
  } else if (number > UINT8_MAX) {
    additional = 25;
    count = 2;
  } else if (number >= 24) {
    additional = 24;
    count = 1;
  }
  bytes[0] = (uint8_t)(major << 5 | additional);
  for (size_t i = 0; i < count; i++) {
    bytes[1 + i] = (uint8_t)(number >> (8 * (count - 1 - i)));
  }
  acoap__text_put_n(text, bytes, 1 + count);
}

static void put_cbor_name(acoap__text_t *text, const char *name) {
  put_cbor_head(text, CBOR_TEXT, strlen(name));
  acoap__text_put(text, name);
}

static void write_cbor(acoap__text_t *text, const group_t groups[2]) {
  put_cbor_head(text, CBOR_MAP, 2);
  for (size_t g = 0; g < 2; g++) {
    put_cbor_name(text, groups[g].name);
    put_cbor_head(text, CBOR_MAP, groups[g].count);
    for (size_t i = 0; i < groups[g].count; i++) {
      put_cbor_name(text, groups[g].counters[i].name);
      put_cbor_head(text, CBOR_UINT, groups[g].counters[i].value);
    }
  }
}

/* ---- the resource ---------------------------------------------------------------------------- */

static const struct {
  uint16_t number; /* Content-Format */
  writer_t write;
} formats[] = {
    {ACOAP_FORMAT_TEXT_PLAIN, write_text},
    {ACOAP_FORMAT_JSON, write_json},
    {ACOAP_FORMAT_CBOR, write_cbor},
};

enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

/* The format that was asked for; others were refused with 4.06 before. */
static size_t format_for(const acoap_request_t *request) {
  uint32_t accept;
  if (acoap_view_uint(acoap_message_view(acoap_request_message(request)), ACOAP_OPTION_ACCEPT,
                      &accept)) {
    for (size_t i = 0; i < FORMATS; i++) {
      if (formats[i].number == accept) {
        return i;
      }
    }
  }
  return 0;
}

/* acoap_request_cb */
static void get(void *user_data, acoap_request_t *request) {
  const acoap_server_t *server = user_data;
  acoap_server_stats_t own = {.size = sizeof(own)};
  acoap_stats_t below = {.size = sizeof(below)};
  char chars[BODY_MAX];
  acoap__text_t text;
  (void)acoap_server_stats(server, &own);
  (void)acoap_local_endpoint_stats(acoap_request_endpoint(request), &below);
#define OF_SERVER(name, sentence) {#name, own.name},
#define OF_ENDPOINT(name, sentence) {#name, below.name},
  const counter_t of_server[] = {ACOAP_SERVER_STATS_MAP(OF_SERVER)};
  const counter_t of_endpoint[] = {ACOAP_STATS_MAP(OF_ENDPOINT)};
#undef OF_SERVER
#undef OF_ENDPOINT
  const group_t groups[2] = {{"server", of_server, SERVER_COUNTERS},
                             {"endpoint", of_endpoint, ENDPOINT_COUNTERS}};
  size_t format = format_for(request);
  acoap__text_init(&text, chars, sizeof(chars));
  formats[format].write(&text, groups);
  if (!acoap__text_fits(&text)) {
    return; /* 5.00 */
  }
  (void)acoap_request_respond(request, ACOAP_CODE_CONTENT, formats[format].number, chars,
                              text.total);
}

acoap_resource_t *acoap_resource_new_stats(acoap_server_t *server, const char *path) {
  acoap_resource_t *resource = acoap_resource_new(server, path);
  int status = acoap_resource_on(resource, ACOAP_CODE_GET, get, server);
  for (size_t i = 0; i < FORMATS && status == 0; i++) {
    status = acoap_resource_gives(resource, formats[i].number);
  }
  return status == 0 ? resource : acoap_resource_remove(resource);
}
