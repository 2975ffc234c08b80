/*
 * One notification (RFC 7641 section 4.2): what of a handler's answer an observer gets, and how.
 *
 *     code     the answer's; 2.03 for one who has the ETag (section 3.3); 4.06 when the
 *              Content-Format is another than that of the first response (section 4.2)
 *     options  the answer's, Observe with the number of the round; an error carries none
 *     body     the first block in the size that the observer asked for, of one body for all (RFC
 *              7959 section 2.6); further ones are fetched by requests without Observe (block2.c)
 *     CON      when the resource or the registration asks for it; of NON each confirm_every-th, and
 *              the first after confirm_ms (section 4.5); all of them until the client has
 *              acknowledged one, when nothing else shows that it is there (section 7)
 *
 * Chooses nobody (notify.c).
 *
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/mem.h"
#include "server/body.h"
#include "server/observe.h"
#include "server/protection.h"
#include "server/qblock.h"

/* Bytes of a Block2 option behind others, at most. */
#define BLOCK2_MAX 5

acoap__notice_t *acoap__notice_new(acoap__target_t *target, const acoap_builder_t *builder,
                                   acoap_body_t *body) {
  acoap_builder_t copied = *builder;
  acoap__notice_t *notice = acoap__calloc(1, sizeof(*notice));
  if (notice == NULL) {
    return NULL;
  }
  notice->copy = acoap__malloc(builder->len);
  if (notice->copy == NULL) {
    acoap__free(notice);
    return NULL;
  }
  memcpy(notice->copy, builder->bytes, builder->len);
  copied.bytes = notice->copy;
  acoap_builder_view(&copied, &notice->answer);
  notice->target = target;
  notice->given = acoap_body_ref(body);
  if (!acoap_view_option(&notice->answer, ACOAP_OPTION_ETAG, 0, &notice->etag) && body != NULL) {
    notice->etag = acoap__body_etag(body);
  }
  notice->number = acoap__observe_number(target->server);
  return notice;
}

void acoap__notice_free(acoap__notice_t *notice) {
  if (notice == NULL) {
    return;
  }
  if (notice->lent != NULL) {
    acoap__body_return(notice->lent);
  }
  acoap_body_unref(notice->given);
  acoap__free(notice->copy);
  acoap__free(notice);
}

uint8_t acoap__notice_code(const acoap__notice_t *notice, const acoap__observer_t *observer) {
  const acoap_view_t *answer = &notice->answer;
  if (!acoap_code_is_success(answer->code) || answer->code == ACOAP_CODE_VALID) {
    return answer->code;
  }
  if (observer->content_format != ACOAP__FORMAT_UNTOLD &&
      observer->content_format != acoap__content_format_of(answer)) {
    return ACOAP_CODE_NOT_ACCEPTABLE;
  }
  const acoap_view_t *request = acoap_message_view(acoap_request_message(observer->request));
  bool known = answer->code == ACOAP_CODE_CONTENT && notice->etag.len > 0 &&
               acoap__etag_known(request, notice->etag);
  return known ? (uint8_t)ACOAP_CODE_VALID : answer->code;
}

bool acoap__notice_is_confirmable(const acoap__notice_t *notice,
                                  const acoap__observer_t *observer) {
  const acoap_observable_options_t *options = &notice->target->resource->observe;
  const acoap__serving_t *serving = acoap__serving_of(observer->request);
  acoap_reliability_t reliability = options->reliability;
  if (reliability == ACOAP_AS_REQUESTED) {
    bool con = acoap__request_inbound(observer->request)->type == ACOAP_CON;
    reliability = con ? ACOAP_RELIABLE : ACOAP_UNRELIABLE;
  }
  return reliability == ACOAP_RELIABLE || (!serving->verified && !observer->acknowledged) ||
         observer->unconfirmed + 1 >= options->confirm_every ||
         notice->now - observer->confirmed >= (acoap_time_t)options->confirm_ms;
}

void acoap__notice_was_sent(const acoap__notice_t *notice, acoap__observer_t *observer,
                            uint8_t code, bool con) {
  observer->seen = notice->change;
  observer->sent = notice->now;
  observer->unconfirmed = con ? 0 : observer->unconfirmed + 1;
  if (con) {
    observer->confirmed = notice->now;
  }
  if (observer->content_format == ACOAP__FORMAT_UNTOLD && code != ACOAP_CODE_VALID) {
    observer->content_format = acoap__content_format_of(&notice->answer);
  }
}

/* ---- what it says ---------------------------------------------------------------------------- */

/* Options as the handler gave them, but ETag; a 2.03 has no more than how long it holds. */
static void write_options(acoap_builder_t *builder, const acoap__notice_t *notice, uint8_t code) {
  bool same = code == notice->answer.code;
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_option_iter_init(&iter, &notice->answer);
  while (acoap_option_next(&iter, &option)) {
    bool told = same || (code == ACOAP_CODE_VALID && option.number == ACOAP_OPTION_MAX_AGE);
    if (told && option.number != ACOAP_OPTION_OBSERVE && option.number != ACOAP_OPTION_ETAG) {
      acoap_builder_option(builder, option.number, option.value.data, option.value.len);
    }
  }
  if (acoap_code_is_success(code)) {
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, notice->number);
    acoap__load_extend_max_age(notice->target->server, builder);
  }
}

static void write_etag(acoap_builder_t *builder, const acoap__notice_t *notice) {
  if (notice->etag.len > 0) {
    acoap_builder_option(builder, ACOAP_OPTION_ETAG, notice->etag.data, notice->etag.len);
  }
}

/* Is the payload to be cut for this observer? */
static bool wants_blocks(acoap__serving_t *serving, const acoap__notice_t *notice,
                         const acoap_builder_t *builder) {
  size_t len = notice->answer.payload.len;
  size_t size = serving->server->options.block_size;
  if (serving->has_block2 && acoap_block_size(serving->block2.szx) < size) {
    size = acoap_block_size(serving->block2.szx);
  }
  if (serving->qblock != 0 && acoap_block_size(serving->block2.szx) < size) {
    size = acoap_block_size(serving->block2.szx);
  }
  size_t options = notice->etag.len + 1 + (serving->has_block2 ? BLOCK2_MAX : 0u);
  return len > size || options + len > acoap_builder_left(builder) ||
         builder->len + options + len > acoap__protect_left(serving);
}

/* The body that is cut for this observer: the handler's, or its payload, which is lent as one. */
static acoap_body_t *body_for(acoap__notice_t *notice) {
  acoap_bytes_t payload = notice->answer.payload;
  if (notice->given != NULL) {
    return notice->given;
  }
  if (notice->lent == NULL) {
    notice->lent = acoap__body_borrow(payload.data, payload.len);
    if (notice->lent != NULL && notice->etag.len > 0) {
      (void)acoap_body_set_etag(notice->lent, notice->etag.data, notice->etag.len);
    }
  }
  return notice->lent;
}

/* ETag and payload, whole or its first block. As acoap__block2_answer. */
static int write_payload(acoap__serving_t *serving, acoap_builder_t *builder,
                         acoap__notice_t *notice) {
  acoap_bytes_t payload = notice->answer.payload;
  bool success = acoap_code_is_success(notice->answer.code);
  if (notice->given == NULL &&
      (!success || payload.len == 0 || !wants_blocks(serving, notice, builder))) {
    write_etag(builder, notice);
    acoap_builder_payload(builder, payload.data, payload.len);
    acoap__block2_whole(serving, builder);
    return 0;
  }
  acoap_body_t *body = body_for(notice);
  int sets = body != NULL && serving->qblock != 0 ? acoap__qblock2_answer(serving, builder, body, 0)
                                                  : ACOAP_ENOTSUP;
  if (sets != ACOAP_ENOTSUP) {
    return sets;
  }
  size_t left = acoap__protect_left(serving);
  size_t limit = left < builder->cap ? left : builder->cap;
  return body != NULL ? acoap__block2_answer(serving, builder, body, limit) : ACOAP_ENOMEM;
}

/* What was built, and what follows it in Q-Block2 (RFC 9177 section 4.5). */
static int transmit(acoap__serving_t *serving, acoap_builder_t *builder,
                    acoap_reliability_t reliability) {
  if (serving->qjob == NULL) {
    return acoap__protect_transmit(serving, builder, reliability);
  }
  acoap__qblock2_note(serving, builder);
  int status = acoap__protect_transmit(serving, builder, reliability);
  if (serving->qjob != NULL && status == 0) {
    acoap__qblock2_go_on(serving, builder);
  } else if (serving->qjob != NULL) {
    acoap__qblock2_give_up(serving);
  }
  return status;
}

/* A RST to it may come when this one has left, on a long way (section 4.5). */
static void remember_last(acoap__observer_t *observer) {
  uint16_t message_id;
  if (acoap__request_non_sent(observer->request, &message_id)) {
    observer->earlier[observer->earlier_count % ACOAP__EARLIER_MAX] = message_id;
    observer->earlier_count++;
  }
}

int acoap__notice_send(acoap__notice_t *notice, acoap__observer_t *observer, uint8_t code,
                       bool con) {
  acoap_request_t *request = observer->request;
  acoap__serving_t *serving = acoap__serving_of(request);
  acoap_reliability_t reliability = con ? ACOAP_RELIABLE : ACOAP_UNRELIABLE;
  int status = 0;
  remember_last(observer);
  acoap__serving_stop_waiting(serving); /* for the body of an older notification */
  if (serving->qjob != NULL) {
    acoap__qblock2_give_up(serving); /* likewise what has not left of one (RFC 9177 section 4.4) */
  }
  acoap_builder_t *builder = acoap_request_begin(request, code);
  if (builder == NULL) {
    return ACOAP_ENOMEM;
  }
  write_options(builder, notice, code);
  if (code == notice->answer.code) {
    status = write_payload(serving, builder, notice);
  } else if (code == ACOAP_CODE_VALID) {
    write_etag(builder, notice);
  }
  if (status == 0) {
    return transmit(serving, builder, reliability);
  }
  if (status == ACOAP_EAGAIN) {
    status = acoap__answer_wait(serving, builder, body_for(notice), reliability);
  }
  acoap__request_consume(request); /* what was begun is given up */
  return status > 0 ? ACOAP_ENOMEM : status;
}
