/*
 * Q-Block1 and Q-Block2 of an exchange (RFC 9177): whether they are used (qblock.c), the body that
 * is sent in sets (qblock1.c) and the body that comes in sets (qblock2.c). All of it stands below
 * the layers, as a window does: they go from block to block, or wait for the answer to a body, as
 * without it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CLIENT_QBLOCK_H
#define ACOAP_CLIENT_QBLOCK_H

#include <acoap/block.h>
#include <acoap/desc.h>

#include "exchange/token_family.h"

typedef struct acoap__sets_out acoap__sets_out_t;
typedef struct acoap__sets_in acoap__sets_in_t;

typedef enum acoap__qblock_mode {
  ACOAP__QBLOCK_UNDECIDED = 0, /* no request has been built */
  ACOAP__QBLOCK_OFF,           /* not wanted, not possible, or refused */
  ACOAP__QBLOCK_ASKING,        /* the peer has not said yet whether it knows the options */
  ACOAP__QBLOCK_KNOWN          /* it does */
} acoap__qblock_mode_t;

/* Which request is being written. */
typedef enum acoap__qblock_request {
  ACOAP__QBLOCK_FIRST = 0, /* one that begins: with a body, or for a body */
  ACOAP__QBLOCK_PAYLOAD,   /* a further block of a request's body */
  ACOAP__QBLOCK_WANTED     /* for further blocks of a response's body */
} acoap__qblock_request_t;

/* The part of an exchange. */
typedef struct acoap__qblock {
  acoap__qblock_mode_t mode;
  acoap__qblock_request_t request; /* which kind is being written */
  uint32_t num;                    /* PAYLOAD: which block */
  bool answered;                   /* a Q-Block option or a 2.31 for one came in this exchange */
  bool upload;                     /* the request that was written last has Q-Block1 */
  bool single;                     /* FIRST: it asked for its first block alone */
  bool open;                       /* further responses to it may come */
  bool untimed;                    /* how long they are waited for is decided here */
  acoap__token_family_t family;    /* the tokens of its requests */
  acoap__sets_out_t *out;          /* the body being sent; NULL: none ever was */
  acoap__sets_in_t *in;            /* the body that comes; NULL: none ever did */
} acoap__qblock_t;

/* ---- qblock.c -------------------------------------------------------------------------------- */

/* Decide whether Q-Block options are used, before the first request is built. */
void acoap__qblock_decide(acoap_exchange_t *exchange);
/* Do requests carry Q-Block options, where they are of use? */
bool acoap__qblock_is_on(const acoap_exchange_t *exchange);
/* CON or NON: behind the layers, which do not know what a request is for. */
void acoap__qblock_timing(acoap_exchange_t *exchange);
/* The token of the request that is about to be written. */
void acoap__qblock_token(acoap_exchange_t *exchange);
/* The option of a request for a response's body; false: Q-Block2 is none of its options. */
bool acoap__qblock_write_wish(acoap_exchange_t *exchange, int szx, bool goes_on,
                              acoap_builder_t *builder);
/* Have blocks of the response's body come, but not the first, so that the layers know of none? */
bool acoap__qblock_lacks_first(const acoap_exchange_t *exchange);
/* Is the next request not one that begins? Then acoap__qblock_go_on sends what is due. */
bool acoap__qblock_goes_on(const acoap_exchange_t *exchange);
int acoap__qblock_go_on(acoap_exchange_t *exchange);
/* A first request was built, and is about to leave: 0 or ACOAP_ENOMEM. And: it has left. */
int acoap__qblock_prepare(acoap_exchange_t *exchange);
void acoap__qblock_begun(acoap_exchange_t *exchange);
/* The first request went once more, to another address. */
void acoap__qblock_moved(acoap_exchange_t *exchange);
/*
 * A response came. TAKEN: nobody else needs to see it. AGAIN: the same request is to be sent once
 * more, with Block options.
 */
typedef enum acoap__qblock_verdict {
  ACOAP__QBLOCK_PASS = 0,
  ACOAP__QBLOCK_TAKEN,
  ACOAP__QBLOCK_AGAIN
} acoap__qblock_verdict_t;
acoap__qblock_verdict_t acoap__qblock_response(acoap_exchange_t *exchange, acoap_time_t now,
                                               const acoap_path_t *from, const acoap_view_t *view);
/* An empty ACK came. */
void acoap__qblock_acknowledged(acoap_exchange_t *exchange);
/* A request failed; true: the same is to be sent once more, with Block options. */
bool acoap__qblock_failed(acoap_exchange_t *exchange, int status);
/* The last answer is to be asked for again (RFC 9175 section 2.3). */
void acoap__qblock_ask_again(acoap_exchange_t *exchange);
/* Is there something that will come or be sent without the layers? */
bool acoap__qblock_waits(const acoap_exchange_t *exchange);
void acoap__qblock_stop(acoap_exchange_t *exchange);
void acoap__qblock_free(acoap_exchange_t *exchange);
/* The parameters of its transfers. */
void acoap__qblock_params(acoap_exchange_t *exchange, acoap_params_t *params,
                          acoap_qblock_params_t *sets);
/* The Q-Block option of a response: as acoap_view_block, but one that comes twice is malformed. */
int acoap__qblock_of(const acoap_view_t *view, uint16_t number, acoap_block_t *block);
/* The block of a response's body: of Block2, or of Q-Block2. As acoap_view_block. */
int acoap__response_block(const acoap_view_t *view, acoap_block_t *block);
/* A Q-Block option came in an answer: the peer knows them. */
void acoap__qblock_note_known(acoap_exchange_t *exchange);

/* ---- qblock1.c ------------------------------------------------------------------------------- */

int acoap__sets_out_begin(acoap_exchange_t *exchange);
/* Block 0 has left. */
void acoap__sets_out_begun(acoap__sets_out_t *out);
bool acoap__sets_out_is_active(const acoap__sets_out_t *out);
/* Is this response the server's list of what is missing of a request's body? */
bool acoap__sets_out_is_list(const acoap_view_t *view);
/* Send what may be sent. 0 or a negative error. */
int acoap__sets_out_go_on(acoap__sets_out_t *out);
acoap__qblock_verdict_t acoap__sets_out_response(acoap__sets_out_t *out, acoap_time_t now,
                                                 const acoap_path_t *from,
                                                 const acoap_view_t *view);
void acoap__sets_out_acknowledged(acoap__sets_out_t *out);
void acoap__sets_out_stop(acoap__sets_out_t *out);
void acoap__sets_out_free(acoap__sets_out_t *out);

/* ---- qblock2.c ------------------------------------------------------------------------------- */

/* Wait for this block, and for those behind it; `asked`: a request for them is under way. */
int acoap__sets_in_begin(acoap_exchange_t *exchange, uint32_t num, bool asked);
/* The layers ask for the block that exchange->ahead names. */
int acoap__sets_in_go_on(acoap_exchange_t *exchange);
/* They have seen none and wait for the first, of which later ones are here. */
int acoap__sets_in_go_on_to_first(acoap__sets_in_t *in);
/* A block came. */
void acoap__sets_in_arrived(acoap__sets_in_t *in, acoap_time_t now, const acoap_path_t *from,
                            const acoap_view_t *view, const acoap_block_t *block);
/* Is it of the body that is being put together, as far as ETags tell? */
bool acoap__sets_in_is_of(acoap__sets_in_t *in, const acoap_view_t *view);
/* The options of a request for what is wanted. */
void acoap__sets_in_write(const acoap__sets_in_t *in, acoap_builder_t *builder);
/* Do the layers wait for a block? */
bool acoap__sets_in_waits(const acoap__sets_in_t *in);
/* Are there blocks before the one whose turn it is? */
bool acoap__sets_in_has_begun(const acoap__sets_in_t *in);
/* Is the first one missing while later ones came? */
bool acoap__sets_in_lacks_first(const acoap__sets_in_t *in);
/* The layers hear of something else; when they come back, what they wait for is asked for anew. */
void acoap__sets_in_interrupt(acoap__sets_in_t *in);
void acoap__sets_in_stop(acoap__sets_in_t *in);
void acoap__sets_in_free(acoap_exchange_t *exchange);

#endif
