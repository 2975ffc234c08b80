/*
 * Keys of transfers and observations: who asks for what (RFC 7252 section 5.6, RFC 7959 section
 * 2.4, RFC 7641 section 4.1, RFC 9175 section 3.3). The rule:
 *     key = SipHash(k1, parts) || SipHash(k2, parts)
 *     parts = peer, method, options but those that are no part of the cache key, payload
 * Every part has its length in front, so that no two lists of parts are the same bytes. Keys of the
 * hash are the server's secret: a peer cannot choose what collides. Tokens and Message IDs are no
 * part, since clients may take new ones for each block.
 * SPDX-License-Identifier: MIT
 */
#include "server/server.h"

#include <string.h>

#include "base/siphash.h"

/* A request with a usual path and query fits; longer ones are folded into the digest so far. */
#define ABSORB_MAX 512
#define KEY_LEN 16

typedef struct absorber {
  uint8_t keys[2][KEY_LEN];  /* of the two halves */
  uint8_t bytes[ABSORB_MAX]; /* absorbed since the last fold, its digest in front */
  size_t len;                /* bytes */
} absorber_t;

static void absorber_init(absorber_t *absorber, const acoap_server_t *server) {
  /* cppcheck-suppress uninitvar ; it is written here */
  memcpy(absorber->keys[0], server->hash_key, KEY_LEN);
  memcpy(absorber->keys[1], server->hash_key, KEY_LEN);
  absorber->keys[1][0] ^= 0x5c;
  absorber->len = 0;
}

static acoap__key_t digest(const absorber_t *absorber) {
  acoap__key_t key;
  key.low = acoap__siphash(absorber->keys[0], absorber->bytes, absorber->len);
  key.high = acoap__siphash(absorber->keys[1], absorber->bytes, absorber->len);
  return key;
}

static void absorb(absorber_t *absorber, const void *data, size_t len) {
  const uint8_t *bytes = data;
  while (len > 0) {
    if (absorber->len == ABSORB_MAX) {
      acoap__key_t folded = digest(absorber);
      memcpy(absorber->bytes, &folded, sizeof(folded));
      absorber->len = sizeof(folded);
    }
    size_t part = ABSORB_MAX - absorber->len;
    part = len < part ? len : part;
    memcpy(absorber->bytes + absorber->len, bytes, part);
    absorber->len += part;
    bytes += part;
    len -= part;
  }
}

static void absorb_uint(absorber_t *absorber, uint32_t number) {
  uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                      (uint8_t)number};
  absorb(absorber, bytes, sizeof(bytes));
}

static void absorb_address(absorber_t *absorber, const acoap_address_t *address) {
  absorb_uint(absorber, address->family);
  absorb_uint(absorber, address->port);
  absorb_uint(absorber, address->scope_id);
  absorb(absorber, address->ip, sizeof(address->ip));
}

/*
 * Both ends. What came by multicast goes on by unicast (RFC 7959 section 2.8), to an address that
 * is not known yet: it counts as if it had reached no particular one. The interface counts where
 * addresses mean nothing without it.
 */
static void absorb_path(absorber_t *absorber, const acoap_path_t *path) {
  acoap_address_t local = path->local;
  if (path->multicast) {
    memset(&local, 0, sizeof(local));
  }
  absorb_address(absorber, &path->peer);
  absorb_address(absorber, &local);
  absorb_uint(absorber, path->peer.scope_id != 0 ? path->interface : 0);
  absorb_uint(absorber, path->socket);
  absorb(absorber, &path->session, sizeof(path->session));
}

/*
 * Is the option a part of the key? Block1 and Block2, and those of RFC 9177, say which piece is
 * meant, Observe what else is wished for, ETag what the client has (RFC 7252 section 5.6: a cache
 * interprets it); Echo, Size1, Size2 are NoCacheKey (section 5.4.2); No-Response and Hop-Limit
 * speak of the way.
 */
static bool counts(uint16_t number, unsigned parts) {
  switch (number) {
  case ACOAP_OPTION_BLOCK1:
  case ACOAP_OPTION_BLOCK2:
  case ACOAP_OPTION_Q_BLOCK1:
  case ACOAP_OPTION_Q_BLOCK2:
  case ACOAP_OPTION_OBSERVE:
  case ACOAP_OPTION_ETAG:
  case ACOAP_OPTION_NO_RESPONSE:
  case ACOAP_OPTION_HOP_LIMIT:
    return false;
  case ACOAP_OPTION_REQUEST_TAG:
    return (parts & ACOAP__KEY_REQUEST_TAG) != 0;
  case ACOAP_OPTION_CONTENT_FORMAT:
  case ACOAP_OPTION_IF_MATCH:
  case ACOAP_OPTION_IF_NONE_MATCH:
    return (parts & ACOAP__KEY_WITHOUT_BODY) == 0;
  default:
    return !acoap_option_is_no_cache_key(number);
  }
}

static void absorb_options(absorber_t *absorber, const acoap_view_t *view, unsigned parts) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    if (counts(option.number, parts)) {
      absorb_uint(absorber, option.number);
      absorb_uint(absorber, (uint32_t)option.value.len);
      absorb(absorber, option.value.data, option.value.len);
    }
  }
}

acoap__key_t acoap__key_make(const acoap_server_t *server, const acoap_request_t *request,
                             unsigned parts) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  absorber_t absorber;
  absorber_init(&absorber, server);
  absorb_uint(&absorber, parts);
  absorb_uint(&absorber, view->code);
  if ((parts & ACOAP__KEY_PEER) != 0) {
    absorb_path(&absorber, &acoap__request_inbound(request)->path);
  }
  absorb_options(&absorber, view, parts);
  if ((parts & ACOAP__KEY_PAYLOAD) != 0) {
    acoap_bytes_t body = acoap_request_body(request);
    absorb_uint(&absorber, UINT32_MAX); /* no option has this number */
    absorb_uint(&absorber, (uint32_t)body.len);
    absorb(&absorber, body.data, body.len);
  }
  return digest(&absorber);
}

bool acoap__key_equal(const acoap__key_t *a, const acoap__key_t *b) {
  return a->low == b->low && a->high == b->high;
}
