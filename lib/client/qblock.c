/*
 * Whether and how an exchange uses Q-Block1 and Q-Block2 (RFC 9177 sections 4.1, 6 and 7.2).
 *
 *     UNDECIDED -> ASKING -> KNOWN     a Q-Block option, or a 2.31 to one, came
 *                         -> OFF       4.02 or RST: the same request again; or Block2 came
 *
 * The rule: the request that asks is a CON, since a NON with an unknown critical option may be met
 * with silence (section 4.1); all others are NON unless the user says otherwise. A request carries
 * Block options or Q-Block options, never both. What is learnt is kept for all who ask the same
 * authority, until it falls silent: then it is asked again, by a CON, so that no body goes to who
 * does not respond (section 7.2).
 *
 * Tokens are those of a family: an answer may come to any request of a body. Moves no blocks: that
 * is qblock1.c and qblock2.c.
 * SPDX-License-Identifier: MIT
 */
#include "client/qblock.h"

#include "client/send.h"

/* ---- whether --------------------------------------------------------------------------------- */

bool acoap__qblock_is_on(const acoap_exchange_t *exchange) {
  return exchange->qblock.mode == ACOAP__QBLOCK_ASKING ||
         exchange->qblock.mode == ACOAP__QBLOCK_KNOWN;
}

/* Do the parts of the descriptor allow it? */
static bool is_possible(const acoap_exchange_t *exchange) {
  const acoap_desc_t *desc = &exchange->send->desc;
  const acoap_timing_t *timing = &exchange->timing;
  return desc->qblock != NULL && !desc->has_token && timing->burst_copies <= 1 &&
         !timing->no_response_expected && (!timing->keep_token || desc->observe != NULL) &&
         (desc->block1 == NULL || acoap__block1_has_total(desc->block1)) &&
         (desc->observe == NULL || desc->block1 == NULL);
}

void acoap__qblock_decide(acoap_exchange_t *exchange) {
  acoap__qblock_mode_t mode = ACOAP__QBLOCK_OFF;
  if (is_possible(exchange)) {
    switch (acoap__remote_qblock(exchange->send->remote)) {
    case ACOAP__QBLOCK_UNKNOWN:
      mode = ACOAP__QBLOCK_ASKING;
      break;
    case ACOAP__QBLOCK_SUPPORTED:
      mode = ACOAP__QBLOCK_KNOWN;
      break;
    case ACOAP__QBLOCK_REFUSED:
      break;
    }
  }
  exchange->qblock.mode = mode;
}

void acoap__qblock_note_known(acoap_exchange_t *exchange) {
  exchange->qblock.mode = ACOAP__QBLOCK_KNOWN;
  exchange->qblock.answered = true;
  acoap__remote_note_qblock(exchange->send->remote, ACOAP__QBLOCK_SUPPORTED);
}

/* This exchange goes on without. */
static void give_up(acoap_exchange_t *exchange) {
  acoap__qblock_stop(exchange);
  exchange->qblock.mode = ACOAP__QBLOCK_OFF;
  exchange->qblock.open = false;
  exchange->qblock.untimed = false;
}

static void refused(acoap_exchange_t *exchange) {
  give_up(exchange);
  exchange->has_token = false;
  acoap__remote_note_qblock(exchange->send->remote, ACOAP__QBLOCK_REFUSED);
}

/* A follow-up may have built no request yet, so its layers are asked. */
void acoap__qblock_params(acoap_exchange_t *exchange, acoap_params_t *params,
                          acoap_qblock_params_t *sets) {
  const acoap__qblock_wish_t *wish = exchange->send->desc.qblock;
  acoap_timing_t timing;
  acoap__exchange_timing(exchange, &timing);
  *params = timing.params;
  if (wish->has_params) {
    *sets = wish->params;
  } else {
    acoap_qblock_params_init(sets, params);
  }
}

/* ---- requests -------------------------------------------------------------------------------- */

void acoap__qblock_timing(acoap_exchange_t *exchange) {
  const acoap_desc_t *desc = &exchange->send->desc;
  const acoap__qblock_t *qblock = &exchange->qblock;
  if (!acoap__qblock_is_on(exchange)) {
    return;
  }
  bool first = qblock->request == ACOAP__QBLOCK_FIRST;
  if (desc->confirmable || (first && qblock->mode == ACOAP__QBLOCK_ASKING)) {
    exchange->timing.type = ACOAP_CON;
  } else if (!first || (desc->block1 != NULL && acoap__block1_takes_blocks(desc->block1))) {
    exchange->timing.type = ACOAP_NON;
  }
}

/* Late answers to what is begun anew are those of nobody. An observation keeps its token. */
void acoap__qblock_token(acoap_exchange_t *exchange) {
  acoap__qblock_t *qblock = &exchange->qblock;
  bool first = qblock->request == ACOAP__QBLOCK_FIRST;
  if (first) {
    qblock->open = false;
    qblock->untimed = false;
    qblock->single = false;
  }
  if (first && exchange->has_token && exchange->timing.keep_token) {
    return;
  }
  if (first || !exchange->has_token) {
    acoap__token_family_new(acoap__local_endpoint_engine(exchange->send->endpoint),
                            &qblock->family);
  }
  exchange->token_len = ACOAP__FAMILY_TOKEN;
  acoap__token_family_next(&qblock->family, exchange->token);
}

/* May it be performed twice without harm (RFC 7252 section 5.1)? */
static bool is_safe(const acoap_exchange_t *exchange) {
  uint8_t method = exchange->send->desc.method;
  return method == ACOAP_CODE_GET || method == ACOAP_CODE_FETCH;
}

/*
 * For the whole body at once when the answers may come as they like: as NON, all as CON, or under
 * the token of an observation; and when it is made by the request, which then is one for a new body
 * and not for a block of an older one. Otherwise for block 0 alone, which a CON brings safely; what
 * is left of the first set is then asked for by a NON.
 */
static bool asks_for_all(const acoap_exchange_t *exchange) {
  const acoap_desc_t *desc = &exchange->send->desc;
  return desc->confirmable || exchange->timing.type == ACOAP_NON || !is_safe(exchange) ||
         (desc->observe != NULL && exchange->timing.keep && !exchange->follow_up);
}

bool acoap__qblock_write_wish(acoap_exchange_t *exchange, int szx, bool goes_on,
                              acoap_builder_t *builder) {
  acoap__qblock_t *qblock = &exchange->qblock;
  if (!acoap__qblock_is_on(exchange)) {
    return false;
  }
  if (goes_on) {
    acoap_builder_remove(builder, ACOAP_OPTION_Q_BLOCK2);
    acoap__sets_in_write(qblock->in, builder);
    return true;
  }
  if (qblock->request == ACOAP__QBLOCK_PAYLOAD || qblock->upload) {
    return true; /* Q-Block1 says it already (section 4.1) */
  }
  acoap_block_t block = {0, asks_for_all(exchange), (uint8_t)(szx < 0 ? 6 : szx)};
  qblock->single = !block.more;
  qblock->open = block.more;
  acoap_builder_remove(builder, ACOAP_OPTION_Q_BLOCK2);
  acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK2, &block);
  return true;
}

/*
 * The server has answered the request, so that is not sent once more: what is missing is asked for,
 * without the request's body, and a POST is not done twice.
 */
bool acoap__qblock_lacks_first(const acoap_exchange_t *exchange) {
  return acoap__qblock_is_on(exchange) && acoap__sets_in_lacks_first(exchange->qblock.in);
}

bool acoap__qblock_goes_on(const acoap_exchange_t *exchange) {
  const acoap__qblock_t *qblock = &exchange->qblock;
  return acoap__sets_out_is_active(qblock->out) ||
         (acoap__qblock_is_on(exchange) && exchange->ahead.qblock) ||
         acoap__qblock_lacks_first(exchange);
}

int acoap__qblock_go_on(acoap_exchange_t *exchange) {
  if (acoap__sets_out_is_active(exchange->qblock.out)) {
    return acoap__sets_out_go_on(exchange->qblock.out);
  }
  if (!exchange->ahead.qblock) {
    return acoap__sets_in_go_on_to_first(exchange->qblock.in);
  }
  return acoap__sets_in_go_on(exchange);
}

/* A NON may be lost: what it asked for is then asked for once more. */
static bool may_be_repeated(const acoap_exchange_t *exchange) {
  return is_safe(exchange) && exchange->send->desc.observe == NULL;
}

int acoap__qblock_prepare(acoap_exchange_t *exchange) {
  acoap__qblock_t *qblock = &exchange->qblock;
  if (!acoap__qblock_is_on(exchange) || qblock->request != ACOAP__QBLOCK_FIRST) {
    return 0;
  }
  if (qblock->upload) {
    qblock->open = true;
    qblock->untimed = true;
    return acoap__sets_out_begin(exchange);
  }
  if (qblock->open && exchange->timing.type == ACOAP_NON && may_be_repeated(exchange)) {
    qblock->untimed = true;
    return acoap__sets_in_begin(exchange, 0, true);
  }
  return 0;
}

void acoap__qblock_begun(acoap_exchange_t *exchange) {
  if (exchange->qblock.request == ACOAP__QBLOCK_FIRST && exchange->qblock.upload) {
    acoap__sets_out_begun(exchange->qblock.out);
  }
}

void acoap__qblock_moved(acoap_exchange_t *exchange) {
  acoap__sets_out_t *out = exchange->qblock.out;
  if (acoap__sets_out_is_active(out)) {
    acoap__sets_out_stop(out);
    if (acoap__sets_out_begin(exchange) == 0) {
      acoap__sets_out_begun(out);
    }
  }
}

/* ---- responses ------------------------------------------------------------------------------- */

int acoap__qblock_of(const acoap_view_t *view, uint16_t number, acoap_block_t *block) {
  acoap_bytes_t value;
  if (acoap_view_option(view, number, 1, &value)) {
    return ACOAP_EOPTION;
  }
  return acoap_view_block(view, number, block);
}

int acoap__response_block(const acoap_view_t *view, acoap_block_t *block) {
  int found = acoap_view_block(view, ACOAP_OPTION_BLOCK2, block);
  return found != 0 ? found : acoap__qblock_of(view, ACOAP_OPTION_Q_BLOCK2, block);
}

/* Does it say that the peer does not know the options (sections 4.1 and 4.3)? */
static bool is_refusal(const acoap_exchange_t *exchange, const acoap_view_t *view) {
  acoap_block_t block;
  if (exchange->qblock.answered) {
    return false;
  }
  if (view->code == ACOAP_CODE_BAD_OPTION) {
    return true;
  }
  /* It has passed over Q-Block1, and took block 0 for all there is, or for a block of Block1. */
  return exchange->qblock.upload && view->code == ACOAP_CODE_CONTINUE &&
         acoap__qblock_of(view, ACOAP_OPTION_Q_BLOCK1, &block) != 1;
}

/* A block of a notification goes to who fetches the rest of that (RFC 9177 section 4.5). */
static acoap__qblock_verdict_t notified(acoap_exchange_t *exchange, acoap_time_t now,
                                        const acoap_path_t *from, const acoap_view_t *view,
                                        const acoap_block_t *block) {
  if (block->num == 0) {
    return ACOAP__QBLOCK_PASS;
  }
  acoap__list_t *node = acoap__list_first(&exchange->send->follow_ups);
  if (node != NULL) {
    acoap__sets_in_t *in = ACOAP__CONTAINER(node, acoap_exchange_t, node)->qblock.in;
    if (in != NULL && acoap__sets_in_is_of(in, view)) {
      acoap__sets_in_arrived(in, now, from, view, block);
    }
  }
  return ACOAP__QBLOCK_TAKEN; /* without block 0 nobody knows what it is of */
}

static acoap__qblock_verdict_t body_response(acoap_exchange_t *exchange, acoap_time_t now,
                                             const acoap_path_t *from, const acoap_view_t *view) {
  acoap__qblock_t *qblock = &exchange->qblock;
  acoap_block_t block = {0, false, 0};
  acoap_bytes_t value;
  int found = acoap__qblock_of(view, ACOAP_OPTION_Q_BLOCK2, &block);
  if (!acoap_code_is_success(view->code) || found == 0) {
    if ((acoap_code_is_success(view->code) || acoap__sets_out_is_list(view)) &&
        (acoap__sets_in_has_begun(qblock->in) || acoap__sets_in_lacks_first(qblock->in))) {
      return ACOAP__QBLOCK_TAKEN; /* a late or repeated answer to the request's body */
    }
    if (acoap_view_option(view, ACOAP_OPTION_BLOCK2, 0, &value)) {
      give_up(exchange); /* not for this body, or not from this server */
    }
    acoap__sets_in_interrupt(qblock->in);
    return ACOAP__QBLOCK_PASS;
  }
  if (found < 0 || acoap_view_option(view, ACOAP_OPTION_BLOCK2, 0, &value)) {
    return ACOAP__QBLOCK_TAKEN; /* to be rejected (section 4.1, RFC 7252 section 5.4.5) */
  }
  acoap__qblock_note_known(exchange);
  if (!exchange->follow_up && exchange->send->desc.observe != NULL &&
      acoap_view_option(view, ACOAP_OPTION_OBSERVE, 0, &value)) {
    return notified(exchange, now, from, view, &block);
  }
  if (!acoap__sets_in_waits(qblock->in) && !acoap__sets_in_has_begun(qblock->in)) {
    if (block.num == 0 || acoap__sets_in_begin(exchange, 0, true) < 0) {
      return block.num == 0 ? ACOAP__QBLOCK_PASS : ACOAP__QBLOCK_TAKEN;
    }
  }
  if (block.num > 0 && exchange->send->desc.block1 != NULL) {
    acoap__block1_note_answered(exchange->send->desc.block1);
  }
  acoap__sets_in_arrived(qblock->in, now, from, view, &block);
  return ACOAP__QBLOCK_TAKEN;
}

acoap__qblock_verdict_t acoap__qblock_response(acoap_exchange_t *exchange, acoap_time_t now,
                                               const acoap_path_t *from, const acoap_view_t *view) {
  if (!acoap__qblock_is_on(exchange)) {
    return ACOAP__QBLOCK_PASS;
  }
  if (is_refusal(exchange, view)) {
    refused(exchange);
    return ACOAP__QBLOCK_AGAIN;
  }
  if (acoap__sets_out_is_active(exchange->qblock.out)) {
    acoap__qblock_verdict_t verdict =
        acoap__sets_out_response(exchange->qblock.out, now, from, view);
    if (verdict != ACOAP__QBLOCK_PASS) {
      return verdict;
    }
  }
  return body_response(exchange, now, from, view);
}

void acoap__qblock_acknowledged(acoap_exchange_t *exchange) {
  if (acoap__sets_out_is_active(exchange->qblock.out)) {
    acoap__sets_out_acknowledged(exchange->qblock.out);
  }
}

/* A NON is rejected by RST (section 4.1); a peer that is silent may be another when it comes back.
 */
bool acoap__qblock_failed(acoap_exchange_t *exchange, int status) {
  if (!acoap__qblock_is_on(exchange)) {
    return false;
  }
  acoap__sets_out_stop(exchange->qblock.out);
  acoap__sets_in_interrupt(exchange->qblock.in);
  if (status == ACOAP_ERESET && !exchange->qblock.answered && exchange->timing.type == ACOAP_NON) {
    refused(exchange);
    return true;
  }
  if (status == ACOAP_ETIMEDOUT) {
    acoap__remote_note_qblock(exchange->send->remote, ACOAP__QBLOCK_UNKNOWN);
  }
  return false;
}

void acoap__qblock_ask_again(acoap_exchange_t *exchange) {
  acoap__sets_out_stop(exchange->qblock.out);
  acoap__sets_in_interrupt(exchange->qblock.in);
}

/* ---- the exchange ---------------------------------------------------------------------------- */

bool acoap__qblock_waits(const acoap_exchange_t *exchange) {
  return acoap__sets_out_is_active(exchange->qblock.out) ||
         acoap__sets_in_waits(exchange->qblock.in);
}

void acoap__qblock_stop(acoap_exchange_t *exchange) {
  acoap__sets_out_stop(exchange->qblock.out);
  acoap__sets_in_stop(exchange->qblock.in);
}

void acoap__qblock_free(acoap_exchange_t *exchange) {
  acoap__sets_out_free(exchange->qblock.out);
  exchange->qblock.out = NULL;
  acoap__sets_in_free(exchange);
}
