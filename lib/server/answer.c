/*
 * The way out: what becomes of a handler's response (RFC 7252 section 5.2). The order:
 *     a round's answer goes to its observers                 RFC 7641 section 4.2
 *     a 2.05 whose ETag the client has becomes 2.03          RFC 7252 section 5.10.6.2
 *     nothing to say after a multicast: silence              RFC 7252 section 8.2
 *     a body, or a payload that is too long: its block       RFC 7959 section 2.4
 *     Block1 repeated, Observe, Max-Age                      RFC 7959 section 2.3, RFC 7641
 *     what the address may get: smaller blocks, then 4.01    RFC 9175 section 2.4
 * A body that cannot be read yet is waited for: what was built so far is kept as bytes and put
 * together again. A payload that fits costs no allocation. Sends no messages itself and retransmits
 * nothing (the endpoint).
 * SPDX-License-Identifier: MIT
 */
#include "server/protection.h"
#include "server/qblock.h"

#include <string.h>

#include "base/mem.h"
#include "message/builder.h"

/* Room that Observe (at most 3 bytes and its head) and Block1 (likewise) need besides a block; so
 * does the Block2 of a payload that leaves whole. */
#define OPTION_RESERVE 6

/* ---- validation ------------------------------------------------------------------------------ */

/* The client has this version: say so instead of sending it again. A later block is asked for
 * because it has not. */
static bool validates(const acoap__serving_t *serving, acoap_builder_t *builder,
                      const acoap_body_t *body) {
  uint8_t bytes[8];
  if (!acoap__asked_has(&serving->asked, ACOAP_OPTION_ETAG) ||
      acoap__builder_code(builder) != ACOAP_CODE_CONTENT || acoap__serving_asks_later(serving)) {
    return false;
  }
  acoap_bytes_t etag = {NULL, 0};
  if (!acoap__builder_get(builder, ACOAP_OPTION_ETAG, &etag) && body != NULL) {
    etag = acoap__body_etag(body);
  }
  if (etag.len > sizeof(bytes) || !acoap__etag_known(serving->view, etag)) {
    return false;
  }
  memcpy(bytes, etag.data, etag.len);
  acoap_builder_code(builder, ACOAP_CODE_VALID);
  acoap_builder_payload(builder, NULL, 0);
  acoap_builder_remove(builder, ACOAP_OPTION_CONTENT_FORMAT);
  acoap_builder_remove(builder, ACOAP_OPTION_ETAG);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, bytes, etag.len);
  return true;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Bytes of the whole message that may leave. */
static size_t limit_of(acoap__serving_t *serving, const acoap_builder_t *builder) {
  size_t left = serving->allowance == SIZE_MAX ? SIZE_MAX : acoap__protect_left(serving);
  return left < builder->cap ? left : builder->cap;
}

static size_t reserve_of(const acoap__serving_t *serving) {
  return OPTION_RESERVE * ((size_t)serving->has_block1 + serving->observe);
}

/* Does this payload leave as it is? One that the handler has cut itself is a block already. */
static bool fits(acoap__serving_t *serving, const acoap_builder_t *builder) {
  size_t len = acoap__builder_payload(builder).len;
  acoap_bytes_t value;
  if (acoap__builder_get(builder, ACOAP_OPTION_BLOCK2, &value)) {
    return true;
  }
  if (serving->has_block2 &&
      (serving->block2.num > 0 || len > acoap_block_size(serving->block2.szx))) {
    return false;
  }
  if (serving->qblock != 0 && len > acoap_block_size(serving->block2.szx)) {
    return false;
  }
  size_t block2 = serving->has_block2 ? OPTION_RESERVE : 0u;
  return len <= serving->server->options.block_size &&
         builder->len + reserve_of(serving) + block2 <= limit_of(serving, builder);
}

/* A diagnostic payload (section 5.5.2) is for people: what does not fit is cut between characters.
 */
static void cut_diagnostic(acoap__serving_t *serving, acoap_builder_t *builder) {
  acoap_bytes_t payload = acoap__builder_payload(builder);
  size_t limit = limit_of(serving, builder);
  size_t over = builder->len + reserve_of(serving);
  over = over > limit ? over - limit : 0;
  size_t len = payload.len > over ? payload.len - over : 0;
  size_t most = serving->server->options.block_size;
  len = len < most ? len : most;
  while (len < payload.len && len > 0 && (payload.data[len] & 0xc0) == 0x80) {
    len--;
  }
  acoap_builder_payload(builder, payload.data, len);
}

/* The builder's payload as a body under the builder's ETag; NULL without memory. */
static acoap_body_t *body_of_payload(acoap_builder_t *builder) {
  acoap_bytes_t payload = acoap__builder_payload(builder);
  acoap_bytes_t etag;
  acoap_body_t *body = acoap_body_copy(payload.data, payload.len);
  if (body != NULL && acoap__builder_get(builder, ACOAP_OPTION_ETAG, &etag)) {
    (void)acoap_body_set_etag(body, etag.data, etag.len);
    acoap_builder_remove(builder, ACOAP_OPTION_ETAG);
  }
  acoap_builder_payload(builder, NULL, 0);
  return body;
}

/* ---- waiting for a body ---------------------------------------------------------------------- */

/* Keep what the handler built: the body is not ready. */
int acoap__answer_wait(acoap__serving_t *serving, const acoap_builder_t *builder,
                       acoap_body_t *body, acoap_reliability_t reliability) {
  uint8_t *bytes = acoap__malloc(builder->len);
  if (bytes == NULL) {
    acoap__block2_forget(serving);
    return ACOAP_ENOMEM;
  }
  memcpy(bytes, builder->bytes, builder->len);
  serving->options = bytes;
  serving->options_len = builder->len;
  serving->reliability = reliability;
  serving->body = acoap_body_ref(body);
  acoap_request_ref(serving->request);
  return 0;
}

static void options_restore(acoap_builder_t *builder, const acoap_view_t *kept) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_option_iter_init(&iter, kept);
  while (acoap_option_next(&iter, &option)) {
    acoap_builder_option(builder, option.number, option.value.data, option.value.len);
  }
}

void acoap__answer_resume(acoap__serving_t *serving) {
  acoap_request_t *request = serving->request;
  acoap_body_t *body = serving->body;
  acoap_view_t kept;
  if (body == NULL) {
    if (serving->qjob != NULL && serving->server != NULL) {
      acoap__qblock2_resume(serving);
    }
    return;
  }
  uint8_t *bytes = serving->options;
  acoap__block2_forget(serving); /* also when its body has something and is still to say so */
  serving->body = NULL;
  /* From the builder, with the request's own token: it can be read. */
  bool read = acoap_decode(&kept, bytes, serving->options_len, ACOAP_TOKEN_EXTENDED_MAX, NULL) == 0;
  acoap_builder_t *builder = read ? acoap_request_begin(request, kept.code) : NULL;
  if (builder != NULL) {
    options_restore(builder, &kept);
    int status = acoap__answer_or_fail(serving, builder, body, serving->reliability);
    if (status < 0 && serving->observer != NULL) {
      acoap__notify_failed(serving);
    }
  }
  acoap__free(bytes);
  acoap_body_unref(body);
  acoap_request_unref(request);
}

/* ---- on its way ------------------------------------------------------------------------------ */

/* Not even a block fits: because of what the address may get, or because of the options. */
static int out_of_room(acoap__serving_t *serving, const acoap_builder_t *builder,
                       acoap_reliability_t reliability) {
  if (acoap__protect_left(serving) >= builder->cap) {
    return ACOAP_ENOSPACE;
  }
  return acoap__protect_instead(serving, acoap__builder_code(builder), reliability);
}

/* RFC 9177: what those that follow, or ask for it again, get too. */
static void note_sets(acoap__serving_t *serving, acoap_builder_t *builder) {
  if (serving->qjob != NULL) {
    acoap__qblock2_note(serving, builder);
  }
  if ((serving->qblock & ACOAP__QBLOCK1_DONE) != 0) {
    acoap__qblock1_keep_answer(serving, builder);
  }
}

/* Everything is in place but what concerns the request rather than the response. */
static int finish(acoap__serving_t *serving, acoap_builder_t *builder,
                  acoap_reliability_t reliability) {
  if (serving->has_block1 && !acoap__request_is_answered(serving->request)) {
    acoap__block1_answer(serving, builder);
  }
  if (serving->observer == NULL && acoap__builder_may_have(builder, ACOAP_OPTION_OBSERVE)) {
    acoap_builder_remove(builder, ACOAP_OPTION_OBSERVE); /* nobody is registered by saying so */
  }
  acoap__load_extend_max_age(serving->server, builder);
  /* Who will be answered with something else is not registered. */
  if (serving->observe && acoap_code_is_success(acoap__builder_code(builder)) &&
      builder->len + OPTION_RESERVE <= limit_of(serving, builder)) {
    acoap__observe_answer(serving, builder);
  }
  if (serving->qblock != 0) {
    note_sets(serving, builder);
  }
  int status = acoap__protect_transmit(serving, builder, reliability);
  if (serving->observe || serving->observer != NULL) {
    acoap__observe_answered(serving);
  }
  return status;
}

/* The first payload of those in Q-Block2, and then the others. ACOAP_ENOTSUP: in blocks instead. */
static int answer_sets(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                       acoap_reliability_t reliability) {
  int status = acoap__qblock2_answer(serving, builder, body, reserve_of(serving));
  if (serving->server == NULL) {
    return ACOAP_ECANCELED; /* freed by what was read from */
  }
  if (status == ACOAP_EAGAIN) {
    return acoap__answer_wait(serving, builder, body, reliability);
  }
  if (status == ACOAP_CODE_UNAUTHORIZED) {
    acoap__answer_challenge(serving);
    return 0;
  }
  if (status > 0) {
    acoap__answer_code(serving, (uint8_t)status, NULL);
    return 0;
  }
  status = status < 0 ? status : finish(serving, builder, reliability);
  if (serving->qjob != NULL) {
    if (status == 0) {
      acoap__qblock2_go_on(serving, builder);
    } else {
      acoap__qblock2_give_up(serving);
    }
  }
  return status;
}

/* The block of a body that was asked for. */
static int answer_block(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                        acoap_reliability_t reliability) {
  size_t limit = limit_of(serving, builder);
  size_t reserve = reserve_of(serving);
  if (serving->qblock != 0) {
    int sets = answer_sets(serving, builder, body, reliability);
    if (sets != ACOAP_ENOTSUP) {
      return sets;
    }
  }
  if (limit <= reserve) {
    return out_of_room(serving, builder, reliability);
  }
  int status = acoap__block2_answer(serving, builder, body, limit - reserve);
  if (serving->server == NULL) {
    return ACOAP_ECANCELED; /* freed by what was read from */
  }
  if (status == ACOAP_EAGAIN) {
    return acoap__answer_wait(serving, builder, body, reliability);
  }
  if (status == ACOAP_ENOSPACE) {
    return out_of_room(serving, builder, reliability);
  }
  if (status > 0) {
    acoap__answer_code(serving, (uint8_t)status, NULL);
    return 0;
  }
  return status < 0 ? status : finish(serving, builder, reliability);
}

/* A payload that does not leave as it is. */
static int answer_payload(acoap__serving_t *serving, acoap_builder_t *builder,
                          acoap_reliability_t reliability) {
  acoap_bytes_t format;
  if (!acoap_code_is_success(acoap__builder_code(builder)) &&
      !acoap__builder_get(builder, ACOAP_OPTION_CONTENT_FORMAT, &format)) {
    cut_diagnostic(serving, builder);
    return finish(serving, builder, reliability);
  }
  acoap_body_t *body = body_of_payload(builder);
  if (body == NULL) {
    return ACOAP_ENOMEM;
  }
  int status = answer_block(serving, builder, body, reliability);
  acoap_body_unref(body);
  return status;
}

/* The server has gone: there are no transfers any more, so what fits one message is sent. */
static int answer_detached(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                           acoap_reliability_t reliability) {
  if (body != NULL) {
    acoap__answer_code(serving, ACOAP_CODE_SERVICE_UNAVAILABLE, NULL);
    return 0;
  }
  return acoap__protect_transmit(serving, builder, reliability);
}

/* To the one who asked. */
static int answer(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                  acoap_reliability_t reliability) {
  if (builder->error != 0) {
    return builder->error;
  }
  if (validates(serving, builder, body)) {
    return finish(serving, builder, reliability);
  }
  if (serving->inbound->path->multicast &&
      acoap__multicast_unwanted(serving, builder, body != NULL)) {
    acoap_request_ignore(serving->request);
    return 0;
  }
  if (body != NULL) {
    return answer_block(serving, builder, body, reliability);
  }
  if (builder->payload_at > 0 && !fits(serving, builder)) {
    return answer_payload(serving, builder, reliability);
  }
  if (serving->has_block2) {
    acoap__block2_whole(serving, builder);
  }
  return finish(serving, builder, reliability);
}

int acoap__answer(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                  acoap_reliability_t reliability) {
  acoap_server_t *server = serving->server;
  int status;
  if (server == NULL) {
    return answer_detached(serving, builder, body, reliability);
  }
  acoap__server_hold(server); /* what is read from may free it */
  if (serving->round != NULL) {
    status = acoap__notify_answer(serving, builder, body);
    acoap__request_consume(serving->request);
  } else {
    status = answer(serving, builder, body, reliability);
  }
  acoap__server_release(server);
  return status;
}

int acoap__answer_or_fail(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                          acoap_reliability_t reliability) {
  acoap_request_t *request = acoap_request_ref(serving->request);
  int status = acoap__answer(serving, builder, body, reliability);
  if (status < 0 && !acoap__request_is_answered(request)) {
    acoap__answer_code(serving, ACOAP_CODE_INTERNAL_SERVER_ERROR, NULL);
  }
  acoap_request_unref(request);
  return status;
}

/* ---- the library's own answers --------------------------------------------------------------- */

void acoap__answer_code(acoap__serving_t *serving, uint8_t code, const char *why) {
  acoap_builder_t *builder = acoap_request_begin(serving->request, code);
  if (builder == NULL) {
    return;
  }
  if (why != NULL) {
    acoap_builder_payload(builder, why, strlen(why));
  }
  serving->settled = true;
  serving->answered = true;
  (void)acoap__answer(serving, builder, NULL, ACOAP_AS_REQUESTED);
}

void acoap__answer_challenge(acoap__serving_t *serving) {
  acoap_builder_t *builder = acoap_request_begin(serving->request, ACOAP_CODE_UNAUTHORIZED);
  if (builder == NULL) {
    return;
  }
  serving->settled = true;
  serving->answered = true;
  acoap__echo_write(serving, builder);
  (void)acoap__protect_transmit(serving, builder, ACOAP_AS_REQUESTED);
}

/* ---- for handlers ---------------------------------------------------------------------------- */

/* acoap_request_begin with a Content-Format. */
static acoap_builder_t *begin(acoap_request_t *request, uint8_t code, int content_format) {
  acoap_builder_t *builder = acoap_request_begin(request, code);
  if (builder != NULL && content_format >= 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, (uint32_t)content_format);
  }
  return builder;
}

/* A handler's answer, from what it has begun; one that cannot leave becomes a 5.00. */
static int send_begun(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                      acoap_reliability_t reliability) {
  return acoap__serving_answers(serving, false) == 0
             ? acoap__answer_or_fail(serving, builder, body, reliability)
             : ACOAP_EINVAL;
}

/* acoap__request_filter_t.respond */
int acoap__answer_respond(acoap_request_t *request, uint8_t code, int content_format,
                          acoap_bytes_t payload) {
  acoap_builder_t *builder = begin(request, code, content_format);
  if (builder == NULL) {
    return ACOAP_ENOMEM;
  }
  if (payload.len <= acoap_builder_left(builder)) {
    acoap_builder_payload(builder, payload.data, payload.len);
    return send_begun(acoap__serving_of(request), builder, NULL, ACOAP_AS_REQUESTED);
  }
  return acoap_request_send_body(request, acoap_body_copy(payload.data, payload.len),
                                 ACOAP_AS_REQUESTED);
}

int acoap_request_send_body(acoap_request_t *request, acoap_body_t *body,
                            acoap_reliability_t reliability) {
  acoap__serving_t *serving = acoap__serving_of(request);
  acoap_builder_t *builder = serving != NULL ? acoap__request_begun(request) : NULL;
  int status = 0;
  if (serving == NULL) {
    acoap_body_unref(body);
    return request == NULL ? ACOAP_EINVAL : ACOAP_ENOTSUP;
  }
  acoap_request_ref(request);
  if (builder == NULL || acoap__serving_answers(serving, false) != 0) {
    status = ACOAP_EINVAL;
  } else if (body == NULL) {
    acoap__answer_code(serving, ACOAP_CODE_INTERNAL_SERVER_ERROR, NULL);
    status = ACOAP_ENOMEM;
  } else {
    status = acoap__answer_or_fail(serving, builder, body, reliability);
  }
  acoap_body_unref(body);
  acoap_request_unref(request);
  return status;
}

int acoap_request_respond_body(acoap_request_t *request, uint8_t code, int content_format,
                               acoap_body_t *body) {
  if (request == NULL || content_format > UINT16_MAX || acoap__serving_of(request) == NULL) {
    acoap_body_unref(body);
    return request == NULL || content_format > UINT16_MAX ? ACOAP_EINVAL : ACOAP_ENOTSUP;
  }
  if (begin(request, code, content_format) == NULL) {
    acoap_body_unref(body);
    return acoap__request_is_answered(request) ? ACOAP_EINVAL : ACOAP_ENOMEM;
  }
  return acoap_request_send_body(request, body, ACOAP_AS_REQUESTED);
}
