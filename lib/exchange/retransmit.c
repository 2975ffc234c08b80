/*
 * Retransmission of a CON (RFC 7252 section 4.2): sent again when no ACK or RST came in time, each
 * wait twice the last, given up after MAX_RETRANSMIT times and one last wait. With ACK_TIMEOUT 2000
 * ms and a random factor of 1.0 it is sent at
 *
 *     0, 2000, 6000, 14000, 30000 ms and fails at 62000 ms
 *
 * What is sent again may carry newer bytes (RFC 7641 section 4.5.2): counter and waits go on. A
 * retransmission that the socket refuses counts as lost. Chooses no waits (congestion.c does),
 * matches no ACKs.
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/congestion.h"
#include "exchange/internal.h"
#include "exchange/transmission.h"

void acoap__retransmit_start(acoap__engine_t *engine, acoap__transmission_t *tx, acoap_time_t now) {
  tx->retransmissions = 0;
  tx->timeout_ms = acoap__congestion_timeout_ms(engine, tx, now);
  acoap__engine_set_timer(engine, &tx->timer, now + (acoap_time_t)tx->timeout_ms);
}

void acoap__retransmit_due(acoap__engine_t *engine, acoap__transmission_t *tx, acoap_time_t now) {
  if (!acoap__congestion_back_off(tx, now)) {
    acoap__transmission_detach(engine, tx, now, false);
    engine->stats.timeouts++;
    tx->events->failed(tx, now, ACOAP_ETIMEDOUT);
    return;
  }
  tx->retransmissions++;
  acoap__engine_set_timer(engine, &tx->timer, now + (acoap_time_t)tx->timeout_ms);
  engine->stats.retransmissions++;
  if (tx->events->renew != NULL) {
    tx->events->renew(tx, now);
  }
  acoap_path_t path = acoap__transmission_path(tx);
  acoap__engine_transmit(engine, &path, tx->bytes, tx->len);
}

bool acoap__retransmit_early(acoap__engine_t *engine, acoap__transmission_t *tx) {
  if (tx->state != ACOAP__TX_AWAITING_ACK) {
    return false;
  }
  acoap_path_t path = acoap__transmission_path(tx);
  engine->stats.retransmissions++;
  tx->sent_early = true;
  acoap__engine_transmit(engine, &path, tx->bytes, tx->len);
  acoap__engine_leave(engine);
  return true;
}
