/*
 * Requests for server_fuzz.c, made of a few bytes that choose: options and tokens that are right
 * more often than not, with what the server told a peer before.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_SERVER_FUZZ_REQUESTS_H
#define ACOAP_TEST_SERVER_FUZZ_REQUESTS_H

#include <acoap/acoap.h>

#include <string.h>

enum { DATAGRAM = 1300 };

/* Somebody who sends. */
typedef struct peer {
  uint64_t sent;    /* bytes to the peer */
  uint64_t allowed; /* bytes that it may get as a stranger */
  bool known;       /* has acknowledged something or returned an Echo */
  uint16_t message_id;
  uint8_t token;
  uint32_t block1, block2; /* numbers to go on with */
  uint8_t etag[8], echo[40];
  size_t etag_len, echo_len;
  uint16_t asked; /* Message ID of the last CON of the server's */
  uint8_t asked_token[8];
  size_t asked_token_len;
} peer_t;

typedef struct input {
  const uint8_t *at;
  const uint8_t *end;
} input_t;

static uint8_t next(input_t *in) {
  return in->at < in->end ? *in->at++ : 0;
}

static const uint8_t formats[] = {
    ACOAP_FORMAT_TEXT_PLAIN, ACOAP_FORMAT_LINK_FORMAT, ACOAP_FORMAT_OCTET_STREAM, ACOAP_FORMAT_JSON,
    ACOAP_FORMAT_CBOR,       ACOAP_FORMAT_JSON,        ACOAP_FORMAT_CBOR,         99};

/* A Block option: size and flag from the input, the number from there or the next one. */
static uint8_t put_block(input_t *in, acoap_builder_t *builder, uint16_t number, uint32_t *going) {
  uint8_t byte = next(in);
  uint32_t num = byte >> 4 == 15 ? *going : byte >> 4;
  *going = num + 1;
  acoap_builder_uint(builder, number, num << 4 | (byte & 15u));
  return byte & 7;
}

/* What goes with Q-Block1, and makes an address one that is there. */
static void put_sets(input_t *in, acoap_builder_t *builder, peer_t *peer) {
  uint8_t byte = next(in);
  if ((byte & 1) == 0) {
    acoap_builder_option(builder, ACOAP_OPTION_REQUEST_TAG, (byte & 2) == 0 ? "a" : "b", 1);
  }
  if ((byte & 4) == 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE1, (byte >> 3) * 50u);
  }
  if (peer->echo_len > 0) {
    acoap_builder_option(builder, ACOAP_OPTION_ECHO, peer->echo, peer->echo_len);
    peer->known = true;
  }
}

static void put_conditions(acoap_builder_t *builder, const peer_t *peer, uint8_t bits) {
  if ((bits & 16) != 0) {
    acoap_builder_option(builder, ACOAP_OPTION_ETAG, peer->etag, peer->etag_len);
  }
  if ((bits & 32) != 0) {
    acoap_builder_option(builder, ACOAP_OPTION_IF_MATCH, peer->etag, peer->etag_len);
  }
  if ((bits & 64) != 0) {
    acoap_builder_option(builder, ACOAP_OPTION_IF_NONE_MATCH, NULL, 0);
  }
  if ((bits & 128) != 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_ACCEPT, formats[peer->token % 8]);
  }
}

static void put_others(input_t *in, acoap_builder_t *builder, peer_t *peer, uint8_t bits) {
  static const char *const queries[] = {"q=1", "rt=x*", "href=/a*", "obs", "=", "q", "ct=40", ""};
  if ((bits & 1) != 0) {
    acoap_builder_option(builder, ACOAP_OPTION_ECHO, peer->echo, peer->echo_len);
    peer->known = peer->known || peer->echo_len > 0;
  }
  if ((bits & 2) != 0) {
    uint8_t tag = next(in);
    acoap_builder_option(builder, ACOAP_OPTION_REQUEST_TAG, &tag, tag % 2);
  }
  if ((bits & 4) != 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_NO_RESPONSE, next(in));
  }
  if ((bits & 8) != 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE1, next(in) * 300u);
  }
  if ((bits & 16) != 0) {
    const char *query = queries[next(in) % 8];
    acoap_builder_option(builder, ACOAP_OPTION_URI_QUERY, query, strlen(query));
  }
  if ((bits & 32) != 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, formats[next(in) % 8]);
  }
  if ((bits & 64) != 0) {
    uint8_t kind = next(in);
    acoap_builder_option(builder, (uint16_t)(kind % 2 == 0 ? 9999 : kind * 4), "zz", kind % 3);
  }
  if ((bits & 128) != 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_HOP_LIMIT, 3);
  }
}

/* One of the `count` paths that are served, with something for its parameters, or another. */
static void put_path(acoap_builder_t *builder, const char *const *paths, unsigned count, unsigned n,
                     uint8_t id) {
  static const char *const more[] = {"/.well-known/core", "/nothing", "/f/x/y",
                                     "/f/../y",           "//",       "/obs/7"};
  const char *path = n < count ? paths[n] : more[(n - count) % 6];
  char text[64];
  size_t len = 0;
  for (const char *at = path; *at != '\0' && len < sizeof(text) - 2; at++) {
    if (*at == ':') {
      text[len++] = (char)('a' + id % 3);
      at += strcspn(at, "/") - 1;
    } else {
      text[len++] = *at == '.' && n < count ? 'd' : *at;
    }
  }
  acoap_builder_path(builder, text, len);
}

/* Tokens and Message IDs: fresh ones, and those of before. */
static void begin(input_t *in, acoap_builder_t *builder, uint8_t *bytes, peer_t *peer, uint8_t a,
                  uint8_t b) {
  static const uint8_t methods[] = {
      ACOAP_CODE_GET,   ACOAP_CODE_POST,  ACOAP_CODE_PUT,    ACOAP_CODE_DELETE,
      ACOAP_CODE_FETCH, ACOAP_CODE_PATCH, ACOAP_CODE_IPATCH, 0x1f};
  uint8_t token[8] = {0};
  size_t token_len = 1;
  switch (b >> 5 & 3) {
  case 0:
    token[0] = ++peer->token;
    break;
  case 1:
    token[0] = peer->token;
    break;
  case 2:
    token_len = 0;
    break;
  default:
    token[0] = next(in) % 4;
    token_len = 8;
    break;
  }
  peer->message_id = (uint16_t)(peer->message_id + (b >> 7 == 0 ? 1 : 0));
  acoap_builder_init(builder, bytes, DATAGRAM, (a & 2) == 0 ? ACOAP_CON : ACOAP_NON,
                     methods[a >> 2 & 7], peer->message_id, token, token_len);
}

#endif
