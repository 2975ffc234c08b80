/*
 * Request bodies in Q-Block1 (RFC 9177 sections 4.3, 5 and 7.2). A body is known by who sends it,
 * to what, with which options and which Request-Tag; it has Size1 bytes in `count` payloads, which
 * may come in any order. With MAX_PAYLOADS m, of payload n, where all before `first` are here:
 *
 *     n is here already                         nothing, but the answer is the same
 *     n < first + window                        is kept in its place
 *     all are here                              the handler
 *     first reaches a multiple of m, of NON     2.31 with its number, once
 *     n is of a later set than `first`          4.08 with what is missing of the sets before, once
 *     otherwise                                 silence (an empty ACK for a CON)
 *     nothing for NON_RECEIVE_TIMEOUT * 2^k     4.08 with what is missing up to the end of the
 * newest set, or of the next after a 2.31; k grows until a gain, the body is dropped after
 * NON_MAX_RETRANSMIT (qblock_missing.c)
 *
 * A body that is joined has each payload copied once, to where it belongs. A writer gets them in
 * order, those that waited for their turn in one piece; for it they are kept in a ring. A client's
 * new body for the same resource ends an older part of one. The final answer stays for who repeats
 * a payload.
 * SPDX-License-Identifier: MIT
 */
#include "server/qblock.h"

#include <string.h>

#include "base/mem.h"
#include "server/upload.h"

#define WORD_BITS ACOAP__QWORD_BITS
#define WINDOW_LEAST 64u
#define PER_WINDOW 4u /* sets */

static acoap_bytes_t payload_of(const acoap__serving_t *serving) {
  return acoap_message_payload(acoap_request_message(serving->request));
}

static size_t size_of(const acoap__qreceive_t *receive) {
  return acoap_block_size(receive->szx);
}

/* ---- what is here ---------------------------------------------------------------------------- */

/* One more is in its place. */
static void advance(acoap__qreceive_t *receive) {
  receive->first++;
  receive->asked = 0;
  receive->early_count -= (uint32_t)(receive->early[0] & 1);
  for (size_t i = 0; i < ACOAP__QWINDOW_MAX / WORD_BITS; i++) {
    uint64_t next = i + 1 < ACOAP__QWINDOW_MAX / WORD_BITS ? receive->early[i + 1] : 0;
    receive->early[i] = receive->early[i] >> 1 | next << (WORD_BITS - 1);
  }
}

/* Those that wait in the ring from `first` on, one behind the other, up to where it ends. */
static acoap_bytes_t run_in_ring(acoap__qreceive_t *receive) {
  size_t size = size_of(receive);
  uint32_t at = receive->first % receive->window;
  uint64_t left = receive->total - (uint64_t)receive->first * size;
  receive->handed = 1;
  while (acoap__qreceive_is_here(receive, receive->first + receive->handed) &&
         at + receive->handed < receive->window) {
    receive->handed++;
  }
  size_t len = receive->handed * size;
  return (acoap_bytes_t){receive->ring + at * size, left < len ? (size_t)left : len};
}

/* ---- life ------------------------------------------------------------------------------------ */

static void ring_free(acoap__qreceive_t *receive) {
  if (receive->ring != NULL) {
    acoap__transfers_give_back(receive->server->transfers, receive->window * size_of(receive));
    acoap__free(receive->ring);
    receive->ring = NULL;
  }
}

/* What is only for a body on its way. */
static void settle(acoap__qreceive_t *receive) {
  acoap_request_t *newest = receive->newest;
  receive->newest = NULL;
  ring_free(receive);
  acoap__local_endpoint_timer_clear(receive->server->endpoint, &receive->timer);
  acoap_request_unref(newest);
}

void acoap__qreceive_free(acoap__qreceive_t *receive) {
  if (receive == NULL) {
    return;
  }
  settle(receive);
  acoap__free(receive);
}

static acoap__qreceive_t *receive_new(acoap__serving_t *serving, acoap__transfer_t *transfer,
                                      uint64_t total) {
  const acoap_block_t *block = &serving->block1;
  acoap_server_t *server = serving->server;
  acoap__qreceive_t *receive = acoap__calloc(1, sizeof(*receive));
  if (receive == NULL) {
    return NULL;
  }
  uint32_t window = PER_WINDOW * server->qblock_params.max_payloads;
  receive->server = server;
  receive->transfer = transfer;
  receive->total = total;
  receive->szx = block->szx;
  receive->count = (uint32_t)((total + acoap_block_size(block->szx) - 1) >> (block->szx + 4));
  receive->window = window < WINDOW_LEAST ? WINDOW_LEAST : window;
  acoap__timer_init(&receive->timer, acoap__qreceive_timer);
  return receive;
}

/* Section 4.3: what is left of another body for the same resource goes. */
static void drop_older(acoap_server_t *server, const acoap__key_t *bare) {
  acoap__transfer_t *older = acoap__transfer_find_bare(server, bare);
  acoap__transfer_end(server, older, ACOAP_ECANCELED);
}

/* A new body. NULL: answered. */
static acoap__qreceive_t *begin(acoap__serving_t *serving, const acoap__key_t *key,
                                uint64_t total) {
  acoap_server_t *server = serving->server;
  acoap__key_t bare = acoap__key_make(server, serving->request, ACOAP__KEY_PEER);
  acoap_upload_t *upload;
  drop_older(server, &bare);
  if (serving->server == NULL) {
    return NULL;
  }
  int status = acoap__upload_new(serving, total, &upload);
  if (status != 0) {
    if (status != ACOAP__UPLOAD_GONE) {
      acoap__block1_fail(serving, status);
    }
    return NULL;
  }
  /* What a writer did in `begin` may have made room for another of the same. */
  acoap__transfer_end(server, acoap__transfer_find(server, ACOAP__TRANSFER_IN_SETS, key),
                      ACOAP_ECANCELED);
  acoap__transfer_t *transfer = acoap__transfer_new(serving, ACOAP__TRANSFER_IN_SETS, key, &bare);
  acoap__qreceive_t *receive = transfer != NULL ? receive_new(serving, transfer, total) : NULL;
  if (receive == NULL) {
    acoap__transfer_end(server, transfer, ACOAP_ENOMEM);
    acoap__upload_drop(upload, ACOAP_EEXHAUSTED);
    server->stats.transfers_refused++;
    acoap__block1_fail(serving, ACOAP_CODE_SERVICE_UNAVAILABLE);
    return NULL;
  }
  transfer->upload = upload;
  transfer->qreceive = receive;
  upload->transfer = transfer;
  return receive;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void answer_begun(acoap__serving_t *serving, acoap_builder_t *builder) {
  serving->settled = true;
  serving->answered = true;
  (void)acoap__protect_transmit(serving, builder, ACOAP_UNRELIABLE);
}

/* All up to this number are here (section 4.3). */
static void answer_continue(acoap__serving_t *serving, const acoap__qreceive_t *receive,
                            uint32_t num) {
  acoap_block_t block = {.num = num, .more = true, .szx = receive->szx};
  acoap_builder_t *builder = acoap_request_begin(serving->request, ACOAP_CODE_CONTINUE);
  if (builder != NULL) {
    acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK1, &block);
    answer_begun(serving, builder);
  }
}

static void answer_missing(acoap__serving_t *serving, acoap__qreceive_t *receive, uint32_t end) {
  acoap_builder_t *builder =
      acoap_request_begin(serving->request, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE);
  if (builder != NULL && acoap__qreceive_write_missing(receive, end, builder)) {
    serving->server->stats.qblock_asked++;
    answer_begun(serving, builder);
    return;
  }
  acoap_request_ignore(serving->request);
}

/* The payload is in, the body is not: what section 7.2 has to say. */
static void answer_payload(acoap__serving_t *serving, acoap__qreceive_t *receive) {
  uint32_t num = serving->block1.num;
  uint32_t whole = receive->first - receive->first % receive->server->qblock_params.max_payloads;
  bool con = acoap__request_inbound(serving->request)->type == ACOAP_CON;
  uint32_t begins = num - num % receive->server->qblock_params.max_payloads;
  if (whole > receive->continued || (whole > 0 && num == whole - 1)) {
    receive->continued = whole;
    if (!con) {
      answer_continue(serving, receive, whole - 1);
      return;
    }
  } else if (!con && begins > receive->first && begins > receive->complained) {
    receive->complained = begins;
    answer_missing(serving, receive, begins);
    return;
  }
  acoap_request_ignore(serving->request);
}

/* ---- the final answer ------------------------------------------------------------------------ */

static acoap__key_t key_of(const acoap__serving_t *serving) {
  return acoap__key_make(serving->server, serving->request,
                         ACOAP__KEY_PEER | ACOAP__KEY_REQUEST_TAG);
}

void acoap__qblock1_keep_answer(acoap__serving_t *serving, const acoap_builder_t *builder) {
  acoap__key_t key = key_of(serving);
  acoap__transfer_t *transfer =
      acoap__transfer_find(serving->server, ACOAP__TRANSFER_IN_SETS, &key);
  serving->qblock &= (uint8_t)~ACOAP__QBLOCK1_DONE;
  if (transfer == NULL || !transfer->qreceive->done) {
    return; /* forgotten, or begun anew */
  }
  uint8_t *bytes = acoap__malloc(builder->len);
  if (bytes != NULL) {
    memcpy(bytes, builder->bytes, builder->len);
    acoap__free(transfer->options);
    transfer->options = bytes;
    transfer->options_len = builder->len;
  }
}

/* As if the payload had come for the first time (section 4.3). */
static void repeat_answer(acoap__serving_t *serving, const acoap__transfer_t *transfer) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_view_t kept;
  acoap_builder_t *builder = NULL;
  if (transfer->options != NULL && acoap_decode(&kept, transfer->options, transfer->options_len,
                                                ACOAP_TOKEN_EXTENDED_MAX, NULL) == 0) {
    builder = acoap_request_begin(serving->request, kept.code);
  }
  if (builder == NULL) {
    acoap_request_ignore(serving->request); /* there is none yet */
    return;
  }
  acoap_option_iter_init(&iter, &kept);
  while (acoap_option_next(&iter, &option)) {
    acoap_builder_option(builder, option.number, option.value.data, option.value.len);
  }
  acoap_builder_payload(builder, kept.payload.data, kept.payload.len);
  answer_begun(serving, builder);
}

/* ---- payloads -------------------------------------------------------------------------------- */

/* The last one is in its place: the body is the request's. */
static void complete(acoap__qreceive_t *receive, acoap__serving_t *serving) {
  acoap__transfer_t *transfer = receive->transfer;
  acoap_upload_t *upload = transfer->upload;
  acoap_server_t *server = serving->server;
  transfer->upload = NULL;
  upload->transfer = NULL;
  serving->upload = upload;
  serving->qblock |= ACOAP__QBLOCK1_DONE;
  receive->done = true;
  acoap__transfer_unbare(server, transfer);
  acoap__transfer_charge(server->transfers, transfer, 0);
  acoap__transfer_finish(server, transfer);
  settle(receive);
}

/* What was handed over is in its place, and then those that came early and follow it. 0, or as
 * acoap__upload_write. */
static int take_over_early(acoap__qreceive_t *receive, acoap__serving_t *serving) {
  acoap_upload_t *upload = receive->transfer->upload;
  for (;;) {
    while (receive->handed > 0) {
      receive->handed--;
      advance(receive);
    }
    if (receive->first == receive->count || (receive->early[0] & 1) == 0) {
      return 0;
    }
    uint64_t offset = (uint64_t)receive->first * size_of(receive);
    if (upload->ops == NULL) {
      uint64_t end = offset + size_of(receive);
      upload->len = end < receive->total ? end : receive->total;
      receive->handed = 1;
    } else {
      acoap_bytes_t run = run_in_ring(receive);
      int status = acoap__upload_write(upload, serving, offset, run);
      if (status != 0) {
        return status;
      }
    }
  }
}

/* A writer's, before its turn. */
static int keep_in_ring(acoap__qreceive_t *receive, uint32_t num, acoap_bytes_t bytes) {
  acoap__transfers_t *transfers = receive->server->transfers;
  size_t size = receive->window * size_of(receive);
  if (receive->ring == NULL) {
    if (!acoap__transfers_reserve(transfers, size, receive->transfer)) {
      return ACOAP_EINCOMPLETE;
    }
    receive->ring = acoap__malloc(size);
    if (receive->ring == NULL) {
      acoap__transfers_give_back(transfers, size);
      return ACOAP_EINCOMPLETE;
    }
    acoap__transfer_charge(transfers, receive->transfer, size);
  }
  memcpy(receive->ring + (size_t)(num % receive->window) * size_of(receive), bytes.data, bytes.len);
  return 0;
}

/*
 * Put the request's payload in its place. 0: it is there, or there was no room for it yet and it is
 * asked for later; ACOAP_EAGAIN, ACOAP__UPLOAD_GONE as acoap__upload_write; or why the body ends.
 */
static int take(acoap__qreceive_t *receive, acoap__serving_t *serving) {
  acoap_upload_t *upload = receive->transfer->upload;
  uint32_t num = serving->block1.num;
  uint64_t offset = (uint64_t)num * size_of(receive);
  acoap_bytes_t bytes = payload_of(serving);
  int status;
  if (num == receive->first) {
    receive->handed = 1;
    status = acoap__upload_write(upload, serving, offset, bytes);
    return status == 0 ? take_over_early(receive, serving) : status;
  }
  uint32_t ahead = num - receive->first;
  if (ahead >= receive->window) {
    return 0;
  }
  status = upload->ops == NULL ? acoap__upload_place(upload, serving, offset, bytes)
                               : keep_in_ring(receive, num, bytes);
  if (status == 0) {
    receive->early[ahead / WORD_BITS] |= UINT64_C(1) << (ahead % WORD_BITS);
    receive->early_count++;
  }
  return status == ACOAP_EINCOMPLETE ? 0 : status;
}

/* Would this payload complete the body? */
static bool completes(const acoap__qreceive_t *receive, uint32_t num) {
  return receive->first + receive->early_count + 1 == receive->count &&
         !acoap__qreceive_is_here(receive, num);
}

/* Number, length and what it says of more to come are those of a body this long (section 4.6). */
static bool is_sound(const acoap__serving_t *serving, uint64_t total) {
  const acoap_block_t *block = &serving->block1;
  size_t size = acoap_block_size(block->szx);
  uint64_t offset = (uint64_t)block->num * size;
  uint64_t left = total > offset ? total - offset : 0;
  uint64_t len = payload_of(serving).len;
  return left > 0 && (total - 1) >> (block->szx + 4) <= ACOAP_BLOCK_NUM_MAX &&
         (block->more ? left > size && len == size : len == left && len <= size);
}

/* One more request of the body: the newest to answer to. */
static void note_request(acoap__qreceive_t *receive, acoap__serving_t *serving) {
  acoap_request_t *before = receive->newest;
  uint32_t num = serving->block1.num;
  uint64_t most = (uint64_t)receive->first + receive->window;
  uint32_t beyond = num < most ? num + 1 : (uint32_t)most;
  receive->beyond = beyond > receive->beyond ? beyond : receive->beyond;
  receive->newest = acoap_request_ref(serving->request);
  receive->came = acoap__local_endpoint_recent(receive->server->endpoint);
  acoap_request_unref(before);
}

/* What became of a payload. True: answered or kept; false: the handler. */
static bool taken(acoap__qreceive_t *receive, acoap__serving_t *serving, int status) {
  if (status == ACOAP_EAGAIN || status == ACOAP__UPLOAD_GONE) {
    return true;
  }
  if (status != 0) {
    acoap__upload_drop(receive->transfer->upload, status);
    if (serving->server != NULL) {
      acoap__block1_fail(serving, status);
    }
    return true;
  }
  if (receive->first == receive->count) {
    complete(receive, serving);
    return false;
  }
  acoap__qreceive_wait(receive, receive->came);
  answer_payload(serving, receive);
  return true;
}

/* A payload of a body of several that is under way. */
static bool receive_payload(acoap__qreceive_t *receive, acoap__serving_t *serving) {
  uint32_t num = serving->block1.num;
  if (completes(receive, num) && acoap__dispatch_is_stale(serving)) {
    return true; /* it is kept out until it comes with a fresh Echo */
  }
  acoap__transfer_follow(receive->transfer, serving);
  note_request(receive, serving);
  bool here = acoap__qreceive_is_here(receive, num);
  return taken(receive, serving, here ? 0 : take(receive, serving));
}

void acoap__qblock1_written(acoap_upload_t *upload, acoap__serving_t *serving) {
  acoap__qreceive_t *receive = upload->transfer->qreceive;
  if (!taken(receive, serving, take_over_early(receive, serving))) {
    acoap__serving_run(serving);
  }
}

/* All of it in one payload: as if without the option. */
static bool receive_whole(acoap__serving_t *serving) {
  return acoap__dispatch_begins(serving) || acoap__block1_receive(serving);
}

bool acoap__qblock1_receive(acoap__serving_t *serving) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(serving->request));
  acoap_server_t *server = serving->server;
  const acoap_block_t *block = &serving->block1;
  uint32_t total = 0;
  (void)acoap_view_uint(view, ACOAP_OPTION_SIZE1, &total);
  if (!is_sound(serving, total)) {
    acoap__answer_code(serving, ACOAP_CODE_BAD_REQUEST, "payload, number and Size1 disagree");
    return true;
  }
  if (block->num == 0 && !block->more) {
    return receive_whole(serving);
  }
  acoap__key_t key = key_of(serving);
  acoap__transfer_t *transfer = acoap__transfer_find(server, ACOAP__TRANSFER_IN_SETS, &key);
  acoap__qreceive_t *receive = transfer != NULL ? transfer->qreceive : NULL;
  if (receive == NULL) {
    receive = acoap__dispatch_begins(serving) ? NULL : begin(serving, &key, total);
    if (receive == NULL) {
      return true;
    }
  }
  if (total != receive->total || block->szx != receive->szx) {
    acoap__answer_code(serving, ACOAP_CODE_BAD_REQUEST, "payloads of one body are of one size");
    return true;
  }
  if (receive->done) {
    repeat_answer(serving, transfer);
    return true;
  }
  return receive_payload(receive, serving);
}
