/*
 * The receiving half of the message layer (RFC 7252 sections 4.1 to 4.5 and 8.1).
 *
 *     CON  Empty: a ping -> RST.
 *          Reserved code class (1, 6, 7), format error, response nobody waits for -> RST.
 *          Request -> up.  Response -> ACK, up.
 *          Duplicate -> what was answered before, or silence while nothing was.
 *     NON  Request, response -> up.
 *          Notification nobody waits for -> RST, so that the server learns that it was forgotten
 *          (RFC 7641 section 3.6).
 *          Everything else, and every duplicate -> silence.
 *     ACK  ends the CON of its Message ID; with a response of the same token it brings it.
 *          Anything else -> silence.
 *     RST  ends the CON or the held NON of its Message ID.
 *
 * A CON sent to a group is against section 8.1 and is not answered at all, so nothing sent to a
 * group is ever acknowledged or reset.
 *
 * A duplicate CON whose stored reply was dropped for want of room is handed up once more if its
 * method is idempotent, as section 4.5 allows (GET, FETCH, PUT, DELETE; iPATCH by RFC 8132); others
 * stay silent, so that they are not processed twice: the sender times out.
 *
 * A message with the peer and Message ID of a living entry, but another type, code or token, is
 * none of its duplicates: the peer has started anew without section 4.4's memory. It is taken as
 * new and counted, unless strict_message_id.
 *
 * Knows no interactions: tokens are the request layer's.
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/message_layer.h"

#include <string.h>

#include "exchange/congestion.h"
#include "exchange/dedup.h"
#include "exchange/internal.h"
#include "exchange/request_layer.h"
#include "exchange/transmission.h"
#include "message/method.h"

void acoap__message_layer_malformed(acoap__engine_t *engine, const acoap_path_t *path,
                                    const acoap_view_t *view, size_t len, int error) {
  if (error == ACOAP_EVERSION) {
    engine->stats.wrong_version++;
    return;
  }
  engine->stats.malformed++;
  if (len >= 4 && view->type == ACOAP_CON && !path->multicast) {
    acoap__engine_transmit_empty(engine, path, ACOAP_RST, view->message_id);
  }
}

/* ---- duplicates ------------------------------------------------------------------------------ */

/* See key_hash.h; by config.hash alone. */
static uint32_t plain_fingerprint(const acoap__engine_t *engine, const acoap_path_t *path,
                                  const acoap_view_t *view) {
  size_t len = view->options.len + view->payload.len;
  size_t token_len = view->token.len;
  uint8_t bytes[4 + ACOAP_TOKEN_MAX] = {(uint8_t)view->type, view->code, (uint8_t)(len >> 8),
                                        (uint8_t)len};

  if (token_len > ACOAP_TOKEN_MAX) {
    uint64_t token = engine->config.hash(engine->hash_key, view->token.data, token_len);
    memcpy(bytes + 4, &token, sizeof(token));
    token_len = sizeof(token);
  } else if (token_len > 0) {
    memcpy(bytes + 4, view->token.data, token_len);
  }
  uint64_t print = engine->config.hash(engine->hash_key, bytes, 4 + token_len);
  if (path->session != 0) {
    uint64_t both[2] = {print, path->session};
    print = engine->config.hash(engine->hash_key, both, sizeof(both));
  }
  return (uint32_t)print;
}

static void identify(const acoap__engine_t *engine, const acoap_path_t *path,
                     const acoap_view_t *view, acoap__identity_t *identity) {
  if (engine->sender != NULL) {
    engine->sender->identify(engine, path, view, identity);
    return;
  }
  acoap__message_key(&identity->key, path, view->message_id);
  identity->hash = engine->config.key_hash(engine, &identity->key);
  identity->fingerprint = plain_fingerprint(engine, path, view);
}

static void repeat_reply(acoap__engine_t *engine, const acoap_path_t *path,
                         const acoap_view_t *view, const acoap__dedup_entry_t *entry) {
  switch ((acoap__reply_t)entry->reply) {
  case ACOAP__REPLY_ACK:
    engine->stats.replies_repeated++;
    acoap__engine_transmit_empty(engine, path, ACOAP_ACK, view->message_id);
    break;
  case ACOAP__REPLY_RST:
    engine->stats.replies_repeated++;
    acoap__engine_transmit_empty(engine, path, ACOAP_RST, view->message_id);
    break;
  case ACOAP__REPLY_STORED: {
    acoap_bytes_t bytes = acoap__dedup_stored(engine->dedup, entry);
    engine->stats.replies_repeated++;
    acoap__engine_transmit_back(engine, path, bytes.data, bytes.len);
    break;
  }
  case ACOAP__REPLY_NONE:
  case ACOAP__REPLY_EVICTED:
    break;
  }
}

/* The message came already, and its entry lives. */
static bool is_repeated(acoap__engine_t *engine, const acoap_path_t *path, const acoap_view_t *view,
                        acoap__dedup_entry_t *known) {
  engine->stats.duplicates++;
  if (view->type == ACOAP_NON) {
    return true;
  }
  if (known->reply == ACOAP__REPLY_EVICTED && acoap__is_idempotent(view->code)) {
    known->reply = ACOAP__REPLY_NONE;
    return false;
  }
  repeat_reply(engine, path, view, known);
  return true;
}

bool acoap__message_layer_is_new(acoap__engine_t *engine, acoap_time_t now,
                                 const acoap_path_t *path, const acoap_view_t *view,
                                 acoap__dedup_entry_t **entry) {
  acoap__identity_t identity;

  identify(engine, path, view, &identity);
  acoap__dedup_entry_t *known = acoap__dedup_look_up(engine->dedup, identity.hash, &identity.key);

  if (known != NULL && known->expires > now) {
    /* What came in another session is another message (RFC 7252 section 9.1.1). */
    if (known->fingerprint == identity.fingerprint ||
        (engine->config.strict_message_id && path->session == 0)) {
      *entry = known;
      return !is_repeated(engine, path, view, known);
    }
    engine->stats.message_id_reused++;
  }
  *entry = acoap__dedup_replace(engine->dedup, now, known, identity.hash, &identity.key, view->type,
                                identity.fingerprint,
                                engine->lifetimes_ms[view->type == ACOAP_CON ? 0 : 1]);
  return true;
}

/* ---- requests and responses ------------------------------------------------------------------ */

static inline void receive_request(acoap__engine_t *engine, acoap_time_t now,
                                   const acoap_path_t *path, const acoap_view_t *view) {
  acoap__dedup_entry_t *entry = NULL;

  if (!engine->config.stateless && !acoap__message_layer_is_new(engine, now, path, view, &entry)) {
    return;
  }
  acoap__inbound_t inbound = {.path = path,
                              .type = view->type,
                              .code = view->code,
                              .message_id = view->message_id,
                              .dedup_slot = ACOAP__DEDUP_NONE};
  if (entry != NULL) {
    inbound.dedup_slot = acoap__dedup_slot(engine->dedup, entry);
    inbound.dedup_serial = entry->serial;
  }
  engine->stats.requests_received++;
  engine->events->request(engine->user_data, now, &inbound, view);
}

static bool is_notification(const acoap_view_t *view) {
  acoap_bytes_t value;
  return acoap_view_option(view, ACOAP_OPTION_OBSERVE, 0, &value);
}

void acoap__message_layer_unwanted(acoap__engine_t *engine, const acoap_path_t *path,
                                   const acoap_view_t *view) {
  if (view->type == ACOAP_CON || (!path->multicast && is_notification(view))) {
    acoap__engine_transmit_empty(engine, path, ACOAP_RST, view->message_id);
  }
}

static void receive_response(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                             const acoap_view_t *view) {
  if (engine->request_layer != NULL) {
    engine->request_layer->receive(engine, now, path, view);
    return;
  }
  acoap__dedup_entry_t *entry;
  if (!acoap__message_layer_is_new(engine, now, path, view, &entry)) {
    return;
  }
  entry->reply = view->type == ACOAP_CON ? ACOAP__REPLY_RST : ACOAP__REPLY_NONE;
  engine->stats.unmatched_responses++;
  acoap__message_layer_unwanted(engine, path, view);
}

/* ---- by type --------------------------------------------------------------------------------- */

/* Section 12.1: classes 2 to 5 are responses, of which class 3 has none yet; 1, 6 and 7 are
 * reserved (7 is RFC 8323's, for TCP). */
static bool is_response(uint8_t code) {
  return ACOAP_CODE_CLASS(code) >= 2 && ACOAP_CODE_CLASS(code) <= 5;
}

static inline void receive_con(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                               const acoap_view_t *view) {
  if (path->multicast) {
    return;
  }
  if (acoap_code_is_request(view->code)) {
    receive_request(engine, now, path, view);
  } else if (is_response(view->code)) {
    receive_response(engine, now, path, view);
  } else {
    engine->stats.pings_received += view->code == ACOAP_CODE_EMPTY ? 1 : 0;
    acoap__engine_transmit_empty(engine, path, ACOAP_RST, view->message_id);
  }
}

static void receive_non(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                        const acoap_view_t *view) {
  if (acoap_code_is_request(view->code)) {
    receive_request(engine, now, path, view);
  } else if (is_response(view->code)) {
    receive_response(engine, now, path, view);
  }
}

static void receive_ack(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                        const acoap_view_t *view) {
  if (view->code != ACOAP_CODE_EMPTY && !is_response(view->code)) {
    return;
  }
  acoap__transmission_t *tx = acoap__transmission_find(engine, path, view->message_id);
  if (tx == NULL || tx->state != ACOAP__TX_AWAITING_ACK) {
    engine->stats.unmatched_acks++;
    return;
  }
  if (view->code == ACOAP_CODE_EMPTY) {
    engine->stats.acks_received++;
  } else {
    /* Section 5.3.2: Message ID and token have to match; otherwise the ACK is rejected, which is to
     * ignore it. */
    acoap_bytes_t token;
    if (!acoap__token_of(tx->bytes, tx->len, &token) || !acoap__token_equal(token, view->token)) {
      engine->stats.unmatched_responses++;
      return;
    }
  }
  acoap__congestion_measure(tx, now);
  acoap__transmission_detach(engine, tx, now, true);
  tx->events->acknowledged(tx, now, path, view);
}

static void receive_rst(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                        const acoap_view_t *view) {
  if (view->code != ACOAP_CODE_EMPTY) {
    return;
  }
  acoap__transmission_t *tx = acoap__transmission_find(engine, path, view->message_id);
  if (tx == NULL) {
    engine->stats.unmatched_acks++;
    if (engine->events->stray_reset != NULL) {
      engine->events->stray_reset(engine->user_data, path, view->message_id);
    }
    return;
  }
  engine->stats.resets_received++;
  if (tx->state == ACOAP__TX_AWAITING_ACK) {
    acoap__congestion_measure(tx, now);
  }
  acoap__transmission_detach(engine, tx, now, true);
  tx->events->reset(tx, now);
}

void acoap__message_layer_receive(acoap__engine_t *engine, acoap_time_t now,
                                  const acoap_path_t *path, const acoap_view_t *view) {
  switch (view->type) {
  case ACOAP_CON:
    receive_con(engine, now, path, view);
    break;
  case ACOAP_NON:
    receive_non(engine, now, path, view);
    break;
  case ACOAP_ACK:
    receive_ack(engine, now, path, view);
    break;
  case ACOAP_RST:
    receive_rst(engine, now, path, view);
    break;
  }
}
