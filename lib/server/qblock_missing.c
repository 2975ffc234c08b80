/*
 * What is missing of a request's body in Q-Block1, and when it is asked for (RFC 9177 sections 5
 * and 7.2):
 *
 *     after NON_RECEIVE_TIMEOUT * 2^k without a payload    4.08 with what is missing up to the end
 *     of the newest set, with the token of the newest request; k grows until there is a gain
 *     after NON_MAX_RETRANSMIT of these, or NON_PARTIAL_TIMEOUT    the body is dropped
 *
 * While a writer is waited for nothing is asked. Takes no payloads (qblock1.c).
 * SPDX-License-Identifier: MIT
 */
#include "message/missing_blocks.h"
#include "server/qblock.h"
#include "server/upload.h"

/* Room for a 4.08: header, token, Content-Format, marker and list. A longer token shortens the
 * list. */
#define LIST_MAX 1024u

/* ---- what is here ---------------------------------------------------------------------------- */

static bool is_early(const acoap__qreceive_t *receive, uint32_t ahead) {
  return ahead < receive->window &&
         (receive->early[ahead / ACOAP__QWORD_BITS] >> (ahead % ACOAP__QWORD_BITS) & 1) != 0;
}

bool acoap__qreceive_is_here(const acoap__qreceive_t *receive, uint32_t num) {
  if (num <= receive->first) {
    return num < receive->first || receive->transfer->upload->asked_later;
  }
  return is_early(receive, num - receive->first);
}

/* ---- the list -------------------------------------------------------------------------------- */

/* Numbers from `first` on, before `end`, that are not here; as many as there is room for. */
static void list_missing(const acoap__qreceive_t *receive, uint32_t end,
                         acoap__missing_blocks_t *list) {
  for (uint32_t num = receive->first; num < end; num++) {
    if (!acoap__qreceive_is_here(receive, num) && acoap__missing_blocks_add(list, num) != 0) {
      return;
    }
  }
}

bool acoap__qreceive_write_missing(const acoap__qreceive_t *receive, uint32_t end,
                                   acoap_builder_t *builder) {
  acoap__missing_blocks_t list;
  size_t room = 0;
  acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, ACOAP_FORMAT_MISSING_BLOCKS_CBOR_SEQ);
  uint8_t *bytes = acoap_builder_payload_room(builder, &room);
  if (bytes == NULL) {
    return false;
  }
  acoap__missing_blocks_init(&list, bytes, room < LIST_MAX ? room : LIST_MAX);
  list_missing(receive, end, &list);
  acoap_builder_payload_commit(builder, list.len);
  return list.count > 0;
}

static uint32_t set_of(const acoap__qreceive_t *receive, uint32_t num) {
  return num / receive->server->qblock_params.max_payloads;
}

/* The first number behind the set that is under way. */
static uint32_t end_of_set(const acoap__qreceive_t *receive) {
  uint32_t newest = receive->beyond > receive->first ? receive->beyond - 1 : receive->first;
  uint64_t end =
      ((uint64_t)set_of(receive, newest) + 1) * receive->server->qblock_params.max_payloads;
  return end < receive->count ? (uint32_t)end : receive->count;
}

static acoap_time_t wait_ms(const acoap__qreceive_t *receive) {
  return acoap_qblock_params_time_to_wait_ms(&receive->server->qblock_params, receive->asked + 1);
}

static acoap_time_t partial_end(const acoap__qreceive_t *receive) {
  return receive->came + receive->server->qblock_params.non_partial_timeout_ms;
}

/* A timer that is early sets itself anew: it need not be moved for each payload. */
void acoap__qreceive_wait(acoap__qreceive_t *receive, acoap_time_t now) {
  acoap_time_t end = partial_end(receive);
  receive->due = now + wait_ms(receive);
  receive->due = receive->due < end ? receive->due : end;
  if (!receive->timer.queued || receive->timer.at > receive->due) {
    acoap__local_endpoint_timer_set(receive->server->endpoint, &receive->timer, receive->due);
  }
}

/* With the token of the newest request, which has had its answer, or needed none. */
static void ask_again(const acoap__qreceive_t *receive) {
  acoap_request_t *request = receive->newest;
  acoap__serving_t *serving = acoap__serving_of(request);
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  uint8_t bytes[LIST_MAX + ACOAP_TOKEN_MAX + 16];
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_NON,
                     ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE, 0, view->token.data, view->token.len);
  if (!acoap__qreceive_write_missing(receive, end_of_set(receive), &builder)) {
    return;
  }
  int len = acoap_builder_finish(&builder);
  size_t left = acoap__protect_left(serving);
  if (len < 0 || (size_t)len > left) {
    return;
  }
  serving->allowance = left == SIZE_MAX ? left : left - (size_t)len;
  (void)acoap__request_send_further(request, bytes, (size_t)len, ACOAP_NON);
}

void acoap__qreceive_timer(acoap__timer_t *timer, acoap_time_t now) {
  acoap__qreceive_t *receive = ACOAP__CONTAINER(timer, acoap__qreceive_t, timer);
  acoap_server_t *server = receive->server;
  if (now < receive->due) {
    acoap__local_endpoint_timer_set(server->endpoint, timer, receive->due);
    return;
  }
  if (receive->transfer->upload->asked_later) {
    acoap__qreceive_wait(receive, now); /* it is the writer that is waited for */
    return;
  }
  receive->asked++;
  if (receive->asked > server->qblock_params.non_max_retransmit || now >= partial_end(receive)) {
    acoap__server_hold(server);
    server->stats.transfers_expired++;
    acoap__transfer_end(server, receive->transfer, ACOAP_ETIMEDOUT);
    acoap__server_release(server);
    return;
  }
  server->stats.qblock_asked++;
  ask_again(receive);
  acoap__qreceive_wait(receive, now);
}
