/*
 * Response bodies in Q-Block2 (RFC 9177 sections 4.4 to 4.6 and 7.2). What a request asks for, of a
 * body of `count` payloads, with MAX_PAYLOADS m:
 *
 *     n, M                    of a request's options
 *     0, 1                    the whole body: m payloads, and m more after each NON_TIMEOUT_RANDOM
 *     multiple of m, 1        'Continue': the set that begins with it, at once, and so on
 *     other, 1                it and what follows it in its set
 *     n, 0                    this one
 *
 * so that one request makes no more than m messages leave at once, each payload once. Payloads are
 * of one version under one ETag, have Size2, and Observe where the body is a notification; those
 * that were missing have none. The body is kept as in block2.c, and with it what of it has left. To
 * a CON the first goes in the ACK and the others as CON, each when the one before was acknowledged,
 * with the same wait between sets.
 *
 * Only where the address has shown that it is there: one request makes many answers. Others get a
 * 4.01 with Echo first, or Block2. So do bodies of a size that is not known, and those that can be
 * read once only.
 * SPDX-License-Identifier: MIT
 */
#include "server/qblock.h"

#include <string.h>

#include "base/mem.h"
#include "message/option.h"
#include "server/body.h"

/* ETag, Size2, Q-Block2 and the marker, at most. */
#define OPTIONS_MAX (9u + 6u + 5u + 1u)
#define NO_OBSERVE UINT32_MAX
/* Greatest message that is built here. */
#define MESSAGE_MAX 1536u

static const acoap_view_t *view_of(const acoap__serving_t *serving) {
  return acoap_message_view(acoap_request_message(serving->request));
}

static uint32_t set_len(const acoap__qsend_t *send) {
  return send->server->qblock_params.max_payloads;
}

/* ---- which payloads -------------------------------------------------------------------------- */

static bool has_next(const acoap__qjob_t *job) {
  return job->pick_at < job->pick_count || job->next < job->end;
}

static uint32_t next_of(const acoap__qjob_t *job) {
  return job->pick_at < job->pick_count ? job->picks[job->pick_at] : job->next;
}

static void step(acoap__qjob_t *job) {
  if (job->pick_at < job->pick_count) {
    job->pick_at++;
  } else {
    job->next++;
  }
  job->in_set++;
}

/* One more option of a request for what is missing: numbers not yet picked, up to a set's worth. */
static void pick(acoap__qjob_t *job, const acoap_block_t *block) {
  const acoap__qsend_t *send = job->send;
  uint32_t m = set_len(send);
  uint32_t from = job->pick_count > 0 ? job->picks[job->pick_count - 1] + 1 : 0;
  uint32_t end = block->more ? block->num - block->num % m + m : block->num + 1;
  end = end < send->count ? end : send->count;
  for (uint32_t num = block->num > from ? block->num : from; num < end && job->pick_count < m;
       num++) {
    job->picks[job->pick_count++] = num;
  }
}

static void pick_all(acoap__qjob_t *job, const acoap_view_t *view) {
  acoap_option_iter_t iter;
  acoap_bytes_t value;
  acoap_block_t block;
  acoap_option_iter_init(&iter, view);
  while (acoap__option_next_of(&iter, ACOAP_OPTION_Q_BLOCK2, &value)) {
    if (acoap_block_decode(value, &block) == 0) {
      pick(job, &block);
    }
  }
}

/* The body from a set's beginning on? */
static bool asks_for_stream(const acoap__serving_t *serving, uint32_t m) {
  acoap_bytes_t value;
  return serving->block2.more && serving->block2.num % m == 0 &&
         !acoap_view_option(view_of(serving), ACOAP_OPTION_Q_BLOCK2, 1, &value);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Let go of the request that it is sent to. */
static void job_end(acoap__qjob_t *job) {
  acoap_request_t *request = job->request;
  if (request == NULL) {
    return;
  }
  if (job->serving->qjob == job) {
    acoap__block2_forget(job->serving);
    job->serving->qjob = NULL;
  }
  job->request = NULL;
  job->serving = NULL;
  job->pick_count = 0;
  job->pick_at = 0;
  job->next = job->end;
  acoap_request_unref(request);
}

static void job_begin(acoap__qjob_t *job, acoap__serving_t *serving) {
  acoap_request_ref(serving->request);
  job_end(job);
  job->request = serving->request;
  job->serving = serving;
  job->in_set = 0;
  job->confirmable = acoap__request_inbound(serving->request)->type == ACOAP_CON;
  serving->qjob = job;
}

void acoap__qsend_free(acoap__qsend_t *send) {
  if (send == NULL) {
    return;
  }
  acoap__local_endpoint_timer_clear(send->server->endpoint, &send->timer);
  job_end(&send->stream);
  job_end(&send->again);
  acoap__free(send);
}

static void timer_fired(acoap__timer_t *timer, acoap_time_t now);

static acoap__qsend_t *send_new(acoap_server_t *server, uint8_t szx, uint64_t len) {
  uint32_t ids_count = 2 * server->qblock_params.max_payloads;
  acoap__qsend_t *send = acoap__calloc(1, sizeof(*send) + ids_count * sizeof(send->ids[0]));
  if (send == NULL) {
    return NULL;
  }
  send->ids_count = ids_count;
  send->server = server;
  send->szx = szx;
  send->size2 = (uint32_t)len;
  send->count = (uint32_t)((len + acoap_block_size(szx) - 1) >> (szx + 4));
  send->random_ms = acoap__qblock_random_ms(server);
  send->stream.send = send;
  send->stream.observe = NO_OBSERVE;
  send->again.send = send;
  send->again.observe = NO_OBSERVE;
  acoap__timer_init(&send->timer, timer_fired);
  return send;
}

/* ---- one payload ----------------------------------------------------------------------------- */

static void write_payload(acoap_builder_t *builder, const acoap__qsend_t *send, uint32_t num,
                          acoap_bytes_t bytes) {
  acoap_block_t block = {.num = num, .more = num + 1 < send->count, .szx = send->szx};
  acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK2, &block);
  acoap_builder_payload(builder, bytes.data, bytes.len);
}

static int read_payload(const acoap__qsend_t *send, acoap_body_t *body, uint32_t num,
                        acoap__piece_t *piece) {
  size_t size = acoap_block_size(send->szx);
  uint64_t offset = (uint64_t)num * size;
  uint64_t left = send->size2 - offset;
  size_t want = left < size ? (size_t)left : size;
  int status = acoap__body_piece(body, offset, want, piece);
  return status == 0 && piece->bytes.len != want ? ACOAP_EINCOMPLETE : status;
}

/* What all payloads of a job begin with: code, token, the options of the first, Observe, Size2. */
static bool write_head(acoap_builder_t *builder, uint8_t *bytes, const acoap__qjob_t *job) {
  const acoap__transfer_t *transfer = job->send->transfer;
  const acoap_view_t *request = view_of(job->serving);
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_view_t kept;
  size_t cap = acoap__local_endpoint_message_max(job->send->server->endpoint,
                                                 acoap__request_inbound(job->request)->path);
  if (acoap_decode(&kept, transfer->options, transfer->options_len, 0, NULL) != 0) {
    return false;
  }
  acoap_builder_init(builder, bytes, cap < MESSAGE_MAX ? cap : MESSAGE_MAX, ACOAP_NON, kept.code, 0,
                     request->token.data, request->token.len);
  acoap_option_iter_init(&iter, &kept);
  while (acoap_option_next(&iter, &option)) {
    acoap_builder_option(builder, option.number, option.value.data, option.value.len);
  }
  if (job->observe != NO_OBSERVE) {
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, job->observe);
  }
  acoap_builder_uint(builder, ACOAP_OPTION_SIZE2, job->send->size2);
  return true;
}

/* ---- a set ----------------------------------------------------------------------------------- */

/* All that was asked for has left. */
static void finish(acoap__qsend_t *send) {
  if (send->stream.request == NULL && send->again.request == NULL) {
    acoap__transfer_finish(send->server, send->transfer);
  }
}

/* The set has left. */
static void job_pause(acoap__qjob_t *job, acoap_time_t now) {
  acoap__qsend_t *send = job->send;
  if (!has_next(job)) {
    job_end(job);
    finish(send);
    return;
  }
  acoap__local_endpoint_timer_set(send->server->endpoint, &send->timer, now + send->random_ms);
}

/* Its reader failed, or nothing more can be sent: the client asks again, or gives up. */
static void job_abort(acoap__qjob_t *job) {
  acoap__qsend_t *send = job->send;
  job_end(job);
  finish(send);
}

/*
 * Send what is left of the set. The body may call the application, which may end the transfer: the
 * serving then has no job any more. True: so it is, or the job has stopped.
 */
static bool send_payload(acoap__qjob_t *job, acoap__serving_t *serving, acoap_builder_t head,
                         acoap_body_t *body) {
  acoap__qsend_t *send = job->send;
  acoap__piece_t piece;
  uint32_t num = next_of(job);
  int status = read_payload(send, body, num, &piece);
  if (serving->qjob != job) {
    return true;
  }
  if (status == ACOAP_EAGAIN) {
    acoap__body_wait(body, serving);
    return true;
  }
  if (status == 0) {
    write_payload(&head, send, num, piece.bytes);
    status = acoap_builder_finish(&head);
  }
  if (status > 0 && head.error == 0) {
    status = acoap__request_send_further(job->request, head.bytes, (size_t)status,
                                         job->confirmable ? ACOAP_CON : ACOAP_NON);
  }
  if (status != 0) {
    job_abort(job);
    return true;
  }
  acoap__qsend_note_sent(send, head.bytes);
  send->server->stats.qblock_repeated += job == &send->again ? 1 : 0;
  step(job);
  return false;
}

static void send_set(acoap__qjob_t *job) {
  acoap__qsend_t *send = job->send;
  acoap__serving_t *serving = job->serving;
  acoap_server_t *server = send->server;
  acoap_request_t *request = job->request;
  uint8_t bytes[MESSAGE_MAX];
  acoap_builder_t head;
  if (job->confirmable && acoap__request_is_on_its_way(request)) {
    return; /* delivered goes on */
  }
  if (!write_head(&head, bytes, job)) {
    job_abort(job);
    return;
  }
  acoap_body_t *body = acoap_body_ref(send->transfer->body);
  acoap_request_ref(request);
  acoap__server_hold(server);
  bool stopped = false;
  while (!stopped && has_next(job) && job->in_set < set_len(send)) {
    stopped = send_payload(job, serving, head, body);
    if (!stopped && job->confirmable) {
      break;
    }
  }
  if (!stopped && (!job->confirmable || !has_next(job)) && serving->qjob == job) {
    job_pause(job, acoap__local_endpoint_recent(server->endpoint));
  }
  acoap__server_release(server);
  acoap_request_unref(request);
  acoap_body_unref(body);
}

/* acoap__timer_cb: no 'Continue' came */
static void timer_fired(acoap__timer_t *timer, acoap_time_t now) {
  acoap__qsend_t *send = ACOAP__CONTAINER(timer, acoap__qsend_t, timer);
  if (send->stream.request != NULL) {
    send->stream.in_set = 0;
    send->sent = now;
    send->server->stats.qblock_sets++;
    send_set(&send->stream);
  }
}

void acoap__qblock2_resume(acoap__serving_t *serving) {
  send_set(serving->qjob);
}

void acoap__qblock2_delivered(acoap__serving_t *serving, int status) {
  acoap__qjob_t *job = serving->qjob;
  acoap__qsend_t *send = job->send;
  if (!job->confirmable && status != ACOAP_ERESET) {
    return;
  }
  if (status != 0) {
    /* Section 4.4: who does not acknowledge a payload, or rejects it, gets no more of the body. */
    acoap_server_t *server = send->server;
    acoap__server_hold(server);
    acoap__transfer_end(server, send->transfer, status);
    acoap__server_release(server);
    return;
  }
  if (!has_next(job) || job->in_set >= set_len(send)) {
    job_pause(job, acoap__local_endpoint_recent(send->server->endpoint));
    return;
  }
  send_set(job);
}

/* ---- the first of them ----------------------------------------------------------------------- */

/* The client has asked for these payloads of a body that is there. 0, or 4.00. */
static int ask(acoap__qsend_t *send, acoap__serving_t *serving) {
  bool stream = asks_for_stream(serving, set_len(send));
  acoap__qjob_t *job = stream ? &send->stream : &send->again;
  if (serving->block2.num >= send->count) {
    return ACOAP_CODE_BAD_REQUEST;
  }
  uint32_t observe = stream ? send->stream.observe : NO_OBSERVE;
  job_begin(job, serving);
  job->observe = observe;
  job->pick_count = 0;
  job->pick_at = 0;
  job->next = stream ? serving->block2.num : 0;
  job->end = stream ? send->count : 0;
  if (stream) {
    acoap__local_endpoint_timer_clear(send->server->endpoint, &send->timer);
    send->sent = acoap__local_endpoint_recent(send->server->endpoint);
    send->server->stats.qblock_sets++;
  } else {
    pick_all(job, view_of(serving));
  }
  return 0;
}

/* The size of payloads: asked for, wanted here, and such that they fit. 0: none does. */
static size_t choose_size(const acoap__serving_t *serving, const acoap_builder_t *builder,
                          size_t reserve) {
  size_t size = acoap_block_size(serving->block2.szx);
  size_t most = serving->server->options.block_size;
  size_t used = builder->len + reserve + OPTIONS_MAX;
  size_t cap = builder->cap < MESSAGE_MAX ? builder->cap : MESSAGE_MAX;
  size = size < most ? size : most;
  while (size > 16 && used + size > cap) {
    size /= 2;
  }
  return used + size <= cap ? size : 0;
}

static acoap__qsend_t *under_way(acoap__serving_t *serving, const acoap_body_t *body) {
  acoap__transfer_t *transfer = acoap__block2_find(serving);
  bool same = (serving->qblock & ACOAP__QBLOCK2_LATER) != 0 && transfer != NULL &&
              transfer->qsend != NULL && transfer->body == body;
  return same ? transfer->qsend : NULL;
}

/* Keep the body, and begin to count what has left of it. NULL: it cannot be kept. */
static acoap__qsend_t *keep(acoap__serving_t *serving, const acoap_builder_t *builder,
                            acoap_body_t *body, size_t size) {
  acoap__qsend_t *send =
      send_new(serving->server, (uint8_t)acoap_block_szx(size), acoap__body_len(body));
  if (send == NULL) {
    return NULL;
  }
  send->transfer = acoap__block2_keep(serving, builder, body);
  if (send->transfer == NULL) {
    acoap__qsend_free(send);
    return NULL;
  }
  send->transfer->qsend = send;
  return send;
}

/* Can this body be sent in this way at all? */
static bool is_possible(const acoap__serving_t *serving, const acoap_builder_t *builder,
                        const acoap_body_t *body, size_t size) {
  acoap_view_t view;
  acoap_builder_view(builder, &view);
  uint64_t len = acoap__body_len(body);
  return acoap_code_is_success(view.code) && len <= UINT32_MAX && len > 0 && size > 0 &&
         !acoap__body_is_sequential(body) && (len - 1) / size <= ACOAP_BLOCK_NUM_MAX &&
         !acoap__request_inbound(serving->request)->path->multicast;
}

/* Would a client that sends it again with an Echo do no harm? */
static bool may_be_challenged(const acoap__serving_t *serving) {
  const acoap__inbound_t *inbound = acoap__request_inbound(serving->request);
  return acoap__is_safe(inbound->code) && !acoap__request_is_answered(serving->request) &&
         !(inbound->type == ACOAP_CON && inbound->acknowledged);
}

int acoap__qblock2_answer(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                          size_t reserve) {
  size_t size = choose_size(serving, builder, reserve);
  acoap__piece_t piece;
  acoap__qsend_t probe;
  if (!is_possible(serving, builder, body, size)) {
    return ACOAP_ENOTSUP;
  }
  acoap__qsend_t *send = under_way(serving, body);
  uint64_t len = acoap__body_len(body);
  uint32_t num = serving->block2.num;
  if (send == NULL) {
    memset(&probe, 0, sizeof(probe));
    probe.szx = (uint8_t)acoap_block_szx(size);
    probe.size2 = (uint32_t)len;
    probe.count = (uint32_t)((len + size - 1) / size);
  } else {
    probe = *send;
  }
  if (probe.count == 1) {
    return ACOAP_ENOTSUP; /* one message is enough */
  }
  if (num >= probe.count) {
    return ACOAP_CODE_BAD_REQUEST;
  }
  if (acoap__protect_left(serving) != SIZE_MAX) {
    return may_be_challenged(serving) ? ACOAP_CODE_UNAUTHORIZED : ACOAP_ENOTSUP;
  }
  int status = read_payload(&probe, body, num, &piece);
  if (status == ACOAP_EAGAIN) {
    acoap__body_wait(body, serving);
    return status;
  }
  if (status != 0 || serving->server == NULL) {
    return status != 0 ? status : ACOAP_ECANCELED;
  }
  acoap__block2_write_etag(serving, builder, body);
  if (send == NULL || under_way(serving, body) != send) {
    send = keep(serving, builder, body, size);
    if (serving->server == NULL || send == NULL) {
      return serving->server == NULL ? ACOAP_ECANCELED : ACOAP_ENOTSUP;
    }
  } else {
    acoap__transfer_follow(send->transfer, serving);
  }
  status = ask(send, serving);
  if (status == 0) {
    acoap_builder_remove(builder, ACOAP_OPTION_SIZE2);
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE2, send->size2);
    write_payload(builder, send, num, piece.bytes);
  }
  return status;
}

void acoap__qblock2_note(acoap__serving_t *serving, acoap_builder_t *builder) {
  acoap__qjob_t *job = serving->qjob;
  acoap_view_t view;
  uint32_t observe;
  acoap_builder_view(builder, &view);
  if (acoap_view_uint(&view, ACOAP_OPTION_OBSERVE, &observe)) {
    job->observe = observe;
  } else if (job->observe != NO_OBSERVE) {
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, job->observe); /* after a 'Continue' */
  }
}

void acoap__qblock2_give_up(acoap__serving_t *serving) {
  job_abort(serving->qjob);
}

void acoap__qblock2_go_on(acoap__serving_t *serving, const acoap_builder_t *builder) {
  acoap__qjob_t *job = serving->qjob;
  acoap__qsend_note_sent(job->send, builder->bytes);
  if (serving->observer != NULL) {
    job->confirmable = false; /* only the first of a notification is one */
  }
  step(job);
  send_set(job);
}

/* ---- a body under way ------------------------------------------------------------------------ */

/* A 'Continue' that crossed with the set that it asks for: the newest. One for an older set is of a
 * client that has fallen behind. */
static bool has_crossed(const acoap__qsend_t *send, const acoap__serving_t *serving) {
  const acoap__qjob_t *stream = &send->stream;
  acoap_time_t now = acoap__local_endpoint_recent(send->server->endpoint);
  return serving->block2.num > 0 && asks_for_stream(serving, set_len(send)) &&
         serving->block2.num < stream->next &&
         stream->next - serving->block2.num <= set_len(send) &&
         now - send->sent < (acoap_time_t)send->random_ms;
}

static void answer_from(acoap__serving_t *serving, acoap__qsend_t *send) {
  acoap_body_t *body = acoap_body_ref(send->transfer->body);
  acoap_builder_t *builder = acoap__block2_begin_again(serving, send->transfer);
  serving->settled = true;
  serving->answered = true;
  if (builder != NULL) {
    (void)acoap__answer_or_fail(serving, builder, body, ACOAP_AS_REQUESTED);
  }
  acoap_body_unref(body);
}

/* Block 0 alone, in another size: of who begins and does not know the size of what is under way. */
static bool begins_anew(const acoap__serving_t *serving, const acoap__qsend_t *send) {
  return serving->block2.num == 0 && serving->block2.szx != send->szx &&
         acoap__is_safe(view_of(serving)->code);
}

bool acoap__qblock2_continue(acoap__serving_t *serving) {
  acoap__transfer_t *transfer = acoap__block2_find(serving);
  if (transfer != NULL && transfer->qsend != NULL && begins_anew(serving, transfer->qsend)) {
    serving->qblock &= (uint8_t)~ACOAP__QBLOCK2_LATER;
    return false;
  }
  if (transfer == NULL || transfer->qsend == NULL) {
    if (acoap__is_safe(view_of(serving)->code)) {
      return false;
    }
    acoap__answer_code(serving, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE, NULL);
    return true;
  }
  acoap__qsend_t *send = transfer->qsend;
  if (acoap__protect_left(serving) != SIZE_MAX) {
    acoap__answer_challenge(serving);
  } else if (serving->block2.szx != send->szx || serving->block2.num >= send->count) {
    acoap__answer_code(serving, ACOAP_CODE_BAD_REQUEST, "not a block of this body");
  } else if (has_crossed(send, serving)) {
    acoap_request_ignore(serving->request);
  } else {
    answer_from(serving, send);
  }
  return true;
}
