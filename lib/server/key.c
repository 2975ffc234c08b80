/*
 * Keys of transfers and observations: who asks for what (RFC 7252 section 5.6, RFC 7959 section
 * 2.4, RFC 7641 section 4.1, RFC 9175 section 3.3). The rule:
 *     key = SipHash, 128 bits, over the parts:
 *     peer, method, options but those that are no part of the cache key, payload
 * Every part has its length in front, so that no two lists of parts are the same words. The hash's
 * own key is the server's secret: a peer cannot choose what collides. Tokens and Message IDs are no
 * part, since clients may take new ones for each block.
 * SPDX-License-Identifier: MIT
 */
#include "server/server.h"

#include <string.h>

#include "base/sip_words.h"

/* What is hashed in front of a payload: no option has this number. */
#define PAYLOAD_MARK UINT32_MAX

static void absorb_pair(acoap__sip_t *sip, uint32_t high, uint32_t low) {
  acoap__sip_word(sip, (uint64_t)high << 32 | low);
}

static void absorb_bytes(acoap__sip_t *sip, uint32_t mark, acoap_bytes_t bytes) {
  absorb_pair(sip, mark, (uint32_t)bytes.len);
  acoap__sip_bytes(sip, bytes.data, bytes.len);
}

static void absorb_address(acoap__sip_t *sip, const acoap_address_t *address) {
  absorb_pair(sip, address->scope_id, (uint32_t)address->family << 16 | address->port);
  acoap__sip_bytes(sip, address->ip, sizeof(address->ip));
}

/*
 * Both ends. What came by multicast goes on by unicast (RFC 7959 section 2.8), to an address that
 * is not known yet: it counts as if it had reached no particular one. The interface counts where
 * addresses mean nothing without it.
 */
static void absorb_path(acoap__sip_t *sip, const acoap_path_t *path) {
  static const acoap_address_t none = {0};
  absorb_address(sip, &path->peer);
  absorb_address(sip, path->multicast ? &none : &path->local);
  absorb_pair(sip, path->peer.scope_id != 0 ? path->interface : 0, path->socket);
  acoap__sip_word(sip, path->session);
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

static void absorb_options(acoap__sip_t *sip, const acoap_view_t *view, unsigned parts) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    if (counts(option.number, parts)) {
      absorb_bytes(sip, option.number, option.value);
    }
  }
}

acoap__key_t acoap__key_make(const acoap_server_t *server, const acoap_request_t *request,
                             unsigned parts) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  acoap__key_t key;
  acoap__sip_t sip;
  acoap__sip_init(&sip, server->hash_key);
  absorb_pair(&sip, parts, view->code);
  if ((parts & ACOAP__KEY_PEER) != 0) {
    absorb_path(&sip, acoap__request_inbound(request)->path);
  }
  absorb_options(&sip, view, parts);
  if ((parts & ACOAP__KEY_PAYLOAD) != 0) {
    absorb_bytes(&sip, PAYLOAD_MARK, acoap_request_body(request));
  }
  acoap__sip_end(&sip, &key.low, &key.high);
  return key;
}

bool acoap__key_equal(const acoap__key_t *a, const acoap__key_t *b) {
  return a->low == b->low && a->high == b->high;
}
