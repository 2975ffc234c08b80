/*
 * The options Q-Block1 and Q-Block2 of a request (RFC 9177 section 4): in their place, in order,
 * and not together with those of RFC 7959.
 *
 *     Q-Block1 of a GET or DELETE, twice, longer than 3 bytes     an option nobody
 * understands: 4.02 by multicast                                                silence
 * (section 4.8) with Block1 or Block2; a reserved size                      4.00 Q-Block1 without
 * Request-Tag or Size1                       4.00 (section 4.3) Q-Block2: numbers do not ascend, or
 * sizes differ            4.00 (section 4.4)
 *
 * With the option of the server off, or where a resource understands them itself, they are left
 * alone. Transfers nothing (qblock1.c, qblock2.c).
 * SPDX-License-Identifier: MIT
 */
#include "server/qblock.h"

#include "message/option.h"

/* Bytes of a value. */
#define VALUE_MAX 3u

static const acoap_view_t *view_of(const acoap__serving_t *serving) {
  return acoap_message_view(acoap_request_message(serving->request));
}

static bool is_on(const acoap__serving_t *serving) {
  return serving->server->options.qblock == ACOAP_QBLOCK_ON;
}

bool acoap__qblock_understands(const acoap__serving_t *serving, uint16_t option) {
  return is_on(serving) && (option == ACOAP_OPTION_Q_BLOCK1 || option == ACOAP_OPTION_Q_BLOCK2);
}

/* The first of both that is to be treated as if nobody understood it (RFC 7252 section 5.4); 0. */
static uint16_t bad_option(const acoap_view_t *view) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  bool seen = false;
  bool takes_body = view->code != ACOAP_CODE_GET && view->code != ACOAP_CODE_DELETE;
  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option) && option.number <= ACOAP_OPTION_Q_BLOCK2) {
    bool first = option.number == ACOAP_OPTION_Q_BLOCK1;
    if (!first && option.number != ACOAP_OPTION_Q_BLOCK2) {
      continue;
    }
    if (option.value.len > VALUE_MAX || (first && (seen || !takes_body))) {
      return option.number;
    }
    seen = seen || first;
  }
  return 0;
}

static bool has(const acoap_view_t *view, uint16_t option) {
  acoap_bytes_t value;
  return acoap_view_option(view, option, 0, &value);
}

/* Section 4.4: the numbers ascend, and none is there twice. One size for all. */
static bool ascends(const acoap_view_t *view, const acoap_block_t *first) {
  acoap_option_iter_t iter;
  acoap_bytes_t value;
  acoap_block_t block;
  uint32_t least = first->num;
  acoap_option_iter_init(&iter, view);
  while (acoap__option_next_of(&iter, ACOAP_OPTION_Q_BLOCK2, &value)) {
    if (acoap_block_decode(value, &block) != 0 || block.szx != first->szx || block.num < least) {
      return false;
    }
    least = block.num + 1;
  }
  return true;
}

/* What is wrong with it, for people; NULL: nothing. */
static const char *flaw_of(const acoap__serving_t *serving, int one, int two) {
  const acoap_view_t *view = view_of(serving);
  if (one < 0 || two < 0) {
    return "block size 7 is reserved";
  }
  if (has(view, ACOAP_OPTION_BLOCK1) || has(view, ACOAP_OPTION_BLOCK2)) {
    return "Block and Q-Block do not mix";
  }
  if (one > 0 && (!has(view, ACOAP_OPTION_REQUEST_TAG) || !has(view, ACOAP_OPTION_SIZE1))) {
    return "Q-Block1 needs Request-Tag and Size1";
  }
  if (two > 0 && !ascends(view, &serving->block2)) {
    return "numbers of Q-Block2 ascend";
  }
  return NULL;
}

/* Only a request for the whole body begins one. */
static bool is_later(const acoap__serving_t *serving) {
  const acoap_view_t *view = view_of(serving);
  acoap_bytes_t value;
  bool registers = acoap_view_option(view, ACOAP_OPTION_OBSERVE, 0, &value);
  return serving->block2.num > 0 || (!serving->block2.more && !registers) ||
         acoap_view_option(view, ACOAP_OPTION_Q_BLOCK2, 1, &value);
}

bool acoap__qblock_refuses(acoap__serving_t *serving) {
  const acoap_view_t *view = view_of(serving);
  if (!is_on(serving) || acoap__resource_understands(serving->resource, ACOAP_OPTION_Q_BLOCK1) ||
      acoap__resource_understands(serving->resource, ACOAP_OPTION_Q_BLOCK2)) {
    return false;
  }
  if (acoap__request_inbound(serving->request)->path->multicast) {
    acoap_request_ignore(serving->request);
    return true;
  }
  uint16_t bad = bad_option(view);
  if (bad != 0) {
    acoap__dispatch_bad_option(serving, bad);
    return true;
  }
  int one = acoap_view_block(view, ACOAP_OPTION_Q_BLOCK1, &serving->block1);
  int two = acoap_view_block(view, ACOAP_OPTION_Q_BLOCK2, &serving->block2);
  const char *flaw = flaw_of(serving, one, two);
  if (flaw != NULL) {
    acoap__answer_code(serving, ACOAP_CODE_BAD_REQUEST, flaw);
    return true;
  }
  serving->qblock = (uint8_t)((one > 0 ? ACOAP__QBLOCK1 : 0) | (two > 0 ? ACOAP__QBLOCK2 : 0));
  if (two > 0 && is_later(serving)) {
    serving->qblock |= ACOAP__QBLOCK2_LATER;
  }
  if (two == 0) {
    /* Who sends Q-Block1 takes Q-Block2, too (section 4.1): all of it, in this size. */
    serving->block2 = (acoap_block_t){.num = 0, .more = true, .szx = serving->block1.szx};
  }
  return false;
}

uint32_t acoap__qblock_random_ms(acoap_server_t *server) {
  const acoap_qblock_params_t *params = &server->qblock_params;
  acoap__random_t *random = acoap__local_endpoint_engine(server->endpoint)->random;
  uint32_t most_ms = acoap_qblock_params_non_timeout_random_max_ms(params);
  return acoap__random_between(random, params->non_timeout_ms, most_ms);
}
