/*
 * Answering a request that came in (RFC 7252 sections 5.2.1 to 5.2.3, 8.2).
 *
 *     CON  not acknowledged: the response goes in the ACK, under the request's Message ID
 *          acknowledged: the response is a message of its own, which is the caller's to send
 *     NON  the response is a NON with a Message ID of ours
 *
 * What duplicates of a CON shall get is noted in the log of deduplication; if the entry is gone by
 * now the reply is sent all the same. Decides not when to acknowledge, retransmits nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/dedup.h"
#include "exchange/internal.h"
#include "message/wire.h"

static acoap__dedup_entry_t *entry_of(acoap__engine_t *engine, acoap_time_t now,
                                      const acoap__inbound_t *inbound) {
  return acoap__dedup_get(engine->dedup, now, inbound->dedup_slot, inbound->dedup_serial);
}

/* Another copy of the value may have been used already: the log knows. */
static bool is_acknowledged(const acoap__inbound_t *inbound, const acoap__dedup_entry_t *entry) {
  return inbound->acknowledged || (entry != NULL && entry->reply == ACOAP__REPLY_ACK);
}

static bool is_answered(const acoap__inbound_t *inbound, const acoap__dedup_entry_t *entry) {
  return inbound->answered ||
         (entry != NULL && entry->reply != ACOAP__REPLY_NONE && entry->reply != ACOAP__REPLY_ACK);
}

static void note_reply(acoap__dedup_entry_t *entry, acoap__reply_t reply) {
  if (entry != NULL) {
    entry->reply = (uint8_t)reply;
  }
}

/* In the ACK, which duplicates get again. */
static inline int make_piggybacked(acoap__engine_t *engine, acoap_time_t now,
                                   acoap__inbound_t *inbound, acoap__dedup_entry_t *entry,
                                   uint8_t *bytes, size_t len) {
  if (is_acknowledged(inbound, entry)) {
    return ACOAP_EAGAIN;
  }
  acoap_message_set_header(bytes, ACOAP_ACK, inbound->message_id);
  if (entry != NULL) {
    acoap__dedup_store(engine->dedup, now, entry, bytes, len);
  }
  inbound->acknowledged = true;
  return 0;
}

static int make_non(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *back,
                    uint8_t *bytes) {
  acoap__peer_t *peer = acoap__peer_get(engine, now, back);
  uint16_t message_id;

  if (peer == NULL) {
    return ACOAP_EEXHAUSTED;
  }
  if (!acoap__peer_take_id(peer, now, engine->lifetimes_ms[1], &message_id)) {
    return ACOAP_EAGAIN;
  }
  acoap_message_set_header(bytes, ACOAP_NON, message_id);
  return 0;
}

static bool is_response(const uint8_t *bytes, size_t len) {
  return bytes != NULL && len >= ACOAP__HEADER_LEN && bytes[0] >> 6 == 1 &&
         ACOAP_CODE_CLASS(bytes[1]) >= 2 && ACOAP_CODE_CLASS(bytes[1]) <= 5;
}

int acoap__inbound_reply_further(acoap__engine_t *engine, acoap_time_t now,
                                 acoap__inbound_t *inbound, uint8_t *bytes, size_t len) {
  if (!is_response(bytes, len)) {
    return ACOAP_EINVAL;
  }
  acoap_path_t back = acoap__path_back(inbound->path);
  int status = make_non(engine, now, &back, bytes);
  if (status == 0) {
    inbound->answered = true;
    engine->stats.responses_sent++;
    acoap__engine_transmit(engine, &back, bytes, len);
  }
  acoap__engine_leave(engine);
  return status;
}

int acoap__inbound_reply(acoap__engine_t *engine, acoap_time_t now, acoap__inbound_t *inbound,
                         uint8_t *bytes, size_t len) {
  acoap__dedup_entry_t *entry = entry_of(engine, now, inbound);

  if (!is_response(bytes, len) || is_answered(inbound, entry)) {
    return ACOAP_EINVAL;
  }
  int status = inbound->type == ACOAP_CON
                   ? make_piggybacked(engine, now, inbound, entry, bytes, len)
                   : make_non(engine, now, inbound->path, bytes);
  if (status == 0) {
    inbound->answered = true;
    engine->stats.responses_sent++;
    acoap__engine_transmit_back(engine, inbound->path, bytes, len);
  }
  acoap__engine_leave(engine);
  return status;
}

int acoap__inbound_acknowledge(acoap__engine_t *engine, acoap_time_t now,
                               acoap__inbound_t *inbound) {
  acoap__dedup_entry_t *entry = entry_of(engine, now, inbound);

  if (is_answered(inbound, entry)) {
    return ACOAP_EINVAL;
  }
  if (inbound->type != ACOAP_CON || is_acknowledged(inbound, entry)) {
    return 0;
  }
  inbound->acknowledged = true;
  note_reply(entry, ACOAP__REPLY_ACK);
  acoap__engine_transmit_empty(engine, inbound->path, ACOAP_ACK, inbound->message_id);
  acoap__engine_leave(engine);
  return 0;
}

int acoap__inbound_reset(acoap__engine_t *engine, acoap_time_t now, acoap__inbound_t *inbound) {
  acoap__dedup_entry_t *entry = entry_of(engine, now, inbound);

  if (is_answered(inbound, entry) || is_acknowledged(inbound, entry)) {
    return ACOAP_EINVAL;
  }
  inbound->answered = true;
  if (inbound->path->multicast) {
    return 0;
  }
  note_reply(entry, ACOAP__REPLY_RST);
  acoap__engine_transmit_empty(engine, inbound->path, ACOAP_RST, inbound->message_id);
  acoap__engine_leave(engine);
  return 0;
}

void acoap__inbound_answered_separately(acoap__engine_t *engine, acoap__inbound_t *inbound) {
  inbound->answered = true;
  if (inbound->type == ACOAP_CON) {
    /* Whether the entry still lives does not matter: then nobody will ask for it. */
    note_reply(entry_of(engine, INT64_MIN, inbound), ACOAP__REPLY_ACK);
  }
}
