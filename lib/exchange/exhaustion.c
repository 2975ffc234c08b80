/*
 * Says to the log that a peer has no free Message ID (RFC 7252 section 4.4). A file of its own, so
 * that a device without a log carries no text. Decides nothing.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/engine.h"

#include "base/text.h"

void acoap__log_ids_exhausted(acoap__engine_t *engine, const acoap_address_t *peer) {
  char chars[ACOAP_ADDRESS_TEXT_MAX + 80];
  char address[ACOAP_ADDRESS_TEXT_MAX];
  acoap__text_t text;

  if (!acoap__log_wants(engine->log, ACOAP_LOG_WARNING)) {
    return;
  }
  acoap__text_init(&text, chars, sizeof(chars));
  acoap__text_put(&text, "all 65536 Message IDs are in use towards ");
  if (peer == NULL) {
    acoap__text_put(&text, "groups");
  } else if (acoap_address_format(peer, address, sizeof(address)) > 0) {
    acoap__text_put(&text, address);
  }
  acoap__text_put(&text, ": messages wait");
  acoap__log_text(engine->log, ACOAP_LOG_WARNING, chars);
}
