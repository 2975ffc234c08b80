/*
 * What collect and block_writer have in common: seeing in a response which piece of a body it
 * carries (RFC 7959 section 2.2).
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CLIENT_BODY_H
#define ACOAP_CLIENT_BODY_H

#include <acoap/desc.h>

typedef struct acoap__piece {
  uint64_t offset; /* of its first byte in the body */
  bool more;       /* further pieces follow */
  bool blockwise;  /* it has a Block2 option */
  int64_t total;   /* bytes of the body; -1: not known yet */
} acoap__piece_t;

/* False when the message is none that carries a piece: NULL, or no success. */
bool acoap__piece_of(acoap_exchange_t *exchange, const acoap_message_t *message,
                     acoap__piece_t *piece);
/* These layers need the blocks fetched: add block2 when nobody has. */
void acoap__need_block2(acoap_desc_t *desc);

#endif
